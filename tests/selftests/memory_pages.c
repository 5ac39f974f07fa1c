// SPDX-License-Identifier: GPL-2.0
/* Frames: which pages get large and small ones, when they come and when they go back. */
#define _GNU_SOURCE
#include "object.h"

/* Large frames take memory in one piece, which tests before this one may have scattered. */
static void gather_memory(void)
{
	ASSERT(file_write("/proc/sys/vm/compact_memory", "1"), "%s", strerror(errno));
}

CASE(large, "the first write to a block takes one large frame, or a small one if asked to")
{
	int fd = object_create(3 * LARGE_SIZE + 5 * PAGE_SIZE, 0);
	int small = object_create(3 * LARGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	struct bellows_memory_stat stat;
	char *p = object_map(fd, 0, 3 * LARGE_SIZE + 5 * PAGE_SIZE);
	char *q = object_map(small, 0, 3 * LARGE_SIZE);

	gather_memory();
	p[LARGE_SIZE + 5 * PAGE_SIZE] = 1;
	stat = object_stat(fd);
	EXPECT_EQ(stat.private_pages, LARGE_PAGES);
	EXPECT_EQ(stat.large, LARGE_PAGES);
	EXPECT_EQ(stat.absent, 2 * LARGE_PAGES + 5);
	/* The end of the object is no whole block. */
	p[3 * LARGE_SIZE] = 1;
	EXPECT_EQ(object_private(fd), LARGE_PAGES + 1);
	EXPECT_EQ(object_stat(fd).large, LARGE_PAGES);

	q[LARGE_SIZE] = 1;
	EXPECT_EQ(object_private(small), 1);
	EXPECT_EQ(object_stat(small).large, 0);
}

static void fill(char *p, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i += sizeof(unsigned int))
		*(unsigned int *)(p + i) = i * 2654435761u + seed;
}

static bool is_filled(const char *p, size_t offset, size_t size, unsigned int seed)
{
	for (size_t i = offset; i < offset + size; i += sizeof(unsigned int))
		if (*(const unsigned int *)(p + i) != (unsigned int)(i * 2654435761u + seed))
			return false;
	return true;
}

static bool is_zero(const char *p, size_t offset, size_t size)
{
	for (size_t i = offset; i < offset + size; i += sizeof(u64))
		if (*(const u64 *)(p + i))
			return false;
	return true;
}

CASE(discard_page, "discarding one page of a large frame gives back that page only")
{
	int fd = object_create(LARGE_SIZE, 0);
	char *p = object_map(fd, 0, LARGE_SIZE);
	u64 at = 100 * PAGE_SIZE;

	gather_memory();
	fill(p, LARGE_SIZE, 1);
	object_discard(fd, at, PAGE_SIZE);
	EXPECT_EQ(object_private(fd), LARGE_PAGES - 1);
	EXPECT_EQ(object_stat(fd).large, 0);
	EXPECT(is_zero(p, at, PAGE_SIZE));
	EXPECT(is_filled(p, 0, at, 1));
	EXPECT(is_filled(p, at + PAGE_SIZE, LARGE_SIZE - at - PAGE_SIZE, 1));
	p[at] = 5;
	EXPECT_EQ(object_private(fd), LARGE_PAGES);
	EXPECT(is_zero(p, at + 8, PAGE_SIZE - 8));
	object_discard(fd, 0, LARGE_SIZE);
	EXPECT_EQ(object_private(fd), 0);
	EXPECT(is_zero(p, 0, LARGE_SIZE));
	/* Empty, it can be large again. */
	p[0] = 1;
	EXPECT_EQ(object_stat(fd).large, LARGE_PAGES);
	expect_audit_ok();
}

CASE(discard_range, "a range over several blocks loses its contents, and nothing around it")
{
	size_t size = 4 * LARGE_SIZE, first = LARGE_SIZE - 3 * PAGE_SIZE;
	size_t length = 2 * LARGE_SIZE + 5 * PAGE_SIZE;

	for (unsigned int flags = 0; flags <= BELLOWS_MEMORY_SMALL_PAGES; flags++) {
		int fd = object_create(size, flags);
		char *p = object_map(fd, 0, size);

		fill(p, size, flags);
		EXPECT_EQ(object_private(fd), size / PAGE_SIZE);
		object_discard(fd, first, length);
		EXPECT_EQ(object_private(fd), (size - length) / PAGE_SIZE);
		EXPECT(is_filled(p, 0, first, flags));
		EXPECT(is_zero(p, first, length));
		EXPECT(is_filled(p, first + length, size - first - length, flags));
		EXPECT_EQ(object_private(fd), (size - length) / PAGE_SIZE);
		EXPECT_EQ(object_stat(fd).pinned, 0);
		expect_audit_ok();
	}
}

/*
 * MemFree moves by itself: what a process before this one had comes back late,
 * per-CPU counts are added up now and then. So wait until it rests, and wait for
 * what must happen; but not for ever.
 */
static u64 settled_memory(void)
{
	u64 before, now = free_memory();

	for (unsigned int i = 0; i < 100; i++) {
		before = now;
		usleep(30000);
		now = free_memory();
		if (now - before + MB / 4 < MB / 2)
			break;
	}
	return now;
}

static u64 wait_for_free(u64 wanted)
{
	u64 now = free_memory();

	for (unsigned int i = 0; i < 500 && now <= wanted; i++) {
		usleep(10000);
		now = free_memory();
	}
	return now;
}

/* False when something else took or gave memory at the same time, perhaps. */
static bool try_give_back(unsigned int flags, size_t size, u64 *start, u64 *full)
{
	int fd = object_create(size, flags);
	char *p = object_map(fd, 0, size);
	bool good;
	u64 now;

	*start = settled_memory();
	REQUIRE(*start > 2 * size, "too little memory");
	/* Every page: on a host whose memory is in pieces large frames may be hard to get. */
	for (size_t i = 0; i < size; i += PAGE_SIZE)
		p[i] = 1;
	*full = free_memory();
	if (*full + size * 2 / 3 >= *start) {
		munmap(p, size);
		close(fd);
		return false;
	}
	object_discard(fd, 0, size / 2);
	now = wait_for_free(*full + size / 4);
	good = now > *full + size / 4;
	munmap(p, size);
	close(fd);
	if (!good) {
		test_diag("half was discarded: %llu free, then %llu", *full, now);
		return false;
	}
	now = wait_for_free(*full + size * 2 / 3);
	if (now <= *full + size * 2 / 3)
		test_diag("closed: %llu free, then %llu", *full, now);
	return now > *full + size * 2 / 3;
}

static void give_back(unsigned int flags)
{
	u64 start, full;

	for (unsigned int i = 0; i < 3; i++) {
		if (try_give_back(flags, 96 * MB, &start, &full))
			return;
	}
	EXPECT(false, "96 MiB do not come and go: %llu free, then %llu", start, full);
}

CASE(returns_large, "large frames go back to the host, when discarded and with the last close")
{
	give_back(0);
}

CASE(returns_small, "small frames go back to the host, when discarded and with the last close")
{
	give_back(BELLOWS_MEMORY_SMALL_PAGES);
}

CASE(fresh, "frames come zeroed, also those that were somebody's a moment ago")
{
	for (unsigned int round = 0; round < test_scale(10); round++) {
		int fd = object_create(2 * LARGE_SIZE + PAGE_SIZE,
				       round & 1 ? BELLOWS_MEMORY_SMALL_PAGES : 0);
		char *p = object_map(fd, 0, 2 * LARGE_SIZE + PAGE_SIZE);

		for (size_t i = 0; i < 2 * LARGE_SIZE + PAGE_SIZE; i += PAGE_SIZE) {
			p[i] = 1;
			p[i] = 0;
		}
		EXPECT(is_zero(p, 0, 2 * LARGE_SIZE + PAGE_SIZE));
		memset(p, 0xff, 2 * LARGE_SIZE + PAGE_SIZE);
		munmap(p, 2 * LARGE_SIZE + PAGE_SIZE);
		close(fd);
	}
}

CASE(random_ops, "random writes, reads, discards and invalidations match an array")
{
	enum { PAGES = 3 * LARGE_PAGES + 7 };
	static u32 model[PAGES];
	u64 seed = 1, rounds = test_scale(20000);
	int fd = object_create(PAGES * PAGE_SIZE, 0);
	char *p = object_map(fd, 0, PAGES * PAGE_SIZE);

	for (u64 i = 0; i < rounds; i++) {
		u64 r = test_random(&seed);
		unsigned int page = (r >> 8) % PAGES, n = 1 + (r >> 32) % 40;

		if (r % 64 == 0)
			n = LARGE_PAGES, page -= page % LARGE_PAGES;
		if (n > PAGES - page)
			n = PAGES - page;
		switch (r % 8) {
		case 0 ... 3:
			model[page] = r;
			*(u32 *)(p + page * PAGE_SIZE + 64) = r;
			break;
		case 4 ... 5:
			ASSERT_EQ(*(u32 *)(p + page * PAGE_SIZE + 64), model[page]);
			break;
		case 6:
			object_discard(fd, page * PAGE_SIZE, n * PAGE_SIZE);
			memset(&model[page], 0, n * sizeof(*model));
			break;
		case 7:
			object_invalidate(fd, page * PAGE_SIZE, n * PAGE_SIZE);
			break;
		}
	}
	for (unsigned int page = 0; page < PAGES; page++)
		EXPECT_EQ(*(u32 *)(p + page * PAGE_SIZE + 64), model[page]);
	expect_audit_ok();
}
