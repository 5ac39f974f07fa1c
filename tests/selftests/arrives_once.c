// SPDX-License-Identifier: GPL-2.0
/*
 * An interrupt that goes in with an entry arrives once, however long the guest
 * then stays inside, whatever it is doing, and however busy another processor of
 * the host is with timers. (One emulator gives it to the guest again when somebody
 * disturbs it in the meantime, and does not ask whether the guest takes
 * interrupts then: a kernel that is interrupted in the handler of its timer, with
 * its locks held, hangs.)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>
#include "guest.h"
#include "host.h"
#include "vm.h"

#define PORT	0x80
#define VECTOR	0x50

static u64 arrived, nested, inside, stay;

static void spin(u64 n)
{
	for (u64 i = 0; i < n; i++)
		asm volatile("");
}

static void handler(struct guest_frame *f)
{
	if (inside)
		nested++;
	inside = 1;
	arrived++;
	spin(stay / 2);
	inside = 0;
}

static void kernel(u64 arg)
{
	stay = arg;
	guest_handlers[VECTOR] = handler;
	sti();
	for (;;) {
		outb(PORT, 0);
		spin(stay);
	}
}

static void allow_interrupts(struct guest_frame *f)
{
	f->rflags |= FLAG_IF;
}

static u64 compute(u64 n)
{
	asm volatile("int $0x81" ::: "memory");
	while (n) {
		outb(PORT, 0);
		spin(n);
	}
	return 0;
}

static void user(u64 arg)
{
	stay = arg;
	guest_handlers[VECTOR] = handler;
	guest_handlers[0x81] = allow_interrupts;
	guest_gate(0x81)->type |= GATE_DPL3;
	guest_user(compute, arg);
}

/* Timers on another processor, as fast as they go. */
static bool stop;

static void *disturb(void *arg)
{
	const struct timespec pause = { .tv_nsec = 50000 };

	pin_to_cpu(1);
	while (!READ_ONCE(stop))
		nanosleep(&pause, NULL);
	return NULL;
}

static void count(void (*fn)(u64 arg))
{
	unsigned long rounds = test_scale(60);
	struct kvm_interrupt irq = { .irq = VECTOR };
	struct vcpu *vcpu;
	pthread_t thread;

	REQUIRE(host_cpus() > 1, "this host has one CPU");
	stop = false;
	ASSERT_EQ(pthread_create(&thread, NULL, disturb, NULL), 0);
	pin_to_cpu(0);
	vcpu = long_guest(fn, test_scale(2000000));
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	for (unsigned long i = 1; i <= rounds; i++) {
		vcpu->run->request_interrupt_window = 1;
		while (!vcpu->run->ready_for_interrupt_injection)
			vcpu_run_to(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
		vcpu->run->request_interrupt_window = 0;
		ASSERT_EQ(__vcpu_ioctl(vcpu, KVM_INTERRUPT, &irq), 0);
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		EXPECT_EQ(GUEST_VAR(vcpu->vm, arrived), i);
		EXPECT_EQ(GUEST_VAR(vcpu->vm, nested), 0);
	}
	WRITE_ONCE(stop, true);
	pthread_join(thread, NULL);
	vm_free(vcpu->vm);
}

CASE(in_kernel, "an interrupt arrives once in a kernel that computes, and not in its handler again")
{
	count(kernel);
}

CASE(in_user_mode, "an interrupt arrives once in user mode")
{
	count(user);
}
