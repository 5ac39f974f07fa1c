/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The operations that are executed, a handler for each. Handlers return EMU_CONTINUE
 * or why the instruction does not retire.
 */
#ifndef BELLOWS_EMULATE_EXEC_H
#define BELLOWS_EMULATE_EXEC_H

#include "emulate/emu.h"

/* What the frame does for a handler. */
#define EMU_SRC		1	/* load src and src2 */
#define EMU_LOAD	2	/* load dst */
#define EMU_STORE	4	/* store dst */
#define EMU_RMW		(EMU_SRC | EMU_LOAD | EMU_STORE)
#define EMU_READS	(EMU_SRC | EMU_LOAD)
#define EMU_WRITES	(EMU_SRC | EMU_STORE)

/* X(operation, handler, frame, feature): a line per operation that is executed. */
#define EMU_HANDLERS(X)							\
	X(MOV, mov, EMU_WRITES, 0)					\
	X(MOVDIRI, mov, EMU_WRITES, EMU_MOVDIRI)			\
	X(MOVZX, mov, EMU_WRITES, 0)					\
	X(MOVSX, movsx, EMU_WRITES, 0)					\
	X(MOVBE, movbe, EMU_WRITES, EMU_MOVBE)				\
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
	X(ADCX, adcx, EMU_RMW, EMU_ADX)					\
	X(ADOX, adcx, EMU_RMW, EMU_ADX)					\
	X(MUL, mul, EMU_LOAD, 0)					\
	X(IMUL1, imul1, EMU_LOAD, 0)					\
	X(IMUL, imul, EMU_RMW, 0)					\
	X(DIV, div, EMU_LOAD, 0)					\
	X(IDIV, idiv, EMU_LOAD, 0)					\
	X(MULX, mulx, EMU_SRC, EMU_BMI2)				\
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
	X(POPCNT, popcnt, EMU_WRITES, EMU_POPCNT)			\
	X(ANDN, andn, EMU_WRITES, EMU_BMI1)				\
	X(BEXTR, bextr, EMU_WRITES, EMU_BMI1)				\
	X(BLSR, blsr, EMU_WRITES, EMU_BMI1)				\
	X(BLSMSK, blsmsk, EMU_WRITES, EMU_BMI1)				\
	X(BLSI, blsi, EMU_WRITES, EMU_BMI1)				\
	X(BZHI, bzhi, EMU_WRITES, EMU_BMI2)				\
	X(RORX, rorx, EMU_WRITES, EMU_BMI2)				\
	X(SARX, sarx, EMU_WRITES, EMU_BMI2)				\
	X(SHLX, shlx, EMU_WRITES, EMU_BMI2)				\
	X(SHRX, shrx, EMU_WRITES, EMU_BMI2)				\
	X(PDEP, pdep, EMU_WRITES, EMU_BMI2)				\
	X(PEXT, pext, EMU_WRITES, EMU_BMI2)				\
	X(CRC32, crc32, EMU_RMW, EMU_SSE42)				\
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

#define EMU_DECLARE(op, handler, frame, feature)			\
	int exec_##handler(struct emu_step *s);
EMU_HANDLERS(EMU_DECLARE)
#undef EMU_DECLARE

#endif /* BELLOWS_EMULATE_EXEC_H */
