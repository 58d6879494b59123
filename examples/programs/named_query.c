// SPDX-License-Identifier: Apache-2.0
/* Runs a named query of the bank and prints its rows.
 *
 *     cc named_query.c $(pkg-config --cflags --libs cdbc) -o named_query
 *     ./named_query sqlite:bank.db ../bank/sql 7
 */
#include <cdbc/cdbc.h>
#include <stdio.h>
#include <stdlib.h>

/* Prints an error with all that a caller needs to decide what to do, and frees it. */
static int fail(cdbc_error *err)
{
	fprintf(stderr, "%s\n", cdbc_error_message(err));
	if (cdbc_error_field(err, CDBC_FIELD_HINT))
		fprintf(stderr, "hint: %s\n", cdbc_error_field(err, CDBC_FIELD_HINT));
	fprintf(stderr, "outcome: %s, replay: %s\n", cdbc_outcome_name(cdbc_error_outcome(err)),
			cdbc_replay_name(cdbc_error_replay(err)));
	cdbc_error_free(err);
	return EXIT_FAILURE;
}

static cdbc_status print_transactions(cdbc_session *session, void *data, cdbc_error **err)
{
	int64_t user_id = *(int64_t *)data;
	cdbc_result *result;
	cdbc_error *error = NULL;
	cdbc_status status;

	status = cdbc_session_run(session, "get_user_transactions",
							  CDBC_PARAMS({"user_id", cdbc_int64(user_id)}), NULL, &result, err);
	if (status)
		return status;
	while (cdbc_result_next(result, &error)) {
		cdbc_text state = cdbc_result_text(result, 3);

		printf("%6lld  %10.2f  %.*s\n", (long long)cdbc_result_int64(result, 0),
			   (double)cdbc_result_int64(result, 2) / 100, (int)state.length, state.data);
	}
	if (!cdbc_result_is_complete(result)) {
		status = cdbc_error_status(error);
		*err = error;
	}
	cdbc_result_free(result);
	return status;
}

int main(int argc, char **argv)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config_item queries;
	cdbc_config *config = NULL;
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;
	int64_t user_id;

	if (argc != 4) {
		fprintf(stderr, "usage: named_query URL FOLDER USER_ID\n");
		return 2;
	}
	user_id = strtoll(argv[3], NULL, 10);
	queries = (cdbc_config_item){"queries.folders", argv[2]};
	from.url = argv[1];
	from.items = &queries;
	from.item_count = 1;
	if (cdbc_config_load(&from, &config, &err))
		return fail(err);
	if (cdbc_client_open(config, NULL, &client, &err)) {
		cdbc_config_free(config);
		return fail(err);
	}
	cdbc_config_free(config);
	if (cdbc_client_with_session(client, NULL, print_transactions, &user_id, &err)) {
		cdbc_client_close(client, 1000);
		return fail(err);
	}
	cdbc_client_close(client, 1000);
	return EXIT_SUCCESS;
}
