// SPDX-License-Identifier: Apache-2.0
/* Drivers from shared objects. What is loaded stays loaded: its code may be on a stack. */
#include "base/error.h"
#include "infra/driver/registry.h"

#include <dlfcn.h>
#include <string.h>

#define INIT_SYMBOL "cdbc_driver_init"

static const char *loader_says(void)
{
	const char *text = dlerror();

	return text ? text : "the system does not say why";
}

/* Asks the object for its driver and adds it. */
static cdbc_status begin(void *object, const cdbc_driver_host *host, cdbc_error **err)
{
	void *symbol = dlsym(object, INIT_SYMBOL);
	const cdbc_driver *driver = NULL;
	cdbc_driver_init_fn init;
	cdbc_status status;

	if (!symbol) {
		status = cx_error_set(err, CDBC_CONFIG, "%s", loader_says());
		cx_error_hint(err, "a driver's shared object exports " INIT_SYMBOL);
		return status;
	}
	memcpy(&init, &symbol, sizeof init);
	status = init(CDBC_DRIVER_ABI, host, &driver, err);
	if (status)
		return status;
	if (!driver)
		return cx_error_set(err, CDBC_CONFIG, INIT_SYMBOL " gave no driver");
	return cdbc_driver_add(driver, err);
}

cdbc_status cdbc_driver_load(const char *path, cdbc_error **err)
{
	cdbc_status status;
	void *object;

	if (!path || !*path)
		return cx_error_set(err, CDBC_USAGE, "load driver: no path was given");
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	status = object ? begin(object, cx_driver_host_of_plugins(), err)
					: cx_error_set(err, CDBC_CONFIG, "%s", loader_says());
	if (status) {
		cx_error_wrap(err, "load driver %s", path);
		if (object)
			dlclose(object);
	}
	return status;
}
