/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_VIEW_H
#define BELLOWS_MMU_VIEW_H
/*
 * One vCPU's view of its VM's memory, for the module's own walks and fetches on
 * its behalf: how the last ones went, kept as long as it is true.
 */
#include <linux/list.h>
#include <linux/spinlock.h>
#include "mmu/mmu.h"

#define VIEW_PATHS		8

/* A walk that succeeded, and where in the kernel's memory its entries and its page are. */
struct view_path {
	bool occupied;			/* may hold addresses */
	bool complete;			/* all entries' addresses are there */
	struct guest_path walk;
	const u8 *entry[GUEST_LEVELS + 1];	/* NULL: unknown, or taken away */
	const u8 *page;			/* NULL: not memory, or without a frame */
};

/*
 * Letters: [c] constant while registered; [v] the lock; [l] the mmu's
 * views_lock; [-] locks itself. Only the owner's thread adds to path[].
 */
struct bellows_view {
	struct bellows_mmu *mmu;	/* [c] */
	struct list_head link;		/* [l] */
	spinlock_t lock;		/* [-] */
	unsigned int occupied;		/* [v] paths that are */
	struct view_path path[VIEW_PATHS];	/* [v] */
};

void bellows_view_add(struct bellows_view *view, struct bellows_mmu *mmu);
void bellows_view_remove(struct bellows_view *view);

/* Makes room for a path: from here on a thread that takes frames away finds its addresses. */
void view_begin_path(struct bellows_view *view, struct view_path *path,
		     const struct guest_path *walk);

/* Frames of [gfn, gfn + npages) are about to go: on return no view reads them. */
void views_forget(struct bellows_mmu *mmu, gfn_t gfn, u64 npages);

#endif
