// SPDX-License-Identifier: Apache-2.0
/* The command's entry: finds the subcommand and hands over. */
#include "app/cli/cli.h"

#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

static void print_usage(FILE *to)
{
	fprintf(to, "cdbc: CockroachDB Connect %s\n\nusage: cdbc COMMAND [OPTION]... [ARGUMENT]...\n\n",
			cdbc_version());
	for (const cli_command *const *c = cli_commands(); *c; c++)
		fprintf(to, "  %-10s %s\n", (*c)->name, (*c)->summary);
	fprintf(to, "\ncdbc COMMAND --help tells more. The manual is cdbc(1).\n");
}

static const cli_command *find(const char *name)
{
	for (const cli_command *const *c = cli_commands(); *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *names[32], *nearest;
	size_t n = 0;

	for (const cli_command *const *c = cli_commands(); *c; c++)
		names[n++] = (*c)->name;
	if (name[0] == '-')
		return cli_usage(NULL, "%s: say first which command: cdbc COMMAND %s ...", name, name);
	nearest = cx_text_nearest(name, names, n);
	if (nearest)
		return cli_usage(NULL, "unknown command %s; did you mean %s?", name, nearest);
	return cli_usage(NULL, "unknown command %s", name);
}

/* What was printed may not have gone out yet. */
static int flush(int code)
{
	if ((fflush(stdout) || ferror(stdout)) && !code) {
		fprintf(stderr, "cdbc: write stdout: %s\n", strerror(errno));
		return EXIT_INCOMPLETE;
	}
	return code;
}

static int run(const cli_command *command, int argc, char **argv)
{
	cli_args args;
	int code;

	if (!cli_args_parse(command, argc, argv, &args)) {
		code = EXIT_USAGE;
	} else if (args.wants_help) {
		cli_print_help(command);
		code = EXIT_OK;
	} else {
		cli_interrupt_start();
		code = command->run(&args);
	}
	if (cli_must_leave())
		_exit(flush(code));
	cli_args_free(&args);
	return code;
}

int main(int argc, char **argv)
{
	const cli_command *command;

	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "help") == 0 && argc > 2 && find(argv[2])) {
		cli_print_help(find(argv[2]));
		return flush(EXIT_OK);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return flush(EXIT_OK);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("cdbc %s\n", cdbc_version());
		return flush(EXIT_OK);
	}
	command = find(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	return flush(run(command, argc - 2, argv + 2));
}
