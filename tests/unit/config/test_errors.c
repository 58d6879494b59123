// SPDX-License-Identifier: Apache-2.0
/* Everything that can be wrong with a configuration, with its message, its place and its hint. */
#include "fixture.h"
#include "support/oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_TEXT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_unknown_settings(void **state)
{
	file_must_fail("pool:\n  max_siz: 1\n", "t.yaml:2:3: unknown setting \"pool.max_siz\"",
				   "did you mean \"max_size\"?");
	file_must_fail("pol:\n  max_size: 1\n", "t.yaml:1:1: unknown setting \"pol\"",
				   "did you mean \"pool\"?");
	file_must_fail("max_size: 1\n", "t.yaml:1:1: unknown setting \"max_size\"",
				   "did you mean \"pool.max_size\"?");
	file_must_fail("environment: {}\n", "t.yaml:1:1: unknown setting \"environment\"",
				   "did you mean \"environments\"?");
	file_must_fail("pool.max_size: 1\n", "t.yaml:1:1: unknown setting \"pool.max_size\"",
				   "did you mean \"pool.max_size\"?");
	file_must_fail("wholly_different: 1\n", "t.yaml:1:1: unknown setting \"wholly_different\"",
				   NULL);
	file_must_fail("environments:\n  a:\n    environments: {}\n",
				   "t.yaml:3:5: unknown setting \"environments\"",
				   "did you mean \"environments\"?");
	/* an environment that is not chosen is checked as well */
	file_must_fail("environments:\n  a: {pool: {max_sise: 1}}\n",
				   "t.yaml:2:14: unknown setting \"pool.max_sise\"", "did you mean \"max_size\"?");
}

static void test_wrong_values(void **state)
{
	file_must_fail("pool: {max_size: many}\n",
				   "t.yaml:1:18: pool.max_size: \"many\" is not a whole number", NULL);
	file_must_fail("pool: {max_size: 0}\n",
				   "t.yaml:1:18: pool.max_size: 0 is out of range: 1 to 10000", NULL);
	file_must_fail("pool: {lifetime: 300}\n", "t.yaml:1:18: pool.lifetime: \"300\" has no unit",
				   "write 300ms, 300s, 300min or 300h");
	file_must_fail("results: {batch_bytes: 16}\n",
				   "t.yaml:1:24: results.batch_bytes: \"16\" has no unit",
				   "write 16B, 16KiB, 16MiB or 16GiB");
	file_must_fail("results: {arrays: lists}\n",
				   "t.yaml:1:19: results.arrays: \"lists\" is not one of list, text", NULL);
	file_must_fail("database: {sslsni: maybe}\n",
				   "t.yaml:1:20: database.sslsni: \"maybe\" is neither true nor false", NULL);
	file_must_fail("pool: {name: " LONG_TEXT "}\n", "t.yaml:1:14: pool.name: longer than 64 bytes",
				   NULL);
	file_must_fail("database: {port: [1, 2, x]}\n",
				   "t.yaml:1:25: database.port: \"x\" is not a whole number", NULL);
	file_must_fail("database: {host: [a, \"\"]}\n", "t.yaml:1:22: database.host: it is empty",
				   NULL);
	file_must_fail("database: {user: \"a\\x07\"}\n",
				   "t.yaml:1:18: database.user: it has a control character (7)", NULL);
}

static void test_wrong_shapes(void **state)
{
	file_must_fail("- a\n", "t.yaml:1:1: the file: a map is wanted here, not a list", NULL);
	file_must_fail("pool: 5\n", "t.yaml:1:7: pool: a map is wanted here, not a single value", NULL);
	file_must_fail("pool: {max_size: [1]}\n",
				   "t.yaml:1:18: pool.max_size: a single value is wanted here, not a list", NULL);
	file_must_fail("pool: {max_size: {a: 1}}\n",
				   "t.yaml:1:18: pool.max_size: a single value is wanted here, not a map",
				   "put a value that ends in `:` in quotes");
	file_must_fail("queries: {folders: {a: 1}}\n",
				   "t.yaml:1:20: queries.folders: a list is wanted here, not a map", NULL);
	file_must_fail("queries: {folders: [[a]]}\n",
				   "t.yaml:1:21: queries.folders: a single value is wanted here, not a list", NULL);
	file_must_fail("queries: {folders: [~]}\n",
				   "t.yaml:1:21: queries.folders: a single value is wanted here, not nothing",
				   NULL);
	file_must_fail("database: {settings: x=y}\n",
				   "t.yaml:1:22: database.settings: a map is wanted here, not a single value",
				   NULL);
	file_must_fail("environments: [a]\n",
				   "t.yaml:1:15: environments: a map is wanted here, not a list", NULL);
	{
		given g = {.path = "t.yaml", .environment = "x"};

		write_file("t.yaml", "environments: [a]\n", 0644);
		must_fail(&g, CDBC_CONFIG, "t.yaml:1:15: environments: a map is wanted here, not a list",
				  NULL);
	}
	file_must_fail("environments: {a: 1}\n",
				   "t.yaml:1:19: a: a map is wanted here, not a single value", NULL);
	file_must_fail("default_environment: [a]\n",
				   "t.yaml:1:22: default_environment: a single value is wanted here, not a list",
				   NULL);
}

static void test_not_yaml(void **state)
{
	file_must_fail("a: [1\nb: 2", "t.yaml:3:1: flow sequence without a closing bracket", NULL);
	file_must_fail("pool: {max_size: 1}\n---\na: 1\n", "t.yaml:2:1: a second document", NULL);
	file_must_fail("pool: &x {}\n", "t.yaml:1:7: anchors and aliases are not read here", NULL);
	file_must_fail("pool: *x\n", "t.yaml:1:7: anchors and aliases are not read here", NULL);
	file_must_fail("pool: !!map {}\n", "t.yaml:1:7: tags are not read here", NULL);
	file_must_fail("pool: {a: 1, b: 2}\npool: {}\n",
				   "t.yaml:2:1: \"pool\" stands here twice, first in line 1", NULL);
	file_must_fail("? [a]\n: b\n", "t.yaml:1:3: a key must be a word", NULL);
	file_must_fail("\"\": b\n", "t.yaml:1:1: a key is empty", NULL);
	file_must_fail("pool:\n  name: a\x01\n", "t.yaml:2:10: a control character (1)", NULL);
	file_must_fail("pool:\n  name: \xc3\xa9\xff\n", "t.yaml:2:10: not UTF-8", NULL);
	file_must_fail("pool: {name: \"a\\0b\"}\n", "t.yaml:1:14: a NUL character", NULL);
	file_must_fail("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "t.yaml:1:17: nested deeper than 16 levels",
				   NULL);
}

static void test_limits(void **state)
{
	given g = {.path = "t.yaml"};
	char *big = malloc(2 << 20);
	size_t n = 0;

	assert_non_null(big);
	memset(big, '#', (1 << 20) + 1);
	big[(1 << 20) + 1] = '\0';
	file_must_fail(big, "t.yaml: longer than 1048576 bytes", NULL);
	big[1 << 20] = '\0';
	write_file("t.yaml", big, 0644);
	cdbc_config_free(must_load(&g));
	n = (size_t)sprintf(big, "queries:\n  folders:\n");
	for (int i = 0; i < 1001; i++)
		n += (size_t)sprintf(big + n, "  - a\n");
	file_must_fail(big, "t.yaml:1003:5: more than 1000 items", NULL);
	free(big);
}

static void test_empty_files_are_well(void **state)
{
	static const char *const texts[] = {"",
										"\n",
										"# nothing\n",
										"---\n",
										"~\n",
										"{}\n",
										"pool:\n",
										"pool: {}\n",
										"environments:\n",
										"environments: {a: }\n",
										"queries: {folders: []}\n"};
	given g = {.path = "t.yaml"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		write_file("t.yaml", texts[i], 0644);
		cdbc_config_free(must_load(&g));
	}
}

static void test_files(void **state)
{
	given g = {.path = "missing.yaml"};

	must_fail(&g, CDBC_CONFIG, "missing.yaml: No such file or directory", NULL);
	g.path = "t.yaml/x";
	write_file("t.yaml", "", 0644);
	must_fail(&g, CDBC_CONFIG, "t.yaml/x: Not a directory", NULL);
	g.path = "folder";
	mkdir("folder", 0755);
	must_fail(&g, CDBC_CONFIG, "folder: it is a folder", NULL);
	g.path = "/proc/self/mem"; /* opens, but what is at 0 cannot be read */
	must_fail(&g, CDBC_IO, "/proc/self/mem: Input/output error", NULL);
	g = (given){.find_file = true, .variables = {"CDBC_CONFIG=missing.yaml"}};
	must_fail(&g, CDBC_CONFIG, "missing.yaml: No such file or directory", NULL);
}

static void test_environments(void **state)
{
	given g = {.path = "t.yaml", .environment = "prd"};

	write_file("t.yaml", "environments:\n  prod: {}\n  dev: {}\n", 0644);
	must_fail(&g, CDBC_CONFIG, "t.yaml: no environment is called \"prd\"",
			  "did you mean \"prod\"?");
	g.environment = "something";
	must_fail(&g, CDBC_CONFIG, "t.yaml: no environment is called \"something\"",
			  "the file has: prod, dev");
	g.environment = NULL;
	g.variables[0] = "CDBC_ENVIRONMENT=devv";
	must_fail(&g, CDBC_CONFIG, "t.yaml: no environment is called \"devv\"",
			  "did you mean \"dev\"?");
	write_file("t.yaml", "", 0644);
	must_fail(&g, CDBC_CONFIG, "t.yaml: no environment is called \"devv\"",
			  "the file has no environments");
	g.variables[0] = NULL;
	file_must_fail("default_environment: x\n", "t.yaml:1:22: no environment is called \"x\"",
				   "the file has no environments");
	g = (given){.environment = "prod"};
	must_fail(&g, CDBC_CONFIG, "environment \"prod\": there is no configuration file",
			  "name a file, or put one at ./cdbc.yaml");
}

static void test_variables(void **state)
{
	given g = {.variables = {"PGSSLMODE=full"}};

	must_fail(&g, CDBC_CONFIG,
			  "PGSSLMODE: database.sslmode: \"full\" is not one of disable, allow, prefer, "
			  "require, verify-ca, verify-full",
			  NULL);
	g.variables[0] = "PGPORT=5432,x";
	must_fail(&g, CDBC_CONFIG, "PGPORT: database.port: \"x\" is not a whole number", NULL);
	g.variables[0] = "CDBC_POOL_MAX_SISE=1";
	must_fail(&g, CDBC_CONFIG, "CDBC_POOL_MAX_SISE: no setting has this variable",
			  "did you mean CDBC_POOL_MAX_SIZE?");
	g.variables[0] = "CDBC_URLS=x";
	must_fail(&g, CDBC_CONFIG, "CDBC_URLS: no setting has this variable", "did you mean CDBC_URL?");
	g.variables[0] = "CDBC_WHATEVER_IT_IS=x";
	must_fail(&g, CDBC_CONFIG, "CDBC_WHATEVER_IT_IS: no setting has this variable", NULL);
	g.variables[0] = "CDBC_POOL_LIFETIME=5";
	must_fail(&g, CDBC_CONFIG, "CDBC_POOL_LIFETIME: pool.lifetime: \"5\" has no unit",
			  "write 5ms, 5s, 5min or 5h");
	g.variables[0] = "CDBC_DATABASE_SETTINGS=x";
	must_fail(&g, CDBC_CONFIG,
			  "CDBC_DATABASE_SETTINGS: database.settings: an item is not like NAME=VALUE",
			  "write NAME=VALUE, NAME=VALUE");
	g.variables[0] = "CDBC_DATABASE_HOST=a,,b";
	must_fail(&g, CDBC_CONFIG, "CDBC_DATABASE_HOST: database.host: it is empty", NULL);
}

static void test_urls(void **state)
{
	given g = {.url = "postgresql://h/d?sslmod=require"};

	must_fail(&g, CDBC_CONFIG, "--url: database.url: unknown parameter \"sslmod\"",
			  "did you mean \"sslmode\"?");
	g.url = "postgresql://h/d?scheme=x";
	must_fail(&g, CDBC_CONFIG, "--url: database.url: unknown parameter \"scheme\"",
			  "did you mean \"scheme\"?");
	g.url = "sqlite:x?sslmode=require";
	must_fail(&g, CDBC_CONFIG, "--url: database.url: unknown parameter \"sslmode\"", NULL);
	g.url = "postgresql://h/d?sslmode=full";
	must_fail(&g, CDBC_CONFIG,
			  "--url: database.sslmode: \"full\" is not one of disable, allow, prefer, require, "
			  "verify-ca, verify-full",
			  NULL);
	g.url = "bank";
	must_fail(&g, CDBC_CONFIG, "--url: database.url: it does not begin with a scheme",
			  "write postgresql://HOST/DATABASE, cockroachdb://HOST/DATABASE or sqlite:PATH");
	/* a URL that another replaces is checked, too */
	g.url = "postgresql://h/d";
	g.variables[0] = "CDBC_URL=postgresql://h/d?sslmod=x";
	must_fail(&g, CDBC_CONFIG, "CDBC_URL: database.url: unknown parameter \"sslmod\"",
			  "did you mean \"sslmode\"?");
	file_must_fail("database:\n  url: bank\n",
				   "t.yaml:2:8: database.url: it does not begin with a scheme",
				   "write postgresql://HOST/DATABASE, cockroachdb://HOST/DATABASE or sqlite:PATH");
}

static void test_given_items(void **state)
{
	given g = {.command_line = {{"pool.max_sise", "1"}}};

	must_fail(&g, CDBC_CONFIG, "command line: unknown setting \"pool.max_sise\"",
			  "did you mean \"pool.max_size\"?");
	g = (given){.items = {{"pool.max_size", "x"}}};
	must_fail(&g, CDBC_CONFIG, "code: pool.max_size: \"x\" is not a whole number", NULL);
	g = (given){.items = {{"pool.max_size", NULL}}};
	must_fail(&g, CDBC_USAGE, "code: item 0 has no key or no value", NULL);
}

static void test_struct_size(void **state)
{
	cdbc_config_options o = {0};
	cdbc_config *config;

	assert_int_equal(cdbc_config_load(&o, &config, NULL), CDBC_USAGE);
	/* of a program that knows path alone: what lies behind it is not looked at */
	o.struct_size = offsetof(cdbc_config_options, find_file);
	o.url = "bank";
	write_file("t.yaml", "pool: {max_size: 7}\n", 0644);
	o.path = "t.yaml";
	assert_int_equal(cdbc_config_load(&o, &config, NULL), CDBC_OK);
	assert_setting(config, "pool.max_size", "7", NULL);
	cdbc_config_free(config);
	assert_int_equal(cdbc_config_load(NULL, &config, NULL), CDBC_OK);
	cdbc_config_free(config);
}

static void test_password_files(void **state)
{
	given g = {.path = "t.yaml"};
	const char *yaml = "database:\n  password_file: secret\n";

	write_file("t.yaml", yaml, 0644);
	write_file("secret", "hunter2\n", 0640);
	must_fail(
		&g, CDBC_CONFIG,
		"t.yaml:2:18: database.password_file: secret: others than its owner may read this file",
		"chmod 600 secret");
	write_file("secret", "hunter2\n", 0604);
	must_fail(
		&g, CDBC_CONFIG,
		"t.yaml:2:18: database.password_file: secret: others than its owner may read this file",
		"chmod 600 secret");
	write_file("secret", "\n", 0600);
	must_fail(&g, CDBC_CONFIG, "t.yaml:2:18: database.password_file: secret: the file is empty",
			  NULL);
	write_file("secret", "hunter2\nhunter3\n", 0600);
	must_fail(&g, CDBC_CONFIG,
			  "t.yaml:2:18: database.password_file: secret: the file is not one line of text",
			  NULL);
	unlink("secret");
	must_fail(&g, CDBC_CONFIG,
			  "t.yaml:2:18: database.password_file: secret: No such file or directory", NULL);
	file_must_fail("database: {password: a, password_file: secret}\n",
				   "t.yaml:1:40: database.password_file: database.password is given as well",
				   "keep one of the two");
}

static void test_get(void **state)
{
	given g = {0};
	cdbc_config *c = must_load(&g);
	cdbc_error *err = NULL;
	const char *out = "untouched";

	assert_int_equal(cdbc_config_get(c, "pool.max_sise", &out, &err), CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_message(err), "no setting is called \"pool.max_sise\"");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), "did you mean \"pool.max_size\"?");
	assert_string_equal(out, "untouched");
	cdbc_error_free(err);
	cdbc_config_free(c);
	cdbc_config_free(NULL);
}

/* ---- what must never be seen ---- */

static void note_message(void *data, const cdbc_diagnostic *d)
{
	assert_null(strstr(d->message, "hunter2"));
	assert_null(strstr(d->hint, "hunter2"));
	assert_null(strstr(d->line_text, "hunter2"));
	++*(size_t *)data;
}

static void test_secrets_are_in_no_message(void **state)
{
	static const char *const urls[] = {
		"postgresql://u:hunter2/d",
		"postgresql://u:a/hunter2@h/d",
		"postgresql://u:hunter2@h:x/d",
		"postgresql://u:hunter2@h/%zz",
		"postgresql://h/d?password=hunter2&x=y",
		"postgresql://h/d?sslpassword=hunter2%0a",
	};
	given g = {0};
	size_t count, seen;

	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		cdbc_config_options o;
		cdbc_config *config;
		cdbc_error *err = NULL;
		const char *hint;

		g.url = urls[i];
		o = given_options(&g);
		assert_int_equal(cdbc_config_load(&o, &config, &err), CDBC_CONFIG);
		assert_null(strstr(cdbc_error_message(err), "hunter2"));
		hint = cdbc_error_field(err, CDBC_FIELD_HINT);
		assert_true(!hint || !strstr(hint, "hunter2"));
		cdbc_error_free(err);
		count = seen = 0;
		assert_int_equal(cdbc_config_check(&o, note_message, &seen, &count, NULL), CDBC_OK);
		assert_true(count > 0 && seen == count);
	}
	g = (given){.path = "t.yaml"};
	write_file("t.yaml", "database: {password: \"hunter2\\x01\"}\npool: {max_size: 0}\n", 0644);
	{
		cdbc_config_options o = given_options(&g);

		count = seen = 0;
		assert_int_equal(cdbc_config_check(&o, note_message, &seen, &count, NULL), CDBC_OK);
		assert_int_equal(count, 2);
		assert_int_equal(seen, 2);
	}
}

/* ---- check ---- */

typedef struct reports {
	size_t count;
	char text[2048];
} reports;

static void note_report(void *data, const cdbc_diagnostic *d)
{
	reports *r = data;
	size_t n = strlen(r->text);

	r->count++;
	assert_true(d->is_error);
	snprintf(r->text + n, sizeof r->text - n, "%s:%d:%d: %s|%s|%s\n", d->file, (int)d->line,
			 (int)d->column, d->message, d->hint, d->line_text);
}

static void test_check_reports_all(void **state)
{
	given g = {
		.path = "t.yaml", .variables = {"PGPORT=x", "CDBC_NOPE=1"}, .command_line = {{"a", "b"}}};
	cdbc_config_options o = given_options(&g);
	reports r = {0};
	size_t count = 99;

	write_file(
		"t.yaml",
		"pool:\n  max_size: 0\n  nam: x\nresults: 5\nenvironments: {a: {pool: {lifetime: 5}}}\n",
		0644);
	assert_int_equal(cdbc_config_check(&o, note_report, &r, &count, NULL), CDBC_OK);
	assert_string_equal(
		r.text, "t.yaml:2:13: pool.max_size: 0 is out of range: 1 to 10000||  max_size: 0\n"
				"t.yaml:3:3: unknown setting \"pool.nam\"|did you mean \"name\"?|  nam: x\n"
				"t.yaml:4:10: results: a map is wanted here, not a single value||results: 5\n"
				"t.yaml:5:37: pool.lifetime: \"5\" has no unit|write 5ms, 5s, 5min or 5h|"
				"environments: {a: {pool: {lifetime: 5}}}\n"
				"PGPORT:0:0: database.port: \"x\" is not a whole number||\n"
				"CDBC_NOPE:0:0: no setting has this variable||\n"
				"command line:0:0: unknown setting \"a\"||\n");
	assert_int_equal(count, 7);
	assert_int_equal(r.count, 7);
	/* what must hold between settings has its place, too */
	write_file("t.yaml", "pool:\n  max_size: 2\n  min_size: 3\n", 0644);
	r = (reports){0};
	g = (given){.path = "t.yaml"};
	o = given_options(&g);
	assert_int_equal(cdbc_config_check(&o, note_report, &r, &count, NULL), CDBC_OK);
	assert_string_equal(
		r.text,
		"t.yaml:3:13: pool.min_size: 3 is more than pool.max_size, which is 2 (t.yaml:2:13)||\n");
	assert_int_equal(count, 1);
	r = (reports){0};
	g = (given){.path = "missing.yaml"};
	o = given_options(&g);
	assert_int_equal(cdbc_config_check(&o, note_report, &r, &count, NULL), CDBC_OK);
	assert_string_equal(r.text, ":0:0: missing.yaml: No such file or directory||\n");
	assert_int_equal(count, 1);
	g = (given){0};
	o = given_options(&g);
	assert_int_equal(cdbc_config_check(&o, note_report, &r, &count, NULL), CDBC_OK);
	assert_int_equal(count, 0);
}

static void ignore_report(void *data, const cdbc_diagnostic *d)
{
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	given g = {
		.path = "t.yaml", .variables = {"PGPORT=x", "CDBC_NOPE=1"}, .url = "postgresql://h/d?x=y"};
	cdbc_config_options o = given_options(&g);
	size_t count;

	return cdbc_config_check(&o, ignore_report, NULL, &count, err);
}

static cdbc_status scenario_fail(void *data, cdbc_error **err)
{
	given g = {.path = "t.yaml"};
	cdbc_config_options o = given_options(&g);
	cdbc_config *config;
	cdbc_status status = cdbc_config_load(&o, &config, err);

	if (status != CDBC_CONFIG)
		return status;
	if (err) {
		cdbc_error_free(*err);
		*err = NULL;
	}
	return CDBC_OK;
}

static void test_out_of_memory(void **state)
{
	write_file(
		"t.yaml",
		"pool:\n  max_size: 1\n  nam: x\nresults: 5\nenvironments: {a: {pool: {lifetime: 5}}}\n",
		0644);
	assert_true(oom_run(scenario, NULL) > 10);
	assert_true(oom_run(scenario_fail, NULL) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_settings),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_wrong_shapes),
		cmocka_unit_test(test_not_yaml),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_empty_files_are_well),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_environments),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_given_items),
		cmocka_unit_test(test_struct_size),
		cmocka_unit_test(test_password_files),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_secrets_are_in_no_message),
		cmocka_unit_test(test_check_reports_all),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
