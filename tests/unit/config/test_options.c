// SPDX-License-Identifier: Apache-2.0
/* Settings as the structs that pool, driver, session and catalog take. */
#include "service/options.h"

#include "fixture.h"
#include "support/oom.h"

#include <stdio.h>
#include <string.h>

/* Compares "scheme name=value ...", those of names only ("": all). */
static void driver_gets(const given *g, const char *names, const char *wanted)
{
	cdbc_config *c = must_load(g);
	cx_settings_storage s;
	cdbc_error *err = NULL;
	char text[2048], name[64];
	size_t n;

	if (cx_options_settings(c, &s, &err))
		fail_msg("%s", cdbc_error_message(err));
	n = (size_t)snprintf(text, sizeof text, "%s", s.settings.scheme);
	for (size_t i = 0; i < s.settings.count; i++) {
		snprintf(name, sizeof name, " %s ", s.settings.items[i].name);
		if (!*names || strstr(names, name))
			n += (size_t)snprintf(text + n, sizeof text - n, " %s=%s", s.settings.items[i].name,
								  s.settings.items[i].value);
	}
	assert_string_equal(text, wanted);
	assert_null(s.settings.host);
	cx_options_settings_fini(&s);
	cdbc_config_free(c);
}

#define LIMITS " set.statement_timeout set.idle_in_transaction_session_timeout "
#define TARGET " host hostaddr port dbname user password sslmode gssencmode "

static void test_wire_settings(void **state)
{
	given g = {.url = "postgresql://u:p@db1:1,db2/bank"};

	driver_gets(&g, TARGET,
				"postgresql host=db1,db2 port=1,5432 dbname=bank user=u password=p "
				"sslmode=verify-full gssencmode=prefer");
	g.url = "cockroachdb://db/bank";
	driver_gets(
		&g, TARGET,
		"cockroachdb host=db port=26257 dbname=bank sslmode=verify-full gssencmode=disable");
	g.url = "cockroachdb:///bank";
	driver_gets(
		&g, TARGET,
		"cockroachdb host=localhost port=26257 dbname=bank sslmode=prefer gssencmode=disable");
	g.url = "postgresql://";
	driver_gets(&g, TARGET, "postgresql port=5432 sslmode=prefer gssencmode=prefer");
	g.url = "postgresql://h?sslmode=require";
	driver_gets(&g, "",
				"postgresql host=h port=5432 sslmode=require sslsni=1 "
				"ssl_min_protocol_version=TLSv1.2 channel_binding=prefer "
				"gssencmode=prefer application_name=cdbc target_session_attrs=any keepalives=1");
	g = (given){.variables = {"PGHOST=h", "CDBC_DATABASE_STATEMENT_TIMEOUT=1500ms",
							  "CDBC_TRANSACTION_IDLE_TIMEOUT=1min"}};
	driver_gets(&g, LIMITS,
				"postgresql set.statement_timeout=1500 "
				"set.idle_in_transaction_session_timeout=60000");
	g.variables[3] = "CDBC_DATABASE_SETTINGS=statement_timeout=7";
	driver_gets(&g, LIMITS,
				"postgresql set.statement_timeout=7 set.idle_in_transaction_session_timeout=60000");
	g = (given){.variables = {"PGHOST=h", "CDBC_DATABASE_SETTINGS=timezone=UTC,search_path=a"}};
	driver_gets(&g, " host set.timezone set.search_path ",
				"postgresql host=h set.timezone=UTC set.search_path=a");
	g = (given){.url = "postgresql://"
					   "h?keepalives_idle=30&tcp_user_timeout=1500&connect_timeout=3&keepalives=0"};
	driver_gets(&g, " keepalives keepalives_idle tcp_user_timeout connect_timeout ",
				"postgresql keepalives=0 keepalives_idle=30 tcp_user_timeout=1500");
	g = (given){.url = "postgresql://h", .items = {{"database.keepalives_idle", "1500ms"}}};
	driver_gets(&g, " keepalives_idle ", "postgresql keepalives_idle=2");
}

static void test_sslmode_by_host(void **state)
{
	static const char *const local[] = {"localhost", "LOCALHOST", "127.0.0.1",          "127.9.9.9",
										"[::1]",     "%2Ftmp",    "localhost,127.0.0.1"};
	static const char *const remote[] = {
		"db",       "127.evil.example", "localhost.evil.example",      "[::2]",
		"10.0.0.1", "localhost,db",     "localhost?hostaddr=10.0.0.1", "?service=x"};
	char url[128];

	for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
		given g = {.url = url};

		snprintf(url, sizeof url, "postgresql://%s", local[i]);
		driver_gets(&g, " sslmode ", "postgresql sslmode=prefer");
	}
	for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
		given g = {.url = url};

		snprintf(url, sizeof url, "postgresql://%s", remote[i]);
		driver_gets(&g, " sslmode ", "postgresql sslmode=verify-full");
	}
}

static void test_embedded_and_other_settings(void **state)
{
	given g = {.url = "sqlite:a.db"};

	/* what the environment says of a server does not concern a file */
	g.variables[0] = "PGHOST=h";
	g.variables[1] = "PGPASSWORD=p";
	driver_gets(&g, "", "sqlite path=a.db mode=rwc");
	g.url = "sqlite::memory:?mode=ro";
	g.items[0] = (cdbc_config_item){"database.settings", "cache_size=10"};
	g.items[1] = (cdbc_config_item){"database.prepared_statements", "5"};
	driver_gets(&g, "", "sqlite path=:memory: mode=ro statements=5 set.cache_size=10");
	g = (given){.items = {{"database.path", "b.db"}}};
	driver_gets(&g, "", "sqlite path=b.db mode=rwc");
	g = (given){.url = "jdbc:x://h?password=p", .variables = {"PGUSER=u", "PGPASSWORD=q"}};
	driver_gets(&g, "", "jdbc url=jdbc:x://h?password=p user=u password=q");
}

static void settings_fail(const given *g, const char *message, const char *hint)
{
	cdbc_config *c = must_load(g);
	cx_settings_storage s;
	cdbc_error *err = NULL;
	const char *found;

	assert_int_equal(cx_options_settings(c, &s, &err), CDBC_CONFIG);
	assert_string_equal(cdbc_error_message(err), message);
	found = cdbc_error_field(err, CDBC_FIELD_HINT);
	if (hint)
		assert_string_equal(found, hint);
	else
		assert_null(found);
	cdbc_error_free(err);
	assert_int_equal(cx_options_settings(c, &s, NULL), CDBC_CONFIG);
	cdbc_config_free(c);
}

static void test_wrong_settings(void **state)
{
	given g = {0};

	settings_fail(&g, "no database is given",
				  "give a URL (-d, CDBC_URL), or database.url in a configuration file");
	g.variables[0] = "PGSSLMODE=require";
	g.variables[1] = "PGPASSWORD=x";
	settings_fail(&g, "no database is given",
				  "give a URL (-d, CDBC_URL), or database.url in a configuration file");
	g = (given){.variables = {"PGHOST=a,b,c", "PGPORT=1,2"}};
	must_fail(&g, CDBC_CONFIG, "PGPORT: database.port: 2 ports for 3 hosts", NULL);
	g = (given){.variables = {"PGHOST=a,b,c", "PGHOSTADDR=1.1.1.1"}};
	must_fail(&g, CDBC_CONFIG, "PGHOSTADDR: database.hostaddr: 1 addresses for 3 hosts", NULL);
	g = (given){.items = {{"database.scheme", "sqlite"}}};
	settings_fail(&g, "database.path: sqlite needs one", NULL);
}

static void test_pool(void **state)
{
	given g = {0};
	cdbc_config *c = must_load(&g);
	cx_pool_options p;

	assert_int_equal(cx_options_pool(c, &p, NULL), CDBC_OK);
	assert_string_equal(p.name, "main");
	assert_int_equal(p.min_size, 0);
	assert_int_equal(p.max_size, 10);
	assert_int_equal(p.acquire_timeout_ms, 5000);
	assert_int_equal(p.connect_timeout_ms, 5000);
	assert_int_equal(p.idle_timeout_ms, 300000);
	assert_int_equal(p.lifetime_ms, 300000);
	assert_int_equal(p.jitter_pct, 10);
	assert_int_equal(p.check_idle_ms, 500);
	assert_int_equal(p.max_waiters_per_slot, 10);
	assert_int_equal(p.max_opens_per_s, 10);
	assert_int_equal(p.leak_warn_ms, 60000);
	cdbc_config_free(c);
	write_file("t.yaml",
			   "pool: {acquire_timeout: never, idle_timeout: never, lifetime: 0, check_idle: "
			   "never, leak_warning: 0}\n"
			   "database: {connect_timeout: 0}\n",
			   0644);
	g.path = "t.yaml";
	c = must_load(&g);
	assert_int_equal(cx_options_pool(c, &p, NULL), CDBC_OK);
	assert_true(p.acquire_timeout_ms == CDBC_FOREVER && p.connect_timeout_ms == CDBC_FOREVER);
	assert_int_equal(p.idle_timeout_ms, 0);
	assert_int_equal(p.lifetime_ms, 0);
	assert_int_equal(p.check_idle_ms, -1);
	assert_int_equal(p.leak_warn_ms, 0);
	cdbc_config_free(c);
	write_file("t.yaml", "pool: {check_idle: 0, max_size: 2, min_size: 3}\n", 0644);
	must_fail(&g, CDBC_CONFIG,
			  "t.yaml:1:46: pool.min_size: 3 is more than pool.max_size, which is 2 (t.yaml:1:33)",
			  NULL);
	write_file("t.yaml", "pool: {check_idle: 0, max_size: 2, min_size: 2}\n", 0644);
	c = must_load(&g);
	assert_int_equal(cx_options_pool(c, &p, NULL), CDBC_OK);
	assert_int_equal(p.check_idle_ms, 0);
	assert_int_equal(p.min_size, 2);
	cdbc_config_free(c);
}

static void test_results_and_queries(void **state)
{
	given g = {0};
	cdbc_config *c = must_load(&g);
	cx_query_options q;
	cx_result_options r;
	int64_t timeout_ms;

	assert_int_equal(cx_options_results(c, &r, &timeout_ms, NULL), CDBC_OK);
	assert_true(r.numeric == CDBC_NUMERIC_AUTO && r.arrays == CDBC_ARRAYS_LIST);
	assert_true(r.batch_rows == 65536 && r.batch_bytes == 16 << 20 && r.batch_ns == 100000000);
	assert_int_equal(timeout_ms, 30000);
	assert_int_equal(cx_options_queries(c, &q, NULL), CDBC_OK);
	assert_int_equal(q.folder_count, 0);
	cx_options_queries_fini(&q);
	assert_int_equal(cx_options_helper_threads(c), 4);
	cdbc_config_free(c);
	write_file("t.yaml",
			   "results: {numeric: double, arrays: text}\nqueries: {folders: [a, b]}\ndatabase: "
			   "{timeout: never}\n",
			   0644);
	g.path = "t.yaml";
	c = must_load(&g);
	assert_int_equal(cx_options_results(c, &r, &timeout_ms, NULL), CDBC_OK);
	assert_true(r.numeric == CDBC_NUMERIC_DOUBLE && r.arrays == CDBC_ARRAYS_TEXT &&
				timeout_ms == CDBC_FOREVER);
	assert_int_equal(cx_options_queries(c, &q, NULL), CDBC_OK);
	assert_int_equal(q.folder_count, 2);
	assert_string_equal(q.folders[1], "b");
	cx_options_queries_fini(&q);
	cdbc_config_free(c);
}

/* The tables hold what the engine and the typed structs expect of them. */
static void test_tables(void **state)
{
	const cx_option_set *set = cx_options_set();

	for (size_t i = 0; i < set->count; i++) {
		const cx_option *o = &set->rows[i];

		assert_non_null(strchr(o->key, '.'));
		assert_true(strlen(o->key) < 64 && o->help[0]);
		if (o->type == CX_OPTION_CHOICE)
			assert_non_null(o->choices);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(o->key, set->rows[k].key);
			if (o->variable && set->rows[k].variable)
				assert_string_not_equal(o->variable, set->rows[k].variable);
		}
	}
	assert_true(set->count < 200); /* what names the nearest looks at 256 */
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	given g = {.url = data, .items = {{"database.settings", "a=b,c=d"}}};
	cdbc_config_options o = given_options(&g);
	cdbc_config *config;
	cx_settings_storage s;
	cdbc_status status = cdbc_config_load(&o, &config, err);

	if (status)
		return status;
	status = cx_options_settings(config, &s, err);
	if (status == CDBC_OK)
		cx_options_settings_fini(&s);
	cdbc_config_free(config);
	return status;
}

static void test_out_of_memory(void **state)
{
	char wire[] = "postgresql://u:p@h1,h2/d", embedded[] = "sqlite:x", other[] = "jdbc:x";

	assert_true(oom_run(scenario, wire) > 40);
	assert_true(oom_run(scenario, embedded) > 10);
	assert_true(oom_run(scenario, other) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire_settings),
		cmocka_unit_test(test_sslmode_by_host),
		cmocka_unit_test(test_embedded_and_other_settings),
		cmocka_unit_test(test_wrong_settings),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_results_and_queries),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
