// SPDX-License-Identifier: GPL-2.0
/*
 * Nested page tables of SVM: ordinary long-mode tables, walked with the host's
 * control state. So the number of levels is that of the host's own paging mode
 * (five where CR4.LA57 is set), NX works because Linux always sets EFER.NXE,
 * and the memory type comes from the host's PAT, whose entry 0 is write-back.
 *
 * The processor walks nested tables as user accesses: an entry without the
 * user bit would stop every guest. It also sets accessed in entries that point
 * to tables; they are born with it, which saves it a locked write.
 */
#include "mmu/format.h"

#define NPT_PRESENT	BIT_ULL(0)
#define NPT_WRITE	BIT_ULL(1)
#define NPT_USER	BIT_ULL(2)
#define NPT_PWT		BIT_ULL(3)
#define NPT_PCD		BIT_ULL(4)
#define NPT_ACCESSED	BIT_ULL(5)
#define NPT_DIRTY	BIT_ULL(6)
#define NPT_LARGE	BIT_ULL(7)
#define NPT_NX		BIT_ULL(63)

#define NPT_TABLE	(NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED)
#define NPT_LEAF	(NPT_PRESENT | NPT_USER)
#define NPT_ALL		(NPT_TABLE | NPT_LEAF | NPT_PWT | NPT_PCD | NPT_DIRTY | NPT_LARGE | NPT_NX)

static_assert(PT_BITS_OK(NPT_ALL));
static_assert(NPT_PRESENT + NPT_WRITE + NPT_USER + NPT_PWT + NPT_PCD + NPT_ACCESSED + NPT_DIRTY +
	      NPT_LARGE + NPT_NX == NPT_ALL);
static_assert((GENMASK_ULL(7, 0) | BIT_ULL(63)) == NPT_ALL);
/* PAT entry 0: neither PWT nor PCD, nor the PAT bit (which is 7 in a small leaf, 12 in a large one). */
static_assert(!(NPT_LEAF & (NPT_PWT | NPT_PCD | NPT_LARGE)));
static_assert(!(NPT_TABLE & (NPT_LARGE | NPT_NX)));

const struct bellows_pt_format bellows_npt_format = {
	.name = "npt",
	.levels = 4,
	.max_leaf = 2,
	.present = NPT_PRESENT,
	.table = NPT_TABLE,
	.leaf = NPT_LEAF,
	.large = NPT_LARGE,
	.write = NPT_WRITE,
	.noexec = NPT_NX,
	.accessed = NPT_ACCESSED,
	.dirty = NPT_DIRTY,
};

const struct bellows_pt_format bellows_npt5_format = {
	.name = "npt5",
	.levels = 5,
	.max_leaf = 2,
	.present = NPT_PRESENT,
	.table = NPT_TABLE,
	.leaf = NPT_LEAF,
	.large = NPT_LARGE,
	.write = NPT_WRITE,
	.noexec = NPT_NX,
	.accessed = NPT_ACCESSED,
	.dirty = NPT_DIRTY,
};
