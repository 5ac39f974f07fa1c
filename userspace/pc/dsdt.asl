// SPDX-License-Identifier: GPL-2.0
//
// What the guest's operating system cannot find by itself: the serial port, the
// clock, the virtio devices, and the value that turns the machine off. This goes
// through the C preprocessor before it is compiled.
//
// How many virtio devices there are is known only when a VM starts. The number
// is patched into VNUM, whose initial value is unlikely enough to be found by.

#define VIRTIO(NAME, NUMBER, ADDRESS, GSI)					\
	Device (NAME) {								\
		Name (_HID, "LNRO0005")						\
		Name (_UID, NUMBER)						\
		Name (_CCA, One)						\
		Name (_CRS, ResourceTemplate () {				\
			Memory32Fixed (ReadWrite, ADDRESS, 0x1000)		\
			Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { GSI } \
		})								\
		Method (_STA) {							\
			If (NUMBER < VNUM) { Return (0xf) }			\
			Return (Zero)						\
		}								\
	}

DefinitionBlock ("", "DSDT", 2, "BELLOW", "MACHINE", 1)
{
	Name (VNUM, 0x42564d4e)

	// Types of sleep for PM1_CNT: what the power management device expects
	Name (\_S1, Package () { 1, 1, Zero, Zero })
	Name (\_S5, Package () { 5, 5, Zero, Zero })

	Scope (\_SB)
	{
		Device (COM1) {
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, One)
			Name (_CRS, ResourceTemplate () {
				IO (Decode16, 0x3f8, 0x3f8, 0, 8)
				IRQNoFlags () { 4 }
			})
		}
		Device (RTC) {
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate () {
				IO (Decode16, 0x70, 0x70, 0, 2)
				IRQNoFlags () { 8 }
			})
		}
		VIRTIO (VIO0, 0, 0xd0000000, 16)
		VIRTIO (VIO1, 1, 0xd0001000, 17)
		VIRTIO (VIO2, 2, 0xd0002000, 18)
		VIRTIO (VIO3, 3, 0xd0003000, 19)
		VIRTIO (VIO4, 4, 0xd0004000, 20)
		VIRTIO (VIO5, 5, 0xd0005000, 21)
		VIRTIO (VIO6, 6, 0xd0006000, 22)
		VIRTIO (VIO7, 7, 0xd0007000, 23)
	}
}
