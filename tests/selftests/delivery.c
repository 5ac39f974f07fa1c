// SPDX-License-Identifier: GPL-2.0
/*
 * Events whose delivery does not succeed at once: the CPU leaves the guest in
 * the middle, because a page that it needs has no translation in the nested
 * tables, and the event must then be delivered again: once, not twice, and with
 * the state it started from. Before each round the host drops the translations
 * of everything that takes part.
 */
#include "guest.h"
#include "vm.h"

#define PORT	0x80
#define WINDOW	0x40000000UL

static u64 served, last_vector, last_error, last_rip, last_rsp;

static void serve(struct guest_frame *f)
{
	served++;
	last_vector = f->vector;
	last_error = f->error;
	last_rip = f->rip;
	last_rsp = f->rsp;
	if (f->vector == VEC_UD)
		f->rip += 2;
	if (f->vector == VEC_GP || f->vector == VEC_PF)
		f->rip = f->r12;
}

enum trigger { IRQ, NMI, INT_N, INT3, UD, GP, PF, TRIGGERS };

static const char *const trigger_name[] = {
	"interrupt", "NMI", "INT n", "INT3", "#UD", "#GP", "#PF"
};

static const u8 trigger_vector[] = { 0x70, VEC_NMI, 0x71, VEC_BP, VEC_UD, VEC_GP, VEC_PF };

static void pull(u64 trigger)
{
	switch (trigger) {
	case INT_N:
		asm volatile("int $0x71" ::: "memory");
		break;
	case INT3:
		asm volatile("int3" ::: "memory");
		break;
	case UD:
		asm volatile("ud2" ::: "memory");
		break;
	case GP:
		asm volatile("lea 1f(%%rip), %%r12; mov %w0, %%fs\n1:" :: "r"(0x1000) : "r12", "memory");
		break;
	case PF:
		asm volatile("lea 1f(%%rip), %%r12; movq %%rax, (%0)\n1:" :: "r"(WINDOW) : "r12", "memory");
		break;
	}
}

static void rounds(u64 trigger)
{
	u64 sum = 0, i;

	guest_handlers[trigger_vector[trigger]] = serve;
	if (trigger != NMI)
		guest_gate(trigger_vector[trigger])->ist = 3;
	guest_tss()->ist[2] = TEST_BASE + 0x10000;
	sti();
	for (i = 1; ; i++) {
		outb(PORT, 0);		/* the host drops translations, and injects */
		pull(trigger);
		sum += i;
		GUEST_ASSERT_EQ(READ_ONCE(served), i);
		GUEST_ASSERT_EQ(last_vector, trigger_vector[trigger]);
		GUEST_ASSERT_EQ(sum, i * (i + 1) / 2);
		GUEST_ASSERT_EQ(last_error, trigger == GP ? 0x1000 : trigger == PF ? PFERR_W : 0);
	}
}

static void drop(struct vm *vm, u64 gpa)
{
	mem_invalidate(vm->mem, gpa & ~(PAGE_SIZE - 1), PAGE_SIZE);
}

static void inject(struct vcpu *vcpu, enum trigger trigger)
{
	struct kvm_interrupt irq = { .irq = trigger_vector[IRQ] };

	if (trigger == IRQ)
		vcpu_ioctl(vcpu, KVM_INTERRUPT, &irq);
	if (trigger == NMI)
		vcpu_ioctl(vcpu, KVM_NMI, NULL);
}

/* which: bits of the list below */
static const u64 parts[] = {
	IDT_BASE, GDT_BASE, TSS_BASE, TEST_BASE + 0x10000 - 8, STACK_BASE + STACK_NMI - 8,
	STACK_BASE + STACK_MAIN - 64, PT_POOL_BASE,
};

static void run_rounds(enum trigger trigger, u32 which, unsigned int n)
{
	struct vcpu *vcpu = long_guest(rounds, trigger);

	for (unsigned int i = 0; i < n; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (vcpu->run->io.port != PORT) {
			struct ucall uc;

			test_diag("%s, parts 0x%x, round %u", trigger_name[trigger], which, i);
			vcpu_ucall(vcpu, &uc);
		}
		ASSERT_EQ(vcpu->run->io.port, PORT);
		inject(vcpu, trigger);
		for (unsigned int p = 0; p < ARRAY_SIZE(parts); p++)
			if (which & BIT(p))
				drop(vcpu->vm, parts[p]);
		if (which & BIT(ARRAY_SIZE(parts)))
			mem_invalidate(vcpu->vm->mem, 0, MEM_SIZE);
	}
	EXPECT_EQ(GUEST_VAR(vcpu->vm, served), n - 1);
	vm_free(vcpu->vm);
}

/* Bochs' SVM does not record that an INT n is in flight, but reports the event before it again. */
static bool int_n_is_lost(void)
{
	return test_on_machine("bochs-svm");
}

static void each_trigger(u32 which)
{
	for (unsigned int t = 0; t < TRIGGERS; t++)
		if (t != INT_N || !int_n_is_lost())
			run_rounds(t, which, test_scale(20) + 2);
}

CASE(idt, "events whose gate is in a page without translation are delivered once")
{
	each_trigger(BIT(0));
}

CASE(gdt, "the same for the descriptor of the code segment")
{
	each_trigger(BIT(1));
}

CASE(tss, "the same for the TSS")
{
	each_trigger(BIT(2));
}

CASE(stack, "the same for the handler's stack")
{
	each_trigger(BIT(3) | BIT(4) | BIT(5));
}

CASE(tables, "the same for the guest's page tables")
{
	each_trigger(BIT(6));
}

CASE(several, "the same for all of them at once")
{
	each_trigger(0x7f);
}

CASE(everything, "the same for all memory at once")
{
	each_trigger(BIT(ARRAY_SIZE(parts)));
}

static u64 user_int(u64 n)
{
	for (u64 i = 0; i < n; i++) {
		outb(PORT, 0);
		asm volatile("int $0x71" ::: "memory");
	}
	return served;
}

static void user_rounds(u64 n)
{
	guest_handlers[0x71] = serve;
	guest_gate(0x71)->type |= GATE_DPL3;
	GUEST_ASSERT_EQ(guest_user(user_int, n), n);
	GUEST_ASSERT_EQ(last_rsp & ~0xfffULL, STACK_BASE + STACK_USER - 0x1000);
}

CASE(user, "INT n from user mode: the TSS and the stack it names have no translation")
{
	REQUIRE(!int_n_is_lost(), "Bochs' SVM reports another event in place of an INT n in flight");
	unsigned int n = test_scale(50);
	struct vcpu *vcpu = long_guest(user_rounds, n);

	for (unsigned int i = 0; i < n; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		ASSERT_EQ(vcpu->run->io.port, PORT);
		drop(vcpu->vm, TSS_BASE);
		drop(vcpu->vm, STACK_BASE + STACK_RSP0 - 8);
		drop(vcpu->vm, IDT_BASE);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void one_event(u64 trigger)
{
	guest_handlers[trigger_vector[trigger]] = serve;
	if (trigger != NMI)
		guest_gate(trigger_vector[trigger])->ist = 3;
	guest_tss()->ist[2] = TEST_BASE + 0x10000;
	sti();
	outb(PORT, 0);
	pull(trigger);
	GUEST_SYNC(1);
}

static void expect_internal_error(struct vcpu *vcpu, enum trigger trigger)
{
	unsigned int exits = 0;

	/* KVM on SVM does not look why the CPU accessed the address. */
	if (test_is_kvm && test_host_is_amd())
		return;
	do {
		vcpu_run(vcpu);
	} while (vcpu->run->exit_reason == KVM_EXIT_INTR && exits++ < 100);
	if (vcpu->run->exit_reason != KVM_EXIT_INTERNAL_ERROR) {
		struct ucall uc;

		vcpu_describe(vcpu);
		vcpu_ucall(vcpu, &uc);
		test_diag("the guest served %llu", GUEST_VAR(vcpu->vm, served));
	}
	ASSERT(vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR, "%s: %s", trigger_name[trigger],
	       exit_name(vcpu->run->exit_reason));
	/* INT n and INT3 may be started over, as instructions, and then be what fails. */
	if ((trigger == INT_N || trigger == INT3) &&
	    vcpu->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION)
		return;
	EXPECT(vcpu->run->internal.suberror == KVM_INTERNAL_ERROR_DELIVERY_EV, "%s: suberror %u",
	       trigger_name[trigger], vcpu->run->internal.suberror);
}

CASE(idt_mmio, "an IDT in MMIO space gives KVM_EXIT_INTERNAL_ERROR (delivery)")
{
	REQUIRE(!(test_is_kvm && test_host_is_amd()), "KVM on SVM emulates what it finds at RIP");
	for (unsigned int t = 0; t < TRIGGERS; t++) {
		struct vcpu *vcpu = long_guest(one_event, t);
		struct kvm_sregs sregs;

		vcpu_run_to(vcpu, KVM_EXIT_IO);
		vcpu_sregs(vcpu, &sregs);
		sregs.idt.base = MMIO_BASE;
		vcpu_set_sregs(vcpu, &sregs);
		inject(vcpu, t);
		expect_internal_error(vcpu, t);
		vm_free(vcpu->vm);
	}
}

static void stack_in_device(u64 trigger)
{
	guest_handlers[trigger_vector[trigger]] = serve;
	guest_gate(trigger_vector[trigger])->ist = 3;
	guest_tss()->ist[2] = MMIO_BASE + 0x1000;
	sti();
	outb(PORT, 0);
	pull(trigger);
	GUEST_SYNC(1);
}

CASE(stack_mmio, "a handler's stack in MMIO space gives KVM_EXIT_INTERNAL_ERROR (delivery)")
{
	REQUIRE(!(test_is_kvm && test_host_is_amd()), "KVM on SVM emulates what it finds at RIP");
	for (unsigned int t = 0; t < TRIGGERS; t++) {
		struct vcpu *vcpu = long_guest(stack_in_device, t);

		vcpu_run_to(vcpu, KVM_EXIT_IO);
		inject(vcpu, t);
		expect_internal_error(vcpu, t);
		vm_free(vcpu->vm);
	}
}

CASE(recover, "after such an error the VM can be repaired and goes on")
{
	REQUIRE(!int_n_is_lost(), "Bochs' SVM reports another event in place of an INT n in flight");
	REQUIRE(!(test_is_kvm && test_host_is_amd()), "KVM on SVM emulates what it finds at RIP");
	struct vcpu *vcpu = long_guest(one_event, INT_N);
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vcpu_sregs(vcpu, &sregs);
	sregs.idt.base = MMIO_BASE;
	vcpu_set_sregs(vcpu, &sregs);
	expect_internal_error(vcpu, INT_N);
	sregs.idt.base = IDT_BASE;
	vcpu_set_sregs(vcpu, &sregs);
	/* The INT n was being delivered, and is: through the table that is there now. */
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events);
	vcpu_run_to_sync(vcpu, 1);
	EXPECT_EQ(GUEST_VAR(vcpu->vm, served), 1);
	vm_free(vcpu->vm);
}

static void iret_guest(u64 n)
{
	u64 result;

	for (u64 i = 0; i < n; i++) {
		outb(PORT, 0);
		/* IRET pops a frame from a page without translation */
		asm volatile("mov %%rsp, %%rcx; mov %1, %%rsp; push %2; push %%rcx; pushfq; push %3\n"
			     "lea 1f(%%rip), %0; push %0; outb %%al, $0x81; iretq\n1: mov %%rsp, %0"
			     : "=&r"(result) : "r"((u64)TEST_BASE + 0x20000), "i"(SEL_DATA), "i"(SEL_CODE64)
			     : "rcx", "memory");
		GUEST_ASSERT(result >= STACK_BASE && result < STACK_BASE + STACK_MAIN);
	}
}

CASE(iret, "IRET from a stack without translation")
{
	unsigned int n = test_scale(20);
	struct vcpu *vcpu = long_guest(iret_guest, n);

	for (unsigned int i = 0; i < n; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		ASSERT_EQ(vcpu->run->io.port, PORT);
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		ASSERT_EQ(vcpu->run->io.port, 0x81);
		drop(vcpu->vm, TEST_BASE + 0x20000 - 8);
		drop(vcpu->vm, GDT_BASE);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}
