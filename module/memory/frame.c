// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's side of a block's operations: frames, tables, and what pays for them.
 *
 * Everything is charged to the memory cgroup in which the object was created,
 * whichever access makes it necessary: of a vCPU's thread, a device's, a reader
 * of the mapping. A charge that fails, like an allocation that fails, is an
 * error to the thread that needed the page. It never wakes the OOM killer: the
 * processes it would find are innocent, and the caller can be told.
 *
 * A large frame is not compound, so that its pages can go their own ways. As
 * long as it is whole only its first page carries a reference and the charge;
 * splitting gives both to each page.
 */
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "compat.h"
#include "memory/frame.h"
#include "memory/mapper.h"
#include "trace.h"

#define GFP_FRAME	(GFP_USER | __GFP_ACCOUNT | __GFP_ZERO | __GFP_NOWARN)
#define GFP_SMALL	(GFP_FRAME | __GFP_RETRY_MAYFAIL)
#define GFP_LARGE	(GFP_FRAME | __GFP_NORETRY)
#define GFP_TABLE	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

struct page *frame_zero_page;

static struct memory_env *frame_env(struct block_env *env)
{
	return container_of(env, struct memory_env, env);
}

/* For assertions: the block of these surroundings is the object's, and locked. */
static inline bool frame_block_held(struct block_env *env)
{
	struct mem_block *block = xa_load(&frame_env(env)->memory->blocks, frame_env(env)->index);

	return block && lockdep_is_held(&block->lock);
}

static int frame_alloc_pages(struct block_env *env, gfp_t gfp, unsigned int order, mpn_t *mpn)
{
	struct mem_cgroup *old;
	struct page *page;

	lockdep_assert(frame_block_held(env));
	old = set_active_memcg(frame_env(env)->memory->memcg);
	page = alloc_pages(gfp, order);
	set_active_memcg(old);
	if (!page)
		return -ENOMEM;
	*mpn = page_to_mpn(page);
	return 0;
}

static int frame_alloc_large(struct block_env *env, mpn_t *mpn)
{
	return frame_alloc_pages(env, GFP_LARGE, BELLOWS_BLOCK_ORDER, mpn);
}

static int frame_alloc(struct block_env *env, mpn_t *mpn)
{
	return frame_alloc_pages(env, GFP_SMALL, 0, mpn);
}

/* Contiguous, since that is one allocation; nothing else depends on it. */
static int frame_alloc_some(struct block_env *env, mpn_t *mpn)
{
	int err = frame_alloc_pages(env, GFP_LARGE, BLOCK_AHEAD_ORDER, mpn);

	if (!err)
		split_page(mpn_to_page(*mpn), BLOCK_AHEAD_ORDER);
	return err;
}

static void frame_free_large(struct block_env *env, mpn_t mpn)
{
	lockdep_assert(frame_block_held(env));
	__free_pages(mpn_to_page(mpn), BELLOWS_BLOCK_ORDER);
}

/* If there is another reference still, its holder frees it. */
static void frame_free(struct block_env *env, mpn_t mpn)
{
	put_page(mpn_to_page(mpn));
}

static void frame_split_large(struct block_env *env, mpn_t mpn)
{
	lockdep_assert(frame_block_held(env));
	split_page(mpn_to_page(mpn), BELLOWS_BLOCK_ORDER);
}

/*
 * Freed as what they are, the pages would cost a hundred times as much. References are
 * taken away rather than looked at, since the kernel's own walkers of all memory may
 * take one for a moment. See frame_is_alone() for the lock.
 */
static bool frame_join_large(struct block_env *env, mpn_t mpn)
{
	struct page *first = mpn_to_page(mpn);
	unsigned int i;

	lockdep_assert(frame_block_held(env));
	for (i = 0; i < BELLOWS_BLOCK_PAGES; i++) {
		if (!page_ref_freeze(first + i, 1))
			goto undo;
		if (PageLocked(first + i) || PageHWPoison(first + i)) {
			page_ref_unfreeze(first + i, 1);
			goto undo;
		}
	}
	if (bellows_join_charges(first, BELLOWS_BLOCK_PAGES)) {
		page_ref_unfreeze(first, 1);
		return true;
	}
undo:
	while (i--)
		page_ref_unfreeze(first + i, 1);
	return false;
}

/*
 * New references come from user mappings, which are gone, from lookups, which
 * wait for the block's lock, and from the holders of others. So one that is
 * not here now will not appear; there is no need to freeze the count.
 *
 * A fault that has just installed its mapping has given its reference to that,
 * and still marks the page dirty, protected by the page's lock alone. It took
 * the lock while it had the reference, so it is seen in one or the other.
 */
static bool frame_is_alone(struct block_env *env, mpn_t mpn)
{
	struct page *page = mpn_to_page(mpn);

	lockdep_assert(frame_block_held(env));
	if (page_ref_count(page) != 1 || !trylock_page(page))
		return false;
	unlock_page(page);
	return true;
}

static u64 *frame_alloc_table(struct block_env *env)
{
	struct mem_cgroup *old = set_active_memcg(frame_env(env)->memory->memcg);
	u64 *table = kcalloc(BELLOWS_BLOCK_PAGES, sizeof(*table), GFP_TABLE);

	set_active_memcg(old);
	return table;
}

static void frame_free_table(struct block_env *env, u64 *table)
{
	kfree(table);
}

static void frame_change(struct block_env *env, unsigned int first, unsigned int n,
			 enum bellows_mapper_op op, struct bellows_gather *gather)
{
	struct memory_env *e = frame_env(env);

	lockdep_assert(frame_block_held(env));
	mappers_change(e->memory, to_opn((e->index << BELLOWS_BLOCK_ORDER) + first), n, op, gather);
}

static void frame_flush(struct block_env *env)
{
	lockdep_assert(frame_block_held(env));
	mappers_flush(frame_env(env)->memory);
}

static void frame_count(struct block_env *env, enum memory_count what, long delta)
{
	const struct memory_env *memory_env = frame_env(env);

	memory_count(memory_env->memory, what, delta);
	if (trace_bellows_memory_change_enabled())
		trace_bellows_memory_change(memory_env->memory->mapping->host->i_ino,
					    memory_env->index, what, delta);
}

const struct block_ops frame_ops = {
	.alloc_large = frame_alloc_large,
	.alloc_frame = frame_alloc,
	.alloc_frames = frame_alloc_some,
	.free_large = frame_free_large,
	.free_frame = frame_free,
	.split_large = frame_split_large,
	.join_large = frame_join_large,
	.is_alone = frame_is_alone,
	.alloc_table = frame_alloc_table,
	.free_table = frame_free_table,
	.change = frame_change,
	.flush = frame_flush,
	.count = frame_count,
};

int frame_init(void)
{
	frame_zero_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return frame_zero_page ? 0 : -ENOMEM;
}

void frame_exit(void)
{
	/* A pin that is still there frees it. */
	__free_page(frame_zero_page);
	frame_zero_page = NULL;
}
