// SPDX-License-Identifier: Apache-2.0
/* A pool over the stub driver with its helpers and an observer that remembers, set up and taken
 * down around each test. */
#ifndef TEST_POOL_FIXTURE_H
#define TEST_POOL_FIXTURE_H

#include "base/clock.h"
#include "base/thread.h"
#include "infra/pool/internal.h"
#include "stub_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sched.h>

/* Far in the future, so that no real clock comes by while the fake one stands. */
#define FAKE_START_NS (INT64_MAX / 4)

typedef struct pool_fixture {
	cx_pool_options options;
	const cdbc_settings *settings;
	cx_helpers *helpers;
	cx_events events;
	cx_pool *pool;
	/* what the observer saw; lock protects it */
	cx_mutex lock;
	cx_cond seen;
	int opens;
	int open_failures;
	int closes;
	int waits;
	int leaks;
	char last_close[64];
	char last_leak[64];
	char last_host[64];
} pool_fixture;

extern const cdbc_settings fixture_settings;

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Makes f->pool of f->options. driver NULL: the stub. */
void fixture_pool(pool_fixture *f, const cdbc_driver *driver);
/* Closes the pool and makes another. */
void fixture_reopen(pool_fixture *f);
/* Waits until *count (of the fixture) is at least wanted. */
void fixture_wait(pool_fixture *f, const int *count, int wanted);
/* Waits until so many stand in line. */
void fixture_wait_queued(pool_fixture *f, int64_t wanted);

cx_conn *must_acquire(pool_fixture *f);
/* Tries again for as long as it times out. */
cx_conn *must_acquire_slowly(pool_fixture *f);
cdbc_pool_stats stats(const pool_fixture *f);

/* What the keeper does, on this thread, after sending the keeper home: for the fake clock. */
void fixture_keep(pool_fixture *f);

/* A thread that acquires. */
typedef struct taker {
	pool_fixture *fixture;
	int64_t deadline_ns;
	bool must_return;     /* gives it back at once, having noted its place in the order */
	_Atomic int *counter; /* of those served */
	int place;
	cdbc_status status;
	cdbc_error *err;
	cx_conn *conn;
	cx_thread thread;
} taker;

void taker_start(taker *t, pool_fixture *f, int64_t deadline_ns);
void taker_join(taker *t);

#define POOL_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
