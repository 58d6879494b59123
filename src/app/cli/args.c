// SPDX-License-Identifier: Apache-2.0
/* The options of the command line: one table for parsing, help, completions and the manual. */
#include "app/cli/cli.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const cli_option_row options[] = {
	{OPT_URL, 'd', "url", "URL", "the database: postgresql://..., cockroachdb://..., sqlite:PATH"},
	{OPT_CONFIG, 'c', "config", "FILE",
	 "the configuration file (else ./cdbc.yaml, then the user's)"},
	{OPT_ENVIRONMENT, 'e', "environment", "NAME", "one of the configuration's environments"},
	{OPT_SET, 's', "set", "KEY=VALUE", "any setting, such as pool.max_size=2"},
	{OPT_QUERIES, 'Q', "queries", "PATH", "a folder or file of named queries; may be given again"},
	{OPT_FILE, 'f', "file", "FILE", "read the SQL from a file (- for stdin)"},
	{OPT_PARAM, 'p', "param", "NAME=VALUE", "a parameter; may be given again"},
	{OPT_NULL, 0, "null", "NAME", "a parameter that is NULL"},
	{OPT_USER, 0, "user", "NAME", "for whom: :_user in the SQL"},
	{OPT_ROLE, 0, "role", "NAME",
	 "a role of that user: :_roles, and what `roles:` asks for; may be given again"},
	{OPT_FORMAT, 'o', "format", "FORMAT",
	 "table, json, ndjson, csv, tsv, markdown, arrow (table on a terminal, else tsv)"},
	{OPT_OUTPUT, 0, "output", "FILE", "write to a file, which appears when it is complete"},
	{OPT_TIMEOUT, 't', "timeout", "SECONDS", "of each request; 0: none"},
	{OPT_MAX_ROWS, 0, "max-rows", "N", "more rows than this are an error"},
	{OPT_QUERY, 0, "query", "SQL", "copy out: the rows of a query, not of a table"},
	{OPT_COLUMNS, 0, "columns", "A,B,...", "copy: the table's columns, in the file's order"},
	{OPT_REJECTS, 0, "rejects", "FILE", "copy in: where refused rows are written, as they stood"},
	{OPT_METHOD, 0, "method", "METHOD",
	 "copy in: copy, rows (arrays), insert (else by what the database has)"},
	{OPT_PROGRESS, 0, "progress", NULL, "tell each second how far it is, terminal or not"},
	{OPT_CHUNK_ROWS, 0, "chunk-rows", "N", "copy: commit after each N rows (else all or none)"},
	{OPT_SKIP, 0, "skip", "N", "copy: the input's first N rows are in already"},
	{OPT_NO_HEADER, 0, "no-header", NULL, "csv, tsv: no line of names"},
	{OPT_ORIGIN, 0, "origin", NULL, "tell where each setting comes from"},
	{OPT_KEEP, 0, "keep", NULL, "keep what was made"},
	{OPT_EXPAND, 0, "expand", NULL, "print every statement that the query may become"},
	{OPT_NAME, 0, "name", "SYMBOL", "embed: what the queries are called in C (queries)"},
	{OPT_HEADER, 0, "header", "FILE", "embed: a file for its declaration"},
	{OPT_FORCE, 0, "force", NULL, "even where it is refused for safety"},
	{OPT_COVERAGE, 0, "coverage", NULL, "test: list the queries that no test calls"},
	{OPT_DIALECT, 0, "dialect", "NAME",
	 "what queries without a dialect line, or the resolver's table, are for: cockroachdb, "
	 "postgresql, sqlite"},
	{OPT_ONLINE, 0, "online", NULL, "check: have the database describe every statement"},
	{OPT_SAVE, 0, "save", "FILE", "check: with --online, write what the database said"},
	{OPT_AGAINST, 0, "against", "FILE", "check: without a database, by what one said before"},
	{OPT_PLAN, 0, "plan", NULL, "check: with --online, look for full scans and missing indexes"},
	{OPT_LARGE_ROWS, 0, "large-rows", "N", "check: rows of a large table (10000; 0: every table)"},
	{OPT_STRICT, 0, "strict", NULL, "check: warnings are errors"},
	{OPT_STYLE, 0, "style", "STYLE", "how the files are written: cdbc, or sqlc"},
	{OPT_ON_ERROR, 0, "on-error", "WORD",
	 "what a failure does (stop): batch: stop, continue; copy in: stop, reject"},
	{OPT_ATOMIC, 0, "atomic", NULL, "batch: all in one transaction"},
	{OPT_STATS, 0, "stats", NULL, "numbers and durations at the end, on stderr"},
	{OPT_QUIET, 'q', "quiet", NULL, "no progress, no notes on stderr"},
};
#define OPTION_COUNT (sizeof options / sizeof *options)

const cli_option_row *cli_options(size_t *count)
{
	*count = OPTION_COUNT;
	return options;
}

int cli_usage(const cli_command *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "cdbc%s%s: ", command ? " " : "", command ? command->name : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\ntry: cdbc%s%s --help\n", command ? " " : "", command ? command->name : "");
	return EXIT_USAGE;
}

int cli_refuse_secret(const cli_command *command, const char *what)
{
	fprintf(stderr,
			"cdbc %s: %s on the command line can be seen by others\n"
			"hint: put it in CDBC_URL, PGPASSWORD or a password file (database.password_file)\n",
			command->name, what);
	return EXIT_USAGE;
}

void cli_print_help(const cli_command *command)
{
	printf("%s\n\n%s\n", command->usage, command->text);
	printf("\nOptions:\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const cli_option_row *o = &options[i];
		char left[64];

		if (!(command->options & o->bit))
			continue;
		snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
				 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->word, o->value ? " " : "",
				 o->value ? o->value : "");
		printf("  %-28s %s\n", left, o->help);
	}
	printf("  %-28s %s\n", "-h, --help", "this text");
}

static const cli_option_row *find_word(const char *word, size_t length)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strlen(options[i].word) == length && memcmp(options[i].word, word, length) == 0)
			return &options[i];
	return NULL;
}

static const cli_option_row *find_letter(char letter)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].letter && options[i].letter == letter)
			return &options[i];
	return NULL;
}

static int unknown_option(const cli_command *command, const char *arg)
{
	const char *names[OPTION_COUNT], *nearest;
	char word[64];
	size_t n = 0;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (command->options & options[i].bit)
			names[n++] = options[i].word;
	snprintf(word, sizeof word, "%.*s", (int)strcspn(arg, "="), arg);
	nearest = strncmp(word, "--", 2) == 0 ? cx_text_nearest(word + 2, names, n) : NULL;
	if (nearest)
		return cli_usage(command, "unknown option %s; did you mean --%s?", word, nearest);
	return cli_usage(command, "unknown option %s", word);
}

static bool add_setting(cli_args *args, const char *key, const char *value)
{
	cdbc_config_item *grown = realloc(args->settings, (args->setting_count + 1) * sizeof *grown);

	if (!grown)
		return false;
	args->settings = grown;
	grown[args->setting_count++] = (cdbc_config_item){key, value};
	return true;
}

static bool add_param(cli_args *args, const char *name, cdbc_value value)
{
	cdbc_param *grown = realloc(args->params, (args->param_count + 1) * sizeof *grown);

	if (!grown)
		return false;
	args->params = grown;
	grown[args->param_count++] = cdbc_param_of(name, value);
	return true;
}

/* A copy of the text before the =, kept with the arguments. */
static char *cut_name(const char *text, const char *equals)
{
	return strndup(text, (size_t)(equals - text));
}

static bool parse_seconds(const char *text, int64_t *ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0) || seconds > 1e9)
		return false;
	*ms = (int64_t)(seconds * 1000);
	if (*ms == 0)
		*ms = seconds > 0 ? 1 : CDBC_FOREVER;
	return true;
}

static int set_param(const cli_command *command, cli_args *args, const char *value)
{
	const char *equals = strchr(value, '=');
	char *name;

	if (!equals || equals == value)
		return cli_usage(command, "-p %s: a parameter is NAME=VALUE", value);
	name = cut_name(value, equals);
	return name && add_param(args, name, cdbc_string(equals + 1)) ? 0 : EXIT_INTERNAL;
}

static int set_setting(const cli_command *command, cli_args *args, const char *value)
{
	const char *equals = strchr(value, '=');
	char *key;

	if (!equals || equals == value)
		return cli_usage(command, "-s %s: a setting is KEY=VALUE", value);
	if (strncmp(value, "database.url=", 13) == 0 && cdbc_url_has_password(equals + 1))
		return cli_refuse_secret(command, "-s database.url: a password in a URL");
	key = cut_name(value, equals);
	return key && add_setting(args, key, equals + 1) ? 0 : EXIT_INTERNAL;
}

static int unknown_format(const cli_command *command, const char *value)
{
	const char *names[16], *nearest;
	size_t n = 0;

	for (const cdbc_format *const *f = cdbc_format_list(); *f && n < sizeof names / sizeof *names;
		 f++)
		names[n++] = (*f)->name;
	nearest = cx_text_nearest(value, names, n);
	if (nearest)
		return cli_usage(command, "-o %s: there is no such format; did you mean %s?", value,
						 nearest);
	return cli_usage(command, "-o %s: formats are table, json, ndjson, csv, tsv, markdown, arrow",
					 value);
}

static bool is_own_format(const cli_command *command, const char *value)
{
	for (const char *const *f = command->formats; f && *f; f++)
		if (strcmp(*f, value) == 0)
			return true;
	return false;
}

/* Those of queries check. */
static int apply_check(const cli_command *command, cli_args *args, const cli_option_row *o,
					   const char *value)
{
	switch (o->bit) {
	case OPT_ONLINE:
		args->is_online = true;
		return 0;
	case OPT_SAVE:
		args->save = value;
		return 0;
	case OPT_AGAINST:
		args->against = value;
		return 0;
	case OPT_PLAN:
		args->with_plans = true;
		return 0;
	case OPT_STRICT:
		args->is_strict = true;
		return 0;
	default:
		return cx_text_int64(value, strlen(value), 0, INT64_MAX, &args->large_rows)
				   ? 0
				   : cli_usage(command, "--large-rows %s: not a whole number", value);
	}
}

/* What an option without a value sets. */
static bool *flag_of(cli_args *args, const cli_option_row *o)
{
	switch (o->bit) {
	case OPT_NO_HEADER:
		return &args->no_header;
	case OPT_ORIGIN:
		return &args->with_origin;
	case OPT_KEEP:
		return &args->keep;
	case OPT_FORCE:
		return &args->force;
	case OPT_COVERAGE:
		return &args->with_coverage;
	case OPT_EXPAND:
		return &args->is_expanded;
	case OPT_ATOMIC:
		return &args->is_atomic;
	case OPT_STATS:
		return &args->with_stats;
	case OPT_PROGRESS:
		return &args->wants_progress;
	default:
		return &args->is_quiet;
	}
}

static int add_role(cli_args *args, const char *role)
{
	const char **grown = realloc(args->roles, (args->role_count + 1) * sizeof *grown);

	if (!grown)
		return EXIT_INTERNAL;
	args->roles = grown;
	grown[args->role_count++] = role;
	return 0;
}

void cli_session_options(const cli_args *args, cdbc_session_options *out)
{
	*out = (cdbc_session_options)CDBC_SESSION_OPTIONS_INIT;
	out->user = args->user;
	out->roles = args->roles;
	out->role_count = args->role_count;
}

/* Where an option's value goes that is kept as it is; NULL for others. */
static const char **text_of(cli_args *args, const cli_option_row *o)
{
	switch (o->bit) {
	case OPT_CONFIG:
		return &args->config;
	case OPT_ENVIRONMENT:
		return &args->environment;
	case OPT_FILE:
		return &args->file;
	case OPT_OUTPUT:
		return &args->output;
	case OPT_QUERY:
		return &args->query;
	case OPT_COLUMNS:
		return &args->columns;
	case OPT_ON_ERROR:
		return &args->on_error;
	case OPT_REJECTS:
		return &args->rejects;
	case OPT_METHOD:
		return &args->method;
	case OPT_NAME:
		return &args->name;
	case OPT_HEADER:
		return &args->header;
	case OPT_DIALECT:
		return &args->dialect;
	case OPT_USER:
		return &args->user;
	default:
		return NULL;
	}
}

/* Applies one option; returns an exit code. */
static int apply(const cli_command *command, cli_args *args, const cli_option_row *o,
				 const char *value)
{
	const char **text = text_of(args, o);
	char *name;

	if (text) {
		*text = value;
		return 0;
	}
	if (o->bit & OPTS_CHECK)
		return apply_check(command, args, o, value);
	switch (o->bit) {
	case OPT_URL:
		if (cdbc_url_has_password(value))
			return cli_refuse_secret(command, "-d: a password in a URL");
		args->url = value;
		return 0;
	case OPT_SET:
		return set_setting(command, args, value);
	case OPT_QUERIES:
		if (args->folders.length)
			cx_buf_putc(&args->folders, ',');
		cx_buf_puts(&args->folders, value);
		return 0;
	case OPT_PARAM:
		return set_param(command, args, value);
	case OPT_NULL:
		name = strdup(value);
		return name && add_param(args, name, cdbc_null()) ? 0 : EXIT_INTERNAL;
	case OPT_FORMAT:
		if (!cdbc_format_find(value) && !is_own_format(command, value))
			return unknown_format(command, value);
		args->format = value;
		return 0;
	case OPT_TIMEOUT:
		return parse_seconds(value, &args->timeout_ms)
				   ? 0
				   : cli_usage(command, "--timeout %s: not a number of seconds", value);
	case OPT_MAX_ROWS:
		return cx_text_int64(value, strlen(value), 1, INT64_MAX, &args->max_rows)
				   ? 0
				   : cli_usage(command, "--max-rows %s: not a whole number above 0", value);
	case OPT_CHUNK_ROWS:
	case OPT_SKIP:
		return cx_text_int64(value, strlen(value), 0, INT64_MAX,
							 o->bit == OPT_SKIP ? &args->skip_rows : &args->chunk_rows)
				   ? 0
				   : cli_usage(command, "--%s %s: not a whole number", o->word, value);
	case OPT_ROLE:
		return add_role(args, value);
	case OPT_STYLE:
		args->style = value;
		return strcmp(value, "cdbc") == 0 || strcmp(value, "sqlc") == 0
				   ? 0
				   : cli_usage(command, "--style %s: there are cdbc and sqlc", value);
	default:
		*flag_of(args, o) = true;
		return 0;
	}
}

/* One argument that begins with a dash; *i moves past its value. */
static int parse_option(const cli_command *command, cli_args *args, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *value = NULL, *equals;
	const cli_option_row *o;

	if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
		args->wants_help = true;
		return 0;
	}
	if (arg[1] == '-') {
		equals = strchr(arg, '=');
		o = find_word(arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg + 2));
		value = equals ? equals + 1 : NULL;
	} else {
		o = find_letter(arg[1]);
		value = arg[2] ? arg + 2 : NULL;
	}
	if (!o || !(command->options & o->bit))
		return unknown_option(command, arg);
	if (!o->value && value)
		return cli_usage(command, "--%s takes no value", o->word);
	if (o->value && !value) {
		if (*i + 1 >= argc)
			return cli_usage(command, "%s needs a value: %s", arg, o->value);
		value = argv[++*i];
	}
	return apply(command, args, o, value);
}

bool cli_args_set(cli_args *args, const char *key, const char *value)
{
	char *copy = strdup(key);

	if (copy && add_setting(args, copy, value))
		return true;
	free(copy);
	return false;
}

bool cli_args_parse(const cli_command *command, int argc, char **argv, cli_args *out)
{
	bool only_words = false;

	memset(out, 0, sizeof *out);
	out->large_rows = -1;
	cx_buf_init(&out->folders, 1 << 16);
	out->words = calloc((size_t)argc + 1, sizeof *out->words);
	if (!out->words)
		return false;
	for (int i = 0; i < argc; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
			if (parse_option(command, out, argc, argv, &i))
				return false;
		} else {
			out->words[out->word_count++] = argv[i];
		}
	}
	if (out->folders.length && !add_setting(out, strdup("queries.folders"), out->folders.data))
		return false;
	if (out->with_stats && !add_setting(out, strdup("stats.enabled"), "true"))
		return false;
	if (out->style && !add_setting(out, strdup("queries.style"), out->style))
		return false;
	return true;
}

void cli_args_free(cli_args *args)
{
	for (size_t i = 0; i < args->setting_count; i++)
		free((void *)(uintptr_t)args->settings[i].key);
	for (size_t i = 0; i < args->param_count; i++)
		free((void *)(uintptr_t)args->params[i].name);
	free(args->settings);
	free(args->params);
	free(args->roles);
	free(args->words);
	cx_buf_free(&args->folders);
}
