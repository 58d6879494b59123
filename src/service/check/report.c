// SPDX-License-Identifier: Apache-2.0
/* From a place to a diagnostic: the file's line for the caret, and nothing said twice. What is
 * wrong is decided elsewhere. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/check/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 2000

void cx_check_init(cx_check *check, const cdbc_catalog *catalog, const cdbc_check_options *options,
				   void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data,
				   cdbc_error **err)
{
	const cdbc_check_options defaults = CDBC_CHECK_OPTIONS_INIT;

	memset(check, 0, sizeof *check);
	check->catalog = catalog;
	check->options = options ? *options : defaults;
	check->report = report;
	check->data = data;
	check->err = err;
	check->rung = "server";
	cx_buf_init(&check->text, CX_FILE_MAX + 65536 + 1);
}

void cx_check_fini(cx_check *check)
{
	cx_buf_free(&check->text);
	cx_arena_free(&check->arena);
	cx_free(check->found);
}

void cx_check_query(cx_check *check, const cx_record *record)
{
	check->record = record;
	check->found_count = 0;
}

cdbc_status cx_check_read(const char *path, cx_buf *out, cdbc_error **err)
{
	FILE *stream = fopen(path, "rbe");
	bool has_failed;
	size_t n;

	if (!stream)
		return cx_error_set(err, errno == ENOMEM ? CDBC_NOMEM : CDBC_IO, "read %s: %s", path,
							strerror(errno));
	do {
		if (!cx_buf_reserve(out, 65536))
			break;
		n = fread(out->data + out->length, 1, 65536, stream);
		out->length += n;
		out->data[out->length] = '\0';
	} while (n);
	has_failed = ferror(stream) != 0;
	fclose(stream);
	if (has_failed)
		return cx_error_set(err, CDBC_IO, "read %s: %s", path, strerror(errno));
	return cx_buf_status(out, path, err);
}

/* The text of the query's file, as long as it is the one that was loaded; else an empty one. */
static cdbc_status load_text(cx_check *check)
{
	const cx_record *record = check->record;
	const char *sql = record->query.info.sql;
	size_t length = strlen(sql);
	cdbc_error *error = NULL;

	if (check->file != record->query.info.file) {
		check->file = record->query.info.file;
		cx_buf_clear(&check->text);
		if (cx_check_read(check->file, &check->text, &error)) {
			bool is_nomem = !error || cdbc_error_status(error) == CDBC_NOMEM;

			cx_error_clear(&error);
			cx_buf_clear(&check->text);
			if (is_nomem)
				return cx_error_nomem(check->err);
		}
	}
	if (check->text.length < record->sql.offset + length ||
		memcmp(check->text.data + record->sql.offset, sql, length) != 0)
		cx_buf_clear(&check->text);
	return CDBC_OK;
}

static void hand_over(cx_check *check, cdbc_diagnostic *d, cx_severity severity)
{
	if (check->options.is_strict && severity == CX_WARNING)
		severity = CX_ERROR;
	d->is_error = severity == CX_ERROR;
	d->is_note = severity == CX_NOTE;
	check->error_count += d->is_error;
	check->report(check->data, d);
}

static cx_finding *find_same(cx_check *check, cx_place place, const char *message)
{
	for (size_t i = 0; i < check->found_count; i++)
		if (check->found[i].place.offset == place.offset &&
			strcmp(check->found[i].message, message) == 0)
			return &check->found[i];
	return NULL;
}

cdbc_status cx_check_tell(cx_check *check, cx_severity severity, cx_place place, const char *code,
						  const char *hint, const char *when, const char *format, ...)
{
	char message[MESSAGE_MAX];
	cx_finding f = {.severity = severity, .place = place, .rung = check->rung, .count = 1};
	cx_finding *same;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	same = find_same(check, place, message);
	if (same) {
		same->count++;
		return CDBC_OK;
	}
	f.message = cx_arena_strdup(&check->arena, message);
	f.code = cx_arena_strdup(&check->arena, code ? code : "");
	f.hint = cx_arena_strdup(&check->arena, hint ? hint : "");
	f.when = cx_arena_strdup(&check->arena, when);
	if (!f.message || !f.code || !f.hint || !f.when ||
		!cx_grow(&check->found, check->found_count, &check->found_capacity, sizeof f))
		return cx_error_nomem(check->err);
	check->found[check->found_count++] = f;
	return CDBC_OK;
}

/* With its line, for the caret. */
static cdbc_status report_one(cx_check *check, const cx_finding *f, const char *message)
{
	cdbc_diagnostic d = {.file = check->record->query.info.file,
						 .line = (int64_t)f->place.line,
						 .column = 1,
						 .message = message,
						 .hint = f->hint,
						 .line_text = "",
						 .query = check->record->query.info.name,
						 .rung = f->rung,
						 .code = f->code[0] ? f->code : NULL};
	char *line = NULL;

	if (load_text(check))
		return CDBC_NOMEM;
	if (check->text.length >= f->place.offset && check->text.length) {
		const char *begin = check->text.data + f->place.line_start;

		d.column = (int64_t)cx_column(check->text.data, f->place.line_start, f->place.offset);
		cx_diagnostic_end(check->text.data, check->text.length, f->place, &d);
		line = cx_strndup(begin, strcspn(begin, "\r\n"));
		if (!line)
			return cx_error_nomem(check->err);
		d.line_text = line;
	}
	hand_over(check, &d, f->severity);
	cx_free(line);
	return CDBC_OK;
}

static int by_place(const void *a, const void *b)
{
	const cx_finding *x = a, *y = b;

	return x->place.offset < y->place.offset ? -1 : x->place.offset > y->place.offset;
}

cdbc_status cx_check_flush(cx_check *check)
{
	const cx_variants *v = check->record ? check->record->variants : NULL;
	cdbc_status status = CDBC_OK;

	if (check->found_count)
		qsort(check->found, check->found_count, sizeof *check->found, by_place);
	for (size_t i = 0; i < check->found_count && !status; i++) {
		const cx_finding *f = &check->found[i];
		cx_buf message = CX_BUF_INIT(MESSAGE_MAX * 4);

		cx_buf_puts(&message, f->message);
		if (f->when[0] && v && f->count < v->count)
			cx_buf_putf(&message, ", when %s", f->when);
		status = message.data ? report_one(check, f, message.data) : cx_error_nomem(check->err);
		cx_buf_free(&message);
	}
	check->found_count = 0;
	cx_arena_free(&check->arena);
	check->arena = (cx_arena)CX_ARENA_INIT;
	return status;
}

void cx_check_tell_file(cx_check *check, const char *file, int64_t line, int64_t column,
						const char *hint, const char *format, ...)
{
	cdbc_diagnostic d = {.file = file,
						 .line = line,
						 .column = column,
						 .hint = hint ? hint : "",
						 .line_text = "",
						 .rung = check->rung};
	char message[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	d.message = message;
	hand_over(check, &d, CX_ERROR);
}

/* ---- Places --------------------------------------------------------------------------------- */

/* Where the name begins in a line `-- column: NAME ...`; NULL: it is another line. */
static const char *column_line(const char *line, const char *end, const char *name)
{
	size_t length = strlen(name);

	line += strspn(line, " \t");
	if (strncmp(line, "--", 2) != 0)
		return NULL;
	line += 2;
	line += strspn(line, " \t");
	if (strncasecmp(line, "column", 6) != 0)
		return NULL;
	line += 6;
	line += strspn(line, " \t");
	if (*line != ':')
		return NULL;
	line++;
	line += strspn(line, " \t");
	if (*line == '"')
		line++;
	return line + length <= end && memcmp(line, name, length) == 0 &&
				   strchr(" \t\"\r\n", line[length])
			   ? line
			   : NULL;
}

cx_place cx_check_column_place(cx_check *check, const char *name)
{
	cx_place place = check->record->place;
	const char *text, *p, *end;

	if (load_text(check) || check->text.length < check->record->sql.offset || !check->text.data)
		return place;
	text = check->text.data;
	end = text + check->record->sql.offset;
	place = (cx_place){place.line, place.line_start, place.line_start};
	for (p = text + place.line_start; p && p < end; p = memchr(p, '\n', (size_t)(end - p))) {
		const char *found;

		if (*p == '\n') {
			p++;
			place.line++;
			place.line_start = (size_t)(p - text);
		}
		found = column_line(p, end, name);
		if (found) {
			place.offset = (size_t)(found - text);
			return place;
		}
		if (p >= end)
			break;
	}
	return check->record->place;
}
