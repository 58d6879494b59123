// SPDX-License-Identifier: Apache-2.0
/* What became of work that failed, and whether it may be repeated: judged here and nowhere else,
 * from facts, by the first row of a table that fits. docs/errors.md is made from the same table. */
#ifndef CX_OUTCOME_H
#define CX_OUTCOME_H

#include <cdbc/driver.h>
#include <cdbc/error.h>

/* The facts of one failure. */
typedef struct cx_failure {
	cdbc_status status;
	const char *sqlstate; /* "" when none */
	const char *message;  /* the server's; NULL: not known */
	cdbc_position position;
	cdbc_tx_state tx_before;
	bool is_link_lost;
	cdbc_statement_kind kind;
	bool is_commit; /* CDBC_REQUEST_COMMITS */
	bool is_read_only;
	bool is_idempotent;
	bool may_have_parts; /* CALL, DO, a script: some of its work may have been committed before */
	bool has_part;       /* some of it is known to be in */
	bool is_tx_ended;    /* one of its own statements has ended its transaction before */
} cx_failure;

typedef struct cx_verdict {
	cdbc_outcome outcome;
	cdbc_replay replay;
} cx_verdict;

cx_verdict cx_outcome_judge(const cx_failure *failure);
/* The verdict on work of which an earlier attempt ended UNKNOWN: that the last one did nothing does
 * not say that it was not done. */
cx_verdict cx_outcome_doubt(cx_verdict verdict);

/* A row of the table, for the page. Words are static. */
typedef struct cx_outcome_row {
	const char *cause;                   /* what was heard */
	const char *place, *position, *work; /* of what, and how far it had come; "" for any */
	cx_verdict verdict;
	const char *advice;
} cx_outcome_row;

size_t cx_outcome_row_count(void);
void cx_outcome_row_at(size_t index, cx_outcome_row *out);
/* The row that decides, for tests that every row is reached. */
size_t cx_outcome_row_of(const cx_failure *failure);

#endif
