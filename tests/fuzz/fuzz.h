/* fuzz.h - what every fuzz target defines, for libFuzzer and for replay.c. */
#pragma once

#include "core/base.h"

/* Eats one input. Returns 0; a fault aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A claim about our own code that an input disproved. */
#define FUZZ_ASSERT(cond, why) ASSERT(cond, why)
