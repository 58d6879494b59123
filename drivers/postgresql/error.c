// SPDX-License-Identifier: Apache-2.0
/* libpq's errors as facts: status, fields, one line of text. What became of the work is not judged
 * here. */
#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 1024

/* ---- status
 * -------------------------------------------------------------------------------------------------
 */

/* The first row that a SQLSTATE begins with decides: longer ones stand before shorter ones. */
static const struct {
	const char *prefix;
	cdbc_status status;
} statuses[] = {
	{"40001", CDBC_CONFLICT}, {"40P01", CDBC_CONFLICT}, {"42501", CDBC_DENIED},
	{"28", CDBC_AUTH},        {"XXC02", CDBC_AUTH},     {"0A", CDBC_UNSUPPORTED},
	{"53300", CDBC_CONNECT},  {"53", CDBC_RESOURCE},    {"57P01", CDBC_CONNECT},
	{"57P02", CDBC_CONNECT},  {"57P03", CDBC_CONNECT},  {"57P05", CDBC_CONNECT},
	{"25P03", CDBC_TIMEOUT},  {"25P04", CDBC_TIMEOUT},  {"08", CDBC_CONNECT},
	{"55P03", CDBC_CONFLICT},
};

cdbc_status cx_pg_status_of(const char *sqlstate, const char *message, bool is_cancel_sent)
{
	if (strcmp(sqlstate, "57014") == 0) {
		if (message && strstr(message, "statement timeout"))
			return CDBC_TIMEOUT;
		return is_cancel_sent ? CDBC_CANCELLED : CDBC_SQL;
	}
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (strncmp(sqlstate, statuses[i].prefix, strlen(statuses[i].prefix)) == 0)
			return statuses[i].status;
	return CDBC_SQL;
}

/* ---- text
 * ---------------------------------------------------------------------------------------------------
 */

void cx_pg_one_line(const char *text, char *out, size_t size)
{
	size_t n = 0;
	bool is_gap = false;

	if (size == 0)
		return;
	for (; text && *text && n + 3 < size; text++) {
		if (*text == '\n' || *text == '\r' || *text == '\t') {
			is_gap = n > 0;
		} else if (is_gap && *text == ' ') {
			continue;
		} else {
			if (is_gap) {
				if (!strchr(":;,.? ", out[n - 1]))
					out[n++] = ';';
				if (out[n - 1] != ' ')
					out[n++] = ' ';
			}
			is_gap = false;
			out[n++] = *text;
		}
	}
	/* Cut texts end with a whole character. */
	while (n > 0 && text && *text && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && text && *text && (unsigned char)out[n - 1] >= 0xc0)
		n--;
	out[n] = '\0';
}

static void first_line(const char *text, char *out, size_t size)
{
	size_t length = text ? strcspn(text, "\n") : 0;

	if (length >= size)
		length = size - 1;
	if (length)
		memcpy(out, text, length);
	out[length] = '\0';
}

/* ---- errors of results
 * -------------------------------------------------------------------------------------- */

static int64_t position_of(const PGresult *result, const char *detail)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);

	return position ? strtoll(position, NULL, 10) : cx_pg_caret_position(detail);
}

/* The session is over when the server says so by its severity, whatever the code; CockroachDB does
 * it with 57P01 and severity ERROR. */
bool cx_pg_ends_session(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (!severity)
		severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
	if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		return true;
	return sqlstate && (strcmp(sqlstate, "57P01") == 0 || strcmp(sqlstate, "57P02") == 0);
}

/* The one cancel that was sent has arrived. Of several, others may still be under way. */
static void cancel_hit(cx_pg_conn *c, const char *primary)
{
	unsigned one = 1;

	if (!primary || !strstr(primary, "statement timeout"))
		atomic_compare_exchange_strong(&c->cancels_due, &one, 0);
}

/* The line of a COPY that failed, out of the context's `COPY items, line 7, column id: "x"`. The
 * word for it is the server's language's. 0: it does not say. */
static int64_t copy_line(const char *context)
{
	const char *p = context;

	while (p) {
		if (strncmp(p, "COPY ", 5) == 0) {
			const char *end = p + strcspn(p, "\n");

			for (; p < end; p++) {
				char *after;
				int64_t line;

				if (p[0] != ',' || p[1] != ' ')
					continue;
				p += 2 + strcspn(p + 2, " ,:\"\n");
				if (p >= end || *p != ' ' || !isdigit((unsigned char)p[1]))
					continue;
				line = strtoll(p + 1, &after, 10);
				if (*after == '\0' || strchr(",:\n", *after))
					return line;
			}
			p = end;
		}
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return 0;
}

cdbc_status cx_pg_error_result(cx_pg_conn *c, const PGresult *result, cdbc_error **err)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	char text[LINE_MAX_BYTES], whole[LINE_MAX_BYTES + 300];
	bool is_over;
	cdbc_error_info info;

	if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
		return cx_error_set(err, CDBC_SQL, CX_PG_NOT_EXECUTED);
	if (!sqlstate) {
		if (PQstatus(c->pg) != CONNECTION_OK)
			return cx_pg_error_lost(c, err);
		cx_pg_one_line(PQresultErrorMessage(result), text, sizeof text);
		if (strstr(text, "out of memory"))
			return cx_error_nomem(err);
		return cx_error_set(err, CDBC_INTERNAL, "libpq: %s", text[0] ? text : "unexpected result");
	}
	is_over = cx_pg_ends_session(result);
	if (strcmp(sqlstate, "57014") == 0)
		cancel_hit(c, primary);
	cx_pg_one_line(primary, text, sizeof text);
	if (is_over) {
		c->is_lost = true;
		snprintf(whole, sizeof whole, "connection to %s lost: %s", c->host_text, text);
	}
	info = (cdbc_error_info){
		.struct_size = sizeof info,
		.status = is_over ? CDBC_CONNECT
						  : cx_pg_status_of(
								sqlstate, primary,
								atomic_load_explicit(&c->is_cancel_sent, memory_order_relaxed)),
		.message = is_over ? whole : text,
		.sqlstate = sqlstate,
		.detail = detail,
		.hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT),
		.constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME),
		.schema = PQresultErrorField(result, PG_DIAG_SCHEMA_NAME),
		.table = PQresultErrorField(result, PG_DIAG_TABLE_NAME),
		.column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME),
		.host = c->host_text,
		.position = position_of(result, detail),
		.context = context,
		.line = copy_line(context),
	};
	return cx_error_from_info(err, &info);
}

cdbc_status cx_pg_error_lost(cx_pg_conn *c, cdbc_error **err)
{
	char text[LINE_MAX_BYTES];

	c->is_lost = true;
	first_line(PQerrorMessage(c->pg), text, sizeof text);
	cx_error_set(err, CDBC_CONNECT, "connection to %s lost: %s", c->host_text,
				 text[0] ? text : "the server closed it");
	cx_error_field(err, CDBC_FIELD_HOST, c->host_text);
	if (c->last_notice[0])
		cx_error_sqlstate(err, c->last_notice);
	return CDBC_CONNECT;
}

cdbc_status cx_pg_error_late(cx_pg_conn *c, cdbc_error **err)
{
	cx_error_set(err, CDBC_TIMEOUT, "no answer from %s within the deadline", c->host_text);
	cx_error_hint(err, CX_DEADLINE_HINT);
	cx_error_field(err, CDBC_FIELD_HOST, c->host_text);
	return CDBC_TIMEOUT;
}

bool cx_pg_is_stale(const PGresult *result, bool *is_there)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (!sqlstate)
		return false;
	*is_there = strcmp(sqlstate, "26000") != 0;
	if (strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "42P05") == 0)
		return true;
	return strcmp(sqlstate, "0A000") == 0 && primary &&
		   strstr(primary, "cached plan must not change");
}

/* ---- connecting
 * --------------------------------------------------------------------------------------------- */

/* While connecting, libpq tells the SQLSTATE in its verbose text only: `FATAL:  28P01: password
 * ...`. *after: the message. */
static bool sqlstate_in(const char *text, char sqlstate[6], const char **after)
{
	for (const char *p = strstr(text, ":  "); p; p = strstr(p + 1, ":  ")) {
		size_t n = 0;

		while (n < 5 && (isdigit((unsigned char)p[3 + n]) || isupper((unsigned char)p[3 + n])))
			n++;
		if (n == 5 && p[8] == ':' && p[9] == ' ') {
			memcpy(sqlstate, p + 3, 5);
			sqlstate[5] = '\0';
			*after = p + 10;
			return true;
		}
	}
	return false;
}

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
		n++;
	return n;
}

/* Leaves out what libpq puts before the cause: `connection to server at "db" (10.0.0.1), port 5432
 * failed: `. */
static const char *skip_prefix(const char *text)
{
	const char *p;

	if (strncmp(text, "connection to server", 20) != 0 ||
		count_of(text, "connection to server") != 1)
		return text;
	p = strstr(text, " failed: ");
	return p ? p + 9 : text;
}

static cdbc_status connect_status(PGconn *pg, const char *sqlstate, const char *text)
{
	cdbc_status status;

	if (sqlstate[0] == '\0') {
		if (PQconnectionNeedsPassword(pg) || strstr(text, "password authentication failed") ||
			strstr(text, "GSSAPI"))
			return CDBC_AUTH;
		if (strstr(text, "out of memory"))
			return CDBC_NOMEM;
		if (strncmp(text, "invalid ", 8) == 0 || strncmp(text, "definition of service", 21) == 0)
			return CDBC_CONFIG;
		return CDBC_CONNECT;
	}
	if (strcmp(sqlstate, "XXUUU") == 0 &&
		strstr(text, "authentication failed")) /* CockroachDB up to v21.2 */
		return CDBC_AUTH;
	if (strcmp(sqlstate, "3D000") == 0 || strcmp(sqlstate, "42704") == 0 ||
		strcmp(sqlstate, "22023") == 0)
		return CDBC_CONFIG;
	status = cx_pg_status_of(sqlstate, text, false);
	return status == CDBC_AUTH || status == CDBC_DENIED ? status : CDBC_CONNECT;
}

static void connect_hint(cdbc_error **err, PGconn *pg, const char *sqlstate, const char *text)
{
	if (strcmp(sqlstate, "XXC02") == 0)
		cx_error_hint(err, "GSSAPI needs an enterprise licence on this cluster");
	else if (PQconnectionNeedsPassword(pg))
		cx_error_hint(err, "give a password, or a certificate (sslcert, sslkey)");
	else if (strncmp(text, "definition of service", 21) == 0)
		cx_error_hint(err, "libpq reads PGSERVICE; unset it");
	else if (strstr(text, "certificate verify failed"))
		cx_error_hint(err, "sslrootcert names the certificate authority of the server");
}

cdbc_status cx_pg_error_connect(PGconn *pg, const char *host_text, cdbc_error **err)
{
	const char *all = PQerrorMessage(pg), *after;
	char text[LINE_MAX_BYTES], sqlstate[6] = "", *cut;
	cdbc_status status;

	if (sqlstate_in(all, sqlstate, &after) && count_of(all, "connection to server") <= 1) {
		first_line(after, text, sizeof text);
	} else {
		cx_pg_one_line(skip_prefix(all), text, sizeof text);
		cut = strstr(text, "; LOCATION: ");
		if (cut)
			*cut = '\0';
	}
	status = connect_status(pg, sqlstate, text);
	cx_error_set(err, status, "connect %s: %s", host_text, text[0] ? text : "no reason given");
	cx_error_sqlstate(err, sqlstate);
	cx_error_field(err, CDBC_FIELD_HOST, host_text);
	connect_hint(err, pg, sqlstate, text);
	return status;
}
