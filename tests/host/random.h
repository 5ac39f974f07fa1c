/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that a seed repeats (xorshift64*, after Vigna 2016). The seed
 * comes from the environment variable SEED, or else from the clock, and every
 * program prints it.
 */
#ifndef BELLOWS_TESTS_HOST_RANDOM_H
#define BELLOWS_TESTS_HOST_RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_u64(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dULL;
}

static inline unsigned int random_below(struct random *r, unsigned int limit)
{
	return (random_u64(r) >> 32) % limit;
}

static inline void random_bytes(struct random *r, void *buffer, size_t size)
{
	uint8_t *p = buffer;

	while (size--)
		*p++ = random_u64(r) >> 56;
}

static inline void random_seed(struct random *r, uint64_t seed)
{
	r->state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	if (!r->state)
		r->state = 1;
	random_u64(r);
	random_u64(r);
}

static inline uint64_t seed_from_environment(void)
{
	const char *text = getenv("SEED");
	struct timespec now;

	if (text)
		return strtoull(text, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000003 + now.tv_nsec;
}

/* A number of rounds, scaled by the environment variable SCALE (in percent). */
static inline unsigned long scaled(unsigned long rounds)
{
	const char *text = getenv("SCALE");

	return text ? rounds * strtoul(text, NULL, 0) / 100 : rounds;
}

#endif /* BELLOWS_TESTS_HOST_RANDOM_H */
