// SPDX-License-Identifier: Apache-2.0
/* Clients for tests: opened by the settings given and nothing of the user's environment, and closed
 * with a look whether every connection came back. */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include "support/fake_driver.h"

#include <cdbc/cdbc.h>

/* Client options with one observer. */
#define TEST_OBSERVED(observer) \
	(&(cdbc_client_options){sizeof(cdbc_client_options), (observer), 1, NULL, 0, NULL, NULL})

cdbc_status test_client_try(const char *url, const cdbc_config_item *items, size_t item_count,
							const cdbc_client_options *options, cdbc_client **out,
							cdbc_error **err);
/* The same, and a session of it (session NULL: none). The test fails when they do not open. */
void test_client_open(const char *url, const cdbc_config_item *items, size_t item_count,
					  const cdbc_client_options *options, cdbc_client **client,
					  cdbc_session **session);
/* Runs a statement for its status. */
cdbc_status test_execute(cdbc_session *session, const char *sql, cdbc_error **err);
/* Runs a statement that has to succeed, and what its first value is. */
void test_must_run(cdbc_session *session, const char *sql);
int64_t test_number_of(cdbc_session *session, const char *sql);
/* Fills path, "/tmp/NAME-XXXXXX.sql", with a new file's name, and the file with the text. */
void test_sql_file(char *path, const char *text);

/* Makes the scripted driver known; not 0, and says why, when it is not. */
int test_fake_begin(void);
/* Closes what stands on a scripted server, which frees it; no connection may be left. */
void test_fake_close(fake_server *server, cdbc_client *client, cdbc_session *session);
/* The SQL that the server saw from request `from` on, joined by " | ". Valid until the next call.
 */
const char *test_fake_said(const fake_server *server, size_t from);

#endif
