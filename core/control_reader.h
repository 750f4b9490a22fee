/* control_reader.h - requests of the control socket, out of bytes. */
#pragma once

#include "core/base.h"

#include <jansson.h>

/*
 * One request is one line of JSON, an object:
 *
 *   {"execute": NAME, "arguments": {...}, "id": ANY}
 *
 * arguments and id may be left out. Nothing here does I/O. Control thread:
 * it allocates.
 */
#define CONTROL_LINE_BYTES_MAX ((size_t)64 * 1024)
#define CONTROL_DEPTH_MAX      16
#define CONTROL_NAME_BYTES     48
#define CONTROL_ERROR_BYTES    160

struct control_reader {
	char *line; /* grows to what is needed, at most the limit */
	size_t len;
	size_t cap;
};

struct control_request {
	char name[CONTROL_NAME_BYTES];
	json_t *arguments; /* an object, perhaps empty; owned */
	json_t *id;        /* owned, NULL when there is none */
};

/*
 * Eats bytes up to the end of a line. *used says how many. Returns 1 when
 * reader->line holds a whole line of reader->len bytes (then call
 * control_reader_next before the next bytes), 0: more, -EMSGSIZE, -ENOMEM.
 */
int control_reader_put(struct control_reader *reader, const void *bytes,
		       size_t len, size_t *used);

/* Forgets the line. */
void control_reader_next(struct control_reader *reader);
void control_reader_fini(struct control_reader *reader);

/*
 * Reads a line. Returns 0, -EBADMSG (no JSON: nothing more can be believed) or
 * -EINVAL (JSON, but no request; request->id is set if it had one); then error
 * says why. Finish with control_request_fini in all cases.
 */
int control_request_parse(struct control_request *request, const char *line,
			  size_t len, char error[CONTROL_ERROR_BYTES]);
void control_request_fini(struct control_request *request);

enum control_kind { CONTROL_END, CONTROL_TEXT, CONTROL_FLAG, CONTROL_COUNT };

/* What an argument may be. A command's arguments end with a CONTROL_END. */
struct control_argument {
	const char *name;
	const char *help;
	uint64_t max; /* TEXT: longest in bytes; COUNT: largest */
	uint8_t kind; /* enum control_kind */
	bool required;
	uint64_t min; /* COUNT: smallest */
};

/* Checks an object against a list: 0, or -EINVAL with the reason. */
int control_arguments_check(const json_t *object,
			    const struct control_argument *list,
			    char error[CONTROL_ERROR_BYTES]);

/* What was given, or the default. Only after the check. */
const char *control_text(const json_t *object, const char *name);
bool control_flag(const json_t *object, const char *name, bool absent);
uint64_t control_count(const json_t *object, const char *name, uint64_t absent);
