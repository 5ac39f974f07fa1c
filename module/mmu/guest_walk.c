// SPDX-License-Identifier: GPL-2.0
/*
 * Walks a guest's page tables as the guest's CPU would.
 *
 * The emulator needs it: an instruction that is run in software must reach the
 * same memory, raise the same page fault with the same error code, and leave
 * the same accessed and dirty bits as on the CPU.
 *
 * The four paging modes are one loop over a description: how many levels, how
 * wide entries and indexes are, which bits are reserved. The loop goes down,
 * collecting permissions (an access is allowed only if all entries of the path
 * allow it), until a leaf. Then permissions are judged once, in one place.
 *
 * Accessed and dirty bits are set after that, by compare-and-exchange, since
 * other CPUs of the guest work on the same tables. If an entry has changed
 * meanwhile, everything read so far is worthless and the walk starts again;
 * after a number of lost races it gives up and lets the guest try itself. Bits
 * are not set on the way to a fault, which the architecture allows.
 *
 * Addresses are taken as canonical: that check comes before paging and raises
 * another exception. Page-directory pointers of PAE are read from memory, as
 * AMD's CPUs do, not from registers that MOV to CR3 loads, as Intel's do: a
 * guest that changes them without loading CR3 sees the difference.
 */
#include "mmu/guest_walk.h"

#define GCR0_WP			BIT_ULL(16)
#define GCR0_PG			BIT_ULL(31)
#define GCR4_PSE			BIT_ULL(4)
#define GCR4_PAE			BIT_ULL(5)
#define GCR4_LA57		BIT_ULL(12)
#define GCR4_SMEP		BIT_ULL(20)
#define GCR4_SMAP		BIT_ULL(21)
#define GCR4_PKE			BIT_ULL(22)
#define GEFER_LMA		BIT_ULL(10)
#define GEFER_NXE		BIT_ULL(11)
#define GFLAGS_AC		BIT_ULL(18)

#define PTE_PRESENT		BIT_ULL(0)
#define PTE_WRITE		BIT_ULL(1)
#define PTE_USER		BIT_ULL(2)
#define PTE_ACCESSED		BIT_ULL(5)
#define PTE_DIRTY		BIT_ULL(6)
#define PTE_LARGE		BIT_ULL(7)
#define PTE_NX			BIT_ULL(63)
#define PTE_KEY_SHIFT		59

#define FAULT_PRESENT		BIT(0)
#define FAULT_WRITE		BIT(1)
#define FAULT_USER		BIT(2)
#define FAULT_RESERVED		BIT(3)
#define FAULT_FETCH		BIT(4)
#define FAULT_KEY		BIT(5)

#define MAX_RACES		64

/* A paging mode. */
struct mode {
	unsigned int levels;
	unsigned int index_bits;
	unsigned int entry_size;
	unsigned int address_bits;	/* of the linear address that take part */
	u64 root_mask;			/* bits of CR3 that hold the top table's address */
};

static const struct mode mode_32bit = { 2, 10, 4, 32, GENMASK_ULL(31, 12) };
static const struct mode mode_pae = { 3, 9, 8, 32, GENMASK_ULL(31, 5) };
static const struct mode mode_4level = { 4, 9, 8, 48, GENMASK_ULL(51, 12) };
static const struct mode mode_5level = { 5, 9, 8, 57, GENMASK_ULL(51, 12) };

struct walk {
	const struct guest_tables *tables;
	const struct bellows_guest_paging *paging;
	const struct mode *mode;
	gva_t gva;
	u32 access;			/* ACCESS_USER already means: judged as a user access */
	u32 error;			/* of the fault the walk ends in */
	unsigned int level;		/* of the leaf; the top table's entries have mode->levels */
	u64 pte[GUEST_LEVELS + 1];		/* the path, by level */
	gpa_t pte_gpa[GUEST_LEVELS + 1];
	bool writable, user, noexec;	/* what the path permits so far */
	bool unmarked;			/* an entry lacks accessed or dirty, and cannot be written */
};

static const struct mode *walk_mode_of(const struct bellows_guest_paging *paging)
{
	if (paging->efer & GEFER_LMA)
		return paging->cr4 & GCR4_LA57 ? &mode_5level : &mode_4level;
	return paging->cr4 & GCR4_PAE ? &mode_pae : &mode_32bit;
}

/* Bits [low, high] where that is a range at all. */
static u64 walk_bits(unsigned int low, unsigned int high)
{
	return low > high ? 0 : GENMASK_ULL(high, low);
}

/* Where the page offset begins in a leaf's address. */
static unsigned int walk_leaf_shift(const struct walk *w, unsigned int level)
{
	return PAGE_SHIFT + (level - 1) * w->mode->index_bits;
}

static bool walk_is_leaf(const struct walk *w, u64 pte, unsigned int level)
{
	if (level == 1)
		return true;
	if (!(pte & PTE_LARGE) || level > 3)
		return false;
	if (w->mode == &mode_32bit)
		return w->paging->cr4 & GCR4_PSE;
	return level == 2 || w->mode != &mode_pae;
}

/* PSE-36: a 4 MiB leaf has address bits 32 to 39 in its bits 13 to 20. */
static u64 walk_reserved_32bit(const struct walk *w, bool leaf, unsigned int level)
{
	unsigned int width = min(w->paging->maxphyaddr, 40U);

	if (!leaf || level == 1)
		return 0;
	return walk_bits(width > 32 ? width - 19 : 13, 21);
}

static u64 walk_reserved_64bit(const struct walk *w, bool leaf, unsigned int level)
{
	bool pae = w->mode == &mode_pae;
	u64 mask = walk_bits(w->paging->maxphyaddr, pae ? 62 : 51);

	if (!(w->paging->efer & GEFER_NXE))
		mask |= PTE_NX;
	/*
	 * Bit 5 counts as reserved in the manual, when these entries are loaded
	 * with CR3. Where nested paging walks them like others, it is an
	 * accessed bit that a CPU may have set.
	 */
	if (pae && level == 3)
		return mask | PTE_NX | walk_bits(6, 8) | walk_bits(1, 2);
	if (level > 3 || (level == 3 && !w->paging->has_1g_pages))
		mask |= PTE_LARGE;
	/* Bit 12 of a large leaf is PAT. */
	if (leaf && level > 1)
		mask |= walk_bits(13, walk_leaf_shift(w, level) - 1);
	return mask;
}

static u64 walk_reserved_bits(const struct walk *w, u64 pte, unsigned int level)
{
	bool leaf = walk_is_leaf(w, pte, level);

	return w->mode == &mode_32bit ? walk_reserved_32bit(w, leaf, level) :
					walk_reserved_64bit(w, leaf, level);
}

static int walk_read_entry(const struct walk *w, gpa_t gpa, u64 *pte)
{
	u32 half = 0;
	int err;

	if (w->mode->entry_size == sizeof(*pte))
		return w->tables->read(w->tables->context, gpa, pte, sizeof(*pte));
	err = w->tables->read(w->tables->context, gpa, &half, sizeof(half));
	*pte = half;
	return err;
}

static int walk_cmpxchg_entry(const struct walk *w, gpa_t gpa, u64 old, u64 new)
{
	u32 half_old = old, half_new = new;

	if (w->mode->entry_size == sizeof(old))
		return w->tables->exchange(w->tables->context, gpa, &old, &new, sizeof(old));
	return w->tables->exchange(w->tables->context, gpa, &half_old, &half_new, sizeof(half_old));
}

static void walk_collect(struct walk *w, u64 pte, unsigned int level)
{
	/* PAE's top entries are pointers without permissions. */
	if (w->mode == &mode_pae && level == 3)
		return;
	w->writable &= !!(pte & PTE_WRITE);
	w->user &= !!(pte & PTE_USER);
	w->noexec |= pte & PTE_NX;
}

/* Down to the leaf: GUEST_WALK_DONE; _FAULT: w->error; negative. */
static int walk_descend(struct walk *w)
{
	gpa_t table = w->paging->cr3 & w->mode->root_mask &
		      walk_bits(0, w->paging->maxphyaddr - 1);
	unsigned int level, shift;
	u64 index, pte;
	int err;

	w->error = 0;
	w->writable = true;
	w->user = true;
	w->noexec = false;
	for (level = w->mode->levels; ; level--) {
		shift = walk_leaf_shift(w, level);
		index = (w->gva & walk_bits(0, w->mode->address_bits - 1)) >> shift;
		index &= walk_bits(0, w->mode->index_bits - 1);
		w->pte_gpa[level] = table + index * w->mode->entry_size;
		err = walk_read_entry(w, w->pte_gpa[level], &pte);
		if (err)
			return err;
		w->pte[level] = pte;
		if (!(pte & PTE_PRESENT))
			return GUEST_WALK_FAULT;
		if (pte & walk_reserved_bits(w, pte, level)) {
			w->error = FAULT_PRESENT | FAULT_RESERVED;
			return GUEST_WALK_FAULT;
		}
		walk_collect(w, pte, level);
		if (walk_is_leaf(w, pte, level))
			break;
		table = pte & GENMASK_ULL(51, 12);
	}
	w->level = level;
	return GUEST_WALK_DONE;
}

/* Protection keys concern data in pages that user mode may reach. */
static bool walk_key_denies(const struct walk *w)
{
	const struct bellows_guest_paging *paging = w->paging;
	u32 rights;

	if (!(paging->efer & GEFER_LMA) || !(paging->cr4 & GCR4_PKE) || !w->user ||
	    (w->access & ACCESS_EXEC))
		return false;
	rights = paging->pkru >> (2 * (w->pte[w->level] >> PTE_KEY_SHIFT & 15));
	if (rights & 1)
		return true;
	return (rights & 2) && (w->access & ACCESS_WRITE) &&
	       ((w->access & ACCESS_USER) || (paging->cr0 & GCR0_WP));
}

static bool walk_page_denies(const struct walk *w)
{
	const struct bellows_guest_paging *paging = w->paging;
	bool user = w->access & ACCESS_USER;

	if (user && !w->user)
		return true;
	if (w->access & ACCESS_EXEC)
		return w->noexec || (!user && w->user && (paging->cr4 & GCR4_SMEP));
	if (!user && w->user && (paging->cr4 & GCR4_SMAP) &&
	    ((w->access & ACCESS_IMPLICIT) || !(paging->rflags & GFLAGS_AC)))
		return true;
	return (w->access & ACCESS_WRITE) && !w->writable &&
	       (user || (paging->cr0 & GCR0_WP));
}

static int walk_judge(struct walk *w)
{
	bool key = walk_key_denies(w);

	if (!key && !walk_page_denies(w))
		return GUEST_WALK_DONE;
	w->error = FAULT_PRESENT | (key ? FAULT_KEY : 0);
	return GUEST_WALK_FAULT;
}

/* 0; 1: an entry is no longer what was read; negative. w->pte is what it leaves. */
static int walk_set_accessed_dirty(struct walk *w)
{
	unsigned int level;
	u64 bits, pte;
	int ret;

	for (level = w->mode->levels; level >= w->level; level--) {
		if (w->mode == &mode_pae && level == 3)
			continue;
		bits = PTE_ACCESSED;
		if (level == w->level && (w->access & ACCESS_WRITE))
			bits |= PTE_DIRTY;
		pte = w->pte[level];
		if ((pte & bits) == bits)
			continue;
		ret = walk_cmpxchg_entry(w, w->pte_gpa[level], pte, pte | bits);
		/* Tables in a ROM keep the bits they have. */
		if (ret && ret != -EFAULT)
			return ret;
		if (ret)
			w->unmarked = true;
		else
			w->pte[level] |= bits;
	}
	return 0;
}

static gpa_t walk_leaf_address(const struct walk *w)
{
	u64 offset_mask = walk_bits(0, walk_leaf_shift(w, w->level) - 1);
	u64 pte = w->pte[w->level];
	u64 address = pte & GENMASK_ULL(51, 12) & ~offset_mask;

	if (w->mode == &mode_32bit && w->level == 2)
		address |= (pte >> 13 & 0xff) << 32;
	return address | (w->gva & offset_mask);
}

static int walk_report_fault(const struct walk *w, struct bellows_guest_fault *fault)
{
	const struct bellows_guest_paging *paging = w->paging;
	bool nx = (paging->cr4 & GCR4_PAE) && (paging->efer & GEFER_NXE);

	fault->address = w->gva;
	fault->error = w->error;
	if (w->access & ACCESS_WRITE)
		fault->error |= FAULT_WRITE;
	if (w->access & ACCESS_USER)
		fault->error |= FAULT_USER;
	if ((w->access & ACCESS_EXEC) && (nx || (paging->cr4 & GCR4_SMEP)))
		fault->error |= FAULT_FETCH;
	return GUEST_WALK_FAULT;
}

/* Entries that could not be marked may become writable: the next walk has to try again. */
static void walk_note_path(const struct walk *w, u32 access, unsigned int top, gpa_t gpa,
			   struct guest_path *path)
{
	unsigned int level;

	if (w->unmarked)
		return;
	path->paging = *w->paging;
	path->page = w->gva >> PAGE_SHIFT;
	path->gpa = gpa & ~(gpa_t)(PAGE_SIZE - 1);
	path->access = access;
	path->top = top;
	path->leaf = w->level;
	path->entry_size = w->mode->entry_size;
	for (level = w->level; level <= top; level++) {
		path->at[level] = w->pte_gpa[level];
		path->entry[level] = w->pte[level];
	}
}

int guest_walk_tables(const struct guest_tables *tables,
		      const struct bellows_guest_paging *paging, gva_t gva, u32 access,
		      gpa_t *gpa, struct bellows_guest_fault *fault,
		      struct guest_path *path)
{
	struct walk w = {
		.tables = tables,
		.paging = paging,
		.mode = walk_mode_of(paging),
		.gva = gva,
		.access = access,
	};
	unsigned int races;
	int ret;

	if (path)
		path->access = 0;
	if (!(paging->efer & GEFER_LMA))
		w.gva = (u32)gva;
	if (!(paging->cr0 & GCR0_PG)) {
		*gpa = w.gva;
		/* A path without entries. */
		w.level = 1;
		if (path)
			walk_note_path(&w, access, 0, *gpa, path);
		return GUEST_WALK_DONE;
	}
	if (access & ACCESS_IMPLICIT)
		w.access &= ~ACCESS_USER;

	for (races = 0; races < MAX_RACES; races++) {
		ret = walk_descend(&w);
		if (!ret)
			ret = walk_judge(&w);
		if (ret == GUEST_WALK_FAULT)
			return walk_report_fault(&w, fault);
		if (!ret)
			ret = walk_set_accessed_dirty(&w);
		if (!ret) {
			*gpa = walk_leaf_address(&w);
			if (path)
				walk_note_path(&w, access, w.mode->levels, *gpa, path);
			return GUEST_WALK_DONE;
		}
		if (ret < 0)
			return ret;
	}
	return -EAGAIN;
}
