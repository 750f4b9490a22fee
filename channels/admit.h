/* admit.h - which links may join: keys, tickets, sessions. */
#pragma once

struct linking;
struct service;

/* The link message is here: offers a key, or settles where its session is. */
void admit_identified(struct service *service, struct linking *linking);

/* Opens the ticket: the link becomes a channel, settles, or is refused. The
 * record is gone when it has become one. A private-key operation. */
void admit_ticket(struct service *service, struct linking *linking);

/* A link has come from another shard: goes on where it was. */
void admit_settled(struct service *service, struct linking *linking);
