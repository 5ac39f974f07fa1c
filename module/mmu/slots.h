/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_SLOTS_H
#define BELLOWS_MMU_SLOTS_H
/* Slots: lookup, and their life. */
#include <linux/nospec.h>
#include "mmu/mmu.h"

struct slots {
	unsigned int nr;
	unsigned int last;		/* index of the last hit; racy, a hint */
	struct slot *slot[];		/* by base, none overlapping */
};

/* Under srcu, or slots_lock. The slot that holds gfn, or NULL. */
struct slot *slot_find(struct bellows_mmu *mmu, gfn_t gfn);

static inline bool slot_has(const struct slot *slot, gfn_t gfn)
{
	return gfn.v - slot->base.v < slot->npages;
}

static inline opn_t slot_opn(const struct slot *slot, gfn_t gfn)
{
	/* A guest's number: a processor that guesses must not leave the object with it. */
	return to_opn(slot->opn.v + array_index_nospec(gfn.v - slot->base.v, slot->npages));
}

int slots_init(struct bellows_mmu *mmu);
void slots_destroy(struct bellows_mmu *mmu);

#endif
