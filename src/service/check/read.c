// SPDX-License-Identifier: Apache-2.0
/* Descriptions from a file, which may come from anywhere: every wrong thing in it is an error with
 * its place. JSON is YAML, and the reader of that knows where everything stands. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "infra/config/yaml.h"
#include "service/check/check.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX    (256u << 20)
#define QUERIES_MAX 100000 /* also columns of a statement and so on */

typedef struct reader {
	const char *path;
	cdbc_descriptions *into;
	cdbc_error **err;
} reader;

static cdbc_status fail_at(const reader *r, int64_t line, int64_t column, const char *format, ...)
	CDBC_PRINTF(4, 5);
static cdbc_status fail_at(const reader *r, int64_t line, int64_t column, const char *format, ...)
{
	char message[500];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	cx_error_set(r->err, CDBC_CONFIG, "%s:%lld:%lld: %s", r->path, (long long)line,
				 (long long)column, message);
	cx_error_place(r->err, r->path, line, column);
	cx_error_hint(r->err, "write it again: cdbc queries check --online --save FILE");
	return CDBC_CONFIG;
}

static cdbc_status fail(const reader *r, const cx_yaml *node, const char *message)
{
	return fail_at(r, node->line, node->column, "%s", message);
}

/* ---- Members -------------------------------------------------------------------------------- */

/* A mapping's members by name, in the order of names; the first `needed` must be there. */
static cdbc_status take_members(const reader *r, const cx_yaml *node, const char *const *names,
								size_t count, size_t needed, const cx_yaml **out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = NULL;
	if (node->kind != CX_YAML_MAPPING)
		return fail(r, node, "not an object");
	for (const cx_yaml *n = node->first; n; n = n->next) {
		size_t i = 0;

		while (i < count && strcmp(names[i], n->key) != 0)
			i++;
		if (i == count)
			return fail_at(r, n->key_line, n->key_column, "unknown member \"%.100s\"", n->key);
		out[i] = n;
	}
	for (size_t i = 0; i < needed; i++)
		if (!out[i])
			return fail_at(r, node->line, node->column, "member \"%s\" is missing", names[i]);
	return CDBC_OK;
}

static cdbc_status want_text(const reader *r, const cx_yaml *node)
{
	return node->kind == CX_YAML_SCALAR ? CDBC_OK : fail(r, node, "not a text");
}

static cdbc_status want_list(const reader *r, const cx_yaml *node)
{
	return node->kind == CX_YAML_SEQUENCE ? CDBC_OK : fail(r, node, "not an array");
}

static cdbc_status read_hash(const reader *r, const cx_yaml *node, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t hash = 0;
	cdbc_status status = want_text(r, node);

	if (status)
		return status;
	if (node->length != 16 || strspn(node->text, digits) != 16)
		return fail(r, node, "not a hash of 16 digits");
	for (size_t i = 0; i < 16; i++)
		hash = hash << 4 | (uint64_t)(strchr(digits, node->text[i]) - digits);
	*out = hash;
	return CDBC_OK;
}

static cdbc_status read_count(const reader *r, const cx_yaml *node, size_t *out)
{
	int64_t count = 0;
	cdbc_status status = want_text(r, node);

	if (status)
		return status;
	if (!cx_text_int64(node->text, node->length, 1, CX_VARIANTS_MAX, &count))
		return fail_at(r, node->line, node->column, "not a number from 1 to %d", CX_VARIANTS_MAX);
	*out = (size_t)count;
	return CDBC_OK;
}

/* ---- Queries -------------------------------------------------------------------------------- */

static cdbc_status read_column(const reader *r, const cx_yaml *node, cx_described_column *out)
{
	static const char *const names[] = {"name", "type"};
	const cx_yaml *m[2];
	cdbc_status status = take_members(r, node, names, 2, 2, m);

	for (size_t i = 0; i < 2 && !status; i++)
		status = want_text(r, m[i]);
	if (!status)
		*out = (cx_described_column){m[0]->text, m[1]->text};
	return status;
}

static cdbc_status read_params(const reader *r, const cx_yaml *node, cx_described_query *query)
{
	cdbc_status status = want_list(r, node);
	cx_described_column param;

	for (const cx_yaml *n = node->first; n && !status; n = n->next) {
		if (query->param_count >= UINT16_MAX)
			return fail(r, n, "more parameters than a statement can have");
		status = read_column(r, n, &param);
		if (!status && cx_described_param_type(query, param.name))
			return fail_at(r, n->line, n->column, "parameter \"%.100s\" stands here twice",
						   param.name);
		if (!status && !cx_described_add_param(r->into, query, param.name, param.type))
			status = cx_error_nomem(r->err);
	}
	return status;
}

static cdbc_status read_result(const reader *r, const cx_yaml *node, cx_described_query *query)
{
	static const char *const names[] = {"columns", "when"};
	const cx_yaml *m[2];
	cx_described_column *columns;
	cdbc_status status = take_members(r, node, names, 2, 1, m);
	size_t count = 0;

	if (!status)
		status = want_list(r, m[0]);
	if (!status && m[1])
		status = want_text(r, m[1]);
	if (status)
		return status;
	columns = cx_calloc(m[0]->count + 1, sizeof *columns);
	if (!columns)
		return cx_error_nomem(r->err);
	for (const cx_yaml *n = m[0]->first; n && !status; n = n->next)
		status = read_column(r, n, &columns[count++]);
	if (!status && !cx_described_add_result(r->into, query, m[1] ? m[1]->text : "", columns, count))
		status = cx_error_nomem(r->err);
	cx_free(columns);
	return status;
}

static cdbc_status read_query(const reader *r, const cx_yaml *node)
{
	static const char *const names[] = {"name", "hash", "variants", "parameters", "results"};
	const cx_yaml *m[5];
	cx_described_query *query;
	cdbc_status status = take_members(r, node, names, 5, 5, m);

	if (!status)
		status = want_text(r, m[0]);
	if (status)
		return status;
	query = cx_descriptions_add(r->into, m[0]->text);
	if (!query)
		return cx_error_nomem(r->err);
	query->line = m[0]->line;
	query->column = m[0]->column;
	status = read_hash(r, m[1], &query->hash);
	if (!status)
		status = read_count(r, m[2], &query->variant_count);
	if (!status)
		status = read_params(r, m[3], query);
	if (!status)
		status = want_list(r, m[4]);
	if (!status && m[4]->count > CX_VARIANTS_MAX)
		status = fail(r, m[4], "more results than a query can have");
	for (const cx_yaml *n = status ? NULL : m[4]->first; n && !status; n = n->next)
		status = read_result(r, n, query);
	return status;
}

static cdbc_status check_names(const reader *r)
{
	const cdbc_descriptions *d = r->into;

	for (size_t i = 1; i < d->count; i++)
		if (strcmp(d->queries[i - 1].name, d->queries[i].name) == 0)
			return fail_at(r, d->queries[i].line, d->queries[i].column,
						   "query \"%.120s\" stands here twice", d->queries[i].name);
	return CDBC_OK;
}

static cdbc_status read_root(const reader *r, const cx_yaml *root)
{
	static const char *const names[] = {"format", "dialect", "server", "queries"};
	const cx_yaml *m[4];
	cdbc_status status = take_members(r, root, names, 4, 4, m);

	for (size_t i = 0; i < 3 && !status; i++)
		status = want_text(r, m[i]);
	if (status)
		return status;
	if (strcmp(m[0]->text, "cdbc-descriptions-1") != 0)
		return fail(r, m[0], "not a form that is known here: \"cdbc-descriptions-1\"");
	if (!cx_dialect_find(m[1]->text, strlen(m[1]->text)))
		return fail(r, m[1], "no dialect: cockroachdb, postgresql, sqlite");
	r->into->dialect = cx_arena_strdup(&r->into->arena, m[1]->text);
	r->into->server = cx_arena_strdup(&r->into->arena, m[2]->text);
	if (!r->into->dialect || !r->into->server)
		return cx_error_nomem(r->err);
	status = want_list(r, m[3]);
	for (const cx_yaml *n = m[3]->first; n && !status; n = n->next)
		status = read_query(r, n);
	if (status)
		return status;
	cx_descriptions_sort(r->into);
	return check_names(r);
}

static cdbc_status read_text(const reader *r, const cx_buf *text)
{
	cx_arena arena = CX_ARENA_INIT;
	cx_yaml_problem problem;
	cx_yaml *root = NULL;
	cdbc_status status = cx_yaml_read_large(text->data ? text->data : "", text->length, FILE_MAX,
											QUERIES_MAX, &arena, &root, &problem);

	if (status == CDBC_CONFIG)
		fail_at(r, problem.line, problem.column, "%s", problem.text);
	else if (status)
		cx_error_nomem(r->err);
	else if (!root)
		status = fail_at(r, 1, 1, "the file is empty");
	else
		status = read_root(r, root);
	cx_arena_free(&arena);
	return status;
}

cdbc_status cdbc_descriptions_load(const char *path, cdbc_descriptions **out, cdbc_error **err)
{
	cx_buf text = CX_BUF_INIT((size_t)FILE_MAX + 65536 + 1);
	cdbc_descriptions *d = NULL;
	reader r = {path, NULL, err};
	cdbc_status status = cx_descriptions_new(&d, err);

	r.into = d;
	if (!status)
		status = cx_check_read(path, &text, err);
	if (!status && !(d->file = cx_arena_strdup(&d->arena, path)))
		status = cx_error_nomem(err);
	if (!status)
		status = read_text(&r, &text);
	cx_buf_free(&text);
	if (status)
		cdbc_descriptions_free(d);
	else
		*out = d;
	return status;
}
