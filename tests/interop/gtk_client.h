/* gtk_client.h - the real client library as a test program, its parts. */
#pragma once

#include "channels/guest/barcode.h"
#include "channels/guest/stream.h"

#include <jansson.h>
#include <spice-client.h>

/*
 * gtk_client.c   options, commands on stdin, the end, the exit code
 * gtk_session.c  the session, its channels and their events
 * gtk_streams.c  position-coded bytes over the echo port, the pulse
 * gtk_picture.c  the framebuffer, every pixel of it; keys and the mouse
 * gtk_moves.c    migrations: what happened and how long it took
 */
#define MOVES_MAX       4096
#define LATENCIES_MAX   16384
#define OUTSTANDING_MAX ((uint64_t)64 * 1024)

struct options {
	const char *host, *port, *password, *unix_path, *guest, *json;
	const char *leave; /* a kind of channel that is not connected */
	double seconds;
	uint32_t moves;
	uint64_t rate; /* bytes per second to the echo */
	bool seamless; /* the only mode that is right */
	gboolean pass; /* each connection is made here and handed over */
};

enum how { HOW_UNKNOWN, HOW_SEAMLESS, HOW_SEMI_SEAMLESS, HOW_SWITCH_HOST };

struct move {
	enum how how;
	bool settled, failed;
	int64_t begin_us, end_us; /* migration-state left and came to none */
	int64_t picture_us;       /* right again */
	int64_t streams_us;       /* both ran again */
	int64_t gap_us;           /* longest time without a pulse */
	int64_t echo_us;          /* longest echo */
	uint32_t frame_before;
	uint64_t echo_before, pulse_before; /* checked bytes at end_us */
	uint64_t lost_before;
};

struct sent_at {
	uint64_t position;
	int64_t at_us;
};

struct streams {
	SpicePortChannel *echo, *pulse;
	uint32_t key;
	uint64_t sent, started_from;
	int64_t tick_us, echo_heard_us, pulse_heard_us;
	double credit;
	struct stream_checker echoed, pulsed;
	struct stream_report report;
	struct sent_at sent_at[LATENCIES_MAX];
	uint32_t sent_first, sent_count;
	uint32_t latency_buckets[20000]; /* of 50 us, outside of moves */
	uint64_t latencies;
	int64_t gap_us, gap_quiet_us; /* the longest; the longest at rest */
	int64_t echo_worst_us;        /* outside of moves */
	struct stream_gap told[2][STREAM_GAPS];
	json_t *losses;
	bool closing, close_written;
};

struct picture {
	SpiceChannel *display;
	SpiceInputsChannel *inputs;
	uint8_t *rows;
	uint32_t width, height, stride;
	struct picture_state shown;
	bool seen;             /* shown is from a right picture */
	uint32_t marks;        /* MARK messages */
	uint64_t checked, bad; /* pictures */
	uint32_t keys_base, keys_sent;
	uint8_t *whole;
};

struct client {
	struct options options;
	GMainLoop *loop;
	SpiceSession *session;
	SpiceChannel *main;
	SpiceUsbDeviceManager *usb;
	GSocket *main_socket; /* compared only */
	uint32_t channels, open;
	struct streams streams;
	struct picture picture;
	struct move moves[MOVES_MAX];
	uint32_t move_count;
	uint32_t moving_marks;
	bool moving, up, ended, quitting;
	int64_t begin_us; /* of the move under way */
	int64_t moving_gap_us, moving_echo_us;
	bool switching;
	uint32_t warnings;
	char first_warning[256];
	uint32_t errors;
	char first_error[256];
	int64_t close_by_us;
};

/* Counts what must not be; the first one is told in full. */
void client_error(struct client *client, const char *format, ...)
	G_GNUC_PRINTF(2, 3);
void client_say(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* gtk_session.c */
void session_open(struct client *client);

/* gtk_streams.c */
void streams_init(struct client *client);
void streams_add(struct client *client, SpicePortChannel *port);
void streams_remove(struct client *client, SpiceChannel *channel);
/* Sends what is due by now. */
void streams_tick(struct client *client, int64_t now_us);
/* The client dropped what it had queued: do not wait for it. */
void streams_restart(struct client *client);
/* The closing exchange. */
void streams_close(struct client *client);
bool streams_closed(const struct client *client);
/* Prints the gaps that have opened since the last call. */
void streams_tell_losses(struct client *client);
json_t *streams_json(struct client *client);
uint64_t streams_lost(const struct client *client);
bool streams_clean(const struct client *client);
int64_t streams_median_us(const struct client *client);

/* gtk_picture.c */
void picture_add(struct client *client, SpiceChannel *display);
void picture_remove(struct client *client, SpiceChannel *channel);
/* Moves the mouse or types a key. */
void picture_poke(struct client *client);
bool picture_keys_arrived(const struct client *client);

/* gtk_moves.c */
void moves_state_changed(struct client *client);
/* A right picture, a pulse, an echo: the last move may have settled. */
void moves_look(struct client *client);
/* A pulse came gap_us behind the one before; an echo took echo_us. */
void moves_note(struct client *client, int64_t gap_us, int64_t echo_us);
bool moves_under_way(const struct client *client);
json_t *moves_json(const struct client *client);
