// SPDX-License-Identifier: GPL-2.0
/* User mappings of memory objects: what they are, what they survive, what they cost. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <sys/wait.h>
#include "object.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

static sigjmp_buf fault_env;

static void on_fault(int sig)
{
	siglongjmp(fault_env, sig);
}

/* The signal that reading p raises, or 0. */
static int fault_at(const volatile char *p)
{
	int sig;

	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	sig = sigsetjmp(fault_env, 1);
	if (!sig)
		(void)*p;
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	return sig;
}

static long map_result(int fd, int prot, int flags, u64 offset, size_t size)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

static int exit_status(pid_t pid)
{
	int status;

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

CASE(refusals, "mmap is shared, inside the object, and not executable")
{
	int fd = object_create(4 * PAGE_SIZE, 0), rw = PROT_READ | PROT_WRITE;

	EXPECT_EQ(map_result(fd, rw, MAP_SHARED, 0, 4 * PAGE_SIZE), 0);
	EXPECT_EQ(map_result(fd, rw, MAP_SHARED, 3 * PAGE_SIZE, PAGE_SIZE), 0);
	EXPECT_EQ(map_result(fd, PROT_READ, MAP_SHARED, PAGE_SIZE, PAGE_SIZE), 0);
	EXPECT_EQ(map_result(fd, PROT_NONE, MAP_SHARED, 0, PAGE_SIZE), 0);
	EXPECT_EQ(map_result(fd, rw, MAP_PRIVATE, 0, PAGE_SIZE), -EINVAL);
	EXPECT_EQ(map_result(fd, PROT_READ, MAP_PRIVATE, 0, PAGE_SIZE), -EINVAL);
	EXPECT_EQ(map_result(fd, rw, MAP_SHARED, 0, 5 * PAGE_SIZE), -EINVAL);
	EXPECT_EQ(map_result(fd, rw, MAP_SHARED, 4 * PAGE_SIZE, PAGE_SIZE), -EINVAL);
	EXPECT_EQ(map_result(fd, rw, MAP_SHARED, 2 * PAGE_SIZE, 3 * PAGE_SIZE), -EINVAL);
	EXPECT_EQ(map_result(fd, rw, MAP_SHARED, 1ULL << 50, PAGE_SIZE), -EINVAL);
	EXPECT_EQ(map_result(fd, rw | PROT_EXEC, MAP_SHARED, 0, PAGE_SIZE), -EPERM);
}

CASE(same_memory, "all mappings of a page show the same memory")
{
	int fd = object_create(2 * LARGE_SIZE, 0);
	char *a = object_map(fd, 0, 2 * LARGE_SIZE);
	char *b = object_map(fd, LARGE_SIZE - PAGE_SIZE, 2 * PAGE_SIZE);

	a[LARGE_SIZE - 1] = 1;
	a[LARGE_SIZE] = 2;
	EXPECT_EQ(b[PAGE_SIZE - 1], 1);
	EXPECT_EQ(b[PAGE_SIZE], 2);
	b[0] = 3;
	EXPECT_EQ(a[LARGE_SIZE - PAGE_SIZE], 3);
}

CASE(after_close, "a mapping works after close, and contents last from one mapping to the next")
{
	int fd = object_create(LARGE_SIZE, 0), again = x(dup(fd));
	char *p = object_map(fd, 0, LARGE_SIZE);

	p[5] = 1;
	close(fd);
	p[PAGE_SIZE] = 2;
	x(munmap(p, LARGE_SIZE));
	p = object_map(again, 0, LARGE_SIZE);
	close(again);
	EXPECT_EQ(p[5], 1);
	EXPECT_EQ(p[PAGE_SIZE], 2);
	p[2 * PAGE_SIZE] = 3;
	EXPECT_EQ(p[2 * PAGE_SIZE], 3);
}

CASE(partial, "after munmap of a part the rest works, and the part is gone")
{
	int fd = object_create(8 * PAGE_SIZE, 0);
	char *p = object_map(fd, 0, 8 * PAGE_SIZE);

	memset(p, 7, 8 * PAGE_SIZE);
	x(munmap(p + 2 * PAGE_SIZE, 3 * PAGE_SIZE));
	EXPECT_EQ(fault_at(p + 2 * PAGE_SIZE), SIGSEGV);
	EXPECT_EQ(fault_at(p + 5 * PAGE_SIZE - 1), SIGSEGV);
	object_invalidate(fd, 0, 8 * PAGE_SIZE);
	EXPECT_EQ(p[PAGE_SIZE], 7);
	EXPECT_EQ(p[5 * PAGE_SIZE], 7);
	/* The contents of the hole are still the object's. */
	EXPECT_EQ(object_map(fd, 3 * PAGE_SIZE, PAGE_SIZE)[0], 7);
	object_discard(fd, 0, 8 * PAGE_SIZE);
	EXPECT_EQ(p[PAGE_SIZE] + p[5 * PAGE_SIZE], 0);
}

/* A page was written in each of so many blocks: a large frame, or a small one if there was none. */
static void expect_whole_blocks(int fd, unsigned int blocks)
{
	u64 large = object_stat(fd).large;

	EXPECT_EQ(large % LARGE_PAGES, 0);
	EXPECT_EQ(object_private(fd), large + blocks - large / LARGE_PAGES);
}

CASE(zeros, "reading absent pages costs nothing; every mapping sees the write that follows")
{
	int fd = object_create(4 * LARGE_SIZE, 0);
	char *a = object_map(fd, 0, 4 * LARGE_SIZE), *b = object_map(fd, 0, 4 * LARGE_SIZE);
	unsigned int sum = 0;

	for (size_t i = 0; i < 4 * LARGE_SIZE; i += PAGE_SIZE)
		sum += a[i] + b[i + 1];
	EXPECT_EQ(sum, 0);
	EXPECT_EQ(object_private(fd), 0);
	EXPECT(page_is_mapped(a) && page_is_mapped(b));

	a[PAGE_SIZE] = 1;
	EXPECT_EQ(b[PAGE_SIZE], 1);
	b[LARGE_SIZE] = 2;
	EXPECT_EQ(a[LARGE_SIZE], 2);
	for (size_t i = 0; i < 4 * LARGE_SIZE; i += PAGE_SIZE)
		sum += a[i] + b[i];
	EXPECT_EQ(sum, 6);
	expect_whole_blocks(fd, 2);
	expect_audit_ok();
}

CASE(zeros_protected, "a mapping that becomes writable does not write into the zeros it shows")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	int other = object_create(LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	char *p = mmap(NULL, LARGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	char *q = object_map(other, 0, LARGE_SIZE);

	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(p[0] + p[PAGE_SIZE] + q[0], 0);
	EXPECT_EQ(fault_at(p), 0);
	x(mprotect(p, LARGE_SIZE, PROT_READ | PROT_WRITE));
	p[0] = 1;
	EXPECT_EQ(p[PAGE_SIZE] + q[0], 0);
	EXPECT_EQ(object_private(fd), 1);
	EXPECT_EQ(object_private(other), 0);
	/* Back and forth, with a page that has a frame. */
	x(mprotect(p, LARGE_SIZE, PROT_READ));
	x(mprotect(p, LARGE_SIZE, PROT_READ | PROT_WRITE));
	p[0]++;
	p[PAGE_SIZE]++;
	EXPECT_EQ(p[0], 2);
	EXPECT_EQ(p[PAGE_SIZE], 1);
	EXPECT_EQ(q[0] + q[PAGE_SIZE], 0);
	expect_audit_ok();
}

CASE(pinnable, "an object made for pinning allocates on reading")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_PINNABLE | BELLOWS_MEMORY_SMALL_PAGES);
	char *p = object_map(fd, 0, LARGE_SIZE);

	EXPECT_EQ(p[0], 0);
	EXPECT_EQ(object_private(fd), 1);
	p[0] = 1;
	p[PAGE_SIZE] = 2;
	EXPECT_EQ(object_private(fd), 2);
	object_discard(fd, 0, LARGE_SIZE);
	EXPECT_EQ(p[0] + p[PAGE_SIZE], 0);
	expect_audit_ok();
}

CASE(forking, "a child inherits the mapping; both see each other's writes, on zeros too")
{
	int fd = object_create(LARGE_SIZE, 0);
	char *p = object_map(fd, 0, LARGE_SIZE);
	pid_t pid;

	p[0] = 1;
	EXPECT_EQ(p[PAGE_SIZE] + p[2 * PAGE_SIZE], 0);
	pid = x(fork());
	if (!pid) {
		if (p[0] != 1 || p[PAGE_SIZE])
			_exit(1);
		p[0] = 2;
		p[PAGE_SIZE] = 3;
		while (!READ_ONCE(p[2 * PAGE_SIZE]))
			;
		_exit(READ_ONCE(p[3 * PAGE_SIZE]) == 5 ? 0 : 2);
	}
	while (READ_ONCE(p[PAGE_SIZE]) != 3)
		;
	EXPECT_EQ(READ_ONCE(p[0]), 2);
	WRITE_ONCE(p[3 * PAGE_SIZE], 5);
	WRITE_ONCE(p[2 * PAGE_SIZE], 4);
	EXPECT_EQ(exit_status(pid), 0);
}

CASE(fork_zeros, "zeros mapped in parent and child are replaced in both")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	char *p = object_map(fd, 0, LARGE_SIZE);
	int to_child[2], to_parent[2];
	char byte = 0;
	pid_t pid;

	x(pipe(to_child));
	x(pipe(to_parent));
	EXPECT_EQ(p[0], 0);		/* the page of zeros is in the table that fork copies */
	pid = x(fork());
	if (!pid) {
		if (read(to_child[0], &byte, 1) != 1 || p[0] != 1)
			_exit(1);
		p[0] = 2;
		_exit(write(to_parent[1], &byte, 1) == 1 ? 0 : 2);
	}
	p[0] = 1;
	ASSERT_EQ(write(to_child[1], &byte, 1), 1);
	ASSERT_EQ(read(to_parent[0], &byte, 1), 1);
	EXPECT_EQ(p[0], 2);
	EXPECT_EQ(exit_status(pid), 0);
	EXPECT_EQ(object_private(fd), 1);
}

CASE(exec, "exec and exit with open descriptors and mappings leave nothing")
{
	int fd = object_create(LARGE_SIZE, 0);
	char *p = object_map(fd, 0, LARGE_SIZE);

	for (int i = 0; i < 3; i++) {
		pid_t pid = x(fork());

		if (!pid) {
			int own = object_create(LARGE_SIZE, 0);

			object_map(own, 0, LARGE_SIZE)[0] = 1;
			p[i * PAGE_SIZE] = i + 1;
			if (i == 1)
				execl("/proc/self/exe", "selftests", "--tests", NULL);
			if (i == 2)
				raise(SIGKILL);
			_exit(0);
		}
		exit_status(pid);
		EXPECT_EQ(p[i * PAGE_SIZE], i + 1);
	}
	expect_audit_ok();
}

CASE(remapping, "mremap moves and shrinks a mapping and does not grow it")
{
	int fd = object_create(8 * PAGE_SIZE, 0);
	char *p = object_map(fd, 0, 4 * PAGE_SIZE), *q;

	EXPECT_EQ(p[0], 0);
	p[3 * PAGE_SIZE] = 3;
	EXPECT_EQ(__x(mremap(p, 4 * PAGE_SIZE, 8 * PAGE_SIZE, MREMAP_MAYMOVE)), -EFAULT);
	q = mmap(NULL, 4 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = mremap(p, 4 * PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	ASSERT(q != MAP_FAILED, "%s", strerror(errno));
	EXPECT_EQ(q[3 * PAGE_SIZE], 3);
	q[0] = 1;
	object_invalidate(fd, 0, 8 * PAGE_SIZE);
	EXPECT_EQ(q[0], 1);
	EXPECT_EQ(q[3 * PAGE_SIZE], 3);
	p = mremap(q, 4 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(fault_at(q + 3 * PAGE_SIZE), SIGSEGV);
	EXPECT_EQ(p[0], 1);
}

CASE(advice, "madvise, mlock and msync do what they do to any shared mapping")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	char *p = object_map(fd, 0, LARGE_SIZE);

	p[0] = 1;
	x(madvise(p, PAGE_SIZE, MADV_DONTNEED));
	EXPECT(!page_is_mapped(p));
	EXPECT_EQ(p[0], 1);
	x(madvise(p, PAGE_SIZE, MADV_REMOVE));
	EXPECT_EQ(p[0], 0);
	EXPECT_EQ(object_private(fd), 0);
	EXPECT_EQ(__x(madvise(p, PAGE_SIZE, MADV_FREE)), -EINVAL);
	EXPECT_EQ(__x(madvise(p, PAGE_SIZE, MADV_DODUMP)), -EINVAL);
	x(madvise(p, LARGE_SIZE, MADV_POPULATE_READ));
	EXPECT_EQ(object_private(fd), 0);
	x(madvise(p, 16 * PAGE_SIZE, MADV_POPULATE_WRITE));
	EXPECT_EQ(object_private(fd), 16);
	x(mlock(p, 16 * PAGE_SIZE));
	p[0] = 1;
	object_invalidate(fd, 0, LARGE_SIZE);
	EXPECT_EQ(p[0], 1);
	object_discard(fd, 0, LARGE_SIZE);
	EXPECT_EQ(p[0], 0);
	EXPECT_EQ(object_private(fd), 0);
	x(munlock(p, 16 * PAGE_SIZE));
	x(msync(p, LARGE_SIZE, MS_SYNC));
	expect_audit_ok();
}

CASE(populate, "MAP_POPULATE fills page tables, with zeros: shared mappings are populated by reading")
{
	int fd = object_create(LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	char *p;

	p = mmap(NULL, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT(page_is_mapped(p) && page_is_mapped(p + 7 * PAGE_SIZE));
	EXPECT_EQ(object_private(fd), 0);
	p[0] = 1;
	EXPECT_EQ(object_private(fd), 1);
}

CASE(invalidation, "invalidate empties page tables, everywhere, and changes nothing else")
{
	int fd = object_create(2 * LARGE_SIZE, 0);
	char *p = object_map(fd, 0, 2 * LARGE_SIZE), *q = object_map(fd, PAGE_SIZE, PAGE_SIZE);
	u64 before;

	p[0] = 1;
	p[PAGE_SIZE] = 2;
	EXPECT_EQ(q[0] + p[LARGE_SIZE], 2);
	before = object_private(fd);
	EXPECT(page_is_mapped(p) && page_is_mapped(q) && page_is_mapped(p + LARGE_SIZE));
	object_invalidate(fd, PAGE_SIZE, PAGE_SIZE);
	EXPECT(page_is_mapped(p));
	EXPECT(!page_is_mapped(p + PAGE_SIZE) && !page_is_mapped(q));
	object_invalidate(fd, 0, 2 * LARGE_SIZE);
	EXPECT(!page_is_mapped(p) && !page_is_mapped(p + LARGE_SIZE));
	EXPECT_EQ(p[0], 1);
	EXPECT_EQ(q[0], 2);
	EXPECT_EQ(object_private(fd), before);
}

/* Resident pages of this process that belong to files. */
static u64 resident(void)
{
	return file_number("/proc/self/status", "RssFile:") * 1024 / PAGE_SIZE;
}

CASE(accounting, "a frame is in RSS while it is mapped, and only then")
{
	int fd = object_create(LARGE_SIZE, 0);
	char *p = object_map(fd, 0, LARGE_SIZE);
	u64 before;

	p[0] = 1;
	before = resident();
	memset(p, 1, LARGE_SIZE);
	EXPECT(resident() >= before + 400, "%llu after %llu", resident(), before);
	object_invalidate(fd, 0, LARGE_SIZE);
	EXPECT(resident() < before + 100, "%llu after %llu", resident(), before);
	EXPECT_EQ(object_private(fd), LARGE_PAGES);
}
