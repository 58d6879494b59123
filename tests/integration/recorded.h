// SPDX-License-Identifier: Apache-2.0
// Our postgresql driver, through libpq, against the wire server with a recording. Nothing here
// asserts but that the pieces themselves work; what is right is said by the tests.
#ifndef CDBC_TEST_RECORDED_H
#define CDBC_TEST_RECORDED_H

#include <cdbc/driver.h>

#include "support/wire_server.h"

enum { RECORDED_LIMIT_MS = 20000 };

typedef struct cockroach {
	wire_table *table;
	wire_server *server;
	cdbc_driver_host host;
	const cdbc_driver *driver;
	void *conn;
} cockroach;

// What came of one statement.
typedef struct recorded_run {
	cdbc_status status;
	char sqlstate[6]; // "" when it has none
	int64_t position;
	char message[512];
	char constraint[128], detail[512];
	int64_t row_count;
	cdbc_summary summary;
} recorded_run;

// A server with what a scenario taught it (NULL: nothing), no connection yet. Answers may be added
// to `table` until recorded_start.
void recorded_init(cockroach *node, const char *version, const char *scenario, const char *label);
void recorded_start(cockroach *node);
// Both, and a connection.
void recorded_open(cockroach *node, const char *version, const char *scenario, const char *label);
// Opens a connection; the status and the error are the driver's.
cdbc_status recorded_connect(cockroach *node, void **conn, cdbc_error **err);
// Closes, checks that nothing went against the recording, and stops.
void recorded_close(cockroach *node);

int64_t recorded_deadline(const cockroach *node);
cdbc_request recorded_request(const char *sql, const cdbc_value *values, size_t count);
// Runs a statement to its end. `batch`, if not NULL, is called for each batch before its release.
recorded_run recorded_query(cockroach *node, const char *sql, const cdbc_value *values,
							size_t count,
							void (*batch)(void *data, const struct ArrowSchema *schema,
										  const struct ArrowArray *array),
							void *data);
recorded_run recorded_exec(cockroach *node, const char *sql);
// The connection's transaction status, as ReadyForQuery's letter.
char recorded_status(const cockroach *node);

#endif
