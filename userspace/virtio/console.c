// SPDX-License-Identifier: GPL-2.0
/*
 * A console with one port: what the guest writes goes to a descriptor, what
 * comes from another goes to the guest.
 *
 * Neither side may hold up the loop. Input is read only while the guest has room
 * for it; each wait is for one event, because a descriptor that was hung up is ready
 * for ever. Output is written only while the descriptor takes it, which poll()
 * says: making it non-blocking would change it for other programs on the same terminal. A chain that
 * is not written out yet stays in flight, so that the guest waits, not this program.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "message.h"
#include "virtio/console.h"
#include "virtio/virtio.h"

#define QUEUE_RX	0
#define QUEUE_TX	1
#define WRITES_AT_ONCE	64

struct console {
	struct virtio v;
	struct loop_source in, out;	/* descriptors of our own, or -1 */
	bool in_added, out_added;
	/* Protected by the device's lock */
	bool sending;			/* tx and left are in use */
	struct vring_chain tx;
	struct vring_span left;
};

static struct console *console_of(struct virtio *v)
{
	return container_of(v, struct console, v);
}

/* --- To the host ---------------------------------------------------------------------- */

static void end_chain(struct console *c)
{
	virtio_give(&c->v, QUEUE_TX, c->tx.head, 0);
	c->sending = false;
}

/* False if the descriptor takes no more now. */
static bool write_some(struct console *c)
{
	struct pollfd p = { .fd = c->out.fd, .events = POLLOUT };
	struct iovec *iov = c->left.iov;
	/* No more than a pipe takes without blocking when poll() says that it is ready. */
	size_t len = iov->iov_len < PIPE_BUF ? iov->iov_len : PIPE_BUF;
	ssize_t n = len;

	if (c->out_added && poll(&p, 1, 0) < 1)
		return false;
	if (c->out.fd >= 0)
		n = write(c->out.fd, iov->iov_base, len);
	if (n < 0 && c->out_added && (errno == EAGAIN || errno == EINTR))
		return false;
	/* The reader has gone: the guest need not know. */
	if (n < 0)
		n = len;
	iov->iov_base = (uint8_t *)iov->iov_base + n;
	iov->iov_len -= n;
	if (!iov->iov_len) {
		c->left.iov++;
		c->left.n--;
	}
	return true;
}

static void send_all(struct console *c)
{
	unsigned int budget;

	for (budget = WRITES_AT_ONCE; budget; budget--) {
		if (!c->sending) {
			if (!virtio_take(&c->v, QUEUE_TX, &c->tx))
				return;
			c->sending = true;
			c->left = vring_out(&c->tx);
		}
		if (!c->left.n) {
			end_chain(c);
		} else if (!write_some(c)) {
			loop_modify(c->v.vm->loop, &c->out, EPOLLOUT | EPOLLONESHOT);
			return;
		}
	}
	virtio_notify(&c->v, QUEUE_TX);
}

static void on_writable(struct loop_source *source, uint32_t events)
{
	struct console *c = container_of(source, struct console, out);

	pthread_mutex_lock(&c->v.lock);
	if (virtio_live(&c->v)) {
		send_all(c);
		virtio_settle(&c->v);
	}
	pthread_mutex_unlock(&c->v.lock);
}

/* --- To the guest ----------------------------------------------------------------------- */

static void listen_to_host(struct console *c)
{
	if (c->in_added)
		loop_modify(c->v.vm->loop, &c->in, EPOLLIN | EPOLLONESHOT);
}

static void on_readable(struct loop_source *source, uint32_t events)
{
	struct console *c = container_of(source, struct console, in);
	struct vring_chain chain;
	ssize_t n;

	pthread_mutex_lock(&c->v.lock);
	/* Without room the next notification listens again. */
	if (!virtio_take(&c->v, QUEUE_RX, &chain))
		goto out;
	n = readv(c->in.fd, chain.iov + chain.n_out, chain.n_in);
	if (n > 0 || !chain.n_in) {
		virtio_give(&c->v, QUEUE_RX, chain.head, n > 0 ? n : 0);
		listen_to_host(c);
		goto out;
	}
	vring_untake(&c->v.queues[QUEUE_RX].ring, &chain);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		listen_to_host(c);
	} else {
		loop_remove(c->v.vm->loop, &c->in);
		c->in_added = false;
	}
out:
	virtio_settle(&c->v);
	pthread_mutex_unlock(&c->v.lock);
}

static void kick(struct virtio *v, unsigned int q)
{
	struct console *c = console_of(v);

	if (q == QUEUE_TX)
		send_all(c);
	else
		listen_to_host(c);
}

static void quiesce(struct virtio *v)
{
	struct console *c = console_of(v);

	if (c->sending)
		end_chain(c);
}

/* --- Life --------------------------------------------------------------------------------- */

/* Files that are always ready, /dev/null among them, cannot be waited for. */
static int add(struct console *c, struct loop_source *source, bool *added)
{
	int err = source->fd < 0 ? 0 : loop_add(c->v.vm->loop, source, EPOLLONESHOT);

	*added = source->fd >= 0 && !err;
	if (err && err != -EPERM) {
		complain("virtio-console: %s", strerror(-err));
		return err;
	}
	return 0;
}

static int console_start(struct virtio *v)
{
	struct console *c = console_of(v);
	int err = add(c, &c->in, &c->in_added);

	return err ? err : add(c, &c->out, &c->out_added);
}

static void console_stop(struct virtio *v)
{
	struct console *c = console_of(v);

	if (c->in_added)
		loop_remove(v->vm->loop, &c->in);
	if (c->out_added)
		loop_remove(v->vm->loop, &c->out);
	c->in_added = c->out_added = false;
}

static void console_free(struct virtio *v)
{
	struct console *c = console_of(v);

	if (c->in.fd >= 0)
		close(c->in.fd);
	if (c->out.fd >= 0)
		close(c->out.fd);
	free(c);
}

static const struct virtio_ops console_ops = {
	.type = VIRTIO_TYPE_CONSOLE,
	.n_queues = 2,
	.queue_size = 64,
	.kick = kick,
	.quiesce = quiesce,
	.start = console_start,
	.stop = console_stop,
	.free = console_free,
};

int virtio_console_create(struct vm *vm, int in, int out)
{
	struct console *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c) {
		complain("virtio-console: out of memory");
		return err;
	}
	c->in = (struct loop_source) { in < 0 ? -1 : fcntl(in, F_DUPFD_CLOEXEC, 3), on_readable };
	c->out = (struct loop_source) { out < 0 ? -1 : fcntl(out, F_DUPFD_CLOEXEC, 3), on_writable };
	if ((in >= 0 && c->in.fd < 0) || (out >= 0 && c->out.fd < 0))
		complain("virtio-console: %s", strerror(err = -errno));
	else
		err = virtio_init(&c->v, vm, "virtio-console", &console_ops, 0, NULL, 0);
	if (err)
		console_free(&c->v);
	return err;
}
