/* channel_out.h - sending on a channel: messages, ack windows, room. */
#pragma once

#include "channels/channel.h"

/* Bytes queued at most by a guest before it has to wait for writable. */
#define CHANNEL_TX_HIGH_BYTES ((uint32_t)256 * 1024)
#define CHANNEL_TX_LOW_BYTES  ((uint32_t)64 * 1024)

/* And at most this part of the chunks that are still free. */
#define CHANNEL_TX_SHARE 16

/* Nothing queued may grow over this: the client does not read. A display's
 * queue takes a whole picture. */
#define CHANNEL_TX_MAX_BYTES   ((uint32_t)4 << 20)
#define CHANNEL_TX_SMALL_BYTES ((uint32_t)512 * 1024)

/*
 * Queues a message; goes out at the end of the pass. from is the struct of the
 * type's table, NULL for an empty body. In a state in which nothing may be
 * sent it is dropped. When memory runs out the channel's session is closed.
 */
void channel_send(struct channel *channel, uint16_t type, const void *from);

/*
 * As channel_send, in every state but CLOSING, for the steps of a move only:
 * MIGRATE_DATA and the thawing NOTIFY; on main SWITCH_HOST, MIGRATE_END and the
 * answer to DO_SEAMLESS.
 */
void channel_send_anyway(struct channel *channel, uint16_t type,
			 const void *from);

/* True when a guest may add output: below the high mark, window open. */
bool channel_has_room(struct channel *channel);

/* Starts a new ack window: SET_ACK with the next generation. */
void channel_start_acks(struct channel *channel, uint32_t window);

/* Sends a PING: its PONG is a sign of life, and after COMMIT of a switch. */
void channel_ping(struct channel *channel);

/* Tells a guest that waits for room when there is some. */
void channel_quench(struct channel *channel);

/* A send has ended: drops the bytes that left, tells a thirsty guest. */
void channel_sent(struct channel *channel, uint32_t bytes);

/*
 * The pass's send, once per touched channel. NULL, or why the channel's
 * session must close.
 */
const char *channel_flush(struct channel *channel);
