// SPDX-License-Identifier: Apache-2.0
/* JSON (RFC 8259), read token by token and written string by string. The one reader for rows,
 * requests and columns of JSON: it makes no values, allocates nothing, recurses nowhere.
 *
 *     cx_json_init(&r, text, length, 64);
 *     if (cx_json_next(&r) == CX_JSON_OBJECT)
 *         while (cx_json_next(&r) == CX_JSON_NAME) {
 *             ... cx_json_is(&r, "id", 2) ...
 *             cx_json_next(&r);        the value's first token
 *             cx_json_skip(&r);        to its last
 *         }
 *     if (cx_json_next(&r) != CX_JSON_END) return cx_json_fail(&r, CDBC_USAGE, err);
 */
#ifndef CX_JSON_H
#define CX_JSON_H

#include "base/arena.h"
#include "base/buf.h"

#include <cdbc/value.h>

#define CX_JSON_DEPTH_MAX 65536

typedef enum cx_json_kind {
	CX_JSON_BAD, /* what is wrong, and p where; every later call says so again */
	CX_JSON_END, /* the one value is over, and the text */
	CX_JSON_NULL,
	CX_JSON_FALSE,
	CX_JSON_TRUE,
	CX_JSON_NUMBER,
	CX_JSON_STRING,
	CX_JSON_NAME, /* of a member, its colon included: a value comes */
	CX_JSON_ARRAY,
	CX_JSON_OBJECT,
	CX_JSON_CLOSE, /* of the innermost array or object */
} cx_json_kind;

typedef struct cx_json {
	const char *begin, *p, *end;
	/* The present token as it stands: a name's or string's without the quotes. */
	const char *text;
	size_t length;
	const char *wrong; /* static; NULL: nothing is */
	cx_json_kind kind;
	bool has_escape; /* the name or string is not its text */
	int expects;
	size_t depth, depth_max;
	uint64_t levels[CX_JSON_DEPTH_MAX / 64]; /* a bit for each: an object */
} cx_json;

/* The text is borrowed, and needs no NUL. */
void cx_json_init(cx_json *r, const char *text, size_t length, size_t depth_max);
cx_json_kind cx_json_next(cx_json *r);
/* From an array's or object's first token to its last; on others nothing is to do. */
cx_json_kind cx_json_skip(cx_json *r);
/* Where the present token begins, with its quote; p is its end, and a name's colon's. */
const char *cx_json_at(const cx_json *r);
/* Whether the text of the present name or string is this. */
bool cx_json_is(const cx_json *r, const char *text, size_t length);
/* The present name's or string's text into out, which has room for length bytes (an escape is never
 * shorter than what it stands for). False, and BAD from here on: a NUL, or half of a surrogate
 * pair. */
bool cx_json_decode(cx_json *r, char *out, size_t *length);
/* For a token that its user cannot take: wrong at that place. what is static. */
cx_json_kind cx_json_refuse(cx_json *r, const char *at, const char *what);
/* What is wrong as an error, with line and column (characters, from 1). */
cdbc_status cx_json_fail(const cx_json *r, cdbc_status status, cdbc_error **err);

/* True when the bytes are one value at most depth_max deep, white space around it. */
bool cx_json_is_valid(const char *text, size_t length, size_t depth_max);
/* True when the bytes are a number and nothing else. */
bool cx_json_is_number(const char *text, size_t length);

/* ---- as parameters (json_param.c) ---- */

/* The value whose first token is the present one. Whole numbers that fit are int64, others keep
 * their digits as text; an array is one of values, an object its own text. All is copied into the
 * arena. CDBC_USAGE as cx_json_fail says, CDBC_NOMEM. */
cdbc_status cx_json_value(cx_json *r, cx_arena *arena, cdbc_value *out, cdbc_error **err);
/* An object's members, by name and none twice, or an array's values, by place. */
cdbc_status cx_json_params(cx_json *r, cx_arena *arena, size_t max, cdbc_param **out, size_t *count,
						   cdbc_error **err);

/* ---- writing (json_write.c) ---- */

/* A string in quotes, of bytes that are UTF-8. */
void cx_json_put_string(cx_buf *out, const char *text, size_t length);
/* The next piece of any bytes, fit for a JSON string and a terminal: a run of ASCII as it stands,
 * or one character, maybe escaped and then in room. What is no UTF-8 is U+FFFD, byte by byte. *p
 * moves on, and is not end yet. */
cdbc_text cx_json_piece(const char **p, const char *end, char room[8]);

#endif
