/* version.h - the version, as meson.build has it. */
#pragma once

#define FLUSHMARK_VERSION "0.1.0"
