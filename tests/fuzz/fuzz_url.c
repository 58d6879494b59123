// SPDX-License-Identifier: Apache-2.0
/* Any text as a URL: it loads or is refused, a password that the parser finds is one that
 * cdbc_url_has_password finds, and no part that is shown has it. */
#include "base/buf.h"
#include "infra/config/url.h"
#include "service/options.h"
#include "must.h"

#include <stdlib.h>
#include <string.h>

static void use_config(const cdbc_config *config, const char *text)
{
	const cx_secret *password = cx_config_secret(config, "database.password");
	cx_settings_storage settings;
	const char *shown;
	cdbc_error *err = NULL;

	MUST(cdbc_config_get(config, "database.url", &shown, NULL) == CDBC_OK && shown);
	if (password && *cx_secret_reveal(password))
		MUST(cdbc_url_has_password(text) && strstr(shown, "***"));
	if (cx_options_settings(config, &settings, &err)) {
		MUST(err);
		cdbc_error_free(err);
	} else {
		cx_options_settings_fini(&settings);
	}
}

/* What is masked once has nothing more to mask, but for the stars. */
static void use_mask(const char *text)
{
	cx_buf once = CX_BUF_INIT(1 << 24);

	cx_url_mask(text, &once);
	MUST(!once.is_nomem && !once.is_over);
	if (!cdbc_url_has_password(text))
		MUST(strcmp(once.data ? once.data : "", text) == 0);
	cx_buf_free(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const variables[] = {NULL};
	cdbc_config_options options = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;
	char *text = malloc(size + 1);
	cdbc_status status;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	use_mask(text);
	options.url = text;
	options.environ_list = variables;
	status = cdbc_config_load(&options, &config, &err);
	MUST(status == CDBC_OK || status == CDBC_CONFIG);
	if (config)
		use_config(config, text);
	cdbc_error_free(err);
	cdbc_config_free(config);
	free(text);
	return 0;
}
