// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware task switches: SDM volume 3, sections 8.3 and 8.6; APM volume 2,
 * section 12.3.
 *
 * What can fail is asked first: descriptors and both TSSs are looked at, and the
 * places that will be written are probed. Then memory is written, in an order in
 * which a repetition from the start finds nothing that stops it: the old state and
 * the link are written alike again, no check depends on the old task's busy bit,
 * and the new task's is the last write of all. Then the registers change, which
 * cannot fail.
 *
 * Segments are loaded afterwards, with the new CR3. Until they are, the hidden
 * parts of CS and SS are the old ones, but for the privilege level, which is the
 * new task's: so a fault here is delivered from a state that a CPU accepts. Data
 * segments cannot be used until then.
 *
 * The CPU has looked at gates and privileges before it asked. All of it but that is
 * asked again here: other CPUs may have changed what it saw.
 */
#include "pure.h"
#include "emulate/exec_stack.h"
#include "emulate/segment.h"
#include "emulate/task.h"

#define TYPE_32		8	/* of a TSS's type */
#define TYPE_BUSY	2
#define TYPE_TSS	1	/* what both types are without the two above */
#define TYPE_LDT	2

#define SELECTOR_RPL	3
#define SELECTOR_TI	4

#define EFL_TASK	0x003f7fd5UL	/* what a TSS can hold */

#define TSS_CR3		0x1c
#define TSS_TRAP	0x64
#define TSS_SIZE	0x68

/* Where a TSS has its fields. From the instruction pointer on they follow each other. */
struct layout {
	u8 width;
	u8 first;		/* instruction pointer, flags, registers, segments */
	u8 nr_segs;
	u8 ldt;
	u8 size;
};

enum { FIELD_IP, FIELD_FLAGS, FIELD_REGS, FIELD_SEGS = FIELD_REGS + 8 };

static const struct layout layout_16 = { 2, 0x0e, 4, 0x2a, 0x2c };
static const struct layout layout_32 = { 4, 0x20, 6, 0x60, TSS_SIZE };

struct descriptor {
	struct emu_segment seg;
	u32 linear;		/* where it is */
};

static const struct layout *tss_layout_of(const struct emu_segment *tss)
{
	return tss->attr & TYPE_32 ? &layout_32 : &layout_16;
}

static bool tss_is_one(const struct emu_segment *seg)
{
	return !(seg->attr & SEG_ATTR_S) &&
	       (seg->attr & SEG_ATTR_TYPE & ~(TYPE_32 | TYPE_BUSY)) == TYPE_TSS;
}

/* CALL and events come back; IRET is how. */
static bool tss_nests(const struct tss_switch *t)
{
	return t->source == TSS_CALL || t->source == TSS_GATE;
}

static bool tss_is_null(u16 selector)
{
	return !(selector & ~SELECTOR_RPL);
}

static int tss_fault(struct tss_switch *t, u8 vector, u16 selector)
{
	return emu_fault_code(t->e, vector, (selector & ~SELECTOR_RPL) | t->external);
}

/* Tables and TSSs that are no memory are nothing for us. */
static int tss_no_device(struct emulator *e, int r)
{
	if (r != EMU_EXIT)
		return r;
	e->pending.size = 0;
	return EMU_UNHANDLEABLE;
}

static unsigned int tss_piece_of(u32 linear, unsigned int size)
{
	return min_t(unsigned int, size, PAGE_BYTES - (linear & (PAGE_BYTES - 1)));
}

enum system_access { TASK_PROBE_READ, TASK_PROBE_WRITE, TASK_READ, TASK_WRITE };

/* Inside a page. */
static int tss_access_piece(struct emulator *e, enum system_access how, u32 linear, void *buf,
			    unsigned int size)
{
	unsigned int flags = EMU_IMPLICIT;

	if (how == TASK_PROBE_WRITE || how == TASK_WRITE)
		flags |= EMU_FOR_WRITE;
	switch (how) {
	case TASK_READ:
		return e->ops->read(e, linear, buf, size, flags);
	case TASK_WRITE:
		return e->ops->write(e, linear, buf, size, flags);
	default:
		return e->ops->probe(e, linear, size, flags);
	}
}

static int tss_access(struct tss_switch *t, enum system_access how, u32 linear, void *buf,
		      unsigned int size)
{
	int r = EMU_CONTINUE;
	unsigned int done = 0;

	while (!r && done < size) {
		unsigned int piece = tss_piece_of(linear + done, size - done);

		r = tss_no_device(t->e, tss_access_piece(t->e, how, linear + done,
					 buf ? (u8 *)buf + done : NULL, piece));
		done += piece;
	}
	return r;
}

static int tss_probe(struct tss_switch *t, u32 linear, unsigned int size, bool write)
{
	return tss_access(t, write ? TASK_PROBE_WRITE : TASK_PROBE_READ, linear, NULL, size);
}

static void tss_parse_descriptor(struct descriptor *d, u64 raw, u16 selector)
{
	u32 limit = (raw & 0xffff) | (raw >> 32 & 0xf0000);

	d->seg = (struct emu_segment) {
		.base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000),
		.attr = raw >> 40 & 0xf0ff,
		.selector = selector,
	};
	d->seg.limit = d->seg.attr & SEG_ATTR_G ? limit << 12 | 0xfff : limit;
}

/* @vector: what a selector that points nowhere gives. */
static int tss_read_descriptor(struct tss_switch *t, u16 selector, u8 vector, struct descriptor *d)
{
	bool local = selector & SELECTOR_TI;
	u32 base = local ? t->ldtr.base : t->gdt_base;
	u32 limit = local ? t->ldtr.limit : t->gdt_limit;
	u64 raw;
	int r;

	if (local && (t->ldtr.attr & SEG_ATTR_UNUSABLE))
		return tss_fault(t, vector, selector);
	if ((selector | (SELECTOR_RPL | SELECTOR_TI)) > limit)
		return tss_fault(t, vector, selector);
	d->linear = base + (selector & ~(SELECTOR_RPL | SELECTOR_TI));
	r = tss_access(t, TASK_READ, d->linear, &raw, sizeof(raw));
	if (!r)
		tss_parse_descriptor(d, raw, selector);
	return r;
}

/* The byte of type, DPL and P. */
static u32 tss_access_byte(const struct descriptor *d)
{
	return d->linear + 5;
}

/* Busy, or accessed: locked, as other CPUs look at it. */
static int tss_change_type(struct tss_switch *t, struct descriptor *d, u8 set, u8 clear)
{
	unsigned int flags = EMU_IMPLICIT | EMU_FOR_WRITE | EMU_LOCKED;
	struct emulator *e = t->e;
	u8 old = d->seg.attr, new = (old | set) & ~clear;
	int r;

	if (new == old)
		return EMU_CONTINUE;
	r = tss_no_device(e, e->ops->exchange(e, tss_access_byte(d), &old, &new, 1, flags));
	if (!r)
		d->seg.attr = (d->seg.attr & ~0xffu) | new;
	return r;
}

static int tss_find_new(struct tss_switch *t, struct descriptor *new)
{
	bool back = t->source == TSS_IRET;
	u8 vector = back ? VECTOR_TS : VECTOR_GP;
	int r;

	if (tss_is_null(t->selector) || (t->selector & SELECTOR_TI))
		return tss_fault(t, vector, t->selector);
	r = tss_read_descriptor(t, t->selector, vector, new);
	if (r)
		return r;
	if (!tss_is_one(&new->seg) || !(new->seg.attr & TYPE_BUSY) == back)
		return tss_fault(t, vector, t->selector);
	if (!(new->seg.attr & SEG_ATTR_P))
		return tss_fault(t, VECTOR_NP, t->selector);
	if (new->seg.limit < tss_layout_of(&new->seg)->size - 1)
		return tss_fault(t, VECTOR_TS, t->selector);
	return EMU_CONTINUE;
}

static unsigned int tss_saved_size(const struct layout *layout)
{
	return (FIELD_SEGS + layout->nr_segs) * layout->width;
}

/* The old task: where its state goes, and its descriptor if it will be changed. */
static int tss_find_old(struct tss_switch *t, struct descriptor *old)
{
	const struct emu_segment *tr = &t->e->seg[SEG_TR];
	const struct layout *layout = tss_layout_of(tr);
	int r;

	if (tr->limit < layout->first + tss_saved_size(layout) - 1)
		return tss_fault(t, VECTOR_TS, tr->selector);
	r = tss_probe(t, tr->base + layout->first, tss_saved_size(layout), true);
	if (r || tss_nests(t))
		return r;
	r = tss_read_descriptor(t, tr->selector & ~SELECTOR_TI, VECTOR_TS, old);
	return r ? r : tss_probe(t, tss_access_byte(old), 1, true);
}

static int tss_read_new(struct tss_switch *t, const struct descriptor *new, u8 *image)
{
	const struct layout *layout = tss_layout_of(&new->seg);
	int r = tss_probe(t, new->seg.base, layout->size, false);

	if (!r && tss_nests(t))
		r = tss_probe(t, new->seg.base, 2, true);
	if (!r && t->source != TSS_IRET)
		r = tss_probe(t, tss_access_byte(new), 1, true);
	return r ? r : tss_access(t, TASK_READ, new->seg.base, image, layout->size);
}

static u32 tss_get_field(const u8 *image, unsigned int width)
{
	u32 value = 0;

	memcpy(&value, image, width);
	return value;
}

/* SDM: the image of EFLAGS has NT cleared if the task ends by IRET. */
static int tss_save_old(struct tss_switch *t)
{
	struct emulator *e = t->e;
	const struct emu_segment *tr = &e->seg[SEG_TR];
	const struct layout *layout = tss_layout_of(tr);
	u32 fields[FIELD_SEGS + 6];
	u8 image[sizeof(fields)];
	unsigned int i;

	fields[FIELD_IP] = e->rip;
	fields[FIELD_FLAGS] = e->rflags;
	if (t->source == TSS_IRET)
		fields[FIELD_FLAGS] &= ~(u32)EFL_NT;
	for (i = 0; i < 8; i++)
		fields[FIELD_REGS + i] = e->regs[i];
	for (i = 0; i < 6; i++)
		fields[FIELD_SEGS + i] = e->seg[i].selector;
	for (i = 0; i < FIELD_SEGS + layout->nr_segs; i++)
		memcpy(image + i * layout->width, &fields[i], layout->width);
	return tss_access(t, TASK_WRITE, tr->base + layout->first, image, tss_saved_size(layout));
}

static int tss_write_all(struct tss_switch *t, struct descriptor *old, struct descriptor *new)
{
	u32 link = t->e->seg[SEG_TR].selector;
	int r;

	r = tss_save_old(t);
	if (r)
		return r;
	if (tss_nests(t))
		r = tss_access(t, TASK_WRITE, new->seg.base, &link, 2);
	else
		r = tss_change_type(t, old, 0, TYPE_BUSY);
	if (!r && t->source != TSS_IRET)
		r = tss_change_type(t, new, TYPE_BUSY, 0);
	return r;
}

static void tss_load_v86(struct emulator *e)
{
	unsigned int i;

	for (i = 0; i < 6; i++) {
		struct emu_segment *seg = &e->seg[i];

		seg->base = (u32)seg->selector << 4;
		seg->limit = 0xffff;
		seg->attr = SEG_ATTR_P | SEG_ATTR_DPL | SEG_ATTR_S |
			    SEG_ATTR_WRITABLE | SEG_ATTR_ACCESSED;
	}
	e->cpl = 3;
}

/*
 * Nothing is checked yet, and CPUs want selector and descriptor to agree. What real
 * and virtual-8086 mode have for code is data elsewhere; long mode may leave no SS.
 */
static void tss_take_privilege(struct emulator *e)
{
	struct emu_segment *cs = &e->seg[SEG_CS], *ss = &e->seg[SEG_SS];

	e->cpl = cs->selector & SELECTOR_RPL;
	cs->attr |= SEG_ATTR_CODE;
	if (ss->attr & SEG_ATTR_UNUSABLE) {
		ss->limit = 0xffff;
		ss->attr = SEG_ATTR_P | SEG_ATTR_S | SEG_ATTR_WRITABLE |
			   SEG_ATTR_ACCESSED;
	}
	cs->attr = (cs->attr & ~(u32)SEG_ATTR_DPL) | e->cpl << 5;
	ss->attr = (ss->attr & ~(u32)SEG_ATTR_DPL) | e->cpl << 5;
}

/* Of segments the selectors only, where there are descriptors; the rest stays what an entry needs it to be. */
static void tss_take_registers(struct tss_switch *t, const struct descriptor *new, const u8 *image)
{
	const struct layout *layout = tss_layout_of(&new->seg);
	struct emulator *e = t->e;
	const u8 *fields = image + layout->first;
	unsigned int width = layout->width, i;

	e->rip = tss_get_field(fields + FIELD_IP * width, width);
	e->rflags = (tss_get_field(fields + FIELD_FLAGS * width, width) & EFL_TASK) | EFL_FIXED;
	if (tss_nests(t))
		e->rflags |= EFL_NT;
	for (i = 0; i < 8; i++)
		e->regs[i] = tss_get_field(fields + (FIELD_REGS + i) * width, width);
	for (i = 0; i < 6; i++) {
		e->seg[i].selector = 0;
		if (i < layout->nr_segs)
			e->seg[i].selector = tss_get_field(fields + (FIELD_SEGS + i) * width, 2);
		if (i != SEG_CS && i != SEG_SS)
			e->seg[i].attr |= SEG_ATTR_UNUSABLE;
	}
	if (e->rflags & EFL_VM)
		tss_load_v86(e);
	else
		tss_take_privilege(e);
	t->ldtr = (struct emu_segment) {
		.attr = SEG_ATTR_UNUSABLE,
		.selector = tss_get_field(image + layout->ldt, 2),
	};
	t->has_cr3 = layout == &layout_32;
	t->cr3 = t->has_cr3 ? tss_get_field(image + TSS_CR3, 4) : 0;
	t->trap = t->has_cr3 && (image[TSS_TRAP] & 1);
	e->seg[SEG_TR] = new->seg;
}

int tss_leave(struct tss_switch *t)
{
	struct descriptor old = {}, new;
	u8 image[TSS_SIZE];
	int r;

	r = tss_find_new(t, &new);
	if (!r)
		r = tss_read_new(t, &new, image);
	if (!r)
		r = tss_find_old(t, &old);
	if (!r)
		r = tss_write_all(t, &old, &new);
	if (!r)
		tss_take_registers(t, &new, image);
	return r;
}

static int tss_load_ldtr(struct tss_switch *t)
{
	u16 selector = t->ldtr.selector;
	struct descriptor d;
	int r;

	t->ldtr = (struct emu_segment) {
		.attr = SEG_ATTR_UNUSABLE,
		.selector = selector,
	};
	if (tss_is_null(selector))
		return EMU_CONTINUE;
	if (selector & SELECTOR_TI)
		return tss_fault(t, VECTOR_TS, selector);
	r = tss_read_descriptor(t, selector, VECTOR_TS, &d);
	if (r)
		return r;
	if ((d.seg.attr & (SEG_ATTR_S | SEG_ATTR_TYPE | SEG_ATTR_P)) !=
	    (TYPE_LDT | SEG_ATTR_P))
		return tss_fault(t, VECTOR_TS, selector);
	t->ldtr = d.seg;
	return EMU_CONTINUE;
}

static unsigned int tss_dpl(const struct descriptor *d)
{
	return (d->seg.attr & SEG_ATTR_DPL) >> 5;
}

static bool tss_is_conforming(const struct descriptor *d)
{
	return (d->seg.attr & SEG_ATTR_CODE) && (d->seg.attr & SEG_ATTR_DOWN);
}

static int tss_find_code(struct tss_switch *t, u16 selector, struct descriptor *d)
{
	unsigned int cpl = selector & SELECTOR_RPL;
	int r;

	if (tss_is_null(selector))
		return tss_fault(t, VECTOR_TS, selector);
	r = tss_read_descriptor(t, selector, VECTOR_TS, d);
	if (r)
		return r;
	if (!(d->seg.attr & SEG_ATTR_S) || !(d->seg.attr & SEG_ATTR_CODE) ||
	    (tss_is_conforming(d) ? tss_dpl(d) > cpl : tss_dpl(d) != cpl))
		return tss_fault(t, VECTOR_TS, selector);
	if (!(d->seg.attr & SEG_ATTR_P))
		return tss_fault(t, VECTOR_NP, selector);
	return tss_change_type(t, d, SEG_ATTR_ACCESSED, 0);
}

static int tss_find_stack(struct tss_switch *t, u16 selector, unsigned int cpl,
			  struct descriptor *d)
{
	const u32 writable = SEG_ATTR_S | SEG_ATTR_WRITABLE;
	int r;

	if (tss_is_null(selector))
		return tss_fault(t, VECTOR_TS, selector);
	r = tss_read_descriptor(t, selector, VECTOR_TS, d);
	if (r)
		return r;
	if ((d->seg.attr & (writable | SEG_ATTR_CODE)) != writable ||
	    (selector & SELECTOR_RPL) != cpl || tss_dpl(d) != cpl)
		return tss_fault(t, VECTOR_TS, selector);
	if (!(d->seg.attr & SEG_ATTR_P))
		return tss_fault(t, VECTOR_SS, selector);
	return tss_change_type(t, d, SEG_ATTR_ACCESSED, 0);
}

static int tss_load_code_and_stack(struct tss_switch *t)
{
	struct emulator *e = t->e;
	unsigned int cpl = e->seg[SEG_CS].selector & SELECTOR_RPL;
	struct descriptor cs, ss;
	int r;

	r = tss_find_code(t, e->seg[SEG_CS].selector, &cs);
	if (!r)
		r = tss_find_stack(t, e->seg[SEG_SS].selector, cpl, &ss);
	if (r)
		return r;
	e->seg[SEG_CS] = cs.seg;
	e->seg[SEG_SS] = ss.seg;
	return EMU_CONTINUE;
}

static int tss_load_data(struct tss_switch *t, unsigned int nr)
{
	struct emulator *e = t->e;
	u16 selector = e->seg[nr].selector;
	struct descriptor d;
	int r;

	if (tss_is_null(selector)) {
		e->seg[nr] = (struct emu_segment) {
			.attr = SEG_ATTR_UNUSABLE,
			.selector = selector,
		};
		return EMU_CONTINUE;
	}
	r = tss_read_descriptor(t, selector, VECTOR_TS, &d);
	if (r)
		return r;
	/* Code that cannot be read is not for data. */
	if (!(d.seg.attr & SEG_ATTR_S) ||
	    (d.seg.attr & (SEG_ATTR_CODE | SEG_ATTR_WRITABLE)) == SEG_ATTR_CODE)
		return tss_fault(t, VECTOR_TS, selector);
	if (!tss_is_conforming(&d) &&
	    tss_dpl(&d) < max_t(unsigned int, e->cpl, selector & SELECTOR_RPL))
		return tss_fault(t, VECTOR_TS, selector);
	if (!(d.seg.attr & SEG_ATTR_P))
		return tss_fault(t, VECTOR_NP, selector);
	r = tss_change_type(t, &d, SEG_ATTR_ACCESSED, 0);
	if (!r)
		e->seg[nr] = d.seg;
	return r;
}

static int tss_load_segments(struct tss_switch *t)
{
	static const u8 data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
	unsigned int i;
	int r;

	r = tss_load_code_and_stack(t);
	for (i = 0; !r && i < ARRAY_SIZE(data); i++)
		r = tss_load_data(t, data[i]);
	return r;
}

static int tss_push_error(struct tss_switch *t)
{
	struct emulator *e = t->e;
	int r = tss_no_device(e, emu_push(e, t->error, tss_layout_of(&e->seg[SEG_TR])->width));

	if (r == EMU_FAULT && e->fault.vector == VECTOR_SS)
		e->fault.error |= t->external;
	return r;
}

int tss_enter(struct tss_switch *t)
{
	struct emulator *e = t->e;
	int r;

	r = tss_load_ldtr(t);
	if (!r && !(e->rflags & EFL_VM))
		r = tss_load_segments(t);
	if (!r && t->has_error)
		r = tss_push_error(t);
	return r;
}
