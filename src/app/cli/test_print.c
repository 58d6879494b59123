// SPDX-License-Identifier: Apache-2.0
/* Results of tests as text, TAP and JSON, on stdout. */
#include "app/cli/test_print.h"

#include "app/cli/cli.h"

#include <string.h>

bool cli_test_printer_init(cli_test_printer *printer, const char *format)
{
	static const char *const names[] = {"text", "tap", "json"};

	memset(printer, 0, sizeof *printer);
	if (!format)
		return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(format, names[i]) == 0) {
			printer->format = (cli_test_format)i;
			return true;
		}
	return false;
}

void cli_test_print_begin(cli_test_printer *printer, size_t test_count)
{
	if (printer->format == TEST_AS_TAP)
		printf("TAP version 13\n1..%zu\n", test_count);
	else if (printer->format == TEST_AS_JSON)
		printf("{\"tests\":[");
}

static void put_json(const char *text)
{
	cli_put_json(stdout, text, strlen(text));
}

static const char *text_of(const cx_buf *buf)
{
	return buf->data ? buf->data : "";
}

/* A text's lines, each behind a prefix; without line ends in them. */
static void put_lines(const char *prefix, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		printf("%s%.*s\n", prefix, (int)length, text);
		text += length + (text[length] == '\n');
	}
}

static void print_text(const cli_test_file *file, const cli_test *test,
					   const cli_test_outcome *outcome)
{
	if (outcome->verdict != TEST_FAILED)
		return;
	printf("%s:%zu:%zu: failed: %s\n", file->path, outcome->line, outcome->column, test->name);
	put_lines("  ", text_of(&outcome->message));
	put_lines("  ", text_of(&outcome->details));
}

/* A # in a title would begin a directive. */
static void put_title(const cli_test_file *file, const cli_test *test)
{
	printf("%s: ", file->path);
	for (const char *p = test->name; *p; p++)
		printf("%s%c", *p == '#' || *p == '\\' ? "\\" : "", *p);
}

static void print_tap(const cli_test_printer *printer, const cli_test_file *file,
					  const cli_test *test, const cli_test_outcome *outcome)
{
	printf("%sok %zu - ", outcome->verdict == TEST_FAILED ? "not " : "",
		   printer->passed + printer->failed + printer->skipped);
	put_title(file, test);
	printf("%s\n", outcome->verdict == TEST_SKIPPED ? " # SKIP for another database" : "");
	if (outcome->verdict != TEST_FAILED)
		return;
	printf("# %s:%zu:%zu:\n", file->path, outcome->line, outcome->column);
	put_lines("# ", text_of(&outcome->message));
	put_lines("# ", text_of(&outcome->details));
}

static void print_json(const cli_test_printer *printer, const cli_test_file *file,
					   const cli_test *test, const cli_test_outcome *outcome)
{
	static const char *const words[] = {"passed", "failed", "skipped", "broken"};

	printf("%s\n {\"file\":", printer->passed + printer->failed + printer->skipped > 1 ? "," : "");
	put_json(file->path);
	printf(",\"test\":");
	put_json(test->name);
	printf(",\"line\":%zu,\"result\":\"%s\"", test->line, words[outcome->verdict]);
	if (outcome->verdict == TEST_FAILED) {
		printf(",\"failed_line\":%zu,\"failed_column\":%zu,\"message\":", outcome->line,
			   outcome->column);
		put_json(text_of(&outcome->message));
		printf(",\"details\":");
		put_json(text_of(&outcome->details));
	}
	putchar('}');
}

void cli_test_print(cli_test_printer *printer, const cli_test_file *file, const cli_test *test,
					const cli_test_outcome *outcome)
{
	printer->passed += outcome->verdict == TEST_PASSED;
	printer->failed += outcome->verdict == TEST_FAILED;
	printer->skipped += outcome->verdict == TEST_SKIPPED;
	if (printer->format == TEST_AS_JSON)
		print_json(printer, file, test, outcome);
	else if (printer->format == TEST_AS_TAP)
		print_tap(printer, file, test, outcome);
	else
		print_text(file, test, outcome);
	fflush(stdout);
}

void cli_test_print_query(cli_test_printer *printer, const cdbc_query_info *query, bool is_called)
{
	size_t uncalled = printer->query_count - printer->called;

	if (printer->format == TEST_AS_JSON && !printer->has_coverage)
		printf("\n],\"not_called\":[");
	printer->has_coverage = true;
	printer->query_count++;
	printer->called += is_called;
	if (is_called)
		return;
	if (printer->format == TEST_AS_JSON) {
		printf("%s", uncalled ? "," : "");
		put_json(query->name);
		return;
	}
	printf("%s%s:%lld: no test calls %s\n", printer->format == TEST_AS_TAP ? "# " : "", query->file,
		   (long long)query->line, query->name);
}

void cli_test_print_end(cli_test_printer *printer, bool is_quiet)
{
	size_t count = printer->passed + printer->failed + printer->skipped;

	if (printer->format == TEST_AS_JSON) {
		printf("%s],\"passed\":%zu,\"failed\":%zu,\"skipped\":%zu}\n",
			   printer->has_coverage ? "" : "\n", printer->passed, printer->failed,
			   printer->skipped);
		return;
	}
	if (is_quiet)
		return;
	fflush(stdout);
	fprintf(stderr, "%zu test%s: %zu passed, %zu failed", count, count == 1 ? "" : "s",
			printer->passed, printer->failed);
	if (printer->skipped)
		fprintf(stderr, ", %zu skipped", printer->skipped);
	if (printer->has_coverage)
		fprintf(stderr, "; %zu of %zu queries called", printer->called, printer->query_count);
	fputc('\n', stderr);
}
