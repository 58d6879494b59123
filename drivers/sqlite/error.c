// SPDX-License-Identifier: Apache-2.0
/* SQLite's errors in the words of the house: status, SQLSTATE, position, constraint. No other file
 * reads its result codes for that. */
#include "sqlite/internal.h"

#include "base/clock.h"
#include "base/error.h"

typedef struct error_class {
	int code; /* extended, or primary when the row is the last resort */
	cdbc_status status;
	const char *sqlstate;
} error_class;

static const error_class classes[] = {
	{SQLITE_CONSTRAINT_UNIQUE, CDBC_SQL, "23505"},
	{SQLITE_CONSTRAINT_PRIMARYKEY, CDBC_SQL, "23505"},
	{SQLITE_CONSTRAINT_ROWID, CDBC_SQL, "23505"},
	{SQLITE_CONSTRAINT_NOTNULL, CDBC_SQL, "23502"},
	{SQLITE_CONSTRAINT_FOREIGNKEY, CDBC_SQL, "23503"},
	{SQLITE_CONSTRAINT_CHECK, CDBC_SQL, "23514"},
	{SQLITE_CONSTRAINT_TRIGGER, CDBC_SQL, "P0001"},
	{SQLITE_CONSTRAINT_DATATYPE, CDBC_SQL, "42804"},
	{SQLITE_CONSTRAINT, CDBC_SQL, "23000"},
	{SQLITE_BUSY, CDBC_CONFLICT, ""},
	{SQLITE_LOCKED, CDBC_CONFLICT, ""},
	{SQLITE_INTERRUPT, CDBC_CANCELLED, "57014"},
	{SQLITE_NOMEM, CDBC_NOMEM, ""},
	{SQLITE_FULL, CDBC_RESOURCE, "53100"},
	{SQLITE_IOERR, CDBC_IO, "58030"},
	{SQLITE_READONLY, CDBC_SQL, "25006"},
	{SQLITE_CORRUPT, CDBC_CONNECT, "XX001"},
	{SQLITE_NOTADB, CDBC_CONNECT, ""},
	{SQLITE_CANTOPEN, CDBC_CONNECT, ""},
	{SQLITE_PERM, CDBC_CONNECT, ""},
	{SQLITE_AUTH, CDBC_DENIED, "42501"},
	{SQLITE_TOOBIG, CDBC_SQL, "54000"},
	{SQLITE_MISMATCH, CDBC_SQL, "42804"},
	{SQLITE_RANGE, CDBC_PARAM, "08P01"},
	{SQLITE_MISUSE, CDBC_INTERNAL, ""},
};

/* What a plain SQLITE_ERROR means stands in its message only. The first row that fits counts. */
static const struct message_class {
	const char *begins, *contains, *sqlstate;
} messages[] = {
	{"no such table", NULL, "42P01"},
	{"no such view", NULL, "42P01"},
	{"no such column", NULL, "42703"},
	{NULL, "has no column named", "42703"},
	{"ambiguous column name", NULL, "42702"},
	{"no such function", NULL, "42883"},
	{"wrong number of arguments", NULL, "42883"},
	{"no such index", NULL, "42704"},
	{"no such savepoint", NULL, "3B001"},
	{NULL, "no transaction is active", "25P01"},
	{NULL, "within a transaction", "25001"},
	{"there is already", NULL, "42P07"},
	{NULL, "already exists", "42P07"},
	{"duplicate column name", NULL, "42701"},
	{NULL, "syntax error", "42601"},
	{"incomplete input", NULL, "42601"},
	{"unrecognized token", NULL, "42601"},
	{NULL, "values were supplied", "42601"},
	{NULL, "values for", "42601"},
	{"misuse of aggregate", NULL, "42803"},
	{"integer overflow", NULL, "22003"},
	{"malformed JSON", NULL, "22P02"},
	{"cannot store", NULL, "42804"},
};

static const error_class *class_of(int rc)
{
	static const error_class other = {SQLITE_ERROR, CDBC_SQL, "42000"};

	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (classes[i].code == rc || classes[i].code == (rc & 0xff))
			return &classes[i];
	return &other;
}

static const char *sqlstate_of_message(const char *message)
{
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		if (messages[i].begins &&
			strncmp(message, messages[i].begins, strlen(messages[i].begins)) == 0)
			return messages[i].sqlstate;
		if (messages[i].contains && strstr(message, messages[i].contains))
			return messages[i].sqlstate;
	}
	return "42000";
}

/* Copies what stands from begin to the first stop character (or the end). */
static void copy_word(const char *begin, const char *stops, char *out, size_t size)
{
	size_t n = strcspn(begin, stops);

	if (n >= size)
		n = size - 1;
	memcpy(out, begin, n);
	out[n] = '\0';
}

/* "UNIQUE constraint failed: t.a, t.b", "... failed: index 'i'", "CHECK constraint failed: name".
 */
static void add_constraint(int rc, const char *message, cdbc_error **err)
{
	const char *what = strstr(message, "constraint failed: ");
	const char *dot;
	char word[128];

	if (!what)
		return;
	what += strlen("constraint failed: ");
	if (strncmp(what, "index '", 7) == 0) {
		copy_word(what + 7, "'", word, sizeof word);
		cx_error_field(err, CDBC_FIELD_CONSTRAINT, word);
	} else if (rc == SQLITE_CONSTRAINT_CHECK) {
		cx_error_field(err, CDBC_FIELD_CONSTRAINT, what);
	} else if ((dot = strchr(what, '.'))) {
		copy_word(what, ".", word, sizeof word);
		cx_error_field(err, CDBC_FIELD_TABLE, word);
		if (!strchr(dot, ',')) {
			copy_word(dot + 1, ",", word, sizeof word);
			cx_error_field(err, CDBC_FIELD_COLUMN, word);
		}
	}
}

/* SQLite gives bytes, we give characters from 1. */
static int64_t position_in(const char *sql, int offset)
{
	int64_t position = 1;

	for (int i = 0; i < offset && sql[i]; i++)
		position += ((unsigned char)sql[i] & 0xc0) != 0x80;
	return position;
}

/* A lock or an interrupt that our own deadline or a cancel brought about. */
static bool is_stopped(const cx_sqlite_conn *conn, int rc)
{
	return rc == SQLITE_INTERRUPT || rc == SQLITE_BUSY || rc == SQLITE_LOCKED;
}

static cdbc_status fail_stopped(cx_sqlite_conn *conn, int rc, cdbc_error **err)
{
	const char *where = rc == SQLITE_INTERRUPT ? "" : " while waiting for a lock on the database";
	cdbc_status status;

	if (atomic_load(&conn->is_cancelled))
		status = cx_error_set(err, CDBC_CANCELLED, "cancelled%s", where);
	else
		status = cx_error_set(err, CDBC_TIMEOUT, "the deadline passed%s", where);
	if (status == CDBC_TIMEOUT)
		cx_error_hint(err, CX_DEADLINE_HINT);
	cx_error_sqlstate(err, "57014");
	return status;
}

cdbc_status cx_sqlite_fail(cx_sqlite_conn *conn, int rc, const char *sql, cdbc_error **err)
{
	const error_class *class = class_of(rc);
	const char *message = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc);
	int offset = conn->db && sql ? sqlite3_error_offset(conn->db) : -1;
	const char *sqlstate = class->sqlstate;
	cdbc_status status;

	if (class->status == CDBC_NOMEM)
		return cx_error_nomem(err);
	if (is_stopped(conn, rc & 0xff) && (atomic_load(&conn->is_cancelled) || conn->is_deadline_hit))
		return fail_stopped(conn, rc & 0xff, err);
	if (class->code == SQLITE_ERROR)
		sqlstate = sqlstate_of_message(message);
	status = cx_error_set(err, class->status, "%s", message);
	if (sqlstate[0])
		cx_error_sqlstate(err, sqlstate);
	if (offset >= 0)
		cx_error_position(err, position_in(sql, offset));
	if ((rc & 0xff) == SQLITE_CONSTRAINT)
		add_constraint(rc, message, err);
	if (status == CDBC_CONFLICT)
		cx_error_hint(
			err,
			"another connection holds a lock that this transaction cannot wait for: run it again");
	return status;
}
