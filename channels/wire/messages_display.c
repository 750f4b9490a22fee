/* messages_display.c - the messages of the display. */
#include "channels/wire/messages_display.h"
#include "channels/wire/messages_base.h"
#include "channels/wire/table.h"

#include <spice/enums.h>

static const struct field msg_display_mode_list[] = {
	FIELD(struct msg_display_mode, width, FIELD_U32, WIRE_SIDE_MAX),
	FIELD(struct msg_display_mode, height, FIELD_U32, WIRE_SIDE_MAX),
	FIELD(struct msg_display_mode, bits, FIELD_U32, 32),
};
const struct field_table msg_display_mode_fields = TABLE(msg_display_mode);

static const struct field msg_display_copy_bits_list[] = {
	FIELD(struct msg_display_copy_bits, surface_id, FIELD_U32, 0),
	FIELD(struct msg_display_copy_bits, top, FIELD_I32, 0),
	FIELD(struct msg_display_copy_bits, left, FIELD_I32, 0),
	FIELD(struct msg_display_copy_bits, bottom, FIELD_I32, 0),
	FIELD(struct msg_display_copy_bits, right, FIELD_I32, 0),
	FIELD(struct msg_display_copy_bits, clip_type, FIELD_U8, 0),
	FIELD(struct msg_display_copy_bits, source_x, FIELD_I32, 0),
	FIELD(struct msg_display_copy_bits, source_y, FIELD_I32, 0),
};
const struct field_table msg_display_copy_bits_fields =
	TABLE(msg_display_copy_bits);

static const struct field wire_pixmap_list[] = {
	FIELD(struct wire_pixmap, type, FIELD_U8, 0),
	FIELD(struct wire_pixmap, id, FIELD_U64, 0),
};
const struct field_table wire_pixmap_fields = TABLE(wire_pixmap);

static const struct field msg_display_inval_list_list[] = {
	FIELD(struct msg_display_inval_list, pixmaps, FIELD_LIST16,
	      WIRE_PIXMAPS_MAX, .elem = &wire_pixmap_fields),
};
const struct field_table msg_display_inval_list_fields =
	TABLE(msg_display_inval_list);

static const struct field msg_display_inval_all_pixmaps_list[] = {
	FIELD(struct msg_display_inval_all_pixmaps, wait_for, FIELD_LIST8,
	      WIRE_CHANNELS_MAX, .elem = &wire_channel_serial_fields),
};
const struct field_table msg_display_inval_all_pixmaps_fields =
	TABLE(msg_display_inval_all_pixmaps);

static const struct field msg_display_surface_create_list[] = {
	FIELD(struct msg_display_surface_create, surface_id, FIELD_U32, 0),
	FIELD(struct msg_display_surface_create, width, FIELD_U32,
	      WIRE_SIDE_MAX),
	FIELD(struct msg_display_surface_create, height, FIELD_U32,
	      WIRE_SIDE_MAX),
	FIELD(struct msg_display_surface_create, format, FIELD_U32, 0),
	FIELD(struct msg_display_surface_create, flags, FIELD_U32, 0),
};
const struct field_table msg_display_surface_create_fields =
	TABLE(msg_display_surface_create);

static const struct field msg_display_surface_destroy_list[] = {
	FIELD(struct msg_display_surface_destroy, surface_id, FIELD_U32, 0),
};
const struct field_table msg_display_surface_destroy_fields =
	TABLE(msg_display_surface_destroy);

static const struct field wire_monitor_list[] = {
	FIELD(struct wire_monitor, id, FIELD_U32, 0),
	FIELD(struct wire_monitor, surface_id, FIELD_U32, 0),
	FIELD(struct wire_monitor, width, FIELD_U32, WIRE_SIDE_MAX),
	FIELD(struct wire_monitor, height, FIELD_U32, WIRE_SIDE_MAX),
	FIELD(struct wire_monitor, x, FIELD_U32, 0),
	FIELD(struct wire_monitor, y, FIELD_U32, 0),
	FIELD(struct wire_monitor, flags, FIELD_U32, 0),
};
const struct field_table wire_monitor_fields = TABLE(wire_monitor);

static const struct field msg_display_monitors_config_list[] = {
	FIELD(struct msg_display_monitors_config, count, FIELD_U16,
	      WIRE_MONITORS_MAX),
	FIELD(struct msg_display_monitors_config, max_allowed, FIELD_U16, 0),
	FIELD(struct msg_display_monitors_config, monitors, FIELD_LIST_TAIL,
	      WIRE_MONITORS_MAX, .elem = &wire_monitor_fields),
};
const struct field_table msg_display_monitors_config_fields =
	TABLE(msg_display_monitors_config);

static const struct field msg_display_draw_copy_list[] = {
	FIELD(struct msg_display_draw_copy, surface_id, FIELD_U32, 0),
	FIELD(struct msg_display_draw_copy, top, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, left, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, bottom, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, right, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, clip_type, FIELD_U8, 0),
	FIELD(struct msg_display_draw_copy, image_offset, FIELD_U32, 0),
	FIELD(struct msg_display_draw_copy, source_top, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, source_left, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, source_bottom, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, source_right, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, rop, FIELD_U16, 0),
	FIELD(struct msg_display_draw_copy, scale_mode, FIELD_U8, 0),
	FIELD(struct msg_display_draw_copy, mask_flags, FIELD_U8, 0),
	FIELD(struct msg_display_draw_copy, mask_x, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, mask_y, FIELD_I32, 0),
	FIELD(struct msg_display_draw_copy, mask_offset, FIELD_U32, 0),
	FIELD(struct msg_display_draw_copy, image_id, FIELD_U64, 0),
	FIELD(struct msg_display_draw_copy, image_type, FIELD_U8, 0),
	FIELD(struct msg_display_draw_copy, image_flags, FIELD_U8, 0),
	FIELD(struct msg_display_draw_copy, image_width, FIELD_U32,
	      WIRE_SIDE_MAX),
	FIELD(struct msg_display_draw_copy, image_height, FIELD_U32,
	      WIRE_SIDE_MAX),
	FIELD(struct msg_display_draw_copy, bitmap_format, FIELD_U8, 0),
	FIELD(struct msg_display_draw_copy, bitmap_flags, FIELD_U8, 0),
	FIELD(struct msg_display_draw_copy, bitmap_width, FIELD_U32,
	      WIRE_SIDE_MAX),
	FIELD(struct msg_display_draw_copy, bitmap_height, FIELD_U32,
	      WIRE_SIDE_MAX),
	FIELD(struct msg_display_draw_copy, stride_bytes, FIELD_U32,
	      WIRE_SIDE_MAX * 4),
	FIELD(struct msg_display_draw_copy, palette_offset, FIELD_U32, 0),
	FIELD(struct msg_display_draw_copy, rows, FIELD_TAIL,
	      WIRE_IMAGE_BYTES_MAX),
};
const struct field_table msg_display_draw_copy_fields =
	TABLE(msg_display_draw_copy);

static const struct field msgc_display_init_list[] = {
	FIELD(struct msgc_display_init, pixmap_cache_id, FIELD_U8, 0),
	FIELD(struct msgc_display_init, pixmap_cache_pixels, FIELD_I64, 0),
	FIELD(struct msgc_display_init, glz_dictionary_id, FIELD_U8, 0),
	FIELD(struct msgc_display_init, glz_window_pixels, FIELD_I32, 0),
};
const struct field_table msgc_display_init_fields = TABLE(msgc_display_init);

static const struct field msgc_display_stream_report_list[] = {
	FIELD(struct msgc_display_stream_report, stream_id, FIELD_U32, 0),
	FIELD(struct msgc_display_stream_report, unique_id, FIELD_U32, 0),
	FIELD(struct msgc_display_stream_report, start_frame_ms, FIELD_U32, 0),
	FIELD(struct msgc_display_stream_report, end_frame_ms, FIELD_U32, 0),
	FIELD(struct msgc_display_stream_report, num_frames, FIELD_U32, 0),
	FIELD(struct msgc_display_stream_report, num_drops, FIELD_U32, 0),
	FIELD(struct msgc_display_stream_report, last_frame_delay_ms, FIELD_I32,
	      0),
	FIELD(struct msgc_display_stream_report, audio_delay_ms, FIELD_U32, 0),
};
const struct field_table msgc_display_stream_report_fields =
	TABLE(msgc_display_stream_report);

static const struct field msgc_display_preferred_compression_list[] = {
	FIELD(struct msgc_display_preferred_compression, compression, FIELD_U8,
	      0),
};
const struct field_table msgc_display_preferred_compression_fields =
	TABLE(msgc_display_preferred_compression);

static const struct field msgc_display_preferred_video_codec_list[] = {
	FIELD(struct msgc_display_preferred_video_codec, codecs, FIELD_BLOB8,
	      WIRE_CODECS_MAX),
};
const struct field_table msgc_display_preferred_video_codec_fields =
	TABLE(msgc_display_preferred_video_codec);

void msg_display_draw_copy_prepare(struct msg_display_draw_copy *draw,
				   uint32_t surface_id, uint32_t left,
				   uint32_t top, uint32_t width,
				   uint32_t height, const uint8_t *rows)
{
	*draw = (struct msg_display_draw_copy){
		.surface_id = surface_id,
		.top = (int32_t)top,
		.left = (int32_t)left,
		.bottom = (int32_t)(top + height),
		.right = (int32_t)(left + width),
		.clip_type = SPICE_CLIP_TYPE_NONE,
		.image_offset = WIRE_DRAW_COPY_IMAGE_OFFSET,
		.source_bottom = (int32_t)height,
		.source_right = (int32_t)width,
		.rop = SPICE_ROPD_OP_PUT,
		.image_type = SPICE_IMAGE_TYPE_BITMAP,
		.image_width = width,
		.image_height = height,
		.bitmap_format = SPICE_BITMAP_FMT_32BIT,
		.bitmap_flags = SPICE_BITMAP_FLAGS_TOP_DOWN,
		.bitmap_width = width,
		.bitmap_height = height,
		.stride_bytes = width * 4,
		.rows = {rows, width * height * 4},
	};
}

/* The optional parts of the message are absent, so that offsets are fixed. */
static bool draw_copy_has_fixed_layout(const struct msg_display_draw_copy *draw)
{
	return draw->clip_type == SPICE_CLIP_TYPE_NONE &&
	       draw->image_offset == WIRE_DRAW_COPY_IMAGE_OFFSET &&
	       draw->mask_offset == 0 && draw->palette_offset == 0 &&
	       draw->rop == SPICE_ROPD_OP_PUT &&
	       draw->image_type == SPICE_IMAGE_TYPE_BITMAP &&
	       draw->bitmap_format == SPICE_BITMAP_FMT_32BIT;
}

static bool box_has_size(int32_t low, int32_t high, uint32_t size)
{
	return low >= 0 && (int64_t)high - low == (int64_t)size;
}

bool msg_display_draw_copy_is_plain(const struct msg_display_draw_copy *draw)
{
	uint32_t width = draw->image_width;
	uint32_t height = draw->image_height;

	if (!draw_copy_has_fixed_layout(draw))
		return false;
	if (draw->bitmap_width != width || draw->bitmap_height != height)
		return false;
	if (draw->source_top != 0 || draw->source_left != 0)
		return false;
	return box_has_size(draw->source_top, draw->source_bottom, height) &&
	       box_has_size(draw->source_left, draw->source_right, width) &&
	       box_has_size(draw->top, draw->bottom, height) &&
	       box_has_size(draw->left, draw->right, width) &&
	       draw->stride_bytes == (uint64_t)width * 4 &&
	       draw->rows.len == (uint64_t)draw->stride_bytes * height;
}
