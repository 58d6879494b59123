// SPDX-License-Identifier: Apache-2.0
/* What a statement takes and gives, without running it. SQLite types neither parameters nor
 * expressions: those are unknown. */
#include "sqlite/internal.h"

#include "base/alloc.h"
#include "base/error.h"

typedef struct description {
	cdbc_description base; /* first: release finds the whole by it */
	struct ArrowSchema schema;
	cx_arena arena;
} description;

static void description_release(cdbc_description *base)
{
	description *d = (description *)base->private_data;

	if (d->schema.release)
		d->schema.release(&d->schema);
	cx_arena_free(&d->arena);
	cx_free(d);
}

static cdbc_status describe_params(description *d, size_t count, cdbc_error **err)
{
	cdbc_type *types = cx_arena_calloc(&d->arena, count + 1, sizeof *types);
	const char **names = cx_arena_calloc(&d->arena, count + 1, sizeof *names);

	if (!types || !names)
		return cx_error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		types[i] = (cdbc_type){CDBC_TYPE_UNKNOWN, false, -1, -1};
		names[i] = "";
	}
	d->base.param_count = count;
	d->base.param_types = types;
	d->base.param_type_names = names;
	return CDBC_OK;
}

static cdbc_status describe_columns(description *d, cx_sqlite_statement *s,
									const cdbc_request *request, cdbc_error **err)
{
	cdbc_status status = cx_sqlite_statement_hints(s, request, err);

	if (!status)
		status = cx_sqlite_statement_columns(s, request->numeric, err);
	if (status || s->column_count == 0)
		return status;
	status = cx_schema_make(s->fields, s->column_count, &d->schema, err);
	if (!status)
		d->base.schema = &d->schema;
	return status;
}

cdbc_status cx_sqlite_describe(void *handle, const cdbc_request *request, int64_t deadline_ns,
							   cdbc_description **out, cdbc_error **err)
{
	cx_sqlite_conn *conn = handle;
	cx_sqlite_statement *s = NULL;
	description *d;
	const char *tail;
	cdbc_status status;

	if (conn->is_busy)
		return cx_error_set(err, CDBC_USAGE, "a result of this connection is still open");
	cx_sqlite_enter(conn, deadline_ns);
	atomic_store(&conn->is_cancelled, false);
	status =
		cx_sqlite_statement_get(conn, request, request->sql, request->sql_length, &tail, &s, err);
	if (status)
		return status;
	d = cx_calloc(1, sizeof *d);
	if (!d) {
		status = cx_error_nomem(err);
		goto out;
	}
	d->base.struct_size = sizeof d->base;
	d->base.release = description_release;
	d->base.private_data = d;
	status = describe_params(d, (size_t)sqlite3_bind_parameter_count(s->handle), err);
	if (!status && s->handle)
		status = describe_columns(d, s, request, err);
	if (status)
		description_release(&d->base);
	else
		*out = &d->base;
out:
	cx_sqlite_statement_put(conn, s);
	return status;
}
