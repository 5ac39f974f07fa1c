// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the CPU: the same instruction, on the same registers,
 * flags and memory, once natively and once emulated. Registers, SSE registers,
 * flags, memory, RIP, and the fault with its error code and address must agree.
 *
 * What the manuals leave undefined is masked here, per instruction; the emulator
 * has no notion of it. Everything else that differs is a failure.
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>

#include "emulate/decode.h"
#include "emulate/emu.h"
#include "generate.h"
#include "native.h"
#include "tap.h"

#define MAX_REPORTS	12
#define VECTOR_DB	1
#define VECTOR_BP	3
#define VECTOR_PF	14

enum segment_index {
	SEG_CODE32, SEG_CODE32_LIMIT, SEG_CODE32_EXEC_ONLY, SEG_CODE16,
	SEG_FLAT, SEG_BASED, SEG_LIMIT, SEG_READ_ONLY, SEG_DOWN, SEG_DOWN16, SEG_DATA16,
	SEG_ODD, NR_SEGMENTS,
};

#define DATA_OFFSET	(4 * MODEL_PAGE)

static const struct native_segment segments[NR_SEGMENTS] = {
	[SEG_CODE32] = { "code 32", MODEL_BASE, 0xfffff, 2, true, false, true },
	[SEG_CODE32_LIMIT] = { "code 32 limited", MODEL_BASE, 3 * MODEL_PAGE - 200, 2, true },
	[SEG_CODE32_EXEC_ONLY] = { "code 32 execute only", 0, 0xfffff, 2, true, true, true },
	[SEG_CODE16] = { "code 16", MODEL_BASE, 0xffff, 2, false },
	[SEG_FLAT] = { "flat", 0, 0xfffff, 0, true, false, true },
	[SEG_BASED] = { "based", MODEL_BASE + DATA_OFFSET, 0x7fff, 0, true },
	[SEG_LIMIT] = { "limited", MODEL_BASE + DATA_OFFSET, MODEL_PAGE + 77, 0, true },
	[SEG_READ_ONLY] = { "read-only", MODEL_BASE, 0xfffff, 0, true, true, true },
	[SEG_DOWN] = { "expand-down", MODEL_BASE, DATA_OFFSET + 1000, 1, true },
	[SEG_DOWN16] = { "expand-down 16", MODEL_BASE, DATA_OFFSET + 1000, 1, false },
	[SEG_DATA16] = { "data 16", MODEL_BASE, 0xffff, 0, false },
	[SEG_ODD] = { "odd base", MODEL_BASE + 0x123, 0xffff, 0, true },
};

static struct model model;
static struct emulator before;		/* model.e as the case began */
static u16 features;
static u64 cr4_bits;

struct statistics {
	unsigned long cases;
	unsigned long retired;
	unsigned long faults[32];
	unsigned long crossings;
	unsigned long unhandled;
	unsigned long failures;
	unsigned long per_op[EMU_NR_OPS];
	unsigned long invalid;
};

/* Undefined flags, and whether the result is undefined as well. */

static unsigned int shift_count(const struct emu_insn *insn,
				const struct emulator *e)
{
	unsigned int mask = insn->operand_size == 8 ? 63 : 31;
	u8 operand = insn->src2 ? insn->src2 : insn->src;

	switch (operand) {
	case OPD_1:
		return 1;
	case OPD_CL:
		return e->regs[GPR_RCX] & mask;
	}
	return insn->imm & mask;
}

static u64 undefined_shift(const struct emu_insn *insn,
			   const struct emulator *e)
{
	unsigned int count = shift_count(insn, e), bits = 8 * insn->operand_size;
	u64 flags = 0;

	if (!count)
		return 0;
	if (count != 1)
		flags |= EFL_OF;
	switch (insn->op) {
	case OP_SHL:
	case OP_SHR:
		flags |= EFL_AF | (count >= bits ? EFL_CF : 0);
		break;
	case OP_SAR:
		flags |= EFL_AF;
		break;
	case OP_SHLD:
	case OP_SHRD:
		flags |= EFL_AF | (count > bits ? EFL_STATUS : 0);
		break;
	}
	return flags;
}

static u64 undefined_flags(const struct emu_insn *insn,
			   const struct emulator *e)
{
	switch (insn->op) {
	case OP_MUL:
	case OP_IMUL:
	case OP_IMUL1:
		return EFL_SF | EFL_ZF | EFL_AF | EFL_PF;
	case OP_DIV:
	case OP_IDIV:
		return EFL_STATUS;
	case OP_ROL:
	case OP_ROR:
	case OP_RCL:
	case OP_RCR:
	case OP_SHL:
	case OP_SHR:
	case OP_SAR:
	case OP_SHLD:
	case OP_SHRD:
		return undefined_shift(insn, e);
	case OP_BT:
	case OP_BTS:
	case OP_BTR:
	case OP_BTC:
		return EFL_OF | EFL_SF | EFL_AF | EFL_PF;
	case OP_BSF:
	case OP_BSR:
		return EFL_CF | EFL_OF | EFL_SF | EFL_AF | EFL_PF;
	case OP_TZCNT:
	case OP_LZCNT:
		return EFL_OF | EFL_SF | EFL_AF | EFL_PF;
	case OP_AND:
	case OP_OR:
	case OP_XOR:
	case OP_TEST:
		return EFL_AF;
	case OP_ANDN:
	case OP_BLSR:
	case OP_BLSI:
	case OP_BLSMSK:
	case OP_BZHI:
		return EFL_AF | EFL_PF;
	case OP_BEXTR:
		return EFL_AF | EFL_PF | EFL_SF;
	case OP_AAA:
	case OP_AAS:
		return EFL_OF | EFL_SF | EFL_ZF | EFL_PF;
	case OP_AAM:
	case OP_AAD:
		return EFL_OF | EFL_AF | EFL_CF;
	case OP_DAA:
	case OP_DAS:
		return EFL_OF;
	}
	return 0;
}

static bool undefined_result(const struct emu_insn *insn,
			     const struct emulator *e)
{
	switch (insn->op) {
	case OP_SHLD:
	case OP_SHRD:
		return shift_count(insn, e) > 8 * insn->operand_size;
	case OP_BSWAP:
		return insn->operand_size == 2;
	}
	return false;
}

/* What may run here: nothing that blocks, and nothing that is not emulated. */
static bool wanted(const struct generated *g)
{
	const struct emu_insn *insn = &g->insn;

	if (g->length <= 0 || !emu_op_emulated(insn->op))
		return false;
	/* Whether the CPU has it although CPUID says no can't be told. */
	if (insn->op == OP_MOVDIRI && !(features & EMU_MOVDIRI))
		return false;
	/* With UMIP it is the kernel that answers, in its own way. */
	if (insn->op == OP_SMSW)
		return false;
	/* A reserved use of REP: AMD takes the condition from the prefix. */
	if ((insn->op == OP_LOOPE || insn->op == OP_LOOPNE) && insn->rep)
		return false;
	/* PREFETCH of a register: AMD says #UD, Intel lets it pass. */
	if (insn->op == OP_NOP && insn->map == OPCODE_MAP_0F &&
	    insn->opcode == 0x0d && !insn->memory)
		return false;
	/* Vendors differ, and the emulator refuses. */
	if ((insn->flags & F_BRANCH) && insn->mode == MODE_64 &&
	    insn->has_operand_prefix)
		return false;
	return true;
}

/*
 * What the decoder calls invalid must be #UD for the CPU, but for two things that
 * are the CPU's own affair: whether it notices first that an instruction is invalid
 * or that it is too long, and whether a prefix spoils VMCALL, with which not the CPU
 * answers but the hypervisor that this machine may run under.
 */
static bool refused(const struct generated *g)
{
	static const u8 prefixes[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
	};
	unsigned int i = 0;

	if (g->length != DECODE_INVALID)
		return false;
	while (i < EMU_INSN_MAX && (memchr(prefixes, g->bytes[i], sizeof(prefixes)) ||
					(g->insn.mode == MODE_64 && (g->bytes[i] & 0xf0) == 0x40)))
		i++;
	/* Behind four prefixes, eleven bytes are left: no instruction needs more. */
	return i <= 4 && memcmp(g->bytes + i, "\x0f\x01\xc1", 3);
}

static u16 pick(struct random *r, const u8 *choices, unsigned int n)
{
	return native_selector(choices[random_below(r, n)]);
}

static u16 data_segment(struct random *r, enum emu_insn_mode mode)
{
	static const u8 choices[] = {
		SEG_FLAT, SEG_FLAT, SEG_BASED, SEG_LIMIT, SEG_READ_ONLY, SEG_DOWN,
		SEG_DOWN16, SEG_DATA16, SEG_ODD, SEG_CODE32,
	};
	static const u8 choices16[] = {
		SEG_BASED, SEG_LIMIT, SEG_DOWN, SEG_DOWN16, SEG_DATA16, SEG_DATA16,
		SEG_DATA16, SEG_ODD,
	};

	if (!random_below(r, 40))
		return 0;
	if (mode == MODE_16)
		return pick(r, choices16, sizeof(choices16));
	return pick(r, choices, sizeof(choices));
}

static void choose_segments(struct random *r, enum emu_insn_mode mode,
			    struct native_state *n)
{
	static const u8 code32[] = {
		SEG_CODE32, SEG_CODE32_LIMIT, SEG_CODE32_EXEC_ONLY,
	};
	static const u8 stacks[] = { SEG_FLAT, SEG_BASED, SEG_LIMIT, SEG_DOWN, SEG_DATA16,
		SEG_DOWN16 };
	unsigned int i;

	if (mode == MODE_64) {
		n->seg[SEG_CS] = 0x33;
		n->seg[SEG_SS] = 0x2b;
		n->fs_base = random_below(r, 2) ? 0 : generate_linear(r) - 0x100;
		n->gs_base = random_below(r, 2) ? 0 : generate_linear(r) - 0x100;
		return;
	}
	for (i = 0; i < NR_SEGS; i++)
		n->seg[i] = data_segment(r, mode);
	n->seg[SEG_SS] = pick(r, stacks, sizeof(stacks));
	if (mode == MODE_16)
		n->seg[SEG_CS] = native_selector(SEG_CODE16);
	else if (random_below(r, 3))
		n->seg[SEG_CS] = 0x23;
	else
		n->seg[SEG_CS] = pick(r, code32, sizeof(code32));
}

static void describe_segments(const struct native_state *n, struct emulator *e)
{
	unsigned int i;

	for (i = 0; i < NR_SEGS; i++)
		native_describe(n->seg[i], segments, &e->seg[i]);
	if (n->seg[SEG_CS] == 0x33) {
		e->seg[SEG_FS].base = n->fs_base;
		e->seg[SEG_GS].base = n->gs_base;
	}
}

static void choose_control(struct emulator *e)
{
	e->cr0 = 0x80050033;
	e->cr4 = cr4_bits;
	e->efer = 0xd01;
	e->cpl = 3;
	e->features = features;
}

/*
 * Mostly in the middle of a page of code, sometimes across its end. Not so if
 * invalid: how many bytes a CPU fetches before it notices is its own business.
 */
static u64 choose_place(struct random *r, int length)
{
	switch (length > 0 ? random_below(r, 16) : 2) {
	case 0:
		return MODEL_BASE + 2 * MODEL_PAGE - random_below(r, 16);
	case 1:
		return MODEL_BASE + 3 * MODEL_PAGE - random_below(r, length + 4);
	}
	return MODEL_BASE + MODEL_PAGE + random_below(r, MODEL_PAGE - 16);
}

/* Steps show branches and single iterations; without them REP runs through. */
static bool single_step(struct random *r, const struct emu_insn *insn)
{
	switch (insn->op) {
	case OP_PUSHF:
	case OP_POPF:
		return random_below(r, 8) == 0;
	}
	return (insn->flags & F_BRANCH) || random_below(r, 4) == 0;
}

/* Both memories are the same between two cases. */
static void put(u64 linear, const void *bytes, unsigned int size)
{
	memcpy(model.memory + (linear - MODEL_BASE), bytes, size);
	memcpy(native_memory() + (linear - MODEL_BASE), bytes, size);
}

static void choose_memory(struct random *r)
{
	u8 bytes[64];

	random_bytes(r, bytes, sizeof(bytes));
	put(MODEL_BASE + random_below(r, MODEL_SIZE - sizeof(bytes)), bytes, sizeof(bytes));
}

static void to_native(struct native_state *n)
{
	memcpy(n->regs, before.regs, sizeof(n->regs));
	n->rip = before.rip;
	n->rflags = before.rflags;
	memcpy(n->xmm, model.xmm, sizeof(n->xmm));
}

static void place(struct random *r, struct emulator *e, struct generated *g)
{
	u64 linear = choose_place(r, g->length);

	e->rip = emu_is_64bit(e) ? linear : (u32)(linear - e->seg[SEG_CS].base);
	if (g->length > 0)
		generate_operands(r, e, g);
	put(linear, g->bytes, g->length > 0 ? g->length + 1 : EMU_INSN_MAX);
}

static void generate_case(struct random *r, enum emu_insn_mode mode, struct generated *g,
			  generate_filter filter, struct native_state *n)
{
	struct emulator *e = &model.e;
	unsigned int i;

	memset(n, 0, sizeof(*n));
	choose_segments(r, mode, n);
	describe_segments(n, e);
	choose_control(e);
	choose_memory(r);
	generate_insn(r, mode, g, filter);
	generate_registers(r, e);
	place(r, e, g);
	if (mode != MODE_64)
		for (i = 0; i < NR_GPRS; i++)
			e->regs[i] = (u32)e->regs[i];
	random_bytes(r, model.xmm[random_below(r, 16)], 16);
	if (g->length <= 0 || single_step(r, &g->insn))
		e->rflags |= EFL_TF;
	before = *e;
	to_native(n);
}

/* Native and emulated results in the same words. */
struct outcome {
	bool fault;
	u8 vector;
	u32 error;
	u64 address;
};

static u64 linear_rip(u64 rip)
{
	return emu_is_64bit(&before) ? rip : (u32)(rip + before.seg[SEG_CS].base);
}

static void native_outcome(struct native_state *n, struct outcome *o)
{
	*o = (struct outcome) { 0 };
	switch (n->vector) {
	case VECTOR_DB:
		return;
	case VECTOR_BP:
		n->rip--;
		return;
	case VECTOR_PF:
		/* The instruction was done and the next one can't be fetched. */
		if ((n->error & 0x10) && n->rip != before.rip &&
		    n->cr2 == linear_rip(n->rip))
			return;
		o->address = n->cr2;
		/* Linux hides what of its own addresses is mapped. */
		if ((s64)n->cr2 < 0)
			n->error &= ~1;
		break;
	case VECTOR_GP:
		/* The same, beyond the limit of the code segment. */
		if (!emu_is_64bit(&before) && n->rip != before.rip &&
		    n->rip > before.seg[SEG_CS].limit)
			return;
		break;
	}
	o->fault = true;
	o->vector = n->vector;
	o->error = n->error;
}

static void emulated_outcome(struct model *m, int result, struct outcome *o)
{
	*o = (struct outcome) { 0 };
	if (result != EMU_FAULT)
		return;
	o->fault = true;
	o->vector = m->e.fault.vector;
	o->error = m->e.fault.error;
	o->address = m->e.fault.vector == VECTOR_PF ? m->e.fault.address : 0;
}

static bool same_reg(const struct native_state *n, const struct model *m, unsigned int reg)
{
	if (emu_is_64bit(&before))
		return n->regs[reg] == m->e.regs[reg];
	return reg >= 8 || (u32)n->regs[reg] == (u32)m->e.regs[reg];
}

static const char *compare_memory(void)
{
	static char text[96];
	unsigned int i;

	if (!memcmp(model.memory, native_memory(), MODEL_SIZE))
		return NULL;
	for (i = 0; model.memory[i] == native_memory()[i]; i++)
		;
	sprintf(text, "memory at %llx: %x, emulated %x", MODEL_BASE + i,
		native_memory()[i], model.memory[i]);
	return text;
}

static const char *compare_state(const struct generated *g, const struct native_state *n,
				 const struct model *m)
{
	static char text[96];
	u64 ignored = EFL_RF | undefined_flags(&g->insn, &before);
	bool ignore_result = undefined_result(&g->insn, &before);
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++) {
		if (same_reg(n, m, i) || ignore_result)
			continue;
		sprintf(text, "register %u: %llx, emulated %llx", i,
			n->regs[i], m->e.regs[i]);
		return text;
	}
	if (n->rip != m->e.rip) {
		sprintf(text, "RIP %llx, emulated %llx", n->rip, m->e.rip);
		return text;
	}
	if ((n->rflags ^ m->e.rflags) & ~ignored) {
		sprintf(text, "flags %llx, emulated %llx (not %llx)", n->rflags,
			m->e.rflags, ignored);
		return text;
	}
	if (memcmp(n->xmm, m->xmm, sizeof(n->xmm)))
		return "SSE registers";
	return ignore_result ? NULL : compare_memory();
}

/*
 * A CPU that faults in the middle of these has moved some of the data; restarting
 * them does no harm. The emulator moves all or nothing.
 */
static bool partly_done(const struct generated *g)
{
	switch (g->insn.op) {
	case OP_PUSHA:
	case OP_POPA:
	case OP_ENTER:
		return true;
	}
	return false;
}

static const char *compare(const struct generated *g, struct native_state *n,
			   struct model *m, int result)
{
	static char text[96];
	struct outcome native, emulated;

	native_outcome(n, &native);
	emulated_outcome(m, result, &emulated);
	if (native.fault != emulated.fault || native.vector != emulated.vector ||
	    native.error != emulated.error || native.address != emulated.address) {
		sprintf(text, "fault %d/%x/%llx, emulated %d/%x/%llx",
			native.fault ? native.vector : -1, native.error, native.address,
			emulated.fault ? emulated.vector : -1, emulated.error,
			emulated.address);
		return text;
	}
	if (native.fault && partly_done(g))
		return same_reg(n, m, GPR_RSP) ? NULL : "RSP";
	return compare_state(g, n, m);
}

static void report(const struct generated *g, const struct native_state *n, const char *wrong)
{
	char text[64] = "";
	int i;

	for (i = 0; i < (g->length > 0 ? g->length : 8); i++)
		sprintf(text + 3 * i, "%02x ", g->bytes[i]);
	tap_note("%d-bit %s%s at %llx: %s", 16 << g->insn.mode, text,
		 g->length > 0 ? emu_op_name(g->insn.op) : "invalid", before.rip,
		 wrong);
	tap_note("  ax %llx cx %llx dx %llx bx %llx sp %llx bp %llx si %llx di %llx fl %llx",
		 before.regs[0], before.regs[1], before.regs[2], before.regs[3],
		 before.regs[4], before.regs[5], before.regs[6], before.regs[7],
		 before.rflags);
	tap_note("  es %x cs %x ss %x ds %x fs %x gs %x", n->seg[0], n->seg[1], n->seg[2],
		 n->seg[3], n->seg[4], n->seg[5]);
}

static void count(struct statistics *stats, const struct generated *g, int result)
{
	stats->cases++;
	if (g->length > 0)
		stats->per_op[g->insn.op]++;
	else
		stats->invalid++;
	if (result == EMU_FAULT)
		stats->faults[model.e.fault.vector & 31]++;
	else
		stats->retired++;
}

static void run_case(struct random *r, enum emu_insn_mode mode, generate_filter filter,
		     struct statistics *stats)
{
	struct native_state n;
	struct generated g;
	const char *wrong;
	int result;

	generate_case(r, mode, &g, filter, &n);
	native_run(&n);
	result = model_run(&model, 100000);
	if (result == EMU_UNHANDLEABLE || result == EMU_EXIT) {
		stats->unhandled++;
		wrong = "not handled";
	} else {
		wrong = compare(&g, &n, &model, result);
	}
	count(stats, &g, result);
	if (wrong && stats->failures++ < MAX_REPORTS)
		report(&g, &n, wrong);
	memcpy(native_memory(), model.memory, MODEL_SIZE);
}

static void show(const struct statistics *stats)
{
	tap_note("%lu retired; #DE %lu #BR %lu #UD %lu #SS %lu #GP %lu #PF %lu #AC %lu",
		 stats->retired, stats->faults[0], stats->faults[5], stats->faults[6],
		 stats->faults[12], stats->faults[13], stats->faults[14], stats->faults[17]);
}

/* Every operation that is emulated must have run, in one mode or another. */
static void check_coverage(const unsigned long *per_op)
{
	unsigned int op, missing = 0;

	for (op = 0; op < EMU_NR_OPS; op++) {
		if (!emu_op_emulated(op) || per_op[op])
			continue;
		if (op == OP_MOVDIRI && !(features & EMU_MOVDIRI))
			continue;
		if (op == OP_SMSW)
			continue;
		tap_note("never ran: %s", emu_op_name(op));
		missing++;
	}
	tap_result(!missing, "every emulated operation was run");
}

static void read_features(void)
{
	unsigned int a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d)) {
		features |= c & bit_MOVBE ? EMU_MOVBE : 0;
		features |= c & bit_POPCNT ? EMU_POPCNT : 0;
		features |= c & bit_CMPXCHG16B ? EMU_CX16 : 0;
		features |= c & bit_SSE4_2 ? EMU_SSE42 : 0;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		features |= b & bit_BMI ? EMU_BMI1 : 0;
		features |= b & bit_BMI2 ? EMU_BMI2 : 0;
		features |= b & bit_ADX ? EMU_ADX : 0;
		features |= c & bit_MOVDIRI ? EMU_MOVDIRI : 0;
	}
	if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
		features |= c & bit_LAHF_LM ? EMU_LAHF64 : 0;
		features |= c & bit_LZCNT ? EMU_LZCNT : 0;
	}
	cr4_bits = 0x200;
}

int main(void)
{
	static const struct {
		const char *name;
		enum emu_insn_mode mode;
		unsigned long cases;
		generate_filter filter;
	} tests[] = {
		{ "64-bit", MODE_64, 200000, wanted },
		{ "32-bit", MODE_32, 120000, wanted },
		{ "16-bit", MODE_16, 80000, wanted },
		{ "64-bit, invalid", MODE_64, 10000, refused },
		{ "32-bit, invalid", MODE_32, 10000, refused },
	};
	static unsigned long per_op[EMU_NR_OPS];
	u64 seed = seed_from_environment();
	const char *missing, *no_segments;
	struct random r;
	unsigned int i, op;

	tap_plan(ARRAY_SIZE(tests) + 1);
	tap_note("SEED=%llu", (unsigned long long)seed);
	read_features();
	missing = native_init();
	no_segments = missing ? missing : native_segments(segments, NR_SEGMENTS);
	model_init(&model);
	random_seed(&r, seed);
	random_bytes(&r, model.memory, MODEL_SIZE);
	random_bytes(&r, model.xmm, sizeof(model.xmm));
	if (!missing)
		memcpy(native_memory(), model.memory, MODEL_SIZE);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		struct statistics stats = { 0 };
		unsigned long left = scaled(tests[i].cases);
		const char *why = tests[i].mode == MODE_64 ? missing : no_segments;

		if (why) {
			tap_skip(tests[i].name, why);
			continue;
		}
		while (left--)
			run_case(&r, tests[i].mode, tests[i].filter, &stats);
		show(&stats);
		tap_result(!stats.failures, "%s: %lu instructions, %lu differ",
			   tests[i].name, stats.cases, stats.failures);
		for (op = 0; op < EMU_NR_OPS; op++)
			per_op[op] += stats.per_op[op];
	}
	if (no_segments)
		tap_skip("coverage of operations", no_segments);
	else
		check_coverage(per_op);
	return tap_exit();
}
