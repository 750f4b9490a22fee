/* uring_compat.h - kernel constants that liburing 2.3 does not have yet. */
#pragma once

#include <liburing.h>

/*
 * These are kernel ABI and never change. Whether the running kernel knows them
 * is probed when a dp is made.
 */

/* Makes a process descriptor of a direct one (IORING_OP_FIXED_FD_INSTALL). */
#define URING_OP_FIXED_FD_INSTALL 54
