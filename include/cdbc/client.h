// SPDX-License-Identifier: Apache-2.0
/* The client: configuration, queries and a pool of connections. Any thread. */
#ifndef CDBC_CLIENT_H
#define CDBC_CLIENT_H

#include <cdbc/catalog.h>
#include <cdbc/config.h>
#include <cdbc/error.h>
#include <cdbc/event.h>
#include <cdbc/strategy.h>

CDBC_BEGIN

typedef struct cdbc_client_options {
	size_t struct_size;
	const cdbc_observer
		*observers; /* copied; destroyed with the client, and not when it does not open */
	size_t observer_count;
	/* links of the application's own, outermost first; copied, and destroyed as observers are */
	const cdbc_strategy *strategies;
	size_t strategy_count;
	/* queries in the program itself, beside those of the configured folders; NULL: none. Not
	 * copied: must live as long as the client */
	const cdbc_embedded_queries *embedded;
	/* an executor of the application's own, the last link: behind cache, retry and breaker. What
	 * comes next to it is the library's, which it may hand requests to. Copied, and destroyed as
	 * observers are; NULL: the library's alone */
	const cdbc_strategy *executor;
} cdbc_client_options;

#define CDBC_CLIENT_OPTIONS_INIT                                  \
	{                                                             \
		sizeof(cdbc_client_options), NULL, 0, NULL, 0, NULL, NULL \
	}

/* Opens a client from a loaded configuration, which is borrowed for the call. Loads and checks the
 * SQL folders that it names and the embedded queries, and opens pool.min_size connections in the
 * background without waiting for them. Fails with CDBC_CONFIG, CDBC_SQL_FILE, CDBC_IO, CDBC_NOMEM.
 * Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_open(const cdbc_config *config,
													 const cdbc_client_options *options,
													 cdbc_client **out, cdbc_error **err);

/* The same from a file and one of its environments (NULL: its default). */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_open_file(const char *path, const char *environment,
														  cdbc_client **out, cdbc_error **err);

/* The same from a URL alone: postgresql://..., cockroachdb://..., sqlite:PATH, sqlite::memory: */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_open_url(const char *url, cdbc_client **out,
														 cdbc_error **err);

/* Closes the client: new work is refused (CDBC_CLOSED), work under way (open transactions too) has
 * until the deadline. What is still out then is closed when its session is released: sessions keep
 * the memory alive. The client itself may not be used any more. Takes NULL. */
CDBC_API void cdbc_client_close(cdbc_client *client, int64_t timeout_ms);

/* The named queries in force: one generation, which does not change any more, whatever is loaded
 * after it. The caller's, to be given back with cdbc_catalog_free; it may outlive the client. Never
 * NULL. */
CDBC_API cdbc_catalog *cdbc_client_catalog(cdbc_client *client);

/* Reads the folders of queries again, checks everything, and puts the new generation in force as a
 * whole: what runs keeps the one it began with, and requests that begin later see the new one. On
 * failure nothing changes, and health says why until a load succeeds. Any thread, observers too;
 * for a signal, from the thread that waits for it, not from a handler. Fails as
 * cdbc_catalog_load, and with CDBC_CLOSED. Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_reload(cdbc_client *client, cdbc_error **err);

/* Adds queries from a text to those of the folders, or puts them in the place of what was
 * registered under that name before: a new generation of the same files, which are not read again.
 * file names the text in messages and for the calls below; its folders are namespaces
 * ("reports/daily.sql"). The text is copied. They outlast every reload; a name that is in a file
 * too, whatever the dialects, is an error that names both places, here or at the reload. Fails as
 * cdbc_catalog_add_text; nothing changes then. Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_register(cdbc_client *client, const char *file,
														 const char *text, size_t length,
														 cdbc_error **err);
/* Takes them back: a new generation without them. Fails with CDBC_NOT_FOUND, CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_unregister(cdbc_client *client, const char *file,
														   cdbc_error **err);
/* Writes what was registered under a name into a folder, as cdbc_catalog_save_text does. folder
 * NULL: the first one of queries.folders. When it is one of those, the folders are loaded again and
 * it is of the files from then on; if that fails for another file's sake, it stays registered until
 * they load, and health says why. Errors as cdbc_catalog_save_text, and CDBC_NOT_FOUND. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_save(cdbc_client *client, const char *file,
													 const char *folder, uint32_t flags,
													 cdbc_error **err);

typedef struct cdbc_session_options {
	size_t struct_size;
	const char
		*source; /* where the session is taken, for the leak warning; static storage; CDBC_HERE */
	int64_t timeout_ms; /* of each request, everything included; 0: the configuration's
						   database.timeout; below 0: it is over */
	bool connect_now;   /* take a connection at once */
	const cdbc_config_item *settings; /* session settings (timezone, statement_timeout...) kept for
										 the session's life; copied */
	size_t setting_count;
	/* who the work is for: :_user, :_roles, :_request_id in SQL; copied. NULL: NULL there, but a
	 * new request id for each request */
	const char *user;
	const char *const *roles;
	size_t role_count;
	const char *request_id;
} cdbc_session_options;

#define CDBC_STRINGIZE_(x) #x
#define CDBC_STRINGIZE(x)  CDBC_STRINGIZE_(x)
#define CDBC_HERE          __FILE__ ":" CDBC_STRINGIZE(__LINE__)
#define CDBC_SESSION_OPTIONS_INIT                                                       \
	{                                                                                   \
		sizeof(cdbc_session_options), CDBC_HERE, 0, false, NULL, 0, NULL, NULL, 0, NULL \
	}

/* Gives a session: settings and deadlines. It takes a connection from the pool when the first
 * request needs one, so CDBC_TIMEOUT, CDBC_CONNECT, CDBC_AUTH and CDBC_OVERLOADED come from that
 * request (or here, with connect_now). Also fails with CDBC_CLOSED, CDBC_UNSUPPORTED (settings, of
 * an embedded database), CDBC_NOMEM. options NULL: the defaults. Round trips: none (connect_now: as
 * the first request). Each setting costs one more whenever the session takes a connection. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_acquire(cdbc_client *client,
														const cdbc_session_options *options,
														cdbc_session **out, cdbc_error **err);

/* Scoped use: acquires, calls fn, releases, and returns what fn returned; *err is fn's, or says
 * that it failed. fn is always given an err to set. It must not release the session, which stays
 * until it returns: CDBC_USAGE, when all else was well. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_client_with_session(cdbc_client *client, const cdbc_session_options *options,
						 cdbc_status (*fn)(cdbc_session *session, void *data, cdbc_error **err),
						 void *data, cdbc_error **err);

/* Counts since the client was opened; gauges where it says now. */
typedef struct cdbc_pool_stats {
	size_t struct_size;
	int64_t max_count;
	int64_t open_now;
	int64_t idle_now;
	int64_t used_now;
	int64_t opening_now;
	int64_t waiting_now;
	int64_t acquire_count;
	int64_t acquire_wait_count; /* those that had to wait */
	int64_t acquire_wait_ns;
	int64_t acquire_timeout_count;
	int64_t acquire_refused_count; /* too many waited already */
	int64_t open_count;
	int64_t open_failed_count;
	int64_t close_count;
	int64_t leak_count;
} cdbc_pool_stats;

/* Fills *out; out->struct_size is set by the caller. */
CDBC_API void cdbc_client_pool_stats(const cdbc_client *client, cdbc_pool_stats *out);

/* Forgets the rows that the cache keeps of a named query (its `cache:` header; `-` and `_` are
 * alike), for every user, or of all queries (name NULL). Requests that begin after this returns
 * see no row that was read before; a load under way is not kept. Any thread. Cannot fail; nothing
 * happens when cache.enabled is false. Round trips: none. */
CDBC_API void cdbc_client_cache_invalidate(cdbc_client *client, const char *name);

/* Counts of the cache since the client was opened; gauges where it says now. */
typedef struct cdbc_cache_stats {
	size_t struct_size;
	int64_t hit_count;  /* answered from it */
	int64_t miss_count; /* loaded */
	int64_t wait_count; /* waited for a load under way */
	int64_t pass_count; /* read as if there were none: known to be too large, or memory was short */
	int64_t eviction_count;     /* entries that made room for others */
	int64_t invalidation_count; /* entries that were invalidated */
	int64_t entries_now;        /* those that are being loaded included */
	int64_t bytes_now;
} cdbc_cache_stats;

/* Fills *out; out->struct_size is set by the caller. Any thread. */
CDBC_API void cdbc_client_cache_stats(const cdbc_client *client, cdbc_cache_stats *out);

/* One part of a health report. */
typedef struct cdbc_health_item {
	const char *name; /* "pool", "database", "catalog" */
	bool is_ok;
	const char *text; /* "CockroachDB v22.1.0 at db2:26257, node 3, 1.2 ms" */
} cdbc_health_item;

/* Looks at pool, database and catalog, and reports each. *is_ok: all are well. Fails with
 * CDBC_NOMEM, CDBC_CLOSED only. Round trips: one, and a connection's opening when none is idle. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_health(cdbc_client *client, int64_t timeout_ms,
													   void (*report)(void *data,
																	  const cdbc_health_item *item),
													   void *data, bool *is_ok, cdbc_error **err);

CDBC_END
#endif
