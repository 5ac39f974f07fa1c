/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest of the launcher's disks, for the tests of what a guest may ask and of the
 * files behind: a machine with one disk in a folder of its own, requests of every
 * kind, and random ones against a model.
 */
#ifndef BELLOWS_TESTS_HOST_VIRTIO_DISK_H
#define BELLOWS_TESTS_HOST_VIRTIO_DISK_H

#include <fcntl.h>
#include <liburing.h>
#include <sys/stat.h>
#include "userspace/disk/disk.h"
#include "random.h"
#include "userspace/virtio/blk.h"
#include "virtio_driver.h"

#define SECTOR		512
#define DISK_SIZE	(4u << 20)
#define DATA		(guest.memory + GUEST_BUFFERS)
#define HEADERS		(guest.memory + 0x800000)
#define NO_ANSWER	255

enum { T_READ = 0, T_WRITE = 1, T_FLUSH = 4, T_ID = 8, T_DISCARD = 11, T_ZERO = 13 };
enum { OK = 0, IOERR = 1, UNSUPPORTED = 2 };

static char directory[32], path[64];
static uint8_t model[DISK_SIZE];

/* Header, status and range of request n */
struct request {
	uint32_t type, reserved;
	uint64_t sector;
	struct { uint64_t sector; uint32_t n, flags; } range;
	uint8_t status;
} __attribute__((aligned(64)));

static inline struct request *request(unsigned int n)
{
	return (struct request *)HEADERS + n;
}

/* Offers request n, whose data, if any, are len bytes at data, in pieces of random size. */
static inline void offer(unsigned int n, uint32_t type, uint64_t sector, uint8_t *data, uint32_t len,
			 unsigned int pieces)
{
	struct request *r = request(n);
	struct iovec iov[12] = { { r, 16 } };
	unsigned int i, used = 1;

	*r = (struct request) { .type = type, .sector = sector, .status = NO_ANSWER,
				.range = { sector, len / SECTOR, 0 } };
	if (type == T_DISCARD || type == T_ZERO) {
		iov[used++] = (struct iovec) { &r->range, 16 };
	} else {
		for (i = 0; i < pieces && len; i++) {
			uint32_t part = i + 1 == pieces ? len : len / 3 + 1;

			iov[used++] = (struct iovec) { data, part };
			data += part;
			len -= part;
		}
	}
	iov[used] = (struct iovec) { &r->status, 1 };
	add_chain(0, iov, type == T_READ || type == T_ID ? 1 : used, used + 1);
}

static inline uint8_t ask(uint32_t type, uint64_t sector, uint8_t *data, uint32_t len, uint32_t *written)
{
	uint32_t head, done;

	offer(0, type, sector, data, len, 1 + sector % 4);
	notify(0);
	if (!wait_used(0, SOON, &head, &done))
		return NO_ANSWER;
	if (written)
		*written = done;
	return request(0)->status;
}

static inline bool machine(const char *spec)
{
	guest_create();
	return !virtio_blk_create(&guest.vm, spec) && !vm_start_devices(&guest.vm) &&
	       bring_up(1, ~0ull, 128);
}

static inline void make_file(const char *name, uint64_t size)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, size))
		abort();
	close(fd);
}

static inline void read_file(uint8_t *to)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, to, DISK_SIZE, 0) != DISK_SIZE)
		abort();
	close(fd);
}

/* Random requests against a model; every kind that changes data. */
static inline bool random_requests(struct random *r, unsigned int n)
{
	uint32_t sector, len, written;
	unsigned int i;

	for (i = 0; i < n; i++) {
		len = SECTOR * (1 + random_below(r, 60));
		sector = random_below(r, (DISK_SIZE - len) / SECTOR + 1);
		switch (random_below(r, 5)) {
		case 0:
			if (ask(T_READ, sector, DATA, len, &written) != OK || written != len + 1 ||
			    memcmp(DATA, model + SECTOR * sector, len))
				return false;
			break;
		case 1:
			if (ask(T_ZERO, sector, NULL, len, NULL) != OK)
				return false;
			memset(model + SECTOR * sector, 0, len);
			break;
		case 2:
			if (ask(T_FLUSH, 0, NULL, 0, NULL) != OK)
				return false;
			break;
		default:
			random_bytes(r, DATA, len);
			memcpy(model + SECTOR * sector, DATA, len);
			if (ask(T_WRITE, sector, DATA, len, &written) != OK || written != 1)
				return false;
		}
	}
	return true;
}

/* What the kernel does not allow: disks need io_uring. NULL: it does. */
static inline const char *no_ring(void)
{
	struct io_uring ring;
	int err = disk_ring_init(&ring);

	if (!err)
		io_uring_queue_exit(&ring);
	return err == -EPERM || err == -ENOSYS ? "io_uring is not allowed here" : NULL;
}

static inline void make_directory(const char *name)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(directory, sizeof(directory), "/tmp/%s-XXXXXX", name);
	if (!mkdtemp(directory))
		abort();
	snprintf(path, sizeof(path), "%s/disk", directory);
}

static inline void remove_directory(void)
{
	munmap(guest.memory, GUEST_SIZE);
	unlink(path);
	rmdir(directory);
}

#endif
