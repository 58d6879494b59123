// SPDX-License-Identifier: Apache-2.0
/* The fault proxy as a whole: where it listens, its connections, and the choice of what strikes. */
#include "fault_internal.h"

#include <errno.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PLAN_MAX 256

struct fault_proxy {
	fault_proxy_options options;
	char url[1024];
	struct sockaddr_storage server;
	socklen_t server_length;
	int listener;
	pthread_t thread;
	pthread_mutex_t lock; /* protects all below */
	bool is_armed, is_stopping;
	int64_t counts[FAULT_KIND_COUNT];
	fault_kind plan[PLAN_MAX];
	size_t plan_count;
	fault_link *links;
	uint64_t serial;
};

static const char *const names[] = {
#define FAULT_NAME(id, name) name,
	FAULT_KINDS(FAULT_NAME)
#undef FAULT_NAME
};

const char *fault_kind_name(fault_kind kind)
{
	return names[kind];
}

/* splitmix64 */
uint64_t fault_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* ---- the choice ---- */

static bool is_used(const fault_proxy *proxy, fault_kind kind)
{
	return !proxy->options.kinds || proxy->options.kinds & 1u << kind;
}

/* With the lock. */
static fault_kind choose_planned(fault_proxy *proxy, fault_place place, const fault_round *round)
{
	for (size_t i = 0; i < proxy->plan_count; i++) {
		fault_kind kind = proxy->plan[i];

		if (!fault_fits(kind, place, round))
			continue;
		memmove(&proxy->plan[i], &proxy->plan[i + 1],
				(--proxy->plan_count - i) * sizeof *proxy->plan);
		return kind;
	}
	return FAULT_KIND_COUNT;
}

/* With the lock: one of those that fit, of those that are behind if there are any. */
static fault_kind choose_any(fault_link *link, fault_place place, const fault_round *round)
{
	fault_proxy *proxy = link->proxy;
	fault_kind fitting[FAULT_KIND_COUNT];
	size_t count = 0;

	for (int late = 1; late >= 0 && count == 0; late--)
		for (fault_kind k = 0; k < FAULT_KIND_COUNT; k++)
			if (is_used(proxy, k) && fault_fits(k, place, round) &&
				(!late || proxy->counts[k] < proxy->options.at_least))
				fitting[count++] = k;
	return count ? fitting[fault_random(&link->random) % count] : FAULT_KIND_COUNT;
}

fault_kind fault_choose(fault_link *link, fault_place place, const fault_round *round)
{
	fault_proxy *proxy = link->proxy;
	bool is_committing = place == FAULT_AT_COMMIT || place == FAULT_AT_WRITE;
	int permille = is_committing || place == FAULT_AT_START ? proxy->options.commit_permille
															: proxy->options.other_permille;
	fault_kind kind;

	pthread_mutex_lock(&proxy->lock);
	kind = choose_planned(proxy, place, round);
	if (kind == FAULT_KIND_COUNT && proxy->is_armed &&
		(int)(fault_random(&link->random) % 1000) < permille)
		kind = choose_any(link, place, round);
	pthread_mutex_unlock(&proxy->lock);
	return kind;
}

void fault_count(fault_proxy *proxy, fault_kind kind)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->counts[kind]++;
	pthread_mutex_unlock(&proxy->lock);
}

void fault_proxy_arm(fault_proxy *proxy, bool is_armed)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->is_armed = is_armed;
	pthread_mutex_unlock(&proxy->lock);
}

void fault_proxy_strike(fault_proxy *proxy, fault_kind kind)
{
	pthread_mutex_lock(&proxy->lock);
	if (proxy->plan_count == PLAN_MAX)
		abort();
	proxy->plan[proxy->plan_count++] = kind;
	pthread_mutex_unlock(&proxy->lock);
}

int64_t fault_proxy_count(fault_proxy *proxy, fault_kind kind)
{
	int64_t count;

	pthread_mutex_lock(&proxy->lock);
	count = proxy->counts[kind];
	pthread_mutex_unlock(&proxy->lock);
	return count;
}

int64_t fault_proxy_least(fault_proxy *proxy)
{
	int64_t least = INT64_MAX;

	for (fault_kind k = 0; k < FAULT_KIND_COUNT; k++)
		if (is_used(proxy, k) && fault_proxy_count(proxy, k) < least)
			least = fault_proxy_count(proxy, k);
	return least;
}

int fault_delay_max_ms(const fault_proxy *proxy)
{
	return proxy->options.delay_max_ms > 0 ? proxy->options.delay_max_ms : 10;
}

/* ---- the server ---- */

int fault_connect(const fault_proxy *proxy)
{
	int fd = socket(proxy->server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&proxy->server, proxy->server_length)) {
		close(fd);
		return -1;
	}
	if (fd >= 0 && proxy->server.ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static const char *option(const PQconninfoOption *options, const char *name, const char *otherwise)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, name) == 0 && options->val && options->val[0])
			return options->val;
	return otherwise;
}

static bool resolve(fault_proxy *proxy, const char *host, const char *port)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&proxy->server;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;

	if (host[0] == '/') {
		local->sun_family = AF_UNIX;
		snprintf(local->sun_path, sizeof local->sun_path, "%s/.s.PGSQL.%s", host, port);
		proxy->server_length = sizeof *local;
		return true;
	}
	if (getaddrinfo(host, port, &hints, &found) || !found)
		return false;
	memcpy(&proxy->server, found->ai_addr, found->ai_addrlen);
	proxy->server_length = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static void put_escaped(char *out, size_t size, const char *text)
{
	size_t n = strlen(out);

	for (; *text && n + 4 < size; text++)
		n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*text);
}

static void put(char *out, size_t size, const char *text)
{
	size_t n = strlen(out);

	snprintf(out + n, size - n, "%s", text);
}

static void write_url(fault_proxy *proxy, const char *scheme, const PQconninfoOption *options,
					  int port)
{
	char *url = proxy->url, tail[64];
	size_t size = sizeof proxy->url;
	const char *password = option(options, "password", NULL);

	snprintf(url, size, "%s://", scheme);
	put_escaped(url, size, option(options, "user", ""));
	if (password) {
		put(url, size, ":");
		put_escaped(url, size, password);
	}
	snprintf(tail, sizeof tail, "@127.0.0.1:%d/", port);
	put(url, size, tail);
	put_escaped(url, size, option(options, "dbname", ""));
	put(url, size, "?sslmode=disable");
}

/* ---- its thread ---- */

void fault_close_client(fault_link *link)
{
	pthread_mutex_lock(&link->proxy->lock);
	if (link->client >= 0)
		close(link->client);
	link->client = -1;
	pthread_mutex_unlock(&link->proxy->lock);
}

static void *run_link(void *self)
{
	fault_link *link = self;

	fault_link_main(link);
	pthread_mutex_lock(&link->proxy->lock);
	link->is_finished = true;
	pthread_mutex_unlock(&link->proxy->lock);
	return NULL;
}

/* Takes the finished ones, or all, out of the list and waits for their threads. */
static void reap(fault_proxy *proxy, bool is_all)
{
	fault_link *done = NULL;

	pthread_mutex_lock(&proxy->lock);
	for (fault_link **at = &proxy->links; *at;) {
		fault_link *link = *at;

		if (!link->is_finished && !is_all) {
			at = &link->next;
			continue;
		}
		if (link->client >= 0)
			(void)shutdown(link->client, SHUT_RDWR);
		*at = link->next;
		link->next = done;
		done = link;
	}
	pthread_mutex_unlock(&proxy->lock);
	while (done) {
		fault_link *link = done;

		done = link->next;
		pthread_join(link->thread, NULL);
		free(link);
	}
}

static void add_link(fault_proxy *proxy, int fd)
{
	fault_link *link = calloc(1, sizeof *link);
	int one = 1;

	if (!link)
		abort();
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	link->proxy = proxy;
	link->client = fd;
	link->server = -1;
	link->tx = 'I';
	pthread_mutex_lock(&proxy->lock);
	link->random = proxy->options.seed ^ ++proxy->serial << 32;
	link->next = proxy->links;
	proxy->links = link;
	if (pthread_create(&link->thread, NULL, run_link, link))
		abort();
	pthread_mutex_unlock(&proxy->lock);
}

static void *listen_main(void *self)
{
	fault_proxy *proxy = self;

	for (;;) {
		int fd = accept(proxy->listener, NULL, NULL);
		bool is_stopping;

		pthread_mutex_lock(&proxy->lock);
		is_stopping = proxy->is_stopping;
		pthread_mutex_unlock(&proxy->lock);
		if (is_stopping) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		if (fd >= 0)
			add_link(proxy, fd);
		reap(proxy, false);
	}
}

static int listen_somewhere(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128) ||
		getsockname(fd, (struct sockaddr *)&address, &length)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

/* ---- start and stop ---- */

static bool set_up(fault_proxy *proxy, const char *url)
{
	bool is_cockroach = strncmp(url, "cockroachdb:", 12) == 0;
	char *message = NULL, text[1024];
	PQconninfoOption *options;
	int port = 0;

	snprintf(text, sizeof text, "%s%s", is_cockroach ? "postgresql" : "",
			 is_cockroach ? url + 11 : url);
	options = PQconninfoParse(text, &message);
	if (!options) {
		fprintf(stderr, "fault proxy: %s", message ? message : "out of memory\n");
		PQfreemem(message);
		return false;
	}
	proxy->listener = listen_somewhere(&port);
	if (proxy->listener < 0 || !resolve(proxy, option(options, "host", "127.0.0.1"),
										option(options, "port", is_cockroach ? "26257" : "5432"))) {
		fprintf(stderr, "fault proxy: no port, or no such host: %s\n", strerror(errno));
		PQconninfoFree(options);
		return false;
	}
	write_url(proxy, is_cockroach ? "cockroachdb" : "postgresql", options, port);
	PQconninfoFree(options);
	return true;
}

fault_proxy *fault_proxy_start(const fault_proxy_options *options)
{
	fault_proxy *proxy = calloc(1, sizeof *proxy);

	if (!proxy)
		abort();
	proxy->options = *options;
	proxy->options.url = NULL;
	proxy->listener = -1;
	if (!set_up(proxy, options->url)) {
		if (proxy->listener >= 0)
			close(proxy->listener);
		free(proxy);
		return NULL;
	}
	pthread_mutex_init(&proxy->lock, NULL);
	if (pthread_create(&proxy->thread, NULL, listen_main, proxy))
		abort();
	return proxy;
}

const char *fault_proxy_url(const fault_proxy *proxy)
{
	return proxy->url;
}

void fault_proxy_stop(fault_proxy *proxy)
{
	if (!proxy)
		return;
	pthread_mutex_lock(&proxy->lock);
	proxy->is_stopping = true;
	pthread_mutex_unlock(&proxy->lock);
	(void)shutdown(proxy->listener, SHUT_RDWR);
	pthread_join(proxy->thread, NULL);
	reap(proxy, true);
	close(proxy->listener);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}
