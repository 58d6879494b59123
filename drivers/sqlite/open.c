// SPDX-License-Identifier: Apache-2.0
/* A connection's life: settings, open, close, reset, and the callbacks by which a deadline or a
 * cancel stops SQLite. */
#include "sqlite/driver.h"
#include "sqlite/internal.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>

#define PROGRESS_OPS    1000
#define BUSY_SLEEP_NS   (10 * CX_NS_PER_MS)
#define WAL_PATIENCE_MS 200
#define PRAGMAS_MAX     (64u << 10)

/* What a session may have changed that reset cannot read back: the defaults, before the settings'
 * own pragmas. */
static const char session_defaults[] =
	"PRAGMA foreign_keys=1;PRAGMA recursive_triggers=0;PRAGMA query_only=0;PRAGMA "
	"ignore_check_constraints=0;"
	"PRAGMA reverse_unordered_selects=0;PRAGMA read_uncommitted=0;PRAGMA "
	"case_sensitive_like=0;PRAGMA legacy_alter_table=0;";

/* ---- callbacks
 * ---------------------------------------------------------------------------------------------- */

static bool must_stop(cx_sqlite_conn *conn)
{
	if (atomic_load_explicit(&conn->is_cancelled, memory_order_relaxed))
		return true;
	if (!cx_deadline_passed(conn->deadline_ns))
		return false;
	conn->is_deadline_hit = true;
	return true;
}

static int on_progress(void *data)
{
	return must_stop(data);
}

/* Another holds the lock: sleep a little and have SQLite try again, until the deadline. In short
 * pieces, so that cancel is heard. */
static int on_busy(void *data, int tries)
{
	cx_sqlite_conn *conn = data;
	int64_t left = cx_deadline_left_ns(conn->deadline_ns);
	int64_t nap = tries < 4 ? CX_NS_PER_MS << tries : BUSY_SLEEP_NS;

	if (must_stop(conn))
		return 0;
	if (nap > left)
		nap = left;
	nanosleep(&(struct timespec){.tv_sec = 0, .tv_nsec = (long)nap}, NULL);
	return 1;
}

void cx_sqlite_enter(cx_sqlite_conn *conn, int64_t deadline_ns)
{
	conn->deadline_ns = deadline_ns;
	conn->is_deadline_hit = false;
}

int cx_sqlite_exec(cx_sqlite_conn *conn, const char *sql)
{
	return sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
}

cdbc_tx_state cx_sqlite_tx_state(const cx_sqlite_conn *conn)
{
	if (conn->is_tx_failed)
		return CDBC_TX_FAILED;
	return sqlite3_get_autocommit(conn->db) ? CDBC_TX_IDLE : CDBC_TX_OPEN;
}

/* ---- settings
 * -----------------------------------------------------------------------------------------------
 */

/* Characters of a pragma's name or value: nothing that could end it and begin other SQL. */
static bool is_word(const char *text, bool is_value)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_' && !(is_value && strchr("-+.", *text)))
			return false;
	return true;
}

static cdbc_status add_pragma(cx_buf *pragmas, const cdbc_setting *s, cdbc_error **err)
{
	const char *name = s->name + 4;

	if (!is_word(name, false) || !is_word(s->value, true))
		return cx_error_set(err, CDBC_CONFIG,
							"setting \"%s\": \"%s\" is not a pragma's name and value", s->name,
							s->value);
	cx_buf_putf(pragmas, "PRAGMA %s=%s;", name, s->value);
	return CDBC_OK;
}

static cdbc_status unknown_setting(const char *name, cdbc_error **err)
{
	static const char *const known[] = {"path", "mode", "prepared_statements"};
	const char *nearest = cx_text_nearest(name, known, 3);
	cdbc_status status =
		cx_error_set(err, CDBC_CONFIG, "setting \"%s\" is unknown to sqlite", name);

	if (nearest)
		cx_error_hint(err, "did you mean \"%s\"?", nearest);
	else
		cx_error_hint(err, "known are path, mode, prepared_statements and set.NAME");
	return status;
}

typedef struct open_plan {
	const char *path;
	int flags;
	cx_buf pragmas; /* of the settings */
	bool has_journal_mode;
} open_plan;

static cdbc_status read_mode(const char *value, open_plan *plan, cdbc_error **err)
{
	if (strcmp(value, "ro") == 0)
		plan->flags = SQLITE_OPEN_READONLY;
	else if (strcmp(value, "rw") == 0)
		plan->flags = SQLITE_OPEN_READWRITE;
	else if (strcmp(value, "rwc") != 0)
		return cx_error_set(err, CDBC_CONFIG, "setting \"mode\": \"%s\" is none of rwc, rw, ro",
							value);
	return CDBC_OK;
}

static cdbc_status read_settings(const cdbc_settings *settings, cx_sqlite_conn *conn,
								 open_plan *plan, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;
	int64_t kept = CX_SQLITE_STATEMENTS_DEFAULT;

	for (size_t i = 0; !status && i < settings->count; i++) {
		const cdbc_setting *s = &settings->items[i];

		if (strcmp(s->name, "path") == 0)
			plan->path = s->value;
		else if (strcmp(s->name, "mode") == 0)
			status = read_mode(s->value, plan, err);
		else if (strcmp(s->name, "prepared_statements") == 0 &&
				 !cx_text_int64(s->value, strlen(s->value), 0, CX_SQLITE_STATEMENTS_MAX, &kept))
			status =
				cx_error_set(err, CDBC_CONFIG,
							 "setting \"prepared_statements\": \"%s\" is not a number from 0 to %d",
							 s->value, CX_SQLITE_STATEMENTS_MAX);
		else if (strncmp(s->name, "set.", 4) == 0)
			status = add_pragma(&plan->pragmas, s, err);
		else if (strcmp(s->name, "prepared_statements") != 0)
			status = unknown_setting(s->name, err);
		plan->has_journal_mode |= strcasecmp(s->name, "set.journal_mode") == 0;
	}
	if (!status && (!plan->path || !*plan->path)) {
		status = cx_error_set(err, CDBC_CONFIG, "setting \"path\" is missing");
		cx_error_hint(err, "give a file, as in sqlite:bank.db, or sqlite::memory:");
	}
	conn->kept_max = (size_t)kept;
	return status ? status : cx_buf_status(&plan->pragmas, "settings", err);
}

/* ---- open and close
 * ----------------------------------------------------------------------------------------- */

static cdbc_status open_handle(cx_sqlite_conn *conn, const open_plan *plan, cdbc_error **err)
{
	const char *prefix =
		strncmp(plan->path, "file:", 5) == 0 ? "./" : ""; /* a name, never SQLite's URI */
	cx_buf name = CX_BUF_INIT(1u << 16);
	cdbc_status status;
	int rc;

	cx_buf_putf(&name, "%s%s", prefix, plan->path);
	status = cx_buf_status(&name, "path", err);
	if (status)
		goto out;
	rc = sqlite3_open_v2(name.data, &conn->db,
						 plan->flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc) {
		int os = conn->db ? sqlite3_system_errno(conn->db) : 0;

		status = cx_sqlite_fail(conn, rc, NULL, err);
		if (os == ENOENT)
			cx_error_hint(err, "the file or its folder does not exist");
		else if (os)
			cx_error_hint(err, "%s", strerror(os));
	}
out:
	cx_buf_free(&name);
	return status;
}

/* Makes the connection as we want every one: safe, foreign keys checked, WAL where it can be. */
static cdbc_status configure(cx_sqlite_conn *conn, const open_plan *plan, cdbc_error **err)
{
	int64_t deadline_ns = conn->deadline_ns;
	int rc;

	sqlite3_busy_handler(conn->db, on_busy, conn);
	sqlite3_progress_handler(conn->db, PROGRESS_OPS, on_progress, conn);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	rc = cx_sqlite_exec(conn, "PRAGMA schema_version"); /* reads the file: is it a database? */
	if (rc)
		return cx_sqlite_fail(conn, rc, NULL, err);
	if (!conn->is_memory && !conn->is_read_only && !plan->has_journal_mode) {
		/* Tried only: a busy or odd file system stays with the journal it has. */
		conn->deadline_ns = cx_deadline_sooner(deadline_ns, cx_deadline_after_ms(WAL_PATIENCE_MS));
		cx_sqlite_exec(conn, "PRAGMA journal_mode=WAL");
		cx_sqlite_enter(conn, deadline_ns);
	}
	rc = cx_sqlite_exec(conn, session_defaults);
	if (!rc && conn->pragmas)
		rc = cx_sqlite_exec(conn, conn->pragmas);
	return rc ? cx_sqlite_fail(conn, rc, NULL, err) : CDBC_OK;
}

static void conn_close(void *handle)
{
	cx_sqlite_conn *conn = handle;

	if (!conn)
		return;
	if (conn->is_busy)
		cx_sqlite_cursor_close(&conn->cursor, 0);
	cx_sqlite_statements_free(conn);
	sqlite3_close(conn->db);
	cx_buf_free(&conn->scratch);
	cx_free(conn->pragmas);
	cx_free(conn->path);
	cx_free(conn);
}

static cdbc_status conn_open(const cdbc_settings *settings, int64_t deadline_ns, void **out,
							 cdbc_error **err)
{
	open_plan plan = {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
					  .pragmas = CX_BUF_INIT(PRAGMAS_MAX)};
	cx_sqlite_conn *conn = cx_calloc(1, sizeof *conn);
	cdbc_status status;

	if (!conn)
		return cx_error_nomem(err);
	atomic_init(&conn->is_cancelled, false);
	cx_buf_init(&conn->scratch, SIZE_MAX / 2);
	cx_sqlite_enter(conn, deadline_ns);
	status = read_settings(settings, conn, &plan, err);
	if (status)
		goto out;
	conn->is_memory = strcmp(plan.path, ":memory:") == 0;
	conn->is_read_only = plan.flags == SQLITE_OPEN_READONLY;
	conn->path = cx_strdup(plan.path);
	conn->pragmas = plan.pragmas.length ? cx_buf_take(&plan.pragmas) : NULL;
	if (!conn->path) {
		status = cx_error_nomem(err);
		goto out;
	}
	status = open_handle(conn, &plan, err);
	if (!status)
		status = configure(conn, &plan, err);
	if (status && status != CDBC_NOMEM)
		cx_error_wrap(err, "open \"%s\"", plan.path);
	if (!status)
		*out = conn;
out:
	cx_buf_free(&plan.pragmas);
	if (status)
		conn_close(conn);
	return status;
}

/* ---- state
 * --------------------------------------------------------------------------------------------------
 */

static cdbc_conn_state conn_state(void *handle)
{
	const cx_sqlite_conn *conn = handle;

	return (cdbc_conn_state){
		.tx = cx_sqlite_tx_state(conn), .is_lost = conn->is_lost, .is_busy = conn->is_busy};
}

static cdbc_status conn_info(void *handle, cdbc_info_id id, cdbc_value *out, cdbc_error **err)
{
	const cx_sqlite_conn *conn = handle;

	switch (id) {
	case CDBC_INFO_PRODUCT:
		*out = cdbc_string("SQLite");
		break;
	case CDBC_INFO_VERSION:
		*out = cdbc_string(sqlite3_libversion());
		break;
	case CDBC_INFO_DIALECT:
		*out = cdbc_string("sqlite");
		break;
	case CDBC_INFO_HOST:
		*out = cdbc_string(conn->path);
		break;
	case CDBC_INFO_PREPARED_COUNT:
		*out = cdbc_int64((int64_t)conn->kept_count);
		break;
	default:
		*out = cdbc_null();
	}
	return CDBC_OK;
}

static cdbc_status conn_usable(const cx_sqlite_conn *conn, cdbc_error **err)
{
	if (conn->is_lost)
		return cx_error_set(err, CDBC_CONNECT, "the connection is lost");
	if (conn->is_busy)
		return cx_error_set(err, CDBC_USAGE, "a result of this connection is still open");
	return CDBC_OK;
}

static cdbc_status conn_ping(void *handle, int64_t deadline_ns, cdbc_error **err)
{
	return conn_usable(handle, err);
}

/* Detaches what was attached and drops what is temporary; SQL text of it is made first, for neither
 * may run while it is read. */
static int drop_leftovers(cx_sqlite_conn *conn)
{
	static const char list[] = "SELECT printf('DETACH \"%w\"', name) FROM pragma_database_list "
							   "WHERE name NOT IN ('main', 'temp') UNION ALL "
							   "SELECT printf('DROP %s IF EXISTS temp.\"%w\"', type, name) FROM "
							   "sqlite_temp_schema WHERE type IN ('table', 'view')"
							   " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
	cx_buf sql = CX_BUF_INIT(16u << 20);
	sqlite3_stmt *handle = NULL;
	int rc = sqlite3_prepare_v2(conn->db, list, -1, &handle, NULL);

	while (!rc && (rc = sqlite3_step(handle)) == SQLITE_ROW) {
		cx_buf_putf(&sql, "%s;", (const char *)sqlite3_column_text(handle, 0));
		rc = SQLITE_OK;
	}
	sqlite3_finalize(handle);
	if (rc == SQLITE_DONE)
		rc = cx_buf_status(&sql, "", NULL) ? SQLITE_NOMEM : SQLITE_OK;
	if (!rc && sql.length)
		rc = cx_sqlite_exec(conn, sql.data);
	cx_buf_free(&sql);
	return rc;
}

static cdbc_status conn_reset(void *handle, int64_t deadline_ns, cdbc_error **err)
{
	cx_sqlite_conn *conn = handle;
	cdbc_status status = conn_usable(conn, err);
	int rc = SQLITE_OK;

	if (status)
		return status;
	cx_sqlite_enter(conn, deadline_ns);
	atomic_store(&conn->is_cancelled, false);
	if (!sqlite3_get_autocommit(conn->db))
		rc = cx_sqlite_exec(conn, "ROLLBACK");
	conn->is_tx_failed = false;
	sqlite3_busy_handler(conn->db, on_busy, conn); /* PRAGMA busy_timeout puts its own in place */
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (!rc)
		rc = cx_sqlite_exec(conn, session_defaults);
	if (!rc)
		rc = drop_leftovers(conn);
	if (!rc && conn->pragmas)
		rc = cx_sqlite_exec(conn, conn->pragmas);
	if (!rc)
		return CDBC_OK;
	conn->is_lost = true;
	status = cx_sqlite_fail(conn, rc, NULL, err);
	cx_error_wrap(err, "reset the session");
	return status;
}

/* Any thread. One that comes when nothing runs is forgotten by the next submit. */
static cdbc_status conn_cancel(void *handle, int64_t deadline_ns, cdbc_error **err)
{
	cx_sqlite_conn *conn = handle;

	atomic_store(&conn->is_cancelled, true);
	sqlite3_interrupt(conn->db);
	return CDBC_OK;
}

const cdbc_driver cx_driver_sqlite = {
	.struct_size = sizeof(cdbc_driver),
	.name = "sqlite",
	.schemes = "sqlite",
	.capabilities = CDBC_CAN_TRANSACT | CDBC_CAN_CANCEL | CDBC_CAN_PIPELINE | CDBC_CAN_DESCRIBE |
					CDBC_CAN_STREAM | CDBC_IS_EMBEDDED | CDBC_TAKES_QUESTION_MARKS,
	.open = conn_open,
	.close = conn_close,
	.state = conn_state,
	.info = conn_info,
	.ping = conn_ping,
	.reset = conn_reset,
	.describe = cx_sqlite_describe,
	.submit = cx_sqlite_submit,
	.next_result = cx_sqlite_next_result,
	.fetch = cx_sqlite_fetch,
	.summary = cx_sqlite_summary,
	.cursor_close = cx_sqlite_cursor_close,
	.cancel = conn_cancel,
};
