// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a configuration file: loading and checking agree whether it is well, and what loads
 * can be read. Every environment of a well file loads or fails cleanly; a second reading finds the
 * same. */
#include "service/options.h"
#include "must.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libfyaml 0.7.12 loses the list of pieces of a quoted scalar with many escapes. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml";
}

static void use_report(void *data, const cdbc_diagnostic *d)
{
	size_t *total = data;

	*total += strlen(d->file) + strlen(d->message) + strlen(d->hint) + strlen(d->line_text) + 1;
	MUST(d->line >= 0 && d->column >= 0);
}

static void use_entry(void *data, const cdbc_config_entry *entry)
{
	const char *text;

	MUST(cdbc_config_get(data, entry->key, &text, NULL) == CDBC_OK);
	MUST((text == NULL) == (entry->value == NULL));
	MUST(!entry->is_secret || !text || strcmp(text, "***") == 0);
}

static void use_options(const cdbc_config *config)
{
	cx_settings_storage settings;
	cx_pool_options pool;
	cdbc_error *err = NULL;

	if (cx_options_pool(config, &pool, &err)) {
		MUST(err);
		cdbc_error_free(err);
		err = NULL;
	}
	if (cx_options_settings(config, &settings, &err)) {
		MUST(err);
		cdbc_error_free(err);
	} else {
		cx_options_settings_fini(&settings);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const variables[] = {NULL};
	cdbc_config_options options = CDBC_CONFIG_OPTIONS_INIT;
	int fd = memfd_create("config", 0);
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;
	size_t total = 0, count = 0;
	cdbc_status status;
	char path[64];

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	options.path = path;
	options.environ_list = variables;
	status = cdbc_config_load(&options, &config, &err);
	MUST(status == CDBC_OK || status == CDBC_CONFIG || status == CDBC_IO);
	MUST((status == CDBC_OK) == (err == NULL) && (status == CDBC_OK) == (config != NULL));
	if (config) {
		cdbc_config_each(config, use_entry, config);
		use_options(config);
	}
	if (status != CDBC_IO) {
		MUST(cdbc_config_check(&options, use_report, &total, &count, NULL) == CDBC_OK);
		MUST((count == 0) == (status == CDBC_OK) && (total == 0) == (count == 0));
	}
	cdbc_error_free(err);
	cdbc_config_free(config);
	close(fd);
	return 0;
}
