// SPDX-License-Identifier: Apache-2.0
/* The tables put together, and what is computed from several settings: scheme, port, sslmode,
 * gssencmode. */
#include "service/options.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SETTING_MAX (1u << 20)

static const cx_option rows[] = {
#define OPTION(key, type, initial, min, max, choices, flags, variable, setting, help) \
	{key, CX_OPTION_##type, initial, min, max, choices, flags, variable, setting, help},
#include "service/options.def"
#include "infra/pool/options.def"
#undef OPTION
};

/* ---- what is computed, and what must hold ---- */

static const char *scheme_of(const cdbc_config *config)
{
	const char *scheme = cx_config_text(config, "database.scheme");

	if (scheme)
		return scheme;
	return cx_config_is_set(config, "database.path") && !cx_config_is_set(config, "database.host")
			   ? "sqlite"
			   : "postgresql";
}

static bool is_wire(const char *scheme)
{
	return strcmp(scheme, "postgresql") == 0 || strcmp(scheme, "postgres") == 0 ||
		   strcmp(scheme, "cockroachdb") == 0;
}

/* This machine: a Unix socket or the loopback interface. A name that only begins like one is none.
 */
static bool is_local(const char *host)
{
	unsigned char address[16];

	if (host[0] == '/' || host[0] == '@' || strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, address) == 1)
		return address[0] == 127;
	return inet_pton(AF_INET6, host, address) == 1 && memcmp(address, &in6addr_loopback, 16) == 0;
}

/* No host at all is libpq's Unix socket, unless an address or a service file says another. */
static bool all_local(const cdbc_config *config)
{
	static const char *const keys[] = {"database.host", "database.hostaddr"};

	for (size_t k = 0; k < 2; k++) {
		size_t count;
		const char *const *hosts = cx_config_list(config, keys[k], &count);

		for (size_t i = 0; i < count; i++)
			if (!is_local(hosts[i]))
				return false;
	}
	return !cx_config_is_set(config, "database.service");
}

static cdbc_status check_hosts(const cdbc_config *config, cdbc_error **err)
{
	size_t hosts, addresses, ports;

	cx_config_list(config, "database.host", &hosts);
	cx_config_list(config, "database.hostaddr", &addresses);
	cx_config_list(config, "database.port", &ports);
	if (hosts && addresses && hosts != addresses)
		return cx_config_complain(config, "database.hostaddr", err, "%zu addresses for %zu hosts",
								  addresses, hosts);
	hosts = hosts ? hosts : addresses ? addresses : 1;
	if (ports > 1 && ports != hosts)
		return cx_config_complain(config, "database.port", err, "%zu ports for %zu hosts", ports,
								  hosts);
	return CDBC_OK;
}

static cdbc_status check_sizes(const cdbc_config *config, cdbc_error **err)
{
	int64_t min = cx_config_number(config, "pool.min_size", 0),
			max = cx_config_number(config, "pool.max_size", 1);

	if (min <= max)
		return CDBC_OK;
	return cx_config_complain(config, "pool.min_size", err,
							  "%lld is more than pool.max_size, which is %lld (%s)", (long long)min,
							  (long long)max, cx_config_origin(config, "pool.max_size"));
}

static cdbc_status derive(cdbc_config *config, cdbc_error **err)
{
	bool is_cockroach = strcmp(scheme_of(config), "cockroachdb") == 0;
	cdbc_status status = cx_config_derive(config, "database.scheme", scheme_of(config), err);

	if (status == CDBC_OK)
		status = check_sizes(config, err);
	if (status || !is_wire(scheme_of(config)))
		return status;
	if (is_cockroach && !cx_config_is_set(config, "database.hostaddr"))
		status = cx_config_derive(config, "database.host", "localhost", err);
	if (status == CDBC_OK)
		status = cx_config_derive(config, "database.port", is_cockroach ? "26257" : "5432", err);
	if (status == CDBC_OK)
		status = cx_config_derive(config, "database.sslmode",
								  all_local(config) ? "prefer" : "verify-full", err);
	if (status == CDBC_OK)
		status = cx_config_derive(config, "database.gssencmode",
								  is_cockroach ? "disable" : "prefer", err);
	return status ? status : check_hosts(config, err);
}

const cx_option_set *cx_options_set(void)
{
	static const cx_option_set set = {rows, sizeof rows / sizeof *rows, derive};

	return &set;
}

cdbc_status cdbc_config_load(const cdbc_config_options *options, cdbc_config **out,
							 cdbc_error **err)
{
	return cx_config_load(cx_options_set(), options, out, err);
}

cdbc_status cdbc_config_check(const cdbc_config_options *options,
							  void (*report)(void *data, const cdbc_diagnostic *diagnostic),
							  void *data, size_t *error_count, cdbc_error **err)
{
	return cx_config_check(cx_options_set(), options, report, data, error_count, err);
}

/* ---- the rooms' structs ---- */

/* A duration as a room takes it. */
static int64_t duration(const cdbc_config *config, const char *key, int64_t never)
{
	int64_t ms = cx_config_number(config, key, CX_OPTION_IS_NEVER);

	return ms == CX_OPTION_IS_NEVER ? never : ms;
}

cdbc_status cx_options_pool(const cdbc_config *config, cx_pool_options *out, cdbc_error **err)
{
	*out = (cx_pool_options){
		.name = cx_config_text(config, "pool.name"),
		.min_size = cx_config_number(config, "pool.min_size", 0),
		.max_size = cx_config_number(config, "pool.max_size", 1),
		.acquire_timeout_ms = duration(config, "pool.acquire_timeout", CDBC_FOREVER),
		.connect_timeout_ms = duration(config, "database.connect_timeout", CDBC_FOREVER),
		.idle_timeout_ms = duration(config, "pool.idle_timeout", 0),
		.lifetime_ms = duration(config, "pool.lifetime", 0),
		.jitter_pct = cx_config_number(config, "pool.jitter", 0),
		.check_idle_ms = duration(config, "pool.check_idle", -1),
		.max_waiters_per_slot = cx_config_number(config, "pool.max_waiters_per_slot", 0),
		.max_opens_per_s = cx_config_number(config, "pool.max_opens_per_second", 0),
		.leak_warn_ms = duration(config, "pool.leak_warning", 0),
	};

	(void)err;
	return CDBC_OK;
}

int64_t cx_options_tx_idle_ns(const cdbc_config *config)
{
	int64_t idle_ms = cx_config_number(config, "transaction.idle_timeout", CX_OPTION_IS_NEVER);

	return idle_ms == CX_OPTION_IS_NEVER ? CX_NEVER : idle_ms * CX_NS_PER_MS;
}

cdbc_status cx_options_results(const cdbc_config *config, cx_result_options *out,
							   int64_t *timeout_ms, cdbc_error **err)
{
	(void)err;
	*out = (cx_result_options){
		.numeric =
			(cdbc_numeric_mode)cx_config_number(config, "results.numeric", CDBC_NUMERIC_AUTO),
		.arrays = (cdbc_arrays_mode)cx_config_number(config, "results.arrays", CDBC_ARRAYS_LIST),
		.batch_rows = cx_config_number(config, "results.batch_rows", 0),
		.batch_bytes = cx_config_number(config, "results.batch_bytes", 0),
		.batch_ns = cx_config_number(config, "results.batch_time", 0) * CX_NS_PER_MS,
	};
	*timeout_ms = duration(config, "database.timeout", CDBC_FOREVER);
	return CDBC_OK;
}

cdbc_status cx_options_queries(const cdbc_config *config, cx_query_options *out, cdbc_error **err)
{
	size_t own_count = 0, sqlc_count = 0;
	const char *const *own = cx_config_list(config, "queries.folders", &own_count);
	const char *const *sqlc = cx_config_list(config, "queries.sqlc_folders", &sqlc_count);
	const char **folders = cx_calloc(own_count + sqlc_count + 1, sizeof *folders);

	if (!folders)
		return cx_error_nomem(err);
	for (size_t i = 0; i < own_count + sqlc_count; i++)
		folders[i] = i < own_count ? own[i] : sqlc[i - own_count];
	out->folders = folders;
	out->folder_count = own_count + sqlc_count;
	out->sqlc_count =
		cx_config_number(config, "queries.style", 0) == 0 ? sqlc_count : out->folder_count;
	out->reload = (cx_reload_mode)cx_config_number(config, "queries.reload", CX_RELOAD_OFF);
	out->reload_delay_ns = cx_config_number(config, "queries.reload_delay", 0) * CX_NS_PER_MS;
	out->reload_interval_ns =
		cx_config_number(config, "queries.reload_interval", 1000) * CX_NS_PER_MS;
	return CDBC_OK;
}

void cx_options_queries_fini(cx_query_options *queries)
{
	cx_free(queries->folders);
	*queries = (cx_query_options){.folders = NULL};
}

cdbc_status cx_options_retry(const cdbc_config *config, cx_retry_options *out, cdbc_error **err)
{
	(void)err;
	*out = (cx_retry_options){
		.is_enabled = cx_config_number(config, "retry.enabled", 1),
		.max_retries = cx_config_number(config, "retry.max_retries", 0),
		.conflict_first_ns = cx_config_number(config, "retry.conflict_first", 1) * CX_NS_PER_MS,
		.conflict_max_ns = cx_config_number(config, "retry.conflict_max", 1) * CX_NS_PER_MS,
		.lost_first_ns = cx_config_number(config, "retry.lost_first", 1) * CX_NS_PER_MS,
		.lost_max_ns = cx_config_number(config, "retry.lost_max", 1) * CX_NS_PER_MS,
		.budget_pct = cx_config_number(config, "retry.budget", 0),
	};
	return CDBC_OK;
}

cdbc_status cx_options_resolver(const cdbc_config *config, cx_resolver_options *out,
								cdbc_error **err)
{
	const char *table = cx_config_text(config, "resolver.table");
	int parts = 1;

	for (const char *at = table; *at; at++) {
		if (*at != '.')
			continue;
		if (++parts > 3 || at == table || at[1] == '.' || !at[1])
			return cx_config_complain(config, "resolver.table", err, "\"%s\" is no table's name",
									  table);
	}
	*out = (cx_resolver_options){
		.is_enabled = cx_config_number(config, "resolver.enabled", 0),
		.table = table,
		.timeout_ms = duration(config, "resolver.timeout", CDBC_FOREVER),
		.keep_ms = duration(config, "resolver.keep", CDBC_FOREVER),
	};
	return CDBC_OK;
}

cdbc_status cx_options_breaker(const cdbc_config *config, cx_breaker_options *out, cdbc_error **err)
{
	int64_t slow_ms = duration(config, "breaker.slow_call", CDBC_FOREVER);

	(void)err;
	*out = (cx_breaker_options){
		.is_enabled = cx_config_number(config, "breaker.enabled", 0),
		.window_ns = cx_config_number(config, "breaker.window", 1) * CX_NS_PER_MS,
		.min_calls = cx_config_number(config, "breaker.min_calls", 1),
		.failure_pct = cx_config_number(config, "breaker.failure_rate", 100),
		.slow_ns = slow_ms == CDBC_FOREVER ? CX_NEVER : slow_ms * CX_NS_PER_MS,
		.slow_pct = cx_config_number(config, "breaker.slow_rate", 100),
		.open_first_ns = cx_config_number(config, "breaker.open_first", 1) * CX_NS_PER_MS,
		.open_max_ns = cx_config_number(config, "breaker.open_max", 1) * CX_NS_PER_MS,
		.half_open_calls = cx_config_number(config, "breaker.half_open_calls", 1),
		.lease_ns = cx_config_number(config, "breaker.lease", 1) * CX_NS_PER_MS,
	};
	if (out->open_max_ns < out->open_first_ns)
		return cx_config_complain(config, "breaker.open_max", err,
								  "it is less than breaker.open_first");
	return CDBC_OK;
}

void cx_options_observe(const cdbc_config *config, cx_observe_options *out)
{
	int64_t slow_ms = duration(config, "log.slow", CDBC_FOREVER);

	*out = (cx_observe_options){
		.log = {.target = (cx_sink_kind)cx_config_number(config, "log.target", CX_SINK_OFF),
				.path = cx_config_text(config, "log.path"),
				.format = (cx_line_format)cx_config_number(config, "log.format", CX_LINE_JSON),
				.level = (cx_log_level)cx_config_number(config, "log.level", CX_LOG_INFO),
				.slow_ns = slow_ms == CDBC_FOREVER ? INT64_MAX : slow_ms * CX_NS_PER_MS,
				.has_values = cx_config_number(config, "log.values", 0)},
		.has_stats = cx_config_number(config, "stats.enabled", 0),
		.max_queries = cx_config_number(config, "stats.max_queries", 1),
	};
}

cdbc_status cx_options_cache(const cdbc_config *config, cx_cache_options *out, cdbc_error **err)
{
	*out = (cx_cache_options){
		.is_enabled = cx_config_number(config, "cache.enabled", 1),
		.max_bytes = cx_config_number(config, "cache.max_bytes", 0),
		.max_entry_bytes = cx_config_number(config, "cache.max_entry_bytes", 0),
	};
	if (out->max_entry_bytes > out->max_bytes)
		return cx_config_complain(config, "cache.max_entry_bytes", err,
								  "it is more than cache.max_bytes");
	return CDBC_OK;
}

size_t cx_options_helper_threads(const cdbc_config *config)
{
	return (size_t)cx_config_number(config, "helpers.threads", 1);
}

/* ---- settings of the driver ---- */

/* Takes over value, also on failure. */
static cdbc_status add_taken(cx_settings_storage *out, const char *name, char *value,
							 cdbc_error **err)
{
	char *copy = cx_strdup(name);

	if (!copy || !value ||
		!cx_grow(&out->items, out->settings.count, &out->capacity, sizeof *out->items)) {
		cx_free(copy);
		if (value)
			cx_wipe(value, strlen(value));
		cx_free(value);
		return cx_error_nomem(err);
	}
	out->items[out->settings.count++] = (cdbc_setting){copy, value};
	out->settings.items = out->items;
	return CDBC_OK;
}

static cdbc_status add(cx_settings_storage *out, const char *name, const char *value,
					   cdbc_error **err)
{
	return add_taken(out, name, cx_strdup(value), err);
}

static cdbc_status add_list(cx_settings_storage *out, const char *name, const char *const *items,
							size_t count, cdbc_error **err)
{
	cx_buf joined = CX_BUF_INIT(SETTING_MAX);
	cdbc_status status;

	for (size_t i = 0; i < count; i++) {
		if (i)
			cx_buf_putc(&joined, ',');
		cx_buf_puts(&joined, items[i]);
	}
	status = cx_buf_status(&joined, name, err);
	if (status == CDBC_OK)
		return add_taken(out, name, cx_buf_take(&joined), err);
	cx_buf_free(&joined);
	return status;
}

/* A duration in libpq's units, rounded up so that a short one does not become "none". */
static cdbc_status add_duration(cx_settings_storage *out, const cx_option *row, int64_t ms,
								cdbc_error **err)
{
	char text[32];

	if (ms == CX_OPTION_IS_NEVER)
		ms = 0;
	snprintf(text, sizeof text, "%lld",
			 (long long)(row->flags & CX_OPTION_LIBPQ_MS ? ms : (ms + 999) / 1000));
	return add(out, row->setting, text, err);
}

static cdbc_status add_row(const cdbc_config *config, const cx_option *row,
						   cx_settings_storage *out, cdbc_error **err)
{
	const cx_secret *secret;
	const char *const *items;
	size_t count;

	if (!cx_config_is_set(config, row->key))
		return CDBC_OK;
	switch (row->type) {
	case CX_OPTION_SECRET:
		secret = cx_config_secret(config, row->key);
		return secret ? add(out, row->setting, cx_secret_reveal(secret), err) : CDBC_OK;
	case CX_OPTION_DURATION:
		return add_duration(out, row, cx_config_number(config, row->key, 0), err);
	case CX_OPTION_BOOL:
		return add(out, row->setting, cx_config_number(config, row->key, 0) ? "1" : "0", err);
	default:
		if (!(row->flags & CX_OPTION_LIST))
			return add(out, row->setting, cx_config_text(config, row->key), err);
		items = cx_config_list(config, row->key, &count);
		return add_list(out, row->setting, items, count, err);
	}
}

static cdbc_status add_rows(const cdbc_config *config, unsigned flag, cx_settings_storage *out,
							cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; i < sizeof rows / sizeof *rows && status == CDBC_OK; i++) {
		/* the opening has our deadline; libpq's own timeout would be a second opinion */
		if (!rows[i].setting || !(rows[i].flags & flag) || strcmp(rows[i].setting, "scheme") == 0 ||
			strcmp(rows[i].setting, "connect_timeout") == 0)
			continue;
		status = add_row(config, &rows[i], out, err);
	}
	return status;
}

/* One of the drivers that are not built in: its URL, and what was said beside it. */
static cdbc_status add_other(const cdbc_config *config, cx_settings_storage *out, cdbc_error **err)
{
	const cx_secret *url = cx_config_secret(config, "database.url"),
					*password = cx_config_secret(config, "database.password");
	const char *user = cx_config_text(config, "database.user");
	cdbc_status status = CDBC_OK;

	if (url)
		status = add(out, "url", cx_secret_reveal(url), err);
	if (status == CDBC_OK && user)
		status = add(out, "user", user, err);
	if (status == CDBC_OK && password)
		status = add(out, "password", cx_secret_reveal(password), err);
	return status;
}

static cdbc_status add_session_settings(const cdbc_config *config, cx_settings_storage *out,
										cdbc_error **err)
{
	size_t count;
	const char *const *names = cx_config_map_names(config, "database.settings", &count);
	const char *const *values = cx_config_list(config, "database.settings", &count);
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; i < count && status == CDBC_OK; i++) {
		char *name = NULL;
		cx_buf text = CX_BUF_INIT(SETTING_MAX);

		cx_buf_puts(&text, "set.");
		cx_buf_puts(&text, names[i]);
		status = cx_buf_status(&text, "database.settings", err);
		if (status == CDBC_OK)
			name = cx_buf_take(&text);
		cx_buf_free(&text);
		if (name)
			status = add(out, name, values[i], err);
		cx_free(name);
	}
	return status;
}

/* The limits that the server keeps by itself. What database.settings says goes first. */
static cdbc_status add_limits(const cdbc_config *config, cx_settings_storage *out, cdbc_error **err)
{
	static const struct {
		const char *key, *setting;
	} limits[] = {
		{"database.statement_timeout", "set.statement_timeout"},
		{"transaction.idle_timeout", "set.idle_in_transaction_session_timeout"},
	};
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < sizeof limits / sizeof *limits; i++) {
		int64_t limit_ms = cx_config_number(config, limits[i].key, CX_OPTION_IS_NEVER);
		char text[32];

		if (limit_ms == CX_OPTION_IS_NEVER || cdbc_settings_find(&out->settings, limits[i].setting))
			continue;
		snprintf(text, sizeof text, "%lld", (long long)limit_ms);
		status = add(out, limits[i].setting, text, err);
	}
	return status;
}

static bool is_database_given(const cdbc_config *config)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((rows[i].flags & CX_OPTION_TARGET || rows[i].type == CX_OPTION_URL) &&
			cx_config_is_given(config, rows[i].key) && rows[i].type != CX_OPTION_SECRET &&
			rows[i].type != CX_OPTION_SECRET_FILE && strcmp(rows[i].key, "database.sslmode") != 0 &&
			strcmp(rows[i].key, "database.mode") != 0)
			return true;
	return false;
}

static cdbc_status no_database(cdbc_error **err)
{
	cdbc_status status = cx_error_set(err, CDBC_CONFIG, "no database is given");

	cx_error_hint(err, "give a URL (-d, CDBC_URL), or database.url in a configuration file");
	return status;
}

cdbc_status cx_options_settings(const cdbc_config *config, cx_settings_storage *out,
								cdbc_error **err)
{
	cx_settings_storage made = {.settings = {.struct_size = sizeof made.settings}};
	const char *scheme = scheme_of(config);
	cdbc_status status = CDBC_OK;

	if (!is_database_given(config))
		return no_database(err);
	made.settings.scheme = cx_strdup(scheme);
	if (!made.settings.scheme)
		return cx_error_nomem(err);
	if (is_wire(scheme)) {
		status = add_rows(config, CX_OPTION_WIRE, &made, err);
	} else if (strcmp(scheme, "sqlite") == 0) {
		if (!cx_config_is_set(config, "database.path"))
			status = cx_config_complain(config, "database.path", err, "sqlite needs one");
		else
			status = add_rows(config, CX_OPTION_EMBEDDED, &made, err);
		if (status == CDBC_OK && cx_config_is_set(config, "database.prepared_statements"))
			status = add(&made, "statements",
						 cx_config_text(config, "database.prepared_statements"), err);
	} else {
		status = add_other(config, &made, err);
	}
	if (status == CDBC_OK)
		status = add_session_settings(config, &made, err);
	if (status == CDBC_OK && is_wire(scheme))
		status = add_limits(config, &made, err);
	if (status) {
		cx_options_settings_fini(&made);
		return status;
	}
	*out = made;
	return CDBC_OK;
}

/* Memory that was ours to give and is ours to wipe, though its readers see it const. */
static void wipe_free(const char *text)
{
	char *own;

	if (!text)
		return;
	memcpy(&own, &text, sizeof own);
	cx_wipe(own, strlen(own));
	cx_free(own);
}

void cx_options_settings_fini(cx_settings_storage *storage)
{
	for (size_t i = 0; i < storage->settings.count; i++) {
		wipe_free(storage->items[i].name);
		wipe_free(storage->items[i].value);
	}
	wipe_free(storage->settings.scheme);
	cx_free(storage->items);
	*storage = (cx_settings_storage){0};
}
