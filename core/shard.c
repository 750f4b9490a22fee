/* shard.c - the pass: poll, act, drain the ring, advance the wheel, flush. */
#include "core/shard.h"
#include "core/pool.h"

#include <errno.h>
#include <string.h>

#define CELLS_PER_PASS  256
#define TIMERS_PER_PASS 128

/* Without anything due an idle shard still looks around this often. */
#define WAIT_MAX_NS (NS_PER_S)

/* With a front that cannot wait: a sleep is at least so long, and lasts at
 * most a quarter of the time that the shard has been idle. */
#define REST_MIN_NS (20 * NS_PER_US)
#define REST_SHARE  4

int shard_init(struct shard *shard, uint8_t index, struct pool *pool,
	       struct host *host, struct dp *front, struct dp *local,
	       const struct shard_limits *limits)
{
	struct dp_caps caps = {0};
	int err;

	if (front && front != local) {
		ASSERT(front->tag != local->tag, "two dps have two tags");
		dp_caps(front, &caps);
	}
	*shard = (struct shard){
		.index = index,
		.pool = pool,
		.host = host,
		.front = front,
		.local = local,
		.spin_ns = limits->spin_ns,
		.idle_ns = caps.idle_ns,
		.now_ns = dp_now(local),
	};
	err = arena_init(&shard->arena, limits->arena_bytes);
	if (err)
		return err;
	err = chunk_pool_init(&shard->chunks, &shard->arena, limits->chunks);
	if (!err)
		err = wheel_init(&shard->wheel, &shard->arena, limits->timers,
				 shard->now_ns);
	if (!err)
		err = ring_init(&shard->inbox, &shard->arena,
				limits->ring_cells);
	if (err)
		shard_fini(shard);
	return err;
}

void shard_fini(struct shard *shard)
{
	arena_fini(&shard->arena);
	memset(shard, 0, sizeof(*shard));
}

int shard_add_part(struct shard *shard, enum part_id id,
		   const struct part *part, uint32_t timer_count)
{
	uint32_t base = 0;

	for (uint32_t i = 0; i < PART_MAX; i++)
		base = max_u32(base, shard->parts[i].timer_base +
					     shard->parts[i].timer_count);
	if (timer_count > shard->wheel.capacity - base)
		return -ENOSPC;
	shard->parts[id] = *part;
	shard->parts[id].timer_base = base;
	shard->parts[id].timer_count = timer_count;
	return 0;
}

static const struct part *part_of(const struct shard *shard, uint32_t id)
{
	ASSERT(id < PART_MAX && shard->parts[id].self,
	       "events, cells and timers belong to a part that was added");
	return &shard->parts[id];
}

static uint32_t handle_events(struct shard *shard, struct dp *dp,
			      const struct dp_event *events, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct dp_event *event = &events[i];
		const struct part *part =
			part_of(shard, (uint32_t)(event->cookie >> 56));

		part->event(part->self, dp, event);
		if (event->kind == DP_RECEIVED)
			dp_recycle(dp, &event->view);
	}
	stats_add(&shard->stats, STAT_events, count);
	return count;
}

static uint32_t handle_cells(struct shard *shard)
{
	struct ring_cell cell;
	uint32_t count = 0;

	while (count < CELLS_PER_PASS && ring_pop(&shard->inbox, &cell)) {
		const struct part *part = part_of(shard, cell.op >> 8);

		part->cell(part->self, &cell);
		count++;
	}
	return count;
}

static uint32_t handle_timers(struct shard *shard)
{
	uint32_t due[TIMERS_PER_PASS];
	uint32_t count = wheel_advance(&shard->wheel, shard->now_ns, due,
				       TIMERS_PER_PASS);

	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t id = 0; id < PART_MAX; id++) {
			const struct part *part = &shard->parts[id];

			if (due[i] - part->timer_base < part->timer_count) {
				part->timer(part->self,
					    due[i] - part->timer_base);
				break;
			}
		}
	}
	return count;
}

/* How long to sleep when the front could have work any time. */
static uint64_t rest_ns(const struct shard *shard)
{
	uint64_t idle_ns = shard->now_ns - shard->busy_until_ns;

	return min_u64(max_u64(idle_ns / REST_SHARE, REST_MIN_NS),
		       shard->idle_ns);
}

/*
 * Says that the shard will block before it looks at the inbox a last time;
 * shard_tell pushes before it looks at asleep. So one of the two sees the
 * other, and no message waits for the deadline.
 */
static uint64_t wait_deadline(struct shard *shard, bool may_wait)
{
	if (!may_wait || shard->again || shard->now_ns < shard->busy_until_ns)
		return 0;
	atomic_store(&shard->asleep, 1);
	if (!ring_empty(&shard->inbox)) {
		atomic_store(&shard->asleep, 0);
		return 0;
	}
	return min_u64(wheel_next(&shard->wheel),
		       shard->now_ns +
			       (shard->idle_ns ? rest_ns(shard) : WAIT_MAX_NS));
}

uint32_t shard_pass(struct shard *shard, bool may_wait)
{
	struct dp_event events[DP_EVENTS_MAX];
	bool two = shard->front && shard->front != shard->local;
	uint64_t deadline_ns;
	uint32_t work = shard->again;
	uint32_t count;

	shard->now_ns = dp_now(shard->local);
	if (two) {
		count = dp_poll(shard->front, events, DP_EVENTS_MAX, 0);
		work += handle_events(shard, shard->front, events, count);
	}
	deadline_ns = work ? 0 : wait_deadline(shard, may_wait);
	shard->again = false;
	count = dp_poll(shard->local, events, DP_EVENTS_MAX, deadline_ns);
	if (deadline_ns) {
		atomic_store(&shard->asleep, 0);
		shard->now_ns = dp_now(shard->local);
	}
	work += handle_events(shard, shard->local, events, count);
	work += handle_cells(shard);
	work += handle_timers(shard);
	for (uint32_t id = 0; id < PART_MAX; id++) {
		if (shard->parts[id].flush)
			shard->parts[id].flush(shard->parts[id].self);
	}
	if (work)
		shard->busy_until_ns = shard->now_ns + shard->spin_ns;
	stats_add(&shard->stats, STAT_passes, 1);
	if (!work)
		stats_add(&shard->stats, STAT_passes_idle, 1);
	return work;
}

void shard_again(struct shard *shard)
{
	shard->again = true;
}

bool shard_has_cells(const struct shard *shard)
{
	return shard->again || !ring_empty(&shard->inbox);
}

void shard_arm(struct shard *shard, enum part_id id, uint32_t index,
	       uint64_t deadline_ns)
{
	const struct part *part = part_of(shard, id);

	ASSERT(index < part->timer_count, "a part's timers are its own");
	if (deadline_ns == NS_NEVER)
		wheel_disarm(&shard->wheel, part->timer_base + index);
	else
		wheel_arm(&shard->wheel, part->timer_base + index, deadline_ns);
}

void shard_disarm(struct shard *shard, enum part_id id, uint32_t index)
{
	shard_arm(shard, id, index, NS_NEVER);
}

int shard_tell(struct shard *from, uint8_t to, uint16_t op, uint64_t tag,
	       const void *payload, uint32_t len)
{
	struct shard *target = pool_shard(from->pool, to);
	int err;

	ASSERT(len <= RING_PAYLOAD_BYTES, "a ring cell's payload is bounded");
	if (!target)
		return -ENOBUFS;
	err = ring_push(&target->inbox, op, from->index, tag, payload,
			(uint8_t)len);
	if (err) {
		stats_add(&from->stats, STAT_ring_full, 1);
		return err;
	}
	if (atomic_load(&target->asleep))
		dp_wake(target->local);
	return 0;
}
