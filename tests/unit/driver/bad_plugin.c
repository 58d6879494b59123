// SPDX-License-Identifier: Apache-2.0
/* Plug-ins that are no good, for the loader's tests; BAD chooses how. */
#include <cdbc/driver.h>

#if BAD == 1 /* the symbol is missing */
CDBC_API int something_else(void);

int something_else(void)
{
	return 0;
}
#else
CDBC_API cdbc_status cdbc_driver_init(uint32_t abi, const cdbc_driver_host *host,
									  const cdbc_driver **out, cdbc_error **err);

cdbc_status cdbc_driver_init(uint32_t abi, const cdbc_driver_host *host, const cdbc_driver **out,
							 cdbc_error **err)
{
#if BAD == 2   /* made for another ABI */
	cdbc_error_info info = {
		.struct_size = sizeof info, .status = CDBC_UNSUPPORTED, .message = "ABI 7 is wanted"};

	return host->error_set(err, &info);
#elif BAD == 3 /* gives nothing */
	return CDBC_OK;
#else          /* gives half a driver */
	static const cdbc_driver half = {.struct_size = sizeof half, .name = "half", .schemes = "half"};

	*out = &half;
	return CDBC_OK;
#endif
}
#endif
