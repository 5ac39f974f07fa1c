/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_MMU_H
#define BELLOWS_MMU_H
/*
 * A VM's physical address space: its memory slots (gfn -> object, opn), the
 * nested page tables that cache them for the CPU, and the short accesses the
 * module itself makes by guest-physical address.
 */
#include <linux/mutex.h>
#include <linux/srcu.h>
#include "types.h"
#include "memory/memory.h"
#include "mmu/guest_walk.h"
#include "mmu/table.h"

struct slots;
struct bellows_mmu;
struct seq_file;

#define BELLOWS_MAX_SLOTS	509

/* Constant from the moment it is published, but for two members. */
struct slot {
	u32 id;
	u32 flags;			/* KVM_MEM_READONLY */
	gfn_t base;
	u64 npages;
	u64 userspace_addr;		/* as userspace gave it: reported, never used */
	struct bellows_memory *memory;	/* referenced */
	opn_t opn;			/* object page of base */
	bool leaving;			/* [s] its translations are removed, TLBs not yet flushed */
	struct bellows_mmu *mmu;
	struct bellows_mapper mapper;	/* the object's, while it is registered */
};

/* The one hook from here up: TLBs of all CPUs that run this VM are clean when it returns. */
struct bellows_mmu_ops {
	void (*flush_tlb)(struct bellows_mmu *mmu);
};

/*
 * Letters: [c] constant between init and destroy; [s] under slots_lock, read under srcu;
 * [d] under dead_lock; [v] under views_lock; [-] locks itself. Order: slots_lock, block
 * lock, dead_lock or views_lock. A thread inside srcu may take a block lock, never slots_lock.
 */
struct bellows_mmu {
	const struct bellows_pt_format *format;	/* [c] */
	const struct bellows_mmu_ops *ops;	/* [c] */
	mpn_t root;				/* [c] for EPTP or nCR3, which add __sme_set() on AMD */
	unsigned int maxphyaddr;		/* [c] of the guest's physical address space, bits */
	struct mutex slots_lock;		/* [-] */
	struct srcu_struct srcu;		/* [-] readers of slots, and of table pages on the way to a slot */
	struct slots __rcu *slots;		/* [s] sorted array, replaced as a whole */
	struct pt_tree pt;			/* [-] the walker says how */
	spinlock_t dead_lock;			/* [-] */
	struct pt_dead dead;			/* [d] tables to free after the next flush */
	unsigned int walkers;			/* [d] threads in the tables without a block lock */
	spinlock_t views_lock;			/* [-] inside block locks; around each view's own */
	struct list_head views;			/* [v] */
};

int bellows_mmu_init(struct bellows_mmu *mmu, const struct bellows_pt_format *format,
		     const struct bellows_mmu_ops *ops);
/*
 * No vCPU runs any more. Drops every slot, without a flush: a backend flushes when
 * it first loads a vCPU on a CPU. Until here memory objects may ask for flushes, of
 * vCPUs that must still be there; afterwards none does.
 */
void bellows_mmu_detach(struct bellows_mmu *mmu);
/* The tables as well, and the slots if that was not done. */
void bellows_mmu_destroy(struct bellows_mmu *mmu);

/* KVM_SET_USER_MEMORY_REGION with KVM's errnos; the caller is the ioctl layer. */
struct kvm_userspace_memory_region;
int bellows_mmu_set_slot(struct bellows_mmu *mmu, const struct kvm_userspace_memory_region *region);
/* The same, where a new slot's pages are given as such: no process has to have mapped them. */
int bellows_mmu_set_slot_object(struct bellows_mmu *mmu,
				const struct kvm_userspace_memory_region *region,
				struct bellows_memory *memory, opn_t opn);

enum bellows_fault_result {
	BELLOWS_FAULT_DONE,		/* translation installed, or was there: re-enter */
	BELLOWS_FAULT_MMIO,		/* no slot there: emulate */
	BELLOWS_FAULT_READONLY,		/* a write to a read-only slot: emulate, goes to userspace */
};

/* A nested fault. Returns bellows_fault_result or -ENOMEM, -EINTR ... May sleep; the vCPU may be loaded. */
int bellows_mmu_fault(struct bellows_mmu *mmu, gpa_t gpa, u32 access);

/* Accesses by guest-physical address; may cross pages and slots. -EFAULT: (part of it) is not memory. */
int bellows_gpa_read(struct bellows_mmu *mmu, gpa_t gpa, void *buf, size_t len);
int bellows_gpa_write(struct bellows_mmu *mmu, gpa_t gpa, const void *buf, size_t len);
int bellows_gpa_cmpxchg(struct bellows_mmu *mmu, gpa_t gpa, void *old, const void *new, size_t len);
/* Is there memory at gpa, and may it be written? BELLOWS_FAULT_* without side effects. */
int bellows_gpa_probe(struct bellows_mmu *mmu, gpa_t gpa, u32 access);

/*
 * Walks the guest's own page tables as its CPU would (2, 3, 4, 5 levels; NX,
 * SMEP, SMAP, WP, protection keys, reserved bits; sets accessed and dirty).
 * Returns GUEST_WALK_DONE and *gpa; GUEST_WALK_FAULT and *fault; -EFAULT: a table is not in
 * memory; -EAGAIN: other CPUs keep changing the tables: enter the guest, it comes back.
 */
int bellows_guest_walk(struct bellows_mmu *mmu, const struct bellows_guest_paging *paging, gva_t gva,
		       u32 access, gpa_t *gpa, struct bellows_guest_fault *fault);

/* Compares every entry with the objects; errors as in bellows_memory_audit(). */
unsigned int bellows_mmu_audit(struct bellows_mmu *mmu, struct seq_file *m);

/* Table pages in use now. */
long bellows_mmu_table_pages(struct bellows_mmu *mmu);

/*
 * Formats: bellows_ept_format (with accessed/dirty), bellows_ept_noad_format,
 * bellows_npt_format, bellows_npt5_format (where the host has CR4.LA57).
 * What the backend needs of one to build EPTP or nCR3:
 */
unsigned int bellows_pt_levels(const struct bellows_pt_format *format);

#endif
