// SPDX-License-Identifier: GPL-2.0
/*
 * A local APIC in x2APIC mode, where hardware may do by itself what matters most:
 * priorities, delivery, ends. The guest must not see who does it.
 */
#include "apic.h"

#define LOW		0x41
#define SAME_CLASS	0x4f
#define HIGH		0x81
#define IOAPIC_PAGE	0xfec00000UL
#define PIN		20
#define LEVEL		BIT(15)
#define REMOTE_IRR	BIT(14)
#define APIC_SELF_IPI_MSR	0x83f

static u64 order[16], orders;

static void note(u64 what)
{
	order[orders++ & 15] = what;
}

static void self(u8 vector)
{
	x2_write(APIC_ICR, vector | ICR_SELF | ICR_ASSERT);
}

static bool x2_test(u32 bank, u8 vector)
{
	return x2_read(bank + vector / 32 * 16) & BIT(vector % 32);
}

/* Room for interrupts that come one behind the other. */
static void take(void)
{
	for (unsigned int i = 0; i < 4; i++)
		asm volatile("sti; nop; nop; cli" ::: "memory");
}

static void high(struct guest_frame *f)
{
	note(HIGH);
	x2_write(APIC_EOI, 0);
}

static void same(struct guest_frame *f)
{
	note(SAME_CLASS);
	x2_write(APIC_EOI, 0);
}

static void low(struct guest_frame *f)
{
	note(LOW);
	self(SAME_CLASS);
	self(HIGH);
	GUEST_ASSERT(x2_test(APIC_ISR, LOW));
	GUEST_ASSERT(!x2_test(APIC_IRR, LOW));
	GUEST_ASSERT(x2_test(APIC_IRR, HIGH));
	GUEST_ASSERT_EQ(x2_read(APIC_PPR), LOW & 0xf0);
	take();
	GUEST_ASSERT(x2_test(APIC_IRR, SAME_CLASS));
	note(LOW + 1);
	x2_write(APIC_EOI, 0);
	GUEST_ASSERT(!x2_test(APIC_ISR, LOW));
}

static void nests(u64 arg)
{
	guest_handlers[LOW] = low;
	guest_handlers[SAME_CLASS] = same;
	guest_handlers[HIGH] = high;
	apic_x2_on();
	for (u64 i = 0; i < 50; i++) {
		orders = 0;
		if (i & 1)
			wrmsr(APIC_SELF_IPI_MSR, LOW);
		else
			self(LOW);
		take();
		GUEST_ASSERT_EQ(orders, 4);
		GUEST_ASSERT_EQ(order[0], LOW);
		GUEST_ASSERT_EQ(order[1], HIGH);
		GUEST_ASSERT_EQ(order[2], LOW + 1);
		GUEST_ASSERT_EQ(order[3], SAME_CLASS);
	}
}

CASE(nesting, "a higher class interrupts a handler, the same class waits for EOI")
{
	apic_run_guest(nests, 0);
}

static void waits_for_tpr(u64 arg)
{
	u64 n = 0;

	guest_handlers[HIGH] = high;
	apic_x2_on();
	for (u64 i = 0; i < 8; i++) {
		write_cr8(8);
		GUEST_ASSERT_EQ(x2_read(APIC_TPR), 0x80);
		self(HIGH);
		take();
		GUEST_ASSERT_EQ(orders, n);
		sti();
		write_cr8(7);
		cli();
		GUEST_ASSERT_EQ(orders, ++n);
		x2_write(APIC_TPR, 0x8f);
		GUEST_ASSERT_EQ(read_cr8(), 8);
		self(HIGH);
		take();
		GUEST_ASSERT_EQ(orders, n);
		x2_write(APIC_TPR, 0x7f);
		take();
		GUEST_ASSERT_EQ(orders, ++n);
	}
	GUEST_ASSERT_EQ(wrmsr_try(APIC_X2_BASE + APIC_TPR / 16, 0x100), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(APIC_X2_BASE + APIC_EOI / 16, 1), VEC_GP);
	/* Nothing is in service. */
	x2_write(APIC_EOI, 0);
}

CASE(tpr, "TPR, by its MSR and by CR8, holds interrupts back, and lets them go")
{
	apic_run_guest(waits_for_tpr, 0);
}

/* Without an exit of its own, and long enough for interrupts of the host. */
static void linger(void)
{
	for (volatile u32 i = 0; i < 20000; i++)
		;
}

static void ends_early(struct guest_frame *f)
{
	note(HIGH);
	wrmsr(APIC_SELF_IPI_MSR, LOW);
	sti_nop_cli();
	x2_write(APIC_EOI, 0);
	linger();
	GUEST_ASSERT_EQ(orders, 1);
}

static void masked(u64 rounds)
{
	guest_handlers[HIGH] = ends_early;
	guest_handlers[LOW] = same;
	apic_x2_on();
	for (u64 i = 0; i < rounds; i++) {
		orders = 0;
		sti_nop_cli();
		wrmsr(APIC_SELF_IPI_MSR, HIGH);
		linger();
		GUEST_ASSERT_EQ(orders, 0);
		sti_nop_cli();
		take();
		GUEST_ASSERT_EQ(orders, 2);
		GUEST_ASSERT_EQ(order[1], SAME_CLASS);
	}
}

static volatile bool guest_done;

/* Wakes up again and again, by a timer's interrupt each time. */
static void *disturb(void *arg)
{
	while (!guest_done)
		usleep(100);
	return NULL;
}

CASE(masked_waits, "what comes while the guest has interrupts disabled waits, whatever the host is interrupted by")
{
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, disturb, NULL), 0);
	apic_run_guest(masked, 10);
	guest_done = true;
	pthread_join(thread, NULL);
}

static void disabled(u64 arg)
{
	guest_handlers[HIGH] = high;
	apic_x2_on();
	self(HIGH);
	x2_write(APIC_SVR, 0xff);
	take();
	GUEST_ASSERT_EQ(orders, 0);
	x2_write(APIC_SVR, 0x1ff);
	take();
	GUEST_ASSERT_EQ(orders, 1);
}

CASE(software_disabled, "an APIC that software disables keeps what it has")
{
	apic_run_guest(disabled, 0);
}

static u32 ioapic(u32 nr)
{
	*(volatile u32 *)IOAPIC_PAGE = nr;
	return *(volatile u32 *)(IOAPIC_PAGE + 0x10);
}

static void ioapic_set(u32 nr, u32 value)
{
	*(volatile u32 *)IOAPIC_PAGE = nr;
	*(volatile u32 *)(IOAPIC_PAGE + 0x10) = value;
}

static void on_level(struct guest_frame *f)
{
	note(HIGH);
	GUEST_ASSERT(ioapic(0x10 + 2 * PIN) & REMOTE_IRR);
	GUEST_SYNC(100 + orders);
	x2_write(APIC_EOI, 0);
}

static void levels(u64 arg)
{
	guest_handlers[HIGH] = on_level;
	apic_x2_on();
	/* The 8259s of a PC that nobody has set up are not wanted here. */
	x2_write(APIC_LINT0, APIC_MASKED);
	ioapic_set(0x11 + 2 * PIN, 0);
	ioapic_set(0x10 + 2 * PIN, HIGH | LEVEL);
	GUEST_SYNC(1);
	take();
	GUEST_ASSERT_EQ(orders, 2);
	GUEST_ASSERT_EQ(ioapic(0x10 + 2 * PIN), HIGH | LEVEL);
}

static void line(struct vm *vm, u32 level)
{
	struct kvm_irq_level irq = { .irq = PIN, .level = level };

	vm_ioctl(vm, KVM_IRQ_LINE, &irq);
}

CASE(level, "the IOAPIC hears of the end of a level")
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), levels, 0);

	vcpu_run_to_sync(vcpu, 1);
	line(vcpu->vm, 1);
	vcpu_run_to_sync(vcpu, 101);
	vcpu_run_to_sync(vcpu, 102);
	line(vcpu->vm, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void in_service(struct guest_frame *f)
{
	note(LOW);
	self(SAME_CLASS);
	GUEST_SYNC(1);
	x2_write(APIC_EOI, 0);
}

static void saved(u64 arg)
{
	guest_handlers[LOW] = in_service;
	guest_handlers[SAME_CLASS] = same;
	apic_x2_on();
	x2_write(APIC_TPR, 0x21);
	self(LOW);
	take();
	GUEST_ASSERT_EQ(orders, 2);
	GUEST_ASSERT_EQ(order[1], SAME_CLASS);
	GUEST_ASSERT_EQ(x2_read(APIC_TPR), 0x31);
	GUEST_ASSERT_EQ(x2_read(APIC_PPR), 0x31);
}

static u32 word(const struct kvm_lapic_state *state, unsigned int offset)
{
	u32 value;

	memcpy(&value, state->regs + offset, sizeof(value));
	return value;
}

CASE(state, "what is requested and in service is saved and restored, and so is TPR")
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), saved, 0);
	struct kvm_lapic_state state, empty = { };

	vcpu_run_to_sync(vcpu, 1);
	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &state);
	EXPECT_EQ(word(&state, APIC_ISR + LOW / 32 * 16), BIT(LOW % 32));
	EXPECT_EQ(word(&state, APIC_IRR + SAME_CLASS / 32 * 16), BIT(SAME_CLASS % 32));
	EXPECT_EQ(word(&state, APIC_TPR), 0x21);
	EXPECT_EQ(word(&state, APIC_PPR), LOW & 0xf0);
	memcpy(empty.regs + APIC_ID, state.regs + APIC_ID, 4);
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &empty);
	state.regs[APIC_TPR] = 0x31;
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &state);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* Each sends to the other, and waits for the answer: spinning, and halted. */
static void volley(u64 rounds)
{
	u64 other = !guest_cpu_id();

	guest_handlers[LOW] = x2_eoi_handler;
	apic_x2_on();
	GUEST_SYNC(1);
	for (u64 i = 1; i <= rounds; i++) {
		if (!other || i > 1)
			x2_write(APIC_ICR, other << 32 | LOW | ICR_ASSERT);
		cli();
		while (apic_count(LOW) < i) {
			if (i & 1)
				asm volatile("sti; hlt; nop; cli" ::: "memory");
			else
				asm volatile("sti; nop; nop; cli" ::: "memory");
		}
	}
	if (other)
		x2_write(APIC_ICR, other << 32 | LOW | ICR_ASSERT);
}

CASE_TIMEOUT(volleys, "IPIs to a vCPU that runs and to one that halts arrive, none is lost", 60)
{
	struct vm *vm = apic_vm();
	u64 rounds = test_scale(2000);

	for (unsigned int i = 0; i < 2; i++)
		vcpu_run_to_sync(apic_vcpu(vm, volley, rounds), 1);
	apic_run_all(vm, 2);
	vm_free(vm);
}
