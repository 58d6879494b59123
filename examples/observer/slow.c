// SPDX-License-Identifier: Apache-2.0
/* An observer of the application's own: it remembers, for each kind of statement, how often it ran,
 * how often it failed and how long the longest run took. Kinds are told apart by fingerprints, so
 * that the same statement with other values is the same kind. At the end, the library's own numbers
 * beside it.
 *
 *     cc slow.c $(pkg-config --cflags --libs cdbc) -o slow
 *     ./slow sqlite::memory:
 */
#include <cdbc/cdbc.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#define KINDS_MAX 64

typedef struct kind {
	uint64_t fingerprint;
	int64_t run_count, error_count, row_count, longest_ns;
} kind;

typedef struct watcher {
	pthread_mutex_t lock; /* events come from whichever thread they happen on */
	kind kinds[KINDS_MAX];
	size_t count;
	int64_t open_count; /* requests under way: each start has its end */
} watcher;

static kind *kind_of(watcher *w, uint64_t fingerprint)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->kinds[i].fingerprint == fingerprint)
			return &w->kinds[i];
	if (w->count == KINDS_MAX)
		return NULL;
	w->kinds[w->count] = (kind){.fingerprint = fingerprint};
	return &w->kinds[w->count++];
}

static void on_event(void *self, const cdbc_event *event)
{
	watcher *w = self;
	kind *k;

	pthread_mutex_lock(&w->lock);
	w->open_count += event->kind == CDBC_EVENT_REQUEST_START ? 1 : -1;
	k = event->kind == CDBC_EVENT_REQUEST_END ? kind_of(w, event->fingerprint) : NULL;
	if (k) {
		k->run_count++;
		k->error_count += event->error != NULL;
		k->row_count += event->row_count;
		if (event->duration_ns > k->longest_ns)
			k->longest_ns = event->duration_ns;
	}
	pthread_mutex_unlock(&w->lock);
}

/* ---- some work ---- */

static void run(cdbc_session *session, const char *sql)
{
	cdbc_result *result;

	if (cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, NULL))
		return;
	while (cdbc_result_next(result, NULL))
		;
	cdbc_result_free(result);
}

static cdbc_status work(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)data;
	(void)err;
	run(session, "select 1 as a");
	run(session, "SELECT 2 as a -- the same but for its value");
	run(session, "select 1 union all select 2");
	run(session, "select nothing");
	return CDBC_OK;
}

static void print_stat(void *data, const cdbc_stat *stat)
{
	(void)data;
	if (stat->kind == CDBC_STAT_COUNTER && stat->label && stat->value)
		printf("%s{%s=\"%s\"} %" PRId64 "\n", stat->name, stat->label, stat->label_value,
			   stat->value);
}

int main(int argc, char **argv)
{
	watcher w = {.lock = PTHREAD_MUTEX_INITIALIZER};
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "slow",
							  .events = CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END,
							  .on_event = on_event,
							  .self = &w};
	cdbc_config_item items[] = {{"stats.enabled", "true"}};
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: slow URL\n");
		return 2;
	}
	from.url = argv[1];
	from.items = items;
	from.item_count = 1;
	options.observers = &observer;
	options.observer_count = 1;
	if (cdbc_config_load(&from, &config, &err) ||
		cdbc_client_open(config, &options, &client, &err) ||
		cdbc_client_with_session(client, NULL, work, NULL, &err)) {
		fprintf(stderr, "slow: %s\n", cdbc_error_message(err));
		cdbc_error_free(err);
		cdbc_client_close(client, 0);
		cdbc_config_free(config);
		return 1;
	}
	for (size_t i = 0; i < w.count; i++)
		printf("%016" PRIx64 ": %" PRId64 " runs, %" PRId64 " failed, %" PRId64 " rows, %s\n",
			   w.kinds[i].fingerprint, w.kinds[i].run_count, w.kinds[i].error_count,
			   w.kinds[i].row_count, w.kinds[i].longest_ns > 0 ? "timed" : "not timed");
	printf("under way: %" PRId64 "\n", w.open_count);
	cdbc_client_stats(client, print_stat, NULL);
	cdbc_client_close(client, 1000);
	cdbc_config_free(config);
	return 0;
}
