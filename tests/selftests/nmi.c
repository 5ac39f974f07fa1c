// SPDX-License-Identifier: GPL-2.0
/*
 * NMIs that must wait for an instruction: one in the shadow of MOV SS, or the
 * IRET of the handler before. Hardware that does not report these moments is
 * helped with a single step; neither the guest's flags, nor what it stores of
 * them, may show it.
 */
#include "guest.h"
#include "vm.h"

#define PORT	0x80

enum { NOP, PUSHF, POPF, INT3, UD2, SYSCALL, IRET, LOAD, KINDS };

static const char *const kind_name[] = {
	"NOP", "PUSHF", "POPF", "INT3", "UD2", "SYSCALL", "IRET", "a load"
};

static u64 nmis, nmi_rip, nmi_flags[2], traps, trap_flags, stored_flags, flags_after;

static void on_nmi(struct guest_frame *f)
{
	nmi_rip = f->rip;
	nmi_flags[nmis & 1] = f->rflags;
	nmis++;
}

static void on_trap(struct guest_frame *f)
{
	traps++;
	trap_flags = f->rflags;
	if (f->vector == VEC_UD)
		f->rip += 2;
}

static void on_db(struct guest_frame *f)
{
	traps++;
	f->rflags &= ~FLAG_TF;
}

/* OUT, and the host makes what follows stand in a shadow; then the instruction, and a landing. */
#define SHADOWED(before, insn, after)						\
	asm volatile(before "\n\txor %%eax, %%eax\n\toutb %%al, $0x80\n\t"	\
		     "1: " insn "\n\t2: nop\n\t" after "\n\t"			\
		     "lea 1b(%%rip), %0\n\tlea 2b(%%rip), %1"			\
		     : "=&r"(start), "=&r"(end), "=m"(stored_flags)		\
		     :: "rax", "rcx", "rdx", "r11", "memory", "cc")

static void shadowed(u64 kind)
{
	u64 start = 0, end = 0;

	guest_handlers[VEC_NMI] = on_nmi;
	guest_handlers[VEC_BP] = on_trap;
	guest_handlers[VEC_UD] = on_trap;
	switch (kind) {
	case NOP:
		SHADOWED("", "nop", "");
		break;
	case PUSHF:
		SHADOWED("", "pushfq", "popq %2");
		break;
	case POPF:
		SHADOWED("pushfq", "popfq", "");
		break;
	case INT3:
		SHADOWED("", "int3", "");
		break;
	case UD2:
		SHADOWED("", "ud2", "");
		break;
	case SYSCALL:
		SHADOWED("lea 2f(%%rip), %%rax\n\tmov %%rax, %%rdx\n\tshr $32, %%rdx\n\t"
			 "mov $0xc0000082, %%ecx\n\twrmsr\n\t"
			 "mov $0xc0000081, %%ecx\n\txor %%eax, %%eax\n\tmov $8, %%edx\n\twrmsr\n\t"
			 "mov $0xc0000084, %%ecx\n\txor %%edx, %%edx\n\twrmsr",
			 "syscall", "mov %%r11, %2");
		break;
	case IRET:
		SHADOWED("mov %%rsp, %%rax\n\tpushq $0x10\n\tpushq %%rax\n\tpushfq\n\tpushq $8\n\t"
			 "lea 2f(%%rip), %%rax\n\tpushq %%rax", "iretq", "");
		break;
	case LOAD:
		SHADOWED("", "mov traps(%%rip), %%rax", "");
		break;
	}
	asm volatile("pushfq; popq %0" : "=m"(flags_after));
	GUEST_SYNC(1, start, end);
}

/* The OUT is done, and nothing after it. */
static void finish_out(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	ASSERT_EQ(__vcpu_run(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
}

static void run_shadowed(unsigned int kind)
{
	struct vcpu *vcpu = long_guest(shadowed, kind);
	struct kvm_vcpu_events events;
	struct vm *vm = vcpu->vm;
	struct ucall uc;

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu->run->io.port, PORT);
	finish_out(vcpu);
	vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events);
	events.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
	events.flags = KVM_VCPUEVENT_VALID_SHADOW;
	vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events);
	vcpu_ioctl(vcpu, KVM_NMI, NULL);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	u64 start = uc.args[1], end = uc.args[2], rip = GUEST_VAR(vm, nmi_rip);

	test_diag("%s: NMI at %+lld, instruction of %llu bytes", kind_name[kind], (s64)(rip - start),
		  end - start);
	EXPECT_EQ(GUEST_VAR(vm, nmis), 1);
	EXPECT_EQ(GUEST_VAR(vm, nmi_flags[0]) & FLAG_TF, 0);
	EXPECT_EQ(GUEST_VAR(vm, flags_after) & FLAG_TF, 0);
	EXPECT_EQ(GUEST_VAR(vm, stored_flags) & FLAG_TF, 0);
	EXPECT_EQ(GUEST_VAR(vm, trap_flags) & FLAG_TF, 0);
	EXPECT_EQ(GUEST_VAR(vm, traps), kind == INT3 || kind == UD2);
	/* What does not touch the stack keeps the NMI off until it is done. */
	if (kind == NOP || kind == LOAD)
		EXPECT_EQ(rip, end);
	vm_free(vm);
}

CASE(shadow, "an NMI waits for the instruction in the shadow of MOV SS")
{
	run_shadowed(NOP);
	run_shadowed(LOAD);
}

CASE(shadow_flags, "the same for instructions that store, load or push the flags: they are clean")
{
	REQUIRE(!test_on_machine("bochs-svm"),
		"Bochs' SVM takes a step that is pending at an exit into the host, which dies");
	for (unsigned int kind = PUSHF; kind <= IRET; kind++)
		run_shadowed(kind);
}

static void nested_nmi(struct guest_frame *f)
{
	on_nmi(f);
	if (nmis != 1)
		return;
	f->rflags |= READ_ONCE(stored_flags);
	outb(PORT, 1);			/* the host sends the second one */
}

static void two_nmis(u64 tf)
{
	guest_handlers[VEC_NMI] = nested_nmi;
	guest_handlers[VEC_DB] = on_db;
	stored_flags = tf;
	GUEST_SYNC(1);
	asm volatile("nop; nop; nop");
	asm volatile("pushfq; popq %0" : "=m"(flags_after));
	GUEST_SYNC(2);
}

static void run_two(u64 tf)
{
	struct vcpu *vcpu = long_guest(two_nmis, tf);
	struct vm *vm = vcpu->vm;

	vcpu_run_to_sync(vcpu, 1);
	vcpu_ioctl(vcpu, KVM_NMI, NULL);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(vcpu->run->io.port, PORT);
	vcpu_ioctl(vcpu, KVM_NMI, NULL);
	vcpu_run_to_sync(vcpu, 2);
	EXPECT_EQ(GUEST_VAR(vm, nmis), 2);
	/* The second interrupts what the first returned to, with the flags it returned with. */
	EXPECT_EQ(GUEST_VAR(vm, nmi_flags[1]), GUEST_VAR(vm, nmi_flags[0]) | tf);
	EXPECT_EQ(GUEST_VAR(vm, traps), !!tf);
	EXPECT_EQ(GUEST_VAR(vm, flags_after) & FLAG_TF, 0);
	vm_free(vm);
}

CASE(after_iret, "the next NMI comes right after the IRET, with the flags that it loaded")
{
	run_two(0);
}

CASE(after_iret_step, "an IRET that loads the trap flag: the NMI comes first, then the guest's step")
{
	run_two(FLAG_TF);
}
