// SPDX-License-Identifier: Apache-2.0
/* Tokens: put, asked for, swept. One statement asks: it inserts the token as the resolver's and
 * gives back whose stands there. It may be sent any number of times, because the resolver's own is
 * told from the transaction's. */
#include "service/transaction/resolver.h"

#include "base/alloc.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "service/session.h"

#include <cdbc/resolver.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SQL_MAX       4096
#define WRITER_MAX    16
#define FIRST_WAIT_NS (10 * CX_NS_PER_MS)
#define MOST_WAIT_NS  CX_NS_PER_S
#define TRY_PARTS     4 /* of the time: a lookup that hangs is not the last one */
#define TRY_LEAST_MS  1000
#define SWEEP_MS      1000
#define SWEEP_EACH_NS (60 * CX_NS_PER_S)
#define SWEEP_COUNT   1000 /* tokens written by this client */
#define SWEEP_ROWS    2000 /* so that what others left goes too */

/* ---- the client's ---- */

cdbc_status cx_resolver_init(cx_resolver *resolver, const cx_resolver_options *options,
							 cdbc_error **err)
{
	memset(resolver, 0, sizeof *resolver);
	cx_mutex_init(&resolver->lock);
	resolver->options = *options;
	resolver->options.table = cx_strdup(options->table);
	atomic_init(&resolver->sweep_due_ns, cx_clock_coarse_ns() + SWEEP_EACH_NS);
	return resolver->options.table ? CDBC_OK : cx_error_nomem(err);
}

void cx_resolver_fini(cx_resolver *resolver)
{
	if (!resolver->options.table)
		return;
	cx_statement_unref(resolver->put);
	cx_statement_unref(resolver->ask);
	cx_statement_unref(resolver->sweep);
	cx_free(resolver->table);
	cx_free((void *)(uintptr_t)resolver->options.table);
	cx_mutex_fini(&resolver->lock);
}

/* ---- a statement of ours on the session's connection ---- */

static void fill(cdbc_request *request, const cx_statement *statement, const cdbc_value *values)
{
	*request = (cdbc_request){.struct_size = sizeof *request,
							  .sql = statement->sql,
							  .sql_length = statement->sql_length,
							  .statement_id = statement->id,
							  .values = values,
							  .value_count = statement->param_count,
							  .kind = statement->kind,
							  .flags = statement->flags | CDBC_REQUEST_SMALL_RESULT};
}

/* Runs it to its end; first (may be NULL) takes the first value of its last row, "" for none. err
 * is not NULL. */
static cdbc_status run(cdbc_session *session, const cx_statement *statement,
					   const cdbc_value *values, int64_t deadline_ns, char *first, size_t size,
					   cdbc_error **err)
{
	cx_run one = {.lease = &session->lease, .deadline_ns = deadline_ns};
	cdbc_request request;
	cdbc_result result;
	cdbc_status status;

	if (first)
		first[0] = '\0';
	fill(&request, statement, values);
	status = cx_run_start(&one, &request, &result, err);
	if (!status) {
		while (cdbc_result_next(&result, err))
			if (first && !cdbc_result_is_null(&result, 0)) {
				cdbc_text text = cdbc_result_text(&result, 0);

				snprintf(first, size, "%.*s", (int)text.length, text.data);
			}
		if (result.state == CX_RESULT_FAILED)
			status = cdbc_error_status(*err);
		cx_run_close(&one, &result);
	}
	if (status && session->lease.conn->driver->state(session->lease.conn->handle).is_lost)
		cx_session_drop_lost(session);
	return status;
}

static const char *family(const cdbc_session *session)
{
	const char *name =
		cx_dialect_family(atomic_load_explicit(&session->client->dialect, memory_order_relaxed));

	return name ? name : "";
}

/* A statement with the table in the place of each %s. */
static cdbc_status parse(cdbc_session *session, const char *format, const char *table,
						 cx_statement **out, cdbc_error **err)
{
	const cx_dialect *dialect =
		atomic_load_explicit(&session->client->dialect, memory_order_relaxed);
	cx_buf text = CX_BUF_INIT(SQL_MAX);
	cdbc_status status;

	for (const char *at; (at = strstr(format, "%s")); format = at + 2) {
		cx_buf_put(&text, format, (size_t)(at - format));
		cx_buf_puts(&text, table);
	}
	cx_buf_puts(&text, format);
	status = cx_buf_status(&text, "statement", err);
	if (!status)
		status = cx_statement_parse(text.data, text.length,
									cx_client_writes(session->client, dialect), NULL, 0, out, err);
	cx_buf_free(&text);
	return status;
}

/* ---- ready ---- */

static cdbc_status ask_database(cdbc_session *session, int64_t deadline_ns, char *out, size_t size,
								cdbc_error **err)
{
	cx_statement *statement = NULL;
	cdbc_status status = parse(session, "SELECT current_database()", "", &statement, err);

	if (!status)
		status = run(session, statement, NULL, deadline_ns, out, size, err);
	cx_statement_unref(statement);
	return status;
}

static void put_part(cx_buf *out, const char *part, size_t length)
{
	cx_identifier_put(out, part, length);
	cx_buf_putc(out, '.');
}

/* Writes resolver.table with its schema, and its database when that is given. */
static void write_name(const char *name, const char *dialect, const char *database, cx_buf *out)
{
	const char *dot = strchr(name, '.');

	if (database)
		put_part(out, database, strlen(database));
	if (!dot && strcmp(dialect, "sqlite") == 0)
		put_part(out, "main", 4);
	else if (!dot && dialect[0])
		put_part(out, "public", 6);
	for (; (dot = strchr(name, '.')); name = dot + 1)
		put_part(out, name, (size_t)(dot - name));
	cx_identifier_put(out, name, strlen(name));
}

/* The table with all its qualifiers: what a session's search path or database is must not matter,
 * because the question comes from another session than the commit. */
static cdbc_status name_table(cdbc_session *session, int64_t deadline_ns, char **out,
							  cdbc_error **err)
{
	const char *name = session->client->resolver.options.table, *dialect = family(session);
	const char *dot = strchr(name, '.');
	bool has_database = dot && strchr(dot + 1, '.');
	char database[256] = "";
	cx_buf text = CX_BUF_INIT(SQL_MAX);
	cdbc_status status = CDBC_OK;

	if (strcmp(dialect, "cockroachdb") == 0 && !has_database)
		status = ask_database(session, deadline_ns, database, sizeof database, err);
	if (status)
		return status;
	write_name(name, dialect, database[0] ? database : NULL, &text);
	status = cx_buf_status(&text, "resolver.table", err);
	if (!status)
		*out = cx_buf_take(&text);
	cx_buf_free(&text);
	return status;
}

cdbc_status cdbc_resolver_schema(const cdbc_config *config, const char *dialect,
								 const cdbc_sink *sink, cdbc_error **err)
{
	bool is_sqlite = strcmp(dialect, "sqlite") == 0;
	cx_resolver_options options;
	cx_buf name = CX_BUF_INIT(SQL_MAX), text = CX_BUF_INIT(SQL_MAX);
	cdbc_status status = cx_options_resolver(config, &options, err);

	if (status)
		return status;
	write_name(options.table, dialect, NULL, &name);
	if (!cx_buf_status(&name, "", NULL))
		cx_buf_putf(&text,
					"CREATE TABLE IF NOT EXISTS %s (\n\ttoken %s PRIMARY KEY,\n"
					"\twriter text NOT NULL CHECK (writer IN ('transaction', 'resolver')),\n"
					"\twritten_at %s\n)%s;\n"
					"CREATE INDEX IF NOT EXISTS %s ON %s (written_at);\n",
					name.data, is_sqlite ? "text" : "uuid",
					is_sqlite ? "integer NOT NULL DEFAULT (unixepoch())"
							  : "timestamptz NOT NULL DEFAULT clock_timestamp()",
					is_sqlite ? " WITHOUT ROWID" : "",
					is_sqlite ? "main.cdbc_commits_written_at" : "cdbc_commits_written_at",
					is_sqlite ? strrchr(name.data, '.') + 1 : name.data);
	status = cx_buf_status(&name, "resolver.table", err);
	if (!status)
		status = cx_buf_status(&text, "schema", err);
	if (!status)
		status = sink->write(sink->self, text.data, text.length, err);
	cx_buf_free(&name);
	cx_buf_free(&text);
	return status;
}

#define ASK " ON CONFLICT (token) DO UPDATE SET writer = old.writer RETURNING writer"

/* Says nothing, and fails when the table, a column of it, its key or a right is missing. */
static const char check_sql[] =
	"INSERT INTO %s AS old (token, writer) SELECT token, writer FROM %s WHERE written_at IS NULL "
	"AND token IS NULL" ASK;
static const char put_sql[] = "INSERT INTO %s (token, writer) VALUES ($1, 'transaction')";
static const char ask_sql[] = "INSERT INTO %s AS old (token, writer) VALUES ($1, 'resolver')" ASK;

/* The sweep's text, with %s for the table; its numbers are ours. */
static void write_sweep(const cdbc_session *session, char *out, size_t size)
{
	int64_t keep_s = session->client->resolver.options.keep_ms / 1000;
	const char *dialect = family(session);
	bool is_sqlite = strcmp(dialect, "sqlite") == 0;

	snprintf(out, size,
			 "DELETE FROM %%s WHERE token IN (SELECT token FROM %%s WHERE written_at < %s%" PRId64
			 "%s ORDER BY written_at LIMIT %d%s)",
			 is_sqlite ? "unixepoch() - " : "clock_timestamp() - interval '", keep_s,
			 is_sqlite ? "" : " seconds'", SWEEP_ROWS,
			 strcmp(dialect, "postgresql") == 0 ? " FOR UPDATE SKIP LOCKED" : "");
}

static cdbc_status make_statements(cdbc_session *session, const char *table, cx_statement *made[3],
								   cdbc_error **err)
{
	char sweep_sql[512];
	cdbc_status status;

	write_sweep(session, sweep_sql, sizeof sweep_sql);
	status = parse(session, put_sql, table, &made[0], err);
	if (!status)
		status = parse(session, ask_sql, table, &made[1], err);
	if (!status)
		status = parse(session, sweep_sql, table, &made[2], err);
	return status;
}

static cdbc_status check_table(cdbc_session *session, const char *table, int64_t deadline_ns,
							   cdbc_error **err)
{
	cx_statement *check = NULL;
	cdbc_status status = parse(session, check_sql, table, &check, err);

	if (!status)
		status = run(session, check, NULL, deadline_ns, NULL, 0, err);
	cx_statement_unref(check);
	return status;
}

static cdbc_status make_ready(cdbc_session *session, int64_t deadline_ns, cdbc_error **err)
{
	cx_resolver *resolver = &session->client->resolver;
	cx_statement *made[3] = {NULL, NULL, NULL};
	char *table = NULL;
	cdbc_status status = name_table(session, deadline_ns, &table, err);

	if (!status)
		status = check_table(session, table, deadline_ns, err);
	if (!status)
		status = make_statements(session, table, made, err);
	if (!status) {
		cx_mutex_lock(&resolver->lock);
		if (!atomic_load(&resolver->is_ready)) {
			resolver->table = table;
			resolver->put = made[0];
			resolver->ask = made[1];
			resolver->sweep = made[2];
			table = NULL;
			made[0] = made[1] = made[2] = NULL;
			atomic_store(&resolver->is_ready, true);
		}
		cx_mutex_unlock(&resolver->lock);
	}
	cx_free(table);
	for (int i = 0; i < 3; i++)
		cx_statement_unref(made[i]);
	return status;
}

cdbc_status cx_resolver_ready(cdbc_session *session, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status;
	bool is_refused;

	if (__builtin_expect(
			atomic_load_explicit(&session->client->resolver.is_ready, memory_order_acquire), 1))
		return CDBC_OK;
	status = make_ready(session, deadline_ns, &error);
	if (!status)
		return CDBC_OK;
	is_refused = status == CDBC_SQL || status == CDBC_DENIED;
	cx_error_outcome(&error, CDBC_OUTCOME_NOT_SENT, is_refused ? CDBC_REPLAY_NO : CDBC_REPLAY_SAFE);
	if (is_refused)
		cx_error_hint(&error,
					  "the resolver needs its table, \"%s\", and the right to select, "
					  "insert and update: `cdbc resolver schema` prints how to make it",
					  session->client->resolver.options.table);
	cx_error_wrap(&error, "commit resolver");
	cx_error_pass(err, error);
	return status;
}

/* ---- a token ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

cdbc_status cx_commit_token_make(cx_commit_token *out, cdbc_error **err)
{
	unsigned char b[16];
	ssize_t got;

	do
		got = getrandom(b, sizeof b, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof b)
		return cx_error_set(err, CDBC_RESOURCE, "the system gives no random numbers");
	b[6] = (unsigned char)(0x80 | (b[6] & 0x0f)); /* version 8: a UUID of one's own making */
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	snprintf(out->text, sizeof out->text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%012" PRIx64,
			 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
			 (uint64_t)now_ms() & UINT64_C(0xffffffffffff));
	return CDBC_OK;
}

cdbc_request cx_resolver_put(cx_resolver *resolver, const cx_commit_token *token, cdbc_value *value)
{
	cdbc_request request;

	*value = cdbc_string(token->text);
	fill(&request, resolver->put, value);
	return request;
}

/* When a token was made, in milliseconds since 1970; false when it is none. */
static bool read_token(const char *text, cx_commit_token *token, int64_t *made_ms)
{
	uint64_t ms = 0;

	if (strlen(text) != CX_TOKEN_TEXT - 1)
		return false;
	for (int i = 0; i < CX_TOKEN_TEXT - 1; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
		if (i > 23)
			ms = ms << 4 | (uint64_t)(text[i] > '9' ? text[i] - 'a' + 10 : text[i] - '0');
	}
	memcpy(token->text, text, CX_TOKEN_TEXT);
	*made_ms = (int64_t)ms;
	return text[14] == '8';
}

/* After which its row may have been swept, and nothing can be said of one that is not there. */
static bool is_too_old(const cx_resolver *resolver, int64_t made_ms)
{
	int64_t keep_ms = resolver->options.keep_ms;

	return keep_ms != CDBC_FOREVER && now_ms() - made_ms > keep_ms / 2;
}

static cdbc_status tell_too_old(cdbc_error **err)
{
	return cx_error_set(err, CDBC_DATA, "the token is too old: it may have been swept");
}

/* ---- the question ---- */

bool cx_resolver_must_ask(const cdbc_error *error)
{
	/* the error of no memory has no outcome of its own */
	return cdbc_error_outcome(error) == CDBC_OUTCOME_UNKNOWN ||
		   cdbc_error_status(error) == CDBC_NOMEM;
}

/* Asks once. */
static cdbc_status ask(cdbc_session *session, const cx_commit_token *token, int64_t deadline_ns,
					   cdbc_outcome *out, cdbc_error **err)
{
	cdbc_value value = cdbc_string(token->text);
	char writer[WRITER_MAX];
	cx_commit_token same;
	int64_t made_ms = 0;
	cdbc_status status = cx_session_connect(session, deadline_ns, err);

	if (!status)
		status = cx_resolver_ready(session, deadline_ns, err);
	if (!status)
		status = run(session, session->client->resolver.ask, &value, deadline_ns, writer,
					 sizeof writer, err);
	if (status)
		return status;
	if (strcmp(writer, "transaction") == 0)
		*out = CDBC_OUTCOME_COMMITTED;
	else if (read_token(token->text, &same, &made_ms) &&
			 is_too_old(&session->client->resolver, made_ms))
		return tell_too_old(err); /* its commit may have hung for that long */
	else if (strcmp(writer, "resolver") == 0)
		*out = CDBC_OUTCOME_ROLLED_BACK;
	else
		return cx_error_set(err, CDBC_DATA, "the token was written by \"%s\"", writer);
	return CDBC_OK;
}

/* Whether asking again would give the same. */
static bool is_final(const cdbc_error *error)
{
	switch (cdbc_error_status(error)) {
	case CDBC_SQL:
		return strncmp(cdbc_error_sqlstate(error), "42", 2) == 0;
	case CDBC_DENIED:
	case CDBC_CANCELLED:
	case CDBC_CLOSED:
	case CDBC_DATA:
	case CDBC_CONFIG:
	case CDBC_UNSUPPORTED:
		return true;
	default:
		return false;
	}
}

/* Asks until there is an answer or no hope of one. */
static cdbc_status ask_on(cdbc_session *session, const cx_commit_token *token, cdbc_outcome *out,
						  int64_t *tries, cdbc_error **err)
{
	int64_t timeout_ms = session->client->resolver.options.timeout_ms, wait_ns;
	int64_t try_ms = timeout_ms / TRY_PARTS > TRY_LEAST_MS ? timeout_ms / TRY_PARTS : TRY_LEAST_MS;
	int64_t deadline_ns = cx_deadline_after_ms(timeout_ms);
	uint32_t cancel_count = cx_session_cancel_count(session);
	cx_backoff backoff;

	cx_backoff_init(&backoff, FIRST_WAIT_NS, MOST_WAIT_NS, 50, cx_random_seed());
	for (*tries = 1;; ++*tries) {
		cdbc_status status =
			ask(session, token, cx_deadline_sooner(deadline_ns, cx_deadline_after_ms(try_ms)), out,
				err);

		if (!status || is_final(*err))
			return status;
		wait_ns = cx_backoff_next_ns(&backoff);
		if (cx_deadline_left_ns(deadline_ns) <= wait_ns)
			return status;
		if (cx_session_wait_since(session, wait_ns, cancel_count))
			return cx_session_cancelled(err);
		cx_error_clear(err);
	}
}

static void tell(cdbc_session *session, const char *name, int64_t began_ns, int64_t tries,
				 const char *text, const cdbc_error *error)
{
	cdbc_event event = {.kind = CDBC_EVENT_RESOLVED,
						.name = name,
						.time_ns = cx_clock_now_ns(),
						.attempt = tries,
						.text = text,
						.error = error};

	if (!cx_events_wants(&session->client->events, CDBC_EVENT_RESOLVED))
		return;
	event.duration_ns = event.time_ns - began_ns;
	cx_events_emit(&session->client->events, &event);
}

void cx_resolver_sign(const cx_commit_token *token, cdbc_error **error)
{
	cx_error_field(error, CDBC_FIELD_TOKEN, token->text);
	cx_error_hint(error, "ask again by its token, %s: cdbc_session_resolve, or `cdbc resolver ask`",
				  token->text);
}

cdbc_status cx_resolver_settle(cdbc_session *session, const char *name,
							   const cx_commit_token *token, cdbc_error **error)
{
	int64_t began_ns = cx_clock_now_ns(), tries;
	cdbc_status status = cdbc_error_status(*error);
	cdbc_outcome outcome = CDBC_OUTCOME_UNKNOWN;
	cdbc_error *why = NULL;

	(void)ask_on(session, token, &outcome, &tries, &why);
	session->had_no_conn = false; /* of the commit that is */
	tell(session, name, began_ns, tries, cdbc_outcome_name(outcome), *error);
	if (outcome == CDBC_OUTCOME_COMMITTED) {
		cx_error_clear(error);
		return CDBC_OK;
	}
	if (outcome == CDBC_OUTCOME_ROLLED_BACK) {
		cx_error_wrap(error, "not committed, as its token shows");
		cx_error_outcome(error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
		return status;
	}
	cx_error_wrap(error, "outcome not found within %lld ms (%s)",
				  (long long)((cx_clock_now_ns() - began_ns) / CX_NS_PER_MS),
				  cdbc_error_message(why));
	cx_error_outcome(error, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	cx_resolver_sign(token, error);
	cdbc_error_free(why);
	return status;
}

/* ---- the same by hand ---- */

cdbc_status cdbc_session_resolve(cdbc_session *session, const char *token, cdbc_outcome *out,
								 cdbc_error **err)
{
	int64_t made_ms, tries;
	cdbc_error *error = NULL;
	cx_commit_token own;
	cdbc_status status = cx_session_tx_check_begin(session, err);

	if (status)
		return status;
	if (!read_token(token, &own, &made_ms))
		return cx_error_set(err, CDBC_PARAM, "\"%.40s\" is no token of a commit", token);
	if (is_too_old(&session->client->resolver, made_ms))
		return tell_too_old(err);
	status = ask_on(session, &own, out, &tries, &error);
	if (status)
		cx_error_wrap(&error, "resolve");
	cx_error_pass(err, error);
	return status;
}

/* ---- sweeping ---- */

void cx_resolver_tidy(cdbc_session *session)
{
	cx_resolver *resolver = &session->client->resolver;
	int64_t now_ns = cx_clock_coarse_ns(), due_ns = atomic_load(&resolver->sweep_due_ns);
	int64_t count = 1 + atomic_fetch_add(&resolver->put_count, 1);
	cdbc_error *error = NULL;

	if ((count < SWEEP_COUNT && now_ns < due_ns) || !session->lease.conn ||
		session->lease.is_dirty || resolver->options.keep_ms == CDBC_FOREVER ||
		!atomic_compare_exchange_strong(&resolver->sweep_due_ns, &due_ns, now_ns + SWEEP_EACH_NS))
		return;
	atomic_store(&resolver->put_count, 0);
	if (run(session, resolver->sweep, NULL, cx_deadline_after_ms(SWEEP_MS), NULL, 0, &error))
		cdbc_error_free(error); /* it is tried again: nothing hangs on one time */
}
