/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_SVM_SEGMENT_H
#define BELLOWS_SVM_SEGMENT_H
/*
 * Segment registers: the VMCB's form and that of struct kvm_segment.
 *
 * The VMCB keeps the attribute bits of a descriptor, squeezed into 12 bits. It
 * has no "unusable" as VMX has: a segment that was loaded with a null selector
 * is one that is not present, and its DPL still means something for SS. Some
 * processors keep less than they were given:
 *
 *  - granularity of CS may be lost, but limits are in bytes, so that it follows
 *    from the limit (an expand-up segment beyond 1 MiB can't be byte granular);
 *  - TR may come back as available, although a loaded TSS is always busy;
 *  - the accessed bit of a data segment may be missing, although loading sets it;
 *  - SS of a null selector may have bits left over from before.
 *
 * What userspace reads is put right here, so that it can give the same state
 * back to either kind of processor.
 */
#include "types.h"	/* struct kvm_segment; test programs bring their own <linux/kvm.h> */
#include "svm/vmcb.h"

#define VMCB_ATTR_TYPE		0x00fu
#define VMCB_ATTR_S		BIT(4)
#define VMCB_ATTR_DPL		5
#define VMCB_ATTR_P		BIT(7)
#define VMCB_ATTR_AVL		BIT(8)
#define VMCB_ATTR_L		BIT(9)
#define VMCB_ATTR_DB		BIT(10)
#define VMCB_ATTR_G		BIT(11)

#define SVM_TYPE_ACCESSED		1
#define SVM_TYPE_BUSY			2

enum svm_segment_kind {
	SVM_SEG_CODE,
	SVM_SEG_STACK,
	SVM_SEG_DATA,
	SVM_SEG_LDT,
	SVM_SEG_TASK,
};

static inline void svm_segment_pack(struct vmcb_segment *seg, const struct kvm_segment *var)
{
	seg->base = var->base;
	seg->limit = var->limit;
	seg->selector = var->selector;
	seg->attr = (var->type & VMCB_ATTR_TYPE) |
		    (var->s & 1 ? VMCB_ATTR_S : 0) |
		    (var->dpl & 3) << VMCB_ATTR_DPL |
		    ((var->present & 1) && !var->unusable ? VMCB_ATTR_P : 0) |
		    (var->avl & 1 ? VMCB_ATTR_AVL : 0) |
		    (var->l & 1 ? VMCB_ATTR_L : 0) |
		    (var->db & 1 ? VMCB_ATTR_DB : 0) |
		    (var->g & 1 ? VMCB_ATTR_G : 0);
}

static inline void svm_segment_unpack(struct kvm_segment *var,
				      const struct vmcb_segment *seg,
				      enum svm_segment_kind kind, u8 cpl)
{
	bool present = seg->attr & VMCB_ATTR_P;

	*var = (struct kvm_segment) {
		.base = seg->base,
		.limit = seg->limit,
		.selector = seg->selector,
		.type = seg->attr & VMCB_ATTR_TYPE,
		.present = present,
		.dpl = (seg->attr >> VMCB_ATTR_DPL) & 3,
		.db = !!(seg->attr & VMCB_ATTR_DB),
		.s = !!(seg->attr & VMCB_ATTR_S),
		.l = !!(seg->attr & VMCB_ATTR_L),
		.g = !!(seg->attr & VMCB_ATTR_G),
		.avl = !!(seg->attr & VMCB_ATTR_AVL),
		.unusable = !present,
	};

	switch (kind) {
	case SVM_SEG_CODE:
		var->g = seg->limit > 0xfffff;
		break;
	case SVM_SEG_STACK:
		if (!present)
			var->db = 0;
		var->dpl = cpl;
		fallthrough;
	case SVM_SEG_DATA:
		if (present)
			var->type |= SVM_TYPE_ACCESSED;
		break;
	case SVM_SEG_TASK:
		var->type |= SVM_TYPE_BUSY;
		break;
	case SVM_SEG_LDT:
		break;
	}
}

#endif
