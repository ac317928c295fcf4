#ifndef VHOST_VHOST_H
#define VHOST_VHOST_H
#include "drivers/vhost/inflight.h"
#include "drivers/vnet.h"
#include "drivers/vring.h"
#include "eal/doorbell.h"
#include "eal/mempool.h"
#include "ethdev/ethdev.h"

#define VHOST_MAX_REGIONS 8

/* What is wrong with a chain that is used up unread and unwritten. */
enum vhost_bad_chain {
	VHOST_CHAIN_OK,
	VHOST_BAD_HEAD,      /* it begins beyond the ring */
	VHOST_BAD_NEXT,      /* it goes on beyond its table */
	VHOST_BAD_COUNT,     /* more buffers than the ring has descriptors: perhaps it loops */
	VHOST_BAD_ADDRESS,   /* a buffer, or a table, outside of the memory */
	VHOST_BAD_DIRECTION, /* to be written where it should be read, or the other way round */
	VHOST_BAD_TABLE,     /* an indirect table where none may be, or of such a length */
	VHOST_BAD_FRAME,     /* nothing behind the header, or more than any frame has */
};

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

/* The dirty log of a migration: bit n is set when page n of the guest's memory was written. */
struct vhost_log {
	uint8_t *bits;
	uint64_t size; /* bytes; pages beyond are not logged */
};

#define VHOST_LOG_PAGE 4096
#define VHOST_NO_LOG   (~0ULL) /* nobody asked */

/* The device's side of a virtqueue, split or packed. Python fills in what stands above the counters
 * and changes it only while `enabled` is 0 and every lcore has passed since. */
struct vhost_virtqueue {
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *packed; /* a packed ring has these three instead */
	const struct vring_packed_event *driver_event;
	struct vring_packed_event *device_event;
	struct vhost_memory *memory;
	struct mempool *pool;  /* where received packets go */
	struct mempool *large; /* and those longer than an mbuf; or NULL */
	uint64_t *used_shadow; /* MAX_RING_SIZE: what the used ring holds, to be compared with */
	struct vhost_log *log; /* where written pages are marked; NULL while nobody asks */
	uint64_t log_used;  /* log address of the used ring, or of the packed ring; NO_LOG: none */
	uint64_t log_event; /* the same of a packed ring's device event */
	struct inflight_split *inflight_split; /* notes for who comes after us; NULL: nobody asks */
	struct inflight_packed *inflight_packed;
	uint32_t enabled;   /* Python writes, lcore reads */
	uint32_t announces; /* Python sets, lcore clears: `announcement` is to be received */
	int32_t call_fd;    /* an eventfd, or -1 */
	uint16_t size;
	uint16_t port_id;
	uint16_t hdr_size;
	uint16_t mergeable;
	uint16_t event_idx;
	uint16_t is_packed;
	uint16_t in_order; /* chains are used up in order, and the driver knows */
	uint16_t tracked;  /* what is written is told besides: track.h */
	uint16_t no_kicks; /* the driver has no eventfd for them: the ring must be polled */
	uint16_t discards; /* started but disabled: what is transmitted is used up unread */
	struct vnet_offload offload;

	/* lcore writes, console reads */
	uint16_t last_avail; /* packed: the place that comes next, and that lap's parity */
	uint16_t avail_seen; /* split: the driver's index as it was last read */
	uint16_t used_idx;
	uint16_t wrap;
	uint16_t unsettled;   /* entries that were published and not settled (vring.h) */
	uint16_t nb_inflight; /* packed: descriptors that are noted to be in hand */
	uint64_t inflight_counter;
	uint32_t fault; /* enum vring_fault */
	uint64_t calls;
	uint64_t calls_suppressed;
	uint64_t bad_chains;
	uint32_t bad_chain;   /* enum vhost_bad_chain: the last one */
	uint64_t bad_headers; /* headers whose wishes cannot be, and were not heeded */
	struct queue_stats stats;

	uint8_t announcement[64]; /* Python writes while `announces` is 0 */
} ALIGNED(64);

#define VHOST_MAX_RING_SIZE 32768

/* Take the ring up at `index`, both ends alike; a used ring's old contents count as unknown. For a
 * packed ring bit 15 is the wrap counter (vhost-user, VHOST_USER_SET_VRING_BASE). */
void vhost_virtqueue_start(struct vhost_virtqueue *vq, uint16_t index);

/* Where the ring stands, as vhost_virtqueue_start takes it. */
uint16_t vhost_virtqueue_index(const struct vhost_virtqueue *vq);

/* Let lcores serve the ring, or not; whoever turns it off waits for them besides. */
void vhost_virtqueue_enable(struct vhost_virtqueue *vq, bool on);

/* Have `announcement` received before anything else that comes. */
void vhost_virtqueue_announce(struct vhost_virtqueue *vq);

/* Rx and Tx bursts; `queue` is a struct vhost_virtqueue. What the front-end transmits we receive.
 * Which kind of ring it has turns out when it comes, so the burst looks. */
uint16_t vhost_rx_burst(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t vhost_tx_burst(void *queue, struct mbuf **pkts, uint16_t nb);

/* Chains that wait to be taken, of a packed ring their descriptors; an lcore may be at work, so it
 * is only about right. */
uint16_t vhost_virtqueue_nb_waiting(const struct vhost_virtqueue *vq);

/* The receive interrupts of a queue (struct rx_intr); one whose ring is not served has none. */
bool vhost_intr_enable(void *queue);
void vhost_intr_disable(void *queue);

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
