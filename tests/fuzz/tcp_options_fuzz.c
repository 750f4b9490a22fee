/* tcp_options_fuzz.c - the options of a TCP header, and what we make of them.
 *
 * The input is the option bytes, longer than a header has them, too.
 */
#include "dataplane/tcp/options.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static bool same(const struct tcp_options *a, const struct tcp_options *b)
{
	return a->present == b->present &&
	       (!(a->present & TCP_OPT_MSS) || a->mss == b->mss) &&
	       (!(a->present & TCP_OPT_WSCALE) || a->wscale == b->wscale) &&
	       (!(a->present & TCP_OPT_TS) ||
		(a->ts_value == b->ts_value && a->ts_echo == b->ts_echo)) &&
	       !memcmp(a->sack, b->sack, b->sack_count * sizeof(b->sack[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[TCP_OPTIONS_MAX];
	struct tcp_options options;
	struct tcp_options again;
	uint32_t len;

	if (size > 255)
		return 0;
	tcp_options_read(&options, data, (uint32_t)size);
	FUZZ_ASSERT(options.sack_count <= TCP_SACK_MAX, "blocks that fit");
	FUZZ_ASSERT(!(options.present >> 4), "options that we know");
	len = tcp_options_write(&options, bytes);
	FUZZ_ASSERT(len <= sizeof(bytes) && len % 4 == 0, "whole words");
	FUZZ_ASSERT(tcp_options_read(&again, bytes, len),
		    "what was written can be read");
	FUZZ_ASSERT(again.sack_count <= options.sack_count,
		    "with as many blocks as fit");
	FUZZ_ASSERT(same(&options, &again), "and says the same");
	return 0;
}
