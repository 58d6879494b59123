// SPDX-License-Identifier: Apache-2.0
/* URLs taken apart, and passwords found in them. */
#include "infra/config/url.h"

#include "base/error.h"
#include "fixture.h"
#include "support/oom.h"

#include <stdio.h>
#include <string.h>

/* "scheme name=value name=value", a query's names marked by ?. */
static cdbc_status print_url(const char *text, cx_buf *out, cx_option_problem *problem)
{
	cx_arena arena = CX_ARENA_INIT;
	cx_url url;
	cdbc_status status = cx_url_read(text, &arena, &url, problem);

	if (status == CDBC_OK) {
		cx_buf_puts(out, url.scheme);
		for (size_t i = 0; i < url.count; i++)
			cx_buf_putf(out, " %s%s=%s", url.parts[i].is_query ? "?" : "", url.parts[i].name,
						url.parts[i].value);
	}
	cx_url_wipe(&url);
	cx_arena_free(&arena);
	return status;
}

static void gives(const char *text, const char *wanted)
{
	cx_buf out = CX_BUF_INIT(100000);
	cx_option_problem problem;

	if (print_url(text, &out, &problem))
		fail_msg("%s: %s", text, problem.text);
	assert_string_equal(out.data, wanted);
	cx_buf_free(&out);
}

static void refuses(const char *text, const char *message, const char *hint_begins)
{
	cx_buf out = CX_BUF_INIT(100000);
	cx_option_problem problem;

	assert_int_equal(print_url(text, &out, &problem), CDBC_CONFIG);
	assert_string_equal(problem.text, message);
	assert_memory_equal(problem.hint, hint_begins, strlen(hint_begins));
	cx_buf_free(&out);
}

static void test_wire(void **state)
{
	gives("postgresql://", "postgresql");
	gives("postgresql:///bank", "postgresql dbname=bank");
	gives("postgres://h", "postgres host=h");
	gives("POSTGRESQL://h", "postgresql host=h");
	gives("cockroachdb://u@h/d", "cockroachdb user=u host=h dbname=d");
	gives("postgresql://u:p%40s%3As@h:1/d%20x",
		  "postgresql user=u password=p@s:s host=h port=1 dbname=d x");
	gives("postgresql://u:p@a@h/d", "postgresql user=u password=p@a host=h dbname=d");
	gives("postgresql://u:a:b@h", "postgresql user=u password=a:b host=h");
	gives("postgresql://h1:1,h2,h3:3/d", "postgresql host=h1,h2,h3 port=1,5432,3 dbname=d");
	gives("cockroachdb://h1,h2:3/d", "cockroachdb host=h1,h2 port=26257,3 dbname=d");
	gives("postgresql://[::1]:7/d", "postgresql host=::1 port=7 dbname=d");
	gives("postgresql://[::1],[fe80::2]:7", "postgresql host=::1,fe80::2 port=5432,7");
	gives("postgresql://%2Fvar%2Frun:7/d", "postgresql host=/var/run port=7 dbname=d");
	gives("postgresql:///d?host=/tmp&port=7&&sslmode=require&options=-c%20a%3Db",
		  "postgresql dbname=d ?host=/tmp ?port=7 ?sslmode=require ?options=-c a=b");
	gives("postgresql://h/d?application_name=a@b",
		  "postgresql host=h dbname=d ?application_name=a@b");
	gives("postgresql://h/?user=", "postgresql host=h");
}

static void test_embedded_and_other(void **state)
{
	gives("sqlite:bank.db", "sqlite path=bank.db");
	gives("sqlite:./a/b.db?mode=ro", "sqlite path=./a/b.db ?mode=ro");
	gives("sqlite:/abs", "sqlite path=/abs");
	gives("sqlite:///abs", "sqlite path=/abs");
	gives("sqlite::memory:", "sqlite path=:memory:");
	gives("sqlite:my bank%3F.db", "sqlite path=my bank?.db");
	gives("jdbc:postgresql://h/d?user=x", "jdbc");
	gives("x-y+z.1:anything at all", "x-y+z.1");
}

static void test_refused(void **state)
{
	char big[9000], many[2000] = "postgresql://h/d?";

	refuses("", "it does not begin with a scheme", "write postgresql://HOST");
	refuses("bank", "it does not begin with a scheme", "write postgresql://HOST");
	refuses("127.0.0.1:5432/d", "it does not begin with a scheme", "write postgresql://HOST");
	refuses(":x", "it does not begin with a scheme", "write postgresql://HOST");
	refuses("postgresql:h/d", "// is missing after the scheme", "write postgresql://USER@HOST");
	refuses("postgresql://h:0/d", "the port is not a number from 1 to 65535", "write special");
	refuses("postgresql://h:65536/d", "the port is not a number from 1 to 65535", "write special");
	refuses("postgresql://h:+1/d", "the port is not a number from 1 to 65535", "write special");
	refuses("postgresql://h:/d", "the port is not a number from 1 to 65535", "write special");
	refuses("postgresql://u:hunter2/d", "the port is not a number from 1 to 65535",
			"write special");
	refuses("postgresql://::1/d", "the port is not a number from 1 to 65535", "write special");
	refuses("postgresql://u:p/w@h/d", "a character is in it that must be encoded", "write special");
	refuses("postgresql://u:p#w@h/d", "a character is in it that must be encoded", "write special");
	refuses("postgresql://[::1/d", "an IPv6 address is not closed by ]", "write [::1]");
	refuses("postgresql://[::1]x/d", "an IPv6 address is not closed by ]", "write [::1]");
	refuses("postgresql://[]/d", "an IPv6 address is not closed by ]", "write [::1]");
	refuses("postgresql://a,,b/d", "a host is missing beside a comma", "");
	refuses("postgresql://a,/d", "a host is missing beside a comma", "");
	refuses("postgresql://,a/d", "a host is missing beside a comma", "");
	refuses("postgresql://h/%4",
			"a % is not followed by two hexadecimal digits (00 is not allowed)",
			"write % itself as %25");
	refuses("postgresql://h/%", "a % is not followed by two hexadecimal digits (00 is not allowed)",
			"write % itself as %25");
	refuses("postgresql://h/%zz",
			"a % is not followed by two hexadecimal digits (00 is not allowed)",
			"write % itself as %25");
	refuses("postgresql://h/a%00b",
			"a % is not followed by two hexadecimal digits (00 is not allowed)",
			"write % itself as %25");
	refuses("postgresql://h/%ff", "not UTF-8", "");
	refuses("postgresql://h/\xff", "not UTF-8", "");
	refuses("postgresql://h/d?sslmode", "a parameter is not like NAME=VALUE", "the part after ?");
	refuses("postgresql://h/d?=x", "a parameter is not like NAME=VALUE", "the part after ?");
	refuses("postgresql://h/d\n", "it has a control character", "");
	refuses("sqlite:", "the path is missing", "write sqlite:PATH");
	refuses("sqlite:?mode=ro", "the path is missing", "write sqlite:PATH");
	refuses("sqlite://host/x", "sqlite has no hosts", "write sqlite:PATH");
	memset(big, 'a', sizeof big);
	memcpy(big, "sqlite:", 7);
	big[sizeof big - 1] = '\0';
	refuses(big, "longer than 8192 bytes", "");
	for (int i = 0; i < 65; i++)
		strcat(many, "a=b&");
	refuses(many, "too many parameters", "");
}

static void hides(const char *url, const char *masked)
{
	cx_buf out = CX_BUF_INIT(100000);

	cx_url_mask(url, &out);
	assert_string_equal(out.data ? out.data : "", masked);
	assert_int_equal(cdbc_url_has_password(url), strcmp(url, masked) != 0);
	cx_buf_free(&out);
}

static void test_passwords(void **state)
{
	hides("postgresql://u:secret@h/d", "postgresql://u:***@h/d");
	hides("postgresql://u:se:c@ret@h:1/d", "postgresql://u:***@h:1/d");
	hides("postgresql://u:se/cret@h/d", "postgresql://u:***@h/d");
	hides("postgresql://u:se?cret@h/d", "postgresql://u:***@h/d");
	hides("postgresql://u:se#cret@h/d", "postgresql://u:***@h/d");
	hides("postgresql://u:12/34@h/d", "postgresql://u:***@h/d");
	hides("postgresql://h/d?password=secret&sslmode=x", "postgresql://h/d?password=***&sslmode=x");
	hides("postgresql://h/d?sslmode=x&sslpassword=secret",
		  "postgresql://h/d?sslmode=x&sslpassword=***");
	hides("postgresql://u:a@h/d?p%61ssword=b&password=c",
		  "postgresql://u:***@h/d?p%61ssword=***&password=***");
	hides("jdbc:postgresql://h/d?user=u&password=secret",
		  "jdbc:postgresql://h/d?user=u&password=***");
	hides("jdbc:sqlserver://h:1;user=u;PassWord=secret;x=y",
		  "jdbc:sqlserver://h:1;user=u;PassWord=***");
	hides("jdbc:sqlserver://h;password={a;b}", "jdbc:sqlserver://h;password=***");
	hides("postgresql://h/d?password=a;b?c&x=y", "postgresql://h/d?password=***&x=y");
	hides("postgresql://u:a;b@h/d?x=y&password=c", "postgresql://u:***@h/d?x=y&password=***");
	hides("other://u:p@h?token=t", "other://u:***@h?token=***");
	assert_false(cdbc_url_has_password(NULL));
	/* none in these */
	hides("postgresql://u@h:26257/d?application_name=me@here",
		  "postgresql://u@h:26257/d?application_name=me@here");
	hides("postgresql://h:26257/d?application_name=me@here",
		  "postgresql://h:26257/d?application_name=me@here");
	hides("postgresql://[::1]:26257/d", "postgresql://[::1]:26257/d");
	hides("postgresql://u:@h/d", "postgresql://u:@h/d");
	hides("postgresql://h/d?password=", "postgresql://h/d?password=");
	hides("sqlite:a:b@c", "sqlite:a:b@c");
	hides("", "");
	hides("nonsense", "nonsense");
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cx_buf out = CX_BUF_INIT(100000);
	cx_option_problem problem;
	cdbc_status status =
		print_url("postgresql://u:p%40@h1:1,h2/d?sslmode=require&options=x", &out, &problem);

	cx_buf_free(&out);
	return status == CDBC_NOMEM ? cx_error_nomem(err) : status;
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, NULL) > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire),          cmocka_unit_test(test_embedded_and_other),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
