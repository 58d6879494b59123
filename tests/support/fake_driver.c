// SPDX-License-Identifier: Apache-2.0
/* The fake driver's entries: what a scripted server's connection does. */
#include "support/fake_internal.h"

#include "base/clock.h"
#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_ROWS 65536

/* ---- connections
 * -------------------------------------------------------------------------------------------- */

static cdbc_status planned_failure(fake_server *s, fake_failing *failing, cdbc_error **err)
{
	cdbc_error_info info;
	cdbc_status status;

	if (!fake_must_fail(s, failing, &info))
		return CDBC_OK;
	status = cx_error_from_info(err, &info);
	fake_info_free(&info);
	return status;
}

static cdbc_status fake_open(const cdbc_settings *settings, int64_t deadline_ns, void **out,
							 cdbc_error **err)
{
	const char *url = cdbc_settings_find(settings, "url");
	const char *name =
		url && strchr(url, ':') ? strchr(url, ':') + 1 : cdbc_settings_find(settings, "server");
	fake_server *s = name ? fake_server_find(name) : NULL;
	fake_conn *c = NULL;
	cdbc_status status;

	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, "server") != 0 &&
			strcmp(settings->items[i].name, "url") != 0 &&
			strncmp(settings->items[i].name, "set.", 4) != 0)
			return cx_error_set(err, CDBC_CONFIG, "setting \"%s\" is unknown to fake",
								settings->items[i].name);
	if (!s)
		return cx_error_set(err, CDBC_CONFIG, "setting \"server\": there is no such fake server");
	FAKE_LOCKED(s, s->counts.opens_begun++);
	status = fake_gate_pass(s, "open", NULL, deadline_ns, err);
	if (!status)
		status = planned_failure(s, &s->opens, err);
	if (!status && !(c = calloc(1, sizeof *c)))
		status = cx_error_nomem(err);
	pthread_mutex_lock(&s->lock);
	if (!c) {
		s->counts.opens_failed++;
	} else {
		c->server = s;
		c->serial = ++s->counts.opens;
		c->cuts_seen = s->cuts;
		if (++s->counts.live > s->counts.live_max)
			s->counts.live_max = s->counts.live;
	}
	pthread_mutex_unlock(&s->lock);
	if (c)
		*out = c;
	return status;
}

static void slots_free(fake_conn *c)
{
	for (size_t i = 0; i < c->slot_count; i++) {
		for (size_t k = 0; k < c->slots[i].value_count; k++)
			if (c->slots[i].values[k].kind == CDBC_VALUE_TEXT ||
				c->slots[i].values[k].kind == CDBC_VALUE_BYTES)
				free((char *)(uintptr_t)c->slots[i].values[k].as.text.data);
		free(c->slots[i].values);
		free(c->slots[i].sql);
	}
	free(c->slots);
	c->slots = c->slot = NULL;
	c->slot_count = 0;
}

static void leave_result(fake_conn *c)
{
	if (c->schema.release)
		c->schema.release(&c->schema);
	free(c->field_text);
	c->field_text = NULL;
	c->slot = NULL;
}

static void fake_close(void *conn)
{
	fake_conn *c = conn;

	if (!c)
		return;
	fake_gate_pass(c->server, "close", NULL, CX_NEVER, NULL);
	leave_result(c);
	slots_free(c);
	FAKE_LOCKED(c->server, c->server->counts.live--; c->server->counts.closes++;
				pthread_cond_broadcast(&c->server->changed));
	free(c);
}

int64_t fake_conn_serial(void *conn)
{
	return ((fake_conn *)conn)->serial;
}

static cdbc_conn_state fake_state(void *conn)
{
	const fake_conn *c = conn;

	return (cdbc_conn_state){.tx = c->tx, .is_lost = c->is_lost, .is_busy = c->is_busy};
}

static cdbc_status fake_info(void *conn, cdbc_info_id id, cdbc_value *out, cdbc_error **err)
{
	fake_server *s = ((fake_conn *)conn)->server;

	switch (id) {
	case CDBC_INFO_PRODUCT:
		*out = cdbc_string(s->product);
		break;
	case CDBC_INFO_VERSION:
		*out = cdbc_string(s->version);
		break;
	case CDBC_INFO_DIALECT:
		*out = cdbc_string(s->dialect);
		break;
	case CDBC_INFO_HOST:
		*out = cdbc_string(s->name);
		break;
	case CDBC_INFO_NODE_ID:
		*out = s->node_id < 0 ? cdbc_null() : cdbc_int64(s->node_id);
		break;
	case CDBC_INFO_SERVER_PID:
		*out = cdbc_int64(((fake_conn *)conn)->serial);
		break;
	case CDBC_INFO_PREPARED_COUNT:
		*out = cdbc_int64(0);
		break;
	default:
		*out = cdbc_null();
	}
	return CDBC_OK;
}

static cdbc_status lose(fake_conn *c, cdbc_error **err)
{
	if (!c->is_lost)
		FAKE_LOCKED(c->server, c->server->counts.lost++);
	c->is_lost = true;
	return cx_error_set(err, CDBC_CONNECT, "fake %s: the connection was lost", c->server->name);
}

/* CDBC_CONNECT once the link is gone, whether it is known or found out now. */
cdbc_status fake_check_link(fake_conn *c, cdbc_error **err)
{
	int64_t cuts;

	FAKE_LOCKED(c->server, cuts = c->server->cuts);
	return c->is_lost || cuts != c->cuts_seen ? lose(c, err) : CDBC_OK;
}

static cdbc_status round_trip(fake_conn *c, const char *gate, fake_failing *failing,
							  int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status = fake_check_link(c, err);

	if (status)
		return status;
	status = fake_gate_pass(c->server, gate, NULL, deadline_ns, err);
	if (!status)
		status = fake_check_link(c, err);
	if (!status)
		status = planned_failure(c->server, failing, err);
	if (status)
		lose(c, NULL);
	return status;
}

static cdbc_status fake_ping(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	fake_conn *c = conn;

	FAKE_LOCKED(c->server, c->server->counts.pings++);
	return round_trip(c, "ping", &c->server->pings, deadline_ns, err);
}

static cdbc_status fake_reset(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	fake_conn *c = conn;
	cdbc_status status;

	FAKE_LOCKED(c->server, c->server->counts.resets++);
	status = round_trip(c, "reset", &c->server->resets, deadline_ns, err);
	if (!status)
		c->tx = CDBC_TX_IDLE;
	return status;
}

static cdbc_status fake_cancel(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	fake_conn *c = conn;

	FAKE_LOCKED(c->server, c->is_cancelled = true; c->server->counts.cancels++;
				pthread_cond_broadcast(&c->server->changed));
	return CDBC_OK;
}

/* ---- requests
 * -----------------------------------------------------------------------------------------------
 */

static bool is_word(const char *sql, const char *word)
{
	size_t n = strlen(word);

	return strncasecmp(sql, word, n) == 0 && !isalnum((unsigned char)sql[n]);
}

static bool is_tx_end(const char *sql)
{
	return is_word(sql, "commit") || is_word(sql, "end") || is_word(sql, "rollback") ||
		   is_word(sql, "abort");
}

static bool is_known(const char *sql)
{
	return is_tx_end(sql) || is_word(sql, "begin") || is_word(sql, "start") ||
		   is_word(sql, "savepoint") || is_word(sql, "release") || is_word(sql, "set") ||
		   is_word(sql, "reset");
}

static void copy_slot(fake_slot *slot, const cdbc_request *r)
{
	slot->sql = strdup(r->sql);
	slot->values = calloc(r->value_count + 1, sizeof *slot->values);
	slot->value_count = r->value_count;
	slot->batch_rows = r->batch_rows > 0 ? r->batch_rows : BATCH_ROWS;
	for (size_t i = 0; i < r->value_count; i++) {
		cdbc_value *v = &slot->values[i];

		*v = r->values[i];
		if (v->kind == CDBC_VALUE_TEXT || v->kind == CDBC_VALUE_BYTES)
			v->as.text.data = strndup(v->as.text.data, v->as.text.length);
	}
}

void fake_summary_begin(fake_conn *c)
{
	c->summary =
		(cdbc_summary){.struct_size = sizeof c->summary, .affected_count = -1, .tx_before = c->tx};
}

/* The gate and the lost link that the answer has at a place. */
static cdbc_status come_to(fake_conn *c, const fake_entry *e, cdbc_position place,
						   int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (e && e->answer.gate && e->answer.gate_at == place)
		status = fake_gate_pass(c->server, e->answer.gate, c, deadline_ns, err);
	if (status) {
		c->summary.is_cancel_sent = true;
		if (e->answer.loses_link) /* nobody waits for what the cancel comes to */
			lose(c, NULL);
	}
	if (!status && place != CDBC_POSITION_NOT_FLUSHED) /* writing to a dead link looks well */
		status = fake_check_link(c, err);
	if (!status && e && e->answer.loses_link && e->answer.lost_at == place) {
		lose(c, NULL);
		status = e->answer.error.status ? cx_error_from_info(err, &e->answer.error) : lose(c, err);
	}
	return status;
}

static cdbc_status failed(fake_conn *c, cdbc_status status)
{
	c->is_ended = true;
	c->summary.is_link_lost = c->is_lost;
	if (!c->is_lost) {
		c->summary.position = CDBC_POSITION_DONE;
		if (c->tx == CDBC_TX_OPEN)
			c->tx = CDBC_TX_FAILED;
	}
	if (c->slot && c->slot->entry && c->slot->entry->answer.tx_after)
		c->tx = (cdbc_tx_state)(c->slot->entry->answer.tx_after - FAKE_TX_IDLE);
	c->is_stopped = c->sync == CDBC_ONE_SYNC || c->is_lost;
	return status;
}

static cdbc_status fake_submit(void *conn, const cdbc_request *requests, size_t count,
							   cdbc_sync sync, int64_t deadline_ns, void **cursor,
							   cdbc_summary *facts, cdbc_error **err)
{
	fake_conn *c = conn;
	cdbc_status status;

	FAKE_LOCKED(c->server, c->server->counts.submits++; c->is_cancelled = false);
	fake_summary_begin(c);
	if (c->is_busy || count == 0)
		return cx_error_set(err, CDBC_USAGE,
							c->is_busy ? "a result of this connection is still open"
									   : "no request to submit");
	c->slots = calloc(count, sizeof *c->slots);
	c->slot_count = count;
	c->slot_at = 0;
	c->sync = sync;
	c->is_stopped = false;
	c->is_ended = true;
	for (size_t i = 0; i < count; i++) {
		copy_slot(&c->slots[i], &requests[i]);
		fake_said(c->server, requests[i].sql, c->serial);
	}
	c->slots[0].entry = fake_entry_find(c->server, c->slots[0].sql, true);
	status = c->is_lost
				 ? fake_check_link(c, err)
				 : come_to(c, c->slots[0].entry, CDBC_POSITION_NOT_FLUSHED, deadline_ns, err);
	if (status) {
		c->summary.is_link_lost = c->is_lost;
		if (facts)
			*facts = c->summary;
		slots_free(c);
		return status;
	}
	c->is_busy = true;
	*cursor = c;
	return CDBC_OK;
}

static void tx_follows(fake_conn *c, const char *sql)
{
	if (is_word(sql, "begin") || is_word(sql, "start"))
		c->tx = CDBC_TX_OPEN;
	else if (is_word(sql, "rollback") && (strstr(sql, " to ") || strstr(sql, " TO ")))
		c->tx = CDBC_TX_OPEN;
	else if (is_tx_end(sql))
		c->tx = CDBC_TX_IDLE;
}

static void write_tag(fake_conn *c, const fake_answer *a)
{
	const char *sql = c->slot->sql;
	size_t n = 0;

	if (a && a->affected)
		c->summary.affected_count = a->affected == FAKE_NONE_AFFECTED ? 0 : a->affected;
	if (a && a->tag) {
		snprintf(c->summary.tag, sizeof c->summary.tag, "%s", a->tag);
	} else if (a && a->columns) {
		snprintf(c->summary.tag, sizeof c->summary.tag, "SELECT %lld", (long long)c->row_total);
	} else if (c->tx == CDBC_TX_FAILED && (is_word(sql, "commit") || is_word(sql, "end"))) {
		strcpy(c->summary.tag, "ROLLBACK");
	} else {
		for (; isalpha((unsigned char)sql[n]) && n < sizeof c->summary.tag - 1; n++)
			c->summary.tag[n] = (char)toupper((unsigned char)sql[n]);
	}
}

static cdbc_status done(fake_conn *c, int64_t deadline_ns, cdbc_error **err)
{
	const fake_answer *a = c->slot->entry ? &c->slot->entry->answer : NULL;
	cdbc_status status = come_to(c, c->slot->entry, CDBC_POSITION_DONE, deadline_ns, err);
	bool is_undone;

	if (status)
		return failed(c, status);
	write_tag(c, a);
	is_undone = strcmp(c->summary.tag, "ROLLBACK") == 0 &&
				(is_word(c->slot->sql, "commit") || is_word(c->slot->sql, "end"));
	tx_follows(c, c->slot->sql);
	if (a && a->tx_after)
		c->tx = (cdbc_tx_state)(a->tx_after - FAKE_TX_IDLE);
	c->is_ended = true;
	c->summary.position = CDBC_POSITION_DONE;
	if (is_undone) {
		status = cx_error_set(err, CDBC_SQL, "commit: the transaction was aborted and rolled back");
		cx_error_sqlstate(err, "40000");
	}
	return status;
}

static cdbc_status open_rows(fake_conn *c, const fake_answer *a, const struct ArrowSchema **schema,
							 cdbc_error **err)
{
	cdbc_status status;

	if (!fake_fields_read(a->columns, c->fields, &c->field_count, &c->field_text))
		return cx_error_set(err, CDBC_INTERNAL, "fake: columns \"%s\"", a->columns);
	status = cx_schema_make(c->fields, c->field_count, &c->schema, err);
	if (status)
		return status;
	c->is_ended = false;
	c->row_at = 0;
	c->row_total = fake_rows_count(a);
	*schema = &c->schema;
	return CDBC_OK;
}

static cdbc_status run_slot(fake_conn *c, int64_t deadline_ns, const struct ArrowSchema **schema,
							cdbc_error **err)
{
	fake_entry *e = c->slot->entry;
	cdbc_status status;

	c->summary.position = CDBC_POSITION_SENT;
	status = come_to(c, e, CDBC_POSITION_SENT, deadline_ns, err);
	if (status)
		return status;
	if (c->tx == CDBC_TX_FAILED && !is_tx_end(c->slot->sql)) {
		status = cx_error_set(err, CDBC_SQL, "current transaction is aborted");
		cx_error_sqlstate(err, "25P02");
		return status;
	}
	if (!e && !is_known(c->slot->sql))
		return fake_no_answer(c->slot->sql, err);
	if (e && e->answer.error.status && !e->answer.loses_link && e->answer.error_after_rows == 0)
		return cx_error_from_info(err, &e->answer.error);
	if (e && e->answer.columns)
		return open_rows(c, &e->answer, schema, err);
	return done(c, deadline_ns, err);
}

static cdbc_status fake_next_result(void *cursor, int64_t deadline_ns,
									const struct ArrowSchema **schema, bool *has_result,
									cdbc_error **err)
{
	fake_conn *c = cursor;
	const struct ArrowSchema *columns = NULL;
	cdbc_status status = CDBC_OK;

	if (c->slot && !c->is_ended)
		status = done(c, deadline_ns, err);
	leave_result(c);
	if (status)
		return status;
	*schema = NULL;
	*has_result = !c->is_stopped && c->slot_at < c->slot_count;
	if (!*has_result)
		return CDBC_OK;
	c->slot = &c->slots[c->slot_at++];
	if (c->slot_at > 1)
		c->slot->entry = fake_entry_find(c->server, c->slot->sql, true);
	fake_summary_begin(c);
	status = run_slot(c, deadline_ns, &columns, err);
	if (status)
		return failed(c, status);
	*schema = columns;
	return CDBC_OK;
}

static cdbc_status fake_fetch(void *cursor, int64_t deadline_ns, struct ArrowArray *out,
							  cdbc_error **err)
{
	fake_conn *c = cursor;
	const fake_answer *a = c->slot && c->slot->entry ? &c->slot->entry->answer : NULL;
	int64_t count, until;
	cdbc_status status = CDBC_OK;

	if (c->is_ended || !a) {
		cx_array_none(out);
		return CDBC_OK;
	}
	until = a->error.status && a->error_after_rows ? a->error_after_rows : c->row_total;
	count = until - c->row_at;
	if (count > c->slot->batch_rows)
		count = c->slot->batch_rows;
	if (c->row_at > 0)
		status = come_to(c, c->slot->entry, CDBC_POSITION_ROWS_TAKEN, deadline_ns, err);
	if (!status && count > 0)
		status = fake_rows_write(a, c->fields, c->field_count, c->slot->values,
								 c->slot->value_count, c->row_at, count, out, err);
	else if (!status && until < c->row_total)
		status = cx_error_from_info(err, &a->error);
	else if (!status && !(status = done(c, deadline_ns, err)))
		cx_array_none(out);
	if (status)
		return failed(c, status);
	if (count > 0) {
		c->row_at += count;
		c->summary.position = CDBC_POSITION_ROWS_TAKEN;
	}
	return CDBC_OK;
}

static const cdbc_summary *fake_summary(void *cursor)
{
	return &((fake_conn *)cursor)->summary;
}

static void fake_cursor_close(void *cursor, int64_t deadline_ns)
{
	fake_conn *c = cursor;

	if (!c)
		return;
	leave_result(c);
	slots_free(c);
	c->is_busy = false;
}

const cdbc_driver fake_driver = {
	.struct_size = sizeof(cdbc_driver),
	.name = "fake",
	.schemes = "fake",
	.capabilities = CDBC_CAN_TRANSACT | CDBC_CAN_CANCEL | CDBC_CAN_PIPELINE | CDBC_CAN_COPY |
					CDBC_CAN_DESCRIBE | CDBC_CAN_STREAM,
	.open = fake_open,
	.close = fake_close,
	.state = fake_state,
	.info = fake_info,
	.ping = fake_ping,
	.reset = fake_reset,
	.describe = fake_describe,
	.submit = fake_submit,
	.next_result = fake_next_result,
	.fetch = fake_fetch,
	.summary = fake_summary,
	.cursor_close = fake_cursor_close,
	.copy_begin = fake_copy_begin,
	.copy_write = fake_copy_write,
	.copy_end = fake_copy_end,
	.cancel = fake_cancel,
};
