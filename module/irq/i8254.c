// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254's counters. Nothing ticks: a counter is what it was loaded with, and
 * when; its value and its output follow from the time that has passed.
 *
 * Modes 0, 1, 4 and 5 count once and then go on from 65535; 2 and 3 start again
 * from the count, 3 in steps of two. A gate restarts modes 1, 2, 3 and 5 when it
 * goes up; that it stops the others while it is down is not done, nor is BCD, nor
 * the "null count" bit: no system depends on them.
 */
#include "irq/i8254.h"

#define NSEC		1000000000ULL
#define MAX_COUNT	0x10000

/* Which half of a 16-bit value comes next. */
enum i8254_half {
	HALF_LOW = 1,
	HALF_HIGH,
	HALF_BOTH,		/* low now, then SECOND */
	HALF_SECOND,
};

static u64 i8254_ticks(u64 ns)
{
	return ns / NSEC * I8254_HZ + ns % NSEC * I8254_HZ / NSEC;
}

static u32 i8254_period(const struct i8254_channel *c)
{
	return c->count && c->count <= MAX_COUNT ? c->count : MAX_COUNT;
}

static u64 i8254_elapsed(const struct i8254_channel *c, u64 now)
{
	u64 loaded = c->loaded;

	return now > loaded ? i8254_ticks(now - loaded) : 0;
}

static u16 i8254_count(const struct i8254_channel *c, u64 now)
{
	u64 d = i8254_elapsed(c, now);

	switch (c->mode) {
	case 0:
	case 1:
	case 4:
	case 5:
		return c->count - d;
	case 3:
		return i8254_period(c) - 2 * d % i8254_period(c);
	default:
		return i8254_period(c) - d % i8254_period(c);
	}
}

bool i8254_out(const struct i8254 *pit, unsigned int channel, u64 now)
{
	const struct i8254_channel *c = &pit->channel[channel];
	u64 d = i8254_elapsed(c, now);

	switch (c->mode) {
	case 2:		/* low for the last tick of each round */
		return d % i8254_period(c) != i8254_period(c) - 1;
	case 3:
		return d % i8254_period(c) < (i8254_period(c) + 1) / 2;
	case 4:		/* low for one tick at the end */
	case 5:
		return d != i8254_period(c);
	default:
		return d >= i8254_period(c);
	}
}

static void i8254_latch_count(struct i8254_channel *c, u64 now)
{
	if (c->count_latched)
		return;
	c->latched_count = i8254_count(c, now);
	c->count_latched = c->rw_mode;
}

static void i8254_latch_status(struct i8254 *pit, unsigned int channel, u64 now)
{
	struct i8254_channel *c = &pit->channel[channel];

	if (c->status_latched)
		return;
	c->status = i8254_out(pit, channel, now) << 7 | (c->rw_mode & 3) << 4 |
		    (c->mode & 7) << 1 | (c->bcd & 1);
	c->status_latched = 1;
}

static void i8254_read_back(struct i8254 *pit, u8 value, u64 now)
{
	unsigned int i;

	for (i = 0; i < I8254_CHANNELS; i++) {
		if (!(value & BIT(i + 1)))
			continue;
		if (!(value & 0x20))
			i8254_latch_count(&pit->channel[i], now);
		if (!(value & 0x10))
			i8254_latch_status(pit, i, now);
	}
}

static void i8254_control(struct i8254 *pit, u8 value, u64 now)
{
	struct i8254_channel *c;

	if (value >> 6 == 3) {
		i8254_read_back(pit, value, now);
		return;
	}
	c = &pit->channel[array_index_nospec(value >> 6, I8254_CHANNELS)];
	if (!(value & 0x30)) {
		i8254_latch_count(c, now);
		return;
	}
	c->rw_mode = value >> 4 & 3;
	c->read_state = c->rw_mode;
	c->write_state = c->rw_mode;
	c->mode = value >> 1 & 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->bcd = value & 1;
}

void i8254_load(struct i8254 *pit, unsigned int channel, u32 count, u64 now)
{
	struct i8254_channel *c = &pit->channel[channel];

	c->count = count && count <= MAX_COUNT ? count : MAX_COUNT;
	c->loaded = now;
}

bool i8254_write(struct i8254 *pit, unsigned int port, u8 value, u64 now)
{
	struct i8254_channel *c;

	if (port == 3) {
		i8254_control(pit, value, now);
		return false;
	}
	c = &pit->channel[array_index_nospec(port, I8254_CHANNELS)];
	switch (c->write_state) {
	case HALF_BOTH:
		c->write_latch = value;
		c->write_state = HALF_SECOND;
		return false;
	case HALF_SECOND:
		i8254_load(pit, port, c->write_latch | value << 8, now);
		c->write_state = HALF_BOTH;
		break;
	case HALF_HIGH:
		i8254_load(pit, port, value << 8, now);
		break;
	default:
		i8254_load(pit, port, value, now);
	}
	return !port;
}

static u8 i8254_read_latched(struct i8254_channel *c)
{
	u8 half = c->count_latched;

	c->count_latched = half == HALF_BOTH ? HALF_HIGH : 0;
	return half == HALF_HIGH ? c->latched_count >> 8 : c->latched_count;
}

u8 i8254_read(struct i8254 *pit, unsigned int port, u64 now)
{
	struct i8254_channel *c;
	u16 count;

	if (port == 3)
		return 0;
	c = &pit->channel[array_index_nospec(port, I8254_CHANNELS)];
	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched)
		return i8254_read_latched(c);
	count = i8254_count(c, now);
	switch (c->read_state) {
	case HALF_BOTH:
		c->read_state = HALF_SECOND;
		return count;
	case HALF_SECOND:
		c->read_state = HALF_BOTH;
		return count >> 8;
	case HALF_HIGH:
		return count >> 8;
	default:
		return count;
	}
}

void i8254_set_gate(struct i8254 *pit, unsigned int channel, bool high, u64 now)
{
	struct i8254_channel *c = &pit->channel[channel];

	if (high && !c->gate && (c->mode == 1 || c->mode == 2 || c->mode == 3 || c->mode == 5))
		c->loaded = now;
	c->gate = high;
}

bool i8254_periodic(const struct i8254 *pit)
{
	return pit->channel[0].mode == 2 || pit->channel[0].mode == 3;
}

u64 i8254_interval(const struct i8254 *pit)
{
	const struct i8254_channel *c = &pit->channel[0];

	if (c->mode > 4)
		return 0;
	return i8254_period(c) * NSEC / I8254_HZ;
}

void i8254_init(struct i8254 *pit, u64 now)
{
	unsigned int i;

	memset(pit, 0, sizeof(*pit));
	for (i = 0; i < I8254_CHANNELS; i++) {
		pit->channel[i].mode = I8254_NO_MODE;
		pit->channel[i].gate = i != 2;
		i8254_load(pit, i, 0, now);
	}
}
