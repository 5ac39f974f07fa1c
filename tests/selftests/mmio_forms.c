// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions with an operand in MMIO space do there what they do in memory.
 *
 * Each form is executed twice in the guest from the same random registers and
 * contents: on ordinary memory, by the CPU, and on a window whose pages are
 * MMIO, by the hypervisor's emulator with the host as the device. Registers,
 * flags and contents must then be the same, but for flags that the architecture
 * leaves undefined. The window's two pages lie apart in physical memory, and one
 * may be memory, so that operands across the boundary show how they are split.
 */
#include "device.h"
#include "guest.h"

#define ALL	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF | FLAG_DF)
#define LOGIC	(ALL & ~FLAG_AF)
#define SHIFT	(ALL & ~(FLAG_AF | FLAG_OF))
#define MUL	(FLAG_CF | FLAG_OF)
#define CARRY	FLAG_CF
#define ZERO	FLAG_ZF
#define NOFLAGS	0

#define K	1	/* KVM's emulator has it */
#define B	2	/* only where the CPU has it, see needs[] */
#define A	4	/* must be aligned to 16: can't cross a page */
#define S	8	/* a string instruction of several elements */
#define W	64	/* KVM's emulator gets it wrong */
#define L	32	/* locked: see run_all() */
#define N	16	/* may be refused instead: not an ordinary instruction on MMIO */

/* X(text, bytes of the operand, flags to compare, attributes) */
#define ALU(X, op)							\
	X(op "b %%al, (%%rdi)", 1, ALL, K)				\
	X(op "w %%cx, (%%rdi)", 2, ALL, K)				\
	X(op "l %%ebx, (%%rdi)", 4, ALL, K)				\
	X(op "q %%r9, (%%rdi)", 8, ALL, K)				\
	X(op "b (%%rdi), %%dh", 1, ALL, K)				\
	X(op "w (%%rdi), %%r10w", 2, ALL, K)				\
	X(op "l (%%rdi), %%eax", 4, ALL, K)				\
	X(op "q (%%rdi), %%rax", 8, ALL, K)				\
	X(op "b $0x81, (%%rdi)", 1, ALL, K)				\
	X(op "w $0x8123, (%%rdi)", 2, ALL, K)				\
	X(op "l $-5, (%%rdi)", 4, ALL, K)				\
	X(op "q $0x12345678, (%%rdi)", 8, ALL, K)
#define UNARY(X, op, f)							\
	X(op "b (%%rdi)", 1, f, K)					\
	X(op "w (%%rdi)", 2, f, K)					\
	X(op "l (%%rdi)", 4, f, K)					\
	X(op "q (%%rdi)", 8, f, K)
#define SHIFTS(X, op)							\
	X(op "b $1, (%%rdi)", 1, LOGIC, K)				\
	X(op "w %%cl, (%%rdi)", 2, SHIFT, K)				\
	X(op "l $7, (%%rdi)", 4, SHIFT, K)				\
	X(op "q %%cl, (%%rdi)", 8, SHIFT, K)
#define ROTATES(X, op)							\
	X(op "b $1, (%%rdi)", 1, ALL, K)				\
	X(op "w $5, (%%rdi)", 2, ALL & ~FLAG_OF, K)			\
	X(op "l %%cl, (%%rdi)", 4, ALL & ~FLAG_OF, K)			\
	X(op "q $9, (%%rdi)", 8, ALL & ~FLAG_OF, K)
#define BITS(X, op)							\
	X(op "w $9, (%%rdi)", 2, CARRY, K)				\
	X(op "l $17, (%%rdi)", 4, CARRY, K)				\
	X(op "q $44, (%%rdi)", 8, CARRY, K)				\
	X("and $31, %%eax; " op "l %%eax, (%%rdi)", 4, CARRY, K)	\
	X("and $63, %%eax; " op "q %%rax, (%%rdi)", 8, CARRY, K)	\
	X("and $63, %%eax; sub $64, %%rax; add $8, %%rdi; " op "q %%rax, (%%rdi); sub $8, %%rdi", 8, CARRY, K)
#define SSE16(X, op, f)							\
	X(op " (%%rdi), %%xmm0", 16, ALL, f)				\
	X(op " %%xmm1, (%%rdi)", 16, ALL, f)

#define FORMS(X)							\
	X("movb (%%rdi), %%al", 1, ALL, K)				\
	X("movb (%%rdi), %%ah", 1, ALL, K)				\
	X("movw (%%rdi), %%r11w", 2, ALL, K)				\
	X("movl (%%rdi), %%edx", 4, ALL, K)				\
	X("movq (%%rdi), %%r8", 8, ALL, K)				\
	X("movb %%bpl, (%%rdi)", 1, ALL, K)				\
	X("movb %%ch, (%%rdi)", 1, ALL, K)				\
	X("movw %%cx, (%%rdi)", 2, ALL, K)				\
	X("movl %%r14d, (%%rdi)", 4, ALL, K)				\
	X("movq %%rbp, (%%rdi)", 8, ALL, K)				\
	X("movb $0x12, (%%rdi)", 1, ALL, K)				\
	X("movw $0x1234, (%%rdi)", 2, ALL, K)				\
	X("movl $0x12345678, (%%rdi)", 4, ALL, K)			\
	X("movq $-2, (%%rdi)", 8, ALL, K)				\
	X("movzbl (%%rdi), %%eax", 1, ALL, K)				\
	X("movzbq (%%rdi), %%rcx", 1, ALL, K)				\
	X("movzwl (%%rdi), %%ebx", 2, ALL, K)				\
	X("movsbw (%%rdi), %%ax", 1, ALL, K)				\
	X("movsbq (%%rdi), %%rax", 1, ALL, K)				\
	X("movswl (%%rdi), %%edx", 2, ALL, K)				\
	X("movswq (%%rdi), %%r12", 2, ALL, K)				\
	X("movslq (%%rdi), %%rax", 4, ALL, K)				\
	X("mov $7, %%ecx; movl -28(%%rdi, %%rcx, 4), %%eax", 4, ALL, K)	\
	X("mov %%rdi, %%r13; movw %%ax, 0x0(%%r13); mov %%rdi, %%r12; movw (%%r12), %%bx; xor %%r12, %%r12; xor %%r13, %%r13", 2, NOFLAGS, K) \
	X("movnti %%eax, (%%rdi)", 4, ALL, K)				\
	X("movnti %%rbx, (%%rdi)", 8, ALL, K)				\
	ALU(X, "add") ALU(X, "adc") ALU(X, "sub") ALU(X, "sbb") ALU(X, "cmp") \
	X("andb %%al, (%%rdi)", 1, LOGIC, K)				\
	X("andw (%%rdi), %%ax", 2, LOGIC, K)				\
	X("orl $0x55, (%%rdi)", 4, LOGIC, K)				\
	X("orq %%rcx, (%%rdi)", 8, LOGIC, K)				\
	X("xorb $0x55, (%%rdi)", 1, LOGIC, K)				\
	X("xorq (%%rdi), %%rdx", 8, LOGIC, K)				\
	X("testb $0x81, (%%rdi)", 1, LOGIC, K)				\
	X("testw %%ax, (%%rdi)", 2, LOGIC, K)				\
	X("testl $0x80000001, (%%rdi)", 4, LOGIC, K)			\
	X("testq %%rbx, (%%rdi)", 8, LOGIC, K)				\
	X("lock addl %%eax, (%%rdi)", 4, ALL, K | L)			\
	X("lock orq $1, (%%rdi)", 8, LOGIC, K | L)				\
	X("lock incw (%%rdi)", 2, ALL, K | L)				\
	UNARY(X, "inc", ALL) UNARY(X, "dec", ALL) UNARY(X, "neg", ALL) UNARY(X, "not", ALL) \
	X("mulb (%%rdi)", 1, MUL, K)					\
	X("mulw (%%rdi)", 2, MUL, K)					\
	X("mull (%%rdi)", 4, MUL, K)					\
	X("mulq (%%rdi)", 8, MUL, K)					\
	X("imulb (%%rdi)", 1, MUL, K)					\
	X("imulq (%%rdi)", 8, MUL, K)					\
	X("imull (%%rdi), %%ecx", 4, MUL, K)				\
	X("imulq $77, (%%rdi), %%rbx", 8, MUL, K)			\
	X("imulw $-7777, (%%rdi), %%bx", 2, MUL, K)			\
	X("orb $0x80, (%%rdi); mov $0x1234, %%ax; divb (%%rdi)", 1, NOFLAGS, K) \
	X("orl $0x80000000, (%%rdi); mov $5, %%edx; divl (%%rdi)", 4, NOFLAGS, K) \
	X("movq $-77, (%%rdi); mov $-1, %%rdx; mov $-123456789, %%rax; idivq (%%rdi)", 8, NOFLAGS, K) \
	SHIFTS(X, "shl") SHIFTS(X, "shr") SHIFTS(X, "sar")		\
	ROTATES(X, "rol") ROTATES(X, "ror") ROTATES(X, "rcl") ROTATES(X, "rcr") \
	X("shldw $3, %%ax, (%%rdi)", 2, SHIFT, K)			\
	X("shldq %%cl, %%rbx, (%%rdi)", 8, SHIFT, K)			\
	X("shrdl $13, %%edx, (%%rdi)", 4, SHIFT, K)			\
	X("shrdq %%cl, %%rbx, (%%rdi)", 8, SHIFT, K)			\
	BITS(X, "bt") BITS(X, "bts") BITS(X, "btr") BITS(X, "btc")	\
	X("orw $0x100, (%%rdi); bsfw (%%rdi), %%ax", 2, ZERO, K)	\
	X("orl $0x100, (%%rdi); bsrl (%%rdi), %%eax", 4, ZERO, K)	\
	X("orl $0x100, (%%rdi); bsfq (%%rdi), %%rdx", 8, ZERO, K)	\
	X("xchgb %%al, (%%rdi)", 1, ALL, K | L)				\
	X("xchgw %%ax, (%%rdi)", 2, ALL, K | L)				\
	X("xchgl %%r8d, (%%rdi)", 4, ALL, K | L)				\
	X("xchgq %%rcx, (%%rdi)", 8, ALL, K | L)				\
	X("xaddb %%bl, (%%rdi)", 1, ALL, K)				\
	X("xaddw %%bx, (%%rdi)", 2, ALL, K)				\
	X("lock xaddl %%edx, (%%rdi)", 4, ALL, K | L)			\
	X("xaddq %%rax, (%%rdi)", 8, ALL, K)				\
	X("cmpxchgb %%bl, (%%rdi)", 1, ALL, K | L)				\
	X("movl (%%rdi), %%eax; lock cmpxchgl %%ebx, (%%rdi)", 4, ALL, K | L) \
	X("cmpxchgq %%rdx, (%%rdi)", 8, ALL, K | L)				\
	X("movq (%%rdi), %%rax; cmpxchgq %%rdx, (%%rdi)", 8, ALL, K | L)	\
	X("cmpxchg8b (%%rdi)", 8, ALL, K)				\
	X("movl (%%rdi), %%eax; movl 4(%%rdi), %%edx; lock cmpxchg8b (%%rdi)", 8, ALL, K | L) \
	X("lock cmpxchg16b (%%rdi)", 16, ALL, A | L)			\
	X("movq (%%rdi), %%rax; movq 8(%%rdi), %%rdx; lock cmpxchg16b (%%rdi)", 16, ALL, A | L) \
	X("sete (%%rdi)", 1, ALL, K)					\
	X("setb (%%rdi)", 1, ALL, K)					\
	X("setnle (%%rdi)", 1, ALL, K)					\
	X("cmovel (%%rdi), %%eax", 4, ALL, K)				\
	X("cmovcq (%%rdi), %%rax", 8, ALL, K)				\
	X("cmovnsw (%%rdi), %%ax", 2, ALL, K)				\
	X("pushq (%%rdi); pop %%rax", 8, ALL, K)			\
	X("pushw (%%rdi); popw %%ax", 2, ALL, K)			\
	X("push %%rbx; popq (%%rdi)", 8, ALL, K)			\
	X("lea 771f(%%rip), %%rax; mov %%rax, (%%rdi); call *(%%rdi); jmp 772f; 771: add $5, %%rbx; ret; 772: movq $0, (%%rdi); xor %%eax, %%eax", 8, NOFLAGS, K) \
	X("lea 773f(%%rip), %%rax; mov %%rax, (%%rdi); jmp *(%%rdi); ud2; 773: movq $0, (%%rdi); xor %%eax, %%eax", 8, NOFLAGS, K) \
	X("mov %%rbx, %%r8; mov %%rdi, %%rbx; and $1, %%eax; xlatb; mov %%r8, %%rbx", 2, NOFLAGS, N) \
	X("movsb; dec %%rdi; dec %%rsi", 1, NOFLAGS, K)			\
	X("movsw; sub $2, %%rdi; sub $2, %%rsi", 2, NOFLAGS, K)		\
	X("movsq; sub $8, %%rdi; sub $8, %%rsi", 8, NOFLAGS, K)		\
	X("xchg %%rsi, %%rdi; movsl; xchg %%rsi, %%rdi; sub $4, %%rdi; sub $4, %%rsi", 4, NOFLAGS, K) \
	X("stosb", 1, ALL, K)						\
	X("stosl", 4, ALL, K)						\
	X("stosq", 8, ALL, K)						\
	X("std; stosw; cld", 2, ALL, K)					\
	X("xchg %%rsi, %%rdi; lodsb; xchg %%rsi, %%rdi", 1, ALL, K)	\
	X("xchg %%rsi, %%rdi; lodsw; xchg %%rsi, %%rdi", 2, ALL, K)	\
	X("xchg %%rsi, %%rdi; lodsq; xchg %%rsi, %%rdi", 8, ALL, K)	\
	X("scasb", 1, ALL, K)						\
	X("scasl", 4, ALL, K)						\
	X("cmpsb; dec %%rsi", 1, ALL, K)				\
	X("cmpsq; sub $8, %%rsi", 8, ALL, K)				\
	X("mov $9, %%ecx; rep stosb", 1, ALL, K | S)			\
	X("mov $3, %%ecx; rep stosq", 8, ALL, K | S)			\
	X("mov $9, %%ecx; rep movsb; sub $9, %%rsi", 1, NOFLAGS, K | S)	\
	X("mov $5, %%ecx; rep movsl; sub $20, %%rsi", 4, NOFLAGS, K | S) \
	X("xchg %%rsi, %%rdi; mov $3, %%ecx; rep movsq; xchg %%rsi, %%rdi; sub $24, %%rsi", 8, NOFLAGS, K | S) \
	X("mov $12, %%ecx; mov 3(%%rdi), %%al; repne scasb", 1, ALL, K | S) \
	X("mov $8, %%ecx; repe cmpsb; xor %%esi, %%esi", 1, NOFLAGS, K | S) \
	X("mov $2, %%ecx; xchg %%rsi, %%rdi; rep lodsl; xchg %%rsi, %%rdi", 4, ALL, K | S) \
	X("xor %%ecx, %%ecx; rep stosb", 1, ALL, K | S)			\
	X("movbe (%%rdi), %%eax", 4, ALL, K | B)			\
	X("movbe (%%rdi), %%r9", 8, ALL, K | B)				\
	X("movbe %%cx, (%%rdi)", 2, ALL, B)				\
	X("movups (%%rdi), %%xmm0", 16, ALL, K)				\
	X("movups %%xmm1, (%%rdi)", 16, ALL, K)				\
	SSE16(X, "movupd", K) SSE16(X, "movdqu", K)			\
	SSE16(X, "movaps", K | A) SSE16(X, "movapd", K | A) SSE16(X, "movdqa", K | A) \
	X("movntps %%xmm0, (%%rdi)", 16, ALL, K | A)			\
	X("movntdq %%xmm0, (%%rdi)", 16, ALL, A)			\
	X("movd (%%rdi), %%xmm0", 4, ALL, N)				\
	X("movd %%xmm1, (%%rdi)", 4, ALL, N)				\
	X("movq (%%rdi), %%xmm0", 8, ALL, N)				\
	X("movq %%xmm1, (%%rdi)", 8, ALL, N)				\
	X("movss (%%rdi), %%xmm0", 4, ALL, N)				\
	X("movsd (%%rdi), %%xmm0", 8, ALL, N)				\
	X("movsd %%xmm1, (%%rdi)", 8, ALL, N)				\
	X("popcntl (%%rdi), %%eax", 4, ALL, B | N)			\
	X("lzcntq (%%rdi), %%rax", 8, FLAG_CF | FLAG_ZF, B | N | W)		\
	X("tzcntl (%%rdi), %%eax", 4, FLAG_CF | FLAG_ZF, B | N | W)		\
	X("andnq (%%rdi), %%rcx, %%rax", 8, FLAG_CF | FLAG_ZF | FLAG_SF | FLAG_OF, B | N) \
	X("shlxq %%rcx, (%%rdi), %%rax", 8, ALL, B | N)			\
	X("crc32b (%%rdi), %%eax", 1, ALL, B | N)			\
	X("adcxq (%%rdi), %%rax", 8, ALL, B | N)			\
	X("prefetcht0 (%%rdi)", 1, ALL, K)				\
	X("nopl (%%rdi)", 4, ALL, K)					\
	X("clflush (%%rdi)", 1, ALL, K)

#define FORM_ASM(text, bytes, flags, attr)				\
	"770:	" text "\n	ret\n"					\
	".pushsection .data\n	.quad 770b\n	.popsection\n"
#define FORM_C(text, bytes, flags, attr)	{ text, bytes, flags, attr },

static const struct {
	const char *text;
	u8 bytes;
	u16 flags;
	u8 attr;
} forms[] = { FORMS(FORM_C) };

extern void (*const form_code[])(void);

asm(".pushsection .data\n	.balign 8\nform_code:\n.popsection\n");
static void __attribute__((used)) form_assembly(void)
{
	/* Only text that the compiler formats: %% becomes %. Never called. */
	asm volatile("ret\n" FORMS(FORM_ASM) :: "r"(0));
}

/* The order is that of load_and_run. */
struct registers {
	u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14;
	u64 flags, code;
	u64 xmm[2][2];
};

void mmio_load_and_run(struct registers *r);
asm(".text\n"
    "mmio_load_and_run:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov %rdi, %r15\n"
    "	movups 128(%r15), %xmm0\n"
    "	movups 144(%r15), %xmm1\n"
    "	push 112(%r15); popfq\n"
    "	mov (%r15), %rax; mov 8(%r15), %rbx; mov 16(%r15), %rcx; mov 24(%r15), %rdx\n"
    "	mov 32(%r15), %rsi; mov 40(%r15), %rdi; mov 48(%r15), %rbp; mov 56(%r15), %r8\n"
    "	mov 64(%r15), %r9; mov 72(%r15), %r10; mov 80(%r15), %r11; mov 88(%r15), %r12\n"
    "	mov 96(%r15), %r13; mov 104(%r15), %r14\n"
    "	call *120(%r15)\n"
    "	pushfq\n"
    "	mov %rax, (%r15); mov %rbx, 8(%r15); mov %rcx, 16(%r15); mov %rdx, 24(%r15)\n"
    "	mov %rsi, 32(%r15); mov %rdi, 40(%r15); mov %rbp, 48(%r15); mov %r8, 56(%r15)\n"
    "	mov %r9, 64(%r15); mov %r10, 72(%r15); mov %r11, 80(%r15); mov %r12, 88(%r15)\n"
    "	mov %r13, 96(%r15); mov %r14, 104(%r15)\n"
    "	pop 112(%r15)\n"
    "	cld\n"
    "	movups %xmm0, 128(%r15)\n"
    "	movups %xmm1, 144(%r15)\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n");

#define WINDOW	0x40000000UL	/* two pages, as the case wants them */
#define PLAIN	0x40010000UL	/* two pages of memory */
#define SOURCE	0x40020000UL	/* a second operand, memory */
#define RAM	0x900000UL
#define SPAN	64		/* bytes around the operand that are compared */

static struct form_run {
	u64 form, offset;
	struct registers start, plain, window;
	u8 contents[2 * SPAN];	/* what both have, from offset - SPAN */
} run;

static void guest(u64 arg)
{
	for (;;) {
		GUEST_SYNC(1);	/* the host fills in run */
		if (run.form == ~0ULL)
			return;
		run.plain = run.window = run.start;
		run.plain.code = run.window.code = (unsigned long)form_code[run.form];
		guest_memcpy((void *)(PLAIN + run.offset - SPAN), run.contents, 2 * SPAN);
		run.plain.rdi = PLAIN + run.offset;
		run.plain.rsi = SOURCE;
		mmio_load_and_run(&run.plain);
		run.window.rdi = WINDOW + run.offset;
		run.window.rsi = SOURCE;
		mmio_load_and_run(&run.window);
		GUEST_SYNC(2);
	}
}

/* The window's pages, in the host. */
struct window {
	bool mmio[2];
	u8 *page[2];
};

static void window_copy(struct window *w, u64 offset, u8 *buf, size_t n, bool in)
{
	for (size_t i = 0; i < n; i++) {
		u8 *p = &w->page[(offset + i) / PAGE_SIZE][(offset + i) % PAGE_SIZE];

		if (in)
			*p = buf[i];
		else
			buf[i] = *p;
	}
}

static const char *const reg_names[] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
	"r14"
};

static void compare(struct vcpu *vcpu, unsigned int f, struct form_run *r, struct window *w)
{
	u64 *plain = (u64 *)&r->plain, *window = (u64 *)&r->window;
	u8 got[2 * SPAN], *want = (u8 *)vm_host(vcpu->vm, RAM) + r->offset - SPAN;
	char flags[64];

	r->plain.rdi -= PLAIN;
	r->window.rdi -= WINDOW;
	for (unsigned int i = 0; i < ARRAY_SIZE(reg_names); i++)
		EXPECT(plain[i] == window[i], "%s at %llx: %s is %llx, by the CPU %llx (start %llx)",
		       forms[f].text, r->offset, reg_names[i], window[i], plain[i],
		       ((u64 *)&r->start)[i]);
	snprintf(flags, sizeof(flags), "%llx, by the CPU %llx", r->window.flags, r->plain.flags);
	EXPECT(!((r->plain.flags ^ r->window.flags) & forms[f].flags), "%s: flags are %s (start %llx)",
	       forms[f].text, flags, r->start.flags);
	EXPECT(!memcmp(r->plain.xmm, r->window.xmm, sizeof(r->plain.xmm)), "%s: xmm differs",
	       forms[f].text);
	window_copy(w, r->offset - SPAN, got, sizeof(got), false);
	for (unsigned int i = 0; i < sizeof(got); i++)
		EXPECT(got[i] == want[i], "%s at %llx: byte %d is %02x, by the CPU %02x (was %02x)",
		       forms[f].text, r->offset, (int)i - SPAN, got[i], want[i], r->contents[i]);
}

static bool cpu_has(const char *text)
{
	static const struct {
		const char *name;
		u32 leaf;
		char reg;
		u8 bit;
	} needs[] = {
		{ "movbe", 1, 'c', 22 }, { "popcnt", 1, 'c', 23 }, { "lzcnt", 0x80000001, 'c', 5 },
		{ "tzcnt", 7, 'b', 3 }, { "andn", 7, 'b', 3 }, { "shlx", 7, 'b', 8 },
		{ "crc32", 1, 'c', 20 }, { "adcx", 7, 'b', 19 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(needs); i++)
		if (strstr(text, needs[i].name) &&
		    !supported_feature(needs[i].leaf, 0, needs[i].reg, needs[i].bit))
			return false;
	return true;
}

/* Answers the guest's accesses until it says that the form is done; false: refused. */
static bool serve(struct vcpu *vcpu, struct device *dev, unsigned int f)
{
	struct ucall uc;

	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO) {
			device_serve(dev, vcpu);
			continue;
		}
		if (vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
			bool allowed = forms[f].attr & N || (test_is_kvm && !(forms[f].attr & K));

			if (!allowed)
				vcpu_describe(vcpu);
			ASSERT(allowed, "%s: not emulated", forms[f].text);
			return false;
		}
		if (vcpu->run->exit_reason != KVM_EXIT_IO)
			test_diag("%s", forms[f].text);
		__vcpu_expect_exit(vcpu, KVM_EXIT_IO, __FILE__, __LINE__);
		if (vcpu_ucall(vcpu, &uc))
			return true;
	}
}

static struct vcpu *new_guest(struct window *w, struct device *dev)
{
	struct vcpu *vcpu = long_guest(guest, 0);
	struct vm *vm = vcpu->vm;

	for (unsigned int i = 0; i < 2; i++) {
		u64 gpa = w->mmio[i] ? MMIO_BASE + i * 0x4000 : RAM + 0x4000 + i * 0x4000;

		vm_map(vm, WINDOW + i * PAGE_SIZE, gpa, PAGE_SIZE, PTE_W);
		w->page[i] = w->mmio[i] ? dev->data + i * 0x4000 : vm_host(vm, gpa);
		vm_map(vm, PLAIN + i * PAGE_SIZE, RAM + i * PAGE_SIZE, PAGE_SIZE, PTE_W);
	}
	vm_map(vm, SOURCE, RAM + 0x10000, PAGE_SIZE, PTE_W);
	vcpu_run_to_sync(vcpu, 1);
	return vcpu;
}

/* One form at one place. A guest whose form was refused can't go on: a new one is made. */
static struct vcpu *run_form(struct vcpu *vcpu, struct window *w, struct device *dev,
			     unsigned int f, u64 offset, u64 *seed)
{
	struct form_run *r = &GUEST_VAR(vcpu->vm, run);
	u64 *regs = (u64 *)&r->start, *source = vm_host(vcpu->vm, RAM + 0x10000);

	r->form = f;
	r->offset = offset;
	for (unsigned int i = 0; i < sizeof(r->start) / 8; i++)
		regs[i] = test_random(seed);
	r->start.flags = FLAG_FIXED | (r->start.flags & (ALL & ~FLAG_DF));
	for (unsigned int i = 0; i < sizeof(r->contents); i++)
		r->contents[i] = test_random(seed);
	for (unsigned int i = 0; i < 16; i++)
		source[i] = test_random(seed);
	window_copy(w, offset - SPAN, r->contents, 2 * SPAN, true);
	if (!serve(vcpu, dev, f)) {
		vm_free(vcpu->vm);
		return new_guest(w, dev);
	}
	compare(vcpu, f, r, w);
	vcpu_run_to_sync(vcpu, 1);
	return vcpu;
}

static void run_all(bool first_mmio, bool second_mmio, bool cross)
{
	struct window w = { .mmio = { first_mmio, second_mmio } };
	unsigned int rounds = test_scale(3), done = 0;
	/*
	 * QEMU executes a locked instruction on an unaligned operand alone, with
	 * its other CPUs stopped. When it faults then, QEMU 7.2 forgets the flags,
	 * and sometimes to let the others go on: the host would hang.
	 */
	bool align_locked = test_host_is_tcg();
	struct device dev;
	struct vcpu *vcpu;
	u64 seed = 1;

	device_init(&dev, MMIO_BASE, 2 * 0x4000);
	vcpu = new_guest(&w, &dev);
	for (unsigned int f = 0; f < ARRAY_SIZE(forms); f++) {
		if ((forms[f].attr & B) && !cpu_has(forms[f].text))
			continue;
		if (test_is_kvm && (forms[f].attr & W))
			continue;
		if (cross && align_locked && (forms[f].attr & L))
			continue;
		if (cross && (forms[f].attr & A || (forms[f].bytes == 1 && !(forms[f].attr & S))))
			continue;
		for (unsigned int i = 0; i < rounds; i++) {
			u64 offset = 1024 + 16 * (test_random(&seed) % 64);

			if (cross)
				offset = PAGE_SIZE - 1 -
					 test_random(&seed) % (forms[f].bytes == 1 ? 4 : forms[f].bytes - 1);
			else if (!(forms[f].attr & A) && !(align_locked && (forms[f].attr & L)))
				offset += test_random(&seed) % 16;
			vcpu = run_form(vcpu, &w, &dev, f, offset, &seed);
			done++;
		}
	}
	test_diag("%u runs of %zu forms, %u accesses", done, ARRAY_SIZE(forms), dev.n);
	ASSERT(dev.n, "the device was never asked");
	vm_free(vcpu->vm);
}

CASE(inside, "operands in MMIO: registers, flags and contents as on memory")
{
	run_all(true, true, false);
}

CASE(across_mmio, "operands across two MMIO pages that lie apart")
{
	run_all(true, true, true);
}

CASE(into_mmio, "operands across the end of memory into MMIO")
{
	run_all(false, true, true);
}

CASE(out_of_mmio, "operands across the end of MMIO into memory")
{
	run_all(true, false, true);
}
