// SPDX-License-Identifier: Apache-2.0
/* Generations: a load puts all in force or nothing, who holds an old one keeps it, and what fails
 * is told and remembered. */
#include "base/error.h"
#include "service/catalog/generation.h"
#include "service/catalog/repository.h"
#include "support/oom.h"
#include "support/sql_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static cx_repository repository;
static cx_events events;

static struct {
	int loads, failures;
	cdbc_event last;
	char text[200], message[1000];
} seen;

static void on_event(void *self, const cdbc_event *event)
{
	(void)self;
	seen.loads++;
	seen.failures += event->error != NULL;
	seen.last = *event;
	snprintf(seen.text, sizeof seen.text, "%s", event->text);
	snprintf(seen.message, sizeof seen.message, "%s",
			 event->error ? cdbc_error_message(event->error) : "");
}

static int set_up(void **state)
{
	const char *folders[] = {sql_folder_make()};
	cdbc_observer observer = {sizeof observer, "test", CDBC_EVENT_CATALOG, on_event, NULL, NULL};
	cdbc_error *err = NULL;

	(void)state;
	memset(&seen, 0, sizeof seen);
	memset(&repository, 0, sizeof repository);
	sql_write("a.sql", "-- name: a :one\nselect 1 as g;\n");
	sql_write("b.sql", "-- name: b :one\n-- param: x int8\nselect 1 as g, :x as x;\n");
	assert_int_equal(cx_events_init(&events, &observer, 1, NULL), CDBC_OK);
	if (cx_repository_init(&repository, folders, 1, &events, &err) ||
		cx_repository_open(&repository, &err))
		fail_msg("%s", cdbc_error_message(err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cx_repository_fini(&repository);
	cx_events_fini(&events);
	sql_folder_remove();
	return 0;
}

static cdbc_catalog *current(void)
{
	cdbc_catalog *catalog = NULL;

	cx_repository_renew(&repository, &catalog);
	return catalog;
}

static const cx_query *find(const cdbc_catalog *catalog, const char *name)
{
	const cx_query *query = NULL;

	assert_int_equal(cx_catalog_find(catalog, name, &cx_dialect_postgresql, &query, NULL), CDBC_OK);
	return query;
}

static cx_repository_state look(void)
{
	cx_repository_state state;

	cx_repository_look(&repository, &state);
	return state;
}

static void test_first(void **state)
{
	cdbc_catalog *catalog = current();

	(void)state;
	assert_int_equal(cdbc_catalog_generation(catalog), 1);
	assert_int_equal(cdbc_catalog_count(catalog), 2);
	assert_int_equal(look().generation, 1);
	assert_int_equal(look().query_count, 2);
	assert_string_equal(look().refused, "");
	assert_int_equal(seen.loads, 0);
	cdbc_catalog_free(catalog);
}

/* Who holds the old one sees nothing of the new one. */
static void test_swap(void **state)
{
	cdbc_catalog *old = current(), *new;
	const cx_query *a = find(old, "a");

	(void)state;
	sql_replace("a.sql", "-- name: a :one\nselect 2 as g;\n");
	sql_write("c.sql", "select 3;\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	new = current();
	assert_int_equal(cdbc_catalog_generation(old), 1);
	assert_int_equal(cdbc_catalog_generation(new), 2);
	assert_int_equal(cdbc_catalog_count(old), 2);
	assert_int_equal(cdbc_catalog_count(new), 3);
	assert_string_equal(a->statement->sql, "select 1 as g");
	assert_string_equal(find(new, "a")->statement->sql, "select 2 as g");
	assert_int_equal(seen.loads, 1);
	assert_int_equal(seen.failures, 0);
	assert_int_equal(seen.last.id, 2);
	assert_int_equal(seen.last.row_count, 3);
	assert_string_equal(seen.text, "generation 2, 3 queries");
	cdbc_catalog_free(old);
	cdbc_catalog_free(new);
}

/* What did not change is the same statement to a connection that has prepared it. */
static void test_statements_stay(void **state)
{
	cdbc_catalog *old = current(), *new;
	uint64_t a = find(old, "a")->statement->id, b = find(old, "b")->statement->id;

	(void)state;
	sql_replace("a.sql", "-- name: a :one\nselect 2 as g;\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	new = current();
	cdbc_catalog_free(old);
	assert_true(find(new, "a")->statement->id != a);
	assert_true(find(new, "b")->statement->id == b);
	assert_string_equal(find(new, "b")->info.params[0].name, "x");
	cdbc_catalog_free(new);
	/* another type is another statement */
	sql_replace("b.sql", "-- name: b :one\n-- param: x int4\nselect 1 as g, :x as x;\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	new = current();
	assert_true(find(new, "b")->statement->id != b);
	cdbc_catalog_free(new);
}

static uint64_t id_of(const cdbc_catalog *catalog, const char *name, const char *dialect_name,
					  cdbc_params params)
{
	const cx_dialect *dialect = NULL;
	const cx_statement *statement = NULL;
	cdbc_value values[8];

	assert_int_equal(cx_dialect_get(dialect_name, strlen(dialect_name), &dialect, NULL), CDBC_OK);
	assert_int_equal(
		cx_query_bind(find(catalog, name), dialect, params, NULL, values, &statement, NULL),
		CDBC_OK);
	return statement->id;
}

/* So are those that are made when they are wanted: of optional parts, and of a time to read at. */
static void test_made_statements_stay(void **state)
{
	static const char *const dialects[] = {"postgresql", "cockroachdb", "sqlite"};
	cdbc_params both = CDBC_PARAMS({"x", cdbc_int64(1)}, {"y", cdbc_int64(2)}),
				one = CDBC_PARAMS({"y", cdbc_int64(2)});
	uint64_t with[3], without[3], past, past_with;
	cdbc_catalog *old, *new;

	(void)state;
	sql_write("v.sql", "-- name: v\nselect :y /*? x */ , :x /*?*/\n"
					   "-- name: p\n-- as-of: '-1s'\nselect :y from t\n"
					   "-- name: w\n-- as-of: '-1s'\nselect :y /*? x */ , :x /*?*/ from t\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	old = current();
	for (int i = 0; i < 3; i++) {
		with[i] = id_of(old, "v", dialects[i], both);
		without[i] = id_of(old, "v", dialects[i], one);
	}
	past = id_of(old, "p", "cockroachdb", one);
	past_with = id_of(old, "w", "cockroachdb", both);
	sql_replace("a.sql", "-- name: a :one\nselect 2 as g;\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	new = current();
	assert_ptr_not_equal(old, new);
	cdbc_catalog_free(old);
	for (int i = 0; i < 3; i++) {
		assert_true(id_of(new, "v", dialects[i], both) == with[i]);
		assert_true(id_of(new, "v", dialects[i], one) == without[i]);
	}
	assert_true(with[0] != without[0] && with[0] != with[2]);
	assert_true(id_of(new, "p", "cockroachdb", one) == past);
	assert_true(id_of(new, "p", "postgresql", one) != past);
	assert_true(id_of(new, "w", "cockroachdb", both) == past_with);
	cdbc_catalog_free(new);
	/* one part is another, what stands without it is the same; and so is not another time */
	sql_replace("v.sql", "-- name: v\nselect :y /*? x */ , - :x /*?*/\n"
						 "-- name: p\n-- as-of: '-2s'\nselect :y from t\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	new = current();
	assert_true(id_of(new, "v", "postgresql", both) != with[0]);
	assert_true(id_of(new, "v", "postgresql", one) == without[0]);
	assert_true(id_of(new, "p", "cockroachdb", one) != past);
	cdbc_catalog_free(new);
	/* more parts than before */
	sql_replace("v.sql", "-- name: v\nselect :y /*? x */ , :x /*? z */, :z /*?*/\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	new = current();
	assert_true(id_of(new, "v", "postgresql", both) != with[0]);
	cdbc_catalog_free(new);
}

/* Undeclared parameters have their names from the statement. */
static void test_names_stay(void **state)
{
	cdbc_catalog *catalog;

	(void)state;
	sql_write("u.sql", "select :_user, :first, :second;\n");
	for (int i = 0; i < 3; i++)
		assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	catalog = current();
	assert_int_equal(find(catalog, "u")->info.param_count, 2);
	assert_string_equal(find(catalog, "u")->info.params[0].name, "first");
	assert_string_equal(find(catalog, "u")->info.params[1].name, "second");
	cdbc_catalog_free(catalog);
}

static void check_refused(const char *message)
{
	cdbc_error *err = NULL;
	cdbc_catalog *catalog;
	int failures = seen.failures;
	cdbc_status status = cx_repository_reload(&repository, NULL, &err);

	assert_true(status != CDBC_OK);
	assert_non_null(strstr(cdbc_error_message(err), message));
	assert_non_null(strstr(cdbc_error_message(err), "reload queries: "));
	cdbc_error_free(err);
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), status);
	assert_int_equal(seen.failures, failures + 2);
	assert_non_null(strstr(seen.message, message));
	assert_non_null(strstr(seen.text, "generation 1 stays"));
	assert_non_null(strstr(look().refused, message));
	assert_int_equal(look().generation, 1);
	catalog = current();
	assert_int_equal(cdbc_catalog_generation(catalog), 1);
	assert_string_equal(find(catalog, "a")->statement->sql, "select 1 as g");
	cdbc_catalog_free(catalog);
}

static void test_refused(void **state)
{
	const char *root = repository.folders[0];
	char away[96];

	(void)state;
	sql_replace("a.sql", "-- name: a :one\nselect 2 as g;\n");
	sql_write("z.sql", "-- name: z :one\nselect 'open;\n");
	check_refused("/z.sql:2:8: ");
	sql_replace("z.sql", "-- name: b :one\nselect 1;\n");
	check_refused("query \"b\" is also in");
	sql_unlink("z.sql");
	snprintf(away, sizeof away, "%s-away", root);
	assert_int_equal(rename(root, away), 0);
	check_refused("No such file or directory");
	assert_int_equal(rename(away, root), 0);
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	assert_string_equal(look().refused, "");
	assert_int_equal(look().generation, 2);
}

static void test_unreadable(void **state)
{
	(void)state;
	if (geteuid() == 0) { /* may read everything but a link to nothing */
		sql_symlink("nowhere.sql", "z.sql");
		check_refused("No such file or directory");
		return;
	}
	sql_write("z.sql", "select 1;\n");
	assert_int_equal(chmod(sql_path("z.sql"), 0), 0);
	check_refused("Permission denied");
}

static bool nobody_passes(void *self)
{
	++*(int *)self;
	return false;
}

static void test_gate(void **state)
{
	int asked = 0;
	cx_repository_gate gate = {nobody_passes, &asked, false};

	(void)state;
	assert_int_equal(cx_repository_reload(&repository, &gate, NULL), CDBC_CANCELLED);
	sql_write("z.sql", "select 'open;\n");
	assert_int_equal(cx_repository_reload(&repository, &gate, NULL), CDBC_CANCELLED);
	assert_int_equal(asked, 2);
	assert_int_equal(look().generation, 1);
	assert_string_equal(look().refused, "");
	assert_int_equal(seen.loads, 0);
}

static void test_sealed(void **state)
{
	cdbc_catalog *catalog = current();

	(void)state;
	assert_int_equal(cdbc_catalog_load(catalog, sql_path("a.sql"), NULL), CDBC_USAGE);
	cdbc_catalog_free(catalog);
}

/* ---- registered by code ---- */

static cdbc_status add(const char *file, const char *text)
{
	return cx_repository_register(&repository, file, text, strlen(text), NULL);
}

static const char *sql_of(const char *name)
{
	static char sql[200];
	cdbc_catalog *catalog = current();
	cdbc_query_info info;

	sql[0] = '\0';
	if (!cdbc_catalog_get(catalog, name, &info, NULL))
		snprintf(sql, sizeof sql, "%s", info.sql);
	cdbc_catalog_free(catalog);
	return sql;
}

static void test_register(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(add("in/code.sql", "select 1"), CDBC_OK);
	assert_string_equal(sql_of("in.code"), "select 1");
	assert_int_equal(seen.loads, 1);
	assert_int_equal(add("in/code.sql", "select 2"), CDBC_OK); /* in its place */
	assert_string_equal(sql_of("in.code"), "select 2");
	assert_int_equal(look().generation, 3);
	assert_int_equal(add("in/code.sql", "select 'open"), CDBC_SQL_FILE);
	assert_int_equal(add("other.sql", "-- name: a\nselect 1"), CDBC_SQL_FILE); /* is in a file */
	assert_string_equal(sql_of("in.code"), "select 2");
	assert_int_equal(look().generation, 3);
	/* outlasts reloads */
	sql_write("c.sql", "select 3");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	assert_string_equal(sql_of("in.code"), "select 2");
	assert_string_equal(sql_of("c"), "select 3");
	/* a file takes the name: both places are told */
	sql_mkdir("in");
	sql_write("in/code.sql", "select 4");
	assert_int_equal(cx_repository_reload(&repository, NULL, &err), CDBC_SQL_FILE);
	assert_non_null(
		strstr(cdbc_error_message(err), "in/code.sql:1:1: query \"in.code\" is also in "));
	assert_non_null(strstr(cdbc_error_message(err), "/in/code.sql:1"));
	cdbc_error_free(err);
	/* what is wrong with the files is not put right by code */
	assert_int_equal(add("other.sql", "select 5"), CDBC_OK);
	assert_true(look().refused[0] != '\0');
	assert_int_equal(cx_repository_unregister(&repository, "in/code.sql", NULL), CDBC_OK);
	assert_int_equal(cx_repository_unregister(&repository, "in/code.sql", NULL), CDBC_NOT_FOUND);
	assert_string_equal(sql_of("in.code"), "");
	assert_string_equal(sql_of("other"), "select 5");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	assert_string_equal(sql_of("in.code"), "select 4");
}

static cdbc_status save(const char *file, const char *folder, uint32_t flags, bool *is_own)
{
	return cx_repository_save(&repository, file, folder, flags, is_own, NULL);
}

static void test_save(void **state)
{
	bool is_own = false;

	(void)state;
	assert_int_equal(add("new/one.sql", "select 1"), CDBC_OK);
	assert_int_equal(save("new/two.sql", NULL, 0, &is_own), CDBC_NOT_FOUND);
	assert_int_equal(save("new/one.sql", NULL, 0, &is_own), CDBC_OK);
	assert_true(is_own);
	/* another file keeps the folders from loading: it is there all the same */
	sql_write("z.sql", "select 'open");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_SQL_FILE);
	assert_string_equal(sql_of("new.one"), "select 1");
	sql_unlink("z.sql");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	assert_string_equal(sql_of("new.one"), "select 1");
	assert_int_equal(repository.registered_count, 0);
	/* from now on it is a file as others are */
	sql_write("new/one.sql", "select 2");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	assert_string_equal(sql_of("new.one"), "select 2");
}

static cdbc_status write_text(const char *file, const char *text, uint32_t flags)
{
	return cdbc_catalog_save_text(repository.folders[0], file, text, strlen(text), flags, NULL);
}

static void check_file(const char *name, const char *text, mode_t mode)
{
	char got[100] = "";
	struct stat st;
	FILE *f = fopen(sql_path(name), "r");

	assert_non_null(f);
	assert_int_equal(fread(got, 1, sizeof got - 1, f), strlen(text));
	fclose(f);
	assert_string_equal(got, text);
	assert_int_equal(stat(sql_path(name), &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void test_save_text(void **state)
{
	static const char *const bad[] = {"../x.sql", "/x.sql", "x/../../x.sql", ".x.sql",
									  "x",        "x.sql/", "x.test.sql",    "x//y.sql",
									  "",         ".sql",   "a\nb.sql",      "./x.sql"};
	mode_t mask = umask(027);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(write_text(bad[i], "select 1", 0), CDBC_USAGE);
	assert_int_equal(write_text("x/y/s.sql", "select 1\n", 0), CDBC_OK);
	check_file("x/y/s.sql", "select 1\n", 0640);
	assert_int_equal(write_text("x/y/s.sql", "select 2\n", 0), CDBC_IO);
	check_file("x/y/s.sql", "select 1\n", 0640);
	assert_int_equal(chmod(sql_path("x/y/s.sql"), 0600), 0);
	assert_int_equal(write_text("x/y/s.sql", "select 2\n", CDBC_SAVE_OVERWRITE), CDBC_OK);
	check_file("x/y/s.sql", "select 2\n", 0600);
	assert_int_equal(write_text("x/bad.sql", "select 'open", 0), CDBC_SQL_FILE);
	sql_symlink("/tmp", "out");
	assert_int_equal(write_text("out/s.sql", "select 1", 0), CDBC_IO);
	assert_int_equal(write_text("x/y", "select 1", CDBC_SAVE_OVERWRITE), CDBC_USAGE);
	sql_mkdir("d.sql");
	assert_int_equal(write_text("d.sql", "select 1", CDBC_SAVE_OVERWRITE), CDBC_IO);
	sql_rmtree("d.sql");
	sql_rmtree("out");
	umask(mask);
	/* and nothing else was left */
	assert_int_equal(rmdir(sql_path("x/y")), -1);
	sql_unlink("x/y/s.sql");
	assert_int_equal(rmdir(sql_path("x/y")), 0);
	assert_int_equal(rmdir(sql_path("x")), 0);
}

/* What each refusal says. */
static void test_messages(void **state)
{
	static const struct {
		const char *file, *message;
		uint32_t flags;
	} bad[] = {
		{"../x.sql", "save \"../x.sql\": not a name of a file of queries", 0},
		{"a.sql", ": it is there already", 0},
		{"d.sql", ": what is there is not a file", CDBC_SAVE_OVERWRITE},
	};
	int asked = 0;
	cx_repository_gate gate = {nobody_passes, &asked, false};
	cx_repository none = {0};
	cdbc_catalog *catalog = current();
	cdbc_error *err = NULL;

	(void)state;
	sql_mkdir("d.sql");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_true(cdbc_catalog_save_text(repository.folders[0], bad[i].file, "select 1", 8,
										   bad[i].flags, &err));
		assert_non_null(strstr(cdbc_error_message(err), bad[i].message));
		cdbc_error_free(err);
		err = NULL;
	}
	sql_rmtree("d.sql");
	assert_int_equal(cdbc_catalog_load(catalog, sql_path("a.sql"), &err), CDBC_USAGE);
	assert_non_null(strstr(cdbc_error_message(err), ": the catalog belongs to a client"));
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
	err = NULL;
	assert_int_equal(cx_repository_unregister(&repository, "x.sql", &err), CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_message(err), "no queries are registered as \"x.sql\"");
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cx_repository_reload(&repository, &gate, &err), CDBC_CANCELLED);
	assert_string_equal(cdbc_error_message(err),
						"reload queries: the folders changed while they were read");
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cx_repository_init(&none, NULL, 0, NULL, NULL), CDBC_OK);
	assert_int_equal(cx_repository_save(&none, "x.sql", NULL, 0, NULL, &err), CDBC_USAGE);
	assert_string_equal(cdbc_error_message(err), "save \"x.sql\": queries.folders names no folder");
	cdbc_error_free(err);
	cx_repository_fini(&none);
}

static cdbc_status load_and_swap(void *data, cdbc_error **err)
{
	const char *folders[] = {data};
	cx_repository own = {0};
	cdbc_catalog *held = NULL;
	cdbc_status status = cx_repository_init(&own, folders, 1, NULL, err);

	if (!status)
		status = cx_repository_open(&own, err);
	if (!status) {
		cx_repository_renew(&own, &held);
		status = cx_repository_reload(&own, NULL, err);
		assert_int_equal(cdbc_catalog_generation(held), 1);
		cx_repository_renew(&own, &held);
		assert_int_equal(cdbc_catalog_generation(held), status ? 1 : 2);
		assert_int_equal(cdbc_catalog_count(held), 2);
		if (!status)
			status = cx_repository_register(&own, "r.sql", "select 1", 8, err);
		if (!status)
			status = cx_repository_register(&own, "r.sql", "select 2", 8, err);
		cx_repository_renew(&own, &held);
		assert_true(status || cdbc_catalog_count(held) == 3);
		if (!status)
			status = cx_repository_unregister(&own, "r.sql", err);
		cx_repository_renew(&own, &held);
		assert_true(status || cdbc_catalog_count(held) == 2);
		cdbc_catalog_free(held);
	}
	cx_repository_fini(&own);
	return status;
}

static void test_oom(void **state)
{
	char folder[64];

	(void)state;
	snprintf(folder, sizeof folder, "%s", sql_path(""));
	assert_true(oom_run(load_and_swap, folder) > 30);
}

/* A large folder, loaded again with one change. */
static void test_many(void **state)
{
	cdbc_catalog *old, *new;
	uint64_t same;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		char name[32], text[96];

		snprintf(name, sizeof name, "q%05d.sql", i);
		snprintf(text, sizeof text, "-- param: x int8\nselect %d as n, :x as x;\n", i);
		sql_write(name, text);
	}
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	old = current();
	assert_int_equal(cdbc_catalog_count(old), 10002);
	sql_replace("q05000.sql", "select 'other';\n");
	assert_int_equal(cx_repository_reload(&repository, NULL, NULL), CDBC_OK);
	new = current();
	same = 0;
	for (size_t i = 0; i < cdbc_catalog_count(new); i++) {
		cdbc_query_info info;

		assert_true(cdbc_catalog_at(new, i, &info));
		same += find(new, info.name)->statement->id == find(old, info.name)->statement->id;
	}
	assert_int_equal(same, 10001);
	cdbc_catalog_free(old);
	cdbc_catalog_free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_swap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_statements_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_made_statements_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreadable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sealed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_register, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_save, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_save_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_oom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
