// SPDX-License-Identifier: Apache-2.0
/* The table, and the entries that are one small exchange each. */
#include "driver.h"

#include "internal.h"

#include "base/alloc.h"

/* ---- ping and reset
 * ----------------------------------------------------------------------------------------- */

static cdbc_status check_free(cx_pg_conn *c, cdbc_error **err)
{
	if (c->is_busy)
		return cx_error_set(err, CDBC_USAGE, "the connection is busy with another result");
	return c->is_lost ? cx_pg_error_lost(c, err) : CDBC_OK;
}

static cdbc_status ping(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_conn *c = conn;
	cdbc_status status = check_free(c, err);

	return status ? status : cx_pg_command(c, ";", deadline_ns, NULL, 0, err);
}

static bool keep_first_failure(void *data, size_t query, PGresult *result)
{
	PGresult **kept = data;

	if (*kept || PQresultStatus(result) != PGRES_FATAL_ERROR)
		return false;
	*kept = result;
	return true;
}

/* DISCARD ALL is for no transaction, so one that is open is rolled back first, in the same round
 * trip. */
static cdbc_status reset(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_conn *c = conn;
	cdbc_status status = check_free(c, err);
	PGresult *failure = NULL;
	size_t syncs = 1;
	bool is_queued;

	if (status)
		return status;
	atomic_store(&c->is_cancel_sent, false);
	is_queued = PQenterPipelineMode(c->pg);
	if (is_queued && cx_pg_tx(c) != CDBC_TX_IDLE) {
		is_queued = PQsendQueryParams(c->pg, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0) &&
					PQpipelineSync(c->pg);
		syncs++;
	}
	is_queued = is_queued &&
				PQsendQueryParams(c->pg, "DISCARD ALL", 0, NULL, NULL, NULL, NULL, 0) &&
				PQpipelineSync(c->pg);
	if (!is_queued) {
		status = cx_pg_send_failed(c, err);
		c->is_lost = true;
		return status;
	}
	status = cx_pg_exchange(c, syncs, deadline_ns, keep_first_failure, &failure, err);
	if (!status && failure)
		status = cx_pg_error_result(c, failure, err);
	PQclear(failure);
	if (status)
		return status;
	cx_pg_prepared_clear(c);
	cx_pg_prepared_sweep(&c->prepared);
	return cx_pg_settle(c, deadline_ns, err);
}

/* ---- describe
 * -----------------------------------------------------------------------------------------------
 */

/* The description and everything it points to but the schema: one block. */
typedef struct described {
	cdbc_description description;
	struct ArrowSchema schema;
} described;

static void described_release(cdbc_description *description)
{
	described *d = description->private_data;

	if (d->schema.release)
		d->schema.release(&d->schema);
	cx_free(d);
}

static cdbc_status described_make(cx_pg_conn *c, const cdbc_request *request, cx_pg_statement *st,
								  cdbc_description **out, cdbc_error **err)
{
	size_t n = st->param_count;
	described *d =
		cx_calloc(1, sizeof *d + n * (sizeof(cdbc_type) + sizeof(char *) + CX_PG_WORDS_MAX));
	cdbc_type *types;
	const char **names;
	char *text;

	(void)c;
	(void)request;
	if (!d)
		return cx_error_nomem(err);
	names = (const char **)(d + 1);
	types = (cdbc_type *)(names + n);
	text = (char *)(types + n);
	for (size_t i = 0; i < n; i++, text += CX_PG_WORDS_MAX) {
		types[i] = st->types[i];
		names[i] = cx_pg_type_words(st->oids[i], -1, text, CX_PG_WORDS_MAX);
	}
	d->schema = st->shape.schema; /* moved */
	st->shape.schema.release = NULL;
	d->description = (cdbc_description){.struct_size = sizeof d->description,
										.param_count = n,
										.param_types = types,
										.param_type_names = names,
										.schema = d->schema.release ? &d->schema : NULL,
										.release = described_release,
										.private_data = d};
	*out = &d->description;
	return CDBC_OK;
}

static cdbc_status describe(void *conn, const cdbc_request *request, int64_t deadline_ns,
							cdbc_description **out, cdbc_error **err)
{
	cx_pg_conn *c = conn;
	cdbc_request unnamed = *request;
	cx_pg_preparing item = {.request = &unnamed};
	cdbc_status status = check_free(c, err);

	if (status)
		return status;
	atomic_store(&c->is_cancel_sent, false);
	unnamed.flags |= CDBC_REQUEST_NO_PREPARE;
	status = cx_pg_prepare(c, &item, 1, deadline_ns, err);
	if (status)
		return status;
	if (item.statement)
		status = described_make(c, request, item.statement, out, err);
	else
		status = cx_pg_error_result(c, item.failure, err);
	PQclear(item.failure);
	cx_pg_prepared_sweep(&c->prepared);
	return status;
}

const cdbc_driver cx_driver_postgresql = {
	.struct_size = sizeof(cdbc_driver),
	.name = "postgresql",
	.schemes = "postgresql postgres cockroachdb",
	.capabilities = CDBC_CAN_TRANSACT | CDBC_CAN_CANCEL | CDBC_CAN_PIPELINE | CDBC_CAN_COPY |
					CDBC_CAN_DESCRIBE | CDBC_CAN_STREAM,
	.open = cx_pg_open,
	.close = cx_pg_close,
	.state = cx_pg_state,
	.info = cx_pg_info,
	.ping = ping,
	.reset = reset,
	.describe = describe,
	.submit = cx_pg_submit,
	.next_result = cx_pg_next_result,
	.fetch = cx_pg_fetch,
	.summary = cx_pg_summary,
	.cursor_close = cx_pg_cursor_close,
	.copy_begin = cx_pg_copy_begin,
	.copy_write = cx_pg_copy_write,
	.copy_end = cx_pg_copy_end,
	.cancel = cx_pg_cancel,
};
