/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LOOP_H
#define LOOP_H
/*
 * The event loop: one thread that waits for all host descriptors of a VM (disks'
 * completions, taps, terminals, timers, control connections) and calls the owner of
 * each. What takes long goes to a thread of the device's own.
 */
#include <stdint.h>

struct loop;

/* Embedded in its owner, which container_of() finds. */
struct loop_source {
	int fd;
	/* Called in the loop's thread with the EPOLL* bits that are true. */
	void (*ready)(struct loop_source *source, uint32_t events);
};

#define container_of(ptr, type, member)	((type *)((char *)(ptr) - offsetof(type, member)))

/* NULL when out of descriptors or memory. */
struct loop *loop_create(void);
/* From any thread, also before the loop runs. Level triggered. 0 or -errno. */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);
/*
 * When this returns, source->ready is not running (unless it is the caller) and
 * will not run again; its descriptor can be closed. Hold no lock that a ready()
 * takes.
 */
void loop_remove(struct loop *loop, struct loop_source *source);
/* Starts the thread; stops it and waits for it. */
int loop_start(struct loop *loop);
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop);

#endif
