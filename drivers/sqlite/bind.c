// SPDX-License-Identifier: Apache-2.0
/* A request's values into a statement's parameters. Values are copied by SQLite: a request is read
 * during submit only. */
#include "sqlite/internal.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define DOUBLE_DIGITS 15 /* every decimal number of so many digits comes back from a double */

static cdbc_status bad_value(const cdbc_value *v, size_t index, cdbc_error **err)
{
	cdbc_status status;

	if (v->kind == CDBC_VALUE_DOUBLE)
		return cx_error_set(err, CDBC_PARAM,
							"parameter %zu: SQLite cannot hold NaN, it would become NULL",
							index + 1);
	status = cx_error_set(err, CDBC_PARAM, "parameter %zu: \"%.*s\" is not a valid %s", index + 1,
						  (int)(v->as.text.length < 100 ? v->as.text.length : 100), v->as.text.data,
						  cdbc_type_name(v->type.id));
	cx_error_sqlstate(err, "22P02");
	return status;
}

static cdbc_status check_text(cdbc_text text, size_t index, cdbc_error **err)
{
	size_t valid = cx_utf8_valid_prefix(text.data, text.length);
	cdbc_status status;

	if (valid < text.length)
		status = cx_error_set(err, CDBC_PARAM, "parameter %zu: byte %zu is not valid UTF-8",
							  index + 1, valid + 1);
	else if (text.length && memchr(text.data, '\0', text.length))
		status = cx_error_set(err, CDBC_PARAM, "parameter %zu: a text cannot hold a NUL byte",
							  index + 1);
	else
		return CDBC_OK;
	cx_error_sqlstate(err, "22021");
	return status;
}

/* ---- texts of a declared type
 * ------------------------------------------------------------------------------- */

/* A number written as text, whole, into a double; false when it is none. */
static bool read_double(cdbc_text text, double *out)
{
	char copy[400], *end;

	if (text.length == 0 || text.length >= sizeof copy || strchr(" \t\r\n\v\f", text.data[0]))
		return false;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	if (strspn(copy, "0123456789+-.eE") != text.length &&
		strcasecmp(copy + strspn(copy, "+-"), "infinity") != 0)
		return false;
	*out = strtod(copy, &end);
	return *end == '\0';
}

static size_t count_digits(cdbc_text text)
{
	size_t digits = 0;

	for (size_t i = 0; i < text.length && (text.data[i] | 0x20) != 'e'; i++)
		digits += text.data[i] >= '0' && text.data[i] <= '9';
	return digits;
}

static bool read_bool(cdbc_text text, bool *out)
{
	static const char *const words[] = {"f",   "t",   "false", "true", "no",
										"yes", "off", "on",    "0",    "1"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (text.length == strlen(words[i]) && strncasecmp(text.data, words[i], text.length) == 0) {
			*out = i & 1;
			return true;
		}
	}
	return false;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
		   : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
													: -1;
}

/* "\x0102" as PostgreSQL writes bytes. */
static bool read_hex(cx_buf *scratch, cdbc_text text)
{
	if (text.length < 2 || text.length % 2 || memcmp(text.data, "\\x", 2) != 0)
		return false;
	cx_buf_clear(scratch);
	for (size_t i = 2; i < text.length; i += 2) {
		int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);

		if (high < 0 || low < 0)
			return false;
		cx_buf_putc(scratch, (char)(high << 4 | low));
	}
	return true;
}

static int bind_plain(sqlite3_stmt *handle, int at, cdbc_text text)
{
	return sqlite3_bind_text64(handle, at, text.data, text.length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* Numbers go in as numbers where none of their digits can be lost, so that they compare as numbers
 * with expressions too; a longer one stays text, which a column of numeric affinity takes as it
 * takes a literal. */
static int bind_numeric(sqlite3_stmt *handle, int at, cdbc_text text, double number)
{
	int64_t whole;

	if (cx_text_int64(text.data, text.length, INT64_MIN, INT64_MAX, &whole))
		return sqlite3_bind_int64(handle, at, whole);
	if (count_digits(text) <= DOUBLE_DIGITS && isfinite(number))
		return sqlite3_bind_double(handle, at, number);
	return bind_plain(handle, at, text);
}

static cdbc_status bind_bytes_text(cx_sqlite_conn *conn, sqlite3_stmt *handle, int at,
								   const cdbc_value *v, int *rc, cdbc_error **err)
{
	cdbc_status status;

	if (!read_hex(&conn->scratch, v->as.text))
		return bad_value(v, (size_t)at - 1, err);
	status = cx_buf_status(&conn->scratch, "parameter", err);
	if (!status)
		*rc = sqlite3_bind_blob64(handle, at, conn->scratch.data ? conn->scratch.data : "",
								  conn->scratch.length, SQLITE_TRANSIENT);
	return status;
}

static cdbc_status bind_text(cx_sqlite_conn *conn, sqlite3_stmt *handle, int at,
							 const cdbc_value *v, int *rc, cdbc_error **err)
{
	cdbc_text text = v->as.text;
	cdbc_status status = check_text(text, (size_t)at - 1, err);
	int64_t whole = 0;
	double number = 0;
	bool flag = false;

	if (status)
		return status;
	switch (v->type.is_array ? CDBC_TYPE_TEXT : v->type.id) {
	case CDBC_TYPE_BOOL:
		if (!read_bool(text, &flag))
			return bad_value(v, (size_t)at - 1, err);
		*rc = sqlite3_bind_int(handle, at, flag);
		break;
	case CDBC_TYPE_INT2:
	case CDBC_TYPE_INT4:
	case CDBC_TYPE_INT8:
		if (!cx_text_int64(text.data, text.length, INT64_MIN, INT64_MAX, &whole))
			return bad_value(v, (size_t)at - 1, err);
		*rc = sqlite3_bind_int64(handle, at, whole);
		break;
	case CDBC_TYPE_FLOAT4:
	case CDBC_TYPE_FLOAT8:
	case CDBC_TYPE_NUMERIC:
		if (!read_double(text, &number))
			return bad_value(v, (size_t)at - 1, err);
		*rc = v->type.id == CDBC_TYPE_NUMERIC ? bind_numeric(handle, at, text, number)
											  : sqlite3_bind_double(handle, at, number);
		break;
	case CDBC_TYPE_BYTES:
		return bind_bytes_text(conn, handle, at, v, rc, err);
	default:
		*rc = bind_plain(handle, at, text);
	}
	return CDBC_OK;
}

/* ---- arrays as JSON
 * ----------------------------------------------------------------------------------------- */

static void put_json_char(cx_buf *json, unsigned char c)
{
	if (c == '"' || c == '\\')
		cx_buf_putc(json, '\\');
	if (c < 0x20)
		cx_buf_putf(json, "\\u%04x", c);
	else
		cx_buf_putc(json, (char)c);
}

static void put_json_text(cx_buf *json, cdbc_text text)
{
	cx_buf_putc(json, '"');
	for (size_t i = 0; i < text.length; i++)
		put_json_char(json, (unsigned char)text.data[i]);
	cx_buf_putc(json, '"');
}

static void put_json_double(cx_buf *json, double number)
{
	char text[32];

	if (isinf(number))
		cx_buf_puts(json, number > 0 ? "9e999" : "-9e999");
	else
		cx_buf_put(json, text, cx_sqlite_real_text(number, text));
}

static cdbc_status put_json_item(cx_buf *json, const cdbc_value *v, size_t index, cdbc_error **err)
{
	cdbc_status status;
	double number;

	switch (v->kind) {
	case CDBC_VALUE_NULL:
		cx_buf_puts(json, "null");
		return CDBC_OK;
	case CDBC_VALUE_BOOL: /* json_each gives true as 1 */
		cx_buf_puts(json, v->as.boolean ? "true" : "false");
		return CDBC_OK;
	case CDBC_VALUE_INT64:
		cx_buf_put_int64(json, v->as.int64);
		return CDBC_OK;
	case CDBC_VALUE_DOUBLE:
		if (isnan(v->as.float64))
			return bad_value(v, index, err);
		put_json_double(json, v->as.float64);
		return CDBC_OK;
	case CDBC_VALUE_TEXT:
		status = check_text(v->as.text, index, err);
		if (status)
			return status;
		if (v->type.id >= CDBC_TYPE_INT2 && v->type.id <= CDBC_TYPE_NUMERIC) {
			int64_t whole;

			if (!read_double(v->as.text, &number))
				return bad_value(v, index, err);
			if (cx_text_int64(v->as.text.data, v->as.text.length, INT64_MIN, INT64_MAX, &whole))
				cx_buf_put_int64(json, whole);
			else
				put_json_double(json, number);
			return CDBC_OK;
		}
		put_json_text(json, v->as.text);
		return CDBC_OK;
	default:
		return cx_error_set(err, CDBC_UNSUPPORTED, "parameter %zu: SQLite takes no arrays of %s",
							index + 1, v->kind == CDBC_VALUE_BYTES ? "bytes" : "arrays");
	}
}

static cdbc_status bind_array(cx_sqlite_conn *conn, sqlite3_stmt *handle, int at,
							  const cdbc_value *v, int *rc, cdbc_error **err)
{
	cx_buf *json = &conn->scratch;
	cdbc_status status = CDBC_OK;

	cx_buf_clear(json);
	cx_buf_putc(json, '[');
	for (size_t i = 0; !status && i < v->as.array.count; i++) {
		if (i)
			cx_buf_putc(json, ',');
		status = put_json_item(json, &v->as.array.items[i], (size_t)at - 1, err);
	}
	cx_buf_putc(json, ']');
	if (!status)
		status = cx_buf_status(json, "parameter", err);
	if (!status)
		*rc = bind_plain(handle, at, (cdbc_text){json->data, json->length});
	return status;
}

/* ---- arrays written as PostgreSQL does: {1,NULL,"b c"} -----------------------------------------
 */

/* One item that begins at *at; *at is then after it. */
static cdbc_status put_literal_item(cx_buf *json, const cdbc_value *v, size_t *at, size_t index,
									cdbc_error **err)
{
	cdbc_text text = v->as.text;
	size_t i = *at, begin = i;
	bool is_quoted = text.data[i] == '"', has_escape = false;
	cdbc_value item;

	if (is_quoted) {
		for (begin = ++i; i < text.length && text.data[i] != '"'; i++)
			if (text.data[i] == '\\') {
				has_escape = true;
				i++;
			}
		*at = i + 1;
	} else {
		while (i < text.length && !strchr(",{}\"\\", text.data[i]))
			i++;
		*at = i;
		while (i > begin && text.data[i - 1] == ' ')
			i--;
	}
	if (i >= text.length || (!is_quoted && i == begin))
		return bad_value(v, index, err);
	if (has_escape) {
		cx_buf_putc(json, '"');
		for (size_t k = begin; k < i; k++) {
			k += text.data[k] == '\\';
			put_json_char(json, (unsigned char)text.data[k]);
		}
		cx_buf_putc(json, '"');
		return CDBC_OK;
	}
	item = cdbc_text_n(text.data + begin, i - begin);
	item.type.id = v->type.id;
	if (!is_quoted && i - begin == 4 && !strncasecmp(text.data + begin, "null", 4))
		item = cdbc_null();
	return put_json_item(json, &item, index, err);
}

static void skip_spaces(cdbc_text text, size_t *at)
{
	while (*at < text.length && text.data[*at] == ' ')
		++*at;
}

static cdbc_status put_literal(cx_buf *json, const cdbc_value *v, size_t index, cdbc_error **err)
{
	cdbc_text text = v->as.text;
	size_t last = text.length - 1;
	cdbc_status status;

	if (text.data[last] != '}')
		return bad_value(v, index, err);
	for (size_t i = 1;; i++) {
		skip_spaces(text, &i);
		if (i == last && json->length == 1)
			return CDBC_OK;
		status = put_literal_item(json, v, &i, index, err);
		if (status)
			return status;
		skip_spaces(text, &i);
		if (i == last)
			return CDBC_OK;
		if (i > last || text.data[i] != ',')
			return bad_value(v, index, err);
		cx_buf_putc(json, ',');
	}
}

static cdbc_status bind_literal(cx_sqlite_conn *conn, sqlite3_stmt *handle, int at,
								const cdbc_value *v, int *rc, cdbc_error **err)
{
	cx_buf *json = &conn->scratch;
	cdbc_status status = check_text(v->as.text, (size_t)at - 1, err);

	cx_buf_clear(json);
	cx_buf_putc(json, '[');
	if (!status)
		status = put_literal(json, v, (size_t)at - 1, err);
	cx_buf_putc(json, ']');
	if (!status)
		status = cx_buf_status(json, "parameter", err);
	if (!status)
		*rc = bind_plain(handle, at, (cdbc_text){json->data, json->length});
	return status;
}

/* ---- all of them
 * -------------------------------------------------------------------------------------------- */

static cdbc_status bind_value(cx_sqlite_conn *conn, sqlite3_stmt *handle, int at,
							  const cdbc_value *v, int *rc, cdbc_error **err)
{
	switch (v->kind) {
	case CDBC_VALUE_NULL:
		*rc = sqlite3_bind_null(handle, at);
		return CDBC_OK;
	case CDBC_VALUE_BOOL:
		*rc = sqlite3_bind_int(handle, at, v->as.boolean);
		return CDBC_OK;
	case CDBC_VALUE_INT64:
		if (v->type.id == CDBC_TYPE_FLOAT4 || v->type.id == CDBC_TYPE_FLOAT8)
			*rc = sqlite3_bind_double(handle, at, (double)v->as.int64);
		else
			*rc = sqlite3_bind_int64(handle, at, v->as.int64);
		return CDBC_OK;
	case CDBC_VALUE_DOUBLE:
		if (isnan(v->as.float64))
			return bad_value(v, (size_t)at - 1, err);
		*rc = sqlite3_bind_double(handle, at, v->as.float64);
		return CDBC_OK;
	case CDBC_VALUE_TEXT:
		if (v->type.is_array && v->as.text.length >= 2 && v->as.text.data[0] == '{')
			return bind_literal(conn, handle, at, v, rc, err);
		return bind_text(conn, handle, at, v, rc, err);
	case CDBC_VALUE_BYTES:
		*rc = sqlite3_bind_blob64(handle, at, v->as.text.length ? v->as.text.data : "",
								  v->as.text.length, SQLITE_TRANSIENT);
		return CDBC_OK;
	case CDBC_VALUE_ARRAY:
		return bind_array(conn, handle, at, v, rc, err);
	}
	return cx_error_set(err, CDBC_USAGE, "parameter %d has no kind", at);
}

cdbc_status cx_sqlite_bind(cx_sqlite_conn *conn, sqlite3_stmt *handle, const cdbc_request *request,
						   cdbc_error **err)
{
	int count = sqlite3_bind_parameter_count(handle);
	cdbc_status status = CDBC_OK;

	if ((size_t)count != request->value_count) {
		status = cx_error_set(err, CDBC_PARAM, "the statement takes %d parameters, %zu were given",
							  count, request->value_count);
		cx_error_sqlstate(err, "08P01");
		return status;
	}
	for (int i = 0; !status && i < count; i++) {
		int rc = SQLITE_OK;

		status = bind_value(conn, handle, i + 1, &request->values[i], &rc, err);
		if (!status && rc)
			status = cx_sqlite_fail(conn, rc, NULL, err);
	}
	return status;
}
