/* tickets_test.c - tickets are the same everywhere, and nobody's but theirs. */
#include "core/tickets.h"

#include <criterion/criterion.h>
#include <string.h>

Test(tickets, follow_from_secret_and_name)
{
	static const uint8_t secret[SIPHASH_KEY_BYTES] = {1, 2, 3};
	static const uint8_t other[SIPHASH_KEY_BYTES] = {1, 2, 4};
	char a[TICKET_CHARS + 1], b[TICKET_CHARS + 1];

	ticket_text(secret, "demo-7", a);
	ticket_text(secret, "demo-7", b);
	cr_expect_str_eq(a, b);
	cr_expect_eq(strlen(a), TICKET_CHARS);
	cr_expect_eq(strspn(a, "abcdefghijklmnopqrstuvwxyz234567"),
		     TICKET_CHARS);
	ticket_text(secret, "demo-8", b);
	cr_expect_str_neq(a, b);
	ticket_text(other, "demo-7", b);
	cr_expect_str_neq(a, b);
}

Test(tickets, every_bit_of_the_hash_is_in_the_text)
{
	uint8_t secret[SIPHASH_KEY_BYTES] = {9};
	uint32_t used[TICKET_CHARS] = {0};
	char text[TICKET_CHARS + 1];

	/* Each digit takes all its values; the last has three bits. */
	for (uint32_t i = 0; i < 2000; i++) {
		secret[1] = (uint8_t)i;
		secret[2] = (uint8_t)(i >> 8);
		ticket_text(secret, "g", text);
		for (uint32_t at = 0; at < TICKET_CHARS; at++)
			used[at] |= 1u
				    << (text[at] >= 'a' ? text[at] - 'a'
							: text[at] - '2' + 26);
	}
	for (uint32_t at = 0; at + 1 < TICKET_CHARS; at++)
		cr_expect_eq(used[at], UINT32_MAX, "digit %u", at);
	cr_expect_eq(__builtin_popcount(used[TICKET_CHARS - 1]), 8);
}

Test(tickets, hash_ends_at_the_first_nul)
{
	static const uint8_t secret[SIPHASH_KEY_BYTES] = {5};
	uint8_t a[TICKET_HASH_BYTES], b[TICKET_HASH_BYTES];

	ticket_hash(secret, "abc\0junk", 8, a);
	ticket_hash(secret, "abc", 3, b);
	cr_expect_eq(memcmp(a, b, sizeof(a)), 0);
	ticket_hash(secret, "abcd", 4, b);
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0);
}

Test(tickets, keys_are_never_the_tables_own)
{
	uint8_t hash[TICKET_HASH_BYTES] = {0};

	cr_expect_eq(ticket_key(hash), 1);
	hash[1] = 2;
	cr_expect_eq(ticket_key(hash), 512);
	memset(hash, 0xff, sizeof(hash));
	cr_expect_eq(ticket_key(hash), 1);
}
