/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_CLOCK_SCALE_H
#define BELLOWS_CLOCK_SCALE_H
/*
 * From TSC ticks to nanoseconds as KVM's clock page says it: shift left (or right,
 * if negative), multiply, and take the upper half. Pure.
 */
#include "pure.h"

struct bellows_clock_scale {
	u32 mul;
	s8 shift;
};

/* khz is not 0. */
static inline struct bellows_clock_scale bellows_clock_scale(u32 khz)
{
	u64 hz = (u64)khz * 1000;
	struct bellows_clock_scale scale = { .shift = 0 };

	/* A frequency between one and two GHz makes the multiplier fill its 32 bits. */
	for (; hz > 2000000000ULL; hz >>= 1)
		scale.shift--;
	for (; hz <= 1000000000ULL; hz <<= 1)
		scale.shift++;
	scale.mul = (1000000000ULL << 32) / hz;
	return scale;
}

static inline u64 bellows_clock_ns(struct bellows_clock_scale scale, u64 ticks)
{
	u64 low, high;

	ticks = scale.shift < 0 ? ticks >> -scale.shift : ticks << scale.shift;
	low = (u64)(u32)ticks * scale.mul;
	high = (ticks >> 32) * scale.mul;
	return high + (low >> 32);
}

/*
 * A host that slept may come back with a TSC that began again. What it has lost is
 * added to it from then on, wherever a time is kept in its ticks.
 */
static inline u64 clock_tsc_lost(u64 lost_before, u64 at_suspend, u64 at_resume)
{
	return at_resume < at_suspend ? lost_before + (at_suspend - at_resume) : lost_before;
}

#endif
