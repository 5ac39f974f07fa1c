// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of single flags and of decimal arithmetic.
 */
#include "pure.h"
#include "emulate/access.h"
#include "emulate/alu.h"
#include "emulate/exec.h"
#include "emulate/operand.h"
#include "emulate/segment.h"

static int flags_assign(struct emu_step *s, u64 flag, bool value)
{
	s->e->rflags = value ? s->e->rflags | flag : s->e->rflags & ~flag;
	return EMU_CONTINUE;
}

int exec_clc(struct emu_step *s)
{
	return flags_assign(s, EFL_CF, false);
}

int exec_stc(struct emu_step *s)
{
	return flags_assign(s, EFL_CF, true);
}

int exec_cmc(struct emu_step *s)
{
	return flags_assign(s, EFL_CF, !(s->e->rflags & EFL_CF));
}

int exec_cld(struct emu_step *s)
{
	return flags_assign(s, EFL_DF, false);
}

int exec_std(struct emu_step *s)
{
	return flags_assign(s, EFL_DF, true);
}

/*
 * CLI and STI need a privilege of IOPL. What the virtual interrupt flag does
 * instead, in CPL 3, is left to the CPU.
 */
static int flags_may_change_if(struct emulator *e)
{
	unsigned int iopl = (e->rflags & EFL_IOPL) / (EFL_IOPL / 3);
	bool vm86 = e->rflags & EFL_VM;

	if (!(e->cr0 & CR0_PE) || (vm86 ? 3 : e->cpl) <= iopl)
		return EMU_CONTINUE;
	if ((vm86 && (e->cr4 & CR4_VME)) || (e->cpl == 3 && (e->cr4 & CR4_PVI)))
		return EMU_UNHANDLEABLE;
	return emu_fault_code(e, VECTOR_GP, 0);
}

int exec_cli(struct emu_step *s)
{
	int r = flags_may_change_if(s->e);

	return r ? r : flags_assign(s, EFL_IF, false);
}

int exec_sti(struct emu_step *s)
{
	int r = flags_may_change_if(s->e);

	if (r)
		return r;
	if (!(s->e->rflags & EFL_IF))
		s->e->events |= EMU_STI_SHADOW;
	return flags_assign(s, EFL_IF, true);
}

static bool flags_no_lahf(const struct emu_step *s)
{
	return emu_is_64bit(s->e) && !(s->e->features & EMU_LAHF64);
}

#define AH_FLAGS (EFL_SF | EFL_ZF | EFL_AF | EFL_PF | EFL_CF)

int exec_lahf(struct emu_step *s)
{
	u64 *rax = &s->e->regs[GPR_RAX];

	if (flags_no_lahf(s))
		return emu_fault(s->e, VECTOR_UD);
	*rax = (*rax & ~0xff00ULL) |
	       ((s->e->rflags & AH_FLAGS) | EFL_FIXED) << 8;
	return EMU_CONTINUE;
}

int exec_sahf(struct emu_step *s)
{
	if (flags_no_lahf(s))
		return emu_fault(s->e, VECTOR_UD);
	s->e->rflags = (s->e->rflags & ~AH_FLAGS) |
		       ((s->e->regs[GPR_RAX] >> 8) & AH_FLAGS);
	return EMU_CONTINUE;
}

static void flags_set_al(struct emu_step *s, u64 value)
{
	emu_set_reg(s->e, GPR_RAX, value, 1);
}

int exec_salc(struct emu_step *s)
{
	flags_set_al(s, s->e->rflags & EFL_CF ? 0xff : 0);
	return EMU_CONTINUE;
}

/* AAA adds 6 to AL and 1 to AH when the low digit overflowed; AAS subtracts. */
static int flags_adjust_ascii(struct emu_step *s, int sign)
{
	u64 ax = s->e->regs[GPR_RAX] & 0xffff;
	bool adjust = (ax & 15) > 9 || (s->e->rflags & EFL_AF);

	if (adjust)
		ax += sign * 0x106;
	alu_set_szp(ax, 1, &s->e->rflags);
	flags_assign(s, EFL_AF, adjust);
	flags_assign(s, EFL_CF, adjust);
	emu_set_reg(s->e, GPR_RAX, ax & 0xff0f, 2);
	return EMU_CONTINUE;
}

int exec_aaa(struct emu_step *s)
{
	return flags_adjust_ascii(s, 1);
}

int exec_aas(struct emu_step *s)
{
	return flags_adjust_ascii(s, -1);
}

/* DAA and DAS correct the low digit, then the high one. */
static int flags_adjust_decimal(struct emu_step *s, int sign)
{
	u64 old = s->e->regs[GPR_RAX] & 0xff, al = old;
	bool carry = s->e->rflags & EFL_CF, old_carry = carry;
	bool low = (al & 15) > 9 || (s->e->rflags & EFL_AF);
	bool high = old > 0x99 || old_carry;

	if (low) {
		carry = old_carry || (sign < 0 && al < 6);
		al += sign * 6;
	}
	if (high) {
		al += sign * 0x60;
		carry = true;
	} else if (sign > 0) {
		carry = false;
	}
	alu_set_szp(al, 1, &s->e->rflags);
	flags_assign(s, EFL_AF, low);
	flags_assign(s, EFL_CF, carry);
	flags_set_al(s, al);
	return EMU_CONTINUE;
}

int exec_daa(struct emu_step *s)
{
	return flags_adjust_decimal(s, 1);
}

int exec_das(struct emu_step *s)
{
	return flags_adjust_decimal(s, -1);
}

int exec_aam(struct emu_step *s)
{
	u64 al = s->e->regs[GPR_RAX] & 0xff, base = s->insn->imm;

	if (!base)
		return emu_fault(s->e, VECTOR_DE);
	/* Bytes, lest the compiler call for a 64-bit division. */
	emu_set_reg(s->e, GPR_RAX,
		    (u8)al / (u8)base << 8 | (u8)al % (u8)base, 2);
	alu_set_szp(s->e->regs[GPR_RAX], 1, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_aad(struct emu_step *s)
{
	u64 ax = s->e->regs[GPR_RAX];
	u64 al = ((ax & 0xff) + ((ax >> 8) & 0xff) * s->insn->imm) & 0xff;

	emu_set_reg(s->e, GPR_RAX, al, 2);
	alu_set_szp(al, 1, &s->e->rflags);
	return EMU_CONTINUE;
}

static int bound_read(struct emu_step *s, u64 offset, s64 *value)
{
	u64 linear, raw = 0;
	int r;

	offset &= emu_mask(s->insn->address_size);
	r = emu_linear(s->e, s->insn->segment, offset, s->size, false, &linear);
	if (!r)
		r = emu_check_alignment(s->e, linear, s->size);
	if (!r)
		r = emu_mem_read(s->e, linear, &raw, s->size, 0);
	*value = (s64)emu_sign_extend(raw, s->size);
	return r;
}

/* The bounds lie one after the other in memory and belong to the range. */
int exec_bound(struct emu_step *s)
{
	s64 index = (s64)emu_sign_extend(s->dst, s->size);
	u64 offset = emu_offset(s);
	s64 lower, upper;
	int r;

	r = bound_read(s, offset, &lower);
	if (!r)
		r = bound_read(s, offset + s->size, &upper);
	if (!r && (index < lower || index > upper))
		r = emu_fault(s->e, VECTOR_BR);
	return r;
}

/* Memory is written, and need be writable, only if the selector changes. */
int exec_arpl(struct emu_step *s)
{
	u64 wanted = s->src & 3;

	if ((s->dst & 3) >= wanted)
		return flags_assign(s, EFL_ZF, false);
	s->dst = (s->dst & ~3ULL) | wanted;
	s->loaded = false;
	flags_assign(s, EFL_ZF, true);
	return emu_store(s);
}
