// SPDX-License-Identifier: Apache-2.0
/* A driver without a database for the pool's tests: every entry can be made to fail, lose the link,
 * or wait at a gate, and is counted. It also notices when two threads are inside one connection.
 * Not a fake of any server's answers. */
#ifndef TEST_STUB_DRIVER_H
#define TEST_STUB_DRIVER_H

#include <cdbc/driver.h>

typedef struct stub_counts {
	int open_begun;
	int open_failed;
	int open_done;
	int close;
	int ping;
	int reset;
	int clash; /* two threads inside one connection */
} stub_counts;

extern const cdbc_driver stub_driver;

/* Back to: everything succeeds at once, counts 0. */
void stub_begin(void);
/* What open, ping and reset return from now on. */
void stub_open_fails(cdbc_status status);
void stub_ping_fails(cdbc_status status);
void stub_reset_fails(cdbc_status status);
/* From now on opens, pings, or resets wait inside the driver until the gate is opened. */
void stub_gate_close(void);
void stub_gate_open(void);
/* Waits until it is so. */
void stub_wait_open_begun(int count);
void stub_wait_open_failed(int count);
void stub_wait_close(int count);
stub_counts stub_count(void);

/* The state of one connection, by its handle; its number counts opens from 1. */
void stub_lose(void *handle);
void stub_set_tx(void *handle, cdbc_tx_state tx);
void stub_set_busy(void *handle, bool is_busy);
int stub_number(void *handle);

#endif
