// SPDX-License-Identifier: Apache-2.0
/* What a fuzz target holds to be true whatever it is given: it says what was not, and stops. */
#ifndef FUZZ_MUST_H
#define FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(what)                                                         \
	do {                                                                   \
		if (!(what)) {                                                     \
			fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #what); \
			abort();                                                       \
		}                                                                  \
	} while (0)

#endif
