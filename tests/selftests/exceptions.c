// SPDX-License-Identifier: GPL-2.0
/* Every exception a guest can cause reaches its handler with the right vector, error code and state. */
#include "guest.h"
#include "vm.h"
#include "exceptions32.h"

#define WINDOW	0x40000000UL
#define RAM	0x900000UL

static void divide(u64 arg)
{
	u64 v = GUEST_TRY("div %0", "r"(0ULL), "a"(1ULL), "d"(0ULL));

	GUEST_ASSERT_EQ(v, VEC_DE);
	/* Not the smallest number by -1: QEMU divides with its host's CPU, and dies. */
	v = GUEST_TRY("idivl %0", "r"(1), "a"(0), "d"(0x40000000));
	GUEST_ASSERT_EQ(v, VEC_DE);
	/* RIP is that of the instruction */
	GUEST_ASSERT_EQ(*(u8 *)guest_cpu()->rip, 0xf7);
}

CASE(de, "#DE: division by zero and overflow")
{
	run_guest(divide, 0);
}

static void undefined(u64 arg)
{
	GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY(".byte 0x06"), VEC_UD);		/* PUSH ES */
	GUEST_ASSERT_EQ(GUEST_TRY(".byte 0xd4, 0x0a"), VEC_UD);		/* AAM */
	GUEST_ASSERT_EQ(GUEST_TRY(".byte 0x0f, 0x0a"), VEC_UD);
	if (!guest_on_tcg) {	/* which ignores it */
		GUEST_ASSERT_EQ(GUEST_TRY("lock; movq %%rax, (%0)", "r"(&arg)), VEC_UD);
		GUEST_ASSERT_EQ(GUEST_TRY(".byte 0xf0, 0x90"), VEC_UD);		/* LOCK NOP */
	}
	/* MOV to CS, CR1, DR4 with CR4.DE */
	GUEST_ASSERT_EQ(GUEST_TRY(".byte 0x8e, 0xc8"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY(".byte 0x0f, 0x20, 0xc8"), VEC_UD);
	write_cr4(read_cr4() | CR4_DE);
	GUEST_ASSERT_EQ(GUEST_TRY(".byte 0x0f, 0x21, 0xe0"), VEC_UD);
	write_cr4(read_cr4() & ~CR4_DE);
	GUEST_ASSERT_EQ(GUEST_TRY(".byte 0x0f, 0x21, 0xe0", "a"(0)), NO_VECTOR);
}

CASE(ud, "#UD: undefined opcodes, misplaced LOCK, registers that do not exist")
{
	run_guest(undefined, 0);
}

static void general_protection(u64 arg)
{
	/* Not canonical */
	GUEST_ASSERT_TRAP(VEC_GP, 0, "movq (%0), %%rax", "r"(0x8000000000000000), "a"(0));
	/* Selectors: beyond the limit, null into SS at CPL 3 comes elsewhere, wrong kinds */
	GUEST_ASSERT_TRAP(VEC_GP, 0x1000, "mov %w0, %%ds", "r"(0x1000));
	GUEST_ASSERT_TRAP(VEC_GP, SEL_TSS, "mov %w0, %%es", "r"(SEL_TSS));
	GUEST_ASSERT_TRAP(VEC_GP, SEL_CODE64, "mov %w0, %%ss", "r"(SEL_CODE64));
	GUEST_ASSERT_TRAP(VEC_GP, SEL_USER_DATA & ~3, "mov %w0, %%ss", "r"(SEL_USER_DATA));
	GUEST_ASSERT_TRAP(VEC_GP, 4, "mov %w0, %%fs", "r"(4));		/* no LDT */
	/* INT n: beyond the IDT's limit, and a gate that is none */
	struct descriptor_ptr idt, small = { 16 * 32 - 1, IDT_BASE };

	asm volatile("sidt %0" : "=m"(idt));
	asm volatile("lidt %0" :: "m"(small));
	GUEST_ASSERT_TRAP(VEC_GP, IDT_ERROR(0x40), "int $0x40");
	asm volatile("lidt %0" :: "m"(idt));
	GUEST_ASSERT_EQ(idt.limit, 0xfff);
	GUEST_ASSERT_EQ(idt.base, IDT_BASE);
	guest_gate(0x41)->type = 0x85;
	GUEST_ASSERT_TRAP(VEC_GP, IDT_ERROR(0x41), "int $0x41");
	GUEST_ASSERT_TRAP(VEC_GP, 0, "mov %0, %%cr4", "r"(read_cr4() & ~CR4_PAE));
	if (guest_on_tcg)		/* takes any value */
		return;
	/* Values that MSRs do not take */
	GUEST_ASSERT_EQ(wrmsr_try(MSR_LSTAR, 0x8000000000000000), VEC_GP);
	GUEST_ASSERT_EQ(guest_cpu()->error, 0);
}

CASE(gp, "#GP: addresses, selectors, gates, registers")
{
	run_guest(general_protection, 0);
}

static void skip_bad_stack(struct guest_frame *f)
{
	GUEST_ASSERT_EQ(f->error, 0);
	f->rip = f->r12;
}

static void not_present(u64 arg)
{
	guest_set_descriptor(SEL_TEST, 0x00cf13000000ffff);
	GUEST_ASSERT_TRAP(VEC_NP, SEL_TEST, "mov %w0, %%ds", "r"(SEL_TEST));
	GUEST_ASSERT_TRAP(VEC_SS, SEL_TEST, "mov %w0, %%ss", "r"(SEL_TEST));
	guest_gate(0x42)->type &= ~0x80;
	GUEST_ASSERT_TRAP(VEC_NP, IDT_ERROR(0x42), "int $0x42");
	/* Through RBP: the stack segment, which is #GP in QEMU */
	if (guest_on_tcg)
		return;
	guest_handlers[VEC_SS] = skip_bad_stack;
	asm volatile("mov %%rbp, %%rbx; lea 1f(%%rip), %%r12; mov %0, %%rbp; movq (%%rbp), %%rax\n"
		     "1: mov %%rbx, %%rbp" :: "r"(0x8000000000000000) : "rax", "rbx", "r12", "memory");
	GUEST_ASSERT_EQ(guest_cpu()->count[VEC_SS], 1);
}

CASE(np_ss, "#NP and #SS: descriptors and gates that are not present, a bad stack address")
{
	run_guest(not_present, 0);
}

static void pf_absent(u64 arg)
{
	GUEST_ASSERT_EQ(GUEST_TRY("movb $1, (%0)", "r"(WINDOW)), NO_VECTOR);
	GUEST_ASSERT_TRAP(VEC_PF, 0, "cmpb $1, (%0)", "r"(WINDOW + PAGE_SIZE));
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW + PAGE_SIZE);
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_W, "movb $1, (%0)", "r"(WINDOW + PAGE_SIZE + 7));
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW + PAGE_SIZE + 7);
	GUEST_ASSERT_TRAP(VEC_PF, 0, "movq (%0), %%rax", "r"(WINDOW + PAGE_SIZE - 1), "a"(0));
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW + PAGE_SIZE);
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_I, "jmp *%0", "r"(WINDOW + PAGE_SIZE));
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW + PAGE_SIZE);
	GUEST_ASSERT_EQ(guest_cpu()->rip, WINDOW + PAGE_SIZE);
}

static void run_windowed(void (*fn)(u64))
{
	struct vcpu *vcpu = long_guest(fn, 0);

	vm_map(vcpu->vm, WINDOW, RAM, PAGE_SIZE, PTE_W);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(pf_absent_pages, "#PF: absent pages; error code, CR2, RIP for reads, writes and fetches")
{
	run_windowed(pf_absent);
}

static void pf_protection(u64 arg)
{
	u64 *pte = guest_pte(WINDOW, 1), base = *pte;

	*pte = base & ~PTE_W;
	invlpg((void *)WINDOW);
	GUEST_ASSERT_EQ(GUEST_TRY("cmpb $1, (%0)", "r"(WINDOW)), NO_VECTOR);
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_P | PFERR_W, "movb $1, (%0)", "r"(WINDOW));
	write_cr0(read_cr0() & ~CR0_WP);
	GUEST_ASSERT_EQ(GUEST_TRY("movb $1, (%0)", "r"(WINDOW)), NO_VECTOR);
	write_cr0(read_cr0() | CR0_WP);
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_P | PFERR_W, "movb $1, (%0)", "r"(WINDOW));
	*pte = base | PTE_NX;
	invlpg((void *)WINDOW);
	GUEST_ASSERT_EQ(GUEST_TRY("movb $0xc3, (%0)", "r"(WINDOW)), NO_VECTOR);
	GUEST_ASSERT_TRAP(VEC_PF, PFERR_P | PFERR_I, "jmp *%0", "r"(WINDOW));
}

CASE(pf_rights, "#PF: read-only with and without CR0.WP, no execution")
{
	run_windowed(pf_protection);
}

static void pf_reserved(u64 arg)
{
	u64 *pte = guest_pte(WINDOW, 1), *pde = guest_pte(WINDOW, 2), base = *pte, table = *pde;
	u64 rsvd = PFERR_RSVD | (guest_on_tcg ? 0 : PFERR_P);	/* QEMU forgets it */

	*pte = base | PTE_NX;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_NX);
	write_cr3(read_cr3());
	GUEST_ASSERT_TRAP(VEC_PF, rsvd, "cmpb $1, (%0)", "r"(WINDOW));
	GUEST_ASSERT_TRAP(VEC_PF, rsvd | PFERR_W, "movb $1, (%0)", "r"(WINDOW));
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NX);
	*pte = base;
	/* A 2 MiB page with address bits below 2 MiB */
	*pde = 0x800000 | 0x2000 | PTE_P | PTE_W | PTE_PS;
	write_cr3(read_cr3());
	GUEST_ASSERT_TRAP(VEC_PF, rsvd, "cmpb $1, (%0)", "r"(WINDOW));
	*pde = table;
	write_cr3(read_cr3());
	GUEST_ASSERT_EQ(GUEST_TRY("movb $1, (%0)", "r"(WINDOW)), NO_VECTOR);
}

CASE(pf_reserved_bits, "#PF: reserved bits in entries")
{
	run_windowed(pf_reserved);
}

static u64 user_read(u64 a) { return *(volatile u8 *)a; }
static u64 user_write(u64 a) { *(volatile u8 *)a = 1; return 0; }
static u64 user_jump(u64 a) { return ((u64 (*)(void))a)(); }

static void pf_user(u64 arg)
{
	static const struct {
		u64 (*fn)(u64);
		u64 address, error;
	} tests[] = {
		{ user_read, WINDOW, PFERR_U | PFERR_P },
		{ user_write, WINDOW, PFERR_U | PFERR_P | PFERR_W },
		{ user_jump, WINDOW, PFERR_U | PFERR_P | PFERR_I },
		{ user_read, WINDOW + PAGE_SIZE, PFERR_U },
		{ user_write, WINDOW + PAGE_SIZE, PFERR_U | PFERR_W },
		{ user_jump, WINDOW + PAGE_SIZE, PFERR_U | PFERR_I },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(tests); i++) {
		GUEST_ASSERT_EQ(guest_user(tests[i].fn, tests[i].address), ~0ULL);
		GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_PF);
		GUEST_ASSERT_EQ(guest_cpu()->error, tests[i].error);
		GUEST_ASSERT_EQ(guest_cpu()->cr2, tests[i].address);
		GUEST_ASSERT_EQ(guest_cpu()->cs, SEL_USER64);
	}
}

CASE(pf_user_mode, "#PF: from user mode on supervisor and on absent pages")
{
	run_windowed(pf_user);
}

static void smep_smap(u64 arg)
{
	GUEST_ASSERT_EQ(GUEST_TRY("movb $0xc3, (%0)", "r"(WINDOW)), NO_VECTOR);
	if (arg & 1) {
		write_cr4(read_cr4() | CR4_SMEP);
		GUEST_ASSERT_TRAP(VEC_PF, PFERR_P | PFERR_I, "jmp *%0", "r"(WINDOW));
		write_cr4(read_cr4() & ~CR4_SMEP);
	}
	if (arg & 2) {
		write_cr4(read_cr4() | CR4_SMAP);
		GUEST_ASSERT_TRAP(VEC_PF, PFERR_P, "cmpb $1, (%0)", "r"(WINDOW));
		GUEST_ASSERT_TRAP(VEC_PF, PFERR_P | PFERR_W, "movb $1, (%0)", "r"(WINDOW));
		GUEST_ASSERT_EQ(GUEST_TRY("stac; movb $1, (%0); clac", "r"(WINDOW)), NO_VECTOR);
		write_cr4(read_cr4() & ~CR4_SMAP);
	}
	GUEST_ASSERT_EQ(GUEST_TRY("movb $1, (%0)", "r"(WINDOW)), NO_VECTOR);
}

/*
 * The tables of the other tests map everything for user mode, and then the
 * guest's own code could not run: the pages it needs lose that bit first.
 */
CASE(pf_smep, "#PF: SMEP and SMAP keep the supervisor out of user pages")
{
	REQUIRE(HAS_SMEP || HAS_SMAP, "this CPU has neither SMEP nor SMAP");
	struct vcpu *vcpu = long_guest(smep_smap, (HAS_SMEP ? 1 : 0) | (HAS_SMAP ? 2 : 0));

	for (u64 a = 0; a < MEM_SIZE; a += 2 * MB)
		*vm_pte(vcpu->vm, a, 2) &= ~PTE_U;
	vm_map(vcpu->vm, WINDOW, RAM, PAGE_SIZE, PTE_W | PTE_U);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void breakpoint(u64 arg)
{
	u64 v = GUEST_TRY("int3");

	GUEST_ASSERT_EQ(v, VEC_BP);
	GUEST_ASSERT_EQ(((u8 *)guest_cpu()->rip)[-1], 0xcc);
	v = GUEST_TRY(".byte 0xcd, 3");
	GUEST_ASSERT_EQ(v, VEC_BP);
	GUEST_ASSERT_EQ(((u8 *)guest_cpu()->rip)[-2], 0xcd);
	v = GUEST_TRY("int $4");
	GUEST_ASSERT_EQ(v, VEC_OF);
	if (guest_on_tcg)				/* has no INT1 */
		return;
	v = GUEST_TRY(".byte 0xf1");
	GUEST_ASSERT_EQ(v, VEC_DB);
	GUEST_ASSERT_EQ(((u8 *)guest_cpu()->rip)[-1], 0xf1);
}

CASE(bp, "#BP, INT n and INT1: RIP is behind the instruction")
{
	run_guest(breakpoint, 0);
}

static u64 steps, step_rip[16], step_dr6;

static void on_step(struct guest_frame *f)
{
	step_dr6 = read_dr6();
	write_dr6(DR6_FIXED);
	if (steps < ARRAY_SIZE(step_rip))
		step_rip[steps] = f->rip;
	if (++steps == 4)
		f->rflags &= ~FLAG_TF;
}

static void single_step(u64 arg)
{
	u64 start;

	guest_handlers[VEC_DB] = on_step;
	write_dr6(DR6_FIXED);
	asm volatile("lea 1f(%%rip), %0; pushfq; orq $0x100, (%%rsp); popfq\n"
		     "1: nop; nop; nop; nop; nop" : "=&r"(start) :: "memory", "cc");
	GUEST_ASSERT_EQ(steps, 4);
	for (unsigned int i = 0; i < 4; i++)
		GUEST_ASSERT_EQ(step_rip[i], start + 1 + i);
	GUEST_ASSERT_EQ(step_dr6, DR6_FIXED | DR6_BS);
}

CASE(db_step, "#DB: single steps, with DR6.BS")
{
	run_guest(single_step, 0);
}

static void step_exits(u64 arg)
{
	u64 start;

	guest_handlers[VEC_DB] = on_step;
	write_dr6(DR6_FIXED);
	/* The stepped instructions leave the guest: CPUID, RDMSR, OUT */
	asm volatile("lea 1f(%%rip), %0; mov $0xc0000080, %%r12d; xor %%eax, %%eax; mov %%r12d, %%ecx\n"
		     "pushfq; orq $0x100, (%%rsp); popfq\n"
		     "1: cpuid; mov %%r12d, %%ecx; rdmsr; outb %%al, $0x80; nop"
		     : "=&r"(start) :: "rax", "rbx", "rcx", "rdx", "r12", "memory", "cc");
	GUEST_ASSERT_EQ(steps, 4);
	GUEST_ASSERT_EQ(step_rip[0], start + 2);
	GUEST_ASSERT_EQ(step_rip[1], start + 5);
	GUEST_ASSERT_EQ(step_rip[2], start + 7);
	GUEST_ASSERT_EQ(step_rip[3], start + 9);
	GUEST_ASSERT_EQ(step_dr6, DR6_FIXED | DR6_BS);
}

CASE(db_step_exits, "#DB: a step over an instruction that leaves the guest traps right after it")
{
	REQUIRE(!test_on_machine("bochs-svm"),
		"Bochs' SVM takes a step that is pending at an exit into the host, which dies");
	struct vcpu *vcpu = long_guest(step_exits, 0);

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	ASSERT(vcpu->run->io.port == 0x80, "the guest failed first: port %x", vcpu->run->io.port);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void device_not_available(u64 arg)
{
	write_cr0(read_cr0() | CR0_TS);
	GUEST_ASSERT_EQ(GUEST_TRY("movups %%xmm0, %%xmm1"), VEC_NM);
	GUEST_ASSERT_EQ(GUEST_TRY("fnop"), VEC_NM);
	asm volatile("clts");
	GUEST_ASSERT_EQ(read_cr0() & CR0_TS, 0);
	GUEST_ASSERT_EQ(GUEST_TRY("movups %%xmm0, %%xmm1"), NO_VECTOR);
	/* #MF: a pending x87 exception, at the next instruction that waits */
	u16 control = 0x37b;		/* zero-divide not masked */

	asm volatile("fninit; fldcw %0; fldz; fld1; fdivp" :: "m"(control));
	GUEST_ASSERT_EQ(GUEST_TRY("fwait"), VEC_MF);
	asm volatile("fninit");
	if (guest_on_tcg)		/* has no #XM */
		return;
	/* #XM: an SSE exception that is not masked */
	u32 mxcsr = 0x1f80 & ~0x200u, normal = 0x1f80;

	asm volatile("ldmxcsr %0; xorps %%xmm0, %%xmm0" :: "m"(mxcsr));
	GUEST_ASSERT_EQ(GUEST_TRY("mov $1, %%eax; cvtsi2ss %%eax, %%xmm1; divss %%xmm0, %%xmm1", "a"(0)), VEC_XM);
	asm volatile("ldmxcsr %0" :: "m"(normal));
}

CASE(fpu_exceptions, "#NM, #MF and #XM: what the FPU reports")
{
	run_guest(device_not_available, 0);
}

static u64 misaligned(u64 arg)
{
	asm volatile("pushfq; orl $0x40000, (%%rsp); popfq" ::: "memory", "cc");
	return *(volatile u32 *)(arg + 1);
}

static void alignment(u64 arg)
{
	write_cr0(read_cr0() | CR0_AM);
	GUEST_ASSERT_EQ(guest_user(misaligned, TEST_BASE), ~0ULL);
	GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_AC);
	GUEST_ASSERT_EQ(guest_cpu()->error, 0);
	/* Not in ring 0 */
	write_flags(read_flags() | FLAG_AC);
	GUEST_ASSERT_EQ(GUEST_TRY("movl 1(%0), %%eax", "r"(TEST_BASE), "a"(0)), NO_VECTOR);
	write_flags(read_flags() & ~FLAG_AC);
}

CASE(ac, "#AC: misaligned in user mode with EFLAGS.AC and CR0.AM")
{
	REQUIRE(!test_host_is_tcg(), "QEMU's CPU does not check alignment");
	run_guest(alignment, 0);
}

static void on_double_fault(struct guest_frame *f)
{
	GUEST_SYNC(f->error, f->rsp);
	GUEST_DONE();
}

static void double_fault(u64 arg)
{
	guest_handlers[VEC_DF] = on_double_fault;
	/* #GP's gate is gone: #NP while delivering it */
	guest_gate(VEC_GP)->type &= ~0x80;
	asm volatile("mov %w0, %%ds" :: "r"(0x1000));
}

CASE(df, "#DF: an exception while one is delivered, error code 0")
{
	REQUIRE(!test_host_is_tcg(), "QEMU's CPU makes it #NP");
	struct vcpu *vcpu = long_guest(double_fault, 0);

	vcpu_run_to_sync(vcpu, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void double_fault_stack(u64 arg)
{
	guest_handlers[VEC_DF] = on_double_fault;
	/* The stack is absent: #PF cannot be delivered, #DF has a stack of its own */
	asm volatile("mov %0, %%rsp; ud2" :: "r"(WINDOW + 3 * PAGE_SIZE));
}

CASE(df_stack, "#DF: a stack page that is absent when an exception is delivered")
{
	run_windowed(pf_absent);
	struct vcpu *vcpu = long_guest(double_fault_stack, 0);

	vm_map(vcpu->vm, WINDOW, RAM, PAGE_SIZE, PTE_W);
	vcpu_run_to_sync(vcpu, 0);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void triple_fault(u64 arg)
{
	struct descriptor_ptr none = { 0, 0 };

	asm volatile("lidt %0; ud2" :: "m"(none));
}

CASE(triple, "a triple fault gives KVM_EXIT_SHUTDOWN")
{
	REQUIRE(!test_on_machine("bochs-svm"), "Bochs' SVM panics before it looks at the intercept");
	struct vcpu *vcpu = long_guest(triple_fault, 0);

	vcpu_run_to(vcpu, KVM_EXIT_SHUTDOWN);
	vm_free(vcpu->vm);
}

/* The stack of the handler is absent at first; the page fault handler maps it. */
static void map_stack(struct guest_frame *f)
{
	GUEST_ASSERT_EQ(f->error, PFERR_W);
	*guest_pte(WINDOW, 1) |= PTE_P;
	invlpg((void *)WINDOW);
}

static void count_only(struct guest_frame *f)
{
	if (f->vector == VEC_UD)
		f->rip += 2;
}

static void page_fault_in_delivery(u64 vector)
{
	struct guest_cpu *c = guest_cpu();

	guest_handlers[VEC_PF] = map_stack;
	guest_handlers[vector] = count_only;
	guest_tss()->ist[2] = WINDOW + PAGE_SIZE;
	guest_gate(vector)->ist = 3;
	if (vector == VEC_UD)
		asm volatile("ud2");
	else
		asm volatile("int3");
	GUEST_ASSERT_EQ(c->count[VEC_PF], 1);
	GUEST_ASSERT_EQ(c->count[vector], 1);
}

static void run_page_fault_in_delivery(u64 vector)
{
	struct vcpu *vcpu = long_guest(page_fault_in_delivery, vector);

	vm_map(vcpu->vm, WINDOW, RAM, PAGE_SIZE, PTE_W);
	*vm_pte(vcpu->vm, WINDOW, 1) &= ~PTE_P;
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

CASE(pf_in_delivery, "#PF while #UD is delivered: its handler runs, then that of #UD")
{
	run_page_fault_in_delivery(VEC_UD);
}

CASE(pf_in_soft_delivery, "#PF while INT3 is delivered: its handler runs, then that of INT3")
{
	REQUIRE(!test_host_is_tcg(), "QEMU's CPU does not come back to the INT3");
	run_page_fault_in_delivery(VEC_BP);
}

static void run_32(enum guest_mode mode)
{
	REQUIRE(!test_on_machine("bochs-svm"),
		"Bochs' SVM raises #SS without end at the top of a stack segment (KVM's guest too)");
	struct vm *vm = vm_new(mode);
	struct vcpu *vcpu = vcpu_new(vm, NULL, !test_host_is_tcg());	/* it checks no limits */

	vm_load_blob(vm, blob_exceptions32);
	vcpu_run_to_sync(vcpu, 1);
	vm_free(vm);
}

CASE(prot32, "protected mode: segment limits, kinds, privileges, #BR, #OF, #NP, #SS, #TS")
{
	run_32(GUEST_PROT32);
}

CASE(paged32, "the same with paging, and #PF")
{
	run_32(GUEST_PAGED32);
}

CASE(pae, "the same with PAE")
{
	run_32(GUEST_PAE);
}

static void many(u64 n)
{
	for (u64 i = 0; i < n; i++)
		GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
}

CASE(many_exceptions, "20,000 exceptions in a row")
{
	run_guest(many, test_scale(20000));
}
