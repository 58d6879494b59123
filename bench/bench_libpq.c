// SPDX-License-Identifier: Apache-2.0
/* The reference: the same work by raw libpq, with the mutex-and-condvar pool that a user would
 * write in an afternoon. */
#include "common.h"

#include <libpq-fe.h>
#include <stdbool.h>

static void die(PGconn *c, const char *what)
{
	fprintf(stderr, "%s: %s\n", what, PQerrorMessage(c));
	exit(1);
}

static PGconn *dial(void)
{
	const char *url = getenv("CDBC_TEST_URL");
	PGconn *c = PQconnectdb(url ? url : "");

	if (PQstatus(c) != CONNECTION_OK)
		die(c, "connect");
	return c;
}

static struct {
	pthread_mutex_t mu;
	pthread_cond_t cv;
	PGconn **idle;
	int n;
} pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0};

static PGconn *acquire(void)
{
	PGconn *c;

	pthread_mutex_lock(&pool.mu);
	while (!pool.n)
		pthread_cond_wait(&pool.cv, &pool.mu);
	c = pool.idle[--pool.n];
	pthread_mutex_unlock(&pool.mu);
	return c;
}

static void release(PGconn *c)
{
	pthread_mutex_lock(&pool.mu);
	pool.idle[pool.n++] = c;
	pthread_cond_signal(&pool.cv);
	pthread_mutex_unlock(&pool.mu);
}

static void open_pool(int prepare)
{
	pool.idle = calloc((size_t)o.conns, sizeof *pool.idle);
	for (int i = 0; i < o.conns; i++) {
		PGconn *c = dial();

		if (prepare)
			PQclear(PQprepare(c, "sel",
							  "select id, name, balance, updated_at from accounts where id = $1", 1,
							  NULL));
		if (prepare == 1)
			PQclear(PQprepare(c, "pay", "update accounts set balance = balance + $2 where id = $1",
							  2, NULL));
		if (prepare == 2)
			PQclear(PQexec(c, "truncate loaded"));
		if (prepare == 2)
			PQclear(PQprepare(c, "rows",
							  "insert into loaded (id, n, txt) select * from unnest($1::int8[], "
							  "$2::int4[], $3::text[])",
							  3, NULL));
		pool.idle[pool.n++] = c;
	}
}

static volatile int64_t sink;

static void op_select(worker *w)
{
	uint64_t id = rnd(&w->seed) % (uint64_t)o.accounts + 1, be = __builtin_bswap64(id);
	PGconn *c = acquire();
	PGresult *r =
		PQexecPrepared(c, "sel", 1, (const char *[]){(char *)&be}, (int[]){8}, (int[]){1}, 1);
	int64_t got;

	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
		die(c, "select");
	got = (int64_t)be64(PQgetvalue(r, 0, 0));
	if ((uint64_t)got != id)
		die(c, "wrong row");
	sink = got + PQgetlength(r, 0, 1) + (int64_t)be64(PQgetvalue(r, 0, 2)) +
		   (int64_t)be64(PQgetvalue(r, 0, 3)) + PQgetvalue(r, 0, 1)[0];
	PQclear(r);
	release(c);
}

static void op_pool(worker *w)
{
	(void)w;
	release(acquire());
}

/* ---- W3, W4.batch ---- */

static void pay_arguments(const uint64_t be[2], const char *values[2])
{
	values[0] = (const char *)&be[0];
	values[1] = (const char *)&be[1];
}

static void two_accounts(worker *w, uint64_t id[2])
{
	id[0] = rnd(&w->seed) % (uint64_t)o.hot + 1;
	id[1] = id[0] % (uint64_t)o.hot + 1;
}

static void need(PGconn *c, PGresult *r, const char *affected)
{
	if (PQresultStatus(r) != PGRES_COMMAND_OK || strcmp(PQcmdTuples(r), affected) != 0)
		die(c, "transfer");
	PQclear(r);
}

static void op_transact(worker *w)
{
	static const int lengths[] = {8, 8}, binary[] = {1, 1};
	PGconn *c = acquire();
	uint64_t id[2];

	two_accounts(w, id);
	need(c, PQexec(c, "BEGIN"), "");
	for (int i = 0; i < 2; i++) {
		uint64_t be[2] = {__builtin_bswap64(id[i]), __builtin_bswap64(i ? 1 : (uint64_t)-1)};
		const char *values[2];

		pay_arguments(be, values);
		need(c, PQexecPrepared(c, "pay", 2, values, lengths, binary, 1), "1");
	}
	need(c, PQexec(c, "COMMIT"), "");
	release(c);
}

static void op_pipeline(worker *w)
{
	static const int lengths[] = {8, 8}, binary[] = {1, 1};
	PGconn *c = acquire();
	PGresult *r;
	uint64_t id[2];

	two_accounts(w, id);
	if (!PQenterPipelineMode(c) || !PQsendQueryParams(c, "BEGIN", 0, NULL, NULL, NULL, NULL, 0))
		die(c, "pipeline");
	for (int i = 0; i < 2; i++) {
		uint64_t be[2] = {__builtin_bswap64(id[i]), __builtin_bswap64(i ? 1 : (uint64_t)-1)};
		const char *values[2];

		pay_arguments(be, values);
		if (!PQsendQueryPrepared(c, "pay", 2, values, lengths, binary, 1))
			die(c, "pay");
	}
	if (!PQsendQueryParams(c, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) || !PQpipelineSync(c))
		die(c, "sync");
	for (int i = 0; i < 4; i++) {
		need(c, PQgetResult(c), i == 0 || i == 3 ? "" : "1");
		PQgetResult(c);
	}
	r = PQgetResult(c);
	if (PQresultStatus(r) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(c))
		die(c, "end");
	PQclear(r);
	release(c);
}

/* A one-dimensional array in binary, as a careful user writes it. */
static char *array_begin(char *p, uint32_t type, long count)
{
	uint32_t head[] = {__builtin_bswap32(1), 0, __builtin_bswap32(type),
					   __builtin_bswap32((uint32_t)count), __builtin_bswap32(1)};

	memcpy(p, head, sizeof head);
	return p + sizeof head;
}

static char *array_item(char *p, const void *bytes, uint32_t length)
{
	uint32_t be = __builtin_bswap32(length);

	memcpy(p, &be, 4);
	memcpy(p + 4, bytes, length);
	return p + 4 + length;
}

static void op_rows(worker *w)
{
	static const char text[] = "a row of the batch";
	size_t room = (size_t)o.batch * 32 + 64;
	char *columns[3], *at[3];
	int lengths[3];
	PGconn *c = acquire();
	PGresult *r;

	for (int i = 0; i < 3; i++) {
		columns[i] = malloc(room);
		at[i] = array_begin(columns[i], (uint32_t[]){20, 23, 25}[i], o.batch);
	}
	for (long i = 0; i < o.batch; i++) {
		uint64_t id = __builtin_bswap64(rnd(&w->seed) >> 1);
		uint32_t n = __builtin_bswap32((uint32_t)i);

		at[0] = array_item(at[0], &id, 8);
		at[1] = array_item(at[1], &n, 4);
		at[2] = array_item(at[2], text, sizeof text - 1);
	}
	for (int i = 0; i < 3; i++)
		lengths[i] = (int)(at[i] - columns[i]);
	r = PQexecPrepared(c, "rows", 3, (const char *const *)columns, lengths, (int[]){1, 1, 1}, 1);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		die(c, "rows");
	PQclear(r);
	for (int i = 0; i < 3; i++)
		free(columns[i]);
	release(c);
}

/* ---- W4.copy ---- */

static void done(PGconn *c, PGresult *r, ExecStatusType wanted)
{
	if (PQresultStatus(r) != wanted)
		die(c, "copy");
	PQclear(r);
}

/* The server reads the CSV itself. */
static void copy_in(void)
{
	static csv_source csv;
	PGconn *c = dial();
	double c0;
	uint64_t t0;

	done(c, PQexec(c, "truncate loaded"), PGRES_COMMAND_OK);
	csv.end = copy_rows();
	c0 = cpu_s();
	t0 = now_ns();
	done(c, PQexec(c, "BEGIN"), PGRES_COMMAND_OK);
	done(c, PQexec(c, "copy loaded (id, n, txt) from stdin (format csv)"), PGRES_COPY_IN);
	while (csv_next(&csv))
		if (PQputCopyData(c, csv.piece, (int)csv.length) != 1)
			die(c, "row");
	if (PQputCopyEnd(c, NULL) != 1)
		die(c, "end");
	done(c, PQgetResult(c), PGRES_COMMAND_OK);
	PQclear(PQgetResult(c));
	done(c, PQexec(c, "COMMIT"), PGRES_COMMAND_OK);
	emit_copied("libpq", t0, c0, "PQputCopyData, csv as it is");
	PQfinish(c);
}

/* ---- W5, W6
 * -------------------------------------------------------------------------------------------------
 */

/* Columns in the Arrow layout, by hand. */
static struct {
	size_t n, cap, tn, tcap;
	int64_t *id, *ts;
	int32_t *num, *off;
	double *val;
	uint8_t *flag;
	char *txt;
} C;

static void col_add(int64_t id, int32_t num, double v, const char *t, int tl, int64_t ts, int f)
{
	size_t n;

	if (C.n == C.cap) {
		size_t cap = C.cap ? C.cap * 2 : 1u << 16, old = C.cap ? C.cap / 8 + 1 : 0;

		C.id = realloc(C.id, cap * 8);
		C.ts = realloc(C.ts, cap * 8);
		C.num = realloc(C.num, cap * 4);
		C.off = realloc(C.off, (cap + 1) * 4);
		C.val = realloc(C.val, cap * 8);
		C.flag = realloc(C.flag, cap / 8 + 1);
		memset(C.flag + old, 0, cap / 8 + 1 - old);
		if (!C.cap)
			C.off[0] = 0;
		C.cap = cap;
	}
	if (C.tn + (size_t)tl > C.tcap)
		C.txt = realloc(C.txt, C.tcap = C.tcap ? C.tcap * 2 : 1u << 20);
	n = C.n++;
	C.id[n] = id;
	C.num[n] = num;
	C.val[n] = v;
	C.ts[n] = ts;
	memcpy(C.txt + C.tn, t, (size_t)tl);
	C.tn += (size_t)tl;
	C.off[n + 1] = (int32_t)C.tn;
	C.flag[n >> 3] |= (uint8_t)(f << (n & 7));
}

static void stream(void)
{
	int is_columns = !strcmp(o.w, "W6");
	PGconn *c = dial();
	char q[160] = "select id, n, val, txt, ts, flag from big", extra[200];
	double c0 = cpu_s(), secs;
	uint64_t t0 = now_ns();
	int64_t sum = 0;
	long nrows = 0;
	PGresult *r;

	if (o.rows)
		snprintf(q + strlen(q), 40, " limit %ld", o.rows);
	if (!PQsendQueryParams(c, q, 0, NULL, NULL, NULL, NULL, 1))
		die(c, "send");
	PQsetSingleRowMode(c);
	while ((r = PQgetResult(c))) {
		ExecStatusType s = PQresultStatus(r);

		if (s == PGRES_SINGLE_TUPLE) {
			int64_t id = (int64_t)be64(PQgetvalue(r, 0, 0)),
					ts = (int64_t)be64(PQgetvalue(r, 0, 4));
			int32_t num = (int32_t)be32(PQgetvalue(r, 0, 1));
			double v = bef8(PQgetvalue(r, 0, 2));
			const char *t = PQgetvalue(r, 0, 3);
			int tl = PQgetlength(r, 0, 3), f = PQgetvalue(r, 0, 5)[0];

			if (is_columns) {
				col_add(id, num, v, t, tl, ts, f);
			} else {
				sink = t[0];
				sum += touch(id, num, v, tl, ts, f);
			}
			nrows++;
		} else if (s != PGRES_TUPLES_OK) {
			die(c, "row");
		}
		PQclear(r);
	}
	for (size_t i = 0; i < C.n; i++)
		sum += touch(C.id[i], C.num[i], C.val[i], C.off[i + 1] - C.off[i], C.ts[i],
					 C.flag[i >> 3] >> (i & 7) & 1);
	secs = (double)(now_ns() - t0) * 1e-9;
	snprintf(extra, sizeof extra,
			 ",\"rows\":%ld,\"checksum\":%lld,\"note\":\"single-row mode, binary%s\"", nrows,
			 (long long)sum, is_columns ? ", by hand into Arrow-layout columns" : "");
	o.workers = o.conns = 1;
	emit("libpq", "rows_per_s", (double)nrows / secs, 0, 0, secs, cpu_s() - c0, extra);
}

int main(int argc, char **argv)
{
	parse_opts(argc, argv);
	if (!strcmp(o.w, "W1")) {
		open_pool(1);
		run_workers("libpq", op_select, NULL, 0, "PQexecPrepared binary, mutex+condvar pool");
	} else if (!strcmp(o.w, "W2")) {
		open_pool(0);
		run_workers("libpq", op_pool, NULL, 6, "hand-written mutex+condvar LIFO pool");
	} else if (!strcmp(o.w, "W3")) {
		bool is_piped = !strcmp(o.variant, "pipeline");

		open_pool(1);
		run_workers("libpq", is_piped ? op_pipeline : op_transact, NULL, 0,
					is_piped ? "pipeline mode, one Sync" : "BEGIN, two prepared updates, COMMIT");
	} else if (!strcmp(o.w, "W4") && !strcmp(o.variant, "copy")) {
		copy_in();
	} else if (!strcmp(o.w, "W4")) {
		open_pool(2);
		run_workers("libpq", op_rows, NULL, 0, "unnest of binary arrays, prepared");
	} else if (!strcmp(o.w, "W5") || !strcmp(o.w, "W6")) {
		stream();
	} else {
		return 2;
	}
	return 0;
}
