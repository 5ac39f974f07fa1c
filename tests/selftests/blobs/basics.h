/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BLOBS_BASICS_H
#define BLOBS_BASICS_H
/*
 * What any mode can do: arithmetic over memory, calls through a stack, software
 * interrupts, a division by zero. Included by a 16-bit and a 32-bit guest.
 */
#include "blob.h"

#define WORDS	2048

static u32 table[WORDS];

static u32 crc_bits(u32 crc, u32 word)
{
	crc ^= word;
	for (int i = 0; i < 32; i++)
		crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	return crc;
}

static u32 __attribute__((noinline)) fibonacci(u32 n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static u32 interrupts;

static void count_interrupt(struct blob_frame *f)
{
	interrupts += f->vector;
}

static void blob_main(u32 arg)
{
	u32 crc = arg;

	for (u32 i = 0; i < WORDS; i++)
		table[i] = i * 2654435761u;
	for (u32 i = 0; i < WORDS; i += 16)
		crc = crc_bits(crc, table[i]);
	GUEST_SYNC(1, crc, fibonacci(12));

	blob_init_exceptions();
	blob_handlers[0x40] = count_interrupt;
	for (int i = 0; i < 10; i++)
		asm volatile("int $0x40" ::: "memory");
	GUEST_ASSERT_EQ(READ_ONCE(interrupts), 10 * 0x40);
	GUEST_ASSERT_EQ(GUEST_TRY("xorl %%ecx, %%ecx; div %%ecx", "a"(1), "d"(0), "c"(0)), VEC_DE);
	GUEST_ASSERT_EQ(GUEST_TRY("ud2"), VEC_UD);
	GUEST_ASSERT_EQ(GUEST_TRY("nop"), NO_VECTOR);
	GUEST_SYNC(2, read_cr0(), read_cr4());
	asm volatile("hlt" ::: "memory");
	GUEST_SYNC(3);
}

#endif
