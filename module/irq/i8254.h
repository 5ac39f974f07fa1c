/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_IRQ_I8254_H
#define BELLOWS_IRQ_I8254_H
/*
 * An 8254 interval timer: three counters as a function of the time that the
 * caller passes, in nanoseconds. Pure: the caller locks, and makes channel 0
 * interrupt.
 */
#include "pure.h"

#define I8254_HZ	1193181
#define I8254_CHANNELS	3
/* Modes of a counter; this one is none, as after power-on. */
#define I8254_NO_MODE	0xff

/* In the order of struct kvm_pit_channel_state. Any values are safe. */
struct i8254_channel {
	u32 count;		/* 1 to 65536 */
	u16 latched_count;
	u8 count_latched;	/* what is still to be read of it: enum i8254_half */
	u8 status_latched;
	u8 status;
	u8 read_state;
	u8 write_state;
	u8 write_latch;		/* the low half, when the high half is due */
	u8 rw_mode;
	u8 mode;
	u8 bcd;			/* kept; counting is binary */
	u8 gate;
	s64 loaded;		/* when counting began */
};

struct i8254 {
	struct i8254_channel channel[I8254_CHANNELS];
};

void i8254_init(struct i8254 *pit, u64 now);
/* A new count; 0 means 65536. */
void i8254_load(struct i8254 *pit, unsigned int channel, u32 count, u64 now);
/* Port 0 to 2: the channels, 3: control. */
u8 i8254_read(struct i8254 *pit, unsigned int port, u64 now);
/* True: channel 0 was loaded. */
bool i8254_write(struct i8254 *pit, unsigned int port, u8 value, u64 now);
void i8254_set_gate(struct i8254 *pit, unsigned int channel, bool high, u64 now);
bool i8254_out(const struct i8254 *pit, unsigned int channel, u64 now);

/* What channel 0 does: nanoseconds until it first interrupts after loading, 0: never. */
u64 i8254_interval(const struct i8254 *pit);
/* And again and again? */
bool i8254_periodic(const struct i8254 *pit);

#endif
