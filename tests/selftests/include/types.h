/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_TYPES_H
#define SELFTESTS_TYPES_H
/* Short names for fixed widths; the same in host, 64-bit, 32-bit and 16-bit guest code. */
#include <stdbool.h>
#include <stddef.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#define BIT(n)		(1U << (n))
#define BIT64(n)	(1ULL << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE_SIZE	4096UL
#define MB		(1024UL * 1024)
#define GB		(1024UL * MB)


/* Hides a value from the optimizer. */
#define OPAQUE(x)	({ __typeof__(x) __o = (x); asm volatile("" : "+r"(__o)); __o; })
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()	asm volatile("" ::: "memory")

#endif
