// SPDX-License-Identifier: GPL-2.0
/* IN, OUT, INS and OUTS: widths, counts, directions, faults in the middle, permissions. */
#include "device.h"
#include "guest.h"

#define BUF	0x900000UL		/* in the guest, mapped one to one */
#define WINDOW	0x40000000UL		/* beyond that: the tests' own mappings */
#define PORT	0x1f0

static void out_widths(u64 arg)
{
	outb(0x10, 0x12);
	outw(0x1234, 0x3456);
	outl(0xffff, 0x789abcde);
	asm volatile("outb %%al, $0xfe" :: "a"(0x55));
	asm volatile("outw %%ax, $0x00" :: "a"(0x6666));
	asm volatile("outl %%eax, $0x7f" :: "a"(0x77777777));
}

static void expect_out(struct vcpu *vcpu, u16 port, u8 size, u32 value)
{
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.direction, KVM_EXIT_IO_OUT);
	EXPECT_EQ(vcpu->run->io.port, port);
	EXPECT_EQ(vcpu->run->io.size, size);
	EXPECT_EQ(vcpu->run->io.count, 1);
	EXPECT(!memcmp(port_data(vcpu), &value, size), "port 0x%x got 0x%x", port,
	       *(u32 *)port_data(vcpu));
}

CASE(out, "OUT of 1, 2 and 4 bytes, by DX and by immediate")
{
	struct vcpu *vcpu = long_guest(out_widths, 0);

	expect_out(vcpu, 0x10, 1, 0x12);
	expect_out(vcpu, 0x1234, 2, 0x3456);
	expect_out(vcpu, 0xffff, 4, 0x789abcde);
	expect_out(vcpu, 0xfe, 1, 0x55);
	expect_out(vcpu, 0x00, 2, 0x6666);
	expect_out(vcpu, 0x7f, 4, 0x77777777);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void in_widths(u64 arg)
{
	u64 rax = 0x1111111111111111;

	asm volatile("inb %%dx, %%al" : "+a"(rax) : "d"(PORT));
	GUEST_ASSERT_EQ(rax, 0x11111111111111c1);
	rax = 0x1111111111111111;
	asm volatile("inw %%dx, %%ax" : "+a"(rax) : "d"(PORT));
	GUEST_ASSERT_EQ(rax, 0x111111111111c2c1);
	rax = 0x1111111111111111;
	asm volatile("inl %%dx, %%eax" : "+a"(rax) : "d"(PORT));
	GUEST_ASSERT_EQ(rax, 0xc4c3c2c1);
	rax = 0x1111111111111111;
	asm volatile("inb $0x77, %%al" : "+a"(rax));
	GUEST_ASSERT_EQ(rax, 0x11111111111111c1);
}

CASE(in, "IN of 1, 2 and 4 bytes: small ones keep the rest of RAX, 4 bytes clear it")
{
	static const u8 sizes[] = { 1, 2, 4, 1 };
	struct vcpu *vcpu = long_guest(in_widths, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		EXPECT_EQ(vcpu->run->io.direction, KVM_EXIT_IO_IN);
		EXPECT_EQ(vcpu->run->io.port, i < 3 ? PORT : 0x77);
		EXPECT_EQ(vcpu->run->io.size, sizes[i]);
		memcpy(port_data(vcpu), "\xc1\xc2\xc3\xc4", sizes[i]);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* String instructions: rcx elements from or to rsi or rdi, both directions. */
struct string_io {
	u64 address, count;
	u32 size;
	bool in, down;
	u64 final_address, final_count;
} sio;

#define STRING_IO(insn, reg)						\
	asm volatile(insn : "+" reg(address), "+c"(count) : "d"(PORT) : "memory")

static void string_guest(u64 arg)
{
	u64 address = sio.address, count = sio.count;

	if (sio.down)
		asm volatile("std");
	if (sio.in) {
		if (sio.size == 1)
			STRING_IO("rep insb", "D");
		else if (sio.size == 2)
			STRING_IO("rep insw", "D");
		else
			STRING_IO("rep insl", "D");
	} else {
		if (sio.size == 1)
			STRING_IO("rep outsb", "S");
		else if (sio.size == 2)
			STRING_IO("rep outsw", "S");
		else
			STRING_IO("rep outsl", "S");
	}
	asm volatile("cld");
	sio.final_address = address;
	sio.final_count = count;
}

#define MAX_BYTES	20480

/* The elements in the order in which the port sees them. */
static void run_string(struct string_io s)
{
	static u8 port[MAX_BYTES], want[MAX_BYTES];
	struct vcpu *vcpu = long_guest(string_guest, 0);
	u32 bytes = s.count * s.size, done = 0;
	u8 *memory = vm_host(vcpu->vm, BUF);
	u64 state = 1, low;
	struct ucall uc;

	GUEST_VAR(vcpu->vm, sio) = s;
	low = s.down ? s.address - bytes + s.size - BUF : s.address - BUF;
	for (u32 i = 0; i < bytes; i++)
		port[i] = test_random(&state);
	for (u32 i = 0; i < s.count; i++) {
		u32 at = s.down ? (s.count - 1 - i) * s.size : i * s.size;

		memcpy(want + at, port + i * s.size, s.size);
	}
	memset(memory, 0xee, 3 * MAX_BYTES);
	if (!s.in)
		memcpy(memory + low, want, bytes);
	for (;;) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (vcpu_ucall(vcpu, &uc))
			break;
		struct kvm_run *run = vcpu->run;
		u32 n = run->io.count * run->io.size;

		ASSERT_EQ(run->io.port, PORT);
		ASSERT_EQ(run->io.size, s.size);
		ASSERT_EQ(run->io.direction, s.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT);
		ASSERT(n && n <= PAGE_SIZE && done + n <= bytes, "%u elements", run->io.count);
		if (s.in)
			memcpy(port_data(vcpu), port + done, n);
		else
			EXPECT(!memcmp(port_data(vcpu), port + done, n), "data at byte %u", done);
		done += n;
	}
	ASSERT_EQ(uc.cmd, UCALL_DONE);
	EXPECT_EQ(done, bytes);
	struct string_io *result = &GUEST_VAR(vcpu->vm, sio);

	EXPECT_EQ(result->final_count, 0);
	EXPECT_EQ(result->final_address, s.down ? s.address - bytes : s.address + bytes);
	if (s.in) {
		EXPECT(!memcmp(memory + low, want, bytes), "memory differs");
		EXPECT(low == 0 || memory[low - 1] == 0xee, "a byte before the buffer changed");
		EXPECT_EQ(memory[low + bytes], 0xee);
	}
	vm_free(vcpu->vm);
}

static void string_all_sizes(bool in, bool down, u64 count, u64 address)
{
	for (u32 size = 1; size <= 4; size *= 2)
		run_string((struct string_io){ .address = address, .count = count, .size = size,
					       .in = in, .down = down });
}

CASE(rep_outs, "REP OUTS moves all elements, in order")
{
	string_all_sizes(false, false, 100, BUF + 64);
}

CASE(rep_ins, "REP INS moves all elements, in order")
{
	string_all_sizes(true, false, 100, BUF + 64);
}

CASE(rep_outs_down, "REP OUTS with the direction flag set goes downwards")
{
	string_all_sizes(false, true, 100, BUF + 4096);
}

CASE(rep_ins_down, "REP INS with the direction flag set goes downwards")
{
	string_all_sizes(true, true, 100, BUF + 4096);
}

CASE(rep_outs_pages, "REP OUTS over several pages, elements across the boundaries")
{
	string_all_sizes(false, false, 5000, BUF + 4093);
}

CASE(rep_ins_pages, "REP INS over several pages, elements across the boundaries")
{
	string_all_sizes(true, false, 5000, BUF + 4093);
}

CASE(rep_pages_down, "the same downwards")
{
	string_all_sizes(false, true, 2000, BUF + 3 * 4096 - 3);
	string_all_sizes(true, true, 2000, BUF + 3 * 4096 - 3);
}

CASE(rep_zero, "REP with a count of 0 touches neither port nor memory")
{
	string_all_sizes(false, false, 0, BUF);
	string_all_sizes(true, false, 0, BUF);
}

CASE(rep_one, "REP with a count of 1")
{
	string_all_sizes(false, false, 1, BUF + 4095);
	string_all_sizes(true, false, 1, BUF + 4095);
}

static void single_string(u64 arg)
{
	u64 rsi = BUF, rdi = BUF + 16;

	asm volatile("outsb" : "+S"(rsi) : "d"(PORT) : "memory");
	GUEST_ASSERT_EQ(rsi, BUF + 1);
	asm volatile("insl" : "+D"(rdi) : "d"(PORT) : "memory");
	GUEST_ASSERT_EQ(rdi, BUF + 20);
	GUEST_ASSERT_EQ(*(volatile u32 *)(BUF + 16), 0xdeadbeef);
	rsi = 0x100000000 + BUF;
	asm volatile("addr32 outsb" : "+S"(rsi) : "d"(PORT) : "memory");
	GUEST_ASSERT_EQ(rsi, BUF + 1);
	wrmsr(MSR_FS_BASE, 0x1000);
	rsi = BUF - 0x1000;
	asm volatile("outsb %%fs:(%%rsi), %%dx" : "+S"(rsi) : "d"(PORT) : "memory");
	GUEST_ASSERT_EQ(rsi, BUF - 0x1000 + 1);
}

CASE(single, "INS and OUTS without REP, with 32-bit addresses and with a segment")
{
	struct vcpu *vcpu = long_guest(single_string, 0);

	*(u8 *)vm_host(vcpu->vm, BUF) = 0x5a;
	expect_out(vcpu, PORT, 1, 0x5a);
	vcpu_run_to(vcpu, KVM_EXIT_IO);
	EXPECT_EQ(vcpu->run->io.direction, KVM_EXIT_IO_IN);
	EXPECT_EQ(vcpu->run->io.count, 1);
	*(u32 *)port_data(vcpu) = 0xdeadbeef;
	expect_out(vcpu, PORT, 1, 0x5a);
	expect_out(vcpu, PORT, 1, 0x5a);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void fault_out(u64 arg)
{
	u64 rsi = WINDOW + 4096 - 8, rcx = 32, vector;

	vector = GUEST_TRY_OUT("rep outsb", ("+S"(rsi), "+c"(rcx)), "d"(PORT));
	GUEST_ASSERT_EQ(vector, VEC_PF);
	GUEST_ASSERT_EQ(guest_cpu()->error, 0);
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW + 4096);
	GUEST_ASSERT_EQ(rsi, WINDOW + 4096);
	GUEST_ASSERT_EQ(rcx, 24);
}

CASE(outs_fault, "REP OUTS that meets an absent page delivers what came before, then #PF there")
{
	struct vcpu *vcpu = long_guest(fault_out, 0);
	struct ucall uc;
	u32 bytes = 0;

	vm_map(vcpu->vm, WINDOW, BUF, PAGE_SIZE, PTE_W);
	for (;;) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (vcpu_ucall(vcpu, &uc))
			break;
		bytes += vcpu->run->io.count;
	}
	EXPECT_EQ(bytes, 8);
	EXPECT_EQ(uc.cmd, UCALL_DONE);
	vm_free(vcpu->vm);
}

static void fault_in(u64 arg)
{
	u64 rdi = WINDOW + 4096 - 8, rcx = 32, vector;

	vector = GUEST_TRY_OUT("rep insb", ("+D"(rdi), "+c"(rcx)), "d"(PORT));
	GUEST_ASSERT_EQ(vector, VEC_PF);
	GUEST_ASSERT_EQ(guest_cpu()->error, PFERR_W | (arg ? PFERR_P : 0));
	GUEST_ASSERT_EQ(guest_cpu()->cr2, WINDOW + 4096);
	GUEST_ASSERT_EQ(rdi, WINDOW + 4096);
	GUEST_ASSERT_EQ(rcx, 24);
	GUEST_ASSERT_EQ(*(volatile u64 *)(WINDOW + 4096 - 8), 0x0807060504030201);
}

static void run_fault_in(bool read_only)
{
	struct vcpu *vcpu = long_guest(fault_in, read_only);
	struct ucall uc;
	u32 bytes = 0;

	vm_map(vcpu->vm, WINDOW, BUF, PAGE_SIZE, PTE_W);
	if (read_only)
		vm_map(vcpu->vm, WINDOW + PAGE_SIZE, BUF + PAGE_SIZE, PAGE_SIZE, 0);
	for (;;) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		if (vcpu_ucall(vcpu, &uc))
			break;
		for (u32 i = 0; i < vcpu->run->io.count; i++)
			((u8 *)port_data(vcpu))[i] = ++bytes;
	}
	/*
	 * A port is read before its value can be stored: one element more may be
	 * lost. KVM reads on to the end of its buffer.
	 */
	EXPECT(bytes == 8 || bytes == 9 || test_is_kvm, "%u", bytes);
	EXPECT_EQ(uc.cmd, UCALL_DONE);
	vm_free(vcpu->vm);
}

CASE(ins_absent, "REP INS that meets an absent page stores what came before, then #PF there")
{
	run_fault_in(false);
}

CASE(ins_read_only, "REP INS that meets a read-only page stores what came before, then #PF there")
{
	run_fault_in(true);
}

static u64 user_ports(u64 port)
{
	asm volatile("outb %%al, %%dx" :: "a"(1), "d"(port));
	return 7;
}

static void user_io(u64 arg)
{
	/* guest_user() gives user mode IOPL 3: allowed */
	GUEST_ASSERT_EQ(guest_user(user_ports, PORT), 7);
}

CASE(user, "user mode with IOPL 3 reaches ports")
{
	struct vcpu *vcpu = long_guest(user_io, 0);

	expect_out(vcpu, PORT, 1, 1);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static u64 lower_iopl_and_out(u64 port)
{
	/* The only way to lower IOPL from ring 3 is to be put there without it. */
	asm volatile("outb %%al, %%dx" :: "a"(2), "d"(port));
	return 8;
}

/* Enters user mode with IOPL 0 by patching the frame on its way back from an interrupt. */
static void drop_iopl(struct guest_frame *f)
{
	f->rflags &= ~FLAG_IOPL3;
}

static u64 user_without_iopl(u64 port)
{
	asm volatile("int $0x80" ::: "memory");
	return lower_iopl_and_out(port);
}

static void bitmap_io(u64 arg)
{
	struct tss64 *tss = guest_tss();
	u8 *bitmap = (u8 *)tss + sizeof(*tss);

	guest_handlers[0x80] = drop_iopl;
	guest_gate(0x80)->type |= GATE_DPL3;
	/* No bitmap within the limit: everything is forbidden. */
	GUEST_ASSERT_EQ(guest_user(user_without_iopl, 0x10), ~0ULL);
	GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_GP);
	GUEST_ASSERT_EQ(guest_cpu()->error, 0);
	/* A bitmap that allows port 0x10 alone. */
	bitmap[0] = 0xff;
	bitmap[1] = 0xff;
	bitmap[2] = 0xfe;
	bitmap[3] = 0xff;
	u64 d = *(volatile u64 *)(GDT_BASE + SEL_TSS);

	guest_set_descriptor(SEL_TSS, ((d & ~0xffffULL) | (sizeof(*tss) + 3)) & ~(2ULL << 40));
	asm volatile("ltr %w0" :: "r"(SEL_TSS));
	GUEST_ASSERT_EQ(guest_user(user_without_iopl, 0x10), 8);
	GUEST_ASSERT_EQ(guest_user(user_without_iopl, 0x11), ~0ULL);
	GUEST_ASSERT_EQ(guest_cpu()->vector, VEC_GP);
}

CASE(bitmap, "user mode with IOPL 0 reaches the ports that the TSS allows, #GP on others")
{
	struct vcpu *vcpu = long_guest(bitmap_io, 0);

	expect_out(vcpu, 0x10, 1, 2);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void many_exits(u64 n)
{
	for (u64 i = 0; i < n; i++)
		outl(PORT, i);
}

CASE(many, "10,000 exits in a row carry the right values")
{
	unsigned long n = test_scale(10000);
	struct vcpu *vcpu = long_guest(many_exits, n);

	for (u32 i = 0; i < n; i++) {
		vcpu_run_to(vcpu, KVM_EXIT_IO);
		ASSERT_EQ(*(u32 *)port_data(vcpu), i);
	}
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}

static void in_answer(u64 arg)
{
	u32 value = inl(PORT);

	GUEST_SYNC(1, value);
}

CASE(in_pending, "an IN exit is completed by a KVM_RUN with immediate_exit, state is then readable")
{
	struct vcpu *vcpu = long_guest(in_answer, 0);
	struct kvm_regs before, after;
	struct ucall uc;

	vcpu_run_to(vcpu, KVM_EXIT_IO);
	vcpu_regs(vcpu, &before);
	*(u32 *)port_data(vcpu) = 0xfeedface;
	vcpu->run->immediate_exit = 1;
	EXPECT_EQ(__vcpu_run(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
	vcpu_regs(vcpu, &after);
	EXPECT_EQ(after.rax, 0xfeedface);
	EXPECT(after.rip > before.rip && after.rip <= before.rip + 2, "rip %llx after %llx",
	       after.rip, before.rip);
	ASSERT_EQ(vcpu_next(vcpu, &uc), UCALL_SYNC);
	EXPECT_EQ(uc.args[1], 0xfeedface);
	vm_free(vcpu->vm);
}

static void string_ss(u64 arg)
{
	/* CS is readable in long mode, whatever it is */
	u64 rsi = BUF;

	asm volatile("outsl %%cs:(%%rsi), %%dx" : "+S"(rsi) : "d"(PORT) : "memory");
	rsi = WINDOW;			/* maps MMIO space */
	asm volatile("rep outsb" : "+S"(rsi) : "c"(2ULL), "d"(PORT) : "memory");
}

CASE(outs_from_mmio, "OUTS whose source is MMIO reads it byte by byte")
{
	struct vcpu *vcpu = long_guest(string_ss, 0);
	struct device dev;

	device_init(&dev, MMIO_BASE, PAGE_SIZE);
	vm_map(vcpu->vm, WINDOW, MMIO_BASE, PAGE_SIZE, PTE_W);
	*(u32 *)vm_host(vcpu->vm, BUF) = 0xabcdef01;
	memcpy(dev.data, "\x21\x43", 2);
	expect_out(vcpu, PORT, 4, 0xabcdef01);
	for (u32 i = 0; i < 2; ) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO) {
			device_serve(&dev, vcpu);
			continue;
		}
		__vcpu_expect_exit(vcpu, KVM_EXIT_IO, __FILE__, __LINE__);
		for (u32 k = 0; k < vcpu->run->io.count; k++)
			EXPECT_EQ(((u8 *)port_data(vcpu))[k], i++ ? 0x43 : 0x21);
	}
	EXPECT_EQ(dev.n, 2);
	vcpu_run_to_done(vcpu);
	vm_free(vcpu->vm);
}
