/* stream_record.h - the records of position-coded streams, inside stream*.c. */
#pragma once

#include "channels/guest/stream.h"

#define TAG_DATA   0xd7
#define TAG_CLOSE  0xc3
#define TAG_REPORT 0xa9

struct stream_record {
	uint8_t tag;
	uint8_t field;
	uint32_t key;
	uint64_t value;
};

/* Reads a record at bytes. False when there is none. */
bool stream_record_read(const uint8_t *bytes, struct stream_record *record);

/* Writes the data record that position is in. */
void stream_data_write(uint8_t *bytes, uint32_t key, uint64_t position);

/* The byte of a stream at position. */
uint8_t stream_data_byte(uint32_t key, uint64_t position);
