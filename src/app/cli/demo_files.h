// SPDX-License-Identifier: Apache-2.0
/* The SQL files of examples/bank, built in so that the tour needs no folder. */
#ifndef CLI_DEMO_FILES_H
#define CLI_DEMO_FILES_H

typedef struct demo_file {
	const char *path; /* reports/daily.sql; NULL ends the list */
	const char *text;
} demo_file;

extern const demo_file demo_files[];

#endif
