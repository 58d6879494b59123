// SPDX-License-Identifier: Apache-2.0
/* Named queries without a database: rendered for given parameters, or expanded to all statements
 * that they may become. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/catalog/internal.h"

#include <string.h>

#define WHEN_MAX 4000

struct cdbc_rendered {
	const char *sql;
	cdbc_params params;
	cdbc_value *roles;
	cdbc_param items[];
};

static cdbc_status find(const cdbc_catalog *catalog, const char *name, const char *dialect_name,
						const cx_dialect **dialect, const cx_query **query, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	*dialect = &cx_dialect_postgresql;
	if (dialect_name)
		status = cx_dialect_get(dialect_name, strlen(dialect_name), dialect, err);
	return status ? status
				  : cx_catalog_find(catalog, name, dialect_name ? *dialect : NULL, query, err);
}

/* ---- Render --------------------------------------------------------------------------------- */

/* *roles is allocated when there are any. */
static cdbc_status fill_server(const cdbc_render_options *options, cx_server_values *out,
							   cdbc_value **roles, cdbc_error **err)
{
	const cdbc_render_options none = CDBC_RENDER_OPTIONS_INIT;

	if (!options)
		options = &none;
	out->values[CX_SERVER_USER] = cdbc_string(options->user);
	out->values[CX_SERVER_ROLES] = cdbc_null();
	out->values[CX_SERVER_NOW] = cdbc_string(options->now);
	out->values[CX_SERVER_REQUEST_ID] = cdbc_string(options->request_id);
	if (!options->roles)
		return CDBC_OK;
	*roles = cx_calloc(options->role_count + 1, sizeof **roles);
	if (!*roles)
		return cx_error_nomem(err);
	for (size_t i = 0; i < options->role_count; i++)
		(*roles)[i] = cdbc_string(options->roles[i]);
	out->values[CX_SERVER_ROLES] = cdbc_array(*roles, options->role_count);
	return CDBC_OK;
}

cdbc_status cdbc_catalog_render(const cdbc_catalog *catalog, const char *name, const char *dialect,
								cdbc_params params, const cdbc_render_options *options,
								cdbc_rendered **out, cdbc_error **err)
{
	const cx_query *query;
	const cx_statement *statement = NULL;
	cdbc_rendered *rendered = NULL;
	cdbc_value *values = NULL, *roles = NULL;
	cx_server_values server;
	const cx_dialect *d;
	cdbc_status status = find(catalog, name, dialect, &d, &query, err);

	if (!status)
		status = fill_server(options, &server, &roles, err);
	if (status)
		return status;
	values = cx_calloc(cx_query_room(query) + 1, sizeof *values);
	if (values)
		status = cx_query_bind(query, d, params, &server, values, &statement, err);
	if (values && !status)
		rendered = cx_calloc(1, sizeof *rendered + statement->param_count * sizeof(cdbc_param));
	if (!status && !rendered)
		status = cx_error_nomem(err);
	if (!status) {
		for (size_t i = 0; i < statement->param_count; i++)
			rendered->items[i] = cdbc_param_of(statement->params[i].name, values[i]);
		rendered->params = cdbc_params_of(rendered->items, statement->param_count);
		rendered->sql = statement->sql;
		rendered->roles = roles;
		roles = NULL;
		*out = rendered;
	}
	cx_free(roles);
	cx_free(values);
	return status;
}

const char *cdbc_rendered_sql(const cdbc_rendered *rendered)
{
	return rendered->sql;
}

cdbc_params cdbc_rendered_params(const cdbc_rendered *rendered)
{
	return rendered->params;
}

void cdbc_rendered_free(cdbc_rendered *rendered)
{
	if (rendered)
		cx_free(rendered->roles);
	cx_free(rendered);
}

cdbc_status cdbc_catalog_validate(const cdbc_catalog *catalog, const char *name,
								  const char *dialect, cdbc_params params, cdbc_error **err)
{
	cdbc_rendered *rendered;
	cdbc_status status = cdbc_catalog_render(catalog, name, dialect, params, NULL, &rendered, err);

	if (!status)
		cdbc_rendered_free(rendered);
	return status;
}

/* ---- Expand --------------------------------------------------------------------------------- */

typedef struct expansion {
	bool (*fn)(void *data, const cdbc_query_variant *variant);
	void *data;
	size_t count;
} expansion;

static cdbc_status tell(const expansion *e, const cx_statement *statement, size_t index,
						const char *when, bool *go_on, cdbc_error **err)
{
	const char **names = cx_calloc(statement->param_count + 1, sizeof *names);

	if (!names)
		return cx_error_nomem(err);
	for (size_t i = 0; i < statement->param_count; i++)
		names[i] = statement->params[i].name;
	*go_on = e->fn(e->data, &(cdbc_query_variant){sizeof(cdbc_query_variant), statement->sql, when,
												  names, statement->param_count, index, e->count});
	cx_free(names);
	return CDBC_OK;
}

cdbc_status cdbc_catalog_expand(const cdbc_catalog *catalog, const char *name, const char *dialect,
								bool (*fn)(void *data, const cdbc_query_variant *variant),
								void *data, cdbc_error **err)
{
	expansion e = {fn, data, 1};
	const cx_query *query;
	const cx_variants *v;
	const cx_variant *variant;
	const cx_statement *only;
	bool go_on = true;
	char when[WHEN_MAX];
	const cx_dialect *d;
	cdbc_status status = find(catalog, name, dialect, &d, &query, err);

	if (status)
		return status;
	v = ((const cx_record *)query)->variants;
	if (!v) {
		status = cx_statement_only((const cx_record *)query, d, &only, err);
		return status ? status : tell(&e, only, 0, "", &go_on, err);
	}
	e.count = v->count;
	for (size_t i = 0; i < v->count && go_on && !status; i++) {
		cx_variants_describe(v, v->states + i * v->switch_count, when, sizeof when);
		status = cx_variant_get((const cx_record *)query, i, d, &variant, err);
		if (!status)
			status = tell(&e, variant->statement, i, when, &go_on, err);
	}
	return status;
}
