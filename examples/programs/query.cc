// SPDX-License-Identifier: Apache-2.0
/* The same interface from C++17: handles in unique_ptr, parameters in an array.
 *
 *     c++ -std=c++17 query.cc $(pkg-config --cflags --libs cdbc) -o query
 *     ./query sqlite:bank.db 3
 */
#include <cdbc/cdbc.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace
{
struct closer {
	void operator()(cdbc_client *client) const
	{
		cdbc_client_close(client, 1000);
	}
	void operator()(cdbc_session *session) const
	{
		cdbc_session_release(session);
	}
	void operator()(cdbc_result *result) const
	{
		cdbc_result_free(result);
	}
};

/* Turns a failure into an exception. */
void check(cdbc_status status, cdbc_error *err)
{
	if (status == CDBC_OK)
		return;
	std::string message = cdbc_error_message(err);
	cdbc_error_free(err);
	throw std::runtime_error(message);
}
} // namespace

int main(int argc, char **argv)
try {
	if (argc != 3) {
		std::cerr << "usage: query URL COUNT\n";
		return 2;
	}
	cdbc_error *err = nullptr;
	cdbc_client *raw_client = nullptr;
	check(cdbc_client_open_url(argv[1], &raw_client, &err), err);
	std::unique_ptr<cdbc_client, closer> client(raw_client);

	cdbc_session *raw_session = nullptr;
	check(cdbc_client_acquire(client.get(), nullptr, &raw_session, &err), err);
	std::unique_ptr<cdbc_session, closer> session(raw_session);

	std::array<cdbc_param, 1> params = {cdbc_param_of("count", cdbc_int64(std::atoll(argv[2])))};
	cdbc_result *raw_result = nullptr;
	check(cdbc_session_query(
			  session.get(),
			  "select id, kind, balance from accounts order by balance desc, id limit :count",
			  cdbc_params_of(params.data(), params.size()), nullptr, &raw_result, &err),
		  err);
	std::unique_ptr<cdbc_result, closer> result(raw_result);

	while (cdbc_result_next(result.get(), &err)) {
		cdbc_text kind = cdbc_result_text(result.get(), 1);
		std::cout << cdbc_result_int64(result.get(), 0) << ' '
				  << std::string_view(kind.data, kind.length) << ' '
				  << cdbc_result_int64(result.get(), 2) << '\n';
	}
	if (!cdbc_result_is_complete(result.get()))
		check(cdbc_error_status(err), err);
	return EXIT_SUCCESS;
} catch (const std::exception &e) {
	std::cerr << e.what() << '\n';
	return EXIT_FAILURE;
}
