// SPDX-License-Identifier: Apache-2.0
/* The fixture of batch tests. */
#include "batch_fixture.h"

#define QUERIES                                                      \
	"-- name: mark :exec\n-- param: a int8\nupdate mark set a=:a;\n" \
	"-- name: one $\nselect two;\n"

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	f->starts += event->kind == CDBC_EVENT_TRANSACTION_START;
	f->ends += event->kind == CDBC_EVENT_TRANSACTION_END;
	f->attempts += event->kind == CDBC_EVENT_ATTEMPT;
	if (event->kind == CDBC_EVENT_ATTEMPT && f->is_cancelled_between)
		assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	if (event->kind == CDBC_EVENT_REQUEST_END) {
		f->requests++;
		f->request_failures += event->error != NULL;
	}
}

static cdbc_status pass_on(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	(void)self;
	return cdbc_next_run(next, call, out, err);
}

static cdbc_status allow_all_but_drop(void *self, cdbc_call *call, cdbc_error **err)
{
	(void)self;
	return strstr(cdbc_call_sql(call), "forbidden")
			   ? cdbc_call_fail(call, CDBC_DENIED, "not this one", err)
			   : CDBC_OK;
}

static int set_up_with(void **state, const cdbc_strategy *link, const char *resolves)
{
	static fixture f;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_ATTEMPT | CDBC_EVENT_TRANSACTION_START |
										CDBC_EVENT_TRANSACTION_END | CDBC_EVENT_REQUEST_END,
							  .on_event = on_event,
							  .self = &f};
	cdbc_config_item items[] = {{"pool.max_size", "1"},         {"pool.min_size", "0"},
								{"retry.conflict_max", "1ms"},  {"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"},      {"queries.folders", f.file},
								{"resolver.enabled", resolves}, {"resolver.timeout", "500ms"}};

	memset(&f, 0, sizeof f);
	f.stop_at = -1;
	strcpy(f.file, "/tmp/cdbc-batch-XXXXXX.sql");
	test_sql_file(f.file, QUERIES);
	f.server = fake_server_new("batch");
	options.observers = &observer;
	options.observer_count = 1;
	options.strategies = link;
	options.strategy_count = link ? 1 : 0;
	test_client_open("fake:batch", items, sizeof items / sizeof *items, &options, &f.client,
					 &f.session);
	*state = &f;
	return 0;
}

int batch_set_up(void **state)
{
	return set_up_with(state, NULL, "false");
}

/* Commits carry tokens. */
int batch_set_up_resolving(void **state)
{
	return set_up_with(state, NULL, "true");
}

/* A link that lets every batch pass, but for one statement. */
int batch_set_up_allowing(void **state)
{
	cdbc_strategy link = {.struct_size = sizeof link,
						  .name = "asks",
						  .execute = pass_on,
						  .allow = allow_all_but_drop};

	return set_up_with(state, &link, "false");
}

/* A link that knows of no batches. */
int batch_set_up_singly(void **state)
{
	cdbc_strategy link = {.struct_size = sizeof link, .name = "old", .execute = pass_on};

	return set_up_with(state, &link, "false");
}

int batch_tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	unlink(f->file);
	return 0;
}

/* ---- the script, and what came of it ---- */

const char *batch_said(const fixture *f, size_t from)
{
	return test_fake_said(f->server, from);
}

size_t batch_said_count(const fixture *f)
{
	return (size_t)fake_server_counts(f->server).requests;
}

void batch_answer(fixture *f, const char *sql)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql, .affected = 1});
}

void batch_answer_rows(fixture *f, const char *sql, const char *rows)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql, .columns = "n int8", .rows = rows});
}

void batch_answer_error(fixture *f, const char *sql, int64_t times, cdbc_status status,
						const char *sqlstate)
{
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = sql,
					   .times = times,
					   .error = {.status = status, .message = "it fails", .sqlstate = sqlstate}});
}

void batch_answer_lost(fixture *f, const char *sql, int64_t times, cdbc_position at)
{
	fake_server_answer(
		f->server, &(fake_answer){.sql = sql, .times = times, .loses_link = true, .lost_at = at});
}

bool batch_on_result(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	fixture *f = data;
	size_t length = strlen(f->told);
	char *end = f->told + length;
	size_t room = sizeof f->told - length;
	int64_t rows = 0;

	if (error) {
		snprintf(end, room, "%lld failed %s; ", (long long)index, cdbc_error_sqlstate(error));
		return true;
	}
	while (cdbc_result_next(result, NULL))
		rows++;
	if (!cdbc_result_is_complete(result))
		snprintf(end, room, "%lld broke; ", (long long)index);
	else
		snprintf(end, room, "%lld:%lld,%lld; ", (long long)index, (long long)rows,
				 (long long)cdbc_result_affected_count(result));
	return index != f->stop_at;
}

cdbc_batch *batch_of(fixture *f, const cdbc_batch_options *options, const char *const *sqls)
{
	cdbc_batch *batch = NULL;
	cdbc_error *err = NULL;

	if (cdbc_batch_new(f->session, options, &batch, &err))
		fail_msg("%s", cdbc_error_message(err));
	for (; *sqls; sqls++)
		if (cdbc_batch_add_sql(batch, *sqls, CDBC_NO_PARAMS, &err))
			fail_msg("%s: %s", *sqls, cdbc_error_message(err));
	return batch;
}

const cdbc_batch_options ATOMIC = {sizeof ATOMIC, NULL, true, CDBC_BATCH_STOP, NULL, false, 0, 0, 0,
								   false};
const cdbc_batch_options CONTINUE = {
	sizeof CONTINUE, NULL, false, CDBC_BATCH_CONTINUE, NULL, false, 0, 0, 0, false};

outcome batch_run(fixture *f, const cdbc_batch_options *options, const char *const *sqls)
{
	outcome o = {.sum = CDBC_BATCH_SUMMARY_INIT};
	cdbc_batch *batch = batch_of(f, options, sqls);

	f->told[0] = '\0';
	o.status = cdbc_batch_execute(batch, batch_on_result, f, &o.sum, &o.err);
	assert_int_equal(o.sum.statement_count, o.sum.done_count + o.sum.failed_count +
												o.sum.undone_count + o.sum.unknown_count +
												o.sum.not_sent_count);
	cdbc_batch_free(batch);
	return o;
}

void batch_assert_counts(const outcome *o, int64_t done, int64_t failed, int64_t undone,
						 int64_t unknown, int64_t not_sent)
{
	const cdbc_batch_summary *s = &o->sum;

	if (s->done_count != done || s->failed_count != failed || s->undone_count != undone ||
		s->unknown_count != unknown || s->not_sent_count != not_sent)
		fail_msg("done %lld, failed %lld, undone %lld, unknown %lld, not sent %lld: %s",
				 (long long)s->done_count, (long long)s->failed_count, (long long)s->undone_count,
				 (long long)s->unknown_count, (long long)s->not_sent_count,
				 o->err ? cdbc_error_message(o->err) : "");
}

void batch_is_ok(const outcome *o)
{
	if (o->status)
		fail_msg("%s", cdbc_error_message(o->err));
}

void batch_is_error(outcome *o, cdbc_status status, cdbc_outcome became, cdbc_replay replay)
{
	assert_non_null(o->err);
	if (o->status != status || cdbc_error_status(o->err) != status ||
		cdbc_error_outcome(o->err) != became || cdbc_error_replay(o->err) != replay)
		fail_msg("%s: %s, %s, %s", cdbc_error_message(o->err),
				 cdbc_status_name(cdbc_error_status(o->err)),
				 cdbc_outcome_name(cdbc_error_outcome(o->err)),
				 cdbc_replay_name(cdbc_error_replay(o->err)));
	cdbc_error_free(o->err);
	o->err = NULL;
}
