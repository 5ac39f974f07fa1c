// SPDX-License-Identifier: GPL-2.0
/* MMIO from real mode: the host leaves a hole at 0xa0000. */
#include "blob.h"

static void blob_main(u32 arg)
{
	u32 value;

	blob_init_exceptions();
	asm volatile("mov %w0, %%gs" :: "r"(0xa000));
	asm volatile("movl %0, %%gs:0" :: "r"(0x11223344));
	asm volatile("movw %%gs:2, %w0" : "=a"(value) : "0"(0));
	GUEST_ASSERT_EQ(value, 0x1122);
	asm volatile("movb %%gs:1, %b0" : "=a"(value) : "0"(0));
	GUEST_ASSERT_EQ(value, 0x33);
	asm volatile("movb $0x77, %%gs:(%%bx, %%di)" :: "b"(0x10), "D"(0x20));
	asm volatile("movb %%gs:0x30, %b0" : "=a"(value) : "0"(0));
	GUEST_ASSERT_EQ(value, 0x77);
	asm volatile("addr32 movl %0, %%gs:(%1, %1)" :: "r"(0x99887766), "r"(0x20));
	asm volatile("movl %%gs:0x40, %0" : "=r"(value));
	GUEST_ASSERT_EQ(value, 0x99887766);

	/* SI and DI wrap at 64 KiB, CX counts in 16 bits */
	u32 di = 0x1230000 + 0xfffe, cx = 0x7770004;

	asm volatile("movw %%es, %%dx; movw %w3, %%es; rep stosb; movw %%dx, %%es"
		     : "+D"(di), "+c"(cx) : "a"(0x5a), "b"(0xa000) : "edx", "memory");
	GUEST_ASSERT_EQ(di, 0x1230002);
	GUEST_ASSERT_EQ(cx, 0x7770000);
	asm volatile("movb %%gs:0xffff, %b0" : "=a"(value) : "0"(0));
	GUEST_ASSERT_EQ(value, 0x5a);
	asm volatile("movw %%gs:0, %w0" : "=a"(value) : "0"(0));
	GUEST_ASSERT_EQ(value, 0x5a5a);
	/* A word at the end of the segment */
	GUEST_ASSERT_EQ(GUEST_TRY("movw %%gs:0xffff, %%ax", "a"(0)), VEC_GP);
	GUEST_SYNC(1);
}
