// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: which pages of which memory object a VM sees where. They are
 * set with KVM's ioctl and obey its rules, down to the error numbers, so that
 * a VMM written for KVM finds what it expects.
 *
 * Readers (every nested fault, every access by guest-physical address) find
 * the slots in a sorted array under SRCU; a change builds a new array and
 * replaces the old one. What must never happen is that a translation outlives
 * its slot, or that an object reuses a frame which some TLB still reaches. So
 * a slot enters and leaves in this order:
 *
 *   in:  register the mapper, then publish. A fault installs translations only
 *        of a slot that it finds, so none exists that the object cannot reach.
 *   out: publish the array without it; wait for SRCU readers: from here on
 *        no fault installs. Mark it leaving, remove its translations, flush.
 *        Now the object may forget the mapper. In between, the object may ask
 *        the mapper to remove what is already removed, but perhaps not yet
 *        flushed: a slot that is leaving therefore always answers "flush".
 *        Then free the tables that no slot needs: those between the neighbours that
 *        remain. No fault walks them, since it would have to be in a slot
 *        there; no mapper, since its callbacks have ended; no processor, after
 *        one more flush.
 *
 * A slot holds a reference to its object. The address userspace gave serves to
 * find the object and to recognise the slot again, and is never used
 * otherwise: a later munmap changes nothing.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "mmu/mapper.h"
#include "mmu/slots.h"
#include "mmu/view.h"

/* KVM's limit: page numbers inside a slot fit into an int. */
#define MAX_SLOT_PAGES	((1UL << 31) - 1)
/* Translations removed before others get the CPU: 1 GiB of them. */
#define ZAP_PAGES	(1UL << 18)

static struct slots *slots_locked(struct bellows_mmu *mmu)
{
	return rcu_dereference_protected(mmu->slots, lockdep_is_held(&mmu->slots_lock));
}

static struct slots *slots_alloc(unsigned int nr)
{
	struct slots *slots;

	slots = kzalloc(struct_size(slots, slot, nr), GFP_KERNEL_ACCOUNT);
	if (slots)
		slots->nr = nr;
	return slots;
}

struct slot *slot_find(struct bellows_mmu *mmu, gfn_t gfn)
{
	struct slots *slots;
	unsigned int low = 0, high, mid;

	slots = srcu_dereference_check(mmu->slots, &mmu->srcu, lockdep_is_held(&mmu->slots_lock));
	mid = READ_ONCE(slots->last);
	if (mid < slots->nr && slot_has(slots->slot[mid], gfn))
		return slots->slot[mid];

	high = slots->nr;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (slot_has(slots->slot[mid], gfn)) {
			WRITE_ONCE(slots->last, mid);
			return slots->slot[mid];
		}
		if (gfn.v < slots->slot[mid]->base.v)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static struct slot *slot_by_id(const struct slots *slots, u32 id)
{
	unsigned int i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->id == id)
			return slots->slot[i];
	return NULL;
}

/* A copy of slots with one slot more, at its place. */
static struct slots *slots_with(const struct slots *slots, struct slot *slot)
{
	struct slots *new = slots_alloc(slots->nr + 1);
	unsigned int i, n = 0;

	if (!new)
		return NULL;
	for (i = 0; i < slots->nr && slots->slot[i]->base.v < slot->base.v; i++)
		new->slot[n++] = slots->slot[i];
	new->slot[n++] = slot;
	for (; i < slots->nr; i++)
		new->slot[n++] = slots->slot[i];
	return new;
}

static struct slots *slots_without(const struct slots *slots, const struct slot *slot)
{
	struct slots *new = slots_alloc(slots->nr - 1);
	unsigned int i, n = 0;

	if (!new)
		return NULL;
	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i] != slot)
			new->slot[n++] = slots->slot[i];
	return new;
}

/* On return no reader sees the old array. */
static void slots_publish(struct bellows_mmu *mmu, struct slots *new)
{
	struct slots *old = slots_locked(mmu);

	lockdep_assert_held(&mmu->slots_lock);
	rcu_assign_pointer(mmu->slots, new);
	synchronize_srcu_expedited(&mmu->srcu);
	kfree(old);
}

/* Removes the translations of a slot that no reader finds any more, and flushes. */
static void slot_forget(struct slot *slot)
{
	u64 page = slot->base.v, end = page + slot->npages, next;
	struct bellows_mmu *mmu = slot->mmu;
	struct pt_found found = {};

	lockdep_assert_held(&mmu->slots_lock);
	WRITE_ONCE(slot->leaving, true);
	/* Pairs with the mapper, which looks at the entries first, then at this. */
	smp_mb();
	mapper_walk_begin(mmu);
	for (; page < end; page = next) {
		next = min((page | (ZAP_PAGES - 1)) + 1, end);
		pt_zap(&mmu->pt, page, next, &found);
		cond_resched();
	}
	views_forget(mmu, slot->base, slot->npages);
	mmu->ops->flush_tlb(mmu);
	mapper_walk_end(mmu);
}

/* Frees the tables that only the slot needed; it is in no array and has no mapper any more. */
static void slot_free_tables(struct slot *slot)
{
	struct bellows_mmu *mmu = slot->mmu;
	struct slots *slots = slots_locked(mmu);
	u64 start = 0, end = pt_limit(mmu->format);
	struct pt_dead dead = {};
	unsigned int i;

	lockdep_assert_held(&mmu->slots_lock);
	for (i = 0; i < slots->nr; i++) {
		const struct slot *other = slots->slot[i];

		if (other->base.v < slot->base.v) {
			start = other->base.v + other->npages;
		} else {
			end = other->base.v;
			break;
		}
	}
	pt_unlink(&mmu->pt, start, end, &dead);
	if (dead.head)
		mmu->ops->flush_tlb(mmu);
	pt_free_dead(&dead);
}

static void slot_withdraw(struct slot *slot, struct slots *without)
{
	slots_publish(slot->mmu, without);
	slot_forget(slot);
	bellows_memory_remove_mapper(slot->memory, &slot->mapper);
	slot_free_tables(slot);
}

static void slot_free(struct slot *slot)
{
	bellows_memory_put(slot->memory);
	kfree(slot);
}

static int slot_delete(struct bellows_mmu *mmu, struct slot *slot)
{
	struct slots *without = slots_without(slots_locked(mmu), slot);

	if (!without)
		return -ENOMEM;
	slot_withdraw(slot, without);
	slot_free(slot);
	return 0;
}

static bool slots_overlap(const struct slots *slots, u32 id, gfn_t base, u64 npages)
{
	unsigned int i;

	for (i = 0; i < slots->nr; i++) {
		const struct slot *slot = slots->slot[i];

		if (slot->id != id && base.v < slot->base.v + slot->npages &&
		    slot->base.v < base.v + npages)
			return true;
	}
	return false;
}

/* The pages of the new slot: given, or what userspace has mapped at the region's address. */
struct slot_backing {
	struct bellows_memory *memory;	/* NULL: look at the address */
	opn_t opn;
};

static int slot_find_backing(struct slot *slot, const struct slot_backing *backing, u64 size)
{
	if (!backing->memory)
		return bellows_memory_from_mmap(slot->userspace_addr, size, &slot->memory,
						&slot->opn);
	slot->memory = bellows_memory_get(backing->memory);
	slot->opn = backing->opn;
	return 0;
}

static int slot_create(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region,
		       const struct slot_backing *backing)
{
	struct slots *with = NULL;
	struct slot *slot;
	int err;

	slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	if (!slot)
		return -ENOMEM;
	slot->id = region->slot;
	slot->flags = region->flags;
	slot->base = gpa_to_gfn(region->guest_phys_addr);
	slot->npages = region->memory_size >> PAGE_SHIFT;
	slot->userspace_addr = region->userspace_addr;
	slot->mmu = mmu;
	err = slot_find_backing(slot, backing, region->memory_size);
	if (err)
		goto out_free;
	slot->mapper.ops = &slot_mapper_ops;
	slot->mapper.start = slot->opn;
	slot->mapper.npages = slot->npages;

	err = -ENOMEM;
	with = slots_with(slots_locked(mmu), slot);
	if (!with)
		goto out_put;
	err = bellows_memory_add_mapper(slot->memory, &slot->mapper);
	if (err)
		goto out_put;
	slots_publish(mmu, with);
	return 0;

out_put:
	kfree(with);
	bellows_memory_put(slot->memory);
out_free:
	kfree(slot);
	return err;
}

/*
 * The slot leaves and comes back elsewhere; in between the guest finds nothing
 * there, as on KVM. Readers may hold the old one until it has left, so what
 * comes back is a copy, which takes over the reference to the object.
 */
static int slot_move(struct bellows_mmu *mmu, struct slot *old, gfn_t base)
{
	struct slots *without = slots_without(slots_locked(mmu), old);
	struct slot *slot = kmemdup(old, sizeof(*old), GFP_KERNEL_ACCOUNT);
	struct slots *with = NULL;
	int err;

	if (without && slot) {
		slot->base = base;
		INIT_LIST_HEAD(&slot->mapper.link);
		with = slots_with(without, slot);
	}
	if (!with) {
		kfree(slot);
		kfree(without);
		return -ENOMEM;
	}
	slot_withdraw(old, without);
	kfree(old);
	err = bellows_memory_add_mapper(slot->memory, &slot->mapper);
	if (err) {
		/* The object refuses what it had a moment ago: then the slot is gone. */
		kfree(with);
		slot_free(slot);
		return err;
	}
	slots_publish(mmu, with);
	return 0;
}

/* What KVM refuses before it looks at any slot. */
static int slot_check_region(const struct kvm_userspace_memory_region *region)
{
	/*
	 * KVM_MEM_LOG_DIRTY_PAGES is refused, although KVM takes it anywhere:
	 * KVM_GET_DIRTY_LOG does not exist here, and a VMM that believes it
	 * has a log would lose pages.
	 */
	if (region->flags & ~KVM_MEM_READONLY)
		return -EINVAL;
	if ((region->memory_size | region->guest_phys_addr | region->userspace_addr) & ~PAGE_MASK)
		return -EINVAL;
	if (!access_ok((void __user *)(unsigned long)region->userspace_addr, region->memory_size))
		return -EINVAL;
	/* The upper half is the address space; there is one. */
	if (region->slot >= BELLOWS_MAX_SLOTS)
		return -EINVAL;
	if (region->guest_phys_addr + region->memory_size < region->guest_phys_addr)
		return -EINVAL;
	if (region->memory_size >> PAGE_SHIFT > MAX_SLOT_PAGES)
		return -EINVAL;
	return 0;
}

static int slots_change(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region,
			const struct slot_backing *backing)
{
	struct slots *slots = slots_locked(mmu);
	struct slot *old = slot_by_id(slots, region->slot);
	gfn_t base = gpa_to_gfn(region->guest_phys_addr);
	u64 npages = region->memory_size >> PAGE_SHIFT;

	lockdep_assert_held(&mmu->slots_lock);
	if (!npages)
		return old ? slot_delete(mmu, old) : -EINVAL;
	if (old) {
		if (region->userspace_addr != old->userspace_addr || npages != old->npages ||
		    region->flags != old->flags)
			return -EINVAL;
		if (base.v == old->base.v)
			return 0;
	}
	if (slots_overlap(slots, region->slot, base, npages))
		return -EEXIST;
	if (base.v + npages > 1ULL << (mmu->maxphyaddr - PAGE_SHIFT))
		return -EINVAL;
	return old ? slot_move(mmu, old, base) : slot_create(mmu, region, backing);
}

static int slots_set(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region,
		     const struct slot_backing *backing)
{
	int err = slot_check_region(region);

	if (err)
		return err;
	mutex_lock(&mmu->slots_lock);
	err = slots_change(mmu, region, backing);
	mutex_unlock(&mmu->slots_lock);
	return err;
}

int bellows_mmu_set_slot(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region)
{
	const struct slot_backing backing = {};

	return slots_set(mmu, region, &backing);
}

int bellows_mmu_set_slot_object(struct bellows_mmu *mmu,
				const struct kvm_userspace_memory_region *region,
				struct bellows_memory *memory, opn_t opn)
{
	const struct slot_backing backing = { .memory = memory, .opn = opn };

	return slots_set(mmu, region, &backing);
}

int slots_init(struct bellows_mmu *mmu)
{
	struct slots *slots = slots_alloc(0);

	if (!slots)
		return -ENOMEM;
	rcu_assign_pointer(mmu->slots, slots);
	return 0;
}

/* No thread reads slots or runs guests any more; the tables go as a whole afterwards. */
void slots_destroy(struct bellows_mmu *mmu)
{
	struct slots *slots;
	unsigned int i;

	mutex_lock(&mmu->slots_lock);
	slots = slots_locked(mmu);
	for (i = 0; slots && i < slots->nr; i++) {
		bellows_memory_remove_mapper(slots->slot[i]->memory, &slots->slot[i]->mapper);
		slot_free(slots->slot[i]);
	}
	RCU_INIT_POINTER(mmu->slots, NULL);
	mutex_unlock(&mmu->slots_lock);
	kfree(slots);
}
