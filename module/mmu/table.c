// SPDX-License-Identifier: GPL-2.0
/*
 * The walker: installs, changes and removes entries in a tree of page tables
 * of any format.
 *
 * Many threads and the processors themselves work on one tree at the same
 * time, and there is no lock on it. What keeps it sound:
 *
 * 1. A leaf is installed and changed by whoever holds the lock of the block of
 *    memory it maps (the caller sees to that), so no two threads do it at
 *    once. Removing is allowed to anybody: bellows_pt_zap() works beside all
 *    else, but for installing. And hardware sets accessed and dirty at any
 *    moment. So a leaf is changed and removed with compare-and-exchange only,
 *    and no dirty bit is lost.
 * 2. An entry that points to a table may be installed by two threads at once,
 *    for blocks that share the table. Compare-and-exchange from zero decides;
 *    the loser frees its page, which nobody has seen, and takes the winner's.
 * 3. A table enters the tree complete: zeroed, or filled with the pieces of
 *    the large leaf it replaces.
 * 4. A table leaves the tree only through bellows_pt_unlink(), called when no
 *    other thread can be inside (the caller sees to that, too). Processors
 *    still can: the page goes to a list, unchanged, and is freed after the TLB
 *    flush.
 *
 * A walk costs nothing but its reads, and has no recursion: the iterator holds
 * the path.
 */
#include "mmu/table.h"

static unsigned int table_index(u64 page, unsigned int level)
{
	return (page >> ((level - 1) * BELLOWS_PT_SHIFT)) & (BELLOWS_PT_ENTRIES - 1);
}

static u64 *table_of(const struct bellows_pt *pt, u64 pte)
{
	return bellows_pt_page_virt(bellows_pte_address(pt, pte));
}

static void visit(struct bellows_pt_iter *it)
{
	it->page = it->pos & ~(bellows_pt_span(it->level) - 1);
	it->entry = &it->table[it->level][table_index(it->pos, it->level)];
	it->pte = READ_ONCE(*it->entry);
}

void bellows_pt_iter_begin(struct bellows_pt_iter *it, const struct bellows_pt *pt, u64 start, u64 end)
{
	it->pt = pt;
	it->pos = start;
	it->end = min(end, bellows_pt_limit(pt->format));
	it->level = pt->format->levels;
	it->entry = NULL;
	if (it->pos >= it->end)
		return;
	it->table[it->level] = bellows_pt_page_virt(pt->root);
	visit(it);
}

void bellows_pt_iter_next(struct bellows_pt_iter *it)
{
	const struct bellows_pt_format *f = it->pt->format;
	u64 pte = READ_ONCE(*it->entry);

	if (bellows_pte_is_table(f, pte, it->level)) {
		it->level--;
		it->table[it->level] = table_of(it->pt, pte);
		visit(it);
		return;
	}
	it->pos = it->page + bellows_pt_span(it->level);
	if (it->pos >= it->end) {
		it->entry = NULL;
		return;
	}
	/* Index 0 is where the step left the table behind. */
	while (!table_index(it->pos, it->level))
		it->level++;
	visit(it);
}

int bellows_pt_init(struct bellows_pt *pt, const struct bellows_pt_format *format, u64 crypt)
{
	memset(pt, 0, sizeof(*pt));
	pt->format = format;
	pt->crypt = crypt;
	pt->root = bellows_pt_page_alloc();
	if (!pt->root)
		return -ENOMEM;
	bellows_pt_count(&pt->pages, 1);
	return 0;
}

void bellows_pt_destroy(struct bellows_pt *pt)
{
	struct bellows_pt_dead dead = {};

	bellows_pt_unlink(pt, 0, U64_MAX, &dead);
	bellows_pt_free_dead(&dead);
	bellows_pt_page_free(pt->root);
	bellows_pt_count(&pt->pages, -1);
	pt->root = 0;
}

u64 bellows_pt_make_leaf(const struct bellows_pt *pt, mpn_t mpn, unsigned int level, u32 prot)
{
	const struct bellows_pt_format *f = pt->format;
	u64 pte = (mpn.v << PAGE_SHIFT) | pt->crypt | f->leaf | f->accessed;

	if (level > 1) {
		pte |= f->large;
		if (pt->nx_large)
			prot &= ~BELLOWS_PT_EXEC;
	}
	if (prot & BELLOWS_PT_WRITE)
		pte |= f->write;
	pte |= prot & BELLOWS_PT_EXEC ? f->exec : f->noexec;
	if (prot & BELLOWS_PT_DIRTY)
		pte |= f->dirty;
	return pte;
}

static void note_found(const struct bellows_pt_format *f, u64 pte, struct bellows_pt_found *found)
{
	if (!f->accessed || (pte & f->accessed))
		found->accessed++;
	if (pte & (f->dirty ? f->dirty : f->write))
		found->dirty++;
}

/* The first of the 512 entries that together say what one above them says. */
static u64 first_piece(const struct bellows_pt *pt, u64 pte, unsigned int level)
{
	const struct bellows_pt_format *f = pt->format;

	if (!bellows_pte_present(f, pte))
		return 0;
	if (level > 2)
		return pte;
	pte &= ~f->large;
	if (pt->nx_large)
		pte = (pte | f->exec) & ~f->noexec;
	return pte;
}

/* Puts a table in the place of a large leaf, or of nothing. False: no memory. */
static bool install_table(struct bellows_pt *pt, u64 *entry, unsigned int level,
			  struct bellows_pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	u64 page = bellows_pt_page_alloc();
	u64 pte, piece, *table;
	unsigned int i;

	if (!page)
		return false;
	table = bellows_pt_page_virt(page);
	pte = READ_ONCE(*entry);
	bellows_pt_count(&pt->begun, 1);
	do {
		if (bellows_pte_is_table(f, pte, level)) {
			bellows_pt_count(&pt->done, 1);
			bellows_pt_page_free(page);
			return true;
		}
		piece = first_piece(pt, pte, level);
		for (i = 0; i < BELLOWS_PT_ENTRIES; i++) {
			table[i] = piece;
			if (piece)
				piece += bellows_pt_span(level - 1) << PAGE_SHIFT;
		}
	} while (!bellows_pte_cmpxchg(entry, &pte, page | pt->crypt | f->table));
	bellows_pt_count(&pt->pages, 1);
	bellows_pt_count(&pt->done, 1);
	found->stale |= bellows_pte_present(f, pte);
	return true;
}

/* Writes a leaf. What hardware noted about the same frame is kept. */
static void set_leaf(struct bellows_pt *pt, u64 *entry, u64 leaf, struct bellows_pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	u64 pte = READ_ONCE(*entry);
	bool same;
	u64 new;

	do {
		same = bellows_pte_present(f, pte) &&
		       bellows_pte_address(pt, pte) == bellows_pte_address(pt, leaf);
		new = same ? leaf | (pte & (f->accessed | f->dirty)) : leaf;
		if (new == pte)
			return;
	} while (!bellows_pte_cmpxchg(entry, &pte, new));

	/* More permission needs no flush: a processor walks again before it faults. */
	if (same) {
		found->stale |= (pte & ~new & (f->write | f->exec)) || (~pte & new & f->noexec);
	} else if (bellows_pte_present(f, pte)) {
		note_found(f, pte, found);
		found->removed++;
		found->stale = true;
	}
}

int bellows_pt_map(struct bellows_pt *pt, u64 page, mpn_t mpn, unsigned int level, u32 prot,
		   struct bellows_pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	u64 *table = bellows_pt_page_virt(pt->root);
	unsigned int l = f->levels;
	u64 *entry, pte;

	if (page >= bellows_pt_limit(f))
		return -EINVAL;
	for (;;) {
		entry = &table[table_index(page, l)];
		pte = READ_ONCE(*entry);
		if (!bellows_pte_is_table(f, pte, l)) {
			if (l <= level)
				break;
			if (!install_table(pt, entry, l, found))
				return -ENOMEM;
			pte = READ_ONCE(*entry);
		}
		table = table_of(pt, pte);
		l--;
	}
	mpn.v &= ~(bellows_pt_span(l) - 1);
	set_leaf(pt, entry, bellows_pt_make_leaf(pt, mpn, l, prot), found);
	return 0;
}

static void zap_entry(const struct bellows_pt_iter *it, struct bellows_pt_found *found)
{
	u64 pte = it->pte;

	do {
		/* Somebody put a table there, which the iterator then steps into; or zapped it, too. */
		if (!bellows_pte_is_leaf(it->pt->format, pte, it->level))
			return;
	} while (!bellows_pte_cmpxchg(it->entry, &pte, 0));
	note_found(it->pt->format, pte, found);
	found->removed++;
	found->stale = true;
}

/*
 * A leaf that reaches beyond the range: true when it is now a table, so that
 * the iterator finds the pieces. False: no memory; the caller then does to the
 * whole leaf whatever is harmless there.
 */
static bool split_entry(struct bellows_pt *pt, const struct bellows_pt_iter *it,
			struct bellows_pt_found *found)
{
	return install_table(pt, it->entry, it->level, found);
}

void bellows_pt_zap(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found)
{
	struct bellows_pt_iter it;

	bellows_for_each_pte(it, pt, start, end) {
		if (!bellows_pte_is_leaf(pt->format, it.pte, it.level))
			continue;
		if (bellows_pt_iter_inside(&it, start, end) || !split_entry(pt, &it, found))
			zap_entry(&it, found);
	}
}

void bellows_pt_split(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found)
{
	struct bellows_pt_iter it;

	bellows_for_each_pte(it, pt, start, end) {
		if (it.level == 1 || !bellows_pte_is_leaf(pt->format, it.pte, it.level))
			continue;
		if (!split_entry(pt, &it, found))
			zap_entry(&it, found);
	}
}

/* Takes bits away from a leaf; returns what it was. */
static u64 clear_bits(const struct bellows_pt_iter *it, u64 bits)
{
	u64 pte = it->pte;

	while ((pte & bits) && !bellows_pte_cmpxchg(it->entry, &pte, pte & ~bits))
		;
	return pte;
}

void bellows_pt_readonly(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	struct bellows_pt_iter it;
	u64 pte, bits;

	bellows_for_each_pte(it, pt, start, end) {
		if (!bellows_pte_is_leaf(f, it.pte, it.level) || !(it.pte & f->write))
			continue;
		bits = f->write | f->dirty;
		if (!bellows_pt_iter_inside(&it, start, end)) {
			if (split_entry(pt, &it, found))
				continue;
			/* Not split, it keeps what belongs to other pages, too. */
			bits = f->write;
		}
		pte = clear_bits(&it, bits);
		if (pte & (f->dirty ? f->dirty : f->write))
			found->dirty++;
		found->stale = true;
	}
}

void bellows_pt_harvest(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_found *found)
{
	const struct bellows_pt_format *f = pt->format;
	struct bellows_pt_iter it;
	u64 pte;

	bellows_for_each_pte(it, pt, start, end) {
		if (!bellows_pte_is_leaf(f, it.pte, it.level))
			continue;
		if (!bellows_pt_iter_inside(&it, start, end)) {
			/* Not split, it keeps its bits: they belong to other pages, too. */
			if (!split_entry(pt, &it, found))
				note_found(f, it.pte, found);
			continue;
		}
		if (!f->accessed) {
			/* Only a new fault tells that it is still in use. */
			zap_entry(&it, found);
			continue;
		}
		pte = clear_bits(&it, f->accessed | f->dirty);
		if (!bellows_pte_present(f, pte))
			continue;
		note_found(f, pte, found);
		found->stale |= pte & (f->accessed | f->dirty);
	}
}

void bellows_pt_unlink(struct bellows_pt *pt, u64 start, u64 end, struct bellows_pt_dead *dead)
{
	struct bellows_pt_iter it;
	unsigned int level;
	u64 page;

	/* From the leaves up: a table that goes has no tables below it any more. */
	for (level = 2; level <= pt->format->levels; level++) {
		bellows_for_each_pte(it, pt, start, end) {
			/* A GiB at a time, at most. */
			if (it.level > 2)
				bellows_pt_resched();
			if (it.level != level || !bellows_pte_is_table(pt->format, it.pte, level) ||
			    !bellows_pt_iter_inside(&it, start, end))
				continue;
			bellows_pt_count(&pt->begun, 1);
			page = bellows_pte_address(pt, bellows_pte_xchg(it.entry, 0));
			bellows_pt_page_set_link(page, dead->head);
			dead->head = page;
			bellows_pt_count(&pt->pages, -1);
			bellows_pt_count(&pt->done, 1);
		}
	}
}

void bellows_pt_free_dead(struct bellows_pt_dead *dead)
{
	unsigned int freed = 0;
	u64 page, next;

	for (page = dead->head; page; page = next) {
		next = bellows_pt_page_link(page);
		bellows_pt_page_free(page);
		if (!(++freed % BELLOWS_PT_ENTRIES))
			bellows_pt_resched();
	}
	dead->head = 0;
}

u64 bellows_pt_lookup(const struct bellows_pt *pt, u64 page, unsigned int *level)
{
	struct bellows_pt_iter it;

	bellows_for_each_pte(it, pt, page, page + 1) {
		if (bellows_pte_is_leaf(pt->format, it.pte, it.level)) {
			*level = it.level;
			return it.pte;
		}
	}
	return 0;
}
