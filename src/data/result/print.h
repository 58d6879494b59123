// SPDX-License-Identifier: Apache-2.0
/* A value as text: the one place where the type table's CSV and JSON columns are written down.
 * Failures are sticky in the buffer. */
#ifndef CX_PRINT_H
#define CX_PRINT_H

#include "base/buf.h"
#include "base/column.h"

/* The value as CSV, TSV and tables print it, unquoted and unescaped; NULL prints nothing. at counts
 * array->offset in. */
void cx_print_text(cx_buf *out, const cx_field *field, const struct ArrowArray *array, int64_t at);

/* The value as JSON on one line, NULL as null. A text that stands for JSON or a number, and is
 * neither, becomes a string. */
void cx_print_json(cx_buf *out, const cx_field *field, const struct ArrowArray *array, int64_t at);

/* True when the value is NULL. */
static inline bool cx_is_null_at(const struct ArrowArray *array, int64_t at)
{
	const uint8_t *validity = (const uint8_t *)array->buffers[0];

	return validity && !(validity[at >> 3] >> (at & 7) & 1);
}

/* The bytes of a UTF8 or BINARY value. */
static inline cdbc_text cx_bytes_at(const struct ArrowArray *array, int64_t at)
{
	const int32_t *offsets = (const int32_t *)array->buffers[1];
	const char *bytes = (const char *)array->buffers[2];

	return (cdbc_text){bytes ? bytes + offsets[at] : "", (size_t)(offsets[at + 1] - offsets[at])};
}

#endif
