/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_LOOKUP_H
#define BELLOWS_MEMORY_LOOKUP_H
/* Block descriptors, and work on ranges of an object's pages. */
#include "memory/object.h"

/*
 * The first block from *index to last: locked, and *index is its own; NULL, or an
 * ERR_PTR. It stays the block of its index as long as it is locked.
 */
struct mem_block *memory_next_block(struct bellows_memory *memory, unsigned long *index,
				    unsigned long last);
void memory_release_block(struct bellows_memory *memory, u64 index, struct mem_block *block);
void memory_free_blocks(struct bellows_memory *memory);

/* After a lookup: the page gets a reference of its own, if it has none yet. */
void memory_own_frame(struct bellows_frame *frame);

/* Of a range inside the object. 0, -EINTR; discard: -ENOMEM too. */
int memory_discard(struct bellows_memory *memory, opn_t start, u64 npages);
int memory_invalidate(struct bellows_memory *memory, opn_t start, u64 npages);

int memory_blocks_init(void);		/* module load */
void memory_blocks_exit(void);

#endif
