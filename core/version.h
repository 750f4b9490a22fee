/* version.h - the version, as meson.build has it. */
#pragma once

#ifdef FLUSHMARK_TEST_BUILD
#define FLUSHMARK_VERSION "0.1.0 (test build)"
#else
#define FLUSHMARK_VERSION "0.1.0"
#endif
