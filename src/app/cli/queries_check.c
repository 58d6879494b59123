// SPDX-License-Identifier: Apache-2.0
/* cdbc queries check: what is wrong with the SQL files, for people and for programs. How it is
 * found is the library's business. */
#include "app/cli/cli.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

void cli_put_json(FILE *to, const char *text, size_t length)
{
	const char *end = text + length;
	char room[8];

	fputc('"', to);
	while (text < end) {
		cdbc_text piece = cx_json_piece(&text, end, room);

		fwrite(piece.data, 1, piece.length, to);
	}
	fputc('"', to);
}

static void put_member(FILE *to, const char *name, const char *text)
{
	fprintf(to, ",\"%s\":", name);
	if (text && text[0])
		cli_put_json(to, text, strlen(text));
	else
		fputs("null", to);
}

static void put_number(FILE *to, const char *name, int64_t number)
{
	if (number > 0)
		fprintf(to, ",\"%s\":%lld", name, (long long)number);
	else
		fprintf(to, ",\"%s\":null", name);
}

/* ---- The report ----------------------------------------------------------------------------- */

typedef enum check_form { FORM_TEXT, FORM_JSON, FORM_NDJSON } check_form;

typedef struct check_report {
	check_form form;
	size_t count; /* of diagnostics, as far as told */
	size_t warning_count;
} check_report;

static void put_diagnostic(FILE *to, const cdbc_diagnostic *d)
{
	const char *file = d->file ? d->file : "";

	fputs("{\"file\":", to);
	cli_put_json(to, file, strlen(file));
	put_number(to, "line", d->line);
	put_number(to, "column", d->column);
	put_number(to, "end_line", d->end_line);
	put_number(to, "end_column", d->end_column);
	put_member(to, "severity", cli_severity(d));
	put_member(to, "message", d->message);
	put_member(to, "hint", d->hint);
	put_member(to, "query", d->query);
	put_member(to, "rung", d->rung);
	put_member(to, "code", d->code);
	fputc('}', to);
}

static void report(void *data, const cdbc_diagnostic *diagnostic)
{
	check_report *r = data;

	r->warning_count += !diagnostic->is_error && !diagnostic->is_note;
	if (r->form == FORM_JSON)
		fputs(r->count ? ",\n " : "[\n ", stdout);
	r->count++;
	if (r->form == FORM_TEXT)
		cli_print_diagnostic(stdout, diagnostic);
	else
		put_diagnostic(stdout, diagnostic);
	if (r->form == FORM_NDJSON)
		fputc('\n', stdout);
}

static void finish(const check_report *r, const cli_args *args, size_t error_count)
{
	if (r->form == FORM_JSON)
		puts(r->count ? "\n]" : "[]");
	if (args->is_quiet)
		return;
	fprintf(stderr, "%zu error%s", error_count, error_count == 1 ? "" : "s");
	if (r->warning_count)
		fprintf(stderr, ", %zu warning%s", r->warning_count, r->warning_count == 1 ? "" : "s");
	fputc('\n', stderr);
}

/* ---- The command ---------------------------------------------------------------------------- */

static int read_form(const cli_args *args, check_form *out)
{
	*out = FORM_TEXT;
	if (!args->format)
		return EXIT_OK;
	if (strcmp(args->format, "json") == 0)
		*out = FORM_JSON;
	else if (strcmp(args->format, "ndjson") == 0)
		*out = FORM_NDJSON;
	else
		return cli_usage(&cli_queries, "check: -o json, -o ndjson, or nothing");
	return EXIT_OK;
}

/* What queries without a dialect line are for: as the arguments say, else as the configured URL
 * does. `postgresql:` is both databases' and tells nothing. NULL: not known. */
static const char *dialect_of(const cli_args *args)
{
	const char *dialect = args->dialect, *scheme = NULL;
	cdbc_config_options options;
	cdbc_config *config = NULL;

	if (dialect)
		return dialect;
	cli_config_options(args, &options);
	if (cdbc_config_load(&options, &config, NULL))
		return NULL; /* whoever needs it says what is wrong with it */
	if (cdbc_config_get(config, "database.scheme", &scheme, NULL) == CDBC_OK && scheme)
		dialect = strcmp(scheme, "cockroachdb") == 0 ? "cockroachdb"
				  : strcmp(scheme, "sqlite") == 0    ? "sqlite"
													 : NULL;
	cdbc_config_free(config);
	return dialect;
}

/* Says once what was not checked, when it could have mattered. */
static void tell_skipped(const cli_args *args, const char *dialect)
{
	if (!args->is_quiet && !cdbc_catalog_has_grammar() &&
		(!dialect || strcmp(dialect, "postgresql") == 0))
		fputs("note: the grammar of PostgreSQL was not checked: libpg_query is not there\n",
			  stderr);
}

/* What cannot go together. */
static int check_options(const cli_args *args)
{
	if (args->is_online && args->against)
		return cli_usage(&cli_queries, "check: --online asks a database, --against a file: one of "
									   "them");
	if (args->save && !args->is_online)
		return cli_usage(&cli_queries, "check: --save FILE wants --online");
	if (args->with_plans && !args->is_online)
		return cli_usage(&cli_queries, "check: --plan wants --online");
	if (args->large_rows >= 0 && !args->with_plans)
		return cli_usage(&cli_queries, "check: --large-rows wants --plan");
	return EXIT_OK;
}

static cdbc_check_options options_of(const cli_args *args)
{
	cdbc_check_options options = CDBC_CHECK_OPTIONS_INIT;

	options.timeout_ms = args->timeout_ms;
	options.with_plans = args->with_plans;
	options.is_strict = args->is_strict;
	if (args->large_rows >= 0)
		options.large_rows = args->large_rows;
	return options;
}

/* Some of the paths as a setting, which *joined holds. */
static int set_list(cli_args *args, const char *key, const char *const *paths, size_t count,
					cx_buf *joined)
{
	cx_buf_puts(joined, "");
	for (size_t i = 0; i < count; i++) {
		if (strchr(paths[i], ','))
			return cli_usage(&cli_queries, "check: --online takes no path with a comma: %s",
							 paths[i]);
		cx_buf_puts(joined, i ? "," : "");
		cx_buf_puts(joined, paths[i]);
	}
	return !joined->is_nomem && !joined->is_over && cli_args_set(args, key, joined->data)
			   ? EXIT_OK
			   : EXIT_INTERNAL;
}

/* The client is to have the very files that were looked at. */
static int set_folders(cli_args *args, const char *const *paths, size_t count, cx_buf joined[2])
{
	int code = set_list(args, "queries.folders", paths, args->own_count, &joined[0]);

	if (!code)
		code = set_list(args, "queries.sqlc_folders", paths + args->own_count,
						count - args->own_count, &joined[1]);
	if (!code && !cli_args_set(args, "queries.style", "cdbc"))
		code = EXIT_INTERNAL;
	return code;
}

static int ask_database(cli_args *args, const char *const *paths, size_t count, check_report *r,
						size_t *error_count)
{
	const cdbc_check_options options = options_of(args);
	cx_buf joined[2] = {CX_BUF_INIT(1u << 20), CX_BUF_INIT(1u << 20)};
	cdbc_descriptions *descriptions = NULL;
	cdbc_client *client = NULL;
	cdbc_error *error = NULL;
	cdbc_status status = CDBC_OK;
	int code = set_folders(args, paths, count, joined);

	if (!code)
		code = cli_open(args, &client);
	if (!code) {
		status = cdbc_client_check(client, &options, report, r, error_count, &descriptions, &error);
		if (!status && args->save && *error_count == 0)
			status = cdbc_descriptions_export(descriptions, args->save, &error);
		else if (!status && args->save && !args->is_quiet)
			fprintf(stderr, "cdbc: %s is left as it is: there are errors\n", args->save);
		if (status)
			code = cli_fail(error, status, r->count > 0, NULL);
	}
	cdbc_descriptions_free(descriptions);
	cli_close(client);
	cx_buf_free(&joined[0]);
	cx_buf_free(&joined[1]);
	return code;
}

static int ask_file(const cli_args *args, const char *const *paths, size_t count, check_report *r,
					size_t *error_count)
{
	const cdbc_check_options options = options_of(args);
	cdbc_descriptions *descriptions = NULL;
	cdbc_catalog *catalog = NULL;
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_descriptions_load(args->against, &descriptions, &error);

	if (!status)
		status = cdbc_catalog_new(&catalog, &error);
	for (size_t i = 0; i < count && !status; i++)
		status = cdbc_catalog_load_style(
			catalog, paths[i], i < args->own_count ? CDBC_STYLE_CDBC : CDBC_STYLE_SQLC, &error);
	if (!status)
		status = cdbc_catalog_check_against(catalog, descriptions, &options, report, r, error_count,
											&error);
	cdbc_catalog_free(catalog);
	cdbc_descriptions_free(descriptions);
	return status ? cli_fail(error, status, false, NULL) : EXIT_OK;
}

/* The rungs one by one: what one finds wrong is not taken up to the next. */
static int climb(cli_args *args, const char *const *paths, size_t count, check_report *r)
{
	cdbc_error *error = NULL;
	const char *dialect = dialect_of(args);
	size_t error_count = 0;
	cdbc_sql_style *styles = calloc(count, sizeof *styles);
	cdbc_status status;
	int code = EXIT_OK;

	if (!styles)
		return EXIT_INTERNAL;
	for (size_t i = args->own_count; i < count; i++)
		styles[i] = CDBC_STYLE_SQLC;
	status =
		cdbc_catalog_check_style(paths, styles, count, dialect, report, r, &error_count, &error);
	free(styles);

	if (status)
		return cli_fail(error, status, false, NULL);
	if (error_count == 0 && args->is_online)
		code = ask_database(args, paths, count, r, &error_count);
	else if (error_count == 0 && args->against)
		code = ask_file(args, paths, count, r, &error_count);
	if (code)
		return code;
	finish(r, args, error_count);
	tell_skipped(args, dialect);
	return error_count ? EXIT_SQL : EXIT_OK;
}

int cli_queries_check(cli_args *args)
{
	check_report r = {FORM_TEXT, 0, 0};
	const char **paths = NULL;
	size_t count = 0;
	char *words = NULL;
	int code = read_form(args, &r.form);

	if (!code)
		code = check_options(args);
	if (!code)
		code = cli_query_folders(args, 1, &paths, &count, &words);
	if (!code)
		code = climb(args, paths, count, &r);
	free(paths);
	free(words);
	return code;
}
