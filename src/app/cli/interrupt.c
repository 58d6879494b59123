// SPDX-License-Identifier: Apache-2.0
/* Ctrl-C: a thread of its own waits for the signal, because cancelling is no work for a signal
 * handler. */
#include "app/cli/cli.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CANCEL_TRIES    8
#define CANCEL_PAUSE_NS 200000000

static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* guards what follows, and keeps both while one is cancelled */
static cdbc_client *watched_client;
static cdbc_session *watched;
static char unlink_path[4096];
static void (*clean)(void *data);
static void *clean_data;
static atomic_int interrupted_by; /* the signal */
static int wake = -1;             /* readable once there was one; -1: there is none */
static atomic_bool is_reading;    /* input is awaited, or was when it came: the work notices */

static int exit_code_of(int signal_number)
{
	return signal_number == SIGINT ? (int)EXIT_INTERRUPTED : 128 + signal_number;
}

/* Ends the command at once; what stands half written goes. */
static void quit(int signal_number)
{
	if (unlink_path[0])
		unlink(unlink_path);
	if (clean)
		clean(clean_data);
	_exit(exit_code_of(signal_number));
}

/* Asks the server to stop what runs. With the lock held. False: no connection is lent, so nothing
 * can be running, and nobody is about to notice the signal. */
static bool cancel(void)
{
	cdbc_pool_stats stats = {.struct_size = sizeof stats};

	if (atomic_load(&is_reading))
		return true;
	if (!watched)
		return clean != NULL;
	cdbc_client_pool_stats(watched_client, &stats);
	if (stats.used_now == 0)
		return clean != NULL;
	(void)cdbc_session_cancel(watched, NULL);
	return true;
}

/* The work ends the command itself once it was cancelled; this thread does when it does not, and at
 * a second signal. A cancel that comes between two statements finds nothing to cancel, so there are
 * several. */
static void *wait_for_signals(void *data)
{
	static const struct timespec pause = {0, CANCEL_PAUSE_NS};
	sigset_t *set = data;
	int signal_number = 0;

	while (sigwait(set, &signal_number))
		;
	atomic_store(&interrupted_by, signal_number);
	if (wake >= 0)
		(void)eventfd_write(wake, 1);
	for (int i = 0; i < CANCEL_TRIES; i++) {
		bool was_running;

		pthread_mutex_lock(&lock);
		was_running = cancel();
		pthread_mutex_unlock(&lock);
		if (!was_running || sigtimedwait(set, NULL, &pause) > 0)
			break;
	}
	pthread_mutex_lock(&lock);
	quit(signal_number);
	return NULL;
}

void cli_interrupt_start(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	static sigset_t set;
	struct sigaction action;
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], NULL, &action) == 0 &&
			action.sa_handler != SIG_IGN) /* as nohup wants it */
			sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pthread_create(&thread, NULL, wait_for_signals, &set)) {
		pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* the default then: end at once */
		return;
	}
	pthread_detach(thread);
}

void cli_interrupt_watch(cdbc_client *client, cdbc_session *session)
{
	pthread_mutex_lock(&lock);
	watched_client = client;
	watched = session;
	pthread_mutex_unlock(&lock);
}

void cli_interrupt_file(const char *path)
{
	pthread_mutex_lock(&lock);
	unlink_path[0] = '\0';
	if (path && strlen(path) < sizeof unlink_path)
		memcpy(unlink_path, path, strlen(path) + 1);
	pthread_mutex_unlock(&lock);
}

void cli_interrupt_cleanup(void (*fn)(void *data), void *data)
{
	pthread_mutex_lock(&lock);
	clean = fn;
	clean_data = data;
	pthread_mutex_unlock(&lock);
}

/* Milliseconds until then, rounded up; -1: for ever. */
static int left_ms(int64_t until_ns)
{
	int64_t left_ns = until_ns - cx_clock_now_ns();

	return until_ns == 0  ? -1
		   : left_ns <= 0 ? 0
						  : (int)((left_ns + CX_NS_PER_MS - 1) / CX_NS_PER_MS);
}

ssize_t cli_interrupt_read(int fd, void *out, size_t size, int64_t until_ns)
{
	struct pollfd any[] = {{.fd = fd, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
	int n;

	atomic_store(&is_reading, true);
	while ((n = poll(any, 2, left_ms(until_ns))) < 0 && errno == EINTR)
		;
	if (cli_interrupted_exit()) {
		errno = EINTR;
		return -1;
	}
	atomic_store(&is_reading, false);
	if (n == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return read(fd, out, size);
}

int cli_interrupted_exit(void)
{
	int signal_number = atomic_load(&interrupted_by);

	return signal_number ? exit_code_of(signal_number) : EXIT_OK;
}
