// SPDX-License-Identifier: Apache-2.0
/* Where lines go: stderr, a file, the system's log. A line is taken whole or not at all as far as
 * the system lets it be, and nobody waits long for it. Any thread. */
#ifndef CX_SINK_H
#define CX_SINK_H

#include <cdbc/error.h>
#include <stdatomic.h>

#define CX_SINK_LINE_MAX 4096 /* what a pipe takes as one piece */

typedef enum cx_sink_kind {
	CX_SINK_OFF,
	CX_SINK_STDERR,
	CX_SINK_FILE,
	CX_SINK_SYSLOG
} cx_sink_kind;

typedef struct cx_sink {
	cx_sink_kind kind;
	char *path;
	int fd;
	bool may_block;      /* a pipe, a terminal: asked first */
	atomic_bool is_torn; /* the last line is there in part: the next begins a new one */
	_Atomic int64_t dropped_count;
} cx_sink;

/* path: of the file, made for its owner alone when it is not there; of syslog's socket, NULL:
 * /dev/log. Fails with CDBC_IO, CDBC_CONFIG (a file without a path), CDBC_NOMEM. */
cdbc_status cx_sink_open(cx_sink *sink, cx_sink_kind kind, const char *path, cdbc_error **err);
void cx_sink_close(cx_sink *sink);
/* Opens the file again under its name. */
cdbc_status cx_sink_reopen(cx_sink *sink, cdbc_error **err);
/* line ends in a line feed, and is no longer than CX_SINK_LINE_MAX. severity: syslog's, 0 to 7. */
void cx_sink_write(cx_sink *sink, int severity, const char *line, size_t length);

#endif
