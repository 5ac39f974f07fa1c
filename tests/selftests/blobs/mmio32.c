// SPDX-License-Identifier: GPL-2.0
/* MMIO from 32-bit code: segments with a base and a limit, 16-bit addresses. */
#include "blob.h"

#define DEVICE	0xd0000000u

static void blob_main(u32 arg)
{
	u32 value;

	blob_init_exceptions();
	*(volatile u32 *)DEVICE = 0x11223344;
	GUEST_ASSERT_EQ(*(volatile u32 *)DEVICE, 0x11223344);
	GUEST_ASSERT_EQ(*(volatile u16 *)(DEVICE + 2), 0x1122);
	GUEST_ASSERT_EQ(*(volatile u8 *)(DEVICE + 1), 0x33);

	/* A segment at the device, 16 bytes long */
	blob_set_descriptor(SEL_TEST, 0xd04093000000000full);
	asm volatile("mov %w0, %%gs" :: "r"(SEL_TEST));
	asm volatile("movl %%gs:0, %0" : "=r"(value));
	GUEST_ASSERT_EQ(value, 0x11223344);
	asm volatile("movl %0, %%gs:12" :: "r"(0x55667788));
	GUEST_ASSERT_EQ(*(volatile u32 *)(DEVICE + 12), 0x55667788);
	asm volatile("addr16 movw %%gs:(%%bx, %%si), %w0" : "=a"(value) : "b"(0x10000 + 5), "S"(7));
	GUEST_ASSERT_EQ((u16)value, 0x7788);
	/* Beyond the limit: #GP, and the device hears nothing */
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%gs:13, %%eax", "a"(0)), VEC_GP);
	GUEST_ASSERT_EQ(GUEST_TRY("movb %%al, %%gs:16", "a"(0)), VEC_GP);

	/* A read-only segment */
	blob_set_descriptor(SEL_TEST, 0xd04091000000000full);
	asm volatile("mov %w0, %%gs" :: "r"(SEL_TEST));
	asm volatile("movl %%gs:0, %0" : "=r"(value));
	GUEST_ASSERT_EQ(value, 0x11223344);
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%eax, %%gs:0", "a"(0)), VEC_GP);

	/* Expand-down: valid above the limit only */
	blob_set_descriptor(SEL_TEST, 0xd04097000000000full);
	asm volatile("mov %w0, %%gs" :: "r"(SEL_TEST));
	GUEST_ASSERT_EQ(GUEST_TRY("movl %%gs:12, %%eax", "a"(0)), VEC_GP);
	asm volatile("movl %%gs:16, %0" : "=r"(value));
	GUEST_ASSERT_EQ(value, 0);
	asm volatile("mov %w0, %%gs" :: "r"(SEL_DATA));

	/* PUSHA and POPA, LES, BOUND: their operands are in ordinary memory or not at all ordinary */
	asm volatile("rep stosl" :: "D"(DEVICE + 32), "c"(3), "a"(0xa5a5a5a5) : "memory");
	GUEST_ASSERT_EQ(*(volatile u32 *)(DEVICE + 40), 0xa5a5a5a5);
	GUEST_SYNC(1);
}
