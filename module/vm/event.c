// SPDX-License-Identifier: GPL-2.0
/*
 * Events on their way into a guest: exceptions, NMIs, external interrupts.
 *
 * An event is pending until an entry takes it along, and injected from then
 * until the guest has it. Hardware may be interrupted in the middle of a
 * delivery (the stack page was not mapped, say): the exit then reports the
 * event, and it stays injected, to be put in place again. A second exception in
 * that window combines with the first by the rules of the architecture (SDM
 * volume 3, table 6-5): benign, double fault, shutdown.
 *
 * At most one event goes with an entry. The order is the architecture's: what
 * was being delivered, then exceptions, NMI, interrupts. What cannot go along
 * asks for a window, an exit as soon as the guest can take it.
 *
 * All of this is under vcpu->mutex.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include "backend.h"
#include "irq/apic.h"
#include "vm/event.h"
#include "vm/request.h"

#define CONTRIBUTORY	(BIT(X86_TRAP_DE) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
			 BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP))

/* Not faults: traps and aborts. */
#define NOT_FAULTS	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_NMI) | BIT(X86_TRAP_BP) | \
			 BIT(X86_TRAP_OF) | BIT(X86_TRAP_DF) | BIT(X86_TRAP_MC))

enum exception_class { BENIGN, CONTRIBUTORY_CLASS, PAGE_FAULT_CLASS };

static enum exception_class exception_class(u8 vector)
{
	if (vector == X86_TRAP_PF)
		return PAGE_FAULT_CLASS;
	return vector < 32 && (BIT(vector) & CONTRIBUTORY) ? CONTRIBUTORY_CLASS : BENIGN;
}

static bool makes_double_fault(u8 first, u8 second)
{
	enum exception_class a = exception_class(first), b = exception_class(second);

	return (a == CONTRIBUTORY_CLASS && b == CONTRIBUTORY_CLASS) ||
	       (a == PAGE_FAULT_CLASS && b != BENIGN);
}

static void queue(struct bellows_vcpu *vcpu, u8 vector, bool has_error, u32 error,
		  bool has_payload, u64 payload)
{
	typeof(vcpu->events.exception) *e = &vcpu->events.exception;

	bellows_request(vcpu, BELLOWS_REQ_EVENT);
	if (e->pending || e->injected) {
		if (e->vector == X86_TRAP_DF) {
			memset(e, 0, sizeof(*e));
			bellows_request(vcpu, BELLOWS_REQ_TRIPLE_FAULT);
			return;
		}
		if (makes_double_fault(e->vector, vector)) {
			vector = X86_TRAP_DF;
			has_error = true;
			error = 0;
			has_payload = false;
		}
		/* Otherwise the second one is delivered; the first comes back when its instruction runs again. */
	}
	*e = (typeof(*e)) {
		.pending = true,
		.vector = vector,
		.has_error = has_error,
		.error = error,
		.has_payload = has_payload,
		.payload = payload,
	};
}

static bool protected_mode(struct bellows_vcpu *vcpu)
{
	return bellows_reg_read(vcpu, BELLOWS_CR0) & X86_CR0_PE;
}

void bellows_queue_exception(struct bellows_vcpu *vcpu, u8 vector)
{
	queue(vcpu, vector, false, 0, false, 0);
}

void bellows_queue_exception_error(struct bellows_vcpu *vcpu, u8 vector, u32 error)
{
	/* Real mode pushes no error codes, and entry checks refuse them there. */
	queue(vcpu, vector, protected_mode(vcpu), error, false, 0);
}

void bellows_queue_page_fault(struct bellows_vcpu *vcpu, u64 address, u32 error)
{
	queue(vcpu, X86_TRAP_PF, protected_mode(vcpu), error, true, address);
}

void bellows_queue_debug(struct bellows_vcpu *vcpu, u64 dr6_bits)
{
	queue(vcpu, X86_TRAP_DB, false, 0, true, dr6_bits);
}

void bellows_queue_soft_exception(struct bellows_vcpu *vcpu, u8 vector, u8 insn_len)
{
	queue(vcpu, vector, false, 0, false, 0);
	if (vcpu->events.exception.vector == vector) {
		vcpu->events.exception.soft = true;
		vcpu->events.exception.insn_len = insn_len;
	}
}

void bellows_inject_gp(struct bellows_vcpu *vcpu)
{
	bellows_queue_exception_error(vcpu, X86_TRAP_GP, 0);
}

/* What a fault leaves in registers, written when it is delivered and not before. */
void bellows_deliver_payload(struct bellows_vcpu *vcpu)
{
	typeof(vcpu->events.exception) *e = &vcpu->events.exception;

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

enum { IN_FLIGHT_EXCEPTION = 1, IN_FLIGHT_INTERRUPT = 2, IN_FLIGHT_NMI = 4 };

/* After an entry: what it took along has arrived. */
unsigned int bellows_events_begin_exit(struct bellows_vcpu *vcpu)
{
	struct bellows_events *ev = &vcpu->events;
	unsigned int in_flight = (ev->exception.injected ? IN_FLIGHT_EXCEPTION : 0) |
				 (ev->interrupt.injected ? IN_FLIGHT_INTERRUPT : 0) |
				 (ev->nmi.injected ? IN_FLIGHT_NMI : 0);

	ev->exception.injected = false;
	ev->interrupt.injected = false;
	ev->nmi.injected = false;
	return in_flight;
}

/* It has not: the CPU refused the entry. */
void bellows_events_restore(struct bellows_vcpu *vcpu, unsigned int in_flight)
{
	struct bellows_events *ev = &vcpu->events;

	ev->exception.injected = in_flight & IN_FLIGHT_EXCEPTION;
	ev->interrupt.injected = in_flight & IN_FLIGHT_INTERRUPT;
	ev->nmi.injected = in_flight & IN_FLIGHT_NMI;
	bellows_request(vcpu, BELLOWS_REQ_EVENT);
}

/* What was being delivered when the exit came has not arrived either. */
void bellows_events_after_exit(struct bellows_vcpu *vcpu)
{
	const struct bellows_vectoring *v = &vcpu->exit.vectoring;
	struct bellows_events *ev = &vcpu->events;

	if (!v->valid)
		return;
	bellows_request(vcpu, BELLOWS_REQ_EVENT);
	switch (v->type) {
	case BELLOWS_EVENT_NMI:
		ev->nmi.injected = true;
		/* It is masked from the start of its delivery; delivered again it masks again. */
		bellows_backend(set_nmi_mask)(vcpu, false);
		break;
	case BELLOWS_EVENT_EXCEPTION:
	case BELLOWS_EVENT_SOFT_EXCEPTION:
		memset(&ev->exception, 0, sizeof(ev->exception));
		ev->exception.injected = true;
		ev->exception.vector = v->vector;
		ev->exception.has_error = v->has_error;
		ev->exception.error = v->error;
		ev->exception.soft = v->type == BELLOWS_EVENT_SOFT_EXCEPTION;
		ev->exception.insn_len = v->insn_len;
		break;
	default:
		ev->interrupt.injected = true;
		ev->interrupt.vector = v->vector;
		ev->interrupt.soft = v->type == BELLOWS_EVENT_SOFT_INTERRUPT;
		ev->interrupt.insn_len = v->insn_len;
	}
}

static bool inject_pending_exception(struct bellows_vcpu *vcpu)
{
	typeof(vcpu->events.exception) *e = &vcpu->events.exception;

	if (!e->pending)
		return false;
	bellows_deliver_payload(vcpu);
	if (e->vector < 32 && !(BIT(e->vector) & NOT_FAULTS)) {
		/* A fault pushes RF set, so that a breakpoint on the instruction is not hit twice. */
		u64 rflags = bellows_reg_read(vcpu, BELLOWS_RFLAGS);

		if (!(rflags & X86_EFLAGS_RF))
			bellows_reg_write(vcpu, BELLOWS_RFLAGS, rflags | X86_EFLAGS_RF);
	}
	e->pending = false;
	e->injected = true;
	vcpu->stats.injected_exception++;
	bellows_backend(inject_exception)(vcpu);
	return true;
}

/* What was in flight goes first. True when there was something. */
static bool reinject(struct bellows_vcpu *vcpu)
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
	bellows_backend(inject_irq)(vcpu);
	return true;
}

/*
 * What can't go along now is offered, where hardware knows how: the guest takes it
 * without an exit. The APIC's registers learn of it after the next one.
 */
static bool offer(struct bellows_vcpu *vcpu)
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
	if (!bellows_backend(irq_taken)(vcpu))
		return;
	bellows_apic_taken(vcpu, vcpu->offered_irq);
	vcpu->offered_irq = -1;
	vcpu->stats.injected_irq++;
}

/* Does an interrupt wait for the guest to take interrupts? */
static bool wants_irq_window(struct bellows_vcpu *vcpu)
{
	if (vcpu->events.interrupt.pending)
		return true;
	return vcpu->apic ? bellows_apic_has_interrupt(vcpu) :
			    READ_ONCE(vcpu->run->request_interrupt_window);
}

static void put_back(struct bellows_events *ev)
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
	bool done = reinject(vcpu), offered;

	/*
	 * An exception found while an interrupt or an NMI was being delivered: the
	 * exception is delivered now, the other after it.
	 */
	if (!done)
		done = inject_pending_exception(vcpu);
	if (done && ev->exception.injected)
		put_back(ev);
	if (!done)
		done = inject_pending_nmi(vcpu);
	if (!done)
		done = inject_pending_irq(vcpu);
	/* Its handler may come by the instruction that is half done, with other things in mind. */
	if (done && unlikely(bellows_emulator_busy(vcpu->emu)))
		bellows_emulator_reset(vcpu->emu);
	if (ev->nmi.pending)
		bellows_backend(request_nmi_window)(vcpu);
	offered = offer(vcpu);
	bellows_backend(request_irq_window)(vcpu, !offered && wants_irq_window(vcpu));
	if (vcpu->apic)
		bellows_apic_offer_eoi(vcpu);
}

/* Could userspace's interrupt go in with the next entry, and not wait? */
bool bellows_irq_ready(struct bellows_vcpu *vcpu)
{
	const struct bellows_events *ev = &vcpu->events;

	return !ev->interrupt.pending && !ev->interrupt.injected && !ev->exception.pending &&
	       !ev->exception.injected && !ev->nmi.injected && bellows_backend(irq_allowed)(vcpu);
}

/* What ends a halt. */
bool bellows_event_wakes(struct bellows_vcpu *vcpu)
{
	const struct bellows_events *ev = &vcpu->events;

	if (ev->exception.pending || ev->exception.injected || ev->nmi.injected || ev->interrupt.injected)
		return true;
	if (ev->nmi.pending && bellows_backend(nmi_allowed)(vcpu))
		return true;
	return (ev->interrupt.pending || bellows_apic_has_interrupt(vcpu)) &&
	       bellows_backend(irq_allowed)(vcpu);
}

void bellows_queue_irq(struct bellows_vcpu *vcpu, u8 vector)
{
	vcpu->events.interrupt.pending = true;
	vcpu->events.interrupt.vector = vector;
	bellows_request(vcpu, BELLOWS_REQ_EVENT);
}

void bellows_queue_nmi(struct bellows_vcpu *vcpu)
{
	/* One in service, one waiting: hardware remembers no more. */
	unsigned int limit = bellows_backend(get_nmi_mask)(vcpu) || vcpu->events.nmi.injected ? 1 : 2;

	if (vcpu->events.nmi.pending < limit)
		vcpu->events.nmi.pending++;
	bellows_request(vcpu, BELLOWS_REQ_EVENT);
}
