// SPDX-License-Identifier: GPL-2.0
/*
 * Finding pages: block descriptors, lookups with intent, and work on ranges.
 *
 * A descriptor exists from the first touch of a block until nothing is left to
 * remember about it, so that an object costs what is in it and not what could
 * be. Since it can go while a thread waits for its lock, it is found under
 * RCU, referenced, locked, and then asked whether it still is the block of its
 * index; if not, the search begins again. It leaves the tree under its own
 * lock, and the tree has a reference: so the holder of the lock of one that is in the
 * tree needs none of its own. Mostly it is the one of the last time and its lock is free:
 * then it is locked before RCU ends, and nothing is counted at all.
 */
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "memory/frame.h"
#include "memory/lookup.h"
#include "uapi/bellows.h"

/* As for frames: the cgroup's limit is an error to the caller, and no reason to kill a process. */
#define GFP_BLOCK	(GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

static struct kmem_cache *block_cache;

static u64 block_index(opn_t opn)
{
	return opn.v >> BELLOWS_BLOCK_ORDER;
}

static void block_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(block_cache, container_of(rcu, struct mem_block, rcu));
}

static void block_put(struct mem_block *block)
{
	if (refcount_dec_and_test(&block->ref))
		call_rcu(&block->rcu, block_free_rcu);
}

static struct mem_block *block_new(const struct bellows_memory *memory, u64 index)
{
	u64 npages = min_t(u64, memory->npages - (index << BELLOWS_BLOCK_ORDER),
			   BELLOWS_BLOCK_PAGES);
	struct mem_block *block;

	block = kmem_cache_zalloc(block_cache, GFP_BLOCK);
	if (!block)
		return NULL;
	mutex_init(&block->lock);
	refcount_set(&block->ref, 1);
	block->attached = true;
	block->index = index;
	block_init(&block->state, npages, !(memory->flags & BELLOWS_MEMORY_SMALL_PAGES));
	return block;
}

/* On return there is a block, ours or another thread's, or there was until a moment ago. */
static int block_add(struct bellows_memory *memory, u64 index)
{
	struct mem_cgroup *old_memcg = set_active_memcg(memory->memcg);
	struct mem_block *block;
	int err = -ENOMEM;
	void *old;

	block = block_new(memory, index);
	if (block) {
		old = xa_cmpxchg(&memory->blocks, index, NULL, block, GFP_BLOCK);
		err = xa_err(old);
		if (old)
			kmem_cache_free(block_cache, block);
		else
			memory_count(memory, COUNT_BLOCKS, 1);
	}
	set_active_memcg(old_memcg);
	return err;
}

static struct mem_block *block_find(struct bellows_memory *memory, u64 index)
{
	struct mem_block *block;

	rcu_read_lock();
	block = xa_load(&memory->blocks, index);
	if (block && !refcount_inc_not_zero(&block->ref))
		block = NULL;
	rcu_read_unlock();
	return block;
}

/* The one that was locked last, if it is free now. With preemption off RCU waits for us. */
static struct mem_block *block_trylock_recent(struct bellows_memory *memory, u64 index)
{
	struct mem_block *block;

	guard(preempt)();
	block = rcu_dereference_sched(memory->recent);
	if (!block || block->index != index || !mutex_trylock(&block->lock))
		return NULL;
	if (likely(block->attached))
		return block;
	mutex_unlock(&block->lock);
	return NULL;
}

/* Locked; NULL: there is none (and create is false); or an ERR_PTR. */
static struct mem_block *block_lock_at(struct bellows_memory *memory, u64 index, bool create)
{
	struct mem_block *block = block_trylock_recent(memory, index);
	int err;

	if (likely(block))
		return block;
	for (;;) {
		block = block_find(memory, index);
		if (!block && !create)
			return NULL;
		if (!block) {
			err = block_add(memory, index);
			if (err)
				return ERR_PTR(err);
			continue;
		}
		if (mutex_lock_killable(&block->lock)) {
			block_put(block);
			return ERR_PTR(-EINTR);
		}
		if (block->attached)
			break;
		mutex_unlock(&block->lock);
		block_put(block);
	}
	/* The tree's reference stays as long as the lock. */
	block_put(block);
	if (rcu_access_pointer(memory->recent) != block)
		rcu_assign_pointer(memory->recent, block);
	return block;
}

void memory_release_block(struct bellows_memory *memory, u64 index, struct mem_block *block)
{
	lockdep_assert_held(&block->lock);
	/* The next holder of the lock may free the block while we still let go of it: not before RCU. */
	guard(preempt)();
	if (unlikely(block_is_idle(&block->state))) {
		block->attached = false;
		if (rcu_access_pointer(memory->recent) == block)
			RCU_INIT_POINTER(memory->recent, NULL);
		xa_erase(&memory->blocks, index);
		memory_count(memory, COUNT_BLOCKS, -1);
		block_put(block);
	}
	mutex_unlock(&block->lock);
}

struct mem_block *memory_next_block(struct bellows_memory *memory, unsigned long *index,
				    unsigned long last)
{
	struct mem_block *block;

	might_sleep();
	/* Finding NULL means that it went away since; the next search goes past it. */
	while (xa_find(&memory->blocks, index, last, XA_PRESENT)) {
		block = block_lock_at(memory, *index, false);
		if (block)
			return block;
		cond_resched();
	}
	return NULL;
}

int bellows_memory_lookup(struct bellows_memory *memory, opn_t opn, enum bellows_intent intent,
			  struct bellows_frame *frame)
{
	struct memory_env env = memory_env(memory, block_index(opn));
	struct mem_block *block;
	struct block_page page;
	int err;

	/* As might_sleep(), which is a call in most kernels: this is the short way of every access. */
	lockdep_assert_preemption_enabled();
	if (opn.v >= memory->npages)
		return -EINVAL;
	block = block_lock_at(memory, env.index, intent != BELLOWS_INTENT_PEEK);
	if (IS_ERR(block))
		return PTR_ERR(block);
	if (!block)
		return -ENOENT;
	err = block_lookup(&block->state, &env.env, opn.v % BELLOWS_BLOCK_PAGES, intent, &page);
	if (err) {
		memory_release_block(memory, env.index, block);
		return err;
	}
	*frame = (struct bellows_frame){
		.memory = memory,
		.block = block,
		.opn = opn,
		.mpn = page.mpn,
		.writable = page.writable,
		.large = page.large,
	};
	return 0;
}

void bellows_memory_release(struct bellows_frame *frame)
{
	memory_release_block(frame->memory, block_index(frame->opn), frame->block);
	frame->block = NULL;
}

bool bellows_memory_frame_held(const struct bellows_frame *frame)
{
	return !IS_ENABLED(CONFIG_LOCKDEP) || lockdep_is_held(&frame->block->lock);
}

void memory_own_frame(struct bellows_frame *frame)
{
	struct memory_env env;

	lockdep_assert_held(&frame->block->lock);
	if (likely(frame->block->state.kind != BLOCK_LARGE))
		return;
	env = memory_env(frame->memory, block_index(frame->opn));
	block_split(&frame->block->state, &env.env);
}

/* Does something to pages [first, first + n) of a locked block. */
typedef int (*block_range_fn)(struct mem_block *block, struct block_env *env,
			      unsigned int first, unsigned int n, void *context);

static int block_walk(struct bellows_memory *memory, opn_t start, u64 npages, block_range_fn fn,
		      void *context)
{
	unsigned long index = block_index(start);
	unsigned long last = block_index(to_opn(start.v + npages - 1));
	struct mem_block *block;
	u64 first, end;
	int err = 0;

	for (; !err && index <= last; index++) {
		struct memory_env env;

		block = memory_next_block(memory, &index, last);
		if (IS_ERR_OR_NULL(block))
			return PTR_ERR_OR_ZERO(block);
		env = memory_env(memory, index);
		first = max_t(u64, start.v, index << BELLOWS_BLOCK_ORDER);
		end = min_t(u64, start.v + npages, (index + 1) << BELLOWS_BLOCK_ORDER);
		err = fn(block, &env.env, first % BELLOWS_BLOCK_PAGES, end - first, context);
		memory_release_block(memory, index, block);
		cond_resched();
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

static int block_discard_range(struct mem_block *block, struct block_env *env,
			       unsigned int first, unsigned int n, void *left)
{
	lockdep_assert_held(&block->lock);
	return block_discard(&block->state, env, first, n, left);
}

/*
 * A fault of a user mapping that is under way holds a reference, as a pin does,
 * but not for long: what is left the first time is tried once more, later.
 */
int memory_discard(struct bellows_memory *memory, opn_t start, u64 npages)
{
	unsigned int left = 0;
	int err;

	err = block_walk(memory, start, npages, block_discard_range, &left);
	if (err || !left)
		return err;
	schedule_timeout_killable(1);
	left = 0;
	err = block_walk(memory, start, npages, block_discard_range, &left);
	memory_count(memory, COUNT_LEFT, left);
	return err;
}

static int block_invalidate_range(struct mem_block *block, struct block_env *env,
				  unsigned int first, unsigned int n, void *unused)
{
	lockdep_assert_held(&block->lock);
	block_invalidate(&block->state, env, first, n);
	return 0;
}

int memory_invalidate(struct bellows_memory *memory, opn_t start, u64 npages)
{
	return block_walk(memory, start, npages, block_invalidate_range, NULL);
}

/* The last reference to the object is gone: no thread looks, nothing maps. */
void memory_free_blocks(struct bellows_memory *memory)
{
	struct mem_block *block;
	unsigned long index;

	xa_for_each(&memory->blocks, index, block) {
		struct memory_env env = memory_env(memory, index);

		mutex_lock(&block->lock);
		block_destroy(&block->state, &env.env);
		block->attached = false;
		mutex_unlock(&block->lock);
		memory_count(memory, COUNT_BLOCKS, -1);
		block_put(block);
		cond_resched();
	}
	xa_destroy(&memory->blocks);
}

int memory_blocks_init(void)
{
	block_cache = kmem_cache_create("bellows_block", sizeof(struct mem_block), 0, SLAB_ACCOUNT,
					NULL);
	return block_cache ? 0 : -ENOMEM;
}

void memory_blocks_exit(void)
{
	/* Descriptors wait for readers. */
	rcu_barrier();
	kmem_cache_destroy(block_cache);
}
