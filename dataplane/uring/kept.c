/* kept.c - bytes kept for a connection that is held, or travels. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <string.h>

static struct piece *piece_fill(const struct uring_dp *u, uint32_t buffer,
				uint32_t len)
{
	struct piece *piece = buffers_piece(u, buffer);

	*piece = (struct piece){
		.home = u->buffers.home,
		.len = len,
		.id = buffer,
	};
	return piece;
}

static void kept_push(struct kept *kept, struct piece *piece)
{
	if (kept->tail)
		kept->tail->next = piece;
	else
		kept->head = piece;
	kept->tail = piece;
}

/* The bytes stay where they were received. */
void kept_append(struct uring_dp *u, struct kept *kept, uint32_t buffer,
		 uint32_t len)
{
	kept_push(kept, piece_fill(u, buffer, len));
	u->kept_bytes += len;
}

/* All of it or nothing: -ENOBUFS. */
int kept_prepend(struct uring_dp *u, struct kept *kept, const uint8_t *data,
		 uint32_t len)
{
	uint32_t piece_max = u->config.buffer_bytes;
	uint32_t count = len / piece_max + (len % piece_max != 0);
	struct kept chain = {0};

	if (count > buffers_spare(u))
		return -ENOBUFS;
	for (uint32_t used = 0; used < len; used += piece_max) {
		uint32_t part = min_u32(len - used, piece_max);
		struct piece *piece =
			piece_fill(u, buffers_take_spare(u), part);
		memcpy(piece->data, data + used, part);
		kept_push(&chain, piece);
	}
	if (!chain.head)
		return 0;
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
	struct piece *piece;

	while ((piece = kept_take(u, kept)) != NULL)
		piece_drop(u, piece);
}

/* A parcel's chain: its bytes are counted by nobody while it travels. */
struct piece *kept_export(struct uring_dp *u, struct kept *kept)
{
	struct piece *head = kept->head;

	for (const struct piece *p = head; p; p = p->next) {
		piece_depart(u, p);
		u->kept_bytes -= p->len;
	}
	*kept = (struct kept){0};
	return head;
}

void kept_import(struct uring_dp *u, struct kept *kept, struct piece *head)
{
	*kept = (struct kept){.head = head};
	for (struct piece *p = head; p; p = p->next) {
		piece_arrive(u, p);
		u->kept_bytes += p->len;
		kept->tail = p;
	}
}

void kept_discard(struct uring_dp *u, struct piece *head)
{
	struct kept kept;

	kept_import(u, &kept, head);
	kept_clear(u, &kept);
}
