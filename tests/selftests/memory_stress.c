// SPDX-License-Identifier: GPL-2.0
/* Everything at once, on few pages, so that operations meet in every state. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include "object.h"

#define THREADS	4
#define PAGES	(LARGE_PAGES + 8)

static struct {
	int fd;
	char *p, *q;
	volatile bool stop;
	u64 operations[THREADS + 4];
} shared;

static u32 *word(char *map, unsigned int page)
{
	return (u32 *)(map + page * PAGE_SIZE) + 16;
}

/* Each thread owns the pages of its number; what it wrote is there, or zero, since others discard. */
static void *owner(void *arg)
{
	unsigned int id = (unsigned long)arg;
	u64 seed = id;
	u32 last[PAGES] = {};

	while (!shared.stop) {
		u64 r = test_random(&seed);
		unsigned int page = (r >> 8) % 8 ? (r >> 16) % 8 : (r >> 16) % PAGES;
		char *map = r & 1 ? shared.p : shared.q;
		u32 value;

		page -= page % THREADS;
		page += id;
		if (page >= PAGES)
			continue;
		value = READ_ONCE(*word(map, page));
		if (value && value != last[page])
			test_fail(__FILE__, __LINE__, true, "page %u: %x, not %x", page, value,
				  last[page]);
		if (!value)
			last[page] = 0;
		if (r & 2) {
			last[page] = (r >> 32) | 1;
			WRITE_ONCE(*word(map, page), last[page]);
		}
		shared.operations[id]++;
	}
	return NULL;
}

static void *reader(void *arg)
{
	unsigned int id = (unsigned long)arg, page = 0;
	char buf[4 * PAGE_SIZE];
	u64 seed = id;

	while (!shared.stop) {
		page = test_random(&seed) % (PAGES - 4);
		/* References from the kernel, for a moment. */
		ASSERT(kernel_reads(shared.p + page * PAGE_SIZE, buf, sizeof(buf)), "%s",
		       strerror(errno));
		shared.operations[id]++;
	}
	return NULL;
}

static void *changer(void *arg)
{
	unsigned int id = (unsigned long)arg;
	u64 seed = id;

	while (!shared.stop) {
		u64 r = test_random(&seed);
		unsigned int page = (r >> 8) % 4 ? (r >> 16) % 8 : (r >> 16) % PAGES;
		unsigned int n = (r >> 40) % 3 ? 1 : PAGES - page;

		if (r % 16 == 0)
			page = 0, n = LARGE_PAGES;
		if (r & 16)
			object_discard(shared.fd, page * PAGE_SIZE, n * PAGE_SIZE);
		else
			object_invalidate(shared.fd, page * PAGE_SIZE, n * PAGE_SIZE);
		shared.operations[id]++;
	}
	return NULL;
}

static void *mapper(void *arg)
{
	unsigned int id = (unsigned long)arg;

	while (!shared.stop) {
		char *map = object_map(shared.fd, 0, PAGES * PAGE_SIZE);
		volatile char c = map[5 * PAGE_SIZE];

		(void)c;
		x(munmap(map, PAGES * PAGE_SIZE));
		shared.operations[id]++;
	}
	return NULL;
}

static void stress(u64 flags, unsigned int ms)
{
	pthread_t thread[THREADS + 3];
	u64 total = 0;

	memset(&shared, 0, sizeof(shared));
	shared.fd = object_create(PAGES * PAGE_SIZE, flags);
	shared.p = object_map(shared.fd, 0, PAGES * PAGE_SIZE);
	shared.q = object_map(shared.fd, 0, PAGES * PAGE_SIZE);
	for (unsigned long i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, owner, (void *)i);
	pthread_create(&thread[THREADS], NULL, reader, (void *)(unsigned long)THREADS);
	pthread_create(&thread[THREADS + 1], NULL, changer, (void *)(unsigned long)(THREADS + 1));
	pthread_create(&thread[THREADS + 2], NULL, mapper, (void *)(unsigned long)(THREADS + 2));
	usleep(ms * 1000);
	shared.stop = true;
	for (unsigned int i = 0; i < THREADS + 3; i++)
		pthread_join(thread[i], NULL);
	for (unsigned int i = 0; i < THREADS + 3; i++) {
		EXPECT(shared.operations[i], "thread %u did nothing", i);
		total += shared.operations[i];
	}
	test_diag("%llu operations, %llu of them changes; %llu times a page was held", total,
		  shared.operations[THREADS + 1], object_stat(shared.fd).pinned);
	object_discard(shared.fd, 0, PAGES * PAGE_SIZE);
	EXPECT_EQ(object_private(shared.fd), 0);
	expect_audit_ok();
	close(shared.fd);
	munmap(shared.p, PAGES * PAGE_SIZE);
	munmap(shared.q, PAGES * PAGE_SIZE);
}

CASE_TIMEOUT(threads, "threads that fault, discard, invalidate, map and pin find what they wrote, or zeros", 60)
{
	stress(0, test_scale(1500));
	stress(BELLOWS_MEMORY_SMALL_PAGES, test_scale(1000));
	stress(BELLOWS_MEMORY_PINNABLE, test_scale(1000));
}

static void *toucher(void *arg)
{
	char *p = arg;

	for (u64 seed = (unsigned long)&p; ; ) {
		u64 r = test_random(&seed);

		WRITE_ONCE(p[(r >> 8) % (64 * MB)], 1);
		if (r % 64 == 0)
			object_discard(shared.fd, (r >> 8) % 31 * LARGE_SIZE, LARGE_SIZE);
	}
	return NULL;
}

CASE_TIMEOUT(killed, "processes killed in the middle of faults and discards leave nothing behind", 60)
{
	u64 seed = 1, rounds = test_scale(30);
	struct bellows_memory_stat stat;

	shared.fd = object_create(64 * MB, 0);
	shared.p = object_map(shared.fd, 0, 64 * MB);
	for (u64 i = 0; i < rounds; i++) {
		pid_t pid = x(fork());
		int status;

		if (!pid) {
			pthread_t thread;

			for (int t = 0; t < 3; t++)
				pthread_create(&thread, NULL, toucher, shared.p);
			pause();
		}
		usleep(test_random(&seed) % 30000);
		x(kill(pid, SIGKILL));
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
	}
	expect_audit_ok();
	stat = object_stat(shared.fd);
	EXPECT_EQ(stat.absent + stat.private_pages, 64 * MB / PAGE_SIZE);
	object_discard(shared.fd, 0, 64 * MB);
	EXPECT_EQ(object_private(shared.fd), 0);
	expect_audit_ok();
}

static void *forker(void *arg)
{
	while (!shared.stop) {
		pid_t pid = x(fork());
		int status;

		if (!pid) {
			for (unsigned int page = 0; page < 8; page++)
				WRITE_ONCE(shared.p[page * PAGE_SIZE], READ_ONCE(shared.p[0]));
			_exit(0);
		}
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		ASSERT_EQ(status, 0);
		shared.operations[0]++;
	}
	return arg;
}

CASE_TIMEOUT(forks, "fork copies mappings while pages come and go under it", 60)
{
	pthread_t a, b;

	memset(&shared, 0, sizeof(shared));
	shared.fd = object_create(PAGES * PAGE_SIZE, BELLOWS_MEMORY_SMALL_PAGES);
	shared.p = object_map(shared.fd, 0, PAGES * PAGE_SIZE);
	pthread_create(&a, NULL, forker, NULL);
	pthread_create(&b, NULL, changer, (void *)1UL);
	usleep(test_scale(1000) * 1000);
	shared.stop = true;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	EXPECT(shared.operations[0] && shared.operations[1]);
	test_diag("%llu forks, %llu changes", shared.operations[0], shared.operations[1]);
	object_discard(shared.fd, 0, PAGES * PAGE_SIZE);
	EXPECT_EQ(object_private(shared.fd), 0);
	expect_audit_ok();
}
