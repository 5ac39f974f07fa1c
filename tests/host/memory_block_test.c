// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of memory blocks, under a host made of arrays: random operations,
 * each allocation failing once, what single steps cost, and the audit.
 */
#include "block_world.h"
#include "tap.h"

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
	struct block_page found;
	struct env env = env_of(&w, 0);
	bool ok;

	world_init(&w, 1);
	ok = !look_up(&w, 9, BELLOWS_INTENT_WRITE, &found) && found.large;
	ok &= w.block[0].kind == BLOCK_LARGE && found.mpn.v % PAGES == 9;
	tap_result(ok, "a block nobody touched gets one large frame");

	block_split(&w.block[0], &env.env);
	ok = !look_up(&w, 10, BELLOWS_INTENT_READ, &found) && found.large && found.writable;
	tap_result(ok && w.block[0].kind == BLOCK_RUN && !w.block[0].table,
		   "a split block is still contiguous and needs no table");

	discard(&w, 0, 9, 1);
	ok = !look_up(&w, 10, BELLOWS_INTENT_READ, &found) && !found.large;
	ok &= look_up(&w, 9, BELLOWS_INTENT_PEEK, &found) == -ENOENT;
	tap_result(ok && w.block[0].nr_private == PAGES - 1, "it is no longer once a page is gone");

	discard(&w, 0, 0, PAGES);
	tap_result(block_is_idle(&w.block[0]) && !w.count[COUNT_TABLES],
		   "an emptied block costs nothing");

	ok = !look_up(&w, 2 * PAGES, BELLOWS_INTENT_WRITE, &found) && !found.large;
	tap_result(ok, "the last block, shorter than a large frame, gets small ones");

	w.fail_at = 1;
	ok = !look_up(&w, PAGES, BELLOWS_INTENT_WRITE, &found) && !found.large;
	tap_result(ok && w.block[1].kind == BLOCK_TABLE,
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
	ok = w.runs == 1 && w.block[0].nr_ahead == BLOCK_AHEAD - 1;
	allocations = w.allocations;
	for (unsigned int page = 2; page <= BLOCK_AHEAD; page++)
		guest_access(&w, page, true);
	tap_result(ok && w.allocations == allocations && !w.block[0].nr_ahead,
		   "pages one after the other get frames of one allocation");

	guest_access(&w, BLOCK_AHEAD + 1, true);
	ok = w.block[0].nr_ahead;
	discard(&w, 0, 3, 1);
	tap_result(ok && !w.block[0].nr_ahead && !w.count[COUNT_AHEAD],
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
static unsigned int broken(struct world *w, void (*how)(struct block *block))
{
	struct block copy = w->block[0];
	u64 table[PAGES];

	memcpy(table, copy.table, sizeof(table));
	copy.table = table;
	how(&copy);
	return block_audit(&copy, report, NULL);
}

static void break_count(struct block *b) { b->nr_private++; }
static void break_frame(struct block *b) { b->table[1] = STATE_PRIVATE; }
static void break_state(struct block *b) { b->table[1] |= STATE_BUSY; }
static void break_zero(struct block *b) { page_set_add(&b->zero_mapped, 1, 1); }
static void break_kind(struct block *b) { b->kind = BLOCK_EMPTY; }
static void break_end(struct block *b) { b->npages = 1; }
static void break_ahead(struct block *b) { b->nr_ahead = BLOCK_AHEAD; }

static void test_audit(void)
{
	static struct world w;
	bool ok;

	world_init(&w, 1);
	w.no_large = true;
	guest_access(&w, 1, true);
	guest_access(&w, 2, true);
	ok = !block_audit(&w.block[0], report, NULL);
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
