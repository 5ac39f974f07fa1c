// SPDX-License-Identifier: GPL-2.0
/*
 * Mappers: what caches translations to an object's frames.
 *
 * Nested and shadow tables register; user mappings are one mapper more, that
 * is always there and found through the object's inode. The kernel removes and
 * flushes them in one go, so they never ask for a flush later.
 *
 * A change that a TLB may have missed gives its mapper a number, and a flush
 * notes the last number it covers, after it is done. Several blocks of an
 * object change at the same time, and a thread that needs a flush finds it done
 * if another's began late enough; it never takes one for granted that is still
 * under way:
 *
 *   A: removes an entry, takes number 5        B: reads 5, flushes, notes 5
 *   A: reads "flushed": 5, B's flush began after A's removal and is over;
 *      or less, and flushes itself.
 *
 * Lock: mappers_lock, inside a block's lock. Registering waits for callbacks
 * under way, so that none runs on a mapper that is gone. Between change and
 * flush a mapper may disappear; it is removed after its translations are, and
 * after a flush.
 */
#include <linux/mm.h>
#include "memory/mapper.h"

int bellows_memory_add_mapper(struct bellows_memory *memory, struct bellows_mapper *mapper)
{
	if (!mapper->npages || mapper->start.v >= memory->npages ||
	    mapper->npages > memory->npages - mapper->start.v)
		return -EINVAL;

	atomic64_set(&mapper->changed, 0);
	atomic64_set(&mapper->flushed, 0);
	guard(rwsem_write)(&memory->mappers_lock);
	list_add_tail(&mapper->link, &memory->mappers);
	memory->nr_mappers++;
	return 0;
}

void bellows_memory_remove_mapper(struct bellows_memory *memory, struct bellows_mapper *mapper)
{
	guard(rwsem_write)(&memory->mappers_lock);
	list_del(&mapper->link);
	memory->nr_mappers--;
}

/* The part of [start, start + npages) that lies in the mapper's window. */
static u64 mapper_clip(const struct bellows_mapper *mapper, opn_t *start, u64 npages)
{
	u64 first = max(start->v, mapper->start.v);
	u64 end = min(start->v + npages, mapper->start.v + mapper->npages);

	*start = to_opn(first);
	return first < end ? end - first : 0;
}

static void mapper_change(struct bellows_memory *memory, struct bellows_mapper *mapper, opn_t start,
			  u64 npages, enum bellows_mapper_op op, struct bellows_gather *gather)
{
	struct bellows_gather found = {};

	lockdep_assert_held(&memory->mappers_lock);
	npages = mapper_clip(mapper, &start, npages);
	if (!npages)
		return;
	mapper->ops->change(mapper, start, npages, op, &found);
	/* A full barrier: a thread that reads the number sees the entries changed. */
	if (found.flush)
		atomic64_inc_return(&mapper->changed);
	gather->flush |= found.flush;
	gather->accessed += found.accessed;
	gather->dirty += found.dirty;
	gather->removed += found.removed;
}

/*
 * User mappings can only be removed. A page mapped writable there counts as
 * dirty as long as it is; nothing is harvested, and no entry is ever large.
 */
static void mapper_change_user(struct bellows_memory *memory, opn_t start, u64 npages,
			       enum bellows_mapper_op op)
{
	if (op == BELLOWS_MAP_ZAP || op == BELLOWS_MAP_READONLY)
		unmap_mapping_range(memory->mapping, start.v << PAGE_SHIFT, npages << PAGE_SHIFT,
				    1);
}

void mappers_change(struct bellows_memory *memory, opn_t start, u64 npages,
		    enum bellows_mapper_op op, struct bellows_gather *gather)
{
	struct bellows_mapper *mapper;

	mapper_change_user(memory, start, npages, op);
	guard(rwsem_read)(&memory->mappers_lock);
	list_for_each_entry(mapper, &memory->mappers, link)
		mapper_change(memory, mapper, start, npages, op, gather);
}

static void mapper_note_flushed(struct bellows_mapper *mapper, s64 number)
{
	s64 old = atomic64_read(&mapper->flushed);

	while (old < number && !atomic64_try_cmpxchg(&mapper->flushed, &old, number))
		;
}

void mappers_flush(struct bellows_memory *memory)
{
	struct bellows_mapper *mapper;
	s64 changed;

	guard(rwsem_read)(&memory->mappers_lock);
	list_for_each_entry(mapper, &memory->mappers, link) {
		changed = atomic64_read_acquire(&mapper->changed);
		if (atomic64_read_acquire(&mapper->flushed) >= changed)
			continue;
		mapper->ops->flush(mapper);
		mapper_note_flushed(mapper, changed);
	}
}
