/* inputs.c - keyboard and mouse. */
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/types.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>

static void inputs_open(struct channel *channel)
{
	struct msg_inputs_init init = {
		.modifiers = channel_cold(channel)->inputs.modifiers,
	};

	channel_cold(channel)->inputs.motions = 0;
	channel_send(channel, SPICE_MSG_INPUTS_INIT, &init);
}

/* Every fourth motion is acknowledged; a client stops at eight that are not. */
static void count_motion(struct channel *channel)
{
	struct channel_cold *cold = channel_cold(channel);

	if (++cold->inputs.motions < SPICE_INPUT_MOTION_ACK_BUNCH)
		return;
	cold->inputs.motions = 0;
	channel_send(channel, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK, NULL);
}

static int key(struct guest *guest, const uint8_t *body, uint32_t len,
	       bool down)
{
	struct msgc_inputs_key_down message;

	if (field_decode(&msgc_inputs_key_down_fields, &message, body, len,
			 NULL))
		return -EPROTO;
	guest->ops->key(guest, message.code, down);
	return 0;
}

/* Scancodes one behind another, those with an 0xe0 prefix two bytes long. */
static int key_scancodes(struct guest *guest, const uint8_t *body, uint32_t len)
{
	struct msgc_inputs_key_scancode message;

	if (field_decode(&msgc_inputs_key_scancode_fields, &message, body, len,
			 NULL))
		return -EPROTO;
	for (uint32_t i = 0; i < message.code.len; i++) {
		uint32_t code = message.code.data[i];
		bool down;

		if (code == 0xe0 && i + 1 < message.code.len) {
			i++;
			code |= (uint32_t)(message.code.data[i] & 0x7f) << 8;
			down = !(message.code.data[i] & 0x80);
		} else {
			down = !(code & 0x80);
			code &= 0x7f;
		}
		guest->ops->key(guest, code, down);
	}
	return 0;
}

static int motion(struct channel *channel, struct guest *guest,
		  const uint8_t *body, uint32_t len)
{
	struct msgc_inputs_mouse_motion message;
	struct guest_mouse mouse = {.kind = MOUSE_MOVE};

	if (field_decode(&msgc_inputs_mouse_motion_fields, &message, body, len,
			 NULL))
		return -EPROTO;
	mouse.x = message.dx;
	mouse.y = message.dy;
	mouse.buttons = message.buttons;
	guest->ops->mouse(guest, &mouse);
	count_motion(channel);
	return 0;
}

static int position(struct channel *channel, struct guest *guest,
		    const uint8_t *body, uint32_t len)
{
	struct msgc_inputs_mouse_position message;
	struct guest_mouse mouse = {.kind = MOUSE_PLACE};

	if (field_decode(&msgc_inputs_mouse_position_fields, &message, body,
			 len, NULL))
		return -EPROTO;
	mouse.x = (int32_t)min_u32(message.x, INT32_MAX);
	mouse.y = (int32_t)min_u32(message.y, INT32_MAX);
	mouse.buttons = message.buttons;
	guest->ops->mouse(guest, &mouse);
	count_motion(channel);
	return 0;
}

static int button(struct guest *guest, const uint8_t *body, uint32_t len,
		  bool pressed)
{
	struct msgc_inputs_mouse_press message;
	struct guest_mouse mouse = {.kind = MOUSE_BUTTON, .pressed = pressed};

	if (field_decode(&msgc_inputs_mouse_press_fields, &message, body, len,
			 NULL))
		return -EPROTO;
	mouse.button = message.button;
	mouse.buttons = message.buttons;
	guest->ops->mouse(guest, &mouse);
	return 0;
}

/* The client says what its keyboard's lights are: ours follow. */
static int modifiers(struct channel *channel, const uint8_t *body, uint32_t len)
{
	struct msgc_inputs_key_modifiers message;

	if (field_decode(&msgc_inputs_key_modifiers_fields, &message, body, len,
			 NULL))
		return -EPROTO;
	channel_cold(channel)->inputs.modifiers = message.modifiers;
	return 0;
}

static int inputs_message(struct channel *channel, uint16_t type,
			  const uint8_t *body, uint32_t len)
{
	struct session *session = channel_session(channel);
	struct guest *guest = session_guest(session);

	if (!guest)
		return 0;
	guest->now_ns = channel->service->shard->now_ns;
	guest->last_input_ns = guest->now_ns;
	switch (type) {
	case SPICE_MSGC_INPUTS_KEY_DOWN:
		return key(guest, body, len, true);
	case SPICE_MSGC_INPUTS_KEY_UP:
		return key(guest, body, len, false);
	case SPICE_MSGC_INPUTS_KEY_MODIFIERS:
		return modifiers(channel, body, len);
	case SPICE_MSGC_INPUTS_KEY_SCANCODE:
		return key_scancodes(guest, body, len);
	case SPICE_MSGC_INPUTS_MOUSE_MOTION:
		return motion(channel, guest, body, len);
	case SPICE_MSGC_INPUTS_MOUSE_POSITION:
		return position(channel, guest, body, len);
	case SPICE_MSGC_INPUTS_MOUSE_PRESS:
		return button(guest, body, len, true);
	case SPICE_MSGC_INPUTS_MOUSE_RELEASE:
		return button(guest, body, len, false);
	default:
		return -EPROTO;
	}
}

void guest_modifiers(struct guest *guest, uint16_t lights)
{
	struct session *session =
		service_session(guest->service, guest->session);
	struct channel *channel =
		session ? session_channel(session, SPICE_CHANNEL_INPUTS, 0)
			: NULL;
	struct msg_inputs_key_modifiers message = {.modifiers = lights};

	if (!channel)
		return;
	channel_cold(channel)->inputs.modifiers = lights;
	channel_send(channel, SPICE_MSG_INPUTS_KEY_MODIFIERS, &message);
}

static void inputs_resumed(struct channel *channel)
{
	channel_ping(channel);
}

const struct channel_ops channel_inputs = {
	.type = SPICE_CHANNEL_INPUTS,
	.open = inputs_open,
	.message = inputs_message,
	.resumed = inputs_resumed,
};
