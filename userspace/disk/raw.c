// SPDX-License-Identifier: GPL-2.0
/*
 * A disk in a raw file or on a block device, through io_uring.
 *
 * Requests begin and end in the loop's thread, so that the ring needs no lock.
 * Requests are not ordered among each other: a guest orders by waiting, and a flush covers
 * what was reported as done when it began, which is what fdatasync() gives.
 *
 * Linux forgets after one failed fdatasync() that data were lost, and the
 * next one succeeds. A guest must not take that for safety, so that here all
 * further ones fail.
 *
 * A filter of system calls does not see what is asked for through the ring, so that the ring
 * itself is told, before anything is, which requests it may ever take.
 *
 * What the file system cannot do is done in another way: zeros are written,
 * and what was discarded stays where it is, as it may.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "disk/disk.h"
#include "message.h"

#define RING_ENTRIES	256
#define MAX_RETRIES	16

struct disk_raw {
	struct disk disk;
	int fd;
	struct io_uring ring;
	struct loop *loop;
	struct loop_source source;
	bool flush_failed;
	struct disk_request *waiting, **waiting_end;	/* found no room in the ring */
};

static const uint8_t zeros[65536];

static struct disk_raw *raw_of(struct disk *disk)
{
	return container_of(disk, struct disk_raw, disk);
}

/* --- Requests --------------------------------------------------------------------- */

static void prepare_zero(struct disk_raw *raw, struct disk_request *r, struct io_uring_sqe *sqe)
{
	uint64_t n = r->left < sizeof(zeros) ? r->left : sizeof(zeros);
	int mode = r->may_unmap || r->op == DISK_DISCARD ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	if (r->fallback)
		io_uring_prep_write(sqe, raw->fd, zeros, n, r->offset);
	else
		io_uring_prep_fallocate(sqe, raw->fd, mode | FALLOC_FL_KEEP_SIZE, r->offset, r->left);
}

static void prepare(struct disk_raw *raw, struct disk_request *r, struct io_uring_sqe *sqe)
{
	switch (r->op) {
	case DISK_READ:
		io_uring_prep_readv(sqe, raw->fd, r->iov, r->n_iov, r->offset);
		break;
	case DISK_WRITE:
		io_uring_prep_writev(sqe, raw->fd, r->iov, r->n_iov, r->offset);
		break;
	case DISK_FLUSH:
		io_uring_prep_fsync(sqe, raw->fd, IORING_FSYNC_DATASYNC);
		break;
	case DISK_DISCARD:
	case DISK_ZERO:
		prepare_zero(raw, r, sqe);
		break;
	}
	io_uring_sqe_set_data(sqe, r);
}

/* In the order in which they came; those that wait go first. */
static void issue(struct disk_raw *raw, struct disk_request *r)
{
	struct io_uring_sqe *sqe = raw->waiting ? NULL : io_uring_get_sqe(&raw->ring);

	if (sqe) {
		prepare(raw, r, sqe);
		return;
	}
	r->next = NULL;
	*raw->waiting_end = r;
	raw->waiting_end = &r->next;
}

static void issue_waiting(struct disk_raw *raw)
{
	struct io_uring_sqe *sqe;

	while (raw->waiting && (sqe = io_uring_get_sqe(&raw->ring))) {
		prepare(raw, raw->waiting, sqe);
		raw->waiting = raw->waiting->next;
	}
	if (!raw->waiting)
		raw->waiting_end = &raw->waiting;
}

static void raw_submit(struct disk *disk, struct disk_request *r)
{
	struct disk_raw *raw = raw_of(disk);

	r->left = r->length;
	r->retries = 0;
	r->fallback = false;
	issue(raw, r);
}

static void raw_commit(struct disk *disk)
{
	struct disk_raw *raw = raw_of(disk);
	int n;

	/* What does not go in now does so when something has come out. */
	do {
		n = io_uring_submit(&raw->ring);
		issue_waiting(raw);
	} while (n > 0 && io_uring_sq_ready(&raw->ring));
}

/* Whether the request goes on; else *error is how it ended. */
static bool goes_on(struct disk_raw *raw, struct disk_request *r, int result, int *error)
{
	bool moves = r->op == DISK_READ || r->op == DISK_WRITE || r->fallback;

	*error = result < 0 ? -result : 0;
	if (*error == EINTR || *error == EAGAIN)
		return r->retries++ < MAX_RETRIES;
	if (*error == EOPNOTSUPP && r->op == DISK_ZERO && !r->fallback)
		return r->fallback = true;
	if (*error == EOPNOTSUPP && r->op == DISK_DISCARD)
		*error = 0;
	if (*error || !moves)
		return false;
	/* The file was truncated under us, or ended in the middle of a sector. */
	if (!result && r->left) {
		*error = EIO;
		return false;
	}
	r->offset += result;
	r->left -= result;
	if (!r->fallback)
		disk_advance(r, result);
	return r->left;
}

static void complete(struct disk_raw *raw, struct disk_request *r, int result)
{
	int error;

	if (goes_on(raw, r, result, &error)) {
		issue(raw, r);
		return;
	}
	if (r->op == DISK_FLUSH) {
		raw->flush_failed |= error;
		if (raw->flush_failed && !error)
			error = EIO;
	}
	r->done(r, error);
}

static void on_ready(struct loop_source *source, uint32_t events)
{
	struct disk_raw *raw = container_of(source, struct disk_raw, source);
	unsigned int budget = RING_ENTRIES;
	struct io_uring_cqe *cqe;

	while (budget-- && !io_uring_peek_cqe(&raw->ring, &cqe)) {
		struct disk_request *r = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&raw->ring, cqe);
		complete(raw, r, result);
	}
	issue_waiting(raw);
	if (io_uring_sq_ready(&raw->ring))
		raw_commit(&raw->disk);
}

/* --- Life --------------------------------------------------------------------------- */

static int raw_attach(struct disk *disk, struct loop *loop)
{
	struct disk_raw *raw = raw_of(disk);

	raw->loop = loop;
	raw->source = (struct loop_source) { raw->ring.ring_fd, on_ready };
	return loop_add(loop, &raw->source, EPOLLIN);
}

static void raw_detach(struct disk *disk)
{
	struct disk_raw *raw = raw_of(disk);

	if (raw->loop)
		loop_remove(raw->loop, &raw->source);
	raw->loop = NULL;
}

static void raw_close(struct disk *disk)
{
	struct disk_raw *raw = raw_of(disk);

	io_uring_queue_exit(&raw->ring);
	close(raw->fd);
	free(disk->path);
	free(raw);
}

static const struct disk_ops raw_ops = {
	raw_submit, raw_commit, raw_attach, raw_detach, raw_close,
};

int disk_ring_init(struct io_uring *ring)
{
	static const uint8_t needed[] = {
		IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_FALLOCATE,
	};
	struct io_uring_restriction r[sizeof(needed)] = { };
	unsigned int i;
	int err = io_uring_queue_init(RING_ENTRIES, ring, IORING_SETUP_R_DISABLED);

	for (i = 0; i < sizeof(needed); i++) {
		r[i].opcode = IORING_RESTRICTION_SQE_OP;
		r[i].sqe_op = needed[i];
	}
	if (err)
		return err;
	/* Debian's liburing declares functions for these two, and has none. */
	if (!syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_RESTRICTIONS, r, sizeof(needed)) &&
	    !syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0))
		return 0;
	err = -errno;
	io_uring_queue_exit(ring);
	return err;
}

static int open_file(const char *path, bool read_only)
{
	int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		complain("--disk %s: %s%s", path, strerror(errno),
			 !read_only && (errno == EACCES || errno == EROFS || errno == EPERM) ?
			 " (to let the guest only read it, add ,readonly)" : "");
		return -1;
	}
	/*
	 * That was for opening what might be a FIFO. io_uring takes it as a wish not to wait for
	 * files whose devices cannot promise that, as those of an encrypted disk cannot.
	 */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	if (flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) && errno == EWOULDBLOCK) {
		complain("--disk %s: in use by another program, perhaps another VM", path);
		close(fd);
		return -1;
	}
	return fd;
}

static bool find_size(const char *path, int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
		complain("--disk %s: neither a file nor a block device", path);
		return false;
	}
	*size = st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, size)) {
		complain("--disk %s: its size cannot be found: %s", path, strerror(errno));
		return false;
	}
	if (!*size)
		complain("--disk %s: empty; 'truncate -s 4G %s' makes a blank disk", path, path);
	else if (*size % DISK_SECTOR)
		complain("--disk %s: truncated, or not a disk: %llu bytes are not a multiple of %d",
			 path, (unsigned long long)*size, DISK_SECTOR);
	return *size && !(*size % DISK_SECTOR);
}

struct disk *disk_raw_open(const char *path, bool read_only)
{
	int fd = open_file(path, read_only), err;
	struct disk_raw *raw = NULL;
	uint64_t size;

	if (fd < 0)
		return NULL;
	if (!find_size(path, fd, &size))
		goto out;
	raw = calloc(1, sizeof(*raw));
	if (raw)
		raw->disk.path = strdup(path);
	if (!raw || !raw->disk.path) {
		complain("--disk %s: out of memory", path);
		goto out;
	}
	err = disk_ring_init(&raw->ring);
	if (err) {
		complain("--disk %s: io_uring: %s%s", path, strerror(-err), err == -EPERM ?
			 " (see sysctl kernel.io_uring_disabled)" : "");
		goto out;
	}
	raw->disk.ops = &raw_ops;
	raw->disk.size = size;
	raw->disk.read_only = read_only;
	raw->disk.can_discard = raw->disk.can_zero = !read_only;
	raw->fd = fd;
	raw->waiting_end = &raw->waiting;
	return &raw->disk;
out:
	if (raw)
		free(raw->disk.path);
	free(raw);
	close(fd);
	return NULL;
}
