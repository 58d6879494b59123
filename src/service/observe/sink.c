// SPDX-License-Identifier: Apache-2.0
/* Writing lines. syslog(3) is not used: its connection belongs to the whole process, and it waits.
 */
#include "service/observe/sink.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 1
#define DEV_LOG     "/dev/log"
#define FACILITY    (1 << 3) /* user */
#define PACKET_MAX  (CX_SINK_LINE_MAX + 64)

static int open_file(const char *path, cdbc_error **err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat about;

	if (fd >= 0 && fstat(fd, &about) == 0 && S_ISDIR(about.st_mode))
		errno = EISDIR;
	else if (fd >= 0)
		return fd;
	cx_error_set(err, CDBC_IO, "open log %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool is_plain_file(int fd)
{
	struct stat about;

	return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

cdbc_status cx_sink_open(cx_sink *sink, cx_sink_kind kind, const char *path, cdbc_error **err)
{
	struct sockaddr_un address;

	*sink = (cx_sink){.kind = kind, .fd = -1};
	if (kind == CX_SINK_FILE && !path) {
		cx_error_set(err, CDBC_CONFIG, "log.target is file, and log.path names none");
		return CDBC_CONFIG;
	}
	if (kind == CX_SINK_SYSLOG && !path)
		path = DEV_LOG;
	if (kind == CX_SINK_SYSLOG && strlen(path) >= sizeof address.sun_path)
		return cx_error_set(err, CDBC_CONFIG, "log.path is too long for a socket: %s", path);
	if (kind != CX_SINK_STDERR && !(sink->path = cx_strdup(path)))
		return cx_error_nomem(err);
	switch (kind) {
	case CX_SINK_FILE:
		sink->fd = open_file(path, err);
		break;
	case CX_SINK_SYSLOG:
		sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (sink->fd < 0)
			cx_error_set(err, CDBC_IO, "open log: %s", strerror(errno));
		break;
	default:
		sink->fd = STDERR_FILENO;
	}
	if (sink->fd >= 0) {
		sink->may_block = !is_plain_file(sink->fd);
		return CDBC_OK;
	}
	cx_sink_close(sink);
	return CDBC_IO;
}

void cx_sink_close(cx_sink *sink)
{
	if (sink->fd >= 0 && sink->kind != CX_SINK_STDERR)
		close(sink->fd);
	sink->fd = -1;
	cx_free(sink->path);
	sink->path = NULL;
}

cdbc_status cx_sink_reopen(cx_sink *sink, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;
	int fd;

	if (sink->kind != CX_SINK_FILE)
		return CDBC_OK;
	fd = open_file(sink->path, err);
	if (fd < 0)
		return CDBC_IO;
	/* in one step: who writes meanwhile writes to the one or the other */
	if (dup3(fd, sink->fd, O_CLOEXEC) < 0)
		status = cx_error_set(err, CDBC_IO, "open log %s: %s", sink->path, strerror(errno));
	close(fd);
	return status;
}

/* A reader that is gone must not end the process. */
static ssize_t write_quietly(int fd, const char *line, size_t length)
{
	static const struct timespec at_once = {0, 0};
	sigset_t pipe_only, before, pending;
	ssize_t n;
	int saved;
	bool was_pending;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	n = write(fd, line, length);
	saved = errno;
	if (n < 0 && saved == EPIPE && !was_pending)
		while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return n;
}

static ssize_t write_line(const cx_sink *sink, const char *line, size_t length)
{
	struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};

	if (!sink->may_block)
		return write(sink->fd, line, length);
	if (poll(&ready, 1, PATIENCE_MS) != 1 || !(ready.revents & POLLOUT) ||
		ready.revents & (POLLERR | POLLHUP | POLLNVAL))
		return -1;
	return write_quietly(sink->fd, line, length);
}

/* RFC 3164, as the local socket wants it: without a host. */
static bool send_packet(const cx_sink *sink, int severity, const char *line, size_t length)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char packet[PACKET_MAX], stamp[32];
	time_t now = time(NULL);
	struct tm parts;
	int head;

	localtime_r(&now, &parts);
	strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &parts);
	head = snprintf(packet, sizeof packet, "<%d>%s cdbc[%ld]: ", FACILITY | severity, stamp,
					(long)getpid());
	memcpy(packet + head, line, length - 1);
	memcpy(to.sun_path, sink->path, strlen(sink->path) + 1);
	return sendto(sink->fd, packet, (size_t)head + length - 1, MSG_DONTWAIT | MSG_NOSIGNAL,
				  (struct sockaddr *)&to, sizeof to) >= 0;
}

void cx_sink_write(cx_sink *sink, int severity, const char *line, size_t length)
{
	char torn[CX_SINK_LINE_MAX + 1];
	bool was_torn;
	ssize_t n;

	if (sink->kind == CX_SINK_SYSLOG) {
		if (!send_packet(sink, severity, line, length))
			atomic_fetch_add_explicit(&sink->dropped_count, 1, memory_order_relaxed);
		return;
	}
	was_torn = atomic_load_explicit(&sink->is_torn, memory_order_relaxed) &&
			   atomic_exchange_explicit(&sink->is_torn, false, memory_order_relaxed);
	if (was_torn) {
		torn[0] = '\n';
		memcpy(torn + 1, line, length);
		line = torn;
		length++;
	}
	n = write_line(sink, line, length);
	if (n == (ssize_t)length)
		return;
	atomic_fetch_add_explicit(&sink->dropped_count, 1, memory_order_relaxed);
	if (n > 0 || was_torn)
		atomic_store_explicit(&sink->is_torn, true, memory_order_relaxed);
}
