// SPDX-License-Identifier: Apache-2.0
/* COPY on a lease. What is copied, and in which transaction, is the affair of those above. */
#include "data/exec/copy.h"

#include "base/clock.h"
#include "base/error.h"
#include "data/exec/outcome.h"

#define GRACE_MS 1000

static void discard(cx_copy_run *run, int64_t deadline_ns, cdbc_summary *facts)
{
	cx_lease *lease = run->lease;

	if (!run->handle)
		return;
	(void)lease->conn->driver->copy_end(run->handle, false, deadline_ns, facts, NULL);
	run->handle = NULL;
	cx_lease_stop(lease);
}

/* In a transaction, whose commit was not sent: nothing of it stays. */
static cdbc_status failed(cx_copy_run *run, cdbc_status status, cdbc_summary *facts,
						  cdbc_error **err)
{
	const cx_conn *conn = run->lease->conn;
	cx_failure failure = {.status = status, .tx_before = CDBC_TX_OPEN, .kind = CDBC_KIND_COPY};
	cx_verdict verdict;

	discard(run, cx_deadline_after_ms(GRACE_MS), facts);
	failure.sqlstate = *err ? cdbc_error_sqlstate(*err) : "";
	failure.message = *err ? cdbc_error_message(*err) : NULL;
	failure.position =
		facts->position == CDBC_POSITION_DONE ? CDBC_POSITION_DONE : CDBC_POSITION_SENT;
	failure.is_link_lost = conn->driver->state(conn->handle).is_lost;
	verdict = cx_outcome_judge(&failure);
	cx_error_outcome(err, verdict.outcome, verdict.replay);
	return status;
}

cdbc_status cx_copy_run_begin(cx_copy_run *run, const char *sql, size_t length, int64_t deadline_ns,
							  cdbc_error **err)
{
	const cx_conn *conn = run->lease->conn;
	cdbc_summary facts = {.struct_size = sizeof facts};
	cdbc_request request = {.struct_size = sizeof request,
							.sql = sql,
							.sql_length = length,
							.kind = CDBC_KIND_COPY,
							.flags = CDBC_REQUEST_NO_PREPARE};
	cdbc_status status;

	cx_lease_start(run->lease);
	status = conn->driver->copy_begin(conn->handle, &request, deadline_ns, &run->handle, err);
	if (!status)
		return CDBC_OK;
	run->handle = NULL;
	cx_lease_stop(run->lease);
	return failed(run, status, &facts, err);
}

cdbc_status cx_copy_run_write(cx_copy_run *run, const void *bytes, size_t length,
							  int64_t deadline_ns, cdbc_error **err)
{
	const cx_conn *conn = run->lease->conn;
	cdbc_summary facts = {.struct_size = sizeof facts};
	cdbc_status status;

	if (cx_lease_has_cancel(run->lease) && atomic_load(&run->lease->running) != (uintptr_t)conn)
		status = cx_error_set(err, CDBC_CANCELLED, "cancelled");
	else
		status = conn->driver->copy_write(run->handle, bytes, length, deadline_ns, err);
	return status ? failed(run, status, &facts, err) : CDBC_OK;
}

cdbc_status cx_copy_run_end(cx_copy_run *run, int64_t *count, int64_t deadline_ns, cdbc_error **err)
{
	const cx_conn *conn = run->lease->conn;
	cdbc_summary facts = {.struct_size = sizeof facts};
	void *handle = run->handle;
	cdbc_status status;

	run->handle = NULL;
	status = conn->driver->copy_end(handle, true, deadline_ns, &facts, err);
	cx_lease_stop(run->lease);
	if (status)
		return failed(run, status, &facts, err);
	*count = facts.affected_count;
	return CDBC_OK;
}

void cx_copy_run_abort(cx_copy_run *run, int64_t deadline_ns)
{
	cdbc_summary facts = {.struct_size = sizeof facts};

	discard(run, deadline_ns, &facts);
}
