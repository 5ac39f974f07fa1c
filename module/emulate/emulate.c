// SPDX-License-Identifier: GPL-2.0
/*
 * The frame around every instruction: decode, load operands, execute, store,
 * retire; or put everything back.
 *
 * Registers are changed in place and put back from a checkpoint when the
 * instruction does not retire. Memory can't be put back, so the store comes last,
 * and everything that can fault comes before it.
 */
#include "pure.h"
#include "emulate/exec.h"
#include "emulate/operand.h"
#include "emulate/segment.h"

struct handler {
	int (*exec)(struct emu_step *s);
	u8 frame;
	u16 feature;		/* needed */
};

static const struct handler handlers[EMU_NR_OPS] = {
#define HANDLER(op, handler, frame, feature)				\
	[OP_##op] = { exec_##handler, frame, feature },
	EMU_HANDLERS(HANDLER)
#undef HANDLER
};

bool emu_op_emulated(enum emu_op op)
{
	return (unsigned int)op < EMU_NR_OPS && handlers[op].exec;
}

static void emu_restore(struct emu_step *s)
{
	memcpy(s->e->regs, s->saved.regs, sizeof(s->saved.regs));
	s->e->rip = s->saved.rip;
	s->e->rflags = s->saved.rflags;
}

/*
 * Near branches with 0x66 in 64-bit mode are the one thing on which vendors
 * differ: AMD truncates RIP, Intel ignores the prefix. No compiler makes them.
 */
static bool emu_vendors_differ(const struct emu_insn *insn)
{
	return insn->mode == MODE_64 && (insn->flags & F_BRANCH) &&
	       insn->has_operand_prefix;
}

/* Real and virtual-8086 mode have neither VEX prefixes nor ARPL. */
static bool emu_undefined_here(const struct emulator *e, u16 feature)
{
	if ((e->features & feature) != feature)
		return true;
	return !emu_is_protected(e) && (e->insn.encoding != ENC_LEGACY ||
					e->insn.op == OP_ARPL);
}

static int emu_load_operands(struct emu_step *s, u8 frame)
{
	const struct emu_insn *insn = s->insn;
	unsigned int flags = frame & EMU_STORE ? EMU_FOR_WRITE : 0;
	int r = EMU_CONTINUE;

	if (frame & EMU_SRC) {
		r = emu_load(s, insn->src, &s->src, 0);
		if (!r)
			r = emu_load(s, insn->src2, &s->src2, 0);
	}
	if (!r && (frame & EMU_LOAD)) {
		r = emu_load(s, insn->dst, &s->dst, flags);
		s->loaded = true;
	}
	return r;
}

static int emu_execute(struct emu_step *s)
{
	const struct handler *handler = &handlers[s->insn->op];
	int r;

	if (!handler->exec || emu_vendors_differ(s->insn))
		return EMU_UNHANDLEABLE;
	if (emu_undefined_here(s->e, handler->feature))
		return emu_fault(s->e, VECTOR_UD);
	r = emu_load_operands(s, handler->frame);
	if (!r)
		r = handler->exec(s);
	if (!r && (handler->frame & EMU_STORE))
		r = emu_store(s);
	return r;
}

static void emu_retire(struct emu_step *s)
{
	struct emulator *e = s->e;

	if (s->saved.rflags & EFL_TF)
		e->events |= EMU_STEP;
	if (s->partial)
		return;
	e->rip = s->next_rip;
	e->rflags &= ~EFL_RF;
	e->events |= EMU_RETIRED;
}

static u64 emu_next_rip(const struct emulator *e)
{
	u64 rip = e->rip + e->insn.length;

	return emu_is_64bit(e) ? rip : (u32)rip;
}

/*
 * While an instruction waits for userspace its bytes are not fetched again:
 * they may have changed, and what runs again must be what ran before.
 */
static int emu_get_insn(struct emulator *e)
{
	if (e->log_used && e->insn.length)
		return EMU_CONTINUE;
	return emu_fetch_insn(e);
}

/* What callbacks return may be anything; handlers pass it on. */
static int emu_sanitize(int result)
{
	switch (result) {
	case EMU_CONTINUE:
	case EMU_FAULT:
	case EMU_EXIT:
	case EMU_RETRY:
		return result;
	}
	return EMU_UNHANDLEABLE;
}

static int emu_run(struct emulator *e)
{
	struct emu_step s;
	int r;

	r = emu_get_insn(e);
	if (r)
		return r;
	s = (struct emu_step) {
		.e = e,
		.insn = &e->insn,
		.size = e->insn.operand_size,
		.next_rip = emu_next_rip(e),
	};
	emu_save(&s);
	r = emu_sanitize(emu_execute(&s));
	if (r == EMU_CONTINUE)
		emu_retire(&s);
	else
		emu_restore(&s);
	return r;
}

int emulate_one(struct emulator *e)
{
	int r;

	if (e->rip != e->log_rip || e->seg[SEG_CS].base != e->log_cs)
		emu_reset(e);
	e->log_rip = e->rip;
	e->log_cs = e->seg[SEG_CS].base;
	e->events = 0;
	e->log_next = 0;
	e->pending.size = 0;
	r = emu_run(e);
	if (r == EMU_EXIT)
		return r;
	e->nr_bytes = 0;
	if (r != EMU_RETRY)
		emu_reset(e);
	return r;
}

int emu_peek(struct emulator *e)
{
	emu_reset(e);
	return emu_fetch_insn(e);
}

int emu_decode(struct emulator *e)
{
	int r = emu_peek(e);

	e->nr_bytes = 0;
	return r;
}

void emu_skip(struct emulator *e)
{
	e->rip = emu_next_rip(e);
	e->rflags &= ~EFL_RF;
}
