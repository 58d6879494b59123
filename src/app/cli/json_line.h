// SPDX-License-Identifier: Apache-2.0
/* One JSON object of a line, as parameters of a statement. */
#ifndef CLI_JSON_LINE_H
#define CLI_JSON_LINE_H

#include "base/arena.h"

#include <cdbc/cdbc.h>

#define CLI_JSON_DEPTH_MAX 64

/* A member of an object. A nested object is its own text, as a JSON value. */
typedef struct cli_json_member {
	const char *name;
	cdbc_value value;
	const char *begin; /* of its text in the line */
	size_t length;
} cli_json_member;

/* Reads an object of at most max members into members; texts are copied into the arena. Whole
 * numbers that fit are int64, others keep their digits as text. Fails with CDBC_USAGE, *column
 * being where (bytes from 1), and CDBC_NOMEM. */
cdbc_status cli_json_object(const char *text, size_t length, cx_arena *arena,
							cli_json_member *members, size_t max, size_t *count, size_t *column,
							cdbc_error **err);
/* The same for an array of values. */
cdbc_status cli_json_array(const char *text, size_t length, cx_arena *arena, cdbc_value *values,
						   size_t max, size_t *count, size_t *column, cdbc_error **err);

#endif
