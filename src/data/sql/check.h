// SPDX-License-Identifier: Apache-2.0
/* Whether a caller's value fits a declared type, before anything is sent. */
#ifndef CX_CHECK_H
#define CX_CHECK_H

#include <cdbc/error.h>
#include <cdbc/value.h>

/* Checks a value against a type and gives it that type: text that is an integer or a boolean
 * becomes one, an integer for a float column a double; other text stays text, its syntax checked
 * (ISO dates and times, uuid, numeric, \x bytes, one-dimensional '{..}' arrays). NULL fits
 * anything. An UNKNOWN type takes everything, OTHER everything but bytes of its own. *out may be
 * *value. Nothing is allocated. Fails with CDBC_PARAM: `parameter "user_id": "abc" is not an int8`.
 */
cdbc_status cx_value_check(const char *name, cdbc_type type, const cdbc_value *value,
						   cdbc_value *out, cdbc_error **err);

/* date, time, timestamp, timestamptz: those whose values are moments. */
bool cx_type_is_moment(cdbc_type_id id);
/* A text that fits such a type, as a number that is greater the later it is. */
int64_t cx_moment_of(cdbc_type_id id, cdbc_text text);

#endif
