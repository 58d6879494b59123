// SPDX-License-Identifier: Apache-2.0
/* Small questions about text: encoding, nearness of names, numbers with a range. */
#ifndef CX_TEXT_H
#define CX_TEXT_H

#include <cdbc/base.h>
#include <string.h>

/* Length of the valid UTF-8 prefix: equals length when all is valid (no surrogates, overlong forms
 * or values past 10FFFF). */
size_t cx_utf8_valid_prefix(const char *text, size_t length);

/* Whether a byte of eight is 0 or beyond ASCII. */
static inline bool cx_text_has_odd_byte(const char *eight)
{
	uint64_t word;

	memcpy(&word, eight, sizeof word);
	return (word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080);
}

bool cx_text_is_clean_slow(const char *text, size_t length);
/* Whether a database takes it as text: valid UTF-8 without a NUL byte. Quick for ASCII. */
static inline bool cx_text_is_clean(const char *text, size_t length)
{
	if (length >= 8) {
		const char *at = text, *last = text + length - 8;

		while (at < last && !cx_text_has_odd_byte(at))
			at += 8;
		if (at >= last && !cx_text_has_odd_byte(last))
			return true;
	}
	return cx_text_is_clean_slow(text, length);
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b, at most limit + 1; names longer
 * than 64 count as far. */
size_t cx_text_distance(const char *a, const char *b, size_t limit);

/* The candidate nearest to name within two edits (one for names under 4 letters), or NULL. */
const char *cx_text_nearest(const char *name, const char *const *candidates, size_t count);

/* Reads a whole decimal number; false when it is not one or out of [min, max]. */
bool cx_text_int64(const char *text, size_t length, int64_t min, int64_t max, int64_t *out);

/* Constant-time comparison of equal-length secrets; false at once when the lengths differ. */
bool cx_text_equal_secret(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
