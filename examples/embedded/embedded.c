// SPDX-License-Identifier: Apache-2.0
/* A program that ships without SQL files: its queries are in it. Makes the bank of ../bank/sql and
 * prints the richest.
 *
 *     cdbc queries embed ../bank/sql --name bank_queries --output bank_queries.c --header
 * bank_queries.h cc -I. embedded.c bank_queries.c $(pkg-config --cflags --libs cdbc) -o embedded
 *     ./embedded sqlite::memory:
 */
#include "bank_queries.h"

#include <cdbc/cdbc.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs a query and prints its rows. */
static cdbc_status run(cdbc_session *session, const char *name, cdbc_params params,
					   cdbc_error **err)
{
	cdbc_result *result = NULL;
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_session_run(session, name, params, NULL, &result, err);

	if (status)
		return status;
	while (cdbc_result_next(result, &error))
		for (size_t i = 0, count = cdbc_result_column_count(result); i < count; i++) {
			cdbc_text text = cdbc_result_text(result, i);

			printf("%.*s%s", (int)text.length, text.data, i + 1 < count ? " " : "\n");
		}
	if (!cdbc_result_is_complete(result)) {
		status = cdbc_error_status(error);
		*err = error;
	}
	cdbc_result_free(result);
	return status;
}

static cdbc_status tour(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_params ten = CDBC_PARAMS({"count", cdbc_int64(10)});
	cdbc_status status = run(session, "create_schema", CDBC_NO_PARAMS, err);

	(void)data;
	if (!status)
		status = run(session, "fill_users", ten, err);
	if (!status)
		status = run(session, "fill_accounts", ten, err);
	if (!status)
		status = run(session, "richest", CDBC_PARAMS({"count", cdbc_int64(3)}), err);
	return status;
}

static cdbc_status open_client(const char *url, cdbc_client **out, cdbc_error **err)
{
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_status status;

	from.url = url;
	options.embedded = &bank_queries;
	status = cdbc_config_load(&from, &config, err);
	if (!status)
		status = cdbc_client_open(config, &options, out, err);
	cdbc_config_free(config);
	return status;
}

int main(int argc, char **argv)
{
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;
	cdbc_status status;

	if (argc != 2) {
		fprintf(stderr, "usage: embedded URL\n");
		return 2;
	}
	status = open_client(argv[1], &client, &err);
	if (!status)
		status = cdbc_client_with_session(client, NULL, tour, NULL, &err);
	cdbc_client_close(client, 1000);
	if (status)
		fprintf(stderr, "%s\n", cdbc_error_message(err));
	cdbc_error_free(err);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
