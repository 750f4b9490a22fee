/* seal.c - a frozen session's state becomes images. */
#include "channels/channel.h"
#include "channels/guest/guest.h"
#include "channels/migrate/images.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"
#include "core/move_image.h"
#include "core/move_record.h"
#include "core/plant.h"

#include <spice/enums.h>

#include <string.h>

static int seal_input(struct move *move, struct channel *channel)
{
	const struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;
	uint8_t *bytes = channel->service->scratch;
	uint32_t offset = 0;

	while (offset < cold->pending.len_bytes) {
		uint32_t len = chunkq_copy(chunks, &cold->pending, offset,
					   bytes, IMAGE_PENDING_BYTES);
		struct image_input input = {
			.type = channel->type,
			.id = channel->id,
			.offset = offset,
			.bytes = {bytes, len},
		};
		int err = move_image(move, &image_input_fields, IMAGE_INPUT,
				     &input);

		if (err)
			return err;
		offset += len;
	}
	return 0;
}

int migrate_seal_channel(struct move *move, struct channel *channel)
{
	const struct pool *pool = channel->service->shard->pool;
	const struct channel_cold *cold = channel_cold(channel);
	struct image_channel image = {
		.type = channel->type,
		.id = channel->id,
		.flags = channel_session(channel)->flags,
		/* The next message of ours carries MIGRATE_DATA's serial at
		 * the destination, as libspice has it. */
		.out_serial = channel->out_serial,
		.ack_window = channel->ack_window,
		.ack_generation = channel->ack_generation,
		.messages_in = channel->messages_in,
		.messages_out = channel->messages_out,
		.bytes_in = cold->bytes_in,
		.bytes_out = cold->bytes_out,
		.pending_head = cold->pending_head,
		.pending_type = cold->pending_type,
		.pending_left = cold->pending_left,
		.pending_bytes = cold->pending.len_bytes,
	};
	int err;

	if (channel->type == SPICE_CHANNEL_INPUTS) {
		image.motions = cold->inputs.motions;
		image.modifiers = cold->inputs.modifiers;
	} else if (channel->type == SPICE_CHANNEL_DISPLAY) {
		image.display_inited = cold->display.inited;
		image.pixmap_cache_id = cold->display.pixmap_cache_id;
		image.glz_dictionary_id = cold->display.glz_dictionary_id;
		image.compression = cold->display.compression;
		image.pixmap_cache_pixels = cold->display.pixmap_cache_pixels;
		image.glz_window_pixels = cold->display.glz_window_pixels;
		image.width = cold->display.width;
		image.height = cold->display.height;
	}
	if (plant_is(pool, PLANT_lose_motion_count))
		image.motions = 0;
	if (plant_is(pool, PLANT_drop_pending_input)) {
		image.pending_head = false;
		image.pending_left = image.pending_bytes = 0;
		return move_image(move, &image_channel_fields, IMAGE_CHANNEL,
				  &image);
	}
	err = move_image(move, &image_channel_fields, IMAGE_CHANNEL, &image);
	return err ? err : seal_input(move, channel);
}

/* The guest and its session: sealed as soon as the guest stands still. */
int migrate_seal_guest(struct move *move, struct session *session,
		       struct guest *guest)
{
	uint8_t *scratch = session->service->scratch;
	uint8_t *state = scratch + guest->ops->image_bytes;
	struct image_guest image = {
		.epoch = move->epoch,
		.moves = guest->moves,
	};
	struct image_session about = {
		.session_id = session->id,
		.mouse_mode = session->mouse_mode,
		.listed = session->listed,
		.agent_tokens = session->agent_tokens,
		.agent_used = session->agent_used,
	};
	int64_t len;
	int err;

	guest->ops->snapshot(guest, scratch);
	len = image_encode(guest->ops->image, IMAGE_GUEST, IMAGE_PORTABLE,
			   scratch, state, IMAGE_STATE_BYTES);
	if (len < 0)
		return (int)len;
	memcpy(image.name, guest->name, sizeof(image.name));
	image.state = (struct span){state, (uint32_t)len};
	err = move_image(move, &image_guest_fields, IMAGE_GUEST, &image);
	return err ? err
		   : move_image(move, &image_session_fields, IMAGE_SESSION,
				&about);
}
