// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel itself reads and writes a mapping, through references to its
 * pages: direct I/O, pipes, other processes, io_uring. And what becomes of a
 * page that somebody holds when its object discards it.
 */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include "object.h"

#define RAMDISK	"/dev/ram0"

static unsigned int kernel_version(void)
{
	struct utsname u;
	char *minor;

	x(uname(&u));
	return strtoul(u.release, &minor, 10) << 16 | strtoul(minor + 1, NULL, 10) << 8;
}

static void fill(char *p, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i += sizeof(unsigned int))
		*(unsigned int *)(p + i) = i * 2654435761u + seed;
}

static bool is_filled(const char *p, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i += sizeof(unsigned int))
		if (*(const unsigned int *)(p + i) != (unsigned int)(i * 2654435761u + seed))
			return false;
	return true;
}

static void direct_io(unsigned int flags)
{
	int disk = open(RAMDISK, O_RDWR | O_DIRECT), fd;
	size_t size = MB;
	char *p;

	REQUIRE(disk >= 0, "no " RAMDISK " in this kernel: %s", strerror(errno));
	fd = object_create(LARGE_SIZE, flags);
	p = object_map(fd, 0, LARGE_SIZE);

	/* From the object, zeros included, to the disk ... */
	fill(p, size, 1);
	ASSERT_EQ(pwrite(disk, p, size, 0), size);
	ASSERT_EQ(pwrite(disk, p + size, size, size), size);
	/* ... and back, into pages that were never touched. */
	object_discard(fd, 0, LARGE_SIZE);
	ASSERT_EQ(pread(disk, p, LARGE_SIZE, 0), LARGE_SIZE);
	EXPECT(is_filled(p, size, 1));
	for (size_t i = size; i < LARGE_SIZE; i++)
		ASSERT_EQ(p[i], 0);

	/* Into pages mapped as zeros. */
	object_discard(fd, 0, LARGE_SIZE);
	for (size_t i = 0; i < size; i += PAGE_SIZE)
		EXPECT_EQ(p[i], 0);
	ASSERT_EQ(pread(disk, p, size, 0), size);
	EXPECT(is_filled(p, size, 1));
	EXPECT_EQ(object_stat(fd).pinned, 0);
	expect_audit_ok();
}

CASE(direct, "direct I/O reads and writes a mapping")
{
	direct_io(0);
	direct_io(BELLOWS_MEMORY_SMALL_PAGES);
	direct_io(BELLOWS_MEMORY_PINNABLE);
}

CASE(processes, "another process is read into, and written from, a mapping")
{
	static char other[8 * PAGE_SIZE];
	int fd = object_create(LARGE_SIZE, 0);
	char *p = object_map(fd, 0, LARGE_SIZE);
	struct iovec local = { p, sizeof(other) }, remote = { other, sizeof(other) };
	pid_t pid = getpid();

	fill(other, sizeof(other), 3);
	REQUIRE(__x(process_vm_readv(pid, &local, 0, &remote, 0, 0)) != -ENOSYS,
		"this kernel has no process_vm_readv");
	ASSERT_EQ(process_vm_readv(pid, &local, 1, &remote, 1, 0), sizeof(other));
	EXPECT(is_filled(p, sizeof(other), 3));
	memset(other, 0, sizeof(other));
	/* The mapping as the remote side: its pages are what is pinned. */
	ASSERT_EQ(process_vm_readv(pid, &remote, 1, &local, 1, 0), sizeof(other));
	EXPECT(is_filled(other, sizeof(other), 3));
	object_discard(fd, 0, LARGE_SIZE);
	fill(other, sizeof(other), 4);
	ASSERT_EQ(process_vm_writev(pid, &remote, 1, &local, 1, 0), sizeof(other));
	EXPECT(is_filled(p, sizeof(other), 4));
	/* Reading absent pages costs nothing here, either. */
	object_discard(fd, 0, LARGE_SIZE);
	ASSERT_EQ(process_vm_readv(pid, &remote, 1, &local, 1, 0), sizeof(other));
	EXPECT_EQ(other[0] + other[sizeof(other) - 1], 0);
	EXPECT_EQ(object_private(fd), 0);
}

CASE(debugger, "a debugger reads and writes a mapping, but not one that is read-only")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES), mem;
	char *p = object_map(fd, 0, PAGE_SIZE), text[8] = {};
	char *q = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, fd, PAGE_SIZE);

	ASSERT(q != MAP_FAILED);
	mem = x(open("/proc/self/mem", O_RDWR));
	ASSERT_EQ(pread(mem, text, 1, (long)p), 1);
	EXPECT_EQ(object_private(fd), 0);
	ASSERT_EQ(pwrite(mem, "hello", 6, (long)p), 6);
	EXPECT(!strcmp(p, "hello"));
	EXPECT_EQ(q[0], 0);
	EXPECT(pwrite(mem, "hello", 6, (long)q) < 0);
	EXPECT_EQ(q[0], 0);
	EXPECT_EQ(object_private(fd), 1);
	expect_audit_ok();
}

/* A page in a pipe is a reference without a mapping. */
CASE(held, "a page that a pipe holds survives a discard; the others go")
{
	for (unsigned int flags = 0; flags <= BELLOWS_MEMORY_SMALL_PAGES; flags++) {
		int fd = object_create(2 * LARGE_SIZE, flags), pipefd[2];
		char *p = object_map(fd, 0, 2 * LARGE_SIZE);
		char buf[PAGE_SIZE];
		struct iovec iov = { p + 3 * PAGE_SIZE, PAGE_SIZE };

		x(pipe(pipefd));
		memset(p, 1, 2 * LARGE_SIZE);
		memset(p + 3 * PAGE_SIZE, 2, PAGE_SIZE);
		ASSERT_EQ(vmsplice(pipefd[1], &iov, 1, 0), PAGE_SIZE);

		object_discard(fd, 0, 2 * LARGE_SIZE);
		EXPECT_EQ(object_private(fd), 1);
		EXPECT_EQ(object_stat(fd).pinned, 1);
		EXPECT_EQ(p[0] + p[2 * PAGE_SIZE] + p[4 * PAGE_SIZE] + p[LARGE_SIZE], 0);
		/* It is one and the same page still. */
		EXPECT_EQ(p[3 * PAGE_SIZE], 2);
		p[3 * PAGE_SIZE] = 3;
		ASSERT_EQ(read(pipefd[0], buf, PAGE_SIZE), PAGE_SIZE);
		EXPECT_EQ(buf[0], 3);
		EXPECT_EQ(buf[PAGE_SIZE - 1], 2);

		object_discard(fd, 0, 2 * LARGE_SIZE);
		EXPECT_EQ(object_private(fd), 0);
		EXPECT_EQ(object_stat(fd).pinned, 1);
		EXPECT_EQ(p[3 * PAGE_SIZE], 0);
		close(pipefd[0]);
		close(pipefd[1]);
		expect_audit_ok();
	}
}

CASE(outlives, "a page in a pipe outlives its object, with its contents")
{
	int fd = object_create(LARGE_SIZE, 0), pipefd[2];
	char *p = object_map(fd, 0, LARGE_SIZE), buf[2 * PAGE_SIZE];
	struct iovec iov = { p + PAGE_SIZE, 2 * PAGE_SIZE };

	x(pipe(pipefd));
	memset(p, 5, LARGE_SIZE);
	ASSERT_EQ(vmsplice(pipefd[1], &iov, 1, SPLICE_F_GIFT), 2 * PAGE_SIZE);
	munmap(p, LARGE_SIZE);
	close(fd);
	/* Whoever takes the rest of the frame must not find it in the pipe. */
	fd = object_create(4 * LARGE_SIZE, 0);
	memset(object_map(fd, 0, 4 * LARGE_SIZE), 6, 4 * LARGE_SIZE);
	ASSERT_EQ(read(pipefd[0], buf, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
	for (unsigned int i = 0; i < 2 * PAGE_SIZE; i++)
		ASSERT_EQ(buf[i], 5);
}

CASE(zeros_held, "the page of zeros in a pipe stays zero")
{
	int fd = object_create(LARGE_SIZE, 0), pipefd[2];
	char *p = object_map(fd, 0, LARGE_SIZE), buf[PAGE_SIZE];
	struct iovec iov = { p, PAGE_SIZE };

	x(pipe(pipefd));
	ASSERT_EQ(vmsplice(pipefd[1], &iov, 1, SPLICE_F_GIFT), PAGE_SIZE);
	p[0] = 1;
	ASSERT_EQ(read(pipefd[0], buf, PAGE_SIZE), PAGE_SIZE);
	EXPECT_EQ(buf[0], 0);
	EXPECT_EQ(p[0], 1);
	expect_audit_ok();
}

/* io_uring with one registered buffer and one request at a time. */
struct ring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqe;
};

static bool ring_open(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 4, &r->params);
	if (r->fd < 0)
		return false;
	r->sq = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		     IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		     IORING_OFF_CQ_RING);
	if (r->sq == MAP_FAILED || r->cq == MAP_FAILED) {
		r->sq = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
			     IORING_OFF_SQ_RING);
		r->cq = r->sq;
	}
	r->sqe = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		      IORING_OFF_SQES);
	ASSERT(r->sq != MAP_FAILED && r->sqe != MAP_FAILED, "%s", strerror(errno));
	return true;
}

static int ring_do(struct ring *r, u8 op, int fd, void *buf, unsigned int len)
{
	unsigned int *tail = (void *)(r->sq + r->params.sq_off.tail);
	unsigned int *array = (void *)(r->sq + r->params.sq_off.array);
	unsigned int *head = (void *)(r->cq + r->params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(r->cq + r->params.cq_off.cqes);
	unsigned int at = *tail & (r->params.sq_entries - 1);
	int res;

	r->sqe[at] = (struct io_uring_sqe){
		.opcode = op, .fd = fd, .addr = (unsigned long)buf, .len = len, .off = 0,
	};
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ASSERT_EQ(syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
	res = cqes[*head & (r->params.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

CASE(uring, "io_uring reads and writes a mapping")
{
	int fd = object_create(LARGE_SIZE, 0), file = x(memfd_create("file", 0));
	char *p = object_map(fd, 0, LARGE_SIZE);
	struct ring r;

	REQUIRE(ring_open(&r), "no io_uring in this kernel: %s", strerror(errno));
	fill(p, 64 * PAGE_SIZE, 1);
	ASSERT_EQ(ring_do(&r, IORING_OP_WRITE, file, p, 64 * PAGE_SIZE), 64 * PAGE_SIZE);
	object_discard(fd, 0, LARGE_SIZE);
	ASSERT_EQ(ring_do(&r, IORING_OP_READ, file, p, 64 * PAGE_SIZE), 64 * PAGE_SIZE);
	EXPECT(is_filled(p, 64 * PAGE_SIZE, 1));
}

CASE(registered, "an object made for pinning can be a registered buffer, which a discard leaves alone")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_PINNABLE);
	int plain = object_create(LARGE_SIZE, 0), file = x(memfd_create("file", 0));
	char *p = object_map(fd, 0, LARGE_SIZE), *q = object_map(plain, 0, LARGE_SIZE);
	struct iovec iov = { q, 16 * PAGE_SIZE };
	struct ring r;
	int ret;

	REQUIRE(ring_open(&r), "no io_uring in this kernel: %s", strerror(errno));
	/* Since 6.5, what notices writes can't be pinned for long. */
	ret = __x(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &iov, 1));
	REQUIRE(ret != -EOPNOTSUPP || kernel_version() >= 0x060500,
		"before 6.5, io_uring registers no file's memory but tmpfs's");
	EXPECT_EQ(ret, -EFAULT);

	iov.iov_base = p;
	x(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &iov, 1));
	fill(p, 64 * PAGE_SIZE, 7);
	object_discard(fd, 0, LARGE_SIZE);
	EXPECT_EQ(object_private(fd), 16);
	EXPECT_EQ(object_stat(fd).pinned, 16);
	EXPECT(is_filled(p, 16 * PAGE_SIZE, 7));
	EXPECT_EQ(p[16 * PAGE_SIZE], 0);
	/* The kernel and the mapping still share it. */
	ASSERT_EQ(ring_do(&r, IORING_OP_WRITE_FIXED, file, p, 16 * PAGE_SIZE), 16 * PAGE_SIZE);
	memset(p, 0, 16 * PAGE_SIZE);
	object_invalidate(fd, 0, LARGE_SIZE);
	ASSERT_EQ(ring_do(&r, IORING_OP_READ_FIXED, file, p, 16 * PAGE_SIZE), 16 * PAGE_SIZE);
	EXPECT(is_filled(p, 16 * PAGE_SIZE, 7));
	x(syscall(SYS_io_uring_register, r.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	expect_audit_ok();
}
