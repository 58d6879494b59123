// SPDX-License-Identifier: Apache-2.0
/* One connection through the fault proxy: it passes rounds on, and strikes. What strikes, and how
 * often, is chosen in fault_proxy.c. */
#include "fault_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK       16384
#define ANSWER_MAX  (8 << 20)
#define LAST_WORD_S 10 /* how long the server may take to end a session that was cut */

/* ---- sockets ---- */

static bool send_all(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length > 0) {
		ssize_t n = send(fd, p, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		length -= (size_t)n;
	}
	return true;
}

/* False: nothing more will come. */
static bool receive(int fd, wire_bytes *into)
{
	char chunk[CHUNK];
	ssize_t n;

	do {
		n = recv(fd, chunk, sizeof chunk, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	wire_bytes_put(into, chunk, (size_t)n);
	return true;
}

/* Sends to the server, and keeps what it says meanwhile, so that no size can block. */
static bool send_to_server(fault_link *link, const void *data, size_t length)
{
	const char *p = data;

	while (length > 0) {
		struct pollfd fd = {.fd = link->server, .events = POLLIN | POLLOUT};
		ssize_t n;

		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			return false;
		if (fd.revents & POLLIN && !receive(link->server, &link->from_server))
			return false;
		if (!(fd.revents & POLLOUT)) {
			if (fd.revents & (POLLERR | POLLHUP) && !(fd.revents & POLLIN))
				return false;
			continue;
		}
		n = send(link->server, p, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			length -= (size_t)n;
		}
	}
	return true;
}

#define LATE_PAUSES 8

static void pause_a_while(fault_link *link)
{
	uint64_t max_us = (uint64_t)fault_delay_max_ms(link->proxy) * 1000;
	long us = (long)(fault_random(&link->random) % (max_us + 1));
	struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	nanosleep(&time, NULL);
}

/* The client's end; what the server says from now on, nobody hears. */
static void cut(fault_link *link)
{
	fault_close_client(link);
	link->is_over = true;
}

/* ---- answers ---- */

/* Moves whole messages to the client. */
static bool pass_answers(fault_link *link)
{
	size_t at = 0;
	wire_message message;
	bool is_good;

	while (wire_message_next(&link->from_server, &at, &message))
		if (message.type == 'Z') {
			link->tx = message.length > 0 ? (char)message.body[0] : 'I';
			link->pending_count--;
		}
	is_good = at == 0 || send_all(link->client, link->from_server.data, at);
	wire_bytes_shift(&link->from_server, at);
	return is_good;
}

/* Reads the answer to the one round that is outstanding. False: the server has gone, or it is too
 * long; what came of it is passed on then. */
static bool await_answer(fault_link *link, wire_bytes *answer)
{
	size_t at = 0;
	wire_message message;

	for (;;) {
		while (wire_message_next(&link->from_server, &at, &message)) {
			if (message.type != 'Z')
				continue;
			link->tx = message.length > 0 ? (char)message.body[0] : 'I';
			link->pending_count--;
			wire_bytes_put(answer, link->from_server.data, at);
			wire_bytes_shift(&link->from_server, at);
			return true;
		}
		if (link->from_server.length > ANSWER_MAX || !receive(link->server, &link->from_server))
			return false;
	}
}

/* Gives a round to the server and waits for its answer. */
static bool exchange(fault_link *link, const wire_bytes *round, wire_bytes *answer)
{
	link->pending_count++;
	return send_to_server(link, round->data, round->length) && await_answer(link, answer);
}

/* ---- strikes ---- */

static size_t part_of(fault_link *link, size_t length)
{
	return length > 0 ? (size_t)(fault_random(&link->random) % length) : 0;
}

/* The server's last words, as it goes down. */
static void say_shutdown(fault_link *link, bool is_drain)
{
	wire_bytes words = {0};

	if (is_drain)
		fault_put_error(&words, "57014");
	fault_put_error(&words, "57P01");
	(void)send_all(link->client, words.data, words.length);
	wire_bytes_fini(&words);
	cut(link);
}

/* Delivers the round; then cuts, unless the server had refused it: then nothing is struck. */
static bool strike_done(fault_link *link, fault_kind kind, wire_bytes *answer)
{
	bool has_commit = link->round.sql & (FAULT_SQL_COMMIT | FAULT_SQL_RELEASE);
	wire_bytes words = {0};

	if (!exchange(link, &link->round.bytes, answer)) {
		cut(link);
		return false;
	}
	if (!fault_answer_is_good(answer, has_commit)) {
		(void)send_all(link->client, answer->data, answer->length);
		return false;
	}
	switch (kind) {
	case FAULT_AMBIGUOUS_DONE:
		fault_answer_refuse(answer, "40003", &words);
		(void)send_all(link->client, words.data, words.length);
		wire_bytes_fini(&words);
		break;
	case FAULT_SHUTDOWN_DONE:
	case FAULT_DRAIN_DONE:
		say_shutdown(link, kind == FAULT_DRAIN_DONE);
		break;
	default:
		cut(link);
	}
	return true;
}

/* Gives the server another round, and the client its answer with another error. sqlstate NULL: the
 * answer as it is. */
static bool strike_swapped(fault_link *link, bool is_undo, const char *sqlstate, wire_bytes *answer)
{
	wire_bytes round = {0}, words = {0};
	bool is_answered;

	if (is_undo)
		fault_round_undo(&link->round, &round);
	else
		fault_round_break(&link->round, &round);
	is_answered = exchange(link, &round, answer);
	if (!is_answered)
		cut(link);
	else if (sqlstate)
		fault_answer_refuse(answer, sqlstate, &words);
	else
		wire_bytes_put(&words, answer->data, answer->length);
	(void)(is_answered && send_all(link->client, words.data, words.length));
	wire_bytes_fini(&round);
	wire_bytes_fini(&words);
	return is_answered;
}

/* What is written without a transaction is undone by not getting there. */
static bool strike_ambiguous(fault_link *link, wire_bytes *answer)
{
	bool is_commit = link->round.sql & (FAULT_SQL_COMMIT | FAULT_SQL_RELEASE);

	return strike_swapped(link, is_commit, "40003", answer);
}

static bool strike_truncated(fault_link *link, bool is_request, wire_bytes *answer)
{
	const wire_bytes *round = &link->round.bytes;
	bool is_answered;

	if (is_request) {
		(void)send_to_server(link, round->data, part_of(link, round->length));
		cut(link);
		return true;
	}
	is_answered = exchange(link, round, answer);
	if (is_answered)
		(void)send_all(link->client, answer->data, part_of(link, answer->length));
	cut(link);
	return is_answered;
}

static bool strike_delay(fault_link *link, wire_bytes *answer)
{
	if (fault_random(&link->random) & 1)
		pause_a_while(link);
	if (!exchange(link, &link->round.bytes, answer)) {
		cut(link);
		return false;
	}
	pause_a_while(link);
	(void)send_all(link->client, answer->data, answer->length);
	return true;
}

/* True: it struck. */
static bool strike(fault_link *link, fault_kind kind, wire_bytes *answer)
{
	switch (kind) {
	case FAULT_CUT_AFTER_COMMIT:
	case FAULT_AMBIGUOUS_DONE:
	case FAULT_SHUTDOWN_DONE:
	case FAULT_DRAIN_DONE:
		return strike_done(link, kind, answer);
	case FAULT_LATE_COMMIT:
		cut(link);
		for (int i = 0; i < LATE_PAUSES; i++) /* whoever asks meanwhile has to connect first */
			pause_a_while(link);
		(void)exchange(link, &link->round.bytes, answer);
		return true;
	case FAULT_CUT_INSIDE: /* before it is delivered, or after */
		if (fault_random(&link->random) & 1)
			(void)exchange(link, &link->round.bytes, answer);
		cut(link);
		return true;
	case FAULT_TRUNCATE_REQUEST:
	case FAULT_TRUNCATE_ANSWER:
		return strike_truncated(link, kind == FAULT_TRUNCATE_REQUEST, answer);
	case FAULT_DELAY:
		return strike_delay(link, answer);
	case FAULT_CONFLICT:
		return strike_swapped(link, false, "40001", answer);
	case FAULT_CONFLICT_COMMIT:
		return strike_swapped(link, true, "40001", answer);
	case FAULT_AMBIGUOUS_UNDONE:
		return strike_ambiguous(link, answer);
	case FAULT_ROLLBACK_TAG:
		return strike_swapped(link, true, NULL, answer);
	case FAULT_SHUTDOWN:
	case FAULT_DRAIN:
		say_shutdown(link, kind == FAULT_DRAIN);
		return true;
	default:
		cut(link);
		return true;
	}
}

/* ---- rounds ---- */

/* Passes on what was collected. */
static bool pass_round(fault_link *link)
{
	bool is_good;

	link->pending_count += link->round.is_whole;
	is_good = send_to_server(link, link->round.bytes.data, link->round.bytes.length);
	fault_round_clear(&link->round);
	return is_good;
}

static bool end_round(fault_link *link)
{
	fault_kind kind = FAULT_KIND_COUNT;
	wire_bytes answer = {0};

	/* only what is alone can be struck: its answer is surely its own */
	if (link->round.is_whole && link->round.is_plain && link->pending_count == 0)
		kind = fault_choose(link, fault_round_place(&link->round, link->tx), &link->round);
	if (kind == FAULT_KIND_COUNT)
		return pass_round(link);
	if (strike(link, kind, &answer))
		fault_count(link->proxy, kind);
	wire_bytes_fini(&answer);
	fault_round_clear(&link->round);
	return true;
}

static bool take_from_client(fault_link *link)
{
	size_t at = 0;
	wire_message message;
	bool is_good = true;

	while (is_good && !link->is_over && wire_message_next(&link->from_client, &at, &message)) {
		fault_round_add(&link->round, &message, &link->statements, &link->portals);
		if (link->round.is_whole || !link->round.is_plain)
			is_good = end_round(link);
	}
	wire_bytes_shift(&link->from_client, at);
	return is_good;
}

static void pass(fault_link *link)
{
	fault_round_clear(&link->round);
	while (!link->is_over) {
		struct pollfd fds[] = {{.fd = link->client, .events = POLLIN},
							   {.fd = link->server, .events = POLLIN}};

		/* what came while something was sent is passed on first */
		if (!pass_answers(link))
			return;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents && !receive(link->server, &link->from_server))
			return;
		if (fds[1].revents)
			continue;
		if (fds[0].revents && !receive(link->client, &link->from_client))
			return;
		if (fds[0].revents && !take_from_client(link))
			return;
	}
}

/* ---- start and end ---- */

/* Reads what a client says first, without a letter. Its bytes stay in from_client. '\0': it has
 * gone. */
static char read_start(fault_link *link, size_t *length)
{
	const uint8_t *p;

	for (;;) {
		p = link->from_client.data;
		if (link->from_client.length >= 4) {
			*length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
			if (*length >= 8 && link->from_client.length >= *length)
				return wire_startup_type(p + 4, *length - 4);
		}
		if (link->from_client.length > CHUNK || !receive(link->client, &link->from_client))
			return '\0';
	}
}

static bool start(fault_link *link)
{
	wire_bytes words = {0};
	size_t length = 0;
	char type;

	while ((type = read_start(link, &length)) == WIRE_SSL_REQUEST || type == WIRE_GSS_REQUEST) {
		wire_bytes_shift(&link->from_client, length);
		if (!send_all(link->client, "N", 1))
			return false;
	}
	if (type == '\0')
		return false;
	if (type == WIRE_STARTUP && fault_choose(link, FAULT_AT_START, &link->round) == FAULT_REFUSE) {
		wire_put_error_text(&words, "57P01", "server is not accepting clients, try another node");
		(void)send_all(link->client, words.data, words.length);
		wire_bytes_fini(&words);
		fault_count(link->proxy, FAULT_REFUSE);
		return false;
	}
	link->server = fault_connect(link->proxy);
	if (link->server < 0 || !send_to_server(link, link->from_client.data, length))
		return false;
	wire_bytes_shift(&link->from_client, length);
	if (type == WIRE_STARTUP) {
		link->pending_count = 1;
		return true;
	}
	while (
		receive(link->server, &link->from_server)) /* a cancel request: no answer, then the end */
		;
	return false;
}

/* Waits until the server has ended the session, so that nothing of it is under way any more. */
static void finish(fault_link *link)
{
	struct pollfd fd = {.fd = link->server, .events = POLLIN};

	if (link->server < 0)
		return;
	(void)shutdown(link->server, SHUT_WR);
	while (poll(&fd, 1, LAST_WORD_S * 1000) > 0 && receive(link->server, &link->from_server))
		link->from_server.length = 0;
	close(link->server);
}

void *fault_link_main(void *self)
{
	fault_link *link = self;

	if (start(link))
		pass(link);
	fault_close_client(link);
	finish(link);
	wire_bytes_fini(&link->from_client);
	wire_bytes_fini(&link->from_server);
	fault_round_fini(&link->round);
	fault_names_fini(&link->statements);
	fault_names_fini(&link->portals);
	return NULL;
}
