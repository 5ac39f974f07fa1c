// SPDX-License-Identifier: GPL-2.0
/*
 * Non-maskable interrupts of the host that arrive while a guest runs. They are
 * made with the kernel's "backtrace of all CPUs", which asks the other CPUs by
 * NMI. It also writes a page of text to the console, which is slow, so there
 * are only two: enough to see that the first one did not leave NMIs blocked.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include "guest.h"
#include "vm.h"

#define ROUNDS		2

static volatile u64 stop, turns;

static void spin(u64 arg)
{
	sti();		/* in Bochs' SVM nothing but NMIs gets the host out of a guest without IF */
	sti();
	while (!stop)
		turns++;
	GUEST_SYNC(turns);
}

/* NMIs that this CPU has had. */
static u64 nmis(unsigned int cpu)
{
	char line[4096], *p;
	u64 count = 0;
	FILE *f = fopen("/proc/interrupts", "r");

	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		p = strstr(line, "NMI:");
		if (!p)
			continue;
		p += 4;
		for (unsigned int i = 0; i <= cpu; i++)
			count = strtoull(p, &p, 10);
	}
	fclose(f);
	return count;
}

static void *run(void *arg)
{
	struct vcpu *vcpu = arg;

	pin_to_cpu(1);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	return NULL;
}

static void backtraces(void)
{
	int fd = x(open("/proc/sysrq-trigger", O_WRONLY));

	ASSERT_EQ(write(fd, "l", 1), 1);
	close(fd);
}

CASE_TIMEOUT(nmi, "NMIs that hit a guest reach the host's handler, one after the other", 120)
{
	struct vcpu *vcpu;
	pthread_t thread;
	u64 before, seen;

	REQUIRE(host_cpus() > 1, "this host has one CPU");
	REQUIRE(!access("/proc/sysrq-trigger", W_OK), "no /proc/sysrq-trigger");
	vcpu = long_guest(spin, 0);
	pin_to_cpu(0);
	ASSERT_EQ(pthread_create(&thread, NULL, run, vcpu), 0);
	while (!GUEST_VAR(vcpu->vm, turns))
		usleep(1000);
	before = nmis(1);
	for (int i = 0; i < ROUNDS; i++) {
		u64 was;

		backtraces();
		/* The guest goes on. */
		was = GUEST_VAR(vcpu->vm, turns);
		while (GUEST_VAR(vcpu->vm, turns) == was)
			usleep(1000);
	}
	seen = nmis(1) - before;
	EXPECT_EQ(seen, ROUNDS);
	GUEST_VAR(vcpu->vm, stop) = 1;
	pthread_join(thread, NULL);
	vm_free(vcpu->vm);
}
