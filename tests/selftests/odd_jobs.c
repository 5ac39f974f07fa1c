// SPDX-License-Identifier: GPL-2.0
/*
 * What few guests do: MONITOR and MWAIT, code that one CPU writes and another
 * executes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "guest.h"
#include "vm.h"

#define CODE	0x900000UL

static void monitor_mwait(u64 arg)
{
	u64 v;

	/* CPUID shows no MONITOR: #UD, or nothing happens. The guest goes on after either. */
	v = GUEST_TRY("monitor", "a"(CODE), "c"(0), "d"(0));
	GUEST_ASSERT(v == VEC_UD || v == NO_VECTOR);
	v = GUEST_TRY("mwait", "a"(0), "c"(0));
	GUEST_ASSERT(v == VEC_UD || v == NO_VECTOR);
}

CASE(mwait, "MONITOR and MWAIT do not stop a guest")
{
	run_guest(monitor_mwait, 0);
}

static u64 turn, total;

static void writer(u64 n)
{
	volatile u8 *code = (u8 *)CODE;

	for (u64 i = 1; i <= n; i++) {
		code[0] = 0xb8;
		*(volatile u32 *)(code + 1) = i;
		code[5] = 0xc3;
		WRITE_ONCE(turn, i);
		while (READ_ONCE(turn) == i)
			cpu_relax();
	}
	WRITE_ONCE(turn, ~0ULL >> 1);
}

static void executor(u64 n)
{
	u64 (*fn)(void) = (u64 (*)(void))CODE;

	for (u64 i = 1; i <= n; i++) {
		while (READ_ONCE(turn) != i)
			cpu_relax();
		cpuid(0);	/* serializes */
		GUEST_ASSERT_EQ(fn(), i);
		total += i;
		WRITE_ONCE(turn, 0);
	}
}

static void *run_to_end(void *arg)
{
	vcpu_run_to_done((struct vcpu *)arg);
	return NULL;
}

CASE(cross_modifying, "code that one vCPU writes is what the other executes")
{
	unsigned long n = test_scale(200);
	struct vm *vm = vm_new(GUEST_LONG);
	struct vcpu *a = vcpu_new(vm, writer, n), *b = vcpu_new(vm, executor, n);
	pthread_t t;

	pthread_create(&t, NULL, run_to_end, a);
	vcpu_run_to_done(b);
	pthread_join(t, NULL);
	EXPECT_EQ(GUEST_VAR(vm, total), n * (n + 1) / 2);
	vm_free(vm);
}
