// SPDX-License-Identifier: Apache-2.0
/* Opening and resetting on helper threads: when, how often, and what becomes of those who wait when
 * it fails. */
#include "base/error.h"
#include "infra/pool/internal.h"

/* now + ms with jitter, saturating; 0 or less: never. */
static int64_t after_ms(cx_pool *pool, int64_t now_ns, int64_t ms, int64_t jitter_pct)
{
	int64_t ns, at;

	if (ms <= 0 || __builtin_mul_overflow(ms, CX_NS_PER_MS, &ns) ||
		__builtin_add_overflow(now_ns, cx_jitter_ns(&pool->random, ns, jitter_pct), &at))
		return CX_NEVER;
	return at;
}

/* Takes one opening from the rate's allowance of a second's burst. now_ns when there is one, else
 * when there will be. */
static int64_t take_from_rate(cx_pool *pool, int64_t now_ns)
{
	int64_t step;

	if (pool->options.max_opens_per_s <= 0)
		return now_ns;
	step = CX_NS_PER_S / pool->options.max_opens_per_s;
	if (pool->open_rate_ns < now_ns)
		pool->open_rate_ns = now_ns;
	if (pool->open_rate_ns - now_ns > CX_NS_PER_S - step)
		return pool->open_rate_ns - (CX_NS_PER_S - step);
	pool->open_rate_ns += step;
	return now_ns;
}

/* A connection that is being reset is about to come back, and sooner than a new one would. */
static bool is_one_wanted(const cx_pool *pool)
{
	return pool->queued > pool->count[CX_SLOT_OPENING] + pool->count[CX_SLOT_RESETTING] ||
		   cx_pool_size(pool) < pool->options.min_size;
}

void cx_pool_plan(cx_pool *pool, int64_t now_ns, cx_pool_work *work)
{
	pool->open_due_ns = CX_NEVER;
	while (!pool->is_closing && pool->free && is_one_wanted(pool)) {
		cx_slot *slot = pool->free;
		int64_t at = pool->no_open_before_ns > now_ns ? pool->no_open_before_ns
													  : take_from_rate(pool, now_ns);

		if (at > now_ns) {
			pool->open_due_ns = at;
			cx_pool_due(pool, at);
			return;
		}
		pool->free = slot->next;
		cx_conn_move(pool, slot, CX_SLOT_OPENING);
		slot->conn.serial = ++pool->serials;
		slot->next = work->opens;
		work->opens = slot;
	}
}

/* Whether trying again cannot help before somebody mends something. */
static bool is_permanent(cdbc_status status)
{
	return status == CDBC_AUTH || status == CDBC_CONFIG || status == CDBC_DENIED ||
		   status == CDBC_USAGE || status == CDBC_UNSUPPORTED || status == CDBC_NOT_FOUND;
}

/* Those who wait are told of a failed opening at once when nothing can come back to them, and
 * either trying again is of no use or the server has never been reached: a first connection refused
 * is news; a lost server is waited for until the deadline. */
static void fail_waiters(cx_pool *pool, cdbc_status status)
{
	if (cx_pool_alive(pool) > 0)
		return;
	if (!is_permanent(status) && (pool->was_open || pool->count[CX_SLOT_OPENING] > 0))
		return;
	while (pool->waiters)
		cx_pool_answer(pool, NULL, status, cx_error_copy(pool->last_error));
}

/* The opening failed; err becomes the pool's. */
static void open_failed(cx_pool *pool, cx_slot *slot, cdbc_status status, cdbc_error *err)
{
	cx_pool_work work = CX_POOL_WORK_INIT;
	int64_t now = cx_clock_now_ns();
	cdbc_error *before;

	cx_mutex_lock(&pool->lock);
	before = pool->last_error;
	pool->last_error = err;
	pool->total.open_failed_count++;
	pool->no_open_before_ns = now + cx_backoff_next_ns(&pool->backoff);
	cx_pool_free_slot(pool, slot, &work);
	fail_waiters(pool, status);
	cx_pool_plan(pool, now, &work);
	cx_mutex_unlock(&pool->lock);
	cdbc_error_free(before);
	cx_pool_do(pool, &work);
}

static void open_succeeded(cx_pool *pool, cx_slot *slot)
{
	const cx_pool_options *options = &pool->options;
	cx_pool_work work = CX_POOL_WORK_INIT;
	int64_t now = cx_clock_now_ns();
	cdbc_error *before;

	cx_mutex_lock(&pool->lock);
	before = pool->last_error;
	pool->last_error = NULL;
	pool->was_open = true;
	pool->total.open_count++;
	pool->no_open_before_ns = 0;
	cx_backoff_reset(&pool->backoff);
	slot->opened_ns = now;
	slot->expires_ns = after_ms(pool, now, options->lifetime_ms, options->jitter_pct);
	slot->idle_ns = after_ms(pool, 0, options->idle_timeout_ms, options->jitter_pct);
	cx_pool_place(pool, slot, now, &work);
	cx_pool_plan(pool, now, &work);
	cx_mutex_unlock(&pool->lock);
	cdbc_error_free(before);
	cx_pool_do(pool, &work);
}

static void open_job(void *data)
{
	cx_slot *slot = data;
	cx_pool *pool = slot->conn.pool;
	int64_t began = cx_clock_now_ns();
	cdbc_error *err = NULL;
	cdbc_status status;

	status = pool->driver->open(&pool->settings,
								after_ms(pool, began, pool->options.connect_timeout_ms, 0),
								&slot->conn.handle, &err);
	if (status)
		slot->conn.handle = NULL;
	slot->conn.is_known = false;
	cx_pool_emit(pool, slot, CDBC_EVENT_CONN_OPEN, cx_clock_now_ns() - began, NULL, err);
	if (status)
		open_failed(pool, slot, status, err);
	else
		open_succeeded(pool, slot);
}

static void open_dropped(void *data)
{
	cx_slot *slot = data;
	cdbc_error *err = NULL;
	cdbc_status status = cx_error_set(&err, CDBC_CLOSED, "the helper threads are closing");

	open_failed(slot->conn.pool, slot, status, err);
}

void cx_pool_start_open(cx_pool *pool, cx_slot *slot)
{
	cdbc_error *err = NULL;
	cdbc_status status = cx_helpers_submit(pool->helpers, open_job, open_dropped, slot, &err);

	if (status)
		open_failed(pool, slot, status, err);
}

/* ---- Resetting
 * -----------------------------------------------------------------------------------------------
 */

static void reset_over(cx_slot *slot, const cdbc_error *error, bool is_good)
{
	cx_pool *pool = slot->conn.pool;
	cx_pool_work work = CX_POOL_WORK_INIT;

	cx_mutex_lock(&pool->lock);
	if (is_good) {
		cx_pool_place(pool, slot, cx_clock_now_ns(), &work);
	} else {
		cx_conn_move(pool, slot, CX_SLOT_CLOSING);
		slot->source = "it could not be reset";
	}
	cx_mutex_unlock(&pool->lock);
	if (is_good)
		cx_pool_do(pool, &work);
	else
		cx_pool_close_slot(pool, slot, error);
}

static void reset_job(void *data)
{
	cx_slot *slot = data;
	cx_pool *pool = slot->conn.pool;
	int64_t deadline = after_ms(pool, cx_clock_now_ns(), pool->options.connect_timeout_ms, 0);
	cdbc_error *err = NULL;
	cdbc_status status = pool->driver->reset(slot->conn.handle, deadline, &err);
	cdbc_conn_state state = pool->driver->state(slot->conn.handle);

	reset_over(slot, err, !status && !state.is_lost && !state.is_busy && state.tx == CDBC_TX_IDLE);
	cdbc_error_free(err);
}

static void reset_dropped(void *data)
{
	reset_over(data, NULL, false);
}

void cx_pool_start_reset(cx_pool *pool, cx_slot *slot)
{
	cdbc_error *err = NULL;

	if (cx_helpers_submit(pool->helpers, reset_job, reset_dropped, slot, &err))
		reset_over(slot, err, false);
	cdbc_error_free(err);
}
