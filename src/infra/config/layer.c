// SPDX-License-Identifier: Apache-2.0
/* Putting one value into its row, whatever layer it comes from: reading it by its type, splitting
 * lists, taking URLs apart. Where values come from is the matter of file.c and load.c. */
#include "infra/config/loader.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "infra/config/url.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 1024
#define ITEMS_MAX   256
#define TEXT_MAX    (1u << 20)

/* The text of a line of the file that is being read, into buffer. */
static const char *line_of(const cx_loader *loader, const cx_place *place, char *buffer,
						   size_t size)
{
	const char *text = loader->file_text, *end;
	size_t length;

	buffer[0] = '\0';
	if (!text || place->line < 1 || !place->file || !loader->config->path ||
		strcmp(place->file, loader->config->path) != 0)
		return buffer;
	end = text + loader->file_length;
	for (int64_t line = 1; line < place->line; line++) {
		text = memchr(text, '\n', (size_t)(end - text));
		if (!text)
			return buffer;
		text++;
	}
	length = strcspn(text, "\r\n");
	snprintf(buffer, size, "%.*s", (int)(length < size ? length : size - 1), text);
	return buffer;
}

/* A line may hold the secret itself: then it is not shown. */
static bool is_shown(const char *line)
{
	return !strstr(line, "password") && !strstr(line, "://") && !strstr(line, "jdbc:");
}

cdbc_status cx_loader_problem(cx_loader *loader, const cx_place *place, const char *hint,
							  cdbc_error **err, const char *format, ...)
{
	char text[MESSAGE_MAX], line[512];
	cdbc_diagnostic diagnostic;
	cdbc_status status;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	loader->error_count++;
	if (!loader->report) {
		status = cx_error_set(err, CDBC_CONFIG, "%s%s%s", place->prefix ? place->prefix : "",
							  place->prefix ? ": " : "", text);
		if (hint && hint[0])
			cx_error_hint(err, "%s", hint);
		cx_error_place(err, place->file, place->line, place->column);
		return status;
	}
	line_of(loader, place, line, sizeof line);
	diagnostic = (cdbc_diagnostic){.file = place->file ? place->file : "",
								   .line = place->line,
								   .column = place->column,
								   .is_error = true,
								   .message = text,
								   .hint = hint ? hint : "",
								   .line_text = is_shown(line) ? line : ""};
	loader->report(loader->data, &diagnostic);
	return CDBC_OK;
}

bool cx_loader_may_set(const cx_loader *loader, const cx_place *place, size_t index)
{
	const cx_config_value *v = &loader->config->values[index];

	if (loader->is_dry)
		return false;
	return !(place->is_from_url && v->is_set && v->place.layer == place->layer &&
			 !v->place.is_from_url);
}

static void put_value(cx_loader *loader, size_t index, const cx_config_value *value)
{
	cx_config_value *v = &loader->config->values[index];

	cx_secret_release(&v->secret);
	*v = *value;
	v->is_set = true;
}

static cdbc_status problem_of(cx_loader *loader, const cx_place *place, const cx_option *row,
							  const cx_option_problem *problem, cdbc_error **err)
{
	return cx_loader_problem(loader, place, problem->hint, err, "%s: %s", row->key, problem->text);
}

/* A path as it is used: relative to the folder of the file that names it. ":memory:", "pkcs11:..."
 * and the like are no paths. */
static char *resolve_path(cx_loader *loader, const cx_place *place, const char *text)
{
	cx_arena *arena = &loader->config->arena;
	size_t folder, length = strlen(text);
	char *path;

	if (!place->folder || !place->folder[0] || text[0] == '/' || text[strcspn(text, ":/")] == ':')
		return cx_arena_strdup(arena, text);
	folder = strlen(place->folder);
	path = cx_arena_alloc(arena, folder + length + 2);
	if (!path)
		return NULL;
	memcpy(path, place->folder, folder);
	path[folder] = '/';
	memcpy(path + folder + 1, text, length + 1);
	return path;
}

static char *keep_item(cx_loader *loader, const cx_place *place, const cx_option *row,
					   const char *text, int64_t number)
{
	char buffer[CX_OPTION_PRINT_MAX];
	const char *printed = cx_option_print(row, number, buffer);

	if (printed)
		return cx_arena_strdup(&loader->config->arena, printed);
	if (row->type == CX_OPTION_PATH || row->type == CX_OPTION_SECRET_FILE)
		return resolve_path(loader, place, text);
	return cx_arena_strdup(&loader->config->arena, text);
}

static cdbc_status join_items(cx_loader *loader, cx_config_value *v, cdbc_error **err)
{
	cx_buf joined = CX_BUF_INIT(4 * TEXT_MAX);

	for (size_t i = 0; i < v->count; i++) {
		if (i)
			cx_buf_puts(&joined, ", ");
		if (v->names) {
			cx_buf_puts(&joined, v->names[i]);
			cx_buf_putc(&joined, '=');
		}
		cx_buf_puts(&joined, v->items[i]);
	}
	if (cx_buf_status(&joined, "list", NULL) == CDBC_OK)
		v->text =
			cx_arena_strndup(&loader->config->arena, joined.data ? joined.data : "", joined.length);
	cx_buf_free(&joined);
	return v->text ? CDBC_OK : cx_error_nomem(err);
}

cdbc_status cx_loader_items(cx_loader *loader, const cx_place *places, size_t index,
							const char *const *names, const char *const *items, size_t count,
							cdbc_error **err)
{
	const cx_option *row = &loader->config->set->rows[index];
	cx_arena *arena = &loader->config->arena;
	cx_config_value v = {.place = places[0], .count = count};
	cx_option_problem problem;

	v.items = cx_arena_calloc(arena, count + 1, sizeof *v.items);
	v.names = names ? cx_arena_calloc(arena, count + 1, sizeof *v.names) : NULL;
	if (!v.items || (names && !v.names))
		return cx_error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		const cx_place *place = &places[i + 1];

		if (!cx_option_read(row, items[i], place->is_libpq, &v.number, &problem))
			return problem_of(loader, place, row, &problem, err);
		v.items[i] = keep_item(loader, place, row, items[i], v.number);
		if (names)
			v.names[i] = cx_arena_strdup(arena, names[i]);
		if (!v.items[i] || (names && !v.names[i]))
			return cx_error_nomem(err);
	}
	v.number = 0;
	if (!cx_loader_may_set(loader, &places[0], index))
		return CDBC_OK;
	if (join_items(loader, &v, err))
		return CDBC_NOMEM;
	put_value(loader, index, &v);
	return CDBC_OK;
}

/* The text without the spaces around it, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		text[--length] = '\0';
	return text;
}

/* "a, b" for lists, "a=1, b=2" for maps. */
static cdbc_status split_text(cx_loader *loader, const cx_place *place, size_t index,
							  const char *text, cdbc_error **err)
{
	const cx_option *row = &loader->config->set->rows[index];
	const char *items[ITEMS_MAX], *names[ITEMS_MAX];
	cx_place places[ITEMS_MAX + 1];
	char *copy = cx_arena_strdup(&loader->config->arena, text), *next = copy;
	size_t count = 0;

	if (!copy)
		return cx_error_nomem(err);
	places[0] = *place;
	if (!*trim(copy))
		next = NULL;
	while (next) {
		char *piece = next, *equals;

		next = strchr(piece, ',');
		if (next)
			*next++ = '\0';
		if (count == ITEMS_MAX)
			return cx_loader_problem(loader, place, "", err, "%s: more than %d items", row->key,
									 ITEMS_MAX);
		piece = trim(piece);
		if (row->type == CX_OPTION_MAP) {
			equals = strchr(piece, '=');
			if (!equals || equals == piece)
				return cx_loader_problem(loader, place, "write NAME=VALUE, NAME=VALUE", err,
										 "%s: an item is not like NAME=VALUE", row->key);
			*equals = '\0';
			names[count] = trim(piece);
			piece = trim(equals + 1);
		}
		places[count + 1] = *place;
		items[count++] = piece;
	}
	return cx_loader_items(loader, places, index, row->type == CX_OPTION_MAP ? names : NULL, items,
						   count, err);
}

cdbc_status cx_loader_text(cx_loader *loader, const cx_place *place, size_t index, const char *text,
						   cdbc_error **err)
{
	const cx_option *row = &loader->config->set->rows[index];
	cx_config_value v = {.place = *place};
	cx_option_problem problem;

	if (row->type == CX_OPTION_URL)
		return cx_loader_url(loader, place, index, text, err);
	if (row->type == CX_OPTION_MAP || (row->flags & CX_OPTION_LIST))
		return split_text(loader, place, index, text, err);
	if (!cx_option_read(row, text, place->is_libpq, &v.number, &problem))
		return problem_of(loader, place, row, &problem, err);
	if (!cx_loader_may_set(loader, place, index))
		return CDBC_OK;
	if (row->type == CX_OPTION_SECRET) {
		if (!cx_secret_set(&v.secret, text, strlen(text)))
			return cx_error_nomem(err);
	} else {
		v.text = keep_item(loader, place, row, text, v.number);
		if (!v.text)
			return cx_error_nomem(err);
	}
	put_value(loader, index, &v);
	return CDBC_OK;
}

cdbc_status cx_loader_default(cx_loader *loader, size_t index, cdbc_error **err)
{
	const cx_option *row = &loader->config->set->rows[index];
	cx_config_value *v = &loader->config->values[index];
	cx_place place = {.origin = "built-in", .file = "built-in", .prefix = "built-in"};

	cx_secret_release(&v->secret);
	*v = (cx_config_value){.place = place};
	return row->initial ? cx_loader_text(loader, &place, index, row->initial, err) : CDBC_OK;
}

/* ---- URLs ---- */

/* The row that a part of a URL of this kind sets. */
static bool find_setting(const cx_option_set *set, cx_url_kind kind, const char *name,
						 size_t *index)
{
	unsigned flag = kind == CX_URL_WIRE ? CX_OPTION_WIRE : CX_OPTION_EMBEDDED;

	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].setting && (set->rows[i].flags & flag) &&
			strcmp(set->rows[i].setting, name) == 0) {
			*index = i;
			return true;
		}
	return false;
}

static cdbc_status unknown_parameter(cx_loader *loader, const cx_place *place, const cx_option *row,
									 const cx_url *url, const char *name, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	unsigned flag = url->kind == CX_URL_WIRE ? CX_OPTION_WIRE : CX_OPTION_EMBEDDED;
	const char *names[ITEMS_MAX], *nearest;
	char hint[128] = "";
	size_t count = 0;

	for (size_t i = 0; i < set->count && count < ITEMS_MAX; i++)
		if (set->rows[i].setting && (set->rows[i].flags & flag))
			names[count++] = set->rows[i].setting;
	nearest = cx_text_nearest(name, names, count);
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean \"%s\"?", nearest);
	return cx_loader_problem(loader, place, hint, err, "%s: unknown parameter \"%.64s\"", row->key,
							 name);
}

/* A URL says which database: what files below this layer say of it is not mixed with it. */
static cdbc_status drop_targets(cx_loader *loader, const cx_place *place, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; i < set->count && status == CDBC_OK && !loader->is_dry; i++) {
		cx_layer layer = loader->config->values[i].place.layer;

		if (layer == CX_LAYER_BUILT_IN || layer > CX_LAYER_FILE_ENVIRONMENT ||
			layer >= place->layer)
			continue;
		if ((set->rows[i].flags & CX_OPTION_TARGET) || loader->config->values[i].place.is_from_url)
			status = cx_loader_default(loader, i, err);
	}
	return status;
}

static cdbc_status set_parts(cx_loader *loader, const cx_place *place, size_t index,
							 const cx_url *url, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	cx_place inner = *place;
	cdbc_status status;
	size_t row;

	inner.is_from_url = true;
	status = drop_targets(loader, place, err);
	if (status == CDBC_OK && find_setting(set, CX_URL_WIRE, "scheme", &row))
		status = cx_loader_text(loader, &inner, row, url->scheme, err);
	inner.is_libpq = url->kind == CX_URL_WIRE;
	for (size_t i = 0; i < url->count && status == CDBC_OK; i++) {
		if (find_setting(set, url->kind, url->parts[i].name, &row) &&
			strcmp(url->parts[i].name, "scheme") != 0)
			status = cx_loader_text(loader, &inner, row, url->parts[i].value, err);
		else
			status =
				unknown_parameter(loader, place, &set->rows[index], url, url->parts[i].name, err);
	}
	return status;
}

cdbc_status cx_loader_url(cx_loader *loader, const cx_place *place, size_t index, const char *text,
						  cdbc_error **err)
{
	const cx_option *row = &loader->config->set->rows[index];
	cx_buf masked = CX_BUF_INIT(TEXT_MAX);
	cx_config_value v = {.place = *place};
	cx_arena arena = CX_ARENA_INIT;
	cx_option_problem problem;
	bool was_dry = loader->is_dry;
	cx_url url;
	cdbc_status status = cx_url_read(text, &arena, &url, &problem);

	/* the parts of a URL that another will replace would hide what lies below them */
	if (place->layer < loader->url_layer && place->layer > CX_LAYER_FILE_ENVIRONMENT)
		loader->is_dry = true;
	if (status == CDBC_CONFIG) {
		status = problem_of(loader, place, row, &problem, err);
		goto out;
	}
	if (status == CDBC_OK)
		status = set_parts(loader, place, index, &url, err);
	else
		status = cx_error_nomem(err);
	if (status || loader->is_dry)
		goto out;
	cx_url_mask(text, &masked);
	v.text =
		masked.data ? cx_arena_strndup(&loader->config->arena, masked.data, masked.length) : NULL;
	if (masked.is_nomem || !v.text || !cx_secret_set(&v.secret, text, strlen(text)))
		status = cx_error_nomem(err);
	else
		put_value(loader, index, &v);
out:
	loader->is_dry = was_dry;
	cx_url_wipe(&url);
	cx_arena_free(&arena);
	cx_buf_free(&masked);
	return status;
}
