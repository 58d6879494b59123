// SPDX-License-Identifier: Apache-2.0
/* The breaker: what has failed most of the time is left alone for a while. Counts single attempts,
 * so it stands between retry and executor. Which failures count is in cx_breaker_judge; it knows
 * nothing of transactions beyond that one under way is never refused. */
#ifndef CX_BREAKER_H
#define CX_BREAKER_H

#include "base/event.h"
#include "base/thread.h"

#include <cdbc/error.h>
#include <cdbc/strategy.h>
#include <stdatomic.h>

#define CX_BREAKER_BUCKETS    16 /* the window is counted in so many steps */
#define CX_BREAKER_LEASES_MAX 64
#define CX_BREAKER_CAUSE_MAX  200

typedef struct cx_breaker_options {
	bool is_enabled;
	int64_t window_ns;
	int64_t min_calls;   /* fewer decide nothing */
	int64_t failure_pct; /* of the calls in the window */
	int64_t slow_ns;     /* CX_NEVER: none is slow */
	int64_t slow_pct;
	int64_t open_first_ns, open_max_ns; /* doubles each time that it has not helped */
	int64_t half_open_calls;            /* as many may try, and must succeed */
	int64_t lease_ns;                   /* how long one of them may take to tell */
} cx_breaker_options;

typedef enum cx_breaker_state {
	CX_BREAKER_CLOSED, /* calls pass */
	CX_BREAKER_OPEN,   /* none does */
	CX_BREAKER_HALF_OPEN
} cx_breaker_state;

/* What a call says of the database. */
typedef enum cx_breaker_verdict {
	CX_CALL_GOOD, /* it answered, be it by an error */
	CX_CALL_BAD,
	CX_CALL_NEUTRAL /* nothing */
} cx_breaker_verdict;

typedef struct cx_breaker_bucket {
	_Atomic uint64_t good; /* the epoch in the upper half, calls in the lower */
	uint32_t epoch;        /* of what follows; under the lock */
	int64_t bad_count, slow_count;
} cx_breaker_bucket;

typedef struct cx_breaker_lease {
	int64_t expires_ns; /* 0: free */
	uint64_t serial;
} cx_breaker_lease;

/* A client's. Any thread. */
typedef struct cx_breaker {
	cx_breaker_options options;
	const cx_events *events; /* told of each change; NULL: nobody */
	int64_t bucket_ns;
	bool is_timed;         /* some calls are slow ones */
	_Atomic uint64_t word; /* the state in two bits, above them a count of its changes */
	_Atomic int64_t opened_count, refused_count;
	cx_breaker_bucket buckets[CX_BREAKER_BUCKETS];
	cx_mutex lock; /* guards what follows, changes of word, and buckets but for adding to good */
	int64_t open_ns, open_until_ns;
	int64_t good_count; /* half-open */
	uint64_t serial;
	cx_breaker_lease leases[CX_BREAKER_LEASES_MAX];
	char cause[CX_BREAKER_CAUSE_MAX]; /* the last failure */
} cx_breaker;

void cx_breaker_init(cx_breaker *breaker, const cx_breaker_options *options,
					 const cx_events *events);
void cx_breaker_fini(cx_breaker *breaker);

/* What a call that may go was given, to tell its end by. */
typedef struct cx_breaker_ticket {
	uint64_t word;
	uint64_t serial; /* of a lease; 0: none */
	int slot;
} cx_breaker_ticket;

/* Whether a call may go. must_pass: it is part of something that has begun. When not, *wait_ns is
 * how long until it is worth asking again. */
bool cx_breaker_enter(cx_breaker *breaker, int64_t now_ns, bool must_pass,
					  cx_breaker_ticket *ticket, int64_t *wait_ns);
/* How the call has ended. cause NULL: not known. */
void cx_breaker_leave(cx_breaker *breaker, const cx_breaker_ticket *ticket, int64_t now_ns,
					  cx_breaker_verdict verdict, bool is_slow, const cdbc_error *cause);

/* What a failure says of the database. */
cx_breaker_verdict cx_breaker_judge(const cdbc_error *error);

/* The same two with the clock and an error, for what does not go through the chain. Asks nothing
 * when the breaker is not enabled. Fails with CDBC_OVERLOADED. */
cdbc_status cx_breaker_ask(cx_breaker *breaker, cx_breaker_ticket *ticket, cdbc_error **err);
void cx_breaker_tell(cx_breaker *breaker, const cx_breaker_ticket *ticket, const cdbc_error *error);
/* A result has broken off after its first rows: it counts as a call that failed. */
void cx_breaker_tell_late(cx_breaker *breaker, const cdbc_error *error);

static inline cx_breaker_state cx_breaker_state_now(const cx_breaker *breaker)
{
	return (cx_breaker_state)(atomic_load_explicit(&breaker->word, memory_order_relaxed) & 3);
}

/* The link of the chain. breaker is borrowed for its life. */
cdbc_strategy cx_breaker_link(cx_breaker *breaker);

#endif
