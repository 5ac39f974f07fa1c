// SPDX-License-Identifier: GPL-2.0
/*
 * The audit: everything the objects say about themselves is computed once more
 * from what is there, and what no frame may be is looked for in every frame.
 *
 * It locks one block after the other, so totals are compared only when nothing
 * has changed them meanwhile; on a system at rest, that is always. That no two
 * pages have one frame is checked across all objects, with an index of frames
 * that lives as long as the audit: it costs about a tenth of a percent of the
 * memory audited.
 */
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/xarray.h>
#include "memory/object.h"

struct audit {
	struct seq_file *m;
	struct bellows_memory *memory;
	unsigned int number;			/* of the object, in order of creation */
	u64 index;				/* of the block */
	u64 count[BELLOWS_NR_COUNTS];
	struct xarray frames;			/* every frame seen so far */
	unsigned int errors;
};

static void complain(struct audit *audit, const char *what)
{
	audit->errors++;
	if (audit->m)
		seq_printf(audit->m, "memory %u: %s\n", audit->number, what);
}

static void complain_page(void *context, unsigned int page, const char *rule)
{
	struct audit *audit = context;

	audit->errors++;
	if (audit->m)
		seq_printf(audit->m, "memory %u: page %llu %s\n", audit->number,
			   (audit->index << BELLOWS_BLOCK_ORDER) + page, rule);
}

static void audit_frame(struct audit *audit, unsigned int nr, const struct bellows_block *block,
			mpn_t mpn)
{
	bool tail = block->kind == BELLOWS_BLOCK_LARGE && nr;
	struct page *page = mpn_to_page(mpn);
	void *old;

	if (!pfn_valid(mpn.v)) {
		complain_page(audit, nr, "has a frame that does not exist");
		return;
	}
	if (tail ? page_ref_count(page) : page_ref_count(page) < 1)
		complain_page(audit, nr, "has a frame with a wrong reference count");
	if (PageLRU(page) || PageBuddy(page) || PageCompound(page) || page->mapping)
		complain_page(audit, nr, "has a frame that is in use as something else");
	if (page == bellows_zero_page || page == ZERO_PAGE(0))
		complain_page(audit, nr, "has a page of zeros for a frame of its own");
	if (atomic_read(&page->_mapcount) != -1 && block->kind == BELLOWS_BLOCK_LARGE)
		complain_page(audit, nr, "is part of a large frame and mapped by a user");
	old = xa_store(&audit->frames, mpn.v, page, GFP_KERNEL);
	if (xa_is_err(old))
		complain(audit, "out of memory, frames are not compared");
	else if (old)
		complain_page(audit, nr, "has a frame that another page has too");
}

static void audit_block(struct audit *audit, struct bellows_block *block)
{
	struct bellows_memory_env env = bellows_memory_env(audit->memory, audit->index);
	struct bellows_block_page found;
	unsigned int page, errors;

	audit->count[BELLOWS_COUNT_BLOCKS]++;
	audit->count[BELLOWS_COUNT_TABLES] += block->kind == BELLOWS_BLOCK_TABLE;
	audit->count[BELLOWS_COUNT_PRIVATE] += block->nr_private;
	audit->count[BELLOWS_COUNT_AHEAD] += block->nr_ahead ? BELLOWS_BLOCK_AHEAD : 0;
	if (block->kind == BELLOWS_BLOCK_LARGE || block->kind == BELLOWS_BLOCK_RUN)
		audit->count[BELLOWS_COUNT_LARGE] += BELLOWS_BLOCK_PAGES;
	errors = audit->errors;
	bellows_block_audit(block, complain_page, audit);
	if (audit->errors != errors)
		return;
	for (page = 0; page < block->npages; page++)
		if (!bellows_block_lookup(block, &env.env, page, BELLOWS_INTENT_PEEK, &found))
			audit_frame(audit, page, block, found.mpn);
	for (page = 0; page < block->nr_ahead; page++)
		audit_frame(audit, 0, block, to_mpn(block->ahead + page));
}

static void audit_blocks(struct audit *audit)
{
	struct bellows_memory_block *block;
	unsigned long index;

	for (index = 0; ; index++) {
		block = bellows_memory_next_block(audit->memory, &index, ULONG_MAX);
		if (IS_ERR(block))
			complain(audit, "interrupted");
		if (IS_ERR_OR_NULL(block))
			return;
		audit->index = index;
		audit_block(audit, &block->state);
		bellows_memory_release_block(audit->memory, index, block);
		cond_resched();
	}
}

#define COUNT_TEXT(name, text) "miscounts " text,
static const char *const count_texts[] = { BELLOWS_MEMORY_COUNTS(COUNT_TEXT) };

static void audit_counts(struct audit *audit, const u64 *before)
{
	unsigned int i;

	for (i = 0; i < BELLOWS_NR_COUNTS; i++) {
		u64 now = bellows_memory_counted(audit->memory, i);

		if (i == BELLOWS_COUNT_LEFT || now != before[i] || now == audit->count[i])
			continue;
		complain(audit, count_texts[i]);
	}
}

static void audit_memory(struct audit *audit)
{
	u64 before[BELLOWS_NR_COUNTS];
	unsigned int i;

	memset(audit->count, 0, sizeof(audit->count));
	for (i = 0; i < BELLOWS_NR_COUNTS; i++)
		before[i] = bellows_memory_counted(audit->memory, i);
	audit_blocks(audit);
	audit_counts(audit, before);
	audit->number++;
}

unsigned int bellows_memory_audit(struct seq_file *m)
{
	struct audit audit = { .m = m };

	xa_init(&audit.frames);
	if (memchr_inv(page_address(bellows_zero_page), 0, PAGE_SIZE)) {
		audit.errors++;
		if (m)
			seq_puts(m, "memory: the page of zeros is not zero\n");
	}
	mutex_lock(&bellows_memory_list_lock);
	list_for_each_entry(audit.memory, &bellows_memory_list, link)
		audit_memory(&audit);
	mutex_unlock(&bellows_memory_list_lock);
	xa_destroy(&audit.frames);
	return audit.errors;
}
