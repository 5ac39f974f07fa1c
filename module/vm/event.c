// SPDX-License-Identifier: GPL-2.0
/*
 * The queues of events on their way into a guest: exceptions, NMIs, external
 * interrupts.
 *
 * An event is pending until an entry takes it along, and injected from then
 * until the guest has it. Hardware may be interrupted in the middle of a
 * delivery (the stack page was not mapped, say): the exit then reports the
 * event, and it stays injected, to be put in place again. A second exception in
 * that window combines with the first by the rules of the architecture (SDM
 * volume 3, table 6-5): benign, double fault, shutdown.
 *
 * All of this is under vcpu->mutex.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "backend.h"
#include "vm/event.h"
#include "vm/request.h"

#define CONTRIBUTORY	(BIT(X86_TRAP_DE) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
			 BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP))

enum exception_class { BENIGN, CONTRIBUTORY_CLASS, PAGE_FAULT_CLASS };

static enum exception_class event_exception_class(u8 vector)
{
	if (vector == X86_TRAP_PF)
		return PAGE_FAULT_CLASS;
	return vector < 32 && (BIT(vector) & CONTRIBUTORY) ? CONTRIBUTORY_CLASS : BENIGN;
}

static bool event_makes_double_fault(u8 first, u8 second)
{
	enum exception_class a = event_exception_class(first), b = event_exception_class(second);

	return (a == CONTRIBUTORY_CLASS && b == CONTRIBUTORY_CLASS) ||
	       (a == PAGE_FAULT_CLASS && b != BENIGN);
}

static void event_queue(struct bellows_vcpu *vcpu, u8 vector, bool has_error, u32 error,
			bool has_payload, u64 payload)
{
	typeof(vcpu->events.exception) *e = &vcpu->events.exception;

	lockdep_assert_loaded(vcpu);
	bellows_request(vcpu, VCPU_REQ_EVENT);
	if (e->pending || e->injected) {
		if (e->vector == X86_TRAP_DF) {
			memset(e, 0, sizeof(*e));
			bellows_request(vcpu, VCPU_REQ_TRIPLE_FAULT);
			return;
		}
		if (event_makes_double_fault(e->vector, vector)) {
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

static bool event_protected_mode(struct bellows_vcpu *vcpu)
{
	return bellows_reg_read(vcpu, VCPU_CR0) & X86_CR0_PE;
}

void bellows_queue_exception(struct bellows_vcpu *vcpu, u8 vector)
{
	event_queue(vcpu, vector, false, 0, false, 0);
}

void bellows_queue_exception_error(struct bellows_vcpu *vcpu, u8 vector, u32 error)
{
	/* Real mode pushes no error codes, and entry checks refuse them there. */
	event_queue(vcpu, vector, event_protected_mode(vcpu), error, false, 0);
}

void bellows_queue_page_fault(struct bellows_vcpu *vcpu, u64 address, u32 error)
{
	event_queue(vcpu, X86_TRAP_PF, event_protected_mode(vcpu), error, true, address);
}

void bellows_queue_debug(struct bellows_vcpu *vcpu, u64 dr6_bits)
{
	event_queue(vcpu, X86_TRAP_DB, false, 0, true, dr6_bits);
}

void bellows_queue_soft_exception(struct bellows_vcpu *vcpu, u8 vector, u8 insn_len)
{
	event_queue(vcpu, vector, false, 0, false, 0);
	if (vcpu->events.exception.vector == vector) {
		vcpu->events.exception.soft = true;
		vcpu->events.exception.insn_len = insn_len;
	}
}

void bellows_inject_gp(struct bellows_vcpu *vcpu)
{
	bellows_queue_exception_error(vcpu, X86_TRAP_GP, 0);
}

enum { IN_FLIGHT_EXCEPTION = 1, IN_FLIGHT_INTERRUPT = 2, IN_FLIGHT_NMI = 4 };

/* After an entry: what it took along has arrived. */
unsigned int bellows_events_begin_exit(struct bellows_vcpu *vcpu)
{
	struct bellows_events *ev = &vcpu->events;
	unsigned int in_flight = (ev->exception.injected ? IN_FLIGHT_EXCEPTION : 0) |
				 (ev->interrupt.injected ? IN_FLIGHT_INTERRUPT : 0) |
				 (ev->nmi.injected ? IN_FLIGHT_NMI : 0);

	lockdep_assert_loaded(vcpu);
	ev->exception.injected = false;
	ev->interrupt.injected = false;
	ev->nmi.injected = false;
	return in_flight;
}

/* It has not: the CPU refused the entry. */
void bellows_events_restore(struct bellows_vcpu *vcpu, unsigned int in_flight)
{
	struct bellows_events *ev = &vcpu->events;

	lockdep_assert_loaded(vcpu);
	ev->exception.injected = in_flight & IN_FLIGHT_EXCEPTION;
	ev->interrupt.injected = in_flight & IN_FLIGHT_INTERRUPT;
	ev->nmi.injected = in_flight & IN_FLIGHT_NMI;
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

/* What was being delivered when the exit came has not arrived either. */
void bellows_events_after_exit(struct bellows_vcpu *vcpu)
{
	const struct bellows_vectoring *v = &vcpu->exit.vectoring;
	struct bellows_events *ev = &vcpu->events;

	lockdep_assert_loaded(vcpu);
	if (!v->valid)
		return;
	bellows_request(vcpu, VCPU_REQ_EVENT);
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

void bellows_queue_irq(struct bellows_vcpu *vcpu, u8 vector)
{
	lockdep_assert_held(&vcpu->mutex);
	vcpu->events.interrupt.pending = true;
	vcpu->events.interrupt.vector = vector;
	bellows_request(vcpu, VCPU_REQ_EVENT);
}

void bellows_queue_nmi(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	/* One in service, one waiting: hardware remembers no more. */
	unsigned int limit = bellows_backend(get_nmi_mask)(vcpu) || vcpu->events.nmi.injected ? 1 : 2;

	if (vcpu->events.nmi.pending < limit)
		vcpu->events.nmi.pending++;
	bellows_request(vcpu, VCPU_REQ_EVENT);
}
