/* config.h - what an operator can set, read from an INI file, strictly. */
#pragma once

#include "core/addr.h"
#include "core/host.h" /* enum host_log_level */

/*
 * An unknown section or key, a key given twice or a bad value is an error that
 * names file, line and what was expected. Without any file the defaults run.
 */
#define CONFIG_NAME_MAX   32  /* with its NUL, as all below */
#define CONFIG_PATH_MAX   192 /* no line can hold a longer one */
#define CONFIG_HOST_MAX   192
#define CONFIG_DRIVER_MAX 160
#define CONFIG_PREFIX_MAX 25 /* leaves room for a number in a guest's name */
#define CONFIG_STATE_MAX  48
#define CONFIG_ERROR_MAX  1024 /* no error is longer */

#define CONFIG_LINE_BYTES_MAX 199 /* inih reads no longer line */
#define CONFIG_FILE_BYTES_MAX ((size_t)256 * 1024)

#define CONFIG_RUNTIME_DIR "/run/flushmark" /* root's, for sockets */

#define CONFIG_DOOR_MAX     8
#define CONFIG_PORT_MAX     4
#define CONFIG_PEER_MAX     16
#define CONFIG_SHARD_MAX    64
#define CONFIG_GUEST_MAX    20000
#define CONFIG_PARALLEL_MAX 4096 /* moves of a drain under way at once */

/* A listener for clients. */
struct config_door {
	char name[CONFIG_NAME_MAX];
	struct addr listen;
	/* What MIGRATE_BEGIN names. Empty when the door is a unix socket; port
	 * 0 when listen's port is chosen by the system. */
	char advertise_host[CONFIG_HOST_MAX];
	uint16_t advertise_port;
	char port[CONFIG_NAME_MAX]; /* of the bypass; empty: the kernel's */
	bool insecure_plain;        /* not local and without TLS, on purpose */
	uint32_t line;              /* of its section, 0 for the default door */
};

/* An IPv4 address in host order, and its network. */
struct config_subnet {
	uint32_t address;
	uint32_t prefix_len;
};

/* A device of the kernel-bypass dataplane. */
struct config_port {
	char name[CONFIG_NAME_MAX];
	char driver[CONFIG_DRIVER_MAX]; /* as the dataplane reads it */
	struct config_subnet subnet;
	uint32_t gateway; /* 0: none */
	uint8_t mac[6];   /* zero: the device's own */
	uint32_t mtu;
	uint32_t rx_descriptors; /* of each queue */
	uint32_t tx_descriptors;
	uint32_t line;
};

/* What all ports share. */
struct config_dpdk {
	uint32_t memory_mib; /* 0: as needed */
	uint32_t huge_pages; /* 0 auto, 1 yes, 2 no */
	uint32_t idle_ns;    /* the longest sleep of an idle shard */
};

/* Another Flushmark we may send guests to. */
struct config_peer {
	char name[CONFIG_NAME_MAX];
	struct addr address;
	uint32_t line;
};

struct config_pool {
	uint32_t shards;
	uint32_t sessions; /* of each shard, as chunks and regions below */
	uint32_t chunks;
	uint32_t spin_ns;
	uint32_t region_slots;
	uint32_t region_slot_bytes;
};

struct config_move {
	uint32_t connect_ms; /* for the client to link the destination */
	uint32_t freeze_ms;  /* from MIGRATE to the last flush mark */
	uint32_t drain_ms;   /* how long old sockets are kept */
	uint32_t parallel;   /* sessions of a drain under way at once */
	uint32_t rate_per_s; /* 0: unlimited */
};

struct config_guest_demo {
	uint32_t count;
	char prefix[CONFIG_PREFIX_MAX];
	uint32_t width;
	uint32_t height;
	uint32_t fps;
	uint32_t pulse_hz;
	uint32_t first_pulse_hz; /* of guest number 0 */
};

/* Only a test build reads [test]; elsewhere these keep their defaults. */
struct config_test {
	char stop_at[CONFIG_STATE_MAX];    /* state to stop at, empty: none */
	uint32_t plant;                    /* enum plant of core/plant.h */
	char plant_guest[CONFIG_NAME_MAX]; /* whose bytes some spoil */
	uint32_t migrate_flags;
	uint32_t src_mig_version;
	bool no_seamless_cap;
	bool nack;
	uint32_t ack_window;
};

struct config {
	char name[CONFIG_NAME_MAX];
	uint32_t node;
	char runtime_dir[CONFIG_PATH_MAX];
	struct addr control;
	uint32_t log; /* enum host_log_level */
	char journal[CONFIG_PATH_MAX];
	char secret_file[CONFIG_PATH_MAX];
	bool secret_given; /* false: the daemon makes secret_file itself */
	struct config_pool pool;
	struct config_door doors[CONFIG_DOOR_MAX];
	uint32_t door_count;
	struct config_port ports[CONFIG_PORT_MAX];
	uint32_t port_count;
	struct config_dpdk dpdk;
	struct addr peers_listen;
	struct config_peer peers[CONFIG_PEER_MAX];
	uint32_t peer_count;
	struct config_move move;
	struct config_guest_demo guest_demo;
	struct config_test test;
};

/*
 * What runs without a file. The caller looks up runtime_dir_default (NULL:
 * CONFIG_RUNTIME_DIR). -EINVAL when it is too long for a socket in it.
 */
int config_default(struct config *config, const char *runtime_dir_default);

/*
 * Reads a text over the defaults and checks all of it; file is the name that
 * errors use. Returns 0, -EINVAL or -ENOMEM; then error holds one line.
 */
int config_parse_text(struct config *config, const char *file, const char *text,
		      size_t len, const char *runtime_dir_default, char *error,
		      size_t error_cap);

/* The index of the peer of that name, or -ENOENT. */
int config_find_peer(const struct config *config, const char *name);

/* The index of the port of that name, or -ENOENT. */
int config_find_port(const struct config *config, const char *name);

/*
 * What no single line can tell: listeners that collide or need TLS, more
 * guests than sessions. 0 or -EINVAL with one line in error.
 */
int config_check(const struct config *config, char *error, size_t error_cap);
