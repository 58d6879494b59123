// SPDX-License-Identifier: Apache-2.0
/* What a server said of queries, in memory. Reading and writing it as a file are in read.c and
 * write.c. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/check/check.h"

#include <stdlib.h>
#include <string.h>

cdbc_status cx_descriptions_new(cdbc_descriptions **out, cdbc_error **err)
{
	cdbc_descriptions *d = cx_calloc(1, sizeof *d);

	if (!d)
		return cx_error_nomem(err);
	d->dialect = d->server = "";
	*out = d;
	return CDBC_OK;
}

void cdbc_descriptions_free(cdbc_descriptions *descriptions)
{
	if (!descriptions)
		return;
	for (size_t i = 0; i < descriptions->count; i++) {
		cx_free(descriptions->queries[i].params);
		cx_free(descriptions->queries[i].results);
	}
	cx_free(descriptions->queries);
	cx_arena_free(&descriptions->arena);
	cx_free(descriptions);
}

cx_described_query *cx_descriptions_add(cdbc_descriptions *d, const char *name)
{
	const char *copy = cx_arena_strdup(&d->arena, name);

	if (!copy || !cx_grow(&d->queries, d->count, &d->capacity, sizeof *d->queries))
		return NULL;
	memset(&d->queries[d->count], 0, sizeof *d->queries);
	d->queries[d->count].name = copy;
	return &d->queries[d->count++];
}

const char *cx_described_param_type(const cx_described_query *query, const char *name)
{
	for (size_t i = 0; i < query->param_count; i++)
		if (strcmp(query->params[i].name, name) == 0)
			return query->params[i].type;
	return NULL;
}

bool cx_described_add_param(cdbc_descriptions *d, cx_described_query *query, const char *name,
							const char *type)
{
	cx_described_column param;

	if (cx_described_param_type(query, name))
		return true;
	param.name = cx_arena_strdup(&d->arena, name);
	param.type = cx_arena_strdup(&d->arena, type);
	if (!param.name || !param.type ||
		!cx_grow(&query->params, query->param_count, &query->param_capacity, sizeof *query->params))
		return false;
	query->params[query->param_count++] = param;
	return true;
}

static bool is_same(const cx_described_result *r, const cx_described_column *columns, size_t count)
{
	if (r->column_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(r->columns[i].name, columns[i].name) != 0 ||
			strcmp(r->columns[i].type, columns[i].type) != 0)
			return false;
	return true;
}

bool cx_described_add_result(cdbc_descriptions *d, cx_described_query *query, const char *when,
							 const cx_described_column *columns, size_t count)
{
	cx_described_column *copy;
	const char *words;

	for (size_t i = 0; i < query->result_count; i++)
		if (is_same(&query->results[i], columns, count))
			return true;
	copy = cx_arena_calloc(&d->arena, count + 1, sizeof *copy);
	words = cx_arena_strdup(&d->arena, when);
	if (!copy || !words ||
		!cx_grow(&query->results, query->result_count, &query->result_capacity,
				 sizeof *query->results))
		return false;
	for (size_t i = 0; i < count; i++) {
		copy[i].name = cx_arena_strdup(&d->arena, columns[i].name);
		copy[i].type = cx_arena_strdup(&d->arena, columns[i].type);
		if (!copy[i].name || !copy[i].type)
			return false;
	}
	query->results[query->result_count++] = (cx_described_result){words, copy, count};
	return true;
}

static int by_name(const void *a, const void *b)
{
	const cx_described_query *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void cx_descriptions_sort(cdbc_descriptions *d)
{
	if (d->count)
		qsort(d->queries, d->count, sizeof *d->queries, by_name);
}

cx_described_query *cx_descriptions_find(const cdbc_descriptions *d, const char *name)
{
	cx_described_query key = {.name = name};

	return d->count ? bsearch(&key, d->queries, d->count, sizeof *d->queries, by_name) : NULL;
}
