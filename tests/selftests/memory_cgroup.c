// SPDX-License-Identifier: GPL-2.0
/* Who pays: the memory cgroup in which an object was created, and what its limit means. */
#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <sys/wait.h>
#include "cgroup.h"
#include "object.h"

/* Each CPU charges 64 pages ahead: a group's count may have them before a test or after it. */
#define STOCK	(2 * 64 * 4096)

CASE(creator_pays, "frames are charged to the creator's group, whoever touches them")
{
	static const u64 flags[] = { 0, BELLOWS_MEMORY_SMALL_PAGES };

	group_create("creator");
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = create_in_group(16 * MB, flags[i]);
		u64 before = charged(), after;
		char *p = object_map(fd, 0, 16 * MB);

		for (size_t at = 0; at < 16 * MB; at += PAGE_SIZE)
			p[at] = 1;
		after = charged();
		EXPECT(after + STOCK >= before + 16 * MB, "%llu, then %llu", before, after);
		EXPECT(after < before + 18 * MB, "%llu, then %llu", before, after);
		object_discard(fd, 0, 8 * MB);
		EXPECT(charged() < before + 10 * MB, "%llu after the discard", charged());
		/* Split frames are charged page by page. */
		object_discard(fd, 12 * MB + PAGE_SIZE, 2 * MB);
		EXPECT(charged() < before + 8 * MB, "%llu after the second", charged());
		munmap(p, 16 * MB);
		close(fd);
		EXPECT(charged() < before + 2 * MB, "%llu after the close", charged());
	}
	leave_and_remove();
}

static sigjmp_buf bus_env;

static void on_bus(int sig)
{
	siglongjmp(bus_env, sig);
}

static bool touch(char *p)
{
	if (sigsetjmp(bus_env, 1))
		return false;
	WRITE_ONCE(*p, 1);
	return true;
}

CASE(limit, "at the limit an access gets SIGBUS or EFAULT, nobody is killed, and room helps")
{
	unsigned int done = 0;
	int fd, mem;
	char *p, max[32];

	group_create("limit");
	fd = create_in_group(16 * MB, 0);
	p = object_map(fd, 0, 16 * MB);
	snprintf(max, sizeof(max), "%llu", charged() + 8 * MB);
	ASSERT(file_write(group_file("memory.max"), max));

	signal(SIGBUS, on_bus);
	/* Trying in vain takes long: the kernel looks for something to reclaim. */
	for (size_t at = 0; at < 16 * MB; at += touch(p + at) ? done++, PAGE_SIZE : 64 * PAGE_SIZE)
		;
	/* Each CPU may have charged a little in advance. */
	EXPECT(done >= 1024 && done <= 2048 + 256, "%u pages", done);
	EXPECT(object_private(fd) <= 2048 + 256, "%llu pages", object_private(fd));
	EXPECT_EQ(file_number(group_file("memory.events"), "oom_kill "), 0);

	/* The same through the kernel. */
	mem = x(open("/dev/zero", O_RDONLY));
	EXPECT_EQ(__x(read(mem, p + 14 * MB, PAGE_SIZE)), -EFAULT);
	/* What is there stays, what is given back can be had again. */
	EXPECT_EQ(p[0], 1);
	object_discard(fd, 0, 4 * MB);
	EXPECT(touch(p + 14 * MB));
	ASSERT(file_write(group_file("memory.max"), "max"));
	for (size_t at = 0; at < 16 * MB; at += PAGE_SIZE)
		EXPECT(touch(p + at));
	EXPECT_EQ(object_private(fd), 16 * MB / PAGE_SIZE);
	expect_audit_ok();
	close(fd);
	munmap(p, 16 * MB);
	leave_and_remove();
}

CASE(whole_block, "a whole block can be discarded at the limit")
{
	char *p, max[32];
	int fd;

	group_create("discard");
	fd = create_in_group(8 * MB, 0);
	p = object_map(fd, 0, 8 * MB);
	memset(p, 1, 8 * MB);
	snprintf(max, sizeof(max), "%llu", charged());
	ASSERT(file_write(group_file("memory.max"), max));
	for (size_t at = 0; at < 8 * MB; at += LARGE_SIZE)
		object_discard(fd, at, LARGE_SIZE);
	EXPECT_EQ(object_private(fd), 0);
	close(fd);
	munmap(p, 8 * MB);
	leave_and_remove();
}

CASE(removed_group, "an object outlives the group it was created in")
{
	int fd;
	char *p;

	group_create("removed");
	fd = create_in_group(4 * LARGE_SIZE, 0);
	p = object_map(fd, 0, 4 * LARGE_SIZE);
	p[0] = 1;
	EXPECT_EQ(__x(rmdir(group_path)), 0);
	p[LARGE_SIZE] = 2;
	EXPECT_EQ(p[0], 1);
	object_discard(fd, 0, LARGE_SIZE);
	p[0] = 3;
	p[2 * LARGE_SIZE] = 4;
	EXPECT_EQ(p[LARGE_SIZE], 2);
	expect_audit_ok();
}
