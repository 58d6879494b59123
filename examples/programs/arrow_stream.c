// SPDX-License-Identifier: Apache-2.0
/* Exports a result as an Arrow stream and reads its columns, as any Arrow library would.
 *
 *     cc arrow_stream.c $(pkg-config --cflags --libs cdbc) -o arrow_stream
 *     ./arrow_stream sqlite:bank.db
 */
#include <cdbc/cdbc.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(cdbc_error *err)
{
	fprintf(stderr, "%s\n", cdbc_error_message(err));
	cdbc_error_free(err);
	return EXIT_FAILURE;
}

/* Adds up the second column, an int64, of every batch. */
static int sum_stream(struct ArrowArrayStream *stream)
{
	struct ArrowArray batch;
	int64_t sum = 0, rows = 0;

	for (;;) {
		if (stream->get_next(stream, &batch)) {
			fprintf(stderr, "%s\n", stream->get_last_error(stream));
			return EXIT_FAILURE;
		}
		if (!batch.release)
			break;
		for (int64_t i = 0; i < batch.length; i++)
			sum += ((const int64_t *)batch.children[1]->buffers[1])[batch.offset + i];
		rows += batch.length;
		batch.release(&batch);
	}
	printf("%lld accounts hold %lld cents\n", (long long)rows, (long long)sum);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	struct ArrowArrayStream stream;
	int code;

	if (argc != 2) {
		fprintf(stderr, "usage: arrow_stream URL\n");
		return 2;
	}
	if (cdbc_client_open_url(argv[1], &client, &err))
		return fail(err);
	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_session_query(session, "select id, balance from accounts order by id", CDBC_NO_PARAMS,
						   NULL, &result, &err) ||
		cdbc_result_export_arrow(result, &stream, &err)) {
		code = fail(err);
	} else {
		code = sum_stream(&stream);
		stream.release(&stream); /* before the session: it holds the session's connection */
	}
	cdbc_session_release(session);
	cdbc_client_close(client, 1000);
	return code;
}
