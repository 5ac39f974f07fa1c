/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_ACCESS_H
#define BELLOWS_MMU_ACCESS_H
#include "mmu/mmu.h"

/* As bellows_guest_walk(), and the way it went: as guest_walk_tables(). */
int guest_walk_path(struct bellows_mmu *mmu, const struct bellows_guest_paging *paging, gva_t gva,
		    u32 access, gpa_t *gpa, struct bellows_guest_fault *fault,
		    struct guest_path *path);

#endif
