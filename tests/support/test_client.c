// SPDX-License-Identifier: Apache-2.0
/* Clients for tests. What one test alone needs of them stays there. */
#include "support/test_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

cdbc_status test_client_try(const char *url, const cdbc_config_item *items, size_t item_count,
							const cdbc_client_options *options, cdbc_client **out, cdbc_error **err)
{
	static const char *const no_environment[] = {NULL};
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_status status;

	from.url = url;
	from.items = items;
	from.item_count = item_count;
	from.environ_list = no_environment;
	status = cdbc_config_load(&from, &config, err);
	if (!status)
		status = cdbc_client_open(config, options, out, err);
	cdbc_config_free(config);
	return status;
}

void test_client_open(const char *url, const cdbc_config_item *items, size_t item_count,
					  const cdbc_client_options *options, cdbc_client **client,
					  cdbc_session **session)
{
	cdbc_error *err = NULL;

	if (test_client_try(url, items, item_count, options, client, &err) ||
		(session && cdbc_client_acquire(*client, NULL, session, &err)))
		fail_msg("%s: %s", url, cdbc_error_message(err));
}

cdbc_status test_execute(cdbc_session *session, const char *sql, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, err);

	if (!status)
		cdbc_result_free(result);
	return status;
}

void test_must_run(cdbc_session *session, const char *sql)
{
	cdbc_error *err = NULL;

	if (test_execute(session, sql, &err))
		fail_msg("%s: %s", sql, cdbc_error_message(err));
}

int64_t test_number_of(cdbc_session *session, const char *sql)
{
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	int64_t n;

	if (cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, &err) ||
		!cdbc_result_next(result, &err))
		fail_msg("%s: %s", sql, err ? cdbc_error_message(err) : "no row");
	n = cdbc_result_int64(result, 0);
	cdbc_result_free(result);
	return n;
}

void test_sql_file(char *path, const char *text)
{
	int fd = mkstemps(path, 4);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

int test_fake_begin(void)
{
	cdbc_error *err = NULL;

	if (!cdbc_driver_add(&fake_driver, &err))
		return 0;
	fprintf(stderr, "%s\n", cdbc_error_message(err));
	return 1;
}

void test_fake_close(fake_server *server, cdbc_client *client, cdbc_session *session)
{
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	assert_int_equal(fake_server_counts(server).live, 0);
	fake_server_free(server);
}

const char *test_fake_said(const fake_server *server, size_t from)
{
	static char text[8192];
	const char *sql;
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = from; (sql = fake_server_sql(server, i, NULL)) && length < sizeof text; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%.300s",
								   i > from ? " | " : "", sql);
	return text;
}
