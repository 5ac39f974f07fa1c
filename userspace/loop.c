// SPDX-License-Identifier: GPL-2.0
/*
 * An epoll set and a thread.
 *
 * The obstacle is removal: an event that was already fetched must not reach a
 * source that another thread has just removed and freed. So the thread sleeps on
 * the epoll descriptor itself, and fetches one event at a time under a lock that
 * it keeps during the call; removal takes the same lock. That costs a system call
 * more per wakeup, none per further event.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "loop.h"
#include "thread.h"

struct loop {
	int epoll;
	struct loop_source wake;	/* ends the loop */
	pthread_t thread;
	bool running;
	bool ending;			/* l: lock */
	pthread_mutex_t lock;		/* held while a source is called */
};

static __thread struct loop *current;

static void on_wake(struct loop_source *source, uint32_t events)
{
	struct loop *loop = container_of(source, struct loop, wake);

	loop->ending = true;
}

struct loop *loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = (struct loop_source) { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), on_wake };
	if (loop->epoll < 0 || loop->wake.fd < 0 || loop_add(loop, &loop->wake, EPOLLIN)) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

static int control(struct loop *loop, int op, struct loop_source *source, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epoll, op, source->fd, &e) ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, source, events);
}

int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	bool inside = current == loop;

	if (!inside)
		pthread_mutex_lock(&loop->lock);
	control(loop, EPOLL_CTL_DEL, source, 0);
	if (!inside)
		pthread_mutex_unlock(&loop->lock);
}

/* One event; false when there is none, or the loop is to end. */
static bool serve_one(struct loop *loop)
{
	struct loop_source *source;
	struct epoll_event e;
	bool more = false;

	pthread_mutex_lock(&loop->lock);
	if (!loop->ending && epoll_wait(loop->epoll, &e, 1, 0) == 1) {
		source = e.data.ptr;
		source->ready(source, e.events);
		more = !loop->ending;
	}
	pthread_mutex_unlock(&loop->lock);
	return more;
}

static void *thread(void *arg)
{
	struct loop *loop = arg;
	struct pollfd p = { .fd = loop->epoll, .events = POLLIN };

	current = loop;
	while (!loop->ending) {
		poll(&p, 1, -1);
		while (serve_one(loop))
			;
	}
	return NULL;
}

/* Signals are the main thread's. */
int loop_start(struct loop *loop)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = thread_start(&loop->thread, thread, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	loop->running = !err;
	return -err;
}

void loop_stop(struct loop *loop)
{
	uint64_t one = 1;

	if (!loop->running)
		return;
	if (write(loop->wake.fd, &one, sizeof(one)) < 0)
		return;		/* cannot be: the counter is far from full */
	pthread_join(loop->thread, NULL);
	loop->running = false;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop_stop(loop);
	if (loop->wake.fd >= 0)
		close(loop->wake.fd);
	if (loop->epoll >= 0)
		close(loop->epoll);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}
