/* config_schema.h - for the files of the config: which keys exist, and what a
 * value must be. */
#pragma once

#include "core/config.h"

enum config_key_kind {
	CONFIG_NUMBER, /* uint32_t: min..max, a multiple of step, times scale */
	CONFIG_BOOL,
	CONFIG_WORD,      /* uint32_t: index in words */
	CONFIG_PLANT,     /* uint32_t: enum plant, by its name */
	CONFIG_NAME,      /* char[]: letters, digits, '.', '_' and '-' */
	CONFIG_PATH,      /* char[]: absolute */
	CONFIG_TEXT,      /* char[]: anything */
	CONFIG_ADDRESS,   /* struct addr: any */
	CONFIG_LOCAL,     /* struct addr: loopback or unix */
	CONFIG_UNIX_PATH, /* struct addr from a path */
	CONFIG_ADVERTISE, /* struct config_door: host and port */
	CONFIG_SUBNET,    /* struct config_subnet */
	CONFIG_IP4,       /* uint32_t, host order */
	CONFIG_MAC,       /* uint8_t[6] */
};

struct config_key {
	const char *name;
	uint32_t offset; /* in the struct its section fills */
	uint32_t min;    /* of numbers */
	uint32_t max;    /* of numbers; of texts their length without NUL */
	uint32_t step;
	uint32_t scale;
	uint8_t kind; /* enum config_key_kind */
	const char *const *words;
};

struct config_section {
	const char *name;
	bool named; /* [name NAME], several of them */
	uint8_t key_count;
	uint32_t offset; /* in struct config, when not named */
	const struct config_key *keys;
};

#define CONFIG_KEYS_MAX 16 /* of a section */

/* All sections; ends with one without a name. */
extern const struct config_section config_sections[];

/* Reads a value into the struct of its section. False: not as expected. */
bool config_read_value(const struct config_key *key, void *owner,
		       const char *value);

#define CONFIG_EXPECTED_MAX 640 /* the longest lists all plants */

/* What a value of the key must be, for an error. */
void config_say_expected(const struct config_key *key, char *text, size_t cap);

/* True for 1 to 31 letters, digits, '.', '_' and '-'. */
bool config_name_is_good(const char *name, size_t len_max);

/* Files in the runtime directory, where nothing else was said. */
#define CONFIG_RUNTIME_DIR_LEN_MAX 80 /* sockets of all kinds fit in it */

/* What has a fixed default. Empty members are filled in by what follows. */
void config_set_defaults(struct config *config);

/* What follows from other settings. -EINVAL: the runtime directory's name is
 * too long for what goes into it. */
int config_fill_rest(struct config *config, const char *runtime_dir_default);

/* Says why, and returns -EINVAL, so that a check can end with it. */
int config_refuse(char *error, size_t cap, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* config_text.c: reads a text over what *config holds. 0, -EINVAL, -ENOMEM. */
int config_read_text(struct config *config, const char *file, const char *text,
		     size_t len, char *error, size_t error_cap);

/* config_port.c: ports, doors on them, and their kinds of values. */
#define CONFIG_IP4_MAX 16
bool config_read_ip4(uint32_t *to, const char *value);
bool config_read_subnet(struct config_subnet *to, const char *value);
bool config_read_mac(uint8_t to[6], const char *value);
void config_print_ip4(uint32_t address, char text[CONFIG_IP4_MAX]);
uint32_t config_ip4(const struct addr *addr);
int config_check_ports(const struct config *config, char *error, size_t cap);
