// SPDX-License-Identifier: Apache-2.0
/* From arguments to a configuration and a client. */
#include "app/cli/cli.h"

#include "base/alloc.h"

#include <string.h>

#define CLOSE_MS 1000

static void find_secret(void *data, const cdbc_config_entry *entry)
{
	const char **key = data;

	if (entry->is_secret && entry->value && strcmp(entry->origin, "command line") == 0)
		*key = entry->key;
}

void cli_config_options(const cli_args *args, cdbc_config_options *out)
{
	*out = (cdbc_config_options)CDBC_CONFIG_OPTIONS_INIT;
	out->path = args->config;
	out->find_file = true;
	out->environment = args->environment;
	out->url = args->url;
	out->command_line = args->settings;
	out->command_line_count = args->setting_count;
}

int cli_load_config(const cli_args *args, bool need_database, cdbc_config **out)
{
	cdbc_config_options options;
	cdbc_error *error = NULL;
	const char *url = NULL, *host = NULL, *secret = NULL;
	cdbc_status status;

	cli_config_options(args, &options);
	status = cdbc_config_load(&options, out, &error);
	if (status)
		return cli_fail(error, status, false, NULL);
	cdbc_config_each(*out, find_secret, &secret);
	if (secret) {
		fprintf(stderr,
				"cdbc: -s %s: a secret on the command line can be seen by others\n"
				"hint: put it in the environment, the configuration file or a file of its own\n",
				secret);
		cdbc_config_free(*out);
		*out = NULL;
		return EXIT_USAGE;
	}
	if (!need_database)
		return EXIT_OK;
	if ((cdbc_config_get(*out, "database.url", &url, NULL) == CDBC_OK && url) ||
		(cdbc_config_get(*out, "database.host", &host, NULL) == CDBC_OK && host) ||
		(cdbc_config_get(*out, "database.path", &host, NULL) == CDBC_OK && host))
		return EXIT_OK;
	cdbc_config_free(*out);
	*out = NULL;
	fprintf(stderr, "cdbc: no database was named\nhint: give -d URL, set CDBC_URL, or write "
					"database.url into cdbc.yaml\n");
	return EXIT_USAGE;
}

/* Warnings for people: what the library reports as events. */
static void on_event(void *self, const cdbc_event *event)
{
	(void)self;
	if (event->kind == CDBC_EVENT_DEPRECATED)
		fprintf(stderr, "cdbc: query \"%s\" is deprecated: %s\n", event->name, event->text);
	else if (event->kind == CDBC_EVENT_NOTICE)
		fprintf(stderr, "cdbc: %s\n", event->text);
}

int cli_open(const cli_args *args, cdbc_client **out)
{
	cdbc_observer observer = {sizeof observer, "cli", CDBC_EVENT_DEPRECATED | CDBC_EVENT_NOTICE,
							  on_event,        NULL,  NULL};
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_error *error = NULL;
	cdbc_status status;
	int code = cli_load_config(args, true, &config);

	if (code)
		return code;
	if (!args->is_quiet) {
		options.observers = &observer;
		options.observer_count = 1;
	}
	status = cdbc_client_open(config, &options, out, &error);
	cdbc_config_free(config);
	return status ? cli_fail(error, status, false, NULL) : EXIT_OK;
}

static bool must_leave;

void cli_close(cdbc_client *client)
{
	cdbc_pool_stats stats = {.struct_size = sizeof stats};

	if (!client)
		return;
	cdbc_client_pool_stats(client, &stats);
	if (stats.opening_now > 0)
		must_leave = true;
	else
		cdbc_client_close(client, CLOSE_MS);
}

bool cli_must_leave(void)
{
	return must_leave;
}
