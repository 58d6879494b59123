// SPDX-License-Identifier: Apache-2.0
/* Errors for people, and the exit codes for scripts. */
#include "app/cli/cli.h"

#include "base/width.h"

#include <limits.h>
#include <string.h>

#define CARET_BEFORE 60 /* bytes of a long line that are shown */
#define CARET_AFTER  60

const cli_exit_row *cli_exits(void)
{
	static const cli_exit_row rows[] = {
		{EXIT_OK, "done, and the output is complete"},
		{EXIT_SQL, "the database refused or failed the statement, or its time was up; queries "
				   "check found errors"},
		{EXIT_USAGE, "usage, configuration, an SQL file, an unknown query, a wrong parameter"},
		{EXIT_CONNECT, "no connection, not authenticated, overloaded, or the connection was lost "
					   "while nothing had been written"},
		{EXIT_DENIED, "not allowed"},
		{EXIT_INCOMPLETE, "the output is incomplete: the connection, the statement or the writing "
						  "failed after the first rows, "
						  "or there were more rows than max-rows"},
		{EXIT_UNKNOWN, "nobody can tell whether the work took effect: look before you repeat it"},
		{EXIT_INTERNAL, "an internal error, or out of memory"},
		{EXIT_INTERRUPTED, "interrupted by Ctrl-C"},
		{EXIT_TERMINATED, "ended by SIGTERM (129: by SIGHUP)"},
		{EXIT_OK, NULL},
	};

	return rows;
}

cli_exit cli_exit_of(const cdbc_error *error, cdbc_status status, bool has_output)
{
	if (error && cdbc_error_outcome(error) == CDBC_OUTCOME_UNKNOWN)
		return EXIT_UNKNOWN;
	if (cli_interrupted_exit() && (status == CDBC_CANCELLED || status == CDBC_TIMEOUT))
		return (cli_exit)cli_interrupted_exit();
	if (status == CDBC_NOMEM || status == CDBC_INTERNAL)
		return EXIT_INTERNAL;
	if (has_output)
		return EXIT_INCOMPLETE;
	switch (status) {
	case CDBC_USAGE:
	case CDBC_CONFIG:
	case CDBC_SQL_FILE:
	case CDBC_NOT_FOUND:
	case CDBC_PARAM:
	case CDBC_IO:
		return EXIT_USAGE;
	case CDBC_CONNECT:
	case CDBC_AUTH:
	case CDBC_OVERLOADED:
	case CDBC_CLOSED:
		return EXIT_CONNECT;
	case CDBC_TIMEOUT:
		return error && cdbc_error_outcome(error) == CDBC_OUTCOME_NOT_SENT ? EXIT_CONNECT
																		   : EXIT_SQL;
	case CDBC_DENIED:
		return EXIT_DENIED;
	default:
		return EXIT_SQL;
	}
}

static const char *next_character(const char *p)
{
	p++;
	while (((unsigned char)*p & 0xc0) == 0x80)
		p++;
	return p;
}

/* A file's text on a terminal: what would steer it is shown as `?`, one for each byte. */
static void put_plain(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		fputc((c < ' ' && c != '\t' && c != '\n') || c == 0x7f ? '?' : c, out);
	}
}

/* A text without its byte order mark, which takes no column. */
static const char *after_mark(const char *text)
{
	return strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
}

/* The character at a column, from 1, of a line; its end when it is shorter. */
static const char *at_column(const char *line, int64_t column)
{
	for (; column > 1 && *line && *line != '\n'; column--)
		line = next_character(line);
	return line;
}

/* A caret below the character at p of a line. */
static void put_caret(FILE *out, const char *line, const char *p)
{
	while (line < p) {
		const char *next = next_character(line);
		uint32_t c;
		size_t n = cx_char_next(line, (size_t)(next - line), &c);

		if (*line == '\t')
			fputc('\t', out);
		else
			fprintf(out, "%*s", n ? cx_char_width(c) : 1, "");
		line = next;
	}
	fputs("^\n", out);
}

/* The line that p is in, or what is near in a long one, behind a label, and a caret below it. */
static void print_line(const char *label, const char *from, const char *p)
{
	const char *end = p + strcspn(p, "\r\n");
	int lead;

	if (p - from > CARET_BEFORE) {
		from = p - CARET_BEFORE;
		while (((unsigned char)*from & 0xc0) == 0x80)
			from++;
	}
	if (end - p > CARET_AFTER) {
		end = p + CARET_AFTER;
		while (((unsigned char)*end & 0xc0) == 0x80)
			end--;
	}
	lead = fprintf(stderr, "  %s: ", label);
	put_plain(stderr, from, (size_t)(end - from));
	fprintf(stderr, "\n%*s", lead, "");
	put_caret(stderr, from, p);
}

/* position counts characters, not bytes. */
static void print_caret(const char *sql, int64_t position)
{
	const char *p = sql, *from = sql;
	int64_t line = 1;
	char label[40];

	for (int64_t i = 1; i < position && *p; i++) {
		if (*p == '\n') {
			from = p + 1;
			line++;
		}
		p = next_character(p);
	}
	snprintf(label, sizeof label, "line %lld", (long long)line);
	print_line(label, from, p);
}

/* The line of a named query's file that is wrong, unless the message names it, as a batch's does.
 * Only the place when it is not there to be read, as of embedded queries. */
static void print_place(const cdbc_error *error)
{
	const char *file = cdbc_error_field(error, CDBC_FIELD_FILE), *from;
	int64_t line = cdbc_error_line(error), column = cdbc_error_column(error);
	char label[PATH_MAX + 50];
	cx_buf text;

	if (!file || line <= 0 || column <= 0)
		return;
	snprintf(label, sizeof label, "%s:%lld:%lld", file, (long long)line, (long long)column);
	if (strstr(cdbc_error_message(error), label))
		return;
	from = cli_read_file(file, &text, NULL) ? "" : after_mark(text.data);
	for (; line > 1 && *from; line--) {
		from += strcspn(from, "\n");
		from += *from != '\0';
	}
	if (*from)
		print_line(label, from, at_column(from, column));
	else
		fprintf(stderr, "  %s\n", label);
	cx_buf_free(&text);
}

int cli_fail(cdbc_error *error, cdbc_status status, bool has_output, const char *sql)
{
	cli_exit code = cli_exit_of(error, status, has_output);
	static const struct {
		cdbc_error_field_id id;
		const char *label;
	} fields[] = {{CDBC_FIELD_DETAIL, "detail"},
				  {CDBC_FIELD_CONSTRAINT, "constraint"},
				  {CDBC_FIELD_HINT, "hint"}};

	if (!error) {
		fprintf(stderr, "cdbc: %s\n", cdbc_status_text(status));
		return code;
	}
	fprintf(stderr, "cdbc: %s", cdbc_error_message(error));
	if (cdbc_error_sqlstate(error)[0])
		fprintf(stderr, " (SQLSTATE %s)", cdbc_error_sqlstate(error));
	fputc('\n', stderr);
	if (sql && cdbc_error_position(error) > 0)
		print_caret(sql, cdbc_error_position(error));
	else if (cdbc_error_field(error, CDBC_FIELD_STATEMENT) && cdbc_error_position(error) > 0)
		print_place(error);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (cdbc_error_field(error, fields[i].id))
			fprintf(stderr, "%s: %s\n", fields[i].label, cdbc_error_field(error, fields[i].id));
	if (code == EXIT_UNKNOWN)
		fprintf(stderr, "outcome: unknown; look before you repeat it\n");
	if (code == EXIT_INCOMPLETE)
		fprintf(stderr, "the output is incomplete\n");
	cdbc_error_free(error);
	return code;
}

const char *cli_severity(const cdbc_diagnostic *d)
{
	return d->is_error ? "error" : d->is_note ? "note" : "warning";
}

void cli_print_diagnostic(void *to, const cdbc_diagnostic *d)
{
	FILE *out = to;

	if (d->file && d->file[0] && d->line > 0)
		fprintf(out, "%s:%lld:%lld: ", d->file, (long long)d->line, (long long)d->column);
	else if (d->file && d->file[0])
		fprintf(out, "%s: ", d->file);
	fprintf(out, "%s: ", cli_severity(d));
	put_plain(out, d->message, strlen(d->message));
	fputc('\n', out);
	if (d->line_text && d->line_text[0]) {
		const char *line = after_mark(d->line_text);

		fputs("  ", out);
		put_plain(out, line, strlen(line));
		fputs("\n  ", out);
		put_caret(out, line, at_column(line, d->column));
	}
	if (d->hint && d->hint[0])
		fprintf(out, "  hint: %s\n", d->hint);
}
