// SPDX-License-Identifier: Apache-2.0
/* cdbc copy in: a file's rows into a table. The other way is copy_out.c. */
#include "app/cli/cli.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES   65536
#define REJECTS_SHOWN 10
#define HEADER_MAX    ((size_t)1 << 20)

/* One copy in. */
typedef struct job {
	const cli_args *args;
	const char *path;
	const char *format;
	cdbc_session *session;
	int64_t started_ns, told_ns;
	bool is_terminal, has_progress;
	FILE *rejects;
	cx_buf header; /* the input's first line, for the file of the rejects */
	bool has_header;
	int64_t rejected;
} job;

static void clear_progress(job *j)
{
	if (j->has_progress)
		fprintf(stderr, "\r\033[K");
	j->has_progress = false;
}

/* On a terminal once it takes over a second; elsewhere a line a second, if wanted. */
static void on_progress(void *data, const cdbc_copy_summary *now)
{
	job *j = data;
	int64_t now_ns = cx_clock_now_ns();

	if (now_ns - j->told_ns < CX_NS_PER_S)
		return;
	if (j->is_terminal) {
		fprintf(stderr, "\r%lld rows, %.1f s\033[K", (long long)now->rows_read,
				(double)(now_ns - j->started_ns) / 1e9);
		j->has_progress = true;
	} else if (j->args->wants_progress) {
		j->told_ns = now_ns;
		fprintf(stderr, "%lld rows read, %lld committed, %.1f s\n", (long long)now->rows_read,
				(long long)now->rows_committed, (double)(now_ns - j->started_ns) / 1e9);
	}
}

static cdbc_status on_rejected(void *data, const cdbc_copy_rejected *row, cdbc_error **err)
{
	job *j = data;

	clear_progress(j);
	if (j->rejected++ < REJECTS_SHOWN && !j->args->is_quiet)
		fprintf(stderr, "cdbc: left out: %s\n", cdbc_error_message(row->error));
	if (!j->rejects)
		return CDBC_OK;
	if (j->has_header && j->header.length)
		fwrite(j->header.data, 1, j->header.length, j->rejects);
	j->has_header = false;
	fwrite(row->text.data, 1, row->text.length, j->rejects);
	if (fputc('\n', j->rejects) == EOF || ferror(j->rejects))
		return cx_error_set(err, CDBC_IO, "%s: %s", j->args->rejects, strerror(errno));
	return CDBC_OK;
}

/* Keeps the first line, so that what is left out can be copied in once it is mended. */
static void keep_header(job *j, const char *piece, size_t length)
{
	const char *newline = memchr(piece, '\n', length);

	if (!j->has_header || (j->header.length && j->header.data[j->header.length - 1] == '\n'))
		return;
	cx_buf_put(&j->header, piece, newline ? (size_t)(newline - piece) + 1 : length);
}

/* Ctrl-C while rows were read: where to go on. */
static cdbc_status interrupted(const cdbc_copy *copy, cdbc_error **err)
{
	cdbc_copy_summary now = {.struct_size = sizeof now};

	cdbc_copy_in_summary(copy, &now);
	cx_error_set(err, CDBC_CANCELLED, "interrupted");
	if (now.rows_committed)
		cx_error_hint(err, "the first %lld rows are done with: go on with --skip %lld",
					  (long long)now.restart_row, (long long)now.restart_row);
	return CDBC_CANCELLED;
}

static cdbc_status feed(job *j, cdbc_copy *copy, int fd, cdbc_error **err)
{
	char piece[PIECE_BYTES];
	cdbc_status status = CDBC_OK;
	ssize_t n;

	while (!status && ((n = cli_interrupt_read(fd, piece, sizeof piece, 0)) > 0 ||
					   (n < 0 && errno == EINTR))) {
		if (cli_interrupted_exit()) {
			status = interrupted(copy, err);
		} else if (n > 0) {
			keep_header(j, piece, (size_t)n);
			status = cdbc_copy_in_write(copy, piece, (size_t)n, err);
		}
	}
	if (!status && n < 0)
		status = cx_error_set(err, CDBC_IO, "%s: %s", cli_path_name(j->path), strerror(errno));
	clear_progress(j);
	return status;
}

/* What is in is said also when it failed: the next run goes on from there. */
static void tell(const job *j, const cdbc_copy_summary *done, bool has_failed)
{
	if (j->args->is_quiet || (has_failed && !done->rows_committed))
		return;
	fprintf(stderr, "COPY %lld\n", (long long)done->rows_committed);
	if (done->rows_rejected)
		fprintf(stderr, "%lld rows left out\n", (long long)done->rows_rejected);
}

static void fill_options(job *j, cdbc_copy_options *options)
{
	static const char *const methods[] = {"auto", "copy", "rows", "insert"};
	const cli_args *args = j->args;

	options->has_header = !args->no_header;
	options->chunk_rows = args->chunk_rows;
	options->skip_rows = args->skip_rows;
	options->timeout_ms = args->timeout_ms;
	options->source = cli_path_name(j->path);
	options->format = j->format;
	for (size_t i = 0; args->method && i < sizeof methods / sizeof *methods; i++)
		if (strcmp(args->method, methods[i]) == 0)
			options->method = (cdbc_copy_method)i;
	if (args->on_error && strcmp(args->on_error, "reject") == 0)
		options->on_error = CDBC_COPY_REJECT;
	options->rejected = on_rejected;
	options->progress = on_progress;
	options->data = j;
}

static int copy_file(job *j, int fd)
{
	cdbc_copy_options options = CDBC_COPY_OPTIONS_INIT;
	cdbc_copy_summary done = {.struct_size = sizeof done};
	const char **columns = NULL;
	cdbc_error *error = NULL;
	cdbc_copy *copy = NULL;
	char *list = NULL;
	size_t count = 0;
	cdbc_status status;
	int code = cli_copy_columns(j->args->columns, &list, &columns, &count);

	if (code)
		return code;
	fill_options(j, &options);
	status =
		cdbc_copy_in_open(j->session, j->args->words[1], columns, count, &options, &copy, &error);
	if (!status)
		status = feed(j, copy, fd, &error);
	if (!status)
		status = cdbc_copy_in_finish(copy, NULL, &error);
	clear_progress(j);
	if (copy)
		cdbc_copy_in_summary(copy, &done);
	tell(j, &done, status != CDBC_OK);
	if (status)
		code = cli_fail(error, status, done.rows_committed > 0, NULL);
	cdbc_copy_in_free(copy);
	free(list);
	free((void *)columns);
	return code;
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; word && *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return !word;
}

static int check_in(const cli_args *args)
{
	static const char *const formats[] = {"csv", "tsv", "ndjson", "arrow", NULL};
	static const char *const on_error[] = {"stop", "reject", NULL};
	static const char *const methods[] = {"auto", "copy", "rows", "insert", NULL};

	if (args->word_count < 2 || args->word_count > 3 || strcmp(args->words[0], "in") != 0)
		return cli_usage(&cli_copy, "give in or out, a table, and a file (- for stdin or stdout)");
	if (args->query || args->param_count)
		return cli_usage(&cli_copy, "--query and parameters are of copy out");
	if (!is_one_of(args->format, formats))
		return cli_usage(&cli_copy, "-o %s: csv, tsv, ndjson and arrow are read", args->format);
	if (!is_one_of(args->on_error, on_error))
		return cli_usage(&cli_copy, "--on-error %s: stop or reject", args->on_error);
	if (!is_one_of(args->method, methods))
		return cli_usage(&cli_copy, "--method %s: auto, copy, rows or insert", args->method);
	if (args->rejects && (!args->on_error || strcmp(args->on_error, "reject") != 0))
		return cli_usage(&cli_copy, "--rejects goes with --on-error reject");
	return EXIT_OK;
}

/* Only its owner reads it: it has the rows' values. */
static int open_rejects(job *j)
{
	int fd;

	if (!j->args->rejects)
		return EXIT_OK;
	fd = open(j->args->rejects, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	j->rejects = fd < 0 ? NULL : fdopen(fd, "w");
	if (!j->rejects)
		return cli_fail_path(j->args->rejects);
	j->has_header =
		!j->args->no_header && strcmp(j->format, "ndjson") != 0 && strcmp(j->format, "arrow") != 0;
	return EXIT_OK;
}

static int run_in(cli_args *args, job *j, int fd)
{
	cdbc_client *client = NULL;
	cdbc_error *error = NULL;
	cdbc_status status;
	int code = cli_open(args, &client);

	if (!code) {
		status = cdbc_client_acquire(client, NULL, &j->session, &error);
		if (status)
			code = cli_fail(error, status, false, NULL);
	}
	if (!code)
		code = open_rejects(j);
	if (!code) {
		cli_interrupt_watch(client, j->session);
		code = copy_file(j, fd);
		cli_interrupt_watch(NULL, NULL);
	}
	if (j->rejects && fclose(j->rejects) && !code) {
		fprintf(stderr, "cdbc: %s: %s\n", args->rejects, strerror(errno));
		code = EXIT_INCOMPLETE;
	}
	cdbc_session_release(j->session);
	cli_print_stats(args, client);
	cli_close(client);
	return code;
}

static int copy_main(cli_args *args)
{
	job j = {.args = args, .path = args->word_count == 3 ? args->words[2] : "-"};
	int code, fd;

	if (args->word_count > 0 && strcmp(args->words[0], "out") == 0)
		return cli_copy_out(args);
	code = check_in(args);
	if (code)
		return code;
	j.format = args->format ? args->format : cli_copy_format_of(j.path);
	j.started_ns = j.told_ns = cx_clock_now_ns();
	j.is_terminal = !args->is_quiet && isatty(STDERR_FILENO);
	cx_buf_init(&j.header, HEADER_MAX);
	fd = strcmp(j.path, "-") == 0 ? STDIN_FILENO : open(j.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail_path(j.path);
	code = run_in(args, &j, fd);
	cx_buf_free(&j.header);
	if (fd != STDIN_FILENO)
		close(fd);
	return code;
}

const cli_command cli_copy = {
	"copy",
	"cdbc copy [OPTION]... in|out TABLE [FILE|-]",
	"bulk load and export",
	"Copies the rows of a file into a table, all of them or none:\n"
	"    cdbc copy in bank.items items.csv\n"
	"The format is that of -o, or as the file's name ends in, or csv; csv, tsv, ndjson and\n"
	"arrow (an IPC stream) are read. The first line of csv and tsv names the columns; with\n"
	"--no-header they are --columns, or the table's. In csv an empty value is NULL, \"\" an\n"
	"empty text. With --chunk-rows each so many rows are committed by themselves, and a\n"
	"failure says how many are done with: go on with --skip. With --on-error reject a row\n"
	"that cannot be read, or that the database refuses, is left out and told; --rejects FILE\n"
	"keeps such rows as they stood.\n"
	"\n"
	"The other way, a table's rows or a query's go into a file, which appears when it is\n"
	"complete, or to stdout:\n"
	"    cdbc copy out bank.items items.csv\n"
	"    cdbc copy out --query 'select * from bank.items where id > :id' -p id=7 items.arrow",
	"in out",
	OPTS_CONNECT | OPT_FORMAT | OPT_NO_HEADER | OPT_QUIET | OPT_TIMEOUT | OPT_CHUNK_ROWS |
		OPT_SKIP | OPT_COLUMNS | OPT_QUERY | OPT_PARAM | OPT_NULL | OPT_STATS | OPT_ON_ERROR |
		OPT_REJECTS | OPT_METHOD | OPT_PROGRESS,
	copy_main,
	NULL,
};
