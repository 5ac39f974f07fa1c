// SPDX-License-Identifier: GPL-2.0
/*
 * The page-table walker against a model, for every format.
 *
 * The model knows what each page of a window should translate to; it is plain
 * arrays, and knows nothing of trees. After every operation the whole tree is
 * read back by a second walker, which is written from the processor manuals and
 * shares no code or constant with the module, and which refuses entries that
 * hardware would refuse. The counts an operation reports are predicted, too.
 *
 * A second round makes allocations fail at random, and holds the walker to
 * what it promises then; at the end every table must be back. A third lets
 * threads change blocks that share tables, while another plays the processor
 * and sets accessed and dirty bits: each dirty bit must be found exactly once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mmu/table.h"
#include "random.h"
#include "tap.h"

#define BLOCK		512ULL
#define WINDOW_BLOCKS	4
#define WINDOW		(WINDOW_BLOCKS * BLOCK)

/* Allocation. */

static atomic_long live_pages;
static long fail_in = -1;		/* allocations until one fails; negative: never */
static bool failed;

u64 pt_page_alloc(void)
{
	void *page;

	if (fail_in >= 0 && fail_in-- == 0) {
		failed = true;
		return 0;
	}
	page = aligned_alloc(4096, 2 * 4096);
	if (!page)
		abort();
	memset(page, 0, 2 * 4096);
	live_pages++;
	return (uintptr_t)page;
}

void pt_page_free(u64 pa)
{
	live_pages--;
	free((void *)(uintptr_t)pa);
}

u64 pt_page_link(u64 pa)
{
	return *(u64 *)(uintptr_t)(pa + 4096);
}

void pt_page_set_link(u64 pa, u64 next)
{
	*(u64 *)(uintptr_t)(pa + 4096) = next;
}

/* Formats as the manuals have them. */

struct hardware {
	const struct bellows_pt_format *format;
	int levels;
	u64 present_any, table_bits, leaf_must, leaf_must_not;
	u64 write, exec, noexec, accessed, dirty, large;
};

static const struct hardware hardware[] = {
	/* Intel SDM: leaf memory type 6 in 5:3, ignore PAT 6; 52 to 63 unused here. */
	{ &bellows_ept_format, 4, 7, 7, 0x71, 0xfff0000000000c00, 2, 4, 0, 0x100, 0x200, 0x80 },
	{ &bellows_ept_noad_format, 4, 7, 7, 0x71, 0xfff0000000000f00, 2, 4, 0, 0, 0, 0x80 },
	/* AMD APM: present, user; PWT, PCD and PAT zero; NX 63. */
	{ &bellows_npt_format, 4, 1, 0x27, 0x05, 0x7ff0000000000f18, 2, 0, 1ULL << 63, 0x20, 0x40, 0x80 },
	{ &bellows_npt5_format, 5, 1, 0x27, 0x05, 0x7ff0000000000f18, 2, 0, 1ULL << 63, 0x20, 0x40, 0x80 },
};

/* The model. */

struct model_page {
	bool present, write, exec, accessed, dirty;
	u64 mpn;
};

struct model {
	const struct hardware *hw;
	struct pt_tree pt;
	u64 base;				/* first page number of the window */
	struct model_page page[WINDOW];
	bool large[WINDOW_BLOCKS];		/* the block is one leaf */
	bool table[WINDOW_BLOCKS];		/* the block has a table of small leaves */
	struct pt_dead dead;
	long dead_pages;
	const char *error;
	unsigned long changes, splits, denied;
};

static void fail(struct model *m, const char *why)
{
	if (!m->error)
		m->error = why;
}

/* The second walker. */

struct seen {
	struct model_page page[WINDOW];
	bool large[WINDOW_BLOCKS], table[WINDOW_BLOCKS];
	long tables;
};

static void read_leaf(struct model *m, struct seen *seen, u64 pte, int level, u64 first)
{
	const struct hardware *hw = m->hw;
	u64 must_not = hw->leaf_must_not & ~m->pt.crypt, n = level == 2 ? BLOCK : 1, i;

	if (level == 2)
		must_not |= 0x1ff000;
	if (level > 2 || (pte & hw->leaf_must) != hw->leaf_must || (pte & must_not))
		return fail(m, "a leaf that hardware refuses");
	if (level == 1 && (pte & hw->large))
		return fail(m, "a small leaf says large");
	if ((pte & m->pt.crypt) != m->pt.crypt)
		return fail(m, "a leaf without the encryption bit");
	if (first < m->base || first + n > m->base + WINDOW)
		return fail(m, "a leaf outside of what was mapped");
	first -= m->base;
	if (level == 2)
		seen->large[first / BLOCK] = true;
	for (i = 0; i < n; i++)
		seen->page[first + i] = (struct model_page) {
			.present = true,
			.write = pte & hw->write,
			.exec = hw->exec ? !!(pte & hw->exec) : !(pte & hw->noexec),
			.accessed = pte & hw->accessed,
			.dirty = pte & hw->dirty,
			.mpn = ((pte & 0xffffffffff000 & ~m->pt.crypt) >> 12) + i,
		};
}

static void read_tree(struct model *m, struct seen *seen, u64 table, int level, u64 first)
{
	u64 span = 1ULL << (9 * (level - 1)), *entries = (u64 *)(uintptr_t)table;
	int i;

	seen->tables++;
	if (level == 1 && first >= m->base && first < m->base + WINDOW)
		seen->table[(first - m->base) / BLOCK] = true;
	for (i = 0; i < 512 && !m->error; i++, first += span) {
		u64 pte = entries[i];

		if (!(pte & m->hw->present_any)) {
			if (pte)
				fail(m, "an absent entry is not zero");
		} else if (level == 1 || (pte & m->hw->large)) {
			read_leaf(m, seen, pte, level, first);
		} else {
			if ((pte & ~0xffffffffff000ULL) != m->hw->table_bits ||
			    (pte & m->pt.crypt) != m->pt.crypt)
				return fail(m, "wrong bits in a table's entry");
			read_tree(m, seen, pte & 0xffffffffff000 & ~m->pt.crypt, level - 1, first);
		}
	}
}

static u64 *hardware_entry(struct model *m, u64 page, int *level)
{
	u64 table = m->pt.root, *entry;

	for (*level = m->hw->levels; ; (*level)--) {
		entry = (u64 *)(uintptr_t)table + ((page >> (9 * (*level - 1))) & 511);
		if (!(*entry & m->hw->present_any))
			return NULL;
		if (*level == 1 || (*entry & m->hw->large))
			return entry;
		table = *entry & 0xffffffffff000 & ~m->pt.crypt;
	}
}

static void compare(struct model *m)
{
	static struct seen seen;
	u64 i;

	memset(&seen, 0, sizeof(seen));
	read_tree(m, &seen, m->pt.root, m->hw->levels, 0);
	for (i = 0; i < WINDOW && !m->error; i++) {
		const struct model_page *want = &m->page[i], *is = &seen.page[i];

		if (want->present != is->present)
			fail(m, "presence differs");
		else if (want->present && (want->mpn != is->mpn || want->write != is->write ||
					   want->exec != is->exec))
			fail(m, "frame or permission differs");
		else if (want->present && m->hw->accessed &&
			 (want->accessed != is->accessed || want->dirty != is->dirty))
			fail(m, "accessed or dirty differs");
	}
	for (i = 0; i < WINDOW_BLOCKS; i++)
		if (m->large[i] != seen.large[i] || m->table[i] != seen.table[i])
			fail(m, "leaf sizes differ");
	if (seen.tables != m->pt.pages.value || live_pages != m->pt.pages.value + m->dead_pages)
		fail(m, "table pages are miscounted");
}

/* What the model expects of an operation, beside the pages themselves. */

static void note(struct model *m, struct pt_found *want, const struct model_page *page)
{
	want->accessed += !m->hw->accessed || page->accessed;
	want->dirty += m->hw->dirty ? page->dirty : page->write;
}

static void same_counts(struct model *m, const struct pt_found *want, const struct pt_found *is)
{
	if (want->accessed != is->accessed || want->dirty != is->dirty || want->removed != is->removed)
		fail(m, "counts differ");
	if (want->stale && !is->stale)
		fail(m, "a change without a flush");
	if (!want->stale && is->stale)
		fail(m, "a flush without a change");
}

static void model_split(struct model *m, u64 block, struct pt_found *want)
{
	u64 i;

	m->large[block] = false;
	m->table[block] = true;
	m->splits++;
	want->stale = true;
	for (i = block * BLOCK; i < (block + 1) * BLOCK; i++)
		if (m->pt.nx_large)
			m->page[i].exec = true;
}

static void model_zap(struct model *m, u64 first, u64 n, struct pt_found *want)
{
	note(m, want, &m->page[first]);
	want->removed++;
	want->stale = true;
	memset(&m->page[first], 0, n * sizeof(m->page[0]));
	m->large[first / BLOCK] &= n == 1;
}

/* Operations. Each returns with the model as it should be. */

static void op_map(struct model *m, struct random *r)
{
	u64 i = random_below(r, WINDOW), block = i / BLOCK, j;
	struct pt_found want = {}, found = {};
	unsigned int level = 1 + random_below(r, 2);
	struct model_page new = {
		.present = true, .accessed = true,
		.write = random_below(r, 2), .exec = random_below(r, 4),
		/* Few frames, so that the same one comes again. */
		.mpn = (0x40000 + random_below(r, 2) * 0x10000) + block * BLOCK + i % BLOCK,
	};
	bool large;
	int err;

	new.dirty = new.write && random_below(r, 2);
	err = pt_map(&m->pt, m->base + i, to_mpn(new.mpn), level,
		     (new.write ? PT_WRITE : 0) | (new.exec ? PT_EXEC : 0) |
		     (new.dirty ? PT_DIRTY : 0), &found);
	if (err) {
		if (err != -ENOMEM || !failed)
			fail(m, "map fails without cause");
		same_counts(m, &want, &found);
		m->denied++;
		return;
	}
	large = level == 2 && !m->table[block];
	if (!large && m->large[block])
		model_split(m, block, &want);
	if (!large)
		m->table[block] = true;
	m->large[block] = large;
	if (large) {
		new.exec &= !m->pt.nx_large;
		new.mpn -= i % BLOCK;
		i = block * BLOCK;
	}
	if (m->page[i].present && m->page[i].mpn != new.mpn)
		model_zap(m, i, 1, &want);
	else if (m->page[i].present) {
		new.dirty |= m->page[i].dirty;
		want.stale |= (m->page[i].write && !new.write) || (m->page[i].exec && !new.exec);
	}
	for (j = 0; j < (large ? BLOCK : 1); j++, new.mpn++)
		m->page[i + j] = new;
	same_counts(m, &want, &found);
}

static void range(struct random *r, u64 *start, u64 *end)
{
	*start = random_below(r, WINDOW);
	*end = *start + 1 + random_below(r, random_below(r, 2) ? 8 : WINDOW);
	if (random_below(r, 4) == 0) {
		*start &= ~(BLOCK - 1);
		*end = *start + BLOCK;
	}
	if (*end > WINDOW)
		*end = WINDOW;
}

enum change { ZAP, READONLY, SPLIT, HARVEST };

/* One leaf of n pages, all of it in the range, or too large to be split for want of memory. */
static void model_change(struct model *m, enum change op, u64 i, u64 n, bool whole,
			 struct pt_found *want)
{
	struct model_page was = m->page[i];
	u64 j;

	if (op == ZAP || (op == SPLIT && n > 1) || (op == HARVEST && !m->hw->accessed && whole)) {
		model_zap(m, i, n, want);
		return;
	}
	if (op == READONLY && was.write) {
		want->dirty += m->hw->dirty ? was.dirty : was.write;
		want->stale = true;
		for (j = i; j < i + n; j++) {
			m->page[j].write = false;
			m->page[j].dirty &= !whole;
		}
	}
	if (op == HARVEST) {
		note(m, want, &was);
		want->stale |= whole && (was.accessed || was.dirty);
		for (j = i; whole && j < i + n; j++)
			m->page[j].accessed = m->page[j].dirty = false;
	}
}

/* Which splits find memory is known from the count of allocations that were left. */
static bool split_succeeds(long *left)
{
	return *left < 0 || (*left)-- != 0;
}

static void op_change(struct model *m, struct random *r, enum change op)
{
	struct pt_found want = {}, found = {};
	u64 start, end, i, n, block;
	long left = fail_in;

	range(r, &start, &end);
	if (op == ZAP)
		pt_zap(&m->pt, m->base + start, m->base + end, &found);
	else if (op == READONLY)
		pt_readonly(&m->pt, m->base + start, m->base + end, &found);
	else if (op == SPLIT)
		pt_split(&m->pt, m->base + start, m->base + end, &found);
	else
		pt_harvest(&m->pt, m->base + start, m->base + end, &found);

	for (i = start; i < end; i += n) {
		bool whole = true;

		block = i / BLOCK;
		n = 1;
		if (!m->page[i].present)
			continue;
		if (m->large[block]) {
			whole = i % BLOCK == 0 && i + BLOCK <= end;
			if ((op == SPLIT || !whole) && !(op == READONLY && !m->page[i].write) &&
			    split_succeeds(&left)) {
				model_split(m, block, &want);
				whole = true;
			}
		}
		if (m->large[block]) {
			n = BLOCK - i % BLOCK;
			model_change(m, op, block * BLOCK, BLOCK, whole, &want);
		} else {
			model_change(m, op, i, 1, true, &want);
		}
	}
	if (left != fail_in)
		fail(m, "allocations differ");
	same_counts(m, &want, &found);
}

static void op_unlink(struct model *m, struct random *r)
{
	u64 start, end, block, page;
	long before = m->pt.pages.value;

	range(r, &start, &end);
	pt_unlink(&m->pt, m->base + start, m->base + end, &m->dead);
	for (block = 0; block < WINDOW_BLOCKS; block++) {
		if (!m->table[block] || start > block * BLOCK || end < (block + 1) * BLOCK)
			continue;
		m->table[block] = false;
		memset(&m->page[block * BLOCK], 0, BLOCK * sizeof(m->page[0]));
	}
	m->dead_pages += before - m->pt.pages.value;
	/* Freed some time later, as after a flush. */
	if (random_below(r, 2)) {
		for (page = m->dead.head; page; page = pt_page_link(page))
			m->dead_pages--;
		pt_free_dead(&m->dead);
	}
}

/* The processor uses a page. */
static void op_hardware(struct model *m, struct random *r)
{
	u64 i = random_below(r, WINDOW), n = 1, *entry;
	bool write = random_below(r, 2);
	int level;

	entry = hardware_entry(m, m->base + i, &level);
	if (!entry != !m->page[i].present)
		return fail(m, "hardware sees another presence");
	if (!entry)
		return;
	write &= m->page[i].write;
	*entry |= m->hw->accessed | (write ? m->hw->dirty : 0);
	if (m->large[i / BLOCK]) {
		n = BLOCK;
		i &= ~(BLOCK - 1);
	}
	for (; n--; i++) {
		m->page[i].accessed = true;
		m->page[i].dirty |= write;
	}
}

static void op_lookup(struct model *m, struct random *r)
{
	u64 i = random_below(r, WINDOW), pte;
	unsigned int level = 0;

	pte = pt_lookup(&m->pt, m->base + i, &level);
	if (!pte != !m->page[i].present)
		return fail(m, "lookup sees another presence");
	if (pte && (level != (m->large[i / BLOCK] ? 2 : 1) ||
		    pt_address(&m->pt, pte) >> 12 != m->page[i].mpn - (level == 2 ? i % BLOCK : 0)))
		fail(m, "lookup finds another leaf");
}

static void step(struct model *m, struct random *r)
{
	unsigned int what = random_below(r, 100);

	m->changes++;
	if (what < 40)
		op_map(m, r);
	else if (what < 50)
		op_change(m, r, ZAP);
	else if (what < 57)
		op_change(m, r, READONLY);
	else if (what < 62)
		op_change(m, r, SPLIT);
	else if (what < 70)
		op_change(m, r, HARVEST);
	else if (what < 75)
		op_unlink(m, r);
	else if (what < 95)
		op_hardware(m, r);
	else
		op_lookup(m, r);
}

static u64 window_base(const struct hardware *hw, struct random *r)
{
	u64 limit = 1ULL << (9 * hw->levels);

	switch (random_below(r, 4)) {
	case 0:
		return 0;
	case 1:
		return limit - WINDOW;
	case 2:		/* across a boundary of every level below the top */
		return (1ULL << (9 * (hw->levels - 1))) - WINDOW / 2;
	default:
		return random_u64(r) % (limit - WINDOW) & ~(BLOCK - 1);
	}
}

static void run_model(const struct hardware *hw, struct random *r, bool with_failures, uint64_t seed)
{
	unsigned long round, i, rounds = scaled(12), changes = 0, splits = 0, denied = 0;
	static struct model m;

	for (round = 0; round < rounds; round++) {
		memset(&m, 0, sizeof(m));
		m.hw = hw;
		m.base = window_base(hw, r);
		fail_in = -1;
		failed = false;
		if (pt_init(&m.pt, hw->format, random_below(r, 2) ? 1ULL << 47 : 0))
			fail(&m, "init");
		m.pt.nx_large = random_below(r, 2);
		for (i = 0; i < 1000 && !m.error; i++) {
			if (with_failures)
				fail_in = random_below(r, 4) ? -1 : (long)random_below(r, 3);
			failed = false;
			step(&m, r);
			fail_in = -1;
			compare(&m);
		}
		pt_free_dead(&m.dead);
		pt_destroy(&m.pt);
		if (live_pages || m.pt.pages.value)
			fail(&m, "tables were lost");
		changes += m.changes;
		splits += m.splits;
		denied += m.denied;
		if (m.error)
			break;
	}
	if (!m.error && (!splits || (with_failures && !denied)))
		fail(&m, "the operations were not exercised");
	tap_result(!m.error, "%s: %lu random operations%s, %lu splits, %lu maps denied%s%s",
		   hw->format->name, changes, with_failures ? ", allocations fail" : "", splits, denied,
		   m.error ? ": " : "", m.error ?: "");
	if (m.error) {
		tap_note("repeat with SEED=%llu", (unsigned long long)seed);
		exit(1);
	}
}

static void run_init_failure(void)
{
	struct pt_tree pt;

	fail_in = 0;
	failed = false;
	tap_result(pt_init(&pt, &bellows_ept_format, 0) == -ENOMEM && !live_pages &&
		   pt_init(&pt, &bellows_ept_format, 0) == 0 &&
		   pt_map(&pt, 1ULL << 36, to_mpn(1), 1, 0, &(struct pt_found){}) == -EINVAL &&
		   live_pages == 1, "init without memory, and a page beyond the tree");
	fail_in = -1;
	pt_destroy(&pt);
}

/*
 * Threads: each owns every NTHREADSth page of a window (so that they share all
 * tables), maps it writable, harvests it and zaps it. The main thread is the
 * processor: whenever a page is mapped and not dirty it makes it so, and counts.
 */
#define NTHREADS	4

static struct pt_tree shared;
static atomic_bool stop;
static atomic_int at_work;

struct worker {
	pthread_t thread;
	unsigned int nr;
	struct random random;
	u64 dirty;
	unsigned long rounds;
	bool error;
};

static void *work(void *argument)
{
	struct worker *w = argument;
	struct pt_found found = {};

	while (!stop) {
		u64 page = random_below(&w->random, WINDOW / NTHREADS) * NTHREADS + w->nr;

		switch (random_below(&w->random, 4)) {
		case 0:
			pt_zap(&shared, page, page + 1, &found);
			break;
		case 1:
			pt_harvest(&shared, page, page + 1, &found);
			break;
		case 2:
			pt_readonly(&shared, page, page + 1, &found);
			break;
		default:
			w->error |= pt_map(&shared, page, to_mpn(1000 + page), 1,
					   PT_WRITE | PT_EXEC, &found);
		}
		if (!w->rounds++)
			at_work++;
	}
	w->dirty = found.dirty;
	return NULL;
}

static u64 play_processor(const struct hardware *hw, struct random *r, unsigned long rounds)
{
	struct model view = { .hw = hw, .pt = shared };
	u64 set = 0, *entry, pte;
	int level;

	while (rounds--) {
		view.pt.root = shared.root;
		entry = hardware_entry(&view, random_below(r, WINDOW), &level);
		if (!entry)
			continue;
		pte = __atomic_load_n(entry, __ATOMIC_SEQ_CST);
		while ((pte & hw->present_any) && (pte & hw->write) && !(pte & hw->dirty)) {
			if (__atomic_compare_exchange_n(entry, &pte, pte | hw->accessed | hw->dirty, false,
							__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
				set++;
				break;
			}
		}
	}
	return set;
}

static void run_threads(const struct hardware *hw, struct random *r)
{
	struct pt_found rest = {};
	struct worker workers[NTHREADS] = {};
	u64 set, found = 0;
	unsigned long rounds = 0;
	bool error = false;
	int i;

	stop = false;
	at_work = 0;
	if (pt_init(&shared, hw->format, 0))
		abort();
	for (i = 0; i < NTHREADS; i++) {
		workers[i].nr = i;
		random_seed(&workers[i].random, random_u64(r));
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	/* On a busy machine they may not even have begun when this is over. */
	while (at_work < NTHREADS)
		sched_yield();
	set = play_processor(hw, r, scaled(2000000));
	stop = true;
	for (i = 0; i < NTHREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		found += workers[i].dirty;
		rounds += workers[i].rounds;
		error |= workers[i].error;
	}
	pt_harvest(&shared, 0, WINDOW, &rest);
	found += rest.dirty;
	/* Root, one a level above, one a block: the loser of a race gave its page back. */
	error |= shared.pages.value != hw->levels - 1 + WINDOW_BLOCKS;
	pt_destroy(&shared);
	tap_result(!error && set == found && set && !live_pages,
		   "%s: %d threads, %lu changes: %llu dirty bits set, %llu found", hw->format->name, NTHREADS,
		   rounds, (unsigned long long)set, (unsigned long long)found);
}

/* Two threads fill an empty tree at the same moment: both need every table on the way. */
static atomic_int arrived;

static void *map_one(void *argument)
{
	struct worker *w = argument;
	struct pt_found found = {};

	arrived++;
	while (arrived < 2)
		sched_yield();
	w->error = pt_map(&shared, w->nr, to_mpn(w->nr), 1, PT_WRITE, &found);
	return NULL;
}

static void run_install_race(const struct hardware *hw)
{
	unsigned long round, rounds = scaled(4000);
	struct worker workers[2] = { { .nr = 1 }, { .nr = 2 } };
	unsigned int level;
	bool error = false;
	int i;

	for (round = 0; round < rounds && !error; round++) {
		if (pt_init(&shared, hw->format, 0))
			abort();
		arrived = 0;
		for (i = 0; i < 2; i++)
			pthread_create(&workers[i].thread, NULL, map_one, &workers[i]);
		for (i = 0; i < 2; i++) {
			pthread_join(workers[i].thread, NULL);
			error |= workers[i].error;
			error |= !pt_lookup(&shared, workers[i].nr, &level);
		}
		error |= shared.pages.value != hw->levels || live_pages != shared.pages.value;
		pt_destroy(&shared);
	}
	tap_result(!error, "%s: two threads need the same tables, %lu times", hw->format->name, round);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;
	size_t i;

	random_seed(&r, seed);
	tap_plan(2 * ARRAY_SIZE(hardware) + 1 + 3 + 1);
	tap_note("SEED=%llu", (unsigned long long)seed);
	for (i = 0; i < ARRAY_SIZE(hardware); i++) {
		run_model(&hardware[i], &r, false, seed);
		run_model(&hardware[i], &r, true, seed);
	}
	run_init_failure();
	for (i = 0; i < ARRAY_SIZE(hardware); i++)
		if (hardware[i].dirty)
			run_threads(&hardware[i], &r);
	run_install_race(&hardware[0]);
	return tap_exit();
}
