// SPDX-License-Identifier: GPL-2.0
/* Walks and fetches through a vCPU's view: what is remembered is compared, what is not is learned. */
#include <linux/mm.h>
#include <linux/srcu.h>
#include "mmu/access.h"
#include "mmu/slots.h"
#include "mmu/view.h"
#include "mmu/view_walk.h"

/* A page that has no frame of its own stays unknown: it reads as zeros, and may get one. */
static void view_enter_address(struct bellows_view *view, struct view_path *path,
			       const u8 **address, gpa_t gpa)
{
	struct bellows_mmu *mmu = view->mmu;
	struct slot *slot;
	gfn_t gfn = gpa_to_gfn(gpa);
	struct bellows_frame frame;
	int idx;

	idx = srcu_read_lock(&mmu->srcu);
	slot = slot_find(mmu, gfn);
	if (slot && !bellows_memory_lookup(slot->memory, slot_opn(slot, gfn),
					   BELLOWS_INTENT_PEEK, &frame)) {
		lockdep_assert(bellows_memory_frame_held(&frame));
		spin_lock(&view->lock);
		/* Not after something else of the path was taken away. */
		if (path->occupied)
			*address = page_address(mpn_to_page(frame.mpn)) + offset_in_page(gpa);
		spin_unlock(&view->lock);
		bellows_memory_release(&frame);
	}
	srcu_read_unlock(&mmu->srcu, idx);
}

static void view_finish_path(struct bellows_view *view, struct view_path *path)
{
	unsigned int level;

	spin_lock(&view->lock);
	path->complete = path->occupied;
	for (level = path->walk.leaf; level <= path->walk.top; level++)
		path->complete &= !!path->entry[level];
	spin_unlock(&view->lock);
}

static void view_learn(struct bellows_view *view, struct view_path *path,
		       const struct guest_path *walk)
{
	unsigned int level;

	view_begin_path(view, path, walk);
	for (level = walk->leaf; level <= walk->top; level++)
		view_enter_address(view, path, &path->entry[level], walk->at[level]);
	view_enter_address(view, path, &path->page, walk->gpa);
	view_finish_path(view, path);
}

/* Code has its places and data has: one instruction often needs one of each. */
static struct view_path *view_place(struct bellows_view *view, gva_t gva, u32 access)
{
	unsigned int half = access & ACCESS_EXEC ? VIEW_PATHS / 2 : 0;

	return &view->path[half + (gva >> PAGE_SHIFT) % (VIEW_PATHS / 2)];
}

/* Entries are aligned: each is read in one piece, as the guest's CPU would. From the top. */
static bool view_entries_same(const struct view_path *path)
{
	const struct guest_path *walk = &path->walk;
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

static bool view_path_holds(const struct bellows_view *view, const struct view_path *path,
			    const struct bellows_guest_paging *paging, gva_t gva, u32 access)
{
	lockdep_assert_held(&view->lock);
	return path->complete && guest_path_fits(&path->walk, paging, gva, access) &&
	       view_entries_same(path);
}

/* They are few: a loop takes less than a call. */
static bool view_bytes_same(const u8 *page, const u8 *bytes, size_t len)
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
	const struct view_path *path = view_place(view, gva, access);
	bool holds;

	/* The lock's holder may be interrupted: with interrupts off there is no waiting for it. */
	if (len > PAGE_SIZE - offset_in_page(gva) || !spin_trylock(&view->lock))
		return false;
	holds = path->page && view_path_holds(view, path, paging, gva, access) &&
		view_bytes_same(path->page + offset_in_page(gva), bytes, len);
	spin_unlock(&view->lock);
	return holds;
}

static int view_walk_anew(struct bellows_view *view, struct view_path *path,
			  const struct bellows_guest_paging *paging, gva_t gva, u32 access,
			  gpa_t *gpa, struct bellows_guest_fault *fault)
{
	struct guest_path walk;
	int r;

	r = guest_walk_path(view->mmu, paging, gva, access, gpa, fault, &walk);
	if (!r && walk.access)
		view_learn(view, path, &walk);
	return r;
}

int bellows_view_walk(struct bellows_view *view, const struct bellows_guest_paging *paging,
		      gva_t gva, u32 access, gpa_t *gpa, struct bellows_guest_fault *fault)
{
	struct view_path *path = view_place(view, gva, access);
	bool holds;

	spin_lock(&view->lock);
	holds = view_path_holds(view, path, paging, gva, access);
	*gpa = path->walk.gpa | offset_in_page(gva);
	spin_unlock(&view->lock);
	return holds ? GUEST_WALK_DONE : view_walk_anew(view, path, paging, gva, access, gpa, fault);
}

int bellows_view_fetch(struct bellows_view *view, const struct bellows_guest_paging *paging,
		       gva_t gva, u32 access, void *buf, size_t len,
		       struct bellows_guest_fault *fault)
{
	struct view_path *path = view_place(view, gva, access);
	bool holds, done;
	gpa_t gpa;
	int r;

	spin_lock(&view->lock);
	holds = view_path_holds(view, path, paging, gva, access);
	done = holds && path->page;
	if (done)
		memcpy(buf, path->page + offset_in_page(gva), len);
	else
		gpa = path->walk.gpa | offset_in_page(gva);
	spin_unlock(&view->lock);
	if (done)
		return GUEST_WALK_DONE;
	if (!holds) {
		r = view_walk_anew(view, path, paging, gva, access, &gpa, fault);
		if (r)
			return r;
	}
	return bellows_gpa_read(view->mmu, gpa, buf, len);
}
