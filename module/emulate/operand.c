// SPDX-License-Identifier: GPL-2.0
/*
 * Operands: registers, addresses, loads and stores by what the tables say.
 */
#include "pure.h"
#include "emulate/access.h"
#include "emulate/operand.h"
#include "emulate/segment.h"

/* Without REX, 4 to 7 name the second byte of the first four registers. */
static bool operand_high_byte(const struct emu_insn *insn, u8 reg, unsigned int size)
{
	return size == 1 && !insn->rex && reg >= 4 && reg < 8;
}

u64 emu_load_reg(struct emu_step *s, u8 reg, unsigned int size)
{
	if (operand_high_byte(s->insn, reg, size))
		return (s->e->regs[reg & 3] >> 8) & 0xff;
	return s->e->regs[reg] & emu_mask(size);
}

void emu_store_reg(struct emu_step *s, u8 reg, u64 value,
		   unsigned int size)
{
	u64 *p = &s->e->regs[reg & 3];

	if (operand_high_byte(s->insn, reg, size))
		*p = (*p & ~0xff00ULL) | (value & 0xff) << 8;
	else
		emu_set_reg(s->e, reg, value, size);
}

/*
 * A bit offset in a register reaches beyond the operand, in both directions: the
 * address moves by whole operands.
 */
static u64 operand_bit_displacement(const struct emulator *e,
				    const struct emu_insn *insn)
{
	u64 bit = emu_sign_extend(e->regs[insn->reg], insn->operand_size);
	unsigned int shift = insn->operand_size == 8 ? 6 : insn->operand_size == 4 ? 5 : 4;

	return (u64)((s64)bit >> shift) * insn->operand_size;
}

static bool operand_is_bit_string(const struct emu_insn *insn)
{
	switch (insn->op) {
	case OP_BT:
	case OP_BTS:
	case OP_BTR:
	case OP_BTC:
		return insn->src == OPD_G;
	}
	return false;
}

static u64 operand_offset(const struct emulator *e, const struct emu_insn *insn, u64 rip)
{
	u64 value = emu_insn_offset(insn, e->regs, rip);

	if (operand_is_bit_string(insn))
		value += operand_bit_displacement(e, insn);
	return value & emu_mask(insn->address_size);
}

u64 emu_offset(const struct emu_step *s)
{
	return operand_offset(s->e, s->insn, s->saved.rip);
}

u64 emu_address(struct emulator *e)
{
	const struct emu_insn *insn = &e->insn;
	u64 linear = operand_offset(e, insn, e->rip);

	if (!emu_is_64bit(e))
		return (u32)(linear + e->seg[insn->segment].base);
	return linear + (insn->segment >= SEG_FS ? emu_segment(e, insn->segment)->base : 0);
}

static unsigned int operand_size(const struct emu_step *s, u8 operand)
{
	switch (operand) {
	case OPD_EB:
		return 1;
	case OPD_EW:
		return 2;
	case OPD_ED:
		return s->size == 2 && !(s->e->features & EMU_MOVSXD_4) ? 2 : 4;
	case OPD_EWM:
		return s->insn->memory ? 2 : s->size;
	}
	return s->size;
}

static bool operand_is_memory(const struct emu_insn *insn, u8 operand)
{
	switch (operand) {
	case OPD_M:
		return true;
	case OPD_E:
	case OPD_EB:
	case OPD_EW:
	case OPD_ED:
	case OPD_EWM:
		return insn->memory;
	}
	return false;
}

static u8 operand_reg(const struct emu_insn *insn, u8 operand)
{
	switch (operand) {
	case OPD_G:
		return insn->reg;
	case OPD_A:
		return GPR_RAX;
	case OPD_CL:
		return GPR_RCX;
	case OPD_B:
		return insn->vvvv;
	case OPD_R:
		return (insn->opcode & 7) | (insn->rex & 1 ? 8 : 0);
	}
	return insn->rm;
}

/* CR0.AM with EFLAGS.AC asks for alignment, of user code only. */
int emu_check_alignment(struct emulator *e, u64 linear,
			unsigned int size)
{
	if (e->cpl == 3 && (e->cr0 & CR0_AM) && (e->rflags & EFL_AC) &&
	    (linear & (size - 1)))
		return emu_fault_code(e, VECTOR_AC, 0);
	return EMU_CONTINUE;
}

static int operand_locate(struct emu_step *s, unsigned int size, bool write)
{
	int r;

	r = emu_linear(s->e, s->insn->segment, emu_offset(s), size,
		       write, &s->linear);
	return r ? r : emu_check_alignment(s->e, s->linear, size);
}

/* @flags: EMU_FOR_WRITE if it will be stored to as well. */
int emu_load(struct emu_step *s, u8 operand, u64 *value,
	     unsigned int flags)
{
	unsigned int size = operand_size(s, operand);
	int r;

	switch (operand) {
	case OPD_NONE:
	case OPD_S:
		return EMU_CONTINUE;
	case OPD_I:
		*value = s->insn->imm;
		return EMU_CONTINUE;
	case OPD_1:
		*value = 1;
		return EMU_CONTINUE;
	}
	if (!operand_is_memory(s->insn, operand)) {
		*value = emu_load_reg(s, operand_reg(s->insn, operand), size);
		return EMU_CONTINUE;
	}
	r = operand_locate(s, size, flags & EMU_FOR_WRITE);
	if (r)
		return r;
	if (s->insn->lock || s->insn->op == OP_XCHG)
		flags |= EMU_LOCKED;
	*value = 0;
	r = emu_mem_read(s->e, s->linear, value, size, flags);
	s->old = *value;
	return r;
}

/*
 * Store what the handler left in dst. The address of a loaded operand stays what
 * it was, even if the handler changed a register that it is made of.
 */
int emu_store(struct emu_step *s)
{
	unsigned int size = operand_size(s, s->insn->dst);
	bool locked = s->insn->lock || s->insn->op == OP_XCHG;
	int r;

	if (s->no_store)
		return EMU_CONTINUE;
	if (!operand_is_memory(s->insn, s->insn->dst)) {
		emu_store_reg(s, operand_reg(s->insn, s->insn->dst), s->dst, size);
		return EMU_CONTINUE;
	}
	if (!s->loaded) {
		r = operand_locate(s, size, true);
		if (r)
			return r;
	}
	if (locked)
		return emu_mem_cmpxchg(s->e, s->linear, &s->old, &s->dst, size);
	return emu_mem_write(s->e, s->linear, &s->dst, size);
}
