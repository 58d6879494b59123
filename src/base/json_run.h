// SPDX-License-Identifier: Apache-2.0
/* The bytes of a JSON string that stand for themselves: the inner loop of reading and writing. */
#ifndef CX_JSON_RUN_H
#define CX_JSON_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CX_JSON_ONES  UINT64_C(0x0101010101010101)
#define CX_JSON_HIGHS UINT64_C(0x8080808080808080)

/* Bytes from p on that are no quote, backslash or control character: eight at a time, then one by
 * one. *high is not 0 when one of them, or one near, is past ASCII. */
static inline size_t cx_json_run(const char *p, const char *end, uint64_t *high)
{
	const char *start = p;

	while (end - p >= 8) {
		uint64_t word, quote, backslash;

		memcpy(&word, p, 8);
		quote = word ^ CX_JSON_ONES * '"';
		backslash = word ^ CX_JSON_ONES * '\\';
		if ((((word - CX_JSON_ONES * ' ') & ~word) | ((quote - CX_JSON_ONES) & ~quote) |
			 ((backslash - CX_JSON_ONES) & ~backslash)) &
			CX_JSON_HIGHS)
			break;
		*high |= word & CX_JSON_HIGHS;
		p += 8;
	}
	for (; p < end && (unsigned char)*p >= ' ' && *p != '"' && *p != '\\'; p++)
		*high |= (unsigned char)*p & 0x80;
	return (size_t)(p - start);
}

#endif
