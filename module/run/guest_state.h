/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_GUEST_STATE_H
#define BELLOWS_GUEST_STATE_H
/*
 * Tells the kernel that a CPU is about to run a guest, and that it is back:
 * CPU time accounting, RCU and context tracking (a CPU in a guest is quiescent),
 * lockdep's idea of whether interrupts are on. The kernel's own helpers of this
 * kind live in a header that belongs to KVM and claims our type names.
 */
#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/vtime.h>

/* Interrupts off. From here the CPU's time is the guest's. */
static inline void run_timing_enter(void)
{
	vtime_account_guest_enter();
}

/* Interrupts may have been on in between, so that the tick saw the guest. */
static inline void run_timing_exit(void)
{
	vtime_account_guest_exit();
}

/*
 * Around the entry itself: nothing in between may be traced, or take a lock.
 *
 * A CPU in a guest is quiescent for RCU. Where the tick is what tells RCU so (that
 * is, without context tracking), once per tick is as often as RCU listens:
 * the tick makes a guest exit, and the entry after it reports. *reported is the
 * vCPU's, in jiffies.
 */
static __always_inline void bellows_guest_state_enter(unsigned long *reported)
{
	unsigned long now = jiffies;

	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();

	if (!context_tracking_guest_enter() && *reported != now) {
		instrumentation_begin();
		*reported = now;
		rcu_note_context_switch(false);
		instrumentation_end();
	}
	lockdep_hardirqs_on(CALLER_ADDR0);
}

static __always_inline void bellows_guest_state_exit(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();

	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

#endif
