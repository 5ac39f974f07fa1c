/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_WORK_H
#define BELLOWS_WORK_H
/* Work that must be done before a thread enters a guest. */
#include <linux/entry-kvm.h>

static inline bool run_work_pending(void)
{
	return __xfer_to_guest_mode_work_pending();
}

/* Interrupts off, last thing before run_work_pending(). */
static inline void run_work_prepare(void)
{
	xfer_to_guest_mode_prepare();
}

int run_work_handle(void);		/* 0 or -EINTR: a signal is pending */

#endif
