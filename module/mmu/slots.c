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
 *   in:  register the mapper, then publish. Nobody installs a translation of
 *        a slot he cannot find, so none exists that the object cannot reach.
 *   out: publish the array without it; wait for SRCU readers: from here on
 *        nobody installs. Mark it leaving, remove its translations, flush.
 *        Now the object may forget the mapper. In between, the object may ask
 *        the mapper to remove what is already removed, but perhaps not yet
 *        flushed: a slot that is leaving therefore always answers "flush".
 *        Then free the tables nobody needs: those between the neighbours that
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

static struct bellows_slots *slots_locked(struct bellows_mmu *mmu)
{
	return rcu_dereference_protected(mmu->slots, lockdep_is_held(&mmu->slots_lock));
}

static struct bellows_slots *slots_alloc(unsigned int nr)
{
	struct bellows_slots *slots;

	slots = kzalloc(struct_size(slots, slot, nr), GFP_KERNEL_ACCOUNT);
	if (slots)
		slots->nr = nr;
	return slots;
}

struct bellows_memslot *bellows_slot_find(struct bellows_mmu *mmu, gfn_t gfn)
{
	struct bellows_slots *slots;
	unsigned int low = 0, high, mid;

	slots = srcu_dereference_check(mmu->slots, &mmu->srcu, lockdep_is_held(&mmu->slots_lock));
	mid = READ_ONCE(slots->last);
	if (mid < slots->nr && bellows_slot_has(slots->slot[mid], gfn))
		return slots->slot[mid];

	high = slots->nr;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (bellows_slot_has(slots->slot[mid], gfn)) {
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

static struct bellows_memslot *slot_by_id(const struct bellows_slots *slots, u32 id)
{
	unsigned int i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->id == id)
			return slots->slot[i];
	return NULL;
}

/* A copy of slots with one slot more, at its place. */
static struct bellows_slots *slots_with(const struct bellows_slots *slots, struct bellows_memslot *slot)
{
	struct bellows_slots *new = slots_alloc(slots->nr + 1);
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

static struct bellows_slots *slots_without(const struct bellows_slots *slots,
					   const struct bellows_memslot *slot)
{
	struct bellows_slots *new = slots_alloc(slots->nr - 1);
	unsigned int i, n = 0;

	if (!new)
		return NULL;
	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i] != slot)
			new->slot[n++] = slots->slot[i];
	return new;
}

/* On return no reader sees the old array. */
static void publish(struct bellows_mmu *mmu, struct bellows_slots *new)
{
	struct bellows_slots *old = slots_locked(mmu);

	rcu_assign_pointer(mmu->slots, new);
	synchronize_srcu_expedited(&mmu->srcu);
	kfree(old);
}

/* Removes the translations of a slot that no reader finds any more, and flushes. */
static void forget_translations(struct bellows_memslot *slot)
{
	u64 page = slot->base.v, end = page + slot->npages, next;
	struct bellows_mmu *mmu = slot->mmu;
	struct bellows_pt_found found = {};

	WRITE_ONCE(slot->leaving, true);
	/* Pairs with the mapper, which looks at the entries first, then at this. */
	smp_mb();
	bellows_mmu_walk_begin(mmu);
	for (; page < end; page = next) {
		next = min((page | (ZAP_PAGES - 1)) + 1, end);
		bellows_pt_zap(&mmu->pt, page, next, &found);
		cond_resched();
	}
	bellows_views_forget(mmu, slot->base, slot->npages);
	mmu->ops->flush_tlb(mmu);
	bellows_mmu_walk_end(mmu);
}

/* Frees the tables that only the slot needed; it is in no array and has no mapper any more. */
static void free_tables(struct bellows_memslot *slot)
{
	struct bellows_mmu *mmu = slot->mmu;
	struct bellows_slots *slots = slots_locked(mmu);
	u64 start = 0, end = bellows_pt_limit(mmu->format);
	struct bellows_pt_dead dead = {};
	unsigned int i;

	for (i = 0; i < slots->nr; i++) {
		const struct bellows_memslot *other = slots->slot[i];

		if (other->base.v < slot->base.v) {
			start = other->base.v + other->npages;
		} else {
			end = other->base.v;
			break;
		}
	}
	bellows_pt_unlink(&mmu->pt, start, end, &dead);
	if (dead.head)
		mmu->ops->flush_tlb(mmu);
	bellows_pt_free_dead(&dead);
}

static void withdraw(struct bellows_memslot *slot, struct bellows_slots *without)
{
	publish(slot->mmu, without);
	forget_translations(slot);
	bellows_memory_remove_mapper(slot->memory, &slot->mapper);
	free_tables(slot);
}

static void free_slot(struct bellows_memslot *slot)
{
	bellows_memory_put(slot->memory);
	kfree(slot);
}

static int delete_slot(struct bellows_mmu *mmu, struct bellows_memslot *slot)
{
	struct bellows_slots *without = slots_without(slots_locked(mmu), slot);

	if (!without)
		return -ENOMEM;
	withdraw(slot, without);
	free_slot(slot);
	return 0;
}

static bool overlaps(const struct bellows_slots *slots, u32 id, gfn_t base, u64 npages)
{
	unsigned int i;

	for (i = 0; i < slots->nr; i++) {
		const struct bellows_memslot *slot = slots->slot[i];

		if (slot->id != id && base.v < slot->base.v + slot->npages &&
		    slot->base.v < base.v + npages)
			return true;
	}
	return false;
}

/* The pages of the new slot: given, or what userspace has mapped at the region's address. */
struct backing {
	struct bellows_memory *memory;	/* NULL: look at the address */
	opn_t opn;
};

static int find_backing(struct bellows_memslot *slot, const struct backing *backing, u64 size)
{
	if (!backing->memory)
		return bellows_memory_from_mmap(slot->userspace_addr, size, &slot->memory, &slot->opn);
	slot->memory = bellows_memory_get(backing->memory);
	slot->opn = backing->opn;
	return 0;
}

static int create_slot(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region,
		       const struct backing *backing)
{
	struct bellows_slots *with = NULL;
	struct bellows_memslot *slot;
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
	err = find_backing(slot, backing, region->memory_size);
	if (err)
		goto out_free;
	slot->mapper.ops = &bellows_slot_mapper_ops;
	slot->mapper.start = slot->opn;
	slot->mapper.npages = slot->npages;

	err = -ENOMEM;
	with = slots_with(slots_locked(mmu), slot);
	if (!with)
		goto out_put;
	err = bellows_memory_add_mapper(slot->memory, &slot->mapper);
	if (err)
		goto out_put;
	publish(mmu, with);
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
static int move_slot(struct bellows_mmu *mmu, struct bellows_memslot *old, gfn_t base)
{
	struct bellows_slots *without = slots_without(slots_locked(mmu), old);
	struct bellows_memslot *slot = kmemdup(old, sizeof(*old), GFP_KERNEL_ACCOUNT);
	struct bellows_slots *with = NULL;
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
	withdraw(old, without);
	kfree(old);
	err = bellows_memory_add_mapper(slot->memory, &slot->mapper);
	if (err) {
		/* The object refuses what it had a moment ago: then the slot is gone. */
		kfree(with);
		free_slot(slot);
		return err;
	}
	publish(mmu, with);
	return 0;
}

/* What KVM refuses before it looks at any slot. */
static int check_region(const struct kvm_userspace_memory_region *region)
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

static int change_slots(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region,
			const struct backing *backing)
{
	struct bellows_slots *slots = slots_locked(mmu);
	struct bellows_memslot *old = slot_by_id(slots, region->slot);
	gfn_t base = gpa_to_gfn(region->guest_phys_addr);
	u64 npages = region->memory_size >> PAGE_SHIFT;

	if (!npages)
		return old ? delete_slot(mmu, old) : -EINVAL;
	if (old) {
		if (region->userspace_addr != old->userspace_addr || npages != old->npages ||
		    region->flags != old->flags)
			return -EINVAL;
		if (base.v == old->base.v)
			return 0;
	}
	if (overlaps(slots, region->slot, base, npages))
		return -EEXIST;
	if (base.v + npages > 1ULL << (mmu->maxphyaddr - PAGE_SHIFT))
		return -EINVAL;
	return old ? move_slot(mmu, old, base) : create_slot(mmu, region, backing);
}

static int set_slot(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region,
		    const struct backing *backing)
{
	int err = check_region(region);

	if (err)
		return err;
	mutex_lock(&mmu->slots_lock);
	err = change_slots(mmu, region, backing);
	mutex_unlock(&mmu->slots_lock);
	return err;
}

int bellows_mmu_set_slot(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region)
{
	const struct backing backing = {};

	return set_slot(mmu, region, &backing);
}

int bellows_mmu_set_slot_object(struct bellows_mmu *mmu,
				const struct kvm_userspace_memory_region *region,
				struct bellows_memory *memory, opn_t opn)
{
	const struct backing backing = { .memory = memory, .opn = opn };

	return set_slot(mmu, region, &backing);
}

int bellows_slots_init(struct bellows_mmu *mmu)
{
	struct bellows_slots *slots = slots_alloc(0);

	if (!slots)
		return -ENOMEM;
	rcu_assign_pointer(mmu->slots, slots);
	return 0;
}

/* Nobody reads slots or runs guests any more; the tables go as a whole afterwards. */
void bellows_slots_destroy(struct bellows_mmu *mmu)
{
	struct bellows_slots *slots;
	unsigned int i;

	mutex_lock(&mmu->slots_lock);
	slots = slots_locked(mmu);
	for (i = 0; slots && i < slots->nr; i++) {
		bellows_memory_remove_mapper(slots->slot[i]->memory, &slots->slot[i]->mapper);
		free_slot(slots->slot[i]);
	}
	RCU_INIT_POINTER(mmu->slots, NULL);
	mutex_unlock(&mmu->slots_lock);
	kfree(slots);
}
