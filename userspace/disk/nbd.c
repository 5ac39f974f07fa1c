// SPDX-License-Identifier: GPL-2.0
/*
 * A disk in a qcow2 image, which qemu-nbd opens and serves to this program, and
 * only to it, over the NBD protocol. The format stays with the program
 * that knows it, and its faults in a process of its own.
 *
 * The server is a child on a socket that was made for it. It ends, with the image
 * closed, when the connection does, however this process ends.
 *
 * One command of each request is under way at a time, with at most PART_MAX bytes of it;
 * the cookie is its place in a table. Data move directly between socket and guest memory.
 * A connection that breaks or makes no sense fails all requests from then on, in the
 * loop, because a request must not end while it is submitted.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "disk/disk.h"
#include "disk/nbd_server.h"
#include "message.h"

#define REQUEST_MAGIC	0x25609513u
#define REPLY_MAGIC	0x67446698u
#define PART_MAX	(16u << 20)
#define SLOTS		256
#define PIECES		64

enum { CMD_READ, CMD_WRITE, CMD_DISCONNECT, CMD_FLUSH, CMD_TRIM, CMD_ZERO = 6 };
#define CMD_FLAG_NO_HOLE	2

struct request_header {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie, offset;
	uint32_t length;
} __attribute__((packed));

struct reply_header {
	uint32_t magic, error;
	uint64_t cookie;
} __attribute__((packed));

struct disk_nbd {
	struct disk disk;
	struct nbd_server server;
	struct loop *loop;
	struct loop_source socket, failing;	/* failing: an eventfd */
	bool dead, flush_failed;
	struct disk_request *slots[SLOTS];
	struct disk_request *failed;

	struct disk_request *queue, **queue_end;	/* to be sent; the first in part perhaps */
	struct request_header header;			/* of the first */
	size_t header_sent;
	bool header_ready;
	uint32_t payload_left;

	struct reply_header reply;
	size_t reply_got;
	struct disk_request *reading;			/* whose data come in */
	uint32_t data_left;
};

static struct disk_nbd *nbd_of(struct disk *disk)
{
	return container_of(disk, struct disk_nbd, disk);
}

/* --- Failure ------------------------------------------------------------------------ */

static void fail_later(struct disk_nbd *nbd, struct disk_request *r)
{
	r->next = nbd->failed;
	nbd->failed = r;
	eventfd_write(nbd->failing.fd, 1);
}

static void die(struct disk_nbd *nbd, const char *why)
{
	unsigned int i;

	if (nbd->dead)
		return;
	complain("disk %s: %s; the guest gets errors from now on", nbd->disk.path, why);
	nbd->dead = true;
	loop_remove(nbd->loop, &nbd->socket);
	nbd->queue = NULL;
	nbd->queue_end = &nbd->queue;
	for (i = 0; i < SLOTS; i++) {
		if (nbd->slots[i])
			fail_later(nbd, nbd->slots[i]);
		nbd->slots[i] = NULL;
	}
}

static void on_failing(struct loop_source *source, uint32_t events)
{
	struct disk_nbd *nbd = container_of(source, struct disk_nbd, failing);
	struct disk_request *r;
	eventfd_t count;

	eventfd_read(source->fd, &count);
	while ((r = nbd->failed)) {
		nbd->failed = r->next;
		r->done(r, EIO);
	}
}

/* --- Sending -------------------------------------------------------------------------- */

static void prepare_header(struct disk_nbd *nbd, struct disk_request *r)
{
	static const uint16_t types[] = {
		[DISK_READ] = CMD_READ, [DISK_WRITE] = CMD_WRITE, [DISK_FLUSH] = CMD_FLUSH,
		[DISK_DISCARD] = CMD_TRIM, [DISK_ZERO] = CMD_ZERO,
	};
	bool data = r->op == DISK_READ || r->op == DISK_WRITE;

	/* Ranges without data are limited far below 4 GiB by the device that submits them. */
	r->part = data && r->left > PART_MAX ? PART_MAX : r->left;
	nbd->header = (struct request_header) {
		.magic = htobe32(REQUEST_MAGIC),
		.flags = htobe16(r->op == DISK_ZERO && !r->may_unmap ? CMD_FLAG_NO_HOLE : 0),
		.type = htobe16(types[r->op]),
		.cookie = htobe64(r->slot),
		.offset = htobe64(r->offset),
		.length = htobe32(r->part),
	};
	nbd->header_sent = 0;
	nbd->header_ready = true;
	nbd->payload_left = r->op == DISK_WRITE ? r->part : 0;
}

/* The first bytes of a request's buffers; the number of pieces. */
static unsigned int pieces_of(const struct disk_request *r, uint32_t bytes, struct iovec *to,
			      unsigned int max)
{
	unsigned int i;

	for (i = 0; i < max && i < r->n_iov && bytes; i++) {
		to[i] = r->iov[i];
		if (to[i].iov_len > bytes)
			to[i].iov_len = bytes;
		bytes -= to[i].iov_len;
	}
	return i;
}

/* Sends of the first request what the socket takes: 0, or -errno. */
static int send_first(struct disk_nbd *nbd)
{
	struct disk_request *r = nbd->queue;
	struct iovec iov[1 + PIECES];
	struct msghdr msg = { .msg_iov = iov };
	size_t header_left;
	ssize_t n;

	if (!nbd->header_ready)
		prepare_header(nbd, r);
	while (nbd->header_sent < sizeof(nbd->header) || nbd->payload_left) {
		header_left = sizeof(nbd->header) - nbd->header_sent;
		iov[0] = (struct iovec) { (char *)&nbd->header + nbd->header_sent, header_left };
		msg.msg_iovlen = 1 + pieces_of(r, nbd->payload_left, iov + 1, PIECES);
		n = sendmsg(nbd->socket.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return -errno;
		if ((size_t)n < header_left) {
			nbd->header_sent += n;
			continue;
		}
		nbd->header_sent = sizeof(nbd->header);
		nbd->payload_left -= n - header_left;
		disk_advance(r, n - header_left);
	}
	return 0;
}

static void send_queue(struct disk_nbd *nbd)
{
	int err = 0;

	while (!nbd->dead && nbd->queue && !err) {
		err = send_first(nbd);
		if (err)
			break;
		nbd->header_ready = false;
		nbd->queue = nbd->queue->next;
		if (!nbd->queue)
			nbd->queue_end = &nbd->queue;
	}
	if (nbd->dead)
		return;
	if (err && err != -EAGAIN && err != -EINTR)
		die(nbd, strerror(-err));
	else
		loop_modify(nbd->loop, &nbd->socket, EPOLLIN | (nbd->queue ? EPOLLOUT : 0));
}

static void enqueue(struct disk_nbd *nbd, struct disk_request *r)
{
	r->next = NULL;
	*nbd->queue_end = r;
	nbd->queue_end = &r->next;
}

static void nbd_submit(struct disk *disk, struct disk_request *r)
{
	struct disk_nbd *nbd = nbd_of(disk);
	unsigned int slot = 0;

	while (slot < SLOTS && nbd->slots[slot])
		slot++;
	if (nbd->dead || slot == SLOTS) {
		fail_later(nbd, r);
		return;
	}
	r->left = r->length;
	r->slot = slot;
	nbd->slots[slot] = r;
	enqueue(nbd, r);
}

static void nbd_commit(struct disk *disk)
{
	send_queue(nbd_of(disk));
}

/* --- Receiving ------------------------------------------------------------------------ */

static void finish(struct disk_nbd *nbd, struct disk_request *r, int error)
{
	r->offset += r->part;
	r->left -= r->part;
	if (!error && r->left) {
		enqueue(nbd, r);
		return;
	}
	nbd->slots[r->slot] = NULL;
	if (error && r->op == DISK_DISCARD && error == EOPNOTSUPP)
		error = 0;
	/* After one failure nothing can say any more what is safe. */
	if (r->op == DISK_FLUSH) {
		nbd->flush_failed |= error;
		if (nbd->flush_failed && !error)
			error = EIO;
	}
	r->done(r, error);
}

/* The protocol's numbers are Linux's, where they matter. */
static int error_of(uint32_t wire)
{
	return !wire ? 0 : wire == ENOSPC || wire == EOPNOTSUPP || wire == EPERM ? (int)wire : EIO;
}

/* A reply's header is complete; false if it makes no sense. */
static bool accept_reply(struct disk_nbd *nbd)
{
	uint64_t cookie = be64toh(nbd->reply.cookie);
	int error = error_of(be32toh(nbd->reply.error));
	struct disk_request *r = cookie < SLOTS ? nbd->slots[cookie] : NULL;

	nbd->reply_got = 0;
	if (be32toh(nbd->reply.magic) != REPLY_MAGIC || !r)
		return false;
	if (r->op == DISK_READ && !error && r->part) {
		nbd->reading = r;
		nbd->data_left = r->part;
	} else {
		finish(nbd, r, error);
	}
	return true;
}

/* What to receive next; returns the number of pieces. */
static unsigned int wanted(struct disk_nbd *nbd, struct iovec *iov)
{
	if (nbd->reading)
		return pieces_of(nbd->reading, nbd->data_left, iov, PIECES);
	iov[0] = (struct iovec) { (char *)&nbd->reply + nbd->reply_got,
				  sizeof(nbd->reply) - nbd->reply_got };
	return 1;
}

static bool got(struct disk_nbd *nbd, size_t n)
{
	struct disk_request *r = nbd->reading;

	if (!r) {
		nbd->reply_got += n;
		return nbd->reply_got < sizeof(nbd->reply) || accept_reply(nbd);
	}
	disk_advance(r, n);
	nbd->data_left -= n;
	if (!nbd->data_left) {
		nbd->reading = NULL;
		finish(nbd, r, 0);
	}
	return true;
}

static void on_socket(struct loop_source *source, uint32_t events)
{
	struct disk_nbd *nbd = container_of(source, struct disk_nbd, socket);
	struct iovec iov[PIECES];
	struct msghdr msg = { .msg_iov = iov };
	unsigned int budget = SLOTS;
	ssize_t n;

	while (budget-- && !nbd->dead) {
		msg.msg_iovlen = wanted(nbd, iov);
		n = recvmsg(source->fd, &msg, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0)
			die(nbd, n ? strerror(errno) : "qemu-nbd ended");
		else if (!got(nbd, n))
			die(nbd, "qemu-nbd answers what was not asked");
	}
	send_queue(nbd);
}

/* --- Life --------------------------------------------------------------------------------- */

static int nbd_attach(struct disk *disk, struct loop *loop)
{
	struct disk_nbd *nbd = nbd_of(disk);
	int err;

	nbd->socket = (struct loop_source) { nbd->server.socket, on_socket };
	nbd->failing.ready = on_failing;
	err = loop_add(loop, &nbd->failing, EPOLLIN);
	if (!err)
		err = loop_add(loop, &nbd->socket, EPOLLIN);
	nbd->loop = loop;
	return err;
}

static void nbd_detach(struct disk *disk)
{
	struct disk_nbd *nbd = nbd_of(disk);

	if (!nbd->loop)
		return;
	loop_remove(nbd->loop, &nbd->socket);
	loop_remove(nbd->loop, &nbd->failing);
	nbd->loop = NULL;
}

static void nbd_close(struct disk *disk)
{
	struct disk_nbd *nbd = nbd_of(disk);
	struct request_header bye = {
		.magic = htobe32(REQUEST_MAGIC), .type = htobe16(CMD_DISCONNECT),
	};

	if (!nbd->dead && send(nbd->server.socket, &bye, sizeof(bye), MSG_NOSIGNAL) < 0)
		nbd->dead = true;
	nbd_server_stop(&nbd->server);
	if (nbd->failing.fd >= 0)
		close(nbd->failing.fd);
	free(disk->path);
	free(nbd);
}

static const struct disk_ops nbd_ops = {
	nbd_submit, nbd_commit, nbd_attach, nbd_detach, nbd_close,
};

struct disk *disk_nbd_open(const char *path, bool read_only)
{
	struct disk_nbd *nbd = calloc(1, sizeof(*nbd));

	if (!nbd || nbd_server_start(&nbd->server, path, read_only)) {
		free(nbd);
		return NULL;
	}
	nbd->disk.ops = &nbd_ops;
	nbd->disk.path = strdup(path);
	nbd->disk.size = nbd->server.size / DISK_SECTOR * DISK_SECTOR;
	nbd->disk.read_only = read_only || nbd->server.read_only;
	nbd->disk.can_discard = nbd->server.can_trim && !nbd->disk.read_only;
	nbd->disk.can_zero = nbd->server.can_zero && !nbd->disk.read_only;
	nbd->queue_end = &nbd->queue;
	nbd->failing.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (nbd->failing.fd < 0 || !nbd->disk.path || !nbd->disk.size) {
		complain("--disk %s: %s", path, nbd->disk.size ? strerror(errno) : "empty");
		nbd_close(&nbd->disk);
		return NULL;
	}
	return &nbd->disk;
}
