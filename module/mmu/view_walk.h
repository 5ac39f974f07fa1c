/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_VIEW_WALK_H
#define BELLOWS_MMU_VIEW_WALK_H
#include "mmu/view.h"

/* As bellows_guest_walk(), by the owner's thread. */
int bellows_view_walk(struct bellows_view *view, const struct bellows_guest_paging *paging,
		      gva_t gva, u32 access, gpa_t *gpa, struct bellows_guest_fault *fault);
/* A walk and bellows_gpa_read(); what is read lies in one page. */
int bellows_view_fetch(struct bellows_view *view, const struct bellows_guest_paging *paging,
		       gva_t gva, u32 access, void *buf, size_t len,
		       struct bellows_guest_fault *fault);

/*
 * Would a fetch of len bytes give these? Interrupts may be off; false also where
 * that is not known, or another thread is at the view.
 */
bool bellows_view_holds(struct bellows_view *view, const struct bellows_guest_paging *paging,
			gva_t gva, u32 access, const u8 *bytes, size_t len);

#endif
