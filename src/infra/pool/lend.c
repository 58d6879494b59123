// SPDX-License-Identifier: Apache-2.0
/* Lending and taking back: the quick way when a fresh connection rests, and waiting in line when
 * none does. */
#include "base/error.h"
#include "infra/pool/internal.h"

#include <sched.h>

/* Measured with 8 threads over 4 connections held for half a microsecond: 0 turns cost 5 us a
 * lease, 4 and more 1 us. */
#define TURNS 4

/* Everything an acquire that cannot be served at once carries along. While there is one, `inside`
 * keeps the pool. */
typedef struct wish {
	cx_pool *pool;
	const char *source;
	const void *who;
	int64_t began_ns;
	int64_t deadline_ns;
	uint64_t ticket; /* 0: none yet */
	bool has_waited;
} wish;

/* Lock held. */
static inline void lend(cx_pool *pool, cx_slot *slot, int64_t now_ns, const char *source)
{
	cx_conn_move(pool, slot, CX_SLOT_LENT);
	slot->lent_ns = now_ns;
	slot->is_leak_told = false;
	slot->source = source;
	pool->total.acquire_count++;
	if (pool->leak_warn_ns != CX_NEVER)
		cx_pool_due(pool, now_ns + pool->leak_warn_ns);
}

static inline bool is_fresh(const cx_pool *pool, const cx_slot *slot, int64_t now_ns)
{
	return now_ns < slot->expires_ns && now_ns - slot->rested_ns <= pool->check_idle_ns;
}

/* Lock held: takes an idle connection that is not past its life. */
static cx_slot *take_idle(cx_pool *pool, int64_t now_ns, cx_pool_work *work)
{
	cx_slot *slot;

	while ((slot = pool->idle)) {
		pool->idle = slot->next;
		if (now_ns < slot->expires_ns)
			return slot;
		cx_pool_note_close(pool, slot, "end of its life", work);
	}
	return NULL;
}

/* A lost server should not cost the whole deadline: half of what is left, and no more than an
 * opening may take. */
static int64_t ping_deadline(const wish *w, int64_t now_ns)
{
	int64_t most = w->pool->options.connect_timeout_ms;
	int64_t until = w->deadline_ns == CX_NEVER ? CX_NEVER : now_ns + (w->deadline_ns - now_ns) / 2;

	return most > 0 ? cx_deadline_sooner(until, cx_deadline_after_ms(most)) : until;
}

/* Pings a connection in state CHECKING, without the lock; closes it when it does not answer. */
static bool check(const wish *w, cx_slot *slot)
{
	cx_pool *pool = w->pool;
	cdbc_error *err = NULL;
	cdbc_status status =
		pool->driver->ping(slot->conn.handle, ping_deadline(w, cx_clock_now_ns()), &err);
	bool is_good = !status && !pool->driver->state(slot->conn.handle).is_lost;

	cx_mutex_lock(&pool->lock);
	if (is_good && !pool->is_closing) {
		lend(pool, slot, cx_clock_now_ns(), w->source);
	} else {
		cx_conn_move(pool, slot, CX_SLOT_CLOSING);
		slot->source = is_good ? "the pool closes" : "it did not answer";
		is_good = false;
	}
	cx_mutex_unlock(&pool->lock);
	if (!is_good)
		cx_pool_close_slot(pool, slot, err);
	cdbc_error_free(err);
	return is_good;
}

/* Lock held: into the queue, in the order of arrival. */
static void enqueue(cx_pool *pool, cx_waiter *waiter)
{
	cx_waiter **at = &pool->waiters;

	while (*at && (*at)->ticket < waiter->ticket)
		at = &(*at)->next;
	waiter->next = *at;
	*at = waiter;
	pool->queued++;
}

static void leave_queue(cx_pool *pool, const cx_waiter *waiter)
{
	for (cx_waiter **at = &pool->waiters; *at; at = &(*at)->next) {
		if (*at != waiter)
			continue;
		*at = waiter->next;
		pool->queued--;
		return;
	}
}

/* Lock held: the time is over. When opening fails and nothing can come back, that is the answer;
 * else how matters stand. */
static cdbc_status timed_out(const wish *w, cdbc_error **err)
{
	cx_pool *pool = w->pool;
	int64_t waited_ms = (cx_clock_now_ns() - w->began_ns) / CX_NS_PER_MS;
	int64_t lent = pool->count[CX_SLOT_LENT] + pool->count[CX_SLOT_CHECKING];
	const cdbc_error *last = pool->last_error;

	pool->total.acquire_timeout_count++;
	if (pool->last_error && cx_pool_alive(pool) == 0) {
		*err = cx_error_copy(pool->last_error);
		return cdbc_error_status(*err);
	}
	cx_error_set(
		err, CDBC_TIMEOUT,
		"none was free within %lld ms: %lld of %lld are lent, %lld are being opened, %lld wait%s%s",
		(long long)waited_ms, (long long)lent, (long long)pool->options.max_size,
		(long long)pool->count[CX_SLOT_OPENING], (long long)pool->queued,
		last ? "; opening fails: " : "", last ? cdbc_error_message(last) : "");
	if (lent >= pool->options.max_size)
		cx_error_hint(err, "give connections back sooner, or raise pool.max_size");
	return cdbc_error_status(*err);
}

/* Without the lock: whether the answer came within a few turns of the others. Saves sleeping and
 * waking where connections are held for less time than that takes. */
static bool is_answered_soon(const cx_waiter *waiter)
{
	for (int i = 0; i < TURNS; i++) {
		if (atomic_load_explicit(&waiter->is_answered, memory_order_acquire))
			return true;
		sched_yield();
	}
	return false;
}

/* Lock held: sleeps until the answer is there or the deadline has passed, which is then the answer.
 */
static void park(wish *w, cx_waiter *waiter)
{
	cx_pool *pool = w->pool;

	if (waiter->is_answered)
		return;
	cx_cond_init(&waiter->wake);
	waiter->is_parked = true;
	while (!waiter->is_answered)
		if (!cx_cond_wait(&waiter->wake, &pool->lock, w->deadline_ns))
			break;
	cx_cond_fini(&waiter->wake);
	if (waiter->is_answered)
		return;
	leave_queue(pool, waiter);
	waiter->status = timed_out(w, &waiter->error);
}

/* Lock held, and held again at the end: waits in line. */
static cdbc_status wait_in_line(wish *w, int64_t now_ns, cx_pool_work *work, cx_slot **out,
								cdbc_error **err)
{
	cx_pool *pool = w->pool;
	cx_waiter waiter = {.ticket = w->ticket, .source = w->source, .who = w->who};
	bool is_soon;

	enqueue(pool, &waiter);
	cx_pool_plan(pool, now_ns, work);
	cx_mutex_unlock(&pool->lock);
	cx_pool_do(pool, work);
	is_soon = is_answered_soon(&waiter);
	cx_mutex_lock(&pool->lock);
	if (!is_soon)
		park(w, &waiter);
	*out = waiter.slot;
	*err = waiter.error;
	return waiter.status;
}

/* Lock held: may one more wait? As many as there are connections still to be opened, and then
 * max_waiters_per_slot for each. */
static cdbc_status ask_to_wait(cx_pool *pool, cdbc_error **err)
{
	int64_t most = 0;

	if (__builtin_mul_overflow(pool->options.max_waiters_per_slot, pool->options.max_size, &most))
		most = INT64_MAX;
	if (pool->queued < most ||
		pool->queued < pool->count[CX_SLOT_FREE] + pool->count[CX_SLOT_OPENING])
		return CDBC_OK;
	pool->total.acquire_refused_count++;
	return cx_error_set(err, CDBC_OVERLOADED, "%lld wait already for its %lld connections",
						(long long)pool->queued, (long long)pool->options.max_size);
}

/* One try of an acquire. Returns with *out NULL and CDBC_OK when a connection turned out to be
 * dead: try again. */
static cdbc_status try_once(wish *w, cx_slot **out, cdbc_error **err)
{
	cx_pool *pool = w->pool;
	cx_pool_work work = CX_POOL_WORK_INIT;
	cdbc_status status = CDBC_OK;
	cx_slot *slot;
	int64_t now;

	cx_mutex_lock(&pool->lock);
	now = cx_clock_now_ns();
	if (!w->ticket)
		w->ticket = ++pool->tickets;
	slot = pool->is_closing ? NULL : take_idle(pool, now, &work);
	if (slot && is_fresh(pool, slot, now)) {
		lend(pool, slot, now, w->source);
		*out = slot;
	} else if (slot && now >= w->deadline_ns) {
		slot->next = pool->idle; /* no time is left to ask it, which is no fault of its own */
		pool->idle = slot;
		slot = NULL;
		status = timed_out(w, err);
	} else if (slot) {
		cx_conn_move(pool, slot, CX_SLOT_CHECKING);
	} else if (pool->is_closing) {
		status = cx_error_set(err, CDBC_CLOSED, "the pool is closed");
	} else if ((status = w->has_waited ? CDBC_OK : ask_to_wait(pool, err)) == CDBC_OK) {
		w->has_waited = true;
		status = wait_in_line(w, now, &work, out, err);
		work = (cx_pool_work)CX_POOL_WORK_INIT;
		pool->total.acquire_count += status == CDBC_OK;
	}
	cx_mutex_unlock(&pool->lock);
	cx_pool_do(pool, &work);
	if (slot && !*out && check(w, slot))
		*out = slot;
	return status;
}

/* Kept out of the quick way's frame. */
static __attribute__((noinline)) cdbc_status acquire_slowly(cx_pool *pool, int64_t deadline_ns,
															const char *source, const void *who,
															cx_conn **out, cdbc_error **err)
{
	wish w = {.pool = pool, .source = source, .who = who, .began_ns = cx_clock_now_ns()};
	cdbc_error *error = NULL;
	cdbc_status status;
	cx_slot *slot = NULL;
	int64_t waited;

	w.deadline_ns =
		cx_deadline_sooner(deadline_ns, cx_deadline_after_ms(pool->options.acquire_timeout_ms));
	do
		status = try_once(&w, &slot, &error);
	while (!status && !slot);
	if (error) {
		cx_error_outcome(&error, CDBC_OUTCOME_NOT_SENT,
						 status == CDBC_CANCELLED ? CDBC_REPLAY_NO : CDBC_REPLAY_SAFE);
		cx_error_wrap(&error, "acquire from pool \"%s\"", pool->options.name);
	}
	waited = w.has_waited ? cx_clock_now_ns() - w.began_ns : 0;
	if (w.has_waited)
		cx_pool_emit(pool, slot, CDBC_EVENT_ACQUIRE_WAIT, waited, NULL, error);
	cx_mutex_lock(&pool->lock);
	pool->total.acquire_wait_count += w.has_waited;
	pool->total.acquire_wait_ns += waited;
	if (--pool->inside == 0 && pool->is_closing)
		cx_cond_broadcast(&pool->gone);
	cx_mutex_unlock(&pool->lock);
	if (!status)
		*out = &slot->conn;
	else if (err)
		*err = error;
	else
		cdbc_error_free(error);
	return status;
}

cdbc_status cx_pool_acquire_for(cx_pool *pool, int64_t deadline_ns, const char *source,
								const void *who, cx_conn **out, cdbc_error **err)
{
	int64_t now = cx_clock_coarse_ns();
	cx_slot *slot;

	cx_mutex_lock(&pool->lock);
	slot = pool->idle;
	if (__builtin_expect(slot && !pool->is_closing && is_fresh(pool, slot, now), 1)) {
		pool->idle = slot->next;
		lend(pool, slot, now, source);
		cx_mutex_unlock(&pool->lock);
		*out = &slot->conn;
		return CDBC_OK;
	}
	pool->inside++;
	cx_mutex_unlock(&pool->lock);
	return acquire_slowly(pool, deadline_ns, source, who, out, err);
}

bool cx_pool_stop_waiting(cx_pool *pool, const void *who)
{
	cdbc_error *error = NULL;
	cx_waiter **at;

	cx_error_set(&error, CDBC_CANCELLED, "cancelled while it waited");
	cx_mutex_lock(&pool->lock);
	for (at = &pool->waiters; *at && (*at)->who != who;)
		at = &(*at)->next;
	if (*at) {
		cx_pool_answer_at(pool, at, NULL, CDBC_CANCELLED, error);
		error = NULL;
	}
	cx_mutex_unlock(&pool->lock);
	if (!error)
		return true;
	cdbc_error_free(error);
	return false;
}

/* Why a connection that is given back clean cannot be lent again; NULL: it can. */
static const char *flaw(const cx_pool *pool, const cx_conn *conn)
{
	cdbc_conn_state state = pool->driver->state(conn->handle);

	if (__builtin_expect(!state.is_lost && !state.is_busy && state.tx == CDBC_TX_IDLE, 1))
		return NULL;
	return state.is_lost   ? "the connection was lost"
		   : state.is_busy ? "given back with a result unread"
						   : "given back in a transaction";
}

void cx_pool_release(cx_pool *pool, cx_conn *conn, cx_release how, const char *why)
{
	cx_slot *slot = (cx_slot *)(void *)conn;
	cx_pool_work work = CX_POOL_WORK_INIT;
	int64_t now = cx_clock_coarse_ns();
	bool must_reset = false;

	if (!conn)
		return;
	if (how == CX_RELEASE_CLEAN && (why = flaw(pool, conn)))
		how = CX_RELEASE_CLOSE;
	else if (how == CX_RELEASE_SEEN)
		how = CX_RELEASE_CLEAN;
	cx_mutex_lock(&pool->lock);
	if (__builtin_expect(how == CX_RELEASE_CLEAN, 1)) {
		cx_pool_place(pool, slot, now, &work);
	} else if (how == CX_RELEASE_RESET && !pool->is_closing && now < slot->expires_ns) {
		cx_conn_move(pool, slot, CX_SLOT_RESETTING);
		must_reset = true;
	} else {
		cx_pool_note_close(pool, slot, why, &work);
	}
	cx_mutex_unlock(&pool->lock);
	if (__builtin_expect(must_reset, 0))
		cx_pool_start_reset(pool, slot);
	else if (__builtin_expect(work.closes != NULL, 0))
		cx_pool_do(pool, &work);
}
