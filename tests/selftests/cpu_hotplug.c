// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs come and go while VMs are there and guests run: virtualization is on
 * wherever a vCPU can go, guests go on elsewhere, nothing is lost.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include "guest.h"
#include "host.h"
#include "vm.h"

#define OTHER	1		/* the CPU that comes and goes */

static void need_two_cpus(void)
{
	REQUIRE(!test_is_kvm, "this is about the module under test");
	REQUIRE(!access("/sys/devices/system/cpu/cpu1/online", W_OK),
		"there is no second CPU that could be turned off");
	if (!cpu_is_online(OTHER))
		ASSERT_EQ(cpu_set_online(OTHER, true), 0);
}

static void sum_guest(u64 arg)
{
	u64 sum = 0;

	for (u64 i = 0; i < arg; i++)
		sum += i ^ rdmsr(MSR_TSC_AUX);
	GUEST_SYNC(1, sum);
}

/* A whole guest, from its making to its end, on the given CPU. */
static void guest_on(unsigned int cpu)
{
	struct vcpu *vcpu;

	pin_to_cpu(cpu);
	vcpu = long_guest(sum_guest, 10);
	vcpu_run_to_sync(vcpu, 1);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(before, "a CPU that was off when the first VM came can run guests once it is on")
{
	struct vm *vm;

	need_two_cpus();
	ASSERT_EQ(cpu_set_online(OTHER, false), 0);
	vm = vm_create();
	guest_on(0);
	ASSERT_EQ(cpu_set_online(OTHER, true), 0);
	guest_on(OTHER);
	guest_on(0);
	vm_free(vm);
}

CASE(idle, "CPUs come and go without VMs and between them")
{
	need_two_cpus();
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(cpu_set_online(OTHER, false), 0);
		ASSERT_EQ(cpu_set_online(OTHER, true), 0);
		guest_on(OTHER);
		ASSERT_EQ(cpu_set_online(OTHER, false), 0);
		guest_on(0);
		ASSERT_EQ(cpu_set_online(OTHER, true), 0);
	}
}

CASE(parked, "a vCPU that last ran on a CPU that is gone goes on elsewhere, and can be freed")
{
	struct vcpu *vcpu, *left;
	struct kvm_regs regs;

	need_two_cpus();
	pin_to_cpu(OTHER);
	vcpu = long_guest(sum_guest, 10);
	left = long_guest(sum_guest, 10);
	vcpu_run_to_sync(vcpu, 1);
	vcpu_run_to_sync(left, 1);
	ASSERT_EQ(cpu_set_online(OTHER, false), 0);
	vcpu_regs(vcpu, &regs);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
	vm_free(left->vm);
	ASSERT_EQ(cpu_set_online(OTHER, true), 0);
}

static volatile u64 rounds[2];
static volatile u64 stop;

/* Counts, and keeps the count in several registers, which must stay equal. */
static void counting_guest(u64 arg)
{
	u64 a = 0, b = 0, c = 0;

	while (!stop) {
		asm volatile("inc %0; inc %1; inc %2" : "+r"(a), "+r"(b), "+r"(c));
		GUEST_ASSERT_EQ(a, b);
		GUEST_ASSERT_EQ(b, c);
		rounds[arg] = a;
		if (!(a & 0xfff))
			cpuid(0);
	}
}

struct runner {
	struct vcpu *vcpu;
	pthread_t thread;
};

static void *run_counting(void *arg)
{
	vcpu_run_to_done(arg);
	return NULL;
}

static void wait_for_rounds(struct vm *vm, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		u64 before = READ_ONCE(GUEST_VAR(vm, rounds)[i]);

		while (READ_ONCE(GUEST_VAR(vm, rounds)[i]) == before)
			usleep(1000);
	}
}

static void pin_thread(pthread_t thread, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ASSERT_EQ(pthread_setaffinity_np(thread, sizeof(set), &set), 0);
}

CASE_TIMEOUT(running, "guests that run on a CPU that goes away go on without it, and with it again", 60)
{
	struct runner r[2];
	struct vm *vm;

	need_two_cpus();
	vm = vm_new(GUEST_LONG);
	for (unsigned int i = 0; i < 2; i++)
		r[i].vcpu = vcpu_new(vm, counting_guest, i);
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&r[i].thread, NULL, run_counting, r[i].vcpu), 0);
	for (unsigned int i = 0; i < test_scale(10); i++) {
		pin_thread(r[0].thread, OTHER);
		pin_thread(r[1].thread, i & 1 ? OTHER : 0);
		wait_for_rounds(vm, 2);
		ASSERT_EQ(cpu_set_online(OTHER, false), 0);
		wait_for_rounds(vm, 2);
		ASSERT_EQ(cpu_set_online(OTHER, true), 0);
		wait_for_rounds(vm, 2);
	}
	WRITE_ONCE(GUEST_VAR(vm, stop), 1);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(r[i].thread, NULL);
	vm_free(vm);
}

static void *make_vms(void *arg)
{
	volatile bool *end = arg;

	while (!*end)
		vm_free(vm_create());
	return NULL;
}

CASE_TIMEOUT(first_and_last, "CPUs come and go while the first VM comes and the last one goes", 60)
{
	volatile bool end = false;
	pthread_t thread;

	need_two_cpus();
	ASSERT_EQ(pthread_create(&thread, NULL, make_vms, (void *)&end), 0);
	for (unsigned int i = 0; i < test_scale(10); i++) {
		ASSERT_EQ(cpu_set_online(OTHER, false), 0);
		ASSERT_EQ(cpu_set_online(OTHER, true), 0);
	}
	end = true;
	pthread_join(thread, NULL);
	guest_on(OTHER);
	guest_on(0);
}
