/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_BENCH_H
#define SELFTESTS_BENCH_H
/*
 * Programs of the benchmark: tables of rows, each measured on /dev/bellows and on
 * /dev/kvm in one run, with the same guest code on the same host.
 *
 * Costs are ticks of the TSC. Only where an emulator counts instructions with it do
 * they mean anything, and then they are instructions. Each figure is the least of
 * several rounds, since what interrupts a round (the host's timer) can only add to
 * it; a round's own loop is measured with an instruction that does not exit, and
 * subtracted.
 *
 * A row runs in a process of its own and prints "# bench NAME DEVICE TICKS". When
 * the guest is to be watched instead of timed (guest_bench_watch), it brackets a few
 * operations by an instruction that both emulators' tools recognize.
 */
#include "guest.h"
#include "vm.h"

#define BENCH_ROUNDS	8
#define BENCH_LOOPS	256
#define BENCH_PORT	0x5a0		/* nothing is there: userspace answers */
#define BENCH_WINDOWS	3

struct bench_row {
	const char *name;
	void (*guest)(u64 arg);		/* the guest measures, and is told if this is AMD's; or */
	void (*irq)(u64 arg);		/* one in a VM with controllers does; or */
	u64 (*measure)(void);		/* the host does */
	unsigned int seconds;		/* until it counts as hung; 0: the default */
};

/* Of a row that reported its figures itself */
#define BENCH_REPORTED	(~0ULL)

extern bool guest_bench_watch;

/* Not an instruction of any compiler's; nothing happens but that it is seen. */
#define BENCH_MARK()	asm volatile("xchgw %%bx, %%bx" ::: "memory")

#define __BENCH_LEAST(best, count, body)				\
	do {								\
		u64 __t = rdtsc();					\
		for (unsigned int __i = 0; __i < (count); __i++)	\
			body;						\
		__t = rdtsc() - __t;					\
		best = __t < best ? __t : best;				\
	} while (0)

#define __BENCH_WATCH(body)						\
	do {								\
		for (unsigned int __i = 0; __i < BENCH_WINDOWS; __i++) { \
			BENCH_MARK();					\
			body;						\
		}							\
		BENCH_MARK();						\
	} while (0)

/* Least ticks of an instruction, without those of the loop around it. */
#define GUEST_COST(insn, ...)						\
	({								\
		u64 __best = ~0ULL, __empty = ~0ULL;			\
		for (unsigned int __r = 0; __r < BENCH_ROUNDS; __r++) {	\
			__BENCH_LEAST(__empty, BENCH_LOOPS, asm volatile("nop" ::: "memory")); \
			__BENCH_LEAST(__best, BENCH_LOOPS, asm volatile(insn :: __VA_ARGS__)); \
		}							\
		if (guest_bench_watch)					\
			__BENCH_WATCH(asm volatile(insn :: __VA_ARGS__)); \
		(__best - __empty) / BENCH_LOOPS;			\
	})

/* The same for what is no instruction but a few statements. */
#define GUEST_COST_OF(body)						\
	({								\
		u64 __best = ~0ULL;					\
		for (unsigned int __r = 0; __r < BENCH_ROUNDS; __r++)	\
			__BENCH_LEAST(__best, BENCH_LOOPS, body);	\
		if (guest_bench_watch)					\
			__BENCH_WATCH(body);				\
		__best / BENCH_LOOPS;					\
	})

/* Runs to the guest's figure, its first GUEST_SYNC(), and answers what goes to userspace. */
u64 bench_run(struct vcpu *vcpu);
/* A row's figure, for this device. */
void bench_report(const char *name, u64 ticks);
/* Memory for a slot, sparse, in 4 KiB or 2 MiB frames; and its object, if it is one. */
void *bench_memory(u64 size, bool small, int *fd);
/* Other machines that are alive and have run, until the process ends. */
void bench_company(unsigned int count);
void guest_bench_nothing(u64 arg);

/* A moment, and ticks between two of them in which the host was not idle. */
struct bench_moment {
	u64 ticks, ns, busy;
};

void bench_moment(struct bench_moment *m);
u64 bench_between(const struct bench_moment *from, const struct bench_moment *to);

/* [--list] [--watch] [ROW...]: all rows, or those. */
int bench_main(int argc, char **argv, const struct bench_row *rows, unsigned int count);

#endif
