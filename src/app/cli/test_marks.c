// SPDX-License-Identifier: Apache-2.0
/* The marks of a test file, which are comments that begin a line: `-- test:`, `-- call:`, `--
 * expect:` and the rows of its table. */
#include "app/cli/test_internal.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 200
#define COLUMNS_MAX    1000
#define PARAMS_MAX     1000

/* A comment's text while it is read. */
typedef struct line {
	const char *text;
	size_t length;
	size_t at;
} line;

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

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(line *l)
{
	while (l->at < l->length && is_blank(l->text[l->at]))
		l->at++;
}

static void trim_end(line *l)
{
	while (l->length > l->at && is_blank(l->text[l->length - 1]))
		l->length--;
}

/* Up to the next blank. */
static const char *take_word(line *l, size_t *length)
{
	size_t from;

	skip_blanks(l);
	from = l->at;
	while (l->at < l->length && !is_blank(l->text[l->at]))
		l->at++;
	*length = l->at - from;
	return l->text + from;
}

static bool is_word(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

static size_t offset_of(const cli_test_reader *r, const line *l)
{
	return (size_t)(l->text - r->text) + l->at;
}

#define FAIL(r, l, ...) \
	cli_test_report(r, (r)->line, (r)->line_start, cli_test_column(r, offset_of(r, l)), __VA_ARGS__)

/* ---- Cells ----------------------------------------------------------------------------------- */

void cli_cell_put(cx_buf *out, const char *text, size_t length, bool is_null)
{
	if (is_null) {
		cx_buf_puts(out, "NULL");
		return;
	}
	if (length == 0 || (length == 2 && memcmp(text, "\"\"", 2) == 0)) {
		cx_buf_puts(out, length ? "\\\"\"" : "\"\"");
		return;
	}
	if (length == 4 && memcmp(text, "NULL", 4) == 0)
		cx_buf_putc(out, '\\');
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		bool is_edge = i == 0 || i + 1 == length;

		if (c == '\n')
			cx_buf_puts(out, "<br>");
		else if (c == '\r')
			cx_buf_puts(out, "\\r");
		else if (c == '\t')
			cx_buf_puts(out, "\\t");
		else if (c == '|' || c == '\\' || c == '<' || (c == ' ' && is_edge))
			cx_buf_putf(out, "\\%c", c);
		else
			cx_buf_putc(out, c);
	}
}

/* What a cell means. */
static void read_cell(cx_buf *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '\\' && i + 1 < length) {
			c = text[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
		} else if (length - i >= 4 && memcmp(text + i, "<br>", 4) == 0) {
			c = '\n';
			i += 3;
		}
		cx_buf_putc(out, c);
	}
}

/* A cell in the one form that the database's values are written in, too: then they are compared. */
static const char *cell_text(cli_test_reader *r, const char *text, size_t length, bool is_name)
{
	cx_buf value = CX_BUF_INIT(CLI_TEST_FILE_MAX), cell = CX_BUF_INIT(4 * CLI_TEST_FILE_MAX);
	bool is_null = length == 0 || is_word(text, length, "NULL");
	const char *copy;

	if (!is_word(text, length, "\"\""))
		read_cell(&value, text, length);
	if (is_name)
		cx_buf_put(&cell, value.data ? value.data : "", value.length);
	else
		cli_cell_put(&cell, value.data ? value.data : "", value.length, is_null);
	if (value.is_nomem || cell.is_nomem || value.is_over || cell.is_over)
		r->is_nomem = true;
	copy = cli_test_text(r, cell.data ? cell.data : "", cell.length);
	cx_buf_free(&value);
	cx_buf_free(&cell);
	return copy;
}

/* The next cell of a row: after a bar, up to the one that ends it. False: there is none. */
static bool take_cell(line *l, const char **text, size_t *length)
{
	size_t from = l->at + 1, end = from;

	if (l->at >= l->length)
		return false;
	while (end < l->length && l->text[end] != '|')
		end += l->text[end] == '\\' && end + 1 < l->length ? 2 : 1;
	if (end >= l->length)
		return false;
	l->at = end;
	while (from < end && is_blank(l->text[from]))
		from++;
	while (end > from && is_blank(l->text[end - 1]) &&
		   !(end - from >= 2 && l->text[end - 2] == '\\'))
		end--;
	*text = l->text + from;
	*length = end - from;
	return true;
}

/* How many cells there are; 0 when the row is not closed. */
static size_t count_cells(line l)
{
	const char *text;
	size_t length, n = 0;

	while (take_cell(&l, &text, &length))
		n++;
	return l.at + 1 == l.length ? n : 0;
}

static bool is_rule(line l)
{
	const char *text;
	size_t length;

	while (take_cell(&l, &text, &length)) {
		size_t i = length && text[0] == ':';

		if (length < 3)
			return false;
		while (i < length && text[i] == '-')
			i++;
		if (i < 2 || i + (i < length && text[i] == ':') != length)
			return false;
	}
	return true;
}

static void table_names(cli_test_reader *r, line *l, size_t count)
{
	const char **names = cli_test_alloc(r, count * sizeof *names), *text;
	size_t length, n = 0;

	if (!names)
		return;
	while (n < count && take_cell(l, &text, &length)) {
		if (length == 0) {
			FAIL(r, l, NULL, "a column without a name");
			r->table = NULL;
			return;
		}
		names[n++] = cell_text(r, text, length, true);
	}
	r->table->names = names;
	r->table->column_count = count;
	r->row_tail = &r->table->rows;
	r->may_rule = true;
}

static void table_row(cli_test_reader *r, line *l)
{
	cli_expect *table = r->table;
	size_t count, length, n = 0;
	cli_test_row *row;
	const char *text;

	trim_end(l);
	count = count_cells(*l);
	if (!table) {
		FAIL(r, l, "a table follows -- expect:", "a row that belongs to nothing");
		return;
	}
	if (count == 0 || count > COLUMNS_MAX) {
		FAIL(r, l, "a bar in a value is \\|", count ? "too many columns" : "a row ends with a bar");
		r->table = NULL;
		return;
	}
	if (!table->names) {
		table_names(r, l, count);
		return;
	}
	if (count != table->column_count) {
		FAIL(r, l, NULL, "%zu cell%s, but there are %zu columns", count, count == 1 ? "" : "s",
			 table->column_count);
		return;
	}
	if (r->may_rule && is_rule(*l)) {
		r->may_rule = false;
		return;
	}
	r->may_rule = false;
	row = cli_test_alloc(r, sizeof *row + count * sizeof *row->cells);
	if (!row)
		return;
	row->line = r->line;
	row->column = cli_test_column(r, offset_of(r, l));
	while (n < count && take_cell(l, &text, &length))
		row->cells[n++] = cell_text(r, text, length, false);
	*r->row_tail = row;
	r->row_tail = &row->next;
	table->row_count++;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* '..' with '' for a quote, or E'..' with \n and the like: its bytes. False: it is not closed. */
static bool take_quoted(line *l, cx_buf *out)
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

static bool take_value(cli_test_reader *r, line *l, cdbc_value *out)
{
	bool is_escaped = l->length - l->at >= 2 && (l->text[l->at] == 'E' || l->text[l->at] == 'e') &&
					  l->text[l->at + 1] == '\'';
	const char *word;
	size_t length;

	if (l->at < l->length && (is_escaped || l->text[l->at] == '\'')) {
		cx_buf value = CX_BUF_INIT(CLI_TEST_FILE_MAX);
		line begin = *l;
		bool is_closed = take_quoted(l, &value);

		if (is_closed && l->at < l->length && !is_blank(l->text[l->at]))
			is_closed = false;
		if (!is_closed)
			FAIL(r, &begin, "'...', with '' for a quote", "a value that is not closed");
		r->is_nomem = r->is_nomem || value.is_nomem;
		*out =
			cdbc_text_n(cli_test_text(r, value.data ? value.data : "", value.length), value.length);
		cx_buf_free(&value);
		return is_closed;
	}
	for (length = l->at; length < l->length && !is_blank(l->text[length]);)
		length++;
	word = l->text + l->at;
	length -= l->at;
	l->at += length;
	if (is_word(word, length, "NULL") || is_word(word, length, "null"))
		*out = cdbc_null();
	else
		*out = cdbc_text_n(cli_test_text(r, word, length), length);
	return true;
}

/* One NAME=VALUE, added to params. False: it is none, which was reported. */
static bool take_param(cli_test_reader *r, line *l, cx_buf *params)
{
	const cdbc_param *given = (const cdbc_param *)(const void *)params->data;
	size_t count = params->length / sizeof *given, length = 0;
	const char *word = l->text + l->at;
	line begin = *l;
	cdbc_param param;

	while (l->at + length < l->length && !is_blank(word[length]) && word[length] != '=')
		length++;
	if (length == 0 || l->at + length >= l->length || word[length] != '=') {
		FAIL(r, l, "NAME=VALUE, and '...' around a value with blanks", "\"%.*s\" is no parameter",
			 (int)(length > 100 ? 100 : length), word);
		return false;
	}
	if (count == PARAMS_MAX) {
		FAIL(r, l, NULL, "more than %d parameters", PARAMS_MAX);
		return false;
	}
	l->at += length + 1;
	param.name = cli_test_text(r, word, length);
	if (!take_value(r, l, &param.value))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(given[i].name, param.name) == 0) {
			FAIL(r, &begin, NULL, "parameter \"%s\" is given twice", param.name);
			return false;
		}
	cx_buf_put(params, &param, sizeof param);
	return !params->is_nomem;
}

/* NAME=VALUE... up to the line's end, added to the step's. */
static void take_params(cli_test_reader *r, line *l, cli_test_step *step)
{
	cx_buf params = CX_BUF_INIT((PARAMS_MAX + 1) * sizeof(cdbc_param));

	if (step->param_count)
		cx_buf_put(&params, step->params, step->param_count * sizeof *step->params);
	for (skip_blanks(l); l->at < l->length; skip_blanks(l))
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

static void call_mark(cli_test_reader *r, line *l)
{
	cli_test_step *step;
	const char *name;
	size_t length;

	skip_blanks(l);
	step = cli_test_add_step(r, r->line, cli_test_column(r, offset_of(r, l)));
	name = take_word(l, &length);
	if (!step)
		return;
	if (length == 0) {
		FAIL(r, l, NULL, "which query? -- call: NAME");
		return;
	}
	step->name = cli_test_text(r, name, length);
	take_params(r, l, step);
}

static void param_mark(cli_test_reader *r, line *l)
{
	skip_blanks(l);
	if (!r->step || r->step->sql || r->step->expects)
		FAIL(r, l, NULL, "a parameter belongs below a -- call:");
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
static void expect_error(cli_test_reader *r, line *l, cli_expect *expect)
{
	line before;
	const char *word;
	size_t length;

	skip_blanks(l);
	before = *l;
	word = take_word(l, &length);
	if (is_sqlstate(word, length))
		expect->sqlstate = cli_test_text(r, word, length);
	else
		*l = before;
	skip_blanks(l);
	expect->text = cli_test_text(r, l->text + l->at, l->length - l->at);
	l->at = l->length;
}

/* What an expectation says, after its colon. False: nothing that is known. */
static bool expect_words(cli_test_reader *r, line *l, cli_expect *expect)
{
	const char *first, *second;
	size_t first_length, second_length;

	first = take_word(l, &first_length);
	if (is_word(first, first_length, "error")) {
		expect->kind = EXPECT_ERROR;
		expect_error(r, l, expect);
		return true;
	}
	second = take_word(l, &second_length);
	skip_blanks(l);
	if (l->at < l->length)
		return false;
	if (second_length == 0) {
		expect->kind = is_word(first, first_length, "nothing") ? EXPECT_NOTHING : EXPECT_TABLE;
		expect->is_unordered = is_word(first, first_length, "unordered");
		return first_length == 0 || expect->kind == EXPECT_NOTHING || expect->is_unordered ||
			   is_word(first, first_length, "ordered");
	}
	expect->kind = EXPECT_ROWS;
	if (is_word(second, second_length, "rows") || is_word(second, second_length, "row"))
		return cx_text_int64(first, first_length, 0, INT64_MAX, &expect->count);
	expect->kind = EXPECT_AFFECTED;
	return is_word(first, first_length, "affected") &&
		   cx_text_int64(second, second_length, 0, INT64_MAX, &expect->count);
}

static void expect_mark(cli_test_reader *r, line *l)
{
	cli_expect *expect;
	line begin;

	skip_blanks(l);
	begin = *l;
	r->table = NULL;
	if (!r->step) {
		FAIL(r, l, NULL, "of what? An expectation follows a -- call: or a statement");
		return;
	}
	expect = cli_test_alloc(r, sizeof *expect);
	if (!expect)
		return;
	expect->line = r->line;
	expect->column = cli_test_column(r, offset_of(r, l));
	expect->sqlstate = expect->text = "";
	if (!expect_words(r, l, expect)) {
		FAIL(r, &begin,
			 "N rows, affected N, nothing, error [SQLSTATE] [TEXT], or a table below (unordered)",
			 "this cannot be expected");
		return;
	}
	for (const cli_expect *e = r->step->expects; e; e = e->next)
		if (e->kind == EXPECT_ERROR || expect->kind == EXPECT_ERROR || e->kind == expect->kind) {
			FAIL(r, &begin, NULL, "this contradicts the expectation in line %zu", e->line);
			return;
		}
	*r->expect_tail = expect;
	r->expect_tail = &expect->next;
	if (expect->kind == EXPECT_TABLE)
		r->table = expect;
}

/* ---- Marks ----------------------------------------------------------------------------------- */

static void dialect_mark(cli_test_reader *r, line *l)
{
	unsigned dialects = 0;

	for (skip_blanks(l); l->at < l->length;) {
		size_t length = 0;
		unsigned bit;

		while (l->at + length < l->length && l->text[l->at + length] != ',' &&
			   !is_blank(l->text[l->at + length]))
			length++;
		bit = cli_dialect_bit(l->text + l->at, length);
		if (!bit) {
			FAIL(r, l, NULL, "dialects are cockroachdb, postgresql and sqlite");
			return;
		}
		dialects |= bit;
		l->at += length;
		while (l->at < l->length && (is_blank(l->text[l->at]) || l->text[l->at] == ','))
			l->at++;
	}
	if (!dialects)
		FAIL(r, l, NULL, "dialects are cockroachdb, postgresql and sqlite");
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
static int mark_of(line *l, bool *has_colon, char *word, size_t size)
{
	size_t from, length;

	skip_blanks(l);
	from = l->at;
	while (l->at < l->length && is_letter(l->text[l->at]))
		l->at++;
	length = l->at - from;
	snprintf(word, size, "%.*s", (int)(length < size ? length : size - 1), l->text + from);
	*has_colon = false;
	while (l->at < l->length && is_blank(l->text[l->at]))
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
	line l = {text, length, 0};
	char word[32];
	bool has_colon;
	int mark = mark_of(&l, &has_colon, word, sizeof word);

	return mark >= 0 && (has_colon || (mark == MARK_NO_TRANSACTION && l.at == l.length));
}

static void known_mark(cli_test_reader *r, int mark, line *l)
{
	line name;

	switch (mark) {
	case MARK_TEST:
		skip_blanks(l);
		name = *l;
		if (l->at == l->length)
			FAIL(r, l, NULL, "what is true? -- test: WORDS");
		else if (l->length - l->at > NAME_MAX_BYTES)
			FAIL(r, l, NULL, "a name longer than %d bytes", NAME_MAX_BYTES);
		else
			cli_test_begin(r, offset_of(r, &name), name.text + name.at, name.length - name.at);
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
			FAIL(r, l, NULL, "no-transaction stands before what it is for");
		else if (r->test)
			r->test->no_transaction = true;
		else
			r->no_transaction = true;
		return;
	default:
		if (r->test)
			FAIL(r, l, "it is run before each test", "setup stands before the first test");
		return;
	}
}

void cli_test_mark(cli_test_reader *r, const char *text, size_t length, bool begins_line)
{
	line l = {text, length, 0};
	const char *nearest;
	char word[32];
	bool has_colon, is_mark;
	int mark;

	trim_end(&l);
	skip_blanks(&l);
	if (begins_line && l.at < l.length && l.text[l.at] == '|') {
		table_row(r, &l);
		return;
	}
	mark = mark_of(&l, &has_colon, word, sizeof word);
	is_mark = mark >= 0 && (has_colon || (l.at == l.length && mark >= MARK_NO_TRANSACTION));
	if (is_mark && !begins_line) {
		FAIL(r, &l, NULL, "-- %s: begins a line of its own", word);
	} else if (is_mark) {
		known_mark(r, mark, &l);
	} else if (begins_line && (mark == MARK_EXPECT || mark == MARK_CALL)) {
		FAIL(r, &l, NULL, "write -- %s: with its colon", word);
	} else if (begins_line && has_colon) {
		nearest = cx_text_nearest(word, marks, MARK_COUNT);
		if (nearest)
			FAIL(r, &l, NULL, "unknown mark \"%s\"; did you mean %s?", word, nearest);
	}
}
