// SPDX-License-Identifier: GPL-2.0
/*
 * Frames, mappers, TLBs and holders of references as arrays, and what a host and its
 * guests do to them; the header says what for.
 */
#include "block_world.h"

static struct world *world_of(struct block_env *env)
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

static int op_alloc_large(struct block_env *env, mpn_t *mpn)
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

static int op_alloc_frame(struct block_env *env, mpn_t *mpn)
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

static int op_alloc_frames(struct block_env *env, mpn_t *mpn)
{
	struct world *w = world_of(env);
	unsigned int base, i;

	if (allocation_fails(w))
		return -ENOMEM;
	for (base = FIRST_FRAME; base < FIRST_FRAME + FRAMES; base += BLOCK_AHEAD) {
		for (i = 0; i < BLOCK_AHEAD && w->frames[base + i].use == FREE; i++)
			;
		if (i < BLOCK_AHEAD)
			continue;
		for (i = 0; i < BLOCK_AHEAD; i++)
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

static void op_free_frame(struct block_env *env, mpn_t mpn)
{
	drop_reference(world_of(env), mpn.v);
}

static void op_free_large(struct block_env *env, mpn_t mpn)
{
	struct world *w = world_of(env);

	for (unsigned int i = 0; i < PAGES; i++) {
		struct frame *frame = &w->frames[mpn.v + i];

		require(frame->use == (i ? TAIL : HEAD) && frame->refs == !i);
		*frame = (struct frame){ .use = FREE, .content = 0xdeadULL << 32 | (mpn.v + i) };
	}
	w->frees++;
}

static void op_split_large(struct block_env *env, mpn_t mpn)
{
	struct world *w = world_of(env);

	require(w->frames[mpn.v].use == HEAD);
	for (unsigned int i = 0; i < PAGES; i++) {
		w->frames[mpn.v + i].use = SINGLE;
		w->frames[mpn.v + i].refs = 1;
	}
}

static bool op_join_large(struct block_env *env, mpn_t mpn)
{
	struct world *w = world_of(env);

	for (unsigned int i = 0; i < PAGES; i++) {
		require(w->frames[mpn.v + i].use == SINGLE);
		if (w->frames[mpn.v + i].refs != 1)
			return false;
	}
	/* It may say no for a reason of its own. */
	if (!random_below(&w->random, 4))
		return false;
	for (unsigned int i = 0; i < PAGES; i++) {
		w->frames[mpn.v + i].use = i ? TAIL : HEAD;
		w->frames[mpn.v + i].refs = !i;
	}
	w->joins++;
	return true;
}

static bool op_is_alone(struct block_env *env, mpn_t mpn)
{
	require(world_of(env)->frames[mpn.v].use == SINGLE);
	return world_of(env)->frames[mpn.v].refs == 1;
}

static u64 *op_alloc_table(struct block_env *env)
{
	return allocation_fails(world_of(env)) ? NULL : calloc(PAGES, sizeof(u64));
}

static void op_free_table(struct block_env *env, u64 *table)
{
	free(table);
}

static void op_count(struct block_env *env, enum memory_count what, long delta)
{
	world_of(env)->count[what] += delta;
}

static void op_change(struct block_env *env, unsigned int first, unsigned int n,
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

static void op_flush(struct block_env *env)
{
	struct world *w = world_of(env);

	w->flushes++;
	for (unsigned int m = 0; m < MAPPERS; m++)
		memset(w->mapper[m].tlb, 0, sizeof(w->mapper[m].tlb));
}

static const struct block_ops ops = {
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

struct env env_of(struct world *w, unsigned int block)
{
	return (struct env){ .env = { .ops = &ops, .zero = to_mpn(ZERO_FRAME) },
			     .w = w, .block = block };
}

int look_up(struct world *w, unsigned int page, enum bellows_intent intent,
	    struct block_page *found)
{
	struct env env = env_of(w, page / PAGES);
	int err = block_lookup(&w->block[page / PAGES], &env.env, page % PAGES, intent, found);

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
bool guest_access(struct world *w, unsigned int page, bool write)
{
	struct mapper *m = &w->mapper[random_below(&w->random, MAPPERS)];
	struct block_page found;
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

void user_install(struct world *w, struct holder *h)
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
bool user_fault(struct world *w, unsigned int page, bool write)
{
	struct holder *h = free_holder(w->late, LATE);
	struct env env = env_of(w, page / PAGES);
	struct block_page found;

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
	block_split(&w->block[page / PAGES], &env.env);
	take_reference(w, found.mpn.v);
	*h = (struct holder){ true, write, page, found.mpn.v };
	return true;
}

void user_access(struct world *w, unsigned int page, bool write)
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

void pin_or_use(struct world *w, unsigned int page)
{
	struct holder *h = free_holder(w->pin, PINS);
	struct block_page found;

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

int discard(struct world *w, unsigned int block, unsigned int first, unsigned int n)
{
	struct env env = env_of(w, block);
	unsigned int left = 0, held = 0;
	int err;

	err = block_discard(&w->block[block], &env.env, first, n, &left);
	if (err)
		return err;
	for (unsigned int i = first; i < first + n; i++) {
		unsigned int page = block * PAGES + i;

		if (is_held(w, page)) {
			require(block_state(&w->block[block], i) == STATE_PRIVATE);
			held++;
		} else {
			require(block_state(&w->block[block], i) == STATE_ABSENT);
			w->value[page] = 0;
		}
	}
	require(left == held);
	w->stays += left;
	return 0;
}

void invalidate(struct world *w, unsigned int block, unsigned int first, unsigned int n)
{
	struct env env = env_of(w, block);

	block_invalidate(&w->block[block], &env.env, first, n);
	for (unsigned int i = first; i < first + n; i++) {
		require(!w->user[block * PAGES + i].valid);
		for (unsigned int m = 0; m < MAPPERS; m++)
			require(!w->mapper[m].tlb[block * PAGES + i].valid);
	}
}

void report(void *context, unsigned int page, const char *text)
{
	printf("# page %u %s\n", page, text);
}

void audit(struct world *w)
{
	long private = 0, large = 0, tables = 0, frames = 0, used = 0, ahead = 0, runs = 0;

	for (unsigned int b = 0; b < BLOCKS; b++) {
		struct block *block = &w->block[b];

		require(!block_audit(block, report, NULL));
		private += block->nr_private;
		tables += !!block->table;
		ahead += block->nr_ahead;
		runs += !!block->nr_ahead;
		if (block->kind == BLOCK_LARGE || block->kind == BLOCK_RUN)
			large += PAGES;
	}
	require(private == w->count[COUNT_PRIVATE]);
	require(large == w->count[COUNT_LARGE]);
	require(tables == w->count[COUNT_TABLES]);
	for (unsigned int f = FIRST_FRAME; f < FIRST_FRAME + FRAMES; f++)
		used += w->frames[f].use != FREE;
	for (unsigned int p = 0; p < OBJECT_PAGES; p++)
		frames += block_state(&w->block[p / PAGES], p % PAGES) ==
			  STATE_PRIVATE;
	require(frames == private && used == private + ahead);
	require(w->count[COUNT_AHEAD] == runs * BLOCK_AHEAD);
	require(!w->frames[ZERO_FRAME].content);
}

void world_init(struct world *w, u64 seed)
{
	memset(w, 0, sizeof(*w));
	random_seed(&w->random, seed);
	for (unsigned int b = 0; b < BLOCKS; b++)
		block_init(&w->block[b], min_t(unsigned int, PAGES, OBJECT_PAGES - b * PAGES),
			   true);
}

void world_end(struct world *w)
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

		block_destroy(&w->block[b], &env.env);
		require(w->block[b].kind == BLOCK_EMPTY);
	}
	for (unsigned int f = FIRST_FRAME; f < FIRST_FRAME + FRAMES; f++)
		require(w->frames[f].use == FREE && !w->frames[f].refs);
	for (unsigned int c = 0; c < NR_COUNTS; c++)
		require(!w->count[c]);
}
