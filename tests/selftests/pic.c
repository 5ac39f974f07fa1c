// SPDX-License-Identifier: GPL-2.0
/* The 8259 pair in the kernel: lines, priorities, modes, ports, state. */
#include "irqchip.h"

static u64 taken[64], n_taken;

static void record(struct guest_frame *f)
{
	if (n_taken < ARRAY_SIZE(taken))
		taken[n_taken] = f->vector;
	n_taken++;
}

static void record_eoi(struct guest_frame *f)
{
	record(f);
	pic_eoi(f->vector - PIC_BASE);
}

static void handlers(guest_handler_t fn)
{
	for (unsigned int v = PIC_BASE; v < PIC_BASE + 16; v++)
		guest_handlers[v] = fn;
}

static void expect_taken(u64 n, u64 last)
{
	GUEST_ASSERT_EQ(n_taken, n);
	if (n)
		GUEST_ASSERT_EQ(taken[n - 1], last);
}

CASE(initial, "the state of new chips")
{
	struct vm *vm = irqchip_vm();

	for (u32 id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_PIC_SLAVE; id++) {
		struct kvm_irqchip chip = chip_state(vm, id);

		EXPECT_EQ(chip.chip_id, id);
		EXPECT_EQ(chip.chip.pic.irr, 0);
		EXPECT_EQ(chip.chip.pic.isr, 0);
		EXPECT_EQ(chip.chip.pic.elcr, 0);
		EXPECT_EQ(chip.chip.pic.elcr_mask, id ? 0xde : 0xf8);
	}
	vm_free(vm);
}

static void edge_guest(u64 pin)
{
	handlers(record_eoi);
	pic_start(1);
	take_interrupts();
	expect_taken(0, 0);
	GUEST_SYNC(1);			/* goes up */
	take_interrupts();
	expect_taken(1, PIC_BASE + pin);
	GUEST_SYNC(2);			/* stays up */
	take_interrupts();
	expect_taken(1, PIC_BASE + pin);
	GUEST_SYNC(3);			/* down, up */
	take_interrupts();
	expect_taken(2, PIC_BASE + pin);
	GUEST_SYNC(4);			/* down, up, down */
	take_interrupts();
	expect_taken(3, PIC_BASE + pin);
}

static void run_edge(u32 pin)
{
	struct vcpu *vcpu = irqchip_guest(edge_guest, pin);
	struct vm *vm = vcpu->vm;

	vcpu_run_to_sync(vcpu, 1);
	EXPECT_EQ(line_status(vm, pin, 1), 1);
	vcpu_run_to_sync(vcpu, 2);
	set_line(vm, pin, 1);
	vcpu_run_to_sync(vcpu, 3);
	set_line(vm, pin, 0);
	set_line(vm, pin, 1);
	vcpu_run_to_sync(vcpu, 4);
	set_line(vm, pin, 0);
	set_line(vm, pin, 1);
	set_line(vm, pin, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vm);
}

CASE(edge, "an edge interrupts once, at its vector, on the master and on the slave")
{
	run_edge(1);
	run_edge(7);
	run_edge(8);
	run_edge(15);
}

/* Nothing else would ever run: the third one is the last. */
static void record_three(struct guest_frame *f)
{
	record_eoi(f);
	if (n_taken == 3) {
		outb(0x21, 0xff);
		outb(0xa1, 0xff);
	}
}

static void level_guest(u64 pin)
{
	handlers(record_three);
	pic_start(1);
	outb(0x4d0, 0xff);
	outb(0x4d1, 0xff);
	GUEST_ASSERT_EQ(inb(0x4d0), 0xf8);
	GUEST_ASSERT_EQ(inb(0x4d1), 0xde);
	GUEST_SYNC(1);			/* up */
	take_interrupts();
	expect_taken(3, PIC_BASE + pin);
	GUEST_SYNC(2);			/* down */
	outb(0x21, 0);
	outb(0xa1, 0);
	take_interrupts();
	/* KVM's master remembers what the slave no longer wants. */
	GUEST_ASSERT(n_taken == 3 || taken[3] == PIC_BASE + 15);
	GUEST_SYNC(3, n_taken);
}

CASE(level, "a level-triggered line interrupts as long as it is up")
{
	static const u32 pins[] = { 5, 11 };

	for (u32 i = 0; i < ARRAY_SIZE(pins); i++) {
		struct vcpu *vcpu = irqchip_guest(level_guest, pins[i]);
		struct ucall uc;

		vcpu_run_to_sync(vcpu, 1);
		set_line(vcpu->vm, pins[i], 1);
		vcpu_run_to_sync(vcpu, 2);
		set_line(vcpu->vm, pins[i], 0);
		ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
		EXPECT(uc.args[1] == 3 || test_is_kvm);
		vm_free(vcpu->vm);
	}
}

static void priority_guest(u64 arg)
{
	handlers(record);
	pic_start(1);
	GUEST_SYNC(1);			/* 12, 5 and 1 go up */
	take_interrupts();
	expect_taken(1, PIC_BASE + 1);
	outb(0x20, 0x20);
	take_interrupts();
	expect_taken(2, PIC_BASE + 12);
	GUEST_SYNC(2);			/* 0: above both; 9: above 12, on the slave, but the master is busy with it */
	take_interrupts();
	expect_taken(3, PIC_BASE + 0);
	outb(0x20, 0x20);
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
	take_interrupts();
	expect_taken(4, PIC_BASE + 9);
	pic_eoi(9);
	take_interrupts();
	expect_taken(5, PIC_BASE + 5);
	/* A specific EOI of what is not in service does nothing for what is. */
	outb(0x20, 0x63);
	GUEST_SYNC(3);			/* 6 goes up: below 5 */
	take_interrupts();
	expect_taken(5, PIC_BASE + 5);
	outb(0x20, 0x65);
	take_interrupts();
	expect_taken(6, PIC_BASE + 6);
}

CASE(priority, "priorities decide what comes first and what may interrupt what")
{
	struct vcpu *vcpu = irqchip_guest(priority_guest, 0);
	struct vm *vm = vcpu->vm;

	vcpu_run_to_sync(vcpu, 1);
	set_line(vm, 12, 1);
	set_line(vm, 5, 1);
	set_line(vm, 1, 1);
	vcpu_run_to_sync(vcpu, 2);
	set_line(vm, 9, 1);
	set_line(vm, 0, 1);
	vcpu_run_to_sync(vcpu, 3);
	set_line(vm, 6, 1);
	vcpu_run_to_done(vcpu);
	vm_free(vm);
}

static void mask_guest(u64 arg)
{
	handlers(record_eoi);
	pic_start(1);
	outb(0x21, 0xfb);
	outb(0xa1, 0xff);
	GUEST_ASSERT_EQ(inb(0x21), 0xfb);
	GUEST_SYNC(1);			/* 3 and 9 */
	take_interrupts();
	expect_taken(0, 0);
	outb(0x20, 0x0a);
	GUEST_ASSERT_EQ(inb(0x20), 0x08);
	outb(0xa0, 0x0a);
	GUEST_ASSERT_EQ(inb(0xa0), 0x02);
	outb(0xa1, 0xfd);
	take_interrupts();
	expect_taken(1, PIC_BASE + 9);
	outb(0x21, 0xf3);
	take_interrupts();
	expect_taken(2, PIC_BASE + 3);
	/* The request is gone before the CPU takes it. */
	outb(0x4d0, 0x20);
	outb(0x21, 0);
	outb(0x20, 0x0b);
	GUEST_ASSERT_EQ(inb(0x20), 0);
	handlers(record);
	GUEST_SYNC(2);
	take_interrupts();
	expect_taken(3, PIC_BASE + 4);
	outb(0x20, 0x0b);
	GUEST_ASSERT_EQ(inb(0x20), 0x10);
}

CASE(mask, "masked lines wait, and IRR, ISR and IMR can be read")
{
	struct vcpu *vcpu = irqchip_guest(mask_guest, 0);
	struct vm *vm = vcpu->vm;

	vcpu_run_to_sync(vcpu, 1);
	EXPECT_EQ(chip_state(vm, KVM_IRQCHIP_PIC_MASTER).chip.pic.imr, 0xfb);
	set_line(vm, 3, 1);
	set_line(vm, 9, 1);
	EXPECT_EQ(chip_state(vm, KVM_IRQCHIP_PIC_MASTER).chip.pic.irr & 8, 8);
	vcpu_run_to_sync(vcpu, 2);
	set_line(vm, 4, 1);
	vcpu_run_to_done(vcpu);
	vm_free(vm);
}

static void auto_eoi_guest(u64 arg)
{
	handlers(record);
	pic_start(3);
	GUEST_SYNC(1);			/* 1, 9, 10 */
	take_interrupts();
	expect_taken(3, PIC_BASE + 10);
	outb(0x20, 0x0b);
	GUEST_ASSERT_EQ(inb(0x20), 0);
	outb(0xa0, 0x0b);
	GUEST_ASSERT_EQ(inb(0xa0), 0);
}

CASE(auto_eoi, "with automatic EOI nothing stays in service")
{
	struct vcpu *vcpu = irqchip_guest(auto_eoi_guest, 0);

	vcpu_run_to_sync(vcpu, 1);
	set_line(vcpu->vm, 1, 1);
	set_line(vcpu->vm, 9, 1);
	set_line(vcpu->vm, 10, 1);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void wide_guest(u64 arg)
{
	pic_start(1);
	outb(0x21, 0x5a);
	GUEST_ASSERT_EQ(inw(0x20), 0);
	outw(0x20, 0xffff);
	GUEST_ASSERT_EQ(inb(0x21), 0x5a);
}

CASE(wide, "accesses of 16 bits are not for eight-bit chips")
{
	struct vcpu *vcpu = irqchip_guest(wide_guest, 0);

	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(no_exit, "the ports do not reach userspace, and without chips they do")
{
	struct vcpu *vcpu = long_guest(wide_guest, 0);

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.port, 0x20);
	vm_free(vcpu->vm);
}

static void halt_guest(u64 arg)
{
	handlers(record_eoi);
	pic_start(1);
	GUEST_SYNC(1);
	while (!n_taken)
		sti_hlt();
	cli();
	expect_taken(1, PIC_BASE + 4);
}

CASE(halt, "a line that is up ends a HLT")
{
	struct vcpu *vcpu = irqchip_guest(halt_guest, 0);

	vcpu_run_to_sync(vcpu, 1);
	set_line(vcpu->vm, 4, 1);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void restored_guest(u64 arg)
{
	handlers(record_eoi);
	take_interrupts();
	expect_taken(2, PIC_BASE + 13);
	GUEST_ASSERT_EQ(taken[0], PIC_BASE + 6);
}

CASE(restore, "requests that are set with the state are delivered, and the state reads back")
{
	struct vcpu *vcpu = irqchip_guest(restored_guest, 0);
	struct kvm_irqchip master = { .chip_id = KVM_IRQCHIP_PIC_MASTER }, slave, back;

	master.chip.pic = (struct kvm_pic_state){
		.irr = 0x40, .imr = 0x01, .irq_base = PIC_BASE, .elcr_mask = 0xf8, .init4 = 1,
	};
	slave = master;
	slave.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	slave.chip.pic.irr = 0x20;
	slave.chip.pic.irq_base = PIC_BASE + 8;
	slave.chip.pic.elcr_mask = 0xde;
	set_chip_state(vcpu->vm, &master);
	back = chip_state(vcpu->vm, KVM_IRQCHIP_PIC_MASTER);
	EXPECT(!memcmp(&back.chip.pic, &master.chip.pic, sizeof(back.chip.pic)), "master differs");
	/* Line 6 must not wait behind line 2, where the slave hangs. */
	master.chip.pic.priority_add = 6;
	set_chip_state(vcpu->vm, &master);
	set_chip_state(vcpu->vm, &slave);
	back = chip_state(vcpu->vm, KVM_IRQCHIP_PIC_SLAVE);
	EXPECT(!memcmp(&back.chip.pic, &slave.chip.pic, sizeof(back.chip.pic)), "slave differs");
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(wild_state, "any state can be set, and the chips live with it")
{
	struct vcpu *vcpu = irqchip_guest(wide_guest, 0);
	u64 random = 1;

	for (unsigned long n = test_scale(200); n; n--) {
		struct kvm_irqchip chip = { .chip_id = n & 1 };

		for (unsigned int i = 0; i < sizeof(chip.chip.pic); i++)
			((u8 *)&chip.chip.pic)[i] = test_random(&random);
		set_chip_state(vcpu->vm, &chip);
		set_line(vcpu->vm, n % 24, n >> 1 & 1);
	}
	vm_free(vcpu->vm);
}

CASE(bad, "KVM's errors without chips, and for chips and addresses that do not exist")
{
	struct vm *vm = vm_create();
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };

	EXPECT_EQ(__set_line(vm, 3, 1), -ENXIO);
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_IRQCHIP, &chip), -ENXIO);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_IRQCHIP, &chip), -ENXIO);
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_IRQCHIP, (void *)8), -EFAULT);
	vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0), -EEXIST);
	chip.chip_id = 3;
	EXPECT_EQ(__vm_ioctl(vm, KVM_GET_IRQCHIP, &chip), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_IRQCHIP, &chip), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_IRQCHIP, (void *)8), -EFAULT);
	EXPECT_EQ(__vm_ioctl(vm, KVM_IRQ_LINE, (void *)8), -EFAULT);
	EXPECT_EQ(__vm_ioctl(vm, KVM_IRQ_LINE_STATUS, (void *)8), -EFAULT);
	EXPECT_EQ(line_status(vm, 24, 1), -1);
	EXPECT_EQ(line_status(vm, 4096, 1), -1);
	EXPECT_EQ(line_status(vm, ~0U, 1), -1);
	vm_free(vm);
}
