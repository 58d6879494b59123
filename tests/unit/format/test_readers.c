// SPDX-License-Identifier: Apache-2.0
/* The readers: the same rows wherever the input is cut, what they refuse and where, and every type
 * of the sample written and read again. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/format/reader.h"
#include "data/format/row_block.h"
#include "format/sample.h"
#include "support/oom.h"

#include <cdbc/format.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct taker {
	cx_buf out;
	const cx_read_as *kinds;
	size_t kind_count;
	bool has_no_lines;
	bool passes; /* bad records are passed over */
} taker;

static cdbc_status names(void *self, const cdbc_text *texts, size_t count, cdbc_error **err)
{
	taker *t = self;

	cx_buf_puts(&t->out, "(");
	for (size_t i = 0; i < count; i++)
		cx_buf_putf(&t->out, "%s%.*s", i ? "," : "", (int)texts[i].length, texts[i].data);
	cx_buf_puts(&t->out, ")");
	return cx_buf_status(&t->out, "out", err);
}

static cdbc_status kinds(void *self, const cx_read_as **out, size_t *count, cdbc_error **err)
{
	taker *t = self;

	*out = t->kinds;
	*count = t->kind_count;
	return CDBC_OK;
}

static cdbc_status keep(void *self, const cx_record *record, cdbc_error **err)
{
	taker *t = self;

	cx_buf_putf(&t->out, "%lld:", t->has_no_lines ? 0LL : (long long)record->line);
	for (size_t i = 0; i < record->count; i++) {
		const cdbc_value *value = &record->values[i];

		if (value->kind == CDBC_VALUE_NULL) {
			cx_buf_puts(&t->out, "NULL;");
			continue;
		}
		cx_buf_putc(&t->out, '[');
		if (cx_value_text(&t->out, value, err))
			return cdbc_error_status(*err);
		cx_buf_puts(&t->out, "];");
	}
	return cx_buf_status(&t->out, "out", err);
}

static cdbc_status bad(void *self, const cx_record *record, cdbc_error *error, cdbc_error **err)
{
	taker *t = self;
	cdbc_status status = cdbc_error_status(error);

	if (!t->passes) {
		cx_error_pass(err, error);
		return status;
	}
	cx_buf_putf(&t->out, "<%lld:%.*s>", (long long)record->line, (int)record->raw_length,
				record->raw);
	cdbc_error_free(error);
	return CDBC_OK;
}

static cdbc_status read_cut(const char *format, taker *t, const cx_reader_options *options,
							const char *text, size_t length, size_t cut, cdbc_error **err)
{
	static const cx_reader_options none;
	const cx_reader_sink sink = {names, kinds, keep, bad, t};
	cx_reader *reader;
	cdbc_status status;

	cx_buf_clear(&t->out);
	status = cx_reader_open(format, options ? options : &none, &sink, &reader, err);
	if (status)
		return status;
	status = cx_reader_feed(reader, text, cut, err);
	if (!status)
		status = cx_reader_feed(reader, text + cut, length - cut, err);
	if (!status)
		status = cx_reader_end(reader, err);
	cx_reader_free(reader);
	return status;
}

static void same_at_any_cut(const char *format, taker *t, const cx_reader_options *options,
							const char *text, size_t length, const char *wanted)
{
	for (size_t cut = 0; cut <= length; cut++) {
		cdbc_error *err = NULL;

		if (read_cut(format, t, options, text, length, cut, &err))
			fail_msg("cut at %zu: %s", cut, cdbc_error_message(err));
		assert_string_equal(t->out.data, wanted);
	}
}

static void csv_cut_anywhere(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
							   "a,b\r\n1,\"x\"\"\n,y\"\n,\"\"\n\n\"\\.\",2";
	const cx_reader_options header = {true, NULL, 0};
	static const char marked[] = "\xef\xbb\xbf\"a\nb\",c\n", unmarked[] = "ab\xbf\"x\ny";
	taker t = {.out = CX_BUF_INIT(4096), .passes = true};

	same_at_any_cut("csv", &t, NULL, marked, sizeof marked - 1, "1:[a\nb];[c];");
	same_at_any_cut("csv", &t, NULL, unmarked, sizeof unmarked - 1, "<1:ab\xbf\"x>2:[y];");
	same_at_any_cut("csv", &t, NULL, text, sizeof text - 1,
					"1:[a];[b];2:[1];[x\"\n,y];4:NULL;[];5:NULL;6:[\\.];[2];");
	same_at_any_cut("csv", &t, &header, text, sizeof text - 1,
					"(a,b)2:[1];[x\"\n,y];4:NULL;[];5:NULL;6:[\\.];[2];");
	cx_buf_free(&t.out);
}

/* The mark of UTF-8 before a quoted value with a line end in it, and what only begins like it. */
static void marks_cut_anywhere(void **state)
{
	static const char *const texts[][2] = {
		{"\xef\xbb\xbf\"a\nb\",1\n", "1:[a\nb];[1];"},
		{"\xef\xbb\xbf", ""},
		{"\xef\xbb\xbf\xef\xbb\xbf,1", "1:[\xef\xbb\xbf];[1];"},
		{"\xef\xbb", "1:[\xef\xbb];"},
		{"\xef", "1:[\xef];"},
		{"\xef\xbb,\"\n\"\n2", "1:[\xef\xbb];[\n];3:[2];"},
		{"\xef\xbb\xbe,\"\n\"\n2", "1:[\xef\xbb\xbe];[\n];3:[2];"}};
	taker t = {.out = CX_BUF_INIT(4096)};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		same_at_any_cut("csv", &t, NULL, texts[i][0], strlen(texts[i][0]), texts[i][1]);
	cx_buf_free(&t.out);
}

static void tsv_cut_anywhere(void **state)
{
	static const char text[] = "a\tb\n\\N\t\\\\N\n\t\\t\\n\\r\\x41\\102\\q\nx\\Ny\t\\N1";
	const cx_reader_options header = {true, NULL, 0};
	taker t = {.out = CX_BUF_INIT(4096)};

	same_at_any_cut("tsv", &t, &header, text, sizeof text - 1,
					"(a,b)2:NULL;[\\N];3:[];[\t\n\rABq];4:[xNy];[N1];");
	cx_buf_free(&t.out);
}

static void ndjson_cut_anywhere(void **state)
{
	static const char text[] =
		"{\"a\":1.50e+3,\"b\":\"x\\u00e9\\ud83d\\ude00\\\"\\n\",\"j\":\"s\",\"l\":[1,null,"
		"\"a\\\"b\",[2]]}\n"
		"\n  { \"l\" : [] , \"j\" : {\"k\": [1, 2]} }\r\n{\"a\":true,\"b\":[1, {}],\"j\":null}";
	static const cx_read_as as[] = {CX_READ_PLAIN, CX_READ_PLAIN, CX_READ_JSON, CX_READ_ARRAY};
	taker t = {.out = CX_BUF_INIT(4096), .kinds = as, .kind_count = 4};

	same_at_any_cut("ndjson", &t, NULL, text, sizeof text - 1,
					"(a,b,j,l)1:[1.50e+3];[x\xc3\xa9\xf0\x9f\x98\x80\"\n];[\"s\"];"
					"[{1,NULL,\"a\\\"b\",{2}}];3:NULL;NULL;[{\"k\": [1, 2]}];[{}];"
					"4:[true];[[1, {}]];NULL;NULL;");
	cx_buf_free(&t.out);
}

/* The items of a column of json[]: each its own JSON, quoted. */
static void ndjson_arrays_of_json(void **state)
{
	static const char text[] = "{\"a\":[\"\",{\"k\":\"v\"},null,[1]]}\n";
	static const cx_read_as as[] = {CX_READ_ARRAY_JSON};
	taker t = {.out = CX_BUF_INIT(4096), .kinds = as, .kind_count = 1};

	same_at_any_cut("ndjson", &t, NULL, text, sizeof text - 1,
					"(a)1:[{\"\\\"\\\"\",\"{\\\"k\\\":\\\"v\\\"}\",NULL,\"[1]\"}];");
	cx_buf_free(&t.out);
}

static void refuses(void **state)
{
	static const struct {
		const char *format, *text, *message;
		int line, column;
	} rows[] = {
		{"csv", "a\nb\"c\n", "a quote inside a value that is not quoted", 2, 2},
		{"csv", "a\n\"b\"c\n", "something stands between a closing quote and the comma", 2, 4},
		{"csv", "\"x\n\xc3\xa9\"y\n", "something stands between a closing quote and the comma", 2,
		 3},
		{"csv", "1,\"a\nb", "a quote is not closed", 1, 3},
		{"csv", "a\rb\n", "a carriage return inside a value that is not quoted", 1, 2},
		{"tsv", "a\nb\\\n", "a backslash ends the line", 2, 2},
		{"ndjson", "{\"a\":1}\n[1]\n", "not one JSON object", 2, 1},
		{"ndjson", "{\"a\":1}{}\n", "something follows the value", 1, 8},
		{"ndjson", "{}\n", "an object of 0 members names no columns", 1, 1},
		{"ndjson", "{\"a\":1}\n{\"b\":1}\n",
		 "\"b\" is none of the columns, which the first object names", 2, 2},
		{"ndjson", "{\"a\":1}\n{\"a\":1,\"a\":2}\n", "\"a\" is there twice", 2, 8},
		{"ndjson", "{\"a\":\"\\u0000\"}\n", "a text holds no NUL", 1, 7},
		{"ndjson", "{\"a\":\"\\ud800x\"}\n", "half of a surrogate pair", 1, 7},
		{"ndjson", "{\"a\":1}\n{\"a\":\"\xc3\xa9\xff\"}\n", "the string is not UTF-8", 2, 8},
		{"ndjson", "{\"a\":1,\"\\u0061\":1}\n", "\"a\" is there twice", 1, 8},
		{"ndjson", "{\"a\":1}\n{\"a\":[1}\n", "a comma or a closing bracket is expected", 2, 8},
		{"arrow", "\xff\xff\xff\xff", "the Arrow stream: its end is missing: it is not complete", 0,
		 0},
		{"arrow", "a,b\n1,2\n", "the Arrow stream: it does not begin as one", 0, 0},
	};
	taker t = {.out = CX_BUF_INIT(4096)};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_error *err = NULL;

		assert_int_equal(
			read_cut(rows[i].format, &t, NULL, rows[i].text, strlen(rows[i].text), 1, &err),
			CDBC_DATA);
		assert_string_equal(cdbc_error_message(err), rows[i].message);
		assert_int_equal(cdbc_error_line(err), rows[i].line);
		assert_int_equal(cdbc_error_column(err), rows[i].column);
		cdbc_error_free(err);
	}
	assert_int_equal(read_cut("json", &t, NULL, "", 0, 0, NULL), CDBC_UNSUPPORTED);
	assert_int_equal(read_cut("arrow", &t, NULL, "ARROW1\0\0", 8, 3, NULL), CDBC_UNSUPPORTED);
	cx_buf_free(&t.out);
}

static void passes_over(void **state)
{
	static const char csv[] = "a\nb\"c\nd\n", json[] = "{}\n{\"a\":1}\n7\n{\"a\":2}";
	taker t = {.out = CX_BUF_INIT(4096), .passes = true};

	same_at_any_cut("csv", &t, NULL, csv, sizeof csv - 1, "1:[a];<2:b\"c>3:[d];");
	same_at_any_cut("ndjson", &t, NULL, json, sizeof json - 1, "<1:{}>(a)2:[1];<3:7>4:[2];");
	cx_buf_free(&t.out);
}

/* ---- written and read again ---- */

static void read_written(const char *format, taker *t, cx_buf *bytes)
{
	const cx_reader_options header = {true, NULL, 0};
	sample_sink kept = {.out = CX_BUF_INIT(1 << 24)};
	cdbc_sink sink = sample_sink_of(&kept);
	struct ArrowSchema schema;
	struct ArrowArray batch;
	cdbc_error *err = NULL;

	assert_int_equal(sample_every_type(&schema, &batch, NULL), CDBC_OK);
	assert_int_equal(sample_write(cdbc_format_find(format), NULL, &schema, &batch, 1, &sink, NULL),
					 CDBC_OK);
	batch.release(&batch);
	schema.release(&schema);
	if (read_cut(format, t, &header, kept.out.data, kept.out.length, kept.out.length / 2, &err))
		fail_msg("%s: %s", format, cdbc_error_message(err));
	*bytes = kept.out;
}

/* Every type says the same in every format. */
static void every_type_comes_back(void **state)
{
	taker csv = {.out = CX_BUF_INIT(1 << 20), .has_no_lines = true};
	taker other = {.out = CX_BUF_INIT(1 << 20), .has_no_lines = true};
	cx_buf bytes;

	read_written("csv", &csv, &bytes);
	cx_buf_free(&bytes);
	read_written("tsv", &other, &bytes);
	cx_buf_free(&bytes);
	assert_string_equal(other.out.data, csv.out.data);
	read_written("arrow", &other, &bytes);
	assert_string_equal(other.out.data, csv.out.data);
	same_at_any_cut("arrow", &other, NULL, bytes.data, bytes.length, csv.out.data);
	cx_buf_free(&bytes);
	read_written("ndjson", &other, &bytes);
	cx_buf_free(&bytes);
	cx_buf_free(&csv.out);
	cx_buf_free(&other.out);
}

/* Whatever byte is changed, or wherever it is cut: an error or rows, and nothing else. */
static void arrow_damaged(void **state)
{
	taker t = {.out = CX_BUF_INIT(1 << 20), .has_no_lines = true};
	cx_buf bytes;

	read_written("arrow", &t, &bytes);
	for (size_t i = 0; i < bytes.length; i++) {
		char was = bytes.data[i];

		assert_int_not_equal(read_cut("arrow", &t, NULL, bytes.data, i, i / 2, NULL), CDBC_OK);
		for (unsigned bit = 1; bit < 256; bit = bit * 4 + 3) {
			bytes.data[i] = (char)((unsigned char)was ^ bit);
			(void)!read_cut("arrow", &t, NULL, bytes.data, bytes.length, 8, NULL);
		}
		bytes.data[i] = was;
	}
	cx_buf_free(&bytes);
	cx_buf_free(&t.out);
}

static cdbc_status read_all(void *data, cdbc_error **err)
{
	static const char *const formats[] = {"csv", "tsv", "ndjson", "arrow"};
	const cx_buf *bytes = data;
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < 4; i++) {
		const cx_reader_options header = {true, NULL, 0};
		taker t = {.out = CX_BUF_INIT(1 << 20)};

		status = read_cut(formats[i], &t, &header, bytes[i].data, bytes[i].length,
						  bytes[i].length / 2, err);
		cx_buf_free(&t.out);
	}
	return status;
}

static void short_of_memory(void **state)
{
	static const char *const formats[] = {"csv", "tsv", "ndjson", "arrow"};
	taker t = {.out = CX_BUF_INIT(1 << 20)};
	cx_buf bytes[4];

	for (size_t i = 0; i < 4; i++)
		read_written(formats[i], &t, &bytes[i]);
	cx_buf_free(&t.out);
	assert_true(oom_run(read_all, bytes) > 20);
	for (size_t i = 0; i < 4; i++)
		cx_buf_free(&bytes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_cut_anywhere),      cmocka_unit_test(marks_cut_anywhere),
		cmocka_unit_test(tsv_cut_anywhere),      cmocka_unit_test(ndjson_cut_anywhere),
		cmocka_unit_test(ndjson_arrays_of_json), cmocka_unit_test(refuses),
		cmocka_unit_test(passes_over),           cmocka_unit_test(every_type_comes_back),
		cmocka_unit_test(arrow_damaged),         cmocka_unit_test(short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
