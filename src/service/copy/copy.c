// SPDX-License-Identifier: Apache-2.0
/* Bulk copy into a table, as the interface has it: opened, given bytes or rows, ended, and what
 * became of all when it failed. What an input looks like is the readers' affair, how rows get into
 * the table rows.c's. */
#include "service/copy/copy.h"

#include "base/alloc.h"
#include "base/error.h"

#define OUT_MAX ((size_t)512 << 20)

/* ---- failures ---- */

static void hint_restart(const cdbc_copy *copy, cdbc_error **error)
{
	const cdbc_copy_summary *sum = &copy->summary;

	if (sum->rows_unknown)
		cx_error_hint(error,
					  "of the %lld rows after the first %lld nobody can tell: look, then go on "
					  "with --skip %lld or %lld",
					  (long long)sum->rows_unknown, (long long)sum->restart_row,
					  (long long)sum->restart_row, (long long)sum->rows_read);
	else if (sum->rows_committed)
		cx_error_hint(error, "the first %lld rows are done with: go on with --skip %lld",
					  (long long)sum->restart_row, (long long)sum->restart_row);
}

/* The copy is over: what is open is rolled back, and the error says which rows are in. */
static cdbc_status fail(cdbc_copy *copy, cdbc_status status, cdbc_error *error, cdbc_error **err)
{
	cdbc_session *session = copy->session;
	cdbc_outcome outcome;

	cx_copy_run_abort(&copy->run, cx_deadline_after_ms(CX_TX_GRACE_MS));
	if (copy->is_own) {
		cx_session_tx_rollback(session);
		cx_session_tell_tx_end(session, NULL, 1, false, error);
	} else if (session->tx.depth && copy->is_in_chunk) {
		cx_session_tx_note(session, error);
	}
	if (!session->tx.depth)
		cx_session_drop_lost(session);
	outcome = cdbc_error_outcome(error);
	if (outcome == CDBC_OUTCOME_UNKNOWN)
		copy->summary.rows_unknown = copy->sent;
	else if (copy->summary.rows_committed && copy->is_own_chunks)
		cx_error_outcome(&error, CDBC_OUTCOME_COMMITTED_PARTIAL, CDBC_REPLAY_NO);
	else if (copy->is_in_chunk && outcome == CDBC_OUTCOME_NOT_SENT)
		cx_error_outcome(&error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	hint_restart(copy, &error);
	cx_error_wrap(&error, "copy into %s", copy->table);
	copy->is_in_chunk = copy->is_own = false;
	copy->is_over = true;
	cx_error_pass(err, error);
	return status;
}

/* ---- what the reader hands over ---- */

static bool are_own(const cdbc_copy *copy, const cdbc_text *texts, size_t count)
{
	for (size_t i = 0; count == copy->column_count && i < count; i++)
		if (strlen(copy->columns[i]) != texts[i].length ||
			memcmp(copy->columns[i], texts[i].data, texts[i].length) != 0)
			return false;
	return count == copy->column_count;
}

/* The input's names are the columns; those of the caller must be the same, in any order. */
static cdbc_status take_names(void *self, const cdbc_text *texts, size_t count, cdbc_error **err)
{
	cdbc_copy *copy = self;
	cdbc_status status = CDBC_OK;
	char **names;

	if (are_own(copy, texts, count)) /* the reader may have them from here */
		return CDBC_OK;
	names = cx_calloc(count, sizeof *names);
	if (!names)
		return cx_error_nomem(err);
	if (copy->column_count && copy->column_count != count)
		status = cx_error_set(err, CDBC_DATA, "%s: %zu names for %zu columns", copy->source, count,
							  copy->column_count);
	for (size_t i = 0; !status && i < count; i++) {
		bool is_known = copy->column_count == 0;

		names[i] = cx_strndup(texts[i].data, texts[i].length);
		if (!names[i])
			status = cx_error_nomem(err);
		for (size_t k = 0; !status && k < copy->column_count; k++)
			is_known = is_known || strcmp(copy->columns[k], names[i]) == 0;
		for (size_t k = 0; !status && k < i; k++)
			if (strcmp(names[k], names[i]) == 0)
				status = cx_error_set(err, CDBC_DATA, "%s: \"%s\" is named twice", copy->source,
									  names[i]);
		if (!status && !is_known)
			status = cx_error_set(err, CDBC_DATA, "%s: \"%s\" is none of the columns", copy->source,
								  names[i]);
	}
	for (size_t i = 0; status && i < count; i++)
		cx_free(names[i]);
	if (status) {
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

static cdbc_status take_kinds(void *self, const cx_read_as **kinds, size_t *count, cdbc_error **err)
{
	cdbc_copy *copy = self;
	cdbc_status status = cx_copy_learn(copy, err);

	if (status)
		return status;
	*kinds = copy->kinds;
	*count = copy->width;
	return CDBC_OK;
}

static cdbc_status take_row(void *self, const cx_record *record, cdbc_error **err)
{
	return cx_copy_row(self, record, err);
}

static cdbc_status take_bad(void *self, const cx_record *record, cdbc_error *error,
							cdbc_error **err)
{
	return cx_copy_bad(self, record, error, err);
}

static cdbc_status open_reader(cdbc_copy *copy, cdbc_error **err)
{
	const cx_reader_options options = {copy->options.has_header, (const char *const *)copy->columns,
									   copy->column_count};
	const cx_reader_sink sink = {take_names, take_kinds, take_row, take_bad, copy};
	const char *format = copy->options.format ? copy->options.format : "csv";

	return cx_reader_open(format, &options, &sink, &copy->reader, err);
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

/* Tells who watches that the copy has ended. */
static void tell_end(cdbc_copy *copy, const cdbc_error *error)
{
	cdbc_session *session = copy->session;

	if (!session->request_id)
		return;
	session->run.name = NULL;
	session->run.summary.affected_count =
		copy->summary.rows_read - copy->summary.rows_skipped - copy->summary.rows_rejected;
	session->result.row_count = 0;
	session->byte_count = copy->byte_count;
	cx_session_request_end(session, error);
}

static cdbc_status leave(cdbc_copy *copy, cdbc_status status, cdbc_error *error, cdbc_error **err)
{
	cdbc_error *told = NULL;

	if (status) {
		status = fail(copy, status, error, &told);
		tell_end(copy, told);
		cx_error_pass(err, told);
	} else if (copy->is_over) {
		tell_end(copy, NULL);
	}
	copy->session->is_busy = !copy->is_over;
	copy->session->copy = copy->is_over ? NULL : copy;
	return status;
}

static cdbc_status check_open(cdbc_session *session, const char *table,
							  const cdbc_copy_options *options, cdbc_error **err)
{
	cdbc_status status = cx_session_check_free(session, err);

	if (status)
		return status;
	if (!table || !*table || options->chunk_rows < 0 || options->skip_rows < 0)
		return cx_error_set(err, CDBC_USAGE, "copy: no table, or a negative number of rows");
	if (options->chunk_rows && cx_session_in_transaction(session))
		return cx_error_set(err, CDBC_USAGE, "copy: chunks commit, and a transaction is open");
	if (!session->tx.depth && cx_session_in_transaction(session)) {
		cx_error_set(err, CDBC_USAGE, "copy: a transaction is open that SQL text began");
		cx_error_hint(err, "begin it with cdbc_session_begin");
		return CDBC_USAGE;
	}
	return CDBC_OK;
}

static cdbc_status keep_columns(cdbc_copy *copy, const char *const *columns, size_t count)
{
	copy->columns = cx_calloc(count + 1, sizeof *copy->columns);
	for (size_t i = 0; copy->columns && i < count; i++) {
		copy->columns[i] = cx_strdup(columns[i]);
		copy->column_count = copy->columns[i] ? i + 1 : copy->column_count;
	}
	copy->width = count;
	return copy->columns && copy->column_count == count ? CDBC_OK : CDBC_NOMEM;
}

cdbc_status cdbc_copy_in_open(cdbc_session *session, const char *table, const char *const *columns,
							  size_t column_count, const cdbc_copy_options *options,
							  cdbc_copy **out, cdbc_error **err)
{
	cdbc_copy_options all = CDBC_COPY_OPTIONS_INIT;
	cdbc_error *error = NULL;
	cdbc_status status;
	cdbc_copy *copy;

	if (options)
		memcpy(&all, options,
			   options->struct_size < sizeof all ? options->struct_size : sizeof all);
	status = check_open(session, table, &all, &error);
	if (status)
		return cx_session_failed(session, status, error, err);
	copy = cx_calloc(1, sizeof *copy);
	if (!copy)
		return cx_session_failed(session, cx_error_nomem(&error), error, err);
	copy->session = session;
	copy->options = all;
	copy->source = all.source ? all.source : "input";
	copy->summary.struct_size = sizeof copy->summary;
	copy->is_own_chunks = !session->tx.depth;
	copy->cancel_count = cx_session_cancel_count(session);
	copy->run.lease = &session->lease;
	cx_buf_init(&copy->sql, CX_COPY_SQL_MAX);
	cx_buf_init(&copy->out, OUT_MAX);
	cx_row_block_init(&copy->block);
	copy->table = cx_strdup(table);
	status = keep_columns(copy, columns, column_count);
	if (status || !copy->table)
		status = cx_error_nomem(&error);
	else
		status = open_reader(copy, &error);
	if (status) {
		copy->is_over = true;
		cdbc_copy_in_free(copy);
		return cx_session_failed(session, status, error, err);
	}
	session->is_busy = true;
	session->copy = copy;
	*out = copy;
	return CDBC_OK;
}

/* What is wrong with the header has no row that would name its place. */
static void name_header(const cdbc_copy *copy, cdbc_status status, cdbc_error **err)
{
	const char *file = status == CDBC_DATA ? cdbc_error_field(*err, CDBC_FIELD_FILE) : NULL;
	int64_t line = status == CDBC_DATA ? cdbc_error_line(*err) : 0, column;

	if (!line || (file && *file))
		return;
	column = cdbc_error_column(*err);
	cx_error_wrap(err, "%s:%lld:%lld", copy->source, (long long)line, (long long)column);
	cx_error_place(err, copy->source, line, column);
}

cdbc_status cdbc_copy_in_write(cdbc_copy *copy, const void *bytes, size_t length, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = enter(copy, err);

	if (status)
		return status;
	status = cx_reader_feed(copy->reader, bytes, length, &error);
	name_header(copy, status, &error);
	return leave(copy, status, error, err);
}

cdbc_status cdbc_copy_in_write_row(cdbc_copy *copy, const cdbc_value *values, size_t count,
								   cdbc_error **err)
{
	const cx_record record = {values, count, 0, NULL, 0};
	cdbc_error *error = NULL;
	cdbc_status status = enter(copy, err);

	if (status)
		return status;
	copy->has_rows = true;
	status = cx_copy_row(copy, &record, &error);
	return leave(copy, status, error, err);
}

cdbc_status cdbc_copy_in_finish(cdbc_copy *copy, cdbc_copy_summary *summary, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = enter(copy, err);

	if (status)
		return status;
	if (!copy->has_rows)
		status = cx_reader_end(copy->reader, &error);
	name_header(copy, status, &error);
	if (!status && copy->is_in_chunk)
		status = cx_copy_end_chunk(copy, &error);
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
	cx_error_set(&error, CDBC_CANCELLED, "aborted");
	cx_error_outcome(&error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	(void)leave(copy, CDBC_CANCELLED, error, NULL);
}

void cdbc_copy_in_free(cdbc_copy *copy)
{
	if (!copy)
		return;
	cx_copy_abort(copy);
	for (size_t i = 0; i < copy->column_count; i++)
		cx_free(copy->columns[i]);
	for (size_t i = 0; copy->type_names && i < copy->width; i++)
		cx_free(copy->type_names[i]);
	cx_reader_free(copy->reader);
	cx_free(copy->columns);
	cx_free(copy->type_names);
	cx_free(copy->types);
	cx_free(copy->kinds);
	cx_free(copy->values);
	cx_free(copy->items);
	cx_free(copy->turns);
	cx_free(copy->table);
	cx_row_block_fini(&copy->block);
	cx_buf_free(&copy->sql);
	cx_buf_free(&copy->out);
	if (copy->statement)
		cx_statement_unref(copy->statement);
	cx_free(copy);
}
