// SPDX-License-Identifier: Apache-2.0
/* Makes Arrow streams, and beside each what a reader must find in it: NAME.arrow and NAME.json in
 * the folder that is the argument.
 *
 * The JSON has the columns' names, and the rows as arrays of texts in plain terms: dates and times
 * as the integers of their units, an interval as its three numbers, bytes in hex. */
#include "base/error.h"
#include "base/json.h"
#include "data/result/print.h"
#include "format/sample.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCHES_MAX 8

typedef struct stream_case {
	struct ArrowSchema schema;
	struct ArrowArray batches[BATCHES_MAX];
	size_t batch_count;
} stream_case;

static const char *folder;

static void must(cdbc_status status, cdbc_error *error)
{
	if (status) {
		fprintf(stderr, "make_cases: %s\n",
				error ? cdbc_error_message(error) : cdbc_status_text(status));
		exit(1);
	}
}

static void save(const char *name, const char *suffix, const cx_buf *bytes)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes->data, 1, bytes->length, file) != bytes->length ||
		fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

/* ---- what a reader must find
 * -------------------------------------------------------------------------------- */

static void expect_plain(cx_buf *out, const cx_field *field, const struct ArrowArray *array,
						 int64_t at)
{
	const char *bytes = (const char *)array->buffers[1] + at * 16;
	int32_t parts[2];
	int64_t ns;

	switch (field->storage) {
	case CX_DATE32:
		cx_buf_put_int64(out, ((const int32_t *)array->buffers[1])[at]);
		return;
	case CX_TIME64:
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ:
		cx_buf_put_int64(out, ((const int64_t *)array->buffers[1])[at]);
		return;
	case CX_INTERVAL:
		memcpy(parts, bytes, 8);
		memcpy(&ns, bytes + 8, 8);
		cx_buf_putf(out, "%d %d %lld", parts[0], parts[1], (long long)ns);
		return;
	default:
		cx_print_text(out, field, array, at);
	}
}

static void expect(cx_buf *out, const cx_field *field, const struct ArrowArray *array, int64_t at)
{
	cx_buf text = CX_BUF_INIT(1 << 20);
	cx_field item = *field;

	if (cx_is_null_at(array, at)) {
		cx_buf_puts(out, "null");
	} else if (field->storage == CX_LIST) {
		const int32_t *offsets = array->buffers[1];
		const struct ArrowArray *items = array->children[0];

		item.storage = field->item;
		cx_buf_putc(out, '[');
		for (int32_t i = offsets[at]; i < offsets[at + 1]; i++) {
			cx_buf_puts(out, i > offsets[at] ? "," : "");
			expect(out, &item, items, i + items->offset);
		}
		cx_buf_putc(out, ']');
	} else {
		expect_plain(&text, field, array, at);
		cx_json_put_string(out, text.length ? text.data : "", text.length);
	}
	cx_buf_free(&text);
}

static void save_expected(const char *name, const stream_case *c)
{
	const cx_field *fields = cx_schema_fields(&c->schema);
	cx_buf out = CX_BUF_INIT(1 << 30);
	const char *comma = "\n";

	cx_buf_puts(&out, "{\"columns\":[");
	for (int64_t i = 0; i < c->schema.n_children; i++) {
		cx_buf_puts(&out, i ? "," : "");
		cx_json_put_string(&out, fields[i].name, strlen(fields[i].name));
	}
	cx_buf_puts(&out, "],\n\"rows\":[");
	for (size_t b = 0; b < c->batch_count; b++) {
		for (int64_t row = 0; row < c->batches[b].length; row++, comma = ",\n") {
			cx_buf_puts(&out, comma);
			for (int64_t i = 0; i < c->schema.n_children; i++) {
				const struct ArrowArray *column = c->batches[b].children[i];

				cx_buf_puts(&out, i ? "," : "[");
				expect(&out, &fields[i], column, row + c->batches[b].offset + column->offset);
			}
			cx_buf_puts(&out, "]");
		}
	}
	cx_buf_puts(&out, "\n]}\n");
	must(cx_buf_status(&out, "expectation", NULL), NULL);
	save(name, "json", &out);
	cx_buf_free(&out);
}

static void save_case(const char *name, stream_case *c)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 30)};
	cdbc_sink sink = sample_sink_of(&kept);
	cdbc_error *error = NULL;

	must(sample_write(cdbc_format_find("arrow"), NULL, &c->schema, c->batches, c->batch_count,
					  &sink, &error),
		 error);
	save(name, "arrow", &kept.out);
	cx_buf_free(&kept.out);
	save_expected(name, c);
	for (size_t b = 0; b < c->batch_count; b++)
		c->batches[b].release(&c->batches[b]);
	c->schema.release(&c->schema);
}

/* ---- the cases
 * ---------------------------------------------------------------------------------------------- */

static void every_type(stream_case *c)
{
	cdbc_error *error = NULL;

	must(sample_every_type(&c->schema, &c->batches[0], &error), error);
	c->batch_count = 1;
}

static void add_every(stream_case *c, int64_t offset, int64_t length)
{
	struct ArrowSchema schema;
	cdbc_error *error = NULL;

	must(sample_every_type(&schema, &c->batches[c->batch_count], &error), error);
	schema.release(&schema);
	c->batches[c->batch_count].offset = offset;
	c->batches[c->batch_count].length = length;
	c->batch_count++;
}

/* Several batches, an empty one, and slices: the struct's offset, and the columns' own. */
static void several(stream_case *c)
{
	every_type(c);
	add_every(c, 0, 0);
	add_every(c, 1, 3);
	add_every(c, 4, 1);
	add_every(c, 0, 2);
	for (int64_t i = 0; i < c->batches[4].n_children; i++) {
		struct ArrowArray *column = c->batches[4].children[i];

		column->offset = 2;
		column->length = 3;
		column->null_count = -1;
		if (column->n_children && column->children[0]->length > 3) {
			column->children[0]->offset = 1;
			column->children[0]->length -= 1;
			column->children[0]->null_count = -1;
			for (int32_t *offsets = (int32_t *)(uintptr_t)column->buffers[1], k = 0;
				 k < SAMPLE_ROWS + 1; k++)
				offsets[k] -= offsets[k] > 0;
		}
	}
}

static void no_batches(stream_case *c)
{
	every_type(c);
	c->batches[0].release(&c->batches[0]);
	c->batch_count = 0;
}

static struct ArrowArray many_rows(const cx_field *fields, size_t count, int64_t rows)
{
	struct ArrowArray array;
	cdbc_error *error = NULL;
	cx_batch b;

	must(cx_batch_begin(&b, fields, count, rows, 1000, &error), error);
	for (int64_t row = 0; row < rows && cx_batch_row(&b); row++) {
		char text[64];

		snprintf(text, sizeof text, "%lld", (long long)(row * 7919 % 30011));
		sample_set(&b, 0, &fields[0], text);
		sample_set(&b, 1, &fields[1], row % 3 ? text : NULL);
		sample_set(&b, 2, &fields[2], row % 7 == 0 ? NULL : row % 2 ? "t" : "f");
		snprintf(text, sizeof text, "%d|~|%d", (int)(row % 5), (int)(row % 11));
		sample_set(&b, 3, &fields[3], row % 5 == 0 ? NULL : row % 5 == 1 ? "" : text);
	}
	must(cx_batch_finish(&b, &array, &error), error);
	return array;
}

/* Past every size at which bytes take another way, whole and sliced at each bit of a byte. */
static void many(stream_case *c)
{
	cx_field fields[] = {SAMPLE_FIELD("number", CDBC_TYPE_INT8),
						 SAMPLE_FIELD("text", CDBC_TYPE_TEXT), SAMPLE_FIELD("flag", CDBC_TYPE_BOOL),
						 SAMPLE_ARRAY("list", CDBC_TYPE_INT4)};
	size_t count = sizeof fields / sizeof *fields;
	cdbc_error *error = NULL;

	for (size_t i = 0; i < count; i++)
		cx_field_resolve(&fields[i]);
	must(cx_schema_make(fields, count, &c->schema, &error), error);
	c->batch_count = BATCHES_MAX;
	for (int64_t i = 0; i < BATCHES_MAX; i++) {
		c->batches[i] = many_rows(fields, count, i == 0 ? 70000 : 1000);
		c->batches[i].offset = i;
		c->batches[i].length -= 2 * i;
	}
}

static void extremes(stream_case *c)
{
	static const char *const values[] = {"infinity",
										 "infinity",
										 "infinity",
										 "NaN",
										 "Infinity",
										 "-2147483648 mons",
										 "-infinity",
										 "-infinity",
										 "-infinity",
										 "-Infinity",
										 "NaN",
										 "0",
										 "0044-03-15 BC",
										 "0001-12-31T23:59:59 BC",
										 "0044-03-15T00:00:00Z BC",
										 "-0",
										 "5e-324",
										 "0"};
	cx_field fields[] = {SAMPLE_FIELD("date", CDBC_TYPE_DATE),
						 SAMPLE_FIELD("timestamp", CDBC_TYPE_TIMESTAMP),
						 SAMPLE_FIELD("timestamptz", CDBC_TYPE_TIMESTAMPTZ),
						 SAMPLE_FIELD("float4", CDBC_TYPE_FLOAT4),
						 SAMPLE_FIELD("float8", CDBC_TYPE_FLOAT8),
						 SAMPLE_FIELD("a \"name\",\n\xc3\xa9", CDBC_TYPE_TEXT)};
	size_t count = sizeof fields / sizeof *fields;
	cdbc_error *error = NULL;

	for (size_t i = 0; i < count; i++)
		cx_field_resolve(&fields[i]);
	must(cx_schema_make(fields, count, &c->schema, &error), error);
	must(sample_batch(fields, count, values, 3, &c->batches[0], &error), error);
	c->batch_count = 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(stream_case *c);
	} cases[] = {{"every_type", every_type},
				 {"several", several},
				 {"no_batches", no_batches},
				 {"many", many},
				 {"extremes", extremes}};

	if (argc != 2) {
		fprintf(stderr, "usage: make_cases FOLDER\n");
		return 2;
	}
	folder = argv[1];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		stream_case c = {0};

		cases[i].make(&c);
		save_case(cases[i].name, &c);
	}
	return 0;
}
