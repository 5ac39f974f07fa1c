/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_GUEST_MSR_FILTER_H
#define BELLOWS_GUEST_MSR_FILTER_H
/* KVM_X86_SET_MSR_FILTER: which MSR accesses userspace decides on. */
#include "vm/vcpu.h"

struct bellows_msr_filter;

/* KVM_X86_SET_MSR_FILTER: flags and emptiness, 0 or -EINVAL. */
int bellows_msr_filter_check(const struct kvm_msr_filter *user);
/* Bytes of the range's bitmap, 0: the range is not used; -EINVAL. */
int bellows_msr_range_size(const struct kvm_msr_filter_range *range);
/*
 * Replaces the VM's filter by one that has been checked. bitmaps[]: of the ranges
 * that are used, from kmalloc(); the VM's from now on, unless this gives an error.
 */
int bellows_msr_filter_set(struct bellows_vm *vm, const struct kvm_msr_filter *user,
			   unsigned long *const bitmaps[KVM_MSR_FILTER_MAX_RANGES]);
void bellows_msr_filter_free(struct bellows_msr_filter *filter);

/* Does the VM's MSR filter let the guest have this access without userspace? */
bool bellows_msr_allowed(struct bellows_vcpu *vcpu, u32 index, bool write);

#endif
