// SPDX-License-Identifier: GPL-2.0
/*
 * What the native test can't show: code of the kernel's privilege, real and
 * virtual-8086 mode, features and vendors, single steps, fetches, and the protocol
 * between the emulator and its owner. One function per rule.
 */
#include <string.h>

#include "emulate/emu.h"
#include "model.h"
#include "tap.h"

#define CODE	(MODEL_BASE + MODEL_PAGE)
#define DATA	(MODEL_BASE + 4 * MODEL_PAGE)
#define DATA2	(MODEL_BASE + 8 * MODEL_PAGE)
#define VECTOR_PF	14

enum state { REAL, VM86, PROTECTED, LONG };

static struct model m;
static const char *complaint;

#define expect(condition)						\
	do {								\
		if (!(condition) && !complaint)				\
			complaint = #condition;				\
	} while (0)

/* Flat segments based at the pages outside 64-bit mode; CPL 0. */
static void fresh(enum state state, const void *code, unsigned int size)
{
	u32 attr = SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_ACCESSED |
		   SEG_ATTR_WRITABLE;
	unsigned int i;

	model_init(&m);
	m.e.cr4 = CR4_OSFXSR;
	m.e.features = 0xffff;
	m.e.rflags = EFL_FIXED;
	for (i = 0; i < NR_SEGS; i++)
		m.e.seg[i] = (struct emu_segment) {
			.base = state == LONG ? 0 : MODEL_BASE,
			.limit = state == REAL || state == VM86 ? 0xffff : U32_MAX,
			.attr = attr | (state == PROTECTED ? SEG_ATTR_DB : 0),
		};
	m.e.seg[SEG_CS].attr |= SEG_ATTR_CODE;
	if (state != REAL)
		m.e.cr0 = CR0_PE;
	if (state == VM86) {
		m.e.rflags |= EFL_VM;
		m.e.cpl = 3;
	}
	if (state == LONG) {
		m.e.efer = EFER_LMA;
		m.e.seg[SEG_CS].attr |= SEG_ATTR_L;
	}
	m.e.rip = state == LONG ? CODE : MODEL_PAGE;
	m.e.regs[GPR_RSP] = state == LONG ? DATA + 0x800 : 4 * MODEL_PAGE + 0x800;
	memset(m.memory + MODEL_PAGE, 0xcc, 2 * MODEL_PAGE);
	memcpy(m.memory + MODEL_PAGE, code, size);
}

#define FRESH(state, ...)						\
	fresh(state, (const u8[]) { __VA_ARGS__ },			\
	      sizeof((const u8[]) { __VA_ARGS__ }))

static int one(void)
{
	return emulate_one(&m.e);
}

static bool faults(u8 vector)
{
	return one() == EMU_FAULT && m.e.fault.vector == vector;
}

static bool retires(void)
{
	return one() == EMU_CONTINUE && (m.e.events & EMU_RETIRED);
}

static void real_mode_has_no_error_codes(void)
{
	FRESH(REAL, 0xa1, 0xff, 0xff);			/* mov ax, [0xffff] */
	expect(faults(VECTOR_GP) && !m.e.fault.has_error);
	FRESH(REAL, 0x36, 0xa1, 0xff, 0xff);
	expect(faults(VECTOR_SS) && !m.e.fault.has_error);
	FRESH(VM86, 0xa1, 0xff, 0xff);
	expect(faults(VECTOR_GP) && m.e.fault.has_error && m.e.fault.error == 0);
}

static void real_mode_has_no_vex(void)
{
	FRESH(REAL, 0xc4, 0xe2, 0x78, 0xf2, 0xc0);	/* andn */
	expect(faults(VECTOR_UD));
	FRESH(PROTECTED, 0xc4, 0xe2, 0x78, 0xf2, 0xc0);
	expect(retires());
	FRESH(REAL, 0x63, 0xc0);			/* arpl */
	expect(faults(VECTOR_UD));
	FRESH(VM86, 0x63, 0xc0);
	expect(faults(VECTOR_UD));
}

static void real_mode_stack_wraps(void)
{
	FRESH(REAL, 0x50);				/* push ax */
	m.e.regs[GPR_RSP] = 0x12340000;
	expect(faults(VECTOR_PF) && m.e.fault.address == MODEL_BASE + 0xfffe);
	expect(m.e.regs[GPR_RSP] == 0x12340000);
}

static u64 popf_result(enum state state, u8 cpl, u64 before, u64 value)
{
	FRESH(state, 0x9d);
	m.e.cpl = cpl;
	m.e.rflags |= before;
	memcpy(m.memory + 4 * MODEL_PAGE + 0x800, &value, 8);
	if (!retires())
		return 0;
	return m.e.rflags & ~EFL_FIXED;
}

static void popf_obeys_privilege(void)
{
	u64 all = EFL_IF | EFL_IOPL | EFL_NT | EFL_CF;

	expect(popf_result(LONG, 0, 0, all) == all);
	expect(popf_result(LONG, 3, 0, all) == (EFL_NT | EFL_CF));
	expect(popf_result(LONG, 3, EFL_IOPL, EFL_IF) == (EFL_IF | EFL_IOPL));
	expect(popf_result(LONG, 3, EFL_IOPL | EFL_IF, 0) == EFL_IOPL);
	expect(popf_result(REAL, 0, 0, all) == all);
	expect(popf_result(VM86, 3, EFL_IOPL, EFL_IF) == (EFL_IF | EFL_IOPL | EFL_VM));
	expect(popf_result(LONG, 0, 0, EFL_VM | EFL_RF | EFL_VIF) == 0);
}

static void vm86_flags_need_iopl(void)
{
	FRESH(VM86, 0x9c);				/* pushf */
	expect(faults(VECTOR_GP));
	FRESH(VM86, 0x9c);
	m.e.cr4 |= CR4_VME;
	expect(one() == EMU_UNHANDLEABLE);
	FRESH(VM86, 0x9c);
	m.e.rflags |= EFL_IOPL;
	expect(retires());
}

static void vm86_code_has_16_bits(void)
{
	FRESH(VM86, 0xb8, 1, 2, 3, 4);			/* mov ax, 0x201 */
	m.e.seg[SEG_CS].attr |= SEG_ATTR_DB;
	expect(retires() && m.e.insn.length == 3);
	FRESH(REAL, 0xb8, 1, 2, 3, 4);
	m.e.seg[SEG_CS].attr |= SEG_ATTR_DB;
	expect(retires() && m.e.insn.length == 5);
}

static void sti_and_cli(void)
{
	FRESH(LONG, 0xfb);
	expect(retires() && (m.e.events & EMU_STI_SHADOW));
	expect(m.e.rflags & EFL_IF);
	FRESH(LONG, 0xfb);
	m.e.rflags |= EFL_IF;
	expect(retires() && !(m.e.events & EMU_STI_SHADOW));
	FRESH(LONG, 0xfa);
	m.e.cpl = 3;
	expect(faults(VECTOR_GP));
	FRESH(LONG, 0xfa);
	m.e.cpl = 3;
	m.e.rflags |= EFL_IOPL | EFL_IF;
	expect(retires() && !(m.e.rflags & EFL_IF));
}

static void sse_obeys_control_registers(void)
{
	static const u8 movups[] = { 0x0f, 0x10, 0xc1 };

	fresh(LONG, movups, sizeof(movups));
	expect(retires());
	fresh(LONG, movups, sizeof(movups));
	m.e.cr0 |= CR0_TS;
	expect(faults(VECTOR_NM));
	fresh(LONG, movups, sizeof(movups));
	m.e.cr0 |= CR0_TS | CR0_EM;
	expect(faults(VECTOR_UD));
	fresh(LONG, movups, sizeof(movups));
	m.e.cr4 = 0;
	expect(faults(VECTOR_UD));
}

static void five_levels_widen_addresses(void)
{
	FRESH(LONG, 0x8b, 0x03);			/* mov eax, [rbx] */
	m.e.regs[GPR_RBX] = 0x0000800000000000;
	expect(faults(VECTOR_GP));
	FRESH(LONG, 0x8b, 0x03);
	m.e.regs[GPR_RBX] = 0x0000800000000000;
	m.e.cr4 |= CR4_LA57;
	expect(faults(VECTOR_PF) && m.e.fault.address == 0x0000800000000000);
}

static void missing_features(void)
{
	FRESH(LONG, 0xf3, 0x0f, 0xbd, 0xc3);		/* lzcnt eax, ebx; or bsr */
	m.e.regs[GPR_RBX] = 1;
	expect(retires() && m.e.regs[GPR_RAX] == 31);
	FRESH(LONG, 0xf3, 0x0f, 0xbd, 0xc3);
	m.e.regs[GPR_RBX] = 1;
	m.e.features = 0;
	expect(retires() && m.e.regs[GPR_RAX] == 0);
	FRESH(LONG, 0x0f, 0x38, 0xf0, 0x03);		/* movbe eax, [rbx] */
	m.e.features = 0;
	expect(faults(VECTOR_UD));
	FRESH(LONG, 0x48, 0x0f, 0xc7, 0x0b);		/* cmpxchg16b [rbx] */
	m.e.features = 0;
	expect(faults(VECTOR_UD));
}

static void vendor_chooses_what_movsxd_reads(void)
{
	struct emu_move move;

	FRESH(LONG, 0x66, 0x63, 0x03);			/* movsxd ax, [rbx] */
	m.e.regs[GPR_RBX] = MODEL_BASE + 7 * MODEL_PAGE - 2;
	expect(faults(VECTOR_PF) && m.e.fault.address == MODEL_BASE + 7 * MODEL_PAGE);
	expect(!emu_insn_is_move(&m.e.insn, &move));
	emu_set_amd(&m.e, false);
	m.memory[7 * MODEL_PAGE - 2] = 0x34;
	m.memory[7 * MODEL_PAGE - 1] = 0x92;
	m.e.regs[GPR_RAX] = 0x1122334455667788;
	expect(retires() && m.e.regs[GPR_RAX] == 0x1122334455669234);
	FRESH(LONG, 0x48, 0x63, 0x03);			/* movsxd rax, [rbx] */
	emu_set_amd(&m.e, false);
	m.e.regs[GPR_RBX] = MODEL_BASE + 7 * MODEL_PAGE - 2;
	expect(faults(VECTOR_PF) && emu_insn_is_move(&m.e.insn, &move) && move.size == 4);
}

/* At CPL 3, with alignment checked. */
static void unaligned(bool amd, u64 address)
{
	m.e.cr0 |= CR0_AM;
	m.e.cpl = 3;
	m.e.rflags |= EFL_AC;
	m.e.regs[GPR_RBX] = address;
	emu_set_amd(&m.e, amd);
}

static void vendor_chooses_ac_of_sse_moves(void)
{
	FRESH(LONG, 0x0f, 0x10, 0x03);			/* movups xmm0, [rbx] */
	unaligned(true, DATA + 8);
	expect(faults(VECTOR_AC));
	emu_set_amd(&m.e, false);
	expect(retires());
	FRESH(LONG, 0x0f, 0x11, 0x03);			/* movups [rbx], xmm0 */
	unaligned(true, DATA + 1);
	expect(faults(VECTOR_AC));
	emu_set_amd(&m.e, false);
	expect(retires());
	FRESH(LONG, 0x0f, 0x28, 0x03);			/* movaps xmm0, [rbx] */
	unaligned(false, DATA + 8);
	expect(faults(VECTOR_GP));
	FRESH(LONG, 0xf3, 0x0f, 0x7e, 0x03);		/* movq xmm0, [rbx] */
	unaligned(false, DATA + 4);
	expect(faults(VECTOR_AC));
}

static void steps_are_reported(void)
{
	FRESH(LONG, 0x90);
	m.e.rflags |= EFL_TF;
	expect(retires() && (m.e.events & EMU_STEP));
	FRESH(LONG, 0xf3, 0xac);			/* rep lodsb */
	m.e.rflags |= EFL_TF;
	m.e.regs[GPR_RCX] = 3;
	m.e.regs[GPR_RSI] = DATA;
	expect(one() == EMU_CONTINUE && m.e.events == EMU_STEP);
	expect(m.e.regs[GPR_RCX] == 2 && m.e.rip == CODE);
	expect(one() == EMU_CONTINUE && m.e.regs[GPR_RCX] == 1);
	expect(retires() && m.e.rip == CODE + 2);
}

static void repetition_is_bounded(void)
{
	unsigned int calls = 0;

	FRESH(LONG, 0xf3, 0xac);
	m.e.regs[GPR_RCX] = 2000;
	m.e.regs[GPR_RSI] = DATA;
	while (one() == EMU_CONTINUE && !(m.e.events & EMU_RETIRED)) {
		expect(m.e.rip == CODE && m.e.regs[GPR_RCX] < 2000);
		if (++calls > 100)
			break;
	}
	expect(calls > 1 && calls < 100);
	expect(m.e.regs[GPR_RCX] == 0 && m.e.regs[GPR_RSI] == DATA + 2000);
}

static void fetch_stops_at_the_end(void)
{
	FRESH(LONG, 0);
	m.memory[3 * MODEL_PAGE - 1] = 0x90;
	m.e.rip = MODEL_BASE + 3 * MODEL_PAGE - 1;
	expect(retires() && m.calls == 1);
	FRESH(LONG, 0);
	m.memory[3 * MODEL_PAGE - 1] = 0x89;
	m.e.rip = MODEL_BASE + 3 * MODEL_PAGE - 1;
	expect(faults(VECTOR_PF) && m.e.fault.address == MODEL_BASE + 3 * MODEL_PAGE);
	FRESH(PROTECTED, 0x90, 0x89, 0xc0);
	m.e.seg[SEG_CS].limit = MODEL_PAGE + 1;
	expect(retires());
	expect(faults(VECTOR_GP));
}

static void known_bytes_are_not_fetched(void)
{
	FRESH(LONG, 0xcc);
	m.e.bytes[0] = 0x40;
	m.e.bytes[1] = 0x90;
	m.e.nr_bytes = 2;
	expect(retires() && m.calls == 0 && m.e.rip == CODE + 2);
	expect(m.e.nr_bytes == 0);
}

static void decode_and_skip(void)
{
	FRESH(LONG, 0x0f, 0xa2);			/* cpuid */
	m.e.rflags |= EFL_RF;
	expect(emu_decode(&m.e) == EMU_CONTINUE);
	expect(m.e.insn.op == OP_CPUID && m.e.insn.length == 2);
	emu_skip(&m.e);
	expect(m.e.rip == CODE + 2 && !(m.e.rflags & EFL_RF));
	FRESH(LONG, 0x0f, 0x04);
	expect(emu_decode(&m.e) == EMU_FAULT);
	expect(m.e.fault.vector == VECTOR_UD && m.e.insn.length == 0);
}

static void refused_with_length(void)
{
	FRESH(LONG, 0xd8, 0x03);			/* fadd dword [rbx] */
	expect(one() == EMU_UNHANDLEABLE && m.e.insn.length == 2);
	FRESH(LONG, 0x66, 0xe8, 0, 0, 0, 0);		/* call, vendors differ */
	expect(one() == EMU_UNHANDLEABLE && m.e.insn.op == OP_CALL);
	FRESH(LONG, 0xf4);
	expect(one() == EMU_UNHANDLEABLE && m.e.insn.op == OP_HLT);
	expect(m.e.rip == CODE);
}

static void address_of_an_operand(void)
{
	FRESH(LONG, 0x64, 0x0f, 0x01, 0x7c, 0x8b, 0x10);	/* invlpg fs:[rbx+4*rcx+16] */
	m.e.regs[GPR_RBX] = 0x1000;
	m.e.regs[GPR_RCX] = 2;
	m.e.seg[SEG_FS].base = 0x500000;
	expect(emu_decode(&m.e) == EMU_CONTINUE);
	expect(m.e.insn.op == OP_INVLPG);
	expect(emu_address(&m.e) == 0x501018);
}

/* Somebody else changes the word between the read and the exchange. */
static void lost_exchange_starts_again(void)
{
	u32 value = 5;

	FRESH(LONG, 0xf0, 0x83, 0x03, 0x01);		/* lock add dword [rbx], 1 */
	m.e.regs[GPR_RBX] = DATA;
	memcpy(m.memory + 4 * MODEL_PAGE, &value, 4);
	m.fail_at = 3;
	m.fail_with = EMU_RETRY;
	expect(one() == EMU_RETRY && m.e.rip == CODE);
	value = 41;
	memcpy(m.memory + 4 * MODEL_PAGE, &value, 4);
	expect(retires());
	memcpy(&value, m.memory + 4 * MODEL_PAGE, 4);
	expect(value == 42);
}

static bool waits_for(u8 kind, u64 address, unsigned int size)
{
	return m.e.pending.kind == kind && m.e.pending.address == address &&
	       m.e.pending.size == size && emu_busy(&m.e);
}

/* movs from one device page to another */
static void begin_movs(void)
{
	FRESH(LONG, 0xa5);
	m.kind[4] = MODEL_MMIO;
	m.kind[8] = MODEL_MMIO;
	m.e.regs[GPR_RSI] = DATA + 0x10;
	m.e.regs[GPR_RDI] = DATA2 + 0x20;
}

static void device_to_device(void)
{
	u32 value = 0x12345678, got;

	begin_movs();
	expect(one() == EMU_EXIT && waits_for(EMU_READ, DATA + 0x10, 4));
	emu_complete(&m.e, &value);
	expect(one() == EMU_EXIT && waits_for(EMU_WRITE, DATA2 + 0x20, 4));
	memcpy(&got, m.e.pending.data, 4);
	expect(got == value && m.e.regs[GPR_RSI] == DATA + 0x10);
	emu_complete(&m.e, NULL);
	expect(retires() && !emu_busy(&m.e));
	expect(m.e.regs[GPR_RSI] == DATA + 0x14 && m.e.regs[GPR_RDI] == DATA2 + 0x24);
}

static void unanswered_exit_is_repeated(void)
{
	begin_movs();
	expect(one() == EMU_EXIT);
	expect(one() == EMU_EXIT && waits_for(EMU_READ, DATA + 0x10, 4));
}

static void replaced_state_starts_afresh(void)
{
	u32 value = 1;

	begin_movs();
	expect(one() == EMU_EXIT);
	emu_complete(&m.e, &value);
	emu_reset(&m.e);
	expect(one() == EMU_EXIT && waits_for(EMU_READ, DATA + 0x10, 4));
	emu_complete(&m.e, &value);
	m.e.rip++;
	m.memory[MODEL_PAGE + 1] = 0x90;
	m.e.nr_bytes = 0;
	expect(retires() && m.e.insn.op == OP_NOP);
	/* Other registers: the log does not fit, and is dropped. */
	begin_movs();
	expect(one() == EMU_EXIT);
	emu_complete(&m.e, &value);
	m.e.regs[GPR_RSI]++;
	expect(one() == EMU_RETRY && !emu_busy(&m.e));
}

/* The same RIP in another code segment is another instruction. */
static void other_segment_starts_afresh(void)
{
	u32 value = 1;

	begin_movs();
	expect(one() == EMU_EXIT);
	emu_complete(&m.e, &value);
	m.e.seg[SEG_CS].base += 0x1000;
	expect(one() == EMU_EXIT && waits_for(EMU_READ, DATA + 0x10, 4));
}

static void sixteen_bytes_in_pieces(void)
{
	static const u8 data[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

	FRESH(LONG, 0x0f, 0x10, 0x0b);			/* movups xmm1, [rbx] */
	m.kind[4] = MODEL_MMIO;
	m.device_width = 8;
	m.e.regs[GPR_RBX] = DATA;
	expect(one() == EMU_EXIT && waits_for(EMU_READ, DATA, 8));
	emu_complete(&m.e, data);
	expect(one() == EMU_EXIT && waits_for(EMU_READ, DATA + 8, 8));
	emu_complete(&m.e, data + 8);
	expect(retires() && !memcmp(m.xmm[1], data, 16));
}

static void crossing_into_a_device(void)
{
	u32 half = 0xaabb;

	FRESH(LONG, 0x8b, 0x03);			/* mov eax, [rbx] */
	m.kind[5] = MODEL_MMIO;
	m.e.regs[GPR_RBX] = DATA + MODEL_PAGE - 2;
	m.memory[5 * MODEL_PAGE - 2] = 0x11;
	m.memory[5 * MODEL_PAGE - 1] = 0x22;
	expect(one() == EMU_EXIT);
	expect(waits_for(EMU_READ, DATA + MODEL_PAGE, 2));
	/* Memory that was read before the exit is not read again. */
	m.memory[5 * MODEL_PAGE - 2] = 0x99;
	emu_complete(&m.e, &half);
	expect(retires() && m.e.regs[GPR_RAX] == 0xaabb2211);
}

static void string_output_in_one_exit(void)
{
	FRESH(LONG, 0xf3, 0x6f);			/* rep outsd */
	m.ports_exit = true;
	m.e.regs[GPR_RSI] = DATA + 0x100;
	m.e.regs[GPR_RCX] = 100;
	m.e.regs[GPR_RDX] = 0x1234;
	memset(m.memory + 4 * MODEL_PAGE + 0x100, 0x5a, 400);
	expect(one() == EMU_EXIT && waits_for(EMU_OUT, 0x1234, 4));
	expect(m.e.pending.count == 100 && m.io_buf[399] == 0x5a && m.io_buf[400] == 0);
	emu_complete(&m.e, m.io_buf);
	expect(retires() && m.e.regs[GPR_RCX] == 0);
	expect(m.e.regs[GPR_RSI] == DATA + 0x100 + 400);
}

static void fault_before_the_port(void)
{
	FRESH(LONG, 0x6d);				/* insd to a read-only page */
	m.e.regs[GPR_RDI] = MODEL_BASE + 6 * MODEL_PAGE;
	expect(faults(VECTOR_PF) && m.port_accesses == 0);
}

/* [rbx] and [rcx] are nowhere: what is wrong with the instruction itself comes first. */
static bool faults_first(u8 vector)
{
	m.e.regs[GPR_RBX] = MODEL_BASE;
	m.e.regs[GPR_RCX] = 0x8000000000000000;
	return faults(vector) && (vector != VECTOR_GP || m.e.fault.error == 0);
}

static void decoding_faults_before_operands(void)
{
	FRESH(LONG, 0x8b, 0x03);			/* mov eax, [rbx] */
	expect(faults_first(VECTOR_PF) && m.e.fault.address == MODEL_BASE);
	FRESH(LONG, 0xf0, 0x8b, 0x03);			/* with LOCK */
	expect(faults_first(VECTOR_UD));
	FRESH(LONG, 0xf0, 0x39, 0x03);			/* lock cmp [rbx], eax */
	expect(faults_first(VECTOR_UD));
	FRESH(LONG, 0xf0, 0x01, 0xc3);			/* lock add ebx, eax */
	expect(faults_first(VECTOR_UD));
	FRESH(LONG, 0xf0, 0x01, 0x01);			/* lock add [rcx], eax */
	expect(faults_first(VECTOR_GP));
	FRESH(LONG, 0x8d, 0xc3);			/* lea with a register */
	expect(faults_first(VECTOR_UD));
	FRESH(LONG, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	      0x66, 0x66, 0x66, 0x66, 0x8b, 0x03);	/* 16 bytes */
	expect(faults_first(VECTOR_GP));
	FRESH(LONG, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	      0x66, 0x66, 0x66, 0x8b, 0x03);		/* 15 bytes */
	expect(faults_first(VECTOR_PF) && m.e.fault.address == MODEL_BASE);
	FRESH(LONG, 0x0f, 0x38, 0xf0, 0x03);		/* movbe eax, [rbx] */
	m.e.features = 0;
	expect(faults_first(VECTOR_UD));
}

static void fetch_faults_before_operands(void)
{
	u8 *end = m.memory + 3 * MODEL_PAGE;

	/* The displacement is on a page that is not there, as is what it would point to. */
	FRESH(LONG, 0);
	end[-2] = 0x8b;
	end[-1] = 0x43;					/* mov eax, [rbx + ...] */
	m.e.rip = MODEL_BASE + 3 * MODEL_PAGE - 2;
	expect(faults_first(VECTOR_PF) && m.e.fault.address == MODEL_BASE + 3 * MODEL_PAGE);
	/* Fifteen bytes are enough to know that it is too long. */
	FRESH(LONG, 0);
	memset(end - 15, 0x66, 15);
	m.e.rip = MODEL_BASE + 3 * MODEL_PAGE - 15;
	expect(faults_first(VECTOR_GP));
	/* A limit that the instruction crosses, and an operand beyond another. */
	FRESH(PROTECTED, 0x8b, 0x03);
	m.e.seg[SEG_CS].limit = MODEL_PAGE;
	m.e.seg[SEG_DS].limit = 0;
	m.e.regs[GPR_RBX] = 16;
	expect(faults(VECTOR_GP));
	m.e.seg[SEG_CS].limit = U32_MAX;
	m.e.seg[SEG_DS].limit = U32_MAX;
	m.e.regs[GPR_RBX] = 0;
	expect(faults(VECTOR_PF) && m.e.fault.address == MODEL_BASE);
}

/* A read is refused where CLFLUSH, which reveals nothing, is not; limits hold for both. */
static void unreadable_code_may_be_flushed(void)
{
	FRESH(PROTECTED, 0x2e, 0x8a, 0x07);		/* mov al, cs:[edi] */
	m.e.regs[GPR_RDI] = 4 * MODEL_PAGE;
	m.e.seg[SEG_CS].attr &= ~SEG_ATTR_WRITABLE;
	expect(faults(VECTOR_GP));
	FRESH(PROTECTED, 0x2e, 0x0f, 0xae, 0x3f);	/* clflush cs:[edi] */
	m.e.regs[GPR_RDI] = 4 * MODEL_PAGE;
	m.e.seg[SEG_CS].attr &= ~SEG_ATTR_WRITABLE;
	expect(retires());
	m.e.rip = MODEL_PAGE;
	m.e.regs[GPR_RDI] = 5 * MODEL_PAGE;
	m.e.seg[SEG_CS].limit = 5 * MODEL_PAGE - 1;
	expect(faults(VECTOR_GP));
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
#define TEST(name) { #name, name }
	TEST(real_mode_has_no_error_codes),
	TEST(real_mode_has_no_vex),
	TEST(real_mode_stack_wraps),
	TEST(popf_obeys_privilege),
	TEST(vm86_flags_need_iopl),
	TEST(vm86_code_has_16_bits),
	TEST(sti_and_cli),
	TEST(sse_obeys_control_registers),
	TEST(five_levels_widen_addresses),
	TEST(missing_features),
	TEST(vendor_chooses_what_movsxd_reads),
	TEST(vendor_chooses_ac_of_sse_moves),
	TEST(steps_are_reported),
	TEST(repetition_is_bounded),
	TEST(fetch_stops_at_the_end),
	TEST(known_bytes_are_not_fetched),
	TEST(decode_and_skip),
	TEST(refused_with_length),
	TEST(address_of_an_operand),
	TEST(lost_exchange_starts_again),
	TEST(device_to_device),
	TEST(unanswered_exit_is_repeated),
	TEST(replaced_state_starts_afresh),
	TEST(other_segment_starts_afresh),
	TEST(sixteen_bytes_in_pieces),
	TEST(crossing_into_a_device),
	TEST(string_output_in_one_exit),
	TEST(fault_before_the_port),
	TEST(decoding_faults_before_operands),
	TEST(fetch_faults_before_operands),
	TEST(unreadable_code_may_be_flushed),
};

int main(void)
{
	unsigned int i;

	tap_plan(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		complaint = NULL;
		tests[i].run();
		if (complaint)
			tap_note("expected %s", complaint);
		tap_result(!complaint, "%s", tests[i].name);
	}
	return tap_exit();
}
