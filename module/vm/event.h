/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_EVENT_H
#define BELLOWS_EVENT_H
/* Events into a guest; the rest of their interface is in vcpu.h. */
#include "vm/vcpu.h"

void bellows_queue_debug(struct bellows_vcpu *vcpu, u64 dr6_bits);
/* INT3, INTO: RIP still at the instruction, which is insn_len long (0: find out). */
void bellows_queue_soft_exception(struct bellows_vcpu *vcpu, u8 vector, u8 insn_len);
void bellows_queue_irq(struct bellows_vcpu *vcpu, u8 vector);
void bellows_queue_nmi(struct bellows_vcpu *vcpu);
void bellows_deliver_payload(struct bellows_vcpu *vcpu);
/*
 * Around decoding an exit, which may queue a fault of its own: what went in with
 * the entry is delivered, unless the exit says otherwise, or did not enter.
 */
unsigned int bellows_events_begin_exit(struct bellows_vcpu *vcpu);
/* All in one, for an exit of which the backend knows that nothing was on its way. */
static inline void bellows_events_arrived(struct bellows_vcpu *vcpu)
{
	vcpu->events.exception.injected = false;
	vcpu->events.interrupt.injected = false;
	vcpu->events.nmi.injected = false;
}
void bellows_events_after_exit(struct bellows_vcpu *vcpu);
void bellows_events_restore(struct bellows_vcpu *vcpu, unsigned int in_flight);
void bellows_inject_events(struct bellows_vcpu *vcpu);
/* After an exit, while an interrupt is offered. */
void bellows_events_sync_offer(struct bellows_vcpu *vcpu);
/* With an APIC only. */
bool bellows_event_wakes(struct bellows_vcpu *vcpu);
bool bellows_irq_ready(struct bellows_vcpu *vcpu);
/* The debugger's or the guest's DR7 to the backend. */
void bellows_update_dr7(struct bellows_vcpu *vcpu);

#endif
