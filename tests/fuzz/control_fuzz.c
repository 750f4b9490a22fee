/* control_fuzz.c - the control socket: any bytes, in any pieces. */
#include "core/control_table.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

/* Against every command's list, whatever command it was meant for. */
static void check_arguments(const json_t *arguments)
{
	for (const struct control_command *command = control_commands;
	     command->name; command++) {
		char error[CONTROL_ERROR_BYTES] = "x";
		int err = control_arguments_check(arguments, command->arguments,
						  error);

		FUZZ_ASSERT(err == 0 || err == -EINVAL, "good or refused");
		FUZZ_ASSERT((err == 0) == (error[0] == '\0'),
			    "a refusal says why");
		if (err)
			continue;
		for (const struct control_argument *a = command->arguments;
		     a && a->kind != CONTROL_END; a++) {
			const char *text = control_text(arguments, a->name);

			if (a->kind == CONTROL_TEXT && text)
				FUZZ_ASSERT(strlen(text) <= a->max,
					    "texts keep their limit");
			if (a->kind == CONTROL_TEXT && a->required)
				FUZZ_ASSERT(text != NULL, "what must be is");
			if (a->kind == CONTROL_COUNT)
				FUZZ_ASSERT(control_count(arguments, a->name,
							  0) <= a->max,
					    "counts keep their limit");
		}
	}
}

static int handle_line(const struct control_reader *reader)
{
	struct control_request request;
	char error[CONTROL_ERROR_BYTES] = "";
	int err = control_request_parse(&request, reader->line, reader->len,
					error);

	if (err == 0) {
		FUZZ_ASSERT(request.name[0] != '\0', "a request has a name");
		FUZZ_ASSERT(json_is_object(request.arguments),
			    "arguments are an object");
		check_arguments(request.arguments);
	} else {
		FUZZ_ASSERT(error[0] != '\0', "a refusal says why");
	}
	control_request_fini(&request);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_reader reader = {0};
	size_t step = size ? data[0] % 61 + 1u : 1;
	size_t at = 0;

	while (at < size) {
		size_t len = size - at < step ? size - at : step;
		size_t used = 0;
		int got = control_reader_put(&reader, data + at, len, &used);

		FUZZ_ASSERT(used <= len, "it eats what it was given");
		if (got < 0)
			break;
		FUZZ_ASSERT(got == 1 || used == len, "it eats all of a line");
		at += used;
		if (got == 1 && handle_line(&reader) == -EBADMSG)
			break;
		if (got == 1)
			control_reader_next(&reader);
	}
	control_reader_fini(&reader);
	return 0;
}
