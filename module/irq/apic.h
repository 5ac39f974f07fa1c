/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_APIC_H
#define BELLOWS_IRQ_APIC_H
/*
 * The local APIC of a vCPU: what it is made of, how messages find it and how its
 * vCPU takes them in. The ways to its registers, its timer and the end of interrupts
 * through guest memory have headers of their own.
 *
 * What takes a vCPU, or its APIC, is for the vCPU's own thread, which holds
 * vcpu->mutex, unless a comment says otherwise; a vCPU without an APIC must not come
 * here but where that is said. What takes a VM is for senders, in any context.
 *
 * Letters on members as in struct bellows_vcpu.
 */
#include <linux/hrtimer.h>
#include "irq/apic_regs.h"
#include "irq/message.h"
#include "vm/vcpu.h"

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
	DECLARE_BITMAP(posted_level, 256);	/* [a] how they came: valid where posted is set */
	unsigned long signals;			/* [a] bellows_apic_signal bits */
	atomic_t nmis;				/* [a] */
	atomic_t errors;			/* [a] bits of ESR that senders found */
	u8 sipi_vector;				/* [a] before SIGNAL_SIPI is set */

	u64 address;				/* [r] lapic_regs_address(), for senders */
	struct lapic_regs regs;			/* [v]; IRR is looked at by senders */
	u64 told[4];				/* [v] the backend's view: ends that are told */
	bool eoi_offered;			/* [v] the guest may end the interrupt by a bit */
	bool extint;				/* [v] the 8259 was asked for by a message */

	struct hrtimer timer;			/* [v] its callback only posts */
	bool armed;				/* [v] an end is due, timer started or posted */
	bool rests;				/* [v] not started: a further period adds nothing */
	ktime_t end;				/* [v] of the count; in deadline mode see below */
	u64 deadline;				/* [v] guest's TSC; 0: none */
};

int bellows_apic_create(struct bellows_vcpu *vcpu);	/* before its fd exists */
void bellows_apic_destroy(struct bellows_vcpu *vcpu);	/* after; also without an APIC */
void bellows_apic_reset(struct bellows_vcpu *vcpu);
/* What senders see of the registers; after each change that matters to them. */
void lapic_publish(struct bellows_apic *apic);

/*
 * Delivers a message. Any context, hardirq included; source is the sending vCPU
 * or NULL. The number of vCPUs that accepted it, or enum irq_answer: one that was
 * pending coalesced with it, or no vCPU was addressed.
 */
int lapic_deliver(struct bellows_vm *vm, struct bellows_vcpu *source,
		  const struct irq_message *msg);
/*
 * The 8259s' INTR pin changed: vCPUs whose LINT0 takes ExtINT look again. Any
 * context. They then ask pic_pending(), so the change must be visible before the
 * call.
 */
void lapic_pic_output(struct bellows_vm *vm, bool high);
/* The IOAPIC cares for other EOIs: vCPUs whose hardware ends interrupts must know. Any context. */
void lapic_ends_changed(struct bellows_vm *vm);
/* Posts the signal and wakes the vCPU. Any context. */
void bellows_apic_signal(struct bellows_apic *apic, enum bellows_apic_signal signal);

/* Takes in what was posted; INIT and SIPI are left to wait_serve_signals(). */
void bellows_apic_take_posted(struct bellows_vcpu *vcpu);

/* Is there an interrupt that the CPU could have now, were it to take interrupts? */
bool bellows_apic_has_interrupt(struct bellows_vcpu *vcpu);
/* The vector that it would get from the APIC itself. -1: none, or the 8259's comes first. */
int bellows_apic_next(struct bellows_vcpu *vcpu);
/* The guest has taken that one by itself. */
void bellows_apic_taken(struct bellows_vcpu *vcpu, u8 vector);
/* Its vector; it is in service from now on. -1: it went away (the 8259 may change its mind). */
int bellows_apic_acknowledge(struct bellows_vcpu *vcpu);

/* IA32_APIC_BASE or the IOAPIC's vectors changed, or the vCPU was reset: tells the backend. */
void bellows_apic_view_changed(struct bellows_vcpu *vcpu);
/* For the backend, before an entry. */
void bellows_apic_tell_vectors(struct bellows_vcpu *vcpu);

#endif
