/* swarm_stream.h - one checked byte stream of a session, there and back. */
#pragma once

#include "bench/swarm_samples.h"
#include "channels/client/record.h"
#include "channels/guest/stream.h"

#define SWARM_PROBES 64

/* Bytes on their way at most: a guest that is paused is not flooded. */
#define SWARM_FLIGHT_BYTES ((uint64_t)64 * 1024)

/* Largest message; the pieces are cut anywhere, also within a record. */
#define SWARM_MESSAGE_BYTES_MAX 4096

/* How much a stream sends, and how often. */
struct swarm_pace {
	uint64_t period_ns;
	uint32_t message_bytes;
};

/* While a session moves its echo is probed this often: the pause is short. */
#define SWARM_PROBE_NS    (2 * NS_PER_MS)
#define SWARM_PROBE_BYTES ((uint32_t)24)

/* A message whose last byte's echo is awaited. */
struct swarm_probe {
	uint64_t end; /* position behind it */
	uint64_t sent_ns;
};

struct swarm_stream {
	uint32_t key;
	uint8_t type;
	bool up;      /* the channel is linked */
	bool full;    /* waits until the channel is writable */
	bool closing; /* nothing more but CLOSE */
	bool close_sent;
	uint32_t closes; /* that came back */
	uint64_t sent;   /* position */
	uint64_t base;   /* what was sent before cannot be on its way */
	uint64_t due_ns;
	struct stream_checker checker;
	struct stream_report report; /* of the guest's checker */
	struct swarm_probe probes[SWARM_PROBES];
	uint32_t probe_first;
	uint32_t probe_count;
	struct swarm_recent echo_ns; /* outside of moves */
};

/* Stream number of the guest's name, on channel 0 of type. */
void swarm_stream_init(struct swarm_stream *stream, const char *guest,
		       uint32_t number, uint8_t type);

/* The channel is linked, or has started over. */
void swarm_stream_start(struct swarm_stream *stream, uint64_t now_ns);

/* Sends what is due. True when the client was given something. */
bool swarm_stream_tick(struct swarm_stream *stream, struct client *client,
		       const struct swarm_pace *pace, uint64_t now_ns);

/*
 * Checks what came back. Returns the longest echo that ended with it, 0: none.
 * Those of a move are not among echo_ns.
 */
uint64_t swarm_stream_received(struct swarm_stream *stream,
			       const struct span *data, bool moving,
			       uint64_t now_ns);

/* True when all is accounted for: CLOSE and the guest's counts are back. */
bool swarm_stream_settled(const struct swarm_stream *stream);

/* A fault of the way there is found at both ends: the larger count is it. */
uint64_t swarm_stream_count(const struct swarm_stream *stream,
			    enum stream_field field);
