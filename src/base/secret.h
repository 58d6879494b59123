// SPDX-License-Identifier: Apache-2.0
/* A secret: text that is wiped when it is released and never printed. There is no way to format
 * one; cx_secret_reveal is the one door, so that a search for it finds every use. */
#ifndef CX_SECRET_H
#define CX_SECRET_H

#include <cdbc/base.h>

typedef struct cx_secret {
	char *hidden_;
	size_t length_;
} cx_secret;

#define CX_SECRET_INIT \
	{                  \
		NULL, 0        \
	}

/* Copies text (NULL makes it empty), releasing what was there; false when out of memory. */
bool cx_secret_set(cx_secret *secret, const char *text, size_t length);
void cx_secret_release(cx_secret *secret);
bool cx_secret_is_set(const cx_secret *secret);
/* NUL terminated, NULL when not set; borrowed. */
const char *cx_secret_reveal(const cx_secret *secret);
/* Overwrites memory in a way that the compiler keeps. */
void cx_wipe(void *memory, size_t size);

#endif
