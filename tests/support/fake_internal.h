// SPDX-License-Identifier: Apache-2.0
/* What the files of the fake driver share: fake_server.c (scripts, gates, counts), fake_driver.c
 * (the driver's entries), fake_rows.c (rows from text). Tests include fake_driver.h only. */
#ifndef TEST_FAKE_INTERNAL_H
#define TEST_FAKE_INTERNAL_H

#include "support/fake_driver.h"

#include "base/column.h"

#include <pthread.h>
#include <stdatomic.h>

#define FAKE_COLUMNS_MAX 64

typedef struct fake_entry {
	struct fake_entry *next;
	fake_answer answer; /* strings are ours */
	int64_t times_left; /* -1: always */
} fake_entry;

typedef struct fake_gate {
	struct fake_gate *next;
	char *name;
	bool is_held;
	size_t waiting;
} fake_gate;

/* The next n calls that fail. */
typedef struct fake_failing {
	int64_t left; /* < 0: all */
	cdbc_error_info error;
} fake_failing;

struct fake_server {
	fake_server *next;
	char *name;
	pthread_mutex_t lock; /* everything below, and what connections share */
	pthread_cond_t changed;
	fake_entry *entries;
	fake_gate *gates;
	fake_failing opens, pings, resets;
	char *product, *version, *dialect;
	int64_t node_id;
	int64_t cuts; /* links made before the last cut are dead */
	fake_counts counts;
	struct fake_said {
		char *sql;
		int64_t serial;
	} * said;
	size_t said_count, said_capacity;
};

typedef struct fake_slot {
	char *sql;
	fake_entry *entry; /* NULL: answered by its first word */
	cdbc_value *values;
	size_t value_count;
	int64_t batch_rows;
} fake_slot;

typedef struct fake_conn {
	fake_server *server;
	int64_t serial;
	int64_t cuts_seen;
	cdbc_tx_state tx;
	bool is_lost, is_busy;
	bool is_cancelled; /* under the server's lock */
	/* the cursor */
	fake_slot *slots;
	size_t slot_count, slot_at; /* slot_at: of the next one */
	fake_slot *slot;            /* the present one */
	cdbc_sync sync;
	bool is_stopped;
	cx_field fields[FAKE_COLUMNS_MAX];
	size_t field_count;
	char *field_text;
	struct ArrowSchema schema;
	bool is_ended;
	int64_t row_at, row_total;
	cdbc_summary summary;
	/* copy */
	int64_t copied_lines;
	const fake_answer *copying; /* how it goes; NULL: well */
} fake_conn;

/* ---- fake_server.c ---- */
fake_server *fake_server_find(const char *name);
/* Waits at a gate when it is held. CDBC_TIMEOUT or CDBC_CANCELLED when that ends the wait; conn may
 * be NULL. */
cdbc_status fake_gate_pass(fake_server *server, const char *gate, fake_conn *conn,
						   int64_t deadline_ns, cdbc_error **err);
/* Whether this call is one that must fail; then fills *out, to be freed with fake_info_free. */
bool fake_must_fail(fake_server *server, fake_failing *failing, cdbc_error_info *out);
void fake_info_copy(cdbc_error_info *to, const cdbc_error_info *from);
void fake_info_free(cdbc_error_info *info);
/* The answer to a text, or NULL; is_used: once more. */
fake_entry *fake_entry_find(fake_server *server, const char *sql, bool is_used);
void fake_said(fake_server *server, const char *sql, int64_t serial);
#define FAKE_LOCKED(server, ...)               \
	do {                                       \
		pthread_mutex_lock(&(server)->lock);   \
		__VA_ARGS__;                           \
		pthread_mutex_unlock(&(server)->lock); \
	} while (0)

/* ---- fake_driver.c ---- */
/* CDBC_CONNECT once the link is gone, whether it is known or found out now. */
cdbc_status fake_check_link(fake_conn *c, cdbc_error **err);
void fake_summary_begin(fake_conn *c);

/* ---- fake_copy.c ---- */
cdbc_status fake_no_answer(const char *sql, cdbc_error **err);
cdbc_status fake_describe(void *conn, const cdbc_request *request, int64_t deadline_ns,
						  cdbc_description **out, cdbc_error **err);
cdbc_status fake_copy_begin(void *conn, const cdbc_request *request, int64_t deadline_ns,
							void **copy, cdbc_error **err);
cdbc_status fake_copy_write(void *copy, const void *bytes, size_t length, int64_t deadline_ns,
							cdbc_error **err);
cdbc_status fake_copy_end(void *copy, bool keep, int64_t deadline_ns, cdbc_summary *out,
						  cdbc_error **err);

/* ---- fake_rows.c ---- */
/* Reads "id int8, name text" into fields, whose names stand in *text. False: it is wrong. */
bool fake_fields_read(const char *columns, cx_field *fields, size_t *count, char **text);
int64_t fake_rows_count(const fake_answer *answer);
/* Writes rows [from, from + count) into a batch. */
cdbc_status fake_rows_write(const fake_answer *answer, const cx_field *fields, size_t field_count,
							const cdbc_value *values, size_t value_count, int64_t from,
							int64_t count, struct ArrowArray *out, cdbc_error **err);

#endif
