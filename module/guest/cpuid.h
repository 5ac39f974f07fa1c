/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_CPUID_H
#define BELLOWS_CPUID_H
/* A guest's CPUID: as userspace set it, with the bits that follow the guest's state. */
#include "vm/vcpu.h"

#define BELLOWS_MAX_CPUID_ENTRIES	256

/* Takes over cpuid (kvmalloc'ed): 0, or -EINVAL after the vCPU has run with another one. */
int bellows_cpuid_set(struct bellows_vcpu *vcpu, struct bellows_cpuid *cpuid);
/* CR4 bits the guest may not set. */
u64 bellows_cr4_reserved(const struct bellows_vcpu *vcpu);
/* The CPUID instruction: registers to registers. Also with interrupts off. */
void bellows_cpuid(struct bellows_vcpu *vcpu);

#endif
