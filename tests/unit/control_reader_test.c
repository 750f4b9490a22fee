/* control_reader_test.c - requests of the control socket, out of bytes. */
#include "core/control_reader.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(control_reader, cuts_lines_anywhere)
{
	static const char text[] = "{\"execute\":\"a\"}\n\nsecond\n";

	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		struct control_reader reader = {0};
		char lines[4][32] = {0};
		uint32_t count = 0;
		size_t at = 0;

		while (at < sizeof(text) - 1) {
			size_t len =
				at < cut ? cut - at : sizeof(text) - 1 - at;
			size_t used;
			int got = control_reader_put(&reader, text + at, len,
						     &used);

			cr_assert_geq(got, 0);
			at += used;
			if (got == 0)
				continue;
			memcpy(lines[count++], reader.line, reader.len);
			control_reader_next(&reader);
		}
		cr_expect_eq(count, 3);
		cr_expect_str_eq(lines[0], "{\"execute\":\"a\"}");
		cr_expect_str_eq(lines[1], "");
		cr_expect_str_eq(lines[2], "second");
		control_reader_fini(&reader);
	}
}

Test(control_reader, refuses_long_lines)
{
	struct control_reader reader = {0};
	char *bytes = malloc(CONTROL_LINE_BYTES_MAX + 2);
	size_t used;

	memset(bytes, 'x', CONTROL_LINE_BYTES_MAX + 2);
	bytes[CONTROL_LINE_BYTES_MAX] = '\n';
	cr_expect_eq(control_reader_put(&reader, bytes,
					CONTROL_LINE_BYTES_MAX + 1, &used),
		     1);
	control_reader_next(&reader);
	bytes[CONTROL_LINE_BYTES_MAX] = 'x';
	bytes[CONTROL_LINE_BYTES_MAX + 1] = '\n';
	cr_expect_eq(control_reader_put(&reader, bytes,
					CONTROL_LINE_BYTES_MAX + 2, &used),
		     -EMSGSIZE);
	control_reader_fini(&reader);
	free(bytes);
}

Test(control_reader, knows_requests)
{
	static const struct {
		const char *line;
		int result;
	} cases[] = {
		{"{\"execute\":\"x\"}", 0},
		{" {\"execute\":\"x\",\"arguments\":{\"a\":1},\"id\":[1]} ", 0},
		{"{\"execute\":\"x\",\"id\":null}", 0},
		{"", -EBADMSG},
		{"{", -EBADMSG},
		{"{\"execute\":\"x\"} x", -EBADMSG},
		{"{\"execute\":\"x\",\"execute\":\"y\"}", -EBADMSG},
		{"{\"execute\":\"x\",\"arguments\":{\"a\":1,\"a\":2}}",
		 -EBADMSG},
		{"{\"execute\":\"\xff\"}", -EBADMSG},
		{"{\"execute\":\"a\\u0000b\"}", -EBADMSG},
		{"{\"id\":1e999,\"execute\":\"x\"}", -EBADMSG},
		{"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", -EBADMSG},
		{"[]", -EINVAL},
		{"{}", -EINVAL},
		{"{\"execute\":7}", -EINVAL},
		{"{\"execute\":\"\"}", -EINVAL},
		{"{\"execute\":\"x\",\"arguments\":[]}", -EINVAL},
		{"{\"execute\":\"x\",\"argument\":{}}", -EINVAL},
		{"{\"execute\":\"0123456789012345678901234567890123456789"
		 "01234567890\"}",
		 -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct control_request request;
		char error[CONTROL_ERROR_BYTES] = "";
		int result = control_request_parse(
			&request, cases[i].line, strlen(cases[i].line), error);

		cr_expect_eq(result, cases[i].result, "%s: %d %s",
			     cases[i].line, result, error);
		cr_expect_eq(result == 0, error[0] == '\0');
		control_request_fini(&request);
	}
}
