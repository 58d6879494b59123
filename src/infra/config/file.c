// SPDX-License-Identifier: Apache-2.0
/* The layers of the file: its settings, and those of one of its environments. Every environment is
 * checked, chosen or not. */
#include "infra/config/loader.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX   256
#define NAMES_MAX 64

#define ENVIRONMENTS        "environments"
#define DEFAULT_ENVIRONMENT "default_environment"

typedef struct walker {
	cx_loader *loader;
	const char *folder;
	cx_layer layer;
} walker;

static cdbc_status place_at(const walker *w, int64_t line, int64_t column, cx_place *out,
							cdbc_error **err)
{
	char text[4200];

	snprintf(text, sizeof text, "%s:%lld:%lld", w->loader->config->path, (long long)line,
			 (long long)column);
	*out = (cx_place){
		.layer = w->layer,
		.file = w->loader->config->path,
		.line = line,
		.column = column,
		.folder = w->folder,
	};
	out->origin = cx_arena_strdup(&w->loader->config->arena, text);
	out->prefix = out->origin;
	return out->origin ? CDBC_OK : cx_error_nomem(err);
}

static const char *kind_name(const cx_yaml *node)
{
	static const char *const names[] = {"nothing", "a single value", "a list", "a map"};

	return names[node->kind];
}

static cdbc_status wrong_kind(const walker *w, const cx_yaml *node, const char *key,
							  const char *wanted, cdbc_error **err)
{
	bool is_colon = node->kind == CX_YAML_MAPPING && strcmp(wanted, "a single value") == 0;
	cdbc_status status;
	cx_place place;

	status = place_at(w, node->line, node->column, &place, err);
	if (status)
		return status;
	return cx_loader_problem(w->loader, &place,
							 is_colon ? "put a value that ends in `:` in quotes" : "", err,
							 "%s: %s is wanted here, not %s", key, wanted, kind_name(node));
}

/* A sequence for a list, or a mapping for a map. */
static cdbc_status apply_items(const walker *w, const cx_yaml *node, size_t index, cdbc_error **err)
{
	const cx_option *row = &w->loader->config->set->rows[index];
	cx_arena *arena = &w->loader->config->arena;
	const char **items = cx_arena_calloc(arena, node->count + 1, sizeof *items);
	const char **names = cx_arena_calloc(arena, node->count + 1, sizeof *names);
	cx_place *places = cx_arena_calloc(arena, node->count + 1, sizeof *places);
	cdbc_status status;
	size_t count = 0;

	if (!items || !names || !places)
		return cx_error_nomem(err);
	status = place_at(w, node->line, node->column, &places[0], err);
	for (const cx_yaml *n = node->first; n && status == CDBC_OK; n = n->next, count++) {
		if (n->kind != CX_YAML_SCALAR)
			return wrong_kind(w, n, row->key, "a single value", err);
		items[count] = n->text;
		names[count] = n->key;
		status = place_at(w, n->line, n->column, &places[count + 1], err);
	}
	if (status)
		return status;
	return cx_loader_items(w->loader, places, index, node->kind == CX_YAML_MAPPING ? names : NULL,
						   items, count, err);
}

static cdbc_status apply_node(const walker *w, const cx_yaml *node, size_t index, cdbc_error **err)
{
	const cx_option *row = &w->loader->config->set->rows[index];
	bool is_list = row->flags & CX_OPTION_LIST;
	cdbc_status status;
	cx_place place;

	if (row->type == CX_OPTION_MAP && node->kind != CX_YAML_MAPPING && node->kind != CX_YAML_NULL)
		return wrong_kind(w, node, row->key, "a map", err);
	switch (node->kind) {
	case CX_YAML_NULL:
		return w->loader->is_dry ? CDBC_OK : cx_loader_default(w->loader, index, err);
	case CX_YAML_SEQUENCE:
		return is_list ? apply_items(w, node, index, err)
					   : wrong_kind(w, node, row->key, "a single value", err);
	case CX_YAML_MAPPING:
		if (row->type != CX_OPTION_MAP)
			return wrong_kind(w, node, row->key, is_list ? "a list" : "a single value", err);
		return apply_items(w, node, index, err);
	default:
		status = place_at(w, node->line, node->column, &place, err);
		return status ? status : cx_loader_text(w->loader, &place, index, node->text, err);
	}
}

static bool is_room(const cx_option_set *set, const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < set->count; i++)
		if (strncmp(set->rows[i].key, key, length) == 0 && set->rows[i].key[length] == '.')
			return true;
	return false;
}

/* Names that may stand where an unknown one stands: the next words of the keys below prefix. */
static void nearest_word(const cx_option_set *set, const char *prefix, const char *key,
						 const char *whole, char *hint, size_t size)
{
	char words[NAMES_MAX][64];
	const char *names[NAMES_MAX + 2], *nearest;
	size_t count = 0, skip = strlen(prefix);

	for (size_t i = 0; i < set->count && count < NAMES_MAX; i++) {
		const char *rest = set->rows[i].key + skip;
		size_t length;

		if (strncmp(set->rows[i].key, prefix, skip) != 0)
			continue;
		length = strcspn(rest, ".");
		if (length >= sizeof *words ||
			(count && strncmp(words[count - 1], rest, length) == 0 && !words[count - 1][length]))
			continue;
		snprintf(words[count], sizeof *words, "%.*s", (int)length, rest);
		names[count] = words[count];
		count++;
	}
	if (!skip) {
		names[count++] = ENVIRONMENTS;
		names[count++] = DEFAULT_ENVIRONMENT;
	}
	nearest = cx_text_nearest(key, names, count);
	hint[0] = '\0';
	if (nearest)
		snprintf(hint, size, "did you mean \"%s\"?", nearest);
	else
		cx_option_nearest(set, skip ? whole : key, hint, size);
}

static cdbc_status unknown_key(const walker *w, const cx_yaml *node, const char *prefix,
							   const char *whole, cdbc_error **err)
{
	const char *scope = prefix[0] ? prefix : "";
	cdbc_status status;
	cx_place place;
	char hint[256];

	status = place_at(w, node->key_line, node->key_column, &place, err);
	if (status)
		return status;
	nearest_word(w->loader->config->set, scope, node->key, whole, hint, sizeof hint);
	if (!hint[0] && strchr(node->key, '.'))
		snprintf(hint, sizeof hint, "rooms are written as maps, one below the other");
	return cx_loader_problem(w->loader, &place, hint, err, "unknown setting \"%s\"", whole);
}

/* Applies the entries of a mapping; prefix is "" or "pool.". */
static cdbc_status walk(const walker *w, const cx_yaml *map, const char *prefix, cdbc_error **err)
{
	const cx_option_set *set = w->loader->config->set;
	cdbc_status status = CDBC_OK;
	char key[KEY_MAX];
	size_t index;

	for (const cx_yaml *n = map->first; n && status == CDBC_OK; n = n->next) {
		snprintf(key, sizeof key, "%s%s", prefix, n->key);
		if (!prefix[0] &&
			(strcmp(n->key, ENVIRONMENTS) == 0 || strcmp(n->key, DEFAULT_ENVIRONMENT) == 0))
			status = w->layer == CX_LAYER_FILE ? CDBC_OK : unknown_key(w, n, prefix, key, err);
		else if (strchr(n->key, '.'))
			status = unknown_key(w, n, prefix, key, err);
		else if (cx_option_find(set, key, &index))
			status = apply_node(w, n, index, err);
		else if (!is_room(set, key))
			status = unknown_key(w, n, prefix, key, err);
		else if (n->kind == CX_YAML_MAPPING) {
			snprintf(key, sizeof key, "%s%s.", prefix, n->key);
			status = walk(w, n, key, err);
		} else if (n->kind != CX_YAML_NULL) {
			status = wrong_kind(w, n, key, "a map", err);
		}
	}
	return status;
}

static const cx_yaml *find_entry(const cx_yaml *map, const char *key)
{
	for (const cx_yaml *n = map && map->kind == CX_YAML_MAPPING ? map->first : NULL; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

static cdbc_status unknown_environment(const walker *w, const cx_yaml *environments,
									   const char *name, const cx_yaml *by, cdbc_error **err)
{
	const char *names[NAMES_MAX] = {NULL}, *nearest;
	char hint[256] = "the file has no environments";
	cx_place place = {.file = w->loader->config->path, .prefix = w->loader->config->path};
	cdbc_status status = CDBC_OK;
	size_t count = 0, at = 0;

	for (const cx_yaml *n = environments ? environments->first : NULL; n && count < NAMES_MAX;
		 n = n->next)
		names[count++] = n->key;
	nearest = cx_text_nearest(name, names, count);
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean \"%s\"?", nearest);
	for (size_t i = 0; i < count && !nearest && at < sizeof hint - 1; i++)
		at += (size_t)snprintf(hint + at, sizeof hint - at, "%s%s",
							   i ? ", " : "the file has: ", names[i]);
	if (by)
		status = place_at(w, by->line, by->column, &place, err);
	return status ? status
				  : cx_loader_problem(w->loader, &place, hint, err,
									  "no environment is called \"%s\"", name);
}

/* Checks all environments and applies the one called name (NULL: none). */
static cdbc_status walk_environments(walker *w, const cx_yaml *environments, const char *name,
									 cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	w->layer = CX_LAYER_FILE_ENVIRONMENT;
	for (const cx_yaml *n = environments->first; n && status == CDBC_OK; n = n->next) {
		w->loader->is_dry = !name || strcmp(n->key, name) != 0;
		if (n->kind == CX_YAML_MAPPING)
			status = walk(w, n, "", err);
		else if (n->kind != CX_YAML_NULL)
			status = wrong_kind(w, n, n->key, "a map", err);
		w->loader->is_dry = false;
	}
	return status;
}

static cdbc_status walk_file(walker *w, const cx_yaml *root, const char *environment, bool is_asked,
							 cdbc_error **err)
{
	const cx_yaml *environments = find_entry(root, ENVIRONMENTS), *by = NULL;
	cdbc_status status;

	if (root->kind != CX_YAML_MAPPING)
		return wrong_kind(w, root, "the file", "a map", err);
	status = walk(w, root, "", err);
	if (status)
		return status;
	if (environments && environments->kind != CX_YAML_MAPPING && environments->kind != CX_YAML_NULL)
		return wrong_kind(w, environments, ENVIRONMENTS, "a map", err);
	by = is_asked ? NULL : find_entry(root, DEFAULT_ENVIRONMENT);
	if (by && by->kind == CX_YAML_SCALAR)
		environment = by->text;
	else if (by && by->kind != CX_YAML_NULL)
		status = wrong_kind(w, by, DEFAULT_ENVIRONMENT, "a single value", err);
	if (status == CDBC_OK && environment && !find_entry(environments, environment))
		status = unknown_environment(w, environments, environment, by, err);
	else if (status == CDBC_OK && environment) {
		w->loader->config->environment = cx_arena_strdup(&w->loader->config->arena, environment);
		if (!w->loader->config->environment)
			status = cx_error_nomem(err);
	}
	if (status == CDBC_OK && environments)
		status = walk_environments(w, environments, environment, err);
	return status;
}

static cdbc_status parse_file(walker *w, const char *environment, bool is_asked, cdbc_error **err)
{
	cx_loader *loader = w->loader;
	cx_arena arena = CX_ARENA_INIT;
	cx_yaml_problem problem;
	cx_yaml *root = NULL;
	cdbc_status status =
		cx_yaml_read(loader->file_text, loader->file_length, &arena, &root, &problem);
	cx_place place;

	if (status == CDBC_NOMEM) {
		status = cx_error_nomem(err);
	} else if (status) {
		status = place_at(w, problem.line, problem.column, &place, err);
		if (status == CDBC_OK)
			status = cx_loader_problem(loader, &place, "", err, "%s", problem.text);
	} else if (root && root->kind != CX_YAML_NULL) {
		status = walk_file(w, root, environment, is_asked, err);
	} else if (is_asked) {
		status = unknown_environment(w, NULL, environment, NULL, err);
	}
	cx_yaml_wipe(root);
	cx_arena_free(&arena);
	return status;
}

cdbc_status cx_loader_file(cx_loader *loader, const char *path, const char *environment,
						   bool is_environment_asked, cdbc_error **err)
{
	walker w = {.loader = loader, .layer = CX_LAYER_FILE};
	cx_arena *arena = &loader->config->arena;
	const char *slash = strrchr(path, '/');
	cdbc_status status;

	loader->config->path = cx_arena_strdup(arena, path);
	w.folder = !slash          ? ""
			   : slash == path ? "/"
							   : cx_arena_strndup(arena, path, (size_t)(slash - path));
	if (!loader->config->path || !w.folder)
		return cx_error_nomem(err);
	status = cx_config_read_file(path, CX_YAML_BYTES_MAX, false, &loader->file_text,
								 &loader->file_length, err);
	if (status)
		return status;
	status = parse_file(&w, environment, is_environment_asked, err);
	cx_wipe(loader->file_text, loader->file_length);
	cx_free(loader->file_text);
	loader->file_text = NULL;
	return status;
}
