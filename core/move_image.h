/* move_image.h - the source's images on their way. */
#pragma once

#include "core/image.h"

struct move;

/* An image in its portable encoding, on its way at once. 0 or -errno
 * (then the caller calls move_fail). */
int move_image(struct move *move, const struct field_table *table,
	       enum image_kind kind, const void *from);

/* Slots that the destination has not claimed and now never will. */
void move_image_take_back(struct move *move);
