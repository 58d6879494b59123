// SPDX-License-Identifier: Apache-2.0
/* What the files of this driver share: the connection, its prepared statements and its one cursor.
 * Not for others.
 *
 *   driver.c      the table, ping, reset, describe, cancel
 *   settings.c    settings -> the words libpq connects by
 *   connection.c  open, close, state, info
 *   wait.c        waiting by a deadline, sending without blocking, giving up
 *   shape.c       the columns of a result: fields, decoders, schema
 *   prepared.c    the statements that a connection keeps prepared
 *   submit.c      one request          pipeline.c  several
 *   cursor.c      results, one after the other, and their end
 *   batch.c       rows to batches      copy.c      COPY FROM STDIN
 *   error.c       libpq's errors as facts          position.c  CockroachDB's caret line
 *   types*.c      values */
#ifndef CX_PG_INTERNAL_H
#define CX_PG_INTERNAL_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/column.h"
#include "base/error.h"
#include "types.h"

#include <cdbc/driver.h>
#include <libpq-fe.h>
#include <stdatomic.h>

#define CX_PG_BATCH_ROWS  65536
#define CX_PG_BATCH_BYTES (16 << 20)
#define CX_PG_BATCH_NS    (100 * CX_NS_PER_MS)
#define CX_PG_DRAIN_BYTES \
	(16 << 20) /* read and thrown away at most, before a connection is given up */
#define CX_PG_GRACE_NS \
	CX_NS_PER_S /* for a cancel and what follows it, once a deadline has passed */
#define CX_PG_SCRATCH_MAX  ((size_t)1 << 30) /* of one request */
#define CX_PG_SCRATCH_KEPT ((size_t)1 << 20) /* from one submit to the next, at most */
#define CX_PG_PREPARED_MAX 256
#define CX_PG_NAME_MAX     24
#define CX_PG_FEW_PARAMS   16
#define CX_PG_FEW_SLOTS    8
#define CX_PG_FLUSH_BYTES                                                  \
	65536 /* of a pipeline are queued before both directions are looked at \
		   */

/* The columns of a result. One block of memory holds all but the schema. */
typedef struct cx_pg_shape {
	size_t count;
	size_t text_count; /* columns whose values have bytes of their own */
	int *text_columns;
	bool has_long; /* some column has no fixed width: a row may be long */
	bool is_binary;
	cx_field *fields;
	cx_pg_decoder *decoders;
	struct ArrowSchema schema; /* release NULL when count is 0 */
} cx_pg_shape;

typedef struct cx_pg_statement {
	uint64_t key;
	struct cx_pg_statement *in_bucket;
	struct cx_pg_statement *newer,
		*older;       /* older is also the list of those that are no longer kept */
	uint64_t used_by; /* the submit that used it last: it is not evicted under that one's feet */
	size_t param_count;
	Oid *oids; /* what the server takes the parameters to be */
	cdbc_type
		*types; /* the same as types; what a request may declare without being another statement */
	cx_pg_shape shape;
	cx_batch_store *store;     /* of batches of a row or few; made when there is one */
	char name[CX_PG_NAME_MAX]; /* "" is the unnamed one */
} cx_pg_statement;

typedef struct cx_pg_prepared {
	size_t max;
	size_t count;
	size_t bucket_count; /* a power of two */
	cx_pg_statement **buckets;
	cx_pg_statement *newest, *oldest;
	cx_pg_statement *dead; /* freed once no cursor can look at them */
	uint64_t next_name;
	struct cx_pg_doomed {
		char (*names)[CX_PG_NAME_MAX]; /* to be deallocated with the next round trip of preparing */
		size_t count, capacity;
	} doomed;
} cx_pg_prepared;

/* One request of a submit, as the cursor needs it. */
typedef struct cx_pg_slot {
	cx_pg_statement *statement; /* NULL: columns are told by the result */
	cdbc_numeric_mode numeric;
	cdbc_arrays_mode arrays;
	int64_t batch_rows, batch_bytes, batch_ns;
	bool is_small;
	bool is_commit;
	bool is_session;
	bool has_sync; /* a Sync of its own follows */
} cx_pg_slot;

#define CX_PG_NOT_EXECUTED "not executed: an earlier statement of the batch failed"

typedef enum cx_pg_phase {
	CX_PG_BEFORE, /* before the slot's result */
	CX_PG_IN,     /* it was opened, or its first PGresult is here */
	CX_PG_ENDED   /* nothing more of it is to come */
} cx_pg_phase;

typedef struct cx_pg_conn cx_pg_conn;

typedef struct cx_pg_cursor {
	cx_pg_conn *conn;
	cx_pg_slot *slots; /* few, or memory of its own */
	size_t count, at;
	cx_pg_slot few[CX_PG_FEW_SLOTS];
	cx_pg_phase phase;
	bool is_open;
	bool is_simple;
	bool is_pipeline;
	bool is_idle;      /* the server has said all it will */
	bool is_streamed;  /* the present result comes a row at a time */
	bool is_told;      /* next_result has given the present result */
	bool is_cut_short; /* one of a batch was stopped, and all behind it was read away */
	size_t syncs_left;
	PGresult *result; /* read, not yet used up */
	int result_row, result_rows;
	int64_t row_number;
	int64_t last_rows; /* of the batch before: a hint for the next */
	size_t last_bytes;
	const cx_pg_shape *shape; /* of the present result; NULL: no rows */
	cx_pg_shape own_shape;    /* when it is not a prepared statement's */
	cdbc_summary summary;
} cx_pg_cursor;

/* The parameters of a submit, and the arrays that libpq wants, for one request at a time. */
typedef struct cx_pg_room {
	cx_pg_param *params; /* of all requests, one after the other */
	const char **values;
	int *lengths;
	int *formats;
	Oid *oids; /* of an unprepared request */
} cx_pg_room;

struct cx_pg_conn {
	PGconn *pg;
	PGcancel *cancel;
	const cdbc_driver_host *host;
	bool is_lost;
	bool is_busy; /* cursor or copy */
	bool is_cockroach;
	bool checks_utf8;
	bool has_asked_node;
	bool is_unsettled; /* the start-up left other styles than ours, and a reset may bring them back
						*/
	bool is_encrypted;
	bool may_hide; /* something was read since the submit, so a part of a record may be left above
					  the socket */
	atomic_bool is_cancel_sent;
	atomic_uint cancels_due; /* sent, and not seen to have hit; CockroachDB only */
	cdbc_tx_state tx;        /* when the connection was last at rest */
	int64_t node_id;         /* -1: unknown */
	uint64_t serial;         /* of submits */
	cx_pg_prepared prepared;
	cx_buf scratch; /* what does not fit into the parameters of a submit */
	cx_pg_room few; /* of what follows */
	cx_pg_param few_params[CX_PG_FEW_PARAMS];
	const char *few_values[CX_PG_FEW_PARAMS];
	int few_lengths[CX_PG_FEW_PARAMS], few_formats[CX_PG_FEW_PARAMS];
	Oid few_oids[CX_PG_FEW_PARAMS];
	cx_pg_cursor cursor;
	cdbc_summary copy_summary;
	char version[48];
	char host_text[256];
	char last_notice[6]; /* SQLSTATE of a FATAL that came while nothing was asked */
};

/* ---- settings.c: the connection string is a secret; the caller wipes it ---- */
cdbc_status cx_pg_conninfo(const cdbc_settings *settings, cx_buf *out, cdbc_error **err);

/* ---- connection.c ---- */
cdbc_status cx_pg_open(const cdbc_settings *settings, int64_t deadline_ns, void **conn,
					   cdbc_error **err);
void cx_pg_close(void *conn);
cdbc_conn_state cx_pg_state(void *conn);
cdbc_status cx_pg_info(void *conn, cdbc_info_id id, cdbc_value *out, cdbc_error **err);
/* Sends SET for what the values' decoders rely on, when the server says it is otherwise; usually no
 * round trip. */
cdbc_status cx_pg_settle(cx_pg_conn *c, int64_t deadline_ns, cdbc_error **err);

/* ---- wait.c ---- */
typedef enum cx_pg_wait { CX_PG_READY, CX_PG_LATE } cx_pg_wait;

/* Waits for the socket; a closed one is ready. revents may be NULL. */
cx_pg_wait cx_pg_poll(cx_pg_conn *c, short events, int64_t deadline_ns, short *revents);
/* Reads until libpq has something to give, or the link is gone (which PQgetResult then says). */
cx_pg_wait cx_pg_wait_result(cx_pg_conn *c, int64_t deadline_ns);
/* Reads what is decrypted but not read, before the socket is waited for. True: there is something
 * to get, or the link is gone. */
bool cx_pg_take_hidden(cx_pg_conn *c);
/* Sends what is queued, reading meanwhile. CDBC_TIMEOUT marks the connection lost: half a message
 * is out. A link that breaks is CDBC_OK: reading tells more. */
cdbc_status cx_pg_flush(cx_pg_conn *c, int64_t deadline_ns, cdbc_error **err);
/* Asks the server to stop, on a helper thread. False: that could not be done in time, and the
 * connection is lost. */
bool cx_pg_cancel_now(cx_pg_conn *c, int64_t deadline_ns);
cdbc_status cx_pg_cancel(void *conn, int64_t deadline_ns, cdbc_error **err);
/* The transaction state; remembered when the connection is at rest. */
cdbc_tx_state cx_pg_tx(cx_pg_conn *c);

/* Receives each result of an exchange; query counts the queries, from 0. Returns true when it keeps
 * the result. */
typedef bool (*cx_pg_each)(void *data, size_t query, PGresult *result);
/* Sends and reads an exchange outside a cursor: all until `syncs` Syncs are answered (pipeline
 * mode, left at the end), or with 0 until there is nothing left. A failed query is for `each` to
 * see; only a lost link and a deadline are failures here. On a deadline the server is asked to stop
 * and the connection is lost when it does not. */
cdbc_status cx_pg_exchange(cx_pg_conn *c, size_t syncs, int64_t deadline_ns, cx_pg_each each,
						   void *data, cdbc_error **err);
/* One statement by the simple protocol, outside a cursor: its first error, or CDBC_OK. value (may
 * be NULL) takes the first field. */
cdbc_status cx_pg_command(cx_pg_conn *c, const char *sql, int64_t deadline_ns, char *value,
						  size_t size, cdbc_error **err);

/* ---- shape.c ---- */
/* Of a result or of the answer to Describe. is_described: the format is still ours to choose. */
cdbc_status cx_pg_shape_make(const PGresult *result, bool is_described, bool checks_utf8,
							 cdbc_numeric_mode numeric, cdbc_arrays_mode arrays, cx_pg_shape *out,
							 cdbc_error **err);
void cx_pg_shape_release(cx_pg_shape *shape);

/* ---- prepared.c ---- */
cdbc_status cx_pg_prepared_init(cx_pg_prepared *prepared, size_t max, cdbc_error **err);
void cx_pg_prepared_fini(cx_pg_prepared *prepared);
/* The statement that serves a request, or NULL. */
cx_pg_statement *cx_pg_prepared_find(cx_pg_conn *c, const cdbc_request *request);
/* How many more can be kept beside those that this submit has found. */
size_t cx_pg_prepared_room(const cx_pg_conn *c);
/* Forgets one; it is freed by cx_pg_prepared_sweep. is_there: the server still has it, so it is
 * deallocated some time. */
void cx_pg_prepared_drop(cx_pg_conn *c, cx_pg_statement *statement, bool is_there);
/* Forgets all, because the server did. */
void cx_pg_prepared_clear(cx_pg_conn *c);
/* Frees what was dropped; when no cursor is open. */
void cx_pg_prepared_sweep(cx_pg_prepared *prepared);

/* A request to prepare; filled by cx_pg_prepare. */
typedef struct cx_pg_preparing {
	const cdbc_request *request;
	cx_pg_statement *statement; /* NULL when it failed */
	PGresult *failure;          /* why, for the caller to clear; NULL: no room to keep it */
} cx_pg_preparing;

/* Prepares each, in one round trip, each with a Sync of its own. One item may be for the unnamed
 * statement (its request is not to be kept). A statement that the server refuses is not a failure
 * of this call. */
cdbc_status cx_pg_prepare(cx_pg_conn *c, cx_pg_preparing *items, size_t count, int64_t deadline_ns,
						  cdbc_error **err);
bool cx_pg_is_kept(const cx_pg_conn *c, const cdbc_request *request);

/* ---- submit.c ---- */
cdbc_status cx_pg_submit(void *conn, const cdbc_request *requests, size_t count, cdbc_sync sync,
						 int64_t deadline_ns, void **cursor, cdbc_summary *failed,
						 cdbc_error **err);
void cx_pg_slot_init(cx_pg_slot *slot, const cdbc_request *request, cx_pg_statement *statement);
void cx_pg_room_init(cx_pg_conn *c);
/* Room for the parameters of requests, until they are sent; NULL: out of memory. */
cx_pg_room *cx_pg_room_make(cx_pg_conn *c, const cdbc_request *requests, size_t count);
void cx_pg_room_free(cx_pg_conn *c, cx_pg_room *room);
/* Encodes a request's values for the statement it goes by (NULL: as it is), or says why they cannot
 * be sent. */
cdbc_status cx_pg_encode_all(cx_pg_conn *c, const cdbc_request *request,
							 const cx_pg_statement *statement, cx_pg_param *params,
							 cdbc_error **err);
/* Queues Bind and Execute of a prepared statement, or the whole unprepared request when statement
 * is NULL. *queued_bytes grows by what was queued. */
cdbc_status cx_pg_send(cx_pg_conn *c, const cdbc_request *request, const cx_pg_statement *statement,
					   const cx_pg_param *params, const cx_pg_room *room, size_t *queued_bytes,
					   cdbc_error **err);
/* The request goes to the server in one piece, without preparing it first. */
bool cx_pg_is_direct(const cdbc_request *request);
/* libpq refused to queue something: out of memory, or the link is gone. */
cdbc_status cx_pg_send_failed(cx_pg_conn *c, cdbc_error **err);

/* ---- pipeline.c ---- */
cdbc_status cx_pg_submit_many(cx_pg_conn *c, const cdbc_request *requests, size_t count,
							  cdbc_sync sync, int64_t deadline_ns, cdbc_error **err);

/* ---- cursor.c ---- */
void cx_pg_cursor_start(cx_pg_conn *c);
/* Reads the first PGresult of the present slot into cursor->result; NULL there: no more statements.
 */
cdbc_status cx_pg_cursor_read(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err);
/* Makes of it what next_result will tell: columns, the end, or an error. A whole result is read to
 * its end. */
cdbc_status cx_pg_cursor_open(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err);
/* The present result's last PGresult is here: takes its tag and reads what follows it. */
cdbc_status cx_pg_cursor_complete(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err);
/* The deadline has passed while the server was at work: it is asked to stop and the rest is
 * drained, or the connection is lost. */
cdbc_status cx_pg_cursor_late(cx_pg_cursor *cursor, cdbc_error **err);
/* Throws the present slot's answer away, so that the request may be sent again. */
cdbc_status cx_pg_cursor_forget(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err);
/* Ends the cursor at once, whatever is left: drained within bounds, or the connection is lost. */
void cx_pg_cursor_end(cx_pg_cursor *cursor, int64_t deadline_ns);
cdbc_status cx_pg_next_result(void *cursor, int64_t deadline_ns, const struct ArrowSchema **schema,
							  bool *has_result, cdbc_error **err);
/* batch.c */
cdbc_status cx_pg_fetch(void *cursor, int64_t deadline_ns, struct ArrowArray *out,
						cdbc_error **err);
const cdbc_summary *cx_pg_summary(void *cursor);
void cx_pg_cursor_close(void *cursor, int64_t deadline_ns);
/* Puts the command tag and its count into a summary. */
void cx_pg_summary_tag(cdbc_summary *summary, const char *tag, bool has_rows);

/* ---- copy.c ---- */
cdbc_status cx_pg_copy_begin(void *conn, const cdbc_request *request, int64_t deadline_ns,
							 void **copy, cdbc_error **err);
cdbc_status cx_pg_copy_write(void *copy, const void *bytes, size_t length, int64_t deadline_ns,
							 cdbc_error **err);
cdbc_status cx_pg_copy_end(void *copy, bool keep, int64_t deadline_ns, cdbc_summary *out,
						   cdbc_error **err);

/* ---- error.c ---- */
/* The error of a failed result. Marks the connection lost when the server or the link has ended it.
 */
cdbc_status cx_pg_error_result(cx_pg_conn *c, const PGresult *result, cdbc_error **err);
bool cx_pg_ends_session(const PGresult *result);
/* The link is gone: `connection to h:p lost: ...`. Marks it. */
cdbc_status cx_pg_error_lost(cx_pg_conn *c, cdbc_error **err);
cdbc_status cx_pg_error_late(cx_pg_conn *c, cdbc_error **err);
/* Why connecting failed; host_text: `db2:26257`. */
cdbc_status cx_pg_error_connect(PGconn *pg, const char *host_text, cdbc_error **err);
/* The status that a SQLSTATE stands for; message may be NULL. */
cdbc_status cx_pg_status_of(const char *sqlstate, const char *message, bool is_cancel_sent);
/* Puts a multi-line text of libpq into one line. */
void cx_pg_one_line(const char *text, char *out, size_t size);
/* True when the prepared statement was stale: prepare it again. *is_there: the server still has one
 * of that name. */
bool cx_pg_is_stale(const PGresult *result, bool *is_there);

/* ---- position.c ---- */
/* The place in the SQL, in characters from 1, that CockroachDB's DETAIL ("source SQL:\n...\n   ^")
 * shows by a caret; 0: none. */
int64_t cx_pg_caret_position(const char *detail);

#endif
