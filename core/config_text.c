/* config_text.c - an INI text line by line: where it is wrong, and why.
 *
 * inih splits a line into name and value; it neither says which line that was
 * nor stops at an error, shortens names silently and folds indented lines. So
 * every line goes through next_line() first, which counts, trims, measures and
 * reads section headings itself.
 */
#include "core/config_schema.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct parse {
	struct config *config;
	const char *file;
	const char *at;
	const char *end;
	uint32_t line;                        /* that inih works on */
	const struct config_section *section; /* NULL before the first */
	void *owner;                          /* struct the section fills */
	bool section_seen[CONFIG_KEYS_MAX];
	bool key_seen[CONFIG_KEYS_MAX]; /* in this section */
	bool failed;
	char *error;
	size_t error_cap;
};

static void fail(struct parse *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Keeps the first error. */
static void fail(struct parse *p, const char *format, ...)
{
	va_list args;
	int len;

	if (p->failed)
		return;
	p->failed = true;
	len = snprintf(p->error, p->error_cap, "%.160s:%" PRIu32 ": ", p->file,
		       p->line);
	if (len < 0 || (size_t)len >= p->error_cap)
		return;
	va_start(args, format);
	vsnprintf(p->error + len, p->error_cap - (size_t)len, format, args);
	va_end(args);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_comment(char c)
{
	return c == ';' || c == '#';
}

static void fail_unknown_section(struct parse *p, const char *text)
{
	char known[160];
	size_t used = 0;

	for (unsigned i = 0; config_sections[i].name; i++) {
		const struct config_section *s = &config_sections[i];

		used += (size_t)snprintf(known + used, sizeof(known) - used,
					 "%s[%s%s]", i ? ", " : "", s->name,
					 s->named ? " NAME" : "");
		ASSERT(used < sizeof(known), "all sections fit in an error");
	}
	fail(p, "unknown section [%.60s]: expected one of %s", text, known);
}

static void start_door(struct parse *p, const char *name)
{
	struct config *config = p->config;
	struct config_door *door;

	for (uint32_t i = 0; i < config->door_count; i++) {
		if (strcmp(config->doors[i].name, name) == 0) {
			fail(p, "[door %s] given twice, first in line %" PRIu32,
			     name, config->doors[i].line);
			return;
		}
	}
	if (config->door_count == CONFIG_DOOR_MAX) {
		fail(p, "expected at most %d doors", CONFIG_DOOR_MAX);
		return;
	}
	door = &config->doors[config->door_count++];
	*door = (struct config_door){.line = p->line};
	memcpy(door->name, name, strlen(name) + 1);
	p->owner = door;
}

static void start_peer(struct parse *p, const char *name)
{
	struct config *config = p->config;
	struct config_peer *peer;

	for (uint32_t i = 0; i < config->peer_count; i++) {
		if (strcmp(config->peers[i].name, name) == 0) {
			fail(p, "[peer %s] given twice, first in line %" PRIu32,
			     name, config->peers[i].line);
			return;
		}
	}
	if (config->peer_count == CONFIG_PEER_MAX) {
		fail(p, "expected at most %d peers", CONFIG_PEER_MAX);
		return;
	}
	peer = &config->peers[config->peer_count++];
	*peer = (struct config_peer){.line = p->line};
	memcpy(peer->name, name, strlen(name) + 1);
	p->owner = peer;
}

static void start_port(struct parse *p, const char *name)
{
	struct config *config = p->config;
	struct config_port *port;
	int found = config_find_port(config, name);

	if (found >= 0) {
		fail(p, "[port %s] given twice, first in line %" PRIu32, name,
		     config->ports[found].line);
		return;
	}
	if (config->port_count == CONFIG_PORT_MAX) {
		fail(p, "expected at most %d ports", CONFIG_PORT_MAX);
		return;
	}
	port = &config->ports[config->port_count++];
	*port = (struct config_port){
		.line = p->line,
		.mtu = 1500,
		.rx_descriptors = 512,
		.tx_descriptors = 512,
	};
	memcpy(port->name, name, strlen(name) + 1);
	p->owner = port;
}

static void start_named(struct parse *p, const char *name)
{
	if (!config_name_is_good(name, CONFIG_NAME_MAX - 1))
		fail(p,
		     "[%s %.60s]: expected a name of at most %d letters, "
		     "digits, '.', '_', '-'",
		     p->section->name, name, CONFIG_NAME_MAX - 1);
	else if (strcmp(p->section->name, "door") == 0)
		start_door(p, name);
	else if (strcmp(p->section->name, "port") == 0)
		start_port(p, name);
	else
		start_peer(p, name);
}

/* text is what stands between the brackets. */
static void start_section(struct parse *p, char *text)
{
	char *name = strchr(text, ' ');
	unsigned i = 0;

	if (name)
		*name++ = 0;
	while (config_sections[i].name &&
	       strcmp(config_sections[i].name, text) != 0)
		i++;
	p->section = &config_sections[i];
	if (p->section->name == NULL || p->section->named != (name != NULL)) {
		if (name)
			name[-1] = ' ';
		fail_unknown_section(p, text);
		return;
	}
	memset(p->key_seen, 0, sizeof(p->key_seen));
	if (name) {
		start_named(p, name);
		return;
	}
	if (p->section_seen[i])
		fail(p, "[%s] given twice", text);
	p->section_seen[i] = true;
	p->owner = (char *)p->config + p->section->offset;
}

static void read_heading(struct parse *p, char *line)
{
	char *close = strchr(line, ']');
	const char *rest;

	if (close == NULL) {
		fail(p, "expected ']' at the end of a section's name");
		return;
	}
	for (rest = close + 1; is_blank(*rest);)
		rest++;
	if (*rest && !is_comment(*rest)) {
		fail(p, "expected nothing behind ']', not '%.60s'", rest);
		return;
	}
	*close = 0;
	start_section(p, line + 1);
	*close = ']';
}

/* False when a line holds what no text file should. */
static bool check_bytes(struct parse *p, const char *line, size_t len)
{
	if (len > CONFIG_LINE_BYTES_MAX) {
		fail(p, "expected at most %d bytes in a line, not %zu",
		     CONFIG_LINE_BYTES_MAX, len);
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)line[i] < 0x20 && !is_blank(line[i])) {
			fail(p, "expected text, not the byte 0x%02x",
			     (uint8_t)line[i]);
			return false;
		}
	}
	return true;
}

/* ini_reader: gives inih a trimmed line, or NULL at the end or an error. */
static char *next_line(char *to, int cap, void *stream)
{
	struct parse *p = stream;
	const char *newline;
	const char *line = p->at;
	size_t len;

	if (p->failed || p->at == p->end)
		return NULL;
	p->line++;
	newline = memchr(line, '\n', (size_t)(p->end - line));
	len = (size_t)((newline ? newline : p->end) - line);
	p->at = newline ? newline + 1 : p->end;
	if (!check_bytes(p, line, len))
		return NULL;
	while (len > 0 && is_blank(*line)) {
		line++;
		len--;
	}
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len >= (size_t)cap) {
		fail(p, "expected at most %d bytes in a line", cap - 1);
		return NULL;
	}
	memcpy(to, line, len);
	to[len] = 0;
	if (to[0] == '[') {
		char heading[CONFIG_LINE_BYTES_MAX + 1];

		memcpy(heading, to, len + 1);
		read_heading(p, heading);
	}
	return p->failed ? NULL : to;
}

static void fail_unknown_key(struct parse *p, const char *name)
{
	char known[200];
	size_t used = 0;

	for (unsigned i = 0; i < p->section->key_count; i++) {
		used += (size_t)snprintf(known + used, sizeof(known) - used,
					 "%s%s", i ? ", " : "",
					 p->section->keys[i].name);
		ASSERT(used < sizeof(known), "all keys fit in an error");
	}
	fail(p, "unknown key '%.60s' in [%s]: expected one of %s", name,
	     p->section->name, known);
}

static void read_key(struct parse *p, const char *name, const char *value)
{
	const struct config_key *key;
	char expected[CONFIG_EXPECTED_MAX];
	unsigned i = 0;

	if (p->section == NULL) {
		fail(p, "expected a [section] before '%.60s'", name);
		return;
	}
	while (i < p->section->key_count &&
	       strcmp(p->section->keys[i].name, name) != 0)
		i++;
	if (i == p->section->key_count) {
		fail_unknown_key(p, name);
		return;
	}
	key = &p->section->keys[i];
	if (p->key_seen[i]) {
		fail(p, "%s given twice in its section", name);
		return;
	}
	p->key_seen[i] = true;
	if (config_read_value(key, p->owner, value))
		return;
	config_say_expected(key, expected, sizeof(expected));
	fail(p, "%s: expected %s, not '%.60s'", name, expected, value);
}

/* ini_handler: 0 tells inih of an error, and next_line ends the reading. */
static int handle_key(void *user, const char *section, const char *name,
		      const char *value)
{
	struct parse *p = user;

	(void)section; /* shortened to 50 bytes: read_heading has it whole */
	read_key(p, name, value);
	return !p->failed;
}

int config_read_text(struct config *config, const char *file, const char *text,
		     size_t len, char *error, size_t error_cap)
{
	struct parse p = {
		.config = config,
		.file = file,
		.at = text,
		.end = text + len,
		.error = error,
		.error_cap = error_cap,
	};
	int inih_line;

	if (len == 0)
		return 0;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		p.at += 3;
	inih_line = ini_parse_stream(next_line, &p, handle_key, &p);
	if (inih_line < 0)
		return -ENOMEM;
	if (inih_line > 0 && (!p.failed || (uint32_t)inih_line < p.line)) {
		p.failed = false;
		p.line = (uint32_t)inih_line;
		fail(&p, "expected [section] or key = value");
	}
	return p.failed ? -EINVAL : 0;
}
