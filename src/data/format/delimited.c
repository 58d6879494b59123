// SPDX-License-Identifier: Apache-2.0
/* CSV and TSV: one row a line, which ends in \n.
 *
 * CSV is RFC 4180's, as PostgreSQL's COPY reads it: NULL is empty, an empty text is "". A value in
 * quotes has a comma, a quote or a line end in it, or is \. alone, COPY's end mark. TSV is COPY's
 * text format: NULL is \N, and tab, line ends and the backslash are escaped by a backslash. */
#include "data/format/writer.h"

typedef struct delimited {
	cx_writer base;
	cx_buf cell; /* a value that may need quotes or escapes, printed first */
} delimited;

static cdbc_status delimited_open(const cdbc_format_options *options, const cdbc_sink *sink,
								  void **out, cdbc_error **err)
{
	cdbc_status status = cx_writer_open(sizeof(delimited), options, sink, out, err);

	if (!status)
		cx_buf_init(&((delimited *)*out)->cell, (size_t)2 << 30);
	return status;
}

static void delimited_destroy(void *self)
{
	delimited *d = self;

	if (d)
		cx_buf_free(&d->cell);
	cx_writer_destroy(d);
}

typedef void (*put_text)(cx_buf *out, const char *text, size_t length);

/* 1: the byte makes CSV quote; 2: TSV escapes it. */
static const unsigned char marks[256] = {
	[','] = 1, ['"'] = 1, ['\n'] = 3, ['\r'] = 3, ['\t'] = 2, ['\\'] = 2};

static void csv_text(cx_buf *out, const char *text, size_t length)
{
	const char *end = text + length, *p = text;

	while (p < end && !(marks[(unsigned char)*p] & 1))
		p++;
	if (p == end && length && !(length == 2 && text[0] == '\\' && text[1] == '.')) {
		cx_buf_put(out, text, length);
		return;
	}
	cx_buf_putc(out, '"');
	for (p = text; p < end;) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		size_t run = (size_t)((quote ? quote + 1 : end) - p);

		cx_buf_put(out, p, run);
		if (quote)
			cx_buf_putc(out, '"');
		p += run;
	}
	cx_buf_putc(out, '"');
}

static void tsv_text(cx_buf *out, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *p = text;

		while (p < end && !(marks[(unsigned char)*p] & 2))
			p++;
		cx_buf_put(out, text, (size_t)(p - text));
		if (p < end) {
			cx_buf_putc(out, '\\');
			cx_buf_putc(out, *p == '\n' ? 'n' : *p == '\r' ? 'r' : *p == '\t' ? 't' : '\\');
			p++;
		}
		text = p;
	}
}

static cdbc_status header(delimited *d, const struct ArrowSchema *schema, char comma, put_text put,
						  cdbc_error **err)
{
	cdbc_status status = cx_writer_begin(&d->base, schema, err);

	if (status || !d->base.options.has_header || d->base.column_count == 0)
		return status;
	for (size_t i = 0; i < d->base.column_count; i++) {
		if (i)
			cx_buf_putc(&d->base.buf, comma);
		put(&d->base.buf, d->base.fields[i].name, strlen(d->base.fields[i].name));
	}
	cx_buf_putc(&d->base.buf, '\n');
	return CDBC_OK;
}

/* A value; the buffer's failure and the cell's are one. */
static void put_value(delimited *d, const cx_view *view, int64_t row, put_text put)
{
	cx_buf *out = &d->base.buf;
	int64_t at = view->base + row;
	cdbc_text text;

	switch (view->field->storage) {
	case CX_UTF8:
		text = cx_bytes_at(view->array, at);
		put(out, text.data, text.length);
		return;
	case CX_LIST:
	case CX_BINARY:
		cx_buf_clear(&d->cell);
		cx_print_text(&d->cell, view->field, view->array, at);
		if (d->cell.is_nomem || d->cell.is_over) {
			out->is_nomem = d->cell.is_nomem;
			out->is_over = d->cell.is_over;
			return;
		}
		put(out, d->cell.data, d->cell.length);
		return;
	default:
		cx_print_text(out, view->field, view->array, at);
	}
}

static inline cdbc_status rows(delimited *d, const struct ArrowArray *batch, char comma,
							   const char *null, put_text put, cdbc_error **err)
{
	cdbc_status status = cx_writer_batch(&d->base, batch, err);

	for (int64_t row = 0; !status && row < batch->length; row++) {
		for (size_t i = 0; i < d->base.column_count; i++) {
			const cx_view *view = &d->base.views[i];

			if (i)
				cx_buf_putc(&d->base.buf, comma);
			if (cx_view_is_null(view, row))
				cx_buf_puts(&d->base.buf, null);
			else
				put_value(d, view, row, put);
		}
		cx_buf_putc(&d->base.buf, '\n');
		status = cx_writer_row(&d->base, err);
	}
	return status ? status : cx_writer_flush(&d->base, err);
}

static cdbc_status csv_begin(void *writer, const struct ArrowSchema *schema, cdbc_error **err)
{
	return header(writer, schema, ',', csv_text, err);
}

static cdbc_status csv_batch(void *writer, const struct ArrowArray *batch, cdbc_error **err)
{
	return rows(writer, batch, ',', "", csv_text, err);
}

static cdbc_status tsv_begin(void *writer, const struct ArrowSchema *schema, cdbc_error **err)
{
	return header(writer, schema, '\t', tsv_text, err);
}

static cdbc_status tsv_batch(void *writer, const struct ArrowArray *batch, cdbc_error **err)
{
	return rows(writer, batch, '\t', "\\N", tsv_text, err);
}

static cdbc_status delimited_end(void *writer, cdbc_error **err)
{
	return cx_writer_flush(writer, err);
}

const cdbc_format cx_format_csv = {
	sizeof(cdbc_format), "csv",         "text/csv; charset=utf-8", false, delimited_open, csv_begin,
	csv_batch,           delimited_end, delimited_destroy};
const cdbc_format cx_format_tsv = {sizeof(cdbc_format),
								   "tsv",
								   "text/tab-separated-values; charset=utf-8",
								   false,
								   delimited_open,
								   tsv_begin,
								   tsv_batch,
								   delimited_end,
								   delimited_destroy};
