// SPDX-License-Identifier: Apache-2.0
/* A lease: a pool's connection in the hands of one borrower, and the cancelling of what runs on it
 * from another thread.
 *
 * A connection whose cancel is still in flight is not lent again: whichever of the two, borrower or
 * cancel, comes last closes it. */
#ifndef CX_LEASE_H
#define CX_LEASE_H

#include "infra/pool/pool.h"

#include <stdatomic.h>

typedef struct cx_cancel cx_cancel;

typedef struct cx_lease {
	cx_conn *conn;   /* NULL: none */
	bool is_dirty;   /* cx_lease_note_change, or settings: reset before it is lent again */
	bool is_changed; /* by more than the settings that its borrower gives to every connection */
	/* What another thread may meet: 0, nothing runs; the cx_conn on which something runs; or a
	 * cx_cancel, with its lowest bit set. */
	atomic_uintptr_t running;
} cx_lease;

/* A statement of the borrower's has changed the session. */
static inline void cx_lease_note_change(cx_lease *lease)
{
	lease->is_dirty = lease->is_changed = true;
}

void cx_lease_init(cx_lease *lease);

/* Takes a connection when there is none. Errors as cx_pool_acquire; who waits is the lease. */
cdbc_status cx_lease_take(cx_lease *lease, cx_pool *pool, int64_t deadline_ns, const char *source,
						  cdbc_error **err);

/* Gives the connection back, if there is one: clean, reset or closed as it stands. An open
 * transaction is rolled back within grace_ms. */
void cx_lease_give(cx_lease *lease, int64_t grace_ms);

/* Rolls an open transaction back; false when the connection is not worth keeping. */
bool cx_lease_tidy(cx_lease *lease, int64_t deadline_ns);

/* Waits, before the next request, until a cancel in flight has done its work, so that it cannot hit
 * that request. CDBC_TIMEOUT: it is still under way; CDBC_CONNECT: the link is lost, give the lease
 * back. */
cdbc_status cx_lease_settle(cx_lease *lease, int64_t deadline_ns, cdbc_error **err);

/* Any thread: asks the server to abandon what runs on the lease, waiting at most until the
 * deadline. Success when there is nothing. */
cdbc_status cx_lease_cancel(cx_lease *lease, cx_helpers *helpers, int64_t deadline_ns,
							cdbc_error **err);

/* From here to cx_lease_stop what runs on the lease can be cancelled. A cancel in flight must have
 * been settled. */
static inline void cx_lease_start(cx_lease *lease)
{
	atomic_store_explicit(&lease->running, (uintptr_t)lease->conn, memory_order_release);
}

static inline void cx_lease_stop(cx_lease *lease)
{
	uintptr_t running = (uintptr_t)lease->conn;

	atomic_compare_exchange_strong_explicit(&lease->running, &running, 0, memory_order_acq_rel,
											memory_order_acquire);
}

/* Whether settle has anything to do: the one test on the hot path. */
static inline bool cx_lease_has_cancel(cx_lease *lease)
{
	return atomic_load_explicit(&lease->running, memory_order_acquire) != 0;
}

#endif
