// SPDX-License-Identifier: GPL-2.0
/*
 * Two rings, one per direction, and a lock for both. The loop fills the input ring
 * from stdin while it has room, and empties the output ring when stdout was full or
 * when a few milliseconds passed since the guest wrote something short.
 *
 * A guest writes a byte at a time, and a system call for each would cost more than
 * the exit that brought it; a line is one write.
 *
 * stdout is opened anew where that is possible, because the flag that keeps writes
 * from blocking belongs to the open file, which others (the user's shell) share.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>
#include "pc/pc.h"
#include "terminal.h"

#define RING		(16 << 10)	/* a power of two */
#define ROOM		256		/* fewer bytes free count as full */
#define ENOUGH		1024		/* written out without waiting for the end of a line */
#define GATHER_NS	3000000
#define LAST_WORDS_MS	1000
#define ESCAPE		1		/* Ctrl-A */

struct ring {
	unsigned int head, tail;	/* free running */
	char data[RING];
};

struct terminal {
	struct vm *vm;
	struct loop_source in, out, timer, again;
	int real_out;			/* the caller's descriptor */
	bool in_regular, in_waits, out_waits, timer_set, was_full, eof, raw, escaped, started;
	struct termios saved;
	pthread_mutex_t lock;		/* protects rings, flags and followers */
	struct ring input, output;
	struct terminal_follower *followers;
	void (*on_input)(void *opaque);
	void (*on_room)(void *opaque);
	void *opaque;
};

/* For the user's terminal when the process ends without being asked. */
static struct terminal *volatile raw_terminal;

static unsigned int used(const struct ring *r)
{
	return r->tail - r->head;
}

static size_t push(struct ring *r, const char *data, size_t len)
{
	size_t n = RING - used(r), i;

	if (n > len)
		n = len;
	for (i = 0; i < n; i++)
		r->data[r->tail++ % RING] = data[i];
	return n;
}

static size_t pull(struct ring *r, char *data, size_t len)
{
	size_t n = used(r), i;

	if (n > len)
		n = len;
	for (i = 0; i < n; i++)
		data[i] = r->data[r->head++ % RING];
	return n;
}

/* Writes out what can be without blocking. */
static void drain(struct terminal *t)
{
	unsigned int n, at;
	ssize_t done;

	while ((n = used(&t->output))) {
		at = t->output.head % RING;
		if (n > RING - at)
			n = RING - at;
		done = t->out.fd < 0 ? (ssize_t)n : write(t->out.fd, t->output.data + at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN) {
			t->out_waits = t->out_waits || !loop_add(t->vm->loop, &t->out, EPOLLOUT);
			return;
		}
		if (done < 0)
			done = n;	/* the reader has gone: the guest goes on without */
		t->output.head += done;
	}
}

size_t terminal_write(struct terminal *t, const void *data, size_t len)
{
	const struct itimerspec soon = { .it_value.tv_nsec = GATHER_NS };
	struct terminal_follower *f;
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = push(&t->output, data, len);
	if (n < len)
		t->was_full = true;
	for (f = t->followers; f && n; f = f->next)
		f->output(f, data, n);
	if (memchr(data, '\n', n) || used(&t->output) >= ENOUGH) {
		if (!t->out_waits)
			drain(t);
	} else if (n && !t->timer_set) {
		t->timer_set = true;
		timerfd_settime(t->timer.fd, 0, &soon, NULL);
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}

bool terminal_has_room(struct terminal *t)
{
	bool room;

	pthread_mutex_lock(&t->lock);
	room = RING - used(&t->output) >= ROOM;
	if (!room)
		t->was_full = true;
	pthread_mutex_unlock(&t->lock);
	return room;
}

static void tell_room(struct terminal *t)
{
	bool tell;

	pthread_mutex_lock(&t->lock);
	tell = t->was_full && RING - used(&t->output) >= ROOM;
	if (tell)
		t->was_full = false;
	pthread_mutex_unlock(&t->lock);
	if (tell && t->on_room)
		t->on_room(t->opaque);
}

static void on_out(struct loop_source *source, uint32_t events)
{
	struct terminal *t = container_of(source, struct terminal, out);

	pthread_mutex_lock(&t->lock);
	loop_remove(t->vm->loop, &t->out);
	t->out_waits = false;
	drain(t);
	pthread_mutex_unlock(&t->lock);
	tell_room(t);
}

static void on_timer(struct loop_source *source, uint32_t events)
{
	struct terminal *t = container_of(source, struct terminal, timer);
	uint64_t times;

	pthread_mutex_lock(&t->lock);
	t->timer_set = false;
	if (read(t->timer.fd, &times, sizeof(times)) > 0 && !t->out_waits)
		drain(t);
	pthread_mutex_unlock(&t->lock);
	tell_room(t);
}

/* Ctrl-A and a letter are for us. Returns how many bytes are left for the guest. */
static size_t take_escapes(struct terminal *t, char *data, size_t len)
{
	static const char help[] = "\r\nCtrl-A and x: end the VM; p: press the power button; a: Ctrl-A\r\n";
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (!t->escaped && data[i] == ESCAPE) {
			t->escaped = true;
			continue;
		}
		if (!t->escaped || data[i] == ESCAPE || data[i] == 'a')
			data[n++] = t->escaped ? ESCAPE : data[i];
		else if (data[i] == 'x')
			vm_end(t->vm, VM_STOPPED, 0);
		else if (data[i] == 'p')
			acpi_pm_press(t->vm);
		else if (write(t->real_out, help, sizeof(help) - 1) < 0)
			t->escaped = false;
		t->escaped = false;
	}
	return n;
}

static void on_in(struct loop_source *source, uint32_t events)
{
	struct terminal *t = container_of(source, struct terminal, in);
	char data[512];
	ssize_t n;
	bool full;

	pthread_mutex_lock(&t->lock);
	full = RING - used(&t->input) < sizeof(data);
	if (full && !t->in_regular) {
		loop_modify(t->vm->loop, &t->in, 0);
		t->in_waits = true;
	}
	pthread_mutex_unlock(&t->lock);
	if (full)
		return;
	n = read(t->in.fd, data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		t->eof = true;
		if (!t->in_regular)
			loop_remove(t->vm->loop, &t->in);
		return;
	}
	if (t->raw)
		n = take_escapes(t, data, n);
	pthread_mutex_lock(&t->lock);
	push(&t->input, data, n);
	pthread_mutex_unlock(&t->lock);
	if (n && t->on_input)
		t->on_input(t->opaque);
}

/* The device took something: there may be room for more. Runs in the loop's thread. */
static void on_again(struct loop_source *source, uint32_t events)
{
	struct terminal *t = container_of(source, struct terminal, again);
	uint64_t count;

	if (read(t->again.fd, &count, sizeof(count)) > 0 && !t->eof)
		on_in(&t->in, 0);
}

size_t terminal_read(struct terminal *t, void *data, size_t len)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = pull(&t->input, data, len);
	if (n && !used(&t->input) && t->in_regular)
		eventfd_write(t->again.fd, 1);
	if (t->in_waits && RING - used(&t->input) >= RING / 2 && !t->eof) {
		t->in_waits = false;
		loop_modify(t->vm->loop, &t->in, EPOLLIN);
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}

size_t terminal_type(struct terminal *t, const void *data, size_t len)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = push(&t->input, data, len);
	pthread_mutex_unlock(&t->lock);
	if (n && t->on_input)
		t->on_input(t->opaque);
	return n;
}

void terminal_follow(struct terminal *t, struct terminal_follower *follower)
{
	pthread_mutex_lock(&t->lock);
	follower->next = t->followers;
	t->followers = follower;
	follower->output(follower, NULL, 0);
	pthread_mutex_unlock(&t->lock);
}

void terminal_unfollow(struct terminal *t, struct terminal_follower *follower)
{
	struct terminal_follower **at;

	pthread_mutex_lock(&t->lock);
	for (at = &t->followers; *at; at = &(*at)->next) {
		if (*at == follower) {
			*at = follower->next;
			break;
		}
	}
	pthread_mutex_unlock(&t->lock);
}

void terminal_connect(struct terminal *t, void (*input)(void *opaque), void (*room)(void *opaque),
		      void *opaque)
{
	t->on_input = input;
	t->on_room = room;
	t->opaque = opaque;
}

/* A descriptor of our own for the same file, which may be told not to block. */
static int reopen(int out)
{
	struct stat st;
	char path[32];
	int fd;

	if (out < 0 || fstat(out, &st))
		return -1;
	if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(out))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
		fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return fcntl(out, F_DUPFD_CLOEXEC, 0);
}

struct terminal *terminal_create(struct vm *vm, int in, int out)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->vm = vm;
	t->real_out = out;
	pthread_mutex_init(&t->lock, NULL);
	t->in = (struct loop_source) { in, on_in };
	t->out = (struct loop_source) { reopen(out), on_out };
	t->timer = (struct loop_source) { timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
					  on_timer };
	t->again = (struct loop_source) { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), on_again };
	if (t->timer.fd < 0 || t->again.fd < 0 || loop_add(vm->loop, &t->timer, EPOLLIN) ||
	    loop_add(vm->loop, &t->again, EPOLLIN)) {
		terminal_free(t);
		return NULL;
	}
	return t;
}

static void restore(void)
{
	struct terminal *t = raw_terminal;

	if (t) {
		raw_terminal = NULL;
		message_raw = false;
		tcsetattr(t->in.fd, TCSADRAIN, &t->saved);
	}
}

static void make_raw(struct terminal *t)
{
	struct termios raw;

	if (!isatty(t->in.fd) || tcgetpgrp(t->in.fd) != getpgrp() || tcgetattr(t->in.fd, &t->saved))
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	if (tcsetattr(t->in.fd, TCSANOW, &raw))
		return;
	t->raw = true;
	message_raw = true;
	raw_terminal = t;
	atexit(restore);
}

int terminal_start(struct terminal *t)
{
	int err;

	t->started = true;
	if (t->in.fd < 0)
		return 0;
	if (isatty(t->in.fd) && tcgetpgrp(t->in.fd) != getpgrp())
		return 0;		/* in the background, reading would stop us */
	make_raw(t);
	err = loop_add(t->vm->loop, &t->in, EPOLLIN);
	if (err == -EPERM) {
		t->in_regular = true;	/* files are always ready, and cannot be waited for */
		err = eventfd_write(t->again.fd, 1);
	}
	return err;
}

void terminal_stop(struct terminal *t)
{
	if (!t->started)
		return;
	t->started = false;
	if (t->in.fd >= 0 && !t->in_regular && !t->eof)
		loop_remove(t->vm->loop, &t->in);
}

void terminal_free(struct terminal *t)
{
	struct pollfd p = { .fd = t->out.fd, .events = POLLOUT };

	terminal_stop(t);
	drain(t);
	while (used(&t->output) && poll(&p, 1, LAST_WORDS_MS) > 0)
		drain(t);
	if (t->raw)
		restore();
	if (t->timer.fd >= 0)
		close(t->timer.fd);
	if (t->again.fd >= 0)
		close(t->again.fd);
	if (t->out.fd >= 0)
		close(t->out.fd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
