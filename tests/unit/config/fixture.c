// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cdbc-config-XXXXXX";

int fixture_setup(void **state)
{
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

int fixture_teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

void write_file(const char *name, const char *text, int mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, (mode_t)mode), 0);
	close(fd);
}

static size_t item_count(const cdbc_config_item *items)
{
	size_t n = 0;

	while (n < 4 && items[n].key)
		n++;
	return n;
}

cdbc_config_options given_options(const given *g)
{
	cdbc_config_options o = CDBC_CONFIG_OPTIONS_INIT;

	o.path = g->path;
	o.environment = g->environment;
	o.url = g->url;
	o.find_file = g->find_file;
	o.environ_list = g->variables;
	o.command_line = g->command_line;
	o.command_line_count = item_count(g->command_line);
	o.items = g->items;
	o.item_count = item_count(g->items);
	return o;
}

cdbc_config *must_load(const given *g)
{
	cdbc_config_options o = given_options(g);
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;

	if (cdbc_config_load(&o, &config, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_null(err);
	return config;
}

static void same_text(const char *found, const char *wanted)
{
	if (!wanted || !found) {
		if (found != wanted)
			fail_msg("\"%s\" is not \"%s\"", found ? found : "(none)", wanted ? wanted : "(none)");
		return;
	}
	assert_string_equal(found, wanted);
}

void must_fail(const given *g, cdbc_status status, const char *message, const char *hint)
{
	cdbc_config_options o = given_options(g);
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;

	assert_int_equal(cdbc_config_load(&o, &config, &err), status);
	assert_null(config);
	assert_non_null(err);
	assert_string_equal(cdbc_error_message(err), message);
	same_text(cdbc_error_field(err, CDBC_FIELD_HINT), hint);
	assert_int_equal(cdbc_error_status(err), status);
	cdbc_error_free(err);
	assert_int_equal(cdbc_config_load(&o, &config, NULL), status);
}

void file_must_fail(const char *text, const char *message, const char *hint)
{
	given g = {.path = "t.yaml"};

	write_file("t.yaml", text, 0644);
	must_fail(&g, CDBC_CONFIG, message, hint);
}

typedef struct wanted_entry {
	const char *key;
	const char *value;
	const char *origin;
	bool is_found;
} wanted_entry;

static void compare_entry(void *data, const cdbc_config_entry *entry)
{
	wanted_entry *w = data;

	if (strcmp(entry->key, w->key) != 0)
		return;
	w->is_found = true;
	same_text(entry->value, w->value);
	if (w->origin)
		assert_string_equal(entry->origin, w->origin);
}

void assert_setting(const cdbc_config *config, const char *key, const char *value,
					const char *origin)
{
	wanted_entry w = {key, value, origin, false};
	const char *text = "untouched";

	cdbc_config_each(config, compare_entry, &w);
	assert_true(w.is_found);
	assert_int_equal(cdbc_config_get(config, key, &text, NULL), CDBC_OK);
	same_text(text, value);
}
