// SPDX-License-Identifier: Apache-2.0
/* The watch's thread: waits for news, then for rest, then tells. Each time it tells, it has set all
 * watches anew before, so that nothing is lost between what was read and what is watched. */
#include "service/catalog/watch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "service/catalog/watch_tree.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RESTLESS_MAX 20 /* delays, or refusals, after which it is told though it does not rest */
#define RETRY_MIN_NS CX_NS_PER_S
#define RETRY_MAX_NS (30 * CX_NS_PER_S)

struct cx_watch {
	cx_watch_options options;
	cx_watch_tree tree;
	atomic_int trouble; /* the tree's, for other threads */
	cx_thread thread;
	bool has_thread;
	int wake_fd;
	atomic_bool must_end;
	/* the thread's own */
	bool is_dirty, is_certain; /* something happened; and it is a change for certain */
	bool is_retry;
	int64_t first_ns, due_ns; /* of what happened: when it began, and when it is told */
	int64_t look_ns;          /* the next look */
	uint64_t looked;          /* the signature of the last one */
	int64_t retry_ns;
	int restless_count;
};

static void set_tree(cx_watch *watch)
{
	cx_watch_tree_set(&watch->tree, watch->options.paths, watch->options.path_count,
					  watch->options.must_poll);
	atomic_store(&watch->trouble, watch->tree.trouble);
	watch->looked = watch->tree.signature;
	watch->look_ns = cx_clock_now_ns() + watch->options.interval_ns;
}

static void note_news(cx_watch *watch, cx_watch_news news)
{
	int64_t now = cx_clock_now_ns();

	if (news == CX_NEWS_NONE)
		return;
	if (!watch->is_dirty || watch->is_retry)
		watch->first_ns = now;
	watch->is_dirty = true;
	watch->is_retry = false;
	watch->is_certain |= news == CX_NEWS_CHANGE;
	watch->due_ns = cx_deadline_sooner(now + watch->options.delay_ns,
									   watch->first_ns + RESTLESS_MAX * watch->options.delay_ns);
}

static bool is_looking(const cx_watch *watch)
{
	return watch->options.must_poll || watch->tree.trouble;
}

static void look(cx_watch *watch)
{
	uint64_t signature = cx_watch_tree_look(watch->options.paths, watch->options.path_count);

	watch->look_ns = cx_clock_now_ns() + watch->options.interval_ns;
	if (signature != watch->looked)
		note_news(watch, CX_NEWS_MAYBE);
	watch->looked = signature;
}

bool cx_watch_is_still(cx_watch *watch)
{
	cx_watch_news news = cx_watch_tree_read(&watch->tree);
	uint64_t signature = cx_watch_tree_look(watch->options.paths, watch->options.path_count);

	if (signature != watch->tree.signature)
		news = CX_NEWS_CHANGE;
	note_news(watch, news);
	if (news != CX_NEWS_CHANGE)
		return !atomic_load(&watch->must_end);
	return ++watch->restless_count >= RESTLESS_MAX && !atomic_load(&watch->must_end);
}

/* Tells of a change, if there is one. */
static void act(cx_watch *watch)
{
	uint64_t before = watch->tree.signature;
	bool is_certain = watch->is_certain, is_retry = watch->is_retry;

	watch->is_dirty = watch->is_certain = watch->is_retry = false;
	set_tree(watch);
	if (!is_certain && watch->tree.signature == before)
		return;
	if (watch->options.changed(watch->options.self, is_retry)) {
		watch->restless_count = 0;
		watch->retry_ns = 0;
		return;
	}
	if (watch->is_dirty) {
		watch->is_certain = true;
		return; /* news came meanwhile */
	}
	watch->retry_ns = watch->retry_ns ? watch->retry_ns * 2 : RETRY_MIN_NS;
	if (watch->retry_ns > RETRY_MAX_NS)
		watch->retry_ns = RETRY_MAX_NS;
	watch->is_dirty = watch->is_certain = watch->is_retry = true;
	watch->due_ns = cx_clock_now_ns() + watch->retry_ns;
}

static void wait_for_news(cx_watch *watch)
{
	struct pollfd fds[] = {{watch->wake_fd, POLLIN, 0}, {watch->tree.fd, POLLIN, 0}};
	int64_t until = watch->is_dirty ? watch->due_ns : CX_NEVER;

	if (is_looking(watch))
		until = cx_deadline_sooner(until, watch->look_ns);
	poll(fds, watch->tree.fd >= 0 ? 2 : 1, cx_deadline_poll_ms(until));
}

static void *watch_main(void *data)
{
	cx_watch *watch = data;

	while (!atomic_load(&watch->must_end)) {
		wait_for_news(watch);
		if (atomic_load(&watch->must_end))
			break;
		note_news(watch, cx_watch_tree_read(&watch->tree));
		if (is_looking(watch) && cx_deadline_passed(watch->look_ns))
			look(watch);
		if (watch->is_dirty && cx_deadline_passed(watch->due_ns))
			act(watch);
	}
	return NULL;
}

cdbc_status cx_watch_new(const cx_watch_options *options, cx_watch **out, cdbc_error **err)
{
	cx_watch *watch = cx_calloc(1, sizeof *watch);

	if (!watch)
		return cx_error_nomem(err);
	watch->options = *options;
	watch->tree.fd = -1;
	watch->tree.watch_max = options->watch_max;
	watch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->wake_fd < 0) {
		cx_free(watch);
		return cx_error_set(err, CDBC_RESOURCE, "watch the folders of queries: %s",
							strerror(errno));
	}
	set_tree(watch);
	*out = watch;
	return CDBC_OK;
}

cdbc_status cx_watch_start(cx_watch *watch, cdbc_error **err)
{
	watch->has_thread = cx_thread_start(&watch->thread, watch_main, watch, "cdbc-queries");
	if (!watch->has_thread)
		return cx_error_set(err, CDBC_RESOURCE,
							"watch the folders of queries: no thread can be started");
	return CDBC_OK;
}

void cx_watch_free(cx_watch *watch)
{
	uint64_t one = 1;

	if (!watch)
		return;
	if (watch->has_thread) {
		atomic_store(&watch->must_end, true);
		if (write(watch->wake_fd, &one, sizeof one) == sizeof one || true)
			cx_thread_join(&watch->thread);
	}
	cx_watch_tree_fini(&watch->tree);
	close(watch->wake_fd);
	cx_free(watch);
}

void cx_watch_describe(const cx_watch *watch, char *out, size_t size)
{
	int trouble = atomic_load(&watch->trouble);
	double interval_s = (double)watch->options.interval_ns / 1e9;

	if (watch->options.must_poll)
		snprintf(out, size, "looked at every %g s", interval_s);
	else if (trouble)
		snprintf(out, size, "looked at every %g s, as inotify fails: %s%s", interval_s,
				 strerror(trouble),
				 trouble == ENOSPC   ? " (raise fs.inotify.max_user_watches)"
				 : trouble == EMFILE ? " (raise fs.inotify.max_user_instances)"
									 : "");
	else
		snprintf(out, size, "watched");
}
