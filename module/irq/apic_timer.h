/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_APIC_TIMER_H
#define BELLOWS_IRQ_APIC_TIMER_H
/* A local APIC's timer. By the vCPU's thread, but for its birth and its end. */
#include "types.h"

struct bellows_apic;
struct bellows_vcpu;

void lapic_timer_init(struct bellows_apic *apic);
void lapic_timer_destroy(struct bellows_apic *apic);
/* Nothing is posted by the timer any more when this returns. */
void lapic_timer_cancel(struct bellows_apic *apic);
/* From the initial count; from_current: from the current one, which userspace has restored. */
void lapic_timer_start(struct bellows_apic *apic, bool from_current);
/* The divider changed by what it was before: a count goes on from where it is. */
void lapic_timer_divide(struct bellows_apic *apic, u32 count);
void lapic_timer_mode_changed(struct bellows_apic *apic);
/* It was posted that time is up. */
void lapic_timer_expired(struct bellows_apic *apic);
/* Of one that rests, when an interrupt was taken, or it is to send another one. */
void lapic_timer_next_period(struct bellows_apic *apic);
u32 lapic_timer_current(struct bellows_apic *apic);

/* The deadline's MSR, as the table of MSRs wants it; also without an APIC. */
int bellows_apic_deadline_get(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int bellows_apic_deadline_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
/* The guest's TSC was moved: a deadline comes sooner or later. Also without an APIC. */
void bellows_apic_tsc_moved(struct bellows_vcpu *vcpu);

#endif
