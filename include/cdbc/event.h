// SPDX-License-Identifier: Apache-2.0
/* Events: what happens inside, for those who watch. A watcher returns nothing and cannot change
 * what happens. */
#ifndef CDBC_EVENT_H
#define CDBC_EVENT_H

#include <cdbc/error.h>
#include <cdbc/value.h>

CDBC_BEGIN

/* One bit each, so that an observer names those it wants; others are never built. */
typedef enum cdbc_event_kind {
	CDBC_EVENT_REQUEST_START = 1u << 0,
	CDBC_EVENT_REQUEST_END = 1u << 1, /* when the result ended or was freed */
	CDBC_EVENT_CONN_OPEN = 1u << 2,   /* error not NULL: it failed */
	CDBC_EVENT_CONN_CLOSE = 1u << 3,
	CDBC_EVENT_ACQUIRE_WAIT = 1u << 4, /* an acquire had to wait, and for how long */
	CDBC_EVENT_LEAK =
		1u
		<< 5, /* a connection has been out longer than leak_warn_ms; text is where it was taken */
	/* a deprecated query runs; text is what its file says of that */
	CDBC_EVENT_DEPRECATED = 1u << 6,
	CDBC_EVENT_NOTICE = 1u << 7, /* the server says something beside its answers: text */
	/* queries were loaded again, registered or taken back, or (error not NULL) were refused and the
	 * old ones stay. id is the generation in force, row_count its number of queries, text says both
	 */
	CDBC_EVENT_CATALOG = 1u << 8,
	/* an attempt has failed (error), and another follows: of a request, whose id it has, or of a
	 * whole transaction by cdbc_session_transact; then id is transaction_id, and name its name */
	CDBC_EVENT_ATTEMPT = 1u << 9,
	CDBC_EVENT_TRANSACTION_START = 1u << 10,
	CDBC_EVENT_TRANSACTION_END = 1u << 11, /* text is "commit" or "rollback"; error: it failed */
	/* an unanswered commit (error) was looked up: text is its outcome, attempt how often it was
	 * asked for */
	CDBC_EVENT_RESOLVED = 1u << 16,
	/* the breaker has changed: text is "closed", "open" (for duration_ns, after error) or
	 * "half-open" */
	CDBC_EVENT_BREAKER = 1u << 12
} cdbc_event_kind;

#define CDBC_EVENT_ALL UINT32_MAX

/* Everything is borrowed for the call. Fields that do not belong to the kind are 0 or NULL. */
typedef struct cdbc_event {
	size_t struct_size;
	cdbc_event_kind kind;
	uint64_t id;     /* pairs START with END, and with each ATTEMPT between */
	int64_t time_ns; /* CLOCK_MONOTONIC */
	int64_t duration_ns;
	const char *name; /* of the query, the transaction or the pool */
	const char *host;
	int64_t attempt; /* from 1; the last one */
	int64_t row_count;
	const char *text;        /* why a connection was closed, where it was acquired */
	const cdbc_error *error; /* its outcome and replay are the request's */
	uint64_t transaction_id; /* the transaction that a request is in, or that it is about; 0: none.
								An id like those of requests */
	uint64_t fingerprint;    /* of the statement (cdbc_sql_fingerprint); 0: not known */
	int64_t byte_count;      /* of the values that came */
	int64_t affected_count;  /* rows that the statement changed; -1: not told */
	/* of REQUEST_START, and only when log.values is on; NULL else */
	const cdbc_value *values;
	size_t value_count;
	/* of REQUEST_END: what the cache did for a query with a `cache:` header. "hit"; "miss", it was
	 * loaded; "wait", another request's load answered; "pass", too large or memory was short. NULL:
	 * not asked */
	const char *cache;
} cdbc_event;

typedef struct cdbc_observer {
	size_t struct_size;
	const char *name;
	uint32_t events; /* cdbc_event_kind bits */
	/* Called on the thread where it happens, with no lock held. */
	void (*on_event)(void *self, const cdbc_event *event);
	void (*destroy)(void *self); /* NULL: nothing to do */
	void *self;
} cdbc_observer;

CDBC_END
#endif
