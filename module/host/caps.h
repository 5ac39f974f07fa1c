/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_HOST_CAPS_H
#define BELLOWS_HOST_CAPS_H
/*
 * What this host can give to a guest: CPUID bits, extended state, address
 * width. Facts of the machine, the same for every VM.
 */
#include <linux/types.h>

struct kvm_cpuid_entry2;

/* Entries of KVM_GET_SUPPORTED_CPUID, at most max of them: their number, or -E2BIG. */
int bellows_cpuid_supported(struct kvm_cpuid_entry2 *entries, int max);
/* May a guest be given this feature (X86_FEATURE_*)? */
bool bellows_cpuid_offers(unsigned int x86_feature);

/* XCR0 bits a guest may set. */
u64 bellows_supported_xcr0(void);
/* Bytes of an XSAVE area with these components; compacted: as XSAVEC lays it out. */
u32 bellows_xstate_size(u64 components, bool compacted);
/* Width of a guest-physical address. */
unsigned int bellows_supported_maxphyaddr(void);

#endif
