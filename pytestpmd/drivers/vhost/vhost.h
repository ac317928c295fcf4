#ifndef VHOST_VHOST_H
#define VHOST_VHOST_H
#include "drivers/vring.h"
#include "eal/mempool.h"
#include "ethdev/ethdev.h"

#define VHOST_MAX_REGIONS 8

/* A piece of the front-end's memory as we have mapped it. `dead` is set when its file shrank under
 * us. */
struct vhost_region {
	uint64_t guest_addr;
	uint64_t size;
	uint8_t *host;
};

struct vhost_memory {
	uint32_t nb_regions;
	uint32_t dead; /* a region's file shrank under us; the SIGBUS handler writes */
	struct vhost_region regions[8];
};

/* The device's side of a split virtqueue. Python fills in what stands above the counters and
 * changes it only while `enabled` is 0 and every lcore has passed since. */
struct vhost_virtqueue {
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	struct vhost_memory *memory;
	struct mempool *pool;  /* where received packets go */
	uint64_t *used_shadow; /* MAX_RING_SIZE: what the used ring holds, to be compared with */
	uint32_t enabled;      /* Python writes, lcore reads */
	int32_t call_fd;       /* an eventfd, or -1 */
	uint16_t size;
	uint16_t port_id;
	uint16_t hdr_size;
	uint16_t mergeable;
	uint16_t event_idx;

	/* lcore writes, console reads */
	uint16_t last_avail;
	uint16_t used_idx;
	uint32_t fault; /* enum vring_fault */
	uint64_t calls;
	uint64_t calls_suppressed;
	uint64_t bad_chains;
	struct queue_stats stats;
} ALIGNED(64);

#define VHOST_MAX_RING_SIZE 32768

/* Take the ring up at `index`, both ends alike; its used ring's old contents count as unknown. */
void vhost_virtqueue_start(struct vhost_virtqueue *vq, uint16_t index);

/* Let lcores serve the ring, or not; whoever turns it off waits for them besides. */
void vhost_virtqueue_enable(struct vhost_virtqueue *vq, bool on);

/* Rx and Tx bursts of a split ring; `queue` is a struct vhost_virtqueue. What the front-end
 * transmits we receive. */
uint16_t vhost_dequeue_split(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t vhost_enqueue_split(void *queue, struct mbuf **pkts, uint16_t nb);

/* C only */

/* The mapped address of `len` bytes at guest address `addr`, all in one region; NULL for any other.
 */
static ALWAYS_INLINE uint8_t *vhost_translate(
        const struct vhost_memory *memory, uint64_t addr, uint64_t len, uint64_t *room)
{
	for (uint32_t i = 0; i < memory->nb_regions; i++) {
		const struct vhost_region *region = &memory->regions[i];
		uint64_t offset = addr - region->guest_addr;

		/* no sum can wrap: offset < size first, then what is left */
		if (likely(offset < region->size && len <= region->size - offset)) {
			*room = region->size - offset;
			return region->host + offset;
		}
	}
	return NULL;
}

#endif
