/* internal.h - what the files of the simulated dataplane share. */
#pragma once

#include "dataplane/sim/prng.h"
#include "dataplane/sim/sim.h"

/*
 * A link is one connection: two ends and a wire each way. A wire carries
 * segments in order; each has a time of arrival. What is on a wire or arrived
 * and not yet read fills its window, and what is read comes back as credit.
 *
 *   dp_send -> wire -> (delay) -> end.arrived -> RECEIVED
 *      ^---------- credit (delay) ----------------'
 *
 * Timed things are items of one heap in the world. An item names a link by
 * index and generation, so an item of a freed link is dropped when it is due.
 */
#define SIM_SEGMENT_BYTES 16384

enum sim_segment_kind {
	SEGMENT_SYN,    /* asks the listener for an end */
	SEGMENT_SYNACK, /* the connect has succeeded */
	SEGMENT_DATA,
	SEGMENT_FIN,
	SEGMENT_RST, /* the end dies of result */
};

struct sim_segment {
	struct sim_segment *next;
	uint64_t arrive_ns;
	int32_t result;
	uint32_t off; /* bytes already read */
	uint32_t len;
	uint8_t kind;
	bool counted; /* fills the window until it is read */
	uint8_t data[];
};

struct sim_queue {
	struct sim_segment *head;
	struct sim_segment *tail;
	uint64_t len_bytes;
};

/* One direction; wire[i] leaves end[i]. */
struct sim_wire {
	struct sim_queue queue;
	uint64_t last_arrive_ns;
	uint64_t stalled_until_ns;
	uint64_t flight_bytes; /* of the window, used */
	uint64_t credit_bytes; /* read, and on the way back */
	uint32_t slow_bytes;   /* a tiny window, 0: not tiny */
	bool deliver_due;      /* an item for its head is in the heap */
	bool credit_due;
	bool finished; /* a FIN is queued */
	bool reset;    /* a RST is queued: nothing follows */
};

enum sim_send_state {
	SEND_NONE,
	SEND_ASKED, /* not yet submitted by a poll */
	SEND_RUNNING,
	SEND_DONE, /* SENT is due */
};

struct sim_send {
	struct span spans[DP_SPANS_MAX];
	uint64_t tag;
	uint64_t hash; /* of the bytes as they were lent */
	uint32_t count;
	uint32_t span; /* the next byte is at off of this span */
	uint32_t off;
	uint32_t len_bytes;
	uint32_t done_bytes;
	uint32_t cap_bytes; /* not beyond this yet */
	uint8_t state;      /* enum sim_send_state */
};

enum sim_end_state {
	END_UNBORN, /* the SYN has not arrived */
	END_OWNED,  /* a dp has it in a slot */
	END_PARCEL, /* between two dps */
	END_GONE,
};

struct sim_end {
	struct sim_link *link;
	struct sim_machine *machine;
	struct sim_dp *dp; /* while owned */
	uint64_t cookie;
	uint64_t parcel; /* number of the parcel it is in */
	struct sim_queue arrived;
	struct sim_send send;
	uint64_t unread_bytes; /* not counted, in arrived */
	uint32_t slot;
	int32_t result; /* when dead */
	uint8_t side;
	uint8_t state; /* enum sim_end_state */
	bool announce; /* ACCEPTED or CONNECTED may be given */
	bool announced;
	bool held;
	bool eof;
	bool eof_given;
	bool shut;
	bool killed;
	bool detaching;
	bool closed; /* on the network: what arrives is answered by a reset */
	bool dead;
	bool quiet; /* died while held, and nobody notices before unhold */
};

struct sim_link {
	struct sim_world *world;
	struct sim_end end[2]; /* 0 connected, 1 accepted */
	struct sim_wire wire[2];
	struct addr addr[2];
	struct sim_path path;
	uint64_t latency_ns; /* by the delay fault */
	uint64_t jitter_ns;
	uint32_t index;
	uint32_t generation;
};

struct sim_slot {
	struct sim_end *end; /* NULL: free */
	uint32_t generation;
	uint32_t next_free; /* index + 1 */
	bool listed;        /* in ready */
	bool asked;         /* in submit */
};

struct sim_view {
	uint8_t *data; /* NULL: free */
	uint32_t len;
	uint32_t next_free;
};

struct sim_dp {
	struct dp dp;
	struct sim_world *world;
	struct sim_machine *machine;
	struct sim_prng prng; /* of dp_random */
	struct sim_slot *slots;
	struct sim_view *views;
	uint32_t *ready;  /* slots that may have an event */
	uint32_t *again;  /* those that have more than one */
	uint32_t *submit; /* slots with a send asked for */
	struct sim_limits limits;
	uint32_t ready_count;
	uint32_t again_count;
	uint32_t submit_count;
	uint32_t slots_free; /* index + 1 */
	uint32_t views_free;
	uint32_t slots_used;
	uint32_t views_used;
	uint32_t id;
	uint64_t wake_ns; /* the noted deadline, NS_NEVER: none */
	bool woken;
	bool parked; /* the last poll gave nothing */
};

struct sim_listener {
	struct sim_dp *dp;
	struct addr addr;
	uint64_t cookie;
};

struct sim_machine {
	struct sim_world *world;
	char name[32];
	struct sim_limits limits;
	uint64_t polls;   /* of all its dps */
	uint32_t id;      /* this life's */
	uint32_t name_id; /* the first life's */
	uint32_t group;
	bool crashed;
};

enum sim_item_kind { ITEM_DELIVER, ITEM_CREDIT, ITEM_PUMP, ITEM_ANNOUNCE };

struct sim_item {
	uint64_t when_ns;
	uint64_t order; /* drawn, among items of one time */
	uint32_t link;
	uint32_t generation;
	uint8_t kind;
	uint8_t side;
};

struct sim_path_entry {
	uint32_t a;
	uint32_t b;
	struct sim_path path;
};

/* An array that grows; the world's own lists. */
struct sim_list {
	void *items;
	uint32_t count;
	uint32_t room;
};

struct sim_region;
struct sim_journal;
struct sim_host;

struct sim_world {
	uint64_t seed;
	uint64_t now_ns;
	uint64_t trace;
	struct sim_prng prng; /* of the faults and the network */
	struct sim_prng picks;
	struct sim_prng hosts;
	struct sim_faults faults;
	bool faults_on;
	uint64_t fault_count[SIM_FAULT_COUNT];
	struct sim_list items;     /* struct sim_item, a heap */
	struct sim_list links;     /* struct sim_link *, NULL: free */
	struct sim_list machines;  /* struct sim_machine * */
	struct sim_list dps;       /* struct sim_dp *, NULL: destroyed */
	struct sim_list listeners; /* struct sim_listener */
	struct sim_list paths;     /* struct sim_path_entry */
	struct sim_region *regions;
	struct sim_journal *journals;
	struct sim_host *host_list;
	uint64_t generations;
	uint64_t parcels;
	uint32_t ports;
	uint32_t region_ids;
};

/* memory.c: memory or an abort; a simulator has no other answer. */
void *sim_take(size_t count, size_t size_bytes);
void *sim_list_add(struct sim_list *list, size_t size_bytes);
void sim_list_fini(struct sim_list *list);
uint64_t sim_hash(uint64_t hash, const void *data, size_t len);

/* time.c: the heap. */
void sim_item_add(struct sim_world *world, uint64_t when_ns,
		  enum sim_item_kind kind, const struct sim_end *end);
bool sim_items_run(struct sim_world *world);

/* faults.c */
bool sim_fault_roll(const struct sim_faults *faults, enum sim_fault fault,
		    struct sim_prng *prng, uint64_t counts[SIM_FAULT_COUNT]);
bool sim_fault_fires(struct sim_world *world, const struct sim_path *path,
		     enum sim_fault fault);
uint64_t sim_draw(struct sim_world *world, uint64_t limit);

/* queue.c: segments in order. */
struct sim_segment *sim_segment_make(enum sim_segment_kind kind, uint32_t len);
void sim_queue_append(struct sim_queue *queue, struct sim_segment *segment);
void sim_queue_prepend(struct sim_queue *queue, struct sim_segment *segment);
struct sim_segment *sim_queue_take(struct sim_queue *queue);
void sim_queue_clear(struct sim_queue *queue);

/* link.c: the network's half of a connection. */
struct sim_link *sim_link_make(struct sim_world *world);
void sim_link_settle(struct sim_link *link);
void sim_link_free(struct sim_link *link);
void sim_link_reset(struct sim_link *link);
void sim_wire_put(struct sim_end *from, struct sim_segment *segment);
void sim_wire_deliver(struct sim_end *from);
void sim_wire_credit(struct sim_end *from);
void sim_end_read(struct sim_end *end, uint32_t len);
void sim_end_pump(struct sim_end *end);
void sim_end_close(struct sim_end *end, bool hard);
void sim_end_vanish(struct sim_end *end);

static inline struct sim_end *sim_end_peer(struct sim_end *end)
{
	return &end->link->end[1 - end->side];
}

static inline struct sim_wire *sim_end_wire(struct sim_end *end)
{
	return &end->link->wire[end->side];
}

/* send.c: the send of an end. */
uint64_t sim_send_hash(const struct sim_send *send);
void sim_send_copy(struct sim_send *send, uint8_t *to, uint32_t len);

/* listen.c */
void sim_listen_arrive(struct sim_end *end);
void sim_listen_drop(struct sim_dp *dp);
int sim_listen(struct dp *dp, const struct addr *addr, uint64_t cookie,
	       struct addr *bound);
int sim_connect(struct dp *dp, const struct addr *addr, uint64_t cookie,
		dp_conn *conn);

/* slots.c: the dp's names of ends, and which of them have events. */
int sim_slot_take(struct sim_dp *dp, struct sim_end *end);
void sim_slot_give(struct sim_end *end);
dp_conn sim_slot_name(const struct sim_end *end);
void sim_slot_touch(struct sim_end *end);
struct sim_end *sim_slot_find(struct dp *dp, dp_conn conn);

/* events.c: what an end has to tell. */
bool sim_end_has_event(const struct sim_end *end);
uint32_t sim_poll(struct dp *dp, struct dp_event *events, uint32_t max,
		  uint64_t deadline_ns);

/* dp.c */
void sim_dp_vanish(struct sim_dp *dp);
void sim_dp_free(struct sim_dp *dp);

/* sim_host.c: what the world keeps for its hosts. */
void sim_host_crash(struct sim_machine *machine);
void sim_host_world_fini(struct sim_world *world);

static inline struct sim_dp *sim_dp_of(struct dp *dp)
{
	return CONTAINER_OF(dp, struct sim_dp, dp);
}

static inline const struct sim_dp *sim_dp_of_const(const struct dp *dp)
{
	return (const struct sim_dp *)(const void *)dp;
}

static inline struct sim_link *sim_link_at(const struct sim_world *world,
					   uint32_t index)
{
	return ((struct sim_link **)world->links.items)[index];
}

static inline struct sim_dp *sim_dp_at(const struct sim_world *world,
				       uint32_t index)
{
	return ((struct sim_dp **)world->dps.items)[index];
}
