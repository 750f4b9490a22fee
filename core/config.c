/* config.c - defaults, what follows from what was said, and cross-checks. */
#include "core/config.h"
#include "core/config_schema.h"
#include "core/plant.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int config_refuse(char *error, size_t cap, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, cap, format, args);
	va_end(args);
	return -EINVAL;
}

void config_set_defaults(struct config *config)
{
	*config = (struct config){
		.name = "flushmark",
		.node = 1,
		.log = LOG_INFO,
		.pool = {.shards = 1,
			 .sessions = 4096,
			 .chunks = 16384,
			 .spin_ns = 5 * (uint32_t)NS_PER_US,
			 .region_slots = 1024,
			 .region_slot_bytes = 65536},
		.dpdk = {.idle_ns = 200 * (uint32_t)NS_PER_US},
		.move = {.connect_ms = 10000,
			 .freeze_ms = 5000,
			 .drain_ms = 10000,
			 .parallel = 16},
		.guest_demo = {.count = 1,
			       .prefix = "demo-",
			       .width = 320,
			       .height = 200,
			       .fps = 10,
			       .pulse_hz = 10,
			       .first_pulse_hz = 1000},
		.test = {.migrate_flags = 3,
			 .src_mig_version = 1,
			 .ack_window = 20},
	};
}

static int path_in(const struct config *config, const char *name, char *path,
		   size_t cap)
{
	int len = snprintf(path, cap, "%s/%s", config->runtime_dir, name);

	return len > 0 && (size_t)len < cap ? 0 : -EINVAL;
}

static int socket_in(const struct config *config, const char *name,
		     struct addr *addr)
{
	char path[CONFIG_PATH_MAX];
	char text[CONFIG_PATH_MAX + 8];

	if (path_in(config, name, path, sizeof(path)) < 0)
		return -EINVAL;
	snprintf(text, sizeof(text), "unix:%s", path);
	return addr_parse(addr, text);
}

/* A door's clients reach it where it listens, unless told otherwise. */
static void fill_advertise(struct config_door *door)
{
	if (door->advertise_host[0] || door->listen.family == ADDR_UNIX)
		return;
	addr_print_host(&door->listen, door->advertise_host);
	door->advertise_port = door->listen.port;
}

int config_fill_rest(struct config *config, const char *runtime_dir_default)
{
	if (config->runtime_dir[0] == 0) {
		if (runtime_dir_default == NULL)
			runtime_dir_default = CONFIG_RUNTIME_DIR;
		if (strlen(runtime_dir_default) > CONFIG_RUNTIME_DIR_LEN_MAX)
			return -EINVAL;
		memcpy(config->runtime_dir, runtime_dir_default,
		       strlen(runtime_dir_default) + 1);
	}
	if (config->control.family == ADDR_NONE &&
	    socket_in(config, "control.sock", &config->control) < 0)
		return -EINVAL;
	if (config->peers_listen.family == ADDR_NONE &&
	    socket_in(config, "peer.sock", &config->peers_listen) < 0)
		return -EINVAL;
	if (config->journal[0] == 0 &&
	    path_in(config, "journal", config->journal,
		    sizeof(config->journal)) < 0)
		return -EINVAL;
	config->secret_given = config->secret_file[0] != 0;
	if (!config->secret_given &&
	    path_in(config, "secret", config->secret_file,
		    sizeof(config->secret_file)) < 0)
		return -EINVAL;
	if (config->door_count == 0) {
		struct config_door *door = &config->doors[config->door_count++];

		*door = (struct config_door){.name = "main"};
		if (addr_parse(&door->listen, "127.0.0.1:5900") < 0)
			return -EINVAL;
	}
	for (uint32_t i = 0; i < config->door_count; i++)
		fill_advertise(&config->doors[i]);
	return 0;
}

int config_default(struct config *config, const char *runtime_dir_default)
{
	config_set_defaults(config);
	return config_fill_rest(config, runtime_dir_default);
}

int config_find_peer(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->peer_count; i++) {
		if (!strcmp(config->peers[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

/* An address in use and the section that said so. */
struct use {
	const struct addr *addr;
	const char *section;
	const char *name;
	bool anywhere; /* a door on a port: config_port.c looks at it */
};

#define USES_MAX (CONFIG_DOOR_MAX + 2)

/* All listeners but control first, control last. */
static unsigned list_uses(const struct config *config, struct use *uses)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < config->door_count; i++)
		uses[count++] = (struct use){&config->doors[i].listen, "door ",
					     config->doors[i].name,
					     config->doors[i].port[0] != 0};
	uses[count++] = (struct use){&config->peers_listen, "peers", "", false};
	uses[count++] = (struct use){&config->control, "daemon", "", false};
	return count;
}

static int check_local(const struct use *use, char *error, size_t error_cap)
{
	char text[ADDR_TEXT_MAX];

	if (use->anywhere || addr_is_local(use->addr))
		return 0;
	addr_print(use->addr, text);
	return config_refuse(
		error, error_cap,
		"[%s%s]: expected a loopback or unix address, not %s: any "
		"other needs TLS, which is not there yet",
		use->section, use->name, text);
}

/* A port that the system chose is known to nobody who could dial it. */
static int check_number(const struct use *use, char *error, size_t error_cap)
{
	if (use->addr->family == ADDR_UNIX || use->addr->port != 0)
		return 0;
	return config_refuse(error, error_cap,
			     "[%s%s]: expected a port from 1 to 65535, not 0",
			     use->section, use->name);
}

static int check_addresses(const struct config *config, char *error,
			   size_t error_cap)
{
	struct use uses[USES_MAX];
	unsigned count = list_uses(config, uses);
	char text[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		if (check_local(&uses[i], error, error_cap) < 0 ||
		    check_number(&uses[i], error, error_cap) < 0)
			return -EINVAL;
		for (unsigned j = 0; j < i; j++) {
			if (!addr_equal(uses[i].addr, uses[j].addr))
				continue;
			addr_print(uses[i].addr, text);
			return config_refuse(
				error, error_cap,
				"[%s%s] and [%s%s]: expected addresses of "
				"their own, not both %s",
				uses[j].section, uses[j].name, uses[i].section,
				uses[i].name, text);
		}
	}
	for (uint32_t i = 0; i < config->peer_count; i++) {
		const struct config_peer *peer = &config->peers[i];
		struct use use = {&peer->address, "peer ", peer->name, false};

		if (check_local(&use, error, error_cap) < 0 ||
		    check_number(&use, error, error_cap) < 0)
			return -EINVAL;
		if (!strcmp(peer->name, config->name))
			return config_refuse(
				error, error_cap,
				"[peer %s]: expected the name of another "
				"daemon, not this one's own",
				peer->name);
		if (addr_equal(&peer->address, &config->peers_listen))
			return config_refuse(
				error, error_cap,
				"[peer %s]: expected the address of another "
				"daemon, not this one's own",
				peer->name);
	}
	return 0;
}

int config_check(const struct config *config, char *error, size_t error_cap)
{
	uint64_t room = (uint64_t)config->pool.shards * config->pool.sessions;

	if (config->door_count < 1 || config->door_count > CONFIG_DOOR_MAX)
		return config_refuse(error, error_cap, "expected 1 to %d doors",
				     CONFIG_DOOR_MAX);
	if (config->peer_count > CONFIG_PEER_MAX)
		return config_refuse(error, error_cap,
				     "expected at most %d peers",
				     CONFIG_PEER_MAX);
	if (config->pool.shards < 1 || config->pool.shards > CONFIG_SHARD_MAX)
		return config_refuse(error, error_cap,
				     "[pool]: expected 1 to %d shards",
				     CONFIG_SHARD_MAX);
	if (config->guest_demo.count > room)
		return config_refuse(
			error, error_cap,
			"[guest-demo]: expected a count of at most %llu, "
			"shards times sessions of [pool], not %u",
			(unsigned long long)room, config->guest_demo.count);
	if (plant_spoils((enum plant)config->test.plant) &&
	    config->test.plant_guest[0] == 0)
		return config_refuse(
			error, error_cap,
			"[test]: expected a plant-guest, whose bytes the "
			"plant %s spoils",
			plant_name((enum plant)config->test.plant));
	if (config_check_ports(config, error, error_cap) < 0)
		return -EINVAL;
	return check_addresses(config, error, error_cap);
}
