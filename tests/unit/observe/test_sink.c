// SPDX-License-Identifier: Apache-2.0
/* Sinks: files that are moved away, pipes that nobody reads, syslog's socket, and full disks. */
#include "service/observe/sink.h"

#include "base/clock.h"
#include "support/oom.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct fixture {
	char folder[40];
	char path[64], moved[64];
} fixture;

static int set_up(void **state)
{
	static fixture f;

	strcpy(f.folder, "/tmp/cdbc-sink-XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.path, sizeof f.path, "%s/log", f.folder);
	snprintf(f.moved, sizeof f.moved, "%s/log.1", f.folder);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	unlink(f->path);
	unlink(f->moved);
	return rmdir(f->folder);
}

static const char *content(const char *path)
{
	static char text[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void line(cx_sink *sink, const char *text)
{
	cx_sink_write(sink, 6, text, strlen(text));
}

static void test_file(void **state)
{
	fixture *f = *state;
	struct stat about;
	cx_sink sink;

	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, f->path, NULL), CDBC_OK);
	line(&sink, "one\n");
	assert_int_equal(stat(f->path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_int_equal(rename(f->path, f->moved), 0);
	line(&sink, "two\n"); /* still the old one */
	assert_int_equal(cx_sink_reopen(&sink, NULL), CDBC_OK);
	line(&sink, "three\n");
	assert_string_equal(content(f->moved), "one\ntwo\n");
	assert_string_equal(content(f->path), "three\n");
	cx_sink_close(&sink);
	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, f->path, NULL), CDBC_OK);
	line(&sink, "four\n");
	assert_string_equal(content(f->path), "three\nfour\n");
	cx_sink_close(&sink);
}

static void test_what_cannot_be_opened(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cx_sink sink;

	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, NULL, NULL), CDBC_CONFIG);
	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, "/nonexistent/log", &err), CDBC_IO);
	assert_non_null(strstr(cdbc_error_message(err), "/nonexistent/log"));
	cdbc_error_free(err);
	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, f->folder, NULL), CDBC_IO);
	/* a failed reopen goes on with the old one */
	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, f->path, NULL), CDBC_OK);
	assert_int_equal(rename(f->path, f->moved), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(cx_sink_reopen(&sink, NULL), CDBC_IO);
	line(&sink, "one\n");
	assert_string_equal(content(f->moved), "one\n");
	assert_int_equal(rmdir(f->path), 0);
	cx_sink_close(&sink);
}

/* A full disk; and what could be written only in part does not run into the next line. */
static void test_full(void **state)
{
	fixture *f = *state;
	cx_sink sink;

	if (cx_sink_open(&sink, CX_SINK_FILE, "/dev/full", NULL) == CDBC_OK) {
		line(&sink, "lost\n");
		assert_int_equal(atomic_load(&sink.dropped_count), 1);
		cx_sink_close(&sink);
	}
	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, f->path, NULL), CDBC_OK);
	atomic_store(&sink.is_torn, true);
	line(&sink, "whole\n");
	line(&sink, "next\n");
	assert_string_equal(content(f->path), "\nwhole\nnext\n");
	cx_sink_close(&sink);
}

/* Who does not read, or is gone, holds nobody up. */
static void test_pipe(void **state)
{
	fixture *f = *state;
	char text[1001];
	int64_t began_ns;
	cx_sink sink;
	int reader;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	reader = open(f->path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, f->path, NULL), CDBC_OK);
	assert_true(sink.may_block);
	memset(text, 'x', 999);
	strcpy(text + 999, "\n");
	began_ns = cx_clock_now_ns();
	for (int i = 0; i < 200; i++)
		line(&sink, text);
	assert_true(atomic_load(&sink.dropped_count) > 50);
	assert_true(cx_clock_now_ns() - began_ns < 20 * CX_NS_PER_S);
	close(reader);
	line(&sink, text); /* and no SIGPIPE */
	cx_sink_close(&sink);
}

static void test_syslog(void **state)
{
	fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[200];
	cx_sink sink;
	ssize_t n;

	strcpy(address.sun_path, f->path);
	assert_int_equal(cx_sink_open(&sink, CX_SINK_SYSLOG, f->path, NULL), CDBC_OK);
	line(&sink, "nobody\n");
	assert_int_equal(atomic_load(&sink.dropped_count), 1);
	assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof address), 0);
	line(&sink, "{\"a\":1}\n");
	n = recv(server, text, sizeof text - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_true(strncmp(text, "<14>", 4) == 0);
	assert_non_null(strstr(text, " cdbc["));
	assert_string_equal(strchr(text, '{'), "{\"a\":1}");
	for (int i = 0; i < 5000; i++) /* its queue is full */
		line(&sink, "{\"a\":1}\n");
	assert_true(atomic_load(&sink.dropped_count) > 1);
	cx_sink_close(&sink);
	close(server);
}

static cdbc_status open_and_close(void *data, cdbc_error **err)
{
	cx_sink sink;
	cdbc_status status = cx_sink_open(&sink, CX_SINK_FILE, data, err);

	if (!status)
		cx_sink_close(&sink);
	return status;
}

static void test_memory_short(void **state)
{
	fixture *f = *state;

	assert_true(oom_run(open_and_close, f->path) >= 1);
}

static void *write_many(void *data)
{
	for (int i = 0; i < 1000; i++)
		line(data, "0123456789\n");
	return NULL;
}

static void test_many_threads(void **state)
{
	fixture *f = *state;
	pthread_t threads[4];
	const char *text;
	cx_sink sink;

	assert_int_equal(cx_sink_open(&sink, CX_SINK_FILE, f->path, NULL), CDBC_OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &sink), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(cx_sink_reopen(&sink, NULL), CDBC_OK);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cx_sink_close(&sink);
	text = content(f->path);
	assert_int_equal(strlen(text), 44000);
	for (size_t i = 0; i < 44000; i += 11)
		assert_memory_equal(text + i, "0123456789\n", 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pipe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_syslog, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_short, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_threads, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
