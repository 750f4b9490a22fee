/* parcel.c - room for the images of connections on their way. */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096

/* Beside both queues of a flow: the record, its ranges, bytes put back. */
#define IMAGE_EXTRA_BYTES ((uint32_t)128 << 10)

/*
 * Address space for the largest image in each slot. Most images are a page,
 * so what a larger one touched goes back to the system when the slot does.
 */
static size_t size_of(const struct parcels *parcels)
{
	return (size_t)parcels->slot_bytes * parcels->count;
}

static uint32_t power_above(uint32_t n)
{
	uint32_t power = 2;

	while (power <= n)
		power *= 2;
	return power;
}

int parcels_init(struct parcels *parcels, const struct dpdk_config *config)
{
	uint32_t bytes = config->tx_flow_bytes + 2 * config->rx_flow_bytes +
			 IMAGE_EXTRA_BYTES;
	char name[RTE_RING_NAMESIZE];
	void *base;

	*parcels = (struct parcels){
		.slot_bytes = (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1u),
		.count = config->parcel_max,
	};
	base = mmap(NULL, size_of(parcels), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	parcels->base = base;
	snprintf(name, sizeof(name), "parcels_%p", base);
	parcels->free = rte_ring_create(name, power_above(parcels->count),
					SOCKET_ID_ANY,
					RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ);
	if (!parcels->free) {
		parcels_fini(parcels);
		return -rte_errno;
	}
	for (uint32_t i = 0; i < parcels->count; i++)
		parcel_give(parcels, i, 0);
	return 0;
}

void parcels_fini(struct parcels *parcels)
{
	rte_ring_free(parcels->free);
	if (parcels->base)
		munmap(parcels->base, size_of(parcels));
	memset(parcels, 0, sizeof(*parcels));
}

uint8_t *parcel_slot(const struct parcels *parcels, uint32_t slot)
{
	ASSERT(slot < parcels->count, "a parcel of this backend");
	return parcels->base + (size_t)slot * parcels->slot_bytes;
}

bool parcel_take(struct parcels *parcels, uint32_t *slot)
{
	void *number;

	if (rte_ring_dequeue(parcels->free, &number))
		return false;
	*slot = (uint32_t)(uintptr_t)number - 1;
	return true;
}

void parcel_give(struct parcels *parcels, uint32_t slot, size_t used_bytes)
{
	uint8_t *bytes = parcel_slot(parcels, slot);
	uintptr_t number = slot + 1;
	int err;

	explicit_bzero(bytes,
		       used_bytes < PAGE_BYTES ? used_bytes : PAGE_BYTES);
	if (used_bytes > PAGE_BYTES)
		madvise(bytes + PAGE_BYTES, parcels->slot_bytes - PAGE_BYTES,
			MADV_DONTNEED);
	err = rte_ring_enqueue(parcels->free, (void *)number);
	ASSERT(err == 0, "the ring holds all slots");
}
