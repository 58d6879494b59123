// SPDX-License-Identifier: Apache-2.0
/* A YAML text as a tree whose every node knows its line and column. The only place that knows
 * libfyaml. Knows no setting.
 *
 * Read is what a configuration needs: one document of mappings, sequences and scalars. Anchors,
 * aliases and tags are errors, and so is a key that stands twice. Size, depth and the items of one
 * collection are bounded. */
#ifndef CX_CONFIG_YAML_H
#define CX_CONFIG_YAML_H

#include "base/arena.h"

#include <cdbc/error.h>

#define CX_YAML_BYTES_MAX (1u << 20)
#define CX_YAML_DEPTH_MAX 16
#define CX_YAML_ITEMS_MAX 1000

typedef enum cx_yaml_kind {
	CX_YAML_NULL, /* nothing, ~ or null, not quoted */
	CX_YAML_SCALAR,
	CX_YAML_SEQUENCE,
	CX_YAML_MAPPING
} cx_yaml_kind;

typedef struct cx_yaml {
	cx_yaml_kind kind;
	int64_t line; /* from 1 */
	int64_t column;
	char *text; /* of a scalar: valid UTF-8, NUL terminated, without NUL inside */
	size_t length;
	/* of a mapping's entry: its key; NULL else */
	char *key;
	int64_t key_line;
	int64_t key_column;
	struct cx_yaml *first; /* children in their order */
	struct cx_yaml *last;
	struct cx_yaml *next;
	size_t count;
	struct cx_yaml *made; /* all nodes of the tree, for wiping */
} cx_yaml;

/* Why a text could not be read, and where (from 1). */
typedef struct cx_yaml_problem {
	int64_t line;
	int64_t column;
	char text[256];
} cx_yaml_problem;

/* Reads a text. The tree lives in arena. *root is NULL for an empty document. Fails with
 * CDBC_CONFIG (*problem says why; no error is made) and CDBC_NOMEM. Prints nothing. */
cdbc_status cx_yaml_read(const char *text, size_t length, cx_arena *arena, cx_yaml **root,
						 cx_yaml_problem *problem);

/* The same for a file that is larger than a configuration, with longer sequences. */
cdbc_status cx_yaml_read_large(const char *text, size_t length, size_t bytes_max,
							   size_t sequence_max, cx_arena *arena, cx_yaml **root,
							   cx_yaml_problem *problem);

/* Overwrites every scalar: there may be secrets among them. tree NULL does nothing. */
void cx_yaml_wipe(cx_yaml *tree);

#endif
