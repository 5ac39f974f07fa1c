/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MSR_H
#define BELLOWS_MSR_H
/* MSRs of a guest. */
#include "vm/vcpu.h"

enum bellows_msr_by {
	MSR_BY_HOST,		/* userspace asks: fewer checks */
	MSR_BY_GUEST,
	MSR_QUICKLY,		/* the guest, between two entries, with interrupts off */
};

/* An access by the guest or userspace: MSR_RESULT_*; loaded. */
int bellows_msr_read(struct bellows_vcpu *vcpu, u32 index, u64 *value, enum bellows_msr_by by);
int bellows_msr_write(struct bellows_vcpu *vcpu, u32 index, u64 value, enum bellows_msr_by by);

/* MSR_RESULT_*. host: userspace asks, fewer checks. */
int bellows_msr_get(struct bellows_vcpu *vcpu, u32 index, u64 *value, bool host);
int bellows_msr_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);

/* What KVM_GET_MSR_INDEX_LIST answers: MSRs that make up a vCPU's state. */
unsigned int bellows_msr_list(const u32 **list);
/* The same for KVM_GET_MSR_FEATURE_INDEX_LIST, and their values: MSR_RESULT_OK or _UNKNOWN. */
unsigned int bellows_msr_feature_list(const u32 **list);
int bellows_msr_feature_get(u32 index, u64 *value);

/* For tests: the binary search needs the order, and userspace's list the entries. */
bool msr_table_sorted(void);
bool msr_in_table(const struct bellows_vcpu *vcpu, u32 index);

#endif
