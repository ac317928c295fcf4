#ifndef VIRTIO_VIRTQUEUE_H
#define VIRTIO_VIRTQUEUE_H
#include "drivers/vring.h"
#include "eal/doorbell.h"
#include "eal/iova.h"
#include "eal/mempool.h"
#include "ethdev/ethdev.h"

/* Receive buffers begin this far into an mbuf, so that net header and Ethernet header share a cache
 * line. */
#define VIRTQUEUE_RX_OFFSET 64

/* What the driver keeps for one descriptor; never in shared memory, so that the device cannot
 * change it. */
struct virtqueue_slot {
	struct mbuf *mbuf; /* of a chain's head, while it is outstanding; NULL else */
	uint16_t nb_descs; /* of a chain's head */
	uint16_t next;     /* the chain's next descriptor */
	uint32_t len;      /* bytes that the descriptor offers */
};

/* Transmit: what goes before a packet's bytes when there is no room before them or they are not
 * ours to write: the net header, and a copy of the packet's first bytes. */
struct virtqueue_header {
	uint8_t bytes[256];
};

/* What is to be done with packets besides moving them: received ones are looked at only if any of
 * these is set, and may be on a queue of any kind; requests of sent ones are heeded only if their
 * bit is. */
enum virtqueue_offload {
	VIRTQUEUE_RX_CSUM = 1,  /* the net header may tell of checksums */
	VIRTQUEUE_RX_LRO = 2,   /* and of packets made of several */
	VIRTQUEUE_RX_HASH = 4,  /* and of hashes */
	VIRTQUEUE_RX_STRIP = 8, /* a tag goes from the frame into the mbuf */
	VIRTQUEUE_TX_CSUM = 16,
	VIRTQUEUE_TX_TSO = 32,
};

/* The driver's side of a virtqueue, split or packed. Python fills in what stands above the
 * counters, sets up the ring's memory, and changes neither while an lcore polls the queue. */
struct virtqueue {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *packed; /* a packed ring has these three instead */
	struct vring_packed_event *driver_event;
	struct vring_packed_event *device_event; /* the device writes */
	struct virtqueue_slot *slots;            /* size of them, by descriptor id */
	uint16_t *free_ids; /* size of them: a ring of the descriptors that are not outstanding */
	uint16_t *avail_shadow; /* what the avail ring holds, to be compared with, not read back */
	struct vring_desc
	        *indirect; /* size tables of VIRTQUEUE_INDIRECT_MAX, shared; NULL: not agreed */
	struct virtqueue_header *headers; /* transmit: size of them, shared */
	const struct iova_map *iova;      /* NULL: the device sees our addresses */
	struct mempool *pool;             /* receive: where buffers come from */
	uint16_t size;                    /* split: a power of two */
	uint16_t id_mask; /* of free_ids, whose length is the power of two not below size */
	uint16_t port_id;
	uint16_t hdr_size;    /* 10, 12 or 20 */
	uint16_t free_thresh; /* receive: refill when so many are free; transmit: reclaim below so
	                         many */
	uint16_t event_idx;   /* whether avail_event and used_event are in force */
	uint16_t offloads;    /* enum virtqueue_offload; Python writes STRIP while lcores run */

	/* lcore writes, console reads */
	uint16_t avail_idx; /* packed: places in the ring, and the lap's parity */
	uint16_t used_cons;
	uint16_t used_seen; /* split: the device's index as it was last read */
	uint16_t avail_wrap;
	uint16_t used_wrap;
	uint16_t nb_places;  /* packed: descriptors that are not outstanding */
	uint16_t batch_open; /* in order: one used element told of a batch that is not all taken yet
	                      */
	uint16_t batch_last; /* its last id */
	uint32_t batch_len;  /* and that one's length */
	uint16_t free_head;  /* free_ids: taken from here */
	uint16_t free_tail;  /* and given back here */
	uint16_t unsettled;  /* entries that were published and not settled (vring.h) */
	uint32_t fault;      /* enum vring_fault */
	uint64_t kicks;
	uint64_t kicks_suppressed;
	struct queue_stats stats;

	/* Python arms and disarms it while lcores run; read when a kick is due */
	struct doorbell doorbell;
} ALIGNED(64);

#define VIRTQUEUE_INDIRECT_MAX 8

/* A ring with nothing outstanding and nothing published; every id free. The shared ring is cleared.
 */
void virtqueue_reset(struct virtqueue *vq);

/* Forget the fault: lcores, which leave a broken queue alone, may use it again. */
void virtqueue_mend(struct virtqueue *vq);

/* Have bursts leave the queue alone, until virtqueue_mend. */
void virtqueue_halt(struct virtqueue *vq);

/* Send one packet on a transmit queue that was halted and that no burst is inside of any more, and
 * let bursts use it again: whether it was taken. */
bool virtqueue_inject(struct virtqueue *vq, tx_burst_t burst, struct mbuf *m);

/* Post every free descriptor as a receive buffer: how many were. */
uint16_t virtqueue_refill(struct virtqueue *vq);

/* Take back the mbufs of every outstanding descriptor and free them: how many packets. The device
 * must be gone. */
uint16_t virtqueue_drain(struct virtqueue *vq);

/* How many descriptors the device is done with that were not taken back yet, whatever the layout;
 * lcores may be at work, so it is only about right. */
uint16_t virtqueue_nb_done(const struct virtqueue *vq, bool in_order);

/* Free up to `most` packets that the device has sent: how many were. No lcore may be polling. */
uint16_t virtqueue_free_sent(struct virtqueue *vq, uint16_t most, bool in_order);

/* The receive interrupts of a queue of either layout (struct rx_intr); a broken one has none. */
bool virtqueue_intr_enable(void *queue);
void virtqueue_intr_disable(void *queue);

/* Rx and Tx callbacks of split rings; `queue` is a struct virtqueue. */
uint16_t virtio_recv_pkts(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_mergeable_pkts(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_mergeable_pkts_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_inorder(void *queue, struct mbuf **pkts, uint16_t nb);

/* The same for packets of one buffer and no offload, several at a time: with the vectors that every
 * machine of the kind has, with 256 bits and with 512 (lcore_simd_width). */
uint16_t virtio_recv_pkts_vec(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_vec_256(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_vec_512(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_vec_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_vec_256_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_vec_512_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_simple(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_simple_256(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_simple_512(void *queue, struct mbuf **pkts, uint16_t nb);

/* C only */
static_assert(MBUF_HEADROOM >= sizeof(struct virtio_net_hdr_hash), "headroom for any net header");
static_assert(VIRTQUEUE_RX_OFFSET >= sizeof(uint32_t),
        "and what was received in one has room for its own and a tag when it is sent on");

static ALWAYS_INLINE uint16_t virtqueue_nb_free(const struct virtqueue *vq)
{
	return (uint16_t)(vq->free_tail - vq->free_head);
}

static ALWAYS_INLINE uint16_t virtqueue_nb_outstanding(const struct virtqueue *vq)
{
	return (uint16_t)(vq->size - virtqueue_nb_free(vq));
}

static ALWAYS_INLINE uint16_t virtqueue_take_id(struct virtqueue *vq)
{
	return vq->free_ids[vq->free_head++ & vq->id_mask];
}

static ALWAYS_INLINE void virtqueue_give_id(struct virtqueue *vq, uint16_t id)
{
	vq->free_ids[vq->free_tail++ & vq->id_mask] = id;
}

/* Offer the chain that starts at `id` in the next avail slot, not yet published. A device that
 * works in order gives ids back in the order it got them, so each slot keeps its id turn after
 * turn: then the line is left alone and stays in the device's cache. */
static ALWAYS_INLINE void virtqueue_offer(struct virtqueue *vq, uint16_t id)
{
	uint16_t slot = vq->avail_idx++ & (vq->size - 1);

	if (unlikely(vq->avail_shadow[slot] != id)) {
		vq->avail_shadow[slot] = id;
		store_relaxed(&vq->avail->ring[slot], id);
	}
}

/* What the device has used and we have not taken. Its index is read again only when less than
 * `wanted` is known of, because its line comes from the device's core each time. The fault is set
 * and 0 returned when that cannot be. */
static ALWAYS_INLINE uint16_t virtqueue_nb_used(struct virtqueue *vq, uint16_t wanted)
{
	uint16_t nb_used = (uint16_t)(vq->used_seen - vq->used_cons);

	if (nb_used >= wanted)
		return nb_used;
	/* acquire pairs with the device's release of used.idx after it wrote the elements and the
	 * buffers */
	vq->used_seen = load_acquire(&vq->used->idx);
	nb_used = (uint16_t)(vq->used_seen - vq->used_cons);
	if (unlikely(nb_used > virtqueue_nb_outstanding(vq))) {
		vq->used_seen = vq->used_cons;
		store_relaxed(&vq->fault, (uint32_t)VRING_BAD_INDEX);
		return 0;
	}
	return nb_used;
}

/* Whether a fault was found. Nothing of the queue may be looked at before this or when it is so:
 * the control thread may be resetting it (pairs with the release in virtqueue_reset). */
static ALWAYS_INLINE bool virtqueue_is_broken(const struct virtqueue *vq)
{
	return load_acquire(&vq->fault) != VRING_OK;
}

/* The queue is at rest, or full: settle what was published (vring.h). */
NOINLINE void virtqueue_settle(struct virtqueue *vq);

/* Whether a burst of nb packets has anything to do; one of none settles the queue. */
static ALWAYS_INLINE bool virtqueue_may_burst(struct virtqueue *vq, uint16_t nb)
{
	if (unlikely(virtqueue_is_broken(vq)))
		return false;
	if (unlikely(nb == 0))
		virtqueue_settle(vq);
	return likely(nb != 0);
}

static ALWAYS_INLINE void virtqueue_fault(struct virtqueue *vq, enum vring_fault fault)
{
	store_relaxed(&vq->fault, (uint32_t)fault);
}

/* Show the device what was offered since `before`, and kick it if it wants that. */
void virtqueue_publish(struct virtqueue *vq, uint16_t before);

/* `nb` entries were published: kick the device if it wants that. */
void virtqueue_notify(struct virtqueue *vq, uint16_t nb);

#endif
