/* version.h - the version, as meson.build has it. */
#pragma once

#define FLUSHMARK_VERSION "0.1.0"

/* For a person's eyes, behind the version. */
#ifdef FLUSHMARK_TEST_BUILD
#define FLUSHMARK_BUILD " (test build)"
#else
#define FLUSHMARK_BUILD ""
#endif
