// SPDX-License-Identifier: GPL-2.0
/*
 * Recomputes what the nested tables should say and compares: every leaf lies
 * in a slot and translates to the frame that the object has there now, with no
 * more permission than it gives; large leaves map whole blocks; what is not
 * present is zero; the count of table pages is true.
 *
 * It runs beside faults and zaps. A leaf is judged only while the lock of its
 * block is held, and is read again for that. Table pages stay readable because
 * the walk is announced, and the slots because their lock is held. The count
 * of tables is judged only if none came or went meanwhile.
 */
#include <linux/seq_file.h>
#include "mmu/mapper.h"
#include "mmu/slots.h"

struct mmu_audit {
	struct bellows_mmu *mmu;
	struct seq_file *m;
	unsigned int errors;
};

static void mmu_complain(struct mmu_audit *a, const char *what, gfn_t gfn, u64 pte)
{
	a->errors++;
	if (a->m)
		seq_printf(a->m, "mmu: %s: gfn %#llx entry %#llx\n", what, gfn.v, pte);
}

static void mmu_audit_slots(struct mmu_audit *a)
{
	const struct slots *slots =
		rcu_dereference_protected(a->mmu->slots, lockdep_is_held(&a->mmu->slots_lock));
	const struct slot *slot;
	unsigned int i;
	u64 end = 0;

	for (i = 0; i < slots->nr; i++) {
		slot = slots->slot[i];
		if (slot->base.v < end)
			mmu_complain(a, "slots overlap or are unsorted", slot->base, 0);
		end = slot->base.v + slot->npages;
		if (!slot->npages || end > 1ULL << (a->mmu->maxphyaddr - PAGE_SHIFT))
			mmu_complain(a, "slot outside of the address space", slot->base, 0);
		if (slot->opn.v + slot->npages > bellows_memory_npages(slot->memory))
			mmu_complain(a, "slot reaches beyond its object", slot->base, 0);
		if (slot->leaving || list_empty(&slot->mapper.link))
			mmu_complain(a, "slot without a mapper", slot->base, 0);
	}
}

/* A page that is absent may be mapped, as zeros: the object says which frame that is. */
static int mmu_audit_lookup(const struct slot *slot, gfn_t gfn, struct bellows_frame *frame)
{
	opn_t opn = slot_opn(slot, gfn);
	int err = bellows_memory_lookup(slot->memory, opn, BELLOWS_INTENT_PEEK, frame);

	if (err == -ENOENT)
		err = bellows_memory_lookup(slot->memory, opn, BELLOWS_INTENT_READ, frame);
	return err;
}

/* The block of frame is locked: no thread installs, changes or removes gfn's leaf. */
static void mmu_audit_frame(struct mmu_audit *a, const struct slot *slot, gfn_t gfn,
			    const struct bellows_frame *frame)
{
	const struct bellows_pt_format *f = a->mmu->format;
	const struct pt_tree *pt = &a->mmu->pt;
	unsigned int level;
	u64 pte, span, mpn;

	lockdep_assert(bellows_memory_frame_held(frame));
	pte = pt_lookup(pt, gfn.v, &level);
	if (!pte)
		return;
	span = pt_span(level);
	mpn = (pt_address(pt, pte) >> PAGE_SHIFT) + (gfn.v & (span - 1));
	if (mpn != frame->mpn.v)
		mmu_complain(a, "translates to a frame that the object does not have there", gfn,
			     pte);
	if ((pte & f->write) && (!frame->writable || (slot->flags & KVM_MEM_READONLY)))
		mmu_complain(a, "writable, but must not be", gfn, pte);
	if ((pte & f->dirty) && !(pte & f->write))
		mmu_complain(a, "dirty, but not writable", gfn, pte);
	if (level == 1)
		return;
	if (level != 2 || !frame->large || (gfn.v ^ frame->opn.v) & (span - 1) ||
	    !slot_has(slot, to_gfn(gfn.v & ~(span - 1))) ||
	    !slot_has(slot, to_gfn(gfn.v | (span - 1))))
		mmu_complain(a, "large, but not all of it is one block", gfn, pte);
	if (pt->nx_large && ((pte & f->exec) || (f->noexec && !(pte & f->noexec))))
		mmu_complain(a, "large and executable, which this processor must not see", gfn,
			     pte);
}

static void mmu_audit_leaf(struct mmu_audit *a, gfn_t gfn, u64 pte)
{
	const struct slot *slot = slot_find(a->mmu, gfn);
	struct bellows_frame frame;
	int err;

	if (!slot) {
		mmu_complain(a, "translates outside of any slot", gfn, pte);
		return;
	}
	err = mmu_audit_lookup(slot, gfn, &frame);
	if (err) {
		if (err != -EINTR)
			mmu_complain(a, "the object has no page there", gfn, pte);
		return;
	}
	mmu_audit_frame(a, slot, gfn, &frame);
	bellows_memory_release(&frame);
}

static void mmu_audit_tables(struct mmu_audit *a)
{
	const struct pt_tree *pt = &a->mmu->pt;
	long done = pt_counted(&pt->done), begun, pages, tables = 1;
	struct pt_iter it;

	lockdep_assert_held(&a->mmu->slots_lock);
	/*
	 * The walk sees the whole truth if all that began was done, and nothing
	 * begins meanwhile. Barriers: .done is counted after the change, .begun
	 * before it, so they are read the other way round.
	 */
	smp_rmb();
	begun = pt_counted(&pt->begun);
	pages = pt_counted(&pt->pages);

	pt_for_each(it, pt, 0, pt_limit(pt->format)) {
		if (pt_is_table(pt->format, it.pte, it.level))
			tables++;
		else if (pt_is_leaf(pt->format, it.pte, it.level))
			mmu_audit_leaf(a, to_gfn(it.page), it.pte);
		else if (it.pte)
			mmu_complain(a, "not present, but not zero", to_gfn(it.page), it.pte);
		cond_resched();
	}
	smp_rmb();	/* the entries, then .begun: as above */
	if (done == begun && begun == pt_counted(&pt->begun) && pages != tables)
		mmu_complain(a, "table pages are miscounted", to_gfn(tables), pages);
}

unsigned int bellows_mmu_audit(struct bellows_mmu *mmu, struct seq_file *m)
{
	struct mmu_audit a = { .mmu = mmu, .m = m };

	mutex_lock(&mmu->slots_lock);
	mapper_walk_begin(mmu);
	mmu_audit_slots(&a);
	mmu_audit_tables(&a);
	mapper_walk_end(mmu);
	mutex_unlock(&mmu->slots_lock);
	return a.errors;
}
