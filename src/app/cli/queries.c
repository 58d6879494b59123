// SPDX-License-Identifier: Apache-2.0
/* cdbc queries list and split; show, check, test and embed have files of their own. */
#include "app/cli/cli.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Adds the paths of a list of the configuration, which is taken apart in place. */
static int add_paths(char *list, const char ***paths, size_t *count)
{
	char *part;

	while (list && (part = strsep(&list, ",")) != NULL) {
		const char **grown;

		while (*part == ' ')
			part++;
		if (!*part)
			continue;
		grown = realloc(*paths, (*count + 1) * sizeof *grown);
		if (!grown)
			return EXIT_INTERNAL;
		grown[(*count)++] = part;
		*paths = grown;
	}
	return EXIT_OK;
}

/* Paths of the configured folders; *list is one allocation that the caller frees. */
static int configured_folders(cli_args *args, const char ***paths, size_t *count, char **list)
{
	static const char *const keys[] = {"queries.folders", "queries.sqlc_folders"};
	cdbc_config *config = NULL;
	const char *joined[2] = {"", ""}, *style = NULL;
	size_t first, size;
	int code = cli_load_config(args, false, &config);

	if (code)
		return code;
	*count = 0;
	*paths = NULL;
	for (int i = 0; i < 2; i++)
		if (cdbc_config_get(config, keys[i], &joined[i], NULL) != CDBC_OK || !joined[i])
			joined[i] = "";
	first = strlen(joined[0]) + 1;
	size = first + strlen(joined[1]) + 1;
	*list = malloc(size);
	if (*list) {
		memcpy(*list, joined[0], first);
		memcpy(*list + first, joined[1], size - first);
		code = add_paths(*list, paths, count);
		args->own_count = *count;
		if (cdbc_config_get(config, "queries.style", &style, NULL) == CDBC_OK && style &&
			strcmp(style, "sqlc") == 0)
			args->own_count = 0;
		if (!code)
			code = add_paths(*list + first, paths, count);
	}
	cdbc_config_free(config);
	return *list ? code : EXIT_INTERNAL;
}

int cli_query_folders(cli_args *args, size_t first, const char ***paths, size_t *count, char **list)
{
	int code;

	if (args->word_count > first) {
		*list = NULL;
		*count = args->word_count - first;
		*paths = malloc(*count * sizeof **paths);
		if (!*paths)
			return EXIT_INTERNAL;
		memcpy(*paths, args->words + first, *count * sizeof **paths);
		args->own_count = args->style && strcmp(args->style, "sqlc") == 0 ? 0 : *count;
		return EXIT_OK;
	}
	code = configured_folders(args, paths, count, list);
	if (code)
		return code;
	if (*count == 0)
		return cli_usage(&cli_queries,
						 "no folder of queries: give one, use -Q, or set queries.folders");
	return EXIT_OK;
}

int cli_query_load(const cli_args *args, const char *const *paths, size_t count, cdbc_catalog **out)
{
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_catalog_new(out, &error);

	for (size_t i = 0; !status && i < count; i++)
		status = cdbc_catalog_load_style(
			*out, paths[i], i < args->own_count ? CDBC_STYLE_CDBC : CDBC_STYLE_SQLC, &error);
	return status ? cli_fail(error, status, false, NULL) : EXIT_OK;
}

static void list_one(const cdbc_query_info *q)
{
	const char *end = strchr(q->documentation, '\n');

	printf("%-32s %-12s %-9s ", q->name, cdbc_cardinality_name(q->cardinality),
		   cdbc_kind_name(q->kind));
	for (size_t i = 0; i < q->param_count; i++)
		printf("%s%s%s", i ? ", " : "(", q->params[i].name, q->params[i].is_optional ? "?" : "");
	printf("%s", q->param_count ? ") " : "");
	for (size_t i = 0; i < q->role_count; i++)
		printf("%s%s%s", i ? ", " : "[", q->roles[i], i + 1 < q->role_count ? "" : "] ");
	printf("%s%.*s\n", q->deprecated ? "(deprecated) " : "",
		   end ? (int)(end - q->documentation) : (int)strlen(q->documentation), q->documentation);
}

static int list(cli_args *args)
{
	const char **paths = NULL;
	cdbc_catalog *catalog = NULL;
	cdbc_query_info info = {.struct_size = sizeof info};
	size_t count = 0;
	char *words = NULL;
	int code = cli_query_folders(args, 1, &paths, &count, &words);

	if (!code)
		code = cli_query_load(args, paths, count, &catalog);
	for (size_t i = 0; !code && cdbc_catalog_at(catalog, i, &info); i++)
		list_one(&info);
	cdbc_catalog_free(catalog);
	free(paths);
	free(words);
	return code;
}

static bool print_piece(void *data, const cdbc_sql_piece *p)
{
	const char *form = cdbc_sql_form_text(p->fingerprint);
	size_t *count = data;

	if (*count == SIZE_MAX) {
		printf("%zu:%zu: byte %zu, %zu long: %s%s%s, %016llx %s\n", p->line, p->column, p->offset,
			   p->length, cdbc_kind_name(p->kind), p->is_read_only ? ", read only" : "",
			   p->changes_session ? ", changes the session" : "",
			   (unsigned long long)cdbc_sql_form_hash(p->fingerprint), form);
		return true;
	}
	printf("%s{\"byte\":%zu,\"length\":%zu,\"line\":%zu,\"column\":%zu,\"kind\":\"%s\","
		   "\"read_only\":%s,\"changes_session\":%s,\"hash\":\"%016llx\",\"fingerprint\":",
		   (*count)++ ? ",\n " : "[\n ", p->offset, p->length, p->line, p->column,
		   cdbc_kind_name(p->kind), p->is_read_only ? "true" : "false",
		   p->changes_session ? "true" : "false",
		   (unsigned long long)cdbc_sql_form_hash(p->fingerprint));
	cli_put_json(stdout, form, strlen(form));
	printf(",\"sql\":");
	cli_put_json(stdout, p->text, p->length);
	putchar('}');
	return true;
}

static int split(cli_args *args)
{
	bool is_json = args->format && strcmp(args->format, "json") == 0;
	size_t count = is_json ? 0 : SIZE_MAX;
	cx_buf text = CX_BUF_INIT(1u << 30);
	cdbc_error *error = NULL;
	cdbc_status status;

	if (args->word_count != 2)
		return cli_usage(&cli_queries, "split: give one file (- for stdin)");
	if (args->format && !is_json)
		return cli_usage(&cli_queries, "split: -o json, or nothing");
	status = cli_read_file(args->words[1], &text, &error);
	if (!status)
		status =
			cdbc_sql_split(text.data ? text.data : "", text.length, print_piece, &count, &error);
	if (is_json && !status)
		printf("%s\n", count ? "\n]" : "[]");
	if (status == CDBC_SQL_FILE) {
		fprintf(stderr, "%s:%lld:%lld: error: %s\n", cli_path_name(args->words[1]),
				(long long)cdbc_error_line(error), (long long)cdbc_error_column(error),
				cdbc_error_message(error));
		cdbc_error_free(error);
		cx_buf_free(&text);
		return EXIT_SQL;
	}
	cx_buf_free(&text);
	return status ? cli_fail(error, status, false, NULL) : EXIT_OK;
}

static int queries_main(cli_args *args)
{
	static const struct {
		const char *name;
		int (*run)(cli_args *args);
	} words[] = {{"list", list},   {"show", cli_queries_show}, {"check", cli_queries_check},
				 {"split", split}, {"test", cli_queries_test}, {"embed", cli_queries_embed}};
	const char *names[sizeof words / sizeof *words], *word, *nearest;

	if (args->word_count == 0)
		return cli_usage(&cli_queries, "say list, show NAME, check, test, split FILE or embed "
									   "FOLDER, and PATH... when the configuration has no folders");
	word = args->words[0];
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(word, words[i].name) == 0)
			return words[i].run(args);
		names[i] = words[i].name;
	}
	nearest = cx_text_nearest(word, names, sizeof words / sizeof *words);
	return nearest ? cli_usage(&cli_queries, "%s is not one of its words; did you mean %s?", word,
							   nearest)
				   : cli_usage(&cli_queries, "%s is none of list, show, check, test, split, embed",
							   word);
}

static const char *const test_formats[] = {"text", "tap", NULL};

const cli_command cli_queries = {
	"queries",
	"cdbc queries list [PATH]... | show NAME [--expand [--dialect NAME]] [PATH]... | check "
	"[PATH]... | "
	"test [PATH|NAME]... | split FILE | embed FOLDER",
	"list, show, check, test, embed the named queries; split a script",
	"list prints a line for each query, show one with its headers, parameters and SQL (-o json "
	"for\n"
	"programs). check reports all "
	"that is wrong,\n"
	"as file:line:column: error: text, and exits with 1 when there is any error (-o json or ndjson "
	"for\n"
	"programs). With --online the database describes every statement that a query may become "
	"(nothing\n"
	"is executed), and the answers are compared with the headers; --save FILE keeps them, and "
	"--against\n"
	"FILE checks by them without a database. --plan warns of large tables that are read whole, and "
	"of\n"
	"conditions that no index serves. split prints the statements of any script with line, "
	"column,\n"
	"byte, kind and fingerprint (-o json for programs). test runs the tests in NAME.test.sql files "
	"against a database: all "
	"in\n"
	"the folders, or those that call a query. Each is rolled back. It exits with 1 when one fails, "
	"and with 2\n"
	"when a file is wrong (-o text, tap or json; --coverage; --force where the environment is "
	"called\n"
	"production). embed writes the queries of a folder as a C source, for programs that ship "
	"without "
	"files:\n"
	"    cdbc queries embed sql --name bank_queries --output bank_queries.c --header "
	"bank_queries.h",
	"list show check test split embed",
	OPTS_CONNECT | OPTS_CHECK | OPT_QUIET | OPT_EXPAND | OPT_FORMAT | OPT_DIALECT | OPT_FORCE |
		OPT_COVERAGE | OPT_OUTPUT | OPT_NAME | OPT_HEADER | OPT_STYLE | OPTS_WHO,
	queries_main,
	test_formats,
};
