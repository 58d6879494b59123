// SPDX-License-Identifier: Apache-2.0
/* Numbers of Arrow's IPC specification that both its writer and its reader use: the order of a
 * union's members and of an enum's values. */
#ifndef CX_ARROW_NUMBERS_H
#define CX_ARROW_NUMBERS_H

enum { HEADER_SCHEMA = 1, HEADER_DICTIONARY = 2, HEADER_RECORD_BATCH = 3 };

enum {
	TYPE_INT = 2,
	TYPE_FLOATING_POINT = 3,
	TYPE_BINARY = 4,
	TYPE_UTF8 = 5,
	TYPE_BOOL = 6,
	TYPE_DECIMAL = 7,
	TYPE_DATE = 8,
	TYPE_TIME = 9,
	TYPE_TIMESTAMP = 10,
	TYPE_INTERVAL = 11,
	TYPE_LIST = 12,
	TYPE_FIXED_SIZE_BINARY = 15
};

enum {
	PRECISION_SINGLE = 1,
	PRECISION_DOUBLE = 2,
	DATE_DAY = 0,
	TIME_MICROSECOND = 2,
	INTERVAL_MONTH_DAY_NANO = 2
};

#endif
