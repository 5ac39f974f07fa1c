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

struct bellows_pt {
	const struct bellows_pt_format *format;
	u64 root;			/* machine address of the top table */
	u64 crypt;			/* memory-encryption bit, set in every entry */
	bool nx_large;			/* large leaves are never executable: a processor with an erratum */
	struct bellows_pt_counter pages; /* table pages, root included, those waiting to be freed not */
	/* Tables that enter or leave: for whoever compares .pages with the tree meanwhile. */
	struct bellows_pt_counter begun, done;
};

/* Table pages out of the tree, waiting until nobody can walk them. */
struct bellows_pt_dead {
	u64 head;
};

/* What a change met; counts are translations (a large one counts once). */
struct bellows_pt_found {
	bool stale;			/* TLBs may hold what is no longer there */
	u64 accessed;
	u64 dirty;			/* or writable and removed, where hardware does not say */
	u64 removed;
};

struct bellows_pt_iter {
	const struct bellows_pt *pt;
	u64 pos, end;			/* of the pages asked for, what is left */
	u64 page;			/* first page that *entry covers; may lie before pos */
	u64 *entry;			/* NULL: the end */
	u64 pte;			/* *entry, as read when the iterator came here */
	unsigned int level;
	u64 *table[BELLOWS_PT_MAX_LEVELS + 1];
};

void bellows_pt_iter_begin(struct bellows_pt_iter *it, const struct bellows_pt *pt, u64 start, u64 end);
void bellows_pt_iter_next(struct bellows_pt_iter *it);

/*
 * Visits every entry, present or not, that covers a page of [start, end): a
 * table's entry comes before the entries of the table. The body may change the
 * entry: it is read again before the step down.
 */
#define bellows_for_each_pte(it, pt, start, end) \
	for (bellows_pt_iter_begin(&(it), pt, start, end); (it).entry; bellows_pt_iter_next(&(it)))

static inline u64 bellows_pte_address(const struct bellows_pt *pt, u64 pte)
{
	return pte & BELLOWS_PT_ADDRESS & ~pt->crypt;
}

/* Is the whole range of the iterator's entry inside [start, end)? */
static inline bool bellows_pt_iter_inside(const struct bellows_pt_iter *it, u64 start, u64 end)
{
	return it->page >= start && it->page + bellows_pt_span(it->level) <= end;
}

int bellows_pt_init(struct bellows_pt *pt, const struct bellows_pt_format *format, u64 crypt);
/* Nobody walks the tree any more. */
void bellows_pt_destroy(struct bellows_pt *pt);

u64 bellows_pt_make_leaf(const struct bellows_pt *pt, mpn_t mpn, unsigned int level, u32 prot);
/*
 * Translates page to mpn. level: the highest at which the leaf may be; page
 * and mpn are then congruent, and every page of the large leaf translates
 * alike. Where a table already is, the leaf goes below it.
 * 0, -ENOMEM, -EINVAL (page beyond the tree).
 */
int bellows_pt_map(struct bellows_pt *pt, u64 page, mpn_t mpn, unsigned int level, u32 prot,
		   struct bellows_pt_found *found);

void bellows_pt_zap(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found);
void bellows_pt_readonly(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found);
void bellows_pt_split(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found);
void bellows_pt_harvest(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found);

/* Takes every table that lies wholly inside [start, end) out of the tree. May sleep, as the next. */
void bellows_pt_unlink(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_dead *dead);
/* No TLB and no walker knows them any more. */
void bellows_pt_free_dead(struct bellows_pt_dead *dead);

/* The leaf that translates page, 0: none. */
u64 bellows_pt_lookup(const struct bellows_pt *pt, u64 page, unsigned int *level);

#endif
