// SPDX-License-Identifier: Apache-2.0
/* Any bytes as texts and NULLs through csv, tsv and json, read back by readers that are not the
 * library's: every value must come out as it went in, NULL and an empty text apart, and no text can
 * end its own value, row or string.
 *
 * Input: the columns' number in the first byte, then the values, each ended by 0; a value that is 1
 * alone is NULL. */
#include "base/json.h"
#include "base/text.h"
#include "data/result/print.h"
#include "must.h"

#include <cdbc/format.h>

#define COLUMNS_MAX 5

typedef struct rows {
	cx_field fields[COLUMNS_MAX];
	size_t count;
	struct ArrowSchema schema;
	struct ArrowArray batch;
} rows;

static void make_rows(rows *r, const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	cx_batch b;

	r->count = size ? data[0] % COLUMNS_MAX + 1 : 1;
	data += size > 0;
	for (size_t i = 0; i < r->count; i++) {
		r->fields[i] = (cx_field){.name = "c", .type = {CDBC_TYPE_TEXT, false, -1, -1}};
		cx_field_resolve(&r->fields[i]);
	}
	MUST(cx_schema_make(r->fields, r->count, &r->schema, NULL) == CDBC_OK);
	MUST(cx_batch_begin(&b, r->fields, r->count, 1, 0, NULL) == CDBC_OK);
	while (data < end) {
		MUST(cx_batch_row(&b));
		for (size_t i = 0; i < r->count; i++) {
			const uint8_t *zero = data < end ? memchr(data, 0, (size_t)(end - data)) : NULL;
			size_t length = (size_t)((zero ? zero : end) - data);

			if (length == 1 && *data == 1)
				cx_batch_set_null(&b, i);
			else
				cx_batch_put_bytes(&b, i, (const char *)data, length);
			data = zero ? zero + 1 : end;
		}
	}
	MUST(cx_batch_finish(&b, &r->batch, NULL) == CDBC_OK);
}

static cdbc_status keep(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	cx_buf_put(self, bytes, length);
	return cx_buf_status(self, "output", err);
}

static void write_as(const char *name, const rows *r, cx_buf *out)
{
	const cdbc_format *format = cdbc_format_find(name);
	cdbc_format_options options = CDBC_FORMAT_OPTIONS_INIT;
	const cdbc_sink sink = {sizeof sink, keep, out};
	void *writer;

	options.has_header = false;
	cx_buf_clear(out);
	MUST(format->open(&options, &sink, &writer, NULL) == CDBC_OK);
	MUST(format->begin(writer, &r->schema, NULL) == CDBC_OK);
	MUST(format->batch(writer, &r->batch, NULL) == CDBC_OK);
	MUST(format->end(writer, NULL) == CDBC_OK);
	format->destroy(writer);
	cx_buf_put(out, "", 0);
}

/* ---- readers: each leaves *p behind the value and tells NULL
 * ------------------------------------------------- */

typedef bool (*read_value)(const char **p, const char *end, cx_buf *value);

static bool read_csv(const char **p, const char *end, cx_buf *value)
{
	const char *c = *p;
	bool is_null = c < end && (*c == ',' || *c == '\n');

	if (c < end && *c == '"') {
		for (c++; c < end; c++) {
			if (*c == '"' && (++c == end || *c != '"'))
				break;
			cx_buf_putc(value, *c);
		}
	} else {
		for (; c < end && *c != ',' && *c != '\n'; c++) {
			MUST(*c != '"' && *c != '\r');
			cx_buf_putc(value, *c);
		}
	}
	*p = c;
	return is_null;
}

static bool read_tsv(const char **p, const char *end, cx_buf *value)
{
	const char *c = *p;

	if (end - c >= 2 && c[0] == '\\' && c[1] == 'N') {
		*p = c + 2;
		return true;
	}
	for (; c < end && *c != '\t' && *c != '\n'; c++) {
		if (*c != '\\') {
			MUST(*c != '\r');
			cx_buf_putc(value, *c);
			continue;
		}
		MUST(++c < end);
		MUST(*c == 'n' || *c == 'r' || *c == 't' || *c == '\\');
		cx_buf_putc(value, *c == 'n' ? '\n' : *c == 'r' ? '\r' : *c == 't' ? '\t' : '\\');
	}
	*p = c;
	return false;
}

static void check_read(const rows *r, const cx_buf *out, char comma, read_value read)
{
	const char *p = out->data, *end = out->data + out->length;
	cx_buf value = CX_BUF_INIT(1 << 24);

	for (int64_t row = 0; row < r->batch.length; row++) {
		for (size_t i = 0; i < r->count; i++) {
			const struct ArrowArray *column = r->batch.children[i];
			cdbc_text text = cx_bytes_at(column, row);

			cx_buf_clear(&value);
			MUST(read(&p, end, &value) == cx_is_null_at(column, row));
			MUST(value.length == text.length &&
				 (text.length == 0 || memcmp(value.data, text.data, text.length) == 0));
			MUST(p < end && *p == (i + 1 < r->count ? comma : '\n'));
			p++;
		}
	}
	MUST(p == end);
	cx_buf_free(&value);
}

static bool is_utf8(const uint8_t *data, size_t size)
{
	return size < 2 || cx_utf8_valid_prefix((const char *)data + 1, size - 1) == size - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const others[] = {"table", "markdown", "ndjson", "arrow"};
	cx_buf out = CX_BUF_INIT(1 << 26);
	rows r;

	make_rows(&r, data, size);
	write_as("csv", &r, &out);
	check_read(&r, &out, ',', read_csv);
	write_as("tsv", &r, &out);
	check_read(&r, &out, '\t', read_tsv);
	write_as("json", &r, &out);
	/* drivers hand over no text that is not UTF-8; of bytes that are none, JSON has no string */
	MUST(cx_json_is_valid(out.data, out.length, CX_JSON_DEPTH_MAX) || !is_utf8(data, size));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		write_as(others[i], &r, &out);
	cx_json_is_valid((const char *)data, size, CX_JSON_DEPTH_MAX);
	cx_buf_free(&out);
	r.batch.release(&r.batch);
	r.schema.release(&r.schema);
	return 0;
}
