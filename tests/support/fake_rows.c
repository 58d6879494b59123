// SPDX-License-Identifier: Apache-2.0
/* The fake driver's rows: columns and cells from a test's text into batches. */
#include "support/fake_internal.h"

#include "base/civil.h"
#include "base/decimal.h"
#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define CELL_MAX 4096

/* "numeric(10,2)" and so on. */
static bool type_read(const char *word, cdbc_type *out)
{
	const char *open = strchr(word, '(');
	size_t n = open ? (size_t)(open - word) : strlen(word);
	int precision, scale = 0;

	*out = (cdbc_type){CDBC_TYPE_UNKNOWN, false, -1, -1};
	for (int id = CDBC_TYPE_BOOL; id < CDBC_TYPE_COUNT; id++)
		if (strlen(cdbc_type_name((cdbc_type_id)id)) == n &&
			memcmp(cdbc_type_name((cdbc_type_id)id), word, n) == 0)
			out->id = (cdbc_type_id)id;
	if (open && sscanf(open, "(%d,%d)", &precision, &scale) >= 1) {
		out->precision = (int16_t)precision;
		out->scale = (int16_t)scale;
	}
	return out->id != CDBC_TYPE_UNKNOWN;
}

/* A comma that is not inside brackets ends a column. */
static char *column_end(char *p)
{
	int depth = 0;

	for (; *p && (*p != ',' || depth); p++)
		depth += (*p == '(') - (*p == ')');
	return p;
}

bool fake_fields_read(const char *columns, cx_field *fields, size_t *count, char **text)
{
	char *p = *text = strdup(columns);

	*count = 0;
	while (p && *p) {
		char *end = column_end(p), *type;
		bool is_last = *end == '\0';

		*end = '\0';
		p += strspn(p, " ");
		type = strrchr(p, ' ');
		if (!type || *count == FAKE_COLUMNS_MAX)
			return false;
		*type++ = '\0';
		fields[*count] = (cx_field){.name = p};
		if (!type_read(type, &fields[*count].type))
			return false;
		cx_field_resolve(&fields[(*count)++]);
		p = is_last ? NULL : end + 1;
	}
	return *text != NULL;
}

static int64_t written_rows(const char *rows)
{
	int64_t count = 1;

	if (!rows)
		return 0;
	for (; *rows; rows++)
		count += *rows == ';';
	return count;
}

int64_t fake_rows_count(const fake_answer *answer)
{
	return answer->columns ? written_rows(answer->rows) * (answer->repeat ? answer->repeat : 1) : 0;
}

/* ---- cells
 * --------------------------------------------------------------------------------------------------
 */

static void value_text(const cdbc_value *v, char *out)
{
	switch (v->kind) {
	case CDBC_VALUE_BOOL:
		strcpy(out, v->as.boolean ? "t" : "f");
		break;
	case CDBC_VALUE_INT64:
		snprintf(out, CELL_MAX, "%lld", (long long)v->as.int64);
		break;
	case CDBC_VALUE_DOUBLE:
		snprintf(out, CELL_MAX, "%.17g", v->as.float64);
		break;
	case CDBC_VALUE_TEXT:
		snprintf(out, CELL_MAX, "%.*s", (int)v->as.text.length, v->as.text.data);
		break;
	case CDBC_VALUE_BYTES:
		strcpy(out, "\\x");
		for (size_t i = 0; i < v->as.text.length && 2 * i + 4 < CELL_MAX; i++)
			snprintf(out + 2 + 2 * i, 3, "%02x", (unsigned char)v->as.text.data[i]);
		break;
	default:
		strcpy(out, "\\N");
	}
}

static void put_hex(cx_batch *b, size_t column, const char *text)
{
	char bytes[CELL_MAX / 2];
	size_t n = 0;
	unsigned byte;

	for (text += 2; sscanf(text, "%2x", &byte) == 1; text += 2)
		bytes[n++] = (char)byte;
	cx_batch_put_bytes(b, column, bytes, n);
}

static bool put_timed(cx_batch *b, size_t column, const cx_field *f, const char *text)
{
	size_t n = strlen(text);
	struct {
		int32_t months, days;
		int64_t ns;
	} interval;
	int64_t us = 0;
	int32_t days = 0;
	cx_parse parse;

	if (f->storage == CX_DATE32) {
		parse = cx_date_parse(text, n, &days);
		cx_batch_set_int32(b, column, days);
	} else if (f->storage == CX_INTERVAL) {
		memset(&interval, 0, sizeof interval);
		parse = cx_interval_parse(text, n, &interval.months, &interval.days, &interval.ns);
		cx_batch_set_16(b, column, &interval);
	} else {
		parse = f->storage == CX_TIME64 ? cx_time_parse(text, n, &us)
										: cx_timestamp_parse(text, n, &us, NULL);
		cx_batch_set_int64(b, column, us);
	}
	return parse == CX_PARSE_OK;
}

static bool put_16(cx_batch *b, size_t column, const cx_field *f, const char *text)
{
	char bytes[16];
	cx_parse parse = f->storage == CX_UUID ? cx_uuid_parse(text, strlen(text), bytes)
										   : cx_decimal_parse(text, strlen(text), f->type.precision,
															  f->type.scale, bytes);

	if (parse == CX_PARSE_OK)
		cx_batch_set_16(b, column, bytes);
	return parse == CX_PARSE_OK;
}

/* False: the test's script is wrong. */
static bool put_cell(cx_batch *b, size_t column, const cx_field *f, const char *text)
{
	switch (f->storage) {
	case CX_BOOL:
		cx_batch_set_bool(b, column, text[0] == 't' || text[0] == '1');
		return true;
	case CX_INT16:
		cx_batch_set_int16(b, column, (int16_t)atoi(text));
		return true;
	case CX_INT32:
		cx_batch_set_int32(b, column, (int32_t)atoi(text));
		return true;
	case CX_INT64:
		cx_batch_set_int64(b, column, strtoll(text, NULL, 10));
		return true;
	case CX_FLOAT32:
		cx_batch_set_float32(b, column, strtof(text, NULL));
		return true;
	case CX_FLOAT64:
		cx_batch_set_float64(b, column, strtod(text, NULL));
		return true;
	case CX_UTF8:
		cx_batch_put_bytes(b, column, text, strlen(text));
		return true;
	case CX_BINARY:
		put_hex(b, column, text);
		return true;
	case CX_DECIMAL128:
	case CX_UUID:
		return put_16(b, column, f, text);
	case CX_LIST:
		return false;
	default:
		return put_timed(b, column, f, text);
	}
}

/* Copies the cell at *p, puts a parameter in place of "$n", and moves on. */
static void read_cell(const char **p, const cdbc_value *values, size_t value_count, char *out)
{
	size_t n = strcspn(*p, "|;"), index;

	snprintf(out, CELL_MAX, "%.*s", (int)n, *p);
	*p += n;
	if (**p == '|')
		++*p;
	if (out[0] == '$' && isdigit((unsigned char)out[1])) {
		index = strtoul(out + 1, NULL, 10);
		if (index >= 1 && index <= value_count)
			value_text(&values[index - 1], out);
		else
			strcpy(out, "\\N");
	}
}

static const char *row_at(const char *rows, int64_t row)
{
	for (; row > 0; row--)
		rows = strchr(rows, ';') + 1;
	return rows;
}

cdbc_status fake_rows_write(const fake_answer *answer, const cx_field *fields, size_t field_count,
							const cdbc_value *values, size_t value_count, int64_t from,
							int64_t count, struct ArrowArray *out, cdbc_error **err)
{
	int64_t written = written_rows(answer->rows);
	cx_batch b;
	char cell[CELL_MAX];
	cdbc_status status = cx_batch_begin(&b, fields, field_count, count, 0, err);
	const char *p = answer->rows;

	if (status)
		return status;
	for (int64_t i = 0; i < count && cx_batch_row(&b); i++) {
		if (i == 0 || (from + i) % written == 0)
			p = row_at(answer->rows, (from + i) % written);
		else
			p++; /* over the semicolon */
		for (size_t column = 0; column < field_count; column++) {
			read_cell(&p, values, value_count, cell);
			if (strcmp(cell, "\\N") == 0) {
				cx_batch_set_null(&b, column);
			} else if (!put_cell(&b, column, &fields[column], cell)) {
				cx_batch_discard(&b);
				return cx_error_set(err, CDBC_INTERNAL, "fake: \"%s\" is no %s", cell,
									cdbc_type_name(fields[column].type.id));
			}
		}
	}
	return cx_batch_finish(&b, out, err);
}
