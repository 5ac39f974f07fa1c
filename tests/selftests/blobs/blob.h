/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_BLOB_H
#define SELFTESTS_BLOB_H
/*
 * The guest's side for guests in 16-bit (real mode) and 32-bit code: what
 * guest.h is for 64-bit ones. A blob is one file, included only here, with
 * void blob_main(u32 arg); it runs at BLOB_BASE, in real mode with all segments
 * but FS there, and FS at 0. Everything is static: there is no library.
 */
#include "layout.h"
#include "x86.h"

static void __attribute__((used)) blob_main(u32 arg);
static void __attribute__((used)) blob_exit(void);

#ifdef BLOB16
#define BLOB_CODE ".code16gcc\n"
#else
#define BLOB_CODE ".code32\n"
#endif

static inline void guest_ucall(u64 cmd, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	volatile struct ucall uc = { cmd, { a0, a1, a2, a3, a4, a5 } };

	asm volatile("outb %%al, %1" :: "D"(&uc), "i"(UCALL_PORT) : "memory");
}

#define __GUEST_SYNC(stage, a, b, c, d, e, ...)	\
	guest_ucall(UCALL_SYNC, (u64)(stage), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e))
#define GUEST_SYNC(...)		__GUEST_SYNC(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define GUEST_DONE()		guest_ucall(UCALL_DONE, 0, 0, 0, 0, 0, 0)
#define __GUEST_PRINT(fmt, a, b, c, d, e, ...)	\
	guest_ucall(UCALL_PRINT, (u32)(fmt), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e))
#define GUEST_PRINT(...)	__GUEST_PRINT(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define GUEST_ABORT(text, a, b)	\
	guest_ucall(UCALL_ABORT, (u32)__FILE__, __LINE__, (u32)(text), a, b, 0)
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

asm(".section .entry, \"ax\"\n" BLOB_CODE
    ".globl _start\n"
    "_start:	pushl %edi\n"
    "	call blob_main\n"
    "1:	call blob_exit\n"
    "	jmp 1b\n"
    ".text\n");

static void blob_exit(void)
{
	GUEST_DONE();
}

/* Exceptions */
#define NO_VECTOR	0xffff

static struct {
	u32 resume;
	u32 vector;
	u32 error;
	u32 ip;
	u32 cr2;
	u32 flags;
	u32 cs;
	u32 count;		/* of exceptions, ever */
} trap;

struct blob_frame {
	u32 edi, esi, ebp, esp_ignored, ebx, edx, ecx, eax;
#ifdef BLOB16
	u16 vector;
	u16 ip, cs, flags;
#else
	u32 vector, error;
	u32 ip, cs, flags;
	u32 esp, ss;		/* only if the privilege level changed */
#endif
};

typedef void (*blob_handler_t)(struct blob_frame *f);
static blob_handler_t blob_handlers[256];

#define X86_CR32(n)							\
static inline u32 read_cr##n(void)					\
{									\
	u32 value;							\
									\
	asm volatile("mov %%cr" #n ", %0" : "=r"(value) :: "memory");	\
	return value;							\
}									\
static inline void write_cr##n(u32 value)				\
{									\
	asm volatile("mov %0, %%cr" #n :: "r"(value) : "memory");	\
}
X86_CR32(0)
X86_CR32(2)
X86_CR32(3)
X86_CR32(4)

static void __attribute__((used)) blob_exception(struct blob_frame *f)
{
	trap.count++;
	if (blob_handlers[f->vector]) {
		blob_handlers[f->vector](f);
		return;
	}
	trap.vector = f->vector;
	trap.ip = f->ip;
	trap.flags = f->flags;
	trap.cs = f->cs;
	trap.cr2 = read_cr2();
#ifndef BLOB16
	trap.error = f->error;
#endif
	if (!trap.resume)
		guest_ucall(UCALL_TRAP, f->vector, trap.error, f->ip, trap.cr2, 0, f->flags);
	f->ip = trap.resume;
	trap.resume = 0;
}

#define GUEST_TRY_OUT(insn, outs, ...)					\
	({								\
		trap.vector = NO_VECTOR;				\
		asm volatile("movl $771f, %[resume]\n\t"		\
			     insn "\n"					\
			     "771:\tmovl $0, %[resume]"			\
			     : UNPAREN outs				\
			     : __VA_OPT__(__VA_ARGS__,) [resume] "m"(trap.resume) \
			     : "memory", "cc");				\
		READ_ONCE(trap.vector);					\
	})
#define UNPAREN(...)	__VA_ARGS__
#define GUEST_TRY(insn, ...)	GUEST_TRY_OUT(insn, () __VA_OPT__(,) __VA_ARGS__)

#ifdef BLOB16
asm(".text\n" BLOB_CODE
    ".balign 16\n"
    "blob_stubs:\n"
    "vector = 0\n"
    ".rept 256\n"
    ".balign 16\n"
    "	pushw $vector\n"
    "	jmp blob_common\n"
    "vector = vector + 1\n"
    ".endr\n"
    "blob_common:\n"
    "	pushal\n"
    "	movl %esp, %eax\n"
    "	pushl %eax\n"
    "	cld\n"
    "	call blob_exception\n"
    "	addl $4, %esp\n"
    "	popal\n"
    "	addw $2, %sp\n"
    "	iretw\n");
extern char blob_stubs[];

static inline void blob_set_vector(unsigned int vector, u32 offset, u16 segment)
{
	asm volatile("movw %w0, %%fs:(%1)" :: "r"(offset), "r"(vector * 4));
	asm volatile("movw %w0, %%fs:2(%1)" :: "r"(segment), "r"(vector * 4));
}

static inline void blob_init_exceptions(void)
{
	u16 cs;

	asm("mov %%cs, %0" : "=r"(cs));
	for (unsigned int v = 0; v < 256; v++)
		blob_set_vector(v, (u32)blob_stubs + 16 * v, cs);
}
#else
#define BLOB_WITH_ERROR "0x60227d00"	/* 8, 10-14, 17, 21, 29, 30 */
asm(".text\n" BLOB_CODE
    ".balign 16\n"
    "blob_stubs:\n"
    "vector = 0\n"
    ".rept 256\n"
    ".balign 16\n"
    "	.if vector >= 32 || ((" BLOB_WITH_ERROR " >> (vector & 31)) & 1) == 0\n"
    "	pushl $0\n"
    "	.endif\n"
    "	pushl $vector\n"
    "	jmp blob_common\n"
    "vector = vector + 1\n"
    ".endr\n"
    "blob_common:\n"
    "	pushal\n"
    "	movl %esp, %eax\n"
    "	pushl %eax\n"
    "	cld\n"
    "	call blob_exception\n"
    "	addl $4, %esp\n"
    "	popal\n"
    "	addl $8, %esp\n"
    "	iretl\n");
extern char blob_stubs[];

static inline void blob_set_gate(unsigned int vector, u32 entry, u16 selector, u8 type)
{
	u32 *gate = (u32 *)IDT32_BASE + 2 * vector;

	gate[0] = (entry & 0xffff) | (u32)selector << 16;
	gate[1] = (entry & 0xffff0000) | (u32)type << 8;
	barrier();
}

static inline void blob_init_exceptions(void)
{
	for (unsigned int v = 0; v < 256; v++)
		blob_set_gate(v, (u32)blob_stubs + 16 * v, SEL_CODE32, 0x8e);
}

static inline void blob_set_descriptor(u16 selector, u64 value)
{
	*(volatile u64 *)(GDT_BASE + (selector & ~7UL)) = value;
}
#endif

static inline u32 read_flags(void)
{
	u32 flags;

	asm volatile("pushfl; popl %0" : "=r"(flags) :: "memory");
	return flags;
}

static inline void write_flags(u32 flags)
{
	asm volatile("pushl %0; popfl" :: "r"(flags) : "memory", "cc");
}

void *memcpy(void *to, const void *from, __SIZE_TYPE__ n);
void *memset(void *to, int value, __SIZE_TYPE__ n);
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{
	void *t = to;

	asm volatile("rep movsb" : "+D"(t), "+S"(from), "+c"(n) :: "memory");
	return to;
}

void *memset(void *to, int value, __SIZE_TYPE__ n)
{
	void *t = to;

	asm volatile("rep stosb" : "+D"(t), "+c"(n) : "a"(value) : "memory");
	return to;
}

#endif
