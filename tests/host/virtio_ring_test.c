// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher's virtqueues against drivers that are right, wrong, random, and
 * that change their mind while the device reads.
 *
 * Guest memory is one allocation, so that the address sanitizer sees whatever
 * reaches past it; every buffer that the ring hands out is touched at both ends.
 */
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include "random.h"
#include "tap.h"
#include "userspace/virtio/ring.h"

#define BASE		0x40000000ull
#define SIZE		(256 * 1024)
#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define NEXT		1
#define WRITE		2
#define INDIRECT	4

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static uint8_t *memory;
static unsigned long translations;

static void *translate(const void *opaque, uint64_t gpa, uint64_t len)
{
	__atomic_add_fetch(&translations, 1, __ATOMIC_RELAXED);
	if (gpa < BASE || gpa - BASE >= SIZE || len > SIZE - (gpa - BASE))
		return NULL;
	return memory + (gpa - BASE);
}

static const struct vring_memory vm = { translate, NULL };

/* The driver's view of a ring, at fixed places. */
struct driver {
	struct vring ring;
	struct desc *desc, *table;
	uint16_t *avail, *used;
	unsigned int size;
};

#define DESC_AT		0x0000
#define AVAIL_AT	0x2000
#define USED_AT		0x3000
#define TABLE_AT	0x4000	/* indirect tables, a page per head, reused */
#define BUFFERS_AT	0x20000

static void driver_start(struct driver *d, unsigned int size, bool event_index, bool indirect)
{
	memset(memory, 0, BUFFERS_AT);
	vring_reset(&d->ring);
	d->size = size;
	d->desc = (struct desc *)(memory + DESC_AT);
	d->table = (struct desc *)(memory + TABLE_AT);
	d->avail = (uint16_t *)(memory + AVAIL_AT);
	d->used = (uint16_t *)(memory + USED_AT);
	d->ring.size = size;
	d->ring.event_index = event_index;
	d->ring.indirect = indirect;
	d->ring.desc = BASE + DESC_AT;
	d->ring.driver = BASE + AVAIL_AT;
	d->ring.device = BASE + USED_AT;
	vring_start(&d->ring, &vm);
}

static void offer(struct driver *d, uint16_t head)
{
	d->avail[2 + d->avail[1] % d->size] = head;
	d->avail[1]++;
}

static uint32_t used_entry(const struct driver *d, uint16_t i, unsigned int word)
{
	return ((const uint32_t *)(d->used + 2))[2 * (i % d->size) + word];
}

/* --- A driver that is right --------------------------------------------------------- */

struct model_chain {
	unsigned int n_out, n_in;
	struct { uint64_t addr; uint32_t len; } buffers[16];
	bool pending;		/* offered, not seen in the used ring */
};

/* A chain of n buffers at head, in direct descriptors head, head + 1, ... or in a table. */
static void build(struct driver *d, struct random *r, struct model_chain *m, unsigned int head,
		  unsigned int room)
{
	unsigned int n = 1 + random_below(r, room < 16 ? room : 16), i, prefix = n;
	unsigned int n_out = random_below(r, n + 1);
	struct desc *table = d->table + 4 * head;
	struct desc *at;

	*m = (struct model_chain) { n_out, n - n_out, .pending = true };
	/* Some or no direct descriptors, and then a table */
	if (d->ring.indirect && random_below(r, 2))
		prefix = random_below(r, n);
	for (i = 0; i < n; i++) {
		m->buffers[i].len = 1 + random_below(r, 600);
		m->buffers[i].addr = BASE + BUFFERS_AT + random_below(r, SIZE - BUFFERS_AT - 600);
		at = i < prefix ? &d->desc[head + i] : &table[i - prefix];
		*at = (struct desc) { m->buffers[i].addr, m->buffers[i].len,
			(i < n - 1 ? NEXT : 0) | (i >= n_out ? WRITE : 0),
			i < prefix ? head + i + 1 : i - prefix + 1 };
	}
	if (prefix < n)
		d->desc[head + prefix] = (struct desc) { BASE + TABLE_AT + 64 * head,
			16 * (n - prefix), INDIRECT | (random_below(r, 2) ? WRITE : 0), 0xdead };
}

static bool same(const struct vring_chain *c, const struct model_chain *m)
{
	uint32_t out = 0, in = 0;
	unsigned int i;

	if (c->n_out != m->n_out || c->n_in != m->n_in)
		return false;
	for (i = 0; i < c->n_out + c->n_in; i++) {
		if (c->iov[i].iov_base != memory + (m->buffers[i].addr - BASE) ||
		    c->iov[i].iov_len != m->buffers[i].len)
			return false;
		*(i < m->n_out ? &out : &in) += m->buffers[i].len;
	}
	return c->out_size == out && c->in_size == in;
}

/* Whether an interrupt is due by the words of the standard, one step at a time. */
static bool due(const struct driver *d, uint16_t from, uint16_t to)
{
	bool wanted = false;

	if (!d->ring.event_index)
		return from != to && !(d->avail[0] & 1);
	for (; from != to; from++)
		wanted |= from == d->avail[2 + d->size];
	return wanted;
}

/* Up to 16 chains in flight, given back in any order; 16 descriptors for each. */
static bool right_driver_round(struct random *r, bool event_index, bool indirect)
{
	static struct driver d;
	static struct vring_chain chain;
	struct model_chain model[16] = { 0 };
	uint16_t held[16], signalled = 0, gave = 0;
	unsigned int steps, n_held = 0, i, queued[16], q_head = 0, q_tail = 0;
	uint32_t len;
	bool want;

	driver_start(&d, 256, event_index, indirect);
	/* Indices wrap within a round */
	d.avail[1] = d.used[1] = d.ring.next_avail = d.ring.next_used = d.ring.last_signal =
		signalled = gave = 65536 - 200;
	for (steps = 0; steps < 1500; steps++) {
		i = random_below(r, 16);
		switch (random_below(r, 4)) {
		case 0:
			if (model[i].pending)
				break;
			build(&d, r, &model[i], 16 * i, 16);
			offer(&d, 16 * i);
			queued[q_tail++ % 16] = i;
			break;
		case 1:
			if (vring_take(&d.ring, &chain) != (q_head != q_tail))
				return false;
			if (q_head == q_tail)
				break;
			i = queued[q_head++ % 16];
			if (chain.head != 16 * i || !same(&chain, &model[i]))
				return false;
			if (!random_below(r, 8)) {
				vring_untake(&d.ring, &chain);
				q_head--;
				break;
			}
			held[n_held++] = i;
			break;
		case 2:
			if (!n_held)
				break;
			i = random_below(r, n_held);
			len = random_u64(r);
			vring_give(&d.ring, 16 * held[i], len);
			if (d.used[1] != (uint16_t)(gave + 1) || used_entry(&d, gave, 0) != 16u * held[i] ||
			    used_entry(&d, gave, 1) != len)
				return false;
			gave++;
			model[held[i]].pending = false;
			held[i] = held[--n_held];
			break;
		default:
			d.avail[0] = random_below(r, 2);
			d.avail[2 + d.size] = signalled + random_below(r, 8) - 2;
			want = due(&d, signalled, gave);
			if (vring_wants_signal(&d.ring) != want)
				return false;
			signalled = gave;
		}
		if (d.ring.broken || d.ring.in_flight != n_held)
			return false;
	}
	return true;
}

static void test_right_driver(struct random *r)
{
	unsigned long i, rounds = scaled(200);
	bool good = true;

	for (i = 0; i < rounds && good; i++)
		good = right_driver_round(r, i & 1, i & 2);
	tap_result(good, "chains, used entries and interrupts are those of a model, %lu rounds", i);
}

/* --- A driver that is wrong in one way ----------------------------------------------- */

enum wrong {
	HEAD_BEYOND, TOO_MANY, TWICE, NEXT_BEYOND, CYCLE, BUFFER_OUTSIDE, BUFFER_WRAPS,
	BUFFER_PAST_END, READ_AFTER_WRITE, TOO_LONG, NOT_NEGOTIATED, TABLE_WITH_NEXT,
	TABLE_EMPTY, TABLE_ODD, TABLE_HUGE, TABLE_OUTSIDE, TABLE_NESTED, TABLE_NEXT_BEYOND,
	TABLE_CYCLE, WRONGS,
};

static const char *const rules[WRONGS] = {
	[HEAD_BEYOND] = "a chain begins beyond the table",
	[TOO_MANY] = "more chains are available than the queue has room for",
	[TWICE] = "a chain was made available twice",
	[NEXT_BEYOND] = "a descriptor's index is beyond its table",
	[CYCLE] = "a chain does not end",
	[BUFFER_OUTSIDE] = "a buffer is outside of memory",
	[BUFFER_WRAPS] = "a buffer is outside of memory",
	[BUFFER_PAST_END] = "a buffer is outside of memory",
	[READ_AFTER_WRITE] = "a buffer to read follows one to write",
	[TOO_LONG] = "a chain is longer than 4 GiB",
	[NOT_NEGOTIATED] = "an indirect descriptor was not negotiated",
	[TABLE_WITH_NEXT] = "an indirect descriptor has a successor",
	[TABLE_EMPTY] = "an indirect table has an impossible length",
	[TABLE_ODD] = "an indirect table has an impossible length",
	[TABLE_HUGE] = "an indirect table has an impossible length",
	[TABLE_OUTSIDE] = "an indirect table is outside of memory",
	[TABLE_NESTED] = "an indirect table names another",
	[TABLE_NEXT_BEYOND] = "a descriptor's index is beyond its table",
	[TABLE_CYCLE] = "a chain does not end",
};

static void *anything(const void *opaque, uint64_t gpa, uint64_t len)
{
	return memory;
}

#define BUFFER		(BASE + BUFFERS_AT)
#define TABLE		(BASE + TABLE_AT)
#define GOOD		{ BUFFER, 64, WRITE, 0 }

/* The first descriptor, and that of the indirect table. */
static const struct {
	struct desc desc, table;
} wrong_descs[WRONGS] = {
	[HEAD_BEYOND] = { GOOD },
	[TOO_MANY] = { GOOD },
	[TWICE] = { GOOD },
	[NEXT_BEYOND] = { { BUFFER, 64, WRITE | NEXT, 16 } },
	[CYCLE] = { { BUFFER, 64, WRITE | NEXT, 0 } },
	[BUFFER_OUTSIDE] = { { BASE - 64, 64, WRITE, 0 } },
	[BUFFER_WRAPS] = { { ~0ull - 15, 64, WRITE, 0 } },
	[BUFFER_PAST_END] = { { BASE + SIZE - 63, 64, WRITE, 0 } },
	[READ_AFTER_WRITE] = { { BUFFER, 64, WRITE | NEXT, 1 } },
	[TOO_LONG] = { { BUFFER, ~0u, WRITE | NEXT, 0 } },
	[NOT_NEGOTIATED] = { { TABLE, 16, INDIRECT, 0 }, GOOD },
	[TABLE_WITH_NEXT] = { { TABLE, 16, INDIRECT | NEXT, 0 }, GOOD },
	[TABLE_EMPTY] = { { TABLE, 0, INDIRECT, 0 }, GOOD },
	[TABLE_ODD] = { { TABLE, 24, INDIRECT, 0 }, GOOD },
	[TABLE_HUGE] = { { TABLE, 16 * (VRING_CHAIN_MAX + 1), INDIRECT, 0 }, GOOD },
	[TABLE_OUTSIDE] = { { BASE + SIZE - 16, 32, INDIRECT, 0 }, GOOD },
	[TABLE_NESTED] = { { TABLE, 32, INDIRECT, 0 }, { TABLE, 16, INDIRECT, 0 } },
	[TABLE_NEXT_BEYOND] = { { TABLE, 32, INDIRECT, 0 }, { BUFFER, 64, WRITE | NEXT, 2 } },
	[TABLE_CYCLE] = { { TABLE, 32, INDIRECT, 0 }, { BUFFER, 64, WRITE | NEXT, 0 } },
};

static void make_wrong(struct driver *d, enum wrong wrong)
{
	static const struct vring_memory big = { anything, NULL };

	driver_start(d, 16, false, wrong != NOT_NEGOTIATED);
	d->desc[0] = wrong_descs[wrong].desc;
	d->desc[1] = (struct desc) { BUFFER, 1, 0, 0 };
	d->table[0] = wrong_descs[wrong].table;
	offer(d, wrong == HEAD_BEYOND ? 16 : 0);
	if (wrong == TOO_MANY)
		d->avail[1] = 17;
	if (wrong == TWICE)
		offer(d, 0);
	if (wrong == TOO_LONG)
		d->ring.memory = &big;
}

static void test_wrong_drivers(void)
{
	static struct vring_chain chain;
	unsigned int wrong, takes;
	static struct driver d;

	for (wrong = 0; wrong < WRONGS; wrong++) {
		make_wrong(&d, wrong);
		for (takes = 0; vring_take(&d.ring, &chain); takes++)
			;
		tap_result(d.ring.broken && !strcmp(d.ring.broken, rules[wrong]) &&
			   takes == (wrong == TWICE) && !vring_take(&d.ring, &chain) &&
			   !vring_unmute(&d.ring),
			   "stops for good: %s%s%s", rules[wrong], d.ring.broken ? "" : ": was not noticed",
			   d.ring.broken && strcmp(d.ring.broken, rules[wrong]) ? d.ring.broken : "");
	}
}

static void test_bad_start(void)
{
	static const struct { uint64_t size, desc, driver, device; } cases[] = {
		{ 0, BASE, BASE, BASE }, { 3, BASE, BASE, BASE },
		{ VRING_SIZE_MAX * 2, BASE, BASE, BASE },
		{ 16, BASE + 8, BASE, BASE }, { 16, BASE, BASE + 1, BASE }, { 16, BASE, BASE, BASE + 2 },
		{ 16, 0, BASE, BASE }, { 16, BASE, 0, BASE }, { 16, BASE, BASE, 0 },
		{ 16, BASE + SIZE - 240, BASE, BASE }, { 16, BASE, BASE + SIZE - 36, BASE },
		{ 16, BASE, BASE, BASE + SIZE - 132 }, { 16, ~15ull, BASE, BASE },
	};
	unsigned int i, refused = 0, n = COUNT(cases);
	struct vring_chain chain;
	struct vring ring;

	for (i = 0; i < n; i++) {
		vring_reset(&ring);
		ring.size = cases[i].size;
		ring.desc = cases[i].desc;
		ring.driver = cases[i].driver;
		ring.device = cases[i].device;
		refused += !vring_start(&ring, &vm) && ring.broken && !vring_take(&ring, &chain);
	}
	tap_result(refused == n, "%u of %u queues at impossible places are refused", refused, n);
}

static void test_mute(void)
{
	static struct vring_chain chain;
	static struct driver d;
	bool good = true;
	int event;

	for (event = 0; event < 2; event++) {
		driver_start(&d, 16, event, false);
		d.desc[0] = (struct desc) { BASE + BUFFERS_AT, 64, WRITE, 0 };
		d.desc[1] = d.desc[0];
		vring_mute(&d.ring);
		good &= event || d.used[0] == 1;
		offer(&d, 0);
		good &= vring_take(&d.ring, &chain);
		good &= !event || d.used[2 + 4 * 16] == 0;	/* asks for no notification of 1 */
		good &= !vring_unmute(&d.ring) && d.used[0] == 0;
		good &= !event || d.used[2 + 4 * 16] == 1;
		offer(&d, 1);
		good &= vring_unmute(&d.ring);
	}
	tap_result(good, "notifications are off while the device looks, and none is lost after");
}

/* --- Random and malicious drivers ------------------------------------------------------ */

static uint64_t random_address(struct random *r)
{
	switch (random_below(r, 8)) {
	case 0:
		return random_u64(r);
	case 1:
		return BASE + SIZE - random_below(r, 4096);
	case 2:
		return BASE + random_below(r, 0x4000);	/* the ring itself */
	case 3:
		return BASE + TABLE_AT + 16 * random_below(r, 4096);
	default:
		return BASE + random_below(r, SIZE);
	}
}

static void random_desc(struct random *r, struct desc *desc, unsigned int size)
{
	static const uint32_t lengths[] = { 0, 1, 16, 32, 4096, SIZE, 0x7fffffff, ~0u };

	desc->addr = random_address(r);
	desc->len = random_below(r, 3) ? 16 * random_below(r, 300) :
		lengths[random_below(r, COUNT(lengths))];
	desc->flags = random_below(r, 20) ? random_below(r, 4) : random_u64(r);
	if (!random_below(r, 6))
		desc->flags = INDIRECT;
	desc->next = random_below(r, 10) ? random_below(r, size) : random_u64(r);
}

static unsigned int touched;

/* All that may be said of whatever came out. */
static bool chain_is_sane(const struct vring *ring, const struct vring_chain *c)
{
	uint64_t out = 0, in = 0;
	unsigned int i;

	if (c->n_out + c->n_in > VRING_CHAIN_MAX || c->head >= ring->size || ring->in_flight > ring->size)
		return false;
	for (i = 0; i < c->n_out + c->n_in; i++) {
		const uint8_t *p = c->iov[i].iov_base;

		if (!c->iov[i].iov_len)
			return false;
		touched += p[0] + p[c->iov[i].iov_len - 1];
		*(i < c->n_out ? &out : &in) += c->iov[i].iov_len;
	}
	return out == c->out_size && in == c->in_size;
}

static bool fuzz_round(struct random *r, unsigned long *taken, unsigned long *broken)
{
	static struct vring_chain chain;
	static struct driver d;
	unsigned int size = 1u << random_below(r, 9), i, steps;
	unsigned long before;
	uint16_t held[VRING_SIZE_MAX];
	unsigned int n_held = 0;

	driver_start(&d, size, random_below(r, 2), random_below(r, 4));
	for (i = 0; i < size; i++)
		random_desc(r, &d.desc[i], size);
	for (i = 0; i < 64; i++)
		random_desc(r, &d.table[random_below(r, 4096)], 64);
	for (steps = 0; steps < 12; steps++) {
		switch (random_below(r, 6)) {
		case 0:
			d.avail[1] += random_below(r, size + 2);
			break;
		case 1:
			random_desc(r, &d.desc[random_below(r, size)], size);
			break;
		case 2:
			if (n_held)
				vring_give(&d.ring, held[--n_held], random_u64(r));
			vring_wants_signal(&d.ring);
			break;
		case 3:
			vring_mute(&d.ring);
			vring_unmute(&d.ring);
			break;
		default:
			offer(&d, random_below(r, 20) ? random_below(r, size) : random_u64(r));
		}
		before = translations;
		if (vring_take(&d.ring, &chain)) {
			if (!chain_is_sane(&d.ring, &chain))
				return false;
			held[n_held++] = chain.head;
			++*taken;
		}
		if (translations - before > VRING_CHAIN_MAX + 1 || d.ring.in_flight != n_held)
			return false;
	}
	*broken += !!d.ring.broken;
	return true;
}

static void test_fuzz(struct random *r)
{
	unsigned long i, rounds = scaled(300000), taken = 0, broken = 0;
	bool good = true;

	for (i = 0; i < rounds && good; i++)
		good = fuzz_round(r, &taken, &broken);
	tap_note("%lu chains taken, %lu rings broken", taken, broken);
	/* Both must happen much, or nothing was tried. */
	tap_result(good && taken > rounds / 4 && broken > rounds / 4,
		   "%lu random rings harm nothing and end in bounded work", i);
}

/* Another vCPU that rewrites everything while the device reads. */
static struct {
	bool end;
	uint64_t seed;
	unsigned int size;
} scribbler;

static void *scribble(void *arg)
{
	struct random r;
	struct desc desc;

	random_seed(&r, scribbler.seed);
	while (!__atomic_load_n(&scribbler.end, __ATOMIC_RELAXED)) {
		random_desc(&r, &desc, scribbler.size);
		memcpy(memory + DESC_AT + 16 * random_below(&r, scribbler.size), &desc, sizeof(desc));
		random_desc(&r, &desc, 64);
		memcpy(memory + TABLE_AT + 16 * random_below(&r, 4096), &desc, sizeof(desc));
	}
	return NULL;
}

static void test_race(struct random *r)
{
	unsigned long i, rounds = scaled(200000), taken = 0;
	static struct vring_chain chain;
	static struct driver d;
	pthread_t thread;
	bool good = true;

	scribbler.seed = random_u64(r);
	scribbler.size = 64;
	driver_start(&d, 64, false, true);
	pthread_create(&thread, NULL, scribble, NULL);
	for (i = 0; i < rounds && good; i++) {
		offer(&d, random_below(r, 64));
		if (vring_take(&d.ring, &chain)) {
			good = chain_is_sane(&d.ring, &chain);
			vring_give(&d.ring, chain.head, 0);
			taken++;
		} else {
			vring_reset(&d.ring);
			d.ring = (struct vring) { .size = 64, .indirect = true, .desc = BASE + DESC_AT,
				.driver = BASE + AVAIL_AT, .device = BASE + USED_AT };
			vring_start(&d.ring, &vm);
			d.avail[1] = 0;
		}
	}
	__atomic_store_n(&scribbler.end, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tap_result(good && taken > rounds / 50,
		   "descriptors that change while they are read harm nothing (%lu chains of %lu)", taken, i);
}

/* --- Parts of a chain --------------------------------------------------------------------- */

static void test_spans(struct random *r)
{
	static struct vring_chain chain;
	uint8_t data[512], back[512], *end;
	struct vring_span span;
	unsigned int round, i, total, a;
	bool good = true;

	for (round = 0; round < 2000 && good; round++) {
		memset(&chain, 0, sizeof(chain));
		for (i = total = 0; i < 8; i++) {
			chain.iov[i] = (struct iovec) { memory + BUFFERS_AT + 64 * i, 1 + random_below(r, 60) };
			total += chain.iov[i].iov_len;
		}
		chain.n_in = 8;
		chain.in_size = total;
		random_bytes(r, data, sizeof(data));
		end = (uint8_t *)chain.iov[7].iov_base + chain.iov[7].iov_len;
		i = chain.iov[7].iov_len;
		span = vring_in(&chain);
		good = vring_cut_last(&span) == end - 1 && span.n == (i == 1 ? 7 : 8);
		a = random_below(r, total);
		good &= span.size == total - 1 && vring_push(&span, data, a) == a;
		good &= vring_push(&span, data + a, sizeof(data) - a) == total - 1 - a && !span.n && !span.size;
		/* Read back through fresh iovecs */
		for (i = 0; i < 8; i++)
			chain.iov[i].iov_len += (uint8_t *)chain.iov[i].iov_base - (memory + BUFFERS_AT + 64 * i);
		for (i = 0; i < 8; i++)
			chain.iov[i].iov_base = memory + BUFFERS_AT + 64 * i;
		chain.n_out = 8;
		chain.n_in = 0;
		chain.out_size = total - 1;
		span = vring_out(&chain);
		good &= vring_pull(&span, back, sizeof(back)) == total - 1 && !memcmp(back, data, total - 1);
	}
	span = (struct vring_span) { chain.iov, 0, 0 };
	tap_result(good && !vring_cut_last(&span), "data go over any pieces of a chain and come back");
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	tap_plan(6 + WRONGS);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	memory = malloc(SIZE);
	test_right_driver(&r);
	test_wrong_drivers();
	test_bad_start();
	test_mute();
	test_fuzz(&r);
	test_race(&r);
	test_spans(&r);
	free(memory);
	return tap_exit();
}
