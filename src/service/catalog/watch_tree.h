// SPDX-License-Identifier: Apache-2.0
/* One look at the folders of queries: their signature, and inotify's watches on everything whose
 * change may change it. */
#ifndef CX_WATCH_TREE_H
#define CX_WATCH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a watch is there for. */
enum {
	CX_WATCH_TREE = 1u << 0, /* a folder of queries: everything in it counts */
	CX_WATCH_NAMED = 1u << 1 /* a folder on the way to one: the names noted for it count */
};

typedef struct cx_watch_name {
	int wd;
	char *name;
} cx_watch_name;

typedef struct cx_watch_tree {
	int fd; /* inotify's; -1: none */
	size_t watch_count, watch_max;
	uint8_t *kinds; /* by watch descriptor */
	size_t kind_capacity;
	cx_watch_name *names;
	size_t name_count, name_capacity;
	int trouble;        /* errno of what kept a watch from being set; 0: all are */
	uint64_t signature; /* of names, sizes, times and identities of what would be loaded */
} cx_watch_tree;

/* Forgets the watches there are, sets new ones (unless must_poll), and then looks. */
void cx_watch_tree_set(cx_watch_tree *tree, const char *const *paths, size_t path_count,
					   bool must_poll);
/* Looks only. */
uint64_t cx_watch_tree_look(const char *const *paths, size_t path_count);
void cx_watch_tree_fini(cx_watch_tree *tree);

typedef enum cx_watch_news {
	CX_NEWS_NONE,
	CX_NEWS_MAYBE, /* the signature decides */
	CX_NEWS_CHANGE
} cx_watch_news;

/* Reads what inotify has, without waiting. */
cx_watch_news cx_watch_tree_read(cx_watch_tree *tree);

#endif
