/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_TABLE_H
#define BELLOWS_MMU_TABLE_H
/*
 * A tree of page tables of any format: one iterator, and what is done with it.
 * Addresses on the translated side are page numbers (guest frame numbers for
 * nested tables), on the other side machine page numbers.
 */
#include "types.h"
#include "mmu/format.h"
#include "mmu/table_env.h"

struct pt_tree {
	const struct bellows_pt_format *format;
	u64 root;			/* machine address of the top table */
	u64 crypt;			/* memory-encryption bit, set in every entry */
	bool nx_large;			/* large leaves are never executable: a processor with an erratum */
	struct pt_counter pages;	/* table pages, root included, those waiting to be freed not */
	/* Tables that enter or leave: for an audit that compares .pages with the tree meanwhile. */
	struct pt_counter begun, done;
};

/* Table pages out of the tree, waiting until nobody can walk them. */
struct pt_dead {
	u64 head;
};

/* What a change met; counts are translations (a large one counts once). */
struct pt_found {
	bool stale;			/* TLBs may hold what is no longer there */
	u64 accessed;
	u64 dirty;			/* or writable and removed, where hardware does not say */
	u64 removed;
};

struct pt_iter {
	const struct pt_tree *pt;
	u64 pos, end;			/* of the pages asked for, what is left */
	u64 page;			/* first page that *entry covers; may lie before pos */
	u64 *entry;			/* NULL: the end */
	u64 pte;			/* *entry, as read when the iterator came here */
	unsigned int level;
	u64 *table[PT_MAX_LEVELS + 1];
};

void pt_iter_begin(struct pt_iter *it, const struct pt_tree *pt, u64 start, u64 end);
void pt_iter_next(struct pt_iter *it);

/*
 * Visits every entry, present or not, that covers a page of [start, end): a
 * table's entry comes before the entries of the table. The body may change the
 * entry: it is read again before the step down.
 */
#define pt_for_each(it, pt, start, end) \
	for (pt_iter_begin(&(it), pt, start, end); (it).entry; pt_iter_next(&(it)))

static inline u64 pt_address(const struct pt_tree *pt, u64 pte)
{
	return pte & PT_ADDRESS & ~pt->crypt;
}

/* Is the whole range of the iterator's entry inside [start, end)? */
static inline bool pt_iter_inside(const struct pt_iter *it, u64 start, u64 end)
{
	return it->page >= start && it->page + pt_span(it->level) <= end;
}

int pt_init(struct pt_tree *pt, const struct bellows_pt_format *format, u64 crypt);
/* No thread walks the tree any more. */
void pt_destroy(struct pt_tree *pt);

u64 pt_make_leaf(const struct pt_tree *pt, mpn_t mpn, unsigned int level, u32 prot);
/*
 * Translates page to mpn. level: the highest at which the leaf may be; page
 * and mpn are then congruent, and every page of the large leaf translates
 * alike. Where a table already is, the leaf goes below it.
 * 0, -ENOMEM, -EINVAL (page beyond the tree).
 */
int pt_map(struct pt_tree *pt, u64 page, mpn_t mpn, unsigned int level, u32 prot,
	   struct pt_found *found);

void pt_zap(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found);
void pt_readonly(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found);
void pt_split(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found);
void pt_harvest(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found);

/* Takes every table that lies wholly inside [start, end) out of the tree. May sleep, as the next. */
void pt_unlink(struct pt_tree *pt, u64 start, u64 end, struct pt_dead *dead);
/* No TLB and no walker knows them any more. */
void pt_free_dead(struct pt_dead *dead);

/* The leaf that translates page, 0: none. */
u64 pt_lookup(const struct pt_tree *pt, u64 page, unsigned int *level);

#endif
