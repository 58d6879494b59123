// SPDX-License-Identifier: Apache-2.0
/* Between two attempts of a session: the connection goes back, time passes. */
#include "base/error.h"
#include "service/session.h"

#define SLICE_NS (20 * CX_NS_PER_MS) /* how late a cancel may be noticed */
#define GRACE_MS 1000

bool cx_session_wait_since(cdbc_session *session, int64_t wait_ns, uint32_t cancel_count)
{
	if (wait_ns <= 0 || cx_session_cancel_count(session) != cancel_count)
		return cx_session_cancel_count(session) != cancel_count;
	if (session->lease.conn && !session->lease.is_dirty && !session->tx.depth)
		cx_lease_give(&session->lease, GRACE_MS);
	atomic_store(&session->is_waiting, true);
	while (wait_ns > 0 && cx_session_cancel_count(session) == cancel_count) {
		cx_clock_sleep_ns(wait_ns < SLICE_NS ? wait_ns : SLICE_NS);
		wait_ns -= SLICE_NS;
	}
	atomic_store(&session->is_waiting, false);
	return cx_session_cancel_count(session) != cancel_count;
}

cdbc_status cx_session_cancelled(cdbc_error **err)
{
	cdbc_outcome outcome = cdbc_error_outcome(*err);

	cx_error_clear(err);
	cx_error_set(err, CDBC_CANCELLED, "cancelled between two attempts");
	cx_error_outcome(err, outcome, CDBC_REPLAY_NO);
	return CDBC_CANCELLED;
}
