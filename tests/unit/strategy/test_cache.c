// SPDX-License-Identifier: Apache-2.0
/* What is answered from the cache: to whom, of what, where not at all, until somebody says that it
 * is old. */
#include "cache_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* ---- what is answered from it ---- */

static void test_a_second_time(void **state)
{
	cache_fixture *f = *state;

	assert_true(cache_ask(f, "get_one", cdbc_string("a")));
	assert_false(cache_ask(f, "get_one", cdbc_string("a")));
	assert_false(cache_ask(f, "get-one", cdbc_string("a"))); /* the same name */
	assert_true(cache_ask(f, "get_one", cdbc_string("b")));
	assert_true(cache_ask(f, "other", cdbc_string("a"))); /* the same SQL, another name */
	assert_true(cache_ask(f, "plain", cdbc_string("a")));
	assert_true(cache_ask(f, "plain", cdbc_string("a")));
	assert_int_equal(cache_stats(f).hit_count, 2);
	assert_int_equal(cache_stats(f).miss_count, 3);
	assert_int_equal(cache_stats(f).entries_now, 3);
	assert_true(cache_stats(f).bytes_now > 0);
}

static void test_its_events(void **state)
{
	cache_fixture *f = *state;

	cache_ask(f, "get_one", cdbc_string("abc"));
	assert_int_equal(f->ended_bytes, 2 * 8 + 3);
	cdbc_client_cache_invalidate(f->client, NULL);
	f->started = f->ended = 0;
	f->words[0] = '\0';
	cache_ask(f, "get_one", cdbc_string("a"));
	assert_int_equal(f->ended_bytes, 2 * 8 + 1);
	cache_ask(f, "get_one", cdbc_string("a"));
	assert_int_equal(f->ended_bytes, 2 * 8 + 1);
	assert_int_equal(f->started, 2);
	assert_int_equal(f->ended, 2);
	assert_int_equal(f->ended_rows, 2);
	cache_ask(f, "plain", cdbc_string("a"));
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	cache_ask(f, "get_one", cdbc_string("a"));
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	cache_ask(f, "get_one", cdbc_string("a"));
	assert_string_equal(f->words, "miss hit - - hit ");
}

typedef struct stat_wanted {
	const char *name, *label_value;
	int64_t value;
	int found;
} stat_wanted;

static void look(void *data, const cdbc_stat *stat)
{
	stat_wanted *w = data;

	if (strcmp(stat->name, w->name) != 0 ||
		(w->label_value && strcmp(stat->label_value, w->label_value) != 0))
		return;
	w->found++;
	w->value = stat->value;
}

static int64_t number(cache_fixture *f, const char *name, const char *label_value)
{
	stat_wanted w = {.name = name, .label_value = label_value};

	cdbc_client_stats(f->client, look, &w);
	assert_int_equal(w.found, 1);
	return w.value;
}

static void test_its_numbers(void **state)
{
	cache_fixture *f = *state;

	cache_ask(f, "get_one", cdbc_string("a"));
	cache_ask(f, "get_one", cdbc_string("a"));
	cache_ask(f, "get_one", cdbc_string("a"));
	cache_ask(f, "other", cdbc_string("a"));
	assert_int_equal(number(f, "cache_requests", "hit"), 2);
	assert_int_equal(number(f, "cache_requests", "miss"), 2);
	assert_int_equal(number(f, "cache_requests", "wait"), 0);
	assert_int_equal(number(f, "cache_requests", "pass"), 0);
	assert_int_equal(number(f, "cache_entries", NULL), 2);
	assert_int_equal(number(f, "cache_bytes", NULL), cache_stats(f).bytes_now);
	cdbc_client_cache_invalidate(f->client, "other");
	assert_int_equal(number(f, "cache_invalidations", NULL), 1);
	assert_int_equal(number(f, "cache_entries", NULL), 1);
}

static void test_values_that_look_alike(void **state)
{
	cdbc_value typed = cdbc_string("1");
	const cdbc_value rows[] = {cdbc_int64(1),     cdbc_string("1"), cdbc_bytes("1", 1),
							   cdbc_double(1),    cdbc_bool(true),  cdbc_bool(false),
							   cdbc_null(),       cdbc_string(""),  cdbc_string("NULL"),
							   cdbc_bytes("", 0), cdbc_int64(0),    cdbc_double(0),
							   cdbc_double(-0.0), cdbc_int64(-1),   typed};
	size_t count = sizeof rows / sizeof *rows;
	cache_fixture *f = *state;

	for (size_t i = 0; i < count; i++) {
		cdbc_value value = rows[i];

		if (i == count - 1)
			value.type.id = CDBC_TYPE_INT8;
		assert_true(cache_ask(f, "get_one", value));
		assert_false(cache_ask(f, "get_one", value));
	}
	for (size_t i = 0; i < count - 1; i++)
		assert_false(cache_ask(f, "get_one", rows[i]));
}

static void test_lists_that_look_alike(void **state)
{
	const cdbc_value items[] = {cdbc_string("a"), cdbc_string("b"), cdbc_null(), cdbc_string("ab"),
								cdbc_string("")};
	const struct {
		size_t from, count;
	} rows[] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 1}, {1, 2}, {2, 1}, {3, 1}, {3, 2}, {4, 1}};
	cache_fixture *f = *state;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			assert_int_equal(
				cache_ask(f, "listed", cdbc_array(items + rows[i].from, rows[i].count)),
				round == 0);
}

static cdbc_session *session_of(cache_fixture *f, const char *user, const char *const *roles,
								size_t role_count, const char *zone)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_config_item setting = {"timezone", zone};
	cdbc_session *session;

	options.user = user;
	options.roles = roles;
	options.role_count = role_count;
	options.settings = &setting;
	options.setting_count = zone != NULL;
	assert_int_equal(cdbc_client_acquire(f->client, &options, &session, NULL), CDBC_OK);
	return session;
}

static void test_nobody_sees_the_rows_of_another(void **state)
{
	static const char *const ab[] = {"a", "b"}, *const ba[] = {"b", "a"}, *const a_b[] = {"ab"};
	const struct {
		const char *user;
		const char *const *roles;
		size_t role_count;
		bool is_new;
	} rows[] = {{NULL, NULL, 0, true},  {"", NULL, 0, true},     {"ann", NULL, 0, true},
				{"bob", NULL, 0, true}, {"ann", ab, 2, true},    {"ann", ba, 2, false},
				{"ann", ab, 1, true},   {"ann", ba, 1, true},    {"ann", a_b, 1, true},
				{NULL, ab, 2, true},    {"ann", NULL, 0, false}, {"ann", ab, 0, true}};
	cache_fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_session *session =
			session_of(f, rows[i].user, rows[i].roles, rows[i].role_count, NULL);
		bool is_new = cache_asks(f, session, "get_one", cdbc_int64(1));

		if (rows[i].roles && !rows[i].role_count) /* no roles, or none given: never another's */
			is_new = rows[i].is_new;
		assert_int_equal(is_new, rows[i].is_new);
		cdbc_session_release(session);
	}
}

static void test_settings(void **state)
{
	cache_fixture *f = *state;
	cdbc_session *rome, *oslo;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select set_config*", .columns = "set_config text", .rows = "x"});
	rome = session_of(f, NULL, NULL, 0, "Europe/Rome");
	oslo = session_of(f, NULL, NULL, 0, "Europe/Oslo");
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(cache_ask_on(rome, "get_one", cdbc_int64(1), NULL), CDBC_OK);
	assert_int_equal(cache_ask_on(oslo, "get_one", cdbc_int64(1), NULL), CDBC_OK);
	assert_int_equal(cache_stats(f).miss_count, 3);
	assert_false(cache_asks(f, rome, "get_one", cdbc_int64(1)));
	assert_false(cache_asks(f, oslo, "get_one", cdbc_int64(1)));
	assert_false(cache_ask(f, "get_one", cdbc_int64(1)));
	cdbc_session_release(rome);
	cdbc_session_release(oslo);
}

static void test_result_modes(void **state)
{
	cache_fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_int64(1)});
	cdbc_error *err = NULL;
	cdbc_result *result;

	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	for (int i = 0; i < 3; i++) {
		options.numeric = i == 1 ? CDBC_NUMERIC_TEXT : CDBC_NUMERIC_AUTO;
		options.arrays = i == 2 ? CDBC_ARRAYS_TEXT : CDBC_ARRAYS_LIST;
		assert_int_equal(cdbc_session_run(f->session, "get_one", params, &options, &result, NULL),
						 CDBC_OK);
		cdbc_result_free(result);
	}
	assert_int_equal(cache_stats(f).miss_count, 3);
	options = (cdbc_request_options)CDBC_REQUEST_OPTIONS_INIT;
	options.max_rows = 1; /* holds, whatever is kept */
	assert_int_equal(cdbc_session_run(f->session, "get_one", params, &options, &result, &err),
					 CDBC_RESOURCE);
	cdbc_error_free(err);
	assert_false(cache_ask(f, "get_one", cdbc_int64(1)));
}

static void test_not_in_transactions(void **state)
{
	cache_fixture *f = *state;

	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_true(cache_ask(f, "get_one", cdbc_int64(2)));
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_false(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_true(cache_ask(f, "get_one", cdbc_int64(2)));
}

static void test_not_on_a_changed_session(void **state)
{
	cache_fixture *f = *state;
	cdbc_result *result;

	fake_server_answer(f->server, &(fake_answer){.sql = "set a = 1"});
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(
		cdbc_session_query(f->session, "set a = 1", CDBC_NO_PARAMS, NULL, &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
}

/* What was read is the caller's for as long as he likes. */
static void test_batches_outlive_everything(void **state)
{
	cache_fixture *f = *state;
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_string("kept")});
	struct ArrowArray first, second, child;
	cdbc_result *result;

	assert_true(cache_ask(f, "get_one", cdbc_string("kept")));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cdbc_session_run(f->session, "get_one", params, NULL, &result, NULL),
						 CDBC_OK);
		assert_int_equal(cdbc_result_take(result, i ? &second : &first, NULL), CDBC_OK);
		cdbc_result_free(result);
	}
	cdbc_client_cache_invalidate(f->client, NULL);
	assert_ptr_equal(first.children[1]->buffers[2], second.children[1]->buffers[2]); /* no copy */
	child = *first.children[1];
	first.children[1]->release = NULL; /* moved away */
	first.release(&first);
	assert_memory_equal(child.buffers[2], "kept", 4);
	second.release(&second);
	assert_memory_equal(child.buffers[2], "kept", 4);
	child.release(&child);
}

static void test_promises_hold(void **state)
{
	cache_fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	fake_server_answer(f->server, &(fake_answer){.sql = "select none", .columns = "id int8"});
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cdbc_session_run(f->session, "none", CDBC_NO_PARAMS, NULL, &result, &err),
						 CDBC_DATA);
		assert_non_null(strstr(cdbc_error_message(err), "none"));
		cdbc_error_free(err);
	}
	assert_int_equal(cache_stats(f).hit_count, 0); /* failures are not kept */
}

static void test_reload_makes_another_query(void **state)
{
	static const char changed[] = "-- name: get-one\n-- cache: 31s\nselect one $1;\n";
	cache_fixture *f = *state;

	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(
		cdbc_client_register(f->client, "test.sql", cache_queries, strlen(cache_queries), NULL),
		CDBC_OK);
	assert_false(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(cdbc_client_register(f->client, "test.sql", changed, sizeof changed - 1, NULL),
					 CDBC_OK);
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
}

/* ---- invalidation ---- */

static void test_invalidation_by_name(void **state)
{
	cache_fixture *f = *state;

	cache_ask(f, "get_one", cdbc_int64(1));
	cache_ask(f, "get_one", cdbc_int64(2));
	cache_ask(f, "other", cdbc_int64(1));
	cdbc_client_cache_invalidate(f->client, "get-on");
	cdbc_client_cache_invalidate(f->client, "get_one_");
	cdbc_client_cache_invalidate(f->client, "");
	assert_int_equal(cache_stats(f).entries_now, 3);
	cdbc_client_cache_invalidate(f->client, "get_one");
	assert_int_equal(cache_stats(f).entries_now, 1);
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_false(cache_ask(f, "other", cdbc_int64(1)));
	cdbc_client_cache_invalidate(f->client, "get-one");
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	cdbc_client_cache_invalidate(f->client, NULL);
	assert_int_equal(cache_stats(f).entries_now, 0);
	assert_int_equal(cache_stats(f).bytes_now, 0);
	assert_true(cache_ask(f, "other", cdbc_int64(1)));
}

int main(void)
{
#define CASE(test)    cmocka_unit_test_setup_teardown(test, cache_set_up, cache_tear_down)
#define WATCHED(test) cmocka_unit_test_setup_teardown(test, cache_set_up_watched, cache_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_a_second_time),
		WATCHED(test_its_events),
		CASE(test_its_numbers),
		CASE(test_values_that_look_alike),
		CASE(test_lists_that_look_alike),
		CASE(test_nobody_sees_the_rows_of_another),
		CASE(test_settings),
		CASE(test_result_modes),
		CASE(test_not_in_transactions),
		CASE(test_not_on_a_changed_session),
		CASE(test_batches_outlive_everything),
		CASE(test_promises_hold),
		CASE(test_reload_makes_another_query),
		CASE(test_invalidation_by_name),
	};

	return cache_run_group(tests);
}
