// SPDX-License-Identifier: Apache-2.0
/* Secrets and their wiping. */
#include "base/secret.h"

#include "base/alloc.h"

#include <string.h>

void cx_wipe(void *memory, size_t size)
{
	if (memory)
		explicit_bzero(memory, size);
}

bool cx_secret_set(cx_secret *secret, const char *text, size_t length)
{
	char *copy = NULL;

	if (text) {
		copy = cx_strndup(text, length);
		if (!copy)
			return false;
	}
	cx_secret_release(secret);
	secret->hidden_ = copy;
	secret->length_ = copy ? length : 0;
	return true;
}

void cx_secret_release(cx_secret *secret)
{
	cx_wipe(secret->hidden_, secret->length_);
	cx_free(secret->hidden_);
	secret->hidden_ = NULL;
	secret->length_ = 0;
}

bool cx_secret_is_set(const cx_secret *secret)
{
	return secret->hidden_ != NULL;
}

const char *cx_secret_reveal(const cx_secret *secret)
{
	return secret->hidden_;
}
