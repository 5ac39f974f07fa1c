// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to touch a page of guest memory for the first time, and what of that
 * is clearing: each row against its like. Present means present in the object, or
 * resident in the process; fresh means that nobody has touched it. Beside that, the
 * same when there is more around: other VMs, more guest memory.
 *
 * Each round has memory of its own, in a slot that is new.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "bench.h"

#define ROUNDS		5
#define REGION		(4 * GB)	/* guest-physical, and the guest's address */
#define WINDOW		(8 * MB)	/* what is touched: the end of the region */
#define PAGES		(WINDOW / PAGE_SIZE)
#define WARM		64		/* pages, before one is watched */

static void touch(u64 at)
{
	*(volatile u64 *)at = at;
}

static void guest_watched_touch(u64 at)
{
	u64 end = at + WARM * PAGE_SIZE;

	for (; at < end; at += PAGE_SIZE)
		touch(at);
	__BENCH_WATCH(({ touch(at); at += PAGE_SIZE; }));
	GUEST_SYNC(0);
}

/* The window's address changes with the slot's size, and comes in a register. */
static void guest_touch(u64 window)
{
	if (guest_bench_watch)
		guest_watched_touch(window);
	for (;;) {
		u64 t = rdtsc();

		for (u64 at = window; at < window + WINDOW; at += PAGE_SIZE)
			touch(at);
		GUEST_SYNC(rdtsc() - t);
	}
}

static u64 touch_row(bool small, bool present, u64 size)
{
	u64 best = ~0ULL, ticks, window = REGION + size - WINDOW;
	struct vcpu *vcpu = long_guest(guest_touch, window);
	int fd = -1;
	char *p;

	for (u64 at = window; at < REGION + size; at += 2 * MB)
		vm_map_large(vcpu->vm, at, at, 2, PTE_W | PTE_A | PTE_D);
	for (unsigned int r = 0; r < (guest_bench_watch ? 1 : ROUNDS); r++) {
		p = bench_memory(size, small, &fd);
		if (present)
			memset(p + size - WINDOW, 1, WINDOW);
		vm_slot(vcpu->vm, 1, REGION, size, p, 0);
		ticks = bench_run(vcpu);
		best = ticks < best ? ticks : best;
		vm_slot(vcpu->vm, 1, REGION, 0, p, 0);
		munmap(p, size);
		if (fd >= 0)
			close(fd);
	}
	vm_free(vcpu->vm);
	return best / PAGES;
}

static u64 touch_present(void)
{
	return touch_row(true, true, WINDOW);
}

static u64 touch_fresh(void)
{
	return touch_row(true, false, WINDOW);
}

static u64 touch_large(void)
{
	return touch_row(false, false, WINDOW);
}

static u64 touch_8_vms(void)
{
	bench_company(7);
	return touch_present();
}

static u64 touch_64_vms(void)
{
	bench_company(63);
	return touch_present();
}

static u64 touch_64m(void)
{
	return touch_row(true, true, 64 * MB);
}

static u64 touch_1g(void)
{
	return touch_row(true, true, GB);
}

static u64 touch_16g(void)
{
	return touch_row(true, true, 16 * GB);
}

static u64 watched_touch_user(void)
{
	int fd;
	volatile char *p = bench_memory(WINDOW, true, &fd);

	for (u64 i = 0; i < WARM; i++, p += PAGE_SIZE)
		*p = 1;
	__BENCH_WATCH(({ *p = 1; p += PAGE_SIZE; }));
	return 0;
}

/* The process itself touches memory that nobody has touched. */
static u64 touch_user(void)
{
	u64 best = ~0ULL, t;
	int fd = -1;

	if (guest_bench_watch)
		return watched_touch_user();
	for (unsigned int r = 0; r < ROUNDS; r++) {
		volatile char *p = bench_memory(WINDOW, true, &fd);

		t = rdtsc();
		for (u64 at = 0; at < WINDOW; at += PAGE_SIZE)
			p[at] = 1;
		t = rdtsc() - t;
		best = t < best ? t : best;
		munmap((void *)p, WINDOW);
		if (fd >= 0)
			close(fd);
	}
	return best / PAGES;
}

/* A word of Linux's list of the CPU's features. */
static bool cpu_flag(const char *name)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) && strstr(line, name);
	if (f)
		fclose(f);
	return found;
}

/* Eight words a turn, as Linux clears where the CPU promises nothing. */
static void clear_words(u64 *to)
{
	for (unsigned int i = 0; i < PAGE_SIZE / 64; i++, to += 8)
		asm volatile("movq %1, (%0); movq %1, 8(%0); movq %1, 16(%0); movq %1, 24(%0)\n\t"
			     "movq %1, 32(%0); movq %1, 40(%0); movq %1, 48(%0); movq %1, 56(%0)"
			     :: "r"(to), "r"(0UL) : "memory");
}

static void clear(void *to, bool bytes, bool words)
{
	unsigned long count = bytes ? PAGE_SIZE : PAGE_SIZE / 8;

	if (bytes)
		asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
	else if (words)
		asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0) : "memory");
	else
		clear_words(to);
}

/* What clearing a page costs in this kernel: part of each touch of fresh memory. */
static u64 clear_page(void)
{
	bool bytes = cpu_flag(" erms"), words = cpu_flag(" rep_good");
	static char page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	u64 best = ~0ULL;

	for (unsigned int r = 0; r < ROUNDS; r++)
		__BENCH_LEAST(best, BENCH_LOOPS, clear(page, bytes, words));
	return best / BENCH_LOOPS;
}

static const struct bench_row rows[] = {
	{ "clear-4k", .measure = clear_page },
	{ "touch-4k-present", .measure = touch_present },
	{ "touch-4k-present-8-vms", .measure = touch_8_vms },
	{ "touch-4k-present-64-vms", .measure = touch_64_vms },
	{ "touch-4k-present-64m", .measure = touch_64m },
	{ "touch-4k-present-1g", .measure = touch_1g },
	{ "touch-4k-present-16g", .measure = touch_16g },
	{ "touch-4k-fresh", .measure = touch_fresh },
	{ "touch-2m-fresh", .measure = touch_large },
	{ "touch-user-fresh", .measure = touch_user },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, rows, ARRAY_SIZE(rows));
}
