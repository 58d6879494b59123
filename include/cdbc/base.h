// SPDX-License-Identifier: Apache-2.0
/* What every other public header needs: export marks and the two types that all calls share.
 *
 * Rules that hold for the whole interface:
 * Ownership.  `T **out` gives you an object; its _free, _close or _release takes it back and
 * accepts NULL. A `const T *` you get is borrowed from the object it came from. Arguments are
 * borrowed for the call. Errors.     Fallible calls return a cdbc_status (0 is success) and take
 * `cdbc_error **err` last (NULL: not wanted). *out is written if and only if the call succeeds,
 * *err if and only if it fails. Threads.    A client, and what it owns, may be used from any
 * thread; a session, and what was made from it, from one thread at a time. Time.       Durations
 * are int64_t milliseconds and end in _ms; CDBC_FOREVER waits without end. Structs.    Options
 * structs start with struct_size, set by their _INIT macro, and only grow at the end. */
#ifndef CDBC_BASE_H
#define CDBC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define CDBC_BEGIN extern "C" {
#define CDBC_END   }
#else
#define CDBC_BEGIN
#define CDBC_END
#endif

#if defined(__GNUC__)
#define CDBC_API          __attribute__((visibility("default")))
#define CDBC_MUSTCHECK    __attribute__((warn_unused_result))
#define CDBC_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CDBC_API
#define CDBC_MUSTCHECK
#define CDBC_PRINTF(f, a)
#endif

#define CDBC_FOREVER INT64_MAX

CDBC_BEGIN

typedef struct cdbc_error cdbc_error;
typedef struct cdbc_client cdbc_client;
typedef struct cdbc_session cdbc_session;
typedef struct cdbc_result cdbc_result;
typedef struct cdbc_config cdbc_config;
typedef struct cdbc_catalog cdbc_catalog;

/* Bytes with a length; not always NUL terminated. data is never NULL: an empty text points to "".
 */
typedef struct cdbc_text {
	const char *data;
	size_t length;
} cdbc_text;

/* The allocator that the whole library uses. free takes NULL. */
typedef struct cdbc_allocator {
	void *(*alloc)(size_t size);
	void *(*realloc)(void *old, size_t size);
	void (*free)(void *block);
} cdbc_allocator;

/* Replaces malloc, realloc and free for the whole library; NULL brings them back. Call it before
 * anything else of the library: it is not safe once another thread is inside. Round trips: none. */
CDBC_API void cdbc_set_allocator(const cdbc_allocator *allocator);

/* Returns the library's version, such as "0.1.0". Static storage. */
CDBC_API const char *cdbc_version(void);

CDBC_END
#endif
