// SPDX-License-Identifier: GPL-2.0
/*
 * Views: the short way for what a vCPU's exits look at again and again, which
 * is the guest's code and the tables that lead to it.
 *
 * An access by guest-physical address has to find the slot and the block, and
 * to lock both. A walk of a guest's tables does so once a level. A view
 * remembers for a few linear pages how the walk went, and where in the kernel's
 * memory the entries on its path are, and the page they lead to.
 *
 * The guest may change its tables and invalidate its TLB without our knowing.
 * So a path is believed only after every entry on it was read again and found to
 * be the same. That is a walk, without the work of one.
 *
 * The addresses are a cache of translations like the nested tables, under the
 * same rules. One is entered while its slot is published (inside srcu) and the
 * lock of its block is held. An object that takes a frame away holds that lock
 * too: either it comes later, and finds the address here; or it came before, and
 * the lookup has found what there is now. A slot that leaves has waited for
 * srcu before it asks: no address of it is entered any more. Addresses are used
 * under the view's lock, which bellows_views_forget() takes: when it returns,
 * nobody reads the frames. There is no TLB behind this and nothing to flush.
 * Nothing is written through them, so what makes a frame read-only need not ask.
 *
 * The look at .occupied without the lock misses nothing that matters: what was
 * entered of a locked block, or of a slot that is gone, was entered before.
 */
#include <linux/mm.h>
#include <linux/srcu.h>
#include "mmu/slots.h"
#include "mmu/view.h"

void bellows_view_add(struct bellows_view *view, struct bellows_mmu *mmu)
{
	spin_lock_init(&view->lock);
	view->mmu = mmu;
	spin_lock(&mmu->views_lock);
	list_add(&view->link, &mmu->views);
	spin_unlock(&mmu->views_lock);
}

void bellows_view_remove(struct bellows_view *view)
{
	spin_lock(&view->mmu->views_lock);
	list_del(&view->link);
	spin_unlock(&view->mmu->views_lock);
}

static bool lies_in(gpa_t gpa, gfn_t gfn, u64 npages)
{
	return gpa_to_gfn(gpa).v - gfn.v < npages;
}

static bool path_uses(const struct bellows_view_path *path, gfn_t gfn, u64 npages)
{
	unsigned int level;

	if (path->page && lies_in(path->walk.gpa, gfn, npages))
		return true;
	for (level = path->walk.leaf; level <= path->walk.top; level++)
		if (path->entry[level] && lies_in(path->walk.at[level], gfn, npages))
			return true;
	return false;
}

static void clear_path(struct bellows_view *view, struct bellows_view_path *path)
{
	if (!path->occupied)
		return;
	path->occupied = false;
	path->complete = false;
	path->page = NULL;
	memset(path->entry, 0, sizeof(path->entry));
	WRITE_ONCE(view->occupied, view->occupied - 1);
}

static void forget(struct bellows_view *view, gfn_t gfn, u64 npages)
{
	struct bellows_view_path *path;

	spin_lock(&view->lock);
	for (path = view->path; path < view->path + BELLOWS_VIEW_PATHS; path++)
		if (path->occupied && path_uses(path, gfn, npages))
			clear_path(view, path);
	spin_unlock(&view->lock);
}

void bellows_views_forget(struct bellows_mmu *mmu, gfn_t gfn, u64 npages)
{
	struct bellows_view *view;

	spin_lock(&mmu->views_lock);
	list_for_each_entry(view, &mmu->views, link)
		if (READ_ONCE(view->occupied))
			forget(view, gfn, npages);
	spin_unlock(&mmu->views_lock);
}

/* Makes room. From here on the path's addresses are found by whoever takes frames away. */
static void begin_path(struct bellows_view *view, struct bellows_view_path *path,
		       const struct bellows_guest_path *walk)
{
	spin_lock(&view->lock);
	clear_path(view, path);
	path->walk = *walk;
	path->occupied = true;
	WRITE_ONCE(view->occupied, view->occupied + 1);
	spin_unlock(&view->lock);
}

/* A page that has no frame of its own stays unknown: it reads as zeros, and may get one. */
static void enter_address(struct bellows_view *view, struct bellows_view_path *path,
			  const u8 **address, gpa_t gpa)
{
	struct bellows_mmu *mmu = view->mmu;
	struct bellows_memslot *slot;
	gfn_t gfn = gpa_to_gfn(gpa);
	struct bellows_frame frame;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	slot = bellows_slot_find(mmu, gfn);
	if (slot && !bellows_memory_lookup(slot->memory, bellows_slot_opn(slot, gfn),
					   BELLOWS_INTENT_PEEK, &frame)) {
		spin_lock(&view->lock);
		/* Not after something else of the path was taken away. */
		if (path->occupied)
			*address = page_address(mpn_to_page(frame.mpn)) + offset_in_page(gpa);
		spin_unlock(&view->lock);
		bellows_memory_release(&frame);
	}
	srcu_read_unlock(&mmu->srcu, idx);
}

static void finish_path(struct bellows_view *view, struct bellows_view_path *path)
{
	unsigned int level;

	spin_lock(&view->lock);
	path->complete = path->occupied;
	for (level = path->walk.leaf; level <= path->walk.top; level++)
		path->complete &= !!path->entry[level];
	spin_unlock(&view->lock);
}

static void learn(struct bellows_view *view, struct bellows_view_path *path,
		  const struct bellows_guest_path *walk)
{
	unsigned int level;

	begin_path(view, path, walk);
	for (level = walk->leaf; level <= walk->top; level++)
		enter_address(view, path, &path->entry[level], walk->at[level]);
	enter_address(view, path, &path->page, walk->gpa);
	finish_path(view, path);
}

/* Code has its places and data has: one instruction often needs one of each. */
static struct bellows_view_path *place(struct bellows_view *view, gva_t gva, u32 access)
{
	unsigned int half = access & BELLOWS_ACCESS_EXEC ? BELLOWS_VIEW_PATHS / 2 : 0;

	return &view->path[half + (gva >> PAGE_SHIFT) % (BELLOWS_VIEW_PATHS / 2)];
}

/* Entries are aligned: each is read in one piece, as the guest's CPU would. From the top. */
static bool entries_same(const struct bellows_view_path *path)
{
	const struct bellows_guest_path *walk = &path->walk;
	unsigned int level;

	for (level = walk->top; level >= walk->leaf; level--) {
		const u8 *entry = path->entry[level];
		u64 value = walk->entry_size == sizeof(u64) ? READ_ONCE(*(const u64 *)entry) :
							      READ_ONCE(*(const u32 *)entry);

		if (value != walk->entry[level])
			return false;
	}
	return true;
}

/* The view's lock is held. */
static bool path_holds(const struct bellows_view_path *path,
		       const struct bellows_guest_paging *paging, gva_t gva, u32 access)
{
	return path->complete && bellows_guest_path_fits(&path->walk, paging, gva, access) &&
	       entries_same(path);
}

/* They are few: a loop takes less than a call. */
static bool bytes_same(const u8 *page, const u8 *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (READ_ONCE(page[i]) != bytes[i])
			return false;
	return true;
}

bool bellows_view_holds(struct bellows_view *view, const struct bellows_guest_paging *paging,
			gva_t gva, u32 access, const u8 *bytes, size_t len)
{
	const struct bellows_view_path *path = place(view, gva, access);
	bool holds;

	/* Who has it may be interrupted: with interrupts off there is no waiting for him. */
	if (len > PAGE_SIZE - offset_in_page(gva) || !spin_trylock(&view->lock))
		return false;
	holds = path->page && path_holds(path, paging, gva, access) &&
		bytes_same(path->page + offset_in_page(gva), bytes, len);
	spin_unlock(&view->lock);
	return holds;
}

static int walk_anew(struct bellows_view *view, struct bellows_view_path *path,
		     const struct bellows_guest_paging *paging, gva_t gva, u32 access, gpa_t *gpa,
		     struct bellows_guest_fault *fault)
{
	struct bellows_guest_path walk;
	int r;

	r = bellows_guest_walk_path(view->mmu, paging, gva, access, gpa, fault, &walk);
	if (!r && walk.access)
		learn(view, path, &walk);
	return r;
}

int bellows_view_walk(struct bellows_view *view, const struct bellows_guest_paging *paging,
		      gva_t gva, u32 access, gpa_t *gpa, struct bellows_guest_fault *fault)
{
	struct bellows_view_path *path = place(view, gva, access);
	bool holds;

	spin_lock(&view->lock);
	holds = path_holds(path, paging, gva, access);
	*gpa = path->walk.gpa | offset_in_page(gva);
	spin_unlock(&view->lock);
	return holds ? 0 : walk_anew(view, path, paging, gva, access, gpa, fault);
}

int bellows_view_fetch(struct bellows_view *view, const struct bellows_guest_paging *paging,
		       gva_t gva, u32 access, void *buf, size_t len,
		       struct bellows_guest_fault *fault)
{
	struct bellows_view_path *path = place(view, gva, access);
	bool holds, done;
	gpa_t gpa;
	int r;

	spin_lock(&view->lock);
	holds = path_holds(path, paging, gva, access);
	done = holds && path->page;
	if (done)
		memcpy(buf, path->page + offset_in_page(gva), len);
	else
		gpa = path->walk.gpa | offset_in_page(gva);
	spin_unlock(&view->lock);
	if (done)
		return 0;
	if (!holds) {
		r = walk_anew(view, path, paging, gva, access, &gpa, fault);
		if (r)
			return r;
	}
	return bellows_gpa_read(view->mmu, gpa, buf, len);
}
