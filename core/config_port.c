/* config_port.c - ports of the kernel-bypass dataplane, and doors on them. */
#include "core/config_schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IP4_TEXT_MAX 15

bool config_read_ip4(uint32_t *to, const char *value)
{
	char text[IP4_TEXT_MAX + 4];
	struct addr addr;

	if (strlen(value) > IP4_TEXT_MAX)
		return false;
	snprintf(text, sizeof(text), "%s:0", value);
	if (addr_parse(&addr, text) < 0 || addr.family != ADDR_INET4)
		return false;
	*to = config_ip4(&addr);
	return true;
}

bool config_read_subnet(struct config_subnet *to, const char *value)
{
	const char *slash = strchr(value, '/');
	char address[IP4_TEXT_MAX + 1];
	struct config_subnet subnet = {0};
	size_t len;

	if (!slash)
		return false;
	len = (size_t)(slash - value);
	if (len > IP4_TEXT_MAX || !slash[1] || strlen(slash) > 3 ||
	    strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return false;
	memcpy(address, value, len);
	address[len] = 0;
	subnet.prefix_len = (uint32_t)strtoul(slash + 1, NULL, 10);
	if (subnet.prefix_len < 1 || subnet.prefix_len > 32 ||
	    !config_read_ip4(&subnet.address, address) || !subnet.address)
		return false;
	*to = subnet;
	return true;
}

/* Of one station: not a group's, and not the one that says "none". */
bool config_read_mac(uint8_t to[6], const char *value)
{
	static const uint8_t zero[6];
	uint8_t mac[6];

	if (strlen(value) != 17)
		return false;
	for (uint32_t i = 0; i < 6; i++) {
		char digits[3] = {value[3 * i], value[3 * i + 1], 0};

		if (strspn(digits, "0123456789abcdefABCDEF") != 2 ||
		    (i < 5 && value[3 * i + 2] != ':'))
			return false;
		mac[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	if (mac[0] & 1 || memcmp(mac, zero, sizeof(zero)) == 0)
		return false;
	memcpy(to, mac, sizeof(mac));
	return true;
}

uint32_t config_ip4(const struct addr *addr)
{
	return (uint32_t)addr->ip[0] << 24 | (uint32_t)addr->ip[1] << 16 |
	       (uint32_t)addr->ip[2] << 8 | addr->ip[3];
}

void config_print_ip4(uint32_t address, char text[CONFIG_IP4_MAX])
{
	snprintf(text, CONFIG_IP4_MAX, "%" PRIu32 ".%u.%u.%u", address >> 24,
		 address >> 16 & 0xff, address >> 8 & 0xff, address & 0xff);
}

int config_find_port(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->port_count; i++) {
		if (!strcmp(config->ports[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

static int refuse(char *error, size_t cap, const char *section,
		  const char *name, const char *why)
{
	snprintf(error, cap, "[%s %s]: %s", section, name, why);
	return -EINVAL;
}

static bool on_link(const struct config_subnet *subnet, uint32_t address)
{
	uint32_t mask = ~(uint32_t)0 << (32 - subnet->prefix_len);

	return ((subnet->address ^ address) & mask) == 0;
}

static int check_port(const struct config *config, uint32_t index, char *error,
		      size_t cap)
{
	const struct config_port *port = &config->ports[index];

	if (!port->driver[0])
		return refuse(error, cap, "port", port->name,
			      "expected a key 'driver'");
	if (!port->subnet.address)
		return refuse(error, cap, "port", port->name,
			      "expected a key 'address'");
	if (port->gateway && (!on_link(&port->subnet, port->gateway) ||
			      port->gateway == port->subnet.address))
		return refuse(error, cap, "port", port->name,
			      "expected a gateway that the address' network "
			      "has, and not the address");
	for (uint32_t i = 0; i < index; i++) {
		if (config->ports[i].subnet.address == port->subnet.address)
			return refuse(error, cap, "port", port->name,
				      "expected an address of its own");
	}
	return 0;
}

/* A door on a port may be anywhere, if the operator knows what that means. */
static int check_door(const struct config *config,
		      const struct config_door *door, char *error, size_t cap)
{
	int index = config_find_port(config, door->port);

	if (index < 0)
		return refuse(error, cap, "door", door->name,
			      "expected a port that has a section [port NAME]");
	if (door->listen.family != ADDR_INET4 || door->listen.port == 0 ||
	    config_ip4(&door->listen) != config->ports[index].subnet.address)
		return refuse(error, cap, "door", door->name,
			      "expected to listen at the port's address, with "
			      "a number");
	if (!door->insecure_plain)
		return refuse(error, cap, "door", door->name,
			      "expected insecure-plain = yes: what clients and "
			      "guests say goes over the network in the clear, "
			      "and TLS is not there yet");
	return 0;
}

int config_check_ports(const struct config *config, char *error, size_t cap)
{
	int err = 0;

	for (uint32_t i = 0; i < config->port_count && !err; i++)
		err = check_port(config, i, error, cap);
	for (uint32_t i = 0; i < config->door_count && !err; i++) {
		const struct config_door *door = &config->doors[i];

		if (door->port[0])
			err = check_door(config, door, error, cap);
		else if (door->insecure_plain)
			err = refuse(error, cap, "door", door->name,
				     "expected insecure-plain only with a "
				     "port");
	}
	return err;
}
