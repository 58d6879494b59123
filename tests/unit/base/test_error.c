// SPDX-License-Identifier: Apache-2.0
/* Errors: making, wrapping, parts, copies, and what is left when memory is short. */
#include "base/error.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void has_what_it_was_given(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cx_error_set(&err, CDBC_SQL, "no such %s", "table"), CDBC_SQL);
	cx_error_wrap(&err, "run %s", "q");
	cx_error_wrap(&err, "session");
	assert_string_equal(cdbc_error_message(err), "session: run q: no such table");
	assert_string_equal(cdbc_error_sqlstate(err), "");
	cx_error_sqlstate(&err, "42P01");
	cx_error_sqlstate(&err, "too long");
	cx_error_sqlstate(&err, NULL);
	assert_string_equal(cdbc_error_sqlstate(err), "42P01");
	cx_error_hint(&err, "try %d", 1);
	cx_error_hint(&err, "try %d", 2);
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), "try 2");
	cx_error_field(&err, CDBC_FIELD_TABLE, "t");
	cx_error_field(&err, CDBC_FIELD_TABLE, NULL);
	cx_error_field(&err, CDBC_FIELD_COUNT, "t");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_TABLE), "t");
	assert_null(cdbc_error_field(err, CDBC_FIELD_COLUMN));
	assert_null(cdbc_error_field(err, CDBC_FIELD_COUNT));
	cx_error_position(&err, 15);
	cx_error_place(&err, "a.sql", 3, 9);
	assert_int_equal(cdbc_error_position(err), 15);
	assert_int_equal(cdbc_error_line(err), 3);
	assert_int_equal(cdbc_error_column(err), 9);
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_FILE), "a.sql");
	cx_error_outcome(&err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_TRANSACTION);
	cx_error_status(&err, CDBC_CONFLICT);
	assert_int_equal(cdbc_error_status(err), CDBC_CONFLICT);
	cx_error_clear(&err);
	assert_null(err);
	cx_error_clear(&err);
	cx_error_clear(NULL);
}

static void long_messages_are_cut(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	cx_error_set(&err, CDBC_SQL, "%9000d", 1);
	assert_int_equal(strlen(cdbc_error_message(err)), 3999);
	cdbc_error_free(err);
}

static void nobody_need_listen(void **state)
{
	cdbc_error *none = NULL;

	(void)state;
	assert_int_equal(cx_error_set(NULL, CDBC_IO, "x"), CDBC_IO);
	assert_int_equal(cx_error_nomem(NULL), CDBC_NOMEM);
	cx_error_wrap(NULL, "x");
	cx_error_wrap(&none, "x");
	cx_error_hint(&none, "x");
	cx_error_field(NULL, CDBC_FIELD_HINT, "x");
	cx_error_sqlstate(&none, "00000");
	cx_error_position(&none, 1);
	cx_error_place(&none, "x", 1, 1);
	cx_error_outcome(&none, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	cx_error_status(&none, CDBC_IO);
	assert_null(none);
	cdbc_error_free(NULL);
}

static void out_of_memory_needs_none(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cx_error_set(&err, CDBC_NOMEM, "ignored"), CDBC_NOMEM);
	cx_error_wrap(&err, "changes nothing");
	cx_error_hint(&err, "nor this");
	cx_error_status(&err, CDBC_IO);
	assert_int_equal(cdbc_error_status(err), CDBC_NOMEM);
	assert_string_equal(cdbc_error_message(err), "out of memory");
	assert_null(cdbc_error_field(err, CDBC_FIELD_HINT));
	assert_ptr_equal(cx_error_copy(err), err);
	cdbc_error_free(err);
	cdbc_error_free(err);
}

/* Memory may also be short after something was sent: then it must not read as if it had not been.
 */
static void out_of_memory_has_an_outcome(void **state)
{
	cdbc_error *err = NULL, *other = NULL, *copy;

	(void)state;
	cx_error_nomem(&err);
	cx_error_outcome(&err, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT);
	assert_int_equal(cdbc_error_status(err), CDBC_NOMEM);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_UNKNOWN);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_IF_IDEMPOTENT);
	copy = cx_error_copy(err);
	assert_int_equal(cdbc_error_outcome(copy), CDBC_OUTCOME_UNKNOWN);
	cdbc_error_free(copy);
	cdbc_error_free(err);
	cx_error_nomem(&other);
	assert_int_equal(cdbc_error_outcome(other), CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(cdbc_error_replay(other), CDBC_REPLAY_SAFE);
}

static void copies_are_whole(void **state)
{
	const cdbc_error_info info = {.struct_size = sizeof info,
								  .status = CDBC_SQL,
								  .message = "m",
								  .sqlstate = "23505",
								  .detail = "d",
								  .hint = "h",
								  .constraint = "k",
								  .schema = "s",
								  .table = "t",
								  .column = "c",
								  .host = "db1",
								  .position = 4};
	cdbc_error *err = NULL, *copy;

	(void)state;
	assert_int_equal(cx_error_from_info(&err, &info), CDBC_SQL);
	cx_error_outcome(&err, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	copy = cx_error_copy(err);
	cdbc_error_free(err);
	assert_string_equal(cdbc_error_message(copy), "m");
	assert_string_equal(cdbc_error_sqlstate(copy), "23505");
	assert_string_equal(cdbc_error_field(copy, CDBC_FIELD_DETAIL), "d");
	assert_string_equal(cdbc_error_field(copy, CDBC_FIELD_HINT), "h");
	assert_string_equal(cdbc_error_field(copy, CDBC_FIELD_CONSTRAINT), "k");
	assert_string_equal(cdbc_error_field(copy, CDBC_FIELD_SCHEMA), "s");
	assert_string_equal(cdbc_error_field(copy, CDBC_FIELD_TABLE), "t");
	assert_string_equal(cdbc_error_field(copy, CDBC_FIELD_COLUMN), "c");
	assert_string_equal(cdbc_error_field(copy, CDBC_FIELD_HOST), "db1");
	assert_int_equal(cdbc_error_position(copy), 4);
	assert_int_equal(cdbc_error_outcome(copy), CDBC_OUTCOME_COMMITTED);
	cdbc_error_free(copy);
	assert_null(cx_error_copy(NULL));
}

static void an_info_without_a_message_has_the_statuss(void **state)
{
	const cdbc_error_info info = {.struct_size = sizeof info, .status = CDBC_AUTH};
	cdbc_error *err = NULL;

	(void)state;
	cx_error_from_info(&err, &info);
	assert_string_equal(cdbc_error_message(err), cdbc_status_text(CDBC_AUTH));
	cdbc_error_free(err);
}

/* A part that is lost for lack of memory is only that: the status and the family stay. */
static cdbc_status make_and_copy(void *data, cdbc_error **err)
{
	cdbc_error *one = NULL, *copy;
	cdbc_status status = cx_error_set(&one, CDBC_IO, "read %s", "file");
	bool is_whole;

	(void)data;
	assert_int_equal(status, cdbc_error_status(one));
	cx_error_wrap(&one, "load");
	cx_error_hint(&one, "look");
	cx_error_place(&one, "f", 1, 2);
	assert_true(cdbc_error_status(one) == CDBC_IO || cdbc_error_status(one) == CDBC_NOMEM);
	assert_true(*cdbc_error_message(one));
	copy = cx_error_copy(one);
	assert_true(*cdbc_error_message(copy));
	is_whole = cdbc_error_status(copy) == CDBC_IO &&
			   strcmp(cdbc_error_message(copy), "load: read file") == 0 &&
			   cdbc_error_field(copy, CDBC_FIELD_HINT) && cdbc_error_field(copy, CDBC_FIELD_FILE);
	cdbc_error_free(one);
	cdbc_error_free(copy);
	return is_whole ? CDBC_OK : cx_error_nomem(err);
}

static void survives_a_lack_of_memory(void **state)
{
	(void)state;
	assert_int_equal(oom_run(make_and_copy, NULL), 9);
}

/* ---- an application's own ---- */

static void an_application_makes_its_own(void **state)
{
	char text[] = "account 7";
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cdbc_error_set(&err, CDBC_DENIED, "%s: %d cents", text, 5), CDBC_DENIED);
	cdbc_error_set_hint(&err, "at most %d", 4);
	cdbc_error_set_hint(&err, "at most %d", 3);
	memset(text, 'x', sizeof text - 1); /* it was copied */
	assert_int_equal(cdbc_error_status(err), CDBC_DENIED);
	assert_string_equal(cdbc_error_message(err), "account 7: 5 cents");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), "at most 3");
	assert_string_equal(cdbc_error_sqlstate(err), "");
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_NO);
	cdbc_error_free(err);
	assert_int_equal(cdbc_error_set(&err, CDBC_DATA, "%9000d", 1), CDBC_DATA);
	assert_int_equal(strlen(cdbc_error_message(err)), 3999);
	cdbc_error_free(err);
	/* "out of memory, do it again" is the library's to say */
	assert_int_equal(cdbc_error_set(&err, CDBC_NOMEM, "%d rows", 5), CDBC_NOMEM);
	cdbc_error_set_hint(&err, "lost");
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_NO);
	assert_null(cdbc_error_field(err, CDBC_FIELD_HINT));
	cdbc_error_free(err);
}

static void a_status_that_is_none_is_usage(void **state)
{
	const cdbc_status none[] = {CDBC_OK, CDBC_STATUS_COUNT, (cdbc_status)-1};
	cdbc_error *err = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		assert_int_equal(cdbc_error_set(&err, none[i], "x"), CDBC_USAGE);
		assert_int_equal(cdbc_error_status(err), CDBC_USAGE);
		cx_error_clear(&err);
	}
	assert_int_equal(cdbc_error_set(NULL, CDBC_OK, "x"), CDBC_USAGE);
	assert_int_equal(cdbc_error_set(NULL, CDBC_IO, "x"), CDBC_IO);
	cdbc_error_set_hint(NULL, "x");
	cdbc_error_set_hint(&err, "x");
	assert_null(err);
}

static cdbc_status make_own(void *data, cdbc_error **err)
{
	cdbc_error *own = NULL;
	cdbc_status status = cdbc_error_set(&own, CDBC_DATA, "row %d", 3);
	bool is_whole;

	(void)data;
	cdbc_error_set_hint(&own, "mend it");
	assert_int_equal(cdbc_error_status(own), status);
	assert_int_equal(cdbc_error_replay(own), CDBC_REPLAY_NO);
	is_whole = status == CDBC_DATA && strcmp(cdbc_error_message(own), "row 3") == 0 &&
			   cdbc_error_field(own, CDBC_FIELD_HINT);
	if (status == CDBC_DATA && !is_whole)
		assert_true(strcmp(cdbc_error_message(own), "row 3") == 0 ||
					strcmp(cdbc_error_message(own), cdbc_status_text(CDBC_DATA)) == 0);
	cdbc_error_free(own);
	return is_whole ? CDBC_OK : cx_error_nomem(err);
}

static void ones_own_survives_a_lack_of_memory(void **state)
{
	(void)state;
	assert_int_equal(oom_run(make_own, NULL), 3);
}

static void names_have_no_gaps(void **state)
{
	(void)state;
	for (int i = 0; i < CDBC_STATUS_COUNT; i++) {
		assert_string_not_equal(cdbc_status_name((cdbc_status)i), "unknown");
		assert_true(*cdbc_status_text((cdbc_status)i));
	}
	assert_string_equal(cdbc_status_name(CDBC_STATUS_COUNT), "unknown");
	assert_string_equal(cdbc_status_name((cdbc_status)-1), "unknown");
	assert_string_equal(cdbc_status_text(CDBC_STATUS_COUNT), "unknown status");
	assert_string_equal(cdbc_outcome_name(CDBC_OUTCOME_COMMITTED_PARTIAL), "committed-partial");
	assert_string_equal(cdbc_outcome_name((cdbc_outcome)99), "unknown");
	assert_string_equal(cdbc_replay_name(CDBC_REPLAY_IF_IDEMPOTENT), "if-idempotent");
	assert_string_equal(cdbc_replay_name((cdbc_replay)99), "no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_what_it_was_given),
		cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(nobody_need_listen),
		cmocka_unit_test(out_of_memory_needs_none),
		cmocka_unit_test(out_of_memory_has_an_outcome),
		cmocka_unit_test(copies_are_whole),
		cmocka_unit_test(an_info_without_a_message_has_the_statuss),
		cmocka_unit_test(survives_a_lack_of_memory),
		cmocka_unit_test(an_application_makes_its_own),
		cmocka_unit_test(a_status_that_is_none_is_usage),
		cmocka_unit_test(ones_own_survives_a_lack_of_memory),
		cmocka_unit_test(names_have_no_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
