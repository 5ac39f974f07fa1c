// SPDX-License-Identifier: GPL-2.0
/* KVM_SET_GSI_ROUTING and KVM_SIGNAL_MSI: where lines lead. */
#include "irqchip.h"

#define VECTOR	0x61

static u64 n_taken[256];

static void count(struct guest_frame *f)
{
	n_taken[f->vector & 255]++;
	if (f->vector >= VECTOR)
		apic_eoi();
	else
		pic_eoi(f->vector - PIC_BASE);
}

/* Tells at each stage how often the four vectors came, and what the 8259s gave. */
static void counting_guest(u64 use_pic)
{
	for (u32 v = VECTOR; v < VECTOR + 4; v++)
		guest_handlers[v] = count;
	for (u32 v = PIC_BASE; v < PIC_BASE + 16; v++)
		guest_handlers[v] = count;
	pic_start(1);
	apic_write(APIC_SPIV, 0x1ff);
	if (!use_pic)
		apic_write(APIC_LVT0, 0x10000);
	ioapic_entry(10, VECTOR);
	for (u64 stage = 1; ; stage++) {
		take_interrupts();
		GUEST_SYNC(stage, n_taken[VECTOR], n_taken[VECTOR + 1], n_taken[VECTOR + 2],
			   n_taken[PIC_BASE + 10]);
	}
}

static void expect(struct vcpu *vcpu, u64 a, u64 b, u64 c, u64 pic)
{
	struct ucall uc;

	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], a);
	EXPECT_EQ(uc.args[2], b);
	EXPECT_EQ(uc.args[3], c);
	EXPECT_EQ(uc.args[4], pic);
}

static void pulse(struct vm *vm, u32 gsi)
{
	set_line(vm, gsi, 1);
	set_line(vm, gsi, 0);
}

CASE(defaults, "at first a line below 16 leads to both kinds of chip, those above to the IOAPIC")
{
	struct vcpu *vcpu = irqchip_guest(counting_guest, 1);

	expect(vcpu, 0, 0, 0, 0);
	pulse(vcpu->vm, 10);
	expect(vcpu, 1, 0, 0, 1);
	EXPECT_EQ(line_status(vcpu->vm, 23, 1), -1);
	vm_free(vcpu->vm);
}

CASE(replace, "a new table replaces the old one as a whole")
{
	static const struct kvm_irq_routing_entry first[] = {
		MSI_ROUTE(10, VECTOR + 1), MSI_ROUTE(4095, VECTOR + 2),
	}, second[] = {
		CHIP_ROUTE(5, KVM_IRQCHIP_IOAPIC, 10), CHIP_ROUTE(5, KVM_IRQCHIP_PIC_SLAVE, 2),
	};
	struct vcpu *vcpu = irqchip_guest(counting_guest, 1);
	struct vm *vm = vcpu->vm;

	expect(vcpu, 0, 0, 0, 0);
	ASSERT_EQ(__set_routes(vm, first, 2), 0);
	pulse(vm, 10);
	expect(vcpu, 0, 1, 0, 0);
	EXPECT_EQ(line_status(vm, 4095, 1), 1);
	EXPECT_EQ(line_status(vm, 4095, 0), -1);
	expect(vcpu, 0, 1, 1, 0);
	EXPECT_EQ(line_status(vm, 11, 1), -1);
	ASSERT_EQ(__set_routes(vm, second, 2), 0);
	pulse(vm, 10);
	expect(vcpu, 0, 1, 1, 0);
	pulse(vm, 5);
	expect(vcpu, 1, 1, 1, 1);
	ASSERT_EQ(__set_routes(vm, NULL, 0), 0);
	pulse(vm, 5);
	pulse(vm, 4095);
	expect(vcpu, 1, 1, 1, 1);
	vm_free(vm);
}

static int __msi(struct vm *vm, u32 lo, u32 data, u32 flags)
{
	struct kvm_msi msi = { .address_lo = lo, .data = data, .flags = flags };

	return __vm_ioctl(vm, KVM_SIGNAL_MSI, &msi);
}

CASE(msi, "KVM_SIGNAL_MSI delivers, and says to how many")
{
	struct vcpu *vcpu = irqchip_guest(counting_guest, 0);
	struct vm *vm = vcpu->vm;

	expect(vcpu, 0, 0, 0, 0);
	EXPECT_EQ(__msi(vm, 0xfee00000, VECTOR + 1, 0), 1);
	EXPECT_EQ(__msi(vm, 0xfee00000, VECTOR + 1, 0), test_is_kvm);	/* pending */
	expect(vcpu, 0, 1, 0, 0);
	EXPECT_EQ(__msi(vm, 0xfeeff000, VECTOR + 2, 0), 1);	/* everybody */
	expect(vcpu, 0, 1, 1, 0);
	EXPECT_EQ(__msi(vm, 0xfee05000, VECTOR + 2, 0), 0);		/* nobody */
	expect(vcpu, 0, 1, 1, 0);
	/* Lowest priority, with and without the hint. */
	EXPECT_EQ(__msi(vm, 0xfee00000, 0x100 | (VECTOR + 2), 0), 1);
	expect(vcpu, 0, 1, 2, 0);
	EXPECT_EQ(__msi(vm, 0xfee00008, VECTOR + 2, 0), 1);
	expect(vcpu, 0, 1, 3, 0);
	vm_free(vm);
}

CASE(bad, "tables that make no sense leave the old one in force")
{
	static const struct kvm_irq_routing_entry wrong[][2] = {
		{ { .gsi = 4096, .type = KVM_IRQ_ROUTING_MSI } },
		{ { .gsi = ~0U, .type = KVM_IRQ_ROUTING_MSI } },
		{ { .gsi = 1, .type = 0 } },
		{ { .gsi = 1, .type = 77 } },
		{ { .gsi = 1, .type = KVM_IRQ_ROUTING_MSI, .flags = 2 } },
		{ { .gsi = 1, .type = KVM_IRQ_ROUTING_IRQCHIP, .flags = 1 } },
		{ CHIP_ROUTE(1, KVM_IRQCHIP_PIC_MASTER, 8) },
		{ CHIP_ROUTE(1, KVM_IRQCHIP_PIC_SLAVE, 8) },
		{ CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 24) },
		{ CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, ~0U) },
		{ CHIP_ROUTE(1, 3, 0) },
		{ CHIP_ROUTE(1, ~0U, 0) },
	}, pairs[][2] = {
		{ MSI_ROUTE(1, 0x40), MSI_ROUTE(1, 0x41) },
		{ MSI_ROUTE(1, 0x40), CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 1) },
		{ CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 1), CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 2) },
	};
	struct kvm_irq_routing head = { .nr = 4097 };
	struct vcpu *vcpu = irqchip_guest(counting_guest, 0);
	struct vm *vm = vcpu->vm, *bare = vm_create();

	expect(vcpu, 0, 0, 0, 0);
	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(__set_routes(vm, wrong[i], 1) == -EINVAL, "entry %u", i);
	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++)
		EXPECT(__set_routes(vm, pairs[i], 2) == -EINVAL, "pair %u", i);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_GSI_ROUTING, &head), -EINVAL);
	head = (struct kvm_irq_routing){ .nr = 0, .flags = 1 };
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_GSI_ROUTING, &head), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_GSI_ROUTING, (void *)8), -EFAULT);
	pulse(vm, 10);
	expect(vcpu, 1, 0, 0, 0);
	EXPECT_EQ(__set_routes(bare, NULL, 0), -EINVAL);
	EXPECT_EQ(__msi(bare, 0xfee00000, VECTOR, 0), -EINVAL);
	EXPECT_EQ(__msi(vm, 0xfee00000, VECTOR, 2), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SIGNAL_MSI, (void *)8), -EFAULT);
	vm_free(bare);
	vm_free(vm);
}

CASE(full, "as many routes as there are lines")
{
	struct kvm_irq_routing_entry *e = calloc(4096, sizeof(*e));
	struct vcpu *vcpu = irqchip_guest(counting_guest, 0);

	expect(vcpu, 0, 0, 0, 0);
	for (u32 i = 0; i < 4096; i++)
		e[i] = (struct kvm_irq_routing_entry)MSI_ROUTE(4095 - i, i == 7 ? VECTOR + 1 : VECTOR + 2);
	ASSERT_EQ(__set_routes(vcpu->vm, e, 4096), 0);
	EXPECT_EQ(check_extension(KVM_CAP_IRQ_ROUTING), 4096);
	pulse(vcpu->vm, 4088);
	expect(vcpu, 0, 1, 0, 0);
	pulse(vcpu->vm, 0);
	expect(vcpu, 0, 1, 1, 0);
	free(e);
	vm_free(vcpu->vm);
}
