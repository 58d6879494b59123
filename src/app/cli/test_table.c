// SPDX-License-Identifier: Apache-2.0
/* The tables of a test file: rows in comments, and what their cells mean. */
#include "app/cli/test_internal.h"

#include <string.h>

#define COLUMNS_MAX 1000

/* ---- Cells ----------------------------------------------------------------------------------- */

/* What stands below the names of a table: dashes, with a colon at either side or none. */
static bool is_rule_cell(const char *text, size_t length)
{
	size_t i = length && text[0] == ':';

	while (i < length && text[i] == '-')
		i++;
	return length >= 3 && i >= 2 && i + (i < length && text[i] == ':') == length;
}

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
	if ((length == 4 && memcmp(text, "NULL", 4) == 0) || is_rule_cell(text, length))
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
	bool is_null = length == 0 || cli_is_word(text, length, "NULL");
	const char *copy;

	if (!cli_is_word(text, length, "\"\""))
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

/* Whether the last byte has a backslash before it that is not itself escaped. */
static bool is_escaped(const char *text, size_t length)
{
	size_t n = 0;

	while (n + 1 < length && text[length - 2 - n] == '\\')
		n++;
	return n % 2 == 1;
}

/* The next cell of a row: after a bar, up to the one that ends it. False: there is none. */
static bool take_cell(cli_line *l, const char **text, size_t *length)
{
	size_t from = l->at + 1, end = from;

	if (l->at >= l->length)
		return false;
	while (end < l->length && l->text[end] != '|')
		end += l->text[end] == '\\' && end + 1 < l->length ? 2 : 1;
	if (end >= l->length)
		return false;
	l->at = end;
	while (from < end && cli_is_blank(l->text[from]))
		from++;
	while (end > from && cli_is_blank(l->text[end - 1]) && !is_escaped(l->text + from, end - from))
		end--;
	*text = l->text + from;
	*length = end - from;
	return true;
}

/* How many cells there are; 0 when the row is not closed. */
static size_t count_cells(cli_line l)
{
	const char *text;
	size_t length, n = 0;

	while (take_cell(&l, &text, &length))
		n++;
	return l.at + 1 == l.length ? n : 0;
}

static bool is_rule(cli_line l)
{
	const char *text;
	size_t length;

	while (take_cell(&l, &text, &length))
		if (!is_rule_cell(text, length))
			return false;
	return true;
}

static void table_names(cli_test_reader *r, cli_line *l, size_t count)
{
	const char **names = cli_test_alloc(r, count * sizeof *names), *text;
	size_t length, n = 0;

	if (!names)
		return;
	while (n < count && take_cell(l, &text, &length)) {
		if (length == 0) {
			CLI_TEST_FAIL(r, l, NULL, "a column without a name");
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

void cli_test_row_line(cli_test_reader *r, cli_line *l)
{
	cli_expect *table = r->table;
	size_t count, length, n = 0;
	cli_test_row *row;
	const char *text;

	cli_trim_end(l);
	count = count_cells(*l);
	if (!table) {
		CLI_TEST_FAIL(r, l, "a table follows -- expect:", "a row that belongs to nothing");
		return;
	}
	if (count == 0 || count > COLUMNS_MAX) {
		CLI_TEST_FAIL(r, l, "a bar in a value is \\|",
					  count ? "too many columns" : "a row ends with a bar");
		r->table = NULL;
		return;
	}
	if (!table->names) {
		table_names(r, l, count);
		return;
	}
	if (count != table->column_count) {
		CLI_TEST_FAIL(r, l, NULL, "%zu cell%s, but there are %zu columns", count,
					  count == 1 ? "" : "s", table->column_count);
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
	row->column = cli_test_column(r, cli_offset_of(r, l));
	while (n < count && take_cell(l, &text, &length))
		row->cells[n++] = cell_text(r, text, length, false);
	*r->row_tail = row;
	r->row_tail = &row->next;
	table->row_count++;
}
