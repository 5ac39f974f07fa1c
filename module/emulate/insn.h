/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A decoded instruction.
 *
 * The decoder knows the length of every x86 instruction (VEX, EVEX and XOP
 * forms included) and the meaning of those that the emulator executes or that
 * an exit handler wants to recognize. It reads bytes and a mode, nothing else:
 * no guest state, no CPUID. Whether the guest may execute what was decoded is
 * the emulator's question.
 */
#ifndef BELLOWS_EMULATE_INSN_H
#define BELLOWS_EMULATE_INSN_H

#include "pure.h"

#define EMU_INSN_MAX	15

/* The size of code, which is what decides how bytes are read. */
enum emu_insn_mode {
	MODE_16,
	MODE_32,
	MODE_64,
};

/* Numbers of registers as instructions encode them. */
enum emu_reg {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX,
	GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11,
	GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	NR_GPRS,
	NO_GPR = NR_GPRS,
};

enum emu_seg {
	SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS,
	NR_SEGS,
	SEG_TR = NR_SEGS,
};

/*
 * What an instruction does. LENGTH_ONLY stands for all whose length alone is
 * known (x87, most of SSE, AVX and later): they count as valid, although the
 * CPU may refuse some of them. The second list is recognized for the sake of
 * exit handlers and never executed here.
 */
#define EMU_OPS(X)							\
	/* executed */							\
	X(MOV) X(MOVZX) X(MOVSX) X(MOVBE) X(LEA) X(XCHG) X(BSWAP)	\
	X(ADD) X(OR) X(ADC) X(SBB) X(AND) X(SUB) X(XOR) X(CMP) X(TEST)	\
	X(INC) X(DEC) X(NOT) X(NEG) X(MUL) X(IMUL1) X(IMUL) X(DIV) X(IDIV) \
	X(ROL) X(ROR) X(RCL) X(RCR) X(SHL) X(SHR) X(SAR) X(SHLD) X(SHRD) \
	X(BT) X(BTS) X(BTR) X(BTC) X(BSF) X(BSR)			\
	X(TZCNT) X(LZCNT) X(POPCNT) X(ANDN) X(BEXTR) X(BLSR) X(BLSMSK)	\
	X(BLSI) X(BZHI) X(RORX) X(SARX) X(SHLX) X(SHRX) X(MULX)		\
	X(PDEP) X(PEXT) X(CRC32) X(ADCX) X(ADOX)			\
	X(SETCC) X(CMOVCC) X(CMPXCHG) X(XADD) X(CMPXCHG8B)		\
	X(PUSH) X(POP) X(PUSHA) X(POPA) X(PUSHF) X(POPF) X(ENTER) X(LEAVE) \
	X(CALL) X(CALL_IND) X(JMP) X(JMP_IND) X(RET) X(JCC)		\
	X(LOOP) X(LOOPE) X(LOOPNE) X(JCXZ)				\
	X(MOVS) X(STOS) X(LODS) X(CMPS) X(SCAS) X(INS) X(OUTS)		\
	X(IN) X(OUT) X(XLAT) X(CBW) X(CWD) X(LAHF) X(SAHF)		\
	X(CLC) X(STC) X(CMC) X(CLD) X(STD) X(CLI) X(STI) X(SALC)	\
	X(AAA) X(AAS) X(AAD) X(AAM) X(DAA) X(DAS) X(BOUND) X(ARPL)	\
	X(NOP) X(MOV_FROM_SEG) X(SMSW) X(FENCE) X(CLFLUSH) X(MOVDIRI)	\
	X(SSE_MOV) X(SSE_MOVD) X(SSE_MOVLH)				\
	/* recognized */						\
	X(LENGTH_ONLY) X(MOV_TO_SEG) X(PUSH_SEG) X(POP_SEG)		\
	X(LOAD_FAR) X(CALL_FAR) X(JMP_FAR) X(RET_FAR) X(IRET)		\
	X(INT) X(INT3) X(INTO) X(INT1) X(UD) X(HLT) X(PAUSE)		\
	X(CPUID) X(RDTSC) X(RDTSCP) X(RDPMC) X(RDMSR) X(WRMSR) X(RDPID)	\
	X(MOV_FROM_CR) X(MOV_TO_CR) X(MOV_FROM_DR) X(MOV_TO_DR)		\
	X(CLTS) X(LMSW) X(INVD) X(WBINVD) X(INVLPG)			\
	X(INVPCID) X(INVLPGA) X(TLBSYNC) X(INVLPGB)			\
	X(SLDT) X(STR) X(LLDT) X(LTR) X(VERR) X(VERW) X(LAR) X(LSL)	\
	X(SGDT) X(SIDT) X(LGDT) X(LIDT) X(XGETBV) X(XSETBV)		\
	X(XSAVES) X(XRSTORS) X(MONITOR) X(MWAIT) X(MONITORX) X(MWAITX)	\
	X(SYSCALL) X(SYSRET) X(SYSENTER) X(SYSEXIT) X(SWAPGS) X(RSM)	\
	X(RDRAND) X(RDSEED) X(GETSEC) X(ENCLS)				\
	X(VMCALL) X(VMLAUNCH) X(VMRESUME) X(VMXOFF) X(VMXON) X(VMFUNC)	\
	X(VMPTRLD) X(VMPTRST) X(VMCLEAR) X(VMREAD) X(VMWRITE)		\
	X(INVEPT) X(INVVPID)						\
	X(VMRUN) X(VMMCALL) X(VMLOAD) X(VMSAVE) X(STGI) X(CLGI) X(SKINIT)

enum emu_op {
	OP_INVALID,
#define OP_NAME(name) OP_##name,
	EMU_OPS(OP_NAME)
#undef OP_NAME
	EMU_NR_OPS
};

/* How an opcode was reached. */
enum emu_opcode_map {
	OPCODE_MAP_ONE,			/* one byte */
	OPCODE_MAP_0F,
	OPCODE_MAP_0F38,
	OPCODE_MAP_0F3A,
	OPCODE_MAP_3DNOW,		/* 0F 0F, the opcode is the last byte */
	OPCODE_MAP_OTHER,		/* XOP, and the higher EVEX maps */
};

enum emu_encoding {
	ENC_LEGACY,
	ENC_VEX,
	ENC_EVEX,
	ENC_XOP,
};

/**
 * struct emu_insn - an instruction, decoded
 * @op: what it does
 * @length: in bytes, 1 to 15
 * @mode: the mode it was decoded for
 * @map, @opcode, @encoding: where it stands in the opcode maps
 * @operand_size: of its main operand in bytes: 1, 2, 4, 8, or 16 for SSE moves
 * @address_size: 2, 4 or 8
 * @segment: of the memory operand, override considered
 * @lock: LOCK prefix present; whether it is allowed has been checked
 * @rep: 0, or the last of the prefixes 0xf2 and 0xf3
 * @has_operand_prefix: a 0x66 stands before it
 * @rex: the REX byte, or 0; VEX bits are folded into the same form
 * @has_modrm: @mod, @reg and @rm mean something
 * @memory: there is a memory operand described by the following fields
 * @reg, @rm: register numbers, REX considered
 * @base, @index: registers of the address, NO_GPR where absent
 * @scale: shift of the index
 * @rip_relative: the displacement counts from the next instruction
 * @vvvv: third register of VEX forms
 * @disp: displacement, or the whole offset of a MOV with an absolute address
 * @imm: immediate, sign-extended as the instruction wants it; relative jumps too
 * @imm2: second immediate (ENTER), selector of a far pointer
 * @dst, @src, @src2, @flags: for the emulator
 * @bytes: the instruction itself
 */
struct emu_insn {
	u8 op;
	u8 length;
	u8 mode;
	u8 map;
	u8 opcode;
	u8 encoding;
	u8 operand_size;
	u8 address_size;
	u8 segment;
	u8 rep;
	u8 rex;
	bool lock;
	bool has_operand_prefix;
	bool has_modrm;
	bool memory;
	bool rip_relative;
	u8 mod;
	u8 reg;
	u8 rm;
	u8 base;
	u8 index;
	u8 scale;
	u8 vvvv;
	u8 dst;
	u8 src;
	u8 src2;
	u16 imm2;
	u32 flags;
	u64 disp;
	u64 imm;
	u8 bytes[EMU_INSN_MAX];
};

#endif /* BELLOWS_EMULATE_INSN_H */
