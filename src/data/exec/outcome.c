// SPDX-License-Identifier: Apache-2.0
/* The table of outcome.def and how a failure is held against it. Pure: facts in, verdict out. */
#include "data/exec/outcome.h"

#include <string.h>

/* What was heard. */
typedef enum cause {
	NO_CONNECTION,
	LINK_LOST,
	ENDED,
	IDLED,
	AMBIGUOUS,
	UNANSWERED,
	PARTIAL,
	CONFLICT,
	STALE,
	DISK,
	LASTING,
	OURS,
	ANYTHING
} cause;

/* Where the work stands. */
enum { OUTSIDE = 1, INSIDE = 2, COMMIT = 4, ANY_PLACE = 7 };

/* How far it had come. */
enum {
	NOT_FLUSHED = 1 << CDBC_POSITION_NOT_FLUSHED,
	SENT = 1 << CDBC_POSITION_SENT,
	ROWS_TAKEN = 1 << CDBC_POSITION_ROWS_TAKEN,
	DONE = 1 << CDBC_POSITION_DONE,
	UNFINISHED = SENT | ROWS_TAKEN,
	ANY_POSITION = NOT_FLUSHED | SENT | ROWS_TAKEN | DONE
};

/* What it was. */
enum { READ = 1, BEGIN = 2, DDL = 4, IDEMPOTENT = 8, PARTS = 16, ANY_WORK = 0 };

typedef struct row {
	cause cause;
	unsigned places, positions, works;
	cx_verdict verdict;
	const char *advice;
} row;

static const row rows[] = {
#define ROW(cause, places, positions, works, outcome, replay, advice) \
	{cause, places, positions, works, {CDBC_OUTCOME_##outcome, CDBC_REPLAY_##replay}, advice},
#include "data/exec/outcome.def"
#undef ROW
};

#define ROW_COUNT (sizeof rows / sizeof *rows)

static bool is_one_of(const char *sqlstate, const char *list)
{
	return sqlstate[0] && strstr(list, sqlstate);
}

/* Refused or given up on our side of the link, not by the server. */
static bool is_ours(const cx_failure *f)
{
	switch (f->status) {
	case CDBC_DATA:
	case CDBC_TIMEOUT:
	case CDBC_CANCELLED:
	case CDBC_NOMEM:
	case CDBC_INTERNAL:
	case CDBC_RESOURCE:
	case CDBC_IO: /* of a sink; a database's has a SQLSTATE */
		return f->sqlstate[0] == '\0';
	default:
		return false;
	}
}

/* The server did not say what became of it. */
static bool is_unanswered(const cx_failure *f)
{
	return f->is_link_lost || strncmp(f->sqlstate, "08", 2) == 0 ||
		   is_one_of(f->sqlstate, "57P01 57P02 58C00 58C01 40003") ||
		   (is_ours(f) && f->position != CDBC_POSITION_DONE);
}

static bool is_stale(const cx_failure *f)
{
	return is_one_of(f->sqlstate, "26000 42P05") ||
		   (strcmp(f->sqlstate, "0A000") == 0 && f->message &&
			strstr(f->message, "cached plan must not change"));
}

static bool is_caused(const cx_failure *f, cause heard)
{
	switch (heard) {
	case NO_CONNECTION:
		return f->status == CDBC_CONNECT || f->status == CDBC_TIMEOUT ||
			   f->status == CDBC_OVERLOADED || f->status == CDBC_NOMEM;
	case LINK_LOST:
		return f->is_link_lost;
	case ENDED:
		return f->is_tx_ended;
	case IDLED:
		return strcmp(f->sqlstate, "25P03") == 0;
	case AMBIGUOUS:
		return strcmp(f->sqlstate, "40003") == 0;
	case UNANSWERED:
		return is_unanswered(f);
	case PARTIAL:
		return strcmp(f->sqlstate, "XXA00") == 0 || f->has_part;
	case CONFLICT:
		return is_one_of(f->sqlstate, "40001 40P01") || f->status == CDBC_CONFLICT;
	case STALE:
		return is_stale(f);
	case DISK: /* of an embedded database: a server's word on its own disk is kept or never said */
		return f->status == CDBC_IO && strcmp(f->sqlstate, "58030") == 0;
	case LASTING: /* and the same again would fail the same way */
		return is_ours(f) && f->status != CDBC_TIMEOUT && f->status != CDBC_NOMEM;
	case OURS:
		return is_ours(f) && !f->is_link_lost;
	default:
		return true;
	}
}

static unsigned place_of(const cx_failure *f)
{
	return f->is_commit ? COMMIT : f->tx_before == CDBC_TX_IDLE ? OUTSIDE : INSIDE;
}

static unsigned works_of(const cx_failure *f)
{
	return (f->is_read_only ? READ : 0u) |
		   (f->kind == CDBC_KIND_TRANSACTION && !f->is_commit ? BEGIN : 0u) |
		   (f->kind == CDBC_KIND_DDL ? DDL : 0u) | (f->is_idempotent ? IDEMPOTENT : 0u) |
		   (f->may_have_parts ? PARTS : 0u);
}

size_t cx_outcome_row_of(const cx_failure *f)
{
	unsigned place = place_of(f), position = 1u << f->position, works = works_of(f);

	for (size_t i = 0; i < ROW_COUNT; i++) {
		const row *r = &rows[i];

		if (r->places & place && r->positions & position &&
			(r->works == ANY_WORK || r->works & works) && is_caused(f, r->cause))
			return i;
	}
	return ROW_COUNT - 1;
}

cx_verdict cx_outcome_judge(const cx_failure *failure)
{
	return rows[cx_outcome_row_of(failure)].verdict;
}

cx_verdict cx_outcome_doubt(cx_verdict verdict)
{
	if (verdict.outcome != CDBC_OUTCOME_NOT_SENT && verdict.outcome != CDBC_OUTCOME_ROLLED_BACK)
		return verdict;
	verdict.outcome = CDBC_OUTCOME_UNKNOWN;
	if (verdict.replay == CDBC_REPLAY_SAFE)
		verdict.replay = CDBC_REPLAY_IF_IDEMPOTENT;
	return verdict;
}

/* ---- the page ---- */

size_t cx_outcome_row_count(void)
{
	return ROW_COUNT;
}

static const char *cause_text(cause heard)
{
	static const char *const texts[] = {
		[NO_CONNECTION] = "no connection, overload, or the deadline",
		[LINK_LOST] = "the link was lost",
		[ENDED] = "a statement had ended the transaction",
		[IDLED] = "25P03",
		[AMBIGUOUS] = "40003",
		[UNANSWERED] = "no answer",
		[PARTIAL] = "XXA00, INSERT OR FAIL",
		[CONFLICT] = "40001, 40P01, SQLITE_BUSY",
		[STALE] = "26000, 42P05, 0A000 (cached plan)",
		[DISK] = "SQLITE_IOERR",
		[LASTING] = "our limit, cancel, or a value that cannot be held",
		[OURS] = "refused on our side",
		[ANYTHING] = "anything else",
	};

	return texts[heard];
}

static const char *place_text(unsigned places)
{
	switch (places) {
	case OUTSIDE:
		return "outside a transaction";
	case INSIDE:
		return "in a transaction";
	case COMMIT:
		return "the commit";
	case OUTSIDE | COMMIT:
		return "outside a transaction, or the commit";
	case INSIDE | COMMIT:
		return "in a transaction, or the commit";
	default:
		return "anywhere";
	}
}

static const char *position_text(unsigned positions)
{
	switch (positions) {
	case NOT_FLUSHED:
		return ", nothing of it sent";
	case ROWS_TAKEN:
		return ", rows handed over";
	case DONE:
		return ", the server done";
	case UNFINISHED:
		return ", sent, the server not done";
	default:
		return "";
	}
}

static const char *work_text(unsigned works)
{
	switch (works) {
	case READ:
		return ", a read";
	case READ | BEGIN:
		return ", a read or a BEGIN";
	case DDL:
		return ", a schema change";
	case IDEMPOTENT:
		return ", a write declared idempotent";
	case PARTS:
		return ", what may commit by itself";
	default:
		return "";
	}
}

void cx_outcome_row_at(size_t index, cx_outcome_row *out)
{
	const row *r = &rows[index];

	*out = (cx_outcome_row){.cause = cause_text(r->cause),
							.place = place_text(r->places),
							.position = position_text(r->positions),
							.work = work_text(r->works),
							.verdict = r->verdict,
							.advice = r->advice};
}
