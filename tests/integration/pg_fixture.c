// SPDX-License-Identifier: Apache-2.0
#include "pg_fixture.h"

#include "base/helpers.h"
#include "infra/driver/registry.h"
#include "support/skip.h"

#include <stdio.h>
#include <stdlib.h>

int64_t soon(void)
{
	return in_ms(20000);
}

int64_t in_ms(int64_t ms)
{
	return cx_deadline_after_ms(ms);
}

static cx_helpers *helpers;

static void free_helpers(void)
{
	cx_helpers_free(helpers);
}

static const test_server *server_or_skip(void)
{
	const test_server *server = test_server_find();

	if (!server) {
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	}
	return server;
}

bool pg_is_cockroach(void)
{
	return server_or_skip()->is_cockroach;
}

void pg_not_on_cockroach(int before, const char *why)
{
	const test_server *server = server_or_skip();

	if (before ? test_server_is_before(server, before) : server->is_cockroach) {
		test_skip("on CockroachDB: %s", why);
	}
}

void pg_settings_init(pg_settings *s, const char *scheme, ...)
{
	const test_server *server = server_or_skip();
	const char *name;
	size_t n = 0;
	va_list args;

	if (!helpers) {
		assert_int_equal(cx_helpers_new(4, 16, &helpers, NULL), CDBC_OK);
		atexit(free_helpers);
	}
	memset(s, 0, sizeof *s);
	cx_driver_host_init(&s->host, helpers);
	va_start(args, scheme);
	while ((name = va_arg(args, const char *)))
		s->items[n++] = (cdbc_setting){name, va_arg(args, const char *)};
	va_end(args);
	if (strcmp(scheme, "postgresql") == 0)
		scheme = server->scheme;
	if (server->is_cockroach)
		s->items[n++] = (cdbc_setting){"set.experimental_enable_temp_tables", "on"};
	s->options = PQconninfoParse(server->url, NULL);
	assert_non_null(s->options);
	for (const PQconninfoOption *o = s->options; o->keyword; o++)
		if (o->val)
			s->items[n++] = (cdbc_setting){o->keyword, o->val};
	s->settings = (cdbc_settings){.struct_size = sizeof s->settings,
								  .scheme = scheme,
								  .items = s->items,
								  .count = n,
								  .host = &s->host};
}

void pg_settings_free(pg_settings *s)
{
	PQconninfoFree(s->options);
}

/* The host table must outlive the connection. */
static pg_settings kept;

void *pg_open_with(const char *name, const char *value)
{
	cdbc_error *err = NULL;
	void *conn = NULL;

	pg_settings_init(&kept, "postgresql", name, value, NULL);
	if (DRIVER->open(&kept.settings, soon(), &conn, &err))
		fail_msg("%s", cdbc_error_message(err));
	pg_settings_free(&kept);
	return conn;
}

void *pg_open(void)
{
	return pg_open_with(NULL, NULL);
}

cdbc_request pg_request(const char *sql, uint64_t id, const cdbc_value *values, size_t count)
{
	return (cdbc_request){.struct_size = sizeof(cdbc_request),
						  .sql = sql,
						  .sql_length = strlen(sql),
						  .statement_id = id,
						  .values = values,
						  .value_count = count,
						  .kind = strncasecmp(sql, "select", 6) == 0 ? CDBC_KIND_SELECT
																	 : CDBC_KIND_UNKNOWN};
}

void *pg_submit(void *conn, const cdbc_request *request)
{
	cdbc_error *err = NULL;
	void *cursor = NULL;

	if (DRIVER->submit(conn, request, 1, CDBC_SYNC_EACH, soon(), &cursor, NULL, &err))
		fail_msg("%s: %s", request->sql, cdbc_error_message(err));
	return cursor;
}

cdbc_status pg_try(void *conn, const cdbc_request *request, cdbc_summary *summary, cdbc_error **err)
{
	const struct ArrowSchema *schema;
	void *cursor = NULL;
	bool has_result = true;
	cdbc_status status =
		DRIVER->submit(conn, request, 1, CDBC_SYNC_EACH, soon(), &cursor, summary, err);

	if (status)
		return status;
	while (!status && has_result) {
		status = DRIVER->next_result(cursor, soon(), &schema, &has_result, err);
		while (!status && has_result) {
			struct ArrowArray batch;

			status = DRIVER->fetch(cursor, soon(), &batch, err);
			if (status || !batch.release)
				break;
			batch.release(&batch);
		}
	}
	if (summary)
		*summary = *DRIVER->summary(cursor);
	DRIVER->cursor_close(cursor, soon());
	return status;
}

int64_t pg_run(void *conn, const char *sql, char tag[64])
{
	cdbc_request request = pg_request(sql, 0, NULL, 0);
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	cdbc_error *err = NULL;
	bool has_result;
	int64_t rows = 0;
	void *cursor = pg_submit(conn, &request);

	if (DRIVER->next_result(cursor, soon(), &schema, &has_result, &err))
		fail_msg("%s: %s", sql, cdbc_error_message(err));
	assert_true(has_result);
	for (;;) {
		if (DRIVER->fetch(cursor, soon(), &batch, &err))
			fail_msg("%s: %s", sql, cdbc_error_message(err));
		if (!batch.release)
			break;
		rows += batch.length;
		batch.release(&batch);
	}
	if (tag)
		memcpy(tag, DRIVER->summary(cursor)->tag, 64);
	DRIVER->cursor_close(cursor, soon());
	return rows;
}

int64_t pg_int(void *conn, const cdbc_request *request)
{
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	cdbc_error *err = NULL;
	bool has_result;
	int64_t value;
	void *cursor = pg_submit(conn, request);

	if (DRIVER->next_result(cursor, soon(), &schema, &has_result, &err) ||
		DRIVER->fetch(cursor, soon(), &batch, &err))
		fail_msg("%s: %s", request->sql, cdbc_error_message(err));
	assert_non_null(schema);
	assert_string_equal(schema->children[0]->format, "l");
	assert_non_null(batch.release);
	value = batch_int64(&batch, 0, 0);
	batch.release(&batch);
	DRIVER->cursor_close(cursor, soon());
	return value;
}

int64_t pg_int_of(void *conn, const char *sql)
{
	cdbc_request request = pg_request(sql, 0, NULL, 0);

	return pg_int(conn, &request);
}

int64_t batch_int64(const struct ArrowArray *batch, int64_t column, int64_t row)
{
	return ((const int64_t *)batch->children[column]->buffers[1])[row];
}

const char *batch_text(const struct ArrowArray *batch, int64_t column, int64_t row)
{
	static char text[4096];
	const struct ArrowArray *array = batch->children[column];
	const int32_t *offsets = array->buffers[1];

	snprintf(text, sizeof text, "%.*s", offsets[row + 1] - offsets[row],
			 (const char *)array->buffers[2] + offsets[row]);
	return text;
}
