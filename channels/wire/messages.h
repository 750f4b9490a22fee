/* messages.h - every SPICE message we speak: one struct and one table each. */
#pragma once

#include "core/field.h"

/*
 * struct msg_<channel>_<name> goes from server to client, struct msgc_... from
 * client to server; the table of either is its name with _fields behind it.
 * A message whose body is the same in both directions, or under two types, has
 * one struct, and the comment says so. Messages without a body have no struct:
 * directory.h names them. Spans of a decoded message point into its bytes.
 */

/* Limits of our own where the protocol has none. */
#define WIRE_AGENT_DATA_MAX   2048 /* the protocol's, VD_AGENT_MAX_DATA_SIZE */
#define WIRE_PING_PADDING_MAX 256000 /* the server's bandwidth test */
#define WIRE_MIGRATE_DATA_MAX ((uint32_t)1 << 20) /* server to client */
#define WIRE_TOKEN_MAX        4096 /* MIGRATE_DATA from a client */
#define WIRE_NOTIFY_MAX       1024
#define WIRE_HOST_MAX         255 /* a DNS name */
#define WIRE_SUBJECT_MAX      1024
#define WIRE_NAME_MAX         255
#define WIRE_CHANNELS_MAX     255
#define WIRE_MONITORS_MAX     16 /* QXL's largest number of heads */
#define WIRE_PIXMAPS_MAX      1024
#define WIRE_SIDE_MAX         16384 /* pixels of a surface or image */
#define WIRE_IMAGE_BYTES_MAX  ((uint32_t)64 << 20)
#define WIRE_CURSOR_BYTES_MAX ((uint32_t)256 * 256 * 4 + 1024)
#define WIRE_SHAPE_BYTES_MAX  (WIRE_CURSOR_BYTES_MAX + 17)
#define WIRE_LIST_BYTES_MAX   16384
#define WIRE_SCANCODE_MAX     256
#define WIRE_CODECS_MAX       64
#define WIRE_VMC_DATA_MAX     ((uint32_t)16 << 20) /* streamed, never stored */

/* A channel as lists name it. */
struct wire_channel {
	uint8_t type;
	uint8_t id;
};
extern const struct field_table wire_channel_fields;

/* A channel and the serial of a message on it. */
struct wire_channel_serial {
	uint8_t type;
	uint8_t id;
	uint64_t serial;
};
extern const struct field_table wire_channel_serial_fields;

/* --- base: on every channel --- */

struct msg_base_migrate {
	uint32_t flags;
};
extern const struct field_table msg_base_migrate_fields;

struct msg_base_migrate_data {
	struct span data;
};
extern const struct field_table msg_base_migrate_data_fields;

struct msg_base_set_ack {
	uint32_t generation;
	uint32_t window;
};
extern const struct field_table msg_base_set_ack_fields;

struct msg_base_ping {
	uint32_t id;
	uint64_t timestamp;
	struct span padding;
};
extern const struct field_table msg_base_ping_fields;

struct msg_base_wait_for_channels {
	struct span channels; /* struct wire_channel_serial */
};
extern const struct field_table msg_base_wait_for_channels_fields;

/* Both directions. */
struct msg_base_disconnecting {
	uint64_t time;
	uint32_t reason; /* SPICE_LINK_ERR_* */
};
extern const struct field_table msg_base_disconnecting_fields;

struct msg_base_notify {
	uint64_t time;
	uint32_t severity;   /* SPICE_NOTIFY_SEVERITY_* */
	uint32_t visibility; /* SPICE_NOTIFY_VISIBILITY_* */
	uint32_t what;
	struct span text;
	struct span nul; /* libspice sends one uncounted NUL; so do we */
};
extern const struct field_table msg_base_notify_fields;

/* Sub-messages; see frame_sub_message, which reads them. */
struct msg_base_list {
	struct span offsets; /* struct wire_offset */
	struct span bodies;
};
extern const struct field_table msg_base_list_fields;

struct wire_offset {
	uint32_t offset;
};
extern const struct field_table wire_offset_fields;

struct msgc_base_ack_sync {
	uint32_t generation;
};
extern const struct field_table msgc_base_ack_sync_fields;

struct msgc_base_pong {
	uint32_t id;
	uint64_t timestamp;
};
extern const struct field_table msgc_base_pong_fields;

struct msgc_base_migrate_data {
	struct span data;
};
extern const struct field_table msgc_base_migrate_data_fields;

/* --- main --- */

/* MIGRATE_BEGIN and MIGRATE_SWITCH_HOST. */
struct msg_main_migrate_begin {
	uint16_t port;  /* 0: absent. Never 0xffff: a client would dial it */
	uint16_t sport; /* TLS, 0: absent */
	struct span host;
	struct span cert_subject;
};
extern const struct field_table msg_main_migrate_begin_fields;

struct msg_main_migrate_begin_seamless {
	uint16_t port;
	uint16_t sport;
	struct span host;
	struct span cert_subject;
	uint32_t version;
};
extern const struct field_table msg_main_migrate_begin_seamless_fields;

struct msg_main_init {
	uint32_t session_id;
	uint32_t display_channels_hint;
	uint32_t supported_mouse_modes;
	uint32_t current_mouse_mode;
	uint32_t agent_connected;
	uint32_t agent_tokens;
	uint32_t multi_media_time_ms;
	uint32_t ram_hint;
};
extern const struct field_table msg_main_init_fields;

struct msg_main_channels_list {
	struct span channels; /* struct wire_channel */
};
extern const struct field_table msg_main_channels_list_fields;

struct msg_main_mouse_mode {
	uint16_t supported;
	uint16_t current;
};
extern const struct field_table msg_main_mouse_mode_fields;

struct msg_main_multi_media_time {
	uint32_t time_ms;
};
extern const struct field_table msg_main_multi_media_time_fields;

struct msg_main_agent_disconnected {
	uint32_t error; /* SPICE_LINK_ERR_* */
};
extern const struct field_table msg_main_agent_disconnected_fields;

struct msg_main_agent_data {
	struct span data;
};
extern const struct field_table msg_main_agent_data_fields;

struct msg_main_agent_token {
	uint32_t tokens;
};
extern const struct field_table msg_main_agent_token_fields;

struct msg_main_name {
	struct span name;
};
extern const struct field_table msg_main_name_fields;

struct msg_main_uuid {
	uint8_t uuid[16];
};
extern const struct field_table msg_main_uuid_fields;

struct msg_main_agent_connected_tokens {
	uint32_t tokens;
};
extern const struct field_table msg_main_agent_connected_tokens_fields;

struct msgc_main_client_info {
	uint64_t cache_bytes;
};
extern const struct field_table msgc_main_client_info_fields;

struct msgc_main_mouse_mode_request {
	uint16_t mode;
};
extern const struct field_table msgc_main_mouse_mode_request_fields;

struct msgc_main_agent_start {
	uint32_t tokens;
};
extern const struct field_table msgc_main_agent_start_fields;

struct msgc_main_agent_data {
	struct span data;
};
extern const struct field_table msgc_main_agent_data_fields;

struct msgc_main_agent_token {
	uint32_t tokens;
};
extern const struct field_table msgc_main_agent_token_fields;

struct msgc_main_do_seamless {
	uint32_t version;
};
extern const struct field_table msgc_main_do_seamless_fields;

/* --- display --- */

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

/* --- inputs --- */

struct msg_inputs_init {
	uint16_t modifiers; /* SPICE_KEYBOARD_MODIFIER_FLAGS_* */
};
extern const struct field_table msg_inputs_init_fields;

struct msg_inputs_key_modifiers {
	uint16_t modifiers;
};
extern const struct field_table msg_inputs_key_modifiers_fields;

struct msgc_inputs_key_down {
	uint32_t code; /* the bytes of a scancode, first in the lowest */
};
extern const struct field_table msgc_inputs_key_down_fields;

struct msgc_inputs_key_up {
	uint32_t code;
};
extern const struct field_table msgc_inputs_key_up_fields;

struct msgc_inputs_key_modifiers {
	uint16_t modifiers;
};
extern const struct field_table msgc_inputs_key_modifiers_fields;

struct msgc_inputs_key_scancode {
	struct span code;
};
extern const struct field_table msgc_inputs_key_scancode_fields;

struct msgc_inputs_mouse_motion {
	int32_t dx;
	int32_t dy;
	uint16_t buttons; /* SPICE_MOUSE_BUTTON_MASK_* */
};
extern const struct field_table msgc_inputs_mouse_motion_fields;

struct msgc_inputs_mouse_position {
	uint32_t x;
	uint32_t y;
	uint16_t buttons;
	uint8_t display_id;
};
extern const struct field_table msgc_inputs_mouse_position_fields;

struct msgc_inputs_mouse_press {
	uint8_t button; /* SPICE_MOUSE_BUTTON_* */
	uint16_t buttons;
};
extern const struct field_table msgc_inputs_mouse_press_fields;

struct msgc_inputs_mouse_release {
	uint8_t button;
	uint16_t buttons;
};
extern const struct field_table msgc_inputs_mouse_release_fields;

/* --- cursor --- */

/* What follows the flags of a cursor, unless they say NONE. */
struct wire_cursor_shape {
	uint64_t unique_id;
	uint8_t type; /* SPICE_CURSOR_TYPE_* */
	uint16_t width;
	uint16_t height;
	uint16_t hot_x;
	uint16_t hot_y;
	struct span data; /* empty with SPICE_CURSOR_FLAGS_FROM_CACHE */
};
extern const struct field_table wire_cursor_shape_fields;

struct msg_cursor_init {
	int16_t x;
	int16_t y;
	uint16_t trail_length;
	uint16_t trail_frequency;
	uint8_t visible;
	uint16_t flags;    /* SPICE_CURSOR_FLAGS_* */
	struct span shape; /* struct wire_cursor_shape; empty with NONE */
};
extern const struct field_table msg_cursor_init_fields;

struct msg_cursor_set {
	int16_t x;
	int16_t y;
	uint8_t visible;
	uint16_t flags;
	struct span shape;
};
extern const struct field_table msg_cursor_set_fields;

struct msg_cursor_move {
	int16_t x;
	int16_t y;
};
extern const struct field_table msg_cursor_move_fields;

struct msg_cursor_trail {
	uint16_t length;
	uint16_t frequency;
};
extern const struct field_table msg_cursor_trail_fields;

struct msg_cursor_inval_one {
	uint64_t id;
};
extern const struct field_table msg_cursor_inval_one_fields;

/* --- vmc: usbredir, port, webdav --- */

/* Both directions. */
struct msg_vmc_data {
	struct span data;
};
extern const struct field_table msg_vmc_data_fields;

/* Both directions. */
struct msg_vmc_compressed_data {
	uint8_t type; /* SPICE_DATA_COMPRESSION_TYPE_LZ4 */
	uint32_t uncompressed_bytes;
	struct span data;
};
extern const struct field_table msg_vmc_compressed_data_fields;

struct msg_port_init {
	struct span name;
	uint8_t opened;
};
extern const struct field_table msg_port_init_fields;

struct msg_port_event {
	uint8_t event; /* SPICE_PORT_EVENT_* */
};
extern const struct field_table msg_port_event_fields;

struct msgc_port_event {
	uint8_t event;
};
extern const struct field_table msgc_port_event_fields;
