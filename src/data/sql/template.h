// SPDX-License-Identifier: Apache-2.0
/* A statement with optional parts: its tokens, which part each stands in, and the text that is left
 * when some parts are taken out, with what they leave dangling. Which values decide a part is the
 * caller's business: here a part is kept when its switch is in one of the states of its mask. */
#ifndef CX_TEMPLATE_H
#define CX_TEMPLATE_H

#include "base/buf.h"

#include <cdbc/error.h>
#include <stdbool.h>
#include <stdint.h>

#define CX_VARIANTS_MAX       4096        /* statements that one template may become */
#define CX_TEMPLATE_MAX_BYTES (1u << 20)  /* of its text */
#define CX_VARIANTS_MAX_BYTES (16u << 20) /* of all its statements together */
#define CX_PARTS_MAX          1000
#define CX_SWITCHES_MAX       64
#define CX_STATES_MAX         64 /* of a switch; state 0: the parameter is absent */

typedef enum cx_part_test { CX_PART_GIVEN, CX_PART_ABSENT, CX_PART_EQUAL } cx_part_test;

/* Offsets are in the template's text. */
typedef struct cx_part {
	cx_part_test test;
	bool is_block;
	uint32_t parent; /* the block it stands in, from 1; 0: none */
	uint32_t marker, line, line_start;
	uint32_t name, name_length;
	uint32_t literal, literal_length; /* of EQUAL */
	/* set by the caller, before anything is rendered */
	uint32_t switch_index;
	uint64_t mask; /* the states in which it is kept */
} cx_part;

typedef struct cx_template_token {
	uint32_t offset, length;
	uint32_t line, line_start;
	uint16_t part;         /* the innermost one, from 1; 0: none */
	uint16_t switch_index; /* of a parameter that is an identifier, from 1; else 0 (set by the
							  caller) */
	uint16_t traits;
	uint8_t kind; /* cx_token_kind */
	bool is_marker;
} cx_template_token;

typedef struct cx_template {
	const char *text; /* borrowed */
	size_t length;
	cx_template_token *tokens;
	size_t token_count, token_capacity;
	cx_part *parts;
	size_t part_count, part_capacity;
} cx_template;

/* Whether a comment marks an optional part: begins with slash-star and a question mark. */
bool cx_template_is_marker(const char *text, size_t length);

/* Reads a text that is to outlive the template. Fails with CDBC_SQL_FILE, place set from the text's
 * beginning, and CDBC_NOMEM. Free it with cx_template_fini, also after a failure. */
cdbc_status cx_template_read(const char *text, size_t length, cx_template *out, cdbc_error **err);
void cx_template_fini(cx_template *template);

/* What is known of a rendered text besides its bytes. */
typedef struct cx_rendered {
	const cx_template_token *lost_where; /* an UPDATE's or DELETE's that is left without; or NULL */
	const cx_template_token *lost_set;   /* an UPDATE's that is left without; or NULL */
	uint64_t token_hash;                 /* cx_template_hash of what the tokens were meant to be */
} cx_rendered;

/* Writes the text for the states of the switches; names has the quoted identifier of each switch
 * that is one. Where nothing was taken out, every byte is as written. *info may be NULL. Fails with
 * CDBC_NOMEM, CDBC_RESOURCE (the buffer's maximum). */
cdbc_status cx_template_render(const cx_template *template, const uint8_t *states,
							   const char *const *names, cx_buf *out, cx_rendered *info,
							   cdbc_error **err);
/* A hash of a text's tokens. When it is not the rendered one's, a part that was taken out has
 * changed how what is left reads. */
uint64_t cx_template_hash(const char *text, size_t length);
/* The place in the template's text of a byte of what render writes; the template's end when it is
 * past the end. */
cdbc_status cx_template_origin(const cx_template *template, const uint8_t *states,
							   const char *const *names, size_t offset,
							   const cx_template_token **out, cdbc_error **err);

/* ---- Inside: trim.c --------------------------------------------------------------------------
 */

enum {
	CX_TRAIT_AND = 1u << 0,
	CX_TRAIT_OR = 1u << 1,
	CX_TRAIT_COMMA = 1u << 2,
	CX_TRAIT_CLAUSE = 1u << 3,  /* where, having, set, on, by: nothing without what follows */
	CX_TRAIT_STARTS = 1u << 4,  /* begins a clause: no expression goes on with it */
	CX_TRAIT_OPENS = 1u << 5,   /* a list or expression begins after it */
	CX_TRAIT_JOINER = 1u << 6,  /* left, inner: begins a clause before JOIN */
	CX_TRAIT_VERB = 1u << 7,    /* insert, update, delete: may begin a statement */
	CX_TRAIT_BETWEEN = 1u << 8, /* its AND is no connective */
	CX_TRAIT_CASE = 1u << 9,
	CX_TRAIT_END = 1u << 10,
	CX_TRAIT_NOT = 1u << 11,
	CX_TRAIT_GROUPS = 1u << 12, /* a bracket after it is neither a call's nor a table's */
	CX_TRAIT_WHERE = 1u << 13,
	CX_TRAIT_SET = 1u << 14,
	CX_TRAIT_CONNECTIVE = CX_TRAIT_AND | CX_TRAIT_OR | CX_TRAIT_COMMA
};

typedef struct cx_trim {
	const cx_template *template;
	const bool *is_kept;   /* parts, from 1 */
	uint32_t *solid;       /* tokens that are kept and solid, in order */
	uint32_t *next, *prev; /* in solid, counted from 1; 0 is before the first and after the last */
	bool *is_plain_and;    /* an AND that is a connective */
	bool *is_gap;          /* something was taken out after it; [0]: before the first */
	size_t count;
} cx_trim;

/* The traits of a solid token. */
uint16_t cx_token_traits(const char *text, size_t length, uint8_t kind);
/* Takes out what dangles at the gaps. Fails with CDBC_NOMEM. */
cdbc_status cx_trim_run(cx_trim *trim, cdbc_error **err);
/* Looks for an UPDATE or DELETE that lost its WHERE or SET. Fails with CDBC_NOMEM. */
cdbc_status cx_trim_find_lost(const cx_trim *trim, cx_rendered *out, cdbc_error **err);

#endif
