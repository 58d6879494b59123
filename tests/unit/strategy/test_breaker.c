// SPDX-License-Identifier: Apache-2.0
/* The breaker: against a slow and simple model with random calls, each change of state by itself,
 * many threads, and in a client's chain. */
#include "service/strategy/breaker.h"

#include "base/clock.h"
#include "base/error.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define QUERY "-- name: one\nselect a;\n"

#define MS CX_NS_PER_MS
#define S  CX_NS_PER_S

static const cx_breaker_options usual = {.is_enabled = true,
										 .window_ns = 16 * S,
										 .min_calls = 20,
										 .failure_pct = 50,
										 .slow_ns = CX_NEVER,
										 .slow_pct = 50,
										 .open_first_ns = 5 * S,
										 .open_max_ns = 60 * S,
										 .half_open_calls = 3,
										 .lease_ns = 10 * S};

/* ---- the model: every call is kept ---- */

#define CALLS_MAX 100000

typedef struct model_call {
	int64_t bucket;
	bool is_bad, is_slow;
} model_call;

typedef struct model {
	cx_breaker_options options;
	cx_breaker_state state;
	model_call calls[CALLS_MAX];
	size_t count;
	uint64_t era;
	int64_t open_ns, until_ns, good_count, opened_count;
	int64_t expires_ns[CX_BREAKER_LEASES_MAX]; /* 0: free */
	uint64_t serials[CX_BREAKER_LEASES_MAX], serial;
} model;

typedef struct model_ticket {
	uint64_t era, serial;
	int slot;
} model_ticket;

static void model_open(model *m, int64_t now)
{
	if (m->state == CX_BREAKER_HALF_OPEN)
		m->open_ns =
			m->open_ns * 2 > m->options.open_max_ns ? m->options.open_max_ns : m->open_ns * 2;
	m->state = CX_BREAKER_OPEN;
	m->until_ns = now + m->open_ns;
	m->opened_count++;
	m->era++;
}

static bool model_enter(model *m, int64_t now, bool must_pass, model_ticket *ticket, int64_t *wait)
{
	if (m->state == CX_BREAKER_OPEN && now >= m->until_ns && !must_pass) {
		m->state = CX_BREAKER_HALF_OPEN;
		m->good_count = 0;
		memset(m->expires_ns, 0, sizeof m->expires_ns);
		memset(m->serials, 0, sizeof m->serials);
		m->era++;
	}
	*ticket = (model_ticket){m->era, 0, 0};
	if (must_pass || m->state == CX_BREAKER_CLOSED)
		return true;
	*wait = m->until_ns - now;
	if (m->state == CX_BREAKER_OPEN)
		return false;
	*wait = INT64_MAX;
	for (int i = 0; i < m->options.half_open_calls; i++) {
		if (m->expires_ns[i] <= now) {
			m->expires_ns[i] = now + m->options.lease_ns;
			m->serials[i] = ++m->serial;
			ticket->serial = m->serial;
			ticket->slot = i;
			return true;
		}
		if (m->expires_ns[i] - now < *wait)
			*wait = m->expires_ns[i] - now;
	}
	return false;
}

static bool model_is_too_much(const model *m, int64_t now)
{
	int64_t bucket = now / (m->options.window_ns / CX_BREAKER_BUCKETS), calls = 0, bad = 0,
			slow = 0;

	for (size_t i = 0; i < m->count; i++) {
		if (m->calls[i].bucket <= bucket - CX_BREAKER_BUCKETS)
			continue;
		calls++;
		bad += m->calls[i].is_bad;
		slow += m->calls[i].is_slow;
	}
	return calls >= m->options.min_calls &&
		   ((double)bad / (double)calls >= (double)m->options.failure_pct / 100 ||
			(m->options.slow_ns != CX_NEVER &&
			 (double)slow / (double)calls >= (double)m->options.slow_pct / 100));
}

static void model_leave(model *m, const model_ticket *ticket, int64_t now,
						cx_breaker_verdict verdict, bool is_slow)
{
	if (ticket->era != m->era || m->state == CX_BREAKER_OPEN)
		return;
	if (m->state == CX_BREAKER_CLOSED) {
		if (verdict == CX_CALL_NEUTRAL)
			return;
		m->calls[m->count++] = (model_call){now / (m->options.window_ns / CX_BREAKER_BUCKETS),
											verdict == CX_CALL_BAD, is_slow};
		if ((verdict == CX_CALL_BAD || is_slow) && model_is_too_much(m, now))
			model_open(m, now);
		return;
	}
	if (!ticket->serial || m->serials[ticket->slot] != ticket->serial ||
		m->expires_ns[ticket->slot] <= now)
		return;
	m->expires_ns[ticket->slot] = 0;
	m->serials[ticket->slot] = 0;
	if (verdict == CX_CALL_BAD || (verdict == CX_CALL_GOOD && is_slow)) {
		model_open(m, now);
	} else if (verdict == CX_CALL_GOOD && ++m->good_count >= m->options.half_open_calls) {
		m->state = CX_BREAKER_CLOSED;
		m->open_ns = m->options.open_first_ns;
		m->count = 0;
		m->era++;
	}
}

/* ---- random calls ---- */

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static uint64_t seed_of_run(void)
{
	const char *given = getenv("CDBC_TEST_SEED");
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return given ? strtoull(given, NULL, 10) : (uint64_t)t.tv_nsec + (uint64_t)t.tv_sec * 1000;
}

#define OUT_MAX 8

/* Several calls are out at once, and come back in any order or never. */
static void run_against_model(uint64_t seed, model *m, cx_breaker *b, int *states)
{
	struct {
		bool is_out;
		cx_breaker_ticket ticket;
		model_ticket expected;
	} out[OUT_MAX];
	uint64_t random = seed, bad_pct = 50;
	int64_t now = 1000 * S;

	memset(out, 0, sizeof out);
	for (int step = 0; step < 4000; step++) {
		size_t i = next_random(&random) % OUT_MAX;

		if (step % 200 == 0)
			bad_pct = next_random(&random) % 4 ? next_random(&random) % 90 : 0;
		now += (int64_t)(next_random(&random) % (uint64_t)(600 * MS)) *
			   (next_random(&random) % 40 ? 1 : 20);
		if (out[i].is_out && next_random(&random) % 20) {
			cx_breaker_verdict verdict = next_random(&random) % 100 < bad_pct ? CX_CALL_BAD
										 : next_random(&random) % 10          ? CX_CALL_GOOD
																			  : CX_CALL_NEUTRAL;
			bool is_slow = b->options.slow_ns != CX_NEVER && verdict != CX_CALL_NEUTRAL &&
						   next_random(&random) % 3 == 0;

			cx_breaker_leave(b, &out[i].ticket, now, verdict, is_slow, NULL);
			model_leave(m, &out[i].expected, now, verdict, is_slow);
			out[i].is_out = false;
		} else {
			int64_t wait = -1, expected_wait = -1;
			bool must_pass = next_random(&random) % 10 == 0;
			bool may = cx_breaker_enter(b, now, must_pass, &out[i].ticket, &wait);
			bool expected = model_enter(m, now, must_pass, &out[i].expected, &expected_wait);

			if (may != expected || (!may && wait != expected_wait))
				fail_msg("seed %llu, step %d: enters %d, the model %d; waits %lld and %lld",
						 (unsigned long long)seed, step, may, expected, (long long)wait,
						 (long long)expected_wait);
			out[i].is_out = may;
		}
		if (cx_breaker_state_now(b) != m->state)
			fail_msg("seed %llu, step %d: state %d, the model's %d", (unsigned long long)seed, step,
					 cx_breaker_state_now(b), m->state);
		states[m->state]++;
	}
	assert_int_equal(atomic_load(&b->opened_count), m->opened_count);
}

static void test_as_its_model(void **state)
{
	uint64_t seed = seed_of_run();
	model *m = malloc(sizeof *m);
	int states[3] = {0};

	(void)state;
	assert_non_null(m);
	print_message("# seed %llu (CDBC_TEST_SEED repeats it)\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < 100; i++) {
		cx_breaker b;

		memset(m, 0, sizeof *m);
		m->options = usual;
		m->options.min_calls = 1 + (int64_t)(i % 20);
		m->options.failure_pct = 10 + (int64_t)(i * 7 % 91);
		m->options.half_open_calls = 1 + (int64_t)(i % 5);
		m->options.slow_ns = i % 3 == 0 ? S : CX_NEVER;
		m->open_ns = m->options.open_first_ns;
		cx_breaker_init(&b, &m->options, NULL);
		run_against_model(seed + i, m, &b, states);
		cx_breaker_fini(&b);
	}
	assert_true(states[0] > 1000 && states[1] > 1000 && states[2] > 1000);
	free(m);
}

/* ---- each change ---- */

static cx_breaker_ticket enter(cx_breaker *b, int64_t now)
{
	cx_breaker_ticket ticket;
	int64_t wait;

	assert_true(cx_breaker_enter(b, now, false, &ticket, &wait));
	return ticket;
}

static void call(cx_breaker *b, int64_t now, cx_breaker_verdict verdict)
{
	cx_breaker_ticket ticket = enter(b, now);

	cx_breaker_leave(b, &ticket, now, verdict, false, NULL);
}

static int64_t refused_for(cx_breaker *b, int64_t now)
{
	cx_breaker_ticket ticket;
	int64_t wait = -1;

	assert_false(cx_breaker_enter(b, now, false, &ticket, &wait));
	return wait;
}

static void test_opens_by_rate_and_number(void **state)
{
	cx_breaker b;

	(void)state;
	cx_breaker_init(&b, &usual, NULL);
	for (int i = 0; i < 19; i++)
		call(&b, S, CX_CALL_BAD);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED); /* too few */
	cx_breaker_fini(&b);

	cx_breaker_init(&b, &usual, NULL);
	for (int i = 0; i < 11; i++)
		call(&b, S, CX_CALL_GOOD);
	for (int i = 0; i < 10; i++)
		call(&b, S, CX_CALL_BAD);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED); /* 10 of 21 */
	call(&b, S, CX_CALL_NEUTRAL);
	call(&b, S, CX_CALL_BAD);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_OPEN);
	assert_int_equal(refused_for(&b, 2 * S), 4 * S);
	cx_breaker_fini(&b);

	cx_breaker_init(&b, &usual, NULL); /* what is long ago is forgotten */
	for (int i = 0; i < 15; i++)
		call(&b, S, CX_CALL_BAD);
	for (int i = 0; i < 15; i++)
		call(&b, 17 * S, CX_CALL_BAD);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED);
	cx_breaker_fini(&b);
}

/* Opened at 100 s. */
static void open_it(cx_breaker *b, const cx_breaker_options *options)
{
	cx_breaker_init(b, options, NULL);
	for (int i = 0; i < 20; i++)
		call(b, 100 * S, CX_CALL_BAD);
	assert_int_equal(cx_breaker_state_now(b), CX_BREAKER_OPEN);
}

static void test_half_open_and_closed_again(void **state)
{
	cx_breaker_ticket tickets[3];
	cx_breaker b;

	(void)state;
	open_it(&b, &usual);
	for (int i = 0; i < 3; i++)
		tickets[i] = enter(&b, 105 * S);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_HALF_OPEN);
	assert_int_equal(refused_for(&b, 106 * S), 9 * S);
	cx_breaker_leave(&b, &tickets[0], 106 * S, CX_CALL_NEUTRAL, false, NULL);
	tickets[0] = enter(&b, 106 * S); /* its place was free again */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_HALF_OPEN);
		cx_breaker_leave(&b, &tickets[i], 107 * S, CX_CALL_GOOD, false, NULL);
	}
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED);
	call(&b, 107 * S, CX_CALL_BAD); /* from nothing */
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED);
	cx_breaker_fini(&b);
}

static void test_open_for_longer_and_longer(void **state)
{
	static const int64_t seconds[] = {5, 10, 20, 40, 60, 60};
	int64_t now = 100 * S;
	cx_breaker b;

	(void)state;
	open_it(&b, &usual);
	for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
		assert_int_equal(refused_for(&b, now), seconds[i] * S);
		now += seconds[i] * S;
		assert_int_equal(refused_for(&b, now - 1), 1);
		call(&b, now, CX_CALL_BAD);
	}
	now += 60 * S;
	for (int i = 0; i < 3; i++)
		call(&b, now, CX_CALL_GOOD);
	for (int i = 0; i < 20; i++)
		call(&b, now, CX_CALL_BAD);
	assert_int_equal(refused_for(&b, now), 5 * S); /* from the beginning */
	assert_int_equal(atomic_load(&b.opened_count), 8);
	cx_breaker_fini(&b);
}

static void test_a_lease_expires(void **state)
{
	cx_breaker_ticket lost, other;
	cx_breaker b;
	cx_breaker_options one = usual;

	(void)state;
	one.half_open_calls = 1;
	open_it(&b, &one);
	lost = enter(&b, 105 * S);
	assert_int_equal(refused_for(&b, 115 * S - 1), 1);
	other = enter(&b, 115 * S);
	cx_breaker_leave(&b, &lost, 116 * S, CX_CALL_GOOD, false, NULL); /* too late to count */
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_HALF_OPEN);
	cx_breaker_leave(&b, &other, 125 * S, CX_CALL_BAD, false, NULL); /* so is this */
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_HALF_OPEN);
	call(&b, 126 * S, CX_CALL_GOOD);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED);
	cx_breaker_fini(&b);
}

static void test_old_news_change_nothing(void **state)
{
	cx_breaker_ticket old[30];
	cx_breaker b;

	(void)state;
	cx_breaker_init(&b, &usual, NULL);
	for (int i = 0; i < 30; i++)
		old[i] = enter(&b, 100 * S);
	for (int i = 0; i < 20; i++)
		cx_breaker_leave(&b, &old[i], 100 * S, CX_CALL_BAD, false, NULL);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_OPEN);
	for (int i = 0; i < 3; i++)
		call(&b, 105 * S, CX_CALL_GOOD);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED);
	for (int i = 0; i < 30; i++) /* began before all that */
		cx_breaker_leave(&b, &old[i], 106 * S, CX_CALL_BAD, false, NULL);
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_CLOSED);
	cx_breaker_fini(&b);
}

static void test_what_has_begun_may_end(void **state)
{
	cx_breaker_ticket ticket;
	int64_t wait;
	cx_breaker b;

	(void)state;
	open_it(&b, &usual);
	for (int i = 0; i < 10; i++) {
		assert_true(cx_breaker_enter(&b, (100 + i) * S, true, &ticket, &wait));
		cx_breaker_leave(&b, &ticket, (100 + i) * S, CX_CALL_GOOD, false, NULL);
	}
	assert_int_equal(cx_breaker_state_now(&b), CX_BREAKER_OPEN);
	assert_int_equal(atomic_load(&b.refused_count), 0);
	cx_breaker_fini(&b);
}

static void test_what_counts(void **state)
{
	static const struct {
		cdbc_status status;
		const char *sqlstate;
		cx_breaker_verdict verdict;
	} rows[] = {{CDBC_CONNECT, "", CX_CALL_BAD},          {CDBC_CONNECT, "57P01", CX_CALL_BAD},
				{CDBC_CONNECT, "53300", CX_CALL_NEUTRAL}, {CDBC_TIMEOUT, "", CX_CALL_BAD},
				{CDBC_TIMEOUT, "57014", CX_CALL_BAD},     {CDBC_RESOURCE, "53200", CX_CALL_BAD},
				{CDBC_RESOURCE, "", CX_CALL_NEUTRAL},     {CDBC_INTERNAL, "", CX_CALL_BAD},
				{CDBC_SQL, "42601", CX_CALL_GOOD},        {CDBC_SQL, "58C00", CX_CALL_BAD},
				{CDBC_CONFLICT, "40001", CX_CALL_GOOD},   {CDBC_DENIED, "42501", CX_CALL_GOOD},
				{CDBC_DENIED, "", CX_CALL_NEUTRAL},       {CDBC_PARAM, "", CX_CALL_NEUTRAL},
				{CDBC_CANCELLED, "", CX_CALL_NEUTRAL},    {CDBC_OVERLOADED, "", CX_CALL_NEUTRAL},
				{CDBC_AUTH, "28P01", CX_CALL_NEUTRAL},    {CDBC_NOMEM, "", CX_CALL_NEUTRAL},
				{CDBC_USAGE, "", CX_CALL_NEUTRAL},        {CDBC_DATA, "", CX_CALL_GOOD},
				{CDBC_UNSUPPORTED, "0A000", CX_CALL_GOOD}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_error *error = NULL;

		cx_error_set(&error, rows[i].status, "x");
		cx_error_sqlstate(&error, rows[i].sqlstate);
		if (cx_breaker_judge(error) != rows[i].verdict)
			fail_msg("%s %s", cdbc_status_name(rows[i].status), rows[i].sqlstate);
		cdbc_error_free(error);
	}
}

/* ---- threads ---- */

typedef struct crowd {
	cx_breaker breaker;
	atomic_int inside; /* with a lease */
	atomic_int most;
} crowd;

static void *be_one_of_many(void *data)
{
	crowd *c = data;
	uint64_t random = (uint64_t)(uintptr_t)&c;

	for (int i = 0; i < 20000; i++) {
		cx_breaker_ticket ticket;
		int64_t wait;
		uint64_t r = next_random(&random) % 100;

		if (!cx_breaker_enter(&c->breaker, cx_clock_now_ns(), r == 99, &ticket, &wait))
			continue;
		if (ticket.serial) {
			int inside = atomic_fetch_add(&c->inside, 1) + 1, most = atomic_load(&c->most);

			while (inside > most && !atomic_compare_exchange_weak(&c->most, &most, inside))
				;
			atomic_fetch_sub(&c->inside, 1);
		}
		cx_breaker_leave(&c->breaker, &ticket, cx_clock_now_ns(),
						 r < 40 ? CX_CALL_BAD : CX_CALL_GOOD, r % 8 == 0, NULL);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	cx_breaker_options options = {.is_enabled = true,
								  .window_ns = 16 * MS / 10,
								  .min_calls = 10,
								  .failure_pct = 30,
								  .slow_ns = 1,
								  .slow_pct = 90,
								  .open_first_ns = MS / 10,
								  .open_max_ns = MS,
								  .half_open_calls = 3,
								  .lease_ns = 60 * S};
	pthread_t threads[4];
	crowd c;

	(void)state;
	cx_breaker_init(&c.breaker, &options, NULL);
	atomic_init(&c.inside, 0);
	atomic_init(&c.most, 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, be_one_of_many, &c), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_true(atomic_load(&c.breaker.opened_count) > 0);
	assert_in_range(atomic_load(&c.most), 0, 3);
	cx_breaker_fini(&c.breaker);
}

/* ---- in a client ---- */

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	char changes[256];
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	if (f->changes[0])
		strcat(f->changes, " ");
	strcat(f->changes, event->text);
	if (strcmp(event->text, "open") == 0) {
		assert_non_null(event->error);
		assert_int_equal(event->duration_ns, 5 * S);
	}
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_BREAKER,
							  .on_event = on_event,
							  .self = &f};
	cdbc_config_item items[] = {{"pool.max_size", "1"},      {"pool.min_size", "0"},
								{"retry.lost_first", "1ms"}, {"retry.lost_max", "1ms"},
								{"retry.enabled", "false"},  {"breaker.enabled", "true"},
								{"breaker.min_calls", "4"},  {"pool.idle_timeout", "never"},
								{"pool.lifetime", "never"},  {"pool.check_idle", "never"}};

	memset(&f, 0, sizeof f);
	f.server = fake_server_new("breaker");
	fake_server_answer(f.server,
					   &(fake_answer){.sql = "select a", .columns = "id int8", .rows = "1"});
	fake_server_answer(f.server, &(fake_answer){.sql = "BEGIN*", .tx_after = FAKE_TX_OPEN});
	fake_server_answer(f.server, &(fake_answer){.sql = "select lost",
												.columns = "id int8",
												.loses_link = true,
												.lost_at = CDBC_POSITION_SENT});
	fake_server_answer(f.server, &(fake_answer){.sql = "select wrong",
												.error = {.struct_size = sizeof(cdbc_error_info),
														  .status = CDBC_CONFLICT,
														  .message = "restart",
														  .sqlstate = "40001"}});
	test_client_open("fake:breaker", items, sizeof items / sizeof *items, TEST_OBSERVED(&observer),
					 &f.client, &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	cx_clock_fake_stop();
	test_fake_close(f->server, f->client, f->session);
	return 0;
}

static void test_in_a_chain(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t submits;

	for (int i = 0; i < 20; i++) /* contention is no failure */
		assert_int_equal(test_execute(f->session, "select wrong", NULL), CDBC_CONFLICT);
	for (int i = 0; i < 20; i++)
		assert_int_equal(test_execute(f->session, "select lost", NULL), CDBC_CONNECT);
	submits = fake_server_counts(f->server).submits;
	assert_int_equal(test_execute(f->session, "select a", &err), CDBC_OVERLOADED);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
	assert_non_null(strstr(cdbc_error_message(err), "the breaker is open"));
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), " ms"));
	cdbc_error_free(err);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OVERLOADED);
	assert_int_equal(fake_server_counts(f->server).submits, submits);
	assert_string_equal(f->changes, "open");
	cx_clock_fake_start(cx_clock_now_ns() + 6 * S);
	for (int i = 0; i < 3; i++)
		assert_int_equal(test_execute(f->session, "select a", NULL), CDBC_OK);
	assert_string_equal(f->changes, "open half-open closed");
}

static void test_a_transaction_comes_to_its_end(void **state)
{
	fixture *f = *state;
	cdbc_session *other;
	cdbc_result *result;

	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "select a", NULL), CDBC_OK);
	fake_server_answer(f->server, &(fake_answer){.sql = "select slow",
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_TIMEOUT,
														   .message = "timeout"}});
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &other, NULL), CDBC_OK);
	for (int i = 0; i < 10; i++) { /* no connection is left for it */
		cdbc_request_options soon = CDBC_REQUEST_OPTIONS_INIT;

		soon.timeout_ms = 1;
		cdbc_status status =
			cdbc_session_query(other, "select a", CDBC_NO_PARAMS, &soon, &result, NULL);

		assert_true(status == CDBC_TIMEOUT || status == CDBC_OVERLOADED);
	}
	assert_string_equal(f->changes, "open");
	assert_int_equal(test_execute(f->session, "select a", NULL), CDBC_OK);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "select a", NULL), CDBC_OVERLOADED);
	cdbc_session_release(other);
}

/* The first look-up by name connects, to learn the dialect: that counts, and is refused, too. */
static void test_before_the_dialect_is_known(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	assert_int_equal(cdbc_client_register(f->client, "q.sql", QUERY, strlen(QUERY), NULL), CDBC_OK);
	fake_server_fail_opens(f->server, -1, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(cdbc_session_run(f->session, "one", CDBC_NO_PARAMS, NULL, &result, NULL),
						 CDBC_CONNECT);
	assert_string_equal(f->changes, "open");
	assert_int_equal(cdbc_session_run(f->session, "one", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_OVERLOADED);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
	cdbc_error_free(err);
}

/* Short timeouts, whose beginning is not noted by the coarse clock. */
static void test_calls_without_a_noted_time(void **state)
{
	fixture *f = *state;
	cdbc_request_options soon = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result;

	soon.timeout_ms = 900;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(
			cdbc_session_query(f->session, "select a", CDBC_NO_PARAMS, &soon, &result, NULL),
			CDBC_OK);
		cdbc_result_free(result);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(test_execute(f->session, "select lost", NULL), CDBC_CONNECT);
	assert_string_equal(f->changes, "");
	assert_int_equal(test_execute(f->session, "select lost", NULL), CDBC_CONNECT); /* 6 of 12 */
	assert_string_equal(f->changes, "open");
}

static void test_rows_that_break_off(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	fake_server_answer(f->server, &(fake_answer){.sql = "select rows",
												 .columns = "id int8",
												 .rows = "1;2",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_ROWS_TAKEN});
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			cdbc_session_query(f->session, "select rows", CDBC_NO_PARAMS, NULL, &result, NULL),
			CDBC_OK);
		while (cdbc_result_next(result, NULL))
			;
		cdbc_result_free(result);
	}
	assert_int_equal(test_execute(f->session, "select a", NULL),
					 CDBC_OVERLOADED); /* 2 began well, 2 broke off */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_its_model),
		cmocka_unit_test(test_opens_by_rate_and_number),
		cmocka_unit_test(test_half_open_and_closed_again),
		cmocka_unit_test(test_open_for_longer_and_longer),
		cmocka_unit_test(test_a_lease_expires),
		cmocka_unit_test(test_old_news_change_nothing),
		cmocka_unit_test(test_what_has_begun_may_end),
		cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test_setup_teardown(test_in_a_chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_transaction_comes_to_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_calls_without_a_noted_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_before_the_dialect_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rows_that_break_off, set_up, tear_down),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
