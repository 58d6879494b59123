// SPDX-License-Identifier: Apache-2.0
/* cdbc config show and check. */
#include "app/cli/cli.h"

#include <string.h>

/* Every setting, or with its origin one that was asked for. */
static void show_entry(void *data, const cdbc_config_entry *entry)
{
	const cli_args *args = data;
	size_t i = 1;

	while (i < args->word_count && strcmp(args->words[i], entry->key) != 0)
		i++;
	if (args->word_count > 1 && i == args->word_count)
		return;
	if (args->with_origin)
		printf("%-32s %-32s %s\n", entry->key, entry->value ? entry->value : "-", entry->origin);
	else
		printf("%-32s %s\n", entry->key, entry->value ? entry->value : "-");
}

/* Its value alone, for scripts; with is_silent only whether there is such a setting. */
static int show_one(const cdbc_config *config, const char *key, bool is_silent)
{
	const char *value = NULL;
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_config_get(config, key, &value, &error);

	if (status)
		return cli_fail(error, CDBC_CONFIG, false, NULL);
	if (!is_silent)
		printf("%s\n", value ? value : "");
	return EXIT_OK;
}

static int show(cli_args *args)
{
	cdbc_config *config = NULL;
	int code = cli_load_config(args, false, &config);

	if (code)
		return code;
	for (size_t i = 1; !code && i < args->word_count; i++)
		code = show_one(config, args->words[i], args->with_origin);
	if (!code && (args->with_origin || args->word_count == 1))
		cdbc_config_each(config, show_entry, args);
	cdbc_config_free(config);
	return code;
}

static int check(cli_args *args)
{
	cdbc_config_options options = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_error *error = NULL;
	size_t error_count = 0;
	cdbc_status status;

	cli_config_options(args, &options);
	status = cdbc_config_check(&options, cli_print_diagnostic, stderr, &error_count, &error);
	if (status)
		return cli_fail(error, status, false, NULL);
	if (error_count) {
		fprintf(stderr, "%zu error%s\n", error_count, error_count == 1 ? "" : "s");
		return EXIT_USAGE;
	}
	if (!args->is_quiet)
		fprintf(stderr, "the configuration is good\n");
	return EXIT_OK;
}

static int config_main(cli_args *args)
{
	if (args->word_count >= 1 && strcmp(args->words[0], "show") == 0)
		return show(args);
	if (args->word_count == 1 && strcmp(args->words[0], "check") == 0)
		return check(args);
	return cli_usage(&cli_config, "say show [KEY]..., or check");
}

const cli_command cli_config = {
	"config",
	"cdbc config show [--origin] [KEY]... | check",
	"show or check the configuration",
	"show prints every setting, or those named; --origin tells which layer set each.\n"
	"check reads the configuration and reports all that is wrong with it. Secrets are never "
	"printed.",
	"show check",
	OPTS_CONNECT | OPT_ORIGIN | OPT_QUIET,
	config_main,
};
