/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_MAPPER_H
#define BELLOWS_MEMORY_MAPPER_H
/* All mappers of an object, user mappings among them. A block of the range is locked. */
#include "memory/object.h"

void mappers_change(struct bellows_memory *memory, opn_t start, u64 npages,
		    enum bellows_mapper_op op, struct bellows_gather *gather);
void mappers_flush(struct bellows_memory *memory);

#endif
