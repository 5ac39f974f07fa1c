// SPDX-License-Identifier: GPL-2.0
/*
 * The register machines of the interrupt controllers and the timer: what the
 * manuals say of single situations, and random operations against models that
 * are too slow and too simple to be wrong in the same way.
 */
#include <stdlib.h>

#include "random.h"
#include "tap.h"

#include "irq/i82093.h"
#include "irq/i8254.h"
#include "irq/i8259.h"

static struct random rnd;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			tap_note("line %d: %s", __LINE__, #cond);	\
			return false;					\
		}							\
	} while (0)

/* The 8259 pair */

#define MASTER	0x20
#define SLAVE	0xa0

static void start_pic(struct i8259_pair *p, u8 icw4)
{
	i8259_init(p);
	for (u16 port = MASTER; ; port = SLAVE) {
		i8259_write(p, port, 0x11);
		i8259_write(p, port + 1, port == MASTER ? 0x20 : 0x28);
		i8259_write(p, port + 1, port == MASTER ? 4 : 2);
		i8259_write(p, port + 1, icw4);
		if (port == SLAVE)
			break;
	}
	p->ended = 0;
}

static bool pic_edges(void)
{
	struct i8259_pair p;

	start_pic(&p, 1);
	CHECK(!p.output);
	CHECK(i8259_set_pin(&p, 3, true) == 1);
	CHECK(p.output);
	CHECK(i8259_set_pin(&p, 3, true) == 1);			/* still up: no new edge */
	CHECK(i8259_acknowledge(&p) == 0x23);
	CHECK(!p.output);
	i8259_set_pin(&p, 3, false);
	CHECK(i8259_set_pin(&p, 3, true) == 1);
	CHECK(!p.output);					/* in service */
	i8259_set_pin(&p, 3, false);
	CHECK(i8259_set_pin(&p, 3, true) == 0);			/* coalesced */
	i8259_write(&p, MASTER, 0x20);
	CHECK(p.ended == BIT(3));
	CHECK(p.output);
	CHECK(i8259_acknowledge(&p) == 0x23);
	i8259_write(&p, MASTER, 0x63);				/* specific EOI */
	CHECK(!p.output);
	CHECK(i8259_acknowledge(&p) == 0x27);			/* spurious */
	return true;
}

static bool pic_levels(void)
{
	struct i8259_pair p;

	start_pic(&p, 1);
	i8259_write(&p, 0x4d1, 0xff);
	CHECK(i8259_read(&p, 0x4d1) == 0xde);
	i8259_write(&p, 0x4d0, 0xff);
	CHECK(i8259_read(&p, 0x4d0) == 0xf8);
	i8259_set_pin(&p, 10, true);
	CHECK(p.output);
	CHECK(i8259_acknowledge(&p) == 0x2a);
	CHECK(!p.output);
	i8259_write(&p, SLAVE, 0x20);
	i8259_write(&p, MASTER, 0x20);
	CHECK(p.output);					/* the device has not lowered it */
	CHECK(i8259_acknowledge(&p) == 0x2a);
	i8259_set_pin(&p, 10, false);
	i8259_write(&p, SLAVE, 0x20);
	i8259_write(&p, MASTER, 0x20);
	CHECK(!p.output);
	return true;
}

static bool pic_priorities(void)
{
	struct i8259_pair p;

	start_pic(&p, 1);
	i8259_set_pin(&p, 5, true);
	i8259_set_pin(&p, 1, true);
	i8259_set_pin(&p, 12, true);
	CHECK(i8259_acknowledge(&p) == 0x21);
	CHECK(!p.output);
	i8259_set_pin(&p, 0, true);				/* above it: nested */
	CHECK(i8259_acknowledge(&p) == 0x20);
	i8259_write(&p, MASTER, 0x20);
	CHECK(!p.output);
	i8259_write(&p, MASTER, 0x20);
	CHECK(i8259_acknowledge(&p) == 0x2c);
	i8259_write(&p, SLAVE, 0x20);
	i8259_write(&p, MASTER, 0x20);
	CHECK(i8259_acknowledge(&p) == 0x25);
	i8259_write(&p, MASTER, 0xa0);				/* rotate: 5 is last, 6 first */
	i8259_set_pin(&p, 1, false);
	i8259_set_pin(&p, 1, true);
	i8259_set_pin(&p, 7, true);
	CHECK(i8259_acknowledge(&p) == 0x27);
	i8259_write(&p, MASTER, 0xc3);				/* 3 is last, and 7 before it */
	CHECK(!p.output);
	i8259_set_pin(&p, 4, true);
	CHECK(p.output);
	CHECK(i8259_acknowledge(&p) == 0x24);
	return true;
}

static bool pic_masks_and_modes(void)
{
	struct i8259_pair p;

	start_pic(&p, 1);
	i8259_write(&p, MASTER + 1, 0xf7);
	CHECK(i8259_read(&p, MASTER + 1) == 0xf7);
	CHECK(i8259_set_pin(&p, 1, true) == -1);
	CHECK(!p.output);
	i8259_write(&p, MASTER + 1, 0xf5);
	CHECK(p.unmasked == BIT(1));
	CHECK(p.output);
	CHECK(i8259_acknowledge(&p) == 0x21);
	i8259_write(&p, MASTER, 0x0b);
	CHECK(i8259_read(&p, MASTER) == BIT(1));
	i8259_write(&p, MASTER, 0x0a);
	CHECK(i8259_read(&p, MASTER) == 0);
	i8259_set_pin(&p, 3, true);
	CHECK(!p.output);
	i8259_write(&p, MASTER, 0x68);				/* special mask: what is masked blocks nobody */
	i8259_write(&p, MASTER + 1, 0xf7);
	CHECK(p.output);
	i8259_write(&p, MASTER, 0x0c);				/* poll */
	CHECK(i8259_read(&p, MASTER) == 0x83);
	i8259_write(&p, MASTER, 0x0c);
	CHECK(!(i8259_read(&p, MASTER) & 0x80));
	start_pic(&p, 3);					/* automatic EOI */
	i8259_set_pin(&p, 9, true);
	i8259_set_pin(&p, 8, true);
	CHECK(i8259_acknowledge(&p) == 0x28);
	CHECK(p.output);
	CHECK(i8259_acknowledge(&p) == 0x29);
	CHECK(!p.output && !p.chip[0].isr && !p.chip[1].isr);
	CHECK((p.ended & 0x300) == 0x300);
	return true;
}

/* The pin that a chip asks for, by trying them one after the other; -1: none. */
static int wanted(const struct i8259_pair *p, unsigned int i)
{
	const struct i8259 *c = &p->chip[i];

	for (unsigned int n = 0; n < 8; n++) {
		unsigned int pin = (c->top + n) % 8;

		if ((c->isr >> pin & 1) && !(c->special_mask && (c->imr >> pin & 1)) &&
		    !(i == 0 && pin == 2 && c->special_fully_nested))
			return -1;
		if ((c->irr >> pin & 1) && !(c->imr >> pin & 1))
			return pin;
	}
	return -1;
}

static bool pic_random(void)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	struct i8259_pair p, before;

	start_pic(&p, 1);
	for (unsigned long n = scaled(500000); n; n--) {
		u16 port = ports[random_below(&rnd, 6)];
		int pin, want;
		u8 vector;

		before = p;
		switch (random_below(&rnd, 5)) {
		case 0:
			pin = random_below(&rnd, 16);
			i8259_set_pin(&p, pin, random_below(&rnd, 2));
			break;
		case 1:
			i8259_write(&p, port, random_u64(&rnd));
			break;
		case 2:
			i8259_write(&p, random_below(&rnd, 2) ? MASTER : SLAVE, 0x20);
			break;
		case 3:
			i8259_read(&p, port);
			break;
		default:
			want = wanted(&p, 0);
			vector = i8259_acknowledge(&p);
			if (want == 2) {
				int second = wanted(&before, 1);

				CHECK(vector == (u8)(before.chip[1].base + (second < 0 ? 7 : second)));
			} else {
				CHECK(vector == (u8)(before.chip[0].base + (want < 0 ? 7 : want)));
			}
		}
		CHECK(p.output == (wanted(&p, 0) >= 0));
		/* A slave that wants service has asked the master, and only such a one. */
		CHECK((wanted(&p, 1) >= 0) == !!(p.chip[0].irr & BIT(2)));
		if (random_below(&rnd, 5000) == 0)
			random_bytes(&rnd, &p.chip, sizeof(p.chip));
		else if (random_below(&rnd, 200) == 0)
			start_pic(&p, random_u64(&rnd));
		i8259_update(&p);
	}
	return true;
}

/* The IOAPIC */

static struct {
	struct i82093 chip;
	int answer;
	unsigned int sent;
	u64 last;
} io;

static int io_send(struct i82093 *chip, u64 entry)
{
	io.sent++;
	io.last = entry;
	return io.answer;
}

static void io_start(void)
{
	i82093_init(&io.chip, io_send);
	io.answer = 1;
	io.sent = 0;
}

static int io_write(u32 nr, u32 value)
{
	i82093_write(&io.chip, 0, nr);
	return i82093_write(&io.chip, 0x10, value);
}

static u32 io_read(u32 nr)
{
	i82093_write(&io.chip, 0, nr);
	return i82093_read(&io.chip, 0x10);
}

static bool ioapic_registers(void)
{
	io_start();
	CHECK(io_read(1) == 0x170011);
	io_write(0, 0xff123456);
	CHECK(io_read(0) == 0x0f000000 && io_read(2) == 0x0f000000);
	CHECK(io_read(0x10) == 0x10000);
	CHECK(io_read(0x3f) == 0);
	CHECK(io_read(0x40) == ~0U && io_read(3) == ~0U && io_read(0xff) == ~0U);
	CHECK(io_write(0x3f, 0x12345678) == -1);
	CHECK(io_write(0x3e, 0xffff) == 23);
	CHECK(io_read(0x3f) == 0x12345678);
	CHECK(io_read(0x3e) == (0xffffU & ~0x5000));		/* what is read-only stays */
	CHECK(io_write(0x3e, 0xffff) == -1);
	CHECK(i82093_read(&io.chip, 0) == 0x3e);
	CHECK(i82093_read(&io.chip, 4) == 0);
	CHECK(i82093_pins(&io.chip, 0xff) == BIT(23));
	return true;
}

static bool ioapic_edge(void)
{
	io_start();
	CHECK(i82093_set_pin(&io.chip, 4, true) == -1);		/* masked */
	io_write(0x18, 0x41);
	CHECK(!io.sent);					/* that edge is over */
	CHECK(i82093_set_pin(&io.chip, 4, true) == 0);
	CHECK(i82093_set_pin(&io.chip, 4, false) == 1);
	CHECK(i82093_set_pin(&io.chip, 4, true) == 1);
	CHECK(io.sent == 1 && io.last == 0x41);
	CHECK(i82093_set_pin(&io.chip, 4, true) == 0 && io.sent == 1);
	CHECK(!i82093_eoi(&io.chip, 4) && io.sent == 1);
	io.answer = -1;
	i82093_set_pin(&io.chip, 4, false);
	CHECK(i82093_set_pin(&io.chip, 4, true) == -1);
	return true;
}

static bool ioapic_level(void)
{
	io_start();
	io_write(0x1a, 0x8042);
	CHECK(i82093_set_pin(&io.chip, 5, true) == 1 && io.sent == 1);
	CHECK(io_read(0x1a) == 0xc042);
	CHECK(i82093_set_pin(&io.chip, 5, true) == -1 && io.sent == 1);
	CHECK(!i82093_eoi(&io.chip, 5) && io.sent == 2);		/* still up */
	i82093_set_pin(&io.chip, 5, false);
	CHECK(!i82093_eoi(&io.chip, 5) && io.sent == 2);
	CHECK(io_read(0x1a) == 0x8042);
	io_write(0x1a, 0x18042);
	CHECK(i82093_set_pin(&io.chip, 5, true) == -1);
	io_write(0x1a, 0x8042);
	CHECK(io.sent == 3);					/* a level waits for being unmasked */
	io_write(0x1a, 0x10042);
	CHECK(io_read(0x1a) == 0x10042);			/* an edge has no Remote IRR */
	io_write(0x1a, 0x8042);
	CHECK(io.sent == 4);
	/* Nobody there: it may be sent again when somebody is. */
	io_start();
	io.answer = -1;
	io_write(0x1a, 0x8042);
	CHECK(i82093_set_pin(&io.chip, 5, true) == -1 && io.sent == 1);
	io.answer = 1;
	CHECK(i82093_set_pin(&io.chip, 5, true) == 1 && io.sent == 2);
	return true;
}

static bool ioapic_storm(void)
{
	io_start();
	io_write(0x1a, 0x8042);
	i82093_set_pin(&io.chip, 5, true);
	for (unsigned int n = 1; n < I82093_STORM; n++)
		CHECK(!i82093_eoi(&io.chip, 5));
	CHECK(io.sent == I82093_STORM);
	CHECK(i82093_eoi(&io.chip, 5));
	CHECK(io.sent == I82093_STORM);
	i82093_resume(&io.chip);
	CHECK(io.sent == I82093_STORM + 1);
	CHECK(!i82093_eoi(&io.chip, 5));
	return true;
}

/* Nothing that is due stays undone, and nothing is sent that is not. */
static bool ioapic_random(void)
{
	io_start();
	for (unsigned long n = scaled(500000); n; n--) {
		unsigned int pin = random_below(&rnd, 24), sent = io.sent;
		u64 old = io.chip.entry[pin];

		io.answer = 1 + random_below(&rnd, 3);
		switch (random_below(&rnd, 4)) {
		case 0:
			i82093_set_pin(&io.chip, pin, true);
			if (old & I82093_MASKED)
				CHECK(io.sent == sent);
			if ((old & I82093_LEVEL) && (old & I82093_REMOTE_IRR))
				CHECK(io.sent == sent);
			break;
		case 1:
			i82093_set_pin(&io.chip, pin, false);
			CHECK(io.sent == sent);
			break;
		case 2:
			io_write(random_below(&rnd, 0x44), random_u64(&rnd));
			break;
		default:
			if (i82093_eoi(&io.chip, pin))
				i82093_resume(&io.chip);
		}
		for (pin = 0; pin < 24; pin++) {
			u64 e = io.chip.entry[pin];

			if ((e & I82093_LEVEL) && !(e & I82093_MASKED) &&
			    (io.chip.irr & BIT(pin)))
				CHECK(e & I82093_REMOTE_IRR);
			if (!(e & I82093_LEVEL))
				CHECK(!(e & I82093_REMOTE_IRR));
		}
		if (random_below(&rnd, 10000) == 0) {
			random_bytes(&rnd, io.chip.entry, sizeof(io.chip.entry));
			io.chip.select = random_u64(&rnd);
			i82093_read(&io.chip, 0x10);
			io_start();
		}
	}
	return true;
}

/* The timer */

#define NS(ticks)	((ticks) * 1000000000ULL / I8254_HZ + 1)

static void pit_program(struct i8254 *p, unsigned int channel, u8 control, u16 count, u64 now)
{
	i8254_write(p, 3, channel << 6 | 0x30 | control, now);
	i8254_write(p, channel, count, now);
	i8254_write(p, channel, count >> 8, now);
}

static u16 pit_count(struct i8254 *p, unsigned int channel, u64 now)
{
	u16 low = i8254_read(p, channel, now);

	return low | i8254_read(p, channel, now) << 8;
}

static bool pit_counts(void)
{
	struct i8254 p;

	i8254_init(&p, 0);
	CHECK(!i8254_interval(&p));
	pit_program(&p, 2, 0, 1000, 5000);
	CHECK(pit_count(&p, 2, 5000) == 1000);
	CHECK(pit_count(&p, 2, 5000 + NS(10)) == 990);
	CHECK(!i8254_out(&p, 2, 5000 + NS(999)));
	CHECK(i8254_out(&p, 2, 5000 + NS(1000)));
	CHECK(pit_count(&p, 2, 5000 + NS(1001)) == 0xffff);	/* and on */
	pit_program(&p, 2, 4, 1000, 0);				/* mode 2 */
	CHECK(pit_count(&p, 2, NS(1001)) == 999);
	CHECK(i8254_out(&p, 2, NS(1998)) && !i8254_out(&p, 2, NS(1999)));
	pit_program(&p, 2, 6, 1000, 0);				/* mode 3 */
	CHECK(pit_count(&p, 2, NS(3)) == 994);
	CHECK(i8254_out(&p, 2, NS(499)) && !i8254_out(&p, 2, NS(500)));
	i8254_set_gate(&p, 2, true, NS(100));			/* restarts it */
	CHECK(pit_count(&p, 2, NS(100)) == 1000);
	i8254_set_gate(&p, 2, true, NS(200));
	CHECK(pit_count(&p, 2, NS(200)) == 800);
	pit_program(&p, 0, 4, 0, 0);
	CHECK(i8254_interval(&p) == 65536 * 1000000000ULL / I8254_HZ);
	CHECK(i8254_periodic(&p));
	pit_program(&p, 0, 0, 1, 0);
	CHECK(i8254_interval(&p) == 838 && !i8254_periodic(&p));
	/* Times before the start, and thousands of years after it. */
	CHECK(pit_count(&p, 0, 0) == 1);
	pit_count(&p, 0, ~0ULL);
	return true;
}

static bool pit_latches(void)
{
	struct i8254 p;

	i8254_init(&p, 0);
	pit_program(&p, 1, 4, 5000, 0);
	i8254_write(&p, 3, 0x40, NS(100));
	i8254_write(&p, 3, 0x40, NS(200));			/* the first one counts */
	CHECK(pit_count(&p, 1, NS(300)) == 4900);
	CHECK(pit_count(&p, 1, NS(300)) == 4700);
	i8254_write(&p, 3, 0xc4, NS(400));			/* both, of channel 1 */
	CHECK(i8254_read(&p, 1, NS(500)) == 0xb4);		/* status first: out, both halves, mode 2 */
	CHECK(pit_count(&p, 1, NS(500)) == 4600);
	i8254_write(&p, 3, 0x50, 0);				/* low half only, mode 0 */
	CHECK(!i8254_write(&p, 1, 0x34, 0));
	CHECK(i8254_read(&p, 1, 0) == 0x34 && i8254_read(&p, 1, 0) == 0x34);
	i8254_write(&p, 3, 0x60, 0);				/* high half only */
	i8254_write(&p, 1, 0x12, 0);
	CHECK(p.channel[1].count == 0x1200 && i8254_read(&p, 1, 0) == 0x12);
	i8254_write(&p, 3, 0x34, 0);
	CHECK(!i8254_write(&p, 0, 0xff, 0));
	CHECK(i8254_write(&p, 0, 0xff, 0));			/* channel 0 starts */
	CHECK(i8254_read(&p, 3, 0) == 0);
	return true;
}

static bool pit_random(void)
{
	struct i8254 p;
	u64 now = 0;

	i8254_init(&p, now);
	for (unsigned long n = scaled(500000); n; n--) {
		unsigned int i = random_below(&rnd, 3);

		now += random_below(&rnd, 2) ? random_below(&rnd, 1000000) : 0;
		switch (random_below(&rnd, 4)) {
		case 0:
			i8254_write(&p, random_below(&rnd, 4), random_u64(&rnd), now);
			break;
		case 1:
			i8254_read(&p, random_below(&rnd, 4), now);
			break;
		case 2:
			i8254_set_gate(&p, i, random_below(&rnd, 2), now);
			break;
		default:
			i8254_out(&p, i, now);
		}
		for (i = 0; i < 3; i++) {
			CHECK(p.channel[i].count >= 1 && p.channel[i].count <= 65536);
			CHECK((u64)p.channel[i].loaded <= now);
		}
		CHECK(i8254_interval(&p) <= NS(65536));
		if (random_below(&rnd, 1000) == 0) {
			/* Whatever userspace says. */
			random_bytes(&rnd, &p, sizeof(p));
			for (i = 0; i < 4; i++) {
				i8254_read(&p, i, now);
				i8254_write(&p, i, random_u64(&rnd), now);
				i8254_out(&p, i % 3, now);
			}
			i8254_interval(&p);
			i8254_init(&p, now);
		}
	}
	return true;
}

static const struct {
	const char *what;
	bool (*test)(void);
} tests[] = {
	{ "8259: an edge is one request, in service until its EOI", pic_edges },
	{ "8259: a level asks again until it is lowered", pic_levels },
	{ "8259: priorities nest and rotate, through the cascade too", pic_priorities },
	{ "8259: masks, special mask, poll, automatic EOI", pic_masks_and_modes },
	{ "8259: random operations against a slow model", pic_random },
	{ "IOAPIC: registers", ioapic_registers },
	{ "IOAPIC: an edge is sent once, unless masked", ioapic_edge },
	{ "IOAPIC: a level is sent again after its EOI while it is up", ioapic_level },
	{ "IOAPIC: a pin that fires after every EOI is made to wait", ioapic_storm },
	{ "IOAPIC: random operations leave nothing undone", ioapic_random },
	{ "8254: counts and outputs of the modes", pit_counts },
	{ "8254: latches and halves", pit_latches },
	{ "8254: random operations and states", pit_random },
};

int main(void)
{
	u64 seed = seed_from_environment();

	random_seed(&rnd, seed);
	tap_plan(ARRAY_SIZE(tests));
	tap_note("SEED=%llu", seed);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tap_result(tests[i].test(), "%s", tests[i].what);
	return tap_exit();
}
