// SPDX-License-Identifier: Apache-2.0
/* The list of subcommands. */
#include "app/cli/cli.h"

const cli_command *const *cli_commands(void)
{
	static const cli_command *const commands[] = {
		&cli_query,  &cli_run,      &cli_batch,  &cli_copy, &cli_queries,
		&cli_config, &cli_resolver, &cli_health, &cli_demo, NULL};

	return commands;
}
