// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of memory blocks, under a host made of arrays.
 *
 * The host has few frames and hands out the one freed last, so that a frame is
 * reused at once. Mappers have page tables and TLBs, and a TLB keeps what
 * nobody flushed. User mappings take references, late: the fault that looked a
 * page up installs it some operations later. Others hold pins. After each
 * access the value read is compared with a plain array, so that a translation
 * that outlived its frame shows as a wrong value.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memory/block.h"
#include "random.h"
#include "tap.h"

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

/* Somebody who holds a reference: a user fault under way, or a pin. */
struct holder {
	bool active, write;
	unsigned int page;
	u64 mpn;
};

struct world {
	struct random random;
	struct frame frames[FIRST_FRAME + FRAMES];
	unsigned int recent[FRAMES], nr_recent;
	struct bellows_block block[BLOCKS];
	struct mapper mapper[MAPPERS];
	struct entry user[BLOCKS * PAGES];
	struct holder late[LATE], pin[PINS];
	u64 value[BLOCKS * PAGES];
	long count[BELLOWS_NR_COUNTS];
	long fail_at;			/* this allocation from now on fails; 0: none */
	unsigned int fail_percent;
	bool no_large;
	unsigned long allocations, flushes, removals, frees, failures;
	unsigned long tlb_hits, stays, larges, runs, joins;
};

struct env {
	struct bellows_block_env env;
	struct world *w;
	unsigned int block;
};

static struct world *world_of(struct bellows_block_env *env)
{
	return container_of(env, struct env, env)->w;
}

static bool allocation_fails(struct world *w)
{
	w->allocations++;
	if ((w->fail_at && !--w->fail_at) ||
	    (w->fail_percent && random_below(&w->random, 100) < w->fail_percent)) {
		w->failures++;
		return true;
	}
	return false;
}

static void take_frame(struct world *w, unsigned int f, enum frame_use use)
{
	require(w->frames[f].use == FREE && !w->frames[f].refs);
	w->frames[f] = (struct frame){ .use = use, .refs = use != TAIL };
}

static int op_alloc_large(struct bellows_block_env *env, mpn_t *mpn)
{
	struct world *w = world_of(env);
	unsigned int base, i;

	if (w->no_large || allocation_fails(w))
		return -ENOMEM;
	for (base = FIRST_FRAME; base < FIRST_FRAME + FRAMES; base += PAGES) {
		for (i = 0; i < PAGES && w->frames[base + i].use == FREE; i++)
			;
		if (i < PAGES)
			continue;
		for (i = 0; i < PAGES; i++)
			take_frame(w, base + i, i ? TAIL : HEAD);
		*mpn = to_mpn(base);
		w->larges++;
		return 0;
	}
	return -ENOMEM;
}

static int op_alloc_frame(struct bellows_block_env *env, mpn_t *mpn)
{
	struct world *w = world_of(env);
	unsigned int f = 0;

	if (allocation_fails(w))
		return -ENOMEM;
	while (w->nr_recent && !f) {
		f = w->recent[--w->nr_recent];
		if (w->frames[f].use != FREE)
			f = 0;
	}
	for (unsigned int i = FIRST_FRAME; !f && i < FIRST_FRAME + FRAMES; i++)
		if (w->frames[i].use == FREE)
			f = i;
	if (!f)
		return -ENOMEM;
	take_frame(w, f, SINGLE);
	*mpn = to_mpn(f);
	return 0;
}

static int op_alloc_frames(struct bellows_block_env *env, mpn_t *mpn)
{
	struct world *w = world_of(env);
	unsigned int base, i;

	if (allocation_fails(w))
		return -ENOMEM;
	for (base = FIRST_FRAME; base < FIRST_FRAME + FRAMES; base += BELLOWS_BLOCK_AHEAD) {
		for (i = 0; i < BELLOWS_BLOCK_AHEAD && w->frames[base + i].use == FREE; i++)
			;
		if (i < BELLOWS_BLOCK_AHEAD)
			continue;
		for (i = 0; i < BELLOWS_BLOCK_AHEAD; i++)
			take_frame(w, base + i, SINGLE);
		*mpn = to_mpn(base);
		w->runs++;
		return 0;
	}
	return -ENOMEM;
}

static void drop_reference(struct world *w, u64 mpn)
{
	struct frame *frame = &w->frames[mpn];

	if (mpn == ZERO_FRAME)
		return;
	require(frame->use == SINGLE && frame->refs > 0);
	if (--frame->refs)
		return;
	frame->use = FREE;
	frame->content = 0xdeadULL << 32 | mpn;
	w->frees++;
	if (w->nr_recent < FRAMES)
		w->recent[w->nr_recent++] = mpn;
}

static void take_reference(struct world *w, u64 mpn)
{
	if (mpn == ZERO_FRAME)
		return;
	require(w->frames[mpn].use == SINGLE && w->frames[mpn].refs > 0);
	w->frames[mpn].refs++;
}

static void op_free_frame(struct bellows_block_env *env, mpn_t mpn)
{
	drop_reference(world_of(env), mpn.v);
}

static void op_free_large(struct bellows_block_env *env, mpn_t mpn)
{
	struct world *w = world_of(env);

	for (unsigned int i = 0; i < PAGES; i++) {
		struct frame *frame = &w->frames[mpn.v + i];

		require(frame->use == (i ? TAIL : HEAD) && frame->refs == !i);
		*frame = (struct frame){ .use = FREE, .content = 0xdeadULL << 32 | (mpn.v + i) };
	}
	w->frees++;
}

static void op_split_large(struct bellows_block_env *env, mpn_t mpn)
{
	struct world *w = world_of(env);

	require(w->frames[mpn.v].use == HEAD);
	for (unsigned int i = 0; i < PAGES; i++) {
		w->frames[mpn.v + i].use = SINGLE;
		w->frames[mpn.v + i].refs = 1;
	}
}

static bool op_join_large(struct bellows_block_env *env, mpn_t mpn)
{
	struct world *w = world_of(env);

	for (unsigned int i = 0; i < PAGES; i++) {
		require(w->frames[mpn.v + i].use == SINGLE);
		if (w->frames[mpn.v + i].refs != 1)
			return false;
	}
	/* Whoever says no for a reason of his own. */
	if (!random_below(&w->random, 4))
		return false;
	for (unsigned int i = 0; i < PAGES; i++) {
		w->frames[mpn.v + i].use = i ? TAIL : HEAD;
		w->frames[mpn.v + i].refs = !i;
	}
	w->joins++;
	return true;
}

static bool op_is_alone(struct bellows_block_env *env, mpn_t mpn)
{
	require(world_of(env)->frames[mpn.v].use == SINGLE);
	return world_of(env)->frames[mpn.v].refs == 1;
}

static u64 *op_alloc_table(struct bellows_block_env *env)
{
	return allocation_fails(world_of(env)) ? NULL : calloc(PAGES, sizeof(u64));
}

static void op_free_table(struct bellows_block_env *env, u64 *table)
{
	free(table);
}

static void op_count(struct bellows_block_env *env, enum bellows_memory_count what, long delta)
{
	world_of(env)->count[what] += delta;
}

static void op_change(struct bellows_block_env *env, unsigned int first, unsigned int n,
		      enum bellows_mapper_op op, struct bellows_gather *gather)
{
	struct world *w = world_of(env);
	unsigned int block = container_of(env, struct env, env)->block;

	require(op == BELLOWS_MAP_ZAP);
	w->removals++;
	for (unsigned int m = 0; m < MAPPERS; m++) {
		struct entry *large = &w->mapper[m].large[block];

		gather->flush |= large->valid;
		large->valid = false;
		for (unsigned int i = 0; i < n; i++) {
			struct entry *entry = &w->mapper[m].table[block * PAGES + first + i];

			gather->flush |= entry->valid;
			entry->valid = false;
		}
	}
	/* User mappings are removed and flushed in one go. */
	for (unsigned int i = 0; i < n; i++) {
		struct entry *entry = &w->user[block * PAGES + first + i];

		if (entry->valid)
			drop_reference(w, entry->mpn);
		entry->valid = false;
	}
}

static void op_flush(struct bellows_block_env *env)
{
	struct world *w = world_of(env);

	w->flushes++;
	for (unsigned int m = 0; m < MAPPERS; m++)
		memset(w->mapper[m].tlb, 0, sizeof(w->mapper[m].tlb));
}

static const struct bellows_block_ops ops = {
	.alloc_large = op_alloc_large,
	.alloc_frame = op_alloc_frame,
	.alloc_frames = op_alloc_frames,
	.free_large = op_free_large,
	.free_frame = op_free_frame,
	.split_large = op_split_large,
	.join_large = op_join_large,
	.is_alone = op_is_alone,
	.alloc_table = op_alloc_table,
	.free_table = op_free_table,
	.change = op_change,
	.flush = op_flush,
	.count = op_count,
};

static struct env env_of(struct world *w, unsigned int block)
{
	return (struct env){ .env = { .ops = &ops, .zero = to_mpn(ZERO_FRAME) },
			     .w = w, .block = block };
}

static int look_up(struct world *w, unsigned int page, enum bellows_intent intent,
		   struct bellows_block_page *found)
{
	struct env env = env_of(w, page / PAGES);
	int err = bellows_block_lookup(&w->block[page / PAGES], &env.env, page % PAGES, intent,
				       found);

	if (!err) {
		require(found->mpn.v == ZERO_FRAME || w->frames[found->mpn.v].use != FREE);
		require(found->writable == (found->mpn.v != ZERO_FRAME));
		require(intent != BELLOWS_INTENT_WRITE || found->writable);
	}
	return err;
}

/* What hardware does: the TLB first, then the tables, large entries too. */
static struct entry *translate(struct world *w, struct mapper *m, unsigned int page, bool write)
{
	struct entry *tlb = &m->tlb[page], *large = &m->large[page / PAGES];

	if (tlb->valid && (tlb->writable || !write)) {
		w->tlb_hits++;
		return tlb;
	}
	if (large->valid) {
		*tlb = *large;
		tlb->mpn += page % PAGES;
		return tlb;
	}
	*tlb = m->table[page];
	return tlb->valid && (tlb->writable || !write) ? tlb : NULL;
}

/* An access by a guest: faults until it goes through. False: out of memory. */
static bool guest_access(struct world *w, unsigned int page, bool write)
{
	struct mapper *m = &w->mapper[random_below(&w->random, MAPPERS)];
	struct bellows_block_page found;
	struct entry *entry;

	while (!(entry = translate(w, m, page, write))) {
		if (look_up(w, page, write ? BELLOWS_INTENT_WRITE : BELLOWS_INTENT_READ, &found))
			return false;
		if (found.large && random_below(&w->random, 4))
			m->large[page / PAGES] = (struct entry){ true, true,
						found.mpn.v - page % PAGES };
		else
			m->table[page] = (struct entry){ true, found.writable, found.mpn.v };
		m->tlb[page].valid = false;
	}
	if (write) {
		require(entry->mpn != ZERO_FRAME);
		w->value[page] = random_u64(&w->random);
		w->frames[entry->mpn].content = w->value[page];
	}
	require(w->frames[entry->mpn].content == w->value[page]);
	return true;
}

static void user_install(struct world *w, struct holder *h)
{
	struct entry *entry = &w->user[h->page];

	/* As the kernel does: what is there by now stays. */
	if (entry->valid)
		drop_reference(w, h->mpn);
	else
		*entry = (struct entry){ true, h->write, h->mpn };
	h->active = false;
}

static struct holder *free_holder(struct holder *h, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!h[i].active)
			return &h[i];
	return NULL;
}

/* A user fault: zeros are mapped at once, under the lock; frames some time later. */
static bool user_fault(struct world *w, unsigned int page, bool write)
{
	struct holder *h = free_holder(w->late, LATE);
	struct env env = env_of(w, page / PAGES);
	struct bellows_block_page found;

	if (!h)
		return false;
	if (look_up(w, page, write ? BELLOWS_INTENT_WRITE : BELLOWS_INTENT_READ, &found))
		return false;
	if (found.mpn.v == ZERO_FRAME) {
		if (!w->user[page].valid)
			w->user[page] = (struct entry){ true, false, ZERO_FRAME };
		return true;
	}
	/* A read-only mapping of the frame becomes writable. */
	if (w->user[page].valid) {
		require(w->user[page].mpn == found.mpn.v);
		w->user[page].writable |= write;
		return true;
	}
	bellows_block_split(&w->block[page / PAGES], &env.env);
	take_reference(w, found.mpn.v);
	*h = (struct holder){ true, write, page, found.mpn.v };
	return true;
}

static void user_access(struct world *w, unsigned int page, bool write)
{
	struct entry *entry = &w->user[page];

	if (!entry->valid || (write && !entry->writable)) {
		user_fault(w, page, write);
		return;
	}
	if (write) {
		require(entry->mpn != ZERO_FRAME);
		w->value[page] = random_u64(&w->random);
		w->frames[entry->mpn].content = w->value[page];
	}
	require(w->frames[entry->mpn].content == w->value[page]);
}

static void pin_or_use(struct world *w, unsigned int page)
{
	struct holder *h = free_holder(w->pin, PINS);
	struct bellows_block_page found;

	if (h && w->user[page].valid) {
		*h = (struct holder){ true, w->user[page].writable, page, w->user[page].mpn };
		take_reference(w, h->mpn);
		return;
	}
	h = &w->pin[random_below(&w->random, PINS)];
	if (!h->active)
		return;
	if (h->mpn != ZERO_FRAME) {
		require(!look_up(w, h->page, BELLOWS_INTENT_PEEK, &found));
		require(found.mpn.v == h->mpn);
		w->value[h->page] = random_u64(&w->random);
		w->frames[h->mpn].content = w->value[h->page];
	}
	if (random_below(&w->random, 2)) {
		drop_reference(w, h->mpn);
		h->active = false;
	}
}

static bool is_held(const struct world *w, unsigned int page)
{
	for (unsigned int i = 0; i < LATE; i++)
		if (w->late[i].active && w->late[i].page == page)
			return true;
	for (unsigned int i = 0; i < PINS; i++)
		if (w->pin[i].active && w->pin[i].page == page && w->pin[i].mpn != ZERO_FRAME)
			return true;
	return false;
}

static int discard(struct world *w, unsigned int block, unsigned int first, unsigned int n)
{
	struct env env = env_of(w, block);
	unsigned int left = 0, held = 0;
	int err;

	err = bellows_block_discard(&w->block[block], &env.env, first, n, &left);
	if (err)
		return err;
	for (unsigned int i = first; i < first + n; i++) {
		unsigned int page = block * PAGES + i;

		if (is_held(w, page)) {
			require(bellows_block_state(&w->block[block], i) == BELLOWS_PAGE_PRIVATE);
			held++;
		} else {
			require(bellows_block_state(&w->block[block], i) == BELLOWS_PAGE_ABSENT);
			w->value[page] = 0;
		}
	}
	require(left == held);
	w->stays += left;
	return 0;
}

static void invalidate(struct world *w, unsigned int block, unsigned int first, unsigned int n)
{
	struct env env = env_of(w, block);

	bellows_block_invalidate(&w->block[block], &env.env, first, n);
	for (unsigned int i = first; i < first + n; i++) {
		require(!w->user[block * PAGES + i].valid);
		for (unsigned int m = 0; m < MAPPERS; m++)
			require(!w->mapper[m].tlb[block * PAGES + i].valid);
	}
}

static void report(void *context, unsigned int page, const char *text)
{
	printf("# page %u %s\n", page, text);
}

static void audit(struct world *w)
{
	long private = 0, large = 0, tables = 0, frames = 0, used = 0, ahead = 0, runs = 0;

	for (unsigned int b = 0; b < BLOCKS; b++) {
		struct bellows_block *block = &w->block[b];

		require(!bellows_block_audit(block, report, NULL));
		private += block->nr_private;
		tables += !!block->table;
		ahead += block->nr_ahead;
		runs += !!block->nr_ahead;
		if (block->kind == BELLOWS_BLOCK_LARGE || block->kind == BELLOWS_BLOCK_RUN)
			large += PAGES;
	}
	require(private == w->count[BELLOWS_COUNT_PRIVATE]);
	require(large == w->count[BELLOWS_COUNT_LARGE]);
	require(tables == w->count[BELLOWS_COUNT_TABLES]);
	for (unsigned int f = FIRST_FRAME; f < FIRST_FRAME + FRAMES; f++)
		used += w->frames[f].use != FREE;
	for (unsigned int p = 0; p < OBJECT_PAGES; p++)
		frames += bellows_block_state(&w->block[p / PAGES], p % PAGES) ==
			  BELLOWS_PAGE_PRIVATE;
	require(frames == private && used == private + ahead);
	require(w->count[BELLOWS_COUNT_AHEAD] == runs * BELLOWS_BLOCK_AHEAD);
	require(!w->frames[ZERO_FRAME].content);
}

static void world_init(struct world *w, u64 seed)
{
	memset(w, 0, sizeof(*w));
	random_seed(&w->random, seed);
	for (unsigned int b = 0; b < BLOCKS; b++)
		bellows_block_init(&w->block[b], min_t(unsigned int, PAGES, OBJECT_PAGES - b * PAGES),
				   true);
}

static void world_end(struct world *w)
{
	for (unsigned int i = 0; i < LATE; i++)
		if (w->late[i].active)
			user_install(w, &w->late[i]);
	for (unsigned int i = 0; i < PINS; i++)
		if (w->pin[i].active)
			drop_reference(w, w->pin[i].mpn);
	for (unsigned int p = 0; p < OBJECT_PAGES; p++)
		if (w->user[p].valid)
			drop_reference(w, w->user[p].mpn);
	for (unsigned int b = 0; b < BLOCKS; b++) {
		struct env env = env_of(w, b);

		bellows_block_destroy(&w->block[b], &env.env);
		require(w->block[b].kind == BELLOWS_BLOCK_EMPTY);
	}
	for (unsigned int f = FIRST_FRAME; f < FIRST_FRAME + FRAMES; f++)
		require(w->frames[f].use == FREE && !w->frames[f].refs);
	for (unsigned int c = 0; c < BELLOWS_NR_COUNTS; c++)
		require(!w->count[c]);
}

/* Pages near each other are touched often, so that they meet in all states. */
static unsigned int some_page(struct world *w)
{
	if (random_below(&w->random, 3))
		return random_below(&w->random, BLOCKS) * PAGES + random_below(&w->random, 4);
	return random_below(&w->random, OBJECT_PAGES);
}

static void range_step(struct world *w)
{
	unsigned int page = some_page(w), block = page / PAGES, first = page % PAGES;
	unsigned int n = 1 + random_below(&w->random, w->block[block].npages - first);

	if (random_below(&w->random, 2)) {
		first = 0;
		n = w->block[block].npages;
	} else if (random_below(&w->random, 2)) {
		n = 1;
	}
	if (random_below(&w->random, 4))
		discard(w, block, first, n);
	else
		invalidate(w, block, first, n);
}

static void step(struct world *w)
{
	unsigned int what = random_below(&w->random, 100), page = some_page(w);
	struct holder *h = &w->late[random_below(&w->random, LATE)];

	if (what < 45)
		guest_access(w, page, random_below(&w->random, 2));
	else if (what < 65)
		user_access(w, page, random_below(&w->random, 2));
	else if (what < 80 && h->active)
		user_install(w, h);
	else if (what < 90)
		pin_or_use(w, page);
	else
		range_step(w);
}

static void test_random(u64 seed)
{
	unsigned long steps = scaled(400000), hits = 0, stays = 0, flushes = 0, larges = 0;
	unsigned long failures = 0, runs = 0, joins = 0;
	static struct world w;

	for (unsigned int round = 0; round < 8; round++) {
		world_init(&w, seed + round);
		w.fail_percent = round % 4 * 10;
		w.no_large = round >= 6;
		for (unsigned long i = 0; i < steps / 8; i++) {
			step(&w);
			if (i % 97 == 0)
				audit(&w);
		}
		world_end(&w);
		hits += w.tlb_hits;
		stays += w.stays;
		flushes += w.flushes;
		larges += w.larges;
		failures += w.failures;
		runs += w.runs;
		joins += w.joins;
	}
	tap_result(hits > steps / 50 && stays && flushes && larges && failures && runs && joins,
		   "%lu random operations: no stale translation, no lost page (%lu TLB hits, %lu flushes, %lu pages left alone, %lu large frames, %lu of them split and joined, %lu runs of small ones, %lu failed allocations)",
		   steps, hits, flushes, stays, larges, joins, runs, failures);
}

/* A fixed run through every state; each allocation in it fails once. */
static bool scenario(struct world *w)
{
	bool ok = true;

	ok &= guest_access(w, 5, false);
	ok &= guest_access(w, 5, true);			/* large, or a table and a page */
	ok &= guest_access(w, 6, true);
	ok &= user_fault(w, 7, true);
	if (w->late[0].active)
		user_install(w, &w->late[0]);
	ok &= !discard(w, 0, 5, 1);			/* becomes a table */
	ok &= guest_access(w, 5, true);
	ok &= guest_access(w, 2 * PAGES + 3, true);	/* the partial block */
	ok &= guest_access(w, PAGES, true);
	ok &= !discard(w, 1, 0, PAGES);
	ok &= guest_access(w, PAGES + 1, true);
	ok &= guest_access(w, 5, false) && guest_access(w, 6, false) && guest_access(w, 7, false);
	audit(w);
	return ok;
}

static void test_nth_failure(void)
{
	static struct world w;
	unsigned int n, failed = 0;

	for (n = 1; n < 100; n++) {
		bool ok;

		world_init(&w, 1);
		w.fail_at = n;
		ok = scenario(&w);
		failed += !ok;
		/* What failed once works the second time, on the same pages. */
		if (w.fail_at <= 0)
			require(scenario(&w));
		world_end(&w);
		if (w.fail_at > 0)
			break;
	}
	tap_result(n > 5 && n < 100 && failed, "each of %u allocations fails once, and nothing changes by it",
		   n - 1);
}

static void test_costs(void)
{
	static struct world w;
	unsigned long removals;

	world_init(&w, 1);
	guest_access(&w, 0, true);
	tap_result(!w.removals && !w.flushes, "the first write to a page nobody has read removes nothing");
	removals = w.removals;
	guest_access(&w, 2 * PAGES, false);
	guest_access(&w, 2 * PAGES, true);
	tap_result(w.removals == removals + 1 && w.flushes == 1,
		   "the first write to a page mapped as zeros removes and flushes once");
	world_end(&w);
}

static void test_large(void)
{
	static struct world w;
	struct bellows_block_page found;
	struct env env = env_of(&w, 0);
	bool ok;

	world_init(&w, 1);
	ok = !look_up(&w, 9, BELLOWS_INTENT_WRITE, &found) && found.large;
	ok &= w.block[0].kind == BELLOWS_BLOCK_LARGE && found.mpn.v % PAGES == 9;
	tap_result(ok, "a block nobody touched gets one large frame");

	bellows_block_split(&w.block[0], &env.env);
	ok = !look_up(&w, 10, BELLOWS_INTENT_READ, &found) && found.large && found.writable;
	tap_result(ok && w.block[0].kind == BELLOWS_BLOCK_RUN && !w.block[0].table,
		   "a split block is still contiguous and needs no table");

	discard(&w, 0, 9, 1);
	ok = !look_up(&w, 10, BELLOWS_INTENT_READ, &found) && !found.large;
	ok &= look_up(&w, 9, BELLOWS_INTENT_PEEK, &found) == -ENOENT;
	tap_result(ok && w.block[0].nr_private == PAGES - 1, "it is no longer once a page is gone");

	discard(&w, 0, 0, PAGES);
	tap_result(bellows_block_is_idle(&w.block[0]) && !w.count[BELLOWS_COUNT_TABLES],
		   "an emptied block costs nothing");

	ok = !look_up(&w, 2 * PAGES, BELLOWS_INTENT_WRITE, &found) && !found.large;
	tap_result(ok, "the last block, shorter than a large frame, gets small ones");

	w.fail_at = 1;
	ok = !look_up(&w, PAGES, BELLOWS_INTENT_WRITE, &found) && !found.large;
	tap_result(ok && w.block[1].kind == BELLOWS_BLOCK_TABLE,
		   "without a large frame a page gets a small one");
	world_end(&w);
}

static void test_ahead(void)
{
	static struct world w;
	unsigned long allocations;
	bool ok = true;

	world_init(&w, 1);
	w.no_large = true;
	for (unsigned int page = 10; page < PAGES; page += 2)
		guest_access(&w, page, true);
	tap_result(!w.runs && !w.block[0].nr_ahead, "pages here and there get frames one by one");
	world_end(&w);

	world_init(&w, 1);
	w.no_large = true;
	guest_access(&w, 0, true);
	guest_access(&w, 1, true);
	ok = w.runs == 1 && w.block[0].nr_ahead == BELLOWS_BLOCK_AHEAD - 1;
	allocations = w.allocations;
	for (unsigned int page = 2; page <= BELLOWS_BLOCK_AHEAD; page++)
		guest_access(&w, page, true);
	tap_result(ok && w.allocations == allocations && !w.block[0].nr_ahead,
		   "pages one after the other get frames of one allocation");

	guest_access(&w, BELLOWS_BLOCK_AHEAD + 1, true);
	ok = w.block[0].nr_ahead;
	discard(&w, 0, 3, 1);
	tap_result(ok && !w.block[0].nr_ahead && !w.count[BELLOWS_COUNT_AHEAD],
		   "a discard gives back what has no page yet");

	for (unsigned int page = 0; page < PAGES; page++)
		guest_access(&w, page, true);
	tap_result(w.block[0].nr_private == PAGES && !w.block[0].nr_ahead,
		   "a full block has taken no frame too many");
	world_end(&w);

	world_init(&w, 1);
	w.no_large = true;
	guest_access(&w, 0, true);
	w.fail_at = 1;
	tap_result(guest_access(&w, 1, true) && w.failures && !w.block[0].nr_ahead,
		   "where several cannot be had one will do");
	world_end(&w);
}

/* The audit must see what it is for. */
static unsigned int broken(struct world *w, void (*how)(struct bellows_block *block))
{
	struct bellows_block copy = w->block[0];
	u64 table[PAGES];

	memcpy(table, copy.table, sizeof(table));
	copy.table = table;
	how(&copy);
	return bellows_block_audit(&copy, report, NULL);
}

static void break_count(struct bellows_block *b) { b->nr_private++; }
static void break_frame(struct bellows_block *b) { b->table[1] = BELLOWS_PAGE_PRIVATE; }
static void break_state(struct bellows_block *b) { b->table[1] |= BELLOWS_PAGE_BUSY; }
static void break_zero(struct bellows_block *b) { bellows_page_set_add(&b->zero_mapped, 1, 1); }
static void break_kind(struct bellows_block *b) { b->kind = BELLOWS_BLOCK_EMPTY; }
static void break_end(struct bellows_block *b) { b->npages = 1; }
static void break_ahead(struct bellows_block *b) { b->nr_ahead = BELLOWS_BLOCK_AHEAD; }

static void test_audit(void)
{
	static struct world w;
	bool ok;

	world_init(&w, 1);
	w.no_large = true;
	guest_access(&w, 1, true);
	guest_access(&w, 2, true);
	ok = !bellows_block_audit(&w.block[0], report, NULL);
	ok &= broken(&w, break_count) == 1;
	ok &= broken(&w, break_frame) == 1;
	ok &= broken(&w, break_state) != 0;
	ok &= broken(&w, break_zero) == 1;
	ok &= broken(&w, break_kind) != 0;
	ok &= broken(&w, break_end) == 3;
	ok &= broken(&w, break_ahead) == 1;
	tap_result(ok, "the audit finds each kind of damage");
	world_end(&w);
}

int main(void)
{
	u64 seed = seed_from_environment();

	tap_plan(16);
	tap_note("seed %llu", seed);
	test_costs();
	test_large();
	test_ahead();
	test_audit();
	test_nth_failure();
	test_random(seed);
	return tap_exit();
}
