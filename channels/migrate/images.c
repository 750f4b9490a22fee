/* images.c - the tables of a session's images. */
#include "channels/migrate/images.h"
#include "channels/service.h"

#define F(type, member, kind, limit, number) \
	FIELD(type, member, kind, limit, .tag = number)

static const struct field offer_channel[] = {
	F(struct image_offer_channel, type, FIELD_U8, 11, 1),
	F(struct image_offer_channel, id, FIELD_U8, 0, 2),
	F(struct image_offer_channel, linked, FIELD_U8, 1, 3),
	F(struct image_offer_channel, caps, FIELD_U32, 0, 4),
};
const struct field_table image_offer_channel_fields = FIELD_TABLE(
	"offered channel", struct image_offer_channel, offer_channel);

static const struct field offer[] = {
	F(struct image_offer, session_id, FIELD_U32, 0, 1),
	F(struct image_offer, header_mode, FIELD_U8, 2, 2),
	F(struct image_offer, nack, FIELD_U8, 1, 3),
	F(struct image_offer, common_caps, FIELD_U32, 0, 4),
	F(struct image_offer, main_caps, FIELD_U32, 0, 5),
	F(struct image_offer, number, FIELD_U32, 0, 6),
	F(struct image_offer, driver, FIELD_BYTES, IMAGE_DRIVER_BYTES, 7),
	F(struct image_offer, ticket_hash, FIELD_BYTES, 16, 8),
	FIELD(struct image_offer, channels, FIELD_LIST8, SESSION_CHANNELS_MAX,
	      .tag = 9, .elem = &image_offer_channel_fields,
	      .flags = FIELD_NONEMPTY),
};
const struct field_table image_offer_fields =
	FIELD_TABLE("offer", struct image_offer, offer);

static const struct field guest[] = {
	F(struct image_guest, name, FIELD_BYTES, NAME_BYTES, 1),
	F(struct image_guest, epoch, FIELD_U64, 0, 2),
	F(struct image_guest, moves, FIELD_U32, 0, 3),
	FIELD(struct image_guest, state, FIELD_BLOB32, IMAGE_STATE_BYTES,
	      .tag = 4, .flags = FIELD_NONEMPTY),
};
const struct field_table image_guest_fields =
	FIELD_TABLE("guest", struct image_guest, guest);

static const struct field session[] = {
	F(struct image_session, session_id, FIELD_U32, 0, 1),
	F(struct image_session, mouse_mode, FIELD_U8, 2, 2),
	F(struct image_session, listed, FIELD_U8, 1, 3),
	F(struct image_session, agent_tokens, FIELD_U32, 0, 4),
	F(struct image_session, agent_used, FIELD_U32, 10, 5),
};
const struct field_table image_session_fields =
	FIELD_TABLE("session", struct image_session, session);

static const struct field channel[] = {
	F(struct image_channel, type, FIELD_U8, 11, 1),
	F(struct image_channel, id, FIELD_U8, 0, 2),
	F(struct image_channel, flags, FIELD_U8, 3, 3),
	F(struct image_channel, out_serial, FIELD_U64, 0, 4),
	F(struct image_channel, ack_window, FIELD_U32, 65535, 5),
	F(struct image_channel, ack_generation, FIELD_U32, 0, 6),
	F(struct image_channel, messages_in, FIELD_U64, 0, 7),
	F(struct image_channel, messages_out, FIELD_U64, 0, 8),
	F(struct image_channel, bytes_in, FIELD_U64, 0, 9),
	F(struct image_channel, bytes_out, FIELD_U64, 0, 10),
	F(struct image_channel, motions, FIELD_U16, 4, 11),
	F(struct image_channel, modifiers, FIELD_U16, 0, 12),
	F(struct image_channel, display_inited, FIELD_U8, 1, 13),
	F(struct image_channel, pixmap_cache_id, FIELD_U8, 0, 14),
	F(struct image_channel, glz_dictionary_id, FIELD_U8, 0, 15),
	F(struct image_channel, compression, FIELD_U8, 0, 16),
	F(struct image_channel, pixmap_cache_pixels, FIELD_I64, 0, 17),
	F(struct image_channel, glz_window_pixels, FIELD_I32, 0, 18),
	F(struct image_channel, width, FIELD_U32, 16384, 19),
	F(struct image_channel, height, FIELD_U32, 16384, 20),
	F(struct image_channel, pending_head, FIELD_U8, 1, 21),
	F(struct image_channel, pending_type, FIELD_U16, 0, 22),
	F(struct image_channel, pending_left, FIELD_U32, 0, 23),
	F(struct image_channel, pending_bytes, FIELD_U32, 0, 24),
};
const struct field_table image_channel_fields =
	FIELD_TABLE("channel", struct image_channel, channel);

static const struct field input[] = {
	F(struct image_input, type, FIELD_U8, 11, 1),
	F(struct image_input, id, FIELD_U8, 0, 2),
	F(struct image_input, offset, FIELD_U32, 0, 3),
	FIELD(struct image_input, bytes, FIELD_BLOB32, IMAGE_PENDING_BYTES,
	      .tag = 4, .flags = FIELD_NONEMPTY),
};
const struct field_table image_input_fields =
	FIELD_TABLE("input", struct image_input, input);
