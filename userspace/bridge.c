// SPDX-License-Identifier: GPL-2.0
/*
 * Joins a terminal with a pair of descriptors, for a console device that knows only
 * those: what is typed goes into a socket, what comes out of it goes to the terminal.
 * Escape keys and followers of the console then work as with the serial port.
 *
 * Each direction holds at most one buffer. When the other side is full, its source
 * is left out of the loop until there is room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bridge.h"
#include "terminal.h"

#define BUFFER	2048

struct bridge {
	struct device device;
	struct terminal *terminal;
	struct loop_source source;
	int other;			/* the device's end */
	pthread_mutex_t lock;		/* protects the rest */
	char typed[BUFFER], shown[BUFFER];
	size_t n_typed, n_shown;
	uint32_t events;
};

/* What to wait for follows from what is held. */
static void update(struct bridge *b)
{
	uint32_t events = (b->n_typed ? EPOLLOUT : 0) | (b->n_shown ? 0 : EPOLLIN);

	if (events != b->events)
		loop_modify(b->device.vm->loop, &b->source, events);
	b->events = events;
}

static void pass_typed(struct bridge *b)
{
	ssize_t n;

	for (;;) {
		if (!b->n_typed)
			b->n_typed = terminal_read(b->terminal, b->typed, sizeof(b->typed));
		if (!b->n_typed)
			return;
		n = send(b->source.fd, b->typed, b->n_typed, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			return;
		b->n_typed -= n;
		memmove(b->typed, b->typed + n, b->n_typed);
	}
}

static void pass_shown(struct bridge *b)
{
	size_t n = terminal_write(b->terminal, b->shown, b->n_shown);

	b->n_shown -= n;
	memmove(b->shown, b->shown + n, b->n_shown);
}

static void on_socket(struct loop_source *source, uint32_t events)
{
	struct bridge *b = container_of(source, struct bridge, source);
	ssize_t n;

	pthread_mutex_lock(&b->lock);
	if (events & EPOLLOUT)
		pass_typed(b);
	if (!b->n_shown) {
		n = recv(source->fd, b->shown, sizeof(b->shown), MSG_DONTWAIT);
		if (n > 0)
			b->n_shown = n;
		pass_shown(b);
	}
	update(b);
	pthread_mutex_unlock(&b->lock);
}

static void on_input(void *opaque)
{
	struct bridge *b = opaque;

	pthread_mutex_lock(&b->lock);
	pass_typed(b);
	update(b);
	pthread_mutex_unlock(&b->lock);
}

static void on_room(void *opaque)
{
	struct bridge *b = opaque;

	pthread_mutex_lock(&b->lock);
	pass_shown(b);
	update(b);
	pthread_mutex_unlock(&b->lock);
}

static void bridge_stop(struct device *device)
{
	struct bridge *b = container_of(device, struct bridge, device);

	loop_remove(device->vm->loop, &b->source);
}

static int bridge_start(struct device *device)
{
	struct bridge *b = container_of(device, struct bridge, device);

	b->events = EPOLLIN;
	return loop_add(device->vm->loop, &b->source, EPOLLIN);
}

static void bridge_free(struct device *device)
{
	struct bridge *b = container_of(device, struct bridge, device);

	close(b->source.fd);
	close(b->other);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static const struct device_ops life = { .start = bridge_start, .stop = bridge_stop, .free = bridge_free };

int bridge_create(struct vm *vm, struct terminal *terminal, int *fd)
{
	struct bridge *b = calloc(1, sizeof(*b));
	int pair[2];

	if (!b)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		free(b);
		return -errno;
	}
	pthread_mutex_init(&b->lock, NULL);
	b->terminal = terminal;
	b->source = (struct loop_source) { pair[0], on_socket };
	b->other = *fd = pair[1];
	vm_add_device(vm, &b->device, "console bridge", &life);
	terminal_connect(terminal, on_input, on_room, b);
	return 0;
}
