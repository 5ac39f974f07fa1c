// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of a block, and the only code that changes what a page is.
 *
 * The goal is that an object's pages can change (appear, disappear, later be
 * shared and moved out) under mappers that cache them in page tables and TLBs,
 * and that no access ever goes to a frame that belongs to another page by then.
 *
 * Why that holds:
 *
 * 1. Everything here runs under the block's lock, and a mapper installs a
 *    translation only while it holds that lock, with what the lookup told it.
 *    So between "all translations removed" and the change of state below it,
 *    none can appear.
 * 2. A page changes its frame in one order only: get the new frame, remove the
 *    translations, flush, change the state, free the old frame. What can fail
 *    comes first and leaves everything as it was.
 * 3. User mappings may appear later than the lookup, when the lock is no longer
 *    held. They hold a reference to the frame from the lookup on, and a frame
 *    with such a reference is not freed (is_alone) but left to its page.
 *    References exist for single pages only: a large frame is split first.
 * 4. ABSENT pages may be mapped too, to the frame of zeros. Which ones is
 *    remembered, so that the first write to a page that was never read costs
 *    no removal and no flush.
 *
 * Small frames are taken several at a time, where pages are written in order. Those
 * that have no page yet belong to the block: no state knows them, no lookup finds them.
 *
 * A large frame that was never split is allocated and freed as one. Once split
 * it stays split as long as it is used: each page may have references of its own,
 * for as long as their holders like. If there are none when all of it goes, it goes
 * as one. It still is contiguous, and one large entry of a nested page table may map
 * it, until one of its pages is discarded.
 */
#include "memory/block.h"

static void block_remove_translations(struct block *block, struct block_env *env,
				      unsigned int first, unsigned int n)
{
	struct bellows_gather gather = {};

	env->ops->change(env, first, n, BELLOWS_MAP_ZAP, &gather);
	page_set_remove(&block->zero_mapped, first, n);
	block_check_removed(&block->check, first, n, gather.flush);
	if (!gather.flush)
		return;
	env->ops->flush(env);
	block_check_flushed(&block->check);
}

/* Before pages of zeros get frames. */
static void block_remove_zeros(struct block *block, struct block_env *env,
			       unsigned int first, unsigned int n)
{
	if (page_set_any(&block->zero_mapped, first, n))
		block_remove_translations(block, env, first, n);
}

static void block_count_private(struct block *block, struct block_env *env, int delta)
{
	block->nr_private += delta;
	env->ops->count(env, COUNT_PRIVATE, delta);
}

static bool block_is_contiguous(const struct block *block)
{
	return block->kind == BLOCK_LARGE || block->kind == BLOCK_RUN;
}

static mpn_t block_frame(const struct block *block, unsigned int page)
{
	if (block_is_contiguous(block))
		return to_mpn(block->base + page);
	return block_entry_mpn(block->table[page]);
}

enum page_state block_state(const struct block *block, unsigned int page)
{
	if (block->kind == BLOCK_EMPTY)
		return STATE_ABSENT;
	if (block_is_contiguous(block))
		return STATE_PRIVATE;
	return block_entry_state(block->table[page]);
}

void block_init(struct block *block, unsigned int npages, bool may_be_large)
{
	*block = (struct block){
		.kind = BLOCK_EMPTY,
		.npages = npages,
		.may_be_large = may_be_large && npages == BELLOWS_BLOCK_PAGES,
	};
}

bool block_is_idle(const struct block *block)
{
	return block->kind == BLOCK_EMPTY &&
	       !page_set_any(&block->zero_mapped, 0, BELLOWS_BLOCK_PAGES);
}

/* A frame goes back to the host. If a translation might be left, it is lost instead. */
static void block_free_frame(struct block *block, struct block_env *env,
			     unsigned int page, mpn_t mpn)
{
	if (WARN_ON_ONCE(!block_check_may_free(&block->check, page, 1)))
		return;
	env->ops->free_frame(env, mpn);
}

static void block_free_large(struct block *block, struct block_env *env)
{
	if (WARN_ON_ONCE(!block_check_may_free(&block->check, 0, BELLOWS_BLOCK_PAGES)))
		return;
	env->ops->free_large(env, to_mpn(block->base));
}

/* No lookup has ever found them. */
static void block_give_back_ahead(struct block *block, struct block_env *env)
{
	if (!block->nr_ahead)
		return;
	for (; block->nr_ahead; block->nr_ahead--)
		env->ops->free_frame(env, to_mpn(block->ahead++));
	env->ops->count(env, COUNT_AHEAD, -BLOCK_AHEAD);
}

static void block_become_empty(struct block *block, struct block_env *env)
{
	block_give_back_ahead(block, env);
	if (block->kind == BLOCK_TABLE) {
		env->ops->free_table(env, block->table);
		env->ops->count(env, COUNT_TABLES, -1);
	}
	block->table = NULL;
	block->base = 0;
	block->kind = BLOCK_EMPTY;
}

/* The whole block at once; false: it can't be, or there is no such frame now. */
static bool block_fill_large(struct block *block, struct block_env *env)
{
	mpn_t base;

	if (block->kind != BLOCK_EMPTY || !block->may_be_large || env->ops->alloc_large(env, &base))
		return false;
	block_remove_zeros(block, env, 0, BELLOWS_BLOCK_PAGES);
	block->base = base.v;
	block->kind = BLOCK_LARGE;
	block_count_private(block, env, BELLOWS_BLOCK_PAGES);
	env->ops->count(env, COUNT_LARGE, BELLOWS_BLOCK_PAGES);
	return true;
}

/* Is it likely that the next pages will be written, too, and is there use for all those frames? */
static bool block_goes_on(const struct block *block, unsigned int page)
{
	return page && state_has_frame(block_state(block, page - 1)) &&
	       block->npages - block->nr_private >= BLOCK_AHEAD;
}

static int block_take_frame(struct block *block, struct block_env *env,
			    unsigned int page, mpn_t *mpn)
{
	if (!block->nr_ahead) {
		if (!block_goes_on(block, page) || env->ops->alloc_frames(env, mpn))
			return env->ops->alloc_frame(env, mpn);
		block->ahead = mpn->v;
		block->nr_ahead = BLOCK_AHEAD;
		env->ops->count(env, COUNT_AHEAD, BLOCK_AHEAD);
	}
	*mpn = to_mpn(block->ahead++);
	if (!--block->nr_ahead)
		env->ops->count(env, COUNT_AHEAD, -BLOCK_AHEAD);
	return 0;
}

/* One page; the block is EMPTY or a TABLE. */
static int block_fill_page(struct block *block, struct block_env *env, unsigned int page)
{
	u64 *table = block->table;
	mpn_t mpn;
	int err;

	if (!table)
		table = env->ops->alloc_table(env);
	if (!table)
		return -ENOMEM;
	err = block_take_frame(block, env, page, &mpn);
	if (err) {
		if (!block->table)
			env->ops->free_table(env, table);
		return err;
	}
	block_remove_zeros(block, env, page, 1);
	if (!block->table) {
		block->table = table;
		block->kind = BLOCK_TABLE;
		env->ops->count(env, COUNT_TABLES, 1);
	}
	table[page] = block_entry(STATE_PRIVATE, mpn);
	block_count_private(block, env, 1);
	return 0;
}

int block_lookup(struct block *block, struct block_env *env, unsigned int page,
		 enum bellows_intent intent, struct block_page *found)
{
	enum page_state state = block_state(block, page);
	int err;

	if (state_reads_zero(state) && intent == BELLOWS_INTENT_PEEK)
		return -ENOENT;
	if (state_reads_zero(state) && intent == BELLOWS_INTENT_READ) {
		page_set_add(&block->zero_mapped, page, 1);
		block_check_expose(&block->check, page, 1);
		*found = (struct block_page){ .mpn = env->zero };
		return 0;
	}
	if (!state_has_frame(state) && !block_fill_large(block, env)) {
		err = block_fill_page(block, env, page);
		if (err)
			return err;
	}
	found->mpn = block_frame(block, page);
	found->writable = state_is_writable(block_state(block, page));
	found->large = block_is_contiguous(block);
	if (found->large)
		block_check_expose(&block->check, 0, BELLOWS_BLOCK_PAGES);
	else
		block_check_expose(&block->check, page, 1);
	return 0;
}

void block_split(struct block *block, struct block_env *env)
{
	if (block->kind != BLOCK_LARGE)
		return;
	env->ops->split_large(env, to_mpn(block->base));
	block->kind = BLOCK_RUN;
}

/* Pages of a contiguous block are about to differ from each other. */
static int block_become_table(struct block *block, struct block_env *env)
{
	unsigned int page;
	u64 *table;

	if (block->kind == BLOCK_TABLE)
		return 0;
	table = env->ops->alloc_table(env);
	if (!table)
		return -ENOMEM;
	block_split(block, env);
	for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
		table[page] = block_entry(STATE_PRIVATE, block_frame(block, page));
	block->table = table;
	block->base = 0;
	block->kind = BLOCK_TABLE;
	env->ops->count(env, COUNT_TABLES, 1);
	env->ops->count(env, COUNT_LARGE, -(long)BELLOWS_BLOCK_PAGES);
	return 0;
}

/* Before all of it is freed. */
static void block_rejoin(struct block *block, struct block_env *env)
{
	if (block->kind == BLOCK_RUN && env->ops->join_large(env, to_mpn(block->base)))
		block->kind = BLOCK_LARGE;
}

static bool block_all_alone(const struct block *block, struct block_env *env)
{
	unsigned int page;

	for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
		if (!env->ops->is_alone(env, block_frame(block, page)))
			return false;
	return true;
}

/*
 * A whole contiguous block: needs no memory, so that it works when there is
 * none. False: some page must stay.
 */
static bool block_discard_contiguous(struct block *block, struct block_env *env)
{
	unsigned int page;

	block_remove_translations(block, env, 0, BELLOWS_BLOCK_PAGES);
	block_rejoin(block, env);
	if (block->kind == BLOCK_LARGE) {
		block_free_large(block, env);
	} else {
		if (!block_all_alone(block, env))
			return false;
		for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
			block_free_frame(block, env, page, block_frame(block, page));
	}
	block_become_empty(block, env);
	block_count_private(block, env, -(int)BELLOWS_BLOCK_PAGES);
	env->ops->count(env, COUNT_LARGE, -(long)BELLOWS_BLOCK_PAGES);
	return true;
}

static void block_discard_page(struct block *block, struct block_env *env,
			       unsigned int page, unsigned int *left)
{
	mpn_t mpn = block_frame(block, page);

	if (!state_has_frame(block_state(block, page)))
		return;
	if (!env->ops->is_alone(env, mpn)) {
		++*left;
		return;
	}
	block->table[page] = block_entry(STATE_ABSENT, to_mpn(0));
	block_free_frame(block, env, page, mpn);
	block_count_private(block, env, -1);
}

int block_discard(struct block *block, struct block_env *env,
		  unsigned int first, unsigned int n, unsigned int *left)
{
	unsigned int page;
	int err;

	if (block->kind == BLOCK_EMPTY)
		return 0;
	if (n == BELLOWS_BLOCK_PAGES && block_is_contiguous(block) &&
	    block_discard_contiguous(block, env))
		return 0;
	err = block_become_table(block, env);
	if (err)
		return err;
	/* Memory is given back here: then no more of it is wanted. */
	block_give_back_ahead(block, env);
	block_remove_translations(block, env, first, n);
	for (page = first; page < first + n; page++)
		block_discard_page(block, env, page, left);
	if (!block->nr_private)
		block_become_empty(block, env);
	return 0;
}

void block_invalidate(struct block *block, struct block_env *env,
		      unsigned int first, unsigned int n)
{
	if (!block_is_idle(block))
		block_remove_translations(block, env, first, n);
}

void block_destroy(struct block *block, struct block_env *env)
{
	unsigned int page;

	block_check_unmapped(&block->check);
	if (block_is_contiguous(block))
		env->ops->count(env, COUNT_LARGE, -(long)BELLOWS_BLOCK_PAGES);
	block_rejoin(block, env);
	if (block->kind == BLOCK_LARGE) {
		block_free_large(block, env);
	} else if (block->kind != BLOCK_EMPTY) {
		for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
			if (state_has_frame(block_state(block, page)))
				block_free_frame(block, env, page, block_frame(block, page));
	}
	block_become_empty(block, env);
	block_count_private(block, env, -(int)block->nr_private);
}

struct block_audit {
	block_report_fn report;
	void *context;
	unsigned int errors;
};

static void block_rule(struct block_audit *audit, bool holds, unsigned int page, const char *text)
{
	if (holds)
		return;
	audit->errors++;
	audit->report(audit->context, page, text);
}

static void block_audit_page(const struct block *block, unsigned int page,
			     struct block_audit *audit)
{
	enum page_state state = block_state(block, page);

	block_rule(audit, BIT(state) & STATES_REAL, page, "is in no known state");
	block_rule(audit, page < block->npages || state == STATE_ABSENT, page,
		   "lies outside the object but is not absent");
	if (block->kind == BLOCK_TABLE)
		block_rule(audit, state_has_frame(state) == !!block_frame(block, page).v, page,
			   "has a frame its state does not allow, or none");
	block_rule(audit, state_reads_zero(state) || !page_set_has(&block->zero_mapped, page), page,
		   "counts as mapped to zeros but is not absent");
}

unsigned int block_audit(const struct block *block, block_report_fn report, void *context)
{
	struct block_audit audit = { .report = report, .context = context };
	unsigned int page, nr_private = 0;

	block_rule(&audit, (block->kind == BLOCK_TABLE) == !!block->table, 0,
		   "begins a block whose table and kind do not agree");
	block_rule(&audit, !block_is_contiguous(block) || block->may_be_large, 0,
		   "begins a contiguous block in an object that has none");
	block_rule(&audit, block_is_contiguous(block) ?
		   block->base && !(block->base % BELLOWS_BLOCK_PAGES) : !block->base, 0,
		   "begins a block with a wrong base");
	if (audit.errors)
		return audit.errors;

	for (page = 0; page < BELLOWS_BLOCK_PAGES; page++) {
		nr_private += block_state(block, page) == STATE_PRIVATE;
		block_audit_page(block, page, &audit);
	}
	block_rule(&audit, nr_private == block->nr_private, 0,
		   "begins a block that counts wrongly");
	block_rule(&audit, block->kind != BLOCK_TABLE || nr_private, 0,
		   "begins a block with a table of nothing");
	block_rule(&audit, !block->nr_ahead ||
		   (block->kind == BLOCK_TABLE && block->nr_ahead < BLOCK_AHEAD &&
		    block->nr_private + block->nr_ahead <= block->npages), 0,
		   "begins a block that has taken too many frames");
	return audit.errors;
}
