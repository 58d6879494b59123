// SPDX-License-Identifier: Apache-2.0
/* The server of CDBC_TEST_URL: what it is, so that tests can say where they differ. Asked once, by
 * libpq alone. */
#ifndef CDBC_TEST_SERVER_H
#define CDBC_TEST_SERVER_H

#include <stdbool.h>

typedef struct test_server {
	char url[1024];     /* as libpq takes it: postgresql: also for a cockroachdb: URL */
	const char *scheme; /* as it was given: postgresql, cockroachdb */
	bool is_cockroach;
	int version; /* of CockroachDB: 2201 for v22.1; 0 for another */
} test_server;

/* NULL when CDBC_TEST_URL is not set. */
const test_server *test_server_find(void);

/* CockroachDB before v22.1 takes no cancel requests, and commits each statement of a pipeline. */
bool test_server_is_before(const test_server *server, int version);

#endif
