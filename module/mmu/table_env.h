/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_TABLE_ENV_H
#define BELLOWS_MMU_TABLE_ENV_H
/*
 * The few things page-table code needs from its surroundings: pages for
 * tables, a way to reach them, atomic access to entries, a counter. In the
 * kernel these are frames charged to the cgroup of the thread that faults; in a
 * test program they come from an allocator that can be told to fail.
 *
 * A table page that is out of the tree but may still be walked waits in a
 * list. The link lies outside the page: what hardware may still read stays as
 * it is.
 */
#include "pure.h"

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>

struct pt_counter {
	atomic_long_t value;
};

static inline void pt_count(struct pt_counter *counter, long n)
{
	atomic_long_add(n, &counter->value);
}

static inline long pt_counted(const struct pt_counter *counter)
{
	return atomic_long_read(&counter->value);
}

/* A zeroed page for a table, as machine address; 0: none. */
static inline u64 pt_page_alloc(void)
{
	/* A failed charge is the guest's problem, never the OOM killer's. */
	unsigned long va = __get_free_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN |
					   __GFP_RETRY_MAYFAIL);

	return va ? __pa(va) : 0;
}

/* Work without an end in sight: let others have the CPU. */
static inline void pt_resched(void)
{
	cond_resched();
}

static inline void pt_page_free(u64 pa)
{
	set_page_private(pfn_to_page(pa >> PAGE_SHIFT), 0);
	free_page((unsigned long)__va(pa));
}

static inline u64 *pt_page_virt(u64 pa)
{
	return __va(pa);
}

static inline u64 pt_page_link(u64 pa)
{
	return page_private(pfn_to_page(pa >> PAGE_SHIFT));
}

static inline void pt_page_set_link(u64 pa, u64 next)
{
	set_page_private(pfn_to_page(pa >> PAGE_SHIFT), next);
}

static inline bool pt_cmpxchg(u64 *entry, u64 *old, u64 new)
{
	return try_cmpxchg64(entry, old, new);
}

static inline u64 pt_xchg(u64 *entry, u64 new)
{
	return xchg(entry, new);
}

#else /* a test program */

struct pt_counter {
	long value;
};

u64 pt_page_alloc(void);
void pt_page_free(u64 pa);
u64 pt_page_link(u64 pa);
void pt_page_set_link(u64 pa, u64 next);
static inline void pt_resched(void) { }

static inline u64 *pt_page_virt(u64 pa)
{
	return (u64 *)(uintptr_t)pa;
}

static inline void pt_count(struct pt_counter *counter, long n)
{
	__atomic_fetch_add(&counter->value, n, __ATOMIC_RELAXED);
}

static inline long pt_counted(const struct pt_counter *counter)
{
	return __atomic_load_n(&counter->value, __ATOMIC_RELAXED);
}

static inline bool pt_cmpxchg(u64 *entry, u64 *old, u64 new)
{
	return __atomic_compare_exchange_n(entry, old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static inline u64 pt_xchg(u64 *entry, u64 new)
{
	return __atomic_exchange_n(entry, new, __ATOMIC_SEQ_CST);
}

#endif /* __KERNEL__ */

#endif
