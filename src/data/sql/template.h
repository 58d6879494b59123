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
	uint32_t traits;
	uint8_t kind; /* cx_token_kind */
	bool is_marker;
	uint8_t and_roles; /* of an AND, in what was rendered with an info: 1 connective, 2 BETWEEN's */
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
	const cx_template_token *wrong;      /* where something cannot stand as it is left; or NULL */
	const char *wrong_message, *wrong_hint; /* static */
	uint64_t token_hash; /* cx_template_hash of what the tokens were meant to be */
} cx_rendered;

/* Writes the text for the states of the switches; names has the quoted identifier of each switch
 * that is one. Where nothing was taken out, every byte is as written. *info may be NULL; when it is
 * not, the template notes what each AND was, and no other thread may use it. Fails with CDBC_NOMEM,
 * CDBC_RESOURCE (the buffer's maximum). */
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

#endif
