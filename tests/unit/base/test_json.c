// SPDX-License-Identifier: Apache-2.0
/* JSON: every token with its place, what is refused and where, texts out of escapes and back into
 * them, and parameters. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define DEPTH 64

static void init(cx_json *r, const char *text)
{
	cx_json_init(r, text, strlen(text), DEPTH);
}

/* A letter a token, with what it holds. */
static void tell(cx_json *r, cx_buf *out)
{
	static const char letters[] = "!.NFT#\"=[{]";

	do {
		cx_json_next(r);
		cx_buf_putf(out, "%c%.*s ", letters[r->kind],
					r->kind >= CX_JSON_NUMBER && r->kind <= CX_JSON_NAME ? (int)r->length : 0,
					r->text);
	} while (r->kind > CX_JSON_END);
}

static void tokens(void **state)
{
	static const char *const rows[][2] = {
		{" {\"a\" : [1, -2.50e+3,[ ]], \"b\\n\":{} }\n",
		 "{ =a [ #1 #-2.50e+3 [ ] ] =b\\n { ] ] . "},
		{"[true,false,null,\"x\\\"\"]", "[ T F N \"x\\\" ] . "},
		{"0", "#0 . "},
		{"\"\"", "\" . "},
		{"[1,]", "[ #1 ! "},
		{"{\"a\":1,}", "{ =a #1 ! "},
		{"[1}", "[ #1 ! "},
		{"1 1", "#1 ! "},
	};
	cx_buf out = CX_BUF_INIT(4096);
	cx_json r;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cx_buf_clear(&out);
		init(&r, rows[i][0]);
		tell(&r, &out);
		assert_string_equal(out.data, rows[i][1]);
		assert_int_equal(cx_json_next(&r), r.kind); /* says so again */
	}
	cx_buf_free(&out);
}

static void skips(void **state)
{
	static const char text[] = "[ {\"a\":[1,{\"b\":[]}], \"c\":\"]\"} ,7, \"x\"]";
	const char *at;
	cx_json r;

	init(&r, text);
	assert_int_equal(cx_json_next(&r), CX_JSON_ARRAY);
	assert_int_equal(cx_json_next(&r), CX_JSON_OBJECT);
	at = cx_json_at(&r);
	assert_int_equal(cx_json_skip(&r), CX_JSON_CLOSE);
	assert_int_equal(at - text, 2);
	assert_int_equal(r.p - at, 27);
	assert_int_equal(cx_json_next(&r), CX_JSON_NUMBER);
	assert_int_equal(cx_json_skip(&r), CX_JSON_NUMBER);
	assert_int_equal(cx_json_next(&r), CX_JSON_STRING);
	assert_ptr_equal(cx_json_at(&r), strstr(text, "\"x\""));
	assert_int_equal(cx_json_next(&r), CX_JSON_CLOSE);
	assert_int_equal(cx_json_next(&r), CX_JSON_END);
	init(&r, "[[1,[2 3]]]");
	cx_json_next(&r);
	assert_int_equal(cx_json_skip(&r), CX_JSON_BAD);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *message;
		int line, column;
	} rows[] = {
		{"", "a value is expected", 1, 1},
		{" \n ", "a value is expected", 2, 2},
		{"[", "a value is expected", 1, 2},
		{"{", "a name in quotes is expected", 1, 2},
		{"{a:1}", "a name in quotes is expected", 1, 2},
		{"{\"a\"}", "a colon is expected", 1, 5},
		{"{\"a\":1 \"b\"", "a comma or a closing brace is expected", 1, 8},
		{"[1\n\xc3\xa9", "a comma or a closing bracket is expected", 2, 1},
		{"[\"\xc3\xa9\" 1]", "a comma or a closing bracket is expected", 1, 6},
		{"01", "something follows the value", 1, 2},
		{"nul", "not a JSON value", 1, 1},
		{"[NaN]", "not a JSON value", 1, 2},
		{"\"a", "the string is not closed", 1, 3},
		{"\"\\", "the string is not closed", 1, 3},
		{"\"\\x\"", "no such escape", 1, 3},
		{"\"\\u12g4\"", "\\u is followed by four hexadecimal digits", 1, 6},
		{"\"123456789\n\"", "a control character in a string", 1, 11},
		{"\"12345678\xc3\"", "the string is not UTF-8", 1, 10},
		{"\"\xed\xa0\x80\"", "the string is not UTF-8", 1, 2},
	};
	cx_json r;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_error *err = NULL;

		init(&r, rows[i].text);
		while (cx_json_next(&r) > CX_JSON_END) {
		}
		assert_int_equal(r.kind, CX_JSON_BAD);
		assert_int_equal(cx_json_fail(&r, CDBC_DATA, &err), CDBC_DATA);
		assert_string_equal(cdbc_error_message(err), rows[i].message);
		assert_int_equal(cdbc_error_line(err), rows[i].line);
		assert_int_equal(cdbc_error_column(err), rows[i].column);
		cdbc_error_free(err);
	}
}

/* Wherever a text ends, nothing past it is looked at: each cut has a block of its own. */
static void cut_anywhere(void **state)
{
	static const char text[] =
		"{\"a\\u00e9\\ud83d\\ude00\xf0\x9f\x98\x80\":[-12.5e-3,true,false,null,{}]}";

	for (size_t length = 0; length < sizeof text; length++) {
		char *copy = malloc(length + 1);

		assert_non_null(copy);
		memcpy(copy + 1, text, length);
		assert_int_equal(cx_json_is_valid(copy + 1, length, DEPTH), length == sizeof text - 1);
		free(copy);
	}
}

static void strings(void **state)
{
	static const struct {
		const char *text, *wanted, *wrong;
		size_t at;
	} rows[] = {
		{"\"plain text\"", "plain text", NULL, 0},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", NULL, 0},
		{"\"x\\u0041\\u00e9\\u20AC\\ud83d\\uDE00y\"", "xA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80y",
		 NULL, 0},
		{"\"a\\u0000\"", NULL, "a text holds no NUL", 2},
		{"\"\\ud800\"", NULL, "half of a surrogate pair", 1},
		{"\"\\ud800\\n12345\"", NULL, "half of a surrogate pair", 1},
		{"\"ab\\ud800\\u0041\"", NULL, "half of a surrogate pair", 3},
		{"\"\\udc00\\ud800\"", NULL, "half of a surrogate pair", 1},
	};
	char out[64];
	size_t length;
	cx_json r;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		init(&r, rows[i].text);
		assert_int_equal(cx_json_next(&r), CX_JSON_STRING);
		if (rows[i].wrong) {
			assert_false(cx_json_is(&r, "", 0));
			assert_false(cx_json_decode(&r, out, &length));
			assert_string_equal(r.wrong, rows[i].wrong);
			assert_int_equal(r.p - r.begin, rows[i].at);
			assert_int_equal(cx_json_next(&r), CX_JSON_BAD);
			continue;
		}
		assert_true(cx_json_decode(&r, out, &length));
		assert_int_equal(length, strlen(rows[i].wanted));
		assert_memory_equal(out, rows[i].wanted, length);
		assert_true(cx_json_is(&r, out, length));
		assert_false(cx_json_is(&r, out, length - 1));
		out[length] = 'z';
		assert_false(cx_json_is(&r, out, length + 1));
		out[0]++;
		assert_false(cx_json_is(&r, out, length));
	}
}

static void check_json(const char *text, bool is_valid)
{
	if (cx_json_is_valid(text, strlen(text), DEPTH) != is_valid)
		fail_msg("%s is %s", text, is_valid ? "JSON" : "not JSON");
}

static void test_json_validity(void **state)
{
	static const char *const good[] = {"{}",
									   "[]",
									   " [ ] ",
									   "0",
									   "-0",
									   "1.5e+10",
									   "1E-2",
									   "\"\"",
									   "\"\\u00e9\\n\"",
									   "true",
									   "false",
									   "null",
									   "[1,2,[3]]",
									   "{\"a\":{\"b\":[{}]},\"c\":1}",
									   "[[],{},[[]]]",
									   "\t\r\n1 ",
									   "\"\xc3\xa9\""};
	static const char *const bad[] = {
		"",       " ",         "{",       "}",        "[",           "]",
		"[1,]",   "[,1]",      "{\"a\"}", "{\"a\":}", "{\"a\":1,}",  "{a:1}",
		"{1:1}",  "01",        "1.",      ".5",       "+1",          "-",
		"1e",     "1e+",       "\"",      "\"\\x\"",  "\"\\u12g4\"", "\"\\u12",
		"\"\n\"", "tru",       "truex",   "nul",      "1 2",         "[1 2]",
		"[1}",    "{\"a\":1]", "NaN",     "'a'",      "[1]]",        "\"\\"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		check_json(good[i], true);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		check_json(bad[i], false);
	assert_false(cx_json_is_valid("\"\\\0\"", 4, CX_JSON_DEPTH_MAX));
	assert_false(cx_json_is_valid("1\0", 2, CX_JSON_DEPTH_MAX));
	assert_true(cx_json_is_number("-1.5", 4));
	assert_false(cx_json_is_number(" 1", 2));
	assert_false(cx_json_is_number("", 0));
}

/* Deep nesting neither crashes nor is let through unchecked. */
static void test_json_depth(void **state)
{
	static char text[4 * CX_JSON_DEPTH_MAX];

	memset(text, '[', CX_JSON_DEPTH_MAX);
	memset(text + CX_JSON_DEPTH_MAX, ']', CX_JSON_DEPTH_MAX);
	assert_true(cx_json_is_valid(text, 2 * CX_JSON_DEPTH_MAX, CX_JSON_DEPTH_MAX));
	assert_false(cx_json_is_valid(text, 2 * CX_JSON_DEPTH_MAX - 1, CX_JSON_DEPTH_MAX));
	memset(text, '[', CX_JSON_DEPTH_MAX + 1);
	memset(text + CX_JSON_DEPTH_MAX + 1, ']', CX_JSON_DEPTH_MAX + 1);
	assert_false(cx_json_is_valid(text, 2 * CX_JSON_DEPTH_MAX + 2, CX_JSON_DEPTH_MAX));
}

/* ---- writing ---- */

static void written(void **state)
{
	static const char every[] = "a\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9 12345678\"12345678\\";
	static const char any[] = "ab\x7f\xff\xc2\x9b\xc3\xa9\xc3\n";
	const char *p = any, *end = any + sizeof any - 1;
	cx_buf out = CX_BUF_INIT(4096);
	char text[64], room[8];
	size_t length;
	cx_json r;

	cx_json_put_string(&out, every, sizeof every - 1);
	assert_string_equal(out.data, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9 "
								  "12345678\\\"12345678\\\\\"");
	cx_json_init(&r, out.data, out.length, 0);
	assert_int_equal(cx_json_next(&r), CX_JSON_STRING);
	assert_true(cx_json_decode(&r, text, &length));
	assert_int_equal(length, sizeof every - 1);
	assert_memory_equal(text, every, length);
	cx_buf_clear(&out);
	while (p < end) {
		cdbc_text piece = cx_json_piece(&p, end, room);

		cx_buf_put(&out, piece.data, piece.length);
	}
	assert_string_equal(out.data, "ab\\u007f\xef\xbf\xbd\\u009b\xc3\xa9\xef\xbf\xbd\\n");
	cx_buf_free(&out);
}

/* ---- parameters ---- */

static cdbc_status read_params(const char *text, size_t max, cx_arena *arena, cdbc_param **out,
							   size_t *count, cdbc_error **err)
{
	cdbc_status status;
	cx_json r;

	init(&r, text);
	cx_json_next(&r);
	status = cx_json_params(&r, arena, max, out, count, err);
	if (!status && cx_json_next(&r) != CX_JSON_END)
		status = cx_json_fail(&r, CDBC_USAGE, err);
	return status;
}

static void params(void **state)
{
	static const char text[] =
		"{\"i\":-9223372036854775808,\"n\":9223372036854775808,\"d\":1.50,\"s\":\"\\u00e9\","
		"\"z\":null,\"t\":true,\"o\":{ \"a\" : [1, 2] },\"l\":[1,[\"x\",[]],null]}";
	cx_arena arena = CX_ARENA_INIT;
	const cdbc_value *list;
	cdbc_param *p;
	size_t count;

	assert_int_equal(read_params(text, 8, &arena, &p, &count, NULL), CDBC_OK);
	assert_int_equal(count, 8);
	assert_string_equal(p[0].name, "i");
	assert_true(p[0].value.as.int64 == INT64_MIN);
	assert_int_equal(p[1].value.kind, CDBC_VALUE_TEXT);
	assert_string_equal(p[1].value.as.text.data, "9223372036854775808");
	assert_string_equal(p[2].value.as.text.data, "1.50");
	assert_string_equal(p[3].value.as.text.data, "\xc3\xa9");
	assert_int_equal(p[4].value.kind, CDBC_VALUE_NULL);
	assert_true(p[5].value.as.boolean);
	assert_string_equal(p[6].value.as.text.data, "{ \"a\" : [1, 2] }");
	assert_int_equal(p[7].value.as.array.count, 3);
	list = p[7].value.as.array.items;
	assert_int_equal(list[0].as.int64, 1);
	assert_int_equal(list[1].as.array.count, 2);
	assert_string_equal(list[1].as.array.items[0].as.text.data, "x");
	assert_int_equal(list[1].as.array.items[1].as.array.count, 0);
	assert_int_equal(list[2].kind, CDBC_VALUE_NULL);
	cx_arena_free(&arena);

	assert_int_equal(read_params("[1,\"b\"]", 2, &arena, &p, &count, NULL), CDBC_OK);
	assert_int_equal(count, 2);
	assert_null(p[1].name);
	assert_string_equal(p[1].value.as.text.data, "b");
	assert_int_equal(read_params("{}", 0, &arena, &p, &count, NULL), CDBC_OK);
	assert_int_equal(count, 0);
	cx_arena_free(&arena);
}

static void params_refused(void **state)
{
	static const struct {
		const char *text, *message;
		int column;
	} rows[] = {
		{"7", "an object or an array is expected", 1},
		{"{\"a\":1,\"b\":2,\"\\u0061\":3}", "a name is there twice", 14},
		{"{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", "too many members", 20},
		{"[1,2,3,4]", "too many values", 1},
		{"[\"\\udc00\"]", "half of a surrogate pair", 3},
		{"{\"\\u0000\":1}", "a text holds no NUL", 3},
		{"{\"a\":}", "not a JSON value", 6},
		{"[{\"a\":[1 2]}]", "a comma or a closing bracket is expected", 10},
		{"[[[", "a value is expected", 4},
		{"", "a value is expected", 1},
	};
	char deep[DEPTH + 1], *wide = malloc(2 * 65537 + 1);
	cx_arena arena = CX_ARENA_INIT;
	cdbc_param *p = NULL;
	size_t count = 0;
	cdbc_error *err = NULL;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(read_params(rows[i].text, 3, &arena, &p, &count, &err), CDBC_USAGE);
		assert_string_equal(cdbc_error_message(err), rows[i].message);
		assert_int_equal(cdbc_error_column(err), rows[i].column);
		cx_error_clear(&err);
	}
	memset(deep, '[', DEPTH + 1);
	deep[DEPTH] = '\0';
	assert_int_equal(read_params(deep, 3, &arena, &p, &count, &err), CDBC_USAGE);
	assert_string_equal(cdbc_error_message(err), "a value is expected");
	cx_error_clear(&err);
	assert_non_null(wide);
	for (size_t i = 0; i < 65537; i++)
		memcpy(wide + 2 * i, i ? ",1" : "[1", 3);
	assert_int_equal(read_params(wide, SIZE_MAX, &arena, &p, &count, &err), CDBC_USAGE);
	assert_string_equal(cdbc_error_message(err), "too many values");
	cx_error_clear(&err);
	free(wide);
	assert_null(p);
	cx_arena_free(&arena);
}

static cdbc_status read_some(void *data, cdbc_error **err)
{
	cx_arena arena = CX_ARENA_INIT;
	cdbc_param *p;
	size_t count;
	cdbc_status status =
		read_params("{\"a\":\"x\",\"b\":[1,[2.5],{}],\"c\":{}}", 3, &arena, &p, &count, err);

	if (!status)
		status = read_params("[1,2]", 3, &arena, &p, &count, err);
	cx_arena_free(&arena);
	return status;
}

static void short_of_memory(void **state)
{
	assert_true(oom_run(read_some, NULL) >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens),          cmocka_unit_test(skips),
		cmocka_unit_test(refuses),         cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(strings),         cmocka_unit_test(test_json_validity),
		cmocka_unit_test(test_json_depth), cmocka_unit_test(written),
		cmocka_unit_test(params),          cmocka_unit_test(params_refused),
		cmocka_unit_test(short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
