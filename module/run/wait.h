/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_WAIT_H
#define BELLOWS_WAIT_H
/* vCPUs with a local APIC that do not run: how they wait, and what ends it. */
#include "vm/vcpu.h"

/* Takes in what was posted to the APIC, INIT and SIPI included. Loaded. */
void wait_serve_signals(struct bellows_vcpu *vcpu);
/* True: the vCPU is not halted any more. */
bool wait_is_over(struct bellows_vcpu *vcpu);
/* Sleeps until a request or a signal; may return for no reason. */
void wait_sleep(struct bellows_vcpu *vcpu);

void bellows_get_mp_state(struct bellows_vcpu *vcpu, struct kvm_mp_state *state);
int bellows_set_mp_state(struct bellows_vcpu *vcpu, const struct kvm_mp_state *state);

#endif
