// SPDX-License-Identifier: Apache-2.0
/* The order of the layers, and those that are not the file: environment variables, URL, command
 * line, code. Then the secrets that lie in files of their own. */
#include "infra/config/loader.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES   128
#define SECRET_BYTES_MAX 4096
#define NAMES_MAX        256

extern char **environ;

/* ---- files ---- */

static cdbc_status check_file(const char *path, const struct stat *st, size_t max, bool is_private,
							  cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (S_ISDIR(st->st_mode))
		return cx_error_set(err, CDBC_CONFIG, "%s: it is a folder", path);
	if (is_private && S_ISREG(st->st_mode) && (st->st_mode & (S_IRWXG | S_IRWXO))) {
		status =
			cx_error_set(err, CDBC_CONFIG, "%s: others than its owner may read this file", path);
		cx_error_hint(err, "chmod 600 %s", path);
	} else if (S_ISREG(st->st_mode) && (uintmax_t)st->st_size > max) {
		status = cx_error_set(err, CDBC_CONFIG, "%s: longer than %zu bytes", path, max);
	}
	return status;
}

static cdbc_status read_all(int fd, const char *path, size_t max, char *room, size_t *length,
							cdbc_error **err)
{
	size_t n = 0;

	while (n <= max) {
		ssize_t got = read(fd, room + n, max + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cx_error_set(err, CDBC_IO, "%s: %s", path, strerrordesc_np(errno));
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n > max)
		return cx_error_set(err, CDBC_CONFIG, "%s: longer than %zu bytes", path, max);
	room[n] = '\0';
	*length = n;
	return CDBC_OK;
}

cdbc_status cx_config_read_file(const char *path, size_t max, bool is_private, char **out,
								size_t *length, cdbc_error **err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cdbc_status status;
	struct stat st;
	char *room = NULL;

	if (fd < 0)
		return cx_error_set(
			err, errno == ENOENT || errno == ENOTDIR || errno == EACCES ? CDBC_CONFIG : CDBC_IO,
			"%s: %s", path, strerrordesc_np(errno));
	if (fstat(fd, &st) != 0)
		status = cx_error_set(err, CDBC_IO, "%s: %s", path, strerrordesc_np(errno));
	else
		status = check_file(path, &st, max, is_private, err);
	if (status == CDBC_OK) {
		/* pipes have no size: process substitution gives secrets so */
		size_t capacity = S_ISREG(st.st_mode) ? (size_t)st.st_size : max;

		room = cx_alloc(capacity + 2);
		status = room ? read_all(fd, path, capacity, room, length, err) : cx_error_nomem(err);
	}
	close(fd);
	if (status) {
		cx_free(room);
		return status;
	}
	*out = room;
	return CDBC_OK;
}

/* ---- environment variables ---- */

static const char *variable_of(const cx_loader *loader, const char *name)
{
	size_t length = strlen(name);

	for (const char *const *e = loader->environ_list; *e; e++)
		if (strncmp(*e, name, length) == 0 && (*e)[length] == '=' && (*e)[length + 1])
			return *e + length + 1;
	return NULL;
}

static void variable_name(const cx_option *row, char *name, size_t size)
{
	size_t n = (size_t)snprintf(name, size, "CDBC_%s", row->key);

	for (size_t i = 5; i < n && i < size; i++)
		name[i] = (char)(name[i] == '.'                     ? '_'
						 : name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32
															: name[i]);
}

/* CDBC_URL is short for the one URL of the tables. */
static bool is_variable(const cx_option *row, const char *name)
{
	char own[NAME_MAX_BYTES];

	variable_name(row, own, sizeof own);
	return strcmp(own, name) == 0 || (row->type == CX_OPTION_URL && strcmp(name, "CDBC_URL") == 0);
}

static cdbc_status variable_place(cx_loader *loader, const char *name, size_t length,
								  cx_layer layer, cx_place *out, cdbc_error **err)
{
	char *copy = cx_arena_strndup(&loader->config->arena, name, length);

	if (!copy)
		return cx_error_nomem(err);
	*out = (cx_place){.layer = layer,
					  .origin = copy,
					  .prefix = copy,
					  .file = copy,
					  .is_libpq = layer == CX_LAYER_PG};
	return CDBC_OK;
}

static cdbc_status unknown_variable(cx_loader *loader, const cx_place *place, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	char own[NAMES_MAX][NAME_MAX_BYTES], hint[NAME_MAX_BYTES + 32] = "";
	const char *names[NAMES_MAX + 3], *nearest;
	size_t count = 0;

	for (; count < set->count && count < NAMES_MAX; count++) {
		variable_name(&set->rows[count], own[count], sizeof *own);
		names[count] = own[count];
	}
	names[count++] = "CDBC_URL";
	names[count++] = "CDBC_CONFIG";
	names[count++] = "CDBC_ENVIRONMENT";
	nearest = cx_text_nearest(place->origin, names, count);
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean %s?", nearest);
	return cx_loader_problem(loader, place, hint, err, "no setting has this variable");
}

static cdbc_status apply_cdbc(cx_loader *loader, const char *name, size_t length, const char *value,
							  cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	cdbc_status status;
	cx_place place;

	status = variable_place(loader, name, length, CX_LAYER_CDBC, &place, err);
	if (status)
		return status;
	if (strcmp(place.origin, "CDBC_CONFIG") == 0 || strcmp(place.origin, "CDBC_ENVIRONMENT") == 0 ||
		strncmp(place.origin, "CDBC_TEST_", 10) == 0)
		return CDBC_OK;
	for (size_t i = 0; i < set->count; i++)
		if (is_variable(&set->rows[i], place.origin))
			return *value ? cx_loader_text(loader, &place, i, value, err) : CDBC_OK;
	return unknown_variable(loader, &place, err);
}

static cdbc_status apply_pg(cx_loader *loader, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	cdbc_status status = CDBC_OK;
	cx_place place;

	for (size_t i = 0; i < set->count && status == CDBC_OK; i++) {
		const char *name = set->rows[i].variable;
		const char *value = name ? variable_of(loader, name) : NULL;

		if (!value)
			continue;
		status = variable_place(loader, name, strlen(name), CX_LAYER_PG, &place, err);
		if (status == CDBC_OK)
			status = cx_loader_text(loader, &place, i, value, err);
	}
	return status;
}

cdbc_status cx_loader_variables(cx_loader *loader, cdbc_error **err)
{
	cdbc_status status = apply_pg(loader, err);

	for (const char *const *e = loader->environ_list; *e && status == CDBC_OK; e++) {
		const char *equals = strchr(*e, '=');

		if (equals && strncmp(*e, "CDBC_", 5) == 0 && (size_t)(equals - *e) < NAME_MAX_BYTES)
			status = apply_cdbc(loader, *e, (size_t)(equals - *e), equals + 1, err);
	}
	return status;
}

/* ---- secrets in files ---- */

static cdbc_status read_secret(cx_loader *loader, const cx_config_value *from, size_t target,
							   const char *key, cdbc_error **err)
{
	cx_config_value *v = &loader->config->values[target];
	char *text = NULL;
	size_t length = 0;
	cdbc_error *why = NULL;
	cdbc_status status =
		cx_config_read_file(from->text, SECRET_BYTES_MAX, true, &text, &length, &why);

	if (status == CDBC_CONFIG) {
		const char *hint = cdbc_error_field(why, CDBC_FIELD_HINT);

		status = cx_loader_problem(loader, &from->place, hint, err, "%s: %s", key,
								   cdbc_error_message(why));
		cdbc_error_free(why);
		return status;
	}
	if (status) {
		cx_error_wrap(&why, "%s: %s", from->place.prefix, key);
		if (err)
			*err = why;
		else
			cdbc_error_free(why);
		return status;
	}
	if (length && text[length - 1] == '\n')
		text[--length] = '\0';
	if (length && text[length - 1] == '\r')
		text[--length] = '\0';
	if (length == 0 || strlen(text) != length || strchr(text, '\n')) {
		status = cx_loader_problem(loader, &from->place, "", err, "%s: %s: %s", key, from->text,
								   length == 0 ? "the file is empty"
											   : "the file is not one line of text");
	} else {
		if (cx_secret_set(&v->secret, text, length)) {
			v->is_set = true;
			v->place = from->place;
		} else {
			status = cx_error_nomem(err);
		}
	}
	cx_wipe(text, length);
	cx_free(text);
	return status;
}

cdbc_status cx_loader_secret_files(cx_loader *loader, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	cdbc_status status = CDBC_OK;
	size_t target;

	for (size_t i = 0; i < set->count && status == CDBC_OK; i++) {
		const cx_config_value *from = &loader->config->values[i];
		const cx_config_value *to;

		if (set->rows[i].type != CX_OPTION_SECRET_FILE || !from->is_set ||
			!cx_option_find(set, set->rows[i].choices, &target))
			continue;
		to = &loader->config->values[target];
		if (to->is_set && to->place.layer > from->place.layer)
			continue;
		if (to->is_set && to->place.layer == from->place.layer)
			status = cx_loader_problem(loader, &from->place, "keep one of the two", err,
									   "%s: %s is given as well", set->rows[i].key,
									   set->rows[target].key);
		else
			status = read_secret(loader, from, target, set->rows[i].key, err);
	}
	return status;
}

/* ---- what is computed ---- */

cdbc_status cx_config_derive(cdbc_config *config, const char *key, const char *text,
							 cdbc_error **err)
{
	cx_place place = {.origin = "built-in", .prefix = "built-in", .file = "built-in"};
	cx_loader loader = {.config = config};
	size_t index;

	if (!cx_option_find(config->set, key, &index) || config->values[index].is_set)
		return CDBC_OK;
	return cx_loader_text(&loader, &place, index, text, err);
}

/* ---- the order ---- */

static cdbc_status apply_list(cx_loader *loader, cx_layer layer, const char *origin,
							  const cdbc_config_item *items, size_t count, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	cx_place place = {.layer = layer, .origin = origin, .prefix = origin, .file = origin};
	cdbc_status status = CDBC_OK;
	char hint[256];
	size_t index;

	for (size_t i = 0; i < count && status == CDBC_OK; i++) {
		if (!items[i].key || !items[i].value)
			return cx_error_set(err, CDBC_USAGE, "%s: item %zu has no key or no value", origin, i);
		if (cx_option_find(set, items[i].key, &index)) {
			status = cx_loader_text(loader, &place, index, items[i].value, err);
			continue;
		}
		cx_option_nearest(set, items[i].key, hint, sizeof hint);
		status = cx_loader_problem(loader, &place, hint, err, "unknown setting \"%.100s\"",
								   items[i].key);
	}
	return status;
}

static cdbc_status apply_url(cx_loader *loader, const char *url, cdbc_error **err)
{
	const cx_option_set *set = loader->config->set;
	cx_place place = {.layer = CX_LAYER_URL, .origin = "--url", .prefix = "--url", .file = "--url"};

	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].type == CX_OPTION_URL)
			return cx_loader_text(loader, &place, i, url, err);
	return CDBC_OK;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The file to read, in arena; NULL when there is none. */
static cdbc_status find_path(cx_loader *loader, const char **out, cdbc_error **err)
{
	const char *set = loader->options.path, *folder, *below = "/cdbc/cdbc.yaml";
	char *path;

	*out = NULL;
	if (!set && loader->options.find_file)
		set = variable_of(loader, "CDBC_CONFIG");
	if (!set && loader->options.find_file && exists("cdbc.yaml"))
		set = "cdbc.yaml";
	*out = set;
	if (set || !loader->options.find_file)
		return CDBC_OK;
	folder = variable_of(loader, "XDG_CONFIG_HOME");
	if (!folder) {
		folder = variable_of(loader, "HOME");
		below = "/.config/cdbc/cdbc.yaml";
	}
	if (!folder)
		return CDBC_OK;
	path = cx_arena_alloc(&loader->config->arena, strlen(folder) + strlen(below) + 1);
	if (!path)
		return cx_error_nomem(err);
	memcpy(path, folder, strlen(folder));
	memcpy(path + strlen(folder), below, strlen(below) + 1);
	if (exists(path))
		*out = path;
	return CDBC_OK;
}

static cdbc_status apply_file(cx_loader *loader, cdbc_error **err)
{
	const char *environment = loader->options.environment, *path;
	cdbc_status status = find_path(loader, &path, err);

	if (status)
		return status;
	if (!path && environment) {
		cx_place place = {.file = "environment"};

		return cx_loader_problem(loader, &place, "name a file, or put one at ./cdbc.yaml", err,
								 "environment \"%.100s\": there is no configuration file",
								 environment);
	}
	if (!path)
		return CDBC_OK;
	if (!environment)
		environment = variable_of(loader, "CDBC_ENVIRONMENT");
	return cx_loader_file(loader, path, environment, environment != NULL, err);
}

static bool has_url(const cx_option_set *set, const cdbc_config_item *items, size_t count)
{
	size_t index;

	for (size_t i = 0; i < count; i++)
		if (items[i].key && cx_option_find(set, items[i].key, &index) &&
			set->rows[index].type == CX_OPTION_URL)
			return true;
	return false;
}

static cx_layer find_url_layer(const cx_loader *loader)
{
	const cdbc_config_options *o = &loader->options;

	if (has_url(loader->config->set, o->items, o->item_count))
		return CX_LAYER_CODE;
	if (has_url(loader->config->set, o->command_line, o->command_line_count))
		return CX_LAYER_COMMAND_LINE;
	return o->url ? CX_LAYER_URL : CX_LAYER_BUILT_IN;
}

static cdbc_status apply_layers(cx_loader *loader, cdbc_error **err)
{
	const cdbc_config_options *o = &loader->options;
	cdbc_status status = CDBC_OK;

	loader->url_layer = find_url_layer(loader);
	for (size_t i = 0; i < loader->config->set->count && status == CDBC_OK; i++)
		status = cx_loader_default(loader, i, err);
	if (status == CDBC_OK)
		status = apply_file(loader, err);
	if (status == CDBC_OK)
		status = cx_loader_variables(loader, err);
	if (status == CDBC_OK && o->url)
		status = apply_url(loader, o->url, err);
	if (status == CDBC_OK)
		status = apply_list(loader, CX_LAYER_COMMAND_LINE, "command line", o->command_line,
							o->command_line_count, err);
	if (status == CDBC_OK)
		status = apply_list(loader, CX_LAYER_CODE, "code", o->items, o->item_count, err);
	if (status == CDBC_OK)
		status = cx_loader_secret_files(loader, err);
	if (status == CDBC_OK && loader->config->set->derive)
		status = loader->config->set->derive(loader->config, err);
	return status;
}

static cdbc_status load(cx_loader *loader, const cx_option_set *set,
						const cdbc_config_options *options, cdbc_error **err)
{
	cdbc_config *config;
	size_t size = options ? options->struct_size : 0;

	if (options && size < sizeof options->struct_size)
		return cx_error_set(err, CDBC_USAGE, "cdbc_config_options: struct_size is not set");
	/* of a program built with an older header: what it does not know is not given */
	if (options)
		memcpy(&loader->options, options, size < sizeof *options ? size : sizeof *options);
	config = cx_calloc(1, sizeof *config);
	if (!config)
		return cx_error_nomem(err);
	config->set = set;
	loader->config = config;
	loader->environ_list =
		loader->options.environ_list ? loader->options.environ_list : (const char *const *)environ;
	config->values = cx_arena_calloc(&config->arena, set->count + 1, sizeof *config->values);
	if (!config->values)
		return cx_error_nomem(err);
	return apply_layers(loader, err);
}

cdbc_status cx_config_load(const cx_option_set *set, const cdbc_config_options *options,
						   cdbc_config **out, cdbc_error **err)
{
	cx_loader loader = {0};
	cdbc_status status = load(&loader, set, options, err);

	if (status) {
		cdbc_config_free(loader.config);
		return status;
	}
	*out = loader.config;
	return CDBC_OK;
}

/* An error that no place in a file explains: told like the others. */
static void report_error(cx_loader *loader, const cdbc_error *error)
{
	const char *hint = cdbc_error_field(error, CDBC_FIELD_HINT),
			   *file = cdbc_error_field(error, CDBC_FIELD_FILE);
	const char *message = cdbc_error_message(error);
	cdbc_diagnostic diagnostic;
	char place[4200];
	int n = snprintf(place, sizeof place,
					 cdbc_error_line(error) > 0 ? "%s:%lld:%lld: " : "%s: ", file ? file : "",
					 (long long)cdbc_error_line(error), (long long)cdbc_error_column(error));

	/* the place is told apart from the message */
	if (file && n > 0 && strncmp(message, place, (size_t)n) == 0)
		message += n;
	diagnostic = (cdbc_diagnostic){
		.file = file ? file : "",
		.line = cdbc_error_line(error),
		.column = cdbc_error_column(error),
		.is_error = true,
		.message = message,
		.hint = hint ? hint : "",
		.line_text = "",
	};

	loader->error_count++;
	loader->report(loader->data, &diagnostic);
}

cdbc_status cx_config_check(const cx_option_set *set, const cdbc_config_options *options,
							void (*report)(void *data, const cdbc_diagnostic *diagnostic),
							void *data, size_t *error_count, cdbc_error **err)
{
	cx_loader loader = {.report = report, .data = data};
	cdbc_error *why = NULL;
	cdbc_status status = load(&loader, set, options, &why);

	if (status == CDBC_CONFIG) {
		report_error(&loader, why);
		cdbc_error_free(why);
		status = CDBC_OK;
	}
	cdbc_config_free(loader.config);
	if (status == CDBC_OK)
		*error_count = loader.error_count;
	else if (err)
		*err = why;
	else
		cdbc_error_free(why);
	return status;
}
