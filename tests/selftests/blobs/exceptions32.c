// SPDX-License-Identifier: GPL-2.0
/* Exceptions that only segmentation and 32-bit code know. */
#include "blob.h"

#define NOTHING	0x40000000u	/* no page there when there is paging */

static u8 stack16[256];

static void limits(void)
{
	/* Byte-granular limit 0x10 */
	blob_set_descriptor(SEL_TEST, 0x0040930000000010);
	asm volatile("mov %w0, %%gs" :: "r"(SEL_TEST));
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%gs:(13), %%eax", "a"(0)), NO_VECTOR);
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%gs:(14), %%eax", "a"(0)), VEC_GP);
	GUEST_ASSERT_EQ(trap.error, 0);
	/* A null selector */
	asm volatile("mov %w0, %%gs" :: "r"(0));
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%gs:(0), %%eax", "a"(0)), VEC_GP);
	/* Code can't be written */
	GUEST_ASSERT_EQ(GUEST_TRY("movl %0, %%cs:(%0)", "r"(BLOB_STACK - 64)), VEC_GP);
	asm volatile("mov %w0, %%gs" :: "r"(SEL_DATA));
}

static void segments(void)
{
	GUEST_ASSERT_EQ(GUEST_TRY("mov %w0, %%ss", "r"(0)), VEC_GP);
	/* Execute-only code cannot be loaded for data */
	blob_set_descriptor(SEL_TEST, 0x00cf99000000ffff);
	GUEST_ASSERT_EQ(GUEST_TRY("mov %w0, %%gs", "r"(SEL_TEST)), VEC_GP);
	GUEST_ASSERT_EQ(trap.error, SEL_TEST);
	/* Not present */
	blob_set_descriptor(SEL_TEST, 0x00cf13000000ffff);
	GUEST_ASSERT_EQ(GUEST_TRY("mov %w0, %%gs", "r"(SEL_TEST)), VEC_NP);
	GUEST_ASSERT_EQ(trap.error, SEL_TEST);
	GUEST_ASSERT_EQ(GUEST_TRY("mov %w0, %%ss", "r"(SEL_TEST)), VEC_SS);
	GUEST_ASSERT_EQ(trap.error, SEL_TEST);
	asm volatile("mov %w0, %%gs" :: "r"(SEL_DATA));
}

static void stack_limit(void)
{
	/* A small stack segment: #SS(0) beyond it. The handler must not use it: reads only. */
	blob_set_descriptor(SEL_TEST, 0x00cf93000000ffffULL);
	GUEST_ASSERT_EQ(GUEST_TRY("mov %w0, %%gs", "r"(SEL_TEST)), NO_VECTOR);
	blob_set_descriptor(SEL_TEST + 8, 0x004393000000ffffULL);	/* 256 KiB */
	asm volatile("mov %w0, %%ss" :: "r"(SEL_TEST + 8));
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%ss:(%0), %%eax", "r"(0x3fffc), "a"(0)), NO_VECTOR);
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%ss:(%0), %%eax", "r"(0x3fffd), "a"(0)), VEC_SS);
	GUEST_ASSERT_EQ(trap.error, 0);
	asm volatile("mov %w0, %%ss; mov %w0, %%gs" :: "r"(SEL_DATA));
}

static void instructions(void)
{
	static const s32 bounds[2] = { 5, 10 };

	GUEST_ASSERT_EQ(GUEST_TRY("bound %0, %1", "r"(7), "m"(bounds)), NO_VECTOR);
	GUEST_ASSERT_EQ(GUEST_TRY("bound %0, %1", "r"(11), "m"(bounds)), VEC_BR);
	GUEST_ASSERT_EQ(GUEST_TRY("mov $0x7fffffff, %%eax; add $1, %%eax; into", "a"(0)), VEC_OF);
	GUEST_ASSERT_EQ(GUEST_TRY("xor %%eax, %%eax; into", "a"(0)), NO_VECTOR);
	GUEST_ASSERT_EQ(GUEST_TRY("int3"), VEC_BP);
	GUEST_ASSERT_EQ(GUEST_TRY("aam $0", "a"(5)), VEC_DE);
	GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("lldt %w0", "r"(SEL_DATA)), VEC_GP);
	GUEST_ASSERT_EQ(trap.error, SEL_DATA);
	GUEST_ASSERT_EQ(GUEST_TRY("ltr %w0", "r"(SEL_DATA)), VEC_GP);
	GUEST_ASSERT_EQ(GUEST_TRY("int $0x90"), 0x90);
	blob_set_gate(0x91, 0, 0, 0);
	GUEST_ASSERT_EQ(GUEST_TRY("int $0x91"), VEC_GP);
	GUEST_ASSERT_EQ(trap.error, 0x91 * 8 + 2);
	blob_set_gate(0x92, 0, SEL_CODE32, 0x0e);
	GUEST_ASSERT_EQ(GUEST_TRY("int $0x92"), VEC_NP);
	GUEST_ASSERT_EQ(trap.error, 0x92 * 8 + 2);
}

/* A stack of 16 bits, a far call through a call gate, a conforming segment: they work. */
static void far_transfers(void)
{
	u32 result = 0;

	blob_set_descriptor(SEL_TEST, 0x0000930000000000ULL | (u64)((u32)stack16 & 0xffffff) << 16 | 0xff);
	asm volatile("mov %%ss, %%ecx; mov %%esp, %%edx; mov %w1, %%ss; mov $0x123400f0, %%esp\n"
		     "push $0x55; pop %0; mov %%esp, %%ebx; mov %%ecx, %%ss; mov %%edx, %%esp"
		     : "=a"(result) : "r"(SEL_TEST) : "ebx", "ecx", "edx", "memory");
	GUEST_ASSERT_EQ(result, 0x55);
	GUEST_ASSERT_EQ(*(u32 *)(stack16 + 0xec), 0x55);

	asm volatile("jmp 2f; 1: mov $0x77, %%eax; lret; 2: movl $1b, %%ebx\n" : "=b"(result) :: "eax");
	blob_set_descriptor(SEL_TEST, (u64)(result & 0xffff) | (u64)SEL_CODE32 << 16 |
			    0x8c00ULL << 32 | (u64)(result >> 16) << 48);
	asm volatile("lcall %1, $0" : "=a"(result) : "i"(SEL_TEST));
	GUEST_ASSERT_EQ(result, 0x77);
}

static void paging(void)
{
	if (!(read_cr0() & CR0_PG))
		return;
	GUEST_ASSERT_EQ(GUEST_TRY("movl (%0), %%eax", "r"(NOTHING), "a"(0)), VEC_PF);
	GUEST_ASSERT_EQ(trap.error, 0);
	GUEST_ASSERT_EQ(trap.cr2, NOTHING);
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%eax, (%0)", "r"(NOTHING + 8), "a"(0)), VEC_PF);
	GUEST_ASSERT_EQ(trap.error, PFERR_W);
	GUEST_ASSERT_EQ(trap.cr2, NOTHING + 8);
}

static void blob_main(u32 arg)
{
	blob_init_exceptions();
	/* The host says whether its CPU checks limits and kinds of segments. */
	if (arg) {
		limits();
		stack_limit();
	}
	segments();
	instructions();
	far_transfers();
	paging();
	GUEST_SYNC(1);
}
