// SPDX-License-Identifier: Apache-2.0
/* What is replaced in a statement's text when it is written for a database, in the order of the
 * text. Which bytes these are is found in statement.c. */
#ifndef CX_EDITS_H
#define CX_EDITS_H

#include "base/buf.h"
#include "data/sql/dialect.h"

/* What stands in the place of bytes that are replaced. */
typedef enum cx_edit_kind {
	CX_EDIT_PARAM,    /* a placeholder */
	CX_EDIT_LIST,     /* the one of a list, alone in brackets */
	CX_EDIT_POSITION, /* a placeholder that was written with its number: $1 */
	CX_EDIT_IN,       /* the dialect's word for `in` */
	CX_EDIT_NOT_IN,
	CX_EDIT_NOT,     /* its first word, where a comment stands between `not` and `in` */
	CX_EDIT_NOT_REST /* what follows the first word */
} cx_edit_kind;

typedef struct cx_edit {
	size_t offset;
	size_t length;
	cx_edit_kind kind;
	uint32_t number; /* of a placeholder, from 1 */
} cx_edit;

/* All zeros: none. */
typedef struct cx_edits {
	cx_edit *items;
	size_t count, capacity;
} cx_edits;

/* False: out of memory. */
bool cx_edits_add(cx_edits *edits, cx_edit one);
void cx_edits_free(cx_edits *edits);

/* Writes the text as the dialect takes it; keeps_numbers: placeholders are as they are to be.
 * *origin is an offset in what is written, and becomes the one in the text that it came from, the
 * text's length when it is past the end. Fails as the dialect's placeholder does; whether out had
 * room is for the caller to ask. */
cdbc_status cx_edits_write(const cx_edits *edits, const char *text, size_t length,
						   const cx_dialect *dialect, bool keeps_numbers, cx_buf *out,
						   size_t *origin, cdbc_error **err);

#endif
