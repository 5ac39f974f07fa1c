/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries of the opcode tables.
 *
 * An entry either describes an instruction or sends the decoder on to another
 * table, by a selector: the reg field, mod, rm, the mandatory prefix or the
 * mode. What an entry on the way says (flags, operands) is inherited by the
 * entries behind it unless they say otherwise; so the eight arithmetic
 * operations of opcode 0x80 need one table for all of 0x80 to 0x83.
 */
#ifndef BELLOWS_EMULATE_OPCODE_H
#define BELLOWS_EMULATE_OPCODE_H

#include "emulate/insn.h"

/* Operands. Those that name no size have the operand size of the instruction. */
enum emu_operand {
	OPD_NONE,
	OPD_E,			/* r/m */
	OPD_EB, OPD_EW, OPD_ED,	/* r/m of 1, 2, 4 bytes (MOVSXD of 16 bits: by vendor) */
	OPD_EWM,		/* r/m, 2 bytes if it is memory */
	OPD_G,			/* reg */
	OPD_A,			/* accumulator */
	OPD_R,			/* low three bits of the opcode */
	OPD_B,			/* vvvv */
	OPD_I,			/* immediate */
	OPD_1,
	OPD_CL,
	OPD_M,			/* memory at an absolute offset */
	OPD_XE,			/* XMM r/m */
	OPD_XG,			/* XMM reg */
	OPD_S,			/* segment register in reg */
};

struct emu_opcode {
	u8 op;
	u8 dst;
	u8 src;
	u8 src2;
	u32 flags;
	const struct emu_opcode *next;
};

/* Operand size. */
#define SZ_MASK		0x0000000f
#define SZ_V		0x00000000	/* 2, 4, 8 by 0x66 and REX.W */
#define SZ_B		0x00000001	/* 1 */
#define SZ_W		0x00000002	/* 2 */
#define SZ_D		0x00000003	/* 4 */
#define SZ_Z		0x00000004	/* 2 or 4: REX.W means 4 */
#define SZ_Y		0x00000005	/* 4 or 8: 0x66 means nothing */
#define SZ_D64		0x00000006	/* 2 or 8 in 64-bit mode */
#define SZ_F64		0x00000007	/* 8 in 64-bit mode */
#define SZ_Q		0x00000008	/* 8 */
#define SZ_X		0x00000009	/* 16 */
#define SZ_NAT		0x0000000a	/* 8 in 64-bit mode, else 4 */

/* Immediate. */
#define IM_MASK		0x000000f0
#define IM_8		0x00000010	/* one byte, sign-extended */
#define IM_U8		0x00000020	/* one byte, zero-extended */
#define IM_16		0x00000030
#define IM_Z		0x00000040	/* 2 or 4 */
#define IM_V		0x00000050	/* 2, 4, 8 */
#define IM_ENTER	0x00000060	/* 2 and 1 */
#define IM_FAR		0x00000070	/* 2 or 4, and a selector */
#define IM_OFFS		0x00000080	/* an address, of address size */
#define IM_2X8		0x00000090	/* 1 and 1 */
#define IM_32		0x000000a0

/* Selector. */
#define SEL_MASK	0x00000f00
#define SEL_REG		0x00000100	/* 8 entries, by reg */
#define SEL_MOD		0x00000200	/* 2: memory, register */
#define SEL_RM		0x00000300	/* 8, by rm */
#define SEL_PREFIX	0x00000400	/* 4: none, 66, F3, F2 */
#define SEL_64		0x00000500	/* 2: 16 and 32, 64 */
#define SEL_REXB	0x00000600	/* 2: by REX.B */

/* Mandatory prefixes that are possible; without any, prefixes do not matter. */
#define PF_NP		0x00001000
#define PF_66		0x00002000
#define PF_F3		0x00004000
#define PF_F2		0x00008000
#define PF_MASK		0x0000f000
#define PF_ALL		PF_MASK

#define F_MODRM		0x00010000
#define F_MEM		0x00020000	/* #UD with a register */
#define F_REG		0x00040000	/* #UD with memory */
#define F_MODREG	0x00080000	/* mod is ignored, as if it were 3 */
#define F_NO64		0x00100000
#define F_ONLY64	0x00200000
#define F_LOCKABLE	0x00400000	/* LOCK possible with memory */
#define F_REP		0x00800000	/* a string instruction */
#define F_BRANCH	0x01000000	/* near branch */
#define F_NOWRITE	0x02000000	/* the SSE move does not check alignment */
#define F_ALIGN		0x04000000	/* 16 byte operand must be aligned */
#define F_ADDR		0x08000000	/* r/m names memory that is not accessed */
#define F_STORE		0x10000000	/* of SSE moves: towards memory */
#define F_MOVCR		0x20000000	/* reg must name a control register */
#define F_VEX_L0	0x40000000	/* VEX.L must be 0 */

#endif /* BELLOWS_EMULATE_OPCODE_H */
