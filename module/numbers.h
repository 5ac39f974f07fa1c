/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_NUMBERS_H
#define BELLOWS_NUMBERS_H
/*
 * The kinds of page number that must never mix, as one-member structs, so that
 * the compiler refuses what a reviewer would have to notice. gcc passes them
 * in registers like the integer inside; they cost nothing.
 *
 *   gfn_t   guest frame number: a page in a VM's physical address space
 *   opn_t   object page number: a page of a memory object
 *   mpn_t   machine page number: a page frame of the host (its pfn)
 */
#include "pure.h"

typedef struct { u64 v; } gfn_t;
typedef struct { u64 v; } opn_t;
typedef struct { u64 v; } mpn_t;

/* A block: what one large page maps, and the unit of locking in an object. */
#define BELLOWS_BLOCK_ORDER	9
#define BELLOWS_BLOCK_PAGES	(1UL << BELLOWS_BLOCK_ORDER)

static inline gfn_t to_gfn(u64 v) { return (gfn_t){ v }; }
static inline opn_t to_opn(u64 v) { return (opn_t){ v }; }
static inline mpn_t to_mpn(u64 v) { return (mpn_t){ v }; }

#endif
