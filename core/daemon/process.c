/* process.c - what a daemon's process asks of the system around it. */
#include "core/daemon/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

uint64_t process_raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

static int check_dir(const char *path)
{
	struct stat info;

	if (stat(path, &info))
		return -errno;
	if (!S_ISDIR(info.st_mode))
		return -ENOTDIR;
	/* Where others may write they could put a socket of theirs. */
	if (info.st_uid != geteuid() || (info.st_mode & 022))
		return -EPERM;
	return 0;
}

int process_make_dir(const char *path)
{
	char part[256];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, i == len ? 0700 : 0755) && errno != EEXIST)
			return -errno;
	}
	return check_dir(path);
}

/* The system's own trees let root write, and take no directory. */
static bool takes_directories(const char *path)
{
	static const long closed[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC,
				      DEVPTS_SUPER_MAGIC};
	struct statfs info;

	if (statfs(path, &info))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
		if ((long)info.f_type == closed[i])
			return false;
	}
	return true;
}

/* Takes the last name off a path. False: it has none. */
static bool cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return false;
	slash[slash == path] = '\0';
	return true;
}

static int can_make_dir(const char *path)
{
	char part[256];

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	strcpy(part, path);
	/* The nearest directory above that is there. */
	do {
		if (!cut_name(part))
			return -ENOENT;
	} while (access(part, F_OK) && errno == ENOENT && part[1]);
	if (access(part, W_OK | X_OK))
		return -errno;
	return takes_directories(part) ? 0 : -ENOENT;
}

int process_can_make(const char *path, const char *dir)
{
	char above[256];
	size_t len;

	if (strlen(path) >= sizeof(above))
		return -ENAMETOOLONG;
	strcpy(above, path);
	if (!cut_name(above))
		return -ENOENT;
	if (!access(above, W_OK | X_OK))
		return takes_directories(above) ? 0 : -EACCES;
	if (errno != ENOENT)
		return -errno;
	/* Only the runtime directory is made, with those above it. */
	len = strlen(above);
	return !strncmp(dir, above, len) &&
			       (dir[len] == '\0' || dir[len] == '/')
		       ? can_make_dir(above)
		       : -ENOENT;
}

int process_check_dir(const char *path)
{
	int err = check_dir(path);

	return err == -ENOENT ? can_make_dir(path) : err;
}

const char *process_dir_error(int err)
{
	if (err == -EBUSY)
		return "another flushmarkd runs here";
	return err == -EPERM ? "expected a directory of yours that others "
			       "cannot write to; chmod 700 it"
			     : strerror(-err);
}

bool process_dir_is_taken(const char *path)
{
	char name[256];
	int len = snprintf(name, sizeof(name), "%s/lock", path);
	bool taken;
	int fd;

	if (len < 0 || (size_t)len >= sizeof(name))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	taken = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return taken;
}

int process_lock_dir(const char *path)
{
	char name[256];
	int len = snprintf(name, sizeof(name), "%s/lock", path);
	int fd;

	if (len < 0 || (size_t)len >= sizeof(name))
		return -ENAMETOOLONG;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* Held by the open file, which goes with the process. */
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = errno == EWOULDBLOCK ? -EBUSY : -errno;

		close(fd);
		return err;
	}
	return 0;
}

void process_drop_socket(const char *dir, const struct addr *addr)
{
	size_t len = strlen(dir);
	struct stat info;

	if (addr->family == ADDR_UNIX && !strncmp(addr->path, dir, len) &&
	    addr->path[len] == '/' && !lstat(addr->path, &info) &&
	    S_ISSOCK(info.st_mode))
		unlink(addr->path);
}

void process_drop_regions(const char *dir)
{
	DIR *all = opendir(dir);
	const struct dirent *entry;

	while (all && (entry = readdir(all)) != NULL) {
		if (!strncmp(entry->d_name, "region-", 7))
			unlinkat(dirfd(all), entry->d_name, 0);
	}
	if (all)
		closedir(all);
}

void process_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* A manager that does not listen is its own problem. */
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL,
		     (struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGUSR1); /* our own, to end the thread */
}

void stopper_block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *wait_for_signal(void *arg)
{
	struct stopper *stopper = arg;
	sigset_t set;
	int number;

	signal_set(&set);
	if (sigwait(&set, &number) == 0)
		stopper_set(stopper);
	return NULL;
}

int stopper_start(struct stopper *stopper, struct dp *control_dp)
{
	int err;

	stopper->control_dp = control_dp;
	err = pthread_create(&stopper->thread, NULL, wait_for_signal, stopper);
	stopper->started = err == 0;
	return -err;
}

void stopper_set(struct stopper *stopper)
{
	atomic_store(&stopper->set, 1);
	if (stopper->control_dp)
		dp_wake(stopper->control_dp);
}

void stopper_stop(struct stopper *stopper)
{
	if (!stopper->started)
		return;
	pthread_kill(stopper->thread, SIGUSR1);
	pthread_join(stopper->thread, NULL);
	stopper->started = false;
}
