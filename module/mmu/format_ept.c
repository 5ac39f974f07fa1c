// SPDX-License-Identifier: GPL-2.0
/*
 * Extended page tables of VMX, four levels, with and without accessed and
 * dirty bits.
 *
 * Present means readable, writable or executable; write without read is a
 * misconfiguration, so that a leaf is always readable. The memory type of RAM
 * is write-back and the guest's PAT is ignored: guest RAM is ordinary memory
 * of the host, which maps it write-back too, and two types for one page would
 * be the host's problem. Bits 57 to 63 gain meanings with newer controls; the
 * software bits stay below them.
 */
#include "mmu/format.h"

#define EPT_READ	BIT_ULL(0)
#define EPT_WRITE	BIT_ULL(1)
#define EPT_EXEC	BIT_ULL(2)
#define EPT_MEMTYPE	GENMASK_ULL(5, 3)
#define EPT_MEMTYPE_WB	(6ULL << 3)
#define EPT_IGNORE_PAT	BIT_ULL(6)
#define EPT_LARGE	BIT_ULL(7)
#define EPT_ACCESSED	BIT_ULL(8)
#define EPT_DIRTY	BIT_ULL(9)

#define EPT_PERMISSIONS	(EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_LEAF	(EPT_READ | EPT_MEMTYPE_WB | EPT_IGNORE_PAT)
#define EPT_ALL		(EPT_PERMISSIONS | EPT_MEMTYPE | EPT_IGNORE_PAT | EPT_LARGE | \
			 EPT_ACCESSED | EPT_DIRTY)

static_assert(PT_BITS_OK(EPT_ALL));
/* Each bit has one meaning: the parts add up only if none overlaps. */
static_assert(EPT_READ + EPT_WRITE + EPT_EXEC + EPT_MEMTYPE + EPT_IGNORE_PAT + EPT_LARGE +
	      EPT_ACCESSED + EPT_DIRTY == EPT_ALL);
static_assert(GENMASK_ULL(9, 0) == EPT_ALL);
static_assert((EPT_MEMTYPE_WB & EPT_MEMTYPE) == EPT_MEMTYPE_WB);
/* Bits 3 to 7 of an entry that points to a table are reserved. */
static_assert(!(EPT_PERMISSIONS & (EPT_MEMTYPE | EPT_IGNORE_PAT | EPT_LARGE)));
static_assert(EPT_LEAF & EPT_PERMISSIONS);

const struct bellows_pt_format bellows_ept_format = {
	.name = "ept",
	.levels = 4,
	.max_leaf = 2,
	.present = EPT_PERMISSIONS,
	.table = EPT_PERMISSIONS,
	.leaf = EPT_LEAF,
	.large = EPT_LARGE,
	.write = EPT_WRITE,
	.exec = EPT_EXEC,
	.accessed = EPT_ACCESSED,
	.dirty = EPT_DIRTY,
};

const struct bellows_pt_format bellows_ept_noad_format = {
	.name = "ept-noad",
	.levels = 4,
	.max_leaf = 2,
	.present = EPT_PERMISSIONS,
	.table = EPT_PERMISSIONS,
	.leaf = EPT_LEAF,
	.large = EPT_LARGE,
	.write = EPT_WRITE,
	.exec = EPT_EXEC,
};
