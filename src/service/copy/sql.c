// SPDX-License-Identifier: Apache-2.0
/* The names in the SQL of bulk copy. What a copy does with its statements does not belong here. */
#include "service/copy/sql.h"

#include "base/alloc.h"
#include "base/error.h"
#include "service/copy/copy.h"

#include <strings.h>

/* One part of a table's name, from *p to the dot or the end. */
static cdbc_status read_part(const char **p, const char *table, cx_buf *part, cdbc_error **err)
{
	cx_buf_clear(part);
	if (**p == '"') {
		for (++*p; **p && (**p != '"' || (*p)[1] == '"'); ++*p) {
			*p += **p == '"';
			cx_buf_putc(part, **p);
		}
		if (**p != '"')
			return cx_error_set(err, CDBC_USAGE, "a quote of the table's name is not closed");
		++*p;
	} else {
		for (; **p && **p != '.' && **p != '"'; ++*p)
			cx_buf_putc(part, **p >= 'A' && **p <= 'Z' ? (char)(**p + 32) : **p);
	}
	if (**p && **p != '.')
		return cx_error_set(err, CDBC_USAGE, "\"%s\" is no table's name", table);
	cx_buf_put(part, "", 0);
	return cx_buf_status(part, "table", err);
}

cdbc_status cx_copy_put_table(cx_buf *out, const cx_dialect *dialect, const char *table,
							  cdbc_error **err)
{
	cdbc_sink sink = cx_dialect_sink(out);
	cx_buf part = CX_BUF_INIT(CX_COPY_SQL_MAX);
	const char *p = table;
	cdbc_status status;

	for (;;) {
		status = read_part(&p, table, &part, err);
		if (!status)
			status = dialect->api.identifier(&dialect->api, part.data, part.length, &sink, err);
		if (status || !*p)
			break;
		cx_buf_putc(out, '.');
		p++;
	}
	cx_buf_free(&part);
	return status;
}

cdbc_status cx_copy_put_columns(cx_buf *out, const cx_dialect *dialect, const char *const *columns,
								size_t count, cdbc_error **err)
{
	cdbc_sink sink = cx_dialect_sink(out);
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < count; i++) {
		if (i)
			cx_buf_puts(out, ", ");
		status = dialect->api.identifier(&dialect->api, columns[i], strlen(columns[i]), &sink, err);
	}
	return status;
}

cdbc_status cx_copy_put_select(cx_buf *out, const cx_dialect *dialect, const char *table,
							   const char *const *columns, size_t count, cdbc_error **err)
{
	cdbc_status status;

	cx_buf_puts(out, count ? "SELECT " : "SELECT *");
	status = cx_copy_put_columns(out, dialect, columns, count, err);
	cx_buf_puts(out, " FROM ");
	if (!status)
		status = cx_copy_put_table(out, dialect, table, err);
	return status ? status : cx_buf_status(out, "statement", err);
}

/* ---- statements of copy in ---- */

/* Whether the words are a string's, whatever its length; else an enum's name is text, too. */
static bool is_string(const char *name)
{
	static const char *const words[] = {"text",   "character", "varchar", "char",
										"bpchar", "string",    "name"};
	size_t length = strcspn(name, "([ ");

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == length && strncasecmp(name, words[i], length) == 0)
			return true;
	return false;
}

/* What a text is cast to, so that assignment still checks its length: never with a modifier. */
static void put_cast(cx_buf *out, const cdbc_copy *copy, size_t i)
{
	const cdbc_type type = copy->types[i];
	const char *name = copy->type_names[i];
	bool is_named = type.id == CDBC_TYPE_OTHER || type.id == CDBC_TYPE_UNKNOWN ||
					(type.id == CDBC_TYPE_TEXT && !is_string(name));

	if (type.id == CDBC_TYPE_JSON && strncmp(name, "json", 4) == 0 && name[4] != 'b')
		cx_buf_puts(out, "json");
	else if (type.id == CDBC_TYPE_JSON)
		cx_buf_puts(out, "jsonb");
	else if (type.id == CDBC_TYPE_BYTES)
		cx_buf_puts(out, "bytea");
	else if (!is_named)
		cx_buf_puts(out, cdbc_type_name(type.id));
	else if (strncmp(name, "bit", 3) == 0 && (name[3] == '(' || !name[3] || name[3] == '['))
		cx_buf_puts(out, "varbit"); /* bit alone is bit(1) */
	else
		cx_buf_put(out, name, name[0] == '"' ? strcspn(name, "[") : strcspn(name, "(["));
	if (type.is_array)
		cx_buf_puts(out, "[]");
}

/* The rows as arrays of text, one a column: an array of arrays would lose its shape, and text is
 * what every type is read from. */
static void put_rows(cdbc_copy *copy)
{
	cx_buf_puts(&copy->sql, " SELECT ");
	for (size_t i = 0; i < copy->width; i++) {
		cx_buf_putf(&copy->sql, i ? ", CAST(c%zu AS " : "CAST(c%zu AS ", i + 1);
		put_cast(&copy->sql, copy, i);
		cx_buf_putc(&copy->sql, ')');
	}
	cx_buf_puts(&copy->sql, " FROM unnest(");
	for (size_t i = 0; i < copy->width; i++)
		cx_buf_putf(&copy->sql, i ? ", $%zu::text[]" : "$%zu::text[]", i + 1);
	cx_buf_puts(&copy->sql, ") AS r (");
	for (size_t i = 0; i < copy->width; i++)
		cx_buf_putf(&copy->sql, i ? ", c%zu" : "c%zu", i + 1);
	cx_buf_putc(&copy->sql, ')');
}

static void put_insert(cdbc_copy *copy)
{
	cx_buf_puts(&copy->sql, " VALUES (");
	for (size_t i = 1; i <= copy->width; i++)
		cx_buf_putf(&copy->sql, i > 1 ? ", $%zu" : "$%zu", i);
	cx_buf_putc(&copy->sql, ')');
}

static cdbc_copy_method method_of(const cdbc_copy *copy, const cx_dialect *dialect)
{
	const char *family = cx_dialect_family(dialect);
	bool can_copy = copy->session->client->driver->capabilities & CDBC_CAN_COPY;

	if (copy->options.method)
		return copy->options.method;
	if (strcmp(family, "postgresql") == 0 && can_copy)
		return CDBC_COPY_COPY;
	return strcmp(family, "cockroachdb") == 0 ? CDBC_COPY_ROWS : CDBC_COPY_INSERT;
}

static cdbc_status write_sql(cdbc_copy *copy, const cx_dialect *dialect, cdbc_error **err)
{
	cdbc_client *client = copy->session->client;
	cdbc_status status;

	cx_buf_puts(&copy->sql, copy->method == CDBC_COPY_COPY ? "COPY " : "INSERT INTO ");
	status = cx_copy_put_table(&copy->sql, dialect, copy->table, err);
	if (!status && copy->column_count) {
		cx_buf_puts(&copy->sql, " (");
		status = cx_copy_put_columns(&copy->sql, dialect, (const char *const *)copy->columns,
									 copy->column_count, err);
		cx_buf_putc(&copy->sql, ')');
	}
	if (status)
		return status;
	if (copy->method == CDBC_COPY_COPY)
		cx_buf_puts(&copy->sql, " FROM STDIN");
	else if (copy->method == CDBC_COPY_ROWS)
		put_rows(copy);
	else
		put_insert(copy);
	status = cx_buf_status(&copy->sql, "statement", err);
	return status ? status
				  : cx_statements_get(client->statements, cx_client_writes(client, dialect),
									  copy->sql.data, copy->sql.length, &copy->statement, err);
}

static cx_read_as kind_of(cdbc_type type)
{
	if (type.is_array)
		return type.id == CDBC_TYPE_JSON ? CX_READ_ARRAY_JSON : CX_READ_ARRAY;
	return type.id == CDBC_TYPE_JSON ? CX_READ_JSON : CX_READ_PLAIN;
}

static cdbc_status keep_types(cdbc_copy *copy, const cdbc_description *d, cdbc_error **err)
{
	const cx_field *fields = d->schema ? cx_schema_fields(d->schema) : NULL;
	size_t count = d->schema ? (size_t)d->schema->n_children : 0;

	if (!copy->width)
		copy->width = count;
	if (!fields || count != copy->width)
		return cx_error_set(err, CDBC_DATA, "%zu values for %zu columns", copy->width, count);
	copy->types = cx_calloc(count + 1, sizeof *copy->types);
	copy->kinds = cx_calloc(count + 1, sizeof *copy->kinds);
	copy->type_names = cx_calloc(count + 1, sizeof *copy->type_names);
	if (!copy->types || !copy->kinds || !copy->type_names)
		return cx_error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		copy->types[i] = fields[i].type;
		copy->kinds[i] = kind_of(fields[i].type);
		copy->type_names[i] =
			cx_strdup(fields[i].sql_type ? fields[i].sql_type : cdbc_type_name(fields[i].type.id));
		if (!copy->type_names[i])
			return cx_error_nomem(err);
	}
	return CDBC_OK;
}

/* Whether a cast needs the name of a type of the server's own, and describing did not give it. */
static bool lacks_names(const cdbc_copy *copy)
{
	for (size_t i = 0; i < copy->width; i++)
		if (copy->types[i].id == CDBC_TYPE_OTHER || copy->types[i].id == CDBC_TYPE_UNKNOWN ||
			(copy->types[i].id == CDBC_TYPE_TEXT && !is_string(copy->type_names[i])))
			return true;
	return false;
}

/* The name of one column's type out of a row of the catalogue. */
static cdbc_status take_name(cdbc_copy *copy, cdbc_result *names, size_t row, cdbc_error **err)
{
	cdbc_text name = cdbc_result_text(names, 0), type = cdbc_result_text(names, 1);
	char *kept;

	for (size_t i = 0; i < copy->width; i++) {
		if (copy->column_count ? strlen(copy->columns[i]) != name.length ||
									 memcmp(copy->columns[i], name.data, name.length) != 0
							   : i != row)
			continue;
		kept = cx_strndup(type.data, type.length);
		if (!kept)
			return cx_error_nomem(err);
		cx_free(copy->type_names[i]);
		copy->type_names[i] = kept;
	}
	return CDBC_OK;
}

/* Asks the catalogue for the types' names, without modifiers: as casts want them. */
static cdbc_status learn_names(cdbc_copy *copy, const cx_dialect *dialect, cdbc_error **err)
{
	static const char sql[] =
		"SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a "
		"WHERE a.attrelid = CAST(CAST($1 AS text) AS regclass) AND a.attnum > 0 AND "
		"NOT a.attisdropped ORDER BY a.attnum";
	cdbc_session *session = copy->session;
	cx_buf table = CX_BUF_INIT(CX_COPY_SQL_MAX);
	cx_statement *statement = NULL;
	cdbc_result *names = NULL;
	cdbc_value value;
	cdbc_call call = {
		.session = session, .values = &value, .deadline_ns = cx_copy_deadline(copy), .attempt = 1};
	cdbc_status status = cx_copy_put_table(&table, dialect, copy->table, err);

	if (!status)
		status = cx_statements_get(session->client->statements,
								   cx_client_writes(session->client, dialect), sql, strlen(sql),
								   &statement, err);
	value = cdbc_text_n(table.data, table.length);
	call.statement = statement;
	session->run.was_unknown = false;
	session->run.name = NULL;
	session->is_in_chain = true; /* nobody watches it by itself */
	if (!status)
		status = cx_session_execute(&call, &names, err);
	for (size_t row = 0; !status && cdbc_result_next(names, err); row++)
		status = take_name(copy, names, row, err);
	if (!status && !cdbc_result_is_complete(names))
		status = *err ? cdbc_error_status(*err) : cx_error_nomem(err);
	cdbc_result_free(names);
	session->is_in_chain = false;
	if (statement)
		cx_statement_unref(statement);
	cx_buf_free(&table);
	return status;
}

cdbc_status cx_copy_learn(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_session *session = copy->session;
	cdbc_request request = {.struct_size = sizeof request, .kind = CDBC_KIND_SELECT};
	cx_buf sql = CX_BUF_INIT(CX_COPY_SQL_MAX);
	cdbc_description *d = NULL;
	const cx_dialect *dialect;
	const cx_conn *conn;
	cdbc_status status;

	if (copy->types)
		return CDBC_OK;
	status = cx_session_connect(session, cx_copy_deadline(copy), err);
	if (status)
		return status;
	conn = session->lease.conn;
	dialect = atomic_load_explicit(&session->client->dialect, memory_order_relaxed);
	status = cx_copy_put_select(&sql, dialect, copy->table, (const char *const *)copy->columns,
								copy->column_count, err);
	request.sql = sql.data;
	request.sql_length = sql.length;
	if (!status) {
		cx_lease_start(&session->lease);
		status = conn->driver->describe(conn->handle, &request, cx_copy_deadline(copy), &d, err);
		cx_lease_stop(&session->lease);
		if (status)
			cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	}
	if (!status)
		status = keep_types(copy, d, err);
	if (d)
		d->release(d);
	cx_buf_free(&sql);
	return status;
}

cdbc_status cx_copy_prepare(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_session *session = copy->session;
	const cx_dialect *dialect;
	cdbc_status status;

	if (copy->statement)
		return CDBC_OK;
	status = cx_session_connect(session, cx_copy_deadline(copy), err);
	if (status)
		return status;
	dialect = atomic_load_explicit(&session->client->dialect, memory_order_relaxed);
	copy->method = method_of(copy, dialect);
	if (copy->method == CDBC_COPY_COPY && !(session->client->driver->capabilities & CDBC_CAN_COPY))
		return cx_error_set(err, CDBC_UNSUPPORTED, "driver %s has no COPY",
							session->client->driver->name);
	if (copy->method != CDBC_COPY_COPY)
		status = cx_copy_learn(copy, err);
	if (!status && copy->method == CDBC_COPY_ROWS && lacks_names(copy))
		status = learn_names(copy, dialect, err);
	if (!status)
		status = write_sql(copy, dialect, err);
	if (!status && copy->method != CDBC_COPY_COPY)
		copy->values = cx_calloc(copy->width, sizeof *copy->values);
	if (!status && copy->method != CDBC_COPY_COPY && !copy->values)
		status = cx_error_nomem(err);
	return status;
}
