// SPDX-License-Identifier: GPL-2.0
/*
 * Nested paging: the tree of tables that caches a VM's slots for the
 * processor. It is filled by faults and emptied by the memory objects, which
 * reach it through one mapper a slot. Anything may be dropped from it at any
 * time; the next fault brings it back.
 *
 * Why no translation to a frame survives that the object has taken back: a
 * fault asks the object for the page and gets it with the lock of its block
 * held. It installs the translation before it lets go. The object changes a
 * page's frame with the same lock held, and asks the mappers while it does. So
 * either the fault came first, and the mapper finds the entry; or the change
 * came first, and the fault finds the new frame. There is no third order, and
 * no sequence count to check. (How slots come and go is told there.)
 *
 * Large leaves are not executable on processors on which a guest could stop
 * the host by changing the size of the page it runs from (the iTLB multihit
 * erratum); an instruction fetch splits them there.
 */
#include <linux/cpu.h>
#include <linux/mem_encrypt.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include "mmu/slots.h"

unsigned int bellows_pt_levels(const struct bellows_pt_format *format)
{
	return format->levels;
}

long bellows_mmu_table_pages(struct bellows_mmu *mmu)
{
	return pt_counted(&mmu->pt.pages);
}

int bellows_mmu_init(struct bellows_mmu *mmu, const struct bellows_pt_format *format,
		     const struct bellows_mmu_ops *ops)
{
	int err;

	mmu->format = format;
	mmu->ops = ops;
	mmu->maxphyaddr = min_t(unsigned int, boot_cpu_data.x86_phys_bits,
				PAGE_SHIFT + format->levels * PT_SHIFT);
	mutex_init(&mmu->slots_lock);
	spin_lock_init(&mmu->dead_lock);
	spin_lock_init(&mmu->views_lock);
	INIT_LIST_HEAD(&mmu->views);
	mmu->dead.head = 0;
	mmu->walkers = 0;

	err = pt_init(&mmu->pt, format, sme_me_mask);
	if (err)
		return err;
	mmu->pt.nx_large = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off();
	mmu->root = to_mpn(mmu->pt.root >> PAGE_SHIFT);
	err = init_srcu_struct(&mmu->srcu);
	if (err)
		goto out_pt;
	err = slots_init(mmu);
	if (err)
		goto out_srcu;
	return 0;

out_srcu:
	cleanup_srcu_struct(&mmu->srcu);
out_pt:
	pt_destroy(&mmu->pt);
	return err;
}

void bellows_mmu_detach(struct bellows_mmu *mmu)
{
	slots_destroy(mmu);
}

void bellows_mmu_destroy(struct bellows_mmu *mmu)
{
	slots_destroy(mmu);
	pt_free_dead(&mmu->dead);
	pt_destroy(&mmu->pt);
	cleanup_srcu_struct(&mmu->srcu);
}

/* The highest level at which a leaf may map the frame at gfn. */
static unsigned int mmu_leaf_level(const struct slot *slot, gfn_t gfn,
				   const struct bellows_frame *frame, u32 access)
{
	const struct bellows_mmu *mmu = slot->mmu;
	u64 base = gfn.v & ~(BELLOWS_BLOCK_PAGES - 1);

	lockdep_assert(bellows_memory_frame_held(frame));
	if (!frame->large || (gfn.v ^ frame->opn.v) % BELLOWS_BLOCK_PAGES)
		return 1;
	if (base < slot->base.v || base + BELLOWS_BLOCK_PAGES > slot->base.v + slot->npages)
		return 1;
	if (mmu->pt.nx_large && (access & ACCESS_EXEC))
		return 1;
	return min_t(unsigned int, 2, mmu->format->max_leaf);
}

static int mmu_map_page(struct slot *slot, gfn_t gfn, u32 access)
{
	bool write = access & ACCESS_WRITE;
	struct bellows_mmu *mmu = slot->mmu;
	struct pt_found found = {};
	struct bellows_frame frame;
	u32 prot = PT_EXEC;
	int err;

	lockdep_assert(srcu_read_lock_held(&mmu->srcu));
	err = bellows_memory_lookup(slot->memory, slot_opn(slot, gfn),
				    write ? BELLOWS_INTENT_WRITE : BELLOWS_INTENT_READ, &frame);
	if (err)
		return err;
	if (frame.writable && !(slot->flags & KVM_MEM_READONLY))
		prot |= PT_WRITE;
	if (write)
		prot |= PT_DIRTY;
	/* An object that grants a write grants a writable frame; without it the guest would fault for ever. */
	if (write && !frame.writable)
		err = -EIO;
	else
		err = pt_map(&mmu->pt, gfn.v, frame.mpn,
			     mmu_leaf_level(slot, gfn, &frame, access), prot, &found);
	if (found.stale)
		mmu->ops->flush_tlb(mmu);
	bellows_memory_release(&frame);
	return err ? err : BELLOWS_FAULT_DONE;
}

int bellows_mmu_fault(struct bellows_mmu *mmu, gpa_t gpa, u32 access)
{
	struct slot *slot;
	gfn_t gfn = gpa_to_gfn(gpa);
	int idx, result;

	lockdep_assert_preemption_enabled();
	idx = srcu_read_lock(&mmu->srcu);
	slot = slot_find(mmu, gfn);
	if (!slot)
		result = BELLOWS_FAULT_MMIO;
	else if ((access & ACCESS_WRITE) && (slot->flags & KVM_MEM_READONLY))
		result = BELLOWS_FAULT_READONLY;
	else
		result = mmu_map_page(slot, gfn, access);
	srcu_read_unlock(&mmu->srcu, idx);
	return result;
}
