// SPDX-License-Identifier: GPL-2.0
/*
 * Injection: which event goes into the guest with the next entry.
 *
 * At most one event goes with an entry. The order is the architecture's: what
 * was being delivered, then exceptions, NMI, interrupts. What cannot go along
 * asks for a window, an exit as soon as the guest can take it; where hardware
 * can hold an interrupt until the guest takes it by itself, it is offered that.
 *
 * All of this is under vcpu->mutex.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "guest/debug.h"
#include "guest/inject.h"
#include "irq/apic.h"
#include "irq/pv_eoi.h"
#include "trace.h"
#include "vm/request.h"

/* Not faults: traps and aborts. */
#define NOT_FAULTS	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_NMI) | BIT(X86_TRAP_BP) | \
			 BIT(X86_TRAP_OF) | BIT(X86_TRAP_DF) | BIT(X86_TRAP_MC))

void bellows_deliver_payload(struct bellows_vcpu *vcpu)
{
	typeof(vcpu->events.exception) *e = &vcpu->events.exception;

	lockdep_assert_loaded(vcpu);
	if (!e->has_payload)
		return;
	if (e->vector == X86_TRAP_PF) {
		vcpu->cr2 = e->payload;
	} else if (e->vector == X86_TRAP_DB) {
		vcpu->dr6 &= ~DR_TRAP_BITS;
		/* The payload has set bits for what happened; some bits of DR6 are active low. */
		vcpu->dr6 |= DR6_RESERVED;
		vcpu->dr6 |= e->payload;
		vcpu->dr6 ^= e->payload & DR6_RESERVED;
		if (vcpu->dr7 & DR7_GD) {
			vcpu->dr7 &= ~(u64)DR7_GD;
			bellows_update_dr7(vcpu);
		}
	}
	e->has_payload = false;
	e->payload = 0;
}

static bool inject_pending_exception(struct bellows_vcpu *vcpu)
{
	typeof(vcpu->events.exception) *e = &vcpu->events.exception;

	if (!e->pending)
		return false;
	bellows_deliver_payload(vcpu);
	if (e->vector < 32 && !(BIT(e->vector) & NOT_FAULTS)) {
		/* A fault pushes RF set, so that a breakpoint on the instruction is not hit twice. */
		u64 rflags = bellows_reg_read(vcpu, VCPU_RFLAGS);

		if (!(rflags & X86_EFLAGS_RF))
			bellows_reg_write(vcpu, VCPU_RFLAGS, rflags | X86_EFLAGS_RF);
	}
	e->pending = false;
	e->injected = true;
	vcpu->stats.injected_exception++;
	trace_bellows_inj_exception(vcpu->id, e->vector, e->has_error, e->error);
	bellows_backend(inject_exception)(vcpu);
	return true;
}

/* What was in flight goes first. True when there was something. */
static bool inject_again(struct bellows_vcpu *vcpu)
{
	struct bellows_events *ev = &vcpu->events;

	if (ev->exception.injected)
		bellows_backend(inject_exception)(vcpu);
	else if (ev->exception.pending)
		return false;
	else if (ev->nmi.injected)
		bellows_backend(inject_nmi)(vcpu);
	else if (ev->interrupt.injected)
		bellows_backend(inject_irq)(vcpu);
	else
		return false;
	return true;
}

static bool inject_pending_nmi(struct bellows_vcpu *vcpu)
{
	struct bellows_events *ev = &vcpu->events;

	if (!ev->nmi.pending || !bellows_backend(nmi_allowed)(vcpu))
		return false;
	ev->nmi.pending--;
	ev->nmi.injected = true;
	vcpu->stats.injected_nmi++;
	trace_bellows_inj_nmi(vcpu->id);
	bellows_backend(inject_nmi)(vcpu);
	return true;
}

static bool inject_pending_irq(struct bellows_vcpu *vcpu)
{
	struct bellows_events *ev = &vcpu->events;

	/* The APIC may have more, and nothing is taken from it before it can go along. */
	if (!ev->interrupt.pending && !(vcpu->apic && bellows_apic_has_interrupt(vcpu)))
		return false;
	if (!bellows_backend(irq_allowed)(vcpu))
		return false;
	if (!ev->interrupt.pending) {
		int vector = bellows_apic_acknowledge(vcpu);

		if (vector < 0)
			return false;
		ev->interrupt.vector = vector;
	}
	ev->interrupt.pending = false;
	ev->interrupt.injected = true;
	ev->interrupt.soft = false;
	vcpu->stats.injected_irq++;
	trace_bellows_inj_virq(vcpu->id, ev->interrupt.vector);
	bellows_backend(inject_irq)(vcpu);
	return true;
}

/*
 * What can't go along now is offered, where hardware knows how: the guest takes it
 * without an exit. The APIC's registers learn of it after the next one.
 */
static bool inject_offer(struct bellows_vcpu *vcpu)
{
	int vector = -1;

	if (!vcpu->apic)
		return false;
	bellows_apic_tell_vectors(vcpu);
	if (!vcpu->events.interrupt.pending)
		vector = bellows_apic_next(vcpu);
	if (vector < 0 && vcpu->offered_irq < 0)
		return false;
	vcpu->offered_irq = bellows_backend(offer_irq)(vcpu, vector) ? vector : -1;
	return vcpu->offered_irq >= 0;
}

void bellows_events_sync_offer(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	if (!bellows_backend(irq_taken)(vcpu))
		return;
	trace_bellows_inj_virq(vcpu->id, vcpu->offered_irq);
	bellows_apic_taken(vcpu, vcpu->offered_irq);
	vcpu->offered_irq = -1;
	vcpu->stats.injected_irq++;
}

/* Does an interrupt wait for the guest to take interrupts? */
static bool inject_wants_window(struct bellows_vcpu *vcpu)
{
	if (vcpu->events.interrupt.pending)
		return true;
	return vcpu->apic ? bellows_apic_has_interrupt(vcpu) :
			    READ_ONCE(vcpu->run->request_interrupt_window);
}

static void inject_put_back(struct bellows_events *ev)
{
	if (ev->interrupt.injected && !ev->interrupt.soft) {
		ev->interrupt.injected = false;
		ev->interrupt.pending = true;
	}
	if (ev->nmi.injected) {
		ev->nmi.injected = false;
		ev->nmi.pending = min(ev->nmi.pending + 1, 2);
	}
}

void bellows_inject_events(struct bellows_vcpu *vcpu)
{
	struct bellows_events *ev = &vcpu->events;
	bool done = inject_again(vcpu), offered;

	lockdep_assert_loaded(vcpu);
	/*
	 * An exception found while an interrupt or an NMI was being delivered: the
	 * exception is delivered now, the other after it.
	 */
	if (!done)
		done = inject_pending_exception(vcpu);
	if (done && ev->exception.injected)
		inject_put_back(ev);
	if (!done)
		done = inject_pending_nmi(vcpu);
	if (!done)
		done = inject_pending_irq(vcpu);
	/* Its handler may come by the instruction that is half done, with other things in mind. */
	if (done && unlikely(emu_busy(vcpu->emu)))
		emu_reset(vcpu->emu);
	if (ev->nmi.pending)
		bellows_backend(request_nmi_window)(vcpu);
	offered = inject_offer(vcpu);
	bellows_backend(request_irq_window)(vcpu, !offered && inject_wants_window(vcpu));
	if (vcpu->apic)
		bellows_apic_offer_eoi(vcpu);
}

bool bellows_irq_ready(struct bellows_vcpu *vcpu)
{
	const struct bellows_events *ev = &vcpu->events;

	lockdep_assert_loaded(vcpu);
	return !ev->interrupt.pending && !ev->interrupt.injected && !ev->exception.pending &&
	       !ev->exception.injected && !ev->nmi.injected && bellows_backend(irq_allowed)(vcpu);
}

bool bellows_event_wakes(struct bellows_vcpu *vcpu)
{
	const struct bellows_events *ev = &vcpu->events;

	lockdep_assert_loaded(vcpu);
	if (ev->exception.pending || ev->exception.injected || ev->nmi.injected || ev->interrupt.injected)
		return true;
	if (ev->nmi.pending && bellows_backend(nmi_allowed)(vcpu))
		return true;
	return (ev->interrupt.pending || bellows_apic_has_interrupt(vcpu)) &&
	       bellows_backend(irq_allowed)(vcpu);
}
