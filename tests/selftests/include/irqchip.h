/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_IRQCHIP_H
#define SELFTESTS_IRQCHIP_H
/* Machines with interrupt controllers in the kernel: the host's calls, and a guest's view of them. */
#include <sys/eventfd.h>
#include "guest.h"
#include "vm.h"

/* The host's side */

static inline struct vm *irqchip_vm(void)
{
	struct vm *vm = vm_new(GUEST_LONG);

	vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0);
	return vm;
}

/* A machine with controllers, and one vCPU at fn. */
static inline struct vcpu *irqchip_guest(void (*fn)(u64 arg), u64 arg)
{
	return vcpu_new(irqchip_vm(), fn, arg);
}

static inline int __set_line(struct vm *vm, u32 gsi, u32 level)
{
	struct kvm_irq_level args = { .irq = gsi, .level = level };

	return __vm_ioctl(vm, KVM_IRQ_LINE, &args);
}

static inline void set_line(struct vm *vm, u32 gsi, u32 level)
{
	ASSERT_EQ(__set_line(vm, gsi, level), 0);
}

/* How many took it; 0: coalesced; -1: ignored. */
static inline int line_status(struct vm *vm, u32 gsi, u32 level)
{
	struct kvm_irq_level args = { .irq = gsi, .level = level };

	ASSERT_EQ(__vm_ioctl(vm, KVM_IRQ_LINE_STATUS, &args), 0);
	return args.status;
}

static inline struct kvm_irqchip chip_state(struct vm *vm, u32 id)
{
	struct kvm_irqchip chip = { .chip_id = id };

	vm_ioctl(vm, KVM_GET_IRQCHIP, &chip);
	return chip;
}

static inline void set_chip_state(struct vm *vm, const struct kvm_irqchip *chip)
{
	vm_ioctl(vm, KVM_SET_IRQCHIP, chip);
}

static inline int new_eventfd(void)
{
	return x(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

static inline void signal_eventfd(int fd)
{
	u64 one = 1;

	ASSERT_EQ(write(fd, &one, 8), 8);
}

/* How often it was signalled since the last time. */
static inline u64 signalled(int fd)
{
	u64 n = 0;

	return read(fd, &n, 8) == 8 ? n : 0;
}

static inline int __irqfd(struct vm *vm, int fd, u32 gsi, u32 flags, int resample)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return __vm_ioctl(vm, KVM_IRQFD, &args);
}

static inline int __set_routes(struct vm *vm, const struct kvm_irq_routing_entry *entries, u32 n)
{
	struct kvm_irq_routing *table = calloc(1, sizeof(*table) + n * sizeof(*entries));
	int ret;

	table->nr = n;
	if (n)
		memcpy(table->entries, entries, n * sizeof(*entries));
	ret = __vm_ioctl(vm, KVM_SET_GSI_ROUTING, table);
	free(table);
	return ret;
}

#define MSI_ROUTE(line, vector)						\
	{ .gsi = (line), .type = KVM_IRQ_ROUTING_MSI,			\
	  .u.msi = { .address_lo = 0xfee00000, .data = (vector) } }
#define CHIP_ROUTE(line, which, nr)					\
	{ .gsi = (line), .type = KVM_IRQ_ROUTING_IRQCHIP,		\
	  .u.irqchip = { .irqchip = (which), .pin = (nr) } }

/* The guest's side */

#define APIC_BASE	0xfee00000UL
#define APIC_EOI	0xb0
#define APIC_SPIV	0xf0
#define APIC_LVT0	0x350
#define IOAPIC_BASE	0xfec00000UL

#define ENTRY_LEVEL	0x8000
#define ENTRY_MASKED	0x10000
#define ENTRY_REMOTE	0x4000

static inline void apic_write(u32 offset, u32 value)
{
	*(volatile u32 *)(APIC_BASE + offset) = value;
}

static inline u32 apic_read(u32 offset)
{
	return *(volatile u32 *)(APIC_BASE + offset);
}

static inline void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

/* On, and deaf to the 8259s. */
static inline void apic_on(void)
{
	apic_write(APIC_SPIV, 0x1ff);
	apic_write(APIC_LVT0, 0x10000);
}

static inline void ioapic_write(u32 nr, u32 value)
{
	*(volatile u32 *)IOAPIC_BASE = nr;
	*(volatile u32 *)(IOAPIC_BASE + 0x10) = value;
}

static inline u32 ioapic_read(u32 nr)
{
	*(volatile u32 *)IOAPIC_BASE = nr;
	return *(volatile u32 *)(IOAPIC_BASE + 0x10);
}

/* To APIC 0. */
static inline void ioapic_entry(u32 pin, u32 low)
{
	ioapic_write(0x11 + 2 * pin, 0);
	ioapic_write(0x10 + 2 * pin, low);
}

#define PIC_BASE	0x20	/* vector of line 0 */

/* Both 8259s as PCs start them; nothing masked. */
static inline void pic_start(u8 icw4)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, PIC_BASE);
	outb(0xa1, PIC_BASE + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, icw4);
	outb(0xa1, icw4);
	outb(0x21, 0);
	outb(0xa1, 0);
}

static inline void pic_eoi(unsigned int pin)
{
	if (pin >= 8)
		outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

/* Takes what is pending, one after the other. */
static inline void take_interrupts(void)
{
	for (unsigned int i = 0; i < 8; i++)
		sti_nop_cli();
}

#endif
