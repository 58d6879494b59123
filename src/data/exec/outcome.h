// SPDX-License-Identifier: Apache-2.0
/* What became of work that failed, and whether it may be repeated: judged here and nowhere else,
 * from facts. */
#ifndef CX_OUTCOME_H
#define CX_OUTCOME_H

#include <cdbc/driver.h>
#include <cdbc/error.h>

/* The facts of one failure. */
typedef struct cx_failure {
	cdbc_status status;
	const char *sqlstate; /* "" when none */
	cdbc_position position;
	cdbc_tx_state tx_before;
	bool is_link_lost;
	cdbc_statement_kind kind;
	bool is_commit; /* COMMIT, END, or RELEASE cockroach_restart */
	bool is_read_only;
	bool is_idempotent;
} cx_failure;

typedef struct cx_verdict {
	cdbc_outcome outcome;
	cdbc_replay replay;
} cx_verdict;

cx_verdict cx_outcome_judge(const cx_failure *failure);

#endif
