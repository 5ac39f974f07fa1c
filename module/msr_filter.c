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
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "msr.h"
#include "vcpu.h"
#include "vm.h"

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

static int copy_range(struct bellows_msr_filter *filter, const struct kvm_msr_filter_range *user)
{
	const u32 known = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
	unsigned long *bitmap;
	u64 size;

	/* How a caller says that he needs fewer than sixteen. */
	if (!user->nmsrs)
		return 0;
	if (!user->flags || user->flags & ~known)
		return -EINVAL;
	size = DIV_ROUND_UP_ULL(user->nmsrs, BITS_PER_LONG) * sizeof(long);
	if (size > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
		return -EINVAL;
	bitmap = memdup_user((void __user *)user->bitmap, size);
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);

	filter->ranges[filter->count++] = (struct msr_range) {
		.flags = user->flags,
		.base = user->base,
		.nmsrs = user->nmsrs,
		.bitmap = bitmap,
	};
	return 0;
}

static struct bellows_msr_filter *build(const struct kvm_msr_filter *user)
{
	struct bellows_msr_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	unsigned int i;
	int err;

	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->default_allow = !(user->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < ARRAY_SIZE(user->ranges); i++) {
		err = copy_range(filter, &user->ranges[i]);
		if (err) {
			bellows_msr_filter_free(filter);
			return ERR_PTR(err);
		}
	}
	return filter;
}

int bellows_msr_filter_set(struct bellows_vm *vm, const struct kvm_msr_filter *user)
{
	struct bellows_msr_filter *filter, *old;

	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	filter = build(user);
	if (IS_ERR(filter))
		return PTR_ERR(filter);
	/* To deny everything is no filter but a mistake. */
	if (!filter->count && !filter->default_allow) {
		bellows_msr_filter_free(filter);
		return -EINVAL;
	}

	mutex_lock(&vm->lock);
	old = rcu_replace_pointer(vm->msr_filter, filter, lockdep_is_held(&vm->lock));
	mutex_unlock(&vm->lock);

	bellows_vm_request_all(vm, BELLOWS_REQ_MSR_FILTER);
	synchronize_rcu();
	bellows_msr_filter_free(old);
	return 0;
}

static bool lookup(const struct bellows_msr_filter *filter, u32 index, u32 access)
{
	unsigned int i;

	for (i = 0; i < filter->count; i++) {
		const struct msr_range *range = &filter->ranges[i];

		/* Unsigned: an index below the base is far above nmsrs. */
		if ((range->flags & access) && index - range->base < range->nmsrs)
			return test_bit(index - range->base, range->bitmap);
	}
	return filter->default_allow;
}

bool bellows_msr_filter_allows(struct bellows_vm *vm, u32 index, bool write)
{
	const struct bellows_msr_filter *filter;
	bool allowed;

	/* The APIC's registers are not subject to filters. */
	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;

	rcu_read_lock();
	filter = rcu_dereference(vm->msr_filter);
	allowed = !filter || lookup(filter, index, write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ);
	rcu_read_unlock();
	return allowed;
}
