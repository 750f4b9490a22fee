/* inputs.c - keys and the mouse, with the window of unacknowledged motions. */
#include "channels/client/internal.h"

#include <errno.h>

static struct client_channel *inputs_of(struct client *client)
{
	return client_lookup(client, SPICE_CHANNEL_INPUTS, 0);
}

/* Sends the motion that is due, as the window allows. */
static int motion_push(struct client *client)
{
	struct client_motion *motion = &client->motion;
	struct client_channel *inputs = inputs_of(client);
	struct msgc_inputs_mouse_motion body = {motion->dx, motion->dy,
						motion->buttons};
	int error;

	if (!motion->due || motion->unacked >= CLIENT_MOTION_WINDOW)
		return 0;
	error = client_queue(client, inputs, SPICE_MSGC_INPUTS_MOUSE_MOTION,
			     &body);
	if (error < 0)
		return error;
	motion->due = false;
	motion->dx = 0;
	motion->dy = 0;
	motion->unacked++;
	return 0;
}

int client_mouse_motion(struct client *client, int32_t dx, int32_t dy,
			uint16_t buttons)
{
	struct client_motion *motion = &client->motion;

	if (!inputs_of(client))
		return -ENOTCONN;
	/* Unsigned, since a sum that wraps is no reason to stop. */
	motion->dx = (int32_t)((uint32_t)motion->dx + (uint32_t)dx);
	motion->dy = (int32_t)((uint32_t)motion->dy + (uint32_t)dy);
	motion->buttons = buttons;
	motion->due = true;
	return motion_push(client);
}

int client_key(struct client *client, uint32_t scancode, bool down)
{
	struct msgc_inputs_key_down body = {scancode};

	return client_queue(client, inputs_of(client),
			    down ? SPICE_MSGC_INPUTS_KEY_DOWN
				 : SPICE_MSGC_INPUTS_KEY_UP,
			    &body);
}

static void handle_motion_ack(struct client *client,
			      struct client_channel *channel)
{
	struct client_motion *motion = &client->motion;

	if (motion->unacked < CLIENT_MOTION_PER_ACK) {
		client_violate(client, &client->violations.motion_acks, channel,
			       "more MOTION_ACKs than motions");
		motion->unacked = 0;
	} else {
		motion->unacked =
			(uint8_t)(motion->unacked - CLIENT_MOTION_PER_ACK);
	}
	motion_push(client);
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_MOTION_ACK,
					  .value = motion->unacked});
}

static void handle_modifiers(struct client *client,
			     struct client_channel *channel, uint16_t type,
			     struct span body)
{
	struct msg_inputs_init init; /* KEY_MODIFIERS has the same body */

	if (!client_decode(client, channel, type, body, &init))
		return;
	if (type == SPICE_MSG_INPUTS_INIT) {
		if (channel->inited)
			client_violate(client, &client->violations.init_again,
				       channel, "INPUTS_INIT again");
		channel->inited = true;
	}
	client->modifiers = init.modifiers;
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_MODIFIERS,
					  .value = init.modifiers});
}

void client_inputs_handle(struct client *client, struct client_channel *channel,
			  uint16_t type, struct span body)
{
	switch (type) {
	case SPICE_MSG_INPUTS_INIT:
	case SPICE_MSG_INPUTS_KEY_MODIFIERS:
		handle_modifiers(client, channel, type, body);
		break;
	case SPICE_MSG_INPUTS_MOUSE_MOTION_ACK:
		handle_motion_ack(client, channel);
		break;
	default:
		break;
	}
}
