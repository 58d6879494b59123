// SPDX-License-Identifier: Apache-2.0
// One connection's bytes: reading messages, sending, and waiting for events. It always waits on the
// socket and on an eventfd together, so that the test's thread can wake it. What the messages mean
// is not its matter.
#include "wire_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Waits for the socket (events 0: not) or a wake-up. False: the server stops.
static bool wait_event(wire_conn *conn, short events, short *seen)
{
	struct pollfd fds[] = {{.fd = events != 0 ? conn->fd : -1, .events = events},
						   {.fd = conn->wake_fd, .events = POLLIN}};
	uint64_t count;
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	if (fds[1].revents != 0 && read(conn->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		return false;
	*seen = fds[0].revents;
	pthread_mutex_lock(&conn->server->lock);
	bool is_stopping = conn->server->is_stopping;
	pthread_mutex_unlock(&conn->server->lock);
	return !is_stopping;
}

bool wire_conn_send(wire_conn *conn, const void *data, size_t length)
{
	const char *at = data;
	while (length > 0) {
		ssize_t sent = send(conn->fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		short seen;
		if (sent > 0) {
			at += sent;
			length -= (size_t)sent;
		} else if (errno != EAGAIN && errno != EINTR) {
			return false;
		} else if (!wait_event(conn, POLLOUT, &seen)) {
			return false;
		}
	}
	return true;
}

bool wire_conn_flush(wire_conn *conn)
{
	if (conn->keeps_output)
		return true;
	bool is_sent = wire_conn_send(conn, conn->out.data, conn->out.length);
	conn->out.length = 0;
	return is_sent;
}

// Sends what the test pushed. False: it ends the connection.
static bool send_pushed(wire_conn *conn)
{
	pthread_mutex_lock(&conn->server->lock);
	wire_bytes pushed = conn->pushed;
	wire_end end = conn->pushed_end;
	conn->pushed = (wire_bytes){0};
	pthread_mutex_unlock(&conn->server->lock);
	bool stays = wire_conn_send(conn, pushed.data, pushed.length) && end == WIRE_STAY;
	wire_bytes_fini(&pushed);
	if (!stays)
		conn->end = end;
	return stays;
}

// Puts more of the client's bytes into conn->in. False: it is over.
static bool receive(wire_conn *conn)
{
	char chunk[16384];
	short seen = 0;
	ssize_t got;
	do {
		if (!send_pushed(conn) || !wait_event(conn, POLLIN, &seen))
			return false;
	} while (seen == 0);
	do
		got = recv(conn->fd, chunk, sizeof chunk, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		wire_bytes_put(&conn->in, chunk, (size_t)got);
	return got > 0;
}

static void drop_taken(wire_conn *conn)
{
	wire_bytes_shift(&conn->in, conn->in_taken);
	conn->in_taken = 0;
}

bool wire_conn_read(wire_conn *conn, wire_message *out)
{
	drop_taken(conn);
	while (!wire_message_next(&conn->in, &conn->in_taken, out))
		if (!receive(conn))
			return false;
	return true;
}

bool wire_conn_read_startup(wire_conn *conn, wire_message *out)
{
	size_t length = 4;
	drop_taken(conn);
	for (;;) {
		if (conn->in.length >= 4) {
			wire_message head = {.body = conn->in.data, .length = 4};
			wire_reader reader = wire_reader_of(&head);
			length = wire_read_u32(&reader);
			if (length < 8 || length > 10000)
				return false;
		}
		if (conn->in.length >= 8 && conn->in.length >= length)
			break;
		if (!receive(conn))
			return false;
	}
	*out = (wire_message){.body = conn->in.data + 4, .length = length - 4};
	out->type = wire_startup_type(out->body, out->length);
	conn->in_taken = length;
	return true;
}

// Takes what the wait is for; the lock is held.
static bool take_event(wire_conn *conn, wire_wait kind)
{
	if (kind == WIRE_WAIT_CANCEL && conn->is_cancelled) {
		conn->is_cancelled = false;
		return true;
	}
	if (kind == WIRE_WAIT_STOP || conn->server->ticket_count == 0)
		return false;
	conn->server->ticket_count--;
	return true;
}

bool wire_conn_wait(wire_conn *conn, wire_wait kind)
{
	bool is_taken = false, goes_on = true;
	short seen;
	while (goes_on && !is_taken) {
		pthread_mutex_lock(&conn->server->lock);
		is_taken = take_event(conn, kind);
		if (conn->is_holding == is_taken) {
			conn->is_holding = !is_taken;
			conn->server->holding_count += is_taken ? (size_t)-1 : 1;
			wire_server_changed(conn->server);
		}
		pthread_mutex_unlock(&conn->server->lock);
		if (!is_taken)
			goes_on = wait_event(conn, 0, &seen);
	}
	return is_taken;
}

bool wire_conn_is_cancelled(wire_conn *conn)
{
	pthread_mutex_lock(&conn->server->lock);
	bool is_taken = take_event(conn, WIRE_WAIT_CANCEL);
	pthread_mutex_unlock(&conn->server->lock);
	return is_taken;
}

void wire_conn_forget_cancel(wire_conn *conn)
{
	pthread_mutex_lock(&conn->server->lock);
	conn->is_cancelled = false;
	pthread_mutex_unlock(&conn->server->lock);
}

// Says goodbye and reads on until the client has seen it: closing a socket with unread bytes in it
// would send RST instead, which may overtake what was sent before.
static void close_in_order(wire_conn *conn)
{
	char chunk[4096];
	short seen = 0;
	if (shutdown(conn->fd, SHUT_WR) != 0)
		return;
	while (wait_event(conn, POLLIN, &seen))
		if (seen != 0 && recv(conn->fd, chunk, sizeof chunk, 0) <= 0)
			return;
}

void wire_conn_finish(wire_conn *conn)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	if (conn->end == WIRE_RESET)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	else if (conn->end == WIRE_CLOSE)
		close_in_order(conn);
	wire_bytes_fini(&conn->in);
	wire_bytes_fini(&conn->out);
	pthread_mutex_lock(&conn->server->lock);
	close(conn->fd);
	close(conn->wake_fd);
	conn->is_finished = true;
	conn->server->holding_count -= conn->is_holding ? 1 : 0;
	conn->server->open_count -= conn->is_counted ? 1 : 0;
	wire_bytes_fini(&conn->pushed);
	wire_server_changed(conn->server);
	pthread_mutex_unlock(&conn->server->lock);
}
