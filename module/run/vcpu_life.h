/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_RUN_VCPU_LIFE_H
#define BELLOWS_RUN_VCPU_LIFE_H
#include "vm/vcpu.h"

/* Under vm->lock; an ERR_PTR. */
struct bellows_vcpu *bellows_vcpu_create(struct bellows_vm *vm, u32 id);
void bellows_vcpu_destroy(struct bellows_vcpu *vcpu);		/* the VM's last reference is gone */
/* Power-on, or (init) INIT, which keeps what the architecture says; loaded. */
void vcpu_reset(struct bellows_vcpu *vcpu, bool init);
void bellows_vcpu_load(struct bellows_vcpu *vcpu);		/* hardware state onto this CPU, until put */
void bellows_vcpu_put(struct bellows_vcpu *vcpu);

#endif
