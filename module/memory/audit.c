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
#include "memory/frame.h"
#include "memory/lookup.h"

struct memory_audit {
	struct seq_file *m;
	struct bellows_memory *memory;
	unsigned int number;			/* of the object, in order of creation */
	u64 index;				/* of the block */
	u64 count[NR_COUNTS];
	struct xarray frames;			/* every frame seen so far */
	unsigned int errors;
};

static void memory_complain(struct memory_audit *audit, const char *what)
{
	audit->errors++;
	if (audit->m)
		seq_printf(audit->m, "memory %u: %s\n", audit->number, what);
}

static void memory_complain_page(void *context, unsigned int page, const char *rule)
{
	struct memory_audit *audit = context;

	audit->errors++;
	if (audit->m)
		seq_printf(audit->m, "memory %u: page %llu %s\n", audit->number,
			   (audit->index << BELLOWS_BLOCK_ORDER) + page, rule);
}

static void memory_audit_frame(struct memory_audit *audit, unsigned int nr,
			       const struct block *block, mpn_t mpn)
{
	bool tail = block->kind == BLOCK_LARGE && nr;
	struct page *page = mpn_to_page(mpn);
	void *old;

	if (!pfn_valid(mpn.v)) {
		memory_complain_page(audit, nr, "has a frame that does not exist");
		return;
	}
	if (tail ? page_ref_count(page) : page_ref_count(page) < 1)
		memory_complain_page(audit, nr, "has a frame with a wrong reference count");
	if (PageLRU(page) || PageBuddy(page) || PageCompound(page) || page->mapping)
		memory_complain_page(audit, nr, "has a frame that is in use as something else");
	if (page == frame_zero_page || page == ZERO_PAGE(0))
		memory_complain_page(audit, nr, "has a page of zeros for a frame of its own");
	if (atomic_read(&page->_mapcount) != -1 && block->kind == BLOCK_LARGE)
		memory_complain_page(audit, nr, "is part of a large frame and mapped by a user");
	old = xa_store(&audit->frames, mpn.v, page, GFP_KERNEL);
	if (xa_is_err(old))
		memory_complain(audit, "out of memory, frames are not compared");
	else if (old)
		memory_complain_page(audit, nr, "has a frame that another page has too");
}

static void memory_audit_block(struct memory_audit *audit, struct mem_block *locked)
{
	struct memory_env env = memory_env(audit->memory, audit->index);
	struct block *block = &locked->state;
	struct block_page found;
	unsigned int page, errors;

	lockdep_assert_held(&locked->lock);
	audit->count[COUNT_BLOCKS]++;
	audit->count[COUNT_TABLES] += block->kind == BLOCK_TABLE;
	audit->count[COUNT_PRIVATE] += block->nr_private;
	audit->count[COUNT_AHEAD] += block->nr_ahead ? BLOCK_AHEAD : 0;
	if (block->kind == BLOCK_LARGE || block->kind == BLOCK_RUN)
		audit->count[COUNT_LARGE] += BELLOWS_BLOCK_PAGES;
	errors = audit->errors;
	block_audit(block, memory_complain_page, audit);
	if (audit->errors != errors)
		return;
	for (page = 0; page < block->npages; page++)
		if (!block_lookup(block, &env.env, page, BELLOWS_INTENT_PEEK, &found))
			memory_audit_frame(audit, page, block, found.mpn);
	for (page = 0; page < block->nr_ahead; page++)
		memory_audit_frame(audit, 0, block, to_mpn(block->ahead + page));
}

static void memory_audit_blocks(struct memory_audit *audit)
{
	struct mem_block *block;
	unsigned long index;

	for (index = 0; ; index++) {
		block = memory_next_block(audit->memory, &index, ULONG_MAX);
		if (IS_ERR(block))
			memory_complain(audit, "interrupted");
		if (IS_ERR_OR_NULL(block))
			return;
		audit->index = index;
		memory_audit_block(audit, block);
		memory_release_block(audit->memory, index, block);
		cond_resched();
	}
}

#define COUNT_TEXT(name, text) "miscounts " text,
static const char *const count_texts[] = { MEMORY_COUNTS(COUNT_TEXT) };

static void memory_audit_counts(struct memory_audit *audit, const u64 *before)
{
	unsigned int i;

	for (i = 0; i < NR_COUNTS; i++) {
		u64 now = memory_counted(audit->memory, i);

		if (i == COUNT_LEFT || now != before[i] || now == audit->count[i])
			continue;
		memory_complain(audit, count_texts[i]);
	}
}

static void memory_audit_object(struct memory_audit *audit)
{
	u64 before[NR_COUNTS];
	unsigned int i;

	lockdep_assert_held(&memory_list_lock);
	memset(audit->count, 0, sizeof(audit->count));
	for (i = 0; i < NR_COUNTS; i++)
		before[i] = memory_counted(audit->memory, i);
	memory_audit_blocks(audit);
	memory_audit_counts(audit, before);
	audit->number++;
}

unsigned int bellows_memory_audit(struct seq_file *m)
{
	struct memory_audit audit = { .m = m };

	xa_init(&audit.frames);
	if (memchr_inv(page_address(frame_zero_page), 0, PAGE_SIZE)) {
		audit.errors++;
		if (m)
			seq_puts(m, "memory: the page of zeros is not zero\n");
	}
	mutex_lock(&memory_list_lock);
	list_for_each_entry(audit.memory, &memory_list, link)
		memory_audit_object(&audit);
	mutex_unlock(&memory_list_lock);
	xa_destroy(&audit.frames);
	return audit.errors;
}
