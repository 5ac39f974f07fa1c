// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of a block, and the only code that changes what a page is.
 *
 * The goal is that an object's pages can change (appear, disappear, later be
 * shared and moved out) under mappers that cache them in page tables and TLBs,
 * and that no access ever goes to a frame which is somebody else's by then.
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
 *    remembered, so that the first write to a page that nobody has read costs
 *    no removal and no flush.
 *
 * Small frames are taken several at a time, where pages are written in order. Those
 * that have no page yet are nobody's: no state knows them, no lookup finds them.
 *
 * A large frame that was never split is allocated and freed as one. Once split
 * it stays split as long as it is used: each page may have references of its own,
 * for as long as their holders like. If there are none when all of it goes, it goes
 * as one. It still is contiguous, and one large entry of a nested page table may map
 * it, until one of its pages is discarded.
 */
#include "memory/block.h"

static void remove_translations(struct bellows_block *block, struct bellows_block_env *env,
				unsigned int first, unsigned int n)
{
	struct bellows_gather gather = {};

	env->ops->change(env, first, n, BELLOWS_MAP_ZAP, &gather);
	bellows_page_set_remove(&block->zero_mapped, first, n);
	bellows_check_removed(&block->check, first, n, gather.flush);
	if (!gather.flush)
		return;
	env->ops->flush(env);
	bellows_check_flushed(&block->check);
}

/* Before pages of zeros get frames. */
static void remove_zero_translations(struct bellows_block *block, struct bellows_block_env *env,
				     unsigned int first, unsigned int n)
{
	if (bellows_page_set_any(&block->zero_mapped, first, n))
		remove_translations(block, env, first, n);
}

static void count_private(struct bellows_block *block, struct bellows_block_env *env, int delta)
{
	block->nr_private += delta;
	env->ops->count(env, BELLOWS_COUNT_PRIVATE, delta);
}

static bool is_contiguous(const struct bellows_block *block)
{
	return block->kind == BELLOWS_BLOCK_LARGE || block->kind == BELLOWS_BLOCK_RUN;
}

static mpn_t frame_of(const struct bellows_block *block, unsigned int page)
{
	if (is_contiguous(block))
		return to_mpn(block->base + page);
	return bellows_entry_mpn(block->table[page]);
}

enum bellows_page_state bellows_block_state(const struct bellows_block *block, unsigned int page)
{
	if (block->kind == BELLOWS_BLOCK_EMPTY)
		return BELLOWS_PAGE_ABSENT;
	if (is_contiguous(block))
		return BELLOWS_PAGE_PRIVATE;
	return bellows_entry_state(block->table[page]);
}

void bellows_block_init(struct bellows_block *block, unsigned int npages, bool may_be_large)
{
	*block = (struct bellows_block){
		.kind = BELLOWS_BLOCK_EMPTY,
		.npages = npages,
		.may_be_large = may_be_large && npages == BELLOWS_BLOCK_PAGES,
	};
}

bool bellows_block_is_idle(const struct bellows_block *block)
{
	return block->kind == BELLOWS_BLOCK_EMPTY &&
	       !bellows_page_set_any(&block->zero_mapped, 0, BELLOWS_BLOCK_PAGES);
}

/* A frame goes back to the host. If a translation might be left, it is lost instead. */
static void free_frame(struct bellows_block *block, struct bellows_block_env *env,
		       unsigned int page, mpn_t mpn)
{
	if (WARN_ON_ONCE(!bellows_check_may_free(&block->check, page, 1)))
		return;
	env->ops->free_frame(env, mpn);
}

static void free_large(struct bellows_block *block, struct bellows_block_env *env)
{
	if (WARN_ON_ONCE(!bellows_check_may_free(&block->check, 0, BELLOWS_BLOCK_PAGES)))
		return;
	env->ops->free_large(env, to_mpn(block->base));
}

/* Nobody has ever looked at them. */
static void give_back_ahead(struct bellows_block *block, struct bellows_block_env *env)
{
	if (!block->nr_ahead)
		return;
	for (; block->nr_ahead; block->nr_ahead--)
		env->ops->free_frame(env, to_mpn(block->ahead++));
	env->ops->count(env, BELLOWS_COUNT_AHEAD, -BELLOWS_BLOCK_AHEAD);
}

static void become_empty(struct bellows_block *block, struct bellows_block_env *env)
{
	give_back_ahead(block, env);
	if (block->kind == BELLOWS_BLOCK_TABLE) {
		env->ops->free_table(env, block->table);
		env->ops->count(env, BELLOWS_COUNT_TABLES, -1);
	}
	block->table = NULL;
	block->base = 0;
	block->kind = BELLOWS_BLOCK_EMPTY;
}

/* The whole block at once; false: it can't be, or there is no such frame now. */
static bool fill_large(struct bellows_block *block, struct bellows_block_env *env)
{
	mpn_t base;

	if (block->kind != BELLOWS_BLOCK_EMPTY || !block->may_be_large ||
	    env->ops->alloc_large(env, &base))
		return false;
	remove_zero_translations(block, env, 0, BELLOWS_BLOCK_PAGES);
	block->base = base.v;
	block->kind = BELLOWS_BLOCK_LARGE;
	count_private(block, env, BELLOWS_BLOCK_PAGES);
	env->ops->count(env, BELLOWS_COUNT_LARGE, BELLOWS_BLOCK_PAGES);
	return true;
}

/* Is it likely that the next pages will be written, too, and is there use for all those frames? */
static bool goes_on(const struct bellows_block *block, unsigned int page)
{
	return page && bellows_page_has_frame(bellows_block_state(block, page - 1)) &&
	       block->npages - block->nr_private >= BELLOWS_BLOCK_AHEAD;
}

static int take_frame(struct bellows_block *block, struct bellows_block_env *env,
		      unsigned int page, mpn_t *mpn)
{
	if (!block->nr_ahead) {
		if (!goes_on(block, page) || env->ops->alloc_frames(env, mpn))
			return env->ops->alloc_frame(env, mpn);
		block->ahead = mpn->v;
		block->nr_ahead = BELLOWS_BLOCK_AHEAD;
		env->ops->count(env, BELLOWS_COUNT_AHEAD, BELLOWS_BLOCK_AHEAD);
	}
	*mpn = to_mpn(block->ahead++);
	if (!--block->nr_ahead)
		env->ops->count(env, BELLOWS_COUNT_AHEAD, -BELLOWS_BLOCK_AHEAD);
	return 0;
}

/* One page; the block is EMPTY or a TABLE. */
static int fill_page(struct bellows_block *block, struct bellows_block_env *env, unsigned int page)
{
	u64 *table = block->table;
	mpn_t mpn;
	int err;

	if (!table)
		table = env->ops->alloc_table(env);
	if (!table)
		return -ENOMEM;
	err = take_frame(block, env, page, &mpn);
	if (err) {
		if (!block->table)
			env->ops->free_table(env, table);
		return err;
	}
	remove_zero_translations(block, env, page, 1);
	if (!block->table) {
		block->table = table;
		block->kind = BELLOWS_BLOCK_TABLE;
		env->ops->count(env, BELLOWS_COUNT_TABLES, 1);
	}
	table[page] = bellows_entry(BELLOWS_PAGE_PRIVATE, mpn);
	count_private(block, env, 1);
	return 0;
}

int bellows_block_lookup(struct bellows_block *block, struct bellows_block_env *env,
			 unsigned int page, enum bellows_intent intent,
			 struct bellows_block_page *found)
{
	enum bellows_page_state state = bellows_block_state(block, page);
	int err;

	if (bellows_page_reads_zero(state) && intent == BELLOWS_INTENT_PEEK)
		return -ENOENT;
	if (bellows_page_reads_zero(state) && intent == BELLOWS_INTENT_READ) {
		bellows_page_set_add(&block->zero_mapped, page, 1);
		bellows_check_expose(&block->check, page, 1);
		*found = (struct bellows_block_page){ .mpn = env->zero };
		return 0;
	}
	if (!bellows_page_has_frame(state) && !fill_large(block, env)) {
		err = fill_page(block, env, page);
		if (err)
			return err;
	}
	found->mpn = frame_of(block, page);
	found->writable = bellows_page_is_writable(bellows_block_state(block, page));
	found->large = is_contiguous(block);
	if (found->large)
		bellows_check_expose(&block->check, 0, BELLOWS_BLOCK_PAGES);
	else
		bellows_check_expose(&block->check, page, 1);
	return 0;
}

void bellows_block_split(struct bellows_block *block, struct bellows_block_env *env)
{
	if (block->kind != BELLOWS_BLOCK_LARGE)
		return;
	env->ops->split_large(env, to_mpn(block->base));
	block->kind = BELLOWS_BLOCK_RUN;
}

/* Pages of a contiguous block are about to differ from each other. */
static int become_table(struct bellows_block *block, struct bellows_block_env *env)
{
	unsigned int page;
	u64 *table;

	if (block->kind == BELLOWS_BLOCK_TABLE)
		return 0;
	table = env->ops->alloc_table(env);
	if (!table)
		return -ENOMEM;
	bellows_block_split(block, env);
	for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
		table[page] = bellows_entry(BELLOWS_PAGE_PRIVATE, frame_of(block, page));
	block->table = table;
	block->base = 0;
	block->kind = BELLOWS_BLOCK_TABLE;
	env->ops->count(env, BELLOWS_COUNT_TABLES, 1);
	env->ops->count(env, BELLOWS_COUNT_LARGE, -(long)BELLOWS_BLOCK_PAGES);
	return 0;
}

/* Before all of it is freed. */
static void rejoin(struct bellows_block *block, struct bellows_block_env *env)
{
	if (block->kind == BELLOWS_BLOCK_RUN && env->ops->join_large(env, to_mpn(block->base)))
		block->kind = BELLOWS_BLOCK_LARGE;
}

static bool all_alone(const struct bellows_block *block, struct bellows_block_env *env)
{
	unsigned int page;

	for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
		if (!env->ops->is_alone(env, frame_of(block, page)))
			return false;
	return true;
}

/*
 * A whole contiguous block: needs no memory, so that it works when there is
 * none. False: some page must stay.
 */
static bool discard_contiguous(struct bellows_block *block, struct bellows_block_env *env)
{
	unsigned int page;

	remove_translations(block, env, 0, BELLOWS_BLOCK_PAGES);
	rejoin(block, env);
	if (block->kind == BELLOWS_BLOCK_LARGE) {
		free_large(block, env);
	} else {
		if (!all_alone(block, env))
			return false;
		for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
			free_frame(block, env, page, frame_of(block, page));
	}
	become_empty(block, env);
	count_private(block, env, -(int)BELLOWS_BLOCK_PAGES);
	env->ops->count(env, BELLOWS_COUNT_LARGE, -(long)BELLOWS_BLOCK_PAGES);
	return true;
}

static void discard_page(struct bellows_block *block, struct bellows_block_env *env,
			 unsigned int page, unsigned int *left)
{
	mpn_t mpn = frame_of(block, page);

	if (!bellows_page_has_frame(bellows_block_state(block, page)))
		return;
	if (!env->ops->is_alone(env, mpn)) {
		++*left;
		return;
	}
	block->table[page] = bellows_entry(BELLOWS_PAGE_ABSENT, to_mpn(0));
	free_frame(block, env, page, mpn);
	count_private(block, env, -1);
}

int bellows_block_discard(struct bellows_block *block, struct bellows_block_env *env,
			  unsigned int first, unsigned int n, unsigned int *left)
{
	unsigned int page;
	int err;

	if (block->kind == BELLOWS_BLOCK_EMPTY)
		return 0;
	if (n == BELLOWS_BLOCK_PAGES && is_contiguous(block) && discard_contiguous(block, env))
		return 0;
	err = become_table(block, env);
	if (err)
		return err;
	/* Who gives memory back wants no more of it. */
	give_back_ahead(block, env);
	remove_translations(block, env, first, n);
	for (page = first; page < first + n; page++)
		discard_page(block, env, page, left);
	if (!block->nr_private)
		become_empty(block, env);
	return 0;
}

void bellows_block_invalidate(struct bellows_block *block, struct bellows_block_env *env,
			      unsigned int first, unsigned int n)
{
	if (!bellows_block_is_idle(block))
		remove_translations(block, env, first, n);
}

void bellows_block_destroy(struct bellows_block *block, struct bellows_block_env *env)
{
	unsigned int page;

	bellows_check_unmapped(&block->check);
	if (is_contiguous(block))
		env->ops->count(env, BELLOWS_COUNT_LARGE, -(long)BELLOWS_BLOCK_PAGES);
	rejoin(block, env);
	if (block->kind == BELLOWS_BLOCK_LARGE) {
		free_large(block, env);
	} else if (block->kind != BELLOWS_BLOCK_EMPTY) {
		for (page = 0; page < BELLOWS_BLOCK_PAGES; page++)
			if (bellows_page_has_frame(bellows_block_state(block, page)))
				free_frame(block, env, page, frame_of(block, page));
	}
	become_empty(block, env);
	count_private(block, env, -(int)block->nr_private);
}

struct audit {
	bellows_block_report report;
	void *context;
	unsigned int errors;
};

static void rule(struct audit *audit, bool holds, unsigned int page, const char *text)
{
	if (holds)
		return;
	audit->errors++;
	audit->report(audit->context, page, text);
}

static void audit_page(const struct bellows_block *block, unsigned int page, struct audit *audit)
{
	enum bellows_page_state state = bellows_block_state(block, page);

	rule(audit, BIT(state) & BELLOWS_PAGES_REAL, page, "is in no known state");
	rule(audit, page < block->npages || state == BELLOWS_PAGE_ABSENT, page,
	     "lies outside the object but is not absent");
	if (block->kind == BELLOWS_BLOCK_TABLE)
		rule(audit, bellows_page_has_frame(state) == !!frame_of(block, page).v, page,
		     "has a frame its state does not allow, or none");
	rule(audit, bellows_page_reads_zero(state) ||
	     !bellows_page_set_has(&block->zero_mapped, page), page,
	     "counts as mapped to zeros but is not absent");
}

unsigned int bellows_block_audit(const struct bellows_block *block, bellows_block_report report,
				 void *context)
{
	struct audit audit = { .report = report, .context = context };
	unsigned int page, nr_private = 0;

	rule(&audit, (block->kind == BELLOWS_BLOCK_TABLE) == !!block->table, 0,
	     "begins a block whose table and kind do not agree");
	rule(&audit, !is_contiguous(block) || block->may_be_large, 0,
	     "begins a contiguous block in an object that has none");
	rule(&audit, is_contiguous(block) ? block->base && !(block->base % BELLOWS_BLOCK_PAGES) :
	     !block->base, 0, "begins a block with a wrong base");
	if (audit.errors)
		return audit.errors;

	for (page = 0; page < BELLOWS_BLOCK_PAGES; page++) {
		nr_private += bellows_block_state(block, page) == BELLOWS_PAGE_PRIVATE;
		audit_page(block, page, &audit);
	}
	rule(&audit, nr_private == block->nr_private, 0, "begins a block that counts wrongly");
	rule(&audit, block->kind != BELLOWS_BLOCK_TABLE || nr_private, 0,
	     "begins a block with a table of nothing");
	rule(&audit, !block->nr_ahead ||
	     (block->kind == BELLOWS_BLOCK_TABLE && block->nr_ahead < BELLOWS_BLOCK_AHEAD &&
	      block->nr_private + block->nr_ahead <= block->npages), 0,
	     "begins a block that has taken too many frames");
	return audit.errors;
}
