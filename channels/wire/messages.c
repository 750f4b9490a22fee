/* messages.c - the tables of every SPICE message we speak. */
#include "channels/wire/messages.h"

#include <spice/enums.h>

#define TABLE(id) FIELD_TABLE(#id, struct id, id##_list)

static const struct field wire_channel_list[] = {
	FIELD(struct wire_channel, type, FIELD_U8, 0),
	FIELD(struct wire_channel, id, FIELD_U8, 0),
};
const struct field_table wire_channel_fields = TABLE(wire_channel);

static const struct field wire_channel_serial_list[] = {
	FIELD(struct wire_channel_serial, type, FIELD_U8, 0),
	FIELD(struct wire_channel_serial, id, FIELD_U8, 0),
	FIELD(struct wire_channel_serial, serial, FIELD_U64, 0),
};
const struct field_table wire_channel_serial_fields =
	TABLE(wire_channel_serial);

static const struct field msg_base_migrate_list[] = {
	FIELD(struct msg_base_migrate, flags, FIELD_U32, 3),
};
const struct field_table msg_base_migrate_fields = TABLE(msg_base_migrate);

static const struct field msg_base_migrate_data_list[] = {
	FIELD(struct msg_base_migrate_data, data, FIELD_TAIL,
	      WIRE_MIGRATE_DATA_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msg_base_migrate_data_fields =
	TABLE(msg_base_migrate_data);

static const struct field msg_base_set_ack_list[] = {
	FIELD(struct msg_base_set_ack, generation, FIELD_U32, 0),
	FIELD(struct msg_base_set_ack, window, FIELD_U32, 0),
};
const struct field_table msg_base_set_ack_fields = TABLE(msg_base_set_ack);

static const struct field msg_base_ping_list[] = {
	FIELD(struct msg_base_ping, id, FIELD_U32, 0),
	FIELD(struct msg_base_ping, timestamp, FIELD_U64, 0),
	FIELD(struct msg_base_ping, padding, FIELD_TAIL, WIRE_PING_PADDING_MAX),
};
const struct field_table msg_base_ping_fields = TABLE(msg_base_ping);

static const struct field msg_base_wait_for_channels_list[] = {
	FIELD(struct msg_base_wait_for_channels, channels, FIELD_LIST8,
	      WIRE_CHANNELS_MAX, .elem = &wire_channel_serial_fields),
};
const struct field_table msg_base_wait_for_channels_fields =
	TABLE(msg_base_wait_for_channels);

static const struct field msg_base_disconnecting_list[] = {
	FIELD(struct msg_base_disconnecting, time, FIELD_U64, 0),
	FIELD(struct msg_base_disconnecting, reason, FIELD_U32, 0),
};
const struct field_table msg_base_disconnecting_fields =
	TABLE(msg_base_disconnecting);

static const struct field msg_base_notify_list[] = {
	FIELD(struct msg_base_notify, time, FIELD_U64, 0),
	FIELD(struct msg_base_notify, severity, FIELD_U32, 0),
	FIELD(struct msg_base_notify, visibility, FIELD_U32, 0),
	FIELD(struct msg_base_notify, what, FIELD_U32, 0),
	FIELD(struct msg_base_notify, text, FIELD_BLOB32, WIRE_NOTIFY_MAX),
	FIELD(struct msg_base_notify, nul, FIELD_TAIL, 1),
};
const struct field_table msg_base_notify_fields = TABLE(msg_base_notify);

static const struct field wire_offset_list[] = {
	FIELD(struct wire_offset, offset, FIELD_U32, 0),
};
const struct field_table wire_offset_fields = TABLE(wire_offset);

static const struct field msg_base_list_list[] = {
	FIELD(struct msg_base_list, offsets, FIELD_LIST16, WIRE_CHANNELS_MAX,
	      .elem = &wire_offset_fields),
	FIELD(struct msg_base_list, bodies, FIELD_TAIL, WIRE_LIST_BYTES_MAX),
};
const struct field_table msg_base_list_fields = TABLE(msg_base_list);

static const struct field msgc_base_ack_sync_list[] = {
	FIELD(struct msgc_base_ack_sync, generation, FIELD_U32, 0),
};
const struct field_table msgc_base_ack_sync_fields = TABLE(msgc_base_ack_sync);

static const struct field msgc_base_pong_list[] = {
	FIELD(struct msgc_base_pong, id, FIELD_U32, 0),
	FIELD(struct msgc_base_pong, timestamp, FIELD_U64, 0),
};
const struct field_table msgc_base_pong_fields = TABLE(msgc_base_pong);

static const struct field msgc_base_migrate_data_list[] = {
	FIELD(struct msgc_base_migrate_data, data, FIELD_TAIL, WIRE_TOKEN_MAX,
	      .flags = FIELD_NONEMPTY),
};
const struct field_table msgc_base_migrate_data_fields =
	TABLE(msgc_base_migrate_data);

static const struct field msg_main_migrate_begin_list[] = {
	FIELD(struct msg_main_migrate_begin, port, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin, sport, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin, host, FIELD_PTRBLOB, WIRE_HOST_MAX,
	      .flags = FIELD_NUL | FIELD_NONEMPTY),
	FIELD(struct msg_main_migrate_begin, cert_subject, FIELD_PTRBLOB,
	      WIRE_SUBJECT_MAX, .flags = FIELD_NUL),
};
const struct field_table msg_main_migrate_begin_fields =
	TABLE(msg_main_migrate_begin);

static const struct field msg_main_migrate_begin_seamless_list[] = {
	FIELD(struct msg_main_migrate_begin_seamless, port, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin_seamless, sport, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin_seamless, host, FIELD_PTRBLOB,
	      WIRE_HOST_MAX, .flags = FIELD_NUL | FIELD_NONEMPTY),
	FIELD(struct msg_main_migrate_begin_seamless, cert_subject,
	      FIELD_PTRBLOB, WIRE_SUBJECT_MAX, .flags = FIELD_NUL),
	FIELD(struct msg_main_migrate_begin_seamless, version, FIELD_U32, 0),
};
const struct field_table msg_main_migrate_begin_seamless_fields =
	TABLE(msg_main_migrate_begin_seamless);

static const struct field msg_main_init_list[] = {
	FIELD(struct msg_main_init, session_id, FIELD_U32, 0),
	FIELD(struct msg_main_init, display_channels_hint, FIELD_U32, 0),
	FIELD(struct msg_main_init, supported_mouse_modes, FIELD_U32, 0),
	FIELD(struct msg_main_init, current_mouse_mode, FIELD_U32, 0),
	FIELD(struct msg_main_init, agent_connected, FIELD_U32, 0),
	FIELD(struct msg_main_init, agent_tokens, FIELD_U32, 0),
	FIELD(struct msg_main_init, multi_media_time_ms, FIELD_U32, 0),
	FIELD(struct msg_main_init, ram_hint, FIELD_U32, 0),
};
const struct field_table msg_main_init_fields = TABLE(msg_main_init);

static const struct field msg_main_channels_list_list[] = {
	FIELD(struct msg_main_channels_list, channels, FIELD_LIST32,
	      WIRE_CHANNELS_MAX, .elem = &wire_channel_fields),
};
const struct field_table msg_main_channels_list_fields =
	TABLE(msg_main_channels_list);

static const struct field msg_main_mouse_mode_list[] = {
	FIELD(struct msg_main_mouse_mode, supported, FIELD_U16, 0),
	FIELD(struct msg_main_mouse_mode, current, FIELD_U16, 0),
};
const struct field_table msg_main_mouse_mode_fields =
	TABLE(msg_main_mouse_mode);

static const struct field msg_main_multi_media_time_list[] = {
	FIELD(struct msg_main_multi_media_time, time_ms, FIELD_U32, 0),
};
const struct field_table msg_main_multi_media_time_fields =
	TABLE(msg_main_multi_media_time);

static const struct field msg_main_agent_disconnected_list[] = {
	FIELD(struct msg_main_agent_disconnected, error, FIELD_U32, 0),
};
const struct field_table msg_main_agent_disconnected_fields =
	TABLE(msg_main_agent_disconnected);

static const struct field msg_main_agent_data_list[] = {
	FIELD(struct msg_main_agent_data, data, FIELD_TAIL, WIRE_AGENT_DATA_MAX,
	      .flags = FIELD_NONEMPTY),
};
const struct field_table msg_main_agent_data_fields =
	TABLE(msg_main_agent_data);

static const struct field msg_main_agent_token_list[] = {
	FIELD(struct msg_main_agent_token, tokens, FIELD_U32, 0),
};
const struct field_table msg_main_agent_token_fields =
	TABLE(msg_main_agent_token);

static const struct field msg_main_name_list[] = {
	FIELD(struct msg_main_name, name, FIELD_BLOB32, WIRE_NAME_MAX,
	      .flags = FIELD_NUL),
};
const struct field_table msg_main_name_fields = TABLE(msg_main_name);

static const struct field msg_main_uuid_list[] = {
	FIELD(struct msg_main_uuid, uuid, FIELD_BYTES, 16),
};
const struct field_table msg_main_uuid_fields = TABLE(msg_main_uuid);

static const struct field msg_main_agent_connected_tokens_list[] = {
	FIELD(struct msg_main_agent_connected_tokens, tokens, FIELD_U32, 0),
};
const struct field_table msg_main_agent_connected_tokens_fields =
	TABLE(msg_main_agent_connected_tokens);

static const struct field msgc_main_client_info_list[] = {
	FIELD(struct msgc_main_client_info, cache_bytes, FIELD_U64, 0),
};
const struct field_table msgc_main_client_info_fields =
	TABLE(msgc_main_client_info);

static const struct field msgc_main_mouse_mode_request_list[] = {
	FIELD(struct msgc_main_mouse_mode_request, mode, FIELD_U16, 0),
};
const struct field_table msgc_main_mouse_mode_request_fields =
	TABLE(msgc_main_mouse_mode_request);

static const struct field msgc_main_agent_start_list[] = {
	FIELD(struct msgc_main_agent_start, tokens, FIELD_U32, 0),
};
const struct field_table msgc_main_agent_start_fields =
	TABLE(msgc_main_agent_start);

static const struct field msgc_main_agent_data_list[] = {
	FIELD(struct msgc_main_agent_data, data, FIELD_TAIL,
	      WIRE_AGENT_DATA_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msgc_main_agent_data_fields =
	TABLE(msgc_main_agent_data);

static const struct field msgc_main_agent_token_list[] = {
	FIELD(struct msgc_main_agent_token, tokens, FIELD_U32, 0),
};
const struct field_table msgc_main_agent_token_fields =
	TABLE(msgc_main_agent_token);

static const struct field msgc_main_do_seamless_list[] = {
	FIELD(struct msgc_main_do_seamless, version, FIELD_U32, 0),
};
const struct field_table msgc_main_do_seamless_fields =
	TABLE(msgc_main_do_seamless);

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

static const struct field msg_inputs_init_list[] = {
	FIELD(struct msg_inputs_init, modifiers, FIELD_U16, 0),
};
const struct field_table msg_inputs_init_fields = TABLE(msg_inputs_init);

static const struct field msg_inputs_key_modifiers_list[] = {
	FIELD(struct msg_inputs_key_modifiers, modifiers, FIELD_U16, 0),
};
const struct field_table msg_inputs_key_modifiers_fields =
	TABLE(msg_inputs_key_modifiers);

static const struct field msgc_inputs_key_down_list[] = {
	FIELD(struct msgc_inputs_key_down, code, FIELD_U32, 0),
};
const struct field_table msgc_inputs_key_down_fields =
	TABLE(msgc_inputs_key_down);

static const struct field msgc_inputs_key_up_list[] = {
	FIELD(struct msgc_inputs_key_up, code, FIELD_U32, 0),
};
const struct field_table msgc_inputs_key_up_fields = TABLE(msgc_inputs_key_up);

static const struct field msgc_inputs_key_modifiers_list[] = {
	FIELD(struct msgc_inputs_key_modifiers, modifiers, FIELD_U16, 0),
};
const struct field_table msgc_inputs_key_modifiers_fields =
	TABLE(msgc_inputs_key_modifiers);

static const struct field msgc_inputs_key_scancode_list[] = {
	FIELD(struct msgc_inputs_key_scancode, code, FIELD_TAIL,
	      WIRE_SCANCODE_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msgc_inputs_key_scancode_fields =
	TABLE(msgc_inputs_key_scancode);

static const struct field msgc_inputs_mouse_motion_list[] = {
	FIELD(struct msgc_inputs_mouse_motion, dx, FIELD_I32, 0),
	FIELD(struct msgc_inputs_mouse_motion, dy, FIELD_I32, 0),
	FIELD(struct msgc_inputs_mouse_motion, buttons, FIELD_U16, 0),
};
const struct field_table msgc_inputs_mouse_motion_fields =
	TABLE(msgc_inputs_mouse_motion);

static const struct field msgc_inputs_mouse_position_list[] = {
	FIELD(struct msgc_inputs_mouse_position, x, FIELD_U32, 0),
	FIELD(struct msgc_inputs_mouse_position, y, FIELD_U32, 0),
	FIELD(struct msgc_inputs_mouse_position, buttons, FIELD_U16, 0),
	FIELD(struct msgc_inputs_mouse_position, display_id, FIELD_U8, 0),
};
const struct field_table msgc_inputs_mouse_position_fields =
	TABLE(msgc_inputs_mouse_position);

static const struct field msgc_inputs_mouse_press_list[] = {
	FIELD(struct msgc_inputs_mouse_press, button, FIELD_U8, 0),
	FIELD(struct msgc_inputs_mouse_press, buttons, FIELD_U16, 0),
};
const struct field_table msgc_inputs_mouse_press_fields =
	TABLE(msgc_inputs_mouse_press);

static const struct field msgc_inputs_mouse_release_list[] = {
	FIELD(struct msgc_inputs_mouse_release, button, FIELD_U8, 0),
	FIELD(struct msgc_inputs_mouse_release, buttons, FIELD_U16, 0),
};
const struct field_table msgc_inputs_mouse_release_fields =
	TABLE(msgc_inputs_mouse_release);

static const struct field wire_cursor_shape_list[] = {
	FIELD(struct wire_cursor_shape, unique_id, FIELD_U64, 0),
	FIELD(struct wire_cursor_shape, type, FIELD_U8, 0),
	FIELD(struct wire_cursor_shape, width, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, height, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, hot_x, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, hot_y, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, data, FIELD_TAIL,
	      WIRE_CURSOR_BYTES_MAX),
};
const struct field_table wire_cursor_shape_fields = TABLE(wire_cursor_shape);

static const struct field msg_cursor_init_list[] = {
	FIELD(struct msg_cursor_init, x, FIELD_I16, 0),
	FIELD(struct msg_cursor_init, y, FIELD_I16, 0),
	FIELD(struct msg_cursor_init, trail_length, FIELD_U16, 0),
	FIELD(struct msg_cursor_init, trail_frequency, FIELD_U16, 0),
	FIELD(struct msg_cursor_init, visible, FIELD_U8, 0),
	FIELD(struct msg_cursor_init, flags, FIELD_U16, 0),
	FIELD(struct msg_cursor_init, shape, FIELD_TAIL, WIRE_SHAPE_BYTES_MAX),
};
const struct field_table msg_cursor_init_fields = TABLE(msg_cursor_init);

static const struct field msg_cursor_set_list[] = {
	FIELD(struct msg_cursor_set, x, FIELD_I16, 0),
	FIELD(struct msg_cursor_set, y, FIELD_I16, 0),
	FIELD(struct msg_cursor_set, visible, FIELD_U8, 0),
	FIELD(struct msg_cursor_set, flags, FIELD_U16, 0),
	FIELD(struct msg_cursor_set, shape, FIELD_TAIL, WIRE_SHAPE_BYTES_MAX),
};
const struct field_table msg_cursor_set_fields = TABLE(msg_cursor_set);

static const struct field msg_cursor_move_list[] = {
	FIELD(struct msg_cursor_move, x, FIELD_I16, 0),
	FIELD(struct msg_cursor_move, y, FIELD_I16, 0),
};
const struct field_table msg_cursor_move_fields = TABLE(msg_cursor_move);

static const struct field msg_cursor_trail_list[] = {
	FIELD(struct msg_cursor_trail, length, FIELD_U16, 0),
	FIELD(struct msg_cursor_trail, frequency, FIELD_U16, 0),
};
const struct field_table msg_cursor_trail_fields = TABLE(msg_cursor_trail);

static const struct field msg_cursor_inval_one_list[] = {
	FIELD(struct msg_cursor_inval_one, id, FIELD_U64, 0),
};
const struct field_table msg_cursor_inval_one_fields =
	TABLE(msg_cursor_inval_one);

static const struct field msg_vmc_data_list[] = {
	FIELD(struct msg_vmc_data, data, FIELD_TAIL, WIRE_VMC_DATA_MAX,
	      .flags = FIELD_NONEMPTY),
};
const struct field_table msg_vmc_data_fields = TABLE(msg_vmc_data);

static const struct field msg_vmc_compressed_data_list[] = {
	FIELD(struct msg_vmc_compressed_data, type, FIELD_U8, 0),
	FIELD(struct msg_vmc_compressed_data, uncompressed_bytes, FIELD_U32,
	      WIRE_VMC_DATA_MAX),
	FIELD(struct msg_vmc_compressed_data, data, FIELD_TAIL,
	      WIRE_VMC_DATA_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msg_vmc_compressed_data_fields =
	TABLE(msg_vmc_compressed_data);

static const struct field msg_port_init_list[] = {
	FIELD(struct msg_port_init, name, FIELD_PTRBLOB, WIRE_NAME_MAX,
	      .flags = FIELD_NUL),
	FIELD(struct msg_port_init, opened, FIELD_U8, 0),
};
const struct field_table msg_port_init_fields = TABLE(msg_port_init);

static const struct field msg_port_event_list[] = {
	FIELD(struct msg_port_event, event, FIELD_U8, 0),
};
const struct field_table msg_port_event_fields = TABLE(msg_port_event);

static const struct field msgc_port_event_list[] = {
	FIELD(struct msgc_port_event, event, FIELD_U8, 0),
};
const struct field_table msgc_port_event_fields = TABLE(msgc_port_event);

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
