/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_OBJECT_H
#define BELLOWS_MEMORY_OBJECT_H
/*
 * A memory object from the inside; only this folder and its tests look here.
 *
 * Letters on members: [c] constant once the object is visible; [B] the block's
 * lock; [M] mappers_lock; [L] the list of objects' lock; [a] atomic.
 */
#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>
#include "memory/block.h"
#include "memory/memory.h"

struct mem_cgroup;

/* One block, with what the kernel needs around its state. */
struct mem_block {
	struct mutex lock;
	refcount_t ref;			/* [a] one of the tree's while attached, one per user */
	bool attached;			/* [B] it is the block of its index, and not a former one */
	struct block state;		/* [B] */
	u64 index;			/* [c] */
	struct rcu_head rcu;
};

struct bellows_memory {
	struct file *file;		/* [c] not counted: the object lives as long as its file */
	struct address_space *mapping;	/* [c] through which every user mapping is found */
	u64 npages;			/* [c] */
	u64 flags;			/* [c] BELLOWS_MEMORY_* */
	struct mem_cgroup *memcg;	/* [c] referenced; pays for frames and descriptions */
	struct xarray blocks;		/* index -> block; entries change under the block's lock */
	/*
	 * The block that was looked up last, or NULL: the next page is likely to be in it, and
	 * the tree is deeper the larger the object is. Only set while that block is locked and
	 * attached, and cleared with the same lock held when it stops to be: a search that finds
	 * it under RCU finds what the tree would have given.
	 */
	struct mem_block __rcu *recent;
	struct rw_semaphore mappers_lock;
	struct list_head mappers;	/* [M] */
	unsigned int nr_mappers;	/* [M] */
	atomic64_t count[NR_COUNTS];		/* [a] */
	struct list_head link;		/* [L] */
};

static inline void memory_count(struct bellows_memory *memory, enum memory_count what, long delta)
{
	atomic64_add(delta, &memory->count[what]);
}

static inline u64 memory_counted(const struct bellows_memory *memory, enum memory_count what)
{
	return atomic64_read(&memory->count[what]);
}

/* The object behind a file, or NULL: the file is something else. */
struct bellows_memory *memory_of_file(const struct file *file);
extern const struct file_operations memory_fops;

/* All objects. */
extern struct mutex memory_list_lock;
extern struct list_head memory_list;

#endif
