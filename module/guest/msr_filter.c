// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_X86_SET_MSR_FILTER: which MSR accesses of a guest userspace wants to
 * decide on itself.
 *
 * A filter is up to sixteen ranges of MSR numbers, each with a bitmap, and a
 * verdict for what no range covers. It is built complete and then replaced as
 * a whole: readers (vCPUs about to serve RDMSR or WRMSR, or recomputing what
 * the hardware lets through) take the RCU lock for the length of one look-up.
 * After the replacement every vCPU is asked to recompute before it enters
 * again, and the ioctl returns when none is left inside with the old one.
 */
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "guest/msr_filter.h"
#include "vm/request.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff

struct msr_range {
	u32 flags;			/* KVM_MSR_FILTER_READ, _WRITE: which accesses it is about */
	u32 base, nmsrs;
	unsigned long *bitmap;		/* 1: allowed */
};

struct bellows_msr_filter {
	bool default_allow;
	unsigned int count;
	struct msr_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

void bellows_msr_filter_free(struct bellows_msr_filter *filter)
{
	unsigned int i;

	if (!filter)
		return;
	for (i = 0; i < filter->count; i++)
		kfree(filter->ranges[i].bitmap);
	kfree(filter);
}

int bellows_msr_range_size(const struct kvm_msr_filter_range *range)
{
	const u32 known = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
	u64 size;

	/* How a caller says that fewer than sixteen are needed. */
	if (!range->nmsrs)
		return 0;
	if (!range->flags || range->flags & ~known)
		return -EINVAL;
	size = DIV_ROUND_UP_ULL(range->nmsrs, BITS_PER_LONG) * sizeof(long);
	return size <= KVM_MSR_FILTER_MAX_BITMAP_SIZE ? size : -EINVAL;
}

int bellows_msr_filter_check(const struct kvm_msr_filter *user)
{
	unsigned int i;

	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	if (!(user->flags & KVM_MSR_FILTER_DEFAULT_DENY))
		return 0;
	for (i = 0; i < ARRAY_SIZE(user->ranges); i++)
		if (user->ranges[i].nmsrs)
			return 0;
	/* To deny everything is no filter but a mistake. */
	return -EINVAL;
}

int bellows_msr_filter_set(struct bellows_vm *vm, const struct kvm_msr_filter *user,
			   unsigned long *const bitmaps[KVM_MSR_FILTER_MAX_RANGES])
{
	struct bellows_msr_filter *filter, *old;
	unsigned int i;

	might_sleep();
	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return -ENOMEM;
	filter->default_allow = !(user->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < ARRAY_SIZE(user->ranges); i++) {
		if (!bitmaps[i])
			continue;
		filter->ranges[filter->count++] = (struct msr_range) {
			.flags = user->ranges[i].flags,
			.base = user->ranges[i].base,
			.nmsrs = user->ranges[i].nmsrs,
			.bitmap = bitmaps[i],
		};
	}

	mutex_lock(&vm->lock);
	old = rcu_replace_pointer(vm->msr_filter, filter, lockdep_is_held(&vm->lock));
	mutex_unlock(&vm->lock);

	bellows_vm_request_all(vm, VCPU_REQ_MSR_FILTER);
	synchronize_rcu();
	bellows_msr_filter_free(old);
	return 0;
}

static bool msr_filter_lookup(const struct bellows_msr_filter *filter, u32 index, u32 access)
{
	unsigned int i;

	for (i = 0; i < filter->count; i++) {
		const struct msr_range *range = &filter->ranges[i];

		/* Unsigned: an index below the base is far above nmsrs. */
		if ((range->flags & access) && index - range->base < range->nmsrs)
			return test_bit(array_index_nospec(index - range->base, range->nmsrs),
					range->bitmap);
	}
	return filter->default_allow;
}

bool bellows_msr_allowed(struct bellows_vcpu *vcpu, u32 index, bool write)
{
	const struct bellows_msr_filter *filter;
	bool allowed;

	lockdep_assert_held(&vcpu->mutex);
	/* The APIC's registers are not subject to filters. */
	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;

	rcu_read_lock();
	filter = rcu_dereference(vcpu->vm->msr_filter);
	allowed = !filter || msr_filter_lookup(filter, index, write ? KVM_MSR_FILTER_WRITE :
							      KVM_MSR_FILTER_READ);
	rcu_read_unlock();
	return allowed;
}
