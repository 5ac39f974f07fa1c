// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation fails once. The kernel's fault injection lets the N-th
 * allocation that this thread makes fail; a scenario is run with N = 1, 2, ...
 * until it meets no failure any more. Whatever failed must have said so, left
 * everything as it was, and work when it is tried again.
 */
#define _GNU_SOURCE
#include "fail.h"

static int mem;

static void set_up(void)
{
	fail_set_up();
	mem = x(open("/proc/self/mem", O_RDWR));
}

CASE(create, "creation fails cleanly at each of its allocations")
{
	struct bellows_memory_create create = { .size = LARGE_SIZE };
	unsigned int n, failures = 0;
	int dev, before, fd;

	set_up();
	dev = x(open(test_device, O_RDWR));
	before = x(dup(dev));
	close(before);
	for (n = 1; n < 100; n++) {
		bool failed;

		arm(n);
		fd = __x(ioctl(dev, BELLOWS_MEMORY_CREATE, &create));
		failed = disarm();
		if (fd >= 0) {
			EXPECT_EQ(fd, before);
			close(fd);
		} else {
			EXPECT(fd == -ENOMEM || fd == -EFAULT || fd == -ENFILE, "%d", fd);
			failures++;
		}
		if (!failed)
			break;
	}
	test_diag("%u allocations, %u failures", n - 1, failures);
	EXPECT(failures >= 3 && n < 100);
	expect_audit_ok();
}

/* An access by the kernel, which reports where a program would get SIGBUS. */
static bool through_kernel(char *p, char *value, bool write)
{
	return (write ? pwrite(mem, value, 1, (unsigned long)p) :
			pread(mem, value, 1, (unsigned long)p)) == 1;
}

/* What the object should hold afterwards. */
static char model[8];

static bool step(int fd, char *p, unsigned int what)
{
	char value = 0x55;

	switch (what) {
	case 0: case 1: case 2: case 3:		/* two blocks, and pages in them */
		value = what + 1;
		if (!through_kernel(p + (what / 2) * LARGE_SIZE + what % 2 * PAGE_SIZE, &value, true))
			return false;
		model[what] = value;
		return true;
	case 4:					/* breaks a large frame apart */
		if (__object_range(fd, BELLOWS_MEMORY_DISCARD, 0, PAGE_SIZE))
			return false;
		model[0] = 0;
		return true;
	case 5:
		return through_kernel(p, &value, false) && !value;
	case 6:
		return !__object_range(fd, BELLOWS_MEMORY_INVALIDATE, 0, 2 * LARGE_SIZE);
	case 7:
		value = 9;
		if (!through_kernel(p, &value, true))
			return false;
		model[0] = 9;
		return true;
	case 8:
		if (__object_range(fd, BELLOWS_MEMORY_DISCARD, LARGE_SIZE, LARGE_SIZE))
			return false;
		model[2] = 0;
		model[3] = 0;
		return true;
	}
	return false;
}

static void check_model(char *p)
{
	EXPECT_EQ(p[0], model[0]);
	EXPECT_EQ(p[PAGE_SIZE], model[1]);
	EXPECT_EQ(p[LARGE_SIZE], model[2]);
	EXPECT_EQ(p[LARGE_SIZE + PAGE_SIZE], model[3]);
}

static void scenario(u64 flags)
{
	unsigned int n, failures = 0, faults = 0;

	for (n = 1; n < 200; n++) {
		int fd = object_create(2 * LARGE_SIZE, flags);
		char *p = object_map(fd, 0, 2 * LARGE_SIZE);
		bool failed = false;

		memset(model, 0, sizeof(model));
		arm(n);
		for (unsigned int what = 0; what < 9; what++) {
			bool ok = step(fd, p, what);

			if (ok)
				continue;
			failures++;
			ASSERT(disarm(), "step %u failed without a reason", what);
			failed = true;
			check_model(p);
			ASSERT(step(fd, p, what), "step %u does not work the second time", what);
		}
		failed |= disarm();
		faults += failed;
		check_model(p);
		expect_audit_ok();
		munmap(p, 2 * LARGE_SIZE);
		close(fd);
		if (!failed)
			break;
	}
	test_diag("%u allocations met a failure, %u were seen by the user", faults, failures);
	EXPECT(n > 5 && n < 200 && failures);
}

CASE_TIMEOUT(large, "every allocation of an object with large frames fails once", 120)
{
	set_up();
	scenario(0);
}

CASE_TIMEOUT(small, "every allocation of an object with small frames fails once", 120)
{
	set_up();
	scenario(BELLOWS_MEMORY_SMALL_PAGES);
}
