// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of single bits and of bit counting, BMI included.
 */
#include "pure.h"
#include "emulate/alu.h"
#include "emulate/exec.h"

static void bits_assign(struct emu_step *s, u64 flag, bool value)
{
	s->e->rflags = value ? s->e->rflags | flag : s->e->rflags & ~flag;
}

static bool bits_has(const struct emu_step *s, u16 feature)
{
	return s->e->features & feature;
}

/* The bit that an offset names, once whole operands have been taken off it. */
static u64 bits_offset(struct emu_step *s)
{
	u64 mask = BIT_ULL(s->src & (8 * s->size - 1));

	bits_assign(s, EFL_CF, s->dst & mask);
	return mask;
}

int exec_bt(struct emu_step *s)
{
	bits_offset(s);
	return EMU_CONTINUE;
}

int exec_bts(struct emu_step *s)
{
	s->dst |= bits_offset(s);
	return EMU_CONTINUE;
}

int exec_btr(struct emu_step *s)
{
	s->dst &= ~bits_offset(s);
	return EMU_CONTINUE;
}

int exec_btc(struct emu_step *s)
{
	s->dst ^= bits_offset(s);
	return EMU_CONTINUE;
}

static unsigned int bits_lowest(u64 value)
{
	return __builtin_ctzll(value);
}

static unsigned int bits_highest(u64 value)
{
	return 63 - __builtin_clzll(value);
}

/* Of zero there is no bit, and CPUs leave the destination alone, wholly. */
int exec_bsf(struct emu_step *s)
{
	bits_assign(s, EFL_ZF, !s->src);
	s->no_store = !s->src;
	if (s->src)
		s->dst = bits_lowest(s->src);
	return EMU_CONTINUE;
}

int exec_bsr(struct emu_step *s)
{
	bits_assign(s, EFL_ZF, !s->src);
	s->no_store = !s->src;
	if (s->src)
		s->dst = bits_highest(s->src);
	return EMU_CONTINUE;
}

static int bits_counted(struct emu_step *s, unsigned int zeros)
{
	s->dst = zeros;
	bits_assign(s, EFL_CF, !s->src);
	bits_assign(s, EFL_ZF, !zeros);
	return EMU_CONTINUE;
}

int exec_tzcnt(struct emu_step *s)
{
	if (!bits_has(s, EMU_BMI1))
		return exec_bsf(s);
	return bits_counted(s, s->src ? bits_lowest(s->src) : 8 * s->size);
}

int exec_lzcnt(struct emu_step *s)
{
	if (!bits_has(s, EMU_LZCNT))
		return exec_bsr(s);
	return bits_counted(s, 8 * s->size - (s->src ? bits_highest(s->src) + 1 : 0));
}

int exec_popcnt(struct emu_step *s)
{
	u64 left = s->src;

	for (s->dst = 0; left; left &= left - 1)
		s->dst++;
	s->e->rflags &= ~EFL_STATUS;
	bits_assign(s, EFL_ZF, !s->src);
	return EMU_CONTINUE;
}

/* BMI: the frame has checked that the CPU has it. */

static int bits_bmi1_done(struct emu_step *s, u64 result, bool carry)
{
	s->dst = alu_logic(result, s->size, &s->e->rflags);
	bits_assign(s, EFL_CF, carry);
	return EMU_CONTINUE;
}

int exec_andn(struct emu_step *s)
{
	return bits_bmi1_done(s, ~s->src & s->src2, false);
}

int exec_bextr(struct emu_step *s)
{
	unsigned int start = s->src2 & 0xff, length = (s->src2 >> 8) & 0xff;
	u64 value = start < 64 ? s->src >> start : 0;

	if (length < 64)
		value &= BIT_ULL(length) - 1;
	return bits_bmi1_done(s, value, false);
}

int exec_blsr(struct emu_step *s)
{
	return bits_bmi1_done(s, s->src & (s->src - 1), !s->src);
}

int exec_blsmsk(struct emu_step *s)
{
	return bits_bmi1_done(s, s->src ^ (s->src - 1), !s->src);
}

int exec_blsi(struct emu_step *s)
{
	return bits_bmi1_done(s, s->src & -s->src, s->src);
}

int exec_bzhi(struct emu_step *s)
{
	unsigned int n = s->src2 & 0xff;
	bool beyond = n >= 8 * s->size;

	return bits_bmi1_done(s, beyond ? s->src : s->src & (BIT_ULL(n) - 1), beyond);
}

/* The shifts and rotations of BMI2 change no flags. */
static int bits_shift(struct emu_step *s, u8 op, u64 count)
{
	u64 flags = 0;

	s->dst = alu_shift(op, s->src, count & 0xff, s->size, &flags);
	return EMU_CONTINUE;
}

int exec_rorx(struct emu_step *s)
{
	return bits_shift(s, OP_ROR, s->src2);
}

int exec_sarx(struct emu_step *s)
{
	return bits_shift(s, OP_SAR, s->src2);
}

int exec_shlx(struct emu_step *s)
{
	return bits_shift(s, OP_SHL, s->src2);
}

int exec_shrx(struct emu_step *s)
{
	return bits_shift(s, OP_SHR, s->src2);
}

int exec_pdep(struct emu_step *s)
{
	s->dst = alu_pdep(s->src, s->src2);
	return EMU_CONTINUE;
}

int exec_pext(struct emu_step *s)
{
	s->dst = alu_pext(s->src, s->src2);
	return EMU_CONTINUE;
}

/* RDX times r/m; when both halves go to one register, the upper one stays. */
int exec_mulx(struct emu_step *s)
{
	u64 low, high, flags = 0;

	low = alu_mul(s->e->regs[GPR_RDX], s->src2, s->size, &high, &flags);
	emu_set_reg(s->e, s->insn->vvvv, low, s->size);
	emu_set_reg(s->e, s->insn->reg, high, s->size);
	return EMU_CONTINUE;
}

int exec_crc32(struct emu_step *s)
{
	unsigned int size = s->insn->src == OPD_EB ? 1 : s->size;

	s->dst = alu_crc32(s->e->regs[s->insn->reg], s->src, size);
	/* The whole register changes whatever the size of the source. */
	s->e->regs[s->insn->reg] = s->dst;
	s->no_store = true;
	return EMU_CONTINUE;
}
