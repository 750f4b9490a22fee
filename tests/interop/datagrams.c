/* datagrams.c - prints what is sent to a unix socket, a line per datagram. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECONDS_MAX 20

/* usage: datagrams PATH COUNT; "@NAME" is in the abstract namespace. */
int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = argc == 3 ? strlen(argv[1]) : 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[1024];

	if (fd < 0 || len == 0 || len >= sizeof(address.sun_path))
		return 2;
	memcpy(address.sun_path, argv[1], len);
	if (argv[1][0] == '@')
		address.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("listening");
	alarm(SECONDS_MAX);
	for (int i = 0; i < atoi(argv[2]); i++) {
		ssize_t got = recv(fd, text, sizeof(text), 0);

		if (got < 0)
			return 1;
		printf("%.*s\n", (int)got, text);
	}
	return 0;
}
