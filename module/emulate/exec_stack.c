// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the stack and of branches.
 *
 * The size of the stack pointer comes from SS, the size of what is pushed from
 * the instruction. A stack pointer of 16 bits wraps within 16 bits and leaves the
 * rest of RSP alone.
 */
#include "pure.h"
#include "emulate/access.h"
#include "emulate/exec.h"
#include "emulate/exec_move.h"
#include "emulate/exec_stack.h"
#include "emulate/operand.h"
#include "emulate/segment.h"

unsigned int emu_stack_size(const struct emulator *e)
{
	if (emu_is_64bit(e))
		return 8;
	return e->seg[SEG_SS].attr & SEG_ATTR_DB ? 4 : 2;
}

static u64 stack_pointer(const struct emulator *e)
{
	return e->regs[GPR_RSP] & emu_mask(emu_stack_size(e));
}

static void stack_set_pointer(struct emulator *e, u64 value)
{
	emu_set_reg(e, GPR_RSP, value, emu_stack_size(e));
}

static int stack_linear(struct emulator *e, u64 offset, unsigned int size,
			bool write, u64 *linear)
{
	int r;

	r = emu_linear(e, SEG_SS, offset, size, write, linear);
	return r ? r : emu_check_alignment(e, *linear, size);
}

static int stack_read(struct emulator *e, u64 offset, void *value,
		      unsigned int size)
{
	u64 linear;
	int r;

	r = stack_linear(e, offset, size, false, &linear);
	return r ? r : emu_mem_read(e, linear, value, size, 0);
}

static int stack_write(struct emulator *e, u64 offset, const void *value,
		       unsigned int size)
{
	u64 linear;
	int r;

	r = stack_linear(e, offset, size, true, &linear);
	return r ? r : emu_mem_write(e, linear, value, size);
}

/* Would a push fault? */
static int stack_probe(struct emulator *e, u64 offset, unsigned int size)
{
	u64 linear;
	int r;

	r = stack_linear(e, offset, size, true, &linear);
	return r ? r : emu_mem_probe(e, linear, size, EMU_FOR_WRITE);
}

static u64 stack_below(const struct emulator *e, unsigned int bytes)
{
	return (stack_pointer(e) - bytes) & emu_mask(emu_stack_size(e));
}

int emu_push(struct emulator *e, u64 value, unsigned int size)
{
	u64 sp = stack_below(e, size);
	int r;

	r = stack_write(e, sp, &value, size);
	if (!r)
		stack_set_pointer(e, sp);
	return r;
}

int emu_pop(struct emulator *e, u64 *value, unsigned int size)
{
	u64 sp = stack_pointer(e);
	int r;

	*value = 0;
	r = stack_read(e, sp, value, size);
	if (!r)
		stack_set_pointer(e, sp + size);
	return r;
}

int exec_push(struct emu_step *s)
{
	return emu_push(s->e, s->dst, s->size);
}

/* An address made of RSP uses the RSP after the pop: the frame stores later. */
int exec_pop(struct emu_step *s)
{
	return emu_pop(s->e, &s->dst, s->size);
}

/* All eight slots are probed first, so that all are written or none. */
int exec_pusha(struct emu_step *s)
{
	struct emulator *e = s->e;
	unsigned int i;
	int r = EMU_CONTINUE;

	for (i = 0; !r && i < 8; i++)
		r = stack_probe(e, stack_below(e, (i + 1) * s->size), s->size);
	for (i = 0; !r && i < 8; i++)
		r = stack_write(e, stack_below(e, (i + 1) * s->size), &e->regs[i], s->size);
	if (!r)
		stack_set_pointer(e, stack_below(e, 8 * s->size));
	return r;
}

/* What PUSHA stored for the stack pointer is skipped. */
int exec_popa(struct emu_step *s)
{
	struct emulator *e = s->e;
	u64 sp = stack_pointer(e);
	u64 values[8] = { 0 };
	unsigned int i;
	int r = EMU_CONTINUE;

	for (i = 0; !r && i < 8; i++)
		r = stack_read(e, (sp + i * s->size) & emu_mask(emu_stack_size(e)),
			       &values[7 - i], s->size);
	if (r)
		return r;
	for (i = 0; i < 8; i++)
		if (i != GPR_RSP)
			emu_set_reg(e, i, values[i], s->size);
	stack_set_pointer(e, sp + 8 * s->size);
	return EMU_CONTINUE;
}

/* In virtual-8086 mode flags are IOPL's business, or VME's. */
static int stack_flags_allowed(struct emulator *e)
{
	if (!(e->rflags & EFL_VM) || (e->rflags & EFL_IOPL) == EFL_IOPL)
		return EMU_CONTINUE;
	if (e->cr4 & CR4_VME)
		return EMU_UNHANDLEABLE;
	return emu_fault_code(e, VECTOR_GP, 0);
}

int exec_pushf(struct emu_step *s)
{
	int r = stack_flags_allowed(s->e);

	if (r)
		return r;
	return emu_push(s->e, s->e->rflags & ~(EFL_RF | EFL_VM), s->size);
}

/* Which flags POPF may change depends on the privilege: 3 in virtual-8086 mode. */
static u64 stack_popf_mask(const struct emulator *e, unsigned int size)
{
	u64 mask = EFL_STATUS | EFL_TF | EFL_DF | EFL_NT | EFL_AC | EFL_ID;
	unsigned int iopl = (e->rflags & EFL_IOPL) / (EFL_IOPL / 3);

	if (!(e->cr0 & CR0_PE))
		mask |= EFL_IF | EFL_IOPL;
	else if (e->cpl <= iopl)
		mask |= EFL_IF | (e->cpl ? 0 : EFL_IOPL);
	return mask & emu_mask(size);
}

int exec_popf(struct emu_step *s)
{
	struct emulator *e = s->e;
	u64 mask = stack_popf_mask(e, s->size);
	u64 value;
	int r;

	r = stack_flags_allowed(e);
	if (!r)
		r = emu_pop(e, &value, s->size);
	if (!r)
		e->rflags = (e->rflags & ~mask) | (value & mask);
	return r;
}

/* Copy the frame pointers of the enclosing procedures, then our own. */
static int stack_enter_display(struct emu_step *s, unsigned int level, u64 frame)
{
	struct emulator *e = s->e;
	u64 mask = emu_mask(emu_stack_size(e));
	u64 bp = e->regs[GPR_RBP];
	u64 value;
	int r = EMU_CONTINUE;

	while (!r && --level > 0) {
		bp -= s->size;
		value = 0;
		r = stack_read(e, bp & mask, &value, s->size);
		if (!r)
			r = emu_push(e, value, s->size);
	}
	return r ? r : emu_push(e, frame, s->size);
}

/*
 * The CPU makes sure that the new top of the stack is writable; so a stack that
 * must grow faults here and not in the function's body.
 */
int exec_enter(struct emu_step *s)
{
	struct emulator *e = s->e;
	unsigned int level = s->insn->imm2 & 31;
	u64 frame;
	int r;

	r = emu_push(e, e->regs[GPR_RBP], s->size);
	frame = e->regs[GPR_RSP];
	if (!r && level)
		r = stack_enter_display(s, level, frame);
	if (r)
		return r;
	stack_set_pointer(e, stack_pointer(e) - s->insn->imm);
	emu_set_reg(e, GPR_RBP, frame, s->size);
	return stack_probe(e, stack_pointer(e), s->size);
}

int exec_leave(struct emu_step *s)
{
	struct emulator *e = s->e;
	u64 value;
	int r;

	stack_set_pointer(e, e->regs[GPR_RBP]);
	r = emu_pop(e, &value, s->size);
	if (!r)
		emu_set_reg(e, GPR_RBP, value, s->size);
	return r;
}

/* Branches. */

static u64 branch_return_address(const struct emu_step *s)
{
	return s->saved.rip + s->insn->length;
}

static int branch_relative(struct emu_step *s)
{
	return emu_branch(s, branch_return_address(s) + s->insn->imm);
}

/* A fault of the stack comes before one of the target; both before the write. */
static int branch_call(struct emu_step *s, u64 target)
{
	int r;

	r = stack_probe(s->e, stack_below(s->e, s->size), s->size);
	if (!r)
		r = emu_branch(s, target);
	return r ? r : emu_push(s->e, branch_return_address(s), s->size);
}

int exec_call(struct emu_step *s)
{
	return branch_call(s, branch_return_address(s) + s->insn->imm);
}

int exec_call_ind(struct emu_step *s)
{
	return branch_call(s, s->dst);
}

int exec_jmp(struct emu_step *s)
{
	return branch_relative(s);
}

int exec_jmp_ind(struct emu_step *s)
{
	return emu_branch(s, s->dst);
}

/* The immediate drops arguments; it is zero where the opcode has none. */
int exec_ret(struct emu_step *s)
{
	u64 target;
	int r;

	r = emu_pop(s->e, &target, s->size);
	if (r)
		return r;
	stack_set_pointer(s->e, stack_pointer(s->e) + s->insn->imm);
	return emu_branch(s, target);
}

int exec_jcc(struct emu_step *s)
{
	if (!emu_condition(s->e->rflags, s->insn->opcode))
		return EMU_CONTINUE;
	return branch_relative(s);
}

/* The counter has the address size. */
int exec_loop(struct emu_step *s)
{
	unsigned int size = s->insn->address_size;
	bool zero = s->e->rflags & EFL_ZF;
	u64 count = s->e->regs[GPR_RCX] - 1;

	emu_set_reg(s->e, GPR_RCX, count, size);
	if (!(count & emu_mask(size)))
		return EMU_CONTINUE;
	if (s->insn->op == OP_LOOPE && !zero)
		return EMU_CONTINUE;
	if (s->insn->op == OP_LOOPNE && zero)
		return EMU_CONTINUE;
	return branch_relative(s);
}

int exec_jcxz(struct emu_step *s)
{
	if (s->e->regs[GPR_RCX] & emu_mask(s->insn->address_size))
		return EMU_CONTINUE;
	return branch_relative(s);
}
