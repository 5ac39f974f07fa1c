// SPDX-License-Identifier: GPL-2.0
/* The time stamp counter: reading, setting from both sides, monotony on the move. */
#define _GNU_SOURCE
#include <pthread.h>
#include "guest.h"
#include "vm.h"

#define PORT	0x80

static void reads(u64 n)
{
	u64 last = rdtsc();

	for (u64 i = 0; i < n; i++) {
		u64 now = rdtsc();

		GUEST_ASSERT(now >= last);
		last = now;
	}
	GUEST_ASSERT(rdmsr(MSR_TSC) >= last);
	GUEST_SYNC(1, rdtsc());
}

CASE(monotonic, "RDTSC never goes back, and MSR 0x10 agrees with it")
{
	struct vcpu *vcpu = long_guest(reads, test_scale(20000));

	vcpu_run_to_sync(vcpu, 1);
	vm_free(vcpu->vm);
}

static void new_tsc(u64 arg)
{
	GUEST_SYNC(1, rdtsc());
	for (;;)
		GUEST_SYNC(2, rdtsc());
}

CASE(host_sets, "KVM_SET_MSRS sets the guest's counter, KVM_GET_MSRS reads it")
{
	struct vcpu *vcpu = long_guest(new_tsc, 0);
	struct ucall uc;
	u64 base = 1ULL << 52, before, after;

	vcpu_next(vcpu, &uc);
	vcpu_set_msr(vcpu, MSR_TSC, base);
	before = vcpu_get_msr(vcpu, MSR_TSC);
	vcpu_next(vcpu, &uc);
	after = vcpu_get_msr(vcpu, MSR_TSC);
	/* KVM takes values close to another vCPU's for the wish to be the same; not these. */
	EXPECT(before >= base && before < base + (1ULL << 40), "%llx", before);
	EXPECT(uc.args[1] >= before, "%llx before %llx", uc.args[1], before);
	EXPECT(after >= uc.args[1] && after < base + (1ULL << 40), "%llx", after);
	vm_free(vcpu->vm);
}

static void guest_sets(u64 arg)
{
	u64 v = 1ULL << 50;

	wrmsr(MSR_TSC, v);
	u64 t = rdtsc();

	GUEST_ASSERT(t >= v && t < v + (1ULL << 40));
	wrmsr(MSR_TSC, 0);
	t = rdtsc();
	GUEST_ASSERT(t < (1ULL << 40));
	GUEST_SYNC(1, rdtsc());
}

CASE(guest_sets_it, "the guest's write to MSR 0x10 sets its counter")
{
	struct vcpu *vcpu = long_guest(guest_sets, 0);
	struct ucall uc;

	vcpu_next(vcpu, &uc);
	ASSERT_EQ(uc.cmd, UCALL_SYNC);
	EXPECT(vcpu_get_msr(vcpu, MSR_TSC) >= uc.args[1], "the host sees an earlier time");
	vm_free(vcpu->vm);
}

static void adjust(u64 arg)
{
	u64 a, b;

	GUEST_ASSERT_EQ(rdmsr(MSR_TSC_ADJUST), 0);
	a = rdtsc();
	wrmsr(MSR_TSC_ADJUST, 1ULL << 48);
	b = rdtsc();
	GUEST_ASSERT(b - a >= 1ULL << 48 && b - a < (1ULL << 48) + (1ULL << 40));
	GUEST_ASSERT_EQ(rdmsr(MSR_TSC_ADJUST), 1ULL << 48);
	/* A write to the counter moves the adjustment by as much */
	wrmsr(MSR_TSC, rdtsc() + (1ULL << 49));
	u64 adj = rdmsr(MSR_TSC_ADJUST);

	GUEST_ASSERT(adj >= (1ULL << 48) + (1ULL << 49) - (1ULL << 40));
	GUEST_ASSERT(adj < (1ULL << 48) + (1ULL << 49) + (1ULL << 40));
}

CASE(tsc_adjust, "IA32_TSC_ADJUST follows and moves the counter")
{
	REQUIRE(supported_feature(7, 0, 'b', 1), "no IA32_TSC_ADJUST for guests");
	run_guest(adjust, 0);
}

static void around_exits(u64 n)
{
	u64 last = 0;

	for (u64 i = 0; i < n; i++) {
		u64 now = rdtsc();

		GUEST_ASSERT(now > last);
		last = now;
		outl(PORT, i);
	}
}

CASE(migration, "the counter does not go back when the vCPU moves between host CPUs")
{
	REQUIRE(host_cpus() > 1, "this host has one CPU");
	unsigned long n = test_scale(200);
	struct vcpu *vcpu = long_guest(around_exits, n);

	for (unsigned long i = 0; i < n; i++) {
		pin_to_cpu(i & 1);
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (vcpu->run->io.port != PORT)
			break;
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(host_migration, "nor what the host reads of it")
{
	REQUIRE(host_cpus() > 1, "this host has one CPU");
	struct vcpu *vcpu = long_guest(around_exits, 1);
	u64 last = 0;

	for (unsigned int i = 0; i < 50; i++) {
		pin_to_cpu(i & 1);
		u64 now = vcpu_get_msr(vcpu, MSR_TSC);

		EXPECT(now >= last, "%llx after %llx", now, last);
		last = now;
	}
	vm_free(vcpu->vm);
}

static u64 shared_tsc;

static void take_turns(u64 n)
{
	for (u64 i = 0; i < n; i++) {
		u64 now = rdtsc();

		GUEST_ASSERT(now >= READ_ONCE(shared_tsc));
		WRITE_ONCE(shared_tsc, now);
		outl(PORT, i);
	}
}

CASE(two_vcpus, "two vCPUs that take turns never see the other's time in the future")
{
	unsigned long n = test_scale(200);
	struct vm *vm = vm_new(GUEST_LONG);
	struct vcpu *a = vcpu_new(vm, take_turns, n), *b = vcpu_new(vm, take_turns, n);

	for (unsigned long i = 0; i < n; i++) {
		vcpu_run_to(a, KVM_EXIT_IO);
		vcpu_run_to(b, KVM_EXIT_IO);
		ASSERT_EQ(a->run->io.port, PORT);
		ASSERT_EQ(b->run->io.port, PORT);
	}
	vm_free(vm);
}

static void rdtscp_guest(u64 arg)
{
	u32 low, high, aux;

	wrmsr(MSR_TSC_AUX, 0x1234);
	u64 before = rdtsc();

	asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
	GUEST_ASSERT_EQ(aux, 0x1234);
	GUEST_ASSERT((low | (u64)high << 32) >= before);
	GUEST_ASSERT_EQ(rdmsr(MSR_TSC_AUX), 0x1234);
	outb(PORT, 0);
	asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
	GUEST_ASSERT_EQ(aux, arg);
}

CASE(rdtscp, "RDTSCP gives the guest's TSC_AUX, whichever side set it, on any host CPU")
{
	REQUIRE(HAS_RDTSCP, "no RDTSCP for guests");
	struct vcpu *vcpu = long_guest(rdtscp_guest, 0x5678);

	pin_to_cpu(0);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu->run->io.port, PORT);
	vcpu_set_msr(vcpu, MSR_TSC_AUX, 0x5678);
	if (host_cpus() > 1)
		pin_to_cpu(1);
	/* The host's own stays what it is: the CPU's number, as getcpu() wants. */
	u32 aux, cpu = sched_getcpu();

	asm volatile("rdtscp" : "=c"(aux) :: "eax", "edx");
	vcpu_run_to_done(vcpu);
	EXPECT_EQ(aux & 0xfff, cpu);
	asm volatile("rdtscp" : "=c"(aux) :: "eax", "edx");
	EXPECT_EQ(aux & 0xfff, cpu);
	vm_free(vcpu->vm);
}

static u64 user_rdtsc(u64 arg)
{
	return rdtsc() & ~(1ULL << 63);
}

static void tsd_guest(u64 arg)
{
	GUEST_ASSERT(guest_user(user_rdtsc, 0) != ~0ULL);
	write_cr4(read_cr4() | CR4_TSD);
	GUEST_ASSERT_EQ(guest_user(user_rdtsc, 0), ~0ULL);
	GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_GP);
	(void)rdtsc();
}

CASE(tsd, "CR4.TSD keeps RDTSC from user mode: #GP")
{
	run_guest(tsd_guest, 0);
}

CASE(frequency, "KVM_GET_TSC_KHZ gives a plausible frequency")
{
	struct vcpu *vcpu = long_guest(new_tsc, 0);
	u64 khz = vcpu_ioctl(vcpu, KVM_GET_TSC_KHZ, NULL), ms = test_ms(), from, to;

	from = vcpu_get_msr(vcpu, MSR_TSC);
	while (test_ms() < ms + 100)
		;
	to = vcpu_get_msr(vcpu, MSR_TSC);
	EXPECT((to - from) / khz >= 50 && (to - from) / khz <= 1000, "%llu ticks in 100 ms, %llu kHz",
	       to - from, khz);
	vm_free(vcpu->vm);
}
