// SPDX-License-Identifier: Apache-2.0
/* From the SQL that is sent back to a query's SQL as written: placeholders, optional parts and the
 * time that is put in shift what a server counts. */
#include "base/alloc.h"
#include "base/buf.h"
#include "service/catalog/internal.h"

#include <string.h>

/* In the text of a variant, before it has placeholders, then in the template. */
static cdbc_status variant_origin(const cx_record *record, const uint8_t *states,
								  const cx_dialect *dialect, size_t offset, size_t *out,
								  cdbc_error **err)
{
	const cx_variants *v = record->variants;
	const char *names[CX_SWITCHES_MAX];
	cx_buf text = CX_BUF_INIT(CX_TEMPLATE_MAX_BYTES * 2);
	const cx_template_token *token = NULL;
	cdbc_status status;
	size_t at = 0;

	cx_variants_names(v, states, names);
	status = cx_template_render(&v->tmpl, states, names, &text, NULL, err);
	if (!status)
		status = cx_statement_origin(text.data, text.length, dialect, v->decls, v->decl_count,
									 offset, &at, err);
	if (!status)
		status = cx_template_origin(&v->tmpl, states, names, at, &token, err);
	cx_buf_free(&text);
	if (!status)
		*out = token ? token->offset : v->tmpl.length;
	return status;
}

static cdbc_status only_origin(const cx_record *record, const cx_dialect *dialect, size_t offset,
							   size_t *out, cdbc_error **err)
{
	cx_param_decl *decls;
	size_t count;
	cdbc_status status = cx_record_decls(record, &decls, &count, err);

	if (status)
		return status;
	status = cx_statement_origin(record->parsed_sql, strlen(record->parsed_sql), dialect, decls,
								 count, offset, out, err);
	cx_free(decls);
	return status;
}

cdbc_status cx_record_origin(const cx_record *record, const cx_statement *statement,
							 const uint8_t *states, const cx_dialect *dialect, size_t offset,
							 size_t *out, cdbc_error **err)
{
	size_t past = statement->past_offset, length = statement->past_length;

	if (length && offset > past) /* the time is no part of what was written */
		offset = offset < past + length ? past : offset - length;
	return states ? variant_origin(record, states, dialect, offset, out, err)
				  : only_origin(record, dialect, offset, out, err);
}

cx_place cx_record_place(const cx_record *record, size_t offset)
{
	const char *sql = record->query.info.sql;
	cx_place place = record->sql;

	for (size_t i = 0; i < offset && sql[i]; i++)
		if (sql[i] == '\n') {
			place.line++;
			place.line_start = record->sql.offset + i + 1;
		}
	place.offset = record->sql.offset + offset;
	return place;
}

/* What decided that the query became this statement; NULL: nothing, or it is none of its. */
static const uint8_t *states_of(const cx_record *record, const cx_statement *statement,
								const cx_dialect *dialect)
{
	const cx_variants *v = record->variants;

	for (size_t i = 0; v && i < v->count; i++) {
		const cx_variant *variant = cx_variant_made(record, i, dialect);

		if (variant && variant->statement == statement)
			return v->states + i * v->switch_count;
	}
	return NULL;
}

bool cx_query_origin(const cx_query *query, const cx_statement *statement,
					 const cx_dialect *dialect, size_t offset, cx_query_place *out)
{
	const cx_record *record = (const cx_record *)query;
	const uint8_t *states = states_of(record, statement, dialect);
	const char *sql = query->info.sql;
	size_t at;
	cx_place place;

	if ((record->variants && !states) ||
		cx_record_origin(record, statement, states, dialect, offset, &at, NULL))
		return false;
	place = cx_record_place(record, at);
	out->position = (int64_t)cx_column(sql, 0, at);
	out->line = (int64_t)place.line;
	out->column = place.line == record->sql.line
					  ? out->position + (int64_t)record->sql_column - 1
					  : (int64_t)cx_column(sql, place.line_start - record->sql.offset, at);
	return true;
}
