// SPDX-License-Identifier: Apache-2.0
/* The driver suite on the scripted driver, which so proves that it behaves as drivers do. */
#include "contract.h"

#include "support/fake_driver.h"

static const fake_answer answers[] = {
	{.sql = CONTRACT_ONE, .columns = "one int4", .rows = "1"},
	{.sql = CONTRACT_ECHO, .columns = "a int8, b float8, c text, d text", .rows = "$1|$2|$3|$4"},
	{.sql = CONTRACT_EMPTY, .columns = "n int4"},
	{.sql = CONTRACT_ROWS,
	 .columns = "n int4, t text",
	 .rows = "1|row 1",
	 .repeat = CONTRACT_ROW_COUNT},
	{.sql = CONTRACT_NO_TABLE,
	 .error = {.status = CDBC_SQL,
			   .message = "relation \"contract_nowhere\" does not exist",
			   .sqlstate = "42P01",
			   .position = 15}},
	{.sql = "wait",
	 .columns = "n int8",
	 .rows = "1",
	 .gate = "never",
	 .gate_at = CDBC_POSITION_SENT},
};

int main(void)
{
	fake_server *server = fake_server_new("contract");
	cdbc_setting item;
	contract_subject subject = {
		.name = "fake",
		.driver = &fake_driver,
		.settings = fake_settings(server, &item),
		.placeholder = '$',
		.is_scripted = true,
		.fails_in_transaction = true,
		.slow = "wait",
		.bytes_type = "bytea",
	};
	int failed;

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		fake_server_answer(server, &answers[i]);
	failed = contract_run(&subject);
	if (!failed)
		fake_server_free(server);
	return failed;
}
