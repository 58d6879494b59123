// SPDX-License-Identifier: Apache-2.0
/* The breaker's window, states and link. A good call in the closed state takes no lock: it adds one
 * to a bucket. All else is rare, and under the lock. */
#include "service/strategy/breaker.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "service/session.h"
#include "service/strategy/chain.h"

#include <stdio.h>
#include <string.h>

#define COUNT_BITS 32
#define COUNT_MASK UINT32_MAX
#define AHEAD_MAX  1024 /* epochs: further is not ahead, but so old that the count came round */

void cx_breaker_init(cx_breaker *breaker, const cx_breaker_options *options,
					 const cx_events *events)
{
	memset(breaker, 0, sizeof *breaker);
	breaker->options = *options;
	if (breaker->options.half_open_calls > CX_BREAKER_LEASES_MAX)
		breaker->options.half_open_calls = CX_BREAKER_LEASES_MAX;
	breaker->events = events;
	breaker->bucket_ns = options->window_ns / CX_BREAKER_BUCKETS;
	if (breaker->bucket_ns <= 0)
		breaker->bucket_ns = 1;
	breaker->open_ns = options->open_first_ns;
	breaker->is_timed = options->slow_ns != CX_NEVER;
	cx_mutex_init(&breaker->lock);
}

void cx_breaker_fini(cx_breaker *breaker)
{
	cx_mutex_fini(&breaker->lock);
}

/* ---- the window ---- */

static inline uint32_t epoch_of(const cx_breaker *breaker, int64_t now_ns)
{
	return (uint32_t)((uint64_t)now_ns / (uint64_t)breaker->bucket_ns);
}

/* Lock held: the bucket of an epoch, emptied when it was an older one's; NULL: it is a newer one's
 * already. */
static cx_breaker_bucket *bucket_at(cx_breaker *breaker, uint32_t epoch)
{
	cx_breaker_bucket *bucket = &breaker->buckets[epoch % CX_BREAKER_BUCKETS];
	uint64_t good = atomic_load_explicit(&bucket->good, memory_order_relaxed);

	if (bucket->epoch - epoch - 1 < AHEAD_MAX)
		return NULL;
	if (bucket->epoch != epoch) {
		bucket->epoch = epoch;
		bucket->bad_count = bucket->slow_count = 0;
	}
	if (good >> COUNT_BITS != epoch)
		atomic_store_explicit(&bucket->good, (uint64_t)epoch << COUNT_BITS, memory_order_relaxed);
	return bucket;
}

static inline void add_good(cx_breaker *breaker, int64_t now_ns)
{
	uint32_t epoch = epoch_of(breaker, now_ns);
	cx_breaker_bucket *bucket = &breaker->buckets[epoch % CX_BREAKER_BUCKETS];

	if (__builtin_expect(
			atomic_load_explicit(&bucket->good, memory_order_relaxed) >> COUNT_BITS != epoch, 0)) {
		cx_mutex_lock(&breaker->lock);
		bucket = bucket_at(breaker, epoch);
		cx_mutex_unlock(&breaker->lock);
		if (!bucket)
			return;
	}
	atomic_fetch_add_explicit(&bucket->good, 1, memory_order_relaxed);
}

/* Lock held: whether what is in the window is too much. */
static bool is_too_much(const cx_breaker *breaker, uint32_t epoch)
{
	const cx_breaker_options *o = &breaker->options;
	int64_t calls = 0, bad = 0, slow = 0;

	for (uint32_t i = 0; i < CX_BREAKER_BUCKETS; i++) {
		const cx_breaker_bucket *bucket = &breaker->buckets[(epoch - i) % CX_BREAKER_BUCKETS];
		uint64_t good = atomic_load_explicit(&bucket->good, memory_order_relaxed);

		if (good >> COUNT_BITS == (uint32_t)(epoch - i))
			calls += (int64_t)(good & COUNT_MASK);
		if (bucket->epoch == epoch - i) {
			bad += bucket->bad_count;
			slow += bucket->slow_count;
		}
	}
	calls += bad;
	return calls >= o->min_calls && (bad * 100 >= calls * o->failure_pct ||
									 (o->slow_ns != CX_NEVER && slow * 100 >= calls * o->slow_pct));
}

/* ---- states ---- */

/* What to tell once the lock is free. */
typedef struct turn {
	bool has_changed;
	cx_breaker_state state;
	int64_t open_ns;
} turn;

/* Lock held: the only place where the state changes. */
static void move(cx_breaker *breaker, cx_breaker_state state, int64_t now_ns, turn *turned)
{
	const cx_breaker_options *o = &breaker->options;
	uint64_t word = atomic_load_explicit(&breaker->word, memory_order_relaxed);

	switch (state) {
	case CX_BREAKER_OPEN:
		if ((word & 3) == CX_BREAKER_HALF_OPEN) /* it has not helped */
			breaker->open_ns =
				breaker->open_ns > o->open_max_ns / 2 ? o->open_max_ns : breaker->open_ns * 2;
		breaker->open_until_ns = now_ns + breaker->open_ns;
		atomic_fetch_add_explicit(&breaker->opened_count, 1, memory_order_relaxed);
		break;
	case CX_BREAKER_HALF_OPEN:
		breaker->good_count = 0;
		memset(breaker->leases, 0, sizeof breaker->leases);
		break;
	case CX_BREAKER_CLOSED:
		breaker->open_ns = o->open_first_ns;
		for (size_t i = 0; i < CX_BREAKER_BUCKETS; i++) {
			atomic_store_explicit(&breaker->buckets[i].good, 0, memory_order_relaxed);
			breaker->buckets[i].bad_count = breaker->buckets[i].slow_count = 0;
		}
		break;
	}
	*turned = (turn){true, state, breaker->open_ns};
	atomic_store_explicit(&breaker->word, ((word >> 2) + 1) << 2 | (uint64_t)state,
						  memory_order_release);
}

static const char *state_name(cx_breaker_state state)
{
	static const char *const names[] = {"closed", "open", "half-open"};

	return names[state];
}

static void tell_change(const cx_breaker *breaker, const turn *turned, const cdbc_error *cause)
{
	cdbc_event event = {.kind = CDBC_EVENT_BREAKER, .text = state_name(turned->state)};

	if (!turned->has_changed || !cx_events_wants(breaker->events, CDBC_EVENT_BREAKER))
		return;
	if (turned->state == CX_BREAKER_OPEN) {
		event.duration_ns = turned->open_ns;
		event.error = cause;
	}
	cx_events_emit(breaker->events, &event);
}

/* Lock held, half-open: a lease that is free, or was kept too long. */
static bool take_lease(cx_breaker *breaker, int64_t now_ns, cx_breaker_ticket *ticket,
					   int64_t *wait_ns)
{
	int64_t soonest = INT64_MAX;

	for (int i = 0; i < (int)breaker->options.half_open_calls; i++) {
		cx_breaker_lease *lease = &breaker->leases[i];

		if (lease->expires_ns && lease->expires_ns > now_ns) {
			soonest = lease->expires_ns < soonest ? lease->expires_ns : soonest;
			continue;
		}
		lease->expires_ns = now_ns + breaker->options.lease_ns;
		lease->serial = ++breaker->serial;
		*ticket = (cx_breaker_ticket){atomic_load_explicit(&breaker->word, memory_order_relaxed),
									  lease->serial, i};
		return true;
	}
	*wait_ns = soonest - now_ns;
	return false;
}

/* Not closed. */
static bool enter_slowly(cx_breaker *breaker, int64_t now_ns, bool must_pass,
						 cx_breaker_ticket *ticket, int64_t *wait_ns)
{
	turn turned = {.has_changed = false};
	cx_breaker_state state;
	bool may_go = true;

	cx_mutex_lock(&breaker->lock);
	state = cx_breaker_state_now(breaker);
	if (state == CX_BREAKER_OPEN && now_ns >= breaker->open_until_ns && !must_pass) {
		move(breaker, CX_BREAKER_HALF_OPEN, now_ns, &turned);
		state = CX_BREAKER_HALF_OPEN;
	}
	*ticket =
		(cx_breaker_ticket){.word = atomic_load_explicit(&breaker->word, memory_order_relaxed)};
	if (must_pass || state == CX_BREAKER_CLOSED) {
		may_go = true;
	} else if (state == CX_BREAKER_OPEN) {
		*wait_ns = breaker->open_until_ns - now_ns;
		may_go = false;
	} else {
		may_go = take_lease(breaker, now_ns, ticket, wait_ns);
	}
	cx_mutex_unlock(&breaker->lock);
	if (!may_go)
		atomic_fetch_add_explicit(&breaker->refused_count, 1, memory_order_relaxed);
	tell_change(breaker, &turned, NULL);
	return may_go;
}

bool cx_breaker_enter(cx_breaker *breaker, int64_t now_ns, bool must_pass,
					  cx_breaker_ticket *ticket, int64_t *wait_ns)
{
	ticket->word = atomic_load_explicit(&breaker->word, memory_order_acquire);
	ticket->serial = 0;
	if ((ticket->word & 3) == CX_BREAKER_CLOSED)
		return true;
	return enter_slowly(breaker, now_ns, must_pass, ticket, wait_ns);
}

/* Lock held, half-open: one that tried is back. */
static void leave_half_open(cx_breaker *breaker, const cx_breaker_ticket *ticket, int64_t now_ns,
							cx_breaker_verdict verdict, turn *turned)
{
	cx_breaker_lease *lease = &breaker->leases[ticket->slot];

	if (!ticket->serial || lease->serial != ticket->serial || lease->expires_ns <= now_ns)
		return; /* it was given up */
	lease->expires_ns = 0;
	lease->serial = 0;
	if (verdict == CX_CALL_BAD)
		move(breaker, CX_BREAKER_OPEN, now_ns, turned);
	else if (verdict == CX_CALL_GOOD && ++breaker->good_count >= breaker->options.half_open_calls)
		move(breaker, CX_BREAKER_CLOSED, now_ns, turned);
}

/* Lock held, closed: one that failed or was slow. */
static void leave_closed(cx_breaker *breaker, int64_t now_ns, cx_breaker_verdict verdict,
						 bool is_slow, turn *turned)
{
	uint32_t epoch = epoch_of(breaker, now_ns);
	cx_breaker_bucket *bucket = bucket_at(breaker, epoch);

	if (!bucket)
		return;
	if (verdict == CX_CALL_BAD)
		bucket->bad_count++;
	else
		atomic_fetch_add_explicit(&bucket->good, 1, memory_order_relaxed);
	bucket->slow_count += is_slow;
	if (is_too_much(breaker, epoch))
		move(breaker, CX_BREAKER_OPEN, now_ns, turned);
}

static void note_cause(cx_breaker *breaker, const cdbc_error *cause)
{
	const char *message = cause ? cdbc_error_message(cause) : "calls are slow";
	size_t length = strlen(message);

	if (length >= CX_BREAKER_CAUSE_MAX)
		length = cx_utf8_valid_prefix(message, CX_BREAKER_CAUSE_MAX - 1);
	memcpy(breaker->cause, message, length);
	breaker->cause[length] = '\0';
}

void cx_breaker_leave(cx_breaker *breaker, const cx_breaker_ticket *ticket, int64_t now_ns,
					  cx_breaker_verdict verdict, bool is_slow, const cdbc_error *cause)
{
	turn turned = {.has_changed = false};

	if (verdict == CX_CALL_NEUTRAL && !ticket->serial)
		return;
	if (__builtin_expect(verdict == CX_CALL_GOOD && !is_slow, 1) &&
		(ticket->word & 3) == CX_BREAKER_CLOSED) {
		if (atomic_load_explicit(&breaker->word, memory_order_relaxed) == ticket->word)
			add_good(breaker, now_ns);
		return;
	}
	cx_mutex_lock(&breaker->lock);
	if (atomic_load_explicit(&breaker->word, memory_order_relaxed) == ticket->word) {
		if (verdict == CX_CALL_BAD || is_slow)
			note_cause(breaker, verdict == CX_CALL_BAD ? cause : NULL);
		if ((ticket->word & 3) == CX_BREAKER_CLOSED)
			leave_closed(breaker, now_ns, verdict, is_slow, &turned);
		else if ((ticket->word & 3) == CX_BREAKER_HALF_OPEN)
			leave_half_open(breaker, ticket, now_ns,
							is_slow && verdict == CX_CALL_GOOD ? CX_CALL_BAD : verdict, &turned);
	}
	cx_mutex_unlock(&breaker->lock);
	tell_change(breaker, &turned, verdict == CX_CALL_BAD ? cause : NULL);
}

/* ---- what counts ---- */

static bool has_class(const char *sqlstate, const char *class)
{
	return strncmp(sqlstate, class, strlen(class)) == 0;
}

cx_breaker_verdict cx_breaker_judge(const cdbc_error *error)
{
	const char *sqlstate = cdbc_error_sqlstate(error);

	switch (cdbc_error_status(error)) {
	case CDBC_CONNECT:
		/* a full server is not a broken one: the pool waits for it */
		return strcmp(sqlstate, "53300") == 0 ? CX_CALL_NEUTRAL : CX_CALL_BAD;
	case CDBC_TIMEOUT:
	case CDBC_INTERNAL:
		return CX_CALL_BAD;
	case CDBC_RESOURCE: /* without a SQLSTATE it is a limit of ours */
		return has_class(sqlstate, "53") ? CX_CALL_BAD : CX_CALL_NEUTRAL;
	case CDBC_SQL: /* 58: a range is not to be had, its nodes do not reach each other */
		return has_class(sqlstate, "58") ? CX_CALL_BAD : CX_CALL_GOOD;
	case CDBC_CONFLICT:
	case CDBC_DATA:
		return CX_CALL_GOOD;
	case CDBC_DENIED:
	case CDBC_UNSUPPORTED: /* the server's word, or refused before it was asked */
		return sqlstate[0] ? CX_CALL_GOOD : CX_CALL_NEUTRAL;
	default:
		return CX_CALL_NEUTRAL;
	}
}

/* ---- the link ---- */

/* *err says why, and when it is worth trying again. */
static cdbc_status refuse(cx_breaker *breaker, const char *name, int64_t wait_ns, cdbc_error **err)
{
	char cause[CX_BREAKER_CAUSE_MAX];

	cx_mutex_lock(&breaker->lock);
	memcpy(cause, breaker->cause, sizeof cause);
	cx_mutex_unlock(&breaker->lock);
	cx_error_set(err, CDBC_OVERLOADED, "the breaker is open, calls were failing: %s", cause);
	cx_error_hint(err, "it tries again in %lld ms",
				  (long long)((wait_ns + CX_NS_PER_MS - 1) / CX_NS_PER_MS));
	cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE);
	if (name) {
		cx_error_field(err, CDBC_FIELD_STATEMENT, name);
		cx_error_wrap(err, "query \"%s\"", name);
	}
	return CDBC_OVERLOADED;
}

cdbc_status cx_breaker_ask(cx_breaker *breaker, cx_breaker_ticket *ticket, cdbc_error **err)
{
	int64_t wait_ns = 0;

	if (!breaker->options.is_enabled ||
		cx_breaker_enter(breaker, cx_clock_now_ns(), false, ticket, &wait_ns))
		return CDBC_OK;
	return refuse(breaker, NULL, wait_ns, err);
}

void cx_breaker_tell(cx_breaker *breaker, const cx_breaker_ticket *ticket, const cdbc_error *error)
{
	if (breaker->options.is_enabled)
		cx_breaker_leave(breaker, ticket, cx_clock_now_ns(),
						 error ? cx_breaker_judge(error) : CX_CALL_GOOD, false, error);
}

void cx_breaker_tell_late(cx_breaker *breaker, const cdbc_error *error)
{
	cx_breaker_ticket ticket = {.word = atomic_load_explicit(&breaker->word, memory_order_acquire)};

	if (breaker->options.is_enabled && cx_breaker_judge(error) == CX_CALL_BAD)
		cx_breaker_leave(breaker, &ticket, cx_clock_now_ns(), CX_CALL_BAD, false, error);
}

/* With a limit on slowness: two clocks. */
static cdbc_status execute_timed(cx_breaker *breaker, const cx_breaker_ticket *ticket,
								 const cdbc_next *next, cdbc_call *call, cdbc_result **out,
								 cdbc_error **err)
{
	int64_t began_ns = cx_clock_now_ns(), now_ns;
	cdbc_status status = cdbc_next_run(next, call, out, err);

	now_ns = cx_clock_now_ns();
	cx_breaker_leave(breaker, ticket, now_ns, status ? cx_breaker_judge(*err) : CX_CALL_GOOD,
					 now_ns - began_ns > breaker->options.slow_ns, status ? *err : NULL);
	return status;
}

/* The breaker is not closed, or err is not wanted but must be read. */
static __attribute__((noinline)) cdbc_status execute_slowly(cx_breaker *breaker,
															const cdbc_next *next, cdbc_call *call,
															cdbc_result **out, cdbc_error **err)
{
	bool must_pass = cx_session_in_transaction(call->session);
	cx_breaker_ticket ticket;
	cdbc_error *error = NULL;
	int64_t wait_ns = 0;
	cdbc_status status;

	if (!cx_breaker_enter(breaker, cx_clock_now_ns(), must_pass, &ticket, &wait_ns)) {
		call->session->had_no_conn = true; /* it is not tried for long */
		return refuse(breaker, call->name, wait_ns, err);
	}
	if (breaker->options.slow_ns != CX_NEVER) {
		status = execute_timed(breaker, &ticket, next, call, out, &error);
	} else {
		status = cdbc_next_run(next, call, out, &error);
		cx_breaker_leave(breaker, &ticket, cx_clock_now_ns(),
						 status ? cx_breaker_judge(error) : CX_CALL_GOOD, false, error);
	}
	cx_error_pass(err, error);
	return status;
}

static __attribute__((noinline)) void leave_failed(cx_breaker *breaker, uint64_t word,
												   const cdbc_error *error)
{
	cx_breaker_ticket ticket = {.word = word};

	cx_breaker_leave(breaker, &ticket, cx_clock_now_ns(), cx_breaker_judge(error), false, error);
}

/* A good call whose time was not noted, or is the first of its bucket. */
static __attribute__((noinline)) void add_good_now(cx_breaker *breaker)
{
	add_good(breaker, cx_clock_coarse_ns());
}

static cdbc_status execute(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	cx_breaker *breaker = self;
	uint64_t word = atomic_load_explicit(&breaker->word, memory_order_acquire);
	cx_breaker_bucket *bucket;
	cdbc_status status;
	uint32_t epoch;

	if (__builtin_expect((word & 3) != CX_BREAKER_CLOSED || breaker->is_timed || !err, 0))
		return execute_slowly(breaker, next, call, out, err);
	status = cdbc_next_run(next, call, out, err);
	if (__builtin_expect(status, 0)) {
		leave_failed(breaker, word, *err);
		return status;
	}
	if (__builtin_expect(atomic_load_explicit(&breaker->word, memory_order_relaxed) != word, 0))
		return CDBC_OK;
	epoch = epoch_of(breaker, call->asked_ns);
	bucket = &breaker->buckets[epoch % CX_BREAKER_BUCKETS];
	if (__builtin_expect(atomic_load_explicit(&bucket->good, memory_order_relaxed) >> COUNT_BITS ==
								 epoch &&
							 call->asked_ns && call->attempt == 1,
						 1)) /* not so when the time was not noted */
		atomic_fetch_add_explicit(&bucket->good, 1, memory_order_relaxed);
	else
		add_good_now(breaker);
	return CDBC_OK;
}

cdbc_strategy cx_breaker_link(cx_breaker *breaker)
{
	return (cdbc_strategy){.struct_size = sizeof(cdbc_strategy),
						   .name = "breaker",
						   .execute = execute,
						   .self = breaker,
						   .allow = cx_chain_allow_any};
}
