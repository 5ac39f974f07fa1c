/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DISK_H
#define DISK_H
/*
 * What a guest's disk is kept in: a raw file or block device, or an image that
 * another program serves over the NBD protocol. All requests are asynchronous.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "loop.h"

#define DISK_SECTOR	512

enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD, DISK_ZERO };

/* Belongs to the disk from disk_submit() until done() is called. */
struct disk_request {
	enum disk_op op;
	bool may_unmap;			/* DISK_ZERO: the space may be given up */
	uint64_t offset, length;	/* bytes; within the disk */
	struct iovec *iov;		/* of reads and writes; is used up */
	unsigned int n_iov;
	/* In the loop's thread, not from within disk_submit(). error is 0 or an errno. */
	void (*done)(struct disk_request *request, int error);

	/* The disk's own */
	uint64_t left;
	uint32_t part, slot;
	unsigned int retries;
	bool fallback;
	struct disk_request *next;
};

struct disk;

struct disk_ops {
	void (*submit)(struct disk *disk, struct disk_request *request);
	void (*commit)(struct disk *disk);
	int (*attach)(struct disk *disk, struct loop *loop);
	void (*detach)(struct disk *disk);
	void (*close)(struct disk *disk);
};

struct disk {
	const struct disk_ops *ops;
	char *path;
	uint64_t size;
	bool read_only, can_discard, can_zero;
};

enum disk_format { DISK_FORMAT_BY_NAME, DISK_FORMAT_RAW, DISK_FORMAT_QCOW2 };

/* NULL after a message. */
struct disk *disk_open(const char *path, enum disk_format format, bool read_only);
/* What to give a kernel as root= for this --disk; NULL if the file cannot be read. */
const char *disk_root_device(const char *spec);
/* Only after all requests are done. */
void disk_close(struct disk *disk);

int disk_attach(struct disk *disk, struct loop *loop);
void disk_detach(struct disk *disk);
/* Hold the same lock at each call. Requests may wait until the commit. */
void disk_submit(struct disk *disk, struct disk_request *request);
void disk_commit(struct disk *disk);

struct io_uring;

/* A ring that takes nothing but what disks need; 0 or -errno. */
int disk_ring_init(struct io_uring *ring);

/* Backends: NULL after a message. */
struct disk *disk_raw_open(const char *path, bool read_only);
struct disk *disk_nbd_open(const char *path, bool read_only);

/* Complains if an image was. */
bool disk_qcow2_is_cut_off(const char *path, int fd);
/* A few bytes of the disk in an image; false if they are not simply there. */
bool disk_qcow2_read(int fd, uint64_t at, void *data, size_t len);

/* Takes bytes off the front of an iovec. */
void disk_advance(struct disk_request *request, uint64_t bytes);

#endif
