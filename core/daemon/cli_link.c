/* cli_link.c - the command's connection to the daemon's control socket. */
#include "core/daemon/cli_link.h"
#include "core/daemon/cli_print.h"
#include "core/daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A daemon answers at once, unless it is to wait for a move or a drain. */
#define ANSWER_S 5

static void set_limit(int fd, int seconds)
{
	struct timeval limit = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int open_socket(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_limit(fd, ANSWER_S);
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static bool set_path(const struct cli *cli, struct sockaddr_un *address)
{
	char dir[sizeof(address->sun_path)];
	int len;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (cli->socket) {
		len = snprintf(address->sun_path, sizeof(address->sun_path),
			       "%s", cli->socket);
	} else {
		if (daemon_runtime_dir(dir, sizeof(dir)))
			return false;
		len = snprintf(address->sun_path, sizeof(address->sun_path),
			       "%s/control.sock", dir);
	}
	return len > 0 && (size_t)len < sizeof(address->sun_path);
}

/* The next line of the daemon, owned by the caller; NULL: it has gone, or says
 * nothing (link->late). */
static json_t *read_line(struct cli_link *link)
{
	ssize_t len;

	errno = 0;
	len = getline(&link->line, &link->line_cap, link->in);
	link->late = len < 0 && errno == EAGAIN;

	return len > 0 ? json_loadb(link->line, (size_t)len, 0, NULL) : NULL;
}

static void say_late(void)
{
	fprintf(stderr,
		"flushmark: the daemon does not answer within %d s: it hangs, "
		"or is stopped\n",
		ANSWER_S);
}

bool cli_connect(struct cli_link *link, const struct cli *cli)
{
	struct sockaddr_un address;
	json_t *greeting;
	bool good;

	*link = (struct cli_link){.fd = -1, .json = cli->json};
	if (!set_path(cli, &address)) {
		fputs("flushmark: the socket's path is too long\n", stderr);
		return false;
	}
	link->fd = open_socket(&address);
	if (link->fd < 0) {
		fprintf(stderr,
			"flushmark: no daemon at %s: %s. Does flushmarkd run? "
			"--socket names another place.\n",
			address.sun_path, strerror(-link->fd));
		return false;
	}
	link->in = fdopen(link->fd, "r");
	greeting = link->in ? read_line(link) : NULL;
	good = json_object_get(greeting, "Flushmark") != NULL;
	json_decref(greeting);
	if (!good && link->late)
		say_late();
	else if (!good)
		fprintf(stderr, "flushmark: what answers at %s is no daemon\n",
			address.sun_path);
	return good;
}

void cli_close(struct cli_link *link)
{
	if (link->in)
		fclose(link->in);
	else if (link->fd >= 0)
		close(link->fd);
	free(link->line);
	*link = (struct cli_link){.fd = -1};
}

uint32_t cli_send(struct cli_link *link, const char *command, json_t *arguments)
{
	uint32_t id = ++link->last_id;
	json_t *request =
		json_pack("{s:s, s:i}", "execute", command, "id", (int)id);
	char *text;
	size_t len, sent = 0;

	/* What a move or a drain takes has limits of its own. */
	if (json_is_true(json_object_get(arguments, "wait")))
		set_limit(link->fd, 0);
	if (arguments)
		json_object_set_new(request, "arguments", arguments);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text)
		return 0;
	len = strlen(text);
	text[len++] = '\n'; /* in place of the NUL */
	while (sent < len) {
		ssize_t part =
			send(link->fd, text + sent, len - sent, MSG_NOSIGNAL);

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			break;
		sent += (size_t)part;
	}
	free(text);
	return sent == len ? id : 0;
}

static enum cli_code take_answer(const struct cli_link *link, json_t *line,
				 json_t **value)
{
	json_t *error = json_object_get(line, "error");

	if (error && link->json) {
		json_t *shown = json_pack("{s:O}", "error", error);

		cli_print_json(shown);
		json_decref(shown);
		return CLI_REFUSED;
	}
	if (error) {
		fprintf(stderr, "flushmark: %s\n", cli_text(error, "desc"));
		return CLI_REFUSED;
	}
	*value = json_incref(json_object_get(line, "return"));
	return *value ? CLI_OK : CLI_UNREACHABLE;
}

enum cli_code cli_wait(struct cli_link *link, uint32_t id,
		       void (*each)(void *arg, const char *event,
				    const json_t *data),
		       void *arg, json_t **value)
{
	enum cli_code code;
	json_t *line;

	*value = NULL;
	while (id && (line = read_line(link)) != NULL) {
		const json_t *event = json_object_get(line, "event");

		if (event && each)
			each(arg, json_string_value(event),
			     json_object_get(line, "data"));
		if (!event && cli_count(line, "id") == (long long)id) {
			code = take_answer(link, line, value);
			json_decref(line);
			return code;
		}
		json_decref(line);
	}
	if (link->late)
		say_late();
	else
		fputs("flushmark: the daemon has gone\n", stderr);
	return CLI_UNREACHABLE;
}

enum cli_code cli_ask(const struct cli *cli, const char *command,
		      json_t *arguments, json_t **value)
{
	struct cli_link link;
	enum cli_code code = CLI_UNREACHABLE;

	*value = NULL;
	if (cli_connect(&link, cli))
		code = cli_wait(&link, cli_send(&link, command, arguments),
				NULL, NULL, value);
	else
		json_decref(arguments);
	cli_close(&link);
	return code;
}

const char *cli_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

long long cli_count(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

double cli_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}
