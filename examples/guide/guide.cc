// SPDX-License-Identifier: Apache-2.0
/* The C++ of docs/programming.md: handles, closures, exceptions.
 *
 *     c++ -std=c++17 guide.cc $(pkg-config --cflags --libs cdbc) -o guide_cc
 *     ./guide_cc sqlite::memory:
 */
#include <cdbc/cdbc.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace
{
inline void close_client(cdbc_client *client)
{
	cdbc_client_close(client, 1000);
}
template <auto give_back> struct closer {
	template <typename T> void operator()(T *p) const
	{
		give_back(p);
	}
};
using client_handle = std::unique_ptr<cdbc_client, closer<close_client>>;
using session_handle = std::unique_ptr<cdbc_session, closer<cdbc_session_release>>;
using result_handle = std::unique_ptr<cdbc_result, closer<cdbc_result_free>>;
using error_handle = std::unique_ptr<cdbc_error, closer<cdbc_error_free>>;

/* Calls f(&err), and throws what it failed with. */
template <typename F> void must(F f)
{
	cdbc_error *raw = nullptr;
	cdbc_status status = f(&raw);
	error_handle err(raw);

	if (status)
		throw std::runtime_error(cdbc_error_message(err.get()));
}

result_handle query(cdbc_session *session, const char *sql)
{
	cdbc_result *result = nullptr;

	must([&](cdbc_error **err) {
		return cdbc_session_query(session, sql, CDBC_NO_PARAMS, nullptr, &result, err);
	});
	return result_handle(result);
}

/* The work, in C++: it may throw. */
void count_to(cdbc_session *session, int limit)
{
	result_handle result = query(session, "select 3 as n");

	if (cdbc_result_next(result.get(), nullptr) && cdbc_result_int64(result.get(), 0) > limit)
		throw std::runtime_error("more than " + std::to_string(limit));
}

/* A lambda without captures is a function of C; what it needs comes by data. No exception may pass
 * through the library. */
cdbc_status transact(cdbc_session *session, int limit, cdbc_error **err)
{
	return cdbc_session_transact(
		session,
		[](cdbc_session *s, void *data, cdbc_error **e) {
			try {
				count_to(s, *static_cast<int *>(data));
				return CDBC_OK;
			} catch (const std::exception &x) {
				return cdbc_error_set(e, CDBC_DATA, "%s", x.what());
			}
		},
		&limit, nullptr, err);
}
} // namespace

int main(int argc, char **argv)
try {
	if (argc != 2) {
		std::cerr << "usage: guide_cc URL\n";
		return 2;
	}
	cdbc_client *raw_client = nullptr;
	must([&](cdbc_error **err) { return cdbc_client_open_url(argv[1], &raw_client, err); });
	client_handle client(raw_client);
	cdbc_session *raw_session = nullptr;
	must([&](cdbc_error **err) {
		return cdbc_client_acquire(client.get(), nullptr, &raw_session, err);
	});
	session_handle session(raw_session);

	must([&](cdbc_error **err) { return transact(session.get(), 5, err); });
	cdbc_error *raw_error = nullptr;
	cdbc_status status = transact(session.get(), 2, &raw_error);
	error_handle err(raw_error);
	std::cout << (status ? cdbc_error_message(err.get()) : "well") << '\n';
	return EXIT_SUCCESS;
} catch (const std::exception &e) {
	std::cerr << e.what() << '\n';
	return EXIT_FAILURE;
}
