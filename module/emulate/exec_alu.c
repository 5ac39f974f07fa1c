// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of arithmetic and logic. The frame has loaded dst, src and src2 and
 * will store dst.
 */
#include "pure.h"
#include "emulate/access.h"
#include "emulate/alu.h"
#include "emulate/exec.h"
#include "emulate/operand.h"
#include "emulate/segment.h"

static bool exec_carry(const struct emu_step *s)
{
	return s->e->rflags & EFL_CF;
}

int exec_add(struct emu_step *s)
{
	s->dst = alu_add(s->dst, s->src, false, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_adc(struct emu_step *s)
{
	s->dst = alu_add(s->dst, s->src, exec_carry(s), s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_sub(struct emu_step *s)
{
	s->dst = alu_sub(s->dst, s->src, false, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_sbb(struct emu_step *s)
{
	s->dst = alu_sub(s->dst, s->src, exec_carry(s), s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_cmp(struct emu_step *s)
{
	alu_sub(s->dst, s->src, false, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_and(struct emu_step *s)
{
	s->dst = alu_logic(s->dst & s->src, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_or(struct emu_step *s)
{
	s->dst = alu_logic(s->dst | s->src, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_xor(struct emu_step *s)
{
	s->dst = alu_logic(s->dst ^ s->src, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_test(struct emu_step *s)
{
	alu_logic(s->dst & s->src, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

/* INC and DEC leave CF alone. */
int exec_inc(struct emu_step *s)
{
	u64 old = s->e->rflags & EFL_CF;

	s->dst = alu_add(s->dst, 1, false, s->size, &s->e->rflags);
	s->e->rflags = (s->e->rflags & ~EFL_CF) | old;
	return EMU_CONTINUE;
}

int exec_dec(struct emu_step *s)
{
	u64 old = s->e->rflags & EFL_CF;

	s->dst = alu_sub(s->dst, 1, false, s->size, &s->e->rflags);
	s->e->rflags = (s->e->rflags & ~EFL_CF) | old;
	return EMU_CONTINUE;
}

int exec_not(struct emu_step *s)
{
	s->dst = ~s->dst;
	return EMU_CONTINUE;
}

int exec_neg(struct emu_step *s)
{
	s->dst = alu_sub(0, s->dst, false, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

/* The register gets the old value first: XADD of a register to itself doubles. */
int exec_xadd(struct emu_step *s)
{
	emu_store_reg(s, s->insn->reg, s->dst, s->size);
	return exec_add(s);
}

/*
 * The destination is stored either way, for memory; a register that compares
 * unequal keeps all of its bits.
 */
int exec_cmpxchg(struct emu_step *s)
{
	u64 old = s->dst;

	alu_sub(s->e->regs[GPR_RAX], old, false, s->size, &s->e->rflags);
	if (s->e->rflags & EFL_ZF) {
		s->dst = s->src;
	} else {
		emu_set_reg(s->e, GPR_RAX, old, s->size);
		s->no_store = !s->insn->memory;
	}
	return EMU_CONTINUE;
}

static void exec_pair_set(struct emulator *e, u8 low, u8 high, const u64 *value,
			  unsigned int half)
{
	if (half == 4) {
		e->regs[low] = (u32)value[0];
		e->regs[high] = value[0] >> 32;
	} else {
		e->regs[low] = value[0];
		e->regs[high] = value[1];
	}
}

static void exec_pair_get(const struct emulator *e, u8 low, u8 high, u64 *value,
			  unsigned int half)
{
	if (half == 4) {
		value[0] = (u32)e->regs[low] | e->regs[high] << 32;
		value[1] = 0;
	} else {
		value[0] = e->regs[low];
		value[1] = e->regs[high];
	}
}

/* CMPXCHG8B, and CMPXCHG16B, which wants its operand aligned first of all. */
int exec_cmpxchg8b(struct emu_step *s)
{
	u64 old[2] = { 0 }, expected[2], new[2];
	struct emulator *e = s->e;
	unsigned int half = s->size, size = 2 * s->size;
	u64 linear;
	int r;

	if (half == 8 && !(e->features & EMU_CX16))
		return emu_fault(e, VECTOR_UD);
	if (half == 8 && (emu_address(e) & 15))
		return emu_fault_code(e, VECTOR_GP, 0);
	r = emu_linear(e, s->insn->segment, emu_offset(s), size, true,
		       &linear);
	if (!r)
		r = emu_check_alignment(e, linear, size);
	if (!r)
		r = emu_mem_read(e, linear, old, size, EMU_FOR_WRITE |
				 (s->insn->lock ? EMU_LOCKED : 0));
	if (r)
		return r;
	exec_pair_get(e, GPR_RAX, GPR_RDX, expected, half);
	exec_pair_get(e, GPR_RBX, GPR_RCX, new, half);
	if (old[0] == expected[0] && old[1] == expected[1]) {
		e->rflags |= EFL_ZF;
	} else {
		e->rflags &= ~EFL_ZF;
		exec_pair_set(e, GPR_RAX, GPR_RDX, old, half);
		memcpy(new, old, sizeof(new));
	}
	if (s->insn->lock)
		return emu_mem_cmpxchg(e, linear, old, new, size);
	return emu_mem_write(e, linear, new, size);
}

/* ADCX carries in CF, ADOX in OF, and no other flag changes. */
int exec_adcx(struct emu_step *s)
{
	u64 flag = s->insn->op == OP_ADCX ? EFL_CF : EFL_OF;
	u64 flags = 0;

	s->dst = alu_add(s->dst, s->src, s->e->rflags & flag, s->size, &flags);
	s->e->rflags &= ~flag;
	if (flags & EFL_CF)
		s->e->rflags |= flag;
	return EMU_CONTINUE;
}

/* Of one byte, products and dividends are in AX. */
static void exec_set_product(struct emu_step *s, u64 low, u64 high)
{
	struct emulator *e = s->e;

	if (s->size == 1) {
		emu_set_reg(e, GPR_RAX, high << 8 | low, 2);
	} else {
		emu_set_reg(e, GPR_RAX, low, s->size);
		emu_set_reg(e, GPR_RDX, high, s->size);
	}
}

int exec_mul(struct emu_step *s)
{
	u64 low, high;

	low = alu_mul(s->e->regs[GPR_RAX], s->dst, s->size, &high,
		      &s->e->rflags);
	exec_set_product(s, low, high);
	return EMU_CONTINUE;
}

int exec_imul1(struct emu_step *s)
{
	u64 low, high;

	low = alu_imul(s->e->regs[GPR_RAX], s->dst, s->size, &high,
		       &s->e->rflags);
	exec_set_product(s, low, high);
	return EMU_CONTINUE;
}

/* With three operands the destination is not one of the factors. */
int exec_imul(struct emu_step *s)
{
	u64 factor = s->insn->src2 ? s->src2 : s->dst;
	u64 high;

	s->dst = alu_imul(factor, s->src, s->size, &high, &s->e->rflags);
	return EMU_CONTINUE;
}

static int exec_divide(struct emu_step *s,
		       bool (*division)(u64 high, u64 low, u64 divisor, unsigned int size,
					u64 *quotient, u64 *remainder))
{
	u64 low = s->e->regs[GPR_RAX], high = s->e->regs[GPR_RDX];
	u64 quotient, remainder;

	if (s->size == 1)
		high = low >> 8;
	if (!division(high, low, s->dst, s->size, &quotient, &remainder))
		return emu_fault(s->e, VECTOR_DE);
	exec_set_product(s, quotient, remainder);
	return EMU_CONTINUE;
}

int exec_div(struct emu_step *s)
{
	return exec_divide(s, alu_div);
}

int exec_idiv(struct emu_step *s)
{
	return exec_divide(s, alu_idiv);
}

int exec_shift(struct emu_step *s)
{
	s->dst = alu_shift(s->insn->op, s->dst, s->src & 0xff, s->size,
			   &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_shld(struct emu_step *s)
{
	s->dst = alu_shld(s->dst, s->src, s->src2 & 0xff, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}

int exec_shrd(struct emu_step *s)
{
	s->dst = alu_shrd(s->dst, s->src, s->src2 & 0xff, s->size, &s->e->rflags);
	return EMU_CONTINUE;
}
