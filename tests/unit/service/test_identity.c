// SPDX-License-Identifier: Apache-2.0
/* Who a session works for reaches the SQL, and a caller cannot say otherwise. */
#include "support/oom.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static cdbc_status run(void *data, cdbc_error **err)
{
	const char *roles[] = {"teller", "auditor"};
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_result *result = NULL;
	cdbc_status status = cdbc_client_open_url("sqlite::memory:", &client, err);

	options.user = "ann";
	options.roles = roles;
	options.role_count = 2;
	options.request_id = "r-1";
	if (!status)
		status = cdbc_client_acquire(client, &options, &session, err);
	if (!status)
		status =
			cdbc_session_query(session,
							   "select :_user, 'auditor' in (:_roles), 'boss' in (:_roles), "
							   ":_request_id, :x where :_now > '2020' and datetime(:_now) > '2020'",
							   CDBC_PARAMS({"x", cdbc_int64(7)}), NULL, &result, err);
	if (!status) {
		assert_true(cdbc_result_next(result, NULL));
		assert_memory_equal(cdbc_result_text(result, 0).data, "ann", 3);
		assert_int_equal(cdbc_result_int64(result, 1), 1);
		assert_int_equal(cdbc_result_int64(result, 2), 0);
		assert_memory_equal(cdbc_result_text(result, 3).data, "r-1", 3);
		assert_int_equal(cdbc_result_int64(result, 4), 7);
	}
	cdbc_result_free(result);
	cdbc_session_release(session);
	cdbc_client_close(client, 1000);
	return status;
}

static void test_session(void **state)
{
	assert_int_equal(run(NULL, NULL), CDBC_OK);
}

/* Options of a program that was compiled before there was a user. */
static void test_old_options(void **state)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_result *result = NULL;

	options.struct_size = offsetof(cdbc_session_options, user);
	options.user = "nobody";
	assert_int_equal(cdbc_client_open_url("sqlite::memory:", &client, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_acquire(client, &options, &session, NULL), CDBC_OK);
	assert_int_equal(
		cdbc_session_query(session, "select :_user", CDBC_NO_PARAMS, NULL, &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_null(result, 0));
	cdbc_result_free(result);
	assert_int_equal(cdbc_session_query(session, "select :_user",
										CDBC_PARAMS({"_user", cdbc_string("eve")}), NULL, &result,
										NULL),
					 CDBC_PARAM);
	cdbc_session_release(session);
	cdbc_client_close(client, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_old_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
