// SPDX-License-Identifier: Apache-2.0
/* cdbc queries show: all that the catalog knows of one query, for people and for programs. */
#include "app/cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- For people ----------------------------------------------------------------------------- */

static void show_list(const char *word, const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%s%s%s", i ? ", " : word, items[i], i + 1 < count ? "" : "\n");
}

/* What its headers say of who may run it and how, as they say it. */
static void show_policy(const cdbc_query_info *q)
{
	show_list("dialect: ", q->dialects, q->dialect_count);
	show_list("roles: ", q->roles, q->role_count);
	if (q->is_declared_read_only)
		printf("read-only\n");
	if (q->may_lose_condition)
		printf("allow-all-rows\n");
	if (q->timeout_ms)
		printf("timeout: %lldms\n", (long long)q->timeout_ms);
	if (q->max_rows)
		printf("max-rows: %lld\n", (long long)q->max_rows);
	if (q->cache_ms)
		printf("cache: %lldms\n", (long long)q->cache_ms);
	if (q->retry_count >= 0)
		printf("retry: %lld\n", (long long)q->retry_count);
	if (q->isolation)
		printf("isolation: %s\n", q->isolation);
	if (q->priority)
		printf("priority: %s\n", q->priority);
	if (q->as_of)
		printf("as of: %s (a note where the database cannot read the past)\n", q->as_of);
	if (q->is_idempotent)
		printf("idempotent\n");
	if (q->deprecated)
		printf("deprecated: %s\n", q->deprecated);
}

static void show_one(const cdbc_query_info *q)
{
	printf("%s  %s  %s%s\n%s:%lld\n", q->name, cdbc_cardinality_name(q->cardinality),
		   cdbc_kind_name(q->kind), q->is_read_only ? ", read only" : "", q->file,
		   (long long)q->line);
	show_policy(q);
	if (q->documentation[0])
		printf("\n%s\n", q->documentation);
	if (q->param_count)
		printf("\nParameters:\n");
	for (size_t i = 0; i < q->param_count; i++) {
		const cdbc_query_param *p = &q->params[i];

		printf("  %-16s %s%s%s%s%s%s%s%s\n", p->name,
			   p->type_name[0] ? p->type_name : "(as the server takes it)",
			   p->is_optional ? "?" : "", p->checks[0] ? " " : "", p->checks,
			   p->default_text ? " = " : "", p->default_text ? p->default_text : "",
			   p->help[0] ? "  -- " : "", p->help);
	}
	if (q->column_count)
		printf("\nColumns:\n");
	for (size_t i = 0; i < q->column_count; i++)
		printf("  %-16s %s\n", q->columns[i].name, q->columns[i].type_name);
	printf("\n%s\n", q->sql);
}

/* ---- For programs --------------------------------------------------------------------------- */

/* A member after some bytes; null: it is not given. */
static void put_pair(const char *before, const char *name, const char *text)
{
	printf("%s\"%s\":", before, name);
	if (text)
		cli_put_json(stdout, text, strlen(text));
	else
		fputs("null", stdout);
}

static void put_text(const char *name, const char *text)
{
	put_pair(",\n ", name, text);
}

static void put_number(const char *name, int64_t number, bool is_given)
{
	if (is_given)
		printf(",\n \"%s\":%lld", name, (long long)number);
	else
		put_text(name, NULL);
}

static void put_bool(const char *name, bool is_so)
{
	printf(",\n \"%s\":%s", name, is_so ? "true" : "false");
}

static void put_list(const char *before, const char *name, const char *const *items, size_t count)
{
	printf("%s\"%s\":[", before, name);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? "," : "", stdout);
		cli_put_json(stdout, items[i], strlen(items[i]));
	}
	putchar(']');
}

static void put_params(const cdbc_query_info *q)
{
	printf(",\n \"parameters\":[");
	for (size_t i = 0; i < q->param_count; i++) {
		const cdbc_query_param *p = &q->params[i];

		put_pair(i ? ",\n  {" : "\n  {", "name", p->name);
		put_pair(",", "type", p->type_name[0] ? p->type_name : NULL);
		printf(",\"optional\":%s", p->is_optional ? "true" : "false");
		put_pair(",", "default", p->default_text);
		put_pair(",", "checks", p->checks[0] ? p->checks : NULL);
		put_pair(",", "help", p->help[0] ? p->help : NULL);
		putchar('}');
	}
	printf("],\n \"columns\":[");
	for (size_t i = 0; i < q->column_count; i++) {
		put_pair(i ? ",\n  {" : "\n  {", "name", q->columns[i].name);
		put_pair(",", "type", q->columns[i].type_name);
		putchar('}');
	}
	putchar(']');
}

static void put_one(const cdbc_query_info *q)
{
	put_pair("{\n ", "name", q->name);
	put_text("file", q->file);
	put_number("line", q->line, true);
	put_text("mark", cdbc_cardinality_name(q->cardinality));
	put_text("kind", cdbc_kind_name(q->kind));
	put_bool("read_only", q->is_read_only);
	put_bool("declared_read_only", q->is_declared_read_only);
	put_bool("idempotent", q->is_idempotent);
	put_bool("allow_all_rows", q->may_lose_condition);
	put_list(",\n ", "dialects", q->dialects, q->dialect_count);
	put_list(",\n ", "roles", q->roles, q->role_count);
	put_number("timeout_ms", q->timeout_ms, q->timeout_ms != 0);
	put_number("max_rows", q->max_rows, q->max_rows != 0);
	put_number("cache_ms", q->cache_ms, q->cache_ms != 0);
	put_number("retry", q->retry_count, q->retry_count >= 0);
	put_text("isolation", q->isolation);
	put_text("priority", q->priority);
	put_text("as_of", q->as_of);
	put_text("deprecated", q->deprecated);
	put_text("documentation", q->documentation);
	put_params(q);
	put_text("sql", q->sql);
	puts("\n}");
}

/* ---- The statements that it may become ------------------------------------------------------ */

static bool print_variant(void *data, const cdbc_query_variant *variant)
{
	(void)data;
	printf("-- %zu of %zu%s%s\n%s;\n%s", variant->index + 1, variant->count,
		   variant->when[0] ? ": " : "", variant->when, variant->sql,
		   variant->index + 1 < variant->count ? "\n" : "");
	return true;
}

static bool put_variant(void *data, const cdbc_query_variant *variant)
{
	(void)data;
	put_pair(variant->index ? ",\n {" : "[\n {", "when", variant->when[0] ? variant->when : NULL);
	put_pair(",", "sql", variant->sql);
	put_list(",", "parameters", variant->params, variant->param_count);
	fputs(variant->index + 1 < variant->count ? "}" : "}\n]\n", stdout);
	return true;
}

/* ---- The command ---------------------------------------------------------------------------- */

static int show(const cli_args *args, const cdbc_catalog *catalog, bool is_json)
{
	cdbc_query_info info = {.struct_size = sizeof info};
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_catalog_get(catalog, args->words[1], &info, &error);

	if (!status && args->is_expanded)
		status = cdbc_catalog_expand(catalog, args->words[1], args->dialect,
									 is_json ? put_variant : print_variant, NULL, &error);
	else if (!status && is_json)
		put_one(&info);
	else if (!status)
		show_one(&info);
	return status ? cli_fail(error, status, false, NULL) : EXIT_OK;
}

int cli_queries_show(cli_args *args)
{
	bool is_json = args->format && strcmp(args->format, "json") == 0;
	const char **paths = NULL;
	cdbc_catalog *catalog = NULL;
	size_t count = 0;
	char *words = NULL;
	int code;

	if (args->word_count < 2)
		return cli_usage(&cli_queries, "show: give the name of a query");
	if (args->dialect && !args->is_expanded)
		return cli_usage(&cli_queries, "show: --dialect NAME wants --expand");
	if (args->format && !is_json)
		return cli_usage(&cli_queries, "show: -o json, or nothing");
	code = cli_query_folders(args, 2, &paths, &count, &words);
	if (!code)
		code = cli_query_load(args, paths, count, &catalog);
	if (!code)
		code = show(args, catalog, is_json);
	cdbc_catalog_free(catalog);
	free(paths);
	free(words);
	return code;
}
