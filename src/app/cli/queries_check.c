// SPDX-License-Identifier: Apache-2.0
/* cdbc queries check: what is wrong with the SQL files, for people and for programs. How it is
 * found is the library's business. */
#include "app/cli/cli.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- JSON ----------------------------------------------------------------------------------- */

void cli_put_json(FILE *to, const char *text, size_t length)
{
	fputc('"', to);
	while (length) {
		size_t valid = cx_utf8_valid_prefix(text, length);

		for (size_t i = 0; i < valid; i++) {
			unsigned char c = (unsigned char)text[i];

			if (c == '"' || c == '\\')
				fprintf(to, "\\%c", c);
			else if (c == '\n')
				fputs("\\n", to);
			else if (c < 0x20 || c == 0x7f)
				fprintf(to, "\\u%04x", c);
			else
				fputc(c, to);
		}
		text += valid;
		length -= valid;
		if (length) {
			fputs("\\ufffd", to);
			text++;
			length--;
		}
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

int cli_queries_check(cli_args *args)
{
	const char *dialect = NULL;
	check_report r = {FORM_TEXT, 0, 0};
	const char **paths = NULL;
	cdbc_error *error = NULL;
	size_t count = 0, error_count = 0;
	char *words = NULL;
	cdbc_status status;
	int code = read_form(args, &r.form);

	if (!code)
		code = cli_query_folders(args, 1, &paths, &count, &words);
	if (!code) {
		dialect = dialect_of(args);
		status = cdbc_catalog_check_for(paths, count, dialect, report, &r, &error_count, &error);
		if (status)
			code = cli_fail(error, status, false, NULL);
		else if (error_count)
			code = EXIT_SQL;
		if (!status) {
			finish(&r, args, error_count);
			tell_skipped(args, dialect);
		}
	}
	free(paths);
	free(words);
	return code;
}
