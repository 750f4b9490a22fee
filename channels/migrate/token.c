/* token.c - the seal of what a client carries from source to destination. */
#include "channels/migrate/token.h"
#include "core/move_record.h"

#define TOKEN_MAGIC   0x4b544d46u /* "FMTK" */
#define TOKEN_VERSION 1
#define MAC_OFFSET    (MIGRATE_TOKEN_BYTES - 16)

static const struct field token_fields[] = {
	FIELD(struct migrate_token, magic, FIELD_U32, 0),
	FIELD(struct migrate_token, session_id, FIELD_U32, 0),
	FIELD(struct migrate_token, epoch, FIELD_U64, 0),
	FIELD(struct migrate_token, version, FIELD_U16, 0),
	FIELD(struct migrate_token, type, FIELD_U8, 0),
	FIELD(struct migrate_token, id, FIELD_U8, 0),
	FIELD(struct migrate_token, mac, FIELD_BYTES, 16),
};
static const struct field_table token_table =
	FIELD_TABLE("token", struct migrate_token, token_fields);

void migrate_token_make(const struct move *move, uint32_t session_id,
			uint8_t type, uint8_t id,
			uint8_t bytes[MIGRATE_TOKEN_BYTES])
{
	struct migrate_token token = {
		.magic = TOKEN_MAGIC,
		.session_id = session_id,
		.epoch = move->epoch,
		.version = TOKEN_VERSION,
		.type = type,
		.id = id,
	};
	int64_t len =
		field_encode(&token_table, &token, bytes, MIGRATE_TOKEN_BYTES);

	ASSERT(len == MIGRATE_TOKEN_BYTES, "a token has one size");
	siphash128(move->key, bytes, MAC_OFFSET, bytes + MAC_OFFSET);
}

bool migrate_token_check(const struct move *move, uint32_t session_id,
			 uint8_t type, uint8_t id, const uint8_t *bytes,
			 uint32_t len)
{
	uint8_t expected[MIGRATE_TOKEN_BYTES];

	if (len != MIGRATE_TOKEN_BYTES)
		return false;
	migrate_token_make(move, session_id, type, id, expected);
	return equal_constant_time(expected, bytes, len);
}
