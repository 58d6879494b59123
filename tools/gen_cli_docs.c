// SPDX-License-Identifier: Apache-2.0
/* Writes the manual page (docs/man/cdbc.1, committed) and the completion for bash (made by the
 * build) from the tables of the command. Text that is in no table stands here.
 *
 * usage: gen_cli_docs man | bash | --check FILE      --check: exit 1 when FILE is not the manual
 * page */
#include "app/cli/cli.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

/* ---- the manual page --------------------------------------------------------------------------
 */

/* Text for troff: - and ' as they are typed, no line that begins with a dot or a quote. */
static void put_text(cx_buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		bool at_start = p == text || p[-1] == '\n';

		if (at_start && (*p == '.' || *p == '\''))
			cx_buf_puts(out, "\\&");
		if (*p == '\\')
			cx_buf_puts(out, "\\e");
		else if (*p == '-')
			cx_buf_puts(out, "\\-");
		else if (*p == '\'')
			cx_buf_puts(out, "\\(aq");
		else
			cx_buf_putc(out, *p);
	}
}

/* Paragraphs as --help has them: lines that begin with spaces are examples. */
static void put_paragraphs(cx_buf *out, const char *text)
{
	bool in_example = false;

	while (*text) {
		size_t length = strcspn(text, "\n");
		bool is_example = text[0] == ' ';
		char line[256];

		snprintf(line, sizeof line, "%.*s", (int)length, text);
		if (is_example != in_example)
			cx_buf_puts(out, is_example ? ".PP\n.nf\n" : ".fi\n.PP\n");
		in_example = is_example;
		put_text(out, line);
		cx_buf_putc(out, '\n');
		text += length + (text[length] == '\n');
	}
	if (in_example)
		cx_buf_puts(out, ".fi\n");
}

static void put_option_name(cx_buf *out, const cli_option_row *o)
{
	if (o->letter)
		cx_buf_putf(out, "\\fB\\-%c\\fR, ", o->letter);
	cx_buf_puts(out, "\\fB\\-\\-");
	put_text(out, o->word);
	cx_buf_puts(out, "\\fR");
	if (o->value) {
		cx_buf_puts(out, " \\fI");
		put_text(out, o->value);
		cx_buf_puts(out, "\\fR");
	}
}

static void put_command(cx_buf *out, const cli_command *command)
{
	size_t count;
	const cli_option_row *options = cli_options(&count);

	cx_buf_puts(out, ".SS ");
	put_text(out, command->usage);
	cx_buf_putc(out, '\n');
	put_paragraphs(out, command->text);
	cx_buf_puts(out, ".PP\nOptions:");
	for (size_t i = 0; i < count; i++) {
		if (!(command->options & options[i].bit))
			continue;
		cx_buf_puts(out, " \\fB\\-\\-");
		put_text(out, options[i].word);
		cx_buf_puts(out, "\\fR");
	}
	cx_buf_putc(out, '\n');
}

static void put_lists(cx_buf *out)
{
	size_t count;
	const cli_option_row *options = cli_options(&count);

	cx_buf_puts(out, ".SH OPTIONS\n");
	for (size_t i = 0; i < count; i++) {
		cx_buf_puts(out, ".TP\n");
		put_option_name(out, &options[i]);
		cx_buf_putc(out, '\n');
		put_text(out, options[i].help);
		cx_buf_putc(out, '\n');
	}
	cx_buf_puts(out, ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe help of a command\n"
					 ".TP\n\\fB\\-\\-version\\fR\nthe version\n.SH EXIT STATUS\n");
	for (const cli_exit_row *row = cli_exits(); row->text; row++) {
		cx_buf_putf(out, ".TP\n.B %d\n", row->code);
		put_text(out, row->text);
		cx_buf_putc(out, '\n');
	}
}

static const char before[] =
	".\\\" Made by tools/gen_cli_docs (make docs); do not edit.\n"
	".TH CDBC 1 \"\" \"cdbc\" \"CockroachDB Connect\"\n"
	".SH NAME\ncdbc \\- run SQL and named queries on CockroachDB, PostgreSQL and SQLite\n"
	".SH SYNOPSIS\n.B cdbc\n.I COMMAND\n.RI [ OPTION ]...\n.RI [ ARGUMENT ]...\n"
	".SH DESCRIPTION\n"
	"Results go to standard output, everything else to standard error. On a terminal a result is a "
	"table,\notherwise tab separated. Work that takes more than a second shows its progress when "
	"standard error is a terminal.\n.PP\n"
	"The database is the one of \\fB\\-d\\fR, else of \\fBCDBC_URL\\fR, else of the configuration "
	"file. URLs are\n\\fBpostgresql://\\fR, \\fBcockroachdb://\\fR, \\fBsqlite:\\fIPATH\\fR and "
	"\\fBsqlite::memory:\\fR. A password on the command line is refused.\n.PP\n"
	"Ctrl\\-C cancels what runs on the server and then ends the command.\n"
	".SH COMMANDS\n";

static const char after[] =
	".SH ENVIRONMENT\n"
	".TP\n.B CDBC_URL\nthe database, as by \\fB\\-d\\fR; a password is allowed here\n"
	".TP\n.B CDBC_CONFIG\nthe configuration file, as by \\fB\\-c\\fR\n"
	".TP\n.B CDBC_ENVIRONMENT\none of its environments, as by \\fB\\-e\\fR\n"
	".TP\n.BI CDBC_ SECTION_SETTING\nany setting: \\fBCDBC_POOL_MAX_SIZE\\fR is "
	"\\fBpool.max_size\\fR\n"
	".TP\n.BR PGHOST \", \" PGUSER \", \" PGPASSWORD \" and others\"\n"
	"those of libpq that a setting names; the URL is stronger\n"
	".SH FILES\n"
	".TP\n.I ./cdbc.yaml\nthe configuration, when none is named; its settings are in "
	"docs/configuration.md\n"
	".TP\n.I ~/.config/cdbc/cdbc.yaml\nthe same, when there is none here\n"
	".SH EXAMPLES\n.nf\n"
	"cdbc query \\-d sqlite:bank.db \\(aqselect * from accounts where id = :id\\(aq \\-p id=7\n"
	"cdbc run get_user_transactions \\-p user_id=7 \\-o json \\-\\-output rows.json\n"
	"cdbc queries check sql/\n"
	"cdbc config show \\-\\-origin\n"
	"CDBC_URL=postgresql://app:secret@db/bank cdbc health\n.fi\n"
	".SH SEE ALSO\n.BR psql (1)\n";

static void put_manual(cx_buf *out)
{
	cx_buf_puts(out, before);
	for (const cli_command *const *c = cli_commands(); *c; c++)
		put_command(out, *c);
	put_lists(out);
	cx_buf_puts(out, after);
}

/* ---- the completion ---------------------------------------------------------------------------
 */

static const char bash_head[] =
	"# Completion of cdbc for bash. Made by tools/gen_cli_docs.\n"
	"_cdbc_queries()\n"
	"{\n"
	"\tlocal i options=()\n"
	"\tfor ((i = 2; i < COMP_CWORD - 1; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t-c | --config | -e | --environment | -Q | --queries) options+=(\"${COMP_WORDS[i]}\" "
	"\"${COMP_WORDS[i + 1]}\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t\"${COMP_WORDS[0]}\" queries list \"${options[@]}\" 2>/dev/null | cut -d ' ' -f 1\n"
	"}\n"
	"_cdbc()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} "
	"command=${COMP_WORDS[1]} words=\n"
	"\tlocal IFS=$' \\t\\n'\n";

static const char bash_foot[] = "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
								"}\n"
								"complete -o bashdefault -o default -F _cdbc cdbc\n";

static bool takes_file(const cli_option_row *o)
{
	return o->bit & (OPT_CONFIG | OPT_QUERIES | OPT_FILE | OPT_OUTPUT | OPT_REJECTS | OPT_HEADER |
					 OPT_SAVE | OPT_AGAINST);
}

static void put_option_words(cx_buf *out, const cli_command *command)
{
	size_t count;
	const cli_option_row *options = cli_options(&count);

	for (size_t i = 0; i < count; i++)
		if (command->options & options[i].bit)
			cx_buf_putf(out, "--%s ", options[i].word);
	cx_buf_puts(out, "--help");
}

/* The words that an option takes one of; NULL: it takes anything. */
static const char *words_of(const cli_option_row *o)
{
	switch (o->bit) {
	case OPT_METHOD:
		return "auto copy rows insert";
	case OPT_ON_ERROR:
		return "stop continue reject";
	case OPT_DIALECT:
		return "cockroachdb postgresql sqlite";
	case OPT_STYLE:
		return "cdbc sqlc";
	default:
		return NULL;
	}
}

/* What may follow an option that takes a value. */
static void put_values(cx_buf *out)
{
	size_t count;
	const cli_option_row *options = cli_options(&count);

	cx_buf_puts(out, "\tcase $prev in\n");
	for (size_t i = 0; i < count; i++) {
		const cli_option_row *o = &options[i];

		if (!o->value)
			continue;
		cx_buf_puts(out, "\t");
		if (o->letter)
			cx_buf_putf(out, "-%c | ", o->letter);
		cx_buf_putf(out, "--%s) ", o->word);
		if (o->bit == OPT_FORMAT) {
			cx_buf_puts(out, "COMPREPLY=($(compgen -W \"");
			for (const cdbc_format *const *f = cdbc_format_list(); *f; f++)
				cx_buf_putf(out, "%s%s", f == cdbc_format_list() ? "" : " ", (*f)->name);
			cx_buf_puts(out, "\" -- \"$cur\"))");
		} else if (words_of(o)) {
			cx_buf_putf(out, "COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", words_of(o));
		} else if (takes_file(o)) {
			cx_buf_puts(out, "COMPREPLY=($(compgen -f -- \"$cur\"))");
		} else {
			cx_buf_puts(out, "COMPREPLY=()");
		}
		cx_buf_puts(out, "; return ;;\n");
	}
	cx_buf_puts(out, "\tesac\n");
}

static void put_completion(cx_buf *out)
{
	cx_buf_puts(out, bash_head);
	cx_buf_puts(out, "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W \"");
	for (const cli_command *const *c = cli_commands(); *c; c++)
		cx_buf_putf(out, "%s ", (*c)->name);
	cx_buf_puts(out, "help --help --version\" -- \"$cur\"))\n\t\treturn\n\tfi\n");
	put_values(out);
	cx_buf_puts(out, "\tcase $command,$cur in\n");
	for (const cli_command *const *c = cli_commands(); *c; c++) {
		cx_buf_putf(out, "\t%s,-*) words=\"", (*c)->name);
		put_option_words(out, *c);
		cx_buf_puts(out, "\" ;;\n");
		if ((*c)->words)
			cx_buf_putf(out, "\t%s,*) [ \"$COMP_CWORD\" -eq 2 ] && words=\"%s\" ;;\n", (*c)->name,
						(*c)->words);
	}
	cx_buf_puts(
		out, "\trun,*) words=$(_cdbc_queries) ;;\n\tesac\n"
			 "\tif [ \"$command $prev\" = \"queries show\" ]; then words=$(_cdbc_queries); fi\n");
	cx_buf_puts(out, bash_foot);
}

/* ---- main -------------------------------------------------------------------------------------
 */

static int check(const char *path, const cx_buf *wanted)
{
	cx_buf found;
	cdbc_error *error = NULL;

	if (cli_read_file(path, &found, &error) || found.length != wanted->length ||
		memcmp(found.data, wanted->data, found.length) != 0) {
		fprintf(stderr, "%s is not what the tables say: run make docs\n", path);
		return 1;
	}
	cx_buf_free(&found);
	return 0;
}

int main(int argc, char **argv)
{
	cx_buf out = CX_BUF_INIT(1 << 20);
	int code = 0;

	if (argc == 2 && strcmp(argv[1], "bash") == 0) {
		put_completion(&out);
	} else if ((argc == 2 && strcmp(argv[1], "man") == 0) ||
			   (argc == 3 && strcmp(argv[1], "--check") == 0)) {
		put_manual(&out);
	} else {
		fprintf(stderr, "usage: gen_cli_docs man | bash | --check FILE\n");
		return 2;
	}
	if (cx_buf_status(&out, "page", NULL))
		code = 1;
	else if (argc == 3)
		code = check(argv[2], &out);
	else if (fwrite(out.data, 1, out.length, stdout) != out.length || fflush(stdout))
		code = 1;
	cx_buf_free(&out);
	return code;
}
