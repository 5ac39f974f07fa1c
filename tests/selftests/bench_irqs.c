// SPDX-License-Identifier: GPL-2.0
/*
 * What an interrupt costs, with the controllers in the kernel: sent, delivered,
 * handled by a handler that only ends it. Nothing waits in these rows, so there is
 * no idle time to subtract: a deadline is over when it is set, and of two vCPUs on one
 * CPU one always runs.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "apic.h"
#include "bench.h"

#define IRQ		0x51

static void irq_setup(void)
{
	guest_handlers[IRQ] = x2_eoi_handler;
	apic_x2_on();
}

static void guest_self_irq(u64 arg)
{
	u64 ticks;

	irq_setup();
	ticks = GUEST_COST_OF(({
		u64 before = apic_count(IRQ);

		x2_write(APIC_ICR, IRQ | ICR_SELF | ICR_ASSERT);
		asm volatile("sti; nop; cli" ::: "memory");
		GUEST_ASSERT_EQ(apic_count(IRQ), before + 1);
	}));
	GUEST_SYNC(ticks);
}

static void guest_hlt_pending(u64 arg)
{
	u64 ticks;

	irq_setup();
	ticks = GUEST_COST_OF(({
		u64 before = apic_count(IRQ);

		x2_write(APIC_ICR, IRQ | ICR_SELF | ICR_ASSERT);
		asm volatile("sti; hlt; cli" ::: "memory");
		GUEST_ASSERT_EQ(apic_count(IRQ), before + 1);
	}));
	GUEST_SYNC(ticks);
}

static void guest_timer(u64 arg)
{
	u64 ticks;

	irq_setup();
	x2_write(APIC_LVTT, IRQ | APIC_DEADLINE);
	ticks = GUEST_COST_OF(({
		u64 before = apic_count(IRQ);

		wrmsr(MSR_DEADLINE, rdtsc());
		while (apic_count(IRQ) == before)
			asm volatile("sti; nop; cli" ::: "memory");
	}));
	GUEST_SYNC(ticks);
}

/* Two vCPUs that wake each other and halt: one way of the two. */
static void guest_pong(u64 arg)
{
	irq_setup();
	for (;;) {
		u64 before = apic_count(IRQ);

		asm volatile("cli" ::: "memory");
		while (apic_count(IRQ) == before)
			asm volatile("sti; hlt; cli" ::: "memory");
		x2_write(APIC_ICR, IRQ | ICR_ASSERT);
	}
}

static void guest_ping(u64 arg)
{
	u64 ticks;

	irq_setup();
	ticks = GUEST_COST_OF(({
		u64 before = apic_count(IRQ);

		x2_write(APIC_ICR, 1ULL << 32 | IRQ | ICR_ASSERT);
		while (apic_count(IRQ) == before)
			asm volatile("sti; hlt; cli" ::: "memory");
	}));
	GUEST_SYNC(ticks / 2);
}

static void *pong_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	/* Until the process ends. */
	while (!ioctl(vcpu->fd, KVM_RUN, 0) || errno == EINTR)
		;
	return NULL;
}

static u64 ipi_halted(void)
{
	struct vm *vm = apic_vm();
	struct vcpu *ping = apic_vcpu(vm, guest_ping, 0), *pong = apic_vcpu(vm, guest_pong, 0);
	pthread_t thread;

	if (pthread_create(&thread, NULL, pong_thread, pong))
		test_fail(__FILE__, __LINE__, true, "no thread");
	/* It must wait before it is called. */
	usleep(100000);
	return bench_run(ping);
}

static const struct bench_row rows[] = {
	{ "irq-self-eoi", .irq = guest_self_irq },
	{ "exit-hlt-pending", .irq = guest_hlt_pending },
	{ "timer-deadline", .irq = guest_timer },
	{ "ipi-halted", .measure = ipi_halted },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, rows, ARRAY_SIZE(rows));
}
