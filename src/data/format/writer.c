// SPDX-License-Identifier: Apache-2.0
/* What the formats share, and the list of them. */
#include "data/format/writer.h"

/* A row is built in memory before it goes out. */
#define ROW_MAX ((size_t)8 << 30)

static const cdbc_format *const formats[] = {
	&cx_format_table, &cx_format_json,     &cx_format_ndjson, &cx_format_csv,
	&cx_format_tsv,   &cx_format_markdown, &cx_format_arrow,  NULL};

const cdbc_format *const *cdbc_format_list(void)
{
	return formats;
}

const cdbc_format *cdbc_format_find(const char *name)
{
	for (size_t i = 0; name && formats[i]; i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

cdbc_status cx_writer_open(size_t size, const cdbc_format_options *options, const cdbc_sink *sink,
						   void **out, cdbc_error **err)
{
	cx_writer *writer;

	if (!sink || !sink->write)
		return cx_error_set(err, CDBC_USAGE, "a format needs a sink");
	writer = cx_calloc(1, size);
	if (!writer)
		return cx_error_nomem(err);
	writer->options = (cdbc_format_options)CDBC_FORMAT_OPTIONS_INIT;
	if (options && options->struct_size)
		memcpy(&writer->options, options,
			   options->struct_size < sizeof *options ? options->struct_size : sizeof *options);
	writer->sink = *sink;
	cx_buf_init(&writer->buf, ROW_MAX);
	*out = writer;
	return CDBC_OK;
}

void cx_writer_destroy(void *self)
{
	cx_writer *writer = self;

	if (!writer)
		return;
	if (writer->schema.release)
		writer->schema.release(&writer->schema);
	cx_free(writer->views);
	cx_buf_free(&writer->buf);
	cx_free(writer);
}

cdbc_status cx_writer_begin(cx_writer *writer, const struct ArrowSchema *schema, cdbc_error **err)
{
	cdbc_status status;

	if (writer->schema.release)
		return cx_error_set(err, CDBC_USAGE, "a format was begun twice");
	status = cx_schema_copy(schema, &writer->schema, err);
	if (status)
		return status;
	writer->column_count = (size_t)writer->schema.n_children;
	writer->fields = cx_schema_fields(&writer->schema);
	writer->views = cx_calloc(writer->column_count + 1, sizeof *writer->views);
	if (!writer->views || !cx_buf_reserve(&writer->buf, CX_WRITER_FLUSH + (CX_WRITER_FLUSH >> 2)))
		return cx_error_nomem(err);
	for (size_t i = 0; i < writer->column_count; i++)
		writer->views[i].field = &writer->fields[i];
	return CDBC_OK;
}

cdbc_status cx_writer_batch(cx_writer *writer, const struct ArrowArray *batch, cdbc_error **err)
{
	if (!writer->views)
		return cx_error_set(err, CDBC_USAGE, "a batch came before the format was begun");
	if ((size_t)batch->n_children != writer->column_count)
		return cx_error_set(err, CDBC_USAGE, "a batch has %lld columns, its schema %zu",
							(long long)batch->n_children, writer->column_count);
	for (size_t i = 0; i < writer->column_count; i++) {
		writer->views[i].array = batch->children[i];
		writer->views[i].base = batch->offset + batch->children[i]->offset;
	}
	return CDBC_OK;
}

cdbc_status cx_writer_direct(cx_writer *writer, const void *bytes, size_t length, cdbc_error **err)
{
	return length ? writer->sink.write(writer->sink.self, bytes, length, err) : CDBC_OK;
}

cdbc_status cx_writer_flush(cx_writer *writer, cdbc_error **err)
{
	cdbc_status status = cx_buf_status(&writer->buf, "a row", err);

	if (!status)
		status = cx_writer_direct(writer, writer->buf.data, writer->buf.length, err);
	cx_buf_clear(&writer->buf);
	return status;
}

bool cx_field_is_number(const cx_field *field)
{
	switch (field->storage) {
	case CX_INT16:
	case CX_INT32:
	case CX_INT64:
	case CX_FLOAT32:
	case CX_FLOAT64:
	case CX_DECIMAL128:
		return true;
	default:
		return field->storage == CX_UTF8 && field->type.id == CDBC_TYPE_NUMERIC;
	}
}
