// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "emulate/decode.h"
#include "emulate/emu.h"
#include "generate.h"

static unsigned int put_prefixes(struct random *r, enum emu_insn_mode mode, u8 *bytes)
{
	static const u8 prefixes[] = {
		0x66, 0x66, 0x66, 0x67, 0x67, 0xf2, 0xf3, 0xf3, 0xf0, 0x26, 0x2e, 0x36,
		0x3e, 0x64, 0x65,
	};
	unsigned int n = 0;

	while (n < 4 && !random_below(r, 3))
		bytes[n++] = prefixes[random_below(r, sizeof(prefixes))];
	if (mode == MODE_64 && random_below(r, 2))
		bytes[n++] = 0x40 | random_below(r, 16);
	return n;
}

static void random_instruction(struct random *r, enum emu_insn_mode mode, u8 *bytes)
{
	static const u8 bmi[] = { 0xf2, 0xf3, 0xf5, 0xf6, 0xf7 };
	unsigned int n;

	random_bytes(r, bytes, 16);
	if (!random_below(r, 12)) {
		bool three = !random_below(r, 6);

		bytes[0] = 0xc4;
		bytes[1] = (bytes[1] & 0xe0) | (three ? 3 : 2);
		bytes[2] &= ~0x04;
		bytes[3] = three ? 0xf0 : bmi[random_below(r, sizeof(bmi))];
		return;
	}
	n = put_prefixes(r, mode, bytes);
	if (random_below(r, 5) < 2) {
		bytes[n++] = 0x0f;
		if (!random_below(r, 6)) {
			bytes[n++] = 0x38;
			bytes[n] = (bytes[n] & 0x0f) | 0xf0;
		}
	}
}

static void decode(struct generated *g, enum emu_insn_mode mode)
{
	g->length = decode_insn(&g->insn, g->bytes, EMU_INSN_MAX, mode);
}

/* Encodings of each operation, as they were met. */
#define SAMPLES	64

static struct {
	u8 bytes[SAMPLES][16];
	unsigned int used;
} samples[3][EMU_NR_OPS];

static void remember(struct random *r, enum emu_insn_mode mode, const struct generated *g)
{
	unsigned int at, *used = &samples[mode][g->insn.op].used;

	if (g->length <= 0 || !emu_op_emulated(g->insn.op))
		return;
	at = *used < SAMPLES ? (*used)++ : random_below(r, SAMPLES);
	memcpy(samples[mode][g->insn.op].bytes[at], g->bytes, 16);
}

/* Another instruction of an operation that was met; false: none was found. */
static bool vary(struct random *r, enum emu_insn_mode mode, struct generated *g)
{
	unsigned int op = random_below(r, EMU_NR_OPS), tries, i;
	const u8 *sample;

	if (!samples[mode][op].used)
		return false;
	sample = samples[mode][op].bytes[random_below(r, samples[mode][op].used)];
	for (tries = 0; tries < 10; tries++) {
		memcpy(g->bytes, sample, 16);
		for (i = 1; i < EMU_INSN_MAX; i++)
			if (random_below(r, 2))
				g->bytes[i] = random_u64(r);
		decode(g, mode);
		if (g->length > 0 && g->insn.op == op)
			return true;
	}
	return false;
}

void generate_insn(struct random *r, enum emu_insn_mode mode, struct generated *g,
		   generate_filter filter)
{
	do {
		if (random_below(r, 2) || !vary(r, mode, g)) {
			random_instruction(r, mode, g->bytes);
			decode(g, mode);
			remember(r, mode, g);
		}
		if (g->length > 0)
			memset(g->bytes + g->length, 0xcc, 16 - g->length);
	} while (!filter(g));
}

u64 generate_linear(struct random *r)
{
	static const u8 edges[] = { 4, 5, 6, 7, 8, 9, 10 };
	u64 page;

	switch (random_below(r, 8)) {
	case 0:
	case 1:
		/* Near an edge between two pages. */
		page = edges[random_below(r, sizeof(edges))];
		return MODEL_BASE + page * MODEL_PAGE + random_below(r, 48) - 32;
	case 2:
		return MODEL_BASE + random_below(r, MODEL_SIZE);
	case 3:
		page = random_below(r, 3) ? 4 : 8;
		return MODEL_BASE + page * MODEL_PAGE + random_below(r, MODEL_PAGE / 16) * 16;
	default:
		page = random_below(r, 3) ? 4 : 8;
		return MODEL_BASE + page * MODEL_PAGE + random_below(r, MODEL_PAGE);
	}
}

static u64 random_value(struct random *r)
{
	static const u64 special[] = {
		0, 1, 0x09, 0x7f, 0x80, 0x99, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
	};

	switch (random_below(r, 6)) {
	case 0:
		return special[random_below(r, ARRAY_SIZE(special))] + random_below(r, 3) - 1;
	case 1:
		return random_below(r, 256);
	case 2:
		return (s64)(s32)random_u64(r);
	case 3:
		return random_u64(r) >> random_below(r, 64);
	case 4:
		return generate_linear(r);
	}
	return random_u64(r);
}

void generate_registers(struct random *r, struct emulator *e)
{
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++)
		e->regs[i] = random_value(r);
	e->rflags = EFL_FIXED | EFL_IF | (random_u64(r) & (EFL_STATUS | EFL_DF));
	if (!random_below(r, 16))
		e->rflags |= EFL_AC;
}

/* An offset that leads to a linear address in a segment. */
static u64 offset_of(const struct emulator *e, u8 seg, u64 linear)
{
	if (emu_is_64bit(e))
		return linear - (seg >= SEG_FS ? e->seg[seg].base : 0);
	return (u32)(linear - e->seg[seg].base);
}

/* An offset to steer for: to the pages, or to the edge of the segment. */
static u64 random_offset(struct random *r, const struct emulator *e, u8 seg)
{
	if (!emu_is_64bit(e) && !random_below(r, 12))
		return (u32)(e->seg[seg].limit + random_below(r, 40) - 34);
	return offset_of(e, seg, generate_linear(r));
}

static void set_low(u64 *reg, u64 value, unsigned int size)
{
	*reg = (*reg & ~emu_mask(size)) | (value & emu_mask(size));
}

static unsigned int immediate_size(const struct emu_insn *insn)
{
	switch (insn->flags & IM_MASK) {
	case IM_8:
	case IM_U8:
		return 1;
	case IM_16:
		return 2;
	case IM_Z:
		return insn->operand_size < 4 ? insn->operand_size : 4;
	}
	return 0;
}

/* The displacement of an instruction without base, in place. */
static void patch_displacement(struct generated *g, u64 value)
{
	unsigned int size = g->insn.address_size == 2 ? 2 : 4;
	unsigned int at;

	if ((g->insn.flags & IM_MASK) == IM_OFFS)
		size = g->insn.address_size;
	at = g->length - size - ((g->insn.flags & IM_MASK) == IM_OFFS ? 0 :
				 immediate_size(&g->insn));
	memcpy(g->bytes + at, &value, size);
	decode_insn(&g->insn, g->bytes, EMU_INSN_MAX, g->insn.mode);
}

static bool bit_string(const struct emu_insn *insn)
{
	return insn->op >= OP_BT && insn->op <= OP_BTC &&
	       insn->src == OPD_G;
}

static void steer_memory(struct random *r, struct emulator *e, struct generated *g)
{
	struct emu_insn *insn = &g->insn;
	u64 want = random_offset(r, e, insn->segment);
	u8 size = insn->address_size;

	if (bit_string(insn) && random_below(r, 4))
		set_low(&e->regs[insn->reg], (s64)random_below(r, 512) - 256,
			insn->operand_size);
	/* Sometimes an address that is not canonical. */
	if (insn->mode == MODE_64 && size == 8 && !random_below(r, 40))
		want ^= 0x0001000000000000ULL << random_below(r, 10);
	if (insn->base == NO_GPR && insn->index == NO_GPR) {
		if (insn->rip_relative)
			want -= e->rip + g->length;
		patch_displacement(g, want);
	} else if (insn->base != NO_GPR && insn->base != insn->index) {
		want -= insn->disp;
		if (insn->index != NO_GPR)
			want -= e->regs[insn->index] << insn->scale;
		set_low(&e->regs[insn->base], want, size);
	} else if (insn->scale == 0 && insn->base == NO_GPR) {
		set_low(&e->regs[insn->index], want - insn->disp, size);
	}
}

/* A dividend whose quotient is next to what just fits, or just not. */
static void steer_quotient(struct random *r, struct emulator *e,
			   const struct emu_insn *insn)
{
	unsigned int size = insn->operand_size, bits = 8 * size;
	__int128 divisor = (__int128)(random_below(r, 7)) - 3, dividend;
	s64 quotient = (s64)(BIT_ULL(bits - 1) + random_below(r, 3) - 1);

	dividend = (__int128)quotient * divisor + random_below(r, 3);
	if (random_below(r, 2))
		dividend = -dividend;
	set_low(&e->regs[insn->rm], divisor, size);
	if (size == 1) {
		set_low(&e->regs[GPR_RAX], dividend, 2);
	} else {
		set_low(&e->regs[GPR_RAX], dividend, size);
		set_low(&e->regs[GPR_RDX], dividend >> bits, size);
	}
}

/* Divisions that do not all overflow. */
static void steer_division(struct random *r, struct emulator *e,
			   const struct emu_insn *insn)
{
	unsigned int size = insn->operand_size;
	u64 rax = e->regs[GPR_RAX];
	u64 high = 0;

	if (random_below(r, 3) == 0)
		return;
	if (!insn->memory && insn->rm > GPR_RBX && random_below(r, 2)) {
		steer_quotient(r, e, insn);
		return;
	}
	if (insn->op == OP_IDIV && (s64)(rax << (64 - 8 * size)) < 0)
		high = U64_MAX;
	if (size == 1)
		set_low(&e->regs[GPR_RAX], high << 8 | (rax & 0xff), 2);
	else
		set_low(&e->regs[GPR_RDX], high, size);
}

void generate_operands(struct random *r, struct emulator *e, struct generated *g)
{
	struct emu_insn *insn = &g->insn;
	u8 size = insn->address_size;

	if (random_below(r, 8))
		e->regs[GPR_RSP] = random_offset(r, e, SEG_SS);
	if (insn->op == OP_ENTER || insn->op == OP_LEAVE)
		e->regs[GPR_RBP] = random_offset(r, e, SEG_SS);
	if (insn->op == OP_DIV || insn->op == OP_IDIV)
		steer_division(r, e, insn);
	if (insn->flags & F_REP) {
		set_low(&e->regs[GPR_RSI],
			random_offset(r, e, insn->segment), size);
		set_low(&e->regs[GPR_RDI],
			random_offset(r, e, SEG_ES), size);
		if (random_below(r, 16))
			set_low(&e->regs[GPR_RCX], random_below(r, 40), size);
	}
	if (insn->op == OP_XLAT)
		set_low(&e->regs[GPR_RBX],
			random_offset(r, e, insn->segment), size);
	if (insn->op >= OP_LOOP && insn->op <= OP_JCXZ && random_below(r, 2))
		set_low(&e->regs[GPR_RCX], random_below(r, 3), size);
	if (insn->memory)
		steer_memory(r, e, g);
}
