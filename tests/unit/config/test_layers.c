// SPDX-License-Identifier: Apache-2.0
/* Which layer wins, and what each setting says of where it came from. */
#include "fixture.h"
#include "infra/config/config.h"
#include "support/oom.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_each_layer_wins_over_those_below(void **state)
{
	given g = {0};
	cdbc_config *c;

	c = must_load(&g);
	assert_setting(c, "database.application_name", "cdbc", "built-in");
	assert_setting(c, "database.host", NULL, "built-in");
	cdbc_config_free(c);

	write_file("cdbc.yaml",
			   "database:\n  application_name: file\nenvironments:\n  prod:\n    database: "
			   "{application_name: env}\n",
			   0644);
	g.path = "cdbc.yaml";
	c = must_load(&g);
	assert_setting(c, "database.application_name", "file", "cdbc.yaml:2:21");
	assert_string_equal(cx_config_path(c), "cdbc.yaml");
	assert_null(cx_config_environment(c));
	cdbc_config_free(c);

	g.environment = "prod";
	c = must_load(&g);
	assert_setting(c, "database.application_name", "env", "cdbc.yaml:5:34");
	assert_string_equal(cx_config_environment(c), "prod");
	cdbc_config_free(c);

	g.variables[0] = "PGAPPNAME=pg";
	c = must_load(&g);
	assert_setting(c, "database.application_name", "pg", "PGAPPNAME");
	cdbc_config_free(c);

	g.variables[1] = "CDBC_DATABASE_APPLICATION_NAME=own";
	c = must_load(&g);
	assert_setting(c, "database.application_name", "own", "CDBC_DATABASE_APPLICATION_NAME");
	cdbc_config_free(c);

	g.url = "postgresql://h/d?application_name=url";
	c = must_load(&g);
	assert_setting(c, "database.application_name", "url", "--url");
	assert_setting(c, "database.url", "postgresql://h/d?application_name=url", "--url");
	cdbc_config_free(c);

	g.command_line[0] = (cdbc_config_item){"database.application_name", "line"};
	c = must_load(&g);
	assert_setting(c, "database.application_name", "line", "command line");
	cdbc_config_free(c);

	g.items[0] = (cdbc_config_item){"database.application_name", "code"};
	c = must_load(&g);
	assert_setting(c, "database.application_name", "code", "code");
	cdbc_config_free(c);
}

static void test_every_libpq_variable(void **state)
{
	given g = {.variables = {"PGHOST=a,b", "PGPORT=1,2", "PGDATABASE=d", "PGUSER=u", "PGPASSWORD=p",
							 "PGCONNECT_TIMEOUT=7", "PGSSLMODE="}};
	cdbc_config *c = must_load(&g);

	assert_setting(c, "database.host", "a, b", "PGHOST");
	assert_setting(c, "database.port", "1, 2", "PGPORT");
	assert_setting(c, "database.name", "d", "PGDATABASE");
	assert_setting(c, "database.user", "u", "PGUSER");
	assert_setting(c, "database.password", "***", "PGPASSWORD");
	assert_setting(c, "database.connect_timeout", "7s", "PGCONNECT_TIMEOUT");
	assert_setting(c, "database.sslmode", "verify-full",
				   "built-in"); /* an empty variable counts as not set */
	cdbc_config_free(c);
}

static void test_own_variables(void **state)
{
	given g = {.variables = {"CDBC_URL=sqlite::memory:", "CDBC_POOL_MAX_SIZE=3",
							 "CDBC_QUERIES_FOLDERS=a, b/c,d",
							 "CDBC_DATABASE_SETTINGS=timezone=UTC, x = y", "CDBC_TEST_ANYTHING=1",
							 "CDBC_POOL_MIN_SIZE="}};
	cdbc_config *c = must_load(&g);

	assert_setting(c, "database.url", "sqlite::memory:", "CDBC_URL");
	assert_setting(c, "database.path", ":memory:", "CDBC_URL");
	assert_setting(c, "pool.max_size", "3", "CDBC_POOL_MAX_SIZE");
	assert_setting(c, "pool.min_size", "0", "built-in");
	assert_setting(c, "queries.folders", "a, b/c, d", "CDBC_QUERIES_FOLDERS");
	assert_setting(c, "database.settings", "timezone=UTC, x=y", "CDBC_DATABASE_SETTINGS");
	cdbc_config_free(c);
}

/* What a file says of its database must not meet the database of another URL: its password least of
 * all. */
static void test_url_replaces_the_target(void **state)
{
	given g = {.path = "t.yaml"};
	cdbc_config *c;

	write_file("t.yaml",
			   "database:\n"
			   "  url: postgresql://app:pw@prod:6000/bank?application_name=theirs\n"
			   "  sslmode: disable\n  sslrootcert: ca.crt\n  timeout: 9s\n",
			   0644);
	c = must_load(&g);
	assert_setting(c, "database.password", "***", "t.yaml:2:8");
	assert_setting(c, "database.url", "postgresql://app:***@prod:6000/bank?application_name=theirs",
				   "t.yaml:2:8");
	cdbc_config_free(c);

	g.url = "postgresql://other/x";
	c = must_load(&g);
	assert_setting(c, "database.host", "other", "--url");
	assert_setting(c, "database.name", "x", "--url");
	assert_setting(c, "database.user", NULL, NULL);
	assert_setting(c, "database.password", NULL, NULL);
	assert_setting(c, "database.port", "5432", "built-in");
	assert_setting(c, "database.sslmode", "verify-full", "built-in");
	assert_setting(c, "database.application_name", "cdbc", "built-in");
	assert_setting(c, "database.sslrootcert", "ca.crt", "t.yaml:4:16");
	assert_setting(c, "database.timeout", "9s", "t.yaml:5:12");
	cdbc_config_free(c);

	/* variables still fill in, as with libpq; also those below a URL that is replaced */
	g.variables[0] = "PGUSER=bob";
	g.variables[1] = "PGPASSWORD=x";
	g.variables[2] = "CDBC_URL=postgresql://carol:y@elsewhere:7000/z";
	c = must_load(&g);
	assert_setting(c, "database.host", "other", "--url");
	assert_setting(c, "database.user", "bob", "PGUSER");
	assert_setting(c, "database.password", "***", "PGPASSWORD");
	assert_string_equal(cx_secret_reveal(cx_config_secret(c, "database.password")), "x");
	assert_setting(c, "database.port", "5432", "built-in");
	cdbc_config_free(c);
}

static void test_own_setting_is_stronger_than_the_url_beside_it(void **state)
{
	given g = {.path = "t.yaml"};
	cdbc_config *c;

	write_file("t.yaml", "database: {user: me, url: \"postgresql://you@h/d\", name: e}\n", 0644);
	c = must_load(&g);
	assert_setting(c, "database.user", "me", "t.yaml:1:18");
	assert_setting(c, "database.name", "e", "t.yaml:1:57");
	assert_setting(c, "database.host", "h", "t.yaml:1:27");
	cdbc_config_free(c);
}

static void test_environments(void **state)
{
	given g = {.path = "t.yaml"};
	cdbc_config *c;

	write_file(
		"t.yaml",
		"pool: {max_size: 1, min_size: 1}\ndefault_environment: dev\nenvironments:\n"
		"  dev: {pool: {max_size: 2}}\n  prod: {pool: {max_size: 3, min_size: ~}}\n  none:\n",
		0644);
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "2", "t.yaml:4:26");
	assert_setting(c, "pool.min_size", "1", "t.yaml:1:31");
	cdbc_config_free(c);
	g.variables[0] = "CDBC_ENVIRONMENT=prod";
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "3", "t.yaml:5:27");
	assert_setting(c, "pool.min_size", "0", "built-in"); /* nothing: back to the default */
	cdbc_config_free(c);
	g.environment = "none";
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "1", "t.yaml:1:18");
	assert_string_equal(cx_config_environment(c), "none");
	cdbc_config_free(c);
	/* without a file the variable says nothing; the option would */
	g.environment = NULL;
	g.path = NULL;
	cdbc_config_free(must_load(&g));
}

static void test_relative_paths(void **state)
{
	given g = {.path = "sub/t.yaml"};
	cdbc_config *c;

	mkdir("sub", 0755);
	write_file("sub/t.yaml",
			   "database: {url: \"sqlite:bank.db\", sslkey: \"pkcs11:x\"}\nqueries: {folders: [a, "
			   "/b, ../c]}\n",
			   0644);
	c = must_load(&g);
	assert_setting(c, "database.path", "sub/bank.db", "sub/t.yaml:1:17");
	assert_setting(c, "database.sslkey", "pkcs11:x", NULL);
	assert_setting(c, "queries.folders", "sub/a, /b, sub/../c", "sub/t.yaml:2:20");
	cdbc_config_free(c);
	g.variables[0] = "CDBC_QUERIES_FOLDERS=here";
	g.url = "sqlite:there.db";
	c = must_load(&g);
	assert_setting(c, "database.path", "there.db", "--url");
	assert_setting(c, "queries.folders", "here", NULL);
	cdbc_config_free(c);
}

static void test_find_file(void **state)
{
	given g = {.find_file = true, .variables = {"HOME=home"}};
	cdbc_config *c;

	unlink("cdbc.yaml");
	c = must_load(&g);
	assert_null(cx_config_path(c));
	cdbc_config_free(c);
	mkdir("home", 0755);
	mkdir("home/.config", 0755);
	mkdir("home/.config/cdbc", 0755);
	write_file("home/.config/cdbc/cdbc.yaml", "pool: {max_size: 4}\n", 0644);
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "4", "home/.config/cdbc/cdbc.yaml:1:18");
	cdbc_config_free(c);
	mkdir("xdg", 0755);
	mkdir("xdg/cdbc", 0755);
	write_file("xdg/cdbc/cdbc.yaml", "pool: {max_size: 5}\n", 0644);
	g.variables[1] = "XDG_CONFIG_HOME=xdg";
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "5", NULL);
	cdbc_config_free(c);
	write_file("cdbc.yaml", "pool: {max_size: 6}\n", 0644);
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "6", "cdbc.yaml:1:18");
	cdbc_config_free(c);
	g.variables[2] = "CDBC_CONFIG=xdg/cdbc/cdbc.yaml";
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "5", NULL);
	cdbc_config_free(c);
	g.find_file = false;
	c = must_load(&g);
	assert_setting(c, "pool.max_size", "10", "built-in");
	cdbc_config_free(c);
	unlink("cdbc.yaml");
}

static void test_password_file(void **state)
{
	given g = {.path = "t.yaml"};
	cdbc_config *c;

	write_file("secret", "hunter2\r\n", 0600);
	write_file("t.yaml", "database: {url: \"postgresql://h/d\", password_file: secret}\n", 0644);
	c = must_load(&g);
	assert_setting(c, "database.password", "***", "t.yaml:1:52");
	assert_string_equal(cx_secret_reveal(cx_config_secret(c, "database.password")), "hunter2");
	cdbc_config_free(c);
	g.variables[0] = "PGPASSWORD=stronger";
	c = must_load(&g);
	assert_string_equal(cx_secret_reveal(cx_config_secret(c, "database.password")), "stronger");
	cdbc_config_free(c);
	/* the file's password is not for another database */
	g.variables[0] = NULL;
	g.url = "postgresql://other/d";
	c = must_load(&g);
	assert_null(cx_config_secret(c, "database.password"));
	cdbc_config_free(c);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	given g = {.path = "t.yaml",
			   .environment = "e",
			   .variables = {"PGHOST=a,b", "CDBC_POOL_MAX_SIZE=3", "CDBC_DATABASE_SETTINGS=a=b"},
			   .url = data,
			   .command_line = {{"queries.folders", "a,b"}}};
	cdbc_config_options o = given_options(&g);
	cdbc_config *config;
	cdbc_status status = cdbc_config_load(&o, &config, err);

	if (status)
		return status;
	cdbc_config_free(config);
	return CDBC_OK;
}

static void test_out_of_memory(void **state)
{
	char url[] = "cockroachdb://u:p%40@h,i/d?options=x";

	write_file("secret", "hunter2\n", 0600);
	write_file("t.yaml",
			   "database: {url: \"postgresql://u@h:1/d?sslmode=require\", password_file: secret, "
			   "settings: {x: 1}}\n"
			   "queries: {folders: [a]}\nenvironments: {e: {pool: {lifetime: 5s}}}\n",
			   0644);
	assert_true(oom_run(scenario, NULL) > 10);
	assert_true(oom_run(scenario, url) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_layer_wins_over_those_below),
		cmocka_unit_test(test_every_libpq_variable),
		cmocka_unit_test(test_own_variables),
		cmocka_unit_test(test_url_replaces_the_target),
		cmocka_unit_test(test_own_setting_is_stronger_than_the_url_beside_it),
		cmocka_unit_test(test_environments),
		cmocka_unit_test(test_relative_paths),
		cmocka_unit_test(test_find_file),
		cmocka_unit_test(test_password_file),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
