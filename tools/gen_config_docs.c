// SPDX-License-Identifier: Apache-2.0
/* Writes docs/configuration.md from the options tables, so that the page cannot say anything else
 * than the parser does.
 *
 * usage: gen_config_docs                 prints the page
 *        gen_config_docs --check FILE    fails unless FILE is that page */
#include "service/options.h"

#include "page.h"

#include <string.h>

static const char head[] =
	"<!-- Made from the options tables by `make docs`: change src/*/options.def or "
	"tools/gen_config_docs.c instead. -->\n"
	"# Configuration\n"
	"\n"
	"Settings come in layers; a later one is stronger:\n"
	"\n"
	"1. what is built in;\n"
	"2. the file: the one that is named (`-c FILE`, `CDBC_CONFIG`), else `./cdbc.yaml`, else "
	"`$XDG_CONFIG_HOME/cdbc/cdbc.yaml`\n"
	"   or `~/.config/cdbc/cdbc.yaml`;\n"
	"3. one of the file's `environments` (`-e NAME`, `CDBC_ENVIRONMENT`, else the file's "
	"`default_environment`), which has the\n"
	"   same form as the file;\n"
	"4. libpq's `PG*` variables, as far as a setting below names one;\n"
	"5. `CDBC_*` variables: `pool.max_size` is `CDBC_POOL_MAX_SIZE`; `CDBC_URL` is short for "
	"`CDBC_DATABASE_URL`. One that is no\n"
	"   setting is an error (`CDBC_TEST_*` excepted); an empty one counts as not set;\n"
	"6. the URL (`-d URL`);\n"
	"7. settings of the command line;\n"
	"8. settings that a program gives in its code.\n"
	"\n"
	"`cdbc config show --origin` tells which layer set what, `cdbc config check` names everything "
	"that is wrong.\n"
	"\n"
	"A URL says which database as a whole: what a file below it says of the target (scheme, host, "
	"port, name, user, password,\n"
	"path, sslmode) is not mixed with it; `PG*` and `CDBC_*` variables still fill in what it does "
	"not say. Within one layer a\n"
	"setting of its own is stronger than the same in the URL.\n"
	"\n"
	"```yaml\n"
	"database:\n"
	"  url: cockroachdb://app@db1,db2,db3/bank\n"
	"  password_file: /run/secrets/bank\n"
	"  sslrootcert: certs/ca.crt\n"
	"  settings: {statement_timeout: 20s}\n"
	"pool:\n"
	"  max_size: 20\n"
	"queries:\n"
	"  folders: [sql]\n"
	"default_environment: dev\n"
	"environments:\n"
	"  dev:\n"
	"    database: {url: \"sqlite:dev.db\"}\n"
	"```\n"
	"\n"
	"## How values are written\n"
	"\n"
	"| type | written |\n"
	"|---|---|\n"
	"| duration | a whole number and `ms`, `s`, `min` or `h`: `500ms`, `5min`; `never` where it "
	"says so. A bare number is an error, but 0 is none; in `PG*` variables and URLs a bare number "
	"is in libpq's unit |\n"
	"| size | a whole number and `B`, `KiB`, `MiB` or `GiB`: `16MiB` |\n"
	"| true or false | `true`, `false`, `yes`, `no`, `on`, `off` |\n"
	"| list | a YAML list; in one line, and in variables: `a, b` |\n"
	"| map | a YAML map; in variables: `a=1, b=2` |\n"
	"| path | relative ones in a file are relative to the file's folder, others to the working "
	"folder |\n"
	"| secret | never printed; in a file's messages its line is not shown |\n"
	"| URL | `postgresql://USER@HOST:PORT,HOST:PORT/DATABASE?SETTING=VALUE`, the same with "
	"`cockroachdb:`; `sqlite:PATH`, `sqlite:///PATH`, `sqlite::memory:`; special characters as "
	"`%XX`. Others are given to the driver of their scheme |\n"
	"\n"
	"The file is YAML of at most 1 MiB without anchors, aliases and tags; a key that stands twice "
	"is an error.\n";

static const char *room_of(const char *key, size_t *length)
{
	*length = strcspn(key, ".");
	return key;
}

static void print_range(FILE *out, const cx_option *row)
{
	char low[CX_OPTION_PRINT_MAX], high[CX_OPTION_PRINT_MAX];

	if (row->type == CX_OPTION_INT || row->type == CX_OPTION_DURATION ||
		row->type == CX_OPTION_SIZE)
		fprintf(out, "%s to %s%s", cx_option_print(row, row->min, low),
				cx_option_print(row, row->max, high),
				row->flags & CX_OPTION_NEVER ? ", never" : "");
	else if (row->type == CX_OPTION_CHOICE)
		for (const char *c = row->choices; *c; c++)
			fputs(*c == '|' ? ", " : (char[]){*c, '\0'}, out);
}

static void print_row(FILE *out, const cx_option *row)
{
	fprintf(out, "| `%s` | %s | %s%s%s | ", row->key, cx_option_type_name(row),
			row->initial ? "`" : "", row->initial ? row->initial : "", row->initial ? "`" : "");
	print_range(out, row);
	fprintf(out, " | %s%s%s | %s |\n", row->variable ? "`" : "", row->variable ? row->variable : "",
			row->variable ? "`" : "", row->help);
}

static void print_page(FILE *out)
{
	const cx_option_set *set = cx_options_set();
	const char *room = "";
	size_t room_length = 0;

	fputs(head, out);
	for (size_t i = 0; i < set->count; i++) {
		size_t length;
		const char *next = room_of(set->rows[i].key, &length);

		if (length != room_length || strncmp(room, next, length) != 0) {
			room = next;
			room_length = length;
			fprintf(out,
					"\n## %.*s\n\n| setting | type | default | range | libpq's variable | what it "
					"is |\n|---|---|---|---|---|---|\n",
					(int)length, room);
		}
		print_row(out, &set->rows[i]);
	}
}

int main(int argc, char **argv)
{
	return page_main(argc, argv, print_page);
}
