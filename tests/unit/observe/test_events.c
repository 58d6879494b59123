// SPDX-License-Identifier: Apache-2.0
/* What a client tells its observers, on the scripted driver: each beginning has its end, whatever
 * happens between; and what the counters make of it. */
#include "base/clock.h"
#include "base/error.h"
#include "service/observe/observe.h"
#include "support/test_client.h"
#include "support/oom.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SEEN_MAX 400
#define ALL_OF_A_PAIR                                                         \
	(CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END | CDBC_EVENT_ATTEMPT | \
	 CDBC_EVENT_TRANSACTION_START | CDBC_EVENT_TRANSACTION_END)

typedef struct seen {
	cdbc_event_kind kind;
	uint64_t id, transaction_id, fingerprint;
	int64_t time_ns, duration_ns, attempt, row_count, byte_count, affected_count;
	bool has_values;
	cdbc_status status;
	char name[32], host[64], text[32];
} seen;

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	char log[40];
	seen all[SEEN_MAX];
	size_t count;
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;
	seen *s = &f->all[f->count++];

	assert_true(f->count < SEEN_MAX);
	*s = (seen){.kind = event->kind,
				.id = event->id,
				.transaction_id = event->transaction_id,
				.fingerprint = event->fingerprint,
				.time_ns = event->time_ns,
				.duration_ns = event->duration_ns,
				.attempt = event->attempt,
				.row_count = event->row_count,
				.byte_count = event->byte_count,
				.affected_count = event->affected_count,
				.has_values = event->values != NULL,
				.status = event->error ? cdbc_error_status(event->error) : CDBC_OK};
	snprintf(s->name, sizeof s->name, "%s", event->name ? event->name : "");
	snprintf(s->host, sizeof s->host, "%s", event->host ? event->host : "");
	snprintf(s->text, sizeof s->text, "%s", event->text ? event->text : "");
}

static void script(fake_server *server)
{
	fake_server_answer(server, &(fake_answer){.sql = "BEGIN*", .tx_after = FAKE_TX_OPEN});
	fake_server_answer(server, &(fake_answer){.sql = "ROLLBACK TO*"});
	fake_server_answer(server, &(fake_answer){.sql = "select rows",
											  .columns = "id int8, name text",
											  .rows = "1|one;2|three"});
	fake_server_answer(server,
					   &(fake_answer){.sql = "select $1", .columns = "id int8", .rows = "1"});
	fake_server_answer(server, &(fake_answer){.sql = "update t", .tag = "UPDATE 3", .affected = 3});
	fake_server_answer(server, &(fake_answer){.sql = "select wrong",
											  .error = {.struct_size = sizeof(cdbc_error_info),
														.status = CDBC_SQL,
														.message = "no \"secret\"",
														.sqlstate = "22P02"}});
	fake_server_answer(server, &(fake_answer){.sql = "select breaks",
											  .columns = "id int8",
											  .rows = "1;2",
											  .loses_link = true,
											  .lost_at = CDBC_POSITION_ROWS_TAKEN});
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = ALL_OF_A_PAIR,
							  .on_event = on_event,
							  .self = &f};
	cdbc_config_item items[] = {
		{"pool.max_size", "1"},    {"pool.min_size", "0"},    {"retry.lost_first", "1ms"},
		{"retry.lost_max", "1ms"}, {"stats.enabled", "true"}, {"log.target", "file"},
		{"log.path", f.log},       {"log.level", "debug"},    {"retry.conflict_max", "1ms"}};

	memset(&f, 0, sizeof f);
	strcpy(f.log, "/tmp/cdbc-events-XXXXXX");
	close(mkstemp(f.log));
	f.server = fake_server_new("events");
	script(f.server);
	test_client_open("fake:events", items, sizeof items / sizeof *items, TEST_OBSERVED(&observer),
					 &f.client, &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	unlink(f->log);
	return 0;
}

static bool is_start(cdbc_event_kind kind)
{
	return kind == CDBC_EVENT_REQUEST_START || kind == CDBC_EVENT_TRANSACTION_START;
}

/* Every start has one end after it, with the same id and fingerprint, no id is used twice, and
 * what lies inside a transaction says so. */
static void check_pairs(const fixture *f)
{
	uint64_t in = 0;

	for (size_t i = 0; i < f->count; i++) {
		const seen *s = &f->all[i];
		size_t ends = 0;

		assert_true(s->id != 0);
		if (s->kind == CDBC_EVENT_TRANSACTION_START)
			in = s->id;
		assert_int_equal(s->transaction_id, in);
		if (s->kind == CDBC_EVENT_TRANSACTION_END)
			in = 0;
		if (!is_start(s->kind))
			continue;
		for (size_t k = 0; k < f->count; k++) {
			const seen *e = &f->all[k];

			if (k == i || e->id != s->id)
				continue;
			assert_true(k > i && !is_start(e->kind));
			assert_true(e->time_ns >= s->time_ns);
			if (e->kind == CDBC_EVENT_ATTEMPT)
				continue;
			ends++;
			assert_int_equal(e->duration_ns, e->time_ns - s->time_ns);
			assert_int_equal(e->fingerprint, s->fingerprint);
		}
		assert_int_equal(ends, 1);
	}
}

static cdbc_status run(fixture *f, const char *sql)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, NULL, &result, NULL);

	if (status)
		return status;
	while (cdbc_result_next(result, NULL))
		;
	cdbc_result_free(result);
	return CDBC_OK;
}

static void test_a_request(void **state)
{
	fixture *f = *state;
	cdbc_sql_form *form;

	assert_int_equal(run(f, "select rows"), CDBC_OK);
	assert_int_equal(run(f, "update t"), CDBC_OK);
	assert_int_equal(f->count, 4);
	check_pairs(f);
	assert_int_equal(cdbc_sql_fingerprint("select rows", 11, &form, NULL), CDBC_OK);
	assert_int_equal(f->all[0].fingerprint, cdbc_sql_form_hash(form));
	cdbc_sql_form_free(form);
	assert_false(f->all[0].has_values);
	assert_int_equal(f->all[1].row_count, 2);
	assert_int_equal(f->all[1].byte_count, 2 * 8 + 3 + 5);
	assert_true(f->all[1].host[0] != '\0');
	assert_int_equal(f->all[3].affected_count, 3);
	assert_int_equal(f->all[3].byte_count, 0);
}

static void test_failures(void **state)
{
	fixture *f = *state;

	assert_int_equal(run(f, "select wrong"), CDBC_SQL);
	assert_int_equal(run(f, "select breaks"), CDBC_OK);
	assert_int_equal(f->count, 4);
	check_pairs(f);
	assert_int_equal(f->all[1].status, CDBC_SQL);
	assert_int_equal(f->all[3].status, CDBC_CONNECT);
	assert_int_equal(f->all[3].row_count, 2);
	assert_int_equal(f->all[3].affected_count, -1);
}

static void test_attempts(void **state)
{
	fixture *f = *state;

	fake_server_answer(f->server, &(fake_answer){.sql = "select lost",
												 .times = 2,
												 .columns = "id int8",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT});
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "select lost", .columns = "id int8", .rows = "1"});
	assert_int_equal(run(f, "select lost"), CDBC_OK);
	assert_int_equal(f->count, 4);
	check_pairs(f);
	assert_int_equal(f->all[1].kind, CDBC_EVENT_ATTEMPT);
	assert_int_equal(f->all[1].attempt, 1);
	assert_int_equal(f->all[1].status, CDBC_CONNECT);
	assert_int_equal(f->all[2].attempt, 2);
	assert_int_equal(f->all[3].attempt, 3);
	assert_int_equal(f->all[3].status, CDBC_OK);
}

static void test_transactions_by_hand(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;

	options.name = "move";
	assert_int_equal(cdbc_session_begin(f->session, &options, NULL), CDBC_OK);
	assert_int_equal(run(f, "select rows"), CDBC_OK);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(run(f, "select wrong"), CDBC_SQL);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_SQL);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	cdbc_session_release(f->session);
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &f->session, NULL), CDBC_OK);
	assert_int_equal(run(f, "select rows"), CDBC_OK);
	check_pairs(f);
	assert_int_equal(f->count, 4 + 2 + 4 + 2 + 2);
	assert_string_equal(f->all[3].name, "move");
	assert_string_equal(f->all[3].text, "commit");
	assert_string_equal(f->all[5].text, "rollback");
	assert_int_equal(f->all[9].status, CDBC_SQL);
	assert_string_equal(f->all[11].text, "rollback");
	assert_int_equal(f->all[12].transaction_id, 0);
}

static cdbc_status move(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(session, data, CDBC_NO_PARAMS, NULL, &result, err);

	if (!status)
		cdbc_result_free(result);
	return status;
}

static void test_transactions_by_function(void **state)
{
	fixture *f = *state;
	char conflict[] = "select conflict", wrong[] = "select wrong";
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;

	fake_server_answer(f->server, &(fake_answer){.sql = conflict,
												 .times = 2,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_CONFLICT,
														   .message = "restart",
														   .sqlstate = "40001"}});
	fake_server_answer(f->server,
					   &(fake_answer){.sql = conflict, .columns = "id int8", .rows = "1"});
	options.name = "transfer";
	assert_int_equal(cdbc_session_transact(f->session, move, conflict, &options, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transact(f->session, move, wrong, NULL, NULL), CDBC_SQL);
	check_pairs(f);
	assert_int_equal(f->count, 1 + 3 + 3 + 2 + 1 + 4);
	assert_int_equal(f->all[3].kind, CDBC_EVENT_ATTEMPT);
	assert_int_equal(f->all[3].id, f->all[0].id);
	assert_int_equal(f->all[3].transaction_id, f->all[0].id);
	assert_string_equal(f->all[3].name, "transfer");
	assert_int_equal(f->all[3].attempt, 1);
	assert_int_equal(f->all[3].status, CDBC_CONFLICT);
	assert_int_equal(f->all[6].id, f->all[0].id); /* the second */
	assert_int_equal(f->all[6].attempt, 2);
	assert_int_equal(f->all[9].attempt, 3);
	assert_int_equal(f->all[9].kind, CDBC_EVENT_TRANSACTION_END);
	assert_string_equal(f->all[13].text, "rollback");
	assert_int_equal(f->all[13].status, CDBC_SQL);
}

/* ---- what is counted ---- */

typedef struct wanted {
	const char *name, *label_value;
	int64_t value;
	int found;
	int64_t p99_ns;
} wanted;

static void look(void *data, const cdbc_stat *stat)
{
	wanted *w = data;

	assert_true(stat->help && stat->name && (stat->label == NULL) == (stat->label_value == NULL));
	if (strcmp(stat->name, w->name) != 0 ||
		(w->label_value && strcmp(stat->label_value, w->label_value) != 0))
		return;
	w->found++;
	w->value = stat->value;
	if (stat->kind == CDBC_STAT_HISTOGRAM)
		w->p99_ns = cdbc_histogram_quantile_ns(stat->histogram, 0.99);
}

static wanted number(const fixture *f, const char *name, const char *label_value)
{
	wanted w = {.name = name, .label_value = label_value};

	cdbc_client_stats(f->client, look, &w);
	return w;
}

static void test_stats(void **state)
{
	fixture *f = *state;

	for (int i = 0; i < 5; i++)
		assert_int_equal(run(f, "select rows"), CDBC_OK);
	assert_int_equal(run(f, "select wrong"), CDBC_SQL);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_int_equal(number(f, "requests", "ok").value, 5);
	assert_int_equal(number(f, "requests", "sql").value, 1);
	assert_int_equal(number(f, "requests", "timeout").found, 0);
	assert_int_equal(number(f, "rows", NULL).value, 10);
	assert_int_equal(number(f, "transactions", "committed").value, 1);
	assert_int_equal(number(f, "query_duration", "sql").value, 6);
	assert_true(number(f, "query_duration", "sql").p99_ns > 0);
	assert_int_equal(number(f, "query_errors", "sql").value, 1);
	assert_int_equal(number(f, "pool_opens", NULL).value, 1);
	assert_int_equal(number(f, "log_dropped", NULL).value, 0);
	assert_int_equal(number(f, "breaker_state", NULL).found, 0);
}

/* How many lines of the log have both. */
static int lines_with_both(const fixture *f, const char *what, const char *other)
{
	FILE *file = fopen(f->log, "r");
	char line[5000];
	int count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		assert_true(line[0] == '{' && strcmp(line + strlen(line) - 2, "}\n") == 0);
		count += strstr(line, what) && strstr(line, other);
	}
	fclose(file);
	return count;
}

static int lines_with(const fixture *f, const char *what)
{
	return lines_with_both(f, what, "");
}

static void test_the_log(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	assert_int_equal(run(f, "select rows"), CDBC_OK);
	assert_int_equal(run(f, "select wrong"), CDBC_SQL);
	assert_int_equal(cdbc_session_query(f->session, "select $1", CDBC_PARAMS({NULL, cdbc_int64(7)}),
										NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(lines_with(f, "\"event\":\"request\""), 3);
	assert_int_equal(lines_with(f, "\"event\":\"request_start\""), 3);
	assert_int_equal(lines_with(f, "\"event\":\"connect\""), 1);
	assert_int_equal(lines_with(f, "\"status\":\"ok\""), 2);
	assert_int_equal(lines_with(f, "\"sqlstate\":\"22P02\""), 1);
	assert_int_equal(lines_with(f, "secret"), 0); /* it may be a value */
	assert_int_equal(lines_with(f, "\"values\""), 0);
	assert_int_equal(unlink(f->log), 0);
	assert_int_equal(cdbc_client_reopen_log(f->client, NULL), CDBC_OK);
	assert_int_equal(run(f, "select rows"), CDBC_OK);
	assert_int_equal(lines_with(f, "\"event\":\"request\""), 1);
}

/* An attempt has the name of what is begun anew: of a whole transaction, or of a query. */
static void test_names_in_the_log(void **state)
{
	static const char queries[] = "-- name: look\nselect gone\n";
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	char conflict[] = "select conflict";
	cdbc_result *result;
	fixture *f = *state;

	fake_server_answer(f->server, &(fake_answer){.sql = conflict,
												 .times = 1,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_CONFLICT,
														   .message = "restart",
														   .sqlstate = "40001"}});
	fake_server_answer(f->server, &(fake_answer){.sql = conflict});
	fake_server_answer(f->server, &(fake_answer){.sql = "select gone",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT});
	fake_server_answer(f->server, &(fake_answer){.sql = "select gone", .columns = "id int8"});
	options.name = "transfer";
	assert_int_equal(cdbc_session_transact(f->session, move, conflict, &options, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_register(f->client, "q.sql", queries, sizeof queries - 1, NULL),
					 CDBC_OK);
	assert_int_equal(cdbc_session_run(f->session, "look", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(lines_with(f, "\"event\":\"attempt\""), 2);
	assert_int_equal(lines_with_both(f, "\"event\":\"attempt\"", "\"transaction\":\"transfer\""),
					 1);
	assert_int_equal(lines_with_both(f, "\"event\":\"attempt\"", "\"query\":\"look\""), 1);
	assert_int_equal(
		lines_with_both(f, "\"event\":\"transaction_start\"", "\"transaction\":\"transfer\""), 1);
	assert_int_equal(
		lines_with_both(f, "\"event\":\"transaction\"", "\"transaction\":\"transfer\""), 1);
	assert_int_equal(lines_with_both(f, "\"event\":\"request\"", "\"query\":\"look\""), 1);
	assert_int_equal(lines_with(f, "\"query\":\"transfer\""), 0);
	assert_int_equal(lines_with(f, "\"transaction\":\"look\""), 0);
}

/* ---- memory is short ---- */

static cdbc_status make_observers(void *data, cdbc_error **err)
{
	cx_observe_options options = {
		.log = {.target = CX_SINK_FILE, .path = data}, .has_stats = true, .max_queries = 10};
	cdbc_observer own = {.struct_size = sizeof own, .on_event = on_event};
	cx_observe observe = {NULL, NULL};
	cx_events events = {0};
	cdbc_status status = cx_observe_init(&observe, &options, &own, 1, &events, err);

	if (status)
		return status;
	assert_int_equal(events.count, 3);
	assert_ptr_equal(events.observers[0].on_event, on_event);
	cx_events_fini(&events);
	cx_observe_fini(&observe);
	return CDBC_OK;
}

static void test_memory_short(void **state)
{
	char path[] = "/tmp/cdbc-events-XXXXXX";

	(void)state;
	close(mkstemp(path));
	assert_true(oom_run(make_observers, path) >= 6);
	unlink(path);
}

/* ---- many threads ---- */

static void *run_many(void *data)
{
	fixture *f = data;
	cdbc_session *session;
	cdbc_result *result;

	for (int i = 0; i < 200; i++) {
		if (cdbc_client_acquire(f->client, NULL, &session, NULL))
			continue;
		if (!cdbc_session_query(session, "update t", CDBC_NO_PARAMS, NULL, &result, NULL))
			cdbc_result_free(result);
		cdbc_session_release(session);
	}
	return NULL;
}

static atomic_int count_of_starts, count_of_ends;

static void count_event(void *self, const cdbc_event *event)
{
	(void)self;
	atomic_fetch_add(event->kind == CDBC_EVENT_REQUEST_START ? &count_of_starts : &count_of_ends,
					 1);
}

static void test_many_threads(void **state)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .events = CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END,
							  .on_event = count_event};
	cdbc_config_item items[] = {{"stats.enabled", "true"}, {"pool.max_size", "3"}};
	const char *const no_environment[] = {NULL};
	cdbc_config *config = NULL;
	pthread_t threads[4];
	fixture f = {.server = fake_server_new("many")};

	(void)state;
	script(f.server);
	from.url = "fake:many";
	from.items = items;
	from.item_count = 2;
	from.environ_list = no_environment;
	options.observers = &observer;
	options.observer_count = 1;
	assert_int_equal(cdbc_config_load(&from, &config, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_open(config, &options, &f.client, NULL), CDBC_OK);
	cdbc_config_free(config);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_many, &f), 0);
	for (int i = 0; i < 20; i++)
		(void)number(&f, "requests", "ok");
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&count_of_starts), 800);
	assert_int_equal(atomic_load(&count_of_ends), 800);
	assert_int_equal(number(&f, "requests", "ok").value, 800);
	cdbc_client_close(f.client, 5000);
	fake_server_free(f.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_attempts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_transactions_by_hand, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_transactions_by_function, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_in_the_log, set_up, tear_down),
		cmocka_unit_test(test_memory_short),
		cmocka_unit_test(test_many_threads),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
