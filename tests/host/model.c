// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "model.h"

#define TSS_BITMAP_OFFSET 102
#define TSS_BITMAP	104

#define ERROR_PRESENT	0x01
#define ERROR_WRITE	0x02
#define ERROR_USER	0x04
#define ERROR_FETCH	0x10

const enum model_page model_layout[MODEL_PAGES] = {
	MODEL_HOLE, MODEL_CODE, MODEL_CODE, MODEL_HOLE,
	MODEL_DATA, MODEL_DATA, MODEL_CONST, MODEL_HOLE,
	MODEL_DATA, MODEL_CODE, MODEL_HOLE, MODEL_HOLE,
};

static struct model *model_of(struct emulator *e)
{
	return container_of(e, struct model, e);
}

/* Every callback begins here: it may be its turn to fail. */
static int misbehave(struct model *m)
{
	m->calls++;
	if (m->fail_at && m->calls == m->fail_at) {
		m->e.fault = (struct emu_fault) { .vector = 14 };
		return m->fail_with;
	}
	if (m->failures && !random_below(m->failures, m->fail_one_in)) {
		static const int results[] = {
			EMU_FAULT, EMU_EXIT, EMU_RETRY,
			EMU_UNHANDLEABLE, -14, 1000,
		};
		int r = results[random_below(m->failures, ARRAY_SIZE(results))];

		if (r == EMU_EXIT && !random_below(m->failures, 4))
			m->e.pending.size = random_u64(m->failures);
		return r;
	}
	return EMU_CONTINUE;
}

static int page_fault(struct model *m, u64 linear, u32 error)
{
	m->e.fault = (struct emu_fault) {
		.vector = 14,
		.has_error = true,
		.error = error,
		.address = linear,
	};
	return EMU_FAULT;
}

/* EXIT: the access is to the device. */
static int translate(struct model *m, u64 linear, unsigned int len, u32 error)
{
	u64 page = (linear - MODEL_BASE) / MODEL_PAGE;

	if (len == 0 || (linear & (MODEL_PAGE - 1)) + len > MODEL_PAGE)
		abort();
	if (linear < MODEL_BASE || linear >= MODEL_BASE + MODEL_SIZE)
		return page_fault(m, linear, error);
	switch (m->kind[page]) {
	case MODEL_HOLE:
		return page_fault(m, linear, error);
	case MODEL_CODE:
		return error & ERROR_WRITE ? page_fault(m, linear, error | ERROR_PRESENT) : 0;
	case MODEL_DATA:
		return error & ERROR_FETCH ? page_fault(m, linear, error | ERROR_PRESENT) : 0;
	case MODEL_CONST:
		return error & (ERROR_FETCH | ERROR_WRITE) ?
			       page_fault(m, linear, error | ERROR_PRESENT) : 0;
	case MODEL_MMIO:
		return EMU_EXIT;
	}
	return EMU_UNHANDLEABLE;
}

static u32 error_bits(unsigned int flags)
{
	return (flags & EMU_USER ? ERROR_USER : 0) |
	       (flags & EMU_FOR_WRITE ? ERROR_WRITE : 0);
}

static u8 *byte_at(struct model *m, u64 linear)
{
	return m->memory + (linear - MODEL_BASE);
}

static int device_exit(struct model *m, unsigned int len)
{
	if (m->device_width && m->device_width < len)
		m->e.pending.size = m->device_width;
	return EMU_EXIT;
}

static int model_fetch(struct emulator *e, u64 linear, void *buf, unsigned int len)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (!r)
		r = translate(m, linear, len, ERROR_FETCH | (e->cpl == 3 ? ERROR_USER : 0));
	if (!r && m->code_changed)
		memset(buf, 0xcc, len);
	else if (!r)
		memcpy(buf, byte_at(m, linear), len);
	return r;
}

static int model_probe(struct emulator *e, u64 linear, unsigned int len,
		       unsigned int flags)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	return r ? r : translate(m, linear, len, error_bits(flags));
}

static int tss_read(struct model *m, u64 linear, void *buf, unsigned int len)
{
	u64 at = linear - MODEL_TSS;

	if (at + len > sizeof(m->tss))
		return page_fault(m, linear, 0);
	memcpy(buf, m->tss + at, len);
	return EMU_CONTINUE;
}

static int model_read(struct emulator *e, u64 linear, void *buf, unsigned int len,
		      unsigned int flags)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (!r && (flags & EMU_IMPLICIT))
		return tss_read(m, linear, buf, len);
	if (!r)
		r = translate(m, linear, len, error_bits(flags));
	if (!r) {
		memcpy(buf, byte_at(m, linear), len);
		m->bytes_read += len;
	}
	return r == EMU_EXIT ? device_exit(m, len) : r;
}

static int model_write(struct emulator *e, u64 linear, const void *buf,
		       unsigned int len, unsigned int flags)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (!(flags & EMU_FOR_WRITE))
		abort();
	if (!r)
		r = translate(m, linear, len, error_bits(flags));
	if (!r) {
		memcpy(byte_at(m, linear), buf, len);
		m->bytes_written += len;
	}
	if (r != EMU_EXIT)
		return r;
	r = device_exit(m, len);
	/* The real callback puts the data into struct kvm_run at this point. */
	memcpy(e->pending.data, buf, len);
	return r;
}

static int model_cmpxchg(struct emulator *e, u64 linear, const void *old,
			 const void *new, unsigned int len, unsigned int flags)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (!r)
		r = translate(m, linear, len, error_bits(flags));
	if (r == EMU_EXIT)
		return model_write(e, linear, new, len, flags);
	if (r)
		return r;
	if (memcmp(byte_at(m, linear), old, len))
		return EMU_RETRY;
	memcpy(byte_at(m, linear), new, len);
	m->bytes_written += len;
	return EMU_CONTINUE;
}

/* A port reads as a count of the accesses, and sums up what is written. */
static void port_in(struct model *m, unsigned int size, unsigned int count, void *data)
{
	u8 *to = data;

	for (; count; count--, to += size) {
		u32 value = ++m->port_accesses * 0x01030507;

		memcpy(to, &value, size);
	}
}

static void port_out(struct model *m, unsigned int size, unsigned int count,
		     const void *data)
{
	const u8 *from = data;

	for (; count; count--, from += size) {
		u32 value = 0;

		memcpy(&value, from, size);
		m->port_sum = m->port_sum * 31 + value;
		m->port_accesses++;
	}
}

static int model_in(struct emulator *e, u16 port, unsigned int size,
		    unsigned int count, void *data)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (count > 1 && data != e->io_buf)
		abort();
	if (r || m->ports_exit)
		return r ? r : EMU_EXIT;
	port_in(m, size, count, data);
	return EMU_CONTINUE;
}

static int model_out(struct emulator *e, u16 port, unsigned int size,
		     unsigned int count, const void *data)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (count > 1 && data != e->io_buf)
		abort();
	if (r)
		return r;
	if (m->ports_exit) {
		if (count == 1)
			memcpy(e->pending.data, data, size);
		return EMU_EXIT;
	}
	port_out(m, size, count, data);
	return EMU_CONTINUE;
}

static int model_get_xmm(struct emulator *e, unsigned int reg, void *buf)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (!r)
		memcpy(buf, m->xmm[reg], 16);
	return r;
}

static int model_set_xmm(struct emulator *e, unsigned int reg, const void *buf)
{
	struct model *m = model_of(e);
	int r = misbehave(m);

	if (!r)
		memcpy(m->xmm[reg], buf, 16);
	return r;
}

static const struct emulator_ops model_ops = {
	.fetch = model_fetch,
	.probe = model_probe,
	.read = model_read,
	.write = model_write,
	.exchange = model_cmpxchg,
	.in = model_in,
	.out = model_out,
	.get_xmm = model_get_xmm,
	.set_xmm = model_set_xmm,
};

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->kind, model_layout, sizeof(m->kind));
	m->e.ops = &model_ops;
	m->e.io_buf = m->io_buf;
	m->e.io_buf_size = sizeof(m->io_buf);
	m->tss[TSS_BITMAP_OFFSET] = TSS_BITMAP;
	m->e.seg[SEG_TR] = (struct emu_segment) {
		.base = MODEL_TSS,
		.limit = TSS_BITMAP - 1,
		.attr = SEG_ATTR_P | 11,
	};
}

void model_copy(struct model *to, const struct model *from)
{
	*to = *from;
	if (from->e.io_buf == from->io_buf)
		to->e.io_buf = to->io_buf;
}

/* The device is memory that userspace looks after. */
static void device_access(struct model *m, struct emu_access *a)
{
	u8 *at = byte_at(m, a->address);

	if (a->address < MODEL_BASE || a->address + a->size > MODEL_BASE + MODEL_SIZE)
		abort();
	if (a->kind == EMU_READ) {
		memcpy(a->data, at, a->size);
		m->bytes_read += a->size;
	} else {
		memcpy(at, a->data, a->size);
		m->bytes_written += a->size;
	}
}

void model_complete(struct model *m)
{
	struct emu_access a = m->e.pending;
	void *data = a.data;

	switch (a.kind) {
	case EMU_READ:
	case EMU_WRITE:
		device_access(m, &a);
		break;
	case EMU_IN:
		data = a.count > 1 ? m->e.io_buf : a.data;
		port_in(m, a.size, a.count, data);
		break;
	case EMU_OUT:
		port_out(m, a.size, a.count, a.count > 1 ? m->e.io_buf : a.data);
		break;
	}
	emu_complete(&m->e, data);
}

int model_run(struct model *m, unsigned int limit)
{
	while (limit--) {
		int r = emulate_one(&m->e);

		switch (r) {
		case EMU_EXIT:
			model_complete(m);
			break;
		case EMU_RETRY:
			break;
		case EMU_CONTINUE:
			if (m->e.events & (EMU_RETIRED | EMU_STEP))
				return r;
			break;
		default:
			return r;
		}
	}
	return EMU_EXIT;
}
