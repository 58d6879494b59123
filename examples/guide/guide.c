// SPDX-License-Identifier: Apache-2.0
/* What docs/programming.md shows, as one program: the page's pieces are lines of this file.
 *
 *     cc guide.c $(pkg-config --cflags --libs cdbc) -pthread -o guide
 *     ./guide sqlite::memory: ../bank/sql      on an empty database: it makes its tables
 */
#define _POSIX_C_SOURCE 200809L
#include <cdbc/cdbc.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- errors ---- */

typedef enum advice { GIVE_UP, TRY_AGAIN, LOOK_FIRST, IT_IS_DONE } advice;

/* What the caller of a failed call can do. */
static advice advise(const cdbc_error *error)
{
	switch (cdbc_error_outcome(error)) {
	case CDBC_OUTCOME_COMMITTED: /* only the answer was lost */
		return IT_IS_DONE;
	case CDBC_OUTCOME_COMMITTED_PARTIAL:
		return LOOK_FIRST;
	default:
		break;
	}
	switch (cdbc_error_replay(error)) {
	case CDBC_REPLAY_SAFE:        /* the same call */
	case CDBC_REPLAY_TRANSACTION: /* the transaction, from its begin */
		return TRY_AGAIN;
	default: /* twice may be too often */
		return cdbc_error_outcome(error) == CDBC_OUTCOME_UNKNOWN ? LOOK_FIRST : GIVE_UP;
	}
}

static void tell(cdbc_error *err)
{
	static const char *const words[] = {"give up", "try again", "look first", "it is done"};
	const char *hint = cdbc_error_field(err, CDBC_FIELD_HINT);

	printf("%s: %s; %s\n", cdbc_status_name(cdbc_error_status(err)), cdbc_error_message(err),
		   words[advise(err)]);
	if (hint)
		printf("hint: %s\n", hint);
	cdbc_error_free(err);
}

/* ---- statements ---- */

/* Reads a result to its end, throws its rows away, and frees it. */
static cdbc_status finish(cdbc_result *result, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	while (cdbc_result_next(result, err))
		;
	if (!cdbc_result_is_complete(result))
		status = cdbc_error_status(*err);
	cdbc_result_free(result);
	return status;
}

static cdbc_status run(cdbc_session *session, const char *name, cdbc_params params,
					   cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_run(session, name, params, NULL, &result, err);

	return status ? status : finish(result, err);
}

static cdbc_status execute(cdbc_session *session, const char *sql, cdbc_params params,
						   cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(session, sql, params, NULL, &result, err);

	return status ? status : finish(result, err);
}

static cdbc_status set_up(cdbc_session *session, cdbc_error **err)
{
	cdbc_params four = CDBC_PARAMS({"count", cdbc_int64(4)});
	cdbc_status status =
		execute(session,
				"create table events (id bigint primary key, price numeric(10,2), at timestamptz, "
				"is_open boolean, note text, doc json)",
				CDBC_NO_PARAMS, err);

	if (!status)
		status = run(session, "create_schema", CDBC_NO_PARAMS, err);
	if (!status)
		status = run(session, "fill_users", four, err);
	return status ? status : run(session, "fill_accounts", four, err);
}

/* ---- parameters ---- */

static cdbc_status add_event(cdbc_session *session, cdbc_error **err)
{
	cdbc_params params =
		CDBC_PARAMS({"id", cdbc_int64(1)}, {"price", cdbc_string("12.50")}, /* every digit */
					{"at", cdbc_string("2024-02-29T12:00:00Z")}, {"is_open", cdbc_bool(true)},
					{"note", cdbc_null()}, {"doc", cdbc_string("{\"tags\": [\"a\", \"b\"]}")});

	return execute(session, "insert into events values (:id, :price, :at, :is_open, :note, :doc)",
				   params, err);
}

static cdbc_status accounts_of(cdbc_session *session, cdbc_result **out, cdbc_error **err)
{
	const cdbc_value ids[] = {cdbc_int64(1), cdbc_int64(3)};

	return cdbc_session_run(session, "accounts_of_users",
							CDBC_PARAMS({"user_ids", cdbc_array(ids, 2)}), NULL, out, err);
}

/* ---- results ---- */

static cdbc_status print_accounts(cdbc_session *session, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = accounts_of(session, &result, err);
	size_t kind, balance;

	if (status)
		return status;
	if (!cdbc_result_find_column(result, "kind", &kind) ||
		!cdbc_result_find_column(result, "balance", &balance)) {
		cdbc_result_free(result);
		return cdbc_error_set(err, CDBC_NOT_FOUND, "accounts have no kind or balance");
	}
	while (cdbc_result_next(result, err)) {
		cdbc_text text = cdbc_result_text(result, kind); /* not NUL-terminated */

		printf("%lld %.*s %lld\n", (long long)cdbc_result_int64(result, 0), (int)text.length,
			   text.data, (long long)cdbc_result_int64(result, balance));
	}
	if (!cdbc_result_is_complete(result)) /* what was printed is not all */
		status = cdbc_error_status(*err);
	cdbc_result_free(result);
	return status;
}

static cdbc_status print_columns(cdbc_result *result, cdbc_error **err)
{
	for (size_t i = 0; i < cdbc_result_column_count(result); i++) {
		const cdbc_column *column = cdbc_result_column(result, i);

		printf("%s %s%s", column->name, cdbc_type_name(column->type.id),
			   i + 1 < cdbc_result_column_count(result) ? ", " : "\n");
	}
	return finish(result, err);
}

static cdbc_status to_stdout(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	(void)self;
	if (fwrite(bytes, 1, length, stdout) == length)
		return CDBC_OK;
	return cdbc_error_set(err, CDBC_IO, "standard output: %s", strerror(errno));
}

static cdbc_status print_json(cdbc_result *result, cdbc_error **err)
{
	const cdbc_sink sink = {.struct_size = sizeof sink, .write = to_stdout};
	cdbc_status status = cdbc_result_write(result, cdbc_format_find("ndjson"), NULL, NULL, 0, NULL,
										   NULL, &sink, err);

	cdbc_result_free(result);
	return status;
}

/* Adds up an int64 column, batch by batch. */
static cdbc_status sum_column(cdbc_result *result, size_t column, int64_t *out, cdbc_error **err)
{
	cdbc_status status;
	int64_t sum = 0;

	for (;;) {
		struct ArrowArray batch;

		status = cdbc_result_take(result, &batch, err);
		if (status || !batch.release) /* failed, or the end */
			break;
		for (int64_t i = 0; i < batch.length; i++) {
			const struct ArrowArray *values = batch.children[column];

			sum += ((const int64_t *)values->buffers[1])[values->offset + batch.offset + i];
		}
		batch.release(&batch);
	}
	if (!status)
		*out = sum;
	cdbc_result_free(result);
	return status;
}

static cdbc_status read_all(cdbc_session *session, cdbc_error **err)
{
	cdbc_result *result;
	int64_t sum;
	cdbc_status status = print_accounts(session, err);

	if (!status)
		status = add_event(session, err);
	if (!status)
		status =
			cdbc_session_query(session, "select * from events", CDBC_NO_PARAMS, NULL, &result, err);
	if (!status)
		status = print_columns(result, err);
	if (!status)
		status =
			cdbc_session_query(session, "select * from events", CDBC_NO_PARAMS, NULL, &result, err);
	if (!status)
		status = print_json(result, err);
	if (!status)
		status = accounts_of(session, &result, err);
	if (!status)
		status = sum_column(result, 3, &sum, err);
	if (!status)
		printf("sum %lld\n", (long long)sum);
	return status;
}

/* ---- transactions ---- */

typedef struct transfer {
	int64_t from, to, cents;
} transfer;

static cdbc_status balance_of(cdbc_session *session, int64_t id, int64_t *out, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_run(session, "account_by_id",
										  CDBC_PARAMS({"id", cdbc_int64(id)}), NULL, &result, err);

	if (status)
		return status;
	if (cdbc_result_next(result, err))
		*out = cdbc_result_int64(result, 3);
	return finish(result, err);
}

/* May run several times: it changes nothing outside the database. */
static cdbc_status move(cdbc_session *session, void *data, cdbc_error **err)
{
	const transfer *t = data;
	int64_t balance = 0;
	cdbc_status status = balance_of(session, t->from, &balance, err);

	if (status)
		return status;
	if (balance < t->cents) {
		status = cdbc_error_set(err, CDBC_DATA, "account %lld has %lld cents, not %lld",
								(long long)t->from, (long long)balance, (long long)t->cents);
		cdbc_error_set_hint(err, "pay in first");
		return status;
	}
	status = run(session, "withdraw",
				 CDBC_PARAMS({"id", cdbc_int64(t->from)}, {"amount", cdbc_int64(t->cents)}), err);
	if (status)
		return status;
	return execute(session, "update accounts set balance = balance + :cents where id = :id",
				   CDBC_PARAMS({"id", cdbc_int64(t->to)}, {"cents", cdbc_int64(t->cents)}), err);
}

static void transfer_cents(cdbc_session *session, transfer t)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	options.name = "transfer";
	options.timeout_ms = 5000;
	if (!cdbc_session_transact(session, move, &t, &options, &err)) {
		printf("moved %lld\n", (long long)t.cents);
	} else if (cdbc_error_outcome(err) == CDBC_OUTCOME_UNKNOWN) {
		printf("nobody knows: keep %s and ask later\n",
			   cdbc_error_field(err, CDBC_FIELD_TOKEN) ? cdbc_error_field(err, CDBC_FIELD_TOKEN)
													   : "the transfer");
		cdbc_error_free(err);
	} else {
		tell(err); /* it had no effect */
	}
}

/* ---- many statements, many rows ---- */

static cdbc_status pay_out(cdbc_session *session, cdbc_error **err)
{
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_batch_summary summary = CDBC_BATCH_SUMMARY_INIT;
	cdbc_batch *batch;
	cdbc_status status;

	options.is_atomic = true; /* all or none, in one round trip */
	status = cdbc_batch_new(session, &options, &batch, err);
	if (status)
		return status;
	for (int64_t id = 1; !status && id <= 3; id++)
		status =
			cdbc_batch_add(batch, "withdraw",
						   CDBC_PARAMS({"id", cdbc_int64(id)}, {"amount", cdbc_int64(100)}), err);
	if (!status)
		status = cdbc_batch_execute(batch, NULL, NULL, &summary, err);
	if (!status)
		printf("paid out %lld times\n", (long long)summary.affected_count);
	cdbc_batch_free(batch);
	return status;
}

static cdbc_status load_users(cdbc_session *session, cdbc_error **err)
{
	static const char *const columns[] = {"id", "name", "is_active"};
	cdbc_copy_summary summary = {.struct_size = sizeof summary};
	cdbc_copy *copy;
	cdbc_status status = cdbc_copy_in_open(session, "users", columns, 3, NULL, &copy, err);

	if (status)
		return status;
	for (int64_t id = 101; !status && id <= 1100; id++) {
		const cdbc_value row[] = {cdbc_int64(id), cdbc_string("new"), cdbc_bool(true)};

		status = cdbc_copy_in_write_row(copy, row, 3, err);
	}
	if (!status)
		status = cdbc_copy_in_finish(copy, &summary, err);
	if (!status)
		printf("loaded %lld\n", (long long)summary.rows_committed);
	cdbc_copy_in_free(copy); /* not finished: nothing of it is in */
	return status;
}

/* ---- time ---- */

#define ENDLESS \
	"with recursive n (i) as (select 1 union all select i + 1 - i from n) select count(*) from n"

static void run_out_of_time(cdbc_session *session)
{
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_error *err = NULL;
	cdbc_result *result;
	cdbc_status status;

	options.timeout_ms = 50;
	status = cdbc_session_query(session, ENDLESS, CDBC_NO_PARAMS, &options, &result, &err);
	if (!status)
		status = finish(result, &err);
	printf("%s\n", cdbc_status_name(status));
	cdbc_error_free(err);
}

typedef struct canceller {
	cdbc_session *session;
	atomic_bool is_over;
} canceller;

/* A cancel that comes before the statement hits nothing: it is asked for until it is over. */
static void *cancel(void *data)
{
	const struct timespec a_while = {.tv_nsec = 10000000};
	canceller *c = data;

	while (!atomic_load(&c->is_over)) {
		nanosleep(&a_while, NULL);
		cdbc_session_cancel(c->session, NULL);
	}
	return NULL;
}

static void run_until_cancelled(cdbc_session *session)
{
	canceller c = {.session = session};
	pthread_t thread;
	cdbc_error *err = NULL;
	cdbc_status status;

	if (pthread_create(&thread, NULL, cancel, &c))
		return;
	status = execute(session, ENDLESS, CDBC_NO_PARAMS, &err);
	atomic_store(&c.is_over, true);
	pthread_join(thread, NULL);
	printf("%s\n", cdbc_status_name(status));
	cdbc_error_free(err);
}

/* ---- the client ---- */

static cdbc_status work(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_status status = set_up(session, err);

	(void)data;
	if (!status)
		status = read_all(session, err);
	if (status)
		return status;
	transfer_cents(session, (transfer){.from = 1, .to = 2, .cents = 5000});
	transfer_cents(session, (transfer){.from = 1, .to = 2, .cents = 100000000});
	status = pay_out(session, err);
	if (!status)
		status = load_users(session, err);
	run_out_of_time(session);
	run_until_cancelled(session);
	return status;
}

static void count_failures(void *self, const cdbc_event *event)
{
	if (event->error)
		atomic_fetch_add((atomic_int *)self, 1);
}

static cdbc_status open_client(const char *url, const char *folder, atomic_int *failure_count,
							   cdbc_client **out, cdbc_error **err)
{
	const cdbc_observer observer = {.struct_size = sizeof observer,
									.name = "failures",
									.events = CDBC_EVENT_REQUEST_END,
									.on_event = count_failures,
									.self = failure_count};
	const cdbc_config_item items[] = {{"queries.folders", folder}, {"pool.max_size", "4"}};
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config *config;
	cdbc_status status;

	from.url = url;
	from.items = items;
	from.item_count = 2;
	options.observers = &observer;
	options.observer_count = 1;
	status = cdbc_config_load(&from, &config, err);
	if (status)
		return status;
	status = cdbc_client_open(config, &options, out, err);
	cdbc_config_free(config);
	return status;
}

int main(int argc, char **argv)
{
	atomic_int failure_count = 0;
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;
	cdbc_status status;

	if (argc != 3) {
		fprintf(stderr, "usage: guide URL FOLDER\n");
		return 2;
	}
	status = open_client(argv[1], argv[2], &failure_count, &client, &err);
	if (!status)
		status = cdbc_client_with_session(client, NULL, work, NULL, &err);
	cdbc_client_close(client, 1000);
	if (status)
		tell(err);
	else
		printf("%d requests failed\n", atomic_load(&failure_count));
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
