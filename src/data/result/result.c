// SPDX-License-Identifier: Apache-2.0
/* Rows as views on batches. */
#include "data/result/result.h"

#include "base/alloc.h"
#include "base/error.h"
#include "data/result/print.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define TEXT_MAX        ((size_t)1 << 31)
#define NUMBER_TEXT_MAX 4096

void cx_result_init(cdbc_result *result, const cx_result_source *source, void *self,
					const struct ArrowSchema *schema)
{
	result->source = source;
	result->self = self;
	result->schema = schema;
	result->fields = schema ? cx_schema_fields(schema) : NULL;
	result->column_count = schema ? (size_t)schema->n_children : 0;
	result->batch.release = NULL;
	result->row = -1;
	result->row_count = 0;
	result->received_count = 0;
	result->max_rows = 0;
	result->promised_min = 0;
	result->promised_max = INT64_MAX;
	result->state = CX_RESULT_OPEN;
	result->is_short = false;
	result->columns = NULL;
	result->texts = NULL;
	result->exported = NULL;
}

static void drop_batch(cdbc_result *result)
{
	if (result->batch.release)
		result->batch.release(&result->batch);
	result->row = -1;
}

void cx_result_fini(cdbc_result *result)
{
	drop_batch(result);
	if (result->exported)
		cx_export_cut(result->exported);
	result->exported = NULL;
	if (result->texts) {
		for (size_t i = 0; i < result->column_count; i++)
			cx_buf_free(&result->texts[i]);
		cx_free(result->texts);
		result->texts = NULL;
	}
	cx_free(result->columns);
	result->columns = NULL;
	result->state = CX_RESULT_CLOSED;
}

cdbc_status cx_result_refuse(cdbc_result *result, cdbc_status status, cdbc_error *error,
							 cdbc_error **err)
{
	drop_batch(result);
	result->state = CX_RESULT_FAILED;
	if (result->source->refuse)
		result->source->refuse(result->self, status, &error);
	cx_error_pass(err, error);
	return status;
}

/* The query's promise and the caller's limit, once more rows are known. */
static cdbc_status check_count(const cdbc_result *result, bool is_end, cdbc_error **err)
{
	if (result->max_rows && result->received_count > result->max_rows) {
		cx_error_set(err, CDBC_RESOURCE, "more than max-rows = %lld rows",
					 (long long)result->max_rows);
		cx_error_hint(err, "add a limit to the query, or raise max-rows");
		return CDBC_RESOURCE;
	}
	if (result->received_count > result->promised_max)
		return cx_error_set(err, CDBC_DATA, "the query promises one row and returned more");
	if (is_end && result->received_count < result->promised_min)
		return cx_error_set(err, CDBC_DATA, "the query promises one row and returned none");
	return CDBC_OK;
}

/* There was no more to come already. */
static bool load_after_end(cdbc_result *result, cdbc_error **err)
{
	if (result->state == CX_RESULT_FAILED) {
		if (result->is_short)
			cx_error_nomem(err);
		else
			cx_error_set(err, CDBC_USAGE, "the result has failed already");
	}
	return false;
}

bool cx_result_load(cdbc_result *result, cdbc_error **err)
{
	if (result->state != CX_RESULT_OPEN)
		return load_after_end(result, err);
	for (;;) {
		cdbc_error *error = NULL;
		bool is_end;

		drop_batch(result);
		if (result->source->fetch(result->self, &result->batch, err)) {
			result->batch.release = NULL;
			result->state = CX_RESULT_FAILED;
			return false;
		}
		is_end = !result->batch.release;
		if (!is_end)
			result->received_count += result->batch.length;
		if (__builtin_expect(result->received_count > result->max_rows || is_end, 0)) {
			cdbc_status status = check_count(result, is_end, &error);

			if (status) {
				cx_result_refuse(result, status, error, err);
				return false;
			}
		}
		if (is_end) {
			result->state = CX_RESULT_COMPLETE;
			return false;
		}
		if (result->batch.length > 0)
			return true;
	}
}

bool cdbc_result_next(cdbc_result *result, cdbc_error **err)
{
	if (result->exported) {
		cx_error_set(err, CDBC_USAGE, "the result was exported as an Arrow stream");
		return false;
	}
	if (result->batch.release && result->row + 1 < result->batch.length) {
		result->row++;
		result->row_count++;
		return true;
	}
	if (!cx_result_load(result, err))
		return false;
	result->row = 0;
	result->row_count++;
	return true;
}

bool cdbc_result_is_complete(const cdbc_result *result)
{
	return result->state == CX_RESULT_COMPLETE;
}

int64_t cdbc_result_row_count(const cdbc_result *result)
{
	return result->row_count;
}

int64_t cdbc_result_affected_count(const cdbc_result *result)
{
	return result->state == CX_RESULT_COMPLETE
			   ? result->source->summary(result->self)->affected_count
			   : -1;
}

const char *cdbc_result_tag(const cdbc_result *result)
{
	return result->state == CX_RESULT_COMPLETE ? result->source->summary(result->self)->tag : "";
}

/* ---- columns ---- */

size_t cdbc_result_column_count(const cdbc_result *result)
{
	return result->column_count;
}

const cdbc_column *cdbc_result_column(const cdbc_result *result, size_t index)
{
	cdbc_result *r = (cdbc_result *)(uintptr_t)result; /* columns is a cache */

	if (index >= result->column_count)
		return NULL;
	if (!r->columns) {
		r->columns = cx_calloc(r->column_count, sizeof *r->columns);
		if (!r->columns)
			return NULL;
		for (size_t i = 0; i < r->column_count; i++) {
			const cx_field *field = &r->fields[i];

			r->columns[i] = (cdbc_column){field->name, field->sql_type,
										  r->schema->children[i]->format, field->type};
		}
	}
	return &r->columns[index];
}

bool cdbc_result_find_column(const cdbc_result *result, const char *name, size_t *index)
{
	for (size_t i = 0; i < result->column_count; i++) {
		if (strcmp(result->fields[i].name, name) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

/* ---- values ---- */

/* The column's array and the present row in it; NULL when there is no value. */
static const struct ArrowArray *cell(const cdbc_result *result, size_t column, int64_t *at)
{
	const struct ArrowArray *array;
	const uint8_t *validity;

	if (column >= result->column_count || result->row < 0 || !result->batch.release)
		return NULL;
	array = result->batch.children[column];
	*at = result->row + result->batch.offset + array->offset;
	validity = array->buffers[0];
	if (validity && !(validity[*at >> 3] >> (*at & 7) & 1))
		return NULL;
	return array;
}

bool cdbc_result_is_null(const cdbc_result *result, size_t column)
{
	int64_t at;

	return !cell(result, column, &at);
}

static int64_t double_to_int64(double number)
{
	if (isnan(number))
		return 0;
	if (number >= 9223372036854775807.0)
		return INT64_MAX;
	if (number <= -9223372036854775808.0)
		return INT64_MIN;
	return (int64_t)llrint(number);
}

static bool get_bit(const struct ArrowArray *array, int64_t at)
{
	return ((const uint8_t *)array->buffers[1])[at >> 3] >> (at & 7) & 1;
}

/* A value that cannot be printed must not pass for an empty one: the result cannot become complete
 * any more. */
static void note_short(const cdbc_result *result)
{
	cdbc_result *r = (cdbc_result *)(uintptr_t)result;

	if (r->state == CX_RESULT_OPEN)
		r->state = CX_RESULT_FAILED;
	r->is_short = true;
}

/* The text of a number that is kept as one, or as a decimal. False: it has none. */
static bool number_text(const cdbc_result *result, size_t column, const struct ArrowArray *array,
						int64_t at, cx_buf *text)
{
	cx_buf_init(text, NUMBER_TEXT_MAX);
	cx_print_text(text, &result->fields[column], array, at);
	if (text->is_nomem)
		note_short(result);
	return text->data && !text->is_nomem && !text->is_over;
}

/* With all its digits where it is whole; a fraction is rounded. */
static int64_t parse_int64(const cdbc_result *result, size_t column, const struct ArrowArray *array,
						   int64_t at)
{
	int64_t number = 0;
	cx_buf text;

	if (number_text(result, column, array, at, &text)) {
		char *end;

		errno = 0;
		number = strtoll(text.data, &end, 10);
		if (*end != '\0' || errno)
			number = double_to_int64(strtod(text.data, NULL));
	}
	cx_buf_free(&text);
	return number;
}

static double parse_double(const cdbc_result *result, size_t column, const struct ArrowArray *array,
						   int64_t at)
{
	double number = 0;
	cx_buf text;

	if (number_text(result, column, array, at, &text))
		number = strtod(text.data, NULL);
	cx_buf_free(&text);
	return number;
}

int64_t cdbc_result_int64(const cdbc_result *result, size_t column)
{
	int64_t at;
	const struct ArrowArray *array = cell(result, column, &at);

	if (!array)
		return 0;
	switch (result->fields[column].storage) {
	case CX_INT64:
	case CX_TIME64:
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ:
		return ((const int64_t *)array->buffers[1])[at];
	case CX_INT32:
	case CX_DATE32:
		return ((const int32_t *)array->buffers[1])[at];
	case CX_INT16:
		return ((const int16_t *)array->buffers[1])[at];
	case CX_BOOL:
		return get_bit(array, at);
	case CX_FLOAT64:
		return double_to_int64(((const double *)array->buffers[1])[at]);
	case CX_FLOAT32:
		return double_to_int64((double)((const float *)array->buffers[1])[at]);
	case CX_DECIMAL128:
	case CX_UTF8:
		return parse_int64(result, column, array, at);
	default:
		return 0;
	}
}

double cdbc_result_double(const cdbc_result *result, size_t column)
{
	int64_t at;
	const struct ArrowArray *array = cell(result, column, &at);

	if (!array)
		return 0;
	switch (result->fields[column].storage) {
	case CX_FLOAT64:
		return ((const double *)array->buffers[1])[at];
	case CX_FLOAT32:
		return (double)((const float *)array->buffers[1])[at];
	case CX_DECIMAL128:
	case CX_UTF8:
		return parse_double(result, column, array, at);
	default:
		return (double)cdbc_result_int64(result, column);
	}
}

bool cdbc_result_bool(const cdbc_result *result, size_t column)
{
	int64_t at;
	const struct ArrowArray *array = cell(result, column, &at);

	if (!array)
		return false;
	if (result->fields[column].storage == CX_BOOL)
		return get_bit(array, at);
	return cdbc_result_int64(result, column) != 0;
}

static cdbc_text no_text(const cdbc_result *result)
{
	note_short(result);
	return (cdbc_text){"", 0};
}

/* Prints a value into the column's own buffer, which lasts until the next row. */
static cdbc_text printed(cdbc_result *result, size_t column, const struct ArrowArray *array,
						 int64_t at)
{
	cx_buf *text;

	if (!result->texts) {
		result->texts = cx_calloc(result->column_count, sizeof *result->texts);
		if (!result->texts)
			return no_text(result);
		for (size_t i = 0; i < result->column_count; i++)
			cx_buf_init(&result->texts[i], TEXT_MAX);
	}
	text = &result->texts[column];
	cx_buf_clear(text);
	cx_print_text(text, &result->fields[column], array, at);
	if (!text->data || text->is_nomem || text->is_over)
		return no_text(result);
	return (cdbc_text){text->data, text->length};
}

cdbc_text cdbc_result_text(cdbc_result *result, size_t column)
{
	int64_t at;
	const struct ArrowArray *array = cell(result, column, &at);
	cx_storage storage;

	if (!array)
		return (cdbc_text){"", 0};
	storage = result->fields[column].storage;
	if (storage == CX_UTF8 || storage == CX_BINARY) {
		const int32_t *offsets = array->buffers[1];
		const char *bytes = array->buffers[2];

		if (!bytes) /* all texts are empty */
			return (cdbc_text){"", 0};
		return (cdbc_text){bytes + offsets[at], (size_t)(offsets[at + 1] - offsets[at])};
	}
	return printed(result, column, array, at);
}

static cdbc_value value_of(cdbc_result *result, size_t column)
{
	const cx_field *field = &result->fields[column];
	cdbc_value value = cdbc_null();
	cdbc_text text;

	if (!cdbc_result_is_null(result, column)) {
		switch (field->storage) {
		case CX_BOOL:
			value = cdbc_bool(cdbc_result_bool(result, column));
			break;
		case CX_INT16:
		case CX_INT32:
		case CX_INT64:
			value = cdbc_int64(cdbc_result_int64(result, column));
			break;
		case CX_FLOAT32:
		case CX_FLOAT64:
			value = cdbc_double(cdbc_result_double(result, column));
			break;
		default:
			text = cdbc_result_text(result, column);
			value = field->storage == CX_BINARY ? cdbc_bytes(text.data, text.length)
												: cdbc_text_n(text.data, text.length);
		}
	}
	value.type = field->type;
	return value;
}

cdbc_status cdbc_result_row(cdbc_result *result, cdbc_param *items, cdbc_error **err)
{
	if (result->row < 0)
		return cx_error_set(err, CDBC_USAGE, "no row: call cdbc_result_next first");
	for (size_t i = 0; i < result->column_count; i++) {
		items[i] = cdbc_param_of(result->fields[i].name, value_of(result, i));
		if (result->is_short)
			return cx_error_nomem(err);
	}
	return CDBC_OK;
}

void cdbc_result_free(cdbc_result *result)
{
	if (!result || result->state == CX_RESULT_CLOSED || result->exported)
		return; /* an exported one lives on in its stream */
	result->source->close(result->self);
}
