/* config_file.h - a configuration from a file. */
#pragma once

#include "core/config.h"

/*
 * Reads the file at path over the defaults and checks all of it. Returns 0,
 * -EINVAL or what open or read said; then error holds one line. Control thread.
 */
int config_file_load(struct config *config, const char *path,
		     const char *runtime_dir_default, char *error,
		     size_t error_cap);
