// SPDX-License-Identifier: Apache-2.0
/* What the tests of batches share: a client on the scripted driver, a listener that writes down
 * what it hears, and what an execute came to. */
#ifndef TEST_BATCH_FIXTURE_H
#define TEST_BATCH_FIXTURE_H

#include "support/oom.h"
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
#include <unistd.h>
#include <cmocka.h>

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	char file[40];
	int starts, ends, attempts, requests, request_failures;
	char told[1024];           /* what on_result heard: "0:1 rows; 1 failed 23505; " */
	int64_t stop_at;           /* on_result wants no more after this index; -1: all */
	bool is_cancelled_between; /* two attempts, before the session waits */
} fixture;

/* What an execute came to. */
typedef struct outcome {
	cdbc_status status;
	cdbc_error *err;
	cdbc_batch_summary sum;
} outcome;

#define SQLS(...) ((const char *const[]){__VA_ARGS__, NULL})

extern const cdbc_batch_options ATOMIC, CONTINUE;

int batch_set_up(void **state);
int batch_set_up_allowing(void **state);
int batch_set_up_resolving(void **state);
int batch_set_up_singly(void **state);
int batch_tear_down(void **state);
const char *batch_said(const fixture *f, size_t from);
size_t batch_said_count(const fixture *f);
void batch_answer(fixture *f, const char *sql);
void batch_answer_rows(fixture *f, const char *sql, const char *rows);
void batch_answer_error(fixture *f, const char *sql, int64_t times, cdbc_status status,
						const char *sqlstate);
void batch_answer_lost(fixture *f, const char *sql, int64_t times, cdbc_position at);
bool batch_on_result(void *data, int64_t index, cdbc_result *result, const cdbc_error *error);
cdbc_batch *batch_of(fixture *f, const cdbc_batch_options *options, const char *const *sqls);
outcome batch_run(fixture *f, const cdbc_batch_options *options, const char *const *sqls);
void batch_assert_counts(const outcome *o, int64_t done, int64_t failed, int64_t undone,
						 int64_t unknown, int64_t not_sent);
void batch_is_ok(const outcome *o);
void batch_is_error(outcome *o, cdbc_status status, cdbc_outcome became, cdbc_replay replay);

#endif
