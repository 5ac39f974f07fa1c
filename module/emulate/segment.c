// SPDX-License-Identifier: GPL-2.0
/*
 * Segmentation, instruction fetch, and the faults that come from both.
 *
 * In 64-bit mode only FS and GS have a base, nothing has a limit, and addresses
 * must be canonical. Elsewhere the whole access must lie within the limit, the
 * segment must allow it, and the linear address wraps at 4 GiB. What was checked
 * when the segment register was loaded (presence, privilege) is not checked again.
 */
#include "pure.h"
#include "emulate/decode.h"
#include "emulate/segment.h"

/* In real mode exceptions push no error code. */
int emu_fault(struct emulator *e, u8 vector)
{
	e->fault = (struct emu_fault) { .vector = vector };
	return EMU_FAULT;
}

int emu_fault_code(struct emulator *e, u8 vector, u32 code)
{
	e->fault = (struct emu_fault) {
		.vector = vector,
		.has_error = e->cr0 & CR0_PE,
		.error = code,
	};
	return EMU_FAULT;
}

static int segment_fault(struct emulator *e, u8 seg)
{
	return emu_fault_code(e, seg == SEG_SS ? VECTOR_SS : VECTOR_GP, 0);
}

enum emu_insn_mode emu_mode(const struct emulator *e)
{
	u32 attr = e->seg[SEG_CS].attr;

	if (!emu_is_protected(e))
		return e->rflags & EFL_VM || !(attr & SEG_ATTR_DB) ?
			       MODE_16 : MODE_32;
	if ((e->efer & EFER_LMA) && (attr & SEG_ATTR_L))
		return MODE_64;
	return attr & SEG_ATTR_DB ? MODE_32 : MODE_16;
}

bool emu_canonical(const struct emulator *e, u64 linear)
{
	unsigned int unused = e->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

static bool segment_within_limit(const struct emu_segment *seg, u64 offset,
				 unsigned int size)
{
	u64 last = offset + size - 1;
	bool code = seg->attr & SEG_ATTR_CODE;

	if (!code && (seg->attr & SEG_ATTR_DOWN))
		return offset > seg->limit &&
		       last <= (seg->attr & SEG_ATTR_DB ? U32_MAX : U16_MAX);
	return last <= seg->limit;
}

/* Real mode and virtual-8086 mode do not look at the type. */
static bool segment_type_allows(const struct emulator *e,
				const struct emu_segment *seg, bool write)
{
	bool code = seg->attr & SEG_ATTR_CODE;

	if (seg->attr & SEG_ATTR_UNUSABLE)
		return false;
	if (!emu_is_protected(e))
		return true;
	if (write)
		return !code && (seg->attr & SEG_ATTR_WRITABLE);
	return !code || (seg->attr & SEG_ATTR_WRITABLE);
}

static int segment_linear(struct emulator *e, u8 seg, u64 offset,
			  unsigned int size, bool allowed, u64 *linear)
{
	const struct emu_segment *segment = &e->seg[seg];

	if (emu_is_64bit(e)) {
		*linear = offset + (seg >= SEG_FS ? emu_segment(e, seg)->base : 0);
		if (!emu_canonical(e, *linear) ||
		    !emu_canonical(e, *linear + size - 1))
			return segment_fault(e, seg);
		return EMU_CONTINUE;
	}
	if (!allowed || !segment_within_limit(segment, offset, size))
		return segment_fault(e, seg);
	*linear = (u32)(segment->base + offset);
	return EMU_CONTINUE;
}

int emu_linear(struct emulator *e, u8 seg, u64 offset,
	       unsigned int size, bool write, u64 *linear)
{
	return segment_linear(e, seg, offset, size,
			      segment_type_allows(e, &e->seg[seg], write), linear);
}

/* Flushing reveals nothing: code that may not be read may be flushed. */
int emu_linear_flush(struct emulator *e, u8 seg, u64 offset, u64 *linear)
{
	return segment_linear(e, seg, offset, 1, !(e->seg[seg].attr & SEG_ATTR_UNUSABLE),
			      linear);
}

/* How many bytes of code may be read at an offset, up to the page's end. */
static int fetch_window(struct emulator *e, u64 offset, u64 *linear,
			unsigned int *size)
{
	const struct emu_segment *cs = &e->seg[SEG_CS];

	if (emu_is_64bit(e)) {
		*linear = offset;
		if (!emu_canonical(e, offset))
			return emu_fault_code(e, VECTOR_GP, 0);
	} else {
		if (offset > cs->limit)
			return emu_fault_code(e, VECTOR_GP, 0);
		*linear = (u32)(cs->base + offset);
		*size = min_t(u64, *size, cs->limit - offset + 1);
	}
	*size = min_t(unsigned int, *size,
		      PAGE_BYTES - (*linear & (PAGE_BYTES - 1)));
	return EMU_CONTINUE;
}

static int fetch_more(struct emulator *e)
{
	unsigned int size = EMU_INSN_MAX - e->nr_bytes;
	u64 linear;
	int r;

	r = fetch_window(e, e->rip + e->nr_bytes, &linear, &size);
	if (r)
		return r;
	r = e->ops->fetch(e, linear, e->bytes + e->nr_bytes, size);
	switch (r) {
	case EMU_CONTINUE:
		e->nr_bytes += size;
		return r;
	case EMU_FAULT:
	case EMU_RETRY:
		return r;
	}
	return EMU_UNHANDLEABLE;
}

/*
 * Exits come again and again from one place. The decoder looks at the mode and
 * at the bytes of the instruction and at nothing else, so the same ones mean the
 * same.
 */
static bool fetch_decoded_before(const struct emulator *e, enum emu_insn_mode mode)
{
	const struct emu_insn *insn = &e->insn;

	return insn->length && insn->length <= e->nr_bytes && insn->mode == mode &&
	       !memcmp(insn->bytes, e->bytes, insn->length);
}

/*
 * Bytes are fetched only as far as the instruction reaches: each turn either
 * adds some or is the last.
 */
int emu_fetch_insn(struct emulator *e)
{
	enum emu_insn_mode mode = emu_mode(e);

	if (e->nr_bytes > EMU_INSN_MAX)
		e->nr_bytes = 0;
	if (!e->nr_bytes) {
		int r = fetch_more(e);

		if (r) {
			e->insn.length = 0;
			return r;
		}
	}
	if (fetch_decoded_before(e, mode))
		return EMU_CONTINUE;
	e->insn.length = 0;
	for (;;) {
		int length = decode_insn(&e->insn, e->bytes, e->nr_bytes, mode);
		int r;

		switch (length) {
		case DECODE_MORE:
			e->insn.length = 0;
			r = fetch_more(e);
			if (r)
				return r;
			break;
		case DECODE_INVALID:
			return emu_fault(e, VECTOR_UD);
		case DECODE_TOO_LONG:
			return emu_fault_code(e, VECTOR_GP, 0);
		default:
			return EMU_CONTINUE;
		}
	}
}

/* Go on elsewhere: the target is checked before anything else happens. */
int emu_branch(struct emu_step *s, u64 target)
{
	struct emulator *e = s->e;

	if (emu_is_64bit(e)) {
		if (!emu_canonical(e, target))
			return emu_fault_code(e, VECTOR_GP, 0);
	} else {
		target &= emu_mask(s->size);
		if (target > e->seg[SEG_CS].limit)
			return emu_fault_code(e, VECTOR_GP, 0);
	}
	s->next_rip = target;
	return EMU_CONTINUE;
}
