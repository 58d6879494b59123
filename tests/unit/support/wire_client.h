// SPDX-License-Identifier: Apache-2.0
// What the wire server's tests share: libpq with assertions. Included after cmocka.h.
#ifndef CDBC_TEST_WIRE_CLIENT_H
#define CDBC_TEST_WIRE_CLIENT_H

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/wire_server.h"

enum { LIMIT_MS = 20000 };

static inline void ignore_notice(void *data, const PGresult *result)
{
	(void)data;
	(void)result;
}

static inline PGconn *connect_to(wire_server *server)
{
	PGconn *conn = PQconnectdb(wire_server_conninfo(server));
	if (PQstatus(conn) != CONNECTION_OK)
		fprintf(stderr, "# %s", PQerrorMessage(conn));
	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	return conn;
}

static inline void assert_no_problems(wire_server *server)
{
	char *problems = wire_server_problems(server);
	if (problems != NULL)
		fprintf(stderr, "# %s", problems);
	assert_null(problems);
}

static inline void assert_problem(wire_server *server, const char *part)
{
	char *problems = wire_server_problems(server);
	assert_non_null(problems);
	assert_non_null(strstr(problems, part));
	free(problems);
}

// Takes the result: its SQLSTATE, or its tag when it succeeded, must be this one.
static inline void assert_outcome(PGresult *result, const char *expected)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	assert_string_equal(state != NULL ? state : PQcmdStatus(result), expected);
	PQclear(result);
}

// Takes the result of a statement that was lost with its connection.
static inline void assert_lost(PGresult *result)
{
	assert_int_equal(PQresultStatus(result), PGRES_FATAL_ERROR);
	assert_null(PQresultErrorField(result, PG_DIAG_SQLSTATE));
	PQclear(result);
}

static inline bool wait_readable(PGconn *conn)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
	return poll(&fd, 1, LIMIT_MS) == 1;
}

#endif
