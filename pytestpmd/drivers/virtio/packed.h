#ifndef VIRTIO_PACKED_H
#define VIRTIO_PACKED_H
#include "drivers/virtio/virtqueue.h"

/* The verbs of a packed virtqueue, as virtqueue_reset and virtqueue_refill are those of a split
 * one. virtqueue_drain serves both. */
void packed_reset(struct virtqueue *vq);
uint16_t packed_refill(struct virtqueue *vq);

/* Rx and Tx callbacks of packed rings; `queue` is a struct virtqueue. */
uint16_t virtio_recv_pkts_packed(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_mergeable_pkts_packed(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_packed_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_mergeable_pkts_packed_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_packed(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_packed_inorder(void *queue, struct mbuf **pkts, uint16_t nb);

/* C only */

/* Descriptors on their way to the device, from `first` on. The device looks at them in ring order,
 * so it sees none before the first one's flags are written, and those are written last: a burst
 * becomes visible as a whole, with one store that counts. */
struct packed_batch {
	uint16_t first;
	uint16_t first_flags;
	uint16_t nb;
};

static ALWAYS_INLINE void packed_batch_begin(struct virtqueue *vq, struct packed_batch *batch)
{
	*batch = (struct packed_batch){.first = vq->avail_idx};
}

/* Write the next descriptor of the ring. */
static ALWAYS_INLINE void packed_put(struct virtqueue *vq, struct packed_batch *batch,
        const uint8_t *at, uint32_t len, uint16_t id, uint16_t flags)
{
	struct vring_packed_desc *desc = &vq->packed[vq->avail_idx];

	flags |= vring_packed_avail(vq->avail_wrap);
	desc->addr = (uint64_t)(uintptr_t)at;
	desc->len = len;
	desc->id = id;
	if (batch->nb++ == 0)
		batch->first_flags = flags;
	else
		/* release: a device that has seen the first may be right behind us */
		store_release(&desc->flags, flags);
	vq->nb_places--;
	if (unlikely(++vq->avail_idx == vq->size)) {
		vq->avail_idx = 0;
		vq->avail_wrap ^= 1;
	}
}

/* Whether the descriptor `ahead` of the next one, not further than the ring is long, was used. */
static ALWAYS_INLINE bool packed_is_used(const struct virtqueue *vq, uint16_t ahead)
{
	uint32_t at = (uint32_t)vq->used_cons + ahead;
	bool wrap = vq->used_wrap;

	if (unlikely(at >= vq->size)) {
		at -= vq->size;
		wrap = !wrap;
	}
	/* acquire pairs with the device's release of flags after it wrote id, len and buffer */
	return (load_acquire(&vq->packed[at].flags) & VRING_PACKED_STATE) ==
	       vring_packed_used(wrap);
}

/* Leave `nb_descs` of the ring behind: they may be written again. */
static ALWAYS_INLINE void packed_skip(struct virtqueue *vq, uint16_t nb_descs)
{
	uint32_t at = (uint32_t)vq->used_cons + nb_descs;

	if (unlikely(at >= vq->size)) {
		at -= vq->size;
		vq->used_wrap ^= 1;
	}
	vq->used_cons = (uint16_t)at;
	vq->nb_places += nb_descs;
}

/* Show the batch to the device, and kick it if it wants that. */
void packed_publish(struct virtqueue *vq, const struct packed_batch *batch);

#endif
