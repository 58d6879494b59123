// SPDX-License-Identifier: Apache-2.0
/* Waiting by a deadline, sending without blocking, small exchanges outside a cursor, and asking the
 * server to stop. The only file that calls poll. */
#include "internal.h"

#include "base/alloc.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>

/* ---- the socket
 * --------------------------------------------------------------------------------------------- */

/* For poll, from the cheap clock: it is a few milliseconds behind, so a wait may end that much
 * late, never early. */
static int poll_ms(int64_t deadline_ns)
{
	int64_t left;

	if (deadline_ns == CX_NEVER)
		return -1;
	left = (deadline_ns - cx_clock_coarse_ns()) / CX_NS_PER_MS + 1;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

cx_pg_wait cx_pg_poll(cx_pg_conn *c, short events, int64_t deadline_ns, short *revents)
{
	struct pollfd p = {.fd = PQsocket(c->pg), .events = events};
	int n;

	if (revents)
		*revents = events;
	if (p.fd < 0)
		return CX_PG_READY;
	do {
		n = poll(&p, 1, poll_ms(deadline_ns));
		if (n == 0 && cx_deadline_passed(deadline_ns))
			return CX_PG_LATE;
	} while (n == 0 || (n < 0 && errno == EINTR));
	if (revents && n > 0)
		*revents = p.revents;
	return CX_PG_READY;
}

/* TLS and GSS hand out a decrypted record in parts as libpq's buffer has room (CockroachDB's have
 * up to 16 KiB), and the socket does not tell of the rest. The second reading takes what the first
 * one left. */
bool cx_pg_take_hidden(cx_pg_conn *c)
{
	for (int i = 0; i < 2; i++)
		if (!PQconsumeInput(c->pg) || !PQisBusy(c->pg))
			return true;
	return false;
}

cx_pg_wait cx_pg_wait_result(cx_pg_conn *c, int64_t deadline_ns)
{
	while (PQisBusy(c->pg)) {
		if (c->may_hide && cx_pg_take_hidden(c))
			break;
		if (cx_pg_poll(c, POLLIN, deadline_ns, NULL) == CX_PG_LATE)
			return CX_PG_LATE;
		c->may_hide = c->is_encrypted;
		if (!PQconsumeInput(c->pg))
			break; /* what was read before the end, libpq still gives; then the failure */
	}
	return CX_PG_READY;
}

cdbc_status cx_pg_flush(cx_pg_conn *c, int64_t deadline_ns, cdbc_error **err)
{
	short revents;

	while (PQflush(c->pg) > 0) {
		if (cx_pg_poll(c, POLLIN | POLLOUT, deadline_ns, &revents) == CX_PG_LATE) {
			cdbc_status status = cx_pg_error_late(c, err);

			c->is_lost = true;
			return status;
		}
		if ((revents & ~POLLOUT) && !PQconsumeInput(c->pg))
			break;
	}
	return CDBC_OK;
}

cdbc_tx_state cx_pg_tx(cx_pg_conn *c)
{
	switch (PQtransactionStatus(c->pg)) {
	case PQTRANS_IDLE:
		c->tx = CDBC_TX_IDLE;
		break;
	case PQTRANS_INTRANS:
		c->tx = CDBC_TX_OPEN;
		break;
	case PQTRANS_INERROR:
		c->tx = CDBC_TX_FAILED;
		break;
	default: /* not at rest, or gone */
		break;
	}
	return c->tx;
}

/* ---- cancel
 * -------------------------------------------------------------------------------------------------
 */

/* Belongs to the helper thread when its caller has given up. */
typedef struct cancel_job {
	PGcancel *cancel;
	bool is_done;
	char text[256];
} cancel_job;

static void cancel_run(void *data)
{
	cancel_job *job = data;

	job->is_done = PQcancel(job->cancel, job->text, sizeof job->text) == 1;
}

static void cancel_free(void *data)
{
	cancel_job *job = data;

	PQfreeCancel(job->cancel);
	cx_free(job);
}

bool cx_pg_cancel_now(cx_pg_conn *c, int64_t deadline_ns)
{
	cancel_job *job;
	cdbc_status status;
	bool is_done = false;

	if (PQstatus(c->pg) != CONNECTION_OK)
		goto out;
	job = cx_calloc(1, sizeof *job);
	if (!job)
		goto out;
	job->cancel = PQgetCancel(c->pg);
	if (!job->cancel) {
		cx_free(job);
		goto out;
	}
	atomic_store(&c->is_cancel_sent, true);
	atomic_fetch_add(&c->cancels_due, 1);
	c->cursor.summary.is_cancel_sent = true;
	status = c->host->run_blocking(c->host, cancel_run, cancel_free, job, deadline_ns, NULL);
	if (status == CDBC_TIMEOUT)
		goto out;
	is_done = status == CDBC_OK && job->is_done;
	cancel_free(job);
out:
	/* A cancel under way could hit whoever is lent this connection next. */
	if (!is_done)
		c->is_lost = true;
	return is_done;
}

cdbc_status cx_pg_cancel(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_conn *c = conn;
	char text[256] = "", line[256];

	atomic_store(&c->is_cancel_sent, true);
	atomic_fetch_add(&c->cancels_due, 1);
	if (PQcancel(c->cancel, text, sizeof text) == 1)
		return CDBC_OK;
	cx_pg_one_line(text, line, sizeof line);
	cx_error_set(err, CDBC_CONNECT, "cancel on %s: %s", c->host_text, line);
	cx_error_field(err, CDBC_FIELD_HOST, c->host_text);
	return CDBC_CONNECT;
}

/* ---- exchanges outside a cursor
 * ----------------------------------------------------------------------------- */

static void leave_pipeline(cx_pg_conn *c)
{
	if (PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF && PQexitPipelineMode(c->pg) != 1)
		c->is_lost = true;
}

/* Ends what the server will not take part in any more. */
static void refuse_copy(cx_pg_conn *c, ExecStatusType status)
{
	char *bytes = NULL;

	if (status == PGRES_COPY_IN)
		PQputCopyEnd(c->pg, "not expected");
	else if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
		c->is_lost = PQgetCopyData(c->pg, &bytes, 1) < 0 ? c->is_lost : true;
	PQfreemem(bytes);
}

/* The link's or the session's end, however it is told. */
static bool is_the_end(cx_pg_conn *c, const PGresult *result)
{
	if (PQresultStatus(result) != PGRES_FATAL_ERROR)
		return false;
	return cx_pg_ends_session(result) ||
		   (PQstatus(c->pg) != CONNECTION_OK && !PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

cdbc_status cx_pg_exchange(cx_pg_conn *c, size_t syncs, int64_t deadline_ns, cx_pg_each each,
						   void *data, cdbc_error **err)
{
	cdbc_status status = cx_pg_flush(c, deadline_ns, err);
	bool is_pipeline = syncs > 0, is_late = false;
	size_t query = 0;

	while (!status) {
		PGresult *result;
		ExecStatusType kind;

		if (cx_pg_wait_result(c, deadline_ns) == CX_PG_LATE) {
			int64_t grace = cx_clock_now_ns() + CX_PG_GRACE_NS;

			if (is_late || !cx_pg_cancel_now(c, grace)) {
				c->is_lost = true;
				return cx_pg_error_late(c, err);
			}
			is_late = true;
			deadline_ns = grace;
			continue;
		}
		result = PQgetResult(c->pg);
		if (!result) {
			if (PQstatus(c->pg) != CONNECTION_OK)
				status = cx_pg_error_lost(c, is_late ? NULL : err);
			else if (!is_pipeline)
				break;
			query++;
			continue;
		}
		kind = PQresultStatus(result);
		if (kind == PGRES_PIPELINE_SYNC && syncs > 0 && --syncs == 0) {
			PQclear(result);
			leave_pipeline(c);
			break;
		}
		if (is_the_end(c, result))
			status = cx_pg_error_result(c, result, is_late ? NULL : err);
		else
			refuse_copy(c, kind);
		if (kind == PGRES_PIPELINE_SYNC || status || !each || !each(data, query, result))
			PQclear(result);
	}
	cx_pg_tx(c);
	return is_late ? cx_pg_error_late(c, err) : status;
}

typedef struct command {
	PGresult *failure;
	char *value;
	size_t size;
} command;

static bool on_command(void *data, size_t query, PGresult *result)
{
	command *cmd = data;

	if (PQresultStatus(result) == PGRES_FATAL_ERROR && !cmd->failure) {
		cmd->failure = result;
		return true;
	}
	if (cmd->value && PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 &&
		PQnfields(result) > 0)
		snprintf(cmd->value, cmd->size, "%s", PQgetvalue(result, 0, 0));
	return false;
}

cdbc_status cx_pg_command(cx_pg_conn *c, const char *sql, int64_t deadline_ns, char *value,
						  size_t size, cdbc_error **err)
{
	command cmd = {.value = value, .size = size};
	cdbc_status status;

	if (value)
		value[0] = '\0';
	atomic_store(&c->is_cancel_sent, false);
	if (!PQsendQuery(c->pg, sql))
		return cx_pg_send_failed(c, err);
	status = cx_pg_exchange(c, 0, deadline_ns, on_command, &cmd, err);
	if (!status && cmd.failure)
		status = cx_pg_error_result(c, cmd.failure, err);
	PQclear(cmd.failure);
	return status;
}
