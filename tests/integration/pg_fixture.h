// SPDX-License-Identifier: Apache-2.0
/* A connection of the PostgreSQL driver to the server of CDBC_TEST_URL, and short words for what
 * tests do with it. */
#ifndef TEST_PG_FIXTURE_H
#define TEST_PG_FIXTURE_H

#include "base/clock.h"
#include "base/error.h"
#include "../drivers/postgresql/driver.h"

#include "support/test_server.h"

#include <cdbc/arrow.h>
#include <libpq-fe.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DRIVER (&cx_driver_postgresql)

/* A deadline that a healthy test never reaches. */
int64_t soon(void);
/* In so many milliseconds. */
int64_t in_ms(int64_t ms);

/* The settings of CDBC_TEST_URL with more ones before them: "name", "value", ..., NULL.
 * pg_settings_free after. */
typedef struct pg_settings {
	cdbc_settings settings;
	cdbc_setting items[64];
	cdbc_driver_host host;
	PQconninfoOption *options;
} pg_settings;

/* Whether the server is CockroachDB. Skips the test when there is no server. */
bool pg_is_cockroach(void);
/* Skips the test on CockroachDB before a version (0: on any), saying why. */
void pg_not_on_cockroach(int before, const char *why);

/* Skips the test when there is no server. A scheme of postgresql becomes that of CDBC_TEST_URL. */
void pg_settings_init(pg_settings *s, const char *scheme, ...);
void pg_settings_free(pg_settings *s);

void *pg_open(void);
void *pg_open_with(const char *name, const char *value);

/* A request for one text. The id, when not 0, is of the text. */
cdbc_request pg_request(const char *sql, uint64_t id, const cdbc_value *values, size_t count);

/* Submits one, expecting success. */
void *pg_submit(void *conn, const cdbc_request *request);
/* Runs to the end, expecting success; gives the rows. tag may be NULL. */
int64_t pg_run(void *conn, const char *sql, char tag[64]);
/* Runs to the end; the first failure's status with *err, or CDBC_OK. */
cdbc_status pg_try(void *conn, const cdbc_request *request, cdbc_summary *summary,
				   cdbc_error **err);
/* The first value of the first row, an int8. */
int64_t pg_int(void *conn, const cdbc_request *request);
int64_t pg_int_of(void *conn, const char *sql);

/* Values in a batch. */
int64_t batch_int64(const struct ArrowArray *batch, int64_t column, int64_t row);
/* Static storage, until the next call. */
const char *batch_text(const struct ArrowArray *batch, int64_t column, int64_t row);

#endif
