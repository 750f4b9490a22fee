/* images_test.c - a session's images, both ways, and as release 1 wrote them.
 *
 * golden/v1 holds one image of each kind. Whoever changes a table on purpose
 * adds a directory for the new version and keeps this one:
 *
 *   test_images --write DIR
 */
#include "channels/guest/demo_state.h"
#include "channels/migrate/images.h"
#include "channels/service.h"
#include "core/peer_wire.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS      300
#define BYTES_MAX   ((size_t)256 * 1024)
#define SCRATCH_MAX ((size_t)8192)
#define TAPE_BYTES  4096

struct kind {
	const char *name;
	const struct field_table *table;
	enum image_kind kind;
};

static const struct kind kinds[] = {
	{"offer", &image_offer_fields, IMAGE_OFFER},
	{"guest", &image_guest_fields, IMAGE_GUEST},
	{"demo", &demo_fields, IMAGE_GUEST},
	{"session", &image_session_fields, IMAGE_SESSION},
	{"channel", &image_channel_fields, IMAGE_CHANNEL},
	{"input", &image_input_fields, IMAGE_INPUT},
};

/* Any of the structs. */
union state {
	struct image_offer offer;
	struct image_guest guest;
	struct demo_image demo;
	struct image_session session;
	struct image_channel channel;
	struct image_input input;
};

static uint8_t *room(size_t len)
{
	uint8_t *bytes = malloc(len);

	cr_assert(bytes);
	return bytes;
}

static void draw(const struct kind *kind, struct seeded *seeded,
		 union state *state, uint8_t *scratch)
{
	uint8_t tape[TAPE_BYTES];

	for (size_t i = 0; i < sizeof(tape); i++)
		tape[i] = (uint8_t)seeded_word(seeded);
	field_random(kind->table, state, tape, sizeof(tape), scratch,
		     SCRATCH_MAX);
}

/* Equal in every field: structs have gaps, and spans point elsewhere. */
static bool equal(const struct kind *kind, const union state *a,
		  const union state *b)
{
	uint8_t *packed_a = room(BYTES_MAX), *packed_b = room(BYTES_MAX);
	int64_t len_a = field_encode(kind->table, a, packed_a, BYTES_MAX);
	int64_t len_b = field_encode(kind->table, b, packed_b, BYTES_MAX);
	bool same = len_a > 0 && len_a == len_b &&
		    !memcmp(packed_a, packed_b, (size_t)len_a);

	free(packed_a);
	free(packed_b);
	return same;
}

static void there_and_back(const struct kind *kind,
			   enum image_encoding encoding)
{
	struct seeded seeded = {(uint64_t)kind->kind << 8 | encoding};
	uint8_t *scratch = room(SCRATCH_MAX), *bytes = room(BYTES_MAX);

	for (uint32_t round = 0; round < ROUNDS; round++) {
		union state from, to;
		int64_t len;

		draw(kind, &seeded, &from, scratch);
		len = image_encode(kind->table, kind->kind, encoding, &from,
				   bytes, BYTES_MAX);
		cr_assert_gt(len, 0, "%s round %u", kind->name, round);
		memset(&to, 0x5a, sizeof(to));
		cr_assert_eq(image_decode(kind->table, kind->kind, &to, bytes,
					  (size_t)len),
			     0, "%s round %u", kind->name, round);
		cr_assert(equal(kind, &from, &to), "%s round %u", kind->name,
			  round);
	}
	free(scratch);
	free(bytes);
}

Test(images, come_back_from_the_portable_encoding)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		there_and_back(&kinds[i], IMAGE_PORTABLE);
}

Test(images, come_back_from_the_native_encoding)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		there_and_back(&kinds[i], IMAGE_NATIVE);
}

Test(images, tables_keep_the_rules)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct field_table *table = kinds[i].table;

		cr_expect(field_table_check(table), "%s", table->name);
		for (uint32_t a = 0; a < table->count; a++) {
			cr_expect_neq(table->fields[a].tag, 0, "%s.%s",
				      table->name, table->fields[a].name);
			for (uint32_t b = a + 1; b < table->count; b++)
				cr_expect_neq(table->fields[a].tag,
					      table->fields[b].tag,
					      "%s: tag %u twice", table->name,
					      table->fields[a].tag);
		}
	}
	cr_expect(field_table_check(&image_offer_channel_fields));
}

Test(images, every_damaged_byte_and_every_cut_is_found)
{
	struct seeded seeded = {77};
	uint8_t *scratch = room(SCRATCH_MAX), *bytes = room(BYTES_MAX);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *kind = &kinds[i];
		union state from, to;
		int64_t len;

		draw(kind, &seeded, &from, scratch);
		len = image_encode(kind->table, kind->kind, IMAGE_PORTABLE,
				   &from, bytes, BYTES_MAX);
		cr_assert_gt(len, 0);
		for (size_t at = 0; at < (size_t)len; at++) {
			/* The version is for people: tags decide. */
			if (at == 6 || at == 7)
				continue;
			bytes[at] ^= 0x20;
			cr_expect_neq(image_decode(kind->table, kind->kind, &to,
						   bytes, (size_t)len),
				      0, "%s byte %zu", kind->name, at);
			bytes[at] ^= 0x20;
			cr_expect_neq(image_decode(kind->table, kind->kind, &to,
						   bytes, at),
				      0, "%s cut at %zu", kind->name, at);
		}
	}
	free(scratch);
	free(bytes);
}

Test(images, no_kind_is_taken_for_another)
{
	struct seeded seeded = {78};
	uint8_t *scratch = room(SCRATCH_MAX), *bytes = room(BYTES_MAX);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		union state from, to;
		int64_t len;

		draw(&kinds[i], &seeded, &from, scratch);
		len = image_encode(kinds[i].table, kinds[i].kind,
				   IMAGE_PORTABLE, &from, bytes, BYTES_MAX);
		cr_assert_gt(len, 0);
		cr_expect_eq(image_peek_kind(bytes, (size_t)len),
			     (int)kinds[i].kind);
		for (size_t j = 0; j < ARRAY_LEN(kinds); j++)
			cr_expect_eq(!image_decode(kinds[j].table,
						   kinds[j].kind, &to, bytes,
						   (size_t)len),
				     i == j, "%s as %s", kinds[i].name,
				     kinds[j].name);
	}
	free(scratch);
	free(bytes);
}

/* Values over the table's limits are refused, whoever made the bytes. */
Test(images, limits_are_kept_both_ways)
{
	static const struct image_channel bad[] = {
		{.type = 12},      {.flags = 4},          {.ack_window = 65536},
		{.motions = 5},    {.display_inited = 2}, {.width = 16385},
		{.height = 16385}, {.pending_head = 2},
	};
	const struct kind *kind = &kinds[4];
	struct image_channel to;
	uint8_t bytes[1024];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct field open[FIELD_COUNT_MAX];
		struct field_table table = *kind->table;
		int64_t len;

		cr_expect_lt(image_encode(kind->table, kind->kind,
					  IMAGE_PORTABLE, &bad[i], bytes,
					  sizeof(bytes)),
			     0, "case %zu", i);
		/* A writer without limits. */
		memcpy(open, table.fields, table.count * sizeof(*open));
		for (uint32_t f = 0; f < table.count; f++)
			open[f].limit = 0;
		table.fields = open;
		len = image_encode(&table, kind->kind, IMAGE_PORTABLE, &bad[i],
				   bytes, sizeof(bytes));
		cr_assert_gt(len, 0);
		cr_expect_neq(image_decode(kind->table, kind->kind, &to, bytes,
					   (size_t)len),
			      0, "case %zu", i);
	}
}

Test(images, the_fullest_offer_fits_into_its_frame)
{
	const struct image_offer_channel channel = {
		.type = 11,
		.id = UINT8_MAX,
		.linked = 1,
		.caps = UINT32_MAX,
	};
	struct image_offer offer = {.driver = "demo"};
	uint8_t bytes[PEER_OFFER_IMAGE_MAX];
	uint8_t list[16 * SESSION_CHANNELS_MAX];
	uint32_t used = 0;

	for (uint32_t i = 0; i < SESSION_CHANNELS_MAX; i++)
		used += (uint32_t)field_encode(&image_offer_channel_fields,
					       &channel, list + used,
					       sizeof(list) - used);
	offer.channels = (struct span){list, used};
	cr_expect_gt(image_encode(&image_offer_fields, IMAGE_OFFER,
				  IMAGE_PORTABLE, &offer, bytes, sizeof(bytes)),
		     0);
}

/* --- golden files ------------------------------------------------------- */

static const struct image_offer_channel golden_channels[] = {
	{1, 0, 1, 0x09}, {2, 0, 1, 0x82}, {3, 0, 1, 0},
	{4, 0, 1, 0},    {10, 0, 1, 1},   {10, 1, 0, 0},
};

static int64_t write_offer(uint8_t *bytes, size_t cap)
{
	uint8_t list[256] = {ARRAY_LEN(golden_channels)};
	struct image_offer offer = {
		.session_id = 0xc0ffee01,
		.header_mode = 1,
		.nack = 1,
		.common_caps = 0x0b,
		.main_caps = 0x1d,
		.number = 7,
		.driver = "demo",
		.ticket_hash = "0123456789abcdef",
	};
	uint32_t used = 0;

	for (size_t i = 0; i < ARRAY_LEN(golden_channels); i++)
		used += (uint32_t)field_encode(&image_offer_channel_fields,
					       &golden_channels[i], list + used,
					       sizeof(list) - used);
	offer.channels = (struct span){list, used};
	return image_encode(&image_offer_fields, IMAGE_OFFER, IMAGE_PORTABLE,
			    &offer, bytes, cap);
}

/* By hand: what a checker makes of bytes may change, its image may not. */
static void golden_echo(struct demo_echo *echo, uint32_t key)
{
	struct stream_checker *in = &echo->in;

	*in = (struct stream_checker){
		.counts = {{0, 394, 16, 32, 48, 64, 80, 65}},
		.next = 490,
		.high = 500,
		.alien = 33,
		.gap = {{64, 16}, {490, 10}},
		.key = key,
		.alien_key = 0x12345678,
		.run = 12,
		.before = 2,
		.slack = 1,
		.closes = 3,
		.known = 5,
		.window_len = STREAM_WINDOW_BYTES,
	};
	for (uint32_t i = 0; i < STREAM_WINDOW_BYTES; i++)
		in->window[i] = (uint8_t)(i * 5 + key);
}

static void golden_demo(struct demo_image *demo)
{
	*demo = (struct demo_image){
		.core =
			{
				.shown =
					{
						.frame = 4711,
						.key = 0x1e,
						.keys = 12,
						.mouse_x = 300,
						.mouse_y = 200,
						.buttons = 1,
						.modifiers = 4,
						.guest = 7,
					},
				.width = 640,
				.height = 480,
				.up = DEMO_DISPLAY_UP | DEMO_PULSE_UP,
				.barcode_dirty = 1,
				.dirty_count = 2,
				.close_left = 5,
				.dirty = {{1, 2, 3, 4}, {100, 200, 300, 400}},
				.frame_ns = NS_PER_S / 25,
				.pulse_ns = NS_PER_MS,
				.frame_left_ns = 12345678,
				.pulse_left_ns = 654321,
				.pulse_sent = 160000,
				.pulse_goal = 160032,
				.close_sent = 159000,
				.pulse_key =
					stream_key("demo7", DEMO_PULSE_STREAM),
			},
		.port_pending = {(const uint8_t *)"not echoed yet", 14},
		.usb_pending = {(const uint8_t *)"usb", 3},
	};
	golden_echo(&demo->core.port, 0x0badcafe);
	golden_echo(&demo->core.usb, 0x0defaced);
	demo->core.usb.stopped = 1;
}

static int64_t write_guest(uint8_t *bytes, size_t cap)
{
	struct demo_image demo;
	uint8_t state[8192];
	struct image_guest guest = {
		.name = "demo7",
		.epoch = 4,
		.moves = 3,
	};
	int64_t len;

	golden_demo(&demo);
	len = image_encode(&demo_fields, IMAGE_GUEST, IMAGE_PORTABLE, &demo,
			   state, sizeof(state));
	if (len < 0)
		return len;
	guest.state = (struct span){state, (uint32_t)len};
	return image_encode(&image_guest_fields, IMAGE_GUEST, IMAGE_PORTABLE,
			    &guest, bytes, cap);
}

static int64_t write_session(uint8_t *bytes, size_t cap)
{
	static const struct image_session session = {
		.session_id = 0xc0ffee01,
		.mouse_mode = 2,
		.listed = 1,
		.agent_tokens = 10,
		.agent_used = 3,
	};

	return image_encode(&image_session_fields, IMAGE_SESSION,
			    IMAGE_PORTABLE, &session, bytes, cap);
}

static const struct image_channel golden_channel = {
	.type = 2,
	.id = 1,
	.flags = 3,
	.out_serial = 0x100000002,
	.ack_window = 20,
	.ack_generation = 5,
	.messages_in = 1000,
	.messages_out = 2000,
	.bytes_in = 30000,
	.bytes_out = 0x500000000,
	.motions = 3,
	.modifiers = 7,
	.display_inited = 1,
	.pixmap_cache_id = 8,
	.glz_dictionary_id = 9,
	.compression = 2,
	.pixmap_cache_pixels = -20,
	.glz_window_pixels = -10,
	.width = 640,
	.height = 480,
	.pending_head = 1,
	.pending_type = 101,
	.pending_left = 17,
	.pending_bytes = 16,
};

static int64_t write_channel(uint8_t *bytes, size_t cap)
{
	return image_encode(&image_channel_fields, IMAGE_CHANNEL,
			    IMAGE_PORTABLE, &golden_channel, bytes, cap);
}

static int64_t write_input(uint8_t *bytes, size_t cap)
{
	static const struct image_input input = {
		.type = 10,
		.id = 1,
		.offset = 49152,
		.bytes = {(const uint8_t *)"what was not read", 17},
	};

	return image_encode(&image_input_fields, IMAGE_INPUT, IMAGE_PORTABLE,
			    &input, bytes, cap);
}

static const struct golden {
	const char *name;
	int64_t (*write)(uint8_t *bytes, size_t cap);
} goldens[] = {
	{"offer", write_offer},     {"guest", write_guest},
	{"session", write_session}, {"channel", write_channel},
	{"input", write_input},
};

static size_t load(const char *name, uint8_t *bytes, size_t cap)
{
	char path[512];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/golden/v1/%s.image", UNIT_DIR, name);
	file = fopen(path, "rb");
	cr_assert(file, "%s", path);
	len = fread(bytes, 1, cap, file);
	fclose(file);
	return len;
}

Test(images, todays_writer_writes_the_golden_bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
		uint8_t kept[16384], now[16384];
		size_t len = load(goldens[i].name, kept, sizeof(kept));

		cr_assert_eq(goldens[i].write(now, sizeof(now)), (int64_t)len,
			     "%s", goldens[i].name);
		cr_expect_arr_eq(now, kept, len, "%s", goldens[i].name);
	}
}

Test(images, todays_reader_reads_the_golden_offer)
{
	const struct field *list =
		&image_offer_fields.fields[image_offer_fields.count - 1];
	struct image_offer offer;
	uint8_t bytes[16384];
	size_t len = load("offer", bytes, sizeof(bytes));

	cr_assert_eq(image_decode(&image_offer_fields, IMAGE_OFFER, &offer,
				  bytes, len),
		     0);
	cr_expect_eq(offer.session_id, 0xc0ffee01);
	cr_expect_eq(offer.header_mode, 1);
	cr_expect_eq(offer.nack, 1);
	cr_expect_eq(offer.common_caps, 0x0b);
	cr_expect_eq(offer.main_caps, 0x1d);
	cr_expect_eq(offer.number, 7);
	cr_expect_str_eq((const char *)offer.driver, "demo");
	cr_expect_arr_eq(offer.ticket_hash, "0123456789abcdef", 16);
	cr_assert_eq(field_list_count(list, &offer),
		     ARRAY_LEN(golden_channels));
	for (uint32_t i = 0; i < ARRAY_LEN(golden_channels); i++) {
		struct image_offer_channel channel;

		cr_assert_eq(field_list_get(list, &offer, i, &channel), 0);
		cr_expect_eq(channel.type, golden_channels[i].type);
		cr_expect_eq(channel.id, golden_channels[i].id);
		cr_expect_eq(channel.linked, golden_channels[i].linked);
		cr_expect_eq(channel.caps, golden_channels[i].caps);
	}
}

Test(images, todays_reader_reads_the_golden_guest)
{
	struct image_guest guest;
	union state now = {0}, then = {0};
	uint8_t bytes[16384];
	size_t len = load("guest", bytes, sizeof(bytes));

	cr_assert_eq(image_decode(&image_guest_fields, IMAGE_GUEST, &guest,
				  bytes, len),
		     0);
	cr_expect_str_eq((const char *)guest.name, "demo7");
	cr_expect_eq(guest.epoch, 4);
	cr_expect_eq(guest.moves, 3);
	cr_assert_eq(image_decode(&demo_fields, IMAGE_GUEST, &then,
				  guest.state.data, guest.state.len),
		     0);
	golden_demo(&now.demo);
	cr_expect(demo_image_valid(&then.demo));
	cr_expect(equal(&kinds[2], &now, &then));
	cr_expect_eq(then.demo.core.shown.frame, 4711);
	cr_expect_eq(then.demo.core.pulse_goal, 160032);
	cr_expect_eq(then.demo.core.port.in.counts.field[STREAM_LOST], 16);
	cr_expect_eq(then.demo.port_pending.len, 14);
	cr_expect_arr_eq(then.demo.usb_pending.data, "usb", 3);
}

Test(images, todays_reader_reads_the_other_golden_files)
{
	union state state;
	uint8_t bytes[16384];
	size_t len = load("session", bytes, sizeof(bytes));

	cr_assert_eq(image_decode(&image_session_fields, IMAGE_SESSION, &state,
				  bytes, len),
		     0);
	cr_expect_eq(state.session.session_id, 0xc0ffee01);
	cr_expect_eq(state.session.mouse_mode, 2);
	cr_expect_eq(state.session.listed, 1);
	cr_expect_eq(state.session.agent_tokens, 10);
	cr_expect_eq(state.session.agent_used, 3);

	len = load("channel", bytes, sizeof(bytes));
	cr_assert_eq(image_decode(&image_channel_fields, IMAGE_CHANNEL, &state,
				  bytes, len),
		     0);
	cr_expect_eq(
		memcmp(&state.channel, &golden_channel, sizeof(golden_channel)),
		0);

	len = load("input", bytes, sizeof(bytes));
	cr_assert_eq(image_decode(&image_input_fields, IMAGE_INPUT, &state,
				  bytes, len),
		     0);
	cr_expect_eq(state.input.type, 10);
	cr_expect_eq(state.input.id, 1);
	cr_expect_eq(state.input.offset, 49152);
	cr_expect_eq(state.input.bytes.len, 17);
	cr_expect_arr_eq(state.input.bytes.data, "what was not read", 17);
}

static int write_all(const char *dir)
{
	for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
		uint8_t bytes[16384];
		int64_t len = goldens[i].write(bytes, sizeof(bytes));
		char path[512];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s.image", dir,
			 goldens[i].name);
		file = len < 0 ? NULL : fopen(path, "wb");
		if (!file) {
			fprintf(stderr, "cannot write %s\n", path);
			return 1;
		}
		fwrite(bytes, 1, (size_t)len, file);
		if (fclose(file))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct criterion_test_set *tests;
	int failed = 0;

	if (argc == 3 && !strcmp(argv[1], "--write"))
		return write_all(argv[2]);
	tests = criterion_initialize();
	if (criterion_handle_args(argc, argv, true))
		failed = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return failed;
}
