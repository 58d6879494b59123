// SPDX-License-Identifier: Apache-2.0
/* Taking, giving back, cancelling. */
#include "data/exec/lease.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"

#define IS_CANCEL ((uintptr_t)1) /* in lease->running */

/* One cancel. Counted by its two holders, the lease and the thread (or helper) that cancels. */
struct cx_cancel {
	atomic_int refs;
	const cdbc_driver *driver;
	cx_conn *conn;
	int64_t deadline_ns;
	cdbc_status status;
	cdbc_error *error;
	cx_mutex lock; /* guards what follows */
	cx_cond changed;
	bool is_done;
	bool is_orphaned; /* the borrower gave the connection back first: the cancel closes it */
};

static cx_cancel *cancel_of(uintptr_t running)
{
	return running & IS_CANCEL ? (cx_cancel *)(running & ~IS_CANCEL) : NULL;
}

void cx_lease_init(cx_lease *lease)
{
	lease->conn = NULL;
	lease->is_dirty = lease->is_changed = false;
	atomic_init(&lease->running, 0);
}

cdbc_status cx_lease_take(cx_lease *lease, cx_pool *pool, int64_t deadline_ns, const char *source,
						  cdbc_error **err)
{
	cdbc_status status;

	if (lease->conn)
		return CDBC_OK;
	status = cx_pool_acquire_for(pool, deadline_ns, source, lease, &lease->conn, err);
	if (status) {
		lease->conn = NULL;
		return status;
	}
	lease->is_dirty = lease->is_changed = false;
	return CDBC_OK;
}

static void cancel_unref(cx_cancel *cancel)
{
	if (atomic_fetch_sub_explicit(&cancel->refs, 1, memory_order_acq_rel) != 1)
		return;
	cx_mutex_fini(&cancel->lock);
	cx_cond_fini(&cancel->changed);
	cdbc_error_free(cancel->error);
	cx_free(cancel);
}

/* The borrower's half of the end: true when the cancel is done and the connection is the borrower's
 * to close. */
static bool cancel_leave(cx_cancel *cancel)
{
	bool is_done;

	cx_mutex_lock(&cancel->lock);
	is_done = cancel->is_done;
	cancel->is_orphaned = !is_done;
	cx_mutex_unlock(&cancel->lock);
	cancel_unref(cancel);
	return is_done;
}

/* Rolls an open transaction back; false when the connection is not worth keeping. */
static bool tidy(cx_conn *conn, int64_t deadline_ns)
{
	const cdbc_driver *driver = conn->driver;
	cdbc_conn_state state = driver->state(conn->handle);
	cdbc_request rollback = {.struct_size = sizeof rollback,
							 .sql = "ROLLBACK",
							 .sql_length = 8,
							 .kind = CDBC_KIND_TRANSACTION,
							 .flags = CDBC_REQUEST_NO_PREPARE | CDBC_REQUEST_SMALL_RESULT};
	void *cursor = NULL;
	bool has_result = false;
	const struct ArrowSchema *schema;

	if (state.is_lost || state.is_busy)
		return false;
	if (state.tx == CDBC_TX_IDLE)
		return true;
	if (driver->submit(conn->handle, &rollback, 1, CDBC_ONE_SYNC, deadline_ns, &cursor, NULL, NULL))
		return false;
	if (driver->next_result(cursor, deadline_ns, &schema, &has_result, NULL) == CDBC_OK &&
		has_result) {
		struct ArrowArray none;

		if (driver->fetch(cursor, deadline_ns, &none, NULL) == CDBC_OK && none.release)
			none.release(&none);
	}
	driver->cursor_close(cursor, deadline_ns);
	state = driver->state(conn->handle);
	return !state.is_lost && state.tx == CDBC_TX_IDLE;
}

bool cx_lease_tidy(cx_lease *lease, int64_t deadline_ns)
{
	return tidy(lease->conn, deadline_ns);
}

void cx_lease_give(cx_lease *lease, int64_t grace_ms)
{
	cx_conn *conn = lease->conn;
	uintptr_t running;
	cx_cancel *cancel;
	cdbc_conn_state state;

	if (!conn)
		return;
	lease->conn = NULL;
	/* what is at rest stays so: nobody can cancel it */
	running = atomic_load_explicit(&lease->running, memory_order_acquire);
	if (running)
		running = atomic_exchange_explicit(&lease->running, 0, memory_order_acq_rel);
	cancel = cancel_of(running);
	if (cancel) {
		if (cancel_leave(cancel))
			cx_pool_release(conn->pool, conn, CX_RELEASE_CLOSE, "cancelled");
		return;
	}
	state = conn->driver->state(conn->handle);
	if (state.is_lost)
		cx_pool_release(conn->pool, conn, CX_RELEASE_CLOSE, "link lost");
	else if ((state.tx != CDBC_TX_IDLE || state.is_busy) &&
			 !tidy(conn, cx_deadline_after_ms(grace_ms)))
		cx_pool_release(conn->pool, conn, CX_RELEASE_CLOSE, "left in a transaction");
	else
		cx_pool_release(conn->pool, conn, lease->is_dirty ? CX_RELEASE_RESET : CX_RELEASE_SEEN,
						NULL);
}

/* ---- cancelling
 * --------------------------------------------------------------------------------------------- */

static void cancel_run(void *data)
{
	cx_cancel *cancel = data;

	cancel->status =
		cancel->driver->cancel(cancel->conn->handle, cancel->deadline_ns, &cancel->error);
}

/* The canceller's half of the end. */
static void cancel_finish(void *data)
{
	cx_cancel *cancel = data;
	bool is_orphaned;

	cx_mutex_lock(&cancel->lock);
	cancel->is_done = true;
	is_orphaned = cancel->is_orphaned;
	cx_cond_broadcast(&cancel->changed);
	cx_mutex_unlock(&cancel->lock);
	if (is_orphaned)
		cx_pool_release(cancel->conn->pool, cancel->conn, CX_RELEASE_CLOSE, "cancelled");
	cancel_unref(cancel);
}

static cx_cancel *cancel_new(cx_conn *conn, int64_t deadline_ns)
{
	cx_cancel *cancel = cx_calloc(1, sizeof *cancel);

	if (!cancel)
		return NULL;
	atomic_init(&cancel->refs, 2);
	cancel->conn = conn;
	cancel->deadline_ns = deadline_ns;
	cx_mutex_init(&cancel->lock);
	cx_cond_init(&cancel->changed);
	return cancel;
}

cdbc_status cx_lease_cancel(cx_lease *lease, cx_helpers *helpers, int64_t deadline_ns,
							cdbc_error **err)
{
	uintptr_t running = atomic_load_explicit(&lease->running, memory_order_acquire);
	cx_cancel *cancel;
	cdbc_status status;

	if (running == 0 || cancel_of(running))
		return CDBC_OK; /* nothing runs, or it is being cancelled already */
	/* The connection is the one that was seen to run: lease->conn is the borrower's, who may be
	 * giving it back right now. */
	cancel = cancel_new((cx_conn *)running, deadline_ns);
	if (!cancel)
		return cx_error_nomem(err);
	if (!atomic_compare_exchange_strong_explicit(&lease->running, &running,
												 (uintptr_t)cancel | IS_CANCEL,
												 memory_order_acq_rel, memory_order_acquire)) {
		cancel_unref(cancel);
		cancel_unref(cancel);
		return CDBC_OK; /* it has ended meanwhile */
	}
	/* from here on the connection stays: the borrower sees the cancel and leaves it to whoever
	 * comes last */
	cancel->driver = cancel->conn->driver;
	if (!cancel->driver->cancel) {
		status =
			cx_error_set(err, CDBC_UNSUPPORTED, "driver %s cannot cancel", cancel->driver->name);
		cancel_finish(cancel);
		return status;
	}
	status = cx_helpers_run(helpers, cancel_run, cancel_finish, cancel, deadline_ns, err);
	if (status == CDBC_TIMEOUT)
		return status; /* cancel_finish follows on the helper */
	if (status == CDBC_OK && cancel->status) {
		status = cancel->status;
		cx_error_pass(err, cancel->error);
		cancel->error = NULL;
	}
	cancel_finish(cancel);
	return status;
}

cdbc_status cx_lease_settle(cx_lease *lease, int64_t deadline_ns, cdbc_error **err)
{
	cx_cancel *cancel = cancel_of(atomic_load_explicit(&lease->running, memory_order_acquire));
	cdbc_error *error = NULL;
	bool is_done;

	if (!cancel)
		return CDBC_OK;
	cx_mutex_lock(&cancel->lock);
	while (!cancel->is_done && cx_cond_wait(&cancel->changed, &cancel->lock, deadline_ns))
		;
	is_done = cancel->is_done;
	cx_mutex_unlock(&cancel->lock);
	if (!is_done)
		return cx_error_set(err, CDBC_TIMEOUT, "an earlier cancel is still under way");
	/* the server may deliver it late: a round trip takes the blow */
	if (lease->conn->driver->ping(lease->conn->handle, deadline_ns, &error)) {
		bool is_lost = lease->conn->driver->state(lease->conn->handle).is_lost;

		if (is_lost) {
			cx_error_status(&error, CDBC_CONNECT);
			cx_error_pass(err, error);
			return CDBC_CONNECT;
		}
		cdbc_error_free(error);
	}
	atomic_store_explicit(&lease->running, 0, memory_order_release);
	cancel_unref(cancel);
	return CDBC_OK;
}
