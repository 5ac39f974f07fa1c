/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_OBJECT_H
#define SELFTESTS_OBJECT_H
/*
 * Memory objects, for the tests that need no VM. The helpers with two
 * underscores return a negative errno, the others assert.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "bellows.h"
#include "test.h"

#define LARGE_SIZE	(2 * MB)
#define LARGE_PAGES	(LARGE_SIZE / PAGE_SIZE)

/* Memory objects are what these tests are about: KVM has none. */
static inline int __object_create(u64 size, u64 flags)
{
	struct bellows_memory_create create = { .size = size, .flags = flags };
	int dev, ret;

	if (test_is_kvm)
		test_skip("KVM has no memory objects");
	dev = x(open(test_device, O_RDWR | O_CLOEXEC));
	ret = __x(ioctl(dev, BELLOWS_MEMORY_CREATE, &create));
	close(dev);
	return ret;
}

static inline int object_create(u64 size, u64 flags)
{
	int fd = __object_create(size, flags);

	ASSERT(fd >= 0, "%s", strerror(-fd));
	return fd;
}

static inline char *object_map(int fd, u64 offset, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	ASSERT(p != MAP_FAILED, "%s", strerror(errno));
	return p;
}

static inline struct bellows_memory_stat object_stat(int fd)
{
	struct bellows_memory_stat stat;

	memset(&stat, 0xff, sizeof(stat));
	x(ioctl(fd, BELLOWS_MEMORY_STAT, &stat));
	return stat;
}

static inline int __object_range(int fd, unsigned long cmd, u64 offset, u64 length)
{
	struct bellows_memory_range range = { .offset = offset, .length = length };

	return __x(ioctl(fd, cmd, &range));
}

static inline void object_discard(int fd, u64 offset, u64 length)
{
	ASSERT_EQ(__object_range(fd, BELLOWS_MEMORY_DISCARD, offset, length), 0);
}

static inline void object_invalidate(int fd, u64 offset, u64 length)
{
	ASSERT_EQ(__object_range(fd, BELLOWS_MEMORY_INVALIDATE, offset, length), 0);
}

static inline u64 object_private(int fd)
{
	return object_stat(fd).private_pages;
}

/* Is the page behind p in this process's page table? Needs root. */
static inline bool page_is_mapped(const void *p)
{
	int fd = x(open("/proc/self/pagemap", O_RDONLY));
	u64 entry = 0;

	ASSERT_EQ(pread(fd, &entry, 8, (unsigned long)p / PAGE_SIZE * 8), 8);
	close(fd);
	return entry >> 63;
}

/*
 * A byte of this process through the kernel, as a debugger would: the kernel
 * takes a reference, and says so where a program would get SIGBUS.
 */
static inline bool kernel_reads(const char *p, void *to, size_t size)
{
	int fd = x(open("/proc/self/mem", O_RDONLY));
	bool ok = pread(fd, to, size, (unsigned long)p) == (ssize_t)size;

	close(fd);
	return ok;
}

static inline bool kernel_writes(char *p, const void *from, size_t size)
{
	int fd = x(open("/proc/self/mem", O_RDWR));
	bool ok = pwrite(fd, from, size, (unsigned long)p) == (ssize_t)size;

	close(fd);
	return ok;
}

/* Reads a small file; empty if there is none. */
static inline const char *file_text(const char *path)
{
	static char text[8192];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = 0;
	if (fd >= 0)
		close(fd);
	return text;
}

static inline bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The number after a word of a file such as /proc/meminfo, or 0. */
static inline u64 file_number(const char *path, const char *word)
{
	const char *p = strstr(file_text(path), word);

	return p ? strtoull(p + strlen(word), NULL, 0) : 0;
}

/*
 * Bytes. Freed pages that a CPU keeps at hand for the next allocation are free, too,
 * but not in MemFree: on a machine of 1 GiB they may be tens of megabytes.
 */
static inline u64 free_memory(void)
{
	unsigned long count;
	char line[256];
	u64 pages = 0;
	FILE *f;

	/* Adds up what each CPU counts for itself. */
	file_write("/proc/sys/vm/stat_refresh", "1");
	f = fopen("/proc/zoneinfo", "re");
	ASSERT(f, "/proc/zoneinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %lu", &count) == 1)
			pages += count;
	fclose(f);
	return file_number("/proc/meminfo", "MemFree:") * 1024 + pages * PAGE_SIZE;
}

/* What the module's audit finds, if this kernel can show it. */
static inline void expect_audit_ok(void)
{
	const char *text = file_text("/sys/kernel/debug/bellows/audit");

	EXPECT(!strstr(text, "error"), "%s", text);
}

#endif
