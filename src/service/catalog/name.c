// SPDX-License-Identifier: Apache-2.0
/* The `name` line: which comment is one, and the name, the parameters' names and the mark in it. */
#include "base/error.h"
#include "base/text.h"
#include "service/catalog/internal.h"

#include <string.h>

bool cx_header_is_hugsql(const char *text, size_t length)
{
	size_t at = 2;

	while (at < length && cx_header_is_blank(text[at]))
		at++;
	return length - at > 6 && (!memcmp(text + at, ":name", 5) || !memcmp(text + at, ":snip", 5)) &&
		   cx_header_is_blank(text[at + 5]);
}

size_t cx_header_is_name(const char *text, size_t length)
{
	size_t at = 2;

	while (at < length && cx_header_is_blank(text[at]))
		at++;
	if (length - at < 5 || memcmp(text + at, "name", 4) != 0)
		return 0;
	for (at += 4; at < length && (text[at] == ' ' || text[at] == '\t'); at++)
		;
	return at < length && text[at] == ':' ? at + 1 : 0;
}

static const struct {
	const char *mark;
	cdbc_cardinality cardinality;
} marks[] = {
	{":many", CDBC_MANY},
	{":one", CDBC_ONE},
	{":one?", CDBC_ZERO_OR_ONE},
	{"^", CDBC_ZERO_OR_ONE},
	{"$", CDBC_SCALAR},
	{":exec", CDBC_EXEC},
	{"!", CDBC_EXEC},
	{":execrows", CDBC_EXEC_ROWS},
	{"<!", CDBC_RETURNING},
	{":batch", CDBC_BATCH},
	{"*!", CDBC_BATCH},
	{":copyfrom", CDBC_COPY_FROM},
	{"#", CDBC_SCRIPT},
	{":execresult", CDBC_EXEC},
	{":execlastid", CDBC_EXEC},
	{":batchexec", CDBC_BATCH},
	{":batchmany", CDBC_BATCH},
	{":batchone", CDBC_BATCH},
};

bool cx_header_is_mark(const char *text, size_t length)
{
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (strlen(marks[i].mark) == length && !memcmp(marks[i].mark, text, length))
			return true;
	return false;
}

/* aiosql's f(a, b): the parameters by name, without types. */
static cdbc_status read_arguments(cx_sqlfiles *loader, cx_section *section, cx_place line,
								  size_t *at, size_t to)
{
	const char *text = loader->text;
	size_t i = *at + 1, begin;

	for (;; i++) {
		while (i < to && cx_header_is_blank(text[i]))
			i++;
		for (begin = i; i < to && cx_header_is_name_char(text[i]) && text[i] != '-'; i++)
			;
		line.offset = begin;
		if (i > begin) {
			if (cx_section_rule(section, text + begin, i - begin))
				return cx_sqlfiles_fail(loader, section, line, NULL,
										"parameter \"%.*s\" is declared twice", (int)(i - begin),
										text + begin);
			if (section->rule_count == CX_RULES_MAX)
				return cx_sqlfiles_fail(loader, section, line, NULL,
										"more than %d declared parameters", CX_RULES_MAX);
			if (!cx_section_add_rule(loader, section, text + begin, i - begin, line))
				return cx_error_nomem(loader->err);
		}
		while (i < to && cx_header_is_blank(text[i]))
			i++;
		line.offset = i;
		if (i < to && text[i] == ')') {
			*at = i + 1;
			return CDBC_OK;
		}
		if (i == to || text[i] != ',' || begin == i)
			return cx_sqlfiles_fail(loader, section, line, NULL,
									"`)` is missing after the parameters' names");
	}
}

cdbc_status cx_header_name(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
						   size_t to)
{
	const char *text = loader->text;
	size_t at = from;
	cdbc_status status;

	while (at < to && cx_header_is_name_char(text[at]))
		at++;
	section->name = text + from;
	section->name_length = at - from;
	section->name_place = line;
	section->name_place.offset = line.offset = from;
	if (at == from)
		return cx_sqlfiles_fail(loader, section, line, "letters, digits, _ and -",
								"a query's name is missing");
	if (at < to && text[at] == '.') {
		line.offset = at;
		return cx_sqlfiles_fail(loader, section, line,
								"a file in a folder `reports` has the names reports.NAME",
								"a query's name has no dots");
	}
	if (at < to && text[at] == '(') {
		status = read_arguments(loader, section, line, &at, to);
		if (status || section->is_bad)
			return status;
	}
	while (at < to && cx_header_is_blank(text[at]))
		at++;
	line.offset = at;
	if (at == to)
		return CDBC_OK;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (strlen(marks[i].mark) == to - at && !memcmp(marks[i].mark, text + at, to - at)) {
			section->record->query.info.cardinality = marks[i].cardinality;
			section->has_mark = true;
			return CDBC_OK;
		}
	return cx_sqlfiles_fail(loader, section, line,
							"after the name stands :one, :one?, :many, :exec, :execrows, :batch, "
							":copyfrom, ^, $, !, <!, *! or #",
							"\"%.*s\" is no mark", (int)(to - at < 40 ? to - at : 40), text + at);
}
