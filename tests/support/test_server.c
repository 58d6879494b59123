// SPDX-License-Identifier: Apache-2.0
#include "test_server.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(test_server *server)
{
	PGconn *pg = PQconnectdb(server->url);
	const char *text = PQparameterStatus(pg, "crdb_version");
	const char *number = text ? strstr(text, " v") : NULL;
	int major = 0, minor = 0;

	server->is_cockroach = text || strcmp(server->scheme, "cockroachdb") == 0;
	if (number && sscanf(number, " v%d.%d", &major, &minor) == 2)
		server->version = major * 100 + minor;
	PQfinish(pg);
}

const test_server *test_server_find(void)
{
	static test_server server;
	const char *url = getenv("CDBC_TEST_URL");

	if (!url)
		return NULL;
	if (!server.scheme) {
		bool is_cockroach = strncmp(url, "cockroachdb:", 12) == 0;

		server.scheme = is_cockroach ? "cockroachdb" : "postgresql";
		snprintf(server.url, sizeof server.url, "%s%s", is_cockroach ? "postgresql" : "",
				 is_cockroach ? url + 11 : url);
		ask(&server);
	}
	return &server;
}

bool test_server_is_before(const test_server *server, int version)
{
	return server->is_cockroach && server->version < version;
}
