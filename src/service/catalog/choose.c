// SPDX-License-Identifier: Apache-2.0
/* A call of a named query: its parameters checked, the statement chosen that they make of it, the
 * values in that statement's order. Nothing is allocated but when a statement is wanted first. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/check.h"
#include "service/catalog/internal.h"

#include <string.h>

const cx_param_decl cx_server_decls[4] = {
	[CX_SERVER_USER] = {"_user", {CDBC_TYPE_TEXT, false, -1, -1}},
	[CX_SERVER_ROLES] = {"_roles", {CDBC_TYPE_TEXT, true, -1, -1}},
	[CX_SERVER_NOW] = {"_now", {CDBC_TYPE_TIMESTAMPTZ, false, -1, -1}},
	[CX_SERVER_REQUEST_ID] = {"_request_id", {CDBC_TYPE_TEXT, false, -1, -1}},
};

int cx_server_param(const char *name, size_t length)
{
	if (length && name[0] == '_')
		for (int i = 0; i < 4; i++)
			if (!strncmp(cx_server_decls[i].name, name, length) && !cx_server_decls[i].name[length])
				return i;
	return -1;
}

bool cx_query_wants_server(const cx_query *query)
{
	return ((const cx_record *)query)->has_server_params;
}

/* With optional parts, for the query's parameters beside the statement's. */
size_t cx_query_room(const cx_query *query)
{
	return query->statement->param_count * (((const cx_record *)query)->variants ? 2 : 1);
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool has_checks(const cx_param_rule *rule)
{
	return rule->choices || rule->min.is_set || rule->max.is_set || rule->length_min >= 0 ||
		   rule->match;
}

static inline cdbc_status bind_one(const cx_param_rule *rule, cdbc_value *value, cdbc_error **err)
{
	cdbc_status status;

	if (rule->is_ident && value->kind == CDBC_VALUE_NULL)
		value->kind = CX_VALUE_MISSING;
	if (value->kind == CX_VALUE_MISSING) {
		if (!rule->has_default && !rule->info.is_optional)
			return cx_error_set(err, CDBC_PARAM, "parameter \"%s\" is missing", rule->info.name);
		*value = rule->has_default ? rule->default_value : cdbc_null();
		value->type = rule->info.type;
		return CDBC_OK;
	}
	if (value->kind == CDBC_VALUE_INT64 && rule->info.type.id == CDBC_TYPE_INT8 &&
		!rule->info.type.is_array)
		value->type = rule->info.type;
	else if ((status = cx_value_check(rule->info.name, rule->info.type, value, value, err)) !=
			 CDBC_OK)
		return status;
	return has_checks(rule) ? cx_rule_check(rule, value, err) : CDBC_OK;
}

static void fill_server(const cx_statement *statement, const cx_server_values *server,
						cdbc_value *values)
{
	for (size_t i = 0; i < statement->param_count; i++) {
		const char *name = statement->params[i].name;
		int which = name ? cx_server_param(name, strlen(name)) : -1;

		if (which < 0)
			continue;
		values[i] = server ? server->values[which] : cdbc_null();
		values[i].type = cx_server_decls[which].type;
	}
}

static cdbc_status check_given(const cx_statement *statement, const cdbc_value *values,
							   cdbc_error **err)
{
	for (size_t i = 0; i < statement->param_count; i++)
		if (values[i].kind == CX_VALUE_MISSING)
			return cx_error_set(err, CDBC_PARAM, "parameter \"%s\" is missing",
								statement->params[i].name ? statement->params[i].name : "$n");
	return CDBC_OK;
}

bool cx_statement_wants_server(const cx_statement *statement)
{
	for (size_t i = 0; i < statement->param_count; i++)
		if (statement->params[i].name && statement->params[i].name[0] == '_')
			return true;
	return false;
}

cdbc_status cx_statement_bind_server(const cx_statement *statement, cdbc_params params,
									 const cx_server_values *server, cdbc_value *values,
									 cdbc_error **err)
{
	cdbc_status status = cx_statement_bind_given(statement, params, values, err);

	if (status)
		return status;
	fill_server(statement, server, values);
	return check_given(statement, values, err);
}

/* The query's parameters, in the order of its statement (or signature). Undeclared ones may stay
 * MISSING. */
static cdbc_status bind_all(const cx_record *record, cdbc_params params,
							const cx_server_values *server, cdbc_value *values, cdbc_error **err)
{
	const cx_statement *statement = record->query.statement;
	cdbc_status status = cx_statement_bind_given(statement, params, values, err);

	if (status)
		return status;
	if (record->has_server_params)
		fill_server(statement, server, values);
	if (record->by_index)
		for (size_t i = 0; i < statement->param_count && !status; i++)
			if (record->by_index[i])
				status = bind_one(record->by_index[i], &values[i], err);
	return status;
}

/* ---- The choice ----------------------------------------------------------------------------- */

static unsigned state_of(const cx_switch *s, const cdbc_value *value)
{
	if (value->kind == CX_VALUE_MISSING || value->kind == CDBC_VALUE_NULL)
		return 0;
	for (size_t i = 0; i < s->value_count; i++)
		if (cx_choice_is(&s->values[i], value))
			return (unsigned)i + 1;
	return (unsigned)s->value_count + 1;
}

static size_t choose(const cx_variants *v, const cdbc_value *values)
{
	int32_t at = v->root;

	while (at >= 0) {
		const cx_node *node = &v->nodes[at];
		const cx_switch *s = &v->switches[node->switch_index];

		at = node->mask >> state_of(s, &values[s->param]) & 1 ? node->yes : node->no;
	}
	return (size_t)~at;
}

cdbc_status cx_variant_make(const cx_record *record, size_t index, const cx_dialect *dialect,
							cx_variant **out, cdbc_error **err)
{
	const cx_variants *v = record->variants;
	const uint8_t *states = v->states + index * v->switch_count;
	const char *names[CX_SWITCHES_MAX];
	cx_buf text = CX_BUF_INIT(CX_TEMPLATE_MAX_BYTES * 2);
	cx_statement *statement = NULL;
	cdbc_status status;

	cx_variants_names(v, states, names);
	status = cx_template_render(&v->tmpl, states, names, &text, NULL, err);
	if (!status)
		status = cx_statement_parse(text.data, text.length, dialect, v->decls, v->decl_count,
									&statement, err);
	cx_buf_free(&text);
	if (status)
		return status;
	statement->flags |= record->flags;
	return cx_variant_of(record, statement, out, err);
}

cdbc_status cx_variant_of(const cx_record *record, cx_statement *statement, cx_variant **out,
						  cdbc_error **err)
{
	const cx_statement *signature = record->query.statement;
	cx_variant *variant =
		cx_alloc(sizeof *variant + statement->param_count * sizeof *variant->params);

	if (!variant) {
		cx_statement_unref(statement);
		return cx_error_nomem(err);
	}
	variant->statement = statement;
	for (size_t i = 0; i < statement->param_count; i++) {
		size_t k = i;

		if (!statement->is_positional)
			for (k = 0; strcmp(signature->params[k].name, statement->params[i].name) != 0; k++)
				;
		variant->params[i] = (uint16_t)k;
	}
	*out = variant;
	return CDBC_OK;
}

const cx_variant *cx_variant_keep(_Atomic(cx_variant *) *slot, cx_variant *variant)
{
	cx_variant *none = NULL;

	if (atomic_compare_exchange_strong(slot, &none, variant))
		return variant;
	cx_statement_unref(variant->statement); /* another thread was faster */
	cx_free(variant);
	return none;
}

static _Atomic(cx_variant *) *slot_of(const cx_record *record, size_t index,
									  const cx_dialect *dialect)
{
	const cx_variants *v = record->variants;

	return &v->made[index + (dialect->form == CX_FORM_QUESTION ? v->count : 0)];
}

const cx_variant *cx_variant_made(const cx_record *record, size_t index, const cx_dialect *dialect)
{
	return cx_form_is_own(record, dialect)
			   ? cx_form_made(record, index, dialect)
			   : atomic_load_explicit(slot_of(record, index, dialect), memory_order_acquire);
}

cdbc_status cx_variant_get(const cx_record *record, size_t index, const cx_dialect *dialect,
						   const cx_variant **out, cdbc_error **err)
{
	_Atomic(cx_variant *) *slot = slot_of(record, index, dialect);
	cx_variant *variant;
	cdbc_status status;

	if (cx_form_is_own(record, dialect))
		return cx_form_get(record, index, dialect, out, err);
	variant = atomic_load_explicit(slot, memory_order_acquire);
	if (variant) {
		*out = variant;
		return CDBC_OK;
	}
	status = cx_variant_make(record, index, dialect, &variant, err);
	if (!status)
		*out = cx_variant_keep(slot, variant);
	return status;
}

static cdbc_status bind_variant(const cx_record *record, const cx_dialect *dialect,
								cdbc_params params, const cx_server_values *server,
								cdbc_value *values, const cx_statement **statement,
								cdbc_error **err)
{
	cdbc_value *all = values + record->query.statement->param_count;
	const cx_variant *variant;
	cdbc_status status = bind_all(record, params, server, all, err);

	if (!status)
		status = cx_variant_get(record, choose(record->variants, all), dialect, &variant, err);
	if (status)
		return status;
	for (size_t i = 0; i < variant->statement->param_count; i++)
		values[i] = all[variant->params[i]];
	*statement = variant->statement;
	return check_given(variant->statement, values, err);
}

cdbc_status cx_statement_only(const cx_record *record, const cx_dialect *dialect,
							  const cx_statement **statement, cdbc_error **err)
{
	const cx_variant *variant;
	cdbc_status status;

	if (!cx_form_is_own(record, dialect)) {
		*statement = dialect->form == CX_FORM_QUESTION ? record->query.statement_qmark
													   : record->query.statement;
		return CDBC_OK;
	}
	status = cx_form_get(record, 0, dialect, &variant, err);
	if (!status)
		*statement = variant->statement;
	return status;
}

cdbc_status cx_query_bind(const cx_query *query, const cx_dialect *dialect, cdbc_params params,
						  const cx_server_values *server, cdbc_value *values,
						  const cx_statement **statement, cdbc_error **err)
{
	const cx_record *record = (const cx_record *)query;
	cdbc_status status;

	if (record->variants) {
		status = bind_variant(record, dialect, params, server, values, statement, err);
	} else {
		status = cx_statement_only(record, dialect, statement, err);
		if (!status && !record->by_index && !record->has_server_params) {
			status = cx_statement_bind(query->statement, params, values, err);
		} else if (!status) {
			status = bind_all(record, params, server, values, err);
			if (!status && !record->by_index)
				status = check_given(query->statement, values, err);
		}
	}
	if (status)
		cx_error_wrap(err, "query \"%s\"", query->info.name);
	return status;
}
