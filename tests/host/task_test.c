// SPDX-License-Identifier: GPL-2.0
/*
 * Task switches: an interrupted one that is begun again is the same as one that was
 * not; a fault before the new registers are there changes nothing; and whatever a
 * guest has in its tables, the state afterwards is one that a VM entry takes (SDM
 * volume 3, section 27.3.1.2). That a switch does what it should, selftests compare
 * with a machine.
 */
#include <string.h>

#include "emulate/emu.h"
#include "emulate/task.h"
#include "random.h"
#include "tap.h"

#define PAGES		4
#define GDT		0x0000
#define OLD		0x1100		/* TSSs; the new one crosses into the next page */
#define NEW		0x1fa0
#define LDT		0x1400
#define STACK		0x3800

#define SEL_OLD		0x10
#define SEL_NEW		0x18
#define SEL_CODE	0x20
#define SEL_DATA	0x28
#define SEL_LDT		0x30

struct world {
	struct emulator e;
	u8 memory[PAGES * PAGE_BYTES];
	bool absent[PAGES];
	bool constant[PAGES];
	unsigned long calls, fail_at;
	int fail_with;
};

static struct random dice;

static int access_ok(struct emulator *e, u64 linear, unsigned int len, bool write)
{
	struct world *w = container_of(e, struct world, e);
	u64 page = linear / PAGE_BYTES;

	if (!len || linear % PAGE_BYTES + len > PAGE_BYTES)
		abort();
	if (++w->calls == w->fail_at) {
		e->fault = (struct emu_fault) { .vector = 14 };
		return w->fail_with;
	}
	if (page >= PAGES || w->absent[page] || (write && w->constant[page])) {
		e->fault = (struct emu_fault) { .vector = 14, .address = linear };
		return EMU_FAULT;
	}
	return EMU_CONTINUE;
}

static u8 *at(struct emulator *e, u64 linear)
{
	return container_of(e, struct world, e)->memory + linear;
}

static int probe(struct emulator *e, u64 linear, unsigned int len, unsigned int flags)
{
	return access_ok(e, linear, len, flags & EMU_FOR_WRITE);
}

static int read_memory(struct emulator *e, u64 linear, void *buf, unsigned int len,
		       unsigned int flags)
{
	int r = access_ok(e, linear, len, false);

	if (!r)
		memcpy(buf, at(e, linear), len);
	return r;
}

static int write_memory(struct emulator *e, u64 linear, const void *buf, unsigned int len,
			unsigned int flags)
{
	int r = access_ok(e, linear, len, true);

	if (!(flags & EMU_FOR_WRITE))
		abort();
	if (!r)
		memcpy(at(e, linear), buf, len);
	return r;
}

static int exchange(struct emulator *e, u64 linear, const void *old, const void *new,
		    unsigned int len, unsigned int flags)
{
	int r = access_ok(e, linear, len, true);

	if (r)
		return r;
	if (memcmp(at(e, linear), old, len))
		return EMU_RETRY;
	memcpy(at(e, linear), new, len);
	return EMU_CONTINUE;
}

static const struct emulator_ops ops = {
	.probe = probe, .read = read_memory, .write = write_memory, .exchange = exchange,
};

static void describe(struct world *w, u16 selector, u32 base, u32 limit, u32 attr)
{
	u64 raw = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)attr << 40 |
		  (u64)(limit >> 16) << 48 | (u64)(base >> 24) << 56;

	memcpy(w->memory + GDT + selector, &raw, sizeof(raw));
}

static struct emu_segment flat(u16 selector, u32 attr)
{
	return (struct emu_segment) {
		.limit = U32_MAX, .attr = attr, .selector = selector,
	};
}

static void put(struct world *w, unsigned int offset, u32 value, unsigned int width)
{
	memcpy(w->memory + offset, &value, width);
}

/* A task at CPL 0 and another that is like it. */
static void fresh(struct world *w, struct tss_switch *t, u8 source, bool wide)
{
	unsigned int width = wide ? 4 : 2, first = wide ? 0x20 : 0x0e, i;

	memset(w, 0, sizeof(*w));
	memset(t, 0, sizeof(*t));
	t->e = &w->e;
	t->gdt_base = GDT;
	t->gdt_limit = 0xfff;
	t->ldtr.attr = SEG_ATTR_UNUSABLE;
	t->source = source;
	t->selector = SEL_NEW;
	w->e.ops = &ops;
	w->e.cr0 = CR0_PE;
	w->e.rflags = EFL_FIXED | EFL_NT;
	w->e.rip = 0x1234;
	for (i = 0; i < NR_GPRS; i++)
		w->e.regs[i] = 0x01010101 * (i + 1);
	for (i = 0; i < NR_SEGS; i++)
		w->e.seg[i] = flat(SEL_DATA, 0xc093);
	w->e.seg[SEG_CS] = flat(SEL_CODE, 0xc09b);
	w->e.seg[SEG_TR] = (struct emu_segment) {
		.base = OLD, .limit = 0x5f, .attr = 0x8b, .selector = SEL_OLD,
	};
	describe(w, SEL_OLD, OLD, 0x67, 0x8b);
	describe(w, SEL_NEW, NEW, 0x67, (wide ? 0x89 : 0x81) | (source == TSS_IRET ? 2 : 0));
	describe(w, SEL_CODE, 0, 0xfffff, 0xc09a);
	describe(w, SEL_DATA, 0, 0xfffff, 0xc092);
	describe(w, SEL_LDT, LDT, 0xff, 0x82);
	put(w, NEW + first, 0x4321, width);
	put(w, NEW + first + width, EFL_IF, width);
	put(w, NEW + first + 6 * width, STACK, width);
	for (i = 0; i < (wide ? 6 : 4); i++)
		put(w, NEW + first + (10 + i) * width, i == SEG_CS ? SEL_CODE : SEL_DATA, width);
	put(w, NEW + (wide ? 0x60 : 0x2a), SEL_LDT, width);
}

static bool same_registers(const struct emulator *a, const struct emulator *b)
{
	return !memcmp(a->regs, b->regs, sizeof(a->regs)) && a->rip == b->rip &&
	       a->rflags == b->rflags && !memcmp(a->seg, b->seg, sizeof(a->seg)) && a->cpl == b->cpl;
}

static bool same(const struct world *a, const struct world *b)
{
	return same_registers(&a->e, &b->e) && !memcmp(a->memory, b->memory, sizeof(a->memory));
}

/* As the module runs it, with what failed begun again. */
static int run(struct tss_switch *t)
{
	int r, tries = 0;

	do
		r = tss_leave(t);
	while (r == EMU_RETRY && ++tries < 3);
	while (!r) {
		r = tss_enter(t);
		if (r != EMU_RETRY || ++tries > 3)
			return r;
		r = 0;
	}
	return r;
}

/* The n-th access is lost to another CPU, for every n. */
static bool repeats(u8 source, bool wide)
{
	static struct world plain, w;
	struct tss_switch t;
	unsigned long n;

	fresh(&plain, &t, source, wide);
	t.has_error = source == TSS_GATE;
	if (run(&t))
		return false;
	for (n = 1; n <= plain.calls; n++) {
		fresh(&w, &t, source, wide);
		t.has_error = source == TSS_GATE;
		w.fail_at = n;
		w.fail_with = EMU_RETRY;
		if (run(&t) || !same(&w, &plain)) {
			tap_note("source %u, access %lu of %lu", source, n, plain.calls);
			return false;
		}
	}
	return plain.calls > 10;
}

/* Any page absent or constant: before the new registers it is as if nothing had been. */
static bool faults_change_nothing(u8 source, bool wide)
{
	static struct world before, w;
	struct tss_switch t;
	unsigned int i, faults = 0;

	for (i = 0; i < 2 * PAGES; i++) {
		fresh(&w, &t, source, wide);
		(i & 1 ? w.absent : w.constant)[i / 2] = true;
		before = w;
		if (tss_leave(&t) == EMU_CONTINUE)
			continue;
		faults++;
		if (!same(&w, &before)) {
			tap_note("source %u, page %u", source, i);
			return false;
		}
	}
	return faults >= 4;
}

static bool granular(const struct emu_segment *s)
{
	if (s->attr & SEG_ATTR_G)
		return (s->limit & 0xfff) == 0xfff;
	return !(s->limit >> 20);
}

static unsigned int dpl_of(const struct emu_segment *s)
{
	return (s->attr & SEG_ATTR_DPL) >> 5;
}

static bool usable(const struct emu_segment *s)
{
	return !(s->attr & SEG_ATTR_UNUSABLE);
}

static bool code_and_stack_fit(const struct emulator *e)
{
	const struct emu_segment *cs = &e->seg[SEG_CS], *ss = &e->seg[SEG_SS];
	const u32 code = SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_CODE | SEG_ATTR_ACCESSED;
	const u32 stack = SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_WRITABLE | SEG_ATTR_ACCESSED;
	bool conforming = cs->attr & SEG_ATTR_DOWN;

	if (!usable(cs) || !usable(ss) || !granular(cs) || !granular(ss))
		return false;
	if ((cs->attr & code) != code || (ss->attr & (stack | SEG_ATTR_CODE)) != stack)
		return false;
	if (dpl_of(ss) != e->cpl || (cs->selector & 3) != e->cpl)
		return false;
	return conforming ? dpl_of(cs) <= e->cpl : dpl_of(cs) == e->cpl;
}

static bool data_fits(const struct emu_segment *s)
{
	const u32 data = SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_ACCESSED;

	if (!usable(s))
		return true;
	if ((s->attr & SEG_ATTR_CODE) && !(s->attr & SEG_ATTR_WRITABLE))
		return false;
	return (s->attr & data) == data && granular(s);
}

static bool v86_fits(const struct emulator *e)
{
	unsigned int i;

	for (i = 0; i < NR_SEGS; i++) {
		const struct emu_segment *s = &e->seg[i];

		if (s->base != (u64)s->selector << 4 || s->limit != 0xffff || s->attr != 0xf3)
			return false;
	}
	return e->cpl == 3;
}

static bool protected_fits(const struct emulator *e)
{
	unsigned int i;

	for (i = 0; i < NR_SEGS; i++)
		if (i != SEG_CS && i != SEG_SS && !data_fits(&e->seg[i]))
			return false;
	return code_and_stack_fit(e);
}

static bool entry_takes(const struct tss_switch *t)
{
	const struct emulator *e = t->e;
	const struct emu_segment *tr = &e->seg[SEG_TR];

	if (!usable(tr) || (tr->selector & 4) || (tr->attr & 0x97) != 0x83 || !granular(tr))
		return false;
	if (usable(&t->ldtr) && ((t->ldtr.selector & 4) || (t->ldtr.attr & 0x9f) != 0x82 ||
				 !granular(&t->ldtr)))
		return false;
	if ((e->rflags & ~0x3f7fd7ULL) || !(e->rflags & EFL_FIXED) || e->rip >> 32)
		return false;
	return e->rflags & EFL_VM ? v86_fits(e) : protected_fits(e);
}

/* Descriptors that are often nearly right. */
static void shake(struct world *w, struct tss_switch *t)
{
	static const u16 offsets[] = { 0x24, 0x48, 0x4c, 0x50, 0x54, 0x58, 0x5c, 0x60 };
	static const u16 attrs[] = {
		0xc09a, 0xc09e, 0x40fa, 0x40fe, 0xc092, 0x4096, 0xc0f2, 0x80b2, 0x0082, 0x809b,
		0x4098, 0x0012, 0x001a, 0x0089, 0x0000,
	};
	unsigned int i, selector;

	for (selector = 0x40; selector < 0x100; selector += 8)
		describe(w, selector, random_below(&dice, 0x4000), random_below(&dice, 0x100000),
			 attrs[random_below(&dice, ARRAY_SIZE(attrs))]);
	memcpy(w->memory + LDT, w->memory + GDT + 0x40, 0xc0);
	for (i = 1; i < ARRAY_SIZE(offsets); i++)
		if (random_below(&dice, 3))
			put(w, NEW + offsets[i], random_below(&dice, 0x108), 2);
	put(w, NEW + 0x24, random_u64(&dice) & ~(random_below(&dice, 4) ? EFL_VM : 0), 4);
	t->has_error = random_below(&dice, 2);
	t->external = random_below(&dice, 2);
	if (!random_below(&dice, 8))
		w->absent[random_below(&dice, PAGES)] = true;
	if (!random_below(&dice, 8)) {
		w->fail_at = 1 + random_below(&dice, 40);
		w->fail_with = 1 + random_below(&dice, 5);
	}
}

/* Out of virtual-8086 mode too. */
static void begin_v86(struct world *w)
{
	unsigned int i;

	for (i = 0; i < NR_SEGS; i++)
		w->e.seg[i] = (struct emu_segment) {
			.base = 0x1000, .limit = 0xffff, .attr = 0xf3, .selector = 0x100,
		};
	w->e.rflags |= EFL_VM;
	w->e.cpl = 3;
}

static bool random_tasks(void)
{
	unsigned long rounds = scaled(300000), i, left = 0, entered = 0;
	static struct world w;
	struct tss_switch t;

	for (i = 0; i < rounds; i++) {
		int r;

		fresh(&w, &t, random_below(&dice, 4), true);
		shake(&w, &t);
		if (!random_below(&dice, 4))
			begin_v86(&w);
		if (tss_leave(&t))
			continue;
		left++;
		r = tss_enter(&t);
		entered += !r;
		if (!entry_takes(&t)) {
			tap_note("round %lu: result %d, cs %x %x ss %x %x flags %llx", i, r,
				 w.e.seg[SEG_CS].selector, w.e.seg[SEG_CS].attr,
				 w.e.seg[SEG_SS].selector, w.e.seg[SEG_SS].attr, w.e.rflags);
			return false;
		}
	}
	tap_note("%lu switches, %lu without a fault", left, entered);
	return left > rounds / 2 && entered > rounds / 100;
}

static bool all(bool (*property)(u8 source, bool wide))
{
	bool ok = true;
	u8 source;

	for (source = TSS_CALL; source <= TSS_GATE; source++)
		ok = ok && property(source, true) && property(source, false);
	return ok;
}

int main(void)
{
	u64 seed = seed_from_environment();

	tap_plan(3);
	tap_note("SEED=%llu", seed);
	random_seed(&dice, seed);
	tap_result(all(repeats), "a switch that is lost at any access and begun again is the same");
	tap_result(all(faults_change_nothing), "a fault before the new registers changes nothing");
	tap_result(random_tasks(), "whatever the tables hold, an entry takes the state");
	return tap_exit();
}
