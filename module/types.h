/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_TYPES_H
#define BELLOWS_TYPES_H
/*
 * Page numbers and addresses, and how the kernel's own notions turn into them.
 *
 * Guest physical and guest virtual addresses are byte addresses (gpa_t,
 * gva_t): they are split and compared everywhere, and turn into a gfn_t
 * through one function only.
 */
#include "pure.h"
#ifdef __KERNEL__
#include <linux/mm.h>

/*
 * The kernel has these names for plain integers, behind the header of the
 * structures that we share with userspace. They are put out of the way here, so
 * <linux/kvm.h> is never included directly.
 */
#define gfn_t bellows_kernel_gfn_t
#define gpa_t bellows_kernel_gpa_t
#define gva_t bellows_kernel_gva_t
#include <linux/kvm.h>
#include <linux/kvm_types.h>
#undef gfn_t
#undef gpa_t
#undef gva_t
#endif

#include "numbers.h"

typedef u64 gpa_t;
typedef u64 gva_t;

static_assert(sizeof(gfn_t) == 8 && sizeof(opn_t) == 8 && sizeof(mpn_t) == 8);

#define BELLOWS_BLOCK_SIZE	(BELLOWS_BLOCK_PAGES << PAGE_SHIFT)

static inline gfn_t gpa_to_gfn(gpa_t gpa) { return to_gfn(gpa >> PAGE_SHIFT); }
static inline gpa_t gfn_to_gpa(gfn_t gfn) { return gfn.v << PAGE_SHIFT; }
#ifdef __KERNEL__
static inline struct page *mpn_to_page(mpn_t mpn) { return pfn_to_page(mpn.v); }
static inline mpn_t page_to_mpn(struct page *page) { return to_mpn(page_to_pfn(page)); }
#endif

#endif
