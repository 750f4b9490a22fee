/* peer_wire.h - the frames two Flushmarks exchange, as field tables. */
#pragma once

#include "core/field.h"
#include "core/host.h"
#include "core/ops.h"
#include "core/siphash.h"

/*
 * frame: u32 payload length, u16 type, u16 zero, u64 move, u64 epoch, payload
 *
 *   connector                         acceptor
 *   HELLO          ->
 *                  <-                 HELLO, PROOF
 *   PROOF          ->                 (settles on the shard asked for)
 *   REGION         ->                 one host only
 *                  <-                 REGION_READY
 *
 *   source                            destination
 *   OFFER          ->                 OFFERED
 *                  <-                 ANSWER | REFUSE
 *                  <-                 LINKED            the client is there
 *   IMAGE*, END    ->                 validated, restored, paused
 *                  <-                 STREAMED | REFUSE
 *   COMMIT         ->                 the guest runs
 *                  <-                 COMMITTED | REFUSE (not known here)
 *                  <-                 SWITCHED | GONE
 *   NACK           ->                 cancelled while the client links: go on
 *                                     answering links, refuse seamless
 *   CANCEL         ->                 at any time before COMMIT: forget it
 *                  <-  RESOLVE        in doubt: was it committed?
 *   VERDICT        ->
 */
#define PEER_VERSION         3
#define PEER_HEADER_BYTES    24
#define PEER_FRAME_BYTES_MAX ((uint32_t)96 * 1024) /* payload */
#define PEER_SMALL_BYTES_MAX 2048                  /* of all but IMAGE */
#define PEER_OFFER_IMAGE_MAX 1024

enum peer_type {
	PEER_HELLO = 1,
	PEER_PROOF,
	PEER_REGION,
	PEER_REGION_READY,
	PEER_OFFER,
	PEER_ANSWER,
	PEER_REFUSE,
	PEER_LINKED,
	PEER_IMAGE,
	PEER_IMAGE_SLOT,
	PEER_END,
	PEER_STREAMED,
	PEER_COMMIT,
	PEER_COMMITTED,
	PEER_SWITCHED,
	PEER_GONE,
	PEER_NACK,
	PEER_CANCEL,
	PEER_RESOLVE,
	PEER_VERDICT,
	PEER_TYPE_END,
};

struct peer_header {
	uint32_t len;
	uint16_t type;
	uint16_t zero;
	uint64_t move;
	uint64_t epoch;
};

struct peer_hello {
	uint32_t version;
	uint16_t node;
	uint8_t shard; /* wanted by the connector; in use by the acceptor */
	uint8_t shards;
	uint64_t boot;
	uint8_t nonce[16];
};

struct peer_proof {
	uint8_t mac[16];
};

struct peer_region {
	uint8_t path[108];
	uint8_t secret[HOST_REGION_TICKET_BYTES];
};

struct peer_offer {
	uint8_t guest[NAME_BYTES];
	uint8_t mode;      /* enum move_mode: the most the source can */
	struct span image; /* IMAGE_OFFER, for the service */
};

#define PEER_HOST_MAX 255 /* a DNS name */

/* Where the client is to go, in the words of MIGRATE_BEGIN. */
struct peer_answer {
	uint8_t key[SIPHASH_KEY_BYTES]; /* seals this move's tokens */
	uint16_t port;                  /* 0: none */
	uint16_t tls_port;              /* 0: none */
	struct span host;               /* of PEER_HOST_MAX bytes at most */
};

struct peer_refuse {
	uint8_t reason[REASON_BYTES];
};

struct peer_image {
	struct span bytes;
};

struct peer_image_slot {
	uint32_t slot;
};

struct peer_end {
	uint32_t images;
	uint8_t mode; /* enum move_mode as it will be carried out */
};

struct peer_verdict {
	uint8_t committed;
};

/* The table of a frame type, NULL for an empty payload or an unknown type. */
const struct field_table *peer_table(uint16_t type);
const char *peer_type_name(uint16_t type);
bool peer_type_known(uint16_t type);

void peer_header_encode(const struct peer_header *header,
			uint8_t bytes[PEER_HEADER_BYTES]);

/* 0, or -EBADMSG: unknown type, length over the limit, zero that is not. */
int peer_header_decode(struct peer_header *header,
		       const uint8_t bytes[PEER_HEADER_BYTES]);
