/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_FORMAT_H
#define BELLOWS_MMU_FORMAT_H
/*
 * What the walker must know about a kind of page table. All kinds of interest
 * (EPT, NPT, x86) are trees of 4 KiB pages with 512 entries of 64 bits, 9
 * address bits a level, 4 KiB below level 1; they differ in the bits of an
 * entry, and those are data. One file a family describes them and proves with
 * static_assert that no two meanings share a bit; no other file knows any bit.
 *
 * A permission can be granted by a bit that is set (EPT: read, write, exec;
 * x86: write) or by one that is clear (x86: NX), so execution has two masks.
 *
 * An entry that is not present is zero, always: no address of a frame that
 * once was there may stay behind for speculation to use (L1TF).
 */
#include "pure.h"

#define PT_SHIFT		9
#define PT_ENTRIES		(1U << PT_SHIFT)
#define PT_MAX_LEVELS		5
/* Every format has its address here; machines have at most 52 address bits. */
#define PT_ADDRESS		GENMASK_ULL(51, 12)
/* Bits that every format's hardware ignores: for marks of our own. */
#define PT_SOFTWARE		GENMASK_ULL(55, 52)

struct bellows_pt_format {
	const char *name;
	u8 levels;
	u8 max_leaf;		/* highest level at which a leaf may be */
	u64 present;		/* one of these bits set: the entry is in use */
	u64 table;		/* all bits but the address of an entry that points to a table */
	u64 leaf;		/* constant bits of a leaf: read permission, memory type */
	u64 large;		/* set in a leaf above level 1 */
	u64 write;		/* set: may be written */
	u64 exec;		/* set where execution is allowed, or 0 */
	u64 noexec;		/* set where execution is not allowed, or 0 */
	u64 accessed;		/* 0: this hardware does not say */
	u64 dirty;		/* 0: likewise */
};

/* What a leaf permits, whatever its format. */
#define PT_WRITE		1u
#define PT_EXEC			2u	/* large leaves: unless the tree denies it */
#define PT_DIRTY		4u	/* the access at hand is a write */

/* The bits a format may give a meaning of its own: all but address and software bits. */
#define PT_BITS_OK(bits) \
	(!((bits) & (PT_ADDRESS | PT_SOFTWARE)))

static inline bool pt_present(const struct bellows_pt_format *f, u64 pte)
{
	return pte & f->present;
}

static inline bool pt_is_leaf(const struct bellows_pt_format *f, u64 pte, unsigned int level)
{
	return pt_present(f, pte) && (level == 1 || (pte & f->large));
}

static inline bool pt_is_table(const struct bellows_pt_format *f, u64 pte, unsigned int level)
{
	return pt_present(f, pte) && level > 1 && !(pte & f->large);
}

/* Pages that one entry of a level covers. */
static inline u64 pt_span(unsigned int level)
{
	return 1ULL << ((level - 1) * PT_SHIFT);
}

/* Pages that a whole tree of this format can translate. */
static inline u64 pt_limit(const struct bellows_pt_format *f)
{
	return 1ULL << (f->levels * PT_SHIFT);
}

extern const struct bellows_pt_format bellows_ept_format;
extern const struct bellows_pt_format bellows_ept_noad_format;
extern const struct bellows_pt_format bellows_npt_format;
extern const struct bellows_pt_format bellows_npt5_format;

#endif
