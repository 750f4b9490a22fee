/* move_image.c - the source's images on their way: by a region, or as bytes. */
#include "core/move_image.h"
#include "core/image.h"
#include "core/move_record.h"
#include "core/peer_link.h"
#include "core/plant.h"
#include "core/pool.h"

#include <errno.h>

int move_image(struct move *move, const struct field_table *table,
	       enum image_kind kind, const void *from)
{
	struct moves *moves = move->moves;
	struct peer_link *link = &moves->peers->links[move->link];
	struct peer_image image;
	uint32_t slot;
	uint8_t *room;
	int64_t len;

	if (move->images == MOVE_IMAGES_MAX)
		return -ENOBUFS;
	if (link->region_ready &&
	    !region_fill(&link->out, move->id, &slot, &room)) {
		struct peer_image_slot frame = {.slot = slot};

		len = image_encode(table, kind, IMAGE_PORTABLE, from, room,
				   link->out.slot_bytes);
		region_seal(&link->out, slot, len < 0 ? 0 : (uint32_t)len);
		if (len >= 0) {
			move->slot[move->slot_count++] = slot;
			move->images++;
			stats_add(&moves->shard->stats, STAT_images_sealed, 1);
			return peers_send(moves->peers, move->link,
					  PEER_IMAGE_SLOT, move->id,
					  move->epoch, &frame);
		}
		region_take_back(&link->out, slot);
	}
	len = image_encode(table, kind, IMAGE_PORTABLE, from, moves->scratch,
			   PEER_FRAME_BYTES_MAX);
	if (len < 0)
		return (int)len;
	image.bytes = (struct span){moves->scratch, (uint32_t)len};
	move->images++;
	stats_add(&moves->shard->stats, STAT_images_sealed, 1);
	return peers_send(moves->peers, move->link, PEER_IMAGE, move->id,
			  move->epoch, &image);
}

/* Slots that the destination has not claimed and now never will. */
void move_image_take_back(struct move *move)
{
	struct peer_link *link;

	if (move->link == PEER_LINK_NONE ||
	    plant_is(move->moves->shard->pool, PLANT_keep_slots))
		return;
	link = &move->moves->peers->links[move->link];
	for (uint32_t i = 0; i < move->slot_count && link->out.base; i++)
		region_take_back(&link->out, move->slot[i]);
	move->slot_count = 0;
}
