/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_FEATURES_H
#define BELLOWS_VM_FEATURES_H
/* What the guest's CPUID table has. The table is constant once the vCPU has run. */
#include "vm/vcpu.h"

/* The entry that answers, or NULL. Inline: it is on the path of the CPUID exit. */
static inline const struct kvm_cpuid_entry2 *
bellows_cpuid_entry(const struct bellows_cpuid *cpuid, u32 function, u32 index)
{
	int i;

	for (i = 0; cpuid && i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return e;
	}
	return NULL;
}

/* What the guest sees at CPUID; NULL: no such entry. */
const struct kvm_cpuid_entry2 *bellows_cpuid_find(const struct bellows_vcpu *vcpu, u32 function,
						  u32 index);
/* Does the guest have the feature X86_FEATURE_*? False before userspace has set CPUID. */
bool bellows_guest_has(const struct bellows_vcpu *vcpu, unsigned int x86_feature);
/* By the vendor that the guest sees, before it sees one by the host's: AMD's rules, or else Intel's? */
bool bellows_guest_is_amd(const struct bellows_vcpu *vcpu);

#endif
