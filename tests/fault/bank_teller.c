// SPDX-License-Identifier: Apache-2.0
/* One transfer, in every way the library has, and what was said of it. */
#include "bank_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Queries that are a whole transfer. CockroachDB does not update one table twice in a statement. */
#define TYPES \
	"-- param: id int8\n-- param: from_id int8\n-- param: to_id int8\n-- param: amount int8\n"
#define CTE(conflict)                                                                            \
	"with t as (insert into bank_transfers (id, from_id, to_id, amount)\n"                       \
	"  values (:id, :from_id, :to_id, :amount)" conflict " returning id)\n"                      \
	"update bank_accounts set balance = balance +\n"                                             \
	"  case when id = :from_id then -cast(:amount as bigint) else cast(:amount as bigint) end\n" \
	"  where id in (:from_id, :to_id) and exists (select 1 from t);\n"
#define TRIGGER(word)                                                \
	"insert " word "into bank_orders (id, from_id, to_id, amount)\n" \
	"  values (:id, :from_id, :to_id, :amount);\n"

#define QUERIES(once, again)                                        \
	"-- name: bank_single !\n" TYPES once                           \
	"-- name: bank_single_again !\n-- idempotent\n" TYPES again     \
	"-- name: bank_unit !\n-- isolation: serializable\n" TYPES once \
	"-- name: bank_unit_again !\n-- idempotent\n-- isolation: serializable\n" TYPES again

const char bank_queries_cte[] = QUERIES(CTE(""), CTE(" on conflict (id) do nothing"));
const char bank_queries_trigger[] = QUERIES(TRIGGER(""), TRIGGER("or ignore "));

/* A transfer under way. */
typedef struct work {
	bank_teller *teller;
	const bank_transfer *transfer;
	int64_t id;
} work;

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int64_t random_below(bank_teller *teller, int64_t n)
{
	return (int64_t)(random_next(&teller->random) % (uint64_t)n);
}

/* ---- statements ---- */

/* Reads a result to its end, whose first value goes to *number. Only its end says that it is done.
 */
static cdbc_status read_all(cdbc_result *result, int64_t *number, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = CDBC_OK;

	while (cdbc_result_next(result, &error))
		if (number)
			*number = cdbc_result_int64(result, 0);
	if (error) {
		status = cdbc_error_status(error);
		*err = error;
	}
	cdbc_result_free(result);
	return status;
}

static cdbc_status run_sql(cdbc_session *session, const char *sql, cdbc_params params,
						   int64_t *number, cdbc_error **err)
{
	cdbc_result *result = NULL;
	cdbc_status status = cdbc_session_query(session, sql, params, NULL, &result, err);

	return status ? status : read_all(result, number, err);
}

static cdbc_status insert(cdbc_session *session, const work *w, cdbc_error **err)
{
	const bank_transfer *t = w->transfer;

	return run_sql(session,
				   "insert into bank_transfers (id, from_id, to_id, amount)"
				   " values (:id, :from_id, :to_id, :amount)",
				   CDBC_PARAMS({"id", cdbc_int64(w->id)}, {"from_id", cdbc_int64(t->from_id)},
							   {"to_id", cdbc_int64(t->to_id)}, {"amount", cdbc_int64(t->amount)}),
				   NULL, err);
}

/* Writes what was read, less the amount: a lost update would be seen. */
static cdbc_status take(cdbc_session *session, const work *w, cdbc_error **err)
{
	int64_t balance = 0;
	cdbc_status status =
		run_sql(session, "select balance from bank_accounts where id = :id",
				CDBC_PARAMS({"id", cdbc_int64(w->transfer->from_id)}), &balance, err);

	if (status)
		return status;
	return run_sql(session, "update bank_accounts set balance = :balance where id = :id",
				   CDBC_PARAMS({"balance", cdbc_int64(balance - w->transfer->amount)},
							   {"id", cdbc_int64(w->transfer->from_id)}),
				   NULL, err);
}

static cdbc_status give(cdbc_session *session, const work *w, cdbc_error **err)
{
	return run_sql(session, "update bank_accounts set balance = balance + :amount where id = :id",
				   CDBC_PARAMS({"amount", cdbc_int64(w->transfer->amount)},
							   {"id", cdbc_int64(w->transfer->to_id)}),
				   NULL, err);
}

/* ---- closures ---- */

static cdbc_status move(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_status status = take(session, data, err);

	return status ? status : give(session, data, err);
}

static cdbc_status transfer(cdbc_session *session, void *data, cdbc_error **err)
{
	work *w = data;
	cdbc_status status;

	w->teller->run_count++;
	status = insert(session, w, err);
	return status ? status : move(session, w, err);
}

static cdbc_status transfer_nested(cdbc_session *session, void *data, cdbc_error **err)
{
	work *w = data;
	cdbc_status status;

	w->teller->run_count++;
	status = insert(session, w, err);
	return status ? status : cdbc_session_transact(session, move, w, NULL, err);
}

/* Overlooks every error: then nothing may be committed by halves. */
static cdbc_status transfer_careless(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_error *error = NULL;
	work *w = data;

	(void)err;
	w->teller->run_count++;
	(void)insert(session, w, &error);
	cdbc_error_free(error);
	error = NULL;
	(void)take(session, w, &error);
	cdbc_error_free(error);
	error = NULL;
	(void)give(session, w, &error);
	cdbc_error_free(error);
	return CDBC_OK;
}

static cdbc_status transfer_refused(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_status status = transfer(session, data, err);

	return status ? status : CDBC_DENIED;
}

/* ---- ways ---- */

static cdbc_status transact(bank_teller *teller, cdbc_transaction_fn fn, work *w, cdbc_error **err)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;

	options.restart_savepoint = w->transfer->way == BANK_RESTART;
	options.isolation = CDBC_ISOLATION_SERIALIZABLE;
	options.max_retries = 1000;
	return cdbc_session_transact(teller->session, fn, w, &options, err);
}

/* What failed before the commit is undone, whatever it said itself. */
static cdbc_status by_hand(bank_teller *teller, work *w, bool *is_undone, cdbc_error **err)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_status status;

	options.isolation = CDBC_ISOLATION_SERIALIZABLE;
	status = cdbc_session_begin(teller->session, &options, err);
	if (status)
		return status;
	status = transfer(teller->session, w, err);
	if (!status)
		return cdbc_session_commit(teller->session, err);
	*is_undone = true;
	if (cdbc_session_rollback(teller->session, NULL))
		bank_complain(teller->bank, "a rollback failed");
	return status;
}

static cdbc_status run_named(bank_teller *teller, const char *name, const work *w, cdbc_error **err)
{
	const bank_transfer *t = w->transfer;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result = NULL;
	cdbc_status status;

	options.resolve = teller->bank->options.is_resolved ? CDBC_RESOLVE_ON : CDBC_RESOLVE_OFF;
	status = cdbc_session_run(
		teller->session, name,
		CDBC_PARAMS({"id", cdbc_int64(w->id)}, {"from_id", cdbc_int64(t->from_id)},
					{"to_id", cdbc_int64(t->to_id)}, {"amount", cdbc_int64(t->amount)}),
		&options, &result, err);
	return status ? status : read_all(result, NULL, err);
}

/* ---- batches ---- */

static cdbc_status fill_whole(cdbc_batch *batch, const work *w, cdbc_error **err)
{
	const bank_transfer *t = w->transfer;
	cdbc_status status = cdbc_batch_add_sql(
		batch,
		"insert into bank_transfers (id, from_id, to_id, amount)"
		" values (:id, :from_id, :to_id, :amount)",
		CDBC_PARAMS({"id", cdbc_int64(w->id)}, {"from_id", cdbc_int64(t->from_id)},
					{"to_id", cdbc_int64(t->to_id)}, {"amount", cdbc_int64(t->amount)}),
		err);

	for (int i = 0; i < 2 && !status; i++)
		status = cdbc_batch_add_sql(
			batch, "update bank_accounts set balance = balance + :amount where id = :id",
			CDBC_PARAMS({"amount", cdbc_int64(i ? t->amount : -t->amount)},
						{"id", cdbc_int64(i ? t->to_id : t->from_id)}),
			err);
	return status;
}

static cdbc_status run_batch(bank_teller *teller, const work *w, bool is_atomic, cdbc_error **err)
{
	cdbc_transaction_options transaction = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	const bank_transfer *t = w->transfer;
	cdbc_batch *batch = NULL;
	cdbc_status status;

	transaction.isolation = CDBC_ISOLATION_SERIALIZABLE;
	transaction.max_retries = 1000;
	options.is_atomic = is_atomic;
	options.on_error = CDBC_BATCH_CONTINUE;
	options.transaction = is_atomic ? &transaction : NULL;
	status = cdbc_batch_new(teller->session, &options, &batch, err);
	if (!status && is_atomic)
		status = fill_whole(batch, w, err);
	else if (!status)
		status = cdbc_batch_add(
			batch, "bank_single",
			CDBC_PARAMS({"id", cdbc_int64(w->id)}, {"from_id", cdbc_int64(t->from_id)},
						{"to_id", cdbc_int64(t->to_id)}, {"amount", cdbc_int64(t->amount)}),
			err);
	if (!status)
		status = cdbc_batch_execute(batch, NULL, NULL, NULL, err);
	cdbc_batch_free(batch);
	return status;
}

/* A transaction in SQL text. What is left open when it fails goes with the session. */
static cdbc_status run_script(bank_teller *teller, const work *w, cdbc_error **err)
{
	const bank_transfer *t = w->transfer;
	char sql[512];
	cdbc_status status;

	snprintf(sql, sizeof sql,
			 "begin;\ninsert into bank_transfers (id, from_id, to_id, amount) values (%" PRId64
			 ", %" PRId64 ", %" PRId64 ", %" PRId64 ");\n"
			 "update bank_accounts set balance = balance - %" PRId64 " where id = %" PRId64 ";\n"
			 "update bank_accounts set balance = balance + %" PRId64 " where id = %" PRId64
			 ";\ncommit;\n",
			 w->id, t->from_id, t->to_id, t->amount, t->amount, t->from_id, t->amount, t->to_id);
	status = cdbc_session_execute_script(teller->session, sql, NULL, err);
	if (status) {
		cdbc_session_release(teller->session);
		teller->session = NULL;
	}
	return status;
}

static cdbc_status run_way(bank_teller *teller, work *w, bool *is_undone, cdbc_error **err)
{
	switch (w->transfer->way) {
	case BANK_TRANSACT:
	case BANK_RESTART:
		return transact(teller, transfer, w, err);
	case BANK_NESTED:
		return transact(teller, transfer_nested, w, err);
	case BANK_CARELESS:
		return transact(teller, transfer_careless, w, err);
	case BANK_REFUSED:
		return transact(teller, transfer_refused, w, err);
	case BANK_SCRIPT:
		return run_script(teller, w, err);
	case BANK_BATCH:
	case BANK_BATCH_EACH:
		return run_batch(teller, w, w->transfer->way == BANK_BATCH, err);
	case BANK_BY_HAND:
		return by_hand(teller, w, is_undone, err);
	case BANK_SINGLE:
		return run_named(teller, "bank_single", w, err);
	case BANK_SINGLE_AGAIN:
		return run_named(teller, "bank_single_again", w, err);
	case BANK_UNIT:
		return run_named(teller, "bank_unit", w, err);
	default:
		return run_named(teller, "bank_unit_again", w, err);
	}
}

/* ---- what was said ---- */

static bool is_usual(cdbc_status status)
{
	switch (status) {
	case CDBC_CONNECT:
	case CDBC_CONFLICT:
	case CDBC_OVERLOADED:
	case CDBC_TIMEOUT:
	case CDBC_DENIED:
		return true;
	default:
		return false;
	}
}

/* Faults do not make every failure: these would be defects. */
static void look_at_error(bank_teller *teller, const bank_transfer *t, cdbc_status status,
						  const cdbc_error *err)
{
	const char *sqlstate = cdbc_error_sqlstate(err);

	if (cdbc_error_status(err) != status)
		bank_complain(teller->bank, "%s said: %s", cdbc_status_name(status),
					  cdbc_error_message(err));
	if (is_usual(status) || strcmp(sqlstate, "40000") == 0 || strcmp(sqlstate, "40003") == 0)
		return;
	bank_complain(teller->bank, "way %d: %s, %s, %s: %s", (int)t->way, cdbc_status_name(status),
				  sqlstate, cdbc_outcome_name(cdbc_error_outcome(err)), cdbc_error_message(err));
}

static bank_word word_of(bank_teller *teller, const cdbc_error *err)
{
	switch (cdbc_error_outcome(err)) {
	case CDBC_OUTCOME_COMMITTED:
		return BANK_DONE;
	case CDBC_OUTCOME_UNKNOWN:
		return BANK_UNKNOWN;
	case CDBC_OUTCOME_COMMITTED_PARTIAL:
		bank_complain(teller->bank, "partly committed: %s", cdbc_error_message(err));
		return BANK_DONE;
	default:
		return BANK_UNDONE;
	}
}

/* ---- one transfer ---- */

static bank_way choose_way(bank_teller *teller)
{
	static const int shares[] = {
#define SHARE(id, name, share) share,
		BANK_WAYS(SHARE)
#undef SHARE
	};
	int64_t at = random_below(teller, 100);
	bank_way way = 0;

	while (way + 1 < BANK_WAY_COUNT && at >= shares[way])
		at -= shares[way++];
	return way;
}

static bank_transfer *transfer_new(bank_teller *teller)
{
	bank_transfer *t;

	if (teller->count == teller->capacity) {
		teller->capacity = teller->capacity ? 2 * teller->capacity : 256;
		teller->transfers =
			realloc(teller->transfers, teller->capacity * sizeof *teller->transfers);
		if (!teller->transfers)
			abort();
	}
	t = &teller->transfers[teller->count++];
	memset(t, 0, sizeof *t);
	t->from_id = random_below(teller, BANK_ACCOUNTS);
	t->to_id = (t->from_id + 1 + random_below(teller, BANK_ACCOUNTS - 1)) % BANK_ACCOUNTS;
	t->amount = 1 + random_below(teller, 100);
	t->way = choose_way(teller);
	return t;
}

void bank_transfer_once(bank_teller *teller)
{
	bank_transfer *t = transfer_new(teller);
	work w = {teller, t, (int64_t)teller->number << 32 | (int64_t)(teller->count - 1)};
	bool is_undone = false;
	cdbc_error *err = NULL;
	cdbc_status status;

	status = run_way(teller, &w, &is_undone, &err);
	if (!status) {
		t->word = BANK_DONE;
		return;
	}
	if (!err) {
		bank_complain(teller->bank, "way %d failed without an error", (int)t->way);
		return;
	}
	look_at_error(teller, t, status, err);
	t->word = is_undone ? BANK_UNDONE : word_of(teller, err);
	t->message = strdup(cdbc_error_message(err));
	cdbc_error_free(err);
	if (teller->session && cdbc_session_transaction_depth(teller->session))
		bank_complain(teller->bank, "way %d left a transaction open", (int)t->way);
}
