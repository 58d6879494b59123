// SPDX-License-Identifier: Apache-2.0
/* The same client for every test of the cache: what it is asked, and how small its cache is. */
#include "cache_fixture.h"
#include "support/test_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

const char cache_queries[] = "-- name: get-one\n"
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

static void on_event(void *self, const cdbc_event *event)
{
	cache_fixture *f = self;

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
	static cache_fixture f;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config_item items[] = {{"pool.max_size", "9"},
								{"pool.min_size", "0"},
								{"cache.max_bytes", "64KiB"},
								{"cache.max_entry_bytes", "16KiB"},
								{"results.batch_rows", "100"}};
	cdbc_error *err = NULL;

	memset(&f, 0, sizeof f);
	f.server = fake_server_new("cache");
	cache_answer_one(&f);
	f.observer = (cdbc_observer){.struct_size = sizeof f.observer,
								 .name = "test",
								 .events = CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END,
								 .on_event = on_event,
								 .self = &f};
	options.observers = &f.observer;
	options.observer_count = is_watched;
	test_client_open("fake:cache", items, sizeof items / sizeof *items, &options, &f.client, NULL);
	if (cdbc_client_register(f.client, "test.sql", cache_queries, strlen(cache_queries), &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_msg("%s", cdbc_error_message(err));
	*state = &f;
	return 0;
}

int cache_set_up(void **state)
{
	return open_client(state, false);
}

int cache_set_up_watched(void **state)
{
	return open_client(state, true);
}

int cache_tear_down(void **state)
{
	cache_fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	return 0;
}

int64_t cache_requests(cache_fixture *f)
{
	return fake_server_counts(f->server).requests;
}

cdbc_cache_stats cache_stats(cache_fixture *f)
{
	cdbc_cache_stats s = {.struct_size = sizeof s};

	cdbc_client_cache_stats(f->client, &s);
	return s;
}

cdbc_status cache_ask_on(cdbc_session *session, const char *name, cdbc_value value,
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

bool cache_asks(cache_fixture *f, cdbc_session *session, const char *name, cdbc_value value)
{
	int64_t before = cache_requests(f);
	cdbc_error *err = NULL;

	if (cache_ask_on(session, name, value, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_in_range(cache_requests(f) - before, 0, 2); /* the first of a transaction has a BEGIN */
	return cache_requests(f) > before;
}

bool cache_ask(cache_fixture *f, const char *name, cdbc_value value)
{
	return cache_asks(f, f->session, name, value);
}

void cache_answer_one(cache_fixture *f)
{
	fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
												 .columns = "id int8, given text",
												 .rows = "1|$1;2|\\N"});
}

void cache_answer_many(cache_fixture *f, int64_t count)
{
	fake_server_answer(f->server, &(fake_answer){.sql = "select many",
												 .columns = "id int8, text text",
												 .rows = "7|some text that takes its room",
												 .repeat = count});
}

bool cache_add_driver(void)
{
	cdbc_error *err = NULL;

	if (cdbc_driver_add(&fake_driver, &err)) {
		print_error("%s\n", cdbc_error_message(err));
		return false;
	}
	return true;
}
