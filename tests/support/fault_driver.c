// SPDX-License-Identifier: Apache-2.0
/* The driver that strikes. A request is looked at when it is submitted; what is wrong with it is
 * told where its result is asked for, as a real driver does. */
#include "fault_driver.h"

#include "base/error.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define REQUESTS_MAX 16
#define NEVER        INT64_MAX
#define NONE         SIZE_MAX

typedef struct fault_conn {
	void *inner;
	void *late; /* the inner cursor that is run once the connection is closed */
	bool is_lost;
} fault_conn;

typedef struct fault_cursor {
	fault_conn *conn;
	void *inner; /* NULL: lost */
	fault_kind kind;
	size_t next;    /* the request whose result is asked for next */
	size_t fail_at; /* the request that fails */
	bool is_after;  /* once it has ended well */
	bool is_told;   /* it has failed so: summary is ours */
	cdbc_summary summary;
} fault_cursor;

/* lock protects all below it. */
static struct {
	const cdbc_driver *inner;
	pthread_mutex_t lock;
	pthread_cond_t settled;
	fault_driver_options options;
	bool is_armed, is_added;
	uint64_t random, pauses; /* pauses have their own: a late commit draws when it comes */
	int64_t counts[FAULT_KIND_COUNT];
	fault_kind planned;
	int late_count;
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER,
			.settled = PTHREAD_COND_INITIALIZER,
			.planned = FAULT_KIND_COUNT};

static void pause_some(int64_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* ---- the choice ---- */

/* splitmix64; with the lock. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

typedef struct place {
	bool is_start;
	bool is_commit; /* holds COMMIT */
	bool is_write;  /* writes without a transaction */
	bool is_inside;
	size_t write_at, commit_at; /* NONE: none */
} place;

static bool is_word(const cdbc_request *r, const char *word)
{
	size_t n = strlen(word);

	return r->sql_length >= n && strncasecmp(r->sql, word, n) == 0;
}

static place look(const cdbc_request *requests, size_t count, cdbc_tx_state tx)
{
	place p = {.write_at = NONE, .commit_at = NONE};
	bool has_begin = false;

	for (size_t i = 0; i < count; i++) {
		const cdbc_request *r = &requests[i];

		has_begin = has_begin || is_word(r, "begin");
		if (is_word(r, "commit") || is_word(r, "end"))
			p.commit_at = i;
		else if ((r->kind == CDBC_KIND_DML || r->flags & CDBC_REQUEST_SIMPLE) &&
				 !(r->flags & CDBC_REQUEST_READ_ONLY) && p.write_at == NONE)
			p.write_at = i;
	}
	p.is_commit = p.commit_at != NONE && tx != CDBC_TX_FAILED;
	p.is_inside = tx == CDBC_TX_OPEN && !p.is_commit;
	p.is_write = tx == CDBC_TX_IDLE && !has_begin && p.write_at != NONE;
	return p;
}

static bool fits(fault_kind kind, const place *p)
{
	bool is_committing = p->is_commit || p->is_write;

	if (!(FAULT_DRIVER_KINDS & 1u << kind) || p->is_start != (kind == FAULT_REFUSE))
		return false;
	switch (kind) {
	case FAULT_REFUSE:
	case FAULT_DELAY:
		return true;
	case FAULT_CUT_INSIDE:
		return !is_committing;
	case FAULT_CONFLICT:
		return p->write_at != NONE;
	case FAULT_CONFLICT_COMMIT:
	case FAULT_ROLLBACK_TAG:
		return p->is_commit;
	default:
		return is_committing;
	}
}

/* With the lock: one of those that fit, of those that are behind if there are any. */
static fault_kind choose_any(const place *p)
{
	fault_kind fitting[FAULT_KIND_COUNT];
	size_t count = 0;

	for (int late = 1; late >= 0 && count == 0; late--)
		for (fault_kind k = 0; k < FAULT_KIND_COUNT; k++)
			if (fits(k, p) && (!late || faults.counts[k] < faults.options.at_least))
				fitting[count++] = k;
	return count ? fitting[next_random(&faults.random) % count] : FAULT_KIND_COUNT;
}

/* The kind that strikes here, counted; FAULT_KIND_COUNT: none. */
static fault_kind choose(const place *p)
{
	int permille = p->is_commit || p->is_write || p->is_start ? faults.options.commit_permille
															  : faults.options.other_permille;
	fault_kind kind = FAULT_KIND_COUNT;

	pthread_mutex_lock(&faults.lock);
	if (faults.planned != FAULT_KIND_COUNT && fits(faults.planned, p)) {
		kind = faults.planned;
		faults.planned = FAULT_KIND_COUNT;
	} else if (faults.is_armed && (int)(next_random(&faults.random) % 1000) < permille) {
		kind = choose_any(p);
	}
	if (kind != FAULT_KIND_COUNT)
		faults.counts[kind]++;
	pthread_mutex_unlock(&faults.lock);
	return kind;
}

static int64_t random_ms(void)
{
	int64_t ms, most = faults.options.delay_max_ms > 0 ? faults.options.delay_max_ms : 10;

	pthread_mutex_lock(&faults.lock);
	ms = (int64_t)(next_random(&faults.pauses) % (uint64_t)most);
	pthread_mutex_unlock(&faults.lock);
	return ms;
}

/* ---- connections ---- */

static cdbc_status lost(cdbc_error **err)
{
	return cx_error_set(err, CDBC_CONNECT, "fault: the connection is lost");
}

static cdbc_status conn_open(const cdbc_settings *settings, int64_t deadline_ns, void **out,
							 cdbc_error **err)
{
	const place start = {.is_start = true, .write_at = NONE, .commit_at = NONE};
	cdbc_setting *items = calloc(settings->count + 1, sizeof *items);
	cdbc_settings inner = *settings;
	fault_conn *conn = calloc(1, sizeof *conn);
	cdbc_status status;

	if (!items || !conn)
		abort();
	inner.scheme = faults.inner->schemes;
	inner.items = items;
	inner.count = 0;
	items[inner.count++] = (cdbc_setting){"path", faults.options.path};
	for (size_t i = 0; i < settings->count; i++)
		if (strncmp(settings->items[i].name, "set.", 4) == 0)
			items[inner.count++] = settings->items[i];
	if (choose(&start) == FAULT_REFUSE)
		status = cx_error_set(err, CDBC_CONNECT, "fault: not accepting clients");
	else
		status = faults.inner->open(&inner, deadline_ns, &conn->inner, err);
	free(items);
	if (status)
		free(conn);
	else
		*out = conn;
	return status;
}

/* Runs a cursor of the inner driver to its end, whatever comes of it. */
static void run_out(void *cursor)
{
	const struct ArrowSchema *schema;
	bool has_result = true;

	while (has_result && !faults.inner->next_result(cursor, NEVER, &schema, &has_result, NULL)) {
		struct ArrowArray batch = {.release = NULL};

		while (has_result && !faults.inner->fetch(cursor, NEVER, &batch, NULL) && batch.release)
			batch.release(&batch);
	}
	faults.inner->cursor_close(cursor, NEVER);
}

static void *late_main(void *self)
{
	fault_conn *conn = self;

	pause_some(random_ms());
	run_out(conn->late);
	faults.inner->close(conn->inner);
	free(conn);
	pthread_mutex_lock(&faults.lock);
	faults.late_count--;
	pthread_cond_broadcast(&faults.settled);
	pthread_mutex_unlock(&faults.lock);
	return NULL;
}

static void conn_close(void *self)
{
	fault_conn *conn = self;
	pthread_t thread;

	if (!conn)
		return;
	if (!conn->late) {
		faults.inner->close(conn->inner);
		free(conn);
		return;
	}
	pthread_mutex_lock(&faults.lock);
	faults.late_count++;
	pthread_mutex_unlock(&faults.lock);
	if (pthread_create(&thread, NULL, late_main, conn) || pthread_detach(thread))
		abort();
}

static cdbc_conn_state conn_state(void *self)
{
	const fault_conn *conn = self;
	cdbc_conn_state state = faults.inner->state(conn->inner);

	state.is_lost = state.is_lost || conn->is_lost;
	return state;
}

static cdbc_status conn_info(void *self, cdbc_info_id id, cdbc_value *out, cdbc_error **err)
{
	return faults.inner->info(((fault_conn *)self)->inner, id, out, err);
}

static cdbc_status conn_ping(void *self, int64_t deadline_ns, cdbc_error **err)
{
	fault_conn *conn = self;

	return conn->is_lost ? lost(err) : faults.inner->ping(conn->inner, deadline_ns, err);
}

static cdbc_status conn_reset(void *self, int64_t deadline_ns, cdbc_error **err)
{
	fault_conn *conn = self;

	return conn->is_lost ? lost(err) : faults.inner->reset(conn->inner, deadline_ns, err);
}

static cdbc_status conn_describe(void *self, const cdbc_request *request, int64_t deadline_ns,
								 cdbc_description **out, cdbc_error **err)
{
	fault_conn *conn = self;

	return conn->is_lost ? lost(err)
						 : faults.inner->describe(conn->inner, request, deadline_ns, out, err);
}

static cdbc_status conn_cancel(void *self, int64_t deadline_ns, cdbc_error **err)
{
	return faults.inner->cancel(((fault_conn *)self)->inner, deadline_ns, err);
}

/* ---- requests ---- */

/* The requests, COMMIT among them made a ROLLBACK. */
static cdbc_status submit_undone(fault_cursor *c, const cdbc_request *requests, size_t count,
								 size_t commit_at, cdbc_sync sync, int64_t deadline_ns,
								 cdbc_summary *failed, cdbc_error **err)
{
	cdbc_request undone[REQUESTS_MAX];

	if (count > REQUESTS_MAX)
		abort();
	memcpy(undone, requests, count * sizeof *requests);
	undone[commit_at].sql = "ROLLBACK";
	undone[commit_at].sql_length = strlen("ROLLBACK");
	undone[commit_at].statement_id = 0;
	return faults.inner->submit(c->conn->inner, undone, count, sync, deadline_ns, &c->inner, failed,
								err);
}

/* Where it will fail, and what of it is done before. */
static void plan(fault_cursor *c, const place *p, size_t count)
{
	switch (c->kind) {
	case FAULT_CONFLICT:
		c->fail_at = p->write_at;
		break;
	case FAULT_CONFLICT_COMMIT: /* alone it leaves the transaction open, as SQLite does */
		c->fail_at = p->commit_at;
		c->is_after = count > 1;
		break;
	case FAULT_ROLLBACK_TAG:
		c->fail_at = p->commit_at;
		c->is_after = true;
		break;
	case FAULT_AMBIGUOUS_UNDONE:
		c->fail_at = p->is_commit ? p->commit_at : p->write_at;
		c->is_after = p->is_commit;
		break;
	case FAULT_AMBIGUOUS_DONE:
		c->fail_at = count - 1;
		c->is_after = true;
		break;
	case FAULT_CUT_BEFORE_COMMIT:
	case FAULT_CUT_AFTER_COMMIT:
	case FAULT_CUT_INSIDE:
	case FAULT_LATE_COMMIT:
		c->fail_at = 0;
		c->conn->is_lost = true;
		break;
	default:
		break;
	}
}

static bool is_undone(const fault_cursor *c, const place *p)
{
	return p->is_commit && (c->kind == FAULT_ROLLBACK_TAG || c->kind == FAULT_AMBIGUOUS_UNDONE ||
							(c->kind == FAULT_CONFLICT_COMMIT && c->is_after));
}

static cdbc_status conn_submit(void *self, const cdbc_request *requests, size_t count,
							   cdbc_sync sync, int64_t deadline_ns, void **cursor,
							   cdbc_summary *failed, cdbc_error **err)
{
	fault_conn *conn = self;
	cdbc_tx_state tx = faults.inner->state(conn->inner).tx;
	fault_cursor *c = calloc(1, sizeof *c);
	cdbc_status status = CDBC_OK;
	place p = look(requests, count, tx);

	if (!c)
		abort();
	if (conn->is_lost) {
		free(c);
		if (failed)
			*failed = (cdbc_summary){.struct_size = sizeof *failed,
									 .affected_count = -1,
									 .is_link_lost = true,
									 .tx_before = tx};
		return lost(err);
	}
	c->conn = conn;
	c->fail_at = NONE;
	c->summary =
		(cdbc_summary){.struct_size = sizeof c->summary, .affected_count = -1, .tx_before = tx};
	c->kind = choose(&p);
	plan(c, &p, count);
	if (c->kind == FAULT_DELAY)
		pause_some(random_ms());
	if (is_undone(c, &p))
		status = submit_undone(c, requests, count, p.commit_at, sync, deadline_ns, failed, err);
	else if (c->kind != FAULT_CUT_BEFORE_COMMIT && c->kind != FAULT_CUT_INSIDE)
		status = faults.inner->submit(conn->inner, requests, count, sync, deadline_ns, &c->inner,
									  failed, err);
	if (status) {
		free(c);
		return status;
	}
	if (c->kind == FAULT_CUT_AFTER_COMMIT) {
		run_out(c->inner);
		c->inner = NULL;
	} else if (c->kind == FAULT_LATE_COMMIT) {
		conn->late = c->inner;
		c->inner = NULL;
	}
	*cursor = c;
	return CDBC_OK;
}

static cdbc_status tell(fault_cursor *c, cdbc_error **err)
{
	cdbc_status status;

	c->is_told = true;
	c->summary.position = CDBC_POSITION_DONE;
	switch (c->kind) {
	case FAULT_CONFLICT:
	case FAULT_CONFLICT_COMMIT:
		return cx_error_set(err, CDBC_CONFLICT, "fault: the database is locked");
	case FAULT_ROLLBACK_TAG:
		memcpy(c->summary.tag, "ROLLBACK", sizeof "ROLLBACK");
		status = cx_error_set(err, CDBC_SQL, "fault: the transaction was aborted and rolled back");
		cx_error_sqlstate(err, "40000");
		return status;
	case FAULT_AMBIGUOUS_DONE:
	case FAULT_AMBIGUOUS_UNDONE:
		status = cx_error_set(err, CDBC_SQL, "fault: result is ambiguous");
		cx_error_sqlstate(err, "40003");
		return status;
	default:
		c->summary.position = CDBC_POSITION_SENT;
		c->summary.is_link_lost = true;
		return cx_error_set(err, CDBC_CONNECT, "fault: the connection was lost");
	}
}

static bool fails_after(const fault_cursor *c)
{
	return c->is_after && c->next == c->fail_at + 1;
}

static cdbc_status cursor_next_result(void *self, int64_t deadline_ns,
									  const struct ArrowSchema **schema, bool *has_result,
									  cdbc_error **err)
{
	fault_cursor *c = self;
	size_t at = c->next++;

	if (c->is_told) { /* nothing follows */
		*has_result = false;
		return CDBC_OK;
	}
	if (at == c->fail_at) {
		if (c->inner)
			c->summary.tx_before = faults.inner->state(c->conn->inner).tx;
		if (!c->is_after)
			return tell(c, err);
	}
	return faults.inner->next_result(c->inner, deadline_ns, schema, has_result, err);
}

static cdbc_status cursor_fetch(void *self, int64_t deadline_ns, struct ArrowArray *out,
								cdbc_error **err)
{
	fault_cursor *c = self;
	cdbc_status status;

	if (!c->inner || c->is_told) {
		out->release = NULL;
		return CDBC_OK;
	}
	status = faults.inner->fetch(c->inner, deadline_ns, out, err);
	if (status || out->release || !fails_after(c))
		return status;
	return tell(c, err);
}

static const cdbc_summary *cursor_summary(void *self)
{
	fault_cursor *c = self;

	return c->is_told || !c->inner ? &c->summary : faults.inner->summary(c->inner);
}

static void cursor_close(void *self, int64_t deadline_ns)
{
	fault_cursor *c = self;

	if (!c)
		return;
	if (c->inner)
		faults.inner->cursor_close(c->inner, deadline_ns);
	free(c);
}

/* ---- the whole ---- */

static void add(void)
{
	static cdbc_driver driver;

	driver = *faults.inner;
	driver.name = driver.schemes = "faulty";
	driver.open = conn_open;
	driver.close = conn_close;
	driver.state = conn_state;
	driver.info = conn_info;
	driver.ping = conn_ping;
	driver.reset = conn_reset;
	driver.describe = conn_describe;
	driver.submit = conn_submit;
	driver.next_result = cursor_next_result;
	driver.fetch = cursor_fetch;
	driver.summary = cursor_summary;
	driver.cursor_close = cursor_close;
	driver.cancel = conn_cancel;
	driver.copy_begin = NULL;
	driver.copy_write = NULL;
	driver.copy_end = NULL;
	driver.capabilities &= ~(uint32_t)CDBC_CAN_COPY;
	if (cdbc_driver_add(&driver, NULL))
		abort();
	faults.is_added = true;
}

void fault_driver_start(const fault_driver_options *options)
{
	pthread_mutex_lock(&faults.lock);
	faults.options = *options;
	faults.inner = options->inner;
	faults.random = options->seed;
	faults.pauses = ~options->seed;
	faults.is_armed = false;
	memset(faults.counts, 0, sizeof faults.counts);
	pthread_mutex_unlock(&faults.lock);
	if (!faults.is_added)
		add();
}

void fault_driver_arm(bool is_armed)
{
	pthread_mutex_lock(&faults.lock);
	faults.is_armed = is_armed;
	pthread_mutex_unlock(&faults.lock);
}

void fault_driver_strike(fault_kind kind)
{
	pthread_mutex_lock(&faults.lock);
	faults.planned = kind;
	pthread_mutex_unlock(&faults.lock);
}

int64_t fault_driver_count(fault_kind kind)
{
	int64_t count;

	pthread_mutex_lock(&faults.lock);
	count = faults.counts[kind];
	pthread_mutex_unlock(&faults.lock);
	return count;
}

int64_t fault_driver_least(void)
{
	int64_t least = INT64_MAX;

	for (fault_kind k = 0; k < FAULT_KIND_COUNT; k++)
		if (FAULT_DRIVER_KINDS & 1u << k && fault_driver_count(k) < least)
			least = fault_driver_count(k);
	return least;
}

void fault_driver_stop(void)
{
	pthread_mutex_lock(&faults.lock);
	faults.is_armed = false;
	while (faults.late_count > 0)
		pthread_cond_wait(&faults.settled, &faults.lock);
	pthread_mutex_unlock(&faults.lock);
}
