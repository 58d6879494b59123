// SPDX-License-Identifier: Apache-2.0
/* Prepared statements: a bounded table a connection, the least recently used leaves first; and what
 * their first words say. */
#include "sqlite/internal.h"

#include "base/alloc.h"
#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* ---- words
 * --------------------------------------------------------------------------------------------------
 */

static const char *skip_blank(const char *p)
{
	for (;;) {
		if (isspace((unsigned char)*p)) {
			p++;
		} else if (p[0] == '-' && p[1] == '-') {
			p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			const char *end = strstr(p + 2, "*/");

			p = end ? end + 2 : p + strlen(p);
		} else {
			return p;
		}
	}
}

bool cx_sqlite_is_blank(const char *sql)
{
	for (sql = skip_blank(sql); *sql == ';';)
		sql = skip_blank(sql + 1);
	return *sql == '\0';
}

/* Reads the next word in capitals; false when what stands there is none. */
static bool next_word(const char **p, char out[24])
{
	size_t n = 0;

	*p = skip_blank(*p);
	while (isalpha((unsigned char)**p) || **p == '_') {
		if (n < 23)
			out[n++] = (char)toupper((unsigned char)**p);
		++*p;
	}
	out[n] = '\0';
	return n > 0;
}

/* Steps over a quoted text, whose quote stands at p. */
static const char *skip_quoted(const char *p)
{
	char quote = *p == '[' ? ']' : *p;

	for (p++; *p; p++) {
		if (*p == quote && p[1] == quote && quote != ']')
			p++;
		else if (*p == quote)
			return p + 1;
	}
	return p;
}

/* WITH ...: the verb is the first of the four at the outermost level. */
static void verb_of_with(const char *p, char out[24])
{
	int depth = 0;

	while (*(p = skip_blank(p))) {
		if (strchr("'\"`[", *p)) {
			p = skip_quoted(p);
		} else if (isalpha((unsigned char)*p) || *p == '_') {
			next_word(&p, out);
			if (depth == 0 && (strcmp(out, "SELECT") == 0 || strcmp(out, "INSERT") == 0 ||
							   strcmp(out, "UPDATE") == 0 || strcmp(out, "DELETE") == 0 ||
							   strcmp(out, "REPLACE") == 0 || strcmp(out, "VALUES") == 0))
				return;
		} else {
			depth += (*p == '(') - (*p == ')');
			p++;
		}
	}
	memcpy(out, "SELECT", sizeof "SELECT");
}

static const struct verb_row {
	const char *word, *tag;
	cx_sqlite_verb verb;
} verbs[] = {
	{"SELECT", "SELECT", CX_SQLITE_SELECT},   {"VALUES", "SELECT", CX_SQLITE_SELECT},
	{"INSERT", "INSERT 0", CX_SQLITE_INSERT}, {"REPLACE", "INSERT 0", CX_SQLITE_INSERT},
	{"UPDATE", "UPDATE", CX_SQLITE_CHANGE},   {"DELETE", "DELETE", CX_SQLITE_CHANGE},
	{"BEGIN", "BEGIN", CX_SQLITE_BEGIN},      {"COMMIT", "COMMIT", CX_SQLITE_COMMIT},
	{"END", "COMMIT", CX_SQLITE_COMMIT},      {"ROLLBACK", "ROLLBACK", CX_SQLITE_ROLLBACK},
	{"VACUUM", "VACUUM", CX_SQLITE_OUTSIDE},  {"PRAGMA", "PRAGMA", CX_SQLITE_OUTSIDE},
	{"ATTACH", "ATTACH", CX_SQLITE_OUTSIDE},  {"DETACH", "DETACH", CX_SQLITE_OUTSIDE},
};

/* "CREATE TEMP TABLE" and "CREATE UNIQUE INDEX" are "CREATE TABLE" and "CREATE INDEX". */
static void object_of(const char *p, char word[24])
{
	while (next_word(&p, word))
		if (strcmp(word, "TEMP") != 0 && strcmp(word, "TEMPORARY") != 0 &&
			strcmp(word, "UNIQUE") != 0 && strcmp(word, "VIRTUAL") != 0)
			return;
}

static bool is_rollback_to(const char *p)
{
	char word[24];

	while (next_word(&p, word))
		if (strcmp(word, "TO") == 0)
			return true;
	return false;
}

void cx_sqlite_tag_read(const char *sql, cx_sqlite_tag *out)
{
	char word[24], object[24];

	memset(out, 0, sizeof *out);
	while (*(sql = skip_blank(sql)) == ';')
		sql++;
	if (!next_word(&sql, word))
		return;
	if (strcmp(word, "WITH") == 0)
		verb_of_with(sql, word);
	snprintf(out->words, sizeof out->words, "%s", word);
	if (strcmp(word, "CREATE") == 0 || strcmp(word, "DROP") == 0 || strcmp(word, "ALTER") == 0) {
		object_of(sql, object);
		snprintf(out->words, sizeof out->words, "%s %.20s", word, object);
		return;
	}
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(word, verbs[i].word) != 0)
			continue;
		snprintf(out->words, sizeof out->words, "%s", verbs[i].tag);
		out->verb = verbs[i].verb;
	}
	if (out->verb == CX_SQLITE_ROLLBACK && is_rollback_to(sql))
		out->verb = CX_SQLITE_ROLLBACK_TO;
}

/* ---- the table
 * ---------------------------------------------------------------------------------------------- */

static cx_sqlite_statement **bucket_of(cx_sqlite_conn *conn, uint64_t id)
{
	return &conn->buckets[id % CX_SQLITE_BUCKETS];
}

static void list_remove(cx_sqlite_conn *conn, cx_sqlite_statement *s)
{
	*(s->newer ? &s->newer->older : &conn->newest) = s->older;
	*(s->older ? &s->older->newer : &conn->oldest) = s->newer;
	s->newer = s->older = NULL;
}

static void list_push(cx_sqlite_conn *conn, cx_sqlite_statement *s)
{
	s->newer = NULL;
	s->older = conn->newest;
	*(conn->newest ? &conn->newest->newer : &conn->oldest) = s;
	conn->newest = s;
}

static void statement_fini(cx_sqlite_statement *s)
{
	sqlite3_finalize(s->handle);
	if (s->schema.release)
		s->schema.release(&s->schema);
	cx_arena_free(&s->arena);
	cx_arena_free(&s->hints_arena);
	memset(s, 0, sizeof *s);
}

static void statement_drop(cx_sqlite_conn *conn, cx_sqlite_statement *s)
{
	cx_sqlite_statement **at = bucket_of(conn, s->id);

	while (*at != s)
		at = &(*at)->bucket_next;
	*at = s->bucket_next;
	list_remove(conn, s);
	conn->kept_count--;
	statement_fini(s);
	cx_free(s);
}

void cx_sqlite_statements_free(cx_sqlite_conn *conn)
{
	while (conn->oldest)
		statement_drop(conn, conn->oldest);
	statement_fini(&conn->loose);
}

static cdbc_status prepare(cx_sqlite_conn *conn, const char *sql, size_t length, unsigned flags,
						   const char **tail, cx_sqlite_statement *s, cdbc_error **err)
{
	int rc;

	if (length >= INT32_MAX)
		return cx_error_set(err, CDBC_RESOURCE, "the statement is longer than 2 GiB");
	rc = sqlite3_prepare_v3(conn->db, sql, (int)length + 1, flags, &s->handle, tail);
	if (rc)
		return cx_sqlite_fail(conn, rc, sql, err);
	cx_sqlite_tag_read(sql, &s->tag);
	return CDBC_OK;
}

/* A request is one statement, unless it says that it is several. */
static cdbc_status check_tail(const cdbc_request *request, const char *tail, cdbc_error **err)
{
	cdbc_status status;

	if ((request->flags & CDBC_REQUEST_SIMPLE) || cx_sqlite_is_blank(tail))
		return CDBC_OK;
	status = cx_error_set(err, CDBC_SQL, "several statements in one request");
	cx_error_sqlstate(err, "42601");
	return status;
}

static cx_sqlite_statement *find(cx_sqlite_conn *conn, uint64_t id)
{
	cx_sqlite_statement *s = *bucket_of(conn, id);

	while (s && s->id != id)
		s = s->bucket_next;
	return s;
}

cdbc_status cx_sqlite_statement_get(cx_sqlite_conn *conn, const cdbc_request *request,
									const char *sql, size_t length, const char **tail,
									cx_sqlite_statement **out, cdbc_error **err)
{
	bool is_kept = request->statement_id && conn->kept_max &&
				   !(request->flags & (CDBC_REQUEST_NO_PREPARE | CDBC_REQUEST_SIMPLE));
	cx_sqlite_statement *s = is_kept ? find(conn, request->statement_id) : &conn->loose;
	cdbc_status status;

	if (is_kept && s) {
		if (s != conn->newest) {
			list_remove(conn, s);
			list_push(conn, s);
		}
		*tail = sql + length;
		*out = s;
		return CDBC_OK;
	}
	if (is_kept) {
		s = cx_calloc(1, sizeof *s);
		if (!s)
			return cx_error_nomem(err);
	}
	status = prepare(conn, sql, length, is_kept ? SQLITE_PREPARE_PERSISTENT : 0, tail, s, err);
	if (!status)
		status = check_tail(request, *tail, err);
	if (status) {
		statement_fini(s);
		if (is_kept)
			cx_free(s);
		return status;
	}
	*out = s;
	if (!is_kept)
		return CDBC_OK;
	if (conn->kept_count == conn->kept_max)
		statement_drop(conn, conn->oldest);
	s->id = request->statement_id;
	s->bucket_next = *bucket_of(conn, s->id);
	*bucket_of(conn, s->id) = s;
	list_push(conn, s);
	conn->kept_count++;
	return CDBC_OK;
}

void cx_sqlite_statement_put(cx_sqlite_conn *conn, cx_sqlite_statement *s)
{
	if (s == &conn->loose) {
		statement_fini(s);
	} else if (s->handle) {
		sqlite3_reset(s->handle);
	}
}
