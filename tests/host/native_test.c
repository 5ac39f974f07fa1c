// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the CPU: the same instruction, on the same registers,
 * flags and memory, once natively and once emulated. Registers, SSE registers,
 * flags, memory, RIP, and the fault with its error code and address must agree.
 */
#include <stdio.h>
#include <string.h>

#include "emulate/decode.h"
#include "emulate/emu.h"
#include "native_compare.h"
#include "native_cpu.h"
#include "native_open.h"
#include "tap.h"

#define MAX_REPORTS	12

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
static u64 cr4;		/* as far as programs notice */

struct statistics {
	unsigned long cases;
	unsigned long retired;
	unsigned long faults[32];
	unsigned long failures;
	unsigned long per_op[EMU_NR_OPS];
	unsigned long open[NATIVE_OPEN_NR];
};

/* What may run here: nothing that blocks, and nothing that is not emulated. */
static bool wanted(const struct generated *g)
{
	const struct emu_insn *insn = &g->insn;

	if (g->length <= 0 || !emu_op_emulated(insn->op))
		return false;
	if (!native_cpu_offers(insn))
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
	if (native_open_insn(insn))
		return false;
	/* Vendors differ, and the emulator refuses. */
	if ((insn->flags & F_BRANCH) && insn->mode == MODE_64 &&
	    insn->has_operand_prefix)
		return false;
	return true;
}

/*
 * What the decoder calls invalid must be #UD for the CPU. Whether it notices first that
 * an instruction is invalid or that it is too long is its own affair.
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
	return i <= 4 && !native_open_invalid(g->bytes + i);
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
	e->cr4 = cr4;
	e->efer = 0xd01;
	e->cpl = 3;
	e->features = native_cpu_features();
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

static void to_native(const struct emulator *before, struct native_state *n)
{
	memcpy(n->regs, before->regs, sizeof(n->regs));
	n->rip = before->rip;
	n->rflags = before->rflags;
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

static void generate_case(struct random *r, enum emu_insn_mode mode,
			  generate_filter filter, struct native_case *c)
{
	struct emulator *e = &model.e;
	struct generated *g = &c->g;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->m = &model;
	c->memory = native_memory();
	choose_segments(r, mode, &c->n);
	describe_segments(&c->n, e);
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
	c->before = *e;
	to_native(&c->before, &c->n);
}

static void describe(const char *what, const struct native_outcome *o, const u64 *regs, u64 rip,
		     u64 flags)
{
	char text[64] = "no fault";

	if (o->fault)
		sprintf(text, "vector %u, error %x, address %llx", o->vector, o->error, o->address);
	tap_note("  %s: %s; ip %llx fl %llx ax %llx cx %llx dx %llx bx %llx sp %llx bp %llx si %llx di %llx",
		 what, text, rip, flags, regs[0], regs[1], regs[2], regs[3], regs[4], regs[5],
		 regs[6], regs[7]);
}

/* @native: before what is left open was put right in @c. */
static void report(const struct native_case *c, const struct native_case *native,
		   const char *wrong)
{
	static const struct native_outcome begins;
	const struct generated *g = &c->g;
	char text[64] = "";
	int i;

	for (i = 0; i < (g->length > 0 ? g->length : 8); i++)
		sprintf(text + 3 * i, "%02x ", g->bytes[i]);
	tap_note("%d-bit %s%s differs in %s, on %s", 16 << g->insn.mode, text,
		 g->length > 0 ? emu_op_name(g->insn.op) : "invalid", wrong,
		 native_cpu_name());
	describe("before", &begins, c->before.regs, c->before.rip, c->before.rflags);
	describe("CPU", &native->native, native->n.regs, native->n.rip, native->n.rflags);
	describe("emulated", &c->emulated, c->m->e.regs, c->m->e.rip, c->m->e.rflags);
	tap_note("  es %x cs %x ss %x ds %x fs %x gs %x", c->n.seg[0], c->n.seg[1], c->n.seg[2],
		 c->n.seg[3], c->n.seg[4], c->n.seg[5]);
}

static void count(struct statistics *stats, const struct native_case *c, unsigned int open)
{
	unsigned int i;

	stats->cases++;
	if (c->g.length > 0)
		stats->per_op[c->g.insn.op]++;
	if (c->result == EMU_FAULT)
		stats->faults[model.e.fault.vector & 31]++;
	else
		stats->retired++;
	for (i = 0; i < NATIVE_OPEN_NR; i++)
		stats->open[i] += !!(open & BIT(i));
}

static void run_case(struct random *r, enum emu_insn_mode mode, generate_filter filter,
		     struct statistics *stats)
{
	static struct native_case c, native;
	unsigned int open;
	const char *wrong;

	generate_case(r, mode, filter, &c);
	native_run(&c.n);
	native_emulate(&c);
	native_outcomes(&c);
	native = c;
	open = native_left_open(&c);
	wrong = native_compare(&c);
	count(stats, &c, open);
	if (wrong && stats->failures++ < MAX_REPORTS)
		report(&c, &native, wrong);
	memcpy(native_memory(), model.memory, MODEL_SIZE);
}

static void show(const struct statistics *stats)
{
	unsigned int i;

	tap_note("%lu retired; #DE %lu #BR %lu #UD %lu #SS %lu #GP %lu #PF %lu #AC %lu",
		 stats->retired, stats->faults[0], stats->faults[5], stats->faults[6],
		 stats->faults[12], stats->faults[13], stats->faults[14], stats->faults[17]);
	for (i = 0; i < NATIVE_OPEN_NR; i++)
		if (stats->open[i])
			tap_note("left open, %lu cases: %s", stats->open[i], native_open_names[i]);
}

/* Every operation that is emulated must have run, in one mode or another, if it can. */
static void check_coverage(const unsigned long *per_op)
{
	unsigned int op, missing = 0;

	for (op = 0; op < EMU_NR_OPS; op++) {
		if (!emu_op_emulated(op) || per_op[op])
			continue;
		if (op == OP_SMSW) {
			tap_note("not run, since the kernel may answer it: SMSW");
			continue;
		}
		if (!native_cpu_offers_op(op)) {
			tap_note("not run, since CPUID does not offer it here: %s", emu_op_name(op));
			continue;
		}
		tap_note("never ran: %s", emu_op_name(op));
		missing++;
	}
	tap_result(!missing, "every emulated operation that the CPU offers was run");
}

/* The vector with which one instruction ends that uses RBX. */
static u8 probe(const void *code, unsigned int size, u64 rbx)
{
	struct native_state n = {
		.rip = MODEL_BASE + MODEL_PAGE,
		.rflags = EFL_FIXED | EFL_IF,
		.regs[GPR_RBX] = rbx,
		.seg[SEG_CS] = 0x33,
		.seg[SEG_SS] = 0x2b,
	};

	memset(native_memory() + MODEL_PAGE, 0xcc, 16);
	memcpy(native_memory() + MODEL_PAGE, code, size);
	native_run(&n);
	return n.vector;
}

/* What the kernel has set up that a program can't read. NULL, or why nothing can run. */
static const char *probe_kernel(void)
{
	cr4 = CR4_OSFXSR;
	/* mov al, [rbx], from where 48 bits do not reach */
	if (probe("\x8a\x03", 2, 0x0000800000000000) == NATIVE_PF)
		cr4 |= CR4_LA57;
	if (cr4 & CR4_LA57)
		tap_note("the kernel has five levels of page tables");
	/* lock inc dword [rbx], from one cache line to the next */
	if (probe("\xf0\xff\x03", 3, MODEL_BASE + DATA_OFFSET + 62) != NATIVE_BP)
		return "the kernel forbids locked accesses across cache lines (split_lock_detect)";
	return NULL;
}

/* The same memory on both sides. NULL, or what is missing. */
static const char *prepare(struct random *r)
{
	const char *missing = native_init();

	if (!missing)
		missing = probe_kernel();
	model_init(&model);
	random_bytes(r, model.memory, MODEL_SIZE);
	random_bytes(r, model.xmm, sizeof(model.xmm));
	if (!missing)
		memcpy(native_memory(), model.memory, MODEL_SIZE);
	return missing;
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
	tap_note("%s", native_cpu_name());
	random_seed(&r, seed);
	missing = prepare(&r);
	no_segments = missing ? missing : native_segments(segments, NR_SEGMENTS);
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
