// SPDX-License-Identifier: Apache-2.0
/* Errors for people, and the exit codes for scripts. */
#include "app/cli/cli.h"

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

/* The line of the SQL that the error points into, or what is near in a long one, and a caret below
 * it. position counts characters, not bytes. */
static void print_caret(const char *sql, int64_t position)
{
	const char *p = sql, *from = sql, *end;
	int64_t line = 1;
	int length, lead;

	for (int64_t i = 1; i < position && *p; i++) {
		if (*p == '\n') {
			from = p + 1;
			line++;
		}
		p = next_character(p);
	}
	end = p + strcspn(p, "\n");
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
	length = (int)(end - from);
	lead = fprintf(stderr, "  line %lld: ", (long long)line);
	fprintf(stderr, "%.*s\n%*s", length, from, lead, "");
	for (const char *q = from; q < p; q = next_character(q))
		fputc(*q == '\t' ? '\t' : ' ', stderr);
	fputs("^\n", stderr);
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

/* A file's text on a terminal: what would steer it is shown as `?`, one for each byte. */
static void put_plain(FILE *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		fputc((*p < ' ' && *p != '\t' && *p != '\n') || *p == 0x7f ? '?' : *p, out);
}

void cli_print_diagnostic(void *to, const cdbc_diagnostic *d)
{
	FILE *out = to;

	if (d->file && d->file[0] && d->line > 0)
		fprintf(out, "%s:%lld:%lld: ", d->file, (long long)d->line, (long long)d->column);
	else if (d->file && d->file[0])
		fprintf(out, "%s: ", d->file);
	fprintf(out, "%s: ", cli_severity(d));
	put_plain(out, d->message);
	fputc('\n', out);
	if (d->line_text && d->line_text[0]) {
		fputs("  ", out);
		put_plain(out, d->line_text);
		fputs("\n  ", out);
		for (int64_t i = 1; i < d->column && d->line_text[i - 1]; i++)
			fputc(d->line_text[i - 1] == '\t' ? '\t' : ' ', out);
		fprintf(out, "^\n");
	}
	if (d->hint && d->hint[0])
		fprintf(out, "  hint: %s\n", d->hint);
}
