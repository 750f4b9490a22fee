/* migrate.h - the SPICE side of a move: source and destination. */
#pragma once

#include "core/ops.h"

struct channel;
struct guest;
struct move;
struct peer_answer;
struct peer_offer;
struct service;
struct session;

/*
 * The steps are those of the protocol's description (docs/protocol.md): its
 * pre-migration phase is begin and the destination's links, its post-migration
 * phase freeze, mark, hand_over and token.
 */

/* --- source.c: implements core/service.h ------------------------------- */
void migrate_begin(struct service *service, struct move *move);
void migrate_freeze(struct service *service, struct move *move);
void migrate_hand_over(struct service *service, struct move *move);
void migrate_undo(struct service *service, struct move *move);

/* Main has read CONNECTED (or _SEAMLESS) or CONNECT_ERROR. 0 or -EPROTO. */
int migrate_connected(struct session *session, bool seamless);
int migrate_connect_error(struct session *session);

/* True when the client ends its input to a frozen channel with a mark. */
bool migrate_by_marks(const struct session *session);

/*
 * True when a connection ends because its client is at the destination before
 * COMMIT: with flags that ask for no MIGRATE_DATA it goes on MIGRATE alone.
 */
bool migrate_gone_ahead(const struct session *session,
			const struct channel *channel);

/* A frozen channel's kept input is too much to move: the move is undone now,
 * since the mark behind it all may take long. The channel may be closed then.
 */
void migrate_overflow(struct channel *channel);

/* FLUSH_MARK was read: seals the channel in this very pass. 0 or -EPROTO. */
int migrate_mark(struct channel *channel);

/* --- offer.c: implements core/service.h -------------------------------- */
int64_t migrate_offer(struct service *service, struct move *move,
		      uint8_t *image, size_t cap);

/* How a session would move now, with the reason: for lists and explain. */
enum move_mode migrate_explain(struct session *session, char *reason,
			       size_t reason_cap);

/* --- grant.c: implements core/service.h -------------------------------- */
int migrate_grant(struct service *service, struct move *move,
		  const struct peer_offer *offer, struct peer_answer *answer);

/* --- import.c: implements core/service.h ------------------------------- */
int migrate_import(struct service *service, struct move *move,
		   const uint8_t *image, size_t len);

/* --- destination.c: implements core/service.h -------------------------- */
int migrate_import_end(struct service *service, struct move *move);
void migrate_run(struct service *service, struct move *move);
void migrate_refuse_seamless(struct service *service, struct move *move);
void migrate_revoke(struct service *service, struct move *move);

/* Both roles. */
void migrate_release(struct service *service, struct move *move);

/* A link of an arriving session is complete: it parks. */
void migrate_parked(struct session *session);

/* DO_SEAMLESS on the parked main. 0 or -EPROTO. */
int migrate_do_seamless(struct session *session, uint32_t version);

/* The client's MIGRATE_END on main, after COMMIT. 0 or -EPROTO. */
int migrate_end(struct session *session);

/* The fresh main link that a switch-host was to bring has come. */
void migrate_fresh(struct session *session);

/* MIGRATE_DATA from the client: the token. 0 or -EPROTO. */
int migrate_token(struct channel *channel, const uint8_t *data, uint32_t len);

/* An AWAITED channel without token has said something. */
void migrate_switched(struct channel *channel);

/*
 * A connection of a live session has ended. True when the client may do without
 * that channel and the move goes on: semi-seamless, where it has started over.
 */
bool migrate_done_without(struct session *session, struct channel *channel);

/* --- seal.c: 0 or -errno, and the move cannot go on -------------------- */
int migrate_seal_channel(struct move *move, struct channel *channel);
int migrate_seal_guest(struct move *move, struct session *session,
		       struct guest *guest);
