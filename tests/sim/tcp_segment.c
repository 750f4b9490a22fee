/* tcp_segment.c - a TCP frame read by the tests' own eyes. */
#include "tests/sim/tcp_segment.h"

#define ETHERNET 14
#define IPV4     20
#define TCP      20

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t quad(const uint8_t *bytes)
{
	return word(bytes) << 16 | word(bytes + 2);
}

/* RFC 1071: the sum of what carries its own checksum is 0xffff. */
static bool sums_up(uint64_t sum, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += word(bytes + i);
	if (len % 2)
		sum += (uint32_t)bytes[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static void see_option(struct tcp_seen *seen, const uint8_t *option,
		       uint32_t len)
{
	if (option[0] == 3)
		seen->scale = option[2];
	if (option[0] == 4)
		seen->sack_ok = true;
	if (option[0] == 8) {
		seen->ts = true;
		seen->ts_value = quad(option + 2);
	}
	for (uint32_t at = 2; option[0] == 5 && at + 8 <= len; at += 8) {
		if (seen->sack_count == SEGMENT_SACKS)
			return;
		seen->sack[seen->sack_count][0] = quad(option + at);
		seen->sack[seen->sack_count++][1] = quad(option + at + 4);
	}
}

static bool see_options(struct tcp_seen *seen, const uint8_t *options,
			uint32_t len)
{
	for (uint32_t at = 0; at < len && options[at];) {
		if (options[at] == 1) {
			at++;
			continue;
		}
		if (len - at < 2 || options[at + 1] < 2 ||
		    options[at + 1] > len - at)
			return false;
		see_option(seen, options + at, options[at + 1]);
		at += options[at + 1];
	}
	return true;
}

static bool see_tcp(const uint8_t *tcp, uint32_t len, struct tcp_seen *seen)
{
	uint32_t header = len >= TCP ? (tcp[12] >> 4) * (uint32_t)4 : 0;
	uint64_t pseudo = (uint64_t)(seen->source >> 16) +
			  (seen->source & 0xffff) + (seen->target >> 16) +
			  (seen->target & 0xffff) + 6 + len;

	if (header < TCP || header > len || !sums_up(pseudo, tcp, len))
		return false;
	seen->source_port = (uint16_t)word(tcp);
	seen->target_port = (uint16_t)word(tcp + 2);
	seen->seq = quad(tcp + 4);
	seen->ack = quad(tcp + 8);
	seen->flags = tcp[13];
	seen->window = word(tcp + 14);
	seen->len = len - header;
	seen->scale = 0xff;
	return see_options(seen, tcp + TCP, header - TCP);
}

enum tcp_look tcp_see(const uint8_t *frame, uint32_t len, struct tcp_seen *seen)
{
	const uint8_t *ip = frame + ETHERNET;
	uint32_t header;

	*seen = (struct tcp_seen){0};
	if (len < ETHERNET || word(frame + 12) != 0x0800)
		return LOOK_OTHER;
	if (len < ETHERNET + IPV4)
		return LOOK_BAD;
	header = (ip[0] & 15) * (uint32_t)4;
	if (ip[0] >> 4 != 4 || header < IPV4 || ETHERNET + header > len ||
	    !sums_up(0, ip, header) || word(ip + 2) < header ||
	    word(ip + 2) > len - ETHERNET)
		return LOOK_BAD;
	if (ip[9] != 6)
		return LOOK_OTHER;
	seen->source = quad(ip + 12);
	seen->target = quad(ip + 16);
	return see_tcp(ip + header, word(ip + 2) - header, seen) ? LOOK_TCP
								 : LOOK_BAD;
}
