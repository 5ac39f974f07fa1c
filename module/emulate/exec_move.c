// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers that move and convert data, SSE moves included.
 */
#include "pure.h"
#include "emulate/access.h"
#include "emulate/exec.h"
#include "emulate/exec_move.h"
#include "emulate/operand.h"
#include "emulate/segment.h"

int exec_nop(struct emu_step *s)
{
	return EMU_CONTINUE;
}

/* It faults like a read, and there is nothing to flush: of a device least of all. */
int exec_clflush(struct emu_step *s)
{
	u64 linear;
	int r = emu_linear_flush(s->e, s->insn->segment, emu_offset(s), &linear);

	return r ? r : emu_mem_probe(s->e, linear, 1, 0);
}

/* MOVZX and MOVDIRI too: the source was loaded with its own size. */
int exec_mov(struct emu_step *s)
{
	s->dst = s->src;
	return EMU_CONTINUE;
}

int exec_movsx(struct emu_step *s)
{
	unsigned int size = s->insn->src == OPD_EB ? 1 : s->insn->src == OPD_EW ? 2 : 4;

	s->dst = emu_sign_extend(s->src, size);
	return EMU_CONTINUE;
}

static u64 move_swap_bytes(u64 value, unsigned int size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

int exec_movbe(struct emu_step *s)
{
	s->dst = move_swap_bytes(s->src, s->size);
	return EMU_CONTINUE;
}

/* Of 16 bits the result is undefined; CPUs give zero. */
int exec_bswap(struct emu_step *s)
{
	s->dst = s->size == 2 ? 0 : move_swap_bytes(s->dst, s->size);
	return EMU_CONTINUE;
}

int exec_mov_from_seg(struct emu_step *s)
{
	s->dst = emu_segment(s->e, s->insn->reg & 7)->selector;
	return EMU_CONTINUE;
}

/* Where CR0 in hardware is not what the guest wrote. UMIP is the CPU's to check, before the exit. */
int exec_smsw(struct emu_step *s)
{
	s->dst = s->e->cr0;
	return EMU_CONTINUE;
}

int exec_lea(struct emu_step *s)
{
	s->dst = emu_offset(s);
	return EMU_CONTINUE;
}

int exec_xchg(struct emu_step *s)
{
	u8 reg = s->insn->reg;
	u64 old = s->dst;

	if (s->insn->src == OPD_R)
		reg = (s->insn->opcode & 7) | (s->insn->rex & 1 ? 8 : 0);
	s->dst = s->src;
	emu_store_reg(s, reg, old, s->size);
	return EMU_CONTINUE;
}

/* A pair of conditions per flag combination; the lowest bit negates. */
bool emu_condition(u64 rflags, u8 code)
{
	bool sf = rflags & EFL_SF, of = rflags & EFL_OF;
	bool result = false;

	switch ((code >> 1) & 7) {
	case 0:
		result = of;
		break;
	case 1:
		result = rflags & EFL_CF;
		break;
	case 2:
		result = rflags & EFL_ZF;
		break;
	case 3:
		result = rflags & (EFL_CF | EFL_ZF);
		break;
	case 4:
		result = sf;
		break;
	case 5:
		result = rflags & EFL_PF;
		break;
	case 6:
		result = sf != of;
		break;
	case 7:
		result = sf != of || (rflags & EFL_ZF);
		break;
	}
	return result != (code & 1);
}

/* The register is written in any case, which clears the upper half of 64 bits. */
int exec_cmovcc(struct emu_step *s)
{
	if (emu_condition(s->e->rflags, s->insn->opcode))
		s->dst = s->src;
	return EMU_CONTINUE;
}

int exec_setcc(struct emu_step *s)
{
	s->dst = emu_condition(s->e->rflags, s->insn->opcode);
	return EMU_CONTINUE;
}

int exec_cbw(struct emu_step *s)
{
	u64 value = emu_sign_extend(s->e->regs[GPR_RAX], s->size / 2);

	emu_set_reg(s->e, GPR_RAX, value, s->size);
	return EMU_CONTINUE;
}

int exec_cwd(struct emu_step *s)
{
	u64 value = emu_sign_extend(s->e->regs[GPR_RAX], s->size);

	emu_set_reg(s->e, GPR_RDX, (s64)value < 0 ? U64_MAX : 0, s->size);
	return EMU_CONTINUE;
}

int exec_xlat(struct emu_step *s)
{
	u64 *rax = &s->e->regs[GPR_RAX];
	u64 offset = s->e->regs[GPR_RBX] + (*rax & 0xff);
	u64 value;
	int r;

	offset &= emu_mask(s->insn->address_size);
	r = emu_read_seg(s->e, s->insn->segment, offset, &value, 1);
	if (!r)
		*rax = emu_merge(*rax, value, 1);
	return r;
}

/* SSE */

static int sse_check(struct emulator *e)
{
	if ((e->cr0 & CR0_EM) || !(e->cr4 & CR4_OSFXSR))
		return emu_fault(e, VECTOR_UD);
	if (e->cr0 & CR0_TS)
		return emu_fault(e, VECTOR_NM);
	return EMU_CONTINUE;
}

/*
 * 16 bytes that need not be aligned raise #AC or not as the CPU likes; those that
 * must be have been looked at.
 */
static bool sse_may_raise_ac(const struct emu_step *s)
{
	return s->size != 16 || (s->e->features & EMU_SSE_AC);
}

/* The CPU looks at the alignment before it looks at the limit. */
static int sse_locate(struct emu_step *s, bool write)
{
	int r;

	if ((s->insn->flags & F_ALIGN) && (emu_address(s->e) & 15))
		return emu_fault_code(s->e, VECTOR_GP, 0);
	r = emu_linear(s->e, s->insn->segment, emu_offset(s), s->size,
		       write, &s->linear);
	if (!r && sse_may_raise_ac(s))
		r = emu_check_alignment(s->e, s->linear, s->size);
	return r;
}

static int sse_load(struct emu_step *s, void *value)
{
	int r = sse_locate(s, false);

	return r ? r : emu_mem_read(s->e, s->linear, value, s->size, 0);
}

static int sse_store(struct emu_step *s, const void *value)
{
	int r = sse_locate(s, true);

	return r ? r : emu_mem_write(s->e, s->linear, value, s->size);
}

/* Userspace has no part in SSE registers. */
static int sse_no_exit(int result)
{
	return result == EMU_EXIT ? EMU_UNHANDLEABLE : result;
}

static int sse_get_xmm(struct emu_step *s, u8 reg, void *value)
{
	return sse_no_exit(s->e->ops->get_xmm(s->e, reg, value));
}

static int sse_set_xmm(struct emu_step *s, u8 reg, const void *value)
{
	return sse_no_exit(s->e->ops->set_xmm(s->e, reg, value));
}

/*
 * Moves between memory and the low part of a register. A load clears the rest
 * of it; between registers only the low part moves.
 */
int exec_sse_mov(struct emu_step *s)
{
	const struct emu_insn *insn = s->insn;
	u8 value[16] = { 0 }, from[16];
	bool store = insn->dst == OPD_XE;
	int r = sse_check(s->e);

	if (r)
		return r;
	if (insn->memory && !store) {
		r = sse_load(s, value);
		return r ? r : sse_set_xmm(s, insn->reg, value);
	}
	r = sse_get_xmm(s, store ? insn->reg : insn->rm, from);
	if (r)
		return r;
	if (insn->memory)
		return sse_store(s, from);
	r = sse_get_xmm(s, store ? insn->rm : insn->reg, value);
	if (r)
		return r;
	memcpy(value, from, s->size);
	return sse_set_xmm(s, store ? insn->rm : insn->reg, value);
}

/* MOVD and MOVQ: the other operand may be a general register. */
int exec_sse_movd(struct emu_step *s)
{
	const struct emu_insn *insn = s->insn;
	bool load = insn->dst == OPD_XG, general = insn->dst == OPD_E || insn->src == OPD_E;
	u64 value[2] = { 0 };
	int r = sse_check(s->e);

	if (r)
		return r;
	if (insn->memory && load)
		r = sse_load(s, value);
	else if (general && load)
		value[0] = emu_load_reg(s, insn->rm, s->size);
	else
		r = sse_get_xmm(s, load ? insn->rm : insn->reg, value);
	if (r)
		return r;
	value[0] &= emu_mask(s->size);
	value[1] = 0;
	if (load)
		return sse_set_xmm(s, insn->reg, value);
	if (insn->memory)
		return sse_store(s, value);
	if (!general)
		return sse_set_xmm(s, insn->rm, value);
	emu_store_reg(s, insn->rm, value[0], s->size);
	return EMU_CONTINUE;
}

/*
 * MOVLPS and MOVHPS move one half of a register, which the opcode names. Between
 * registers they are MOVHLPS and MOVLHPS: the other half of the source.
 */
int exec_sse_movlh(struct emu_step *s)
{
	const struct emu_insn *insn = s->insn;
	unsigned int half = insn->opcode >= 0x16;
	u64 value[2], from[2];
	int r = sse_check(s->e);

	if (!r)
		r = sse_get_xmm(s, insn->reg, value);
	if (r)
		return r;
	if (insn->dst == OPD_XE)
		return sse_store(s, &value[half]);
	if (insn->memory) {
		r = sse_load(s, &value[half]);
	} else {
		r = sse_get_xmm(s, insn->rm, from);
		value[half] = from[!half];
	}
	return r ? r : sse_set_xmm(s, insn->reg, value);
}
