/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_GUEST_WALK_H
#define BELLOWS_MMU_GUEST_WALK_H
/*
 * The guest's own page tables: what an access is, what of the CPU's state
 * gives the tables their meaning, and what a walk ends in.
 */
#include "types.h"

#define BELLOWS_ACCESS_READ	1u
#define BELLOWS_ACCESS_WRITE	2u
#define BELLOWS_ACCESS_EXEC	4u
#define BELLOWS_ACCESS_USER	8u	/* guest walker: CPL 3, or implicit supervisor when clear */
#define BELLOWS_ACCESS_IMPLICIT	16u	/* descriptor-table reads: supervisor whatever the CPL */

/* What of the guest's control state its page tables' meaning depends on. */
struct bellows_guest_paging {
	u64 cr0, cr3, cr4, efer, rflags;
	u32 pkru;
	unsigned int maxphyaddr;
	bool has_1g_pages;
};

/* The page fault a guest walk ends in: what #PF would push and put into CR2. */
struct bellows_guest_fault {
	gva_t address;
	u32 error;			/* X86_PF_* bits */
};

/* How the walk reaches the guest's memory. size: 4 or 8, naturally aligned. */
struct bellows_guest_tables {
	void *context;
	/* 0; negative: the walk ends with this error. */
	int (*read)(void *context, gpa_t gpa, void *entry, unsigned int size);
	/* 0 done; 1 *old differed; -EFAULT: read-only memory; otherwise as read. */
	int (*exchange)(void *context, gpa_t gpa, void *old, const void *new, unsigned int size);
};

/* The walk itself; results as bellows_guest_walk(). */
int bellows_guest_walk_tables(const struct bellows_guest_tables *tables,
			      const struct bellows_guest_paging *paging, gva_t gva, u32 access,
			      gpa_t *gpa, struct bellows_guest_fault *fault);

#endif
