/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_FRAME_H
#define BELLOWS_MEMORY_FRAME_H
/* What a block's state machine acts on in the kernel. */
#include "memory/object.h"

/* A block's surroundings while it is locked. */
struct memory_env {
	struct block_env env;
	struct bellows_memory *memory;
	u64 index;
};

extern const struct block_ops frame_ops;
extern struct page *frame_zero_page;	/* always zero, owned by the module, mapped read-only */

static inline struct memory_env memory_env(struct bellows_memory *memory, u64 index)
{
	return (struct memory_env){
		.env = { .ops = &frame_ops, .zero = page_to_mpn(frame_zero_page) },
		.memory = memory,
		.index = index,
	};
}

int frame_init(void);			/* the page of zeros */
void frame_exit(void);

#endif
