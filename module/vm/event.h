/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VM_EVENT_H
#define BELLOWS_VM_EVENT_H
/* The queues of events on their way into a guest; loaded. */
#include "vm/vcpu.h"

void bellows_queue_exception(struct bellows_vcpu *vcpu, u8 vector);
/* With an error code, which real mode does not push. */
void bellows_queue_exception_error(struct bellows_vcpu *vcpu, u8 vector, u32 error);
void bellows_queue_page_fault(struct bellows_vcpu *vcpu, u64 address, u32 error);
void bellows_queue_debug(struct bellows_vcpu *vcpu, u64 dr6_bits);
/* INT3, INTO: RIP still at the instruction, which is insn_len long (0: find out). */
void bellows_queue_soft_exception(struct bellows_vcpu *vcpu, u8 vector, u8 insn_len);
void bellows_inject_gp(struct bellows_vcpu *vcpu);		/* #GP(0) */
void bellows_queue_irq(struct bellows_vcpu *vcpu, u8 vector);
void bellows_queue_nmi(struct bellows_vcpu *vcpu);

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

/* What was being delivered when the exit came has not arrived either. */
void bellows_events_after_exit(struct bellows_vcpu *vcpu);
/* The CPU refused the entry: what went along, as bellows_events_begin_exit() told, did not arrive. */
void bellows_events_restore(struct bellows_vcpu *vcpu, unsigned int in_flight);

#endif
