// SPDX-License-Identifier: Apache-2.0
/* How wide text is on a terminal. */
#ifndef CX_WIDTH_H
#define CX_WIDTH_H

#include <cdbc/base.h>

/* Columns that a character takes: 0, 1 or 2. Not for control characters. */
int cx_char_width(uint32_t c);
/* Reads one UTF-8 character of a text that has at least one byte; returns its bytes, 0 when they
 * are not valid. */
size_t cx_char_next(const char *text, size_t length, uint32_t *c);

#endif
