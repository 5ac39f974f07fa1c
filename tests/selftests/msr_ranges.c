// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of an MSR filter: how long, in which direction, what a bitmap's bits
 * mean; and that a new filter holds at once for a guest that is running.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include "guest.h"
#include "vm.h"

#define NOWHERE		((void *)0x1000)
#define MSR_FREE	0x4d564b00	/* nobody has this one */

/* One range over MSR numbers base to base + n - 1; allow is the bitmap's content. */
static struct kvm_msr_filter *filter_of(u32 base, u32 n, u32 flags, bool deny_rest)
{
	struct kvm_msr_filter *f = calloc(1, sizeof(*f));

	f->flags = deny_rest ? KVM_MSR_FILTER_DEFAULT_DENY : KVM_MSR_FILTER_DEFAULT_ALLOW;
	f->ranges[0].flags = flags;
	f->ranges[0].base = base;
	f->ranges[0].nmsrs = n;
	f->ranges[0].bitmap = calloc(1, 0x1000);
	return f;
}

#define READ_WRITE	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

CASE(sizes, "a range may have 0x3000 bits and no more; the last range counts as well")
{
	struct vm *vm = vm_create();
	struct kvm_msr_filter *f = filter_of(0, 8, READ_WRITE, false);

	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, f), 0);
	f->ranges[0].nmsrs = 0x600 * 8;
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, f), 0);
	f->ranges[0].nmsrs = 0x600 * 8 + 1;
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, f), -EINVAL);
	f->ranges[0].nmsrs = 0xffffffff;
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, f), -EINVAL);
	f->ranges[0].nmsrs = 8;
	f->ranges[0].bitmap = NOWHERE;
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, f), -EFAULT);
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, NOWHERE), -EFAULT);
	/* The last range counts, too. */
	f->ranges[15] = f->ranges[0];
	f->ranges[0].nmsrs = 0;
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, f), -EFAULT);
}

CASE(no_ranges, "a filter without ranges is taken if it allows everything, refused if it denies everything")
{
	struct vm *vm = vm_create();
	struct kvm_msr_filter f = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, &f), 0);
	f.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	EXPECT_EQ(__vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, &f), -EINVAL);
}

static void denied_guest(u64 arg)
{
	u64 value;

	GUEST_ASSERT_EQ(wrmsr_try(MSR_LSTAR, 0x1000), VEC_GP);
	GUEST_ASSERT_EQ(guest_cpu()->error, 0);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_LSTAR, &value), VEC_GP);
	/* The neighbour is free. */
	GUEST_ASSERT_EQ(wrmsr_try(MSR_CSTAR, 0x2000), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_CSTAR, &value), NO_VECTOR);
	GUEST_ASSERT_EQ(value, 0x2000);
}

CASE(denied, "a denied MSR gives the guest #GP when userspace does not want to know")
{
	struct vcpu *vcpu = long_guest(denied_guest, 0);
	struct kvm_msr_filter *f = filter_of(MSR_LSTAR, 1, READ_WRITE, false);

	vm_ioctl(vcpu->vm, KVM_X86_SET_MSR_FILTER, f);
	vcpu_run_to_done(vcpu);
	/* Userspace itself is not filtered. */
	vcpu_set_msr(vcpu, MSR_LSTAR, 0x3000);
	EXPECT_EQ(vcpu_get_msr(vcpu, MSR_LSTAR), 0x3000);
}

static void read_only_guest(u64 arg)
{
	u64 value;

	GUEST_ASSERT_EQ(rdmsr_try(MSR_LSTAR, &value), NO_VECTOR);
	GUEST_ASSERT_EQ(value, 0x5000);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_LSTAR, 0x6000), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_LSTAR, &value), NO_VECTOR);
	GUEST_ASSERT_EQ(value, 0x5000);
}

CASE(one_way, "a range for writes does not touch reads")
{
	struct vcpu *vcpu = long_guest(read_only_guest, 0);

	vcpu_set_msr(vcpu, MSR_LSTAR, 0x5000);
	vm_ioctl(vcpu->vm, KVM_X86_SET_MSR_FILTER, filter_of(MSR_LSTAR, 1, KVM_MSR_FILTER_WRITE, false));
	vcpu_run_to_done(vcpu);
}

static void island_guest(u64 arg)
{
	u64 value;

	GUEST_ASSERT_EQ(wrmsr_try(MSR_CSTAR, 0x7000), NO_VECTOR);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_CSTAR, &value), NO_VECTOR);
	GUEST_ASSERT_EQ(value, 0x7000);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_LSTAR, &value), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_EFER, &value), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(MSR_FREE, &value), VEC_GP);
}

CASE(island, "denying everything but a bitmap's ones leaves these")
{
	struct vcpu *vcpu = long_guest(island_guest, 0);
	struct kvm_msr_filter *f = filter_of(MSR_LSTAR, 2, READ_WRITE, true);

	f->ranges[0].bitmap[0] = 1 << (MSR_CSTAR - MSR_LSTAR);
	vm_ioctl(vcpu->vm, KVM_X86_SET_MSR_FILTER, f);
	vcpu_run_to_done(vcpu);
}

/* Says when its writes begin and when they stop to work. */
static volatile u64 guest_writes;

static void writing_guest(u64 arg)
{
	sti();		/* in Bochs' SVM no interrupt gets the host out of a guest without IF */
	while (wrmsr_try(MSR_LSTAR, ++guest_writes) == NO_VECTOR)
		;
	GUEST_SYNC(1);
	while (wrmsr_try(MSR_LSTAR, ++guest_writes) != NO_VECTOR)
		;
	GUEST_SYNC(2);
}

static void *run_both(void *arg)
{
	vcpu_run_to_sync(arg, 1);
	vcpu_run_to_sync(arg, 2);
	vcpu_run_to_done(arg);
	return NULL;
}

static void wait_for_writes(struct vm *vm)
{
	u64 before = READ_ONCE(GUEST_VAR(vm, guest_writes));

	while (READ_ONCE(GUEST_VAR(vm, guest_writes)) < before + 20)
		usleep(1000);
}

CASE(running, "a filter that is set, or taken back, holds for a guest that is running")
{
	struct vcpu *vcpu = long_guest(writing_guest, 0);
	struct kvm_msr_filter all = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, run_both, vcpu), 0);
	wait_for_writes(vcpu->vm);
	vm_ioctl(vcpu->vm, KVM_X86_SET_MSR_FILTER, filter_of(MSR_LSTAR, 1, READ_WRITE, false));
	wait_for_writes(vcpu->vm);
	vm_ioctl(vcpu->vm, KVM_X86_SET_MSR_FILTER, &all);
	pthread_join(thread, NULL);
}
