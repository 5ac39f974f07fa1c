// SPDX-License-Identifier: GPL-2.0
/*
 * What the native test accepts as left open by the architecture, without a CPU that
 * does it: a case of each kind is made by hand, as such CPUs show it, and must be
 * accepted as that kind; and each of its neighbours, which is a byte, a flag or a fault
 * beside it, must be reported.
 */
#include <string.h>

#include "emulate/decode.h"
#include "emulate/emu.h"
#include "native_cpu.h"
#include "native_open.h"
#include "tap.h"

#define CODE		(MODEL_BASE + MODEL_PAGE + 0x100)
#define DATA		(MODEL_BASE + 4 * MODEL_PAGE)
#define CONST_END	(MODEL_BASE + 7 * MODEL_PAGE)	/* nothing is behind it */
#define HOLE		(MODEL_BASE + 7 * MODEL_PAGE)
#define HOLE2		(MODEL_BASE + 10 * MODEL_PAGE)
#define NOT_CANONICAL	0x0000800000000000ULL
#define HIGH		0x500000000ULL
#define READ_FAULT	4				/* of a user, nothing there */

static struct model m;
static u8 memory[MODEL_SIZE];
static struct native_case c;
static const char *complaint;

#define expect(condition)						\
	do {								\
		if (!(condition) && !complaint)				\
			complaint = #condition;				\
	} while (0)

/* Flat segments; in 16-bit mode only the size differs. */
static void begin(enum emu_insn_mode mode, const u8 *code, unsigned int size)
{
	u32 attr = SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_DPL | SEG_ATTR_ACCESSED |
		   SEG_ATTR_WRITABLE | (mode == MODE_32 ? SEG_ATTR_DB : 0);
	unsigned int i;

	model_init(&m);
	for (i = 0; i < MODEL_SIZE; i++)
		m.memory[i] = i * 7 + 1;
	m.e.cr0 = CR0_PE | CR0_AM;
	m.e.cr4 = CR4_OSFXSR;
	m.e.efer = EFER_LMA;
	m.e.cpl = 3;
	m.e.features = 0xffff;
	m.e.rflags = EFL_FIXED | EFL_IF;
	for (i = 0; i < NR_SEGS; i++)
		m.e.seg[i] = (struct emu_segment) { .limit = U32_MAX, .attr = attr };
	m.e.seg[SEG_CS].attr |= SEG_ATTR_CODE |
				    (mode == MODE_64 ? SEG_ATTR_L : 0);
	for (i = 0; i < NR_GPRS; i++)
		m.e.regs[i] = DATA + 16 * i;
	m.e.regs[GPR_RSP] = DATA + 0x800;
	m.e.rip = CODE;
	memcpy(m.memory + (CODE - MODEL_BASE), code, size);
	memset(&c, 0, sizeof(c));
	memcpy(c.g.bytes, code, size);
	c.g.length = decode_insn(&c.g.insn, c.g.bytes, EMU_INSN_MAX, mode);
}

#define BEGIN(mode, ...)						\
	begin(MODE_##mode, (const u8[]) { __VA_ARGS__ },	\
	      sizeof((const u8[]) { __VA_ARGS__ }))

/* Emulate, and let the CPU's result be the same to begin with. */
static void run(void)
{
	c.m = &m;
	c.memory = memory;
	c.before = m.e;
	native_emulate(&c);
	memcpy(c.n.regs, m.e.regs, sizeof(c.n.regs));
	memcpy(c.n.xmm, m.xmm, sizeof(c.n.xmm));
	memcpy(memory, m.memory, sizeof(memory));
	c.n.rip = m.e.rip;
	c.n.rflags = m.e.rflags;
	c.n.vector = NATIVE_DB;
	if (c.result == EMU_FAULT) {
		c.n.vector = m.e.fault.vector;
		c.n.error = m.e.fault.error;
		c.n.cr2 = m.e.fault.address;
	}
}

static void cpu_faults(u8 vector, u32 error, u64 address)
{
	c.n.vector = vector;
	c.n.error = error;
	c.n.cr2 = address;
}

static u8 *at(u64 linear)
{
	return memory + (linear - MODEL_BASE);
}

/* Accepted, and as this kind alone. */
static bool open(enum native_open_kind kind)
{
	unsigned int met;

	native_outcomes(&c);
	met = native_left_open(&c);
	return !native_compare(&c) && met == BIT(kind);
}

static bool reported(void)
{
	native_outcomes(&c);
	native_left_open(&c);
	return native_compare(&c);
}

static bool agrees(void)
{
	native_outcomes(&c);
	return !native_left_open(&c) && !native_compare(&c);
}

static void written_return_address(u64 back, unsigned int size)
{
	run();
	memcpy(at(DATA + 0x800 - size), &back, size);
}

static void call64(void)
{
	BEGIN(64, 0xff, 0xd0);				/* call rax */
	m.e.regs[GPR_RAX] = NOT_CANONICAL;
	written_return_address(CODE + 2, 8);
}

static void call_may_write_its_return_address(void)
{
	call64();
	expect(open(NATIVE_OPEN_CALL_WRITES));
	BEGIN(32, 0xe8, 0xf0, 0xff, 0xff, 0x7f);	/* call */
	m.e.seg[SEG_CS].limit = MODEL_BASE + MODEL_SIZE;
	written_return_address(CODE + 5, 4);
	expect(open(NATIVE_OPEN_CALL_WRITES));
	BEGIN(32, 0x66, 0xff, 0xd0);			/* call ax */
	m.e.seg[SEG_CS].base = MODEL_BASE;
	m.e.seg[SEG_CS].limit = 0x3fff;
	m.e.rip = CODE - MODEL_BASE;
	m.e.regs[GPR_RAX] = 0x4000;
	written_return_address(CODE - MODEL_BASE + 3, 2);
	expect(open(NATIVE_OPEN_CALL_WRITES));
}

static void call_may_write_nothing_else(void)
{
	call64();
	*at(DATA + 0x7f8) ^= 1;
	expect(reported());
	call64();
	*at(DATA + 0x7ff) ^= 1;
	expect(reported());
	call64();
	*at(DATA + 0x7f7) ^= 1;
	expect(reported());
	call64();
	*at(DATA + 0x800) ^= 1;
	expect(reported());
	call64();
	c.n.regs[GPR_RSP] -= 8;
	expect(reported());
	call64();
	c.n.rflags ^= EFL_ZF;
	expect(reported());
	call64();
	cpu_faults(VECTOR_SS, 0, 0);
	expect(reported());
	call64();
	cpu_faults(VECTOR_GP, 8, 0);
	expect(reported());
	/* Its operand can't be read, so it does not know where to go. */
	BEGIN(64, 0xff, 0x10);				/* call [rax] */
	m.e.regs[GPR_RAX] = NOT_CANONICAL;
	written_return_address(CODE + 2, 8);
	expect(reported());
	BEGIN(64, 0xff, 0xe0);				/* jmp rax */
	m.e.regs[GPR_RAX] = NOT_CANONICAL;
	written_return_address(CODE + 2, 8);
	expect(reported());
}

/* An access of 4 bytes through DS. */
static void load32(u64 address)
{
	BEGIN(32, 0x8b, 0x03);				/* mov eax, [ebx] */
	m.e.regs[GPR_RBX] = address;
}

static void past_4g_the_cpu_may_go_on(void)
{
	load32(0xfffffffd);
	run();
	expect(c.result == EMU_FAULT && m.e.fault.vector == VECTOR_GP);
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffd);
	expect(open(NATIVE_OPEN_PAST_4G));
	load32(0xfffffffd);
	run();
	cpu_faults(VECTOR_AC, 0, 0);
	expect(open(NATIVE_OPEN_PAST_4G));
	BEGIN(32, 0x50);				/* push eax */
	m.e.regs[GPR_RSP] = 2;
	run();
	expect(m.e.fault.vector == VECTOR_SS);
	cpu_faults(NATIVE_PF, READ_FAULT | 2, 0xfffffffe);
	expect(open(NATIVE_OPEN_PAST_4G));
	BEGIN(32, 0xf3, 0xa5);				/* rep movsd */
	m.e.regs[GPR_RSI] = 0xfffffffe;
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffe);
	expect(open(NATIVE_OPEN_PAST_4G));
	BEGIN(32, 0xa7);				/* cmpsd */
	m.e.regs[GPR_RSI] = 0xfffffffe;
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffe);
	expect(open(NATIVE_OPEN_PAST_4G));
	BEGIN(32, 0x60);				/* pusha */
	m.e.regs[GPR_RSP] = 2;
	run();
	cpu_faults(NATIVE_PF, READ_FAULT | 2, 0xffffffe2);
	expect(open(NATIVE_OPEN_PAST_4G));
	load32(0xfffffffd);
	m.e.seg[SEG_DS].base = MODEL_BASE;
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, MODEL_BASE);
	expect(open(NATIVE_OPEN_PAST_4G));
}

static bool goes_on(void)
{
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffd);
	return !reported();
}

static void past_4g_nothing_else_is_open(void)
{
	load32(0xfffffffc);				/* ends with the last byte */
	run();
	cpu_faults(VECTOR_GP, 0, 0);
	expect(reported());
	load32(0xfffffffd);
	m.e.seg[SEG_DS].limit = U32_MAX - 1;
	expect(!goes_on());
	load32(0xfffffffd);
	m.e.seg[SEG_DS].attr |= SEG_ATTR_DOWN;
	expect(!goes_on());
	load32(0xfffffffd);
	m.e.seg[SEG_DS].attr |= SEG_ATTR_UNUSABLE;
	expect(!goes_on());
	BEGIN(32, 0x89, 0x03);				/* mov [ebx], eax */
	m.e.regs[GPR_RBX] = 0xfffffffd;
	m.e.seg[SEG_DS].attr &= ~SEG_ATTR_WRITABLE;
	expect(!goes_on());
	BEGIN(64, 0x8b, 0x03);				/* mov eax, [rbx] */
	m.e.regs[GPR_RBX] = NOT_CANONICAL - 3;
	expect(!goes_on());
	/* Faults that this access does not meet, none at all, and a register that changes. */
	load32(0xfffffffd);
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffc);
	expect(reported());
	load32(0xfffffffd);
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 1ULL << 32 | 1);
	expect(reported());
	load32(0xfffffffd);
	run();
	cpu_faults(VECTOR_UD, 0, 0);
	expect(reported());
	load32(0xfffffffd);
	run();
	cpu_faults(VECTOR_SS, 0, 0);
	expect(reported());
	load32(0xfffffffd);
	run();
	cpu_faults(NATIVE_DB, 0, 0);
	expect(reported());
	load32(0xfffffffd);
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffd);
	c.n.regs[GPR_RAX] ^= 1;
	expect(reported());
}

/* Both operands of a CMPS of 4 bytes. */
static void cmps(enum emu_insn_mode mode, u64 rsi, u64 rdi)
{
	begin(mode, (const u8[]) { 0xa7 }, 1);
	m.e.regs[GPR_RSI] = rsi;
	m.e.regs[GPR_RDI] = rdi;
	m.e.rflags |= EFL_AC;
}

static void cmps64(u64 rdi)
{
	cmps(MODE_64, HOLE, rdi);
	run();
}

static void cmps_may_begin_with_its_target(void)
{
	cmps64(HOLE2);
	cpu_faults(NATIVE_PF, READ_FAULT, HOLE2);
	expect(open(NATIVE_OPEN_CMPS_ORDER));
	cmps64(HOLE2 + 1);
	cpu_faults(VECTOR_AC, 0, 0);
	expect(open(NATIVE_OPEN_CMPS_ORDER));
	cmps(MODE_32, HOLE, DATA);
	m.e.seg[SEG_ES].limit = DATA - 1;
	run();
	cpu_faults(VECTOR_GP, 0, 0);
	expect(open(NATIVE_OPEN_CMPS_ORDER));
	/* Past 4 GiB it may go on there as well. */
	cmps(MODE_32, HOLE, 0xfffffffe);
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffe);
	expect(open(NATIVE_OPEN_CMPS_ORDER));
	cmps(MODE_32, 0xfffffffe, HOLE2);
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, HOLE2);
	expect(open(NATIVE_OPEN_CMPS_ORDER));
}

static void cmps_has_no_other_fault(void)
{
	cmps64(HOLE2);
	cpu_faults(NATIVE_PF, READ_FAULT, HOLE2 + 4);
	expect(reported());
	cmps64(HOLE2);
	cpu_faults(NATIVE_PF, READ_FAULT | 2, HOLE2);
	expect(reported());
	cmps64(HOLE2);
	cpu_faults(VECTOR_AC, 0, 0);
	expect(reported());
	cmps64(HOLE2);
	cpu_faults(NATIVE_DB, 0, 0);
	expect(reported());
	cmps64(HOLE2);
	cpu_faults(NATIVE_PF, READ_FAULT, HOLE2);
	c.n.regs[GPR_RDI] += 4;
	expect(reported());
	cmps(MODE_32, HOLE, 0xfffffffe);
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, 0xfffffffd);
	expect(reported());
	cmps64(DATA);					/* readable */
	cpu_faults(NATIVE_PF, READ_FAULT, DATA);
	expect(reported());
	cmps(MODE_64, DATA, HOLE2);		/* only the target faults */
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, DATA);
	expect(reported());
	BEGIN(64, 0xa5);				/* movsd */
	m.e.regs[GPR_RSI] = HOLE;
	m.e.regs[GPR_RDI] = HOLE2;
	run();
	cpu_faults(NATIVE_PF, READ_FAULT, HOLE2);
	expect(reported());
}

/* REPNE CMPSB that is not at its end; the CPU has flags that it never had as it went. */
static void rep_cmps(u64 rdi, u64 flags)
{
	BEGIN(64, 0xf2, 0xa6);
	m.e.regs[GPR_RCX] = 4;
	m.e.regs[GPR_RSI] = DATA;
	m.e.regs[GPR_RDI] = rdi;
	m.memory[4 * MODEL_PAGE] = 0x10;
	m.memory[4 * MODEL_PAGE + 1] = 0x10;
	m.e.rflags |= flags;
	run();
	c.n.rflags = (m.e.rflags & ~EFL_STATUS) | (flags & EFL_STATUS);
}

static void rep_that_has_not_ended_may_have_old_flags(void)
{
	/* A page ends after one iteration; or there is a trap after it. */
	rep_cmps(CONST_END - 1, EFL_ZF | EFL_OF);
	expect(c.result == EMU_FAULT && m.e.regs[GPR_RCX] == 3);
	expect(open(NATIVE_OPEN_REP_FLAGS));
	rep_cmps(DATA + 0x20, EFL_ZF | EFL_OF | EFL_TF);
	expect(m.e.regs[GPR_RCX] == 3 && open(NATIVE_OPEN_REP_FLAGS));
	BEGIN(64, 0xf2, 0xae);				/* repne scasb */
	m.e.regs[GPR_RDI] = CONST_END - 1;
	m.e.rflags |= EFL_ZF | EFL_OF;
	run();
	c.n.rflags = c.before.rflags;
	expect(open(NATIVE_OPEN_REP_FLAGS));
}

static void rep_has_no_other_flags(void)
{
	unsigned int bit;

	/* One flag of neither; those that are no result of it. */
	for (bit = 0; bit < 22; bit++) {
		rep_cmps(CONST_END - 1, EFL_ZF | EFL_OF);
		c.n.rflags ^= BIT(bit);
		if (BIT(bit) != EFL_RF)
			expect(reported());
	}
	/* At its end. */
	rep_cmps(DATA + 0x20, EFL_ZF | EFL_OF);
	expect(m.e.rip == CODE + 2 && reported());
	/* It may not say that it is at its end, either. */
	rep_cmps(CONST_END - 1, EFL_ZF | EFL_OF);
	c.n.rip += 2;
	expect(reported());
	rep_cmps(CONST_END - 1, EFL_ZF | EFL_OF);
	c.n.regs[GPR_RCX]++;
	expect(reported());
	BEGIN(64, 0xa6);				/* cmpsb */
	m.e.rflags |= EFL_ZF | EFL_OF;
	run();
	c.n.rflags = c.before.rflags;
	expect(reported());
}

static void clear_upper_half(u8 reg)
{
	c.n.regs[reg] = (u32)c.n.regs[reg];
}

/* REP STOSB with 32-bit addresses, and something in all upper halves. */
static void rep_stos(u64 ecx, u64 edi)
{
	unsigned int i;

	BEGIN(64, 0x67, 0xf3, 0xaa);
	for (i = 0; i < NR_GPRS; i++)
		m.e.regs[i] |= HIGH;
	m.e.regs[GPR_RCX] = HIGH | ecx;
	m.e.regs[GPR_RDI] = HIGH | edi;
	run();
}

static void rep_may_clear_upper_halves_first(void)
{
	static const u8 cleared[] = { GPR_RCX, GPR_RSI, GPR_RDI };
	unsigned int i;

	for (i = 0; i < sizeof(cleared); i++) {
		rep_stos(0, DATA);
		clear_upper_half(cleared[i]);
		expect(open(NATIVE_OPEN_REP_COUNTERS));
		rep_stos(3, HOLE);
		clear_upper_half(cleared[i]);
		expect(open(NATIVE_OPEN_REP_COUNTERS));
	}
	rep_stos(0, DATA);
	for (i = 0; i < sizeof(cleared); i++)
		clear_upper_half(cleared[i]);
	expect(open(NATIVE_OPEN_REP_COUNTERS));
}

static void rep_changes_no_other_register(void)
{
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++) {
		rep_stos(0, DATA);
		clear_upper_half(i);
		if (i != GPR_RCX && i != GPR_RSI && i != GPR_RDI)
			expect(reported());
		rep_stos(3, HOLE);
		c.n.regs[i] = (u32)c.n.regs[i] ^ 1;
		expect(reported());
		rep_stos(0, DATA);
		c.n.regs[i] ^= 1ULL << 32;
		expect(reported());
	}
	/* Something has happened: one iteration, or all. */
	rep_stos(3, CONST_END - 2 * MODEL_PAGE + MODEL_PAGE - 1);
	expect((u32)c.n.regs[GPR_RCX] == 2);
	clear_upper_half(GPR_RSI);
	expect(reported());
	rep_stos(3, DATA);
	clear_upper_half(GPR_RSI);
	expect(reported());
	BEGIN(64, 0x67, 0xaa);				/* stosb */
	m.e.regs[GPR_RDI] = HIGH | HOLE;
	run();
	clear_upper_half(GPR_RDI);
	expect(reported());
	BEGIN(64, 0xf3, 0xaa);				/* rep stosb, 64-bit addresses */
	m.e.regs[GPR_RDI] = HIGH | HOLE;
	run();
	clear_upper_half(GPR_RDI);
	expect(reported());
}

/* The lower bound is the last of a page, so that the upper one can't be read. */
static void bound(u32 index, u64 address)
{
	u32 lower = 5;

	BEGIN(32, 0x62, 0x03);				/* bound eax, [ebx] */
	m.e.regs[GPR_RAX] = index;
	m.e.regs[GPR_RBX] = address;
	memcpy(m.memory + (CONST_END - 4 - MODEL_BASE), &lower, 4);
	run();
	cpu_faults(VECTOR_BR, 0, 0);
}

static void bound_may_stop_at_the_lower_bound(void)
{
	bound(4, CONST_END - 4);
	expect(m.e.fault.vector == NATIVE_PF && open(NATIVE_OPEN_BOUND_ORDER));
	bound(0x80000000, CONST_END - 4);
	expect(open(NATIVE_OPEN_BOUND_ORDER));
}

static void bound_must_have_a_reason(void)
{
	bound(5, CONST_END - 4);
	expect(reported());
	bound(4, CONST_END);				/* no lower bound, either */
	expect(reported());
	bound(0x80000000, CONST_END);
	expect(reported());
	BEGIN(32, 0x87, 0x03);				/* xchg eax, [ebx] */
	m.e.regs[GPR_RAX] = 0x80000000;
	m.e.regs[GPR_RBX] = CONST_END - 4;
	run();
	cpu_faults(VECTOR_BR, 0, 0);
	expect(reported());
	bound(4, CONST_END - 4);
	cpu_faults(VECTOR_GP, 0, 0);
	expect(reported());
	bound(4, CONST_END - 4);
	cpu_faults(VECTOR_BR, 4, 0);
	expect(reported());
	bound(4, CONST_END - 4);
	cpu_faults(NATIVE_DB, 0, 0);
	expect(reported());
	bound(4, CONST_END - 4);
	c.n.regs[GPR_RAX] ^= 1;
	expect(reported());
}

static bool open_insn(const u8 *bytes)
{
	struct emu_insn insn;

	return decode_insn(&insn, bytes, EMU_INSN_MAX, MODE_64) > 0 &&
	       native_open_insn(&insn);
}

#define INSN(...) ((const u8[EMU_INSN_MAX]) { __VA_ARGS__ })

static void f3_rex_90_is_not_run(void)
{
	expect(open_insn(INSN(0xf3, 0x41, 0x90)));
	expect(open_insn(INSN(0x66, 0xf3, 0x49, 0x90)));
	expect(!open_insn(INSN(0x41, 0x90)));
	expect(!open_insn(INSN(0xf2, 0x41, 0x90)));
	expect(!open_insn(INSN(0xf3, 0x90)));		/* pause */
	expect(!open_insn(INSN(0xf3, 0x41, 0x91)));
	expect(!open_insn(INSN(0xf3, 0x41, 0x87, 0xc0)));
}

static void vmcall_and_verw_with_prefixes_are_not_run(void)
{
	expect(native_open_invalid((const u8[]) { 0x0f, 0x01, 0xc1 }));
	expect(!native_open_invalid((const u8[]) { 0x0f, 0x01, 0xc2 }));
	expect(native_open_invalid((const u8[]) { 0x0f, 0x00, 0x2f }));
	expect(native_open_invalid((const u8[]) { 0x0f, 0x00, 0xaf }));
	expect(!native_open_invalid((const u8[]) { 0x0f, 0x00, 0xef }));	/* a register */
	expect(!native_open_invalid((const u8[]) { 0x0f, 0x00, 0x27 }));	/* verr */
	expect(!native_open_invalid((const u8[]) { 0x0f, 0x01, 0x2f }));
}

/* No kind may be met where the two agree. */
static void agreement_is_no_kind(void)
{
	BEGIN(64, 0xff, 0xd0);				/* call rax */
	m.e.regs[GPR_RAX] = NOT_CANONICAL;
	run();
	expect(agrees());
	load32(0xfffffffd);
	run();
	expect(agrees());
	cmps64(HOLE2);
	expect(agrees());
	rep_cmps(CONST_END - 1, EFL_ZF | EFL_OF);
	c.n.rflags = m.e.rflags;
	expect(agrees());
	rep_stos(0, DATA);
	expect(agrees());
	bound(4, CONST_END - 4);
	cpu_faults(NATIVE_PF, READ_FAULT, CONST_END);
	expect(agrees());
}

static void vendors_follow_amd_or_intel(void)
{
	expect(native_cpu_ways("AuthenticAMD") == EMU_AMD);
	expect(native_cpu_ways("HygonGenuine") == EMU_AMD);
	expect(native_cpu_ways("GenuineIntel") == 0);
	expect(native_cpu_ways("CentaurHauls") == 0);
	expect(native_cpu_ways("  Shanghai  ") == 0);
	expect(native_cpu_ways("NobodyKnows.") == 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
#define TEST(name) { #name, name }
	TEST(call_may_write_its_return_address),
	TEST(call_may_write_nothing_else),
	TEST(past_4g_the_cpu_may_go_on),
	TEST(past_4g_nothing_else_is_open),
	TEST(cmps_may_begin_with_its_target),
	TEST(cmps_has_no_other_fault),
	TEST(rep_that_has_not_ended_may_have_old_flags),
	TEST(rep_has_no_other_flags),
	TEST(rep_may_clear_upper_halves_first),
	TEST(rep_changes_no_other_register),
	TEST(bound_may_stop_at_the_lower_bound),
	TEST(bound_must_have_a_reason),
	TEST(f3_rex_90_is_not_run),
	TEST(vmcall_and_verw_with_prefixes_are_not_run),
	TEST(agreement_is_no_kind),
	TEST(vendors_follow_amd_or_intel),
};

int main(void)
{
	unsigned int i;

	tap_plan(ARRAY_SIZE(tests));
	tap_note("%s", native_cpu_name());
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		complaint = NULL;
		tests[i].run();
		if (complaint)
			tap_note("expected %s", complaint);
		tap_result(!complaint, "%s", tests[i].name);
	}
	return tap_exit();
}
