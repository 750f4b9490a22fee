/* stream.h - position-coded bytes: every byte tells which stream it is of and
 * where, so that the receiver can count exactly what went wrong. */
#pragma once

#include "core/field.h"

/*
 * A stream is a row of records; a byte at position p is byte p % 16 of record
 * number p / 16. A stream may be cut anywhere.
 *
 *   u8 tag (data), u8 0, u32 key, u48 record number, u32 check
 *
 * Control records of the same size may stand between any two bytes and take
 * no position:
 *
 *   CLOSE   value: how many bytes of the stream were sent before it. What did
 *           not come is lost, even at the end.
 *   REPORT  field and value: one of the counts of the other end's checker.
 *
 * The closing exchange: the sender writes CLOSE; whoever echoes sends on what
 * is pending, CLOSE included, and then a REPORT record for each field.
 *
 * Each byte received is new, late (its position was first counted as lost), a
 * duplicate, of another stream, or corrupt. The checker knows a byte by a
 * whole record in the same run of bytes: runs under 31 bytes between two
 * faults may hold none and count as corrupt (and their positions as lost).
 * Where bytes at a seam fit both sides, it chooses what gives no loss.
 */
#define STREAM_RECORD_BYTES 16
#define STREAM_REPORT_BYTES (STREAM_RECORD_BYTES * STREAM_FIELDS)
#define STREAM_GAPS         4

enum stream_field {
	STREAM_SENT,    /* as CLOSE told, 0 when there was none */
	STREAM_CHECKED, /* in order or late, each position once */
	STREAM_LOST,
	STREAM_DUPLICATED,
	STREAM_REORDERED, /* came late: no longer lost */
	STREAM_CROSSED,
	STREAM_CORRUPT,
	STREAM_FAULT_AT, /* position of the first fault + 1, 0: none */
	STREAM_FIELDS
};

struct stream_counts {
	uint64_t field[STREAM_FIELDS];
};

/* What REPORT records told. */
struct stream_report {
	struct stream_counts counts;
	uint32_t have; /* bit per field */
};

#define STREAM_REPORT_WHOLE ((1u << STREAM_FIELDS) - 1)

/* Positions that were skipped: counted as lost until they come. */
struct stream_gap {
	uint64_t start;
	uint64_t len;
};

#define STREAM_WINDOW_BYTES 46

struct stream_checker {
	struct stream_counts counts;
	uint64_t next;  /* position expected */
	uint64_t high;  /* one behind the highest seen */
	uint64_t alien; /* the same in the other stream, while in one */
	struct stream_gap gap[STREAM_GAPS];
	uint32_t key;       /* 0: that of the first record */
	uint32_t alien_key; /* of the last other stream seen */
	uint32_t run;       /* last bytes that were counted alike ... */
	uint8_t run_kind;   /* ... as what */
	uint8_t mode;
	uint8_t before; /* bytes of the run that this one goes on from */
	uint8_t before_kind;
	uint8_t slack;  /* how far a seam to another stream may slide */
	uint8_t closes; /* CLOSE records seen, stays at 255 */
	uint8_t known;  /* bytes of the window that are counted already */
	uint8_t window_len;
	uint8_t window[STREAM_WINDOW_BYTES];
};

_Static_assert(sizeof(struct stream_checker) <= 256, "four cache lines");

/* A checker's fields in the image of a struct that holds it. */
#define STREAM_GAP_FIELDS(type, m, tag_, i)                       \
	FIELD(type, m.gap[i].start, FIELD_U64, 0, .tag = (tag_)), \
		FIELD(type, m.gap[i].len, FIELD_U64, 0, .tag = (tag_) + 1)
#define STREAM_COUNT_FIELD(type, m, tag_, i) \
	FIELD(type, m.counts.field[i], FIELD_U64, 0, .tag = (tag_) + (i))
#define STREAM_CHECKER_TAGS 32
#define STREAM_CHECKER_FIELDS(type, m, tag_)                                \
	STREAM_COUNT_FIELD(type, m, tag_, 0),                               \
		STREAM_COUNT_FIELD(type, m, tag_, 1),                       \
		STREAM_COUNT_FIELD(type, m, tag_, 2),                       \
		STREAM_COUNT_FIELD(type, m, tag_, 3),                       \
		STREAM_COUNT_FIELD(type, m, tag_, 4),                       \
		STREAM_COUNT_FIELD(type, m, tag_, 5),                       \
		STREAM_COUNT_FIELD(type, m, tag_, 6),                       \
		STREAM_COUNT_FIELD(type, m, tag_, 7),                       \
		STREAM_GAP_FIELDS(type, m, (tag_) + 8, 0),                  \
		STREAM_GAP_FIELDS(type, m, (tag_) + 10, 1),                 \
		STREAM_GAP_FIELDS(type, m, (tag_) + 12, 2),                 \
		STREAM_GAP_FIELDS(type, m, (tag_) + 14, 3),                 \
		FIELD(type, m.next, FIELD_U64, 0, .tag = (tag_) + 16),      \
		FIELD(type, m.high, FIELD_U64, 0, .tag = (tag_) + 17),      \
		FIELD(type, m.alien, FIELD_U64, 0, .tag = (tag_) + 18),     \
		FIELD(type, m.key, FIELD_U32, 0, .tag = (tag_) + 19),       \
		FIELD(type, m.alien_key, FIELD_U32, 0, .tag = (tag_) + 20), \
		FIELD(type, m.run, FIELD_U32, 0, .tag = (tag_) + 21),       \
		FIELD(type, m.run_kind, FIELD_U8, 0, .tag = (tag_) + 22),   \
		FIELD(type, m.mode, FIELD_U8, 0, .tag = (tag_) + 23),       \
		FIELD(type, m.slack, FIELD_U8, 0, .tag = (tag_) + 24),      \
		FIELD(type, m.closes, FIELD_U8, 0, .tag = (tag_) + 25),     \
		FIELD(type, m.known, FIELD_U8, 0, .tag = (tag_) + 26),      \
		FIELD(type, m.window_len, FIELD_U8, 0, .tag = (tag_) + 27), \
		FIELD(type, m.window, FIELD_BYTES, STREAM_WINDOW_BYTES,     \
		      .tag = (tag_) + 28),                                  \
		FIELD(type, m.before, FIELD_U8, 0, .tag = (tag_) + 29),     \
		FIELD(type, m.before_kind, FIELD_U8, 0, .tag = (tag_) + 30)

/* The key of a guest's stream, never 0. */
uint32_t stream_key(const char *guest_name, uint32_t stream);

/* Writes the bytes of positions position .. position + len of a stream. */
void stream_fill(uint32_t key, uint64_t position, uint8_t *bytes, size_t len);

/* Writes one CLOSE record, STREAM_RECORD_BYTES long. */
void stream_write_close(uint8_t *bytes, uint32_t key, uint64_t sent_bytes);

/* Writes the REPORT records of counts, STREAM_REPORT_BYTES long. */
void stream_write_report(uint8_t *bytes, uint32_t key,
			 const struct stream_counts *counts);

/* Starts at position 0. With key 0 that of the first record is taken. */
void stream_checker_init(struct stream_checker *checker, uint32_t key);

/*
 * Eats the next bytes of a stream, any number at a time. REPORT records go to
 * report when it is not NULL. Returns how many CLOSE records were among them.
 */
uint32_t stream_check(struct stream_checker *checker, const uint8_t *bytes,
		      size_t len, struct stream_report *report);

/* True when a checker that came in an image is one that this code made. */
bool stream_checker_valid(const struct stream_checker *checker);

/* Bytes lost, duplicated, reordered, crossed and corrupt together. */
uint64_t stream_faults(const struct stream_counts *counts);
