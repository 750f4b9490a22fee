/* peer_region.c - a link within one host passes a region at its start. */
#include "core/peer_region.h"
#include "core/peer_link.h"
#include "core/pool.h"

#include <string.h>

/*
 * Creating and mapping may take time, so control does both: the shard asks by
 * the ring and goes on. Until the other end says REGION_READY, images are
 * streamed as they are between hosts.
 */
static void tell_control(struct peers *peers, uint16_t op,
			 const struct peer_region_cell *cell)
{
	shard_tell(peers->shard, SHARD_CONTROL, op, 0, cell, sizeof(*cell));
}

static void drop_memory(struct peers *peers, const struct host_region *memory)
{
	struct peer_region_cell cell = {.memory = *memory};

	if (memory->base)
		tell_control(peers, OP_REGION_DROP, &cell);
}

void peer_region_start(struct peers *peers, struct peer_link *link)
{
	const struct config *config = peers->shard->pool->config;
	struct peer_region_cell cell = {
		.link = peer_index(peers, link),
		.serial = link->serial,
	};

	if (config->peers[link->peer].address.family == ADDR_UNIX)
		tell_control(peers, OP_REGION_MAKE, &cell);
}

void peer_region_frame(struct peers *peers, struct peer_link *link,
		       uint16_t type, const void *payload)
{
	const struct peer_region *region = payload;
	struct peer_region_cell cell = {
		.link = peer_index(peers, link),
		.serial = link->serial,
	};

	if (type == PEER_REGION_READY) {
		if (link->memory.base && link->connector)
			link->region_ready = true;
		return;
	}
	if (link->connector || link->region_asked) {
		peers_drop(peers, cell.link, "offers a region twice");
		return;
	}
	link->region_asked = true;
	memcpy(cell.ticket.path, region->path, sizeof(cell.ticket.path) - 1);
	memcpy(cell.ticket.secret, region->secret, sizeof(cell.ticket.secret));
	tell_control(peers, OP_REGION_TAKE, &cell);
}

void peer_region_lost(struct peers *peers, struct peer_link *link)
{
	drop_memory(peers, &link->memory);
	link->memory = (struct host_region){0};
	link->out = (struct region){0};
	link->in = (struct region){0};
	link->region_ready = false;
	link->region_asked = false;
}

static void made(struct peers *peers, struct peer_link *link,
		 const struct peer_region_cell *cell)
{
	const struct config *config = peers->shard->pool->config;
	struct peer_region region = {0};

	if (region_format(&link->out, cell->memory.base,
			  cell->memory.size_bytes, config->pool.region_slots,
			  config->pool.region_slot_bytes)) {
		drop_memory(peers, &cell->memory);
		return;
	}
	link->memory = cell->memory;
	memcpy(region.path, cell->ticket.path, sizeof(region.path));
	memcpy(region.secret, cell->ticket.secret, sizeof(region.secret));
	peer_send_now(peers, link, PEER_REGION, 0, 0, &region);
}

static void taken(struct peers *peers, struct peer_link *link,
		  const struct peer_region_cell *cell)
{
	if (region_open(&link->in, cell->memory.base,
			cell->memory.size_bytes)) {
		drop_memory(peers, &cell->memory);
		peers_drop(peers, cell->link, "gave a malformed region");
		return;
	}
	link->memory = cell->memory;
	peer_send_now(peers, link, PEER_REGION_READY, 0, 0, NULL);
}

/* On the control shard: does what may take time, and answers. */
static void control_cell(struct peers *peers, const struct ring_cell *question,
			 struct peer_region_cell *cell)
{
	const struct config *config = peers->shard->pool->config;
	struct host *host = peers->shard->host;
	bool make = question->op == OP_REGION_MAKE;

	if (question->op == OP_REGION_DROP) {
		host_region_drop(host, &cell->memory);
		return;
	}
	if (make) {
		cell->err = host_region_create(
			host,
			region_size(config->pool.region_slots,
				    config->pool.region_slot_bytes),
			&cell->memory);
		if (!cell->err) {
			cell->err = host_region_give(host, &cell->memory,
						     &cell->ticket);
			if (cell->err)
				host_region_drop(host, &cell->memory);
		}
	} else {
		cell->err =
			host_region_take(host, &cell->ticket, &cell->memory);
	}
	if (cell->err)
		host_log(host, LOG_WARNING,
			 "no shared region with a peer (%s): images are sent",
			 strerror(-cell->err));
	shard_tell(peers->shard, question->from,
		   make ? OP_REGION_MADE : OP_REGION_TAKEN, 0, cell,
		   sizeof(*cell));
}

void peer_region_cell(struct peers *peers, const struct ring_cell *question)
{
	struct peer_region_cell cell;
	struct peer_link *link;

	memcpy(&cell, question->payload, sizeof(cell));
	if (question->op != OP_REGION_MADE && question->op != OP_REGION_TAKEN) {
		control_cell(peers, question, &cell);
		return;
	}
	link = &peers->links[cell.link];
	if (cell.err)
		return;
	if (link->serial != cell.serial || link->state != PEER_LINK_UP)
		drop_memory(peers, &cell.memory);
	else if (question->op == OP_REGION_MADE)
		made(peers, link, &cell);
	else
		taken(peers, link, &cell);
}
