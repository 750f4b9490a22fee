/* hostile_peers.c - bad peers, with and without the secret, and operators. */
#include "channels/migrate/images.h"
#include "tests/sim/hostile.h"

#include <spice/enums.h>

#include <stdlib.h>
#include <string.h>

#define PEERS   "10.0.0.1:5800"
#define CONTROL "unix:/sim/0/control"

static void run_raw(struct attacker *attacker, const struct hostile_case *by)
{
	attacker_dial(attacker, 0, PEERS);
	attacker_send(attacker, 0, by->bytes, by->len);
	hostile_must_close(attacker, 0);
	hostile_must_log(attacker, 0, by);
}

static void run_silent(struct attacker *attacker, const struct hostile_case *by)
{
	(void)by;
	for (uint32_t i = 0; i < 100; i++)
		attacker_dial_idle(attacker, PEERS);
	attacker_run(attacker, 7 * NS_PER_S);
	if (attacker->idle_closed < attacker->idle_up)
		hostile_fail(attacker, "silent peers are kept");
	if (!attacker_greet(attacker, 0, 0, true))
		hostile_fail(attacker, "no room for a good peer");
}

static void run_hello(struct attacker *attacker, const struct hostile_case *by)
{
	const struct peer_hello hello = {
		.version = by->state ? PEER_VERSION : 77,
		.node = (uint16_t)by->want,
		.shards = 1,
	};

	attacker_dial(attacker, 0, PEERS);
	attacker_frame(attacker, 0, PEER_HELLO, 0, 0, &hello);
	if (by->type)
		attacker_frame(attacker, 0, PEER_HELLO, 0, 0, &hello);
	hostile_must_close(attacker, 0);
	hostile_must_log(attacker, 0, by);
}

static void run_wrong_proof(struct attacker *attacker,
			    const struct hostile_case *by)
{
	if (attacker_greet(attacker, 0, 0, false))
		hostile_fail(attacker, "a wrong proof was good enough");
	hostile_must_log(attacker, 0, by);
}

/* The same frames, from one who knows the secret. */
static void run_proven(struct attacker *attacker, const struct hostile_case *by)
{
	if (!attacker_greet(attacker, 0, 0, true))
		hostile_fail(attacker, "a good proof was refused");
	attacker_send(attacker, 0, by->bytes, by->len);
	hostile_must_close(attacker, 0);
	hostile_must_log(attacker, 0, by);
}

static bool greeted(struct attacker *attacker)
{
	if (attacker_greet(attacker, 0, 0, true))
		return true;
	hostile_fail(attacker, "a good proof was refused");
	return false;
}

static void must_refuse(struct attacker *attacker,
			const struct hostile_case *by)
{
	struct peer_refuse refuse;

	if (!attacker_hear_frame(attacker, 0, PEER_REFUSE, &refuse))
		hostile_fail(attacker, "no REFUSE came");
	else if (by->log && !strstr((const char *)refuse.reason, by->log))
		hostile_fail(attacker, "refused for: %.96s", refuse.reason);
	attacker_run(attacker, 100 * NS_PER_MS);
	if (attacker->legs[0].closed)
		hostile_fail(attacker, "the link was closed, too");
}

static void must_answer(struct attacker *attacker)
{
	struct peer_answer answer;

	if (!attacker_hear_frame(attacker, 0, PEER_ANSWER, &answer))
		hostile_fail(attacker, "a good offer got no answer");
	attacker_forget(attacker, 0);
}

/* An offer that must be refused: of a guest, an id or a move that is known. */
static void run_offer(struct attacker *attacker, const struct hostile_case *by)
{
	if (!greeted(attacker))
		return;
	if (by->state) {
		hostile_offer(attacker, "new1", HOSTILE_MOVE, 0x12345);
		must_answer(attacker);
	}
	hostile_offer(attacker, by->bytes, HOSTILE_MOVE + by->type, by->want);
	must_refuse(attacker, by);
}

static void run_offer_noise(struct attacker *attacker,
			    const struct hostile_case *by)
{
	uint8_t noise[200];
	struct peer_offer frame = {
		.guest = "new1",
		.mode = MODE_SEAMLESS,
		.image = {noise, sizeof(noise)},
	};

	if (!greeted(attacker))
		return;
	for (uint32_t i = 0; i < 50; i++) {
		for (uint32_t b = 0; b < sizeof(noise); b++)
			noise[b] =
				(uint8_t)seeded_word(&attacker->world->random);
		attacker_frame(attacker, 0, PEER_OFFER, HOSTILE_MOVE + i, 2,
			       &frame);
	}
	must_refuse(attacker, by);
	if (world_moves(attacker->world))
		hostile_fail(attacker, "a refused offer is kept");
}

/* What follows a good offer: one frame that spoils the move. */
static void run_spoil(struct attacker *attacker, const struct hostile_case *by)
{
	const struct peer_end end = {.images = by->want, .mode = MODE_SEAMLESS};
	const struct peer_image_slot slot = {.slot = by->want};
	const struct peer_image image = {{(const uint8_t *)"garbage", 7}};
	const void *payload = by->type == PEER_END     ? (const void *)&end
			      : by->type == PEER_IMAGE ? (const void *)&image
						       : &slot;

	if (!greeted(attacker))
		return;
	hostile_offer(attacker, "new1", HOSTILE_MOVE, 0x12345);
	must_answer(attacker);
	attacker_frame(attacker, 0, by->type, HOSTILE_MOVE, 2, payload);
	must_refuse(attacker, by);
	hostile_must_count(attacker, STAT_images_bad, 1);
	if (world_moves(attacker->world))
		hostile_fail(attacker, "a spoilt move is kept");
}

/* Memory that is not there: images are sent then. A second offer is one too
 * many, whatever became of the first. */
static void run_region(struct attacker *attacker, const struct hostile_case *by)
{
	const struct peer_region region = {.path = "/sim/nothing"};

	if (!greeted(attacker))
		return;
	attacker_frame(attacker, 0, PEER_REGION, 0, 0, &region);
	attacker_run(attacker, 100 * NS_PER_MS);
	if (attacker->legs[0].closed ||
	    !attacker_logged(attacker, 0, "no shared region with a peer"))
		hostile_fail(attacker, "a region that is not there was taken");
	attacker_frame(attacker, 0, PEER_REGION, 0, 0, &region);
	hostile_must_close(attacker, 0);
	hostile_must_log(attacker, 0, by);
}

/* The same good image without end: what it holds here is bounded. */
static void run_image_flood(struct attacker *attacker,
			    const struct hostile_case *by)
{
	const struct image_session about = {.session_id = 0x12345};
	uint8_t bytes[256];
	struct peer_image image = {{bytes, 0}};
	int64_t len =
		image_encode(&image_session_fields, IMAGE_SESSION,
			     IMAGE_PORTABLE, &about, bytes, sizeof(bytes));

	ASSERT(len > 0, "the test's image can be encoded");
	image.bytes.len = (uint32_t)len;
	if (!greeted(attacker))
		return;
	hostile_offer(attacker, "new1", HOSTILE_MOVE, 0x12345);
	must_answer(attacker);
	for (uint32_t i = 0; i <= MOVE_IMAGES_MAX; i++)
		attacker_frame(attacker, 0, PEER_IMAGE, HOSTILE_MOVE, 2,
			       &image);
	must_refuse(attacker, by);
	if (world_moves(attacker->world))
		hostile_fail(attacker, "a spoilt move is kept");
}

/* Frames for moves that nobody knows: answered at most, never acted on. */
static void run_unknown(struct attacker *attacker,
			const struct hostile_case *by)
{
	static const uint16_t types[] = {
		PEER_CANCEL,    PEER_NACK,     PEER_LINKED,
		PEER_STREAMED,  PEER_SWITCHED, PEER_GONE,
		PEER_COMMITTED, PEER_END,      PEER_VERDICT};
	struct peer_verdict verdict = {1};
	uint8_t zero[256] = {0};

	if (!greeted(attacker))
		return;
	for (uint64_t move = 0; move < 3; move++) {
		for (uint32_t i = 0; i < ARRAY_LEN(types); i++)
			attacker_frame(attacker, 0, types[i], move << 53, 2,
				       zero);
	}
	attacker_frame(attacker, 0, PEER_COMMIT, HOSTILE_MOVE, 2, NULL);
	must_refuse(attacker, by);
	attacker_frame(attacker, 0, PEER_RESOLVE, UINT64_MAX, 2, NULL);
	if (!attacker_hear_frame(attacker, 0, PEER_VERDICT, &verdict) ||
	    verdict.committed)
		hostile_fail(attacker, "an unknown move was committed");
}

/* Holds offers open as long as it will: bounded, and gone with its link. */
static void run_offer_flood(struct attacker *attacker,
			    const struct hostile_case *by)
{
	(void)by;
	if (!greeted(attacker))
		return;
	for (uint32_t i = 0; i < 400; i++) {
		char name[8] = {'n', (char)('a' + i / 26),
				(char)('a' + i % 26)};

		hostile_offer(attacker, name, HOSTILE_MOVE + i, 0x10000 + i);
		attacker_run(attacker, NS_PER_MS);
	}
	attacker_run(attacker, 100 * NS_PER_MS);
	attacker_hang_up(attacker, 0);
	attacker_run(attacker, 100 * NS_PER_MS);
	if (world_moves(attacker->world))
		hostile_fail(attacker, "%u offers outlive their link",
			     world_moves(attacker->world));
}

/* A line to control: an error comes, or the connection is closed. */
static void run_control(struct attacker *attacker,
			const struct hostile_case *by)
{
	struct attacker_leg *leg = &attacker->legs[0];

	attacker_dial(attacker, 0, CONTROL);
	attacker_wait(attacker, 0, 10); /* the greeting */
	attacker_run(attacker, 10 * NS_PER_MS);
	attacker_forget(attacker, 0);
	for (uint32_t i = 0; i < max_u32(by->want, 1); i++)
		attacker_send(attacker, 0, by->bytes, by->len);
	attacker_send(attacker, 0, "\n", 1);
	attacker_wait(attacker, 0, 10);
	attacker_run(attacker, 50 * NS_PER_MS);
	leg->rx[min_u32(leg->rx_len, ATTACKER_RX_BYTES - 1)] = 0;
	if (!strstr((const char *)leg->rx, by->log))
		hostile_fail(attacker, "control says: %.100s",
			     (const char *)leg->rx);
	if (strstr((const char *)leg->rx, "\"return\""))
		hostile_fail(attacker, "control did something");
}

#define FRAME(len, type)                                                     \
	(uint8_t)(len), (uint8_t)((len) >> 8), (uint8_t)((len) >> 16),       \
		(uint8_t)((uint32_t)(len) >> 24), type, 0, 0, 0, 1, 0, 0, 0, \
		0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0
#define TEXT(text) .bytes = text, .len = sizeof(text) - 1

/*
 * Where b was there is somebody without the secret: he lets a prove to itself,
 * at its own door, what he is to prove to a.
 */
static void run_relayed(struct attacker *attacker,
			const struct hostile_case *by)
{
	struct world *world = attacker->world;
	struct peer_hello hello;
	struct peer_proof proof;

	(void)by;
	world_crash(world, 1);
	attacker_listen(attacker, 2, "10.0.0.2:5800");
	console_move(&world->daemons[0].console, "vm0", "b", "seamless", false);
	if (!attacker_hear_frame(attacker, 2, PEER_HELLO, &hello)) {
		hostile_fail(attacker, "the daemon does not greet");
		return;
	}
	hello.node = 2;
	attacker_dial(attacker, 3, PEERS);
	attacker_frame(attacker, 3, PEER_HELLO, 0, 0, &hello);
	if (!attacker_hear_frame(attacker, 3, PEER_HELLO, &hello) ||
	    !attacker_hear_frame(attacker, 3, PEER_PROOF, &proof)) {
		hostile_fail(attacker, "the daemon's door does not answer");
		return;
	}
	hello.node = 2;
	attacker_frame(attacker, 2, PEER_HELLO, 0, 0, &hello);
	attacker_frame(attacker, 2, PEER_PROOF, 0, 0, &proof);
	hostile_must_close(attacker, 2);
}

const struct hostile_case hostile_peers[] = {
	{.name = "peer-no-proof",
	 .run = run_raw,
	 .log = "frame before the greeting",
	 BYTES(FRAME(0, PEER_COMMIT))},
	{.name = "peer-proof-first",
	 .run = run_raw,
	 .log = "does not know our secret",
	 BYTES(FRAME(16, PEER_PROOF), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	       0, 0)},
	{.name = "peer-unknown-frame",
	 .run = run_raw,
	 .log = "malformed header",
	 BYTES(FRAME(0, 99))},
	{.name = "peer-oversize-frame",
	 .run = run_raw,
	 .log = "malformed header",
	 BYTES(FRAME(PEER_FRAME_BYTES_MAX + 1, PEER_IMAGE))},
	{.name = "peer-http",
	 .run = run_raw,
	 .log = "malformed header",
	 TEXT("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")},
	{.name = "peer-short-hello",
	 .run = run_raw,
	 .log = "malformed frame",
	 BYTES(FRAME(3, PEER_HELLO), 1, 0, 0)},
	{.name = "peer-relayed-proof", .run = run_relayed},
	{.name = "peer-silent", .run = run_silent},
	{.name = "peer-other-version",
	 .run = run_hello,
	 .want = 9,
	 .log = "speaks another version"},
	{.name = "peer-our-node",
	 .run = run_hello,
	 .state = 1,
	 .want = 1,
	 .log = "has our own node number"},
	{.name = "peer-two-hellos",
	 .run = run_hello,
	 .state = 1,
	 .want = 9,
	 .type = 1,
	 .log = "a second hello"},
	{.name = "peer-wrong-proof",
	 .run = run_wrong_proof,
	 .log = "does not know our secret"},
	{.name = "peer-proven-greets-again",
	 .run = run_proven,
	 .log = "greets twice",
	 BYTES(FRAME(16, PEER_PROOF), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	       0, 0)},
	{.name = "peer-proven-oversize",
	 .run = run_proven,
	 .log = "malformed header",
	 BYTES(FRAME(0xffffffff, PEER_IMAGE))},
	{.name = "peer-proven-body-for-commit",
	 .run = run_proven,
	 .log = "malformed frame",
	 BYTES(FRAME(1, PEER_COMMIT), 0)},
	{.name = "peer-proven-empty-image",
	 .run = run_proven,
	 .log = "malformed frame",
	 BYTES(FRAME(0, PEER_IMAGE))},
	{.name = "offer-of-a-guest-here",
	 .run = run_offer,
	 .want = 0x54321,
	 .log = "a guest of that name is here",
	 TEXT("vm0")},
	{.name = "offer-without-an-id",
	 .run = run_offer,
	 .log = "the session's id is in use",
	 TEXT("new2")},
	{.name = "offer-of-an-id-twice",
	 .run = run_offer,
	 .state = 1,
	 .type = 1,
	 .want = 0x12345,
	 .log = "the session's id is in use",
	 TEXT("new2")},
	{.name = "offer-of-a-move-twice",
	 .run = run_offer,
	 .state = 1,
	 .want = 0x54321,
	 .log = "this move is known already",
	 TEXT("new2")},
	{.name = "offer-without-a-name",
	 .run = run_offer,
	 .want = 0x54321,
	 .log = "no name for a guest",
	 TEXT("")},
	{.name = "offer-of-a-control-character",
	 .run = run_offer,
	 .want = 0x54321,
	 .log = "no name for a guest",
	 TEXT("a\x1b[2J")},
	{.name = "offer-of-noise",
	 .run = run_offer_noise,
	 .log = "malformed offer"},
	{.name = "offer-flood", .run = run_offer_flood},
	{.name = "image-of-garbage",
	 .run = run_spoil,
	 .type = PEER_IMAGE,
	 .log = "an image was refused"},
	{.name = "image-slot-without-region",
	 .run = run_spoil,
	 .type = PEER_IMAGE_SLOT,
	 .want = 0xffffffff,
	 .log = "the region held no good image"},
	{.name = "end-with-a-wrong-count",
	 .run = run_spoil,
	 .type = PEER_END,
	 .want = 5,
	 .log = "0 images came of 5"},
	{.name = "end-without-images",
	 .run = run_spoil,
	 .type = PEER_END,
	 .log = "the guest's image did not come"},
	{.name = "region-twice",
	 .run = run_region,
	 .log = "offers a region twice"},
	{.name = "image-flood",
	 .run = run_image_flood,
	 .log = "more images than a guest can have"},
	{.name = "unknown-moves",
	 .run = run_unknown,
	 .log = "no such move here"},
	{.name = "control-no-json",
	 .run = run_control,
	 .log = "\"error\"",
	 TEXT("hello")},
	{.name = "control-open-brace",
	 .run = run_control,
	 .log = "\"error\"",
	 TEXT("{\"execute\": ")},
	{.name = "control-duplicate-keys",
	 .run = run_control,
	 .log = "\"error\"",
	 TEXT("{\"execute\": \"status\", \"execute\": \"stop\"}")},
	{.name = "control-unknown-command",
	 .run = run_control,
	 .log = "\"error\"",
	 TEXT("{\"execute\": \"format-disk\"}")},
	{.name = "control-unknown-argument",
	 .run = run_control,
	 .log = "\"error\"",
	 TEXT("{\"execute\": \"status\", \"arguments\": {\"x\": 1}}")},
	{.name = "control-deep",
	 .run = run_control,
	 .log = "\"error\"",
	 .want = 3000,
	 TEXT("[")},
	{.name = "control-huge-line",
	 .run = run_control,
	 .log = "\"error\"",
	 .want = 100000,
	 TEXT("0123456789")},
	{.name = "control-not-utf8",
	 .run = run_control,
	 .log = "\"error\"",
	 TEXT("{\"execute\": \"\xff\xfe\"}")},
};
const uint32_t hostile_peer_count = ARRAY_LEN(hostile_peers);
