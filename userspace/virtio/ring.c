// SPDX-License-Identifier: GPL-2.0
/*
 * The driver is not trusted, and it can change ring and descriptors while they
 * are read. So each word is read once into a local variable, is checked there,
 * and only then used. Every loop is bounded by a constant: a chain has at
 * most VRING_CHAIN_MAX descriptors, cycles included; indirect tables do not
 * nest. A head that was not given back cannot be taken again, so that no driver
 * makes the device hold more requests than the ring has entries.
 *
 * A ring that breaks a rule is broken until the device is reset: what a wrong
 * descriptor meant cannot be guessed, and an interrupt for it would only hide
 * the fault. ring->broken says which rule.
 *
 * The three areas are translated once, when the ring starts: guest memory does not
 * move while the guest runs. Buffers are translated at each use.
 */
#include <string.h>
#include "virtio/ring.h"

#define DESC_NEXT	1
#define DESC_WRITE	2
#define DESC_INDIRECT	4
#define DESC_SIZE	16

#define DRIVER_NO_SIGNAL	1	/* in the flags of the driver's area */
#define DEVICE_NO_NOTIFY	1	/* in the flags of the device's area */

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static uint16_t load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store16(uint16_t *p, uint16_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELAXED);
}

/* Offsets in the two areas, in 16-bit words: flags, index, ring, event. */
static const uint16_t *avail_entry(const struct vring *ring, uint16_t i)
{
	return ring->driver_host + 2 + i % ring->size;
}

static const uint16_t *used_event(const struct vring *ring)
{
	return ring->driver_host + 2 + ring->size;
}

static uint16_t *avail_event(const struct vring *ring)
{
	return ring->device_host + 2 + 4 * ring->size;
}

static bool is_taken(const struct vring *ring, uint16_t head)
{
	return ring->taken[head / 64] >> head % 64 & 1;
}

static bool breaks(struct vring *ring, const char *why)
{
	ring->broken = why;
	return false;
}

static void *area(const struct vring *ring, uint64_t gpa, uint64_t len, unsigned int align)
{
	return gpa % align ? NULL : ring->memory->translate(ring->memory->opaque, gpa, len);
}

bool vring_start(struct vring *ring, const struct vring_memory *memory)
{
	unsigned int size = ring->size;

	ring->memory = memory;
	if (!size || size > VRING_SIZE_MAX || (size & (size - 1)))
		return breaks(ring, "the queue's size is not a power of two within the limit");
	ring->desc_host = area(ring, ring->desc, DESC_SIZE * size, VRING_ALIGN_DESC);
	ring->driver_host = area(ring, ring->driver, 6 + 2 * size, VRING_ALIGN_DRIVER);
	ring->device_host = area(ring, ring->device, 6 + 8 * size, VRING_ALIGN_DEVICE);
	if (!ring->desc_host || !ring->driver_host || !ring->device_host)
		return breaks(ring, "the queue is outside of memory or misaligned");
	return true;
}

void vring_reset(struct vring *ring)
{
	memset(ring, 0, sizeof(*ring));
}

/* Descriptor i of a table; each half is read once. */
static struct desc read_desc(vring_word *table, unsigned int i)
{
	uint64_t second = table[2 * i + 1];

	return (struct desc) {
		.addr = table[2 * i],
		.len = second,
		.flags = second >> 32,
		.next = second >> 48,
	};
}

static bool add_buffer(struct vring *ring, struct vring_chain *chain, const struct desc *desc)
{
	bool write = desc->flags & DESC_WRITE;
	uint32_t *size = write ? &chain->in_size : &chain->out_size;
	void *host;

	if (!write && chain->n_in)
		return breaks(ring, "a buffer to read follows one to write");
	if (!desc->len)
		return true;
	if (desc->len > UINT32_MAX - *size)
		return breaks(ring, "a chain is longer than 4 GiB");
	host = ring->memory->translate(ring->memory->opaque, desc->addr, desc->len);
	if (!host)
		return breaks(ring, "a buffer is outside of memory");
	*size += desc->len;
	chain->iov[chain->n_out + chain->n_in] = (struct iovec) { host, desc->len };
	if (write)
		chain->n_in++;
	else
		chain->n_out++;
	return true;
}

/* The table that an indirect descriptor names, and its number of entries. */
static vring_word *indirect_table(struct vring *ring, const struct desc *desc,
				      unsigned int *entries)
{
	vring_word *table;

	if (!ring->indirect)
		return breaks(ring, "an indirect descriptor was not negotiated"), NULL;
	if (desc->flags & DESC_NEXT)
		return breaks(ring, "an indirect descriptor has a successor"), NULL;
	if (!desc->len || desc->len % DESC_SIZE || desc->len / DESC_SIZE > VRING_CHAIN_MAX)
		return breaks(ring, "an indirect table has an impossible length"), NULL;
	table = ring->memory->translate(ring->memory->opaque, desc->addr, desc->len);
	if (!table)
		return breaks(ring, "an indirect table is outside of memory"), NULL;
	*entries = desc->len / DESC_SIZE;
	return table;
}

static bool walk(struct vring *ring, struct vring_chain *chain)
{
	vring_word *table = ring->desc_host;
	unsigned int entries = ring->size, i = chain->head, seen;
	struct desc desc;

	for (seen = 0; seen < VRING_CHAIN_MAX; seen++) {
		if (i >= entries)
			return breaks(ring, "a descriptor's index is beyond its table");
		desc = read_desc(table, i);
		if (desc.flags & DESC_INDIRECT) {
			if (table != ring->desc_host)
				return breaks(ring, "an indirect table names another");
			table = indirect_table(ring, &desc, &entries);
			if (!table)
				return false;
			i = 0;
			continue;
		}
		if (!add_buffer(ring, chain, &desc))
			return false;
		if (!(desc.flags & DESC_NEXT))
			return true;
		i = desc.next;
	}
	return breaks(ring, "a chain does not end");
}

bool vring_take(struct vring *ring, struct vring_chain *chain)
{
	uint16_t index, waiting;

	if (ring->broken || !ring->desc_host)
		return false;
	index = __atomic_load_n(ring->driver_host + 1, __ATOMIC_ACQUIRE);
	waiting = index - ring->next_avail;
	if (!waiting)
		return false;
	if (waiting > ring->size)
		return breaks(ring, "more chains are available than the queue has room for");

	memset(chain, 0, offsetof(struct vring_chain, iov));
	chain->head = load16(avail_entry(ring, ring->next_avail));
	if (chain->head >= ring->size)
		return breaks(ring, "a chain begins beyond the table");
	if (is_taken(ring, chain->head))
		return breaks(ring, "a chain was made available twice");
	if (!walk(ring, chain))
		return false;
	ring->taken[chain->head / 64] |= 1ull << chain->head % 64;
	ring->in_flight++;
	ring->next_avail++;
	return true;
}

static void forget(struct vring *ring, uint16_t head)
{
	ring->taken[head / 64] &= ~(1ull << head % 64);
	ring->in_flight--;
}

void vring_untake(struct vring *ring, const struct vring_chain *chain)
{
	forget(ring, chain->head);
	ring->next_avail--;
}

void vring_give(struct vring *ring, uint16_t head, uint32_t len)
{
	uint32_t *entry = (uint32_t *)(ring->device_host + 2) + 2 * (ring->next_used % ring->size);

	forget(ring, head);
	__atomic_store_n(&entry[0], head, __ATOMIC_RELAXED);
	__atomic_store_n(&entry[1], len, __ATOMIC_RELAXED);
	ring->next_used++;
	__atomic_store_n(ring->device_host + 1, ring->next_used, __ATOMIC_RELEASE);
}

bool vring_wants_signal(struct vring *ring)
{
	uint16_t last = ring->last_signal, now = ring->next_used;

	if (last == now)
		return false;
	ring->last_signal = now;
	/* The index must be seen before the driver's wish is read: it writes and reads in reverse. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!ring->event_index)
		return !(load16(ring->driver_host) & DRIVER_NO_SIGNAL);
	/* Has next_used passed the event since last? With distances, because indices wrap. */
	return (uint16_t)(now - load16(used_event(ring)) - 1) < (uint16_t)(now - last);
}

void vring_mute(struct vring *ring)
{
	/* An event index that is not moved on mutes by itself. */
	if (ring->desc_host && !ring->event_index)
		store16(ring->device_host, DEVICE_NO_NOTIFY);
}

bool vring_unmute(struct vring *ring)
{
	if (!ring->desc_host || ring->broken)
		return false;
	if (ring->event_index)
		store16(avail_event(ring), ring->next_avail);
	else
		store16(ring->device_host, 0);
	/* The wish must be seen before the index is read: the driver does it in reverse. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(ring->driver_host + 1, __ATOMIC_ACQUIRE) != ring->next_avail;
}

struct vring_span vring_out(struct vring_chain *chain)
{
	return (struct vring_span) { chain->iov, chain->n_out, chain->out_size };
}

struct vring_span vring_in(struct vring_chain *chain)
{
	return (struct vring_span) { chain->iov + chain->n_out, chain->n_in, chain->in_size };
}

static uint32_t move(struct vring_span *span, uint8_t *data, uint32_t len, bool in)
{
	uint32_t done = 0, n;

	while (done < len && span->n) {
		n = len - done < span->iov->iov_len ? len - done : span->iov->iov_len;
		if (in)
			memcpy(span->iov->iov_base, data + done, n);
		else
			memcpy(data + done, span->iov->iov_base, n);
		done += n;
		span->size -= n;
		span->iov->iov_base = (uint8_t *)span->iov->iov_base + n;
		span->iov->iov_len -= n;
		if (!span->iov->iov_len) {
			span->iov++;
			span->n--;
		}
	}
	return done;
}

uint32_t vring_pull(struct vring_span *from, void *data, uint32_t len)
{
	return move(from, data, len, false);
}

uint32_t vring_push(struct vring_span *to, const void *data, uint32_t len)
{
	return move(to, (uint8_t *)data, len, true);
}

uint8_t *vring_cut_last(struct vring_span *span)
{
	struct iovec *last = &span->iov[span->n - 1];

	if (!span->n)
		return NULL;
	span->size--;
	if (!--last->iov_len)
		span->n--;
	return (uint8_t *)last->iov_base + last->iov_len;
}
