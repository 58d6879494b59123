// SPDX-License-Identifier: Apache-2.0
/* The marks of a test file, which are comments that begin a line: test, call, expect and others.
 * The rows of a table are test_table.c's. */
#include "app/cli/test_internal.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 200
#define PARAMS_MAX     1000

enum {
	MARK_TEST,
	MARK_CALL,
	MARK_PARAM,
	MARK_EXPECT,
	MARK_DIALECT,
	MARK_NO_TRANSACTION,
	MARK_SETUP,
	MARK_COUNT
};

static const char *const marks[] = {"test",    "call",           "param", "expect",
									"dialect", "no-transaction", "setup"};

/* ---- Words ----------------------------------------------------------------------------------- */

/* Up to the next blank. */
static const char *take_word(cli_line *l, size_t *length)
{
	size_t from;

	cli_skip_blanks(l);
	from = l->at;
	while (l->at < l->length && !cli_is_blank(l->text[l->at]))
		l->at++;
	*length = l->at - from;
	return l->text + from;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* '..' with '' for a quote, or E'..' with \n and the like: its bytes. False: it is not closed. */
static bool take_quoted(cli_line *l, cx_buf *out)
{
	bool has_escapes = l->text[l->at] != '\'';

	for (l->at += has_escapes ? 2 : 1; l->at < l->length; l->at++) {
		char c = l->text[l->at];

		if (c == '\'') {
			if (l->at + 1 >= l->length || l->text[l->at + 1] != '\'') {
				l->at++;
				return true;
			}
			l->at++;
		} else if (c == '\\' && has_escapes && l->at + 1 < l->length) {
			c = l->text[++l->at];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
		}
		cx_buf_putc(out, c);
	}
	return false;
}

static bool take_value(cli_test_reader *r, cli_line *l, cdbc_value *out)
{
	bool is_escaped = l->length - l->at >= 2 && (l->text[l->at] == 'E' || l->text[l->at] == 'e') &&
					  l->text[l->at + 1] == '\'';
	const char *word;
	size_t length;

	if (l->at < l->length && (is_escaped || l->text[l->at] == '\'')) {
		cx_buf value = CX_BUF_INIT(CLI_TEST_FILE_MAX);
		cli_line begin = *l;
		bool is_closed = take_quoted(l, &value);

		if (is_closed && l->at < l->length && !cli_is_blank(l->text[l->at]))
			is_closed = false;
		if (!is_closed)
			CLI_TEST_FAIL(r, &begin, "'...', with '' for a quote", "a value that is not closed");
		r->is_nomem = r->is_nomem || value.is_nomem;
		*out =
			cdbc_text_n(cli_test_text(r, value.data ? value.data : "", value.length), value.length);
		cx_buf_free(&value);
		return is_closed;
	}
	for (length = l->at; length < l->length && !cli_is_blank(l->text[length]);)
		length++;
	word = l->text + l->at;
	length -= l->at;
	l->at += length;
	if (cli_is_word(word, length, "NULL") || cli_is_word(word, length, "null"))
		*out = cdbc_null();
	else
		*out = cdbc_text_n(cli_test_text(r, word, length), length);
	return true;
}

/* One NAME=VALUE, added to params. False: it is none, which was reported. */
static bool take_param(cli_test_reader *r, cli_line *l, cx_buf *params)
{
	const cdbc_param *given = (const cdbc_param *)(const void *)params->data;
	size_t count = params->length / sizeof *given, length = 0;
	const char *word = l->text + l->at;
	cli_line begin = *l;
	cdbc_param param;

	while (l->at + length < l->length && !cli_is_blank(word[length]) && word[length] != '=')
		length++;
	if (length == 0 || l->at + length >= l->length || word[length] != '=') {
		CLI_TEST_FAIL(r, l, "NAME=VALUE, and '...' around a value with blanks",
					  "\"%.*s\" is no parameter", (int)(length > 100 ? 100 : length), word);
		return false;
	}
	if (count == PARAMS_MAX) {
		CLI_TEST_FAIL(r, l, NULL, "more than %d parameters", PARAMS_MAX);
		return false;
	}
	l->at += length + 1;
	param.name = cli_test_text(r, word, length);
	if (!take_value(r, l, &param.value))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(given[i].name, param.name) == 0) {
			CLI_TEST_FAIL(r, &begin, NULL, "parameter \"%s\" is given twice", param.name);
			return false;
		}
	cx_buf_put(params, &param, sizeof param);
	return !params->is_nomem;
}

/* NAME=VALUE... up to the line's end, added to the step's. */
static void take_params(cli_test_reader *r, cli_line *l, cli_test_step *step)
{
	cx_buf params = CX_BUF_INIT((PARAMS_MAX + 1) * sizeof(cdbc_param));

	if (step->param_count)
		cx_buf_put(&params, step->params, step->param_count * sizeof *step->params);
	for (cli_skip_blanks(l); l->at < l->length; cli_skip_blanks(l))
		if (!take_param(r, l, &params))
			break;
	r->is_nomem = r->is_nomem || params.is_nomem;
	step->params = cli_test_alloc(r, params.length + 1);
	if (step->params && params.length) {
		memcpy(step->params, params.data, params.length);
		step->param_count = params.length / sizeof *step->params;
	}
	cx_buf_free(&params);
}

static void call_mark(cli_test_reader *r, cli_line *l)
{
	cli_test_step *step;
	const char *name;
	size_t length;

	cli_skip_blanks(l);
	step = cli_test_add_step(r, r->line, cli_test_column(r, cli_offset_of(r, l)));
	name = take_word(l, &length);
	if (!step)
		return;
	if (length == 0) {
		CLI_TEST_FAIL(r, l, NULL, "which query? -- call: NAME");
		return;
	}
	step->name = cli_test_text(r, name, length);
	take_params(r, l, step);
}

static void param_mark(cli_test_reader *r, cli_line *l)
{
	cli_skip_blanks(l);
	if (!r->step || r->step->sql || r->step->expects)
		CLI_TEST_FAIL(r, l, NULL, "a parameter belongs below a -- call:");
	else
		take_params(r, l, r->step);
}

/* ---- Expectations ---------------------------------------------------------------------------- */

static bool is_sqlstate(const char *text, size_t length)
{
	bool has_digit = false;

	for (size_t i = 0; i < length; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (!is_digit && !(text[i] >= 'A' && text[i] <= 'Z'))
			return false;
		has_digit |= is_digit;
	}
	return length == 5 && has_digit;
}

/* What follows `error`: a SQLSTATE, a text, both or neither. */
static void expect_error(cli_test_reader *r, cli_line *l, cli_expect *expect)
{
	cli_line before;
	const char *word;
	size_t length;

	cli_skip_blanks(l);
	before = *l;
	word = take_word(l, &length);
	if (is_sqlstate(word, length))
		expect->sqlstate = cli_test_text(r, word, length);
	else
		*l = before;
	cli_skip_blanks(l);
	expect->text = cli_test_text(r, l->text + l->at, l->length - l->at);
	l->at = l->length;
}

/* What an expectation says, after its colon. False: nothing that is known. */
static bool expect_words(cli_test_reader *r, cli_line *l, cli_expect *expect)
{
	const char *first, *second;
	size_t first_length, second_length;

	first = take_word(l, &first_length);
	if (cli_is_word(first, first_length, "error")) {
		expect->kind = EXPECT_ERROR;
		expect_error(r, l, expect);
		return true;
	}
	second = take_word(l, &second_length);
	cli_skip_blanks(l);
	if (l->at < l->length)
		return false;
	if (second_length == 0) {
		expect->kind = cli_is_word(first, first_length, "nothing") ? EXPECT_NOTHING : EXPECT_TABLE;
		expect->is_unordered = cli_is_word(first, first_length, "unordered");
		return first_length == 0 || expect->kind == EXPECT_NOTHING || expect->is_unordered ||
			   cli_is_word(first, first_length, "ordered");
	}
	expect->kind = EXPECT_ROWS;
	if (cli_is_word(second, second_length, "rows") || cli_is_word(second, second_length, "row"))
		return cx_text_int64(first, first_length, 0, INT64_MAX, &expect->count);
	expect->kind = EXPECT_AFFECTED;
	return cli_is_word(first, first_length, "affected") &&
		   cx_text_int64(second, second_length, 0, INT64_MAX, &expect->count);
}

static void expect_mark(cli_test_reader *r, cli_line *l)
{
	cli_expect *expect;
	cli_line begin;

	cli_skip_blanks(l);
	begin = *l;
	r->table = NULL;
	if (!r->step) {
		CLI_TEST_FAIL(r, l, NULL, "of what? An expectation follows a -- call: or a statement");
		return;
	}
	expect = cli_test_alloc(r, sizeof *expect);
	if (!expect)
		return;
	expect->line = r->line;
	expect->column = cli_test_column(r, cli_offset_of(r, l));
	expect->sqlstate = expect->text = "";
	if (!expect_words(r, l, expect)) {
		CLI_TEST_FAIL(
			r, &begin,
			"N rows, affected N, nothing, error [SQLSTATE] [TEXT], or a table below (unordered)",
			"this cannot be expected");
		return;
	}
	for (const cli_expect *e = r->step->expects; e; e = e->next)
		if (e->kind == EXPECT_ERROR || expect->kind == EXPECT_ERROR || e->kind == expect->kind) {
			CLI_TEST_FAIL(r, &begin, NULL, "this contradicts the expectation in line %zu", e->line);
			return;
		}
	*r->expect_tail = expect;
	r->expect_tail = &expect->next;
	if (expect->kind == EXPECT_TABLE)
		r->table = expect;
}

/* ---- Marks ----------------------------------------------------------------------------------- */

static void dialect_mark(cli_test_reader *r, cli_line *l)
{
	unsigned dialects = 0;

	for (cli_skip_blanks(l); l->at < l->length;) {
		size_t length = 0;
		unsigned bit;

		while (l->at + length < l->length && l->text[l->at + length] != ',' &&
			   !cli_is_blank(l->text[l->at + length]))
			length++;
		bit = cli_dialect_bit(l->text + l->at, length);
		if (!bit) {
			CLI_TEST_FAIL(r, l, NULL, "dialects are cockroachdb, postgresql and sqlite");
			return;
		}
		dialects |= bit;
		l->at += length;
		while (l->at < l->length && (cli_is_blank(l->text[l->at]) || l->text[l->at] == ','))
			l->at++;
	}
	if (!dialects)
		CLI_TEST_FAIL(r, l, NULL, "dialects are cockroachdb, postgresql and sqlite");
	if (r->test)
		r->test->dialects = dialects;
	else
		r->dialects = dialects;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* The mark that a comment begins with, or -1. *l is moved behind it and its colon. A word that
 * needs its colon and lacks it is prose, but for those that nobody begins a sentence with. */
static int mark_of(cli_line *l, bool *has_colon, char *word, size_t size)
{
	size_t from, length;

	cli_skip_blanks(l);
	from = l->at;
	while (l->at < l->length && is_letter(l->text[l->at]))
		l->at++;
	length = l->at - from;
	snprintf(word, size, "%.*s", (int)(length < size ? length : size - 1), l->text + from);
	*has_colon = false;
	while (l->at < l->length && cli_is_blank(l->text[l->at]))
		l->at++;
	if (length && l->at < l->length && l->text[l->at] == ':') {
		*has_colon = true;
		l->at++;
	}
	for (int i = 0; i < MARK_COUNT; i++)
		if (strcmp(word, marks[i]) == 0)
			return i;
	return -1;
}

bool cli_test_is_mark(const char *text, size_t length)
{
	cli_line l = {text, length, 0};
	char word[32];
	bool has_colon;
	int mark = mark_of(&l, &has_colon, word, sizeof word);

	return mark >= 0 && (has_colon || (mark == MARK_NO_TRANSACTION && l.at == l.length));
}

static void known_mark(cli_test_reader *r, int mark, cli_line *l)
{
	cli_line name;

	switch (mark) {
	case MARK_TEST:
		cli_skip_blanks(l);
		name = *l;
		if (l->at == l->length)
			CLI_TEST_FAIL(r, l, NULL, "what is true? -- test: WORDS");
		else if (l->length - l->at > NAME_MAX_BYTES)
			CLI_TEST_FAIL(r, l, NULL, "a name longer than %d bytes", NAME_MAX_BYTES);
		else
			cli_test_begin(r, cli_offset_of(r, &name), name.text + name.at, name.length - name.at);
		return;
	case MARK_CALL:
		call_mark(r, l);
		return;
	case MARK_PARAM:
		param_mark(r, l);
		return;
	case MARK_EXPECT:
		expect_mark(r, l);
		return;
	case MARK_DIALECT:
		dialect_mark(r, l);
		return;
	case MARK_NO_TRANSACTION:
		if (r->step)
			CLI_TEST_FAIL(r, l, NULL, "no-transaction stands before what it is for");
		else if (r->test)
			r->test->no_transaction = true;
		else
			r->no_transaction = true;
		return;
	default:
		if (r->test)
			CLI_TEST_FAIL(r, l, "it is run before each test", "setup stands before the first test");
		return;
	}
}

void cli_test_mark(cli_test_reader *r, const char *text, size_t length, bool begins_line)
{
	cli_line l = {text, length, 0};
	const char *nearest;
	char word[32];
	bool has_colon, is_mark;
	int mark;

	cli_trim_end(&l);
	cli_skip_blanks(&l);
	if (begins_line && l.at < l.length && l.text[l.at] == '|') {
		cli_test_row_line(r, &l);
		return;
	}
	mark = mark_of(&l, &has_colon, word, sizeof word);
	is_mark = mark >= 0 && (has_colon || (l.at == l.length && mark >= MARK_NO_TRANSACTION));
	if (is_mark && !begins_line) {
		CLI_TEST_FAIL(r, &l, NULL, "-- %s: begins a line of its own", word);
	} else if (is_mark) {
		known_mark(r, mark, &l);
	} else if (begins_line && (mark == MARK_EXPECT || mark == MARK_CALL)) {
		CLI_TEST_FAIL(r, &l, NULL, "write -- %s: with its colon", word);
	} else if (begins_line && has_colon) {
		nearest = cx_text_nearest(word, marks, MARK_COUNT);
		if (nearest)
			CLI_TEST_FAIL(r, &l, NULL, "unknown mark \"%s\"; did you mean %s?", word, nearest);
	}
}
