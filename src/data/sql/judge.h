// SPDX-License-Identifier: Apache-2.0
/* What a statement does, judged from its tokens as they go by: kind, whether it may write, whether
 * it leaves something in the session, whether few rows are certain. Where a statement cannot be
 * seen through (a function of the user's), it "may write". No grammar: a statement that is wrong
 * may be judged anyhow, the server refuses it. */
#ifndef CX_JUDGE_H
#define CX_JUDGE_H

#include "data/sql/keyword.h"
#include "data/sql/lexer.h"

#include <cdbc/driver.h>

/* How far LIMIT 10, or FETCH FIRST 10 ROWS ONLY, was read. */
typedef enum cx_limit_state {
	CX_LIMIT_NONE,
	CX_LIMIT_WORD,   /* after LIMIT */
	CX_LIMIT_NUMBER, /* after its number: few rows, if nothing is calculated with it */
	CX_LIMIT_SURE,
	CX_FETCH_WORD,
	CX_FETCH_FIRST,
	CX_FETCH_NUMBER,
	CX_FETCH_ROWS,
	CX_FETCH_ONLY
} cx_limit_state;

typedef struct cx_judge {
	cx_keyword words[5]; /* the first ones, CX_KW_NONE for what is no keyword */
	size_t word_count;
	size_t token_count;
	size_t base_depth; /* brackets before the first word */
	bool is_with;
	bool is_explain;
	bool is_analyze;
	bool is_inner_explain; /* one in square brackets */
	cx_keyword verb;       /* what decides; after WITH's queries */
	bool may_write;
	bool is_volatile;
	bool is_time_call;    /* the last bracket is one of a function of SQLite's for times */
	bool has_time_format; /* strftime(FORMAT, ...: the time comes second */
	bool has_returning;
	bool is_session_changed;
	bool is_hold;
	bool is_concurrent; /* an index's: several transactions, one after the other */
	bool is_from_stdin;
	bool is_to_stdout;
	/* the one before, and the one before that */
	cx_token prev, before;
	cx_keyword prev_keyword, before_keyword;
	bool is_prev_after_dot;
	const char *qualifier; /* what stands before prev's dot */
	size_t qualifier_length;
	/* set_config(..., true) is over with the transaction */
	size_t set_config_depth;
	/* within one of cx_function_fills_in_now, as long as there is no second argument; 0: no */
	size_t now_depth;
	cx_limit_state limit_state;
} cx_judge;

void cx_judge_init(cx_judge *judge);
/* Takes a solid token that is not the statement's semicolon. keyword is what the word is
 * (CX_KW_NONE for other tokens); depth the lexer's after it. */
void cx_judge_feed(cx_judge *judge, const cx_token *token, cx_keyword keyword, size_t depth);
/* The verdict, after the last token. flags are CDBC_REQUEST_READ_ONLY, _CHANGES_SESSION,
 * _SMALL_RESULT, _COMMITS, _VOLATILE, _COMMITS_PARTS, _CONTROLS. */
cdbc_statement_kind cx_judge_verdict(const cx_judge *judge, uint32_t *flags);

static inline bool cx_judge_is_empty(const cx_judge *judge)
{
	return judge->token_count == 0;
}

/* CREATE FUNCTION and PROCEDURE (with OR REPLACE), whose bodies may hold semicolons. */
bool cx_judge_is_routine(const cx_judge *judge);
/* CREATE TRIGGER, whose body in SQLite is BEGIN ... END. */
bool cx_judge_is_trigger(const cx_judge *judge);
/* COPY ... FROM STDIN: rows follow in a script. */
bool cx_judge_is_copy_in(const cx_judge *judge);
/* $1 in it is its own (PREPARE, a routine's body), not a parameter of the statement. */
bool cx_judge_owns_positional(const cx_judge *judge);

/* Whether a function is known to write nothing and leave nothing (functions.c). */
bool cx_function_is_pure(const char *name, size_t length);
/* Whether it gives another answer each time, of the same data. */
bool cx_function_is_volatile(const char *name, size_t length);
/* Whether it takes the time of now when it is given one argument. */
bool cx_function_fills_in_now(const char *name, size_t length);
/* Whether it takes or frees something that outlives the transaction. */
bool cx_function_changes_session(const char *name, size_t length);

#endif
