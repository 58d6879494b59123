// SPDX-License-Identifier: Apache-2.0
/* Waiting times that double, and jitter. Computes only: never sleeps, and knows no clock. */
#ifndef CX_BACKOFF_H
#define CX_BACKOFF_H

#include <stdint.h>

/* Small random numbers for spreading load; not for secrets. state is any number; the same one gives
 * the same row. */
uint64_t cx_random_next(uint64_t *state);
/* A state that differs from process to process and from call to call. */
uint64_t cx_random_seed(void);

/* value_ns less a random part of at most pct percent of it (pct is taken as 0 to 100). CX_NEVER
 * stays. */
int64_t cx_jitter_ns(uint64_t *random, int64_t value_ns, int64_t pct);

typedef struct cx_backoff {
	int64_t first_ns;
	int64_t max_ns;
	int64_t jitter_pct; /* 100: "full jitter", between 0 and the step */
	int64_t step_ns;    /* the step the next call gives; 0: first_ns */
	uint64_t random;
} cx_backoff;

void cx_backoff_init(cx_backoff *backoff, int64_t first_ns, int64_t max_ns, int64_t jitter_pct,
					 uint64_t random);
/* How long to wait before the next attempt: doubles with each call, up to max_ns. */
int64_t cx_backoff_next_ns(cx_backoff *backoff);
/* After a success: begins anew. */
void cx_backoff_reset(cx_backoff *backoff);

#endif
