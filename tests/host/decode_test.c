// SPDX-License-Identifier: GPL-2.0
/*
 * The decoder against Zydis, an independent disassembler library.
 *
 * Byte strings are made at random, steered so that every opcode map is reached
 * often, and taken from the code of real programs. For each the two must agree:
 * on the length, on validity, and, where the tables name the instruction, on
 * which one it is, its sizes, its displacement and its immediate.
 *
 * Where they may differ:
 *  - LENGTH_ONLY entries do not claim validity, only the length if it is valid.
 *  - Zydis stops where the decoder sees TOO_LONG, and may call such a string
 *    invalid for another reason first, or the other way round.
 *  - The differences in exception() below, each with its reason.
 */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#include "emulate/decode.h"
#include "emulate/emulate.h"
#include "emulate/opcode.h"
#include "random.h"
#include "tap.h"

#define MAX_REPORTS	20

struct reference {
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

struct statistics {
	unsigned long cases;
	unsigned long valid;
	unsigned long named;
	unsigned long failures;
};

static const struct {
	const char *name;
	enum emu_insn_mode mode;
	ZydisMachineMode zydis;
	ZydisStackWidth stack;
} modes[] = {
	{ "16-bit", MODE_16, ZYDIS_MACHINE_MODE_LEGACY_16,
	  ZYDIS_STACK_WIDTH_16 },
	{ "32-bit", MODE_32, ZYDIS_MACHINE_MODE_LEGACY_32,
	  ZYDIS_STACK_WIDTH_32 },
	{ "64-bit", MODE_64, ZYDIS_MACHINE_MODE_LONG_64,
	  ZYDIS_STACK_WIDTH_64 },
};

/*
 * What Zydis calls the instructions; without an entry, the name in lower case
 * or anything that begins with it.
 */
static const char *const mnemonics[EMU_NR_OPS] = {
	[OP_MOV] = "mov movnti",
	[OP_MOVSX] = "movsx movsxd",
	[OP_IMUL1] = "imul",
	[OP_SETCC] = "seto setno setb setnb setz setnz setbe setnbe sets setns setp setnp setl setnl setle setnle",
	[OP_CMOVCC] = "cmovo cmovno cmovb cmovnb cmovz cmovnz cmovbe cmovnbe cmovs cmovns cmovp cmovnp cmovl cmovnl cmovle cmovnle",
	[OP_CMPXCHG8B] = "cmpxchg8b cmpxchg16b",
	[OP_PUSHA] = "pusha pushad",
	[OP_POPA] = "popa popad",
	[OP_PUSHF] = "pushf pushfd pushfq",
	[OP_POPF] = "popf popfd popfq",
	[OP_CALL_IND] = "call",
	[OP_JMP_IND] = "jmp",
	[OP_JCC] = "jo jno jb jnb jz jnz jbe jnbe js jns jp jnp jl jnl jle jnle",
	[OP_JCXZ] = "jcxz jecxz jrcxz",
	[OP_MOVS] = "movsb movsw movsd movsq",
	[OP_CBW] = "cbw cwde cdqe",
	[OP_CWD] = "cwd cdq cqo",
	[OP_NOP] = "nop prefetch",
	[OP_MOV_FROM_SEG] = "mov",
	[OP_MOV_TO_SEG] = "mov",
	[OP_CLFLUSH] = "clflush clflushopt",
	[OP_FENCE] = "lfence mfence sfence",
	[OP_SSE_MOV] = "movups movupd movss movsd movaps movapd movntps movntpd movdqa movdqu movntdq lddqu movntdqa",
	[OP_SSE_MOVD] = "movd movq",
	[OP_SSE_MOVLH] = "movlps movhlps movlpd movhps movlhps movhpd",
	[OP_PUSH_SEG] = "push",
	[OP_POP_SEG] = "pop",
	[OP_LOAD_FAR] = "les lds lss lfs lgs",
	[OP_CALL_FAR] = "call",
	[OP_JMP_FAR] = "jmp",
	[OP_RET_FAR] = "ret",
	[OP_UD] = "ud0 ud1 ud2",
	[OP_MOV_FROM_CR] = "mov",
	[OP_MOV_TO_CR] = "mov",
	[OP_MOV_FROM_DR] = "mov",
	[OP_MOV_TO_DR] = "mov",
	[OP_WBINVD] = "wbinvd wbnoinvd",
	[OP_ENCLS] = "encls",
};

static const char *exception(const struct emu_insn *insn, int length,
			     const struct reference *ref, const u8 *bytes);

/* One word of a list is the beginning of the name, or all of it. */
static bool name_matches(enum emu_op op, const char *name, bool exactly)
{
	const char *list = mnemonics[op];
	char lower[32] = "";
	size_t size;
	unsigned int i;

	if (!list) {
		const char *own = emu_op_name(op);

		for (i = 0; own[i] && i < sizeof(lower) - 1; i++)
			lower[i] = own[i] | (own[i] >= 'A' && own[i] <= 'Z' ? 0x20 : 0);
		list = lower;
	}
	for (; *list; list += size + (list[size] == ' ')) {
		size = strcspn(list, " ");
		if (!strncmp(list, name, size) && (!exactly || !name[size]))
			return true;
	}
	return false;
}

/*
 * What has a handler must not pass for LENGTH_ONLY. (MOVD and MOVQ are also names
 * of MMX instructions.)
 */
static bool overlooked(const struct emu_insn *insn, const char *name)
{
	unsigned int op;

	if (insn->encoding != ENC_LEGACY)
		return false;
	for (op = 1; op < EMU_NR_OPS; op++)
		if (emu_op_emulated(op) && op != OP_SSE_MOVD &&
		    name_matches(op, name, true))
			return true;
	return false;
}

static const char *compare_memory(const struct emu_insn *insn,
				  const struct reference *ref)
{
	const ZydisDecodedOperand *op = NULL;
	unsigned int i;

	for (i = 0; i < ref->insn.operand_count_visible; i++) {
		if (ref->operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY) {
			op = &ref->operands[i];
			break;
		}
	}
	if (!op || !insn->memory || (insn->flags & F_REP) ||
	    insn->op == OP_XLAT)
		return NULL;
	if ((s64)insn->disp != op->mem.disp.value && insn->address_size == 8)
		return "displacement";
	if (((insn->disp ^ op->mem.disp.value) << (64 - 8 * insn->address_size)))
		return "displacement";
	if (op->mem.base == ZYDIS_REGISTER_RIP || op->mem.base == ZYDIS_REGISTER_EIP) {
		if (!insn->rip_relative)
			return "RIP-relative";
	} else if (op->mem.base != ZYDIS_REGISTER_NONE) {
		if (insn->base != ZydisRegisterGetId(op->mem.base))
			return "base";
	} else if (insn->base != NO_GPR) {
		return "no base";
	}
	if (op->mem.index != ZYDIS_REGISTER_NONE) {
		if (insn->index != ZydisRegisterGetId(op->mem.index))
			return "index";
		if (op->mem.scale && 1 << insn->scale != op->mem.scale)
			return "scale";
	} else if (insn->index != NO_GPR) {
		return "no index";
	}
	if (op->mem.segment != ZYDIS_REGISTER_NONE && op->mem.type == ZYDIS_MEMOP_TYPE_MEM &&
	    insn->segment != ZydisRegisterGetId(op->mem.segment))
		return "segment";
	return NULL;
}

static const char *compare_immediate(const struct emu_insn *insn,
				     const struct reference *ref)
{
	unsigned int bits = ref->insn.raw.imm[0].size;
	u64 theirs = ref->insn.raw.imm[0].value.u;

	if (!bits || (insn->flags & IM_MASK) == IM_OFFS)
		return NULL;
	if ((insn->imm ^ theirs) << (64 - bits))
		return "immediate";
	if (ref->insn.raw.imm[0].is_signed && (insn->flags & IM_MASK) != IM_U8 &&
	    insn->imm != theirs)
		return "sign of the immediate";
	if (ref->insn.raw.imm[1].size && insn->imm2 != ref->insn.raw.imm[1].value.u)
		return "second immediate";
	return NULL;
}

/* Sizes mean the same in both only for instructions on general registers. */
static const char *compare_size(const struct emu_insn *insn,
				const struct reference *ref)
{
	if (insn->address_size * 8 != ref->insn.address_width &&
	    insn->op != OP_ENCLS)
		return "address size";
	if (!emu_op_emulated(insn->op) || !insn->dst || insn->dst >= OPD_XE ||
	    insn->src >= OPD_XE || insn->op == OP_BOUND ||
	    insn->op == OP_CRC32 ||
	    (insn->flags & F_BRANCH))
		return NULL;
	if (insn->operand_size * 8 != ref->operands[0].size &&
	    insn->op != OP_MOV_FROM_SEG && insn->op != OP_ARPL &&
	    insn->dst != OPD_I)
		return "operand size";
	return NULL;
}

static const char *compare(const struct emu_insn *insn, int length,
			   const struct reference *ref, ZyanStatus status)
{
	const char *name = NULL, *wrong;

	if (ZYAN_SUCCESS(status))
		name = ZydisMnemonicGetString(ref->insn.mnemonic);
	if (length == DECODE_TOO_LONG)
		return ZYAN_SUCCESS(status) ? "not too long" : NULL;
	if (length == DECODE_INVALID)
		return ZYAN_SUCCESS(status) ? "valid" : NULL;
	if (length == DECODE_MORE)
		return status != ZYDIS_STATUS_NO_MORE_DATA ? "complete" : NULL;
	if (!ZYAN_SUCCESS(status))
		return insn->op == OP_LENGTH_ONLY ? NULL : "invalid";
	if (length != ref->insn.length)
		return "length";
	if (insn->op == OP_LENGTH_ONLY)
		return overlooked(insn, name) ? "operation" : NULL;
	if (!name_matches(insn->op, name, false))
		return "mnemonic";
	wrong = compare_memory(insn, ref);
	if (!wrong)
		wrong = compare_immediate(insn, ref);
	if (!wrong)
		wrong = compare_size(insn, ref);
	return wrong;
}

/* The opcode behind the prefixes. */
static const u8 *skip_prefixes(const u8 *bytes, unsigned int mode)
{
	static const u8 prefixes[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
	};
	unsigned int i;

	for (i = 0; i < EMU_INSN_MAX - 3; i++) {
		if (memchr(prefixes, bytes[i], sizeof(prefixes)))
			continue;
		if (mode == MODE_64 && (bytes[i] & 0xf0) == 0x40)
			continue;
		break;
	}
	return bytes + i;
}

/* Jumps of Knights Corner in the VEX space: C5 xx 8x, and C4 in map 0 or 1. */
static bool knights_corner_jump(const u8 *opcode)
{
	if (opcode[0] == 0xc5)
		return (opcode[2] & 0xf0) == 0x80;
	if (opcode[0] != 0xc4)
		return false;
	if ((opcode[1] & 31) == 0)
		return (opcode[3] & 0xf0) == 0x70;
	return (opcode[1] & 31) == 1 && (opcode[3] & 0xf0) == 0x80;
}

/*
 * Known differences. Returns the reason, or NULL.
 */
static const char *exception(const struct emu_insn *insn, int length,
			     const struct reference *ref, const u8 *bytes)
{
	const u8 *opcode = skip_prefixes(bytes, insn->mode);
	bool decoded = length > 0;

	if (opcode[0] == 0x62 && !(opcode[2] & 4))
		return "MVEX exists on Knights Corner alone";
	if (knights_corner_jump(opcode))
		return "exists on Knights Corner alone";
	if (!decoded && opcode[0] == 0x0f && (opcode[1] & 0xfe) == 0xa6)
		return "VIA PadLock";
	if (decoded && insn->lock && (insn->flags & F_MOVCR))
		return "LOCK MOV CR0 is AMD's MOV CR8, which Zydis does not know";
	if (decoded && insn->op == OP_XCHG && insn->opcode == 0x90 &&
	    ref->insn.mnemonic == ZYDIS_MNEMONIC_PAUSE)
		return "F3 90 with REX.B exchanges: seen on a CPU";
	if (decoded && insn->address_size == 4 && insn->mod == 0 && (insn->rex & 1) &&
	    (insn->rm & 7) == 4 && insn->base == NO_GPR)
		return "Zydis takes [disp32] with REX.B and 0x67 for [R13D]";
	return NULL;
}

static void report(const struct emu_insn *insn, int length,
		   const struct reference *ref, ZyanStatus status, const u8 *bytes,
		   const char *mode, const char *wrong)
{
	char text[64] = "";
	unsigned int i;

	for (i = 0; i < EMU_INSN_MAX; i++)
		sprintf(text + 3 * i, "%02x ", bytes[i]);
	tap_note("%s %s: %s; we: %d %s, Zydis: %d %s (status %x)", mode, text, wrong,
		 length, length > 0 ? emu_op_name(insn->op) : "-",
		 ZYAN_SUCCESS(status) ? ref->insn.length : 0,
		 ZYAN_SUCCESS(status) ? ZydisMnemonicGetString(ref->insn.mnemonic) : "-",
		 status & 0xfffff);
}

static void check(struct statistics *stats, struct reference *ref,
		  unsigned int mode, const u8 *bytes, unsigned int avail)
{
	struct emu_insn insn;
	int length = decode_insn(&insn, bytes, avail, modes[mode].mode);
	ZyanStatus status;
	const char *wrong;

	status = ZydisDecoderDecodeFull(&ref->decoder, bytes, avail, &ref->insn,
					ref->operands);
	wrong = compare(&insn, length, ref, status);
	stats->cases++;
	stats->valid += length > 0;
	stats->named += length > 0 && insn.op != OP_LENGTH_ONLY;
	if (!wrong || exception(&insn, length, ref, bytes))
		return;
	if (stats->failures++ < MAX_REPORTS)
		report(&insn, length, ref, status, bytes, modes[mode].name, wrong);
}

static void make_reference(struct reference *ref, unsigned int mode)
{
	ZydisDecoderInit(&ref->decoder, modes[mode].zydis, modes[mode].stack);
	ZydisDecoderEnableMode(&ref->decoder, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
	ZydisDecoderEnableMode(&ref->decoder, ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
	ZydisDecoderEnableMode(&ref->decoder, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
}

/* Random bytes, after prefixes and an escape that are not so random. */
static void make_bytes(struct random *r, u8 *bytes)
{
	static const u8 prefixes[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x66, 0x66, 0x67, 0x67,
		0xf0, 0xf2, 0xf3, 0xf2, 0xf3, 0x40, 0x41, 0x44, 0x48, 0x4c, 0x4f,
	};
	static const struct {
		u8 size;
		u8 bytes[2];
	} escapes[] = {
		{ 0 }, { 0 }, { 1, { 0x0f } }, { 1, { 0x0f } }, { 2, { 0x0f, 0x38 } },
		{ 2, { 0x0f, 0x3a } }, { 2, { 0x0f, 0x01 } }, { 2, { 0x0f, 0xae } },
		{ 2, { 0x0f, 0xc7 } }, { 1, { 0xc4 } }, { 1, { 0xc5 } },
		{ 1, { 0x62 } }, { 1, { 0x8f } }, { 2, { 0xc4, 0xe2 } },
	};
	unsigned int n = 0, escape;

	random_bytes(r, bytes, EMU_INSN_MAX);
	if (!random_below(r, 4))
		return;
	while (n < 13 && random_below(r, n < 3 ? 2 : 5) == 0)
		bytes[n++] = prefixes[random_below(r, sizeof(prefixes))];
	escape = random_below(r, ARRAY_SIZE(escapes));
	memcpy(bytes + n, escapes[escape].bytes, escapes[escape].size);
}

static void report_result(const struct statistics *stats, const char *what,
			  const char *mode)
{
	tap_result(!stats->failures && stats->cases,
		   "%s, %s: %lu strings, %lu valid, %lu of them named, %lu differ",
		   what, mode, stats->cases, stats->valid, stats->named, stats->failures);
}

static void test_random(struct random *r, unsigned int mode, unsigned long rounds)
{
	struct statistics stats = { 0 };
	struct reference ref;
	u8 bytes[16] = { 0 };

	make_reference(&ref, mode);
	while (rounds--) {
		make_bytes(r, bytes);
		check(&stats, &ref, mode, bytes, EMU_INSN_MAX);
	}
	report_result(&stats, "random strings", modes[mode].name);
}

/* Every prefix of an instruction is too short, and says so. */
static void test_truncated(struct random *r, unsigned long rounds)
{
	struct emu_insn insn, shorter;
	unsigned long failures = 0, done = 0;
	u8 bytes[16] = { 0 };

	while (rounds--) {
		enum emu_insn_mode mode = random_below(r, 3);
		int length, i;

		make_bytes(r, bytes);
		length = decode_insn(&insn, bytes, EMU_INSN_MAX, mode);
		if (length <= 0)
			continue;
		done++;
		for (i = 0; i < length; i++) {
			/* Exactly as many bytes as exist, for the sanitizer. */
			u8 *copy = malloc(i ? i : 1);

			memcpy(copy, bytes, i);
			failures += decode_insn(&shorter, copy, i, mode) !=
				    DECODE_MORE;
			free(copy);
		}
	}
	tap_result(!failures && done, "truncated instructions: %lu, %lu wrong", done,
		   failures);
}

/* Code that compilers made: the executable segments of a program of 64 bits. */
static void check_segment(struct statistics *stats, struct reference *ref,
			  const u8 *code, size_t size)
{
	size_t at = 0;

	while (at + EMU_INSN_MAX <= size) {
		struct emu_insn insn;
		int length;

		check(stats, ref, 2, code + at, EMU_INSN_MAX);
		length = decode_insn(&insn, code + at, EMU_INSN_MAX,
				     MODE_64);
		at += length > 0 ? length : 1;
	}
}

static void test_program(const char *path)
{
	struct statistics stats = { 0 };
	const Elf64_Phdr *segment;
	const Elf64_Ehdr *header;
	struct reference ref;
	struct stat st;
	unsigned int i;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st)) {
		tap_skip(path, "not installed");
		return;
	}
	header = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (header == MAP_FAILED || memcmp(header->e_ident, ELFMAG, SELFMAG)) {
		tap_skip(path, "not an ELF file");
		return;
	}
	make_reference(&ref, 2);
	segment = (const void *)((const u8 *)header + header->e_phoff);
	for (i = 0; i < header->e_phnum; i++) {
		if (segment[i].p_type == PT_LOAD && (segment[i].p_flags & PF_X))
			check_segment(&stats, &ref,
				      (const u8 *)header + segment[i].p_offset,
				      segment[i].p_filesz);
	}
	munmap((void *)header, st.st_size);
	report_result(&stats, path, "64-bit");
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;
	unsigned int i;

	tap_plan(ARRAY_SIZE(modes) + 3);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		test_random(&r, i, scaled(4000000));
	test_truncated(&r, scaled(100000));
	test_program("/lib/x86_64-linux-gnu/libc.so.6");
	test_program("/lib/x86_64-linux-gnu/libcrypto.so.3");
	return tap_exit();
}
