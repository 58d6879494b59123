// SPDX-License-Identifier: Apache-2.0
/* A client and a session on a scripted CockroachDB, and the look at what it was asked at the end.
 */
#ifndef WIRE_CLIENT_H
#define WIRE_CLIENT_H

#include "support/test_client.h"
#include "support/wire_server.h"

/* Serves the table, which stays the caller's. */
void wire_client_open(wire_table *table, const cdbc_config_item *items, size_t item_count,
					  const cdbc_client_options *options, wire_server **server,
					  cdbc_client **client, cdbc_session **session);
/* The test fails when the server was asked what the table does not know. All are freed. */
void wire_client_close(wire_table *table, wire_server *server, cdbc_client *client,
					   cdbc_session *session);

#endif
