/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MEMORY_PAGE_SET_H
#define BELLOWS_MEMORY_PAGE_SET_H
/* A set of pages of one block: a bit for each, and ranges of them at a time. */
#include "numbers.h"

#define PAGE_SET_WORDS		(BELLOWS_BLOCK_PAGES / 64)

struct page_set {
	u64 word[PAGE_SET_WORDS];
};

/* The bits of word w that belong to [first, first + n). */
static inline u64 page_set_mask(unsigned int w, unsigned int first, unsigned int n)
{
	unsigned int low = max_t(unsigned int, first, w * 64);
	unsigned int high = min_t(unsigned int, first + n, w * 64 + 64);

	if (low >= high)
		return 0;
	return (~0ULL >> (64 - (high - low))) << (low % 64);
}

static inline bool page_set_has(const struct page_set *set, unsigned int page)
{
	return set->word[page / 64] >> (page % 64) & 1;
}

static inline bool page_set_any(const struct page_set *set, unsigned int first, unsigned int n)
{
	unsigned int w;

	for (w = first / 64; w * 64 < first + n; w++)
		if (set->word[w] & page_set_mask(w, first, n))
			return true;
	return false;
}

static inline void page_set_add(struct page_set *set, unsigned int first, unsigned int n)
{
	unsigned int w;

	for (w = first / 64; w * 64 < first + n; w++)
		set->word[w] |= page_set_mask(w, first, n);
}

static inline void page_set_remove(struct page_set *set, unsigned int first, unsigned int n)
{
	unsigned int w;

	for (w = first / 64; w * 64 < first + n; w++)
		set->word[w] &= ~page_set_mask(w, first, n);
}

#endif
