/* control_reader.c - requests of the control socket, out of bytes. */
#include "core/control_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_FIRST ((size_t)512)

static int reserve(struct control_reader *reader, size_t len)
{
	size_t cap = reader->cap ? reader->cap : LINE_BYTES_FIRST;
	char *line;

	if (len > CONTROL_LINE_BYTES_MAX)
		return -EMSGSIZE;
	while (cap < len)
		cap *= 2;
	if (cap == reader->cap)
		return 0;
	line = realloc(reader->line, cap);
	if (!line)
		return -ENOMEM;
	reader->line = line;
	reader->cap = cap;
	return 0;
}

int control_reader_put(struct control_reader *reader, const void *bytes,
		       size_t len, size_t *used)
{
	const char *end = memchr(bytes, '\n', len);
	size_t part = end ? (size_t)(end - (const char *)bytes) : len;
	int err;

	*used = 0;
	err = reserve(reader, reader->len + part);
	if (err)
		return err;
	if (part)
		memcpy(reader->line + reader->len, bytes, part);
	reader->len += part;
	*used = end ? part + 1 : part;
	return end ? 1 : 0;
}

void control_reader_next(struct control_reader *reader)
{
	reader->len = 0;
}

void control_reader_fini(struct control_reader *reader)
{
	free(reader->line);
	*reader = (struct control_reader){0};
}

/*
 * The parser recurses once per bracket, so brackets are counted before it
 * sees them. Inside strings they are text.
 */
static bool is_too_deep(const char *line, size_t len)
{
	uint32_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = line[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > CONTROL_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return false;
}

static int take_name(struct control_request *request, const json_t *value,
		     char error[CONTROL_ERROR_BYTES])
{
	if (!json_is_string(value) || json_string_length(value) == 0 ||
	    json_string_length(value) >= CONTROL_NAME_BYTES) {
		snprintf(error, CONTROL_ERROR_BYTES,
			 "\"execute\" must be the name of a command");
		return -EINVAL;
	}
	memcpy(request->name, json_string_value(value),
	       json_string_length(value) + 1);
	return 0;
}

static int take_members(struct control_request *request, json_t *root,
			char error[CONTROL_ERROR_BYTES])
{
	bool named = false;
	const char *key;
	json_t *value;

	/* First, so that even a refusal carries it. */
	request->id = json_incref(json_object_get(root, "id"));
	json_object_foreach(root, key, value)
	{
		if (!strcmp(key, "execute")) {
			if (take_name(request, value, error))
				return -EINVAL;
			named = true;
		} else if (!strcmp(key, "arguments")) {
			if (!json_is_object(value)) {
				snprintf(error, CONTROL_ERROR_BYTES,
					 "\"arguments\" must be an object");
				return -EINVAL;
			}
			request->arguments = json_incref(value);
		} else if (strcmp(key, "id") != 0) {
			snprintf(error, CONTROL_ERROR_BYTES,
				 "a request has no member \"%.40s\"", key);
			return -EINVAL;
		}
	}
	if (!named) {
		snprintf(error, CONTROL_ERROR_BYTES, "\"execute\" is missing");
		return -EINVAL;
	}
	if (!request->arguments)
		request->arguments = json_object();
	return request->arguments ? 0 : -EINVAL;
}

int control_request_parse(struct control_request *request, const char *line,
			  size_t len, char error[CONTROL_ERROR_BYTES])
{
	json_error_t where;
	json_t *root;
	int err;

	*request = (struct control_request){0};
	if (is_too_deep(line, len)) {
		snprintf(error, CONTROL_ERROR_BYTES,
			 "nested deeper than %d levels", CONTROL_DEPTH_MAX);
		return -EBADMSG;
	}
	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
	if (!root) {
		snprintf(error, CONTROL_ERROR_BYTES, "no JSON: %.100s",
			 where.text);
		return -EBADMSG;
	}
	if (json_is_object(root)) {
		err = take_members(request, root, error);
	} else {
		snprintf(error, CONTROL_ERROR_BYTES,
			 "a request must be an object");
		err = -EINVAL;
	}
	json_decref(root);
	return err;
}

void control_request_fini(struct control_request *request)
{
	json_decref(request->arguments);
	json_decref(request->id);
	*request = (struct control_request){0};
}

static const struct control_argument *
find_argument(const struct control_argument *list, const char *name)
{
	for (; list && list->kind != CONTROL_END; list++) {
		if (!strcmp(list->name, name))
			return list;
	}
	return NULL;
}

static bool is_good(const struct control_argument *argument,
		    const json_t *value, char error[CONTROL_ERROR_BYTES])
{
	switch (argument->kind) {
	case CONTROL_TEXT:
		snprintf(error, CONTROL_ERROR_BYTES,
			 "\"%s\" must be a text of 1 to %llu bytes",
			 argument->name, (unsigned long long)argument->max);
		return json_is_string(value) && json_string_length(value) > 0 &&
		       json_string_length(value) <= argument->max;
	case CONTROL_FLAG:
		snprintf(error, CONTROL_ERROR_BYTES,
			 "\"%s\" must be true or false", argument->name);
		return json_is_boolean(value);
	default:
		snprintf(error, CONTROL_ERROR_BYTES,
			 "\"%s\" must be a whole number from %llu to %llu",
			 argument->name, (unsigned long long)argument->min,
			 (unsigned long long)argument->max);
		return json_is_integer(value) &&
		       json_integer_value(value) >= 0 &&
		       (uint64_t)json_integer_value(value) >= argument->min &&
		       (uint64_t)json_integer_value(value) <= argument->max;
	}
}

int control_arguments_check(const json_t *object,
			    const struct control_argument *list,
			    char error[CONTROL_ERROR_BYTES])
{
	const char *key;
	json_t *value;

	/* The macro wants to write; nothing does. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		const struct control_argument *argument =
			find_argument(list, key);

		if (!argument) {
			snprintf(error, CONTROL_ERROR_BYTES,
				 "there is no argument \"%.40s\"", key);
			return -EINVAL;
		}
		if (!is_good(argument, value, error))
			return -EINVAL;
	}
	for (; list && list->kind != CONTROL_END; list++) {
		if (list->required && !json_object_get(object, list->name)) {
			snprintf(error, CONTROL_ERROR_BYTES,
				 "the argument \"%s\" is missing", list->name);
			return -EINVAL;
		}
	}
	error[0] = '\0';
	return 0;
}

const char *control_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

bool control_flag(const json_t *object, const char *name, bool absent)
{
	const json_t *value = json_object_get(object, name);

	return value ? json_is_true(value) : absent;
}

uint64_t control_count(const json_t *object, const char *name, uint64_t absent)
{
	const json_t *value = json_object_get(object, name);

	return value ? (uint64_t)json_integer_value(value) : absent;
}
