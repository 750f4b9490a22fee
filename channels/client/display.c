/* display.c - surfaces, and the picture of surface 0 when it is wanted. */
#include "channels/client/internal.h"

#include <stdlib.h>
#include <string.h>

static struct client_surface *surface_find(struct client *client, uint32_t id)
{
	for (uint32_t i = 0; i < CLIENT_SURFACES_MAX; i++) {
		struct client_surface *surface = &client->surfaces[i];

		if (surface->used && surface->id == id)
			return surface;
	}
	return NULL;
}

static struct client_surface *surface_take(struct client *client)
{
	for (uint32_t i = 0; i < CLIENT_SURFACES_MAX; i++) {
		if (!client->surfaces[i].used)
			return &client->surfaces[i];
	}
	return NULL;
}

static void pixels_drop(struct client *client)
{
	free(client->pixels);
	client->pixels = NULL;
	client->pixels_width = 0;
	client->pixels_height = 0;
}

static void pixels_make(struct client *client, uint32_t width, uint32_t height)
{
	/* A primary surface of the same size is used again, as it is. */
	if (client->pixels && client->pixels_width == width &&
	    client->pixels_height == height)
		return;
	pixels_drop(client);
	client->pixels = calloc((size_t)width * height, sizeof(uint32_t));
	if (!client->pixels)
		return;
	client->pixels_width = width;
	client->pixels_height = height;
}

/* Semi-seamless keeps the primary surface, a new host nothing. */
void client_display_reset(struct client *client, bool all)
{
	for (uint32_t i = 0; i < CLIENT_SURFACES_MAX; i++) {
		struct client_surface *surface = &client->surfaces[i];

		if (all || surface->id != 0)
			*surface = (struct client_surface){0};
		surface->stale = true;
	}
	client->paint.plain = false;
	if (all)
		pixels_drop(client);
}

static void surface_create(struct client *client,
			   struct client_channel *channel, struct span body)
{
	struct msg_display_surface_create create;
	struct client_surface *surface;

	if (!client_decode(client, channel, SPICE_MSG_DISPLAY_SURFACE_CREATE,
			   body, &create))
		return;
	surface = surface_find(client, create.surface_id);
	if (surface && !surface->stale)
		client_violate(client, &client->violations.surface, channel,
			       "SURFACE_CREATE of a surface that exists");
	if (!surface)
		surface = surface_take(client);
	if (!surface) {
		client_violate(client, &client->violations.surface, channel,
			       "more surfaces than this client keeps");
		return;
	}
	*surface = (struct client_surface){.used = true,
					   .id = create.surface_id,
					   .width = create.width,
					   .height = create.height};
	if (create.surface_id == 0 && client->options.framebuffer)
		pixels_make(client, create.width, create.height);
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_SURFACE,
					  .value = create.surface_id,
					  .rect = {0, 0, (int32_t)create.height,
						   (int32_t)create.width}});
}

static void surface_destroy(struct client *client,
			    struct client_channel *channel, struct span body)
{
	struct msg_display_surface_destroy destroy;
	struct client_surface *surface;

	if (!client_decode(client, channel, SPICE_MSG_DISPLAY_SURFACE_DESTROY,
			   body, &destroy))
		return;
	surface = surface_find(client, destroy.surface_id);
	if (!surface) {
		client_violate(client, &client->violations.surface, channel,
			       "SURFACE_DESTROY of no surface");
		return;
	}
	*surface = (struct client_surface){0};
	if (destroy.surface_id == 0)
		pixels_drop(client);
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_SURFACE,
					  .value = destroy.surface_id});
}

static bool rect_fits(const struct client_surface *surface,
		      const struct client_rect *rect)
{
	return rect->top >= 0 && rect->left >= 0 && rect->top < rect->bottom &&
	       rect->left < rect->right &&
	       (uint32_t)rect->bottom <= surface->height &&
	       (uint32_t)rect->right <= surface->width;
}

/* False: the surface or the place is none. */
static bool draw_check(struct client *client,
		       const struct client_channel *channel, uint32_t id,
		       const struct client_rect *rect)
{
	const struct client_surface *surface = surface_find(client, id);

	if (!surface || surface->stale) {
		client_violate(client, &client->violations.draw, channel,
			       "a draw before its surface");
		return false;
	}
	if (rect_fits(surface, rect))
		return true;
	client_violate(client, &client->violations.draw, channel,
		       "a draw outside of its surface");
	return false;
}

void client_paint_begin(struct client *client,
			const struct client_channel *channel, struct span head,
			uint32_t total)
{
	struct client_paint *paint = &client->paint;
	struct msg_display_draw_copy draw;

	paint->plain = false;
	paint->surface_id = 0;
	paint->rect = (struct client_rect){0};
	if (field_decode(&msg_display_draw_copy_fields, &draw, head.data,
			 head.len, NULL) == 0)
		draw.rows.len = total - head.len;
	else
		draw = (struct msg_display_draw_copy){0};
	if (!msg_display_draw_copy_is_plain(&draw))
		return;
	paint->surface_id = draw.surface_id;
	paint->rect = (struct client_rect){draw.top, draw.left, draw.bottom,
					   draw.right};
	paint->stride_bytes = draw.stride_bytes;
	paint->plain =
		draw_check(client, channel, draw.surface_id, &paint->rect) &&
		draw.stride_bytes > 0;
}

void client_paint_rows(struct client *client, uint32_t offset,
		       const uint8_t *bytes, uint32_t len)
{
	const struct client_paint *paint = &client->paint;
	uint32_t width = client->pixels_width;

	if (!paint->plain || !client->pixels || paint->surface_id != 0 ||
	    (uint32_t)paint->rect.right > width ||
	    (uint32_t)paint->rect.bottom > client->pixels_height)
		return;
	while (len > 0) {
		uint32_t row = offset / paint->stride_bytes;
		uint32_t column = offset % paint->stride_bytes;
		uint32_t part = min_u32(len, paint->stride_bytes - column);
		size_t at = (size_t)((uint32_t)paint->rect.top + row) * width +
			    (uint32_t)paint->rect.left;
		uint8_t *to = (uint8_t *)client->pixels + 4 * at + column;

		memcpy(to, bytes, part);
		bytes += part;
		offset += part;
		len -= part;
	}
}

void client_paint_end(struct client *client,
		      const struct client_channel *channel)
{
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_DRAW,
					  .value = client->paint.surface_id,
					  .rect = client->paint.rect});
	client->paint.plain = false;
}

static void copy_rows(struct client *client,
		      const struct msg_display_copy_bits *copy)
{
	size_t width = client->pixels_width;
	size_t len = (size_t)(copy->right - copy->left) * 4;
	int32_t count = copy->bottom - copy->top;
	bool down = copy->source_y >= copy->top;

	if (!client->pixels || copy->surface_id != 0)
		return;
	/* Rows that overlap are copied away from where they go to. */
	for (int32_t i = 0; i < count; i++) {
		int32_t row = down ? i : count - 1 - i;
		uint32_t *to = client->pixels +
			       (size_t)(copy->top + row) * width + copy->left;
		uint32_t *from = client->pixels +
				 (size_t)(copy->source_y + row) * width +
				 copy->source_x;

		memmove(to, from, len);
	}
}

static void copy_bits(struct client *client, struct client_channel *channel,
		      struct span body)
{
	struct msg_display_copy_bits copy;
	struct client_rect to;
	struct client_rect from;

	if (!client_decode(client, channel, SPICE_MSG_DISPLAY_COPY_BITS, body,
			   &copy))
		return;
	to = (struct client_rect){copy.top, copy.left, copy.bottom, copy.right};
	if (!draw_check(client, channel, copy.surface_id, &to))
		return;
	/* The box fits, so these cannot overflow once the point does. */
	if (copy.source_x < 0 || copy.source_y < 0 ||
	    copy.source_x > WIRE_SIDE_MAX || copy.source_y > WIRE_SIDE_MAX)
		from = (struct client_rect){0};
	else
		from = (struct client_rect){
			copy.source_y, copy.source_x,
			copy.source_y + (copy.bottom - copy.top),
			copy.source_x + (copy.right - copy.left)};
	if (!draw_check(client, channel, copy.surface_id, &from))
		return;
	copy_rows(client, &copy);
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_DRAW,
					  .value = copy.surface_id,
					  .rect = to});
}

void client_display_handle(struct client *client,
			   struct client_channel *channel, uint16_t type,
			   struct span body)
{
	switch (type) {
	case SPICE_MSG_DISPLAY_SURFACE_CREATE:
		surface_create(client, channel, body);
		break;
	case SPICE_MSG_DISPLAY_SURFACE_DESTROY:
		surface_destroy(client, channel, body);
		break;
	case SPICE_MSG_DISPLAY_COPY_BITS:
		copy_bits(client, channel, body);
		break;
	case SPICE_MSG_DISPLAY_MARK:
		client_tell(client, channel,
			    (struct client_event){.kind = CLIENT_MARK});
		break;
	default:
		break;
	}
}
