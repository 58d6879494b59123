// SPDX-License-Identifier: Apache-2.0
/* A client's numbers as rows: what there is, under which name, in which order. */
#include "service/client.h"
#include "service/observe/observe.h"

#include <cdbc/stats.h>

/* Who is told. */
typedef struct teller {
	void (*fn)(void *data, const cdbc_stat *stat);
	void *data;
} teller;

static void tell(const teller *t, cdbc_stat stat)
{
	stat.struct_size = sizeof stat;
	t->fn(t->data, &stat);
}

static void count(const teller *t, const char *name, const char *label, const char *label_value,
				  int64_t value, const char *help)
{
	tell(t, (cdbc_stat){.kind = CDBC_STAT_COUNTER,
						.name = name,
						.label = label,
						.label_value = label_value,
						.value = value,
						.help = help});
}

static void gauge(const teller *t, const char *name, int64_t value, const char *help)
{
	tell(t, (cdbc_stat){.kind = CDBC_STAT_GAUGE, .name = name, .value = value, .help = help});
}

static void durations(const teller *t, const char *name, const char *label, const char *label_value,
					  const cx_histogram *histogram, const char *help)
{
	cdbc_histogram seen;

	cx_histogram_read(histogram, &seen);
	tell(t, (cdbc_stat){.kind = CDBC_STAT_HISTOGRAM,
						.name = name,
						.label = label,
						.label_value = label_value,
						.value = seen.count,
						.histogram = &seen,
						.help = help});
}

static int64_t get(const _Atomic int64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void tell_totals(const teller *t, const cx_counters *c)
{
	for (int i = 0; i < CDBC_STATUS_COUNT; i++)
		if (i == CDBC_OK || get(&c->requests[i]))
			count(t, "requests", "status", cdbc_status_name((cdbc_status)i), get(&c->requests[i]),
				  "requests that have ended");
	durations(t, "request_duration", NULL, NULL, &c->durations,
			  "from a request's beginning to the end of its result");
	count(t, "retries", NULL, NULL, get(&c->retry_count), "attempts that another one followed");
	count(t, "rows", NULL, NULL, get(&c->row_count), "rows handed over");
	count(t, "bytes", NULL, NULL, get(&c->byte_count), "bytes of their values");
	count(t, "transactions", "end", "committed", get(&c->committed_count),
		  "transactions that have ended as was asked");
	count(t, "transactions", "end", "rolled-back", get(&c->rolled_back_count),
		  "transactions that have ended as was asked");
	for (int i = 0; i <= CDBC_OUTCOME_UNKNOWN; i++)
		if (get(&c->tx_failed[i]))
			count(t, "transactions_failed", "outcome", cdbc_outcome_name((cdbc_outcome)i),
				  get(&c->tx_failed[i]), "transactions that failed, after all their attempts");
	durations(t, "transaction_duration", NULL, NULL, &c->transactions,
			  "from a transaction's beginning to its end, all attempts together");
}

/* One number of each query. */
static void tell_query(const teller *t, const cx_query_counters *q, int what)
{
	const char *name = q->name[0] ? q->name : "sql";

	if (what == 0)
		durations(t, "query_duration", "query", name, &q->durations, "requests of a named query");
	else if (what == 1)
		count(t, "query_errors", "query", name, get(&q->error_count), "those that failed");
	else
		count(t, "query_rows", "query", name, get(&q->row_count), "their rows");
}

static void tell_queries(const teller *t, const cx_counters *c)
{
	for (int what = 0; what < 3; what++) {
		for (size_t i = 0; i <= c->mask; i++) {
			const cx_query_counters *q = atomic_load_explicit(&c->queries[i], memory_order_acquire);

			if (q)
				tell_query(t, q, what);
		}
		if (get(&c->other->durations.sum_ns))
			tell_query(t, c->other, what);
	}
}

static void tell_pool(const teller *t, const cdbc_client *client)
{
	cdbc_pool_stats p = {.struct_size = sizeof p};

	cdbc_client_pool_stats(client, &p);
	gauge(t, "pool_max", p.max_count, "connections at most");
	gauge(t, "pool_open", p.open_now, "connections open now");
	gauge(t, "pool_idle", p.idle_now, "idle now");
	gauge(t, "pool_used", p.used_now, "lent now");
	gauge(t, "pool_waiting", p.waiting_now, "who waits for one now");
	count(t, "pool_acquires", NULL, NULL, p.acquire_count, "connections taken");
	count(t, "pool_acquire_waits", NULL, NULL, p.acquire_wait_count, "those that had to wait");
	count(t, "pool_acquire_wait_ns", NULL, NULL, p.acquire_wait_ns, "how long, together");
	count(t, "pool_acquire_timeouts", NULL, NULL, p.acquire_timeout_count, "waited in vain");
	count(t, "pool_acquire_refusals", NULL, NULL, p.acquire_refused_count, "too many waited");
	count(t, "pool_opens", NULL, NULL, p.open_count, "connections opened");
	count(t, "pool_open_failures", NULL, NULL, p.open_failed_count, "that could not be opened");
	count(t, "pool_closes", NULL, NULL, p.close_count, "connections closed");
	count(t, "pool_leaks", NULL, NULL, p.leak_count, "out for longer than pool.leak_warning");
}

static void tell_breaker(const teller *t, const cx_breaker *breaker)
{
	if (!breaker->options.is_enabled)
		return;
	gauge(t, "breaker_state", cx_breaker_state_now(breaker), "0 closed, 1 open, 2 half-open");
	count(t, "breaker_opens", NULL, NULL, get(&breaker->opened_count), "how often it has opened");
	count(t, "breaker_refusals", NULL, NULL, get(&breaker->refused_count), "calls that it refused");
}

static void tell_cache(const teller *t, const cdbc_client *client)
{
	cdbc_cache_stats c = {.struct_size = sizeof c};

	if (!client->cache)
		return;
	cdbc_client_cache_stats(client, &c);
	count(t, "cache_requests", "answer", "hit", c.hit_count, "answered from the cache");
	count(t, "cache_requests", "answer", "miss", c.miss_count, "loaded");
	count(t, "cache_requests", "answer", "wait", c.wait_count, "waited for another's load");
	count(t, "cache_requests", "answer", "pass", c.pass_count, "read as if there were no cache");
	count(t, "cache_evictions", NULL, NULL, c.eviction_count, "entries that made room");
	count(t, "cache_invalidations", NULL, NULL, c.invalidation_count, "entries invalidated");
	gauge(t, "cache_entries", c.entries_now, "entries now");
	gauge(t, "cache_bytes", c.bytes_now, "memory that they take, keys included");
}

void cdbc_client_stats(const cdbc_client *client, void (*fn)(void *data, const cdbc_stat *stat),
					   void *data)
{
	const teller t = {fn, data};

	if (client->observe.counters) {
		tell_totals(&t, client->observe.counters);
		tell_queries(&t, client->observe.counters);
	}
	tell_pool(&t, client);
	tell_breaker(&t, &client->breaker);
	tell_cache(&t, client);
	if (client->observe.log)
		count(&t, "log_dropped", NULL, NULL, cx_log_dropped(client->observe.log),
			  "lines that the log's sink did not take");
}
