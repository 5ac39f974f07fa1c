// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of single bits and of bit counting, BMI included.
 */
#include "pure.h"
#include "emulate/alu.h"
#include "emulate/emu.h"

static void assign(struct bellows_emu_step *s, u64 flag, bool value)
{
	s->e->rflags = value ? s->e->rflags | flag : s->e->rflags & ~flag;
}

static bool has(const struct bellows_emu_step *s, u16 feature)
{
	return s->e->features & feature;
}

/* The bit that an offset names, once whole operands have been taken off it. */
static u64 bit(struct bellows_emu_step *s)
{
	u64 mask = BIT_ULL(s->src & (8 * s->size - 1));

	assign(s, EFL_CF, s->dst & mask);
	return mask;
}

int bellows_exec_bt(struct bellows_emu_step *s)
{
	bit(s);
	return EMU_CONTINUE;
}

int bellows_exec_bts(struct bellows_emu_step *s)
{
	s->dst |= bit(s);
	return EMU_CONTINUE;
}

int bellows_exec_btr(struct bellows_emu_step *s)
{
	s->dst &= ~bit(s);
	return EMU_CONTINUE;
}

int bellows_exec_btc(struct bellows_emu_step *s)
{
	s->dst ^= bit(s);
	return EMU_CONTINUE;
}

static unsigned int lowest_bit(u64 value)
{
	return __builtin_ctzll(value);
}

static unsigned int highest_bit(u64 value)
{
	return 63 - __builtin_clzll(value);
}

/* Of zero there is no bit, and CPUs leave the destination alone, wholly. */
int bellows_exec_bsf(struct bellows_emu_step *s)
{
	assign(s, EFL_ZF, !s->src);
	s->no_store = !s->src;
	if (s->src)
		s->dst = lowest_bit(s->src);
	return EMU_CONTINUE;
}

int bellows_exec_bsr(struct bellows_emu_step *s)
{
	assign(s, EFL_ZF, !s->src);
	s->no_store = !s->src;
	if (s->src)
		s->dst = highest_bit(s->src);
	return EMU_CONTINUE;
}

static int counted(struct bellows_emu_step *s, unsigned int zeros)
{
	s->dst = zeros;
	assign(s, EFL_CF, !s->src);
	assign(s, EFL_ZF, !zeros);
	return EMU_CONTINUE;
}

int bellows_exec_tzcnt(struct bellows_emu_step *s)
{
	if (!has(s, EMU_BMI1))
		return bellows_exec_bsf(s);
	return counted(s, s->src ? lowest_bit(s->src) : 8 * s->size);
}

int bellows_exec_lzcnt(struct bellows_emu_step *s)
{
	if (!has(s, EMU_LZCNT))
		return bellows_exec_bsr(s);
	return counted(s, 8 * s->size - (s->src ? highest_bit(s->src) + 1 : 0));
}

int bellows_exec_popcnt(struct bellows_emu_step *s)
{
	u64 left = s->src;

	for (s->dst = 0; left; left &= left - 1)
		s->dst++;
	s->e->rflags &= ~EFL_STATUS;
	assign(s, EFL_ZF, !s->src);
	return EMU_CONTINUE;
}

/* BMI: the frame has checked that the CPU has it. */

static int bmi1_done(struct bellows_emu_step *s, u64 result, bool carry)
{
	s->dst = bellows_alu_logic(result, s->size, &s->e->rflags);
	assign(s, EFL_CF, carry);
	return EMU_CONTINUE;
}

int bellows_exec_andn(struct bellows_emu_step *s)
{
	return bmi1_done(s, ~s->src & s->src2, false);
}

int bellows_exec_bextr(struct bellows_emu_step *s)
{
	unsigned int start = s->src2 & 0xff, length = (s->src2 >> 8) & 0xff;
	u64 value = start < 64 ? s->src >> start : 0;

	if (length < 64)
		value &= BIT_ULL(length) - 1;
	return bmi1_done(s, value, false);
}

int bellows_exec_blsr(struct bellows_emu_step *s)
{
	return bmi1_done(s, s->src & (s->src - 1), !s->src);
}

int bellows_exec_blsmsk(struct bellows_emu_step *s)
{
	return bmi1_done(s, s->src ^ (s->src - 1), !s->src);
}

int bellows_exec_blsi(struct bellows_emu_step *s)
{
	return bmi1_done(s, s->src & -s->src, s->src);
}

int bellows_exec_bzhi(struct bellows_emu_step *s)
{
	unsigned int n = s->src2 & 0xff;
	bool beyond = n >= 8 * s->size;

	return bmi1_done(s, beyond ? s->src : s->src & (BIT_ULL(n) - 1), beyond);
}

/* The shifts and rotations of BMI2 change no flags. */
static int flagless_shift(struct bellows_emu_step *s, u8 op, u64 count)
{
	u64 flags = 0;

	s->dst = bellows_alu_shift(op, s->src, count & 0xff, s->size, &flags);
	return EMU_CONTINUE;
}

int bellows_exec_rorx(struct bellows_emu_step *s)
{
	return flagless_shift(s, OP_ROR, s->src2);
}

int bellows_exec_sarx(struct bellows_emu_step *s)
{
	return flagless_shift(s, OP_SAR, s->src2);
}

int bellows_exec_shlx(struct bellows_emu_step *s)
{
	return flagless_shift(s, OP_SHL, s->src2);
}

int bellows_exec_shrx(struct bellows_emu_step *s)
{
	return flagless_shift(s, OP_SHR, s->src2);
}

int bellows_exec_pdep(struct bellows_emu_step *s)
{
	s->dst = bellows_alu_pdep(s->src, s->src2);
	return EMU_CONTINUE;
}

int bellows_exec_pext(struct bellows_emu_step *s)
{
	s->dst = bellows_alu_pext(s->src, s->src2);
	return EMU_CONTINUE;
}

/* RDX times r/m; when both halves go to one register, the upper one stays. */
int bellows_exec_mulx(struct bellows_emu_step *s)
{
	u64 low, high, flags = 0;

	low = bellows_alu_mul(s->e->regs[GPR_RDX], s->src2, s->size, &high, &flags);
	bellows_set_reg(s->e, s->insn->vvvv, low, s->size);
	bellows_set_reg(s->e, s->insn->reg, high, s->size);
	return EMU_CONTINUE;
}

int bellows_exec_crc32(struct bellows_emu_step *s)
{
	unsigned int size = s->insn->src == OPD_EB ? 1 : s->size;

	s->dst = bellows_alu_crc32(s->e->regs[s->insn->reg], s->src, size);
	/* The whole register changes whatever the size of the source. */
	s->e->regs[s->insn->reg] = s->dst;
	s->no_store = true;
	return EMU_CONTINUE;
}
