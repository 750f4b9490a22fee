/* import.c - images from another process become state, nothing runs yet. */
#include "channels/channel.h"
#include "channels/guest/guest.h"
#include "channels/migrate/images.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"
#include "core/move_record.h"
#include "core/plant.h"

#include <spice/enums.h>

#include <errno.h>
#include <string.h>

static int import_guest(struct service *service, struct move *move,
			const uint8_t *bytes, size_t len)
{
	struct guest *guest = service_guest(service, move->guest);
	struct image_guest image;

	if (image_decode(&image_guest_fields, IMAGE_GUEST, &image, bytes,
			 len) ||
	    strncmp((const char *)image.name, guest->name, NAME_BYTES) ||
	    image.epoch != move->epoch ||
	    image_decode(guest->ops->image, IMAGE_GUEST, service->scratch,
			 image.state.data, image.state.len))
		return -EBADMSG;
	guest->now_ns = service->shard->now_ns;
	guest->moves = image.moves;
	guest->imaged = true;
	return guest->ops->restore(guest, service->scratch);
}

static int import_session(struct session *session, const uint8_t *bytes,
			  size_t len)
{
	struct image_session image;

	if (image_decode(&image_session_fields, IMAGE_SESSION, &image, bytes,
			 len))
		return -EBADMSG;
	if (!session)
		return 0; /* of a switch-host: the client starts over */
	if (image.session_id != session->id)
		return -EBADMSG;
	session->mouse_mode = image.mouse_mode;
	session->listed = image.listed;
	session->agent_tokens = image.agent_tokens;
	session->agent_used = image.agent_used;
	session->imaged = true;
	return 0;
}

static int import_channel(struct session *session, const uint8_t *bytes,
			  size_t len)
{
	struct image_channel image;
	struct channel_cold *cold;
	struct channel *channel;

	if (!session || image_decode(&image_channel_fields, IMAGE_CHANNEL,
				     &image, bytes, len))
		return -EBADMSG;
	channel = session_channel(session, image.type, image.id);
	if (!channel || channel->state != CHANNEL_PARKED)
		return -ENOENT;
	cold = channel_cold(channel);
	if (cold->imaged)
		return -EEXIST;
	cold->imaged = true;
	cold->token_due = image.flags & SPICE_MIGRATE_NEED_DATA_TRANSFER;
	channel->out_serial = image.out_serial;
	if (plant_is(channel->service->shard->pool, PLANT_skip_serials))
		channel->out_serial += 5;
	channel->ack_window = image.ack_window;
	channel->ack_generation = image.ack_generation;
	channel->messages_in = image.messages_in;
	channel->messages_out = image.messages_out;
	cold->bytes_in = image.bytes_in;
	cold->bytes_out = image.bytes_out;
	cold->pending_head = image.pending_head;
	cold->pending_type = image.pending_type;
	cold->pending_left = image.pending_left;
	cold->pending_due = image.pending_bytes;
	if (image.type == SPICE_CHANNEL_INPUTS) {
		cold->inputs.motions = image.motions;
		cold->inputs.modifiers = image.modifiers;
	} else if (image.type == SPICE_CHANNEL_DISPLAY) {
		cold->display.inited = image.display_inited;
		cold->display.pixmap_cache_id = image.pixmap_cache_id;
		cold->display.glz_dictionary_id = image.glz_dictionary_id;
		cold->display.compression = image.compression;
		cold->display.pixmap_cache_pixels = image.pixmap_cache_pixels;
		cold->display.glz_window_pixels = image.glz_window_pixels;
		cold->display.width = image.width;
		cold->display.height = image.height;
	}
	return 0;
}

static int import_input(struct service *service, struct session *session,
			const uint8_t *bytes, size_t len)
{
	struct image_input image;
	struct channel_cold *cold;
	struct channel *channel;

	if (!session ||
	    image_decode(&image_input_fields, IMAGE_INPUT, &image, bytes, len))
		return -EBADMSG;
	channel = session_channel(session, image.type, image.id);
	if (!channel)
		return -ENOENT;
	cold = channel_cold(channel);
	if (!cold->imaged || image.offset != cold->pending.len_bytes ||
	    image.bytes.len > cold->pending_due - image.offset)
		return -EBADMSG;
	return chunkq_append(&service->shard->chunks, &cold->pending,
			     image.bytes.data, image.bytes.len);
}

int migrate_import(struct service *service, struct move *move,
		   const uint8_t *image, size_t len)
{
	struct session *session = service_session(service, move->own);
	int err;

	switch (image_peek_kind(image, len)) {
	case IMAGE_GUEST:
		err = import_guest(service, move, image, len);
		break;
	case IMAGE_SESSION:
		err = import_session(session, image, len);
		break;
	case IMAGE_CHANNEL:
		err = import_channel(session, image, len);
		break;
	case IMAGE_INPUT:
		err = import_input(service, session, image, len);
		break;
	default:
		err = -EBADMSG;
		break;
	}
	if (err)
		move_say(move, "an image was refused: %s", strerror(-err));
	return err;
}
