/* channel_out.c - sending: serials, ack windows, the gate of a move. */
#include "channels/channel_out.h"
#include "channels/channel_hold.h"
#include "channels/guest/guest.h"
#include "channels/service.h"
#include "channels/session.h"

#include <spice/enums.h>

/* What a guest sends waits for room; answers only wait to be read. */
static uint32_t queue_max(const struct channel *channel)
{
	return channel->type == SPICE_CHANNEL_DISPLAY ? CHANNEL_TX_MAX_BYTES
						      : CHANNEL_TX_SMALL_BYTES;
}

static void queue(struct channel *channel, uint16_t type, const void *from)
{
	struct service *service = channel->service;
	enum frame_mode mode = (enum frame_mode)channel->parser.mode;
	const struct wire_message *message =
		wire_find(channel->type, false, type);
	uint32_t header_len = frame_header_bytes(mode);
	int64_t len = 0;

	ASSERT(message, "we send only what the directory knows");
	if (message->table)
		len = field_encode(message->table, from,
				   service->scratch + header_len,
				   SERVICE_SCRATCH_BYTES - header_len);
	ASSERT(len >= 0, "what we send is within its table's limits");
	frame_emit_header(service->scratch, mode, channel->out_serial + 1, type,
			  (uint32_t)len);
	len += header_len;
	channel_touch(channel);
	if (channel->tx.len_bytes + len > queue_max(channel) ||
	    chunkq_append(&service->shard->chunks, &channel->tx,
			  service->scratch, (uint32_t)len)) {
		stats_add(&service->shard->stats, STAT_chunks_short,
			  (uint64_t)len);
		channel->bits |= CHANNEL_EXHAUSTED;
		return;
	}
	channel->out_serial++;
	channel->messages_out++;
	if (channel->ack_window)
		channel->ack_unacked++;
	channel_cold(channel)->bytes_out += (uint64_t)len;
	stats_add(&service->shard->stats, STAT_messages_out, 1);
	stats_add(&service->shard->stats, STAT_bytes_out, (uint64_t)len);
}

void channel_send(struct channel *channel, uint16_t type, const void *from)
{
	/* The gate: after MIGRATE nothing but MIGRATE_DATA, ever. */
	if (channel->state != CHANNEL_UP && channel->state != CHANNEL_AWAITED)
		return;
	queue(channel, type, from);
}

void channel_send_anyway(struct channel *channel, uint16_t type,
			 const void *from)
{
	ASSERT(type == SPICE_MSG_MIGRATE_DATA || type == SPICE_MSG_NOTIFY ||
		       type == SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK ||
		       type == SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK ||
		       type == SPICE_MSG_MAIN_MIGRATE_END ||
		       type == SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST,
	       "the gate opens for the steps of a move only");
	if (channel->state != CHANNEL_CLOSING)
		queue(channel, type, from);
}

/*
 * No queue may hold more than a part of what the pool has left: however many
 * clients stop reading, one that reads finds room.
 */
static uint32_t high_mark(const struct channel *channel)
{
	const struct chunk_pool *chunks = &channel->service->shard->chunks;
	uint64_t free_bytes =
		(uint64_t)(chunks->capacity - chunks->used) * CHUNK_BYTES;

	return (uint32_t)min_u64(CHANNEL_TX_HIGH_BYTES,
				 free_bytes / CHANNEL_TX_SHARE);
}

bool channel_has_room(struct channel *channel)
{
	bool open = channel->state == CHANNEL_UP ||
		    channel->state == CHANNEL_AWAITED;
	bool room = channel->tx.len_bytes < high_mark(channel);
	bool window = !channel->ack_window ||
		      channel->ack_unacked <= 2 * channel->ack_window;

	if (open && room && window)
		return true;
	channel->bits |= CHANNEL_THIRSTY;
	return false;
}

void channel_start_acks(struct channel *channel, uint32_t window)
{
	struct msg_base_set_ack set = {
		.generation = channel->ack_generation + 1,
		.window = window,
	};

	channel->ack_window = 0; /* SET_ACK itself is not counted */
	channel_send(channel, SPICE_MSG_SET_ACK, &set);
	channel->ack_generation++;
	channel->ack_window = window;
	channel->ack_unacked = 0;
}

void channel_ping(struct channel *channel)
{
	struct msg_base_ping ping = {
		.id = (uint32_t)channel->out_serial,
		.timestamp = channel->service->shard->now_ns / NS_PER_US,
	};

	channel_send(channel, SPICE_MSG_PING, &ping);
}

/* The guest waits: may it go on? */
void channel_quench(struct channel *channel)
{
	struct session *session = channel_session(channel);
	struct guest *guest = session ? session_guest(session) : NULL;

	if (!(channel->bits & CHANNEL_THIRSTY) || !guest ||
	    guest->state != GUEST_RUNNING ||
	    channel->tx.len_bytes > CHANNEL_TX_LOW_BYTES ||
	    !channel_has_room(channel))
		return;
	channel->bits &= (uint8_t)~CHANNEL_THIRSTY;
	guest->now_ns = channel->service->shard->now_ns;
	guest->ops->writable(guest, channel->type, channel->id);
}

void channel_sent(struct channel *channel, uint32_t bytes)
{
	channel->bits &= (uint8_t)~CHANNEL_SENDING;
	chunkq_consume(&channel->service->shard->chunks, &channel->tx,
		       min_u32(bytes, channel->tx_flight_bytes));
	channel->tx_flight_bytes = 0;
	if (channel->tx.len_bytes)
		channel_touch(channel);
	channel_quench(channel);
}

const char *channel_flush(struct channel *channel)
{
	struct service *service = channel->service;
	struct span spans[DP_SPANS_MAX];
	uint32_t count;

	channel->bits &= (uint8_t)~CHANNEL_TOUCHED;
	if (channel->state == CHANNEL_CLOSING)
		return NULL;
	if (channel->bits & CHANNEL_EXHAUSTED)
		return "the client does not read what is sent";
	if (channel->bits & CHANNEL_HELD && channel_settle_reading(channel))
		return "no memory for what the client sent";
	if (channel->bits & CHANNEL_SENDING || !channel->tx.len_bytes)
		return NULL;
	count = chunkq_spans(&service->shard->chunks, &channel->tx, 0, spans,
			     DP_SPANS_MAX, &channel->tx_flight_bytes);
	if (!dp_send(shard_dp(service->shard, channel->conn), channel->conn,
		     spans, count, handle_index(channel->self)))
		channel->bits |= CHANNEL_SENDING;
	return NULL;
}
