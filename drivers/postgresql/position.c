// SPDX-License-Identifier: Apache-2.0
/* Where CockroachDB means, when it shows a place in the SQL by a caret instead of sending a
 * position. A pure function of the text. */
#include "internal.h"

static int64_t count_characters(const char *text, const char *end)
{
	int64_t n = 0;

	for (; text < end; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* The server repeats the SQL up to the end of the line it means, and below that line as many blanks
 * as the place is bytes into it. */
int64_t cx_pg_caret_position(const char *detail)
{
	static const char title[] = "source SQL:\n";
	const char *sql, *caret_line, *line, *p;
	size_t blanks;

	if (!detail || strncmp(detail, title, sizeof title - 1) != 0)
		return 0;
	sql = detail + sizeof title - 1;
	p = strrchr(sql, '\n');
	if (!p)
		return 0;
	caret_line = p + 1;
	blanks = strspn(caret_line, " ");
	if (caret_line[blanks] != '^' || caret_line[blanks + 1] != '\0')
		return 0;
	for (line = p; line > sql && line[-1] != '\n'; line--)
		;
	if (blanks > (size_t)(p - line))
		return 0;
	return count_characters(sql, line + blanks) + 1;
}
