// SPDX-License-Identifier: Apache-2.0
/* Tokens by rule, with their places; and that their bytes add up to the text, whatever the text. */
#include "data/sql/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *sql;
	const char *kinds;  /* of the solid tokens */
	const char *tokens; /* their texts, a bar between */
} rules[] = {
	{"", "", ""},
	{"select 1", "wn", "select|1"},
	{"SELECT a_b$1,_c", "wwow", "SELECT|a_b$1|,|_c"},
	/* quotes */
	{"'it''s' 'a\\'", "ss", "'it''s'|'a\\'"},
	{"E'a\\'b' e'\\\\' 'x'", "sss", "E'a\\'b'|e'\\\\'|'x'"},
	{"E'a'\n'\\''", "ss", "E'a'|'\\''"},
	{"E'a' '\\' 1", "ssn", "E'a'|'\\'|1"},
	{"E'a'--x\n'\\''", "ss", "E'a'|'\\''"},
	{"E'a'\n/* */'\\' 1", "ssn", "E'a'|'\\'|1"},
	{"'a'\n'\\' 1", "ssn", "'a'|'\\'|1"},
	{"E'a'\nE'\\'' 1", "ssn", "E'a'|E'\\''|1"},
	{"E'a'\nB'\\' 1", "ssn", "E'a'|B'\\'|1"},
	{"\"a\"\"b\" u&\"x\"", "qq", "\"a\"\"b\"|u&\"x\""},
	{"b'01' B'01' x'f' X'F' U&'a' N'n'", "ssssss", "b'01'|B'01'|x'f'|X'F'|U&'a'|N'n'"},
	{"b'a\\'b' B'\\'", "ss", "b'a\\'b'|B'\\'"},
	{"ae'x' u & 'y'", "wswos", "ae|'x'|u|&|'y'"},
	{"$$a'b$$ $q$ $$ $q$", "ss", "$$a'b$$|$q$ $$ $q$"},
	{"$a$ $b$ $a$", "s", "$a$ $b$ $a$"},
	{"$é$x$é$", "s", "$é$x$é$"},
	{"a$$b$$", "w", "a$$b$$"},
	{"$1$$x$$", "ps", "$1|$$x$$"},
	{"$1 $ a", "pow", "$1|$|a"},
	/* comments */
	{"1--x\n2", "nn", "1|2"},
	{"1--x\r2", "nn", "1|2"},
	{"1/*/*x*/*/2", "nn", "1|2"},
	{"1/*/2*/3", "nn", "1|3"},
	{"1/***/2/**/3", "nnn", "1|2|3"},
	{"a+--x\nb", "wow", "a|+|b"},
	{"a*/*x*/b", "wow", "a|*|b"},
	/* numbers */
	{"1 1.5 .5 5. 1e5 1.5e-5 1E+5", "nnnnnnn", "1|1.5|.5|5.|1e5|1.5e-5|1E+5"},
	{"1..2", "non", "1|..|2"},
	{"0x1F 0b10 0o7 1_000 0x_1", "nnnnn", "0x1F|0b10|0o7|1_000|0x_1"},
	{"1e 1ex 2_ a.1", "nwnwnwwn", "1|e|1|ex|2|_|a|.1"},
	/* operators */
	{"a::b a:::b a:=b", "wowwowwow", "a|::|b|a|:::|b|a|:=|b"},
	{"a->>b a#>-1 a=-1 a@-b", "wowwonwoonwow", "a|->>|b|a|#>-|1|a|=|-|1|a|@-|b"},
	{"+-+ -+@- +*+-1 +/*x*/-", "ooooooonoo", "+|-|+|-+@-|+*|+|-|1|+|-"},
	{"t@i ? ?| \\ {", "wowoooo", "t|@|i|?|?||\\|{"},
	/* colons */
	{":a :_b :é :1", "dddon", ":a|:_b|:é|:|1"},
	{"a[1:b] a[b:] [1:c]", "wonowowowooonowo", "a|[|1|:|b|]|a|[|b|:|]|[|1|:|c|]"},
	{"array[:a]", "wodo", "array|[|:a|]"},
	{"a[:b]", "wodo", "a|[|:b|]"},
	{"a[c:b]", "wowowo", "a|[|c|:|b|]"},
	{"a[1 : :b]", "wonodo", "a|[|1|:|:b|]"},
	{"a::int[:b]", "wowodo", "a|::|int|[|:b|]"},
	{"x :: :y", "woow", "x|::|:|y"},
	{"a[b.when:c]", "wowowowo", "a|[|b|.|when|:|c|]"},
	{"from [select :a]", "wowdo", "from|[|select|:a|]"},
};

/* kinds in the order of cx_token_kind, as letters */
static char letter_of(cx_token_kind kind)
{
	static const char map[] = {'.', '!', ' ', '-', 'w', 'q', 's', 'n', 'o', 'd', 'p', 'D'};

	return map[kind];
}

static void lex(const char *sql, char *kinds, char *tokens)
{
	cx_lexer lexer;
	cx_token token;

	*kinds = *tokens = '\0';
	cx_lexer_init(&lexer, sql, strlen(sql));
	while (cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END) {
		size_t n = strlen(kinds);

		kinds[n] = letter_of(token.kind);
		kinds[n + 1] = '\0';
		if (*tokens)
			strcat(tokens, "|");
		strncat(tokens, token.text, token.length);
	}
}

static void test_rules(void **state)
{
	char kinds[256], tokens[1024];

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		lex(rules[i].sql, kinds, tokens);
		if (strcmp(kinds, rules[i].kinds) != 0 || strcmp(tokens, rules[i].tokens) != 0)
			fail_msg("%s\nwas    %s %s\nwanted %s %s", rules[i].sql, kinds, tokens, rules[i].kinds,
					 rules[i].tokens);
	}
}

static void test_places(void **state)
{
	const char *sql = "select 'é\n\n' as \"x\",\r\n\té1 /* \n */ b";
	static const struct {
		size_t offset, line, column;
	} places[] = {{0, 1, 1}, {7, 1, 8}, {14, 3, 3}, {17, 3, 6}, {20, 3, 9}, {24, 4, 2}, {36, 5, 5}};
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, sql, strlen(sql));
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		cx_lexer_next_solid(&lexer, &token);
		assert_int_equal(token.offset, places[i].offset);
		assert_int_equal(token.line, places[i].line);
		assert_int_equal(cx_column(sql, token.line_start, token.offset), places[i].column);
	}
	assert_int_equal(cx_lexer_next_solid(&lexer, &token), CX_TOKEN_END);
	assert_int_equal(cx_lexer_next_solid(&lexer, &token), CX_TOKEN_END);
}

static void test_errors(void **state)
{
	static const struct {
		const char *sql;
		size_t length, offset;
		const char *message;
	} cases[] = {
		{"a 'b", 4, 2, "string without its closing quote"},
		{"a E'b\\'", 7, 2, "string without its closing quote"},
		{"a \"b", 4, 2, "quoted name without its closing quote"},
		{"a $x$b", 6, 2, "dollar-quoted string without its closing tag"},
		{"a /*/**/", 8, 2, "comment without its end"},
		{"a 'b\xff' ", 7, 4, "invalid UTF-8"},
		{"a 'b\0' ", 7, 4, "NUL byte"},
		{"a \xc3", 3, 2, "invalid UTF-8"},
		{"a\xed\xa0\x80", 4, 1, "invalid UTF-8"},
	};
	cx_lexer lexer;
	cx_token token;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t total = 0;

		cx_lexer_init(&lexer, cases[i].sql, cases[i].length);
		while (cx_lexer_next(&lexer, &token) != CX_TOKEN_ERROR) {
			assert_int_not_equal(token.kind, CX_TOKEN_END);
			total += token.length;
		}
		assert_int_equal(total + token.length, cases[i].length);
		assert_string_equal(lexer.error.message, cases[i].message);
		assert_int_equal(lexer.error.offset, cases[i].offset);
		assert_int_equal(cx_lexer_next(&lexer, &token), CX_TOKEN_END);
	}
}

static void test_nesting(void **state)
{
	char *sql = malloc(CX_NESTING_MAX + 2);
	cx_lexer lexer;
	cx_token token;

	memset(sql, '(', CX_NESTING_MAX + 1);
	cx_lexer_init(&lexer, sql, CX_NESTING_MAX);
	while (cx_lexer_next(&lexer, &token) != CX_TOKEN_END)
		assert_int_equal(token.kind, CX_TOKEN_OPERATOR);
	assert_int_equal(lexer.depth, CX_NESTING_MAX);
	cx_lexer_init(&lexer, sql, CX_NESTING_MAX + 1);
	while (cx_lexer_next(&lexer, &token) == CX_TOKEN_OPERATOR)
		;
	assert_int_equal(token.kind, CX_TOKEN_ERROR);
	assert_string_equal(lexer.error.message, "brackets nested too deep");
	free(sql);
}

/* Pieces put together at random: whatever comes out, nothing is lost and places are right. */
static void test_bytes_add_up(void **state)
{
	static const char *const pieces[] = {
		"select ", "'",  "''",   "\"", "$$", "$a$", "E'", "\\", "--", "\n", "/*",   "*/",
		":",       "::", ":a",   "[",  "]",  "(",   ")",  ";",  "1",  "1.", "..",   "e5",
		"x",       "é",  "\xff", "$1", "@",  "- ",  "\r", "b'", "U&", ",",  "array"};
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		char sql[256] = "";
		cx_lexer lexer;
		cx_token token;
		size_t total = 0, line = 1;

		for (int k = 0; k < 12; k++) {
			seed = seed * 1103515245u + 12345u;
			strcat(sql, pieces[seed / 65536 % (sizeof pieces / sizeof *pieces)]);
		}
		cx_lexer_init(&lexer, sql, strlen(sql));
		while (cx_lexer_next(&lexer, &token) != CX_TOKEN_END) {
			assert_int_equal(token.offset, total);
			assert_true(token.length > 0);
			assert_int_equal(token.line, line);
			for (size_t i = 0; i < token.length; i++)
				line += token.text[i] == '\n';
			total += token.length;
			if (token.kind == CX_TOKEN_ERROR)
				break;
		}
		assert_int_equal(total, strlen(sql));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),        cmocka_unit_test(test_places),
		cmocka_unit_test(test_errors),       cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_bytes_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
