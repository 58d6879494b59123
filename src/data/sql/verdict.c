// SPDX-License-Identifier: Apache-2.0
/* What the statement comes to, from what judge.c saw of its tokens. */
#include "data/sql/judge.h"

#include <strings.h>

static bool is_temp(cx_keyword keyword)
{
	return keyword == CX_KW_TEMP || keyword == CX_KW_TEMPORARY;
}

bool cx_judge_is_routine(const cx_judge *judge)
{
	const cx_keyword *w = judge->words;
	cx_keyword what = w[1] == CX_KW_OR && w[2] == CX_KW_REPLACE ? w[3] : w[1];

	return w[0] == CX_KW_CREATE && (what == CX_KW_FUNCTION || what == CX_KW_PROCEDURE);
}

bool cx_judge_is_trigger(const cx_judge *judge)
{
	const cx_keyword *w = judge->words;

	return w[0] == CX_KW_CREATE &&
		   (w[1] == CX_KW_TRIGGER || (is_temp(w[1]) && w[2] == CX_KW_TRIGGER));
}

bool cx_judge_is_copy_in(const cx_judge *judge)
{
	return judge->words[0] == CX_KW_COPY && judge->is_from_stdin;
}

bool cx_judge_owns_positional(const cx_judge *judge)
{
	return cx_judge_is_routine(judge) ||
		   (judge->words[0] == CX_KW_PREPARE && judge->words[1] != CX_KW_TRANSACTION);
}

/* CREATE [OR REPLACE] [LOCAL | GLOBAL] TEMP */
static bool creates_temp(const cx_judge *j)
{
	for (size_t i = 1; i < sizeof j->words / sizeof *j->words; i++)
		if (is_temp(j->words[i]))
			return true;
		else if (j->words[i] != CX_KW_OR && j->words[i] != CX_KW_REPLACE &&
				 j->words[i] != CX_KW_LOCAL && j->words[i] != CX_KW_GLOBAL)
			return false;
	return false;
}

static cdbc_statement_kind verdict_set(const cx_judge *j, uint32_t *flags)
{
	switch (j->words[1]) {
	case CX_KW_TRANSACTION:
	case CX_KW_CONSTRAINTS:
		return CDBC_KIND_TRANSACTION;
	case CX_KW_CLUSTER:
		return CDBC_KIND_UTILITY;
	case CX_KW_LOCAL:
		return CDBC_KIND_SESSION;
	default:
		*flags |= CDBC_REQUEST_CHANGES_SESSION;
		return CDBC_KIND_SESSION;
	}
}

static cdbc_statement_kind verdict_query(const cx_judge *j, uint32_t *flags)
{
	if (!j->may_write)
		*flags |= CDBC_REQUEST_READ_ONLY;
	if (j->limit_state == CX_LIMIT_NUMBER || j->limit_state == CX_LIMIT_SURE ||
		j->limit_state == CX_FETCH_ONLY)
		*flags |= CDBC_REQUEST_SMALL_RESULT;
	return CDBC_KIND_SELECT;
}

/* RELEASE [SAVEPOINT] cockroach_restart is CockroachDB's commit. */
static bool is_restart_point(const cx_token *name)
{
	static const char word[] = "cockroach_restart";
	size_t quote = name->kind == CX_TOKEN_QUOTED;

	return name->length == sizeof word - 1 + 2 * quote &&
		   strncasecmp(name->text + quote, word, sizeof word - 1) == 0;
}

/* SHOW COMMIT TIMESTAMP commits an open transaction first. */
static bool shows_commit(const cx_judge *j)
{
	return j->verb == CX_KW_SHOW && j->words[1] == CX_KW_COMMIT;
}

/* With the second phase of a prepared transaction, which no session has open. */
static bool commits(const cx_judge *j)
{
	return j->verb == CX_KW_COMMIT || j->verb == CX_KW_END ||
		   (j->verb == CX_KW_ROLLBACK && j->words[1] == CX_KW_PREPARED) ||
		   (j->verb == CX_KW_RELEASE && is_restart_point(&j->prev));
}

/* Old CockroachDB runs what stands in SHOW TRACE FOR. */
static cdbc_statement_kind verdict_show(const cx_judge *j, uint32_t *flags)
{
	if (shows_commit(j))
		*flags |= CDBC_REQUEST_COMMITS | CDBC_REQUEST_CONTROLS;
	else if (!j->may_write)
		*flags |= CDBC_REQUEST_READ_ONLY;
	return CDBC_KIND_UTILITY;
}

static cdbc_statement_kind verdict_prepare(const cx_judge *j, uint32_t *flags)
{
	bool is_first_phase = j->words[1] == CX_KW_TRANSACTION;

	*flags |= is_first_phase ? CDBC_REQUEST_CONTROLS | CDBC_REQUEST_COMMITS
							 : CDBC_REQUEST_CHANGES_SESSION;
	return is_first_phase ? CDBC_KIND_TRANSACTION : CDBC_KIND_SESSION;
}

/* Everything that is not a query or a change of data. */
static cdbc_statement_kind verdict_other(const cx_judge *j, uint32_t *flags)
{
	switch (j->verb) {
	case CX_KW_CREATE:
		*flags |= creates_temp(j) ? CDBC_REQUEST_CHANGES_SESSION : 0u;
		return CDBC_KIND_DDL;
	case CX_KW_ALTER:
	case CX_KW_DROP:
	case CX_KW_COMMENT:
	case CX_KW_GRANT:
	case CX_KW_REVOKE:
	case CX_KW_TRUNCATE:
	case CX_KW_REFRESH:
	case CX_KW_REINDEX:
	case CX_KW_REASSIGN:
	case CX_KW_SECURITY:
		return CDBC_KIND_DDL;
	case CX_KW_BEGIN:
	case CX_KW_START:
	case CX_KW_COMMIT:
	case CX_KW_END:
	case CX_KW_ROLLBACK:
	case CX_KW_ABORT:
	case CX_KW_SAVEPOINT:
	case CX_KW_RELEASE:
		*flags |= CDBC_REQUEST_CONTROLS | (commits(j) ? CDBC_REQUEST_COMMITS : 0u);
		return CDBC_KIND_TRANSACTION;
	case CX_KW_SET:
		return verdict_set(j, flags);
	case CX_KW_PREPARE:
		return verdict_prepare(j, flags);
	case CX_KW_RESET:
	case CX_KW_DEALLOCATE:
	case CX_KW_DISCARD:
	case CX_KW_LISTEN:
	case CX_KW_UNLISTEN:
	case CX_KW_LOAD:
	case CX_KW_USE:
	case CX_KW_PRAGMA:
	case CX_KW_ATTACH:
	case CX_KW_DETACH:
		*flags |= CDBC_REQUEST_CHANGES_SESSION;
		return CDBC_KIND_SESSION;
	case CX_KW_DECLARE:
		*flags |= j->is_hold ? CDBC_REQUEST_CHANGES_SESSION : 0u;
		return CDBC_KIND_SESSION;
	case CX_KW_COPY:
		*flags |= j->is_to_stdout && !j->may_write ? CDBC_REQUEST_READ_ONLY : 0u;
		return CDBC_KIND_COPY;
	case CX_KW_SHOW:
	case CX_KW_DESCRIBE:
	case CX_KW_DESC:
		return verdict_show(j, flags);
	case CX_KW_IMPORT:
		return j->words[1] == CX_KW_FOREIGN ? CDBC_KIND_DDL : CDBC_KIND_UTILITY;
	case CX_KW_ANALYZE: /* these commit table by table */
	case CX_KW_ANALYSE:
	case CX_KW_VACUUM:
	case CX_KW_CLUSTER:
		*flags |= CDBC_REQUEST_COMMITS_PARTS;
		return CDBC_KIND_UTILITY;
	case CX_KW_CHECKPOINT:
	case CX_KW_CANCEL:
	case CX_KW_PAUSE:
	case CX_KW_RESUME:
	case CX_KW_BACKUP:
	case CX_KW_RESTORE:
	case CX_KW_EXPORT:
	case CX_KW_EXECUTE:
	case CX_KW_FETCH:
	case CX_KW_MOVE:
	case CX_KW_CLOSE:
	case CX_KW_LOCK:
	case CX_KW_NOTIFY:
		return CDBC_KIND_UTILITY;
	default:
		return CDBC_KIND_UNKNOWN;
	}
}

cdbc_statement_kind cx_judge_verdict(const cx_judge *judge, uint32_t *flags)
{
	cdbc_statement_kind kind;

	*flags = (judge->is_session_changed ? CDBC_REQUEST_CHANGES_SESSION : 0u) |
			 (judge->is_volatile ? CDBC_REQUEST_VOLATILE : 0u);
	if (judge->is_explain) {
		bool is_query = judge->verb == CX_KW_SELECT || judge->verb == CX_KW_VALUES ||
						judge->verb == CX_KW_TABLE;

		if (!judge->is_analyze || (is_query && !judge->may_write))
			*flags |= CDBC_REQUEST_READ_ONLY;
		return CDBC_KIND_UTILITY;
	}
	switch (judge->verb) {
	case CX_KW_SELECT:
	case CX_KW_VALUES:
	case CX_KW_TABLE:
		return verdict_query(judge, flags);
	case CX_KW_DO:
		*flags |= CDBC_REQUEST_CHANGES_SESSION | CDBC_REQUEST_COMMITS_PARTS;
		return CDBC_KIND_DML;
	case CX_KW_INSERT:
	case CX_KW_UPSERT:
	case CX_KW_UPDATE:
	case CX_KW_DELETE:
	case CX_KW_MERGE:
	case CX_KW_REPLACE:
		*flags |= judge->has_returning ? 0u : CDBC_REQUEST_SMALL_RESULT;
		return CDBC_KIND_DML;
	case CX_KW_CALL:
		*flags |= CDBC_REQUEST_COMMITS_PARTS;
		return CDBC_KIND_DML;
	default:
		kind = verdict_other(judge, flags);
		if (kind == CDBC_KIND_DDL || kind == CDBC_KIND_TRANSACTION)
			*flags |= CDBC_REQUEST_SMALL_RESULT;
		/* of a schema, or of a table with partitions: in several transactions */
		if (kind == CDBC_KIND_DDL && (judge->is_concurrent || judge->verb == CX_KW_REINDEX))
			*flags |= CDBC_REQUEST_COMMITS_PARTS;
		return kind;
	}
}
