/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_MAPPER_H
#define BELLOWS_MMU_MAPPER_H
#include "mmu/mmu.h"

extern const struct bellows_mapper_ops slot_mapper_ops;

/* Walks without a block lock: tables that leave the tree stay readable in between. */
void mapper_walk_begin(struct bellows_mmu *mmu);
void mapper_walk_end(struct bellows_mmu *mmu);

#endif
