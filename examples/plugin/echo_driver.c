// SPDX-License-Identifier: Apache-2.0
/* A driver in a shared object: every statement is answered by one row with one column, `sql`,
 * holding the statement's own text. It uses no symbol of the library: what it needs comes with the
 * host table.
 *
 *     cc -shared -fPIC $(pkg-config --cflags cdbc) -o echo_driver.so echo_driver.c
 *     cdbc_driver_load("./echo_driver.so", &err);        then open a client on "echo:" */
#include <cdbc/driver.h>
#include <stdio.h>

static const cdbc_driver_host *host;

typedef struct echo_cursor {
	cdbc_summary summary;
	char *sql;
	size_t length;
	int step; /* 0: before the result, 1: before its row, 2: after it */
} echo_cursor;

typedef struct echo_conn {
	bool is_busy;
	echo_cursor cursor;
} echo_conn;

static cdbc_status fail(cdbc_error **err, cdbc_status status, const char *message)
{
	cdbc_error_info info = {.struct_size = sizeof info, .status = status, .message = message};

	return host->error_set(err, &info);
}

static bool is_late(int64_t deadline_ns)
{
	return deadline_ns != INT64_MAX && host->now_ns() >= deadline_ns;
}

/* ---- The connection
 * ------------------------------------------------------------------------------------------ */

static cdbc_status echo_open(const cdbc_settings *settings, int64_t deadline_ns, void **conn,
							 cdbc_error **err)
{
	echo_conn *c;

	if (cdbc_settings_find(settings, "refuse"))
		return fail(err, CDBC_CONNECT, "echo: refused, as the setting says");
	if (is_late(deadline_ns))
		return fail(err, CDBC_TIMEOUT, "echo: the deadline passed");
	c = host->allocator.alloc(sizeof *c);
	if (!c)
		return fail(err, CDBC_NOMEM, NULL);
	memset(c, 0, sizeof *c);
	*conn = c;
	return CDBC_OK;
}

static void echo_close(void *conn)
{
	host->allocator.free(conn);
}

static cdbc_conn_state echo_state(void *conn)
{
	cdbc_conn_state state = {CDBC_TX_IDLE, false, ((echo_conn *)conn)->is_busy};

	return state;
}

static cdbc_status echo_info(void *conn, cdbc_info_id id, cdbc_value *out, cdbc_error **err)
{
	(void)conn;
	(void)err;
	*out = id == CDBC_INFO_PRODUCT   ? cdbc_string("Echo")
		   : id == CDBC_INFO_VERSION ? cdbc_string("1.0")
		   : id == CDBC_INFO_DIALECT ? cdbc_string("postgresql")
									 : cdbc_null();
	return CDBC_OK;
}

static cdbc_status echo_ping(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	(void)conn;
	return is_late(deadline_ns) ? fail(err, CDBC_TIMEOUT, "echo: the deadline passed") : CDBC_OK;
}

static cdbc_status echo_describe(void *conn, const cdbc_request *request, int64_t deadline_ns,
								 cdbc_description **out, cdbc_error **err)
{
	(void)conn;
	(void)request;
	(void)deadline_ns;
	(void)out;
	return fail(err, CDBC_UNSUPPORTED, "echo: nothing to describe");
}

/* ---- Results
 * -------------------------------------------------------------------------------------------------
 */

static void keep_schema(struct ArrowSchema *schema)
{
	schema->release = NULL; /* it is static */
}

static struct ArrowSchema sql_column = {
	.format = "u", .name = "sql", .flags = ARROW_FLAG_NULLABLE, .release = keep_schema};
static struct ArrowSchema *columns[] = {&sql_column};
static const struct ArrowSchema one_row = {
	.format = "+s", .name = "", .n_children = 1, .children = columns, .release = keep_schema};

static cdbc_status echo_submit(void *conn, const cdbc_request *requests, size_t count,
							   cdbc_sync sync, int64_t deadline_ns, void **cursor,
							   cdbc_summary *failed, cdbc_error **err)
{
	echo_conn *c = conn;
	echo_cursor *k = &c->cursor;
	cdbc_summary facts = {.struct_size = sizeof facts, .affected_count = -1};

	(void)sync;
	if (failed)
		*failed = facts;
	if (count != 1)
		return fail(err, CDBC_UNSUPPORTED, "echo: one request at a time");
	if (is_late(deadline_ns))
		return fail(err, CDBC_TIMEOUT, "echo: the deadline passed");
	k->sql = host->allocator.alloc(requests->sql_length + 1);
	if (!k->sql)
		return fail(err, CDBC_NOMEM, NULL);
	memcpy(k->sql, requests->sql, requests->sql_length);
	k->length = requests->sql_length;
	k->summary = facts;
	k->summary.position = CDBC_POSITION_SENT;
	k->step = 0;
	c->is_busy = true;
	*cursor = c;
	return CDBC_OK;
}

static cdbc_status echo_next_result(void *cursor, int64_t deadline_ns,
									const struct ArrowSchema **schema, bool *has_result,
									cdbc_error **err)
{
	echo_cursor *k = &((echo_conn *)cursor)->cursor;

	(void)deadline_ns;
	(void)err;
	*has_result = k->step++ == 0;
	if (*has_result)
		*schema = &one_row;
	return CDBC_OK;
}

/* A batch of one row, in one piece of memory. */
typedef struct echo_batch {
	struct ArrowArray column;
	struct ArrowArray *children[1];
	const void *row_buffers[1];
	const void *column_buffers[3];
	int32_t offsets[2];
	char text[];
} echo_batch;

static void release_column(struct ArrowArray *array)
{
	array->release = NULL; /* its memory goes with the row's */
}

static void release_batch(struct ArrowArray *array)
{
	echo_batch *batch = array->private_data;

	if (batch->column.release)
		batch->column.release(&batch->column);
	array->release = NULL;
	host->allocator.free(batch);
}

static cdbc_status echo_fetch(void *cursor, int64_t deadline_ns, struct ArrowArray *out,
							  cdbc_error **err)
{
	echo_cursor *k = &((echo_conn *)cursor)->cursor;
	echo_batch *b;

	(void)deadline_ns;
	memset(out, 0, sizeof *out);
	if (k->step != 1) {
		snprintf(k->summary.tag, sizeof k->summary.tag, "SELECT 1");
		k->summary.position = CDBC_POSITION_DONE;
		return CDBC_OK;
	}
	if (k->length > INT32_MAX)
		return fail(err, CDBC_DATA, "echo: the statement is too long for a value");
	b = host->allocator.alloc(sizeof *b + k->length);
	if (!b)
		return fail(err, CDBC_NOMEM, NULL);
	memset(b, 0, sizeof *b);
	memcpy(b->text, k->sql, k->length);
	b->offsets[1] = (int32_t)k->length;
	b->column_buffers[1] = b->offsets;
	b->column_buffers[2] = b->text;
	b->children[0] = &b->column;
	b->column = (struct ArrowArray){
		.length = 1, .n_buffers = 3, .buffers = b->column_buffers, .release = release_column};
	*out = (struct ArrowArray){.length = 1,
							   .n_buffers = 1,
							   .n_children = 1,
							   .buffers = b->row_buffers,
							   .children = b->children,
							   .release = release_batch,
							   .private_data = b};
	k->step = 2;
	k->summary.position = CDBC_POSITION_ROWS_TAKEN;
	return CDBC_OK;
}

static const cdbc_summary *echo_summary(void *cursor)
{
	return &((echo_conn *)cursor)->cursor.summary;
}

static void echo_cursor_close(void *cursor, int64_t deadline_ns)
{
	echo_conn *c = cursor;

	(void)deadline_ns;
	if (!c)
		return;
	host->allocator.free(c->cursor.sql);
	c->cursor.sql = NULL;
	c->is_busy = false;
}

/* ---- The driver
 * ---------------------------------------------------------------------------------------------- */

static const cdbc_driver echo_driver = {
	.struct_size = sizeof echo_driver,
	.name = "echo",
	.schemes = "echo",
	.capabilities = CDBC_IS_EMBEDDED,
	.open = echo_open,
	.close = echo_close,
	.state = echo_state,
	.info = echo_info,
	.ping = echo_ping,
	.reset = echo_ping,
	.describe = echo_describe,
	.submit = echo_submit,
	.next_result = echo_next_result,
	.fetch = echo_fetch,
	.summary = echo_summary,
	.cursor_close = echo_cursor_close,
};

CDBC_API cdbc_status cdbc_driver_init(uint32_t abi, const cdbc_driver_host *given,
									  const cdbc_driver **out, cdbc_error **err);

cdbc_status cdbc_driver_init(uint32_t abi, const cdbc_driver_host *given, const cdbc_driver **out,
							 cdbc_error **err)
{
	host = given;
	if (abi != CDBC_DRIVER_ABI)
		return fail(err, CDBC_UNSUPPORTED, "echo: made for another version of the library");
	*out = &echo_driver;
	return CDBC_OK;
}
