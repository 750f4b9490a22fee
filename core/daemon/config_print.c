/* config_print.c - the configuration in the form it is read in. */
#include "core/config_schema.h"
#include "core/daemon/daemon.h"
#include "core/plant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_addr(const char *name, const struct addr *addr,
		       bool path_only)
{
	char text[ADDR_TEXT_MAX];

	if (addr->family == ADDR_NONE)
		return;
	addr_print(addr, text);
	printf("%s = %s\n", name, path_only ? addr->path : text);
}

static void print_advertise(const char *name, const struct config_door *door)
{
	bool bare = strchr(door->advertise_host, ':') != NULL;

	/* Left out, it is what the door listens at. */
	if (door->advertise_host[0] == '\0' || door->advertise_port == 0)
		return;
	printf("%s = %s%s%s:%u\n", name, bare ? "[" : "", door->advertise_host,
	       bare ? "]" : "", door->advertise_port);
}

/* Values that are left out when there is none. */
static void print_network(const struct config_key *key, const char *at)
{
	struct config_subnet subnet = {0};
	const uint8_t *mac = (const uint8_t *)at;
	char text[CONFIG_IP4_MAX];

	if (key->kind == CONFIG_MAC) {
		if (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5])
			printf("%s = %02x:%02x:%02x:%02x:%02x:%02x\n",
			       key->name, mac[0], mac[1], mac[2], mac[3],
			       mac[4], mac[5]);
		return;
	}
	memcpy(&subnet, at,
	       key->kind == CONFIG_SUBNET ? sizeof(subnet)
					  : sizeof(subnet.address));
	if (!subnet.address)
		return;
	config_print_ip4(subnet.address, text);
	printf("%s = %s", key->name, text);
	if (key->kind == CONFIG_SUBNET)
		printf("/%" PRIu32, subnet.prefix_len);
	putchar('\n');
}

static void print_key(const struct config_key *key, const void *owner)
{
	const char *at = (const char *)owner + key->offset;
	uint32_t number;
	bool flag;

	switch ((enum config_key_kind)key->kind) {
	case CONFIG_NUMBER:
		memcpy(&number, at, sizeof(number));
		printf("%s = %" PRIu32 "\n", key->name,
		       number / (key->scale ? key->scale : 1));
		break;
	case CONFIG_WORD:
		memcpy(&number, at, sizeof(number));
		printf("%s = %s\n", key->name, key->words[number]);
		break;
	case CONFIG_PLANT:
		memcpy(&number, at, sizeof(number));
		if (number != PLANT_none)
			printf("%s = %s\n", key->name,
			       plant_name((enum plant)number));
		break;
	case CONFIG_BOOL:
		memcpy(&flag, at, sizeof(flag));
		printf("%s = %s\n", key->name, flag ? "yes" : "no");
		break;
	case CONFIG_NAME:
	case CONFIG_PATH:
	case CONFIG_TEXT:
		if (at[0] != '\0')
			printf("%s = %s\n", key->name, at);
		break;
	case CONFIG_ADDRESS:
	case CONFIG_LOCAL:
	case CONFIG_UNIX_PATH:
		print_addr(key->name, (const struct addr *)(const void *)at,
			   key->kind == CONFIG_UNIX_PATH);
		break;
	case CONFIG_ADVERTISE:
		print_advertise(key->name, owner);
		break;
	case CONFIG_SUBNET:
	case CONFIG_IP4:
	case CONFIG_MAC:
		print_network(key, at);
		break;
	}
}

static void print_section(const struct config_section *section,
			  const char *name, const void *owner)
{
	if (name)
		printf("[%s %s]\n", section->name, name);
	else
		printf("[%s]\n", section->name);
	for (uint32_t i = 0; i < section->key_count; i++)
		print_key(&section->keys[i], owner);
	putchar('\n');
}

void daemon_print_config(const struct config *config)
{
	for (const struct config_section *section = config_sections;
	     section->name; section++) {
		if (!section->named)
			print_section(section, NULL,
				      (const char *)config + section->offset);
		for (uint32_t i = 0;
		     !strcmp(section->name, "door") && i < config->door_count;
		     i++)
			print_section(section, config->doors[i].name,
				      &config->doors[i]);
		for (uint32_t i = 0;
		     !strcmp(section->name, "port") && i < config->port_count;
		     i++)
			print_section(section, config->ports[i].name,
				      &config->ports[i]);
		for (uint32_t i = 0;
		     !strcmp(section->name, "peer") && i < config->peer_count;
		     i++)
			print_section(section, config->peers[i].name,
				      &config->peers[i]);
	}
}
