// SPDX-License-Identifier: Apache-2.0
/* The cache on the fake driver: what is answered from it and what is not, its time, single flight,
 * invalidation, and memory that runs out. */
#include "base/clock.h"
#include "base/thread.h"
#include "support/fake_driver.h"
#include "support/oom.h"

#include <cdbc/cdbc.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char queries[] = "-- name: get-one\n"
							  "-- cache: 30s\n"
							  "select one $1;\n"
							  "-- name: other\n"
							  "-- cache: 30s\n"
							  "select one $1;\n"
							  "-- name: plain\n"
							  "select one $1;\n"
							  "-- name: many\n"
							  "-- cache: 30s\n"
							  "select many;\n"
							  "-- name: none :one\n"
							  "-- cache: 30s\n"
							  "select none;\n"
							  "-- name: listed\n"
							  "-- cache: 30s\n"
							  "select one in ($1);\n"
							  "-- name: versioned\n"
							  "-- cache: 30s\n"
							  "select versioned $1;\n"
							  "-- name: keyed\n"
							  "-- cache: 30s\n"
							  "select keyed $1;\n"
							  "-- name: wide\n"
							  "-- cache: 30s\n"
							  "select wide $1;\n";

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	cdbc_observer observer;
	int started, ended;
	int64_t ended_rows, ended_bytes;
	char words[512]; /* what the cache did, one after the other */
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	if (event->kind == CDBC_EVENT_REQUEST_START) {
		f->started++;
	} else {
		f->ended++;
		f->ended_rows = event->row_count;
		f->ended_bytes = event->byte_count;
		snprintf(f->words + strlen(f->words), sizeof f->words - strlen(f->words), "%s ",
				 event->cache ? event->cache : "-");
	}
}

static int open_client(void **state, bool is_watched)
{
	static fixture f;
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config_item items[] = {{"pool.max_size", "9"},
								{"pool.min_size", "0"},
								{"cache.max_bytes", "64KiB"},
								{"cache.max_entry_bytes", "16KiB"},
								{"results.batch_rows", "100"}};
	const char *const no_environment[] = {NULL};
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;

	memset(&f, 0, sizeof f);
	f.server = fake_server_new("cache");
	fake_server_answer(f.server, &(fake_answer){.sql = "select one*",
												.columns = "id int8, given text",
												.rows = "1|$1;2|\\N"});
	from.url = "fake:cache";
	from.items = items;
	from.item_count = sizeof items / sizeof *items;
	from.environ_list = no_environment;
	f.observer = (cdbc_observer){.struct_size = sizeof f.observer,
								 .name = "test",
								 .events = CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END,
								 .on_event = on_event,
								 .self = &f};
	options.observers = &f.observer;
	options.observer_count = is_watched;
	if (cdbc_config_load(&from, &config, &err) ||
		cdbc_client_open(config, &options, &f.client, &err) ||
		cdbc_client_register(f.client, "test.sql", queries, sizeof queries - 1, &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_msg("%s", cdbc_error_message(err));
	cdbc_config_free(config);
	*state = &f;
	return 0;
}

static int set_up(void **state)
{
	return open_client(state, false);
}

static int set_up_watched(void **state)
{
	return open_client(state, true);
}

static int tear_down(void **state)
{
	fixture *f = *state;

	cdbc_session_release(f->session);
	cdbc_client_close(f->client, 5000);
	fake_server_free(f->server);
	return 0;
}

static int64_t requests(fixture *f)
{
	return fake_server_counts(f->server).requests;
}

static cdbc_cache_stats stats(fixture *f)
{
	cdbc_cache_stats s = {.struct_size = sizeof s};

	cdbc_client_cache_stats(f->client, &s);
	return s;
}

/* Runs a query with one value and checks its rows. */
static cdbc_status ask_on(cdbc_session *session, const char *name, cdbc_value value,
						  cdbc_error **err)
{
	cdbc_params params = CDBC_PARAMS({NULL, value});
	cdbc_result *result;
	cdbc_status status = cdbc_session_run(session, name, params, NULL, &result, err);

	if (status)
		return status;
	assert_int_equal(cdbc_result_column_count(result), 2);
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_int64(result, 0), 1);
	if (value.kind == CDBC_VALUE_TEXT) {
		cdbc_text text = cdbc_result_text(result, 1);

		assert_int_equal(text.length, value.as.text.length);
		assert_memory_equal(text.data, value.as.text.data, text.length);
	}
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_int64(result, 0), 2);
	assert_true(cdbc_result_is_null(result, 1));
	assert_false(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_complete(result));
	assert_string_equal(cdbc_result_tag(result), "SELECT 2");
	cdbc_result_free(result);
	return CDBC_OK;
}

/* Whether that has cost a request. */
static bool asks(fixture *f, cdbc_session *session, const char *name, cdbc_value value)
{
	int64_t before = requests(f);
	cdbc_error *err = NULL;

	if (ask_on(session, name, value, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_in_range(requests(f) - before, 0, 1);
	return requests(f) > before;
}

static bool ask(fixture *f, const char *name, cdbc_value value)
{
	return asks(f, f->session, name, value);
}

/* ---- what is answered from it ---- */

static void test_a_second_time(void **state)
{
	fixture *f = *state;

	assert_true(ask(f, "get_one", cdbc_string("a")));
	assert_false(ask(f, "get_one", cdbc_string("a")));
	assert_false(ask(f, "get-one", cdbc_string("a"))); /* the same name */
	assert_true(ask(f, "get_one", cdbc_string("b")));
	assert_true(ask(f, "other", cdbc_string("a"))); /* the same SQL, another name */
	assert_true(ask(f, "plain", cdbc_string("a")));
	assert_true(ask(f, "plain", cdbc_string("a")));
	assert_int_equal(stats(f).hit_count, 2);
	assert_int_equal(stats(f).miss_count, 3);
	assert_int_equal(stats(f).entries_now, 3);
	assert_true(stats(f).bytes_now > 0);
}

static void test_its_events(void **state)
{
	fixture *f = *state;

	ask(f, "get_one", cdbc_string("abc"));
	assert_int_equal(f->ended_bytes, 2 * 8 + 3);
	cdbc_client_cache_invalidate(f->client, NULL);
	f->started = f->ended = 0;
	f->words[0] = '\0';
	ask(f, "get_one", cdbc_string("a"));
	assert_int_equal(f->ended_bytes, 2 * 8 + 1);
	ask(f, "get_one", cdbc_string("a"));
	assert_int_equal(f->ended_bytes, 2 * 8 + 1);
	assert_int_equal(f->started, 2);
	assert_int_equal(f->ended, 2);
	assert_int_equal(f->ended_rows, 2);
	ask(f, "plain", cdbc_string("a"));
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	ask(f, "get_one", cdbc_string("a"));
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	ask(f, "get_one", cdbc_string("a"));
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

static int64_t number(fixture *f, const char *name, const char *label_value)
{
	stat_wanted w = {.name = name, .label_value = label_value};

	cdbc_client_stats(f->client, look, &w);
	assert_int_equal(w.found, 1);
	return w.value;
}

static void test_its_numbers(void **state)
{
	fixture *f = *state;

	ask(f, "get_one", cdbc_string("a"));
	ask(f, "get_one", cdbc_string("a"));
	ask(f, "get_one", cdbc_string("a"));
	ask(f, "other", cdbc_string("a"));
	assert_int_equal(number(f, "cache_requests", "hit"), 2);
	assert_int_equal(number(f, "cache_requests", "miss"), 2);
	assert_int_equal(number(f, "cache_requests", "wait"), 0);
	assert_int_equal(number(f, "cache_requests", "pass"), 0);
	assert_int_equal(number(f, "cache_entries", NULL), 2);
	assert_int_equal(number(f, "cache_bytes", NULL), stats(f).bytes_now);
	cdbc_client_cache_invalidate(f->client, "other");
	assert_int_equal(number(f, "cache_invalidations", NULL), 1);
	assert_int_equal(number(f, "cache_entries", NULL), 1);
}

static void test_values_that_look_alike(void **state)
{
	static const cdbc_value one = {.kind = CDBC_VALUE_INT64, .as.int64 = 1};
	cdbc_value typed = cdbc_string("1");
	const cdbc_value rows[] = {cdbc_int64(1),     cdbc_string("1"), cdbc_bytes("1", 1),
							   cdbc_double(1),    cdbc_bool(true),  cdbc_bool(false),
							   cdbc_null(),       cdbc_string(""),  cdbc_string("NULL"),
							   cdbc_bytes("", 0), cdbc_int64(0),    cdbc_double(0),
							   cdbc_double(-0.0), cdbc_int64(-1),   typed};
	size_t count = sizeof rows / sizeof *rows;
	fixture *f = *state;

	(void)one;
	for (size_t i = 0; i < count; i++) {
		cdbc_value value = rows[i];

		if (i == count - 1)
			value.type.id = CDBC_TYPE_INT8;
		assert_true(ask(f, "get_one", value));
		assert_false(ask(f, "get_one", value));
	}
	for (size_t i = 0; i < count - 1; i++)
		assert_false(ask(f, "get_one", rows[i]));
}

static void test_lists_that_look_alike(void **state)
{
	const cdbc_value items[] = {cdbc_string("a"), cdbc_string("b"), cdbc_null(), cdbc_string("ab"),
								cdbc_string("")};
	const struct {
		size_t from, count;
	} rows[] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 1}, {1, 2}, {2, 1}, {3, 1}, {3, 2}, {4, 1}};
	fixture *f = *state;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			assert_int_equal(ask(f, "listed", cdbc_array(items + rows[i].from, rows[i].count)),
							 round == 0);
}

static cdbc_session *session_of(fixture *f, const char *user, const char *const *roles,
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
	fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_session *session =
			session_of(f, rows[i].user, rows[i].roles, rows[i].role_count, NULL);
		bool is_new = asks(f, session, "get_one", cdbc_int64(1));

		if (rows[i].roles && !rows[i].role_count) /* no roles, or none given: never another's */
			is_new = rows[i].is_new;
		assert_int_equal(is_new, rows[i].is_new);
		cdbc_session_release(session);
	}
}

static void test_settings(void **state)
{
	fixture *f = *state;
	cdbc_session *rome, *oslo;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select set_config*", .columns = "set_config text", .rows = "x"});
	rome = session_of(f, NULL, NULL, 0, "Europe/Rome");
	oslo = session_of(f, NULL, NULL, 0, "Europe/Oslo");
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(ask_on(rome, "get_one", cdbc_int64(1), NULL), CDBC_OK);
	assert_int_equal(ask_on(oslo, "get_one", cdbc_int64(1), NULL), CDBC_OK);
	assert_int_equal(stats(f).miss_count, 3);
	assert_false(asks(f, rome, "get_one", cdbc_int64(1)));
	assert_false(asks(f, oslo, "get_one", cdbc_int64(1)));
	assert_false(ask(f, "get_one", cdbc_int64(1)));
	cdbc_session_release(rome);
	cdbc_session_release(oslo);
}

static void test_result_modes(void **state)
{
	fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_int64(1)});
	cdbc_error *err = NULL;
	cdbc_result *result;

	assert_true(ask(f, "get_one", cdbc_int64(1)));
	for (int i = 0; i < 3; i++) {
		options.numeric = i == 1 ? CDBC_NUMERIC_TEXT : CDBC_NUMERIC_AUTO;
		options.arrays = i == 2 ? CDBC_ARRAYS_TEXT : CDBC_ARRAYS_LIST;
		assert_int_equal(cdbc_session_run(f->session, "get_one", params, &options, &result, NULL),
						 CDBC_OK);
		cdbc_result_free(result);
	}
	assert_int_equal(stats(f).miss_count, 3);
	options = (cdbc_request_options)CDBC_REQUEST_OPTIONS_INIT;
	options.max_rows = 1; /* holds, whatever is kept */
	assert_int_equal(cdbc_session_run(f->session, "get_one", params, &options, &result, &err),
					 CDBC_RESOURCE);
	cdbc_error_free(err);
	assert_false(ask(f, "get_one", cdbc_int64(1)));
}

static void test_not_in_transactions(void **state)
{
	fixture *f = *state;

	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_true(ask(f, "get_one", cdbc_int64(2)));
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_false(ask(f, "get_one", cdbc_int64(1)));
	assert_true(ask(f, "get_one", cdbc_int64(2)));
}

static void test_not_on_a_changed_session(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	fake_server_answer(f->server, &(fake_answer){.sql = "set a = 1"});
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(
		cdbc_session_query(f->session, "set a = 1", CDBC_NO_PARAMS, NULL, &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_true(ask(f, "get_one", cdbc_int64(1)));
}

/* What was read is the caller's for as long as he likes. */
static void test_batches_outlive_everything(void **state)
{
	fixture *f = *state;
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_string("kept")});
	struct ArrowArray first, second, child;
	cdbc_result *result;

	assert_true(ask(f, "get_one", cdbc_string("kept")));
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
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	fake_server_answer(f->server, &(fake_answer){.sql = "select none", .columns = "id int8"});
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cdbc_session_run(f->session, "none", CDBC_NO_PARAMS, NULL, &result, &err),
						 CDBC_DATA);
		assert_non_null(strstr(cdbc_error_message(err), "none"));
		cdbc_error_free(err);
	}
	assert_int_equal(stats(f).hit_count, 0); /* failures are not kept */
}

static void test_reload_makes_another_query(void **state)
{
	static const char changed[] = "-- name: get-one\n-- cache: 31s\nselect one $1;\n";
	fixture *f = *state;

	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(cdbc_client_register(f->client, "test.sql", queries, sizeof queries - 1, NULL),
					 CDBC_OK);
	assert_false(ask(f, "get_one", cdbc_int64(1)));
	assert_int_equal(cdbc_client_register(f->client, "test.sql", changed, sizeof changed - 1, NULL),
					 CDBC_OK);
	assert_true(ask(f, "get_one", cdbc_int64(1)));
}

/* ---- what is too large ---- */

static void answer_many(fixture *f, int64_t count)
{
	fake_server_answer(f->server, &(fake_answer){.sql = "select many",
												 .columns = "id int8, text text",
												 .rows = "7|some text that takes its room",
												 .repeat = count});
}

static void test_large_results_are_streamed(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	answer_many(f, 5000);
	for (int i = 0; i < 2; i++) {
		int64_t count = 0;

		assert_int_equal(cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
						 CDBC_OK);
		while (cdbc_result_next(result, NULL))
			count += cdbc_result_int64(result, 0) == 7;
		assert_true(cdbc_result_is_complete(result));
		assert_string_equal(cdbc_result_tag(result), "SELECT 5000");
		assert_int_equal(count, 5000);
		cdbc_result_free(result);
	}
	assert_int_equal(stats(f).miss_count, 1);
	assert_int_equal(stats(f).pass_count, 1);
	assert_true(stats(f).bytes_now < 4096);
}

static void test_a_large_result_given_up(void **state)
{
	fixture *f = *state;
	struct ArrowArrayStream stream;
	struct ArrowArray batch;
	cdbc_session *session;
	cdbc_result *result;

	answer_many(f, 5000);
	assert_int_equal(cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_USAGE); /* it is open */
	cdbc_result_free(result);
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	cdbc_client_cache_invalidate(f->client, "many");
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_run(session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_int_equal(cdbc_result_export_arrow(result, &stream, NULL), CDBC_OK);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	batch.release(&batch);
	cdbc_session_release(session);
	assert_int_not_equal(stream.get_next(&stream, &batch), 0);
	stream.release(&stream);
}

static void test_a_large_result_that_fails(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;
	int64_t count = 0;

	fake_server_answer(f->server, &(fake_answer){.sql = "select many",
												 .columns = "id int8, text text",
												 .rows = "7|some text that takes its room",
												 .repeat = 5000,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_SQL,
														   .message = "division by zero",
														   .sqlstate = "22012"},
												 .error_after_rows = 4000});
	assert_int_equal(cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	while (cdbc_result_next(result, &err))
		count++;
	assert_int_equal(count, 4000);
	assert_int_equal(cdbc_error_status(err), CDBC_SQL);
	assert_string_equal(cdbc_error_message(err), "query \"many\": division by zero");
	cdbc_error_free(err);
	assert_false(cdbc_result_is_complete(result));
	cdbc_result_free(result);
	assert_int_equal(f->started, 1);
	assert_int_equal(f->ended, 1);
}

/* ---- time ---- */

static void test_its_time(void **state)
{
	fixture *f = *state;

	cx_clock_fake_start(cx_clock_now_ns());
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	cx_clock_fake_advance_ns(30 * CX_NS_PER_S - 1);
	assert_false(ask(f, "get_one", cdbc_int64(1)));
	cx_clock_fake_advance_ns(1);
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_false(ask(f, "get_one", cdbc_int64(1)));
	cx_clock_fake_stop();
}

/* ---- many at once ---- */

#define MANY 8

typedef struct asker {
	fixture *f;
	cx_thread thread;
	cdbc_session *session;
	int64_t timeout_ms;
	cdbc_status status;
	atomic_bool is_done;
} asker;

static void *ask_apart(void *data)
{
	asker *a = data;

	a->status = ask_on(a->session, "get_one", cdbc_string("a"), NULL);
	atomic_store(&a->is_done, true);
	return NULL;
}

static void begin(fixture *f, asker *askers, size_t count, int64_t timeout_ms)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;

	options.timeout_ms = timeout_ms;
	for (size_t i = 0; i < count; i++) {
		askers[i].f = f;
		atomic_init(&askers[i].is_done, false);
		assert_int_equal(cdbc_client_acquire(f->client, &options, &askers[i].session, NULL),
						 CDBC_OK);
		assert_true(cx_thread_start(&askers[i].thread, ask_apart, &askers[i], "asker"));
	}
}

/* Gives how many did not succeed. */
static int join(asker *askers, size_t count)
{
	int failures = 0;

	for (size_t i = 0; i < count; i++) {
		cx_thread_join(&askers[i].thread);
		cdbc_session_release(askers[i].session);
		failures += askers[i].status != CDBC_OK;
	}
	return failures;
}

/* Until so many have come to wait; ten seconds at most. */
static void await_waiters(fixture *f, int64_t count)
{
	for (int i = 0; i < 10000 && stats(f).wait_count < count; i++)
		cx_clock_sleep_ns(CX_NS_PER_MS);
	assert_int_equal(stats(f).wait_count, count);
}

static void answer_gated(fixture *f, int64_t times, cdbc_status status)
{
	fake_answer answer = {.sql = "select one*",
						  .times = times,
						  .columns = "id int8, given text",
						  .rows = "1|$1;2|\\N",
						  .gate = "slow",
						  .gate_at = CDBC_POSITION_SENT};

	if (status)
		answer.error = (cdbc_error_info){.struct_size = sizeof(cdbc_error_info),
										 .status = status,
										 .message = "no",
										 .sqlstate = "22012"};
	fake_server_answer(f->server, &answer);
}

/* The dialect is known, and the connection of the session warm. */
static void warm_up(fixture *f)
{
	ask(f, "plain", cdbc_int64(0));
	fake_server_forget(f->server);
}

static void test_one_loads_for_all(void **state)
{
	fixture *f = *state;
	asker askers[MANY];
	int64_t before;

	warm_up(f);
	before = requests(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 0);
	assert_int_equal(requests(f) - before, 1);
	assert_int_equal(stats(f).miss_count, 1);
}

static void test_who_fails_fails_alone(void **state)
{
	fixture *f = *state;
	asker askers[MANY];
	int64_t before;

	warm_up(f);
	before = requests(f);
	answer_gated(f, 1, CDBC_SQL);
	answer_gated(f, 0, CDBC_OK);
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 1);
	assert_int_equal(requests(f) - before, 2);
	assert_false(ask(f, "get_one", cdbc_string("a")));
}

static void test_a_waiter_has_its_own_deadline(void **state)
{
	fixture *f = *state;
	asker loader, waiter;

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, &loader, 1, 0);
	assert_true(fake_server_wait(f->server, "slow", 1));
	begin(f, &waiter, 1, 50);
	assert_int_equal(join(&waiter, 1), 1);
	assert_int_equal(waiter.status, CDBC_TIMEOUT);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(&loader, 1), 0);
}

static void test_a_waiter_is_cancelled(void **state)
{
	fixture *f = *state;
	asker loader, waiter;

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, &loader, 1, 0);
	assert_true(fake_server_wait(f->server, "slow", 1));
	begin(f, &waiter, 1, 0);
	await_waiters(f, 1);
	while (!atomic_load(&waiter.is_done)) { /* until it has begun to wait */
		assert_int_equal(cdbc_session_cancel(waiter.session, NULL), CDBC_OK);
		cx_clock_sleep_ns(CX_NS_PER_MS);
	}
	assert_int_equal(join(&waiter, 1), 1);
	assert_int_equal(waiter.status, CDBC_CANCELLED);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(&loader, 1), 0);
}

static void test_a_cancelled_loader_fails_alone(void **state)
{
	fixture *f = *state;
	asker loader, waiters[MANY - 1];

	warm_up(f);
	answer_gated(f, 1, CDBC_OK);
	fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
												 .columns = "id int8, given text",
												 .rows = "1|$1;2|\\N"});
	begin(f, &loader, 1, 0);
	assert_true(fake_server_wait(f->server, "slow", 1));
	begin(f, waiters, MANY - 1, 0);
	await_waiters(f, MANY - 1);
	assert_int_equal(cdbc_session_cancel(loader.session, NULL), CDBC_OK);
	assert_int_equal(join(&loader, 1), 1);
	assert_int_equal(loader.status, CDBC_CANCELLED);
	assert_int_equal(join(waiters, MANY - 1), 0);
}

static int64_t used_now(fixture *f)
{
	cdbc_pool_stats pool = {.struct_size = sizeof pool};

	cdbc_client_pool_stats(f->client, &pool);
	return pool.used_now;
}

/* A waiter's connection is its own until it waits. */
static void test_who_waits_keeps_no_connection(void **state)
{
	fixture *f = *state;
	asker askers[MANY];

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	for (int i = 0; i < 10000 && used_now(f) != 2; i++) /* they are about to wait */
		cx_clock_sleep_ns(CX_NS_PER_MS);
	assert_int_equal(used_now(f), 2); /* the fixture's, and the loader's */
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 0);
}

/* ---- invalidation ---- */

static void test_invalidation_by_name(void **state)
{
	fixture *f = *state;

	ask(f, "get_one", cdbc_int64(1));
	ask(f, "get_one", cdbc_int64(2));
	ask(f, "other", cdbc_int64(1));
	cdbc_client_cache_invalidate(f->client, "get-on");
	cdbc_client_cache_invalidate(f->client, "get_one_");
	cdbc_client_cache_invalidate(f->client, "");
	assert_int_equal(stats(f).entries_now, 3);
	cdbc_client_cache_invalidate(f->client, "get_one");
	assert_int_equal(stats(f).entries_now, 1);
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	assert_false(ask(f, "other", cdbc_int64(1)));
	cdbc_client_cache_invalidate(f->client, "get-one");
	assert_true(ask(f, "get_one", cdbc_int64(1)));
	cdbc_client_cache_invalidate(f->client, NULL);
	assert_int_equal(stats(f).entries_now, 0);
	assert_int_equal(stats(f).bytes_now, 0);
	assert_true(ask(f, "other", cdbc_int64(1)));
}

static void test_invalidation_while_it_is_loaded(void **state)
{
	fixture *f = *state;
	asker askers[MANY];
	int64_t before;

	warm_up(f);
	before = requests(f);
	answer_gated(f, 1, CDBC_OK);
	fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
												 .columns = "id int8, given text",
												 .rows = "1|$1;2|\\N"});
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	cdbc_client_cache_invalidate(f->client, "get_one");
	for (size_t i = 0; i < 1000 && requests(f) - before < 2; i++)
		cx_clock_sleep_ns(CX_NS_PER_MS); /* who waited reads anew, before the old one is there */
	assert_int_equal(requests(f) - before, 2);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 0);
	assert_int_equal(requests(f) - before, 2);
	assert_false(ask(f, "get_one", cdbc_string("a")));
}

/* Gives what the one row says. */
static void said(cdbc_session *session, char *out, size_t size)
{
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_string("a")});
	cdbc_result *result;
	cdbc_text text;

	assert_int_equal(cdbc_session_run(session, "get_one", params, NULL, &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	text = cdbc_result_text(result, 1);
	snprintf(out, size, "%.*s", (int)text.length, text.data);
	cdbc_result_free(result);
}

typedef struct listener {
	cdbc_session *session;
	cx_thread thread;
	char text[16];
} listener;

static void *listen_apart(void *data)
{
	listener *l = data;

	said(l->session, l->text, sizeof l->text);
	return NULL;
}

/* A load that began before an invalidation may end after it: nobody who asks later sees its rows,
 * neither while it is under way nor when it has ended. */
static void test_a_load_from_before_the_invalidation(void **state)
{
	fixture *f = *state;
	listener loader = {.session = NULL}, waiter = {.session = NULL};
	char text[16];

	warm_up(f);
	fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
												 .times = 1,
												 .columns = "id int8, given text",
												 .rows = "1|old",
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select one*", .columns = "id int8, given text", .rows = "1|new"});
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &loader.session, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &waiter.session, NULL), CDBC_OK);
	assert_true(cx_thread_start(&loader.thread, listen_apart, &loader, "loader"));
	assert_true(fake_server_wait(f->server, "slow", 1));
	assert_true(cx_thread_start(&waiter.thread, listen_apart, &waiter, "waiter"));
	await_waiters(f, 1);
	cdbc_client_cache_invalidate(f->client, "get_one");
	said(f->session, text, sizeof text); /* while the old one is still under way */
	assert_string_equal(text, "new");
	cx_thread_join(&waiter.thread);
	assert_string_equal(waiter.text, "new");
	fake_server_let(f->server, "slow");
	cx_thread_join(&loader.thread);
	assert_string_equal(loader.text, "old"); /* it had asked before */
	said(f->session, text, sizeof text);
	assert_string_equal(text, "new");
	cdbc_session_release(loader.session);
	cdbc_session_release(waiter.session);
}

/* ---- all at once ---- */

#define STORM_THREADS 8
#define STORM_ROUNDS  300

typedef struct storm {
	fixture *f;
	cx_thread thread;
	int number;
	int64_t good, failed, late;
} storm;

/* The server's rows: they change, then the cache is told. What is told is the least that a later
 * request may see. */
static _Atomic int64_t version_told;

static int64_t version_seen(cdbc_session *session, int64_t key, cdbc_status *status)
{
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_int64(key)});
	cdbc_error *err = NULL;
	cdbc_result *result;
	int64_t seen = -1;

	*status = cdbc_session_run(session, "versioned", params, NULL, &result, &err);
	if (*status) {
		cdbc_error_free(err);
		return -1;
	}
	if (cdbc_result_next(result, NULL))
		seen = cdbc_result_int64(result, 0);
	cdbc_result_free(result);
	return seen;
}

static void *storm_run(void *data)
{
	storm *s = data;
	cdbc_session *session;
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;

	options.timeout_ms = 10000;
	if (cdbc_client_acquire(s->f->client, &options, &session, NULL))
		return NULL;
	for (int i = 0; i < STORM_ROUNDS; i++) {
		int64_t least = atomic_load(&version_told), seen;
		cdbc_status status;

		seen = version_seen(session, (i * 7 + s->number) % 5, &status);
		if (status)
			s->failed++;
		else if (seen < least)
			s->late++;
		else
			s->good++;
	}
	cdbc_session_release(session);
	return NULL;
}

/* Readers, who sometimes fail, and one who changes the rows: nobody sees rows older than the last
 * invalidation before he asked. */
static void test_a_storm(void **state)
{
	fixture *f = *state;
	storm all[STORM_THREADS];
	int64_t good = 0, failed = 0;

	warm_up(f);
	atomic_store(&version_told, 0);
	fake_server_answer(
		f->server, &(fake_answer){.sql = "select versioned*", .columns = "v int8", .rows = "0"});
	for (int i = 0; i < STORM_THREADS; i++) {
		all[i] = (storm){.f = f, .number = i};
		assert_true(cx_thread_start(&all[i].thread, storm_run, &all[i], "storm"));
	}
	for (int64_t version = 1; version <= 60; version++) {
		char row[24];

		fake_server_forget(f->server);
		snprintf(row, sizeof row, "%lld", (long long)version);
		fake_server_answer(f->server,
						   &(fake_answer){.sql = "select versioned*",
										  .times = 1,
										  .columns = "v int8",
										  .error = {.struct_size = sizeof(cdbc_error_info),
													.status = CDBC_SQL,
													.message = "no",
													.sqlstate = "22012"}});
		fake_server_answer(
			f->server,
			&(fake_answer){.sql = "select versioned*", .columns = "v int8", .rows = row});
		cdbc_client_cache_invalidate(f->client, version % 3 ? "versioned" : NULL);
		atomic_store(&version_told, version);
		cx_clock_sleep_ns(CX_NS_PER_MS);
	}
	for (int i = 0; i < STORM_THREADS; i++) {
		cx_thread_join(&all[i].thread);
		assert_int_equal(all[i].late, 0);
		assert_int_equal(all[i].good + all[i].failed, STORM_ROUNDS);
		good += all[i].good;
		failed += all[i].failed;
	}
	assert_true(good > failed && stats(f).hit_count > 0);
}

/* ---- memory ---- */

/* What the library has in use, as the allocator sees it. */
static _Atomic int64_t in_use;

static void *counted_alloc(size_t size)
{
	void *block = malloc(size);

	if (block)
		atomic_fetch_add(&in_use, (int64_t)malloc_usable_size(block));
	return block;
}

static void counted_free(void *block)
{
	if (block)
		atomic_fetch_sub(&in_use, (int64_t)malloc_usable_size(block));
	free(block);
}

static void *counted_realloc(void *old, size_t size)
{
	int64_t before = old ? (int64_t)malloc_usable_size(old) : 0;
	void *block = realloc(old, size);

	if (block)
		atomic_fetch_add(&in_use, (int64_t)malloc_usable_size(block) - before);
	return block;
}

static const cdbc_allocator counted = {counted_alloc, counted_realloc, counted_free};

static void fill_with(fixture *f, const char *name, size_t value_bytes, int count)
{
	char *text = calloc(1, value_bytes + 16);

	for (int i = 0; i < count; i++) {
		cdbc_params params = CDBC_PARAMS({NULL, cdbc_string(text)});
		cdbc_error *err = NULL;
		cdbc_result *result;

		memset(text, 'x', value_bytes);
		snprintf(text + value_bytes, 16, "%d", i);
		if (cdbc_session_run(f->session, name, params, NULL, &result, &err))
			fail_msg("%s", cdbc_error_message(err));
		while (cdbc_result_next(result, NULL))
			;
		cdbc_result_free(result);
		assert_in_range(stats(f).bytes_now, 1, 65536);
	}
	free(text);
}

/* The bytes that it counts are those that it takes: small rows, large rows and large keys. */
static void test_its_bytes_are_true(void **state)
{
	static const struct {
		const char *name;
		size_t value_bytes;
		int rows; /* of select wide */
	} cases[] = {{"get_one", 1, 0}, {"get_one", 300, 0}, {"keyed", 3000, 0}, {"wide", 1, 1},
				 {"wide", 1, 10},   {"wide", 1, 90},     {"wide", 1, 100},   {"wide", 1, 130}};
	fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t full, counted_bytes, taken;

		fake_server_answer(f->server,
						   &(fake_answer){.sql = "select wide*",
										  .times = 200,
										  .columns = "a int8, b text, c bool, d int4, e text",
										  .rows = "1|some text or other|t|\\N|one two three",
										  .repeat = cases[i].rows});
		fake_server_answer(
			f->server, &(fake_answer){.sql = "select keyed*", .columns = "a int8", .rows = "1"});
		fill_with(f, cases[i].name, cases[i].value_bytes, 200);
		full = atomic_load(&in_use);
		counted_bytes = stats(f).bytes_now;
		assert_true(stats(f).eviction_count > 0 || counted_bytes < 65536);
		cdbc_client_cache_invalidate(f->client, NULL);
		taken = full - atomic_load(&in_use);
		if (taken > counted_bytes + counted_bytes / 8 || taken < counted_bytes / 2)
			fail_msg("case %zu: counted %lld, took %lld", i, (long long)counted_bytes,
					 (long long)taken);
		fake_server_forget(f->server);
		fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
													 .columns = "id int8, given text",
													 .rows = "1|$1;2|\\N"});
	}
}

static cdbc_status miss_and_hit(void *data, cdbc_error **err)
{
	fixture *f = data;
	char long_text[3000];
	cdbc_status status = ask_on(f->session, "get_one", cdbc_string("a"), err);

	if (!status)
		status = ask_on(f->session, "get_one", cdbc_string("a"), err);
	memset(long_text, 'x', sizeof long_text);
	long_text[sizeof long_text - 1] = '\0';
	if (!status) /* a key that does not stand on the stack */
		status = ask_on(f->session, "get_one", cdbc_string(long_text), err);
	cdbc_client_cache_invalidate(f->client, NULL);
	return status;
}

static cdbc_status pass_through(void *data, cdbc_error **err)
{
	fixture *f = data;
	cdbc_result *result;
	cdbc_status status = cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, err);
	cdbc_error *error = NULL;
	int64_t count = 0;

	if (!status) {
		while (cdbc_result_next(result, &error))
			count++;
		if (cdbc_result_is_complete(result))
			assert_int_equal(count, 1000);
		else
			status = cdbc_error_status(error);
		cdbc_error_free(error);
		cdbc_result_free(result);
	}
	cdbc_client_cache_invalidate(f->client, NULL);
	return status;
}

static void test_memory_runs_out(void **state)
{
	fixture *f = *state;

	answer_many(f, 1000);
	ask(f, "get_one", cdbc_string("a"));
	cdbc_client_cache_invalidate(f->client, NULL);
	assert_true(oom_run(miss_and_hit, f) > 10);
	assert_true(oom_run(pass_through, f) > 10);
}

int main(void)
{
#define CASE(test)    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WATCHED(test) cmocka_unit_test_setup_teardown(test, set_up_watched, tear_down)
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
		CASE(test_large_results_are_streamed),
		CASE(test_a_large_result_given_up),
		WATCHED(test_a_large_result_that_fails),
		CASE(test_its_time),
		CASE(test_one_loads_for_all),
		CASE(test_who_fails_fails_alone),
		CASE(test_a_waiter_has_its_own_deadline),
		CASE(test_a_waiter_is_cancelled),
		CASE(test_a_cancelled_loader_fails_alone),
		CASE(test_who_waits_keeps_no_connection),
		CASE(test_invalidation_by_name),
		CASE(test_invalidation_while_it_is_loaded),
		CASE(test_a_load_from_before_the_invalidation),
		CASE(test_a_storm),
		CASE(test_its_bytes_are_true),
		CASE(test_memory_runs_out),
	};
	cdbc_error *err = NULL;

	cdbc_set_allocator(&counted);
	if (cdbc_driver_add(&fake_driver, &err)) {
		print_error("%s\n", cdbc_error_message(err));
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
