/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_INTENT_H
#define BELLOWS_MEMORY_INTENT_H
/*
 * What is asked of a page, and what is asked of its mappers. Pure: the
 * block's state machine runs in test programs too.
 */
#include "pure.h"

/* What the caller of a lookup is going to do with the page. */
enum bellows_intent {
	BELLOWS_INTENT_READ,		/* contents only; a shared or zero frame will do */
	BELLOWS_INTENT_WRITE,		/* a frame of this object's own, allocated if need be */
	BELLOWS_INTENT_PEEK,		/* as it is now: no allocation; -ENOENT where nothing is present */
};

/* What is asked of a mapper for a range of the object's pages. */
enum bellows_mapper_op {
	/*
	 * Remove every translation. An entry that reaches beyond the range goes
	 * too, or is split: what is left is no longer one large frame.
	 */
	BELLOWS_MAP_ZAP,
	BELLOWS_MAP_READONLY,		/* remove write permission */
	BELLOWS_MAP_SPLIT,		/* no entry may be larger than 4 KiB */
	BELLOWS_MAP_HARVEST,		/* collect and clear accessed and dirty */
};

/*
 * Collects what the mappers found, and whether TLBs hold stale translations.
 * One flush per gather; a frame is reused only after it.
 */
struct bellows_gather {
	bool flush;			/* some mapper changed an entry a TLB may hold */
	u64 accessed;			/* translations found accessed */
	u64 dirty;			/* translations found dirty, or removed while writable */
	u64 removed;			/* translations removed */
};

#endif
