/* internal.h - what the files of the client's side share. */
#pragma once

#include "channels/client/record.h"
#include "channels/wire/directory.h"

#include <spice/enums.h>
#include <spice/protocol.h>

/* Largest message of ours that is made from a table. */
#define CLIENT_OUT_MAX 4096

/* What is kept of a message that came in pieces: all of nearly every one. */
#define CLIENT_KEEP_MAX CHUNK_BYTES

/* Messages that we do not know are skipped up to this size. */
#define CLIENT_SKIP_MAX ((uint32_t)64 << 20)

enum client_sink {
	SINK_WHOLE,  /* kept, then handled */
	SINK_STREAM, /* told piece by piece */
	SINK_ROWS,   /* a picture */
	SINK_TOKEN,  /* kept to the last byte */
	SINK_SKIP,
};

static inline struct client_channel *client_main(struct client *client)
{
	return &client->channels[0];
}

static inline bool client_is_main(const struct client *client,
				  const struct client_channel *channel)
{
	return channel == &client->channels[0];
}

static inline bool client_has_ended(const struct client *client)
{
	return client->state == CLIENT_ENDED;
}

/* Types that every channel has. */
static inline bool client_is_base(uint16_t type)
{
	return type <= 100;
}

/*
 * The files from the bottom up. Each calls only those above it in this list:
 * what a client does when a leg has failed (fail.c) stands below all that may
 * find that one has.
 */

/* client.c */
struct client_channel *client_lookup(struct client *client, uint8_t type,
				     uint8_t id);
void client_tell(struct client *client, const struct client_channel *channel,
		 struct client_event event);
void client_violate(struct client *client, uint32_t *counter,
		    const struct client_channel *channel, const char *what);
void client_shuffle(struct client *client, uint8_t *order, uint32_t count);

/* body.c */
const struct wire_message *client_message(const struct client_channel *channel,
					  bool ours, uint16_t type);
uint32_t client_encode(const struct client_channel *channel, uint16_t type,
		       const void *from, uint8_t out[CLIENT_OUT_MAX]);
bool client_decode(struct client *client, const struct client_channel *channel,
		   uint16_t type, struct span body, void *to);

/* leg.c: emit is for whoever has made sure that there is room. */
uint8_t client_leg_index(const struct client *client,
			 const struct client_leg *leg);
int client_leg_dial(struct client *client, struct client_channel *channel,
		    uint32_t connection_id,
		    const struct client_address *address);
void client_leg_close(struct client *client, uint8_t *leg);
void client_leg_refresh(struct client *client, uint8_t leg);
struct client_leg *client_leg_in_use(struct client *client,
				     const struct client_channel *channel);
uint32_t client_leg_room(struct client *client, uint8_t leg);
void client_leg_emit(struct client *client, uint8_t leg, uint64_t serial,
		     uint16_t type, const void *body, uint32_t len);

/* queue.c */
void client_wake(struct client *client, struct client_channel *channel);
int client_queue(struct client *client, struct client_channel *channel,
		 uint16_t type, const void *from);
int client_queue_bytes(struct client *client, struct client_channel *channel,
		       uint16_t type, const void *bytes, uint32_t len);
void client_queue_flush(struct client *client, struct client_channel *channel);
void client_queue_drop(struct client *client, struct client_channel *channel);
void client_main_mute(struct client *client, bool mute);

/* fail.c */
void client_end(struct client *client, int error);
void client_check_up(struct client *client);
void client_channel_lose(struct client *client, struct client_channel *channel,
			 int error);
void client_move_abort(struct client *client, struct client_channel *failed);
void client_leg_fail(struct client *client, struct client_leg *leg, int error);

/* send.c */
void client_send_now(struct client *client, struct client_channel *channel,
		     uint16_t type, const void *from);
void client_send_first(struct client *client, struct client_leg *leg,
		       uint16_t type, const void *from);
void client_send_token(struct client *client, struct client_channel *channel,
		       struct chunkq *token);

/* session.c */
void client_channel_reset(struct client_channel *channel);
void client_main_reset(struct client *client);
void client_channel_start(struct client *client,
			  struct client_channel *channel);
void client_dial_listed(struct client *client);

/* port.c */
void client_port_handle(struct client *client, struct client_channel *channel,
			uint16_t type, struct span body);

/* inputs.c */
void client_inputs_handle(struct client *client, struct client_channel *channel,
			  uint16_t type, struct span body);

/* display.c */
void client_display_handle(struct client *client,
			   struct client_channel *channel, uint16_t type,
			   struct span body);
void client_display_reset(struct client *client, bool all);
void client_paint_begin(struct client *client,
			const struct client_channel *channel, struct span head,
			uint32_t total);
void client_paint_rows(struct client *client, uint32_t offset,
		       const uint8_t *bytes, uint32_t len);
void client_paint_end(struct client *client,
		      const struct client_channel *channel);

/* swap.c: each here and below is an edge of the machine in client.h. */
void client_legs_swap(struct client *client, struct client_channel *channel);
void client_leg_use(struct client *client, struct client_channel *channel);
void client_move_over(struct client *client, enum client_mode mode);
void client_move_swap(struct client *client, struct client_channel *channel);

/* fallback.c */
void client_move_end(struct client *client);
void client_move_init(struct client *client);
void client_move_cancel(struct client *client);
void client_move_switch(struct client *client, struct span host, uint16_t port);

/* move.c */
void client_move_begin(struct client *client, struct span host, uint16_t port,
		       bool seamless, uint32_t version);
void client_move_linked(struct client *client, struct client_channel *channel,
			struct client_leg *leg);
void client_move_answer(struct client *client, struct client_leg *leg,
			bool ack);
void client_move_burst_over(struct client *client, struct client_leg *leg);
void client_move_migrate(struct client *client, struct client_channel *channel,
			 uint32_t flags);
void client_move_token(struct client *client, struct client_channel *channel,
		       struct chunkq *token);
void client_move_thaw(struct client *client, struct client_channel *channel,
		      uint16_t type);
void client_move_heard(struct client *client, struct client_channel *channel);

/* main.c */
void client_main_handle(struct client *client, struct client_channel *channel,
			uint16_t type, struct span body);

/* handle.c */
void client_handle(struct client *client, struct client_channel *channel,
		   uint16_t type, struct span body, uint32_t total);

/* receive.c */
uint32_t client_leg_frames(struct client *client, struct client_leg *leg,
			   const uint8_t *bytes, uint32_t len);

/* link.c */
uint32_t client_leg_link(struct client *client, struct client_leg *leg,
			 const uint8_t *bytes, uint32_t len);

/* events.c: on top, called by the owner alone. */
