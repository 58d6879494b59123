// SPDX-License-Identifier: Apache-2.0
/* The log: an observer that writes a line for each event worth one. What is worth one, and which
 * fields it has, is here; how a line is made and where it goes is not. */
#ifndef CX_LOG_H
#define CX_LOG_H

#include "service/observe/line.h"

#include <cdbc/event.h>

typedef enum cx_log_level { CX_LOG_ERROR, CX_LOG_WARNING, CX_LOG_INFO, CX_LOG_DEBUG } cx_log_level;

typedef struct cx_log_options {
	cx_sink_kind target; /* CX_SINK_OFF: there is no log */
	const char *path;
	cx_line_format format;
	cx_log_level level;
	int64_t slow_ns; /* INT64_MAX: no request is slow */
	bool has_values; /* parameters, and what the server says of them */
} cx_log_options;

typedef struct cx_log cx_log;

/* Errors as cx_sink_open. */
cdbc_status cx_log_new(const cx_log_options *options, cx_log **out, cdbc_error **err);
void cx_log_free(cx_log *log);
/* The observer, which is borrowed: it has no destroy. */
cdbc_observer cx_log_observer(cx_log *log);
cdbc_status cx_log_reopen(cx_log *log, cdbc_error **err);
int64_t cx_log_dropped(const cx_log *log);

#endif
