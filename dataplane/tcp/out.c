/* out.c - frames on their way to emit, a batch at a time. */
#include "dataplane/tcp/out.h"

struct tcp_frame_out *tcp_out_begin(struct tcp_out *out, uint8_t **header)
{
	struct tcp_frame_out *frame = &out->frames[out->count];

	*header = out->headers[out->count];
	frame->header = *header;
	frame->header_len = 0;
	frame->span_count = 0;
	frame->flags = 0;
	frame->len = 0;
	return frame;
}

void tcp_out_commit(struct tcp_out *out)
{
	struct tcp_frame_out *frame = &out->frames[out->count];

	frame->len = frame->header_len;
	for (uint32_t i = 0; i < frame->span_count; i++)
		frame->len += frame->spans[i].len;
	++*out->total;
	if (++out->count == TCP_OUT_BATCH)
		tcp_out_flush(out);
}

void tcp_out_flush(struct tcp_out *out)
{
	if (out->count)
		out->ops->emit(out->ops->arg, out->frames, out->count);
	out->count = 0;
}
