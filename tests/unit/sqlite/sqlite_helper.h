// SPDX-License-Identifier: Apache-2.0
/* What the tests of the SQLite driver share: open in memory, run SQL, keep its first batch. */
#ifndef TEST_SQLITE_HELPER_H
#define TEST_SQLITE_HELPER_H

#include "base/clock.h"
#include "base/column.h"
#include "base/error.h"
#include "sqlite/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define DRIVER (&cx_driver_sqlite)

static inline cdbc_status open_path(const char *path, void **conn, cdbc_error **err)
{
	cdbc_setting items[] = {{"path", path}};
	cdbc_settings settings = {
		.struct_size = sizeof settings, .scheme = "sqlite", .items = items, .count = 1};

	return DRIVER->open(&settings, CX_NEVER, conn, err);
}

static inline void *open_memory(void)
{
	void *conn = NULL;

	assert_int_equal(open_path(":memory:", &conn, NULL), CDBC_OK);
	return conn;
}

static inline cdbc_request request_of(const char *sql)
{
	return (cdbc_request){
		.struct_size = sizeof(cdbc_request), .sql = sql, .sql_length = strlen(sql)};
}

/* Runs one request to its end; the first batch goes to *first (release NULL: none), when that is
 * wanted, and the tag to tag. */
static inline cdbc_status run_request(void *conn, const cdbc_request *r, struct ArrowSchema *schema,
									  struct ArrowArray *first, char *tag, cdbc_error **err)
{
	const struct ArrowSchema *columns = NULL;
	struct ArrowArray batch;
	bool has_result = false;
	void *cursor = NULL;
	cdbc_status status = DRIVER->submit(conn, r, 1, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, err);

	if (first)
		cx_array_none(first);
	if (status)
		return status;
	status = DRIVER->next_result(cursor, CX_NEVER, &columns, &has_result, err);
	if (!status && columns && schema)
		status = cx_schema_copy(columns, schema, err);
	while (!status && columns) {
		status = DRIVER->fetch(cursor, CX_NEVER, &batch, err);
		if (status || !batch.release)
			break;
		if (first && !first->release)
			*first = batch;
		else
			batch.release(&batch);
	}
	if (tag)
		strcpy(tag, DRIVER->summary(cursor)->tag);
	DRIVER->cursor_close(cursor, CX_NEVER);
	if (status && first && first->release)
		first->release(first);
	if (status && schema && schema->release)
		schema->release(schema);
	return status;
}

static inline void run(void *conn, const char *sql)
{
	cdbc_request r = request_of(sql);
	cdbc_error *err = NULL;
	cdbc_status status = run_request(conn, &r, NULL, NULL, NULL, &err);

	if (status)
		fail_msg("%s: %s", sql, cdbc_error_message(err));
}

#endif
