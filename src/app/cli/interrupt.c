// SPDX-License-Identifier: Apache-2.0
/* Ctrl-C: a thread of its own waits for the signal, because cancelling is no work for a signal handler. */
#include "app/cli/cli.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows, and keeps the session while it is cancelled */
static cdbc_session *watched;
static char unlink_path[4096];
static atomic_bool was_interrupted;

/* Ends the command at once; what stands half written goes. */
static void quit(int signal_number)
{
	if (unlink_path[0])
		unlink(unlink_path);
	_exit(signal_number == SIGINT ? EXIT_INTERRUPTED : 128 + signal_number);
}

static void *wait_for_signals(void *data)
{
	sigset_t *set = data;

	for (;;) {
		int signal_number = 0;

		if (sigwait(set, &signal_number))
			continue;
		if (signal_number != SIGINT || atomic_exchange(&was_interrupted, true))
			quit(signal_number);
		pthread_mutex_lock(&lock);
		if (!watched)
			quit(signal_number);
		(void)cdbc_session_cancel(watched, NULL);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

void cli_interrupt_start(void)
{
	static sigset_t set;
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, wait_for_signals, &set)) {
		pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* the default then: end at once */
		return;
	}
	pthread_detach(thread);
}

void cli_interrupt_watch(cdbc_session *session)
{
	pthread_mutex_lock(&lock);
	watched = session;
	pthread_mutex_unlock(&lock);
}

void cli_interrupt_file(const char *path)
{
	pthread_mutex_lock(&lock);
	unlink_path[0] = '\0';
	if (path && strlen(path) < sizeof unlink_path)
		strcpy(unlink_path, path);
	pthread_mutex_unlock(&lock);
}

bool cli_was_interrupted(void)
{
	return atomic_load(&was_interrupted);
}
