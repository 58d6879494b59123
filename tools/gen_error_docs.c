// SPDX-License-Identifier: Apache-2.0
/* Writes docs/errors.md from the family of errors and the table of outcomes, so that the page
 * cannot say anything else than the code does.
 *
 * usage: gen_error_docs                 prints the page
 *        gen_error_docs --check FILE    fails unless FILE is that page */
#include "data/exec/outcome.h"

#include "page.h"

static const char head[] =
	"<!-- Made from the tables in the source by `make docs`: change include/cdbc/error.h, "
	"src/data/exec/outcome.def or\n"
	"     tools/gen_error_docs.c instead. -->\n"
	"# Errors\n"
	"\n"
	"Every failed call returns a status and, where it is asked for, an error: its message from the "
	"outside in, a SQLSTATE where the\n"
	"server gave one, a hint on what to do, and two answers that other clients leave to the "
	"caller: the **outcome** (what became of\n"
	"the work) and the **replay** (what may be done now).\n"
	"\n"
	"## The family\n"
	"\n"
	"By what the caller can do about it.\n"
	"\n"
	"| status | means |\n"
	"|---|---|\n";

static const char outcomes[] =
	"\n"
	"## Outcomes\n"
	"\n"
	"| outcome | means |\n"
	"|---|---|\n"
	"| not-sent | the server never saw it |\n"
	"| rolled-back | it had no effect |\n"
	"| committed | it took effect; only the answer was lost |\n"
	"| committed-partial | some of it is in: the data without a schema change, the rows before a "
	"refused one, or a copy's earlier chunks and nothing of its last: `restart_row` says where to "
	"go on |\n"
	"| unknown | nobody can tell yet |\n"
	"\n"
	"| replay | means |\n"
	"|---|---|\n"
	"| safe | the same call again. The retry strategy does so by itself, within its limits |\n"
	"| transaction | the whole transaction from its start, never one statement of it. "
	"`cdbc_session_transact` does so by itself |\n"
	"| if-idempotent | only when doing it twice is the same as once. The retry strategy does so "
	"for "
	"what is declared `idempotent` |\n"
	"| no | not, or not before it is known what became of it |\n"
	"\n"
	"## What happened, and may it be repeated\n"
	"\n"
	"One table judges every failure (`src/data/exec/outcome.def`); the first row that fits "
	"decides. A statement that goes with its own\n"
	"BEGIN and COMMIT in one round trip (`read-only`, `isolation`, `priority`) counts as outside a "
	"transaction: all of it is there to\n"
	"be sent again. Statements with SQLSTATE 57014 that are followed by 57P01 or the link's end "
	"count as the latter: the node is drained,\n"
	"no timeout has struck.\n"
	"\n"
	"*No answer*: the link was lost, SQLSTATE 08xxx, 57P01, 57P02, 58C00, 58C01 or 40003, or our "
	"deadline, cancel or limit came before the\n"
	"server's last word. *Refused on our side*: a value that cannot be held, max-rows, memory, the "
	"deadline, a cancel, a sink that fails.\n"
	"\n"
	"| | heard | of | outcome | replay | what to do |\n"
	"|---|---|---|---|---|---|\n";

static const char tail[] =
	"\n"
	"A COMMIT that is answered by `ROLLBACK` is an error (40000): the transaction had failed "
	"before. A transaction in which something\n"
	"failed that its program overlooked is not committed at all. When the link is lost, the "
	"message names the statement that was\n"
	"outstanding, its literals replaced by `?`. When an attempt ended unknown, was repeated "
	"because "
	"it is idempotent, and the last one\n"
	"failed, the outcome is unknown, whatever the last one says of itself.\n"
	"\n"
	"*What may commit by itself* is CALL and DO outside a transaction (a procedure may have "
	"committed "
	"before it failed), and a text of\n"
	"several statements once the first has ended, when a COMMIT is among them, or the database is "
	"CockroachDB, which commits each by itself\n"
	"before v22.2. Begin a transaction around it, and all of it is rolled back.\n"
	"\n"
	"The command's exit codes follow from the same: 1 the database refused it; 2 usage, "
	"configuration, file or parameter; 3 no\n"
	"connection; 4 not allowed; 5 output incomplete; 6 the outcome is unknown.\n";

static void print_page(FILE *out)
{
	fputs(head, out);
	for (int i = 1; i < CDBC_STATUS_COUNT; i++)
		fprintf(out, "| %s | %s |\n", cdbc_status_name((cdbc_status)i),
				cdbc_status_text((cdbc_status)i));
	fputs(outcomes, out);
	for (size_t i = 0; i < cx_outcome_row_count(); i++) {
		cx_outcome_row row;

		cx_outcome_row_at(i, &row);
		fprintf(out, "| %zu | %s | %s%s%s | %s | %s | %s |\n", i + 1, row.cause, row.place,
				row.work, row.position, cdbc_outcome_name(row.verdict.outcome),
				cdbc_replay_name(row.verdict.replay), row.advice);
	}
	fputs(tail, out);
}

int main(int argc, char **argv)
{
	return page_main(argc, argv, print_page);
}
