// SPDX-License-Identifier: Apache-2.0
/* The folders as the loader would see them (files.c), links followed; for each link and each folder
 * on the way a watch on what it hangs from, so that one that is swapped (a release's `current`, a
 * ConfigMap's `..data`) is seen. */
#include "service/catalog/watch_tree.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "service/catalog/internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SELF_MASK (IN_DELETE_SELF | IN_MOVE_SELF)
#define TREE_MASK                                                                       \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY | \
	 IN_ATTRIB | SELF_MASK)
#define WAY_MASK  (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | SELF_MASK)
#define LINKS_MAX 40

/* A folder on the way down: so that a link to one of them is seen. */
typedef struct folder {
	const struct folder *above;
	dev_t device;
	ino_t inode;
	size_t depth;
} folder;

typedef struct walk {
	cx_watch_tree *tree; /* NULL: look only */
	uint64_t sum;
	char path[PATH_MAX];
	size_t length;
} walk;

/* ---- Watches -------------------------------------------------------------------------------- */

static void note_name(cx_watch_tree *tree, int wd, const char *name, size_t length)
{
	char *copy = cx_strndup(name, length);

	if (!copy ||
		!cx_grow(&tree->names, tree->name_count, &tree->name_capacity, sizeof *tree->names)) {
		cx_free(copy);
		tree->trouble = ENOMEM;
		return;
	}
	tree->names[tree->name_count++] = (cx_watch_name){wd, copy};
}

static bool has_kind(cx_watch_tree *tree, size_t wd)
{
	while (wd >= tree->kind_capacity) {
		size_t before = tree->kind_capacity;

		if (!cx_grow(&tree->kinds, before, &tree->kind_capacity, 1))
			return false;
		memset(tree->kinds + before, 0, tree->kind_capacity - before);
	}
	return true;
}

/* Watches a path, which need not be there any more. */
static int watch(cx_watch_tree *tree, const char *path, uint32_t mask, unsigned kind)
{
	int wd;

	if (!tree || tree->fd < 0)
		return -1;
	errno = ENOSPC;
	wd = tree->watch_max && tree->watch_count >= tree->watch_max
			 ? -1
			 : inotify_add_watch(tree->fd, path, mask | IN_MASK_ADD);
	if (wd >= 0 && has_kind(tree, (size_t)wd)) {
		tree->watch_count++;
		tree->kinds[wd] |= (uint8_t)kind;
		return wd;
	}
	if (wd >= 0)
		tree->trouble = ENOMEM;
	else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		tree->trouble = errno;
	return -1;
}

/* ---- The way to a folder -------------------------------------------------------------------- */

/* One name on a way: where it begins and ends in the path, and what it is. */
typedef struct step {
	const char *path;
	size_t from, to;
	char above[PATH_MAX], self[PATH_MAX];
	struct stat info;
	bool is_there, is_last;
} step;

static bool step_next(step *s)
{
	s->from = s->to + strspn(s->path + s->to, "/");
	if (!s->path[s->from])
		return false;
	s->to = s->from + strcspn(s->path + s->from, "/");
	if (s->to >= PATH_MAX)
		return false;
	snprintf(s->above, sizeof s->above, "%.*s", s->from ? (int)s->from : 1,
			 s->from ? s->path : ".");
	snprintf(s->self, sizeof s->self, "%.*s", (int)s->to, s->path);
	s->is_there = lstat(s->self, &s->info) == 0;
	s->is_last = !s->path[s->to + strspn(s->path + s->to, "/")];
	return true;
}

static void watch_name(cx_watch_tree *tree, const step *s)
{
	bool is_file = s->is_there && S_ISREG(s->info.st_mode);
	int wd = watch(tree, s->above, is_file ? TREE_MASK : WAY_MASK, CX_WATCH_NAMED);

	if (wd >= 0)
		note_name(tree, wd, s->path + s->from, s->to - s->from);
}

static bool follow(const step *s, char *out, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(s->self, target, sizeof target - 1);
	int length;

	if (n <= 0)
		return false;
	target[n] = '\0';
	length = snprintf(out, size, "%s%s%s%s", target[0] == '/' || !s->from ? "" : s->above,
					  target[0] == '/' || !s->from ? "" : "/", target, s->path + s->to);
	return length > 0 && (size_t)length < size;
}

/* Watches what a path hangs from: its folder, each link on the way with that link's own way, and
 * the folders between for their going. */
static void watch_way(cx_watch_tree *tree, const char *path, int links)
{
	char *next = NULL;
	step *s = cx_alloc(sizeof *s);

	if (!s) {
		tree->trouble = ENOMEM;
		return;
	}
	s->path = path;
	s->to = 0;
	while (!next && step_next(s)) {
		bool is_link = s->is_there && S_ISLNK(s->info.st_mode);

		if (!s->is_there || is_link || s->is_last)
			watch_name(tree, s);
		else
			watch(tree, s->self, SELF_MASK, 0);
		if (!s->is_there)
			break;
		if (is_link && links < LINKS_MAX && (next = cx_alloc(PATH_MAX)) != NULL &&
			!follow(s, next, PATH_MAX))
			break;
	}
	cx_free(s);
	if (next)
		watch_way(tree, next, links + 1);
	cx_free(next);
}

/* ---- Looking -------------------------------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && !strcmp(name + n - s, suffix);
}

static bool is_sql(const char *name)
{
	return name[0] != '.' && has_suffix(name, ".sql") && !has_suffix(name, ".test.sql");
}

/* Adds an entry to the sum, in which the order does not count. */
static void note(walk *w, const void *what, size_t size)
{
	w->sum += cx_hash_bytes(w->path, w->length, cx_hash_bytes(what, size, 1));
}

static void note_file(walk *w, const struct stat *st)
{
	int64_t facts[] = {(int64_t)st->st_dev,         (int64_t)st->st_ino,
					   (int64_t)st->st_size,        (int64_t)st->st_mode,
					   (int64_t)st->st_mtim.tv_sec, (int64_t)st->st_mtim.tv_nsec,
					   (int64_t)st->st_ctim.tv_sec, (int64_t)st->st_ctim.tv_nsec};

	note(w, facts, sizeof facts);
}

static void look(walk *w, const folder *above);

static void look_in(walk *w, const folder *self)
{
	size_t length = w->length;
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(w->path);

	if (!dir) {
		note(w, &errno, sizeof errno);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		size_t n = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || (entry->d_type == DT_REG && !is_sql(entry->d_name)) ||
			length + n + 2 > sizeof w->path)
			continue;
		w->path[length] = '/';
		memcpy(w->path + length + 1, entry->d_name, n + 1);
		w->length = length + 1 + n;
		if (w->tree && w->tree->fd >= 0 &&
			(entry->d_type == DT_LNK ||
			 (entry->d_type == DT_UNKNOWN && lstat(w->path, &st) == 0 && S_ISLNK(st.st_mode))))
			watch_way(w->tree, w->path, 0);
		look(w, self);
		w->path[length] = '\0';
		w->length = length;
	}
	closedir(dir);
}

/* What w->path is, as load_entry of files.c takes it. */
static void look(walk *w, const folder *above)
{
	const char *slash = strrchr(w->path, '/');
	struct stat st;
	folder self;
	uint64_t facts[2];

	if (stat(w->path, &st)) {
		note(w, &errno, sizeof errno);
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		if (!above || (S_ISREG(st.st_mode) && is_sql(slash ? slash + 1 : w->path)))
			note_file(w, &st);
		return;
	}
	for (const folder *f = above; f; f = f->above)
		if (f->device == st.st_dev && f->inode == st.st_ino)
			return;
	if (above && above->depth >= CX_FOLDER_DEPTH_MAX)
		return;
	facts[0] = (uint64_t)st.st_dev;
	facts[1] = (uint64_t)st.st_ino;
	note(w, facts, sizeof facts);
	/* before it is read, so that what comes later is told */
	watch(w->tree, w->path, TREE_MASK, CX_WATCH_TREE);
	self = (folder){above, st.st_dev, st.st_ino, above ? above->depth + 1 : 1};
	look_in(w, &self);
}

static uint64_t look_at(cx_watch_tree *tree, const char *const *paths, size_t path_count)
{
	walk w = {.tree = tree};

	for (size_t i = 0; i < path_count; i++) {
		w.length = strlen(paths[i]);
		if (w.length >= sizeof w.path)
			continue;
		memcpy(w.path, paths[i], w.length + 1);
		if (tree && tree->fd >= 0)
			watch_way(tree, paths[i], 0);
		look(&w, NULL);
	}
	return w.sum;
}

uint64_t cx_watch_tree_look(const char *const *paths, size_t path_count)
{
	return look_at(NULL, paths, path_count);
}

/* ---- Set and read --------------------------------------------------------------------------- */

void cx_watch_tree_fini(cx_watch_tree *tree)
{
	if (tree->fd >= 0)
		close(tree->fd);
	tree->fd = -1;
	for (size_t i = 0; i < tree->name_count; i++)
		cx_free(tree->names[i].name);
	cx_free(tree->names);
	cx_free(tree->kinds);
	tree->names = NULL;
	tree->kinds = NULL;
	tree->name_count = tree->name_capacity = tree->kind_capacity = tree->watch_count = 0;
	tree->trouble = 0;
}

void cx_watch_tree_set(cx_watch_tree *tree, const char *const *paths, size_t path_count,
					   bool must_poll)
{
	cx_watch_tree_fini(tree);
	if (!must_poll) {
		tree->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (tree->fd < 0)
			tree->trouble = errno;
	}
	tree->signature = look_at(tree, paths, path_count);
}

static cx_watch_news judge(const cx_watch_tree *tree, const struct inotify_event *event)
{
	unsigned kind =
		event->wd >= 0 && (size_t)event->wd < tree->kind_capacity ? tree->kinds[event->wd] : 0;
	const char *name = event->len ? event->name : "";

	if (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT | SELF_MASK))
		return CX_NEWS_CHANGE;
	if (event->mask & IN_IGNORED)
		return CX_NEWS_NONE;
	if (kind & CX_WATCH_NAMED)
		for (size_t i = 0; i < tree->name_count; i++)
			if (tree->names[i].wd == event->wd && strcmp(tree->names[i].name, name) == 0)
				return CX_NEWS_CHANGE;
	if (!(kind & CX_WATCH_TREE))
		return CX_NEWS_NONE;
	return is_sql(name) || ((event->mask & IN_ISDIR) && name[0] && name[0] != '.') ? CX_NEWS_CHANGE
																				   : CX_NEWS_MAYBE;
}

cx_watch_news cx_watch_tree_read(cx_watch_tree *tree)
{
	_Alignas(struct inotify_event) char buffer[16384];
	cx_watch_news news = CX_NEWS_NONE;
	ssize_t n;

	if (tree->fd < 0)
		return news;
	while ((n = read(tree->fd, buffer, sizeof buffer)) > 0)
		for (char *p = buffer; p < buffer + n;) {
			const struct inotify_event *event = (const void *)p;
			cx_watch_news one = judge(tree, event);

			if (one > news)
				news = one;
			p += sizeof *event + event->len;
		}
	return news;
}
