/* guest.h - the VM side of a desktop: what the channels serve. */
#pragma once

#include "core/field.h"
#include "core/handle.h"
#include "core/ops.h"

/*
 * A guest lives whole on one shard with its session. A driver (demo, later
 * qemu) implements guest_ops; what it may ask of the client's side are the
 * guest_* functions below, each implemented where its channel type is (the
 * timer in channels/service.c). No call blocks.
 *
 *            attach          pause             resume
 *   RUNNING <------> RUNNING ------> PAUSED -----------> RUNNING
 *   (no client)      (client)        (input refused,     (here, or from
 *                                     no output)          its image elsewhere)
 */
struct service;
struct config;
struct guest;

struct guest_rect {
	int32_t top, left, bottom, right;
};

struct guest_screen {
	uint32_t width;
	uint32_t height;
};

enum guest_mouse_kind { MOUSE_MOVE, MOUSE_PLACE, MOUSE_BUTTON };

struct guest_mouse {
	uint8_t kind;     /* enum guest_mouse_kind */
	uint8_t button;   /* BUTTON: which one, SPICE numbering */
	bool pressed;     /* BUTTON */
	uint16_t buttons; /* mask now held */
	int32_t x, y;     /* MOVE: a difference; PLACE: a position */
};

/* A channel that a guest offers. */
struct guest_channel {
	uint8_t type; /* SPICE_CHANNEL_* */
	uint8_t id;
	const char *port_name; /* port channels only */
};

struct guest_ops {
	const char *name;
	size_t state_bytes; /* of the driver's own state behind struct guest */
	/* The state as an image: one struct, filled and eaten by the calls. */
	const struct field_table *image;
	size_t image_bytes;

	/* The channels this guest offers, main left out. */
	uint32_t (*channels)(const struct guest *, struct guest_channel *,
			     uint32_t max);
	/* A new guest, state zeroed. Returns 0 or -errno. */
	int (*open)(struct guest *, const struct config *);
	void (*close)(struct guest *);
	/* A channel of the client is up and fresh (not after a seamless move:
	 * there everything goes on where it was). */
	void (*channel_up)(struct guest *, uint8_t type, uint8_t id);
	void (*channel_down)(struct guest *, uint8_t type, uint8_t id);
	/* The channel has taken what was queued: more may be sent. */
	void (*writable)(struct guest *, uint8_t type, uint8_t id);
	/* The client has gone, all its channels are down. */
	void (*detached)(struct guest *);

	void (*key)(struct guest *, uint32_t scancode, bool down);
	void (*mouse)(struct guest *, const struct guest_mouse *);
	/* Bytes of a port or usbredir channel. Returns how many were taken:
	 * less than len stops the channel until guest_input_ready. */
	uint32_t (*bytes)(struct guest *, uint8_t type, uint8_t id,
			  const uint8_t *data, uint32_t len);

	void (*pause)(struct guest *);
	void (*resume)(struct guest *);
	/* The timer set by guest_timer is due. Never called while paused. */
	void (*timer)(struct guest *);
	/* While paused. Spans in the image struct point into the state. */
	void (*snapshot)(const struct guest *, void *image);
	/* Into a guest after open; paused until resume. 0 or -EBADMSG. */
	int (*restore)(struct guest *, const void *image);

	struct guest_screen (*screen)(const struct guest *);
	/* Paints the whole screen, 32-bit xRGB rows top down, into rows. */
	void (*paint)(const struct guest *, const struct guest_rect *,
		      uint8_t *rows, size_t stride);
	/* What its checkers counted, for op_row. */
	void (*counts)(const struct guest *, uint64_t *checked_bytes,
		       uint64_t *lost_bytes);
};

enum guest_state {
	GUEST_FREE,
	GUEST_RUNNING,
	GUEST_PAUSED,  /* for a move */
	GUEST_ARRIVING /* its image is awaited or in doubt */
};

struct guest {
	const struct guest_ops *ops;
	struct service *service;
	handle self;
	handle session; /* HANDLE_NONE: no client */
	handle move;    /* HANDLE_NONE: none in progress */
	uint64_t epoch;
	uint64_t now_ns; /* of this pass: the only clock a guest sees */
	uint64_t last_input_ns;
	uint32_t number; /* in its daemon's configuration */
	uint32_t moves;
	uint8_t state; /* enum guest_state */
	bool imaged;   /* ARRIVING: its image is here */
	char name[NAME_BYTES];
	uint8_t ticket_hash[16];
	void *driver; /* the ops' own state */
};

/*
 * Sends bytes on a port or usbredir channel, copied. Returns how many were
 * taken: less than len means that writable will be called. 0 without client.
 */
uint32_t guest_send(struct guest *guest, uint8_t type, uint8_t id,
		    const uint8_t *data, uint32_t len);

/*
 * Paints a rectangle of the screen at the client by a raw DRAW_COPY. Returns 0
 * or -EAGAIN when the display's queue is full: paint again at writable.
 */
int guest_draw(struct guest *guest, const struct guest_rect *rect);

/* Tells that a channel that was stopped takes bytes again. */
void guest_input_ready(struct guest *guest, uint8_t type, uint8_t id);

/* Sets the keyboard's lights at the client, SPICE_INPUTS_* bits. */
void guest_modifiers(struct guest *guest, uint16_t modifiers);

/* Calls ops->timer once at deadline_ns; NS_NEVER: not any more. */
void guest_timer(struct guest *guest, uint64_t deadline_ns);
