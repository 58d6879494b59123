// SPDX-License-Identifier: Apache-2.0
/* The error type. Knows nothing of SQLSTATEs' meaning: that is data/exec/outcome.c. */
#include "base/error.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 4000

struct cdbc_error {
	cdbc_status status;
	cdbc_outcome outcome;
	cdbc_replay replay;
	char sqlstate[6];
	bool is_static;
	int64_t position;
	int64_t line;
	int64_t column;
	char *message; /* NULL when memory was short: the status's text stands for it */
	char *fields[CDBC_FIELD_COUNT];
};

/* Out of memory needs no memory: one for each outcome and replay, as memory may also be short after
 * something was sent. */
#define NOMEM(outcome_, replay_) \
	[outcome_][replay_] = {      \
		.status = CDBC_NOMEM, .outcome = (outcome_), .replay = (replay_), .is_static = true}
#define NOMEMS(outcome_)                                                \
	NOMEM(outcome_, CDBC_REPLAY_NO), NOMEM(outcome_, CDBC_REPLAY_SAFE), \
		NOMEM(outcome_, CDBC_REPLAY_TRANSACTION), NOMEM(outcome_, CDBC_REPLAY_IF_IDEMPOTENT)
static cdbc_error nomem_errors[CDBC_OUTCOME_UNKNOWN + 1][CDBC_REPLAY_IF_IDEMPOTENT + 1] = {
	NOMEMS(CDBC_OUTCOME_NOT_SENT), NOMEMS(CDBC_OUTCOME_ROLLED_BACK), NOMEMS(CDBC_OUTCOME_COMMITTED),
	NOMEMS(CDBC_OUTCOME_COMMITTED_PARTIAL), NOMEMS(CDBC_OUTCOME_UNKNOWN)};
static cdbc_error *const nomem_error = &nomem_errors[CDBC_OUTCOME_NOT_SENT][CDBC_REPLAY_SAFE];

static const struct {
	const char *name;
	const char *text;
} statuses[] = {
#define STATUS_ROW(id, name, text) {name, text},
	CDBC_STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

const char *cdbc_status_name(cdbc_status status)
{
	return (unsigned)status < CDBC_STATUS_COUNT ? statuses[status].name : "unknown";
}

const char *cdbc_status_text(cdbc_status status)
{
	return (unsigned)status < CDBC_STATUS_COUNT ? statuses[status].text : "unknown status";
}

const char *cdbc_outcome_name(cdbc_outcome outcome)
{
	static const char *const names[] = {"not-sent", "rolled-back", "committed", "committed-partial",
										"unknown"};

	return (unsigned)outcome < sizeof names / sizeof *names ? names[outcome] : "unknown";
}

const char *cdbc_replay_name(cdbc_replay replay)
{
	static const char *const names[] = {"no", "safe", "transaction", "if-idempotent"};

	return (unsigned)replay < sizeof names / sizeof *names ? names[replay] : "no";
}

cdbc_status cdbc_error_status(const cdbc_error *error)
{
	return error->status;
}

const char *cdbc_error_message(const cdbc_error *error)
{
	return error->message ? error->message : cdbc_status_text(error->status);
}

const char *cdbc_error_sqlstate(const cdbc_error *error)
{
	return error->sqlstate;
}

const char *cdbc_error_field(const cdbc_error *error, cdbc_error_field_id id)
{
	return (unsigned)id < CDBC_FIELD_COUNT ? error->fields[id] : NULL;
}

int64_t cdbc_error_position(const cdbc_error *error)
{
	return error->position;
}

int64_t cdbc_error_line(const cdbc_error *error)
{
	return error->line;
}

int64_t cdbc_error_column(const cdbc_error *error)
{
	return error->column;
}

cdbc_outcome cdbc_error_outcome(const cdbc_error *error)
{
	return error->outcome;
}

cdbc_replay cdbc_error_replay(const cdbc_error *error)
{
	return error->replay;
}

void cdbc_error_free(cdbc_error *error)
{
	if (!error || error->is_static)
		return;
	cx_free(error->message);
	for (int i = 0; i < CDBC_FIELD_COUNT; i++)
		cx_free(error->fields[i]);
	cx_free(error);
}

void cx_error_clear(cdbc_error **err)
{
	if (!err)
		return;
	cdbc_error_free(*err);
	*err = NULL;
}

void cx_error_pass(cdbc_error **err, cdbc_error *error)
{
	if (err)
		*err = error;
	else
		cdbc_error_free(error);
}

cdbc_status cx_error_nomem(cdbc_error **err)
{
	if (err)
		*err = nomem_error;
	return CDBC_NOMEM;
}

/* Formats into fresh memory, bounded; NULL when out of memory. */
static char *format_text(const char *format, va_list args) CDBC_PRINTF(1, 0);
static char *format_text(const char *format, va_list args)
{
	char text[MESSAGE_MAX];
	int n = vsnprintf(text, sizeof text, format, args);

	if (n < 0)
		return cx_strdup(format);
	return cx_strndup(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

cdbc_status cx_error_setv(cdbc_error **err, cdbc_status status, const char *format, va_list args)
{
	cdbc_error *error;

	if (!err)
		return status;
	if (status == CDBC_NOMEM)
		return cx_error_nomem(err);
	error = cx_calloc(1, sizeof *error);
	if (!error)
		return cx_error_nomem(err);
	error->status = status;
	error->message = format_text(format, args);
	*err = error;
	return status;
}

cdbc_status cx_error_set(cdbc_error **err, cdbc_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	status = cx_error_setv(err, status, format, args);
	va_end(args);
	return status;
}

cdbc_status cdbc_error_set(cdbc_error **err, cdbc_status status, const char *format, ...)
{
	va_list args;

	if (status == CDBC_OK || (unsigned)status >= CDBC_STATUS_COUNT)
		status = CDBC_USAGE;
	va_start(args, format);
	status = cx_error_setv(err, status, format, args);
	va_end(args);
	cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	return status;
}

cdbc_status cx_error_from_info(cdbc_error **err, const cdbc_error_info *info)
{
	cdbc_status status = cx_error_set(
		err, info->status, "%s", info->message ? info->message : cdbc_status_text(info->status));

	cx_error_sqlstate(err, info->sqlstate);
	cx_error_field(err, CDBC_FIELD_DETAIL, info->detail);
	cx_error_field(err, CDBC_FIELD_HINT, info->hint);
	cx_error_field(err, CDBC_FIELD_CONSTRAINT, info->constraint);
	cx_error_field(err, CDBC_FIELD_SCHEMA, info->schema);
	cx_error_field(err, CDBC_FIELD_TABLE, info->table);
	cx_error_field(err, CDBC_FIELD_COLUMN, info->column);
	cx_error_field(err, CDBC_FIELD_HOST, info->host);
	cx_error_position(err, info->position);
	if (info->struct_size < sizeof *info) /* of a driver that is older */
		return status;
	cx_error_field(err, CDBC_FIELD_CONTEXT, info->context);
	if (info->line)
		cx_error_place(err, NULL, info->line, 0);
	return status;
}

/* The error that may be changed, or NULL. */
static cdbc_error *writable(cdbc_error **err)
{
	return err && *err && !(*err)->is_static ? *err : NULL;
}

void cx_error_wrap(cdbc_error **err, const char *format, ...)
{
	cdbc_error *error = writable(err);
	char text[MESSAGE_MAX];
	va_list args;
	size_t outer, inner;
	char *joined;

	if (!error)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	outer = strlen(text);
	inner = strlen(cdbc_error_message(error));
	joined = cx_alloc(outer + 2 + inner + 1);
	if (!joined)
		return;
	memcpy(joined, text, outer);
	memcpy(joined + outer, ": ", 2);
	memcpy(joined + outer + 2, cdbc_error_message(error), inner + 1);
	cx_free(error->message);
	error->message = joined;
}

void cx_error_field(cdbc_error **err, cdbc_error_field_id id, const char *text)
{
	cdbc_error *error = writable(err);
	char *copy;

	if (!error || !text || (unsigned)id >= CDBC_FIELD_COUNT)
		return;
	copy = cx_strdup(text);
	if (!copy)
		return;
	cx_free(error->fields[id]);
	error->fields[id] = copy;
}

static void set_hint(cdbc_error **err, const char *format, va_list args) CDBC_PRINTF(2, 0);
static void set_hint(cdbc_error **err, const char *format, va_list args)
{
	cdbc_error *error = writable(err);
	char *text;

	if (!error)
		return;
	text = format_text(format, args);
	if (!text)
		return;
	cx_free(error->fields[CDBC_FIELD_HINT]);
	error->fields[CDBC_FIELD_HINT] = text;
}

void cx_error_hint(cdbc_error **err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_hint(err, format, args);
	va_end(args);
}

void cdbc_error_set_hint(cdbc_error **err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_hint(err, format, args);
	va_end(args);
}

void cx_error_sqlstate(cdbc_error **err, const char *sqlstate)
{
	cdbc_error *error = writable(err);

	if (!error || !sqlstate || strlen(sqlstate) != 5)
		return;
	memcpy(error->sqlstate, sqlstate, 6);
}

void cx_error_position(cdbc_error **err, int64_t position)
{
	cdbc_error *error = writable(err);

	if (error)
		error->position = position;
}

void cx_error_place(cdbc_error **err, const char *file, int64_t line, int64_t column)
{
	cdbc_error *error = writable(err);

	if (!error)
		return;
	if (!file) {
		cx_free(error->fields[CDBC_FIELD_FILE]);
		error->fields[CDBC_FIELD_FILE] = NULL;
	}
	cx_error_field(err, CDBC_FIELD_FILE, file);
	error->line = line;
	error->column = column;
}

void cx_error_outcome(cdbc_error **err, cdbc_outcome outcome, cdbc_replay replay)
{
	cdbc_error *error = writable(err);

	if (err && *err && (*err)->is_static)
		*err = &nomem_errors[outcome][replay];
	if (!error)
		return;
	error->outcome = outcome;
	error->replay = replay;
}

void cx_error_status(cdbc_error **err, cdbc_status status)
{
	cdbc_error *error = writable(err);

	if (error)
		error->status = status;
}

cdbc_error *cx_error_copy(const cdbc_error *error)
{
	cdbc_error *copy;

	if (!error)
		return NULL;
	if (error->is_static)
		return &nomem_errors[error->outcome][error->replay];
	copy = cx_alloc(sizeof *copy);
	if (!copy)
		return nomem_error;
	*copy = *error;
	copy->message = cx_strdup(error->message);
	for (int i = 0; i < CDBC_FIELD_COUNT; i++)
		copy->fields[i] = cx_strdup(error->fields[i]);
	return copy;
}
