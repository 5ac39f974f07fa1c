// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to the world outside, and the log that lets an instruction be run
 * again after userspace has answered one of them.
 *
 * Every access of an instruction goes through the functions here, in an order
 * that depends only on it and on what earlier accesses returned. The log
 * holds the accesses done so far, of the current iteration when there is REP.
 * When the instruction is run again, the first log_used accesses are the same as
 * before and are answered from the log; only then do callbacks see new ones. So
 * nothing that userspace or another CPU can notice happens twice, and no read
 * can return two different values to one instruction.
 *
 * The log is small. An instruction whose accesses do not fit (ENTER with many
 * levels) is still executed as long as none of them needs userspace.
 *
 * An access that crosses a page is made of two, and the second must not fault
 * after the first was done: both are probed beforehand.
 */
#include "pure.h"
#include "emulate/access.h"
#include "emulate/segment.h"

unsigned int emu_access_flags(const struct emulator *e)
{
	return e->cpl == 3 ? EMU_USER : 0;
}

/* Truncate to what the CPU puts on the linear address bus. */
static u64 emu_wrap(const struct emulator *e, u64 linear)
{
	return emu_is_64bit(e) ? linear : (u32)linear;
}

static unsigned int emu_left_in_page(u64 linear)
{
	return PAGE_BYTES - (linear & (PAGE_BYTES - 1));
}

static bool emu_log_left(const struct emulator *e)
{
	return e->log_next < e->log_used;
}

static void emu_log_record(struct emulator *e, const struct emu_access *a)
{
	if (e->log_used == EMU_LOG) {
		e->log_overflow = true;
		return;
	}
	e->log[e->log_used++] = *a;
	e->log_next = e->log_used;
}

/*
 * The next entry of the log, which must be what is asked for. If it is not,
 * the state was changed behind the emulator's back, and the only safe
 * thing is to forget what was done and start again.
 */
static int emu_log_replay(struct emulator *e, u8 kind, u64 address,
			  unsigned int size, const struct emu_access **done)
{
	const struct emu_access *entry = &e->log[e->log_next];

	if (entry->kind != kind || entry->address != address || entry->size > size) {
		emu_reset(e);
		return EMU_RETRY;
	}
	e->log_next++;
	*done = entry;
	return EMU_CONTINUE;
}

static void emu_set_pending(struct emulator *e, u8 kind, u64 address,
			    unsigned int size, unsigned int count)
{
	e->pending = (struct emu_access) {
		.address = address,
		.kind = kind,
		.size = size,
		.count = count,
	};
}

/* What a callback returned, checked. Leaves pending set only for an EXIT. */
static int emu_finish_access(struct emulator *e, unsigned int size, int result)
{
	switch (result) {
	case EMU_EXIT:
		if (e->pending.size && e->pending.size <= size &&
		    !e->log_overflow && e->log_used < EMU_LOG)
			return EMU_EXIT;
		break;
	case EMU_CONTINUE:
	case EMU_FAULT:
	case EMU_RETRY:
		e->pending.size = 0;
		return result;
	}
	e->pending.size = 0;
	return EMU_UNHANDLEABLE;
}

static int emu_mem_read_new(struct emulator *e, u64 linear, void *buf,
			    unsigned int size, unsigned int flags)
{
	int r;

	emu_set_pending(e, EMU_READ, linear, size, 1);
	r = emu_finish_access(e, size, e->ops->read(e, linear, buf, size, flags));
	if (r == EMU_CONTINUE) {
		struct emu_access done = {
			.address = linear,
			.kind = EMU_READ,
			.size = size,
			.count = 1,
		};

		memcpy(done.data, buf, size);
		emu_log_record(e, &done);
	}
	return r;
}

/* Without @old an ordinary write. */
static int emu_mem_write_new(struct emulator *e, u64 linear, const void *old,
			     const void *buf, unsigned int size, unsigned int flags)
{
	int r;

	emu_set_pending(e, EMU_WRITE, linear, size, 1);
	if (old)
		r = e->ops->exchange(e, linear, old, buf, size, flags);
	else
		r = e->ops->write(e, linear, buf, size, flags);
	r = emu_finish_access(e, size, r);
	if (r == EMU_CONTINUE) {
		struct emu_access done = {
			.address = linear,
			.kind = EMU_WRITE,
			.size = size,
			.count = 1,
		};

		emu_log_record(e, &done);
	}
	return r;
}

/* At most 16 bytes inside a page; a callback may answer it in pieces. */
static int emu_mem_read_piece(struct emulator *e, u64 linear, u8 *buf,
			      unsigned int size, unsigned int flags)
{
	while (size && emu_log_left(e)) {
		const struct emu_access *done;
		int r = emu_log_replay(e, EMU_READ, linear, size, &done);

		if (r)
			return r;
		memcpy(buf, done->data, done->size);
		linear += done->size;
		buf += done->size;
		size -= done->size;
	}
	return size ? emu_mem_read_new(e, linear, buf, size, flags) : EMU_CONTINUE;
}

static int emu_mem_write_piece(struct emulator *e, u64 linear, const u8 *old,
			       const u8 *buf, unsigned int size, unsigned int flags)
{
	while (size && emu_log_left(e)) {
		const struct emu_access *done;
		int r = emu_log_replay(e, EMU_WRITE, linear, size, &done);

		if (r)
			return r;
		linear += done->size;
		buf += done->size;
		size -= done->size;
		/* Part of it was not RAM, so the rest is not either. */
		old = NULL;
	}
	if (!size)
		return EMU_CONTINUE;
	return emu_mem_write_new(e, linear, old, buf, size, flags);
}

/*
 * Would this access fault? When the log has entries left, that was asked in an
 * earlier run, and the answer may not change now.
 */
int emu_mem_probe(struct emulator *e, u64 linear, unsigned int size,
		  unsigned int flags)
{
	unsigned int first = min_t(unsigned int, size, emu_left_in_page(linear));
	int r;

	if (emu_log_left(e))
		return EMU_CONTINUE;
	flags |= emu_access_flags(e);
	r = e->ops->probe(e, linear, first, flags);
	if ((r == EMU_CONTINUE || r == EMU_EXIT) && size > first)
		r = e->ops->probe(e, emu_wrap(e, linear + first), size - first, flags);
	switch (r) {
	case EMU_EXIT:
		return EMU_CONTINUE;
	case EMU_CONTINUE:
	case EMU_FAULT:
	case EMU_RETRY:
		return r;
	}
	return EMU_UNHANDLEABLE;
}

/* Both pages of an access that crosses, before the first is touched. */
static int emu_mem_probe_both(struct emulator *e, u64 linear, unsigned int size,
			      unsigned int flags)
{
	if (size <= emu_left_in_page(linear))
		return EMU_CONTINUE;
	return emu_mem_probe(e, linear, size, flags);
}

static unsigned int emu_mem_piece(u64 linear, unsigned int size)
{
	return min_t(unsigned int, 16, min_t(unsigned int, size, emu_left_in_page(linear)));
}

int emu_mem_read(struct emulator *e, u64 linear, void *buf,
		 unsigned int size, unsigned int flags)
{
	u8 *to = buf;
	int r;

	flags |= emu_access_flags(e);
	r = emu_mem_probe_both(e, linear, size, flags);
	while (!r && size) {
		unsigned int piece = emu_mem_piece(linear, size);

		r = emu_mem_read_piece(e, linear, to, piece, flags);
		linear = emu_wrap(e, linear + piece);
		to += piece;
		size -= piece;
	}
	return r;
}

int emu_mem_write(struct emulator *e, u64 linear, const void *buf,
		  unsigned int size)
{
	unsigned int flags = emu_access_flags(e) | EMU_FOR_WRITE;
	const u8 *from = buf;
	int r;

	r = emu_mem_probe_both(e, linear, size, flags);
	while (!r && size) {
		unsigned int piece = emu_mem_piece(linear, size);

		r = emu_mem_write_piece(e, linear, NULL, from, piece, flags);
		linear = emu_wrap(e, linear + piece);
		from += piece;
		size -= piece;
	}
	return r;
}

/*
 * The write of a locked read-modify-write. Across a page it is not atomic: CPUs
 * lock the bus for that, and nothing here can.
 */
int emu_mem_cmpxchg(struct emulator *e, u64 linear, const void *old,
		    const void *new, unsigned int size)
{
	unsigned int flags = emu_access_flags(e) | EMU_FOR_WRITE |
			     EMU_LOCKED;
	int r;

	if (size > emu_left_in_page(linear))
		return emu_mem_write(e, linear, new, size);
	r = emu_mem_write_piece(e, linear, old, new, size, flags);
	if (r == EMU_RETRY)
		emu_reset(e);
	return r;
}

/* One value in a segment, checked against its limit and type. */
int emu_read_seg(struct emulator *e, u8 seg, u64 offset,
		 u64 *value, unsigned int size)
{
	u64 linear;
	int r;

	*value = 0;
	r = emu_linear(e, seg, offset, size, false, &linear);
	return r ? r : emu_mem_read(e, linear, value, size, 0);
}

/* The port access that the log answers next, if it is one. */
const struct emu_access *
emu_replay_port(const struct emulator *e, u8 kind, u16 port,
		unsigned int size)
{
	const struct emu_access *entry = &e->log[e->log_next];

	if (emu_log_left(e) && entry->kind == kind && entry->address == port &&
	    entry->size == size)
		return entry;
	return NULL;
}

static int emu_port_new(struct emulator *e, u8 kind, u16 port,
			unsigned int size, unsigned int count, void *data)
{
	int r;

	emu_set_pending(e, kind, port, size, count);
	if (kind == EMU_IN)
		r = e->ops->in(e, port, size, count, data);
	else
		r = e->ops->out(e, port, size, count, data);
	/* Ports are not answered in pieces. */
	if (r == EMU_EXIT && e->pending.size != size)
		r = EMU_UNHANDLEABLE;
	r = emu_finish_access(e, size, r);
	if (r == EMU_CONTINUE) {
		struct emu_access done = {
			.address = port,
			.kind = kind,
			.size = size,
			.count = count,
		};

		if (kind == EMU_IN && count == 1)
			memcpy(done.data, data, size);
		emu_log_record(e, &done);
	}
	return r;
}

/* With @count above 1, @data is io_buf, where it also is after an EXIT. */
int emu_port(struct emulator *e, u8 kind, u16 port,
	     unsigned int size, unsigned int count, void *data)
{
	const struct emu_access *done;
	int r;

	if (!emu_log_left(e))
		return emu_port_new(e, kind, port, size, count, data);
	r = emu_log_replay(e, kind, port, size, &done);
	if (r)
		return r;
	if (done->count != count || done->size != size) {
		emu_reset(e);
		return EMU_RETRY;
	}
	if (kind == EMU_IN && count == 1)
		memcpy(data, done->data, size);
	return EMU_CONTINUE;
}

void emu_complete(struct emulator *e, const void *data)
{
	struct emu_access *a = &e->pending;

	if (!a->size || e->log_used >= EMU_LOG)
		return;
	if (a->kind == EMU_IN && a->count > 1) {
		if (data != e->io_buf)
			memcpy(e->io_buf, data, (size_t)a->size * a->count);
	} else if (a->kind == EMU_READ || a->kind == EMU_IN) {
		memcpy(a->data, data, a->size);
	}
	e->log[e->log_used++] = *a;
	a->size = 0;
}

void emu_reset(struct emulator *e)
{
	e->pending.size = 0;
	e->log_used = 0;
	e->log_next = 0;
	e->log_overflow = false;
}
