// SPDX-License-Identifier: Apache-2.0
/* A line of the log, field by field, as JSON or logfmt. Whatever a text holds, it stays in its
 * field: control bytes and quotes are escaped, what is no UTF-8 becomes U+FFFD, and what is too
 * long is cut, so that a line never exceeds CX_SINK_LINE_MAX and always is well formed. */
#ifndef CX_LINE_H
#define CX_LINE_H

#include "service/observe/sink.h"

#include <cdbc/value.h>

typedef enum cx_line_format { CX_LINE_JSON, CX_LINE_LOGFMT } cx_line_format;

typedef struct cx_line {
	cx_line_format format;
	size_t length;
	char text[CX_SINK_LINE_MAX];
} cx_line;

void cx_line_begin(cx_line *line, cx_line_format format);
/* Keys are words of ours. A field that finds no room is left out. text NULL: nothing is added. */
void cx_line_text(cx_line *line, const char *key, const char *text, size_t max);
void cx_line_int(cx_line *line, const char *key, int64_t number);
void cx_line_ms(cx_line *line, const char *key, int64_t ns);
void cx_line_hex(cx_line *line, const char *key, uint64_t number);
void cx_line_bool(cx_line *line, const char *key, bool is_true);
/* Parameters as one text: `1, 'a', null`. */
void cx_line_values(cx_line *line, const char *key, const cdbc_value *values, size_t count,
					size_t max);
/* With its line feed. */
void cx_line_end(cx_line *line);

#endif
