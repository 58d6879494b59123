// SPDX-License-Identifier: Apache-2.0
/* After a lexical error: where a file's next query begins. In bounded time, since each error may
 * have cost a look at all that follows it, and only as many are told as anybody reads. */
#include "service/catalog/internal.h"

#include <string.h>

#define TOLD_MAX   100
#define LOOKED_MAX (256u << 20) /* bytes, for those that are only counted */

cdbc_status cx_recovery_tell(cx_recovery *recovery, cx_sqlfiles *loader, cx_section *section,
							 const cx_lex_error *error)
{
	cx_place place = {error->line, error->line_start, error->offset};

	section->is_bad = true;
	if (recovery->count < TOLD_MAX)
		return cx_sqlfiles_fail(loader, section, place, error->hint, "%s", error->message);
	if (recovery->left_out++ == 0)
		recovery->place = place;
	return CDBC_OK;
}

bool cx_recovery_skip(cx_recovery *recovery, const cx_sqlfiles *loader, cx_lexer *lexer)
{
	const cx_lex_error *e = &lexer->error;
	const char *text = loader->text, *end = text + loader->length, *p = text + e->offset, *stop;
	size_t line = e->line;

	recovery->looked += (size_t)(end - p);
	if (++recovery->count >= TOLD_MAX && recovery->looked > LOOKED_MAX) {
		recovery->is_over = true;
		if (!recovery->left_out)
			recovery->place = (cx_place){e->line, e->line_start, e->offset};
		return false;
	}
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		line++;
		p++;
		stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		if (stop - p > 2 && p[0] == '-' && p[1] == '-' &&
			cx_header_is_name(p, (size_t)(stop - p))) {
			cx_lexer_seek(lexer, (size_t)(p - text), line, (size_t)(p - text));
			return true;
		}
	}
	return false;
}

cdbc_status cx_recovery_end(const cx_recovery *recovery, cx_sqlfiles *loader)
{
	static const char hint[] = "mend those above first";

	if (recovery->is_over && !recovery->left_out)
		return cx_sqlfiles_fail(loader, NULL, recovery->place, hint,
								"the rest of the file was not read: there are too many errors of "
								"this kind");
	if (recovery->is_over)
		return cx_sqlfiles_fail(loader, NULL, recovery->place, hint,
								"at least %zu more errors of this kind are left out, the rest of "
								"the file was not read",
								recovery->left_out);
	if (recovery->left_out)
		return cx_sqlfiles_fail(loader, NULL, recovery->place, hint,
								"%zu more error%s of this kind %s left out", recovery->left_out,
								recovery->left_out == 1 ? "" : "s",
								recovery->left_out == 1 ? "is" : "are");
	return CDBC_OK;
}
