// SPDX-License-Identifier: Apache-2.0
/* The fake driver's describe and copy. */
#include "support/fake_internal.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- describe
 * -----------------------------------------------------------------------------------------------
 */

typedef struct fake_description {
	cdbc_description base;
	cdbc_type types[FAKE_COLUMNS_MAX];
	const char *names[FAKE_COLUMNS_MAX];
	struct ArrowSchema schema;
} fake_description;

static void description_release(cdbc_description *base)
{
	fake_description *d = base->private_data;

	if (d->schema.release)
		d->schema.release(&d->schema);
	free(d);
}

static size_t count_params(const char *sql)
{
	size_t most = 0;

	for (; (sql = strchr(sql, '$')); sql++) {
		size_t n = strtoul(sql + 1, NULL, 10);

		if (n > most && n < FAKE_COLUMNS_MAX)
			most = n;
	}
	return most;
}

cdbc_status fake_no_answer(const char *sql, cdbc_error **err)
{
	cdbc_status status =
		cx_error_set(err, CDBC_SQL, "syntax error: fake has no answer to \"%s\"", sql);

	cx_error_sqlstate(err, "42601");
	cx_error_position(err, 1);
	return status;
}

cdbc_status fake_describe(void *conn, const cdbc_request *request, int64_t deadline_ns,
						  cdbc_description **out, cdbc_error **err)
{
	fake_conn *c = conn;
	fake_entry *e = fake_entry_find(c->server, request->sql, false);
	cx_field fields[FAKE_COLUMNS_MAX];
	cdbc_status status = fake_check_link(c, err);
	fake_description *d;
	size_t count = 0;
	char *text = NULL;

	FAKE_LOCKED(c->server, c->server->counts.describes++);
	if (status || !e)
		return status ? status : fake_no_answer(request->sql, err);
	if (!(d = calloc(1, sizeof *d)))
		return cx_error_nomem(err);
	d->base = (cdbc_description){.struct_size = sizeof d->base,
								 .param_count = count_params(request->sql),
								 .param_types = d->types,
								 .param_type_names = d->names,
								 .release = description_release,
								 .private_data = d};
	for (size_t i = 0; i < d->base.param_count; i++) {
		d->types[i] = (cdbc_type){CDBC_TYPE_TEXT, false, -1, -1};
		d->names[i] = "text";
	}
	if (e->answer.columns) {
		status = fake_fields_read(e->answer.columns, fields, &count, &text)
					 ? cx_schema_make(fields, count, &d->schema, err)
					 : cx_error_set(err, CDBC_INTERNAL, "fake: columns \"%s\"", e->answer.columns);
		d->base.schema = &d->schema;
	}
	free(text);
	if (status)
		description_release(&d->base);
	else
		*out = &d->base;
	return status;
}

/* ---- copy
 * ---------------------------------------------------------------------------------------------------
 */

cdbc_status fake_copy_begin(void *conn, const cdbc_request *request, int64_t deadline_ns,
							void **copy, cdbc_error **err)
{
	fake_conn *c = conn;
	fake_entry *e = fake_entry_find(c->server, request->sql, true);
	cdbc_status status = fake_check_link(c, err);

	fake_said(c->server, request->sql, c->serial);
	if (!status && e && e->answer.error.status && !e->answer.error_after_rows)
		status = cx_error_from_info(err, &e->answer.error);
	if (status)
		return status;
	FAKE_LOCKED(c->server, c->server->counts.copies++);
	fake_summary_begin(c);
	c->is_busy = true;
	c->copied_lines = 0;
	c->copying = e ? &e->answer : NULL;
	*copy = c;
	return CDBC_OK;
}

/* The link goes here when the answer says so. */
static cdbc_status check_copy(fake_conn *c, cdbc_position at, cdbc_error **err)
{
	cdbc_status status = fake_check_link(c, err);

	if (status || !c->copying || !c->copying->loses_link || c->copying->lost_at != at)
		return status;
	c->is_lost = true;
	return fake_check_link(c, err);
}

cdbc_status fake_copy_write(void *copy, const void *bytes, size_t length, int64_t deadline_ns,
							cdbc_error **err)
{
	fake_conn *c = copy;
	cdbc_status status = check_copy(c, CDBC_POSITION_SENT, err);

	FAKE_LOCKED(c->server, c->server->counts.copied_bytes += (int64_t)length);
	for (size_t i = 0; i < length; i++)
		c->copied_lines += ((const char *)bytes)[i] == '\n';
	return status;
}

cdbc_status fake_copy_end(void *copy, bool keep, int64_t deadline_ns, cdbc_summary *out,
						  cdbc_error **err)
{
	fake_conn *c = copy;
	cdbc_status status = check_copy(c, CDBC_POSITION_DONE, err);

	if (!status && keep && c->copying && c->copying->error_after_rows &&
		c->copied_lines >= c->copying->error_after_rows)
		status = cx_error_from_info(err, &c->copying->error);
	c->is_busy = false;
	c->summary.position = status ? CDBC_POSITION_SENT : CDBC_POSITION_DONE;
	c->summary.is_link_lost = c->is_lost;
	if (status && !c->is_lost)
		c->summary.position = CDBC_POSITION_DONE;
	if (status && !c->is_lost && c->tx == CDBC_TX_OPEN)
		c->tx = CDBC_TX_FAILED;
	if (!status && keep) {
		c->summary.affected_count = c->copied_lines;
		if (c->copying && c->copying->affected)
			c->summary.affected_count = c->copying->affected;
		snprintf(c->summary.tag, sizeof c->summary.tag, "COPY %lld", (long long)c->copied_lines);
	}
	if (out)
		*out = c->summary;
	return status;
}
