// SPDX-License-Identifier: Apache-2.0
/* A batch: its statements, checked, bound and copied as they are added. How they go is
 * send.c. */
#include "service/batch/batch.h"

#include "base/alloc.h"
#include "base/error.h"
#include "service/catalog/generation.h"
#include "data/sql/split.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define FEW_VALUES     16
#define MAX_BYTES      ((int64_t)16 << 20)
#define CHUNK_COUNT    1000
#define CHUNK_MAX      100000
#define FILE_MAX_BYTES ((size_t)64 << 20)
#define PIECE_BYTES    65536

/* ---- its life ---- */

static bool copy_text(cdbc_batch *batch, const char **text)
{
	if (!*text)
		return true;
	*text = cx_arena_strdup(&batch->own, *text);
	return *text != NULL;
}

static void copy_options(void *to, const void *from, size_t size)
{
	size_t given;

	memcpy(&given, from, sizeof given);
	memcpy(to, from, given < size ? given : size);
	memcpy(to, &size, sizeof size);
}

static cdbc_status set_options(cdbc_batch *batch, const cdbc_batch_options *options,
							   cdbc_error **err)
{
	static const cdbc_batch_options defaults = CDBC_BATCH_OPTIONS_INIT;
	static const cdbc_transaction_options tx_defaults = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_batch_options *o = &batch->options;

	*o = defaults;
	batch->transaction = tx_defaults;
	if (options)
		copy_options(o, options, sizeof *o);
	if (o->transaction)
		copy_options(&batch->transaction, o->transaction, sizeof batch->transaction);
	o->transaction = NULL;
	if (o->chunk_count < 0 || o->chunk_count > CHUNK_MAX || o->max_bytes < 0 || o->timeout_ms < 0)
		return cx_error_set(err, CDBC_USAGE, "batch: an option is out of its range");
	if (!o->chunk_count)
		o->chunk_count = CHUNK_COUNT;
	if (!o->max_bytes)
		o->max_bytes = MAX_BYTES;
	if (!o->name)
		o->name = batch->transaction.name;
	if (!copy_text(batch, &o->name) || !copy_text(batch, &batch->transaction.as_of))
		return cx_error_nomem(err);
	batch->transaction.name = o->name;
	return CDBC_OK;
}

cdbc_status cdbc_batch_new(cdbc_session *session, const cdbc_batch_options *options,
						   cdbc_batch **out, cdbc_error **err)
{
	cdbc_batch *batch = cx_calloc(1, sizeof *batch);
	cdbc_status status;

	if (!batch)
		return cx_error_nomem(err);
	batch->session = session;
	status = set_options(batch, options, err);
	if (status) {
		cdbc_batch_free(batch);
		return status;
	}
	*out = batch;
	return CDBC_OK;
}

static void drop_items(cdbc_batch *batch, size_t count)
{
	while (batch->count > count) {
		const cx_batch_item *item = &batch->items[--batch->count];

		if (!item->query) /* ours since it was added; a query's is its catalog's */
			cx_statement_unref((cx_statement *)(uintptr_t)item->statement);
	}
}

void cdbc_batch_clear(cdbc_batch *batch)
{
	drop_items(batch, 0);
	cx_arena_free(&batch->arena);
	cdbc_catalog_free(batch->catalog);
	batch->catalog = NULL;
	batch->last_file = NULL;
	batch->bytes = 0;
}

void cdbc_batch_free(cdbc_batch *batch)
{
	if (!batch)
		return;
	cdbc_batch_clear(batch);
	cx_batch_drop_held(batch);
	for (size_t i = 0; i < batch->held_capacity; i++)
		cx_free(batch->held[i].arrays);
	cx_free(batch->held);
	cx_free(batch->requests);
	cx_free(batch->folds);
	cx_free(batch->items);
	cx_arena_free(&batch->own);
	cx_free(batch);
}

int64_t cdbc_batch_count(const cdbc_batch *batch)
{
	return (int64_t)batch->count;
}

cdbc_call cx_batch_call(const cdbc_batch *batch, size_t index)
{
	const cx_batch_item *item = &batch->items[index];

	return (cdbc_call){.session = batch->session,
					   .name = item->query ? item->query->info.name : NULL,
					   .query = item->query,
					   .statement = item->statement,
					   .values = item->values,
					   .deadline_ns = batch->deadline_ns,
					   .attempt = 1};
}

/* ---- values ---- */

/* What the value points at is copied into the arena; *bytes grows by what it takes. False: out of
 * memory. */
static bool own(cdbc_batch *batch, cdbc_value *value, int64_t *bytes)
{
	size_t count = value->as.array.count, length = value->as.text.length;
	const char *text = length ? value->as.text.data : "";
	cdbc_value *items;

	if (value->kind == CDBC_VALUE_TEXT || value->kind == CDBC_VALUE_BYTES) {
		*bytes += (int64_t)length;
		value->as.text.data = cx_arena_strndup(&batch->arena, text, length);
		return value->as.text.data != NULL;
	}
	if (value->kind != CDBC_VALUE_ARRAY)
		return true;
	items = cx_arena_array(&batch->arena, count, sizeof *items);
	if (!items)
		return false;
	*bytes += (int64_t)(count * sizeof *items);
	for (size_t i = 0; i < count; i++) {
		items[i] = value->as.array.items[i];
		if (!own(batch, &items[i], bytes))
			return false;
	}
	value->as.array.items = items;
	return true;
}

/* Keeps a statement with copies of its values, or with those that are its own already, which then
 * get their types. */
static cdbc_status keep(cdbc_batch *batch, const cdbc_call *call, const cx_batch_owned *owned,
						cdbc_error **err)
{
	size_t count = call->statement->param_count;
	int64_t bytes = (int64_t)sizeof(cx_batch_item) + (owned ? owned->bytes : 0);
	cdbc_value *values = owned ? owned->values : NULL;

	if (!cx_grow(&batch->items, batch->count, &batch->capacity, sizeof *batch->items))
		return cx_error_nomem(err);
	if (count && !owned) {
		values = cx_arena_array(&batch->arena, count, sizeof *values);
		if (!values)
			return cx_error_nomem(err);
	}
	for (size_t i = 0; i < count; i++) {
		if (owned) {
			values[i].type = call->values[i].type;
			continue;
		}
		values[i] = call->values[i];
		bytes += (int64_t)sizeof *values;
		if (values[i].kind >= CDBC_VALUE_TEXT && !own(batch, &values[i], &bytes))
			return cx_error_nomem(err);
	}
	if (!call->query)
		bytes += (int64_t)(sizeof *call->statement + call->statement->sql_length);
	batch->items[batch->count++] =
		(cx_batch_item){.query = call->query, .statement = call->statement, .values = values};
	batch->bytes += bytes;
	return CDBC_OK;
}

/* ---- what may be added ---- */

static cdbc_status check_statement(const cdbc_batch *batch, const cx_statement *statement,
								   cdbc_error **err)
{
	if (statement->statement_count != 1) {
		cx_error_set(err, CDBC_USAGE,
					 "a batch takes one statement at a time, and this text has %zu",
					 statement->statement_count);
		cx_error_hint(err, "cdbc_batch_add_file splits scripts");
		return CDBC_USAGE;
	}
	if (statement->kind == CDBC_KIND_COPY)
		return cx_error_set(err, CDBC_USAGE, "a batch takes no COPY");
	if (batch->options.is_atomic &&
		(statement->kind == CDBC_KIND_TRANSACTION || statement->flags & CDBC_REQUEST_COMMITS))
		return cx_error_set(err, CDBC_USAGE,
							"an atomic batch begins and ends its transaction itself");
	return CDBC_OK;
}

cdbc_status cx_batch_check_room(const cdbc_batch *batch, cdbc_error **err)
{
	if (batch->session->is_busy)
		return cx_session_check_free(batch->session, err);
	if (batch->bytes < batch->options.max_bytes)
		return CDBC_OK;
	cx_error_set(err, CDBC_RESOURCE, "the batch is full: %lld statements, %lld bytes",
				 (long long)batch->count, (long long)batch->bytes);
	cx_error_hint(err, "execute and clear it, then add again; or raise max_bytes");
	return CDBC_RESOURCE;
}

static cdbc_value *values_room(size_t count, cdbc_value *few, cdbc_error **err)
{
	cdbc_value *many = few;

	if (count > FEW_VALUES)
		many = cx_calloc(count, sizeof *many);
	if (!many)
		cx_error_nomem(err);
	return many;
}

cdbc_status cdbc_batch_add(cdbc_batch *batch, const char *name, cdbc_params params,
						   cdbc_error **err)
{
	cdbc_value few[FEW_VALUES], *values;
	cdbc_session *session = batch->session;
	cdbc_call call = {.session = session};
	const cx_dialect *dialect;
	cdbc_status status = cx_batch_check_room(batch, err);

	if (!status)
		status = cx_session_find(session, name, &call, &dialect, err);
	if (status)
		return status;
	if (batch->catalog != session->catalog) { /* all of a batch are from one generation */
		if (batch->catalog) {
			const cdbc_catalog *held = batch->catalog;

			status = cx_catalog_find(held, name, dialect ? dialect : &cx_dialect_postgresql,
									 &call.query, err);
			if (status)
				return status;
			call.name = call.query->info.name;
		} else {
			batch->catalog = cx_catalog_ref(session->catalog);
		}
	}
	values = values_room(cx_query_room(call.query), few, err);
	if (!values)
		return CDBC_NOMEM;
	status = cx_session_bind(session, &call, dialect, params, values, err);
	call.values = values;
	if (!status)
		status = check_statement(batch, call.statement, err);
	if (!status)
		status = keep(batch, &call, NULL, err);
	if (values != few)
		cx_free(values);
	return status;
}

cdbc_status cx_batch_add_text(cdbc_batch *batch, const char *sql, size_t length, cdbc_params params,
							  const cx_batch_owned *owned, cdbc_error **err)
{
	cdbc_value few[FEW_VALUES], *values = NULL;
	cdbc_session *session = batch->session;
	cdbc_call call = {.session = session};
	const cdbc_client *client = session->client;
	const cx_dialect *dialect;
	cx_statement *statement = NULL;
	cdbc_status status = cx_batch_check_room(batch, err);

	if (!status)
		status = cx_session_dialect(session, &call, &dialect, err);
	if (!status)
		status = cx_statements_get(client->statements, cx_client_writes(client, dialect), sql,
								   length, &statement, err);
	if (status)
		return status;
	values = values_room(statement->param_count, few, err);
	status = values ? check_statement(batch, statement, err) : CDBC_NOMEM;
	if (!status)
		status = cx_session_bind_text(session, statement, params, values, err);
	call.statement = statement;
	call.values = values;
	if (!status)
		status = keep(batch, &call, owned, err);
	if (status)
		cx_statement_unref(statement);
	if (values != few)
		cx_free(values);
	return status;
}

cdbc_status cdbc_batch_add_text(cdbc_batch *batch, const char *sql, size_t length,
								cdbc_params params, cdbc_error **err)
{
	return cx_batch_add_text(batch, sql, length, params, NULL, err);
}

cdbc_status cdbc_batch_add_sql(cdbc_batch *batch, const char *sql, cdbc_params params,
							   cdbc_error **err)
{
	return cdbc_batch_add_text(batch, sql, strlen(sql), params, err);
}

/* ---- places ---- */

cdbc_status cdbc_batch_place(cdbc_batch *batch, const char *file, int64_t line, int64_t column,
							 cdbc_error **err)
{
	cx_batch_item *item;

	if (batch->count == 0)
		return cx_error_set(err, CDBC_USAGE, "batch: no statement was added");
	item = &batch->items[batch->count - 1];
	if (file && (!batch->last_file || strcmp(batch->last_file, file) != 0)) {
		batch->last_file = cx_arena_strdup(&batch->arena, file);
		if (!batch->last_file)
			return cx_error_nomem(err);
	}
	item->file = file ? batch->last_file : NULL;
	item->line = line;
	item->column = column;
	return CDBC_OK;
}

/* The place in the file of a character of the statement, from 1. Only where its text went as it is
 * written, and stands so in the file. */
static void advance(const cx_batch_item *item, int64_t position, int64_t *line, int64_t *column)
{
	const char *sql = item->statement->sql, *from = sql, *p = sql;

	if (item->query || item->statement->param_count || item->column == 0)
		return;
	for (; *p; p++)
		if (((unsigned char)*p & 0xc0) != 0x80) {
			if (--position <= 0)
				break;
			if (*p == '\n') {
				(*line)++;
				from = p + 1;
			}
		}
	*column = (int64_t)cx_column(from, 0, (size_t)(p - from)) + (from == sql ? *column - 1 : 0);
}

void cx_batch_name(const cdbc_batch *batch, size_t index, bool is_named, cdbc_error **err)
{
	const cx_batch_item *item = &batch->items[index];
	const cdbc_error *error = err ? *err : NULL;
	int64_t line = item->line, column = item->column;
	char at[24] = "";

	if (item->query && !is_named) {
		cx_error_field(err, CDBC_FIELD_STATEMENT, item->query->info.name);
		cx_error_wrap(err, "query \"%s\"", item->query->info.name);
	}
	if (line > 0) {
		if (error && cdbc_error_position(error) > 0)
			advance(item, cdbc_error_position(error), &line, &column);
		if (column > 0)
			snprintf(at, sizeof at, ":%lld", (long long)column);
		cx_error_wrap(err, "%s%s%lld%s", item->file ? item->file : "", item->file ? ":" : "",
					  (long long)line, at);
		if (!error || cdbc_error_line(error) == 0) /* a query's has its own */
			cx_error_place(err, item->file, line, column);
	} else {
		cx_error_wrap(err, "statement %zu of %zu", index + 1, batch->count);
	}
	if (batch->options.name)
		cx_error_wrap(err, "batch \"%s\"", batch->options.name);
}

/* ---- a script ---- */

static cdbc_status read_script(const char *path, cx_buf *out, cdbc_error **err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[PIECE_BYTES];
	cdbc_status status;
	ssize_t n;

	if (fd < 0)
		return cx_error_set(err, CDBC_IO, "%s: %s", path, strerror(errno));
	while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			cx_buf_put(out, piece, (size_t)n);
	close(fd);
	if (n < 0)
		return cx_error_set(err, CDBC_IO, "%s: %s", path, strerror(errno));
	cx_buf_put(out, "", 0);
	status = cx_buf_status(out, path, err);
	return status;
}

static cdbc_status add_pieces(cdbc_batch *batch, const char *path, const cx_buf *text,
							  cdbc_error **err)
{
	cx_splitter splitter;
	const cx_lexer *lexer = &splitter.lexer;
	cdbc_status status = CDBC_OK;
	cx_piece piece;

	cx_splitter_init(&splitter, text->data, text->length);
	while (!status && cx_splitter_next(&splitter, &piece)) {
		if (piece.length == 0)
			continue;
		status = cdbc_batch_add_text(batch, piece.text, piece.length, CDBC_NO_PARAMS, err);
		if (!status)
			status = cdbc_batch_place(batch, path, (int64_t)piece.line, (int64_t)piece.column, err);
		else
			cx_error_wrap(err, "%s:%zu:%zu", path, piece.line, piece.column);
	}
	if (!status && lexer->error.message)
		status =
			cx_error_set(err, CDBC_SQL_FILE, "%s:%zu:%zu: %s", path, lexer->error.line,
						 lexer->error.offset - lexer->error.line_start + 1, lexer->error.message);
	return status;
}

cdbc_status cdbc_batch_add_file(cdbc_batch *batch, const char *path, cdbc_error **err)
{
	cx_buf text = CX_BUF_INIT(FILE_MAX_BYTES);
	size_t count = batch->count;
	int64_t bytes = batch->bytes;
	cdbc_status status = read_script(path, &text, err);

	if (!status)
		status = add_pieces(batch, path, &text, err);
	if (status) {
		drop_items(batch, count);
		batch->bytes = bytes;
	}
	cx_buf_free(&text);
	return status;
}

/* ---- running it ---- */

/* Every link has its say, before anything is sent. */
static cdbc_status ask_links(cdbc_batch *batch, cdbc_error **err)
{
	const cx_chain *chain = &batch->session->client->chain;

	for (size_t i = 0; i < batch->count; i++) {
		cdbc_call call = cx_batch_call(batch, i);
		cdbc_status status = cx_chain_allow(chain, &call, err);

		if (status) {
			cx_batch_name(batch, i, true, err);
			return status;
		}
	}
	return CDBC_OK;
}

static cdbc_status check_execute(cdbc_batch *batch, cdbc_error **err)
{
	cdbc_session *session = batch->session;

	if (session->is_busy)
		return cx_session_check_free(session, err);
	batch->was_in_tx = cx_session_in_transaction(session);
	if (batch->options.is_atomic && batch->count && !batch->was_in_tx)
		return cx_session_tx_check_begin(session, err);
	return CDBC_OK;
}

/* Nothing of the batch may be repeated by whoever called when a part of it is in. */
static void judge_whole(cdbc_batch *batch)
{
	const cdbc_batch_summary *s = &batch->summary;

	if (batch->error && s->done_count + s->unknown_count > 0 &&
		s->done_count + s->unknown_count < s->statement_count)
		cx_error_outcome(&batch->error, cdbc_error_outcome(batch->error), CDBC_REPLAY_NO);
}

static void begin(cdbc_batch *batch, cdbc_batch_on_result on_result, void *data)
{
	cdbc_session *session = batch->session;
	int64_t timeout_ms =
		batch->options.timeout_ms ? batch->options.timeout_ms : session->timeout_ms;

	batch->on_result = on_result;
	batch->data = data;
	batch->error = NULL;
	batch->is_over = batch->is_silenced = batch->is_handed = batch->is_unfolded = false;
	batch->attempt = 1;
	batch->cancel_count = cx_session_cancel_count(session);
	batch->deadline_ns = cx_session_deadline(timeout_ms);
	if (session->tx.depth)
		batch->deadline_ns = cx_deadline_sooner(batch->deadline_ns, session->tx.deadline_ns);
	else
		session->has_lost_state = false;
	batch->mark = (cx_batch_mark){0};
	batch->is_watched = session->client->events.wanted & CX_WATCHED;
	batch->summary = (cdbc_batch_summary){.struct_size = sizeof batch->summary,
										  .statement_count = (int64_t)batch->count,
										  .attempt_count = 1};
}

static void give_summary(const cdbc_batch *batch, cdbc_batch_summary *out)
{
	size_t size = out->struct_size;

	memcpy(out, &batch->summary, size < sizeof *out ? size : sizeof *out);
	out->struct_size = size;
}

cdbc_status cdbc_batch_execute(cdbc_batch *batch, cdbc_batch_on_result on_result, void *data,
							   cdbc_batch_summary *summary, cdbc_error **err)
{
	cdbc_session *session = batch->session;
	cdbc_status status;

	begin(batch, on_result, data);
	status = check_execute(batch, &batch->error);
	if (!status && session->client->chain.takes_batches && session->client->chain.asks)
		status = ask_links(batch, &batch->error);
	if (!status && batch->count) {
		cx_batch_send(batch);
		cx_batch_fold_forget(batch);
	}
	batch->summary.not_sent_count = batch->summary.statement_count -
									(batch->summary.done_count + batch->summary.failed_count +
									 batch->summary.undone_count + batch->summary.unknown_count);
	judge_whole(batch);
	if (summary)
		give_summary(batch, summary);
	status = batch->error ? cdbc_error_status(batch->error) : CDBC_OK;
	if (batch->error)
		cx_session_failed(session, status, batch->error, err);
	batch->error = NULL;
	return status;
}
