// SPDX-License-Identifier: Apache-2.0
/* A client with a cache on the fake driver, and short words for what its tests do with it. */
#ifndef TEST_CACHE_FIXTURE_H
#define TEST_CACHE_FIXTURE_H

#include "support/fake_driver.h"

#include <cdbc/cdbc.h>

/* What the cache may take, and what a result of it may. */
#define CACHE_MAX_BYTES 65536

/* All kept for thirty seconds, but "plain", which is not. */
extern const char cache_queries[];

typedef struct cache_fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	cdbc_observer observer;
	int started, ended; /* requests, if it is watched */
	int64_t ended_rows, ended_bytes;
	char words[512]; /* what the cache did, one after the other */
} cache_fixture;

/* Fixtures of cmocka; watched: with an observer. */
int cache_set_up(void **state);
int cache_set_up_watched(void **state);
int cache_tear_down(void **state);

/* Adds the fake driver, and runs the cases. */
#define cache_run_group(tests) (cache_add_driver() ? cmocka_run_group_tests(tests, NULL, NULL) : 1)
bool cache_add_driver(void);

/* Rows for "select one": two, the first of which says what was given. */
void cache_answer_one(cache_fixture *f);
/* So many rows for the query "many". */
void cache_answer_many(cache_fixture *f, int64_t count);

/* What has come to the server. */
int64_t cache_requests(cache_fixture *f);
cdbc_cache_stats cache_stats(cache_fixture *f);

/* Runs a query with one value and checks its rows. */
cdbc_status cache_ask_on(cdbc_session *session, const char *name, cdbc_value value,
						 cdbc_error **err);
/* Whether that has cost a request; it must succeed. */
bool cache_asks(cache_fixture *f, cdbc_session *session, const char *name, cdbc_value value);
/* The same on the fixture's own session. */
bool cache_ask(cache_fixture *f, const char *name, cdbc_value value);

#endif
