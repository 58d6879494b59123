// SPDX-License-Identifier: Apache-2.0
/* Composes configuration, catalog, pool and driver into a client. Runs nothing itself: that is
 * session.c. */
#include "service/client.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "infra/driver/registry.h"
#include "service/session.h"

#include <stddef.h>
#include <string.h>

#define STATEMENT_CACHE 1024
#define HELPER_QUEUE    256

static void client_free(cdbc_client *client, bool was_open)
{
	cx_watch_free(client->watch);
	cx_pool_free(client->pool);
	cx_helpers_free(client->helpers);
	if (!was_open)
		client->events.count = client->chain.count = 0; /* they are still the caller's */
	cx_statements_free(client->statements);
	cx_repository_fini(&client->queries);
	cx_events_fini(&client->events);
	cx_observe_fini(&client->observe);
	cx_chain_fini(&client->chain);
	cx_resolver_fini(&client->resolver);
	cx_breaker_fini(&client->breaker);
	cx_cache_free(client->cache);
	cx_free(client);
}

void cx_client_unref(cdbc_client *client)
{
	if (atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) == 1)
		client_free(client, true);
}

cdbc_status cx_client_note_dialect(cdbc_client *client, cx_conn *conn, cdbc_error **err)
{
	const cx_dialect *known = NULL, *seen;
	cdbc_value value = cdbc_null();

	if (conn->driver->info(conn->handle, CDBC_INFO_DIALECT, &value, NULL) ||
		value.kind != CDBC_VALUE_TEXT)
		return CDBC_OK;
	seen = cx_dialect_find(value.as.text.data, value.as.text.length);
	if (!seen)
		seen = &cx_dialect_other[client->presumed->form == CX_FORM_QUESTION];
	if (!atomic_compare_exchange_strong(&client->dialect, &known, seen) && known != seen) {
		cx_error_set(err, CDBC_CONFIG, "the server speaks %s, this client %s", seen->api.name,
					 known->api.name);
		cx_error_hint(
			err, "all nodes of a client must be of one kind, and of the one that its URL names");
		return CDBC_CONFIG;
	}
	conn->is_known = true;
	return CDBC_OK;
}

/* ---- Queries ---- */

static bool is_still(void *self)
{
	cdbc_client *client = self;

	return cx_watch_is_still(client->watch);
}

/* The folders changed. Files that are wrong wait for the next change; what is wrong with reading
 * them may pass. */
static bool on_change(void *self, bool is_retry)
{
	cdbc_client *client = self;
	cx_repository_gate gate = {is_still, client, is_retry};
	cdbc_status status = cx_repository_reload(&client->queries, &gate, NULL);

	if (!status)
		cx_session_trim_spare(client);
	return status != CDBC_CANCELLED && status != CDBC_IO && status != CDBC_NOMEM;
}

/* Before they are read, so that no change is lost. */
static cdbc_status watch_queries(cdbc_client *client, const cx_query_options *queries,
								 cdbc_error **err)
{
	cx_watch_options options = {.paths = (const char *const *)client->queries.folders,
								.path_count = client->queries.folder_count,
								.must_poll = queries->reload == CX_RELOAD_POLL,
								.delay_ns = queries->reload_delay_ns,
								.interval_ns = queries->reload_interval_ns,
								.changed = on_change,
								.self = client};

	return cx_watch_new(&options, &client->watch, err);
}

static cdbc_status load_queries(cdbc_client *client, const cdbc_config *config,
								const cdbc_client_options *options, cdbc_error **err)
{
	cx_query_options queries;
	cdbc_status status = cx_options_queries(config, &queries, err);

	if (status)
		return status;
	if (options &&
		options->struct_size >= offsetof(cdbc_client_options, embedded) + sizeof options->embedded)
		client->queries.embedded = options->embedded;
	client->queries.sqlc_count = queries.sqlc_count;
	status = cx_repository_init(&client->queries, queries.folders, queries.folder_count,
								&client->events, err);
	if (!status && queries.reload && queries.folder_count)
		status = watch_queries(client, &queries, err);
	if (!status)
		status = cx_repository_open(&client->queries, err);
	cx_options_queries_fini(&queries);
	return status;
}

/* ---- Opening ---- */

static cdbc_status open_pool(cdbc_client *client, const cdbc_config *config, cdbc_error **err)
{
	cx_settings_storage settings;
	cx_pool_options pool;
	cdbc_driver_host host;
	cdbc_status status;

	status = cx_options_pool(config, &pool, err);
	if (status)
		return status;
	status = cx_options_settings(config, &settings, err);
	if (status)
		return status;
	status = cx_driver_find(settings.settings.scheme, &client->driver, err);
	if (status)
		goto out;
	if (client->driver->capabilities & CDBC_IS_EMBEDDED) {
		const char *path = cdbc_settings_find(&settings.settings, "path");

		if (path &&
			strcmp(path, ":memory:") == 0) { /* every connection would see a database of its own */
			pool.max_size = 1;
			pool.min_size = pool.min_size > 1 ? 1 : pool.min_size;
			pool.idle_timeout_ms = 0;
			pool.lifetime_ms = 0;
		}
		client->dialect = &cx_dialect_sqlite;
	}
	client->presumed = client->driver->capabilities & CDBC_TAKES_QUESTION_MARKS
						   ? &cx_dialect_sqlite
						   : &cx_dialect_postgresql;
	if (strcmp(settings.settings.scheme, "cockroachdb") == 0)
		client->dialect = &cx_dialect_cockroachdb;
	cx_driver_host_init(&host, client->helpers);
	settings.settings.host = &host;
	status = cx_pool_new(&pool, client->driver, &settings.settings, &client->events,
						 client->helpers, &client->pool, err);
out:
	cx_options_settings_fini(&settings);
	return status;
}

static cdbc_status init_resolver(cdbc_client *client, const cdbc_config *config, cdbc_error **err)
{
	cx_resolver_options options;
	cdbc_status status = cx_options_resolver(config, &options, err);

	return status ? status : cx_resolver_init(&client->resolver, &options, err);
}

static cdbc_status add_breaker(cdbc_client *client, const cdbc_config *config, cdbc_error **err)
{
	cx_breaker_options options;
	cdbc_status status = cx_options_breaker(config, &options, err);
	cdbc_strategy link;

	if (status)
		return status;
	cx_breaker_init(&client->breaker, &options, &client->events);
	link = cx_breaker_link(&client->breaker);
	return options.is_enabled ? cx_chain_add(&client->chain, &link, err) : CDBC_OK;
}

static cdbc_status add_cache(cdbc_client *client, const cdbc_config *config, cdbc_error **err)
{
	cx_cache_options options;
	cdbc_status status = cx_options_cache(config, &options, err);
	cdbc_strategy link;

	if (status || !options.is_enabled)
		return status;
	status = cx_cache_new(&options, &client->cache, err);
	if (status)
		return status;
	link = cx_cache_link(client->cache);
	return cx_chain_add(&client->chain, &link, err);
}

/* The application's own links, then ours, then its executor. */
static cdbc_status build_chain(cdbc_client *client, const cdbc_config *config,
							   const cdbc_client_options *options, cdbc_error **err)
{
	cx_retry_options retry;
	cdbc_status status = cx_options_retry(config, &retry, err);
	cdbc_strategy link;

	if (status)
		return status;
	cx_retry_init(&client->retry, &retry);
	if (options && options->struct_size > offsetof(cdbc_client_options, strategy_count))
		for (size_t i = 0; i < options->strategy_count; i++) {
			status = cx_chain_add(&client->chain, &options->strategies[i], err);
			if (status)
				return status;
		}
	status = add_cache(client, config, err);
	if (status)
		return status;
	link = cx_retry_link(&client->retry);
	if (retry.is_enabled)
		status = cx_chain_add(&client->chain, &link, err);
	if (!status)
		status = add_breaker(client, config, err);
	if (!status && options &&
		options->struct_size >=
			offsetof(cdbc_client_options, executor) + sizeof options->executor &&
		options->executor)
		status = cx_chain_add(&client->chain, options->executor, err);
	return status;
}

static cdbc_status init_observers(cdbc_client *client, const cdbc_config *config,
								  const cdbc_client_options *options, cdbc_error **err)
{
	cx_observe_options own;

	cx_options_observe(config, &own);
	client->tells_values = own.log.has_values;
	return cx_observe_init(&client->observe, &own, options ? options->observers : NULL,
						   options ? options->observer_count : 0, &client->events, err);
}

cdbc_status cdbc_client_open(const cdbc_config *config, const cdbc_client_options *options,
							 cdbc_client **out, cdbc_error **err)
{
	cdbc_client *client = cx_calloc(1, sizeof *client);
	cdbc_status status;

	if (!client)
		return cx_error_nomem(err);
	atomic_init(&client->refs, 1);
	cx_chain_init(&client->chain);
	client->tx_idle_ns = cx_options_tx_idle_ns(config);
	status = init_observers(client, config, options, err);
	if (!status)
		status = cx_options_results(config, &client->results, &client->timeout_ms, err);
	if (!status)
		status = init_resolver(client, config, err);
	if (!status)
		status = build_chain(client, config, options, err);
	if (!status)
		status = load_queries(client, config, options, err);
	if (!status)
		status =
			cx_helpers_new(cx_options_helper_threads(config), HELPER_QUEUE, &client->helpers, err);
	if (!status)
		status = open_pool(client, config, err);
	if (!status)
		status = cx_statements_new(STATEMENT_CACHE, &client->statements, err);
	if (!status && client->watch)
		status = cx_watch_start(client->watch, err);
	if (status) {
		if (client->pool)
			cx_pool_close(client->pool, 0);
		client_free(client, false);
		return status;
	}
	*out = client;
	return CDBC_OK;
}

static cdbc_status open_with(const cdbc_config_options *from, cdbc_client **out, cdbc_error **err)
{
	cdbc_config *config = NULL;
	cdbc_status status = cdbc_config_load(from, &config, err);

	if (status)
		return status;
	status = cdbc_client_open(config, NULL, out, err);
	cdbc_config_free(config);
	return status;
}

cdbc_status cdbc_client_open_file(const char *path, const char *environment, cdbc_client **out,
								  cdbc_error **err)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;

	from.path = path;
	from.environment = environment;
	return open_with(&from, out, err);
}

cdbc_status cdbc_client_open_url(const char *url, cdbc_client **out, cdbc_error **err)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;

	from.url = url;
	return open_with(&from, out, err);
}

void cdbc_client_close(cdbc_client *client, int64_t timeout_ms)
{
	cdbc_session *spare;

	if (!client)
		return;
	atomic_store(&client->is_closed, true);
	cx_watch_free(client->watch);
	client->watch = NULL;
	spare = atomic_exchange(&client->spare, CX_SPARE_CLOSED);
	if (spare)
		cx_session_free(spare); /* not the last reference: the owner's is below */
	cx_pool_close(client->pool, cx_deadline_after_ms(timeout_ms));
	cx_client_unref(client);
}

cdbc_catalog *cdbc_client_catalog(cdbc_client *client)
{
	cdbc_catalog *catalog = NULL;

	cx_repository_renew(&client->queries, &catalog);
	return catalog;
}

cdbc_status cdbc_client_reload(cdbc_client *client, cdbc_error **err)
{
	cdbc_status status;

	if (atomic_load(&client->is_closed))
		return cx_error_set(err, CDBC_CLOSED, "reload queries: the client was closed");
	status = cx_repository_reload(&client->queries, NULL, err);
	if (!status)
		cx_session_trim_spare(client);
	return status;
}

cdbc_status cdbc_client_register(cdbc_client *client, const char *file, const char *text,
								 size_t length, cdbc_error **err)
{
	cdbc_status status = cx_repository_register(&client->queries, file, text, length, err);

	if (!status)
		cx_session_trim_spare(client);
	return status;
}

cdbc_status cdbc_client_unregister(cdbc_client *client, const char *file, cdbc_error **err)
{
	cdbc_status status = cx_repository_unregister(&client->queries, file, err);

	if (!status)
		cx_session_trim_spare(client);
	return status;
}

cdbc_status cdbc_client_save(cdbc_client *client, const char *file, const char *folder,
							 uint32_t flags, cdbc_error **err)
{
	bool is_own = false;
	cdbc_status status = cx_repository_save(&client->queries, file, folder, flags, &is_own, err);

	if (!status && is_own && !cx_repository_reload(&client->queries, NULL, NULL))
		cx_session_trim_spare(client);
	return status;
}

void cdbc_client_cache_invalidate(cdbc_client *client, const char *name)
{
	if (client->cache)
		cx_cache_invalidate(client->cache, name);
}

void cdbc_client_cache_stats(const cdbc_client *client, cdbc_cache_stats *out)
{
	size_t size = out->struct_size;

	if (client->cache) {
		cx_cache_stats(client->cache, out);
		return;
	}
	memset(out, 0, size < sizeof *out ? size : sizeof *out);
	out->struct_size = size;
}

void cdbc_client_pool_stats(const cdbc_client *client, cdbc_pool_stats *out)
{
	cx_pool_stats(client->pool, out);
}
