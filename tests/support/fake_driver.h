// SPDX-License-Identifier: Apache-2.0
/* A driver without a database: it answers from a script in memory, and fails, waits and loses its
 * link where the script says. For tests of what stands above drivers. Scheme "fake". Everything
 * here may be called from any thread.
 *
 *     fake_server *server = fake_server_new("a");
 *     fake_server_answer(server, &(fake_answer){.sql = "select id, name from t", .columns = "id
 * int8, name text", .rows = "1|one;2|\\N"}); cdbc_setting item; cdbc_settings settings =
 * fake_settings(server, &item); fake_driver.open(&settings, ...)
 *     ...
 *     assert_int_equal(fake_server_counts(server).live, 0);
 *     fake_server_free(server);
 *
 * Without a script it knows begin, start transaction, commit, end, rollback, savepoint, release,
 * set and reset, and keeps the transaction's state as PostgreSQL does: an error in an open one
 * makes it failed, a failed one takes only its end (25P02) and answers COMMIT with ROLLBACK, which
 * is CDBC_SQL 40000. Any other SQL that has no answer fails with 42601. */
#ifndef TEST_FAKE_DRIVER_H
#define TEST_FAKE_DRIVER_H

#include <cdbc/driver.h>

extern const cdbc_driver fake_driver;

typedef struct fake_server fake_server;

/* name is what the setting "server" says, or the URL fake:NAME; two living servers may not share
 * it. Never NULL. */
fake_server *fake_server_new(const char *name);
/* All connections must be closed. Takes NULL. */
void fake_server_free(fake_server *server);
/* Settings of the one item, which the caller stores, and which borrows from the server. */
cdbc_settings fake_settings(fake_server *server, cdbc_setting *item);

/* ---- answers: strings are copied
 * ---------------------------------------------------------------------------- */

typedef enum fake_tx {
	FAKE_TX_USUAL, /* as the statement's first word says */
	FAKE_TX_IDLE,
	FAKE_TX_OPEN,
	FAKE_TX_FAILED
} fake_tx;

typedef struct fake_answer {
	const char *sql;     /* the whole text, or its beginning before a last '*' */
	int64_t times;       /* serves so often, then later answers do; 0: always */
	const char *columns; /* "id int8, amount numeric(10,2)"; NULL: returns no rows */
	const char *rows;    /* cells parted by |, rows by ;  \N is NULL, $1 the text of the first
							parameter. NULL: none */
	int64_t repeat;      /* gives all rows so many times; 0: once */
	const char *tag;     /* NULL: "SELECT n" with columns, else the statement's first word */
	int64_t affected;    /* 0: -1, none is told; FAKE_NONE_AFFECTED: 0 */
	fake_tx tx_after;
	/* Fails when error.status is set: before any row, or after the first error_after_rows. */
	cdbc_error_info error;
	int64_t error_after_rows; /* of a copy: at its end, when it had so many or more */
	/* The link goes: NOT_FLUSHED in submit, SENT in next_result, ROWS_TAKEN in fetch after the
	 * first batch, DONE once all is read. Without an error it is CDBC_CONNECT. */
	bool loses_link;
	cdbc_position lost_at;
	/* Waits there (as lost_at says: in submit, next_result or fetch) until the gate is opened, the
	 * deadline or a cancel; with loses_link the link goes then. */
	const char *gate;
	cdbc_position gate_at;
} fake_answer;

#define FAKE_NONE_AFFECTED INT64_MIN

/* Answers are asked in the order in which they were added. */
void fake_server_answer(fake_server *server, const fake_answer *answer);
void fake_server_forget(fake_server *server);

/* ---- behaviour
 * ---------------------------------------------------------------------------------------------- */

/* Closes a gate: whoever comes to it waits. "open", "ping", "reset" and "close" stand before those
 * entries; others are named by answers, and are closed from the start when first named. */
void fake_server_hold(fake_server *server, const char *gate);
/* Opens it for good. */
void fake_server_let(fake_server *server, const char *gate);
/* Waits until so many wait at the gate, at most ten seconds; false then. */
bool fake_server_wait(fake_server *server, const char *gate, size_t waiting);

/* The next n calls fail; error NULL: CDBC_CONNECT "refused". n < 0: all from now on; 0: none any
 * more. A failed ping or reset loses the link. */
void fake_server_fail_opens(fake_server *server, int64_t n, const cdbc_error_info *error);
void fake_server_fail_pings(fake_server *server, int64_t n, const cdbc_error_info *error);
void fake_server_fail_resets(fake_server *server, int64_t n, const cdbc_error_info *error);
/* Cuts the links that are open now: found out at the next use, as with a real one. */
void fake_server_cut(fake_server *server);
/* What info answers. Strings are copied; node_id < 0: null. */
void fake_server_identify(fake_server *server, const char *product, const char *version,
						  const char *dialect, int64_t node_id);

/* ---- what happened
 * ------------------------------------------------------------------------------------------ */

typedef struct fake_counts {
	int64_t opens_begun, opens, opens_failed, closes, live, live_max;
	int64_t pings, resets, submits, requests, cancels, describes;
	int64_t copies, copied_bytes, lost;
} fake_counts;

fake_counts fake_server_counts(const fake_server *server);
/* The SQL of request number index, from 0, since the server was made; NULL: there were not so many.
 * *serial (may be NULL) is the number of its connection, from 1. Kept until the server is freed. */
const char *fake_server_sql(const fake_server *server, size_t index, int64_t *serial);
/* The number of a connection, from 1. */
int64_t fake_conn_serial(void *conn);

#endif
