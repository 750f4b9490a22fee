/* region_test.c - images through shared memory, the other side hostile. */
#include "core/region.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS      8
#define SLOT_BYTES 4096

/* Shared with the child of a fork, and with a page behind it that traps. */
static uint8_t *map_region(size_t *size_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t needed = region_size(SLOTS, SLOT_BYTES);
	uint8_t *base;

	*size_bytes = (needed + page - 1) / page * page;
	base = mmap(NULL, *size_bytes + page, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(base, MAP_FAILED);
	cr_assert_eq(mprotect(base + *size_bytes, page, PROT_NONE), 0);
	return base;
}

static struct region_slot *directory(uint8_t *base)
{
	return (struct region_slot *)(void *)(base +
					      sizeof(struct region_header));
}

/* A region seen by writer and reader, and one sealed image in slot 0. */
struct fixture {
	uint8_t *base;
	size_t size_bytes;
	struct region writer;
	struct region reader;
};

static void setup(struct fixture *f)
{
	f->base = map_region(&f->size_bytes);
	cr_assert_eq(region_format(&f->writer, f->base, f->size_bytes, SLOTS,
				   SLOT_BYTES),
		     0);
	cr_assert_eq(region_open(&f->reader, f->base, f->size_bytes), 0);
}

static uint32_t put(struct fixture *f, uint64_t owner, const char *text)
{
	uint8_t *room;
	uint32_t slot;

	cr_assert_eq(region_fill(&f->writer, owner, &slot, &room), 0);
	memcpy(room, text, strlen(text));
	region_seal(&f->writer, slot, (uint32_t)strlen(text));
	return slot;
}

Test(region, sizes_are_bounded)
{
	cr_assert_eq(region_size(1, 64), 64 + 64 + 64);
	cr_assert_eq(region_size(0, 64), 0);
	cr_assert_eq(region_size(1, 0), 0);
	cr_assert_eq(region_size(UINT32_MAX, 64), 0);
	cr_assert_eq(region_size(64, UINT32_MAX), 0);
	cr_assert_gt(region_size(REGION_SLOTS_MAX, REGION_SLOT_BYTES_MAX),
		     (size_t)1 << 40);
}

Test(region, an_image_passes_once)
{
	uint8_t out[SLOT_BYTES];
	struct fixture f;
	uint32_t slot;

	setup(&f);
	slot = put(&f, 7, "image");
	cr_assert_eq(region_claim(&f.reader, slot, 7, out, sizeof(out)), 5);
	cr_assert_eq(memcmp(out, "image", 5), 0);
	cr_assert_eq(region_claim(&f.reader, slot, 7, out, sizeof(out)),
		     -ENOENT);
	cr_assert_eq(region_take_back(&f.writer, slot), -EBUSY);
	cr_assert_eq(region_claim(&f.reader, SLOTS, 7, out, sizeof(out)),
		     -ENOENT);
	cr_assert_eq(region_claim(&f.reader, UINT32_MAX, 7, out, sizeof(out)),
		     -ENOENT);
}

Test(region, a_full_region_refuses_and_recovers)
{
	uint8_t out[SLOT_BYTES];
	struct fixture f;
	uint8_t *room;
	uint32_t slot;

	setup(&f);
	for (uint32_t i = 0; i < SLOTS; i++)
		cr_assert_eq(put(&f, i, "x"), i);
	cr_assert_eq(region_fill(&f.writer, 1, &slot, &room), -ENOSPC);
	cr_assert_eq(region_claim(&f.reader, 3, 3, out, sizeof(out)), 1);
	cr_assert_eq(region_fill(&f.writer, 1, &slot, &room), 0);
	cr_assert_eq(slot, 3);
	cr_assert_eq(room + SLOT_BYTES * 4,
		     f.base + region_size(SLOTS, SLOT_BYTES) - SLOT_BYTES);
	cr_assert_eq(region_claim(&f.reader, 3, 1, out, sizeof(out)), -ENOENT,
		     "not sealed yet");
	cr_assert_eq(region_take_back(&f.writer, 3), 0);
	cr_assert_eq(region_take_back(&f.writer, 5), 0);
	cr_assert_eq(region_claim(&f.reader, 5, 5, out, sizeof(out)), -ENOENT,
		     "taken back");
}

Test(region, a_claim_that_fails_frees_the_slot)
{
	uint8_t out[SLOT_BYTES];
	struct fixture f;

	setup(&f);
	cr_assert_eq(region_claim(&f.reader, put(&f, 7, "image"), 8, out,
				  sizeof(out)),
		     -EBADMSG, "another owner");
	cr_assert_eq(region_claim(&f.reader, put(&f, 7, "image"), 7, out, 4),
		     -ENOBUFS);
	for (uint32_t i = 0; i < SLOTS; i++)
		cr_assert_eq(directory(f.base)[i].state, REGION_FREE);
}

Test(region, headers_of_others_are_checked)
{
	static const struct {
		const char *what;
		struct region_header header;
	} cases[] = {
		{"magic", {1, REGION_VERSION, SLOTS, SLOT_BYTES, {0}}},
		{"version", {REGION_MAGIC, 2, SLOTS, SLOT_BYTES, {0}}},
		{"no slot", {REGION_MAGIC, 1, 0, SLOT_BYTES, {0}}},
		{"no room", {REGION_MAGIC, 1, SLOTS, 0, {0}}},
		{"too many slots", {REGION_MAGIC, 1, 99, SLOT_BYTES, {0}}},
		{"too much room", {REGION_MAGIC, 1, SLOTS, 1 << 20, {0}}},
		{"a product that wraps",
		 {REGION_MAGIC, 1, UINT32_MAX, UINT32_MAX, {0}}},
	};
	struct fixture f;

	setup(&f);
	cr_assert_eq(region_open(&f.reader, f.base, 63), -EBADMSG);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memcpy(f.base, &cases[i].header, sizeof(cases[i].header));
		cr_expect_eq(region_open(&f.reader, f.base, f.size_bytes),
			     -EBADMSG, "%s", cases[i].what);
	}
	cr_assert_eq(region_format(&f.writer, f.base, f.size_bytes, SLOTS,
				   SLOT_BYTES * 2),
		     -EINVAL);
}

Test(region, entries_of_others_are_checked)
{
	uint8_t out[SLOT_BYTES];
	struct region_slot *entry;
	struct fixture f;
	uint32_t slot;

	setup(&f);
	slot = put(&f, 7, "image");
	entry = &directory(f.base)[slot];
	entry->len = SLOT_BYTES + 1;
	cr_assert_eq(region_claim(&f.reader, slot, 7, out, sizeof(out)),
		     -EBADMSG);
	slot = put(&f, 7, "image");
	directory(f.base)[slot].len = UINT32_MAX;
	cr_assert_eq(region_claim(&f.reader, slot, 7, out, sizeof(out)),
		     -EBADMSG);
	slot = put(&f, 7, "image");
	directory(f.base)[slot].hash++;
	cr_assert_eq(region_claim(&f.reader, slot, 7, out, sizeof(out)),
		     -EBADMSG);
	slot = put(&f, 7, "image");
	directory(f.base)[slot].state = 99;
	cr_assert_eq(region_claim(&f.reader, slot, 7, out, sizeof(out)),
		     -ENOENT);
	/* The header was read once: what it becomes later is nobody's guide. */
	slot = put(&f, 7, "image");
	memset(f.base, 0xff, sizeof(struct region_header));
	cr_assert_eq(region_claim(&f.reader, slot, 7, out, sizeof(out)), 5);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* An image whose every byte tells its number, so that a torn one shows. */
static void fill_pattern(uint8_t *room, uint32_t number, uint32_t len)
{
	memset(room, (int)(number % 251), len);
}

static bool is_pattern(const uint8_t *bytes, int64_t len)
{
	for (int64_t i = 1; i < len; i++) {
		if (bytes[i] != bytes[0])
			return false;
	}
	return true;
}

/*
 * The hostile writer: seals good images now and then, and meanwhile writes
 * anything anywhere in the memory until it is killed.
 */
static _Noreturn void spoil(struct fixture *f)
{
	uint64_t seed = 5;

	alarm(20); /* should the parent die first */
	for (uint32_t number = 0;; number++) {
		struct region_slot *entry;
		uint8_t *room;
		uint32_t slot;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if (region_fill(&f->writer, 7, &slot, &room) == 0) {
			fill_pattern(room, number, SLOT_BYTES);
			region_seal(&f->writer, slot, SLOT_BYTES);
		}
		entry = &directory(f->base)[seed >> 61];
		switch (seed >> 40 & 7) {
		case 0:
			entry->state = (uint32_t)(seed >> 50);
			break;
		case 1:
			entry->state = REGION_SEALED;
			break;
		case 2:
			entry->len = (uint32_t)(seed >> 24);
			break;
		case 3:
			entry->hash = seed;
			break;
		case 4:
			entry->owner = seed >> 50;
			break;
		case 5:
			memset(f->base, (int)seed, 64);
			break;
		default:
			fill_pattern(f->base + f->size_bytes - SLOT_BYTES * 2,
				     number, SLOT_BYTES);
			break;
		}
	}
}

Test(region, a_hostile_process_cannot_harm_the_reader)
{
	uint64_t good = 0;
	uint64_t refused = 0;
	uint64_t end_ms;
	uint64_t give_up_ms;
	struct fixture f;
	pid_t child;

	setup(&f);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		spoil(&f);
	/* On a busy machine it takes a while until the two have met. */
	end_ms = now_ms() + 1500;
	give_up_ms = now_ms() + 15000;
	for (uint32_t i = 0; now_ms() < (good && refused ? end_ms : give_up_ms);
	     i++) {
		uint8_t out[SLOT_BYTES];
		int64_t len = region_claim(&f.reader, i % (SLOTS + 1), 7, out,
					   sizeof(out));

		if (len > 0 && !is_pattern(out, len)) {
			kill(child, SIGKILL);
			cr_assert_fail("a torn image passed");
		}
		good += len > 0;
		refused += len == -EBADMSG || len == -ENOBUFS;
	}
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert_gt(good, 0, "some images pass");
	cr_assert_gt(refused, 0, "some are refused");
}

#define PASSED_COUNT 20000

/* As between daemons: the writer tells which slot holds image number n. */
struct passing {
	struct fixture f;
	_Atomic uint32_t slot_of[PASSED_COUNT]; /* plus 1, 0: not yet */
};

static void *write_all(void *arg)
{
	struct passing *passing = arg;

	for (uint32_t number = 0; number < PASSED_COUNT;) {
		uint32_t len = 1 + number % SLOT_BYTES;
		uint8_t *room;
		uint32_t slot;

		if (region_fill(&passing->f.writer, number, &slot, &room) < 0)
			continue;
		fill_pattern(room, number, len);
		region_seal(&passing->f.writer, slot, len);
		passing->slot_of[number++] = slot + 1;
	}
	return NULL;
}

Test(region, images_pass_between_threads_whole)
{
	static struct passing passing;
	pthread_t writer;

	setup(&passing.f);
	cr_assert_eq(pthread_create(&writer, NULL, write_all, &passing), 0);
	for (uint32_t number = 0; number < PASSED_COUNT;) {
		uint32_t slot = passing.slot_of[number];
		uint8_t out[SLOT_BYTES];
		int64_t len;

		if (slot == 0)
			continue;
		len = region_claim(&passing.f.reader, slot - 1, number, out,
				   sizeof(out));
		cr_assert_eq(len, 1 + number % SLOT_BYTES);
		cr_assert_eq(out[0], number % 251);
		cr_assert(is_pattern(out, len));
		number++;
	}
	cr_assert_eq(pthread_join(writer, NULL), 0);
}
