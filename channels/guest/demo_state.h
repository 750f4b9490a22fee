/* demo_state.h - the demo guest's state, shared by demo*.c. */
#pragma once

#include "channels/guest/barcode.h"
#include "channels/guest/demo.h"
#include "channels/guest/stream.h"

#define DEMO_DIRTY_MAX 8

enum demo_up { DEMO_DISPLAY_UP = 1, DEMO_PULSE_UP = 2 };

/* A rectangle of the screen that the client has not got yet. */
struct demo_dirty {
	uint16_t top, left, bottom, right;
};

/* What comes in is checked, and waits in pending to go out again. */
struct demo_echo {
	struct stream_checker in;
	uint8_t report_due; /* CLOSE was read: no more input before it */
	uint8_t stopped;    /* the channel waits for guest_input_ready */
};

/* All that moves with the guest but the pending bytes. */
struct demo_core {
	struct picture_state shown;
	uint16_t width, height;
	uint8_t up; /* enum demo_up */
	uint8_t barcode_dirty;
	uint8_t dirty_count;
	uint8_t close_left; /* bytes of the pulse's CLOSE still to send */
	struct demo_dirty dirty[DEMO_DIRTY_MAX];
	uint64_t frame_ns; /* periods */
	uint64_t pulse_ns;
	uint64_t frame_left_ns; /* while paused: time until the next one */
	uint64_t pulse_left_ns;
	uint64_t pulse_sent; /* position in the stream */
	uint64_t pulse_goal; /* where it should be */
	uint64_t close_sent; /* as the CLOSE under way tells */
	uint32_t pulse_key;
	struct demo_echo port;
	struct demo_echo usb;
};

struct demo_image {
	struct demo_core core;
	struct span port_pending;
	struct span usb_pending;
};

struct demo_pending {
	uint8_t *bytes;
	uint32_t room;
	uint32_t start;
	uint32_t len;
};

struct demo {
	struct demo_core core;
	uint64_t frame_due_ns;
	uint64_t pulse_due_ns;
	bool paused;
	struct demo_pending port_pending;
	struct demo_pending usb_pending;
	uint8_t port_bytes[DEMO_ECHO_BYTES];
	uint8_t usb_bytes[DEMO_USB_BYTES];
};

extern const struct field_table demo_fields;

/* True when core is one that this code made and screen and spans fit. */
bool demo_image_valid(const struct demo_image *image);

/* demo_screen.c */
/* The state has changed from old to what it is now: draws what differs. */
void demo_screen_changed(struct guest *guest, const struct picture_state *old);
void demo_screen_all(struct demo *demo);
void demo_screen_flush(struct guest *guest);

/* demo_bytes.c */
void demo_streams_init(struct guest *guest);
uint32_t demo_bytes(struct guest *guest, uint8_t type, uint8_t id,
		    const uint8_t *data, uint32_t len);
void demo_echo_flush(struct guest *guest, uint8_t type);
void demo_pulse_flush(struct guest *guest);
