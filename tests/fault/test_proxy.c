// SPDX-License-Identifier: Apache-2.0
/* The fault proxy itself, by libpq alone: every kind of fault does to the server and to the client
 * what its name says, in the simple protocol, in the extended one and in pipelines. */
#include "support/fault_proxy.h"
#include "support/test_server.h"
#include "support/skip.h"

#include <libpq-fe.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static PGconn *truth; /* straight to the server */
static fault_proxy *proxy;

static void quiet(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static PGconn *open_url(const char *url)
{
	char text[1024];
	bool is_cockroach = strncmp(url, "cockroachdb:", 12) == 0;
	PGconn *pg;

	snprintf(text, sizeof text, "%s%s", is_cockroach ? "postgresql" : "",
			 is_cockroach ? url + 11 : url);
	pg = PQconnectdb(text);
	PQsetNoticeProcessor(pg, quiet, NULL);
	return pg;
}

static PGconn *client_open(void)
{
	PGconn *pg = open_url(fault_proxy_url(proxy));

	assert_int_equal(PQstatus(pg), CONNECTION_OK);
	return pg;
}

static void must(PGconn *pg, const char *sql)
{
	PGresult *result = PQexec(pg, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	PQclear(result);
}

/* How many rows there are, seen by another connection. */
static int count(void)
{
	PGresult *result = PQexec(truth, "select count(*) from fault_proxy_rows");
	int n = PQresultStatus(result) == PGRES_TUPLES_OK ? atoi(PQgetvalue(result, 0, 0)) : -1;

	PQclear(result);
	return n;
}

static int set_up(void **state)
{
	const test_server *server = test_server_find();
	fault_proxy_options options = {.seed = 1};

	(void)state;
	if (!server)
		return 0;
	options.url = server->url;
	truth = open_url(server->url);
	must(truth, "drop table if exists fault_proxy_rows");
	must(truth, "create table fault_proxy_rows (id int primary key)");
	proxy = fault_proxy_start(&options);
	assert_non_null(proxy);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fault_proxy_stop(proxy);
	proxy = NULL;
	if (truth) {
		must(truth, "drop table fault_proxy_rows");
		PQfinish(truth);
	}
	truth = NULL;
	return 0;
}

static void need_server(void)
{
	if (!proxy) {
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	}
}

/* ---- ways to send ---- */

static PGresult *send_simple(PGconn *pg, const char *sql)
{
	return PQexec(pg, sql);
}

static PGresult *send_extended(PGconn *pg, const char *sql)
{
	return PQexecParams(pg, sql, 0, NULL, NULL, NULL, NULL, 1);
}

static PGresult *send_prepared(PGconn *pg, const char *sql)
{
	PGresult *result = PQprepare(pg, "a", sql, 0, NULL);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return result;
	PQclear(result);
	return PQexecPrepared(pg, "a", 0, NULL, NULL, NULL, 1);
}

typedef PGresult *(*sender)(PGconn *pg, const char *sql);

/* What a client sees of a round. */
typedef struct seen {
	char sqlstate[6]; /* "" when there is none */
	char tag[64];
	bool is_lost;
} seen;

static void look(PGconn *pg, PGresult *result, seen *out)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	memset(out, 0, sizeof *out);
	snprintf(out->sqlstate, sizeof out->sqlstate, "%s", sqlstate ? sqlstate : "");
	snprintf(out->tag, sizeof out->tag, "%s", PQcmdStatus(result));
	PQclear(result);
	while ((result = PQgetResult(pg)))
		PQclear(result);
	out->is_lost = PQstatus(pg) != CONNECTION_OK;
}

/* What a kind of fault does to COMMIT, or to a write without a transaction. */
typedef struct expectation {
	fault_kind kind;
	bool of_commit, of_write;
	int is_there; /* -1: as it happens */
	const char *sqlstate, *tag;
	bool is_lost;
} expectation;

static const expectation committing[] = {
	{FAULT_CUT_BEFORE_COMMIT, true, true, 0, "", "", true},
	{FAULT_CUT_AFTER_COMMIT, true, true, 1, "", "", true},
	{FAULT_LATE_COMMIT, true, true, 1, "", "", true},
	{FAULT_TRUNCATE_REQUEST, true, true, -1, "", "", true},
	{FAULT_TRUNCATE_ANSWER, true, true, 1, "", NULL, true},
	{FAULT_DELAY, true, true, 1, "", NULL, false},
	{FAULT_CONFLICT, false, true, 0, "40001", "", false},
	{FAULT_CONFLICT_COMMIT, true, false, 0, "40001", "", false},
	{FAULT_AMBIGUOUS_UNDONE, true, true, 0, "40003", "", false},
	{FAULT_AMBIGUOUS_DONE, true, true, 1, "40003", "", false},
	{FAULT_ROLLBACK_TAG, true, false, 0, "", "ROLLBACK", false},
	{FAULT_SHUTDOWN, true, true, 0, "57P01", "", true},
	{FAULT_SHUTDOWN_DONE, true, true, 1, "57P01", "", true},
	{FAULT_DRAIN, true, true, 0, "57P01", "", true},
	{FAULT_DRAIN_DONE, true, true, 1, "57P01", "", true},
};

static void check(const expectation *e, const seen *s, int there)
{
	bool is_whole = e->is_there < 0 || there == e->is_there;

	if (!is_whole || (strcmp(s->sqlstate, e->sqlstate) != 0 && !e->is_lost) ||
		(e->tag && !e->is_lost && strcmp(s->tag, e->tag) != 0) || s->is_lost != e->is_lost)
		fail_msg("%s: there %d, sqlstate \"%s\", tag \"%s\", lost %d", fault_kind_name(e->kind),
				 there, s->sqlstate, s->tag, s->is_lost);
	assert_int_equal(fault_proxy_count(proxy, e->kind), 1);
}

/* Stops the proxy, so that nothing is under way, and starts another. */
static void renew(void)
{
	fault_proxy_options options = {.seed = 1, .url = test_server_find()->url};

	fault_proxy_stop(proxy);
	proxy = fault_proxy_start(&options);
	assert_non_null(proxy);
}

static void strike_once(const expectation *e, sender send, bool is_commit)
{
	PGconn *pg = client_open();
	seen s;
	int there;

	must(truth, "delete from fault_proxy_rows");
	if (is_commit) {
		must(pg, "begin");
		must(pg, "insert into fault_proxy_rows values (1)");
	}
	fault_proxy_strike(proxy, e->kind);
	look(pg, send(pg, is_commit ? "commit" : "insert into fault_proxy_rows values (1)"), &s);
	if (!s.is_lost)
		assert_int_equal(PQtransactionStatus(pg), PQTRANS_IDLE);
	PQfinish(pg);
	/* what may come late is decided once the proxy has stopped */
	if (e->kind == FAULT_LATE_COMMIT || e->kind == FAULT_TRUNCATE_REQUEST) {
		renew();
		there = count();
		assert_true(e->is_there < 0 || there == e->is_there);
		assert_true(s.is_lost);
		return;
	}
	there = count();
	check(e, &s, there);
	renew();
}

static void test_what_commits(void **state)
{
	static const sender senders[] = {send_simple, send_extended};

	(void)state;
	need_server();
	for (size_t i = 0; i < sizeof committing / sizeof *committing; i++)
		for (size_t k = 0; k < 2; k++) {
			if (committing[i].of_commit)
				strike_once(&committing[i], senders[k], true);
			if (committing[i].of_write)
				strike_once(&committing[i], senders[k], false);
		}
}

/* A prepared statement's Execute is known by its name; the round that prepares it is none that
 * commits. */
static void test_prepared(void **state)
{
	static const expectation done = {FAULT_CUT_AFTER_COMMIT, true, true, 1, "", "", true};

	(void)state;
	need_server();
	strike_once(&done, send_prepared, true);
	strike_once(&done, send_prepared, false);
}

/* 40001 at a statement fails the transaction on the server too: COMMIT is answered by ROLLBACK, and
 * a savepoint can be gone back to. */
static void test_conflict_inside(void **state)
{
	PGconn *pg;
	seen s;

	(void)state;
	need_server();
	must(truth, "delete from fault_proxy_rows");
	pg = client_open();
	must(pg, "begin");
	must(pg, "savepoint a");
	fault_proxy_strike(proxy, FAULT_CONFLICT);
	look(pg, PQexec(pg, "insert into fault_proxy_rows values (1)"), &s);
	assert_string_equal(s.sqlstate, "40001");
	assert_int_equal(PQtransactionStatus(pg), PQTRANS_INERROR);
	must(pg, "rollback to savepoint a");
	must(pg, "insert into fault_proxy_rows values (2)");
	fault_proxy_strike(proxy, FAULT_CONFLICT);
	look(pg, send_extended(pg, "insert into fault_proxy_rows values (3)"), &s);
	assert_string_equal(s.sqlstate, "40001");
	look(pg, send_extended(pg, "commit"), &s);
	assert_string_equal(s.tag, "ROLLBACK");
	assert_int_equal(count(), 0);
	PQfinish(pg);
	renew();
}

/* ---- a whole transaction to one Sync ---- */

static void send_whole(PGconn *pg)
{
	assert_int_equal(PQenterPipelineMode(pg), 1);
	assert_int_equal(PQsendQueryParams(pg, "begin", 0, NULL, NULL, NULL, NULL, 0), 1);
	assert_int_equal(PQsendQueryParams(pg, "insert into fault_proxy_rows values (1)", 0, NULL, NULL,
									   NULL, NULL, 0),
					 1);
	assert_int_equal(PQsendQueryParams(pg, "commit", 0, NULL, NULL, NULL, NULL, 0), 1);
	assert_int_equal(PQpipelineSync(pg), 1);
}

/* Reads the next result: its tag, or its SQLSTATE, or what libpq calls it. */
static void next_is(PGconn *pg, const char *expected)
{
	PGresult *result = PQgetResult(pg);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	char text[64];

	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		snprintf(text, sizeof text, "%s", PQcmdStatus(result));
	else
		snprintf(text, sizeof text, "%s",
				 sqlstate ? sqlstate : PQresStatus(PQresultStatus(result)));
	PQclear(result);
	assert_string_equal(text, expected);
	if (strcmp(text, "PGRES_PIPELINE_SYNC") != 0) {
		result = PQgetResult(pg);
		assert_null(result);
	}
}

static void test_pipeline(void **state)
{
	static const struct {
		fault_kind kind;
		const char *second, *third;
		int there;
	} cases[] = {
		{FAULT_CONFLICT, "40001", NULL, 0},
		{FAULT_CONFLICT_COMMIT, "INSERT 0 1", "40001", 0},
		{FAULT_AMBIGUOUS_DONE, "INSERT 0 1", "40003", 1},
		{FAULT_AMBIGUOUS_UNDONE, "INSERT 0 1", "40003", 0},
		{FAULT_ROLLBACK_TAG, "INSERT 0 1", "ROLLBACK", 0},
		{FAULT_DELAY, "INSERT 0 1", "COMMIT", 1},
	};

	(void)state;
	need_server();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		PGconn *pg = client_open();

		must(truth, "delete from fault_proxy_rows");
		fault_proxy_strike(proxy, cases[i].kind);
		send_whole(pg);
		next_is(pg, "BEGIN");
		next_is(pg, cases[i].second);
		if (cases[i].third)
			next_is(pg, cases[i].third);
		else
			next_is(pg, "PGRES_PIPELINE_ABORTED");
		next_is(pg, "PGRES_PIPELINE_SYNC");
		assert_int_equal(count(), cases[i].there);
		PQfinish(pg);
		renew();
	}
}

/* ---- the rest ---- */

static void test_refuse(void **state)
{
	PGconn *pg;

	(void)state;
	need_server();
	fault_proxy_strike(proxy, FAULT_REFUSE);
	pg = open_url(fault_proxy_url(proxy));
	assert_int_equal(PQstatus(pg), CONNECTION_BAD);
	assert_non_null(strstr(PQerrorMessage(pg), "not accepting clients"));
	PQfinish(pg);
	pg = client_open();
	PQfinish(pg);
}

static void test_cut_inside(void **state)
{
	PGconn *pg;
	seen s;

	(void)state;
	need_server();
	must(truth, "delete from fault_proxy_rows");
	pg = client_open();
	must(pg, "begin");
	fault_proxy_strike(proxy, FAULT_CUT_INSIDE);
	look(pg, PQexec(pg, "insert into fault_proxy_rows values (1)"), &s);
	assert_true(s.is_lost);
	PQfinish(pg);
	renew();
	assert_int_equal(count(), 0);
}

/* What is large passes in both directions, whole; so does a cancel. */
static void test_passes(void **state)
{
	size_t size = 3 << 20;
	char *text = malloc(size + 1);
	const char *values[] = {text};
	char error[256];
	PGresult *result;
	PGcancel *cancel;
	PGconn *pg;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = '\0';
	if (!proxy)
		free(text);
	need_server();
	pg = client_open();
	result = PQexecParams(pg, "select $1::text, $1::text", 1, NULL, values, NULL, NULL, 0);
	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	assert_int_equal(PQgetlength(result, 0, 1), size);
	PQclear(result);
	free(text);
	if (!test_server_is_before(test_server_find(), 2201)) {
		assert_int_equal(PQsendQuery(pg, "select pg_sleep(60)"), 1);
		cancel = PQgetCancel(pg);
		while (PQisBusy(pg)) { /* one that comes before the statement has begun is lost */
			struct pollfd wait = {.fd = PQsocket(pg), .events = POLLIN};

			assert_int_equal(PQcancel(cancel, error, sizeof error), 1);
			if (poll(&wait, 1, 200) > 0)
				assert_int_equal(PQconsumeInput(pg), 1);
		}
		PQfreeCancel(cancel);
		result = PQgetResult(pg);
		assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "57014");
		PQclear(result);
	}
	PQfinish(pg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_commits),    cmocka_unit_test(test_prepared),
		cmocka_unit_test(test_conflict_inside), cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_refuse),          cmocka_unit_test(test_cut_inside),
		cmocka_unit_test(test_passes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
