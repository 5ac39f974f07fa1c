/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_BLOCK_H
#define BELLOWS_MEMORY_BLOCK_H
/*
 * The state of one block of a memory object: what each of its 512 pages is.
 *
 * Pure: frames are numbers here, and everything that has an effect elsewhere
 * (allocating, removing translations, flushing TLBs) goes through operations,
 * so that the same code runs in the kernel and in a test program whose TLBs
 * keep what nobody flushed. Only the functions declared here change a state.
 *
 * The caller holds the block's lock over every call.
 */
#include "numbers.h"
#include "memory/block_check.h"
#include "memory/intent.h"
#include "memory/page_set.h"

/*
 * What a page is. Those after PRIVATE are not made yet, but their places in
 * the classes below are fixed, since every question about a page asks a class.
 */
enum page_state {
	STATE_ABSENT,			/* reads as zero, costs nothing */
	STATE_PRIVATE,			/* a frame that is this page's alone */
	STATE_SHARED,			/* a frame of several pages, copied on write */
	STATE_BALLOONED,		/* the guest gave it away; reads as zero */
	STATE_COMPRESSED,
	STATE_SWAPPED,
	STATE_REMOTE,			/* on another host */
	STATE_BUSY,			/* between two states: wait, killably, then look again */
};

#define STATES_WITH_FRAME	(BIT(STATE_PRIVATE) | BIT(STATE_SHARED))
#define STATES_WRITABLE		BIT(STATE_PRIVATE)
#define STATES_ZERO		(BIT(STATE_ABSENT) | BIT(STATE_BALLOONED))
#define STATES_ELSEWHERE	(BIT(STATE_COMPRESSED) | BIT(STATE_SWAPPED) | BIT(STATE_REMOTE))
#define STATES_REAL		(BIT(STATE_ABSENT) | BIT(STATE_PRIVATE))

static inline bool state_has_frame(enum page_state state)
{
	return BIT(state) & STATES_WITH_FRAME;
}

static inline bool state_is_writable(enum page_state state)
{
	return BIT(state) & STATES_WRITABLE;
}

static inline bool state_reads_zero(enum page_state state)
{
	return BIT(state) & STATES_ZERO;
}

/*
 * How a block remembers its pages. A table (8 bytes a page) exists only where
 * pages differ from each other. A block goes from LARGE to RUN to TABLE and
 * never back, except through EMPTY.
 */
enum block_kind {
	BLOCK_EMPTY,			/* all ABSENT */
	BLOCK_LARGE,			/* all PRIVATE, one frame of order 9: pages have no references of their own */
	BLOCK_RUN,			/* all PRIVATE, still contiguous, but each page a frame of its own */
	BLOCK_TABLE,			/* at least one PRIVATE; see the table */
};

/*
 * A page in a table: its state and, where there is one, its frame.
 */
#define BLOCK_ENTRY_STATE_BITS		4
#define BLOCK_ENTRY_STATE_MASK		((1ULL << BLOCK_ENTRY_STATE_BITS) - 1)

static_assert(STATE_BUSY <= BLOCK_ENTRY_STATE_MASK);

static inline u64 block_entry(enum page_state state, mpn_t mpn)
{
	return mpn.v << BLOCK_ENTRY_STATE_BITS | state;
}

static inline enum page_state block_entry_state(u64 entry)
{
	return entry & BLOCK_ENTRY_STATE_MASK;
}

static inline mpn_t block_entry_mpn(u64 entry)
{
	return to_mpn(entry >> BLOCK_ENTRY_STATE_BITS);
}

/*
 * Where pages are written one after the other, as many frames are taken at once: that
 * costs little more than one. A power of two, and small enough to be found easily.
 */
#define BLOCK_AHEAD_ORDER		3
#define BLOCK_AHEAD			(1 << BLOCK_AHEAD_ORDER)

struct block {
	u8 kind;			/* enum block_kind */
	bool may_be_large;		/* [c] wholly inside the object, and the object wants it */
	u16 npages;			/* [c] of the object; less than 512 in its last block only */
	u16 nr_private;
	u64 base;			/* LARGE, RUN: frame of the first page */
	u64 *table;			/* TABLE: one entry a page */
	u64 ahead;			/* TABLE: the next of nr_ahead frames that wait for pages */
	u8 nr_ahead;
	struct page_set zero_mapped;	/* ABSENT pages that may be mapped, as zeros, read-only */
	struct block_check check;
};

/* What an object counts; one table drives names, statistics and the audit. */
#define MEMORY_COUNTS(X)							\
	X(PRIVATE, "pages with a frame of their own")			\
	X(LARGE, "of these, pages in blocks that one large entry may map") \
	X(TABLES, "tables of page states")				\
	X(BLOCKS, "block descriptors")					\
	X(AHEAD, "frames taken at once, until the last of them has its page")	\
	X(LEFT, "times a page was left alone, since there were other references")

enum memory_count {
#define X(name, text) COUNT_##name,
	MEMORY_COUNTS(X)
#undef X
	NR_COUNTS
};

struct block_env;

/* How a block acts on the world around it. Nothing here may take the block's lock. */
struct block_ops {
	/* Zeroed frames, 0 or -ENOMEM: 512 contiguous ones, aligned, as one; a single one. */
	int (*alloc_large)(struct block_env *env, mpn_t *mpn);
	int (*alloc_frame)(struct block_env *env, mpn_t *mpn);
	/* BLOCK_AHEAD contiguous ones, each by itself; without trying hard. */
	int (*alloc_frames)(struct block_env *env, mpn_t *mpn);
	void (*free_large)(struct block_env *env, mpn_t mpn);
	void (*free_frame)(struct block_env *env, mpn_t mpn);
	/* Gives each page of a large frame a reference of its own. */
	void (*split_large)(struct block_env *env, mpn_t mpn);
	/*
	 * The pages of one that was split, which no user maps any more, are one again, to be
	 * freed at once. False: one of them has another reference, or it is not worth while.
	 */
	bool (*join_large)(struct block_env *env, mpn_t mpn);
	/* Only the object holds a reference; the page is not mapped any more. */
	bool (*is_alone)(struct block_env *env, mpn_t mpn);
	u64 *(*alloc_table)(struct block_env *env);		/* zeroed, or NULL */
	void (*free_table)(struct block_env *env, u64 *table);
	/* Pages [first, first + n) of the block, at every mapper. */
	void (*change)(struct block_env *env, unsigned int first, unsigned int n,
		       enum bellows_mapper_op op, struct bellows_gather *gather);
	/* On return no TLB holds what change() has removed. */
	void (*flush)(struct block_env *env);
	void (*count)(struct block_env *env, enum memory_count what, long delta);
};

/* Of which object the block is at the moment: the block itself does not know. */
struct block_env {
	const struct block_ops *ops;
	mpn_t zero;			/* what ABSENT pages are mapped to */
};

/* What a lookup found. */
struct block_page {
	mpn_t mpn;
	bool writable;
	bool large;			/* the whole block is PRIVATE and contiguous */
};

void block_init(struct block *block, unsigned int npages, bool may_be_large);

enum page_state block_state(const struct block *block, unsigned int page);

/* 0; -ENOENT: nothing there (PEEK); -ENOMEM: nothing has changed. */
int block_lookup(struct block *block, struct block_env *env,
		 unsigned int page, enum bellows_intent intent,
		 struct block_page *found);

/* From here on each page of the block has a reference of its own to give away. */
void block_split(struct block *block, struct block_env *env);

/*
 * Makes pages ABSENT. Those with other references stay as they are and
 * are added to left. 0; -ENOMEM (part of a contiguous block only): contents
 * have not changed.
 */
int block_discard(struct block *block, struct block_env *env,
		  unsigned int first, unsigned int n, unsigned int *left);

/* Removes every translation; contents stay. */
void block_invalidate(struct block *block, struct block_env *env,
		      unsigned int first, unsigned int n);

/* There is nothing to remember: no frame, no translation. */
bool block_is_idle(const struct block *block);

/* Frees everything; nothing maps the object any more. */
void block_destroy(struct block *block, struct block_env *env);

/* Calls report once for each rule that page (or the block) breaks; returns how often. */
typedef void (*block_report_fn)(void *context, unsigned int page, const char *rule);
unsigned int block_audit(const struct block *block, block_report_fn report, void *context);

#endif
