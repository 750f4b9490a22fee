/* lwip_peer.h - lwIP as somebody else's TCP: frames and time in, frames out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * lwIP keeps all it knows in variables of the program. It is built into a
 * shared object of its own (tests/peers/lwip/build), one for each variant of
 * its options; loaded anew it knows nothing of what was before. The object has
 * one symbol, LWIP_PEER_SYMBOL: a struct lwip_peer.
 */
#define LWIP_PEER_SYMBOL "lwip_peer"
#define LWIP_PEER_CONNS  8

/* Connections are numbers below LWIP_PEER_CONNS that the caller chooses. */
struct lwip_peer_ops {
	void (*emit)(void *arg, const void *frame, uint32_t len);
	void (*opened)(void *arg, uint32_t conn);
	void (*received)(void *arg, uint32_t conn, const void *data,
			 uint32_t len);
	void (*writable)(void *arg, uint32_t conn);
	void (*eof)(void *arg, uint32_t conn);
	/* It is gone: error is lwIP's err_t, 0 when it ended as it should. */
	void (*closed)(void *arg, uint32_t conn, int error);
};

struct lwip_peer_config {
	uint8_t mac[6];
	uint8_t prefix_len;
	uint32_t address; /* host order */
	uint32_t seed;    /* of lwIP's own random numbers */
	uint32_t isn;     /* of the first connection */
	uint32_t clock;   /* milliseconds it starts with: its timestamps */
	const struct lwip_peer_ops *ops;
	void *arg;
};

struct lwip_peer {
	const char *name;      /* of the variant */
	uint32_t window_bytes; /* the most that it advertises */
	void (*start)(const struct lwip_peer_config *config, uint64_t now_ns);
	void (*input)(uint64_t now_ns, const void *frame, uint32_t len);
	void (*advance)(uint64_t now_ns);
	uint64_t (*deadline)(void);
	/* 0, or lwIP's err_t. */
	int (*listen)(uint32_t conn, uint16_t port);
	int (*connect)(uint32_t conn, uint32_t address, uint16_t port,
		       uint16_t local_port);
	/* How many bytes were taken. */
	uint32_t (*send)(uint32_t conn, const void *data, uint32_t len);
	/* So many received bytes are not needed any more. */
	void (*recycle)(uint32_t conn, uint32_t len);
	void (*shutdown)(uint32_t conn);
	void (*close)(uint32_t conn);
	void (*kill)(uint32_t conn);
	uint32_t (*live)(void); /* connections, but for those that wait */
	uint32_t (*waits)(void);
};
