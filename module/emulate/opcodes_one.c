// SPDX-License-Identifier: GPL-2.0
/*
 * The one-byte opcodes and the groups behind them.
 *
 * Prefixes and the escape 0F never get here: the decoder consumes them. REX
 * prefixes share 40 to 4F with INC and DEC, and VEX, EVEX and XOP share C4, C5,
 * 62 and 8F with other instructions; the decoder sorts that out before it looks
 * here, so the entries below are those of the legacy instructions.
 */
#include "pure.h"
#include "emulate/opcode_macros.h"
#include "emulate/opcodes_one.h"

/* 80 to 83: the parents supply operands and immediate. */
static const struct emu_opcode group1[8] = {
	OP0(ADD, F_LOCKABLE), OP0(OR, F_LOCKABLE), OP0(ADC, F_LOCKABLE), OP0(SBB, F_LOCKABLE),
	OP0(AND, F_LOCKABLE), OP0(SUB, F_LOCKABLE), OP0(XOR, F_LOCKABLE), OP0(CMP, 0),
};

static const struct emu_opcode group1a[8] = {
	OP0(POP, 0),
};

/* C0, C1, D0 to D3. The CPU takes /6 for another SHL. */
static const struct emu_opcode group2[8] = {
	OP0(ROL, 0), OP0(ROR, 0), OP0(RCL, 0), OP0(RCR, 0),
	OP0(SHL, 0), OP0(SHR, 0), OP0(SHL, 0), OP0(SAR, 0),
};

static const struct emu_opcode group3_byte[8] = {
	OP2(TEST, EB, I, IM_8), OP2(TEST, EB, I, IM_8),
	OP1(NOT, EB, F_LOCKABLE), OP1(NEG, EB, F_LOCKABLE),
	OP1(MUL, EB, 0), OP1(IMUL1, EB, 0), OP1(DIV, EB, 0), OP1(IDIV, EB, 0),
};

static const struct emu_opcode group3[8] = {
	OP2(TEST, E, I, IM_Z), OP2(TEST, E, I, IM_Z),
	OP1(NOT, E, F_LOCKABLE), OP1(NEG, E, F_LOCKABLE),
	OP1(MUL, E, 0), OP1(IMUL1, E, 0), OP1(DIV, E, 0), OP1(IDIV, E, 0),
};

static const struct emu_opcode group4[8] = {
	OP1(INC, EB, F_LOCKABLE), OP1(DEC, EB, F_LOCKABLE),
};

static const struct emu_opcode group5[8] = {
	OP1(INC, E, F_LOCKABLE), OP1(DEC, E, F_LOCKABLE),
	OP1(CALL_IND, E, SZ_F64 | F_BRANCH), OP0(CALL_FAR, F_MEM | F_ADDR),
	OP1(JMP_IND, E, SZ_F64 | F_BRANCH), OP0(JMP_FAR, F_MEM | F_ADDR),
	OP1(PUSH, E, SZ_D64),
};

/* C6 and C7 with mod 3: /7 with rm 0 is XABORT or XBEGIN. */
static const struct emu_opcode group11_byte_rm[8] = {
	OP0(LENGTH_ONLY, IM_8),
};

static const struct emu_opcode group11_byte_mod[2] = {
	[1] = SEL(group11_byte_rm, SEL_RM),
};

static const struct emu_opcode group11_byte[8] = {
	[0] = OP2(MOV, EB, I, IM_8),
	[7] = SEL(group11_byte_mod, SEL_MOD),
};

static const struct emu_opcode group11_rm[8] = {
	OP0(LENGTH_ONLY, IM_Z),
};

static const struct emu_opcode group11_mod[2] = {
	[1] = SEL(group11_rm, SEL_RM),
};

static const struct emu_opcode group11[8] = {
	[0] = OP2(MOV, E, I, IM_Z),
	[7] = SEL(group11_mod, SEL_MOD),
};

static const struct emu_opcode arpl_movsxd[2] = {
	OP2(ARPL, EW, G, SZ_W | F_MODRM), OP2(MOVSX, G, ED, F_MODRM),
};

/* 90 is not XCHG: it does not clear the upper half of RAX. */
static const struct emu_opcode nop_prefix[4] = {
	OP0(NOP, 0), OP0(NOP, 0), OP0(PAUSE, 0), OP0(NOP, 0),
};

static const struct emu_opcode nop_xchg[2] = {
	SEL(nop_prefix, SEL_PREFIX), OP2(XCHG, A, R, 0),
};

/* MOV from a segment register: 16 bits to memory, operand size to a register. */
static const struct emu_opcode mov_from_seg[8] = {
	OP2(MOV_FROM_SEG, EWM, S, 0), OP2(MOV_FROM_SEG, EWM, S, 0),
	OP2(MOV_FROM_SEG, EWM, S, 0), OP2(MOV_FROM_SEG, EWM, S, 0),
	OP2(MOV_FROM_SEG, EWM, S, 0), OP2(MOV_FROM_SEG, EWM, S, 0),
};

static const struct emu_opcode mov_to_seg[8] = {
	OP2(MOV_TO_SEG, S, EW, SZ_W), { 0 },
	OP2(MOV_TO_SEG, S, EW, SZ_W), OP2(MOV_TO_SEG, S, EW, SZ_W),
	OP2(MOV_TO_SEG, S, EW, SZ_W), OP2(MOV_TO_SEG, S, EW, SZ_W),
};

/* x87: only the forms that no CPU has are told apart. */
static const struct emu_opcode x87_mod[2] = {
	OP0(LENGTH_ONLY, F_ADDR), OP0(LENGTH_ONLY, 0),
};

#define X87	SEL(x87_mod, SEL_MOD | F_MODRM)

/* The six forms that all two-operand arithmetic has. */
#define ARITHMETIC(base, name, lock)					\
	[(base) + 0] = OP2(name, EB, G, SZ_B | F_MODRM | (lock)),	\
	[(base) + 1] = OP2(name, E, G, F_MODRM | (lock)),		\
	[(base) + 2] = OP2(name, G, EB, SZ_B | F_MODRM),		\
	[(base) + 3] = OP2(name, G, E, F_MODRM),			\
	[(base) + 4] = OP2(name, A, I, SZ_B | IM_8),			\
	[(base) + 5] = OP2(name, A, I, IM_Z)

#define PUSH_POP_SEG(opcode)						\
	[(opcode)] = OP0(PUSH_SEG, F_NO64),				\
	[(opcode) + 1] = OP0(POP_SEG, F_NO64)

const struct emu_opcode opcodes_one[256] = {
	ARITHMETIC(0x00, ADD, F_LOCKABLE), PUSH_POP_SEG(0x06),
	ARITHMETIC(0x08, OR, F_LOCKABLE),  [0x0e] = OP0(PUSH_SEG, F_NO64),
	ARITHMETIC(0x10, ADC, F_LOCKABLE), PUSH_POP_SEG(0x16),
	ARITHMETIC(0x18, SBB, F_LOCKABLE), PUSH_POP_SEG(0x1e),
	ARITHMETIC(0x20, AND, F_LOCKABLE), [0x27] = OP0(DAA, F_NO64),
	ARITHMETIC(0x28, SUB, F_LOCKABLE), [0x2f] = OP0(DAS, F_NO64),
	ARITHMETIC(0x30, XOR, F_LOCKABLE), [0x37] = OP0(AAA, F_NO64),
	ARITHMETIC(0x38, CMP, 0),      [0x3f] = OP0(AAS, F_NO64),

	[0x40 ... 0x47] = OP1(INC, R, F_NO64),
	[0x48 ... 0x4f] = OP1(DEC, R, F_NO64),
	[0x50 ... 0x57] = OP1(PUSH, R, SZ_D64),
	[0x58 ... 0x5f] = OP1(POP, R, SZ_D64),

	[0x60] = OP0(PUSHA, F_NO64),
	[0x61] = OP0(POPA, F_NO64),
	[0x62] = OP1(BOUND, G, F_MODRM | F_MEM | F_NO64 | F_ADDR),
	[0x63] = SEL(arpl_movsxd, SEL_64),
	[0x68] = OP1(PUSH, I, SZ_D64 | IM_Z),
	[0x69] = OP3(IMUL, G, E, I, F_MODRM | IM_Z),
	[0x6a] = OP1(PUSH, I, SZ_D64 | IM_8),
	[0x6b] = OP3(IMUL, G, E, I, F_MODRM | IM_8),
	[0x6c] = OP0(INS, SZ_B | F_REP),
	[0x6d] = OP0(INS, SZ_Z | F_REP),
	[0x6e] = OP0(OUTS, SZ_B | F_REP),
	[0x6f] = OP0(OUTS, SZ_Z | F_REP),
	[0x70 ... 0x7f] = OP1(JCC, I, SZ_F64 | IM_8 | F_BRANCH),

	[0x80] = GROUP(group1, EB, I, SZ_B | IM_8),
	[0x81] = GROUP(group1, E, I, IM_Z),
	[0x82] = GROUP(group1, EB, I, SZ_B | IM_8 | F_NO64),
	[0x83] = GROUP(group1, E, I, IM_8),
	[0x84] = OP2(TEST, EB, G, SZ_B | F_MODRM),
	[0x85] = OP2(TEST, E, G, F_MODRM),
	[0x86] = OP2(XCHG, EB, G, SZ_B | F_MODRM | F_LOCKABLE),
	[0x87] = OP2(XCHG, E, G, F_MODRM | F_LOCKABLE),
	[0x88] = OP2(MOV, EB, G, SZ_B | F_MODRM),
	[0x89] = OP2(MOV, E, G, F_MODRM),
	[0x8a] = OP2(MOV, G, EB, SZ_B | F_MODRM),
	[0x8b] = OP2(MOV, G, E, F_MODRM),
	[0x8c] = SEL(mov_from_seg, SEL_REG | F_MODRM),
	[0x8d] = OP1(LEA, G, F_MODRM | F_MEM | F_ADDR),
	[0x8e] = SEL(mov_to_seg, SEL_REG | F_MODRM),
	[0x8f] = GROUP(group1a, E, NONE, SZ_D64),

	[0x90] = SEL(nop_xchg, SEL_REXB),
	[0x91 ... 0x97] = OP2(XCHG, A, R, 0),
	[0x98] = OP0(CBW, 0),
	[0x99] = OP0(CWD, 0),
	[0x9a] = OP0(CALL_FAR, IM_FAR | F_NO64),
	[0x9b] = OP0(LENGTH_ONLY, 0),
	[0x9c] = OP0(PUSHF, SZ_D64),
	[0x9d] = OP0(POPF, SZ_D64),
	[0x9e] = OP0(SAHF, 0),
	[0x9f] = OP0(LAHF, 0),

	[0xa0] = OP2(MOV, A, M, SZ_B | IM_OFFS),
	[0xa1] = OP2(MOV, A, M, IM_OFFS),
	[0xa2] = OP2(MOV, M, A, SZ_B | IM_OFFS),
	[0xa3] = OP2(MOV, M, A, IM_OFFS),
	[0xa4] = OP0(MOVS, SZ_B | F_REP),
	[0xa5] = OP0(MOVS, F_REP),
	[0xa6] = OP0(CMPS, SZ_B | F_REP),
	[0xa7] = OP0(CMPS, F_REP),
	[0xa8] = OP2(TEST, A, I, SZ_B | IM_8),
	[0xa9] = OP2(TEST, A, I, IM_Z),
	[0xaa] = OP0(STOS, SZ_B | F_REP),
	[0xab] = OP0(STOS, F_REP),
	[0xac] = OP0(LODS, SZ_B | F_REP),
	[0xad] = OP0(LODS, F_REP),
	[0xae] = OP0(SCAS, SZ_B | F_REP),
	[0xaf] = OP0(SCAS, F_REP),

	[0xb0 ... 0xb7] = OP2(MOV, R, I, SZ_B | IM_8),
	[0xb8 ... 0xbf] = OP2(MOV, R, I, IM_V),

	[0xc0] = GROUP(group2, EB, I, SZ_B | IM_U8),
	[0xc1] = GROUP(group2, E, I, IM_U8),
	[0xc2] = OP0(RET, SZ_F64 | IM_16 | F_BRANCH),
	[0xc3] = OP0(RET, SZ_F64 | F_BRANCH),
	[0xc4] = OP0(LOAD_FAR, F_MODRM | F_MEM | F_ADDR | F_NO64),
	[0xc5] = OP0(LOAD_FAR, F_MODRM | F_MEM | F_ADDR | F_NO64),
	[0xc6] = SEL(group11_byte, SEL_REG | F_MODRM | SZ_B),
	[0xc7] = SEL(group11, SEL_REG | F_MODRM),
	[0xc8] = OP0(ENTER, SZ_D64 | IM_ENTER),
	[0xc9] = OP0(LEAVE, SZ_D64),
	[0xca] = OP0(RET_FAR, IM_16),
	[0xcb] = OP0(RET_FAR, 0),
	[0xcc] = OP0(INT3, 0),
	[0xcd] = OP0(INT, IM_U8),
	[0xce] = OP0(INTO, F_NO64),
	[0xcf] = OP0(IRET, 0),

	[0xd0] = GROUP(group2, EB, 1, SZ_B),
	[0xd1] = GROUP(group2, E, 1, 0),
	[0xd2] = GROUP(group2, EB, CL, SZ_B),
	[0xd3] = GROUP(group2, E, CL, 0),
	[0xd4] = OP0(AAM, IM_U8 | F_NO64),
	[0xd5] = OP0(AAD, IM_U8 | F_NO64),
	[0xd6] = OP0(SALC, F_NO64),
	[0xd7] = OP0(XLAT, SZ_B),
	[0xd8 ... 0xdf] = X87,

	[0xe0] = OP1(LOOPNE, I, SZ_F64 | IM_8 | F_BRANCH),
	[0xe1] = OP1(LOOPE, I, SZ_F64 | IM_8 | F_BRANCH),
	[0xe2] = OP1(LOOP, I, SZ_F64 | IM_8 | F_BRANCH),
	[0xe3] = OP1(JCXZ, I, SZ_F64 | IM_8 | F_BRANCH),
	[0xe4] = OP0(IN, SZ_B | IM_U8),
	[0xe5] = OP0(IN, SZ_Z | IM_U8),
	[0xe6] = OP0(OUT, SZ_B | IM_U8),
	[0xe7] = OP0(OUT, SZ_Z | IM_U8),
	[0xe8] = OP1(CALL, I, SZ_F64 | IM_Z | F_BRANCH),
	[0xe9] = OP1(JMP, I, SZ_F64 | IM_Z | F_BRANCH),
	[0xea] = OP0(JMP_FAR, IM_FAR | F_NO64),
	[0xeb] = OP1(JMP, I, SZ_F64 | IM_8 | F_BRANCH),
	[0xec] = OP0(IN, SZ_B),
	[0xed] = OP0(IN, SZ_Z),
	[0xee] = OP0(OUT, SZ_B),
	[0xef] = OP0(OUT, SZ_Z),

	[0xf1] = OP0(INT1, 0),
	[0xf4] = OP0(HLT, 0),
	[0xf5] = OP0(CMC, 0),
	[0xf6] = SEL(group3_byte, SEL_REG | F_MODRM | SZ_B),
	[0xf7] = SEL(group3, SEL_REG | F_MODRM),
	[0xf8] = OP0(CLC, 0),
	[0xf9] = OP0(STC, 0),
	[0xfa] = OP0(CLI, 0),
	[0xfb] = OP0(STI, 0),
	[0xfc] = OP0(CLD, 0),
	[0xfd] = OP0(STD, 0),
	[0xfe] = SEL(group4, SEL_REG | F_MODRM | SZ_B),
	[0xff] = SEL(group5, SEL_REG | F_MODRM),
};
