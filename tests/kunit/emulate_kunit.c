// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit: the decoder and the emulator as the kernel's compiler made them. The
 * host tests go into depth; this shows that the same sources give the same here.
 */
#include <kunit/test.h>
#include "emulate/decode.h"
#include "emulate/emulate.h"

static const struct {
	u8 bytes[15];
	u8 mode, length, op;
} encodings[] = {
	{ { 0x90 }, MODE_64, 1, OP_NOP },
	{ { 0x0f, 0xa2 }, MODE_16, 2, OP_CPUID },
	{ { 0x66, 0xb8, 1, 2, 3, 4 }, MODE_16, 6, OP_MOV },
	{ { 0x66, 0xb8, 1, 2 }, MODE_32, 4, OP_MOV },
	{ { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 }, MODE_64, 10, OP_MOV },
	{ { 0xf0, 0x48, 0x0f, 0xb1, 0x0d, 0, 0, 0, 0 }, MODE_64, 9, OP_CMPXCHG },
	{ { 0xf3, 0x6c }, MODE_64, 2, OP_INS },
	{ { 0x0f, 0x01, 0xd9 }, MODE_64, 3, OP_VMMCALL },
	{ { 0x44, 0x0f, 0x20, 0xc0 }, MODE_64, 4, OP_MOV_FROM_CR },
	{ { 0xc4, 0xe2, 0x78, 0xf2, 0xc0 }, MODE_64, 5, OP_ANDN },
	{ { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00 }, MODE_64, 6, OP_LENGTH_ONLY },
	{ { 0xc5, 0xf8, 0x77 }, MODE_64, 3, OP_LENGTH_ONLY },
};

static void instructions_are_decoded(struct kunit *test)
{
	static const u8 locked_mov[15] = { 0xf0, 0x89, 0x00 };
	static const u8 endless[15] = { [0 ... 14] = 0x66 };
	struct emu_insn insn;
	size_t i;
	u8 n;

	for (i = 0; i < ARRAY_SIZE(encodings); i++) {
		KUNIT_EXPECT_EQ(test, encodings[i].length,
				decode_insn(&insn, encodings[i].bytes, 15,
					    encodings[i].mode));
		KUNIT_EXPECT_EQ(test, encodings[i].op, insn.op);
		for (n = 0; n < encodings[i].length; n++)
			KUNIT_EXPECT_EQ(test, DECODE_MORE,
					decode_insn(&insn, encodings[i].bytes, n,
						    encodings[i].mode));
	}
	KUNIT_EXPECT_EQ(test, DECODE_INVALID,
			decode_insn(&insn, locked_mov, 15, MODE_64));
	KUNIT_EXPECT_EQ(test, DECODE_TOO_LONG,
			decode_insn(&insn, endless, 15, MODE_64));
}

/* One page of memory at 0; the page behind it is a device. */
#define DEVICE	0x1000ULL

struct machine {
	struct emulator e;
	u8 memory[0x1000];
	u8 io_buf[64];
};

static u8 *at(struct emulator *e, u64 linear)
{
	return container_of(e, struct machine, e)->memory + linear;
}

static int machine_fetch(struct emulator *e, u64 linear, void *buf, unsigned int len)
{
	memcpy(buf, at(e, linear), len);
	return EMU_CONTINUE;
}

static int machine_probe(struct emulator *e, u64 linear, unsigned int len,
			 unsigned int flags)
{
	return linear < DEVICE ? EMU_CONTINUE : EMU_EXIT;
}

static int machine_read(struct emulator *e, u64 linear, void *buf, unsigned int len,
			unsigned int flags)
{
	if (linear >= DEVICE)
		return EMU_EXIT;
	memcpy(buf, at(e, linear), len);
	return EMU_CONTINUE;
}

static int machine_write(struct emulator *e, u64 linear, const void *buf,
			 unsigned int len, unsigned int flags)
{
	if (linear >= DEVICE)
		return EMU_EXIT;
	memcpy(at(e, linear), buf, len);
	return EMU_CONTINUE;
}

static const struct emulator_ops machine_ops = {
	.fetch = machine_fetch,
	.probe = machine_probe,
	.read = machine_read,
	.write = machine_write,
};

/* 64-bit mode, CPL 0, the code at 0x100. */
static struct machine *make_machine(struct kunit *test, const u8 *code, size_t size)
{
	struct machine *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->e.ops = &machine_ops;
	m->e.io_buf = m->io_buf;
	m->e.io_buf_size = sizeof(m->io_buf);
	m->e.cr0 = 1;
	m->e.efer = 0x400;
	m->e.rflags = 2;
	m->e.seg[SEG_CS].attr = SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_CODE |
				    SEG_ATTR_L;
	m->e.rip = 0x100;
	memcpy(m->memory + 0x100, code, size);
	return m;
}

static void device_write_takes_one_exit(struct kunit *test)
{
	static const u8 code[] = { 0x89, 0x03 };		/* mov [rbx], eax */
	struct machine *m = make_machine(test, code, sizeof(code));

	m->e.regs[GPR_RBX] = DEVICE + 8;
	KUNIT_EXPECT_EQ(test, (int)EMU_EXIT, emulate_one(&m->e));
	KUNIT_EXPECT_EQ(test, DEVICE + 8, m->e.pending.address);
	KUNIT_EXPECT_EQ(test, 4, m->e.pending.size);
	KUNIT_EXPECT_EQ(test, 0x100ULL, m->e.rip);
	emu_complete(&m->e, NULL);
	KUNIT_EXPECT_EQ(test, (int)EMU_CONTINUE, emulate_one(&m->e));
	KUNIT_EXPECT_EQ(test, 0x102ULL, m->e.rip);
	KUNIT_EXPECT_FALSE(test, emu_busy(&m->e));
}

static void device_update_takes_two_exits(struct kunit *test)
{
	static const u8 code[] = { 0x83, 0x03, 0xff };		/* add dword [rbx], -1 */
	struct machine *m = make_machine(test, code, sizeof(code));
	u32 one = 1;

	m->e.regs[GPR_RBX] = DEVICE;
	KUNIT_EXPECT_EQ(test, (int)EMU_EXIT, emulate_one(&m->e));
	KUNIT_EXPECT_EQ(test, (int)EMU_READ, (int)m->e.pending.kind);
	emu_complete(&m->e, &one);
	KUNIT_EXPECT_EQ(test, (int)EMU_EXIT, emulate_one(&m->e));
	KUNIT_EXPECT_EQ(test, (int)EMU_WRITE, (int)m->e.pending.kind);
	KUNIT_EXPECT_EQ(test, 2ULL, m->e.rflags);
	emu_complete(&m->e, NULL);
	KUNIT_EXPECT_EQ(test, (int)EMU_CONTINUE, emulate_one(&m->e));
	/* CF, AF, ZF and PF of 1 + -1 */
	KUNIT_EXPECT_EQ(test, 0x57ULL, m->e.rflags);
}

static void wide_arithmetic_is_right(struct kunit *test)
{
	static const u8 mul[] = { 0x48, 0xf7, 0xe3 }, div[] = { 0x48, 0xf7, 0xf3 };
	struct machine *m = make_machine(test, mul, sizeof(mul));

	m->e.regs[GPR_RAX] = 0xfedcba9876543210ULL;
	m->e.regs[GPR_RBX] = 0x123456789abcdef1ULL;
	KUNIT_EXPECT_EQ(test, (int)EMU_CONTINUE, emulate_one(&m->e));
	KUNIT_EXPECT_EQ(test, 0x121fa00ad77d7423ULL, m->e.regs[GPR_RDX]);
	memcpy(m->memory + 0x103, div, sizeof(div));
	KUNIT_EXPECT_EQ(test, (int)EMU_CONTINUE, emulate_one(&m->e));
	KUNIT_EXPECT_EQ(test, 0xfedcba9876543210ULL, m->e.regs[GPR_RAX]);
	KUNIT_EXPECT_EQ(test, 0ULL, m->e.regs[GPR_RDX]);
}

static void faults_change_nothing(struct kunit *test)
{
	static const u8 code[] = { 0xf7, 0xf1 };		/* div ecx */
	struct machine *m = make_machine(test, code, sizeof(code));

	m->e.regs[GPR_RAX] = 7;
	KUNIT_EXPECT_EQ(test, (int)EMU_FAULT, emulate_one(&m->e));
	KUNIT_EXPECT_EQ(test, 0, m->e.fault.vector);
	KUNIT_EXPECT_EQ(test, 7ULL, m->e.regs[GPR_RAX]);
	KUNIT_EXPECT_EQ(test, 0x100ULL, m->e.rip);
}

static struct kunit_case emulate_cases[] = {
	KUNIT_CASE(instructions_are_decoded),
	KUNIT_CASE(device_write_takes_one_exit),
	KUNIT_CASE(device_update_takes_two_exits),
	KUNIT_CASE(wide_arithmetic_is_right),
	KUNIT_CASE(faults_change_nothing),
	{}
};

static struct kunit_suite emulate_suite = {
	.name = "bellows_emulate",
	.test_cases = emulate_cases,
};

kunit_test_suite(emulate_suite);
