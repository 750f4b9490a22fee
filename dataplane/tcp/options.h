/* options.h - the options of a TCP header: MSS, scale, timestamps, SACK. */
#pragma once

#include "dataplane/tcp/sequence.h"

#define TCP_OPTIONS_MAX 40 /* bytes */
#define TCP_SACK_MAX    4  /* blocks that fit */
#define TCP_WSCALE_MAX  14 /* RFC 7323 */
#define TCP_MSS_DEFAULT 536
#define TCP_OPT_MSS     ((uint8_t)1 << 0)
#define TCP_OPT_WSCALE  ((uint8_t)1 << 1)
#define TCP_OPT_SACK_OK ((uint8_t)1 << 2)
#define TCP_OPT_TS      ((uint8_t)1 << 3)

struct tcp_options {
	uint8_t present; /* TCP_OPT_*: which of the fields are valid */
	uint8_t wscale;
	uint16_t mss;
	uint32_t ts_value;
	uint32_t ts_echo;
	uint32_t sack_count;
	struct tcp_range sack[TCP_SACK_MAX];
};

/*
 * Reads the option bytes of a header. Unknown ones are skipped; at one whose
 * length cannot be reading stops and false is returned, with what was good.
 */
bool tcp_options_read(struct tcp_options *options, const uint8_t *bytes,
		      uint32_t len);

/*
 * Writes what is present, padded to whole words, and as many SACK blocks as
 * still fit; returns the number of bytes, at most TCP_OPTIONS_MAX.
 */
uint32_t tcp_options_write(const struct tcp_options *options, uint8_t *bytes);
