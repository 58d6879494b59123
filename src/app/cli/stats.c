// SPDX-License-Identifier: Apache-2.0
/* What --stats prints at the end of a command: the client's numbers as a table. */
#include "app/cli/cli.h"

#include <string.h>

#define NS_PER_MS      1e6
#define NAME_MAX_BYTES 120
#define NAME_WIDTH     36 /* at least */

typedef struct stats_table {
	bool is_measured; /* the names are */
	int width;
} stats_table;

static void print_durations(int width, const char *name, const cdbc_histogram *h)
{
	int64_t count = cdbc_histogram_count(h);

	fprintf(stderr, "%-*s %10lld   mean %.3f  p50 %.3f  p95 %.3f  p99 %.3f  max %.3f ms\n", width,
			name, (long long)count,
			count ? (double)cdbc_histogram_sum_ns(h) / (double)count / NS_PER_MS : 0,
			(double)cdbc_histogram_quantile_ns(h, 0.5) / NS_PER_MS,
			(double)cdbc_histogram_quantile_ns(h, 0.95) / NS_PER_MS,
			(double)cdbc_histogram_quantile_ns(h, 0.99) / NS_PER_MS,
			(double)cdbc_histogram_max_ns(h) / NS_PER_MS);
}

/* What did not happen is not worth a line. */
static void print_stat(void *data, const cdbc_stat *stat)
{
	stats_table *table = data;
	char name[NAME_MAX_BYTES];
	int length;

	if (stat->value == 0)
		return;
	if (stat->label)
		snprintf(name, sizeof name, "%s{%s=\"%s\"}", stat->name, stat->label, stat->label_value);
	else
		snprintf(name, sizeof name, "%s", stat->name);
	length = (int)strlen(name);
	if (!table->is_measured)
		table->width = length > table->width ? length : table->width;
	else if (stat->kind == CDBC_STAT_HISTOGRAM)
		print_durations(table->width, name, stat->histogram);
	else
		fprintf(stderr, "%-*s %10lld\n", table->width, name, (long long)stat->value);
}

void cli_print_stats(const cli_args *args, const cdbc_client *client)
{
	stats_table table = {false, NAME_WIDTH};

	if (!args->with_stats || !client)
		return;
	cdbc_client_stats(client, print_stat, &table);
	table.is_measured = true;
	cdbc_client_stats(client, print_stat, &table);
}
