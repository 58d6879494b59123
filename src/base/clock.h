// SPDX-License-Identifier: Apache-2.0
/* Monotonic time and deadlines. A deadline is nanoseconds of CLOCK_MONOTONIC; CX_NEVER waits
 * without end. The clock can be replaced by a fake one in tests. */
#ifndef CX_CLOCK_H
#define CX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CX_NEVER     INT64_MAX
#define CX_NS_PER_MS INT64_C(1000000)
#define CX_NS_PER_S  INT64_C(1000000000)

/* Now, exactly; and within a few milliseconds, for a tenth of the cost. */
int64_t cx_clock_now_ns(void);
int64_t cx_clock_coarse_ns(void);

/* now + ms, saturating; CDBC_FOREVER (INT64_MAX) gives CX_NEVER; negative counts as 0. */
int64_t cx_deadline_after_ms(int64_t ms);
/* Nanoseconds left, at least 0; CX_NEVER for CX_NEVER. */
int64_t cx_deadline_left_ns(int64_t deadline_ns);
/* The same in milliseconds for poll(): rounded up, -1 for CX_NEVER, at most INT_MAX. */
int cx_deadline_poll_ms(int64_t deadline_ns);

/* Sleeps. On the fake clock it returns at once, and so much later. */
void cx_clock_sleep_ns(int64_t ns);

static inline bool cx_deadline_passed(int64_t deadline_ns)
{
	return deadline_ns != CX_NEVER && cx_clock_now_ns() >= deadline_ns;
}

static inline int64_t cx_deadline_sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Tests only: a clock that stands still until it is moved. Not while other threads wait for real
 * time. */
void cx_clock_fake_start(int64_t now_ns);
void cx_clock_fake_advance_ns(int64_t ns);
void cx_clock_fake_stop(void);

#endif
