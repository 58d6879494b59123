// SPDX-License-Identifier: Apache-2.0
/* cdbc query and cdbc run: SQL given here, and named queries. */
#include "app/cli/cli.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((size_t)64 << 20)

cdbc_status cli_read_file(const char *path, cx_buf *out, cdbc_error **err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char chunk[65536];
	cdbc_status status;
	ssize_t n;

	cx_buf_init(out, FILE_MAX_BYTES);
	if (fd < 0)
		return cx_error_set(err, CDBC_IO, "%s: %s", cli_path_name(path), strerror(errno));
	while ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			cx_buf_put(out, chunk, (size_t)n);
	if (!is_stdin)
		close(fd);
	if (n < 0)
		return cx_error_set(err, CDBC_IO, "%s: %s", cli_path_name(path), strerror(errno));
	cx_buf_put(out, "", 0);
	status = cx_buf_status(out, cli_path_name(path), err);
	return status == CDBC_RESOURCE ? CDBC_USAGE : status;
}

/* What is run: a name, or SQL. */
typedef struct work {
	const char *name;
	const char *sql;
} work;

/* A limit of ours, not of the server's: the rows that were asked for are not all there. */
static bool has_too_many_rows(cdbc_status status, const cdbc_error *error)
{
	return status == CDBC_RESOURCE && error && !cdbc_error_sqlstate(error)[0];
}

/* What the database says of a statement without rows. A script's last one may have had some, which
 * are gone. */
static void print_tag(const cdbc_result *result, const char *sql)
{
	const char *tag = cdbc_result_tag(result), *end = sql ? strchr(sql, ';') : NULL;

	if (tag[0])
		fprintf(stderr, "%s\n", tag);
	if (end && end[strspn(end, "; \t\r\n")] && strncmp(tag, "SELECT", 6) == 0)
		fprintf(stderr, "cdbc: several statements run as a script, whose rows are not shown\n");
}

/* Runs it on a session and writes the result. */
static int run_on(cdbc_session *session, const cli_args *args, const work *w, cli_output *output)
{
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_params params = cdbc_params_of(args->params, args->param_count);
	cdbc_result *result = NULL;
	cdbc_error *error = NULL;
	cdbc_status status;
	int code = EXIT_OK;

	options.max_rows = args->max_rows;
	options.timeout_ms = args->timeout_ms;
	if (w->name)
		status = cdbc_session_run(session, w->name, params, &options, &result, &error);
	else
		status = cdbc_session_query(session, w->sql, params, &options, &result, &error);
	if (status)
		return cli_fail(error, status, has_too_many_rows(status, error), w->sql);
	if (cdbc_result_column_count(result) > 0) {
		status = cli_output_result(output, result, &error);
	} else {
		while (cdbc_result_next(result, &error))
			;
		if (!cdbc_result_is_complete(result))
			status = error ? cdbc_error_status(error) : CDBC_NOMEM;
		else if (!args->is_quiet)
			print_tag(result, w->sql);
	}
	if (status)
		code =
			cli_fail(error, status, output->has_output || has_too_many_rows(status, error), w->sql);
	cdbc_result_free(result);
	return code;
}

static int execute(cli_args *args, const work *w)
{
	cdbc_client *client = NULL;
	cdbc_session *session = NULL;
	cdbc_session_options who;
	cdbc_error *error = NULL;
	cli_output output;
	cdbc_status status;
	int code, closed;

	code = cli_open(args, &client);
	if (code)
		return code;
	code = cli_output_open(args, &output);
	if (code) {
		cli_output_close(&output, false);
		goto out;
	}
	cli_session_options(args, &who);
	status = cdbc_client_acquire(client, &who, &session, &error);
	if (status) {
		code = cli_fail(error, status, false, NULL);
		cli_output_close(&output, false);
		goto out;
	}
	cli_interrupt_watch(client, session);
	code = run_on(session, args, w, &output);
	cli_interrupt_watch(NULL, NULL);
	closed = cli_output_close(&output, code == EXIT_OK);
	if (!code)
		code = closed;
	cdbc_session_release(session);
out:
	cli_print_stats(args, client);
	cli_close(client);
	return code;
}

static int query_main(cli_args *args)
{
	cx_buf text = CX_BUF_INIT(FILE_MAX_BYTES);
	cdbc_error *error = NULL;
	work w = {NULL, NULL};
	cdbc_status status;
	int code;

	if (args->file ? args->word_count != 0 : args->word_count != 1)
		return cli_usage(&cli_query, "give one SQL text, or -f FILE");
	if (args->file) {
		status = cli_read_file(args->file, &text, &error);
		if (status) {
			cx_buf_free(&text);
			return cli_fail(error, status, false, NULL);
		}
		if (strlen(text.data) != text.length) {
			cx_buf_free(&text);
			return cli_usage(&cli_query, "-f %s: a NUL byte in SQL", args->file);
		}
		w.sql = text.data + (strncmp(text.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	} else {
		w.sql = args->words[0];
	}
	if (w.sql[strspn(w.sql, " \t\r\n;")] == '\0') {
		cx_buf_free(&text);
		return cli_usage(&cli_query, "there is no SQL in %s",
						 args->file ? args->file : "the argument");
	}
	code = execute(args, &w);
	cx_buf_free(&text);
	return code;
}

static int run_main(cli_args *args)
{
	work w = {NULL, NULL};

	if (args->word_count != 1)
		return cli_usage(&cli_run, "give the name of one query");
	w.name = args->words[0];
	return execute(args, &w);
}

const cli_command cli_query = {
	"query",
	"cdbc query [OPTION]... SQL",
	"run SQL given here, or from a file",
	"Runs one SQL text and prints its rows. Parameters (:name) are bound, never spliced:\n"
	"    cdbc query -d sqlite:bank.db 'select * from accounts where id = :id' -p id=7\n"
	"Several statements run as a script: no parameters, and no rows are shown.",
	NULL,
	OPTS_CONNECT | OPTS_OUTPUT | OPT_FILE | OPT_PARAM | OPT_NULL | OPTS_WHO | OPT_STATS,
	query_main,
};

const cli_command cli_run = {
	"run",
	"cdbc run [OPTION]... NAME",
	"run a named query",
	"Runs a query of the configured SQL files and prints its rows:\n"
	"    cdbc run get_user_transactions -p user_id=123 -o json",
	NULL,
	OPTS_CONNECT | OPTS_OUTPUT | OPT_PARAM | OPT_NULL | OPTS_WHO | OPT_STATS,
	run_main,
};
