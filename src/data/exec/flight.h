// SPDX-License-Identifier: Apache-2.0
/* A flight: several requests on one lease in one round trip, their results in order. Judges each
 * failure by where it stands; what to send, and whether again, is decided above. */
#ifndef CX_FLIGHT_H
#define CX_FLIGHT_H

#include "data/exec/lease.h"
#include "data/result/result.h"

typedef enum cx_flight_form {
	CX_FLIGHT_EACH,  /* each commits by itself, and those after a failure run all the same */
	CX_FLIGHT_UNIT,  /* a transaction of its own: BEGIN and what else leads it, ..., COMMIT */
	CX_FLIGHT_INSIDE /* in a transaction that is open: the first failure ends the batch */
} cx_flight_form;

typedef struct cx_flight {
	cx_lease *lease;
	int64_t deadline_ns;
	cx_flight_form form;
	const cdbc_request *requests; /* borrowed until the batch is closed */
	size_t count;
	size_t lead;    /* of a unit: how many requests come before the caller's: BEGIN, a token */
	uint32_t flags; /* CDBC_REQUEST_READ_ONLY and _IDEMPOTENT, of a unit as a whole */

	size_t at, next; /* the present request; the one after it */
	bool is_over;    /* the server has nothing more to say of those that follow */
	bool is_lost;
	bool is_tx_ended; /* the present request failed when its transaction was over already */
	void *cursor;
	cdbc_tx_state tx_before;
	cdbc_summary summary; /* of the present request */
	cdbc_error *error;    /* how it has failed; NULL: it has not */
} cx_flight;

/* BEGIN, COMMIT: a request of a unit that is no statement of the caller's. */
cdbc_request cx_flight_control(const char *sql, uint32_t flags);

/* Sends them all on the lease's connection, which is there. The fields before `at` are set. On
 * failure nothing is open, and the error is judged: it is that of them all, and
 * summary.request_number may name one. What leads a unit is read and done. */
cdbc_status cx_flight_start(cx_flight *flight, cdbc_error **err);

/* Goes to the next statement of the caller's. *has_result false: there is none left, or the batch
 * is over. A failure is in flight->error, and so is one that comes while the result is read,
 * whoever else was told; others may follow unless the batch is over. Read a result to its end: a
 * failure of what is thrown away is not told. */
cdbc_status cx_flight_next(cx_flight *flight, cdbc_result *result, bool *has_result);

/* Ends the batch. Of a unit: reads its COMMIT, unless the unit is over already, whose failure this
 * gives; a unit that is over is rolled back. */
cdbc_status cx_flight_end(cx_flight *flight, cdbc_error **err);

/* Makes of an error that ended the batch that of a request which it left without an answer. */
void cx_flight_judge_left(const cx_flight *flight, size_t index, cdbc_error **err);

/* Whether a failure is ours alone: the server did its part, only the answer cannot be handed over.
 */
bool cx_flight_is_local(const cx_flight *flight, const cdbc_error *error);

#endif
