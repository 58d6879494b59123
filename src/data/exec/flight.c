// SPDX-License-Identifier: Apache-2.0
/* The way of several requests, and what is said of one that fails: in a unit it is the unit's fate
 * that counts, and only an answer to its COMMIT decides that. */
#include "data/exec/flight.h"

#include "base/clock.h"
#include "base/error.h"
#include "data/exec/outcome.h"

#include <string.h>

#define CLOSE_GRACE_MS 2000

cdbc_request cx_flight_control(const char *sql, uint32_t flags)
{
	return (cdbc_request){.struct_size = sizeof(cdbc_request),
						  .sql = sql,
						  .sql_length = strlen(sql),
						  .kind = CDBC_KIND_TRANSACTION,
						  .flags = flags | CDBC_REQUEST_NO_PREPARE | CDBC_REQUEST_SMALL_RESULT};
}

static const cdbc_driver *driver_of(const cx_flight *flight)
{
	return flight->lease->conn->driver;
}

static cdbc_conn_state state_of(const cx_flight *flight)
{
	return driver_of(flight)->state(flight->lease->conn->handle);
}

static bool is_commit(const cx_flight *flight, size_t index)
{
	return flight->form == CX_FLIGHT_UNIT && index + 1 == flight->count;
}

/* ---- judging ---- */

bool cx_flight_is_local(const cx_flight *flight, const cdbc_error *error)
{
	if (flight->is_lost || cdbc_error_sqlstate(error)[0])
		return false;
	switch (cdbc_error_status(error)) {
	case CDBC_DATA:
	case CDBC_RESOURCE:
	case CDBC_NOMEM:
	case CDBC_INTERNAL:
		return true;
	default:
		return false;
	}
}

/* The facts of a request that stands by itself, or in the caller's transaction. */
static cx_failure facts_of(const cx_flight *flight, size_t index, cdbc_status status,
						   const cdbc_error *error)
{
	const cdbc_request *r = &flight->requests[index < flight->count ? index : flight->count - 1];

	return (cx_failure){.status = status,
						.sqlstate = error ? cdbc_error_sqlstate(error) : "",
						.message = error ? cdbc_error_message(error) : NULL,
						.position = flight->summary.position,
						.tx_before = flight->tx_before,
						.is_link_lost = flight->is_lost,
						.kind = r->kind,
						.is_commit = r->flags & CDBC_REQUEST_COMMITS,
						.is_read_only = r->flags & CDBC_REQUEST_READ_ONLY,
						.is_idempotent = r->flags & CDBC_REQUEST_IDEMPOTENT,
						.may_have_parts = r->flags & CDBC_REQUEST_COMMITS_PARTS &&
										  flight->tx_before == CDBC_TX_IDLE,
						.has_part = flight->summary.is_partly_kept,
						.is_tx_ended = flight->is_tx_ended};
}

/* A unit is judged like one statement: all of it is here to be sent again. What the server refuses
 * before the COMMIT keeps that from being run; the link's end tells nothing of how far it came, nor
 * does a cancel of ours that came to its end without a word. */
static cx_verdict judge_unit(const cx_flight *flight, size_t index, cx_failure *f)
{
	bool is_answered =
		!flight->is_lost && f->position == CDBC_POSITION_DONE && f->sqlstate[0] != '\0';
	cx_verdict verdict;

	f->kind = CDBC_KIND_DML;
	f->is_commit = false;
	f->is_read_only = flight->flags & CDBC_REQUEST_READ_ONLY;
	f->is_idempotent = flight->flags & CDBC_REQUEST_IDEMPOTENT;
	f->may_have_parts = f->has_part = false; /* all of it goes with its transaction */
	f->tx_before = CDBC_TX_IDLE;
	if (f->position == CDBC_POSITION_ROWS_TAKEN)
		f->position = CDBC_POSITION_SENT; /* they are taken back: the batch begins again */
	if (!is_answered && f->position == CDBC_POSITION_DONE)
		f->position = CDBC_POSITION_SENT;
	if (is_answered && !is_commit(flight, index))
		f->tx_before = CDBC_TX_OPEN;
	f->is_tx_ended |= is_answered && is_commit(flight, index) && strcmp(f->sqlstate, "25P01") == 0;
	verdict = cx_outcome_judge(f);
	if (verdict.replay == CDBC_REPLAY_TRANSACTION)
		verdict.replay = CDBC_REPLAY_SAFE;
	return verdict;
}

static void judge(const cx_flight *flight, size_t index, cdbc_status status, cdbc_error **err)
{
	cx_failure failure = facts_of(flight, index, status, err ? *err : NULL);
	cx_verdict verdict = flight->form == CX_FLIGHT_UNIT ? judge_unit(flight, index, &failure)
														: cx_outcome_judge(&failure);

	cx_error_outcome(err, verdict.outcome, verdict.replay);
	if (index < flight->count && flight->requests[index].name)
		cx_error_field(err, CDBC_FIELD_STATEMENT, flight->requests[index].name);
}

void cx_flight_judge_left(const cx_flight *flight, size_t index, cdbc_error **err)
{
	cx_flight left = *flight;

	if (left.summary.position != CDBC_POSITION_NOT_FLUSHED)
		left.summary.position = CDBC_POSITION_SENT;
	left.is_lost = true; /* to it, the connection might as well be */
	cx_error_sqlstate(err, "");
	judge(&left, index, CDBC_CONNECT, err);
}

/* Stopped before the Sync: when the session's end is what follows, nobody stopped it. The server is
 * going away, and that is the failure. */
static cdbc_status look_behind(cx_flight *flight, cdbc_status status, cdbc_error **err)
{
	const struct ArrowSchema *schema;
	cdbc_error *next = NULL;
	bool has_result = false;
	cdbc_status end;

	if (flight->form == CX_FLIGHT_EACH || status == CDBC_CANCELLED ||
		strcmp(cdbc_error_sqlstate(*err), "57014") != 0)
		return status;
	end = driver_of(flight)->next_result(flight->cursor, flight->deadline_ns, &schema, &has_result,
										 &next);
	if (!end || !state_of(flight).is_lost) {
		cdbc_error_free(next);
		return status;
	}
	cdbc_error_free(*err);
	*err = next;
	return end;
}

/* The server has refused a statement, and skips the rest up to the Sync. A transaction that is not
 * there then was ended before, by a statement that did not say so: what it had done may be in. */
static bool is_tx_ended(cx_flight *flight, const cdbc_error *error)
{
	const struct ArrowSchema *schema;
	bool is_there = true;

	if (flight->form == CX_FLIGHT_EACH || flight->is_lost || !cdbc_error_sqlstate(error)[0] ||
		flight->at < flight->lead || is_commit(flight, flight->at))
		return false;
	for (size_t i = flight->at + 1; i <= flight->count && is_there && !state_of(flight).is_lost;
		 i++)
		if (driver_of(flight)->next_result(flight->cursor, flight->deadline_ns, &schema, &is_there,
										   NULL))
			is_there = true; /* not run */
	return !state_of(flight).is_lost && state_of(flight).tx == CDBC_TX_IDLE;
}

/* Notes the facts of the present request's failure. */
static cdbc_status fail(cx_flight *flight, cdbc_status status, cdbc_error **err)
{
	status = look_behind(flight, status, err);
	flight->summary = *driver_of(flight)->summary(flight->cursor);
	flight->is_lost = flight->summary.is_link_lost || state_of(flight).is_lost;
	flight->is_tx_ended = is_tx_ended(flight, *err);
	judge(flight, flight->at, status, err);
	cdbc_error_free(flight->error);
	flight->error = cx_error_copy(*err);
	/* an error of the server's skips the rest up to the Sync; a deadline has drained it all */
	if (flight->is_lost || status == CDBC_TIMEOUT ||
		(flight->form != CX_FLIGHT_EACH && !cx_flight_is_local(flight, *err)))
		flight->is_over = true;
	return status;
}

/* ---- the source of a statement's result ---- */

static cdbc_status source_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	cx_flight *flight = self;
	cdbc_error *error = NULL;
	cdbc_status status = driver_of(flight)->fetch(flight->cursor, flight->deadline_ns, out, &error);

	if (!status)
		return CDBC_OK;
	fail(flight, status, &error);
	cx_error_pass(err, error);
	return status;
}

static const cdbc_summary *source_summary(void *self)
{
	cx_flight *flight = self;

	return flight->cursor ? driver_of(flight)->summary(flight->cursor) : &flight->summary;
}

static void source_refuse(void *self, cdbc_status status, cdbc_error **err)
{
	fail(self, status, err);
}

static void source_close(void *self)
{
	(void)self; /* cx_flight_next throws away what is left */
}

static const cx_result_source flight_source = {source_fetch, source_summary, source_refuse,
											   source_close};

/* ---- the way ---- */

static void close_cursor(cx_flight *flight)
{
	bool is_clean = !flight->is_over && !flight->error;

	if (flight->cursor)
		driver_of(flight)->cursor_close(flight->cursor,
										is_clean ? CX_NEVER : cx_deadline_after_ms(CLOSE_GRACE_MS));
	flight->cursor = NULL;
	if (flight->form == CX_FLIGHT_UNIT && state_of(flight).tx != CDBC_TX_IDLE)
		cx_lease_tidy(flight->lease, cx_deadline_after_ms(CLOSE_GRACE_MS));
	cx_lease_stop(flight->lease);
	cx_error_clear(&flight->error);
}

/* Reads the present result to its end, whose rows nobody asked for. */
static cdbc_status read_away(cx_flight *flight, cdbc_error **err)
{
	for (;;) {
		struct ArrowArray rows;
		cdbc_status status = source_fetch(flight, &rows, err);

		if (status || !rows.release)
			return status;
		rows.release(&rows);
	}
}

static cdbc_status step(cx_flight *flight, const struct ArrowSchema **schema, bool *has_result,
						cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = driver_of(flight)->next_result(flight->cursor, flight->deadline_ns, schema,
														has_result, &error);

	if (!status)
		return CDBC_OK;
	fail(flight, status, &error);
	cx_error_pass(err, error);
	return status;
}

/* Reads the answer to BEGIN or COMMIT. */
static cdbc_status read_control(cx_flight *flight, cdbc_error **err)
{
	const struct ArrowSchema *schema;
	bool has_result = false;
	cdbc_status status = step(flight, &schema, &has_result, err);

	if (status)
		return status;
	if (!has_result) { /* what failed on our side has stopped a driver that runs them one by one */
		flight->is_over = true;
		cx_error_set(err, CDBC_SQL, "the transaction was not committed");
		cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		return CDBC_SQL;
	}
	return read_away(flight, err);
}

cdbc_status cx_flight_start(cx_flight *flight, cdbc_error **err)
{
	cx_conn *conn = flight->lease->conn;
	cdbc_sync sync = flight->form == CX_FLIGHT_EACH ? CDBC_SYNC_EACH : CDBC_ONE_SYNC;
	cdbc_error *error = NULL;
	cdbc_status status;

	flight->at = flight->next = 0;
	flight->cursor = NULL;
	flight->is_over = flight->is_lost = flight->is_tx_ended = false;
	flight->error = NULL;
	flight->tx_before = state_of(flight).tx;
	flight->summary = (cdbc_summary){.struct_size = sizeof flight->summary,
									 .affected_count = -1,
									 .position = CDBC_POSITION_NOT_FLUSHED,
									 .tx_before = flight->tx_before};
	for (size_t i = 0; i < flight->count; i++)
		if (flight->requests[i].flags & CDBC_REQUEST_CHANGES_SESSION)
			cx_lease_note_change(flight->lease);
	cx_lease_start(flight->lease);
	status = conn->driver->submit(conn->handle, flight->requests, flight->count, sync,
								  flight->deadline_ns, &flight->cursor, &flight->summary, &error);
	if (status) {
		flight->cursor = NULL;
		flight->is_lost = flight->summary.is_link_lost;
		flight->is_over = true;
		judge(flight, flight->form == CX_FLIGHT_UNIT ? flight->lead : 0, status, &error);
	} else if (flight->form == CX_FLIGHT_UNIT) {
		while (!status && flight->next < flight->lead) {
			flight->at = flight->next++;
			status = read_control(flight, &error);
		}
	}
	if (status) {
		close_cursor(flight);
		cx_error_pass(err, error);
	}
	return status;
}

cdbc_status cx_flight_next(cx_flight *flight, cdbc_result *result, bool *has_result)
{
	size_t end = flight->form == CX_FLIGHT_UNIT ? flight->count - 1 : flight->count;
	const struct ArrowSchema *schema = NULL;
	cdbc_status status;

	*has_result = false;
	cx_error_clear(&flight->error);
	if (flight->is_over || flight->next >= end)
		return CDBC_OK;
	flight->at = flight->next++;
	status = step(flight, &schema, has_result, NULL);
	if (status || !*has_result)
		return status;
	cx_result_init(result, &flight_source, flight, schema);
	return CDBC_OK;
}

cdbc_status cx_flight_end(cx_flight *flight, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (!flight->cursor)
		return CDBC_OK;
	if (flight->form == CX_FLIGHT_UNIT && !flight->is_over) {
		flight->at = flight->count - 1;
		cx_error_clear(&flight->error);
		status = read_control(flight, err);
	}
	close_cursor(flight);
	return status;
}
