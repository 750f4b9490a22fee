/* link.h - the server's side of the link stage: bytes in, decisions out. */
#pragma once

#include "channels/wire/link.h"

/*
 * No I/O, no clock, no pointer: while it waits for a decision a link may be
 * copied as plain bytes to another shard. It never takes a byte that belongs
 * to a later stage; what link_feed leaves unused is the next stage's.
 *
 *   HEADER -> MESSAGE -> IDENTIFIED -accept-> MECHANISM -> TICKET -> OPEN_IT
 *      |         |           |                    |          ^          |
 *      |         |           |    no AUTH_SELECTION \--------/      result
 *      \---------+---refuse--+---------> FAILED <-------------------/  |
 *                                                                      v
 *                                                                     DONE
 *
 * Whoever owns it keeps the time: a link that is not DONE in time is killed.
 */
enum link_state {
	LINK_IN_HEADER,
	LINK_IN_MESSAGE,
	LINK_AT_OFFER,
	LINK_IN_MECHANISM,
	LINK_IN_TICKET,
	LINK_AT_RESULT,
	LINK_AT_END,
	LINK_LOST,
};

enum link_step {
	LINK_MORE,       /* give more bytes */
	LINK_IDENTIFIED, /* call link_accept or link_refuse */
	LINK_TICKET,     /* link_ticket is there: call link_result */
	LINK_DONE,       /* frames follow */
	LINK_FAILED,     /* send what is in out, if anything, then close */
};

struct link {
	uint8_t state; /* enum link_state */
	uint8_t channel_type;
	uint8_t channel_id;
	uint8_t reserved;
	uint32_t connection_id;
	uint32_t error; /* why it failed, SPICE_LINK_ERR_* */
	uint32_t have;  /* bytes of input */
	uint32_t want;  /* bytes that the state needs */
	struct wire_caps common;
	struct wire_caps channel;
	uint8_t input[WIRE_LINK_SIZE_MAX];
};

_Static_assert(sizeof(struct link) <= 6 * 1024, "bounded, one per link");

/* What this server answers to a link message. */
struct link_offer {
	struct wire_caps common;
	struct wire_caps channel;
	const uint8_t *key; /* WIRE_LINK_KEY_BYTES, only read in the call */
};

void link_init(struct link *link);

/*
 * Takes bytes up to the next decision; *used says how many. out gets an error
 * reply of *out_len bytes with LINK_FAILED, else nothing. A decision that is
 * still due is told again.
 */
enum link_step link_feed(struct link *link, const uint8_t *data, uint32_t len,
			 uint32_t *used, uint8_t out[WIRE_LINK_OUT_MAX],
			 uint32_t *out_len);

/* After LINK_IDENTIFIED: writes the reply, returns its length. */
uint32_t link_accept(struct link *link, const struct link_offer *offer,
		     uint8_t out[WIRE_LINK_OUT_MAX]);

/*
 * Before LINK_TICKET: writes an error reply, returns its length, which is 0
 * for WIRE_LINK_HANG_UP. The caller sends it and closes.
 */
uint32_t link_refuse(struct link *link, uint32_t error,
		     uint8_t out[WIRE_LINK_OUT_MAX]);

/* After LINK_TICKET: the WIRE_LINK_CIPHER_BYTES to decrypt, in the link. */
const uint8_t *link_ticket(const struct link *link);

/*
 * After LINK_TICKET: writes the result, returns its length. With a result
 * other than SPICE_LINK_ERR_OK the caller sends it and closes.
 */
uint32_t link_result(struct link *link, uint32_t result,
		     uint8_t out[WIRE_LINK_OUT_MAX]);

/* True when the client offered mini headers: they are used if we do too. */
bool link_wants_mini_header(const struct link *link);

/* The common capabilities of every channel of ours. */
struct wire_caps link_common_caps(void);
