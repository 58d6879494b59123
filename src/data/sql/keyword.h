// SPDX-License-Identifier: Apache-2.0
/* The words that matter to the lexer's users: statement verbs, what judges them, and what cannot
 * end an expression. Not a full keyword list: a word that changes no decision of ours does not
 * belong here. */
#ifndef CX_KEYWORD_H
#define CX_KEYWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CX_WORD_OPENS = 1u << 0, /* an expression never ends with it: a bracket or colon after it is no
								subscript, no slice */
	CX_WORD_ACTS = 1u << 1   /* statements begin with it, and one of them does more than read */
};

/* X(id, text, flags), one list a first letter, so that a lookup compares a few words only. */
/* clang-format off */
#define CX_WORDS_A(X)                                                                                                  \
	X(ABORT, "abort", 2) X(ALL, "all", 1) X(ALTER, "alter", 2) X(ANALYSE, "analyse", 2) X(ANALYZE, "analyze", 2)       \
	X(AND, "and", 1) X(ANY, "any", 1) X(ARRAY, "array", 1) X(AS, "as", 1) X(ATOMIC, "atomic", 0) X(ATTACH, "attach", 2)
#define CX_WORDS_B(X) X(BACKUP, "backup", 2) X(BEGIN, "begin", 2) X(BETWEEN, "between", 1) X(BY, "by", 1)
#define CX_WORDS_C(X)                                                                                                  \
	X(CALL, "call", 2) X(CANCEL, "cancel", 2) X(CASE, "case", 1) X(CHARACTERISTICS, "characteristics", 0)              \
	X(CHECKPOINT, "checkpoint", 2) X(CLOSE, "close", 2) X(CLUSTER, "cluster", 2) X(COMMENT, "comment", 2)              \
	X(COMMIT, "commit", 2) X(CONCURRENTLY, "concurrently", 0) X(CONSTRAINTS, "constraints", 0) X(COPY, "copy", 2) X(CREATE, "create", 2)
#define CX_WORDS_D(X)                                                                                                  \
	X(DEALLOCATE, "deallocate", 2) X(DECLARE, "declare", 2) X(DELETE, "delete", 2) X(DESC, "desc", 0)                  \
	X(DESCRIBE, "describe", 0) X(DETACH, "detach", 2) X(DISCARD, "discard", 2) X(DISTINCT, "distinct", 1)              \
	X(DO, "do", 2) X(DROP, "drop", 2)
#define CX_WORDS_E(X)                                                                                                  \
	X(ELSE, "else", 1) X(END, "end", 2) X(ESCAPE, "escape", 1) X(EXCEPT, "except", 1) X(EXECUTE, "execute", 2)         \
	X(EXISTS, "exists", 1) X(EXPLAIN, "explain", 0) X(EXPORT, "export", 2)
#define CX_WORDS_F(X)                                                                                                  \
	X(FALSE, "false", 0) X(FETCH, "fetch", 2) X(FILTER, "filter", 1) X(FIRST, "first", 0) X(FOR, "for", 1)             \
	X(FOREIGN, "foreign", 0) X(FROM, "from", 1) X(FUNCTION, "function", 0)
#define CX_WORDS_G(X) X(GLOBAL, "global", 0) X(GRANT, "grant", 2)
#define CX_WORDS_H(X) X(HAVING, "having", 1) X(HOLD, "hold", 0)
#define CX_WORDS_I(X)                                                                                                  \
	X(ILIKE, "ilike", 1) X(IMPORT, "import", 2) X(IN, "in", 1) X(INSERT, "insert", 2) X(INTERSECT, "intersect", 1)     \
	X(INTO, "into", 1) X(IS, "is", 1)
#define CX_WORDS_J(X) X(JOIN, "join", 1)
#define CX_WORDS_K(X) X(KEY, "key", 0)
#define CX_WORDS_L(X)                                                                                                  \
	X(LATERAL, "lateral", 1) X(LIKE, "like", 1) X(LIMIT, "limit", 1) X(LISTEN, "listen", 2) X(LOAD, "load", 2)         \
	X(LOCAL, "local", 0) X(LOCK, "lock", 2)
#define CX_WORDS_M(X) X(MATERIALIZED, "materialized", 0) X(MERGE, "merge", 2) X(MOVE, "move", 2)
#define CX_WORDS_N(X) X(NEXT, "next", 0) X(NO, "no", 0) X(NOT, "not", 1) X(NOTIFY, "notify", 2)
#define CX_WORDS_O(X)                                                                                                  \
	X(OFFSET, "offset", 1) X(ON, "on", 1) X(ONLY, "only", 0) X(OR, "or", 1) X(ORDER, "order", 0) X(OVER, "over", 1)
#define CX_WORDS_P(X)                                                                                                  \
	X(PAUSE, "pause", 2) X(PRAGMA, "pragma", 2) X(PREPARE, "prepare", 2) X(PREPARED, "prepared", 0)                    \
	X(PROCEDURE, "procedure", 0)
#define CX_WORDS_R(X)                                                                                                  \
	X(REASSIGN, "reassign", 2) X(RECURSIVE, "recursive", 1) X(REFRESH, "refresh", 2) X(REINDEX, "reindex", 2)          \
	X(RELEASE, "release", 2) X(REPLACE, "replace", 2) X(RESET, "reset", 2) X(RESTORE, "restore", 2)                    \
	X(RESUME, "resume", 2) X(RETURNING, "returning", 1) X(REVOKE, "revoke", 2) X(ROLLBACK, "rollback", 2)              \
	X(ROW, "row", 0) X(ROWS, "rows", 0)
#define CX_WORDS_S(X)                                                                                                  \
	X(SAVEPOINT, "savepoint", 2) X(SECURITY, "security", 2) X(SELECT, "select", 1) X(SESSION, "session", 0)            \
	X(SET, "set", 3) X(SHARE, "share", 0) X(SHOW, "show", 0) X(SIMILAR, "similar", 1) X(SOME, "some", 1)               \
	X(START, "start", 2) X(STDIN, "stdin", 0) X(STDOUT, "stdout", 0)
#define CX_WORDS_T(X)                                                                                                  \
	X(TABLE, "table", 0) X(TEMP, "temp", 0) X(TEMPORARY, "temporary", 0) X(THEN, "then", 1) X(TO, "to", 1)             \
	X(TRANSACTION, "transaction", 0) X(TRIGGER, "trigger", 0) X(TRUE, "true", 0) X(TRUNCATE, "truncate", 2)
#define CX_WORDS_U(X)                                                                                                  \
	X(UNION, "union", 1) X(UNLISTEN, "unlisten", 2) X(UPDATE, "update", 2) X(UPSERT, "upsert", 2) X(USE, "use", 2)     \
	X(USING, "using", 1)
#define CX_WORDS_V(X)                                                                                                  \
	X(VACUUM, "vacuum", 2) X(VALUES, "values", 1) X(VERBOSE, "verbose", 0)
#define CX_WORDS_W(X)                                                                                                  \
	X(WHEN, "when", 1) X(WHERE, "where", 1) X(WITH, "with", 1) X(WITHIN, "within", 1) X(WORK, "work", 0)

#define CX_WORDS(X)                                                                                                    \
	CX_WORDS_A(X) CX_WORDS_B(X) CX_WORDS_C(X) CX_WORDS_D(X) CX_WORDS_E(X) CX_WORDS_F(X) CX_WORDS_G(X) CX_WORDS_H(X)    \
	CX_WORDS_I(X) CX_WORDS_J(X) CX_WORDS_K(X) CX_WORDS_L(X) CX_WORDS_M(X) CX_WORDS_N(X) CX_WORDS_O(X) CX_WORDS_P(X)    \
	CX_WORDS_R(X) CX_WORDS_S(X) CX_WORDS_T(X) CX_WORDS_U(X) CX_WORDS_V(X) CX_WORDS_W(X)
/* clang-format on */

typedef enum cx_keyword {
	CX_KW_NONE,
#define CX_KEYWORD_ID(id, text, flags) CX_KW_##id,
	CX_WORDS(CX_KEYWORD_ID)
#undef CX_KEYWORD_ID
		CX_KW_COUNT
} cx_keyword;

/* The keyword that an unquoted word is, in any case, or CX_KW_NONE. */
cx_keyword cx_keyword_of(const char *text, size_t length);
uint32_t cx_keyword_flags(cx_keyword keyword);

static inline char cx_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Whether a word is lower, which is in lower case. */
bool cx_word_is(const char *text, size_t length, const char *lower);
/* Whether a word begins with prefix, which is in lower case. */
bool cx_word_begins(const char *text, size_t length, const char *prefix);

#endif
