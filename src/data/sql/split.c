// SPDX-License-Identifier: Apache-2.0
/* The splitter: the lexer's tokens, the judge's marks, and where a semicolon counts. */
#include "data/sql/split.h"

#include <string.h>

bool cx_boundary_feed(cx_boundary *boundary, const cx_judge *judge, const cx_token *token,
					  cx_keyword keyword, size_t depth)
{
	bool is_trigger;

	if (cx_token_is(token, ';'))
		return depth == 0 && boundary->body_depth == 0;
	if (depth != 0) /* `create table t (begin int)` begins nothing */
		return false;
	if (token->kind != CX_TOKEN_WORD || judge->words[0] != CX_KW_CREATE ||
		cx_token_is(&judge->prev, '.'))
		return false;
	is_trigger = cx_judge_is_trigger(judge);
	if (!is_trigger && !cx_judge_is_routine(judge))
		return false;
	if (boundary->body_depth == 0) {
		if (is_trigger ? keyword == CX_KW_BEGIN
					   : boundary->is_begin_seen && keyword == CX_KW_ATOMIC)
			boundary->body_depth = 1;
		boundary->is_begin_seen = keyword == CX_KW_BEGIN;
	} else if (keyword == CX_KW_CASE || (keyword == CX_KW_BEGIN && !is_trigger)) {
		boundary->body_depth++;
	} else if (keyword == CX_KW_END) {
		boundary->body_depth--;
	}
	return false;
}

void cx_splitter_init(cx_splitter *splitter, const char *text, size_t length)
{
	cx_lexer_init(&splitter->lexer, text, length);
	splitter->rows = (cx_copy_rows){0};
	splitter->column_line = splitter->column_offset = 0;
	splitter->column = 1;
}

/* The column of a piece: lines may be long, with many pieces in them. */
static size_t column_of(cx_splitter *splitter, const cx_token *token)
{
	if (splitter->column_line != token->line_start) {
		splitter->column_line = splitter->column_offset = token->line_start;
		splitter->column = 1;
	}
	splitter->column += cx_column(splitter->lexer.text, splitter->column_offset, token->offset) - 1;
	splitter->column_offset = token->offset;
	return splitter->column;
}

static void take_data(cx_splitter *splitter, bool is_copy, cx_piece *piece)
{
	cx_token data;

	if (cx_lexer_copy_data(&splitter->lexer, &splitter->rows, is_copy, &data)) {
		piece->data = data.text;
		piece->data_length = data.length;
	}
}

bool cx_splitter_next(cx_splitter *splitter, cx_piece *piece)
{
	cx_lexer *lexer = &splitter->lexer;
	cx_boundary boundary = {0, false};
	cx_judge judge;
	cx_token token;
	cx_keyword keyword;
	size_t whole = lexer->at;

	memset(piece, 0, sizeof *piece);
	cx_judge_init(&judge);
	while (cx_lexer_next_solid(lexer, &token) != CX_TOKEN_END) {
		if (token.kind == CX_TOKEN_ERROR)
			return false;
		keyword =
			token.kind == CX_TOKEN_WORD ? cx_keyword_of(token.text, token.length) : CX_KW_NONE;
		if (cx_boundary_feed(&boundary, &judge, &token, keyword, lexer->depth)) {
			take_data(splitter, cx_judge_is_copy_in(&judge), piece);
			if (cx_judge_is_empty(&judge))
				continue;
			break;
		}
		if (cx_judge_is_empty(&judge)) {
			piece->text = token.text;
			piece->offset = token.offset;
			piece->line = token.line;
			piece->line_start = token.line_start;
			piece->column = column_of(splitter, &token);
		}
		cx_judge_feed(&judge, &token, keyword, lexer->depth);
		piece->length = token.offset + token.length - piece->offset;
	}
	piece->whole_offset = whole;
	piece->whole_length = lexer->at - whole;
	if (!cx_judge_is_empty(&judge))
		piece->kind = cx_judge_verdict(&judge, &piece->flags);
	return piece->whole_length != 0;
}
