// SPDX-License-Identifier: GPL-2.0
/*
 * What a vCPU does when it does not run: it is halted, or waits for INIT and
 * SIPI. Only with controllers in the kernel; otherwise userspace waits.
 *
 * A waiting vCPU's thread sleeps in KVM_RUN, with the mutex held as ever and the
 * hardware state put away by the scheduler's notifier. Whatever may end the wait
 * is a request and a kick, and no wakeup is lost:
 *
 *	waker				sleeper
 *	-----				-------
 *	set the request			wait->task = current
 *	full barrier			state = INTERRUPTIBLE, full barrier
 *	wait->task? wake it		request or signal? then do not sleep
 *
 * One of the two sees the other's write: either the sleeper sees the request, or
 * the waker sees the sleeper and makes it runnable, whether it sleeps already or
 * is about to. Requests for the sake of translations do not wake: they are served
 * before the next entry. Nor does EVENT, which the thread asks of itself.
 */
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include "backend.h"
#include "guest/inject.h"
#include "irq/apic.h"
#include "run/vcpu_life.h"
#include "run/wait.h"
#include "vm/request.h"

#define NOT_WAKING	(BIT(VCPU_REQ_EVENT) | BIT(VCPU_REQ_TLB_FLUSH) | \
			 BIT(VCPU_REQ_TLB_FLUSH_GUEST) | BIT(VCPU_REQ_MSR_FILTER) | \
			 BIT(VCPU_REQ_APIC_VIEW))

static bool wait_is_bsp(const struct bellows_vcpu *vcpu)
{
	return vcpu->msrs.apic_base & MSR_IA32_APICBASE_BSP;
}

static void wait_take_init(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	emu_reset(vcpu->emu);
	vcpu_reset(vcpu, true);
	bellows_request(vcpu, VCPU_REQ_TLB_FLUSH_GUEST);
	vcpu->mp_state = wait_is_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED;
}

/* Real mode, at the page that the vector says. */
static void wait_take_sipi(struct bellows_vcpu *vcpu)
{
	u8 vector = READ_ONCE(vcpu->apic->sipi_vector);
	struct kvm_segment cs;

	lockdep_assert_loaded(vcpu);
	bellows_backend(get_segment)(vcpu, SEG_CS, &cs);
	cs.selector = vector << 8;
	cs.base = vector << 12;
	bellows_backend(set_segment)(vcpu, SEG_CS, &cs);
	bellows_reg_write(vcpu, VCPU_RIP, 0);
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

/*
 * Both at once: an INIT and the SIPI that follows it may come between two takings, and
 * the SIPI would be taken as one for which the vCPU does not wait. The look is after the
 * barrier with which the request was taken; a signal that comes later requests it again.
 */
static unsigned long wait_take_signals(struct bellows_apic *apic)
{
	const unsigned long both = BIT(BELLOWS_APIC_SIGNAL_INIT) | BIT(BELLOWS_APIC_SIGNAL_SIPI);
	unsigned long old = READ_ONCE(apic->signals);

	while ((old & both) && !try_cmpxchg(&apic->signals, &old, old & ~both))
		;
	return old & both;
}

void wait_serve_signals(struct bellows_vcpu *vcpu)
{
	unsigned long signals;

	lockdep_assert_loaded(vcpu);
	if (!vcpu->apic)
		return;
	bellows_apic_take_posted(vcpu);
	signals = wait_take_signals(vcpu->apic);
	if (signals & BIT(BELLOWS_APIC_SIGNAL_INIT))
		wait_take_init(vcpu);
	/* The vector was there before the signal; a vCPU that waits for no SIPI ignores it. */
	if ((signals & BIT(BELLOWS_APIC_SIGNAL_SIPI)) && vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		wait_take_sipi(vcpu);
}

bool wait_is_over(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	if (vcpu->mp_state != KVM_MP_STATE_HALTED || !bellows_event_wakes(vcpu))
		return false;
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	bellows_request(vcpu, VCPU_REQ_EVENT);
	return true;
}

static bool wait_may_sleep(struct bellows_vcpu *vcpu)
{
	return !(READ_ONCE(vcpu->requests) & ~NOT_WAKING) && !signal_pending(current);
}

void wait_sleep(struct bellows_vcpu *vcpu)
{
	lockdep_assert_loaded(vcpu);
	might_sleep();
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!wait_may_sleep(vcpu))
			break;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
}

void bellows_get_mp_state(struct bellows_vcpu *vcpu, struct kvm_mp_state *state)
{
	lockdep_assert_loaded(vcpu);
	wait_serve_signals(vcpu);
	state->mp_state = vcpu->mp_state;
}

int bellows_set_mp_state(struct bellows_vcpu *vcpu, const struct kvm_mp_state *state)
{
	lockdep_assert_loaded(vcpu);
	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		/* States of an APIC, which userspace may have. */
		if (!vcpu->apic)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (state->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		vcpu->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		bellows_apic_signal(vcpu->apic, BELLOWS_APIC_SIGNAL_SIPI);
	} else {
		vcpu->mp_state = state->mp_state;
	}
	bellows_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}
