/* internal.h - what the files of the client's side share. */
#pragma once

#include "channels/client/client.h"
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

/* client.c */
struct client_channel *client_lookup(struct client *client, uint8_t type,
				     uint8_t id);
void client_tell(struct client *client, const struct client_channel *channel,
		 struct client_event event);
void client_violate(struct client *client, uint32_t *counter,
		    const struct client_channel *channel, const char *what);
void client_end(struct client *client, int error);
void client_channel_lose(struct client *client, struct client_channel *channel,
			 int error);
void client_channel_start(struct client *client,
			  struct client_channel *channel);
void client_channel_reset(struct client *client,
			  struct client_channel *channel);
void client_check_up(struct client *client);
void client_dial_listed(struct client *client);
void client_shuffle(struct client *client, uint8_t *order, uint32_t count);

/* leg.c */
int client_leg_dial(struct client *client, struct client_channel *channel,
		    uint32_t connection_id,
		    const struct client_address *address);
void client_leg_close(struct client *client, uint8_t *leg);
void client_leg_refresh(struct client *client, uint8_t leg);
uint32_t client_leg_link(struct client *client, struct client_leg *leg,
			 const uint8_t *bytes, uint32_t len);
void client_leg_fail(struct client *client, struct client_leg *leg, int error);
uint8_t client_leg_index(const struct client *client,
			 const struct client_leg *leg);
void client_leg_left_behind(struct client *client, struct client_leg *leg,
			    bool bytes);

/* receive.c */
uint32_t client_leg_frames(struct client *client, struct client_leg *leg,
			   const uint8_t *bytes, uint32_t len);

/* send.c: now goes out at once and overtakes the queue, queue waits. */
void client_send_now(struct client *client, struct client_channel *channel,
		     uint16_t type, const void *from);
void client_send_first(struct client *client, struct client_leg *leg,
		       uint16_t type, const void *from);
void client_send_token(struct client *client, struct client_channel *channel,
		       struct chunkq *token);
int client_queue(struct client *client, struct client_channel *channel,
		 uint16_t type, const void *from);
int client_queue_bytes(struct client *client, struct client_channel *channel,
		       uint16_t type, const void *bytes, uint32_t len);
void client_queue_flush(struct client *client, struct client_channel *channel);
void client_queue_drop(struct client *client, struct client_channel *channel);
void client_wake(struct client *client, struct client_channel *channel);

/* base.c: messages of every channel, then to those of the types. */
void client_count_ack(struct client *client, struct client_channel *channel);
void client_handle(struct client *client, struct client_channel *channel,
		   uint16_t type, struct span body, uint32_t total);
bool client_decode(struct client *client, const struct client_channel *channel,
		   uint16_t type, struct span body, void *to);

/* main.c */
void client_main_handle(struct client *client, struct client_channel *channel,
			uint16_t type, struct span body);
void client_main_reset(struct client *client);

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

/* move.c: each is an edge of the machine in client.h. */
void client_move_begin(struct client *client, struct span host, uint16_t port,
		       bool seamless, uint32_t version);
void client_move_linked(struct client *client, struct client_channel *channel,
			struct client_leg *leg);
void client_move_abort(struct client *client, struct client_channel *failed);
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

/* fallback.c: the edges of semi-seamless, CANCEL and SWITCH_HOST. */
void client_move_swap(struct client *client, struct client_channel *channel);
void client_move_end(struct client *client);
void client_move_init(struct client *client);
void client_move_cancel(struct client *client);
void client_move_switch(struct client *client, struct span host, uint16_t port);
