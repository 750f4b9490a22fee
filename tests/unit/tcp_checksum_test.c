/* tcp_checksum_test.c - the Internet checksum against a sum by hand. */
#include "dataplane/tcp/checksum.h"
#include "tests/unit/seeded.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

/* As RFC 1071 says it, a word at a time. */
static uint16_t plain(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)sum);
}

Test(tcp_checksum, sums_the_example_of_rfc_1071)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03,
					0xf4, 0xf5, 0xf6, 0xf7};
	struct tcp_sum sum = {0};

	tcp_sum_add(&sum, bytes, sizeof(bytes));
	cr_assert_eq(tcp_sum_fold(&sum), htons(0xddf2));
	cr_assert_eq(tcp_sum_finish(&sum), htons(0x220d));
}

Test(tcp_checksum, is_the_same_in_any_pieces)
{
	struct seeded seeded = {3};
	uint8_t bytes[300];

	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t len = seeded_below(&seeded, sizeof(bytes));
		struct tcp_sum sum = {0};
		uint32_t at = 0;

		for (uint32_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)seeded_word(&seeded);
		while (at < len) {
			uint32_t part = 1 + seeded_below(&seeded, len - at);

			tcp_sum_add(&sum, bytes + at, part);
			at += part;
		}
		cr_assert_eq(tcp_sum_fold(&sum), plain(bytes, len), "round %u",
			     round);
	}
}

Test(tcp_checksum, carries_do_not_get_lost)
{
	static uint8_t bytes[65535];
	struct tcp_sum sum = {0};

	memset(bytes, 0xff, sizeof(bytes));
	for (uint32_t i = 0; i < 100; i++)
		tcp_sum_add(&sum, bytes, sizeof(bytes));
	cr_assert_eq(tcp_sum_fold(&sum), 0xffff);
}

Test(tcp_checksum, finds_a_flipped_bit)
{
	uint8_t bytes[40] = {1, 2, 3, 4, 5};
	struct tcp_sum sum = {0};
	uint16_t checksum;

	tcp_sum_pseudo(&sum, 0x0a000001, 0x0a000002, 6, sizeof(bytes));
	tcp_sum_add(&sum, bytes, sizeof(bytes));
	checksum = tcp_sum_finish(&sum);
	memcpy(bytes + 16, &checksum, 2);
	for (uint32_t bit = 0; bit <= 8 * sizeof(bytes); bit++) {
		sum = (struct tcp_sum){0};
		tcp_sum_pseudo(&sum, 0x0a000001, 0x0a000002, 6, sizeof(bytes));
		if (bit < 8 * sizeof(bytes))
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		tcp_sum_add(&sum, bytes, sizeof(bytes));
		cr_assert_eq(tcp_sum_good(&sum), bit == 8 * sizeof(bytes));
		if (bit < 8 * sizeof(bytes))
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
