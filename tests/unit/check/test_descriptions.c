// SPDX-License-Identifier: Apache-2.0
/* Descriptions as a file: written, read, compared; what is wrong in one is told with its place. */
#include "service/check/check.h"

#include "base/error.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cdbc-check-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[2][200];
	static size_t turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"d.json", "e.json", "q.sql"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

#define HEAD \
	"{\"format\": \"cdbc-descriptions-1\", \"dialect\": \"postgresql\", \"server\": \"P 1\","
#define HASH "0123456789abcdef"

static const char whole[] = HEAD
	"\n\"queries\": [\n"
	"{\"name\": \"b\", \"hash\": \"" HASH "\", \"variants\": 2, \"parameters\": [\n"
	"  {\"name\": \"p\", \"type\": \"int8\"}, {\"name\": \"q\\\"\\u00e9\\\\\", \"type\": \"\"}],\n"
	" \"results\": [{\"when\": \"x\", \"columns\": [{\"name\": \"id\", \"type\": \"int8[]\"}]},\n"
	"   {\"when\": \"y\", \"columns\": []}]},\n"
	"{\"name\": \"a\", \"hash\": \"" HASH
	"\", \"variants\": 1, \"parameters\": [], \"results\": []}]}";

static void test_read(void **state)
{
	cdbc_descriptions *d = NULL, *again = NULL;
	const cx_described_query *q;

	(void)state;
	write_file("d.json", whole);
	for (int i = 0; i < 2; i++) { /* as it is, and as it is written from that */
		assert_int_equal(cdbc_descriptions_load(path_of(i ? "e.json" : "d.json"), &again, NULL),
						 CDBC_OK);
		cdbc_descriptions_free(d);
		d = again;
		assert_string_equal(d->dialect, "postgresql");
		assert_string_equal(d->server, "P 1");
		assert_int_equal(d->count, 2);
		assert_string_equal(d->queries[0].name, "a");
		q = cx_descriptions_find(d, "b");
		assert_non_null(q);
		assert_true(q->hash == UINT64_C(0x0123456789abcdef));
		assert_int_equal(q->variant_count, 2);
		assert_string_equal(cx_described_param_type(q, "p"), "int8");
		assert_string_equal(cx_described_param_type(q, "q\"\xc3\xa9\\"), "");
		assert_null(cx_described_param_type(q, "r"));
		assert_int_equal(q->result_count, 2);
		assert_string_equal(q->results[0].columns[0].type, "int8[]");
		assert_string_equal(q->results[1].when, "y");
		assert_int_equal(q->results[1].column_count, 0);
		assert_null(cx_descriptions_find(d, "c"));
		assert_int_equal(cdbc_descriptions_export(d, path_of("e.json"), NULL), CDBC_OK);
	}
	cdbc_descriptions_free(d);
	cdbc_descriptions_free(NULL);
}

static void test_bad(void **state)
{
#define QUERY(rest) HEAD " \"queries\": [{\"name\": \"a\", " rest "]}"
	static const struct {
		const char *text;
		const char *message;
	} bad[] = {
		{"", "1:1: the file is empty"},
		{"\n\n  7", "3:3: not an object"},
		{"{", "2:1: "},
		{"{\"format\": [1", "2:1: "},
		{"{}", "1:1: member \"format\" is missing"},
		{HEAD "}", "1:1: member \"queries\" is missing"},
		{HEAD " \"queries\": {}}", "1:88: not an array"},
		{HEAD " \"queries\": [1]}", "1:89: not an object"},
		{HEAD " \"queries\": [], \"more\": 1}", "1:92: unknown member \"more\""},
		{HEAD " \"queries\": [], \"queries\": []}", "1:92: \"queries\" stands here twice"},
		{"{\"format\": \"cdbc-descriptions-2\", \"dialect\": \"sqlite\", \"server\": \"\", "
		 "\"queries\": []}",
		 "1:12: not a form that is known here"},
		{"{\"format\": \"cdbc-descriptions-1\", \"dialect\": \"oracle\", \"server\": \"\", "
		 "\"queries\": []}",
		 "1:46: no dialect"},
		{QUERY("\"hash\": \"" HASH "\"}"), "1:89: member \"variants\" is missing"},
		{QUERY("\"hash\": \"0123\", \"variants\": 1, \"parameters\": [], \"results\": []}"),
		 "1:111: not a hash of 16 digits"},
		{QUERY("\"hash\": \"0123456789ABCDEF\", \"variants\": 1, \"parameters\": [], \"results\": "
			   "[]}"),
		 "1:111: not a hash"},
		{QUERY("\"hash\": [], \"variants\": 1, \"parameters\": [], \"results\": []}"),
		 "1:111: not a text"},
		{QUERY("\"hash\": \"" HASH "\", \"variants\": -1, \"parameters\": [], \"results\": []}"),
		 "1:143: not a number from 1 to 4096"},
		{QUERY("\"hash\": \"" HASH "\", \"variants\": 99999999999999999999, \"parameters\": [], "
			   "\"results\": []}"),
		 "1:143: not a number from 1 to 4096"},
		{QUERY("\"hash\": \"" HASH "\", \"variants\": 1, \"parameters\": [{\"name\": \"a\"}], "
			   "\"results\": []}"),
		 "1:161: member \"type\" is missing"},
		{QUERY("\"hash\": \"" HASH
			   "\", \"variants\": 1, \"parameters\": [{\"name\": \"a\", \"type\": "
			   "\"\"}, {\"name\": \"a\", \"type\": \"\"}], \"results\": []}"),
		 "1:188: parameter \"a\" stands here twice"},
		{QUERY("\"hash\": \"" HASH "\", \"variants\": 1, \"parameters\": [], \"results\": "
			   "[{\"columns\": [7]}]}"),
		 "1:189: not an object"},
		{QUERY("\"hash\": \"" HASH "\", \"variants\": 1, \"parameters\": [], \"results\": []},"
			   "{\"name\": \"a\", \"hash\": \"" HASH
			   "\", \"variants\": 1, \"parameters\": [], \"results\": []}"),
		 "query \"a\" stands here twice"},
		{HEAD " \"queries\": [*a]}", "anchors and aliases"},
		{HEAD " \"queries\": [[[[[[[[[[[[[[[[[[[[[[[", "nested deeper than"},
		{HEAD " \"queries\": [\"\xff\"]}", "not UTF-8"},
		{HEAD " \"queries\": [\"\\u0000\"]}", ": "},
	};
	cdbc_descriptions *d = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cdbc_error *err = NULL;
		const char *message;

		write_file("d.json", bad[i].text);
		assert_int_equal(cdbc_descriptions_load(path_of("d.json"), &d, &err), CDBC_CONFIG);
		assert_null(d);
		message = cdbc_error_message(err);
		assert_true(strncmp(message, path_of("d.json"), strlen(path_of("d.json"))) == 0);
		assert_true(cdbc_error_line(err) > 0 && cdbc_error_column(err) > 0);
		if (!strstr(message, bad[i].message))
			fail_msg("%s\nsaid:   %s\nwanted: %s", bad[i].text, message, bad[i].message);
		cdbc_error_free(err);
	}
}

static void test_io(void **state)
{
	cdbc_descriptions *d = NULL;

	(void)state;
	assert_int_equal(cdbc_descriptions_load(path_of("none.json"), &d, NULL), CDBC_IO);
	assert_int_equal(cx_descriptions_new(&d, NULL), CDBC_OK);
	assert_int_equal(cdbc_descriptions_export(d, path_of("none/d.json"), NULL), CDBC_IO);
	cdbc_descriptions_free(d);
}

/* ---- Compared ------------------------------------------------------------------------------- */

static void collect(void *data, const cdbc_diagnostic *d)
{
	char *out = data;

	snprintf(out + strlen(out), 2000 - strlen(out), "%lld:%lld %s %s %s\n", (long long)d->line,
			 (long long)d->column, d->is_error ? "error" : "warning", d->query ? d->query : "-",
			 d->message);
}

/* Makes d.json say of q.sql's queries what is here, with their true hashes. */
static cdbc_status compare(void *data, cdbc_error **err)
{
	static const cx_described_column columns[] = {{"id", "int8"}, {"at", "timestamptz"}};
	char *found = data;
	cdbc_catalog *catalog = NULL;
	cdbc_descriptions *d = NULL;
	size_t count = 0;
	cdbc_status status = cdbc_catalog_new(&catalog, err);

	found[0] = '\0';
	if (!status)
		status = cdbc_catalog_load(catalog, path_of("q.sql"), err);
	if (!status)
		status = cx_descriptions_new(&d, err);
	if (!status) {
		d->dialect = "postgresql";
		for (size_t i = 0; i < 2 && !status; i++) {
			const cx_record *record = cx_catalog_record(catalog, i);
			cx_described_query *q = cx_descriptions_add(d, record->query.info.name);

			if (!q || !cx_described_add_param(d, q, "a", "text") ||
				!cx_described_add_param(d, q, "a", "uuid") ||
				!cx_described_add_result(d, q, "", columns, i ? 2 : 0))
				status = cx_error_nomem(err);
			else
				q->hash = cx_check_hash(record);
		}
		cx_descriptions_sort(d);
		status = cdbc_catalog_check_against(catalog, d, NULL, collect, found, &count, err);
	}
	cdbc_descriptions_free(d);
	cdbc_catalog_free(catalog);
	return status;
}

static cdbc_status load_and_export(void *data, cdbc_error **err)
{
	cdbc_descriptions *d = NULL;
	cdbc_status status = cdbc_descriptions_load(path_of("d.json"), &d, err);

	(void)data;
	if (!status)
		status = cdbc_descriptions_export(d, path_of("e.json"), err);
	cdbc_descriptions_free(d);
	return status;
}

static void test_compare(void **state)
{
	char found[2000];

	(void)state;
	write_file("q.sql", "-- name: one :one\n-- param: a int8\n"
						"insert into t (a) values (:a);\n"
						"-- name: two :exec\n-- column: at int4\n-- column: no text\n-- param: a "
						"text\nselect id, at from t where a = :a;\n");
	assert_int_equal(compare(found, NULL), CDBC_OK);
	assert_string_equal(
		found,
		"1:10 error one marked :one, but it returns no rows\n"
		"2:11 warning one parameter \"a\" is declared int8, but the server takes it to be text\n"
		"4:10 warning two marked :exec, but it returns rows, which nobody reads\n"
		"5:12 warning two column \"at\" is declared int4, but the server says timestamptz\n"
		"6:12 error two the query returns no column \"no\"\n");
}

static void test_oom(void **state)
{
	char found[2000];

	(void)state;
	write_file("d.json", whole);
	oom_run(load_and_export, NULL);
	oom_run(compare, found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),    cmocka_unit_test(test_bad), cmocka_unit_test(test_io),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
