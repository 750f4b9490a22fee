/* send.c - the bytes lent to one send, read as the window takes them. */
#include "dataplane/sim/internal.h"

uint64_t sim_send_hash(const struct sim_send *send)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < send->count; i++)
		hash = sim_hash(hash, send->spans[i].data, send->spans[i].len);
	return hash;
}

void sim_send_copy(struct sim_send *send, uint8_t *to, uint32_t len)
{
	while (len > 0) {
		const struct span *span = &send->spans[send->span];
		uint32_t take = min_u32(len, span->len - send->off);

		memcpy(to, span->data + send->off, take);
		to += take;
		len -= take;
		send->done_bytes += take;
		send->off += take;
		if (send->off == span->len) {
			send->span++;
			send->off = 0;
		}
	}
}
