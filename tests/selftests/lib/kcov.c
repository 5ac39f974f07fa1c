// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage of a module: KCOV gives each thread the program counters of its own
 * calls, and those inside the module are marked here, a byte each, in memory
 * that all processes of a test share.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kcov.h"
#include "test.h"

#define KCOV_FILE	"/sys/kernel/debug/kcov"
#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_ENTRIES	65536

static u64 module_start, module_size;
static atomic_uchar *covered;

void *kcov_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void kcov_find_module(const char *wanted)
{
	char line[512], name[64];
	FILE *f = fopen("/proc/modules", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %llu %*s %*s %*s %llx", name, &module_size, &module_start) == 3 &&
		    !strcmp(name, wanted))
			break;
		else
			module_start = 0;
	if (f)
		fclose(f);
	if (module_start)
		covered = kcov_shared(module_size);
}

u64 *kcov_start(void)
{
	u64 *cover;
	int fd;

	if (!covered)
		return NULL;
	fd = open(KCOV_FILE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (ioctl(fd, KCOV_INIT_TRACE, KCOV_ENTRIES))
		return NULL;
	cover = mmap(NULL, KCOV_ENTRIES * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return cover == MAP_FAILED || ioctl(fd, KCOV_ENABLE, 0) ? NULL : cover;
}

void kcov_take(u64 *cover)
{
	u64 n;

	if (!cover)
		return;
	n = READ_ONCE(cover[0]);
	for (u64 i = 1; i <= n && i < KCOV_ENTRIES; i++)
		if (cover[i] - module_start < module_size)
			covered[cover[i] - module_start] = 1;
	WRITE_ONCE(cover[0], 0);
}

static unsigned long distinct(void)
{
	unsigned long n = 0;

	for (u64 i = 0; covered && i < module_size; i++)
		n += covered[i];
	return n;
}

/* The build knows how many places report. The other vendor's cannot be reached, nor KUnit's. */
void kcov_print(void)
{
	const char *s = getenv("BELLOWS_KCOV_SITES");
	unsigned long sites = s ? strtoul(s, NULL, 10) : 0, n = distinct();

	if (!covered || access(KCOV_FILE, W_OK))
		puts("# no KCOV here: coverage unknown");
	else if (sites)
		printf("# KCOV: %lu of the module's %lu places reached, %lu %%\n", n, sites,
		       100 * n / sites);
	else
		printf("# KCOV: %lu distinct places in the module's %llu bytes\n", n, module_size);
}
