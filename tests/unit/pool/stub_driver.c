// SPDX-License-Identifier: Apache-2.0
/* The driver without a database. */
#include "stub_driver.h"

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct stub_conn {
	int number;
	_Atomic bool is_lost;
	_Atomic bool is_busy;
	_Atomic int tx;
	atomic_int users;
} stub_conn;

/* lock protects everything here. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	stub_counts counts;
	cdbc_status open_status;
	cdbc_status ping_status;
	cdbc_status reset_status;
	bool is_gate_closed;
} stub = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void lock(void)
{
	pthread_mutex_lock(&stub.lock);
}

static void unlock(void)
{
	pthread_cond_broadcast(&stub.changed);
	pthread_mutex_unlock(&stub.lock);
}

static void pass_gate(void)
{
	pthread_cond_broadcast(&stub.changed);
	while (stub.is_gate_closed)
		pthread_cond_wait(&stub.changed, &stub.lock);
}

static void enter(stub_conn *conn)
{
	if (atomic_fetch_add(&conn->users, 1) != 0) {
		lock();
		stub.counts.clash++;
		unlock();
	}
}

static void leave(stub_conn *conn)
{
	atomic_fetch_sub(&conn->users, 1);
}

static cdbc_status stub_open(const cdbc_settings *settings, int64_t deadline_ns, void **conn,
							 cdbc_error **err)
{
	cdbc_status status;
	stub_conn *made;

	(void)deadline_ns;
	lock();
	stub.counts.open_begun++;
	pass_gate();
	status = stub.open_status;
	if (status) {
		stub.counts.open_failed++;
		unlock();
		return cx_error_set(err, status, "connect %s: refused",
							cdbc_settings_find(settings, "host"));
	}
	made = calloc(1, sizeof *made);
	made->number = ++stub.counts.open_done;
	unlock();
	*conn = made;
	return CDBC_OK;
}

static void stub_close(void *conn)
{
	if (conn)
		enter(conn);
	free(conn);
	lock();
	stub.counts.close++;
	unlock();
}

static cdbc_conn_state stub_state(void *handle)
{
	stub_conn *conn = handle;

	return (cdbc_conn_state){(cdbc_tx_state)conn->tx, conn->is_lost, conn->is_busy};
}

static cdbc_status stub_info(void *conn, cdbc_info_id id, cdbc_value *out, cdbc_error **err)
{
	(void)err;
	enter(conn);
	*out = id == CDBC_INFO_HOST ? cdbc_string("db1:26257") : cdbc_null();
	leave(conn);
	return CDBC_OK;
}

static cdbc_status stub_ping(void *conn, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status;

	(void)deadline_ns;
	enter(conn);
	lock();
	stub.counts.ping++;
	pass_gate();
	status = stub.ping_status;
	unlock();
	leave(conn);
	return status ? cx_error_set(err, status, "ping: no answer") : CDBC_OK;
}

static cdbc_status stub_reset(void *handle, int64_t deadline_ns, cdbc_error **err)
{
	stub_conn *conn = handle;
	cdbc_status status;

	(void)deadline_ns;
	enter(conn);
	lock();
	stub.counts.reset++;
	pass_gate();
	status = stub.reset_status;
	unlock();
	conn->tx = CDBC_TX_IDLE;
	leave(conn);
	return status ? cx_error_set(err, status, "reset: no answer") : CDBC_OK;
}

const cdbc_driver stub_driver = {
	.struct_size = sizeof stub_driver,
	.name = "stub",
	.schemes = "stub",
	.open = stub_open,
	.close = stub_close,
	.state = stub_state,
	.info = stub_info,
	.ping = stub_ping,
	.reset = stub_reset,
};

void stub_begin(void)
{
	lock();
	stub.counts = (stub_counts){0};
	stub.open_status = stub.ping_status = stub.reset_status = CDBC_OK;
	stub.is_gate_closed = false;
	unlock();
}

void stub_open_fails(cdbc_status status)
{
	lock();
	stub.open_status = status;
	unlock();
}

void stub_ping_fails(cdbc_status status)
{
	lock();
	stub.ping_status = status;
	unlock();
}

void stub_reset_fails(cdbc_status status)
{
	lock();
	stub.reset_status = status;
	unlock();
}

void stub_gate_close(void)
{
	lock();
	stub.is_gate_closed = true;
	unlock();
}

void stub_gate_open(void)
{
	lock();
	stub.is_gate_closed = false;
	unlock();
}

static void wait_for(const int *count, int wanted)
{
	pthread_mutex_lock(&stub.lock);
	while (*count < wanted)
		pthread_cond_wait(&stub.changed, &stub.lock);
	pthread_mutex_unlock(&stub.lock);
}

void stub_wait_open_begun(int count)
{
	wait_for(&stub.counts.open_begun, count);
}

void stub_wait_open_failed(int count)
{
	wait_for(&stub.counts.open_failed, count);
}

void stub_wait_close(int count)
{
	wait_for(&stub.counts.close, count);
}

stub_counts stub_count(void)
{
	stub_counts counts;

	pthread_mutex_lock(&stub.lock);
	counts = stub.counts;
	pthread_mutex_unlock(&stub.lock);
	return counts;
}

void stub_lose(void *handle)
{
	((stub_conn *)handle)->is_lost = true;
}

void stub_set_tx(void *handle, cdbc_tx_state tx)
{
	((stub_conn *)handle)->tx = (int)tx;
}

void stub_set_busy(void *handle, bool is_busy)
{
	((stub_conn *)handle)->is_busy = is_busy;
}

int stub_number(void *handle)
{
	return ((stub_conn *)handle)->number;
}
