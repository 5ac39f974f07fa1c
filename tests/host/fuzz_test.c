// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator under bad conditions: random bytes, random machine state,
 * callbacks that fail, memory that needs userspace.
 *
 * What must hold whatever happens: nothing crashes or runs without bound; an
 * instruction that does not retire leaves the registers alone (REP: counts whole
 * iterations); and one that is interrupted, by an exit to userspace or a retry,
 * ends like one that was not, having accessed every byte exactly as often.
 */
#include <stdio.h>
#include <string.h>

#include "emulate/decode.h"
#include "emulate/emu.h"
#include "generate.h"
#include "tap.h"

#define MAX_REPORTS	8
/* Three pages of bytes, downwards to a port that exits, two of the pages a device: 20480 exits. */
#define MAX_STEPS	30000
#define VECTOR_PF	14

static struct model model, reference, start;

struct tally {
	const char *name;
	unsigned long cases;
	unsigned long interesting;
	unsigned long failures;
};

static void complain(struct tally *t, const struct generated *g, const char *what)
{
	char text[64] = "";
	int i;

	if (t->failures++ >= MAX_REPORTS)
		return;
	for (i = 0; i < (g->length > 0 ? g->length : 8); i++)
		sprintf(text + 3 * i, "%02x ", g->bytes[i]);
	tap_note("%s: mode %d %s%s: %s", t->name, emu_mode(&start.e), text,
		 g->length > 0 ? emu_op_name(g->insn.op) : "", what);
}

/* Machine state */

static u32 random_attributes(struct random *r, bool code)
{
	u32 attr = SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_ACCESSED;

	if (code)
		return attr | SEG_ATTR_CODE | (random_below(r, 4) ? SEG_ATTR_WRITABLE : 0);
	if (!random_below(r, 20))
		attr |= SEG_ATTR_DOWN;
	if (!random_below(r, 20))
		attr |= SEG_ATTR_CODE;
	if (random_below(r, 12))
		attr |= SEG_ATTR_WRITABLE;
	if (random_below(r, 2))
		attr |= SEG_ATTR_DB;
	if (!random_below(r, 30))
		attr |= SEG_ATTR_UNUSABLE;
	return attr;
}

static u32 random_limit(struct random *r)
{
	switch (random_below(r, 8)) {
	case 0:
		return 0xffff;
	case 1:
		return random_below(r, MODEL_SIZE);
	case 2:
		return random_u64(r);
	}
	return U32_MAX;
}

static void random_segments(struct random *r, struct emulator *e)
{
	unsigned int i;

	for (i = 0; i < NR_SEGS; i++) {
		e->seg[i] = (struct emu_segment) {
			.selector = random_u64(r),
			.base = random_below(r, 3) ? MODEL_BASE : random_below(r, 2) ?
				generate_linear(r) : 0,
			.limit = random_limit(r),
			.attr = random_attributes(r, i == SEG_CS),
		};
	}
	e->seg[SEG_CS].base = MODEL_BASE;
	e->seg[SEG_CS].limit = random_below(r, 8) ? U32_MAX : 0x2ff0;
}

static enum emu_insn_mode random_state(struct random *r, struct model *m)
{
	struct emulator *e = &m->e;

	random_segments(r, e);
	generate_registers(r, e);
	e->cr0 = CR0_PE | (random_below(r, 8) ? CR0_AM : 0) |
		 (random_below(r, 30) ? 0 : CR0_EM) | (random_below(r, 30) ? 0 : CR0_TS);
	e->cr4 = (random_below(r, 30) ? CR4_OSFXSR : 0) | (random_below(r, 9) ? 0 : CR4_LA57) |
		 (random_below(r, 9) ? 0 : CR4_VME | CR4_PVI);
	e->efer = 0;
	e->cpl = random_below(r, 2) ? 3 : 0;
	e->features = random_below(r, 4) ? 0xffff : random_u64(r);
	e->rflags |= random_u64(r) & (EFL_IOPL | EFL_NT | EFL_RF);
	if (!random_below(r, 8))
		e->rflags |= EFL_TF;
	switch (random_below(r, 6)) {
	case 0:
		e->cr0 &= ~CR0_PE;
		e->cpl = 0;
		break;
	case 1:
		e->rflags |= EFL_VM;
		e->cpl = 3;
		break;
	case 2:
		break;
	case 3:
		e->seg[SEG_CS].attr |= SEG_ATTR_DB;
		break;
	default:
		e->efer = EFER_LMA;
		e->seg[SEG_CS].attr |= SEG_ATTR_L;
	}
	return emu_mode(e);
}

static void place(struct random *r, struct model *m, struct generated *g)
{
	u64 linear = MODEL_BASE + MODEL_PAGE + random_below(r, MODEL_PAGE);

	if (!random_below(r, 8))
		linear = MODEL_BASE + 3 * MODEL_PAGE - random_below(r, 18);
	m->e.rip = emu_is_64bit(&m->e) ? linear : linear - m->e.seg[SEG_CS].base;
	if (g->length > 0)
		generate_operands(r, &m->e, g);
	memcpy(m->memory + (linear - MODEL_BASE), g->bytes, EMU_INSN_MAX);
	m->e.nr_bytes = 0;
	if (!random_below(r, 4)) {
		m->e.nr_bytes = 1 + random_below(r, EMU_INSN_MAX);
		memcpy(m->e.bytes, g->bytes, m->e.nr_bytes);
	}
	emu_reset(&m->e);
}

static bool any(const struct generated *g)
{
	return true;
}

static bool emulated(const struct generated *g)
{
	return g->length > 0 && emu_op_emulated(g->insn.op);
}

static bool string_io(const struct generated *g)
{
	return emulated(g) && (g->insn.op == OP_INS || g->insn.op == OP_OUTS);
}

static void new_case(struct random *r, struct generated *g, generate_filter filter)
{
	enum emu_insn_mode mode = random_state(r, &start);

	generate_insn(r, mode, g, filter);
	place(r, &start, g);
	random_bytes(r, start.memory + 4 * MODEL_PAGE + random_below(r, 8000), 64);
	random_bytes(r, start.xmm[random_below(r, 16)], 16);
	start.port_sum = 0;
	start.port_accesses = 0;
	start.bytes_read = 0;
	start.bytes_written = 0;
	start.calls = 0;
}

/* What belongs to the guest; REP changes some of it between iterations. */
static const char *compare_registers(const struct model *a, const struct model *b, bool rep)
{
	static const u8 strings[] = { GPR_RAX, GPR_RCX, GPR_RSI, GPR_RDI };
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++) {
		if (a->e.regs[i] == b->e.regs[i])
			continue;
		if (!rep || !memchr(strings, i, sizeof(strings)))
			return "registers";
	}
	if (a->e.rip != b->e.rip)
		return "RIP";
	if (!rep && a->e.rflags != b->e.rflags)
		return "flags";
	return memcmp(a->xmm, b->xmm, sizeof(a->xmm)) ? "SSE registers" : NULL;
}

static const char *compare_models(const struct model *a, const struct model *b)
{
	const char *wrong = compare_registers(a, b, false);

	if (wrong)
		return wrong;
	if (memcmp(a->memory, b->memory, MODEL_SIZE))
		return "memory";
	if (a->port_sum != b->port_sum || a->port_accesses != b->port_accesses)
		return "ports";
	return NULL;
}

static bool is_rep(const struct model *m)
{
	return m->e.insn.length && (m->e.insn.flags & F_REP) && m->e.insn.rep;
}

/* Callbacks that fail at random, nothing but garbage to execute */

static void fuzz_once(struct random *r, struct tally *t, const struct generated *g)
{
	struct emulator before = model.e;
	unsigned long calls = model.calls;
	const char *wrong = NULL;
	int result;

	start.e = before;
	memcpy(start.xmm, model.xmm, sizeof(model.xmm));
	result = emulate_one(&model.e);
	switch (result) {
	case EMU_CONTINUE:
		t->interesting++;
		break;
	case EMU_EXIT:
		if (!model.e.pending.size || model.e.pending.size > 16)
			complain(t, g, "pending access");
		fallthrough;
	case EMU_FAULT:
	case EMU_RETRY:
	case EMU_UNHANDLEABLE:
		wrong = compare_registers(&model, &start, is_rep(&model));
		break;
	default:
		wrong = "result";
	}
	if (wrong)
		complain(t, g, wrong);
	if (model.calls - calls > 4000)
		complain(t, g, "too many accesses");
}

static void fuzz_between(struct random *r)
{
	u8 garbage[MODEL_PAGE];

	random_bytes(r, garbage, 64);
	switch (random_below(r, 8)) {
	case 0:
		emu_reset(&model.e);
		break;
	case 1:
		model.e.regs[random_below(r, 16)] = random_u64(r);
		break;
	case 2:
		model.e.rip += random_below(r, 3);
		break;
	default:
		if (model.e.pending.kind == EMU_IN && model.e.pending.count > 1)
			emu_complete(&model.e, model.e.io_buf);
		else
			emu_complete(&model.e, garbage);
	}
}

static void test_fuzz(struct random *r, unsigned long rounds)
{
	struct tally t = { "fuzz" };
	struct generated g;

	while (rounds--) {
		unsigned int steps = 1 + random_below(r, 6), i;

		new_case(r, &g, any);
		for (i = 0; i < MODEL_PAGES; i++)
			start.kind[i] = random_below(r, 6) ? model_layout[i] : MODEL_MMIO;
		start.failures = random_below(r, 3) ? r : NULL;
		start.fail_one_in = 2 + random_below(r, 20);
		start.ports_exit = random_below(r, 2);
		start.device_width = 1 << random_below(r, 5);
		model_copy(&model, &start);
		while (steps--) {
			t.cases++;
			fuzz_once(r, &t, &g);
			fuzz_between(r);
		}
	}
	tap_result(!t.failures && t.interesting, "%s: %lu runs, %lu retired, %lu wrong",
		   t.name, t.cases, t.interesting, t.failures);
}

/* A fresh model with nothing wrong in it. */
static void clean_start(void)
{
	memcpy(start.kind, model_layout, sizeof(start.kind));
	start.failures = NULL;
	start.ports_exit = false;
	start.fail_at = 0;
	start.device_width = 0;
	start.e.io_buf_size = MODEL_PAGE;
	/* Known bytes are good for one call only. */
	start.e.nr_bytes = 0;
}

/* Undisturbed, to compare with. False if it is not worth it. */
static bool run_reference(void)
{
	int r;

	model_copy(&reference, &start);
	r = model_run(&reference, MAX_STEPS);
	return r == EMU_CONTINUE || r == EMU_FAULT;
}

/* The n-th callback fails, for every n */

/* String I/O that finds no memory for a block goes on element by element. */
static bool may_try_otherwise(const struct generated *g, int result)
{
	return string_io(g) && (result == EMU_CONTINUE ||
				result == EMU_FAULT);
}

static void fail_nth(struct tally *t, const struct generated *g, unsigned long n, int with)
{
	const char *wrong;
	bool untouched;
	int result;

	model_copy(&model, &start);
	model.fail_at = n;
	model.fail_with = with;
	result = emulate_one(&model.e);
	if (model.calls < n)
		return;		/* of a later REP chunk */
	t->cases++;
	if (result != with && !may_try_otherwise(g, result)) {
		complain(t, g, "result of the callback was lost");
		return;
	}
	if (result == with) {
		wrong = compare_registers(&model, &start, is_rep(&model));
		if (wrong) {
			complain(t, g, wrong);
			return;
		}
	} else if (model.e.events & (EMU_RETIRED | EMU_STEP)) {
		wrong = compare_models(&model, &reference);
		if (wrong)
			complain(t, g, wrong);
		return;
	}
	untouched = !memcmp(model.memory, start.memory, MODEL_SIZE) && !model.port_accesses;
	model.fail_at = 0;
	/* Half-written memory can't be taken back; only a retry can finish it. */
	if (with != EMU_RETRY && !untouched && !is_rep(&model))
		return;
	if (with != EMU_RETRY && model.port_accesses)
		return;
	/* Run again without a full log, it may read what it wrote itself. */
	if (g->insn.op == OP_ENTER && g->insn.imm2 & 31)
		return;
	t->interesting++;
	model_run(&model, MAX_STEPS);
	wrong = compare_models(&model, &reference);
	if (wrong)
		complain(t, g, wrong);
}

static void test_nth(struct random *r, unsigned long rounds)
{
	static const int ways[] = {
		EMU_FAULT, EMU_RETRY, EMU_UNHANDLEABLE,
	};
	struct tally t = { "n-th callback fails" };
	unsigned int way;
	struct generated g;

	while (rounds--) {
		unsigned long n;

		new_case(r, &g, emulated);
		clean_start();
		if (!run_reference())
			continue;
		for (n = 1; n <= reference.calls && n < 60; n++)
			for (way = 0; way < ARRAY_SIZE(ways); way++)
				fail_nth(&t, &g, n, ways[way]);
	}
	tap_result(!t.failures && t.interesting, "%s: %lu failures, %lu finished later, %lu wrong",
		   t.name, t.cases, t.interesting, t.failures);
}

/* Memory that needs userspace: same result, every byte once */

/* PUSHA, POPA and ENTER make more accesses than the log holds. */
static bool too_much_for_log(const struct generated *g, unsigned int width)
{
	switch (g->insn.op) {
	case OP_PUSHA:
	case OP_POPA:
	case OP_ENTER:
		return true;
	}
	return width < 4;
}

/*
 * Like model_run(), but what would be fetched changes while userspace is at work.
 * What was begun must be finished. (Memory stays: the instruction may read its own
 * bytes.)
 */
static int run_and_scribble(struct model *m)
{
	int r = emulate_one(&m->e);

	if (r != EMU_EXIT)
		return r == EMU_CONTINUE && !(m->e.events & EMU_RETIRED) ?
			       model_run(m, MAX_STEPS) : r;
	m->code_changed = true;
	do {
		model_complete(m);
		m->e.nr_bytes = 0;
		r = emulate_one(&m->e);
	} while (r == EMU_EXIT);
	return r;
}

static void run_restart(struct random *r, struct tally *t, const struct generated *g)
{
	const char *wrong;
	unsigned int i;
	int result;

	model_copy(&model, &start);
	for (i = 0; i < MODEL_PAGES; i++)
		if (model.kind[i] == MODEL_DATA && random_below(r, 4))
			model.kind[i] = MODEL_MMIO;
	model.ports_exit = random_below(r, 2);
	model.device_width = 1 << random_below(r, 5);
	t->cases++;
	if (g->insn.rep && (g->insn.flags & F_REP))
		result = model_run(&model, MAX_STEPS);
	else
		result = run_and_scribble(&model);
	if (result == EMU_UNHANDLEABLE) {
		if (!too_much_for_log(g, model.device_width))
			complain(t, g, "not handled");
		return;
	}
	wrong = compare_models(&model, &reference);
	if (!wrong && (model.bytes_read != reference.bytes_read ||
		       model.bytes_written != reference.bytes_written))
		wrong = "accesses were lost or repeated";
	if (wrong)
		complain(t, g, wrong);
	t->interesting += model.bytes_read + model.bytes_written != 0;
}

static void test_restart(struct random *r, unsigned long rounds)
{
	struct tally t = { "restart" };
	struct generated g;

	while (rounds--) {
		new_case(r, &g, emulated);
		clean_start();
		if (run_reference())
			run_restart(r, &t, &g);
	}
	tap_result(!t.failures && t.interesting, "%s: %lu runs, %lu with accesses, %lu wrong",
		   t.name, t.cases, t.interesting, t.failures);
}

/* String I/O: blocks and single elements come to the same */

static void string_io_state(struct random *r, const struct generated *g)
{
	struct emulator *e = &start.e;
	u64 count = random_below(r, 2) ? random_below(r, 40) : random_below(r, 6000);

	e->cpl = 0;
	e->rflags &= ~EFL_AC;
	if (random_below(r, 4))
		e->rflags &= ~EFL_DF;
	if (random_below(r, 4))
		e->rflags &= ~EFL_TF;
	e->regs[GPR_RCX] = count;
	if (g->insn.address_size == 2)
		e->regs[GPR_RCX] |= 0x10000;
}

/* Each element has been to the port and to memory, or to neither. */
static const char *check_elements(const struct model *m, const struct generated *g)
{
	unsigned long bytes = m->port_accesses * g->insn.operand_size;

	return m->bytes_read + m->bytes_written == bytes ? NULL : "elements were lost";
}

static void run_blocks(struct random *r, struct tally *t, const struct generated *g,
		       unsigned int size)
{
	void *buffer = malloc(size);
	const char *wrong;

	model_copy(&model, &start);
	/* On the heap, where the sanitizer sees its end. */
	model.e.io_buf = buffer;
	model.e.io_buf_size = size;
	model.ports_exit = random_below(r, 2);
	t->cases++;
	t->interesting += reference.port_accesses > 1;
	model_run(&model, MAX_STEPS);
	wrong = compare_models(&model, &reference);
	if (!wrong)
		wrong = check_elements(&model, g);
	if (wrong)
		complain(t, g, wrong);
	free(buffer);
}

static void test_string_io(struct random *r, unsigned long rounds)
{
	static const u16 sizes[] = { 16, 24, 512, MODEL_PAGE };
	struct tally t = { "string I/O" };
	struct generated g;

	while (rounds--) {
		new_case(r, &g, string_io);
		clean_start();
		if (start.e.rflags & EFL_VM)
			continue;
		string_io_state(r, &g);
		/* One element at a time: there is no room for more. */
		start.e.io_buf_size = 1;
		if (run_reference())
			run_blocks(r, &t, &g, sizes[random_below(r, ARRAY_SIZE(sizes))]);
	}
	tap_result(!t.failures && t.interesting, "%s: %lu runs, %lu of several elements, %lu wrong",
		   t.name, t.cases, t.interesting, t.failures);
}

/* The I/O permission bitmap, against its definition */

static bool port_denied(const u8 *bitmap, unsigned int port, unsigned int size)
{
	while (size--) {
		if (bitmap[port / 8] & (1 << port % 8))
			return true;
		port++;
	}
	return false;
}

static void port_case(struct random *r, struct tally *t)
{
	static const u8 code[][2] = { { 0xec }, { 0x66, 0xed }, { 0xed } };
	unsigned int which = random_below(r, 3), size = 1 << which;
	unsigned int port = random_below(r, 0x1000), limit;
	bool denied;
	int result;

	model_init(&start);
	random_segments(r, &start.e);
	start.e.cr0 = CR0_PE;
	start.e.cpl = 3;
	start.e.rflags = EFL_FIXED | (random_below(r, 8) ? 0 : EFL_IOPL);
	start.e.seg[SEG_CS].attr |= SEG_ATTR_DB;
	start.e.rip = MODEL_PAGE;
	start.e.regs[GPR_RDX] = port;
	memcpy(start.memory + MODEL_PAGE, code[which], 2);
	random_bytes(r, start.tss + 104, 600);
	if (random_below(r, 2))
		memset(start.tss + 104 + port / 8, 0, 2);
	limit = random_below(r, 3) ? 104 + 513 : 103 + port / 8 + random_below(r, 4);
	start.e.seg[SEG_TR].limit = limit;
	denied = port_denied(start.tss + 104, port, size) || 104 + port / 8 + 1 > limit;
	if (start.e.rflags & EFL_IOPL)
		denied = false;
	result = emulate_one(&start.e);
	t->cases++;
	t->interesting += !denied;
	if (result != (denied ? EMU_FAULT : EMU_CONTINUE) ||
	    start.port_accesses != !denied) {
		if (t->failures++ < MAX_REPORTS)
			tap_note("port %x size %u limit %x: result %d", port, size, limit,
				 result);
	}
}

static void test_ports(struct random *r, unsigned long rounds)
{
	struct tally t = { "I/O permission bitmap" };

	while (rounds--)
		port_case(r, &t);
	tap_result(!t.failures && t.interesting && t.interesting < t.cases,
		   "%s: %lu accesses, %lu allowed, %lu wrong", t.name, t.cases,
		   t.interesting, t.failures);
}

/* Moves, in one step, as a caller that knows where their access goes makes them */

static bool maybe_move(const struct generated *g)
{
	/* MOVSXD of 16 bits is none: vendors differ. */
	if (g->insn.src == OPD_ED && g->insn.operand_size == 2)
		return false;
	return emulated(g) && g->insn.memory &&
	       (g->insn.op == OP_MOV || g->insn.op == OP_MOVZX ||
		g->insn.op == OP_MOVSX);
}

/* False: the operand is elsewhere (the stack of the model, say). */
static bool make_move(struct model *m, const struct emu_insn *insn,
		      const struct emu_move *move)
{
	bool long_mode = emu_is_64bit(&m->e);
	u64 linear = emu_insn_offset(insn, m->e.regs, m->e.rip), value = 0;

	if (!long_mode || insn->segment >= SEG_FS)
		linear += m->e.seg[insn->segment].base;
	linear = (long_mode ? linear : (u32)linear) - MODEL_BASE;
	if (linear > MODEL_SIZE - 8)
		return false;
	if (move->write) {
		value = emu_move_value(insn, move, m->e.regs);
		memcpy(m->memory + linear, &value, move->size);
	} else {
		memcpy(&value, m->memory + linear, move->size);
		/* Above what was read there may be anything. */
		value |= ~emu_mask(move->size);
		m->e.regs[move->reg] = emu_move_result(move, m->e.regs[move->reg], value);
	}
	m->e.rip += insn->length;
	if (!long_mode)
		m->e.rip = (u32)m->e.rip;
	m->e.rflags &= ~EFL_RF;
	return true;
}

static void test_moves(struct random *r, unsigned long rounds)
{
	struct tally t = { "moves" };
	struct emu_move move;
	struct generated g;

	while (rounds--) {
		const char *wrong;

		new_case(r, &g, maybe_move);
		clean_start();
		t.cases++;
		model_copy(&reference, &start);
		model_copy(&model, &start);
		if (model_run(&reference, MAX_STEPS) != EMU_CONTINUE)
			continue;
		if (!emu_insn_is_move(&g.insn, &move))
			complain(&t, &g, "it is no move");
		else if (!make_move(&model, &g.insn, &move))
			continue;
		t.interesting++;
		wrong = compare_models(&model, &reference);
		if (wrong)
			complain(&t, &g, wrong);
	}
	tap_result(!t.failures && t.interesting, "%s: %lu, %lu without a fault, %lu wrong",
		   t.name, t.cases, t.interesting, t.failures);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	tap_plan(6);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	model_init(&start);
	random_bytes(&r, start.memory, MODEL_SIZE);
	test_fuzz(&r, scaled(500000));
	test_nth(&r, scaled(20000));
	test_restart(&r, scaled(200000));
	test_string_io(&r, scaled(30000));
	test_ports(&r, scaled(20000));
	test_moves(&r, scaled(100000));
	return tap_exit();
}
