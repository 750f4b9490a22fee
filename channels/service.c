/* service.c - a shard's guests, sessions and channels: who holds which. */
#include "channels/service.h"
#include "channels/guest/guest.h"
#include "core/tickets.h"

#include <stdio.h>
#include <string.h>

/* A name that has died is no crash and no surprise, but it is counted. */
static void *look_up(struct service *service, struct slab *slab, handle name)
{
	void *record = name ? slab_get(slab, name) : NULL;

	if (name && !record)
		stats_add(&service->shard->stats, STAT_stale_handles, 1);
	return record;
}

struct guest *service_guest(struct service *service, handle name)
{
	return look_up(service, &service->guests, name);
}

struct session *service_session(struct service *service, handle name)
{
	return look_up(service, &service->sessions, name);
}

struct channel *service_channel(struct service *service, handle name)
{
	return look_up(service, &service->channels, name);
}

void service_arm_linking(struct service *service, uint32_t index,
			 uint64_t deadline_ns)
{
	shard_arm(service->shard, PART_SERVICE, index, deadline_ns);
}

void service_arm_session(struct service *service, uint32_t index,
			 uint64_t deadline_ns)
{
	shard_arm(service->shard, PART_SERVICE,
		  service->linkings.capacity + index, deadline_ns);
}

void service_arm_guest(struct service *service, uint32_t index,
		       uint64_t deadline_ns)
{
	shard_arm(service->shard, PART_SERVICE,
		  service->linkings.capacity + service->sessions.capacity +
			  index,
		  deadline_ns);
}

void service_expire_keys(struct service *service)
{
	uint64_t next_ns =
		ticket_keys_expire(&service->keys, service->shard->now_ns);

	shard_arm(service->shard, PART_SERVICE,
		  service->linkings.capacity + service->sessions.capacity +
			  service->guests.capacity,
		  next_ns);
}

int service_lend_key(struct service *service, uint32_t *id, const uint8_t **der)
{
	int err = ticket_keys_lend(&service->keys, service->shard->now_ns, id,
				   der);

	if (err)
		stats_add(&service->shard->stats, STAT_keys_starved, 1);
	service_expire_keys(service);
	return err;
}

void service_return_key(struct service *service, uint32_t id)
{
	ticket_keys_return(&service->keys, id);
	service_expire_keys(service);
}

void guest_timer(struct guest *guest, uint64_t deadline_ns)
{
	service_arm_guest(guest->service, handle_index(guest->self),
			  deadline_ns);
}

struct guest *service_new_guest(struct service *service,
				const struct guest_ops *ops, const char *name,
				const uint8_t ticket_hash[16])
{
	struct pool *pool = service->shard->pool;
	size_t room = sizeof(struct guest) + ops->state_bytes;
	struct guest *guest;
	handle self;

	ASSERT(room <= service->guests.stride_bytes,
	       "the slab was made for the largest driver");
	guest = slab_take(&service->guests, &self);
	if (!guest)
		return NULL;
	guest->ops = ops;
	guest->service = service;
	guest->self = self;
	guest->driver = guest + 1;
	guest->now_ns = service->shard->now_ns;
	snprintf(guest->name, sizeof(guest->name), "%s", name);
	memcpy(guest->ticket_hash, ticket_hash, sizeof(guest->ticket_hash));
	if (idtable_add(&pool->guests, pool_guest_key(pool, name), self)) {
		slab_give(&service->guests, self);
		return NULL;
	}
	if (idtable_add(&pool->tickets, ticket_key(ticket_hash), self)) {
		idtable_drop(&pool->guests, pool_guest_key(pool, name), self);
		slab_give(&service->guests, self);
		return NULL;
	}
	return guest;
}

void service_drop_guest(struct service *service, struct guest *guest)
{
	struct pool *pool = service->shard->pool;

	guest->ops->close(guest);
	service_arm_guest(service, handle_index(guest->self), NS_NEVER);
	idtable_drop(&pool->guests, pool_guest_key(pool, guest->name),
		     guest->self);
	idtable_drop(&pool->tickets, ticket_key(guest->ticket_hash),
		     guest->self);
	slab_give(&service->guests, guest->self);
}
