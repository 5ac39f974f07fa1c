// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of differences that are no one's fault, one function each. Intel's words are
 * from its Software Developer's Manual; where neither vendor says anything, the reason is
 * that no program can depend on it: the state is one from which the instruction may be
 * run again with the same result.
 */
#include <string.h>

#include "emulate/access.h"
#include "emulate/exec_stack.h"
#include "emulate/operand.h"
#include "emulate/segment.h"
#include "native_open.h"

const char *const native_open_names[NATIVE_OPEN_NR] = {
	[NATIVE_OPEN_CALL_WRITES] = "CALL to where it can't go has written its return address",
	[NATIVE_OPEN_CMPS_ORDER] = "CMPS finds the fault of ES:rDI before that of rSI",
	[NATIVE_OPEN_PAST_4G] = "an access past 4 GiB in a segment of 4 GiB is not refused",
	[NATIVE_OPEN_REP_FLAGS] = "the flags of a REP CMPS or SCAS that has not ended are older",
	[NATIVE_OPEN_REP_COUNTERS] = "REP with 32-bit addresses clears upper halves at its begin",
	[NATIVE_OPEN_BOUND_ORDER] = "BOUND finds the lower bound broken and does not read the upper",
};

/* The last check of a segment that the emulator made. */
static struct segment_check {
	u8 seg;
	u64 offset;
	unsigned int size;
	bool write;
	bool refused;
} last_check;

int __wrap_emu_linear(struct emulator *e, u8 seg, u64 offset,
		      unsigned int size, bool write, u64 *linear)
{
	int r = __real_emu_linear(e, seg, offset, size, write, linear);

	last_check.seg = seg;
	last_check.offset = offset;
	last_check.size = size;
	last_check.write = write;
	last_check.refused = r != EMU_CONTINUE;
	return r;
}

void native_open_begin(void)
{
	last_check.refused = false;
}

static bool is_fault(const struct native_outcome *o, u8 vector)
{
	return o->fault && o->vector == vector && o->error == 0;
}

/*
 * CALL checks its target and pushes its return address in an order that the manual gives
 * for 16 and 32 bits only, and restores everything after a fault, what lies below the
 * stack pointer not being anything. So those bytes may hold the return address; RSP may
 * not have moved.
 */
static bool call_writes(struct native_case *c)
{
	const struct emulator *e = &c->before;
	unsigned int size = c->g.insn.operand_size;
	u64 back = e->rip + c->g.insn.length, at;

	if (c->g.insn.op != OP_CALL && c->g.insn.op != OP_CALL_IND)
		return false;
	if (!is_fault(&c->native, VECTOR_GP) || !is_fault(&c->emulated, VECTOR_GP))
		return false;
	/* It was not for the operand, nor for the stack. */
	if (last_check.refused)
		return false;
	at = (e->regs[GPR_RSP] - size) & emu_mask(emu_stack_size(e));
	if (!emu_is_64bit(e))
		at = (u32)(at + e->seg[SEG_SS].base);
	at -= MODEL_BASE;
	if (at > MODEL_SIZE - size || memcmp(c->memory + at, &back, size))
		return false;
	if (!memcmp(c->m->memory + at, &back, size))
		return false;
	memcpy(c->memory + at, c->m->memory + at, size);
	return true;
}

/*
 * Did the emulator refuse an access for no other reason than that it ends past 4 GiB? One
 * at the segment's beginning is refused if it may not be accessed, or expands down.
 */
static bool refused_past_4g(const struct native_case *c)
{
	struct emulator e = c->before;
	u64 linear;

	if (!last_check.refused || emu_is_64bit(&c->before) ||
	    c->before.seg[last_check.seg].limit != U32_MAX)
		return false;
	if (last_check.offset > U32_MAX || last_check.offset + last_check.size - 1 <= U32_MAX)
		return false;
	return !__real_emu_linear(&e, last_check.seg, 0, 1, last_check.write, &linear);
}

/*
 * What a CPU meets that has gone on with that access: nothing is mapped there. Those that
 * write many values may begin with another one.
 */
static bool went_on(const struct native_case *c)
{
	u64 linear = c->before.seg[last_check.seg].base + last_check.offset;

	if (is_fault(&c->native, VECTOR_AC))
		return true;
	if (!c->native.fault || c->native.vector != NATIVE_PF)
		return false;
	return c->g.insn.op == OP_PUSHA || c->g.insn.op == OP_ENTER ||
	       (u32)(c->native.address - linear) < last_check.size;
}

/* What the emulator would say of reading ES:rDI, where rDI is now. */
static bool target_faults(const struct native_case *c, struct native_outcome *o)
{
	u64 offset = c->m->e.regs[GPR_RDI] & emu_mask(c->g.insn.address_size);
	unsigned int size = c->g.insn.operand_size;
	struct emulator *e = &c->m->e;
	u64 linear, value;
	int r;

	r = emu_linear(e, SEG_ES, offset, size, false, &linear);
	if (!r)
		r = emu_check_alignment(e, linear, size);
	if (!r)
		r = emu_mem_read(e, linear, &value, size, 0);
	emu_reset(e);
	*o = (struct native_outcome) {
		.fault = true,
		.vector = e->fault.vector,
		.error = e->fault.error,
		.address = e->fault.vector == NATIVE_PF ? e->fault.address : 0,
	};
	return r == EMU_FAULT;
}

/*
 * CMPS reads two operands and no manual says which first; of faults of one instruction
 * the priority is up to the CPU. The emulator begins with rSI. If both fault, the CPU's
 * fault may be the one of ES:rDI, and no other.
 */
static bool cmps_order(struct native_case *c)
{
	struct segment_check source = last_check;
	struct native_outcome target;
	bool met;

	if (c->g.insn.op != OP_CMPS || !c->native.fault || !c->emulated.fault ||
	    native_same_outcome(&c->native, &c->emulated))
		return false;
	met = target_faults(c, &target) && (native_same_outcome(&c->native, &target) ||
					    (refused_past_4g(c) && went_on(c)));
	last_check = source;
	if (met)
		c->native = c->emulated;
	return met;
}

/*
 * "When the effective limit is FFFFFFFFH (4 GBytes), these accesses may or may not cause
 * the indicated exceptions. Behavior is implementation-specific and may vary from one
 * execution to another." (Volume 3, limit checking.)
 */
static bool past_4g(struct native_case *c)
{
	u8 vector = last_check.seg == SEG_SS ? VECTOR_SS : VECTOR_GP;

	if (!is_fault(&c->emulated, vector) || !went_on(c) || !refused_past_4g(c))
		return false;
	c->native = c->emulated;
	return true;
}

/*
 * "When a fault occurs during the execution of a CMPS or SCAS instruction that is prefixed
 * with REPE or REPNE, the EFLAGS value is restored to the state prior to the execution of
 * the instruction." (Volume 2, REP.) Of traps nothing is said. The flags are no input of
 * the instruction, and it is not at its end: then they may be those from before.
 */
static bool rep_flags(struct native_case *c)
{
	const struct emu_insn *insn = &c->g.insn;
	u64 before = c->before.rflags & EFL_STATUS, emulated = c->m->e.rflags & EFL_STATUS;

	if ((insn->op != OP_CMPS && insn->op != OP_SCAS) || !insn->rep)
		return false;
	if (c->n.rip != c->before.rip || c->m->e.rip != c->before.rip)
		return false;
	if ((c->n.rflags & EFL_STATUS) != before || before == emulated)
		return false;
	c->n.rflags = (c->n.rflags & ~EFL_STATUS) | emulated;
	return true;
}

/*
 * A result of 32 bits clears the upper half of a register, and that is all the manuals
 * say: not whether there is a result if the counter is zero or the first iteration
 * faults. rCX, rSI and rDI of 64 bits may lose their upper halves then.
 */
static bool rep_counters(struct native_case *c)
{
	static const u8 registers[] = { GPR_RCX, GPR_RSI, GPR_RDI };
	const struct emu_insn *insn = &c->g.insn;
	const u64 *before = c->before.regs;
	bool met = false;
	unsigned int i;

	if (!emu_is_64bit(&c->before) || !insn->rep || !(insn->flags & F_REP) ||
	    insn->address_size != 4)
		return false;
	if ((u32)before[GPR_RCX] && !c->native.fault)
		return false;
	/* Nothing was counted: nothing has happened. */
	if (c->m->e.regs[GPR_RCX] != before[GPR_RCX])
		return false;
	for (i = 0; i < sizeof(registers); i++) {
		u64 *reg = &c->n.regs[registers[i]];

		if (*reg == before[registers[i]] || *reg != (u32)before[registers[i]])
			continue;
		*reg = before[registers[i]];
		met = true;
	}
	return met;
}

/*
 * "IF ArrayIndex < LowerBound OR ArrayIndex > UpperBound THEN #BR" (volume 2, BOUND): not
 * whether both are read in any case. A CPU may find the index below the lower bound, and
 * never learn that the upper one can't be read.
 */
static bool bound_order(struct native_case *c)
{
	const struct emu_insn *insn = &c->g.insn;
	struct emulator *e = &c->m->e;
	unsigned int size = insn->operand_size;
	u64 offset, lower;
	s64 index;
	int r;

	if (insn->op != OP_BOUND || !is_fault(&c->native, VECTOR_BR) ||
	    !c->emulated.fault || c->emulated.vector == VECTOR_BR)
		return false;
	offset = emu_insn_offset(insn, c->before.regs, c->before.rip);
	index = emu_sign_extend(c->before.regs[insn->reg], size);
	r = emu_read_seg(e, insn->segment, offset, &lower, size);
	emu_reset(e);
	if (r || index >= (s64)emu_sign_extend(lower, size))
		return false;
	c->native = c->emulated;
	return true;
}

/* F3 90 is PAUSE and REX.B 90 is XCHG; which of them F3 REX.B 90 is, is nowhere said. */
bool native_open_insn(const struct emu_insn *insn)
{
	return insn->op == OP_XCHG && insn->opcode == 0x90 && insn->rep == 0xf3;
}

/*
 * VMCALL: not the CPU answers but the hypervisor that it may run under. VERW of a word in
 * memory: AMD's microcode that makes it clear buffers takes a LOCK before it (seen on
 * family 25, model 17), against the manual; of a register it does not.
 */
bool native_open_invalid(const u8 opcode[3])
{
	if (!memcmp(opcode, "\x0f\x01\xc1", 3))
		return true;
	return opcode[0] == 0x0f && opcode[1] == 0x00 && (opcode[2] >> 3 & 7) == 5 &&
	       opcode[2] >> 6 != 3;
}

unsigned int native_left_open(struct native_case *c)
{
	static bool (*const kinds[NATIVE_OPEN_NR])(struct native_case *c) = {
		[NATIVE_OPEN_CALL_WRITES] = call_writes,
		[NATIVE_OPEN_CMPS_ORDER] = cmps_order,
		[NATIVE_OPEN_PAST_4G] = past_4g,
		[NATIVE_OPEN_REP_FLAGS] = rep_flags,
		[NATIVE_OPEN_REP_COUNTERS] = rep_counters,
		[NATIVE_OPEN_BOUND_ORDER] = bound_order,
	};
	unsigned int met = 0, i;

	for (i = 0; i < NATIVE_OPEN_NR; i++)
		if (kinds[i](c))
			met |= BIT(i);
	return met;
}
