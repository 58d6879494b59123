// SPDX-License-Identifier: Apache-2.0
/* When to try again, and after how long: one policy for single statements and whole transactions.
 * Reads an error's replay and nothing else of what it means. */
#ifndef CX_RETRY_H
#define CX_RETRY_H

#include "base/backoff.h"

#include <cdbc/error.h>
#include <cdbc/strategy.h>
#include <stdatomic.h>

typedef struct cx_retry_options {
	bool is_enabled; /* of single statements */
	int64_t max_retries;
	int64_t conflict_first_ns, conflict_max_ns; /* the first retry is at once */
	int64_t lost_first_ns, lost_max_ns;
	int64_t budget_pct; /* retries of lost connections and overload, of all requests */
} cx_retry_options;

/* A client's. Any thread. */
typedef struct cx_retry {
	cx_retry_options options;
	_Atomic int64_t budget; /* hundredths of a retry */
} cx_retry;

void cx_retry_init(cx_retry *retry, const cx_retry_options *options);

/* What requests earn for the budget: call it with how many there were. */
void cx_retry_earn(cx_retry *retry, int64_t request_count);

/* One request or transaction while it is tried. */
typedef struct cx_attempts {
	int64_t max_retries;
	int64_t retry_count;
	int64_t late_count;        /* transactions that were too slow for their timestamp */
	int64_t no_conn_count;     /* there was no connection to be had */
	cx_backoff conflict, lost; /* since the first retry */
} cx_attempts;

/* max_retries below 0: the policy's. */
void cx_attempts_init(cx_attempts *attempts, const cx_retry *retry, int64_t max_retries);

/* What was tried. */
typedef struct cx_attempt_facts {
	bool is_whole;      /* the whole transaction would be tried again */
	bool is_idempotent; /* declared to be */
	bool had_no_conn;   /* it failed for want of a connection */
	int64_t deadline_ns;
} cx_attempt_facts;

/* Whether to try again after an error, and when: *wait_ns from now, 0 for at once. */
bool cx_attempts_next(cx_attempts *attempts, cx_retry *retry, const cdbc_error *error,
					  const cx_attempt_facts *facts, int64_t *wait_ns);

/* The link of the chain, for statements outside transactions. retry is borrowed for its life. */
cdbc_strategy cx_retry_link(cx_retry *retry);

#endif
