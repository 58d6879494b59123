// SPDX-License-Identifier: Apache-2.0
/* What the benchmark's contestants share: options, clocks, latency samples, workers, and the JSON
 * line. No database here. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static struct {
	const char *w, *variant;
	int workers, conns;
	double seconds, warmup;
	long accounts, hot, rows, batch, ops;
} o = {"W1", "", 8, 8, 5, 1, 100000, 100, 0, 1000, 0};

static void parse_opts(int argc, char **argv)
{
	if (argc > 1)
		o.w = argv[1];
	for (int i = 2; i < argc; i++) {
		char *e = strchr(argv[i], '=');
		if (!e)
			continue;
		size_t n = (size_t)(e - argv[i]);
#define IS(k) (n == strlen(k) && !memcmp(argv[i], k, n))
		if (IS("workers"))
			o.workers = atoi(e + 1);
		else if (IS("conns"))
			o.conns = atoi(e + 1);
		else if (IS("seconds"))
			o.seconds = atof(e + 1);
		else if (IS("warmup"))
			o.warmup = atof(e + 1);
		else if (IS("accounts"))
			o.accounts = atol(e + 1);
		else if (IS("hot"))
			o.hot = atol(e + 1);
		else if (IS("rows"))
			o.rows = atol(e + 1);
		else if (IS("batch"))
			o.batch = atol(e + 1);
		else if (IS("ops"))
			o.ops = atol(e + 1); /* exact count, one worker: for callgrind */
		else if (IS("variant"))
			o.variant = e + 1;
	}
}

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static double cpu_s(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec + 1e-6 * (r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}
static long peak_rss_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char l[128];
	long v = 0;
	while (f && fgets(l, sizeof l, f))
		if (sscanf(l, "VmHWM: %ld", &v) == 1)
			break;
	if (f)
		fclose(f);
	return v;
}
static inline uint64_t rnd(uint64_t *s)
{ /* xorshift64* */
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 2685821657736338717ull;
}

typedef struct {
	uint32_t *v;
	size_t n, cap;
} lat_t;
static inline void lat_add(lat_t *l, uint64_t ns)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4096;
		l->v = realloc(l->v, l->cap * sizeof *l->v);
	}
	l->v[l->n++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}
static int cmp32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* One worker: op() is called until the deadline; samples one in 2^shift calls. */
typedef struct worker {
	int id, shift;
	uint64_t seed;
	long ops, retries;
	lat_t lat;
	void (*op)(struct worker *);
	void *user;
	pthread_t th;
} worker;
static atomic_int phase; /* 0 warm-up, 1 measure, 2 stop */
static pthread_barrier_t bar;

static void *worker_main(void *a)
{
	worker *w = a;
	while (atomic_load_explicit(&phase, memory_order_relaxed) == 0)
		w->op(w);
	w->ops = w->retries = 0;
	pthread_barrier_wait(&bar);
	uint64_t mask = (1u << w->shift) - 1;
	while (atomic_load_explicit(&phase, memory_order_relaxed) == 1) {
		if ((w->ops & (long)mask) == 0) {
			uint64_t t = now_ns();
			w->op(w);
			lat_add(&w->lat, now_ns() - t);
		} else
			w->op(w);
		w->ops++;
	}
	return NULL;
}
static void sleep_s(double s)
{
	struct timespec t = {(time_t)s, (long)((s - (time_t)s) * 1e9)};
	nanosleep(&t, NULL);
}

static void emit(const char *peer, const char *unit, double per_s, double p50, double p99,
				 double secs, double cpu, const char *extra)
{
	printf("{\"peer\":\"%s\",\"workload\":\"%s\",\"workers\":%d,\"conns\":%d,\"%s\":%.1f,\"p50_"
		   "us\":%.3f,\"p99_us\":%.3f,"
		   "\"rss_kb\":%ld,\"cpu_s\":%.3f,\"secs\":%.3f%s}\n",
		   peer, o.w, o.workers, o.conns, unit, per_s, p50, p99, peak_rss_kb(), cpu, secs,
		   extra ? extra : "");
	fflush(stdout);
}

/* Runs o.workers workers for warmup + seconds and prints the line. */
static void run_workers(const char *peer, void (*op)(worker *), void *(*user)(int), int shift,
						const char *note)
{
	worker *ws = calloc((size_t)o.workers, sizeof *ws);
	if (o.ops) { /* exact count for callgrind */
		ws[0].seed = 88172645463325252ull;
		ws[0].user = user ? user(0) : NULL;
		for (long i = 0; i < o.ops; i++)
			op(&ws[0]);
		return;
	}
	pthread_barrier_init(&bar, NULL, (unsigned)o.workers + 1);
	atomic_store(&phase, 0);
	for (int i = 0; i < o.workers; i++) {
		ws[i].id = i;
		ws[i].shift = shift;
		ws[i].op = op;
		ws[i].seed = 88172645463325252ull + 7919ull * (uint64_t)i + (now_ns() << 20);
		ws[i].user = user ? user(i) : NULL;
		pthread_create(&ws[i].th, NULL, worker_main, &ws[i]);
	}
	sleep_s(o.warmup);
	atomic_store(&phase, 1);
	pthread_barrier_wait(&bar);
	double c0 = cpu_s();
	uint64_t t0 = now_ns();
	sleep_s(o.seconds);
	atomic_store(&phase, 2);
	uint64_t t1 = now_ns();
	double c1 = cpu_s();
	for (int i = 0; i < o.workers; i++)
		pthread_join(ws[i].th, NULL);
	long ops = 0, retries = 0;
	lat_t all = {0};
	for (int i = 0; i < o.workers; i++) {
		ops += ws[i].ops;
		retries += ws[i].retries;
		for (size_t k = 0; k < ws[i].lat.n; k++)
			lat_add(&all, ws[i].lat.v[k]);
	}
	qsort(all.v, all.n, sizeof *all.v, cmp32);
	double secs = (double)(t1 - t0) * 1e-9;
	char extra[256];
	snprintf(extra, sizeof extra, ",\"ns_per_op\":%.1f,\"retries\":%ld,\"note\":\"%s\"",
			 secs * 1e9 * o.workers / (double)ops, retries, note);
	emit(peer, "ops_per_s", (double)ops / secs, all.n ? all.v[all.n / 2] * 1e-3 : 0,
		 all.n ? all.v[(size_t)((double)all.n * 0.99)] * 1e-3 : 0, secs, c1 - c0, extra);
}

/* Touches every value of a row; the same sum in every contestant. */
static inline int64_t touch(int64_t id, int32_t n, double v, int len, int64_t pg_usec, int flag)
{
	return id + n + (int64_t)v + len + (pg_usec / 1000000) % 60 + flag;
}
static inline uint64_t be64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}
static inline uint32_t be32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}
static inline uint16_t be16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return __builtin_bswap16(v);
}
static inline double bef8(const void *p)
{
	uint64_t u = be64(p);
	double d;
	memcpy(&d, &u, 8);
	return d;
}
/* ---- W4.copy: the same CSV for both ---- */

#define COPY_PIECE 65536

typedef struct csv_source {
	long row, end;
	size_t length;
	char piece[COPY_PIECE + 128];
} csv_source;

/* The next piece of the rows; false when there is none. */
static inline bool csv_next(csv_source *csv)
{
	csv->length = 0;
	for (; csv->row < csv->end && csv->length < COPY_PIECE; csv->row++)
		csv->length += (size_t)snprintf(csv->piece + csv->length, 128, "%ld,%ld,\"text, %ld\"\n",
										csv->row, csv->row % 1000, csv->row * 7);
	return csv->length > 0;
}

static inline long copy_rows(void)
{
	return o.rows ? o.rows : 500000;
}

static void emit_copied(const char *peer, uint64_t began_ns, double cpu_before_s, const char *note)
{
	double secs = (double)(now_ns() - began_ns) * 1e-9;
	char extra[256];

	snprintf(extra, sizeof extra, ",\"rows\":%ld,\"note\":\"%s\"", copy_rows(), note);
	o.workers = o.conns = 1;
	emit(peer, "rows_per_s", (double)copy_rows() / secs, 0, 0, secs, cpu_s() - cpu_before_s, extra);
}

#endif
