// SPDX-License-Identifier: GPL-2.0
/*
 * The SVM backend's arithmetic: segment attributes, permission maps, address
 * space identifiers.
 *
 * Identifiers are checked against a model of a TLB: a CPU remembers for each
 * identifier which vCPU's translations, of which age, it may hold, and forgets
 * them only when an entry's tlb_control says so. vCPUs move between CPUs, ask
 * for flushes, are refused entry. No vCPU may ever meet a translation of
 * another's, or one of its own from before its last flush.
 */
#include <linux/kvm.h>
#include <stdlib.h>

#include "random.h"
#include "tap.h"

#include "svm/asid.h"
#include "svm/permission.h"
#include "svm/segment.h"

static struct random rnd;

/* Segments */

static bool same_segment(const struct kvm_segment *a, const struct kvm_segment *b)
{
	return a->base == b->base && a->limit == b->limit && a->selector == b->selector &&
	       a->type == b->type && a->present == b->present && a->dpl == b->dpl &&
	       a->db == b->db && a->s == b->s && a->l == b->l && a->g == b->g &&
	       a->avl == b->avl && a->unusable == b->unusable;
}

/* What a processor really has in a segment register: a descriptor's high word, in its own form. */
static u16 attributes_of_descriptor(u32 high)
{
	return ((high >> 8) & 0xff) | ((high >> 12) & 0xf00);
}

static bool descriptors_agree(void)
{
	unsigned long i;

	for (i = 0; i < scaled(100000); i++) {
		u32 high = random_u64(&rnd);
		struct kvm_segment var = {
			.type = (high >> 8) & 15, .s = (high >> 12) & 1, .dpl = (high >> 13) & 3,
			.present = (high >> 15) & 1, .avl = (high >> 20) & 1, .l = (high >> 21) & 1,
			.db = (high >> 22) & 1, .g = (high >> 23) & 1,
		};
		struct vmcb_segment seg;

		svm_segment_pack(&seg, &var);
		if (seg.attr != attributes_of_descriptor(high)) {
			tap_note("descriptor %08x packs to %03x", high, seg.attr);
			return false;
		}
	}
	return true;
}

static struct kvm_segment random_segment(enum svm_segment_kind kind, u8 cpl)
{
	u64 r = random_u64(&rnd);
	struct kvm_segment var = {
		.base = random_u64(&rnd), .limit = random_u64(&rnd), .selector = r,
		.type = (r >> 16) & 15, .present = (r >> 20) & 1, .dpl = (r >> 21) & 3,
		.db = (r >> 23) & 1, .s = (r >> 24) & 1, .l = (r >> 25) & 1,
		.g = (r >> 26) & 1, .avl = (r >> 27) & 1,
	};

	/* States that a processor can be in. */
	if (kind == SVM_SEG_CODE) {
		if (!var.g)
			var.limit &= 0xfffff;
		else
			var.limit = (var.limit & 0xfffff) << 12 | 0xfff;
		var.g = var.limit > 0xfffff;
	}
	if (kind == SVM_SEG_STACK)
		var.dpl = cpl;
	if (kind == SVM_SEG_STACK && !var.present)
		var.db = 0;
	if ((kind == SVM_SEG_STACK || kind == SVM_SEG_DATA) && var.present)
		var.type |= 1;
	if (kind == SVM_SEG_TASK)
		var.type |= 2;
	var.unusable = !var.present;
	return var;
}

static bool segments_survive(void)
{
	unsigned long i;

	for (i = 0; i < scaled(200000); i++) {
		enum svm_segment_kind kind = random_below(&rnd, 5);
		u8 cpl = random_below(&rnd, 4);
		struct kvm_segment before = random_segment(kind, cpl), after;
		struct vmcb_segment seg;

		memset(&seg, 0xff, sizeof(seg));
		svm_segment_pack(&seg, &before);
		svm_segment_unpack(&after, &seg, kind, cpl);
		if (!same_segment(&before, &after)) {
			tap_note("kind %d attr %03x limit %x", kind, seg.attr, seg.limit);
			return false;
		}
	}
	return true;
}

static bool unusable_is_absent(void)
{
	struct kvm_segment null = { .unusable = 1, .present = 1, .type = 3, .s = 1, .dpl = 3 }, out;
	struct vmcb_segment seg;

	svm_segment_pack(&seg, &null);
	if (seg.attr & VMCB_ATTR_P)
		return false;
	/* The stack's privilege stays: it is that of 64-bit user mode with a null SS. */
	svm_segment_unpack(&out, &seg, SVM_SEG_STACK, 3);
	return out.unusable && !out.present && out.dpl == 3 && ((seg.attr >> 5) & 3) == 3;
}

static bool losses_are_repaired(void)
{
	struct vmcb_segment code = { .limit = 0xffffffff, .attr = 0x29b };
	struct vmcb_segment task = { .limit = 0x67, .attr = 0x089 };
	struct vmcb_segment data = { .limit = 0xffff, .attr = 0x092 };
	struct vmcb_segment null_stack = { .attr = 0x400 };
	struct kvm_segment c, t, d, n;

	svm_segment_unpack(&c, &code, SVM_SEG_CODE, 0);
	svm_segment_unpack(&t, &task, SVM_SEG_TASK, 0);
	svm_segment_unpack(&d, &data, SVM_SEG_DATA, 0);
	svm_segment_unpack(&n, &null_stack, SVM_SEG_STACK, 3);
	return c.g && t.type == 11 && d.type == 3 && n.dpl == 3 && !n.db;
}

/* Permission maps */

/* As the manual tells it: three vectors of 2 KiB, four MSRs a byte. */
static int reference_bit(u32 msr)
{
	if (msr <= 0x1fff)
		return msr / 4 * 8 + msr % 4 * 2;
	if (msr >= 0xc0000000 && msr <= 0xc0001fff)
		return (0x800 + (msr & 0x1fff) / 4) * 8 + msr % 4 * 2;
	if (msr >= 0xc0010000 && msr <= 0xc0011fff)
		return (0x1000 + (msr & 0x1fff) / 4) * 8 + msr % 4 * 2;
	return -1;
}

static bool msr_bits(void)
{
	static const u32 around[] = { 0, 0x2000, 0xc0000000, 0xc0002000, 0xc0010000, 0xc0012000,
				      0x80000000, 0xffffffff };
	unsigned long i;

	for (i = 0; i < scaled(200000); i++) {
		u32 msr = around[random_below(&rnd, ARRAY_SIZE(around))] +
			  random_below(&rnd, 0x4000) - 0x2000;

		if (svm_msrpm_bit(msr) != reference_bit(msr)) {
			tap_note("MSR %08x: bit %d", msr, svm_msrpm_bit(msr));
			return false;
		}
		if (svm_msrpm_bit(msr) + 1 >= 8 * SVM_MSRPM_SIZE)
			return false;
	}
	return true;
}

/* Each change must touch two bits of the map and no others. */
static bool msr_changes(void)
{
	static u8 map[SVM_MSRPM_SIZE], expected[SVM_MSRPM_SIZE];
	unsigned long i;

	memset(map, 0xff, sizeof(map));
	memset(expected, 0xff, sizeof(expected));
	for (i = 0; i < scaled(20000); i++) {
		u32 msr = (random_u64(&rnd) & 1 ? 0xc0000000 : 0) + random_below(&rnd, 0x2100);
		bool read = random_u64(&rnd) & 1, write = random_u64(&rnd) & 1;
		int bit = reference_bit(msr);

		svm_msrpm_set(map, msr, read, write);
		if (bit >= 0) {
			expected[bit / 8] &= ~(3 << bit % 8);
			expected[bit / 8] |= ((!read) | (!write) << 1) << bit % 8;
		}
		if (!(i % 64) && memcmp(map, expected, sizeof(map)))
			return false;
	}
	return !memcmp(map, expected, sizeof(map));
}

static bool intercept_words(void)
{
	u32 words[6] = { 0 };

	vmcb_intercept(words, VMCB_INTERCEPT_CR_WRITE + 8, true);
	vmcb_intercept(words, VMCB_INTERCEPT_EXCEPTION + 18, true);
	vmcb_intercept(words, VMCB_INTERCEPT_SHUTDOWN, true);
	vmcb_intercept(words, VMCB_INTERCEPT_XSETBV, true);
	if (words[0] != 1u << 24 || words[2] != 1u << 18 || words[3] != 1u << 31 ||
	    words[4] != 1u << 13 || words[1] || words[5])
		return false;
	vmcb_intercept(words, VMCB_INTERCEPT_SHUTDOWN, false);
	return !words[3] && vmcb_intercepted(words, VMCB_INTERCEPT_XSETBV) &&
	       !vmcb_intercepted(words, VMCB_INTERCEPT_SHUTDOWN);
}

/* Address space identifiers */

#define CPUS	3
#define VCPUS	7
#define ASIDS	5

struct tagged {
	int vcpu;		/* whose translations; -1: none */
	unsigned long age;	/* of the oldest of them */
};

static struct {
	struct asid_pool pool[CPUS];
	struct tagged tlb[CPUS][ASIDS];
	struct asid_tag vcpu[VCPUS];
	unsigned long flushed_at[VCPUS];
	unsigned long now;
	bool by_asid;
} m;

static void forget(int cpu)
{
	int i;

	for (i = 0; i < ASIDS; i++)
		m.tlb[cpu][i].vcpu = -1;
}

static bool run_vcpu(int v, int cpu, bool refused)
{
	struct asid_tag *asid = &m.vcpu[v];
	u8 control = asid_prepare(&m.pool[cpu], asid, cpu, m.by_asid);
	struct tagged *t = &m.tlb[cpu][asid->asid];

	if (!asid->asid || asid->asid >= ASIDS)
		return false;
	if (control == VMCB_TLB_FLUSH_ASID && !m.by_asid)
		return false;
	/* A refused entry flushes nothing. */
	if (refused)
		return true;
	if (control == VMCB_TLB_FLUSH_ALL)
		forget(cpu);
	else if (control == VMCB_TLB_FLUSH_ASID)
		t->vcpu = -1;
	if (t->vcpu >= 0 && (t->vcpu != v || t->age < m.flushed_at[v])) {
		tap_note("vcpu %d meets translations of %d, age %lu, flushed at %lu", v, t->vcpu,
			 t->age, m.flushed_at[v]);
		return false;
	}
	if (t->vcpu < 0)
		*t = (struct tagged) { v, m.now };
	asid_entered(&m.pool[cpu], asid, control);
	return true;
}

static bool asids_never_meet(bool by_asid)
{
	unsigned long i;
	int c, v;

	memset(&m, 0, sizeof(m));
	m.by_asid = by_asid;
	for (c = 0; c < CPUS; c++) {
		forget(c);
		asid_enable(&m.pool[c], ASIDS);
	}
	for (v = 0; v < VCPUS; v++)
		m.vcpu[v].cpu = -1;
	for (i = 0; i < scaled(500000); i++) {
		v = random_below(&rnd, VCPUS);
		c = random_below(&rnd, CPUS);
		m.now++;
		switch (random_below(&rnd, 16)) {
		case 0:
			m.vcpu[v].flush = true;
			m.flushed_at[v] = m.now;
			break;
		case 1:
			/* Off and on again: the hardware keeps its TLB. */
			if (!random_below(&rnd, 64))
				asid_enable(&m.pool[c], ASIDS);
			break;
		case 2:
			if (!run_vcpu(v, c, true))
				return false;
			break;
		default:
			/* Mostly where it was. */
			if (m.vcpu[v].cpu >= 0 && random_below(&rnd, 4))
				c = m.vcpu[v].cpu;
			if (!run_vcpu(v, c, false))
				return false;
		}
	}
	return true;
}

/* A vCPU that stays and is not flushed keeps its identifier: no flush per entry. */
static bool asids_are_kept(void)
{
	struct asid_pool pool = { 0 };
	struct asid_tag a = { .cpu = -1 }, b = { .cpu = -1 };
	u32 first;
	int i;

	asid_enable(&pool, 16);
	if (asid_prepare(&pool, &a, 0, false) != VMCB_TLB_FLUSH_ALL)
		return false;
	asid_entered(&pool, &a, VMCB_TLB_FLUSH_ALL);
	first = a.asid;
	for (i = 0; i < 100; i++) {
		if (asid_prepare(&pool, &b, 0, false) != VMCB_TLB_KEEP ||
		    asid_prepare(&pool, &a, 0, false) != VMCB_TLB_KEEP)
			return false;
	}
	a.flush = true;
	if (asid_prepare(&pool, &a, 0, true) != VMCB_TLB_FLUSH_ASID || a.asid != first)
		return false;
	/* Refused: asked for again. */
	if (asid_prepare(&pool, &a, 0, true) != VMCB_TLB_FLUSH_ASID)
		return false;
	asid_entered(&pool, &a, VMCB_TLB_FLUSH_ASID);
	if (asid_prepare(&pool, &a, 0, true) != VMCB_TLB_KEEP)
		return false;
	a.flush = true;
	return asid_prepare(&pool, &a, 0, false) == VMCB_TLB_KEEP && a.asid != first;
}

int main(void)
{
	u64 seed = seed_from_environment();

	random_seed(&rnd, seed);
	tap_plan(10);
	tap_note("SEED=%llu", seed);
	tap_result(descriptors_agree(), "segment attributes are a descriptor's");
	tap_result(segments_survive(), "segments survive the way there and back");
	tap_result(unusable_is_absent(), "an unusable segment is absent and keeps its privilege");
	tap_result(losses_are_repaired(), "what processors lose of attributes is put right");
	tap_result(msr_bits(), "every MSR has its place in the permission map");
	tap_result(msr_changes(), "a change of the permission map touches one MSR");
	tap_result(intercept_words(), "intercepts are where the manual has them");
	tap_result(asids_never_meet(false), "no stale translation, without flush by ASID");
	tap_result(asids_never_meet(true), "no stale translation, with flush by ASID");
	tap_result(asids_are_kept(), "identifiers are kept and flushed when they must be");
	return tap_exit();
}
