// SPDX-License-Identifier: Apache-2.0
/* From the SQL that is sent back to the SQL as written: placeholders and optional parts shift what
 * a server counts. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/check/check.h"

#include <string.h>

/* Declarations as the catalog gave them to the parser: the rules', then the server's. */
static cx_param_decl *make_decls(const cx_record *record, size_t *count)
{
	size_t n = 4;
	cx_param_decl *decls;

	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next)
		n++;
	decls = cx_calloc(n, sizeof *decls);
	if (!decls)
		return NULL;
	n = 0;
	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next)
		decls[n++] = (cx_param_decl){rule->info.name, rule->info.type};
	memcpy(decls + n, cx_server_decls, sizeof cx_server_decls);
	*count = n + 4;
	return decls;
}

/* In the text of a variant, before it has placeholders, then in the template. */
static cdbc_status variant_origin(const cx_record *record, const cx_check_statement *s,
								  size_t offset, size_t *out, cdbc_error **err)
{
	const cx_variants *v = record->variants;
	const char *names[CX_SWITCHES_MAX];
	cx_buf text = CX_BUF_INIT(CX_TEMPLATE_MAX_BYTES * 2);
	const cx_template_token *token = NULL;
	cdbc_status status;
	size_t at = 0;

	cx_variants_names(v, s->states, names);
	status = cx_template_render(&v->tmpl, s->states, names, &text, NULL, err);
	if (!status)
		status = cx_statement_origin(text.data, text.length, s->dialect, v->decls, v->decl_count,
									 offset, &at, err);
	if (!status)
		status = cx_template_origin(&v->tmpl, s->states, names, at, &token, err);
	cx_buf_free(&text);
	if (!status)
		*out = token ? token->offset : v->tmpl.length;
	return status;
}

cdbc_status cx_check_origin(const cx_check *check, const cx_check_statement *s, size_t offset,
							cx_place *out)
{
	const cx_record *record = check->record;
	const char *sql = record->parsed_sql;
	cx_param_decl *decls;
	size_t count = 0, at = 0, past = s->statement ? s->statement->past_length : 0;
	cdbc_status status = CDBC_OK;

	if (past && offset > s->statement->past_offset) /* the time is no part of what was written */
		offset =
			offset < s->statement->past_offset + past ? s->statement->past_offset : offset - past;
	if (!s->statement) {
		at = s->base + offset;
	} else if (s->states) {
		status = variant_origin(record, s, offset, &at, check->err);
	} else {
		decls = make_decls(record, &count);
		if (!decls)
			return cx_error_nomem(check->err);
		status = cx_statement_origin(sql, strlen(sql), s->dialect, decls, count, offset, &at,
									 check->err);
		cx_free(decls);
	}
	if (!status)
		*out = cx_check_sql_place(check, at);
	return status;
}

/* FNV-1a: kept in files, so it may not change. Carriage returns do not count: a file checked out
 * with other line ends is the same. */
static uint64_t add_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		if (*text != '\r')
			hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

uint64_t cx_check_hash(const cx_record *record)
{
	uint64_t hash = add_text(UINT64_C(0xcbf29ce484222325), record->query.info.sql);

	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next) {
		hash = add_text(hash, rule->info.name);
		hash = add_text(hash, rule->info.type_name);
		for (size_t i = 0; rule->is_ident && i < rule->choice_count; i++)
			hash = add_text(hash, rule->names[i]);
	}
	return hash;
}
