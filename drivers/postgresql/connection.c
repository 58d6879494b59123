// SPDX-License-Identifier: Apache-2.0
/* Opening and closing, and what a connection knows of itself without asking. Statements are
 * elsewhere. */
#include "internal.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/secret.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNINFO_MAX ((size_t)4 << 20)
#define NOTICE_MAX   ((size_t)64 << 10)

/* "NOTICE: text", for those who watch. */
static void tell_notice(cx_pg_conn *c, const PGresult *result, const char *severity)
{
	const cdbc_driver_host *host = c->host;
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	cx_buf text = CX_BUF_INIT(NOTICE_MAX);

	if (!message || !host ||
		host->struct_size < offsetof(cdbc_driver_host, notice) + sizeof host->notice ||
		!host->notice)
		return;
	cx_buf_putf(&text, "%s: %s", severity, message);
	if (cx_buf_status(&text, "notice", NULL) == CDBC_OK)
		host->notice(host, c->host_text, text.data);
	cx_buf_free(&text);
}

/* A notice is for those who watch. But the reason why the server hangs up on an idle connection
 * comes as one. */
static void on_notice(void *arg, const PGresult *result)
{
	cx_pg_conn *c = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (severity && sqlstate && strcmp(severity, "FATAL") == 0 && strlen(sqlstate) == 5)
		memcpy(c->last_notice, sqlstate, 6);
	else if (severity)
		tell_notice(c, result, severity);
}

/* ---- open
 * ---------------------------------------------------------------------------------------------------
 */

static void name_host(cx_pg_conn *c, const cdbc_settings *settings)
{
	const char *host = c->pg ? PQhost(c->pg) : NULL, *port = c->pg ? PQport(c->pg) : NULL;

	if (!host || !*host)
		host = cdbc_settings_find(settings, "host");
	if (!port || !*port)
		port = cdbc_settings_find(settings, "port");
	snprintf(c->host_text, sizeof c->host_text, "%s%s%s", host && *host ? host : "local",
			 port && *port ? ":" : "", port ? port : "");
}

static cdbc_status begin_connect(cx_pg_conn *c, const cdbc_settings *settings, cdbc_error **err)
{
	cx_buf conninfo = CX_BUF_INIT(CONNINFO_MAX);
	cdbc_status status = cx_pg_conninfo(settings, &conninfo, err);

	if (!status) {
		c->pg = PQconnectStart(conninfo.data);
		name_host(c, settings);
		if (!c->pg) {
			status = cx_error_nomem(err);
		} else {
			PQsetNoticeReceiver(c->pg, on_notice, c);
			PQsetErrorVerbosity(c->pg,
								PQERRORS_VERBOSE); /* the one way to the SQLSTATE of a refusal */
			if (PQstatus(c->pg) == CONNECTION_BAD)
				status = cx_pg_error_connect(c->pg, c->host_text, err);
		}
	}
	if (conninfo.data)
		cx_wipe(conninfo.data, conninfo.capacity);
	cx_buf_free(&conninfo);
	return status;
}

static cdbc_status finish_connect(cx_pg_conn *c, const cdbc_settings *settings, int64_t deadline_ns,
								  cdbc_error **err)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next != PGRES_POLLING_OK) {
		if (cx_pg_poll(c, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ns, NULL) ==
			CX_PG_LATE) {
			name_host(c, settings);
			cx_error_set(err, CDBC_TIMEOUT, "connect %s: no answer within the deadline",
						 c->host_text);
			cx_error_field(err, CDBC_FIELD_HOST, c->host_text);
			return CDBC_TIMEOUT;
		}
		next = PQconnectPoll(c->pg);
		if (next == PGRES_POLLING_FAILED) {
			name_host(c, settings);
			return cx_pg_error_connect(c->pg, c->host_text, err);
		}
	}
	name_host(c, settings);
	return CDBC_OK;
}

/* "CockroachDB CCL v22.1.0 (x86_64...)" -> "v22.1.0"; "15.18 (Debian ...)" -> "15.18". */
static void learn_version(cx_pg_conn *c)
{
	const char *cockroach = PQparameterStatus(c->pg, "crdb_version");
	const char *text = cockroach ? cockroach : PQparameterStatus(c->pg, "server_version");
	const char *v = cockroach ? strstr(cockroach, " v") : NULL;

	if (v)
		text = v + 1;
	if (!text)
		text = "";
	c->is_cockroach = cockroach != NULL;
	snprintf(c->version, sizeof c->version, "%.*s", (int)strcspn(text, " "), text);
}

/* CockroachDB's cancel key carries the node: with its top bit all of the rest is the node's id,
 * without it the upper 11 bits are. */
static int64_t node_of_pid(uint32_t pid)
{
	if (pid & UINT32_C(1) << 31)
		return pid & ~(UINT32_C(1) << 31);
	return pid >> 20 ? (int64_t)(pid >> 20) : -1;
}

static void learn_facts(cx_pg_conn *c)
{
	const char *encoding = PQparameterStatus(c->pg, "server_encoding");

	learn_version(c);
	c->is_encrypted = PQsslInUse(c->pg) || PQgssEncInUse(c->pg);
	c->checks_utf8 = encoding && strcmp(encoding, "SQL_ASCII") == 0;
	c->node_id = c->is_cockroach ? node_of_pid((uint32_t)PQbackendPID(c->pg)) : -1;
}

static bool starts_with(const char *text, const char *prefix)
{
	return !text || strncmp(text, prefix, strlen(prefix)) == 0;
}

/* PGTZ and PGDATESTYLE go into the start-up packet behind our back. */
cdbc_status cx_pg_settle(cx_pg_conn *c, int64_t deadline_ns, cdbc_error **err)
{
	const char *zone = PQparameterStatus(c->pg, "TimeZone");

	if (!c->is_unsettled && starts_with(PQparameterStatus(c->pg, "DateStyle"), "ISO") &&
		starts_with(PQparameterStatus(c->pg, "IntervalStyle"), "postgres") &&
		(!zone || strcmp(zone, "UTC") == 0))
		return CDBC_OK;
	c->is_unsettled = true;
	return cx_pg_command(
		c, "SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'",
		deadline_ns, NULL, 0, err);
}

cdbc_status cx_pg_open(const cdbc_settings *settings, int64_t deadline_ns, void **conn,
					   cdbc_error **err)
{
	const char *kept = cdbc_settings_find(settings, "prepared_statements");
	cx_pg_conn *c = cx_calloc(1, sizeof *c);
	cdbc_status status;

	if (!c)
		return cx_error_nomem(err);
	c->host = settings->host;
	c->node_id = -1;
	c->cursor.conn = c;
	c->cursor.summary.struct_size = c->copy_summary.struct_size = sizeof(cdbc_summary);
	cx_buf_init(&c->scratch, CX_PG_SCRATCH_MAX);
	cx_pg_room_init(c);
	status = begin_connect(c, settings, err);
	if (!status)
		status = finish_connect(c, settings, deadline_ns, err);
	if (!status)
		status = cx_pg_prepared_init(&c->prepared,
									 kept ? strtoul(kept, NULL, 10) : CX_PG_PREPARED_MAX, err);
	if (status)
		goto out;
	PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
	c->cancel = PQgetCancel(c->pg);
	if (!c->cancel || PQsetnonblocking(c->pg, 1) != 0) {
		status = cx_error_nomem(err);
		goto out;
	}
	learn_facts(c);
	status = cx_pg_settle(c, deadline_ns, err);
	if (status) {
		cx_error_wrap(err, "connect %s", c->host_text);
		goto out;
	}
	cx_pg_tx(c);
	*conn = c;
	c = NULL;
out:
	cx_pg_close(c);
	return status;
}

void cx_pg_close(void *conn)
{
	cx_pg_conn *c = conn;

	if (!c)
		return;
	PQclear(c->cursor.result);
	cx_pg_shape_release(&c->cursor.own_shape);
	if (c->cursor.slots != c->cursor.few)
		cx_free(c->cursor.slots);
	PQfreeCancel(c->cancel);
	PQfinish(c->pg);
	cx_pg_prepared_fini(&c->prepared);
	if (c->scratch.data)
		cx_wipe(c->scratch.data, c->scratch.length);
	cx_buf_free(&c->scratch);
	cx_free(c);
}

/* ---- facts
 * --------------------------------------------------------------------------------------------------
 */

cdbc_conn_state cx_pg_state(void *conn)
{
	cx_pg_conn *c = conn;

	if (!c->is_lost && PQstatus(c->pg) != CONNECTION_OK)
		c->is_lost = true;
	/* CockroachDB takes a cancel, hangs up and acts on it later: it could hit whatever runs here
	 * next. */
	if (c->is_cockroach && !c->is_busy &&
		atomic_load_explicit(&c->cancels_due, memory_order_relaxed) > 0)
		c->is_lost = true;
	return (cdbc_conn_state){
		.tx = c->is_busy ? cx_pg_tx(c) : c->tx, .is_lost = c->is_lost, .is_busy = c->is_busy};
}

/* CockroachDB before v22.1 has no node in its cancel key. */
static cdbc_status ask_node(cx_pg_conn *c, cdbc_error **err)
{
	char text[32];
	cdbc_status status;

	if (!c->is_cockroach || c->node_id >= 0 || c->has_asked_node || c->is_busy || c->is_lost ||
		cx_pg_tx(c) == CDBC_TX_FAILED)
		return CDBC_OK;
	c->has_asked_node = true;
	status = cx_pg_command(c, "SHOW node_id", cx_deadline_after_ms(CX_PG_GRACE_NS / CX_NS_PER_MS),
						   text, sizeof text, err);
	if (!status && text[0])
		c->node_id = strtoll(text, NULL, 10);
	return status;
}

cdbc_status cx_pg_info(void *conn, cdbc_info_id id, cdbc_value *out, cdbc_error **err)
{
	cx_pg_conn *c = conn;
	cdbc_status status;
	int pid, fd;

	switch (id) {
	case CDBC_INFO_PRODUCT:
		*out = cdbc_string(c->is_cockroach ? "CockroachDB" : "PostgreSQL");
		return CDBC_OK;
	case CDBC_INFO_VERSION:
		*out = cdbc_string(c->version);
		return CDBC_OK;
	case CDBC_INFO_DIALECT:
		*out = cdbc_string(c->is_cockroach ? "cockroachdb" : "postgresql");
		return CDBC_OK;
	case CDBC_INFO_HOST:
		*out = cdbc_string(c->host_text);
		return CDBC_OK;
	case CDBC_INFO_NODE_ID:
		status = ask_node(c, err);
		if (status)
			return status;
		*out = c->node_id >= 0 ? cdbc_int64(c->node_id) : cdbc_null();
		return CDBC_OK;
	case CDBC_INFO_SERVER_PID:
		pid = PQbackendPID(c->pg);
		*out = pid && !c->is_cockroach ? cdbc_int64(pid) : cdbc_null();
		return CDBC_OK;
	case CDBC_INFO_SOCKET:
		fd = PQsocket(c->pg);
		*out = fd >= 0 ? cdbc_int64(fd) : cdbc_null();
		return CDBC_OK;
	case CDBC_INFO_PREPARED_COUNT:
		*out = cdbc_int64((int64_t)c->prepared.count);
		return CDBC_OK;
	}
	return cx_error_set(err, CDBC_UNSUPPORTED, "no such fact: %d", (int)id);
}
