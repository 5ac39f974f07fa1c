/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MSR_H
#define BELLOWS_MSR_H
/* MSRs of a guest; the accessors are in vcpu.h. */
#include "vm/vcpu.h"

/* Results of bellows_msr_get() and bellows_msr_set() besides 0. */
#define BELLOWS_MSR_GP		1	/* the guest may not have this value, or not now */
#define BELLOWS_MSR_UNKNOWN	2	/* no such MSR here; the guest gets #GP as well */

#define BELLOWS_MSR_LATER	3	/* only of QUICKLY: may sleep, nothing was done */

enum bellows_msr_by {
	BELLOWS_MSR_BY_HOST,		/* userspace asks: fewer checks */
	BELLOWS_MSR_BY_GUEST,
	BELLOWS_MSR_QUICKLY,		/* the guest, between two entries, with interrupts off */
};

int bellows_msr_read(struct bellows_vcpu *vcpu, u32 index, u64 *value, enum bellows_msr_by by);
int bellows_msr_write(struct bellows_vcpu *vcpu, u32 index, u64 value, enum bellows_msr_by by);

/* What KVM_GET_MSR_INDEX_LIST answers: MSRs that make up a vCPU's state. */
unsigned int bellows_msr_list(const u32 **list);
/* The same for KVM_GET_MSR_FEATURE_INDEX_LIST, and their values: 0 or BELLOWS_MSR_UNKNOWN. */
unsigned int bellows_msr_feature_list(const u32 **list);
int bellows_msr_feature_get(u32 index, u64 *value);

/* By the VM's filter (KVM_X86_SET_MSR_FILTER); under vm->mmu.srcu or not: takes its own read side. */
bool bellows_msr_filter_allows(struct bellows_vm *vm, u32 index, bool write);

/* For tests: the binary search needs the order, and userspace's list the entries. */
bool bellows_msr_table_sorted(void);
bool bellows_msr_in_table(const struct bellows_vcpu *vcpu, u32 index);

#endif
