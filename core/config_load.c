/* config_load.c - a configuration from a text, all of it checked. */
#include "core/config.h"
#include "core/config_schema.h"

/* A section that lacks what it is there for. */
static int check_complete(const struct config *config, const char *file,
			  char *error, size_t error_cap)
{
	for (uint32_t i = 0; i < config->door_count; i++) {
		const struct config_door *door = &config->doors[i];

		if (door->listen.family == ADDR_NONE)
			return config_refuse(
				error, error_cap,
				"%.160s:%u: [door %s]: expected a key "
				"'listen'",
				file, door->line, door->name);
	}
	for (uint32_t i = 0; i < config->peer_count; i++) {
		const struct config_peer *peer = &config->peers[i];

		if (peer->address.family == ADDR_NONE)
			return config_refuse(
				error, error_cap,
				"%.160s:%u: [peer %s]: expected a key "
				"'address'",
				file, peer->line, peer->name);
	}
	return 0;
}

int config_parse_text(struct config *config, const char *file, const char *text,
		      size_t len, const char *runtime_dir_default, char *error,
		      size_t error_cap)
{
	char why[CONFIG_ERROR_MAX];
	int err;

	config_set_defaults(config);
	err = config_read_text(config, file, text, len, error, error_cap);
	if (err < 0)
		return err;
	err = check_complete(config, file, error, error_cap);
	if (err < 0)
		return err;
	if (config_fill_rest(config, runtime_dir_default) < 0)
		return config_refuse(
			error, error_cap,
			"%.160s: expected a runtime-dir of at most %d bytes",
			file, CONFIG_RUNTIME_DIR_LEN_MAX);
	err = config_check(config, why, sizeof(why));
	if (err < 0)
		config_refuse(error, error_cap, "%.160s: %s", file, why);
	return err;
}
