// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit: memory objects with the kernel's own frames. The state machine itself
 * is tested elsewhere; here is what only a kernel has: reference counts of
 * large frames and their pages, mappers that are called, accesses, the audit.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include "closed.h"
#include "memory/frame.h"
#include "memory/lookup.h"
#include "memory/mapper.h"
#include "uapi/bellows.h"

#define PAGES	BELLOWS_BLOCK_PAGES

/* Kernels differ in whether a module's tests run before or after it is set up. */
static bool set_up_here;

static int memory_suite_init(struct kunit_suite *suite)
{
	if (frame_zero_page)
		return 0;
	set_up_here = true;
	return bellows_memory_init();
}

static void memory_suite_exit(struct kunit_suite *suite)
{
	if (set_up_here)
		bellows_memory_exit();
	set_up_here = false;
}

static void memory_test_exit(struct kunit *test)
{
	struct bellows_memory *memory = test->priv;

	if (memory)
		bellows_memory_put(memory);
	wait_until_closed();
}

static struct bellows_memory *make(struct kunit *test, u64 npages, u64 flags)
{
	struct bellows_memory_create args = { .size = npages << PAGE_SHIFT, .flags = flags };
	struct bellows_memory *memory = bellows_memory_new(&args);

	KUNIT_ASSERT_FALSE(test, IS_ERR(memory));
	test->priv = memory;
	return memory;
}

static struct bellows_frame look_up(struct kunit *test, struct bellows_memory *memory, u64 opn,
				    enum bellows_intent intent)
{
	struct bellows_frame frame = {};

	KUNIT_ASSERT_EQ(test, bellows_memory_lookup(memory, to_opn(opn), intent, &frame), 0);
	return frame;
}

static struct bellows_frame look_up_and_release(struct kunit *test, struct bellows_memory *memory,
						u64 opn, enum bellows_intent intent)
{
	struct bellows_frame frame = look_up(test, memory, opn, intent);

	bellows_memory_release(&frame);
	return frame;
}

/* A mapper that writes down what it is asked. */
struct recorder {
	struct bellows_mapper mapper;
	bool has_entries;
	unsigned int changes, flushes;
	u64 start, npages;
	u64 frames_at_flush;			/* PRIVATE pages when flush was called */
	struct bellows_memory *memory;
};

static void record_change(struct bellows_mapper *mapper, opn_t start, u64 npages,
			  enum bellows_mapper_op op, struct bellows_gather *gather)
{
	struct recorder *r = container_of(mapper, struct recorder, mapper);

	r->changes++;
	r->start = start.v;
	r->npages = npages;
	gather->flush |= r->has_entries;
	gather->removed += r->has_entries;
}

static void record_flush(struct bellows_mapper *mapper)
{
	struct recorder *r = container_of(mapper, struct recorder, mapper);

	r->flushes++;
	r->frames_at_flush = memory_counted(r->memory, COUNT_PRIVATE);
}

static const struct bellows_mapper_ops recorder_ops = {
	.change = record_change,
	.flush = record_flush,
};

static void recorder_init(struct recorder *r, struct bellows_memory *memory, u64 start, u64 npages)
{
	*r = (struct recorder){
		.mapper = { .ops = &recorder_ops, .start = to_opn(start), .npages = npages },
		.has_entries = true,
		.memory = memory,
	};
}

static void creation_checks_its_arguments(struct kunit *test)
{
	static const u64 bad[] = { 0, 1, 4095, (1ULL << 46) + 4096, ~0ULL << 12 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct bellows_memory_create args = { .size = bad[i] };

		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(bellows_memory_new(&args)), -EINVAL);
	}
}

static void intents_do_what_they_need(struct kunit *test)
{
	struct bellows_memory *memory = make(test, 2 * PAGES, BELLOWS_MEMORY_SMALL_PAGES);
	struct bellows_frame frame;

	KUNIT_EXPECT_EQ(test, -ENOENT, bellows_memory_lookup(memory, to_opn(0), BELLOWS_INTENT_PEEK,
							     &frame));
	KUNIT_EXPECT_EQ(test, -EINVAL, bellows_memory_lookup(memory, to_opn(2 * PAGES),
							     BELLOWS_INTENT_WRITE, &frame));
	KUNIT_EXPECT_EQ(test, -EINVAL, bellows_memory_lookup(memory, to_opn(~0ULL),
							     BELLOWS_INTENT_WRITE, &frame));
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_BLOCKS), 0);

	frame = look_up_and_release(test, memory, 3, BELLOWS_INTENT_READ);
	KUNIT_EXPECT_EQ(test, frame.mpn.v, page_to_mpn(frame_zero_page).v);
	KUNIT_EXPECT_FALSE(test, frame.writable || frame.large);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_PRIVATE), 0);

	frame = look_up_and_release(test, memory, 3, BELLOWS_INTENT_WRITE);
	KUNIT_EXPECT_NE(test, frame.mpn.v, page_to_mpn(frame_zero_page).v);
	KUNIT_EXPECT_TRUE(test, frame.writable && !frame.large);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_PRIVATE), 1);
	KUNIT_EXPECT_EQ(test, look_up_and_release(test, memory, 3, BELLOWS_INTENT_READ).mpn.v,
			frame.mpn.v);
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 0);
}

static void a_large_frame_splits_once_and_stays_contiguous(struct kunit *test)
{
	struct bellows_memory *memory = make(test, PAGES, 0);
	struct bellows_frame frame = look_up(test, memory, 5, BELLOWS_INTENT_WRITE);
	struct page *head = mpn_to_page(to_mpn(frame.mpn.v - 5));
	unsigned int i;

	if (!frame.large) {
		bellows_memory_release(&frame);
		/* Not by leaving the thread: files closed from another one are closed too late. */
		kunit_mark_skipped(test, "no free large frame");
		return;
	}
	KUNIT_EXPECT_EQ(test, frame.mpn.v % PAGES, 5);
	KUNIT_EXPECT_EQ(test, page_count(head), 1);
	for (i = 1; i < PAGES; i++)
		KUNIT_ASSERT_EQ(test, page_ref_count(head + i), 0);
	memory_own_frame(&frame);
	memory_own_frame(&frame);
	bellows_memory_release(&frame);
	for (i = 0; i < PAGES; i++)
		KUNIT_ASSERT_EQ(test, page_ref_count(head + i), 1);
	frame = look_up_and_release(test, memory, 511, BELLOWS_INTENT_READ);
	KUNIT_EXPECT_TRUE(test, frame.large && frame.writable);
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 0);

	KUNIT_EXPECT_EQ(test, memory_discard(memory, to_opn(7), 1), 0);
	frame = look_up_and_release(test, memory, 511, BELLOWS_INTENT_READ);
	KUNIT_EXPECT_FALSE(test, frame.large);
	KUNIT_EXPECT_EQ(test, frame.mpn.v, page_to_mpn(head).v + 511);
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 0);
}

static void discard_leaves_a_held_page_alone(struct kunit *test)
{
	struct bellows_memory *memory = make(test, 4, 0);
	struct bellows_frame frame = look_up(test, memory, 1, BELLOWS_INTENT_WRITE);
	struct page *page = mpn_to_page(frame.mpn);

	get_page(page);
	bellows_memory_release(&frame);
	look_up_and_release(test, memory, 2, BELLOWS_INTENT_WRITE);
	KUNIT_EXPECT_EQ(test, memory_discard(memory, to_opn(0), 4), 0);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_PRIVATE), 1);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_LEFT), 1);
	KUNIT_EXPECT_EQ(test, look_up_and_release(test, memory, 1, BELLOWS_INTENT_PEEK).mpn.v,
			page_to_mpn(page).v);
	put_page(page);
	KUNIT_EXPECT_EQ(test, memory_discard(memory, to_opn(0), 4), 0);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_PRIVATE), 0);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_BLOCKS), 0);
}

static void mappers_are_asked_for_their_window_only(struct kunit *test)
{
	struct bellows_memory *memory = make(test, 4 * PAGES, BELLOWS_MEMORY_SMALL_PAGES);
	struct recorder low, high;
	u64 opn;

	for (opn = 0; opn < 4 * PAGES; opn += PAGES)
		look_up_and_release(test, memory, opn, BELLOWS_INTENT_WRITE);
	recorder_init(&low, memory, 0, PAGES + 10);
	recorder_init(&high, memory, 4 * PAGES - 3, 3);
	KUNIT_ASSERT_EQ(test, bellows_memory_add_mapper(memory, &low.mapper), 0);
	KUNIT_ASSERT_EQ(test, bellows_memory_add_mapper(memory, &high.mapper), 0);

	KUNIT_EXPECT_EQ(test, memory_invalidate(memory, to_opn(5), PAGES), 0);
	KUNIT_EXPECT_EQ(test, low.changes, 2);	/* never more than one block at a time */
	KUNIT_EXPECT_EQ(test, low.flushes, 2);
	KUNIT_EXPECT_EQ(test, low.start, PAGES);
	KUNIT_EXPECT_EQ(test, low.npages, 5);
	KUNIT_EXPECT_EQ(test, high.changes, 0);
	KUNIT_EXPECT_EQ(test, high.flushes, 0);

	KUNIT_EXPECT_EQ(test, memory_invalidate(memory, to_opn(3 * PAGES), PAGES), 0);
	KUNIT_EXPECT_EQ(test, low.changes, 2);
	KUNIT_EXPECT_EQ(test, high.changes, 1);
	KUNIT_EXPECT_EQ(test, high.start, 4 * PAGES - 3);
	KUNIT_EXPECT_EQ(test, high.npages, 3);

	bellows_memory_remove_mapper(memory, &low.mapper);
	KUNIT_EXPECT_EQ(test, memory_invalidate(memory, to_opn(0), 4 * PAGES), 0);
	KUNIT_EXPECT_EQ(test, low.changes, 2);
	bellows_memory_remove_mapper(memory, &high.mapper);

	recorder_init(&low, memory, 4 * PAGES, 1);
	KUNIT_EXPECT_EQ(test, bellows_memory_add_mapper(memory, &low.mapper), -EINVAL);
	recorder_init(&low, memory, 1, 4 * PAGES);
	KUNIT_EXPECT_EQ(test, bellows_memory_add_mapper(memory, &low.mapper), -EINVAL);
	recorder_init(&low, memory, 1, ~0ULL);
	KUNIT_EXPECT_EQ(test, bellows_memory_add_mapper(memory, &low.mapper), -EINVAL);
	recorder_init(&low, memory, 1, 0);
	KUNIT_EXPECT_EQ(test, bellows_memory_add_mapper(memory, &low.mapper), -EINVAL);
}

static void frames_go_after_the_flush(struct kunit *test)
{
	struct bellows_memory *memory = make(test, 2 * PAGES, 0);
	struct recorder r;

	recorder_init(&r, memory, 0, 2 * PAGES);
	KUNIT_ASSERT_EQ(test, bellows_memory_add_mapper(memory, &r.mapper), 0);
	/* Nobody has read it: nothing to remove. */
	look_up_and_release(test, memory, 0, BELLOWS_INTENT_WRITE);
	KUNIT_EXPECT_EQ(test, r.changes, 0);
	KUNIT_EXPECT_EQ(test, memory_discard(memory, to_opn(0), PAGES), 0);
	KUNIT_EXPECT_EQ(test, r.changes, 1);
	KUNIT_EXPECT_EQ(test, r.flushes, 1);
	KUNIT_EXPECT_NE(test, r.frames_at_flush, 0);

	/* Zeros were mapped, elsewhere too if the frame is a large one: they go before it comes. */
	look_up_and_release(test, memory, PAGES + 1, BELLOWS_INTENT_READ);
	look_up_and_release(test, memory, PAGES, BELLOWS_INTENT_READ);
	look_up_and_release(test, memory, PAGES, BELLOWS_INTENT_WRITE);
	KUNIT_EXPECT_EQ(test, r.changes, 2);
	KUNIT_EXPECT_EQ(test, r.flushes, 2);
	KUNIT_EXPECT_EQ(test, r.frames_at_flush, 0);

	/* A mapper that had nothing is not flushed. */
	r.has_entries = false;
	KUNIT_EXPECT_EQ(test, memory_invalidate(memory, to_opn(PAGES), PAGES), 0);
	KUNIT_EXPECT_EQ(test, r.changes, 3);
	KUNIT_EXPECT_EQ(test, r.flushes, 2);
	bellows_memory_remove_mapper(memory, &r.mapper);
}

static void a_flush_covers_what_came_before_it(struct kunit *test)
{
	struct bellows_memory *memory = make(test, PAGES, 0);
	struct bellows_gather gather = {};
	struct recorder r;

	recorder_init(&r, memory, 0, PAGES);
	KUNIT_ASSERT_EQ(test, bellows_memory_add_mapper(memory, &r.mapper), 0);
	mappers_flush(memory);
	KUNIT_EXPECT_EQ(test, r.flushes, 0);
	mappers_change(memory, to_opn(0), 1, BELLOWS_MAP_ZAP, &gather);
	mappers_change(memory, to_opn(1), 1, BELLOWS_MAP_READONLY, &gather);
	KUNIT_EXPECT_TRUE(test, gather.flush);
	KUNIT_EXPECT_EQ(test, gather.removed, 2);
	mappers_flush(memory);
	KUNIT_EXPECT_EQ(test, r.flushes, 1);
	mappers_flush(memory);
	KUNIT_EXPECT_EQ(test, r.flushes, 1);
	bellows_memory_remove_mapper(memory, &r.mapper);
}

static void accesses_cross_pages_and_stay_inside(struct kunit *test)
{
	struct bellows_memory *memory = make(test, 3, 0);
	u64 end = 3 * PAGE_SIZE;
	u8 in[64], out[64];
	unsigned int i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i + 1;
	memset(out, 0xff, sizeof(out));
	KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, PAGE_SIZE - 32, out, 64), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(out, 0, 64), NULL);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_PRIVATE), 0);

	KUNIT_EXPECT_EQ(test, bellows_memory_write(memory, 2 * PAGE_SIZE - 32, in, 64), 0);
	KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, 2 * PAGE_SIZE - 32, out, 64), 0);
	KUNIT_EXPECT_EQ(test, memcmp(in, out, 64), 0);
	KUNIT_EXPECT_EQ(test, memory_counted(memory, COUNT_PRIVATE), 2);
	/* Half of it is zeros. */
	KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, PAGE_SIZE - 32, out, 64), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(out, 0, 64), NULL);

	for (i = 1; i <= 8; i *= 2) {
		KUNIT_EXPECT_EQ(test, bellows_memory_write(memory, 64, in, i), 0);
		KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, 64, out, i), 0);
		KUNIT_EXPECT_EQ(test, memcmp(in, out, i), 0);
	}
	KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, end - 1, out, 1), 0);
	KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, end - 1, out, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_write(memory, end, out, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_write(memory, ~0ULL, out, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, end, out, 0), 0);
}

static void compare_and_exchange_in_every_size(struct kunit *test)
{
	struct bellows_memory *memory = make(test, 1, 0);
	u8 old[16], new[16], now[16], before[16];
	unsigned int len;

	for (len = 1; len <= 16; len *= 2) {
		memset(before, 0xa0 + len, sizeof(before));
		memset(new, 0xb0 + len, sizeof(new));
		KUNIT_EXPECT_EQ(test, bellows_memory_write(memory, 32, before, 16), 0);

		memset(old, 0, sizeof(old));
		KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, 32, old, new, len), 1);
		KUNIT_EXPECT_EQ(test, memcmp(old, before, len), 0);
		KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, 32, old, new, len), 0);
		KUNIT_EXPECT_EQ(test, bellows_memory_read(memory, 32, now, 16), 0);
		KUNIT_EXPECT_EQ(test, memcmp(now, new, len), 0);
		KUNIT_EXPECT_EQ(test, memcmp(now + len, before + len, 16 - len), 0);
	}
	KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, 33, old, new, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, 40, old, new, 16), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, 32, old, new, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, 32, old, new, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, 32, old, new, 32), -EINVAL);
	KUNIT_EXPECT_EQ(test, bellows_memory_cmpxchg(memory, PAGE_SIZE, old, new, 8), -EINVAL);
}

static void the_audit_finds_damage(struct kunit *test)
{
	struct bellows_memory *memory = make(test, 2 * PAGES, BELLOWS_MEMORY_SMALL_PAGES);
	struct bellows_frame frame, other;
	struct block *block;
	u64 *entry, saved;

	look_up_and_release(test, memory, 0, BELLOWS_INTENT_WRITE);
	other = look_up_and_release(test, memory, PAGES, BELLOWS_INTENT_WRITE);
	KUNIT_ASSERT_EQ(test, bellows_memory_audit(NULL), 0);

	memory_count(memory, COUNT_PRIVATE, 1);
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 1);
	memory_count(memory, COUNT_PRIVATE, -1);

	frame = look_up(test, memory, 0, BELLOWS_INTENT_PEEK);
	block = &frame.block->state;
	entry = &block->table[0];
	bellows_memory_release(&frame);

	/* Two pages with one frame. */
	saved = *entry;
	*entry = block_entry(STATE_PRIVATE, other.mpn);
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 1);
	/* The page of zeros as a frame. */
	*entry = block_entry(STATE_PRIVATE, page_to_mpn(frame_zero_page));
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 1);
	*entry = saved;

	/* A frame nobody refers to. */
	page_ref_dec(mpn_to_page(frame.mpn));
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 1);
	page_ref_inc(mpn_to_page(frame.mpn));

	*(u8 *)page_address(frame_zero_page) = 1;
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 1);
	*(u8 *)page_address(frame_zero_page) = 0;
	KUNIT_EXPECT_EQ(test, bellows_memory_audit(NULL), 0);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(creation_checks_its_arguments),
	KUNIT_CASE(intents_do_what_they_need),
	KUNIT_CASE(a_large_frame_splits_once_and_stays_contiguous),
	KUNIT_CASE(discard_leaves_a_held_page_alone),
	KUNIT_CASE(mappers_are_asked_for_their_window_only),
	KUNIT_CASE(frames_go_after_the_flush),
	KUNIT_CASE(a_flush_covers_what_came_before_it),
	KUNIT_CASE(accesses_cross_pages_and_stay_inside),
	KUNIT_CASE(compare_and_exchange_in_every_size),
	KUNIT_CASE(the_audit_finds_damage),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "bellows_memory",
	.suite_init = memory_suite_init,
	.suite_exit = memory_suite_exit,
	.exit = memory_test_exit,
	.test_cases = memory_cases,
};
kunit_test_suites(&memory_suite);
