/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_TSC_H
#define BELLOWS_VM_TSC_H
#include "vm/vcpu.h"

/* What the guest would read now. */
u64 bellows_guest_tsc(struct bellows_vcpu *vcpu);
/* The offset to hardware, after it or the host's TSC changed; loaded. */
void bellows_vcpu_set_tsc(struct bellows_vcpu *vcpu);

#endif
