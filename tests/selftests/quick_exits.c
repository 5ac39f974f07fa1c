// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that does nothing but what the kernel answers at once, without leaving
 * it for long: it is as much under control as any other, and hogs nothing.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include "guest.h"
#include "vm.h"

#define BELL	0x5b0		/* a port with an eventfd behind it */
#define MSR	0x17a		/* IA32_MCG_STATUS: a plain value */
#define RAM	0x4000000UL	/* of the slot that goes */
#define GONE	0x676f6e65UL	/* is written behind it when it has gone */

static u64 turns;

static void one_turn(void)
{
	u32 eax = 0, ecx = 0;

	asm volatile("cpuid" : "+a"(eax), "+c"(ecx) :: "rbx", "rdx");
	wrmsr(MSR, rdmsr(MSR));
	outb(BELL, 0);
	WRITE_ONCE(turns, turns + 1);
}

static void busy(u64 interrupts)
{
	if (interrupts)
		sti();
	for (;;)
		one_turn();
}

static struct vcpu *busy_guest(void (*fn)(u64 arg), u64 arg)
{
	struct vcpu *vcpu = long_guest(fn, arg);
	struct kvm_ioeventfd bell = {
		.addr = BELL, .len = 1, .fd = x(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
		.flags = KVM_IOEVENTFD_FLAG_PIO,
	};

	vm_ioctl(vcpu->vm, KVM_IOEVENTFD, &bell);
	return vcpu;
}

static void on_signal(int sig)
{
}

static void catch(int sig)
{
	struct sigaction a = { .sa_handler = on_signal };

	x(sigaction(sig, &a, NULL));
}

/* Also where others load the machine. Without the host's interrupts a stay takes ten seconds and more. */
#define SOON_MS	5000

static void ended_by_signals(u64 interrupts)
{
	struct vcpu *vcpu = busy_guest(busy, interrupts);
	struct itimerval t = { .it_value.tv_usec = 20000 };

	catch(SIGALRM);
	for (int i = 0; i < 3; i++) {
		u64 before = GUEST_VAR(vcpu->vm, turns), start, ms;

		/* On a slow host the first may come before the guest has begun. */
		for (int j = 0; j < 50 && GUEST_VAR(vcpu->vm, turns) == before; j++) {
			start = test_ms();
			x(setitimer(ITIMER_REAL, &t, NULL));
			EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
			ms = test_ms() - start;
			EXPECT(ms < SOON_MS, "after %llu ms", ms);
			EXPECT_EQ(vcpu->run->exit_reason, KVM_EXIT_INTR);
		}
		EXPECT(GUEST_VAR(vcpu->vm, turns) > before, "the guest did not run");
	}
	vm_free(vcpu->vm);
}

CASE(signal_ends, "a signal ends it")
{
	ended_by_signals(1);
}

CASE(signal_ends_masked, "a signal ends it while it has interrupts disabled")
{
	ended_by_signals(0);
}

static void busy_with_memory(u64 arg)
{
	sti();
	for (;;) {
		one_turn();
		GUEST_ASSERT(*(volatile u64 *)RAM != GONE);
	}
}

static void *take_slot(void *arg)
{
	struct vcpu *vcpu = arg;
	u64 *host = vcpu->vm->slot[1].host, start, ms;

	while (GUEST_VAR(vcpu->vm, turns) < 200)
		usleep(1000);
	start = test_ms();
	vm_slot(vcpu->vm, 1, RAM, 0, host, 0);
	ms = test_ms() - start;
	EXPECT(ms < SOON_MS, "it took %llu ms", ms);
	WRITE_ONCE(*host, GONE);
	return NULL;
}

CASE(slot_goes, "memory that another thread takes away is gone when that call returns")
{
	struct vcpu *vcpu = busy_guest(busy_with_memory, 0);
	struct mem *mem = mem_create(MB, 0);
	pthread_t thread;

	vm_slot(vcpu->vm, 1, RAM, MB, mem->host, 0);
	ASSERT_EQ(pthread_create(&thread, NULL, take_slot, vcpu), 0);
	vcpu_run_to(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, RAM);
	pthread_join(thread, NULL);
	vm_free(vcpu->vm);
	mem_free(mem);
}

struct neighbour {
	pthread_t vcpu;
	u64 ms;
	volatile bool done;
};

static void work(void)
{
	for (volatile unsigned long i = 0; i < test_scale(2000000); i++)
		;
}

static void *count(void *arg)
{
	struct neighbour *n = arg;

	u64 start = test_ms();

	pin_to_cpu(0);
	work();
	n->ms = test_ms() - start;
	n->done = true;
	/* It may not be in KVM_RUN at the first of them. */
	for (;;) {
		pthread_kill(n->vcpu, SIGUSR1);
		usleep(1000);
	}
	return NULL;
}

CASE(neighbour, "another thread on its CPU gets its share of time")
{
	struct neighbour n = { .vcpu = pthread_self() };
	struct vcpu *vcpu = busy_guest(busy, 1);
	pthread_t thread;
	u64 start, alone;

	pin_to_cpu(0);
	start = test_ms();
	work();
	alone = test_ms() - start;
	catch(SIGUSR1);
	ASSERT_EQ(pthread_create(&thread, NULL, count, &n), 0);
	EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	EXPECT(n.done, "what ended it?");
	EXPECT(n.ms < 4 * alone + SOON_MS, "%llu ms for what takes %llu ms alone", n.ms, alone);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	vm_free(vcpu->vm);
}

static void busy_for(u64 n)
{
	while (n--)
		one_turn();
	GUEST_SYNC(1);
}

/* Of all VMs that there are: this one. */
static u64 stat(const char *name)
{
	FILE *f = fopen("/sys/kernel/debug/bellows/stats", "re");
	unsigned long long value = 0, v;
	char word[64];

	ASSERT(f, "no statistics");
	while (fscanf(f, "%63s %llu", word, &v) == 2)
		if (!strcmp(word, name))
			value = v;
	fclose(f);
	return value;
}

CASE(counted, "each of its exits is counted, by what it was")
{
	static const struct { const char *name; unsigned int per_turn; } expected[] = {
		{ "exit_CPUID", 1 }, { "exit_RDMSR", 1 }, { "exit_WRMSR", 1 }, { "exit_IO", 1 },
		{ "exits", 4 },
	};
	const unsigned int n = 500;
	struct vcpu *vcpu;
	struct ucall uc;

	REQUIRE(!test_is_kvm, "KVM's statistics are elsewhere");
	vcpu = busy_guest(busy_for, n);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++) {
		u64 seen = stat(expected[i].name), want = n * expected[i].per_turn;

		/* More, for the guest's own start and end, and the host's interrupts. */
		EXPECT(seen >= want && (!strcmp(expected[i].name, "exits") || seen < want + 100),
		       "%s: %llu for %llu", expected[i].name, seen, want);
	}
	vm_free(vcpu->vm);
}
