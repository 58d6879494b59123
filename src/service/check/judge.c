// SPDX-License-Identifier: Apache-2.0
/* What a server says of a query against what its headers say: parameters' types, the mark,
 * `column:` lines. The same rules for a server that was asked now and for one that was asked
 * before. */
#include "base/error.h"
#include "data/sql/types.h"
#include "service/check/check.h"

#include <stdio.h>
#include <string.h>

/* Types that turn into each other without a word. */
typedef enum family { ANY, BOOL, NUMBER, TEXT, JSON, BYTES, DATE, TIME, INTERVAL, UUID } family;

static family family_of(cdbc_type_id id)
{
	switch (id) {
	case CDBC_TYPE_BOOL:
		return BOOL;
	case CDBC_TYPE_INT2:
	case CDBC_TYPE_INT4:
	case CDBC_TYPE_INT8:
	case CDBC_TYPE_FLOAT4:
	case CDBC_TYPE_FLOAT8:
	case CDBC_TYPE_NUMERIC:
		return NUMBER;
	case CDBC_TYPE_TEXT:
		return TEXT;
	case CDBC_TYPE_JSON:
		return JSON;
	case CDBC_TYPE_BYTES:
		return BYTES;
	case CDBC_TYPE_DATE:
	case CDBC_TYPE_TIMESTAMP:
	case CDBC_TYPE_TIMESTAMPTZ:
		return DATE;
	case CDBC_TYPE_TIME:
		return TIME;
	case CDBC_TYPE_INTERVAL:
		return INTERVAL;
	case CDBC_TYPE_UUID:
		return UUID;
	default:
		return ANY;
	}
}

static cdbc_type type_of(const char *words)
{
	cdbc_type type = {CDBC_TYPE_UNKNOWN, false, -1, -1};

	if (words[0] && cx_type_parse(words, strlen(words), &type, NULL))
		type = (cdbc_type){CDBC_TYPE_UNKNOWN, false, -1, -1};
	return type;
}

bool cx_check_types_agree(cdbc_type declared, const char *said)
{
	cdbc_type type = type_of(said);
	family a = family_of(declared.id), b = family_of(type.id);

	return a == ANY || b == ANY || (a == b && declared.is_array == type.is_array);
}

/* Text is also what a server takes a parameter to be when nothing tells: `select :a`. Only where a
 * value is stored does it mean that. */
static bool is_evidence(const cx_record *record, const char *said)
{
	cdbc_type type = type_of(said);

	return type.id != CDBC_TYPE_TEXT || type.is_array || record->query.info.kind == CDBC_KIND_DML;
}

static cdbc_status judge_params(cx_check *check, const cx_described_query *query)
{
	cdbc_status status = CDBC_OK;

	for (const cx_param_rule *rule = check->record->rules; rule && !status; rule = rule->next) {
		const char *said = rule->is_ident ? NULL : cx_described_param_type(query, rule->info.name);

		if (said && is_evidence(check->record, said) &&
			!cx_check_types_agree(rule->info.type, said))
			status =
				cx_check_tell(check, CX_WARNING, rule->place, "type-differs",
							  "declare it as that, or cast it where it is used", "",
							  "parameter \"%s\" is declared %s, but the server takes it to be %s",
							  rule->info.name, rule->info.type_name, said);
	}
	return status;
}

/* ---- The mark ------------------------------------------------------------------------------- */

static cdbc_status tell_mark(cx_check *check, cx_severity severity, const cx_described_result *r,
							 const char *hint, const char *text)
{
	return cx_check_tell(check, severity, check->record->place, "mark", hint, r->when,
						 "marked %s, but %s",
						 cdbc_cardinality_name(check->record->query.info.cardinality), text);
}

static cdbc_status judge_mark(cx_check *check, const cx_described_result *r)
{
	const bool has_rows = r->column_count != 0;

	if (!check->record->has_mark)
		return CDBC_OK;
	switch (check->record->query.info.cardinality) {
	case CDBC_MANY:
	case CDBC_ONE:
	case CDBC_ZERO_OR_ONE:
	case CDBC_RETURNING:
		return has_rows ? CDBC_OK
						: tell_mark(check, CX_ERROR, r, "mark it :exec, or add `returning`",
									"it returns no rows");
	case CDBC_SCALAR:
		if (!has_rows)
			return tell_mark(check, CX_ERROR, r, "mark it :exec, or add `returning`",
							 "it returns no rows");
		return r->column_count == 1 ? CDBC_OK
									: tell_mark(check, CX_WARNING, r, "select one column",
												"it returns more than one column");
	case CDBC_EXEC:
	case CDBC_EXEC_ROWS:
	case CDBC_BATCH:
		return !has_rows ? CDBC_OK
						 : tell_mark(check, CX_WARNING, r, "mark it :many or :one",
									 "it returns rows, which nobody reads");
	default:
		return CDBC_OK;
	}
}

/* ---- Columns -------------------------------------------------------------------------------- */

static const char *find_column(const cx_described_query *query, const char *name)
{
	for (size_t i = 0; i < query->result_count; i++)
		for (size_t k = 0; k < query->results[i].column_count; k++)
			if (strcmp(query->results[i].columns[k].name, name) == 0)
				return query->results[i].columns[k].type;
	return NULL;
}

/* "its columns are: a, b" */
static void list_columns(const cx_described_query *query, char *out, size_t size)
{
	const cx_described_result *r = &query->results[0];
	size_t at = (size_t)snprintf(out, size, r->column_count ? "its columns are:" : "it has none");

	for (size_t i = 0; i < r->column_count && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s %s", i ? "," : "", r->columns[i].name);
}

static cdbc_status judge_columns(cx_check *check, const cx_described_query *query)
{
	const cx_query *q = &check->record->query;
	cdbc_status status = CDBC_OK;
	char hint[300];

	for (size_t i = 0; i < q->column_count && !status; i++) {
		const char *name = q->columns[i].name, *said = find_column(query, name);

		if (!said) {
			list_columns(query, hint, sizeof hint);
			status = cx_check_tell(check, CX_ERROR, cx_check_column_place(check, name), "column",
								   hint, "", "the query returns no column \"%s\"", name);
		} else if (!cx_check_types_agree(q->columns[i].type, said)) {
			status =
				cx_check_tell(check, CX_WARNING, cx_check_column_place(check, name), "type-differs",
							  NULL, "", "column \"%s\" is declared %s%s, but the server says %s",
							  name, cdbc_type_name(q->columns[i].type.id),
							  q->columns[i].type.is_array ? "[]" : "", said);
		}
	}
	return status;
}

cdbc_status cx_check_judge(cx_check *check, const cx_described_query *query)
{
	cdbc_status status = judge_params(check, query);

	for (size_t i = 0; i < query->result_count && !status; i++)
		status = judge_mark(check, &query->results[i]);
	if (!status && query->result_count)
		status = judge_columns(check, query);
	return status;
}
