// SPDX-License-Identifier: Apache-2.0
/* The bank as a whole: its tables, its tellers, and the reckoning. */
#include "bank_internal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define ASK_EVERY   8  /* transfers between two questions whether it is enough */
#define RENEW_EVERY 64 /* transfers of a session */

static const char *const tables =
	"drop table if exists bank_transfers;\n"
	"drop table if exists bank_accounts;\n"
	"create table bank_accounts (id bigint primary key, balance bigint not null);\n"
	"create table bank_transfers (id bigint primary key, from_id bigint not null,\n"
	"  to_id bigint not null, amount bigint not null);\n";

/* SQLite has no statement that writes to two tables but one with a trigger. */
static const char *const orders =
	"drop table if exists bank_orders;\n"
	"create table bank_orders (id bigint primary key, from_id bigint, to_id bigint, amount "
	"bigint);\n"
	"create trigger bank_order after insert on bank_orders begin\n"
	"  insert into bank_transfers values (new.id, new.from_id, new.to_id, new.amount);\n"
	"  update bank_accounts set balance = balance - new.amount where id = new.from_id;\n"
	"  update bank_accounts set balance = balance + new.amount where id = new.to_id;\n"
	"end;\n";

/* ---- the surroundings ---- */

static int64_t number_of(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);

	return text && text[0] ? strtoll(text, NULL, 10) : otherwise;
}

uint64_t bank_seed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)number_of("CDBC_BANK_SEED",
							   (now.tv_sec * 1000000 + now.tv_nsec / 1000) & INT64_MAX);
}

int64_t bank_fault_count(void)
{
	return number_of("CDBC_BANK_FAULTS", 10);
}

int bank_thread_count(int otherwise)
{
	return (int)number_of("CDBC_BANK_THREADS", otherwise);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bank_complain(struct bank *bank, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	pthread_mutex_lock(&bank->lock);
	if (!bank->complaint[0])
		vsnprintf(bank->complaint, sizeof bank->complaint, format, args);
	pthread_mutex_unlock(&bank->lock);
	va_end(args);
}

static void fail_with(const char *what, cdbc_error *err)
{
	fail_msg("%s: %s", what, err ? cdbc_error_message(err) : "no error was given");
}

static cdbc_config *bank_config(const struct bank *bank, const char *url)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config_item items[] = {
		{"pool.max_size", "16"},
		{"pool.max_opens_per_second", "0"},
		{"pool.acquire_timeout", "20s"},
		{"database.timeout", "30s"},
		{"retry.max_retries", "1000"},
		{"retry.budget", "100"},
		{"retry.conflict_max", "20ms"},
		{"retry.lost_first", "1ms"},
		{"retry.lost_max", "20ms"},
		{"resolver.enabled", bank->options.is_resolved ? "true" : "false"},
		{"resolver.timeout", "60s"},
		{"database.settings", "default_transaction_isolation=serializable"},
	};
	const char *const no_environment[] = {NULL};
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;

	from.url = url;
	from.items = items;
	from.item_count = sizeof items / sizeof *items;
	if (bank->options.dialect != BANK_POSTGRESQL) /* theirs is never less */
		from.item_count--;
	from.environ_list = no_environment;
	if (cdbc_config_load(&from, &config, &err))
		fail_with(url, err);
	return config;
}

cdbc_client *bank_client(const struct bank *bank, const char *url)
{
	cdbc_config *config = bank_config(bank, url);
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;

	if (cdbc_client_open(config, NULL, &client, &err))
		fail_with(url, err);
	cdbc_config_free(config);
	return client;
}

/* ---- the tables ---- */

typedef struct schema_text {
	char data[2048];
	size_t length;
} schema_text;

static cdbc_status take_text(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	schema_text *t = self;

	(void)err;
	assert_true(t->length + length < sizeof t->data);
	memcpy(t->data + t->length, bytes, length);
	t->length += length;
	return CDBC_OK;
}

static void make_tokens(const struct bank *bank, cdbc_session *session)
{
	static const char *const dialects[] = {"postgresql", "cockroachdb", "sqlite"};
	schema_text schema = {.length = 0};
	cdbc_sink sink = {sizeof sink, take_text, &schema};
	cdbc_config *config = bank_config(bank, bank->options.true_url);
	cdbc_error *err = NULL;

	if (cdbc_resolver_schema(config, dialects[bank->options.dialect], &sink, &err) ||
		cdbc_session_execute_script(session, "drop table if exists cdbc_commits", NULL, &err) ||
		cdbc_session_execute_script(session, schema.data, NULL, &err))
		fail_with("the resolver's table", err);
	cdbc_config_free(config);
}

/* A client looks at the table of the tokens once, which is not to be struck: it would be nobody's
 * transfer. */
static void look_at_tokens(cdbc_client *client)
{
	cdbc_session *session = NULL;
	cdbc_error *err = NULL;

	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_session_begin(session, NULL, &err) || cdbc_session_commit(session, &err))
		fail_with("the first transaction that resolves", err);
	cdbc_session_release(session);
}

static void make_tables(struct bank *bank)
{
	cdbc_client *client = bank_client(bank, bank->options.true_url);
	cdbc_session *session = NULL;
	cdbc_error *err = NULL;

	if (cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_session_execute_script(session, tables, NULL, &err))
		fail_with("tables", err);
	if (bank->options.dialect == BANK_SQLITE &&
		cdbc_session_execute_script(session, orders, NULL, &err))
		fail_with("tables", err);
	for (int i = 0; i < BANK_ACCOUNTS; i++) {
		char sql[96];

		snprintf(sql, sizeof sql, "insert into bank_accounts values (%d, %d)", i, BANK_INITIAL);
		if (cdbc_session_execute_script(session, sql, NULL, &err))
			fail_with("accounts", err);
	}
	if (bank->options.is_resolved)
		make_tokens(bank, session);
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
}

struct bank *bank_new(const bank_options *options)
{
	const char *queries = options->dialect == BANK_SQLITE ? bank_queries_trigger : bank_queries_cte;
	struct bank *made = calloc(1, sizeof *made);
	cdbc_error *err = NULL;

	assert_non_null(made);
	assert_in_range(options->thread_count, 1, BANK_THREADS);
	made->options = *options;
	pthread_mutex_init(&made->lock, NULL);
	make_tables(made);
	made->client = bank_client(made, options->url);
	if (cdbc_client_register(made->client, "bank.sql", queries, strlen(queries), &err))
		fail_with("queries", err);
	if (options->is_resolved)
		look_at_tokens(made->client);
	for (int i = 0; i < options->thread_count; i++)
		made->tellers[i] =
			(bank_teller){.bank = made, .number = i, .random = options->seed * 31 + (uint64_t)i};
	return made;
}

void bank_free(struct bank *bank)
{
	if (!bank)
		return;
	for (int i = 0; i < bank->options.thread_count; i++) {
		bank_teller *teller = &bank->tellers[i];

		for (size_t k = 0; k < teller->count; k++)
			free(teller->transfers[k].message);
		free(teller->transfers);
	}
	pthread_mutex_destroy(&bank->lock);
	free(bank);
}

/* ---- the work ---- */

static bool renew_session(bank_teller *teller)
{
	cdbc_error *err = NULL;

	cdbc_session_release(teller->session);
	teller->session = NULL;
	if (!cdbc_client_acquire(teller->bank->client, NULL, &teller->session, &err))
		return true;
	bank_complain(teller->bank, "acquire: %s", cdbc_error_message(err));
	cdbc_error_free(err);
	return false;
}

static void *teller_main(void *self)
{
	bank_teller *teller = self;
	struct bank *bank = teller->bank;

	while (!atomic_load(&bank->is_over)) {
		if ((!teller->session || teller->count % RENEW_EVERY == 0) && !renew_session(teller))
			break;
		bank_transfer_once(teller);
		if (teller->count % ASK_EVERY == 0 && bank->options.is_enough(bank->options.data))
			atomic_store(&bank->is_over, true);
		pthread_mutex_lock(&bank->lock);
		if (bank->complaint[0]) /* the sooner it is seen, the better */
			atomic_store(&bank->is_over, true);
		pthread_mutex_unlock(&bank->lock);
	}
	cdbc_session_release(teller->session);
	teller->session = NULL;
	return NULL;
}

bool bank_run(struct bank *bank)
{
	double began = seconds_now(), end = began + (double)bank->options.deadline_ms / 1000;
	bool is_late = false;

	for (int i = 0; i < bank->options.thread_count; i++)
		assert_int_equal(
			pthread_create(&bank->tellers[i].thread, NULL, teller_main, &bank->tellers[i]), 0);
	while (!atomic_load(&bank->is_over)) {
		struct timespec tick = {.tv_nsec = 20000000};

		nanosleep(&tick, NULL);
		if (seconds_now() > end) {
			is_late = true;
			atomic_store(&bank->is_over, true);
		}
	}
	for (int i = 0; i < bank->options.thread_count; i++)
		pthread_join(bank->tellers[i].thread, NULL);
	bank->seconds = seconds_now() - began;
	cdbc_client_close(bank->client, 10000);
	bank->client = NULL;
	return !is_late;
}

/* ---- the reckoning ---- */

typedef struct books {
	struct bank *bank;
	int64_t balances[BANK_ACCOUNTS]; /* as the transfers make them */
} books;

static bank_transfer *find(struct bank *bank, int64_t id)
{
	int64_t number = id >> 32, at = id & UINT32_MAX;

	if (number < 0 || number >= bank->options.thread_count ||
		at >= (int64_t)bank->tellers[number].count)
		return NULL;
	return &bank->tellers[number].transfers[at];
}

static void book(books *b, cdbc_result *result)
{
	int64_t id = cdbc_result_int64(result, 0), from_id = cdbc_result_int64(result, 1),
			to_id = cdbc_result_int64(result, 2), amount = cdbc_result_int64(result, 3);
	bank_transfer *t = find(b->bank, id);

	if (!t || t->from_id != from_id || t->to_id != to_id || t->amount != amount)
		fail_msg("transfer %" PRId64 " is there, and nobody made it", id);
	if (t->is_there)
		fail_msg("transfer %" PRId64 " is there twice", id);
	t->is_there = true;
	b->balances[from_id] -= amount;
	b->balances[to_id] += amount;
}

static void compare(books *b, cdbc_result *result)
{
	int64_t id = cdbc_result_int64(result, 0), balance = cdbc_result_int64(result, 1);

	if (id < 0 || id >= BANK_ACCOUNTS || b->balances[id] != balance)
		fail_msg("account %" PRId64 " has %" PRId64 ", its transfers make it %" PRId64, id, balance,
				 id < 0 || id >= BANK_ACCOUNTS ? 0 : b->balances[id]);
}

static void for_each(cdbc_session *session, const char *sql,
					 void (*fn)(books *b, cdbc_result *result), books *b)
{
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	if (cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, &err))
		fail_with(sql, err);
	while (cdbc_result_next(result, &err))
		fn(b, result);
	if (err || !cdbc_result_is_complete(result))
		fail_with(sql, err);
	cdbc_result_free(result);
}

static const char *const ways[] = {
#define WAY_NAME(id, name, share) name,
	BANK_WAYS(WAY_NAME)
#undef WAY_NAME
};

/* What the resolver has no token for: docs/resolver.md. */
static bool is_resolvable(bank_way way)
{
	return way != BANK_SCRIPT && way != BANK_BATCH_EACH;
}

static void check_words(const struct bank *bank)
{
	for (int i = 0; i < bank->options.thread_count; i++)
		for (size_t k = 0; k < bank->tellers[i].count; k++) {
			const bank_transfer *t = &bank->tellers[i].transfers[k];
			const char *message = t->message ? t->message : "success";

			if (t->word == BANK_DONE && !t->is_there)
				fail_msg("%s: said to be done, and is not there: %s", ways[t->way], message);
			if (t->word == BANK_UNDONE && t->is_there)
				fail_msg("%s: said to be undone, and is there: %s", ways[t->way], message);
			if (t->word == BANK_UNKNOWN && bank->options.is_resolved && is_resolvable(t->way))
				fail_msg("%s: not resolved: %s", ways[t->way], message);
		}
}

void bank_check(struct bank *bank)
{
	books b = {.bank = bank};
	cdbc_client *client = bank_client(bank, bank->options.true_url);
	cdbc_session *session = NULL;
	cdbc_error *err = NULL;

	for (int i = 0; i < BANK_ACCOUNTS; i++)
		b.balances[i] = BANK_INITIAL;
	if (cdbc_client_acquire(client, NULL, &session, &err))
		fail_with("acquire", err);
	for_each(session, "select id, from_id, to_id, amount from bank_transfers", book, &b);
	for_each(session, "select id, balance from bank_accounts", compare, &b);
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	check_words(bank);
	if (bank->complaint[0])
		fail_msg("%s", bank->complaint);
}

void bank_report(const struct bank *bank)
{
	int64_t words[BANK_WAY_COUNT][BANK_WORD_COUNT] = {{0}}, runs = 0, all = 0;

	for (int i = 0; i < bank->options.thread_count; i++) {
		runs += bank->tellers[i].run_count;
		all += (int64_t)bank->tellers[i].count;
		for (size_t k = 0; k < bank->tellers[i].count; k++) {
			const bank_transfer *t = &bank->tellers[i].transfers[k];

			words[t->way][t->word]++;
		}
	}
	print_message("%" PRId64 " transfers in %.1f s, %.0f a second; closures ran %" PRId64
				  " times\n",
				  all, bank->seconds, (double)all / bank->seconds, runs);
	for (bank_way way = 0; way < BANK_WAY_COUNT; way++)
		print_message("%8" PRId64 " done, %6" PRId64 " undone, %6" PRId64 " unknown: %s\n",
					  words[way][BANK_DONE], words[way][BANK_UNDONE], words[way][BANK_UNKNOWN],
					  ways[way]);
}
