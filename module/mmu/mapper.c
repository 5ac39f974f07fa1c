// SPDX-License-Identifier: GPL-2.0
/*
 * The mapper of a slot: what a memory object asks of the nested tables. It
 * calls with the lock of a block held, for a range inside that block.
 *
 * A table page serves up to 512 pages, whose blocks may differ where a slot is
 * shifted against its object, so no block lock protects it; the walker says why
 * that works. One case is simpler: a 2 MiB range of guest addresses that is
 * exactly one block. A thread that changes an entry below it holds that
 * block's lock. When such a block is zapped whole, its table goes too, and the
 * next fault may put a large leaf there. Table pages out of the tree wait for
 * the flush that ends the zap, and longer while a thread walks without a block
 * lock (the audit; a slot that leaves), which mapper_walk_begin() tells.
 */
#include "mmu/mapper.h"
#include "mmu/mmu.h"
#include "mmu/view.h"

void mapper_walk_begin(struct bellows_mmu *mmu)
{
	spin_lock(&mmu->dead_lock);
	mmu->walkers++;
	spin_unlock(&mmu->dead_lock);
}

void mapper_walk_end(struct bellows_mmu *mmu)
{
	spin_lock(&mmu->dead_lock);
	mmu->walkers--;
	spin_unlock(&mmu->dead_lock);
}

/* What is dead before the flush is free after it, unless a thread walks without a lock. */
static void slot_mapper_flush(struct bellows_mapper *mapper)
{
	struct bellows_mmu *mmu = container_of(mapper, struct slot, mapper)->mmu;
	struct pt_dead dead = {};

	spin_lock(&mmu->dead_lock);
	if (!mmu->walkers)
		swap(dead.head, mmu->dead.head);
	spin_unlock(&mmu->dead_lock);
	mmu->ops->flush_tlb(mmu);
	pt_free_dead(&dead);
}

/* The range is one block, whole, and nothing else uses the table that maps it. */
static void slot_mapper_drop_table(struct bellows_mmu *mmu, gfn_t gfn, struct pt_found *found)
{
	struct pt_dead dead = {};
	u64 page;

	pt_unlink(&mmu->pt, gfn.v, gfn.v + BELLOWS_BLOCK_PAGES, &dead);
	page = dead.head;
	if (!page)
		return;
	found->stale = true;
	spin_lock(&mmu->dead_lock);
	pt_page_set_link(page, mmu->dead.head);
	mmu->dead.head = page;
	spin_unlock(&mmu->dead_lock);
}

static void slot_mapper_change(struct bellows_mapper *mapper, opn_t start, u64 npages,
			       enum bellows_mapper_op op, struct bellows_gather *gather)
{
	struct slot *slot = container_of(mapper, struct slot, mapper);
	u64 first = max(start.v, slot->opn.v);
	u64 end = min(start.v + npages, slot->opn.v + slot->npages);
	struct bellows_mmu *mmu = slot->mmu;
	struct pt_found found = {};
	gfn_t gfn;

	if (first >= end)
		return;
	gfn = to_gfn(slot->base.v + (first - slot->opn.v));
	npages = end - first;
	end = gfn.v + npages;

	switch (op) {
	case BELLOWS_MAP_ZAP:
		pt_zap(&mmu->pt, gfn.v, end, &found);
		views_forget(mmu, gfn, npages);
		if (npages == BELLOWS_BLOCK_PAGES && !(gfn.v % BELLOWS_BLOCK_PAGES))
			slot_mapper_drop_table(mmu, gfn, &found);
		break;
	case BELLOWS_MAP_READONLY:
		pt_readonly(&mmu->pt, gfn.v, end, &found);
		break;
	case BELLOWS_MAP_SPLIT:
		pt_split(&mmu->pt, gfn.v, end, &found);
		break;
	case BELLOWS_MAP_HARVEST:
		pt_harvest(&mmu->pt, gfn.v, end, &found);
		break;
	}
	/* Pairs with a slot that leaves: what it removed may not be flushed yet. */
	smp_mb();
	gather->flush |= found.stale || READ_ONCE(slot->leaving);
	gather->accessed += found.accessed;
	gather->dirty += found.dirty;
	gather->removed += found.removed;
}

const struct bellows_mapper_ops slot_mapper_ops = {
	.change = slot_mapper_change,
	.flush = slot_mapper_flush,
};
