// SPDX-License-Identifier: Apache-2.0
/* A hash table in chains, and a list from the most to the least recently used, under one lock that
 * is held neither while rows are loaded nor while they are freed. */
#include "service/strategy/cache_table.h"

#include "base/alloc.h"
#include "base/backoff.h"
#include "base/hash.h"
#include "base/thread.h"

#define BUCKETS_FIRST 256
#define ENTRY_BYTES   32 /* what an entry takes of the buckets and of the allocator's own */

typedef enum entry_state {
	ENTRY_LOADING,
	ENTRY_KEPT,
	ENTRY_LARGE, /* the next ones need not try */
	ENTRY_GONE   /* its load has failed, or it was invalidated */
} entry_state;

/* Counted by the table while it stands in it, by its loader, and by each who waits. */
struct cx_cache_entry {
	int64_t refs;
	entry_state state;
	bool is_in_table;
	uint64_t hash;
	cx_cache_entry *next;          /* in its bucket */
	cx_cache_entry *newer, *older; /* in the list of use, once it is loaded */
	cx_kept *kept;                 /* of KEPT */
	int64_t expires_ns;
	int64_t bytes;
	cx_cond ended;
	size_t key_length;
	char key[];
};

struct cx_cache_table {
	cx_mutex lock; /* guards everything here, and every entry but its key and hash */
	uint64_t seed;
	size_t mask; /* buckets - 1 */
	cx_cache_entry **buckets;
	cx_cache_entry *newest, *oldest;
	int64_t max_bytes;
	cdbc_cache_stats stats;
};

cx_cache_table *cx_cache_table_new(int64_t max_bytes)
{
	cx_cache_table *table = cx_calloc(1, sizeof *table);

	if (!table)
		return NULL;
	table->buckets = cx_calloc(BUCKETS_FIRST, sizeof *table->buckets);
	if (!table->buckets) {
		cx_free(table);
		return NULL;
	}
	cx_mutex_init(&table->lock);
	table->seed = cx_random_seed();
	table->mask = BUCKETS_FIRST - 1;
	table->max_bytes = max_bytes;
	return table;
}

/* ---- entries: with the lock held ---- */

/* Entries that nobody refers to any more, chained by next, to be freed without the lock. */
typedef struct garbage {
	cx_cache_entry *first;
} garbage;

static void unref(cx_cache_entry *entry, garbage *old)
{
	if (--entry->refs > 0)
		return;
	entry->next = old->first;
	old->first = entry;
}

/* Without the lock. */
static void burn(garbage *old)
{
	while (old->first) {
		cx_cache_entry *entry = old->first;

		old->first = entry->next;
		cx_kept_unref(entry->kept);
		cx_cond_fini(&entry->ended);
		cx_free(entry);
	}
}

static void unlist(cx_cache_table *table, cx_cache_entry *entry)
{
	*(entry->newer ? &entry->newer->older : &table->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &table->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void list_first(cx_cache_table *table, cx_cache_entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	*(table->newest ? &table->newest->newer : &table->oldest) = entry;
	table->newest = entry;
}

static void take_out(cx_cache_table *table, cx_cache_entry *entry, garbage *old)
{
	cx_cache_entry **at = &table->buckets[entry->hash & table->mask];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	entry->next = NULL;
	entry->is_in_table = false;
	if (entry->state != ENTRY_LOADING) {
		unlist(table, entry);
		table->stats.bytes_now -= entry->bytes;
	}
	table->stats.entries_now--;
	unref(entry, old);
}

/* More buckets; chains grow longer when there is no memory for them. */
static void grow(cx_cache_table *table)
{
	size_t count = (table->mask + 1) * 2;
	cx_cache_entry **buckets = cx_calloc(count, sizeof *buckets);

	if (!buckets)
		return;
	for (size_t i = 0; i <= table->mask; i++) {
		while (table->buckets[i]) {
			cx_cache_entry *entry = table->buckets[i];

			table->buckets[i] = entry->next;
			entry->next = buckets[entry->hash & (count - 1)];
			buckets[entry->hash & (count - 1)] = entry;
		}
	}
	cx_free(table->buckets);
	table->buckets = buckets;
	table->mask = count - 1;
}

static cx_cache_entry *look_up(const cx_cache_table *table, const cx_cache_key *key, uint64_t hash)
{
	cx_cache_entry *entry = table->buckets[hash & table->mask];

	while (entry && (entry->hash != hash || entry->key_length != key->length ||
					 memcmp(entry->key, key->bytes, key->length) != 0))
		entry = entry->next;
	return entry;
}

/* A new entry, whose loader is the caller. */
static cx_cache_entry *insert(cx_cache_table *table, const cx_cache_key *key, uint64_t hash,
							  int64_t now_ns)
{
	cx_cache_entry *entry = cx_calloc(1, sizeof *entry + key->length);

	if (!entry)
		return NULL;
	if ((size_t)table->stats.entries_now > table->mask)
		grow(table);
	entry->refs = 2;
	entry->is_in_table = true;
	entry->hash = hash;
	if (__builtin_add_overflow(now_ns, key->ttl_ns, &entry->expires_ns))
		entry->expires_ns = INT64_MAX;
	cx_cond_init(&entry->ended);
	entry->key_length = key->length;
	memcpy(entry->key, key->bytes, key->length);
	entry->next = table->buckets[hash & table->mask];
	table->buckets[hash & table->mask] = entry;
	table->stats.entries_now++;
	return entry;
}

/* ---- what callers do ---- */

static cx_cache_found find(cx_cache_table *table, const cx_cache_key *key, uint64_t hash,
						   int64_t now_ns, cx_cache_entry **out, cx_kept **kept, garbage *old)
{
	cx_cache_entry *entry = look_up(table, key, hash);

	if (entry && entry->state == ENTRY_LOADING) {
		table->stats.wait_count++;
		entry->refs++;
		*out = entry;
		return CX_CACHE_WAIT;
	}
	if (entry && entry->expires_ns > now_ns) {
		if (entry != table->newest) {
			unlist(table, entry);
			list_first(table, entry);
		}
		if (entry->state == ENTRY_LARGE) {
			table->stats.pass_count++;
			return CX_CACHE_PASS;
		}
		table->stats.hit_count++;
		*kept = cx_kept_ref(entry->kept);
		return CX_CACHE_HIT;
	}
	if (entry)
		take_out(table, entry, old);
	*out = insert(table, key, hash, now_ns);
	if (!*out) {
		table->stats.pass_count++;
		return CX_CACHE_PASS;
	}
	table->stats.miss_count++;
	return CX_CACHE_LOAD;
}

cx_cache_found cx_cache_table_find(cx_cache_table *table, const cx_cache_key *key, int64_t now_ns,
								   cx_cache_entry **entry, cx_kept **kept)
{
	uint64_t hash = cx_hash_bytes(key->bytes, key->length, table->seed);
	garbage old = {NULL};
	cx_cache_found found;

	cx_mutex_lock(&table->lock);
	found = find(table, key, hash, now_ns, entry, kept, &old);
	cx_mutex_unlock(&table->lock);
	burn(&old);
	return found;
}

/* The entry was loaded: it takes its place, and the oldest ones make room. */
static void settle(cx_cache_table *table, cx_cache_entry *entry, garbage *old)
{
	list_first(table, entry);
	entry->bytes = (int64_t)(sizeof *entry + entry->key_length) + ENTRY_BYTES +
				   (entry->kept ? entry->kept->bytes : 0);
	table->stats.bytes_now += entry->bytes;
	while (table->stats.bytes_now > table->max_bytes && table->oldest) {
		table->stats.eviction_count++;
		take_out(table, table->oldest, old);
	}
}

bool cx_cache_table_end(cx_cache_table *table, cx_cache_entry *entry, cx_kept *kept, bool is_large)
{
	garbage old = {NULL};
	bool is_good;

	cx_mutex_lock(&table->lock);
	is_good = entry->is_in_table && (kept || is_large);
	if (is_good) {
		entry->state = kept ? ENTRY_KEPT : ENTRY_LARGE;
		if (kept)
			entry->kept = cx_kept_ref(kept);
		settle(table, entry, &old);
	} else {
		if (entry->is_in_table)
			take_out(table, entry, &old);
		entry->state = ENTRY_GONE;
	}
	cx_cond_broadcast(&entry->ended);
	unref(entry, &old);
	cx_mutex_unlock(&table->lock);
	burn(&old);
	return is_good;
}

bool cx_cache_table_wait(cx_cache_table *table, cx_cache_entry *entry, int64_t until_ns)
{
	bool is_over;

	cx_mutex_lock(&table->lock);
	if (entry->state == ENTRY_LOADING && entry->is_in_table)
		cx_cond_wait(&entry->ended, &table->lock, until_ns);
	is_over = entry->state != ENTRY_LOADING || !entry->is_in_table;
	cx_mutex_unlock(&table->lock);
	return is_over;
}

cx_cache_found cx_cache_table_leave(cx_cache_table *table, cx_cache_entry *entry, cx_kept **kept)
{
	cx_cache_found found = CX_CACHE_LOAD;
	garbage old = {NULL};

	cx_mutex_lock(&table->lock);
	if (entry->state == ENTRY_KEPT) {
		*kept = cx_kept_ref(entry->kept);
		found = CX_CACHE_HIT;
	} else if (entry->state == ENTRY_LARGE) {
		found = CX_CACHE_PASS;
	}
	unref(entry, &old);
	cx_mutex_unlock(&table->lock);
	burn(&old);
	return found;
}

/* ---- invalidation ---- */

static bool has_name(const cx_cache_entry *entry, const char *name)
{
	const char *own = entry->key;

	for (; *own && *name; own++, name++)
		if (*own != *name && !(*own == '_' && *name == '-'))
			return false;
	return *own == *name;
}

void cx_cache_table_invalidate(cx_cache_table *table, const char *name)
{
	garbage old = {NULL};

	cx_mutex_lock(&table->lock);
	for (size_t i = 0; i <= table->mask; i++) {
		cx_cache_entry *entry = table->buckets[i], *next;

		for (; entry; entry = next) {
			next = entry->next;
			if (name && !has_name(entry, name))
				continue;
			table->stats.invalidation_count++;
			cx_cond_broadcast(&entry->ended);
			entry->refs++; /* its state is set after it was taken out as what it was */
			take_out(table, entry, &old);
			if (entry->state != ENTRY_LOADING)
				entry->state = ENTRY_GONE;
			unref(entry, &old);
		}
	}
	cx_mutex_unlock(&table->lock);
	burn(&old);
}

void cx_cache_table_stats(cx_cache_table *table, cdbc_cache_stats *out)
{
	size_t size = out->struct_size < sizeof *out ? out->struct_size : sizeof *out;

	cx_mutex_lock(&table->lock);
	table->stats.struct_size = out->struct_size;
	memcpy(out, &table->stats, size);
	cx_mutex_unlock(&table->lock);
}

void cx_cache_table_free(cx_cache_table *table)
{
	if (!table)
		return;
	cx_cache_table_invalidate(table, NULL);
	cx_mutex_fini(&table->lock);
	cx_free(table->buckets);
	cx_free(table);
}
