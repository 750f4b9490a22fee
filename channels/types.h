/* types.h - the channel types that are served, one file each. */
#pragma once

struct channel_ops;

extern const struct channel_ops channel_main;
extern const struct channel_ops channel_inputs;
extern const struct channel_ops channel_display;
extern const struct channel_ops channel_cursor;
extern const struct channel_ops channel_port;
extern const struct channel_ops channel_usbredir;
