// SPDX-License-Identifier: Apache-2.0
/* One request from submit to the last batch. Adds to a driver's error what the driver may not
 * judge: outcome, replay, the query's name. */
#include "data/exec/run.h"

#include "base/clock.h"
#include "base/column.h"
#include "base/error.h"
#include "base/text.h"
#include "data/exec/outcome.h"

#include <cdbc/sql.h>
#include <string.h>

#define CLOSE_GRACE_MS 2000
#define NAMED_MAX      120

/* Says which statement was outstanding: its form, without literals, which may be anybody's secret.
 */
static void name_outstanding(const cx_run *run, cdbc_error **err)
{
	cdbc_sql_form *form = NULL;
	const char *text;
	size_t length;

	if (cdbc_sql_fingerprint(run->sql, run->sql_length, &form, NULL))
		return;
	text = cdbc_sql_form_text(form);
	length = strlen(text);
	if (length > NAMED_MAX)
		length = cx_utf8_valid_prefix(text, NAMED_MAX);
	cx_error_wrap(err, "%.*s%s", (int)length, text, text[length] ? "..." : "");
	cdbc_sql_form_free(form);
}

/* Whether some of it may be in although it failed. In a transaction of ours nothing commits by
 * itself, and nor does a script's first statement; a script that was stopped from here may have
 * gone on meanwhile. */
static bool may_have_parts(const cx_run *run, cdbc_status status, const cdbc_summary *facts)
{
	if (!(run->flags & CDBC_REQUEST_COMMITS_PARTS) || run->is_unit || run->is_opening ||
		facts->is_refused)
		return false;
	if (run->flags & CDBC_REQUEST_SIMPLE)
		return (run->has_part || status == CDBC_TIMEOUT) &&
			   (facts->tx_before == CDBC_TX_IDLE || run->flags & CDBC_REQUEST_COMMITS);
	return facts->tx_before == CDBC_TX_IDLE;
}

/* Judges a failure and notes what it belongs to. */
static cdbc_status fail(cx_run *run, cdbc_status status, const cdbc_summary *facts,
						cdbc_error **err)
{
	cx_failure failure = {.status = status,
						  .sqlstate = err && *err ? cdbc_error_sqlstate(*err) : "",
						  .message = err && *err ? cdbc_error_message(*err) : NULL,
						  .position = facts->position,
						  .tx_before = run->is_unit      ? CDBC_TX_IDLE
									   : run->is_opening ? CDBC_TX_OPEN
														 : facts->tx_before,
						  .is_link_lost = facts->is_link_lost,
						  .kind = run->kind,
						  .is_commit = run->flags & CDBC_REQUEST_COMMITS,
						  .is_read_only = run->flags & CDBC_REQUEST_READ_ONLY,
						  .is_idempotent = run->flags & CDBC_REQUEST_IDEMPOTENT,
						  .may_have_parts = may_have_parts(run, status, facts),
						  .has_part = facts->is_partly_kept};
	cx_verdict verdict;

	failure.is_tx_ended = run->has_count && !run->is_told && strcmp(failure.sqlstate, "25P01") == 0;
	if (run->is_unit && run->handed_any)
		failure.position = CDBC_POSITION_ROWS_TAKEN;
	else if (run->is_unit && !run->is_told && failure.position == CDBC_POSITION_DONE &&
			 !failure.is_read_only)
		failure.position = CDBC_POSITION_SENT; /* that was one of several: the commit is to come */
	verdict = cx_outcome_judge(&failure);
	if (run->was_unknown)
		verdict = cx_outcome_doubt(verdict);
	cx_error_outcome(err, verdict.outcome, verdict.replay);
	if (run->name) {
		cx_error_field(err, CDBC_FIELD_STATEMENT, run->name);
		cx_error_wrap(err, "query \"%s\"", run->name);
	} else if (facts->is_link_lost && err && *err) {
		name_outstanding(run, err);
	}
	return status;
}

/* What the session keeps of a statement: it decides how the connection goes back. */
static void note_session(cx_run *run)
{
	if (run->flags & CDBC_REQUEST_CHANGES_SESSION)
		cx_lease_note_change(run->lease);
}

/* Nothing runs any more: whoever waits for the end is told, once. */
static void tell_end(cx_run *run, const cdbc_error *error)
{
	void (*on_end)(void *self, const cdbc_error *error) = run->on_end;

	cx_lease_stop(run->lease);
	run->on_end = NULL;
	if (on_end)
		on_end(run->self, error);
}

/* The schema may go with the cursor, so this waits for the result's end, also after a failure. */
static void close_cursor(cx_run *run, bool has_failed)
{
	const cdbc_driver *driver = run->lease->conn->driver;

	if (!run->is_told || has_failed)
		run->summary = *driver->summary(run->cursor);
	driver->cursor_close(run->cursor,
						 cx_run_is_clean(run) ? CX_NEVER : cx_deadline_after_ms(CLOSE_GRACE_MS));
	run->cursor = NULL;
	if (run->is_unit && driver->state(run->lease->conn->handle).tx != CDBC_TX_IDLE)
		cx_lease_tidy(run->lease, cx_deadline_after_ms(CLOSE_GRACE_MS));
}

/* The deadline is for the server: what the caller took since the last batch does not count. One row
 * at a time is not worth a clock. */
static void count_time(cx_run *run)
{
	if (run->deadline_ns != CX_NEVER)
		run->deadline_ns += cx_clock_coarse_ns() - run->handed_ns;
	run->handed_ns = 0;
}

/* Reads the present result to its end, whose rows nobody asked for. */
static cdbc_status read_away(cx_run *run, cdbc_error **err)
{
	const cdbc_driver *driver = run->lease->conn->driver;

	for (;;) {
		struct ArrowArray batch;
		cdbc_status status = driver->fetch(run->cursor, run->deadline_ns, &batch, err);

		if (status || !batch.release)
			return status;
		batch.release(&batch);
	}
}

/* The next result of several, read to its end. */
static cdbc_status read_next(cx_run *run, cdbc_error **err)
{
	const struct ArrowSchema *schema;
	bool has_result = false;
	cdbc_status status = run->lease->conn->driver->next_result(run->cursor, run->deadline_ns,
															   &schema, &has_result, err);

	return status || !has_result ? status : read_away(run, err);
}

/* One of several statements was stopped. When the session's end is what follows, nobody stopped it:
 * the server is going away, and that is the failure. */
static cdbc_status look_behind(cx_run *run, cdbc_status status, cdbc_error **err)
{
	const cdbc_driver *driver = run->lease->conn->driver;
	cdbc_error *next = NULL;
	cdbc_status end;

	if (status == CDBC_CANCELLED || strcmp(cdbc_error_sqlstate(*err), "57014") != 0)
		return status;
	end = read_next(run, &next);
	if (!end || !driver->state(run->lease->conn->handle).is_lost) {
		cdbc_error_free(next);
		return status;
	}
	cdbc_error_free(*err);
	*err = next;
	return end;
}

/* A unit's statement has ended: so must its transaction, before that is told. */
static cdbc_status end_unit(cx_run *run, cdbc_error **err)
{
	const cdbc_driver *driver = run->lease->conn->driver;
	const struct ArrowSchema *schema;
	bool has_result = false;
	cdbc_status status;

	run->summary = run->count = *driver->summary(run->cursor);
	run->has_count = true;
	status = driver->next_result(run->cursor, run->deadline_ns, &schema, &has_result, err);
	if (!status && has_result)
		status = read_away(run, err);
	if (status)
		return status;
	run->is_told = true;
	return CDBC_OK;
}

cdbc_status cx_run_fetch(cx_run *run, struct ArrowArray *out, cdbc_error **err)
{
	const cdbc_driver *driver = run->lease->conn->driver;
	cdbc_error *error = NULL;
	cdbc_status status;

	if (__builtin_expect(run->ahead.release != NULL, 0)) {
		*out = run->ahead;
		run->ahead.release = NULL;
		return CDBC_OK;
	}
	if (run->is_told) {
		cx_array_none(out);
		return CDBC_OK;
	}
	if (run->handed_ns)
		count_time(run);
	status = driver->fetch(run->cursor, run->deadline_ns, out, &error);
	if (__builtin_expect(run->is_unit || run->is_opening, 0)) {
		if (status) {
			status = look_behind(run, status, &error);
		} else if (run->is_unit) {
			run->handed_any |= out->release && out->length > 0;
			if (!out->release)
				status = end_unit(run, &error);
		}
	}
	if (status == CDBC_OK) {
		if (out->release && out->length > 1)
			run->handed_ns = cx_clock_coarse_ns();
		return CDBC_OK;
	}
	fail(run, status, driver->summary(run->cursor), &error);
	tell_end(run, error);
	cx_error_pass(err, error);
	return status;
}

cdbc_status cx_run_look_ahead(cx_run *run, cdbc_error **err)
{
	struct ArrowArray batch;
	bool has_handed = run->handed_any;
	cdbc_status status;

	run->handed_any = false; /* nothing was, yet */
	status = cx_run_fetch(run, &batch, err);
	run->handed_any |= has_handed;
	if (!status)
		run->ahead = batch;
	return status;
}

void cx_run_refuse(cx_run *run, cdbc_status status, cdbc_error **err)
{
	fail(run, status, cx_run_summary(run), err);
	tell_end(run, *err);
}

const cdbc_summary *cx_run_summary(const cx_run *run)
{
	return run->cursor && !run->is_told ? run->lease->conn->driver->summary(run->cursor)
										: &run->summary;
}

static void run_close(void *self)
{
	cx_run *run = self;

	cx_run_close(run, run->result);
}

static cdbc_status source_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	return cx_run_fetch(self, out, err);
}

static const cdbc_summary *source_summary(void *self)
{
	return cx_run_summary(self);
}

static void source_refuse(void *self, cdbc_status status, cdbc_error **err)
{
	cx_run_refuse(self, status, err);
}

static const cx_result_source run_source = {source_fetch, source_summary, source_refuse, run_close};

void cx_run_ended_well(cx_run *run, cdbc_result *result)
{
	run->cursor = NULL;
	run->summary = run->count;
	run->is_told = true;
	run->is_script = false;
	cx_result_init(result, &run_source, run, NULL);
}

/* Reads every result of a script, whose rows nobody asked for: the counts are added up, the last
 * tag stands. */
static cdbc_status run_script(cx_run *run, bool has_result, cdbc_error **err)
{
	const cdbc_driver *driver = run->lease->conn->driver;
	int64_t affected_count = -1;
	cdbc_status status = CDBC_OK;

	while (!status && has_result) {
		const struct ArrowSchema *schema;

		status = read_away(run, err);
		if (status)
			break;
		run->has_part = true;
		run->summary = *driver->summary(run->cursor);
		if (run->summary.affected_count > 0)
			affected_count =
				(affected_count < 0 ? 0 : affected_count) + run->summary.affected_count;
		status = driver->next_result(run->cursor, run->deadline_ns, &schema, &has_result, err);
	}
	run->summary.affected_count = affected_count;
	return status;
}

/* A run of our own, for which nobody waits; prepare does the rest. */
static void run_init(cx_run *run, cx_lease *lease, int64_t deadline_ns)
{
	run->lease = lease;
	run->deadline_ns = deadline_ns;
	run->was_unknown = run->handed_any = false;
	run->on_end = NULL;
	run->summary = (cdbc_summary){0};
}

/* Makes the run ready for a request. */
static void prepare(cx_run *run, const cdbc_request *request)
{
	run->cursor = NULL;
	run->kind = request->kind;
	run->flags = request->flags;
	run->name = request->name;
	run->sql = request->sql;
	run->sql_length = request->sql_length;
	run->is_script = run->has_part = false;
	run->is_unit = false;
	run->is_opening = false;
	run->is_told = false;
	run->has_count = false;
	run->ahead.release = NULL;
	run->schema.release = NULL;
	run->handed_ns = 0;
	note_session(run);
	run->summary.struct_size = sizeof run->summary;
	run->summary.position = CDBC_POSITION_NOT_FLUSHED;
	cx_lease_start(run->lease);
}

/* What could not be submitted has no cursor: its facts are in the summary. */
static cdbc_status submit_failed(cx_run *run, cdbc_status status, cdbc_error *error,
								 cdbc_error **err)
{
	run->cursor = NULL;
	fail(run, status, &run->summary, &error);
	tell_end(run, error);
	cx_error_pass(err, error);
	return status;
}

static cdbc_status start_failed(cx_run *run, cdbc_status status, cdbc_error *error,
								cdbc_error **err)
{
	fail(run, status, run->lease->conn->driver->summary(run->cursor), &error);
	close_cursor(run, true);
	tell_end(run, error);
	cx_error_pass(err, error);
	return status;
}

cdbc_status cx_run_start(cx_run *run, const cdbc_request *request, cdbc_result *result,
						 cdbc_error **err)
{
	cx_conn *conn = run->lease->conn;
	const struct ArrowSchema *schema = NULL;
	cdbc_error *error = NULL;
	bool has_result = false;
	cdbc_status status;

	prepare(run, request);
	status = conn->driver->submit(conn->handle, request, 1, CDBC_ONE_SYNC, run->deadline_ns,
								  &run->cursor, &run->summary, &error);
	if (status)
		return submit_failed(run, status, error, err);
	status = conn->driver->next_result(run->cursor, run->deadline_ns, &schema, &has_result, &error);
	if (!status && (request->flags & CDBC_REQUEST_SIMPLE)) {
		status = run_script(run, has_result, &error);
		schema = NULL;
	}
	if (status)
		return start_failed(run, status, error, err);
	run->is_script = request->flags & CDBC_REQUEST_SIMPLE;
	run->is_told = run->is_script;
	run->result = result;
	cx_result_init(result, &run_source, run, schema);
	return CDBC_OK;
}

static cdbc_request control(const char *sql, uint32_t flags)
{
	return (cdbc_request){.struct_size = sizeof(cdbc_request),
						  .sql = sql,
						  .sql_length = strlen(sql),
						  .kind = CDBC_KIND_TRANSACTION,
						  .flags = flags | CDBC_REQUEST_NO_PREPARE | CDBC_REQUEST_SMALL_RESULT};
}

cdbc_status cx_run_start_opening(cx_run *run, const char *begin, const cdbc_request *request,
								 cdbc_result *result, bool *has_begun, cdbc_error **err)
{
	cx_conn *conn = run->lease->conn;
	const cdbc_request requests[2] = {control(begin, 0), *request};
	const struct ArrowSchema *schema = NULL;
	cdbc_error *error = NULL;
	bool has_result = false;
	cdbc_status status;

	prepare(run, request);
	run->is_opening = true;
	status = conn->driver->submit(conn->handle, requests, 2, CDBC_ONE_SYNC, run->deadline_ns,
								  &run->cursor, &run->summary, &error);
	*has_begun = !status || run->summary.position != CDBC_POSITION_NOT_FLUSHED;
	if (status)
		return submit_failed(run, status, error, err);
	status = read_next(run, &error);
	if (status)
		cx_error_wrap(&error, "begin");
	else
		status =
			conn->driver->next_result(run->cursor, run->deadline_ns, &schema, &has_result, &error);
	if (status) {
		status = look_behind(run, status, &error);
		return start_failed(run, status, error, err);
	}
	run->result = result;
	cx_result_init(result, &run_source, run, schema);
	return CDBC_OK;
}

cdbc_status cx_run_start_unit(cx_run *run, const char *begin, const cdbc_request *token,
							  const cdbc_request *request, cdbc_result *result, cdbc_error **err)
{
	cx_conn *conn = run->lease->conn;
	cdbc_request requests[4] = {control(begin, 0)};
	const struct ArrowSchema *schema = NULL;
	cdbc_error *error = NULL;
	bool has_result = false;
	size_t count = 1;
	cdbc_status status;

	if (token)
		requests[count++] = *token;
	requests[count++] = *request;
	requests[count++] = control("COMMIT", CDBC_REQUEST_COMMITS);
	prepare(run, request);
	run->is_unit = true;
	run->handed_any = false;
	status = conn->driver->submit(conn->handle, requests, count, CDBC_ONE_SYNC, run->deadline_ns,
								  &run->cursor, &run->summary, &error);
	if (status)
		return submit_failed(run, status, error, err);
	for (size_t i = 0; !status && i < count - 2; i++)
		status = read_next(run, &error);
	if (!status)
		status =
			conn->driver->next_result(run->cursor, run->deadline_ns, &schema, &has_result, &error);
	if (status)
		status = look_behind(run, status, &error);
	else if (schema)
		status = cx_schema_copy(schema, &run->schema, &error);
	if (status)
		return start_failed(run, status, error, err);
	run->result = result;
	cx_result_init(result, &run_source, run, schema ? &run->schema : NULL);
	return CDBC_OK;
}

cdbc_status cx_run_control(cx_lease *lease, const char *sql, cdbc_statement_kind kind,
						   uint32_t flags, int64_t deadline_ns, cdbc_error **err)
{
	cx_run run;
	cdbc_request request = control(sql, flags);
	cdbc_error *error = NULL;
	cdbc_result result;
	cdbc_status status;

	run_init(&run, lease, deadline_ns);
	request.kind = kind;
	status = cx_run_start(&run, &request, &result, &error);
	if (!status) {
		while (cx_result_load(&result, &error))
			result.row = result.batch.length;
		if (result.state == CX_RESULT_FAILED)
			status = cdbc_error_status(error);
		cx_run_close(&run, &result);
	}
	cx_error_pass(err, error);
	return status;
}

cdbc_status cx_run_commit(cx_lease *lease, const cdbc_request *last, const char *sql,
						  uint32_t flags, int64_t deadline_ns, cdbc_error **err)
{
	const cdbc_driver *driver = lease->conn->driver;
	cdbc_request requests[] = {*last, control(sql, flags)};
	cx_run run;
	cdbc_error *error = NULL;
	cdbc_summary facts;
	cdbc_status status;

	run_init(&run, lease, deadline_ns);
	prepare(&run, &requests[1]);
	status = driver->submit(lease->conn->handle, requests, 2, CDBC_ONE_SYNC, deadline_ns,
							&run.cursor, &run.summary, &error);
	if (status)
		return submit_failed(&run, status, error, err);
	status = read_next(&run, &error);
	if (status) {
		status = look_behind(&run, status, &error);
		facts = *driver->summary(run.cursor);
		/* the end of the first says nothing of the commit behind it */
		if (facts.position == CDBC_POSITION_DONE)
			facts.position = CDBC_POSITION_SENT;
		fail(&run, status, &facts, &error);
	} else {
		status = read_next(&run, &error);
		if (status)
			fail(&run, status, driver->summary(run.cursor), &error);
	}
	close_cursor(&run, status);
	tell_end(&run, error);
	cx_error_pass(err, error);
	return status;
}

void cx_run_close(cx_run *run, cdbc_result *result)
{
	cx_result_fini(result);
	if (!run->cursor)
		return;
	if (__builtin_expect(run->ahead.release != NULL, 0))
		run->ahead.release(&run->ahead);
	if (__builtin_expect(run->is_unit && run->schema.release, 0))
		run->schema.release(&run->schema);
	close_cursor(run, false);
	tell_end(run, NULL);
}
