// SPDX-License-Identifier: Apache-2.0
/* A table for people, as psql draws it. The widths come from the first rows (options.table_rows),
 * which are kept until then; a longer value that comes later sticks out, and is whole. Only where
 * the terminal is too narrow (options.max_width) are columns other than numbers made narrower, and
 * what they cut ends in an ellipsis.
 *
 * NULL is empty, or a dim NULL in colour; an empty text is "". Control characters, line ends and
 * characters that turn the direction of text are shown as escapes. */
#include "base/width.h"
#include "data/format/writer.h"

#define HEAD_MAX  ((size_t)4 << 20) /* bytes of kept cells, whatever their number */
#define NARROWEST 8                 /* no column is made narrower than this */
#define DIM       "\x1b[2m"
#define NORMAL    "\x1b[0m"
#define ELLIPSIS  "\xe2\x80\xa6"

/* A printed value in table.text. */
typedef struct cell {
	size_t start, length;
	size_t width;
	bool is_null;
} cell;

typedef struct column {
	size_t width;
	bool is_number;
	bool is_cut;
} column;

typedef struct table {
	cx_writer base;
	column *columns;
	cell *names;
	cell *row;                        /* once the widths are known, the present one */
	cell *head;                       /* rows kept until then */
	size_t head_count, head_capacity; /* in cells */
	int64_t head_rows;
	cx_buf text;
	size_t names_end; /* where the names' part of text ends */
	cx_buf value;
	bool is_settled;
} table;

static cdbc_status table_open(const cdbc_format_options *options, const cdbc_sink *sink, void **out,
							  cdbc_error **err)
{
	cdbc_status status = cx_writer_open(sizeof(table), options, sink, out, err);

	if (!status) {
		table *t = *out;

		cx_buf_init(&t->text, (size_t)8 << 30);
		cx_buf_init(&t->value, (size_t)8 << 30);
	}
	return status;
}

static void table_destroy(void *self)
{
	table *t = self;

	if (t) {
		cx_free(t->columns);
		cx_free(t->names);
		cx_free(t->row);
		cx_free(t->head);
		cx_buf_free(&t->text);
		cx_buf_free(&t->value);
	}
	cx_writer_destroy(t);
}

/* ---- cells
 * --------------------------------------------------------------------------------------------------
 */

static bool turns_direction(uint32_t c)
{
	return c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
		   (c >= 0x2066 && c <= 0x2069);
}

/* Puts a character's escape when it has to have one; returns its width, 0 when it stands for
 * itself. */
static size_t put_escape(cx_buf *out, uint32_t c)
{
	size_t start = out->length;

	if (c == '\n')
		cx_buf_puts(out, "\\n");
	else if (c == '\r')
		cx_buf_puts(out, "\\r");
	else if (c == '\t')
		cx_buf_puts(out, "\\t");
	else if (c < 0x20 || c == 0x7f)
		cx_buf_putf(out, "\\x%02x", (unsigned)c);
	else if ((c >= 0x80 && c < 0xa0) || turns_direction(c) || c == 0x2028 || c == 0x2029)
		cx_buf_putf(out, "\\u%04x", (unsigned)c);
	return out->length - start;
}

/* Adds text that is safe to show; returns how wide it is. */
static size_t put_shown(cx_buf *out, const char *text, size_t length)
{
	size_t width = 0;

	for (size_t i = 0; i < length;) {
		size_t run = i, n, escape;
		uint32_t c;

		while (run < length && (unsigned char)text[run] >= 0x20 && (unsigned char)text[run] < 0x7f)
			run++;
		cx_buf_put(out, text + i, run - i);
		width += run - i;
		i = run;
		if (i == length)
			break;
		n = cx_char_next(text + i, length - i, &c);
		if (n == 0) {
			cx_buf_putf(out, "\\x%02x", (unsigned)(unsigned char)text[i++]);
			width += 4;
			continue;
		}
		escape = put_escape(out, c);
		if (escape == 0) {
			cx_buf_put(out, text + i, n);
			escape = (size_t)cx_char_width(c);
		}
		width += escape;
		i += n;
	}
	return width;
}

static cell make_cell(table *t, const cx_view *view, int64_t row)
{
	cell c = {.start = t->text.length};
	int64_t at = view->base + row;
	cdbc_text text;

	if (cx_is_null_at(view->array, at)) {
		c.is_null = true;
		c.width = t->base.options.is_colored ? 4 : 0;
		return c;
	}
	if (view->field->storage == CX_UTF8) {
		text = cx_bytes_at(view->array, at);
		if (text.length == 0)
			text = (cdbc_text){"\"\"", 2};
	} else {
		cx_buf_clear(&t->value);
		cx_print_text(&t->value, view->field, view->array, at);
		if (t->value.is_nomem || t->value.is_over) {
			t->text.is_nomem = t->value.is_nomem;
			t->text.is_over = t->value.is_over;
			return c;
		}
		text = (cdbc_text){t->value.data, t->value.length};
	}
	c.width = put_shown(&t->text, text.data, text.length);
	c.length = t->text.length - c.start;
	return c;
}

/* ---- drawing
 * ------------------------------------------------------------------------------------------------
 */

static void put_many(cx_buf *out, char c, size_t n)
{
	if (!cx_buf_reserve(out, n))
		return;
	memset(out->data + out->length, c, n);
	out->length += n;
	out->data[out->length] = '\0';
}

/* As much of a shown text as fits beside the ellipsis; returns the width drawn. */
static size_t put_cut(cx_buf *out, const char *text, size_t length, size_t width)
{
	size_t drawn = 0, i = 0;

	while (i < length) {
		uint32_t c = 0;
		size_t n = cx_char_next(text + i, length - i, &c), w = (size_t)cx_char_width(c);

		if (drawn + w > width - 1)
			break;
		drawn += w;
		i += n ? n : 1;
	}
	cx_buf_put(out, text, i);
	cx_buf_puts(out, ELLIPSIS);
	return drawn + 1;
}

static void draw_cell(table *t, const cell *c, size_t i)
{
	const column *col = &t->columns[i];
	const char *text = t->text.data ? t->text.data + c->start : "";
	cx_buf *out = &t->base.buf;
	size_t pad = col->width > c->width ? col->width - c->width : 0;

	if (col->is_number)
		put_many(out, ' ', pad);
	if (c->is_null && t->base.options.is_colored)
		cx_buf_puts(out, DIM "NULL" NORMAL);
	else if (col->is_cut && c->width > col->width)
		pad = col->width - put_cut(out, text, c->length, col->width);
	else
		cx_buf_put(out, text, c->length);
	if (!col->is_number && i + 1 < t->base.column_count)
		put_many(out, ' ', pad);
}

static void put_bar(table *t)
{
	cx_buf_puts(&t->base.buf, t->base.options.is_colored ? DIM " |" NORMAL : " |");
}

static void draw_row(table *t, const cell *cells)
{
	cx_buf *out = &t->base.buf;
	size_t count = t->base.column_count;

	for (size_t i = 0; i < count; i++) {
		if (i)
			put_bar(t);
		if (i + 1 == count && cells[i].width == 0)
			break;
		cx_buf_putc(out, ' ');
		draw_cell(t, &cells[i], i);
	}
	cx_buf_putc(out, '\n');
}

static void draw_rule(table *t)
{
	cx_buf *out = &t->base.buf;

	if (t->base.options.is_colored)
		cx_buf_puts(out, DIM);
	for (size_t i = 0; i < t->base.column_count; i++) {
		if (i)
			cx_buf_putc(out, '+');
		put_many(out, '-', t->columns[i].width + 2);
	}
	if (t->base.options.is_colored)
		cx_buf_puts(out, NORMAL);
	cx_buf_putc(out, '\n');
}

/* Takes from the widest columns until the table fits, or nothing more can be taken. */
static void make_narrower(table *t)
{
	size_t total = 0, limit = (size_t)t->base.options.max_width;

	for (size_t i = 0; i < t->base.column_count; i++)
		total += t->columns[i].width + 3;
	while (total > limit + 1) {
		column *widest = NULL;

		for (size_t i = 0; i < t->base.column_count; i++) {
			column *col = &t->columns[i];

			if (!col->is_number && col->width > NARROWEST &&
				(!widest || col->width > widest->width))
				widest = col;
		}
		if (!widest)
			return;
		widest->width--;
		widest->is_cut = true;
		total--;
	}
}

/* Decides the widths and draws what was kept. */
static cdbc_status settle(table *t, cdbc_error **err)
{
	size_t count = t->base.column_count;
	cdbc_status status = cx_buf_status(&t->text, "a table's first rows", err);

	t->is_settled = true;
	if (status || count == 0)
		return status;
	for (size_t i = 0; i < t->head_count; i++) {
		column *col = &t->columns[i % count];

		if (t->head[i].width > col->width)
			col->width = t->head[i].width;
	}
	if (t->base.options.max_width > 0)
		make_narrower(t);
	draw_row(t, t->names);
	draw_rule(t);
	for (size_t i = 0; !status && i < t->head_count; i += count) {
		draw_row(t, t->head + i);
		status = cx_writer_row(&t->base, err);
	}
	cx_free(t->head);
	t->head = NULL;
	t->head_count = t->head_capacity = 0;
	return status;
}

/* ---- the format
 * --------------------------------------------------------------------------------------------- */

static cdbc_status table_begin(void *self, const struct ArrowSchema *schema, cdbc_error **err)
{
	table *t = self;
	cdbc_status status = cx_writer_begin(&t->base, schema, err);

	if (status)
		return status;
	t->columns = cx_calloc(t->base.column_count + 1, sizeof *t->columns);
	t->names = cx_calloc(t->base.column_count + 1, sizeof *t->names);
	t->row = cx_calloc(t->base.column_count + 1, sizeof *t->row);
	if (!t->columns || !t->names || !t->row)
		return cx_error_nomem(err);
	for (size_t i = 0; i < t->base.column_count; i++) {
		const char *name = t->base.fields[i].name;
		cell *c = &t->names[i];

		c->start = t->text.length;
		c->width = put_shown(&t->text, name, strlen(name));
		c->length = t->text.length - c->start;
		t->columns[i].width = c->width;
		t->columns[i].is_number = cx_field_is_number(&t->base.fields[i]);
	}
	t->names_end = t->text.length;
	return cx_buf_status(&t->text, "the names of all columns together", err);
}

static cdbc_status keep_row(table *t, int64_t row, cdbc_error **err)
{
	for (size_t i = 0; i < t->base.column_count; i++) {
		if (t->head_count == t->head_capacity &&
			!cx_grow(&t->head, t->head_count, &t->head_capacity, sizeof *t->head))
			return cx_error_nomem(err);
		t->head[t->head_count++] = make_cell(t, &t->base.views[i], row);
	}
	t->head_rows++;
	return cx_buf_status(&t->text, "a table's first rows", err);
}

static cdbc_status show_row(table *t, int64_t row, cdbc_error **err)
{
	cdbc_status status;

	t->text.length = t->names_end;
	for (size_t i = 0; i < t->base.column_count; i++)
		t->row[i] = make_cell(t, &t->base.views[i], row);
	status = cx_buf_status(&t->text, "a row", err);
	if (status)
		return status;
	draw_row(t, t->row);
	return cx_writer_row(&t->base, err);
}

static cdbc_status table_batch(void *self, const struct ArrowArray *batch, cdbc_error **err)
{
	table *t = self;
	cdbc_status status = cx_writer_batch(&t->base, batch, err);

	for (int64_t row = 0; !status && row < batch->length; row++) {
		t->base.row_count++;
		if (t->base.column_count == 0)
			continue;
		if (!t->is_settled &&
			(t->head_rows >= t->base.options.table_rows || t->text.length > HEAD_MAX))
			status = settle(t, err);
		if (!status)
			status = t->is_settled ? show_row(t, row, err) : keep_row(t, row, err);
	}
	return status || !t->is_settled ? status : cx_writer_flush(&t->base, err);
}

static cdbc_status table_end(void *self, cdbc_error **err)
{
	table *t = self;
	cdbc_status status = t->is_settled ? CDBC_OK : settle(t, err);
	int64_t rows = t->base.row_count;

	if (status)
		return status;
	cx_buf_putf(&t->base.buf, "(%lld row%s)\n", (long long)rows, rows == 1 ? "" : "s");
	return cx_writer_flush(&t->base, err);
}

const cdbc_format cx_format_table = {sizeof(cdbc_format),
									 "table",
									 "text/plain; charset=utf-8",
									 false,
									 table_open,
									 table_begin,
									 table_batch,
									 table_end,
									 table_destroy};
