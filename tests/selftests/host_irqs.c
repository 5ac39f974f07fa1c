// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of the host that arrive while a guest computes and never exits by
 * itself: they must be taken at once, whether the guest would take interrupts
 * or not. Other CPUs wait for the answer to theirs.
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include "guest.h"
#include "vm.h"

static volatile u64 stop, turns;

static void spin_closed(u64 arg)
{
	cli();
	while (!stop)
		turns++;
}

static void spin_open(u64 arg)
{
	sti();
	while (!stop)
		turns++;
}

static void *run(void *arg)
{
	pin_to_cpu(1);
	vcpu_run_to_done(arg);
	return NULL;
}

/* Local timer interrupts that this CPU has had. */
static u64 ticks(unsigned int cpu)
{
	char line[4096], *p;
	u64 count = 0;
	FILE *f = fopen("/proc/interrupts", "r");

	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		p = strstr(line, "LOC:");
		if (!p)
			continue;
		p += 4;
		for (unsigned int i = 0; i <= cpu; i++)
			count = strtoull(p, &p, 10);
	}
	fclose(f);
	return count;
}

static void interrupt_it(void (*fn)(u64))
{
	struct vcpu *vcpu;
	pthread_t thread;
	u64 before, start;

	REQUIRE(host_cpus() > 1, "this host has one CPU");
	x(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	vcpu = long_guest(fn, 0);
	pin_to_cpu(0);
	ASSERT_EQ(pthread_create(&thread, NULL, run, vcpu), 0);
	while (!GUEST_VAR(vcpu->vm, turns))
		usleep(1000);
	before = ticks(1);
	start = test_ms();
	for (int i = 0; i < 10; i++) {
		/* Interrupts the other CPU, and waits for it. */
		x(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
		usleep(10000);
	}
	test_diag("10 barriers took %llu ms; %llu ticks", test_ms() - start, ticks(1) - before);
	EXPECT(test_ms() - start < 5000, "it took too long");
	EXPECT(ticks(1) - before >= 5, "the timer stood still");
	GUEST_VAR(vcpu->vm, stop) = 1;
	pthread_join(thread, NULL);
	vm_free(vcpu->vm);
}

CASE(open, "a guest that takes interrupts is interrupted by the host's")
{
	interrupt_it(spin_open);
}

CASE(closed, "a guest that takes none is interrupted as well")
{
	/* KVM's guests are not interrupted there either. */
	REQUIRE(!test_on_machine("bochs-vmx"),
		"Bochs' VMX holds host interrupts back while RFLAGS.IF is clear");
	interrupt_it(spin_closed);
}

/* Clock ticks that this thread spent in guests, by the host's accounts. */
static u64 guest_ticks(void)
{
	char line[1024], *p;
	FILE *f = fopen("/proc/thread-self/stat", "r");
	u64 ticks;

	ASSERT(f && fgets(line, sizeof(line), f));
	fclose(f);
	p = strrchr(line, ')');
	/* The name was field 2, and guest_time is field 43. */
	for (int field = 2; p && field < 43; field++)
		p = strchr(p + 1, ' ');
	ASSERT(p);
	ticks = strtoull(p, NULL, 10);
	return ticks;
}

static volatile u64 rounds;

static void compute(u64 arg)
{
	sti();
	for (u64 i = 0; i < rounds; i++)
		turns++;
	GUEST_SYNC(1);
	cli();
}

CASE(account, "the host's clock ticks that hit a guest are charged to the guest")
{
	struct vcpu *vcpu = long_guest(compute, 0);
	u64 before = guest_ticks(), start = test_ms();

	GUEST_VAR(vcpu->vm, rounds) = 100000;
	/* Runs of the same guest, until it has had a second. */
	while (test_ms() - start < 1000) {
		struct kvm_regs regs;

		vcpu_regs(vcpu, &regs);
		vcpu_run_to_sync(vcpu, 1);
		vcpu_set_regs(vcpu, &regs);
	}
	test_diag("%llu ticks in %llu ms", guest_ticks() - before, test_ms() - start);
	EXPECT(guest_ticks() > before, "none was counted as the guest's");
	vm_free(vcpu->vm);
}
