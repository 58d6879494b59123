// SPDX-License-Identifier: Apache-2.0
/* Watches the folders of queries on a thread of its own, and says when they have changed and come
 * to rest. Knows which files would be loaded, and nothing of loading. */
#ifndef CX_WATCH_H
#define CX_WATCH_H

#include <cdbc/error.h>

typedef struct cx_watch cx_watch;

typedef struct cx_watch_options {
	const char *const *paths; /* folders and files; borrowed for the watch's life */
	size_t path_count;
	bool must_poll;      /* not by inotify, which does not see what other machines write */
	int64_t delay_ns;    /* how long nothing may have changed before it is told */
	int64_t interval_ns; /* between two looks where inotify does not do */
	size_t watch_max;    /* inotify's watches at most; 0: as the system allows */
	/* Told on the watch's thread. is_retry: nothing changed since a call that returned false.
	 * False: call again, when there is a change or after a while. */
	bool (*changed)(void *self, bool is_retry);
	void *self;
} cx_watch_options;

/* Looks at the folders: whatever changes from here on is told once started. Fails with CDBC_NOMEM,
 * CDBC_RESOURCE. */
cdbc_status cx_watch_new(const cx_watch_options *options, cx_watch **out, cdbc_error **err);
/* Starts the thread. Fails with CDBC_RESOURCE. */
cdbc_status cx_watch_start(cx_watch *watch, cdbc_error **err);
/* Ends the thread, waiting for what it does. Takes NULL. */
void cx_watch_free(cx_watch *watch);

/* From changed() only: whether everything is as it was when that was called. True in the end for
 * folders that never come to rest: their next change is told anyway. */
bool cx_watch_is_still(cx_watch *watch);

/* "watched", or "looked at every 2 s" and why. Any thread. */
void cx_watch_describe(const cx_watch *watch, char *out, size_t size);

#endif
