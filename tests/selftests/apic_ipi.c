// SPDX-License-Identifier: GPL-2.0
/* Several local APICs: who gets what is sent, that nothing is lost, and halts that end. */
#include "apic.h"

#define VECTOR		0x50
#define OTHER_VECTOR	0x90
#define CPUS		4

static volatile u64 ready, stop, errors;
static volatile u64 received[CPUS];

static void count_handler(struct guest_frame *frame)
{
	apic_write(APIC_EOI, 0);
	received[guest_cpu_id()]++;
}

static void arrive(void)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (ready < CPUS)
		cpu_relax();
}

static void wait_for(volatile u64 *what, u64 value)
{
	while (*what != value)
		cpu_relax();
}

static void receive(void)
{
	guest_handlers[VECTOR] = count_handler;
	apic_on();
	arrive();
	sti();
	while (!stop)
		cpu_relax();
	cli();
}

static u64 sum(void)
{
	u64 n = 0;

	for (unsigned int i = 0; i < CPUS; i++)
		n += received[i];
	return n;
}

static void expect(u64 a, u64 b, u64 c, u64 d)
{
	const u64 want[CPUS] = { a, b, c, d };

	/* What is not expected gets time to arrive, too. */
	for (unsigned int i = 0; i < 100 || sum() < a + b + c + d; i++)
		sti_nop_cli();
	for (unsigned int i = 0; i < CPUS; i++) {
		GUEST_ASSERT_EQ(received[i], want[i]);
		received[i] = 0;
	}
}

static void send_everywhere(u64 arg)
{
	if (guest_cpu_id()) {
		apic_on();
		apic_write(APIC_LDR, BIT(24 + guest_cpu_id()));
		receive();
		return;
	}
	guest_handlers[VECTOR] = count_handler;
	apic_on();
	apic_write(APIC_LDR, BIT(24));
	arrive();
	for (u32 i = 0; i < CPUS; i++) {
		apic_send(i, VECTOR);
		expect(i == 0, i == 1, i == 2, i == 3);
	}
	apic_send(0, VECTOR | ICR_SELF);
	expect(1, 0, 0, 0);
	apic_send(0, VECTOR | ICR_ALL);
	expect(1, 1, 1, 1);
	apic_send(0, VECTOR | ICR_OTHERS);
	expect(0, 1, 1, 1);
	apic_send(0xff, VECTOR);
	expect(1, 1, 1, 1);
	apic_send(0x77, VECTOR);
	expect(0, 0, 0, 0);
	apic_send(0x6, VECTOR | ICR_LOGICAL);
	expect(0, 1, 1, 0);
	apic_send(0xf9, VECTOR | ICR_LOGICAL);
	expect(1, 0, 0, 1);
	apic_send(0xff, VECTOR | ICR_LOGICAL);
	expect(1, 1, 1, 1);
	/* One of them. */
	apic_send(0xe, VECTOR | ICR_LOGICAL | ICR_LOWEST);
	while (!sum())
		cpu_relax();
	GUEST_ASSERT_EQ(sum(), 1);
	GUEST_ASSERT_EQ(received[0], 0);
	stop = 1;
}

static void run_everybody(void (*fn)(u64 arg), u64 arg)
{
	struct vm *vm = apic_vm();

	for (unsigned int i = 0; i < CPUS; i++)
		apic_vcpu(vm, fn, arg);
	apic_run_all(vm, CPUS);
	vm_free(vm);
}

CASE(destinations, "every form of destination reaches those it means, and nobody else")
{
	run_everybody(send_everywhere, 0);
}

static void clusters(u64 arg)
{
	u32 id = guest_cpu_id();

	apic_on();
	apic_write(APIC_DFR, 0x0fffffff);
	/* 0 and 1 in the first cluster, 2 and 3 in the third. */
	apic_write(APIC_LDR, (id / 2 * 0x20 + BIT(id % 2)) << 24);
	if (id) {
		receive();
		return;
	}
	guest_handlers[VECTOR] = count_handler;
	arrive();
	apic_send(0x01, VECTOR | ICR_LOGICAL);
	expect(1, 0, 0, 0);
	apic_send(0x03, VECTOR | ICR_LOGICAL);
	expect(1, 1, 0, 0);
	apic_send(0x22, VECTOR | ICR_LOGICAL);
	expect(0, 0, 0, 1);
	apic_send(0x2f, VECTOR | ICR_LOGICAL);
	expect(0, 0, 1, 1);
	apic_send(0x1f, VECTOR | ICR_LOGICAL);
	expect(0, 0, 0, 0);
	stop = 1;
}

CASE(cluster_model, "logical destinations work in the cluster model")
{
	run_everybody(clusters, 0);
}

static volatile u64 acks[CPUS][CPUS];

static void storm_handler(struct guest_frame *frame)
{
	u32 from = frame->vector - OTHER_VECTOR;

	acks[guest_cpu_id()][from / 16]++;
	apic_write(APIC_EOI, 0);
}

/* Each sends to each of the others, a class of vectors per sender, and waits until it has arrived. */
static void storm(u64 rounds)
{
	u32 me = guest_cpu_id();

	for (unsigned int i = 0; i < CPUS; i++)
		guest_handlers[OTHER_VECTOR + i * 16] = storm_handler;
	apic_on();
	arrive();
	sti();
	for (u64 n = 1; n <= rounds; n++) {
		for (u32 i = 0; i < CPUS; i++)
			if (i != me) {
				/* The two writes belong together. */
				cli();
				apic_send(i, OTHER_VECTOR + me * 16);
				sti();
			}
		for (u32 i = 0; i < CPUS; i++)
			while (i != me && acks[i][me] != n)
				cpu_relax();
	}
	__atomic_add_fetch(&stop, 1, __ATOMIC_SEQ_CST);
	wait_for(&stop, CPUS);
	cli();
	for (u32 i = 0; i < CPUS; i++)
		GUEST_ASSERT_EQ(acks[me][i], i == me ? 0 : rounds);
}

CASE_TIMEOUT(ipi_storm, "in a storm of IPIs each arrives, once", 60)
{
	run_everybody(storm, test_scale(50));
}

static volatile u64 turn;

static void ball_handler(struct guest_frame *frame)
{
	apic_write(APIC_EOI, 0);
}

/*
 * One halts until the other wakes it, in turns. An emulator's VMRUN that forgets the
 * shadow of STI must not matter.
 */
static void ping_pong(u64 rounds)
{
	u32 me = guest_cpu_id();

	guest_handlers[VECTOR] = ball_handler;
	guest_handlers[OTHER_VECTOR] = ball_handler;
	apic_on();
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (ready < 2)
		cpu_relax();
	for (u64 n = 0; n < rounds; n++) {
		while (turn % 2 != me) {
			/* An interrupt that comes now is taken after the STI, with the halt. */
			sti_hlt();
			cli();
		}
		/* Now and then the other has not fallen asleep yet, or is just about to. */
		for (u64 i = 0; i < n % 7 * 30; i++)
			cpu_relax();
		turn++;
		apic_send(!me, VECTOR);
	}
}

CASE_TIMEOUT(no_lost_wakeups, "a halt always ends with the interrupt that was sent for it", 60)
{
	REQUIRE(!test_is_kvm || !test_host_is_tcg(), "QEMU's VMRUN forgets STI's shadow, and KVM's guests then sleep on");
	struct vm *vm = apic_vm();
	unsigned long rounds = test_scale(1000);
	u64 start = test_ms();

	apic_vcpu(vm, ping_pong, rounds);
	apic_vcpu(vm, ping_pong, rounds);
	apic_run_all(vm, 2);
	EXPECT_EQ(GUEST_VAR(vm, turn), 2 * rounds);
	test_diag("%lu rounds in %llu ms", rounds, test_ms() - start);
	vm_free(vm);
}

/*
 * Halts unless so many NMIs have come. Nothing holds one back that comes between the look
 * and the halt, which would then last for ever: its handler goes on behind the halt.
 */
asm(".text\n.globl halt_until_nmi, halt_until_nmi_end\n"
    "halt_until_nmi:\n"
    "	cmpq %rdi, (%rsi)\n"
    "	jae halt_until_nmi_end\n"
    "	hlt\n"
    "halt_until_nmi_end:\n"
    "	ret");
void halt_until_nmi(u64 count, volatile u64 *nmis);
extern const char halt_until_nmi_end[];

static void nmi_handler(struct guest_frame *frame)
{
	received[guest_cpu_id()]++;
	if (frame->rip >= (u64)halt_until_nmi && frame->rip < (u64)halt_until_nmi_end)
		frame->rip = (u64)halt_until_nmi_end;
}

static void halted_for_nmi(u64 arg)
{
	guest_handlers[VEC_NMI] = nmi_handler;
	guest_handlers[VECTOR] = count_handler;
	apic_on();
	if (guest_cpu_id()) {
		for (u64 i = 1; i <= arg; i++) {
			ready = i;
			while (received[1] < i)
				halt_until_nmi(i, &received[1]);
		}
		/* With interrupts off an interrupt does not end a halt; it is there afterwards. */
		GUEST_ASSERT_EQ(received[1], arg);
		stop = 1;
		return;
	}
	for (u64 i = 1; i <= arg; i++) {
		wait_for(&ready, i);
		apic_send(1, VECTOR);
		apic_send(1, ICR_NMI);
		wait_for(&received[1], i);
	}
	wait_for(&stop, 1);
}

CASE(nmi_ends_halt, "an NMI ends a halt with interrupts off; an interrupt does not")
{
	struct vm *vm = apic_vm();

	apic_vcpu(vm, halted_for_nmi, test_scale(100));
	apic_vcpu(vm, halted_for_nmi, test_scale(100));
	apic_run_all(vm, 2);
	vm_free(vm);
}

static void halts(u64 arg)
{
	GUEST_SYNC(1);
	hlt();
	GUEST_ASSERT(false);
}

static void interrupted(int sig)
{
}

static void *run_halted(void *arg)
{
	struct vcpu *vcpu = arg;

	return (void *)(long)__vcpu_run(vcpu);
}

CASE(signal_ends_run, "a signal brings the thread of a halted vCPU back, still halted")
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), halts, 0);
	struct sigaction sa = { .sa_handler = interrupted };
	pthread_t thread;
	void *result;

	x(sigaction(SIGUSR1, &sa, NULL));
	vcpu_run_to_sync(vcpu, 1);
	/* On a slow machine the first signals come before the halt. */
	for (int i = 0, halted = 0; i < 100 && halted < 3; i++) {
		ASSERT_EQ(pthread_create(&thread, NULL, run_halted, vcpu), 0);
		usleep(50000);
		pthread_kill(thread, SIGUSR1);
		ASSERT_EQ(pthread_join(thread, &result), 0);
		EXPECT_EQ((long)result, -EINTR);
		EXPECT_EQ(vcpu->run->exit_reason, KVM_EXIT_INTR);
		if (halted)
			EXPECT_EQ(apic_mp_state(vcpu), KVM_MP_STATE_HALTED);
		halted += apic_mp_state(vcpu) == KVM_MP_STATE_HALTED;
	}
	EXPECT_EQ(apic_mp_state(vcpu), KVM_MP_STATE_HALTED);
	/* Userspace may say otherwise. */
	apic_set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE);
	vcpu_call(vcpu, halts, 0);
	vcpu_run_to_sync(vcpu, 1);
	vm_free(vcpu->vm);
}
