// SPDX-License-Identifier: Apache-2.0
/* A Markdown table, as GitHub's flavour has it. What would end a cell or a line is escaped: |, the
 * backslash, < and line ends, which become <br>. NULL is empty, an empty text is "". */
#include "data/format/writer.h"

typedef struct markdown {
	cx_writer base;
	cx_buf value;
} markdown;

static cdbc_status markdown_open(const cdbc_format_options *options, const cdbc_sink *sink,
								 void **out, cdbc_error **err)
{
	cdbc_status status = cx_writer_open(sizeof(markdown), options, sink, out, err);

	if (!status)
		cx_buf_init(&((markdown *)*out)->value, (size_t)8 << 30);
	return status;
}

static void markdown_destroy(void *self)
{
	markdown *m = self;

	if (m)
		cx_buf_free(&m->value);
	cx_writer_destroy(m);
}

static void put_escaped(cx_buf *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '\r' && i + 1 < length && text[i + 1] == '\n')
			continue;
		if (c == '\n' || c == '\r') {
			cx_buf_puts(out, "<br>");
			continue;
		}
		if (c == '|' || c == '\\' || c == '<')
			cx_buf_putc(out, '\\');
		cx_buf_putc(out, c);
	}
}

static cdbc_status markdown_begin(void *self, const struct ArrowSchema *schema, cdbc_error **err)
{
	markdown *m = self;
	cx_buf *out = &m->base.buf;
	cdbc_status status = cx_writer_begin(&m->base, schema, err);

	if (status || m->base.column_count == 0)
		return status;
	for (size_t i = 0; i < m->base.column_count; i++) {
		cx_buf_puts(out, "| ");
		put_escaped(out, m->base.fields[i].name, strlen(m->base.fields[i].name));
		cx_buf_putc(out, ' ');
	}
	cx_buf_puts(out, "|\n");
	for (size_t i = 0; i < m->base.column_count; i++)
		cx_buf_puts(out, cx_field_is_number(&m->base.fields[i]) ? "| ---: " : "| --- ");
	cx_buf_puts(out, "|\n");
	return CDBC_OK;
}

static void put_value(markdown *m, const cx_view *view, int64_t row)
{
	cx_buf *out = &m->base.buf;

	if (cx_view_is_null(view, row))
		return;
	cx_buf_clear(&m->value);
	cx_print_text(&m->value, view->field, view->array, view->base + row);
	out->is_nomem |= m->value.is_nomem;
	out->is_over |= m->value.is_over;
	if (m->value.length)
		put_escaped(out, m->value.data, m->value.length);
	else
		cx_buf_puts(out, "\"\"");
}

static cdbc_status markdown_batch(void *self, const struct ArrowArray *batch, cdbc_error **err)
{
	markdown *m = self;
	cdbc_status status = cx_writer_batch(&m->base, batch, err);

	for (int64_t row = 0; !status && row < batch->length && m->base.column_count; row++) {
		for (size_t i = 0; i < m->base.column_count; i++) {
			cx_buf_puts(&m->base.buf, "| ");
			put_value(m, &m->base.views[i], row);
			cx_buf_putc(&m->base.buf, ' ');
		}
		cx_buf_puts(&m->base.buf, "|\n");
		status = cx_writer_row(&m->base, err);
	}
	return status ? status : cx_writer_flush(&m->base, err);
}

static cdbc_status markdown_end(void *self, cdbc_error **err)
{
	return cx_writer_flush(self, err);
}

const cdbc_format cx_format_markdown = {sizeof(cdbc_format),
										"markdown",
										"text/markdown; charset=utf-8",
										false,
										markdown_open,
										markdown_begin,
										markdown_batch,
										markdown_end,
										markdown_destroy};
