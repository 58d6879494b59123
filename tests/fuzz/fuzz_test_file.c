// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a test file of queries: read without a crash or a leak, every mistake with a place
 * inside the file, and what is read agrees with itself: tests have names and steps, calls have
 * parameters with names, rows have as many cells as there are columns. */
#include "app/cli/test_file.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seen {
	size_t lines, errors;
} seen;

static void check(bool is_so)
{
	if (!is_so)
		__builtin_trap();
}

static void report(void *data, const cdbc_diagnostic *d)
{
	seen *s = data;

	check(d->line > 0 && (size_t)d->line <= s->lines && d->column > 0 && d->message[0] && d->hint);
	check(!d->line_text[0] || (size_t)d->column <= strlen(d->line_text) + 2);
	s->errors++;
}

static void check_table(const cli_expect *expect)
{
	size_t count = 0;

	for (const cli_test_row *row = expect->rows; row; row = row->next, count++)
		for (size_t i = 0; i < expect->column_count; i++)
			check(row->cells[i] && !strchr(row->cells[i], '\n'));
	check(count == expect->row_count && (!count || expect->names));
}

static void check_steps(const cli_test_step *step, size_t lines)
{
	for (; step; step = step->next) {
		check(!step->sql != !step->name && step->line > 0 && step->line <= lines);
		check(step->sql ? step->sql[0] : step->name[0]);
		for (size_t i = 0; i < step->param_count; i++)
			check(step->params[i].name[0]);
		for (const cli_expect *e = step->expects; e; e = e->next) {
			check(e->line >= step->line && e->line <= lines && e->count >= 0);
			check(e->kind != EXPECT_ERROR || (e == step->expects && !e->next));
			check_table(e);
		}
	}
}

/* A value written as a cell and read back is the value: the reader and the printer agree. */
static void check_cell(const char *text, size_t length)
{
	cx_buf cell = CX_BUF_INIT(1u << 24), file = CX_BUF_INIT(1u << 24);
	seen s = {.lines = 5};
	cli_test_file out;
	size_t errors = 0;

	cli_cell_put(&cell, text, length, false);
	cx_buf_puts(&file, "-- test: t\nselect 1;\n-- expect:\n-- | a |\n-- | ");
	cx_buf_put(&file, cell.data, cell.length);
	cx_buf_puts(&file, " |");
	check(cli_test_file_read("cell", file.data, file.length, report, &s, &errors, &out, NULL) ==
		  CDBC_OK);
	if (!errors)
		check(out.tests && out.tests->steps->expects->row_count == 1 &&
			  strcmp(out.tests->steps->expects->rows->cells[0], cell.data) == 0);
	cli_test_file_free(&out);
	cx_buf_free(&cell);
	cx_buf_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	seen s = {.lines = 1};
	cli_test_file out;
	size_t errors = 0, count = 0;

	for (size_t i = 0; i < size; i++)
		s.lines += text[i] == '\n';
	check(cli_test_file_read("f.test.sql", text, size, report, &s, &errors, &out, NULL) == CDBC_OK);
	check(errors >= s.errors && (errors > 0) == (s.errors > 0));
	if (!errors) {
		check_steps(out.setup, s.lines);
		for (const cli_test *test = out.tests; test; test = test->next, count++) {
			check(test->name[0] && test->steps && test->line <= s.lines);
			check_steps(test->steps, s.lines);
		}
		check(count == out.test_count && count > 0);
	}
	cli_test_file_free(&out);
	if (size > 0 && size < 200 && !memchr(text, '\0', size))
		check_cell(text, size);
	return 0;
}
