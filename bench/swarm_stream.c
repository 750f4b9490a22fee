/* swarm_stream.c - sends a position-coded stream, checks its echo. */
#include "bench/swarm_stream.h"

#include <errno.h>
#include <string.h>

void swarm_stream_init(struct swarm_stream *stream, const char *guest,
		       uint32_t number, uint8_t type)
{
	memset(stream, 0, sizeof(*stream));
	stream->key = stream_key(guest, number);
	stream->type = type;
	stream_checker_init(&stream->checker, stream->key);
}

void swarm_stream_start(struct swarm_stream *stream, uint64_t now_ns)
{
	stream->up = true;
	stream->full = false;
	stream->base = stream->sent;
	stream->due_ns = max_u64(stream->due_ns, now_ns);
}

static bool send(struct swarm_stream *stream, struct client *client,
		 const uint8_t *bytes, uint32_t len)
{
	int err = client_port_send(client, stream->type, 0, bytes, len);

	stream->full = err == -EAGAIN;
	if (err == -ENOTCONN)
		stream->up = false;
	return err == 0;
}

static void add_probe(struct swarm_stream *stream, uint64_t now_ns)
{
	uint32_t last = stream->probe_first + stream->probe_count;

	if (stream->probe_count == SWARM_PROBES)
		return;
	stream->probes[last % SWARM_PROBES] =
		(struct swarm_probe){stream->sent, now_ns};
	stream->probe_count++;
}

bool swarm_stream_tick(struct swarm_stream *stream, struct client *client,
		       const struct swarm_pace *pace, uint64_t now_ns)
{
	uint8_t bytes[SWARM_MESSAGE_BYTES_MAX];
	uint64_t arrived = max_u64(stream->checker.next, stream->base);
	uint32_t len;

	if (!stream->up || stream->full || stream->close_sent)
		return false;
	if (stream->closing) {
		stream_write_close(bytes, stream->key, stream->sent);
		stream->close_sent =
			send(stream, client, bytes, STREAM_RECORD_BYTES);
		return stream->close_sent;
	}
	if (now_ns < stream->due_ns)
		return false;
	stream->due_ns += pace->period_ns;
	if (stream->due_ns < now_ns) /* no burst to catch up */
		stream->due_ns = now_ns + pace->period_ns;
	if (stream->sent >= arrived + SWARM_FLIGHT_BYTES)
		return false;
	len = pace->message_bytes;
	len -= (uint32_t)(stream->sent % 7) % len;
	stream_fill(stream->key, stream->sent, bytes, len);
	if (!send(stream, client, bytes, len))
		return false;
	stream->sent += len;
	add_probe(stream, now_ns);
	return true;
}

uint64_t swarm_stream_received(struct swarm_stream *stream,
			       const struct span *data, bool moving,
			       uint64_t now_ns)
{
	uint64_t longest_ns = 0;

	stream->closes += stream_check(&stream->checker, data->data, data->len,
				       &stream->report);
	while (stream->probe_count > 0) {
		const struct swarm_probe *probe =
			&stream->probes[stream->probe_first % SWARM_PROBES];
		uint64_t echo_ns = now_ns - probe->sent_ns;

		if (probe->end > stream->checker.next)
			break;
		stream->probe_first++;
		stream->probe_count--;
		longest_ns = max_u64(longest_ns, max_u64(echo_ns, 1));
		if (!moving)
			swarm_recent_add(&stream->echo_ns, echo_ns);
	}
	return longest_ns;
}

bool swarm_stream_settled(const struct swarm_stream *stream)
{
	return stream->closes > 0 && stream->report.have == STREAM_REPORT_WHOLE;
}

uint64_t swarm_stream_count(const struct swarm_stream *stream,
			    enum stream_field field)
{
	return max_u64(stream->checker.counts.field[field],
		       stream->report.counts.field[field]);
}
