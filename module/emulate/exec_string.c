// SPDX-License-Identifier: GPL-2.0
/*
 * String instructions and port I/O.
 *
 * REP runs a bounded number of iterations and then lets the guest be entered
 * again with RIP still at the instruction, as an interrupt between two iterations
 * would: the registers tell how far it got. After each iteration the checkpoint
 * moves on and the log is emptied, so that a fault or an exit in the next one
 * finds all earlier ones done.
 *
 * String I/O to a port is slow one element at a time when userspace answers it.
 * When the elements lie in ordinary memory of one page, a block of them is one
 * access to the port, through io_buf. The memory was probed before the port was
 * touched; if it goes away in between, what was read from the port is lost,
 * which the guest has brought on itself by taking the page away meanwhile.
 */
#include "pure.h"
#include "emulate/access.h"
#include "emulate/alu.h"
#include "emulate/exec.h"
#include "emulate/operand.h"
#include "emulate/segment.h"

#define REP_BUDGET	256

static u64 string_address_mask(const struct emu_step *s)
{
	return emu_mask(s->insn->address_size);
}

static u64 string_offset(const struct emu_step *s, u8 reg)
{
	return s->e->regs[reg] & string_address_mask(s);
}

static void string_advance(struct emu_step *s, u8 reg, unsigned int count)
{
	u64 delta = (u64)count * s->size;

	if (s->e->rflags & EFL_DF)
		delta = -delta;
	emu_set_reg(s->e, reg, s->e->regs[reg] + delta, s->insn->address_size);
}

static int string_source_read(struct emu_step *s, u64 *value)
{
	struct emulator *e = s->e;
	u64 linear;
	int r;

	*value = 0;
	r = emu_linear(e, s->insn->segment, string_offset(s, GPR_RSI), s->size,
		       false, &linear);
	if (!r)
		r = emu_check_alignment(e, linear, s->size);
	return r ? r : emu_mem_read(e, linear, value, s->size, 0);
}

static int string_target_linear(struct emu_step *s, bool write, u64 *linear)
{
	int r;

	r = emu_linear(s->e, SEG_ES, string_offset(s, GPR_RDI), s->size,
		       write, linear);
	return r ? r : emu_check_alignment(s->e, *linear, s->size);
}

static int string_target_read(struct emu_step *s, u64 *value)
{
	u64 linear;
	int r;

	*value = 0;
	r = string_target_linear(s, false, &linear);
	return r ? r : emu_mem_read(s->e, linear, value, s->size, 0);
}

static int string_target_write(struct emu_step *s, u64 value)
{
	u64 linear;
	int r;

	r = string_target_linear(s, true, &linear);
	return r ? r : emu_mem_write(s->e, linear, &value, s->size);
}

/* One iteration, without the counter. */
static int string_once(struct emu_step *s)
{
	struct emulator *e = s->e;
	u64 a = e->regs[GPR_RAX], b = 0;
	bool source = false, target = true;
	int r = EMU_CONTINUE;

	switch (s->insn->op) {
	case OP_MOVS:
		source = true;
		r = string_source_read(s, &b);
		if (!r)
			r = string_target_write(s, b);
		break;
	case OP_STOS:
		r = string_target_write(s, a);
		break;
	case OP_LODS:
		source = true;
		target = false;
		r = string_source_read(s, &b);
		if (!r)
			emu_set_reg(e, GPR_RAX, b, s->size);
		break;
	case OP_CMPS:
		source = true;
		r = string_source_read(s, &a);
		fallthrough;
	case OP_SCAS:
		if (!r)
			r = string_target_read(s, &b);
		if (!r)
			alu_sub(a, b, false, s->size, &e->rflags);
		break;
	}
	if (r)
		return r;
	if (source)
		string_advance(s, GPR_RSI, 1);
	if (target)
		string_advance(s, GPR_RDI, 1);
	return EMU_CONTINUE;
}

static u64 rep_count(const struct emu_step *s)
{
	return s->e->regs[GPR_RCX] & string_address_mask(s);
}

static void rep_subtract(struct emu_step *s, unsigned int done)
{
	emu_set_reg(s->e, GPR_RCX, s->e->regs[GPR_RCX] - done,
		    s->insn->address_size);
}

/* CMPS and SCAS also end by ZF: REPE (F3) when clear, REPNE (F2) when set. */
static bool rep_ends(const struct emu_step *s)
{
	bool zero = s->e->rflags & EFL_ZF;

	if (s->insn->op != OP_CMPS && s->insn->op != OP_SCAS)
		return false;
	return s->insn->rep == 0xf3 ? !zero : zero;
}

/*
 * @once does up to @left iterations and says how many. A single-stepped guest
 * gets its trap after each one.
 */
static int rep_run(struct emu_step *s,
		   int (*once)(struct emu_step *s, u64 left, unsigned int *done))
{
	unsigned int budget = s->e->rflags & EFL_TF ? 1 : REP_BUDGET;

	while (rep_count(s)) {
		unsigned int done = 1;
		int r;

		if (!budget--) {
			s->partial = true;
			break;
		}
		r = once(s, s->e->rflags & EFL_TF ? 1 : rep_count(s), &done);
		if (r)
			return r;
		rep_subtract(s, done);
		if (rep_ends(s))
			break;
		if (rep_count(s))
			emu_commit(s);
	}
	return EMU_CONTINUE;
}

static int string_step(struct emu_step *s, u64 left, unsigned int *done)
{
	return string_once(s);
}

int exec_string(struct emu_step *s)
{
	return s->insn->rep ? rep_run(s, string_step) : string_once(s);
}

/* Ports */

#define TSS_BITMAP	102		/* offset of the offset */
#define TSS_TYPE_32	9		/* 11 when busy */

static int port_tss_read(struct emulator *e, u32 offset, u16 *value)
{
	const struct emu_segment *tr = emu_segment(e, SEG_TR);
	unsigned int i;

	if (offset + 1 > tr->limit)
		return emu_fault_code(e, VECTOR_GP, 0);
	for (i = 0; i < 2; i++) {
		u64 linear = tr->base + offset + i;
		int r;

		if (!(e->efer & EFER_LMA))
			linear = (u32)linear;
		r = e->ops->read(e, linear, (u8 *)value + i, 1, EMU_IMPLICIT);
		if (r)
			return r == EMU_EXIT ? EMU_UNHANDLEABLE : r;
	}
	return EMU_CONTINUE;
}

/*
 * Beyond IOPL the bitmap in the TSS decides, one bit per port. An instruction
 * that is run again has passed this already.
 */
static int port_allowed(struct emulator *e, u16 port, unsigned int size)
{
	unsigned int iopl = (e->rflags & EFL_IOPL) / (EFL_IOPL / 3);
	u16 bitmap, allowed;
	int r;

	if (!(e->cr0 & CR0_PE) || e->log_used)
		return EMU_CONTINUE;
	if (!(e->rflags & EFL_VM) && e->cpl <= iopl)
		return EMU_CONTINUE;
	if ((emu_segment(e, SEG_TR)->attr & 13) != TSS_TYPE_32)
		return emu_fault_code(e, VECTOR_GP, 0);
	r = port_tss_read(e, TSS_BITMAP, &bitmap);
	if (!r)
		r = port_tss_read(e, bitmap + port / 8, &allowed);
	if (!r && ((allowed >> (port & 7)) & (BIT(size) - 1)))
		r = emu_fault_code(e, VECTOR_GP, 0);
	return r;
}

static int port_number(struct emu_step *s, u16 *port)
{
	bool immediate = (s->insn->flags & IM_MASK) == IM_U8;

	*port = immediate ? s->insn->imm : s->e->regs[GPR_RDX];
	return port_allowed(s->e, *port, s->size);
}

int exec_in(struct emu_step *s)
{
	u64 value = 0;
	u16 port;
	int r;

	r = port_number(s, &port);
	if (!r)
		r = emu_port(s->e, EMU_IN, port, s->size, 1, &value);
	if (!r)
		emu_set_reg(s->e, GPR_RAX, value, s->size);
	return r;
}

int exec_out(struct emu_step *s)
{
	u64 value = s->e->regs[GPR_RAX];
	u16 port;
	int r;

	r = port_number(s, &port);
	return r ? r : emu_port(s->e, EMU_OUT, port, s->size, 1, &value);
}

struct string_io {
	u8 kind;
	u8 index;		/* register */
	u8 seg;
	u16 port;
	bool write;		/* of memory */
};

static void string_io_setup(struct emu_step *s, struct string_io *io)
{
	bool in = s->insn->op == OP_INS;

	*io = (struct string_io) {
		.kind = in ? EMU_IN : EMU_OUT,
		.index = in ? GPR_RDI : GPR_RSI,
		.seg = in ? SEG_ES : s->insn->segment,
		.port = s->e->regs[GPR_RDX],
		.write = in,
	};
}

/* One element; its memory may need userspace as well as the port. */
static int string_io_one(struct emu_step *s, const struct string_io *io)
{
	u64 value = 0;
	int r;

	if (io->write) {
		u64 linear;

		/* What would fault must do so before the port is touched. */
		r = string_target_linear(s, true, &linear);
		if (!r)
			r = emu_mem_probe(s->e, linear, s->size,
					  EMU_FOR_WRITE);
		if (!r)
			r = emu_port(s->e, io->kind, io->port, s->size, 1, &value);
		if (!r)
			r = string_target_write(s, value);
	} else {
		r = string_source_read(s, &value);
		if (!r)
			r = emu_port(s->e, io->kind, io->port, s->size, 1, &value);
	}
	return r;
}

/*
 * How many elements can go at once: upwards, inside one page of ordinary memory,
 * inside the limit. One if nothing better.
 */
static unsigned int string_block_count(struct emu_step *s, const struct string_io *io,
				       u64 left, u64 *linear)
{
	unsigned int flags = emu_access_flags(s->e);
	u64 offset = string_offset(s, io->index);
	unsigned int count;

	if (s->e->rflags & EFL_DF)
		return 1;
	if (emu_linear(s->e, io->seg, offset, s->size, io->write, linear))
		return 1;
	count = (PAGE_BYTES - (*linear & (PAGE_BYTES - 1))) / s->size;
	count = min_t(unsigned int, count, s->e->io_buf_size / s->size);
	count = min_t(u64, count, left);
	count = min_t(u64, count, (string_address_mask(s) - offset) / s->size);
	if (count < 2 || (*linear & (s->size - 1)))
		return 1;
	if (emu_linear(s->e, io->seg, offset, count * s->size, io->write, linear))
		return 1;
	if (io->write)
		flags |= EMU_FOR_WRITE;
	return s->e->ops->probe(s->e, *linear, count * s->size, flags) ? 1 : count;
}

static int string_block_memory(struct emu_step *s, const struct string_io *io, u64 linear,
			       unsigned int size)
{
	unsigned int flags = emu_access_flags(s->e);
	int r;

	if (io->write)
		r = s->e->ops->write(s->e, linear, s->e->io_buf, size,
				     flags | EMU_FOR_WRITE);
	else
		r = s->e->ops->read(s->e, linear, s->e->io_buf, size, flags);
	/* Probed as memory, so there is nothing that userspace could answer. */
	return r == EMU_EXIT ? EMU_UNHANDLEABLE : r;
}

static int string_block_io(struct emu_step *s, const struct string_io *io, u64 linear,
			   unsigned int count, bool again)
{
	struct emulator *e = s->e;
	int r = EMU_CONTINUE;

	if (!io->write && !again)
		r = string_block_memory(s, io, linear, count * s->size);
	if (!r)
		r = emu_port(e, io->kind, io->port, s->size, count, e->io_buf);
	if (!r && io->write)
		r = string_block_memory(s, io, linear, count * s->size);
	return r;
}

static int string_io_step(struct emu_step *s, u64 left, unsigned int *done)
{
	const struct emu_access *logged;
	struct string_io io;
	u64 linear = 0;
	int r = EMU_CONTINUE;

	string_io_setup(s, &io);
	logged = emu_replay_port(s->e, io.kind, io.port, s->size);
	if (logged) {
		*done = min_t(u64, logged->count, left);
		r = emu_linear(s->e, io.seg, string_offset(s, io.index),
			       *done * s->size, io.write, &linear);
		if (r)
			return r;
	} else if (s->e->log_used) {
		*done = 1;
	} else {
		*done = string_block_count(s, &io, left, &linear);
	}
	if (*done > 1)
		r = string_block_io(s, &io, linear, *done, logged);
	else
		r = string_io_one(s, &io);
	if (!r)
		string_advance(s, io.index, *done);
	return r;
}

/* Whether the port may be used is asked even if the counter is zero. */
int exec_string_io(struct emu_step *s)
{
	unsigned int done = 1;
	int r;

	r = port_allowed(s->e, s->e->regs[GPR_RDX], s->size);
	if (r)
		return r;
	if (s->insn->rep)
		return rep_run(s, string_io_step);
	return string_io_step(s, 1, &done);
}
