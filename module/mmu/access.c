// SPDX-License-Identifier: GPL-2.0
/*
 * What the module itself reads and writes by guest-physical address: operands
 * of emulated instructions, page tables, descriptors. An access finds its
 * slots under SRCU and goes through the memory object, which holds the lock of
 * the block while it copies; it neither uses nor fills the nested tables.
 */
#include <linux/srcu.h>
#include "mmu/access.h"
#include "mmu/slots.h"

/* Under srcu: the slot at gpa, if the access is allowed, and how much of len it holds. */
static struct slot *gpa_slot(struct bellows_mmu *mmu, gpa_t gpa, bool write, size_t *len)
{
	struct slot *slot = slot_find(mmu, gpa_to_gfn(gpa));

	if (!slot || (write && (slot->flags & KVM_MEM_READONLY)))
		return NULL;
	*len = min_t(u64, *len, gfn_to_gpa(slot->base) + (slot->npages << PAGE_SHIFT) - gpa);
	return slot;
}

static u64 gpa_object_offset(const struct slot *slot, gpa_t gpa)
{
	return (slot->opn.v << PAGE_SHIFT) + (gpa - gfn_to_gpa(slot->base));
}

/* Checked before the first byte moves: what is partly not memory is refused whole. */
static bool gpa_range_ok(struct bellows_mmu *mmu, gpa_t gpa, size_t len, bool write)
{
	size_t n;

	if (gpa + len < gpa)
		return false;
	for (; len; gpa += n, len -= n) {
		n = len;
		if (!gpa_slot(mmu, gpa, write, &n))
			return false;
	}
	return true;
}

static int gpa_access_slot(const struct slot *slot, gpa_t gpa, void *to, const void *from,
			   size_t len)
{
	lockdep_assert(srcu_read_lock_held(&slot->mmu->srcu));
	if (from)
		return bellows_memory_write(slot->memory, gpa_object_offset(slot, gpa), from, len);
	return bellows_memory_read(slot->memory, gpa_object_offset(slot, gpa), to, len);
}

/* What begins in one slot and does not end there. */
static int gpa_access_slots(struct bellows_mmu *mmu, gpa_t gpa, void *to, const void *from,
			    size_t len)
{
	struct slot *slot;
	int err = 0;
	size_t n;

	if (!gpa_range_ok(mmu, gpa, len, from))
		return -EFAULT;
	for (; len && !err; len -= n, gpa += n) {
		n = len;
		slot = gpa_slot(mmu, gpa, from, &n);
		if (!slot)
			return -EFAULT;
		err = gpa_access_slot(slot, gpa, to, from, n);
		if (from)
			from += n;
		else
			to += n;
	}
	return err;
}

static int gpa_access(struct bellows_mmu *mmu, gpa_t gpa, void *to, const void *from, size_t len)
{
	struct slot *slot;
	size_t n = len;
	int idx, err;

	lockdep_assert_preemption_enabled();
	idx = srcu_read_lock(&mmu->srcu);
	slot = gpa_slot(mmu, gpa, from, &n);
	if (!slot)
		err = -EFAULT;
	else if (likely(n == len))
		err = gpa_access_slot(slot, gpa, to, from, len);
	else
		err = gpa_access_slots(mmu, gpa, to, from, len);
	srcu_read_unlock(&mmu->srcu, idx);
	return err;
}

int bellows_gpa_read(struct bellows_mmu *mmu, gpa_t gpa, void *buf, size_t len)
{
	return gpa_access(mmu, gpa, buf, NULL, len);
}

int bellows_gpa_write(struct bellows_mmu *mmu, gpa_t gpa, const void *buf, size_t len)
{
	return gpa_access(mmu, gpa, NULL, buf, len);
}

int bellows_gpa_cmpxchg(struct bellows_mmu *mmu, gpa_t gpa, void *old, const void *new, size_t len)
{
	struct slot *slot;
	int idx, ret = -EFAULT;

	lockdep_assert_preemption_enabled();
	idx = srcu_read_lock(&mmu->srcu);
	slot = gpa_slot(mmu, gpa, true, &len);
	if (slot)
		ret = bellows_memory_cmpxchg(slot->memory, gpa_object_offset(slot, gpa), old, new,
					     len);
	srcu_read_unlock(&mmu->srcu, idx);
	return ret;
}

int bellows_gpa_probe(struct bellows_mmu *mmu, gpa_t gpa, u32 access)
{
	int idx, result = BELLOWS_FAULT_DONE;
	struct slot *slot;

	idx = srcu_read_lock(&mmu->srcu);
	slot = slot_find(mmu, gpa_to_gfn(gpa));
	if (!slot)
		result = BELLOWS_FAULT_MMIO;
	else if ((access & ACCESS_WRITE) && (slot->flags & KVM_MEM_READONLY))
		result = BELLOWS_FAULT_READONLY;
	srcu_read_unlock(&mmu->srcu, idx);
	return result;
}

static int gpa_read_table(void *context, gpa_t gpa, void *entry, unsigned int size)
{
	return bellows_gpa_read(context, gpa, entry, size);
}

static int gpa_exchange_table(void *context, gpa_t gpa, void *old, const void *new,
			      unsigned int size)
{
	return bellows_gpa_cmpxchg(context, gpa, old, new, size);
}

int guest_walk_path(struct bellows_mmu *mmu, const struct bellows_guest_paging *paging, gva_t gva,
		    u32 access, gpa_t *gpa, struct bellows_guest_fault *fault,
		    struct guest_path *path)
{
	const struct guest_tables tables = {
		.context = mmu,
		.read = gpa_read_table,
		.exchange = gpa_exchange_table,
	};

	return guest_walk_tables(&tables, paging, gva, access, gpa, fault, path);
}

int bellows_guest_walk(struct bellows_mmu *mmu, const struct bellows_guest_paging *paging, gva_t gva,
		       u32 access, gpa_t *gpa, struct bellows_guest_fault *fault)
{
	return guest_walk_path(mmu, paging, gva, access, gpa, fault, NULL);
}
