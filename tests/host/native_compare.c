// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "emulate/emu.h"
#include "native_compare.h"
#include "native_open.h"

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

static u64 linear_rip(const struct native_case *c, u64 rip)
{
	return emu_is_64bit(&c->before) ? rip : (u32)(rip + c->before.seg[SEG_CS].base);
}

static void native_outcome(struct native_case *c, struct native_outcome *o)
{
	struct native_state *n = &c->n;

	*o = (struct native_outcome) { 0 };
	switch (n->vector) {
	case NATIVE_DB:
		return;
	case NATIVE_BP:
		n->rip--;
		return;
	case NATIVE_PF:
		/* The instruction was done and the next one can't be fetched. */
		if ((n->error & 0x10) && n->rip != c->before.rip &&
		    n->cr2 == linear_rip(c, n->rip))
			return;
		o->address = n->cr2;
		/* Linux hides what of its own addresses is mapped. */
		if ((s64)n->cr2 < 0)
			n->error &= ~1;
		break;
	case VECTOR_GP:
		/* The same, beyond the limit of the code segment. */
		if (!emu_is_64bit(&c->before) && n->rip != c->before.rip &&
		    n->rip > c->before.seg[SEG_CS].limit)
			return;
		break;
	}
	o->fault = true;
	o->vector = n->vector;
	o->error = n->error;
}

static void emulated_outcome(const struct native_case *c, struct native_outcome *o)
{
	const struct emu_fault *fault = &c->m->e.fault;

	*o = (struct native_outcome) { 0 };
	if (c->result != EMU_FAULT)
		return;
	o->fault = true;
	o->vector = fault->vector;
	o->error = fault->error;
	o->address = fault->vector == NATIVE_PF ? fault->address : 0;
}

void native_outcomes(struct native_case *c)
{
	native_outcome(c, &c->native);
	emulated_outcome(c, &c->emulated);
}

void native_emulate(struct native_case *c)
{
	native_open_begin();
	c->result = model_run(c->m, 100000);
}

bool native_same_outcome(const struct native_outcome *a, const struct native_outcome *b)
{
	return a->fault == b->fault && a->vector == b->vector && a->error == b->error &&
	       a->address == b->address;
}

static bool same_reg(const struct native_case *c, unsigned int reg)
{
	u64 native = c->n.regs[reg], emulated = c->m->e.regs[reg];

	if (emu_is_64bit(&c->before))
		return native == emulated;
	return reg >= 8 || (u32)native == (u32)emulated;
}

static const char *compare_memory(const struct native_case *c)
{
	static char text[96];
	unsigned int i;

	if (!memcmp(c->m->memory, c->memory, MODEL_SIZE))
		return NULL;
	for (i = 0; c->m->memory[i] == c->memory[i]; i++)
		;
	sprintf(text, "memory at %llx: %x, emulated %x", MODEL_BASE + i, c->memory[i],
		c->m->memory[i]);
	return text;
}

static const char *compare_state(const struct native_case *c)
{
	u64 ignored = EFL_RF | undefined_flags(&c->g.insn, &c->before);
	bool ignore_result = undefined_result(&c->g.insn, &c->before);
	const struct native_state *n = &c->n;
	const struct model *m = c->m;
	static char text[96];
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++) {
		if (same_reg(c, i) || ignore_result)
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
	return ignore_result ? NULL : compare_memory(c);
}

/*
 * A CPU that faults in the middle of these has moved some of the data; restarting
 * them does no harm. The emulator moves all or nothing.
 */
static bool partly_done(const struct emu_insn *insn)
{
	switch (insn->op) {
	case OP_PUSHA:
	case OP_POPA:
	case OP_ENTER:
		return true;
	}
	return false;
}

const char *native_compare(const struct native_case *c)
{
	if (c->result == EMU_UNHANDLEABLE || c->result == EMU_EXIT)
		return "not handled";
	if (!native_same_outcome(&c->native, &c->emulated))
		return "the outcome";
	if (c->native.fault && partly_done(&c->g.insn))
		return same_reg(c, GPR_RSP) ? NULL : "RSP";
	return compare_state(c);
}
