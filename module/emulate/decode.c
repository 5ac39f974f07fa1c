// SPDX-License-Identifier: GPL-2.0
/*
 * The decoder: bytes to struct emu_insn.
 *
 * One pass, front to back, each stage consuming what belongs to it: prefixes,
 * opcode (through the tables and their selectors), ModRM with SIB and
 * displacement, immediates. A cursor stands for the bytes; it remembers the
 * first thing that went wrong, returns zeros from then on, and the stages go on
 * undisturbed, so that there is one place that looks at errors. Nothing loops
 * over more than the 15 bytes that an instruction can have.
 *
 * Reading stops at the first byte that is not needed: a fetch that runs into the
 * next page must not happen for an instruction that ends before it.
 */
#include "pure.h"
#include "emulate/decode.h"
#include "emulate/opcodes_0f.h"
#include "emulate/opcodes_0f38.h"
#include "emulate/opcodes_one.h"

#define REX_W	0x08
#define REX_R	0x04
#define REX_X	0x02
#define REX_B	0x01

struct cursor {
	const u8 *bytes;
	unsigned int avail;
	unsigned int pos;
	bool more;		/* ran out of bytes */
	bool too_long;
	bool invalid;
};

/* What is known before the struct emu_insn has a place for it. */
struct state {
	struct cursor c;
	struct emu_insn *insn;
	struct emu_opcode entry;
	u8 override;		/* segment, or NR_SEGS */
	bool address_prefix;
	u8 vex_map;
	bool vex_l;
};

static u8 decode_byte(struct cursor *c)
{
	if (c->pos >= EMU_INSN_MAX) {
		c->too_long = true;
		return 0;
	}
	if (c->pos >= c->avail) {
		c->more = true;
		return 0;
	}
	return c->bytes[c->pos++];
}

static u64 decode_bytes(struct cursor *c, unsigned int size)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		value |= (u64)decode_byte(c) << (8 * i);
	return value;
}

static u64 decode_signed(struct cursor *c, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(decode_bytes(c, size) << shift) >> shift);
}

/* An instruction that is invalid may still turn out to be too long. */
static bool decode_failed(const struct cursor *c)
{
	return c->more || c->too_long;
}

/*
 * Prefixes come in any order and number; the last of a group counts. In 64-bit
 * mode the overrides of ES, CS, SS and DS mean nothing.
 */
static bool decode_legacy_prefix(struct state *s, u8 byte)
{
	struct emu_insn *insn = s->insn;

	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		if (insn->mode != MODE_64)
			s->override = (byte >> 3) & 3;
		return true;
	case 0x64:
	case 0x65:
		s->override = byte == 0x64 ? SEG_FS : SEG_GS;
		return true;
	case 0x66:
		insn->has_operand_prefix = true;
		return true;
	case 0x67:
		s->address_prefix = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		insn->rep = byte;
		return true;
	}
	return false;
}

/* Returns the first byte of the opcode. A REX counts if nothing follows it. */
static u8 decode_prefixes(struct state *s)
{
	struct emu_insn *insn = s->insn;

	for (;;) {
		u8 byte = decode_byte(&s->c);

		if (decode_failed(&s->c))
			return 0;
		if (insn->mode == MODE_64 && (byte & 0xf0) == 0x40) {
			insn->rex = byte;
			continue;
		}
		if (!decode_legacy_prefix(s, byte))
			return byte;
		insn->rex = 0;
	}
}

static u8 decode_address_size(const struct state *s)
{
	switch (s->insn->mode) {
	case MODE_64:
		return s->address_prefix ? 4 : 8;
	case MODE_32:
		return s->address_prefix ? 2 : 4;
	default:
		return s->address_prefix ? 4 : 2;
	}
}

static u8 decode_size_v(const struct emu_insn *insn)
{
	if (insn->rex & REX_W)
		return 8;
	return (insn->mode == MODE_16) == insn->has_operand_prefix ? 4 : 2;
}

static u8 decode_operand_size(const struct emu_insn *insn, u32 flags)
{
	bool mode64 = insn->mode == MODE_64;
	u8 size = decode_size_v(insn);

	switch (flags & SZ_MASK) {
	case SZ_B:
		return 1;
	case SZ_W:
		return 2;
	case SZ_D:
		return 4;
	case SZ_Q:
		return 8;
	case SZ_X:
		return 16;
	case SZ_Z:
		return min_t(u8, size, 4);
	case SZ_Y:
		return insn->rex & REX_W ? 8 : 4;
	case SZ_D64:
		return mode64 && size == 4 ? 8 : size;
	case SZ_F64:
		return mode64 ? 8 : size;
	case SZ_NAT:
		return mode64 ? 8 : 4;
	}
	return size;
}

static void decode_modrm_16(struct state *s)
{
	static const u8 bases[8] = {
		GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
		GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX,
	};
	static const u8 indexes[8] = {
		GPR_RSI, GPR_RDI, GPR_RSI, GPR_RDI,
		NO_GPR, NO_GPR, NO_GPR, NO_GPR,
	};
	struct emu_insn *insn = s->insn;
	u8 rm = insn->rm & 7;

	if (insn->mod == 0 && rm == 6) {
		insn->disp = decode_bytes(&s->c, 2);
		return;
	}
	insn->base = bases[rm];
	insn->index = indexes[rm];
	if (insn->mod)
		insn->disp = decode_signed(&s->c, insn->mod);
}

static void decode_sib(struct state *s)
{
	struct emu_insn *insn = s->insn;
	u8 sib = decode_byte(&s->c);
	u8 index = ((sib >> 3) & 7) | (insn->rex & REX_X ? 8 : 0);

	insn->scale = sib >> 6;
	if (index != GPR_RSP)
		insn->index = index;
	if ((sib & 7) == GPR_RBP && insn->mod == 0)
		insn->disp = decode_signed(&s->c, 4);
	else
		insn->base = (sib & 7) | (insn->rex & REX_B ? 8 : 0);
}

static void decode_modrm_32(struct state *s)
{
	struct emu_insn *insn = s->insn;
	u8 rm = insn->rm & 7;

	if (rm == GPR_RSP) {
		decode_sib(s);
	} else if (rm == GPR_RBP && insn->mod == 0) {
		insn->disp = decode_signed(&s->c, 4);
		insn->rip_relative = insn->mode == MODE_64;
	} else {
		insn->base = insn->rm;
	}
	if (insn->mod)
		insn->disp = decode_signed(&s->c, insn->mod == 1 ? 1 : 4);
}

static void decode_modrm(struct state *s)
{
	struct emu_insn *insn = s->insn;
	u8 modrm = decode_byte(&s->c);

	insn->has_modrm = true;
	insn->mod = modrm >> 6;
	insn->reg = ((modrm >> 3) & 7) | (insn->rex & REX_R ? 8 : 0);
	insn->rm = (modrm & 7) | (insn->rex & REX_B ? 8 : 0);
}

/* Everything after ModRM, once it is known that mod is to be believed. */
static void decode_memory(struct state *s)
{
	struct emu_insn *insn = s->insn;

	insn->memory = insn->mod != 3;
	if (!insn->memory)
		return;
	if (insn->address_size == 2)
		decode_modrm_16(s);
	else
		decode_modrm_32(s);
	if (insn->base == GPR_RSP || insn->base == GPR_RBP)
		insn->segment = SEG_SS;
}

static void decode_immediate(struct state *s)
{
	struct emu_insn *insn = s->insn;
	unsigned int z = min_t(unsigned int, insn->operand_size, 4);

	switch (insn->flags & IM_MASK) {
	case IM_8:
		insn->imm = decode_signed(&s->c, 1);
		break;
	case IM_U8:
		insn->imm = decode_byte(&s->c);
		break;
	case IM_16:
		insn->imm = decode_bytes(&s->c, 2);
		break;
	case IM_Z:
		insn->imm = decode_signed(&s->c, z);
		break;
	case IM_V:
		insn->imm = decode_signed(&s->c, insn->operand_size);
		break;
	case IM_32:
		insn->imm = decode_signed(&s->c, 4);
		break;
	case IM_ENTER:
	case IM_2X8:
		insn->imm = decode_bytes(&s->c,
					 (insn->flags & IM_MASK) == IM_ENTER ? 2 : 1);
		insn->imm2 = decode_byte(&s->c);
		break;
	case IM_FAR:
		insn->imm = decode_bytes(&s->c, z);
		insn->imm2 = decode_bytes(&s->c, 2);
		break;
	case IM_OFFS:
		insn->disp = decode_bytes(&s->c, insn->address_size);
		insn->memory = true;
		break;
	}
}

static unsigned int decode_prefix_index(const struct emu_insn *insn)
{
	if (insn->rep)
		return insn->rep == 0xf3 ? 2 : 3;
	return insn->has_operand_prefix;
}

static unsigned int decode_selector_index(const struct state *s, u32 selector)
{
	const struct emu_insn *insn = s->insn;

	switch (selector) {
	case SEL_REG:
		return insn->reg & 7;
	case SEL_MOD:
		return insn->mod == 3;
	case SEL_RM:
		return insn->rm & 7;
	case SEL_PREFIX:
		return decode_prefix_index(insn);
	case SEL_64:
		return insn->mode == MODE_64;
	}
	return insn->rex & REX_B;
}

/* Follow the selectors; what was said on the way is inherited. */
static void decode_resolve(struct state *s)
{
	struct emu_opcode *entry = &s->entry;

	while (entry->flags & SEL_MASK) {
		u32 selector = entry->flags & SEL_MASK;
		const struct emu_opcode *next;

		if ((entry->flags & F_MODRM) && !s->insn->has_modrm)
			decode_modrm(s);
		next = &entry->next[decode_selector_index(s, selector)];
		entry->op = next->op;
		entry->dst = next->dst ? next->dst : entry->dst;
		entry->src = next->src ? next->src : entry->src;
		entry->src2 = next->src2 ? next->src2 : entry->src2;
		entry->flags = (entry->flags & ~SEL_MASK) | next->flags;
		entry->next = next->next;
	}
	if ((entry->flags & F_MODRM) && !s->insn->has_modrm)
		decode_modrm(s);
}

/* REX bits in VEX prefixes are inverted. Outside 64-bit mode they are ignored. */
static void decode_vex_rex(struct state *s, u8 bits)
{
	if (s->insn->mode != MODE_64)
		bits &= ~(REX_R | REX_X | REX_B | REX_W);
	s->insn->rex = 0x40 | bits;
}

static void decode_vex_prefix(struct state *s, u8 pp)
{
	static const u8 reps[4] = { 0, 0, 0xf3, 0xf2 };

	s->insn->has_operand_prefix = pp == 1;
	s->insn->rep = reps[pp];
}

static void decode_vex_vvvv(struct state *s, u8 byte)
{
	s->insn->vvvv = (~byte >> 3) & 15;
}

static void decode_vex2(struct state *s)
{
	u8 byte = decode_byte(&s->c);

	decode_vex_rex(s, (~byte >> 5) & REX_R);
	decode_vex_vvvv(s, byte);
	decode_vex_prefix(s, byte & 3);
	s->vex_l = byte & 4;
	s->vex_map = 1;
}

/* C4 (VEX) and 8F (XOP) have the same layout. */
static void decode_vex3(struct state *s)
{
	u8 first = decode_byte(&s->c);
	u8 second = decode_byte(&s->c);

	decode_vex_rex(s, ((~first >> 5) & 7) | ((second >> 4) & REX_W));
	decode_vex_vvvv(s, second);
	decode_vex_prefix(s, second & 3);
	s->vex_l = second & 4;
	s->vex_map = first & 31;
}

static void decode_evex(struct state *s)
{
	u8 first = decode_byte(&s->c);
	u8 second = decode_byte(&s->c);

	decode_byte(&s->c);
	if ((first & 0x08) || !(second & 0x04))
		s->c.invalid = true;
	decode_vex_rex(s, ((~first >> 5) & 7) | ((second >> 4) & REX_W));
	decode_vex_vvvv(s, second);
	decode_vex_prefix(s, second & 3);
	s->vex_map = first & 7;
}

/*
 * True for C4, C5, 62 and 8F where they are prefixes. Outside 64-bit mode the
 * next byte tells: what would be LES, LDS or BOUND with a register is none.
 */
static bool decode_vector_prefix(struct state *s, u8 byte)
{
	struct cursor peek = s->c;
	u8 next;

	switch (byte) {
	case 0xc4:
	case 0xc5:
	case 0x62:
		if (s->insn->mode == MODE_64)
			break;
		next = decode_byte(&peek);
		if (decode_failed(&peek)) {
			s->c = peek;
			return false;
		}
		if (next < 0xc0)
			return false;
		break;
	case 0x8f:
		next = decode_byte(&peek);
		if (decode_failed(&peek)) {
			s->c = peek;
			return false;
		}
		if ((next & 31) < 8)
			return false;
		break;
	default:
		return false;
	}
	if (s->insn->rex || s->insn->has_operand_prefix || s->insn->rep ||
	    s->insn->lock)
		s->c.invalid = true;
	return true;
}

static void decode_vector_opcode(struct state *s, u8 byte)
{
	const struct emu_opcode *entry;

	switch (byte) {
	case 0xc5:
		s->insn->encoding = ENC_VEX;
		decode_vex2(s);
		break;
	case 0x62:
		s->insn->encoding = ENC_EVEX;
		decode_evex(s);
		break;
	default:
		s->insn->encoding = byte == 0xc4 ? ENC_VEX :
						   ENC_XOP;
		decode_vex3(s);
		break;
	}
	s->insn->map = s->vex_map >= 1 && s->vex_map <= 3 ?
		       s->vex_map : OPCODE_MAP_OTHER;
	s->insn->opcode = decode_byte(&s->c);
	entry = opcode_vex(s->insn->encoding, s->vex_map, s->insn->opcode);
	if (entry)
		s->entry = *entry;
}

static void decode_legacy_opcode(struct state *s, u8 byte)
{
	static const struct emu_opcode amd_3dnow = {
		.op = OP_LENGTH_ONLY, .flags = F_MODRM | IM_U8,
	};
	struct emu_insn *insn = s->insn;

	if (byte != 0x0f) {
		insn->opcode = byte;
		s->entry = opcodes_one[byte];
		return;
	}
	byte = decode_byte(&s->c);
	switch (byte) {
	case 0x0f:
		insn->map = OPCODE_MAP_3DNOW;
		s->entry = amd_3dnow;
		return;
	case 0x38:
		insn->map = OPCODE_MAP_0F38;
		insn->opcode = decode_byte(&s->c);
		s->entry = opcodes_0f38[insn->opcode];
		return;
	case 0x3a:
		insn->map = OPCODE_MAP_0F3A;
		insn->opcode = decode_byte(&s->c);
		s->entry = opcodes_0f3a[insn->opcode];
		return;
	}
	insn->map = OPCODE_MAP_0F;
	insn->opcode = byte;
	s->entry = opcodes_0f[byte];
}

static bool decode_mode_allowed(const struct emu_insn *insn)
{
	if (insn->mode == MODE_64)
		return !(insn->flags & F_NO64);
	return !(insn->flags & F_ONLY64);
}

static bool decode_prefixes_allowed(const struct emu_insn *insn)
{
	u32 possible = insn->flags & PF_MASK;

	if (possible && !(possible & (PF_NP << decode_prefix_index(insn))))
		return false;
	if (insn->lock && !(insn->flags & F_MOVCR))
		return (insn->flags & F_LOCKABLE) && insn->memory;
	return true;
}

/*
 * CR0, CR2, CR3, CR4 and CR8 exist, and DR0 to DR7. AMD's way to name CR8
 * without REX is LOCK with CR0.
 */
static bool decode_register_allowed(struct emu_insn *insn)
{
	switch (insn->op) {
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
		if (insn->lock)
			insn->reg |= 8;
		return insn->reg < 9 && (BIT(insn->reg) & 0x11d);
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
		return insn->reg < 8;
	}
	return true;
}

/* Where vvvv names no register it must be zero (inverted), all four bits. */
static bool decode_vex_allowed(const struct state *s)
{
	struct emu_insn *insn = s->insn;
	bool uses_vvvv = insn->dst == OPD_B || insn->src == OPD_B ||
			 insn->src2 == OPD_B;

	if (!(insn->flags & F_VEX_L0))
		return true;
	if (s->vex_l || (!uses_vvvv && insn->vvvv))
		return false;
	if (insn->mode != MODE_64)
		insn->vvvv &= 7;
	return true;
}

static bool decode_allowed(struct state *s)
{
	struct emu_insn *insn = s->insn;

	if ((insn->flags & F_MEM) && !insn->memory)
		return false;
	if ((insn->flags & F_REG) && insn->memory)
		return false;
	return insn->op && decode_mode_allowed(insn) && decode_prefixes_allowed(insn) &&
	       decode_register_allowed(insn) && decode_vex_allowed(s);
}

static void decode_all(struct state *s)
{
	struct emu_insn *insn = s->insn;
	u8 byte = decode_prefixes(s);

	if (decode_failed(&s->c))
		return;
	insn->address_size = decode_address_size(s);
	if (decode_vector_prefix(s, byte))
		decode_vector_opcode(s, byte);
	else
		decode_legacy_opcode(s, byte);
	if (decode_failed(&s->c))
		return;
	decode_resolve(s);
	insn->op = s->entry.op;
	insn->dst = s->entry.dst;
	insn->src = s->entry.src;
	insn->src2 = s->entry.src2;
	insn->flags = s->entry.flags;
	if (insn->op == OP_INVALID) {
		s->c.invalid = true;
		return;
	}
	insn->operand_size = decode_operand_size(insn, insn->flags);
	if (insn->has_modrm && !(insn->flags & F_MODREG))
		decode_memory(s);
	decode_immediate(s);
	if (s->override != NR_SEGS)
		insn->segment = s->override;
	if (!decode_failed(&s->c) && !decode_allowed(s))
		s->c.invalid = true;
}

int decode_insn(struct emu_insn *insn, const u8 *bytes,
		unsigned int avail, enum emu_insn_mode mode)
{
	struct state s = {
		.c = { .bytes = bytes, .avail = avail },
		.insn = insn,
		.override = NR_SEGS,
	};

	*insn = (struct emu_insn) {
		.mode = mode,
		.base = NO_GPR,
		.index = NO_GPR,
		.segment = SEG_DS,
	};
	decode_all(&s);
	if (s.c.more)
		return DECODE_MORE;
	if (s.c.too_long)
		return DECODE_TOO_LONG;
	if (s.c.invalid)
		return DECODE_INVALID;
	memcpy(insn->bytes, bytes, s.c.pos);
	insn->length = s.c.pos;
	return insn->length;
}

const char *emu_op_name(enum emu_op op)
{
	static const char *const names[] = {
		"INVALID",
#define OP_STRING(name) #name,
		EMU_OPS(OP_STRING)
#undef OP_STRING
	};

	return (unsigned int)op < ARRAY_SIZE(names) ? names[op] : "?";
}
