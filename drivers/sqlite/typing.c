// SPDX-License-Identifier: Apache-2.0
/* Which type a column has. SQLite types values, not columns: a `column:` hint decides, else the
 * declared type, else the values of the first batch. How a value is written into a column of that
 * type is cell.c's. */
#include "sqlite/internal.h"

#include "base/error.h"
#include "base/hash.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define EXACT_IN_DOUBLE (INT64_C(1) << 53)

/* ---- declared types
 * ----------------------------------------------------------------------------------------- */

static const struct name_row {
	const char *name;
	cdbc_type_id id;
} names[] = {
	{"BOOL", CDBC_TYPE_BOOL},
	{"BOOLEAN", CDBC_TYPE_BOOL},
	{"DATE", CDBC_TYPE_DATE},
	{"TIME", CDBC_TYPE_TIME},
	{"TIME WITHOUT TIME ZONE", CDBC_TYPE_TIME},
	{"TIMESTAMP", CDBC_TYPE_TIMESTAMP},
	{"TIMESTAMP WITHOUT TIME ZONE", CDBC_TYPE_TIMESTAMP},
	{"DATETIME", CDBC_TYPE_TIMESTAMP},
	{"TIMESTAMPTZ", CDBC_TYPE_TIMESTAMPTZ},
	{"TIMESTAMP WITH TIME ZONE", CDBC_TYPE_TIMESTAMPTZ},
	{"INTERVAL", CDBC_TYPE_INTERVAL},
	{"NUMERIC", CDBC_TYPE_NUMERIC},
	{"DECIMAL", CDBC_TYPE_NUMERIC},
	{"DEC", CDBC_TYPE_NUMERIC},
	{"UUID", CDBC_TYPE_UUID},
	{"JSON", CDBC_TYPE_JSON},
	{"JSONB", CDBC_TYPE_JSON},
	{"BYTEA", CDBC_TYPE_BYTES},
	{"BYTES", CDBC_TYPE_BYTES},
	{"BINARY", CDBC_TYPE_BYTES},
	{"VARBINARY", CDBC_TYPE_BYTES},
	{"STRING", CDBC_TYPE_TEXT},
	{"NAME", CDBC_TYPE_TEXT},
	{"CITEXT", CDBC_TYPE_TEXT},
};

/* SQLite's own rules of affinity, in their order. */
static const struct name_row parts[] = {
	{"INT", CDBC_TYPE_INT8},    {"CHAR", CDBC_TYPE_TEXT},   {"CLOB", CDBC_TYPE_TEXT},
	{"TEXT", CDBC_TYPE_TEXT},   {"BLOB", CDBC_TYPE_BYTES},  {"REAL", CDBC_TYPE_FLOAT8},
	{"FLOA", CDBC_TYPE_FLOAT8}, {"DOUB", CDBC_TYPE_FLOAT8},
};

/* "timestamp ( 3 )  with time zone" gives "TIMESTAMP WITH TIME ZONE" and "3". */
static void split_declared(const char *declared, char *name, size_t size, char *arguments)
{
	size_t n = 0, m = 0;
	int depth = 0;

	for (; *declared; declared++) {
		unsigned char c = (unsigned char)*declared;

		depth += c == '(';
		if (depth && m < size - 1 && c != '(' && c != ')')
			arguments[m++] = (char)c;
		else if (!depth && n < size - 1 && !(isspace(c) && (n == 0 || name[n - 1] == ' ')))
			name[n++] = isspace(c) ? ' ' : (char)toupper(c);
		depth -= c == ')' && depth;
	}
	while (n && name[n - 1] == ' ')
		n--;
	name[n] = arguments[m] = '\0';
}

static void read_precision(const char *arguments, cdbc_type *type)
{
	char *end;
	long precision = strtol(arguments, &end, 10);
	long scale = 0;

	if (end == arguments)
		return;
	end += strspn(end, " ");
	if (*end == ',')
		scale = strtol(end + 1, &end, 10);
	if (precision < 1 || precision > 1000 || scale < 0 || scale > precision)
		return;
	type->precision = (int16_t)precision;
	type->scale = (int16_t)scale;
}

cdbc_type cx_sqlite_type_of(const char *declared)
{
	cdbc_type type = {CDBC_TYPE_UNKNOWN, false, -1, -1};
	char name[CX_SQLITE_COLUMN_TYPE_MAX], arguments[CX_SQLITE_COLUMN_TYPE_MAX];

	if (!declared || !*declared)
		return type;
	split_declared(declared, name, sizeof name, arguments);
	if (strchr(name, '[')) { /* an array of another database: its JSON */
		type.id = CDBC_TYPE_JSON;
		return type;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i].name) == 0)
			type.id = names[i].id;
	for (size_t i = 0; type.id == CDBC_TYPE_UNKNOWN && i < sizeof parts / sizeof *parts; i++)
		if (strstr(name, parts[i].name))
			type.id = parts[i].id;
	if (type.id == CDBC_TYPE_NUMERIC)
		read_precision(arguments, &type);
	return type;
}

/* ---- hints
 * --------------------------------------------------------------------------------------------------
 */

static uint64_t hash_of_hints(const cdbc_request *request)
{
	uint64_t hash = request->column_count;

	for (size_t i = 0; i < request->column_count; i++) {
		const cdbc_column_hint *h = &request->columns[i];

		hash = cx_hash_bytes(h->name, strlen(h->name), hash);
		hash = cx_hash_mix(hash ^ (uint64_t)h->type.id, (uint64_t)(h->type.precision + 2) * 4096 +
															(uint64_t)(h->type.scale + 2) * 2 +
															h->type.is_array +
															UINT64_C(0x9e3779b97f4a7c15));
	}
	return hash;
}

cdbc_status cx_sqlite_statement_hints(cx_sqlite_statement *s, const cdbc_request *request,
									  cdbc_error **err)
{
	uint64_t hash = hash_of_hints(request);

	if (hash == s->hints_hash && s->hint_count == request->column_count)
		return CDBC_OK;
	cx_arena_free(&s->hints_arena);
	s->has_columns = false;
	s->hint_count = 0;
	s->hints_hash = 0;
	if (request->column_count == 0)
		return CDBC_OK;
	s->hints = cx_arena_calloc(&s->hints_arena, request->column_count, sizeof *s->hints);
	if (!s->hints)
		return cx_error_nomem(err);
	for (size_t i = 0; i < request->column_count; i++) {
		s->hints[i] = request->columns[i];
		s->hints[i].name = cx_arena_strdup(&s->hints_arena, request->columns[i].name);
		if (!s->hints[i].name)
			return cx_error_nomem(err);
	}
	s->hint_count = request->column_count;
	s->hints_hash = hash;
	return CDBC_OK;
}

static const cdbc_column_hint *find_hint(const cx_sqlite_statement *s, const char *name)
{
	for (size_t i = 0; i < s->hint_count; i++)
		if (strcasecmp(s->hints[i].name, name) == 0)
			return &s->hints[i];
	return NULL;
}

/* ---- columns
 * ------------------------------------------------------------------------------------------------
 */

static void apply_numeric_mode(cx_field *field, cdbc_numeric_mode mode)
{
	if (field->type.id != CDBC_TYPE_NUMERIC)
		return;
	if (mode == CDBC_NUMERIC_TEXT)
		field->type.precision = field->type.scale = -1;
	else if (mode == CDBC_NUMERIC_DOUBLE)
		field->type.id = CDBC_TYPE_FLOAT8;
}

static bool column_init(cx_sqlite_statement *s, int index, cdbc_numeric_mode mode)
{
	cx_sqlite_column *c = &s->columns[index];
	const char *name = sqlite3_column_name(s->handle, index);
	const char *declared = sqlite3_column_decltype(s->handle, index);
	const cdbc_column_hint *hint;

	if (!name)
		return false;
	c->field.name = cx_arena_strdup(&s->arena, name);
	hint = find_hint(s, name);
	if (hint) {
		c->field.type = hint->type;
		if (hint->type.is_array) { /* SQLite holds arrays as JSON */
			c->field.type.is_array = false;
			c->field.type.id = CDBC_TYPE_JSON;
		}
	} else {
		c->field.type = cx_sqlite_type_of(declared);
		if (declared && *declared) {
			c->field.sql_type = cx_arena_strdup(&s->arena, declared);
			if (!c->field.sql_type)
				return false;
		}
	}
	c->is_by_value = c->field.type.id == CDBC_TYPE_UNKNOWN;
	s->has_by_value |= c->is_by_value;
	apply_numeric_mode(&c->field, mode);
	cx_field_resolve(&c->field);
	return c->field.name != NULL;
}

static void schema_drop(cx_sqlite_statement *s)
{
	if (s->schema.release)
		s->schema.release(&s->schema);
	memset(&s->schema, 0, sizeof s->schema);
}

/* Columns by value are decided anew by each execution. */
static void forget_values(cx_sqlite_statement *s)
{
	for (size_t i = 0; s->has_by_value && i < s->column_count; i++) {
		if (s->columns[i].is_by_value) {
			s->fields[i] = s->columns[i].field;
			s->columns[i].has_big = false;
		}
	}
}

cdbc_status cx_sqlite_statement_columns(cx_sqlite_statement *s, cdbc_numeric_mode numeric,
										cdbc_error **err)
{
	int prepared_count = sqlite3_stmt_status(s->handle, SQLITE_STMTSTATUS_REPREPARE, 0);
	size_t count = (size_t)sqlite3_column_count(s->handle);

	if (s->has_columns && s->prepared_count == prepared_count && s->numeric == numeric) {
		forget_values(s);
		return CDBC_OK;
	}
	schema_drop(s);
	cx_arena_free(&s->arena);
	s->has_columns = s->has_by_value = false;
	s->column_count = count;
	s->columns = cx_arena_calloc(&s->arena, count + 1, sizeof *s->columns);
	s->fields = cx_arena_calloc(&s->arena, count + 1, sizeof *s->fields);
	s->schema_fields = cx_arena_calloc(&s->arena, count + 1, sizeof *s->fields);
	if (!s->columns || !s->fields || !s->schema_fields)
		return cx_error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		if (!column_init(s, (int)i, numeric))
			return cx_error_nomem(err);
		s->fields[i] = s->columns[i].field;
	}
	s->prepared_count = prepared_count;
	s->numeric = numeric;
	s->has_columns = true;
	return CDBC_OK;
}

bool cx_sqlite_widen(cx_field *field, bool *has_big, const cx_sqlite_cell *cell)
{
	cdbc_type_id now = field->type.id;

	switch (cell->type) {
	case SQLITE_INTEGER:
		*has_big |= cell->as.integer > EXACT_IN_DOUBLE || cell->as.integer < -EXACT_IN_DOUBLE;
		if (now == CDBC_TYPE_UNKNOWN)
			field->type.id = CDBC_TYPE_INT8;
		else if (now == CDBC_TYPE_FLOAT8 && *has_big)
			field->type.id = CDBC_TYPE_TEXT;
		return now != CDBC_TYPE_BYTES;
	case SQLITE_FLOAT:
		if (now != CDBC_TYPE_TEXT)
			field->type.id = *has_big ? CDBC_TYPE_TEXT : CDBC_TYPE_FLOAT8;
		return now != CDBC_TYPE_BYTES;
	case SQLITE_TEXT:
		field->type.id = CDBC_TYPE_TEXT;
		return now != CDBC_TYPE_BYTES;
	case SQLITE_BLOB:
		field->type.id = CDBC_TYPE_BYTES;
		return now == CDBC_TYPE_UNKNOWN || now == CDBC_TYPE_BYTES;
	default:
		return true;
	}
}

static bool same_types(const cx_sqlite_statement *s)
{
	for (size_t i = 0; i < s->column_count; i++)
		if (s->fields[i].type.id != s->schema_fields[i].type.id)
			return false;
	return true;
}

cdbc_status cx_sqlite_statement_schema(cx_sqlite_statement *s, cdbc_error **err)
{
	cdbc_status status;

	for (size_t i = 0; s->has_by_value && i < s->column_count; i++) {
		if (s->fields[i].type.id == CDBC_TYPE_UNKNOWN)
			s->fields[i].type.id = CDBC_TYPE_TEXT;
		if (s->columns[i].is_by_value)
			cx_field_resolve(&s->fields[i]);
	}
	if (s->schema.release && (!s->has_by_value || same_types(s)))
		return CDBC_OK;
	schema_drop(s);
	status = cx_schema_make(s->fields, s->column_count, &s->schema, err);
	if (!status)
		memcpy(s->schema_fields, s->fields, s->column_count * sizeof *s->fields);
	return status;
}
