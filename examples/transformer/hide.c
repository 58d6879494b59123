// SPDX-License-Identifier: Apache-2.0
/* Two transformers on the way from a result to a format: the library's, which masks a column, and
 * the application's own, which rounds every column of 64-bit integers to thousands, for readers who
 * may see roughly how much, but not exactly.
 *
 *     cc hide.c $(pkg-config --cflags --libs cdbc) -o hide
 *     ./hide sqlite:bank.db owner "select owner, balance from accounts"
 */
#include <cdbc/cdbc.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a column of our own, in Arrow's layout
 * ----------------------------------------------------------------- */

typedef struct rounded {
	const void *buffers[2];
	struct ArrowArray old; /* keeps the validity bits, which do not change */
	int64_t values[];
} rounded;

static void release_rounded(struct ArrowArray *array)
{
	rounded *r = array->private_data;

	r->old.release(&r->old);
	free(r);
	array->release = NULL;
}

/* Puts a rounded copy in the column's place. Its values are not changed where they are: somebody
 * else may be reading them. */
static cdbc_status round_column(struct ArrowArray *column, cdbc_error **err)
{
	const int64_t *values = (const int64_t *)column->buffers[1];
	size_t count = (size_t)(column->offset + column->length);
	rounded *r = malloc(sizeof *r + count * sizeof *r->values);

	if (!r)
		return cdbc_error_set(err, CDBC_NOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		r->values[i] = values[i] / 1000 * 1000;
	r->buffers[0] = column->buffers[0];
	r->buffers[1] = r->values;
	r->old = *column;
	column->buffers = r->buffers;
	column->private_data = r;
	column->release = release_rounded;
	return CDBC_OK;
}

/* ---- the transformer
 * ---------------------------------------------------------------------------------------- */

typedef struct rounder {
	bool is_rounded[64];
} rounder;

/* The schema stays as it is; what matters is which columns are "l", Arrow's word for int64. */
static cdbc_status rounder_schema(void *self, struct ArrowSchema *schema, cdbc_error **err)
{
	rounder *r = self;

	if (schema->n_children > 64)
		return cdbc_error_set(err, CDBC_UNSUPPORTED, "no more than 64 columns are rounded");
	for (int64_t i = 0; i < schema->n_children; i++)
		r->is_rounded[i] = strcmp(schema->children[i]->format, "l") == 0;
	return CDBC_OK;
}

static cdbc_status rounder_batch(void *self, struct ArrowArray *batch, cdbc_error **err)
{
	const rounder *r = self;
	cdbc_status status = CDBC_OK;

	for (int64_t i = 0; !status && i < batch->n_children; i++)
		if (r->is_rounded[i])
			status = round_column(batch->children[i], err);
	return status;
}

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
	rounder rounds = {{false}};
	cdbc_transformer chain[2] = {{.struct_size = sizeof(cdbc_transformer),
								  .name = "round",
								  .schema = rounder_schema,
								  .batch = rounder_batch,
								  .self = &rounds}};
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	cdbc_status status;

	if (argc != 4) {
		fprintf(stderr, "usage: hide URL COLUMN SQL\n");
		return 2;
	}
	status = cdbc_transformer_mask(argv[2], &chain[1], &err);
	if (!status)
		status = cdbc_client_open_url(argv[1], &client, &err);
	if (!status)
		status = cdbc_client_acquire(client, NULL, &session, &err);
	if (!status)
		status = cdbc_session_query(session, argv[3], CDBC_NO_PARAMS, NULL, &result, &err);
	if (!status)
		status = cdbc_result_write(result, cdbc_format_find("csv"), NULL, chain, 2, NULL, NULL,
								   &sink, &err);
	if (status)
		fprintf(stderr, "hide: %s\n", cdbc_error_message(err));
	cdbc_error_free(err);
	cdbc_result_free(result);
	cdbc_session_release(session);
	cdbc_client_close(client, 1000);
	if (chain[1].destroy)
		chain[1].destroy(chain[1].self);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
