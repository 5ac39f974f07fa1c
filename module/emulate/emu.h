/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of the emulator.
 *
 * One instruction is one struct emu_step. The frame decodes, loads the operands
 * that the list of operations says the handler needs, calls the handler, stores
 * the result. Handlers change the registers in struct emulator as they like: when
 * anything fails, the frame puts back the checkpoint, so that no handler has to
 * undo. REP moves the checkpoint on after each iteration.
 */
#ifndef BELLOWS_EMULATE_EMU_H
#define BELLOWS_EMULATE_EMU_H

#include "emulate/emulate.h"
#include "emulate/opcode.h"

#define EFL_CF		0x00000001UL
#define EFL_FIXED	0x00000002UL
#define EFL_PF		0x00000004UL
#define EFL_AF		0x00000010UL
#define EFL_ZF		0x00000040UL
#define EFL_SF		0x00000080UL
#define EFL_TF		0x00000100UL
#define EFL_IF		0x00000200UL
#define EFL_DF		0x00000400UL
#define EFL_OF		0x00000800UL
#define EFL_IOPL	0x00003000UL
#define EFL_NT		0x00004000UL
#define EFL_RF		0x00010000UL
#define EFL_VM		0x00020000UL
#define EFL_AC		0x00040000UL
#define EFL_VIF		0x00080000UL
#define EFL_VIP		0x00100000UL
#define EFL_ID		0x00200000UL
#define EFL_STATUS	(EFL_CF | EFL_PF | EFL_AF | EFL_ZF | EFL_SF | EFL_OF)

#define CR0_PE		0x00000001UL
#define CR0_EM		0x00000004UL
#define CR0_TS		0x00000008UL
#define CR0_AM		0x00040000UL
#define CR4_VME		0x00000001UL
#define CR4_PVI		0x00000002UL
#define CR4_OSFXSR	0x00000200UL
#define CR4_LA57	0x00001000UL
#define EFER_LMA	0x00000400UL

#define VECTOR_DE	0
#define VECTOR_BR	5
#define VECTOR_UD	6
#define VECTOR_NM	7
#define VECTOR_TS	10
#define VECTOR_NP	11
#define VECTOR_SS	12
#define VECTOR_GP	13
#define VECTOR_AC	17

#define PAGE_BYTES	4096

struct emu_checkpoint {
	u64 regs[NR_GPRS];
	u64 rip;
	u64 rflags;
};

/**
 * struct emu_step - an instruction on its way
 * @size: operand size in bytes
 * @dst, @src, @src2: values of the operands; what is left in dst is stored
 * @old: what was loaded from memory
 * @linear: of the memory operand, once it was located
 * @loaded: dst was loaded, so linear is its address
 * @next_rip: where to go on; branches change it
 * @no_store: dst is not to be stored after all
 * @partial: REP has iterations left: RIP stays
 */
struct emu_step {
	struct emulator *e;
	const struct emu_insn *insn;
	unsigned int size;
	u64 dst;
	u64 src;
	u64 src2;
	u64 old;
	u64 linear;
	u64 next_rip;
	bool loaded;
	bool no_store;
	bool partial;
	struct emu_checkpoint saved;
};

/* Values and registers. */

static inline u64 emu_mask(unsigned int size)
{
	return size >= 8 ? U64_MAX : BIT_ULL(8 * size) - 1;
}

static inline u64 emu_sign_extend(u64 value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(value << shift) >> shift);
}

/* Replace the low bytes as the CPU does: 32 bits clear the rest. */
static inline u64 emu_merge(u64 old, u64 value, unsigned int size)
{
	if (size == 4)
		return (u32)value;
	return (old & ~emu_mask(size)) | (value & emu_mask(size));
}

static inline void emu_set_reg(struct emulator *e, u8 reg, u64 value,
			       unsigned int size)
{
	e->regs[reg] = emu_merge(e->regs[reg], value, size);
}

static inline bool emu_is_64bit(const struct emulator *e)
{
	return emu_mode(e) == MODE_64;
}

/* Any part of any segment; what the owner filled in is at e->seg[]. */
static inline const struct emu_segment *emu_segment(struct emulator *e,
								     unsigned int nr)
{
	if (e->seg_missing & BIT(nr)) {
		e->ops->segment(e, nr);
		e->seg_missing &= ~BIT(nr);
	}
	return &e->seg[nr];
}

static inline bool emu_is_protected(const struct emulator *e)
{
	return (e->cr0 & CR0_PE) && !(e->rflags & EFL_VM);
}

/* What a fault goes back to. */
static inline void emu_save(struct emu_step *s)
{
	memcpy(s->saved.regs, s->e->regs, sizeof(s->saved.regs));
	s->saved.rip = s->e->rip;
	s->saved.rflags = s->e->rflags;
}

/* All before this point stays, whatever happens to the rest. */
static inline void emu_commit(struct emu_step *s)
{
	emu_save(s);
	emu_reset(s->e);
}

#endif /* BELLOWS_EMULATE_EMU_H */
