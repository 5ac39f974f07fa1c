// SPDX-License-Identifier: GPL-2.0
/* The clock page's arithmetic, against division with more bits. */
#include <stdlib.h>

#include "random.h"
#include "tap.h"

#include "host/clock_scale.h"

static struct random rnd;

/* The multiplier has 31 significant bits or more: an error of a part in 2^30 and two units. */
static bool close_to_division(void)
{
	unsigned long i;

	for (i = 0; i < scaled(200000); i++) {
		u32 khz = 1000 + random_below(&rnd, 9000000);
		struct bellows_clock_scale scale = bellows_clock_scale(khz);
		u64 ticks = random_u64(&rnd) >> (12 + random_below(&rnd, 50));
		__uint128_t exact = (__uint128_t)ticks * 1000000 / khz;
		u64 ns = bellows_clock_ns(scale, ticks);

		if (exact > U64_MAX / 4)
			continue;
		if (ns > exact + 2 || ns + 2 + (exact >> 29) + (1u << (scale.shift < 0 ? -scale.shift : 0)) < exact)
			return false;
	}
	return true;
}

static bool monotonic(void)
{
	unsigned long i;

	for (i = 0; i < scaled(2000); i++) {
		struct bellows_clock_scale scale = bellows_clock_scale(1000 + random_below(&rnd, 9000000));
		u64 ticks = random_u64(&rnd) >> 16, last = 0;
		unsigned int n;

		for (n = 0; n < 100; n++) {
			u64 ns = bellows_clock_ns(scale, ticks + n);

			if (ns < last)
				return false;
			last = ns;
		}
	}
	return true;
}

static bool round_figures(void)
{
	struct bellows_clock_scale one = bellows_clock_scale(1000000), two = bellows_clock_scale(2000000);

	return bellows_clock_ns(one, 1000000000) == 1000000000 &&
	       bellows_clock_ns(two, 2000000000) == 1000000000 && bellows_clock_ns(two, 0) == 0;
}

/* A TSC that goes through sleeps, some of which set it back to anything smaller. */
static bool sleeps(void)
{
	u64 lost = 0, tsc = random_u64(&rnd) >> 20, before, after;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		bool resets = random_below(&rnd, 2);

		before = tsc;
		tsc = resets ? random_below(&rnd, 1u << 30) : tsc + random_below(&rnd, 1u << 30);
		after = tsc;
		before += lost;
		lost = clock_tsc_lost(lost, before - lost, after);
		if (tsc + lost < before)
			return false;
		/* Where it went on counting, nothing is added. */
		if (!resets && tsc + lost - before >= 1u << 30)
			return false;
		tsc += random_below(&rnd, 1u << 30);
	}
	return true;
}

int main(void)
{
	u64 seed = seed_from_environment();

	random_seed(&rnd, seed);
	tap_plan(4);
	tap_note("SEED=%llu", seed);
	tap_result(close_to_division(), "ticks become nanoseconds as by division");
	tap_result(monotonic(), "more ticks are never less time");
	tap_result(round_figures(), "whole gigahertz are exact");
	tap_result(sleeps(), "a TSC that begins again in a sleep goes on where it was");
	return tap_exit();
}
