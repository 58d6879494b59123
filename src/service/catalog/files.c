// SPDX-License-Identifier: Apache-2.0
/* Files and folders: what is read, in which order, under which namespace, and how an error names
 * its place. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "service/catalog/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_MAX    4096 /* bytes of a line or token that a message shows */
#define REPORTS_MAX 1000 /* errors of a check that are told one by one */
#define NOTES_MAX   100

/* ---- Errors --------------------------------------------------------------------------------- */

/* The name of the query that is read, as far as it is known; "" when it is not. */
static void name_of(const cx_sqlfiles *loader, const cx_section *section, char *out, size_t size)
{
	const char *name = section && section->name ? section->name : loader->base_name;
	size_t length = section && section->name ? section->name_length : strlen(name);

	out[0] = '\0';
	if (section && length)
		snprintf(out, size, "%s%.*s", loader->name_space, (int)length, name);
}

void cx_diagnostic_end(const char *text, size_t length, cx_place place, cdbc_diagnostic *out)
{
	cx_lexer lexer;
	cx_token token;

	length -=
		place.offset; /* of a longer one nobody wants the end, and each error would look at all */
	if (length > LOOK_MAX)
		length = LOOK_MAX;
	cx_lexer_init(&lexer, text + place.offset, length);
	cx_lexer_next(&lexer, &token);
	if (token.length == LOOK_MAX || token.kind == CX_TOKEN_END || token.kind == CX_TOKEN_ERROR ||
		token.kind == CX_TOKEN_SPACE || memchr(token.text, '\n', token.length))
		return;
	out->end_line = out->line;
	out->end_column = (int64_t)cx_column(text, place.line_start, place.offset + token.length);
}

typedef enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE } severity;

/* Hands a diagnostic to whoever loads; there is one. */
static cdbc_status hand_over(cx_sqlfiles *loader, cx_section *section, cx_place place,
							 const char *hint, const char *message, severity grade)
{
	bool is_error = grade == SEVERITY_ERROR;
	int64_t column = (int64_t)cx_column(loader->text, place.line_start, place.offset);
	const char *text = loader->written, *begin = text + place.line_start, *end;
	cdbc_diagnostic diagnostic;
	char *line, name[CX_NAME_MAX * 4];

	end = memchr(begin, '\n', loader->length - place.line_start);
	if (!end)
		end = text + loader->length;
	line = cx_strndup(begin, end - begin > LOOK_MAX ? 0 : (size_t)(end - begin));
	if (!line)
		return cx_error_nomem(loader->err);
	if (*line && line[strlen(line) - 1] == '\r')
		line[strlen(line) - 1] = '\0';
	diagnostic = (cdbc_diagnostic){loader->file, (int64_t)place.line, column, is_error,
								   message,      hint ? hint : "",    line};
	diagnostic.is_note = grade == SEVERITY_NOTE;
	name_of(loader, section, name, sizeof name);
	diagnostic.query = name[0] ? name : NULL;
	diagnostic.rung = loader->rung ? loader->rung : "lexical";
	cx_diagnostic_end(loader->text, loader->length, place, &diagnostic);
	loader->report(loader->data, &diagnostic);
	cx_free(line);
	return CDBC_OK;
}

static cdbc_status tell(cx_sqlfiles *loader, cx_section *section, cx_place place, const char *hint,
						const char *message)
{
	int64_t column;

	loader->error_count++;
	if (section)
		section->is_bad = true;
	if (!loader->report) {
		column = (int64_t)cx_column(loader->text, place.line_start, place.offset);
		cx_error_set(loader->err, CDBC_SQL_FILE, "%s:%zu:%lld: %s", loader->file, place.line,
					 (long long)column, message);
		cx_error_place(loader->err, loader->file, (int64_t)place.line, column);
		if (hint)
			cx_error_hint(loader->err, "%s", hint);
		return CDBC_SQL_FILE;
	}
	if (loader->error_count > REPORTS_MAX) /* it is counted */
		return CDBC_OK;
	return hand_over(loader, section, place, hint, message, SEVERITY_ERROR);
}

/* Of what is no error, as much as anybody reads. */
static cdbc_status remark(cx_sqlfiles *loader, cx_section *section, cx_place place,
						  const char *hint, const char *message, severity grade)
{
	if (!loader->report || loader->note_count == NOTES_MAX)
		return CDBC_OK;
	loader->note_count++;
	return hand_over(loader, section, place, hint, message, grade);
}

cdbc_status cx_sqlfiles_note(cx_sqlfiles *loader, cx_section *section, cx_place place,
							 const char *message)
{
	return remark(loader, section, place, NULL, message, SEVERITY_NOTE);
}

cdbc_status cx_sqlfiles_warn(cx_sqlfiles *loader, cx_section *section, cx_place place,
							 const char *hint, const char *format, ...)
{
	char message[1000];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	return remark(loader, section, place, hint, message, SEVERITY_WARNING);
}

cdbc_status cx_sqlfiles_fail(cx_sqlfiles *loader, cx_section *section, cx_place place,
							 const char *hint, const char *format, ...)
{
	char message[1000];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	return tell(loader, section, place, hint, message);
}

cdbc_status cx_sqlfiles_adopt(cx_sqlfiles *loader, cx_section *section, cx_place base,
							  cdbc_error **error)
{
	cx_place place = base;
	cdbc_status status;

	if (!*error || cdbc_error_status(*error) == CDBC_NOMEM) {
		cx_error_clear(error);
		return cx_error_nomem(loader->err);
	}
	if (cdbc_error_line(*error)) {
		int64_t skip = cdbc_error_position(*error) - 1; /* characters from base */

		for (; place.offset < loader->length; place.offset++) {
			if (((unsigned char)loader->text[place.offset] & 0xc0) != 0x80 && skip-- == 0)
				break;
			if (loader->text[place.offset] == '\n') {
				place.line++;
				place.line_start = place.offset + 1;
			}
		}
	}
	status = tell(loader, section, place, cdbc_error_field(*error, CDBC_FIELD_HINT),
				  cdbc_error_message(*error));
	cx_error_clear(error);
	return status;
}

/* ---- Files ---------------------------------------------------------------------------------- */

static cdbc_status fail_io(cx_sqlfiles *loader, const char *path)
{
	return cx_error_set(loader->err, errno == ENOMEM ? CDBC_NOMEM : CDBC_IO, "read %s: %s", path,
						strerror(errno));
}

static cdbc_status read_stream(cx_sqlfiles *loader, FILE *stream, const char *path, cx_buf *out)
{
	size_t n;

	do {
		if (!cx_buf_reserve(out, 65536))
			break;
		n = fread(out->data + out->length, 1, 65536, stream);
		out->length += n;
		out->data[out->length] = '\0';
	} while (n);
	if (ferror(stream))
		return fail_io(loader, path);
	return CDBC_OK;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && !strcmp(name + n - s, suffix);
}

static cdbc_status load_sqlc(cx_sqlfiles *loader)
{
	char *text = cx_strndup(loader->text, loader->length);
	cdbc_status status;

	if (!text)
		return cx_error_nomem(loader->err);
	status = cx_sqlc_translate(loader, text);
	loader->text = text;
	if (!status)
		status = cx_sqlfiles_text(loader);
	loader->text = loader->written;
	cx_free(text);
	return status;
}

/* A file's bytes, of which nothing is kept. path names it, base is its last part. */
static cdbc_status load_text(cx_sqlfiles *loader, const char *path, const char *base,
							 const char *name_space, const cx_buf *text)
{
	loader->file = cx_arena_strdup(loader->arena, path);
	loader->base_name =
		cx_arena_strndup(loader->arena, base, strlen(base) - (has_suffix(base, ".sql") ? 4 : 0));
	if (text->is_nomem || !loader->file || !loader->base_name)
		return cx_error_nomem(loader->err);
	loader->name_space = name_space;
	loader->text = loader->written = text->data ? text->data : "";
	loader->length = text->length;
	if (!text->is_over && text->length <= CX_FILE_MAX)
		return loader->is_sqlc ? load_sqlc(loader) : cx_sqlfiles_text(loader);
	loader->length = 0;
	return cx_sqlfiles_fail(loader, NULL, (cx_place){1, 0, 0}, "split it into several files",
							"the file is longer than %u bytes", CX_FILE_MAX);
}

static cdbc_status load_file(cx_sqlfiles *loader, const char *path, const char *name_space)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	cx_buf text = CX_BUF_INIT(CX_FILE_MAX + 65536 + 1);
	FILE *stream = fopen(path, "rbe");
	cdbc_status status;

	if (!stream)
		return fail_io(loader, path);
	status = read_stream(loader, stream, path, &text);
	fclose(stream);
	if (!status)
		status = load_text(loader, path, base, name_space, &text);
	cx_buf_free(&text);
	return status;
}

/* The folders of a path as a namespace: "reports/of/daily.sql" is in "reports.of.". NULL: out of
 * memory. */
static const char *name_space_of(cx_sqlfiles *loader, const char *path, const char *base)
{
	char *out = cx_arena_strndup(loader->arena, path, (size_t)(base - path)), *to = out;

	for (const char *p = out; p && *p;) {
		const char *part = p;
		size_t length = strcspn(p, "/");

		p += length + (p[length] == '/');
		if (length && !(length == 1 && *part == '.')) {
			memmove(to, part, length);
			to += length;
			*to++ = '.';
		}
	}
	if (out)
		*to = '\0';
	return out;
}

cdbc_status cx_sqlfiles_embedded(cx_sqlfiles *loader, const cdbc_embedded_file *file)
{
	const char *slash = strrchr(file->file, '/'), *base = slash ? slash + 1 : file->file;
	const char *name_space = name_space_of(loader, file->file, base);
	cx_buf text = CX_BUF_INIT(CX_FILE_MAX + 1);
	cdbc_status status;

	if (!name_space)
		return cx_error_nomem(loader->err);
	cx_buf_put(&text, file->text, file->length);
	status = load_text(loader, file->file, base, name_space, &text);
	cx_buf_free(&text);
	return status;
}

/* ---- Folders -------------------------------------------------------------------------------- */

/* A folder on the way down: so that a link to one of them is seen. */
typedef struct folder {
	const struct folder *above;
	dev_t device;
	ino_t inode;
	size_t depth;
} folder;

static cdbc_status load_entry(cx_sqlfiles *loader, const char *path, const char *name_space,
							  const folder *above);

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static cdbc_status list_folder(cx_sqlfiles *loader, const char *path, char ***names, size_t *count)
{
	size_t capacity = 0;
	struct dirent *entry;
	cdbc_status status = CDBC_OK;
	DIR *dir = opendir(path);

	if (!dir)
		return fail_io(loader, path);
	while (!status && (errno = 0, entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (!cx_grow(names, *count, &capacity, sizeof **names) ||
			!((*names)[*count] = cx_strdup(entry->d_name)))
			status = cx_error_nomem(loader->err);
		else
			++*count;
	}
	if (!status && errno)
		status = fail_io(loader, path);
	closedir(dir);
	if (*count)
		qsort(*names, *count, sizeof **names, by_text);
	return status;
}

static cdbc_status load_folder(cx_sqlfiles *loader, const char *path, const char *name_space,
							   const folder *self)
{
	char **names = NULL;
	size_t count = 0;
	cdbc_status status = list_folder(loader, path, &names, &count);

	for (size_t i = 0; i < count && !status; i++) {
		cx_buf inner = CX_BUF_INIT(4096);

		cx_buf_putf(&inner, "%s%s%s", path, has_suffix(path, "/") ? "" : "/", names[i]);
		status = cx_buf_status(&inner, "path", loader->err);
		if (!status)
			status = load_entry(loader, inner.data, name_space, self);
		cx_buf_free(&inner);
	}
	for (size_t i = 0; i < count; i++)
		cx_free(names[i]);
	cx_free(names);
	return status;
}

/* Something in a folder, or (above NULL) what the caller named. Only *.sql files count in a folder,
 * and not *.test.sql. */
static cdbc_status load_entry(cx_sqlfiles *loader, const char *path, const char *name_space,
							  const folder *above)
{
	const char *base = strrchr(path, '/');
	const char *inner = name_space;
	struct stat st;
	folder self;

	base = base ? base + 1 : path;
	if (stat(path, &st))
		return above && errno == ENOENT && !has_suffix(base, ".sql") ? CDBC_OK
																	 : fail_io(loader, path);
	if (!S_ISDIR(st.st_mode)) {
		if (above &&
			(!S_ISREG(st.st_mode) || !has_suffix(base, ".sql") || has_suffix(base, ".test.sql")))
			return CDBC_OK;
		return load_file(loader, path, name_space);
	}
	for (const folder *f = above; f; f = f->above)
		if (f->device == st.st_dev && f->inode == st.st_ino)
			return cx_error_set(loader->err, CDBC_IO, "read %s: a folder that links to itself",
								path);
	if (above && above->depth >= CX_FOLDER_DEPTH_MAX)
		return cx_error_set(loader->err, CDBC_IO, "read %s: folders nested deeper than %d", path,
							CX_FOLDER_DEPTH_MAX);
	if (above) {
		cx_buf joined = CX_BUF_INIT(8192);

		cx_buf_putf(&joined, "%s%s.", name_space, base);
		inner = joined.data ? cx_arena_strdup(loader->arena, joined.data) : NULL;
		cx_buf_free(&joined);
		if (!inner)
			return cx_error_nomem(loader->err);
	}
	self = (folder){above, st.st_dev, st.st_ino, above ? above->depth + 1 : 1};
	return load_folder(loader, path, inner, &self);
}

cdbc_status cx_sqlfiles_path(cx_sqlfiles *loader, const char *path)
{
	return load_entry(loader, path, "", NULL);
}
