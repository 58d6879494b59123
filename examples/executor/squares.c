// SPDX-License-Identifier: Apache-2.0
/* An executor of the application's own: the query `squares` is answered by the program itself, as
 * an Arrow stream of batches that are made when they are asked for; all others go to the database.
 * The executor is the last link, so that the cache stands before it: the second time nothing is
 * calculated.
 *
 *     cc squares.c $(pkg-config --cflags --libs cdbc) -o squares
 *     ./squares sqlite::memory:
 */
#include <cdbc/cdbc.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 4

/* ---- the stream: two columns, n and square ---- */

/* One batch, and what its Arrow structs point to. A reader may move a column away from its batch
 * and release it later, so the memory goes when batch and columns are all released. */
typedef struct batch {
	int64_t values[2][BATCH_ROWS];
	const void *buffers[2][2], *no_buffer[1];
	struct ArrowArray columns[2], *children[2];
	atomic_int refs;
} batch;

static void release(struct ArrowArray *array)
{
	batch *b = array->private_data;

	for (int64_t i = 0; i < array->n_children; i++)
		if (array->children[i]->release)
			array->children[i]->release(array->children[i]);
	array->release = NULL;
	if (atomic_fetch_sub(&b->refs, 1) == 1)
		free(b);
}

typedef struct squares {
	int64_t next, last;
} squares;

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
	squares *s = stream->private_data;
	int64_t count = s->last - s->next + 1 < BATCH_ROWS ? s->last - s->next + 1 : BATCH_ROWS;
	batch *b;

	memset(out, 0, sizeof *out);
	if (count <= 0)
		return 0; /* the end: nothing to release */
	b = calloc(1, sizeof *b);
	if (!b)
		return ENOMEM;
	atomic_init(&b->refs, 3);
	for (int64_t i = 0; i < count; i++, s->next++) {
		b->values[0][i] = s->next;
		b->values[1][i] = s->next * s->next;
	}
	for (int i = 0; i < 2; i++) {
		b->buffers[i][1] = b->values[i]; /* [0] is which are valid: NULL, all of them */
		b->columns[i] = (struct ArrowArray){.length = count,
											.n_buffers = 2,
											.buffers = b->buffers[i],
											.release = release,
											.private_data = b};
		b->children[i] = &b->columns[i];
	}
	*out = (struct ArrowArray){.length = count,
							   .n_buffers = 1,
							   .buffers = b->no_buffer,
							   .n_children = 2,
							   .children = b->children,
							   .release = release,
							   .private_data = b};
	return 0;
}

static void release_static(struct ArrowSchema *schema)
{
	schema->release = NULL;
}

/* The library copies it at once, so that it may stand in one place for all. */
static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
	static struct ArrowSchema columns[2], *children[2] = {&columns[0], &columns[1]};
	static const char *const names[2] = {"n", "square"};

	(void)stream;
	for (int i = 0; i < 2; i++) /* "l": 64 bits with a sign */
		columns[i] =
			(struct ArrowSchema){.format = "l", .name = names[i], .release = release_static};
	*out = (struct ArrowSchema){.format = "+s",
								.name = "",
								.n_children = 2,
								.children = children,
								.release = release_static};
	return 0;
}

static const char *last_error(struct ArrowArrayStream *stream)
{
	(void)stream;
	return NULL; /* the code says it all */
}

static void release_stream(struct ArrowArrayStream *stream)
{
	free(stream->private_data);
	stream->release = NULL;
}

/* ---- the executor ---- */

static cdbc_status execute(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	int *calculated = self;
	size_t count;
	const cdbc_value *values = cdbc_call_values(call, &count);
	struct ArrowArrayStream stream = {get_schema, get_next, last_error, release_stream, NULL};
	squares *s;

	if (!cdbc_call_name(call) || strcmp(cdbc_call_name(call), "squares") != 0)
		return cdbc_next_run(next, call, out, err); /* the library's executor */
	if (count != 1 || values[0].kind != CDBC_VALUE_INT64 || values[0].as.int64 > 1000)
		return cdbc_call_fail(call, CDBC_USAGE, "a number up to 1000 is wanted", err);
	s = malloc(sizeof *s);
	if (!s)
		return cdbc_call_fail(call, CDBC_NOMEM, "out of memory", err);
	*s = (squares){1, values[0].as.int64};
	stream.private_data = s;
	++*calculated;
	return cdbc_call_answer(call, &stream, out, err); /* takes the stream over */
}

/* ---- some work ---- */

static const char queries[] = "-- name: squares\n"
							  "-- param: last int8\n"
							  "-- cache: 1m\n"
							  "select :last as last;\n"
							  "-- name: real_one\n"
							  "select 40 + 2 as answer;\n";

static void print(cdbc_session *session, const char *name, cdbc_params params)
{
	cdbc_error *err = NULL;
	cdbc_result *result;

	if (cdbc_session_run(session, name, params, NULL, &result, &err)) {
		printf("%s\n", cdbc_error_message(err));
		cdbc_error_free(err);
		return;
	}
	printf("%s:", name);
	while (cdbc_result_next(result, NULL))
		printf(" %" PRId64, cdbc_result_int64(result, cdbc_result_column_count(result) - 1));
	printf("%s\n", cdbc_result_is_complete(result) ? "" : " ...");
	cdbc_result_free(result);
}

static cdbc_status work(cdbc_session *session, void *data, cdbc_error **err)
{
	int *calculated = data;

	(void)err;
	print(session, "squares", CDBC_PARAMS({"last", cdbc_int64(10)}));
	print(session, "squares", CDBC_PARAMS({"last", cdbc_int64(10)}));
	print(session, "squares", CDBC_PARAMS({"last", cdbc_int64(3)}));
	print(session, "squares", CDBC_PARAMS({"last", cdbc_int64(5000)}));
	print(session, "real_one", CDBC_NO_PARAMS);
	printf("calculated: %d times\n", *calculated);
	return CDBC_OK;
}

int main(int argc, char **argv)
{
	int calculated = 0;
	cdbc_strategy executor = {
		.struct_size = sizeof executor, .name = "squares", .execute = execute, .self = &calculated};
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;
	int code = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: squares URL\n");
		return 2;
	}
	from.url = argv[1];
	options.executor = &executor;
	if (cdbc_config_load(&from, &config, &err) ||
		cdbc_client_open(config, &options, &client, &err) ||
		cdbc_client_register(client, "squares.sql", queries, sizeof queries - 1, &err) ||
		cdbc_client_with_session(client, NULL, work, &calculated, &err)) {
		fprintf(stderr, "squares: %s\n", cdbc_error_message(err));
		cdbc_error_free(err);
		code = 1;
	}
	cdbc_client_close(client, 1000);
	cdbc_config_free(config);
	return code;
}
