// SPDX-License-Identifier: Apache-2.0
/* Reads the plans of three databases. Pure functions of text: whom to ask is in plan.c. */
#include "service/check/plan.h"

#include <stdio.h>
#include <string.h>

typedef struct line {
	const char *text;
	size_t length;
} line;

/* The next line without the white space around; false at the end. */
static bool next_line(const char **at, line *out)
{
	const char *end;

	if (!**at)
		return false;
	end = *at + strcspn(*at, "\n");
	out->text = *at + strspn(*at, " \t");
	*at = *end ? end + 1 : end;
	if (out->text > end)
		out->text = end;
	while (end > out->text && (end[-1] == ' ' || end[-1] == '\r'))
		end--;
	out->length = (size_t)(end - out->text);
	return true;
}

/* Moves past a beginning. */
static bool skip(line *l, const char *prefix)
{
	size_t n = strlen(prefix);

	if (l->length < n || memcmp(l->text, prefix, n) != 0)
		return false;
	l->text += n;
	l->length -= n;
	return true;
}

static void copy(char *out, size_t size, const char *text, size_t length)
{
	snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), text);
}

/* The bytes of a name up to a blank outside quotes. */
static size_t name_length(const line *l)
{
	bool is_quoted = false;
	size_t i = 0;

	for (; i < l->length && (is_quoted || l->text[i] != ' '); i++)
		if (l->text[i] == '"')
			is_quoted = !is_quoted;
	return i;
}

static bool contains(const char *text, const char *word)
{
	return strstr(text, word) != NULL;
}

/* ---- PostgreSQL ----------------------------------------------------------------------------- */

static size_t postgresql(const char *text, cx_plan_scan *out, size_t max)
{
	/* a limit over nothing that has to see all rows first */
	bool is_limited = strncmp(text, "Limit", 5) == 0 && !contains(text, "Sort") &&
					  !contains(text, "Aggregate") && !contains(text, "Hash");
	cx_plan_scan *scan = NULL;
	size_t count = 0;
	line l;

	while (next_line(&text, &l)) {
		bool is_node = skip(&l, "->  ");

		skip(&l, "Parallel ");
		if (skip(&l, "Seq Scan on ")) {
			if (count == max)
				break;
			scan = &out[count++];
			memset(scan, 0, sizeof *scan);
			scan->rows = -1;
			copy(scan->table, sizeof scan->table, l.text, name_length(&l));
		} else if (is_node) {
			scan = NULL;
		} else if (scan && skip(&l, "Filter: ")) {
			copy(scan->filter, sizeof scan->filter, l.text, l.length);
		}
	}
	if (is_limited && count == 1 && !out[0].filter[0])
		return 0;
	return count;
}

/* ---- CockroachDB ---------------------------------------------------------------------------- */

/* "1,000 (100% of the table; stats collected 3 days ago)" */
static int64_t read_rows(const line *l)
{
	int64_t rows = -1;

	for (size_t i = 0; i < l->length && rows < INT64_MAX / 100; i++) {
		if (l->text[i] >= '0' && l->text[i] <= '9')
			rows = (rows < 0 ? 0 : rows) * 10 + (l->text[i] - '0');
		else if (l->text[i] != ',')
			break;
	}
	return rows;
}

static void skip_drawing(line *l)
{
	static const char *const strokes[] = {"│", "└", "├", "─", " "};

	for (size_t i = 0; i < sizeof strokes / sizeof *strokes;)
		i = skip(l, strokes[i]) ? 0 : i + 1;
}

static size_t cockroachdb(const char *text, cx_plan_scan *out, size_t max)
{
	cx_plan_scan now = {.rows = -1};
	char filter[sizeof now.filter] = "";
	size_t count = 0;
	line l;

	while (next_line(&text, &l)) {
		skip_drawing(&l);
		if (skip(&l, "• ")) {
			now = (cx_plan_scan){.rows = -1};
			if (!skip(&l, "filter") && !skip(&l, "scan"))
				filter[0] = '\0';
		} else if (skip(&l, "estimated row count: ")) {
			now.rows = read_rows(&l);
		} else if (skip(&l, "filter: ")) {
			copy(filter, sizeof filter, l.text, l.length);
		} else if (skip(&l, "table: ")) {
			const char *at = memchr(l.text, '@', l.length);

			copy(now.table, sizeof now.table, l.text, at ? (size_t)(at - l.text) : l.length);
		} else if (skip(&l, "spans: FULL SCAN") && l.length == 0 && count < max) {
			memcpy(now.filter, filter, sizeof filter);
			out[count++] = now;
		} else if (skip(&l, "SQL command: ") && count) {
			for (size_t i = 0; i < count; i++) /* it says for which by the table's name alone */
				if (!out[i].advice[0])
					copy(out[i].advice, sizeof out[i].advice, l.text, l.length);
		}
	}
	return count;
}

/* ---- SQLite --------------------------------------------------------------------------------- */

static size_t sqlite(const char *text, cx_plan_scan *out, size_t max)
{
	size_t count = 0;
	line l;

	while (next_line(&text, &l) && count < max) {
		size_t n;

		if (!skip(&l, "SCAN ") || skip(&l, "CONSTANT ROW") || l.text[0] == '(' ||
			(l.text[0] >= '0' && l.text[0] <= '9'))
			continue;
		skip(&l, "TABLE ");
		n = name_length(&l);
		if (n < l.length && strncmp(l.text + n, " VIRTUAL TABLE", 14) == 0)
			continue;
		memset(&out[count], 0, sizeof *out);
		out[count].rows = -1;
		copy(out[count++].table, sizeof out->table, l.text, n);
	}
	return count;
}

size_t cx_plan_scans(const char *dialect, const char *text, cx_plan_scan *out, size_t max)
{
	if (strcmp(dialect, "cockroachdb") == 0)
		return cockroachdb(text, out, max);
	return strcmp(dialect, "sqlite") == 0 ? sqlite(text, out, max) : postgresql(text, out, max);
}
