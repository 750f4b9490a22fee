/* host.h - the outside world that is no connection: regions, journal, keys. */
#pragma once

#include "core/base.h"

/*
 * Implemented by core/daemon (the real machine) and by the simulator. Calls
 * are for the control shard unless their comment says otherwise.
 */
struct host;

/* A piece of shared memory, mapped here. */
struct host_region {
	uint8_t *base;
	size_t size_bytes;
	uint32_t id; /* this host's, 0 is none */
	bool owned;  /* created here, not taken from another process */
};

/* A region offered to another process of this machine. */
#define HOST_REGION_TICKET_BYTES 32
struct host_region_ticket {
	char path[108]; /* where the taker asks for it */
	uint8_t secret[HOST_REGION_TICKET_BYTES];
};

/* A private key for link tickets; its public half as it goes on the wire. */
#define HOST_KEY_DER_BYTES    162
#define HOST_KEY_CIPHER_BYTES 128
struct host_key; /* the host's */

struct host_ops {
	int (*region_create)(struct host *, size_t size_bytes,
			     struct host_region *);
	void (*region_drop)(struct host *, struct host_region *);
	int (*region_give)(struct host *, const struct host_region *,
			   struct host_region_ticket *);
	int (*region_take)(struct host *, const struct host_region_ticket *,
			   struct host_region *);
	int (*journal_add)(struct host *, const void *record, uint32_t len);
	int (*journal_read)(struct host *,
			    void (*each)(void *arg, const void *record,
					 uint32_t len),
			    void *arg);
	int (*key_take)(struct host *, struct host_key **,
			uint8_t der[HOST_KEY_DER_BYTES]);
	void (*key_give)(struct host *, struct host_key *);
	int (*key_open)(struct host *, struct host_key *,
			const uint8_t cipher[HOST_KEY_CIPHER_BYTES],
			uint8_t *plain, uint32_t plain_max);
	void (*entropy)(struct host *, void *, size_t len);
	uint64_t (*wall_clock_ns)(struct host *);
	void (*trap)(struct host *, const char *state);
	void (*log)(struct host *, int level, const char *line);
};

struct host {
	const struct host_ops *ops;
};

/* Creates and maps shared memory, zeroed. Returns 0 or -errno. */
static inline int host_region_create(struct host *host, size_t size_bytes,
				     struct host_region *region)
{
	return host->ops->region_create(host, size_bytes, region);
}

/* Unmaps, and frees it when it was created here. */
static inline void host_region_drop(struct host *host,
				    struct host_region *region)
{
	host->ops->region_drop(host, region);
}

/* Makes a ticket by which one other process of this machine may map it. */
static inline int host_region_give(struct host *host,
				   const struct host_region *region,
				   struct host_region_ticket *ticket)
{
	return host->ops->region_give(host, region, ticket);
}

/* Maps what a ticket names. May block for a second. Returns 0 or -errno. */
static inline int host_region_take(struct host *host,
				   const struct host_region_ticket *ticket,
				   struct host_region *region)
{
	return host->ops->region_take(host, ticket, region);
}

/*
 * Writes a record that survives the process, before it returns. Any thread.
 * Returns 0 or -errno.
 */
static inline int host_journal_add(struct host *host, const void *record,
				   uint32_t len)
{
	return host->ops->journal_add(host, record, len);
}

/* Calls each with every whole record of earlier lives, oldest first. */
static inline int host_journal_read(struct host *host,
				    void (*each)(void *arg, const void *record,
						 uint32_t len),
				    void *arg)
{
	return host->ops->journal_read(host, each, arg);
}

/* Takes a fresh key from the pool. Any shard. -EAGAIN: the pool is empty. */
static inline int host_key_take(struct host *host, struct host_key **key,
				uint8_t der[HOST_KEY_DER_BYTES])
{
	return host->ops->key_take(host, key, der);
}

/* Wipes a key. Any shard. */
static inline void host_key_give(struct host *host, struct host_key *key)
{
	host->ops->key_give(host, key);
}

/* RSA-OAEP. Returns the plain length or -EBADMSG. The shard that took it. */
static inline int host_key_open(struct host *host, struct host_key *key,
				const uint8_t cipher[HOST_KEY_CIPHER_BYTES],
				uint8_t *plain, uint32_t plain_max)
{
	return host->ops->key_open(host, key, cipher, plain, plain_max);
}

/* Unpredictable bytes. Any thread. */
static inline void host_entropy(struct host *host, void *bytes, size_t len)
{
	host->ops->entropy(host, bytes, len);
}

/* Wall clock, for records a person reads. Any thread. */
static inline uint64_t host_wall_clock_ns(struct host *host)
{
	return host->ops->wall_clock_ns(host);
}

/* Names a state being entered; a test build may stop the process here. */
static inline void host_trap(struct host *host, const char *state)
{
	if (host->ops->trap)
		host->ops->trap(host, state);
}

enum host_log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/*
 * Adds one line to the log; format as printf. Any thread. It waits for nobody:
 * when the log is not read fast enough, lines are lost and the next one tells.
 */
void host_log(struct host *host, enum host_log_level level, const char *format,
	      ...) __attribute__((format(printf, 3, 4)));
