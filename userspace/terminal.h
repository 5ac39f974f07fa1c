/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TERMINAL_H
#define TERMINAL_H
/*
 * The host's end of a guest's console: this process's stdin and stdout, and any
 * number of control connections that follow along.
 *
 * Output is gathered for a few milliseconds or a line, and never blocks a vCPU: when
 * a reader is slow, the buffer fills, and the device says "busy" to its guest.
 */
#include <stdbool.h>
#include <stddef.h>
#include "vm.h"

struct terminal;

/* Uses the VM's loop. in and out are descriptors or -1, and stay the caller's. */
struct terminal *terminal_create(struct vm *vm, int in, int out);
/* Writes out what is left, for a short while, and gives the user's terminal back. */
void terminal_free(struct terminal *terminal);
/* Puts a user's terminal into raw mode, with Ctrl-A as the escape key. 0 or -errno. */
int terminal_start(struct terminal *terminal);
void terminal_stop(struct terminal *terminal);

/* Both are called in the loop's thread, without locks: there is input; there is room again. */
void terminal_connect(struct terminal *terminal, void (*input)(void *opaque),
		      void (*room)(void *opaque), void *opaque);
/* Takes as much as there is. From any thread. */
size_t terminal_read(struct terminal *terminal, void *data, size_t len);
/* Returns how much was taken; less than len: wait for room(). From any thread. */
size_t terminal_write(struct terminal *terminal, const void *data, size_t len);
bool terminal_has_room(struct terminal *terminal);

/*
 * A follower gets a copy of the output. It is called in any thread, under a lock, and
 * once before with NULL: what was written until then is not for it.
 */
struct terminal_follower {
	void (*output)(struct terminal_follower *follower, const void *data, size_t len);
	struct terminal_follower *next;
};

void terminal_follow(struct terminal *terminal, struct terminal_follower *follower);
void terminal_unfollow(struct terminal *terminal, struct terminal_follower *follower);
/* As if it had been typed; returns how much was taken. */
size_t terminal_type(struct terminal *terminal, const void *data, size_t len);

#endif
