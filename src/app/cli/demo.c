// SPDX-License-Identifier: Apache-2.0
/* cdbc demo: the tour, on the embedded database or on a server. Leaves nothing behind unless asked
 * to. */
#include "app/cli/cli.h"
#include "app/cli/demo_files.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 512

typedef struct tour {
	cli_args *args;
	char folder[PATH_BYTES]; /* of the SQL files, and of the embedded database */
	cdbc_client *client;
	cdbc_session *session;
} tour;

/* ---- the folder
 * --------------------------------------------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	size_t length = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool is_good = fd >= 0 && write(fd, text, length) == (ssize_t)length;

	if (fd >= 0 && close(fd))
		is_good = false;
	if (!is_good)
		fprintf(stderr, "cdbc demo: %s: %s\n", path, strerror(errno));
	return is_good ? EXIT_OK : EXIT_USAGE;
}

static int write_files(tour *t)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_BYTES + 64];
	int code = EXIT_OK;

	snprintf(t->folder, sizeof t->folder, "%s/cdbc-demo-XXXXXX",
			 tmp && *tmp && strlen(tmp) < 400 ? tmp : "/tmp");
	if (!mkdtemp(t->folder)) {
		fprintf(stderr, "cdbc demo: %s: %s\n", t->folder, strerror(errno));
		t->folder[0] = '\0';
		return EXIT_USAGE;
	}
	snprintf(path, sizeof path, "%s/reports", t->folder);
	if (mkdir(path, 0700))
		return EXIT_USAGE;
	for (const demo_file *f = demo_files; !code && f->path; f++) {
		snprintf(path, sizeof path, "%s/%s", t->folder, f->path);
		code = write_file(path, f->text);
	}
	return code;
}

static void remove_files(void *data)
{
	const tour *t = data;
	static const char *const others[] = {"bank.db", "bank.db-wal", "bank.db-shm",
										 "bank.db-journal"};
	char path[PATH_BYTES + 64];

	if (!t->folder[0])
		return;
	for (const demo_file *f = demo_files; f->path; f++) {
		snprintf(path, sizeof path, "%s/%s", t->folder, f->path);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		snprintf(path, sizeof path, "%s/%s", t->folder, others[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/reports", t->folder);
	rmdir(path);
	rmdir(t->folder);
}

/* ---- steps
 * --------------------------------------------------------------------------------------------------
 */

/* Says what is about to happen, as the command that does the same. */
static void say(const char *what, const char *command)
{
	printf("\n# %s\n$ %s\n", what, command);
	fflush(stdout);
}

/* Runs a query and prints its rows in a format (NULL: none). */
static int run_step(tour *t, const char *name, cdbc_params params, const char *format)
{
	cli_args args = {.format = format ? format : "table", .is_quiet = true};
	cdbc_result *result = NULL;
	cdbc_error *error = NULL;
	cli_output output;
	cdbc_status status;
	int code = EXIT_OK, closed;

	if (cli_interrupted_exit() && strcmp(name, "drop_schema") != 0)
		return cli_interrupted_exit();
	status = cdbc_session_run(t->session, name, params, NULL, &result, &error);
	if (status)
		return cli_fail(error, status, false, NULL);
	if (!format) {
		while (cdbc_result_next(result, &error))
			;
		if (!cdbc_result_is_complete(result))
			code = cli_fail(error, error ? cdbc_error_status(error) : CDBC_INTERNAL, false, NULL);
		cdbc_result_free(result);
		return code;
	}
	code = cli_output_open(&args, &output);
	if (!code) {
		status = cli_output_result(&output, result, &error);
		if (status)
			code = cli_fail(error, status, true, NULL);
		closed = cli_output_close(&output, !code);
		code = code ? code : closed;
	}
	cdbc_result_free(result);
	return code;
}

/* Runs what is meant to fail, and shows what the error says. */
static int failing_step(tour *t, const char *name, cdbc_params params)
{
	cdbc_result *result = NULL;
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_session_run(t->session, name, params, NULL, &result, &error);

	if (!status) {
		cdbc_result_free(result);
		fprintf(stderr, "cdbc demo: \"%s\" succeeded, which it must not\n", name);
		return EXIT_INTERNAL;
	}
	printf("%s\n", error ? cdbc_error_message(error) : cdbc_status_text(status));
	if (error && cdbc_error_field(error, CDBC_FIELD_HINT))
		printf("hint: %s\n", cdbc_error_field(error, CDBC_FIELD_HINT));
	if (error)
		printf("(status %s, outcome %s, replay %s)\n", cdbc_status_name(status),
			   cdbc_outcome_name(cdbc_error_outcome(error)),
			   cdbc_replay_name(cdbc_error_replay(error)));
	cdbc_error_free(error);
	return EXIT_OK;
}

/* Nobody's tables may be touched: an existing one ends the tour before it begins. */
static int refuse_existing(tour *t)
{
	static const char *const tables[] = {"users", "accounts", "transactions"};

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char sql[64];
		cdbc_result *result = NULL;
		cdbc_error *error = NULL;
		cdbc_status status;

		snprintf(sql, sizeof sql, "select 1 from %s limit 1", tables[i]);
		status = cdbc_session_query(t->session, sql, CDBC_NO_PARAMS, NULL, &result, &error);
		if (!status) {
			cdbc_result_free(result);
			fprintf(stderr,
					"cdbc demo: the database has a table \"%s\" already\nhint: give an empty "
					"database\n",
					tables[i]);
			return EXIT_USAGE;
		}
		if (!error || strcmp(cdbc_error_sqlstate(error), "42P01") != 0)
			return cli_fail(error, status, false, NULL);
		cdbc_error_free(error);
	}
	return EXIT_OK;
}

static int fill(tour *t)
{
	int code;

	say("Tables and rows: the same on every database",
		"cdbc run create_schema; cdbc run fill_users -p count=50; ...");
	code = run_step(t, "create_schema", CDBC_NO_PARAMS, NULL);
	if (!code)
		code = run_step(t, "fill_users", CDBC_PARAMS({"count", cdbc_int64(50)}), NULL);
	if (!code)
		code = run_step(t, "fill_accounts", CDBC_PARAMS({"count", cdbc_int64(50)}), NULL);
	if (!code)
		code = run_step(t, "fill_transactions",
						CDBC_PARAMS({"count", cdbc_int64(5000)}, {"users", cdbc_int64(50)}), NULL);
	if (!code)
		code = run_step(t, "account_count", CDBC_NO_PARAMS, "table");
	return code;
}

static int show(tour *t)
{
	cdbc_value ids[] = {cdbc_int64(3), cdbc_int64(5)};
	int code;

	say("A named query, with a parameter that has a default", "cdbc run richest -p count=4");
	code = run_step(t, "richest", CDBC_PARAMS({"count", cdbc_int64(4)}), "table");
	if (code)
		return code;
	say("The same rows in another form",
		"cdbc run get_user_transactions -p user_id=7 -p count=2 -o json");
	code = run_step(t, "get_user_transactions",
					CDBC_PARAMS({"user_id", cdbc_int64(7)}, {"count", cdbc_int64(2)}), "json");
	if (code)
		return code;
	say("A list is one parameter", "cdbc run accounts_of_users -p user_ids='{3,5}' -o csv");
	code = run_step(t, "accounts_of_users", CDBC_PARAMS({"user_ids", cdbc_array(ids, 2)}), "csv");
	if (code)
		return code;
	say("A query in a sub-folder has its name in front", "cdbc run reports.inactive -o markdown");
	return run_step(t, "reports.inactive", CDBC_NO_PARAMS, "markdown");
}

static int fail_well(tour *t)
{
	int code;

	say("What the database refuses comes back with what became of it",
		"cdbc run withdraw -p id=1 -p amount=99999999");
	code = failing_step(t, "withdraw",
						CDBC_PARAMS({"id", cdbc_int64(1)}, {"amount", cdbc_int64(99999999)}));
	if (code)
		return code;
	say("A value that does not fit never reaches the database",
		"cdbc run account_by_id -p id=seven");
	code = failing_step(t, "account_by_id", CDBC_PARAMS({"id", cdbc_string("seven")}));
	if (code)
		return code;
	say("A slip of the pen", "cdbc run richets");
	code = failing_step(t, "richets", CDBC_NO_PARAMS);
	return code ? code : cli_interrupted_exit();
}

static int open_tour(tour *t, char *url, size_t size)
{
	cli_args args = *t->args;
	cdbc_config_item queries = {"queries.folders", t->folder}, *settings;
	cdbc_error *error = NULL;
	cdbc_status status;
	int code;

	snprintf(url, size, "sqlite:%s/bank.db", t->folder);
	if (!args.url && !args.config && !args.environment && !getenv("CDBC_URL"))
		args.url = url;
	settings = malloc((args.setting_count + 1) * sizeof *settings);
	if (!settings)
		return EXIT_INTERNAL;
	if (args.setting_count)
		memcpy(settings, args.settings, args.setting_count * sizeof *settings);
	settings[args.setting_count++] = queries; /* after what -s says */
	args.settings = settings;
	code = cli_open(&args, &t->client);
	free(settings);
	if (code)
		return code;
	status = cdbc_client_acquire(t->client, NULL, &t->session, &error);
	return status ? cli_fail(error, status, false, NULL) : EXIT_OK;
}

static int demo_main(cli_args *args)
{
	tour t = {.args = args};
	char url[PATH_BYTES + 16];
	int64_t began_ns = cx_clock_now_ns();
	bool has_tables = false;
	int code;

	if (args->word_count)
		return cli_usage(&cli_demo, "takes no argument");
	if (!args->keep)
		cli_interrupt_cleanup(remove_files, &t);
	code = write_files(&t);
	if (!code)
		code = open_tour(&t, url, sizeof url);
	if (!code)
		code = cli_interrupted_exit();
	if (!code)
		cli_interrupt_watch(t.client, t.session);
	if (!code)
		code = refuse_existing(&t);
	if (!code) {
		has_tables = true;
		code = fill(&t);
	}
	if (!code)
		code = show(&t);
	if (!code)
		code = fail_well(&t);
	cli_interrupt_watch(NULL, NULL); /* what follows only takes away */
	if (has_tables && !args->keep)
		run_step(&t, "drop_schema", CDBC_NO_PARAMS, NULL);
	cdbc_session_release(t.session);
	cli_close(t.client);
	if (args->keep && t.folder[0])
		printf("\nkept: %s\n", t.folder);
	else
		remove_files(&t);
	cli_interrupt_cleanup(NULL, NULL);
	if (!code)
		printf("\nThe tour took %.1f s. Next: README.md, and cdbc --help.\n",
			   (double)(cx_clock_now_ns() - began_ns) / 1e9);
	return code;
}

const cli_command cli_demo = {
	"demo",
	"cdbc demo [OPTION]...",
	"the tour, on the embedded database",
	"Makes a small bank, asks it questions and shows what errors say. Without -d it runs on an "
	"embedded database in a\n"
	"temporary folder; with -d on a server, in a database that has no tables of these names. "
	"Everything made is removed\n"
	"again, unless --keep is given.",
	NULL,
	(OPTS_CONNECT & ~(unsigned)OPT_QUERIES) | OPT_KEEP,
	demo_main,
};
