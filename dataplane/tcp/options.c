/* options.c - the options of a TCP header: MSS, scale, timestamps, SACK. */
#include "dataplane/tcp/options.h"
#include "dataplane/tcp/bytes.h"

enum {
	KIND_END,
	KIND_NOP,
	KIND_MSS,
	KIND_WSCALE,
	KIND_SACK_OK,
	KIND_SACK,
	KIND_TS = 8
};

#define TS_WORD                                                      \
	0x0101080a /* NOP, NOP, timestamps: as most segments have it \
		    */

static void read_sack(struct tcp_options *options, const uint8_t *bytes,
		      uint32_t len)
{
	options->sack_count = 0;
	for (; len >= 8 && options->sack_count < TCP_SACK_MAX; len -= 8) {
		options->sack[options->sack_count++] = (struct tcp_range){
			.start = get_be32(bytes),
			.end = get_be32(bytes + 4),
		};
		bytes += 8;
	}
}

/* One option of len bytes, kind and length included. */
static bool read_one(struct tcp_options *options, const uint8_t *bytes,
		     uint32_t len)
{
	switch (bytes[0]) {
	case KIND_MSS:
		options->present |= TCP_OPT_MSS;
		options->mss = len == 4 ? get_be16(bytes + 2) : 0;
		return len == 4;
	case KIND_WSCALE:
		options->present |= TCP_OPT_WSCALE;
		options->wscale = len == 3 ? bytes[2] : 0;
		return len == 3;
	case KIND_SACK_OK:
		options->present |= TCP_OPT_SACK_OK;
		return len == 2;
	case KIND_SACK:
		read_sack(options, bytes + 2, len - 2);
		return len % 8 == 2 && len > 2;
	case KIND_TS:
		if (len != 10)
			return false;
		options->present |= TCP_OPT_TS;
		options->ts_value = get_be32(bytes + 2);
		options->ts_echo = get_be32(bytes + 6);
		return true;
	default:
		return true;
	}
}

bool tcp_options_read(struct tcp_options *options, const uint8_t *bytes,
		      uint32_t len)
{
	uint32_t at = 0;

	options->present = 0;
	options->sack_count = 0;
	if (len == 12 && get_be32(bytes) == TS_WORD) {
		options->present = TCP_OPT_TS;
		options->ts_value = get_be32(bytes + 4);
		options->ts_echo = get_be32(bytes + 8);
		return true;
	}
	while (at < len && bytes[at] != KIND_END) {
		uint8_t before = options->present;
		uint32_t one;

		if (bytes[at] == KIND_NOP) {
			at++;
			continue;
		}
		if (len - at < 2 || bytes[at + 1] < 2 ||
		    bytes[at + 1] > len - at)
			return false;
		one = bytes[at + 1];
		if (!read_one(options, bytes + at, one)) {
			options->present = before;
			return false;
		}
		at += one;
	}
	return true;
}

static uint32_t write_sack(const struct tcp_options *options, uint8_t *bytes,
			   uint32_t room)
{
	uint32_t count = min_u32(options->sack_count, (room - 4) / 8);

	put_be16(bytes, KIND_NOP << 8 | KIND_NOP);
	bytes[2] = KIND_SACK;
	bytes[3] = (uint8_t)(2 + 8 * count);
	for (uint32_t i = 0; i < count; i++) {
		put_be32(bytes + 4 + 8 * i, options->sack[i].start);
		put_be32(bytes + 8 + 8 * i, options->sack[i].end);
	}
	return 4 + 8 * count;
}

uint32_t tcp_options_write(const struct tcp_options *options, uint8_t *bytes)
{
	uint32_t at = 0;

	if (options->present & TCP_OPT_MSS) {
		bytes[at] = KIND_MSS;
		bytes[at + 1] = 4;
		put_be16(bytes + at + 2, options->mss);
		at += 4;
	}
	if (options->present & TCP_OPT_TS) {
		put_be32(bytes + at, TS_WORD);
		if (options->present & TCP_OPT_SACK_OK)
			put_be16(bytes + at, KIND_SACK_OK << 8 | 2);
		put_be32(bytes + at + 4, options->ts_value);
		put_be32(bytes + at + 8, options->ts_echo);
		at += 12;
	} else if (options->present & TCP_OPT_SACK_OK) {
		put_be32(bytes + at, KIND_NOP << 24 | KIND_NOP << 16 |
					     KIND_SACK_OK << 8 | 2);
		at += 4;
	}
	if (options->present & TCP_OPT_WSCALE) {
		put_be32(bytes + at, KIND_NOP << 24 | KIND_WSCALE << 16 |
					     3 << 8 | options->wscale);
		at += 4;
	}
	if (options->sack_count && TCP_OPTIONS_MAX - at >= 12)
		at += write_sack(options, bytes + at, TCP_OPTIONS_MAX - at);
	return at;
}
