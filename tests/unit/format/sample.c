// SPDX-License-Identifier: Apache-2.0
/* Batches for tests of formats. */
#include "format/sample.h"

#include "base/civil.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>

static void must(cx_parse parsed, const char *text)
{
	if (parsed != CX_PARSE_OK) {
		fprintf(stderr, "sample: cannot read %s\n", text);
		abort();
	}
}

/* The value's bytes in its storage's layout; returns their number. */
static size_t to_bytes(cx_storage storage, cdbc_type type, const char *text, size_t length,
					   char *out)
{
	switch (storage) {
	case CX_BOOL:
		out[0] = *text == 't';
		return 1;
	case CX_INT16:
	case CX_INT32:
	case CX_INT64: {
		int64_t number = strtoll(text, NULL, 10);

		memcpy(out, &number, 8);
		return storage == CX_INT16 ? 2 : storage == CX_INT32 ? 4 : 8;
	}
	case CX_FLOAT32: {
		float number;

		must(cx_float_parse(text, length, &number), text);
		memcpy(out, &number, 4);
		return 4;
	}
	case CX_FLOAT64: {
		double number;

		must(cx_double_parse(text, length, &number), text);
		memcpy(out, &number, 8);
		return 8;
	}
	case CX_DECIMAL128:
		must(cx_decimal_parse(text, length, type.precision, type.scale, out), text);
		return 16;
	case CX_DATE32: {
		int32_t days;

		must(cx_date_parse(text, length, &days), text);
		memcpy(out, &days, 4);
		return 4;
	}
	case CX_TIME64:
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ: {
		int64_t us;

		must(storage == CX_TIME64 ? cx_time_parse(text, length, &us)
								  : cx_timestamp_parse(text, length, &us, NULL),
			 text);
		memcpy(out, &us, 8);
		return 8;
	}
	case CX_INTERVAL: {
		int32_t months, days;
		int64_t ns;

		must(cx_interval_parse(text, length, &months, &days, &ns), text);
		memcpy(out, &months, 4);
		memcpy(out + 4, &days, 4);
		memcpy(out + 8, &ns, 8);
		return 16;
	}
	case CX_UUID:
		must(cx_uuid_parse(text, length, out), text);
		return 16;
	default:
		memcpy(out, text, length);
		return length;
	}
}

static void set_list(cx_batch *batch, size_t column, const cx_field *field, const char *text)
{
	cdbc_type type = field->type;
	char bytes[256];

	cx_batch_list_begin(batch, column);
	while (*text) {
		size_t length = strcspn(text, "|");

		if (length == 1 && *text == '~')
			cx_batch_item_null(batch, column);
		else
			cx_batch_item_put(batch, column, bytes,
							  to_bytes(field->item, type, text, length, bytes));
		text += length;
		text += *text == '|';
	}
}

void sample_set(cx_batch *batch, size_t column, const cx_field *field, const char *text)
{
	char bytes[16] = {0};

	if (!text) {
		cx_batch_set_null(batch, column);
	} else if (field->storage == CX_LIST) {
		set_list(batch, column, field, text);
	} else if (field->storage == CX_UTF8 || field->storage == CX_BINARY) {
		cx_batch_put_bytes(batch, column, text, strlen(text));
	} else if (field->storage == CX_BOOL) {
		cx_batch_set_bool(batch, column, *text == 't');
	} else {
		size_t n = to_bytes(field->storage, field->type, text, strlen(text), bytes);

		memcpy((char *)batch->columns[column].data + (size_t)cx_batch_at(batch) * n, bytes, n);
	}
}

cdbc_status sample_batch(const cx_field *fields, size_t count, const char *const *texts,
						 int64_t rows, struct ArrowArray *out, cdbc_error **err)
{
	cx_batch b;
	cdbc_status status = cx_batch_begin(&b, fields, count, rows, 64, err);

	if (status)
		return status;
	for (int64_t row = 0; row < rows && cx_batch_row(&b); row++)
		for (size_t i = 0; i < count && !b.has_failed; i++)
			sample_set(&b, i, &fields[i], *texts++);
	return cx_batch_finish(&b, out, err);
}

static cdbc_status keep(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	sample_sink *sink = self;

	if (++sink->call_count == sink->fail_at)
		return cx_error_set(err, CDBC_IO, "the sink is full");
	cx_buf_put(&sink->out, bytes, length);
	return cx_buf_status(&sink->out, "output", err);
}

cdbc_sink sample_sink_of(sample_sink *sink)
{
	return (cdbc_sink){sizeof(cdbc_sink), keep, sink};
}

cdbc_status sample_write(const cdbc_format *format, const cdbc_format_options *options,
						 const struct ArrowSchema *schema, const struct ArrowArray *batches,
						 size_t batch_count, const cdbc_sink *sink, cdbc_error **err)
{
	void *writer;
	cdbc_status status = format->open(options, sink, &writer, err);

	if (status)
		return status;
	status = format->begin(writer, schema, err);
	for (size_t i = 0; !status && i < batch_count; i++)
		status = format->batch(writer, &batches[i], err);
	if (!status)
		status = format->end(writer, err);
	format->destroy(writer);
	return status;
}

/* ---- every type
 * --------------------------------------------------------------------------------------------- */

static const cx_field every_field[] = {
	SAMPLE_FIELD("bool", CDBC_TYPE_BOOL),
	SAMPLE_FIELD("int2", CDBC_TYPE_INT2),
	SAMPLE_FIELD("int4", CDBC_TYPE_INT4),
	SAMPLE_FIELD("int8", CDBC_TYPE_INT8),
	SAMPLE_FIELD("float4", CDBC_TYPE_FLOAT4),
	SAMPLE_FIELD("float8", CDBC_TYPE_FLOAT8),
	SAMPLE_FIELD("text", CDBC_TYPE_TEXT),
	SAMPLE_FIELD("json", CDBC_TYPE_JSON),
	SAMPLE_FIELD("bytea", CDBC_TYPE_BYTES),
	SAMPLE_DECIMAL("decimal", 38, 2),
	SAMPLE_FIELD("numeric", CDBC_TYPE_NUMERIC),
	SAMPLE_FIELD("date", CDBC_TYPE_DATE),
	SAMPLE_FIELD("time", CDBC_TYPE_TIME),
	SAMPLE_FIELD("timestamp", CDBC_TYPE_TIMESTAMP),
	SAMPLE_FIELD("timestamptz", CDBC_TYPE_TIMESTAMPTZ),
	SAMPLE_FIELD("interval", CDBC_TYPE_INTERVAL),
	SAMPLE_FIELD("uuid", CDBC_TYPE_UUID),
	SAMPLE_FIELD("other", CDBC_TYPE_OTHER),
	SAMPLE_ARRAY("ints", CDBC_TYPE_INT4),
	SAMPLE_ARRAY("texts", CDBC_TYPE_TEXT),
	SAMPLE_ARRAY("bools", CDBC_TYPE_BOOL),
	SAMPLE_ARRAY("uuids", CDBC_TYPE_UUID),
};

#define FIELD_COUNT (sizeof every_field / sizeof *every_field)

static const char *const every_value[SAMPLE_ROWS][FIELD_COUNT] = {
	{"t",
	 "1",
	 "1",
	 "1",
	 "1.5",
	 "0.1",
	 "plain",
	 "{\"a\": [1, null]}",
	 "\x01\xff",
	 "12.50",
	 "123456789012345678901234567890.123456789",
	 "2024-02-29",
	 "12:34:56.789",
	 "2024-02-29T12:34:56.789012",
	 "2024-02-29T12:34:56Z",
	 "1 year 2 mons 3 days 04:05:06.789",
	 "acde070d-8c4c-4f0d-9d8a-162843c10333",
	 "(1,2)",
	 "1|2|3",
	 "a|b c|",
	 "t|f|t",
	 "acde070d-8c4c-4f0d-9d8a-162843c10333"},
	{"f",
	 "-32768",
	 "-2147483648",
	 "-9223372036854775808",
	 "-0.000001",
	 "-1e+300",
	 "a,b\t\"c\"|\\d\r\n<e>",
	 "[]",
	 "",
	 "-999999999999999999999999999999999999.99",
	 "-0.00",
	 "0001-01-01",
	 "00:00:00",
	 "0001-01-01T00:00:00",
	 "1969-12-31T23:59:59.999999Z",
	 "-1 mons",
	 "00000000-0000-0000-0000-000000000000",
	 "",
	 "-1|~",
	 "NULL|~|x\"y|{}",
	 "~",
	 "~"},
	{NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
	{"t",
	 "32767",
	 "2147483647",
	 "9223372036854775807",
	 "3.4028235e+38",
	 "1.7976931348623157e+308",
	 "",
	 "\"x\"",
	 "\\x",
	 "0.00",
	 "0",
	 "9999-12-31",
	 "23:59:59.999999",
	 "9999-12-31T23:59:59.999999",
	 "9999-12-31T23:59:59.999999Z",
	 "00:00:00",
	 "ffffffff-ffff-ffff-ffff-ffffffffffff",
	 "null",
	 "",
	 "",
	 "",
	 ""},
	{"f",
	 "0",
	 "0",
	 "0",
	 "0",
	 "0",
	 "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80",
	 "null",
	 "abc",
	 "-0.01",
	 "-1",
	 "1970-01-01",
	 "00:00:00.000001",
	 "1970-01-01T00:00:00",
	 "1970-01-01T00:00:00Z",
	 "-1 days -00:00:00.000001",
	 "12345678-1234-1234-1234-123456789abc",
	 "NULL",
	 "0",
	 "\xc3\xa9|\\",
	 "f",
	 "ffffffff-ffff-ffff-ffff-ffffffffffff"},
};

const size_t sample_field_count = FIELD_COUNT;

const cx_field *sample_fields(void)
{
	static cx_field fields[FIELD_COUNT];

	memcpy(fields, every_field, sizeof fields);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		cx_field_resolve(&fields[i]);
	return fields;
}

cdbc_status sample_every_type(struct ArrowSchema *schema, struct ArrowArray *batch,
							  cdbc_error **err)
{
	const cx_field *fields = sample_fields();
	cdbc_status status = cx_schema_make(fields, FIELD_COUNT, schema, err);

	if (status)
		return status;
	status = sample_batch(fields, FIELD_COUNT, every_value[0], SAMPLE_ROWS, batch, err);
	if (status)
		schema->release(schema);
	return status;
}
