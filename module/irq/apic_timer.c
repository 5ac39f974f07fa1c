// SPDX-License-Identifier: GPL-2.0
/*
 * A local APIC's timer: one high-resolution timer of the host per vCPU.
 *
 * The callback posts a signal and nothing else; all of the timer's state belongs
 * to the vCPU's thread. Even a periodic timer is armed again by the thread, when
 * it takes the signal in: a vCPU that does not get to run (no thread is in KVM_RUN,
 * the host is busy) costs the host no interrupts, and when it runs again, it gets
 * the one interrupt that the periods it missed have coalesced into. Periods are
 * counted from the first start, so that nothing drifts. They have a lower bound,
 * or a guest could keep the host's CPU in timer interrupts.
 *
 * While a period's interrupt waits for the guest to take it, a further one would add
 * nothing: the timer rests. Without that a host that takes longer than a period to
 * enter the guest would never get it to its first instruction: each entry would end
 * at once for the next period. Where the CPU lets the guest take an interrupt without
 * an exit, the timer goes on at the next one, and a period that ends before is lost,
 * as if it had coalesced.
 *
 * A deadline is a time of the guest's TSC, which may not agree with the host's
 * clock (it is being adjusted, or was calibrated badly), and moves when the guest
 * or userspace writes it. So the host's time is only an estimate of when to look:
 * when it is up and the TSC is not there yet, the timer is armed again for the
 * rest. It does not matter which CPU that happens on: TSCs are synchronous on any
 * host whose kernel uses them as a clock, and the guest sees the same ones.
 */
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <asm/tsc.h>
#include "irq/apic.h"
#include "irq/apic_timer.h"
#include "vm/request.h"
#include "vm/result.h"
#include "vm/tsc.h"

#define MIN_PERIOD_NS	(200 * NSEC_PER_USEC)
/* Far enough; conversions do not overflow. */
#define MAX_TSC_DELTA	(1ULL << 56)

static enum hrtimer_restart lapic_timer_fired(struct hrtimer *timer)
{
	struct bellows_apic *apic = container_of(timer, struct bellows_apic, timer);

	bellows_apic_signal(apic, BELLOWS_APIC_SIGNAL_TIMER);
	return HRTIMER_NORESTART;
}

void lapic_timer_init(struct bellows_apic *apic)
{
	hrtimer_init(&apic->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	apic->timer.function = lapic_timer_fired;
}

static void lapic_timer_stop(struct bellows_apic *apic)
{
	lockdep_assert_held(&apic->vcpu->mutex);
	apic->rests = false;
	if (!apic->armed)
		return;
	hrtimer_cancel(&apic->timer);
	clear_bit(BELLOWS_APIC_SIGNAL_TIMER, &apic->signals);
}

/* One that has fired is not armed, but its callback may still be about to return. */
void lapic_timer_destroy(struct bellows_apic *apic)
{
	hrtimer_cancel(&apic->timer);
}

void lapic_timer_cancel(struct bellows_apic *apic)
{
	lapic_timer_stop(apic);
	apic->armed = false;
	apic->deadline = 0;
}

static void lapic_timer_arm(struct bellows_apic *apic, ktime_t end)
{
	lapic_timer_stop(apic);
	apic->armed = true;
	apic->end = end;
	if (end <= ktime_get())
		bellows_apic_signal(apic, BELLOWS_APIC_SIGNAL_TIMER);
	else
		hrtimer_start(&apic->timer, end, HRTIMER_MODE_ABS_HARD);
}

static u64 lapic_timer_interval(const struct bellows_apic *apic)
{
	u64 ns = lapic_regs_timer_period(&apic->regs);

	if (lapic_regs_timer_mode(&apic->regs) == LAPIC_TIMER_PERIODIC)
		ns = max_t(u64, ns, MIN_PERIOD_NS);
	return ns;
}

/* Estimates when the TSC will be there. */
static void lapic_timer_arm_deadline(struct bellows_apic *apic, u64 tsc)
{
	u64 left = 0;
	ktime_t now = ktime_get();

	if (apic->deadline > tsc)
		left = min(apic->deadline - tsc, MAX_TSC_DELTA);
	if (left)
		left = mul_u64_u32_div(left, USEC_PER_SEC, tsc_khz) + 1;
	lapic_timer_arm(apic, ktime_add_ns(now, left));
}

static void lapic_timer_interrupt(struct bellows_apic *apic)
{
	u32 lvt = apic->regs.reg[LAPIC_LVT_TIMER].v;

	if (!(lvt & LAPIC_LVT_MASKED) && (lvt & 0xf0))
		lapic_regs_accept(&apic->regs, lvt, false);
}

void lapic_timer_start(struct bellows_apic *apic, bool from_current)
{
	struct lapic_regs *regs = &apic->regs;
	u64 ns = lapic_timer_interval(apic);

	lockdep_assert_held(&apic->vcpu->mutex);
	if (lapic_regs_timer_mode(regs) == LAPIC_TIMER_DEADLINE)
		return;
	if (!regs->reg[LAPIC_TMICT].v) {
		lapic_timer_cancel(apic);
		return;
	}
	if (from_current) {
		/* A count that had come to its end. */
		if (!regs->reg[LAPIC_TMCCT].v &&
		    lapic_regs_timer_mode(regs) == LAPIC_TIMER_ONE_SHOT)
			return;
		if (regs->reg[LAPIC_TMCCT].v)
			ns = min(ns, (u64)regs->reg[LAPIC_TMCCT].v << lapic_regs_timer_shift(regs));
	}
	lapic_timer_arm(apic, ktime_add_ns(ktime_get(), ns));
}

u32 lapic_timer_current(struct bellows_apic *apic)
{
	u64 whole = lapic_timer_interval(apic);
	s64 left;

	lockdep_assert_held(&apic->vcpu->mutex);
	if (!apic->armed || lapic_regs_timer_mode(&apic->regs) == LAPIC_TIMER_DEADLINE)
		return 0;
	left = ktime_to_ns(ktime_sub(apic->end, ktime_get()));
	if (left <= 0) {
		if (lapic_regs_timer_mode(&apic->regs) == LAPIC_TIMER_ONE_SHOT)
			return 0;
		/* Periods that have not been counted yet. */
		left = whole - (u64)-left % whole;
	}
	return lapic_regs_timer_count(&apic->regs, left);
}

void lapic_timer_divide(struct bellows_apic *apic, u32 count)
{
	if (!apic->armed || lapic_regs_timer_mode(&apic->regs) == LAPIC_TIMER_DEADLINE)
		return;
	lapic_timer_arm(apic, ktime_add_ns(ktime_get(),
					   (u64)count << lapic_regs_timer_shift(&apic->regs)));
}

/* Between counting and the deadline nothing carries over; between once and again the count does. */
void lapic_timer_mode_changed(struct bellows_apic *apic)
{
	bool deadline = lapic_regs_timer_mode(&apic->regs) == LAPIC_TIMER_DEADLINE;

	if (deadline || apic->deadline) {
		lapic_timer_cancel(apic);
		apic->regs.reg[LAPIC_TMICT].v = 0;
	}
}

void lapic_timer_next_period(struct bellows_apic *apic)
{
	u64 whole = lapic_timer_interval(apic);
	s64 late = ktime_to_ns(ktime_sub(ktime_get(), apic->end));

	lockdep_assert_held(&apic->vcpu->mutex);
	if (!whole || late < 0)
		late = 0;
	lapic_timer_arm(apic, ktime_add_ns(apic->end, late + whole - (whole ? late % whole : 0)));
}

/* Nor has one to say that may send no interrupt, until its LVT entry is written. */
static bool lapic_timer_is_silent(const struct bellows_apic *apic)
{
	u32 lvt = apic->regs.reg[LAPIC_LVT_TIMER].v;

	return (lvt & LAPIC_LVT_MASKED) || !(lvt & 0xf0) ||
	       lapic_regs_test(&apic->regs, LAPIC_IRR, lvt);
}

/* Time is up. False: for the deadline it is not yet. */
static bool lapic_timer_ended(struct bellows_apic *apic)
{
	u64 tsc;

	switch (lapic_regs_timer_mode(&apic->regs)) {
	case LAPIC_TIMER_DEADLINE:
		if (!apic->deadline)
			return false;
		tsc = bellows_guest_tsc(apic->vcpu);
		if (tsc < apic->deadline) {
			lapic_timer_arm_deadline(apic, tsc);
			return false;
		}
		apic->deadline = 0;
		apic->armed = false;
		return true;
	case LAPIC_TIMER_PERIODIC:
		if (lapic_timer_is_silent(apic))
			apic->rests = true;
		else
			lapic_timer_next_period(apic);
		return true;
	default:
		apic->armed = false;
		return true;
	}
}

void lapic_timer_expired(struct bellows_apic *apic)
{
	lockdep_assert_held(&apic->vcpu->mutex);
	if (apic->armed && lapic_timer_ended(apic))
		lapic_timer_interrupt(apic);
}

void bellows_apic_tsc_moved(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	if (vcpu->apic && vcpu->apic->deadline)
		lapic_timer_arm_deadline(vcpu->apic, bellows_guest_tsc(vcpu));
}

static bool lapic_timer_in_deadline_mode(const struct bellows_vcpu *vcpu)
{
	return vcpu->apic && vcpu->apic->regs.enabled && tsc_khz &&
	       lapic_regs_timer_mode(&vcpu->apic->regs) == LAPIC_TIMER_DEADLINE;
}

int bellows_apic_deadline_get(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	*value = 0;
	if (lapic_timer_in_deadline_mode(vcpu)) {
		/* The guest must not see a deadline that has passed. */
		bellows_apic_take_posted(vcpu);
		*value = vcpu->apic->deadline;
	}
	return MSR_RESULT_OK;
}

int bellows_apic_deadline_set(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	struct bellows_apic *apic = vcpu->apic;
	u64 tsc;

	lockdep_assert_held(&vcpu->mutex);
	if (!lapic_timer_in_deadline_mode(vcpu))
		return MSR_RESULT_OK;
	lapic_timer_cancel(apic);
	if (!value)
		return MSR_RESULT_OK;
	tsc = bellows_guest_tsc(vcpu);
	if (value <= tsc) {
		lapic_timer_interrupt(apic);
		bellows_request(vcpu, VCPU_REQ_EVENT);
	} else {
		apic->deadline = value;
		lapic_timer_arm_deadline(apic, tsc);
	}
	return MSR_RESULT_OK;
}
