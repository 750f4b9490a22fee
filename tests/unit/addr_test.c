/* addr_test.c - addresses as text: what is read, printed and refused. */
#include "core/addr.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct row {
	const char *text;
	const char *printed; /* NULL: the same */
	const char *host;
	uint16_t port;
	uint8_t family;
	bool local;
};

static const struct row good[] = {
	{"127.0.0.1:5900", NULL, "127.0.0.1", 5900, ADDR_INET4, true},
	{"127.255.0.9:1", NULL, "127.255.0.9", 1, ADDR_INET4, true},
	{"0.0.0.0:0", NULL, "0.0.0.0", 0, ADDR_INET4, false},
	{"128.0.0.1:65535", NULL, "128.0.0.1", 65535, ADDR_INET4, false},
	{"255.255.255.255:80", NULL, "255.255.255.255", 80, ADDR_INET4, false},
	{"10.0.0.1:00080", "10.0.0.1:80", "10.0.0.1", 80, ADDR_INET4, false},
	{"[::1]:1", NULL, "::1", 1, ADDR_INET6, true},
	{"[0:0:0:0:0:0:0:1]:1", "[::1]:1", "::1", 1, ADDR_INET6, true},
	{"[::]:5900", NULL, "::", 5900, ADDR_INET6, false},
	{"[::2]:5900", NULL, "::2", 5900, ADDR_INET6, false},
	{"[2001:db8::1]:443", NULL, "2001:db8::1", 443, ADDR_INET6, false},
	{"[1111:2222:3333:4444:5555:6666:7777:8888]:65535", NULL,
	 "1111:2222:3333:4444:5555:6666:7777:8888", 65535, ADDR_INET6, false},
	{"[1111:2222:3333:4444:5555:6666:255.255.255.254]:9",
	 "[1111:2222:3333:4444:5555:6666:ffff:fffe]:9",
	 "1111:2222:3333:4444:5555:6666:ffff:fffe", 9, ADDR_INET6, false},
	{"unix:/run/x", NULL, "/run/x", 0, ADDR_UNIX, true},
	{"unix:@name", NULL, "@name", 0, ADDR_UNIX, true},
	{"unix:a:5", NULL, "a:5", 0, ADDR_UNIX, true},
};

static const char *const bad[] = {
	"",
	":",
	"127.0.0.1",
	"127.0.0.1:",
	":5900",
	"127.0.0.1:65536",
	"127.0.0.1:99999",
	"127.0.0.1:100000",
	"127.0.0.1:4294967297",
	"127.0.0.1:-1",
	"127.0.0.1:+1",
	"127.0.0.1: 1",
	"127.0.0.1:1 ",
	" 127.0.0.1:1",
	"127.0.0.1:0x1",
	"127.0.0.1:1:2",
	"127.0.0:1",
	"127.0.0.256:1",
	"127.0.0.1.1:1",
	"localhost:5900",
	"*:5900",
	"::1:5900",
	"::1",
	"[::1]",
	"[::1]:",
	"[::1",
	"[]:1",
	"[::1]5900",
	"[::1]]:5900",
	"[127.0.0.1]:5900",
	"[fe80::1%lo]:1",
	"[::g]:1",
	"unix:",
	"unix:@",
	"UNIX:/x",
	"unix",
	"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:1",
};

Test(addr, reads_and_prints)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const struct row *row = &good[i];
		struct addr addr;
		struct addr again;
		char text[ADDR_TEXT_MAX];

		memset(&addr, 0xff, sizeof(addr));
		cr_assert_eq(addr_parse(&addr, row->text), 0, "%s", row->text);
		cr_assert_eq(addr.family, row->family, "%s", row->text);
		cr_assert_eq(addr.port, row->port, "%s", row->text);
		cr_assert_eq(addr_is_local(&addr), row->local, "%s", row->text);
		addr_print_host(&addr, text);
		cr_assert_str_eq(text, row->host);
		addr_print(&addr, text);
		cr_assert_str_eq(text, row->printed ? row->printed : row->text);
		cr_assert_eq(addr_parse(&again, text), 0);
		cr_assert(addr_equal(&addr, &again));
		cr_assert_eq(memcmp(&addr, &again, sizeof(addr)), 0);
	}
}

Test(addr, refuses_and_touches_nothing)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct addr addr;
		struct addr before;

		memset(&addr, 0x5a, sizeof(addr));
		before = addr;
		cr_assert_eq(addr_parse(&addr, bad[i]), -EINVAL, "%s", bad[i]);
		cr_assert_eq(memcmp(&addr, &before, sizeof(addr)), 0);
	}
}

Test(addr, bounds_a_path)
{
	char text[ADDR_PATH_MAX + 8] = "unix:";
	char printed[ADDR_TEXT_MAX];
	struct addr addr;

	memset(text + 5, 'x', ADDR_PATH_MAX - 1);
	cr_assert_eq(addr_parse(&addr, text), 0);
	addr_print(&addr, printed);
	cr_assert_str_eq(printed, text);
	addr_print_host(&addr, printed);
	cr_assert_str_eq(printed, text + 5);
	text[5 + ADDR_PATH_MAX - 1] = 'x';
	cr_assert_eq(addr_parse(&addr, text), -EINVAL);
	/* A path without its end, as another process might send it. */
	memset(addr.path, 'y', sizeof(addr.path));
	addr_print(&addr, printed);
	cr_assert_eq(strlen(printed), 5 + ADDR_PATH_MAX - 1);
}

Test(addr, tells_addresses_apart)
{
	struct addr addrs[ARRAY_LEN(good)];
	struct addr none = {0};
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		cr_assert_eq(addr_parse(&addrs[i], good[i].text), 0);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		for (size_t j = 0; j < ARRAY_LEN(good); j++) {
			/* Rows 6 and 7 are one address. */
			bool same = i == j || i + j == 13;

			same = same && (i == j || i == 6 || i == 7);
			cr_assert_eq(addr_equal(&addrs[i], &addrs[j]), same,
				     "%s %s", good[i].text, good[j].text);
		}
		cr_assert_not(addr_equal(&addrs[i], &none));
	}
	cr_assert_not(addr_is_local(&none));
	addr_print(&none, text);
	cr_assert_str_eq(text, "none");
	addr_print_host(&none, text);
	cr_assert_str_eq(text, "");
	cr_assert_eq(addr_parse(&none, "none"), -EINVAL);
}
