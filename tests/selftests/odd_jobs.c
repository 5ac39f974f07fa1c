// SPDX-License-Identifier: GPL-2.0
/*
 * What few guests do: hardware tasks, MONITOR and MWAIT, code that one CPU
 * writes and another executes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "guest.h"
#include "vm.h"
#include "task32.h"

#define CODE	0x900000UL

static void run_task(enum guest_mode mode)
{
	struct vm *vm = vm_new(mode);
	struct vcpu *vcpu = vcpu_new(vm, NULL, 0);
	struct ucall uc;

	vm_load_blob(vm, blob_task32);
	vcpu_run(vcpu);
	if (vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
		EXPECT_EQ(vcpu->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
		SKIP("task switches are not emulated: KVM_EXIT_INTERNAL_ERROR");
	}
	__vcpu_expect_exit(vcpu, KVM_EXIT_IO, __FILE__, __LINE__);
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 7);
	EXPECT_EQ(uc.args[1], 0x12345678);
	EXPECT_EQ(uc.args[2], CR0_TS);
	vm_free(vm);
}

CASE(task, "a jump to a task gets there, or KVM_EXIT_INTERNAL_ERROR")
{
	run_task(GUEST_PROT32);
}

CASE(task_paged, "the same with paging")
{
	run_task(GUEST_PAGED32);
}

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
