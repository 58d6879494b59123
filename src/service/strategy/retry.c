// SPDX-License-Identifier: Apache-2.0
/* The policy of retries, and its link. */
#include "service/strategy/retry.h"

#include "base/clock.h"
#include "base/error.h"
#include "data/exec/outcome.h"
#include "service/session.h"
#include "service/strategy/chain.h"

#include <string.h>

#define A_RETRY     100 /* in the budget's unit */
#define BURST       (10 * A_RETRY)
#define LATE_MAX    2
#define NO_CONN_MAX 2 /* the pool has done what it can, and its caller waits */
#define EARN_AT     64
#define TOO_LATE    "RETRY_COMMIT_DEADLINE_EXCEEDED"
#define FULL_JITTER 100

void cx_retry_init(cx_retry *retry, const cx_retry_options *options)
{
	retry->options = *options;
	atomic_init(&retry->budget, BURST);
}

void cx_retry_earn(cx_retry *retry, int64_t request_count)
{
	int64_t have = atomic_load_explicit(&retry->budget, memory_order_relaxed);
	int64_t more = request_count * retry->options.budget_pct;

	while (have < BURST && !atomic_compare_exchange_weak_explicit(
							   &retry->budget, &have, have + more < BURST ? have + more : BURST,
							   memory_order_relaxed, memory_order_relaxed))
		;
}

static bool spend(cx_retry *retry)
{
	int64_t have = atomic_load_explicit(&retry->budget, memory_order_relaxed);

	while (have >= A_RETRY)
		if (atomic_compare_exchange_weak_explicit(&retry->budget, &have, have - A_RETRY,
												  memory_order_relaxed, memory_order_relaxed))
			return true;
	return false;
}

void cx_attempts_init(cx_attempts *attempts, const cx_retry *retry, int64_t max_retries)
{
	attempts->max_retries = max_retries < 0 ? retry->options.max_retries : max_retries;
	attempts->retry_count = 0;
	attempts->late_count = 0;
	attempts->no_conn_count = 0;
}

/* Only before the first retry: most never come to one, and a seed is a system call. */
static void init_backoff(cx_attempts *attempts, const cx_retry *retry)
{
	const cx_retry_options *o = &retry->options;
	uint64_t random = cx_random_seed();

	cx_backoff_init(&attempts->conflict, o->conflict_first_ns, o->conflict_max_ns, FULL_JITTER,
					random);
	cx_backoff_init(&attempts->lost, o->lost_first_ns, o->lost_max_ns, FULL_JITTER, ~random);
}

static bool may_replay(const cdbc_error *error, bool is_whole, bool is_idempotent)
{
	if (cdbc_error_status(error) == CDBC_NOMEM)
		return false;
	switch (cdbc_error_replay(error)) {
	case CDBC_REPLAY_SAFE:
		return true;
	case CDBC_REPLAY_TRANSACTION:
		return is_whole;
	case CDBC_REPLAY_IF_IDEMPOTENT:
		return is_idempotent;
	default:
		return false;
	}
}

/* Another transaction was in the way, or a prepared statement went stale: nothing is broken. */
static bool is_contention(const cdbc_error *error)
{
	cdbc_status status = cdbc_error_status(error);

	return status == CDBC_CONFLICT || status == CDBC_SQL;
}

/* Whether failures of this kind have their own end. */
static bool is_enough(cx_attempts *attempts, const cdbc_error *error, const cx_attempt_facts *facts)
{
	if (facts->had_no_conn &&
		(cdbc_error_status(error) == CDBC_TIMEOUT || ++attempts->no_conn_count > NO_CONN_MAX))
		return true;
	return strstr(cdbc_error_message(error), TOO_LATE) && ++attempts->late_count > LATE_MAX;
}

bool cx_attempts_next(cx_attempts *attempts, cx_retry *retry, const cdbc_error *error,
					  const cx_attempt_facts *facts, int64_t *wait_ns)
{
	int64_t wait;

	if (!may_replay(error, facts->is_whole, facts->is_idempotent) ||
		attempts->retry_count >= attempts->max_retries || is_enough(attempts, error, facts))
		return false;
	if (attempts->retry_count == 0)
		init_backoff(attempts, retry);
	if (is_contention(error))
		wait = attempts->retry_count == 0 ? 0 : cx_backoff_next_ns(&attempts->conflict);
	else if (spend(retry))
		wait = cx_backoff_next_ns(&attempts->lost);
	else
		return false;
	if (cx_deadline_left_ns(facts->deadline_ns) <= wait)
		return false;
	attempts->retry_count++;
	*wait_ns = wait;
	return true;
}

/* ---- the link ---- */

/* Notes an attempt of which nobody knows what became; whatever fails after it is in doubt too, also
 * what never came to the run, for want of a connection. */
static void note_doubt(cdbc_session *session, cdbc_error **err)
{
	cx_run *run = &session->run;

	if (run->was_unknown) {
		cx_verdict verdict = {cdbc_error_outcome(*err), cdbc_error_replay(*err)};

		verdict = cx_outcome_doubt(verdict);
		cx_error_outcome(err, verdict.outcome, verdict.replay);
	}
	run->was_unknown = cdbc_error_outcome(*err) == CDBC_OUTCOME_UNKNOWN;
}

/* The first attempt has failed. err is not NULL. */
static cdbc_status try_again(cx_retry *retry, const cdbc_next *next, cdbc_call *call,
							 uint32_t cancel_count, cdbc_result **out, cdbc_status status,
							 cdbc_error **err)
{
	int64_t max_retries = call->query ? call->query->retry_count : -1;
	cx_attempt_facts facts = {.is_idempotent = cdbc_call_is_idempotent(call),
							  .had_no_conn = call->session->had_no_conn,
							  .deadline_ns = call->deadline_ns};
	cx_attempts attempts;
	int64_t wait_ns;

	cx_attempts_init(&attempts, retry, max_retries);
	note_doubt(call->session, err);
	while (cx_attempts_next(&attempts, retry, *err, &facts, &wait_ns)) {
		cx_session_tell_attempt(call->session, call->name, call->attempt, *err);
		if (cx_session_wait_since(call->session, wait_ns, cancel_count))
			return cx_session_cancelled(err);
		cx_error_clear(err);
		call->attempt++;
		status = cdbc_next_run(next, call, out, err);
		if (status)
			note_doubt(call->session, err);
		if (!status || call->session->has_lost_state)
			return status;
		facts.had_no_conn = call->session->had_no_conn;
	}
	return status;
}

static cdbc_status execute(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	cx_retry *retry = self;
	cdbc_session *session = call->session;
	uint32_t cancel_count = cx_session_cancel_count(session);
	cdbc_error *own = NULL;
	cdbc_status status;

	if (++session->request_count >= EARN_AT) {
		cx_retry_earn(retry, session->request_count);
		session->request_count = 0;
	}
	status = cdbc_next_run(next, call, out, err ? err : &own);
	if (__builtin_expect(!status, 1))
		return CDBC_OK;
	if (!session->has_lost_state && !cx_session_in_transaction(session))
		status = try_again(retry, next, call, cancel_count, out, status, err ? err : &own);
	cdbc_error_free(own);
	return status;
}

cdbc_strategy cx_retry_link(cx_retry *retry)
{
	return (cdbc_strategy){.struct_size = sizeof(cdbc_strategy),
						   .name = "retry",
						   .execute = execute,
						   .self = retry,
						   .allow = cx_chain_allow_any};
}
