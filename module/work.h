/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_WORK_H
#define BELLOWS_WORK_H
/* Work that must be done before a thread enters a guest. */
#include <linux/types.h>

bool bellows_work_pending(void);
int bellows_handle_work(void);		/* 0 or -EINTR: a signal is pending */
void bellows_work_prepare(void);	/* interrupts off, last thing before bellows_work_pending() */

#endif
