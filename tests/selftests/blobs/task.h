/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BLOBS_TASK_H
#define BLOBS_TASK_H
/*
 * Hardware tasks, for the guest that tests them: TSSs, descriptors, and two tasks
 * beside the one that runs first ("self"), whose TSS the host has made. A task here
 * is a loop that ends with IRET: the next switch to it goes on behind that.
 */
#include "blob.h"
#include "tasks.h"

struct tss32 {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs, ldt;
	u16 trap, iomap;
};

struct tss16 {
	u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags;
	u16 ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};

/* Selectors beyond those of other guests; the table has room. */
#define SEL_SELF	SEL_TSS
#define SEL_OTHER	0x200
#define SEL_FIXER	0x208
#define SEL_GATE	0x210
#define SEL_TSS16	0x218
#define SEL_LDT		0x220
#define SEL_ABSENT	0x228
#define SEL_EXEC	0x230
#define SEL_BEYOND	0x1ff8

#define TYPE_LDT	0x82
#define TYPE_TASK_GATE	0x85
#define TYPE_TSS	0x89
#define TYPE_BUSY	0x8b
#define TYPE_TSS16	0x81
#define DPL3		0x60

#define DR6_BT		0x8000

#define APART		0x40000000u	/* no page there */

/* What a task finds when it begins; the error code only if an exception has one. */
struct entry {
	u32 edi, esi, ebp, esp, ebx, edx, ecx, eax, flags, error;
};

#define self	((volatile struct tss32 *)TSS_BASE)
static volatile struct tss32 other, fixer;
static bool on_qemu;
static u8 other_stack[1024], fixer_stack[1024], user_stack[256];

static struct {
	u32 count, cr0, es, fs;
	u8 self_type, other_type;
	struct entry entry;
} seen;

static void (*__attribute__((used)) other_body)(struct entry *entry);
static void (*__attribute__((used)) fixer_body)(struct entry *entry);
extern char other_entry[], other_again[], fixer_entry[];

#define TASK(name)							\
asm(".text\n" BLOB_CODE							\
    #name "_entry:	pushfl\n"					\
    "	pushal\n"							\
    "	pushl %esp\n"							\
    "	cld\n"								\
    "	call *" #name "_body\n"						\
    "	addl $4, %esp\n"						\
    "	popal\n"							\
    "	addl $4, %esp\n"						\
    "	iretl\n"							\
    #name "_again:	jmp " #name "_entry\n")
TASK(other);
TASK(fixer);

static void describe(u16 selector, u32 base, u32 limit, u8 type)
{
	blob_set_descriptor(selector, limit | (u64)(base & 0xffffff) << 16 | (u64)type << 40 |
			    (u64)(base >> 24) << 56);
}

static u8 type_of(u16 selector)
{
	return READ_ONCE(*(u8 *)(GDT_BASE + selector + 5));
}

static void make_task(volatile struct tss32 *tss, u16 selector, char *entry, u8 *stack)
{
	*tss = (struct tss32) {
		.cr3 = read_cr3(), .eip = (u32)entry, .eflags = 2,
		.eax = 0xa0a0a0a0, .ecx = 0xc0c0c0c0, .edx = 0xd0d0d0d0, .ebx = 0xb0b0b0b0,
		.esp = (u32)stack + sizeof(other_stack), .ebp = 0xe0e0e0e0, .esi = 0x51515151,
		.edi = 0xd1d1d1d1,
		.cs = SEL_CODE32, .ss = SEL_DATA, .ds = SEL_DATA, .es = SEL_DATA,
		.fs = SEL_DATA, .gs = SEL_DATA, .iomap = sizeof(*tss),
	};
	describe(selector, (u32)tss, sizeof(*tss) - 1, TYPE_TSS);
}

static void make_other(void (*body)(struct entry *entry))
{
	make_task(&other, SEL_OTHER, other_entry, other_stack);
	other_body = body;
	seen.count = 0;
}

static void make_fixer(void (*body)(struct entry *entry))
{
	make_task(&fixer, SEL_FIXER, fixer_entry, fixer_stack);
	fixer_body = body;
}

static void note(struct entry *entry)
{
	seen.count++;
	seen.entry = *entry;
	seen.cr0 = read_cr0();
	seen.self_type = type_of(SEL_SELF);
	seen.other_type = type_of(SEL_OTHER);
	asm volatile("mov %%es, %0" : "=r"(seen.es));
	asm volatile("mov %%fs, %0" : "=r"(seen.fs));
}

static void jump_to_self(void)
{
	asm volatile("ljmp %0, $0" :: "i"(SEL_SELF) : "memory");
}

/* What each way to nest has in common. */
static void check_nested(u32 back)
{
	GUEST_ASSERT_EQ(seen.count, 1);
	GUEST_ASSERT_EQ(seen.self_type, TYPE_BUSY);
	GUEST_ASSERT_EQ(seen.other_type, TYPE_BUSY);
	GUEST_ASSERT_EQ(seen.entry.flags & FLAG_NT, FLAG_NT);
	GUEST_ASSERT_EQ(seen.cr0 & CR0_TS, CR0_TS);
	GUEST_ASSERT_EQ(other.link, SEL_SELF);
	GUEST_ASSERT_EQ(self->eip, back);
	GUEST_ASSERT_EQ(self->cs, SEL_CODE32);
	GUEST_ASSERT_EQ(self->eflags & FLAG_NT, 0);
	GUEST_ASSERT_EQ(type_of(SEL_SELF), TYPE_BUSY);
	GUEST_ASSERT_EQ(type_of(SEL_OTHER), TYPE_TSS);
	GUEST_ASSERT_EQ(other.eflags & FLAG_NT, 0);
	GUEST_ASSERT_EQ(other.eip, (u32)other_again);
	GUEST_ASSERT_EQ(read_flags() & FLAG_NT, 0);
}

/* An instruction that goes to the other task; where the next one is, is left in back. */
#define GO(insn, ...)							\
	({								\
		u32 __back;						\
									\
		asm volatile("movl $772f, %0\n\t" insn "\n772:"		\
			     : "=m"(__back) : __VA_ARGS__ : "memory", "cc"); \
		__back;							\
	})

#endif
