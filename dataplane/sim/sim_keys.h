/* sim_keys.h - RSA-1024 private keys for simulated hosts, as PKCS #1 DER. */
#pragma once

#include "core/base.h"

#define SIM_KEYS 3

struct sim_key_der {
	const uint8_t *bytes;
	size_t len;
};

extern const struct sim_key_der sim_key_ders[SIM_KEYS];
