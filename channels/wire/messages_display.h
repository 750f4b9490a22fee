/* messages_display.h - the messages of the display. */
#pragma once

#include "core/field.h"

/* Limits of our own where the protocol has none. */
#define WIRE_MONITORS_MAX    16 /* QXL's largest number of heads */
#define WIRE_PIXMAPS_MAX     1024
#define WIRE_SIDE_MAX        16384 /* pixels of a surface or image */
#define WIRE_IMAGE_BYTES_MAX ((uint32_t)64 << 20)
#define WIRE_CODECS_MAX      64

struct msg_display_mode {
	uint32_t width;
	uint32_t height;
	uint32_t bits;
};
extern const struct field_table msg_display_mode_fields;

/* With an unclipped Base. */
struct msg_display_copy_bits {
	uint32_t surface_id;
	int32_t top;
	int32_t left;
	int32_t bottom;
	int32_t right;
	uint8_t clip_type; /* 0 */
	int32_t source_x;
	int32_t source_y;
};
extern const struct field_table msg_display_copy_bits_fields;

struct wire_pixmap {
	uint8_t type;
	uint64_t id;
};
extern const struct field_table wire_pixmap_fields;

struct msg_display_inval_list {
	struct span pixmaps; /* struct wire_pixmap */
};
extern const struct field_table msg_display_inval_list_fields;

struct msg_display_inval_all_pixmaps {
	struct span wait_for; /* struct wire_channel_serial */
};
extern const struct field_table msg_display_inval_all_pixmaps_fields;

struct msg_display_surface_create {
	uint32_t surface_id;
	uint32_t width;
	uint32_t height;
	uint32_t format; /* SPICE_SURFACE_FMT_* */
	uint32_t flags;  /* SPICE_SURFACE_FLAGS_* */
};
extern const struct field_table msg_display_surface_create_fields;

struct msg_display_surface_destroy {
	uint32_t surface_id;
};
extern const struct field_table msg_display_surface_destroy_fields;

struct wire_monitor {
	uint32_t id;
	uint32_t surface_id;
	uint32_t width;
	uint32_t height;
	uint32_t x;
	uint32_t y;
	uint32_t flags;
};
extern const struct field_table wire_monitor_fields;

struct msg_display_monitors_config {
	uint16_t count; /* of monitors: the reader compares them */
	uint16_t max_allowed;
	struct span monitors; /* struct wire_monitor */
};
extern const struct field_table msg_display_monitors_config_fields;

/*
 * DRAW_COPY with an unclipped Base, no mask, and one raw bitmap that stands
 * right behind the fixed part. msg_display_draw_copy_prepare sets what that
 * form prescribes; a reader asks msg_display_draw_copy_is_plain.
 */
#define WIRE_DRAW_COPY_IMAGE_OFFSET 57
#define WIRE_DRAW_COPY_ROWS_OFFSET  93

struct msg_display_draw_copy {
	uint32_t surface_id;
	int32_t top;
	int32_t left;
	int32_t bottom;
	int32_t right;
	uint8_t clip_type; /* 0 */
	uint32_t image_offset;
	int32_t source_top;
	int32_t source_left;
	int32_t source_bottom;
	int32_t source_right;
	uint16_t rop; /* SPICE_ROPD_OP_PUT */
	uint8_t scale_mode;
	uint8_t mask_flags;
	int32_t mask_x;
	int32_t mask_y;
	uint32_t mask_offset; /* 0 */
	uint64_t image_id;
	uint8_t image_type; /* SPICE_IMAGE_TYPE_BITMAP */
	uint8_t image_flags;
	uint32_t image_width;
	uint32_t image_height;
	uint8_t bitmap_format; /* SPICE_BITMAP_FMT_* */
	uint8_t bitmap_flags;  /* SPICE_BITMAP_FLAGS_* */
	uint32_t bitmap_width;
	uint32_t bitmap_height;
	uint32_t stride_bytes;
	uint32_t palette_offset; /* 0 */
	struct span rows;
};
extern const struct field_table msg_display_draw_copy_fields;

/*
 * Fills a message that puts a width x height picture of 32-bit xRGB rows,
 * the top row first, at (left, top) of surface_id. rows stay the caller's.
 */
void msg_display_draw_copy_prepare(struct msg_display_draw_copy *draw,
				   uint32_t surface_id, uint32_t left,
				   uint32_t top, uint32_t width,
				   uint32_t height, const uint8_t *rows);

/*
 * True when a decoded message has the form above: a 32-bit xRGB bitmap whose
 * rows are all there and whose source and target boxes have the image's size.
 */
bool msg_display_draw_copy_is_plain(const struct msg_display_draw_copy *draw);

struct msgc_display_init {
	uint8_t pixmap_cache_id;
	int64_t pixmap_cache_pixels;
	uint8_t glz_dictionary_id;
	int32_t glz_window_pixels;
};
extern const struct field_table msgc_display_init_fields;

struct msgc_display_stream_report {
	uint32_t stream_id;
	uint32_t unique_id;
	uint32_t start_frame_ms;
	uint32_t end_frame_ms;
	uint32_t num_frames;
	uint32_t num_drops;
	int32_t last_frame_delay_ms;
	uint32_t audio_delay_ms;
};
extern const struct field_table msgc_display_stream_report_fields;

struct msgc_display_preferred_compression {
	uint8_t compression;
};
extern const struct field_table msgc_display_preferred_compression_fields;

struct msgc_display_preferred_video_codec {
	struct span codecs; /* one byte each */
};
extern const struct field_table msgc_display_preferred_video_codec_fields;
