// SPDX-License-Identifier: Apache-2.0
/* The verdicts: one row of the table, one assertion. */
#include "data/exec/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

typedef struct row {
	const char *what;
	cx_failure facts;
	cdbc_outcome outcome;
	cdbc_replay replay;
} row;

#define IDLE CDBC_TX_IDLE
#define OPEN CDBC_TX_OPEN
#define SENT CDBC_POSITION_SENT
#define TAKEN CDBC_POSITION_ROWS_TAKEN
#define DONE CDBC_POSITION_DONE
#define UNSENT CDBC_POSITION_NOT_FLUSHED

static const row rows[] = {
	{"connecting failed", {.status = CDBC_CONNECT, .sqlstate = "", .position = UNSENT}, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE},
	{"refused with 57P01 while connecting", {.status = CDBC_CONNECT, .sqlstate = "57P01", .position = UNSENT}, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE},
	{"a wrong parameter", {.status = CDBC_PARAM, .sqlstate = "", .position = UNSENT}, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO},
	{"lost in a transaction before anything was sent", {.status = CDBC_CONNECT, .sqlstate = "", .position = UNSENT, .tx_before = OPEN, .is_link_lost = true}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"40001 outside a transaction", {.status = CDBC_CONFLICT, .sqlstate = "40001", .position = DONE}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE},
	{"40001 outside, rows handed over", {.status = CDBC_CONFLICT, .sqlstate = "40001", .position = TAKEN}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"40001 inside", {.status = CDBC_CONFLICT, .sqlstate = "40001", .position = DONE, .tx_before = OPEN}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"40001 at commit", {.status = CDBC_CONFLICT, .sqlstate = "40001", .position = DONE, .tx_before = OPEN, .is_commit = true, .kind = CDBC_KIND_TRANSACTION}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"40P01 inside", {.status = CDBC_CONFLICT, .sqlstate = "40P01", .position = DONE, .tx_before = OPEN}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"SQLITE_BUSY", {.status = CDBC_CONFLICT, .sqlstate = "", .position = DONE, .tx_before = OPEN}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"40003 at commit", {.status = CDBC_SQL, .sqlstate = "40003", .position = DONE, .tx_before = OPEN, .is_commit = true, .kind = CDBC_KIND_TRANSACTION}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"40003 of a single write", {.status = CDBC_SQL, .sqlstate = "40003", .position = DONE, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"40003 of an idempotent write", {.status = CDBC_SQL, .sqlstate = "40003", .position = DONE, .kind = CDBC_KIND_DML, .is_idempotent = true}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT},
	{"lost after commit was sent", {.status = CDBC_CONNECT, .sqlstate = "", .position = SENT, .tx_before = OPEN, .is_link_lost = true, .is_commit = true, .kind = CDBC_KIND_TRANSACTION}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"lost after a single write was sent", {.status = CDBC_CONNECT, .sqlstate = "", .position = SENT, .is_link_lost = true, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"lost after an idempotent write was sent", {.status = CDBC_CONNECT, .sqlstate = "", .position = SENT, .is_link_lost = true, .kind = CDBC_KIND_DML, .is_idempotent = true}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT},
	{"lost in a transaction", {.status = CDBC_CONNECT, .sqlstate = "", .position = SENT, .tx_before = OPEN, .is_link_lost = true}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"read lost before a row", {.status = CDBC_CONNECT, .sqlstate = "", .position = SENT, .is_link_lost = true, .kind = CDBC_KIND_SELECT, .is_read_only = true}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE},
	{"read lost after a row", {.status = CDBC_CONNECT, .sqlstate = "", .position = TAKEN, .is_link_lost = true, .kind = CDBC_KIND_SELECT, .is_read_only = true}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"schema change lost", {.status = CDBC_CONNECT, .sqlstate = "", .position = SENT, .is_link_lost = true, .kind = CDBC_KIND_DDL, .is_idempotent = true}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"XXA00", {.status = CDBC_SQL, .sqlstate = "XXA00", .position = DONE, .tx_before = OPEN, .is_commit = true}, CDBC_OUTCOME_COMMITTED_PARTIAL, CDBC_REPLAY_NO},
	{"58C00 of a read", {.status = CDBC_SQL, .sqlstate = "58C00", .position = SENT, .is_read_only = true}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE},
	{"statement timeout", {.status = CDBC_TIMEOUT, .sqlstate = "57014", .position = DONE, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"our deadline, nothing heard, a write", {.status = CDBC_TIMEOUT, .sqlstate = "", .position = SENT, .is_link_lost = true, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"26000 outside", {.status = CDBC_SQL, .sqlstate = "26000", .position = DONE}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE},
	{"26000 inside", {.status = CDBC_SQL, .sqlstate = "26000", .position = DONE, .tx_before = OPEN}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"a constraint", {.status = CDBC_SQL, .sqlstate = "23505", .position = DONE, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"aborted transaction", {.status = CDBC_SQL, .sqlstate = "25P02", .position = DONE, .tx_before = CDBC_TX_FAILED}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"a syntax error", {.status = CDBC_SQL, .sqlstate = "42601", .position = DONE}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"too many rows of a write, cut off", {.status = CDBC_RESOURCE, .sqlstate = "", .position = TAKEN, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"too many rows of a write that was done", {.status = CDBC_DATA, .sqlstate = "", .position = DONE, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO},
	{"the same in a transaction", {.status = CDBC_DATA, .sqlstate = "", .position = DONE, .tx_before = OPEN, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"too many rows of a read", {.status = CDBC_RESOURCE, .sqlstate = "", .position = TAKEN, .is_read_only = true}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"a value of a read that cannot be kept", {.status = CDBC_DATA, .sqlstate = "", .position = SENT, .is_read_only = true}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
	{"no memory before it was sent", {.status = CDBC_NOMEM, .sqlstate = "", .position = UNSENT}, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE},
	{"no memory after a write was sent", {.status = CDBC_NOMEM, .sqlstate = "", .position = SENT, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO},
	{"no memory after a write was done", {.status = CDBC_NOMEM, .sqlstate = "", .position = DONE, .kind = CDBC_KIND_DML}, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO},
	{"no memory in a transaction", {.status = CDBC_NOMEM, .sqlstate = "", .position = DONE, .tx_before = OPEN}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION},
	{"commit done, but no memory to say so", {.status = CDBC_NOMEM, .sqlstate = "", .position = DONE, .tx_before = OPEN, .is_commit = true}, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO},
	{"53200", {.status = CDBC_RESOURCE, .sqlstate = "53200", .position = DONE}, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO},
};

static void test_table(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cx_verdict verdict = cx_outcome_judge(&rows[i].facts);

		if (verdict.outcome != rows[i].outcome || verdict.replay != rows[i].replay)
			fail_msg("%s: %s, %s", rows[i].what, cdbc_outcome_name(verdict.outcome), cdbc_replay_name(verdict.replay));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
