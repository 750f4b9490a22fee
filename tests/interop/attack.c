/* attack.c - bad input for a real daemon: links, channels, peers, control.
 *
 *   attack PORT PASSWORD PEER-SOCKET CONTROL-SOCKET
 *
 * PASSWORD is that of a guest without a client. Each case must end in the
 * error or the hang-up that it names, in bounded time; whether anybody else
 * was harmed is for others to see. What can be told in virtual time, and all
 * else that is bad, is in tests/sim/hostile_*.c.
 */
#include "channels/client/ticket.h"
#include "core/base.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HALF_OPEN   2000
#define PATIENCE_MS 5000
#define NO_ANSWER   UINT32_MAX

struct attack {
	uint16_t port;
	const char *password;
	const char *peer_path;
	const char *control_path;
	struct client_ticket ticket;
	uint8_t cipher[WIRE_LINK_CIPHER_BYTES];
	uint32_t cases;
	uint32_t failed;
};

static void judge(struct attack *attack, const char *name, bool good)
{
	attack->cases++;
	attack->failed += !good;
	printf("%s: %s\n", name, good ? "ok" : "FAILED");
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int dial(const struct attack *attack)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(attack->port),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int dial_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void say(int fd, const void *bytes, size_t len)
{
	/* A daemon that hangs up at once is as good as one that reads. */
	if (send(fd, bytes, len, MSG_NOSIGNAL) < 0)
		return;
}

/* Reads up to len bytes until the end or the time is over. */
static uint32_t hear(int fd, void *to, uint32_t len, int ms)
{
	uint64_t until_ms = now_ms() + (uint64_t)ms;
	uint32_t have = 0;

	while (have < len) {
		struct pollfd one = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();
		ssize_t got;

		if (now >= until_ms || poll(&one, 1, (int)(until_ms - now)) < 1)
			break;
		got = recv(fd, (uint8_t *)to + have, len - have, 0);
		if (got <= 0)
			break;
		have += (uint32_t)got;
	}
	return have;
}

/* True when the daemon hangs up; what it says before is not looked at. */
static bool hangs_up(int fd, int ms)
{
	uint64_t until_ms = now_ms() + (uint64_t)ms;
	uint8_t bytes[4096];

	for (;;) {
		struct pollfd one = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();

		if (now >= until_ms || poll(&one, 1, (int)(until_ms - now)) < 1)
			return false;
		if (recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return true;
	}
}

/* --- links --- */

#define BYTES(...) \
	(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define REDQ       'R', 'E', 'D', 'Q'
#define VERSION(n) n, 0, 0, 0, 2, 0, 0, 0

static const struct {
	const char *name;
	uint32_t error;
	const uint8_t *bytes;
	size_t len;
} bad_links[] = {
	{"link-magic", SPICE_LINK_ERR_INVALID_MAGIC, BYTES('G', 'E', 'T', ' ')},
	{"link-version", SPICE_LINK_ERR_VERSION_MISMATCH,
	 BYTES(REDQ, VERSION(3), 18, 0, 0, 0)},
	{"link-version-0", NO_ANSWER, BYTES(REDQ, VERSION(0), 18, 0, 0, 0)},
	{"link-short", SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), 17, 0, 0, 0)},
	{"link-long", SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), 1, 16, 0, 0)},
	{"link-caps", SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), 18, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0,
	       0, 0, 0, 18, 0, 0, 0)},
};

static void attack_links(struct attack *attack)
{
	for (uint32_t i = 0; i < ARRAY_LEN(bad_links); i++) {
		uint8_t reply[WIRE_LINK_HEADER_BYTES + WIRE_LINK_REPLY_BYTES];
		uint32_t error = NO_ANSWER;
		int fd = dial(attack);

		say(fd, bad_links[i].bytes, bad_links[i].len);
		/* As a tool does that only asks: its EOF is behind it. */
		shutdown(fd, SHUT_WR);
		if (hear(fd, reply, sizeof(reply), PATIENCE_MS) ==
		    sizeof(reply))
			error = wire_link_read_word(reply +
						    WIRE_LINK_HEADER_BYTES);
		judge(attack, bad_links[i].name,
		      error == bad_links[i].error && hangs_up(fd, PATIENCE_MS));
		close(fd);
	}
}

/* The link stage as it should be. Returns the result; *fd is connected. */
static uint32_t link_up(struct attack *attack, uint32_t id, uint8_t type,
			const char *password, bool replay, int *fd)
{
	struct wire_caps common = {1, {1 | 1 << SPICE_COMMON_CAP_MINI_HEADER}};
	struct wire_caps channel = {0};
	uint8_t bytes[WIRE_LINK_OUT_MAX];
	uint8_t seed[CLIENT_TICKET_SEED_BYTES];
	struct wire_link_header header;
	uint32_t len;

	*fd = dial(attack);
	len = wire_link_write_mess(bytes, id, type, 0, &common, &channel);
	say(*fd, bytes, len);
	if (hear(*fd, bytes, WIRE_LINK_HEADER_BYTES, PATIENCE_MS) !=
		    WIRE_LINK_HEADER_BYTES ||
	    wire_link_read_header(&header, bytes, WIRE_LINK_REPLY_BYTES) ||
	    header.size_bytes > sizeof(bytes) ||
	    hear(*fd, bytes, header.size_bytes, PATIENCE_MS) !=
		    header.size_bytes)
		return NO_ANSWER;
	if (wire_link_read_word(bytes))
		return wire_link_read_word(bytes);
	if (!replay) {
		if (getrandom(seed, sizeof(seed), 0) != sizeof(seed) ||
		    client_ticket_seal(&attack->ticket, bytes + 4, password,
				       seed, attack->cipher))
			return NO_ANSWER;
	}
	wire_link_write_word(bytes, 1);
	memcpy(bytes + 4, attack->cipher, sizeof(attack->cipher));
	say(*fd, bytes, 4 + sizeof(attack->cipher));
	if (hear(*fd, bytes, 4, PATIENCE_MS) != 4)
		return NO_ANSWER;
	return wire_link_read_word(bytes);
}

/* Main of the spare guest. Returns the session's id, 0: it was refused. */
static uint32_t link_main(struct attack *attack, int *fd)
{
	uint8_t init[6 + 4];

	if (link_up(attack, 0, SPICE_CHANNEL_MAIN, attack->password, false,
		    fd) ||
	    hear(*fd, init, sizeof(init), PATIENCE_MS) != sizeof(init) ||
	    init[0] != SPICE_MSG_MAIN_INIT)
		return 0;
	return wire_link_read_word(init + 6);
}

static void attack_tickets(struct attack *attack)
{
	int main_fd;
	int fd;
	uint32_t id = link_main(attack, &main_fd);
	uint32_t result;

	judge(attack, "good-main", id != 0);
	result = link_up(attack, 0, SPICE_CHANNEL_MAIN, NULL, true, &fd);
	judge(attack, "ticket-replayed",
	      result == SPICE_LINK_ERR_PERMISSION_DENIED &&
		      hangs_up(fd, PATIENCE_MS));
	close(fd);
	result = link_up(attack, 0, SPICE_CHANNEL_MAIN, "wrong", false, &fd);
	judge(attack, "ticket-wrong",
	      result == SPICE_LINK_ERR_PERMISSION_DENIED);
	close(fd);
	result = link_up(attack, id, SPICE_CHANNEL_MAIN, attack->password,
			 false, &fd);
	judge(attack, "second-main",
	      result == SPICE_LINK_ERR_BAD_CONNECTION_ID);
	close(fd);
	result = link_up(attack, id ^ 1, SPICE_CHANNEL_INPUTS, attack->password,
			 false, &fd);
	judge(attack, "unknown-id", result == SPICE_LINK_ERR_BAD_CONNECTION_ID);
	close(fd);
	/* Nor may another guest's ticket open this session. */
	result = link_up(attack, id, SPICE_CHANNEL_INPUTS, "other", false, &fd);
	judge(attack, "wrong-ticket-for-an-id",
	      result == SPICE_LINK_ERR_PERMISSION_DENIED);
	close(fd);
	judge(attack, "main-not-disturbed", !hangs_up(main_fd, 200));
	close(main_fd);
}

/* --- channels --- */

#define MINI(type, size)                                                   \
	(uint8_t)(type), (uint8_t)((type) >> 8), (uint8_t)(size),          \
		(uint8_t)((size) >> 8), (uint8_t)((uint32_t)(size) >> 16), \
		(uint8_t)((uint32_t)(size) >> 24)

static const struct {
	const char *name;
	uint8_t type;
	const uint8_t *bytes;
	size_t len;
} bad_messages[] = {
	{"main-unknown", SPICE_CHANNEL_MAIN, BYTES(MINI(999, 0))},
	{"main-flush-mark", SPICE_CHANNEL_MAIN,
	 BYTES(MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0))},
	{"main-do-seamless", SPICE_CHANNEL_MAIN,
	 BYTES(MINI(SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, 4), 1, 0, 0, 0)},
	{"main-connected", SPICE_CHANNEL_MAIN,
	 BYTES(MINI(SPICE_MSGC_MAIN_MIGRATE_CONNECTED, 0))},
	{"display-oversize", SPICE_CHANNEL_DISPLAY,
	 BYTES(MINI(SPICE_MSGC_DISPLAY_INIT, 0xffffffff))},
	{"display-second-init", SPICE_CHANNEL_DISPLAY,
	 BYTES(MINI(SPICE_MSGC_DISPLAY_INIT, 14), 1, 0, 0, 1, 0, 0, 0, 0, 0, 1,
	       0, 1, 0, 0, MINI(SPICE_MSGC_DISPLAY_INIT, 14), 1, 0, 0, 1, 0, 0,
	       0, 0, 0, 1, 0, 1, 0, 0)},
	{"inputs-short", SPICE_CHANNEL_INPUTS,
	 BYTES(MINI(SPICE_MSGC_INPUTS_KEY_DOWN, 1), 1)},
	{"inputs-migrate-data", SPICE_CHANNEL_INPUTS,
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 4), 1, 2, 3, 4)},
	{"cursor-anything", SPICE_CHANNEL_CURSOR, BYTES(MINI(101, 0))},
	{"port-empty", SPICE_CHANNEL_PORT,
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_DATA, 0))},
	{"port-compressed", SPICE_CHANNEL_PORT,
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, 6), 1, 0, 0, 0, 0, 0)},
	{"usbredir-flush-mark", SPICE_CHANNEL_USBREDIR,
	 BYTES(MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0))},
};

static void attack_channels(struct attack *attack)
{
	for (uint32_t i = 0; i < ARRAY_LEN(bad_messages); i++) {
		uint8_t type = bad_messages[i].type;
		int main_fd;
		int fd = -1;
		uint32_t id = link_main(attack, &main_fd);
		bool good = id != 0;

		if (type != SPICE_CHANNEL_MAIN)
			good = good && !link_up(attack, id, type,
						attack->password, false, &fd);
		say(fd < 0 ? main_fd : fd, bad_messages[i].bytes,
		    bad_messages[i].len);
		good = good && hangs_up(main_fd, PATIENCE_MS);
		if (fd >= 0)
			good = good && hangs_up(fd, PATIENCE_MS);
		judge(attack, bad_messages[i].name, good);
		close(main_fd);
		if (fd >= 0)
			close(fd);
	}
}

/* --- peers, control, and those who say nothing --- */

static const struct {
	const char *name;
	const uint8_t *bytes;
	size_t len;
} bad_frames[] = {
	{"peer-http", BYTES("GET / HTTP/1.1\r\nHost: localhost\r\n")},
	{"peer-before-the-greeting", BYTES(0, 0, 0, 0, 13, 0, 0, 0, 1, 0, 0, 0,
					   0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)},
	{"peer-oversize", BYTES(255, 255, 255, 255, 9, 0, 0, 0, 0, 0, 0, 0, 0,
				0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
};

static void attack_peers(struct attack *attack)
{
	for (uint32_t i = 0; i < ARRAY_LEN(bad_frames); i++) {
		int fd = dial_unix(attack->peer_path);

		say(fd, bad_frames[i].bytes, bad_frames[i].len);
		judge(attack, bad_frames[i].name, hangs_up(fd, PATIENCE_MS));
		close(fd);
	}
}

static void attack_control(struct attack *attack)
{
	static const char *const lines[] = {
		"hello",
		"{\"execute\": ",
		"{\"execute\": \"status\", \"execute\": \"stop\"}",
		"{\"execute\": \"format-disk\"}",
		"{\"execute\": \"move\", \"arguments\": {\"guest\": 7}}",
		"\"\\ud800\"",
	};

	for (uint32_t i = 0; i < ARRAY_LEN(lines); i++) {
		char answer[4096];
		int fd = dial_unix(attack->control_path);
		uint32_t len = hear(fd, answer, sizeof(answer) - 1, 200);

		say(fd, lines[i], strlen(lines[i]));
		say(fd, "\n", 1);
		len = hear(fd, answer, sizeof(answer) - 1, 300);
		answer[len] = 0;
		judge(attack, lines[i],
		      strstr(answer, "\"error\"") &&
			      !strstr(answer, "\"return\""));
		close(fd);
	}
}

/* Both have their time, and then no more. */
static void attack_slowly(struct attack *attack)
{
	int link_fd = dial(attack);
	int peer_fd = dial_unix(attack->peer_path);
	uint64_t began_ms = now_ms();
	bool early;

	say(link_fd, "REDQ", 4);
	early = hangs_up(link_fd, 2000);
	judge(attack, "silent-peer", hangs_up(peer_fd, 15000));
	judge(attack, "slow-link",
	      !early && hangs_up(link_fd, 20000) &&
		      now_ms() - began_ms < 20000);
	close(link_fd);
	close(peer_fd);
}

static void attack_by_number(struct attack *attack)
{
	const struct rlimit limit = {HALF_OPEN + 64, HALF_OPEN + 64};
	static int fds[HALF_OPEN];
	uint32_t open = 0;
	int fd = -1;

	/* As many as this process may have: the kernel's answer is in open. */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	for (uint32_t i = 0; i < HALF_OPEN; i++) {
		fds[i] = dial(attack);
		open += fds[i] >= 0;
		if (fds[i] >= 0)
			say(fds[i], "RE", 2);
	}
	printf("%u half-open links\n", open);
	usleep(2000000);
	for (uint32_t i = 0; i < HALF_OPEN; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	usleep(500000);
	judge(attack, "half-open", open >= 900 && link_main(attack, &fd));
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct attack attack = {0};

	if (argc != 5) {
		fprintf(stderr, "usage: attack PORT PASSWORD PEER CONTROL\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	attack.port = (uint16_t)strtoul(argv[1], NULL, 10);
	attack.password = argv[2];
	attack.peer_path = argv[3];
	attack.control_path = argv[4];
	attack_links(&attack);
	attack_tickets(&attack);
	attack_channels(&attack);
	attack_peers(&attack);
	attack_control(&attack);
	attack_by_number(&attack);
	attack_slowly(&attack);
	client_ticket_fini(&attack.ticket);
	printf("%u cases, %u failed\n", attack.cases, attack.failed);
	return attack.failed ? 1 : 0;
}
