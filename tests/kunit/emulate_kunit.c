// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit: the decoder and the emulator as the kernel's compiler builds them. The
 * breadth of their tests is in the host tests, where they meet a disassembler
 * and the CPU; here it is that the same source gives the same answers with the
 * kernel's flags and headers.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "emulate/emulate.h"

static const struct {
	enum bellows_insn_mode mode;
	u8 bytes[15];
	u8 avail;
	int result;			/* length, or bellows_decode_error */
	u8 op;
} decoded[] = {
	{ BELLOWS_MODE_64, { 0x90 }, 1, 1, BELLOWS_OP_NOP },
	{ BELLOWS_MODE_64, { 0x0f, 0xa2 }, 2, 2, BELLOWS_OP_CPUID },
	{ BELLOWS_MODE_64, { 0xf4 }, 1, 1, BELLOWS_OP_HLT },
	{ BELLOWS_MODE_64, { 0x48, 0x89, 0x44, 0x24, 0x08 }, 5, 5, BELLOWS_OP_MOV },
	{ BELLOWS_MODE_64, { 0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0x08 }, 6, 6, BELLOWS_OP_LENGTH_ONLY },
	{ BELLOWS_MODE_64, { 0xf3, 0x48, 0xab }, 3, 3, BELLOWS_OP_STOS },
	{ BELLOWS_MODE_64, { 0xf0, 0x0f, 0xb1, 0x0f }, 4, 4, BELLOWS_OP_CMPXCHG },
	{ BELLOWS_MODE_32, { 0x60 }, 1, 1, BELLOWS_OP_PUSHA },
	{ BELLOWS_MODE_64, { 0x60 }, 1, BELLOWS_DECODE_INVALID },
	{ BELLOWS_MODE_64, { 0xf0, 0x90 }, 2, BELLOWS_DECODE_INVALID },	/* LOCK on a register */
	{ BELLOWS_MODE_16, { 0xb8, 0x34, 0x12 }, 3, 3, BELLOWS_OP_MOV },
	{ BELLOWS_MODE_32, { 0xb8, 0x34, 0x12 }, 3, BELLOWS_DECODE_MORE },
	{ BELLOWS_MODE_64, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			     0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66 }, 15, BELLOWS_DECODE_TOO_LONG },
};

static void instructions_have_their_lengths(struct kunit *test)
{
	struct bellows_insn insn;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(decoded); i++) {
		int r = bellows_decode(&insn, decoded[i].bytes, decoded[i].avail, decoded[i].mode);

		KUNIT_EXPECT_EQ_MSG(test, r, decoded[i].result, "case %zu", i);
		if (r > 0)
			KUNIT_EXPECT_EQ_MSG(test, insn.op, decoded[i].op, "case %zu", i);
	}
}

/* A flat memory of one page at linear address 0x1000, code at its start. */
struct memory_guest {
	struct bellows_emulator e;
	u8 page[PAGE_SIZE];
	u8 io[64];
	unsigned int device_reads;
};

static struct memory_guest *guest_of(struct bellows_emulator *e)
{
	return container_of(e, struct memory_guest, e);
}

static int guest_bytes(struct bellows_emulator *e, u64 linear, unsigned int len, u8 **bytes)
{
	if (linear < 0x1000 || linear + len > 0x1000 + PAGE_SIZE) {
		e->fault = (struct bellows_emu_fault) { X86_TRAP_PF, true, 0, linear };
		return BELLOWS_EMU_FAULT;
	}
	*bytes = guest_of(e)->page + (linear - 0x1000);
	return BELLOWS_EMU_CONTINUE;
}

static int fetch(struct bellows_emulator *e, u64 linear, void *buf, unsigned int len)
{
	u8 *bytes;
	int r = guest_bytes(e, linear, len, &bytes);

	if (r == BELLOWS_EMU_CONTINUE)
		memcpy(buf, bytes, len);
	return r;
}

static int probe(struct bellows_emulator *e, u64 linear, unsigned int len, unsigned int flags)
{
	u8 *bytes;

	/* Beyond the page there is a device. */
	return linear >= 0x8000 ? BELLOWS_EMU_EXIT : guest_bytes(e, linear, len, &bytes);
}

static int read(struct bellows_emulator *e, u64 linear, void *buf, unsigned int len, unsigned int flags)
{
	if (linear >= 0x8000) {
		guest_of(e)->device_reads++;
		return BELLOWS_EMU_EXIT;
	}
	return fetch(e, linear, buf, len);
}

static int write(struct bellows_emulator *e, u64 linear, const void *buf, unsigned int len,
		 unsigned int flags)
{
	u8 *bytes;
	int r;

	if (linear >= 0x8000)
		return BELLOWS_EMU_EXIT;
	r = guest_bytes(e, linear, len, &bytes);
	if (r == BELLOWS_EMU_CONTINUE)
		memcpy(bytes, buf, len);
	return r;
}

static const struct bellows_emulator_ops ops = {
	.fetch = fetch, .probe = probe, .read = read, .write = write,
};

static struct memory_guest *make_guest(struct kunit *test, const u8 *code, size_t len)
{
	struct memory_guest *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	memcpy(g->page, code, len);
	g->e.ops = &ops;
	g->e.io_buf = g->io;
	g->e.io_buf_size = sizeof(g->io);
	g->e.rip = 0x1000;
	g->e.rflags = X86_EFLAGS_FIXED;
	g->e.cr0 = X86_CR0_PE | X86_CR0_PG;
	g->e.cr4 = X86_CR4_PAE;
	g->e.efer = BIT(8) | BIT(10);	/* LME, LMA */
	for (i = 0; i < ARRAY_SIZE(g->e.seg); i++)
		g->e.seg[i] = (struct bellows_emu_segment) {
			.limit = ~0U,
			.attr = i == BELLOWS_CS ? 0xa09b : 0xc093,
		};
	return g;
}

static void memory_operands_and_flags(struct kunit *test)
{
	static const u8 code[] = { 0x48, 0x01, 0x0b };	/* add %rcx,(%rbx) */
	struct memory_guest *g = make_guest(test, code, sizeof(code));
	u64 *operand = (u64 *)(g->page + 0x100);

	*operand = ~0ULL;
	g->e.regs[BELLOWS_RBX] = 0x1100;
	g->e.regs[BELLOWS_RCX] = 1;
	KUNIT_ASSERT_EQ(test, bellows_emulate_one(&g->e), (int)BELLOWS_EMU_CONTINUE);
	KUNIT_EXPECT_EQ(test, *operand, 0ULL);
	KUNIT_EXPECT_EQ(test, g->e.rip, 0x1003ULL);
	KUNIT_EXPECT_EQ(test, g->e.rflags & (X86_EFLAGS_ZF | X86_EFLAGS_CF | X86_EFLAGS_SF),
			(u64)(X86_EFLAGS_ZF | X86_EFLAGS_CF));
}

static void a_fault_leaves_registers_alone(struct kunit *test)
{
	static const u8 code[] = { 0x48, 0x8b, 0x03 };	/* mov (%rbx),%rax */
	struct memory_guest *g = make_guest(test, code, sizeof(code));

	g->e.regs[BELLOWS_RAX] = 0x1234;
	g->e.regs[BELLOWS_RBX] = 0x5000;
	KUNIT_ASSERT_EQ(test, bellows_emulate_one(&g->e), (int)BELLOWS_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, g->e.fault.vector, (u8)X86_TRAP_PF);
	KUNIT_EXPECT_EQ(test, g->e.fault.address, 0x5000ULL);
	KUNIT_EXPECT_EQ(test, g->e.regs[BELLOWS_RAX], 0x1234ULL);
	KUNIT_EXPECT_EQ(test, g->e.rip, 0x1000ULL);
}

static void a_device_read_is_answered_once(struct kunit *test)
{
	static const u8 code[] = { 0x8b, 0x03 };	/* mov (%rbx),%eax */
	struct memory_guest *g = make_guest(test, code, sizeof(code));
	u32 answer = 0xcafe;

	g->e.regs[BELLOWS_RBX] = 0x8000;
	KUNIT_ASSERT_EQ(test, bellows_emulate_one(&g->e), (int)BELLOWS_EMU_EXIT);
	KUNIT_EXPECT_EQ(test, g->e.pending.size, (u8)4);
	bellows_emulator_complete(&g->e, &answer);
	KUNIT_ASSERT_EQ(test, bellows_emulate_one(&g->e), (int)BELLOWS_EMU_CONTINUE);
	KUNIT_EXPECT_EQ(test, g->e.regs[BELLOWS_RAX], 0xcafeULL);
	KUNIT_EXPECT_EQ(test, g->device_reads, 1U);
	KUNIT_EXPECT_FALSE(test, bellows_emulator_busy(&g->e));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(instructions_have_their_lengths),
	KUNIT_CASE(memory_operands_and_flags),
	KUNIT_CASE(a_fault_leaves_registers_alone),
	KUNIT_CASE(a_device_read_is_answered_once),
	{}
};

static struct kunit_suite suite = {
	.name = "bellows_emulate",
	.test_cases = cases,
};
kunit_test_suites(&suite);
