// SPDX-License-Identifier: GPL-2.0
/* KVM_INTERRUPT and KVM_NMI: delivery, masking, windows, shadows, priorities. */
#include "guest.h"
#include "vm.h"

#define WINDOW	0x40000000UL
#define RAM	0x900000UL
#define PORT	0x80

static u64 log_vector[64], log_rip[64], log_n;

static void record(struct guest_frame *f)
{
	if (log_n < ARRAY_SIZE(log_vector)) {
		log_vector[log_n] = f->vector;
		log_rip[log_n] = f->rip;
	}
	log_n++;
}

static void all_handlers(void)
{
	for (unsigned int v = 32; v < 256; v++)
		if (v != VECTOR_USER_EXIT)
			guest_handlers[v] = record;
	guest_handlers[VEC_NMI] = record;
}

static int __interrupt(struct vcpu *vcpu, u32 vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return __vcpu_ioctl(vcpu, KVM_INTERRUPT, &irq);
}

static void interrupt(struct vcpu *vcpu, u32 vector)
{
	ASSERT_EQ(__interrupt(vcpu, vector), 0);
}

static void wait_in_hlt(u64 arg)
{
	all_handlers();
	GUEST_SYNC(1);
	for (u64 i = 0; i < arg; i++) {
		sti_hlt();
		cli();
		GUEST_ASSERT_EQ(log_n, i + 1);
	}
	GUEST_SYNC(2, log_vector[0]);
}

CASE(hlt_ends, "an interrupt ends HLT; the next one too")
{
	struct vcpu *vcpu = long_guest(wait_in_hlt, 5);

	vcpu_run_to_sync(vcpu, 1);
	for (u32 i = 0; i < 5; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_HLT);
		EXPECT_EQ(vcpu->run->if_flag, 1);
		EXPECT_EQ(vcpu->run->ready_for_interrupt_injection, 1);
		interrupt(vcpu, 0x30 + i);
	}
	vcpu_run_to_sync(vcpu, 2);
	for (u32 i = 0; i < 5; i++)
		EXPECT_EQ(GUEST_VAR(vcpu->vm, log_vector[i]), 0x30 + i);
	vm_free(vcpu->vm);
}

static void every_vector(u64 arg)
{
	all_handlers();
	sti();
	for (;;)
		outb(PORT, 0);
}

CASE(vectors, "every vector from 32 to 255 arrives")
{
	struct vcpu *vcpu = long_guest(every_vector, 0);

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	for (u32 v = 32; v < 256; v++) {
		if (v == VECTOR_USER_EXIT)
			continue;
		GUEST_VAR(vcpu->vm, log_n) = 0;
		ASSERT(vcpu->run->ready_for_interrupt_injection, "vector %u", v);
		interrupt(vcpu, v);
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		ASSERT_EQ(vcpu->run->io.port, PORT);
		EXPECT_EQ(GUEST_VAR(vcpu->vm, log_n), 1);
		EXPECT_EQ(GUEST_VAR(vcpu->vm, log_vector[0]), v);
	}
	vm_free(vcpu->vm);
}

static void masked(u64 arg)
{
	all_handlers();
	cli();
	GUEST_SYNC(1);
	outb(PORT, 1);
	GUEST_ASSERT_EQ(log_n, 0);
	asm volatile("sti; nop; nop" ::: "memory");
	GUEST_ASSERT_EQ(READ_ONCE(log_n), 1);
	cli();
	GUEST_SYNC(2);
}

CASE(window, "an interrupt window opens when the guest sets IF")
{
	struct vcpu *vcpu = long_guest(masked, 0);

	vcpu_run_to_sync(vcpu, 1);
	EXPECT_EQ(vcpu->run->if_flag, 0);
	EXPECT_EQ(vcpu->run->ready_for_interrupt_injection, 0);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.port, PORT);
	vcpu_run_to(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(vcpu->run->ready_for_interrupt_injection, 1);
	EXPECT_EQ(vcpu->run->if_flag, 1);
	vcpu->run->request_interrupt_window = 0;
	interrupt(vcpu, 0x55);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, log_vector[0]), 0x55);
	vm_free(vcpu->vm);
}

static void open_now(u64 arg)
{
	all_handlers();
	sti();
	outb(PORT, 1);
	outb(PORT, 2);
}

CASE(window_open, "a window that is open already ends KVM_RUN at once")
{
	struct vcpu *vcpu = long_guest(open_now, 0);

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->ready_for_interrupt_injection, 1);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(*((u8 *)vcpu->run + vcpu->run->io.data_offset), 2);
	vm_free(vcpu->vm);
}

static void sti_shadow(u64 arg)
{
	u64 at;

	all_handlers();
	GUEST_SYNC(1);
	/* The OUT is in the shadow of STI: the host injects there, delivery is after it. */
	asm volatile("lea 1f(%%rip), %0; sti; outb %%al, $0x80\n1: nop; cli" : "=&r"(at) :: "memory");
	GUEST_ASSERT_EQ(READ_ONCE(log_n), 1);
	GUEST_ASSERT_EQ(log_rip[0], at);
}

CASE(sti_delays, "no interrupt in the shadow of STI, the window opens behind it")
{
	struct vcpu *vcpu = long_guest(sti_shadow, 0);
	struct kvm_regs regs;

	vcpu_run_to_sync(vcpu, 1);
	vcpu->run->request_interrupt_window = 1;
	/* Is the OUT in the shadow reported first? Then the window. */
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.port, PORT);
	vcpu_run_to(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu_regs(vcpu, &regs);
	EXPECT_EQ(*(u8 *)vm_host(vcpu->vm, regs.rip), 0x90);
	vcpu->run->request_interrupt_window = 0;
	interrupt(vcpu, 0x61);
	vcpu_run_to_done(vcpu);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, log_vector[0]), 0x61);
	vm_free(vcpu->vm);
}

static void mov_ss_shadow(u64 arg)
{
	u64 at;

	all_handlers();
	GUEST_SYNC(1);
	asm volatile("mov %%ss, %%ecx; sti; nop; nop; mov %%ecx, %%ss; outb %%al, $0x80\n"
		     "1: lea 1b(%%rip), %0; cli" : "=&r"(at) :: "rcx", "memory");
	GUEST_ASSERT_EQ(READ_ONCE(log_n), 1);
}

CASE(mov_ss, "no interrupt in the shadow of MOV SS")
{
	struct vcpu *vcpu = long_guest(mov_ss_shadow, 0);

	vcpu_run_to_sync(vcpu, 1);
	/* Leaves in the shadow of MOV SS: not ready, although IF is set. */
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.port, PORT);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	interrupt(vcpu, 0x62);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(bad, "KVM_INTERRUPT: vectors above 255 are EINVAL, and disturb nothing")
{
	struct vcpu *vcpu = long_guest(wait_in_hlt, 1);

	vcpu_run_to_sync(vcpu, 1);
	vcpu_run_to(vcpu, KVM_EXIT_HLT);
	EXPECT_EQ(__interrupt(vcpu, 256), -EINVAL);
	EXPECT_EQ(__interrupt(vcpu, ~0U), -EINVAL);
	EXPECT_EQ(__vcpu_ioctl(vcpu, KVM_INTERRUPT, (void *)1), -EFAULT);
	EXPECT_EQ(__interrupt(vcpu, 0x44), 0);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, log_vector[0]), 0x44);
	vm_free(vcpu->vm);
}

static void nmi_guest(u64 arg)
{
	all_handlers();
	cli();
	GUEST_SYNC(1);
	outb(PORT, 1);
	GUEST_ASSERT_EQ(READ_ONCE(log_n), 1);
	GUEST_ASSERT_EQ(log_vector[0], VEC_NMI);
	hlt();
	GUEST_ASSERT_EQ(READ_ONCE(log_n), 2);
	GUEST_SYNC(2);
}

static void nmi(struct vcpu *vcpu)
{
	vcpu_ioctl(vcpu, KVM_NMI, NULL);
}

CASE(nmi_basic, "an NMI arrives with interrupts masked, and ends HLT")
{
	struct vcpu *vcpu = long_guest(nmi_guest, 0);

	vcpu_run_to_sync(vcpu, 1);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	nmi(vcpu);
	vcpu_run_to(vcpu, KVM_EXIT_HLT);
	nmi(vcpu);
	vcpu_run_to_sync(vcpu, 2);
	vm_free(vcpu->vm);
}

static u64 nesting, deepest;

static void nmi_nested(struct guest_frame *f)
{
	nesting++;
	if (nesting > deepest)
		deepest = nesting;
	record(f);
	outb(PORT, 0x10 + log_n);
	outb(PORT, 0x20 + log_n);
	nesting--;
}

static void nmi_mask_guest(u64 arg)
{
	all_handlers();
	guest_handlers[VEC_NMI] = nmi_nested;
	GUEST_SYNC(1);
	cpu_relax();
	GUEST_SYNC(2, log_n, deepest);
}

CASE(nmi_masked, "no NMI inside an NMI handler, until its IRET; more than one are merged")
{
	struct vcpu *vcpu = long_guest(nmi_mask_guest, 0);
	struct ucall uc;

	vcpu_run_to_sync(vcpu, 1);
	nmi(vcpu);
	vcpu_run_to(vcpu, KVM_EXIT_IO);			/* 0x11: in the handler */
	nmi(vcpu);
	nmi(vcpu);
	nmi(vcpu);
	vcpu_run_to(vcpu, KVM_EXIT_IO);			/* 0x21: still the first */
	EXPECT_EQ(*((u8 *)vcpu->run + vcpu->run->io.data_offset), 0x21);
	vcpu_run_to(vcpu, KVM_EXIT_IO);			/* 0x12: the second */
	EXPECT_EQ(*((u8 *)vcpu->run + vcpu->run->io.data_offset), 0x12);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 2);
	EXPECT_EQ(uc.args[1], 2);
	EXPECT_EQ(uc.args[2], 1);
	vm_free(vcpu->vm);
}

static void nmi_then_irq(struct guest_frame *f)
{
	record(f);
}

static void both_guest(u64 arg)
{
	all_handlers();
	guest_handlers[VEC_NMI] = nmi_then_irq;
	sti();
	outb(PORT, 1);
	cpu_relax();
	cli();
	GUEST_ASSERT_EQ(READ_ONCE(log_n), 2);
	GUEST_SYNC(2);
}

CASE(nmi_and_irq, "an NMI and an interrupt at the same time both arrive")
{
	struct vcpu *vcpu = long_guest(both_guest, 0);

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	nmi(vcpu);
	interrupt(vcpu, 0x70);
	vcpu_run_to_sync(vcpu, 2);
	u64 a = GUEST_VAR(vcpu->vm, log_vector[0]), b = GUEST_VAR(vcpu->vm, log_vector[1]);

	EXPECT((a == VEC_NMI && b == 0x70) || (a == 0x70 && b == VEC_NMI), "%llu %llu", a, b);
	vm_free(vcpu->vm);
}

static void faulting_nmi(struct guest_frame *f)
{
	record(f);
	/* An exception within, whose IRET must not end the masking too early for us */
	GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
}

static void nmi_fault_guest(u64 arg)
{
	all_handlers();
	guest_handlers[VEC_NMI] = faulting_nmi;
	GUEST_SYNC(1);
	GUEST_SYNC(2);
}

CASE(nmi_fault, "an exception inside the NMI handler is served")
{
	struct vcpu *vcpu = long_guest(nmi_fault_guest, 0);

	vcpu_run_to_sync(vcpu, 1);
	nmi(vcpu);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, log_n), 1);
	vm_free(vcpu->vm);
}

static void user_loop_handler(struct guest_frame *f)
{
	GUEST_ASSERT_EQ(f->cs, SEL_USER64);
	GUEST_ASSERT_EQ(f->ss, SEL_USER_DATA);
	record(f);
}

static u64 user_wait(u64 arg)
{
	outb(PORT, 1);
	while (!READ_ONCE(log_n))
		cpu_relax();
	return 1;
}

static void allow_if(struct guest_frame *f)
{
	f->rflags |= FLAG_IF;
}

static u64 user_with_if(u64 arg)
{
	asm volatile("int $0x81" ::: "memory");
	return user_wait(arg);
}

static void user_irq_guest(u64 arg)
{
	guest_handlers[0x81] = allow_if;
	guest_gate(0x81)->type |= GATE_DPL3;
	guest_handlers[0x50] = user_loop_handler;
	GUEST_ASSERT_EQ(guest_user(user_with_if, 0), 1);
}

CASE(user, "an interrupt in user mode switches to the stack of the TSS and back")
{
	struct vcpu *vcpu = long_guest(user_irq_guest, 0);

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT(vcpu->run->io.port == PORT, "port %x", vcpu->run->io.port);
	EXPECT_EQ(vcpu->run->ready_for_interrupt_injection, 1);
	interrupt(vcpu, 0x50);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static u64 sum_in_loop(u64 n)
{
	u64 sum = 0;

	for (u64 i = 0; i < n; i++) {
		sum = sum * 3 + i;
		if (!(i & 15))
			outb(PORT, 0);
	}
	return sum;
}

static void loop_guest(u64 n)
{
	all_handlers();
	sti();
	u64 sum = sum_in_loop(n);

	cli();
	GUEST_SYNC(2, sum, log_n);
}

CASE(storm, "interrupts at every exit leave the interrupted computation alone")
{
	unsigned long n = test_scale(20000);
	struct vcpu *vcpu = long_guest(loop_guest, n);
	u64 sum = 0, sent = 0;
	struct ucall uc;

	for (u64 i = 0; i < n; i++)
		sum = sum * 3 + i;
	for (;;) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (vcpu_ucall(vcpu, &uc))
			break;
		if (vcpu->run->ready_for_interrupt_injection) {
			interrupt(vcpu, 0x20 + sent % 0x80);
			sent++;
		}
	}
	EXPECT_EQ(uc.args[1], sum);
	EXPECT_EQ(uc.args[2], sent);
	ASSERT(sent > n / 32, "%llu", sent);
	vm_free(vcpu->vm);
}

static void tpr_guest(u64 arg)
{
	write_cr8(5);
	GUEST_ASSERT_EQ(read_cr8(), 5);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(read_cr8(), 9);
	write_cr8(0);
	GUEST_SYNC(2);
}

CASE(cr8, "CR8 is reported in and taken from struct kvm_run, without an APIC in the kernel")
{
	struct vcpu *vcpu = long_guest(tpr_guest, 0);
	struct ucall uc;

	/* KVM leaves for userspace when the guest lowers it. */
	vcpu_run(vcpu);
	while (vcpu->run->exit_reason == KVM_EXIT_SET_TPR)
		vcpu_run(vcpu);
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(vcpu->run->cr8, 5);
	vcpu->run->cr8 = 9;
	do {
		vcpu_run(vcpu);
	} while (vcpu->run->exit_reason == KVM_EXIT_SET_TPR);
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[0], 2);
	EXPECT_EQ(vcpu->run->cr8, 0);
	vm_free(vcpu->vm);
}

static void iret_shadow(u64 arg)
{
	all_handlers();
	/* POPF enables at once: no shadow */
	GUEST_SYNC(1);
	write_flags(read_flags() | FLAG_IF);
	cpu_relax();
	cli();
	GUEST_SYNC(2);
}

CASE(popf, "POPF opens the window as well")
{
	struct vcpu *vcpu = long_guest(iret_shadow, 0);

	vcpu_run_to_sync(vcpu, 1);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	vcpu->run->request_interrupt_window = 0;
	interrupt(vcpu, 0x33);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, log_n), 1);
	vm_free(vcpu->vm);
}
