/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_GUEST_INJECT_H
#define BELLOWS_GUEST_INJECT_H
/* Injection of what is queued; loaded. */
#include "vm/vcpu.h"

/* What a fault leaves in registers, written when it is delivered and not before. */
void bellows_deliver_payload(struct bellows_vcpu *vcpu);
/* Before an entry: puts at most one event in place, and asks for windows for the others. */
void bellows_inject_events(struct bellows_vcpu *vcpu);
/* After an exit, while an interrupt is offered. */
void bellows_events_sync_offer(struct bellows_vcpu *vcpu);
/* Could userspace's interrupt go in with the next entry, and not wait? */
bool bellows_irq_ready(struct bellows_vcpu *vcpu);
/* Does something end a halt? With an APIC only. */
bool bellows_event_wakes(struct bellows_vcpu *vcpu);

#endif
