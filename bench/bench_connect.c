// SPDX-License-Identifier: Apache-2.0
/* This library as a contestant: the workloads by its public interface, as an application would
 * write them. */
#include "common.h"

#include <cdbc/cdbc.h>

static cdbc_client *client;
static bool is_text; /* variant=text: W1 by SQL text instead of a named query */
/* variant=bare: no link in the chain; variant=chain: retry, cache, breaker, and two empty links of
 * an application's own. For what the chain costs a query that asks nothing of it. */
static bool is_bare, is_chain;
static volatile int64_t sink;

static void die(cdbc_error *err, const char *what)
{
	fprintf(stderr, "%s: %s\n", what, err ? cdbc_error_message(err) : "unexpected");
	exit(1);
}

static cdbc_status pass_on(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	(void)self;
	return cdbc_next_run(next, call, out, err);
}

/* The URL of CDBC_TEST_URL, or the parts in PGHOST and so on, which the configuration reads by
 * itself. */
static void open_client(bool is_named)
{
	char size[16];
	cdbc_config_item items[] = {
		{"pool.max_size", size},
		{"pool.min_size", size},
		{"pool.max_opens_per_second", "0"},
		{"retry.enabled", is_bare ? "false" : "true"},
		{"cache.enabled", is_bare ? "false" : "true"},
		{"breaker.enabled", is_chain ? "true" : "false"},
		{"queries.folders", BENCH_SQL}}; /* last: only where a name is run */
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_strategy link = {.struct_size = sizeof link, .name = "empty", .execute = pass_on};
	const cdbc_strategy links[] = {link, link};
	cdbc_client_options with = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config *config = NULL;
	cdbc_session **all;
	cdbc_error *err = NULL;

	snprintf(size, sizeof size, "%d", o.conns);
	from.url = getenv("CDBC_TEST_URL") ? getenv("CDBC_TEST_URL") : "postgresql://";
	from.items = items;
	from.item_count = sizeof items / sizeof *items - !is_named;
	with.strategies = links;
	with.strategy_count = is_chain ? sizeof links / sizeof *links : 0;
	if (cdbc_config_load(&from, &config, &err) || cdbc_client_open(config, &with, &client, &err))
		die(err, "open");
	cdbc_config_free(config);
	/* every connection is there before the clock runs */
	all = calloc((size_t)o.conns, sizeof *all);
	for (int i = 0; i < o.conns; i++) {
		cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;

		options.connect_now = true;
		if (cdbc_client_acquire(client, &options, &all[i], &err))
			die(err, "acquire");
	}
	for (int i = 0; i < o.conns; i++)
		cdbc_session_release(all[i]);
	free(all);
}

static const char *const select_text =
	"select id, name, balance, updated_at from accounts where id = :id limit 1";

static void op_select(worker *w)
{
	int64_t id = (int64_t)(rnd(&w->seed) % (uint64_t)o.accounts) + 1, got;
	cdbc_session *session;
	cdbc_result *result;
	cdbc_error *err = NULL;
	cdbc_text name;

	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		(is_text ? cdbc_session_query(session, select_text, CDBC_PARAMS({"id", cdbc_int64(id)}),
									  NULL, &result, &err)
				 : cdbc_session_run(session, "account", CDBC_PARAMS({"id", cdbc_int64(id)}), NULL,
									&result, &err)))
		die(err, "select");
	if (!cdbc_result_next(result, &err))
		die(err, "no row");
	got = cdbc_result_int64(result, 0);
	if (got != id)
		die(NULL, "wrong row");
	name = cdbc_result_text(result, 1);
	sink = got + (int64_t)name.length + cdbc_result_int64(result, 2) +
		   cdbc_result_int64(result, 3) + name.data[0];
	cdbc_result_free(result);
	cdbc_session_release(session);
}

static void op_pool(worker *w)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_session *session;
	cdbc_error *err = NULL;

	(void)w;
	options.connect_now = true;
	if (cdbc_client_acquire(client, &options, &session, &err))
		die(err, "acquire");
	cdbc_session_release(session);
}

/* ---- W3, W4.batch ---- */

/* A macro: err is read after the call has been made. */
#define CHECK(call, err, what) \
	do {                       \
		if (call)              \
			die(err, what);    \
	} while (0)

static void pay(cdbc_session *session, int64_t id, int64_t amount, cdbc_error **err)
{
	cdbc_result *result;

	CHECK(cdbc_session_run(session, "pay",
						   CDBC_PARAMS({"id", cdbc_int64(id)}, {"amount", cdbc_int64(amount)}),
						   NULL, &result, err),
		  *err, "pay");
	if (cdbc_result_affected_count(result) != 1)
		die(NULL, "no such account");
	cdbc_result_free(result);
}

static void two_accounts(worker *w, int64_t id[2])
{
	id[0] = (int64_t)(rnd(&w->seed) % (uint64_t)o.hot) + 1;
	id[1] = id[0] % o.hot + 1;
}

static cdbc_status transfer(cdbc_session *session, void *data, cdbc_error **err)
{
	const int64_t *id = data;

	pay(session, id[0], -1, err);
	pay(session, id[1], 1, err);
	return CDBC_OK;
}

static void op_transact(worker *w)
{
	cdbc_session *session;
	cdbc_error *err = NULL;
	int64_t id[2];

	two_accounts(w, id);
	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_session_transact(session, transfer, id, NULL, &err))
		die(err, "transfer");
	cdbc_session_release(session);
}

static void op_pipeline(worker *w)
{
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	cdbc_session *session;
	cdbc_batch *batch;
	cdbc_error *err = NULL;
	int64_t id[2];

	options.is_atomic = true;
	two_accounts(w, id);
	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_batch_new(session, &options, &batch, &err))
		die(err, "batch");
	for (int i = 0; i < 2; i++)
		CHECK(cdbc_batch_add(
				  batch, "pay",
				  CDBC_PARAMS({"id", cdbc_int64(id[i])}, {"amount", cdbc_int64(i ? 1 : -1)}), &err),
			  err, "add");
	CHECK(cdbc_batch_execute(batch, NULL, NULL, &sum, &err), err, "execute");
	if (sum.affected_count != 2)
		die(NULL, "no such account");
	cdbc_batch_free(batch);
	cdbc_session_release(session);
}

static void empty_loaded(void)
{
	cdbc_session *session;
	cdbc_result *result;
	cdbc_error *err = NULL;

	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_session_query(session, "truncate loaded", CDBC_NO_PARAMS, NULL, &result, &err))
		die(err, "truncate");
	cdbc_result_free(result);
	cdbc_session_release(session);
}

static void op_rows(worker *w)
{
	static const char *const columns[] = {"id", "n", "txt"}, *const types[] = {"int8", "int4",
																			   "text"};
	static const char text[] = "a row of the batch";
	cdbc_dialect_insert insert = CDBC_DIALECT_INSERT_INIT;
	cdbc_value *values = malloc((size_t)o.batch * 3 * sizeof *values);
	cdbc_session *session;
	cdbc_batch *batch;
	cdbc_error *err = NULL;

	insert.table = "loaded";
	insert.columns = columns;
	insert.types = types;
	insert.column_count = 3;
	for (long i = 0; i < o.batch; i++) {
		values[3 * i] = cdbc_int64((int64_t)(rnd(&w->seed) >> 1));
		values[3 * i + 1] = cdbc_int64(i);
		values[3 * i + 2] = cdbc_text_n(text, sizeof text - 1);
	}
	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_batch_new(session, NULL, &batch, &err) ||
		cdbc_batch_add_rows(batch, &insert, values, (size_t)o.batch, &err) ||
		cdbc_batch_execute(batch, NULL, NULL, NULL, &err))
		die(err, "rows");
	cdbc_batch_free(batch);
	cdbc_session_release(session);
	free(values);
}

static bool is_row_by_row; /* variant=single */

/* The same rows by one INSERT each; variant=fold: the batch makes arrays of them by itself. */
static void op_statements(worker *w)
{
	static const char text[] = "a row of the batch";
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	cdbc_session *session;
	cdbc_batch *batch;
	cdbc_error *err = NULL;

	options.is_row_by_row = is_row_by_row;
	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_batch_new(session, &options, &batch, &err))
		die(err, "batch");
	for (long i = 0; i < o.batch; i++)
		CHECK(cdbc_batch_add_sql(batch, "insert into loaded (id, n, txt) values (:id, :n, :txt)",
								 CDBC_PARAMS({"id", cdbc_int64((int64_t)(rnd(&w->seed) >> 1))},
											 {"n", cdbc_int64(i)},
											 {"txt", cdbc_text_n(text, sizeof text - 1)}),
								 &err),
			  err, "add");
	CHECK(cdbc_batch_execute(batch, NULL, NULL, &sum, &err), err, "execute");
	if (sum.affected_count != o.batch)
		die(NULL, "not all rows");
	cdbc_batch_free(batch);
	cdbc_session_release(session);
}

/* ---- W4.copy ---- */

static void copy_in(void)
{
	static const char *const columns[] = {"id", "n", "txt"};
	static csv_source csv;
	cdbc_copy_options options = CDBC_COPY_OPTIONS_INIT;
	cdbc_session *session;
	cdbc_error *err = NULL;
	cdbc_copy *copy;
	double c0;
	uint64_t t0;

	options.has_header = false;
	csv.end = copy_rows();
	CHECK(cdbc_client_acquire(client, NULL, &session, &err), err, "acquire");
	c0 = cpu_s();
	t0 = now_ns();
	CHECK(cdbc_copy_in_open(session, "loaded", columns, 3, &options, &copy, &err), err, "copy");
	while (csv_next(&csv))
		CHECK(cdbc_copy_in_write(copy, csv.piece, csv.length, &err), err, "row");
	CHECK(cdbc_copy_in_finish(copy, NULL, &err), err, "end");
	emit_copied("connect", t0, c0, "cdbc_copy_in_write, csv");
	cdbc_copy_in_free(copy);
	cdbc_session_release(session);
}

static int64_t touch_batch(const struct ArrowArray *b)
{
	const int64_t *id = b->children[0]->buffers[1], *ts = b->children[4]->buffers[1];
	const int32_t *n = b->children[1]->buffers[1], *off = b->children[3]->buffers[1];
	const double *val = b->children[2]->buffers[1];
	const uint8_t *flag = b->children[5]->buffers[1];
	int64_t sum = 0;

	for (int64_t i = 0; i < b->length; i++)
		sum += touch(id[i], n[i], val[i], off[i + 1] - off[i], ts[i], flag[i >> 3] >> (i & 7) & 1);
	return sum;
}

static int64_t read_rows(cdbc_result *result, long *nrows, cdbc_error **err)
{
	int64_t sum = 0;

	while (cdbc_result_next(result, err)) {
		cdbc_text t = cdbc_result_text(result, 3);

		sink = t.data[0];
		sum += touch(cdbc_result_int64(result, 0), (int32_t)cdbc_result_int64(result, 1),
					 cdbc_result_double(result, 2), (int)t.length, cdbc_result_int64(result, 4),
					 cdbc_result_bool(result, 5));
		++*nrows;
	}
	return sum;
}

static int64_t read_chunks(cdbc_result *result, long *nrows, cdbc_error **err)
{
	cdbc_chunks chunks;
	int64_t sum = 0;

	if (cdbc_result_collect(result, 0, &chunks, err))
		return 0;
	for (size_t i = 0; i < chunks.count; i++)
		sum += touch_batch(&chunks.items[i]);
	*nrows = (long)chunks.row_count;
	cdbc_chunks_clear(&chunks);
	return sum;
}

static void stream(void)
{
	int is_columns = !strcmp(o.w, "W6");
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	char q[160] = "select id, n, val, txt, ts, flag from big", extra[200];
	cdbc_session *session;
	cdbc_result *result;
	cdbc_error *err = NULL;
	double c0, secs;
	uint64_t t0;
	int64_t sum;
	long nrows = 0;

	o.conns = 1;
	open_client(false);
	options.timeout_ms = CDBC_FOREVER;
	if (o.rows)
		snprintf(q + strlen(q), 40, " limit %ld", o.rows);
	c0 = cpu_s();
	t0 = now_ns();
	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_session_query(session, q, CDBC_NO_PARAMS, &options, &result, &err))
		die(err, "query");
	sum = is_columns ? read_chunks(result, &nrows, &err) : read_rows(result, &nrows, &err);
	if (!cdbc_result_is_complete(result))
		die(err, "stream");
	secs = (double)(now_ns() - t0) * 1e-9;
	snprintf(extra, sizeof extra, ",\"rows\":%ld,\"checksum\":%lld,\"note\":\"%s\"", nrows,
			 (long long)sum,
			 is_columns ? "cdbc_result_collect, Arrow chunks"
						: "cdbc_result_next, values by column");
	o.workers = 1;
	emit("connect", "rows_per_s", (double)nrows / secs, 0, 0, secs, cpu_s() - c0, extra);
	cdbc_result_free(result);
	cdbc_session_release(session);
}

int main(int argc, char **argv)
{
	parse_opts(argc, argv);
	if (!strcmp(o.w, "W1")) {
		is_text = !strcmp(o.variant, "text");
		is_bare = !strcmp(o.variant, "bare");
		is_chain = !strcmp(o.variant, "chain");
		open_client(!is_text);
		run_workers("connect", op_select, NULL, 0,
					is_text ? "cdbc_session_query, a session an operation"
							: "cdbc_session_run, a session an operation");
	} else if (!strcmp(o.w, "W2")) {
		open_client(false);
		run_workers("connect", op_pool, NULL, 6, "cdbc_client_acquire with a connection, release");
	} else if (!strcmp(o.w, "W3")) {
		bool is_piped = !strcmp(o.variant, "pipeline");

		open_client(true);
		run_workers("connect", is_piped ? op_pipeline : op_transact, NULL, 0,
					is_piped ? "cdbc_batch, atomic" : "cdbc_session_transact");
	} else if (!strcmp(o.w, "W4") && !strcmp(o.variant, "copy")) {
		open_client(false);
		empty_loaded();
		copy_in();
	} else if (!strcmp(o.w, "W4")) {
		open_client(false);
		empty_loaded();
		is_row_by_row = !strcmp(o.variant, "single");
		if (is_row_by_row || !strcmp(o.variant, "fold"))
			run_workers("connect", op_statements, NULL, 0,
						is_row_by_row ? "cdbc_batch_add_sql, row by row" : "cdbc_batch_add_sql");
		else
			run_workers("connect", op_rows, NULL, 0, "cdbc_batch_add_rows");
	} else if (!strcmp(o.w, "W5") || !strcmp(o.w, "W6")) {
		stream();
	} else {
		return 2;
	}
	cdbc_client_close(client, 1000);
	return 0;
}
