// SPDX-License-Identifier: Apache-2.0
/* The lexer: one table of byte classes, one function a class, memchr for what may be long. */
#include "data/sql/lexer.h"

#include "base/text.h"
#include "data/sql/keyword.h"

#include <string.h>

enum {
	C_OTHER,
	C_SPACE,
	C_IDENT,
	C_DIGIT,
	C_OP,
	C_SELF, /* brackets, comma, semicolon */
	C_QUOTE,
	C_DQUOTE,
	C_DOLLAR,
	C_COLON,
	C_DOT,
	C_CLASS = 15,
	C_WORD = 16 /* may go on a word */
};

#define I  (C_IDENT | C_WORD)
#define D  (C_DIGIT | C_WORD)
#define I8 I, I, I, I, I, I, I, I
/* clang-format off */
static const uint8_t classes[256] = {
	[' '] = C_SPACE, ['\t'] = C_SPACE, ['\n'] = C_SPACE, ['\r'] = C_SPACE, ['\f'] = C_SPACE, ['\v'] = C_SPACE,
	['a'] = I8, I8, I8, I, I, ['A'] = I8, I8, I8, I, I, ['_'] = I,
	[128] = I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8,
	['0'] = D, D, D, D, D, D, D, D, D, D,
	['~'] = C_OP, ['!'] = C_OP, ['@'] = C_OP, ['#'] = C_OP, ['^'] = C_OP, ['&'] = C_OP, ['|'] = C_OP, ['`'] = C_OP,
	['?'] = C_OP, ['+'] = C_OP, ['-'] = C_OP, ['*'] = C_OP, ['/'] = C_OP, ['%'] = C_OP, ['<'] = C_OP, ['>'] = C_OP,
	['='] = C_OP, ['('] = C_SELF, [')'] = C_SELF, ['['] = C_SELF, [']'] = C_SELF, [','] = C_SELF, [';'] = C_SELF,
	['\''] = C_QUOTE, ['"'] = C_DQUOTE, ['$'] = C_DOLLAR | C_WORD, [':'] = C_COLON, ['.'] = C_DOT};
/* clang-format on */
#undef I
#undef D
#undef I8

enum { NEST_ROUND, NEST_SQUARE, NEST_SUBSCRIPT };

static unsigned class_at(const cx_lexer *lx, size_t at)
{
	return at < lx->limit ? classes[(unsigned char)lx->text[at]] : C_OTHER;
}

static char byte_at(const cx_lexer *lx, size_t at)
{
	return at < lx->limit ? lx->text[at] : '\0';
}

void cx_lexer_init(cx_lexer *lexer, const char *text, size_t length)
{
	const char *nul = length ? memchr(text, '\0', length) : NULL;

	memset(lexer, 0, offsetof(cx_lexer, nesting));
	lexer->text = text;
	lexer->length = length;
	lexer->limit = cx_utf8_valid_prefix(text, nul ? (size_t)(nul - text) : length);
	lexer->line = 1;
}

void cx_lexer_seek(cx_lexer *lexer, size_t offset, size_t line, size_t line_start)
{
	const char *text = lexer->text;
	size_t length = lexer->length, limit = lexer->limit;

	memset(lexer, 0, offsetof(cx_lexer, nesting));
	lexer->text = text;
	lexer->length = length;
	lexer->limit = limit;
	if (offset > limit) { /* past a bad byte: look for the next one */
		const char *nul = memchr(text + offset, '\0', length - offset);

		lexer->limit =
			offset + cx_utf8_valid_prefix(text + offset,
										  nul ? (size_t)(nul - text) - offset : length - offset);
	}
	lexer->at = offset;
	lexer->line = line;
	lexer->line_start = line_start;
}

static bool has_mark(const char *text, size_t length)
{
	return length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3);
}

size_t cx_column(const char *text, size_t line_start, size_t offset)
{
	size_t column = 1;

	if (line_start == 0 && has_mark(text, offset))
		line_start = 3;
	for (size_t i = line_start; i < offset; i++)
		column += ((unsigned char)text[i] & 0xc0) != 0x80;
	return column;
}

/* Counts the lines of what was just passed. */
static void pass_lines(cx_lexer *lx, size_t from, size_t to)
{
	const char *p = lx->text + from, *end = lx->text + to;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		lx->line++;
		lx->line_start = (size_t)(p - lx->text);
	}
}

/* The token that stands for the rest of the text. The error is at the token's start, unless a bad
 * byte is what cut the text short. */
static cx_token_kind fail(cx_lexer *lx, cx_token *token, const char *message, const char *hint)
{
	lx->error = (cx_lex_error){message, hint, token->offset, token->line, token->line_start};
	token->length = lx->length - token->offset;
	lx->at = lx->length;
	return CX_TOKEN_ERROR;
}

static cx_token_kind fail_at_limit(cx_lexer *lx, cx_token *token)
{
	size_t bad = lx->limit;

	pass_lines(lx, token->offset, bad);
	fail(lx, token, lx->text[bad] ? "invalid UTF-8" : "NUL byte",
		 lx->text[bad] ? "save the text as UTF-8" : NULL);
	lx->error.offset = bad;
	lx->error.line = lx->line;
	lx->error.line_start = lx->line_start;
	return CX_TOKEN_ERROR;
}

static cx_token_kind fail_unterminated(cx_lexer *lx, cx_token *token, const char *message)
{
	return lx->limit < lx->length ? fail_at_limit(lx, token) : fail(lx, token, message, NULL);
}

/* ---- Quoted things -------------------------------------------------------------------------- */

/* The offset after the closing quote of what begins after an opening one; 0 when there is none. */
static size_t quoted_end(const cx_lexer *lx, size_t at, char quote)
{
	const char *end = lx->text + lx->limit, *p = lx->text + at;

	while (p < end && (p = memchr(p, quote, (size_t)(end - p))) != NULL) {
		if (p + 1 == end || p[1] != quote)
			return (size_t)(p - lx->text) + 1;
		p += 2;
	}
	return 0;
}

/* The same, where a backslash takes the next byte with it. */
static size_t escaped_end(const cx_lexer *lx, size_t at)
{
	for (size_t i = at; i < lx->limit; i++) {
		if (lx->text[i] == '\\')
			i++;
		else if (lx->text[i] == '\'' && byte_at(lx, i + 1) == '\'')
			i++;
		else if (lx->text[i] == '\'')
			return i + 1;
	}
	return 0;
}

static cx_token_kind lex_string(cx_lexer *lx, cx_token *token, size_t quote, bool is_escaped)
{
	size_t end;

	if (quote == token->offset && lx->is_after_string && lx->is_line_passed)
		is_escaped = lx->is_string_escaped;
	end = is_escaped ? escaped_end(lx, quote + 1) : quoted_end(lx, quote + 1, '\'');
	if (!end)
		return fail_unterminated(lx, token, "string without its closing quote");
	lx->at = end;
	lx->is_string_escaped = is_escaped;
	pass_lines(lx, quote, end);
	return CX_TOKEN_STRING;
}

static cx_token_kind lex_quoted(cx_lexer *lx, cx_token *token, size_t quote)
{
	size_t end = quoted_end(lx, quote + 1, '"');

	if (!end)
		return fail_unterminated(lx, token, "quoted name without its closing quote");
	lx->at = end;
	pass_lines(lx, quote, end);
	return CX_TOKEN_QUOTED;
}

static cx_token_kind lex_dollar(cx_lexer *lx, cx_token *token)
{
	size_t i = token->offset + 1, body;
	const char *p, *end = lx->text + lx->limit;

	if ((class_at(lx, i) & C_CLASS) == C_DIGIT) {
		while ((class_at(lx, i) & C_CLASS) == C_DIGIT)
			i++;
		lx->at = i;
		return CX_TOKEN_POSITIONAL;
	}
	if ((class_at(lx, i) & C_CLASS) == C_IDENT)
		while ((class_at(lx, i) & C_WORD) && lx->text[i] != '$')
			i++;
	if (byte_at(lx, i) != '$') {
		lx->at = token->offset + 1;
		return CX_TOKEN_OPERATOR;
	}
	body = i + 1;
	for (p = lx->text + body; p < end && (p = memchr(p, '$', (size_t)(end - p))) != NULL; p++)
		if ((size_t)(end - p) >= body - token->offset &&
			!memcmp(p, token->text, body - token->offset)) {
			lx->at = (size_t)(p - lx->text) + (body - token->offset);
			pass_lines(lx, body, lx->at);
			lx->is_string_escaped = false;
			return CX_TOKEN_STRING;
		}
	return fail_unterminated(lx, token, "dollar-quoted string without its closing tag");
}

/* ---- Comments and space --------------------------------------------------------------------- */

static cx_token_kind lex_line_comment(cx_lexer *lx, cx_token *token)
{
	const char *p = token->text, *end = lx->text + lx->limit,
			   *stop = memchr(p, '\n', (size_t)(end - p));
	const char *back;

	if (!stop)
		stop = end;
	back = memchr(p, '\r', (size_t)(stop - p));
	lx->at = (size_t)((back ? back : stop) - lx->text);
	return CX_TOKEN_COMMENT;
}

static cx_token_kind lex_block_comment(cx_lexer *lx, cx_token *token)
{
	const char *p = token->text + 2, *end = lx->text + lx->limit, *begin = p;
	size_t depth = 1;

	while (p < end && (p = memchr(p, '*', (size_t)(end - p))) != NULL) {
		if (p > begin && p[-1] == '/') {
			depth++;
			begin = ++p;
		} else if (p + 1 < end && p[1] == '/') {
			p += 2;
			begin = p;
			if (--depth == 0) {
				lx->at = (size_t)(p - lx->text);
				pass_lines(lx, token->offset, lx->at);
				lx->is_after_string = false;
				return CX_TOKEN_COMMENT;
			}
		} else {
			p++;
		}
	}
	return fail_unterminated(lx, token, "comment without its end");
}

static cx_token_kind lex_space(cx_lexer *lx)
{
	size_t i = lx->at;

	for (; i < lx->limit; i++) {
		char c = lx->text[i];

		if (c == '\n') {
			lx->line++;
			lx->line_start = i + 1;
			lx->is_line_passed = true;
		} else if (c == '\r') {
			lx->is_line_passed = true;
		} else if (classes[(unsigned char)c] != C_SPACE) {
			break;
		}
	}
	lx->at = i;
	return CX_TOKEN_SPACE;
}

/* ---- Words, numbers, operators -------------------------------------------------------------- */

static cx_token_kind lex_word(cx_lexer *lx, cx_token *token)
{
	char next = byte_at(lx, token->offset + 1);
	size_t i;

	if (next == '\'') {
		switch (token->text[0]) {
		case 'e':
		case 'E':
		case 'b':
			return lex_string(lx, token, token->offset + 1, true);
		case 'B':
		case 'x':
		case 'X':
		case 'n':
		case 'N':
			return lex_string(lx, token, token->offset + 1, false);
		default:
			break;
		}
	} else if (next == '&' && (token->text[0] == 'u' || token->text[0] == 'U')) {
		if (byte_at(lx, token->offset + 2) == '\'')
			return lex_string(lx, token, token->offset + 2, false);
		if (byte_at(lx, token->offset + 2) == '"')
			return lex_quoted(lx, token, token->offset + 2);
	}
	for (i = token->offset + 1; i < lx->limit && (classes[(unsigned char)lx->text[i]] & C_WORD);
		 i++)
		;
	lx->at = i;
	return CX_TOKEN_WORD;
}

/* Digits with single underscores between them. */
static size_t pass_digits(const cx_lexer *lx, size_t i)
{
	while ((class_at(lx, i) & C_CLASS) == C_DIGIT ||
		   (byte_at(lx, i) == '_' && (class_at(lx, i + 1) & C_CLASS) == C_DIGIT))
		i++;
	return i;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (cx_lower(c) >= 'a' && cx_lower(c) <= 'f');
}

static cx_token_kind lex_number(cx_lexer *lx)
{
	size_t i = lx->at, exponent;
	char second = cx_lower(byte_at(lx, i + 1));

	if (lx->text[i] == '0' && (second == 'x' || second == 'o' || second == 'b')) {
		size_t k = i + 2;

		while (is_hex(byte_at(lx, k)) || (byte_at(lx, k) == '_' && is_hex(byte_at(lx, k + 1))))
			k++;
		if (k > i + 2) {
			lx->at = k;
			return CX_TOKEN_NUMBER;
		}
	}
	if (lx->text[i] != '.')
		i = pass_digits(lx, i);
	if (byte_at(lx, i) == '.' && byte_at(lx, i + 1) != '.') /* 1..2 is 1, .., 2 */
		i = pass_digits(lx, i + 1);
	if (cx_lower(byte_at(lx, i)) == 'e') {
		exponent = i + 1;
		if (byte_at(lx, exponent) == '+' || byte_at(lx, exponent) == '-')
			exponent++;
		if ((class_at(lx, exponent) & C_CLASS) == C_DIGIT)
			i = pass_digits(lx, exponent);
	}
	lx->at = i;
	return CX_TOKEN_NUMBER;
}

/* A run of operator characters, up to a comment; a + or - at its end belongs to it only beside the
 * characters that PostgreSQL says. */
static cx_token_kind lex_operator(cx_lexer *lx, cx_token *token)
{
	size_t i = lx->at;
	bool keeps_sign = false;

	if (i < lx->sign_end) { /* seen already, with the operator before: a sign by itself */
		lx->at++;
		return CX_TOKEN_OPERATOR;
	}
	for (; i < lx->limit && classes[(unsigned char)lx->text[i]] == C_OP; i++) {
		char c = lx->text[i], next = byte_at(lx, i + 1);

		if ((c == '-' && next == '-') || (c == '/' && next == '*'))
			break;
		keeps_sign |= strchr("~!@#%^&|`?", c) != NULL;
	}
	lx->sign_end = keeps_sign ? 0 : i;
	while (!keeps_sign && i > lx->at + 1 && (lx->text[i - 1] == '+' || lx->text[i - 1] == '-'))
		i--;
	lx->at = i;
	return CX_TOKEN_OPERATOR;
}

/* ---- Brackets and colons -------------------------------------------------------------------- */

static unsigned nest_top(const cx_lexer *lx)
{
	return lx->depth ? lx->nesting[(lx->depth - 1) / 4] >> ((lx->depth - 1) % 4 * 2) & 3u
					 : NEST_ROUND;
}

/* Whether what stands before could be the end of an expression. */
static bool ends_expression(const cx_lexer *lx)
{
	switch (lx->prev_kind) {
	case CX_TOKEN_WORD:
		return lx->is_prev_after_dot ||
			   !(cx_keyword_flags(cx_keyword_of(lx->prev_text, lx->prev_length)) & CX_WORD_OPENS);
	case CX_TOKEN_QUOTED:
	case CX_TOKEN_STRING:
	case CX_TOKEN_NUMBER:
	case CX_TOKEN_PARAM:
	case CX_TOKEN_POSITIONAL:
		return true;
	default:
		return lx->prev_op == ')' || lx->prev_op == ']';
	}
}

static cx_token_kind lex_self(cx_lexer *lx, cx_token *token)
{
	char c = token->text[0];

	lx->at++;
	if (c == '(' || c == '[') {
		unsigned kind = c == '(' ? NEST_ROUND : ends_expression(lx) ? NEST_SUBSCRIPT : NEST_SQUARE;
		size_t shift = lx->depth % 4 * 2;
		uint8_t *cell = &lx->nesting[lx->depth / 4];

		if (lx->depth == CX_NESTING_MAX)
			return fail(lx, token, "brackets nested too deep", NULL);
		*cell = (uint8_t)((*cell & ~(3u << shift)) | kind << shift);
		lx->depth++;
	} else if (c == ')' || c == ']') {
		lx->is_mismatched = !lx->depth || (c == ')') != (nest_top(lx) == NEST_ROUND);
		lx->depth -= lx->depth != 0;
	}
	return CX_TOKEN_OPERATOR;
}

static cx_token_kind lex_colon(cx_lexer *lx, cx_token *token)
{
	char next = byte_at(lx, lx->at + 1);
	bool is_subscript = nest_top(lx) == NEST_SUBSCRIPT;
	bool is_cast = lx->prev_kind == CX_TOKEN_OPERATOR && lx->prev_length > 1 &&
				   lx->prev_text[0] == ':' && lx->prev_text[1] == ':';

	lx->at++;
	if (next == ':' || next == '=') {
		lx->at += next == ':' && byte_at(lx, lx->at + 1) == ':' ? 2 : 1;
		return CX_TOKEN_OPERATOR;
	}
	if (is_cast || (is_subscript && ends_expression(lx)))
		return CX_TOKEN_OPERATOR;
	if ((class_at(lx, lx->at) & C_CLASS) == C_IDENT) {
		while ((class_at(lx, lx->at) & C_WORD) && lx->text[lx->at] != '$')
			lx->at++;
		token->is_first_in_subscript = is_subscript && lx->prev_op == '[';
		return CX_TOKEN_PARAM;
	}
	if (!is_subscript &&
		(next == '\'' || next == '"' || (next == '{' && byte_at(lx, lx->at + 1) == '?')))
		return fail(lx, token, "psql's quoted variable is not known here",
					"write :name, which is always bound as a value, never spliced");
	return CX_TOKEN_OPERATOR;
}

/* ---- The next token ------------------------------------------------------------------------- */

static cx_token_kind lex_one(cx_lexer *lx, cx_token *token)
{
	char c = token->text[0], next;

	switch (classes[(unsigned char)c] & C_CLASS) {
	case C_SPACE:
		return lex_space(lx);
	case C_IDENT:
		if (lx->at == 0 && has_mark(token->text, lx->limit)) {
			lx->at = 3;
			return CX_TOKEN_SPACE;
		}
		return lex_word(lx, token);
	case C_DIGIT:
		return lex_number(lx);
	case C_OP:
		next = byte_at(lx, lx->at + 1);
		if (c == '-' && next == '-')
			return lex_line_comment(lx, token);
		if (c == '/' && next == '*')
			return lex_block_comment(lx, token);
		return lex_operator(lx, token);
	case C_SELF:
		return lex_self(lx, token);
	case C_QUOTE:
		return lex_string(lx, token, token->offset, false);
	case C_DQUOTE:
		return lex_quoted(lx, token, token->offset);
	case C_DOLLAR:
		return lex_dollar(lx, token);
	case C_COLON:
		return lex_colon(lx, token);
	case C_DOT:
		if ((class_at(lx, lx->at + 1) & C_CLASS) == C_DIGIT)
			return lex_number(lx);
		lx->at += byte_at(lx, lx->at + 1) == '.' ? 2 : 1;
		return CX_TOKEN_OPERATOR;
	default:
		lx->at++;
		return CX_TOKEN_OPERATOR;
	}
}

cx_token_kind cx_lexer_next(cx_lexer *lexer, cx_token *token)
{
	cx_token_kind kind;
	bool is_after_dot;

	token->op = 0;
	token->is_first_in_subscript = false;
	token->offset = lexer->at;
	token->text = lexer->text + lexer->at;
	token->line = lexer->line;
	token->line_start = lexer->line_start;
	if (lexer->at >= lexer->length) {
		token->length = 0;
		return token->kind = CX_TOKEN_END;
	}
	if (lexer->at >= lexer->limit)
		return token->kind = fail_at_limit(lexer, token);
	token->kind = kind = lex_one(lexer, token);
	token->length = lexer->at - token->offset;
	if (kind == CX_TOKEN_SPACE || kind == CX_TOKEN_COMMENT)
		return kind;
	if (kind == CX_TOKEN_OPERATOR && token->length == 1)
		token->op = token->text[0];
	is_after_dot = lexer->prev_op == '.';
	lexer->prev_kind = kind;
	lexer->prev_op = token->op;
	lexer->prev_text = token->text;
	lexer->prev_length = token->length;
	lexer->is_prev_after_dot = is_after_dot;
	lexer->is_after_string = kind == CX_TOKEN_STRING && token->text[token->length - 1] == '\'';
	lexer->is_line_passed = false;
	return kind;
}

cx_token_kind cx_lexer_next_solid(cx_lexer *lexer, cx_token *token)
{
	cx_token_kind kind;

	do
		kind = cx_lexer_next(lexer, token);
	while (kind == CX_TOKEN_SPACE || kind == CX_TOKEN_COMMENT);
	return kind;
}
