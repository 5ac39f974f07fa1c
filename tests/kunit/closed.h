/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_TESTS_KUNIT_CLOSED_H
#define BELLOWS_TESTS_KUNIT_CLOSED_H
/*
 * Objects are files. Kernel threads, which tests run in, close those later: by a work
 * item, which may have its list already, on another CPU, when the list is asked for.
 */
#include <linux/file.h>
#include <linux/workqueue.h>

static inline void wait_until_closed(void)
{
	flush_delayed_fput();
	__flush_workqueue(system_wq);
}

#endif
