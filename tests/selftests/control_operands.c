// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to control and debug registers with every operand. While CR0.CD is
 * set, SVM's guests exit for all of them to CR0, and where the processor does not
 * tell the operand, it is found by decoding.
 */
#include "guest.h"
#include "vm.h"

#define EACH_REG(X)						\
	X("rax") X("rcx") X("rdx") X("rbx") X("rbp") X("rsi")	\
	X("rdi") X("r8") X("r9") X("r10") X("r11") X("r12")	\
	X("r13") X("r14") X("r15")

#define CLOBBERS "rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", \
		 "r12", "r13", "r14", "r15", "memory", "cc"

/* Used by name in assembly. */
static volatile u64 from __attribute__((used)), to __attribute__((used));
static volatile u64 saved_rbp __attribute__((used));

/* from -> a register -> the control register -> the register -> to */
#define THROUGH(special, reg)							\
	asm volatile("mov %%rbp, saved_rbp\n\tmov from, %%" reg "\n\t"		\
		     "mov %%" reg ", %%" special "\n\t"				\
		     "xor %%" reg ", %%" reg "\n\t"				\
		     "mov %%" special ", %%" reg "\n\tmov %%" reg ", to\n\t"	\
		     "mov saved_rbp, %%rbp" ::: CLOBBERS)

static void all_registers(u64 cd)
{
	u64 cr0 = read_cr0() | cd, n = 0;

#define CR0(reg)	from = cr0 ^ (++n & 1 ? CR0_WP : CR0_TS);	\
			THROUGH("cr0", reg);				\
			GUEST_ASSERT_EQ(to, from);
	EACH_REG(CR0)
	write_cr0(cr0 & ~CR0_TS);
#define CR3(reg)	from = read_cr3();				\
			THROUGH("cr3", reg);				\
			GUEST_ASSERT_EQ(to, from);
	EACH_REG(CR3)
	u64 cr4 = read_cr4();
#define CR4(reg)	from = cr4 ^ (++n & 1 ? CR4_TSD : CR4_DE);	\
			THROUGH("cr4", reg);				\
			GUEST_ASSERT_EQ(to, from);
	EACH_REG(CR4)
	asm volatile("mov %0, %%cr4" :: "r"(cr4));
#define CR8(reg)	from = ++n & 15;				\
			THROUGH("cr8", reg);				\
			GUEST_ASSERT_EQ(to, from);
	EACH_REG(CR8)
#define DR0(reg)	from = 0x1234567890ULL * ++n;			\
			THROUGH("db0", reg);				\
			GUEST_ASSERT_EQ(to, from);
	EACH_REG(DR0)
#define DR3(reg)	from = 0x1234567890ULL * ++n;			\
			THROUGH("db3", reg);				\
			GUEST_ASSERT_EQ(to, from);
	EACH_REG(DR3)
}

/* CR8 writes may come to userspace. */
static void run(void (*fn)(u64 arg), u64 arg)
{
	struct vcpu *vcpu = long_guest(fn, arg);
	struct ucall uc;

	do
		vcpu_run(vcpu);
	while (vcpu->run->exit_reason == KVM_EXIT_SET_TPR);
	__vcpu_expect_exit(vcpu, KVM_EXIT_IO, __FILE__, __LINE__);
	ASSERT_EQ(vcpu_ucall(vcpu, &uc), UCALL_DONE);
	vm_free(vcpu->vm);
}

CASE(registers, "MOV to and from CR0, CR3, CR4, CR8, DR0, DR3 with every register")
{
	run(all_registers, 0);
}

CASE(registers_cd, "the same while CR0.CD is set")
{
	run(all_registers, CR0_CD);
}

static u8 operand[16];

static void store_word(u64 cd)
{
	u64 cr0 = read_cr0() | cd, r;

	write_cr0(cr0);
	GUEST_ASSERT_EQ(read_cr0(), cr0);
	asm volatile("mov $-1, %0; smsww %w0" : "=&r"(r));
	GUEST_ASSERT_EQ(r, ~0xffffULL | (cr0 & 0xffff));
	asm volatile("mov $-1, %0; smswl %k0" : "=&r"(r));
	GUEST_ASSERT_EQ(r, cr0);
	asm volatile("mov $-1, %0; smswq %0" : "=&r"(r));
	GUEST_ASSERT_EQ(r, cr0);
	guest_memset(operand, 0xaa, sizeof(operand));
	asm volatile("smsw %0" : "=m"(operand[3]) :: "memory");
	GUEST_ASSERT_EQ(*(u16 *)(operand + 3), cr0 & 0xffff);
	GUEST_ASSERT_EQ(operand[2], 0xaa);
	GUEST_ASSERT_EQ(operand[5], 0xaa);
	GUEST_ASSERT_EQ(GUEST_TRY("smsw (%0)", "r"(MEM_SIZE + 0x80000000ULL)), VEC_PF);
}

CASE(smsw, "SMSW stores the guest's CR0, in registers and memory")
{
	run(store_word, 0);
	run(store_word, CR0_CD);
}

static void load_word(u64 cd)
{
	u64 cr0 = (read_cr0() | cd) & ~(CR0_TS | CR0_EM | CR0_MP);

	write_cr0(cr0);
	asm volatile("lmsw %w0" :: "r"((u64)(CR0_TS | CR0_MP)));	/* cannot clear PE */
	GUEST_ASSERT_EQ(read_cr0(), cr0 | CR0_TS | CR0_MP);
	asm volatile("clts");
	GUEST_ASSERT_EQ(read_cr0(), cr0 | CR0_MP);
	/* Across two pages, and only the low four bits count. */
	volatile u16 *p = (u16 *)(TEST_BASE + PAGE_SIZE - 1);

	*p = 0xfff0 | CR0_EM | CR0_TS;
	asm volatile("lmsw %0" :: "m"(*p));
	GUEST_ASSERT_EQ(read_cr0(), cr0 | CR0_EM | CR0_TS);
	GUEST_ASSERT_EQ(GUEST_TRY("lmsw (%0)", "r"(MEM_SIZE + 0x80000000ULL)), VEC_PF);
	write_cr0(cr0);
	GUEST_ASSERT_EQ(GUEST_TRY("mov %0, %%cr0", "r"(cr0 & ~CR0_PE)), VEC_GP);
	GUEST_ASSERT_EQ(read_cr0(), cr0);
}

CASE(lmsw, "LMSW and CLTS, from registers and memory")
{
	run(load_word, 0);
	run(load_word, CR0_CD);
}
