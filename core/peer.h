/* peer.h - a shard's own connections to other Flushmarks. */
#pragma once

#include "core/peer_link.h"

/* Adds PART_PEER to the shard; listens when listen is not NULL. 0 or -errno. */
int peers_init(struct peers *peers, struct shard *shard,
	       const struct peer_user *user, const struct addr *listen);
void peers_fini(struct peers *peers);

/*
 * The link for moves to peer number peer of the config, opened if need be.
 * *up says whether frames may be sent yet; peer_user.up follows if not.
 * Returns 0 or -ENOSPC.
 */
int peers_want(struct peers *peers, uint16_t peer, uint32_t *link, bool *up);
