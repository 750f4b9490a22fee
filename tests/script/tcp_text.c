/* tcp_text.c - frames of TCP scripts: as text, as bytes, and back. */
#include "tests/script/tcp_text.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/checksum.h"
#include "dataplane/tcp/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t all_macs[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static const struct {
	char letter;
	uint8_t flag;
} letters[] = {
	{'F', TCP_FIN}, {'S', TCP_SYN}, {'R', TCP_RST},
	{'P', TCP_PSH}, {'.', TCP_ACK}, {'U', TCP_URG},
};

static const struct {
	const char *name;
	uint32_t bad;
} flaws[] = {
	{"bad-tcp-checksum", BAD_TCP_CHECKSUM},
	{"bad-ip-checksum", BAD_IP_CHECKSUM},
	{"fragment", BAD_FRAGMENT},
	{"other-address", BAD_TARGET},
	{"broadcast-source", BAD_SOURCE},
	{"other-mac", BAD_MAC},
	{"bad-option", BAD_OPTION},
	{"short-header", BAD_SHORT},
	{"ip-options", WITH_IP_OPTIONS},
};

uint8_t script_byte(bool ours, uint32_t seq)
{
	return (uint8_t)((seq * 2654435761u >> 13) + (ours ? 17 : 91));
}

/* Skips spaces, then takes a word if that is what stands there. */
static bool take_word(const char **text, const char *word)
{
	size_t len = strlen(word);

	*text += strspn(*text, " \t");
	if (strncmp(*text, word, len) != 0)
		return false;
	*text += len;
	return true;
}

/* A number, or "*": the bit is set in *any then. */
static bool take_number(const char **text, uint32_t *number, uint32_t *any,
			uint32_t bit)
{
	char *end;

	*text += strspn(*text, " \t");
	if (**text == '*') {
		++*text;
		*any |= bit;
		return bit != 0;
	}
	*number = (uint32_t)strtoul(*text, &end, 10);
	if (end == *text)
		return false;
	*text = end;
	return true;
}

static bool read_option(struct script_frame *frame, const char **text)
{
	struct tcp_options *options = &frame->options;
	uint32_t number = 0;

	if (take_word(text, "mss")) {
		options->present |= TCP_OPT_MSS;
		if (!take_number(text, &number, NULL, 0))
			return false;
		options->mss = (uint16_t)number;
	} else if (take_word(text, "sackOK")) {
		options->present |= TCP_OPT_SACK_OK;
	} else if (take_word(text, "wscale")) {
		options->present |= TCP_OPT_WSCALE;
		if (!take_number(text, &number, NULL, 0))
			return false;
		options->wscale = (uint8_t)number;
	} else if (take_word(text, "ts")) {
		options->present |= TCP_OPT_TS;
		return take_number(text, &options->ts_value, &frame->any,
				   ANY_TS) &&
		       take_number(text, &options->ts_echo, &frame->any,
				   ANY_TS);
	} else if (take_word(text, "sack")) {
		while (options->sack_count < TCP_SACK_MAX) {
			struct tcp_range *range =
				&options->sack[options->sack_count];

			if (!take_number(text, &range->start, NULL, 0))
				break;
			if (!take_word(text, ":") ||
			    !take_number(text, &range->end, NULL, 0))
				return false;
			options->sack_count++;
		}
		return options->sack_count != 0;
	} else {
		return false;
	}
	return true;
}

static const char *read_options(struct script_frame *frame, const char **text)
{
	frame->any &= ~ANY_OPTS;
	if (take_word(text, ">"))
		return NULL;
	do {
		if (!read_option(frame, text))
			return "an option that is not one";
	} while (take_word(text, ","));
	return take_word(text, ">") ? NULL : "options without >";
}

static const char *read_flaws(struct script_frame *frame, const char **text)
{
	do {
		size_t i = 0;

		while (i < ARRAY_LEN(flaws) && !take_word(text, flaws[i].name))
			i++;
		if (i == ARRAY_LEN(flaws))
			return "a flaw that is not known";
		frame->bad |= flaws[i].bad;
	} while (take_word(text, ","));
	return NULL;
}

static const char *read_arp(struct script_frame *frame, const char **text)
{
	uint32_t last = 0;

	frame->kind = SCRIPT_ARP;
	frame->operation = take_word(text, "request") ? 1 : 2;
	if (frame->operation == 2 && !take_word(text, "reply"))
		return "arp request or reply";
	if (take_number(text, &last, NULL, 0))
		frame->address = (SCRIPT_PEER_ADDRESS & 0xffffff00) | last;
	frame->direct = take_word(text, "direct");
	return NULL;
}

static const char *read_icmp(struct script_frame *frame, const char **text)
{
	uint32_t code;

	frame->kind = SCRIPT_ICMP;
	if (!take_number(text, &frame->operation, NULL, 0) ||
	    !take_number(text, &code, NULL, 0))
		return "icmp TYPE CODE";
	frame->operation = frame->operation << 8 | code;
	if (take_word(text, "len") && !take_number(text, &frame->len, NULL, 0))
		return "len N";
	if (take_word(text, "seq") && !take_number(text, &frame->seq, NULL, 0))
		return "seq N";
	return NULL;
}

static const char *read_flags(struct script_frame *frame, const char **text)
{
	*text += strspn(*text, " \t");
	while (**text && **text != ' ') {
		size_t i = 0;

		while (i < ARRAY_LEN(letters) && letters[i].letter != **text)
			i++;
		if (i == ARRAY_LEN(letters))
			return "flags are letters of S F R P U and .";
		frame->flags |= letters[i].flag;
		++*text;
	}
	return NULL;
}

static const char *read_tcp(struct script_frame *frame, const char **text)
{
	const char *bad = read_flags(frame, text);

	if (bad)
		return bad;
	if (!take_number(text, &frame->seq, &frame->any, ANY_SEQ) ||
	    !take_word(text, "(") ||
	    !take_number(text, &frame->len, &frame->any, ANY_LEN) ||
	    !take_word(text, ")"))
		return "SEQ(LEN)";
	if (take_word(text, "ack") &&
	    !take_number(text, &frame->ack, &frame->any, ANY_ACK))
		return "ack N";
	frame->any |= ANY_WINDOW | ANY_OPTS;
	if (take_word(text, "win")) {
		frame->any &= ~ANY_WINDOW;
		if (!take_number(text, &frame->window, &frame->any, ANY_WINDOW))
			return "win N";
	}
	if (take_word(text, "<"))
		bad = read_options(frame, text);
	if (!bad && take_word(text, "with"))
		bad = read_flaws(frame, text);
	return bad;
}

const char *script_read(struct script_frame *frame, const char *text)
{
	const char *bad;

	*frame = (struct script_frame){0};
	if (take_word(&text, "arp"))
		bad = read_arp(frame, &text);
	else if (take_word(&text, "icmp"))
		bad = read_icmp(frame, &text);
	else
		bad = read_tcp(frame, &text);
	text += strspn(text, " \t\n");
	if (!bad && *text && *text != '#')
		bad = "something behind its end";
	return bad;
}

static void print_options(const struct script_frame *frame, FILE *to)
{
	const struct tcp_options *options = &frame->options;
	const char *comma = "";

	fprintf(to, " <");
	if (options->present & TCP_OPT_MSS) {
		fprintf(to, "mss %u", options->mss);
		comma = ",";
	}
	if (options->present & TCP_OPT_SACK_OK) {
		fprintf(to, "%ssackOK", comma);
		comma = ",";
	}
	if (options->present & TCP_OPT_TS) {
		fprintf(to, "%sts %" PRIu32 " %" PRIu32, comma,
			options->ts_value, options->ts_echo);
		comma = ",";
	}
	if (options->present & TCP_OPT_WSCALE) {
		fprintf(to, "%swscale %u", comma, options->wscale);
		comma = ",";
	}
	if (options->sack_count)
		fprintf(to, "%ssack", comma);
	for (uint32_t i = 0; i < options->sack_count; i++)
		fprintf(to, " %" PRIu32 ":%" PRIu32, options->sack[i].start,
			options->sack[i].end);
	fprintf(to, ">");
}

static void print_tcp(const struct script_frame *frame, FILE *to)
{
	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		if (frame->flags & letters[i].flag)
			fprintf(to, "%c", letters[i].letter);
	}
	fprintf(to, " %" PRIu32 "(%" PRIu32 ")", frame->seq, frame->len);
	if (frame->flags & TCP_ACK)
		fprintf(to, " ack %" PRIu32, frame->ack);
	fprintf(to, " win %" PRIu32, frame->window);
	print_options(frame, to);
}

void script_print(const struct script_frame *frame, char *text, size_t size)
{
	FILE *to = fmemopen(text, size, "w");

	ASSERT(to, "memory");
	if (frame->kind == SCRIPT_ARP)
		fprintf(to, "arp %s %" PRIu32 "%s",
			frame->operation == 1 ? "request" : "reply",
			frame->address & 255, frame->direct ? " direct" : "");
	else if (frame->kind == SCRIPT_ICMP)
		fprintf(to, "icmp %" PRIu32 " %" PRIu32 " len %" PRIu32,
			frame->operation >> 8, frame->operation & 255,
			frame->len);
	else
		print_tcp(frame, to);
	fclose(to);
}

static uint32_t build_ethernet(const struct script_frame *frame, uint8_t *bytes)
{
	memcpy(bytes, frame->bad & BAD_MAC ? peer_mac : our_mac, 6);
	memcpy(bytes + 6, peer_mac, 6);
	put_be16(bytes + 12, frame->kind == SCRIPT_ARP ? 0x0806 : 0x0800);
	return 14;
}

static uint32_t build_arp(const struct script_frame *frame, uint8_t *bytes)
{
	if (frame->operation == 1)
		memcpy(bytes - 14, all_macs, 6);
	put_be16(bytes, 1);
	put_be16(bytes + 2, 0x0800);
	bytes[4] = 6;
	bytes[5] = 4;
	put_be16(bytes + 6, (uint16_t)frame->operation);
	memcpy(bytes + 8, peer_mac, 6);
	put_be32(bytes + 14,
		 frame->address ? frame->address : SCRIPT_PEER_ADDRESS);
	memset(bytes + 18, 0, 6);
	put_be32(bytes + 24, SCRIPT_OUR_ADDRESS);
	return 28;
}

/* Header of an IPv4 packet with len bytes behind it. */
static uint32_t build_ip(const struct script_frame *frame, uint8_t *bytes,
			 uint32_t len)
{
	uint32_t header = frame->bad & WITH_IP_OPTIONS ? 24 : 20;
	struct tcp_sum sum = {0};
	uint16_t checksum;

	memset(bytes, 0, header);
	bytes[0] = (uint8_t)(0x40 | header / 4);
	put_be16(bytes + 2, (uint16_t)(header + len));
	put_be16(bytes + 6, frame->bad & BAD_FRAGMENT ? 0x2000 : 0x4000);
	bytes[8] = 64;
	bytes[9] = frame->kind == SCRIPT_ICMP ? 1 : 6;
	put_be32(bytes + 12, frame->bad & BAD_SOURCE ? SCRIPT_PEER_ADDRESS | 255
						     : SCRIPT_PEER_ADDRESS);
	put_be32(bytes + 16, frame->bad & BAD_TARGET ? SCRIPT_OUR_ADDRESS + 7
						     : SCRIPT_OUR_ADDRESS);
	if (header == 24)
		memset(bytes + 20, 1, 4);
	tcp_sum_add(&sum, bytes, header);
	checksum = tcp_sum_finish(&sum);
	if (frame->bad & BAD_IP_CHECKSUM)
		checksum ^= 1;
	memcpy(bytes + 10, &checksum, 2);
	return header;
}

static uint32_t build_tcp(const struct script_frame *frame, uint32_t base,
			  uint8_t *tcp)
{
	uint32_t header = 20 + tcp_options_write(&frame->options, tcp + 20);
	struct tcp_sum sum = {0};
	uint32_t first = frame->seq - base;
	uint16_t checksum;

	if (frame->flags & TCP_SYN)
		first++;
	if (frame->bad & BAD_OPTION) {
		put_be32(tcp + header, 0x22000000);
		header += 4;
	}
	put_be16(tcp, frame->peer_port);
	put_be16(tcp + 2, frame->our_port);
	put_be32(tcp + 4, frame->seq);
	put_be32(tcp + 8, frame->flags & TCP_ACK ? frame->ack : 0);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = frame->flags;
	put_be16(tcp + 14, (uint16_t)frame->window);
	put_be32(tcp + 16, 0);
	for (uint32_t i = 0; i < frame->len; i++)
		tcp[header + i] = script_byte(false, first + i);
	tcp_sum_pseudo(&sum, SCRIPT_PEER_ADDRESS, SCRIPT_OUR_ADDRESS, 6,
		       header + frame->len);
	tcp_sum_add(&sum, tcp, header + frame->len);
	checksum = tcp_sum_finish(&sum);
	if (frame->bad & BAD_TCP_CHECKSUM)
		checksum ^= 1;
	memcpy(tcp + 16, &checksum, 2);
	return frame->bad & BAD_SHORT ? 16 : header + frame->len;
}

/* An echo request, or an error that quotes our segment at seq. */
static uint32_t build_icmp(const struct script_frame *frame, uint8_t *icmp)
{
	struct script_frame quoted = {.seq = frame->seq};
	uint32_t len = 8 + frame->len;
	struct tcp_sum sum = {0};
	uint16_t checksum;

	memset(icmp, 0, len);
	icmp[0] = (uint8_t)(frame->operation >> 8);
	icmp[1] = (uint8_t)frame->operation;
	for (uint32_t i = 8; i < len; i++)
		icmp[i] = (uint8_t)i;
	if (icmp[0] != 8) {
		len = 8 + 20 + 8;
		build_ip(&quoted, icmp + 8, 20);
		put_be32(icmp + 8 + 12, SCRIPT_OUR_ADDRESS);
		put_be32(icmp + 8 + 16, SCRIPT_PEER_ADDRESS);
		put_be16(icmp + 28, frame->our_port);
		put_be16(icmp + 30, frame->peer_port);
		put_be32(icmp + 32, frame->seq);
	}
	tcp_sum_add(&sum, icmp, len);
	checksum = tcp_sum_finish(&sum);
	if (frame->bad & BAD_TCP_CHECKSUM)
		checksum ^= 1;
	memcpy(icmp + 2, &checksum, 2);
	return len;
}

uint32_t script_build(const struct script_frame *frame, uint32_t base,
		      uint8_t bytes[SCRIPT_FRAME_MAX])
{
	uint32_t at = build_ethernet(frame, bytes);
	uint8_t inner[SCRIPT_FRAME_MAX];
	uint32_t len;

	if (frame->kind == SCRIPT_ARP)
		return at + build_arp(frame, bytes + at);
	len = frame->kind == SCRIPT_ICMP ? build_icmp(frame, inner)
					 : build_tcp(frame, base, inner);
	at += build_ip(frame, bytes + at, len);
	memcpy(bytes + at, inner, len);
	return at + len;
}

static const char *parse_arp(struct script_frame *frame, const uint8_t *arp)
{
	frame->kind = SCRIPT_ARP;
	frame->operation = get_be16(arp + 6);
	frame->address = get_be32(arp + 24);
	frame->direct =
		frame->operation == 1 && memcmp(arp - 14, all_macs, 6) != 0;
	if (memcmp(arp + 8, our_mac, 6) != 0 ||
	    get_be32(arp + 14) != SCRIPT_OUR_ADDRESS)
		return "the sender of an ARP frame is not us";
	return NULL;
}

static const char *parse_icmp(struct script_frame *frame, const uint8_t *icmp,
			      uint32_t len)
{
	struct tcp_sum sum = {0};

	frame->kind = SCRIPT_ICMP;
	frame->operation = (uint32_t)icmp[0] << 8 | icmp[1];
	frame->len = len - 8;
	tcp_sum_add(&sum, icmp, len);
	return tcp_sum_good(&sum) ? NULL : "the ICMP checksum is wrong";
}

static const char *parse_tcp(struct script_frame *frame, const uint8_t *tcp,
			     uint32_t len)
{
	uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
	struct tcp_sum sum = {0};

	frame->our_port = get_be16(tcp);
	frame->peer_port = get_be16(tcp + 2);
	frame->seq = get_be32(tcp + 4);
	frame->ack = get_be32(tcp + 8);
	frame->flags = tcp[13];
	frame->window = get_be16(tcp + 14);
	frame->data = tcp + header;
	frame->len = len - header;
	tcp_sum_pseudo(&sum, SCRIPT_OUR_ADDRESS, SCRIPT_PEER_ADDRESS, 6, len);
	tcp_sum_add(&sum, tcp, len);
	if (!tcp_sum_good(&sum))
		return "the TCP checksum is wrong";
	if (!tcp_options_read(&frame->options, tcp + 20, header - 20))
		return "the options are malformed";
	return NULL;
}

const char *script_parse(struct script_frame *frame, const uint8_t *bytes,
			 uint32_t len)
{
	const uint8_t *ip = bytes + 14;
	struct tcp_sum sum = {0};

	*frame = (struct script_frame){0};
	if (memcmp(bytes + 6, our_mac, 6) != 0)
		return "the frame is not from our MAC";
	if (get_be16(bytes + 12) == 0x0806)
		return parse_arp(frame, ip);
	tcp_sum_add(&sum, ip, 20);
	if (memcmp(bytes, peer_mac, 6) != 0 || ip[0] != 0x45 ||
	    get_be16(ip + 2) != len - 14 || !tcp_sum_good(&sum) ||
	    get_be32(ip + 12) != SCRIPT_OUR_ADDRESS ||
	    get_be32(ip + 16) != SCRIPT_PEER_ADDRESS)
		return "the IPv4 header is wrong";
	if (ip[9] == 1)
		return parse_icmp(frame, ip + 20, len - 34);
	return parse_tcp(frame, ip + 20, len - 34);
}
