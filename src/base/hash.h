// SPDX-License-Identifier: Apache-2.0
/* A fast hash of bytes for tables in memory. Not for anything that is kept, sent, or must resist an
 * attacker with the seed. */
#ifndef CX_HASH_H
#define CX_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t cx_hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Eight bytes a step. */
static inline uint64_t cx_hash_bytes(const void *data, size_t length, uint64_t seed)
{
	const unsigned char *p = (const unsigned char *)data;
	uint64_t h = seed ^ (length * UINT64_C(0x9e3779b97f4a7c15));
	uint64_t word;

	for (; length >= 8; length -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = cx_hash_mix(h ^ word, UINT64_C(0xe7037ed1a0b428db));
	}
	if (length) {
		word = 0;
		memcpy(&word, p, length);
		h = cx_hash_mix(h ^ word, UINT64_C(0xa0761d6478bd642f));
	}
	return cx_hash_mix(h, UINT64_C(0x8ebc6af09c88c6e3));
}

#endif
