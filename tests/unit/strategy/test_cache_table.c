// SPDX-License-Identifier: Apache-2.0
/* The cache's table against models: random sequences, the same each time. */
#include "service/strategy/cache_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- one after the other ---- */

#define KEYS  40
#define STEPS 20000

typedef struct model {
	int used[KEYS]; /* keys from the most to the least recently used */
	int count;
	int64_t expires_ns[KEYS];
} model;

static int model_find(const model *m, int key)
{
	for (int i = 0; i < m->count; i++)
		if (m->used[i] == key)
			return i;
	return -1;
}

static void model_remove(model *m, int at)
{
	memmove(&m->used[at], &m->used[at + 1], (size_t)(m->count - at - 1) * sizeof *m->used);
	m->count--;
}

static void model_first(model *m, int key)
{
	memmove(&m->used[1], &m->used[0], (size_t)m->count * sizeof *m->used);
	m->used[0] = key;
	m->count++;
}

static void test_the_table_is_like_its_model(void **state)
{
	char key[] = "a_name\0kk";
	cx_cache_table *probe = cx_cache_table_new(1 << 20), *table;
	cx_cache_key k = {key, sizeof key, 100};
	cdbc_cache_stats s = {.struct_size = sizeof s};
	model m = {.count = 0};
	cx_cache_entry *entry;
	cx_kept *kept = cx_kept_new(), *got = NULL;
	int64_t now_ns = 1, capacity = 12;
	unsigned random = 7;

	(void)state;
	assert_int_equal(cx_cache_table_find(probe, &k, 1, &entry, &got), CX_CACHE_LOAD);
	assert_true(cx_cache_table_end(probe, entry, kept, false));
	cx_cache_table_stats(probe, &s);
	cx_cache_table_free(probe);
	table = cx_cache_table_new(s.bytes_now * capacity + s.bytes_now / 2);
	for (int step = 0; step < STEPS; step++) {
		int n, at;
		bool is_hit;

		random = random * 1103515245u + 12345u;
		n = (int)(random >> 16) % KEYS;
		now_ns += (int64_t)(random >> 8) % 10;
		if (random % 97 == 0) {
			cx_cache_table_invalidate(table, random % 2 ? "a-name" : NULL);
			m.count = 0;
		}
		key[8] = (char)('!' + n);
		at = model_find(&m, n);
		is_hit = at >= 0 && m.expires_ns[n] > now_ns;
		if (at >= 0)
			model_remove(&m, at);
		switch (cx_cache_table_find(table, &k, now_ns, &entry, &got)) {
		case CX_CACHE_HIT:
			assert_true(is_hit);
			assert_ptr_equal(got, kept);
			cx_kept_unref(got);
			model_first(&m, n);
			break;
		case CX_CACHE_LOAD:
			assert_false(is_hit);
			if (random % 13 == 0) { /* the load fails */
				assert_false(cx_cache_table_end(table, entry, NULL, false));
				break;
			}
			assert_true(cx_cache_table_end(table, entry, kept, false));
			m.expires_ns[n] = now_ns + 100;
			model_first(&m, n);
			if (m.count > capacity)
				m.count--;
			break;
		default:
			fail();
		}
		cx_cache_table_stats(table, &s);
		assert_int_equal(s.entries_now, m.count);
	}
	assert_true(s.eviction_count > 100 && s.hit_count > 100);
	cx_cache_table_free(table);
	cx_kept_unref(kept);
}

/* ---- loads under way ---- */

#define NAMES     3
#define WIDE_KEYS 30
#define LOADS     8
#define MAX_BYTES 6000

/* Kept in the order of use, newest first. */
typedef struct wide_entry {
	int key;
	bool is_large;
	int64_t expires_ns, bytes;
} wide_entry;

typedef struct wide_load {
	cx_cache_entry *entry;
	int key;
	bool is_valid; /* nothing was invalidated since it began */
	int64_t began_ns;
	cx_cache_entry *waiter; /* somebody who waits for it, or NULL */
} wide_load;

typedef struct wide {
	cx_cache_table *table;
	wide_entry kept[WIDE_KEYS];
	int count;
	wide_load loads[LOADS];
	int64_t now_ns, fixed_bytes, evictions;
	unsigned random;
} wide;

static int draw(wide *w, int below)
{
	w->random = w->random * 1103515245u + 12345u;
	return (int)(w->random >> 8 & 0xffffff) % below;
}

static cx_cache_key wide_key(char *room, int key)
{
	int length = snprintf(room, 64, "name_%d", key % NAMES);

	memset(room + length, 0, (size_t)(64 - length));
	snprintf(room + length + 1, 16, "%d", key);
	return (cx_cache_key){room, 48, 100};
}

static int wide_at(const wide *w, int key)
{
	for (int i = 0; i < w->count; i++)
		if (w->kept[i].key == key)
			return i;
	return -1;
}

static wide_entry wide_take(wide *w, int at)
{
	wide_entry entry = w->kept[at];

	memmove(&w->kept[at], &w->kept[at + 1], (size_t)(w->count - at - 1) * sizeof entry);
	w->count--;
	return entry;
}

static void wide_put(wide *w, wide_entry entry)
{
	memmove(&w->kept[1], &w->kept[0], (size_t)w->count * sizeof entry);
	w->kept[0] = entry;
	w->count++;
}

static int64_t wide_bytes(const wide *w)
{
	int64_t bytes = 0;

	for (int i = 0; i < w->count; i++)
		bytes += w->kept[i].bytes;
	return bytes;
}

static void wide_find(wide *w)
{
	int number = draw(w, WIDE_KEYS), at = wide_at(w, number), slot = -1, under_way = -1;
	cx_cache_entry *entry = NULL;
	cx_kept *kept = NULL;
	cx_cache_found wanted;
	char room[64];
	cx_cache_key key = wide_key(room, number);

	for (int i = 0; i < LOADS; i++) {
		if (!w->loads[i].entry)
			slot = i;
		else if (w->loads[i].key == number && w->loads[i].is_valid)
			under_way = i;
	}
	if (slot < 0 || (under_way >= 0 && w->loads[under_way].waiter))
		return;
	if (under_way >= 0)
		wanted = CX_CACHE_WAIT;
	else if (at >= 0 && w->kept[at].expires_ns > w->now_ns)
		wanted = w->kept[at].is_large ? CX_CACHE_PASS : CX_CACHE_HIT;
	else
		wanted = CX_CACHE_LOAD;
	assert_int_equal(cx_cache_table_find(w->table, &key, w->now_ns, &entry, &kept), wanted);
	if (wanted == CX_CACHE_WAIT) {
		w->loads[under_way].waiter = entry;
		return;
	}
	if (at >= 0) {
		wide_entry old = wide_take(w, at);

		if (wanted != CX_CACHE_LOAD)
			wide_put(w, old);
	}
	if (wanted == CX_CACHE_HIT)
		assert_int_equal(kept->affected_count, number); /* nobody else's rows */
	cx_kept_unref(kept);
	if (wanted == CX_CACHE_LOAD)
		w->loads[slot] = (wide_load){entry, number, true, w->now_ns, NULL};
}

/* Ends a load in one of three ways; who waited gets what it came to. */
static void wide_end(wide *w)
{
	wide_load load = w->loads[draw(w, LOADS)];
	int how = draw(w, 4);
	cx_kept *kept = how == 0 || how == 1 ? cx_kept_new() : NULL, *got = NULL;
	bool is_good = load.is_valid && how != 3;
	cx_cache_found found;

	if (!load.entry) {
		cx_kept_unref(kept);
		return;
	}
	if (kept) {
		kept->bytes = 100 + draw(w, 1500);
		kept->affected_count = load.key;
	}
	for (int i = 0; i < LOADS; i++)
		if (w->loads[i].entry == load.entry)
			w->loads[i].entry = NULL;
	if (is_good) {
		wide_put(w, (wide_entry){load.key, !kept, load.began_ns + 100,
								 w->fixed_bytes + (kept ? kept->bytes : 0)});
		for (; wide_bytes(w) > MAX_BYTES; w->evictions++)
			wide_take(w, w->count - 1);
	}
	assert_int_equal(cx_cache_table_end(w->table, load.entry, kept, how == 2), is_good);
	if (load.waiter) {
		assert_true(cx_cache_table_wait(w->table, load.waiter, 0)); /* it is over */
		found = cx_cache_table_leave(w->table, load.waiter, &got);
		if (!is_good)
			assert_int_equal(found, CX_CACHE_LOAD);
		else if (wide_at(w, load.key) == 0) /* else it was evicted at once */
			assert_int_equal(found, kept ? CX_CACHE_HIT : CX_CACHE_PASS);
		cx_kept_unref(got);
	}
	cx_kept_unref(kept);
}

static void wide_invalidate(wide *w)
{
	int which = draw(w, NAMES + 1);
	char name[16];

	snprintf(name, sizeof name, "name-%d", which);
	cx_cache_table_invalidate(w->table, which < NAMES ? name : NULL);
	for (int i = w->count - 1; i >= 0; i--)
		if (which == NAMES || w->kept[i].key % NAMES == which)
			wide_take(w, i);
	for (int i = 0; i < LOADS; i++)
		if (which == NAMES || w->loads[i].key % NAMES == which) {
			w->loads[i].is_valid = false;
			if (w->loads[i].entry && w->loads[i].waiter) /* who waits need not wait any more */
				assert_true(cx_cache_table_wait(w->table, w->loads[i].waiter, 0));
		}
}

/* Random sequences of finds, loads that end well, too large or not at all, invalidations by name
 * while they are under way, and time. */
static void test_loads_are_like_their_model(void **state)
{
	cdbc_cache_stats s = {.struct_size = sizeof s};
	cx_cache_entry *entry;
	char room[64];

	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		wide w = {.now_ns = 1, .random = seed};
		cx_cache_key key = wide_key(room, 0);
		int64_t evictions;

		w.table = cx_cache_table_new(MAX_BYTES);
		assert_int_equal(cx_cache_table_find(w.table, &key, 1, &entry, NULL), CX_CACHE_LOAD);
		assert_true(cx_cache_table_end(w.table, entry, NULL, true));
		cx_cache_table_stats(w.table, &s);
		w.fixed_bytes = s.bytes_now;
		cx_cache_table_invalidate(w.table, NULL);
		for (int step = 0; step < 3000; step++) {
			int what = draw(&w, 100), loading = 0;

			if (what < 55)
				wide_find(&w);
			else if (what < 96)
				wide_end(&w);
			else if (what < 98)
				wide_invalidate(&w);
			else
				w.now_ns += draw(&w, 60);
			for (int i = 0; i < LOADS; i++)
				loading += w.loads[i].entry && w.loads[i].is_valid;
			cx_cache_table_stats(w.table, &s);
			if (s.bytes_now != wide_bytes(&w) || s.entries_now != w.count + loading)
				fail_msg("seed %u, step %d: %lld bytes, %lld entries", seed, step,
						 (long long)s.bytes_now, (long long)s.entries_now);
			assert_true(s.bytes_now <= MAX_BYTES);
		}
		evictions = w.evictions;
		assert_int_equal(s.eviction_count, evictions);
		assert_true(evictions > 10 && s.hit_count > 100 && s.wait_count > 10);
		for (int i = 0; i < LOADS; i++) {
			cx_kept *got = NULL;

			if (w.loads[i].entry)
				cx_cache_table_end(w.table, w.loads[i].entry, NULL, false);
			if (w.loads[i].entry && w.loads[i].waiter)
				assert_int_equal(cx_cache_table_leave(w.table, w.loads[i].waiter, &got),
								 CX_CACHE_LOAD);
		}
		cx_cache_table_free(w.table);
	}
}

static void test_the_table_grows(void **state)
{
	cx_cache_table *table = cx_cache_table_new(1 << 24);
	cx_kept *kept = cx_kept_new(), *got;
	cx_cache_entry *entry;
	char key[16] = "n";

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5000; i++) {
			cx_cache_key k = {key, sizeof key, 1000};

			memset(key + 2, 0, sizeof key - 2);
			snprintf(key + 2, sizeof key - 2, "%d", i);
			if (round == 0) {
				assert_int_equal(cx_cache_table_find(table, &k, 1, &entry, &got), CX_CACHE_LOAD);
				assert_true(cx_cache_table_end(table, entry, kept, false));
			} else {
				assert_int_equal(cx_cache_table_find(table, &k, 1, &entry, &got), CX_CACHE_HIT);
				cx_kept_unref(got);
			}
		}
	}
	cx_cache_table_free(table);
	cx_kept_unref(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table_is_like_its_model),
		cmocka_unit_test(test_loads_are_like_their_model),
		cmocka_unit_test(test_the_table_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
