// SPDX-License-Identifier: Apache-2.0
/* cdbc copy in: a CSV file into a table. */
#include "app/cli/cli.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 65536

static void show_progress(const cdbc_copy *copy, int64_t started_ns, bool *has_progress)
{
	int64_t passed_ns = cx_clock_now_ns() - started_ns;
	cdbc_copy_summary now;

	if (passed_ns < CX_NS_PER_S)
		return;
	cdbc_copy_in_summary(copy, &now);
	fprintf(stderr, "\r%lld rows, %.1f s\033[K", (long long)now.rows_read, (double)passed_ns / 1e9);
	*has_progress = true;
}

static cdbc_status feed(cdbc_copy *copy, int fd, const char *path, bool is_shown, cdbc_error **err)
{
	int64_t started_ns = cx_clock_now_ns();
	bool has_progress = false;
	char piece[PIECE_BYTES];
	cdbc_status status = CDBC_OK;
	ssize_t n;

	while (!status && ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))) {
		if (cli_interrupted_exit())
			status = cx_error_set(err, CDBC_CANCELLED, "interrupted");
		else if (n > 0)
			status = cdbc_copy_in_write_csv(copy, piece, (size_t)n, err);
		if (!status && is_shown)
			show_progress(copy, started_ns, &has_progress);
	}
	if (!status && n < 0)
		status = cx_error_set(err, CDBC_IO, "%s: %s", path, strerror(errno));
	if (has_progress)
		fprintf(stderr, "\r\033[K");
	return status;
}

/* What is in is said also when it failed: the next run goes on from there. */
static void tell(const cdbc_copy_summary *done, bool is_quiet)
{
	if (!is_quiet)
		fprintf(stderr, "COPY %lld\n", (long long)done->rows_committed);
}

static int copy_file(const cli_args *args, cdbc_session *session, int fd, const char *path)
{
	cdbc_copy_options options = CDBC_COPY_OPTIONS_INIT;
	cdbc_copy_summary done = {.struct_size = sizeof done};
	cdbc_error *error = NULL;
	cdbc_copy *copy = NULL;
	cdbc_status status;
	int code = EXIT_OK;

	options.has_header = !args->no_header;
	options.chunk_rows = args->chunk_rows;
	options.skip_rows = args->skip_rows;
	options.timeout_ms = args->timeout_ms;
	status = cdbc_copy_in_open(session, args->words[1], NULL, 0, &options, &copy, &error);
	if (!status)
		status = feed(copy, fd, path, !args->is_quiet && isatty(STDERR_FILENO), &error);
	if (!status)
		status = cdbc_copy_in_finish(copy, NULL, &error);
	if (copy)
		cdbc_copy_in_summary(copy, &done);
	if (status)
		code = cli_fail(error, status, done.rows_committed > 0, NULL);
	else
		tell(&done, args->is_quiet);
	cdbc_copy_in_free(copy);
	return code;
}

static int copy_main(cli_args *args)
{
	const char *path = args->word_count == 3 ? args->words[2] : "-";
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_error *error = NULL;
	cdbc_status status;
	int code, fd;

	if (args->word_count > 0 && strcmp(args->words[0], "out") == 0)
		return cli_copy_out(args);
	if (args->word_count < 2 || args->word_count > 3 || strcmp(args->words[0], "in") != 0)
		return cli_usage(&cli_copy, "give in or out, a table, and a file (- for stdin or stdout)");
	if (args->query || args->param_count)
		return cli_usage(&cli_copy, "--query and parameters are of copy out");
	fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail_path(path);
	code = cli_open(args, &client);
	if (!code) {
		status = cdbc_client_acquire(client, NULL, &session, &error);
		if (status)
			code = cli_fail(error, status, false, NULL);
	}
	if (!code) {
		cli_interrupt_watch(client, session);
		code = copy_file(args, session, fd, path);
		cli_interrupt_watch(NULL, NULL);
		cdbc_session_release(session);
	}
	cli_print_stats(args, client);
	cli_close(client);
	if (fd != STDIN_FILENO)
		close(fd);
	return code;
}

const cli_command cli_copy = {
	"copy",
	"cdbc copy [OPTION]... in|out TABLE [FILE|-]",
	"bulk load and export",
	"Copies the rows of a CSV file into a table, all of them or none:\n"
	"    cdbc copy in bank.items items.csv\n"
	"The first line names the columns; with --no-header they are the table's. An empty value\n"
	"is NULL, \"\" an empty text. With --chunk-rows each so many rows are committed by\n"
	"themselves, and a failure says how many are in: go on with --skip.\n"
	"\n"
	"The other way, a table's rows or a query's go into a file, which appears when it is\n"
	"complete, or to stdout:\n"
	"    cdbc copy out bank.items items.csv\n"
	"    cdbc copy out --query 'select * from bank.items where id > :id' -p id=7 items.arrow\n"
	"The format is that of -o, or as the file's name ends in, or csv.",
	"in out",
	OPTS_CONNECT | OPT_FORMAT | OPT_NO_HEADER | OPT_QUIET | OPT_TIMEOUT | OPT_CHUNK_ROWS |
		OPT_SKIP | OPT_COLUMNS | OPT_QUERY | OPT_PARAM | OPT_NULL | OPT_STATS,
	copy_main,
	NULL,
};
