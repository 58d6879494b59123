// SPDX-License-Identifier: Apache-2.0
/* cdbc resolver schema and ask. */
#include "app/cli/cli.h"

#include <string.h>

static cdbc_status print_text(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	(void)self;
	(void)err;
	fwrite(bytes, 1, length, stdout);
	return CDBC_OK;
}

static int schema(cli_args *args)
{
	cdbc_sink sink = {sizeof sink, print_text, NULL};
	cdbc_config *config = NULL;
	const char *dialect = args->dialect;
	cdbc_error *error = NULL;
	cdbc_status status = CDBC_OK;
	int code = cli_load_config(args, false, &config);

	if (code)
		return code;
	if (!dialect)
		status = cdbc_config_get(config, "database.scheme", &dialect, &error);
	if (!status)
		status = cdbc_resolver_schema(config, dialect ? dialect : "postgresql", &sink, &error);
	if (status)
		code = cli_fail(error, status, false, NULL);
	cdbc_config_free(config);
	return code;
}

static int ask(cli_args *args)
{
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_outcome outcome = CDBC_OUTCOME_UNKNOWN;
	cdbc_error *error = NULL;
	cdbc_status status;
	int code = cli_open(args, &client);

	if (code)
		return code;
	status = cdbc_client_acquire(client, NULL, &session, &error);
	if (!status)
		status = cdbc_session_resolve(session, args->words[1], &outcome, &error);
	if (status)
		code = cli_fail(error, status, false, NULL);
	else
		printf("%s\n", cdbc_outcome_name(outcome));
	cdbc_session_release(session);
	cli_close(client);
	return code;
}

static int resolver_main(cli_args *args)
{
	if (args->word_count == 1 && strcmp(args->words[0], "schema") == 0)
		return schema(args);
	if (args->word_count == 2 && strcmp(args->words[0], "ask") == 0)
		return ask(args);
	return cli_usage(&cli_resolver, "say schema, or ask TOKEN");
}

const cli_command cli_resolver = {
	"resolver",
	"cdbc resolver schema [--dialect NAME] | ask TOKEN",
	"find out what became of an unanswered commit",
	"schema prints the statements that make the table of the commit resolver; it changes nothing.\n"
	"ask prints `committed` or `rolled-back` for the token of an error whose outcome is unknown. "
	"What was\nrolled back by then stays so, however late its commit arrives.",
	"schema ask",
	OPTS_CONNECT | OPT_DIALECT | OPT_QUIET,
	resolver_main,
};
