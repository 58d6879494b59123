// SPDX-License-Identifier: Apache-2.0
/* Looks words up: by first letter, then by length and bytes. */
#include "data/sql/keyword.h"

#include <string.h>

typedef struct keyword_row {
	const char *text;
	uint8_t length;
	uint8_t id;
} keyword_row;

#define ROW(id, text, flags) {text, sizeof(text) - 1, CX_KW_##id},
#define TABLE(letter) \
	static const keyword_row rows_##letter[] = {CX_WORDS_##letter(ROW){NULL, 0, 0}};
/* clang-format off */
TABLE(A) TABLE(B) TABLE(C) TABLE(D) TABLE(E) TABLE(F) TABLE(G) TABLE(H) TABLE(I) TABLE(J) TABLE(K)
TABLE(L) TABLE(M) TABLE(N) TABLE(O) TABLE(P) TABLE(R) TABLE(S) TABLE(T) TABLE(U) TABLE(V) TABLE(W)

static const keyword_row *const letters[26] = {
	rows_A, rows_B, rows_C, rows_D, rows_E, rows_F, rows_G, rows_H, rows_I, rows_J, rows_K, rows_L, rows_M,
	rows_N, rows_O, rows_P, NULL, rows_R, rows_S, rows_T, rows_U, rows_V, rows_W, NULL, NULL, NULL};
/* clang-format on */

static const uint8_t flags_of[CX_KW_COUNT] = {
#define FLAGS(id, text, flags) [CX_KW_##id] = flags,
	CX_WORDS(FLAGS)
#undef FLAGS
};

#define KEYWORD_MAX 15

bool cx_word_begins(const char *text, size_t length, const char *prefix)
{
	size_t i = 0;

	for (; prefix[i]; i++)
		if (i >= length || cx_lower(text[i]) != prefix[i])
			return false;
	return true;
}

bool cx_word_is(const char *text, size_t length, const char *lower)
{
	return strlen(lower) == length && cx_word_begins(text, length, lower);
}

cx_keyword cx_keyword_of(const char *text, size_t length)
{
	unsigned letter = (unsigned)cx_lower(text[0]) - 'a';
	const keyword_row *row;

	if (length > KEYWORD_MAX || letter >= 26 || !letters[letter])
		return CX_KW_NONE;
	for (row = letters[letter]; row->text; row++)
		if (row->length == length && cx_word_begins(text + 1, length - 1, row->text + 1))
			return (cx_keyword)row->id;
	return CX_KW_NONE;
}

uint32_t cx_keyword_flags(cx_keyword keyword)
{
	return flags_of[keyword];
}
