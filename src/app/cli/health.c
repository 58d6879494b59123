// SPDX-License-Identifier: Apache-2.0
/* cdbc health: one line a part, exit 0 when all are well. */
#include "app/cli/cli.h"

#include <string.h>

static void report(void *data, const cdbc_health_item *item)
{
	(void)data;
	printf("%-10s %-4s %s\n", item->name, item->is_ok ? "ok" : "FAIL", item->text);
}

static int health_main(cli_args *args)
{
	cdbc_client *client = NULL;
	cdbc_error *error = NULL;
	bool is_ok = false;
	cdbc_status status;
	int code;

	if (args->word_count)
		return cli_usage(&cli_health, "takes no argument");
	code = cli_open(args, &client);
	if (code)
		return code;
	status = cdbc_client_health(client, args->timeout_ms ? args->timeout_ms : 5000, report, NULL,
								&is_ok, &error);
	if (status)
		code = cli_fail(error, status, false, NULL);
	else if (!is_ok)
		code = EXIT_CONNECT;
	cli_close(client);
	return code;
}

const cli_command cli_health = {
	"health",
	"cdbc health [OPTION]...",
	"look at pool, database and queries",
	"Connects, makes one round trip, and prints a line for each part. Exit 3 when one is not well.",
	NULL,
	OPTS_CONNECT | OPT_TIMEOUT | OPT_QUIET,
	health_main,
};
