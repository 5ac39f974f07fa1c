// SPDX-License-Identifier: GPL-2.0
/*
 * No suite, but a piece of a host for the selftests: timers that use the FPU in
 * hard interrupts and in softirqs, as drivers and cryptography may, and leave
 * nothing in its registers as it was. A guest whose stay they interrupt must not
 * notice. Writing a period in microseconds to the parameter fpu_timer_us starts
 * them on the CPU of the writer, 0 stops them; meanwhile the module stays.
 */
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <asm/fpu/api.h>

static struct hrtimer hard, soft;
static unsigned int period_us;		/* changed by one writer at a time, while no timer runs */
static unsigned int fpu_timer_uses;
static DEFINE_MUTEX(period_lock);

module_param(fpu_timer_uses, uint, 0444);

static ktime_t fpu_timer_period(void)
{
	return ns_to_ktime((u64)period_us * NSEC_PER_USEC);
}

static enum hrtimer_restart fpu_timer_fired(struct hrtimer *timer)
{
	if (irq_fpu_usable()) {
		kernel_fpu_begin();
		asm volatile("pcmpeqd %xmm0, %xmm0; movups %xmm0, %xmm7; movups %xmm0, %xmm15");
		kernel_fpu_end();
		WRITE_ONCE(fpu_timer_uses, fpu_timer_uses + 1);
	}
	hrtimer_forward_now(timer, fpu_timer_period());
	return HRTIMER_RESTART;
}

static void fpu_timer_start(struct hrtimer *timer, enum hrtimer_mode mode)
{
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = fpu_timer_fired;
	hrtimer_start(timer, fpu_timer_period(), mode);
}

static int fpu_timer_set(const char *val, const struct kernel_param *kp)
{
	unsigned int us;
	int err = kstrtouint(val, 0, &us);

	if (err)
		return err;
	mutex_lock(&period_lock);
	if (period_us) {
		hrtimer_cancel(&hard);
		hrtimer_cancel(&soft);
		period_us = 0;
		module_put(THIS_MODULE);
	}
	if (us && try_module_get(THIS_MODULE)) {
		period_us = us;
		fpu_timer_start(&hard, HRTIMER_MODE_REL_PINNED_HARD);
		fpu_timer_start(&soft, HRTIMER_MODE_REL_PINNED_SOFT);
	}
	mutex_unlock(&period_lock);
	return 0;
}

static const struct kernel_param_ops period_ops = {
	.set = fpu_timer_set,
	.get = param_get_uint,
};
module_param_cb(fpu_timer_us, &period_ops, &period_us, 0644);
