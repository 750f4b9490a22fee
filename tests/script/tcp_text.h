/* tcp_text.h - frames of TCP scripts: as text, as bytes, and back. */
#pragma once

#include "dataplane/tcp/options.h"

/* The two ends of every script. */
#define SCRIPT_OUR_ADDRESS  ((uint32_t)0x0a090001) /* 10.9.0.1/24 */
#define SCRIPT_PEER_ADDRESS ((uint32_t)0x0a090002)

enum script_kind { SCRIPT_TCP, SCRIPT_ARP, SCRIPT_ICMP };

/* Parts of a line that say "any", or were not written. */
#define ANY_SEQ    ((uint32_t)1 << 0)
#define ANY_ACK    ((uint32_t)1 << 1)
#define ANY_WINDOW ((uint32_t)1 << 2)
#define ANY_OPTS   ((uint32_t)1 << 3) /* no <...> at all */
#define ANY_TS     ((uint32_t)1 << 4) /* its value */
#define ANY_LEN    ((uint32_t)1 << 5)

/* What is wrong with a frame that is to be injected. */
#define BAD_TCP_CHECKSUM ((uint32_t)1 << 0)
#define BAD_IP_CHECKSUM  ((uint32_t)1 << 1)
#define BAD_FRAGMENT     ((uint32_t)1 << 2)
#define BAD_TARGET       ((uint32_t)1 << 3) /* another IP address */
#define BAD_SOURCE       ((uint32_t)1 << 4) /* a broadcast address */
#define BAD_MAC          ((uint32_t)1 << 5)
#define BAD_OPTION       ((uint32_t)1 << 6) /* its length is 0 */
#define BAD_SHORT        ((uint32_t)1 << 7) /* cut within the TCP header */
#define WITH_IP_OPTIONS  ((uint32_t)1 << 8) /* fine, but unusual */

/*
 * One frame. Sequence numbers and timestamps are relative, as in the text; the
 * runner makes them absolute. Of ARP and ICMP frames operation says what.
 */
struct script_frame {
	enum script_kind kind;
	uint32_t any;       /* ANY_* */
	uint32_t bad;       /* BAD_* */
	uint32_t operation; /* ARP: 1 request, 2 reply; ICMP: type << 8, code */
	uint32_t address;   /* ARP: whose MAC; 0: ours */
	bool direct;        /* an ARP request that is not a broadcast */
	uint16_t our_port;
	uint16_t peer_port;
	uint8_t flags;
	uint32_t seq;
	uint32_t len; /* payload, TCP and echo */
	uint32_t ack;
	uint32_t window;
	struct tcp_options options;
	const uint8_t *data; /* of a frame that was read */
};

/*
 * Reads what follows < or > in a line:
 *
 *   FLAGS SEQ(LEN) [ack N] [win N] [<OPTION,...>] [with FLAW,...]
 *   arp request|reply [PEER-LAST-BYTE] [direct]
 *   icmp TYPE CODE [seq N]        (about our segment at N, for an error)
 *
 * FLAGS are letters of S F R P U and "." for ACK. N may be "*". Returns NULL,
 * or what is wrong.
 */
const char *script_read(struct script_frame *frame, const char *text);

/* As text, in the form that script_read takes. */
void script_print(const struct script_frame *frame, char *text, size_t size);

#define SCRIPT_FRAME_MAX 9100

/*
 * Makes a frame from the peer. Sequence numbers are absolute, payload comes
 * from fill(seq - base): see script_byte. Returns its length.
 */
uint32_t script_build(const struct script_frame *frame, uint32_t base,
		      uint8_t bytes[SCRIPT_FRAME_MAX]);

/* Takes a frame of ours apart. Returns NULL, or what is wrong with it. */
const char *script_parse(struct script_frame *frame, const uint8_t *bytes,
			 uint32_t len);

/* The byte of a direction's stream at a relative sequence number. */
uint8_t script_byte(bool ours, uint32_t seq);
