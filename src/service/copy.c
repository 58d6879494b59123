// SPDX-License-Identifier: Apache-2.0
/* Bulk copy into a table: rows become COPY's text, or inserts where the database has no COPY, in
 * transactions of chunk_rows. What an input looks like is the readers' affair; what became of a
 * chunk is judged by the table, as of any statement in a transaction. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/number.h"
#include "data/exec/outcome.h"
#include "data/format/reader.h"
#include "service/session.h"

#include <cdbc/copy.h>

#define SEND_BYTES ((size_t)64 << 10)
#define TEXT_MAX   ((size_t)256 << 20)
#define SQL_MAX    ((size_t)1 << 20)

struct cdbc_copy {
	cdbc_session *session;
	cdbc_copy_options options;
	cdbc_copy_summary summary;
	char *table; /* as it was given */
	char **columns;
	size_t column_count; /* 0: all of the table */
	size_t width;        /* values a row has; 0: not known yet */
	cx_csv_reader csv;
	bool has_names;   /* the header was read, or there is none */
	bool is_in_chunk; /* of the server's */
	bool is_own;      /* the transaction is the copy's */
	bool is_over;
	bool uses_rows; /* no COPY there */
	void *handle;   /* the driver's copy; NULL: none */
	int64_t sent;   /* rows of this chunk */
	cx_buf sql, out;
	cx_statement *insert;
	cdbc_value *typed; /* the row with its columns' types; NULL: as it is given */
};

/* ---- the statement ---- */

static int64_t deadline_of(const cdbc_copy *copy)
{
	return cx_session_deadline(copy->options.timeout_ms ? copy->options.timeout_ms
														: copy->session->timeout_ms);
}

/* A table's name as SQL writes it, each part quoted: `bank.items` gives "bank"."items". */
static cdbc_status put_table(cdbc_copy *copy, const cdbc_dialect *dialect, const cdbc_sink *sink,
							 cdbc_error **err)
{
	cx_buf part = CX_BUF_INIT(SQL_MAX);
	const char *p = copy->table;
	cdbc_status status = CDBC_OK;

	for (;;) {
		cx_buf_clear(&part);
		if (*p == '"') {
			for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
				p += *p == '"';
				cx_buf_putc(&part, *p);
			}
			if (*p++ != '"')
				status = cx_error_set(err, CDBC_USAGE, "copy: a quote of the table is not closed");
		} else {
			for (; *p && *p != '.'; p++)
				cx_buf_putc(&part, *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p);
		}
		if (!status && *p && *p != '.')
			status = cx_error_set(err, CDBC_USAGE, "copy: \"%s\" is no table's name", copy->table);
		cx_buf_put(&part, "", 0);
		if (!status)
			status = cx_buf_status(&part, "table", err);
		if (!status)
			status = dialect->identifier(dialect, part.data, part.length, sink, err);
		if (status || !*p)
			break;
		cx_buf_putc(&copy->sql, '.');
		p++;
	}
	cx_buf_free(&part);
	return status;
}

static cdbc_status put_columns(cdbc_copy *copy, const cdbc_dialect *dialect, const cdbc_sink *sink,
							   cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < copy->column_count; i++) {
		cx_buf_puts(&copy->sql, i ? ", " : " (");
		status =
			dialect->identifier(dialect, copy->columns[i], strlen(copy->columns[i]), sink, err);
	}
	if (copy->column_count)
		cx_buf_putc(&copy->sql, ')');
	return status;
}

static cdbc_status write_sql(cdbc_copy *copy, cdbc_error **err)
{
	const cx_dialect *dialect =
		atomic_load_explicit(&copy->session->client->dialect, memory_order_relaxed);
	cdbc_sink sink = cx_dialect_sink(&copy->sql);
	cdbc_status status;

	if (!dialect)
		dialect = &cx_dialect_postgresql;
	copy->uses_rows = strcmp(cx_dialect_family(dialect), "postgresql") != 0 ||
					  !(copy->session->client->driver->capabilities & CDBC_CAN_COPY);
	cx_buf_puts(&copy->sql, copy->uses_rows ? "INSERT INTO " : "COPY ");
	status = put_table(copy, &dialect->api, &sink, err);
	if (!status)
		status = put_columns(copy, &dialect->api, &sink, err);
	if (!status && copy->uses_rows) {
		cx_buf_puts(&copy->sql, " VALUES (");
		for (size_t i = 1; i <= copy->width; i++)
			cx_buf_putf(&copy->sql, i > 1 ? ", $%zu" : "$%zu", i);
		cx_buf_putc(&copy->sql, ')');
	} else if (!status) {
		cx_buf_puts(&copy->sql, " FROM STDIN");
	}
	if (!status)
		status = cx_buf_status(&copy->sql, "statement", err);
	if (!status && copy->uses_rows)
		status = cx_statements_get(copy->session->client->statements,
								   cx_client_writes(copy->session->client, dialect), copy->sql.data,
								   copy->sql.length, &copy->insert, err);
	return status;
}

/* What the columns are: a text of an insert is read by its column's type, as COPY does. */
static cdbc_status learn_types(cdbc_copy *copy, const cx_dialect *dialect, cdbc_error **err)
{
	const cx_conn *conn = copy->session->lease.conn;
	cx_buf insert = copy->sql;
	cdbc_sink sink = cx_dialect_sink(&copy->sql);
	cdbc_request request = {.struct_size = sizeof request, .kind = CDBC_KIND_SELECT};
	cdbc_description *d = NULL;
	const cx_field *fields;
	cdbc_status status = CDBC_OK;

	cx_buf_init(&copy->sql, SQL_MAX);
	cx_buf_puts(&copy->sql, copy->column_count ? "SELECT " : "SELECT *");
	for (size_t i = 0; !status && i < copy->column_count; i++) {
		cx_buf_puts(&copy->sql, i ? ", " : "");
		status = dialect->api.identifier(&dialect->api, copy->columns[i], strlen(copy->columns[i]),
										 &sink, err);
	}
	cx_buf_puts(&copy->sql, " FROM ");
	if (!status)
		status = put_table(copy, &dialect->api, &sink, err);
	if (!status)
		status = cx_buf_status(&copy->sql, "statement", err);
	request.sql = copy->sql.data;
	request.sql_length = copy->sql.length;
	if (!status)
		status = conn->driver->describe(conn->handle, &request, deadline_of(copy), &d, err);
	fields = !status && d->schema ? cx_schema_fields(d->schema) : NULL;
	if (!status && (!fields || (size_t)d->schema->n_children != copy->width))
		status = cx_error_set(err, CDBC_DATA, "%zu values for %lld columns", copy->width,
							  d->schema ? (long long)d->schema->n_children : 0LL);
	if (!status && !(copy->typed = cx_calloc(copy->width, sizeof *copy->typed)))
		status = cx_error_nomem(err);
	for (size_t i = 0; !status && i < copy->width; i++)
		copy->typed[i].type = fields[i].type;
	if (d)
		d->release(d);
	cx_buf_free(&copy->sql);
	copy->sql = insert;
	return status;
}

/* ---- failures ---- */

static void drop_handle(cdbc_copy *copy, cdbc_summary *facts)
{
	cx_lease *lease = &copy->session->lease;

	if (!copy->handle)
		return;
	(void)lease->conn->driver->copy_end(copy->handle, false, cx_deadline_after_ms(CX_TX_GRACE_MS),
										facts, NULL);
	copy->handle = NULL;
	cx_lease_stop(lease);
}

/* What the driver failed with, judged: until its transaction's COMMIT is sent, it has no effect. */
static void judge(cdbc_copy *copy, cdbc_status status, const cdbc_summary *facts, cdbc_error **err)
{
	cx_failure failure = {.status = status,
						  .sqlstate = *err ? cdbc_error_sqlstate(*err) : "",
						  .message = *err ? cdbc_error_message(*err) : NULL,
						  .position = facts->position,
						  .tx_before = CDBC_TX_OPEN,
						  .is_link_lost = facts->is_link_lost,
						  .kind = CDBC_KIND_COPY};
	cx_verdict verdict = cx_outcome_judge(&failure);

	cx_error_outcome(err, verdict.outcome, verdict.replay);
}

/* The copy is over: what is open is rolled back, and the error says which rows are in. */
static cdbc_status fail(cdbc_copy *copy, cdbc_status status, cdbc_error *error, cdbc_error **err)
{
	cdbc_copy_summary *sum = &copy->summary;
	bool is_unknown;

	drop_handle(copy, &(cdbc_summary){.struct_size = sizeof(cdbc_summary)});
	if (copy->is_own)
		cx_session_tx_rollback(copy->session);
	else if (copy->session->tx.depth && copy->is_in_chunk)
		cx_session_tx_note(copy->session, error);
	is_unknown = error && cdbc_error_outcome(error) == CDBC_OUTCOME_UNKNOWN;
	sum->rows_unknown = is_unknown ? copy->sent : 0;
	if (is_unknown)
		cx_error_hint(&error,
					  "of the %lld rows after the first %lld nobody can tell: look, then "
					  "go on with --skip %lld or %lld",
					  (long long)copy->sent, (long long)sum->restart_row,
					  (long long)sum->restart_row, (long long)(sum->restart_row + copy->sent));
	else if (sum->rows_committed) {
		cx_error_outcome(&error, CDBC_OUTCOME_COMMITTED_PARTIAL, CDBC_REPLAY_NO);
		cx_error_hint(&error, "the first %lld rows are in: go on with --skip %lld",
					  (long long)sum->restart_row, (long long)sum->restart_row);
	}
	cx_error_wrap(&error, "copy into %s", copy->table);
	copy->is_in_chunk = copy->is_own = false;
	copy->is_over = true;
	cx_error_pass(err, error);
	return status;
}

static cdbc_status chunk_failed(cdbc_copy *copy, cdbc_status status, cdbc_error **err)
{
	cdbc_summary facts = {.struct_size = sizeof facts, .position = CDBC_POSITION_SENT};

	drop_handle(copy, &facts);
	facts.is_link_lost =
		copy->session->lease.conn &&
		copy->session->lease.conn->driver->state(copy->session->lease.conn->handle).is_lost;
	judge(copy, status, &facts, err);
	if (copy->sent)
		cx_error_wrap(err, "rows %lld to %lld",
					  (long long)(copy->summary.rows_read - copy->sent + 1),
					  (long long)copy->summary.rows_read);
	cx_session_give_lost(copy->session);
	return status;
}

/* ---- chunks ---- */

static cdbc_status begin_copy(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_session *session = copy->session;
	cdbc_request request = {.struct_size = sizeof request,
							.sql = copy->sql.data,
							.sql_length = copy->sql.length,
							.kind = CDBC_KIND_COPY,
							.flags = CDBC_REQUEST_NO_PREPARE};
	int64_t deadline_ns = deadline_of(copy);
	cdbc_status status = cx_session_connect(session, deadline_ns, err);

	if (status)
		return status;
	cx_lease_start(&session->lease);
	status = session->lease.conn->driver->copy_begin(session->lease.conn->handle, &request,
													 deadline_ns, &copy->handle, err);
	if (status) {
		copy->handle = NULL;
		cx_lease_stop(&session->lease);
		return chunk_failed(copy, status, err);
	}
	return CDBC_OK;
}

static cdbc_status begin_chunk(cdbc_copy *copy, cdbc_error **err)
{
	static const cdbc_transaction_options defaults = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_session *session = copy->session;
	cdbc_status status = CDBC_OK;

	copy->sent = 0;
	if (!session->tx.depth && !copy->is_own) {
		status = cx_session_tx_begin(session, &defaults, deadline_of(copy), err);
		if (status)
			return status;
		copy->is_own = true;
		session->tx.deadline_ns = CX_NEVER;
	}
	copy->is_in_chunk = true;
	if (!copy->sql.length)
		status = write_sql(copy, err);
	if (!status && copy->uses_rows && !copy->typed)
		status = learn_types(
			copy, atomic_load_explicit(&session->client->dialect, memory_order_relaxed), err);
	return status || copy->uses_rows ? status : begin_copy(copy, err);
}

static cdbc_status send(cdbc_copy *copy, cdbc_error **err)
{
	const cx_conn *conn = copy->session->lease.conn;
	cdbc_status status = cx_buf_status(&copy->out, "row", err);

	if (!status && cx_lease_has_cancel(&copy->session->lease) &&
		atomic_load(&copy->session->lease.running) != (uintptr_t)conn)
		status = cx_error_set(err, CDBC_CANCELLED, "cancelled");
	if (!status)
		status = conn->driver->copy_write(copy->handle, copy->out.data, copy->out.length,
										  deadline_of(copy), err);
	cx_buf_clear(&copy->out);
	return status ? chunk_failed(copy, status, err) : CDBC_OK;
}

static cdbc_status end_copy(cdbc_copy *copy, cdbc_error **err)
{
	const cx_conn *conn = copy->session->lease.conn;
	cdbc_summary facts = {.struct_size = sizeof facts, .position = CDBC_POSITION_SENT};
	cdbc_status status = copy->out.length ? send(copy, err) : CDBC_OK;
	void *handle = copy->handle;

	if (status)
		return status;
	copy->handle = NULL;
	status = conn->driver->copy_end(handle, true, deadline_of(copy), &facts, err);
	cx_lease_stop(&copy->session->lease);
	if (status)
		return chunk_failed(copy, status, err);
	if (facts.affected_count != copy->sent) {
		cx_error_set(err, CDBC_DATA, "%lld rows were sent, the server took %lld",
					 (long long)copy->sent, (long long)facts.affected_count);
		cx_error_hint(err, "a trigger or rule of the table keeps rows out");
		cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		return CDBC_DATA;
	}
	return CDBC_OK;
}

static cdbc_status end_chunk(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_session *session = copy->session;
	cdbc_status status = copy->uses_rows ? CDBC_OK : end_copy(copy, err);

	if (status)
		return status;
	if (copy->is_own) {
		session->tx.deadline_ns = deadline_of(copy);
		status = cx_session_tx_commit(session, err);
		copy->is_own = false;
		if (status)
			return status;
		copy->summary.rows_committed += copy->sent;
		copy->summary.restart_row = copy->summary.rows_read;
	}
	copy->sent = 0;
	copy->is_in_chunk = false;
	return CDBC_OK;
}

/* ---- rows ---- */

static void put_escaped(cx_buf *out, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *p = text;

		while (p < end && *p != '\t' && *p != '\n' && *p != '\r' && *p != '\\')
			p++;
		cx_buf_put(out, text, (size_t)(p - text));
		if (p < end) {
			cx_buf_putc(out, '\\');
			cx_buf_putc(out, *p == '\n' ? 'n' : *p == '\r' ? 'r' : *p == '\t' ? 't' : '\\');
			p++;
		}
		text = p;
	}
}

static cdbc_status put_value(cx_buf *out, const cdbc_value *value, cdbc_error **err)
{
	static const char hex[] = "0123456789abcdef";
	char number[CX_NUMBER_MAX];

	switch (value->kind) {
	case CDBC_VALUE_NULL:
		cx_buf_put(out, "\\N", 2);
		return CDBC_OK;
	case CDBC_VALUE_BOOL:
		cx_buf_putc(out, value->as.boolean ? 't' : 'f');
		return CDBC_OK;
	case CDBC_VALUE_INT64:
		cx_buf_put_int64(out, value->as.int64);
		return CDBC_OK;
	case CDBC_VALUE_DOUBLE:
		cx_buf_put(out, number, cx_double_print(value->as.float64, number));
		return CDBC_OK;
	case CDBC_VALUE_TEXT:
		put_escaped(out, value->as.text.data, value->as.text.length);
		return CDBC_OK;
	case CDBC_VALUE_BYTES:
		cx_buf_put(out, "\\\\x", 3);
		for (size_t i = 0; i < value->as.text.length; i++) {
			unsigned char byte = (unsigned char)value->as.text.data[i];

			cx_buf_putc(out, hex[byte >> 4]);
			cx_buf_putc(out, hex[byte & 15]);
		}
		return CDBC_OK;
	default:
		cx_error_set(err, CDBC_UNSUPPORTED, "an array as a value of a copied row");
		cx_error_hint(err, "give it as text: '{1,2}'");
		return CDBC_UNSUPPORTED;
	}
}

static cdbc_status insert_row(cdbc_copy *copy, const cdbc_value *values, cdbc_error **err)
{
	cdbc_call call = {
		.statement = copy->insert, .values = copy->typed, .deadline_ns = deadline_of(copy)};
	cdbc_result *result = NULL;
	cdbc_status status;

	for (size_t i = 0; i < copy->width; i++) {
		cdbc_type type = copy->typed[i].type;

		copy->typed[i] = values[i];
		copy->typed[i].type = type;
	}
	status = cx_session_perform(copy->session, &call, &result, err);
	if (status)
		return status;
	while (cdbc_result_next(result, err))
		;
	if (!cdbc_result_is_complete(result))
		status = *err ? cdbc_error_status(*err) : CDBC_INTERNAL;
	else if (cdbc_result_affected_count(result) != 1)
		status = cx_error_set(err, CDBC_DATA, "the row was not taken");
	cdbc_result_free(result);
	return status;
}

/* One row of the input. *err is set by whoever fails. */
static cdbc_status add_row(cdbc_copy *copy, const cdbc_value *values, size_t count, int64_t line,
						   cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (!copy->width)
		copy->width = count;
	if (count != copy->width)
		status = cx_error_set(err, CDBC_DATA, "%zu values, not %zu", count, copy->width);
	copy->summary.rows_read++;
	if (!status && copy->summary.rows_read <= copy->options.skip_rows) {
		copy->summary.rows_skipped++;
		copy->summary.restart_row++;
		return CDBC_OK;
	}
	if (!status && !copy->is_in_chunk)
		return begin_chunk(copy, err) ? cdbc_error_status(*err) : CDBC_OK;
	(void)line;
	return status;
}

static cdbc_status take_row(void *self, const cdbc_value *values, size_t count, int64_t line,
							cdbc_error **err)
{
	cdbc_copy *copy = self;
	cdbc_status status = add_row(copy, values, count, line, err);

	if (!status && copy->summary.rows_read <= copy->options.skip_rows)
		return CDBC_OK;
	if (!status && copy->uses_rows) {
		status = insert_row(copy, values, err);
	} else if (!status) {
		for (size_t i = 0; !status && i < count; i++) {
			if (i)
				cx_buf_putc(&copy->out, '\t');
			status = put_value(&copy->out, &values[i], err);
		}
		cx_buf_putc(&copy->out, '\n');
	}
	if (status) {
		if (line)
			cx_error_wrap(err, "line %lld", (long long)line);
		else
			cx_error_wrap(err, "row %lld", (long long)copy->summary.rows_read);
		return status;
	}
	copy->sent++;
	if (!copy->uses_rows && copy->out.length >= SEND_BYTES)
		status = send(copy, err);
	if (!status && copy->options.chunk_rows && copy->sent == copy->options.chunk_rows)
		status = end_chunk(copy, err);
	return status;
}

/* The header names the columns; those of the caller must be the same, in any order. */
static cdbc_status take_header(cdbc_copy *copy, const cdbc_value *values, size_t count,
							   cdbc_error **err)
{
	char **names = cx_calloc(count, sizeof *names);
	cdbc_status status = CDBC_OK;

	if (!names)
		return cx_error_nomem(err);
	if (copy->column_count && copy->column_count != count)
		status = cx_error_set(err, CDBC_DATA, "line 1: a header of %zu names for %zu columns",
							  count, copy->column_count);
	for (size_t i = 0; !status && i < count; i++) {
		cx_buf name = CX_BUF_INIT(SQL_MAX);
		bool is_known = copy->column_count == 0;

		if (values[i].kind == CDBC_VALUE_TEXT)
			cx_buf_put(&name, values[i].as.text.data, values[i].as.text.length);
		names[i] = cx_buf_take(&name);
		if (!names[i])
			status = cx_error_nomem(err);
		for (size_t k = 0; !status && k < copy->column_count; k++)
			is_known = is_known || strcmp(copy->columns[k], names[i]) == 0;
		if (!status && !is_known)
			status =
				cx_error_set(err, CDBC_DATA, "line 1: \"%s\" is none of the columns", names[i]);
	}
	if (status) {
		for (size_t i = 0; i < count; i++)
			cx_free(names[i]);
		cx_free(names);
		return status;
	}
	for (size_t i = 0; i < copy->column_count; i++)
		cx_free(copy->columns[i]);
	cx_free(copy->columns);
	copy->columns = names;
	copy->column_count = copy->width = count;
	return CDBC_OK;
}

static cdbc_status take_record(void *self, const cdbc_value *values, size_t count, int64_t line,
							   cdbc_error **err)
{
	cdbc_copy *copy = self;

	if (copy->has_names)
		return take_row(copy, values, count, line, err);
	copy->has_names = true;
	return take_header(copy, values, count, err);
}

/* ---- the interface ---- */

/* The session is the copy's while it works, and nobody's else between. */
static cdbc_status enter(cdbc_copy *copy, cdbc_error **err)
{
	if (copy->is_over)
		return cx_error_set(err, CDBC_CLOSED, "copy into %s: it is over", copy->table);
	copy->session->is_busy = false;
	return CDBC_OK;
}

static cdbc_status leave(cdbc_copy *copy, cdbc_status status, cdbc_error *error, cdbc_error **err)
{
	if (status)
		status = fail(copy, status, error, err);
	copy->session->is_busy = !copy->is_over;
	copy->session->copy = copy->is_over ? NULL : copy;
	return status;
}

cdbc_status cdbc_copy_in_open(cdbc_session *session, const char *table, const char *const *columns,
							  size_t column_count, const cdbc_copy_options *options,
							  cdbc_copy **out, cdbc_error **err)
{
	static const cdbc_copy_options defaults = CDBC_COPY_OPTIONS_INIT;
	cdbc_status status = cx_session_check_free(session, err);
	cdbc_copy *copy;

	if (status)
		return status;
	if (!options)
		options = &defaults;
	if (!table || !*table || options->chunk_rows < 0 || options->skip_rows < 0)
		return cx_error_set(err, CDBC_USAGE, "copy: no table, or a negative number of rows");
	if (options->chunk_rows && cx_session_in_transaction(session))
		return cx_error_set(err, CDBC_USAGE, "copy: chunks commit, and a transaction is open");
	copy = cx_calloc(1, sizeof *copy);
	if (!copy)
		return cx_error_nomem(err);
	copy->session = session;
	copy->options = *options;
	copy->summary.struct_size = sizeof copy->summary;
	copy->has_names = !options->has_header;
	cx_buf_init(&copy->sql, SQL_MAX);
	cx_buf_init(&copy->out, TEXT_MAX);
	cx_csv_reader_init(&copy->csv, take_record, copy);
	copy->table = cx_strdup(table);
	copy->columns = cx_calloc(column_count + 1, sizeof *copy->columns);
	for (size_t i = 0; copy->columns && i < column_count; i++) {
		copy->columns[i] = cx_strdup(columns[i]);
		copy->column_count = copy->columns[i] ? i + 1 : copy->column_count;
	}
	if (!copy->table || !copy->columns || copy->column_count != column_count) {
		copy->is_over = true;
		cdbc_copy_in_free(copy);
		return cx_error_nomem(err);
	}
	copy->width = column_count;
	session->is_busy = true;
	session->copy = copy;
	*out = copy;
	return CDBC_OK;
}

cdbc_status cdbc_copy_in_write_csv(cdbc_copy *copy, const void *bytes, size_t length,
								   cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = enter(copy, err);

	if (status)
		return status;
	status = cx_csv_reader_feed(&copy->csv, bytes, length, &error);
	return leave(copy, status, error, err);
}

cdbc_status cdbc_copy_in_write_row(cdbc_copy *copy, const cdbc_value *values, size_t count,
								   cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = enter(copy, err);

	if (status)
		return status;
	status = take_row(copy, values, count, 0, &error);
	return leave(copy, status, error, err);
}

cdbc_status cdbc_copy_in_finish(cdbc_copy *copy, cdbc_copy_summary *summary, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = enter(copy, err);

	if (status)
		return status;
	status = cx_csv_reader_end(&copy->csv, &error);
	if (!status && copy->is_in_chunk)
		status = end_chunk(copy, &error);
	if (!status)
		copy->is_over = true;
	status = leave(copy, status, error, err);
	if (!status && summary)
		*summary = copy->summary;
	return status;
}

void cdbc_copy_in_summary(const cdbc_copy *copy, cdbc_copy_summary *out)
{
	*out = copy->summary;
}

void cx_copy_abort(cdbc_copy *copy)
{
	cdbc_error *error = NULL;

	if (copy->is_over)
		return;
	copy->session->is_busy = false;
	copy->session->copy = NULL;
	cx_error_set(&error, CDBC_CANCELLED, "aborted");
	cx_error_outcome(&error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	(void)fail(copy, CDBC_CANCELLED, error, NULL);
}

void cdbc_copy_in_free(cdbc_copy *copy)
{
	if (!copy)
		return;
	cx_copy_abort(copy);
	for (size_t i = 0; i < copy->column_count; i++)
		cx_free(copy->columns[i]);
	cx_free(copy->columns);
	cx_free(copy->table);
	cx_free(copy->typed);
	cx_buf_free(&copy->sql);
	cx_buf_free(&copy->out);
	cx_csv_reader_fini(&copy->csv);
	if (copy->insert)
		cx_statement_unref(copy->insert);
	cx_free(copy);
}
