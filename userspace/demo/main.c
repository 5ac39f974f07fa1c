// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration guest: says on the serial port where it finds itself, and
 * measures with the time-stamp counter what leaving the guest and touching new
 * memory cost. What ticks mean depends on the machine: on an emulated host they
 * are instructions, or nothing at all.
 */
#include <stdint.h>

#define SERIAL	0x3f8
#define MIB	(1ull << 20)
#define MAPPED	(4096 * MIB)
#define ROUNDS	256

extern char image_end[];

static void out8(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void cpuid(uint32_t leaf, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	asm volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(0));
}

static uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* One instruction for a whole string: one exit. */
static void put(const char *text)
{
	uint64_t n = 0;

	while (text[n])
		n++;
	asm volatile("rep outsb" : "+S"(text), "+c"(n) : "d"((uint16_t)SERIAL) : "memory");
}

static void put_number(uint64_t value)
{
	char text[21];
	int i = 20;

	text[i] = 0;
	do {
		text[--i] = '0' + value % 10;
		value /= 10;
	} while (value);
	put(text + i);
}

static void put_line(const char *what, uint64_t value, const char *unit)
{
	put(what);
	put_number(value);
	put(unit);
}

static void put_cpu(void)
{
	uint32_t words[13] = { 0 }, a;
	int i;

	cpuid(0, &a, &words[0], &words[2], &words[1]);
	put("CPU vendor      ");
	put((char *)words);
	cpuid(0x80000000, &a, &words[0], &words[1], &words[2]);
	if (a >= 0x80000004) {
		for (i = 0; i < 3; i++)
			cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
			      &words[4 * i + 3]);
		words[12] = 0;
		put("\nCPU name        ");
		put((char *)words);
	}
	put("\n");
}

/* Of many rounds the cheapest: in the others, the host had something else to do. */
#define CHEAPEST(action)					\
({								\
	uint64_t best = ~0ull;					\
	int round;						\
								\
	for (round = 0; round < ROUNDS; round++) {		\
		uint64_t begin = ticks(), took;			\
								\
		action;						\
		took = ticks() - begin;				\
		if (took < best)				\
			best = took;				\
	}							\
	best;							\
})

static void put_costs(void)
{
	uint32_t a, b, c, d;
	uint64_t empty = CHEAPEST();

	put_line("CPUID           ", CHEAPEST(cpuid(0, &a, &b, &c, &d)) - empty, " ticks\n");
	put_line("IN to launcher  ", CHEAPEST(in8(SERIAL + 5)) - empty, " ticks\n");
}

/* Fills memory behind this image with a pattern, then looks whether all of it is still there. */
static int check_memory(uint64_t size)
{
	uint64_t *begin = (uint64_t *)image_end, *p;
	uint64_t *end = (uint64_t *)(size < MAPPED ? size : MAPPED);
	uint64_t start = ticks(), first;

	if (begin >= end) {
		put("memory          too little of it to try\n");
		return 0;
	}
	for (p = begin; p < end; p += 512)
		*p = (uint64_t)p ^ 0x0123456789abcdef;
	first = ticks() - start;
	start = ticks();
	for (p = begin; p < end; p += 512) {
		if (*p != ((uint64_t)p ^ 0x0123456789abcdef) || p[1]) {
			put("memory is NOT what was written\n");
			return 1;
		}
	}
	put_line("memory          ", (uint64_t)end / MIB, " MiB, all of it works\n");
	put_line("first touch     ", first / ((uint64_t)(end - begin) / 512), " ticks a page\n");
	put_line("second touch    ", (ticks() - start) / ((uint64_t)(end - begin) / 512),
		 " ticks a page\n");
	return 0;
}

int demo(uint64_t size);

int demo(uint64_t size)
{
	put("\nHello from a guest of Bellows, in 64-bit mode.\n\n");
	put_cpu();
	put_costs();
	if (check_memory(size))
		return 1;
	put("\nGood-bye.\n");
	out8(SERIAL, '\n');
	return 0;
}
