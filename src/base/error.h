// SPDX-License-Identifier: Apache-2.0
/* How the inside makes errors. Text is added on the way up (cx_error_wrap), never replaced. Every
 * function takes err NULL and the static out-of-memory error, and does the sensible thing. */
#ifndef CX_ERROR_H
#define CX_ERROR_H

#include <cdbc/driver.h>
#include <cdbc/error.h>
#include <stdarg.h>

/* Makes *err (unless err is NULL) and returns status, for `return cx_error_set(err, CDBC_X,
 * "...")`. Messages are cut at 4,000 bytes. */
cdbc_status cx_error_set(cdbc_error **err, cdbc_status status, const char *format, ...)
	CDBC_PRINTF(3, 4);
cdbc_status cx_error_setv(cdbc_error **err, cdbc_status status, const char *format, va_list args)
	CDBC_PRINTF(3, 0);
/* Of a driver's facts. */
cdbc_status cx_error_from_info(cdbc_error **err, const cdbc_error_info *info);
/* The static error: needs no memory, freeing it does nothing. */
cdbc_status cx_error_nomem(cdbc_error **err);

/* Puts "<text>: " before the message of *err. */
void cx_error_wrap(cdbc_error **err, const char *format, ...) CDBC_PRINTF(2, 3);

/* Set parts of *err, if there is one; text is copied. Return nothing: a part lost for lack of
 * memory is only that. */
void cx_error_hint(cdbc_error **err, const char *format, ...) CDBC_PRINTF(2, 3);
void cx_error_field(cdbc_error **err, cdbc_error_field_id id, const char *text);
void cx_error_sqlstate(cdbc_error **err, const char *sqlstate);
void cx_error_position(cdbc_error **err, int64_t position);
/* file NULL: in none. */
void cx_error_place(cdbc_error **err, const char *file, int64_t line, int64_t column);
void cx_error_outcome(cdbc_error **err, cdbc_outcome outcome, cdbc_replay replay);
void cx_error_status(cdbc_error **err, cdbc_status status);

/* A deep copy, for an error that several are told; the static one when memory is short. NULL gives
 * NULL. */
cdbc_error *cx_error_copy(const cdbc_error *error);

/* What a request whose time was up may be told. */
#define CX_DEADLINE_HINT \
	"more time: timeout_ms of the call, --timeout of the command, database.timeout of both"

/* Hands an error of one's own to a caller who may not want it (err NULL): then it is freed. */
void cx_error_pass(cdbc_error **err, cdbc_error *error);

/* Frees *err and sets it to NULL, when a failure was dealt with. */
void cx_error_clear(cdbc_error **err);

#endif
