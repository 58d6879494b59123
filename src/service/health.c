// SPDX-License-Identifier: Apache-2.0
/* Health: one look at each part, told in words. */
#include "base/clock.h"
#include "base/error.h"
#include "data/exec/lease.h"
#include "service/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_BYTES 512

typedef struct reporter {
	void (*report)(void *data, const cdbc_health_item *item);
	void *data;
	bool is_ok;
} reporter;

static void tell(reporter *r, const char *name, bool is_ok, const char *text)
{
	cdbc_health_item item = {name, is_ok, text};

	if (!is_ok)
		r->is_ok = false;
	if (r->report)
		r->report(r->data, &item);
}

/* An information of a connection as text; "" when unknown. */
static void info_text(cx_conn *conn, cdbc_info_id id, char *text, size_t size)
{
	cdbc_value value = cdbc_null();

	text[0] = '\0';
	if (conn->driver->info(conn->handle, id, &value, NULL))
		return;
	if (value.kind == CDBC_VALUE_TEXT)
		snprintf(text, size, "%.*s", (int)value.as.text.length, value.as.text.data);
	else if (value.kind == CDBC_VALUE_INT64)
		snprintf(text, size, "%" PRId64, value.as.int64);
}

static void check_database(cdbc_client *client, int64_t deadline_ns, reporter *r)
{
	char product[128], version[128], host[128], node[32], text[TEXT_BYTES];
	cdbc_error *error = NULL;
	cx_lease lease;
	int64_t began_ns;

	cx_lease_init(&lease);
	if (cx_lease_take(&lease, client->pool, deadline_ns, "health", &error)) {
		snprintf(text, sizeof text, "%s", error ? cdbc_error_message(error) : "out of memory");
		cdbc_error_free(error);
		tell(r, "database", false, text);
		return;
	}
	began_ns = cx_clock_now_ns();
	if (lease.conn->driver->ping(lease.conn->handle, deadline_ns, &error)) {
		snprintf(text, sizeof text, "%s", error ? cdbc_error_message(error) : "out of memory");
		cdbc_error_free(error);
		tell(r, "database", false, text);
	} else {
		double ms = (double)(cx_clock_now_ns() - began_ns) / 1e6;

		info_text(lease.conn, CDBC_INFO_PRODUCT, product, sizeof product);
		info_text(lease.conn, CDBC_INFO_VERSION, version, sizeof version);
		info_text(lease.conn, CDBC_INFO_HOST, host, sizeof host);
		info_text(lease.conn, CDBC_INFO_NODE_ID, node, sizeof node);
		snprintf(text, sizeof text, "%s %s at %s%s%s, %.1f ms", product, version, host,
				 node[0] ? ", node " : "", node, ms);
		tell(r, "database", true, text);
	}
	cx_lease_give(&lease, 0);
}

static void check_catalog(cdbc_client *client, reporter *r)
{
	char text[CX_REFUSED_BYTES + 512], when[32], watched[200] = "";
	cx_repository_state state;
	struct tm tm;
	time_t loaded;

	cx_repository_look(&client->queries, &state);
	loaded = (time_t)state.loaded_s;
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&loaded, &tm));
	if (client->watch)
		cx_watch_describe(client->watch, watched, sizeof watched);
	snprintf(text, sizeof text, "%zu queries, generation %" PRIu64 " of %s%s%s%s%s",
			 state.query_count, state.generation, when, watched[0] ? ", " : "", watched,
			 state.refused[0] ? "; a newer one was refused: " : "", state.refused);
	tell(r, "catalog", !state.refused[0], text);
}

cdbc_status cdbc_client_health(cdbc_client *client, int64_t timeout_ms,
							   void (*report)(void *data, const cdbc_health_item *item), void *data,
							   bool *is_ok, cdbc_error **err)
{
	reporter r = {report, data, true};
	cdbc_pool_stats stats = {.struct_size = sizeof stats};
	char text[TEXT_BYTES];

	if (atomic_load(&client->is_closed))
		return cx_error_set(err, CDBC_CLOSED, "health: the client was closed");
	check_database(client, cx_deadline_after_ms(timeout_ms), &r);
	cx_pool_stats(client->pool, &stats);
	snprintf(text, sizeof text,
			 "%" PRId64 " of %" PRId64 " open, %" PRId64 " idle, %" PRId64 " waiting",
			 stats.open_now, stats.max_count, stats.idle_now, stats.waiting_now);
	tell(&r, "pool", stats.waiting_now == 0 || stats.open_now > 0, text);
	check_catalog(client, &r);
	*is_ok = r.is_ok;
	return CDBC_OK;
}
