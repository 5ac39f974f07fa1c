/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_APIC_H
#define BELLOWS_IRQ_APIC_H
/*
 * The local APIC of a vCPU, for the vCPU's own thread: everything here is called
 * with vcpu->mutex held, and does nothing harmful without an APIC where a
 * comment says so. What others do to an APIC is in irq.h.
 *
 * Letters on members as in vcpu.h.
 */
#include <linux/hrtimer.h>
#include "irq/apic_regs.h"
#include "irq/irq.h"
#include "vm/vcpu.h"

#define LAPIC_PAGE_SIZE	0x1000

enum bellows_apic_signal {		/* bits of .signals: what is posted besides vectors */
	BELLOWS_APIC_SIGNAL_TIMER,	/* the timer has expired */
	BELLOWS_APIC_SIGNAL_INIT,
	BELLOWS_APIC_SIGNAL_SIPI,
	BELLOWS_APIC_SIGNAL_EXTINT,	/* a message sent for the 8259's sake */
};

struct bellows_apic {
	struct bellows_vcpu *vcpu;		/* [c] */

	/* The one place through which anything from outside enters. */
	DECLARE_BITMAP(posted, 256);		/* [a] vectors, taken in by the vCPU's thread */
	DECLARE_BITMAP(posted_level, 256);	/* [a] and how they came: valid where posted is set */
	unsigned long signals;			/* [a] bellows_apic_signal bits */
	atomic_t nmis;				/* [a] */
	atomic_t errors;			/* [a] bits of ESR that senders found */
	u8 sipi_vector;				/* [a] before SIGNAL_SIPI is set */

	u64 address;				/* [r] lapic_regs_address(), for senders */
	struct lapic_regs regs;			/* [v]; IRR is looked at by senders */
	u64 told[4];				/* [v] the backend's view: ends that are told */
	bool eoi_offered;			/* [v] the guest may end the interrupt by clearing a bit */
	bool extint;				/* [v] the 8259 was asked for by a message */

	struct hrtimer timer;			/* [v] its callback only posts */
	bool armed;				/* [v] an end is due, timer started or posted */
	bool rests;				/* [v] not started: the next period would add nothing */
	ktime_t end;				/* [v] of the count; in deadline mode see below */
	u64 deadline;				/* [v] guest's TSC; 0: none */
};

int bellows_apic_create(struct bellows_vcpu *vcpu);
void bellows_apic_destroy(struct bellows_vcpu *vcpu);	/* also without one */
void bellows_apic_reset(struct bellows_vcpu *vcpu);
/* What senders see of the registers; after each change that matters to them. */
void lapic_publish(struct bellows_apic *apic);
/* Takes in what was posted; INIT and SIPI are left to bellows_apic_startup(). */
void bellows_apic_take_posted(struct bellows_vcpu *vcpu);

/* Is there an interrupt that the CPU could have now, were it to take interrupts? */
bool bellows_apic_has_interrupt(struct bellows_vcpu *vcpu);
/* The vector that it would get from the APIC itself. -1: none, or the 8259's comes first. */
int bellows_apic_next(struct bellows_vcpu *vcpu);
/* The guest has taken that one by itself. */
void bellows_apic_taken(struct bellows_vcpu *vcpu, u8 vector);
/* Its vector; it is in service from now on. -1: it went away (the 8259 may change its mind). */
int bellows_apic_acknowledge(struct bellows_vcpu *vcpu);

/* The register page. False: the address is not the APIC's. Also without one. */
bool bellows_apic_mmio_read(struct bellows_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len);
bool bellows_apic_mmio_write(struct bellows_vcpu *vcpu, gpa_t gpa, const void *data, unsigned int len);

/* MSRs, as the table of MSRs wants them; also without an APIC. */
int bellows_apic_x2apic_get(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int bellows_apic_x2apic_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
int bellows_apic_deadline_get(struct bellows_vcpu *vcpu, u32 index, u64 *value);
int bellows_apic_deadline_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);
/*
 * A guest's write to EOI, ICR or the deadline, which neither sleeps nor needs the
 * table. False: nothing was done, it is to go the long way.
 */
bool bellows_apic_wrmsr_fast(struct bellows_vcpu *vcpu, u32 index, u64 value);
/* IA32_APIC_BASE of a vCPU with an APIC. */
int bellows_apic_set_base(struct bellows_vcpu *vcpu, u64 value, bool host);
/* IA32_APIC_BASE or the IOAPIC's vectors changed, or the vCPU was reset: tells the backend. */
void bellows_apic_view_changed(struct bellows_vcpu *vcpu);
/* Hardware has ended an interrupt. */
void bellows_apic_ended(struct bellows_vcpu *vcpu, u8 vector);
/* For the backend, before an entry. */
void bellows_apic_tell_vectors(struct bellows_vcpu *vcpu);
u8 bellows_apic_tpr(struct bellows_vcpu *vcpu);
/* CR8 was written. */
void bellows_apic_set_tpr(struct bellows_vcpu *vcpu, u8 tpr);
/* CPUID was set: it decides on modes of the timer. */
void bellows_apic_cpuid_changed(struct bellows_vcpu *vcpu);

/*
 * EOI by a bit in guest memory: offered before an entry, looked at after an exit,
 * withdrawn when userspace may look. May sleep.
 */
void bellows_apic_offer_eoi(struct bellows_vcpu *vcpu);
void bellows_apic_sync_eoi(struct bellows_vcpu *vcpu);
void bellows_apic_withdraw_eoi(struct bellows_vcpu *vcpu);
int bellows_apic_pv_eoi_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host);

/* KVM_GET_LAPIC, KVM_SET_LAPIC */
void bellows_apic_get_state(struct bellows_vcpu *vcpu, struct kvm_lapic_state *state);
int bellows_apic_set_state(struct bellows_vcpu *vcpu, const struct kvm_lapic_state *state);

/* The timer. */
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
/* The guest's TSC was moved: a deadline comes sooner or later. Also without an APIC. */
void bellows_apic_tsc_moved(struct bellows_vcpu *vcpu);

/* For the timer's callback: SIGNAL_TIMER is posted, and the vCPU woken. */
void bellows_apic_signal(struct bellows_apic *apic, enum bellows_apic_signal signal);

#endif
