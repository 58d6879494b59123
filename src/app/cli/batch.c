// SPDX-License-Identifier: Apache-2.0
/* cdbc batch: the statements of files, many on their way at a time. */
#include "app/cli/batch_input.h"
#include "app/cli/cli.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"

#include <string.h>
#include <unistd.h>

#define FILL_COUNT 4000 /* statements that are read before they are sent */

typedef struct job {
	const cli_args *args;
	cdbc_session *session;
	cdbc_batch *batch;
	cli_output *output;
	bool is_ndjson, goes_on;
	bool is_in_transaction; /* an atomic batch that is too long for one round trip */
	int64_t told_count;     /* statements of earlier executes */
	cdbc_batch_summary sum;
	bool is_printed; /* a failure of the last execute */
	cdbc_error *output_error;
	const char *path;
	int64_t until_ns; /* what was added waits for more */
} job;

/* ---- what is written ---- */

static cdbc_status put(job *j, const char *text, size_t length)
{
	if (j->output_error)
		return cdbc_error_status(j->output_error);
	return j->output->sink.write(j->output->sink.self, text, length, &j->output_error);
}

static void put_text(job *j, const char *text)
{
	(void)put(j, text, strlen(text));
}

/* A text as JSON. */
static void put_json(job *j, const char *text)
{
	const char *end = text + strlen(text);
	char room[8];

	put_text(j, "\"");
	while (text < end) {
		cdbc_text piece = cx_json_piece(&text, end, room);

		(void)put(j, piece.data, piece.length);
	}
	put_text(j, "\"");
}

static void put_number(job *j, const char *before, int64_t number)
{
	char text[64];

	snprintf(text, sizeof text, "%s%lld", before, (long long)number);
	put_text(j, text);
}

/* The rows of a result in one line: lines of JSON, with commas for their ends. */
typedef struct row_sink {
	job *job;
	bool is_between; /* rows */
} row_sink;

static cdbc_status write_rows(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	row_sink *s = self;
	const char *p = bytes, *end = p + length;

	while (p < end && !s->job->output_error) {
		const char *line = memchr(p, '\n', (size_t)(end - p));
		const char *to = line ? line : end;

		if (s->is_between && to > p) {
			put_text(s->job, ",");
			s->is_between = false;
		}
		(void)put(s->job, p, (size_t)(to - p));
		s->is_between |= line != NULL;
		p = line ? line + 1 : end;
	}
	if (!s->job->output_error)
		return CDBC_OK;
	cx_error_pass(err, cx_error_copy(s->job->output_error));
	return cdbc_error_status(s->job->output_error);
}

static void put_failure(job *j, const cdbc_error *error)
{
	put_text(j, ",\"error\":{\"status\":");
	put_json(j, cdbc_status_name(cdbc_error_status(error)));
	put_text(j, ",\"sqlstate\":");
	put_json(j, cdbc_error_sqlstate(error));
	put_text(j, ",\"message\":");
	put_json(j, cdbc_error_message(error));
	put_text(j, ",\"outcome\":");
	put_json(j, cdbc_outcome_name(cdbc_error_outcome(error)));
	put_text(j, ",\"replay\":");
	put_json(j, cdbc_replay_name(cdbc_error_replay(error)));
	put_text(j, "}");
}

static void put_ndjson(job *j, int64_t number, cdbc_result *result, const cdbc_error *failure)
{
	row_sink rows = {j, false};
	cdbc_sink sink = {sizeof sink, write_rows, &rows};
	cdbc_error *error = NULL;

	put_number(j, "{\"statement\":", number);
	if (result && cdbc_result_column_count(result) > 0) {
		put_text(j, ",\"rows\":[");
		if (cdbc_result_write(result, cdbc_format_find("ndjson"), &j->output->options, NULL, 0,
							  NULL, NULL, &sink, &error) &&
			!error)
			cx_error_nomem(&error);
		put_text(j, "]");
	} else {
		while (result && cdbc_result_next(result, &error))
			;
	}
	if (failure || error) {
		put_failure(j, failure ? failure : error);
	} else {
		put_text(j, ",\"tag\":");
		put_json(j, cdbc_result_tag(result));
		if (cdbc_result_affected_count(result) >= 0)
			put_number(j, ",\"affected\":", cdbc_result_affected_count(result));
	}
	put_text(j, "}\n");
	cdbc_error_free(error);
}

static void show_progress(job *j)
{
	cli_output *o = j->output;
	int64_t passed_ns = cx_clock_now_ns() - o->started_ns;

	if (o->is_quiet || passed_ns < CX_NS_PER_S)
		return;
	fprintf(stderr, "\r%lld statements, %.1f s\033[K", (long long)j->told_count,
			(double)passed_ns / 1e9);
	o->has_progress = true;
}

static bool on_result(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	job *j = data;
	int64_t number = j->told_count + index + 1;

	if (error && j->goes_on) {
		cli_output_progress_end(j->output);
		(void)cli_fail(cx_error_copy(error), cdbc_error_status(error), false, NULL);
		j->is_printed = true;
	}
	if (j->is_ndjson)
		put_ndjson(j, number, result, error);
	else if (result && cdbc_result_column_count(result) > 0 && !j->output_error)
		(void)cli_output_result(j->output, result, &j->output_error);
	return !j->output_error || !j->output->has_failed;
}

/* ---- sending ---- */

static void add_up(cdbc_batch_summary *to, const cdbc_batch_summary *more)
{
	to->statement_count += more->statement_count;
	to->done_count += more->done_count;
	to->failed_count += more->failed_count;
	to->undone_count += more->undone_count;
	to->unknown_count += more->unknown_count;
	to->not_sent_count += more->not_sent_count;
	to->affected_count += more->affected_count;
	to->row_count += more->row_count;
	to->attempt_count += more->attempt_count;
}

/* Failures after which those that follow are tried all the same. */
static bool is_survived(const job *j, const cdbc_batch_summary *sum, const cdbc_error *error)
{
	return j->goes_on && sum->not_sent_count == 0 && sum->unknown_count == 0 &&
		   cdbc_error_status(error) != CDBC_CANCELLED && !cli_interrupted_exit();
}

/* Sends what was added. The first failure stays in *first when the rest goes on. */
static cdbc_status send(job *j, cdbc_error **first, cdbc_error **err)
{
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	cdbc_error *error = NULL;
	cdbc_status status;

	j->is_printed = false;
	status = cdbc_batch_execute(j->batch, on_result, j, &sum, &error);

	j->told_count += cdbc_batch_count(j->batch);
	add_up(&j->sum, &sum);
	cdbc_batch_clear(j->batch);
	show_progress(j);
	if (!status && j->output_error) {
		status = cdbc_error_status(j->output_error);
		cx_error_pass(err, cx_error_copy(j->output_error));
		return status;
	}
	if (status && is_survived(j, &sum, error)) {
		if (*first)
			cdbc_error_free(error);
		else
			*first = error;
		return CDBC_OK;
	}
	cx_error_pass(err, error);
	return status;
}

/* There is more than goes in one round trip: an atomic batch becomes a transaction by hand. */
static cdbc_status begin_by_hand(job *j, cdbc_error **err)
{
	cdbc_status status;

	if (!j->args->is_atomic || j->is_in_transaction)
		return CDBC_OK;
	status = cdbc_session_begin(j->session, NULL, err);
	j->is_in_transaction = !status;
	return status;
}

static cdbc_status new_batch(job *j, bool is_atomic, cdbc_error **err)
{
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;

	options.is_atomic = is_atomic;
	options.on_error = j->goes_on ? CDBC_BATCH_CONTINUE : CDBC_BATCH_STOP;
	options.timeout_ms = j->args->timeout_ms;
	return cdbc_batch_new(j->session, &options, &j->batch, err);
}

static cdbc_status add(job *j, const cli_statement *s, cdbc_error **err)
{
	cdbc_params params = cdbc_params_of(s->params, s->param_count);
	cdbc_status status = s->name ? cdbc_batch_add(j->batch, s->name, params, err)
								 : cdbc_batch_add_text(j->batch, s->text, s->length, params, err);

	if (status == CDBC_OK)
		return cdbc_batch_place(j->batch, j->path, s->line, s->column, err);
	if (status != CDBC_RESOURCE)
		cx_error_wrap(err, "%s:%lld:%lld", j->path, (long long)s->line,
					  (long long)(s->column ? s->column : 1));
	return status;
}

static cdbc_status add_or_send(job *j, const cli_statement *s, cdbc_error **first, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = CDBC_OK;

	if (cdbc_batch_count(j->batch) >= FILL_COUNT) {
		status = begin_by_hand(j, err);
		if (!status)
			status = send(j, first, err);
	}
	if (!status)
		status = add(j, s, &error);
	if (status)
		j->is_printed = j->is_printed && !error;
	if (status == CDBC_RESOURCE && cdbc_batch_count(j->batch) > 0) {
		cx_error_clear(&error);
		status = begin_by_hand(j, &error);
		if (!status)
			status = send(j, first, &error);
		if (!status)
			status = add(j, s, &error);
	}
	if (error)
		cx_error_pass(err, error);
	else if (cdbc_batch_count(j->batch) == 1)
		j->until_ns = cx_clock_now_ns() + CLI_GATHER_NS;
	return status;
}

/* No more comes for now: what has come is done, and told. */
static cdbc_status send_meanwhile(job *j, cdbc_error **first, cdbc_error **err)
{
	cdbc_status status = send(j, first, err);

	if (status || !cli_output_flush(j->output, &j->output_error))
		return status;
	cx_error_pass(err, cx_error_copy(j->output_error));
	return cdbc_error_status(j->output_error);
}

static cdbc_status run_file(job *j, const char *path, cdbc_error **first, cdbc_error **err)
{
	cli_batch_input input;
	cli_statement statement;
	bool has_one = true;
	cdbc_status status = cli_batch_input_open(path, &input, err);

	j->path = input.path;
	while (!status && (has_one || input.is_dry)) {
		bool may_wait = j->args->is_atomic || cdbc_batch_count(j->batch) == 0;

		if (cli_interrupted_exit())
			status = cx_error_set(err, CDBC_CANCELLED, "interrupted");
		if (!status)
			status =
				cli_batch_input_next(&input, may_wait ? 0 : j->until_ns, &statement, &has_one, err);
		if (!status && has_one)
			status = add_or_send(j, &statement, first, err);
		else if (!status && input.is_dry)
			status = send_meanwhile(j, first, err);
	}
	cli_batch_input_close(&input);
	return status;
}

/* Behind what went wrong while more was read: what stands before it in the files is sent, but for
 * an atomic batch. */
static cdbc_status send_rest(job *j, cdbc_status status, cdbc_error **first, cdbc_error **err)
{
	cdbc_error *error = NULL;

	if (cdbc_batch_count(j->batch) == 0 || (status && j->args->is_atomic) ||
		status == CDBC_CANCELLED || j->sum.not_sent_count > 0 || j->sum.unknown_count > 0)
		return status;
	if (!status)
		return send(j, first, err);
	if (send(j, first, &error)) {
		cx_error_clear(err);
		cx_error_pass(err, error);
		return cdbc_error_status(*err);
	}
	return status;
}

static cdbc_status end_by_hand(job *j, cdbc_status status, cdbc_error **err)
{
	if (!j->is_in_transaction)
		return status;
	j->is_in_transaction = false;
	if (!status)
		status = cdbc_session_commit(j->session, err);
	else
		(void)cdbc_session_rollback(j->session, NULL);
	if (status) { /* what was done in it is not */
		bool is_unknown = cdbc_error_outcome(*err) == CDBC_OUTCOME_UNKNOWN;

		*(is_unknown ? &j->sum.unknown_count : &j->sum.undone_count) += j->sum.done_count;
		j->sum.done_count = j->sum.affected_count = 0;
	}
	return status;
}

/* ---- the command ---- */

static void tell(const job *j)
{
	const cdbc_batch_summary *s = &j->sum;
	const struct {
		int64_t count;
		const char *words;
	} parts[] = {{s->failed_count, "failed"},
				 {s->undone_count, "rolled back"},
				 {s->unknown_count, "unknown"},
				 {s->not_sent_count, "not sent"}};

	if (j->args->is_quiet || s->statement_count == 0)
		return;
	fprintf(stderr, "BATCH %lld", (long long)s->done_count);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].count)
			fprintf(stderr, ", %lld %s", (long long)parts[i].count, parts[i].words);
	fprintf(stderr, "; %lld rows changed\n", (long long)s->affected_count);
}

/* What ended it; a statement's failure was printed already when others went on. */
static int fail(job *j, cdbc_error *error, cdbc_status status)
{
	int code;

	if (!j->is_printed)
		return cli_fail(error, status, j->output_error != NULL, NULL);
	code = cli_exit_of(error, status, false);
	cdbc_error_free(error);
	return code;
}

static int run_all(job *j)
{
	cdbc_error *error = NULL, *first = NULL;
	cdbc_status status = new_batch(j, j->args->is_atomic, &error);
	int code = EXIT_OK;

	for (size_t i = 0; !status && i < j->args->word_count; i++)
		status = run_file(j, j->args->words[i], &first, &error);
	if (j->batch)
		status = send_rest(j, status, &first, &error);
	status = end_by_hand(j, status, &error);
	cli_output_progress_end(j->output);
	if (status) {
		code = fail(j, error, status);
	} else if (first) {
		code = cli_exit_of(first, cdbc_error_status(first), false);
	}
	tell(j);
	cdbc_error_free(first);
	cdbc_error_free(j->output_error);
	cdbc_batch_free(j->batch);
	return code;
}

static int run_on(cli_args *args, cdbc_client *client)
{
	cdbc_session *session = NULL;
	cdbc_session_options who;
	cdbc_error *error = NULL;
	cli_output output;
	job j = {.args = args, .output = &output};
	int code = cli_output_open(args, &output), closed;

	if (!code) {
		cli_session_options(args, &who);
		if (cdbc_client_acquire(client, &who, &session, &error))
			code = cli_fail(error, cdbc_error_status(error), false, NULL);
	}
	if (!code) {
		j.session = session;
		j.is_ndjson = strcmp(output.format->name, "ndjson") == 0;
		j.goes_on = args->on_error && strcmp(args->on_error, "continue") == 0;
		cli_interrupt_watch(client, session);
		code = run_all(&j);
		cli_interrupt_watch(NULL, NULL);
	}
	closed = cli_output_close(&output, code == EXIT_OK || code == EXIT_SQL);
	cdbc_session_release(session);
	return code ? code : closed;
}

static int batch_main(cli_args *args)
{
	cdbc_client *client = NULL;
	int code;

	if (args->word_count == 0)
		return cli_usage(&cli_batch, "give a file (- for stdin)");
	if (args->on_error && strcmp(args->on_error, "stop") != 0 &&
		strcmp(args->on_error, "continue") != 0)
		return cli_usage(&cli_batch, "--on-error %s: stop or continue", args->on_error);
	if (args->is_atomic && args->on_error && args->on_error[0] == 'c')
		return cli_usage(&cli_batch, "--atomic stops at the first failure");
	if (args->format && (strcmp(args->format, "json") == 0 || strcmp(args->format, "arrow") == 0))
		return cli_usage(&cli_batch,
						 "-o %s holds one result: take ndjson, table, csv, tsv or "
						 "markdown",
						 args->format);
	code = cli_open(args, &client);
	if (!code)
		code = run_on(args, client);
	cli_print_stats(args, client);
	cli_close(client);
	return code;
}

const cli_command cli_batch = {
	"batch",
	"cdbc batch [OPTION]... FILE...",
	"run the statements of files, pipelined",
	"Runs the statements of SQL scripts, or of lines of JSON, many on their way at a time:\n"
	"    cdbc batch migration.sql\n"
	"    echo '{\"query\": \"add_account\", \"params\": {\"id\": 7}}' | cdbc batch -\n"
	"A line of JSON has \"query\" (a name) or \"sql\", and \"params\": an object or an array. At "
	"the\n"
	"first failure all before it is done and nothing after it; with --on-error continue each\n"
	"statement is for itself; with --atomic all of them are one transaction. In SQLite each for\n"
	"itself is a commit to disk each (215 s for 100,000): prefer the others. -o ndjson prints a\n"
	"line for each statement, other formats the rows of those that give some.",
	NULL,
	OPTS_CONNECT | OPTS_OUTPUT | OPTS_WHO | OPT_STATS | OPT_ATOMIC | OPT_ON_ERROR,
	batch_main,
	NULL,
};
