// SPDX-License-Identifier: GPL-2.0
/* Hardware tasks: each test makes one or two, goes there, and looks at what has become of both sides. */
#include "task.h"

static void test_call(void)
{
	u32 a = 0x11111111, b = 0x22222222, c = 0x33333333, d = 0x44444444;
	u32 si = 0x55555555, di = 0x66666666, back, sp;

	make_other(note);
	other.es = SEL_USER_DATA;
	write_cr0(read_cr0() & ~CR0_TS);
	asm volatile("movl $1f, %[back]; movl %%esp, %[sp]; lcall %[sel], $0x1234567; 1:"
		     : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(si), "+D"(di), [back] "=m"(back),
		       [sp] "=m"(sp)
		     : [sel] "i"(SEL_OTHER) : "memory");
	check_nested(back);
	GUEST_ASSERT_EQ(self->eax, 0x11111111);
	GUEST_ASSERT_EQ(self->ebx, 0x22222222);
	GUEST_ASSERT_EQ(self->ecx, 0x33333333);
	GUEST_ASSERT_EQ(self->edx, 0x44444444);
	GUEST_ASSERT_EQ(self->esi, 0x55555555);
	GUEST_ASSERT_EQ(self->edi, 0x66666666);
	GUEST_ASSERT_EQ(self->esp, sp);
	GUEST_ASSERT(a == 0x11111111 && b == 0x22222222 && c == 0x33333333);
	GUEST_ASSERT(d == 0x44444444 && si == 0x55555555 && di == 0x66666666);
	GUEST_ASSERT_EQ(seen.entry.eax, 0xa0a0a0a0);
	GUEST_ASSERT_EQ(seen.entry.ecx, 0xc0c0c0c0);
	GUEST_ASSERT_EQ(seen.entry.edx, 0xd0d0d0d0);
	GUEST_ASSERT_EQ(seen.entry.ebx, 0xb0b0b0b0);
	GUEST_ASSERT_EQ(seen.entry.ebp, 0xe0e0e0e0);
	GUEST_ASSERT_EQ(seen.entry.esi, 0x51515151);
	GUEST_ASSERT_EQ(seen.entry.edi, 0xd1d1d1d1);
	GUEST_ASSERT_EQ(seen.es, SEL_USER_DATA);
	GUEST_ASSERT_EQ(seen.fs, SEL_DATA);
	/* The second time it goes on behind its IRET. */
	for (u32 i = 2; i < 20; i++) {
		GO("lcall %1, $0", "i"(SEL_OTHER));
		GUEST_ASSERT_EQ(seen.count, i);
	}
}

static void jumped_to(struct entry *entry)
{
	note(entry);
	jump_to_self();
	seen.count = 100;
	jump_to_self();
}

static void test_jump(void)
{
	u32 back;

	make_other(jumped_to);
	other.link = 0x5555;
	back = GO("ljmp %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(seen.self_type, TYPE_TSS);
	GUEST_ASSERT_EQ(seen.other_type, TYPE_BUSY);
	GUEST_ASSERT_EQ(seen.entry.flags & FLAG_NT, 0);
	GUEST_ASSERT_EQ(self->eip, back);
	GUEST_ASSERT_EQ(other.link, 0x5555);
	GUEST_ASSERT_EQ(type_of(SEL_SELF), TYPE_BUSY);
	GUEST_ASSERT_EQ(type_of(SEL_OTHER), TYPE_TSS);
	GO("ljmp %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 100);
}

static void test_gate(void)
{
	u32 back;

	make_other(note);
	blob_set_descriptor(SEL_GATE, (u64)SEL_OTHER << 16 | (u64)TYPE_TASK_GATE << 40);
	back = GO("lcall %1, $0", "i"(SEL_GATE));
	check_nested(back);
}

static void test_soft(void)
{
	u32 back;

	make_other(note);
	blob_set_gate(0x50, 0, SEL_OTHER, TYPE_TASK_GATE);
	back = GO("int $0x50");
	check_nested(back);

	make_other(note);
	blob_set_gate(VEC_BP, 0, SEL_OTHER, TYPE_TASK_GATE);
	back = GO("int3");
	check_nested(back);

	/* INT1, which QEMU does not have */
	if (on_qemu)
		return;
	make_other(note);
	blob_set_gate(VEC_DB, 0, SEL_OTHER, TYPE_TASK_GATE);
	back = GO(".byte 0xf1");
	check_nested(back);
}

static u32 fault_ip, resume_ip, expected;

/* #GP with the selector as its error code, at fault_ip. */
static void load_beyond(void)
{
	asm volatile("movl $1f, %[ip]; movl $2f, %[resume]\n"
		     "1: mov %w[sel], %%gs\n"
		     "2:"
		     : [ip] "=m"(fault_ip), [resume] "=m"(resume_ip)
		     : [sel] "r"(SEL_BEYOND) : "memory");
}

static void skip_fault(struct entry *entry)
{
	note(entry);
	GUEST_ASSERT_EQ(entry->error, expected);
	GUEST_ASSERT_EQ(self->eip, fault_ip);
	GUEST_ASSERT_EQ(self->gs, SEL_DATA);
	self->eip = resume_ip;
}

static void test_error(void)
{
	make_other(skip_fault);
	expected = SEL_BEYOND;
	blob_set_gate(VEC_GP, 0, SEL_OTHER, TYPE_TASK_GATE);
	load_beyond();
	check_nested(resume_ip);
	GUEST_ASSERT_EQ(other.esp, (u32)other_stack + sizeof(other_stack) - 4);
}

/* What such tasks are still used for. */
static void test_double_fault(void)
{
	make_other(skip_fault);
	expected = 0;
	blob_set_gate(VEC_GP, 0, SEL_CODE32, 0x0e);
	blob_set_gate(VEC_DF, 0, SEL_OTHER, TYPE_TASK_GATE);
	load_beyond();
	check_nested(resume_ip);
}

static void mend_handler(struct entry *entry)
{
	GUEST_ASSERT_EQ(entry->error, 0);
	GUEST_ASSERT_EQ(fixer.link, SEL_OTHER);
	other.eip = (u32)other_entry;
	other.ss = SEL_DATA;
	/* Its error code was not pushed. */
	other.esp -= 4;
	*(volatile u32 *)other.esp = SEL_BEYOND;
}

/* An exception whose task cannot have its stack is two. */
static void test_two_faults(void)
{
	make_fixer(mend_handler);
	make_other(skip_fault);
	other.ss = 0;
	expected = SEL_BEYOND;
	blob_set_gate(VEC_GP, 0, SEL_OTHER, TYPE_TASK_GATE);
	blob_set_gate(VEC_DF, 0, SEL_FIXER, TYPE_TASK_GATE);
	load_beyond();
	check_nested(resume_ip);
	GUEST_ASSERT_EQ(type_of(SEL_FIXER), TYPE_TSS);
}

static void test_16(void)
{
	/* mov %ax, 0x6100; mov %fs, 0x6104; ljmp SEL_SELF, 0 */
	static const u8 code[] = {
		0x66, 0xa3, 0x00, 0x61, 0, 0, 0x8c, 0x25, 0x04, 0x61, 0, 0,
		0xea, 0, 0, 0, 0, SEL_SELF & 0xff, SEL_SELF >> 8,
	};
	static volatile struct tss16 tss;

	memcpy((void *)LOW_BASE, code, sizeof(code));
	*(volatile u32 *)(LOW_BASE + 0x104) = 0xffff;
	tss = (struct tss16) {
		.ip = LOW_BASE, .flags = 2, .ax = 0x1357, .sp = LOW_BASE + 0x800,
		.es = SEL_DATA, .cs = SEL_CODE32, .ss = SEL_DATA, .ds = SEL_DATA, .bx = 0x2468,
	};
	describe(SEL_TSS16, (u32)&tss, sizeof(tss) - 1, TYPE_TSS16);
	GO("ljmp %1, $0", "i"(SEL_TSS16));
	GUEST_ASSERT_EQ(*(volatile u16 *)(LOW_BASE + 0x100), 0x1357);
	GUEST_ASSERT_EQ(*(volatile u16 *)(LOW_BASE + 0x104), 0);
	GUEST_ASSERT_EQ(tss.ip, LOW_BASE + sizeof(code));
	GUEST_ASSERT_EQ(tss.ax, 0x1357);
	GUEST_ASSERT_EQ(tss.bx, 0x2468);
	GUEST_ASSERT_EQ(tss.cs, SEL_CODE32);
	GUEST_ASSERT_EQ(type_of(SEL_TSS16), TYPE_TSS16);
	GUEST_ASSERT_EQ(type_of(SEL_SELF), TYPE_BUSY);
	GUEST_ASSERT_EQ(self->fs, SEL_DATA);
}

static u32 faults;

/* A fault in the new task is the new task's: it is mended, and goes on. */
static void mend_other(struct entry *entry)
{
	faults++;
	GUEST_ASSERT_EQ(entry->error, expected);
	GUEST_ASSERT_EQ(fixer.link, SEL_OTHER);
	/* QEMU takes the old task's address for this one. */
	if (!on_qemu)
		GUEST_ASSERT_EQ(other.eip, (u32)other_entry);
	other.eip = (u32)other_entry;
	GUEST_ASSERT_EQ(other.eax, 0xa0a0a0a0);
	other.cs = SEL_CODE32;
	other.ss = other.ds = other.es = other.fs = other.gs = SEL_DATA;
	other.ldt = 0;
}

/* A selector that the new task, otherwise in order, cannot have. */
static void check_bad(volatile u32 *field, u16 value, u8 vector, bool as_user)
{
	const u8 vectors[] = { VEC_TS, VEC_NP, VEC_SS };

	for (u32 i = 0; i < sizeof(vectors); i++)
		blob_set_gate(vectors[i], 0, SEL_FIXER,
			      vectors[i] == vector ? TYPE_TASK_GATE : 0);
	make_fixer(mend_other);
	make_other(jumped_to);
	if (as_user) {
		other.cs = SEL_USER32;
		other.ss = other.ds = other.es = other.fs = other.gs = SEL_USER_DATA;
	}
	*field = value;
	expected = value & ~3;
	faults = 0;
	GO("ljmp %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(faults, 1);
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(*field, field == &other.ldt ? 0 : field == &other.cs ? SEL_CODE32 : SEL_DATA);
}

static void test_bad_segments(void)
{
	blob_set_descriptor(SEL_ABSENT, 0x00cf13000000ffffULL);
	blob_set_descriptor(SEL_EXEC, 0x00cf99000000ffffULL);
	check_bad(&other.cs, 0, VEC_TS, false);
	check_bad(&other.cs, SEL_DATA, VEC_TS, false);
	check_bad(&other.cs, SEL_BEYOND, VEC_TS, false);
	check_bad(&other.cs, SEL_USER32 & ~3, VEC_TS, false);
	check_bad(&other.ss, 0, VEC_TS, false);
	check_bad(&other.ss, SEL_CODE32, VEC_TS, false);
	check_bad(&other.ss, SEL_USER_DATA, VEC_TS, false);
	check_bad(&other.ss, SEL_ABSENT, on_qemu ? VEC_NP : VEC_SS, false);
	check_bad(&other.ds, SEL_ABSENT, VEC_NP, false);
	check_bad(&other.es, SEL_EXEC, VEC_TS, false);
	check_bad(&other.gs, SEL_OTHER, VEC_TS, false);
	check_bad(&other.ldt, SEL_DATA, VEC_TS, false);
}

static u32 try_far(u16 selector)
{
	struct { u32 offset; u16 selector; } __attribute__((packed)) to = { 0, selector };

	return GUEST_TRY("lcall *%0", "m"(to));
}

static void test_refused(void)
{
	make_other(note);
	self->eip = 0x99999999;
	describe(SEL_OTHER, (u32)&other, sizeof(other) - 1, TYPE_TSS & ~0x80);
	GUEST_ASSERT_EQ(try_far(SEL_OTHER), VEC_NP);
	GUEST_ASSERT_EQ(trap.error, SEL_OTHER);
	describe(SEL_OTHER, (u32)&other, sizeof(other) - 2, TYPE_TSS);
	GUEST_ASSERT_EQ(try_far(SEL_OTHER), VEC_TS);
	GUEST_ASSERT_EQ(trap.error, SEL_OTHER);
	GUEST_ASSERT_EQ(try_far(SEL_SELF), VEC_GP);
	GUEST_ASSERT_EQ(trap.error, SEL_SELF);
	/* IRET to what is no task, or none that waits */
	self->link = SEL_DATA;
	write_flags(read_flags() | FLAG_NT);
	GUEST_ASSERT_EQ(GUEST_TRY("iretl"), VEC_TS);
	GUEST_ASSERT_EQ(trap.error, SEL_DATA);
	describe(SEL_OTHER, (u32)&other, sizeof(other) - 1, TYPE_TSS);
	self->link = SEL_OTHER;
	GUEST_ASSERT_EQ(GUEST_TRY("iretl"), VEC_TS);
	GUEST_ASSERT_EQ(trap.error, SEL_OTHER);
	write_flags(read_flags() & ~FLAG_NT);
	GUEST_ASSERT_EQ(self->eip, 0x99999999);
	GUEST_ASSERT_EQ(seen.count, 0);
	GUEST_ASSERT_EQ(type_of(SEL_SELF), TYPE_BUSY);
	GUEST_ASSERT_EQ(type_of(SEL_OTHER), TYPE_TSS);
}

static void left_v86(struct entry *entry)
{
	GUEST_ASSERT_EQ(entry->error, 0);
	GUEST_ASSERT_EQ(other.eflags & FLAG_VM, FLAG_VM);
	GUEST_ASSERT_EQ(other.cs, 0x700);
	GUEST_ASSERT_EQ(other.eip, 6);
	GUEST_ASSERT_EQ(other.eax & 0xffff, 0x1234);
	GUEST_ASSERT_EQ(other.ds, 0x610);
	GUEST_ASSERT_EQ(read_flags() & FLAG_VM, 0);
	seen.count++;
	jump_to_self();
}

static void test_v86(void)
{
	/* mov $0x1234, %ax; mov %ax, 0x10; hlt */
	static const u8 code[] = { 0xb8, 0x34, 0x12, 0xa3, 0x10, 0x00, 0xf4 };

	memcpy((void *)0x7000, code, sizeof(code));
	make_other(note);
	make_fixer(left_v86);
	other.eflags = FLAG_VM | 2;
	other.cs = 0x700;
	other.eip = 0;
	other.ss = 0x600;
	other.esp = 0x800;
	other.ds = other.es = other.fs = other.gs = 0x610;
	blob_set_gate(VEC_GP, 0, SEL_FIXER, TYPE_TASK_GATE);
	GO("ljmp %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(*(volatile u16 *)0x6110, 0x1234);
	/* And back into it, although it waits for the one that it became: its HLT comes again. */
	make_fixer(left_v86);
	describe(SEL_OTHER, (u32)&other, sizeof(other) - 1, TYPE_TSS);
	GO("ljmp %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 2);
}

asm(".text\n" BLOB_CODE
    "user_entry:	pushl $0x77\n"
    "	int $0x51\n"
    "	jmp user_entry\n");
extern char user_entry[];

static void left_user(struct entry *entry)
{
	seen.count++;
	GUEST_ASSERT_EQ(other.cs, SEL_USER32);
	GUEST_ASSERT_EQ(other.ss, SEL_USER_DATA);
	GUEST_ASSERT_EQ(other.esp, (u32)user_stack + sizeof(user_stack) - 4);
	GUEST_ASSERT_EQ(*(u32 *)other.esp, 0x77);
	jump_to_self();
}

static void test_user(void)
{
	make_other(note);
	make_fixer(left_user);
	other.eip = (u32)user_entry;
	other.esp = (u32)user_stack + sizeof(user_stack);
	other.cs = SEL_USER32;
	other.ss = other.ds = other.es = other.fs = other.gs = SEL_USER_DATA;
	blob_set_gate(0x51, 0, SEL_FIXER, TYPE_TASK_GATE | DPL3);
	GO("ljmp %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 1);
	/* Segments of the kernel are not for its use. */
	blob_set_gate(0x51, 0, SEL_FIXER, TYPE_TASK_GATE);
	check_bad(&other.ds, SEL_DATA, VEC_TS, true);
	check_bad(&other.ss, SEL_DATA, VEC_TS, true);
}

static void back_to_good(struct entry *entry)
{
	faults++;
	jump_to_self();
}

static u32 __attribute__((aligned(4096))) apart_directory[1024];
static u32 __attribute__((aligned(4096))) apart_table[1024];
static u32 __attribute__((aligned(4096))) apart_pages[2048];

static void look_apart(struct entry *entry)
{
	note(entry);
	seen.es = *(volatile u32 *)APART;
}

static void test_cr3(void)
{
	u32 cr3 = read_cr3();

	memcpy(apart_directory, (void *)cr3, sizeof(apart_directory));
	apart_directory[APART >> 22] = (u32)apart_table | 3;
	apart_table[0] = (u32)apart_pages | 3;
	apart_pages[0] = 0x600df00d;
	make_other(look_apart);
	other.cr3 = (u32)apart_directory;
	GO("lcall %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(seen.es, 0x600df00d);
	GUEST_ASSERT_EQ(read_cr3(), cr3);
	GUEST_ASSERT_EQ(other.cr3, (u32)apart_directory);
	GUEST_ASSERT_EQ(GUEST_TRY("movl (%0), %%eax", "r"(APART), "a"(0)), VEC_PF);
}

/*
 * Page tables that cannot be, for a task that is in virtual-8086 mode: a fault, its
 * first instruction is not executed. Bit 5 is one of those that must be zero; CPUs of
 * one vendor take it.
 */
static void test_bad_pdpt(void)
{
	static u64 __attribute__((aligned(32))) pdpt[4];
	volatile u64 *old = (u64 *)(read_cr3() & ~31u);

	for (u32 i = 0; i < 4; i++)
		pdpt[i] = old[i];
	make_other(jumped_to);
	pdpt[3] |= 0x20;
	other.cr3 = (u32)pdpt;
	blob_set_gate(VEC_GP, 0, SEL_FIXER, TYPE_TASK_GATE);
	blob_set_gate(VEC_TS, 0, SEL_FIXER, TYPE_TASK_GATE);
	make_fixer(back_to_good);
	GO("ljmp %1, $0", "i"(SEL_OTHER));

	make_other(jumped_to);
	make_fixer(back_to_good);
	faults = 0;
	pdpt[3] |= 4;
	other.cr3 = (u32)pdpt;
	other.eflags |= FLAG_VM;
	GO("ljmp %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(faults, 1);
	GUEST_ASSERT_EQ(seen.count, 0);
}

static void look_local(struct entry *entry)
{
	note(entry);
	asm volatile("movl %%fs:4, %0" : "=r"(seen.es));
	asm volatile("sldt %0" : "=r"(seen.cr0));
}

static void test_ldt(void)
{
	static u64 ldt[2];
	static u32 data[2] = { 0, 0x10ca1 };
	u32 base = (u32)data, sldt;

	ldt[1] = 0x0040920000000007ULL | (u64)(base & 0xffffff) << 16 | (u64)(base >> 24) << 56;
	describe(SEL_LDT, (u32)ldt, sizeof(ldt) - 1, TYPE_LDT);
	make_other(look_local);
	other.ldt = SEL_LDT;
	other.fs = 8 | 4;
	GO("lcall %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(seen.es, 0x10ca1);
	GUEST_ASSERT_EQ(seen.cr0 & 0xffff, SEL_LDT);
	GUEST_ASSERT_EQ(seen.fs, 8 | 4);
	/* It was used; QEMU does not say so. */
	if (!on_qemu)
		GUEST_ASSERT_EQ(READ_ONCE(ldt[1]) >> 40 & 0xff, 0x93);
	asm volatile("sldt %0" : "=r"(sldt));
	GUEST_ASSERT_EQ(sldt & 0xffff, 0);
}

static void map_second_half(bool present)
{
	apart_table[1] = present ? ((u32)apart_pages + 4096) | 3 : 0;
	write_cr3(read_cr3());
}

/* The other task with its TSS across two pages, the second of which is not mapped. */
static volatile struct tss32 *make_far(void)
{
	volatile u32 *directory = (u32 *)read_cr3();
	volatile struct tss32 *far = (void *)(APART + 0xfd0);

	directory[APART >> 22] = (u32)apart_table | 3;
	apart_table[0] = (u32)apart_pages | 3;
	map_second_half(true);
	make_other(note);
	*far = other;
	describe(SEL_OTHER, (u32)far, sizeof(*far) - 1, TYPE_TSS);
	map_second_half(false);
	return far;
}

/* A TSS whose second half is not mapped: nothing happens but the fault. */
static void test_page_fault(void)
{
	volatile struct tss32 *far = make_far();

	self->eip = 0x99999999;
	GUEST_ASSERT_EQ(try_far(SEL_OTHER), VEC_PF);
	GUEST_ASSERT_EQ(trap.cr2 & ~0xfffu, APART + 0x1000);
	GUEST_ASSERT_EQ(trap.error & (PFERR_P | PFERR_U), 0);
	GUEST_ASSERT_EQ(self->eip, 0x99999999);
	GUEST_ASSERT_EQ(type_of(SEL_OTHER), TYPE_TSS);
	map_second_half(true);
	GUEST_ASSERT_EQ(try_far(SEL_OTHER), NO_VECTOR);
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(far->eip, (u32)other_again);
}

static u32 traps, trap_ip, trap_dr6;

static void count_trap(struct blob_frame *f)
{
	traps++;
	trap_ip = f->ip;
	asm volatile("mov %%dr6, %0" : "=r"(trap_dr6));
}

static void test_trap(void)
{
	make_other(note);
	other.trap = 1;
	blob_handlers[VEC_DB] = count_trap;
	GO("lcall %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(traps, 1);
	GUEST_ASSERT_EQ(trap_ip, (u32)other_entry);
	GUEST_ASSERT_EQ(trap_dr6 & DR6_BT, DR6_BT);
}

static void look_dr7(struct entry *entry)
{
	note(entry);
	asm volatile("mov %%dr7, %0" : "=r"(seen.es));
}

static void test_dr7(void)
{
	/* L0 and LE, G1: at addresses that nobody executes. */
	asm volatile("mov %0, %%dr0; mov %0, %%dr1; mov %1, %%dr7" :: "r"(0x500), "r"(0x509));
	make_other(look_dr7);
	GO("lcall %1, $0", "i"(SEL_OTHER));
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(seen.es & 0x10f, 8);
	asm volatile("mov %0, %%dr7" :: "r"(0x400));
}

static void test_irq(void)
{
	make_other(note);
	blob_set_gate(TASKS_VECTOR, 0, SEL_OTHER, TYPE_TASK_GATE);
	asm volatile("sti");
	GUEST_SYNC(1);
	while (!READ_ONCE(seen.count))
		;
	asm volatile("cli");
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(self->eflags & FLAG_IF, FLAG_IF);
	GUEST_ASSERT_EQ(seen.entry.flags & (FLAG_IF | FLAG_NT), FLAG_NT);
	GUEST_ASSERT_EQ(other.link, SEL_SELF);
}

/* The second waits until IRET has ended the first. */
static void take_nmi(struct entry *entry)
{
	note(entry);
	if (seen.count > 1)
		return;
	GUEST_SYNC(2);
	for (u32 i = 0; i < 1000; i++)
		barrier();
	GUEST_ASSERT_EQ(READ_ONCE(seen.count), 1);
}

static void test_nmi(void)
{
	make_other(take_nmi);
	blob_set_gate(VEC_NMI, 0, SEL_OTHER, TYPE_TASK_GATE);
	GUEST_SYNC(1);
	while (READ_ONCE(seen.count) < (on_qemu ? 1 : 2))
		;
	GUEST_ASSERT_EQ(type_of(SEL_OTHER), TYPE_TSS);
}

static void map_apart(struct blob_frame *f)
{
	faults++;
	map_second_half(true);
}

/* Its TSS has to be fetched first: the NMI is not lost over that. */
static void test_nmi_fault(void)
{
	make_far();
	blob_set_gate(VEC_NMI, 0, SEL_OTHER, TYPE_TASK_GATE);
	blob_handlers[VEC_PF] = map_apart;
	GUEST_SYNC(1);
	while (!READ_ONCE(seen.count))
		;
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(faults, 1);
}

static void (*const tests[])(void) = {
	[TASKS_CALL] = test_call,
	[TASKS_JUMP] = test_jump,
	[TASKS_GATE] = test_gate,
	[TASKS_SOFT] = test_soft,
	[TASKS_ERROR] = test_error,
	[TASKS_DOUBLE_FAULT] = test_double_fault,
	[TASKS_TWO_FAULTS] = test_two_faults,
	[TASKS_16] = test_16,
	[TASKS_BAD_SEGMENTS] = test_bad_segments,
	[TASKS_REFUSED] = test_refused,
	[TASKS_V86] = test_v86,
	[TASKS_USER] = test_user,
	[TASKS_CR3] = test_cr3,
	[TASKS_BAD_PDPT] = test_bad_pdpt,
	[TASKS_LDT] = test_ldt,
	[TASKS_PAGE_FAULT] = test_page_fault,
	[TASKS_TRAP] = test_trap,
	[TASKS_DR7] = test_dr7,
	[TASKS_IRQ] = test_irq,
	[TASKS_NMI] = test_nmi,
	[TASKS_NMI_FAULT] = test_nmi_fault,
};

static void blob_main(u32 arg)
{
	blob_init_exceptions();
	on_qemu = arg & TASKS_ON_QEMU;
	self->cr3 = read_cr3();
	self->ldt = 0;
	tests[arg & 0xff]();
	GUEST_SYNC(3);
}
