/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_GUEST_WALK_H
#define BELLOWS_MMU_GUEST_WALK_H
/*
 * The guest's own page tables: what an access is, what of the CPU's state
 * gives the tables their meaning, and what a walk ends in.
 */
#include "types.h"

#define ACCESS_READ	1u
#define ACCESS_WRITE	2u
#define ACCESS_EXEC	4u
#define ACCESS_USER	8u	/* guest walker: CPL 3, or implicit supervisor when clear */
#define ACCESS_IMPLICIT	16u	/* descriptor-table reads: supervisor whatever the CPL */

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

/* How a walk ends, if not with an error. */
enum guest_walk_result {
	GUEST_WALK_DONE,
	GUEST_WALK_FAULT,		/* the guest gets it */
};

#define GUEST_LEVELS		5

/*
 * The entries that a successful walk went through, as it left them. A walk
 * depends on nothing else: while they read the same, another one for the same
 * page, access and control state ends the same way and changes nothing.
 */
struct guest_path {
	struct bellows_guest_paging paging;
	u64 page;			/* number of the linear page */
	gpa_t gpa;			/* of its first byte */
	u32 access;			/* zero: nothing is known */
	u8 top, leaf;			/* levels; without paging top is less than leaf */
	u8 entry_size;
	gpa_t at[GUEST_LEVELS + 1];		/* by level */
	u64 entry[GUEST_LEVELS + 1];
};

/*
 * The bits that a walk looks at: PG and WP; PSE, PAE, LA57, SMEP, SMAP and PKE;
 * LMA and NXE; AC.
 */
#define GUEST_WALK_CR0		(BIT_ULL(31) | BIT_ULL(16))
#define GUEST_WALK_CR4		(BIT_ULL(4) | BIT_ULL(5) | BIT_ULL(12) | BIT_ULL(20) | \
				 BIT_ULL(21) | BIT_ULL(22))
#define GUEST_WALK_EFER		(BIT_ULL(10) | BIT_ULL(11))
#define GUEST_WALK_RFLAGS	BIT_ULL(18)

/* Is the path one for this walk? */
static inline bool guest_path_fits(const struct guest_path *path,
				   const struct bellows_guest_paging *paging, gva_t gva,
				   u32 access)
{
	const struct bellows_guest_paging *old = &path->paging;

	return path->page == gva >> PAGE_SHIFT && path->access == access &&
	       old->cr3 == paging->cr3 && old->pkru == paging->pkru &&
	       !((old->cr0 ^ paging->cr0) & GUEST_WALK_CR0) &&
	       !((old->cr4 ^ paging->cr4) & GUEST_WALK_CR4) &&
	       !((old->efer ^ paging->efer) & GUEST_WALK_EFER) &&
	       !((old->rflags ^ paging->rflags) & GUEST_WALK_RFLAGS) &&
	       old->maxphyaddr == paging->maxphyaddr && old->has_1g_pages == paging->has_1g_pages;
}

/* How the walk reaches the guest's memory. size: 4 or 8, naturally aligned. */
struct guest_tables {
	void *context;
	/* 0; negative: the walk ends with this error. */
	int (*read)(void *context, gpa_t gpa, void *entry, unsigned int size);
	/* 0 done; 1 *old differed; -EFAULT: read-only memory; otherwise as read. */
	int (*exchange)(void *context, gpa_t gpa, void *old, const void *new, unsigned int size);
};

/*
 * The walk itself; results as bellows_guest_walk(). path: NULL, or where to note
 * the way; it is empty afterwards if there is none that a later walk could rely on.
 */
int guest_walk_tables(const struct guest_tables *tables,
		      const struct bellows_guest_paging *paging, gva_t gva, u32 access,
		      gpa_t *gpa, struct bellows_guest_fault *fault,
		      struct guest_path *path);

#endif
