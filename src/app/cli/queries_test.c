// SPDX-License-Identifier: Apache-2.0
/* cdbc queries test: which test files there are, which of their tests are run, and how the command
 * ends. What a test does is in test_run.c, how it is told in test_print.c. */
#include "app/cli/test_print.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define SUFFIX ".test.sql"

typedef struct suite {
	cli_args args;      /* with the folders as a setting */
	cli_files paths;    /* of test files, in order */
	const char **names; /* only tests that call one of these; none: all */
	size_t name_count;
	cx_buf folders;
	cli_test_file *files;
	size_t file_count;
	size_t test_count; /* to be run */
	cdbc_client *client;
	cdbc_catalog *catalog;
	unsigned dialect;
} suite;

/* ---- Files ----------------------------------------------------------------------------------- */

static bool is_test_file(const char *name)
{
	return cli_has_suffix(name, SUFFIX);
}

/* A word of the command line: a folder, a test file, or the name of a query. */
static int take_word(suite *s, const char *word)
{
	const char *slash = strrchr(word, '/');
	struct stat info;

	if (stat(word, &info)) {
		if (slash || cli_has_suffix(word, ".sql"))
			return cli_fail_path(word);
		s->names[s->name_count++] = word;
		return EXIT_OK;
	}
	if (!S_ISDIR(info.st_mode) && !cli_has_suffix(word, SUFFIX))
		return cli_usage(&cli_queries, "test: %s: a test file is named NAME%s", word, SUFFIX);
	cx_buf_puts(&s->folders, s->folders.length ? "," : "");
	if (S_ISDIR(info.st_mode)) {
		cx_buf_puts(&s->folders, word);
		return cli_files_find(&s->paths, word, is_test_file);
	}
	cx_buf_put(&s->folders, slash ? word : ".", slash ? (size_t)(slash - word) + 1 : 1);
	return cli_files_add(&s->paths, word);
}

static int find_configured(suite *s, const char *joined)
{
	char *list = strdup(joined), *rest = list, *part;
	struct stat info;
	int code = list ? EXIT_OK : EXIT_INTERNAL;

	while (!code && (part = strsep(&rest, ",")) != NULL) {
		part += strspn(part, " ");
		if (*part && stat(part, &info))
			code = cli_fail_path(part);
		else if (*part && S_ISDIR(info.st_mode))
			code = cli_files_find(&s->paths, part, is_test_file);
	}
	free(list);
	return code;
}

/* ---- What may be tested where ------------------------------------------------------------------
 */

/* Tests write. What they write is rolled back, but not all of it, and not all that it does. */
static int refuse_production(const suite *s, const cdbc_config *config)
{
	const char *name = cdbc_config_environment(config);

	if (s->args.force || !name ||
		(strncasecmp(name, "prod", 4) != 0 && strcasecmp(name, "live") != 0))
		return EXIT_OK;
	fprintf(stderr,
			"cdbc queries test: tests write, and the environment is \"%s\"\n"
			"hint: name another one (-e), or say --force\n",
			name);
	return EXIT_USAGE;
}

/* The folders of the configuration, or those that the words name, become a setting. */
static int choose_folders(suite *s, const cdbc_config *config)
{
	const char *joined = NULL;
	cdbc_config_item *grown;

	if (cdbc_config_get(config, "queries.folders", &joined, NULL) == CDBC_OK && joined && *joined)
		return s->paths.count || s->folders.length ? EXIT_OK : find_configured(s, joined);
	if (!s->folders.length)
		return cli_usage(&cli_queries,
						 "no folder of queries: give one, use -Q, or set queries.folders");
	grown = malloc((s->args.setting_count + 1) * sizeof *grown);
	if (!grown)
		return EXIT_INTERNAL;
	if (s->args.setting_count)
		memcpy(grown, s->args.settings, s->args.setting_count * sizeof *grown);
	grown[s->args.setting_count++] = (cdbc_config_item){"queries.folders", s->folders.data};
	s->args.settings = grown;
	return EXIT_OK;
}

static unsigned dialect_of_scheme(const cdbc_config *config)
{
	const char *value = NULL;

	if (cdbc_config_get(config, "database.path", &value, NULL) == CDBC_OK && value)
		return CLI_DIALECT_SQLITE;
	if (cdbc_config_get(config, "database.scheme", &value, NULL) == CDBC_OK && value)
		return cli_dialect_bit(value, strlen(value)) & ~(unsigned)CLI_DIALECT_POSTGRESQL;
	return 0;
}

/* CockroachDB may be reached by a postgresql: URL. */
static int ask_dialect(suite *s)
{
	cdbc_session *session = NULL;
	cdbc_result *result = NULL;
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_client_acquire(s->client, NULL, &session, &error);

	s->dialect = CLI_DIALECT_POSTGRESQL;
	if (!status)
		status =
			cdbc_session_query(session, "select version()", CDBC_NO_PARAMS, NULL, &result, &error);
	if (!status && cdbc_result_next(result, &error) &&
		strncmp(cdbc_result_text(result, 0).data, "CockroachDB", 11) == 0)
		s->dialect = CLI_DIALECT_COCKROACHDB;
	if (!status && error)
		status = cdbc_error_status(error);
	cdbc_result_free(result);
	cdbc_session_release(session);
	return status ? cli_fail(error, status, false, NULL) : EXIT_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static int read_files(suite *s)
{
	size_t error_count = 0;

	s->files = calloc(s->paths.count + 1, sizeof *s->files);
	if (!s->files)
		return EXIT_INTERNAL;
	for (size_t i = 0; i < s->paths.count; i++) {
		cdbc_error *error = NULL;
		size_t errors = 0;
		cx_buf text;
		cdbc_status status = cli_read_file(s->paths.paths[i], &text, &error);

		if (!status) {
			status =
				cli_test_file_read(s->paths.paths[i], text.data ? text.data : "", text.length,
								   cli_print_diagnostic, stderr, &errors, &s->files[i], &error);
			s->file_count = i + 1;
		}
		cx_buf_free(&text);
		if (status)
			return cli_fail(error, status, false, NULL);
		error_count += errors;
	}
	return error_count ? EXIT_USAGE : EXIT_OK;
}

/* Names are the same with - and with _. */
static bool is_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

static bool calls(const cli_test_step *steps, const char *name)
{
	for (; steps; steps = steps->next)
		if (steps->name && is_name(steps->name, name))
			return true;
	return false;
}

static bool is_chosen(const suite *s, const cli_test *test)
{
	for (size_t i = 0; i < s->name_count; i++)
		if (calls(test->steps, s->names[i]))
			return true;
	return s->name_count == 0;
}

/* What is called must be there, unless its absence is what is tested. */
static size_t check_calls(const suite *s, const cli_test_file *file, const cli_test_step *steps)
{
	cdbc_query_info info = {.struct_size = sizeof info};
	size_t errors = 0;

	for (; steps; steps = steps->next) {
		cdbc_error *error = NULL;

		if (!steps->name || (steps->expects && steps->expects->kind == EXPECT_ERROR))
			continue;
		if (cdbc_catalog_get(s->catalog, steps->name, &info, &error)) {
			const char *hint = error ? cdbc_error_field(error, CDBC_FIELD_HINT) : NULL;
			cdbc_diagnostic d = {.file = file->path,
								 .line = (int64_t)steps->line,
								 .column = (int64_t)steps->column,
								 .is_error = true,
								 .message = error ? cdbc_error_message(error) : "out of memory",
								 .hint = hint ? hint : "",
								 .line_text = ""};

			cli_print_diagnostic(stderr, &d);
			errors++;
		}
		cdbc_error_free(error);
	}
	return errors;
}

static int check_names(suite *s)
{
	cdbc_query_info info = {.struct_size = sizeof info};
	cdbc_error *error = NULL;
	size_t errors = 0;

	for (size_t i = 0; i < s->name_count; i++) {
		cdbc_status status = cdbc_catalog_get(s->catalog, s->names[i], &info, &error);

		if (status)
			return cli_fail(error, status, false, NULL);
	}
	for (size_t i = 0; i < s->file_count; i++) {
		errors += check_calls(s, &s->files[i], s->files[i].setup);
		for (const cli_test *test = s->files[i].tests; test; test = test->next) {
			errors += check_calls(s, &s->files[i], test->steps);
			s->test_count += is_chosen(s, test);
		}
	}
	if (errors)
		return EXIT_USAGE;
	if (!s->test_count)
		return cli_usage(&cli_queries, s->name_count ? "test: no test calls that"
													 : "test: there are no *" SUFFIX " files");
	return EXIT_OK;
}

/* ---- Running ----------------------------------------------------------------------------------
 */

static int run_tests(suite *s, cli_test_printer *printer)
{
	cdbc_session_options who;
	int code = EXIT_OK;

	cli_session_options(&s->args, &who);
	for (size_t i = 0; i < s->file_count; i++)
		for (const cli_test *test = s->files[i].tests; test && !code; test = test->next) {
			cli_test_outcome outcome;

			if (!is_chosen(s, test))
				continue;
			if (test->dialects && !s->dialect)
				code = ask_dialect(s);
			if (code)
				break;
			cli_test_outcome_init(&outcome);
			cli_test_run(s->client, &who, s->dialect, &s->files[i], test, &outcome);
			if (outcome.verdict == TEST_BROKEN) {
				code = cli_fail(outcome.error, outcome.status, false, NULL);
				outcome.error = NULL;
			} else {
				cli_test_print(printer, &s->files[i], test, &outcome);
			}
			cli_test_outcome_fini(&outcome);
			if (!code)
				code = cli_interrupted_exit();
		}
	return code;
}

static void print_coverage(const suite *s, cli_test_printer *printer)
{
	cdbc_query_info info = {.struct_size = sizeof info};

	for (size_t i = 0; cdbc_catalog_at(s->catalog, i, &info); i++) {
		bool is_called = false;

		for (size_t f = 0; f < s->file_count && !is_called; f++) {
			is_called = calls(s->files[f].setup, info.name);
			for (const cli_test *t = s->files[f].tests; t && !is_called; t = t->next)
				is_called = calls(t->steps, info.name);
		}
		cli_test_print_query(printer, &info, is_called);
	}
}

static int open_suite(suite *s)
{
	cdbc_config *config = NULL;
	int code = cli_load_config(&s->args, true, &config);

	if (!code)
		code = refuse_production(s, config);
	if (!code)
		code = choose_folders(s, config);
	if (!code)
		s->dialect = dialect_of_scheme(config);
	cdbc_config_free(config);
	if (!code)
		code = read_files(s);
	if (!code)
		code = cli_open(&s->args, &s->client);
	if (code)
		return code;
	s->catalog = cdbc_client_catalog(s->client);
	return check_names(s);
}

static void suite_fini(suite *s, const cli_args *args)
{
	cdbc_catalog_free(s->catalog);
	cli_close(s->client);
	for (size_t i = 0; i < s->file_count; i++)
		cli_test_file_free(&s->files[i]);
	if (s->args.settings != args->settings)
		free(s->args.settings);
	free(s->files);
	cli_files_fini(&s->paths);
	free(s->names);
	cx_buf_free(&s->folders);
}

int cli_queries_test(cli_args *args)
{
	suite s = {.args = *args, .folders = CX_BUF_INIT(1u << 20)};
	cli_test_printer printer;
	int code = EXIT_OK;

	if (!cli_test_printer_init(&printer, args->format))
		return cli_usage(&cli_queries, "test: -o text, tap or json");
	s.names = calloc(args->word_count + 1, sizeof *s.names);
	if (!s.names)
		return EXIT_INTERNAL;
	for (size_t i = 1; !code && i < args->word_count; i++)
		code = take_word(&s, args->words[i]);
	if (!code)
		code = open_suite(&s);
	if (!code) {
		cli_test_print_begin(&printer, s.test_count);
		code = run_tests(&s, &printer);
		if (!code && args->with_coverage)
			print_coverage(&s, &printer);
		if (!code)
			cli_test_print_end(&printer, args->is_quiet);
		if (!code && printer.failed)
			code = EXIT_SQL;
	}
	suite_fini(&s, args);
	return code;
}
