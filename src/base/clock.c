// SPDX-License-Identifier: Apache-2.0
/* The clock and its fake. */
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <time.h>

/* The fake's time; 0: the real clock. Set by tests only. */
static _Atomic int64_t fake_now;

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	int64_t fake = atomic_load_explicit(&fake_now, memory_order_relaxed);

	if (__builtin_expect(fake != 0, 0))
		return fake;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * CX_NS_PER_S + t.tv_nsec;
}

int64_t cx_clock_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t cx_clock_coarse_ns(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t cx_deadline_after_ms(int64_t ms)
{
	int64_t ns, at;

	if (ms == INT64_MAX)
		return CX_NEVER;
	if (ms < 0)
		ms = 0;
	if (__builtin_mul_overflow(ms, CX_NS_PER_MS, &ns) ||
		__builtin_add_overflow(cx_clock_now_ns(), ns, &at))
		return CX_NEVER;
	return at;
}

int64_t cx_deadline_left_ns(int64_t deadline_ns)
{
	int64_t left;

	if (deadline_ns == CX_NEVER)
		return CX_NEVER;
	left = deadline_ns - cx_clock_now_ns();
	return left > 0 ? left : 0;
}

int cx_deadline_poll_ms(int64_t deadline_ns)
{
	int64_t left = cx_deadline_left_ns(deadline_ns);

	if (left == CX_NEVER)
		return -1;
	left = left / CX_NS_PER_MS + (left % CX_NS_PER_MS != 0);
	return left > INT_MAX ? INT_MAX : (int)left;
}

void cx_clock_sleep_ns(int64_t ns)
{
	struct timespec left = {(time_t)(ns / CX_NS_PER_S), (long)(ns % CX_NS_PER_S)};

	if (ns <= 0)
		return;
	if (atomic_load_explicit(&fake_now, memory_order_relaxed)) {
		cx_clock_fake_advance_ns(ns);
		return;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

void cx_clock_fake_start(int64_t now_ns)
{
	atomic_store(&fake_now, now_ns > 0 ? now_ns : 1);
}

void cx_clock_fake_advance_ns(int64_t ns)
{
	atomic_fetch_add(&fake_now, ns);
}

void cx_clock_fake_stop(void)
{
	atomic_store(&fake_now, 0);
}
