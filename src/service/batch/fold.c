// SPDX-License-Identifier: Apache-2.0
/* Rows that follow each other, by one INSERT, as one statement with an array a column. Only where
 * the database's catalogue shows that nothing can tell the difference; what that takes is in the
 * question below. Knows nothing of how the statements go. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/insert.h"
#include "service/batch/batch.h"

#include <stdio.h>
#include <string.h>

#define SQL_MAX        ((size_t)1 << 20)
#define PART_MAX       1000 /* rows of one statement */
#define PART_MAX_BYTES ((int64_t)4 << 20)

/* A column of the table. */
typedef struct column {
	const char *name;
	const char *type; /* NULL: its arrays are not taken apart, or read, as its values are */
	bool has_plain_default;
} column;

typedef struct table {
	const char *schema, *name; /* name NULL: rows of it do not go as arrays */
	column *columns;
	size_t count, capacity;
} table;

/* A table's columns, or no row when more than the rows' own values decides what becomes of them:
 * - triggers (of statements: they run once; of rows: those that run after see the rows that
 *   follow), rules, row security, views and partitioned tables (a partition has its own);
 * - a foreign key to the table itself: looked at when all rows are there. Old CockroachDB has
 *   triggers, but does not list them.
 * A type has none when its array is written with another comma, its name alone means another
 * length, or it is an array or a domain. A default is plain when it is the same for one statement
 * as for many: statement_timestamp() is not, and of a function of the user's nobody knows. */
static const char question[] =
	"SELECT n.nspname::text, c.relname::text, a.attname::text,"
	" CASE WHEN t.typtype IN ('b', 'e', 'r', 'm') AND t.typcategory <> 'A' AND t.typarray <> 0"
	" AND t.typdelim = ',' AND t.typname NOT IN ('char', 'bit')"
	" THEN CASE WHEN s.nspname = 'pg_catalog' THEN t.typname::text"
	" ELSE quote_ident(s.nspname::text) || '.' || quote_ident(t.typname::text) END END,"
	" NOT a.atthasdef OR a.attgenerated <> '' OR pg_get_expr(d.adbin, d.adrelid) ~*"
	" '^(nextval\\(''[^'']*''::regclass\\)|now\\(\\)|clock_timestamp\\(\\)|current_timestamp"
	"|current_date|(gen_random_uuid|uuid_generate_v4)\\(\\)"
	"|unique_rowid\\(\\)|''([^'']|'''')*''|-?[0-9.]+|true|false|null)"
	"(:::?[a-z0-9_ .\"()\\[\\]]+)?$'"
	" FROM pg_catalog.pg_class c"
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
	" AND NOT a.attisdropped"
	" JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
	" JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace"
	" LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
	" WHERE c.oid = CAST(CAST($1 AS text) AS regclass)::oid AND c.relkind = 'r'"
	" AND NOT c.relhasrules AND NOT c.relrowsecurity"
	" AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid"
	" AND NOT g.tgisinternal AND g.tgtype & 4 <> 0)"
	" AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid"
	" AND k.contype = 'f' AND k.confrelid = c.oid)"
	" AND version() !~ '^CockroachDB .* v(24\\.[34]|25\\.[12])\\.'"
	" ORDER BY a.attnum";

/* ---- asking ---- */

static const char *keep_text(cx_arena *arena, cdbc_result *result, size_t at)
{
	cdbc_text text = cdbc_result_text(result, at);

	return cx_arena_strndup(arena, text.data, text.length);
}

static bool keep_column(cx_arena *arena, cdbc_result *result, table *out)
{
	column *to;

	if (!cx_grow(&out->columns, out->count, &out->capacity, sizeof *out->columns))
		return false;
	to = &out->columns[out->count++];
	*to = (column){.has_plain_default =
					   !cdbc_result_is_null(result, 4) && cdbc_result_bool(result, 4)};
	if (!out->name) {
		out->schema = keep_text(arena, result, 0);
		out->name = keep_text(arena, result, 1);
	}
	to->name = keep_text(arena, result, 2);
	if (!cdbc_result_is_null(result, 3))
		to->type = keep_text(arena, result, 3);
	return out->schema && out->name && to->name && (to->type || cdbc_result_is_null(result, 3));
}

static cdbc_status read_table(cdbc_batch *batch, cdbc_result *result, table *out, cdbc_error **err)
{
	while (cdbc_result_next(result, err))
		if (!keep_column(&batch->fold_arena, result, out))
			return cx_error_nomem(err);
	return result->state == CX_RESULT_FAILED ? cdbc_error_status(*err) : CDBC_OK;
}

/* err is not NULL. */
static cdbc_status ask(cdbc_batch *batch, const char *name, table *out, cdbc_error **err)
{
	cdbc_session *session = batch->session;
	cx_run run = {.lease = &session->lease, .deadline_ns = batch->deadline_ns};
	cdbc_value value = cdbc_string(name);
	cx_statement *statement = NULL;
	cdbc_request request;
	cdbc_result result;
	cdbc_status status;

	status = cx_statements_get(session->client->statements, &cx_dialect_postgresql, question,
							   sizeof question - 1, &statement, err);
	if (status)
		return status;
	request = (cdbc_request){.struct_size = sizeof request,
							 .sql = statement->sql,
							 .sql_length = statement->sql_length,
							 .statement_id = statement->id,
							 .values = &value,
							 .value_count = 1,
							 .kind = CDBC_KIND_SELECT,
							 .flags = CDBC_REQUEST_READ_ONLY | CDBC_REQUEST_SMALL_RESULT};
	status = cx_run_start(&run, &request, &result, err);
	if (!status) {
		status = read_table(batch, &result, out, err);
		cx_run_close(&run, &result);
	}
	cx_statement_unref(statement);
	return status;
}

/* ---- a plan ---- */

static const column *find_column(const table *from, const char *name)
{
	for (size_t i = 0; i < from->count; i++)
		if (strcmp(from->columns[i].name, name) == 0)
			return &from->columns[i];
	return NULL;
}

/* What its array holds: what the parameter is declared to be, else what the column is. */
static const char *type_of(cdbc_type_id declared, const column *to)
{
	switch (declared) {
	case CDBC_TYPE_UNKNOWN:
	case CDBC_TYPE_OTHER:
		return to->type;
	case CDBC_TYPE_JSON:
		return to->type ? "jsonb" : NULL;
	default:
		return to->type ? cdbc_type_name(declared) : NULL;
	}
}

/* Whether what has no value of its own gets the same in any case. */
static bool are_defaults_plain(const table *from, const char *const *named, size_t count)
{
	for (size_t i = 0; i < from->count; i++) {
		bool is_named = false;

		for (size_t k = 0; k < count && !is_named; k++)
			is_named = strcmp(from->columns[i].name, named[k]) == 0;
		if (!is_named && !from->columns[i].has_plain_default)
			return false;
	}
	return true;
}

/* The columns and types of the statement with arrays; false: it is not to be. */
static bool match(const cdbc_batch *batch, size_t index, const table *from, const cx_insert *insert,
				  const char **columns, const char **types, bool *takes_bytes)
{
	const cx_batch_item *item = &batch->items[index];

	if (!from->name || insert->count > from->count)
		return false;
	for (size_t i = 0; i < insert->count; i++) {
		const column *to =
			insert->columns ? find_column(from, insert->columns[i]) : &from->columns[i];
		size_t param = insert->params[i];

		if (!to || param >= item->statement->param_count)
			return false;
		columns[i] = to->name;
		types[i] = type_of(item->values[param].type.id, to);
		if (!types[i])
			return false;
		takes_bytes[i] = strcmp(types[i], "bytea") == 0 || strcmp(types[i], "uuid") == 0;
	}
	return are_defaults_plain(from, columns, insert->count);
}

static const cx_dialect *dialect_of(const cdbc_batch *batch)
{
	const cdbc_client *client = batch->session->client;
	const cx_dialect *dialect = atomic_load_explicit(&client->dialect, memory_order_relaxed);

	if (!dialect || dialect->form != CX_FORM_DOLLAR || client->presumed->form != CX_FORM_DOLLAR ||
		dialect->api.rows != cx_dialect_rows_unnest)
		return NULL;
	return dialect == &cx_dialect_other[0] ? NULL : dialect;
}

static cdbc_status write_statement(cdbc_batch *batch, cx_fold *fold, const table *to,
								   const char **columns, const char **types, cdbc_error **err)
{
	const cx_dialect *dialect = dialect_of(batch);
	cdbc_dialect_insert insert = CDBC_DIALECT_INSERT_INIT;
	cx_buf sql = CX_BUF_INIT(SQL_MAX);
	cdbc_sink sink = cx_dialect_sink(&sql);
	cdbc_status status;

	insert.schema = to->schema;
	insert.table = to->name;
	insert.columns = columns;
	insert.types = types;
	insert.column_count = fold->count;
	status = dialect->api.rows(&dialect->api, &insert, &sink, err);
	if (!status)
		status = cx_buf_status(&sql, "statement", err);
	if (!status)
		status = cx_statements_get(batch->session->client->statements, dialect, sql.data,
								   sql.length, &fold->statement, err);
	cx_buf_free(&sql);
	return status;
}

static cdbc_status make(cdbc_batch *batch, size_t index, cx_fold *fold, cdbc_error **err)
{
	const cx_statement *statement = batch->items[index].statement;
	cx_arena *arena = &batch->fold_arena;
	const char **columns, **types;
	table to = {0};
	cx_insert insert;
	cdbc_status status = cx_insert_read(statement->sql, statement->sql_length, arena, &insert, err);

	/* which columns are meant when none is named, CockroachDB's hidden ones make hard to say */
	if (status || !insert.table ||
		(!insert.columns && dialect_of(batch) == &cx_dialect_cockroachdb))
		return status;
	status = ask(batch, insert.table, &to, err);
	columns = cx_arena_calloc(arena, insert.count, sizeof *columns);
	types = cx_arena_calloc(arena, insert.count, sizeof *types);
	fold->takes_bytes = cx_arena_calloc(arena, insert.count, sizeof *fold->takes_bytes);
	fold->params = insert.params;
	fold->count = insert.count;
	fold->types = batch->items[index].values;
	if (!status && (!columns || !types || !fold->takes_bytes))
		status = cx_error_nomem(err);
	if (!status && match(batch, index, &to, &insert, columns, types, fold->takes_bytes))
		status = write_statement(batch, fold, &to, columns, types, err);
	cx_free(to.columns);
	return status;
}

/* ---- which ---- */

static bool is_same(const cx_batch_item *a, const cx_batch_item *b)
{
	return a->statement == b->statement && a->query == b->query;
}

static bool may_be_one(const cx_batch_item *item)
{
	const cx_query *query = item->query;

	return item->statement->kind == CDBC_KIND_DML && item->statement->param_count > 0 &&
		   !(item->statement->flags & (CDBC_REQUEST_CHANGES_SESSION | CDBC_REQUEST_READ_ONLY)) &&
		   (!query || query->info.cardinality == CDBC_MANY ||
			query->info.cardinality == CDBC_EXEC || query->info.cardinality == CDBC_EXEC_ROWS ||
			query->info.cardinality == CDBC_BATCH);
}

static cx_fold *find(const cdbc_batch *batch, const cx_batch_item *item)
{
	for (size_t i = 0; i < batch->fold_count; i++)
		if (batch->folds[i].of == item->statement && batch->folds[i].query == item->query)
			return &batch->folds[i];
	return NULL;
}

static size_t same_count(const cdbc_batch *batch, size_t at, size_t end)
{
	size_t count = 1;

	while (at + count < end && is_same(&batch->items[at], &batch->items[at + count]))
		count++;
	return count;
}

static cdbc_status plan(cdbc_batch *batch, size_t index, cdbc_error **err)
{
	const cx_batch_item *item = &batch->items[index];
	cdbc_error *error = NULL;
	cx_fold fold = {.of = item->statement, .query = item->query};
	cdbc_status status;

	if (!cx_grow(&batch->folds, batch->fold_count, &batch->fold_capacity, sizeof fold))
		return cx_error_nomem(err);
	status = make(batch, index, &fold, &error);
	switch (status) {
	case CDBC_OK:
		break;
	case CDBC_NOMEM:
	case CDBC_CANCELLED:
	case CDBC_TIMEOUT:
	case CDBC_CONNECT:
		cx_error_pass(err, error);
		return status;
	default: /* what cannot be asked or written goes as it is */
		cdbc_error_free(error);
	}
	batch->folds[batch->fold_count++] = fold;
	return CDBC_OK;
}

cdbc_status cx_batch_fold_plan(cdbc_batch *batch, size_t first, size_t count, cdbc_error **err)
{
	size_t end = first + count, same;

	if (batch->options.is_row_by_row || batch->is_unfolded || !dialect_of(batch))
		return CDBC_OK;
	for (size_t i = first; i < end; i += same) {
		cdbc_status status;

		same = same_count(batch, i, end);
		if (same < CX_FOLD_LEAST || batch->fold_count == CX_FOLDS_MAX ||
			!may_be_one(&batch->items[i]) || find(batch, &batch->items[i]))
			continue;
		status = plan(batch, i, err);
		if (!status)
			continue;
		cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT,
						 status == CDBC_CONNECT ? CDBC_REPLAY_SAFE : CDBC_REPLAY_NO);
		return status;
	}
	return CDBC_OK;
}

void cx_batch_fold_forget(cdbc_batch *batch)
{
	for (size_t i = 0; i < batch->fold_count; i++)
		cx_statement_unref(batch->folds[i].statement);
	batch->fold_count = 0;
	cx_arena_free(&batch->fold_arena);
}

/* ---- parts ---- */

/* Whether a row's values are of the kinds that the plan was made for. */
static bool fits(const cx_fold *fold, const cx_batch_item *item, int64_t *bytes)
{
	for (size_t i = 0; i < fold->count; i++) {
		const cdbc_value *value = &item->values[fold->params[i]];

		if (value->type.id != fold->types[fold->params[i]].type.id || value->type.is_array ||
			value->kind == CDBC_VALUE_ARRAY ||
			(value->kind == CDBC_VALUE_BYTES && !fold->takes_bytes[i]))
			return false;
		*bytes += 16;
		if (value->kind == CDBC_VALUE_TEXT || value->kind == CDBC_VALUE_BYTES)
			*bytes += (int64_t)value->as.text.length;
	}
	return true;
}

/* How many from at go together, at least 1, and how. */
static size_t part_count(const cdbc_batch *batch, size_t at, size_t end, const cx_fold **fold)
{
	const cx_batch_item *item = &batch->items[at];
	const cx_fold *found = find(batch, item);
	size_t count = 0;
	int64_t bytes = 0;

	*fold = NULL;
	if (!found || !found->statement)
		return 1;
	while (at + count < end && count < PART_MAX && bytes < PART_MAX_BYTES &&
		   is_same(item, &batch->items[at + count]) &&
		   fits(found, &batch->items[at + count], &bytes))
		count++;
	if (count < CX_FOLD_LEAST)
		return 1;
	*fold = found;
	return count;
}

static cdbc_status fill(cdbc_batch *batch, const cx_fold *fold, size_t at, size_t count,
						cx_arena *arena, cdbc_request *out, cdbc_error **err)
{
	cdbc_value *arrays = cx_arena_calloc(arena, fold->count, sizeof *arrays);

	if (!arrays)
		return cx_error_nomem(err);
	for (size_t i = 0; i < fold->count; i++) {
		cdbc_value *items = cx_arena_alloc(arena, count * sizeof *items);

		if (!items)
			return cx_error_nomem(err);
		for (size_t row = 0; row < count; row++)
			items[row] = batch->items[at + row].values[fold->params[i]];
		arrays[i] = cdbc_array(items, count);
	}
	cx_batch_requests(batch, at, 1, out);
	out->sql = fold->statement->sql;
	out->sql_length = fold->statement->sql_length;
	out->statement_id = fold->statement->id;
	out->values = arrays;
	out->value_count = fold->count;
	return CDBC_OK;
}

static bool has_fold(const cdbc_batch *batch)
{
	for (size_t i = 0; i < batch->fold_count; i++)
		if (batch->folds[i].statement)
			return true;
	return false;
}

cdbc_status cx_batch_fold(cdbc_batch *batch, size_t first, size_t count, cx_arena *arena,
						  cdbc_request *requests, cx_batch_part **parts, size_t *request_count,
						  cdbc_error **err)
{
	size_t end = first + count, n = 0;
	cx_batch_part *made;

	*parts = NULL;
	*request_count = count;
	if (batch->options.is_row_by_row || batch->is_unfolded || !has_fold(batch)) {
		cx_batch_requests(batch, first, count, requests);
		return CDBC_OK;
	}
	made = cx_arena_alloc(arena, count * sizeof *made);
	if (!made)
		return cx_error_nomem(err);
	for (size_t at = first; at < end; at += made[n++].count) {
		const cx_fold *fold;
		cdbc_status status = CDBC_OK;

		made[n] = (cx_batch_part){.at = at - first, .count = part_count(batch, at, end, &fold)};
		if (fold)
			status = fill(batch, fold, at, made[n].count, arena, &requests[n], err);
		else
			cx_batch_requests(batch, at, 1, &requests[n]);
		if (status)
			return status;
	}
	*parts = made;
	*request_count = n;
	return CDBC_OK;
}

/* ---- answers ---- */

void cx_batch_hold_part(cdbc_batch *batch, size_t first, size_t count, int64_t affected_count)
{
	bool is_whole = affected_count == (int64_t)count;
	cdbc_summary summary = {.struct_size = sizeof summary,
							.affected_count = is_whole ? 1 : -1,
							.position = CDBC_POSITION_DONE,
							.tx_before = CDBC_TX_OPEN};

	snprintf(summary.tag, sizeof summary.tag, is_whole ? "INSERT 0 1" : "INSERT");
	cx_batch_hold_alike(batch, first, count, &summary);
}
