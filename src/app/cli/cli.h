// SPDX-License-Identifier: Apache-2.0
/* The command: what its subcommands share. Uses the public interface and base only. */
#ifndef CLI_H
#define CLI_H

#include "base/buf.h"

#include <cdbc/cdbc.h>
#include <stdio.h>

/* What each tells is in cli_exits, which the manual is made from. */
typedef enum cli_exit {
	EXIT_OK = 0,
	EXIT_SQL = 1,
	EXIT_USAGE = 2,
	EXIT_CONNECT = 3,
	EXIT_DENIED = 4,
	EXIT_INCOMPLETE = 5,
	EXIT_UNKNOWN = 6,
	EXIT_INTERNAL = 70,
	EXIT_INTERRUPTED = 130,
	EXIT_TERMINATED = 143
} cli_exit;

typedef struct cli_exit_row {
	cli_exit code;
	const char *text;
} cli_exit_row;

/* Options of the command line, all subcommands together; which one takes which is in its
 * cli_command. A bit each. */
#define OPT_URL         (UINT64_C(1) << 0)
#define OPT_CONFIG      (UINT64_C(1) << 1)
#define OPT_ENVIRONMENT (UINT64_C(1) << 2)
#define OPT_SET         (UINT64_C(1) << 3)
#define OPT_QUERIES     (UINT64_C(1) << 4)
#define OPT_FORMAT      (UINT64_C(1) << 5)
#define OPT_OUTPUT      (UINT64_C(1) << 6)
#define OPT_PARAM       (UINT64_C(1) << 7)
#define OPT_NULL        (UINT64_C(1) << 8)
#define OPT_FILE        (UINT64_C(1) << 9)
#define OPT_TIMEOUT     (UINT64_C(1) << 10)
#define OPT_MAX_ROWS    (UINT64_C(1) << 11)
#define OPT_NO_HEADER   (UINT64_C(1) << 12)
#define OPT_QUIET       (UINT64_C(1) << 13)
#define OPT_ORIGIN      (UINT64_C(1) << 14)
#define OPT_KEEP        (UINT64_C(1) << 15)
#define OPT_EXPAND      (UINT64_C(1) << 16)
#define OPT_FORCE       (UINT64_C(1) << 17)
#define OPT_COVERAGE    (UINT64_C(1) << 18)
#define OPT_DIALECT     (UINT64_C(1) << 19)
#define OPT_ONLINE      (UINT64_C(1) << 20)
#define OPT_SAVE        (UINT64_C(1) << 21)
#define OPT_AGAINST     (UINT64_C(1) << 22)
#define OPT_PLAN        (UINT64_C(1) << 23)
#define OPT_LARGE_ROWS  (UINT64_C(1) << 24)
#define OPT_STRICT      (UINT64_C(1) << 25)
#define OPT_NAME        (UINT64_C(1) << 26)
#define OPT_HEADER      (UINT64_C(1) << 27)
#define OPT_STYLE       (UINT64_C(1) << 28)
#define OPT_USER        (UINT64_C(1) << 29)
#define OPT_ROLE        (UINT64_C(1) << 30)
#define OPT_CHUNK_ROWS  (UINT64_C(1) << 31)
#define OPT_SKIP        (UINT64_C(1) << 32)
#define OPT_QUERY       (UINT64_C(1) << 50)
#define OPT_COLUMNS     (UINT64_C(1) << 51)
#define OPT_ON_ERROR    (UINT64_C(1) << 52)
#define OPT_REJECTS     (UINT64_C(1) << 53)
#define OPT_METHOD      (UINT64_C(1) << 54)
#define OPT_PROGRESS    (UINT64_C(1) << 55)
#define OPT_STATS       (UINT64_C(1) << 40)
#define OPT_ATOMIC      (UINT64_C(1) << 41)

#define OPTS_WHO   (OPT_USER | OPT_ROLE)
#define OPTS_CHECK (OPT_ONLINE | OPT_SAVE | OPT_AGAINST | OPT_PLAN | OPT_LARGE_ROWS | OPT_STRICT)

#define OPTS_CONNECT (OPT_URL | OPT_CONFIG | OPT_ENVIRONMENT | OPT_SET | OPT_QUERIES)
#define OPTS_OUTPUT \
	(OPT_FORMAT | OPT_OUTPUT | OPT_MAX_ROWS | OPT_NO_HEADER | OPT_QUIET | OPT_TIMEOUT)

/* What the command line said. Strings are argv's. */
typedef struct cli_args {
	const char *url;
	const char *config;
	const char *environment;
	const char *format;
	const char *output;
	const char *file;
	const char *dialect;
	const char *name;   /* of embed */
	const char *header; /* of embed */
	int64_t timeout_ms;
	int64_t max_rows;
	int64_t chunk_rows; /* of copy, and what follows */
	int64_t skip_rows;
	const char *query;
	const char *columns;
	const char *rejects;
	const char *on_error;
	const char *method;
	bool wants_progress;
	bool no_header;
	bool is_quiet;
	bool is_expanded;
	bool with_origin;
	bool keep;
	bool force;
	bool with_coverage;
	bool with_stats;
	bool is_atomic; /* of batch */
	bool wants_help;
	/* of queries check */
	bool is_online;
	bool with_plans;
	bool is_strict;
	int64_t large_rows; /* -1: not given */
	const char *save;
	const char *against;
	cdbc_config_item *settings; /* -s and -Q */
	size_t setting_count;
	cdbc_param *params; /* -p and --null */
	size_t param_count;
	const char *user; /* :_user, and of roles: */
	const char **roles;
	size_t role_count;
	const char **words; /* what is no option */
	size_t word_count;
	cx_buf folders; /* of -Q, joined */
	const char *style;
	size_t own_count; /* of cli_query_folders: those after that many are sqlc's */
} cli_args;

/* An option: its one source for parsing, help, completions and the manual. */
typedef struct cli_option_row {
	uint64_t bit;
	char letter; /* 0: none */
	const char *word;
	const char *value; /* NULL: takes none */
	const char *help;
} cli_option_row;

typedef struct cli_command {
	const char *name;
	const char *usage;   /* "cdbc run [OPTION]... NAME" */
	const char *summary; /* one line */
	const char *text;    /* paragraphs below the usage */
	const char *words;   /* what may come first: "list show check"; NULL: anything */
	uint64_t options;
	int (*run)(cli_args *args);
	const char *const *formats; /* of -o beside those of results, ended by NULL; NULL: none */
} cli_command;

/* ---- commands.c */
const cli_command *const *cli_commands(void); /* ended by NULL */
extern const cli_command cli_batch, cli_copy, cli_query, cli_run, cli_queries, cli_config,
	cli_health, cli_demo, cli_resolver;

/* ---- copy_out.c */
/* The format that a file's name ends in, `csv` when it tells nothing. */
const char *cli_copy_format_of(const char *path);
/* A comma between names, of --columns: *list is to be freed, and the names point into it. Prints
 * and returns an exit code. */
int cli_copy_columns(const char *text, char **list, const char ***names, size_t *count);
int cli_copy_out(cli_args *args);

/* ---- args.c */
const cli_option_row *cli_options(size_t *count);
/* Parses what follows the subcommand; prints what is wrong and returns false (exit 2). Free with
 * cli_args_free in any case. */
bool cli_args_parse(const cli_command *command, int argc, char **argv, cli_args *out);
void cli_args_free(cli_args *args);
/* For whom the arguments say the work is. Borrowed from them. */
void cli_session_options(const cli_args *args, cdbc_session_options *out);
/* As -s KEY=VALUE at the end would. value is borrowed. False: out of memory. */
bool cli_args_set(cli_args *args, const char *key, const char *value);
/* The help of a subcommand, on stdout. */
void cli_print_help(const cli_command *command);
/* "usage" errors: `cdbc run: MESSAGE`, with a line on how to get help. Returns EXIT_USAGE. */
int cli_usage(const cli_command *command, const char *format, ...) CDBC_PRINTF(2, 3);
/* What others could read from the list of processes. Returns EXIT_USAGE. */
int cli_refuse_secret(const cli_command *command, const char *what);

/* ---- errors.c */
const cli_exit_row *cli_exits(void); /* ended by a row without text */
/* Prints an error (message, detail, hint, place in the SQL with a caret when sql is given) on
 * stderr, frees it, and gives the exit code. has_output: some of the result was written. */
int cli_fail(cdbc_error *error, cdbc_status status, bool has_output, const char *sql);
/* "error", "warning" or "note". */
const char *cli_severity(const cdbc_diagnostic *diagnostic);
/* Prints a diagnostic with its line and a caret on the stream to (a FILE *). */
void cli_print_diagnostic(void *to, const cdbc_diagnostic *diagnostic);
/* The exit code alone. */
cli_exit cli_exit_of(const cdbc_error *error, cdbc_status status, bool has_output);

/* ---- queries.c */
/* The files and folders that a subcommand of queries looks at: those named behind its first words,
 * or the configured ones. *paths and *list are the caller's to free; args->own_count is set. Prints
 * and returns an exit code. */
int cli_query_folders(cli_args *args, size_t first, const char ***paths, size_t *count,
					  char **list);

/* Loads them, those after own_count in sqlc's style. Prints what is wrong and returns an exit
 * code. */
int cli_query_load(const cli_args *args, const char *const *paths, size_t count,
				   cdbc_catalog **out);

/* ---- queries_show.c */
int cli_queries_show(cli_args *args);
/* ---- queries_check.c */
int cli_queries_check(cli_args *args);

/* ---- files.c */
typedef struct cli_files {
	char **paths;
	size_t count;
} cli_files;

bool cli_has_suffix(const char *name, const char *suffix);
/* What messages call a file: "-" is stdin. */
const char *cli_path_name(const char *path);
/* Prints what errno says of a path; EXIT_USAGE. */
int cli_fail_path(const char *path);
int cli_files_add(cli_files *files, const char *path);
/* Adds the wanted files of a folder and below, in the order of their names. Prints and returns an
 * exit code. */
int cli_files_find(cli_files *files, const char *folder, bool (*is_wanted)(const char *name));
void cli_files_fini(cli_files *files);

/* ---- queries_embed.c */
/* cdbc queries embed. */
int cli_queries_embed(cli_args *args);

/* ---- queries_test.c */
/* cdbc queries test. */
int cli_queries_test(cli_args *args);
/* Writes text as a JSON string; bytes that are no UTF-8 become U+FFFD. */
void cli_put_json(FILE *to, const char *text, size_t length);

/* ---- connect.c */
/* What the arguments say of the configuration. Borrowed from them. */
void cli_config_options(const cli_args *args, cdbc_config_options *out);
/* Loads the configuration that the arguments name. Prints and returns an exit code, 0 when well.
 * need_database: some database must be configured. */
int cli_load_config(const cli_args *args, bool need_database, cdbc_config **out);
/* The same, and opens a client. */
int cli_open(const cli_args *args, cdbc_client **out);
/* Closes it. Takes NULL. While a connection is still being opened that nobody waits for any more,
 * it is left to the end of the process instead: see cli_must_leave. */
void cli_close(cdbc_client *client);
/* True when threads of a client that was not closed are still at work: the process must end by
 * _exit. */
bool cli_must_leave(void);

/* ---- stats.c */
/* With --stats: the client's numbers, on stderr. */
void cli_print_stats(const cli_args *args, const cdbc_client *client);

/* ---- output.c */
typedef struct cli_output {
	const cdbc_format *format;
	cdbc_format_options options;
	cdbc_sink sink;
	int fd;
	char *path; /* of --output, NULL: stdout */
	char *part; /* where it is written first */
	cx_buf buffer;
	bool has_output; /* there were rows, or bytes went out: a failure from here on makes the output
						incomplete */
	bool has_failed; /* the sink */
	bool is_quiet;
	int64_t started_ns;
	bool has_progress; /* a line of progress stands on the terminal */
} cli_output;

/* Opens stdout or the file beside --output. Prints and returns an exit code. To be closed in any
 * case. */
int cli_output_open(const cli_args *args, cli_output *out);
/* Writes what is held back. */
cdbc_status cli_output_flush(cli_output *output, cdbc_error **err);
/* Flushes and, when is_complete, renames the file into place; else removes it. Returns an exit
 * code, 0 when well. */
int cli_output_close(cli_output *output, bool is_complete);
/* Tells of rows written so far, on a terminal and for work over a second: for whoever writes into
 * the sink himself. */
void cli_output_progress(void *output, int64_t row_count);
void cli_output_progress_end(cli_output *output);
/* Writes what is left of a result. */
cdbc_status cli_output_result(cli_output *output, cdbc_result *result, cdbc_error **err);

/* ---- interrupt.c */
/* From here on Ctrl-C, SIGTERM and SIGHUP cancel the watched session's work on the server; a second
 * one, or one while nothing runs, ends the command. */
void cli_interrupt_start(void);
void cli_interrupt_watch(cdbc_client *client, cdbc_session *session); /* NULL: none */
/* The exit code (130 for Ctrl-C) when a signal came, else 0. */
int cli_interrupted_exit(void);
/* As read, but a signal ends the waiting: EINTR, and cli_interrupted_exit says so; and so does a
 * time (monotonic; 0: none): ETIMEDOUT. */
ssize_t cli_interrupt_read(int fd, void *out, size_t size, int64_t until_ns);
/* For work in several steps, which asks cli_interrupted_exit between them and cleans up itself; fn
 * does when that does not help. NULL: such work is over. */
void cli_interrupt_cleanup(void (*fn)(void *data), void *data);
/* A file to remove when the command ends by Ctrl-C; NULL: none. */
void cli_interrupt_file(const char *path);

/* ---- query.c */
/* Reads a whole file, "-" for stdin; at most 64 MiB. */
cdbc_status cli_read_file(const char *path, cx_buf *out, cdbc_error **err);

#endif
