/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads with small stacks. In the usual 8 MiB of one the kernel may put a huge
 * page under the few KiB that are used, and a VM's launcher has a thread for each
 * vCPU: that made twice the memory of it, now and then.
 */
#ifndef BELLOWS_THREAD_H
#define BELLOWS_THREAD_H

#include <pthread.h>

#define THREAD_STACK	(512 << 10)

/* 0 or an errno, as pthread_create(). */
static inline int thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, THREAD_STACK);
	if (!err)
		err = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return err;
}

#endif
