// SPDX-License-Identifier: Apache-2.0
/* One value of SQLite into a column of a type, exactly or not at all. Which type a column has is
 * typing.c's. */
#include "sqlite/internal.h"

#include "base/civil.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define EXACT_IN_DOUBLE (INT64_C(1) << 53)
#define SHOWN_BYTES     60

void cx_sqlite_cell_read(sqlite3_stmt *handle, int column, cx_sqlite_cell *out)
{
	out->type = sqlite3_column_type(handle, column);
	out->data = "";
	out->length = 0;
	switch (out->type) {
	case SQLITE_INTEGER:
		out->as.integer = sqlite3_column_int64(handle, column);
		break;
	case SQLITE_FLOAT:
		out->as.real = sqlite3_column_double(handle, column);
		break;
	case SQLITE_TEXT:
		out->data = (const char *)sqlite3_column_text(handle, column);
		out->length = (size_t)sqlite3_column_bytes(handle, column);
		if (!out->data) /* out of memory: told as a mismatch of no type */
			out->type = 0;
		break;
	case SQLITE_BLOB:
		out->length = (size_t)sqlite3_column_bytes(handle, column);
		if (out->length)
			out->data = sqlite3_column_blob(handle, column);
		break;
	default:
		break;
	}
}

/* ---- numbers
 * ------------------------------------------------------------------------------------------------
 */

/* A whole number, also one that is written as text or held as a real. */
static bool as_integer(const cx_sqlite_cell *cell, int64_t min, int64_t max, int64_t *out)
{
	switch (cell->type) {
	case SQLITE_INTEGER:
		*out = cell->as.integer;
		return *out >= min && *out <= max;
	case SQLITE_FLOAT:
		if (!(fabs(cell->as.real) <= (double)EXACT_IN_DOUBLE) ||
			cell->as.real != trunc(cell->as.real))
			return false;
		*out = (int64_t)cell->as.real;
		return *out >= min && *out <= max;
	case SQLITE_TEXT:
		return cx_text_int64(cell->data, cell->length, min, max, out);
	default:
		return false;
	}
}

static bool as_double(const cx_sqlite_cell *cell, double *out)
{
	switch (cell->type) {
	case SQLITE_INTEGER:
		*out = (double)cell->as.integer;
		return cell->as.integer <= EXACT_IN_DOUBLE && cell->as.integer >= -EXACT_IN_DOUBLE;
	case SQLITE_FLOAT:
		*out = cell->as.real;
		return true;
	case SQLITE_TEXT:
		return cx_double_parse(cell->data, cell->length, out) == CX_PARSE_OK;
	default:
		return false;
	}
}

static bool as_bool(const cx_sqlite_cell *cell, bool *out)
{
	static const char *const words[] = {"f", "t", "false", "true"};

	if (cell->type == SQLITE_INTEGER) {
		*out = cell->as.integer != 0;
		return cell->as.integer == 0 || cell->as.integer == 1;
	}
	for (int i = 0; cell->type == SQLITE_TEXT && i < 4; i++) {
		if (cell->length == strlen(words[i]) &&
			strncasecmp(cell->data, words[i], cell->length) == 0) {
			*out = i & 1;
			return true;
		}
	}
	return false;
}

/* The number's text, in out when it is not the cell's own; 0: not a number. digits: of a real, 0
 * for the shortest. */
static size_t number_text(const cx_sqlite_cell *cell, int digits, char out[CX_NUMBER_MAX],
						  const char **text)
{
	*text = out;
	switch (cell->type) {
	case SQLITE_INTEGER:
		return cx_int64_print(cell->as.integer, out);
	case SQLITE_FLOAT:
		if (digits)
			return (size_t)snprintf(out, CX_NUMBER_MAX, "%.*g", digits, cell->as.real);
		return cx_double_print(cell->as.real, out);
	case SQLITE_TEXT:
		*text = cell->data;
		return cell->length;
	default:
		return 0;
	}
}

/* A column of NUMERIC affinity holds 12.30 as a real. Its shortest digits are the number that was
 * meant; what arithmetic left behind them (0.30000000000000004) is beyond the 15 that SQLite itself
 * prints and promises. */
static bool as_decimal(const cx_sqlite_cell *cell, const cx_field *field, void *out)
{
	char room[CX_NUMBER_MAX];
	const char *text;
	size_t n = number_text(cell, 0, room, &text);
	cx_parse parse =
		n ? cx_decimal_parse(text, n, field->type.precision, field->type.scale, out) : CX_PARSE_BAD;

	if (parse == CX_PARSE_RANGE && cell->type == SQLITE_FLOAT) {
		n = number_text(cell, 15, room, &text);
		parse = cx_decimal_parse(text, n, field->type.precision, field->type.scale, out);
	}
	return parse == CX_PARSE_OK;
}

/* ---- texts
 * --------------------------------------------------------------------------------------------------
 */

static bool put_plain_number(cx_batch *batch, size_t column, const char *text, size_t length)
{
	size_t n = cx_decimal_plain(text, length, NULL, 0);
	char *room;

	if (n == 0)
		return length == 3 && strncasecmp(text, "nan", 3) == 0 &&
			   (cx_batch_put_bytes(batch, column, "NaN", 3), true);
	room = cx_batch_put_room(batch, column, n);
	if (room)
		cx_decimal_plain(text, length, room, n);
	return true;
}

static bool put_text(cx_batch *batch, size_t column, const cx_field *field,
					 const cx_sqlite_cell *cell)
{
	char room[CX_NUMBER_MAX];
	const char *text;
	size_t n;

	if (cell->type == SQLITE_BLOB || cell->type == 0)
		return false;
	n = number_text(cell, 0, room, &text);
	if (field->type.id == CDBC_TYPE_NUMERIC)
		return put_plain_number(batch, column, text, n);
	if (cell->type == SQLITE_TEXT && cx_utf8_valid_prefix(text, n) != n)
		return false;
	if (field->type.id == CDBC_TYPE_JSON && !cx_json_is_valid(text, n, CX_JSON_DEPTH_MAX))
		return false;
	cx_batch_put_bytes(batch, column, text, n);
	return true;
}

/* ---- times and other things that SQLite holds as text
 * ------------------------------------------------------- */

static bool put_timestamp(cx_batch *batch, size_t column, const cx_field *field,
						  const cx_sqlite_cell *cell)
{
	int64_t us;
	bool has_zone = false;

	if (cx_timestamp_parse(cell->data, cell->length, &us, &has_zone) != CX_PARSE_OK)
		return false;
	if (has_zone && field->storage == CX_TIMESTAMP)
		return false; /* its zone would be lost */
	cx_batch_set_int64(batch, column, us);
	return true;
}

static bool put_interval(cx_batch *batch, size_t column, const cx_sqlite_cell *cell)
{
	struct {
		int32_t months, days;
		int64_t ns;
	} value;

	if (cx_interval_parse(cell->data, cell->length, &value.months, &value.days, &value.ns) !=
		CX_PARSE_OK)
		return false;
	cx_batch_set_16(batch, column, &value);
	return true;
}

static bool put_uuid(cx_batch *batch, size_t column, const cx_sqlite_cell *cell)
{
	char bytes[16];

	if (cell->type == SQLITE_BLOB && cell->length == 16)
		cx_batch_set_16(batch, column, cell->data);
	else if (cell->type == SQLITE_TEXT &&
			 cx_uuid_parse(cell->data, cell->length, bytes) == CX_PARSE_OK)
		cx_batch_set_16(batch, column, bytes);
	else
		return false;
	return true;
}

static bool put_texted(cx_batch *batch, size_t column, const cx_field *field,
					   const cx_sqlite_cell *cell)
{
	int32_t days;
	int64_t us;

	if (cell->type != SQLITE_TEXT)
		return false;
	switch (field->storage) {
	case CX_DATE32:
		if (cx_date_parse(cell->data, cell->length, &days) != CX_PARSE_OK)
			return false;
		cx_batch_set_int32(batch, column, days);
		return true;
	case CX_TIME64:
		if (cx_time_parse(cell->data, cell->length, &us) != CX_PARSE_OK)
			return false;
		cx_batch_set_int64(batch, column, us);
		return true;
	case CX_INTERVAL:
		return put_interval(batch, column, cell);
	default:
		return put_timestamp(batch, column, field, cell);
	}
}

/* ---- any
 * ----------------------------------------------------------------------------------------------------
 */

static bool put_integer(cx_batch *batch, size_t column, const cx_field *field,
						const cx_sqlite_cell *cell)
{
	int64_t number;

	switch (field->storage) {
	case CX_INT16:
		if (!as_integer(cell, INT16_MIN, INT16_MAX, &number))
			return false;
		cx_batch_set_int16(batch, column, (int16_t)number);
		return true;
	case CX_INT32:
		if (!as_integer(cell, INT32_MIN, INT32_MAX, &number))
			return false;
		cx_batch_set_int32(batch, column, (int32_t)number);
		return true;
	default:
		if (!as_integer(cell, INT64_MIN, INT64_MAX, &number))
			return false;
		cx_batch_set_int64(batch, column, number);
		return true;
	}
}

static bool put_real(cx_batch *batch, size_t column, const cx_field *field,
					 const cx_sqlite_cell *cell)
{
	double number;

	if (!as_double(cell, &number))
		return false;
	if (field->storage == CX_FLOAT64) {
		cx_batch_set_float64(batch, column, number);
		return true;
	}
	if (isfinite(number) && !isfinite((float)number))
		return false;
	cx_batch_set_float32(batch, column, (float)number);
	return true;
}

bool cx_sqlite_cell_put(cx_batch *batch, size_t column, const cx_field *field,
						const cx_sqlite_cell *cell)
{
	char bytes[16];
	bool flag;

	if (cell->type == SQLITE_NULL) {
		cx_batch_set_null(batch, column);
		return true;
	}
	switch (field->storage) {
	case CX_INT16:
	case CX_INT32:
	case CX_INT64:
		return put_integer(batch, column, field, cell);
	case CX_FLOAT32:
	case CX_FLOAT64:
		return put_real(batch, column, field, cell);
	case CX_UTF8:
		return put_text(batch, column, field, cell);
	case CX_BINARY:
		if (cell->type == SQLITE_BLOB)
			cx_batch_put_bytes(batch, column, cell->data, cell->length);
		return cell->type == SQLITE_BLOB;
	case CX_BOOL:
		if (!as_bool(cell, &flag))
			return false;
		cx_batch_set_bool(batch, column, flag);
		return true;
	case CX_DECIMAL128:
		if (!as_decimal(cell, field, bytes))
			return false;
		cx_batch_set_16(batch, column, bytes);
		return true;
	case CX_UUID:
		return put_uuid(batch, column, cell);
	default:
		return put_texted(batch, column, field, cell);
	}
}

/* ---- what did not fit
 * --------------------------------------------------------------------------------------- */

static void show_cell(const cx_sqlite_cell *cell, char *out, size_t size)
{
	size_t shown = cell->length < SHOWN_BYTES ? cell->length : SHOWN_BYTES;
	char number[CX_NUMBER_MAX];
	const char *text;

	if (cell->type == SQLITE_BLOB) {
		snprintf(out, size, "a blob of %zu bytes", cell->length);
	} else if (cell->type == SQLITE_TEXT) {
		shown = cx_utf8_valid_prefix(cell->data, shown);
		snprintf(out, size, "'%.*s'%s", (int)shown, cell->data, shown < cell->length ? "..." : "");
	} else {
		number_text(cell, 0, number, &text);
		snprintf(out, size, "%s", number);
	}
}

cdbc_status cx_sqlite_cell_mismatch(const cx_field *field, const cx_sqlite_cell *cell, int64_t row,
									cdbc_error **err)
{
	char shown[SHOWN_BYTES + 32], type[48];
	bool is_bad_utf8 =
		cell->type == SQLITE_TEXT && cx_utf8_valid_prefix(cell->data, cell->length) != cell->length;

	if (cell->type == 0)
		return cx_error_nomem(err);
	show_cell(cell, shown, sizeof shown);
	snprintf(type, sizeof type, "%s", cdbc_type_name(field->type.id));
	if (field->type.precision > 0)
		snprintf(type, sizeof type, "numeric(%d,%d)", field->type.precision, field->type.scale);
	if (is_bad_utf8)
		cx_error_set(err, CDBC_DATA, "column \"%s\", row %" PRId64 ": %s is not valid UTF-8",
					 field->name, row, shown);
	else if (field->type.id == CDBC_TYPE_UNKNOWN)
		cx_error_set(err, CDBC_DATA,
					 "column \"%s\", row %" PRId64 ": blobs and other values are mixed (%s)",
					 field->name, row, shown);
	else
		cx_error_set(err, CDBC_DATA, "column \"%s\", row %" PRId64 ": %s is no value of type %s",
					 field->name, row, shown, type);
	cx_error_field(err, CDBC_FIELD_COLUMN, field->name);
	if (is_bad_utf8)
		cx_error_hint(err, "read it as bytes: cast(... as blob)");
	else
		cx_error_hint(err, "say what the column holds in the SQL file: -- column: %s %s",
					  field->name, cell->type == SQLITE_BLOB ? "bytea" : "text");
	return CDBC_DATA;
}

size_t cx_sqlite_real_text(double number, char out[32])
{
	return cx_double_print(number, out);
}
