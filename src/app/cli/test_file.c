// SPDX-License-Identifier: Apache-2.0
/* Reads test files of queries. Statements are found by the library's splitter; between them stand
 * comments, and those that begin a line may be marks. Runs nothing. */
#include "app/cli/test_file.h"

#include "app/cli/test_internal.h"
#include "base/error.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRORS_MAX     100
#define LINE_SHOWN_MAX 400                /* bytes; a longer line is not shown with its error */
#define RELEXED_MAX    ((size_t)64 << 20) /* bytes looked at again for marks inside of statements */

unsigned cli_dialect_bit(const char *name, size_t length)
{
	static const char *const names[] = {"cockroachdb", "postgresql", "sqlite"};

	for (unsigned i = 0; i < 3; i++)
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
			return 1u << i;
	return 0;
}

/* ---- Errors --------------------------------------------------------------------------------- */

size_t cli_test_column(const cli_test_reader *r, size_t offset)
{
	size_t column = 1;

	for (size_t i = r->line_start; i < offset; i++)
		column += ((unsigned char)r->text[i] & 0xc0) != 0x80;
	return column;
}

void cli_test_report(cli_test_reader *r, size_t line, size_t line_start, size_t column,
					 const char *hint, const char *format, ...)
{
	const char *begin = r->text + line_start;
	const char *end = memchr(begin, '\n', r->length - line_start);
	size_t shown = (size_t)((end ? end : r->text + r->length) - begin);
	char message[500], line_text[LINE_SHOWN_MAX + 1] = "";
	cdbc_diagnostic diagnostic;
	va_list args;

	if (r->error_count++ >= ERRORS_MAX)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	if (shown && begin[shown - 1] == '\r')
		shown--;
	if (shown <= LINE_SHOWN_MAX && !memchr(begin, '\0', shown)) {
		memcpy(line_text, begin, shown);
		line_text[shown] = '\0';
	}
	diagnostic = (cdbc_diagnostic){r->file->path, (int64_t)line,    (int64_t)column, true,
								   message,       hint ? hint : "", line_text};
	r->report(r->data, &diagnostic);
}

/* ---- Steps ---------------------------------------------------------------------------------- */

void *cli_test_alloc(cli_test_reader *r, size_t size)
{
	void *memory = cx_arena_calloc(&r->file->arena, 1, size);

	if (!memory)
		r->is_nomem = true;
	return memory;
}

const char *cli_test_text(cli_test_reader *r, const char *text, size_t length)
{
	const char *copy = cx_arena_strndup(&r->file->arena, text, length);

	if (!copy)
		r->is_nomem = true;
	return copy ? copy : "";
}

cli_test_step *cli_test_add_step(cli_test_reader *r, size_t line, size_t column)
{
	cli_test_step *step = cli_test_alloc(r, sizeof *step);

	if (!step)
		return NULL;
	step->line = line;
	step->column = column;
	*r->step_tail = step;
	r->step_tail = &step->next;
	r->step = step;
	r->expect_tail = &step->expects;
	r->table = NULL;
	return step;
}

/* A test that does nothing is a slip. */
static void end_test(cli_test_reader *r)
{
	if (r->test && !r->test->steps)
		cli_test_report(r, r->test->line, r->test_line_start, r->test->column,
						"name a query: -- call: NAME", "test \"%s\" does nothing", r->test->name);
}

static int by_name(const void *a, const void *b)
{
	const cli_test *x = *(cli_test *const *)a, *y = *(cli_test *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->line < y->line ? -1 : 1;
}

/* Two tests of one name could not be told apart. */
static void check_names(cli_test_reader *r)
{
	size_t count = r->file->test_count, n = 0;
	cli_test **sorted = cli_test_alloc(r, (count + 1) * sizeof *sorted);

	if (!sorted)
		return;
	for (cli_test *test = r->file->tests; test && n < count; test = test->next)
		sorted[n++] = test;
	qsort(sorted, n, sizeof(cli_test *), by_name);
	for (size_t i = 1; i < n; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
			size_t line_start = 0;

			for (size_t line = 1; line < sorted[i]->line; line++)
				line_start = (size_t)((const char *)memchr(r->text + line_start, '\n',
														   r->length - line_start) -
									  r->text) +
							 1;
			cli_test_report(r, sorted[i]->line, line_start, sorted[i]->column, NULL,
							"a test \"%s\" is in line %zu already", sorted[i]->name,
							sorted[i - 1]->line);
			if (r->error_count >= ERRORS_MAX)
				return;
		}
}

void cli_test_begin(cli_test_reader *r, size_t offset, const char *name, size_t length)
{
	cli_test *test;

	end_test(r);
	test = cli_test_alloc(r, sizeof *test);
	if (!test)
		return;
	test->name = cli_test_text(r, name, length);
	test->line = r->line;
	test->column = cli_test_column(r, offset);
	test->no_transaction = r->no_transaction;
	test->dialects = r->dialects;
	*r->test_tail = test;
	r->test_tail = &test->next;
	r->file->test_count++;
	r->test = test;
	r->test_line_start = r->line_start;
	r->step_tail = &test->steps;
	r->step = NULL;
	r->table = NULL;
}

/* ---- Between the statements ------------------------------------------------------------------ */

static void next_line(cli_test_reader *r)
{
	r->line++;
	r->line_start = r->at;
}

/* Moves over a block comment, or to end when it is not closed before. */
static void skip_block(cli_test_reader *r, size_t end)
{
	size_t depth = 0;

	while (r->at < end) {
		const char *p = r->text + r->at;
		bool has_two = r->at + 1 < end;

		r->at++;
		if (*p == '\n') {
			next_line(r);
		} else if (has_two && p[0] == '/' && p[1] == '*') {
			r->at++;
			depth++;
		} else if (has_two && p[0] == '*' && p[1] == '/') {
			r->at++;
			if (--depth == 0)
				return;
		}
	}
}

static void line_comment(cli_test_reader *r)
{
	const char *begin = r->text + r->at;
	const char *end = memchr(begin, '\n', r->length - r->at);
	size_t length = (size_t)((end ? end : r->text + r->length) - begin);
	bool begins_line = true;

	for (size_t i = r->line_start; i < r->at; i++)
		if (r->text[i] != ' ' && r->text[i] != '\t' && !(i < 3 && (r->text[i] & 0x80)))
			begins_line = false;
	if (length && begin[length - 1] == '\r')
		length--;
	cli_test_mark(r, begin + 2, length - 2, begins_line);
	r->at += length;
}

/* White space, semicolons and comments from r->at to end. */
static void gap(cli_test_reader *r, size_t end)
{
	if (r->at == 0 && end >= 3 && memcmp(r->text, "\xef\xbb\xbf", 3) == 0)
		r->at = 3;
	while (r->at < end && r->error_count < ERRORS_MAX && !r->is_nomem) {
		char c = r->text[r->at];
		char d = r->at + 1 < end ? r->text[r->at + 1] : '\0';

		if (c == '\n') {
			r->at++;
			next_line(r);
		} else if (c == '-' && d == '-') {
			line_comment(r);
		} else if (c == '/' && d == '*') {
			skip_block(r, end);
		} else if (c == ';' || c == ' ' || (c >= '\t' && c <= '\r')) {
			r->at++;
		} else {
			cli_test_report(r, r->line, r->line_start, cli_test_column(r, r->at),
							"use insert for rows", "this is no statement and no comment");
			break;
		}
	}
	for (; r->at < end; r->at++)
		if (r->text[r->at] == '\n') {
			r->line++;
			r->line_start = r->at + 1;
		}
	r->at = end;
}

static bool ignore_piece(void *data, const cdbc_sql_piece *piece)
{
	(void)data;
	(void)piece;
	return true;
}

/* Whether the line that begins at offset of a statement is in a quote: the statement's text before
 * it does not end. */
static bool is_quoted(cli_test_reader *r, const char *text, size_t offset)
{
	cdbc_status status;

	r->relexed += offset;
	status = cdbc_sql_split(text, offset, ignore_piece, NULL, NULL);
	if (status == CDBC_NOMEM)
		r->is_nomem = true;
	return status != CDBC_OK;
}

/* A mark inside of a statement is one that a missing semicolon hides. Moves r over the statement.
 */
static void statement_lines(cli_test_reader *r, const cdbc_sql_piece *piece)
{
	size_t end = piece->offset + piece->length;

	while (r->at < end) {
		const char *newline = memchr(r->text + r->at, '\n', end - r->at);
		size_t from;

		if (!newline)
			break;
		r->at = (size_t)(newline - r->text) + 1;
		next_line(r);
		for (from = r->at; from < end && (r->text[from] == ' ' || r->text[from] == '\t');)
			from++;
		if (from + 2 >= end || r->text[from] != '-' || r->text[from + 1] != '-')
			continue;
		newline = memchr(r->text + from, '\n', end - from);
		if (!cli_test_is_mark(r->text + from + 2,
							  (newline ? (size_t)(newline - r->text) : end) - from - 2) ||
			r->error_count >= ERRORS_MAX)
			continue;
		if (r->relexed > RELEXED_MAX)
			cli_test_report(r, r->line, r->line_start, cli_test_column(r, from),
							"split it into several files", "too many marks inside of statements");
		else if (!is_quoted(r, piece->text, from - piece->offset))
			cli_test_report(r, r->line, r->line_start, cli_test_column(r, from),
							"end the statement before it with a semicolon",
							"a mark inside of a statement");
	}
	r->at = end;
}

static bool on_piece(void *data, const cdbc_sql_piece *piece)
{
	cli_test_reader *r = data;
	cli_test_step *step;

	gap(r, piece->offset);
	step = cli_test_add_step(r, piece->line, piece->column);
	if (!step)
		return false;
	step->sql = cli_test_text(r, piece->text, piece->length);
	if (strlen(step->sql) != piece->length && !r->is_nomem)
		cli_test_report(r, r->line, r->line_start, piece->column, NULL, "a NUL byte in SQL");
	if (piece->kind == CDBC_KIND_TRANSACTION &&
		!(r->test ? r->test->no_transaction : r->no_transaction))
		cli_test_report(r, r->line, r->line_start, piece->column,
						"say -- no-transaction first for a test that is not to be rolled back",
						"a test runs in a transaction of its own");
	statement_lines(r, piece);
	return !r->is_nomem && r->error_count < ERRORS_MAX;
}

/* ---- The file -------------------------------------------------------------------------------- */

/* An error of the splitter, or a byte that is no text: at its place. */
static void report_at(cli_test_reader *r, size_t offset, const char *message)
{
	r->line = 1;
	r->line_start = 0;
	for (size_t i = 0; i < offset; i++)
		if (r->text[i] == '\n') {
			r->line++;
			r->line_start = i + 1;
		}
	cli_test_report(r, r->line, r->line_start, cli_test_column(r, offset), NULL, "%s", message);
}

static void report_lexical(cli_test_reader *r, const cdbc_error *error)
{
	int64_t skip = cdbc_error_position(error) - 1;
	size_t offset = 0;

	for (; offset < r->length; offset++)
		if (((unsigned char)r->text[offset] & 0xc0) != 0x80 && skip-- <= 0)
			break;
	report_at(r, offset, cdbc_error_message(error));
}

static void read_all(cli_test_reader *r)
{
	cdbc_error *error = NULL;
	cdbc_status status;
	size_t valid = cx_utf8_valid_prefix(r->text, r->length);

	if (r->length > CLI_TEST_FILE_MAX) {
		r->length = 0;
		cli_test_report(r, 1, 0, 1, "split it into several files",
						"the file is longer than %zu bytes", CLI_TEST_FILE_MAX);
		return;
	}
	if (valid < r->length) {
		report_at(r, valid, "a byte that is not UTF-8");
		return;
	}
	status = cdbc_sql_split(r->text, r->length, on_piece, r, &error);
	if (status == CDBC_NOMEM) {
		r->is_nomem = true;
	} else if (status) {
		report_lexical(r, error);
	} else if (!r->is_nomem && r->error_count < ERRORS_MAX) {
		gap(r, r->length);
		end_test(r);
		check_names(r);
		if (!r->file->tests && !r->error_count)
			cli_test_report(r, 1, 0, 1, "a test begins with -- test: WHAT IS TRUE",
							"there is no test in this file");
	}
	cdbc_error_free(error);
}

cdbc_status cli_test_file_read(const char *path, const char *text, size_t length,
							   void (*report)(void *data, const cdbc_diagnostic *diagnostic),
							   void *data, size_t *error_count, cli_test_file *out,
							   cdbc_error **err)
{
	cli_test_reader r = {
		.file = out, .text = text, .length = length, .report = report, .data = data, .line = 1};

	*out = (cli_test_file){.path = path, .arena = CX_ARENA_INIT};
	r.step_tail = &out->setup;
	r.test_tail = &out->tests;
	read_all(&r);
	*error_count = r.error_count;
	return r.is_nomem ? cx_error_nomem(err) : CDBC_OK;
}

void cli_test_file_free(cli_test_file *file)
{
	if (file)
		cx_arena_free(&file->arena);
}
