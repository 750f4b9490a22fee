/* config_schema.c - the table of all keys and the readers of their values. */
#include "core/config_schema.h"
#include "core/plant.h"
#include "core/region.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MS_MAX 600000 /* ten minutes: longer is a slip of the pen */

#define NUMBER(type, member, name_, min_, max_, ...)                          \
	{                                                                     \
		.name = name_, .offset = offsetof(type, member), .min = min_, \
		.max = max_, .kind = CONFIG_NUMBER, ##__VA_ARGS__             \
	}
#define TEXT(type, member, name_, kind_)                              \
	{                                                             \
		.name = name_, .offset = offsetof(type, member),      \
		.max = sizeof(((type *)0)->member) - 1, .kind = kind_ \
	}
#define OTHER(type, member, name_, kind_, ...)                   \
	{                                                        \
		.name = name_, .offset = offsetof(type, member), \
		.kind = kind_, ##__VA_ARGS__                     \
	}
#define SECTION(name_, offset_, keys_)                           \
	{                                                        \
		.name = name_, .offset = offset_, .keys = keys_, \
		.key_count = ARRAY_LEN(keys_)                    \
	}
#define NAMED(name_, keys_)                                  \
	{                                                    \
		.name = name_, .named = true, .keys = keys_, \
		.key_count = ARRAY_LEN(keys_)                \
	}

/* In the order of enum host_log_level. */
static const char *const log_words[] = {"error", "warning", "info", "debug",
					NULL};

static const struct config_key daemon_keys[] = {
	TEXT(struct config, name, "name", CONFIG_NAME),
	NUMBER(struct config, node, "node", 0, 1023),
	{.name = "runtime-dir",
	 .offset = offsetof(struct config, runtime_dir),
	 .max = CONFIG_RUNTIME_DIR_LEN_MAX,
	 .kind = CONFIG_PATH},
	OTHER(struct config, control, "control", CONFIG_UNIX_PATH),
	OTHER(struct config, log, "log", CONFIG_WORD, .words = log_words),
	TEXT(struct config, journal, "journal", CONFIG_PATH),
	TEXT(struct config, secret_file, "secret-file", CONFIG_PATH),
};

static const struct config_key pool_keys[] = {
	NUMBER(struct config_pool, shards, "shards", 1, CONFIG_SHARD_MAX),
	NUMBER(struct config_pool, sessions, "sessions", 1, 65536),
	NUMBER(struct config_pool, chunks, "chunks", 16, 1 << 20),
	NUMBER(struct config_pool, spin_ns, "spin-us", 0, 1000000,
	       .scale = NS_PER_US),
	NUMBER(struct config_pool, region_slots, "region-slots", 1,
	       REGION_SLOTS_MAX),
	NUMBER(struct config_pool, region_slot_bytes, "region-slot-bytes", 1024,
	       REGION_SLOT_BYTES_MAX, .step = 64),
};

static const struct config_key door_keys[] = {
	OTHER(struct config_door, listen, "listen", CONFIG_ADDRESS),
	OTHER(struct config_door, advertise_host, "advertise",
	      CONFIG_ADVERTISE),
	TEXT(struct config_door, port, "port", CONFIG_NAME),
	OTHER(struct config_door, insecure_plain, "insecure-plain",
	      CONFIG_BOOL),
};

static const struct config_key port_keys[] = {
	TEXT(struct config_port, driver, "driver", CONFIG_TEXT),
	OTHER(struct config_port, subnet, "address", CONFIG_SUBNET),
	OTHER(struct config_port, gateway, "gateway", CONFIG_IP4),
	OTHER(struct config_port, mac, "mac", CONFIG_MAC),
	NUMBER(struct config_port, mtu, "mtu", 576, 9000),
	NUMBER(struct config_port, rx_descriptors, "rx-descriptors", 64, 4096),
	NUMBER(struct config_port, tx_descriptors, "tx-descriptors", 64, 4096),
};

/* In the order of the comment at the member. */
static const char *const huge_words[] = {"auto", "yes", "no", NULL};

static const struct config_key dpdk_keys[] = {
	NUMBER(struct config_dpdk, memory_mib, "memory", 0, 1 << 20),
	OTHER(struct config_dpdk, huge_pages, "huge-pages", CONFIG_WORD,
	      .words = huge_words),
	NUMBER(struct config_dpdk, idle_ns, "idle-us", 20, 10000,
	       .scale = NS_PER_US),
};

static const struct config_key peers_keys[] = {
	OTHER(struct config, peers_listen, "listen", CONFIG_LOCAL),
};

static const struct config_key peer_keys[] = {
	OTHER(struct config_peer, address, "address", CONFIG_LOCAL),
};

static const struct config_key move_keys[] = {
	NUMBER(struct config_move, connect_ms, "connect-ms", 1, MS_MAX),
	NUMBER(struct config_move, freeze_ms, "freeze-ms", 1, MS_MAX),
	NUMBER(struct config_move, drain_ms, "drain-ms", 1, MS_MAX),
	NUMBER(struct config_move, parallel, "parallel", 1,
	       CONFIG_PARALLEL_MAX),
	NUMBER(struct config_move, rate_per_s, "rate", 0, 1000000),
};

static const struct config_key guest_demo_keys[] = {
	NUMBER(struct config_guest_demo, count, "count", 0, CONFIG_GUEST_MAX),
	TEXT(struct config_guest_demo, prefix, "prefix", CONFIG_NAME),
	NUMBER(struct config_guest_demo, width, "width", 64, 1024, .step = 8),
	NUMBER(struct config_guest_demo, height, "height", 64, 1024, .step = 8),
	NUMBER(struct config_guest_demo, fps, "fps", 1, 60),
	NUMBER(struct config_guest_demo, pulse_hz, "pulse-hz", 1, 1000),
	NUMBER(struct config_guest_demo, first_pulse_hz, "first-pulse-hz", 1,
	       1000),
};

#ifdef FLUSHMARK_TEST_BUILD
static const struct config_key test_keys[] = {
	TEXT(struct config_test, stop_at, "stop-at", CONFIG_NAME),
	OTHER(struct config_test, plant, "plant", CONFIG_PLANT),
	TEXT(struct config_test, plant_guest, "plant-guest", CONFIG_NAME),
	NUMBER(struct config_test, migrate_flags, "migrate-flags", 0, 3),
	NUMBER(struct config_test, src_mig_version, "version", 0, UINT32_MAX),
	OTHER(struct config_test, no_seamless_cap, "no-seamless-cap",
	      CONFIG_BOOL),
	NUMBER(struct config_test, ack_window, "ack-window", 0, 1000),
	OTHER(struct config_test, nack, "nack", CONFIG_BOOL),
};
#endif

const struct config_section config_sections[] = {
	SECTION("daemon", 0, daemon_keys),
	SECTION("pool", offsetof(struct config, pool), pool_keys),
	NAMED("door", door_keys),
	NAMED("port", port_keys),
	SECTION("dpdk", offsetof(struct config, dpdk), dpdk_keys),
	SECTION("peers", 0, peers_keys),
	NAMED("peer", peer_keys),
	SECTION("move", offsetof(struct config, move), move_keys),
	SECTION("guest-demo", offsetof(struct config, guest_demo),
		guest_demo_keys),
#ifdef FLUSHMARK_TEST_BUILD
	SECTION("test", offsetof(struct config, test), test_keys),
#endif
	{.name = NULL},
};

bool config_name_is_good(const char *name, size_t len_max)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= len_max && strspn(name, good) == len;
}

/* Digits only: no sign, no space, no other base. */
static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
	*number = 0;
	if (*text == 0)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*number = *number * 10 + (uint64_t)(*text - '0');
		if (*number > max)
			return false;
	}
	return true;
}

static bool read_step(const struct config_key *key, uint32_t *to,
		      const char *value)
{
	uint64_t number;

	if (!read_number(value, key->max, &number) || number < key->min)
		return false;
	if (key->step > 1 && number % key->step != 0)
		return false;
	*to = (uint32_t)(number * (key->scale ? key->scale : 1));
	return true;
}

static bool read_bool(bool *to, const char *value)
{
	*to = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
	return *to || strcmp(value, "no") == 0 || strcmp(value, "false") == 0;
}

static bool read_word(const struct config_key *key, uint32_t *to,
		      const char *value)
{
	for (uint32_t i = 0; key->words[i]; i++) {
		if (strcmp(value, key->words[i]) == 0) {
			*to = i;
			return true;
		}
	}
	return false;
}

static bool read_plant(uint32_t *to, const char *value)
{
	*to = plant_find(value);
	return *to != PLANT_none;
}

static bool read_text(const struct config_key *key, char *to, const char *value)
{
	size_t len = strlen(value);

	if (key->kind == CONFIG_NAME && !config_name_is_good(value, key->max))
		return false;
	if (key->kind == CONFIG_PATH && value[0] != '/')
		return false;
	if (len > key->max)
		return false;
	memcpy(to, value, len + 1);
	return true;
}

static bool read_unix_path(struct addr *to, const char *value)
{
	char text[ADDR_TEXT_MAX];
	int len;

	if (value[0] != '/' && value[0] != '@')
		return false;
	len = snprintf(text, sizeof(text), "unix:%s", value);
	return len < (int)sizeof(text) && addr_parse(to, text) == 0;
}

/*
 * host:port as it goes to clients: an IP literal, one of IPv6 in brackets, or
 * a DNS name. Port 0 would be no address.
 */
static bool read_advertise(struct config_door *door, const char *value)
{
	static const char name_chars[] =
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	static const char ip6_chars[] = "0123456789abcdefABCDEF:.";
	const char *colon = strrchr(value, ':');
	bool bracket = value[0] == '[';
	const char *host = value + bracket;
	uint64_t port;
	size_t len;

	if (colon == NULL || !read_number(colon + 1, 65535, &port) || port == 0)
		return false;
	len = (size_t)(colon - host);
	if (bracket && (len == 0 || host[--len] != ']'))
		return false;
	if (len == 0 || len >= sizeof(door->advertise_host))
		return false;
	if (strspn(host, bracket ? ip6_chars : name_chars) != len)
		return false;
	memcpy(door->advertise_host, host, len);
	door->advertise_host[len] = 0;
	door->advertise_port = (uint16_t)port;
	return true;
}

static bool read_local(struct addr *to, const char *value)
{
	struct addr addr;

	if (addr_parse(&addr, value) < 0 || !addr_is_local(&addr))
		return false;
	*to = addr;
	return true;
}

static bool read_address(struct addr *to, const char *value)
{
	struct addr addr;

	if (addr_parse(&addr, value) < 0)
		return false;
	*to = addr;
	return true;
}

bool config_read_value(const struct config_key *key, void *owner,
		       const char *value)
{
	void *to = (char *)owner + key->offset;

	switch ((enum config_key_kind)key->kind) {
	case CONFIG_NUMBER:
		return read_step(key, to, value);
	case CONFIG_BOOL:
		return read_bool(to, value);
	case CONFIG_WORD:
		return read_word(key, to, value);
	case CONFIG_PLANT:
		return read_plant(to, value);
	case CONFIG_NAME:
	case CONFIG_PATH:
	case CONFIG_TEXT:
		return read_text(key, to, value);
	case CONFIG_ADDRESS:
		return read_address(to, value);
	case CONFIG_LOCAL:
		return read_local(to, value);
	case CONFIG_SUBNET:
		return config_read_subnet(to, value);
	case CONFIG_IP4:
		return config_read_ip4(to, value);
	case CONFIG_MAC:
		return config_read_mac(to, value);
	case CONFIG_UNIX_PATH:
		return read_unix_path(to, value);
	case CONFIG_ADVERTISE:
		return read_advertise(owner, value);
	}
	return false;
}

static void say_words(const struct config_key *key, char *text, size_t cap)
{
	size_t used = (size_t)snprintf(text, cap, "one of");

	for (unsigned i = 0; key->words[i] && used < cap; i++)
		used += (size_t)snprintf(text + used, cap - used, "%s %s",
					 i ? "," : "", key->words[i]);
}

static void say_plants(char *text, size_t cap)
{
	size_t used = (size_t)snprintf(text, cap, "one of");

	for (int i = PLANT_none + 1; i < PLANT_COUNT && used < cap; i++)
		used += (size_t)snprintf(text + used, cap - used, "%s %s",
					 i > PLANT_none + 1 ? "," : "",
					 plant_name((enum plant)i));
}

void config_say_expected(const struct config_key *key, char *text, size_t cap)
{
	switch ((enum config_key_kind)key->kind) {
	case CONFIG_NUMBER:
		if (key->step > 1)
			snprintf(text, cap,
				 "a multiple of %" PRIu32 " from %" PRIu32
				 " to %" PRIu32,
				 key->step, key->min, key->max);
		else
			snprintf(text, cap,
				 "a number from %" PRIu32 " to %" PRIu32,
				 key->min, key->max);
		break;
	case CONFIG_BOOL:
		snprintf(text, cap, "yes or no");
		break;
	case CONFIG_WORD:
		say_words(key, text, cap);
		break;
	case CONFIG_PLANT:
		say_plants(text, cap);
		break;
	case CONFIG_NAME:
		snprintf(text, cap,
			 "at most %" PRIu32 " letters, digits, '.', '_', '-'",
			 key->max);
		break;
	case CONFIG_PATH:
		snprintf(text, cap,
			 "an absolute path of at most %" PRIu32 " bytes",
			 key->max);
		break;
	case CONFIG_TEXT:
		snprintf(text, cap, "at most %" PRIu32 " bytes", key->max);
		break;
	case CONFIG_ADDRESS:
		snprintf(text, cap,
			 "IP:PORT, an IPv6 one in brackets, or "
			 "unix:PATH");
		break;
	case CONFIG_SUBNET:
		snprintf(text, cap,
			 "an IPv4 address with its network's "
			 "length, as 192.0.2.7/24");
		break;
	case CONFIG_IP4:
		snprintf(text, cap, "an IPv4 address");
		break;
	case CONFIG_MAC:
		snprintf(text, cap,
			 "the address of one station, as "
			 "02:00:00:00:00:01");
		break;
	case CONFIG_LOCAL:
		snprintf(text, cap,
			 "a loopback address (127.0.0.1:PORT, [::1]:PORT) or "
			 "unix:PATH; any other needs TLS, which is not there "
			 "yet");
		break;
	case CONFIG_UNIX_PATH:
		snprintf(text, cap, "an absolute path of at most %d bytes",
			 ADDR_PATH_MAX - 1);
		break;
	case CONFIG_ADVERTISE:
		snprintf(text, cap, "HOST:PORT as clients reach it");
		break;
	}
}
