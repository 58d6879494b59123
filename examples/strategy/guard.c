// SPDX-License-Identifier: Apache-2.0
/* A strategy of the application's own: a guard. While the application is being maintained it lets
 * only what reads through; the others are refused before they take a connection. It also says, for
 * each request that it let through, how it ended: links are told of the end once, however it comes.
 *
 *     cc guard.c $(pkg-config --cflags --libs cdbc) -o guard
 *     ./guard sqlite::memory:
 */
#include <cdbc/cdbc.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

typedef struct guard {
	atomic_bool is_closed; /* its functions run on whichever thread makes a request */
	atomic_int refused_count;
} guard;

/* Looks at the request and hands it on, or not. */
static cdbc_status execute(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	guard *g = self;

	if (atomic_load(&g->is_closed) && !cdbc_call_is_read_only(call)) {
		atomic_fetch_add(&g->refused_count, 1);
		return cdbc_call_fail(call, CDBC_DENIED, "only reading, while we are being maintained",
							  err);
	}
	return cdbc_next_run(next, call, out, err);
}

static void finished(void *self, const cdbc_finish *finish)
{
	(void)self;
	printf("%s: %" PRId64 " rows, %s\n", finish->name ? finish->name : "sql", finish->row_count,
		   finish->error ? cdbc_error_message(finish->error) : "well");
}

/* ---- some work ---- */

static const char queries[] = "-- name: fill\n"
							  "insert into notes values (:id, :text);\n"
							  "-- name: all_notes\n"
							  "select id, text from notes order by id;\n";

static void try(cdbc_session *session, const char *name, cdbc_params params)
{
	cdbc_error *err = NULL;
	cdbc_result *result;

	if (cdbc_session_run(session, name, params, NULL, &result, &err)) {
		printf("%s (%s)\n", cdbc_error_message(err), cdbc_outcome_name(cdbc_error_outcome(err)));
		cdbc_error_free(err);
		return;
	}
	while (cdbc_result_next(result, NULL)) {
		cdbc_text text = cdbc_result_text(result, 1); /* not NUL-terminated */

		printf("%" PRId64 " %.*s\n", cdbc_result_int64(result, 0), (int)text.length, text.data);
	}
	cdbc_result_free(result);
}

static cdbc_status work(cdbc_session *session, void *data, cdbc_error **err)
{
	guard *g = data;
	cdbc_result *result;
	cdbc_status status =
		cdbc_session_query(session, "create table notes (id bigint primary key, text text)",
						   CDBC_NO_PARAMS, NULL, &result, err);

	if (status)
		return status;
	cdbc_result_free(result);
	try(session, "fill", CDBC_PARAMS({"id", cdbc_int64(1)}, {"text", cdbc_string("first")}));
	atomic_store(&g->is_closed, true);
	try(session, "fill", CDBC_PARAMS({"id", cdbc_int64(2)}, {"text", cdbc_string("second")}));
	try(session, "all_notes", CDBC_NO_PARAMS);
	atomic_store(&g->is_closed, false);
	try(session, "fill", CDBC_PARAMS({"id", cdbc_int64(1)}, {"text", cdbc_null()}));
	return CDBC_OK;
}

int main(int argc, char **argv)
{
	guard g = {.is_closed = false};
	cdbc_strategy link = {.struct_size = sizeof link,
						  .name = "guard",
						  .execute = execute,
						  .finished = finished,
						  .self = &g};
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;
	int code = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: guard URL\n");
		return 2;
	}
	from.url = argv[1];
	options.strategies = &link;
	options.strategy_count = 1;
	if (cdbc_config_load(&from, &config, &err) ||
		cdbc_client_open(config, &options, &client, &err) ||
		cdbc_client_register(client, "notes.sql", queries, sizeof queries - 1, &err) ||
		cdbc_client_with_session(client, NULL, work, &g, &err)) {
		fprintf(stderr, "guard: %s\n", cdbc_error_message(err));
		cdbc_error_free(err);
		code = 1;
	}
	printf("refused: %d\n", atomic_load(&g.refused_count));
	cdbc_client_close(client, 1000);
	cdbc_config_free(config);
	return code;
}
