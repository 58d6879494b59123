// SPDX-License-Identifier: Apache-2.0
/* Rows that came against rows that were expected, and the difference as a small table. */
#include "app/cli/test_run.h"

#include "base/width.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MORE     200 /* rows that are kept beyond those expected */
#define SHOWN_MAX     20  /* lines of a difference */
#define CONTEXT_LINES 2
#define AHEAD_MAX     20 /* rows looked ahead for one that fits again */
#define WIDTH_MAX     60 /* of a column that others are lined up with */

/* ---- What came ------------------------------------------------------------------------------- */

static bool fail_column(const cdbc_result *result, const cli_expect *table, const char *name,
						cli_test_outcome *out)
{
	out->line = table->line;
	out->column = table->column;
	cx_buf_putf(&out->message, "expected a column \"%s\", got", name);
	for (size_t i = 0; i < cdbc_result_column_count(result); i++)
		cx_buf_putf(&out->message, "%s %s", i ? "," : "", cdbc_result_column(result, i)->name);
	if (cdbc_result_column_count(result) == 0)
		cx_buf_puts(&out->message, " no columns");
	return false;
}

bool cli_rows_begin(cli_rows *rows, const cdbc_result *result, cli_test_outcome *out)
{
	const cli_expect *table = rows->table;

	rows->tail = &rows->first;
	if (!table || !table->names)
		return true;
	rows->columns = cx_arena_calloc(&rows->arena, table->column_count, sizeof *rows->columns);
	if (!rows->columns) {
		out->message.is_nomem = true;
		return false;
	}
	for (size_t i = 0; i < table->column_count; i++)
		if (!cdbc_result_find_column(result, table->names[i], &rows->columns[i]))
			return fail_column(result, table, table->names[i], out);
	return true;
}

bool cli_rows_add(cli_rows *rows, cdbc_result *result)
{
	size_t count = rows->table ? rows->table->column_count : 0;
	cx_buf cell = CX_BUF_INIT((size_t)1 << 30);
	cli_test_row *row;
	bool is_good = true;

	rows->count++;
	if (!rows->table || rows->kept >= rows->table->row_count + KEPT_MORE)
		return true;
	row = cx_arena_calloc(&rows->arena, 1, sizeof *row + count * sizeof *row->cells);
	for (size_t i = 0; row && is_good && i < count; i++) {
		cdbc_text text = cdbc_result_text(result, rows->columns[i]);

		cx_buf_clear(&cell);
		cli_cell_put(&cell, text.data, text.length, cdbc_result_is_null(result, rows->columns[i]));
		row->cells[i] = cx_arena_strndup(&rows->arena, cell.data ? cell.data : "", cell.length);
		is_good = row->cells[i] && !cell.is_nomem && !cell.is_over;
	}
	cx_buf_free(&cell);
	if (!row || !is_good)
		return false;
	*rows->tail = row;
	rows->tail = &row->next;
	rows->kept++;
	return true;
}

/* ---- The difference -------------------------------------------------------------------------- */

typedef struct diff {
	size_t column_count;
	size_t *widths;
	cli_test_row **expected, **got;
	size_t expected_count, got_count;
	size_t e, g;         /* where the comparison is */
	size_t line, column; /* of the first difference; 0: none */
	size_t shown, differing;
	cx_buf *out;
} diff;

static int compare(const diff *d, const cli_test_row *a, const cli_test_row *b)
{
	for (size_t i = 0; i < d->column_count; i++) {
		int order = strcmp(a->cells[i], b->cells[i]);

		if (order)
			return order;
	}
	return 0;
}

static size_t width_of(const char *text)
{
	size_t width = 0, left = strlen(text), n;
	uint32_t c;

	for (; left; text += n, left -= n) {
		n = cx_char_next(text, left, &c);
		width += n ? (size_t)cx_char_width(c) : 1;
		n += n == 0;
	}
	return width;
}

static void widen(diff *d, const char *const *cells)
{
	for (size_t i = 0; i < d->column_count; i++) {
		size_t width = width_of(cells[i]);

		if (width > d->widths[i])
			d->widths[i] = width > WIDTH_MAX ? WIDTH_MAX : width;
	}
}

static void put_row(diff *d, char sign, const char *const *cells)
{
	cx_buf_putf(d->out, "%c |", sign);
	for (size_t i = 0; i < d->column_count; i++) {
		size_t width = width_of(cells[i]);

		cx_buf_putf(d->out, " %s%*s |", cells[i],
					width < d->widths[i] ? (int)(d->widths[i] - width) : 0, "");
	}
	cx_buf_putc(d->out, '\n');
}

static void put_differing(diff *d, char sign, const cli_test_row *row)
{
	d->differing++;
	if (d->shown++ < SHOWN_MAX)
		put_row(d, sign, row->cells);
}

/* How many rows to pass on either side until they agree again; what is only expected first. */
static void resync(const diff *d, size_t *skip_expected, size_t *skip_got)
{
	for (size_t sum = 1; sum <= AHEAD_MAX; sum++)
		for (size_t a = sum + 1; a-- > 0;) {
			size_t e = d->e + a, g = d->g + (sum - a);

			if (e < d->expected_count && g < d->got_count &&
				compare(d, d->expected[e], d->got[g]) == 0) {
				*skip_expected = a;
				*skip_got = sum - a;
				return;
			}
		}
	*skip_expected = d->e < d->expected_count;
	*skip_got = d->g < d->got_count;
}

/* The place of the first difference: the row that was expected, or the table's end. */
static void note_place(diff *d, const cli_expect *table)
{
	const cli_test_row *row;

	if (d->line)
		return;
	d->line = table->line;
	d->column = table->column;
	if (d->e < d->expected_count) {
		row = d->expected[d->e];
		d->line = row->line;
		d->column = row->column;
	}
	if (table->is_unordered)
		return;
	for (size_t i = d->e > CONTEXT_LINES ? d->e - CONTEXT_LINES : 0; i < d->e; i++)
		put_row(d, ' ', d->expected[i]->cells);
}

static void walk_ordered(diff *d, const cli_expect *table)
{
	while (d->e < d->expected_count || d->g < d->got_count) {
		size_t skip_expected = 0, skip_got = 0;

		if (d->e < d->expected_count && d->g < d->got_count &&
			compare(d, d->expected[d->e], d->got[d->g]) == 0) {
			d->e++;
			d->g++;
			continue;
		}
		note_place(d, table);
		resync(d, &skip_expected, &skip_got);
		while (skip_expected-- > 0)
			put_differing(d, '-', d->expected[d->e++]);
		while (skip_got-- > 0)
			put_differing(d, '+', d->got[d->g++]);
	}
}

static int by_cells(const void *a, const void *b, void *data)
{
	return compare(data, *(cli_test_row *const *)a, *(cli_test_row *const *)b);
}

static void walk_unordered(diff *d, const cli_expect *table)
{
	if (d->expected_count)
		qsort_r(d->expected, d->expected_count, sizeof *d->expected, by_cells, d);
	if (d->got_count)
		qsort_r(d->got, d->got_count, sizeof *d->got, by_cells, d);
	while (d->e < d->expected_count || d->g < d->got_count) {
		int order = d->e == d->expected_count ? 1
					: d->g == d->got_count    ? -1
											  : compare(d, d->expected[d->e], d->got[d->g]);

		if (order < 0) {
			note_place(d, table);
			put_differing(d, '-', d->expected[d->e]);
		} else if (order > 0) {
			if (!d->line) {
				d->line = table->line;
				d->column = table->column;
			}
			put_differing(d, '+', d->got[d->g]);
		}
		d->e += order <= 0;
		d->g += order >= 0;
	}
}

static void fill(diff *d, const cli_rows *rows)
{
	d->column_count = rows->table->column_count;
	widen(d, rows->table->names);
	for (cli_test_row *row = rows->table->rows; row; row = row->next) {
		widen(d, row->cells);
		d->expected[d->expected_count++] = row;
	}
	for (cli_test_row *row = rows->first; row; row = row->next) {
		widen(d, row->cells);
		d->got[d->got_count++] = row;
	}
}

static void say_difference(const cli_rows *rows, const diff *d, cli_test_outcome *out)
{
	out->line = d->line ? d->line : rows->table->line;
	out->column = d->line ? d->column : rows->table->column;
	if ((size_t)rows->count == rows->table->row_count)
		cx_buf_puts(&out->message, "the rows are others than expected");
	else
		cx_buf_putf(&out->message, "expected %zu row%s, got %lld", rows->table->row_count,
					rows->table->row_count == 1 ? "" : "s", (long long)rows->count);
	if (d->differing > SHOWN_MAX)
		cx_buf_putf(&out->details, "... %zu more that differ\n", d->differing - SHOWN_MAX);
}

bool cli_rows_judge(const cli_rows *rows, cli_test_outcome *out)
{
	const cli_expect *table = rows->table;
	diff d = {.out = &out->details};
	bool is_same;

	if (!table->names) { /* an empty table: no rows at all */
		if (rows->count)
			say_difference(rows, &d, out);
		return rows->count == 0;
	}
	d.widths = calloc(table->column_count, sizeof *d.widths);
	d.expected = calloc(table->row_count + 1, sizeof *d.expected);
	d.got = calloc(rows->kept + 1, sizeof *d.got);
	if (!d.widths || !d.expected || !d.got) {
		out->message.is_nomem = true;
		is_same = false;
	} else {
		fill(&d, rows);
		put_row(&d, ' ', table->names);
		if (table->is_unordered)
			walk_unordered(&d, table);
		else
			walk_ordered(&d, table);
		is_same = d.differing == 0 && (size_t)rows->count == table->row_count;
		if (is_same)
			cx_buf_clear(&out->details);
		else
			say_difference(rows, &d, out);
	}
	free(d.widths);
	free(d.expected);
	free(d.got);
	return is_same;
}
