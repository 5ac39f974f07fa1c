// SPDX-License-Identifier: GPL-2.0
/*
 * A local APIC's registers against a plain model of the manual: sets of vectors
 * as arrays of booleans, PPR by its definition, addresses by the three schemes;
 * and the registers under noise, as userspace may set them.
 */
#include <stdlib.h>

#include "random.h"
#include "tap.h"

#include "irq/apic_regs.h"

static struct random rnd;

/* A test has a few at a time. */
static struct lapic_reg *page(void)
{
	static struct lapic_reg pages[4][LAPIC_NR_REGS];
	static unsigned int next;

	return pages[next++ % ARRAY_SIZE(pages)];
}

static struct lapic_regs fresh(u32 id, bool x2apic)
{
	struct lapic_regs r = { .reg = page(), .id = id };

	lapic_regs_set_mode(&r, true, x2apic);
	lapic_regs_reset(&r, false);
	return r;
}

static struct lapic_regs enabled(u32 id, bool x2apic)
{
	struct lapic_regs r = fresh(id, x2apic);

	lapic_regs_write(&r, LAPIC_SVR, 0x1ff);
	return r;
}

struct model {
	bool irr[256], isr[256], tmr[256];
	u8 tpr;
};

static int top(const bool *set)
{
	int i;

	for (i = 255; i >= 0; i--)
		if (set[i])
			return i;
	return -1;
}

static u8 model_ppr(const struct model *m)
{
	int isr = top(m->isr);
	unsigned int tpr = m->tpr >> 4, isrv = isr < 0 ? 0 : isr >> 4;

	/* SDM volume 3, 11.8.3.1 */
	return tpr >= isrv ? m->tpr : isrv << 4;
}

static int model_deliverable(const struct model *m)
{
	int irr = top(m->irr);

	return irr >= 16 && irr >> 4 > model_ppr(m) >> 4 ? irr : -1;
}

static bool same(const struct model *m, const struct lapic_regs *r)
{
	int i;

	for (i = 0; i < 256; i++)
		if (m->irr[i] != lapic_regs_test(r, LAPIC_IRR, i) ||
		    m->isr[i] != lapic_regs_test(r, LAPIC_ISR, i) ||
		    m->tmr[i] != lapic_regs_test(r, LAPIC_TMR, i))
			return false;
	return lapic_regs_ppr(r) == model_ppr(m) &&
	       lapic_regs_deliverable(r) == model_deliverable(m);
}

static bool priorities(void)
{
	struct lapic_regs r = enabled(0, false);
	struct model m = { .tpr = 0 };
	unsigned long i;
	bool level;
	int v, w;

	for (i = 0; i < scaled(20000); i++) {
		switch (random_below(&rnd, 5)) {
		case 0:
		case 1:
			v = 16 + random_below(&rnd, 240);
			level = random_below(&rnd, 2);
			lapic_regs_accept(&r, v, level);
			m.irr[v] = true;
			m.tmr[v] = level;
			break;
		case 2:
			v = lapic_regs_deliverable(&r);
			if (v < 0)
				break;
			lapic_regs_in_service(&r, v);
			m.irr[v] = false;
			m.isr[v] = true;
			break;
		case 3:
			w = top(m.isr);
			v = lapic_regs_end(&r, &level);
			if (v != w)
				return false;
			if (v < 0)
				break;
			if (level != m.tmr[v])
				return false;
			m.isr[v] = false;
			break;
		default:
			m.tpr = random_u64(&rnd) >> 56;
			if (random_below(&rnd, 2))
				m.tpr = 0;
			lapic_regs_write(&r, LAPIC_TPR, m.tpr);
		}
		if (!same(&m, &r))
			return false;
	}
	return true;
}

static bool disabled_delivers_nothing(void)
{
	struct lapic_regs r = enabled(0, false);

	lapic_regs_accept(&r, 0x80, false);
	if (lapic_regs_deliverable(&r) != 0x80)
		return false;
	lapic_regs_write(&r, LAPIC_SVR, 0xff);
	return lapic_regs_deliverable(&r) == -1 && lapic_regs_test(&r, LAPIC_IRR, 0x80);
}

static bool reaches(const struct lapic_regs *r, u32 dest, bool logical)
{
	return lapic_addressed(lapic_regs_address(r), dest, logical);
}

static bool physical(void)
{
	u32 id, dest;

	for (id = 0; id < 255; id++) {
		struct lapic_regs x = fresh(id, false), x2 = fresh(id, true);

		for (dest = 0; dest < 256; dest++) {
			if (reaches(&x, dest, false) != (dest == id || dest == 255))
				return false;
			if (reaches(&x2, dest, false) != (dest == id))
				return false;
		}
		if (!reaches(&x2, U32_MAX, false) || reaches(&x, id | 0x100, false))
			return false;
		lapic_regs_set_mode(&x, false, false);
		if (reaches(&x, id, false) || reaches(&x, 255, false))
			return false;
	}
	return true;
}

static bool logical(void)
{
	u32 ldr, dest, id;

	for (ldr = 0; ldr < 256; ldr++) {
		struct lapic_regs flat = fresh(1, false), cluster = fresh(1, false);

		lapic_regs_write(&flat, LAPIC_LDR, ldr << 24);
		lapic_regs_write(&cluster, LAPIC_LDR, ldr << 24);
		lapic_regs_write(&cluster, LAPIC_DFR, 0);
		for (dest = 0; dest < 255; dest++) {
			if (reaches(&flat, dest, true) != !!(ldr & dest))
				return false;
			if (reaches(&cluster, dest, true) !=
			    (ldr / 16 == dest / 16 && (ldr & dest & 15)))
				return false;
		}
		if (!reaches(&flat, 255, true) || !reaches(&cluster, 255, true))
			return false;
	}
	for (id = 0; id < 256; id++) {
		struct lapic_regs x2 = fresh(id, true);

		for (dest = 0; dest < 16; dest++)
			if (reaches(&x2, dest << 16 | 1u << (id % 16), true) != (dest == id / 16))
				return false;
		if (reaches(&x2, id / 16 << 16 | (0xffff & ~(1u << (id % 16))), true))
			return false;
	}
	return true;
}

static bool icr(void)
{
	struct lapic_regs r = enabled(3, false);
	struct irq_message msg;

	lapic_regs_write(&r, LAPIC_ICR2, 0x12ffffff);
	if (lapic_regs_write(&r, LAPIC_ICR, 0xcd955) != LAPIC_DO_ICR)
		return false;
	lapic_regs_icr_message(&r, &msg);
	if (msg.dest != 0x12 || msg.vector != 0x55 || msg.delivery_mode != MESSAGE_LOWEST ||
	    !msg.logical || !msg.assert || !msg.level || msg.shorthand != MESSAGE_TO_OTHERS)
		return false;
	/* Busy never shows. */
	if (r.reg[LAPIC_ICR].v & BIT(12))
		return false;
	return !(lapic_regs_write(&r, LAPIC_ICR, 0x4005) & LAPIC_DO_ICR) &&
	       r.errors == LAPIC_ESR_SEND_VECTOR &&
	       lapic_regs_write(&r, LAPIC_ICR, 0x4605) == LAPIC_DO_ICR;
}

static bool divider(void)
{
	static const struct { u32 tdcr; unsigned int by; } want[] = {
		{ 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 },
	};
	struct lapic_regs r = enabled(0, false);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		u64 left;

		lapic_regs_write(&r, LAPIC_TDCR, want[i].tdcr);
		lapic_regs_write(&r, LAPIC_TMICT, U32_MAX);
		if (lapic_regs_timer_period(&r) != (u64)U32_MAX * want[i].by)
			return false;
		for (left = 0; left < 1000; left++)
			if (lapic_regs_timer_count(&r, left) != (left + want[i].by - 1) / want[i].by)
				return false;
		if (lapic_regs_timer_count(&r, U64_MAX / 2) != U32_MAX)
			return false;
	}
	return true;
}

static bool deadline_needs_cpuid(void)
{
	struct lapic_regs r = enabled(0, false);

	lapic_regs_write(&r, LAPIC_LVT_TIMER, 0x40030);
	if (r.reg[LAPIC_LVT_TIMER].v != 0x30)
		return false;
	r.has_deadline = true;
	if (lapic_regs_write(&r, LAPIC_LVT_TIMER, 0x40030) != LAPIC_DO_TIMER_MODE ||
	    lapic_regs_timer_mode(&r) != LAPIC_TIMER_DEADLINE)
		return false;
	/* Reserved: as if once. */
	lapic_regs_write(&r, LAPIC_LVT_TIMER, 0x60030);
	return lapic_regs_timer_mode(&r) == LAPIC_TIMER_ONE_SHOT;
}

/* Whatever is in the registers: no access goes astray (the sanitizers watch), no answer is out of range. */
static bool noise(void)
{
	unsigned long i;

	for (i = 0; i < scaled(20000); i++) {
		struct lapic_regs r = { .reg = page(), .id = random_u64(&rnd) };
		unsigned int nr = random_below(&rnd, LAPIC_NR_REGS);
		bool level;
		u32 value;
		int v;

		random_bytes(&rnd, r.reg, LAPIC_NR_REGS * sizeof(*r.reg));
		lapic_regs_loaded(&r);
		lapic_regs_set_mode(&r, random_below(&rnd, 4), random_below(&rnd, 2));
		lapic_regs_write(&r, nr, random_u64(&rnd));
		lapic_regs_read(&r, random_below(&rnd, LAPIC_NR_REGS), &value);
		v = lapic_regs_deliverable(&r);
		if (v >= 0 && (v < 16 || !lapic_regs_test(&r, LAPIC_IRR, v)))
			return false;
		if (v >= 0)
			lapic_regs_in_service(&r, v);
		lapic_regs_end(&r, &level);
		if (lapic_regs_timer_period(&r) > (u64)U32_MAX << 7)
			return false;
		if (lapic_regs_timer_count(&r, random_u64(&rnd)) > r.reg[LAPIC_TMICT].v)
			return false;
		lapic_addressed(lapic_regs_address(&r), random_u64(&rnd), random_below(&rnd, 2));
	}
	return true;
}

int main(void)
{
	u64 seed = seed_from_environment();

	random_seed(&rnd, seed);
	tap_plan(8);
	tap_note("SEED=%llu", seed);
	tap_result(priorities(), "vectors wait, are served and end as the manual says");
	tap_result(disabled_delivers_nothing(), "a disabled APIC keeps what it has");
	tap_result(physical(), "physical destinations reach one, or all");
	tap_result(logical(), "logical destinations reach those they name");
	tap_result(icr(), "ICR says what is sent, and illegal vectors are not");
	tap_result(divider(), "the divider divides");
	tap_result(deadline_needs_cpuid(), "the deadline mode is there when CPUID says so");
	tap_result(noise(), "no contents of the registers do harm");
	return tap_exit();
}
