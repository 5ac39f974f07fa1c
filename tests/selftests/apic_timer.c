// SPDX-License-Identifier: GPL-2.0
/* The local APIC's timer: one-shot, periodic, TSC deadline; its end with its machine. */
#include "apic.h"

#define TIMER_VECTOR	0x61

static void one_shot(u64 arg)
{
	u32 count, next;

	guest_handlers[TIMER_VECTOR] = apic_eoi_handler;
	apic_on();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, TIMER_VECTOR);
	GUEST_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
	/* Long enough for the slowest machine to look twice; a new start replaces it. */
	apic_write(APIC_TMICT, 3000000000);
	count = apic_read(APIC_TMCCT);
	next = apic_read(APIC_TMCCT);
	GUEST_ASSERT(count && next && next < count && count <= 3000000000);
	for (u64 i = 1; i <= 5; i++) {
		apic_write(APIC_TMICT, 1000000);
		GUEST_ASSERT_EQ(apic_count(TIMER_VECTOR), i - 1);
		sti_hlt();
		cli();
		GUEST_ASSERT_EQ(apic_count(TIMER_VECTOR), i);
		GUEST_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
		sti_nop_cli();
	}
	/* Stopped before its end. */
	apic_write(APIC_TMICT, 3000000000);
	apic_write(APIC_TMICT, 0);
	GUEST_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
	/* Masked: it counts, and says nothing. */
	apic_write(APIC_LVTT, TIMER_VECTOR | APIC_MASKED);
	apic_write(APIC_TMICT, 1000000);
	while (apic_read(APIC_TMCCT))
		sti_nop_cli();
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(TIMER_VECTOR), 5);
}

CASE(timer_one_shot, "the timer fires once per start, and not when stopped or masked")
{
	apic_run_guest(one_shot, 0);
}

static u64 enough;

/* Stops the timer itself: a slow machine does nothing but serve it. */
static void last_stops(struct guest_frame *frame)
{
	if (apic_count(TIMER_VECTOR) >= enough)
		apic_write(APIC_TMICT, 0);
	apic_write(APIC_EOI, 0);
}

static void periodic(u64 n)
{
	u64 start = rdtsc(), tsc;

	enough = n;
	guest_handlers[TIMER_VECTOR] = last_stops;
	apic_on();
	apic_write(APIC_TDCR, 0x3);		/* by 16 */
	apic_write(APIC_LVTT, TIMER_VECTOR | APIC_PERIODIC);
	apic_write(APIC_TMICT, 62500);		/* 1 ms */
	while (apic_count(TIMER_VECTOR) < n) {
		GUEST_ASSERT(apic_read(APIC_TMCCT) <= 62500);
		sti_hlt();
		cli();
	}
	tsc = rdtsc() - start;
	sti_nop_cli();
	GUEST_SYNC(1, tsc, apic_count(TIMER_VECTOR) - n);
	start = apic_count(TIMER_VECTOR);
	for (u64 i = 0; i < 100; i++)
		sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(TIMER_VECTOR), start);
}

CASE(timer_periodic, "the periodic timer fires once per period until it is stopped")
{
	unsigned long n = test_scale(50);
	struct vcpu *vcpu = apic_vcpu(apic_vm(), periodic, n);
	struct ucall uc;
	u64 us;

	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	us = uc.args[1] * 1000 / vcpu_ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
	test_diag("%lu periods of 1000 us: %llu us", n, us);
	/* Periods may coalesce on a busy host, but do not come early. */
	EXPECT(us >= (n - 1) * 1000, "%llu us", us);
	EXPECT(uc.args[2] <= 1, "%llu", uc.args[2]);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void shortest(u64 arg)
{
	enough = arg;
	guest_handlers[TIMER_VECTOR] = last_stops;
	apic_on();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, TIMER_VECTOR | APIC_PERIODIC);
	apic_write(APIC_TMICT, 1);
	while (apic_count(TIMER_VECTOR) < arg)
		sti_nop_cli();
}

CASE(timer_shortest, "a period of one nanosecond leaves guest and host alive")
{
	apic_run_guest(shortest, test_scale(20));
}

static u64 khz;

static void deadline(u64 n)
{
	u64 us = READ_ONCE(khz) / 1000, when;

	guest_handlers[TIMER_VECTOR] = apic_eoi_handler;
	apic_on();
	/* Without the mode a deadline is nothing. */
	wrmsr(MSR_DEADLINE, rdtsc() + 1000 * us);
	GUEST_ASSERT_EQ(rdmsr(MSR_DEADLINE), 0);
	apic_write(APIC_LVTT, TIMER_VECTOR | APIC_DEADLINE);
	GUEST_ASSERT_EQ(apic_read(APIC_LVTT), TIMER_VECTOR | APIC_DEADLINE);
	when = rdtsc() + 3600ULL * 1000000 * us;
	wrmsr(MSR_DEADLINE, when);
	GUEST_ASSERT_EQ(rdmsr(MSR_DEADLINE), when);
	for (u64 i = 1; i <= n; i++) {
		when = rdtsc() + 500 * us * (i % 4);
		wrmsr(MSR_DEADLINE, when);
		sti_hlt();
		cli();
		GUEST_ASSERT(rdtsc() >= when);
		GUEST_ASSERT_EQ(apic_count(TIMER_VECTOR), i);
		GUEST_ASSERT_EQ(rdmsr(MSR_DEADLINE), 0);
	}
	/* Taken back; and gone with the mode. */
	wrmsr(MSR_DEADLINE, rdtsc() + 1000000 * us);
	wrmsr(MSR_DEADLINE, 0);
	wrmsr(MSR_DEADLINE, rdtsc() + 3600ULL * 1000000 * us);
	apic_write(APIC_LVTT, TIMER_VECTOR);
	apic_write(APIC_LVTT, TIMER_VECTOR | APIC_DEADLINE);
	GUEST_ASSERT_EQ(rdmsr(MSR_DEADLINE), 0);
	/* The counter does not exist in this mode. */
	apic_write(APIC_TMICT, 1000);
	GUEST_ASSERT_EQ(apic_read(APIC_TMCCT), 0);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(TIMER_VECTOR), n);
}

CASE(timer_deadline, "the timer fires when the TSC has come to the deadline, and not before")
{
	struct vcpu *vcpu;

	REQUIRE(check_extension(KVM_CAP_TSC_DEADLINE_TIMER), "no such mode");
	vcpu = apic_vcpu(apic_vm(), deadline, test_scale(20));
	GUEST_VAR(vcpu->vm, khz) = vcpu_ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void moved_tsc(u64 arg)
{
	u64 ms = READ_ONCE(khz);

	guest_handlers[TIMER_VECTOR] = apic_eoi_handler;
	apic_on();
	apic_write(APIC_LVTT, TIMER_VECTOR | APIC_DEADLINE);
	/* An hour away, until the TSC is set to a moment before. */
	wrmsr(MSR_DEADLINE, rdtsc() + 3600 * 1000 * ms);
	wrmsr(MSR_TSC, rdtsc() + 3600 * 1000 * ms - ms / 2);
	sti_hlt();
	cli();
	GUEST_ASSERT_EQ(apic_count(TIMER_VECTOR), 1);
}

CASE(timer_follows_tsc, "a deadline comes when the guest moves its TSC there")
{
	struct vcpu *vcpu;

	REQUIRE(check_extension(KVM_CAP_TSC_DEADLINE_TIMER), "no such mode");
	REQUIRE(!test_is_kvm, "KVM's timer stays with the old TSC");
	vcpu = apic_vcpu(apic_vm(), moved_tsc, 0);
	GUEST_VAR(vcpu->vm, khz) = vcpu_ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void arms(u64 arg)
{
	apic_on();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, TIMER_VECTOR | APIC_PERIODIC);
	apic_write(APIC_TMICT, 1);
	GUEST_SYNC(1);
}

CASE(armed_to_the_end, "machines go away with their timers running")
{
	for (unsigned long i = test_scale(20); i; i--) {
		struct vm *vm = apic_vm();

		for (unsigned int j = 0; j < 3; j++)
			vcpu_run_to_sync(apic_vcpu(vm, arms, 0), 1);
		usleep(i % 3 * 300);
		vm_free(vm);
	}
}
