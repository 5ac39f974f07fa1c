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
 * under the view's lock, which views_forget() takes: when it returns,
 * no view reads the frames. There is no TLB behind this and nothing to flush.
 * Nothing is written through them, so what makes a frame read-only need not ask.
 *
 * The look at .occupied without the lock misses nothing that matters: what was
 * entered of a locked block, or of a slot that is gone, was entered before.
 */
#include <linux/mm.h>
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

static bool view_lies_in(gpa_t gpa, gfn_t gfn, u64 npages)
{
	return gpa_to_gfn(gpa).v - gfn.v < npages;
}

static bool view_path_uses(const struct view_path *path, gfn_t gfn, u64 npages)
{
	unsigned int level;

	if (path->page && view_lies_in(path->walk.gpa, gfn, npages))
		return true;
	for (level = path->walk.leaf; level <= path->walk.top; level++)
		if (path->entry[level] && view_lies_in(path->walk.at[level], gfn, npages))
			return true;
	return false;
}

static void view_path_clear(struct bellows_view *view, struct view_path *path)
{
	lockdep_assert_held(&view->lock);
	if (!path->occupied)
		return;
	path->occupied = false;
	path->complete = false;
	path->page = NULL;
	memset(path->entry, 0, sizeof(path->entry));
	WRITE_ONCE(view->occupied, view->occupied - 1);
}

static void view_forget(struct bellows_view *view, gfn_t gfn, u64 npages)
{
	struct view_path *path;

	lockdep_assert_held(&view->mmu->views_lock);
	spin_lock(&view->lock);
	for (path = view->path; path < view->path + VIEW_PATHS; path++)
		if (path->occupied && view_path_uses(path, gfn, npages))
			view_path_clear(view, path);
	spin_unlock(&view->lock);
}

void views_forget(struct bellows_mmu *mmu, gfn_t gfn, u64 npages)
{
	struct bellows_view *view;

	spin_lock(&mmu->views_lock);
	list_for_each_entry(view, &mmu->views, link)
		if (READ_ONCE(view->occupied))
			view_forget(view, gfn, npages);
	spin_unlock(&mmu->views_lock);
}

void view_begin_path(struct bellows_view *view, struct view_path *path,
		     const struct guest_path *walk)
{
	spin_lock(&view->lock);
	view_path_clear(view, path);
	path->walk = *walk;
	path->occupied = true;
	WRITE_ONCE(view->occupied, view->occupied + 1);
	spin_unlock(&view->lock);
}
