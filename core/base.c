/* base.c - what happens when an assertion does not hold. */
#include "core/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *file, int line, const char *why)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, why);
	abort();
}
