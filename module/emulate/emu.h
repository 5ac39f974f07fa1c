/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of the emulator.
 *
 * One instruction is one struct emu_step. The frame (emulate.c) decodes,
 * loads the operands that the list below says the handler needs, calls the
 * handler, stores the result. Handlers change the registers in struct
 * emulator as they like: when anything fails, the frame puts back the
 * checkpoint, so that no handler has to undo. REP moves the checkpoint on after
 * each iteration.
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

/* What the frame does for a handler. */
#define EMU_SRC		1	/* load src and src2 */
#define EMU_LOAD	2	/* load dst */
#define EMU_STORE	4	/* store dst */
#define EMU_RMW		(EMU_SRC | EMU_LOAD | EMU_STORE)
#define EMU_READS	(EMU_SRC | EMU_LOAD)
#define EMU_WRITES	(EMU_SRC | EMU_STORE)

/* X(operation, handler, frame, feature): a line per operation that is executed. */
#define EMU_HANDLERS(X)						\
	X(MOV, mov, EMU_WRITES, 0)					\
	X(MOVDIRI, mov, EMU_WRITES, EMU_MOVDIRI)		\
	X(MOVZX, mov, EMU_WRITES, 0)					\
	X(MOVSX, movsx, EMU_WRITES, 0)					\
	X(MOVBE, movbe, EMU_WRITES, EMU_MOVBE)			\
	X(MOV_FROM_SEG, mov_from_seg, EMU_STORE, 0)			\
	X(SMSW, smsw, EMU_STORE, 0)					\
	X(LEA, lea, EMU_STORE, 0)					\
	X(XCHG, xchg, EMU_RMW, 0)					\
	X(BSWAP, bswap, EMU_LOAD | EMU_STORE, 0)			\
	X(CMOVCC, cmovcc, EMU_RMW, 0)					\
	X(SETCC, setcc, EMU_STORE, 0)					\
	X(CBW, cbw, 0, 0)						\
	X(CWD, cwd, 0, 0)						\
	X(XLAT, xlat, 0, 0)						\
	X(NOP, nop, 0, 0)						\
	X(FENCE, nop, 0, 0)						\
	X(CLFLUSH, clflush, 0, 0)					\
	X(ADD, add, EMU_RMW, 0)						\
	X(OR, or, EMU_RMW, 0)						\
	X(ADC, adc, EMU_RMW, 0)						\
	X(SBB, sbb, EMU_RMW, 0)						\
	X(AND, and, EMU_RMW, 0)						\
	X(SUB, sub, EMU_RMW, 0)						\
	X(XOR, xor, EMU_RMW, 0)						\
	X(CMP, cmp, EMU_READS, 0)					\
	X(TEST, test, EMU_READS, 0)					\
	X(INC, inc, EMU_LOAD | EMU_STORE, 0)				\
	X(DEC, dec, EMU_LOAD | EMU_STORE, 0)				\
	X(NOT, not, EMU_LOAD | EMU_STORE, 0)				\
	X(NEG, neg, EMU_LOAD | EMU_STORE, 0)				\
	X(XADD, xadd, EMU_RMW, 0)					\
	X(CMPXCHG, cmpxchg, EMU_RMW, 0)					\
	X(CMPXCHG8B, cmpxchg8b, 0, 0)					\
	X(ADCX, adcx, EMU_RMW, EMU_ADX)				\
	X(ADOX, adcx, EMU_RMW, EMU_ADX)				\
	X(MUL, mul, EMU_LOAD, 0)					\
	X(IMUL1, imul1, EMU_LOAD, 0)					\
	X(IMUL, imul, EMU_RMW, 0)					\
	X(DIV, div, EMU_LOAD, 0)					\
	X(IDIV, idiv, EMU_LOAD, 0)					\
	X(MULX, mulx, EMU_SRC, EMU_BMI2)			\
	X(ROL, shift, EMU_RMW, 0)					\
	X(ROR, shift, EMU_RMW, 0)					\
	X(RCL, shift, EMU_RMW, 0)					\
	X(RCR, shift, EMU_RMW, 0)					\
	X(SHL, shift, EMU_RMW, 0)					\
	X(SHR, shift, EMU_RMW, 0)					\
	X(SAR, shift, EMU_RMW, 0)					\
	X(SHLD, shld, EMU_RMW, 0)					\
	X(SHRD, shrd, EMU_RMW, 0)					\
	X(BT, bt, EMU_READS, 0)						\
	X(BTS, bts, EMU_RMW, 0)						\
	X(BTR, btr, EMU_RMW, 0)						\
	X(BTC, btc, EMU_RMW, 0)						\
	X(BSF, bsf, EMU_RMW, 0)						\
	X(BSR, bsr, EMU_RMW, 0)						\
	X(TZCNT, tzcnt, EMU_RMW, 0)					\
	X(LZCNT, lzcnt, EMU_RMW, 0)					\
	X(POPCNT, popcnt, EMU_WRITES, EMU_POPCNT)		\
	X(ANDN, andn, EMU_WRITES, EMU_BMI1)			\
	X(BEXTR, bextr, EMU_WRITES, EMU_BMI1)			\
	X(BLSR, blsr, EMU_WRITES, EMU_BMI1)			\
	X(BLSMSK, blsmsk, EMU_WRITES, EMU_BMI1)			\
	X(BLSI, blsi, EMU_WRITES, EMU_BMI1)			\
	X(BZHI, bzhi, EMU_WRITES, EMU_BMI2)			\
	X(RORX, rorx, EMU_WRITES, EMU_BMI2)			\
	X(SARX, sarx, EMU_WRITES, EMU_BMI2)			\
	X(SHLX, shlx, EMU_WRITES, EMU_BMI2)			\
	X(SHRX, shrx, EMU_WRITES, EMU_BMI2)			\
	X(PDEP, pdep, EMU_WRITES, EMU_BMI2)			\
	X(PEXT, pext, EMU_WRITES, EMU_BMI2)			\
	X(CRC32, crc32, EMU_RMW, EMU_SSE42)			\
	X(PUSH, push, EMU_LOAD, 0)					\
	X(POP, pop, EMU_STORE, 0)					\
	X(PUSHA, pusha, 0, 0)						\
	X(POPA, popa, 0, 0)						\
	X(PUSHF, pushf, 0, 0)						\
	X(POPF, popf, 0, 0)						\
	X(ENTER, enter, 0, 0)						\
	X(LEAVE, leave, 0, 0)						\
	X(CALL, call, 0, 0)						\
	X(CALL_IND, call_ind, EMU_LOAD, 0)				\
	X(JMP, jmp, 0, 0)						\
	X(JMP_IND, jmp_ind, EMU_LOAD, 0)				\
	X(RET, ret, 0, 0)						\
	X(JCC, jcc, 0, 0)						\
	X(LOOP, loop, 0, 0)						\
	X(LOOPE, loop, 0, 0)						\
	X(LOOPNE, loop, 0, 0)						\
	X(JCXZ, jcxz, 0, 0)						\
	X(LAHF, lahf, 0, 0)						\
	X(SAHF, sahf, 0, 0)						\
	X(CLC, clc, 0, 0)						\
	X(STC, stc, 0, 0)						\
	X(CMC, cmc, 0, 0)						\
	X(CLD, cld, 0, 0)						\
	X(STD, std, 0, 0)						\
	X(CLI, cli, 0, 0)						\
	X(STI, sti, 0, 0)						\
	X(SALC, salc, 0, 0)						\
	X(AAA, aaa, 0, 0)						\
	X(AAS, aas, 0, 0)						\
	X(AAD, aad, 0, 0)						\
	X(AAM, aam, 0, 0)						\
	X(DAA, daa, 0, 0)						\
	X(DAS, das, 0, 0)						\
	X(BOUND, bound, EMU_LOAD, 0)					\
	X(ARPL, arpl, EMU_READS, 0)					\
	X(MOVS, string, 0, 0)						\
	X(STOS, string, 0, 0)						\
	X(LODS, string, 0, 0)						\
	X(CMPS, string, 0, 0)						\
	X(SCAS, string, 0, 0)						\
	X(INS, string_io, 0, 0)						\
	X(OUTS, string_io, 0, 0)					\
	X(IN, in, 0, 0)							\
	X(OUT, out, 0, 0)						\
	X(SSE_MOV, sse_mov, 0, 0)					\
	X(SSE_MOVD, sse_movd, 0, 0)					\
	X(SSE_MOVLH, sse_movlh, 0, 0)

#define EMU_DECLARE(op, handler, frame, feature)		\
	int exec_##handler(struct emu_step *s);
EMU_HANDLERS(EMU_DECLARE)
#undef EMU_DECLARE

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

bool emu_condition(u64 rflags, u8 code);
u64 emu_offset(const struct emu_step *s);
u64 emu_load_reg(struct emu_step *s, u8 reg, unsigned int size);
void emu_store_reg(struct emu_step *s, u8 reg, u64 value,
		   unsigned int size);
int emu_load(struct emu_step *s, u8 operand, u64 *value,
	     unsigned int flags);
int emu_store(struct emu_step *s);
int emu_check_alignment(struct emulator *e, u64 linear,
			unsigned int size);

/* Faults: each returns EMU_FAULT. */
int emu_fault(struct emulator *e, u8 vector);
int emu_fault_code(struct emulator *e, u8 vector, u32 code);

/* Segments and memory. */
bool emu_canonical(const struct emulator *e, u64 linear);
int emu_linear(struct emulator *e, u8 seg, u64 offset,
	       unsigned int size, bool write, u64 *linear);
int emu_linear_flush(struct emulator *e, u8 seg, u64 offset, u64 *linear);
int emu_fetch_insn(struct emulator *e);
int emu_branch(struct emu_step *s, u64 target);
int emu_mem_read(struct emulator *e, u64 linear, void *buf,
		 unsigned int size, unsigned int flags);
int emu_mem_write(struct emulator *e, u64 linear, const void *buf,
		  unsigned int size);
int emu_mem_probe(struct emulator *e, u64 linear, unsigned int size,
		  unsigned int flags);
int emu_mem_cmpxchg(struct emulator *e, u64 linear, const void *old,
		    const void *new, unsigned int size);
int emu_read_seg(struct emulator *e, u8 seg, u64 offset,
		 u64 *value, unsigned int size);
unsigned int emu_access_flags(const struct emulator *e);

/* Ports, and the log. */
int emu_port(struct emulator *e, u8 kind, u16 port,
	     unsigned int size, unsigned int count, void *data);
const struct emu_access *
emu_replay_port(const struct emulator *e, u8 kind, u16 port,
		unsigned int size);

/* The stack. */
unsigned int emu_stack_size(const struct emulator *e);
int emu_push(struct emulator *e, u64 value, unsigned int size);
int emu_pop(struct emulator *e, u64 *value, unsigned int size);

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
