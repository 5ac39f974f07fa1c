// SPDX-License-Identifier: GPL-2.0
/*
 * The host sleeps while VMs are there. The kernel can go a part of the way and
 * come back (pm_test): tasks frozen, devices stopped, CPUs off, and at last
 * what runs on the last CPU with interrupts off, where virtualization is turned
 * off and on again. What the machine itself forgets in its sleep (S3) is not
 * shown that way: the CPU keeps its registers here.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include "guest.h"
#include "host.h"
#include "vm.h"

#define PM_TEST		"/sys/power/pm_test"
#define STATE		"/sys/power/state"
#define MEM_SLEEP	"/sys/power/mem_sleep"
#define DELAY		"/sys/module/suspend/parameters/pm_test_delay"
#define XMM_VALUE	0x1122334455667788ULL

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static bool holds(const char *file, const char *text)
{
	char buf[256] = "";
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, buf, sizeof(buf) - 1) < 0)
		buf[0] = 0;
	close(fd);
	return strstr(buf, text);
}

static void need_sleep(const char *level)
{
	REQUIRE(!test_is_kvm, "this is about the module under test");
	REQUIRE(holds(MEM_SLEEP, "deep"), "this machine has no S3");
	REQUIRE(holds(PM_TEST, level), "this kernel has no pm_test=%s", level);
	put(DELAY, "0");
	x(put(MEM_SLEEP, "deep"));
}

static volatile u64 rounds[2], stop;

/* What it has in registers must survive, and time must not go back. */
static void count(u64 arg)
{
	u64 a = 0, b = 0, last = 0, now, xmm;

	asm volatile("movq %0, %%xmm7" :: "r"(XMM_VALUE));
	while (!stop) {
		asm volatile("inc %0; inc %1" : "+r"(a), "+r"(b));
		GUEST_ASSERT_EQ(a, b);
		asm volatile("movq %%xmm7, %0" : "=r"(xmm));
		GUEST_ASSERT_EQ(xmm, XMM_VALUE);
		now = rdtsc();
		GUEST_ASSERT(now >= last);
		last = now;
		rounds[arg] = a;
		if (!(a & 0xfff))
			cpuid(0);
	}
}

static void two_steps(u64 arg)
{
	u64 sum = arg, before = rdtsc();

	asm volatile("movq %0, %%xmm7" :: "r"(arg));
	GUEST_SYNC(1, sum);
	asm volatile("movq %%xmm7, %0" : "=r"(sum));
	GUEST_ASSERT(rdtsc() >= before);
	GUEST_SYNC(2, sum + 1);
}

static void *run_to_done(void *arg)
{
	vcpu_run_to_done(arg);
	return NULL;
}

static void expect_running(struct vm *vm)
{
	for (unsigned int i = 0; i < 2; i++) {
		u64 before = READ_ONCE(GUEST_VAR(vm, rounds)[i]);

		while (READ_ONCE(GUEST_VAR(vm, rounds)[i]) == before)
			usleep(1000);
	}
}

/* It was left after its first step, on the given CPU. */
static struct vcpu *parked_on(unsigned int cpu)
{
	struct vcpu *vcpu;
	struct ucall uc;

	pin_to_cpu(cpu);
	vcpu = long_guest(two_steps, 40 + cpu);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	ASSERT_EQ(uc.args[1], 40 + cpu);
	return vcpu;
}

static void go_on(struct vcpu *vcpu, unsigned int cpu)
{
	struct ucall uc;

	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 2);
	EXPECT_EQ(uc.args[1], 41 + cpu);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void around(int (*sleep_once)(void))
{
	unsigned int last = host_cpus() - 1;
	struct vcpu *first_cpu = parked_on(0), *last_cpu = parked_on(last);
	struct vm *vm = vm_new(GUEST_LONG);
	pthread_t thread[2];

	for (unsigned int i = 0; i < 2; i++) {
		pin_to_cpu(i ? last : 0);
		ASSERT_EQ(pthread_create(&thread[i], NULL, run_to_done, vcpu_new(vm, count, i)), 0);
	}
	expect_running(vm);
	for (unsigned int i = 0; i < test_scale(2); i++) {
		ASSERT_EQ(sleep_once(), 0);
		expect_running(vm);
	}
	/* Each goes on where it did not run before. */
	pin_to_cpu(last);
	go_on(first_cpu, 0);
	pin_to_cpu(0);
	go_on(last_cpu, last);
	for (unsigned int cpu = 0; cpu <= last; cpu++)
		go_on(parked_on(cpu), cpu);
	WRITE_ONCE(GUEST_VAR(vm, stop), 1);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	vm_free(vm);
}

static const char *level;

static int sleep_to_level(void)
{
	int ret = put(PM_TEST, level);

	if (!ret)
		ret = put(STATE, "mem");
	put(PM_TEST, "none");
	return ret;
}

static void sleep_tests(const char *name)
{
	need_sleep(name);
	level = name;
	around(sleep_to_level);
}

CASE_TIMEOUT(freezer, "guests go on after all tasks were frozen", 60)
{
	sleep_tests("freezer");
}

CASE_TIMEOUT(devices, "guests go on after devices were suspended", 60)
{
	sleep_tests("devices");
}

CASE_TIMEOUT(processors, "guests go on after all CPUs but one were off", 60)
{
	sleep_tests("processors");
}

CASE_TIMEOUT(core, "guests go on after virtualization was off on the last CPU as well", 60)
{
	sleep_tests("core");
}

CASE_TIMEOUT(without, "a VM can be made after a suspend without VMs", 60)
{
	need_sleep("core");
	level = "core";
	ASSERT_EQ(sleep_to_level(), 0);
	for (unsigned int cpu = 0; cpu < host_cpus(); cpu++)
		go_on(parked_on(cpu), cpu);
}
