/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_SLOTS_H
#define BELLOWS_MMU_SLOTS_H
/* Slots: lookup, and their life. */
#include <linux/nospec.h>
#include "mmu/mmu.h"

struct bellows_slots {
	unsigned int nr;
	unsigned int last;		/* index of the last hit; racy, a hint */
	struct bellows_memslot *slot[];	/* by base, none overlapping */
};

/* Under srcu, or slots_lock. The slot that holds gfn, or NULL. */
struct bellows_memslot *bellows_slot_find(struct bellows_mmu *mmu, gfn_t gfn);

static inline bool bellows_slot_has(const struct bellows_memslot *slot, gfn_t gfn)
{
	return gfn.v - slot->base.v < slot->npages;
}

static inline opn_t bellows_slot_opn(const struct bellows_memslot *slot, gfn_t gfn)
{
	/* A guest's number: a processor that guesses must not leave the object with it. */
	return to_opn(slot->opn.v + array_index_nospec(gfn.v - slot->base.v, slot->npages));
}

int bellows_slots_init(struct bellows_mmu *mmu);
void bellows_slots_destroy(struct bellows_mmu *mmu);

#endif
