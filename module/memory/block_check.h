/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_BLOCK_CHECK_H
#define BELLOWS_MEMORY_BLOCK_CHECK_H
/*
 * A check on the block's code itself, in debug builds: no frame may go back to
 * the host while a translation to it can exist, in a table or in a TLB.
 *
 * Each page that a lookup hands out counts as exposed from then on, because
 * the caller may map it. Removing translations takes the exposure away and
 * stamps the block with the number of the removal; a flush notes the last
 * number it covers. A frame may be freed if its page is not exposed and no
 * removal is newer than the last flush.
 */
#include "memory/page_set.h"

#ifdef BELLOWS_DEBUG

struct block_check {
	struct page_set exposed;
	u64 removals;			/* number of the last one */
	u64 flushed;			/* number of the last one a flush has covered */
};

static inline void block_check_expose(struct block_check *check, unsigned int first, unsigned int n)
{
	page_set_add(&check->exposed, first, n);
}

static inline void block_check_removed(struct block_check *check, unsigned int first,
				       unsigned int n, bool flush)
{
	page_set_remove(&check->exposed, first, n);
	check->removals += flush;
}

static inline void block_check_flushed(struct block_check *check)
{
	check->flushed = check->removals;
}

/* The object has no mapper left, which took its translations along. */
static inline void block_check_unmapped(struct block_check *check)
{
	page_set_remove(&check->exposed, 0, BELLOWS_BLOCK_PAGES);
	check->flushed = check->removals;
}

static inline bool block_check_may_free(const struct block_check *check,
					unsigned int first, unsigned int n)
{
	return !page_set_any(&check->exposed, first, n) &&
	       check->flushed == check->removals;
}

#else

struct block_check {
};

static inline void block_check_expose(struct block_check *check, unsigned int first,
				      unsigned int n) { }
static inline void block_check_removed(struct block_check *check, unsigned int first,
				       unsigned int n, bool flush) { }
static inline void block_check_flushed(struct block_check *check) { }
static inline void block_check_unmapped(struct block_check *check) { }
static inline bool block_check_may_free(const struct block_check *check,
					unsigned int first, unsigned int n) { return true; }

#endif

#endif
