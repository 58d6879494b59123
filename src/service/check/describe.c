// SPDX-License-Identifier: Apache-2.0
/* Asks a database what each statement of each query takes and gives. Describe only: nothing is
 * executed here. */
#include "base/alloc.h"
#include "base/column.h"
#include "base/error.h"
#include "data/sql/split.h"
#include "service/check/check.h"

#include <stdio.h>
#include <string.h>

#define WHEN_MAX 4000

typedef struct asker {
	cx_check check;
	cdbc_session *session;
	cdbc_descriptions *into;
	size_t query;         /* of the one that is asked about, in into */
	bool is_after_change; /* of a script: what is asked for may not be there yet */
} asker;

/* ---- One question --------------------------------------------------------------------------- */

/* Without types, the server says what it takes the parameters to be; else whether it takes what
 * they are declared to be. */
static cdbc_status ask(asker *a, const cx_check_statement *s, bool with_types,
					   cdbc_description **out, cdbc_error **err)
{
	size_t count = s->statement ? s->statement->param_count : 0;
	cdbc_value *values = cx_calloc(count + 1, sizeof *values);
	cdbc_request request = {.struct_size = sizeof request,
							.sql = s->sql,
							.sql_length = s->length,
							.name = a->check.record->query.info.name,
							.values = values,
							.value_count = count,
							.kind = s->kind,
							.flags = CDBC_REQUEST_NO_PREPARE};
	int64_t deadline_ns = cx_session_deadline(a->session->timeout_ms);
	const cx_conn *conn;
	cdbc_status status;

	if (!values)
		return cx_error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		values[i] = cdbc_null();
		if (with_types)
			values[i].type = s->statement->params[i].type;
	}
	status = cx_session_connect(a->session, deadline_ns, err);
	if (!status) {
		conn = a->session->lease.conn;
		status = conn->driver->describe(conn->handle, &request, deadline_ns, out, err);
	}
	cx_free(values);
	return status;
}

/* Whether an error is the statement's, and not the connection's. */
static bool is_of_statement(const asker *a, const cdbc_error *error)
{
	const cx_conn *conn = a->session->lease.conn;

	if (!conn || conn->driver->state(conn->handle).is_lost)
		return false;
	switch (cdbc_error_status(error)) {
	case CDBC_SQL:
	case CDBC_DENIED:
	case CDBC_DATA:
	case CDBC_PARAM:
	case CDBC_UNSUPPORTED:
		return true;
	default:
		return false;
	}
}

/* ---- What the server refuses ---------------------------------------------------------------- */

static cdbc_status place_of_error(const asker *a, const cx_check_statement *s,
								  const cdbc_error *error, cx_place *out)
{
	int64_t position = cdbc_error_position(error);
	size_t offset = 0;

	if (position <= 0) {
		*out = cx_record_place(a->check.record, s->base);
		return CDBC_OK;
	}
	for (; offset < s->length; offset++)
		if (((unsigned char)s->sql[offset] & 0xc0) != 0x80 && --position == 0)
			break;
	return cx_check_origin(&a->check, s, offset, out);
}

/* Why the server may have refused it: a parameter that is declared as something else than it would
 * take. Left "" when that is not it. */
static void explain_types(asker *a, const cx_check_statement *s, char *out, size_t size)
{
	cdbc_description *d = NULL;

	out[0] = '\0';
	if (!s->statement || s->statement->param_count == 0 || ask(a, s, false, &d, NULL))
		return;
	for (size_t i = 0; i < s->statement->param_count && i < d->param_count; i++) {
		const cx_statement_param *p = &s->statement->params[i];

		if (cx_check_types_agree(p->type, d->param_type_names[i]))
			continue;
		snprintf(out, size, "parameter \"%s\" is declared %s%s; the server would take it to be %s",
				 p->name ? p->name : "$n", cdbc_type_name(p->type.id), p->type.is_array ? "[]" : "",
				 d->param_type_names[i]);
		break;
	}
	d->release(d);
}

static cdbc_status tell_refusal(asker *a, const cx_check_statement *s, const cdbc_error *error)
{
	const char *sqlstate = cdbc_error_sqlstate(error),
			   *hint = cdbc_error_field(error, CDBC_FIELD_HINT);
	bool is_syntax = strcmp(sqlstate, "42601") == 0;
	cx_severity severity = CX_ERROR;
	const char *before = "";
	char types[300] = "";
	cx_place place;

	if (place_of_error(a, s, error, &place))
		return CDBC_NOMEM;
	if (!is_syntax && a->is_after_change) {
		severity = CX_NOTE;
		before = "not to be judged before what stands above it has run: ";
	} else if (!is_syntax && s->kind == CDBC_KIND_DDL) {
		severity = CX_NOTE;
		before = "a change of the schema, which does not fit it as it is now: ";
	} else {
		explain_types(a, s, types, sizeof types);
	}
	if (!types[0] && strcmp(sqlstate, "42P18") == 0)
		snprintf(types, sizeof types, "declare it: -- param: NAME TYPE");
	return cx_check_tell(&a->check, severity, place, sqlstate, types[0] ? types : hint, s->when,
						 "%s%s", before, cdbc_error_message(error));
}

/* ---- What it says --------------------------------------------------------------------------- */

static const char *words_of(const cx_field *field, char *room, size_t size)
{
	if (field->sql_type)
		return field->sql_type;
	if (field->type.id == CDBC_TYPE_UNKNOWN)
		return "";
	snprintf(room, size, "%s%s", cdbc_type_name(field->type.id), field->type.is_array ? "[]" : "");
	return room;
}

static cdbc_status note_columns(asker *a, const cx_check_statement *s,
								const struct ArrowSchema *schema)
{
	size_t count = schema ? (size_t)schema->n_children : 0;
	cx_described_column *columns = cx_calloc(count + 1, sizeof *columns);
	char(*rooms)[64] = cx_calloc(count + 1, sizeof *rooms);
	bool is_good = columns && rooms;
	cx_field field;

	for (size_t i = 0; i < count && is_good; i++) {
		columns[i].name = schema->children[i]->name ? schema->children[i]->name : "";
		columns[i].type = cx_field_of_schema(schema->children[i], &field)
							  ? words_of(&field, rooms[i], sizeof rooms[i])
							  : "";
	}
	is_good = is_good && cx_described_add_result(a->into, &a->into->queries[a->query], s->when,
												 columns, count);
	cx_free(columns);
	cx_free(rooms);
	return is_good ? CDBC_OK : cx_error_nomem(a->check.err);
}

static bool has_new_param(const cx_described_query *query, const cx_statement *statement,
						  bool *has_types)
{
	bool is_new = false;

	*has_types = false;
	for (size_t i = 0; i < statement->param_count; i++) {
		const char *name = statement->params[i].name;

		is_new = is_new || !name || !cx_described_param_type(query, name);
		*has_types = *has_types || statement->params[i].type.id != CDBC_TYPE_UNKNOWN;
	}
	return is_new;
}

/* What the server takes the parameters to be, left to itself where it can say. */
static cdbc_status note_params(asker *a, const cx_check_statement *s, const cdbc_description *as_is)
{
	cx_described_query *query = &a->into->queries[a->query];
	cdbc_description *free_ = NULL;
	const cdbc_description *d = as_is;
	cdbc_error *error = NULL;
	bool has_types, is_good = true;
	char number[24];

	if (!s->statement || !has_new_param(query, s->statement, &has_types))
		return CDBC_OK;
	if (has_types && ask(a, s, false, &free_, &error)) {
		cdbc_status status = cdbc_error_status(error);

		if (!is_of_statement(a, error)) {
			cx_error_pass(a->check.err, error);
			return status;
		}
		cx_error_clear(&error); /* it cannot tell without the declared types */
	} else if (has_types) {
		d = free_;
	}
	for (size_t i = 0; i < s->statement->param_count && i < d->param_count && is_good; i++) {
		const char *name = s->statement->params[i].name;

		snprintf(number, sizeof number, "$%zu", i + 1);
		is_good =
			cx_described_add_param(a->into, query, name ? name : number, d->param_type_names[i]);
	}
	if (free_)
		free_->release(free_);
	return is_good ? CDBC_OK : cx_error_nomem(a->check.err);
}

/* *is_accepted: the server took it. */
static cdbc_status describe(asker *a, const cx_check_statement *s, bool *is_accepted)
{
	cdbc_description *d = NULL;
	cdbc_error *error = NULL;
	cdbc_status status = ask(a, s, true, &d, &error);

	*is_accepted = !status;
	if (status) {
		if (!is_of_statement(a, error)) {
			cx_error_pass(a->check.err, error);
			return status;
		}
		status = tell_refusal(a, s, error);
		cx_error_clear(&error);
		return status;
	}
	status = note_params(a, s, d);
	if (!status && s->statement)
		status = note_columns(a, s, d->schema);
	d->release(d);
	return status;
}

static cdbc_status look_at(asker *a, const cx_check_statement *s)
{
	bool is_accepted;
	cdbc_status status = describe(a, s, &is_accepted);

	if (status || !is_accepted || !a->check.options.with_plans ||
		(s->kind != CDBC_KIND_SELECT && s->kind != CDBC_KIND_DML))
		return status;
	a->check.rung = "plan";
	status = cx_check_plan(&a->check, a->session, s, &a->into->queries[a->query]);
	a->check.rung = "server";
	return status;
}

/* ---- A query -------------------------------------------------------------------------------- */

/* How the server's statements are written. */
static const cx_dialect *writes(const asker *a)
{
	const cdbc_client *client = a->session->client;

	return cx_client_writes(client, atomic_load(&client->dialect));
}

static cdbc_status describe_piece(asker *a, const cx_piece *piece)
{
	char *text = cx_strndup(piece->text, piece->length);
	cx_check_statement s = {.sql = text,
							.length = piece->length,
							.kind = piece->kind,
							.base = piece->offset,
							.when = "",
							.dialect = writes(a)};
	cdbc_status status;

	if (!text)
		return cx_error_nomem(a->check.err);
	status = look_at(a, &s);
	cx_free(text);
	return status;
}

/* A script, statement by statement. What it returns is thrown away when it runs, so nothing is
 * noted of it. */
static cdbc_status describe_script(asker *a)
{
	const char *sql = a->check.record->parsed_sql;
	cx_splitter splitter;
	cx_piece piece;
	cdbc_status status = CDBC_OK;

	cx_splitter_init(&splitter, sql, strlen(sql));
	while (!status && cx_splitter_next(&splitter, &piece)) {
		if (piece.length == 0)
			continue;
		if (piece.kind != CDBC_KIND_COPY)
			status = describe_piece(a, &piece);
		a->is_after_change |= piece.kind == CDBC_KIND_DDL || piece.kind == CDBC_KIND_SESSION;
	}
	a->is_after_change = false;
	return status;
}

static cx_check_statement of_statement(const cx_statement *statement, const cx_dialect *dialect)
{
	return (cx_check_statement){.sql = statement->sql,
								.length = statement->sql_length,
								.statement = statement,
								.kind = statement->kind,
								.when = "",
								.dialect = dialect};
}

static cdbc_status describe_variants(asker *a, const cx_dialect *dialect)
{
	const cx_record *record = a->check.record;
	const cx_variants *v = record->variants;
	const cx_variant *variant;
	char when[WHEN_MAX];
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; i < v->count && !status; i++) {
		cx_check_statement s;

		status = cx_variant_get(record, i, dialect, &variant, a->check.err);
		if (status)
			break;
		s = of_statement(variant->statement, dialect);
		s.states = v->states + i * v->switch_count;
		cx_variants_describe(v, s.states, when, sizeof when);
		s.when = when;
		status = look_at(a, &s);
	}
	return status;
}

static cdbc_status describe_query(asker *a, const cx_record *record)
{
	const cx_dialect *dialect = writes(a);
	const cx_statement *only;
	cdbc_status status;
	cx_described_query *query = cx_descriptions_add(a->into, record->query.info.name);
	cx_check_statement s;

	if (!query)
		return cx_error_nomem(a->check.err);
	a->query = a->into->count - 1;
	query->hash = cx_check_hash(record);
	query->variant_count = record->variants ? record->variants->count : 1;
	cx_check_query(&a->check, record);
	if (record->variants)
		return describe_variants(a, dialect);
	if (record->query.statement->statement_count > 1)
		return describe_script(a);
	if (record->query.statement->kind == CDBC_KIND_COPY)
		return CDBC_OK;
	status = cx_statement_only(record, dialect, &only, a->check.err);
	if (status)
		return status;
	s = of_statement(only, dialect);
	return look_at(a, &s);
}

/* ---- All of them ---------------------------------------------------------------------------- */

static cdbc_status note_server(asker *a)
{
	const cx_conn *conn = a->session->lease.conn;
	cdbc_value product = cdbc_null(), version = cdbc_null();
	const cx_dialect *dialect = atomic_load(&a->session->client->dialect);
	char text[200];

	conn->driver->info(conn->handle, CDBC_INFO_PRODUCT, &product, NULL);
	conn->driver->info(conn->handle, CDBC_INFO_VERSION, &version, NULL);
	snprintf(text, sizeof text, "%.*s %.*s",
			 product.kind == CDBC_VALUE_TEXT ? (int)product.as.text.length : 0,
			 product.kind == CDBC_VALUE_TEXT ? product.as.text.data : "",
			 version.kind == CDBC_VALUE_TEXT ? (int)version.as.text.length : 0,
			 version.kind == CDBC_VALUE_TEXT ? version.as.text.data : "");
	a->into->dialect = dialect ? dialect->api.name : "postgresql"; /* as long as the process */
	a->into->server = cx_arena_strdup(&a->into->arena, text);
	return a->into->server ? CDBC_OK : cx_error_nomem(a->check.err);
}

static cdbc_status check_all(asker *a)
{
	const cx_record *record;
	const cx_query *query;
	cdbc_status status = note_server(a);

	for (size_t i = 0; !status && (record = cx_catalog_record(a->check.catalog, i)) != NULL; i++) {
		if (cx_catalog_find(a->check.catalog, record->query.info.name,
							cx_dialect_named(a->into->dialect), &query, NULL) ||
			query != &record->query)
			continue; /* for another dialect */
		status = describe_query(a, record);
		if (!status && a->into->queries[a->query].result_count == 1)
			a->into->queries[a->query].results[0].when = "";
		if (!status)
			status = cx_check_judge(&a->check, &a->into->queries[a->query]);
		if (!status)
			status = cx_check_flush(&a->check);
	}
	return status;
}

cdbc_status cdbc_client_check(cdbc_client *client, const cdbc_check_options *options,
							  void (*report)(void *data, const cdbc_diagnostic *diagnostic),
							  void *data, size_t *error_count, cdbc_descriptions **out,
							  cdbc_error **err)
{
	cdbc_session_options session = CDBC_SESSION_OPTIONS_INIT;
	asker a = {.into = NULL};
	cdbc_catalog *catalog;
	cdbc_status status;

	if (!client->driver->describe || !(client->driver->capabilities & CDBC_CAN_DESCRIBE))
		return cx_error_set(err, CDBC_UNSUPPORTED, "driver %s describes no statements",
							client->driver->name);
	session.source = CDBC_HERE;
	session.connect_now = true;
	session.timeout_ms = options ? options->timeout_ms : 0;
	status = cdbc_client_acquire(client, &session, &a.session, err);
	if (status)
		return status;
	catalog = cdbc_client_catalog(client);
	cx_check_init(&a.check, catalog, options, report, data, err);
	status = cx_descriptions_new(&a.into, err);
	if (!status)
		status = check_all(&a);
	cdbc_session_release(a.session);
	cx_check_fini(&a.check);
	cdbc_catalog_free(catalog);
	if (!status) {
		cx_descriptions_sort(a.into);
		*error_count = a.check.error_count;
		if (out) {
			*out = a.into;
			a.into = NULL;
		}
	}
	cdbc_descriptions_free(a.into);
	return status;
}
