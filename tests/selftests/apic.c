// SPDX-License-Identifier: GPL-2.0
/* One local APIC: registers, priorities, modes, its state, bad input. */
#include "apic.h"

#define LOW_VECTOR	0x41
#define HIGH_VECTOR	0x81
#define SAME_CLASS	0x8f
#define TIMER_VECTOR	0x61

static u64 order[16], orders;

static void note(u64 what)
{
	order[orders++ & 15] = what;
}

static void self(u8 vector)
{
	apic_write(APIC_ICR, vector | ICR_SELF | ICR_ASSERT);
}

static void reset_values(u64 arg)
{
	static const u16 lvts[] = { 0x320, 0x330, 0x340, 0x360, 0x370 };

	GUEST_ASSERT_EQ(apic_read(APIC_ID), 0);
	GUEST_ASSERT_EQ(apic_read(APIC_VERSION) & 0xff, 0x14);
	GUEST_ASSERT(apic_read(APIC_VERSION) >> 16 >= 5);
	GUEST_ASSERT_EQ(apic_read(APIC_TPR), 0);
	GUEST_ASSERT_EQ(apic_read(APIC_PPR), 0);
	GUEST_ASSERT_EQ(apic_read(APIC_LDR), 0);
	GUEST_ASSERT_EQ(apic_read(APIC_DFR), 0xffffffff);
	GUEST_ASSERT_EQ(apic_read(APIC_SVR), 0xff);
	for (unsigned int i = 0; i < 5; i++)
		GUEST_ASSERT_EQ(apic_read(lvts[i]), APIC_MASKED);
	/* The first vCPU's takes the 8259's interrupts. */
	GUEST_ASSERT_EQ(apic_read(APIC_LINT0), 0x700);
	GUEST_ASSERT_EQ(rdmsr(MSR_APIC_BASE), APIC_PAGE | APIC_BASE_EN | APIC_BASE_BSP);
	GUEST_ASSERT(cpuid(1).edx & BIT(9));
}

CASE(after_reset, "the registers after reset are the architecture's")
{
	apic_run_guest(reset_values, 0);
}

static void lint0_is(u64 value)
{
	GUEST_ASSERT_EQ(apic_read(APIC_LINT0), value);
}

static void lint0_after(u64 quirks, u64 value)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_DISABLE_QUIRKS, .args = { quirks } };
	struct vm *vm = apic_vm();
	struct vcpu *vcpu;

	vm_ioctl(vm, KVM_ENABLE_CAP, &cap);
	vcpu = apic_vcpu(vm, lint0_is, value);
	vcpu_run_to_done(vcpu);
	vm_free(vm);
}

CASE(quirk, "LINT0 takes the 8259's interrupts after reset, unless that quirk, and no other, is off")
{
	lint0_after(KVM_X86_QUIRK_CD_NW_CLEARED, 0x700);
	lint0_after(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED, APIC_MASKED);
}

static void bits(u64 arg)
{
	/* While the APIC is disabled its LVT entries stay masked. */
	apic_write(APIC_LVTT, TIMER_VECTOR);
	GUEST_ASSERT_EQ(apic_read(APIC_LVTT), TIMER_VECTOR | APIC_MASKED);
	apic_on();
	apic_write(APIC_LVTT, TIMER_VECTOR);
	GUEST_ASSERT_EQ(apic_read(APIC_LVTT), TIMER_VECTOR);
	apic_write(APIC_LVTERR, 0x33);
	apic_write(APIC_SVR, 0xff);
	GUEST_ASSERT_EQ(apic_read(APIC_LVTT), TIMER_VECTOR | APIC_MASKED);
	GUEST_ASSERT_EQ(apic_read(APIC_LVTERR), 0x33 | APIC_MASKED);
	apic_write(APIC_LDR, 0x12345678);
	GUEST_ASSERT_EQ(apic_read(APIC_LDR), 0x12000000);
	apic_write(APIC_DFR, 0);
	GUEST_ASSERT_EQ(apic_read(APIC_DFR), 0x0fffffff);
	apic_write(APIC_TDCR, 0xffffffff);
	GUEST_ASSERT_EQ(apic_read(APIC_TDCR), 0xb);
	apic_write(APIC_VERSION, 0);
	GUEST_ASSERT_EQ(apic_read(APIC_VERSION) & 0xff, 0x14);
	/* Two names of one register. */
	apic_write(APIC_TPR, 0x90);
	GUEST_ASSERT_EQ(read_cr8(), 9);
	GUEST_ASSERT_EQ(apic_read(APIC_PPR), 0x90);
	/* First: writes may not exit later, and QEMU's own CPU takes any value. */
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr8", "r"(16ULL));
	write_cr8(3);
	GUEST_ASSERT_EQ(apic_read(APIC_TPR), 0x30);
	for (u64 i = 0; i < 16; i++) {
		write_cr8(i ^ 5);
		write_cr8(i);
		GUEST_ASSERT_EQ(read_cr8(), i);
		GUEST_ASSERT_EQ(apic_read(APIC_TPR), i << 4);
		GUEST_ASSERT_EQ(apic_read(APIC_PPR), i << 4);
	}
	write_cr8(0);
}

CASE(writable_bits, "registers keep what can be written, and TPR is CR8")
{
	apic_run_guest(bits, 0);
}

static void in_service(struct guest_frame *frame)
{
	note(frame->vector);
	GUEST_ASSERT(apic_vector_set(APIC_ISR, frame->vector));
	GUEST_ASSERT(!apic_vector_set(APIC_IRR, frame->vector));
	GUEST_ASSERT_EQ(apic_read(APIC_PPR), frame->vector & 0xf0);
	apic_write(APIC_EOI, 0);
	GUEST_ASSERT(!apic_vector_set(APIC_ISR, frame->vector));
}

static void one_interrupt(u64 arg)
{
	guest_handlers[LOW_VECTOR] = in_service;
	apic_on();
	self(LOW_VECTOR);
	self(LOW_VECTOR);
	GUEST_ASSERT(apic_vector_set(APIC_IRR, LOW_VECTOR));
	GUEST_ASSERT(!apic_vector_set(APIC_TMR, LOW_VECTOR));
	GUEST_ASSERT_EQ(orders, 0);
	sti_nop_cli();
	GUEST_ASSERT_EQ(orders, 1);
	sti_nop_cli();
	GUEST_ASSERT_EQ(orders, 1);
	/* Level-triggered ones are remembered as such. */
	apic_write(APIC_ICR, LOW_VECTOR | ICR_SELF | ICR_ASSERT | ICR_LEVEL);
	sti_nop_cli();
	GUEST_ASSERT_EQ(orders, 2);
}

CASE(life_of_an_interrupt, "an interrupt goes from IRR to ISR and ends with EOI, once")
{
	apic_run_guest(one_interrupt, 0);
}

static void nesting(struct guest_frame *frame)
{
	note(frame->vector);
	if (frame->vector == LOW_VECTOR) {
		self(HIGH_VECTOR);
		sti_nop_cli();
	} else if (frame->vector == HIGH_VECTOR) {
		/* Of the same class, and higher: waits all the same. */
		self(SAME_CLASS);
		self(LOW_VECTOR + 1);
		sti_nop_cli();
	}
	note(frame->vector | 0x100);
	apic_write(APIC_EOI, 0);
}

static void priorities(u64 arg)
{
	static const u64 want[] = {
		LOW_VECTOR, HIGH_VECTOR, HIGH_VECTOR | 0x100, SAME_CLASS, SAME_CLASS | 0x100,
		LOW_VECTOR | 0x100, LOW_VECTOR + 1, (LOW_VECTOR + 1) | 0x100,
	};

	guest_handlers[LOW_VECTOR] = nesting;
	guest_handlers[LOW_VECTOR + 1] = nesting;
	guest_handlers[HIGH_VECTOR] = nesting;
	guest_handlers[SAME_CLASS] = nesting;
	apic_on();
	self(LOW_VECTOR);
	sti_nop_cli();
	cli();
	for (unsigned int i = 0; i < 8; i++)
		GUEST_ASSERT_EQ(order[i], want[i]);
	GUEST_ASSERT_EQ(orders, 8);
}

CASE(nests_by_class, "a higher class interrupts a handler, the same class waits for EOI")
{
	apic_run_guest(priorities, 0);
}

static void by_tpr(u64 arg)
{
	guest_handlers[LOW_VECTOR] = in_service;
	guest_handlers[HIGH_VECTOR] = in_service;
	apic_on();
	write_cr8(4);
	self(LOW_VECTOR);
	sti_nop_cli();
	GUEST_ASSERT_EQ(orders, 0);
	sti();
	write_cr8(3);
	cli();
	GUEST_ASSERT_EQ(orders, 1);
	apic_write(APIC_TPR, 0x80);
	self(HIGH_VECTOR);
	sti_nop_cli();
	GUEST_ASSERT_EQ(orders, 1);
	sti();
	apic_write(APIC_TPR, 0x70);
	cli();
	GUEST_ASSERT_EQ(orders, 2);
	/* Highest first. */
	apic_write(APIC_TPR, 0);
	self(LOW_VECTOR);
	self(HIGH_VECTOR);
	sti_nop_cli();
	cli();
	GUEST_ASSERT_EQ(orders, 4);
	GUEST_ASSERT_EQ(order[2], HIGH_VECTOR);
	GUEST_ASSERT_EQ(order[3], LOW_VECTOR);
}

CASE(tpr_holds_back, "TPR holds interrupts back, by either of its names")
{
	apic_run_guest(by_tpr, 0);
}

static void disabled(u64 arg)
{
	guest_handlers[LOW_VECTOR] = in_service;
	self(LOW_VECTOR);
	sti_nop_cli();
	apic_on();
	sti_nop_cli();
	GUEST_ASSERT_EQ(orders, 0);
}

CASE(disabled_takes_nothing, "an APIC that is disabled by software takes no interrupts")
{
	apic_run_guest(disabled, 0);
}

static void bad_vectors(u64 arg)
{
	guest_handlers[0x55] = apic_eoi_handler;
	apic_on();
	apic_write(APIC_LVTERR, 0x55);
	self(5);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(0x55), 1);
	GUEST_ASSERT_EQ(apic_read(APIC_ESR), 0);
	apic_write(APIC_ESR, 0);
	GUEST_ASSERT_EQ(apic_read(APIC_ESR), BIT(5));
	apic_write(APIC_ESR, 0);
	GUEST_ASSERT_EQ(apic_read(APIC_ESR), 0);
	/* No such register. */
	GUEST_ASSERT_EQ(apic_read(0x40), 0);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(0x55), 2);
	apic_write(APIC_ESR, 0);
	GUEST_ASSERT_EQ(apic_read(APIC_ESR), BIT(7));
}

CASE(errors, "illegal vectors and registers are errors, told once")
{
	REQUIRE(!test_is_kvm, "KVM's APIC finds no errors");
	apic_run_guest(bad_vectors, 0);
}

static void odd_accesses(u64 arg)
{
	apic_write(APIC_TPR, 0x50);
	*(volatile u8 *)(APIC_PAGE + APIC_TPR) = 0x20;
	*(volatile u16 *)(APIC_PAGE + APIC_TPR) = 0x20;
	*(volatile u32 *)(APIC_PAGE + APIC_TPR + 4) = 0x20;
	GUEST_ASSERT_EQ(apic_read(APIC_TPR), 0x50);
	GUEST_ASSERT_EQ(*(volatile u8 *)(APIC_PAGE + APIC_VERSION), 0x14);
}

CASE(odd_sizes, "registers are written whole or not at all")
{
	apic_run_guest(odd_accesses, 0);
}

static void x2_registers(u64 arg)
{
	u64 base = rdmsr(MSR_APIC_BASE), value;

	GUEST_ASSERT_EQ(rdmsr_try(APIC_X2_BASE + 2, &value), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_APIC_BASE, (base & ~APIC_BASE_EN) | APIC_BASE_EXTD), VEC_GP);
	apic_write(APIC_TPR, 0x20);
	apic_x2_on();
	GUEST_ASSERT_EQ(x2_read(APIC_ID), 0);
	GUEST_ASSERT_EQ(x2_read(APIC_LDR), 1);
	GUEST_ASSERT_EQ(x2_read(APIC_TPR), 0x20);
	x2_write(APIC_TPR, 0);
	/* Nothing but MSRs, now. */
	GUEST_ASSERT_EQ(apic_read(APIC_ID), 0xffffffff);
	apic_write(APIC_TPR, 0x50);
	GUEST_ASSERT_EQ(x2_read(APIC_TPR), 0);
	x2_write(APIC_ICR, 0x1234567800000000ULL | LOW_VECTOR);
	GUEST_ASSERT_EQ(x2_read(APIC_ICR), 0x1234567800000000ULL | LOW_VECTOR);
	GUEST_ASSERT_EQ(rdmsr_try(APIC_X2_BASE + APIC_ICR2 / 16, &value), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(APIC_X2_BASE + APIC_DFR / 16, &value), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(APIC_X2_BASE + APIC_EOI / 16, &value), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(APIC_X2_BASE + APIC_ID / 16, 0), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(APIC_X2_BASE + APIC_LDR / 16, 0), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(APIC_X2_BASE + APIC_VERSION / 16, 0), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(APIC_X2_BASE + APIC_ESR / 16, 1), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(APIC_X2_BASE + APIC_SVR / 16, BIT64(32)), VEC_GP);
	GUEST_ASSERT_EQ(rdmsr_try(0x8ff, &value), VEC_GP);
	/* Out of it only through off. */
	GUEST_ASSERT_EQ(wrmsr_try(MSR_APIC_BASE, base), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_APIC_BASE, base & ~APIC_BASE_EN), NO_VECTOR);
	GUEST_ASSERT(!(cpuid(1).edx & BIT(9)));
	GUEST_ASSERT_EQ(wrmsr_try(MSR_APIC_BASE, base | APIC_BASE_EXTD), VEC_GP);
	GUEST_ASSERT_EQ(wrmsr_try(MSR_APIC_BASE, base), NO_VECTOR);
	GUEST_ASSERT_EQ(apic_read(APIC_ID), 0);
}

CASE(x2apic_registers, "x2APIC mode has its registers and its ways in and out")
{
	apic_run_guest(x2_registers, 0);
}

static void x2_interrupts(u64 arg)
{
	guest_handlers[LOW_VECTOR] = x2_eoi_handler;
	apic_x2_on();
	wrmsr(0x83f, LOW_VECTOR);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), 1);
	x2_write(APIC_ICR, LOW_VECTOR | ICR_ASSERT);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), 2);
	x2_write(APIC_ICR, BIT64(32) | LOW_VECTOR | ICR_ASSERT | ICR_LOGICAL);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), 3);
	x2_write(APIC_ICR, 0xffffffffULL << 32 | LOW_VECTOR | ICR_ASSERT);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), 4);
	x2_write(APIC_ICR, 2ULL << 32 | LOW_VECTOR | ICR_ASSERT);
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), 4);
	GUEST_ASSERT_EQ(wrmsr_try(0x83f, 0x100), VEC_GP);
}

CASE(x2apic_interrupts, "x2APIC mode sends by self IPI and by ICR, to whom it says")
{
	apic_run_guest(x2_interrupts, 0);
}

#define MSR_PV_EOI	0x4b564d04

static volatile u32 pv_eoi;
static u64 saved_ends;

/* Ends it the cheap way where that is offered. */
static void pv_handler(struct guest_frame *frame)
{
	u8 bit;

	asm volatile("btrl $0, %0; setc %1" : "+m"(pv_eoi), "=q"(bit) :: "memory", "cc");
	if (bit)
		saved_ends++;
	else
		apic_write(APIC_EOI, 0);
}

static void pv_nesting(struct guest_frame *frame)
{
	/* Offered; then another one comes, for which the end will have to be seen. */
	self(LOW_VECTOR);
	GUEST_ASSERT_EQ(pv_eoi & 1, 0);
	note(frame->vector);
	apic_write(APIC_EOI, 0);
}

static void pv_guest(u64 n)
{
	guest_handlers[LOW_VECTOR] = pv_handler;
	guest_handlers[HIGH_VECTOR] = pv_nesting;
	apic_on();
	GUEST_ASSERT_EQ(wrmsr_try(MSR_PV_EOI, ((unsigned long)&pv_eoi + 2) | 1), VEC_GP);
	wrmsr(MSR_PV_EOI, (unsigned long)&pv_eoi | 1);
	for (u64 i = 1; i <= n; i++) {
		self(LOW_VECTOR);
		sti_nop_cli();
		GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), i);
		GUEST_ASSERT_EQ(apic_read(APIC_PPR), 0);
	}
	GUEST_ASSERT(saved_ends);
	/* Two at once: the first one's end must let the second one in. */
	self(HIGH_VECTOR);
	sti_nop_cli();
	sti_nop_cli();
	GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), n + 1);
	GUEST_ASSERT_EQ(apic_count(HIGH_VECTOR), 1);
	GUEST_ASSERT_EQ(apic_read(APIC_PPR), 0);
	wrmsr(MSR_PV_EOI, 0);
	saved_ends = 0;
	self(LOW_VECTOR);
	sti_nop_cli();
	GUEST_ASSERT_EQ(saved_ends, 0);
	GUEST_ASSERT_EQ(apic_read(APIC_PPR), 0);
	GUEST_SYNC(1);
}

CASE(cheap_ends, "interrupts end by a bit in memory, where nothing follows from their end")
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), pv_guest, test_scale(200));

	vcpu_run_to_sync(vcpu, 1);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, pv_eoi) & 1, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static u32 *state_reg(struct kvm_lapic_state *state, u32 reg)
{
	return (u32 *)(state->regs + reg);
}

static void fill_state(u64 arg)
{
	guest_handlers[LOW_VECTOR] = in_service;
	guest_handlers[TIMER_VECTOR] = in_service;
	apic_on();
	apic_write(APIC_LVTT, TIMER_VECTOR);
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LDR, 0x55000000);
	apic_write(APIC_TMICT, 500000000);
	self(LOW_VECTOR);
	GUEST_SYNC(1);
	sti_nop_cli();
	GUEST_ASSERT_EQ(order[0], LOW_VECTOR);
	while (orders < 2)
		sti_hlt();
	cli();
	GUEST_ASSERT_EQ(order[1], TIMER_VECTOR);
	GUEST_ASSERT_EQ(apic_read(APIC_LDR), 0x55000000);
}

CASE(state_round_trip, "what KVM_GET_LAPIC saves KVM_SET_LAPIC brings to another machine")
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), fill_state, 0), *other;
	struct kvm_lapic_state state, again, zero = { };
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	void *memory;

	vcpu_run_to_sync(vcpu, 1);
	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &state);
	EXPECT_EQ(*state_reg(&state, APIC_LDR), 0x55000000);
	EXPECT_EQ(*state_reg(&state, APIC_IRR + 0x20), BIT(LOW_VECTOR % 32));
	EXPECT(*state_reg(&state, APIC_TMCCT), "the count is saved");
	vcpu_regs(vcpu, &regs);
	vcpu_sregs(vcpu, &sregs);
	memory = malloc(MEM_SIZE);
	memcpy(memory, vm_host(vcpu->vm, 0), MEM_SIZE);
	vm_free(vcpu->vm);

	other = apic_vcpu(apic_vm(), fill_state, 0);
	memcpy(vm_host(other->vm, 0), memory, MEM_SIZE);
	free(memory);
	vcpu_set_sregs(other, &sregs);
	vcpu_set_regs(other, &regs);
	vcpu_ioctl(other, KVM_SET_LAPIC, &zero);
	vcpu_ioctl(other, KVM_SET_LAPIC, &state);
	vcpu_ioctl(other, KVM_GET_LAPIC, &again);
	EXPECT(*state_reg(&again, APIC_TMCCT) <= *state_reg(&state, APIC_TMCCT), "it goes on");
	*state_reg(&again, APIC_TMCCT) = *state_reg(&state, APIC_TMCCT);
	EXPECT_EQ(memcmp(&again, &state, sizeof(state)), 0);
	/* The exit that saved the state was an OUT that is still to be completed. */
	regs.rip += 1;
	vcpu_set_regs(other, &regs);
	vcpu_run_to_done(other);
	vm_free(other->vm);
}

static void nothing(u64 arg)
{
}

CASE(bad_input, "what makes no sense gives KVM's errors")
{
	struct kvm_interrupt irq = { LOW_VECTOR };
	struct kvm_mp_state mp = { 0 };
	struct kvm_lapic_state state;
	struct vm *vm = vm_new(GUEST_LONG);
	struct vcpu *vcpu;

	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_BOOT_CPU_ID, 0UL), 0);
	vcpu = vcpu_new(vm, nothing, 0);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_LAPIC, &state), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_LAPIC, &state), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0), -EINVAL);
	EXPECT_EQ(__vm_ioctl(vm, KVM_SET_BOOT_CPU_ID, 0UL), -EBUSY);
	mp.mp_state = KVM_MP_STATE_HALTED;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &mp), -EINVAL);
	EXPECT_EQ(apic_mp_state(vcpu), KVM_MP_STATE_RUNNABLE);
	EXPECT_EQ(__vcpu_set_msr(vcpu, 0x802, 0), 0);
	vcpu_run_to_done(vcpu);
	vm_free(vm);

	vm = apic_vm();
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0), -EEXIST);
	vcpu = vcpu_new(vm, nothing, 0);
	EXPECT_EQ(__vm_ioctl(vm, KVM_CREATE_IRQCHIP, 0), -EEXIST);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_INTERRUPT, &irq), -ENXIO);
	irq.irq = 256;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_INTERRUPT, &irq), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_GET_LAPIC, NULL), -EFAULT);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_LAPIC, NULL), -EFAULT);
	for (mp.mp_state = 0; mp.mp_state < 5; mp.mp_state++)
		EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &mp), 0);
	mp.mp_state = 77;
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &mp), -EINVAL);
	apic_set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE);
	/* No mode at all. */
	EXPECT_EQ(__vcpu_set_msr(vcpu, MSR_APIC_BASE, APIC_PAGE | APIC_BASE_EXTD), 0);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to_done(vcpu);
	EXPECT_EQ(vcpu->run->ready_for_interrupt_injection, 1);
	vm_free(vm);
}

/* STI is the last instruction of one large page, HLT the first of the next. */
#define NEXT_PAGE	0xa00000UL

static void halts_on_next_page(u64 rounds)
{
	guest_handlers[LOW_VECTOR] = apic_eoi_handler;
	apic_on();
	for (u64 i = 1; i <= rounds; i++) {
		self(LOW_VECTOR);
		GUEST_SYNC(1);
		((void (*)(void))(NEXT_PAGE - 1))();
		GUEST_ASSERT_EQ(apic_count(LOW_VECTOR), i);
	}
}

CASE(exit_before_halt, "an exit between STI and HLT does not let an interrupt come before the halt")
{
	static const u8 code[] = { 0xfb, 0xf4, 0xfa, 0xc3 };	/* sti; hlt; cli; ret */
	const unsigned int rounds = 5;
	struct vcpu *vcpu = apic_vcpu(apic_vm(), halts_on_next_page, rounds);

	memcpy(vm_host(vcpu->vm, NEXT_PAGE - 1), code, sizeof(code));
	for (unsigned int i = 0; i < rounds; i++) {
		vcpu_run_to_sync(vcpu, 1);
		/* So that fetching HLT exits. */
		mem_invalidate(vcpu->vm->mem, NEXT_PAGE, 2 * MB);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(noise_as_state, "any state that userspace sets leaves the host alive")
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), nothing, 0);
	struct kvm_lapic_state state;
	u64 seed = 1;

	REQUIRE(!test_is_kvm, "not KVM's promise to us");
	for (unsigned long i = test_scale(200); i; i--) {
		for (unsigned int j = 0; j < sizeof(state.regs); j += 8)
			*(u64 *)(state.regs + j) = test_random(&seed) & test_random(&seed);
		vcpu_ioctl(vcpu, KVM_SET_LAPIC, &state);
		vcpu_call(vcpu, nothing, 0);
		vcpu_run_to_done(vcpu);
		vcpu_ioctl(vcpu, KVM_GET_LAPIC, &state);
	}
	vm_free(vcpu->vm);
}
