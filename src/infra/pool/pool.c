// SPDX-License-Identifier: Apache-2.0
/* The pool's own life: making it, counting, closing, freeing. What happens in between is in lend.c,
 * open.c, keeper.c and state.c. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/secret.h"
#include "infra/driver/registry.h"
#include "infra/pool/internal.h"

#include <string.h>

#define OPEN_BACKOFF_FIRST_NS   (10 * CX_NS_PER_MS)
#define OPEN_BACKOFF_MAX_NS     CX_NS_PER_S
#define OPEN_BACKOFF_JITTER_PCT 50
#define MAX_SIZE                100000

static char *strip(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void free_settings(cdbc_settings *settings)
{
	cdbc_setting *items = (cdbc_setting *)(uintptr_t)settings->items;

	for (size_t i = 0; items && i < settings->count; i++) {
		cx_free(strip(items[i].name));
		if (items[i].value)
			cx_wipe(strip(items[i].value), strlen(items[i].value));
		cx_free(strip(items[i].value));
	}
	cx_free(items);
	cx_free(strip(settings->scheme));
}

/* What was copied when memory runs out is in *out, to be freed. */
static bool copy_settings(const cdbc_settings *settings, cdbc_settings *out)
{
	cdbc_setting *items = cx_calloc(settings->count, sizeof *items);

	out->struct_size = sizeof *out;
	out->items = items;
	out->count = settings->count;
	out->scheme = cx_strdup(settings->scheme ? settings->scheme : "");
	if (!items || !out->scheme)
		return false;
	for (size_t i = 0; i < settings->count; i++) {
		items[i].name = cx_strdup(settings->items[i].name);
		items[i].value = cx_strdup(settings->items[i].value);
		if (!items[i].name || (settings->items[i].value && !items[i].value))
			return false;
	}
	return true;
}

static cdbc_status check_options(const cx_pool_options *o, cdbc_error **err)
{
	if (o->max_size < 1 || o->max_size > MAX_SIZE)
		return cx_error_set(err, CDBC_CONFIG, "pool.max_size: %lld is not between 1 and %d",
							(long long)o->max_size, MAX_SIZE);
	if (o->min_size < 0 || o->min_size > o->max_size)
		return cx_error_set(err, CDBC_CONFIG,
							"pool.min_size: %lld is not between 0 and max_size, %lld",
							(long long)o->min_size, (long long)o->max_size);
	return CDBC_OK;
}

static int64_t span_ns(int64_t ms)
{
	int64_t ns;

	return __builtin_mul_overflow(ms, CX_NS_PER_MS, &ns) ? CX_NEVER : ns;
}

static void prepare(cx_pool *pool, const cx_pool_options *options)
{
	cx_mutex_init(&pool->lock);
	cx_cond_init(&pool->keeper_wake);
	cx_cond_init(&pool->gone);
	pool->keeper_wakes_ns = INT64_MIN;
	pool->open_due_ns = CX_NEVER;
	pool->check_idle_ns = options->check_idle_ms < 0    ? CX_NEVER
						  : options->check_idle_ms == 0 ? INT64_MIN
														: span_ns(options->check_idle_ms);
	pool->leak_warn_ns = options->leak_warn_ms <= 0 ? CX_NEVER : span_ns(options->leak_warn_ms);
	pool->random = cx_random_seed();
	cx_backoff_init(&pool->backoff, OPEN_BACKOFF_FIRST_NS, OPEN_BACKOFF_MAX_NS,
					OPEN_BACKOFF_JITTER_PCT, pool->random);
	pool->total.max_count = options->max_size;
	pool->count[CX_SLOT_FREE] = options->max_size;
	for (int64_t i = options->max_size; i-- > 0;) {
		cx_slot *slot = &pool->slots[i];

		slot->conn = (cx_conn){pool->driver, NULL, pool, 0, false};
		slot->next = pool->free;
		pool->free = slot;
	}
}

static void on_notice(const cdbc_driver_host *host, const char *server, const char *text)
{
	const cx_pool *pool =
		(const cx_pool *)(const void *)((const char *)host - offsetof(cx_pool, host));
	cdbc_event event = {
		.kind = CDBC_EVENT_NOTICE, .name = pool->options.name, .host = server, .text = text};

	cx_events_emit(atomic_load_explicit(&pool->events, memory_order_acquire), &event);
}

/* Fills in a pool that is all zero. What was made when memory runs out is destroyed by the caller.
 */
static cdbc_status fill(cx_pool *pool, const cx_pool_options *options,
						const cdbc_settings *settings, cx_helpers *helpers, cdbc_error **err)
{
	pool->options = *options;
	pool->options.name = cx_strdup(options->name ? options->name : "main");
	pool->slots = cx_calloc((size_t)options->max_size, sizeof *pool->slots);
	if (!pool->options.name || !pool->slots || !copy_settings(settings, &pool->settings))
		return cx_error_nomem(err);
	cx_driver_host_init(&pool->host, helpers);
	if (settings->host)
		memcpy(&pool->host, settings->host,
			   settings->host->struct_size < sizeof pool->host ? settings->host->struct_size
															   : sizeof pool->host);
	pool->host.notice = on_notice;
	pool->settings.host = &pool->host;
	return CDBC_OK;
}

static void free_memory(cx_pool *pool)
{
	free_settings(&pool->settings);
	cx_free(strip(pool->options.name));
	cx_free(pool->slots);
	cx_free(pool);
}

cdbc_status cx_pool_new(const cx_pool_options *options, const cdbc_driver *driver,
						const cdbc_settings *settings, const cx_events *events, cx_helpers *helpers,
						cx_pool **out, cdbc_error **err)
{
	cx_pool_work work = CX_POOL_WORK_INIT;
	cdbc_status status = check_options(options, err);
	cx_pool *pool;

	if (status)
		return status;
	pool = cx_calloc(1, sizeof *pool);
	if (!pool)
		return cx_error_nomem(err);
	pool->driver = driver;
	pool->helpers = helpers;
	status = fill(pool, options, settings, helpers, err);
	if (status) {
		free_memory(pool);
		return status;
	}
	atomic_init(&pool->events, events);
	prepare(pool, options);
	if (!cx_pool_keeper_start(pool)) {
		cx_pool_destroy(pool);
		return cx_error_set(err, CDBC_RESOURCE, "pool \"%s\": the system gives no thread",
							options->name ? options->name : "main");
	}
	cx_mutex_lock(&pool->lock);
	cx_pool_plan(pool, cx_clock_now_ns(), &work);
	cx_mutex_unlock(&pool->lock);
	cx_pool_do(pool, &work);
	*out = pool;
	return CDBC_OK;
}

void cx_pool_stats(const cx_pool *pool, cdbc_pool_stats *out)
{
	cx_mutex *lock = (cx_mutex *)(uintptr_t)&pool->lock;
	size_t size = out->struct_size;
	cdbc_pool_stats now;

	cx_mutex_lock(lock);
	now = pool->total;
	now.open_now = cx_pool_alive(pool);
	now.idle_now = pool->count[CX_SLOT_IDLE];
	now.used_now = pool->count[CX_SLOT_LENT] + pool->count[CX_SLOT_CHECKING];
	now.opening_now = pool->count[CX_SLOT_OPENING];
	now.waiting_now = pool->queued;
	cx_mutex_unlock(lock);
	now.struct_size = size;
	memcpy(out, &now, size < sizeof now ? size : sizeof now);
}

/* Lock held: those that are out, or on their way out. */
static int64_t out_count(const cx_pool *pool)
{
	return pool->count[CX_SLOT_LENT] + pool->count[CX_SLOT_CHECKING] +
		   pool->count[CX_SLOT_RESETTING];
}

bool cx_pool_close(cx_pool *pool, int64_t deadline_ns)
{
	cx_pool_work work = CX_POOL_WORK_INIT;
	bool is_empty;

	cx_mutex_lock(&pool->lock);
	pool->is_closing = true;
	while (pool->waiters) {
		cdbc_error *error = NULL;

		cx_error_set(&error, CDBC_CLOSED, "the pool is closed");
		cx_pool_answer(pool, NULL, CDBC_CLOSED, error);
	}
	while (pool->idle) {
		cx_slot *slot = pool->idle;

		pool->idle = slot->next;
		cx_pool_note_close(pool, slot, "the pool closes", &work);
	}
	cx_mutex_unlock(&pool->lock);
	cx_pool_do(pool, &work);
	cx_mutex_lock(&pool->lock);
	while (out_count(pool) + pool->count[CX_SLOT_CLOSING] > 0)
		if (!cx_cond_wait(&pool->gone, &pool->lock, deadline_ns))
			break;
	while (pool->inside > 0)
		cx_cond_wait(&pool->gone, &pool->lock, CX_NEVER);
	is_empty = out_count(pool) == 0;
	cx_mutex_unlock(&pool->lock);
	cx_pool_keeper_stop(pool);
	return is_empty;
}

void cx_pool_destroy(cx_pool *pool)
{
	cdbc_error_free(pool->last_error);
	cx_cond_fini(&pool->keeper_wake);
	cx_cond_fini(&pool->gone);
	cx_mutex_fini(&pool->lock);
	free_memory(pool);
}

void cx_pool_free(cx_pool *pool)
{
	bool is_last;

	if (!pool)
		return;
	if (!pool->is_closing)
		cx_pool_close(pool, 0);
	atomic_store_explicit(&pool->events, NULL, memory_order_release);
	cx_mutex_lock(&pool->lock);
	pool->is_freed = true;
	is_last = pool->count[CX_SLOT_FREE] == pool->options.max_size;
	cx_mutex_unlock(&pool->lock);
	if (is_last)
		cx_pool_destroy(pool);
}
