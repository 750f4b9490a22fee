/* console.h - an operator's connection to a simulated daemon's control. */
#pragma once

#include "core/dp.h"
#include "core/ops.h"
#include "dataplane/sim/sim.h"

struct world;

#define CONSOLE_RX_BYTES 65536
#define CONSOLE_WORDS    256
#define CONSOLE_TX_BYTES 4096
#define CONSOLE_ENDS     16

/* The end of a move, as MOVE_STATE told. */
struct console_end {
	char guest[NAME_BYTES];
	char reason[REASON_BYTES];
	char result[16];
	char mode[16];
	double pause_ms;
};

struct console {
	struct world *world;
	uint32_t daemon;
	struct sim_machine *machine;
	struct dp *dp;
	dp_conn conn;
	bool up; /* subscribed */
	bool dead;
	bool sending;
	uint32_t tx_len;
	uint32_t rx_len;
	uint32_t started; /* moves that were accepted to begin */
	uint32_t refused;
	uint32_t ended; /* moves that have ended, the last of them below */
	struct console_end ends[CONSOLE_ENDS];
	uint32_t drains; /* that have ended, the last of them below */
	char drain_state[16];
	char drain_stalled[CONSOLE_WORDS];
	uint32_t drain_moved, drain_failed, drain_remained, drain_in_doubt;
	uint32_t answers;           /* to what was said with the id "ask" */
	uint32_t doubts;            /* in the last status */
	char answer[CONSOLE_WORDS]; /* the last one: "", or the error */
	char tx[CONSOLE_TX_BYTES];
	char flight[CONSOLE_TX_BYTES];
	char rx[CONSOLE_RX_BYTES];
};

/* Connects to the control socket of a daemon and subscribes. */
void console_init(struct console *console, struct world *world,
		  uint32_t daemon);

/* Sends one line of JSON, without its newline. */
void console_say(struct console *console, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Asks for a move. mode may be NULL. */
void console_move(struct console *console, const char *guest, const char *peer,
		  const char *mode, bool force);

/* The last end of a move, or NULL. */
const struct console_end *console_last(const struct console *console);

/* One pass. Returns the work done. */
uint32_t console_pass(struct console *console);
