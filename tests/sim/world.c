/* world.c - the daemons of a simulation, and who passes next. */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many passes at one time are no progress any more. */
#define IDLE_PASSES_MAX 2000000

void world_fail(struct world *world, const char *format, ...)
{
	va_list args;

	if (world->failed)
		return;
	world->failed = true;
	va_start(args, format);
	vsnprintf(world->failure, sizeof(world->failure), format, args);
	va_end(args);
	world_say(world, "FAILED: %s", world->failure);
}

void world_say(struct world *world, const char *format, ...)
{
	va_list args;

	if (!world->wish.verbose)
		return;
	printf("%10.3f ms  ", (double)world_now(world) / 1e6);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

uint64_t world_now(const struct world *world)
{
	return sim_world_now(world->sim);
}

void world_door_host(uint32_t daemon, char text[16])
{
	snprintf(text, 16, "10.0.0.%u", daemon + 1);
}

static void parse(struct addr *addr, const char *text)
{
	ASSERT(!addr_parse(addr, text), "the world's addresses are right");
}

static void peer_address(const struct world *world, uint32_t daemon,
			 struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	if (world->wish.one_host)
		snprintf(text, sizeof(text), "unix:/sim/%u/peers", daemon);
	else
		snprintf(text, sizeof(text), "10.0.0.%u:5800", daemon + 1);
	parse(addr, text);
}

static void set_door(struct config *config, uint32_t daemon)
{
	struct config_door *door = &config->doors[0];
	char text[ADDR_TEXT_MAX];

	*door = (struct config_door){.name = "main"};
	snprintf(text, sizeof(text), "10.0.0.%u:%u", daemon + 1,
		 WORLD_DOOR_PORT);
	parse(&door->listen, text);
	world_door_host(daemon, door->advertise_host);
	door->advertise_port = WORLD_DOOR_PORT;
	config->door_count = 1;
}

static void set_peers(struct world *world, struct config *config,
		      uint32_t daemon)
{
	peer_address(world, daemon, &config->peers_listen);
	config->peer_count = 0;
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		struct config_peer *peer = &config->peers[config->peer_count];

		if (i == daemon)
			continue;
		snprintf(peer->name, sizeof(peer->name), "%c", 'a' + i);
		peer_address(world, i, &peer->address);
		config->peer_count++;
	}
}

static void make_config(struct world *world, struct world_daemon *daemon)
{
	struct config *config = &daemon->config;
	char text[ADDR_TEXT_MAX];

	config_default(config, "/sim");
	snprintf(config->name, sizeof(config->name), "%c", 'a' + daemon->index);
	config->node = daemon->index + 1;
	snprintf(text, sizeof(text), "unix:/sim/%u/control", daemon->index);
	parse(&config->control, text);
	set_door(config, daemon->index);
	set_peers(world, config, daemon->index);
	config->pool = (struct config_pool){
		.shards = world->wish.shards,
		.sessions = 16,
		.chunks = 1024,
		.region_slots = 64,
		.region_slot_bytes = 65536,
	};
	config->move = (struct config_move){
		.connect_ms = 5000,
		.freeze_ms = 2000,
		.drain_ms = 2000,
		.parallel = 4,
	};
	config->guest_demo = (struct config_guest_demo){
		/* What ran on a host that died has died with it. */
		.count =
			daemon->index || daemon->lives ? 0 : world->wish.guests,
		.prefix = "vm",
		.width = 96,
		.height = 64,
		.fps = 20,
		.pulse_hz = 200,
		.first_pulse_hz = 200,
	};
	if (world->wish.configure)
		world->wish.configure(world, daemon->index, config);
}

static void on_trap(void *arg, const char *state)
{
	struct world_daemon *daemon = arg;

	if (daemon->trap_count == WORLD_TRAPS)
		return;
	snprintf(daemon->traps[daemon->trap_count++], sizeof(daemon->traps[0]),
		 "%s", state);
}

static uint32_t group_of(const struct world *world, uint32_t daemon)
{
	return world->wish.one_host ? 1 : daemon + 1;
}

void world_start(struct world *world, uint32_t index)
{
	struct world_daemon *daemon = &world->daemons[index];
	struct daemon_wish wish = {.config = &daemon->config};
	char name[2] = {(char)('a' + index), 0};
	int err = 0;

	make_config(world, daemon);
	daemon->machine = sim_machine_create(world->sim, name);
	sim_machine_set_group(daemon->machine, group_of(world, index));
	daemon->host = sim_host_create(daemon->machine);
	sim_host_set_trap(daemon->host, on_trap, daemon);
	sim_host_set_torn(daemon->host, world->wish.torn_journal);
	for (uint32_t i = 0; i < world->wish.shards && !err; i++)
		err = sim_dp_create(world->sim, daemon->machine,
				    &daemon->dps[i]);
	if (!err)
		err = sim_dp_create(world->sim, daemon->machine,
				    &daemon->control_dp);
	ASSERT(!err, "a new machine takes dps");
	wish.host = daemon->host;
	wish.shard_dps = daemon->dps;
	wish.control_dp = daemon->control_dp;
	memcpy(wish.secret, world->secret, sizeof(wish.secret));
	err = daemon_create(&wish, &daemon->daemon);
	if (err) {
		world_print_logs(world);
		world_fail(world, "daemon %s does not start: %s", name,
			   strerror(-err));
		return;
	}
	daemon->lives++;
	daemon->alive = true;
	daemon->trap_count = 0;
	memset(daemon->busy, 0, sizeof(daemon->busy));
	console_init(&daemon->console, world, index);
	world_say(world, "%s: starts, life %u", name, daemon->lives);
}

static void tear_down(struct world_daemon *daemon)
{
	if (daemon->daemon)
		daemon_destroy(daemon->daemon);
	daemon->daemon = NULL;
	if (daemon->host)
		sim_host_destroy(daemon->host);
	daemon->host = NULL;
	daemon->alive = false;
}

void world_crash(struct world *world, uint32_t index)
{
	struct world_daemon *daemon = &world->daemons[index];

	if (!daemon->alive)
		return;
	world_say(world, "%c: crashes", 'a' + index);
	if (world->wish.verbose)
		sim_host_log_print(daemon->host, stdout);
	sim_machine_crash(daemon->machine);
	sim_machine_crash(daemon->console.machine);
	tear_down(daemon);
}

void world_init(struct world *world, const struct world_wish *wish)
{
	memset(world, 0, sizeof(*world));
	world->wish = *wish;
	world->strict = true;
	world->random.state = wish->seed * 0x2545f4914f6cdd1d;
	world->sim = sim_world_create(wish->seed);
	for (size_t i = 0; i < sizeof(world->secret); i++)
		world->secret[i] = (uint8_t)seeded_word(&world->random);
	for (uint32_t i = 0; i < wish->daemons; i++) {
		world->daemons[i].world = world;
		world->daemons[i].index = i;
		world_start(world, i);
	}
}

void world_fini(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.daemons; i++)
		tear_down(&world->daemons[i]);
	for (uint32_t i = 0; i < world->user_count; i++)
		user_fini(&world->users[i]);
	sim_world_destroy(world->sim);
}

struct service *world_service(struct world_daemon *daemon, uint32_t shard)
{
	return pool_shard(daemon_pool(daemon->daemon), (uint8_t)shard)
		->parts[PART_SERVICE]
		.self;
}

static struct guest *find_guest(struct world *world, uint32_t index,
				const char *name)
{
	struct world_daemon *daemon = &world->daemons[index];

	for (uint32_t s = 0; daemon->alive && s < world->wish.shards; s++) {
		struct service *service = world_service(daemon, s);
		struct guest *guest;
		uint32_t at = 0;

		while ((guest = slab_next(&service->guests, &at))) {
			if (!strcmp(guest->name, name))
				return guest;
		}
	}
	return NULL;
}

int world_owner(struct world *world, const char *name, struct guest **record)
{
	int owner = -1;

	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		struct guest *guest = find_guest(world, i, name);

		if (!guest || guest->state != GUEST_RUNNING)
			continue;
		if (owner >= 0)
			world_fail(world, "%s runs at %c and at %c", name,
				   'a' + owner, 'a' + i);
		if (guest->epoch != guest->moves)
			world_fail(world, "%s: epoch %u after %u moves", name,
				   (unsigned)guest->epoch, guest->moves);
		owner = (int)i;
		if (record)
			*record = guest;
	}
	return owner;
}

void world_trace(struct world *world, uint32_t index, const char *name,
		 struct world_trace *trace)
{
	struct world_daemon *daemon = &world->daemons[index];
	const struct guest *guest = find_guest(world, index, name);

	*trace = (struct world_trace){
		.held = guest && guest->state != GUEST_ARRIVING,
	};
	for (uint32_t s = 0; daemon->alive && s < world->wish.shards; s++) {
		struct moves *moves = world_service(daemon, s)->moves;
		const struct move *move;
		uint32_t at = 0;

		while ((move = slab_next(&moves->slab, &at))) {
			if (strcmp(move->guest_name, name))
				continue;
			if (move->role == MOVE_SOURCE)
				trace->committed |=
					move->state == MOVE_COMMITTED;
			else
				trace->streamed |=
					move->state == MOVE_STREAMED ||
					move->state == MOVE_IN_DOUBT;
		}
	}
}

static void check_owners(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.guests; i++) {
		char name[NAME_BYTES];

		snprintf(name, sizeof(name), "vm%u", i);
		world_owner(world, name, NULL);
	}
}

/* What a pass has brought about, told when the pass is over. */
static void after_pass(struct world *world, struct world_daemon *daemon)
{
	char traps[WORLD_TRAPS][40];
	uint32_t count = daemon->trap_count;

	if (!count)
		return;
	memcpy(traps, daemon->traps, sizeof(traps));
	daemon->trap_count = 0;
	check_owners(world);
	for (uint32_t i = 0; i < count; i++) {
		world_say(world, "%c: %s", 'a' + daemon->index, traps[i]);
		if (world->wish.on_state && daemon->alive)
			world->wish.on_state(world, daemon->index, traps[i]);
	}
}

void world_cancel(struct world *world, uint32_t index, const char *guest)
{
	struct world_daemon *daemon = &world->daemons[index];
	struct op_move_cancel cancel = {0};
	struct pool *pool;

	if (!daemon->alive)
		return;
	pool = daemon_pool(daemon->daemon);
	snprintf(cancel.guest, sizeof(cancel.guest), "%s", guest);
	world_say(world, "cancel %s at %c", guest, 'a' + index);
	for (uint32_t i = 0; i < world->wish.shards; i++)
		shard_tell(pool->control, (uint8_t)i, OP_MOVE_CANCEL, 0,
			   &cancel, sizeof(cancel));
}

/* Who could pass: shards, then control, of each daemon; consoles; users. */
struct runner {
	uint8_t kind;
	uint8_t daemon;
	uint8_t shard;
};

enum runner_kind { RUN_SHARD, RUN_CONSOLE, RUN_USER };

#define RUNNERS_MAX (WORLD_DAEMONS * (WORLD_SHARDS + 2) + WORLD_USERS)

static uint32_t find_runners(struct world *world, struct runner *runners)
{
	uint32_t n = 0;

	for (uint8_t i = 0; i < world->wish.daemons; i++) {
		struct world_daemon *daemon = &world->daemons[i];

		if (!daemon->alive)
			continue;
		for (uint8_t s = 0; s <= world->wish.shards; s++) {
			bool control = s == world->wish.shards;
			uint8_t index = control ? SHARD_CONTROL : s;
			struct dp *dp =
				control ? daemon->control_dp : daemon->dps[s];

			if (daemon->busy[s] || sim_dp_ready(dp) ||
			    daemon_has_cells(daemon->daemon, index))
				runners[n++] = (struct runner){RUN_SHARD, i, s};
		}
		if (sim_dp_ready(daemon->console.dp))
			runners[n++] = (struct runner){RUN_CONSOLE, i, 0};
	}
	for (uint8_t i = 0; i < world->user_count; i++) {
		struct user *user = &world->users[i];

		if (user->dp &&
		    (user->busy || user->again || sim_dp_ready(user->dp)))
			runners[n++] = (struct runner){RUN_USER, i, 0};
	}
	return n;
}

static void run_one(struct world *world, const struct runner *runner)
{
	struct world_daemon *daemon = &world->daemons[runner->daemon];
	uint8_t shard = runner->shard;

	if (runner->kind == RUN_USER) {
		user_pass(&world->users[runner->daemon]);
	} else if (runner->kind == RUN_CONSOLE) {
		console_pass(&daemon->console);
	} else {
		daemon->busy[shard] =
			daemon_pass(daemon->daemon,
				    shard == world->wish.shards ? SHARD_CONTROL
								: shard,
				    true) != 0;
		after_pass(world, daemon);
	}
}

bool world_step(struct world *world, uint64_t until_ns)
{
	struct runner runners[RUNNERS_MAX];
	uint32_t count = find_runners(world, runners);

	if (!count) {
		world->idle_passes = 0;
		return sim_world_advance_until(world->sim, until_ns);
	}
	if (world->idle_passes++ > IDLE_PASSES_MAX) {
		world_fail(world, "passes without end, time stands still");
		return false;
	}
	run_one(world, &runners[sim_world_pick(world->sim, count)]);
	return true;
}

bool world_run(struct world *world, uint64_t max_ns,
	       bool (*done)(struct world *world))
{
	uint64_t until_ns = world_now(world) + max_ns;

	while (!world->failed) {
		if (done && done(world))
			return true;
		if (world_now(world) >= until_ns)
			return false;
		world_step(world, until_ns);
	}
	return false;
}

uint32_t world_moves(struct world *world)
{
	uint32_t moves = 0;

	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		if (world->daemons[i].alive)
			moves += daemon_moves(world->daemons[i].daemon);
	}
	return moves;
}

uint64_t world_stat(struct world *world, enum stat_id id)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		struct world_daemon *daemon = &world->daemons[i];

		for (uint32_t s = 0; daemon->alive && s < world->wish.shards;
		     s++)
			sum += stats_get(
				&world_service(daemon, s)->shard->stats, id);
	}
	return sum;
}

void world_print_logs(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		if (world->daemons[i].host)
			sim_host_log_print(world->daemons[i].host, stdout);
	}
	fflush(stdout);
}
