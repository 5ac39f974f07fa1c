// SPDX-License-Identifier: GPL-2.0
/* KVM_IRQFD: eventfds that raise lines, with and without resampling; their end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include "irqchip.h"

#define VECTOR		0x51
#define PIN		18
#define MSI_LINE	40

#define RESAMPLE	KVM_IRQFD_FLAG_RESAMPLE
#define DEASSIGN	KVM_IRQFD_FLAG_DEASSIGN

static u64 n_taken;

static void count(struct guest_frame *f)
{
	n_taken++;
	apic_eoi();
}

/* Tells after each stage how many interrupts came. */
static void counting_guest(u64 low)
{
	guest_handlers[VECTOR] = count;
	apic_on();
	ioapic_entry(PIN, low);
	for (u64 stage = 1; ; stage++) {
		take_interrupts();
		GUEST_SYNC(stage, n_taken);
	}
}

static u64 taken(struct vcpu *vcpu)
{
	struct ucall uc;

	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	return uc.args[1];
}

static struct vcpu *start(u32 low)
{
	struct vcpu *vcpu = irqchip_guest(counting_guest, low);

	EXPECT_EQ(taken(vcpu), 0);
	return vcpu;
}

/* KVM raises lines to the IOAPIC from a work. */
static void delay(void)
{
	usleep(20000);
}

static void raise_line(int fd)
{
	signal_eventfd(fd);
	if (test_is_kvm)
		delay();
}

CASE(edge, "each signal is a pulse, and several before the guest looks are one")
{
	struct vcpu *vcpu = start(VECTOR);
	int fd = new_eventfd();

	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	EXPECT_EQ(taken(vcpu), 0);
	for (u64 n = 1; n <= 5; n++) {
		raise_line(fd);
		EXPECT_EQ(signalled(fd), 0);	/* consumed */
		EXPECT_EQ(taken(vcpu), n);
	}
	raise_line(fd);
	raise_line(fd);
	EXPECT_EQ(taken(vcpu), 6);
	vm_free(vcpu->vm);
	close(fd);
}

CASE(msi, "a line that is a message")
{
	static const struct kvm_irq_routing_entry route = MSI_ROUTE(MSI_LINE, VECTOR);
	struct vcpu *vcpu = start(ENTRY_MASKED);
	int fd = new_eventfd();

	ASSERT_EQ(__irqfd(vcpu->vm, fd, MSI_LINE, 0, 0), 0);
	raise_line(fd);			/* leads nowhere yet */
	EXPECT_EQ(taken(vcpu), 0);
	ASSERT_EQ(__set_routes(vcpu->vm, &route, 1), 0);
	raise_line(fd);
	EXPECT_EQ(taken(vcpu), 1);
	ASSERT_EQ(__set_routes(vcpu->vm, NULL, 0), 0);
	raise_line(fd);
	EXPECT_EQ(taken(vcpu), 1);
	vm_free(vcpu->vm);
}

CASE(before, "a signal from before the assignment is not lost")
{
	struct vcpu *vcpu = start(VECTOR);
	int fd = new_eventfd();

	raise_line(fd);
	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	delay();				/* KVM needs a moment */
	EXPECT_EQ(taken(vcpu), 1);
	vm_free(vcpu->vm);
}

CASE(deassign, "after it was taken away a signal stays in the eventfd")
{
	struct vcpu *vcpu = start(VECTOR);
	int fd = new_eventfd(), other = new_eventfd();

	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	/* Of what is not there, nothing. */
	EXPECT_EQ(__irqfd(vcpu->vm, fd, PIN + 1, DEASSIGN, 0), 0);
	EXPECT_EQ(__irqfd(vcpu->vm, other, PIN, DEASSIGN, 0), 0);
	raise_line(fd);
	EXPECT_EQ(taken(vcpu), 1);
	EXPECT_EQ(__irqfd(vcpu->vm, fd, PIN, DEASSIGN, 0), 0);
	raise_line(fd);
	EXPECT_EQ(taken(vcpu), 1);
	EXPECT_EQ(signalled(fd), 1);
	EXPECT_EQ(__irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	raise_line(fd);
	EXPECT_EQ(taken(vcpu), 2);
	vm_free(vcpu->vm);
}

CASE(closed, "closing the eventfd ends it, and the VM lives on")
{
	struct vcpu *vcpu = start(VECTOR);
	int fd = new_eventfd();

	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	close(fd);
	EXPECT_EQ(taken(vcpu), 0);
	fd = new_eventfd();
	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	raise_line(fd);
	EXPECT_EQ(taken(vcpu), 1);
	vm_free(vcpu->vm);
}

CASE(outlives, "the eventfd outlives the VM, and its signals then stay in it")
{
	struct vcpu *vcpu = start(VECTOR);
	int fd = new_eventfd();

	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, 0, 0), 0);
	vm_free(vcpu->vm);
	raise_line(fd);
	EXPECT_EQ(signalled(fd), 1);
	close(fd);
}

/* Ends each interrupt only when userspace says so. */
static void ask(struct guest_frame *f)
{
	n_taken++;
	GUEST_SYNC(100 + n_taken);
	apic_eoi();
}

static void level_guest(u64 arg)
{
	guest_handlers[VECTOR] = ask;
	apic_on();
	ioapic_entry(PIN, VECTOR | ENTRY_LEVEL);
	for (u64 stage = 1; ; stage++) {
		take_interrupts();
		GUEST_SYNC(stage, n_taken);
	}
}

CASE(resample, "with resampling the line stays up until the EOI, which signals the other eventfd")
{
	struct vcpu *vcpu = irqchip_guest(level_guest, 0);
	struct vm *vm = vcpu->vm;
	int fd = new_eventfd(), again = new_eventfd();

	vcpu_run_to_sync(vcpu, 1);
	ASSERT_EQ(__irqfd(vm, fd, PIN, RESAMPLE, again), 0);
	raise_line(fd);
	vcpu_run_to_sync(vcpu, 101);
	EXPECT(chip_state(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr & BIT(PIN), "the line is down");
	EXPECT_EQ(signalled(again), 0);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(signalled(again), 1);
	EXPECT(!(chip_state(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr & BIT(PIN)), "the line is up");
	/* The device still wants it: its owner signals again. */
	raise_line(fd);
	vcpu_run_to_sync(vcpu, 102);
	vcpu_run_to_sync(vcpu, 3);
	EXPECT_EQ(signalled(again), 1);
	vm_free(vm);
}

CASE(shared, "userspace and two resampling eventfds share a line: up while any of them wants it")
{
	struct vcpu *vcpu = irqchip_guest(level_guest, 0);
	struct vm *vm = vcpu->vm;
	int a = new_eventfd(), b = new_eventfd(), again_a = new_eventfd(), again_b = new_eventfd();

	vcpu_run_to_sync(vcpu, 1);
	ASSERT_EQ(__irqfd(vm, a, PIN, RESAMPLE, again_a), 0);
	ASSERT_EQ(__irqfd(vm, b, PIN, RESAMPLE, again_b), 0);
	raise_line(a);
	set_line(vm, PIN, 1);
	vcpu_run_to_sync(vcpu, 101);
	vcpu_run_to_sync(vcpu, 102);		/* userspace's is still up */
	EXPECT_EQ(signalled(again_a), 1);
	EXPECT_EQ(signalled(again_b), 1);
	set_line(vm, PIN, 0);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(signalled(again_a), 1);
	/* Userspace lowers its own, not the others'. */
	raise_line(b);
	set_line(vm, PIN, 0);
	vcpu_run_to_sync(vcpu, 103);
	/* The last one that goes takes its level with it. */
	ASSERT_EQ(__irqfd(vm, a, PIN, DEASSIGN, 0), 0);
	EXPECT(chip_state(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr & BIT(PIN), "the line is down");
	ASSERT_EQ(__irqfd(vm, b, PIN, DEASSIGN, 0), 0);
	EXPECT(!(chip_state(vm, KVM_IRQCHIP_IOAPIC).chip.ioapic.irr & BIT(PIN)), "the line is up");
	vcpu_run_to_sync(vcpu, 3);
	vm_free(vm);
}

CASE(resample_edge, "the end of an edge resamples too")
{
	struct vcpu *vcpu = start(VECTOR);
	int fd = new_eventfd(), again = new_eventfd();

	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, RESAMPLE, again), 0);
	for (u64 n = 1; n <= 3; n++) {
		raise_line(fd);
		EXPECT_EQ(taken(vcpu), n);
		EXPECT_EQ(signalled(again), 1);
	}
	vm_free(vcpu->vm);
}

/* The 8259s end interrupts too. */
static void pic_done(struct guest_frame *f)
{
	n_taken++;
	pic_eoi(11);
}

static void pic_guest(u64 arg)
{
	guest_handlers[PIC_BASE + 11] = pic_done;
	pic_start(1);
	outb(0x4d1, 0x08);
	GUEST_SYNC(1);
	take_interrupts();
	GUEST_ASSERT_EQ(n_taken, 1);
	GUEST_SYNC(2);
}

CASE(resample_pic, "an EOI at the 8259 resamples as well")
{
	struct vcpu *vcpu = irqchip_guest(pic_guest, 0);
	int fd = new_eventfd(), again = new_eventfd();

	vcpu_run_to_sync(vcpu, 1);
	signalled(again);
	ASSERT_EQ(__irqfd(vcpu->vm, fd, 11, RESAMPLE, again), 0);
	raise_line(fd);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(signalled(again), 1);
	vm_free(vcpu->vm);
}

CASE(loop, "an eventfd that is its own resampling partner does no harm")
{
	struct vcpu *vcpu = irqchip_guest(counting_guest, VECTOR | ENTRY_LEVEL);
	int fd = new_eventfd();

	EXPECT_EQ(taken(vcpu), 0);
	ASSERT_EQ(__irqfd(vcpu->vm, fd, PIN, RESAMPLE, fd), 0);
	raise_line(fd);
	EXPECT(taken(vcpu) >= 1);
	for (int i = 0; i < 20; i++)
		taken(vcpu);
	vm_free(vcpu->vm);
}

CASE(bad, "KVM's errors for flags, descriptors and VMs without chips")
{
	struct vm *vm = vm_create();
	int fd = new_eventfd(), again = new_eventfd(), file = x(open("/dev/null", O_RDWR));

	EXPECT_EQ(__irqfd(vm, fd, PIN, 0, 0), -EINVAL);
	EXPECT_EQ(__irqfd(vm, fd, PIN, DEASSIGN, 0), 0);
	EXPECT_EQ(__irqfd(vm, -1, PIN, DEASSIGN, 0), -EBADF);
	vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0);
	EXPECT_EQ(__irqfd(vm, fd, PIN, 4, 0), -EINVAL);
	EXPECT_EQ(__irqfd(vm, fd, PIN, ~0U, 0), -EINVAL);
	EXPECT_EQ(__irqfd(vm, -1, PIN, 0, 0), -EBADF);
	EXPECT_EQ(__irqfd(vm, file, PIN, 0, 0), -EINVAL);
	EXPECT_EQ(__irqfd(vm, file, PIN, DEASSIGN, 0), -EINVAL);
	EXPECT_EQ(__irqfd(vm, fd, PIN, RESAMPLE, -1), -EBADF);
	EXPECT_EQ(__irqfd(vm, fd, PIN, RESAMPLE, file), -EINVAL);
	EXPECT_EQ(__irqfd(vm, fd, PIN, RESAMPLE, again), 0);
	EXPECT_EQ(__irqfd(vm, fd, PIN, 0, 0), -EBUSY);
	EXPECT_EQ(__irqfd(vm, fd, PIN + 1, RESAMPLE, again), -EBUSY);
	EXPECT_EQ(__irqfd(vm, again, ~0U, 0, 0), 0);
	EXPECT_EQ(__vm_ioctl(vm, KVM_IRQFD, (void *)8), -EFAULT);
	vm_free(vm);
}

CASE(caps, "the capabilities say so")
{
	EXPECT_EQ(check_extension(KVM_CAP_IRQFD), 1);
	EXPECT_EQ(check_extension(KVM_CAP_IRQFD_RESAMPLE), 1);
}
