// SPDX-License-Identifier: GPL-2.0
/*
 * The run loop: in and out of the guest until userspace is needed.
 *
 * Goal: whatever the kernel can answer is answered here, without unloading the
 * guest. The obstacle are other threads that want something of a vCPU that may be
 * in the guest at that moment: they set a request and kick. The order of the
 * two sides' accesses is told where requests are made; this side's is in
 * run_enter(): mode, full barrier, requests, with interrupts off all the while.
 *
 * A stay in the guest is one or more entries. Between them exits are served that
 * need nothing but registers (CPUID, most MSRs, a doorbell), with all of the
 * guest's state loaded and interrupts off; so what such an exit costs is the
 * switch and the service. Nothing is missed meanwhile:
 *
 *  - To the outside the vCPU is in the guest. The IPI of a requester stays
 *    pending while interrupts are off, and makes the next entry exit before or
 *    soon after the guest's first instruction, as any interrupt of the host does.
 *    That exit ends the stay, and interrupts are taken. So a requester waits for
 *    one service and one entry longer, and a thread that waits for its IPI's end
 *    waits for the end of the stay.
 *  - The same holds for the tick and all that follows from it (RCU, time slices,
 *    statistics), and for a raised flag of this thread (a signal,
 *    rescheduling): the flag is followed by an IPI. A service that raises one
 *    of these on this very CPU sends none; so requests and flags are looked at after it.
 *  - NMIs and machine checks are not held back by any of this, or cause an exit
 *    that ends the stay.
 *  - Events: the first entry takes at most one along, later ones none. An exit
 *    that says it was still on its way ends the stay. A service that finds a new
 *    one requests its injection, which ends the stay.
 *  - The host's state cannot change: nothing runs on this CPU but NMIs.
 *
 * The number of entries of a stay is limited all the same. The above relies on
 * hardware alone, and emulators were seen to hold interrupts back from guests
 * that have them disabled.
 */
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include "backend.h"
#include "compat.h"
#include "exit/handlers.h"
#include "guest/debug.h"
#include "guest/fpu.h"
#include "guest/inject.h"
#include "guest/kvmclock.h"
#include "irq/apic.h"
#include "irq/pv_eoi.h"
#include "run/guest_state.h"
#include "run/run.h"
#include "run/wait.h"
#include "run/work.h"
#include "trace.h"
#include "vm/event.h"
#include "vm/request.h"
#include "vm/result.h"

/* Entries of one stay: enough to make what surrounds them cheap. */
#define MAX_ENTRIES	64

/*
 * Few of them are there at a time, and to take one costs more than to look. A full
 * barrier if it is taken: what the requester wrote before is seen then. One that the look
 * misses is seen by run_must_not_enter().
 */
static bool run_take_request(struct bellows_vcpu *vcpu, enum bellows_request request)
{
	lockdep_assert_held(&vcpu->mutex);
	return test_bit(request, &vcpu->requests) && test_and_clear_bit(request, &vcpu->requests);
}

static void run_serve_flushes(struct bellows_vcpu *vcpu)
{
	unsigned long flags;

	local_irq_save(flags);
	if (run_take_request(vcpu, VCPU_REQ_TLB_FLUSH)) {
		clear_bit(VCPU_REQ_TLB_FLUSH_GUEST, &vcpu->requests);
		bellows_backend(flush_tlb)(vcpu);
	}
	if (run_take_request(vcpu, VCPU_REQ_TLB_FLUSH_GUEST))
		bellows_backend(flush_tlb_guest)(vcpu);
	local_irq_restore(flags);
}

static noinline int run_serve_these_requests(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	if (test_bit(VCPU_REQ_VM_DEAD, &vcpu->requests))
		return -EIO;
	run_take_request(vcpu, VCPU_REQ_KICK);
	if (run_take_request(vcpu, VCPU_REQ_TRIPLE_FAULT)) {
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return RUN_TO_USER;
	}
	if (run_take_request(vcpu, VCPU_REQ_MSR_FILTER))
		bellows_backend(update_msr_intercepts)(vcpu);
	if (run_take_request(vcpu, VCPU_REQ_CLOCK))
		bellows_kvmclock_update(vcpu);
	if (run_take_request(vcpu, VCPU_REQ_APIC))
		wait_serve_signals(vcpu);
	if (run_take_request(vcpu, VCPU_REQ_APIC_VIEW))
		bellows_apic_view_changed(vcpu);
	run_serve_flushes(vcpu);
	return RUN_ENTER;
}

/* RUN_ENTER: go on. As bellows_handle_exit(). */
static inline int run_serve_requests(struct bellows_vcpu *vcpu)
{
	return likely(!READ_ONCE(vcpu->requests)) ? RUN_ENTER : run_serve_these_requests(vcpu);
}

/* Requests that were set after run_serve_requests(); EVENT is served by injecting. */
static bool run_must_not_enter(const struct bellows_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) || run_work_pending();
}

static void run_leave_guest_mode(struct bellows_vcpu *vcpu)
{
	lockdep_assert_irqs_disabled();
	/* The requester's IPI must not be needed any more before this is seen. */
	smp_store_release(&vcpu->mode, VCPU_OUTSIDE_GUEST);
}

/* Userspace's debugger, or the APIC, is to see what an exit leaves behind. */
static bool run_must_end_stay(const struct bellows_vcpu *vcpu)
{
	return vcpu->guest_debug || (vcpu->apic && vcpu->apic->eoi_offered);
}

/* Was that exit the last one of this stay? */
static bool run_end_of_stay(const struct bellows_vcpu *vcpu, int r)
{
	return r != RUN_ENTER || run_must_not_enter(vcpu) || vcpu->mp_state != KVM_MP_STATE_RUNNABLE;
}

/* In the guest, until an exit that can't be served here, or whose service ends it. As bellows_handle_quickly(). */
static int run_stay(struct bellows_vcpu *vcpu)
{
	unsigned int left = MAX_ENTRIES;
	int r;

	lockdep_assert_irqs_disabled();
	do {
		bellows_backend(enter)(vcpu);
		if (unlikely(run_must_end_stay(vcpu)) || !bellows_backend(decode_quickly)(vcpu))
			return RUN_LATER;
		r = bellows_handle_quickly(vcpu);
	} while (likely(!run_end_of_stay(vcpu, r)) && --left);
	return r;
}

/* As bellows_handle_quickly(). */
static int run_enter(struct bellows_vcpu *vcpu)
{
	int r;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	preempt_disable();
	local_irq_disable();
	WRITE_ONCE(vcpu->mode, VCPU_IN_GUEST);
	run_work_prepare();
	/* Orders the store of mode before the load of requests. */
	smp_mb();
	if (run_must_not_enter(vcpu)) {
		run_leave_guest_mode(vcpu);
		local_irq_enable();
		preempt_enable();
		bellows_backend(cancel_injection)(vcpu);
		bellows_request(vcpu, VCPU_REQ_EVENT);
		return RUN_ENTER;
	}
	bellows_fpu_enter(vcpu);
	bellows_debug_enter(vcpu);
	run_timing_enter();

	bellows_backend(prepare_enter)(vcpu);
	trace_bellows_entry(vcpu);
	r = run_stay(vcpu);

	bellows_guest_has_run();
	run_leave_guest_mode(vcpu);
	bellows_debug_exit(vcpu);
	bellows_fpu_exit(vcpu);
	bellows_backend(exit_irqoff)(vcpu);
	vcpu->has_run = true;
	/*
	 * A pending host interrupt is taken in this gap, while the CPU's time
	 * still counts as the guest's: a tick that hit the guest is charged to it.
	 */
	local_irq_enable();
	/* STI takes effect behind the next instruction, which must not be CLI. */
	asm volatile("nop" : : : "memory");
	local_irq_disable();
	run_timing_exit();
	local_irq_enable();
	preempt_enable();
	return r;
}

/* One stay in the guest. As bellows_handle_exit(). */
static int run_once(struct bellows_vcpu *vcpu)
{
	int r = run_serve_requests(vcpu);
	unsigned int in_flight;

	lockdep_assert_loaded(vcpu);
	if (r != RUN_ENTER)
		return r;
	/* An INIT came. */
	if (unlikely(vcpu->mp_state != KVM_MP_STATE_RUNNABLE))
		return RUN_ENTER;
	if (run_take_request(vcpu, VCPU_REQ_EVENT) ||
	    (!vcpu->apic && READ_ONCE(vcpu->run->request_interrupt_window)))
		bellows_inject_events(vcpu);
	/* Injecting may have found that the guest shuts down: nothing goes in any more. */
	if (test_bit(VCPU_REQ_TRIPLE_FAULT, &vcpu->requests)) {
		bellows_backend(cancel_injection)(vcpu);
		return RUN_ENTER;
	}
	r = run_enter(vcpu);
	if (r != RUN_LATER)
		return r;
	if (unlikely(vcpu->offered_irq >= 0))
		bellows_events_sync_offer(vcpu);
	if (vcpu->apic && unlikely(vcpu->apic->eoi_offered))
		bellows_apic_sync_eoi(vcpu);
	in_flight = bellows_events_begin_exit(vcpu);
	bellows_backend(decode_exit)(vcpu);
	if (unlikely(vcpu->exit.reason == EXIT_FAIL_ENTRY)) {
		/* The guest did not run, so what should go in did not. */
		bellows_backend(cancel_injection)(vcpu);
		bellows_events_restore(vcpu, in_flight);
	} else {
		bellows_events_after_exit(vcpu);
	}
	trace_bellows_exit(vcpu);
	return bellows_handle_exit(vcpu);
}

static bool run_user_wants_window(struct bellows_vcpu *vcpu)
{
	return !vcpu->apic && READ_ONCE(vcpu->run->request_interrupt_window) && bellows_irq_ready(vcpu);
}

/* Halted or not started: sleeps until that may have changed. As bellows_handle_exit(). */
static int run_wait_once(struct bellows_vcpu *vcpu)
{
	u32 state = vcpu->mp_state;
	int r = run_serve_requests(vcpu);

	lockdep_assert_loaded(vcpu);
	if (r != RUN_ENTER)
		return r;
	/* Userspace is told of the first start, as KVM does it: it calls again. */
	if (vcpu->mp_state != state)
		return state == KVM_MP_STATE_UNINITIALIZED ? -EAGAIN : RUN_ENTER;
	if (!wait_is_over(vcpu))
		wait_sleep(vcpu);
	return RUN_ENTER;
}

int bellows_vcpu_run(struct bellows_vcpu *vcpu)
{
	int r;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	for (;;) {
		if (run_user_wants_window(vcpu)) {
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return RUN_TO_USER;
		}
		if (likely(vcpu->mp_state == KVM_MP_STATE_RUNNABLE))
			r = run_once(vcpu);
		else
			r = run_wait_once(vcpu);
		if (r != RUN_ENTER)
			return r;
		if (run_work_pending()) {
			r = run_work_handle();
			if (r)
				return r;
		}
	}
}
