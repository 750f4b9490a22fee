/* sim_cable_test.c - frames on a cable: their order, their times, each fault.
 */
#include "dataplane/sim/cable.h"

#include <criterion/criterion.h>
#include <string.h>

#define FRAME  64
#define COUNT  200
#define ALWAYS 10000

static struct sim_cable *make(uint64_t seed, const struct sim_faults *faults)
{
	struct sim_cable_config config = {
		.seed = seed,
		.delay_ns = 1000,
		.frame_max = 2 * COUNT,
		.frame_bytes = FRAME,
	};
	struct sim_cable *cable = sim_cable_create(&config);

	sim_cable_set_faults(cable, faults);
	return cable;
}

/* A frame of IPv4, or so it says; its number is in it. */
static void put(struct sim_cable *cable, uint64_t now_ns, uint8_t number)
{
	uint8_t frame[FRAME] = {[12] = 8, [14] = number};

	sim_cable_put(cable, 0, now_ns, frame, FRAME);
}

/* Takes all there is; returns how many, their numbers in order. */
static uint32_t take_all(struct sim_cable *cable, uint8_t numbers[2 * COUNT])
{
	struct sim_cable_frame frame;
	uint64_t last_ns = 0;
	uint32_t count = 0;

	while (sim_cable_take(cable, NS_NEVER - 1, &frame)) {
		cr_expect_eq(frame.port, 1);
		cr_expect_eq(frame.len, FRAME);
		cr_expect(frame.when_ns >= last_ns);
		last_ns = frame.when_ns;
		numbers[count++] = frame.data[14];
	}
	cr_expect_eq(sim_cable_next_ns(cable), NS_NEVER);
	return count;
}

static bool in_order(const uint8_t *numbers, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		if (numbers[i] < numbers[i - 1])
			return false;
	}
	return true;
}

/* What comes of COUNT frames, a microsecond apart. */
static uint32_t run(uint64_t seed, const struct sim_faults *faults,
		    enum sim_fault fault, uint8_t numbers[2 * COUNT])
{
	struct sim_cable *cable = make(seed, faults);
	uint32_t count;

	for (uint32_t i = 0; i < COUNT; i++)
		put(cable, i * NS_PER_US, (uint8_t)i);
	count = take_all(cable, numbers);
	cr_expect(!faults || sim_cable_fault_count(cable, fault),
		  "%s never fired", sim_fault_name(fault));
	sim_cable_destroy(cable);
	return count;
}

Test(sim_cable, without_faults_nothing_is_lost_or_overtaken)
{
	struct sim_cable *cable = make(1, NULL);
	struct sim_cable_frame frame;
	uint8_t numbers[2 * COUNT];

	put(cable, 5, 7);
	cr_expect_eq(sim_cable_next_ns(cable), 1005);
	cr_expect_not(sim_cable_take(cable, 1004, &frame));
	cr_expect(sim_cable_take(cable, 1005, &frame));
	cr_expect_eq(frame.data[14], 7);
	sim_cable_destroy(cable);
	cr_expect_eq(run(1, NULL, 0, numbers), COUNT);
	cr_expect(in_order(numbers, COUNT));
}

Test(sim_cable, what_enters_at_a_port_comes_out_at_the_other)
{
	struct sim_cable *cable = make(1, NULL);
	struct sim_cable_frame frame;
	uint8_t bytes[FRAME] = {1};

	sim_cable_put(cable, 1, 0, bytes, 20);
	cr_assert(sim_cable_take(cable, 1000, &frame));
	cr_expect_eq(frame.port, 0);
	cr_expect_eq(frame.len, 20);
	cr_expect_arr_eq(frame.data, bytes, 20);
	sim_cable_destroy(cable);
}

Test(sim_cable, without_room_frames_are_dropped_and_counted)
{
	struct sim_cable_config config = {.frame_max = 2, .frame_bytes = FRAME};
	struct sim_cable *cable = sim_cable_create(&config);
	struct sim_cable_frame frame;
	uint8_t bytes[FRAME + 1] = {0};

	for (uint32_t i = 0; i < 3; i++)
		sim_cable_put(cable, 0, 0, bytes, FRAME);
	cr_expect_eq(sim_cable_dropped(cable), 1);
	cr_expect(sim_cable_take(cable, 0, &frame));
	/* Its bytes are lent until the next call, which may have its place. */
	sim_cable_put(cable, 0, 0, bytes, FRAME);
	cr_expect_eq(sim_cable_dropped(cable), 1);
	cr_expect(sim_cable_take(cable, 0, &frame));
	sim_cable_put(cable, 0, 0, bytes, FRAME + 1);
	cr_expect_eq(sim_cable_dropped(cable), 2);
	sim_cable_destroy(cable);
}

Test(sim_cable, frames_are_lost_and_doubled)
{
	struct sim_faults lose = {.chance = {[SIM_LOSE] = 2000}};
	struct sim_faults twice = {.chance = {[SIM_DUPLICATE] = ALWAYS}};
	struct sim_faults out = {
		.chance = {[SIM_OUTAGE] = 500},
		.outage_max_ns = 50 * NS_PER_US,
	};
	uint8_t numbers[2 * COUNT];
	uint32_t count = run(1, &lose, SIM_LOSE, numbers);

	cr_expect(count > COUNT / 2 && count < COUNT);
	cr_expect_eq(run(1, &twice, SIM_DUPLICATE, numbers), 2 * COUNT);
	count = run(1, &out, SIM_OUTAGE, numbers);
	cr_expect(count > 0 && count < COUNT - 10);
	cr_expect(in_order(numbers, count));
}

Test(sim_cable, only_reordering_lets_frames_overtake)
{
	struct sim_faults reorder = {
		.chance = {[SIM_REORDER] = 1000},
		.reorder_max_ns = 20 * NS_PER_US,
	};
	struct sim_faults late = {
		.chance = {[SIM_DELAY] = ALWAYS, [SIM_STALL] = 500},
		.delay_min_ns = 10,
		.delay_max_ns = 1000,
		.delay_jitter_ns = 50 * NS_PER_US,
		.stall_max_ns = 100 * NS_PER_US,
	};
	uint8_t numbers[2 * COUNT];

	cr_expect_eq(run(1, &reorder, SIM_REORDER, numbers), COUNT);
	cr_expect_not(in_order(numbers, COUNT));
	cr_expect_eq(run(1, &late, SIM_STALL, numbers), COUNT);
	cr_expect(in_order(numbers, COUNT));
	cr_expect_eq(run(1, &late, SIM_DELAY, numbers), COUNT);
}

static uint32_t bits_that_differ(const uint8_t *a, const uint8_t *b,
				 uint32_t len)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < len; i++)
		bits += (uint32_t)__builtin_popcount(a[i] ^ b[i]);
	return bits;
}

Test(sim_cable, one_bit_is_spoilt_where_a_checksum_finds_it)
{
	struct sim_faults corrupt = {.chance = {[SIM_CORRUPT] = ALWAYS}};
	struct sim_cable *cable = make(1, &corrupt);
	uint8_t ipv4[FRAME] = {[12] = 8};
	uint8_t arp[FRAME] = {[12] = 8, [13] = 6};
	struct sim_cable_frame frame;

	for (uint32_t i = 0; i < COUNT; i++) {
		sim_cable_put(cable, 0, 0, ipv4, FRAME);
		cr_assert(sim_cable_take(cable, 1000, &frame));
		cr_expect_arr_eq(frame.data, ipv4, 14);
		cr_expect_eq(bits_that_differ(frame.data, ipv4, FRAME), 1);
	}
	sim_cable_put(cable, 0, 0, arp, FRAME);
	cr_assert(sim_cable_take(cable, 1000, &frame));
	cr_expect_arr_eq(frame.data, arp, FRAME);
	sim_cable_destroy(cable);
}

Test(sim_cable, the_same_seed_is_the_same_cable)
{
	struct sim_faults faults = sim_faults_frames();
	uint8_t a[2 * COUNT];
	uint8_t b[2 * COUNT];
	uint32_t count;

	faults.chance[SIM_LOSE] = 3000;
	count = run(3, &faults, SIM_LOSE, a);
	cr_expect_eq(run(3, &faults, SIM_LOSE, b), count);
	cr_expect_arr_eq(a, b, count);
	cr_expect(run(4, &faults, SIM_LOSE, b) != count ||
		  memcmp(a, b, count) != 0);
}
