// SPDX-License-Identifier: Apache-2.0
/* The table of docs/architecture.md "Outcomes" in code. Pure: facts in, verdict out. */
#include "data/exec/outcome.h"

#include <string.h>

static bool is_state(const cx_failure *f, const char *sqlstate)
{
	return strcmp(f->sqlstate, sqlstate) == 0;
}

static bool is_class(const cx_failure *f, const char *two)
{
	return strncmp(f->sqlstate, two, 2) == 0;
}

/* Whether the work decides a transaction's fate by itself: a commit, or a statement outside a
 * transaction. */
static bool is_final(const cx_failure *f)
{
	return f->is_commit || f->tx_before == CDBC_TX_IDLE;
}

/* Without a SQLSTATE: refused on our side of the link, not by the server. */
static bool is_ours(const cx_failure *f)
{
	switch (f->status) {
	case CDBC_DATA:
	case CDBC_TIMEOUT:
	case CDBC_CANCELLED:
	case CDBC_NOMEM:
	case CDBC_INTERNAL:
	case CDBC_RESOURCE:
		return true;
	default:
		return false;
	}
}

/* The same again would fail the same way. */
static bool is_lasting(const cx_failure *f)
{
	return f->status == CDBC_DATA || f->status == CDBC_RESOURCE || f->status == CDBC_CANCELLED ||
		   f->status == CDBC_INTERNAL;
}

/* The server did not say what happened: the link broke, or its word is "unknown". */
static cx_verdict unanswered(const cx_failure *f)
{
	if (f->tx_before != CDBC_TX_IDLE && !f->is_commit)
		return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK,
							is_lasting(f) ? CDBC_REPLAY_NO : CDBC_REPLAY_TRANSACTION};
	if (f->is_read_only && !f->is_commit)
		return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK,
							f->position == CDBC_POSITION_ROWS_TAKEN || is_lasting(f)
								? CDBC_REPLAY_NO
								: CDBC_REPLAY_SAFE};
	if (f->is_commit || f->kind == CDBC_KIND_DDL)
		return (cx_verdict){CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO};
	return (cx_verdict){CDBC_OUTCOME_UNKNOWN,
						f->is_idempotent ? CDBC_REPLAY_IF_IDEMPOTENT : CDBC_REPLAY_NO};
}

/* The server answered that it did not do it. */
static cx_verdict refused(const cx_failure *f)
{
	bool is_alone = f->tx_before == CDBC_TX_IDLE && !f->is_commit;

	if (is_state(f, "40001") || is_state(f, "40P01") || f->status == CDBC_CONFLICT) {
		if (f->position == CDBC_POSITION_ROWS_TAKEN && is_alone)
			return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO};
		return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK,
							is_alone ? CDBC_REPLAY_SAFE : CDBC_REPLAY_TRANSACTION};
	}
	if (is_state(f, "26000") || is_state(f, "42P05"))
		return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK,
							is_alone ? CDBC_REPLAY_SAFE : CDBC_REPLAY_TRANSACTION};
	return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO};
}

/* The server had its say, and it was success; but what it sent could not be read, or was more than
 * asked for. */
static cx_verdict done(const cx_failure *f)
{
	if (f->tx_before != CDBC_TX_IDLE && !f->is_commit)
		return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK,
							is_lasting(f) ? CDBC_REPLAY_NO : CDBC_REPLAY_TRANSACTION};
	return (cx_verdict){f->is_read_only ? CDBC_OUTCOME_ROLLED_BACK : CDBC_OUTCOME_COMMITTED,
						CDBC_REPLAY_NO};
}

cx_verdict cx_outcome_judge(const cx_failure *f)
{
	if (f->position == CDBC_POSITION_NOT_FLUSHED) {
		bool may_repeat = f->status == CDBC_CONNECT || f->status == CDBC_TIMEOUT ||
						  f->status == CDBC_OVERLOADED || f->status == CDBC_NOMEM;

		if (f->tx_before != CDBC_TX_IDLE && f->is_link_lost)
			return (cx_verdict){CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION};
		return (cx_verdict){CDBC_OUTCOME_NOT_SENT, may_repeat ? CDBC_REPLAY_SAFE : CDBC_REPLAY_NO};
	}
	if (is_state(f, "XXA00"))
		return (cx_verdict){CDBC_OUTCOME_COMMITTED_PARTIAL, CDBC_REPLAY_NO};
	if (is_state(f, "40003"))
		return is_final(f) ? unanswered(f)
						   : (cx_verdict){CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION};
	if (f->is_link_lost || is_class(f, "08") || is_state(f, "57P01") || is_state(f, "57P02") ||
		is_state(f, "58C00") || is_state(f, "58C01"))
		return unanswered(f);
	if (f->sqlstate[0] == '\0' && is_ours(f))
		return f->position == CDBC_POSITION_DONE ? done(f) : unanswered(f);
	return refused(f);
}
