/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_FPU_H
#define BELLOWS_FPU_H
#include "vm/vcpu.h"

int bellows_fpu_create(struct bellows_vcpu *vcpu);
void bellows_fpu_destroy(struct bellows_vcpu *vcpu);
/* The thread's FPU state becomes the guest's, and back. Preemption on. */
void bellows_fpu_load(struct bellows_vcpu *vcpu);
void bellows_fpu_put(struct bellows_vcpu *vcpu);
/* Around an entry, interrupts off. */
void bellows_fpu_enter(struct bellows_vcpu *vcpu);
void bellows_fpu_exit(struct bellows_vcpu *vcpu);
void bellows_fpu_xmm(struct bellows_vcpu *vcpu, unsigned int reg, void *data, bool write);

#endif
