// SPDX-License-Identifier: Apache-2.0
/* The one lexer for SQL, by the rules of PostgreSQL and CockroachDB together. It knows tokens, and
 * where a colon is a parameter, a cast or a slice; it knows no grammar and judges no statement.
 * Nothing is allocated; tokens point into the text. The bytes of all tokens, white space and
 * comments among them, add up to the text.
 *
 * Where the two differ, the reading that is an error or the same for the other is taken: b'..'
 * takes backslashes (CockroachDB's bytes; no bit string holds one), a literal after an E'..', white
 * space and a line end goes on with backslashes, also over -- comments. */
#ifndef CX_LEXER_H
#define CX_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CX_NESTING_MAX 4096 /* brackets: more is an error */

typedef enum cx_token_kind {
	CX_TOKEN_END,
	CX_TOKEN_ERROR,   /* the rest of the text; what is wrong is in the lexer's error */
	CX_TOKEN_SPACE,   /* white space */
	CX_TOKEN_COMMENT, /* -- to the line's end (which is not in it), or nested slash-star */
	CX_TOKEN_WORD,    /* keyword or unquoted identifier */
	CX_TOKEN_QUOTED,  /* "..", U&".." */
	CX_TOKEN_STRING,  /* '..', E'..', b'..', x'..', U&'..', N'..', $$..$$ */
	CX_TOKEN_NUMBER,
	CX_TOKEN_OPERATOR,   /* operators, brackets, comma, semicolon, colon, dot: op tells the
							one-character ones */
	CX_TOKEN_PARAM,      /* :name */
	CX_TOKEN_POSITIONAL, /* $1 */
	CX_TOKEN_DATA        /* rows after COPY ... FROM STDIN; only cx_lexer_copy_data makes it */
} cx_token_kind;

typedef struct cx_token {
	cx_token_kind kind;
	char op;                    /* of an OPERATOR of one character; else 0 */
	bool is_first_in_subscript; /* PARAM directly after a subscript's bracket: a slice, unless the
								   name is declared */
	const char *text;
	size_t length;
	size_t offset;     /* in the lexer's text */
	size_t line;       /* from 1 */
	size_t line_start; /* offset of its line's first byte */
} cx_token;

typedef struct cx_lex_error {
	const char *message; /* static; NULL: none */
	const char *hint;    /* static, or NULL */
	size_t offset;
	size_t line;
	size_t line_start;
} cx_lex_error;

typedef struct cx_lexer {
	const char *text;
	size_t length; /* of the text */
	size_t limit;  /* where the text stops being valid UTF-8 without NUL; length when all is */
	size_t at;
	size_t line;
	size_t line_start;
	size_t depth;       /* open brackets, round and square */
	size_t sign_end;    /* up to here each + and - that is left is an operator by itself */
	bool is_mismatched; /* the last token closes a bracket that is not open, or of the other kind */
	cx_lex_error error;
	/* the last token that was neither white space nor a comment */
	cx_token_kind prev_kind;
	const char *prev_text;
	size_t prev_length;
	char prev_op;
	bool is_prev_after_dot;
	/* what a quote that follows would be: the literal before goes on after a line end */
	bool is_after_string;
	bool is_string_escaped;
	bool is_line_passed;
	uint8_t nesting[CX_NESTING_MAX / 4]; /* two bits a bracket */
} cx_lexer;

/* Begins at the text's first byte. A byte order mark there is white space. */
void cx_lexer_init(cx_lexer *lexer, const char *text, size_t length);
/* Goes on at offset, a token's beginning whose line is known, as if nothing stood before it. */
void cx_lexer_seek(cx_lexer *lexer, size_t offset, size_t line, size_t line_start);
/* The next token. After an ERROR, and at the end, comes END for ever. */
cx_token_kind cx_lexer_next(cx_lexer *lexer, cx_token *token);
/* The next token that is neither white space nor a comment. */
cx_token_kind cx_lexer_next_solid(cx_lexer *lexer, cx_token *token);

/* Rows that are still to come. All zeros: none. */
typedef struct cx_copy_rows {
	size_t wanted;     /* by so many COPYs */
	size_t line_start; /* of theirs */
	bool has_none;     /* no `\.` from here on: looked for already */
} cx_copy_rows;

/* After a statement's semicolon, is_copy when it is a COPY ... FROM STDIN: its rows begin with the
 * next line, as psql has it, whatever else stands on its own. Once nothing but a comment is left of
 * that line, it and the lines up to and with `\.` are taken as one DATA token. False, and nothing
 * is taken: not yet, or no `\.` comes in the whole text. */
bool cx_lexer_copy_data(cx_lexer *lexer, cx_copy_rows *rows, bool is_copy, cx_token *token);

/* The column, counted in characters from 1, of the byte at offset in a line that begins at
 * line_start. A byte order mark before the text is none. */
size_t cx_column(const char *text, size_t line_start, size_t offset);

static inline bool cx_token_is(const cx_token *token, char op)
{
	return token->kind == CX_TOKEN_OPERATOR && token->op == op;
}

#endif
