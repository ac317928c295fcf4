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

#define PACKED_PENDING 64

/* Descriptors on their way to the device. The device waits at the first of them, so it sees none
 * before that one's flags are written, and that is done last: a burst becomes visible as a whole.
 * The others are held back too, and then written from the last to the first, because the device
 * keeps reading the line of the first: written one by one in ring order, that line would go to and
 * fro between the cores with each of them. */
struct packed_batch {
	struct vring_packed_desc first;
	struct vring_packed_desc pending[PACKED_PENDING];
	uint16_t place;      /* of the first */
	uint16_t next_place; /* of the first that is pending */
	uint16_t nb_pending;
	uint16_t nb; /* in all */
};

static ALWAYS_INLINE void packed_batch_begin(struct virtqueue *vq, struct packed_batch *batch)
{
	batch->place = vq->avail_idx;
	batch->nb_pending = 0;
	batch->nb = 0;
}

/* Write those behind the first, from the last on. They are no more than the ring has places, unless
 * the device says that it used what it was not shown yet. */
static ALWAYS_INLINE void packed_batch_flush(struct virtqueue *vq, struct packed_batch *batch)
{
	uint32_t place = (uint32_t)batch->next_place + batch->nb_pending;

	while (unlikely(place > vq->size))
		place -= vq->size;
	for (uint16_t i = batch->nb_pending; i-- > 0;) {
		place = (likely(place) ? place : vq->size) - 1;
		vq->packed[place] = batch->pending[i];
	}
	batch->nb_pending = 0;
}

/* The next descriptor of the ring. */
static ALWAYS_INLINE void packed_put(struct virtqueue *vq, struct packed_batch *batch,
        const uint8_t *at, uint32_t len, uint16_t id, uint16_t flags)
{
	struct vring_packed_desc desc = {(uint64_t)(uintptr_t)at, len, id,
	        (uint16_t)(flags | vring_packed_avail(vq->avail_wrap))};

	if (batch->nb++ == 0) {
		batch->first = desc;
	} else {
		if (unlikely(batch->nb_pending == PACKED_PENDING))
			packed_batch_flush(vq, batch);
		if (batch->nb_pending == 0)
			batch->next_place = vq->avail_idx;
		batch->pending[batch->nb_pending++] = desc;
	}
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
void packed_publish(struct virtqueue *vq, struct packed_batch *batch);

#endif
