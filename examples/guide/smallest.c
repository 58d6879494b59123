// SPDX-License-Identifier: Apache-2.0
/* The smallest program: one statement, and its rows. docs/programming.md shows it. */
#include <cdbc/cdbc.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	int code;

	if (argc == 2 && !cdbc_client_open_url(argv[1], &client, &err) &&
		!cdbc_client_acquire(client, NULL, &session, &err) &&
		!cdbc_session_query(session, "select 6 * 7 as answer", CDBC_NO_PARAMS, NULL, &result, &err))
		while (cdbc_result_next(result, &err))
			printf("%lld\n", (long long)cdbc_result_int64(result, 0));
	if (err)
		fprintf(stderr, "%s\n", cdbc_error_message(err));
	code = err || !result;
	cdbc_error_free(err);
	cdbc_result_free(result);
	cdbc_session_release(session);
	cdbc_client_close(client, 1000);
	return code;
}
