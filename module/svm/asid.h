/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_SVM_ASID_H
#define BELLOWS_SVM_ASID_H
/*
 * Address space identifiers: the tags that keep one guest's translations apart
 * from another's, and from the host's (which is 0), in a CPU's TLB.
 *
 * Each CPU hands them out in order and starts over, one generation later, when
 * they are used up; the entry that opens a generation flushes the whole TLB.
 * A vCPU keeps its identifier while it stays on the CPU and in the generation.
 * One that comes back to a CPU after running elsewhere gets a new one: what its
 * old tag names there may be stale, since flushes were made where it was.
 *
 * Where the CPU can flush by ASID, dropping a vCPU's translations is a bit in
 * the VMCB. Where it can't, the vCPU takes a new identifier: no guest reaches
 * the translations of the old one, and it is not reused before the next flush
 * of everything.
 *
 * A flush counts only when the CPU has entered the guest: one that it refused to
 * enter may not have flushed. So requests stay up until asid_entered().
 *
 * All of it runs with interrupts off, on the CPU that the pool belongs to.
 */
#include "svm/vmcb.h"

struct asid_pool {
	u64 generation;		/* of this CPU; 0 before the first enabling */
	u32 next;		/* to be given out; beyond max: none is left */
	u32 max;
	bool flush_all;		/* the generation has begun, the TLB was not yet flushed */
};

struct asid_tag {
	u64 generation;		/* 0: none */
	u32 asid;
	int cpu;
	bool flush;		/* the vCPU's translations must go before it runs */
};

/* This CPU's SVM was switched on: count identifiers, 2 or more. Those given out before are void. */
static inline void asid_enable(struct asid_pool *pool, u32 count)
{
	pool->max = count - 1;
	pool->generation++;
	pool->next = 1;
	pool->flush_all = true;
}

/* Before an entry: settles asid->asid and returns what goes into tlb_control. */
static inline u8 asid_prepare(struct asid_pool *pool, struct asid_tag *asid,
			      int cpu, bool by_asid)
{
	bool keep = asid->cpu == cpu && asid->generation == pool->generation &&
		    (!asid->flush || by_asid);

	if (!keep) {
		if (pool->next > pool->max) {
			pool->generation++;
			pool->next = 1;
			pool->flush_all = true;
		}
		asid->asid = pool->next++;
		asid->generation = pool->generation;
		asid->cpu = cpu;
		asid->flush = false;
	}
	if (pool->flush_all)
		return VMCB_TLB_FLUSH_ALL;
	return asid->flush ? VMCB_TLB_FLUSH_ASID : VMCB_TLB_KEEP;
}

/* The guest was entered with this tlb_control. */
static inline void asid_entered(struct asid_pool *pool, struct asid_tag *asid, u8 tlb_control)
{
	if (tlb_control == VMCB_TLB_KEEP)
		return;
	asid->flush = false;
	if (tlb_control == VMCB_TLB_FLUSH_ALL)
		pool->flush_all = false;
}

#endif
