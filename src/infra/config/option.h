// SPDX-License-Identifier: Apache-2.0
/* What a setting is: the rows of the options tables, and how a value is read and printed. Knows no
 * row.
 *
 * A room writes its rows as `OPTION(key, TYPE, default, min, max, choices, flags, variable,
 * setting, help)` in an options.def: key       "pool.max_size" TYPE      one of cx_option_type,
 * without its CX_OPTION_ default   as one would write it; NULL: none min, max  of INT (the number),
 * DURATION (ms), SIZE (bytes) and TEXT (its length) choices   of CHOICE: "a|b|c"; of SECRET_FILE:
 * the key of the secret that it holds; else NULL flags     CX_OPTION_ flags variable  libpq's
 * environment variable, "PGHOST", or NULL. (CDBC_POOL_MAX_SIZE and the like need no word.) setting
 * what the driver, and the query part of a URL, call it: "sslmode"; NULL: it is not the driver's
 *   help      one line */
#ifndef CX_CONFIG_OPTION_H
#define CX_CONFIG_OPTION_H

#include <cdbc/error.h>

typedef enum cx_option_type {
	CX_OPTION_TEXT,
	CX_OPTION_INT,
	CX_OPTION_BOOL,
	CX_OPTION_DURATION,
	CX_OPTION_SIZE,
	CX_OPTION_CHOICE,
	CX_OPTION_PATH, /* relative ones in a file are relative to the file's folder */
	CX_OPTION_MAP,  /* names and texts */
	CX_OPTION_URL,  /* sets others through its parts */
	CX_OPTION_SECRET,
	CX_OPTION_SECRET_FILE /* the path of a file that holds the secret named in choices */
} cx_option_type;

enum {
	CX_OPTION_LIST = 1u << 0,       /* several of the type (TEXT, INT, PATH) */
	CX_OPTION_NEVER = 1u << 1,      /* a duration may be "never" */
	CX_OPTION_ZERO_NEVER = 1u << 2, /* and 0 means it, too */
	CX_OPTION_TARGET =
		1u << 3, /* says which database: a URL of a higher layer takes away what files say of it */
	CX_OPTION_WIRE =
		1u << 4, /* a setting of the drivers of PostgreSQL's protocol, and of their URLs */
	CX_OPTION_EMBEDDED = 1u << 5, /* the same of sqlite */
	CX_OPTION_LIBPQ_MS = 1u << 6  /* a duration that libpq counts in milliseconds, not seconds */
};

/* The number of a duration that is "never". */
#define CX_OPTION_IS_NEVER INT64_MAX

typedef struct cx_option {
	const char *key;
	cx_option_type type;
	const char *initial;
	int64_t min;
	int64_t max;
	const char *choices;
	unsigned flags;
	const char *variable;
	const char *setting;
	const char *help;
} cx_option;

/* What is wrong with a value; hint may be "". */
typedef struct cx_option_problem {
	char text[512];
	char hint[256];
} cx_option_problem;

/* Reads one value (one item of a list). is_libpq: durations are in the manner of libpq, bare
 * numbers of seconds. *number: the number, milliseconds, bytes, 0 or 1, or the choice's index; 0
 * for texts. False: *problem says why, without a secret in it. */
bool cx_option_read(const cx_option *option, const char *text, bool is_libpq, int64_t *number,
					cx_option_problem *problem);

/* Prints a number in its canonical form; NULL for types whose value is the text itself.  */
#define CX_OPTION_PRINT_MAX 64
const char *cx_option_print(const cx_option *option, int64_t number,
							char buffer[CX_OPTION_PRINT_MAX]);

/* The word for a type as documentation has it: "duration", "list of texts". Static. */
const char *cx_option_type_name(const cx_option *option);

#endif
