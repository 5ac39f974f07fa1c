// SPDX-License-Identifier: GPL-2.0
/*
 * The opcodes behind 0F, and the groups behind them.
 *
 * Of the SSE instructions only moves are executed; the others are listed for
 * their length and for which of the mandatory prefixes make them valid.
 */
#include "pure.h"
#include "emulate/opcode_macros.h"
#include "emulate/opcodes_0f.h"

static const struct emu_opcode group6[8] = {
	OP0(SLDT, 0), OP0(STR, 0), OP0(LLDT, 0), OP0(LTR, 0),
	OP0(VERR, 0), OP0(VERW, 0),
};

/* Group 7: with memory by reg alone; with registers by reg, rm and prefix. */
static const struct emu_opcode group7_memory[8] = {
	OP0(SGDT, 0), OP0(SIDT, 0), OP0(LGDT, 0), OP0(LIDT, 0),
	OP1(SMSW, EW, SZ_W), LEN(PF_F3), OP1(LMSW, EW, SZ_W), OP0(INVLPG, 0),
};

static const struct emu_opcode pconfig_f3[4] = {
	[0] = LEN(0),
};

static const struct emu_opcode group7_0[8] = {
	LEN(PF_NP), OP0(VMCALL, PF_NP), OP0(VMLAUNCH, PF_NP),
	OP0(VMRESUME, PF_NP), OP0(VMXOFF, PF_NP), SEL(pconfig_f3, SEL_PREFIX),
	LEN(PF_NP | PF_F3 | PF_F2),
};

static const struct emu_opcode encls_prefix[4] = {
	OP0(ENCLS, 0), LEN(F_ONLY64),
};

static const struct emu_opcode group7_1[8] = {
	OP0(MONITOR, PF_NP), OP0(MWAIT, PF_NP), LEN(PF_NP), LEN(PF_NP),
	[4] = LEN(PF_66), [5] = LEN(PF_66 | F_ONLY64),
	[6] = LEN(PF_66 | F_ONLY64), [7] = SEL(encls_prefix, SEL_PREFIX),
};

static const struct emu_opcode group7_2[8] = {
	OP0(XGETBV, PF_NP), OP0(XSETBV, PF_NP),
	[4] = OP0(VMFUNC, PF_NP), [5] = LEN(PF_NP), [6] = LEN(PF_NP),
	[7] = LEN(PF_NP),
};

static const struct emu_opcode vmmcall_prefix[4] = {
	OP0(VMMCALL, 0), OP0(VMMCALL, 0), LEN(0), LEN(0),
};

static const struct emu_opcode group7_3[8] = {
	OP0(VMRUN, 0), SEL(vmmcall_prefix, SEL_PREFIX), OP0(VMLOAD, 0),
	OP0(VMSAVE, 0), OP0(STGI, 0), OP0(CLGI, 0), OP0(SKINIT, 0),
	OP0(INVLPGA, 0),
};

/* SERIALIZE and its neighbours, PKRU, SHADOW STACK, UINTR */
static const struct emu_opcode group7_5[8] = {
	LEN(PF_NP | PF_F3 | PF_F2), LEN(PF_F2), LEN(PF_F3), { 0 },
	LEN(PF_F3 | F_ONLY64), LEN(PF_F3 | F_ONLY64),
	LEN(PF_NP | PF_F3), LEN(PF_NP | PF_F3),
};

static const struct emu_opcode invlpgb_prefix[4] = {
	[0] = OP0(INVLPGB, 0), [2] = LEN(F_ONLY64), [3] = LEN(F_ONLY64),
};

static const struct emu_opcode tlbsync_prefix[4] = {
	[0] = OP0(TLBSYNC, 0), [2] = LEN(F_ONLY64), [3] = LEN(0),
};

static const struct emu_opcode monitorx_prefix[4] = {
	[0] = OP0(MONITORX, 0), [2] = LEN(0),
};

static const struct emu_opcode group7_7[8] = {
	OP0(SWAPGS, F_ONLY64), OP0(RDTSCP, 0),
	SEL(monitorx_prefix, SEL_PREFIX), OP0(MWAITX, PF_NP), LEN(0), LEN(0),
	SEL(invlpgb_prefix, SEL_PREFIX), SEL(tlbsync_prefix, SEL_PREFIX),
};

static const struct emu_opcode group7_register[8] = {
	SEL(group7_0, SEL_RM), SEL(group7_1, SEL_RM), SEL(group7_2, SEL_RM),
	SEL(group7_3, SEL_RM), OP1(SMSW, E, 0), SEL(group7_5, SEL_RM),
	OP1(LMSW, EW, SZ_W), SEL(group7_7, SEL_RM),
};

static const struct emu_opcode group7[2] = {
	SEL(group7_memory, SEL_REG | F_ADDR), SEL(group7_register, SEL_REG),
};

static const struct emu_opcode group8[8] = {
	[4] = OP0(BT, 0), OP0(BTS, F_LOCKABLE), OP0(BTR, F_LOCKABLE), OP0(BTC, F_LOCKABLE),
};

static const struct emu_opcode cmpxchg8b_64[2] = {
	OP0(CMPXCHG8B, SZ_Y | F_LOCKABLE), OP0(CMPXCHG8B, SZ_Y | F_LOCKABLE),
};

static const struct emu_opcode group9_6[4] = {
	OP0(VMPTRLD, F_ADDR), OP0(VMCLEAR, F_ADDR), OP0(VMXON, F_ADDR),
};

static const struct emu_opcode group9_memory[8] = {
	[1] = SEL(cmpxchg8b_64, SEL_64),
	[3] = OP0(XRSTORS, PF_NP | F_ADDR), [4] = LEN(PF_NP | F_ADDR),
	[5] = OP0(XSAVES, PF_NP | F_ADDR), [6] = SEL(group9_6, SEL_PREFIX),
	[7] = OP0(VMPTRST, PF_NP | F_ADDR),
};

static const struct emu_opcode rdrand_prefix[4] = {
	OP1(RDRAND, E, 0), OP1(RDRAND, E, 0), LEN(F_ONLY64),
};

static const struct emu_opcode rdseed_prefix[4] = {
	OP1(RDSEED, E, 0), OP1(RDSEED, E, 0), OP1(RDPID, E, SZ_NAT),
};

static const struct emu_opcode group9_register[8] = {
	[6] = SEL(rdrand_prefix, SEL_PREFIX),
	[7] = SEL(rdseed_prefix, SEL_PREFIX),
};

static const struct emu_opcode group9[2] = {
	SEL(group9_memory, SEL_REG), SEL(group9_register, SEL_REG),
};

static const struct emu_opcode mmx_shift_w[8] = {
	[2] = LEN(0), [4] = LEN(0), [6] = LEN(0),
};

static const struct emu_opcode mmx_shift_q_66[4] = {
	[1] = LEN(0),
};

static const struct emu_opcode mmx_shift_q[8] = {
	[2] = LEN(PF_NP | PF_66), [3] = SEL(mmx_shift_q_66, SEL_PREFIX),
	[6] = LEN(PF_NP | PF_66), [7] = SEL(mmx_shift_q_66, SEL_PREFIX),
};

static const struct emu_opcode group15_memory[8] = {
	LEN(PF_NP), LEN(PF_NP), LEN(PF_NP), LEN(PF_NP),
	LEN(PF_NP | PF_F3), LEN(PF_NP), LEN(PF_NP | PF_66 | PF_F3),
	OP0(CLFLUSH, PF_NP | PF_66),
};

static const struct emu_opcode lfence_prefix[4] = {
	OP0(FENCE, 0), [2] = LEN(0),
};

static const struct emu_opcode mfence_prefix[4] = {
	OP0(FENCE, 0), LEN(0), LEN(0), LEN(0),
};

static const struct emu_opcode sfence_prefix[4] = {
	OP0(FENCE, 0),
};

static const struct emu_opcode group15_register[8] = {
	LEN(PF_F3 | F_ONLY64), LEN(PF_F3 | F_ONLY64),
	LEN(PF_F3 | F_ONLY64), LEN(PF_F3 | F_ONLY64),
	LEN(PF_F3), SEL(lfence_prefix, SEL_PREFIX),
	SEL(mfence_prefix, SEL_PREFIX), SEL(sfence_prefix, SEL_PREFIX),
};

static const struct emu_opcode group15[2] = {
	SEL(group15_memory, SEL_REG | F_ADDR),
	SEL(group15_register, SEL_REG),
};

static const struct emu_opcode mov10[4] = {
	OP2(SSE_MOV, XG, XE, SZ_X), OP2(SSE_MOV, XG, XE, SZ_X),
	OP2(SSE_MOV, XG, XE, SZ_D), OP2(SSE_MOV, XG, XE, SZ_Q),
};

static const struct emu_opcode mov11[4] = {
	OP2(SSE_MOV, XE, XG, SZ_X), OP2(SSE_MOV, XE, XG, SZ_X),
	OP2(SSE_MOV, XE, XG, SZ_D), OP2(SSE_MOV, XE, XG, SZ_Q),
};

/* MOVLPS and MOVHPS move halves; with a register the prefixed forms differ. */
static const struct emu_opcode movlh_load[4] = {
	OP2(SSE_MOVLH, XG, XE, SZ_Q), OP2(SSE_MOVLH, XG, XE, SZ_Q | F_MEM),
	LEN(0), LEN(0),
};

static const struct emu_opcode movlh_load_high[4] = {
	OP2(SSE_MOVLH, XG, XE, SZ_Q), OP2(SSE_MOVLH, XG, XE, SZ_Q | F_MEM),
	LEN(0),
};

static const struct emu_opcode movlh_store[4] = {
	OP2(SSE_MOVLH, XE, XG, SZ_Q | F_MEM),
	OP2(SSE_MOVLH, XE, XG, SZ_Q | F_MEM),
};

static const struct emu_opcode mov2b[4] = {
	OP2(SSE_MOV, XE, XG, SZ_X | F_ALIGN | F_MEM),
	OP2(SSE_MOV, XE, XG, SZ_X | F_ALIGN | F_MEM),
	LEN(F_MEM), LEN(F_MEM),
};

static const struct emu_opcode mov6e[4] = {
	LEN(0), OP2(SSE_MOVD, XG, E, SZ_Y),
};

static const struct emu_opcode mov7e[4] = {
	LEN(0), OP2(SSE_MOVD, E, XG, SZ_Y), OP2(SSE_MOVD, XG, XE, SZ_Q),
};

static const struct emu_opcode mov6f[4] = {
	LEN(0), OP2(SSE_MOV, XG, XE, SZ_X | F_ALIGN),
	OP2(SSE_MOV, XG, XE, SZ_X),
};

static const struct emu_opcode mov7f[4] = {
	LEN(0), OP2(SSE_MOV, XE, XG, SZ_X | F_ALIGN),
	OP2(SSE_MOV, XE, XG, SZ_X),
};

static const struct emu_opcode movd6[4] = {
	[1] = OP2(SSE_MOVD, XE, XG, SZ_Q), [2] = LEN(F_REG), [3] = LEN(F_REG),
};

static const struct emu_opcode move7[4] = {
	LEN(F_MEM), OP2(SSE_MOV, XE, XG, SZ_X | F_ALIGN | F_MEM),
};

static const struct emu_opcode lddqu[4] = {
	[3] = OP2(SSE_MOV, XG, XE, SZ_X | F_MEM),
};

/* SSE4a EXTRQ and INSERTQ share two opcodes with VMREAD and VMWRITE. */
static const struct emu_opcode extrq_group[8] = {
	LEN(IM_2X8 | F_REG),
};

static const struct emu_opcode vmread[4] = {
	OP2(VMREAD, E, G, SZ_NAT), SEL(extrq_group, SEL_REG),
	[3] = LEN(IM_2X8 | F_REG),
};

static const struct emu_opcode vmwrite[4] = {
	OP2(VMWRITE, G, E, SZ_NAT), LEN(F_REG), [3] = LEN(F_REG),
};

static const struct emu_opcode popcnt[4] = {
	[2] = OP2(POPCNT, G, E, 0),
};

static const struct emu_opcode bsf[4] = {
	OP2(BSF, G, E, 0), OP2(BSF, G, E, 0), OP2(TZCNT, G, E, 0),
	OP2(BSF, G, E, 0),
};

static const struct emu_opcode bsr[4] = {
	OP2(BSR, G, E, 0), OP2(BSR, G, E, 0), OP2(LZCNT, G, E, 0),
	OP2(BSR, G, E, 0),
};

#define SSE		LEN(F_MODRM | PF_NP | PF_66)
#define SSE_66		LEN(F_MODRM | PF_66)
#define SSE_ALL		LEN(F_MODRM | PF_ALL)
#define SSE_REG		LEN(F_MODRM | F_REG | PF_NP | PF_66)
#define PREFIX(table)	SEL(table, SEL_PREFIX | F_MODRM)
#define HINT		OP0(NOP, F_MODRM | F_ADDR)

const struct emu_opcode opcodes_0f[256] = {
	[0x00] = GROUP(group6, EW, NONE, SZ_W),
	[0x01] = SEL(group7, SEL_MOD | F_MODRM),
	[0x02] = OP2(LAR, G, EW, F_MODRM),
	[0x03] = OP2(LSL, G, EW, F_MODRM),
	[0x05] = OP0(SYSCALL, 0),
	[0x06] = OP0(CLTS, 0),
	[0x07] = OP0(SYSRET, 0),
	[0x08] = OP0(INVD, 0),
	[0x09] = OP0(WBINVD, 0),
	[0x0b] = OP0(UD, 0),
	[0x0d] = HINT,
	[0x0e] = LEN(0),

	[0x10] = PREFIX(mov10),
	[0x11] = PREFIX(mov11),
	[0x12] = PREFIX(movlh_load),
	[0x13] = PREFIX(movlh_store),
	[0x14 ... 0x15] = SSE,
	[0x16] = PREFIX(movlh_load_high),
	[0x17] = PREFIX(movlh_store),
	[0x18 ... 0x1f] = HINT,

	[0x20] = OP1(MOV_FROM_CR, E, SZ_NAT | F_MODRM | F_MODREG | F_MOVCR | F_LOCKABLE),
	[0x21] = OP1(MOV_FROM_DR, E, SZ_NAT | F_MODRM | F_MODREG),
	[0x22] = OP1(MOV_TO_CR, E, SZ_NAT | F_MODRM | F_MODREG | F_MOVCR | F_LOCKABLE),
	[0x23] = OP1(MOV_TO_DR, E, SZ_NAT | F_MODRM | F_MODREG),
	[0x28] = OP2(SSE_MOV, XG, XE, SZ_X | F_ALIGN | F_MODRM | PF_NP | PF_66),
	[0x29] = OP2(SSE_MOV, XE, XG, SZ_X | F_ALIGN | F_MODRM | PF_NP | PF_66),
	[0x2a] = SSE_ALL,
	[0x2b] = PREFIX(mov2b),
	[0x2c ... 0x2d] = SSE_ALL,
	[0x2e ... 0x2f] = SSE,

	[0x30] = OP0(WRMSR, 0),
	[0x31] = OP0(RDTSC, 0),
	[0x32] = OP0(RDMSR, 0),
	[0x33] = OP0(RDPMC, 0),
	[0x34] = OP0(SYSENTER, 0),
	[0x35] = OP0(SYSEXIT, 0),
	[0x37] = OP0(GETSEC, PF_NP),

	[0x40 ... 0x4f] = OP2(CMOVCC, G, E, F_MODRM),

	[0x50] = SSE_REG,
	[0x51] = SSE_ALL,
	[0x52 ... 0x53] = LEN(F_MODRM | PF_NP | PF_F3),
	[0x54 ... 0x57] = SSE,
	[0x58 ... 0x5a] = SSE_ALL,
	[0x5b] = LEN(F_MODRM | PF_NP | PF_66 | PF_F3),
	[0x5c ... 0x5f] = SSE_ALL,
	[0x60 ... 0x6b] = SSE,
	[0x6c ... 0x6d] = SSE_66,
	[0x6e] = PREFIX(mov6e),
	[0x6f] = PREFIX(mov6f),

	[0x70] = LEN(F_MODRM | PF_ALL | IM_8),
	[0x71] = SEL(mmx_shift_w, SEL_REG | F_MODRM | F_REG | IM_8 | PF_NP | PF_66),
	[0x72] = SEL(mmx_shift_w, SEL_REG | F_MODRM | F_REG | IM_8 | PF_NP | PF_66),
	[0x73] = SEL(mmx_shift_q, SEL_REG | F_MODRM | F_REG | IM_8),
	[0x74 ... 0x76] = SSE,
	[0x77] = LEN(PF_NP),
	[0x78] = PREFIX(vmread),
	[0x79] = PREFIX(vmwrite),
	[0x7c ... 0x7d] = LEN(F_MODRM | PF_66 | PF_F2),
	[0x7e] = PREFIX(mov7e),
	[0x7f] = PREFIX(mov7f),

	[0x80 ... 0x8f] = OP1(JCC, I, SZ_F64 | IM_Z | F_BRANCH),
	[0x90 ... 0x9f] = OP1(SETCC, EB, SZ_B | F_MODRM),

	[0xa0] = OP0(PUSH_SEG, SZ_D64),
	[0xa1] = OP0(POP_SEG, SZ_D64),
	[0xa2] = OP0(CPUID, 0),
	[0xa3] = OP2(BT, E, G, F_MODRM),
	[0xa4] = OP3(SHLD, E, G, I, F_MODRM | IM_U8),
	[0xa5] = OP3(SHLD, E, G, CL, F_MODRM),
	[0xa8] = OP0(PUSH_SEG, SZ_D64),
	[0xa9] = OP0(POP_SEG, SZ_D64),
	[0xaa] = OP0(RSM, 0),
	[0xab] = OP2(BTS, E, G, F_MODRM | F_LOCKABLE),
	[0xac] = OP3(SHRD, E, G, I, F_MODRM | IM_U8),
	[0xad] = OP3(SHRD, E, G, CL, F_MODRM),
	[0xae] = SEL(group15, SEL_MOD | F_MODRM),
	[0xaf] = OP2(IMUL, G, E, F_MODRM),

	[0xb0] = OP2(CMPXCHG, EB, G, SZ_B | F_MODRM | F_LOCKABLE),
	[0xb1] = OP2(CMPXCHG, E, G, F_MODRM | F_LOCKABLE),
	[0xb2] = OP0(LOAD_FAR, F_MODRM | F_MEM | F_ADDR),
	[0xb3] = OP2(BTR, E, G, F_MODRM | F_LOCKABLE),
	[0xb4 ... 0xb5] = OP0(LOAD_FAR, F_MODRM | F_MEM | F_ADDR),
	[0xb6] = OP2(MOVZX, G, EB, F_MODRM),
	[0xb7] = OP2(MOVZX, G, EW, F_MODRM),
	[0xb8] = PREFIX(popcnt),
	[0xb9] = OP0(UD, F_MODRM | F_ADDR),
	[0xba] = GROUP(group8, E, I, IM_U8),
	[0xbb] = OP2(BTC, E, G, F_MODRM | F_LOCKABLE),
	[0xbc] = PREFIX(bsf),
	[0xbd] = PREFIX(bsr),
	[0xbe] = OP2(MOVSX, G, EB, F_MODRM),
	[0xbf] = OP2(MOVSX, G, EW, F_MODRM),

	[0xc0] = OP2(XADD, EB, G, SZ_B | F_MODRM | F_LOCKABLE),
	[0xc1] = OP2(XADD, E, G, F_MODRM | F_LOCKABLE),
	[0xc2] = LEN(F_MODRM | PF_ALL | IM_8),
	[0xc3] = OP2(MOV, E, G, F_MODRM | F_MEM | SZ_Y | PF_NP),
	[0xc4] = LEN(F_MODRM | PF_NP | PF_66 | IM_8),
	[0xc5] = LEN(F_MODRM | F_REG | PF_NP | PF_66 | IM_8),
	[0xc6] = LEN(F_MODRM | PF_NP | PF_66 | IM_8),
	[0xc7] = SEL(group9, SEL_MOD | F_MODRM),
	[0xc8 ... 0xcf] = OP1(BSWAP, R, 0),

	[0xd0] = LEN(F_MODRM | PF_66 | PF_F2),
	[0xd1 ... 0xd5] = SSE,
	[0xd6] = PREFIX(movd6),
	[0xd7] = SSE_REG,
	[0xd8 ... 0xe5] = SSE,
	[0xe6] = LEN(F_MODRM | PF_66 | PF_F3 | PF_F2),
	[0xe7] = PREFIX(move7),
	[0xe8 ... 0xef] = SSE,
	[0xf0] = PREFIX(lddqu),
	[0xf1 ... 0xf6] = SSE,
	[0xf7] = SSE_REG,
	[0xf8 ... 0xfe] = SSE,
	[0xff] = OP0(UD, F_MODRM | F_ADDR),
};
