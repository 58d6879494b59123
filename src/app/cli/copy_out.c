// SPDX-License-Identifier: Apache-2.0
/* cdbc copy out: a table's rows, or a query's, into a file of any format. */
#include "app/cli/cli.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

const char *cli_copy_format_of(const char *path)
{
	static const char *const endings[][2] = {
		{".csv", "csv"},       {".tsv", "tsv"},      {".tab", "tsv"},
		{".ndjson", "ndjson"}, {".jsonl", "ndjson"}, {".json", "json"},
		{".arrow", "arrow"},   {".arrows", "arrow"}, {".md", "markdown"}};

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
		if (cli_has_suffix(path, endings[i][0]))
			return endings[i][1];
	return "csv";
}

int cli_copy_columns(const char *text, char **list, const char ***names, size_t *count)
{
	char *p;

	*list = NULL;
	*names = NULL;
	*count = 0;
	if (!text)
		return EXIT_OK;
	*list = strdup(text);
	*names = calloc(strlen(text) + 2, sizeof **names);
	if (!*list || !*names) {
		free(*list);
		free((void *)*names);
		return EXIT_INTERNAL;
	}
	for (p = *list;; *p++ = '\0') {
		(*names)[(*count)++] = p;
		p += strcspn(p, ",");
		if (!*p)
			break;
	}
	for (size_t i = 0; i < *count; i++) {
		if ((*names)[i][0])
			continue;
		free(*list);
		free((void *)*names);
		return cli_usage(&cli_copy, "--columns %s: a name is empty", text);
	}
	return EXIT_OK;
}

static int write_rows(const cli_args *args, cdbc_session *session, cli_output *output)
{
	cdbc_copy_out_options options = CDBC_COPY_OUT_OPTIONS_INIT;
	const char **columns = NULL;
	cdbc_error *error = NULL;
	size_t count = 0;
	int64_t rows = 0;
	char *list = NULL;
	cdbc_status status;
	int code = cli_copy_columns(args->columns, &list, &columns, &count);

	if (code)
		return code;
	options.format_options = &output->options;
	options.timeout_ms = args->timeout_ms;
	options.progress = cli_output_progress;
	options.progress_data = output;
	if (args->query)
		status = cdbc_copy_out_query(session, args->query,
									 cdbc_params_of(args->params, args->param_count),
									 output->format, &options, &output->sink, &rows, &error);
	else
		status = cdbc_copy_out_table(session, args->words[1], columns, count, output->format,
									 &options, &output->sink, &rows, &error);
	cli_output_progress_end(output);
	if (status)
		code = cli_fail(error, status,
						output->has_output || output->has_failed || output->buffer.length > 0,
						args->query);
	else if (!args->is_quiet)
		fprintf(stderr, "COPY %lld\n", (long long)rows);
	free(list);
	free((void *)columns);
	return code;
}

static int check_words(const cli_args *args, size_t own)
{
	if (args->word_count < own || args->word_count > own + 1)
		return cli_usage(&cli_copy, args->query ? "with --query, give out and a file (- for stdout)"
												: "give out, a table, and a file (- for stdout)");
	if (args->query && args->columns)
		return cli_usage(&cli_copy, "a query names its columns itself, without --columns");
	if (args->param_count && !args->query)
		return cli_usage(&cli_copy, "parameters are of a --query");
	if (args->chunk_rows || args->skip_rows)
		return cli_usage(&cli_copy, "--chunk-rows and --skip are of copy in");
	if (args->on_error || args->rejects || args->method)
		return cli_usage(&cli_copy, "--on-error, --rejects and --method are of copy in");
	return EXIT_OK;
}

int cli_copy_out(cli_args *args)
{
	size_t own = args->query ? 1 : 2;
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_error *error = NULL;
	cli_output output;
	cdbc_status status;
	int code = check_words(args, own), closed;

	if (code)
		return code;
	if (args->word_count > own && strcmp(args->words[own], "-") != 0)
		args->output = args->words[own];
	if (!args->format)
		args->format = args->output ? cli_copy_format_of(args->output) : "csv";
	code = cli_open(args, &client);
	if (code)
		return code;
	code = cli_output_open(args, &output);
	if (!code) {
		status = cdbc_client_acquire(client, NULL, &session, &error);
		if (status)
			code = cli_fail(error, status, false, NULL);
	}
	if (!code) {
		cli_interrupt_watch(client, session);
		code = write_rows(args, session, &output);
		cli_interrupt_watch(NULL, NULL);
	}
	closed = cli_output_close(&output, code == EXIT_OK);
	cdbc_session_release(session);
	cli_print_stats(args, client);
	cli_close(client);
	return code ? code : closed;
}
