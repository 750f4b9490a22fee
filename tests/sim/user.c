/* user.c - a simulated person at a client: comes, works, closes, leaves. */
#include "channels/guest/demo.h"
#include "channels/wire/directory.h"
#include "tests/sim/user_check.h"
#include "tests/sim/world.h"

#include <spice/enums.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BURST_MAX_BYTES 8192
#define BACK_NS         (50 * NS_PER_MS) /* before a lost one comes again */
#define CAPS_LOCK       0x3a
#define MOUSE_STEP_MAX  9

const char *user_event_name(uint8_t kind)
{
	static const char *const names[] = {
		[CLIENT_UP] = "up",
		[CLIENT_BEGUN] = "begun",
		[CLIENT_LINKED] = "linked",
		[CLIENT_LINK_FAILED] = "link-failed",
		[CLIENT_WOULD_CRASH] = "would-crash",
		[CLIENT_FROZEN] = "frozen",
		[CLIENT_THAWED] = "thawed",
		[CLIENT_SWAPPED] = "swapped",
		[CLIENT_RESET] = "reset",
		[CLIENT_MIGRATED] = "migrated",
		[CLIENT_CANCELLED] = "cancelled",
		[CLIENT_CHANNEL_UP] = "channel-up",
		[CLIENT_CHANNEL_LOST] = "channel-lost",
		[CLIENT_REFUSED] = "refused",
		[CLIENT_CLOSED] = "closed",
		[CLIENT_PORT_NAMED] = "port-named",
		[CLIENT_SURFACE] = "surface",
		[CLIENT_MARK] = "mark",
		[CLIENT_MODIFIERS] = "modifiers",
		[CLIENT_MOUSE_MODE] = "mouse-mode",
	};

	return kind < ARRAY_LEN(names) && names[kind] ? names[kind] : "other";
}

/* What comes too often, or says too little, stays out of the log. */
static bool is_chatter(uint8_t kind)
{
	return kind == CLIENT_DATA || kind == CLIENT_DRAW ||
	       kind == CLIENT_WRITABLE || kind == CLIENT_MOTION_ACK ||
	       kind == CLIENT_MODIFIERS || kind == CLIENT_PORT_EVENT;
}

static void note(struct user *user, const struct client_event *event)
{
	if (is_chatter(event->kind))
		return;
	world_say(user->world, "client %u: %s %s %u mode %u value %u",
		  user->index, user_event_name(event->kind),
		  wire_channel_name(event->type), event->id, event->mode,
		  event->value);
	if (user->log_count == USER_LOG)
		return;
	user->log[user->log_count++] = (struct user_entry){
		.at_ns = world_now(user->world),
		.kind = event->kind,
		.type = event->type,
		.id = event->id,
		.mode = event->mode,
		.value = event->value,
	};
}

static void got_echo(struct user_stream *stream, struct span data)
{
	stream->echoed += data.len;
	if (stream_check(&stream->echo, data.data, data.len, &stream->report))
		stream->closed = true;
}

static void got_pulse(struct user *user, struct span data)
{
	uint64_t now_ns = world_now(user->world);
	uint64_t gap_ns = now_ns - user->pulse_last_ns;

	if (user->pulse_last_ns && gap_ns > user->pulse_gap_ns)
		user->pulse_gap_ns = gap_ns;
	user->pulse_last_ns = now_ns;
	stream_check(&user->pulse, data.data, data.len, &user->pulse_report);
}

static void got_data(struct user *user, const struct client_event *event)
{
	if (event->type == SPICE_CHANNEL_USBREDIR)
		got_echo(&user->usb, event->data);
	else if (event->type == SPICE_CHANNEL_PORT && event->id == 0)
		got_echo(&user->port, event->data);
	else if (event->type == SPICE_CHANNEL_PORT && event->id == 1)
		got_pulse(user, event->data);
}

static void on_event(void *arg, uint32_t index, void *own,
		     const struct client_event *event)
{
	struct user *user = arg;

	(void)index, (void)own;
	note(user, event);
	switch (event->kind) {
	case CLIENT_UP:
		/* Nobody else types any more: an older session has ended. */
		if (user->state == USER_LINKING) {
			user_take_inputs(user);
			user->state = USER_AT_WORK;
		}
		user->next_ns = 0;
		break;
	case CLIENT_RESET:
		user->lossy = true;
		break;
	case CLIENT_MIGRATED:
		user->migrations++;
		user->lossy |= event->mode != CLIENT_SEAMLESS;
		user->picture_due = true;
		break;
	case CLIENT_CHANNEL_LOST: /* half a session is none */
	case CLIENT_CLOSED:
		if (user->state == USER_LOST || user->state == USER_LEAVING)
			break;
		user->losses++;
		user->state = USER_LOST;
		user->ends_ns = world_now(user->world) + BACK_NS;
		break;
	case CLIENT_DATA:
		got_data(user, event);
		break;
	case CLIENT_DRAW:
		if (user->picture_due && user_is_barcode(event) &&
		    user_picture_right(user))
			user->picture_due = false;
		break;
	default:
		break;
	}
}

static void make_machine(struct user *user)
{
	struct drive_config config;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "client-%u", user->index);
	user->machine = sim_machine_create(user->world->sim, name);
	sim_machine_set_group(user->machine, user->wish.path
						     ? user->wish.group
						     : 100 + user->index);
	err = sim_dp_create(user->world->sim, user->machine, &user->dp);
	ASSERT(!err, "a new machine takes a dp");
	drive_config_default(&config, 1);
	config.event = on_event;
	config.arg = user;
	err = drive_init(&user->drive, user->dp, &config);
	ASSERT(!err, "a client has memory");
}

struct user *user_add(struct world *world, const struct user_wish *wish)
{
	struct user *user = &world->users[world->user_count];

	*user = (struct user){
		.world = world,
		.index = world->user_count++,
		.wish = *wish,
	};
	user->random.state = seeded_word(&world->random);
	ticket_text(world->secret, wish->guest, user->wish.options.password);
	make_machine(user);
	return user;
}

void user_fini(struct user *user)
{
	if (!user->dp)
		return;
	dp_destroy(user->dp);
	user->dp = NULL;
	drive_fini(&user->drive);
}

static void stream_begin(struct user *user, struct user_stream *stream,
			 uint8_t type, uint32_t number)
{
	*stream = (struct user_stream){
		.type = type,
		.key = stream_key(user->wish.guest, number + 10 * user->lives),
	};
	stream_checker_init(&stream->echo, stream->key);
}

void user_start(struct user *user, uint32_t daemon)
{
	char host[16];
	int err;

	user->lives++;
	stream_begin(user, &user->port, SPICE_CHANNEL_PORT, 2);
	stream_begin(user, &user->usb, SPICE_CHANNEL_USBREDIR, 3);
	stream_checker_init(&user->pulse,
			    stream_key(user->wish.guest, DEMO_PULSE_STREAM));
	user->pulse_report = (struct stream_report){0};
	user->pulse_last_ns = 0;
	user->lossy = user->wish.lossy;
	user->picture_due = true;
	user->deaf_ns = 0;
	user->state = USER_LINKING;
	user->again = true;
	err = drive_add(&user->drive, &user->wish.options, NULL, &user->slot);
	ASSERT(!err, "the slot is free again");
	user->client = drive_client(&user->drive, user->slot);
	world_door_host(daemon, host);
	world_say(user->world, "client %u: starts at %c", user->index,
		  'a' + daemon);
	err = drive_start(&user->drive, user->slot,
			  user->wish.path ? user->wish.path : host,
			  WORLD_DOOR_PORT);
	ASSERT(!err, "a client can always dial");
}

void user_close(struct user *user)
{
	if (user->state != USER_AT_WORK)
		return;
	user->state = USER_CLOSING;
	user->port.close_due = user->usb.close_due = STREAM_RECORD_BYTES;
	user->picture_due = true;
	user->next_ns = 0;
	user->again = true;
}

static void forget_client(struct user *user)
{
	if (!user->client)
		return;
	user_check_rules(user);
	drive_remove(&user->drive, user->slot);
	user->client = NULL;
	user->again = true;
}

void user_leave(struct user *user)
{
	forget_client(user);
	user->state = USER_LEAVING;
}

void user_lose(struct user *user)
{
	world_say(user->world, "client %u: hangs up", user->index);
	forget_client(user);
	user->state = USER_LOST;
	user->ends_ns = world_now(user->world) + BACK_NS;
}

void user_crash(struct user *user)
{
	world_say(user->world, "client %u: crashes", user->index);
	if (user->client)
		user_check_rules(user);
	sim_machine_crash(user->machine);
	dp_destroy(user->dp);
	user->dp = NULL;
	drive_fini(&user->drive);
	user->client = NULL;
	user->state = USER_AWAY;
}

void user_restart(struct user *user)
{
	make_machine(user);
	user->state = USER_LOST;
	user->ends_ns = 0;
}

static void write_bytes(struct user *user, struct user_stream *stream,
			uint32_t len)
{
	uint8_t bytes[BURST_MAX_BYTES];

	if (!user_has_channel(user, stream->type))
		return;
	stream_fill(stream->key, stream->sent, bytes, len);
	if (!client_port_send(user->client, stream->type, 0, bytes, len))
		stream->sent += len;
}

static void write_some(struct user *user, struct user_stream *stream)
{
	write_bytes(user, stream,
		    1 + seeded_below(&user->random,
				     min_u32(BURST_MAX_BYTES,
					     user->wish.burst_max_bytes)));
}

static void write_close(struct user *user, struct user_stream *stream)
{
	uint8_t record[STREAM_RECORD_BYTES];

	if (!stream->close_due || !user_has_channel(user, stream->type))
		return;
	/* Only whole records are known again: no stream ends in a short run. */
	if (!stream->closing) {
		write_bytes(user, stream, 4 * STREAM_RECORD_BYTES);
		stream->closing = true;
	}
	stream_write_close(record, stream->key, stream->sent);
	if (client_port_send(user->client, stream->type, 0, record,
			     sizeof(record)))
		return;
	stream->close_due = 0;
}

/* Somewhere within the screen, so that nothing is cut off at its border. */
static void move_mouse(struct user *user)
{
	int32_t dx = (int32_t)seeded_below(&user->random, MOUSE_STEP_MAX) -
		     MOUSE_STEP_MAX / 2;
	int32_t dy = (int32_t)seeded_below(&user->random, MOUSE_STEP_MAX) -
		     MOUSE_STEP_MAX / 2;
	const struct config_guest_demo *demo =
		&user->world->daemons[0].config.guest_demo;

	if (user->x + dx < 0 || user->x + dx >= (int32_t)demo->width)
		dx = -dx;
	if (user->y + dy < 0 || user->y + dy >= (int32_t)demo->height)
		dy = -dy;
	if (client_mouse_motion(user->client, dx, dy, 0) == -ENOTCONN)
		return;
	user->x += dx;
	user->y += dy;
}

static void press_key(struct user *user)
{
	uint32_t code = seeded_below(&user->random, 8)
				? 2 + seeded_below(&user->random, 50)
				: CAPS_LOCK;

	if (!client_key(user->client, code, true))
		user->keys++;
	client_key(user->client, code, false);
}

/* Some channels are read slowly: the server must bear with a full socket. */
static void listen_badly(struct user *user, uint64_t now_ns)
{
	static const uint8_t types[] = {
		SPICE_CHANNEL_PORT, SPICE_CHANNEL_DISPLAY,
		SPICE_CHANNEL_USBREDIR, SPICE_CHANNEL_INPUTS};

	if (user->deaf_ns &&
	    (now_ns >= user->deaf_ns || user->state == USER_CLOSING)) {
		client_read(user->client, user->deaf_type, 0, true);
		user->deaf_ns = 0;
	} else if (!user->deaf_ns && user->state == USER_AT_WORK &&
		   !seeded_below(&user->random, 100)) {
		user->deaf_type =
			types[seeded_below(&user->random, ARRAY_LEN(types))];
		user->deaf_ns =
			now_ns + seeded_below(&user->random, 300) * NS_PER_MS;
		client_read(user->client, user->deaf_type, 0, false);
	}
}

static void act(struct user *user)
{
	if (user->wish.listens_badly)
		listen_badly(user, world_now(user->world));
	if (user->state == USER_CLOSING) {
		write_close(user, &user->port);
		write_close(user, &user->usb);
		return;
	}
	switch (seeded_below(&user->random, 6)) {
	case 0:
	case 1:
		write_some(user, &user->port);
		break;
	case 2:
		write_some(user, &user->usb);
		break;
	case 3:
		press_key(user);
		break;
	default:
		move_mouse(user);
		break;
	}
}

/* Where the guest is, or will be: any door tells a stranger nothing. */
static void come_again(struct user *user)
{
	struct guest *guest;
	int owner = world_owner(user->world, user->wish.guest, &guest);

	forget_client(user);
	if (user->drive.count || !user->wish.returns) {
		world_say(user->world, "client %u: still closing", user->index);
		return;
	}
	if (owner < 0 || guest->move) {
		world_say(user->world, "client %u: waits, owner %d",
			  user->index, owner);
		user->ends_ns = world_now(user->world) + BACK_NS;
		return;
	}
	user_start(user, (uint32_t)owner);
}

static bool is_busy(const struct user *user)
{
	return user->client &&
	       (user->state == USER_AT_WORK || user->state == USER_CLOSING);
}

/* Acts when it is time. Returns when it will be again. */
static uint64_t live(struct user *user, uint64_t now_ns)
{
	if (user->state == USER_LOST && now_ns >= user->ends_ns)
		come_again(user);
	if (user->state == USER_LOST)
		return max_u64(user->ends_ns, now_ns + BACK_NS);
	if (!is_busy(user))
		return NS_NEVER;
	if (now_ns >= user->next_ns) {
		act(user);
		drive_touch(&user->drive, user->slot);
		user->next_ns = now_ns + 1 +
				seeded_below(&user->random,
					     (uint32_t)user->wish.think_ns);
	}
	if (user->state == USER_CLOSING && user_is_done(user))
		user->state = USER_DONE;
	return user->next_ns;
}

uint32_t user_pass(struct user *user)
{
	struct dp_event events[DP_EVENTS_MAX];
	uint64_t wake_ns = live(user, dp_now(user->dp));
	bool hurried = user->again;
	uint32_t count =
		dp_poll(user->dp, events, DP_EVENTS_MAX, hurried ? 0 : wake_ns);

	for (uint32_t i = 0; i < count; i++)
		drive_event(&user->drive, &events[i], dp_now(user->dp));
	user->again = drive_flush(&user->drive, dp_now(user->dp));
	if (user->client)
		user_check_rules(user);
	/* Until a poll has found nothing, and noted when to wake. */
	user->busy = user->again || hurried || count > 0;
	return count;
}

bool user_saw(const struct user *user, const uint8_t *kinds, uint32_t count)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < user->log_count && found < count; i++)
		found += user->log[i].kind == kinds[found];
	return found == count;
}

uint32_t user_count(const struct user *user, uint8_t kind)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < user->log_count; i++)
		count += user->log[i].kind == kind;
	return count;
}

void user_print_log(const struct user *user)
{
	for (uint32_t i = 0; i < user->log_count; i++) {
		const struct user_entry *entry = &user->log[i];

		printf("%10.3f ms  client %u: %s %s %u mode %u value %u\n",
		       (double)entry->at_ns / 1e6, user->index,
		       user_event_name(entry->kind),
		       wire_channel_name(entry->type), entry->id, entry->mode,
		       entry->value);
	}
}
