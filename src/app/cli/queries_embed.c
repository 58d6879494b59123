// SPDX-License-Identifier: Apache-2.0
/* cdbc queries embed: a folder of queries as one C source, which is valid C++ too. The same folder
 * gives the same bytes. */
#include "app/cli/cli.h"

#include "base/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SYMBOL_MAX     200
#define SOURCE_MAX     ((size_t)1 << 30)
#define LITERAL_LENGTH 1000 /* bytes of a line that has no end of its own */

/* ---- Names ----------------------------------------------------------------------------------- */

/* Words that are no names in C11 or C++17, of those that somebody may come upon. */
static bool is_keyword(const char *word)
{
	static const char *const words[] = {
		"auto",     "bool",     "break",   "case",      "char",    "class",     "const",
		"default",  "delete",   "do",      "double",    "else",    "enum",      "export",
		"extern",   "false",    "float",   "for",       "friend",  "goto",      "if",
		"inline",   "int",      "long",    "main",      "mutable", "namespace", "new",
		"nullptr",  "operator", "private", "protected", "public",  "register",  "restrict",
		"return",   "short",    "signed",  "sizeof",    "static",  "struct",    "switch",
		"template", "this",     "throw",   "true",      "try",     "typedef",   "typename",
		"union",    "unsigned", "using",   "virtual",   "void",    "volatile",  "while"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static bool is_symbol(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return length && !name[length] && length <= SYMBOL_MAX && !isdigit((unsigned char)name[0]) &&
		   !is_keyword(name);
}

static bool is_query_file(const char *name)
{
	return cli_has_suffix(name, ".sql") && !cli_has_suffix(name, ".test.sql");
}

/* ---- The source ------------------------------------------------------------------------------ */

/* Bytes as a literal, a line of theirs a line. Nothing in it depends on what comes next: octal
 * digits are three, and no two question marks stand together. */
static void put_literal(cx_buf *out, const char *text, size_t length)
{
	size_t on_line = 0;

	cx_buf_puts(out, "\t\"");
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			cx_buf_puts(out, "\\n");
		else if (c == '\t')
			cx_buf_puts(out, "\\t");
		else if (c == '"' || c == '\\' || (c == '?' && i && text[i - 1] == '?'))
			cx_buf_putf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			cx_buf_putf(out, "\\%03o", c);
		else
			cx_buf_putc(out, (char)c);
		if ((c == '\n' || ++on_line >= LITERAL_LENGTH) && i + 1 < length) {
			cx_buf_puts(out, "\"\n\t\"");
			on_line = 0;
		}
	}
	cx_buf_putc(out, '"');
}

static void put_declaration(cx_buf *out, const char *symbol)
{
	cx_buf_putf(out,
				"#include <cdbc/catalog.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
				"extern const cdbc_embedded_queries %s;\n#ifdef __cplusplus\n}\n#endif\n",
				symbol);
}

static void put_header(cx_buf *out, const char *symbol)
{
	char guard[SYMBOL_MAX + 1];
	size_t i;

	for (i = 0; symbol[i]; i++)
		guard[i] = (char)toupper((unsigned char)symbol[i]);
	guard[i] = '\0';
	cx_buf_putf(out,
				"/* Made by cdbc queries embed; do not edit. For cdbc_catalog_add_embedded, or the "
				"embedded of\n * cdbc_client_options. */\n#ifndef %s_H\n#define %s_H\n\n",
				guard, guard);
	put_declaration(out, symbol);
	cx_buf_puts(out, "\n#endif\n");
}

/* A file's entry in the table. Fails with CDBC_IO, CDBC_NOMEM, CDBC_USAGE (too long). */
static cdbc_status put_file(cx_buf *out, const char *path, const char *name, cdbc_error **err)
{
	cx_buf text;
	cdbc_status status = cli_read_file(path, &text, err);

	if (!status) {
		cx_buf_puts(out, "\t{\n");
		put_literal(out, name, strlen(name));
		cx_buf_puts(out, ",\n");
		put_literal(out, text.data ? text.data : "", text.length);
		cx_buf_putf(out, ",\n\t%zu},\n", text.length);
	}
	cx_buf_free(&text);
	return status;
}

/* folder_length: what to leave away of each path. */
static cdbc_status put_source(cx_buf *out, const char *symbol, const cli_files *files,
							  size_t folder_length, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	cx_buf_puts(out, "/* Made by cdbc queries embed; do not edit. */\n");
	put_declaration(out, symbol);
	cx_buf_puts(out,
				"\n/* Compilers of today take literals of any length. */\n#if defined(__GNUC__)\n"
				"#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n#endif\n\n");
	cx_buf_putf(out, "static const cdbc_embedded_file %s_files[] = {\n", symbol);
	for (size_t i = 0; i < files->count && !status; i++)
		status = put_file(out, files->paths[i], files->paths[i] + folder_length, err);
	cx_buf_putf(out,
				"};\n\nconst cdbc_embedded_queries %s = {sizeof(cdbc_embedded_queries), "
				"%s_files,\n\tsizeof %s_files / sizeof %s_files[0]};\n",
				symbol, symbol, symbol, symbol);
	return status ? status : cx_buf_status(out, "the source", err);
}

/* ---- The command ------------------------------------------------------------------------------
 */

/* Writes a text to a file beside it, or to stdout (path NULL), and puts it in place. */
static int write_text(const char *path, const cx_buf *text)
{
	cli_args args = {.output = path, .format = "tsv", .is_quiet = true};
	cdbc_error *error = NULL;
	cli_output output;
	cdbc_status status;
	int code = cli_output_open(&args, &output), closed;

	if (!code) {
		status = output.sink.write(output.sink.self, text->data, text->length, &error);
		if (status)
			code = cli_fail(error, status, true, NULL);
	}
	closed = cli_output_close(&output, !code);
	return code ? code : closed;
}

static int check(const char *path)
{
	size_t error_count = 0;
	cdbc_error *error = NULL;
	cdbc_status status =
		cdbc_catalog_check(&path, 1, cli_print_diagnostic, stderr, &error_count, &error);

	if (status)
		return cli_fail(error, status, false, NULL);
	return error_count ? EXIT_USAGE : EXIT_OK;
}

/* The files of a folder, or the one file, and how much of their paths is not theirs. */
static int find_files(const char *path, cli_files *files, size_t *folder_length)
{
	const char *slash = strrchr(path, '/');
	struct stat info;
	int code;

	if (stat(path, &info))
		return cli_fail_path(path);
	if (!S_ISDIR(info.st_mode)) {
		*folder_length = slash ? (size_t)(slash - path) + 1 : 0;
		return cli_files_add(files, path);
	}
	*folder_length = strlen(path) + !cli_has_suffix(path, "/");
	code = cli_files_find(files, path, is_query_file);
	if (!code && files->count == 0)
		return cli_usage(&cli_queries, "embed: there are no queries in %s", path);
	return code;
}

int cli_queries_embed(cli_args *args)
{
	const char *symbol = args->name ? args->name : "queries";
	cx_buf source = CX_BUF_INIT(SOURCE_MAX), header = CX_BUF_INIT(SOURCE_MAX);
	cli_files files = {NULL, 0};
	cdbc_error *error = NULL;
	size_t folder_length = 0;
	cdbc_status status;
	int code;

	if (args->word_count != 2)
		return cli_usage(&cli_queries, "embed: give one folder");
	if (!is_symbol(symbol))
		return cli_usage(&cli_queries, "embed: --name %s: not a name in C and C++", symbol);
	code = check(args->words[1]);
	if (!code)
		code = find_files(args->words[1], &files, &folder_length);
	if (!code) {
		put_header(&header, symbol);
		status = put_source(&source, symbol, &files, folder_length, &error);
		if (status)
			code = cli_fail(error, status, false, NULL);
	}
	if (!code && args->header)
		code = write_text(args->header, &header);
	if (!code)
		code = write_text(args->output, &source);
	cx_buf_free(&source);
	cx_buf_free(&header);
	cli_files_fini(&files);
	return code;
}
