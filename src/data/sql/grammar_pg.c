// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL's own parser, by libpg_query: the one file that knows that library. It is loaded when
 * a check wants it first, so that whoever only runs queries neither loads nor needs it. */
#include "data/sql/grammar.h"

#include "base/error.h"

#include <string.h>

#define LENGTH_MAX    (2u << 20)
#define COST_PER_BYTE 64
#define COST_FREE     (1u << 20) /* of any text */

/* The bytes that the scanner looks at in a run of operator characters. */
static size_t cost_of(const char *run, size_t length)
{
	size_t times = 1;
	bool is_line = false; /* a comment to the line's end, which is read once */

	for (size_t i = 0; i < length; i++) {
		bool is_pair = i + 1 < length;

		is_line |= run[i] == '-' && is_pair && run[i + 1] == '-';
		if (run[i] == '/' && is_pair && run[i + 1] == '*')
			times++;
		else if ((run[i] == '+' || run[i] == '-') && !is_line)
			times++;
	}
	return times * length;
}

static bool is_operator(char c)
{
	return c && strchr("~!@#^&|`?+-*/%<>=", c);
}

bool cx_grammar_is_bounded(const char *sql, size_t length)
{
	size_t cost = 0, n;

	if (length > LENGTH_MAX)
		return false;
	for (size_t i = 0; i < length; i += n + 1) {
		for (n = 0; i + n < length && is_operator(sql[i + n]);)
			n++;
		if (n > 1)
			cost += cost_of(sql + i, n);
	}
	return cost <= COST_FREE + length * COST_PER_BYTE;
}

#ifdef CDBC_PG_QUERY

#include <dlfcn.h>
#include <pg_query.h>

/* CDBC_PG_QUERY is the library's name. It is never unloaded: it leaves a destructor with each
 * thread that used it. */
bool cx_grammar_open(cx_grammar *out)
{
	void *object = dlopen(CDBC_PG_QUERY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	void *parse, *release;

	memset(out, 0, sizeof *out);
	if (!object)
		return false;
	parse = dlsym(object, "pg_query_split_with_parser");
	release = dlsym(object, "pg_query_free_split_result");
	dlclose(object);
	if (!parse || !release)
		return false;
	memcpy(&out->parse, &parse, sizeof parse);
	memcpy(&out->free, &release, sizeof release);
	return true;
}

cdbc_status cx_grammar_parse(const cx_grammar *grammar, const char *sql, cdbc_error **err)
{
	/* Of all its calls this one does nothing after parsing that goes as deep as the statement. */
	PgQuerySplitResult (*parse)(const char *input) =
		(PgQuerySplitResult(*)(const char *))grammar->parse;
	void (*release)(PgQuerySplitResult result) = (void (*)(PgQuerySplitResult))grammar->free;
	PgQuerySplitResult result = parse(sql);
	cdbc_status status = CDBC_OK;

	if (result.error) {
		const char *message = result.error->message ? result.error->message : "syntax error";

		if (strcmp(message, "out of memory") == 0)
			status = cx_error_nomem(err);
		else
			status = cx_error_set(err, CDBC_SQL_FILE, "%s", message);
		cx_error_position(err, result.error->cursorpos > 0 ? result.error->cursorpos : 1);
	}
	release(result);
	return status;
}

#else

bool cx_grammar_open(cx_grammar *out)
{
	memset(out, 0, sizeof *out);
	return false;
}

cdbc_status cx_grammar_parse(const cx_grammar *grammar, const char *sql, cdbc_error **err)
{
	return cx_error_set(err, CDBC_INTERNAL, "built without PostgreSQL's parser");
}

#endif
