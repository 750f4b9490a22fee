/* sample.h - a table with every field kind, for the targets of the codec. */
#pragma once

#include "core/field.h"

struct sample_item {
	uint8_t type;
	int16_t delta;
	uint64_t serial;
	struct span name;
	struct span data;
};

struct sample_pair {
	uint8_t type;
	uint8_t id;
};

struct sample {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int16_t i16;
	int32_t i32;
	int64_t i64;
	uint8_t bytes[16];
	struct span blob8;
	struct span blob16;
	struct span blob32;
	struct span string;
	struct span pairs8;
	struct span items16;
	struct span items32;
	struct span tail;
};

struct sample_ptrs {
	uint16_t port;
	struct span host;
	struct span subject;
	struct span pairs;
	uint32_t version;
};

struct sample_list {
	uint16_t count;
	struct span items;
};

static const struct field sample_item_f[] = {
	FIELD(struct sample_item, type, FIELD_U8, 11),
	FIELD(struct sample_item, delta, FIELD_I16, 1000),
	FIELD(struct sample_item, serial, FIELD_U64, 0),
	FIELD(struct sample_item, name, FIELD_BLOB8, 31, .flags = FIELD_NUL),
	FIELD(struct sample_item, data, FIELD_BLOB16, 300),
};
static const struct field_table sample_item_table =
	FIELD_TABLE("item", struct sample_item, sample_item_f);

static const struct field sample_pair_f[] = {
	FIELD(struct sample_pair, type, FIELD_U8, 11),
	FIELD(struct sample_pair, id, FIELD_U8, 0),
};
static const struct field_table sample_pair_table =
	FIELD_TABLE("pair", struct sample_pair, sample_pair_f);

/* Tagged and partly optional, so that it serves the images too. */
static const struct field sample_f[] = {
	FIELD(struct sample, u8, FIELD_U8, 200, .tag = 1),
	FIELD(struct sample, u16, FIELD_U16, 0, .tag = 2),
	FIELD(struct sample, u32, FIELD_U32, 0, .tag = 3,
	      .flags = FIELD_OPTIONAL),
	FIELD(struct sample, u64, FIELD_U64, 0, .tag = 4),
	FIELD(struct sample, i16, FIELD_I16, 100, .tag = 5),
	FIELD(struct sample, i32, FIELD_I32, 0, .tag = 6,
	      .flags = FIELD_OPTIONAL),
	FIELD(struct sample, i64, FIELD_I64, 0, .tag = 7),
	FIELD(struct sample, bytes, FIELD_BYTES, 16, .tag = 8,
	      .flags = FIELD_SECRET | FIELD_OPTIONAL),
	FIELD(struct sample, blob8, FIELD_BLOB8, 255, .tag = 9),
	FIELD(struct sample, blob16, FIELD_BLOB16, 300, .tag = 10,
	      .flags = FIELD_NONEMPTY),
	FIELD(struct sample, blob32, FIELD_BLOB32, 300, .tag = 11,
	      .flags = FIELD_OPTIONAL),
	FIELD(struct sample, string, FIELD_BLOB32, 30, .tag = 12,
	      .flags = FIELD_NUL),
	FIELD(struct sample, pairs8, FIELD_LIST8, 4, .tag = 13,
	      .elem = &sample_pair_table),
	FIELD(struct sample, items16, FIELD_LIST16, 40, .tag = 14,
	      .elem = &sample_item_table),
	FIELD(struct sample, items32, FIELD_LIST32, 40, .tag = 15,
	      .elem = &sample_item_table, .flags = FIELD_OPTIONAL),
	FIELD(struct sample, tail, FIELD_TAIL, 64, .tag = 0x1234,
	      .flags = FIELD_OPTIONAL),
};
static const struct field_table sample_table =
	FIELD_TABLE("sample", struct sample, sample_f);

static const struct field sample_ptrs_f[] = {
	FIELD(struct sample_ptrs, port, FIELD_U16, 0, .tag = 1),
	FIELD(struct sample_ptrs, host, FIELD_PTRBLOB, 255, .tag = 2,
	      .flags = FIELD_NUL | FIELD_NONEMPTY),
	FIELD(struct sample_ptrs, subject, FIELD_PTRBLOB, 100, .tag = 3),
	FIELD(struct sample_ptrs, pairs, FIELD_LIST8, 9, .tag = 4,
	      .elem = &sample_pair_table, .flags = FIELD_NONEMPTY),
	FIELD(struct sample_ptrs, version, FIELD_U32, 0, .tag = 5),
};
static const struct field_table sample_ptrs_table =
	FIELD_TABLE("ptrs", struct sample_ptrs, sample_ptrs_f);

static const struct field sample_list_f[] = {
	FIELD(struct sample_list, count, FIELD_U16, 0, .tag = 1),
	FIELD(struct sample_list, items, FIELD_LIST_TAIL, 20, .tag = 2,
	      .elem = &sample_item_table),
};
static const struct field_table sample_list_table =
	FIELD_TABLE("list", struct sample_list, sample_list_f);

static const struct field_table *const sample_tables[] = {
	&sample_table, &sample_ptrs_table, &sample_list_table,
	&sample_item_table};

/* Room for any of the structs, and for any encoding of a drawn one. */
union sample_any {
	struct sample sample;
	struct sample_ptrs ptrs;
	struct sample_list list;
	struct sample_item item;
};

#define SAMPLE_SCRATCH_BYTES ((size_t)8192)
#define SAMPLE_WIRE_BYTES    ((size_t)16384)
