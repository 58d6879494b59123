// SPDX-License-Identifier: Apache-2.0
/* The pool: connections that live, rest, are lent and come back. Knows drivers and deadlines;
 * nothing of SQL or results.
 *
 * Opening always happens on helper threads, so one slow connect never blocks another caller, and a
 * connection whose caller gave up is kept. Waiters are served first come, first served. Any thread
 * may call anything here. */
#ifndef CX_POOL_H
#define CX_POOL_H

#include "base/event.h"
#include "base/helpers.h"

#include <cdbc/client.h>
#include <cdbc/driver.h>

typedef struct cx_pool cx_pool;

/* A connection that was lent. The driver's part is read by the borrower; the rest belongs to the
 * pool. */
typedef struct cx_conn {
	const cdbc_driver *driver;
	void *handle; /* the driver's connection */
	cx_pool *pool;
	uint64_t serial; /* counts connections, for events */
	bool is_known;   /* the borrowers': they have looked at what it leads to. False once opened */
} cx_conn;

typedef struct cx_pool_options {
	const char *name;
	int64_t min_size;
	int64_t max_size;
	int64_t acquire_timeout_ms; /* an upper bound besides the caller's deadline */
	int64_t connect_timeout_ms; /* of one opening */
	int64_t idle_timeout_ms;    /* rests longer than this (above min_size): closed; 0: never */
	int64_t lifetime_ms;        /* older than this: closed when it comes back or rests; 0: never */
	int64_t jitter_pct;         /* of every interval */
	int64_t
		check_idle_ms; /* rested longer than this: pinged before it is lent; 0: always; -1: never */
	int64_t max_waiters_per_slot; /* more waiters than this times max_size: refused at once */
	int64_t max_opens_per_s;      /* new connections a second; 0: no limit */
	int64_t leak_warn_ms; /* lent longer than this: CDBC_EVENT_LEAK, once a lease; 0: never */
} cx_pool_options;

/* Begins to open min_size connections in the background. settings are copied (secrets wiped when
 * the pool goes). events and helpers are borrowed and must outlive the pool: free the pool, then
 * the helpers (which waits for openings under way), then the events. connect_timeout_ms 0: no
 * bound. Fails with CDBC_NOMEM, CDBC_CONFIG (min_size > max_size), CDBC_RESOURCE (no thread to be
 * had). */
cdbc_status cx_pool_new(const cx_pool_options *options, const cdbc_driver *driver,
						const cdbc_settings *settings, const cx_events *events, cx_helpers *helpers,
						cx_pool **out, cdbc_error **err);

/* Lends a connection. source is where it is taken (static storage), for the leak warning. Fails
 * with CDBC_TIMEOUT (nobody gave one back; the message says how many are lent and, when opening
 * fails, why), CDBC_CONNECT or CDBC_AUTH (opening failed and nothing is lent that could come back:
 * at once for what trying again cannot mend and for a server that was never reached, else when the
 * time is over), CDBC_OVERLOADED, CDBC_CLOSED, CDBC_NOMEM. Every message begins with `acquire from
 * pool "NAME": `, the outcome is NOT_SENT, replay SAFE. who is for cx_pool_stop_waiting. */
cdbc_status cx_pool_acquire_for(cx_pool *pool, int64_t deadline_ns, const char *source,
								const void *who, cx_conn **out, cdbc_error **err);
/* The same for nobody in particular. */
static inline cdbc_status cx_pool_acquire(cx_pool *pool, int64_t deadline_ns, const char *source,
										  cx_conn **out, cdbc_error **err)
{
	return cx_pool_acquire_for(pool, deadline_ns, source, NULL, out, err);
}

/* An acquire for who that waits fails with CDBC_CANCELLED (replay NO). False: there is none. */
bool cx_pool_stop_waiting(cx_pool *pool, const void *who);

typedef enum cx_release {
	CX_RELEASE_CLEAN, /* as it was lent: no round trip. The pool looks at driver->state and closes
						 what is not idle */
	CX_RELEASE_SEEN,  /* the same, and the caller has just looked */
	CX_RELEASE_RESET, /* its session was changed: reset by a helper before it is lent again */
	CX_RELEASE_CLOSE  /* not to be lent again */
} cx_release;

/* Takes a connection back. Never blocks on the network. why: for the close event (static storage);
 * NULL for none. */
void cx_pool_release(cx_pool *pool, cx_conn *conn, cx_release how, const char *why);

void cx_pool_stats(const cx_pool *pool, cdbc_pool_stats *out);

/* Refuses new acquires (CDBC_CLOSED, waiters too), closes idle connections, waits for lent ones
 * until the deadline. Returns whether all came back. Those that did not are closed when they are
 * released. Call once. */
bool cx_pool_close(cx_pool *pool, int64_t deadline_ns);
/* Frees the pool once it was closed; connections still out keep it until the last is released.
 * Takes NULL. */
void cx_pool_free(cx_pool *pool);

#endif
