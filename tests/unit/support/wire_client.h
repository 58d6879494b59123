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

static inline void stop_server(wire_server *server)
{
	assert_true(wire_server_wait_open(server, 0, LIMIT_MS));
	assert_no_problems(server);
	wire_server_stop(server);
}

// libpq takes an error that comes while nothing runs for a notice: this keeps its SQLSTATE.
static inline void keep_sqlstate(void *data, const PGresult *result)
{
	snprintf(data, 6, "%s", PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

// The server says 57P01 to an idle connection and closes it.
static inline void assert_sees_shutdown(PGconn *conn)
{
	char sqlstate[6] = "";
	PQsetNoticeReceiver(conn, keep_sqlstate, sqlstate);
	while (PQconsumeInput(conn) == 1) {
		PQclear(PQgetResult(conn));
		assert_true(wait_readable(conn));
	}
	assert_string_equal(sqlstate, "57P01");
	assert_int_equal(PQstatus(conn), CONNECTION_BAD);
}

#endif
