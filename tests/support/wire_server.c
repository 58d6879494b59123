// SPDX-License-Identifier: Apache-2.0
// The scripted server's threads: one accepts, one a connection. What a connection does is
// wire_act.c.
#include "wire_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static void wake(int wake_fd)
{
	uint64_t one = 1;
	// It can only fail when the counter is full, and then it is awake.
	if (write(wake_fd, &one, sizeof one) < 0)
		return;
}

// ---- accepting ----

static void *connection_main(void *data)
{
	wire_conn *conn = data;
	wire_act_run(conn);
	wire_conn_finish(conn);
	return NULL;
}

static void accept_one(wire_server *server, int listen_fd)
{
	int one = 1;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	wire_conn *conn = calloc(1, sizeof *conn);
	if (conn == NULL)
		abort();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	conn->server = server;
	conn->fd = fd;
	conn->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (conn->wake_fd < 0)
		abort();
	pthread_mutex_lock(&server->lock);
	conn->number = server->conn_count++;
	conn->next = server->conns;
	server->conns = conn;
	if (pthread_create(&conn->thread, NULL, connection_main, conn) != 0)
		abort();
	pthread_mutex_unlock(&server->lock);
}

static void *accept_main(void *data)
{
	wire_server *server = data;
	int listen_fd = server->listen_fd;
	struct pollfd fds[] = {{.fd = listen_fd, .events = POLLIN},
						   {.fd = server->wake_fd, .events = POLLIN}};
	for (bool goes_on = true; goes_on;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			abort();
		pthread_mutex_lock(&server->lock);
		goes_on = !server->is_stopping && !server->is_refusing;
		pthread_mutex_unlock(&server->lock);
		if (goes_on && fds[0].revents != 0)
			accept_one(server, listen_fd);
	}
	close(listen_fd);
	pthread_mutex_lock(&server->lock);
	server->listen_fd = -1;
	wire_server_changed(server);
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static void listen_on_loopback(wire_server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int size = server->options.receive_buffer_bytes;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->listen_fd < 0 || server->wake_fd < 0)
		abort();
	if (size > 0)
		setsockopt(server->listen_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (bind(server->listen_fd, (struct sockaddr *)&address, length) != 0 ||
		listen(server->listen_fd, 64) != 0 ||
		getsockname(server->listen_fd, (struct sockaddr *)&address, &length) != 0) {
		perror("wire server: listen on 127.0.0.1");
		abort();
	}
	server->port = ntohs(address.sin_port);
}

wire_server *wire_server_start(const wire_server_options *options)
{
	wire_server *server = calloc(1, sizeof *server);
	pthread_condattr_t attributes;
	if (server == NULL)
		abort();
	server->options = *options;
	server->own_table = wire_table_new();
	wire_cursors_init(&server->cursors,
					  options->table != NULL ? options->table : server->own_table);
	pthread_mutex_init(&server->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&server->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	listen_on_loopback(server);
	snprintf(server->conninfo, sizeof server->conninfo,
			 "host=127.0.0.1 port=%d user=root dbname=defaultdb sslmode=disable gssencmode=disable",
			 server->port);
	snprintf(server->url, sizeof server->url,
			 "postgresql://root@127.0.0.1:%d/defaultdb?sslmode=disable&gssencmode=disable",
			 server->port);
	if (pthread_create(&server->thread, NULL, accept_main, server) != 0)
		abort();
	return server;
}

// ---- stopping ----

static void free_plans(wire_server *server)
{
	for (wire_act *act = server->acts; act != NULL;) {
		wire_act *next = act->next;
		wire_script_free(act->script);
		free(act);
		act = next;
	}
	for (wire_rule *rule = server->rules; rule != NULL;) {
		wire_rule *next = rule->next;
		wire_script_free(rule->script);
		free(rule->sql);
		free(rule);
		rule = next;
	}
}

void wire_server_stop(wire_server *server)
{
	if (server == NULL)
		return;
	pthread_mutex_lock(&server->lock);
	server->is_stopping = true;
	pthread_mutex_unlock(&server->lock);
	wake(server->wake_fd);
	pthread_join(server->thread, NULL);
	// No connection is added from here on.
	pthread_mutex_lock(&server->lock);
	for (wire_conn *conn = server->conns; conn != NULL; conn = conn->next)
		if (!conn->is_finished)
			wake(conn->wake_fd);
	pthread_mutex_unlock(&server->lock);
	for (wire_conn *conn = server->conns; conn != NULL;) {
		wire_conn *next = conn->next;
		pthread_join(conn->thread, NULL);
		free(conn);
		conn = next;
	}
	close(server->wake_fd);
	free_plans(server);
	wire_log_free(server);
	wire_cursors_fini(&server->cursors);
	wire_table_free(server->own_table);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

uint16_t wire_server_port(const wire_server *server)
{
	return server->port;
}

const char *wire_server_conninfo(const wire_server *server)
{
	return server->conninfo;
}

const char *wire_server_url(const wire_server *server)
{
	return server->url;
}

void wire_server_refuse(wire_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->is_refusing = true;
	wake(server->wake_fd);
	while (server->listen_fd >= 0)
		pthread_cond_wait(&server->changed, &server->lock);
	pthread_mutex_unlock(&server->lock);
}

// ---- acts and rules ----

static void add_act(wire_server *server, wire_act value)
{
	wire_act *act = malloc(sizeof *act);
	if (act == NULL)
		abort();
	*act = value;
	pthread_mutex_lock(&server->lock);
	wire_act **end = &server->acts;
	while (*end != NULL)
		end = &(*end)->next;
	*end = act;
	pthread_mutex_unlock(&server->lock);
}

void wire_server_add_script(wire_server *server, wire_script *script, int times)
{
	add_act(server, (wire_act){.script = script, .times = times});
}

void wire_server_add_replay(wire_server *server, const wire_recorded_connection *connection,
							int times)
{
	add_act(server, (wire_act){.replay = connection, .times = times});
}

void wire_server_add_recording(wire_server *server, const wire_recording *recording)
{
	for (size_t i = 0; i < recording->count; i++) {
		const wire_recorded_connection *connection = &recording->connections[i];
		if (connection->count > 0 && connection->messages[0].message.type != WIRE_CANCEL_REQUEST)
			wire_server_add_replay(server, connection, 1);
	}
}

static bool begins_with_startup(const wire_act *act)
{
	if (act->script != NULL)
		return wire_script_reads_first(act->script);
	return act->replay->count > 0 && act->replay->messages[0].message.type == WIRE_STARTUP;
}

bool wire_server_take_act(wire_server *server, bool is_accepting, wire_act *out)
{
	bool is_taken = false;
	pthread_mutex_lock(&server->lock);
	wire_act *act = server->acts;
	while (act != NULL && act->times == 0)
		act = act->next;
	if (act != NULL && (!is_accepting || !begins_with_startup(act))) {
		act->times -= act->times > 0 ? 1 : 0;
		*out = *act;
		is_taken = true;
	}
	pthread_mutex_unlock(&server->lock);
	return is_taken;
}

void wire_server_when(wire_server *server, char type, const char *sql, int times,
					  wire_script *script)
{
	wire_rule *rule = calloc(1, sizeof *rule);
	if (rule == NULL || (sql != NULL && (rule->sql = strdup(sql)) == NULL))
		abort();
	rule->type = type;
	rule->times = times;
	rule->script = script;
	pthread_mutex_lock(&server->lock);
	wire_rule **end = &server->rules;
	while (*end != NULL)
		end = &(*end)->next;
	*end = rule;
	pthread_mutex_unlock(&server->lock);
}

const wire_script *wire_server_take_rule(wire_server *server, char type, const char *sql)
{
	const wire_script *script = NULL;
	pthread_mutex_lock(&server->lock);
	for (wire_rule *rule = server->rules; rule != NULL && script == NULL; rule = rule->next) {
		bool is_it = (rule->type == 0 || rule->type == type) &&
					 (rule->sql == NULL || (sql != NULL && strstr(sql, rule->sql) != NULL));
		if (!is_it || rule->times == 0)
			continue;
		rule->times -= rule->times > 0 ? 1 : 0;
		script = rule->script;
	}
	pthread_mutex_unlock(&server->lock);
	return script;
}

// ---- events ----

void wire_server_count_in(wire_conn *conn)
{
	pthread_mutex_lock(&conn->server->lock);
	conn->is_counted = true;
	conn->server->accepted_count++;
	conn->server->open_count++;
	wire_server_changed(conn->server);
	pthread_mutex_unlock(&conn->server->lock);
}

void wire_server_set_key(wire_conn *conn, uint32_t pid, uint32_t key)
{
	pthread_mutex_lock(&conn->server->lock);
	conn->has_key = true;
	conn->pid = pid;
	conn->key = key;
	pthread_mutex_unlock(&conn->server->lock);
}

// Cancels the connections that have this key, or, with `keyless`, those that hold and have none:
// a script that made up its own key. The lock is held.
static bool cancel_matching(wire_server *server, const wire_cancel *cancel, bool keyless)
{
	bool is_known = false;
	for (wire_conn *conn = server->conns; conn != NULL; conn = conn->next) {
		bool is_it = keyless ? !conn->has_key && conn->is_holding
							 : conn->has_key && cancel->pid != 0 && conn->pid == cancel->pid &&
								   conn->key == cancel->key;
		if (conn->is_finished || !is_it)
			continue;
		is_known = true;
		conn->is_cancelled = true;
		wake(conn->wake_fd);
	}
	return is_known;
}

void wire_server_take_cancel(wire_server *server, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	wire_cancel cancel = {0};
	wire_read_u32(&reader);
	cancel.pid = wire_read_u32(&reader);
	cancel.key = wire_read_u32(&reader);
	pthread_mutex_lock(&server->lock);
	cancel.is_known = cancel_matching(server, &cancel, false);
	if (!cancel.is_known)
		cancel_matching(server, &cancel, true);
	server->cancels = realloc(server->cancels, (server->cancel_count + 1) * sizeof cancel);
	if (server->cancels == NULL)
		abort();
	server->cancels[server->cancel_count++] = cancel;
	wire_server_changed(server);
	pthread_mutex_unlock(&server->lock);
}

// Applies a change to every connection that is still there, and wakes it. The lock is held.
static void wake_all(wire_server *server)
{
	for (wire_conn *conn = server->conns; conn != NULL; conn = conn->next)
		if (!conn->is_finished)
			wake(conn->wake_fd);
}

void wire_server_cancel_all(wire_server *server)
{
	pthread_mutex_lock(&server->lock);
	for (wire_conn *conn = server->conns; conn != NULL; conn = conn->next)
		conn->is_cancelled = conn->is_cancelled || conn->is_holding;
	wake_all(server);
	pthread_mutex_unlock(&server->lock);
}

void wire_server_release(wire_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->ticket_count++;
	wake_all(server);
	pthread_mutex_unlock(&server->lock);
}

void wire_server_forget_statements(wire_server *server)
{
	pthread_mutex_lock(&server->lock);
	for (wire_conn *conn = server->conns; conn != NULL; conn = conn->next)
		conn->forgets = true;
	pthread_mutex_unlock(&server->lock);
}

void wire_server_push(wire_server *server, const wire_bytes *bytes, wire_end end)
{
	pthread_mutex_lock(&server->lock);
	for (wire_conn *conn = server->conns; conn != NULL; conn = conn->next) {
		if (conn->is_finished || !conn->is_counted)
			continue;
		if (bytes != NULL)
			wire_bytes_put(&conn->pushed, bytes->data, bytes->length);
		conn->pushed_end = end;
	}
	wake_all(server);
	pthread_mutex_unlock(&server->lock);
}
