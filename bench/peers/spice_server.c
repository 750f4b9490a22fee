/* spice_server.c - the peer: desktops on libspice-server, each with a port
 * that echoes. */
#include "bench/peers/loop.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/*
 * What libspice can do best: one thread, one epoll loop for all desktops, the
 * echo's wake-up once per pass and not once per message, so that it may gather
 * several in one answer. Each desktop is a SpiceServer with a listener of its
 * own, as each virtual machine would have.
 */
#define DESKTOPS_MAX 2000
#define ECHO_BYTES   8192

struct desktop {
	SpiceCharDeviceInstance port; /* first: callbacks get its address */
	SpiceServer *server;
	struct desktop *next; /* to be woken */
	bool woken;
	uint32_t start;
	uint32_t len;
	uint8_t bytes[ECHO_BYTES];
};

struct peer {
	uint32_t count;
	uint16_t first_port;
	const char *password;
	struct desktop *desktops;
	struct desktop *to_wake;
};

/* The device callbacks carry nothing but the device. */
static struct peer *the_peer;

static void device_state(SpiceCharDeviceInstance *device, int connected)
{
	struct desktop *desktop = (struct desktop *)device;

	if (!connected)
		desktop->start = desktop->len = 0;
}

static int device_write(SpiceCharDeviceInstance *device, const uint8_t *bytes,
			int len)
{
	struct desktop *desktop = (struct desktop *)device;
	uint32_t n = ECHO_BYTES - desktop->len;

	if (len <= 0)
		return 0;
	if (n > (uint32_t)len)
		n = (uint32_t)len;
	if (desktop->start + desktop->len + n > ECHO_BYTES) {
		memmove(desktop->bytes, desktop->bytes + desktop->start,
			desktop->len);
		desktop->start = 0;
	}
	memcpy(desktop->bytes + desktop->start + desktop->len, bytes, n);
	desktop->len += n;
	if (!desktop->woken) {
		desktop->woken = true;
		desktop->next = the_peer->to_wake;
		the_peer->to_wake = desktop;
	}
	return (int)n;
}

static int device_read(SpiceCharDeviceInstance *device, uint8_t *bytes, int len)
{
	struct desktop *desktop = (struct desktop *)device;
	uint32_t n = desktop->len;

	if (len <= 0)
		return 0;
	if (n > (uint32_t)len)
		n = (uint32_t)len;
	memcpy(bytes, desktop->bytes + desktop->start, n);
	desktop->start += n;
	desktop->len -= n;
	if (desktop->len == 0)
		desktop->start = 0;
	return (int)n;
}

static void device_event(SpiceCharDeviceInstance *device, uint8_t event)
{
	(void)device;
	(void)event;
}

static const SpiceCharDeviceInterface device_interface = {
	.base = {.type = SPICE_INTERFACE_CHAR_DEVICE,
		 .description = "echo",
		 .major_version = SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
		 .minor_version = SPICE_INTERFACE_CHAR_DEVICE_MINOR},
	.state = device_state,
	.write = device_write,
	.read = device_read,
	.event = device_event,
	.flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE,
};

static void wake_all(void *arg)
{
	struct peer *peer = arg;

	while (peer->to_wake) {
		struct desktop *desktop = peer->to_wake;

		peer->to_wake = desktop->next;
		desktop->woken = false;
		spice_server_char_device_wakeup(&desktop->port);
	}
}

static int open_desktop(struct peer *peer, uint32_t i)
{
	struct desktop *desktop = &peer->desktops[i];
	SpiceServer *server = spice_server_new();

	if (!server)
		return -ENOMEM;
	desktop->server = server;
	spice_server_set_addr(server, "127.0.0.1", 0);
	if (spice_server_set_port(server, peer->first_port + (int)i) ||
	    spice_server_set_ticket(server, peer->password, 0, 0, 0) ||
	    spice_server_init(server, loop_interface()))
		return -EADDRINUSE;
	desktop->port = (SpiceCharDeviceInstance){
		.base.sif = &device_interface.base,
		.subtype = "port",
		.portname = "org.flushmark.demo.echo.0",
	};
	if (spice_server_add_interface(server, &desktop->port.base))
		return -EIO;
	spice_server_vm_start(server);
	return 0;
}

static int read_options(struct peer *peer, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:p:w:")) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 'n' && value > 0 && value <= DESKTOPS_MAX)
			peer->count = (uint32_t)value;
		else if (option == 'p' && value > 0 && value < 65536)
			peer->first_port = (uint16_t)value;
		else if (option == 'w')
			peer->password = optarg;
		else
			return -EINVAL;
	}
	return optind == argc && peer->first_port + peer->count <= 65536
		       ? 0
		       : -EINVAL;
}

int main(int argc, char **argv)
{
	struct peer peer = {
		.count = 1, .first_port = 21000, .password = "secret"};
	struct rlimit files;
	int err = read_options(&peer, argc, argv);

	if (err) {
		fprintf(stderr,
			"usage: %s [-n desktops] [-p first port] "
			"[-w password]\n",
			argv[0]);
		return 2;
	}
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	the_peer = &peer;
	peer.desktops = calloc(peer.count, sizeof(*peer.desktops));
	err = peer.desktops ? loop_init(wake_all, &peer) : -ENOMEM;
	for (uint32_t i = 0; i < peer.count && !err; i++)
		err = open_desktop(&peer, i);
	if (!err) {
		puts("ready");
		fflush(stdout);
		err = loop_run();
	}
	if (err)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
	/* The process ends here: what libspice holds goes with it. */
	return err ? 1 : 0;
}
