// SPDX-License-Identifier: Apache-2.0
/* csv, tsv, json, ndjson and markdown, byte for byte; and read back by parsers that are not theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>

#include "data/result/print.h"
#include "format/check.h"

#define ROWS 6
static const char *const texts[ROWS][3] = {
	{"1", "plain", "x"},
	{NULL, NULL, NULL},
	{"-2", "", "\\."},
	{"3", "a,b", "say \"hi\""},
	{"4", "two\r\nlines", "tab\there"},
	{"5", "pipe|back\\slash", "<b>\xc3\xa9"},
};

static void check(const char *format, const cdbc_format_options *options, const char *expected)
{
	cx_field fields[] = {SAMPLE_FIELD("id", CDBC_TYPE_INT8),
						 SAMPLE_FIELD("a \"b\"", CDBC_TYPE_TEXT),
						 SAMPLE_FIELD("c,d", CDBC_TYPE_TEXT)};

	check_written(format, options, fields, 3, texts[0], ROWS, expected);
}

static void test_csv(void **state)
{
	cdbc_format_options bare = CDBC_FORMAT_OPTIONS_INIT;

	check("csv", NULL,
		  "id,\"a \"\"b\"\"\",\"c,d\"\n"
		  "1,plain,x\n"
		  ",,\n"
		  "-2,\"\",\"\\.\"\n"
		  "3,\"a,b\",\"say \"\"hi\"\"\"\n"
		  "4,\"two\r\nlines\",tab\there\n"
		  "5,pipe|back\\slash,<b>\xc3\xa9\n");
	bare.has_header = false;
	check("csv", &bare,
		  "1,plain,x\n"
		  ",,\n"
		  "-2,\"\",\"\\.\"\n"
		  "3,\"a,b\",\"say \"\"hi\"\"\"\n"
		  "4,\"two\r\nlines\",tab\there\n"
		  "5,pipe|back\\slash,<b>\xc3\xa9\n");
}

/* Each character that means something, alone. */
static void test_single_marks(void **state)
{
	static const char *const rows[] = {",", "\"", "\n", "\r", "\t", "\\", " ", "\\."};
	cx_field field = SAMPLE_FIELD("t", CDBC_TYPE_TEXT);

	check_written("csv", NULL, &field, 1, rows, 8,
				  "t\n\",\"\n\"\"\"\"\n\"\n\"\n\"\r\"\n\t\n\\\n \n\"\\.\"\n");
	check_written("tsv", NULL, &field, 1, rows, 8, "t\n,\n\"\n\\n\n\\r\n\\t\n\\\\\n \n\\\\.\n");
	check_written("markdown", NULL, &field, 1, rows, 7,
				  "| t |\n| --- |\n| , |\n| \" |\n| <br> |\n| <br> |\n| \t |\n| \\\\ |\n|   |\n");
}

static void test_tsv(void **state)
{
	check("tsv", NULL,
		  "id\ta \"b\"\tc,d\n"
		  "1\tplain\tx\n"
		  "\\N\t\\N\t\\N\n"
		  "-2\t\t\\\\.\n"
		  "3\ta,b\tsay \"hi\"\n"
		  "4\ttwo\\r\\nlines\ttab\\there\n"
		  "5\tpipe|back\\\\slash\t<b>\xc3\xa9\n");
}

static void test_json(void **state)
{
	check("json", NULL,
		  "[\n"
		  "{\"id\":1,\"a \\\"b\\\"\":\"plain\",\"c,d\":\"x\"},\n"
		  "{\"id\":null,\"a \\\"b\\\"\":null,\"c,d\":null},\n"
		  "{\"id\":-2,\"a \\\"b\\\"\":\"\",\"c,d\":\"\\\\.\"},\n"
		  "{\"id\":3,\"a \\\"b\\\"\":\"a,b\",\"c,d\":\"say \\\"hi\\\"\"},\n"
		  "{\"id\":4,\"a \\\"b\\\"\":\"two\\r\\nlines\",\"c,d\":\"tab\\there\"},\n"
		  "{\"id\":5,\"a \\\"b\\\"\":\"pipe|back\\\\slash\",\"c,d\":\"<b>\xc3\xa9\"}\n"
		  "]\n");
}

static void test_ndjson(void **state)
{
	check("ndjson", NULL,
		  "{\"id\":1,\"a \\\"b\\\"\":\"plain\",\"c,d\":\"x\"}\n"
		  "{\"id\":null,\"a \\\"b\\\"\":null,\"c,d\":null}\n"
		  "{\"id\":-2,\"a \\\"b\\\"\":\"\",\"c,d\":\"\\\\.\"}\n"
		  "{\"id\":3,\"a \\\"b\\\"\":\"a,b\",\"c,d\":\"say \\\"hi\\\"\"}\n"
		  "{\"id\":4,\"a \\\"b\\\"\":\"two\\r\\nlines\",\"c,d\":\"tab\\there\"}\n"
		  "{\"id\":5,\"a \\\"b\\\"\":\"pipe|back\\\\slash\",\"c,d\":\"<b>\xc3\xa9\"}\n");
}

static void test_markdown(void **state)
{
	check("markdown", NULL,
		  "| id | a \"b\" | c,d |\n"
		  "| ---: | --- | --- |\n"
		  "| 1 | plain | x |\n"
		  "|  |  |  |\n"
		  "| -2 | \"\" | \\\\. |\n"
		  "| 3 | a,b | say \"hi\" |\n"
		  "| 4 | two<br>lines | tab\there |\n"
		  "| 5 | pipe\\|back\\\\slash | \\<b>\xc3\xa9 |\n");
}

static void test_no_rows(void **state)
{
	static const struct {
		const char *format, *expected;
	} cases[] = {{"csv", "n\n"},
				 {"tsv", "n\n"},
				 {"json", "[]\n"},
				 {"ndjson", ""},
				 {"markdown", "| n |\n| ---: |\n"},
				 {"table", " n\n---\n(0 rows)\n"}};
	cx_field field = SAMPLE_FIELD("n", CDBC_TYPE_INT8);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_written(cases[i].format, NULL, &field, 1, NULL, 0, cases[i].expected);
}

/* `select from t` has rows, but no columns. */
static void test_no_columns(void **state)
{
	static const struct {
		const char *format, *expected;
	} cases[] = {{"csv", "\n\n"},        {"tsv", "\n\n"},  {"json", "[\n{},\n{}\n]\n"},
				 {"ndjson", "{}\n{}\n"}, {"markdown", ""}, {"table", "(2 rows)\n"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_written(cases[i].format, NULL, NULL, 0, NULL, 2, cases[i].expected);
}

/* An object must not have a key twice, and a made name must not meet a real one. */
static void test_names_twice(void **state)
{
	static const char *const row[] = {"1", "2", "3", "4", "5"};
	cx_field fields[] = {SAMPLE_FIELD("a", CDBC_TYPE_INT8), SAMPLE_FIELD("a", CDBC_TYPE_INT8),
						 SAMPLE_FIELD("a_2", CDBC_TYPE_INT8), SAMPLE_FIELD("a", CDBC_TYPE_INT8),
						 SAMPLE_FIELD("a_2", CDBC_TYPE_INT8)};

	check_written("ndjson", NULL, fields, 5, row, 1,
				  "{\"a\":1,\"a_3\":2,\"a_2\":3,\"a_4\":4,\"a_2_2\":5}\n");
	check_written("csv", NULL, fields, 5, row, 1, "a,a,a_2,a,a_2\n1,2,3,4,5\n");
}

/* ---- read back
 * ---------------------------------------------------------------------------------------------- */

static void check_value(const cx_field *field, const struct ArrowArray *column, int64_t at,
						const json_t *value)
{
	cx_buf text = CX_BUF_INIT(1 << 20);

	cx_buf_put(&text, "", 0);
	if (cx_is_null_at(column, at)) {
		assert_true(json_is_null(value));
	} else if (field->storage == CX_INT64) {
		assert_int_equal(json_integer_value(value), ((const int64_t *)column->buffers[1])[at]);
	} else if (field->storage == CX_FLOAT64) {
		assert_true(json_number_value(value) == ((const double *)column->buffers[1])[at]);
	} else if (field->storage == CX_LIST) {
		const int32_t *offsets = column->buffers[1];

		assert_int_equal(json_array_size(value), offsets[at + 1] - offsets[at]);
	} else if (field->storage == CX_UTF8 && field->type.id != CDBC_TYPE_JSON &&
			   field->type.id != CDBC_TYPE_NUMERIC) {
		cx_print_text(&text, field, column, at);
		assert_int_equal(json_string_length(value), text.length);
		assert_memory_equal(json_string_value(value), text.data, text.length);
	} else if (field->type.id != CDBC_TYPE_JSON) {
		assert_false(json_is_null(value));
	}
	cx_buf_free(&text);
}

static void test_json_reads_back(void **state)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 20)};
	cdbc_sink sink = sample_sink_of(&kept);
	struct ArrowSchema schema;
	struct ArrowArray batch;
	const cx_field *fields;
	json_error_t where;
	json_t *rows;

	assert_int_equal(sample_every_type(&schema, &batch, NULL), CDBC_OK);
	assert_int_equal(sample_write(cdbc_format_find("json"), NULL, &schema, &batch, 1, &sink, NULL),
					 CDBC_OK);
	rows = json_loadb(kept.out.data, kept.out.length, JSON_REJECT_DUPLICATES, &where);
	if (!rows)
		fail_msg("%s at %d", where.text, where.position);
	fields = cx_schema_fields(&schema);
	assert_int_equal(json_array_size(rows), SAMPLE_ROWS);
	for (size_t r = 0; r < SAMPLE_ROWS; r++)
		for (size_t i = 0; i < sample_field_count; i++)
			check_value(&fields[i], batch.children[i], (int64_t)r,
						json_object_get(json_array_get(rows, r), fields[i].name));
	json_decref(rows);
	cx_buf_free(&kept.out);
	batch.release(&batch);
	schema.release(&schema);
}

/* A CSV reader by RFC 4180, which tells "" from nothing: returns the value's end. */
static const char *read_csv_value(const char *p, cx_buf *value, bool *is_null)
{
	cx_buf_clear(value);
	*is_null = *p == ',' || *p == '\n';
	if (*p != '"') {
		while (*p != ',' && *p != '\n')
			cx_buf_putc(value, *p++);
		return p;
	}
	for (p++; *p != '"' || p[1] == '"'; p++) {
		if (*p == '"')
			p++;
		cx_buf_putc(value, *p);
	}
	return p + 1;
}

static void test_csv_reads_back(void **state)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 20)};
	cdbc_sink sink = sample_sink_of(&kept);
	cx_buf value = CX_BUF_INIT(1 << 20), text = CX_BUF_INIT(1 << 20);
	struct ArrowSchema schema;
	struct ArrowArray batch;
	const cx_field *fields;
	const char *p;

	assert_int_equal(sample_every_type(&schema, &batch, NULL), CDBC_OK);
	assert_int_equal(sample_write(cdbc_format_find("csv"), NULL, &schema, &batch, 1, &sink, NULL),
					 CDBC_OK);
	fields = cx_schema_fields(&schema);
	p = strchr(kept.out.data, '\n') + 1;
	for (int64_t r = 0; r < SAMPLE_ROWS; r++) {
		for (size_t i = 0; i < sample_field_count; i++, p++) {
			bool is_null;

			p = read_csv_value(p, &value, &is_null);
			cx_buf_clear(&text);
			cx_print_text(&text, &fields[i], batch.children[i], r);
			assert_int_equal(is_null, cx_is_null_at(batch.children[i], r));
			assert_int_equal(value.length, text.length);
			if (text.length)
				assert_memory_equal(value.data, text.data, text.length);
			assert_int_equal(*p, i + 1 < sample_field_count ? ',' : '\n');
		}
	}
	assert_ptr_equal(p, kept.out.data + kept.out.length);
	cx_buf_free(&kept.out);
	cx_buf_free(&value);
	cx_buf_free(&text);
	batch.release(&batch);
	schema.release(&schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_single_marks),
		cmocka_unit_test(test_tsv),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_ndjson),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_no_columns),
		cmocka_unit_test(test_names_twice),
		cmocka_unit_test(test_json_reads_back),
		cmocka_unit_test(test_csv_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
