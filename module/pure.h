/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What pure code may use, in the kernel and in a test program alike.
 *
 * Tables, arithmetic and decoders are tested in userspace, under sanitizers and
 * fuzzers, from the same source that runs in the kernel. Such a file includes
 * this header and nothing else from outside its folder: integer types, string
 * functions, a few macros. Both branches below must offer the same names with
 * the same meaning; a new one is added to both.
 *
 * This is the only place where the two worlds are told apart.
 */
#ifndef BELLOWS_PURE_H
#define BELLOWS_PURE_H

#ifdef __KERNEL__

#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

#else /* a test program */

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL >> (63 - (h))) & (~0UL << (l)))
#define GENMASK_ULL(h, l)	((~0ULL >> (63 - (h))) & (~0ULL << (l)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define U8_MAX			UINT8_MAX
#define U16_MAX			UINT16_MAX
#define U32_MAX			UINT32_MAX
#define U64_MAX			(~0ULL)
#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)

/* Only silicon guesses. */
#define array_index_nospec(index, size) ((void)(size), (index))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define fallthrough		__attribute__((__fallthrough__))
#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#define noinline		__attribute__((__noinline__))
#define __packed		__attribute__((__packed__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
/* A test program stops where the kernel would complain. */
#define WARN_ON_ONCE(x)						\
({								\
	bool __warn = (x);					\
								\
	assert(!__warn && #x);					\
	__warn;							\
})
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

#define min_t(t, a, b)							\
({									\
	t __min_a = (a);						\
	t __min_b = (b);						\
									\
	__min_a < __min_b ? __min_a : __min_b;				\
})
#define max_t(t, a, b)							\
({									\
	t __max_a = (a);						\
	t __max_b = (b);						\
									\
	__max_a > __max_b ? __max_a : __max_b;				\
})
#define min(a, b)		min_t(__typeof__((a) + 0), a, b)
#define max(a, b)		max_t(__typeof__((a) + 0), a, b)

#define container_of(ptr, type, member)					\
	((type *)((char *)(ptr) - offsetof(type, member)))

#endif /* __KERNEL__ */

#endif /* BELLOWS_PURE_H */
