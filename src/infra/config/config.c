// SPDX-License-Identifier: Apache-2.0
/* The loaded configuration: reading it. How it came to be is load.c's matter. */
#include "infra/config/config.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "infra/config/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CANDIDATES_MAX 256

bool cx_option_find(const cx_option_set *set, const char *key, size_t *index)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->rows[i].key, key) == 0) {
			*index = i;
			return true;
		}
	return false;
}

void cx_option_nearest(const cx_option_set *set, const char *key, char *hint, size_t hint_size)
{
	const char *keys[CANDIDATES_MAX] = {NULL}, *nearest;
	size_t count = set->count < CANDIDATES_MAX ? set->count : CANDIDATES_MAX;

	hint[0] = '\0';
	for (size_t i = 0; i < count; i++)
		keys[i] = set->rows[i].key;
	nearest = cx_text_nearest(key, keys, count);
	/* a key without its room: max_size */
	for (size_t i = 0; i < count && !nearest; i++) {
		const char *dot = strrchr(keys[i], '.');

		if (dot && strcmp(dot + 1, key) == 0)
			nearest = keys[i];
	}
	if (nearest)
		snprintf(hint, hint_size, "did you mean \"%s\"?", nearest);
}

static const cx_config_value *find_value(const cdbc_config *config, const char *key)
{
	size_t index;

	if (!cx_option_find(config->set, key, &index) || !config->values[index].is_set)
		return NULL;
	return &config->values[index];
}

bool cx_config_is_set(const cdbc_config *config, const char *key)
{
	return find_value(config, key) != NULL;
}

bool cx_config_is_given(const cdbc_config *config, const char *key)
{
	const cx_config_value *v = find_value(config, key);

	return v && v->place.layer > CX_LAYER_BUILT_IN;
}

const char *cx_config_text(const cdbc_config *config, const char *key)
{
	const cx_config_value *v = find_value(config, key);

	return v ? v->text : NULL;
}

int64_t cx_config_number(const cdbc_config *config, const char *key, int64_t otherwise)
{
	const cx_config_value *v = find_value(config, key);

	return v ? v->number : otherwise;
}

const cx_secret *cx_config_secret(const cdbc_config *config, const char *key)
{
	const cx_config_value *v = find_value(config, key);

	return v && cx_secret_is_set(&v->secret) ? &v->secret : NULL;
}

const char *const *cx_config_list(const cdbc_config *config, const char *key, size_t *count)
{
	const cx_config_value *v = find_value(config, key);

	*count = v ? v->count : 0;
	return v ? (const char *const *)v->items : NULL;
}

const char *const *cx_config_map_names(const cdbc_config *config, const char *key, size_t *count)
{
	const cx_config_value *v = find_value(config, key);

	*count = v ? v->count : 0;
	return v ? (const char *const *)v->names : NULL;
}

const char *cx_config_origin(const cdbc_config *config, const char *key)
{
	const cx_config_value *v = find_value(config, key);

	return v ? v->place.origin : "built-in";
}

const char *cx_config_path(const cdbc_config *config)
{
	return config->path;
}

const char *cx_config_environment(const cdbc_config *config)
{
	return config->environment;
}

const char *cdbc_config_environment(const cdbc_config *config)
{
	return config->environment;
}

const cx_option_set *cx_config_set(const cdbc_config *config)
{
	return config->set;
}

cdbc_status cx_config_complain(const cdbc_config *config, const char *key, cdbc_error **err,
							   const char *format, ...)
{
	const cx_config_value *v = find_value(config, key);
	cdbc_status status;
	va_list args;

	va_start(args, format);
	status = cx_error_setv(err, CDBC_CONFIG, format, args);
	va_end(args);
	cx_error_wrap(err, "%s", key);
	if (v && v->place.prefix) {
		cx_error_wrap(err, "%s", v->place.prefix);
		cx_error_place(err, v->place.file, v->place.line, v->place.column);
	}
	return status;
}

static const char *shown(const cx_option *row, const cx_config_value *value)
{
	if (!value->is_set)
		return NULL;
	return row->type == CX_OPTION_SECRET ? "***" : value->text;
}

cdbc_status cdbc_config_get(const cdbc_config *config, const char *key, const char **out,
							cdbc_error **err)
{
	char hint[256];
	cdbc_status status;
	size_t index;

	if (cx_option_find(config->set, key, &index)) {
		*out = shown(&config->set->rows[index], &config->values[index]);
		return CDBC_OK;
	}
	status = cx_error_set(err, CDBC_NOT_FOUND, "no setting is called \"%s\"", key);
	cx_option_nearest(config->set, key, hint, sizeof hint);
	if (hint[0])
		cx_error_hint(err, "%s", hint);
	return status;
}

void cdbc_config_each(const cdbc_config *config,
					  void (*visit)(void *data, const cdbc_config_entry *entry), void *data)
{
	for (size_t i = 0; i < config->set->count; i++) {
		const cx_option *row = &config->set->rows[i];
		const cx_config_value *v = &config->values[i];
		cdbc_config_entry entry = {
			.key = row->key,
			.value = shown(row, v),
			.origin = v->place.origin ? v->place.origin : "built-in",
			.help = row->help,
			.is_secret = row->type == CX_OPTION_SECRET,
		};

		visit(data, &entry);
	}
}

void cdbc_config_free(cdbc_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; config->values && i < config->set->count; i++)
		cx_secret_release(&config->values[i].secret);
	cx_arena_free(&config->arena);
	cx_free(config);
}
