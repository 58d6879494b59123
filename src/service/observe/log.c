// SPDX-License-Identifier: Apache-2.0
/* From an event to a line: its level, its word, its fields. */
#include "service/observe/log.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES    200
#define TEXT_MAX_BYTES    600
#define MESSAGE_MAX_BYTES 1000
#define VALUES_MAX_BYTES  1500

struct cx_log {
	cx_log_options options;
	cx_sink sink;
};

cdbc_status cx_log_new(const cx_log_options *options, cx_log **out, cdbc_error **err)
{
	cx_log *log = cx_calloc(1, sizeof *log);
	cdbc_status status;

	if (!log)
		return cx_error_nomem(err);
	log->options = *options;
	log->options.path = NULL; /* the sink has its own */
	status = cx_sink_open(&log->sink, options->target, options->path, err);
	if (status)
		cx_free(log);
	else
		*out = log;
	return status;
}

void cx_log_free(cx_log *log)
{
	if (!log)
		return;
	cx_sink_close(&log->sink);
	cx_free(log);
}

cdbc_status cx_log_reopen(cx_log *log, cdbc_error **err)
{
	return cx_sink_reopen(&log->sink, err);
}

int64_t cx_log_dropped(const cx_log *log)
{
	return atomic_load_explicit(&log->sink.dropped_count, memory_order_relaxed);
}

/* ---- levels ---- */

/* Whose fault a failure is decides: a caller's own is not the operator's trouble. */
static cx_log_level level_of_error(const cdbc_error *error)
{
	switch (cdbc_error_status(error)) {
	case CDBC_INTERNAL:
	case CDBC_NOMEM:
	case CDBC_CONNECT:
	case CDBC_AUTH:
		return CX_LOG_ERROR;
	default:
		return cdbc_error_outcome(error) == CDBC_OUTCOME_UNKNOWN ? CX_LOG_ERROR : CX_LOG_WARNING;
	}
}

static bool is_slow(const cx_log *log, const cdbc_event *event)
{
	return event->kind == CDBC_EVENT_REQUEST_END && event->duration_ns >= log->options.slow_ns;
}

static cx_log_level level_of(const cx_log *log, const cdbc_event *event)
{
	switch (event->kind) {
	case CDBC_EVENT_REQUEST_START:
		return log->options.has_values ? CX_LOG_INFO : CX_LOG_DEBUG;
	case CDBC_EVENT_TRANSACTION_START:
		return CX_LOG_DEBUG;
	case CDBC_EVENT_REQUEST_END:
	case CDBC_EVENT_TRANSACTION_END:
		if (event->error)
			return level_of_error(event->error);
		return is_slow(log, event) ? CX_LOG_WARNING : CX_LOG_DEBUG;
	case CDBC_EVENT_ACQUIRE_WAIT:
		return CX_LOG_DEBUG;
	case CDBC_EVENT_ATTEMPT:
	case CDBC_EVENT_LEAK:
	case CDBC_EVENT_DEPRECATED:
	case CDBC_EVENT_RESOLVED:
		return CX_LOG_WARNING;
	case CDBC_EVENT_BREAKER:
		return strcmp(event->text, "open") == 0 ? CX_LOG_ERROR : CX_LOG_WARNING;
	default:
		return event->error ? level_of_error(event->error) : CX_LOG_INFO;
	}
}

static const char *word_of(cdbc_event_kind kind)
{
	static const struct {
		cdbc_event_kind kind;
		const char *word;
	} words[] = {{CDBC_EVENT_REQUEST_START, "request_start"},
				 {CDBC_EVENT_REQUEST_END, "request"},
				 {CDBC_EVENT_CONN_OPEN, "connect"},
				 {CDBC_EVENT_CONN_CLOSE, "disconnect"},
				 {CDBC_EVENT_ACQUIRE_WAIT, "wait"},
				 {CDBC_EVENT_LEAK, "leak"},
				 {CDBC_EVENT_DEPRECATED, "deprecated"},
				 {CDBC_EVENT_NOTICE, "notice"},
				 {CDBC_EVENT_CATALOG, "queries"},
				 {CDBC_EVENT_ATTEMPT, "attempt"},
				 {CDBC_EVENT_TRANSACTION_START, "transaction_start"},
				 {CDBC_EVENT_TRANSACTION_END, "transaction"},
				 {CDBC_EVENT_BREAKER, "breaker"},
				 {CDBC_EVENT_RESOLVED, "resolved"}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].kind == kind)
			return words[i].word;
	return "other";
}

/* ---- fields ---- */

static void put_time(cx_line *line)
{
	struct timespec now;
	struct tm t;
	char text[96];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &t);
	snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", t.tm_year + 1900,
			 t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, now.tv_nsec / 1000);
	cx_line_text(line, "time", text, sizeof text);
}

/* Whether a message may quote a value: what the server says of data, and what its functions raise.
 */
static bool may_quote_values(const cdbc_error *error)
{
	const char *sqlstate = cdbc_error_sqlstate(error);

	return strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "P0", 2) == 0 ||
		   strcmp(sqlstate, "42601") == 0;
}

static void put_error(const cx_log *log, cx_line *line, const cdbc_error *error)
{
	const char *sqlstate = cdbc_error_sqlstate(error);

	cx_line_text(line, "status", cdbc_status_name(cdbc_error_status(error)), NAME_MAX_BYTES);
	if (sqlstate[0])
		cx_line_text(line, "sqlstate", sqlstate, NAME_MAX_BYTES);
	cx_line_text(line, "outcome", cdbc_outcome_name(cdbc_error_outcome(error)), NAME_MAX_BYTES);
	cx_line_text(line, "replay", cdbc_replay_name(cdbc_error_replay(error)), NAME_MAX_BYTES);
	if (log->options.has_values || !may_quote_values(error))
		cx_line_text(line, "message", cdbc_error_message(error), MESSAGE_MAX_BYTES);
}

static void put_request(const cx_log *log, cx_line *line, const cdbc_event *event)
{
	if (event->fingerprint)
		cx_line_hex(line, "fingerprint", event->fingerprint);
	if (event->kind == CDBC_EVENT_REQUEST_END) {
		if (!event->error)
			cx_line_text(line, "status", "ok", NAME_MAX_BYTES);
		cx_line_int(line, "rows", event->row_count);
		cx_line_int(line, "bytes", event->byte_count);
		if (event->affected_count >= 0)
			cx_line_int(line, "affected", event->affected_count);
		cx_line_text(line, "cache", event->cache, NAME_MAX_BYTES);
		if (is_slow(log, event))
			cx_line_bool(line, "slow", true);
	}
	if (event->values && log->options.has_values)
		cx_line_values(line, "values", event->values, event->value_count, VALUES_MAX_BYTES);
}

/* What an event's name is the name of. */
static const char *key_of_name(const cdbc_event *event)
{
	switch (event->kind) {
	case CDBC_EVENT_REQUEST_START:
	case CDBC_EVENT_REQUEST_END:
	case CDBC_EVENT_DEPRECATED:
		return "query";
	case CDBC_EVENT_ATTEMPT:
		return event->id == event->transaction_id ? "transaction" : "query";
	case CDBC_EVENT_TRANSACTION_START:
	case CDBC_EVENT_TRANSACTION_END:
	case CDBC_EVENT_RESOLVED:
		return "transaction";
	default:
		return "pool";
	}
}

static void put_event(const cx_log *log, cx_line *line, const cdbc_event *event)
{
	bool is_pair =
		event->kind & (CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END | CDBC_EVENT_ATTEMPT |
					   CDBC_EVENT_TRANSACTION_START | CDBC_EVENT_TRANSACTION_END);

	if (event->id)
		cx_line_int(line,
					is_pair                             ? "id"
					: event->kind == CDBC_EVENT_CATALOG ? "generation"
														: "connection",
					(int64_t)event->id);
	if (event->transaction_id && event->transaction_id != event->id)
		cx_line_int(line, "in", (int64_t)event->transaction_id);
	cx_line_text(line, key_of_name(event), event->name, NAME_MAX_BYTES);
	cx_line_text(line, "host", event->host, NAME_MAX_BYTES);
	if (is_pair && event->attempt)
		cx_line_int(line, "attempt", event->attempt);
	if (event->duration_ns)
		cx_line_ms(line, "ms", event->duration_ns);
	if (event->kind & (CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END | CDBC_EVENT_ATTEMPT))
		put_request(log, line, event);
	if (event->kind == CDBC_EVENT_NOTICE && !log->options.has_values)
		return; /* its text is the server's, and may quote anything */
	cx_line_text(line, "text", event->text, TEXT_MAX_BYTES);
}

static void on_event(void *self, const cdbc_event *event)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	static const int severities[] = {3, 4, 6, 7};
	cx_log *log = self;
	cx_log_level level = level_of(log, event);
	cx_line line;

	if (level > log->options.level)
		return;
	cx_line_begin(&line, log->options.format);
	put_time(&line);
	cx_line_text(&line, "level", names[level], NAME_MAX_BYTES);
	cx_line_text(&line, "event", word_of(event->kind), NAME_MAX_BYTES);
	put_event(log, &line, event);
	if (event->error)
		put_error(log, &line, event->error);
	cx_line_end(&line);
	cx_sink_write(&log->sink, severities[level], line.text, line.length);
}

cdbc_observer cx_log_observer(cx_log *log)
{
	uint32_t events = CDBC_EVENT_ALL;

	if (log->options.level < CX_LOG_DEBUG) {
		events &= ~(uint32_t)(CDBC_EVENT_TRANSACTION_START | CDBC_EVENT_ACQUIRE_WAIT);
		if (!log->options.has_values || log->options.level < CX_LOG_INFO)
			events &= ~(uint32_t)CDBC_EVENT_REQUEST_START;
	}
	return (cdbc_observer){.struct_size = sizeof(cdbc_observer),
						   .name = "log",
						   .events = events,
						   .on_event = on_event,
						   .self = log};
}
