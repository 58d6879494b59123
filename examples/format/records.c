// SPDX-License-Identifier: Apache-2.0
/* A format of the application's own: each row as a block of `name: value` lines, for rows that are
 * too wide for a table.
 *
 *     cc records.c $(pkg-config --cflags --libs cdbc) -o records
 *     ./records sqlite:bank.db "select * from accounts"
 *
 * A format is five functions: open, begin with the columns, batch for each batch of rows, end,
 * destroy. */
#include <cdbc/cdbc.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct records {
	cdbc_sink sink;
	struct ArrowSchema schema; /* borrowed: see begin */
	int64_t row_count;
} records;

static cdbc_status put(const records *r, const char *text, cdbc_error **err)
{
	return r->sink.write(r->sink.self, text, strlen(text), err);
}

static cdbc_status records_open(const cdbc_format_options *options, const cdbc_sink *sink,
								void **writer, cdbc_error **err)
{
	records *r = calloc(1, sizeof *r);

	(void)options;
	if (!r)
		return cdbc_error_set(err, CDBC_NOMEM, "out of memory");
	r->sink = *sink;
	*writer = r;
	return CDBC_OK;
}

/* The result keeps its schema as long as it is written, so the columns can be borrowed from begin
 * to end. */
static cdbc_status records_begin(void *writer, const struct ArrowSchema *schema, cdbc_error **err)
{
	(void)err;
	((records *)writer)->schema = *schema;
	return CDBC_OK;
}

static cdbc_status put_row(records *r, const struct ArrowArray *batch, int64_t row,
						   cdbc_error **err)
{
	char head[64];
	cdbc_status status;

	snprintf(head, sizeof head, "- row %lld\n", (long long)++r->row_count);
	status = put(r, head, err);
	for (int64_t i = 0; !status && i < r->schema.n_children; i++) {
		const struct ArrowSchema *column = r->schema.children[i];

		status = put(r, "  ", err);
		if (!status)
			status = put(r, column->name, err);
		if (!status)
			status = put(r, ": ", err);
		if (!status)
			status = cdbc_format_print(column, batch->children[i], batch->offset + row, true,
									   &r->sink, err);
		if (!status)
			status = put(r, "\n", err);
	}
	return status;
}

static cdbc_status records_batch(void *writer, const struct ArrowArray *batch, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	for (int64_t row = 0; !status && row < batch->length; row++)
		status = put_row(writer, batch, row, err);
	return status;
}

/* What proves that nothing is missing comes here and nowhere else. */
static cdbc_status records_end(void *writer, cdbc_error **err)
{
	return put(writer, "- end\n", err);
}

static void records_destroy(void *writer)
{
	free(writer);
}

static const cdbc_format records_format = {
	.struct_size = sizeof(cdbc_format),
	.name = "records",
	.media_type = "text/plain; charset=utf-8",
	.open = records_open,
	.begin = records_begin,
	.batch = records_batch,
	.end = records_end,
	.destroy = records_destroy,
};

static cdbc_status to_stdout(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	(void)self;
	if (fwrite(bytes, 1, length, stdout) == length)
		return CDBC_OK;
	return cdbc_error_set(err, CDBC_IO, "standard output: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	const cdbc_sink sink = {.struct_size = sizeof(cdbc_sink), .write = to_stdout};
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	cdbc_status status;

	if (argc != 3) {
		fprintf(stderr, "usage: records URL SQL\n");
		return 2;
	}
	status = cdbc_client_open_url(argv[1], &client, &err);
	if (!status)
		status = cdbc_client_acquire(client, NULL, &session, &err);
	if (!status)
		status = cdbc_session_query(session, argv[2], CDBC_NO_PARAMS, NULL, &result, &err);
	if (!status)
		status = cdbc_result_write(result, &records_format, NULL, NULL, 0, NULL, NULL, &sink, &err);
	if (status)
		fprintf(stderr, "records: %s\n", cdbc_error_message(err));
	cdbc_error_free(err);
	cdbc_result_free(result);
	cdbc_session_release(session);
	cdbc_client_close(client, 1000);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
