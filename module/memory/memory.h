/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_H
#define BELLOWS_MEMORY_H
/*
 * The memory object's interface to the rest of the module: lookups with
 * intent, mappers, short accesses. An object is guest memory as a file; it
 * lives as long as its file does, and every user holds a reference to that.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include "types.h"
#include "memory/intent.h"

struct bellows_memory;
struct mem_block;
struct bellows_memory_create;
struct seq_file;

/*
 * A page found by a lookup. The lock of its 2 MiB block is held until
 * bellows_memory_release(): translations are installed before it.
 */
struct bellows_frame {
	struct bellows_memory *memory;
	struct mem_block *block;
	opn_t opn;
	mpn_t mpn;		/* the frame of opn itself, also when .large */
	bool writable;		/* may be mapped writable */
	bool large;		/* the whole block is PRIVATE and contiguous: one large entry may map it */
};

/*
 * Finds the page opn, does what the intent needs (zero-fill, later: break
 * sharing, page in) and returns with the block locked. May sleep.
 *
 * Returns 0; -EINVAL: opn outside the object; -ENOMEM: no frame or the charge
 * failed; -EINTR: a fatal signal arrived while waiting; -ENOENT: PEEK only.
 */
int bellows_memory_lookup(struct bellows_memory *memory, opn_t opn, enum bellows_intent intent,
			  struct bellows_frame *frame);
void bellows_memory_release(struct bellows_frame *frame);
/* Is the frame's block locked? For assertions only: without lockdep the answer is yes. */
bool bellows_memory_frame_held(const struct bellows_frame *frame);

struct bellows_mapper;

struct bellows_mapper_ops {
	/* Called with the block's lock held, range within one block; must not sleep on mmap_lock. */
	void (*change)(struct bellows_mapper *mapper, opn_t start, u64 npages,
		       enum bellows_mapper_op op, struct bellows_gather *gather);
	/* After it returns no TLB holds what change() removed. */
	void (*flush)(struct bellows_mapper *mapper);
};

/* A window of an object's pages, the translations of which are cached: by nested tables, for one. */
struct bellows_mapper {
	const struct bellows_mapper_ops *ops;
	opn_t start;
	u64 npages;
	/* The rest belongs to the memory object while the mapper is registered. */
	struct list_head link;
	atomic64_t changed;		/* number of the last change a TLB may have missed */
	atomic64_t flushed;		/* number of the last one that a flush has covered */
};

/* Neither is called with a block locked. 0; -EINVAL: the window does not lie in the object. */
int bellows_memory_add_mapper(struct bellows_memory *memory, struct bellows_mapper *mapper);
/* On return no callback of the mapper runs or will run; the caller has removed its translations. */
void bellows_memory_remove_mapper(struct bellows_memory *memory, struct bellows_mapper *mapper);

/* References: an object is held through its file. */
struct bellows_memory *bellows_memory_get(struct bellows_memory *memory);
void bellows_memory_put(struct bellows_memory *memory);
u64 bellows_memory_npages(const struct bellows_memory *memory);
/*
 * Object (referenced) and page behind [uaddr, uaddr + size) of the current mm; -EINVAL where it
 * is not one mmap of one object.
 */
int bellows_memory_from_mmap(unsigned long uaddr, u64 size, struct bellows_memory **memory,
			     opn_t *start);
/* Object (referenced) behind a descriptor; -EBADF, -EINVAL where it is something else. */
int bellows_memory_from_fd(int fd, struct bellows_memory **memory);

/* Short accesses by the module itself, by byte offset into the object; 0 or as lookup. */
int bellows_memory_read(struct bellows_memory *memory, u64 offset, void *buf, size_t len);
int bellows_memory_write(struct bellows_memory *memory, u64 offset, const void *buf, size_t len);
/*
 * Atomic compare and exchange of len (1, 2, 4, 8, 16) naturally aligned bytes: 0 done, 1 *old
 * differed (and is updated).
 */
int bellows_memory_cmpxchg(struct bellows_memory *memory, u64 offset, void *old, const void *new,
			   size_t len);

/* The ioctl layer's side: returns an fd or -errno. */
int bellows_memory_create(const struct bellows_memory_create *args);
/* The same without a descriptor: referenced, or an ERR_PTR. */
struct bellows_memory *bellows_memory_new(const struct bellows_memory_create *args);

/* Recomputes every count and invariant; one line an error into m (may be NULL); returns the number of errors. */
unsigned int bellows_memory_audit(struct seq_file *m);

int bellows_memory_init(void);		/* module load */
void bellows_memory_exit(void);

#endif
