// SPDX-License-Identifier: Apache-2.0
/* Backoff and jitter. */
#include "base/backoff.h"

#include "base/clock.h"

#include <sys/random.h>

uint64_t cx_random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t cx_random_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed = (uint64_t)cx_clock_now_ns() ^ (uint64_t)(uintptr_t)&seed;
	return seed;
}

int64_t cx_jitter_ns(uint64_t *random, int64_t value_ns, int64_t pct)
{
	int64_t part;

	if (value_ns <= 0 || value_ns == CX_NEVER || pct <= 0)
		return value_ns;
	if (pct > 100)
		pct = 100;
	part = value_ns / 100 * pct + value_ns % 100 * pct / 100;
	return value_ns - (int64_t)(cx_random_next(random) % ((uint64_t)part + 1));
}

void cx_backoff_init(cx_backoff *backoff, int64_t first_ns, int64_t max_ns, int64_t jitter_pct,
					 uint64_t random)
{
	*backoff = (cx_backoff){first_ns, max_ns, jitter_pct, 0, random};
}

int64_t cx_backoff_next_ns(cx_backoff *backoff)
{
	int64_t step = backoff->step_ns ? backoff->step_ns : backoff->first_ns;

	if (step > backoff->max_ns)
		step = backoff->max_ns;
	backoff->step_ns = step > backoff->max_ns / 2 ? backoff->max_ns : step * 2;
	return cx_jitter_ns(&backoff->random, step, backoff->jitter_pct);
}

void cx_backoff_reset(cx_backoff *backoff)
{
	backoff->step_ns = 0;
}
