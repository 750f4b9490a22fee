/* kept.c - bytes kept for a connection that is held, or travels. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Pieces come from the process's heap, because a parcel takes them to another
 * dp on another thread. What is kept is bounded: what completes after a hold
 * lies in receive buffers already, and unread has a limit of its own.
 */

static struct piece *piece_create(const uint8_t *data, uint32_t len)
{
	struct piece *piece = malloc(sizeof(*piece) + len);

	if (!piece)
		return NULL;
	piece->next = NULL;
	piece->link = NULL;
	piece->len = len;
	memcpy(piece->data, data, len);
	return piece;
}

static void pieces_free(struct piece *piece)
{
	while (piece) {
		struct piece *next = piece->next;
		free(piece);
		piece = next;
	}
}

/* A chain of pieces, none longer than a view may be. */
static int chain_create(uint32_t piece_max, const uint8_t *data, uint32_t len,
			struct kept *chain)
{
	*chain = (struct kept){0};
	while (len > 0) {
		uint32_t part = min_u32(len, piece_max);
		struct piece *piece = piece_create(data, part);
		if (!piece) {
			pieces_free(chain->head);
			return -ENOMEM;
		}
		if (chain->tail)
			chain->tail->next = piece;
		else
			chain->head = piece;
		chain->tail = piece;
		data += part;
		len -= part;
	}
	return 0;
}

int kept_append(struct uring_dp *u, struct kept *kept, const uint8_t *data,
		uint32_t len)
{
	struct kept chain;
	int error = chain_create(u->config.buffer_bytes, data, len, &chain);

	if (error < 0 || !chain.head)
		return error;
	if (kept->tail)
		kept->tail->next = chain.head;
	else
		kept->head = chain.head;
	kept->tail = chain.tail;
	u->kept_bytes += len;
	u->stats.copied_bytes += len;
	return 0;
}

int kept_prepend(struct uring_dp *u, struct kept *kept, const uint8_t *data,
		 uint32_t len)
{
	struct kept chain;
	int error = chain_create(u->config.buffer_bytes, data, len, &chain);

	if (error < 0 || !chain.head)
		return error;
	chain.tail->next = kept->head;
	kept->head = chain.head;
	if (!kept->tail)
		kept->tail = chain.tail;
	u->kept_bytes += len;
	u->stats.copied_bytes += len;
	return 0;
}

struct piece *kept_take(struct uring_dp *u, struct kept *kept)
{
	struct piece *piece = kept->head;

	if (!piece)
		return NULL;
	kept->head = piece->next;
	if (!kept->head)
		kept->tail = NULL;
	piece->next = NULL;
	u->kept_bytes -= piece->len;
	return piece;
}

void kept_clear(struct uring_dp *u, struct kept *kept)
{
	for (const struct piece *p = kept->head; p; p = p->next)
		u->kept_bytes -= p->len;
	pieces_free(kept->head);
	*kept = (struct kept){0};
}

/* A parcel's chain: counted by nobody while it travels. */
struct piece *kept_export(struct uring_dp *u, struct kept *kept)
{
	struct piece *head = kept->head;

	for (const struct piece *p = head; p; p = p->next)
		u->kept_bytes -= p->len;
	*kept = (struct kept){0};
	return head;
}

void kept_import(struct uring_dp *u, struct kept *kept, struct piece *head)
{
	*kept = (struct kept){.head = head};
	for (struct piece *p = head; p; p = p->next) {
		u->kept_bytes += p->len;
		kept->tail = p;
	}
}

void kept_discard(struct piece *head)
{
	pieces_free(head);
}

void piece_lend(struct uring_dp *u, struct piece *piece)
{
	piece->next = u->lent;
	piece->link = &u->lent;
	if (u->lent)
		u->lent->link = &piece->next;
	u->lent = piece;
}

void piece_take_back(const struct dp_view *view)
{
	union {
		const uint8_t *view;
		uint8_t *own;
	} data = {.view = view->data};
	struct piece *piece = (void *)(data.own - offsetof(struct piece, data));

	ASSERT(piece->link && *piece->link == piece,
	       "a view is recycled once, as it was lent");
	*piece->link = piece->next;
	if (piece->next)
		piece->next->link = piece->link;
	free(piece);
}
