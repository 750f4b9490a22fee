/* cc.h - what lwIP asks of a compiler: gcc, hosted, with <stdint.h>. */
#pragma once

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define LWIP_PLATFORM_DIAG(x) \
	do {                  \
	} while (0)
#define LWIP_PLATFORM_ASSERT(why)                           \
	do {                                                \
		fprintf(stderr, "lwIP asserts: %s\n", why); \
		abort();                                    \
	} while (0)
