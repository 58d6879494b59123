// SPDX-License-Identifier: Apache-2.0
/* One suite for every driver: what include/cdbc/driver.h promises, tried on a subject. A subject's
 * program (contract_NAME.c) says how to open it and where it may differ; the cases are the same for
 * all. */
#ifndef TEST_CONTRACT_H
#define TEST_CONTRACT_H

#include "base/clock.h"
#include "base/column.h"
#include "base/error.h"

#include <cdbc/driver.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

/* Statements that a scripted subject must answer; $ is written as the subject's placeholder. */
#define CONTRACT_ONE "select 1 as one"
#define CONTRACT_ECHO                                                                            \
	"select cast($1 as bigint) as a, cast($2 as double precision) as b, cast($3 as text) as c, " \
	"cast($4 as text) as d"
#define CONTRACT_EMPTY "select n from (select 1 as n, 'x' as t) as e where n = 2"
#define CONTRACT_ROWS                                                                           \
	"with recursive r(n) as (select 1 union all select n + 1 from r where n < 1000) select n, " \
	"'row ' || cast(n as text) as t from r"
#define CONTRACT_ROW_COUNT 1000
#define CONTRACT_SYNTAX    "selec 1"
#define CONTRACT_NO_TABLE  "select * from contract_nowhere"

typedef struct contract_subject {
	const char *name;
	const cdbc_driver *driver;
	cdbc_settings settings;    /* of the subject's database; the cases may add to them */
	char placeholder;          /* '$' or '?' */
	bool is_scripted;          /* holds no data: cases that look at data are left out */
	bool fails_in_transaction; /* an error makes an open transaction CDBC_TX_FAILED */
	bool is_cockroach;         /* tells less with its errors, and acts on a cancel when it likes */
	bool has_no_cancel;        /* takes none over the wire */
	bool has_no_batch;         /* up to one Sync is not one transaction */
	const char *slow;          /* would run for minutes, one row */
	const char *bytes_type;    /* of a column: bytea, blob */
	const char *any_of;        /* counts of 1, 2, 3 those in the array $1 (bigint) */
} contract_subject;

/* Runs all cases; the result of the program. */
int contract_run(contract_subject *subject);

/* ---- for the cases
 * ------------------------------------------------------------------------------------------ */

/* A running request, to its end by steps. */
void *contract_open(const contract_subject *s);
/* A request of a text, whose $n are rewritten into out (4,096 bytes). */
cdbc_request contract_request(const contract_subject *s, const char *sql, char *out);

typedef struct contract_result {
	struct ArrowSchema schema; /* release NULL: no columns */
	struct ArrowArray first;   /* the first batch; release NULL: none */
	int64_t batch_count, row_count, batch_rows_max;
	cdbc_summary summary;
} contract_result;

/* Runs one request to its end. Free the result also on failure. */
cdbc_status contract_query(const contract_subject *s, void *conn, const cdbc_request *r,
						   int64_t deadline_ns, contract_result *out, cdbc_error **err);
/* Runs a text that must succeed, and keeps only its facts. */
cdbc_summary contract_exec(const contract_subject *s, void *conn, const char *sql);
/* The one int64 that a text gives. */
int64_t contract_number(const contract_subject *s, void *conn, const char *sql);
/* Runs a text that must fail so (sqlstate NULL: any); the error is the caller's. */
cdbc_error *contract_fails(const contract_subject *s, void *conn, const char *sql,
						   cdbc_status status, const char *sqlstate);
/* Leaves the running case, saying why. */
void contract_skip(const char *why);
void contract_result_free(contract_result *result);

bool contract_is_null(const struct ArrowArray *array, size_t column, int64_t row);
int64_t contract_int64(const contract_result *result, size_t column,
					   int64_t row); /* of any width */
double contract_double(const contract_result *result, size_t column, int64_t row);
cdbc_text contract_text(const contract_result *result, size_t column, int64_t row);
void contract_assert_text(const contract_result *result, size_t column, int64_t row,
						  const char *expected);

/* ---- the cases: cases_*.c; a subject without what one needs is not asked it
 * --------------------------------- */
enum {
	CONTRACT_DATA = 1u << 0, /* what is written is read back: not scripted */
	CONTRACT_DESCRIBE = 1u << 1,
	CONTRACT_PIPELINE = 1u << 2,
	CONTRACT_TRANSACT = 1u << 3,
	CONTRACT_FAILING = 1u << 4, /* fails_in_transaction */
	CONTRACT_CANCEL = 1u << 5
};

#define CONTRACT_CASES(X)                                             \
	X(open_and_close, 0)                                              \
	X(settings_are_checked, 0)                                        \
	X(ping_and_info, 0)                                               \
	X(values_come_back, 0)                                            \
	X(types_and_nulls, CONTRACT_DATA)                                 \
	X(arrays_as_parameters, CONTRACT_DATA)                            \
	X(wrong_count_of_parameters, CONTRACT_DATA)                       \
	X(empty_result, 0)                                                \
	X(many_batches, 0)                                                \
	X(batches_outlive_connection, 0)                                  \
	X(tags_and_counts, CONTRACT_DATA)                                 \
	X(describe, CONTRACT_DESCRIBE)                                    \
	X(errors_have_facts, 0)                                           \
	X(constraints_have_facts, CONTRACT_DATA)                          \
	X(usable_after_error, 0)                                          \
	X(one_sync_runs_all, CONTRACT_PIPELINE)                           \
	X(one_sync_is_one_transaction, CONTRACT_DATA | CONTRACT_PIPELINE) \
	X(sync_each_goes_on, CONTRACT_PIPELINE)                           \
	X(several_statements_in_a_text, CONTRACT_DATA)                    \
	X(early_close_and_reuse, 0)                                       \
	X(one_cursor_at_a_time, 0)                                        \
	X(transaction_states, CONTRACT_TRANSACT)                          \
	X(failed_transaction_cannot_commit, CONTRACT_FAILING)             \
	X(summary_at_each_stage, 0)                                       \
	X(prepared_reuse_and_eviction, CONTRACT_DATA)                     \
	X(prepared_survives_schema_change, CONTRACT_DATA)                 \
	X(reset_brings_back, 0)                                           \
	X(cancel_from_another_thread, CONTRACT_CANCEL)                    \
	X(late_cancel_hits_nobody, CONTRACT_CANCEL)                       \
	X(deadline_ends_it, 0)

#define CONTRACT_DECLARE(name, needs) void contract_##name(void **state);
CONTRACT_CASES(CONTRACT_DECLARE)
#undef CONTRACT_DECLARE

#endif
