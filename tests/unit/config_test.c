/* config_test.c - good files, and bad ones with the exact error. */
#include "core/daemon/config_file.h"
#include "core/plant.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int parse(struct config *config, const char *text, char *error)
{
	error[0] = 0;
	return config_parse_text(config, "f", text, strlen(text), NULL, error,
				 CONFIG_ERROR_MAX);
}

static void expect_addr(const struct addr *addr, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	addr_print(addr, text);
	cr_expect_str_eq(text, expected);
}

static void expect_defaults(const struct config *config)
{
	cr_expect_str_eq(config->name, "flushmark");
	cr_expect_eq(config->node, 1);
	cr_expect_str_eq(config->runtime_dir, "/run/flushmark");
	expect_addr(&config->control, "unix:/run/flushmark/control.sock");
	expect_addr(&config->peers_listen, "unix:/run/flushmark/peer.sock");
	cr_expect_str_eq(config->journal, "/run/flushmark/journal");
	cr_expect_str_eq(config->secret_file, "/run/flushmark/secret");
	cr_expect_not(config->secret_given);
	cr_expect_eq(config->log, LOG_INFO);
	cr_expect_eq(config->pool.spin_ns, 5000);
	cr_expect_eq(config->door_count, 1);
	expect_addr(&config->doors[0].listen, "127.0.0.1:5900");
	cr_expect_str_eq(config->doors[0].advertise_host, "127.0.0.1");
	cr_expect_eq(config->doors[0].advertise_port, 5900);
	cr_expect_eq(config->peer_count, 0);
	cr_expect_eq(config->move.freeze_ms, 5000);
	cr_expect_eq(config->guest_demo.count, 1);
	cr_expect_eq(config->test.migrate_flags, 3);
}

Test(config, runs_without_a_file)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;

	cr_assert_eq(config_default(&config, NULL), 0);
	expect_defaults(&config);
	cr_assert_eq(config_check(&config, error, sizeof(error)), 0);
	cr_assert_eq(parse(&config, "", error), 0);
	expect_defaults(&config);
	cr_assert_eq(parse(&config, "\n ; nothing\n# at all\n", error), 0);
	expect_defaults(&config);
}

Test(config, runtime_dir_decides_where_files_are)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;
	char text[100];

	cr_assert_eq(config_default(&config, "/tmp/x"), 0);
	expect_addr(&config.control, "unix:/tmp/x/control.sock");
	cr_assert_eq(parse(&config, "[daemon]\nruntime-dir = /a\njournal=/b/j",
			   error),
		     0);
	expect_addr(&config.control, "unix:/a/control.sock");
	expect_addr(&config.peers_listen, "unix:/a/peer.sock");
	cr_expect_str_eq(config.journal, "/b/j");
	cr_expect_str_eq(config.secret_file, "/a/secret");

	memset(text, 'd', sizeof(text));
	text[0] = '/';
	text[81] = 0;
	cr_assert_eq(config_default(&config, text), -EINVAL);
	text[80] = 0;
	cr_assert_eq(config_default(&config, text), 0);
}

Test(config, reads_every_key)
{
	static const char text[] =
		"\xef\xbb\xbf[daemon]\r\n"
		"# a whole host\r\n"
		"name = left\r\n"
		"node = 1023\r\n"
		"runtime-dir = /tmp/left\r\n"
		"control = /tmp/left.sock\r\n"
		"log = debug\r\n"
		"secret-file = /etc/secret ; shared by all\r\n"
		"[pool]\n"
		"\tshards = 4\n"
		"\tsessions=100\n"
		"  chunks = 64\n"
		"spin-us = 1000000\n"
		"region-slots = 1\n"
		"region-slot-bytes = 1048576\n"
		"[door one]\n"
		"listen = 127.0.0.1:5909\n"
		"[door two] ; for clients elsewhere\n"
		"advertise = host.example:5999\n"
		"listen = [::1]:5901\n"
		"[door three]\n"
		"listen = unix:/tmp/door\n"
		"[door four]\n"
		"listen = 127.0.0.1:7\n"
		"advertise = [fe80::1]:65535\n"
		"[door five]\n"
		"port = lan\n"
		"insecure-plain = yes\n"
		"listen = 192.0.2.7:5900\n"
		"[port lan]\n"
		"driver = af_packet:va,blocksz=4096\n"
		"address = 192.0.2.7/25\n"
		"gateway = 192.0.2.1\n"
		"mac = 02:00:00:Ab:00:01\n"
		"mtu = 9000\n"
		"rx-descriptors = 64\n"
		"[dpdk]\n"
		"memory = 300\nhuge-pages = no\nidle-us = 100\n"
		"[peers]\n"
		"listen = 127.0.0.1:7000\n"
		"[peer right]\n"
		"address = 127.0.0.1:7001\n"
		"[peer far-right]\n"
		"address = unix:@right\n"
		"[move]\n"
		"connect-ms = 1\nfreeze-ms = 2\ndrain-ms = 600000\n"
		"parallel = 5\nrate = 0\n"
		"[guest-demo]\n"
		"count = 400\nprefix = vm.\nwidth = 64\nheight = 1024\n"
		"fps = 60\npulse-hz = 2\nfirst-pulse-hz = 3";
	char error[CONFIG_ERROR_MAX];
	struct config c;

	cr_assert_eq(parse(&c, text, error), 0, "%s", error);
	cr_expect_str_eq(c.name, "left");
	cr_expect_eq(c.node, 1023);
	expect_addr(&c.control, "unix:/tmp/left.sock");
	cr_expect_eq(c.log, LOG_DEBUG);
	cr_expect_str_eq(c.secret_file, "/etc/secret");
	cr_expect(c.secret_given);
	cr_expect_eq(c.pool.shards, 4);
	cr_expect_eq(c.pool.sessions, 100);
	cr_expect_eq(c.pool.chunks, 64);
	cr_expect_eq(c.pool.spin_ns, NS_PER_S);
	cr_expect_eq(c.pool.region_slots, 1);
	cr_expect_eq(c.pool.region_slot_bytes, 1 << 20);
	cr_expect_eq(c.door_count, 5);
	cr_expect_str_eq(c.doors[0].name, "one");
	cr_expect_eq(c.doors[0].line, 16);
	cr_expect_str_eq(c.doors[0].advertise_host, "127.0.0.1");
	cr_expect_eq(c.doors[0].advertise_port, 5909);
	cr_expect_str_eq(c.doors[1].advertise_host, "host.example");
	cr_expect_eq(c.doors[1].advertise_port, 5999);
	cr_expect_str_eq(c.doors[2].advertise_host, "");
	cr_expect_str_eq(c.doors[3].advertise_host, "fe80::1");
	cr_expect_eq(c.doors[3].advertise_port, 65535);
	cr_expect_str_eq(c.doors[4].port, "lan");
	cr_expect(c.doors[4].insecure_plain);
	cr_expect_eq(c.port_count, 1);
	cr_expect_eq(config_find_port(&c, "lan"), 0);
	cr_expect_str_eq(c.ports[0].driver, "af_packet:va,blocksz=4096");
	cr_expect_eq(c.ports[0].subnet.address, 0xc0000207);
	cr_expect_eq(c.ports[0].subnet.prefix_len, 25);
	cr_expect_eq(c.ports[0].gateway, 0xc0000201);
	cr_expect_eq(c.ports[0].mac[3], 0xab);
	cr_expect_eq(c.ports[0].mtu, 9000);
	cr_expect_eq(c.ports[0].rx_descriptors, 64);
	cr_expect_eq(c.ports[0].tx_descriptors, 512);
	cr_expect_eq(c.dpdk.memory_mib, 300);
	cr_expect_eq(c.dpdk.huge_pages, 2);
	cr_expect_eq(c.dpdk.idle_ns, 100000);
	expect_addr(&c.peers_listen, "127.0.0.1:7000");
	cr_expect_eq(c.peer_count, 2);
	cr_expect_str_eq(c.peers[1].name, "far-right");
	expect_addr(&c.peers[1].address, "unix:@right");
	cr_expect_eq(c.move.connect_ms, 1);
	cr_expect_eq(c.move.freeze_ms, 2);
	cr_expect_eq(c.move.drain_ms, 600000);
	cr_expect_eq(c.move.parallel, 5);
	cr_expect_eq(c.move.rate_per_s, 0);
	cr_expect_eq(c.guest_demo.count, 400);
	cr_expect_str_eq(c.guest_demo.prefix, "vm.");
	cr_expect_eq(c.guest_demo.width, 64);
	cr_expect_eq(c.guest_demo.height, 1024);
	cr_expect_eq(c.guest_demo.fps, 60);
	cr_expect_eq(c.guest_demo.pulse_hz, 2);
	cr_expect_eq(c.guest_demo.first_pulse_hz, 3);
}

#define TLS                                                                  \
	"a loopback address (127.0.0.1:PORT, [::1]:PORT) or unix:PATH; any " \
	"other needs TLS, which is not there yet"

#define LOCAL  "expected a loopback or unix address, not "
#define NO_TLS ": any other needs TLS, which is not there yet"
#define PORT   "[port p]\ndriver = x\naddress = 10.0.0.1/24\n"

#define EIGHTY                                                                 \
	"01234567890123456789012345678901234567890123456789012345678901234567" \
	"890123456789"

static const struct {
	const char *text;
	const char *error;
} bad_files[] = {
	/* Not even INI. */
	{"hello", "f:1: expected [section] or key = value"},
	{"[daemon]\n\nhello\nnode = 5000",
	 "f:3: expected [section] or key = value"},
	{"node = 1", "f:1: expected a [section] before 'node'"},
	{"\n[daemon\n", "f:2: expected ']' at the end of a section's name"},
	{"[daemon] node = 1", "f:1: expected nothing behind ']', not 'node = "
			      "1'"},
	{"[daemon]\nname = a\001b", "f:2: expected text, not the byte 0x01"},
	/* Names that nobody knows. */
	{"[move]\nfreeze-ms = 1\nfreze-ms = 1",
	 "f:3: unknown key 'freze-ms' in [move]: expected one of connect-ms, "
	 "freeze-ms, drain-ms, parallel, rate"},
	{"[move]\nFreeze-ms = 1",
	 "f:2: unknown key 'Freeze-ms' in [move]: expected one of connect-ms, "
	 "freeze-ms, drain-ms, parallel, rate"},
	{"[peers]\nlisten 127.0.0.1:7000\n",
	 "f:2: unknown key 'listen 127.0.0.1' in [peers]: expected one of "
	 "listen"},
	/* Given twice. */
	{"[daemon]\nnode = 1\nnode = 1", "f:3: node given twice in its "
					 "section"},
	{"[daemon]\n[pool]\n[daemon]\n", "f:3: [daemon] given twice"},
	{"[door a]\nlisten=127.0.0.1:1\n[door a]\n",
	 "f:3: [door a] given twice, first in line 1"},
	{"[peer a]\naddress=127.0.0.1:1\n\n[peer a]\n",
	 "f:4: [peer a] given twice, first in line 1"},
	/* Values. */
	{"[daemon]\nnode = 1024", "f:2: node: expected a number from 0 to "
				  "1023, not '1024'"},
	{"[daemon]\nnode = -1", "f:2: node: expected a number from 0 to 1023, "
				"not '-1'"},
	{"[daemon]\nnode =", "f:2: node: expected a number from 0 to 1023, "
			     "not ''"},
	{"[daemon]\nnode = 0x1", "f:2: node: expected a number from 0 to 1023, "
				 "not '0x1'"},
	{"[daemon]\nnode = 99999999999999999999",
	 "f:2: node: expected a number from 0 to 1023, not "
	 "'99999999999999999999'"},
	{"[daemon]\nnode = 1 # one", "f:2: node: expected a number from 0 to "
				     "1023, not '1 # one'"},
	{"[pool]\nshards = 0", "f:2: shards: expected a number from 1 to 64, "
			       "not '0'"},
	{"[move]\nparallel = 0",
	 "f:2: parallel: expected a number from 1 to 4096, not '0'"},
	{"[move]\nparallel = 4097",
	 "f:2: parallel: expected a number from 1 to 4096, not '4097'"},
	{"[guest-demo]\nwidth = 100",
	 "f:2: width: expected a multiple of 8 from 64 to 1024, not '100'"},
	{"[guest-demo]\nprefix = a b",
	 "f:2: prefix: expected at most 24 letters, digits, '.', '_', '-', not "
	 "'a b'"},
	{"[daemon]\nlog = loud", "f:2: log: expected one of error, warning, "
				 "info, debug, not 'loud'"},
	{"[daemon]\njournal = here",
	 "f:2: journal: expected an absolute path of at most 191 bytes, not "
	 "'here'"},
	{"[daemon]\ncontrol = 127.0.0.1:1",
	 "f:2: control: expected an absolute path of at most 107 bytes, not "
	 "'127.0.0.1:1'"},
	{"[door a]\nlisten = 127.0.0.1",
	 "f:2: listen: expected IP:PORT, an IPv6 one in brackets, or "
	 "unix:PATH, not '127.0.0.1'"},
	{"[door a]\nlisten = 0.0.0.0:5900",
	 "f: [door a]: " LOCAL "0.0.0.0:5900" NO_TLS},
	{"[door a]\nlisten = [2001:db8::1]:5900",
	 "f: [door a]: " LOCAL "[2001:db8::1]:5900" NO_TLS},
	/* Ports of the bypass, and doors on them. */
	{"[port p]\ndriver = x\n", "f: [port p]: expected a key 'address'"},
	{"[port p]\naddress = 10.0.0.1/24",
	 "f: [port p]: expected a key 'driver'"},
	{"[port p]\naddress = 10.0.0.1",
	 "f:2: address: expected an IPv4 address with its network's length, as "
	 "192.0.2.7/24, not '10.0.0.1'"},
	{"[port p]\naddress = 10.0.0.1/33",
	 "f:2: address: expected an IPv4 address with its network's length, as "
	 "192.0.2.7/24, not '10.0.0.1/33'"},
	{"[port p]\naddress = 10.0.0.1/+1",
	 "f:2: address: expected an IPv4 address with its network's length, as "
	 "192.0.2.7/24, not '10.0.0.1/+1'"},
	{"[port p]\ngateway = ::1",
	 "f:2: gateway: expected an IPv4 address, not '::1'"},
	{"[port p]\nmac = 03:00:00:00:00:01",
	 "f:2: mac: expected the address of one station, as 02:00:00:00:00:01, "
	 "not '03:00:00:00:00:01'"},
	{"[port p]\nmac = 02:00:00:00:00:0g",
	 "f:2: mac: expected the address of one station, as 02:00:00:00:00:01, "
	 "not '02:00:00:00:00:0g'"},
	{PORT "gateway = 10.0.1.1",
	 "f: [port p]: expected a gateway that the address' network has, and "
	 "not the address"},
	{PORT "[port p]", "f:4: [port p] given twice, first in line 1"},
	{PORT "[port q]\ndriver = y\naddress = 10.0.0.1/8",
	 "f: [port q]: expected an address of its own"},
	{"[door a]\nlisten = 10.0.0.1:5900\nport = p",
	 "f: [door a]: expected a port that has a section [port NAME]"},
	{PORT "[door a]\nlisten = 10.0.0.2:5900\nport = p",
	 "f: [door a]: expected to listen at the port's address, with a "
	 "number"},
	{PORT "[door a]\nlisten = 10.0.0.1:0\nport = p",
	 "f: [door a]: expected to listen at the port's address, with a "
	 "number"},
	{"[door a]\nlisten = 127.0.0.1:0",
	 "f: [door a]: expected a port from 1 to 65535, not 0"},
	{"[peers]\nlisten = 127.0.0.1:0",
	 "f: [peers]: expected a port from 1 to 65535, not 0"},
	{"[peer b]\naddress = 127.0.0.1:0",
	 "f: [peer b]: expected a port from 1 to 65535, not 0"},
	{"[daemon]\nname = b\n[peer b]\naddress = 127.0.0.1:7000",
	 "f: [peer b]: expected the name of another daemon, not this one's "
	 "own"},
	{PORT "[door a]\nlisten = 10.0.0.1:5900\nport = p",
	 "f: [door a]: expected insecure-plain = yes: what clients and guests "
	 "say goes over the network in the clear, and TLS is not there yet"},
	{"[door a]\nlisten = 127.0.0.1:5900\ninsecure-plain = yes",
	 "f: [door a]: expected insecure-plain only with a port"},
	{"[dpdk]\nhuge-pages = some",
	 "f:2: huge-pages: expected one of auto, yes, no, not 'some'"},
	{"[peers]\nlisten = 10.0.0.1:7000",
	 "f:2: listen: expected " TLS ", not '10.0.0.1:7000'"},
	{"[peer x]\naddress = 10.0.0.1:7000",
	 "f:2: address: expected " TLS ", not '10.0.0.1:7000'"},
	{"[door a]\nadvertise = host",
	 "f:2: advertise: expected HOST:PORT as clients reach it, not 'host'"},
	{"[door a]\nadvertise = host:0",
	 "f:2: advertise: expected HOST:PORT as clients reach it, not "
	 "'host:0'"},
	{"[door a]\nadvertise = :1",
	 "f:2: advertise: expected HOST:PORT as clients reach it, not ':1'"},
	{"[door a]\nadvertise = [:1",
	 "f:2: advertise: expected HOST:PORT as clients reach it, not '[:1'"},
	{"[door a]\nadvertise = ::1:1",
	 "f:2: advertise: expected HOST:PORT as clients reach it, not "
	 "'::1:1'"},
	{"[daemon]\nruntime-dir = /" EIGHTY,
	 "f:2: runtime-dir: expected an absolute path of at most 80 bytes, not "
	 "'/01234567890123456789012345678901234567890123456789012345678'"},
	/* Sections that lack what they are for, or a name. */
	{"[door a]\nadvertise = a:1\n[pool]",
	 "f:1: [door a]: expected a key 'listen'"},
	{"\n[peer b]", "f:2: [peer b]: expected a key 'address'"},
	{"[door a/b]", "f:1: [door a/b]: expected a name of at most 31 "
		       "letters, digits, '.', '_', '-'"},
	{"[door  a]", "f:1: [door  a]: expected a name of at most 31 "
		      "letters, digits, '.', '_', '-'"},
	{"[door abcdefghijklmnopqrstuvwxyz012345]",
	 "f:1: [door abcdefghijklmnopqrstuvwxyz012345]: expected a name of at "
	 "most 31 letters, digits, '.', '_', '-'"},
	/* What only all lines together tell. */
	{"[door a]\nlisten=127.0.0.1:1\n[door b]\nlisten=127.0.0.1:1",
	 "f: [door a] and [door b]: expected addresses of their own, not both "
	 "127.0.0.1:1"},
	{"[daemon]\ncontrol=/x\n[peers]\nlisten=unix:/x",
	 "f: [peers] and [daemon]: expected addresses of their own, not both "
	 "unix:/x"},
	{"[peers]\nlisten=127.0.0.1:1\n[peer a]\naddress=127.0.0.1:1",
	 "f: [peer a]: expected the address of another daemon, not this one's "
	 "own"},
	{"[pool]\nshards=2\nsessions=10\n[guest-demo]\ncount=21",
	 "f: [guest-demo]: expected a count of at most 20, shards times "
	 "sessions of [pool], not 21"},
};

Test(config, bad_files_are_refused_with_their_place)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;

	for (size_t i = 0; i < ARRAY_LEN(bad_files); i++) {
		cr_expect_eq(parse(&config, bad_files[i].text, error), -EINVAL,
			     "%s", bad_files[i].text);
		cr_expect_str_eq(error, bad_files[i].error, "%s", error);
	}
}

/* The list of sections differs between builds. */
Test(config, unknown_sections_are_refused)
{
	static const char *const texts[] = {
		"\n[dor a]\n", "\n[]\n",     "\n[daemon x]\n",
		"\n[door]\n",  "\n[Pool]\n", "\n[pool ]\n",
#ifndef FLUSHMARK_TEST_BUILD
		"\n[test]\n",
#endif
	};
	char error[CONFIG_ERROR_MAX];
	struct config config;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		cr_expect_eq(parse(&config, texts[i], error), -EINVAL);
		cr_expect_eq(strncmp(error, "f:2: unknown section [", 22), 0,
			     "%s", error);
		cr_expect(strstr(error, "expected one of [daemon], [pool], "
					"[door NAME], [port NAME], [dpdk], "
					"[peers], [peer NAME], "
					"[move], [guest-demo]"),
			  "%s", error);
	}
}

#ifdef FLUSHMARK_TEST_BUILD
Test(config, test_builds_read_test)
{
	char error[CONFIG_ERROR_MAX];
	struct config c;

	cr_assert_eq(parse(&c,
			   "[test]\nstop-at = source-streamed\nplant = drop\n"
			   "plant-guest = demo-1\nmigrate-flags = 0\n"
			   "version = 4294967295\nno-seamless-cap = yes\n"
			   "ack-window = 0\nnack = true\n",
			   error),
		     0, "%s", error);
	cr_expect_str_eq(c.test.stop_at, "source-streamed");
	cr_expect_eq(c.test.plant, PLANT_drop);
	cr_expect_str_eq(c.test.plant_guest, "demo-1");
	cr_expect_eq(c.test.migrate_flags, 0);
	cr_expect_eq(c.test.src_mig_version, UINT32_MAX);
	cr_expect(c.test.no_seamless_cap);
	cr_expect_eq(c.test.ack_window, 0);
	cr_expect(c.test.nack);
	cr_assert_eq(parse(&c, "[test]\nnack = maybe\n", error), -EINVAL);
	cr_expect_str_eq(error, "f:2: nack: expected yes or no, not 'maybe'");
}

/* Every plant is known here by its name, and nothing else is. */
Test(config, test_builds_name_the_plants)
{
	char error[CONFIG_ERROR_MAX];
	char text[128];
	struct config c;

	for (int i = PLANT_none + 1; i < PLANT_COUNT; i++) {
		snprintf(text, sizeof(text),
			 "[test]\nplant = %s\nplant-guest = x\n",
			 plant_name((enum plant)i));
		cr_expect_eq(parse(&c, text, error), 0, "%s", error);
		cr_expect_eq((int)c.test.plant, i);
	}
	cr_assert_eq(parse(&c, "[test]\nplant = run-before-commit\n", error), 0,
		     "%s", error);
	cr_expect_eq(c.test.plant, PLANT_run_before_commit);
	cr_assert_eq(parse(&c, "[test]\nplant = dorp\n", error), -EINVAL);
	cr_expect_eq(
		strncmp(error, "f:2: plant: expected one of drop, dup, ", 39),
		0, "%s", error);
	for (int i = PLANT_none + 1; i < PLANT_COUNT; i++)
		cr_expect(strstr(error, plant_name((enum plant)i)));
	cr_expect(strstr(error, ", not 'dorp'"), "%s", error);
	cr_assert_eq(parse(&c, "[test]\nplant = dup\n", error), -EINVAL);
	cr_expect_str_eq(error, "f: [test]: expected a plant-guest, whose "
				"bytes the plant dup spoils");
}

Test(config, test_builds_check_test)
{
	static const char *const bad[] = {
		"migrate-flags = 4",    "migrate-flags = -1",
		"ack-window = 1001",    "ack-window = x",
		"version = 4294967296", "nack = 2",
		"no-seamless-cap = ",   "stop-at = a b",
		"plant-guest = a/b",    "plant = ",
		"no-such-key = 1",
	};
	char error[CONFIG_ERROR_MAX];
	char text[128];
	struct config c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "[test]\n%s\n", bad[i]);
		cr_expect_eq(parse(&c, text, error), -EINVAL, "%s", bad[i]);
		cr_expect_eq(strncmp(error, "f:2: ", 5), 0, "%s", error);
		cr_expect(strstr(error, "expected"), "%s", error);
	}
}
#endif

Test(config, long_lines_are_refused)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;
	char text[300] = "[daemon]\n;";

	memset(text + 10, 'x', 198);
	cr_assert_eq(parse(&config, text, error), 0, "199 bytes: %s", error);
	memset(text + 10, 'x', 199);
	cr_assert_eq(parse(&config, text, error), -EINVAL);
	cr_assert_str_eq(error, "f:2: expected at most 199 bytes in a line, "
				"not 200");
	/* The longest path that a line has room for is not cut. */
	strcpy(text, "[daemon]\njournal=/");
	memset(text + 18, 'p', 190);
	text[18 + 190] = 0;
	cr_assert_eq(parse(&config, text, error), 0, "%s", error);
	cr_assert_str_eq(config.journal, text + 17);
}

Test(config, nul_bytes_are_refused)
{
	static const char text[] = "[daemon]\nname = a\0b\n";
	char error[CONFIG_ERROR_MAX];
	struct config config;

	cr_assert_eq(config_parse_text(&config, "f", text, sizeof(text) - 1,
				       NULL, error, sizeof(error)),
		     -EINVAL);
	cr_assert_str_eq(error, "f:2: expected text, not the byte 0x00");
}

Test(config, too_many_sections_are_refused)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;
	char text[2000] = "";
	size_t used = 0;

	for (unsigned i = 0; i <= CONFIG_DOOR_MAX; i++)
		used += (size_t)sprintf(text + used,
					"[door d%u]\nlisten=127.0.0.1:1\n", i);
	cr_assert_eq(parse(&config, text, error), -EINVAL);
	cr_assert_str_eq(error, "f:17: expected at most 8 doors");
	used = 0;
	for (unsigned i = 0; i <= CONFIG_PEER_MAX; i++)
		used += (size_t)sprintf(text + used,
					"[peer p%u]\naddress=unix:/p\n", i);
	cr_assert_eq(parse(&config, text, error), -EINVAL);
	cr_assert_str_eq(error, "f:33: expected at most 16 peers");
}

Test(config, small_error_room_is_respected)
{
	struct config config;

	for (size_t cap = 1; cap < 60; cap++) {
		char *error = malloc(cap);

		cr_assert_eq(config_parse_text(&config, "f", "[x]", 3, NULL,
					       error, cap),
			     -EINVAL);
		cr_assert_lt(strlen(error), cap);
		free(error);
	}
}

Test(config, checks_what_no_file_said)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;

	cr_assert_eq(config_default(&config, NULL), 0);
	config.doors[0].listen.ip[0] = 10;
	cr_assert_eq(config_check(&config, error, sizeof(error)), -EINVAL);
	cr_assert_str_eq(error, "[door main]: expected a loopback or unix "
				"address, not 10.0.0.1:5900: any other needs "
				"TLS, which is not there yet");
	config.door_count = 0;
	cr_assert_eq(config_check(&config, error, sizeof(error)), -EINVAL);
}

static int load(struct config *config, const char *path,
		char error[CONFIG_ERROR_MAX])
{
	return config_file_load(config, path, NULL, error, CONFIG_ERROR_MAX);
}

Test(config, loads_a_file)
{
	char path[] = "/tmp/flushmark-config-XXXXXX";
	int fd = mkstemp(path);
	char error[CONFIG_ERROR_MAX];
	char expected[CONFIG_ERROR_MAX];
	char big[4096];
	struct config config;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "[daemon]\nnode = 7\n", 18), 18);
	cr_assert_eq(load(&config, path, error), 0);
	cr_assert_eq(config.node, 7);
	cr_assert_eq(write(fd, "nod = 7\n", 8), 8);
	cr_assert_eq(load(&config, path, error), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:3: unknown key 'nod'", path);
	cr_assert_eq(strncmp(error, expected, strlen(expected)), 0, "%s",
		     error);
	memset(big, '\n', sizeof(big));
	for (size_t i = 0; i < CONFIG_FILE_BYTES_MAX / sizeof(big); i++)
		cr_assert_eq(write(fd, big, sizeof(big)), sizeof(big));
	cr_assert_eq(load(&config, path, error), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "%s: expected at most 262144 bytes", path);
	cr_assert_str_eq(error, expected);
	close(fd);
	unlink(path);
	cr_assert_eq(load(&config, path, error), -ENOENT);
	snprintf(expected, sizeof(expected), "%s: No such file or directory",
		 path);
	cr_assert_str_eq(error, expected);
	cr_assert_lt(load(&config, "/", error), 0);
}

Test(config, finds_a_peer_by_its_name)
{
	static struct config config;

	cr_assert_eq(config_default(&config, NULL), 0);
	cr_expect_eq(config_find_peer(&config, "a"), -ENOENT);
	strcpy(config.peers[0].name, "a");
	strcpy(config.peers[1].name, "b");
	config.peer_count = 2;
	cr_expect_eq(config_find_peer(&config, "a"), 0);
	cr_expect_eq(config_find_peer(&config, "b"), 1);
	cr_expect_eq(config_find_peer(&config, "ab"), -ENOENT);
	cr_expect_eq(config_find_peer(&config, ""), -ENOENT);
}
