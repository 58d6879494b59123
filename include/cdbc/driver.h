// SPDX-License-Identifier: Apache-2.0
/* For those who add a database: what a driver gives, and what it is given.
 *
 * A driver never retries a request, logs or sleeps, and never judges an outcome: it reports facts
 * (cdbc_summary) and the layers above decide. Deadlines are nanoseconds of CLOCK_MONOTONIC
 * (cdbc_driver_host.now_ns); INT64_MAX waits without end. One thread at a time is inside a
 * connection, except for cancel. At most one cursor or copy is open on a connection at a time. */
#ifndef CDBC_DRIVER_H
#define CDBC_DRIVER_H

#include <cdbc/arrow.h>
#include <cdbc/error.h>
#include <cdbc/value.h>

CDBC_BEGIN

#define CDBC_DRIVER_ABI 1u

/* ---- What the library gives to a driver
 * --------------------------------------------------------------------- */

/* The facts of an error, as a driver knows them. Any string may be NULL. struct_size is set by the
 * caller. */
typedef struct cdbc_error_info {
	size_t struct_size;
	cdbc_status status;
	const char *message;
	const char *sqlstate;
	const char *detail;
	const char *hint;
	const char *constraint;
	const char *schema;
	const char *table;
	const char *column;
	const char *host;
	int64_t position;    /* characters from 1; 0: unknown */
	const char *context; /* where the server was, in its words */
	int64_t line;        /* of a copy's bytes, from 1: the one that failed; 0: unknown */
} cdbc_error_info;

/* Services of the library, so that a driver from elsewhere needs no other symbol of it. Later
 * fields may be absent: look at struct_size. All may be called from any thread. */
typedef struct cdbc_driver_host {
	size_t struct_size;
	cdbc_allocator allocator;
	/* Makes an error of the facts, unless err is NULL; returns info->status. Cannot fail (out of
	 * memory gives a static one). */
	cdbc_status (*error_set)(cdbc_error **err, const cdbc_error_info *info);
	int64_t (*now_ns)(void);
	/* Runs fn(data) on a helper thread and waits for it until the deadline. Returns CDBC_OK once fn
	 * has returned and *err is untouched; CDBC_TIMEOUT when the deadline came first: fn then goes
	 * on alone, and data belongs to it. abandoned(data), if not NULL, is called on the helper
	 * thread after such an fn. CDBC_OVERLOADED: fn was not and will not be called. */
	cdbc_status (*run_blocking)(const struct cdbc_driver_host *host, void (*fn)(void *data),
								void (*abandoned)(void *data), void *data, int64_t deadline_ns,
								cdbc_error **err);
	void *self;
	/* What the server says besides its answers, for those who watch (CDBC_EVENT_NOTICE). On the
	 * thread that is inside the connection; both texts are borrowed for the call. NULL: nobody
	 * listens. */
	void (*notice)(const struct cdbc_driver_host *host, const char *server, const char *text);
} cdbc_driver_host;

typedef struct cdbc_setting {
	const char *name;
	const char *value;
} cdbc_setting;

/* Where and how to connect. Borrowed for the call of open. Names are the driver's own; those of
 * postgresql are libpq's (host, port, dbname, user, password, sslmode, ...); sqlite has path. Names
 * beginning with "set." are session settings. */
typedef struct cdbc_settings {
	size_t struct_size;
	const char *scheme; /* "postgresql", "cockroachdb", "sqlite" */
	const cdbc_setting *items;
	size_t count;
	const cdbc_driver_host *host;
} cdbc_settings;

/* Returns a setting's value, or NULL when it was not given. */
static inline const char *cdbc_settings_find(const cdbc_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, name) == 0)
			return settings->items[i].value;
	return NULL;
}

/* ---- A request
 * ---------------------------------------------------------------------------------------------- */

/* What a statement does, as the lexer judges it. */
typedef enum cdbc_statement_kind {
	CDBC_KIND_UNKNOWN,
	CDBC_KIND_SELECT,
	CDBC_KIND_DML,
	CDBC_KIND_DDL,
	CDBC_KIND_TRANSACTION, /* BEGIN, COMMIT, SAVEPOINT, ... */
	CDBC_KIND_SESSION,     /* SET, RESET, PREPARE, LISTEN, ... */
	CDBC_KIND_COPY,
	CDBC_KIND_UTILITY /* SHOW, EXPLAIN, VACUUM, ... */
} cdbc_statement_kind;

enum {
	CDBC_REQUEST_READ_ONLY = 1u << 0,       /* writes nothing */
	CDBC_REQUEST_CHANGES_SESSION = 1u << 1, /* leaves something behind in the session */
	CDBC_REQUEST_SMALL_RESULT = 1u << 2,    /* known to give few rows: whole-result mode */
	CDBC_REQUEST_NO_PREPARE = 1u << 3,      /* do not keep a prepared statement */
	CDBC_REQUEST_IDEMPOTENT = 1u << 4,
	CDBC_REQUEST_SIMPLE = 1u << 5, /* several statements in one text, no values: simple protocol */
	/* COMMIT, END, PREPARE TRANSACTION or RELEASE cockroach_restart: a transaction's fate is in it
	 */
	CDBC_REQUEST_COMMITS = 1u << 6,
	/* names the time, chance or the connection: another answer each time, of the same data */
	CDBC_REQUEST_VOLATILE = 1u << 7,
	/* may commit part of its work and fail then: CALL, DO, VACUUM, a script with a COMMIT in it */
	CDBC_REQUEST_COMMITS_PARTS = 1u << 8,
	CDBC_REQUEST_CONTROLS = 1u << 9 /* begins, ends or marks a transaction, among others */
};

typedef enum cdbc_numeric_mode {
	CDBC_NUMERIC_AUTO,    /* decimal128 where numeric(p,s) fits it, else exact text */
	CDBC_NUMERIC_DECIMAL, /* decimal128 always; decimal(38,20) where no precision is given */
	CDBC_NUMERIC_TEXT,
	CDBC_NUMERIC_DOUBLE
} cdbc_numeric_mode;

typedef enum cdbc_arrays_mode { CDBC_ARRAYS_LIST, CDBC_ARRAYS_TEXT } cdbc_arrays_mode;

/* A column's declared type (`-- column: NAME TYPE`), for databases that do not say. */
typedef struct cdbc_column_hint {
	const char *name;
	cdbc_type type;
} cdbc_column_hint;

typedef struct cdbc_request {
	size_t struct_size;
	const char *sql; /* in the database's own placeholders ($1 or ?1), NUL terminated */
	size_t sql_length;
	const char *name;      /* for messages and events; NULL when it has none */
	uint64_t statement_id; /* the same id is the same text, for the life of the process; 0: none */
	const cdbc_value *values; /* in the order of the placeholders */
	size_t value_count;
	cdbc_statement_kind kind;
	uint32_t flags;
	const cdbc_column_hint *columns;
	size_t column_count;
	/* results */
	cdbc_numeric_mode numeric;
	cdbc_arrays_mode arrays;
	int64_t batch_rows; /* a batch is closed by rows, bytes or time, whichever is first; 0: the
						   default */
	int64_t batch_bytes;
	int64_t batch_ns;
} cdbc_request;

/* How the requests of one submit are separated. */
typedef enum cdbc_sync {
	CDBC_ONE_SYNC, /* one batch: one round trip, one transaction where the server can, the first
					  error ends it */
	CDBC_SYNC_EACH /* each stands for itself */
} cdbc_sync;

/* ---- Facts
 * --------------------------------------------------------------------------------------------------
 */

typedef enum cdbc_position {
	CDBC_POSITION_NOT_FLUSHED, /* no byte of it left the process */
	CDBC_POSITION_SENT,        /* some or all of it was sent */
	CDBC_POSITION_ROWS_TAKEN,  /* rows were handed over */
	CDBC_POSITION_DONE         /* the server's last word on it was read */
} cdbc_position;

typedef enum cdbc_tx_state { CDBC_TX_IDLE, CDBC_TX_OPEN, CDBC_TX_FAILED } cdbc_tx_state;

typedef struct cdbc_summary {
	size_t struct_size;
	char tag[64];           /* "UPDATE 1", "ROLLBACK"; "" when none came */
	int64_t affected_count; /* -1 when the statement has none */
	cdbc_position position;
	cdbc_tx_state tx_before; /* when it was sent */
	bool is_link_lost;
	bool is_cancel_sent;
	size_t request_number; /* of a submit that failed: the request to blame, from 1; 0: none in
							  particular */
	/* of a failure outside a transaction: some of its work stays, as of SQLite's INSERT OR FAIL */
	bool is_partly_kept;
	bool is_refused; /* of a failure: the statement was not begun */
} cdbc_summary;

typedef struct cdbc_conn_state {
	cdbc_tx_state tx;
	bool is_lost; /* the link is gone: close is all that is left */
	bool is_busy; /* a cursor or copy is open */
} cdbc_conn_state;

/* Facts of a connection that cost no round trip, but where the comment says so. */
typedef enum cdbc_info_id {
	CDBC_INFO_PRODUCT, /* text: "CockroachDB", "PostgreSQL", "SQLite" */
	CDBC_INFO_VERSION, /* text: "15.18", "v22.1.0" */
	CDBC_INFO_DIALECT, /* text: "cockroachdb", "postgresql", "sqlite" */
	CDBC_INFO_HOST,    /* text: "db2:26257"; the path of a SQLite database */
	CDBC_INFO_NODE_ID, /* int64, a hint; null when unknown. Old CockroachDB: one round trip, once */
	CDBC_INFO_SERVER_PID,    /* int64; null when there is none */
	CDBC_INFO_SOCKET,        /* int64, the descriptor to wait on; null when there is none */
	CDBC_INFO_PREPARED_COUNT /* int64: statements kept prepared */
} cdbc_info_id;

/* What describe answers. */
typedef struct cdbc_description {
	size_t struct_size;
	size_t param_count;
	const cdbc_type *param_types;        /* what the server takes each parameter to be */
	const char *const *param_type_names; /* the server's words for them */
	const struct ArrowSchema *schema;    /* columns; NULL when it returns no rows */
	void (*release)(struct cdbc_description *);
	void *private_data;
} cdbc_description;

enum {
	CDBC_CAN_TRANSACT = 1u << 0,
	CDBC_CAN_CANCEL = 1u << 1,
	CDBC_CAN_PIPELINE = 1u << 2, /* submit takes more than one request */
	CDBC_CAN_COPY = 1u << 3,
	CDBC_CAN_DESCRIBE = 1u << 4,
	CDBC_CAN_STREAM = 1u << 5,          /* memory does not grow with the rows */
	CDBC_IS_EMBEDDED = 1u << 6,         /* no server: a lost connection is a defect */
	CDBC_TAKES_QUESTION_MARKS = 1u << 7 /* placeholders are ?1, not $1 */
};

/* ---- The driver
 * --------------------------------------------------------------------------------------------- */

/* struct_size is sizeof(cdbc_driver) as the driver was compiled: later fields are absent and mean
 * "not supported", as NULL does. Fields up to cursor_close are required. Round trips: none where
 * not said. */
typedef struct cdbc_driver {
	size_t struct_size;
	const char *name;    /* "postgresql" */
	const char *schemes; /* "postgresql postgres cockroachdb" */
	uint32_t capabilities;

	/* Opens a connection. May block beyond the deadline only in a name look-up or a KDC: callers
	 * run it on a helper thread. CDBC_CONNECT, CDBC_AUTH, CDBC_CONFIG (a setting it does not know),
	 * CDBC_TIMEOUT, CDBC_NOMEM. Several round trips. */
	cdbc_status (*open)(const cdbc_settings *settings, int64_t deadline_ns, void **conn,
						cdbc_error **err);
	void (*close)(void *conn); /* never waits for the server; takes NULL */
	cdbc_conn_state (*state)(void *conn);
	cdbc_status (*info)(void *conn, cdbc_info_id id, cdbc_value *out, cdbc_error **err);

	/* One round trip each. reset brings the session back to how open left it. */
	cdbc_status (*ping)(void *conn, int64_t deadline_ns, cdbc_error **err);
	cdbc_status (*reset)(void *conn, int64_t deadline_ns, cdbc_error **err);
	cdbc_status (*describe)(void *conn, const cdbc_request *request, int64_t deadline_ns,
							cdbc_description **out, cdbc_error **err);

	/* Sends count requests; both directions are drained while sending, so no size can block. The
	 * requests are read during the call only. On success *cursor stands before the first request's
	 * result. On failure summary cannot be asked: *failed, if not NULL, is filled with the facts
	 * instead. One round trip; two the first time a connection sees a statement. */
	cdbc_status (*submit)(void *conn, const cdbc_request *requests, size_t count, cdbc_sync sync,
						  int64_t deadline_ns, void **cursor, cdbc_summary *failed,
						  cdbc_error **err);
	/* Moves to the next request's result, discarding what is left of the present one. *has_result
	 * false: there is none left. *schema is NULL when it returns no rows; it belongs to the cursor,
	 * or to the prepared statement, and is valid until the next next_result or cursor_close. A
	 * request that failed gives its error here or in fetch; then the next one may still be asked
	 * for. */
	cdbc_status (*next_result)(void *cursor, int64_t deadline_ns, const struct ArrowSchema **schema,
							   bool *has_result, cdbc_error **err);
	/* Gives the next batch: a struct array of the schema's columns, the caller's to release, even
	 * after the connection is gone. At the end: out->release is NULL. deadline_ns covers this call.
	 */
	cdbc_status (*fetch)(void *cursor, int64_t deadline_ns, struct ArrowArray *out,
						 cdbc_error **err);
	/* The facts of the present request: complete after its end or a failure; before, what is known
	 * so far. */
	const cdbc_summary *(*summary)(void *cursor);
	/* Ends the cursor: what is left is cancelled and drained within bounds, else the connection is
	 * marked lost. Takes NULL. */
	void (*cursor_close)(void *cursor, int64_t deadline_ns);

	/* Bulk load: request is a COPY ... FROM STDIN. copy_end(keep false) makes the server discard
	 * it. */
	cdbc_status (*copy_begin)(void *conn, const cdbc_request *request, int64_t deadline_ns,
							  void **copy, cdbc_error **err);
	cdbc_status (*copy_write)(void *copy, const void *bytes, size_t length, int64_t deadline_ns,
							  cdbc_error **err);
	cdbc_status (*copy_end)(void *copy, bool keep, int64_t deadline_ns, cdbc_summary *out,
							cdbc_error **err);

	/* Asks the server to abandon what runs. The one entry that may run while another thread is
	 * inside conn. May block. */
	cdbc_status (*cancel)(void *conn, int64_t deadline_ns, cdbc_error **err);
} cdbc_driver;

/* The one symbol that a driver's shared object exports, named cdbc_driver_init. abi is
 * CDBC_DRIVER_ABI of the library; a driver that cannot serve it fails with CDBC_UNSUPPORTED. host
 * lives as long as the driver is loaded. *out is static. */
typedef cdbc_status (*cdbc_driver_init_fn)(uint32_t abi, const cdbc_driver_host *host,
										   const cdbc_driver **out, cdbc_error **err);

/* Adds a driver to the process's table, for every client opened later. Its schemes may not be
 * taken. Fails with CDBC_USAGE, CDBC_NOMEM. Any thread. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_driver_add(const cdbc_driver *driver, cdbc_error **err);
/* Loads a driver from a shared object and adds it; the object stays loaded. Fails with CDBC_CONFIG
 * (no such file or symbol), CDBC_UNSUPPORTED (another ABI), or as cdbc_driver_add. Any thread. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_driver_load(const char *path, cdbc_error **err);

CDBC_END
#endif
