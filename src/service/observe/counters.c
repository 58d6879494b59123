// SPDX-License-Identifier: Apache-2.0
/* Counting events. The table of queries has open addresses and room for twice what it may hold; an
 * entry, once there, stays until the end. */
#include "service/observe/counters.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <string.h>

static inline void add(_Atomic int64_t *counter, int64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static cx_query_counters *entry_new(const char *name, size_t length, uint64_t hash)
{
	cx_query_counters *entry = cx_calloc(1, sizeof *entry + length + 1);

	if (!entry)
		return NULL;
	entry->hash = hash;
	memcpy(entry->name, name, length);
	return entry;
}

cdbc_status cx_counters_new(size_t max_queries, cx_counters **out, cdbc_error **err)
{
	cx_counters *c = cx_calloc(1, sizeof *c);
	size_t room = 16;

	if (!c)
		return cx_error_nomem(err);
	cx_mutex_init(&c->lock);
	while (room < 2 * max_queries)
		room *= 2;
	c->max_queries = max_queries;
	c->mask = room - 1;
	c->queries = cx_calloc(room, sizeof *c->queries);
	c->other = entry_new("other", 5, 0);
	if (!c->queries || !c->other) {
		cx_counters_free(c);
		return cx_error_nomem(err);
	}
	*out = c;
	return CDBC_OK;
}

void cx_counters_free(cx_counters *counters)
{
	if (!counters)
		return;
	for (size_t i = 0; counters->queries && i <= counters->mask; i++)
		cx_free(atomic_load_explicit(&counters->queries[i], memory_order_relaxed));
	cx_free((void *)(uintptr_t)counters->queries);
	cx_free(counters->other);
	cx_mutex_fini(&counters->lock);
	cx_free(counters);
}

/* Puts a new entry at a place that was free; what is there by now, if it is of that name, and else
 * NULL: the place is another name's. The lock is for new names only: a table that is full takes
 * none, and what is counted in it was put there before. */
static cx_query_counters *put(cx_counters *c, size_t at, const char *name, size_t length,
							  uint64_t hash)
{
	bool has_room = atomic_load_explicit(&c->query_count, memory_order_acquire) < c->max_queries;
	cx_query_counters *entry;

	if (has_room)
		cx_mutex_lock(&c->lock);
	entry = atomic_load_explicit(&c->queries[at], memory_order_acquire);
	if (!entry && has_room &&
		atomic_load_explicit(&c->query_count, memory_order_relaxed) < c->max_queries) {
		entry = entry_new(name, length, hash);
		if (entry) {
			atomic_store_explicit(&c->queries[at], entry, memory_order_release);
			atomic_fetch_add_explicit(&c->query_count, 1, memory_order_release);
		}
	}
	if (has_room)
		cx_mutex_unlock(&c->lock);
	if (!entry) /* full, or no memory: counted, but not by its name */
		return c->other;
	return entry->hash == hash && strcmp(entry->name, name) == 0 ? entry : NULL;
}

static cx_query_counters *find(cx_counters *c, const char *name)
{
	size_t length = strlen(name);
	uint64_t hash = cx_hash_bytes(name, length, 0);

	for (size_t at = hash & c->mask;; at = (at + 1) & c->mask) {
		cx_query_counters *entry = atomic_load_explicit(&c->queries[at], memory_order_acquire);

		if (!entry) {
			entry = put(c, at, name, length, hash);
			if (entry)
				return entry;
		} else if (entry->hash == hash && strcmp(entry->name, name) == 0) {
			return entry;
		}
	}
}

static void on_request(cx_counters *c, const cdbc_event *event)
{
	cx_query_counters *query = find(c, event->name ? event->name : "");
	cdbc_status status = event->error ? cdbc_error_status(event->error) : CDBC_OK;

	add(&c->requests[status], 1);
	cx_histogram_add(&c->durations, event->duration_ns);
	cx_histogram_add(&query->durations, event->duration_ns);
	if (event->error)
		add(&query->error_count, 1);
	if (!event->row_count)
		return;
	add(&c->row_count, event->row_count);
	add(&c->byte_count, event->byte_count);
	add(&query->row_count, event->row_count);
}

static void on_transaction(cx_counters *c, const cdbc_event *event)
{
	cx_histogram_add(&c->transactions, event->duration_ns);
	if (event->error)
		add(&c->tx_failed[cdbc_error_outcome(event->error)], 1);
	else if (strcmp(event->text, "commit") == 0)
		add(&c->committed_count, 1);
	else
		add(&c->rolled_back_count, 1);
}

static void on_event(void *self, const cdbc_event *event)
{
	cx_counters *c = self;

	switch (event->kind) {
	case CDBC_EVENT_REQUEST_END:
		on_request(c, event);
		break;
	case CDBC_EVENT_TRANSACTION_END:
		on_transaction(c, event);
		break;
	case CDBC_EVENT_ATTEMPT:
		add(&c->retry_count, 1);
		break;
	default:
		break;
	}
}

cdbc_observer cx_counters_observer(cx_counters *counters)
{
	return (cdbc_observer){.struct_size = sizeof(cdbc_observer),
						   .name = "stats",
						   .events = CDBC_EVENT_REQUEST_END | CDBC_EVENT_ATTEMPT |
									 CDBC_EVENT_TRANSACTION_END,
						   .on_event = on_event,
						   .self = counters};
}
