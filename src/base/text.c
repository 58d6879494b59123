// SPDX-License-Identifier: Apache-2.0
/* Text helpers. No allocation, no locale. */
#include "base/text.h"

#include <string.h>

#define NAME_MAX_LENGTH 64

size_t cx_utf8_valid_prefix(const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0;

	while (i < length) {
		uint64_t word;
		unsigned char c = s[i];
		size_t n;

		if (length - i >= 8) {
			memcpy(&word, s + i, 8);
			if (!(word & UINT64_C(0x8080808080808080))) {
				i += 8;
				continue;
			}
		}
		if (c < 0x80) {
			i++;
			continue;
		}
		n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
		if (n == 0 || n > length - i)
			return i;
		for (size_t k = 1; k < n; k++)
			if ((s[i + k] & 0xc0) != 0x80)
				return i;
		if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) ||
			(c == 0xf0 && s[i + 1] < 0x90) || (c == 0xf4 && s[i + 1] > 0x8f))
			return i;
		i += n;
	}
	return i;
}

bool cx_text_is_clean_slow(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && (signed char)text[i] > 0)
		i++;
	return i == length || (!memchr(text + i, '\0', length - i) &&
						   cx_utf8_valid_prefix(text + i, length - i) == length - i);
}

size_t cx_text_distance(const char *a, const char *b, size_t limit)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t rows[3][NAME_MAX_LENGTH + 1];

	if (la > NAME_MAX_LENGTH || lb > NAME_MAX_LENGTH || (la > lb ? la - lb : lb - la) > limit)
		return limit + 1;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[la % 3][lb] <= limit ? rows[la % 3][lb] : limit + 1;
}

const char *cx_text_nearest(const char *name, const char *const *candidates, size_t count)
{
	size_t length = strlen(name), limit = length < 2 ? 0 : length < 4 ? 1 : 2, best = limit + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d = cx_text_distance(name, candidates[i], limit);

		if (d < best) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

bool cx_text_int64(const char *text, size_t length, int64_t min, int64_t max, int64_t *out)
{
	size_t i = 0;
	bool is_negative = false;
	int64_t n = 0;

	if (length && (text[0] == '-' || text[0] == '+'))
		is_negative = text[i++] == '-';
	if (i == length)
		return false;
	for (; i < length; i++) {
		int digit = text[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, INT64_C(10), &n) ||
			(is_negative ? __builtin_sub_overflow(n, (int64_t)digit, &n)
						 : __builtin_add_overflow(n, (int64_t)digit, &n)))
			return false;
	}
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool cx_text_equal_secret(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned char difference = 0;

	if (a_length != b_length)
		return false;
	for (size_t i = 0; i < a_length; i++)
		difference |= (unsigned char)((unsigned char)a[i] ^ (unsigned char)b[i]);
	return difference == 0;
}
