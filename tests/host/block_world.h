/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host made of arrays, for the test of memory blocks.
 *
 * It has few frames and hands out the one freed last, so that a frame is reused at
 * once. Mappers have page tables and TLBs, and a TLB keeps what nobody flushed. User
 * mappings take references, late: the fault that looked a page up installs it some
 * operations later. Others hold pins. After each access the value read is compared
 * with a plain array, so that a translation that outlived its frame shows as a wrong
 * value.
 */
#ifndef BELLOWS_TESTS_HOST_BLOCK_WORLD_H
#define BELLOWS_TESTS_HOST_BLOCK_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "memory/block.h"
#include "random.h"

#define PAGES		BELLOWS_BLOCK_PAGES
#define BLOCKS		3
#define OBJECT_PAGES	(2 * PAGES + 100)
#define ZERO_FRAME	7
#define FIRST_FRAME	PAGES
#define FRAMES		(4 * PAGES)
#define MAPPERS		2
#define LATE		8
#define PINS		8

#define require(cond)							\
	do {								\
		if (!(cond)) {						\
			printf("Bail out! line %d: %s\n", __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

enum frame_use { FREE, SINGLE, HEAD, TAIL };

struct frame {
	enum frame_use use;
	int refs;
	u64 content;
};

struct entry {
	bool valid, writable;
	u64 mpn;
};

struct mapper {
	struct entry table[BLOCKS * PAGES];
	struct entry large[BLOCKS];
	struct entry tlb[BLOCKS * PAGES];
};

/* The holder of a reference: a user fault under way, or a pin. */
struct holder {
	bool active, write;
	unsigned int page;
	u64 mpn;
};

struct world {
	struct random random;
	struct frame frames[FIRST_FRAME + FRAMES];
	unsigned int recent[FRAMES], nr_recent;
	struct block block[BLOCKS];
	struct mapper mapper[MAPPERS];
	struct entry user[BLOCKS * PAGES];
	struct holder late[LATE], pin[PINS];
	u64 value[BLOCKS * PAGES];
	long count[NR_COUNTS];
	long fail_at;			/* this allocation from now on fails; 0: none */
	unsigned int fail_percent;
	bool no_large;
	unsigned long allocations, flushes, removals, frees, failures;
	unsigned long tlb_hits, stays, larges, runs, joins;
};

struct env {
	struct block_env env;
	struct world *w;
	unsigned int block;
};

struct env env_of(struct world *w, unsigned int block);
int look_up(struct world *w, unsigned int page, enum bellows_intent intent, struct block_page *found);
bool guest_access(struct world *w, unsigned int page, bool write);
void user_install(struct world *w, struct holder *h);
bool user_fault(struct world *w, unsigned int page, bool write);
void user_access(struct world *w, unsigned int page, bool write);
void pin_or_use(struct world *w, unsigned int page);
int discard(struct world *w, unsigned int block, unsigned int first, unsigned int n);
void invalidate(struct world *w, unsigned int block, unsigned int first, unsigned int n);
void report(void *context, unsigned int page, const char *text);
void audit(struct world *w);
void world_init(struct world *w, u64 seed);
void world_end(struct world *w);

#endif
