// SPDX-License-Identifier: GPL-2.0
/*
 * Moves: the instructions by which drivers talk to devices, seen as what they
 * are, one access of memory and one register or immediate.
 *
 * The frame around every instruction can do anything, and costs accordingly: a
 * checkpoint of all registers, a log, two runs when userspace answers. A move
 * needs none of it. It has one access, which is the last thing that can fail, and
 * it changes one register, after that. A caller that knows where the access
 * goes (because a fault has just said so) makes it, and is done.
 */
#include "pure.h"
#include "emulate/emu.h"

static bool move_is_memory(const struct emu_insn *insn, u8 operand)
{
	switch (operand) {
	case OPD_M:
		return true;
	case OPD_E:
	case OPD_EB:
	case OPD_EW:
	case OPD_ED:
		return insn->memory;
	}
	return false;
}

static u8 move_size(const struct emu_insn *insn, u8 operand)
{
	switch (operand) {
	case OPD_EB:
		return 1;
	case OPD_EW:
		return 2;
	case OPD_ED:
		return 4;
	}
	return insn->operand_size;
}

/* The other operand. */
static bool move_take_register(const struct emu_insn *insn, u8 operand, struct emu_move *move)
{
	switch (operand) {
	case OPD_A:
		move->reg = GPR_RAX;
		break;
	case OPD_G:
		move->reg = insn->reg;
		break;
	default:
		return false;
	}
	/* Without REX, 4 to 7 name the second byte of the first four registers. */
	move->high = insn->operand_size == 1 && !insn->rex && move->reg >= 4 && move->reg < 8;
	if (move->high)
		move->reg &= 3;
	return true;
}

/* How much MOVSXD of 16 bits reads is the vendor's choice, so the frame's business. */
static bool move_vendors_differ(const struct emu_insn *insn)
{
	return insn->src == OPD_ED && insn->operand_size == 2;
}

bool emu_insn_is_move(const struct emu_insn *insn, struct emu_move *move)
{
	bool extends = insn->op == OP_MOVZX || insn->op == OP_MOVSX;

	if ((insn->op != OP_MOV && !extends) || insn->operand_size > 8 ||
	    (extends && move_vendors_differ(insn)))
		return false;
	*move = (struct emu_move) {
		.write = move_is_memory(insn, insn->dst),
		.signs = insn->op == OP_MOVSX,
		.reg_size = insn->operand_size,
		.reg = NO_GPR,
	};
	if (!move->write) {
		move->size = move_size(insn, insn->src);
		return move_is_memory(insn, insn->src) && move_take_register(insn, insn->dst, move);
	}
	move->size = move_size(insn, insn->dst);
	return insn->src == OPD_I || move_take_register(insn, insn->src, move);
}

u64 emu_move_value(const struct emu_insn *insn, const struct emu_move *move,
		   const u64 *regs)
{
	u64 value = insn->imm;

	if (move->reg != NO_GPR)
		value = regs[move->reg] >> (move->high ? 8 : 0);
	return value & emu_mask(move->size);
}

u64 emu_move_result(const struct emu_move *move, u64 old, u64 value)
{
	value &= emu_mask(move->size);
	if (move->signs)
		value = emu_sign_extend(value, move->size);
	if (move->high)
		return (old & ~0xff00ULL) | (value & 0xff) << 8;
	return emu_merge(old, value, move->reg_size);
}

u64 emu_insn_offset(const struct emu_insn *insn, const u64 *regs, u64 rip)
{
	u64 value = insn->disp;

	if (insn->rip_relative)
		value += rip + insn->length;
	if (insn->base != NO_GPR)
		value += regs[insn->base];
	if (insn->index != NO_GPR)
		value += regs[insn->index] << insn->scale;
	return value & emu_mask(insn->address_size);
}
