// SPDX-License-Identifier: Apache-2.0
/* Rung 4: how a database would run a statement. It is explained, never run; what a plan says is
 * read in plan_text.c. */
#include "service/check/plan.h"

#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/types.h"
#include "service/check/check.h"

#include <stdio.h>
#include <string.h>

#define PLAN_MAX (4u << 20)

typedef struct planner {
	cx_check *check;
	cdbc_session *session;
	const cx_check_statement *s;
	const cx_described_query *query;
	const char *dialect;
	cdbc_error **err;
} planner;

/* Runs SQL of our own, past strategies and observers; of each row the given column goes into out
 * (NULL: nothing does), a line each. */
static cdbc_status run(planner *p, const char *sql, const cdbc_value *values, size_t value_count,
					   size_t column, cx_buf *out)
{
	cdbc_request request = {.struct_size = sizeof request,
							.sql = sql,
							.sql_length = strlen(sql),
							.values = values,
							.value_count = value_count,
							.kind = CDBC_KIND_SESSION,
							.flags = CDBC_REQUEST_SMALL_RESULT | CDBC_REQUEST_NO_PREPARE |
									 CDBC_REQUEST_CHANGES_SESSION};
	cx_run at = {.lease = &p->session->lease,
				 .deadline_ns = cx_session_deadline(p->session->timeout_ms)};
	cdbc_error *error = NULL;
	cdbc_result result;
	cdbc_status status = cx_run_start(&at, &request, &result, p->err);

	if (status)
		return status;
	while (cdbc_result_next(&result, &error)) {
		cdbc_text text = cdbc_result_text(&result, column);

		if (out) {
			cx_buf_put(out, text.data, text.length);
			cx_buf_putc(out, '\n');
		}
	}
	if (!cdbc_result_is_complete(&result)) {
		status = error ? cdbc_error_status(error) : CDBC_INTERNAL;
		cx_error_pass(p->err, error);
	}
	cx_run_close(&at, &result);
	return status ? status : out ? cx_buf_status(out, "plan", p->err) : CDBC_OK;
}

static cdbc_status run_plain(planner *p, const char *sql)
{
	return run(p, sql, NULL, 0, 0, NULL);
}

/* ---- PostgreSQL: the plan that does not know the values ------------------------------------- */

static void put_prepare(const planner *p, cx_buf *out)
{
	const cx_statement *st = p->s->statement;

	cx_buf_puts(out, "prepare cdbc_plan");
	for (size_t i = 0; i < st->param_count; i++) {
		const cdbc_type type = st->params[i].type;
		bool is_told = type.id != CDBC_TYPE_UNKNOWN && type.id != CDBC_TYPE_OTHER;

		cx_buf_puts(out, i ? ", " : " (");
		cx_buf_puts(out, is_told ? cdbc_type_name(type.id) : "unknown");
		cx_buf_puts(out, is_told && type.is_array ? "[]" : "");
	}
	cx_buf_puts(out, st->param_count ? ") as " : " as ");
	cx_buf_put(out, p->s->sql, p->s->length);
}

static void put_execute(const planner *p, cx_buf *out)
{
	cx_buf_puts(out, "explain (verbose, costs off) execute cdbc_plan");
	for (size_t i = 0; i < p->s->statement->param_count; i++)
		cx_buf_puts(out, i ? ", null" : " (null");
	cx_buf_puts(out, p->s->statement->param_count ? ")" : "");
}

/* Puts something back. Whether it works or not: what matters was said before. */
static void put_back(planner *p, const char *sql)
{
	cdbc_error **err = p->err;

	p->err = NULL;
	(void)run_plain(p, sql);
	p->err = err;
}

/* A generic plan, as one that is prepared once and run with any values has. The plan of a prepared
 * statement is kept, so it is prepared again for each. */
static cdbc_status explain_postgresql(planner *p, cx_buf *out)
{
	cx_buf prepare = CX_BUF_INIT(PLAN_MAX), execute = CX_BUF_INIT(PLAN_MAX);
	cdbc_status status;

	put_prepare(p, &prepare);
	put_execute(p, &execute);
	status = cx_buf_status(&prepare, "statement", p->err);
	if (!status)
		status = cx_buf_status(&execute, "statement", p->err);
	if (!status)
		status = run_plain(p, "set plan_cache_mode = force_generic_plan");
	if (!status)
		status = run_plain(p, prepare.data);
	if (!status) {
		status = run(p, execute.data, NULL, 0, 0, out);
		put_back(p, "deallocate cdbc_plan");
	}
	cx_buf_free(&prepare);
	cx_buf_free(&execute);
	return status;
}

/* ---- CockroachDB: values that may be given -------------------------------------------------- */

static const char *sample(cdbc_type type)
{
	switch (type.id) {
	case CDBC_TYPE_BOOL:
		return "true";
	case CDBC_TYPE_INT2:
	case CDBC_TYPE_INT4:
	case CDBC_TYPE_INT8:
	case CDBC_TYPE_FLOAT4:
	case CDBC_TYPE_FLOAT8:
	case CDBC_TYPE_NUMERIC:
		return "1";
	case CDBC_TYPE_UUID:
		return "00000000-0000-0000-0000-000000000001";
	case CDBC_TYPE_DATE:
	case CDBC_TYPE_TIMESTAMP:
	case CDBC_TYPE_TIMESTAMPTZ:
		return "2024-01-01";
	case CDBC_TYPE_TIME:
		return "12:00:00";
	case CDBC_TYPE_INTERVAL:
		return "1 day";
	case CDBC_TYPE_JSON:
		return "{}";
	default:
		return "a";
	}
}

/* Its placeholders take part in the plan with their values, and a NULL would plan to read nothing:
 * so one of in(...), else any of the type. */
static cdbc_value sample_of(const planner *p, size_t index, char *room, size_t size)
{
	const cx_statement_param *param = &p->s->statement->params[index];
	const char *said = param->name ? cx_described_param_type(p->query, param->name) : NULL;
	cdbc_type type = param->type;

	for (const cx_param_rule *rule = p->check->record->rules; rule; rule = rule->next)
		if (param->name && strcmp(rule->info.name, param->name) == 0 && rule->choice_count)
			return rule->choices[0].value;
	if (type.id == CDBC_TYPE_UNKNOWN && said && said[0])
		(void)cx_type_parse(said, strlen(said), &type, NULL);
	snprintf(room, size, type.is_array ? "{%s}" : "%s",
			 type.is_array && type.id == CDBC_TYPE_JSON ? "" : sample(type));
	return cdbc_string(room);
}

static cdbc_status explain_cockroachdb(planner *p, cx_buf *out)
{
	size_t count = p->s->statement->param_count;
	cdbc_value *values = cx_calloc(count + 1, sizeof *values);
	char(*rooms)[64] = cx_calloc(count + 1, sizeof *rooms);
	cx_buf sql = CX_BUF_INIT(PLAN_MAX);
	cdbc_status status;

	cx_buf_puts(&sql, "explain ");
	cx_buf_put(&sql, p->s->sql, p->s->length);
	status = values && rooms ? cx_buf_status(&sql, "statement", p->err) : cx_error_nomem(p->err);
	for (size_t i = 0; i < count && !status; i++)
		values[i] = sample_of(p, i, rooms[i], sizeof rooms[i]);
	if (!status)
		status = run(p, sql.data, values, count, 0, out);
	cx_buf_free(&sql);
	cx_free(values);
	cx_free(rooms);
	return status;
}

static cdbc_status explain_sqlite(planner *p, cx_buf *out)
{
	size_t count = p->s->statement->param_count;
	cdbc_value *values = cx_calloc(count + 1, sizeof *values); /* all NULL: no part of the plan */
	cx_buf sql = CX_BUF_INIT(PLAN_MAX);
	cdbc_status status;

	cx_buf_puts(&sql, "explain query plan ");
	cx_buf_put(&sql, p->s->sql, p->s->length);
	status = values ? cx_buf_status(&sql, "statement", p->err) : cx_error_nomem(p->err);
	if (!status)
		status = run(p, sql.data, values, count, 3, out);
	cx_buf_free(&sql);
	cx_free(values);
	return status;
}

static cdbc_status explain(planner *p, cx_buf *out)
{
	if (strcmp(p->dialect, "cockroachdb") == 0)
		return explain_cockroachdb(p, out);
	return strcmp(p->dialect, "sqlite") == 0 ? explain_sqlite(p, out) : explain_postgresql(p, out);
}

/* ---- The rules ------------------------------------------------------------------------------ */

/* How many rows a table has, about; -1: nobody counted. */
static int64_t count_rows(planner *p, const char *table)
{
	const cdbc_value value = cdbc_string(table);
	cx_buf sql = CX_BUF_INIT(2000), out = CX_BUF_INIT(2000);
	cdbc_error **err = p->err, *error = NULL;
	int64_t rows = -1;
	cdbc_status status;

	p->err = &error;
	if (strcmp(p->dialect, "sqlite") == 0) {
		cx_buf_puts(&sql, "select max(rowid) from \"");
		for (const char *c = table; *c; c++)
			if (*c != '"')
				cx_buf_putc(&sql, *c);
		cx_buf_puts(&sql, "\"");
		status = cx_buf_status(&sql, "statement", NULL);
		if (!status)
			status = run(p, sql.data, NULL, 0, 0, &out);
		if (!status && out.length == 1) /* NULL: it is empty */
			rows = 0;
	} else {
		status = run(p, "select reltuples::int8 from pg_class where oid = to_regclass($1)", &value,
					 1, 0, &out);
	}
	if (!status && out.length > 1 && sscanf(out.data, "%lld", (long long *)&rows) != 1)
		rows = -1;
	p->err = err;
	cx_error_clear(&error);
	cx_buf_free(&sql);
	cx_buf_free(&out);
	return rows;
}

/* Where the statement names the table; its beginning when it does not (a view, an alias). */
static cdbc_status place_of_table(const planner *p, const char *table, cx_place *out)
{
	const char *dot = strrchr(table, '.'), *name = dot ? dot + 1 : table;
	size_t length = strlen(name), offset = 0;
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, p->s->sql, p->s->length);
	while (cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END && token.kind != CX_TOKEN_ERROR)
		if ((token.kind == CX_TOKEN_WORD || token.kind == CX_TOKEN_QUOTED) &&
			token.length == length && strncasecmp(token.text, name, length) == 0) {
			offset = token.offset;
			break;
		}
	return cx_check_origin(p->check, p->s, offset, out);
}

static cdbc_status tell_scan(planner *p, const cx_plan_scan *scan, bool has_index)
{
	bool is_missing = scan->filter[0] && !has_index;
	char rows[40] = "", hint[600];
	cx_place place;

	if (place_of_table(p, scan->table, &place))
		return CDBC_NOMEM;
	if (scan->rows >= 0)
		snprintf(rows, sizeof rows, ", about %lld rows", (long long)scan->rows);
	if (scan->advice[0])
		snprintf(hint, sizeof hint, "the server recommends: %s", scan->advice);
	else
		snprintf(hint, sizeof hint, "%s",
				 is_missing ? "an index on what it compares would serve it"
							: "a condition that an index serves, or a limit, would read less");
	if (is_missing)
		return cx_check_tell(p->check, CX_WARNING, place, "missing-index", hint, p->s->when,
							 "no index serves the condition on %s: all of it is read%s, for %s",
							 scan->table, rows, scan->filter);
	return cx_check_tell(p->check, CX_WARNING, place, "full-scan", hint, p->s->when,
						 "all of %s is read%s", scan->table, rows);
}

/* Whether PostgreSQL could use an index if it wanted to: with sequential scans at the price of
 * last resort, none of this table is left. */
static cdbc_status could_use_index(planner *p, const char *table, bool *out)
{
	cx_buf text = CX_BUF_INIT(PLAN_MAX);
	cx_plan_scan *scans = cx_calloc(CX_PLAN_SCANS_MAX, sizeof *scans);
	cdbc_status status = scans ? run_plain(p, "set enable_seqscan = off") : cx_error_nomem(p->err);
	size_t count;

	if (!status)
		status = explain_postgresql(p, &text);
	put_back(p, "reset enable_seqscan");
	count = status ? 0 : cx_plan_scans(p->dialect, text.data, scans, CX_PLAN_SCANS_MAX);
	*out = true;
	for (size_t i = 0; i < count; i++)
		if (strcmp(scans[i].table, table) == 0)
			*out = false;
	cx_buf_free(&text);
	cx_free(scans);
	return status;
}

static cdbc_status judge_scan(planner *p, cx_plan_scan *scan)
{
	bool is_postgresql = strcmp(p->dialect, "postgresql") == 0, has_index = false;
	cdbc_status status = CDBC_OK;

	if (scan->rows < 0 && strcmp(p->dialect, "cockroachdb") != 0)
		scan->rows = count_rows(p, scan->table);
	if (p->check->options.large_rows > 0 && scan->rows < p->check->options.large_rows)
		return CDBC_OK;
	if (is_postgresql && scan->filter[0])
		status = could_use_index(p, scan->table, &has_index);
	return status ? status : tell_scan(p, scan, has_index);
}

/* What cannot be explained is told; a connection that is lost ends the check. */
static cdbc_status settle(planner *p, cdbc_status status, cdbc_error *error, cdbc_error **err)
{
	const cx_conn *conn = p->session->lease.conn;

	if (status && conn && !conn->driver->state(conn->handle).is_lost &&
		(status == CDBC_SQL || status == CDBC_DENIED || status == CDBC_UNSUPPORTED)) {
		status = cx_check_tell(p->check, CX_NOTE, cx_record_place(p->check->record, 0),
							   cdbc_error_sqlstate(error), NULL, p->s->when,
							   "its plan is not known: %s", cdbc_error_message(error));
		cx_error_clear(&error);
	} else if (status) {
		cx_error_pass(err, error);
	}
	return status;
}

cdbc_status cx_check_plan(cx_check *check, cdbc_session *session, const cx_check_statement *s,
						  const cx_described_query *query)
{
	cdbc_error *error = NULL;
	planner p = {check, session, s, query, s->dialect->api.name, &error};
	cx_buf text = CX_BUF_INIT(PLAN_MAX);
	cx_plan_scan *scans;
	size_t count = 0;
	cdbc_status status;

	if (!s->statement)
		return CDBC_OK; /* of a script: a step, which is planned when it is due */
	scans = cx_calloc(CX_PLAN_SCANS_MAX, sizeof *scans);
	status = scans ? explain(&p, &text) : cx_error_nomem(&error);
	if (!status)
		count = cx_plan_scans(p.dialect, text.data ? text.data : "", scans, CX_PLAN_SCANS_MAX);
	for (size_t i = 0; i < count && !status; i++)
		status = judge_scan(&p, &scans[i]);
	cx_buf_free(&text);
	cx_free(scans);
	return settle(&p, status, error, check->err);
}
