// SPDX-License-Identifier: Apache-2.0
/* JSON: an array of objects, one a line, complete when the closing bracket is there; and ndjson,
 * the objects alone. Columns that share a name get _2, _3 and so on after it: an object that has a
 * key twice loses a value in most readers. */
#include "base/json.h"
#include "data/format/names.h"
#include "data/format/writer.h"

typedef struct json {
	cx_writer base;
	cx_buf keys;     /* `{"a":`, `,"b":` ... one after the other */
	size_t *lengths; /* of each */
} json;

static cdbc_status json_open(const cdbc_format_options *options, const cdbc_sink *sink, void **out,
							 cdbc_error **err)
{
	cdbc_status status = cx_writer_open(sizeof(json), options, sink, out, err);

	if (!status)
		cx_buf_init(&((json *)*out)->keys, (size_t)16 << 20);
	return status;
}

static void json_destroy(void *self)
{
	json *j = self;

	if (j) {
		cx_buf_free(&j->keys);
		cx_free(j->lengths);
	}
	cx_writer_destroy(j);
}

/* The keys are escaped once, not a row. */
static cdbc_status make_keys(json *j, cdbc_error **err)
{
	size_t count = j->base.column_count;
	cdbc_status status;
	char **names;

	j->lengths = cx_calloc(count + 1, sizeof *j->lengths);
	if (!j->lengths)
		return cx_error_nomem(err);
	status = cx_names_make(j->base.fields, count, &names, err);
	if (status)
		return status;
	for (size_t i = 0; i < count; i++) {
		size_t start = j->keys.length;

		cx_buf_putc(&j->keys, i ? ',' : '{');
		cx_json_put_string(&j->keys, names[i], strlen(names[i]));
		cx_buf_putc(&j->keys, ':');
		j->lengths[i] = j->keys.length - start;
	}
	cx_names_free(names, count);
	return cx_buf_status(&j->keys, "the names of all columns together", err);
}

static cdbc_status ndjson_begin(void *self, const struct ArrowSchema *schema, cdbc_error **err)
{
	json *j = self;
	cdbc_status status = cx_writer_begin(&j->base, schema, err);

	return status ? status : make_keys(j, err);
}

static cdbc_status json_begin(void *self, const struct ArrowSchema *schema, cdbc_error **err)
{
	json *j = self;
	cdbc_status status = ndjson_begin(self, schema, err);

	if (!status)
		cx_buf_putc(&j->base.buf, '[');
	return status;
}

static void put_row(json *j, int64_t row)
{
	cx_buf *out = &j->base.buf;
	const char *key = j->keys.data;

	for (size_t i = 0; i < j->base.column_count; i++) {
		const cx_view *view = &j->base.views[i];

		cx_buf_put(out, key, j->lengths[i]);
		key += j->lengths[i];
		cx_print_json(out, view->field, view->array, view->base + row);
	}
	if (j->base.column_count == 0)
		cx_buf_putc(out, '{');
	cx_buf_putc(out, '}');
}

static cdbc_status json_batch(void *self, const struct ArrowArray *batch, cdbc_error **err)
{
	json *j = self;
	cdbc_status status = cx_writer_batch(&j->base, batch, err);

	for (int64_t row = 0; !status && row < batch->length; row++) {
		cx_buf_puts(&j->base.buf, j->base.row_count++ ? ",\n" : "\n");
		put_row(j, row);
		status = cx_writer_row(&j->base, err);
	}
	return status ? status : cx_writer_flush(&j->base, err);
}

static cdbc_status ndjson_batch(void *self, const struct ArrowArray *batch, cdbc_error **err)
{
	json *j = self;
	cdbc_status status = cx_writer_batch(&j->base, batch, err);

	for (int64_t row = 0; !status && row < batch->length; row++) {
		put_row(j, row);
		cx_buf_putc(&j->base.buf, '\n');
		status = cx_writer_row(&j->base, err);
	}
	return status ? status : cx_writer_flush(&j->base, err);
}

static cdbc_status json_end(void *self, cdbc_error **err)
{
	json *j = self;

	cx_buf_puts(&j->base.buf, j->base.row_count ? "\n]\n" : "]\n");
	return cx_writer_flush(&j->base, err);
}

static cdbc_status ndjson_end(void *self, cdbc_error **err)
{
	return cx_writer_flush(self, err);
}

const cdbc_format cx_format_json = {sizeof(cdbc_format), "json",     "application/json", false,
									json_open,           json_begin, json_batch,         json_end,
									json_destroy};
const cdbc_format cx_format_ndjson = {
	sizeof(cdbc_format), "ndjson",     "application/x-ndjson", false,
	json_open,           ndjson_begin, ndjson_batch,           ndjson_end,
	json_destroy};
