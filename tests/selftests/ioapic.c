// SPDX-License-Identifier: GPL-2.0
/* The IOAPIC in the kernel: registers, edges and levels, EOI, state. */
#include "irqchip.h"

#define VECTOR	0x41
#define PIN	20

static u64 n_taken;

static void count(struct guest_frame *f)
{
	n_taken++;
	apic_eoi();
}

static void registers_guest(u64 arg)
{
	GUEST_ASSERT_EQ(ioapic_read(1), 0x170011);
	ioapic_write(1, 0);
	GUEST_ASSERT_EQ(ioapic_read(1), 0x170011);
	ioapic_write(0, 0x05000000);
	GUEST_ASSERT_EQ(ioapic_read(0), 0x05000000);
	GUEST_ASSERT_EQ(ioapic_read(2), 0x05000000);
	for (u32 pin = 0; pin < 24; pin++)
		GUEST_ASSERT_EQ(ioapic_read(0x10 + 2 * pin), ENTRY_MASKED);
	ioapic_write(0x3e, 0x1ff41);
	ioapic_write(0x3f, 0xab000000);
	GUEST_ASSERT_EQ(ioapic_read(0x3e), 0x1af41);	/* status and Remote IRR are read-only */
	GUEST_ASSERT_EQ(ioapic_read(0x3f), 0xab000000);
	GUEST_ASSERT_EQ(ioapic_read(0x40), 0xffffffff);
	ioapic_write(0x40, 1);
	/* Other widths and places. */
	*(volatile u32 *)IOAPIC_BASE = 1;
	GUEST_ASSERT_EQ(*(volatile u8 *)(IOAPIC_BASE + 0x10), 0x11);
	GUEST_ASSERT_EQ(*(volatile u64 *)(IOAPIC_BASE + 0x10), 0x170011);
	GUEST_ASSERT_EQ(*(volatile u32 *)(IOAPIC_BASE + 0x20), 0);
	*(volatile u8 *)IOAPIC_BASE = 0;
	GUEST_ASSERT_EQ(*(volatile u32 *)IOAPIC_BASE, 0);
}

CASE(registers, "registers, through their window, in several widths")
{
	struct vcpu *vcpu = irqchip_guest(registers_guest, 0);

	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void edge_guest(u64 arg)
{
	guest_handlers[VECTOR] = count;
	apic_on();
	ioapic_entry(PIN, VECTOR);
	GUEST_SYNC(1);			/* up */
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 1);
	GUEST_SYNC(2);			/* down, up, down, up */
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 2);	/* the second found the first pending */
	ioapic_entry(PIN, VECTOR | ENTRY_MASKED);
	GUEST_SYNC(3);			/* down, up */
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 2);
	ioapic_entry(PIN, VECTOR);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 2);	/* a masked edge is lost */
	GUEST_SYNC(4);			/* down, up */
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 3);
}

CASE(edge, "an edge is one message, coalesces while it is pending, and is lost while masked")
{
	struct vcpu *vcpu = irqchip_guest(edge_guest, 0);
	struct vm *vm = vcpu->vm;

	vcpu_run_to_sync(vcpu, 1);
	EXPECT_EQ(line_status(vm, PIN, 1), 1);
	EXPECT_EQ(line_status(vm, PIN, 1), 0);
	vcpu_run_to_sync(vcpu, 2);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(line_status(vm, PIN, 0), 1);
		/* KVM counts what coalesces in the local APIC. */
		EXPECT_EQ(line_status(vm, PIN, 1), !i || test_is_kvm);
	}
	vcpu_run_to_sync(vcpu, 3);
	set_line(vm, PIN, 0);
	EXPECT_EQ(line_status(vm, PIN, 1), -1);
	vcpu_run_to_sync(vcpu, 4);
	set_line(vm, PIN, 0);
	EXPECT_EQ(line_status(vm, PIN, 1), 1);
	vcpu_run_to_done(vcpu);
	vm_free(vm);
}

/* Ends the interrupt only after userspace has been asked. */
static void ask(struct guest_frame *f)
{
	n_taken++;
	GUEST_ASSERT(ioapic_read(0x10 + 2 * PIN) & ENTRY_REMOTE);
	GUEST_SYNC(100 + n_taken);
	apic_eoi();
}

static void level_guest(u64 arg)
{
	guest_handlers[VECTOR] = ask;
	apic_on();
	ioapic_entry(PIN, VECTOR | ENTRY_LEVEL);
	GUEST_SYNC(1);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 2);
	GUEST_ASSERT_EQ(ioapic_read(0x10 + 2 * PIN), VECTOR | ENTRY_LEVEL);
	ioapic_entry(PIN, VECTOR | ENTRY_LEVEL | ENTRY_MASKED);
	GUEST_SYNC(2);			/* up */
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 2);
	ioapic_entry(PIN, VECTOR | ENTRY_LEVEL);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 3);
}

CASE(level, "a level is sent again after the EOI while it is up, and waits while masked")
{
	struct vcpu *vcpu = irqchip_guest(level_guest, 0);
	struct vm *vm = vcpu->vm;

	vcpu_run_to_sync(vcpu, 1);
	EXPECT_EQ(line_status(vm, PIN, 1), 1);
	vcpu_run_to_sync(vcpu, 101);
	EXPECT_EQ(line_status(vm, PIN, 1), -1);		/* waits for the EOI */
	EXPECT(chip_state(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.redirtbl[PIN].fields.remote_irr,
	       "no Remote IRR");
	vcpu_run_to_sync(vcpu, 102);
	set_line(vm, PIN, 0);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(line_status(vm, PIN, 1), -1);
	vcpu_run_to_sync(vcpu, 103);
	set_line(vm, PIN, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vm);
}

static u64 progress;

/* The handler does nothing for the device. */
static void storm_guest(u64 arg)
{
	guest_handlers[VECTOR] = count;
	apic_on();
	ioapic_entry(PIN, VECTOR | ENTRY_LEVEL);
	GUEST_SYNC(1);
	sti();
	while (READ_ONCE(progress) < 1000)
		WRITE_ONCE(progress, progress + 1);
	cli();
}

CASE_TIMEOUT(storm, "a level that nobody lowers does not keep the guest from going on", 60)
{
	struct vcpu *vcpu = irqchip_guest(storm_guest, 0);

	vcpu_run_to_sync(vcpu, 1);
	set_line(vcpu->vm, PIN, 1);
	vcpu_run_to_done(vcpu);
	EXPECT(GUEST_VAR(vcpu->vm, n_taken) >= 100, "%llu", GUEST_VAR(vcpu->vm, n_taken));
	vm_free(vcpu->vm);
}

static void trigger_guest(u64 arg)
{
	guest_handlers[VECTOR] = count;
	apic_on();
	ioapic_entry(PIN, VECTOR | ENTRY_LEVEL);
	GUEST_SYNC(1);			/* up: pending in the local APIC, Remote IRR set */
	GUEST_ASSERT_EQ(ioapic_read(0x10 + 2 * PIN), VECTOR | ENTRY_LEVEL | ENTRY_REMOTE);
	ioapic_write(0x10 + 2 * PIN, VECTOR | ENTRY_MASKED);
	GUEST_ASSERT_EQ(ioapic_read(0x10 + 2 * PIN), VECTOR | ENTRY_MASKED);
	ioapic_write(0x10 + 2 * PIN, VECTOR | ENTRY_LEVEL | ENTRY_MASKED);
	GUEST_ASSERT_EQ(ioapic_read(0x10 + 2 * PIN), VECTOR | ENTRY_LEVEL | ENTRY_MASKED);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 1);
}

CASE(trigger, "an entry that becomes an edge loses its Remote IRR")
{
	struct vcpu *vcpu = irqchip_guest(trigger_guest, 0);

	vcpu_run_to_sync(vcpu, 1);
	set_line(vcpu->vm, PIN, 1);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void restored_guest(u64 arg)
{
	guest_handlers[VECTOR] = count;
	guest_handlers[VECTOR + 1] = count;
	apic_on();
	GUEST_SYNC(1);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 2);
	GUEST_ASSERT_EQ(ioapic_read(0), 0x03000000);
}

CASE(restore, "pins that are up in a state that is set interrupt")
{
	struct vcpu *vcpu = irqchip_guest(restored_guest, 0);
	struct kvm_irqchip chip = chip_state(vcpu->vm, KVM_IRQCHIP_IOAPIC), back;

	EXPECT_EQ(chip.chip.ioapic.base_address, IOAPIC_BASE);
	EXPECT_EQ(chip.chip.ioapic.irr, 0);
	for (u32 pin = 0; pin < 24; pin++)
		EXPECT_EQ(chip.chip.ioapic.redirtbl[pin].bits, ENTRY_MASKED);
	vcpu_run_to_sync(vcpu, 1);
	chip.chip.ioapic.id = 3;
	chip.chip.ioapic.irr = BIT(4) | BIT(5) | BIT(6);
	chip.chip.ioapic.redirtbl[4].bits = VECTOR;
	chip.chip.ioapic.redirtbl[5].bits = VECTOR + 1;
	set_chip_state(vcpu->vm, &chip);
	back = chip_state(vcpu->vm, KVM_IRQCHIP_IOAPIC);
	EXPECT_EQ(back.chip.ioapic.id, 3);
	EXPECT_EQ(back.chip.ioapic.irr, BIT(6));	/* masked; the others are on their way */
	EXPECT_EQ(back.chip.ioapic.redirtbl[5].bits, VECTOR + 1);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(wild_state, "any state can be set, and the chip lives with it")
{
	struct vcpu *vcpu = irqchip_guest(registers_guest, 0);
	u64 random = 1;

	for (unsigned long n = test_scale(200); n; n--) {
		struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

		for (unsigned int i = 0; i < sizeof(chip.chip.ioapic); i++)
			((u8 *)&chip.chip.ioapic)[i] = test_random(&random);
		/* No messages that reset or start a vCPU. */
		for (unsigned int i = 0; i < 24; i++)
			chip.chip.ioapic.redirtbl[i].fields.delivery_mode &= 1;
		set_chip_state(vcpu->vm, &chip);
		set_line(vcpu->vm, n % 24, n >> 1 & 1);
	}
	vm_free(vcpu->vm);
}

static void elsewhere_guest(u64 arg)
{
	GUEST_ASSERT_EQ(*(volatile u32 *)(IOAPIC_BASE + 0x100), 0x1234);
}

CASE(beyond, "behind its 256 bytes is userspace's")
{
	struct vcpu *vcpu = irqchip_guest(elsewhere_guest, 0);

	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, IOAPIC_BASE + 0x100);
	*(u32 *)vcpu->run->mmio.data = 0x1234;
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}
