// SPDX-License-Identifier: Apache-2.0
/* Numbers of a client: what it has done since it was opened, and how it stands. Made to be printed:
 * one row a number, with a label where there are several of a kind. */
#ifndef CDBC_STATS_H
#define CDBC_STATS_H

#include <cdbc/client.h>

CDBC_BEGIN

/* Durations, in buckets each at most a sixteenth wider than its lower bound. Borrowed for the call
 * that gives it. */
typedef struct cdbc_histogram cdbc_histogram;

/* How many durations there are. */
CDBC_API int64_t cdbc_histogram_count(const cdbc_histogram *histogram);
/* All of them together. */
CDBC_API int64_t cdbc_histogram_sum_ns(const cdbc_histogram *histogram);
/* The longest; 0 when there are none. */
CDBC_API int64_t cdbc_histogram_max_ns(const cdbc_histogram *histogram);
/* What the share q (0 to 1) of the durations does not exceed: never less than is true, and at most
 * a sixteenth more (below a microsecond: 64 ns more). 0 when there are none. */
CDBC_API int64_t cdbc_histogram_quantile_ns(const cdbc_histogram *histogram, double q);
/* How many durations are at most ns; those in its own bucket do not count unless ns ends it. */
CDBC_API int64_t cdbc_histogram_count_within(const cdbc_histogram *histogram, int64_t ns);

typedef enum cdbc_stat_kind {
	CDBC_STAT_COUNTER, /* only grows */
	CDBC_STAT_GAUGE,
	CDBC_STAT_HISTOGRAM
} cdbc_stat_kind;

/* A number. Names and labels are of lower-case letters and underscores; the same name comes with
 * one label at most, in rows that follow each other. Borrowed for the call. */
typedef struct cdbc_stat {
	size_t struct_size;
	cdbc_stat_kind kind;
	const char *name;        /* "requests" */
	const char *label;       /* "status"; NULL: none */
	const char *label_value; /* "ok": any text, of a query's name for one */
	int64_t value;
	const cdbc_histogram *histogram; /* CDBC_STAT_HISTOGRAM */
	const char *help;                /* one line */
} cdbc_stat;

/* Calls fn for each number. Requests, transactions and durations are counted when stats.enabled is
 * on; pool, breaker and cache always. Numbers of one moment may differ by what ran meanwhile. Any
 * thread; fn may not close the client. Round trips: none. */
CDBC_API void cdbc_client_stats(const cdbc_client *client,
								void (*fn)(void *data, const cdbc_stat *stat), void *data);

/* Opens the log's file anew, after it was moved away; what is logged meanwhile is not lost. Nothing
 * happens when the log is not a file. Fails with CDBC_IO, and goes on with the old one. Any
 * thread. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_client_reopen_log(cdbc_client *client, cdbc_error **err);

CDBC_END
#endif
