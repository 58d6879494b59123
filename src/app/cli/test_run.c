// SPDX-License-Identifier: Apache-2.0
/* Runs a test: its setup and its steps in a transaction that is rolled back, and what is expected
 * against what came. Prints nothing. */
#include "app/cli/test_run.h"

#include <string.h>

#define OUTCOME_MAX ((size_t)16 << 20)
#define SAVEPOINT   "cdbc_test"

void cli_test_outcome_init(cli_test_outcome *out)
{
	memset(out, 0, sizeof *out);
	cx_buf_init(&out->message, OUTCOME_MAX);
	cx_buf_init(&out->details, OUTCOME_MAX);
}

void cli_test_outcome_fini(cli_test_outcome *outcome)
{
	cx_buf_free(&outcome->message);
	cx_buf_free(&outcome->details);
	cdbc_error_free(outcome->error);
	outcome->error = NULL;
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* What a step gave. */
typedef struct given {
	cdbc_status status;
	cdbc_error *error;
	int64_t affected_count;
	size_t column_count;
	cli_rows rows;
} given;

static void given_fini(given *g)
{
	cdbc_error_free(g->error);
	cx_arena_free(&g->rows.arena);
}

/* Reads the rows. False: out says why the expected columns are not there, or memory is short. */
static bool read_rows(cdbc_result *result, given *g, cli_test_outcome *out)
{
	g->column_count = cdbc_result_column_count(result);
	if (!cli_rows_begin(&g->rows, result, out))
		return false;
	while (cdbc_result_next(result, &g->error))
		if (!cli_rows_add(&g->rows, result)) {
			out->message.is_nomem = true;
			return false;
		}
	if (!cdbc_result_is_complete(result))
		g->status = g->error ? cdbc_error_status(g->error) : CDBC_NOMEM;
	g->affected_count = cdbc_result_affected_count(result);
	return true;
}

/* Runs a statement, or a query with its parameters. False as read_rows. */
static bool perform(cdbc_session *session, const cli_test_step *step, given *g,
					cli_test_outcome *out)
{
	cdbc_result *result = NULL;
	bool is_good = true;

	if (step->sql)
		g->status =
			cdbc_session_query(session, step->sql, CDBC_NO_PARAMS, NULL, &result, &g->error);
	else
		g->status =
			cdbc_session_run(session, step->name, cdbc_params_of(step->params, step->param_count),
							 NULL, &result, &g->error);
	if (!g->status)
		is_good = read_rows(result, g, out);
	cdbc_result_free(result);
	return is_good;
}

/* Nothing more can be asked of the database. */
static bool is_broken(cdbc_status status)
{
	return status == CDBC_CONNECT || status == CDBC_AUTH || status == CDBC_OVERLOADED ||
		   status == CDBC_CLOSED || status == CDBC_NOMEM || status == CDBC_CANCELLED;
}

/* A statement of our own around the steps. */
static bool control(cdbc_session *session, const char *sql, size_t line, size_t column,
					cli_test_outcome *out)
{
	cli_test_step step = {.sql = sql};
	given g = {.rows.arena = CX_ARENA_INIT};

	perform(session, &step, &g, out);
	if (g.status && is_broken(g.status)) {
		out->verdict = TEST_BROKEN;
		out->status = g.status;
		cdbc_error_free(out->error);
		out->error = g.error;
		g.error = NULL;
	} else if (g.status && out->verdict == TEST_PASSED) {
		out->verdict = TEST_FAILED;
		out->line = line;
		out->column = column;
		cx_buf_putf(&out->message, "%s: %s", sql,
					g.error ? cdbc_error_message(g.error) : cdbc_status_text(g.status));
	}
	given_fini(&g);
	return out->verdict == TEST_PASSED;
}

/* ---- Expectations ---------------------------------------------------------------------------- */

/* What the database said of a failure, below the message. */
static void put_error(const cdbc_error *error, cli_test_outcome *out)
{
	static const struct {
		cdbc_error_field_id id;
		const char *label;
	} fields[] = {{CDBC_FIELD_DETAIL, "detail"},
				  {CDBC_FIELD_CONSTRAINT, "constraint"},
				  {CDBC_FIELD_HINT, "hint"}};
	const char *text;

	for (size_t i = 0; error && i < sizeof fields / sizeof *fields; i++) {
		text = cdbc_error_field(error, fields[i].id);
		if (text)
			cx_buf_putf(&out->details, "%s: %s\n", fields[i].label, text);
	}
	if (error && strcmp(cdbc_error_sqlstate(error), "25001") == 0)
		cx_buf_puts(&out->details,
					"hint: what no transaction can hold needs -- no-transaction in its test\n");
}

static void put_what_came(const given *g, cli_test_outcome *out)
{
	const char *sqlstate = g->error ? cdbc_error_sqlstate(g->error) : "";

	if (!g->status)
		cx_buf_puts(&out->message, "success");
	else
		cx_buf_putf(&out->message, "%s%s%serror %s%s%s", "", "", "", sqlstate,
					sqlstate[0] ? ": " : "",
					g->error ? cdbc_error_message(g->error) : cdbc_status_text(g->status));
}

static bool error_has(const cdbc_error *error, const char *text)
{
	static const cdbc_error_field_id ids[] = {CDBC_FIELD_DETAIL, CDBC_FIELD_HINT,
											  CDBC_FIELD_CONSTRAINT};

	if (strcmp(cdbc_status_name(cdbc_error_status(error)), text) == 0 ||
		strstr(cdbc_error_message(error), text))
		return true;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		if (cdbc_error_field(error, ids[i]) && strstr(cdbc_error_field(error, ids[i]), text))
			return true;
	return false;
}

static bool judge_error(const cli_expect *expect, const given *g, cli_test_outcome *out)
{
	if (g->status && g->error &&
		(!expect->sqlstate[0] || strcmp(expect->sqlstate, cdbc_error_sqlstate(g->error)) == 0) &&
		(!expect->text[0] || error_has(g->error, expect->text)))
		return true;
	cx_buf_putf(&out->message, "expected error%s%s%s%s, got ", expect->sqlstate[0] ? " " : "",
				expect->sqlstate, expect->text[0] ? " " : "", expect->text);
	put_what_came(g, out);
	put_error(g->error, out);
	return false;
}

static bool judge_count(const cli_expect *expect, const given *g, cli_test_outcome *out)
{
	const char *plural = expect->count == 1 ? "" : "s";

	switch (expect->kind) {
	case EXPECT_ROWS:
		if (g->rows.count == expect->count)
			return true;
		cx_buf_putf(&out->message, "expected %lld row%s, got %lld", (long long)expect->count,
					plural, (long long)g->rows.count);
		return false;
	case EXPECT_AFFECTED:
		if (g->affected_count == expect->count)
			return true;
		cx_buf_putf(&out->message, "expected %lld affected row%s, got ", (long long)expect->count,
					plural);
		if (g->affected_count < 0)
			cx_buf_puts(&out->message, "a statement that has no such number");
		else
			cx_buf_putf(&out->message, "%lld", (long long)g->affected_count);
		return false;
	default:
		if (g->rows.count == 0 && (g->column_count || g->affected_count <= 0))
			return true;
		if (g->rows.count)
			cx_buf_putf(&out->message, "expected nothing, got %lld row%s", (long long)g->rows.count,
						g->rows.count == 1 ? "" : "s");
		else
			cx_buf_putf(&out->message, "expected nothing, got %lld affected row%s",
						(long long)g->affected_count, g->affected_count == 1 ? "" : "s");
		return false;
	}
}

static bool judge(const cli_test_step *step, const given *g, cli_test_outcome *out)
{
	const cli_expect *expect = step->expects;
	bool is_good = true;

	out->line = step->line;
	out->column = step->column;
	if (g->status && !(expect && expect->kind == EXPECT_ERROR)) {
		put_what_came(g, out);
		put_error(g->error, out);
		return false;
	}
	for (; is_good && expect; expect = expect->next) {
		out->line = expect->line;
		out->column = expect->column;
		is_good = expect->kind == EXPECT_ERROR   ? judge_error(expect, g, out)
				  : expect->kind == EXPECT_TABLE ? cli_rows_judge(&g->rows, out)
												 : judge_count(expect, g, out);
	}
	return is_good;
}

static void run_step(cdbc_session *session, const cli_test_step *step, bool in_transaction,
					 cli_test_outcome *out)
{
	/* what is meant to fail must not end the transaction */
	bool is_saved = in_transaction && step->expects && step->expects->kind == EXPECT_ERROR;
	given g = {.rows.arena = CX_ARENA_INIT};
	bool is_good;

	for (const cli_expect *e = step->expects; e; e = e->next)
		if (e->kind == EXPECT_TABLE)
			g.rows.table = e;
	if (is_saved && !control(session, "savepoint " SAVEPOINT, step->line, step->column, out))
		return;
	is_good = perform(session, step, &g, out);
	if (g.status && is_broken(g.status)) {
		out->verdict = TEST_BROKEN;
		out->status = g.status;
		out->error = g.error;
		g.error = NULL;
	} else if (!is_good || !judge(step, &g, out)) {
		out->verdict = TEST_FAILED;
	} else if (is_saved) {
		control(session, "rollback to savepoint " SAVEPOINT, step->line, step->column, out);
	}
	given_fini(&g);
}

/* ---- A test ---------------------------------------------------------------------------------- */

static void run_on(cdbc_session *session, const cli_test_file *file, const cli_test *test,
				   cli_test_outcome *out)
{
	bool in_transaction = !test->no_transaction;

	if (in_transaction && !control(session, "begin", test->line, test->column, out))
		return;
	for (const cli_test_step *step = file->setup; step && out->verdict == TEST_PASSED;
		 step = step->next)
		run_step(session, step, in_transaction, out);
	for (const cli_test_step *step = test->steps; step && out->verdict == TEST_PASSED;
		 step = step->next)
		run_step(session, step, in_transaction, out);
	if (in_transaction && out->verdict != TEST_BROKEN)
		control(session, "rollback", test->line, test->column, out);
}

void cli_test_run(cdbc_client *client, const cdbc_session_options *who, unsigned dialect,
				  const cli_test_file *file, const cli_test *test, cli_test_outcome *out)
{
	cdbc_session *session = NULL;

	if (test->dialects && !(test->dialects & dialect)) {
		out->verdict = TEST_SKIPPED;
		return;
	}
	out->verdict = TEST_PASSED;
	out->status = cdbc_client_acquire(client, who, &session, &out->error);
	if (out->status) {
		out->verdict = TEST_BROKEN;
		return;
	}
	cli_interrupt_watch(client, session);
	run_on(session, file, test, out);
	cli_interrupt_watch(NULL, NULL);
	cdbc_session_release(session);
	if (out->message.is_nomem || out->details.is_nomem) {
		out->verdict = TEST_BROKEN;
		out->status = CDBC_NOMEM;
	}
}
