/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_GUEST_H
#define SELFTESTS_GUEST_H
/*
 * The guest's side, for 64-bit guests: calls to the host, exceptions, user mode.
 *
 * Guest functions are ordinary C functions of the test: void fn(u64 arg). They
 * may call each other and what is declared here, nothing of the C library.
 * When one returns, the guest is done.
 */
#include "layout.h"
#include "x86.h"

/* What the stubs have pushed when a handler runs. */
struct guest_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

#define NO_VECTOR	0xffff

/* One per vCPU. */
struct guest_cpu {
	u64 resume;		/* where GUEST_TRY() goes on after an exception */
	u64 vector;		/* the last exception, or NO_VECTOR */
	u64 error;
	u64 rip;
	u64 cr2;
	u64 rflags;
	u64 cs;
	u64 user_rsp;		/* of guest_user(), where it goes back to */
	u64 count[256];		/* interrupts and exceptions handled by handlers */
};

typedef void (*guest_handler_t)(struct guest_frame *frame);

extern struct guest_cpu guest_cpus[MAX_GUEST_CPUS];
extern guest_handler_t guest_handlers[256];
/* QEMU's own CPU (TCG) runs this: it has errata. Set by vm_new(). */
extern bool guest_on_tcg;

/* Error code of a fault on a gate: the vector times eight; QEMU shifts once more in long mode. */
#define IDT_ERROR(vector)	((vector) * (guest_on_tcg ? 16 : 8) + 2)

static inline unsigned int guest_cpu_id(void)
{
	return (read_tr() - SEL_TSS) / 16;
}

static inline struct guest_cpu *guest_cpu(void)
{
	return &guest_cpus[guest_cpu_id()];
}

/* Calls to the host */
static inline void guest_ucall(u64 cmd, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	volatile struct ucall uc = { cmd, { a0, a1, a2, a3, a4, a5 } };

	asm volatile("outb %%al, %1" :: "D"(&uc), "i"(UCALL_PORT) : "memory");
}

#define __GUEST_SYNC(stage, a, b, c, d, e, ...)	\
	guest_ucall(UCALL_SYNC, (u64)(stage), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e))
/* GUEST_SYNC(stage, up to five values) */
#define GUEST_SYNC(...)		__GUEST_SYNC(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define GUEST_DONE()		guest_ucall(UCALL_DONE, 0, 0, 0, 0, 0, 0)
#define __GUEST_PRINT(fmt, a, b, c, d, e, ...)	\
	guest_ucall(UCALL_PRINT, (u64)(unsigned long)(fmt), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e))
/* A format for printf with up to five 64-bit numbers, say %llx */
#define GUEST_PRINT(...)	__GUEST_PRINT(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

#define GUEST_ABORT(text, a, b)						\
	guest_ucall(UCALL_ABORT, (u64)(unsigned long)__FILE__, __LINE__, \
		    (u64)(unsigned long)(text), a, b, 0)
#define GUEST_ASSERT(cond)						\
	do {								\
		if (!(cond))						\
			GUEST_ABORT(#cond, 0, 0);			\
	} while (0)
#define GUEST_ASSERT_EQ(a, b)						\
	do {								\
		u64 __a = (u64)(a), __b = (u64)(b);			\
		if (__a != __b)						\
			GUEST_ABORT(#a " == " #b, __a, __b);		\
	} while (0)

/*
 * Executes an instruction that may fault, and returns the vector, NO_VECTOR for
 * none. Details are then in guest_cpu(). GUEST_TRY("insn %0", "r"(x)) takes
 * inputs; GUEST_TRY_OUT("insn", (outputs), inputs) outputs too. %[cpu] is taken.
 */
#define UNPAREN(...)	__VA_ARGS__
#define GUEST_TRY_OUT(insn, outs, ...)					\
	({								\
		struct guest_cpu *__c = guest_cpu();			\
		__c->vector = NO_VECTOR;				\
		asm volatile("movq $771f, (%[cpu])\n\t"			\
			     insn "\n"					\
			     "771:\tmovq $0, (%[cpu])"			\
			     : UNPAREN outs				\
			     : __VA_OPT__(__VA_ARGS__,) [cpu] "r"(__c)	\
			     : "memory", "cc");				\
		READ_ONCE(__c->vector);					\
	})
#define GUEST_TRY(insn, ...)	GUEST_TRY_OUT(insn, () __VA_OPT__(,) __VA_ARGS__)

/* The exception and its error code, in one line. */
#define GUEST_ASSERT_TRAP(want_vector, want_error, insn, ...)		\
	do {								\
		u64 __v = GUEST_TRY(insn __VA_OPT__(,) __VA_ARGS__);		\
		GUEST_ASSERT_EQ(__v, want_vector);			\
		GUEST_ASSERT_EQ(guest_cpu()->error, want_error);	\
	} while (0)

/* RDMSR and WRMSR that may fault */
static inline u64 rdmsr_try(u32 msr, u64 *value)
{
	u32 low = 0, high = 0;
	u64 vector = GUEST_TRY_OUT("rdmsr", ("+a"(low), "+d"(high)), "c"(msr));

	*value = low | (u64)high << 32;
	return vector;
}

static inline u64 wrmsr_try(u32 msr, u64 value)
{
	return GUEST_TRY("wrmsr", "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)));
}

/* Descriptors and gates; the IDT is the same for all vCPUs */
void guest_set_gate(unsigned int vector, void *entry, u8 type, u8 ist, u16 selector);
struct gate64 *guest_gate(unsigned int vector);
void guest_set_descriptor(u16 selector, u64 value);
struct tss64 *guest_tss(void);
/* Entries of the tables in CR3: level 1 is the last. Needs tables in mapped memory. */
u64 *guest_pte(u64 va, unsigned int level);

/*
 * Runs fn(arg) in user mode, with ports allowed; returns what fn returns, or
 * ~0 when an exception ended it (details in guest_cpu()). User mode sees the
 * same addresses. In user mode only GUEST_SYNC and its like, no GUEST_TRY.
 */
u64 guest_user(u64 (*fn)(u64 arg), u64 arg);

/* Called by the stubs, or where a function returns to. */
void guest_exception(struct guest_frame *frame);
void guest_return(void);
void guest_user_return(void);
extern char guest_stubs[];		/* 16 bytes each */

void *guest_memcpy(void *to, const void *from, size_t n);
void *guest_memset(void *to, int value, size_t n);
int guest_memcmp(const void *a, const void *b, size_t n);
u64 guest_random(u64 *state);

#endif
