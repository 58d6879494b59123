// SPDX-License-Identifier: Apache-2.0
/* What the files of the pool share: the pool itself, its slots, its waiters. Nobody else includes
 * this, but for its tests.
 *
 * `lock` protects every field that is not said to be fixed. It is never held while a driver, an
 * observer or the helpers are called: what is to be done is noted under the lock and done after it
 * (cx_pool_work). A connection's handle belongs to whoever moved the slot into its present state:
 * the borrower when LENT, the acquirer when CHECKING, a helper when OPENING or RESETTING, the mover
 * when CLOSING.
 *
 * A slot that is not FREE keeps the pool's memory alive, as does a thread that waits. */
#ifndef CX_POOL_INTERNAL_H
#define CX_POOL_INTERNAL_H

#include "base/backoff.h"
#include "base/clock.h"
#include "base/thread.h"
#include "infra/pool/pool.h"

#include <stdatomic.h>

typedef enum cx_slot_state {
	CX_SLOT_FREE, /* no connection */
	CX_SLOT_OPENING,
	CX_SLOT_IDLE,
	CX_SLOT_CHECKING,
	CX_SLOT_LENT,
	CX_SLOT_RESETTING,
	CX_SLOT_CLOSING,
	CX_SLOT_STATE_COUNT
} cx_slot_state;

typedef struct cx_slot cx_slot;
struct cx_slot {
	cx_conn conn; /* first: a borrower's pointer is the slot's */
	cx_slot_state state;
	bool is_leak_told;
	cx_slot *next; /* in the stack of idle or free slots, or in a list of work */
	int64_t opened_ns;
	int64_t expires_ns; /* end of its life; CX_NEVER */
	int64_t idle_ns;    /* how long it may rest; CX_NEVER */
	int64_t rested_ns;  /* when it came to rest */
	int64_t lent_ns;
	const char *source; /* LENT: who has it; CLOSING: why */
};

/* One that waits, on its own stack. Leaves the queue by a slot, by a failure, or by itself when its
 * time is over. */
typedef struct cx_waiter {
	struct cx_waiter *next;
	uint64_t ticket; /* its place in the order of arrival */
	cx_cond wake;
	bool is_parked;           /* sleeps on wake; else it looks at is_answered from time to time */
	_Atomic bool is_answered; /* no longer in the queue; the answer stands below, and nobody else
								 touches this any more */
	cx_slot *slot;
	cdbc_error *error; /* when there is no slot; the waiter's own */
	cdbc_status status;
	const char *source;
	const void *who; /* waits, for who would stop it; NULL: nobody can */
} cx_waiter;

struct cx_pool {
	cx_mutex lock;
	/* what an acquire and a release touch */
	cx_slot *idle; /* the one that rested last first */
	cx_waiter *waiters;
	bool is_closing;
	bool is_freed;           /* goes when its last slot is free */
	int64_t check_idle_ns;   /* fixed; CX_NEVER: never, INT64_MIN: always */
	int64_t leak_warn_ns;    /* fixed; CX_NEVER: never */
	int64_t keeper_wakes_ns; /* when the keeper looks next; INT64_MIN while it is awake */
	int64_t count[CX_SLOT_STATE_COUNT];
	int64_t queued;        /* waiters not answered yet */
	int64_t inside;        /* threads in a slow acquire: the pool stays for them */
	cdbc_pool_stats total; /* counts only; gauges come from count */

	/* opening */
	cx_slot *free;
	uint64_t tickets;
	uint64_t serials;
	bool was_open;          /* a connection has been opened, ever */
	cdbc_error *last_error; /* of the last opening, until one succeeds */
	cx_backoff backoff;
	int64_t no_open_before_ns; /* backoff */
	int64_t open_rate_ns;      /* when the openings so far would be over at the highest rate */
	int64_t open_due_ns; /* when backoff or rate allow the next wanted opening; CX_NEVER: none is
							wanted */
	uint64_t random;

	/* closing and keeping */
	cx_cond keeper_wake;
	cx_cond gone; /* a slot became free, or a waiter left */
	cx_thread keeper;
	bool has_keeper;
	bool must_keeper_end;

	/* fixed */
	cx_pool_options options;
	const cdbc_driver *driver;
	cdbc_settings settings;
	cdbc_driver_host host;
	_Atomic(const cx_events *) events;
	cx_helpers *helpers;
	cx_slot *slots;
};

/* What was noted under the lock, to be done after it. */
typedef struct cx_pool_work {
	cx_slot *opens;  /* OPENING, to be given to a helper */
	cx_slot *closes; /* CLOSING, to be closed here */
	bool is_last;    /* nobody knows the pool any more: destroy it */
} cx_pool_work;

#define CX_POOL_WORK_INIT \
	{                     \
		NULL, NULL, false \
	}

/* ---- state.c ---- */

/* The one way to another state. Lock held. */
void cx_conn_move(cx_pool *pool, cx_slot *slot, cx_slot_state to);
/* Gives a connection that is free to be lent to the first waiter, or lays it to rest; notes its
 * closing when the pool closes. */
void cx_pool_place(cx_pool *pool, cx_slot *slot, int64_t now_ns, cx_pool_work *work);
/* Notes a closing. why: static storage. Lock held. */
void cx_pool_note_close(cx_pool *pool, cx_slot *slot, const char *why, cx_pool_work *work);
/* Back to the free ones. Lock held. */
void cx_pool_free_slot(cx_pool *pool, cx_slot *slot, cx_pool_work *work);
/* Connections that are, or are about to be; and those that could come back or are there. Lock held.
 */
static inline int64_t cx_pool_size(const cx_pool *pool)
{
	return pool->options.max_size - pool->count[CX_SLOT_FREE] - pool->count[CX_SLOT_CLOSING];
}

static inline int64_t cx_pool_alive(const cx_pool *pool)
{
	return cx_pool_size(pool) - pool->count[CX_SLOT_OPENING];
}

/* Answers the first waiter, with a slot or an error. Lock held. */
void cx_pool_answer(cx_pool *pool, cx_slot *slot, cdbc_status status, cdbc_error *error);
/* The same with another one of the queue. */
void cx_pool_answer_at(cx_pool *pool, cx_waiter **at, cx_slot *slot, cdbc_status status,
					   cdbc_error *error);
/* Makes the keeper look at due_ns at the latest. Lock held. */
static inline void cx_pool_due(cx_pool *pool, int64_t due_ns)
{
	if (due_ns < pool->keeper_wakes_ns) {
		pool->keeper_wakes_ns = due_ns;
		cx_cond_signal(&pool->keeper_wake);
	}
}
/* When an idle connection must go: end of its life or of its rest. */
static inline int64_t cx_pool_rest_ends(const cx_slot *slot)
{
	int64_t rest;

	if (__builtin_add_overflow(slot->rested_ns, slot->idle_ns, &rest))
		rest = CX_NEVER;
	return cx_deadline_sooner(rest, slot->expires_ns);
}
/* Does the work, without the lock; the pool may be gone afterwards. */
void cx_pool_do(cx_pool *pool, cx_pool_work *work);
/* Closes a slot in state CLOSING and frees it. error: what was wrong with it, NULL: nothing.
 * Without the lock. */
void cx_pool_close_slot(cx_pool *pool, cx_slot *slot, const cdbc_error *error);
void cx_pool_emit(cx_pool *pool, const cx_slot *slot, cdbc_event_kind kind, int64_t duration_ns,
				  const char *text, const cdbc_error *error);

/* ---- open.c ---- */

/* Notes the openings that waiters and min_size call for, as far as size, backoff and rate allow.
 * Lock held. */
void cx_pool_plan(cx_pool *pool, int64_t now_ns, cx_pool_work *work);
/* Hands an opening to the helpers. Without the lock. */
void cx_pool_start_open(cx_pool *pool, cx_slot *slot);
/* Hands a reset to the helpers; closes the connection when they refuse. Without the lock. */
void cx_pool_start_reset(cx_pool *pool, cx_slot *slot);

/* ---- keeper.c ---- */

bool cx_pool_keeper_start(cx_pool *pool);
void cx_pool_keeper_stop(cx_pool *pool);
/* What the keeper does when it looks: closes what is too old or rested too long, tells of leaks,
 * opens up to min_size. Returns when to look again. Lock held, but not throughout. */
int64_t cx_pool_keep(cx_pool *pool);

/* ---- pool.c ---- */
void cx_pool_destroy(cx_pool *pool);

#endif
