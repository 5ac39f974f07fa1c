// SPDX-License-Identifier: GPL-2.0
/* A jump to another task, as no current system does it. */
#include "blob.h"

struct tss32 {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs, ldt, iomap;
};

static struct tss32 old_task, new_task;
static u8 stack[1024];

static void __attribute__((used)) second_task(void)
{
	GUEST_SYNC(7, old_task.ebx, read_cr0() & CR0_TS);
	blob_exit();
}

static void describe(u16 selector, void *tss)
{
	u32 base = (u32)tss;

	blob_set_descriptor(selector, (sizeof(struct tss32) - 1) | (u64)(base & 0xffffff) << 16 |
			    0x89ULL << 40 | (u64)(base >> 24) << 56);
}

static void blob_main(u32 arg)
{
	blob_init_exceptions();
	new_task = (struct tss32) {
		.cr3 = read_cr3(), .eip = (u32)second_task, .eflags = 2,
		.esp = (u32)stack + sizeof(stack),
		.cs = SEL_CODE32, .ss = SEL_DATA, .ds = SEL_DATA, .es = SEL_DATA,
		.fs = SEL_DATA, .gs = SEL_DATA, .iomap = sizeof(new_task),
	};
	describe(SEL_TEST, &old_task);
	describe(SEL_TEST + 8, &new_task);
	asm volatile("ltr %w0" :: "r"(SEL_TEST));
	asm volatile("mov $0x12345678, %%ebx; ljmp %0, $0" :: "i"(SEL_TEST + 8) : "ebx", "memory");
	GUEST_SYNC(8);
}
