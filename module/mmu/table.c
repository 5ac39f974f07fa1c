// SPDX-License-Identifier: GPL-2.0
/*
 * The walker: installs, changes and removes entries in a tree of page tables
 * of any format.
 *
 * Many threads and the processors themselves work on one tree at the same
 * time, and there is no lock on it. What keeps it sound:
 *
 * 1. A leaf is installed and changed with the lock of the block of memory held
 *    that it maps (the caller sees to that), so no two threads do it at once.
 *    Removing needs no lock: pt_zap() works beside all else, but for
 *    installing. And hardware sets accessed and dirty at any moment. So a leaf is changed and removed with compare-and-exchange only,
 *    and no dirty bit is lost.
 * 2. An entry that points to a table may be installed by two threads at once,
 *    for blocks that share the table. Compare-and-exchange from zero decides;
 *    the loser frees its page, which no thread has seen, and takes the winner's.
 * 3. A table enters the tree complete: zeroed, or filled with the pieces of
 *    the large leaf it replaces.
 * 4. A table leaves the tree only through pt_unlink(), called when no
 *    other thread can be inside (the caller sees to that, too). Processors
 *    still can: the page goes to a list, unchanged, and is freed after the TLB
 *    flush.
 *
 * A walk costs nothing but its reads, and has no recursion: the iterator holds
 * the path.
 */
#include "mmu/table.h"

static unsigned int pt_index(u64 page, unsigned int level)
{
	return (page >> ((level - 1) * PT_SHIFT)) & (PT_ENTRIES - 1);
}

static u64 *pt_table_of(const struct pt_tree *pt, u64 pte)
{
	return pt_page_virt(pt_address(pt, pte));
}

static void pt_iter_visit(struct pt_iter *it)
{
	it->page = it->pos & ~(pt_span(it->level) - 1);
	it->entry = &it->table[it->level][pt_index(it->pos, it->level)];
	it->pte = READ_ONCE(*it->entry);
}

void pt_iter_begin(struct pt_iter *it, const struct pt_tree *pt, u64 start, u64 end)
{
	it->pt = pt;
	it->pos = start;
	it->end = min(end, pt_limit(pt->format));
	it->level = pt->format->levels;
	it->entry = NULL;
	if (it->pos >= it->end)
		return;
	it->table[it->level] = pt_page_virt(pt->root);
	pt_iter_visit(it);
}

void pt_iter_next(struct pt_iter *it)
{
	const struct bellows_pt_format *f = it->pt->format;
	u64 pte = READ_ONCE(*it->entry);

	if (pt_is_table(f, pte, it->level)) {
		it->level--;
		it->table[it->level] = pt_table_of(it->pt, pte);
		pt_iter_visit(it);
		return;
	}
	it->pos = it->page + pt_span(it->level);
	if (it->pos >= it->end) {
		it->entry = NULL;
		return;
	}
	/* Index 0 is where the step left the table behind. */
	while (!pt_index(it->pos, it->level))
		it->level++;
	pt_iter_visit(it);
}

int pt_init(struct pt_tree *pt, const struct bellows_pt_format *format, u64 crypt)
{
	memset(pt, 0, sizeof(*pt));
	pt->format = format;
	pt->crypt = crypt;
	pt->root = pt_page_alloc();
	if (!pt->root)
		return -ENOMEM;
	pt_count(&pt->pages, 1);
	return 0;
}

void pt_destroy(struct pt_tree *pt)
{
	struct pt_dead dead = {};

	pt_unlink(pt, 0, U64_MAX, &dead);
	pt_free_dead(&dead);
	pt_page_free(pt->root);
	pt_count(&pt->pages, -1);
	pt->root = 0;
}

u64 pt_make_leaf(const struct pt_tree *pt, mpn_t mpn, unsigned int level, u32 prot)
{
	const struct bellows_pt_format *f = pt->format;
	u64 pte = (mpn.v << PAGE_SHIFT) | pt->crypt | f->leaf | f->accessed;

	if (level > 1) {
		pte |= f->large;
		if (pt->nx_large)
			prot &= ~PT_EXEC;
	}
	if (prot & PT_WRITE)
		pte |= f->write;
	pte |= prot & PT_EXEC ? f->exec : f->noexec;
	if (prot & PT_DIRTY)
		pte |= f->dirty;
	return pte;
}

static void pt_note_found(const struct bellows_pt_format *f, u64 pte, struct pt_found *found)
{
	if (!f->accessed || (pte & f->accessed))
		found->accessed++;
	if (pte & (f->dirty ? f->dirty : f->write))
		found->dirty++;
}

/* The first of the 512 entries that together say what one above them says. */
static u64 pt_first_piece(const struct pt_tree *pt, u64 pte, unsigned int level)
{
	const struct bellows_pt_format *f = pt->format;

	if (!pt_present(f, pte))
		return 0;
	if (level > 2)
		return pte;
	pte &= ~f->large;
	if (pt->nx_large)
		pte = (pte | f->exec) & ~f->noexec;
	return pte;
}

/* Puts a table in the place of a large leaf, or of nothing. False: no memory. */
static bool pt_install_table(struct pt_tree *pt, u64 *entry, unsigned int level,
			     struct pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	u64 page = pt_page_alloc();
	u64 pte, piece, *table;
	unsigned int i;

	if (!page)
		return false;
	table = pt_page_virt(page);
	pte = READ_ONCE(*entry);
	pt_count(&pt->begun, 1);
	do {
		if (pt_is_table(f, pte, level)) {
			pt_count(&pt->done, 1);
			pt_page_free(page);
			return true;
		}
		piece = pt_first_piece(pt, pte, level);
		for (i = 0; i < PT_ENTRIES; i++) {
			table[i] = piece;
			if (piece)
				piece += pt_span(level - 1) << PAGE_SHIFT;
		}
	} while (!pt_cmpxchg(entry, &pte, page | pt->crypt | f->table));
	pt_count(&pt->pages, 1);
	pt_count(&pt->done, 1);
	found->stale |= pt_present(f, pte);
	return true;
}

/* Writes a leaf. What hardware noted about the same frame is kept. */
static void pt_set_leaf(struct pt_tree *pt, u64 *entry, u64 leaf, struct pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	u64 pte = READ_ONCE(*entry);
	bool same;
	u64 new;

	do {
		same = pt_present(f, pte) &&
		       pt_address(pt, pte) == pt_address(pt, leaf);
		new = same ? leaf | (pte & (f->accessed | f->dirty)) : leaf;
		if (new == pte)
			return;
	} while (!pt_cmpxchg(entry, &pte, new));

	/* More permission needs no flush: a processor walks again before it faults. */
	if (same) {
		found->stale |= (pte & ~new & (f->write | f->exec)) || (~pte & new & f->noexec);
	} else if (pt_present(f, pte)) {
		pt_note_found(f, pte, found);
		found->removed++;
		found->stale = true;
	}
}

int pt_map(struct pt_tree *pt, u64 page, mpn_t mpn, unsigned int level, u32 prot,
	   struct pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	u64 *table = pt_page_virt(pt->root);
	unsigned int l = f->levels;
	u64 *entry, pte;

	if (page >= pt_limit(f))
		return -EINVAL;
	for (;;) {
		entry = &table[pt_index(page, l)];
		pte = READ_ONCE(*entry);
		if (!pt_is_table(f, pte, l)) {
			if (l <= level)
				break;
			if (!pt_install_table(pt, entry, l, found))
				return -ENOMEM;
			pte = READ_ONCE(*entry);
		}
		table = pt_table_of(pt, pte);
		l--;
	}
	mpn.v &= ~(pt_span(l) - 1);
	pt_set_leaf(pt, entry, pt_make_leaf(pt, mpn, l, prot), found);
	return 0;
}

static void pt_zap_entry(const struct pt_iter *it, struct pt_found *found)
{
	u64 pte = it->pte;

	do {
		/* Another thread put a table there, which the iterator then steps into; or zapped it, too. */
		if (!pt_is_leaf(it->pt->format, pte, it->level))
			return;
	} while (!pt_cmpxchg(it->entry, &pte, 0));
	pt_note_found(it->pt->format, pte, found);
	found->removed++;
	found->stale = true;
}

/*
 * A leaf that reaches beyond the range: true when it is now a table, so that
 * the iterator finds the pieces. False: no memory; the caller then does to the
 * whole leaf whatever is harmless there.
 */
static bool pt_split_entry(struct pt_tree *pt, const struct pt_iter *it, struct pt_found *found)
{
	return pt_install_table(pt, it->entry, it->level, found);
}

void pt_zap(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found)
{
	struct pt_iter it;

	pt_for_each(it, pt, start, end) {
		if (!pt_is_leaf(pt->format, it.pte, it.level))
			continue;
		if (pt_iter_inside(&it, start, end) || !pt_split_entry(pt, &it, found))
			pt_zap_entry(&it, found);
	}
}

void pt_split(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found)
{
	struct pt_iter it;

	pt_for_each(it, pt, start, end) {
		if (it.level == 1 || !pt_is_leaf(pt->format, it.pte, it.level))
			continue;
		if (!pt_split_entry(pt, &it, found))
			pt_zap_entry(&it, found);
	}
}

/* Takes bits away from a leaf; returns what it was. */
static u64 pt_clear_bits(const struct pt_iter *it, u64 bits)
{
	u64 pte = it->pte;

	while ((pte & bits) && !pt_cmpxchg(it->entry, &pte, pte & ~bits))
		;
	return pte;
}

void pt_readonly(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	struct pt_iter it;
	u64 pte, bits;

	pt_for_each(it, pt, start, end) {
		if (!pt_is_leaf(f, it.pte, it.level) || !(it.pte & f->write))
			continue;
		bits = f->write | f->dirty;
		if (!pt_iter_inside(&it, start, end)) {
			if (pt_split_entry(pt, &it, found))
				continue;
			/* Not split, it keeps what belongs to other pages, too. */
			bits = f->write;
		}
		pte = pt_clear_bits(&it, bits);
		if (pte & (f->dirty ? f->dirty : f->write))
			found->dirty++;
		found->stale = true;
	}
}

void pt_harvest(struct pt_tree *pt, u64 start, u64 end, struct pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	struct pt_iter it;
	u64 pte;

	pt_for_each(it, pt, start, end) {
		if (!pt_is_leaf(f, it.pte, it.level))
			continue;
		if (!pt_iter_inside(&it, start, end)) {
			/* Not split, it keeps its bits: they belong to other pages, too. */
			if (!pt_split_entry(pt, &it, found))
				pt_note_found(f, it.pte, found);
			continue;
		}
		if (!f->accessed) {
			/* Only a new fault tells that it is still in use. */
			pt_zap_entry(&it, found);
			continue;
		}
		pte = pt_clear_bits(&it, f->accessed | f->dirty);
		if (!pt_present(f, pte))
			continue;
		pt_note_found(f, pte, found);
		found->stale |= pte & (f->accessed | f->dirty);
	}
}

void pt_unlink(struct pt_tree *pt, u64 start, u64 end, struct pt_dead *dead)
{
	struct pt_iter it;
	unsigned int level;
	u64 page;

	/* From the leaves up: a table that goes has no tables below it any more. */
	for (level = 2; level <= pt->format->levels; level++) {
		pt_for_each(it, pt, start, end) {
			/* A GiB at a time, at most. */
			if (it.level > 2)
				pt_resched();
			if (it.level != level || !pt_is_table(pt->format, it.pte, level) ||
			    !pt_iter_inside(&it, start, end))
				continue;
			pt_count(&pt->begun, 1);
			page = pt_address(pt, pt_xchg(it.entry, 0));
			pt_page_set_link(page, dead->head);
			dead->head = page;
			pt_count(&pt->pages, -1);
			pt_count(&pt->done, 1);
		}
	}
}

void pt_free_dead(struct pt_dead *dead)
{
	unsigned int freed = 0;
	u64 page, next;

	for (page = dead->head; page; page = next) {
		next = pt_page_link(page);
		pt_page_free(page);
		if (!(++freed % PT_ENTRIES))
			pt_resched();
	}
	dead->head = 0;
}

u64 pt_lookup(const struct pt_tree *pt, u64 page, unsigned int *level)
{
	struct pt_iter it;

	pt_for_each(it, pt, page, page + 1) {
		if (pt_is_leaf(pt->format, it.pte, it.level)) {
			*level = it.level;
			return it.pte;
		}
	}
	return 0;
}
