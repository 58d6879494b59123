// SPDX-License-Identifier: Apache-2.0
/* An answer: the result that a link of the chain gives by itself, beside the one of the session's
 * connection. Knows neither caches nor Arrow streams: batches come from a source. */
#ifndef CX_ANSWER_H
#define CX_ANSWER_H

#include "service/session.h"

/* Where an answer's batches come from. */
typedef struct cx_answer_source {
	/* The next batch; out->release NULL at the end. An error carries its outcome. err is not NULL.
	 */
	cdbc_status (*fetch)(cx_answer *answer, struct ArrowArray *out, cdbc_error **err);
	void (*close)(cx_answer *answer); /* once */
} cx_answer_source;

#define CX_ANSWER_ROOM 8

/* A session's answers are a stack: one may read of another that an inner link gave, and of the
 * session's own result, and closes what it reads of. */
struct cx_answer {
	cdbc_result result;
	cdbc_session *session;
	cx_answer *below;
	uint32_t links_beneath; /* that are unfinished, of what was open when it was made */
	bool is_told;           /* the links outside know its end */
	const cx_answer_source *source;
	void *room[CX_ANSWER_ROOM]; /* the source's */
	cdbc_summary summary;       /* the source may set tag and affected_count */
};

/* Storage, to be opened or discarded. NULL: out of memory. */
cx_answer *cx_answer_new(cdbc_session *session);
void cx_answer_discard(cx_answer *answer); /* takes NULL */

/* Makes it the call's result, with its first batch awaited. schema (may be NULL) must be one of
 * ours and last until the source is closed. The answer is taken over also on failure; its source is
 * closed then. */
cdbc_status cx_answer_open(cx_answer *answer, cdbc_call *call, const cx_answer_source *source,
						   const struct ArrowSchema *schema, cdbc_result **out, cdbc_error **err);
/* Closes the session's answers, from the outermost on. */
void cx_answers_close(cdbc_session *session);

#endif
