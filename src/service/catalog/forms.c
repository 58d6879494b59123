// SPDX-License-Identifier: Apache-2.0
/* Statements that are one dialect's own: those of a dialect with placeholders of its own, and those
 * that are read as of a time. Made when they are wanted first, and kept in a list at the query that
 * grows at its head. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/catalog/internal.h"

#include <stdatomic.h>
#include <string.h>

typedef _Atomic(cx_form *) form_head;

/* A query does not change, but this list of what was made of it grows. */
static form_head *head_of(const cx_record *record)
{
	return (form_head *)(uintptr_t)&record->forms;
}

static void free_form(cx_form *form)
{
	for (size_t i = 0; i < form->count; i++) {
		cx_variant *variant = atomic_load(&form->made[i]);

		if (variant)
			cx_statement_unref(variant->statement);
		cx_free(variant);
	}
	cx_free(form);
}

void cx_forms_free(cx_form *forms)
{
	while (forms) {
		cx_form *next = forms->next;

		free_form(forms);
		forms = next;
	}
}

static cx_form *find(cx_form *form, const cx_dialect *dialect)
{
	while (form && form->dialect != dialect)
		form = form->next;
	return form;
}

const cx_variant *cx_form_made(const cx_record *record, size_t index, const cx_dialect *dialect)
{
	cx_form *form = find(atomic_load_explicit(head_of(record), memory_order_acquire), dialect);

	return form ? atomic_load_explicit(&form->made[index], memory_order_acquire) : NULL;
}

static cdbc_status add_form(const cx_record *record, const cx_dialect *dialect, cx_form **out,
							cdbc_error **err)
{
	size_t count = record->variants ? record->variants->count : 1;
	cx_form *form = cx_calloc(1, sizeof *form + count * sizeof *form->made), *there;

	if (!form)
		return cx_error_nomem(err);
	form->dialect = dialect;
	form->count = count;
	form->next = atomic_load(head_of(record));
	do {
		there = find(form->next, dialect);
		if (there) { /* another thread was faster */
			cx_free(form);
			form = there;
			break;
		}
	} while (!atomic_compare_exchange_weak(head_of(record), &form->next, form));
	*out = form;
	return CDBC_OK;
}

cdbc_status cx_record_decls(const cx_record *record, cx_param_decl **out, size_t *count,
							cdbc_error **err)
{
	size_t n = sizeof cx_server_decls / sizeof *cx_server_decls;
	cx_param_decl *decls;

	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next)
		n++;
	decls = cx_calloc(n, sizeof *decls);
	if (!decls)
		return cx_error_nomem(err);
	*count = n;
	n = 0;
	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next)
		decls[n++] = (cx_param_decl){rule->info.name, rule->info.type};
	memcpy(decls + n, cx_server_decls, sizeof cx_server_decls);
	*out = decls;
	return CDBC_OK;
}

/* The only statement of a query, with a dialect's own placeholders. */
static cdbc_status make_only(const cx_record *record, const cx_dialect *dialect, cx_statement **out,
							 cdbc_error **err)
{
	const char *sql = record->read_sql;
	cx_param_decl *decls;
	size_t count;
	cdbc_status status = cx_record_decls(record, &decls, &count, err);

	if (status)
		return status;
	status = cx_statement_parse(sql, strlen(sql), dialect, decls, count, out, err);
	cx_free(decls);
	if (!status)
		(*out)->flags = record->query.statement->flags;
	return status;
}

/* The statement, but for the time it is read at. Counted. */
static cdbc_status make_plain(const cx_record *record, size_t index, const cx_dialect *dialect,
							  cx_statement **out, cdbc_error **err)
{
	cx_variant *variant;
	cdbc_status status;

	if (record->variants) {
		status = cx_variant_make(record, index, dialect, &variant, err);
		if (!status) {
			*out = variant->statement;
			cx_free(variant);
		}
		return status;
	}
	if (dialect->form == CX_FORM_OWN)
		return make_only(record, dialect, out, err);
	*out = cx_statement_ref(dialect->form == CX_FORM_QUESTION ? record->query.statement_qmark
															  : record->query.statement);
	return CDBC_OK;
}

/* Where a text with a time differs from the one without. */
static void note_past(cx_statement *past, const cx_statement *plain)
{
	size_t i = 0;

	while (i < plain->sql_length && i < past->sql_length && plain->sql[i] == past->sql[i])
		i++;
	past->past_offset = i;
	past->past_length =
		past->sql_length > plain->sql_length ? past->sql_length - plain->sql_length : 0;
}

static cdbc_status put_time(const cx_record *record, const cx_dialect *dialect,
							cx_statement **statement, cdbc_error **err)
{
	cx_statement *plain = *statement;
	cx_buf text = CX_BUF_INIT(CX_FILE_MAX * 2);
	cdbc_sink sink = cx_dialect_sink(&text);
	cdbc_error *error = NULL;
	cdbc_status status = dialect->api.as_of(&dialect->api, plain->sql, plain->sql_length,
											record->query.info.as_of, &sink, &error);

	if (status)
		status = cx_dialect_failed(dialect, "as_of", status, error, err);
	else
		status = cx_buf_status(&text, "the statement", err);
	if (!status)
		status =
			cx_statement_rewrite(plain, text.data ? text.data : "", text.length, statement, err);
	if (!status) {
		note_past(*statement, plain);
		cx_statement_unref(plain);
	}
	cx_buf_free(&text);
	return status;
}

cdbc_status cx_form_get(const cx_record *record, size_t index, const cx_dialect *dialect,
						const cx_variant **out, cdbc_error **err)
{
	cx_form *form = find(atomic_load_explicit(head_of(record), memory_order_acquire), dialect);
	cx_statement *statement = NULL;
	cx_variant *variant = NULL;
	cdbc_status status = CDBC_OK;

	if (!form)
		status = add_form(record, dialect, &form, err);
	if (!status)
		variant = atomic_load_explicit(&form->made[index], memory_order_acquire);
	if (variant) {
		*out = variant;
		return CDBC_OK;
	}
	if (!status)
		status = make_plain(record, index, dialect, &statement, err);
	if (!status && record->query.info.as_of && dialect->api.as_of)
		status = put_time(record, dialect, &statement, err);
	if (!status) {
		status = cx_variant_of(record, statement, &variant, err);
		statement = NULL; /* taken over */
	}
	if (!status)
		*out = cx_variant_keep(&form->made[index], variant);
	cx_statement_unref(statement);
	return status;
}
