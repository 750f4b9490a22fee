/* peer_wire.c - the tables of the peer frames. */
#include "core/peer_wire.h"

#include <errno.h>

static const struct field hello[] = {
	FIELD(struct peer_hello, version, FIELD_U32, 0),
	FIELD(struct peer_hello, node, FIELD_U16, 1023),
	FIELD(struct peer_hello, shard, FIELD_U8, 0),
	FIELD(struct peer_hello, shards, FIELD_U8, 64),
	FIELD(struct peer_hello, boot, FIELD_U64, 0),
	FIELD(struct peer_hello, nonce, FIELD_BYTES, 16),
};
static const struct field proof[] = {
	FIELD(struct peer_proof, mac, FIELD_BYTES, 16, .flags = FIELD_SECRET),
};
static const struct field region[] = {
	FIELD(struct peer_region, path, FIELD_BYTES, 108),
	FIELD(struct peer_region, secret, FIELD_BYTES, HOST_REGION_TICKET_BYTES,
	      .flags = FIELD_SECRET),
};
static const struct field offer[] = {
	FIELD(struct peer_offer, guest, FIELD_BYTES, NAME_BYTES),
	FIELD(struct peer_offer, mode, FIELD_U8, MODE_SWITCH_HOST),
	FIELD(struct peer_offer, image, FIELD_BLOB32, PEER_OFFER_IMAGE_MAX),
};
static const struct field answer[] = {
	FIELD(struct peer_answer, key, FIELD_BYTES, SIPHASH_KEY_BYTES,
	      .flags = FIELD_SECRET),
	FIELD(struct peer_answer, port, FIELD_U16, 0),
	FIELD(struct peer_answer, tls_port, FIELD_U16, 0),
	FIELD(struct peer_answer, host, FIELD_BLOB16, PEER_HOST_MAX,
	      .flags = FIELD_NONEMPTY),
};
static const struct field refuse[] = {
	FIELD(struct peer_refuse, reason, FIELD_BYTES, REASON_BYTES),
};
static const struct field image[] = {
	FIELD(struct peer_image, bytes, FIELD_TAIL, PEER_FRAME_BYTES_MAX,
	      .flags = FIELD_NONEMPTY),
};
static const struct field image_slot[] = {
	FIELD(struct peer_image_slot, slot, FIELD_U32, 0),
};
static const struct field end[] = {
	FIELD(struct peer_end, images, FIELD_U32, 65536),
	FIELD(struct peer_end, mode, FIELD_U8, MODE_SWITCH_HOST),
};
static const struct field verdict[] = {
	FIELD(struct peer_verdict, committed, FIELD_U8, 1),
};

static const struct field_table tables[PEER_TYPE_END] = {
	[PEER_HELLO] = FIELD_TABLE("hello", struct peer_hello, hello),
	[PEER_PROOF] = FIELD_TABLE("proof", struct peer_proof, proof),
	[PEER_REGION] = FIELD_TABLE("region", struct peer_region, region),
	[PEER_REGION_READY] = {.name = "region-ready"},
	[PEER_OFFER] = FIELD_TABLE("offer", struct peer_offer, offer),
	[PEER_ANSWER] = FIELD_TABLE("answer", struct peer_answer, answer),
	[PEER_REFUSE] = FIELD_TABLE("refuse", struct peer_refuse, refuse),
	[PEER_LINKED] = {.name = "linked"},
	[PEER_IMAGE] = FIELD_TABLE("image", struct peer_image, image),
	[PEER_IMAGE_SLOT] =
		FIELD_TABLE("image-slot", struct peer_image_slot, image_slot),
	[PEER_END] = FIELD_TABLE("end", struct peer_end, end),
	[PEER_STREAMED] = {.name = "streamed"},
	[PEER_COMMIT] = {.name = "commit"},
	[PEER_COMMITTED] = {.name = "committed"},
	[PEER_SWITCHED] = {.name = "switched"},
	[PEER_GONE] = FIELD_TABLE("gone", struct peer_refuse, refuse),
	[PEER_NACK] = {.name = "nack"},
	[PEER_CANCEL] = FIELD_TABLE("cancel", struct peer_refuse, refuse),
	[PEER_RESOLVE] = {.name = "resolve"},
	[PEER_VERDICT] = FIELD_TABLE("verdict", struct peer_verdict, verdict),
};

static const struct field header_fields[] = {
	FIELD(struct peer_header, len, FIELD_U32, PEER_FRAME_BYTES_MAX),
	FIELD(struct peer_header, type, FIELD_U16, PEER_TYPE_END - 1),
	FIELD(struct peer_header, zero, FIELD_U16, 0),
	FIELD(struct peer_header, move, FIELD_U64, 0),
	FIELD(struct peer_header, epoch, FIELD_U64, 0),
};
static const struct field_table header_table =
	FIELD_TABLE("peer header", struct peer_header, header_fields);

bool peer_type_known(uint16_t type)
{
	return type && type < PEER_TYPE_END;
}

const struct field_table *peer_table(uint16_t type)
{
	return peer_type_known(type) && tables[type].count ? &tables[type]
							   : NULL;
}

const char *peer_type_name(uint16_t type)
{
	return peer_type_known(type) ? tables[type].name : "unknown";
}

void peer_header_encode(const struct peer_header *header,
			uint8_t bytes[PEER_HEADER_BYTES])
{
	int64_t len =
		field_encode(&header_table, header, bytes, PEER_HEADER_BYTES);

	ASSERT(len == PEER_HEADER_BYTES, "a header we made is within limits");
}

int peer_header_decode(struct peer_header *header,
		       const uint8_t bytes[PEER_HEADER_BYTES])
{
	int err = field_decode(&header_table, header, bytes, PEER_HEADER_BYTES,
			       NULL);

	if (err)
		return err;
	return peer_type_known(header->type) && !header->zero ? 0 : -EBADMSG;
}
