/* token_test.c - a token fits one channel of one move, and no other. */
#include "channels/migrate/token.h"
#include "core/move_record.h"

#include <criterion/criterion.h>
#include <string.h>

#define SESSION ((uint32_t)0x1234abcd)
#define TYPE    ((uint8_t)2)
#define ID      ((uint8_t)1)

static const struct move sample = {
	.epoch = 0x0102030405060708,
	.key = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6},
};

static bool check(const struct move *move, const uint8_t *bytes, uint32_t len)
{
	return migrate_token_check(move, SESSION, TYPE, ID, bytes, len);
}

Test(token, fits_what_it_was_made_for)
{
	uint8_t a[MIGRATE_TOKEN_BYTES], b[MIGRATE_TOKEN_BYTES];

	migrate_token_make(&sample, SESSION, TYPE, ID, a);
	cr_expect(check(&sample, a, sizeof(a)));
	migrate_token_make(&sample, SESSION, TYPE, ID, b);
	cr_expect_arr_eq(a, b, sizeof(a));
}

/* What is on the wire between two releases may not change by accident. */
Test(token, has_the_bytes_it_always_had)
{
	static const uint8_t head[] = {
		'F', 'M', 'T', 'K', 0xcd, 0xab, 0x34, 0x12, 8, 7,
		6,   5,   4,   3,   2,    1,    1,    0,    2, 1,
	};
	uint8_t bytes[MIGRATE_TOKEN_BYTES], mac[16];

	migrate_token_make(&sample, SESSION, TYPE, ID, bytes);
	cr_expect_arr_eq(bytes, head, sizeof(head));
	siphash128(sample.key, head, sizeof(head), mac);
	cr_expect_arr_eq(bytes + sizeof(head), mac, sizeof(mac));
}

Test(token, every_altered_bit_is_refused)
{
	uint8_t bytes[MIGRATE_TOKEN_BYTES];

	migrate_token_make(&sample, SESSION, TYPE, ID, bytes);
	for (uint32_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_expect_not(check(&sample, bytes, sizeof(bytes)), "bit %u",
			      bit);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	cr_expect(check(&sample, bytes, sizeof(bytes)));
}

Test(token, every_other_length_is_refused)
{
	uint8_t bytes[2 * MIGRATE_TOKEN_BYTES] = {0};

	migrate_token_make(&sample, SESSION, TYPE, ID, bytes);
	for (uint32_t len = 0; len <= sizeof(bytes); len++)
		cr_expect_eq(check(&sample, bytes, len),
			     len == MIGRATE_TOKEN_BYTES, "length %u", len);
}

Test(token, fits_no_other_channel_session_epoch_or_key)
{
	static const struct {
		const char *what;
		uint32_t session;
		uint8_t type;
		uint8_t id;
		uint64_t epoch;
		uint8_t key;
		bool fits;
	} cases[] = {
		{"the same", SESSION, TYPE, ID, 0x0102030405060708, 9, true},
		{"session", SESSION + 1, TYPE, ID, 0x0102030405060708, 9},
		{"session 0", 0, TYPE, ID, 0x0102030405060708, 9},
		{"type", SESSION, TYPE + 1, ID, 0x0102030405060708, 9},
		{"id", SESSION, TYPE, ID + 1, 0x0102030405060708, 9},
		{"type and id", SESSION, ID, TYPE, 0x0102030405060708, 9},
		{"next epoch", SESSION, TYPE, ID, 0x0102030405060709, 9},
		{"low half", SESSION, TYPE, ID, 0x0000000005060708, 9},
		{"key", SESSION, TYPE, ID, 0x0102030405060708, 8},
	};
	uint8_t bytes[MIGRATE_TOKEN_BYTES];

	migrate_token_make(&sample, SESSION, TYPE, ID, bytes);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct move move = sample;

		move.epoch = cases[i].epoch;
		move.key[0] = cases[i].key;
		cr_expect_eq(migrate_token_check(&move, cases[i].session,
						 cases[i].type, cases[i].id,
						 bytes, sizeof(bytes)),
			     cases[i].fits, "%s", cases[i].what);
	}
}
