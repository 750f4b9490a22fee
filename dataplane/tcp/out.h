/* out.h - frames on their way to emit, a batch at a time. */
#pragma once

#include "dataplane/tcp/tcp.h"

struct tcp_out {
	struct tcp_frame_out frames[TCP_OUT_BATCH];
	uint8_t headers[TCP_OUT_BATCH][TCP_HEADER_MAX];
	uint32_t count;
	uint64_t *total; /* counts frames */
	const struct tcp_ops *ops;
};

/*
 * Lends the next frame, its header pointing to TCP_HEADER_MAX bytes, nothing
 * else filled in. It goes with tcp_out_commit; until then another begin lends
 * the same one again.
 */
struct tcp_frame_out *tcp_out_begin(struct tcp_out *out, uint8_t **header);
void tcp_out_commit(struct tcp_out *out);

/* Gives what was committed to emit. Spans must be valid until then. */
void tcp_out_flush(struct tcp_out *out);
