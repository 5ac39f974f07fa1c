// SPDX-License-Identifier: GPL-2.0
/*
 * The opcodes behind 0F 38 and 0F 3A, and those of VEX that are executed.
 *
 * Everything here has a ModRM byte, and everything behind 0F 3A an immediate
 * byte. Of VEX, EVEX and XOP the decoder wants the length, which the same rule
 * gives; only the general-purpose instructions (BMI) have entries of their own.
 */
#include "pure.h"
#include "emulate/opcode_macros.h"
#include "emulate/opcodes_0f38.h"

static const struct emu_opcode movbe_load[4] = {
	OP2(MOVBE, G, E, F_MEM), OP2(MOVBE, G, E, F_MEM),
	[3] = OP2(CRC32, G, EB, SZ_Y),
};

static const struct emu_opcode movbe_store[4] = {
	OP2(MOVBE, E, G, F_MEM), OP2(MOVBE, E, G, F_MEM),
	[3] = OP2(CRC32, G, E, 0),
};

static const struct emu_opcode adx[4] = {
	LEN(F_MEM), OP2(ADCX, G, E, SZ_Y), OP2(ADOX, G, E, SZ_Y),
};

static const struct emu_opcode movdiri[4] = {
	OP2(MOVDIRI, E, G, SZ_Y | F_MEM),
};

static const struct emu_opcode movntdqa[4] = {
	[1] = OP2(SSE_MOV, XG, XE, SZ_X | F_ALIGN | F_MEM),
};

static const struct emu_opcode invept[4] = {
	[1] = OP0(INVEPT, F_MEM | F_ADDR),
};

static const struct emu_opcode invvpid[4] = {
	[1] = OP0(INVVPID, F_MEM | F_ADDR),
};

static const struct emu_opcode invpcid[4] = {
	[1] = OP0(INVPCID, F_MEM | F_ADDR),
};

/* Key locker: opcode D8 is a group, and LOADIWKEY wants registers. */
static const struct emu_opcode keylocker_group[8] = {
	LEN(0), LEN(0), LEN(0), LEN(0),
};

static const struct emu_opcode keylocker_wide[4] = {
	[2] = SEL(keylocker_group, SEL_REG | F_MEM),
};

static const struct emu_opcode loadiwkey_mod[2] = {
	LEN(F_ADDR), LEN(0),
};

static const struct emu_opcode aesenc[4] = {
	[1] = LEN(0), [2] = SEL(loadiwkey_mod, SEL_MOD),
};

static const struct emu_opcode aes_keylocker[4] = {
	[1] = LEN(0), [2] = LEN(F_MEM),
};

static const struct emu_opcode encodekey[4] = {
	[2] = LEN(F_REG),
};

#define SSE		LEN(F_MODRM | PF_NP | PF_66)
#define SSE_66		LEN(F_MODRM | PF_66)
#define SSE_NP		LEN(F_MODRM | PF_NP)
#define PREFIX(table)	SEL(table, SEL_PREFIX | F_MODRM)

const struct emu_opcode opcodes_0f38[256] = {
	[0x00 ... 0x0b] = SSE,
	[0x10] = SSE_66,
	[0x14 ... 0x15] = SSE_66,
	[0x17] = SSE_66,
	[0x1c ... 0x1e] = SSE,
	[0x20 ... 0x25] = SSE_66,
	[0x28 ... 0x29] = SSE_66,
	[0x2a] = PREFIX(movntdqa),
	[0x2b] = SSE_66,
	[0x30 ... 0x35] = SSE_66,
	[0x37 ... 0x41] = SSE_66,
	[0x80] = PREFIX(invept),
	[0x81] = PREFIX(invvpid),
	[0x82] = PREFIX(invpcid),
	[0xc8 ... 0xcd] = SSE_NP,
	[0xcf] = SSE_66,
	[0xd8] = PREFIX(keylocker_wide),
	[0xdb] = SSE_66,
	[0xdc] = PREFIX(aesenc),
	[0xdd ... 0xdf] = PREFIX(aes_keylocker),
	[0xf0] = PREFIX(movbe_load),
	[0xf1] = PREFIX(movbe_store),
	[0xf5] = LEN(F_MODRM | F_MEM | PF_66),
	[0xf6] = PREFIX(adx),
	[0xf8] = LEN(F_MODRM | F_MEM | F_ADDR | PF_66 | PF_F3 | PF_F2),
	[0xf9] = PREFIX(movdiri),
	[0xfa ... 0xfb] = PREFIX(encodekey),
};

static const struct emu_opcode hreset_rm[8] = {
	LEN(0),
};

static const struct emu_opcode hreset[8] = {
	SEL(hreset_rm, SEL_RM),
};

#define SSE_IMM		LEN(F_MODRM | IM_8 | PF_66)

const struct emu_opcode opcodes_0f3a[256] = {
	[0x08 ... 0x0e] = SSE_IMM,
	[0x0f] = LEN(F_MODRM | IM_8 | PF_NP | PF_66),
	[0x14 ... 0x17] = SSE_IMM,
	[0x20 ... 0x22] = SSE_IMM,
	[0x40 ... 0x42] = SSE_IMM,
	[0x44] = SSE_IMM,
	[0x60 ... 0x63] = SSE_IMM,
	[0xcc] = LEN(F_MODRM | IM_8 | PF_NP),
	[0xce ... 0xcf] = SSE_IMM,
	[0xdf] = SSE_IMM,
	[0xf0] = SEL(hreset, SEL_REG | F_MODRM | F_REG | IM_8 | PF_F3),
};

#define BMI		(SZ_Y | F_MODRM | F_VEX_L0)

static const struct emu_opcode vex_andn[4] = {
	OP3(ANDN, G, B, E, BMI),
};

static const struct emu_opcode vex_group17_reg[8] = {
	[1] = OP2(BLSR, B, E, BMI), [2] = OP2(BLSMSK, B, E, BMI),
	[3] = OP2(BLSI, B, E, BMI),
};

static const struct emu_opcode vex_group17[4] = {
	SEL(vex_group17_reg, SEL_REG),
};

static const struct emu_opcode vex_f5[4] = {
	OP3(BZHI, G, E, B, BMI), [2] = OP3(PEXT, G, B, E, BMI),
	[3] = OP3(PDEP, G, B, E, BMI),
};

static const struct emu_opcode vex_f6[4] = {
	[3] = OP3(MULX, G, B, E, BMI),
};

static const struct emu_opcode vex_f7[4] = {
	OP3(BEXTR, G, E, B, BMI), OP3(SHLX, G, E, B, BMI),
	OP3(SARX, G, E, B, BMI), OP3(SHRX, G, E, B, BMI),
};

static const struct emu_opcode vex_rorx[4] = {
	[3] = OP3(RORX, G, E, I, BMI | IM_U8),
};

static const struct emu_opcode vex_bmi[] = {
	PREFIX(vex_andn), PREFIX(vex_group17), { 0 },
	PREFIX(vex_f5), PREFIX(vex_f6), PREFIX(vex_f7),
};

static const struct emu_opcode vex_f0 = PREFIX(vex_rorx);
static const struct emu_opcode vector = LEN(F_MODRM);
static const struct emu_opcode vector_imm = LEN(F_MODRM | IM_8);
static const struct emu_opcode vector_imm32 = LEN(F_MODRM | IM_32);
static const struct emu_opcode vzero = LEN(0);

/* Map 1, with its few immediates. */
static const struct emu_opcode *vex_map_0f(u8 encoding, u8 opcode)
{
	if (opcode == 0x77 && encoding == ENC_VEX)
		return &vzero;
	if ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
	    (opcode >= 0xc4 && opcode <= 0xc6))
		return &vector_imm;
	return &vector;
}

const struct emu_opcode *opcode_vex(u8 encoding, u8 map, u8 opcode)
{
	if (encoding == ENC_XOP) {
		static const struct emu_opcode *const xop[] = {
			&vector_imm, &vector, &vector_imm32,
		};

		return map >= 8 && map <= 10 ? xop[map - 8] : NULL;
	}
	switch (map) {
	case 1:
		return vex_map_0f(encoding, opcode);
	case 2:
		if (encoding == ENC_VEX && opcode >= 0xf2 && opcode <= 0xf7)
			return &vex_bmi[opcode - 0xf2];
		return &vector;
	case 3:
		if (encoding == ENC_VEX && opcode == 0xf0)
			return &vex_f0;
		return &vector_imm;
	case 5:
	case 6:
		return encoding == ENC_EVEX ? &vector : NULL;
	}
	return NULL;
}
