/* host_region.c - regions: sealed memory files, mapped and handed over. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that cannot shrink cannot be cut off under a reader's feet. */
#define REGION_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define REGION_SIZE_MAX ((size_t)1 << 40)

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

/* Makes the file and maps it. Returns the descriptor or -errno. */
static int make_file(size_t size_bytes, bool huge, uint8_t **base,
		     size_t *map_bytes)
{
	size_t page = huge ? HUGE_PAGE_BYTES : (size_t)sysconf(_SC_PAGESIZE);
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	size_t bytes = round_up(size_bytes, page);
	void *at;
	int err;
	int fd;

	fd = memfd_create("flushmark", huge ? flags | MFD_HUGETLB : flags);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) || fcntl(fd, F_ADD_SEALS, REGION_SEALS))
		goto fail;
	/* Huge pages are reserved here: without enough of them this fails. */
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		goto fail;
	*base = at;
	*map_bytes = bytes;
	return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

/* Maps a file that another process made, if it is what it should be. */
static int map_file(int fd, uint8_t **base, size_t *map_bytes)
{
	struct stat info;
	size_t bytes;
	void *at;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & REGION_SEALS) != REGION_SEALS)
		return -EBADMSG;
	if (fstat(fd, &info))
		return -errno;
	bytes = (size_t)info.st_size;
	if (info.st_size <= 0 || bytes > REGION_SIZE_MAX)
		return -EBADMSG;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*base = at;
	*map_bytes = bytes;
	return 0;
}

/* Remembers a mapping under a new id. -ENOSPC when there are too many. */
static int add_record(struct host_regions *regions, int fd, uint8_t *base,
		      size_t map_bytes, uint32_t *id)
{
	int err = -ENOSPC;

	pthread_mutex_lock(&regions->lock);
	for (uint32_t i = 0; i < HOST_REGIONS_MAX; i++) {
		if (regions->records[i].id)
			continue;
		if (++regions->last_id == 0)
			regions->last_id = 1;
		*id = regions->last_id;
		regions->records[i] = (struct host_region_record){
			.id = *id,
			.fd = fd,
			.base = base,
			.map_bytes = map_bytes,
		};
		err = 0;
		break;
	}
	pthread_mutex_unlock(&regions->lock);
	return err;
}

static struct host_region_record *find(struct host_regions *regions,
				       uint32_t id)
{
	for (uint32_t i = 0; id && i < HOST_REGIONS_MAX; i++) {
		if (regions->records[i].id == id)
			return &regions->records[i];
	}
	return NULL;
}

int host_regions_create(struct host_regions *regions, size_t size_bytes,
			struct host_region *region)
{
	uint8_t *base;
	size_t map_bytes;
	uint32_t id;
	int err;
	int fd;

	if (size_bytes == 0 || size_bytes > REGION_SIZE_MAX)
		return -EINVAL;
	fd = make_file(size_bytes, true, &base, &map_bytes);
	if (fd < 0)
		fd = make_file(size_bytes, false, &base, &map_bytes);
	if (fd < 0)
		return fd;
	err = add_record(regions, fd, base, map_bytes, &id);
	if (err) {
		munmap(base, map_bytes);
		close(fd);
		return err;
	}
	*region = (struct host_region){
		.base = base,
		.size_bytes = size_bytes,
		.id = id,
		.owned = true,
	};
	return 0;
}

int host_regions_take(struct host_regions *regions,
		      const struct host_region_ticket *ticket,
		      struct host_region *region)
{
	uint8_t *base = NULL;
	size_t map_bytes = 0;
	uint32_t id;
	int err;
	int fd = host_region_fetch(ticket);

	if (fd < 0)
		return fd;
	err = map_file(fd, &base, &map_bytes);
	close(fd); /* the mapping keeps the file */
	if (err)
		return err;
	err = add_record(regions, -1, base, map_bytes, &id);
	if (err) {
		munmap(base, map_bytes);
		return err;
	}
	*region = (struct host_region){
		.base = base,
		.size_bytes = map_bytes,
		.id = id,
	};
	return 0;
}

static void forget(struct host_region_record *record)
{
	munmap(record->base, record->map_bytes);
	if (record->fd >= 0)
		close(record->fd);
	explicit_bzero(record, sizeof(*record));
}

void host_regions_drop(struct host_regions *regions, struct host_region *region)
{
	struct host_region_record *record;

	pthread_mutex_lock(&regions->lock);
	record = find(regions, region->id);
	if (record)
		forget(record);
	pthread_mutex_unlock(&regions->lock);
	*region = (struct host_region){0};
}

int host_regions_give(struct host_regions *regions,
		      const struct host_region *region,
		      struct host_region_ticket *ticket)
{
	struct host_region_record *record;
	int err = -ENOENT;

	*ticket = (struct host_region_ticket){0};
	pthread_mutex_lock(&regions->lock);
	record = find(regions, region->id);
	if (record && record->fd >= 0) {
		host_random(record->secret, sizeof(record->secret));
		record->offered = true;
		memcpy(ticket->path, regions->path, sizeof(ticket->path));
		memcpy(ticket->secret, record->secret, sizeof(ticket->secret));
		err = 0;
	}
	pthread_mutex_unlock(&regions->lock);
	return err;
}

static void *serve(void *arg)
{
	struct host_regions *regions = arg;
	struct pollfd polls[2] = {
		{.fd = regions->stop_fd, .events = POLLIN},
		{.fd = regions->listen_fd, .events = POLLIN},
	};

	for (;;) {
		int fd;

		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (polls[0].revents)
			return NULL;
		if (!polls[1].revents)
			continue;
		fd = accept4(regions->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		host_region_serve(regions, fd);
		close(fd);
	}
}

int host_regions_start(struct host_regions *regions, const char *runtime_dir)
{
	int len = snprintf(regions->path, sizeof(regions->path),
			   "%s/region-%d.sock", runtime_dir, (int)getpid());
	int err;

	regions->listen_fd = -1;
	regions->stop_fd = -1;
	pthread_mutex_init(&regions->lock, NULL);
	if (len < 0 || (size_t)len >= sizeof(regions->path))
		return -ENAMETOOLONG;
	regions->listen_fd = host_region_listen(regions->path);
	if (regions->listen_fd < 0)
		return regions->listen_fd;
	regions->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (regions->stop_fd < 0)
		return -errno;
	err = pthread_create(&regions->thread, NULL, serve, regions);
	regions->started = err == 0;
	return -err;
}

void host_regions_stop(struct host_regions *regions)
{
	uint64_t one = 1;

	if (regions->started &&
	    write(regions->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(regions->thread, NULL);
	if (regions->listen_fd >= 0) {
		close(regions->listen_fd);
		unlink(regions->path);
	}
	if (regions->stop_fd >= 0)
		close(regions->stop_fd);
	for (uint32_t i = 0; i < HOST_REGIONS_MAX; i++) {
		if (regions->records[i].id)
			forget(&regions->records[i]);
	}
	pthread_mutex_destroy(&regions->lock);
}
